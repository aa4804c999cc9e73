"""Candidates: for each workload every buildable node × fabric × count, priced exactly and pruned by dominance.

Work that must run on one kind of node (training, HPC, capacity) gets options whose count is known from its demand.
Work counted in replicas (inference, throughput) gets integer options; the program may mix them. Work marked
`share: true` gets pools on which replicas stand card by card.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from planner import demand, fabric, site, spares, storage_need
from planner.bundles import Pricer, admitted_software, merge, node_bundle, repeat, seeds
from planner.catalog import Catalog
from planner.dominance import Frontier, no_worse
from planner.errors import Rejection
from planner.model import Bundle, LineSeed, Load, Option, Shape, Tenant, Work
from planner.parts import FabricLink, NodeBuild, Technology
from planner.request import Request, Workload

# Above this many nodes of one pool nothing is enumerated; the largest published fat tree of three tiers is below it.
MOST_NODES = 8192


_NOTHING = Load()
_ALONE = FabricLink(technology=None, gbps_per_node=0.0)
SCOUTED_WHOLE = 96  # up to so many nodes every count of an eager build is scouted at once
SCOUTED_STEP = 0.94  # from one count of a scouted build to the next
SCOUTED_NODES = 64  # a build that cannot do maximised work with this many nodes is not scouted further


@dataclass(frozen=True, slots=True)
class Design:
    """A compute fabric for a given number of nodes, as a bundle: switches, optics, cables, racked shapes."""

    switch: str | None
    technology: Technology | None
    topology: str
    oversubscription: float
    fixed: Bundle
    per_node: Bundle
    low: int
    high: int


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


def _apart(most: int) -> list[int]:
    """Counts from the most to one, each `SCOUTED_STEP` of the one before or one less."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(min(counts[-1] - 1, math.ceil(counts[-1] * SCOUTED_STEP)))
    return counts


def _replaces(alone: Unit, wide: Unit) -> bool:
    """Whether some whole number of single-node units does the work of a wide one and is no worse in every cost."""
    times = math.ceil(wide.rate / alone.rate - 1e-12)
    return times <= wide.nodes and no_worse(alone.load.times(times), wide.load)


def _best_units(units: Sequence[Unit], spares_no_worse: Callable[[NodeBuild, NodeBuild], bool]) -> list[Unit]:
    """Arrangements that no other on the same kind of fabric beats in rate and every cost."""
    kept: dict[tuple[object, ...], list[Unit]] = {}
    for unit in sorted(units, key=lambda u: (u.load.capital, -u.rate, u.node.id)):
        rivals = kept.setdefault((_ports(unit.node) if unit.link.technology else None, unit.link.technology), [])
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


@dataclass
class Generator:
    """Builds options for one request; remembers fabrics, node bundles and why things were left out."""

    catalog: Catalog
    request: Request
    pricer: Pricer
    nodes: Sequence[NodeBuild]
    ignore: frozenset[str] = frozenset()  # coefficients that this model has nowhere, for dominance
    pruning: bool = True
    bounded: bool = True  # no counts beyond what any single limit lets in; False to ask what other limits would need
    floors: dict[str, float] = field(default_factory=dict)  # rates of maximised work that a plan is known to reach
    beyond: frozenset[str] | None = None  # builds to leave out, and counts beyond any one limit with them; None: none
    eager: frozenset[str] | None = None  # builds whose every count is tried while scouting; None: all
    coarse: bool = False  # whether scouting left counts of eager builds out
    rejections: list[Rejection] = field(default_factory=list)
    _bundles: dict[str, Bundle | None] = field(default_factory=dict)
    # Keyed by identity; the bundle is kept beside its load so that the identity stays its own.
    _loads: dict[int, tuple[Bundle, Load | None]] = field(default_factory=dict)
    _designs: dict[tuple[object, ...], list[Design]] = field(default_factory=dict)
    _switches: dict[tuple[str, float], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._storage = storage_need.checkpoint_speed(self.catalog, self.request)

    def options(self, workload: Workload, works: Sequence[Work]) -> list[Option]:
        """All options of one workload, unpruned, in id order."""
        work = next(w for w in works if w.name == workload.name)
        if work.mode == "mix":
            return self.mixed(workload, work)
        frontier = Frontier(self.ignore)
        found: list[Option] = []
        for node in self.nodes:
            bundle = self._admitted(workload, node)
            if bundle is not None:
                found += self._one(workload, work, node, bundle, frontier)
        return sorted(found, key=lambda o: o.id)

    def one_node(self, node: NodeBuild) -> Load | None:
        """What one node adds, without any fabric; None where a part has no price."""
        bundle = self._node_bundle(node)
        return None if bundle is None else self._load_of(bundle)

    def _admitted(self, workload: Workload, node: NodeBuild) -> Bundle | None:
        """The lines of a node, when the workload does not name another accelerator and every part has a price."""
        if self.beyond is not None and node.id in self.beyond:
            return None
        named = workload.accelerator
        if named is not None and node.accelerator not in self.catalog.expand_accelerator(named):
            return None
        return self._node_bundle(node)

    def shared_pools(self, workloads: Sequence[Workload]) -> list[Option]:
        """Pools for all work marked `share: true`: one option per build, with every tenant that fits it."""
        found = []
        spare = max((w.spare_nodes for w in workloads), default=0)
        for node in self.nodes:
            bundle = self._node_bundle(node)
            if bundle is None:
                continue
            tenants: list[Tenant] = []
            for workload in workloads:
                tenants += self._tenants(workload, node)
            if not tenants:
                continue
            high = self._most_shared(workloads, node, tenants)
            load = self._load_of(bundle)
            if load is None:
                continue
            for low, top, count in spares.ranges(1, high, 1, spare):
                shelf = spares.spare_bundle(self.catalog, self.request, node, count, ())
                shelf_load = self._load_of(shelf)
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
                        cards=node.accelerators,
                        tenants=tuple(tenants),
                    )
                )
        return sorted(found, key=lambda o: o.id)

    def drop_outdone_builds(self) -> None:
        """Keep builds that no other of equal working power beats in every cost: rates look at nothing else."""
        alike: dict[tuple[object, ...], list[tuple[Load, NodeBuild]]] = {}
        for node in self.nodes:
            bundle = self._node_bundle(node)
            load = None if bundle is None else self._load_of(bundle)
            if load is None:
                continue
            rivals = alike.setdefault(_working_power(node), [])
            if any(no_worse(o, load, self.ignore) and self._spares_no_worse(n, node) for o, n in rivals):
                continue
            rivals[:] = [
                (o, n) for o, n in rivals if not (no_worse(load, o, self.ignore) and self._spares_no_worse(node, n))
            ]
            rivals.append((load, node))
        kept = {node.id for rivals in alike.values() for _, node in rivals}
        self.nodes = [n for n in self.nodes if n.id in kept]

    def _spares_no_worse(self, one: NodeBuild, other: NodeBuild) -> bool:
        return spares.no_worse(self.catalog, self.request, self.pricer.price_or_none, one, other)

    # -- work on one kind of node --------------------------------------------------------------------------------
    def _one(self, workload: Workload, work: Work, node: NodeBuild, bundle: Bundle, frontier: Frontier) -> list[Option]:
        if workload.kind == "capacity" and not self._enough_bandwidth(node, workload):
            message = f"{node.id} brings less than {reference_gbps(self.catalog, node):g} Gbit/s per accelerator"
            self._reject(node.id, "fabric-bandwidth", message)
            return []
        # With something to maximise, everything else only needs to be met.
        ratio = self.request.objective == "highest_performance" and not any(w.maximise for w in self.request.workloads)
        every_count = work.maximise or ratio
        found = []
        for link in self._links(node):
            count = self._count(workload, work, node, link, every_count)
            if isinstance(count, Rejection):
                self.rejections.append(count)
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
            return 0.0 if link.technology is None else self._rate(workload, node, _ALONE, count)
        found = demand.rate(workload, node, link, count, self.catalog, self.request.preferences.sizing, self._storage)
        return 0.0 if isinstance(found, Rejection) else found.planning

    def most_promising(self, workload: Workload, few: int) -> frozenset[str]:
        """Ids of the builds that reach most for this work when they have the whole site to themselves."""
        reached: list[tuple[float, str]] = []
        for node in self.nodes:
            if self._admitted(workload, node) is None:
                continue
            most = min(MOST_NODES, self._most_by_limits(node))
            best = max((self._rate(workload, node, link, most) for link in self._links(node)), default=0.0)
            reached.append((-best, node.id))
        return frozenset(name for _, name in sorted(reached)[:few])

    def _enough_bandwidth(self, node: NodeBuild, workload: Workload) -> bool:
        """Whether a bare capacity order gets the reference bandwidth per accelerator, or needs no fabric at all."""
        if workload.count is not None and workload.count <= node.accelerators and node.fabric_units == 1:
            return True
        given = node.compute_ports * node.compute_gbps / node.accelerators
        most = max(
            n.compute_ports * n.compute_gbps / n.accelerators
            for n in self.nodes
            if n.accelerator == node.accelerator and n.accelerators == node.accelerators
        )
        return _carries_fabric(node) and given >= min(reference_gbps(self.catalog, node), most)

    def _count(
        self, workload: Workload, work: Work, node: NodeBuild, link: FabricLink, every_count: bool
    ) -> int | Rejection:
        most = min(MOST_NODES, self._most_by_limits(node))
        if every_count:
            if workload.count is not None:
                most = min(most, math.ceil(workload.count / node.accelerators))
            return most
        return demand.smallest_count(
            workload,
            node,
            link,
            self.catalog,
            self.request.preferences.sizing,
            most=MOST_NODES if self.beyond is None else most,
            storage=self._storage,
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
        unit = self._load_of(bundle)
        if unit is None:
            return found
        spare = workload.spare_nodes
        for count in counts:
            single = count == 1 and node.fabric_units == 1
            if single != (link.technology is None):
                continue
            total = count + spare  # spare nodes plug in as well
            rate = demand.rate(
                workload, node, link, count, self.catalog, self.request.preferences.sizing, self._storage
            )
            if isinstance(rate, Rejection):
                self.rejections.append(rate)
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
            for design in [_no_fabric()] if single else self._fabrics(node, link, total, workload):
                fabric_load = self._load_of(design.fixed)
                if fabric_load is None:
                    continue
                extra = spares.spare_bundle(self.catalog, self.request, node, total, (design.fixed,))
                spare_load = self._load_of(extra)
                if spare_load is None:
                    continue
                option = replace(
                    bare,
                    id=f"{workload.name}|{node.id}|{_fabric_id(design)}|{count:05d}",
                    design_key=f"{node.id}|{_fabric_id(design)}|{count}",
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

    # -- work counted in replicas --------------------------------------------------------------------------------
    def mixed(self, workload: Workload, work: Work) -> list[Option]:
        """Options of work counted in replicas. Replicas in one node come first: they may make wider ones pointless."""
        every = [u for node in self.nodes for u in self._units(workload, node)]
        units = _best_units(_one_width(every, work.target), self._spares_no_worse)
        alone = [u for u in units if u.link.technology is None]
        found: list[Option] = []
        for unit in units:
            if unit.link.technology is not None and any(
                _replaces(other, unit) and self._spares_no_worse(other.node, unit.node) for other in alone
            ):
                continue
            found += self._replicated(workload, work, unit)
        return sorted(found, key=lambda o: o.id)

    def _units(self, workload: Workload, node: NodeBuild) -> list[Unit]:
        """The best replica arrangement per number of nodes that one replica spans."""
        bundle = self._admitted(workload, node)
        load = None if bundle is None else self._load_of(bundle)
        if bundle is None or load is None:
            return []
        found: list[Unit] = []
        for link in self._links(node):
            if link.technology is None and node.fabric_units > 1:
                continue
            replicas = demand.replicas(workload, node, link, self.catalog, self.request.preferences.sizing)
            if isinstance(replicas, Rejection):
                self.rejections.append(replicas)
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
        most = max(1, (self._most_by_limits(node) if self.bounded else MOST_NODES) // unit)
        if work.target is not None and not (self.bounded and self.request.objective == "highest_performance"):
            most = min(most, math.ceil(work.target / rate))
        spare = workload.spare_nodes
        found: list[Option] = []
        node_load = self._load_of(bundle)
        if node_load is None:
            return found
        for design in self._brackets(node, link, unit, most, spare):
            cable_load, fabric_load = self._load_of(design.per_node), self._load_of(design.fixed)
            if cable_load is None or fabric_load is None:
                continue
            each = node_load + cable_load
            for low, high, nodes in spares.ranges(design.low, design.high, unit, spare):
                shelf = spares.spare_bundle(
                    self.catalog, self.request, node, nodes, (design.fixed, repeat(design.per_node, nodes))
                )
                shelf_load = self._load_of(shelf)
                if shelf_load is None:
                    continue
                found.append(
                    Option(
                        id=f"{workload.name}|{node.id}|{_fabric_id(design)}|x{unit}|{low:05d}",
                        work=workload.name,
                        design_key=f"{node.id}|{_fabric_id(design)}|x{unit}",
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
                    )
                )
        return found

    def _tenants(self, workload: Workload, node: NodeBuild) -> list[Tenant]:
        accelerators = self.catalog.expand_accelerator(workload.accelerator) if workload.accelerator else None
        if accelerators is not None and node.accelerator not in accelerators:
            return []
        none = FabricLink(technology=None, gbps_per_node=0.0)
        replicas = demand.replicas(workload, node, none, self.catalog, self.request.preferences.sizing)
        if isinstance(replicas, Rejection):
            self.rejections.append(replicas)
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

    def _most_shared(self, workloads: Sequence[Workload], node: NodeBuild, tenants: Sequence[Tenant]) -> int:
        cards = 0
        for workload in workloads:
            own = [t for t in tenants if t.work == workload.name]
            need = demand.target(workload).value
            if own and need is not None:
                cards += max(math.ceil(need / t.rate) * t.cards for t in own)
        most = self._most_by_limits(node) if self.bounded else MOST_NODES
        if self.bounded and (self.request.objective == "highest_performance" or any(w.maximise for w in workloads)):
            return max(1, most)  # as much as the limits let in, not what is asked
        return max(1, min(most, math.ceil(cards / node.accelerators) + 1))

    # -- fabrics -------------------------------------------------------------------------------------------------
    def _links(self, node: NodeBuild) -> list[FabricLink]:
        """What a node can bring to a fabric: nothing (one node), or each technology its ports speak."""
        links = [FabricLink(technology=None, gbps_per_node=0.0)]
        preference = self.request.preferences.fabric
        if _carries_fabric(node):
            for technology in node.compute_technologies:
                if preference.technology in (None, technology):
                    links.append(
                        FabricLink(
                            technology=technology,
                            gbps_per_node=node.compute_ports * node.compute_gbps,
                            oversubscription=preference.oversubscription,
                        )
                    )
        return links

    def _fabrics(self, node: NodeBuild, link: FabricLink, count: int, workload: Workload) -> list[Design]:
        """Fabrics for exactly `count` nodes, one per switch family that can build it."""
        topology = self._topology(node, workload)
        key = (_ports(node), link.technology, count, topology)
        if key not in self._designs:
            made = (self._exact(node, link, s, count, topology) for s in self._families(node, link))
            self._designs[key] = self._best_designs([d for d in made if d is not None])
        return self._designs[key]

    def _topology(self, node: NodeBuild, workload: Workload) -> str:
        asked = self.request.preferences.fabric.topology
        rails = node.compute_ports == node.accelerators and workload.kind in ("training", "hpc", "capacity")
        return asked or ("rail" if rails else "plain")

    def _families(self, node: NodeBuild, link: FabricLink) -> list[str]:
        preferred = self.request.preferences.fabric.switch
        if preferred is not None:
            return [] if self.request.keeps_out("switch", self.catalog.switches[preferred].origin) else [preferred]
        assert link.technology is not None
        key = (link.technology, node.compute_gbps)
        if key not in self._switches:
            self._switches[key] = offered_switches(
                self.catalog, self.request, link.technology, node.compute_gbps, "compute"
            )
        return self._switches[key]

    def _exact(self, node: NodeBuild, link: FabricLink, switch: str, count: int, topology: str) -> Design | None:
        assert link.technology is not None
        managers = self._managers(switch, count * node.fabric_units, link.technology)
        unmanaged = link.technology == "infiniband" and not self.catalog.switches[switch].managed
        if unmanaged and managers is None:
            self._reject(switch, "unmanaged", f"{switch} is unmanaged and needs a fabric manager; none is wanted")
            return None
        made = fabric.compute_design(
            self.catalog,
            count * node.fabric_units,
            _ports_per_unit(node),
            node.compute_gbps,
            link.technology,
            switch,
            link.oversubscription,
            topology,
            node.compute_cage or "",
            0 if managers is None else managers.ports,
            self.request.preferences.fabric.reserve_nodes,
        )
        if isinstance(made, Rejection):
            self.rejections.append(made)
            return None
        switches = made.leaf + made.spine + made.core
        fixed = merge(
            Bundle(lines=seeds(made.lines, "compute")),
            self.switch_bundle(switch, switches),
            manager_bundle(managers, count * node.fabric_units, "compute"),
        )
        return Design(switch, link.technology, made.topology, made.oversubscription, fixed, Bundle(), count, count)

    def _brackets(self, node: NodeBuild, link: FabricLink, unit: int, most: int, spare: int) -> list[Design]:
        """Fabrics by ranges of units; without a fabric one range for all."""
        if link.technology is None:
            return [replace(_no_fabric(), low=1, high=most)]
        key = ("islands", _ports(node), link.technology, unit, most, spare)
        if key not in self._designs:
            found = [d for s in self._families(node, link) for d in self._islands(node, link, s, unit, most, spare)]
            self._designs[key] = self._best_designs(found)
        return self._designs[key]

    def _islands(
        self, node: NodeBuild, link: FabricLink, switch: str, unit: int, most: int, spare: int
    ) -> list[Design]:
        """Single switches for replicas that span nodes; spare nodes plug in as well."""
        assert link.technology is not None
        brackets = fabric.island_brackets(
            self.catalog,
            _ports_per_unit(node),
            node.compute_gbps,
            link.technology,
            switch,
            node.compute_cage or "",
            unit * node.fabric_units,
            (most * unit + spare) * node.fabric_units,
        )
        found = []
        per, extra = unit * node.fabric_units, spare * node.fabric_units
        for bracket in brackets:
            low, high = max(1, -(-(bracket.lo - extra) // per)), min(most, (bracket.hi - extra) // per)
            if low > high:
                continue
            made = bracket.design_at_hi
            fixed = merge(
                Bundle(lines=seeds(bracket.fixed_lines, "compute")),
                self.switch_bundle(switch, made.leaf),
            )
            per_node = repeat(Bundle(lines=seeds(bracket.per_node_lines, "compute")), node.fabric_units)
            found.append(Design(switch, link.technology, "islands", 1.0, fixed, per_node, low, high))
        return found

    def _best_designs(self, designs: Sequence[Design]) -> list[Design]:
        """Designs that no other of the same range beats in every cost."""
        kept: list[tuple[Load, Load, Design]] = []
        for design in designs:
            fixed, each = self._load_of(design.fixed), self._load_of(design.per_node)
            if fixed is None or each is None:
                continue
            if any(
                d.low <= design.low
                and d.high >= design.high
                and no_worse(f, fixed, self.ignore)
                and no_worse(e, each, self.ignore)
                for f, e, d in kept
            ):
                continue
            kept.append((fixed, each, design))
        return [d for _, _, d in kept]

    def switch_bundle(self, switch: str, count: int) -> Bundle:
        """Room, power and management port of `count` switches (their price is in the fabric's lines)."""
        return switch_bundle(self.catalog, switch, count)

    def _managers(self, switch: str, nodes: int, technology: Technology) -> fabric.Managers | None:
        each = self.request.resilience.managers
        return fabric.fabric_managers(self.catalog, switch, nodes, technology, each)

    # -- helpers -------------------------------------------------------------------------------------------------
    def _load_of(self, bundle: Bundle) -> Load | None:
        """The load of a bundle, priced once; None (and a rejection) when a part has no price."""
        key = id(bundle)
        if key not in self._loads:
            load = self.pricer.load(bundle)
            if isinstance(load, Rejection):
                self.rejections.append(load)
            self._loads[key] = (bundle, None if isinstance(load, Rejection) else load)
        return self._loads[key][1]

    def _node_bundle(self, node: NodeBuild) -> Bundle | None:
        if node.id not in self._bundles:
            software = admitted_software(self.catalog, node, self.request.site.country)
            made = node_bundle(node, software, self.pricer, node.id)
            if isinstance(made, Rejection):
                self.rejections.append(made)
                self._bundles[node.id] = None
            else:
                self._bundles[node.id] = made
        return self._bundles[node.id]

    def _most_by_limits(self, node: NodeBuild) -> int:
        """The most nodes of this build that any single limit lets in: an upper bound for enumeration."""
        request, most = self.request, MOST_NODES
        bundle = self._node_bundle(node)
        load = None if bundle is None else self._load_of(bundle)
        if load is not None:
            if request.budget.capex is not None and load.capital:
                most = min(most, self.pricer.book.taxes.cap(int(request.budget.capex * 100)) // load.capital)
            power = it_power_kw(request)
            if power is not None and load.watts:
                most = min(most, int(power * 1000) // load.watts)
            for part, have in request.supply.items():
                if load.supply.get(part):
                    most = min(most, have // load.supply[part])
        if request.site.racks is not None:
            units = request.site.rack_units or 48
            per_rack = 1 if node.own_rack else max(1, units // max(1, node.rack_units))
            most = min(most, request.site.racks * per_rack)
        return max(1, most)

    def _reject(self, part: str, rule: str, message: str) -> None:
        self.rejections.append(Rejection(part, rule, message))


def offered_switches(catalog: Catalog, request: Request, technology: str, gbps: float, role: str) -> list[str]:
    """Switches of a role that are offered at the site: Chinese makers' ones on the mainland market only."""
    found = fabric.candidate_switches(catalog, technology, gbps, role)
    local = [s for s in found if catalog.switches[s].origin != "CN" or request.site.country == "CN"]
    return [s for s in local if not request.keeps_out("switch", catalog.switches[s].origin)]


def reference_gbps(catalog: Catalog, node: NodeBuild) -> float:
    """Fabric bandwidth per accelerator that a bare capacity order is planned with, Gbit/s.

    One port at the speed of the accelerator's own bus (reference designs 2-8-9-400, 2-8-5-200): 400 for PCIe 5 and
    later, 200 before; half of it for PCIe cards.
    """
    accelerator = catalog.accelerators[node.accelerator]
    speed = 400.0 if (accelerator.pcie_gen or 0) >= 5 else 200.0
    return speed / 2 if catalog.chassis[node.chassis].category == "pcie" else speed


def works(request: Request) -> tuple[Work, ...]:
    """The demand rows of a request: who needs one kind of node, who may mix, who shares cards."""
    rows = []
    for workload in request.workloads:
        target = demand.target(workload)
        if workload.share and demand.proportional(workload) and workload.kind == "inference":
            mode = "shared"
        elif demand.proportional(workload) and workload.kind == "inference":
            mode = "mix"
        else:
            mode = "one"
        rows.append(Work(workload.name, mode, target.value, workload.maximise is not None))  # type: ignore[arg-type]
    return tuple(rows)


def it_power_kw(request: Request) -> float | None:
    """The IT power limit: given, or the meter's power ÷ the peak-day PUE."""
    return site.it_power_limit_kw(request)


def switch_bundle(catalog: Catalog, switch: str, count: int) -> Bundle:
    """Room, power and the out-of-band port of `count` switches of one kind."""
    if not count:
        return Bundle()
    typical, most, kilograms, _ = fabric.switch_power(catalog, catalog.switches[switch])
    shape = Shape(switch, catalog.switches[switch].rack_units, math.ceil(most), round(kilograms * 1000))
    return Bundle(
        shapes=((shape, count),),
        endpoints=(("oob", count),),
        watts=math.ceil(most) * count,
        typical_watts=math.ceil(typical) * count,
    )


def manager_bundle(managers: fabric.Managers | None, nodes: int, group: str) -> Bundle:
    """Fabric managers with their management ports, and a licence for each managed node and year."""
    if managers is None:
        return Bundle()
    part, count = managers.part, managers.count
    shape = Shape(part.id, part.rack_units, math.ceil(part.max_power_w), round((part.weight_kg or 0) * 1000))
    lines = [LineSeed(part.id, count, group)]
    if part.licence is not None and nodes:
        lines.append(LineSeed(part.licence, nodes, group, yearly=True))
    return Bundle(
        lines=tuple(lines),
        shapes=((shape, count),),
        endpoints=(("oob", count), ("in-band", count * part.inband_ports)),
        watts=count * math.ceil(part.max_power_w),
        typical_watts=count * math.ceil(part.typical_power_w),
    )


def replace_link(link: FabricLink, design: Design) -> FabricLink:
    """The link as the design really gives it."""
    return link.model_copy(update={"oversubscription": design.oversubscription}) if design.switch else link


def _no_fabric() -> Design:
    return Design(None, None, "direct", 1.0, Bundle(), Bundle(), 1, 1)


def _fabric_id(design: Design) -> str:
    return f"{design.switch}:{design.topology}" if design.switch else "alone"


def _carries_fabric(node: NodeBuild) -> bool:
    return node.compute_ports > 0 and bool(node.compute_technologies)


def _ports_per_unit(node: NodeBuild) -> int:
    return node.compute_ports // node.fabric_units


def _working_power(node: NodeBuild) -> tuple[object, ...]:
    """Everything of a build that sizing and fabrics look at."""
    return (
        node.accelerator,
        node.accelerators,
        node.scale_up_domain,
        node.scale_up_gb_per_s,
        node.compute_ports,
        node.compute_gbps,
        node.compute_technologies,
        node.compute_cage,
        node.storage_gbps,
        node.fabric_units,
        node.own_rack,
    )


def _ports(node: NodeBuild) -> tuple[object, ...]:
    return (node.compute_ports, node.compute_gbps, node.compute_cage, node.fabric_units)


def _chain(tenants: list[Tenant]) -> list[Tenant]:
    """Keep tenant sizes that divide one another, so that cards never fragment; the smallest sizes win."""
    kept: list[Tenant] = []
    for tenant in tenants:
        if all(tenant.cards % k.cards == 0 for k in kept):
            kept.append(tenant)
    return kept
