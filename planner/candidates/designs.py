"""Compute fabrics that a pool can own: one for an exact count of nodes, or brackets of islands for replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from planner import bundles, fabric
from planner.bundles import merge, repeat, seeds, storage_may_be_managed
from planner.candidates import copper
from planner.candidates.bench import Bench
from planner.candidates.equipment import manager_bundle, offered_switches, switch_bundle
from planner.dominance import no_worse
from planner.errors import Rejection
from planner.model import Bundle, Load, Option, Shape
from planner.parts import FabricLink, NodeBuild, Technology
from planner.request import Workload

MOST_UNITS = 64  # replicas for which islands on copper are looked for, each number on its own
ALONE = FabricLink(technology=None, gbps_per_node=0.0)


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
    media: fabric.Media = fabric.USUAL
    planes: int = 1
    pods: tuple[copper.Pod, ...] = ()  # nodes and switch stand as blocks, one pod per switch: node links on copper


@dataclass
class Fabrics:
    """Designs compute fabrics for builds and remembers them."""

    bench: Bench
    _designs: dict[tuple[object, ...], list[Design]] = field(default_factory=dict)
    _switches: dict[tuple[str, float], list[str]] = field(default_factory=dict)
    _pods: dict[tuple[object, ...], copper.Pod | None] = field(default_factory=dict)

    def links(self, node: NodeBuild) -> list[FabricLink]:
        """What a node can bring to a fabric: nothing (one node), or each technology its ports speak."""
        links = [FabricLink(technology=None, gbps_per_node=0.0)]
        preference = self.bench.request.preferences.fabric
        if carries_fabric(node):
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

    def exact(self, node: NodeBuild, link: FabricLink, count: int, workload: Workload) -> list[Design]:
        """Fabrics for exactly `count` nodes, one per switch family that can build it."""
        topology = self.topology(node, workload)
        key = (ports_of(node), link.technology, count, topology, self._stored(node), self._body(node))
        if key not in self._designs:
            made = [
                design
                for planes in self.planes(node, link)
                for switch in self.families(node, link)
                for design in self._by_media(node, link, switch, count, topology, planes)
            ]
            self._designs[key] = self._best_designs(made)
        return self._designs[key]

    def _body(self, node: NodeBuild) -> object:
        """What decides where a node stands, and so whether copper reaches it."""
        return replace(bundles.node_shape(node), item="") if copper.wanted(self.bench.request) else None

    def _stored(self, node: NodeBuild) -> bool:
        """Whether a node without licences of its compute fabric may need them for its storage network."""
        return storage_may_be_managed(self.bench.request) and node.storage_ports > 0

    def topology(self, node: NodeBuild, workload: Workload) -> str:
        """Rail-optimized for work across nodes with a port per accelerator, else plain; or as asked."""
        asked = self.bench.request.preferences.fabric.topology
        rails = node.compute_ports == node.accelerators and workload.kind in ("training", "hpc", "capacity")
        return asked or ("rail" if rails else "plain")

    def planes(self, node: NodeBuild, link: FabricLink) -> tuple[int, ...]:
        """Numbers of separate planes that a node's ports may go to: those of most planes first, as they lose least."""
        asked, most = self.bench.request.preferences.fabric.planes, node.links_per_port(link.technology)
        if asked == "auto":
            return tuple(sorted({most, 1}, reverse=True))
        if asked > most:
            message = (
                f"{node.id}: preferences.fabric.planes: {asked} needs ports that run as {asked} links, and its adapters"
                f" have none on {link.technology}; leave planes out, or choose a system that has them (planner catalog)"
            )
            self.bench.reject(node.id, "planes", message)
        return (asked,) if asked <= most else ()

    def families(self, node: NodeBuild, link: FabricLink) -> list[str]:
        """Switches that are offered for a node's ports, or the one that is asked for."""
        request, preferred = self.bench.request, self.bench.request.preferences.fabric.switch
        if preferred is not None:
            return [] if request.keeps_out("switch", self.bench.catalog.switches[preferred].origin) else [preferred]
        assert link.technology is not None
        gbps = node.plugged(link.technology).gbps
        key = (link.technology, gbps)
        if key not in self._switches:
            self._switches[key] = offered_switches(
                self.bench.catalog, self.bench.request, link.technology, gbps, "compute"
            )
        return self._switches[key]

    def _by_media(
        self, node: NodeBuild, link: FabricLink, switch: str, count: int, topology: str, planes: int
    ) -> Iterator[Design]:
        """The fabric on modules and fibre, and on copper where that reaches."""
        media = copper.usual(self.bench.single_mode, "compute")
        found = self._design(node, link, switch, count, topology, media, planes)
        if found is None:
            return
        usual, made = found
        catalog, request = self.bench.catalog, self.bench.request
        switches = switch_bundle(catalog, switch, made.switches)
        pod = self._pod(node, switch, count) if made.switches == 1 else None
        on_copper = [
            *copper.between_switches(catalog, request, made, switches),
            *copper.to_nodes(catalog, request, node, made, (pod,)),
        ]
        if not (on_copper and copper.preferred(request)):
            yield usual
        for media in on_copper:
            other = self._design(node, link, switch, count, topology, media, planes)
            if other is not None:
                standing = pod is not None and copper.is_copper(catalog, media.node)
                yield replace(other[0], pods=(pod,)) if pod is not None and standing else other[0]

    def _pod(self, node: NodeBuild, switch: str, count: int) -> copper.Pod | None:
        """So many nodes with one switch as blocks in neighbouring racks; None where they do not fit."""
        if not copper.wanted(self.bench.request) or node.own_rack or node.fabric_units > 1:
            return None
        key = (self._body(node), switch, count)
        if key not in self._pods:
            floor = None
            if "compute:beside" not in self.bench.single_mode:
                floor = copper.floor_beside(self.bench.request, self.bench.cabinet_mm)
            one = switch_bundle(self.bench.catalog, switch, 1)
            self._pods[key] = copper.pod(self.bench.request, node, count, one, floor)
        return self._pods[key]

    def _design(
        self,
        node: NodeBuild,
        link: FabricLink,
        switch: str,
        count: int,
        topology: str,
        media: fabric.Media,
        planes: int,
    ) -> tuple[Design, fabric.FabricDesign] | None:
        assert link.technology is not None
        managers = self.managers(switch, count * node.fabric_units, link.technology)
        unmanaged = link.technology == "infiniband" and not self.bench.catalog.switches[switch].managed
        if unmanaged and managers is None:
            self.bench.reject(switch, "unmanaged", f"{switch} is unmanaged and needs a fabric manager; none is wanted")
            return None
        plugged = node.plugged(link.technology)
        made = fabric.compute_design(
            self.bench.catalog,
            count * node.fabric_units,
            plugged.links,
            plugged.gbps,
            link.technology,
            switch,
            link.oversubscription,
            topology,
            plugged.cage,
            0 if managers is None else managers.ports,
            self.bench.request.preferences.fabric.reserve_nodes,
            media,
            planes,
        )
        if isinstance(made, Rejection):
            self.bench.rejections.append(made)
            return None
        switches = switch_bundle(self.bench.catalog, switch, made.switches)
        fixed = merge(
            Bundle(lines=seeds(made.lines, "compute")),
            copper.as_block(switches, switch) if copper.is_copper(self.bench.catalog, media.trunk) else switches,
            manager_bundle(managers, count * node.fabric_units, "compute", self._stored(node)),
        )
        ratio, none = made.oversubscription, Bundle()
        design = Design(switch, link.technology, made.topology, ratio, fixed, none, count, count, made.media, planes)
        return design, made

    def brackets(self, node: NodeBuild, link: FabricLink, unit: int, most: int, spare: int) -> list[Design]:
        """Fabrics by ranges of units; without a fabric one range for all."""
        if link.technology is None:
            return [replace(no_fabric(), low=1, high=most)]
        if self.bench.request.preferences.fabric.planes == 2:
            self.bench.reject(node.id, "planes", f"{node.id}: replicas stand on single switches, which have no planes")
            return []
        key = ("islands", ports_of(node), link.technology, unit, most, spare, self._body(node))
        if key not in self._designs:
            found = [d for s in self.families(node, link) for d in self._islands(node, link, s, unit, most, spare)]
            self._designs[key] = self._best_designs(found)
        return self._designs[key]

    def _islands(
        self, node: NodeBuild, link: FabricLink, switch: str, unit: int, most: int, spare: int
    ) -> list[Design]:
        """Single switches for replicas that span nodes; spare nodes plug in as well."""
        usual = copper.usual(self.bench.single_mode, "compute")
        found = self._islands_on(node, link, switch, unit, most, spare, usual)
        blocks: list[Design] = []
        if copper.wanted(self.bench.request) and not node.own_rack and node.fabric_units == 1:
            # Blocks are counted exactly: one design for every number of units.
            for design in found:
                for units in range(design.low, min(design.high, MOST_UNITS) + 1):
                    blocks += self._island_blocks(node, link, switch, unit, units, spare)
        if copper.preferred(self.bench.request):
            found = list(_without(found, {b.low for b in blocks}))
        return found + blocks

    def _island_blocks(
        self, node: NodeBuild, link: FabricLink, switch: str, unit: int, units: int, spare: int
    ) -> Iterator[Design]:
        """So many units on islands that each stand as a block, on copper."""
        assert link.technology is not None
        plugged, total = node.plugged(link.technology), units * unit + spare
        catalog = self.bench.catalog
        cage, usual = plugged.cage, fabric.USUAL
        made = fabric.islands(catalog, total, plugged.links, plugged.gbps, link.technology, switch, cage, unit, usual)
        if isinstance(made, Rejection):
            return
        room = fabric.island_nodes(catalog.switches[switch], plugged.links, plugged.gbps, unit)
        sizes = [min(room, total - first) for first in range(0, total, room)]
        pods = [self._pod(node, switch, size) for size in sizes]
        for media in copper.to_nodes(catalog, self.bench.request, node, made, pods):
            for design in self._islands_on(node, link, switch, unit, units, spare, media):
                if design.low <= units <= design.high:
                    standing = tuple(p for p in pods if p is not None)
                    yield replace(design, low=units, high=units, pods=standing)

    def _islands_on(
        self, node: NodeBuild, link: FabricLink, switch: str, unit: int, most: int, spare: int, media: fabric.Media
    ) -> list[Design]:
        """Ranges of units by the number of their island switches, on given media."""
        assert link.technology is not None
        plugged = node.plugged(link.technology)
        brackets = fabric.island_brackets(
            self.bench.catalog,
            plugged.links,
            plugged.gbps,
            link.technology,
            switch,
            plugged.cage,
            unit * node.fabric_units,
            (most * unit + spare) * node.fabric_units,
            media,
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
                switch_bundle(self.bench.catalog, switch, made.leaf),
            )
            per_node = repeat(Bundle(lines=seeds(bracket.per_node_lines, "compute")), node.fabric_units)
            found.append(Design(switch, link.technology, "islands", 1.0, fixed, per_node, low, high, made.media))
        return found

    def _best_designs(self, designs: Sequence[Design]) -> list[Design]:
        """Designs that no other of the same range beats in every cost."""
        kept: list[tuple[Load, Load, Design]] = []
        for design in designs:
            fixed, each = self.bench.load_of(design.fixed), self.bench.load_of(design.per_node)
            if fixed is None or each is None:
                continue
            if any(
                d.low <= design.low
                and bool(d.pods) <= bool(design.pods)
                and d.high >= design.high
                and no_worse(f, fixed, self.bench.ignore)
                and no_worse(e, each, self.bench.ignore)
                for f, e, d in kept
            ):
                continue
            kept.append((fixed, each, design))
        return [d for _, _, d in kept]

    def managers(self, switch: str, nodes: int, technology: Technology) -> fabric.Managers | None:
        """Fabric managers of a fabric of so many nodes."""
        each = self.bench.request.resilience.managers
        return fabric.fabric_managers(self.bench.catalog, switch, nodes, technology, each)


def _without(designs: Sequence[Design], units: Set[int]) -> Iterator[Design]:
    """The ranges of designs less some numbers of units."""
    for design in designs:
        low = design.low
        for stop in sorted(n for n in units if design.low <= n <= design.high):
            if low < stop:
                yield replace(design, low=low, high=stop - 1)
            low = stop + 1
        if low <= design.high:
            yield replace(design, low=low)


def replace_link(link: FabricLink, design: Design) -> FabricLink:
    """The link as the design really gives it."""
    if not design.switch:
        return link
    return link.model_copy(update={"oversubscription": design.oversubscription, "planes": design.planes})


def standing(option: Option, design: Design) -> Option:
    """The option with its nodes and switches racked as the blocks of a design."""
    blocks: dict[Shape, int] = {}
    for pod in design.pods:
        for shape in (copper.named(s, option.node.id) for s in pod.blocks):
            blocks[shape] = blocks.get(shape, 0) + 1
    own = (design.switch, option.node.id, option.node.chassis)
    rest = {s: n for s, n in option.fixed.shapes.items() if s.item not in own}
    fixed, unit = replace(option.fixed, shapes=blocks | rest), replace(option.unit, shapes={})
    pods = tuple(tuple(copper.named(s, option.node.id) for s in pod.blocks) for pod in design.pods)
    return replace(option, fixed=fixed, unit=unit, pods=pods)


def no_fabric() -> Design:
    return Design(None, None, "direct", 1.0, Bundle(), Bundle(), 1, 1)


def fabric_id(design: Design) -> str:
    planes = f":{design.planes}-planes" if design.planes > 1 else ""
    return f"{design.switch}:{design.topology}{planes}{design.media.tag}" if design.switch else "alone"


def carries_fabric(node: NodeBuild) -> bool:
    return node.compute_ports > 0 and bool(node.compute_technologies)


def ports_of(node: NodeBuild) -> tuple[object, ...]:
    links = tuple(sorted(node.compute_links.items()))
    return (node.compute_ports, node.compute_gbps, links, node.compute_cage, node.fabric_units)
