"""Where every device stands: the fewest racks (proven by planner.site), arranged so that people can build them.

Nodes stand in their own order, so scalable units stay together. Switches, storage and management get racks of their
own in the middle of the row where that takes no rack more; else they fill what the node racks leave, nearest to the
nodes they serve; where even that needs more racks than the proven least, the exact packing is taken as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from planner import site
from planner.errors import Rejection
from planner.site import Packing, RackLoad, RackNeed, Room


@dataclass
class _Rack:
    """A rack while it is filled: what is left of units, watts, grams and heat."""

    units: int
    watts: int
    grams: int
    heat: tuple[int, ...] = ()  # watts that it still gives to air and to liquid, where that is limited
    members: list[RackNeed] = field(default_factory=list)

    def takes(self, need: RackNeed) -> bool:
        cool = all(have >= left for have, left in zip(self.heat, site.heat_watts(need), strict=False))
        return cool and need.units <= self.units and _watts(need) <= self.watts and _grams(need) <= self.grams

    def put(self, need: RackNeed) -> None:
        self.units -= need.units
        self.watts -= _watts(need)
        self.grams -= _grams(need)
        self.heat = tuple(have - left for have, left in zip(self.heat, site.heat_watts(need), strict=False))
        self.members.append(need)


def place(needs: Sequence[RackNeed], space: Room) -> Packing | Rejection:
    """Every device in a rack and unit, in the fewest racks; racks in the order in which they stand on the floor.

    A Rejection in words when one device fits no rack. Devices that bring their own rack stand first.
    """
    exact = site.pack(needs, space)
    if isinstance(exact, Rejection):
        return exact
    standing = [n for n in needs if not n.own_rack]
    least = sum(1 for rack in exact.racks if not any(p.need.own_rack for p in rack.items))
    tidy = _tidy(standing, space, least)
    if tidy is None:
        return exact
    own = tuple(rack for rack in exact.racks if any(p.need.own_rack for p in rack.items))
    loads = tuple(RackLoad(space.units, site.stacked(rack.members, space.units)) for rack in tidy if rack.members)
    return Packing(_with_own(own, loads, needs), exact.proven)


def _with_own(own: Sequence[RackLoad], loads: Sequence[RackLoad], needs: Sequence[RackNeed]) -> tuple[RackLoad, ...]:
    """Rack-scale systems on both sides of the racks that serve them, when nothing but equipment stands there."""
    if not own or any(n.role == "node" and not n.own_rack for n in needs):
        return (*own, *loads)
    half = (len(own) + 1) // 2
    return (*own[:half], *loads, *own[half:])


def _tidy(standing: Sequence[RackNeed], space: Room, least: int) -> list[_Rack] | None:
    """At most `least` racks with nodes in order; None when equipment finds no place that way."""
    nodes = [n for n in standing if n.role == "node"]
    rest = [n for n in standing if n.role != "node"]
    racks, home = _in_order(nodes, space)
    spare = least - len(racks)
    if spare < 0:
        return None
    middle = len(racks) // 2
    together = [_empty(space) for _ in range(spare)]
    if _filled(rest, [(k, rack) for k, rack in enumerate(together)], home, None):
        return [*racks[:middle], *together, *racks[middle:]]
    racks, home = _in_order(nodes, space)
    together = [_empty(space) for _ in range(spare)]
    everywhere = [*enumerate(racks), *((middle, rack) for rack in together)]
    if _filled(rest, everywhere, home, middle):
        return [*racks[:middle], *together, *racks[middle:]]
    return None


def _in_order(nodes: Sequence[RackNeed], space: Room) -> tuple[list[_Rack], list[int]]:
    """Nodes one after the other, a new rack when one is full; and the rack of each node."""
    racks: list[_Rack] = []
    home: list[int] = []
    for need in nodes:
        if not racks or not racks[-1].takes(need):
            racks.append(_empty(space))
        racks[-1].put(need)
        home.append(len(racks) - 1)
    return racks, home


def _filled(
    rest: Sequence[RackNeed], racks: Sequence[tuple[int, _Rack]], home: Sequence[int], middle: int | None
) -> bool:
    """Put everything into racks, nearest to whom it serves; False when something finds no place.

    The hungriest go first, as they fit in the fewest places; a device without nodes of its own goes to the middle.
    """
    order = sorted(range(len(rest)), key=lambda k: (-_watts(rest[k]), -rest[k].units, k))
    for k in order:
        need = rest[k]
        target = float(middle or 0)
        if need.near is not None and home and middle is not None:
            first, last = (min(n, len(home) - 1) for n in need.near)
            target = (home[first] + home[last]) / 2
        found = next((r for _, r in sorted(racks, key=lambda p: abs(p[0] - target)) if r.takes(need)), None)
        if found is None:
            return False
        found.put(need)
    for _, rack in racks:  # back to the order in which devices are counted
        place_of = {id(n): i for i, n in enumerate(rest)}
        rack.members.sort(key=lambda n: place_of.get(id(n), -1))
    return True


def _empty(space: Room) -> _Rack:
    watts, grams = site.whole_limits(space)
    unlimited = 10**15
    most = unlimited if watts is None else watts, unlimited if grams is None else grams
    return _Rack(space.units, *most, site.heat_limits(space))


def _watts(need: RackNeed) -> int:
    return site.whole_watts(need.power_kw)


def _grams(need: RackNeed) -> int:
    return round(need.weight_kg * 1000)
