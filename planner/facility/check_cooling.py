"""Checks 14 to 16: heat per rack, the liquid loop, the supply temperature."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.facility.cooling import cooling_facts
from planner.facility.results import Result, named
from planner.plan import Plan

AIR_PRACTICE_KW = 50.0  # upper end of in-row and fan-wall cooling with containment (model knowledge)
RECOMMENDED_C, ALLOWED_C = (18.0, 27.0), (15.0, 32.0)  # ASHRAE air inlet, recommended and class A1
WATER_C = (17.0, 45.0)  # supply of facility water classes W17 to W45


def air_heat(plan: Plan, catalog: Catalog) -> Result:
    """Air heat of every rack ≤ what the room cools by air; liquid likewise."""
    terms = plan.request["site"].get("cooling_terms")
    facts = cooling_facts(plan, catalog)
    most = max((r.air_kw for r in facts.racks), default=0.0)
    if terms is None:
        status = "WARN" if most > AIR_PRACTICE_KW else "PASS"
        mend = (
            "State site.cooling: {air_kw_per_rack, liquid_kw_per_rack}, or plan rear doors."
            if status == "WARN"
            else None
        )
        return Result(
            status,
            f"{most:g} kW of air heat in one rack",
            f"{AIR_PRACTICE_KW:g} kW usual at most",
            "What the room cools per rack is not stated.",
            mend,
        )
    air, liquid = float(terms["air_kw_per_rack"]), float(terms["liquid_kw_per_rack"])
    over = [f"{r.name} {r.air_kw:g} kW air" for r in facts.racks if r.air_kw > air + 1e-6]
    over += [f"{r.name} {r.liquid_kw:g} kW liquid" for r in facts.racks if r.liquid_kw > liquid + 1e-6]
    need = f"{air:g} kW by air, {liquid:g} kW by liquid"
    if over:
        return Result(
            "FAIL",
            named(over),
            need,
            "Heat stays in the rack.",
            f"Set site.rack_power_kw to {air:g}, add rear doors, or cool {most:g} kW by air.",
        )
    return Result("PASS", f"{most:g} kW of air heat at most", need, "The room takes the heat of every rack.")


def liquid_loop(plan: Plan, catalog: Catalog) -> Result:
    """Liquid-cooled nodes stand in a room with a loop."""
    facts = cooling_facts(plan, catalog)
    wet = sorted({p.chassis for p in plan.pools if p.cooling == "dlc"})
    if wet and plan.request["site"]["cooling"] != "liquid":
        return Result(
            "FAIL",
            named(wet),
            "a liquid loop",
            "Liquid-cooled nodes in an air-cooled room.",
            "Set site.cooling: liquid, or choose air-cooled chassis.",
        )
    if not facts.liquid_kw:
        return Result("PASS", "no liquid", "none", "Everything is cooled by air.")
    text = (
        f"{facts.air_kw:,.1f} kW stay as air heat; "
        f"{facts.cdus} in-rack CDUs of 70 kW with one to spare are not in the price."
    )
    return Result(
        "WARN",
        f"{facts.liquid_kw:,.1f} kW, {facts.liquid_l_min:,.0f} L/min",
        "loop and CDUs",
        text,
        "Have CDUs, manifolds and commissioning quoted.",
    )


def supply_temperature(plan: Plan, catalog: Catalog) -> Result:
    """Supply temperature within the equipment's class."""
    del catalog
    terms = plan.request["site"].get("cooling_terms") or {}
    degrees = terms.get("supply_c")
    liquid = plan.request["site"]["cooling"] == "liquid"
    (low, high), (least, most) = (WATER_C, WATER_C) if liquid else (RECOMMENDED_C, ALLOWED_C)
    need = f"{low:g} to {high:g} °C"
    if degrees is None:
        return Result(
            "WARN", "not stated", need, "The supply temperature is not stated.", "Set supply_c in site.cooling."
        )
    if least <= degrees <= most:
        if low <= degrees <= high:
            return Result("PASS", f"{degrees:g} °C", need, "Within the recommended range.")
        return Result(
            "WARN",
            f"{degrees:g} °C",
            need,
            "Allowed for class A1, outside the recommended range.",
            f"Supply between {low:g} and {high:g} °C.",
        )
    return Result(
        "FAIL",
        f"{degrees:g} °C",
        need,
        "Outside what equipment is made for.",
        f"Supply between {low:g} and {high:g} °C.",
    )
