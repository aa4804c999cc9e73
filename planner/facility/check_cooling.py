"""Checks 14 to 16: heat per rack, the liquid loop, the supply temperature."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.facility.cooling import cooling_facts
from planner.facility.racks import door_kw
from planner.facility.results import Result, called, offending
from planner.plan import Figures, Plan

AIR_PRACTICE_KW = 50.0  # upper end of in-row and fan-wall cooling with containment (model knowledge)
RECOMMENDED_C, ALLOWED_C = (18.0, 27.0), (15.0, 32.0)  # ASHRAE air inlet, recommended and class A1
WATER_C = (17.0, 45.0)  # supply of facility water classes W17 to W45


def air_heat(plan: Plan, catalog: Catalog) -> Result:
    """Air heat of every rack ≤ what the room cools by air; liquid likewise."""
    terms = plan.request["site"].get("cooling_terms")
    facts = cooling_facts(plan, catalog)
    most = max((r.air_kw for r in facts.racks), default=0.0)
    figures: Figures = {"most_kw": most}
    if terms is None:
        figures["usual_kw"] = AIR_PRACTICE_KW
        return Result("WARN", "dense", figures) if most > AIR_PRACTICE_KW else Result("PASS", "unstated", figures)
    air, liquid, door = float(terms["air_kw_per_rack"]), float(terms["liquid_kw_per_rack"]), door_kw(plan, catalog)
    figures |= {"air_kw": air, "liquid_kw": liquid}
    hung = {rack.name for rack in plan.racks if rack.door is not None}
    over: list[Figures] = [
        {"name": r.name, "kw": r.air_kw, "way": "air"}
        for r in facts.racks
        if r.air_kw > air + (door if r.name in hung else 0.0) + 1e-6
    ]
    over += [{"name": r.name, "kw": r.liquid_kw, "way": "liquid"} for r in facts.racks if r.liquid_kw > liquid + 1e-6]
    if over:
        return offending("FAIL", "over", figures, over)
    if not hung:
        return Result("PASS", "within", figures)
    return Result("PASS", "doors", {**figures, "door_kw": door, "doors": len(hung)})


def liquid_loop(plan: Plan, catalog: Catalog) -> Result:
    """Liquid-cooled nodes stand in a room with a loop."""
    facts = cooling_facts(plan, catalog)
    wet = sorted({p.chassis for p in plan.pools if p.cooling == "dlc"})
    if wet and plan.request["site"]["cooling"] != "liquid":
        return offending("FAIL", "no-loop", {}, called(wet))
    if not facts.liquid_kw:
        return Result("PASS", "none")
    figures: Figures = {
        "liquid_kw": facts.liquid_kw,
        "l_min": facts.liquid_l_min,
        "air_kw": facts.air_kw,
        "cdus": facts.cdus,
        "cdu_kw": facts.cdu_kw,
        "racks": facts.liquid_racks,
    }
    if plan.request["site"].get("cooling_equipment") == "provided":
        return Result("PASS", "provided", figures)
    if not facts.bought:
        return Result("WARN", "unpriced", figures)
    if not facts.cdu_units:
        return Result("PASS", "in-row", figures)
    stand = sum(1 for rack in plan.racks if any(item.item == facts.cdu for item in rack.items))
    return Result("PASS", "in-rack", {**figures, "stand": stand, "units": facts.cdu_units})


def supply_temperature(plan: Plan, catalog: Catalog) -> Result:
    """Supply temperature within the equipment's class."""
    del catalog
    degrees = (plan.request["site"].get("cooling_terms") or {}).get("supply_c")
    liquid = plan.request["site"]["cooling"] == "liquid"
    (low, high), (least, most) = (WATER_C, WATER_C) if liquid else (RECOMMENDED_C, ALLOWED_C)
    figures: Figures = {"low": low, "high": high}
    if degrees is None:
        return Result("WARN", "unstated", figures)
    figures["degrees"] = degrees
    if low <= degrees <= high:
        return Result("PASS", "recommended", figures)
    return Result("WARN", "allowed", figures) if least <= degrees <= most else Result("FAIL", "outside", figures)
