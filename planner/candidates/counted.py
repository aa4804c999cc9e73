"""Work that must run on one kind of node (training, HPC, capacity): one option per build, fabric and count."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from planner import demand, spares
from planner.bundles import STORAGE_LICENCE
from planner.candidates.bench import MOST_NODES, Bench
from planner.candidates.designs import (
    ALONE,
    Design,
    Fabrics,
    carries_fabric,
    fabric_id,
    no_fabric,
    replace_link,
    standing,
)
from planner.candidates.joint import Joint
from planner.catalog import Catalog
from planner.dominance import Frontier
from planner.errors import Rejection
from planner.headroom import Headroom, Way
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
    joint: Joint
    pruning: bool = True
    floors: dict[str, float] = field(default_factory=dict)  # rates of maximised work that a plan is known to reach
    ceilings: dict[str, float] = field(default_factory=dict)  # rates beyond which more of a work is of no use
    eager: frozenset[str] | None = None  # builds whose every count is tried while scouting; None: all
    headroom: Headroom | None = None  # what the other works leave of each limit, once a plan is known
    coarse: bool = False  # whether scouting left counts of eager builds out
    bare: dict[str, list[Option]] = field(default_factory=dict)  # pools without their fabric, by workload

    def options(self, workload: Workload, work: Work) -> list[Option]:
        """All options of one workload, unpruned, in id order."""
        frontier = Frontier(self.bench.ignore)
        found: list[Option] = []
        self.bare[workload.name] = []
        for node in self.bench.nodes:
            bundle = self.bench.admitted(workload, node)
            if bundle is not None:
                found += self._one(workload, work, node, bundle, frontier)
        return sorted(found, key=lambda o: o.id)

    def _one(
        self,
        workload: Workload,
        work: Work,
        node: NodeBuild,
        bundle: Bundle,
        frontier: Frontier,
    ) -> list[Option]:
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
        downwards while the rate reaches what scouting found. More nodes never rate lower (`demand.rate`), so where
        another work holds the smallest share down, no more than the first count that reaches its bound is needed.
        """
        if self.headroom is not None:
            unit = self.bench.one_node(node)
            most = most if unit is None else self.headroom.most(workload.name, unit, most)
            if not most:
                return ()
        ceiling = self.ceilings.get(workload.name, math.inf)
        if self._rate(workload, node, link, most) > ceiling:
            most = 1 + bisect_left(range(1, most), ceiling, key=lambda n: self._rate(workload, node, link, n))
        floor = self.floors.get(workload.name)
        if floor is not None and (self.eager is None or node.id in self.eager):
            counts = (1,) if link.technology is None else range(most, 0, -1)  # without a fabric there is but one node
            reaching = itertools.takewhile(lambda n: self._rate(workload, node, link, n) >= floor, counts)
            return [n for n in reaching if self._adds(workload, node, link, n)]
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

    def ways(self, workload: Workload) -> list[Way]:
        """Every build on every kind of link, as ways to do a work on one kind of node."""
        found: list[Way] = []
        for node in self.bench.nodes:
            unit = None if self.bench.admitted(workload, node) is None else self.bench.one_node(node)
            if unit is None:
                continue
            most = min(MOST_NODES, self.bench.most_by_limits(node))
            for link in self.fabrics.links(node):

                def rate(count: int, node: NodeBuild = node, link: FabricLink = link) -> float:
                    return self._rate(workload, node, link, count)

                # Without a fabric there is but one node; on one, a single node is rated without.
                found.append(Way(unit, 1 if link.technology is None else most, rate))
        return found

    def reach_within(self, workloads: Iterable[Workload]) -> dict[str, float]:
        """The best rate of each work on what the others leave of every limit."""
        room = self.headroom
        assert room is not None
        return {
            w.name: max(
                (way.rate(n) for way in self.ways(w) if (n := room.most(w.name, way.node, way.most))), default=0.0
            )
            for w in workloads
        }

    def _adds(self, workload: Workload, node: NodeBuild, link: FabricLink, count: int) -> bool:
        """Whether the last of so many nodes makes the work any faster; a batch can be divided only so far."""
        fewer = 0.0 if count == 1 else self._rate(workload, node, link, count - 1)
        return self._rate(workload, node, link, count) > fewer

    def _rate(self, workload: Workload, node: NodeBuild, link: FabricLink, count: int) -> float:
        """Planning rate, 0 where the build cannot do it."""
        if (count == 1 and node.fabric_units == 1) != (link.technology is None):
            return 0.0 if link.technology is None else self._rate(workload, node, ALONE, count)
        found = self.bench.rate(workload, node, link, count)
        return 0.0 if isinstance(found, Rejection) else found.planning

    def reach(self, workload: Workload) -> dict[str, float]:
        """What every build reaches for this work when it has the whole site to itself, by id."""
        found: dict[str, float] = {}
        for node in self.bench.nodes:
            if self.bench.admitted(workload, node) is None:
                continue
            most = min(MOST_NODES, self.bench.most_by_limits(node))
            if workload.count is not None:
                most = min(most, math.ceil(workload.count / node.accelerators))
            found[node.id] = max(
                (self._rate(workload, node, link, most) for link in self.fabrics.links(node)), default=0.0
            )
        return found

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
        most = MOST_NODES if self.bench.beyond is None else most
        return self.bench.smallest_count(workload, node, link, most)

    def _counted(
        self,
        workload: Workload,
        node: NodeBuild,
        bundle: Bundle,
        link: FabricLink,
        counts: Iterable[int],
        frontier: Frontier,
    ) -> list[Option]:
        """Options of one build at each count, each with a fabric of its own.

        What is superfluous even without its fabric is dropped at once. Pools that could share one are remembered.
        """
        found: list[Option] = []
        unit = self.bench.load_of(bundle)
        if unit is None:
            return found
        spare, enough = workload.spare_nodes, self._enough(workload)
        for count in counts:
            single = count == 1 and node.fabric_units == 1
            if single != (link.technology is None):
                continue
            total = count + spare  # spare nodes plug in as well
            rate = self.bench.rate(workload, node, link, count)
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
                rate=min(rate.planning, enough),
                fixed=unit.times(total),
                unit=_NOTHING,
                fixed_parts=((bundle, total),),
                linear=False,
                nodes_per_unit=count,
                spare_nodes=spare,
                link=link,
                precision=rate.precision,
            )
            if not single and self.joint.wanted:
                self.bare[workload.name].append(replace(bare, topology=self.fabrics.topology(node, workload)))
                if self.joint.forced:
                    continue
            if self.pruning and frontier.beats(_unlicensed(bare)):
                continue
            designs = [no_fabric()] if single else self.fabrics.exact(node, link, total, workload)
            found += self._kept(frontier, (self._owning(bare, d, total, count) for d in designs))
        return found

    def sharing(self, workload: Workload, worth: Callable[[Option], bool]) -> list[Option]:
        """Options of one workload on fabrics that pools have together, beside those with fabrics of their own.

        `worth` says of one without its fabric whether it is worth a look. A pool that does better with a fabric of its
        own stays: those that it would leave may pay more for fewer ports.
        """
        frontier = Frontier(self.bench.ignore)
        found: list[Option] = []
        for bare in self.bare.get(workload.name, ()):
            if worth(bare):
                found += self._kept(frontier, self._sharing(bare))
        return sorted(found, key=lambda o: o.id)

    def _enough(self, workload: Workload) -> float:
        """The rate beyond which more is worth nothing: what is asked, unless performance is what counts."""
        asked = demand.target(workload).value
        request = self.bench.request
        counts = workload.maximise is not None or (
            request.objective == "highest_performance" and not any(w.maximise for w in request.workloads)
        )
        return math.inf if counts or asked is None else asked

    def _kept(self, frontier: Frontier, options: Iterable[Option | None]) -> list[Option]:
        """Those that nothing seen so far makes superfluous."""
        found = []
        for option in options:
            if option is None or (self.pruning and frontier.beats(option)):
                continue
            if self.pruning:
                frontier.add(option)
            found.append(option)
        return found

    def _owning(self, bare: Option, design: Design, total: int, count: int) -> Option | None:
        """The option with a compute fabric of its own; None where a part has no price."""
        whole = self._with(bare, design.fixed, total)
        if whole is None:
            return None
        if design.pods:
            whole = standing(whole, design)
        return replace(
            whole,
            media=design.media,
            id=f"{bare.id}{fabric_id(design)}|{count:05d}",
            design_key=f"{bare.node.id}|{fabric_id(design)}|{count}",
            switch=design.switch,
            topology=design.topology,
            link=replace_link(bare.link, design),
        )

    def _sharing(self, bare: Option) -> Iterator[Option | None]:
        """The option on each fabric that pools may have together."""
        total = bare.nodes_per_unit + bare.spare_nodes
        for name, bundle in self.joint.places(bare.node, bare.link, total, bare.topology or "plain"):
            whole = self._with(bare, bundle, total)
            if whole is not None:
                key = f"{bare.node.id}|{name}|{bare.nodes_per_unit}"
                yield replace(whole, id=f"{bare.id}{name}|{bare.nodes_per_unit:05d}", design_key=key, network=name)

    def _with(self, bare: Option, bundle: Bundle, total: int) -> Option | None:
        """The option with what a fabric adds, and the spares of both."""
        load = self.bench.load_of(bundle)
        shelf = spares.spare_bundle(self.bench.catalog, self.bench.request, bare.node, total, (bundle,))
        shelf_load = self.bench.load_of(shelf)
        if load is None or shelf_load is None:
            return None
        parts = (*bare.fixed_parts, (bundle, 1), (shelf, 1))
        return replace(bare, fixed=bare.fixed + load + shelf_load, fixed_parts=parts)


def _unlicensed(bare: Option) -> Option:
    """An option before it is known whether its compute fabric licenses its nodes: what all have at least."""
    if STORAGE_LICENCE not in bare.fixed.endpoints:
        return bare
    rest = {n: count for n, count in bare.fixed.endpoints.items() if n != STORAGE_LICENCE}
    return replace(bare, fixed=replace(bare.fixed, endpoints=rest))


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
