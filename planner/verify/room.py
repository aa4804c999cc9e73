"""Racks, limits, compliance, provenance: what stands where, within what, under which rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from planner.catalog import Catalog
from planner.parts import Pdu, Rack
from planner.plan import Plan, PlannedRack, digest_of, request_hash, seals_of


def check_racks(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Every racked device of the lines stands in exactly one place, inside the rack and beside nothing else."""
    needed: Counter[str] = Counter()
    for line in plan.lines:
        if line.rack_units:
            needed[line.part] += line.quantity
    placed: Counter[str] = Counter(item.item for rack in plan.racks for item in rack.items)
    for part in sorted(set(needed) | set(placed)):
        if needed[part] != placed[part]:
            yield f"racks: {placed[part]} × {part} placed, the lines have {needed[part]}"
    names = Counter(rack.name for rack in plan.racks)
    for k, rack in enumerate(plan.racks):
        name = f"racks[{k}] ({rack.name})"
        if names[rack.name] > 1:
            yield f"{name}: the name stands twice"
        yield from _rack(name, rack, plan)
    cabinets = Counter(rack.part for rack in plan.racks if rack.part is not None)
    bought = Counter({ln.part: ln.quantity for ln in plan.lines if isinstance(catalog.parts.get(ln.part), Rack)})
    if cabinets != bought:
        yield f"racks: {dict(cabinets)} planned, the lines buy {dict(bought)}"
    units = sum(ln.quantity for ln in plan.lines if isinstance(catalog.parts.get(ln.part), Pdu))
    if cabinets and units % (2 * sum(cabinets.values())):
        yield f"racks: {units} power distribution units do not feed {sum(cabinets.values())} racks twice"


def _rack(name: str, rack: PlannedRack, plan: Plan) -> Iterator[str]:
    site = plan.request["site"]
    watts = {ln.part: ln.max_power_w / 1000 for ln in plan.lines if ln.rack_units}
    taken: dict[int, str] = {}
    for item in rack.items:
        if item.item in watts and abs(item.power_kw - watts[item.item]) > 1e-6 and _single(plan, item.item):
            yield f"{name}: {item.label} draws {item.power_kw:g} kW, its line says {watts[item.item]:g}"
        for unit in range(item.bottom_unit, item.bottom_unit + item.units):
            if unit in taken:
                yield f"{name}: {item.label} and {taken[unit]} share unit {unit}"
            taken[unit] = item.label
    if taken and (min(taken) < 1 or max(taken) > rack.units):
        yield f"{name}: something stands outside units 1 to {rack.units}"
    power = sum(i.power_kw for i in rack.items)
    weight = sum(i.weight_kg for i in rack.items)
    if abs(power - rack.power_kw) > 0.001:
        yield f"{name}: power_kw {rack.power_kw:g}, its devices draw {power:g}"
    if abs(weight - rack.weight_kg) > 0.06:
        yield f"{name}: weight_kg {rack.weight_kg:g}, its devices weigh {weight:g}"
    if rack.part is None:
        return
    if site["rack_power_kw"] is not None and power > site["rack_power_kw"] + 1e-6:
        yield f"{name}: {power:g} kW, a rack gives {site['rack_power_kw']:g}"
    if site["rack_weight_kg"] is not None and weight > site["rack_weight_kg"] + 1e-6:
        yield f"{name}: {weight:g} kg, a rack carries {site['rack_weight_kg']:g}"
    if site["rack_units"] is not None and rack.units != site["rack_units"]:
        yield f"{name}: {rack.units} units, the room's racks have {site['rack_units']}"


def _single(plan: Plan, part: str) -> bool:
    """Whether all lines of a part draw the same: two pools may hold one chassis with different cards."""
    return len({ln.max_power_w for ln in plan.lines if ln.part == part}) == 1


# -- limits ----------------------------------------------------------------------------------------------------------
def check_limits(plan: Plan) -> Iterator[str]:
    """Limits are the request's, use is the plan's, and nothing is exceeded."""
    totals, site, budget = plan.totals, plan.request["site"], plan.request["budget"]
    energy = totals.energy_per_year or Decimal(0)
    meter = site["utility_power_kw"] is not None and site["it_power_kw"] is None
    used: dict[str, tuple[Any, float, float]] = {
        "budget.capex": (budget["capex"], float(totals.capex), 0.05),
        "budget.opex_per_year": (budget["opex_per_year"], float(totals.opex_per_year + energy), 2.0),
        "site.racks": (site["racks"], float(totals.racks), 0.0),
        "site.it_power_kw": (site["it_power_kw"], totals.it_power_kw, 0.011),
        "site.utility_power_kw": (site["utility_power_kw"], totals.facility_power_kw, 0.011),
    }
    for part, have in plan.request["supply"].items():
        count = sum(ln.quantity for ln in plan.lines if ln.part == part)
        used[f"supply.{part}"] = (have, float(count), 0.0)
    standing = [r.power_kw for r in plan.racks if r.part is not None]
    for k, limit in enumerate(plan.limits):
        name = f"limits[{k}] ({limit.name})"
        if limit.name == "site.rack_power_kw":
            asked = site["rack_power_kw"]
            if asked is not None and limit.have != asked:
                yield f"{name}: have {limit.have}, the request says {asked}"
            if abs(limit.used - max(standing, default=0.0)) > 0.001:
                yield f"{name}: used {limit.used:g}, the fullest rack draws {max(standing, default=0.0):g}"
        elif limit.name in used:
            have, spent, slack = used[limit.name]
            if (limit.have is None) != (have is None) or (
                have is not None and limit.have is not None and abs(limit.have - float(have)) > 0.02
            ):
                yield f"{name}: have {limit.have}, the request says {have}"
            if abs(limit.used - spent) > max(slack, 1e-6):
                yield f"{name}: used {limit.used:,.10g}, the plan uses {spent:,.10g}"
        else:
            yield f"{name}: no such limit in the request"
        if limit.have is not None and limit.used > limit.have + 1e-6:
            yield f"{name}: {limit.used:,.10g} exceeds {limit.have:,.10g}"
        if limit.have is not None and limit.slack is not None and abs(limit.have - limit.used - limit.slack) > 0.02:
            yield f"{name}: slack {limit.slack:g}, {limit.have:,.10g} less {limit.used:,.10g} is another number"
    for key, (have, spent, slack) in used.items():
        if have is not None and spent > float(have) + slack and (key != "site.utility_power_kw" or meter):
            yield f"{key}: the plan uses {spent:,.10g}, the request allows {have}"


# -- demand, compliance, provenance ----------------------------------------------------------------------------------
def check_demand(plan: Plan) -> Iterator[str]:
    """What was asked is delivered, at the end of the range that the request sizes with."""
    low = plan.request["preferences"]["sizing"] == "low"
    given: dict[str, float] = {}
    asked: dict[str, float] = {}
    for pool in plan.pools:
        for name, predicted in zip(pool.workloads, pool.predicted, strict=False):
            given[name] = given.get(name, 0.0) + (predicted.low if low else predicted.value)
            if predicted.asked is not None:
                asked[name] = predicted.asked
    free = plan.objective.name == "highest_performance"
    for name, want in asked.items():
        if given[name] < want * (1 - 1e-9) and not free:
            yield f"pools: {name} gets {given[name]:,.6g}, {want:,.6g} was asked"
    for workload in plan.request["workloads"]:
        if workload["name"] not in given and not any(workload["name"] in p.workloads for p in plan.pools):
            yield f"pools: nothing serves {workload['name']}"
        if workload["count"] is not None:
            have = sum(p.accelerators for p in plan.pools if workload["name"] in p.workloads)
            if have < workload["count"]:
                yield f"pools: {workload['name']} gets {have} accelerators, {workload['count']} were asked"


def check_compliance(plan: Plan) -> Iterator[str]:
    """Every planned accelerator has an accepted verdict of the plan's one date."""
    accept = plan.request["compliance"]["accept"]
    for k, entry in enumerate(plan.compliance):
        name = f"compliance[{k}] ({entry.part})"
        if entry.on != plan.provenance.rule_date:
            yield f"{name}: of {entry.on}, the plan's rules are of {plan.provenance.rule_date}"
        if entry.planned and entry.verdict not in accept:
            yield f"{name}: {entry.verdict} is planned, accepted are {', '.join(accept)}"
    screened = {e.part for e in plan.compliance if e.planned}
    for pool in plan.pools:
        for part in (pool.accelerator, pool.chassis):
            if part not in screened:
                yield f"compliance: {part} is planned and has no verdict"


def check_objective(plan: Plan) -> Iterator[str]:
    """The objective's value is the plan's own total, and its bound fits the status."""
    goal, totals = plan.objective, plan.totals
    if goal.name != plan.request["objective"]:
        yield f"objective: {goal.name}, the request asks for {plan.request['objective']}"
    own: dict[str, tuple[float, float]] = {
        "lowest_power": (totals.it_power_kw, 0.001),
        "lowest_capex": (float(totals.capex_without_tax), 0.006),
        "lowest_tco": (float(totals.tco or 0), 1.0),
    }
    if goal.unit != "share" and goal.name in own:
        expected, tolerance = own[goal.name]
        if abs(goal.value - expected) > tolerance:
            yield f"objective.value: {goal.value:,.2f}, the plan's own total is {expected:,.2f}"
    if plan.status == "optimal" and (goal.gap or abs(goal.value - goal.bound) > 1e-6 * max(1.0, abs(goal.value))):
        yield f"objective: optimal, but bound {goal.bound:g} and gap {goal.gap:g}"


def check_provenance(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Hashes and seals: what cannot be recomputed has not been changed since the plan was written."""
    origin = plan.provenance
    if origin.catalog_hash != catalog.hash:
        yield "provenance.catalog_hash: the catalog is not the one this plan was made from"
    if origin.request_hash != request_hash(plan.request):
        yield "provenance.request_hash: the request was changed"
    if origin.digest != digest_of(plan):
        yield "provenance.digest: a predicted figure, the objective's value or its bound was changed"
    dates = [p.as_of for rows in catalog.prices.values() for p in rows]
    if origin.price_date != max(dates, default=""):
        yield f"provenance.price_date: {origin.price_date}, the newest price is of {max(dates, default='')}"
    seals = seals_of(plan)
    for place in sorted(set(seals) | set(origin.seals)):
        if seals.get(place) != origin.seals.get(place):
            state = "was added" if place not in origin.seals else "is gone" if place not in seals else "was changed"
            yield f"{place}: {state} since the plan was written"
