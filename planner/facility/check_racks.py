"""Checks 6 to 11: power, units, weight, floor, depth, what is stranded."""

from __future__ import annotations

from collections import Counter

from planner import wiring
from planner.catalog import Catalog
from planner.facility.power import power_facts
from planner.facility.racks import rack_facts
from planner.facility.results import Result, named
from planner.plan import Plan

REAR_ROOM_MM = 150.0  # behind a chassis for cables, PDU and quick disconnects (model knowledge)


def rack_power(plan: Plan, catalog: Catalog) -> Result:
    """Maximum draw of every rack ≤ what it gives with the allowed feeds lost."""
    facts = [f for f in rack_facts(plan, catalog) if f.limit_kw is not None]
    over = [f"{f.name} {f.power_kw:g} kW" for f in facts if f.limit_kw is not None and f.power_kw > f.limit_kw + 1e-6]
    most = max((f.power_kw for f in facts), default=0.0)
    limit = min((f.limit_kw or 0.0 for f in facts), default=0.0)
    if over:
        return Result(
            "FAIL",
            named(over),
            f"{limit:g} kW",
            "Racks draw more than they give.",
            f"Give racks {most:g} kW, or move a device out.",
        )
    return Result("PASS", f"fullest {most:g} kW", f"{limit:g} kW", "Every rack is within its power, one feed lost.")


def rack_units(plan: Plan, catalog: Catalog) -> Result:
    """Units in use ≤ units present, no unit twice."""
    del catalog
    wrong = []
    for rack in plan.racks:
        taken = Counter(u for i in rack.items for u in range(i.bottom_unit, i.bottom_unit + i.units))
        if any(n > 1 or not 1 <= u <= rack.units for u, n in taken.items()):
            wrong.append(rack.name)
    if wrong:
        return Result(
            "FAIL",
            named(wrong),
            "one device per unit",
            "Devices overlap or stand outside.",
            "Move them to free units.",
        )
    blank = sum(r.units - sum(i.units for i in r.items) for r in plan.racks)
    return Result(
        "PASS",
        f"{blank:,} units blank",
        "one device per unit",
        "Every device has its units; the blank ones take panels.",
    )


def rack_weight(plan: Plan, catalog: Catalog) -> Result:
    """Devices, cables and cabinet ≤ what the cabinet carries, and the request's own limit."""
    asked = plan.request["site"]["rack_weight_kg"]
    over, most = [], 0.0
    for f in rack_facts(plan, catalog):
        own = [k for k in (f.carries_kg, asked) if k is not None]
        most = max(most, f.devices_kg)
        if own and f.carries_kg is not None and f.devices_kg > min(own) + 0.051:
            over.append(f"{f.name} {f.devices_kg:,.0f} kg")
    if over:
        return Result(
            "FAIL",
            named(over),
            "cabinet's load",
            "Racks are too heavy.",
            "Take stronger cabinets or set site.rack_weight_kg to what they carry.",
        )
    return Result("PASS", f"heaviest {most:,.0f} kg", "cabinet's load", "Every cabinet carries what stands in it.")


def floor_load(plan: Plan, catalog: Catalog) -> Result:
    """Load under a rack and over the area against the floor's."""
    have = plan.request["site"]["floor_kg_per_m2"]
    facts = rack_facts(plan, catalog)
    most = max((f.under_kg_m2 for f in facts), default=0.0)
    area = wiring.floor(plan, catalog).area_m2
    mean = sum(f.standing_kg for f in facts) / area if area else 0.0
    figures = f"{most:,.0f} kg/m² under a rack, {mean:,.0f} over the area"
    if have is None:
        return Result("WARN", figures, "not stated", "The floor's load is not stated.", "Set site.floor_kg_per_m2.")
    if most <= have:
        return Result("PASS", figures, f"{have:,.0f} kg/m²", "The floor carries every rack.")
    if mean <= have:
        return Result(
            "WARN",
            figures,
            f"{have:,.0f} kg/m²",
            "Only the average over the area is within the floor's load.",
            "Have a structural engineer confirm, or spread the load on steel.",
        )
    return Result(
        "FAIL",
        figures,
        f"{have:,.0f} kg/m²",
        "The floor does not carry the racks.",
        "Wider aisles (site.layout), fewer devices per rack (site.rack_weight_kg), or a stronger floor.",
    )


def depth(plan: Plan, catalog: Catalog) -> Result:
    """Cabinets are deeper than the deepest chassis by room for cables."""
    racks = [catalog.racks[r.part] for r in plan.racks if r.part is not None and r.part in catalog.racks]
    cabinet = min((r.depth_mm for r in racks), default=None)
    known = {
        p.chassis: catalog.chassis[p.chassis].depth_mm for p in plan.pools if not catalog.chassis[p.chassis].own_rack
    }
    unknown = sorted(c for c, d in known.items() if d is None)
    deepest = max((d for d in known.values() if d is not None), default=0.0)
    if cabinet is None or not known:
        return Result("PASS", "own racks", "own racks", "Rack-scale systems bring their racks.")
    if deepest + REAR_ROOM_MM > cabinet:
        return Result(
            "FAIL",
            f"{deepest:g} mm deep",
            f"{cabinet - REAR_ROOM_MM:g} mm",
            "A chassis leaves no room for cables.",
            "Take deeper cabinets.",
        )
    if unknown:
        return Result(
            "WARN",
            f"depth of {named(unknown)} not published",
            f"{cabinet - REAR_ROOM_MM:g} mm",
            "A depth is not known.",
            "Ask the maker.",
        )
    return Result(
        "PASS",
        f"{deepest:g} mm deep",
        f"{cabinet - REAR_ROOM_MM:g} mm",
        "Chassis fit with room for cables behind them.",
    )


def stranded(plan: Plan, catalog: Catalog) -> Result:
    """Power and units that no further node can use."""
    facts = power_facts(plan, catalog)
    total = sum(f.limit_kw or 0.0 for f in rack_facts(plan, catalog))
    share = facts.stranded_kw / total if total else 0.0
    figures = f"{facts.stranded_kw:,.1f} kW and {facts.stranded_units:,} units stranded"
    node = min((p.node_power_kw for p in plan.pools), default=0.0)
    if share > 0.2 and node:
        fit = (int(facts.rack_kw // node) + 1) * node
        return Result(
            "WARN",
            figures,
            "at most 20 % of rack power",
            f"{share:.0%} of the racks' power cannot be used.",
            f"Racks of {fit:.1f} kW would take one node more each.",
        )
    return Result("PASS", figures, "at most 20 % of rack power", f"{share:.0%} of the racks' power cannot be used.")
