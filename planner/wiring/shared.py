"""Cables of in-band, storage and out-of-band networks.

A port that is a cage of its own is taken in the order of the devices. Where one plug in a cage serves several ports (a
breakout cable, a module of two links), ports go out in groups that fill a cage, in pairs of switches one on either; the
last group is never a single port beside full ones, so that both switches of a pair have equally many plugs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.fabric import cabling
from planner.parts import Switch
from planner.plan import PlannedFabric
from planner.wiring.devices import Built, plugs
from planner.wiring.ports import Face, ports_at
from planner.wiring.run import PEER_LINKS, End, Run, face_of, kit, uplinks


def shared_runs(
    plan: Built, catalog: Catalog, net: PlannedFabric, switch: Switch, faces: dict[str, Face]
) -> Iterator[Run]:
    """Cables between devices and the leaves of one such network."""
    if net.role == "in-band" and net.leaf == 1 and _combined(plan):
        yield from _on_uplinks(plan, catalog, net, switch, faces)
        return
    leaves = max(1, net.leaf)
    owner = net.name if net.leaf else "in-band"
    split = max(1, ports_at(switch, net.gbps) // switch.ports) if net.role != "oob" else 1
    seats = [face_of(faces, f"{owner} leaf {k + 1}", switch, split) for k in range(leaves)]
    field = {"in-band": "in_band", "oob": "oob", "storage": "storage"}[net.role]
    nodes = sum(pool.nodes * getattr(pool.ports, field) for pool in plan.pools)
    parts = kit(catalog, net)
    per = 1 if parts is None else cabling.links_per_plug(parts)
    if parts is not None and per > 1:
        legs = parts.links_per_cable
        yield from _by_plug(net, seats, list(_ends(plan, catalog, net)), _Groups(net.endpoints, nodes, per), legs)
        return
    kept, pair = _reserved(net), net.redundancy == "pair"
    for done, end in enumerate(_ends(plan, catalog, net)):
        wanted = _preferred(net, nodes, done, end.number)
        seat = seats[wanted]
        if seat.room(kept) < 1:
            # The same side of another pair first, so that a device with two ports never has both on one switch.
            side = seats[wanted % 2 :: 2] if pair else []
            seat = next((s for s in (*side, *seats) if s.room(kept) > 0), seat)
        yield Run(net.name, end.kind, seat.label, (seat.node_port(),), (end.far,), net.gbps, end.through)


@dataclass(frozen=True, slots=True)
class _Plugged:
    """One port of a device: its name, its number at the device (from 0), the kind of link and who buys the cable."""

    far: End
    number: int
    kind: str
    through: str


def _ends(plan: Built, catalog: Catalog, net: PlannedFabric) -> Iterator[_Plugged]:
    """Every port that plugs into a network, device by device."""
    for label, prefix, count in plugs(plan, catalog, net.role):
        for k in range(count):
            far = (label, f"U{k + 1}" if prefix == "uplink" else prefix if prefix == "mgmt" else f"{prefix} {k + 1}")
            if prefix == "uplink":
                yield _Plugged(far, k, "uplink", _buyer(plan, catalog, net.name))
            else:
                yield _Plugged(far, k, "node", net.name)


def _buyer(plan: Built, catalog: Catalog, in_band: str) -> str:
    """The network whose lines buy the uplinks of out-of-band switches."""
    out = next(net for net in plan.fabrics if net.role == "oob")
    return in_band if cabling.uplink_at_speed(catalog.switches[out.switch]) else out.name


# -- several ports to a plug -------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Groups:
    """Ports in groups that fill a plug, or one on either switch of a pair; `ends` in all, nodes' first."""

    ends: int
    nodes: int
    per: int

    def of(self, port: int, sides: int) -> int:
        """The group of a port, both from 0."""
        size = self.per * sides
        if sides > 1 and self.ends % size == 1 and port == self.ends - 2:
            port += 1  # keeps the last one company
        return port // size

    def place(self, group: int, sides: int, places: int) -> int:
        """The switch or pair of a group: those with node ports spread evenly over all, the others likewise."""
        size = self.per * sides
        first, last = -(-self.nodes // size), -(-self.ends // size)
        return group * places // first if group < first else (group - first) * places // (last - first)


def _by_plug(
    net: PlannedFabric, seats: Sequence[Face], ends: Sequence[_Plugged], groups: _Groups, legs: int
) -> Iterator[Run]:
    """Cables group by group; `legs` of a breakout cable, 1 where modules have a cable per link."""
    sides = 2 if net.redundancy == "pair" and len(seats) % 2 == 0 else 1
    kept, places = _reserved(net), [seats[k : k + sides] for k in range(0, len(seats), sides)]
    for group, numbered in itertools.groupby(enumerate(ends), key=lambda e: groups.of(e[0], sides)):
        members = list(numbered)
        place = places[groups.place(group, sides, len(places))]
        if min(seat.room(kept) for seat in place) < groups.per:
            place = next((p for p in places if min(seat.room(kept) for seat in p) >= groups.per), place)
        for side, seat in enumerate(place):
            mine = [end for k, end in members if k % sides == side]
            ports = [seat.node_port() for _ in mine]
            seat.whole(groups.per)
            if legs > 1 and mine:
                yield Run(net.name, "node", seat.label, tuple(ports), tuple(e.far for e in mine), net.gbps, net.name)
                continue
            for end, port in zip(mine, ports, strict=True):
                yield Run(net.name, end.kind, seat.label, (port,), (end.far,), net.gbps, end.through)


# -- ports with a cage of their own ------------------------------------------------------------------------------------
def _preferred(net: PlannedFabric, nodes: int, done: int, port: int) -> int:
    """The leaf for the next port: node ports in order evenly over all leaves, then likewise everything else.

    The two leaves of a pair take the ports of a device in turn.
    """
    leaves = max(1, net.leaf)
    first, ends = (0, nodes) if done < nodes else (nodes, max(1, net.endpoints - nodes))
    if net.redundancy == "pair" and leaves % 2 == 0:
        pairs = leaves // 2
        return min(pairs - 1, max(0, done - port - first) * pairs // ends) * 2 + port % 2
    return min(leaves - 1, (done - first) * leaves // ends)


def _reserved(net: PlannedFabric) -> int:
    """Native ports of a leaf that lead to other switches."""
    if net.role == "oob" or not net.links_leaf_spine:
        return 0
    peers = PEER_LINKS if net.redundancy == "pair" else 0
    return uplinks(net) + peers if net.spine else peers


def _combined(plan: Built) -> bool:
    return any(net.role == "oob" and not net.leaf for net in plan.fabrics)


def _on_uplinks(
    plan: Built, catalog: Catalog, net: PlannedFabric, switch: Switch, faces: dict[str, Face]
) -> Iterator[Run]:
    """The one switch of a small site: in-band on its faster ports."""
    face = face_of(faces, f"{net.name} leaf 1", switch, 1)
    for end in _ends(plan, catalog, net):
        yield Run(net.name, "node", face.label, (face.uplink_port(),), (end.far,), net.gbps, net.name)
