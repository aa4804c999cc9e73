"""Pools for work marked `share: true`: replicas stand on them card by card, small ones on slices of a card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner import demand, spares
from planner.candidates.bench import MOST_NODES, Bench
from planner.candidates.designs import ALONE
from planner.errors import Rejection
from planner.model import Option, Tenant
from planner.parts import NodeBuild
from planner.request import Workload


@dataclass
class Tenanted:
    """Options of pools that several workloads stand on."""

    bench: Bench
    bounded: bool = True  # no counts beyond what any single limit lets in

    def options(self, workloads: Sequence[Workload]) -> list[Option]:
        """Pools for all work marked `share: true`: one option per build, with every tenant that fits it."""
        found = []
        spare = max((w.spare_nodes for w in workloads), default=0)
        for node in self.bench.nodes:
            bundle = self.bench.node_bundle(node)
            if bundle is None:
                continue
            tenants, slices = self._tenants(workloads, node)
            if not tenants:
                continue
            high = self._most_shared(workloads, tenants, node, node.accelerators * slices)
            load = self.bench.load_of(bundle)
            if load is None:
                continue
            for low, top, count in spares.ranges(1, high, 1, spare):
                shelf = spares.spare_bundle(self.bench.catalog, self.bench.request, node, count, ())
                shelf_load = self.bench.load_of(shelf)
                if shelf_load is None:
                    continue
                found.append(
                    Option(
                        id=f"shared|{node.id}" + (f"|{low:05d}" if low > 1 else ""),
                        work="shared",
                        design_key=node.id,
                        node=node,
                        low=low,
                        high=top,
                        rate=0.0,
                        fixed=shelf_load + load.times(spare),
                        unit=load,
                        fixed_parts=((shelf, 1), (bundle, spare)),
                        unit_parts=((bundle, 1),),
                        spare_nodes=spare,
                        cards=node.accelerators * slices,
                        slices=slices,
                        tenants=tuple(tenants),
                    )
                )
        return sorted(found, key=lambda o: o.id)

    def _tenants(self, workloads: Sequence[Workload], node: NodeBuild) -> tuple[list[Tenant], int]:
        """Every replica that may stand on a node, and in how many slices its cards are counted (1: whole cards).

        Slices are all of one size and a card is a whole number of them, so packing stays exact.
        """
        sizing = self.bench.request.preferences.sizing
        whole: list[Tenant] = []
        sliced: list[Tenant] = []
        slices = 1
        for workload in workloads:
            own = self._on_cards(workload, node)
            whole += own
            part = demand.slice_replica(workload, node, self.bench.catalog, sizing) if own else None
            if part is not None:
                slices = part.slices
                sliced.append(Tenant(workload.name, 1, part.rate.planning, part.precision))
        return [*sliced, *(replace(t, cards=t.cards * slices) for t in whole)], slices

    def _on_cards(self, workload: Workload, node: NodeBuild) -> list[Tenant]:
        """Replicas on whole cards."""
        accelerators = self.bench.catalog.expand_accelerator(workload.accelerator) if workload.accelerator else None
        if accelerators is not None and node.accelerator not in accelerators:
            return []
        replicas = demand.replicas(workload, node, ALONE, self.bench.catalog, self.bench.request.preferences.sizing)
        if isinstance(replicas, Rejection):
            self.bench.rejections.append(replicas)
            return []
        best: dict[int, Tenant] = {}
        for replica in replicas:
            # Replicas of more than one card stay aligned: their size divides the node, so packing cards is exact.
            if replica.cards is None or node.accelerators % replica.cards:
                continue
            tenant = Tenant(workload.name, replica.cards, replica.rate.planning, replica.precision)
            if replica.cards not in best or tenant.rate > best[replica.cards].rate:
                best[replica.cards] = tenant
        return _chain([best[k] for k in sorted(best)])

    def _most_shared(
        self, workloads: Sequence[Workload], tenants: Sequence[Tenant], node: NodeBuild, per_node: int
    ) -> int:
        cards = 0
        for workload in workloads:
            own = [t for t in tenants if t.work == workload.name]
            need = demand.target(workload).value
            if own and need is not None:
                cards += max(math.ceil(need / t.rate) * t.cards for t in own)
        most = self.bench.most_by_limits(node) if self.bounded else MOST_NODES
        most_wanted = self.bench.request.objective == "highest_performance" or any(w.maximise for w in workloads)
        if self.bounded and most_wanted:
            return max(1, most)  # as much as the limits let in, not what is asked
        return max(1, min(most, math.ceil(cards / per_node) + 1))


def _chain(tenants: list[Tenant]) -> list[Tenant]:
    """Keep tenant sizes that divide one another, so that cards never fragment; the smallest sizes win."""
    kept: list[Tenant] = []
    for tenant in tenants:
        if all(tenant.cards % k.cards == 0 for k in kept):
            kept.append(tenant)
    return kept
