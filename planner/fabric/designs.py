"""Networks as orderable designs: switches, optics and cables with their ports counted."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling
from planner.fabric.tree import Tree, fat_tree
from planner.parts import BuildLine, Switch, Technology

PEER_LINKS = 2  # between the two switches of a pair
OOB_UPLINKS = 2  # from each out-of-band switch into the in-band network, one to each of its pair


@dataclass(frozen=True, slots=True)
class FabricDesign:
    """One network. Counts of switches, links and ports, and every part it takes; each part stands once in `lines`."""

    switch: str
    technology: Technology
    gbps: float
    topology: str
    tiers: int
    leaf: int
    spine: int
    core: int
    endpoints: int
    oversubscription: float
    links_node: int
    links_leaf_spine: int
    links_spine_core: int
    ports_used: int
    ports_present: int
    redundancy: str
    lines: tuple[BuildLine, ...]
    uplinks: int = 0

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core


@dataclass(frozen=True, slots=True)
class Bracket:
    """Counts from lo to hi for which the network costs `fixed_lines` + count × `per_node_lines` exactly."""

    lo: int
    hi: int
    fixed_lines: tuple[BuildLine, ...]
    per_node_lines: tuple[BuildLine, ...]
    design_at_hi: FabricDesign


def ports_at(switch: Switch, gbps: float) -> int:
    """Ports that a switch gives at a speed: native, by splitting, or faster ports running down; 0 when it cannot."""
    if gbps == switch.gbps:
        return switch.ports
    split = switch.split.get(f"{gbps:g}")
    if split is not None:
        return split
    return switch.ports if 10 <= gbps < switch.gbps and gbps in (25, 50) else 0


def candidate_switches(catalog: Catalog, technology: str, gbps: float, role: str) -> list[str]:
    """Current switches of a technology for a role that give ports at a speed, in id order."""
    return sorted(
        s.id
        for s in catalog.switches.values()
        if s.technology == technology and role in s.roles and s.lifecycle == "current" and ports_at(s, gbps)
    )


# -- compute fabrics -------------------------------------------------------------------------------------------------
@functools.lru_cache(maxsize=65536)
def compute_design(
    catalog: Catalog,
    nodes: int,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    oversubscription: float,
    topology: str,
    node_cage: str,
    fabric_units: int = 1,
) -> FabricDesign | Rejection:
    """A compute fabric for nodes × fabric_units units with `ports_per_node` ports each at `gbps`.

    The fewest switches over all splits of leaf ports; rail-optimized or plain. Rejections: wrong technology or speed,
    too many endpoints for three tiers, no cable that fits.
    """
    switch = catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    radix = ports_at(switch, gbps)
    if not radix:
        return Rejection(switch_id, "port-speed", f"{switch_id} has no ports of {gbps:g} Gbit/s")
    units = nodes * fabric_units
    rail = topology == "rail"
    split = max(1, radix // switch.ports) if gbps < switch.gbps else 1
    tree = fat_tree(units, ports_per_node, switch.ports if split > 1 else radix, oversubscription, rail, 0, split)
    if tree is None:
        return Rejection(
            switch_id, "too-large", f"{units * ports_per_node} endpoints exceed three tiers of {switch_id}"
        )
    kit = cabling.node_kit(switch, gbps, node_cage)
    between = cabling.switch_kit(switch) if tree.tiers > 1 else None
    if isinstance(kit, Rejection):
        return kit
    if isinstance(between, Rejection):
        return between
    return _assembled(switch, tree, kit, between, units, ports_per_node, gbps, rail)


def _assembled(
    switch: Switch,
    tree: Tree,
    kit: cabling.LinkKit,
    between: cabling.LinkKit | None,
    units: int,
    ports: int,
    gbps: float,
    rail: bool,
) -> FabricDesign:
    down = _down_links(tree, units, ports, rail)
    node = cabling.lines(kit, down, [ports] * units)
    leaf_spine, spine_core = tree.links_leaf_spine, tree.links_spine_core
    trunk: dict[str, int] = {}
    if between is not None:
        trunk = _merge(
            cabling.lines(between, [leaf_spine // tree.leaf] * tree.leaf, _even(leaf_spine, tree.spine)),
            cabling.lines(between, _even(spine_core, tree.spine), _even(spine_core, tree.core)) if tree.core else {},
        )
    parts = cabling.build_lines({switch.id: tree.switches}, node, trunk)
    return FabricDesign(
        switch=switch.id,
        technology=switch.technology,
        gbps=gbps,
        topology="direct" if tree.tiers == 1 else ("rail" if rail else "plain"),
        tiers=tree.tiers,
        leaf=tree.leaf,
        spine=tree.spine,
        core=tree.core,
        endpoints=tree.endpoints,
        oversubscription=round(tree.oversubscription, 6),
        links_node=tree.endpoints,
        links_leaf_spine=leaf_spine,
        links_spine_core=spine_core,
        ports_used=tree.ports_used,
        ports_present=tree.switches * ports_at(switch, gbps),
        redundancy="none",
        lines=parts,
    )


def _down_links(tree: Tree, units: int, ports: int, rail: bool) -> list[int]:
    """Node links per leaf."""
    if tree.tiers == 1:
        return [units * ports]
    if not rail:
        return _filled(units * ports, tree.down, tree.leaf)
    groups = math.ceil(units / tree.down)
    return [min(tree.down, units - group * tree.down) for group in range(groups) for _ in range(ports)] + [0] * (
        tree.leaf - groups * ports
    )


def _filled(links: int, most: int, leaves: int) -> list[int]:
    return [max(0, min(most, links - k * most)) for k in range(leaves)]


def _even(links: int, ends: int) -> list[int]:
    return [links // ends + (1 if k < links % ends else 0) for k in range(ends)] if ends else []


def _merge(*parts: dict[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for found in parts:
        for part, number in found.items():
            total[part] = total.get(part, 0) + number
    return total


# -- in-band, storage, out-of-band -----------------------------------------------------------------------------------
def network_design(
    catalog: Catalog,
    name: str,
    endpoints: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str = "pair",
    oversubscription: float = 1.0,
) -> FabricDesign | Rejection:
    """In-band, storage (dual-homed leaf pairs, a spine pair beyond one pair) or oob (leaves with two uplinks each)."""
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription)
    if isinstance(made, Rejection):
        return made
    return made.design(endpoints)


class _Switches:
    """Hashable handle on a catalog's switches, for memoising by switch."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog


@dataclass(frozen=True)
class _Network:
    """One kind of network with everything that does not depend on the number of endpoints."""

    name: str
    switch: Switch
    gbps: float
    pair: bool
    oversubscription: float
    kit: cabling.LinkKit
    between: cabling.LinkKit | None

    def counts(self, endpoints: int) -> tuple[int, int, int] | None:
        """Leaves, spines, links between them (native ports) for a number of endpoint ports; None when too many."""
        radix, native = ports_at(self.switch, self.gbps), self.switch.ports
        if self.name == "oob":
            return max(1, math.ceil(endpoints / self.switch.ports)), 0, 0
        per_native = max(1, radix // native)
        if not self.pair:
            if endpoints <= radix:
                return 1, 0, 0
            down, up = self._split(native)
            leaf = math.ceil(endpoints / (down * per_native))
            spine = next((s for s in range(max(1, math.ceil(leaf * up / native)), up + 1) if up % s == 0), None)
            return None if spine is None else (leaf, spine, leaf * up)
        if endpoints <= 2 * (native - PEER_LINKS) * per_native:
            return 2, 0, PEER_LINKS
        down, up = self._split(native - PEER_LINKS)
        up -= up % 2
        leaf = 2 * math.ceil(endpoints / (2 * down * per_native))
        if leaf * up > 2 * native:
            return None
        return leaf, 2, leaf * up + (leaf // 2) * PEER_LINKS

    def _split(self, native: int) -> tuple[int, int]:
        """Down and up ports of a leaf; in-band and storage networks with spines run three to one at most."""
        ratio = max(self.oversubscription, 3.0 if self.name == "in-band" else 4 / 3)
        up = max(2, math.ceil(native / (1 + ratio)))
        up += up % 2
        return native - up, up

    def per_endpoint(self) -> dict[str, int]:
        """Parts of one endpoint link, counted per link so that brackets are exact (a splitter serves one endpoint)."""
        return cabling.lines(self.kit, [1], [1])

    def fixed(self, leaf: int, spine: int, links: int) -> dict[str, int]:
        """Switches and the links between them."""
        parts = {self.switch.id: leaf + spine}
        if self.name == "oob":
            uplinks = cabling.lines(cabling.uplink_kit(self.switch), [OOB_UPLINKS] * leaf, [])
            return _merge(parts, uplinks)
        if links and self.between is not None:
            ends = _even(links, leaf)
            return _merge(parts, cabling.lines(self.between, ends, _even(links, spine or leaf)))
        return parts

    def design(self, endpoints: int) -> FabricDesign | Rejection:
        counted = self.counts(endpoints)
        if counted is None:
            return Rejection(self.switch.id, "too-large", f"{endpoints} endpoints exceed two tiers of {self.switch.id}")
        leaf, spine, links = counted
        radix = ports_at(self.switch, self.gbps)
        share = max(1, radix // self.switch.ports) if self.name != "oob" else 1
        uplinks = OOB_UPLINKS * leaf if self.name == "oob" else 0
        between = 0 if self.name == "oob" else links
        present = (
            (leaf + spine) * radix if self.name != "oob" else leaf * (self.switch.ports + self.switch.uplink_ports)
        )
        each = {part: n * endpoints for part, n in self.per_endpoint().items()}
        return FabricDesign(
            switch=self.switch.id,
            technology=self.switch.technology,
            gbps=self.gbps,
            topology="plain" if spine else "direct",
            tiers=2 if spine else 1,
            leaf=leaf,
            spine=spine,
            core=0,
            endpoints=endpoints,
            oversubscription=self.oversubscription,
            links_node=endpoints,
            links_leaf_spine=between,
            links_spine_core=0,
            ports_used=endpoints + uplinks + 2 * between * share,
            ports_present=present,
            redundancy="pair" if self.pair else "none",
            lines=cabling.build_lines(self.fixed(leaf, spine, links), each),
            uplinks=uplinks,
        )


def _network(
    handle: _Switches,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
) -> _Network | Rejection:
    switch = handle.catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    if not ports_at(switch, gbps):
        return Rejection(switch_id, "port-speed", f"{switch_id} has no ports of {gbps:g} Gbit/s")
    kit = cabling.node_kit(switch, gbps, "qsfp112")
    if isinstance(kit, Rejection):
        return kit
    between = None if name == "oob" else cabling.switch_kit(switch)
    if isinstance(between, Rejection):
        return between
    return _Network(name, switch, gbps, redundancy == "pair" and name != "oob", oversubscription, kit, between)


def network_brackets(
    catalog: Catalog,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
    max_endpoints: int,
) -> list[Bracket]:
    """Ranges of endpoints with one count of switches, from 0 on; empty when this switch cannot build the network."""
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription)
    if isinstance(made, Rejection):
        return []
    found: list[Bracket] = []
    per = cabling.build_lines(made.per_endpoint())
    low = 0
    while low <= max_endpoints:
        counted = made.counts(max(low, 1))
        if counted is None:
            break
        high = _last_with(made, low, counted, max_endpoints)
        design = made.design(high)
        if isinstance(design, Rejection):
            break
        found.append(Bracket(low, high, cabling.build_lines(made.fixed(*counted)), per, design))
        low = high + 1
    return found


def _last_with(made: _Network, low: int, counted: tuple[int, int, int], most: int) -> int:
    """The largest count with the same switches: they only grow, so bisection is exact."""
    low, high = max(low, 1), most
    if made.counts(high) == counted:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if made.counts(middle) == counted:
            low = middle
        else:
            high = middle
    return low


@functools.lru_cache(maxsize=16384)
def islands(
    catalog: Catalog,
    nodes: int,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    node_cage: str,
    together: int,
) -> FabricDesign | Rejection:
    """A fabric for replicas that span `together` nodes each and do not talk to one another: single switches, unjoined.

    Each switch takes as many whole replicas as its ports allow. Modules are counted per node at either end, so the
    parts are exactly switches + nodes × the parts of one node.
    """
    switch = catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    room = island_nodes(switch, ports_per_node, gbps, together)
    kit = cabling.node_kit(switch, gbps, node_cage)
    if isinstance(kit, Rejection):
        return kit
    if not room:
        return Rejection(switch_id, "too-large", f"{together} nodes of {ports_per_node} ports exceed one {switch_id}")
    count = math.ceil(nodes / room)
    each = {part: n * nodes for part, n in cabling.lines(kit, [ports_per_node], [ports_per_node]).items()}
    return FabricDesign(
        switch=switch_id,
        technology=technology,
        gbps=gbps,
        topology="islands" if count > 1 else "direct",
        tiers=1,
        leaf=count,
        spine=0,
        core=0,
        endpoints=nodes * ports_per_node,
        oversubscription=1.0,
        links_node=nodes * ports_per_node,
        links_leaf_spine=0,
        links_spine_core=0,
        ports_used=nodes * ports_per_node,
        ports_present=count * ports_at(switch, gbps),
        redundancy="none",
        lines=cabling.build_lines({switch_id: count}, each),
    )


def island_nodes(switch: Switch, ports_per_node: int, gbps: float, together: int) -> int:
    """Nodes on one island switch: whole replicas of `together` nodes; 0 when not one fits."""
    ports = ports_at(switch, gbps)
    return ports // (ports_per_node * together) * together if ports_per_node else 0


def island_brackets(
    catalog: Catalog,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    node_cage: str,
    together: int,
    max_nodes: int,
) -> list[Bracket]:
    """Node counts by number of island switches, each costing fixed + per node exactly."""
    switch = catalog.switches[switch_id]
    room = island_nodes(switch, ports_per_node, gbps, together)
    kit = cabling.node_kit(switch, gbps, node_cage)
    if not room or switch.technology != technology or isinstance(kit, Rejection):
        return []
    each = cabling.build_lines(cabling.lines(kit, [ports_per_node], [ports_per_node]))
    found = []
    for count in range(1, math.ceil(max_nodes / room) + 1):
        high = min(count * room, max_nodes)
        made = islands(catalog, high, ports_per_node, gbps, technology, switch_id, node_cage, together)
        if isinstance(made, Rejection):
            break
        fixed = cabling.build_lines({switch_id: count})
        found.append(Bracket((count - 1) * room + 1, high, fixed, each, made))
    return found


def endpoint_lines(catalog: Catalog, switch_id: str, gbps: float, name: str) -> tuple[BuildLine, ...] | Rejection:
    """Cable and modules of one endpoint plugged into a switch."""
    kit = cabling.node_kit(catalog.switches[switch_id], gbps, "rj45" if name == "oob" else "qsfp112")
    return kit if isinstance(kit, Rejection) else cabling.build_lines(cabling.lines(kit, [1], [1]))


# -- power -----------------------------------------------------------------------------------------------------------
_MODULE_W = {1: 0.0, 10: 1.2, 25: 1.2, 100: 4.5, 200: 6.0, 400: 12.0, 800: 17.0, 1600: 30.0}
OVERHEAD = {"infiniband": 1.79, "ethernet-800": 1.08, "other": 1.25}
KG_PER_UNIT = 9.4  # median of the catalog's switches with a published weight


def switch_power(catalog: Catalog, switch: Switch) -> tuple[float, float, float, tuple[str, ...]]:
    """Typical W, maximum W with modules, kg; figures nobody printed come from the class rules and are named.

    Typical by switching capacity (one way, Tbit/s); maximum = typical + cages × module W × overhead.
    """
    del catalog
    notes = [f"{k}: {v}" for k, v in sorted(switch.estimates.items())]
    capacity = switch.ports * switch.gbps / 1000
    typical = switch.typical_power_w
    if typical is None:
        typical = _typical_by_capacity(capacity)
        notes.append(f"typical_power_w: {typical:g} W by the class rule for {capacity:g} Tbit/s")
    most = switch.max_power_w
    if most is None:
        twin = switch.cage.endswith("twin")
        module = _MODULE_W.get(round(switch.gbps * (2 if twin and switch.cages * 2 == switch.ports else 1)), 12.0)
        if switch.cage == "cpo":
            module = 0.0
        kind = "infiniband" if twin and switch.technology == "infiniband" else "other"
        if switch.technology == "ethernet" and switch.gbps >= 800:
            kind = "ethernet-800"
        most = round(typical + switch.cages * module * OVERHEAD[kind])
        notes.append(f"max_power_w: {most:g} W = typical + {switch.cages} cages × {module:g} W × {OVERHEAD[kind]}")
    weight = switch.weight_kg
    if weight is None:
        weight = round(KG_PER_UNIT * switch.rack_units, 1)
        notes.append(f"weight_kg: {weight:g} kg by the class rule of {KG_PER_UNIT} kg per rack unit")
    return typical, most, weight, tuple(notes)


def _typical_by_capacity(tbps: float) -> float:
    steps = ((1, 98.0), (6.4, 470.0), (8, 250.0), (12.8, 615.0), (25.6, 700.0), (51.2, 920.0), (57.6, 1700.0))
    return next((watts for top, watts in (*steps, (102.4, 1900.0)) if tbps <= top * 1.01), 2200.0)


def describe(
    catalog: Catalog, nodes: int, nics: int, switch_id: str, oversubscription: float
) -> dict[str, object] | Rejection:
    """A compute fabric in words and numbers for `planner fabric`, at the switch's native speed."""
    switch = catalog.switches[switch_id]
    cage = "osfp-twin" if switch.cage == "osfp-twin" else ("osfp" if switch.gbps >= 800 else "qsfp56")
    topology = "rail" if nics > 1 else "plain"
    made = compute_design(
        catalog, nodes, nics, switch.gbps, switch.technology, switch_id, oversubscription, topology, cage
    )
    if isinstance(made, Rejection):
        return made
    typical, most, _, _ = switch_power(catalog, switch)
    return {
        "nodes": nodes,
        "nics_per_node": nics,
        "switch": switch_id,
        "technology": made.technology,
        "gbps": made.gbps,
        "topology": made.topology,
        "tiers": made.tiers,
        "leaf": made.leaf,
        "spine": made.spine,
        "core": made.core,
        "endpoints": made.endpoints,
        "oversubscription": made.oversubscription,
        "node_links": made.links_node,
        "leaf_spine_links": made.links_leaf_spine,
        "spine_core_links": made.links_spine_core,
        "cables": made.links_node + made.links_leaf_spine + made.links_spine_core,
        "ports_used": made.ports_used,
        "ports_present": made.ports_present,
        "switch_power_kw_max": round(made.switches * most / 1000, 3),
        "switch_power_kw_typical": round(made.switches * typical / 1000, 3),
        "lines": [line.model_dump() for line in made.lines],
    }
