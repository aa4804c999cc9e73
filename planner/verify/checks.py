"""The numbered checks worked out a second time from plan, catalog and docs/room.md: status, case and every figure.

Titles and sentences are words for these figures; they are held by the plan's seals.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from planner.catalog import Catalog
from planner.parts import Cable, Chassis
from planner.plan import Figures, Plan, PlannedRack, Pool
from planner.verify import cabling, room

IDS = (
    "ports", "cabled-once", "cables-bought", "reach", "single-points", "rack-power", "rack-units", "rack-weight",
    "floor-load", "depth", "stranded", "feed-lost", "rack-pdus", "air-heat", "liquid-loop", "supply-temperature",
    "pue-policy",
)  # fmt: skip
MOST_NAMED = 4
CABLES_WEIGH = 0.05  # of the devices
OWN_FOOTPRINT = 0.6 * 1.068  # m² of a rack that is brought along
LARGE_SUPPLY_W = 2000.0  # above it an outlet is a C19


@dataclass
class Finding:
    """What a check must say: status, case, figures, and the offenders that it names first."""

    status: str
    case: str
    figures: Figures = field(default_factory=dict)
    items: list[Figures] = field(default_factory=list)


def check_checks(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Every number in its place with the status, case and figures that the plan itself gives."""
    asked = plan.request.get("resilience", {}).get("feed_lost", "any")
    accepted = {"ride_through": ("rides through",), "throttle": ("rides through", "throttles")}.get(asked)
    for k, pool in enumerate(plan.pools if accepted else ()):
        result = _loss(pool, catalog.chassis[pool.chassis], _feeds(plan)[0])["result"]
        if result not in (accepted or ()):
            yield f"pools[{k}] ({pool.chassis}): {result} when a feed is lost, resilience.feed_lost asks for {asked}"
    if [(c.number, c.id) for c in plan.checks] != list(enumerate(IDS, 1)):
        yield f"checks: expected the {len(IDS)} numbered ones in order, from {IDS[0]} to {IDS[-1]}"
        return
    for k, check in enumerate(plan.checks):
        name = f"checks[{k}] ({check.id})"
        try:
            expected = CHECKS[check.id](plan, catalog)
        except (KeyError, ValueError, ZeroDivisionError, TypeError) as error:  # one check does not silence the others
            yield f"{name}: cannot be worked out, {type(error).__name__}: {error}"
            continue
        if expected.items:
            expected.figures = {**expected.figures, "count": len(expected.items)}
        if (check.status, check.case) != (expected.status, expected.case):
            yield f"{name}: {check.status} ({check.case}), the plan gives {expected.status} ({expected.case})"
            continue
        yield from _same(name, "figures", check.figures, expected.figures)
        if len(check.items) != min(MOST_NAMED, len(expected.items)):
            yield f"{name}: items {len(check.items)}, the plan gives {min(MOST_NAMED, len(expected.items))}"
            continue
        for n, (item, want) in enumerate(zip(check.items, expected.items, strict=False)):
            yield from _same(name, f"items[{n}]", item, want)


def _same(name: str, what: str, have: Figures, want: Figures) -> Iterator[str]:
    for key in sorted(set(have) | set(want)):
        a, b = have.get(key), want.get(key)
        numbers = isinstance(a, int | float) and isinstance(b, int | float) and key in have and key in want
        if numbers and abs(float(a or 0) - float(b or 0)) <= 0.101 * (key in ("kg", "most_kg", "under", "mean")) + 2e-3:
            continue
        if numbers or a != b or (key in have) != (key in want):
            yield f"{name}: {what}.{key} {a}, the plan gives {b}"


# -- networks ----------------------------------------------------------------------------------------------------------
def _ports(plan: Plan, catalog: Catalog) -> Finding:
    over: list[Figures] = [
        {"name": n.name, "used": n.ports_used, "present": n.ports_present}
        for n in plan.fabrics
        if n.ports_used > n.ports_present
    ]
    figures: Figures = {
        "used": sum(n.ports_used for n in plan.fabrics),
        "present": sum(n.ports_present for n in plan.fabrics),
    }
    if over:
        return Finding("FAIL", "beyond", figures, over)
    slow: list[Figures] = []
    system = catalog.storage.get(plan.storage.system) if plan.storage is not None else None
    for net in plan.fabrics:
        have = net.gbps if system is None else system.port_gbps
        if net.role == "storage" and have < net.gbps:
            slow.append({"name": net.name, "gbps": net.gbps, "have_gbps": have})
    return Finding("FAIL" if slow else "PASS", "slow" if slow else "fit", figures, slow)


def _cabled(plan: Plan, catalog: Catalog) -> Finding:
    # Who is joined to whom is held by verify.cabling
    return Finding(
        "PASS", "once", {"ports": cabling.ends(plan, catalog), "cables": sum(e.quantity for e in plan.cabling)}
    )


def _bought(plan: Plan, catalog: Catalog) -> Finding:
    lines, laid = Counter[str](), Counter[str]()
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), Cable) and line.group != cabling.SHELF:
            lines[line.part] += line.quantity
    for entry in plan.cabling:
        laid[entry.part] += entry.quantity
    figures: Figures = {"bought": lines.total(), "run": laid.total()}
    for status, case, one, other in (("FAIL", "short", laid, lines), ("WARN", "more", lines, laid)):
        left = one - other
        if left:
            return Finding(status, case, figures, [{"part": p, "number": left[p]} for p in sorted(left)])
    return Finding("PASS", "agree", figures)


def _reach(plan: Plan, catalog: Catalog) -> Finding:
    figures: Figures = {"longest_m": max((e.longest_m for e in plan.cabling), default=0.0)}
    short: list[Figures] = []
    far: list[Figures] = []
    for e in plan.cabling:
        if e.longest_m > e.length_m + 1e-9:
            short.append(
                {"network": e.network, "kind": e.kind, "metres": e.longest_m, "part": e.part, "have_m": e.length_m}
            )
        there = [catalog.optics[n.part] for n in plan.lines if n.group == e.network and n.part in catalog.optics]
        modules = [o.reach_m for o in there if o.media == catalog.cables[e.part].media]  # None: no fibre, no module
        if modules and e.length_m > min(modules):
            far.append({"network": e.network, "kind": e.kind, "metres": e.length_m, "have_m": min(modules)})
    if short or far:
        return Finding("FAIL", "short" if short else "far", figures, short or far)
    return Finding("PASS", "reaches", figures)


def _pairs(plan: Plan, catalog: Catalog) -> Finding:
    del catalog
    alone: list[Figures] = [
        {"name": n.name} for n in plan.fabrics if n.role in ("in-band", "storage") and n.redundancy != "pair"
    ]
    if alone:
        return Finding("WARN", "alone", {}, alone)
    stand = {i.label: r.name for r in plan.racks for i in r.items if " leaf " in i.label}
    close: list[Figures] = []
    for net in plan.fabrics:
        numbers = range(1, net.leaf, 2) if net.role in ("in-band", "storage") else ()
        if any(stand.get(f"{net.name} leaf {n}") == stand.get(f"{net.name} leaf {n + 1}") for n in numbers):
            close.append({"name": net.name})
    return Finding("PASS", "one-rack" if close else "pairs", {}, close)


# -- racks -------------------------------------------------------------------------------------------------------------
def _cabinets(plan: Plan, catalog: Catalog) -> list[PlannedRack]:
    """Racks that are bought; the others come with a system."""
    return [r for r in plan.racks if (r.part or "") in catalog.racks]


def _power(plan: Plan, catalog: Catalog) -> Finding:
    bought, limit = _cabinets(plan, catalog), room.rack_power_kw(plan, catalog)
    if not bought:
        return Finding("PASS", "own")
    over: list[Figures] = [{"name": r.name, "kw": r.power_kw} for r in bought if r.power_kw > limit + 1e-6]
    figures: Figures = {"most_kw": max(r.power_kw for r in bought), "limit_kw": limit}
    return Finding("FAIL" if over else "PASS", "over" if over else "within", figures, over)


def _units(plan: Plan, catalog: Catalog) -> Finding:
    del catalog
    wrong: list[Figures] = []
    for rack in plan.racks:
        spans = sorted((i.bottom_unit, i.bottom_unit + i.units) for i in rack.items)
        ends = [1, *(end for _, end in spans)]
        if any(start < end for (start, _), end in zip(spans, ends, strict=False)) or ends[-1] > rack.units + 1:
            wrong.append({"name": rack.name})
    free = sum(r.units for r in plan.racks) - sum(i.units for r in plan.racks for i in r.items)
    return Finding("FAIL" if wrong else "PASS", "overlap" if wrong else "fit", {"blank": free}, wrong)


def _weight(plan: Plan, catalog: Catalog) -> Finding:
    asked = plan.request["site"]["rack_weight_kg"]
    over: list[Figures] = []
    for rack in _cabinets(plan, catalog):
        carries = catalog.racks[rack.part or ""].load_kg
        if rack.weight_kg > min(carries, carries if asked is None else float(asked)) + 0.051:
            over.append({"name": rack.name, "kg": rack.weight_kg})
    figures: Figures = {"most_kg": max((r.weight_kg for r in plan.racks), default=0.0)}
    return Finding("FAIL" if over else "PASS", "over" if over else "within", figures, over)


def _floor(plan: Plan, catalog: Catalog) -> Finding:
    standing, most = 0.0, 0.0
    for rack in plan.racks:
        cabinet = catalog.racks.get(rack.part or "")
        load = rack.weight_kg * (1 + CABLES_WEIGH) + (cabinet.weight_kg or 0.0 if cabinet else 0.0)
        foot = cabinet.width_mm * cabinet.depth_mm / 1e6 if cabinet else OWN_FOOTPRINT
        standing, most = standing + round(load, 1), max(most, round(load / foot, 1))
    mean = round(standing / cabling.area_m2(plan, catalog), 1) if plan.racks else 0.0
    figures: Figures = {"under": most, "mean": mean}
    have = plan.request["site"]["floor_kg_per_m2"]
    if have is None:
        return Finding("WARN", "unstated", figures)
    figures["have"] = have
    if most <= have:
        return Finding("PASS", "carries", figures)
    return Finding("WARN", "average", figures) if mean <= have else Finding("FAIL", "beyond", figures)


def _depth(plan: Plan, catalog: Catalog) -> Finding:
    boxes = {p.chassis: catalog.chassis[p.chassis].depth_mm for p in plan.pools}
    boxes = {c: d for c, d in boxes.items() if not catalog.chassis[c].own_rack}
    bought = _cabinets(plan, catalog)
    if not bought or not boxes:
        return Finding("PASS", "own")
    space = min(catalog.racks[r.part or ""].depth_mm for r in bought) - 150
    deepest = max((d for d in boxes.values() if d is not None), default=0.0)
    figures: Figures = {"deepest_mm": deepest, "room_mm": space}
    if deepest > space:
        return Finding("FAIL", "deep", figures)
    unknown: list[Figures] = [{"name": c} for c in sorted(boxes) if boxes[c] is None]
    return Finding("WARN" if unknown else "PASS", "unknown" if unknown else "fits", figures, unknown)


def _stranded(plan: Plan, catalog: Catalog) -> Finding:
    limit = room.rack_power_kw(plan, catalog)
    standing = [p for p in plan.pools if not catalog.chassis[p.chassis].own_rack]
    least_kw = min((p.node_power_kw for p in standing), default=0.0)
    least_units = min((p.node_rack_units for p in standing), default=0)
    bought, watts, units = _cabinets(plan, catalog), 0, 0
    for rack in bought:
        free_kw, free_units = limit - rack.power_kw, rack.units - sum(i.units for i in rack.items)
        if standing and (free_kw < least_kw or free_units < least_units):
            watts, units = watts + round(round(max(0.0, free_kw), 3) * 1000), units + free_units
    kw = round(watts / 1000, 2)
    share = kw / (limit * len(bought)) if bought else 0.0
    figures: Figures = {"kw": kw, "units": units, "percent": round(share * 100, 1), "most_percent": 20.0}
    if share > 0.2 and least_kw:
        return Finding("WARN", "much", {**figures, "fit_kw": round((limit // least_kw + 1) * least_kw, 1)})
    return Finding("PASS", "little", figures)


# -- power -------------------------------------------------------------------------------------------------------------
def _feeds(plan: Plan) -> tuple[int, str]:
    feeds = plan.request["site"].get("feeds")
    return (2, "2N") if feeds is None else (int(feeds["count"]), str(feeds["redundancy"]))


def _feed_lost(plan: Plan, catalog: Catalog) -> Finding:
    count, redundancy = _feeds(plan)
    figures: Figures = {"feeds": count, "redundancy": redundancy}
    if redundancy == "N":
        return Finding("WARN", "all-needed", figures)
    losses = [_loss(pool, catalog.chassis[pool.chassis], count) for pool in plan.pools]
    stops = [x for x in losses if x["result"] == "stops"]
    slow = [x for x in losses if x["result"] == "throttles"]
    if stops:
        return Finding("FAIL", "stops", figures, stops + slow)
    if slow:
        return Finding("WARN", "throttles", figures, slow)
    unknown: list[Figures] = [{"name": x["chassis"]} for x in losses if x["result"] == "not known"]
    return Finding("WARN" if unknown else "PASS", "unknown" if unknown else "rides", figures, unknown)


def _loss(pool: Pool, box: Chassis, feeds: int) -> Figures:
    """Supplies left when the fullest feed goes, against the draw and against what the maker's redundancy keeps."""
    kept: int | None = None
    if box.psu_count is not None and box.psu_redundancy:
        pairs = re.findall(r"(\d+)\s*\+\s*(\d+)", box.psu_redundancy)
        sets = [int(a) for a, b in pairs if int(a) + int(b) == box.psu_count]
        if "N+N" in box.psu_redundancy and not box.psu_count % 2:
            sets.append(box.psu_count // 2)
        kept = min(sets) if sets else None
    draw, usual = pool.node_power_kw * 1000, pool.node_typical_kw * 1000
    carry = math.ceil(round(draw / box.psu_watts, 9)) if box.psu_watts else box.psu_min_live
    known = [n for n in (kept, carry) if n is not None]
    needed = max(known) if known else None
    left = None if box.psu_count is None else box.psu_count - -(-box.psu_count // feeds)
    carried = None if left is None or box.psu_watts is None else left * box.psu_watts
    if left == 0:
        result = "stops"
    elif left is None or needed is None:
        result = "not known"
    elif left >= needed:
        result = "rides through"
    elif kept is not None and left >= kept:
        result = "throttles"
    elif carried is None:
        result = "not known"
    else:
        result = "stops" if carried < usual else "throttles"
    return {
        "chassis": box.id,
        "result": result,
        "left": left,
        "supplies": box.psu_count,
        "needed": needed,
        "carried_kw": None if carried is None else carried / 1000,
        "need_kw": pool.node_power_kw,
    }


def _pdus(plan: Plan, catalog: Catalog) -> Finding:
    bought = len(_cabinets(plan, catalog))
    if not bought:
        return Finding("PASS", "own")
    (feeds, redundancy), limit = _feeds(plan), room.rack_power_kw(plan, catalog)
    live = {"N": feeds, "N+1": feeds - 1, "2N": feeds // 2}[redundancy]
    units = [(ln.quantity, catalog.pdus[ln.part].usable_kw) for ln in plan.lines if ln.part in catalog.pdus]
    outlets = [_outlets(rack, catalog) for rack in _cabinets(plan, catalog)]
    supply = (plan.request["site"].get("feeds") or {}).get("supply", "ac")
    per_feed, need = sum(n * kw for n, kw in units) / (bought * feeds), limit / max(1, live)
    figures: Figures = {
        "per_feed_kw": per_feed,
        "need_kw": need,
        "c13": -(-max(o[0] for o in outlets) // feeds),
        "c19": -(-max(o[1] for o in outlets) // feeds),
        "circuits": sum(n for n, _ in units),
        "supply": supply,
    }
    if per_feed < need - 1e-5:
        return Finding("FAIL", "short", figures)
    return Finding("PASS", "carries", figures) if supply == "ac" else Finding("WARN", "dc", figures)


def _outlets(rack: PlannedRack, catalog: Catalog) -> tuple[int, int]:
    small = large = 0
    for item in rack.items:
        box = catalog.chassis.get(item.item)
        count = (box.psu_count if box else None) or 2
        each = (box.psu_watts if box else None) or item.power_kw * 1000 / max(1, count - 1)
        small, large = (small, large + count) if each > LARGE_SUPPLY_W else (small + count, large)
    return small, large


def _pue(plan: Plan, catalog: Catalog) -> Finding:
    del catalog
    site: dict[str, Any] = plan.request["site"]
    if site["country"] != "CN":
        return Finding("PASS", "none")
    pue = site["pue_annual"] or site["pue"]
    figures: Figures = {"limit": 1.25, "hub": 1.2}
    if pue is None:
        return Finding("WARN", "unstated", figures)
    case = "above" if pue > 1.25 else "hub" if pue > 1.2 else "within"
    return Finding("WARN" if case == "above" else "PASS", case, {**figures, "pue": pue})


# -- cooling -----------------------------------------------------------------------------------------------------------
def _air(plan: Plan, catalog: Catalog) -> Finding:
    found = [(rack.name, *room.heat(rack, catalog)) for rack in plan.racks]
    most = max((air for _, air, _ in found), default=0.0)
    terms = plan.request["site"].get("cooling_terms")
    if terms is None:
        case = "dense" if most > 50 else "unstated"
        return Finding("WARN" if most > 50 else "PASS", case, {"most_kw": most, "usual_kw": 50.0})
    by_air, by_liquid = float(terms["air_kw_per_rack"]), float(terms["liquid_kw_per_rack"])
    hung, door = {rack.name for rack in plan.racks if rack.door is not None}, room.door_kw(plan, catalog)
    over: list[Figures] = [
        {"name": n, "kw": kw, "way": "air"} for n, kw, _ in found if kw > by_air + (door if n in hung else 0.0) + 1e-6
    ]
    over += [{"name": n, "kw": kw, "way": "liquid"} for n, _, kw in found if kw > by_liquid + 1e-6]
    figures: Figures = {"most_kw": most, "air_kw": by_air, "liquid_kw": by_liquid}
    if over:
        return Finding("FAIL", "over", figures, over)
    if hung:
        return Finding("PASS", "doors", {**figures, "door_kw": door, "doors": len(hung)})
    return Finding("PASS", "within", figures)


def _loop(plan: Plan, catalog: Catalog) -> Finding:
    wet = sorted({p.chassis for p in plan.pools if p.cooling == "dlc"})
    if wet and plan.request["site"]["cooling"] != "liquid":
        return Finding("FAIL", "no-loop", {}, [{"name": c} for c in wet])
    liquid = [kw for rack in plan.racks if (kw := room.heat(rack, catalog)[1])]
    total = sum(liquid)
    if not total:
        return Finding("PASS", "none")
    figures: Figures = {
        "liquid_kw": round(total, 3),
        "l_min": round(total * 1.434, 1),
        "air_kw": round(plan.totals.it_power_kw - total, 3),
        "cdus": math.ceil(total / 70) + 1,
        "cdu_kw": 70.0,
        "racks": len(liquid),
    }
    if plan.request["site"].get("cooling_equipment") == "provided":
        return Finding("PASS", "provided", figures)
    bought = next(
        (ln for ln in plan.lines if ln.part in catalog.cooling and catalog.cooling[ln.part].role == "cdu"), None
    )
    if bought is None:
        return Finding("WARN", "unpriced", figures)
    unit = catalog.cooling[bought.part]
    figures |= {"cdus": bought.quantity, "cdu_kw": unit.kw}
    if not unit.rack_units:
        return Finding("PASS", "in-row", figures)
    stand = len({rack.name for rack in plan.racks for item in rack.items if item.item == bought.part})
    return Finding("PASS", "in-rack", {**figures, "stand": stand, "units": unit.rack_units})


def _supply(plan: Plan, catalog: Catalog) -> Finding:
    del catalog
    degrees = (plan.request["site"].get("cooling_terms") or {}).get("supply_c")
    wet = plan.request["site"]["cooling"] == "liquid"
    low, high = (17.0, 45.0) if wet else (18.0, 27.0)
    figures: Figures = {"low": low, "high": high}
    if degrees is None:
        return Finding("WARN", "unstated", figures)
    figures["degrees"] = degrees
    if low <= degrees <= high:
        return Finding("PASS", "recommended", figures)
    allowed = not wet and 15 <= degrees <= 32
    return Finding("WARN", "allowed", figures) if allowed else Finding("FAIL", "outside", figures)


CHECKS: dict[str, Callable[[Plan, Catalog], Finding]] = {
    "ports": _ports,
    "cabled-once": _cabled,
    "cables-bought": _bought,
    "reach": _reach,
    "single-points": _pairs,
    "rack-power": _power,
    "rack-units": _units,
    "rack-weight": _weight,
    "floor-load": _floor,
    "depth": _depth,
    "stranded": _stranded,
    "feed-lost": _feed_lost,
    "rack-pdus": _pdus,
    "air-heat": _air,
    "liquid-loop": _loop,
    "supply-temperature": _supply,
    "pue-policy": _pue,
}
