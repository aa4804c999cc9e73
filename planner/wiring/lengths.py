"""Lengths: what each run needs on the floor, and which cable of its family is bought for it.

A candidate prices a link with one cable of a family (docs/room.md). Where other lengths of that family land at the
same price, each run takes the shortest that reaches; the sum of the lines stays what the candidate said, to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.fabric import cabling
from planner.floorplan import Floor, cable_m
from planner.parts import Cable
from planner.plan import PlannedCables, PlannedFabric
from planner.wiring.devices import Built, Device, directory, floor
from planner.wiring.links import runs, trunk_kit
from planner.wiring.run import Run, kit

Key = tuple[str, str]  # network that buys the cable, kind of link
Spot = tuple[int, int, float]  # rack, its units, height of the port in units
Price = Callable[[str], object]  # whatever must be equal for two lengths to be exchanged; None: no price


@dataclass(frozen=True)
class Ladder:
    """Cables of one family that may be bought for a kind of link, shortest first."""

    cables: tuple[Cable, ...]

    def cut(self, need_m: float) -> Cable:
        """The shortest that reaches; the longest where none does."""
        return next((c for c in self.cables if c.length_m >= need_m - 1e-9), self.cables[-1])


def class_cables(catalog: Catalog, net: PlannedFabric) -> dict[Key, str]:
    """The cable with which candidates price each kind of link of a network."""
    found: dict[Key, str] = {}
    node = kit(catalog, net)
    if node is not None:
        found[net.name, "node"] = node.cable
    between = trunk_kit(catalog, net)
    if between is not None:
        found.update({(net.name, kind): between.cable for kind in ("trunk", "core", "peer")})
    if net.role == "oob":
        found[net.name, "uplink"] = cabling.uplink_kit(catalog.switches[net.switch]).cable
    elif net.role == "in-band" and node is not None:
        found[net.name, "uplink"] = node.cable
    return found


def class_parts(catalog: Catalog, fabrics: Sequence[PlannedFabric]) -> dict[Key, str]:
    """The same for every network of a plan."""
    return {key: part for net in fabrics for key, part in class_cables(catalog, net).items()}


def family(catalog: Catalog, cable: Cable) -> tuple[Cable, ...]:
    """Cables that differ from one in nothing but their length, shortest first."""
    same = [c for c in catalog.cables.values() if _kin(c) == _kin(cable) and c.lifecycle == cable.lifecycle]
    return tuple(sorted(same, key=lambda c: (c.length_m, c.id)))


def _kin(cable: Cable) -> tuple[object, ...]:
    return (cable.vendor, cable.kind, cable.gbps, cable.links, cable.ends, cable.side, cable.technologies, cable.origin)


def ladders(plan: Built, catalog: Catalog, price: Price) -> dict[Key, Ladder]:
    """The lengths that may be exchanged for each kind of link: same family, same landed price."""
    found = {}
    for net in plan.fabrics:
        for key, part in class_cables(catalog, net).items():
            cable = catalog.cables[part]
            worth = price(part)
            same = tuple(c for c in family(catalog, cable) if c.id == part or (worth and price(c.id) == worth))
            found[key] = Ladder(same)
    return found


def planned_ladders(plan_cabling: Sequence[PlannedCables], catalog: Catalog) -> dict[Key, Ladder]:
    """The lengths that a saved plan holds for each kind of link."""
    held: dict[Key, list[Cable]] = {}
    for entry in plan_cabling:
        held.setdefault((entry.network, entry.kind), []).append(catalog.cables[entry.part])
    return {key: Ladder(tuple(sorted(found, key=lambda c: c.length_m))) for key, found in held.items()}


@dataclass(frozen=True, slots=True)
class Cut:
    """One cable of the schedule: the run, the cable bought for it and the metres that each of its legs needs."""

    run: Run
    cable: Cable
    legs_m: tuple[float, ...]

    @property
    def need_m(self) -> float:
        """Metres that the longest leg needs."""
        return self.legs_m[0] if len(self.legs_m) == 1 else max(self.legs_m)


def cuts(plan: Built, catalog: Catalog, steps: Mapping[Key, Ladder]) -> Iterator[Cut]:
    """Every cable with its length, one after the other."""
    reach = _Reach(directory(plan), floor(plan, catalog))
    for run in runs(plan, catalog):
        need = reach.legs_m(run)
        yield Cut(run, steps[run.through, run.kind].cut(max(need)), need)


class _Reach:
    """Metres between devices; many runs join places of equal height in the same two racks."""

    def __init__(self, devices: Mapping[str, Device], ground: Floor) -> None:
        self.devices, self.ground = devices, ground
        self.spots = {label: device.spot for label, device in devices.items()}
        self.known: dict[tuple[Spot, Spot], float] = {}

    def legs_m(self, run: Run) -> tuple[float, ...]:
        """Metres that every leg of a run needs."""
        if len(run.far) == 1:
            return (self._metres(run.near, run.far[0][0]),)
        return tuple(self._metres(run.near, label) for label, _ in run.far)

    def _metres(self, one: str, other: str) -> float:
        spots = self.spots
        if one not in spots or other not in spots:
            _ = self.devices[one], self.devices[other]  # says which one stands in no rack
        key = (spots[one], spots[other])
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = cable_m(self.ground, *key)
        return found


def cabling_of(plan: Built, catalog: Catalog, price: Price) -> tuple[PlannedCables, ...]:
    """Cables by network, kind and length: the totals by length class, and what the lines of the plan buy."""
    count: dict[tuple[str, str, str], int] = {}
    longest: dict[tuple[str, str, str], float] = {}
    for cut in cuts(plan, catalog, ladders(plan, catalog, price)):
        key = (cut.run.through, cut.run.kind, cut.cable.id)
        count[key] = count.get(key, 0) + 1
        longest[key] = max(longest.get(key, 0.0), cut.need_m)
    order = {net.name: k for k, net in enumerate(plan.fabrics)}
    kinds = ("node", "trunk", "core", "peer", "uplink")

    def place(key: tuple[str, str, str]) -> tuple[object, ...]:
        return (order[key[0]], kinds.index(key[1]), catalog.cables[key[2]].length_m, key[2])

    return tuple(
        PlannedCables(
            network=key[0],
            kind=key[1],  # type: ignore[arg-type]
            part=key[2],
            length_m=catalog.cables[key[2]].length_m,
            quantity=count[key],
            longest_m=round(longest[key], 2),
        )
        for key in sorted(count, key=place)
    )
