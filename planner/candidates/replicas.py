"""Work counted in replicas (inference, throughput): integer options, of which the program may mix several."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner import demand, spares
from planner.bundles import repeat
from planner.candidates.bench import MOST_NODES, Bench
from planner.candidates.designs import Fabrics, fabric_id, ports_of, replace_link, standing
from planner.dominance import no_worse
from planner.errors import Rejection
from planner.model import Bundle, Load, Option, Work
from planner.parts import FabricLink, NodeBuild
from planner.request import Workload


@dataclass(frozen=True, slots=True)
class Unit:
    """One replica arrangement: `nodes` nodes of a build that deliver `rate`; `load` without any fabric."""

    node: NodeBuild
    bundle: Bundle
    link: FabricLink
    nodes: int
    rate: float
    precision: str
    load: Load


@dataclass
class Replicated:
    """Options of replicas in one node, and of replicas that span a few nodes on an island of one switch."""

    bench: Bench
    fabrics: Fabrics
    bounded: bool = True  # no counts beyond what any single limit lets in; False to ask what other limits would need

    def options(self, workload: Workload, work: Work) -> list[Option]:
        """Options of work counted in replicas. Replicas in one node come first: they may make wider ones pointless."""
        every = [u for node in self.bench.nodes for u in self._units(workload, node)]
        units = _best_units(_one_width(every, work.target), self.bench.spares_no_worse)
        alone = [u for u in units if u.link.technology is None]
        found: list[Option] = []
        for unit in units:
            if unit.link.technology is not None and any(
                _replaces(other, unit) and self.bench.spares_no_worse(other.node, unit.node) for other in alone
            ):
                continue
            found += self._replicated(workload, work, unit)
        return sorted(found, key=lambda o: o.id)

    def _units(self, workload: Workload, node: NodeBuild) -> list[Unit]:
        """The best replica arrangement per number of nodes that one replica spans."""
        bundle = self.bench.admitted(workload, node)
        load = None if bundle is None else self.bench.load_of(bundle)
        if bundle is None or load is None:
            return []
        found: list[Unit] = []
        for link in self.fabrics.links(node):
            if link.technology is None and node.fabric_units > 1:
                continue
            replicas = demand.replicas(workload, node, link, self.bench.catalog, self.bench.request.preferences.sizing)
            if isinstance(replicas, Rejection):
                self.bench.rejections.append(replicas)
                continue
            best: dict[int, Unit] = {}
            for replica in replicas:
                per_node = node.accelerators // replica.cards if replica.cards is not None else 1
                nodes = 1 if replica.cards is not None else replica.nodes or 1
                if (nodes > 1 or node.fabric_units > 1) != (link.technology is not None):
                    continue
                rate = replica.rate.planning * per_node
                if rate > 0 and (nodes not in best or rate > best[nodes].rate):
                    best[nodes] = Unit(node, bundle, link, nodes, rate, replica.precision, load.times(nodes))
            found += [best[k] for k in sorted(best)]
        return found

    def _replicated(self, workload: Workload, work: Work, one: Unit) -> list[Option]:
        node, bundle, link, unit, rate = one.node, one.bundle, one.link, one.nodes, one.rate
        most = max(1, (self.bench.most_by_limits(node) if self.bounded else MOST_NODES) // unit)
        if work.target is not None and not (self.bounded and self.bench.request.objective == "highest_performance"):
            most = min(most, math.ceil(work.target / rate))
        spare = workload.spare_nodes
        found: list[Option] = []
        node_load = self.bench.load_of(bundle)
        if node_load is None:
            return found
        for design in self.fabrics.brackets(node, link, unit, most, spare):
            cable_load, fabric_load = self.bench.load_of(design.per_node), self.bench.load_of(design.fixed)
            if cable_load is None or fabric_load is None:
                continue
            each = node_load + cable_load
            for low, high, nodes in spares.ranges(design.low, design.high, unit, spare):
                shelf = spares.spare_bundle(
                    self.bench.catalog, self.bench.request, node, nodes, (design.fixed, repeat(design.per_node, nodes))
                )
                shelf_load = self.bench.load_of(shelf)
                if shelf_load is None:
                    continue
                made = Option(
                    id=f"{workload.name}|{node.id}|{fabric_id(design)}|x{unit}|{low:05d}",
                    work=workload.name,
                    design_key=f"{node.id}|{fabric_id(design)}|x{unit}",
                    node=node,
                    low=low,
                    high=high,
                    rate=rate,
                    fixed=fabric_load + each.times(spare) + shelf_load,
                    unit=each.times(unit),
                    fixed_parts=((design.fixed, 1), (bundle, spare), (design.per_node, spare), (shelf, 1)),
                    unit_parts=((bundle, unit), (design.per_node, unit)),
                    nodes_per_unit=unit,
                    spare_nodes=spare,
                    switch=design.switch,
                    topology=design.topology,
                    link=replace_link(link, design),
                    precision=one.precision,
                    media=design.media,
                )
                found.append(standing(made, design) if design.pods else made)
        return found


def _replaces(alone: Unit, wide: Unit) -> bool:
    """Whether some whole number of single-node units does the work of a wide one and is no worse in every cost."""
    times = math.ceil(wide.rate / alone.rate - 1e-12)
    return times <= wide.nodes and no_worse(alone.load.times(times), wide.load)


def _best_units(units: Sequence[Unit], spares_no_worse: Callable[[NodeBuild, NodeBuild], bool]) -> list[Unit]:
    """Arrangements that no other on the same kind of fabric beats in rate and every cost."""
    kept: dict[tuple[object, ...], list[Unit]] = {}
    for unit in sorted(units, key=lambda u: (u.load.capital, -u.rate, u.node.id)):
        rivals = kept.setdefault((ports_of(unit.node) if unit.link.technology else None, unit.link.technology), [])
        if not any(
            o.nodes == unit.nodes
            and o.rate >= unit.rate
            and no_worse(o.load, unit.load)
            and spares_no_worse(o.node, unit.node)
            for o in rivals
        ):
            rivals.append(unit)
    return [u for rivals in kept.values() for u in rivals]


def _one_width(units: Sequence[Unit], asked: float | None) -> list[Unit]:
    """Per build the width of replica that meets the demand with the fewest nodes (of equals the narrower).

    A service is not run in two widths on the same build: its lines could not be told apart, and nobody operates it so.
    """
    best: dict[str, tuple[float, int]] = {}
    for unit in units:
        need = unit.nodes / unit.rate if asked is None else float(unit.nodes * math.ceil(asked / unit.rate))
        best[unit.node.id] = min(best.get(unit.node.id, (math.inf, 0)), (need, unit.nodes))
    return [u for u in units if best[u.node.id][1] == u.nodes]
