"""Racks, demand, compliance, objective, provenance: what stands where, delivers what, under which rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from planner.catalog import Catalog
from planner.parts import Pdu, Rack
from planner.plan import ComplianceEntry, Plan, PlannedRack, RackItem, digest_of, request_hash, seals_of

RACK_UNITS = {"air": 42, "liquid": 48}  # where the request names none
RACK_POWER_KW = {"air": 45.0, "liquid": 140.0}
VERDICTS = (
    "no_licence_required",
    "licence_exception",
    "licence_required",
    "prohibited",
    "needs_vendor_confirmation",
    "domestic_supply",
)
DAY = 86400
PLATES = {True: 94, False: 70}  # percent of heat to liquid, by whether the system is its rack

Signature = tuple[str, int, int, int]  # part, units, watts, grams


def door_kw(plan: Plan, catalog: Catalog) -> float:
    """Air heat that the rear doors of bought cabinets take, kW each; all have the same, or none has one."""
    doors = {rack.door for rack in plan.racks if rack.part is not None}
    kinds = [catalog.cooling[d].kw for d in doors if d is not None and d in catalog.cooling]
    return kinds[0] if len(doors) == 1 and kinds else 0.0


def rack_power_kw(plan: Plan, catalog: Catalog) -> float:
    """What one rack gives: the request's figure, its feeds with the allowed loss, what is cooled; the least of them."""
    site = plan.request["site"]
    given = [] if site["rack_power_kw"] is None else [float(site["rack_power_kw"])]
    feeds, cooling = site.get("feeds"), site.get("cooling_terms")
    if feeds is not None:
        share = feeds["derate"] or (0.8 if site["country"] in ("US", "CA") else 1.0)
        given.append(_live(plan) * float(feeds["kw_each"]) * float(share))
    if cooling is not None:
        by_air = float(cooling["air_kw_per_rack"]) + door_kw(plan, catalog)
        given.append(by_air + float(cooling["liquid_kw_per_rack"]))
    return min(given) if given else RACK_POWER_KW[site["cooling"]]


def _live(plan: Plan) -> int:
    """Feeds of a rack that stay when as many are lost as may be; a pair without `feeds`."""
    feeds = plan.request["site"].get("feeds")
    if feeds is None:
        return 1
    count = int(feeds["count"])
    return count if feeds["redundancy"] == "N" else count - 1 if feeds["redundancy"] == "N+1" else count // 2


def _feeds(plan: Plan) -> int:
    feeds = plan.request["site"].get("feeds")
    return 2 if feeds is None else int(feeds["count"])


# -- racks -------------------------------------------------------------------------------------------------------------
def check_racks(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Every racked device of the lines stands in exactly one place, inside the rack and beside nothing else."""
    needed: Counter[Signature] = Counter()
    for line in plan.lines:
        if line.rack_units:
            key = (line.part, line.rack_units, round(line.max_power_w), round(line.weight_kg * 1000))
            needed[key] += line.quantity
    placed = Counter(_signature(item) for rack in plan.racks for item in rack.items)
    for key in sorted(set(needed) | set(placed)):
        if needed[key] != placed[key]:
            part, units, watts, grams = key
            what = f"{part} of {units}U, {watts / 1000:g} kW, {grams / 1000:g} kg"
            where = [r.name for r in plan.racks if any(_signature(i) == key for i in r.items)]
            place = f" ({', '.join(where[:3])})" if placed[key] else ""
            yield f"racks{place}: {placed[key]} × {what} placed, the lines have {needed[key]}"
    for k, rack in enumerate(plan.racks):
        name = f"racks[{k}] ({rack.name})"
        if rack.name != f"R{k + 1:02d}":
            yield f"{name}: name {rack.name}, it is number {k + 1}"
        yield from _stacked(name, rack)
        yield from _within(name, rack, plan, catalog)
        yield from _cooled(name, rack, plan, catalog)
    yield from _cabinets(plan, catalog)


def _signature(item: RackItem) -> Signature:
    return (item.item, item.units, round(item.power_kw * 1000), round(item.weight_kg * 1000))


def _stacked(name: str, rack: PlannedRack) -> Iterator[str]:
    top, below = 0, "the floor"  # highest unit in use so far, and by whom
    for item in sorted(rack.items, key=lambda i: i.bottom_unit):
        if item.bottom_unit <= top:
            yield f"{name}: {item.label} and {below} share unit {item.bottom_unit}"
        last = item.bottom_unit + item.units - 1
        if item.units < 1 or item.bottom_unit < 1 or last > rack.units:
            yield f"{name}: {item.label} stands outside units 1 to {rack.units}"
        if last > top:
            top, below = last, item.label
    power = sum(i.power_kw for i in rack.items)
    weight = sum(i.weight_kg for i in rack.items)
    if abs(power - rack.power_kw) > 0.0006:
        yield f"{name}: power_kw {rack.power_kw:g}, its devices draw {power:g}"
    if abs(weight - rack.weight_kg) > 0.051:
        yield f"{name}: weight_kg {rack.weight_kg:g}, its devices weigh {weight:g}"


def _within(name: str, rack: PlannedRack, plan: Plan, catalog: Catalog) -> Iterator[str]:
    """A cabinet of the room takes what stands in it; a rack-scale system brings its own."""
    site = plan.request["site"]
    own = [i for i in rack.items if i.item in catalog.chassis and catalog.chassis[i.item].own_rack]
    if own:
        if rack.part is not None or len(rack.items) != 1 or rack.units != own[0].units:
            yield f"{name}: {own[0].item} brings its own rack of {own[0].units}U and stands alone"
        # A default is a guess about cabinets of the room; a rack that is brought along is held to what was stated.
        if site["rack_power_kw"] is not None and rack.power_kw > float(site["rack_power_kw"]) + 1e-6:
            yield f"{name}: {rack.power_kw:g} kW, a rack gives {site['rack_power_kw']:g}"
        if site["rack_weight_kg"] is not None and rack.weight_kg > float(site["rack_weight_kg"]) + 0.051:
            yield f"{name}: {rack.weight_kg:g} kg, a rack carries {site['rack_weight_kg']:g}"
        return
    part = catalog.racks.get(rack.part or "")
    if part is None:
        yield f"{name}: part {rack.part} is not a rack of the catalog"
        return
    units = site["rack_units"] or RACK_UNITS[site["cooling"]]
    if rack.units != units or part.rack_units < units:
        yield f"{name}: units {rack.units}, the room's racks have {units} and {part.id} has {part.rack_units}"
    if site["cooling"] == "liquid" and not part.liquid_ready:
        yield f"{name}: {part.id} is not made for liquid cooling"
    if rack.power_kw > rack_power_kw(plan, catalog) + 1e-6:
        yield f"{name}: {rack.power_kw:g} kW, a rack gives {rack_power_kw(plan, catalog):g}"
    if site["rack_weight_kg"] is not None and rack.weight_kg > float(site["rack_weight_kg"]) + 0.051:
        yield f"{name}: {rack.weight_kg:g} kg, a rack carries {site['rack_weight_kg']:g}"


def _cooled(name: str, rack: PlannedRack, plan: Plan, catalog: Catalog) -> Iterator[str]:
    """What a rack leaves in the air, and what its cold plates take, are within what the room takes away."""
    terms = plan.request["site"].get("cooling_terms")
    if terms is None:
        return
    for way, have, left in zip(
        ("air", "liquid"), ("air_kw_per_rack", "liquid_kw_per_rack"), heat(rack, catalog), strict=True
    ):
        most = float(terms[have]) + (door_kw(plan, catalog) if way == "air" and rack.part is not None else 0.0)
        if left > most + 1e-6:
            yield f"{name}: {left:g} kW of heat to {way}, a rack is cooled for {most:g}"


def heat(rack: PlannedRack, catalog: Catalog) -> tuple[float, float]:
    """kW of one rack that stay in the air, and kW that cold plates take."""
    liquid = 0.0
    for item in rack.items:
        box = catalog.chassis.get(item.item)
        if box is not None and box.cooling == "dlc":  # hybrid chassis keep their plates' heat in the room
            liquid += round(item.power_kw * 1000) * PLATES[box.own_rack] // 100 / 1000
    return round(rack.power_kw - liquid, 3), round(liquid, 3)


def _cabinets(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The lines buy one cabinet per rack that is not brought along, and power distribution for each of its feeds."""
    cabinets = Counter(rack.part for rack in plan.racks if rack.part is not None)
    bought: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, Rack):
            bought[line.part] += line.quantity
        elif isinstance(part, Pdu):
            units[line.part] += line.quantity
    if cabinets != bought:
        yield f"racks: {dict(cabinets)} planned, the lines buy {dict(bought)}"
    feeds, need = _feeds(plan), rack_power_kw(plan, catalog) / max(1, _live(plan))
    per_feed = sum(n * catalog.pdus[p].usable_kw for p, n in units.items()) / max(1, feeds * cabinets.total())
    if cabinets and per_feed < need - 1e-5:
        yield f"racks: power distribution units carry {per_feed:g} kW per feed and rack, {need:g} is needed"
    pieces, largest = units.total(), max((catalog.pdus[p].usable_kw for p in units), default=0.0)
    if cabinets and largest and pieces != feeds * cabinets.total() * max(1, int(-(-round(need, 6) // largest))):
        yield f"racks: {pieces} power distribution units for {cabinets.total()} racks with {feeds} feeds each"


# -- demand ------------------------------------------------------------------------------------------------------------
def check_demand(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """What was asked is delivered, at the end of the range that the request sizes with."""
    low = plan.request["preferences"]["sizing"] == "low"
    works = {w["name"]: w for w in plan.request["workloads"]}
    given: dict[str, float] = {}
    for k, pool in enumerate(plan.pools):
        if len(pool.predicted) != len(pool.workloads):
            yield f"pools[{k}] ({pool.workload}): {len(pool.predicted)} predictions of {len(pool.workloads)} workloads"
        for name, predicted in zip(pool.workloads, pool.predicted, strict=False):
            where = f"pools[{k}] ({name})"
            given[name] = given.get(name, 0.0) + (predicted.low if low else predicted.value)
            if not predicted.low <= predicted.value <= predicted.high:
                yield f"{where}: value {predicted.value:g} outside {predicted.low:g} to {predicted.high:g}"
            if name not in works:
                continue
            asked = _asked(works[name])
            if (predicted.asked is None) != (asked is None) or abs((predicted.asked or 0) - (asked or 0)) > 1e-9 * (
                asked or 0
            ):
                yield f"{where}: asked {predicted.asked}, the request asks for {asked}"
            yield from _capacity(where, plan, k, works[name], catalog)
    free = plan.objective.name == "highest_performance"
    for name, work in works.items():
        want = _asked(work)
        if name not in given:
            yield f"pools: nothing serves {name}"
        elif want is not None and given[name] < want * (1 - 1e-9) and not free:
            yield f"pools: {name} gets {given[name]:,.6g}, {want:,.6g} was asked"


def _asked(work: dict[str, Any]) -> float | None:
    """What a workload asks for in the unit of its prediction; None where as much as possible is wanted."""
    if work["maximise"]:
        return None
    if work["kind"] == "training" and work["tokens"] and work["within_days"]:
        return float(work["tokens"]) / (float(work["within_days"]) * DAY)
    # users and streams by the formulae of the request, worked out here a second time (usual targets 1 s and 50 ms)
    if work.get("concurrent_users"):
        answer = (work["ttft_ms"] or 1000.0) / 1000 + (work["tpot_ms"] or 50.0) / 1000 * (work["output_tokens"] or 1)
        return float(work["concurrent_users"]) / ((work["think_time_s"] or 0.0) + answer)
    if work.get("streams"):
        return float(work["streams"]) * (work["frames_per_s"] or 30.0)
    for key in ("requests_per_s", "samples_per_s", "sustained_pflops", "pflops", "count"):
        if work[key] is not None:
            return float(work[key])
    return None


def _capacity(where: str, plan: Plan, k: int, work: dict[str, Any], catalog: Catalog) -> Iterator[str]:
    """Capacity is counted, not estimated: cards, or cards × the dense peak."""
    if work["kind"] != "capacity":
        return
    pool = plan.pools[k]
    each = 1.0
    if work["pflops"] is not None:
        peaks = catalog.accelerators[pool.accelerator].dense_tflops
        each = peaks[work["precision"] or "fp16"] / 1000
    predicted = pool.predicted[pool.workloads.index(work["name"])]
    counted = [pool.accelerators * each, (pool.accelerators - pool.spare_nodes * pool.accelerators_per_node) * each]
    for field, have in (("value", predicted.value), ("low", predicted.low), ("high", predicted.high)):
        if all(abs(have - c) > 1e-9 * c for c in counted):
            yield f"{where}: predicted {field} {have:g}, {pool.accelerators} × {pool.accelerator} give {counted[0]:g}"


# -- compliance --------------------------------------------------------------------------------------------------------
def check_compliance(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Every planned accelerator and system has an accepted verdict of the plan's one date; the others do not."""
    accept = plan.request["compliance"]["accept"]
    used = {p.accelerator for p in plan.pools} | {p.chassis for p in plan.pools}
    pairs = {(p.chassis, p.accelerator) for p in plan.pools} | {(p.accelerator, p.accelerator) for p in plan.pools}
    cards = {e.part: e for e in plan.compliance if e.part == e.accelerator}
    for k, entry in enumerate(plan.compliance):
        name = f"compliance[{k}] ({entry.part})"
        if entry.on != plan.provenance.rule_date:
            yield f"{name}: on {entry.on}, the plan's rules are of {plan.provenance.rule_date}"
        if entry.part not in catalog.parts:
            yield f"{name}: part {entry.part} is not in the catalog"
        if entry.accelerator not in catalog.accelerators:
            yield f"{name}: accelerator {entry.accelerator} is not in the catalog"
        if entry.verdict not in VERDICTS:
            yield f"{name}: verdict {entry.verdict} is none of {', '.join(VERDICTS)}"
        if entry.planned != (entry.part in used):
            yield f"{name}: planned {entry.planned}, the pools say {entry.part in used}"
        denied = entry.verdict == "prohibited" or entry.review_policy in ("presumption_of_denial", "policy_of_denial")
        allowed = entry.verdict in accept and entry.import_side != "import_restricted" and not denied
        if entry.planned and not allowed:
            yield f"{name}: verdict {entry.verdict} is planned, accepted are {', '.join(accept)}"
        if not entry.planned and allowed:
            yield f"{name}: verdict {entry.verdict} is accepted, but the part stands among those left out by rules"
        card = cards.get(entry.accelerator or "")
        if card is not None and _says(entry) != _says(card):
            yield f"{name}: classification, verdict or rules differ from those of {entry.accelerator}"
    screened = {(e.part, e.accelerator) for e in plan.compliance if e.planned}
    for part, accelerator in sorted(pairs - screened):
        yield f"compliance: {part} with {accelerator} is planned and has no verdict"
    counted = Counter((e.part, e.accelerator) for e in plan.compliance)
    for (part, card_id), number in counted.items():
        if number > 1:
            yield f"compliance: {part} with {card_id} has {number} verdicts"


def _says(entry: ComplianceEntry) -> tuple[object, ...]:
    return (
        entry.classification,
        entry.verdict,
        entry.rules,
        entry.summary,
        entry.summary_zh,
        entry.citations,
        entry.review_policy,
        entry.import_side,
        entry.assumed,
        entry.short,
        entry.short_zh,
        entry.system,
        entry.exception,
        entry.codified,
        entry.conditions,
        entry.conditions_zh,
        entry.data,
        entry.data_zh,
        entry.foreseen,
    )


# -- objective and provenance ------------------------------------------------------------------------------------------
def check_objective(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The objective's value is the plan's own total, and its bound and gap fit the status."""
    goal, totals, years = plan.objective, plan.totals, plan.totals.tco_years
    several = _several_rates(plan, catalog)
    if goal.name != plan.request["objective"]:
        yield f"objective.name: {goal.name}, the request asks for {plan.request['objective']}"
    own: dict[str, tuple[str, float, float]] = {
        "lowest_power": ("kW", totals.it_power_kw, 1e-6),
        # With one rate of tax the order of plans is that of their prices without tax; with several it is not.
        "lowest_capex": ("money", float(totals.capex if several else totals.capex_without_tax), 0.011),
        "lowest_tco": ("money", float(totals.tco or 0), 0.01 * (1 + years)),  # cents are rounded per year in the total
    }
    shared = goal.name == "highest_performance" or any(w["maximise"] for w in plan.request["workloads"])
    unit = "share" if shared or goal.name not in own else own[goal.name][0]
    if goal.unit != unit:
        yield f"objective.unit: {goal.unit}, expected {unit}"
    # Without a tariff the total cannot be stated, but the objective still counts what is known.
    if unit != "share" and not (goal.name == "lowest_tco" and totals.tco is None):
        _, expected, tolerance = own[goal.name]
        if abs(goal.value - expected) > tolerance:
            yield f"objective.value: {goal.value:,.2f}, the plan's own total is {expected:,.2f}"
    gap = round(abs(goal.value - goal.bound) / max(abs(goal.value), 1e-9), 6)
    if plan.status == "infeasible":
        yield "status: infeasible, yet there is a plan"
    if plan.status == "optimal" and (goal.gap or goal.value != goal.bound):
        yield f"objective.bound: {goal.bound:,.6f} and gap {goal.gap:g}, the status is optimal at {goal.value:,.6f}"
    if plan.status == "feasible" and abs(goal.gap - gap) > 2e-6:
        yield f"objective.gap: {goal.gap:g}, value and bound give {gap:g}"


def _several_rates(plan: Plan, catalog: Catalog) -> bool:
    """Whether the country taxes services or works lower than the rate that the request counts."""
    asked = Decimal(str(plan.request["budget"]["vat_percent"] or 0))
    row = catalog.table("rates/vat")["rates"].get(plan.request["site"]["country"]) or {}
    return any(Decimal(str(row[name])) < asked for name in ("services", "works") if name in row)


def check_provenance(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Hashes and seals: what cannot be recomputed has not been changed since the plan was written."""
    origin, request = plan.provenance, plan.request
    if origin.catalog_hash != catalog.hash:
        layers = ", ".join(request.get("catalog") or ())
        hint = f"; it was planned with catalog: {layers}, give them with --catalog" if layers else ""
        yield f"provenance.catalog_hash: the catalog is not the one this plan was made from{hint}"
    if origin.request_hash != request_hash(request):
        yield "provenance.request_hash: the request was changed"
    if origin.digest != digest_of(plan):
        yield "provenance.digest: a predicted figure, the objective's value or its bound was changed"
    asked = request["compliance"]["date"]
    if asked is not None and asked != origin.rule_date:
        yield f"provenance.rule_date: {origin.rule_date}, the request says {asked}"
    for field, have in (("project", plan.project), ("language", plan.language)):
        if have != request[field]:
            yield f"{field}: {have}, the request says {request[field]}"
    dates = [p.as_of for rows in catalog.prices.values() for p in rows]
    if origin.price_date != max(dates, default=""):
        yield f"provenance.price_date: {origin.price_date}, the newest price is of {max(dates, default='')}"
    for part_id, name in plan.names.items():
        part = catalog.parts.get(part_id)
        if part is None or name != f"{part.vendor} {part.model}":
            yield f"names.{part_id}: {name}, the catalog says {part.vendor + ' ' + part.model if part else 'nothing'}"
    for k, left in enumerate(plan.left_out):
        if left.part not in catalog.parts or any(left.part in (p.accelerator, p.chassis) for p in plan.pools):
            yield f"left_out[{k}] ({left.part}): is planned, or is not in the catalog"
    seals = seals_of(plan)
    for place in sorted(set(seals) | set(origin.seals)):
        if seals.get(place) != origin.seals.get(place):
            state = "was added" if place not in origin.seals else "is gone" if place not in seals else "was changed"
            yield f"{place}: {state} since the plan was written"
