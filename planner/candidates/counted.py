"""Work that must run on one kind of node (training, HPC, capacity): one option per build, fabric and count."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from planner import demand, spares
from planner.candidates.bench import MOST_NODES, Bench
from planner.candidates.designs import ALONE, Fabrics, carries_fabric, fabric_id, no_fabric, replace_link
from planner.catalog import Catalog
from planner.dominance import Frontier
from planner.errors import Rejection
from planner.model import Bundle, Load, Option, Work
from planner.parts import FabricLink, NodeBuild
from planner.request import Workload

_NOTHING = Load()
SCOUTED_WHOLE = 96  # up to so many nodes every count of an eager build is scouted at once
SCOUTED_STEP = 0.94  # from one count of a scouted build to the next
SCOUTED_NODES = 64  # a build that cannot do maximised work with this many nodes is not scouted further


@dataclass
class Counted:
    """Options whose count is known from the demand, or every count worth trying where work is maximised."""

    bench: Bench
    fabrics: Fabrics
    pruning: bool = True
    floors: dict[str, float] = field(default_factory=dict)  # rates of maximised work that a plan is known to reach
    eager: frozenset[str] | None = None  # builds whose every count is tried while scouting; None: all
    coarse: bool = False  # whether scouting left counts of eager builds out

    def options(self, workload: Workload, work: Work) -> list[Option]:
        """All options of one workload, unpruned, in id order."""
        frontier = Frontier(self.bench.ignore)
        found: list[Option] = []
        for node in self.bench.nodes:
            bundle = self.bench.admitted(workload, node)
            if bundle is not None:
                found += self._one(workload, work, node, bundle, frontier)
        return sorted(found, key=lambda o: o.id)

    def _one(self, workload: Workload, work: Work, node: NodeBuild, bundle: Bundle, frontier: Frontier) -> list[Option]:
        if workload.kind == "capacity" and not self._enough_bandwidth(node, workload):
            message = f"{node.id} brings less than {reference_gbps(self.bench.catalog, node):g} Gbit/s per accelerator"
            self.bench.reject(node.id, "fabric-bandwidth", message)
            return []
        # With something to maximise, everything else only needs to be met.
        request = self.bench.request
        ratio = request.objective == "highest_performance" and not any(w.maximise for w in request.workloads)
        every_count = work.maximise or ratio
        found = []
        for link in self.fabrics.links(node):
            count = self._count(workload, work, node, link, every_count)
            if isinstance(count, Rejection):
                self.bench.rejections.append(count)
                continue
            counts: Iterable[int] = (count,)
            if every_count:
                counts = self._worth_trying(workload, node, link, count)
            found += self._counted(workload, node, bundle, link, counts, frontier)
        return found

    def _worth_trying(self, workload: Workload, node: NodeBuild, link: FabricLink, most: int) -> Iterable[int]:
        """Counts of a build for work that is maximised.

        Scouting: of the eager builds counts some percent apart, then all that reach what those reached; of others the
        smallest that works (it decides whether there is any plan at all). Afterwards of every build: from the most
        downwards while the rate reaches what scouting found. More nodes never rate lower (`demand.rate`).
        """
        floor = self.floors.get(workload.name)
        if floor is not None and (self.eager is None or node.id in self.eager):
            counts = (1,) if link.technology is None else range(most, 0, -1)  # without a fabric there is but one node
            return list(itertools.takewhile(lambda n: self._rate(workload, node, link, n) >= floor, counts))
        if self.eager is None:
            return range(1, most + 1)
        if node.id in self.eager:
            if most <= SCOUTED_WHOLE:
                return range(1, most + 1)
            self.coarse = True
            return _apart(most)
        tried = range(1, min(most, SCOUTED_NODES) + 1)
        first = next((n for n in tried if self._rate(workload, node, link, n) > 0), None)
        return () if first is None else (first,)

    def _rate(self, workload: Workload, node: NodeBuild, link: FabricLink, count: int) -> float:
        """Planning rate, 0 where the build cannot do it."""
        if (count == 1 and node.fabric_units == 1) != (link.technology is None):
            return 0.0 if link.technology is None else self._rate(workload, node, ALONE, count)
        found = demand.rate(workload, node, link, count, self.bench.catalog, self.bench.request.preferences.sizing)
        return 0.0 if isinstance(found, Rejection) else found.planning

    def most_promising(self, workload: Workload, few: int) -> frozenset[str]:
        """Ids of the builds that reach most for this work when they have the whole site to themselves."""
        reached: list[tuple[float, str]] = []
        for node in self.bench.nodes:
            if self.bench.admitted(workload, node) is None:
                continue
            most = min(MOST_NODES, self.bench.most_by_limits(node))
            best = max((self._rate(workload, node, link, most) for link in self.fabrics.links(node)), default=0.0)
            reached.append((-best, node.id))
        return frozenset(name for _, name in sorted(reached)[:few])

    def _enough_bandwidth(self, node: NodeBuild, workload: Workload) -> bool:
        """Whether a bare capacity order gets the reference bandwidth per accelerator, or needs no fabric at all."""
        if workload.count is not None and workload.count <= node.accelerators and node.fabric_units == 1:
            return True
        given = node.compute_ports * node.compute_gbps / node.accelerators
        most = max(
            n.compute_ports * n.compute_gbps / n.accelerators
            for n in self.bench.nodes
            if n.accelerator == node.accelerator and n.accelerators == node.accelerators
        )
        return carries_fabric(node) and given >= min(reference_gbps(self.bench.catalog, node), most)

    def _count(
        self, workload: Workload, work: Work, node: NodeBuild, link: FabricLink, every_count: bool
    ) -> int | Rejection:
        most = min(MOST_NODES, self.bench.most_by_limits(node))
        if every_count:
            if workload.count is not None:
                most = min(most, math.ceil(workload.count / node.accelerators))
            return most
        return demand.smallest_count(
            workload,
            node,
            link,
            self.bench.catalog,
            self.bench.request.preferences.sizing,
            most=MOST_NODES if self.bench.beyond is None else most,
        )

    def _counted(
        self,
        workload: Workload,
        node: NodeBuild,
        bundle: Bundle,
        link: FabricLink,
        counts: Iterable[int],
        frontier: Frontier,
    ) -> list[Option]:
        """Options of one build at each count. What is superfluous even without its fabric is dropped at once."""
        found: list[Option] = []
        unit = self.bench.load_of(bundle)
        if unit is None:
            return found
        spare = workload.spare_nodes
        for count in counts:
            single = count == 1 and node.fabric_units == 1
            if single != (link.technology is None):
                continue
            total = count + spare  # spare nodes plug in as well
            rate = demand.rate(workload, node, link, count, self.bench.catalog, self.bench.request.preferences.sizing)
            if isinstance(rate, Rejection):
                self.bench.rejections.append(rate)
                continue
            bare = Option(
                id=f"{workload.name}|{node.id}|",
                work=workload.name,
                design_key="",
                node=node,
                low=1,
                high=1,
                rate=rate.planning,
                fixed=unit.times(total),
                unit=_NOTHING,
                linear=False,
            )
            if self.pruning and frontier.beats(bare):
                continue
            for design in [no_fabric()] if single else self.fabrics.exact(node, link, total, workload):
                fabric_load = self.bench.load_of(design.fixed)
                if fabric_load is None:
                    continue
                extra = spares.spare_bundle(self.bench.catalog, self.bench.request, node, total, (design.fixed,))
                spare_load = self.bench.load_of(extra)
                if spare_load is None:
                    continue
                option = replace(
                    bare,
                    id=f"{workload.name}|{node.id}|{fabric_id(design)}|{count:05d}",
                    design_key=f"{node.id}|{fabric_id(design)}|{count}",
                    fixed=bare.fixed + fabric_load + spare_load,
                    fixed_parts=((bundle, total), (design.fixed, 1), (extra, 1)),
                    nodes_per_unit=count,
                    spare_nodes=spare,
                    switch=design.switch,
                    topology=design.topology,
                    link=replace_link(link, design),
                    precision=rate.precision,
                )
                if self.pruning:
                    if frontier.beats(option):
                        continue
                    frontier.add(option)
                found.append(option)
        return found


def _apart(most: int) -> list[int]:
    """Counts from the most to one, each `SCOUTED_STEP` of the one before or one less."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(min(counts[-1] - 1, math.ceil(counts[-1] * SCOUTED_STEP)))
    return counts


def reference_gbps(catalog: Catalog, node: NodeBuild) -> float:
    """Fabric bandwidth per accelerator that a bare capacity order is planned with, Gbit/s.

    One port at the speed of the accelerator's own bus (reference designs 2-8-9-400, 2-8-5-200): 400 for PCIe 5 and
    later, 200 before; half of it for PCIe cards.
    """
    accelerator = catalog.accelerators[node.accelerator]
    speed = 400.0 if (accelerator.pcie_gen or 0) >= 5 else 200.0
    return speed / 2 if catalog.chassis[node.chassis].category == "pcie" else speed
