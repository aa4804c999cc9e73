"""Every way to serve one workload of a small site: build × technology × switch × count, each a heap of lines."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from oracle import copper
from oracle.joint import JointFabrics, Net, Plug
from oracle.ledger import EMPTY, Heap, Ledger, Size
from planner import compliance, demand, fabric, nodes
from planner.errors import Rejection
from planner.parts import FabricLink, NodeBuild, Technology
from planner.request import Request, Workload

MOST = 40  # nodes of one pool; sites are small
MANAGED_FROM = 31  # nodes of an InfiniBand fabric that gets a pair of fabric managers
ALONE = FabricLink(technology=None, gbps_per_node=0.0)


@dataclass(frozen=True, slots=True)
class Way:
    """A pool of a number of nodes: what it takes, the rate it gives; `cards` where shared work stands on it."""

    words: str
    heap: Heap
    rate: float = 0.0
    build: NodeBuild | None = None
    cards: int = 0
    switches: int = 0
    storage_gbps: float = 0.0
    plug: Plug | None = None  # what it plugs into a compute fabric that pools have together


NOTHING = Way("", Heap())


@dataclass(frozen=True, slots=True)
class Slot:
    """One decision: exactly one of its ways is taken. Slots of one work stand together."""

    work: str
    ways: tuple[Way, ...]
    unit: Heap = EMPTY  # where any number of units may be taken: one of them
    gains: tuple[tuple[str, float], ...] = ()  # and the most that it gives each work
    cards: int = 0  # and the cards that shared work can stand on

    def gain(self, work: str) -> float:
        return sum(rate for name, rate in self.gains if name == work)


def _share_of(percent: float, used: int) -> int:
    """Pieces that are a percentage of those in use, rounded up."""
    return math.ceil(Fraction(str(percent)) * used / 100) if percent and used else 0


@dataclass
class Builder:
    """Makes the slots of a request."""

    request: Request
    ledger: Ledger
    rack: Size
    builds: list[NodeBuild] = field(default_factory=list)
    slices: dict[str, int] = field(default_factory=dict)  # by build: places of a card for shared work
    _nodes: dict[str, Heap] = field(default_factory=dict)
    joint: JointFabrics = field(init=False)

    def __post_init__(self) -> None:
        request, ledger = self.request, self.ledger
        terms = compliance.terms_from(request, ledger.on)
        entries = ((a, compliance.screen(ledger.catalog, a, terms)) for a in sorted(ledger.catalog.accelerators))
        accepted = [a for a, entry in entries if compliance.gate(entry, request.compliance.accept) is None]
        built, _ = nodes.build_nodes(ledger.catalog, request, accepted, ledger)
        for build in built:
            heap = ledger.node(build)
            if heap is not None:
                self.builds.append(build)
                self._nodes[build.id] = heap
        self.joint = JointFabrics(request, ledger, self._offered, self._managers)

    def node(self, build: NodeBuild) -> Heap:
        """One node of a build."""
        return self._nodes[build.id]

    def slots(self, workload: Workload) -> list[Slot]:
        """The decisions of work that has pools of its own."""
        if workload.kind == "inference":
            return list(self._mixed(workload))
        return [Slot(workload.name, tuple(self._one_kind(workload)))]

    def named(self, workload: Workload) -> list[NodeBuild]:
        """Builds with the accelerator that the workload names, or all."""
        if workload.accelerator is None:
            return self.builds
        wanted = self.ledger.catalog.expand_accelerator(workload.accelerator)
        return [b for b in self.builds if b.accelerator in wanted]

    # -- one kind of node ----------------------------------------------------------------------------------------
    def _one_kind(self, workload: Workload) -> Iterator[Way]:
        ratio = self.request.objective == "highest_performance"
        every = workload.maximise is not None or (ratio and not any(w.maximise for w in self.request.workloads))
        for build in self.named(workload):
            if workload.kind == "capacity" and not self._reference_bandwidth(build, workload):
                continue
            for technology in (None, *self._technologies(build)):
                link = self._link(build, technology)
                for count in self._counts(workload, build, link, every):
                    alone = count == 1 and build.fabric_units == 1
                    if alone != (technology is None):
                        continue
                    rate = self._rate(workload, build, link, count)
                    if rate <= 0:
                        continue
                    total = count + workload.spare_nodes
                    for words, heap, switches, pod in self._owned(workload, build, technology, total):
                        whole = self._nodes[build.id].times(total) + heap
                        if pod:
                            whole = copper.stacked(whole)
                            if not copper.fits(whole, self.rack):
                                continue
                        name = f"{workload.name}: {count} x {build.id} {words}"
                        yield Way(name, whole, rate, build, 0, switches, build.storage_gbps)
                    for plug, heap in self._plugs(workload, build, technology, total):
                        whole = self._nodes[build.id].times(total) + heap
                        name = f"{workload.name}: {count} x {build.id} joint {plug.net.rails}"
                        yield Way(name, whole, rate, build, 0, 0, build.storage_gbps, plug)

    def _plugs(
        self, workload: Workload, build: NodeBuild, technology: Technology | None, count: int
    ) -> Iterator[tuple[Plug, Heap]]:
        """The joint fabrics that a pool may stand on, with the modules in its nodes."""
        wanted = self.request.preferences.fabric
        kinds = [w.kind for w in self.request.workloads if w.kind != "inference"]
        if technology is None or len(kinds) < 2 or wanted.sharing == "separate":
            return
        units, each = count * build.fabric_units, build.compute_ports // build.fabric_units
        rails = (wanted.topology or self._layout(workload, build)) == "rail"
        reserved = each if wanted.reserve_nodes else 0
        for switch in self._offered(technology, build.compute_gbps):
            catalog = self.ledger.catalog
            ends = fabric.node_end_lines(catalog, switch, build.compute_gbps, build.compute_cage or "", each)
            if isinstance(ends, Rejection):
                continue
            lines = [(ln.part, ln.quantity * units) for ln in ends]
            heap = self.ledger.lines([*lines, *self._shelf(build, count, lines)])
            for k in (0, each) if rails and heap is not None else (0,):
                net = Net(technology, build.compute_gbps, k, reserved)
                if heap is not None:
                    yield Plug(net, workload.name, units * each, units, rails), heap
            return

    def _counts(self, workload: Workload, build: NodeBuild, link: FabricLink, every: bool) -> Iterator[int]:
        """The fewest nodes that do it; for work that takes what it can get every number that the limits let in."""
        asked = demand.target(workload).value
        for count in range(1, MOST + 1):
            if every:
                enough = workload.count is not None and (count - 1) * build.accelerators >= workload.count
                if enough or not self._let_in(self._nodes[build.id].times(count)):
                    return
                yield count
            elif self._rate(workload, build, link, count) >= (asked or 0) * (1 - 1e-12):
                yield count
                return

    def _let_in(self, heap: Heap) -> bool:
        """Whether money, power and supply alone would allow so much."""
        request = self.request
        cap, power = request.budget.capex, request.site.it_power_kw
        return (
            (cap is None or heap.cents <= cap * 100)
            and (power is None or heap.watts <= power * 1000 + 1e-6)
            and all(heap.count_of(part) <= have for part, have in request.supply.items())
        )

    def _rate(self, workload: Workload, build: NodeBuild, link: FabricLink, count: int) -> float:
        found = demand.rate(workload, build, link, count, self.ledger.catalog, self.request.preferences.sizing)
        return 0.0 if isinstance(found, Rejection) else found.planning

    def _reference_bandwidth(self, build: NodeBuild, workload: Workload) -> bool:
        """A bare order of accelerators comes with the fabric of reference designs.

        That is one port at the speed of the accelerator's bus for each (400 Gbit/s from PCIe 5 on, 200 before), half
        of it for cards in PCIe servers, or the most that a build with as many of the same accelerators can bring.
        An order that one node fills needs none.
        """
        if workload.count is not None and workload.count <= build.accelerators and build.fabric_units == 1:
            return True
        catalog = self.ledger.catalog
        fast = 400.0 if (catalog.accelerators[build.accelerator].pcie_gen or 0) >= 5 else 200.0
        wanted = fast / 2 if catalog.chassis[build.chassis].category == "pcie" else fast
        kin = [b for b in self.builds if (b.accelerator, b.accelerators) == (build.accelerator, build.accelerators)]
        most = max(b.compute_ports * b.compute_gbps / b.accelerators for b in kin)
        return (
            build.compute_ports > 0
            and bool(build.compute_technologies)
            and build.compute_ports * build.compute_gbps / build.accelerators >= min(wanted, most)
        )

    # -- fabrics -------------------------------------------------------------------------------------------------
    def _technologies(self, build: NodeBuild) -> list[Technology]:
        wanted = self.request.preferences.fabric.technology
        return [t for t in build.compute_technologies if build.compute_ports and wanted in (None, t)]

    def _link(self, build: NodeBuild, technology: Technology | None) -> FabricLink:
        if technology is None:
            return ALONE
        return FabricLink(
            technology=technology,
            gbps_per_node=build.compute_ports * build.compute_gbps,
            oversubscription=self.request.preferences.fabric.oversubscription,
        )

    def _switches(self, build: NodeBuild, technology: Technology) -> Sequence[str]:
        """Compute switches that are offered here; the one that the request names."""
        return self._offered(technology, build.compute_gbps)

    def _offered(self, technology: Technology, gbps: float) -> Sequence[str]:
        wanted = self.request.preferences.fabric.switch
        if wanted is not None:
            return [wanted]
        catalog = self.ledger.catalog
        found = fabric.candidate_switches(catalog, technology, gbps, "compute")
        return [s for s in found if catalog.switches[s].origin != "CN" or self.request.site.country == "CN"]

    def _layout(self, workload: Workload, build: NodeBuild) -> str:
        rails = build.compute_ports == build.accelerators and workload.kind in ("training", "hpc", "capacity")
        return "rail" if rails else "plain"

    def _owned(
        self, workload: Workload, build: NodeBuild, technology: Technology | None, count: int
    ) -> Iterator[tuple[str, Heap, int, bool]]:
        """Fabrics of the pool alone; none where all pools must share one."""
        several = sum(w.kind != "inference" for w in self.request.workloads) > 1
        if technology is None or not several or self.request.preferences.fabric.sharing != "shared":
            yield from self._joined(workload, build, technology, count)

    def _joined(
        self, workload: Workload, build: NodeBuild, technology: Technology | None, count: int
    ) -> Iterator[tuple[str, Heap, int, bool]]:
        """Every fat tree for a number of nodes, by switch and cables; whether nodes and switch stand in one rack."""
        if technology is None:
            yield "alone", Heap(), 0, False
            return
        preference = self.request.preferences.fabric
        for switch in self._switches(build, technology):
            managers = self._managers(switch, count * build.fabric_units)
            if managers is None:
                continue
            appliances, licences, ports = managers
            design = functools.partial(
                fabric.compute_design,
                self.ledger.catalog,
                count * build.fabric_units,
                build.compute_ports // build.fabric_units,
                build.compute_gbps,
                technology,
                switch,
                preference.oversubscription,
                preference.topology or self._layout(workload, build),
                build.compute_cage or "",
                ports,
                preference.reserve_nodes,
            )
            made = design()
            if isinstance(made, Rejection):
                continue
            for media in (fabric.USUAL, *self._copper(build, count, made)):
                other = design(media)
                assert not isinstance(other, Rejection)
                lines = [(ln.part, ln.quantity) for ln in other.lines]
                bought = self.ledger.lines(lines)
                beside = self.ledger.lines([*appliances, *self._shelf(build, count, lines)])
                yearly = self.ledger.lines(licences)
                if bought is None or beside is None or yearly is None:
                    continue
                if media.trunk is not None:
                    bought = copper.stacked(bought)
                    if not copper.fits(bought, self.rack):
                        continue
                whole = _share_of(self.request.spares.nodes, count) if count > 16 else 0
                held = ((build.accelerator, whole * build.accelerators),) if whole else ()
                heap = bought + beside + Heap(yearly=yearly.cents, scarce=(*yearly.scarce, *held))
                yield f"{made.switches} x {switch} {technology}", heap, made.switches, media.node is not None

    def _copper(self, build: NodeBuild, count: int, made: fabric.FabricDesign) -> Iterator[fabric.Media]:
        """Cables that reach where switches, or the switch and all nodes, stand in one rack."""
        catalog = self.ledger.catalog
        yield from copper.between(catalog, self.request, made)
        if not build.own_rack and build.fabric_units == 1:
            cage, ports, units = build.compute_cage or "", build.compute_ports, build.rack_units
            yield from copper.to_nodes(catalog, self.request, made, cage, ports, units, count)

    def _shelf(self, build: NodeBuild, count: int, fabric_lines: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Parts kept for a pool of more than 16 nodes: a percentage of what works, at least one, no power, no room."""
        if count <= 16:
            return []
        catalog, rule = self.ledger.catalog, self.request.spares
        found: list[tuple[str, int]] = []
        whole = _share_of(rule.nodes, count)
        for line in build.lines:
            percent = rule.nics if line.part in catalog.nics else rule.drives if line.part in catalog.drives else 0.0
            found.append((line.part, _share_of(percent, line.quantity * count) + whole * line.quantity))
        found += [(part, _share_of(rule.optics, n)) for part, n in fabric_lines if part in catalog.optics]
        found += [(part, _share_of(rule.cables, n)) for part, n in fabric_lines if part in catalog.cables]
        return [(part, n) for part, n in found if n]

    def _managers(self, switch: str, count: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]], int] | None:
        """Fabric managers of large InfiniBand fabrics and of switches without their own; None where nobody manages.

        A pair, one or none as `resilience` says; a licence a year for each node; leaf ports where switches have none
        of their own for them.
        """
        catalog = self.ledger.catalog
        kind = catalog.switches[switch]
        if kind.technology != "infiniband" or (kind.managed and count < MANAGED_FROM):
            return [], [], 0
        number = {"pair": 2, "single": 1, "none": 0}[self.request.resilience.fabric_managers]
        offered = [m for m in catalog.management.values() if m.role == "fabric-manager" and m.lifecycle == "current"]
        if not number or not offered:
            return ([], [], 0) if kind.managed else None
        part = min(offered, key=lambda m: m.id)
        licences = [(part.licence, count)] if part.licence is not None else []
        return [(part.id, number)], licences, 0 if kind.manager_ports else number * part.fabric_ports

    # -- work in replicas ----------------------------------------------------------------------------------------
    def _mixed(self, workload: Workload) -> Iterator[Slot]:
        """One slot per kind of pool: any number of replicas, in one node or over several on islands of switches."""
        for build in self.named(workload):
            wide: dict[tuple[Technology | None, int], float] = {}
            for technology in (None, *self._technologies(build)):
                link = self._link(build, technology)
                found = demand.replicas(workload, build, link, self.ledger.catalog, self.request.preferences.sizing)
                if isinstance(found, Rejection) or (technology is None and build.fabric_units > 1):
                    continue
                for replica in found:
                    span = 1 if replica.cards is not None else replica.nodes or 1
                    times = build.accelerators // replica.cards if replica.cards is not None else 1
                    rate = replica.rate.planning * times
                    if rate > 0 and (span > 1 or build.fabric_units > 1) == (technology is not None):
                        wide[technology, span] = max(wide.get((technology, span), 0.0), rate)
            width = self._width(workload, wide)
            for (technology, span), rate in wide.items():
                for switch in (None,) if technology is None else self._switches(build, technology):
                    if span == width:
                        yield self._pool(workload, build, span, rate, switch)

    def _width(self, workload: Workload, wide: dict[tuple[Technology | None, int], float]) -> int:
        """A build runs a service in one width of replica: the one of the fewest nodes, of equals the narrower."""
        asked = demand.target(workload).value
        need = {
            span: min(
                span / r if asked is None else span * math.ceil(asked / r) for (_, s), r in wide.items() if s == span
            )
            for _, span in wide
        }
        return min(need, key=lambda span: (need[span], span), default=1)

    def _pool(self, workload: Workload, build: NodeBuild, span: int, rate: float, switch: str | None) -> Slot:
        asked = demand.target(workload).value
        one, spare = self._nodes[build.id], workload.spare_nodes
        ratio = self.request.objective == "highest_performance"
        ways = [NOTHING]
        for count in range(1, MOST + 1):
            total = count * span + spare
            heap, switches = one.times(total), 0
            if switch is not None:
                islands = self._islands(build, span, total, switch)
                if islands is None:
                    break
                heap, switches = heap + islands[0], islands[1]
            if not self._let_in(heap):
                break
            name = f"{workload.name}: {count} x {span} x {build.id} {switch or ''}"
            ways.append(Way(name, heap, rate * count, build, 0, switches, build.storage_gbps))
            if asked is not None and not ratio and rate * count >= asked:
                break
        return Slot(workload.name, tuple(ways), one.times(span), ((workload.name, rate),))

    def _islands(self, build: NodeBuild, span: int, total: int, switch: str) -> tuple[Heap, int] | None:
        catalog = self.ledger.catalog
        made = fabric.islands(
            catalog,
            total * build.fabric_units,
            build.compute_ports // build.fabric_units,
            build.compute_gbps,
            catalog.switches[switch].technology,
            switch,
            build.compute_cage or "",
            span * build.fabric_units,
        )
        if isinstance(made, Rejection):
            return None
        lines = [(ln.part, ln.quantity) for ln in made.lines]
        heap = self.ledger.lines(lines)  # small switches manage themselves
        return None if heap is None else (heap, made.switches)

    # -- work that shares cards ----------------------------------------------------------------------------------
    def sharing(self, workloads: Sequence[Workload]) -> Iterator[Slot]:
        """One slot per build that some shared work can stand on, up to what all of it would take there."""
        for build in self.builds:
            slices = [r.slices for w in workloads if self._whole(w, build) and (r := self._slice(w, build))]
            self.slices[build.id] = parts = max(slices, default=1)
            sizes = {w.name: self.sizes(w, build) for w in workloads}
            if not any(sizes.values()):
                continue
            places = build.accelerators * parts
            one = self._nodes[build.id]
            ways = [NOTHING]
            for count in range(1, self._plenty(workloads, build, sizes) + 1):
                heap = one.times(count + max(w.spare_nodes for w in workloads))
                if not self._let_in(heap):
                    break
                name = f"shared: {count} x {build.id}"
                ways.append(Way(name, heap, 0.0, build, count * places, 0, build.storage_gbps))
            gains = ((n, max(r / c for c, r in found) * places) for n, found in sizes.items() if found)
            yield Slot("shared", tuple(ways), one, tuple(gains), places)

    def sizes(self, workload: Workload, build: NodeBuild) -> list[tuple[int, float]]:
        """Replicas of a shared work in places and rate; a place is a card, or a slice where any work takes slices."""
        whole = self._whole(workload, build)
        part = self._slice(workload, build) if whole else None
        found = [(cards * self.slices[build.id], rate) for cards, rate in whole]
        return [*([(1, part.rate.planning)] if part else []), *found]

    def _slice(self, workload: Workload, build: NodeBuild) -> demand.Replica | None:
        return demand.slice_replica(workload, build, self.ledger.catalog, self.request.preferences.sizing)

    def _whole(self, workload: Workload, build: NodeBuild) -> list[tuple[int, float]]:
        """Replicas in whole cards and rate; sizes divide the node and one another, so cards never split."""
        if build not in self.named(workload):
            return []
        found = demand.replicas(workload, build, ALONE, self.ledger.catalog, self.request.preferences.sizing)
        if isinstance(found, Rejection):
            return []
        best: dict[int, float] = {}
        for replica in found:
            if replica.cards is not None and build.accelerators % replica.cards == 0:
                best[replica.cards] = max(best.get(replica.cards, 0.0), replica.rate.planning)
        kept: list[tuple[int, float]] = []
        for cards in sorted(best):
            if all(cards % smaller == 0 for smaller, _ in kept):
                kept.append((cards, best[cards]))
        return kept

    def _plenty(
        self, workloads: Sequence[Workload], build: NodeBuild, sizes: dict[str, list[tuple[int, float]]]
    ) -> int:
        """Nodes with which this build alone would serve all that can stand on it; more are never of use."""
        if self.request.objective == "highest_performance" or any(w.maximise for w in workloads):
            return MOST
        cards = 0
        for workload in workloads:
            asked = demand.target(workload).value
            if asked is not None and sizes[workload.name]:
                cards += max(math.ceil(asked / rate) * size for size, rate in sizes[workload.name])
        return cards // (build.accelerators * self.slices[build.id]) + 1
