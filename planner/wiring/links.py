"""Every cable of a plan, one after the other: which device and port at either end. Nothing is kept but counters.

The rules are those by which the networks were counted (docs/fabric.md): rail i of all nodes of a scalable unit is on
one leaf; leaves stripe evenly over spines, spines over the cores of their group; the two leaves of a pair take
the ports of a device in turn. A breakout cable is one cable with several legs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from planner.catalog import Catalog
from planner.fabric import cabling
from planner.fabric.copper import kit_of
from planner.fabric.design import ports_per_cage
from planner.fabric.tree import rail_leaves, rails_of_leaf
from planner.parts import Switch
from planner.plan import PlannedFabric, Pool
from planner.wiring.devices import Built, compute_port, links_per_port, manager_ends, pool_names
from planner.wiring.ports import Face, PortClash, ports_at
from planner.wiring.run import PEER_LINKS, End, Run, face_of, kit, uplinks
from planner.wiring.shared import shared_runs


def runs(plan: Built, catalog: Catalog) -> Iterator[Run]:
    """Every cable of every network; PortClash when a port would be used twice or is missing."""
    used: dict[str, Face] = {}
    for net in plan.fabrics:
        yield from network_runs(plan, catalog, net, used)


def network_runs(
    plan: Built, catalog: Catalog, net: PlannedFabric, used: dict[str, Face] | None = None
) -> Iterator[Run]:
    """The cables of one network. `used` keeps the faces of switches that carry two networks."""
    switch = catalog.switches[net.switch]
    faces = used if used is not None else {}
    devices = _compute if net.role == "compute" else shared_runs
    node = kit(catalog, net)
    for run in devices(plan, catalog, net, switch, faces):
        yield from _strands(run, node if run.kind == "node" else None)
    units = _Units(plan, catalog, net) if net.role == "compute" else None
    groups = units.rails if units is not None and net.topology == "rail" else 1
    whole = units.whole_leaves() if units is not None else net.leaf
    trunk = trunk_kit(catalog, net)
    per = 1 if trunk is None else trunk.links_per_cable
    for plane in range(net.planes):
        for run in _between(net, switch, faces, groups, whole, per, plane):
            yield from _strands(run, trunk)


def trunk_kit(catalog: Catalog, net: PlannedFabric) -> cabling.LinkKit | None:
    """The parts of a link between two switches of a network."""
    found = cabling.switch_kit(catalog.switches[net.switch]) if net.links_leaf_spine else None
    return kit_of(catalog, found, net.trunk_cable) if isinstance(found, cabling.LinkKit) else None


def _strands(run: Run, parts: cabling.LinkKit | None) -> Iterator[Run]:
    """The cables of a link: one, or one per connector of its modules with an equal share of its speed."""
    fibres = 1 if parts is None else parts.fibres
    if fibres == 1:
        yield run
        return
    for k in range(1, fibres + 1):
        yield replace(run, gbps=run.gbps / fibres, strand=k)


# -- compute fabrics -------------------------------------------------------------------------------------------------
def _compute(
    plan: Built, catalog: Catalog, net: PlannedFabric, switch: Switch, faces: dict[str, Face]
) -> Iterator[Run]:
    """Node links leaf by leaf, so that the legs of a breakout cable come together."""
    units = _Units(plan, catalog, net)
    split = max(1, ports_at(switch, net.gbps) // switch.ports) if net.gbps < switch.gbps else 1
    links = kit(catalog, net)
    per = links.links_per_cable if links is not None else 1
    managers = manager_ends(plan, catalog, net.name)
    below = units.managers(split)
    for leaf in range(net.leaf):
        face = face_of(faces, f"{net.name} leaf {leaf + 1}", switch, split)
        legs: list[tuple[End, str]] = []
        for unit, port in units.of_leaf(leaf):
            if net.topology == "islands" and legs and units.ends(unit)[0] != legs[0][0][0]:
                yield from _cables(net, face, legs, per)
                legs = []
                face.whole(units.cage)
            legs.append((units.port(unit, port), face.node_port()))
        legs += [(next(managers), face.node_port()) for _ in range(below[leaf])]
        yield from _cables(net, face, legs, per)


def _cables(net: PlannedFabric, face: Face, legs: Sequence[tuple[End, str]], per: int) -> Iterator[Run]:
    for k in range(0, len(legs), per):
        group = legs[k : k + per]
        ends, ports = tuple(end for end, _ in group), tuple(port for _, port in group)
        yield Run(net.name, "node", face.label, ports, ends, net.gbps, net.name)


class _Units:
    """The fabric's units (nodes, or trays of a rack-scale system) in order, and which ports go to which leaf."""

    def __init__(self, plan: Built, catalog: Catalog, net: PlannedFabric) -> None:
        self.net = net
        named = zip(pool_names(plan.pools), plan.pools, strict=True)
        self.pools = [(name, pool, catalog.chassis[pool.chassis].fabric_units) for name, pool in named]
        self.pools = [entry for entry in self.pools if entry[1].fabric == net.name]
        self.links = [links_per_port(catalog, pool.nic, net) for _, pool, _ in self.pools]
        self.count = sum(pool.nodes * trays for _, pool, trays in self.pools)
        # Ports of each unit: of pools that share a plain fabric they may differ.
        self.ports = [pool.ports.compute // trays for _, pool, trays in self.pools for _ in range(pool.nodes * trays)]
        self.each = max(self.ports, default=0)
        self.rails = self.each // net.planes  # ports of a unit in one plane
        self.leaves = net.leaf // net.planes  # of one plane
        self.together = self._together(self.pools[0][1]) * self.pools[0][2] if self.pools else 1
        self.reserve = int(plan.request["preferences"]["fabric"].get("reserve_nodes", 0))
        self.radix = ports_at(catalog.switches[net.switch], net.gbps)
        self.cage = ports_per_cage(catalog.switches[net.switch], net.gbps)
        up = net.links_leaf_spine // net.leaf if net.spine else 0
        native = catalog.switches[net.switch].ports
        split = max(1, self.radix // native) if net.gbps < catalog.switches[net.switch].gbps else 1
        self.down = round(net.oversubscription * up * split) if up else self.radix

    def managers(self, split: int) -> list[int]:
        """Links of fabric managers per leaf: one each on the last leaves with a free port, again until all stand."""
        up = self.net.links_leaf_spine // self.net.leaf if self.net.spine else 0
        native = self.radix // split
        room = [(native - up) * split - sum(1 for _ in self.of_leaf(leaf)) for leaf in range(self.net.leaf)]
        found, left = [0] * self.net.leaf, self.net.links_other
        while left:
            before = left
            for leaf in reversed(range(self.net.leaf)):
                if left and found[leaf] < room[leaf]:
                    found[leaf] += 1
                    left -= 1
            if left == before:
                raise PortClash(f"{self.net.name}: no port is left for a fabric manager.")
        return found

    def whole_leaves(self) -> int:
        """Leaves of one plane when the reserved nodes have come."""
        if not self.reserve or not self.net.spine:
            return self.leaves
        if self.net.topology == "rail":
            whole = self.count + self.reserve
            return max(self.leaves, rail_leaves(whole, whole, self.rails, self.down, self.net.tiers))
        ends = (self.count + self.reserve) * self.rails + self.net.links_other
        return max(self.leaves, -(-ends // self.down))

    @staticmethod
    def _together(pool: Pool) -> int:
        spans = [p.layout.get("nodes") for p in pool.predicted]
        return int(spans[0] or 1) if spans else 1

    def of_leaf(self, leaf: int) -> Iterator[tuple[int, int]]:
        """(unit, port) of everything below a leaf, both from 0. Link k of a port goes to plane k."""
        plane, leaf = divmod(leaf, max(1, self.leaves))
        if self.net.topology == "islands":
            own = -(-self.each // self.cage) * self.cage  # a plug serves one node
            room = max(1, self.radix // max(1, own * self.together) * self.together)
            for unit in range(leaf * room, min(self.count, (leaf + 1) * room)):
                yield from ((unit, port) for port in range(self.each))
        elif self.net.topology == "rail" and self.net.spine:
            group, rails = rails_of_leaf(leaf, self.count + self.reserve, self.rails, self.down, self.net.tiers)
            units = range(group * self.down, min(self.count, (group + 1) * self.down))
            yield from ((unit, rail * self.net.planes + plane) for rail in rails for unit in units)
        else:
            first = leaf * self.down
            yield from itertools.islice(self._in_order(plane), first, first + self.down)

    def _in_order(self, plane: int) -> Iterator[tuple[int, int]]:
        """(unit, port) of every node port of a plane, one after the other."""
        step = self.net.planes
        return ((unit, port) for unit, ports in enumerate(self.ports) for port in range(plane, ports, step))

    def ends(self, unit: int) -> tuple[str, str]:
        """Label of the device that a unit belongs to, and the prefix of its ports."""
        label, prefix, _ = self._place(unit)
        return label, prefix

    def _place(self, unit: int) -> tuple[str, str, int]:
        """The same, with the links of one port."""
        for k, (name, pool, trays) in enumerate(self.pools):
            if unit < pool.nodes * trays:
                node, tray = divmod(unit, trays)
                return f"{name} node {node + 1}", f"tray {tray + 1} " if trays > 1 else "", self.links[k]
            unit -= pool.nodes * trays
        raise PortClash(f"{self.net.name}: more links than node ports.")

    def port(self, unit: int, port: int) -> End:
        label, prefix, links = self._place(unit)
        return label, prefix + compute_port(port, links)


# -- between switches ------------------------------------------------------------------------------------------------
def _between(
    net: PlannedFabric, switch: Switch, faces: dict[str, Face], groups: int, whole: int, per: int, plane: int
) -> Iterator[Run]:
    """Links between switches of a plane (from 0), `per` of them in a cable.

    `groups` of leaves by rail; `whole`: leaves of the plane with later ones.
    """
    if not net.links_leaf_spine:
        return
    split = max(1, ports_at(switch, net.gbps) // switch.ports) if net.role != "oob" else 1

    def link(kind: str, one: str, other: str) -> Run:
        a, b = face_of(faces, f"{net.name} {one}", switch, split), face_of(faces, f"{net.name} {other}", switch, split)
        ports = tuple(a.trunk_port() for _ in range(per))
        return Run(
            net.name, kind, a.label, ports, tuple((b.label, b.trunk_port()) for _ in ports), switch.gbps, net.name
        )

    paired = net.redundancy == "pair" and net.role != "compute"
    for pair in range(net.leaf // 2 if paired else 0):
        for _ in range(PEER_LINKS // per):
            yield link("peer", f"leaf {2 * pair + 1}", f"leaf {2 * pair + 2}")
    if not net.spine:
        return
    up = uplinks(net)
    leaves, spines, cores = (count // net.planes for count in (net.leaf, net.spine, net.core))

    def name(tier: str, number: int, of_plane: int) -> str:
        return f"{tier} {plane * of_plane + number + 1}"

    if not cores:
        for leaf in range(leaves):
            for k in range(up // per):
                yield link("trunk", name("leaf", leaf, leaves), name("spine", k % spines, spines))
        return
    core = 0
    for pod, first, count in _pods(switch, up, groups, whole):
        there = [leaf for leaf in pod if leaf < leaves]
        for leaf in there:
            for k in range(up):
                yield link("trunk", name("leaf", leaf, leaves), name("spine", first + k % count, spines))
        each = len(there) * up // count
        for spine in range(first, first + count):
            for _ in range(each):
                yield link("core", name("spine", spine, spines), name("core", core % cores, cores))
                core += 1


def _pods(switch: Switch, up: int, groups: int, whole: int) -> Iterator[tuple[list[int], int, int]]:
    """Pods of a three-tier tree: their leaves, first spine and number of spines, all from 0.

    A pod is a rail group, or part of one: at most half as many leaves as a switch has ports. A pod has the fewest
    spines over which its leaves stripe evenly and that keep half of their ports for the cores.
    """
    half, first = switch.ports // 2, 0
    for group in range(groups):
        members = list(range(group, whole, groups))
        for k in range(0, len(members), half):
            leaves = members[k : k + half]
            need = -(-len(leaves) * up // half)
            count = next((s for s in range(max(1, need), up + 1) if up % s == 0), up)
            yield leaves, first, count
            first += count
