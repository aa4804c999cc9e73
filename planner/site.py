"""The room: power at the meter, what one rack takes, and the exact assignment of devices to racks.

Racks are filled exactly: lower bounds (totals, per shape, things of which only one fits) are compared with several
first-fit orders; where they differ, a small program over racks decides. Everything is in whole watts and grams inside.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.errors import Rejection
from planner.parts import Chassis
from planner.request import Feeds, Request

DEFAULT_RACK_UNITS = {"air": 42, "liquid": 48}  # of the cabinets that are bought: liquid-ready ones are taller
# Where the request names no rack power, what rooms of that kind give: upper ends of facility practice.
DEFAULT_RACK_POWER_KW = {"air": 45.0, "liquid": 140.0}
# 80 % of a breaker continuously: NEC 210.20 and 215.3 (US), CEC 8-104 (CA); elsewhere feeds.derate says it.
NEC_COUNTRIES = frozenset({"US", "CA"})
CONTINUOUS_SHARE = 0.8
# Share of heat that cold plates take: 70-80 % seen for eight-accelerator nodes, 94 % for a GB300 compute tray.
PLATE_PERCENT = {"node": 70, "rack-scale": 94}
DEFAULT_PUE = {"air": 1.4, "liquid": 1.2}


@dataclass(frozen=True, slots=True)
class Room:
    """What one rack takes: usable units, kW with one feed lost, kg of equipment, kW of heat to air and to liquid (None:
    not limited)."""

    units: int
    power_kw: float | None = None
    weight_kg: float | None = None
    air_kw: float | None = None
    liquid_kw: float | None = None


@dataclass(frozen=True, slots=True)
class RackNeed:
    """One device that stands in a rack; `own_rack` devices bring theirs.

    `role` is what it does (node, network, storage, management, cooling); `near` the numbers (from 0) of the first and
    the last node that it serves, where it serves some more than others. A block of devices directly above one another
    is one.
    """

    item: str
    label: str
    units: int
    power_kw: float
    weight_kg: float
    own_rack: bool = False
    cooling: str = "air"
    role: str = "node"
    near: tuple[int, int] | None = None
    liquid_kw: float = 0.0  # of its heat, what cold plates take
    stack: tuple[RackNeed, ...] = ()  # what a block is made of, from the bottom up
    beside: str = ""  # blocks of one name stand in neighbouring racks


@dataclass(frozen=True, slots=True)
class Placed:
    """A device and its lowest unit, counted from 1 at the bottom."""

    need: RackNeed
    bottom_unit: int


@dataclass(frozen=True, slots=True)
class RackLoad:
    """One rack and what stands in it."""

    units: int
    items: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """An assignment with the smallest number of racks; `proven` whether a bound or a program shows that."""

    racks: tuple[RackLoad, ...]
    proven: bool


# Shapes inside this module: units, watts, grams, where limited also watts to air and to liquid; count.
Item = tuple[int, ...]


# -- power -----------------------------------------------------------------------------------------------------------
def peak_pue(request: Request) -> float:
    """PUE on the peak day: site.pue, else the default of the room's cooling."""
    return request.site.pue or DEFAULT_PUE[request.site.cooling]


def annual_pue(request: Request) -> float:
    """Annual PUE: site.pue_annual, else the peak-day figure."""
    return request.site.pue_annual or peak_pue(request)


def it_power_limit_kw(request: Request) -> float | None:
    """The IT power limit in kW: the smaller of it_power_kw and utility_power_kw ÷ peak PUE; None when not given."""
    given = []
    if request.site.it_power_kw is not None:
        given.append(request.site.it_power_kw)
    if request.site.utility_power_kw is not None:
        given.append(request.site.utility_power_kw / peak_pue(request))
    return min(given, default=None)


def live_feeds(feeds: Feeds | None) -> int:
    """Feeds that are left when as many are lost as the redundancy allows; without `feeds:` one of a pair."""
    if feeds is None:
        return 1
    return {"N": feeds.count, "N+1": feeds.count - 1, "2N": feeds.count // 2}[feeds.redundancy]


def feed_count(feeds: Feeds | None) -> int:
    """Feeds of a rack; without `feeds:` a pair."""
    return 2 if feeds is None else feeds.count


@dataclass(frozen=True, slots=True)
class LostFeed:
    """What one lost feed does to a node. `result`: rides through | throttles | stops | not known."""

    left: int | None  # supplies on the feeds that stay
    needed: int | None  # supplies that carry the maximum draw, or what the maker's redundancy asks for, if more
    carried_w: float | None
    result: str


def lost_feed(chassis: Chassis, need_w: float, usual_w: float, feeds: int) -> LostFeed:
    """A node draws `need_w` at most, `usual_w` typically; its supplies are spread evenly and the fullest feed is lost.

    It rides through when the supplies that stay carry its maximum draw and are as many as the maker's redundancy keeps
    (4 of a 4+2 set); it throttles when the maker's redundancy keeps so few (3 of a 3+3 set) although they do not carry
    the maximum, or when they carry the typical draw; else it stops.
    """
    count, watts = chassis.psu_count, chassis.psu_watts
    stated = stated_supplies(chassis)
    carrying = chassis.psu_min_live if not watts else math.ceil(round(need_w / watts, 9))
    needed = max((n for n in (stated, carrying) if n is not None), default=None)
    left = None if count is None else count - math.ceil(count / feeds)
    carried = None if left is None or watts is None else left * watts
    if left is None:
        result = "not known"
    elif left == 0:
        result = "stops"
    elif needed is None:
        result = "not known"
    elif left >= needed:
        result = "rides through"
    elif stated is not None and left >= stated:
        result = "throttles"
    elif carried is None:
        result = "not known"
    else:
        result = "throttles" if carried >= usual_w else "stops"
    return LostFeed(left, needed, carried, result)


def stated_supplies(chassis: Chassis) -> int | None:
    """Supplies that the maker's redundancy keeps alive: the smaller of `3+3 / 5+1`, half of `N+N`; None: unsaid."""
    count, words = chassis.psu_count, chassis.psu_redundancy or ""
    if count is None:
        return None
    kept = [int(a) for a, b in re.findall(r"(\d+)\s*\+\s*(\d+)", words) if int(a) + int(b) == count]
    if "N+N" in words and count % 2 == 0:
        kept.append(count // 2)
    return min(kept, default=None)


def derate(request: Request) -> float:
    """Share of a breaker that may run continuously: feeds.derate, else 80 % where the NEC or CEC applies, else all."""
    feeds = request.site.feeds
    if feeds is not None and feeds.derate is not None:
        return feeds.derate
    return CONTINUOUS_SHARE if request.site.country in NEC_COUNTRIES else 1.0


def feeds_kw(request: Request) -> float | None:
    """What the feeds of one rack give with the allowed loss: live feeds × kW each × derating; None without `feeds:`."""
    feeds = request.site.feeds
    return None if feeds is None else live_feeds(feeds) * feeds.kw_each * derate(request)


def cooled_kw(request: Request, door_kw: float = 0.0) -> float | None:
    """Heat that one rack can give away at most, air and liquid together; None without figures."""
    terms = request.site.cooling_terms
    return None if terms is None else terms.air_kw_per_rack + door_kw + terms.liquid_kw_per_rack


def rack_power_kw(request: Request, door_kw: float = 0.0) -> float:
    """kW of one rack: the least of rack_power_kw, what feeds give and what is cooled; else the cooling's default."""
    given = [k for k in (request.site.rack_power_kw, feeds_kw(request), cooled_kw(request, door_kw)) if k is not None]
    return min(given, default=DEFAULT_RACK_POWER_KW[request.site.cooling])


def room(request: Request, door_kw: float = 0.0) -> Room:
    """What one rack of the site takes, with the defaults of the room's cooling.

    `door_kw`: air heat that a rear door takes out before the rest reaches the room.
    """
    return Room(
        units=request.site.rack_units or DEFAULT_RACK_UNITS[request.site.cooling],
        power_kw=rack_power_kw(request, door_kw),
        weight_kg=request.site.rack_weight_kg,
        air_kw=None if request.site.cooling_terms is None else request.site.cooling_terms.air_kw_per_rack + door_kw,
        liquid_kw=None if request.site.cooling_terms is None else request.site.cooling_terms.liquid_kw_per_rack,
    )


def plate_watts(watts: int, cooling: str, *, rack_scale: bool) -> int:
    """Watts of a device's heat that cold plates take, rounded down; the rest stays in the air. Hybrid chassis cool
    their plates within themselves, so all of their heat stays."""
    return watts * PLATE_PERCENT["rack-scale" if rack_scale else "node"] // 100 if cooling == "dlc" else 0


# -- packing ---------------------------------------------------------------------------------------------------------
def pack(needs: Sequence[RackNeed], space: Room) -> Packing | Rejection:
    """Assign devices to the fewest racks; a Rejection in words when one device fits no rack."""
    standing = [n for n in needs if not n.own_rack]
    for need in standing:
        refused = unfit(need, space)
        if refused is not None:
            return refused
    more = heat_limits(space)
    shapes: dict[tuple[int, ...], list[RackNeed]] = {}
    for need in standing:
        heat = heat_watts(need) if more else ()
        size = (need.units, whole_watts(need.power_kw), round(need.weight_kg * 1000), *heat)
        shapes.setdefault(size, []).append(need)
    items = tuple(sorted((*shape, len(members)) for shape, members in shapes.items()))
    watts, grams = whole_limits(space)
    racks, proven = _assign(items, space.units, watts, grams, more)
    queues = {shape: list(members) for shape, members in shapes.items()}
    loads = [RackLoad(n.units, (Placed(n, 1),)) for n in needs if n.own_rack]
    for counts in racks:
        members = [queues[items[i][:-1]].pop(0) for i, count in enumerate(counts) for _ in range(count)]
        loads.append(RackLoad(space.units, stacked(members, space.units)))
    return Packing(tuple(loads), proven)


def unfit(need: RackNeed, space: Room) -> Rejection | None:
    """Why one device fits no empty rack, in words; None when it fits."""
    name = need.item.split("/")[0]
    if need.units > space.units:
        return Rejection(
            need.item,
            "rack-units",
            f"One {name} is {need.units}U high; a rack has {space.units}U.",
            f"{space.units}U",
            f"{need.units}U",
        )
    if space.power_kw is not None and whole_watts(need.power_kw) > whole_limits(space)[0]:  # type: ignore[operator]
        return Rejection(
            need.item,
            "rack-power",
            f"One {name} needs {need.power_kw:g} kW; a rack gives {space.power_kw:g} kW.",
            f"{space.power_kw:g} kW",
            f"{need.power_kw:g} kW",
        )
    if space.weight_kg is not None and need.weight_kg > space.weight_kg:
        return Rejection(
            need.item,
            "rack-weight",
            f"One {name} weighs {need.weight_kg:g} kg; a rack carries {space.weight_kg:g} kg.",
            f"{space.weight_kg:g} kg",
            f"{need.weight_kg:g} kg",
        )
    for way, have, left in zip(("air", "liquid"), heat_limits(space), heat_watts(need), strict=False):
        if left > have:
            return Rejection(
                need.item,
                f"{way}-heat",
                f"One {name} gives {left / 1000:g} kW of heat to {way}; a rack cools {have / 1000:g} kW by {way}.",
                f"{have / 1000:g} kW",
                f"{left / 1000:g} kW",
            )
    return None


def racks_needed(
    items: Iterable[Item], units: int, watts: int | None, grams: int | None, more: tuple[int, ...] = ()
) -> int | None:
    """The exact smallest number of racks for (units, watts, grams, count) shapes; None when one fits no rack.

    With `more` limits (watts of heat to air, to liquid) the shapes have those figures before their count.
    """
    kept = tuple(sorted(i for i in items if i[-1]))
    if any(_fit(i, units, watts, grams, more) < 1 for i in kept):
        return None
    return len(_assign(kept, units, watts, grams, more)[0])


def lower_bound(
    items: Sequence[Item], units: int, watts: int | None, grams: int | None, more: tuple[int, ...] = ()
) -> int:
    """Racks that are needed at least: by totals, per shape, and by things too large to share a rack in pairs."""
    if not items:
        return 0
    bounds = [math.ceil(sum(i[0] * i[-1] for i in items) / units)]
    for axis, have in enumerate((watts, grams, *more), 1):
        if have:
            bounds.append(-(-sum(i[axis] * i[-1] for i in items) // have))
    bounds += [-(-i[-1] // _fit(i, units, watts, grams, more)) for i in items]
    for axis, limit in enumerate((units, watts, grams, *more)):
        if limit:
            bounds.append(sum(i[-1] for i in items if 2 * i[axis] > limit))
    return max(bounds)


def _fit(item: Item, units: int, watts: int | None, grams: int | None, more: tuple[int, ...] = ()) -> int:
    fits = [units // item[0] if item[0] else 10**6]
    for need, have in zip(item[1:-1], (watts, grams, *more), strict=True):
        if have is not None and need:
            fits.append(have // need)
    return min(fits)


@functools.lru_cache(maxsize=8192)
def _assign(
    items: tuple[Item, ...], units: int, watts: int | None, grams: int | None, more: tuple[int, ...] = ()
) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """Racks as counts per shape, fewest first by bound, then by heuristic, then by program."""
    if not items:
        return (), True
    bound = lower_bound(items, units, watts, grams, more)
    best: list[list[int]] | None = None
    for order in _orders(items, units, watts, grams):
        found = _first_fit(items, order, units, watts, grams, more)
        if best is None or len(found) < len(best):
            best = found
        if len(best) == bound:
            return _tupled(best), True
    assert best is not None
    from planner import rackfit  # noqa: PLC0415  the solver is loaded where racks are really packed by a program

    racks, proven = rackfit.fewest(items, units, watts, grams, _tupled(best), more)
    return _tupled(racks), proven


def _orders(items: Sequence[Item], units: int, watts: int | None, grams: int | None) -> list[list[int]]:
    """Shape orders for first fit: by largest share of a rack, by power, by units, by weight."""

    def share(i: Item) -> float:
        return max(i[0] / units, i[1] / watts if watts else 0.0, i[2] / grams if grams else 0.0)

    def added(i: Item) -> float:
        return i[0] / units + (i[1] / watts if watts else 0.0) + (i[2] / grams if grams else 0.0)

    keys = (share, added, lambda i: float(i[1]), lambda i: float(i[0]), lambda i: float(i[2]))
    return [sorted(range(len(items)), key=lambda k, key=key: (-key(items[k]), items[k])) for key in keys]  # type: ignore[misc]


def _first_fit(
    items: Sequence[Item],
    order: Sequence[int],
    units: int,
    watts: int | None,
    grams: int | None,
    more: tuple[int, ...] = (),
) -> list[list[int]]:
    racks: list[list[int]] = []
    left: list[list[int]] = []
    unlimited = 10**15
    room = [units, unlimited if watts is None else watts, unlimited if grams is None else grams, *more]
    axes = range(len(room))
    for k in order:
        size, remaining = items[k], items[k][-1]
        slot = 0
        while remaining:
            if slot == len(racks):
                racks.append([0] * len(items))
                left.append(list(room))
            room_left = left[slot]
            fits = min((room_left[axis] // size[axis] if size[axis] else remaining) for axis in axes)
            take = min(remaining, fits)
            if take:
                racks[slot][k] += take
                for axis in axes:
                    room_left[axis] -= take * size[axis]
                remaining -= take
            slot += 1
    return racks


def _tupled(racks: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(r) for r in racks if any(r))


def stacked(members: Sequence[RackNeed], units: int) -> tuple[Placed, ...]:
    """Nodes and storage from the bottom up, the heaviest lowest; network, then management devices from the top down."""
    # Coolant distribution units stand lowest, where a leak wets nothing. Stable: equal things keep their order.
    order = sorted(members, key=lambda n: (n.role != "cooling", -n.units, -n.weight_kg))
    low, placed = 1, []
    high = units
    for need in order:
        if need.role in ("cooling", "node", "storage"):
            placed.append(Placed(need, low))
            low += need.units
    for role in ("network", "management"):
        for need in (n for n in members if n.role == role):
            high -= need.units
            placed.append(Placed(need, high + 1))
    return tuple(sorted(placed, key=lambda p: p.bottom_unit))


def whole_watts(kw: float) -> int:
    """Watts, rounded up: a limit is never passed by rounding."""
    return math.ceil(round(kw * 1000, 6))


def heat_watts(need: RackNeed) -> tuple[int, int]:
    """Watts of a device's heat that stay in the air, and that cold plates take."""
    liquid = math.floor(round(need.liquid_kw * 1000, 6))
    return whole_watts(need.power_kw) - liquid, liquid


def heat_limits(space: Room) -> tuple[int, ...]:
    """Watts of heat that one rack gives to air and to liquid; empty where the room does not say."""
    if space.air_kw is None:
        return ()
    return tuple(math.floor(round(kw * 1000, 6)) for kw in (space.air_kw, space.liquid_kw or 0.0))


def whole_limits(space: Room) -> tuple[int | None, int | None]:
    """Watts and grams that one rack takes, rounded down; None where it is not limited."""
    watts = None if space.power_kw is None else math.floor(round(space.power_kw * 1000, 6))
    grams = None if space.weight_kg is None else math.floor(round(space.weight_kg * 1000, 6))
    return watts, grams
