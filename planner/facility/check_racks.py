"""Checks 6 to 11: power, units, weight, floor, depth, what is stranded."""

from __future__ import annotations

from planner import wiring
from planner.catalog import Catalog
from planner.facility.power import power_facts
from planner.facility.racks import rack_facts
from planner.facility.results import Result, called, offending
from planner.plan import Figures, Plan

REAR_ROOM_MM = 150.0  # behind a chassis for cables, PDU and quick disconnects (model knowledge)
STRANDED_SHARE = 0.2  # of the racks' power that a plan may leave unused without a word (planning value)


def rack_power(plan: Plan, catalog: Catalog) -> Result:
    """Maximum draw of every rack ≤ what it gives with the allowed feeds lost."""
    facts = [f for f in rack_facts(plan, catalog) if f.limit_kw is not None]
    if not facts:
        return Result("PASS", "own")
    over: list[Figures] = [
        {"name": f.name, "kw": f.power_kw} for f in facts if f.limit_kw is not None and f.power_kw > f.limit_kw + 1e-6
    ]
    figures: Figures = {
        "most_kw": max(f.power_kw for f in facts),
        "limit_kw": round(min(f.limit_kw or 0.0 for f in facts), 3),
    }
    return offending("FAIL", "over", figures, over) if over else Result("PASS", "within", figures)


def rack_units(plan: Plan, catalog: Catalog) -> Result:
    """Units in use ≤ units present, no unit twice; the blank ones take panels."""
    del catalog
    wrong = []
    for rack in plan.racks:
        below = 0  # the highest unit in use so far
        for item in sorted(rack.items, key=lambda i: i.bottom_unit):
            if item.bottom_unit <= below or item.bottom_unit + item.units - 1 > rack.units:
                wrong.append(rack.name)
                break
            below = item.bottom_unit + item.units - 1
    figures: Figures = {"blank": sum(r.units - sum(i.units for i in r.items) for r in plan.racks)}
    return offending("FAIL", "overlap", figures, called(wrong)) if wrong else Result("PASS", "fit", figures)


def rack_weight(plan: Plan, catalog: Catalog) -> Result:
    """Devices ≤ what the cabinet carries, and the request's own limit."""
    asked = plan.request["site"]["rack_weight_kg"]
    facts = rack_facts(plan, catalog)
    over: list[Figures] = []
    for f in facts:
        own = [k for k in (f.carries_kg, asked) if k is not None]
        if own and f.carries_kg is not None and f.devices_kg > min(own) + 0.051:
            over.append({"name": f.name, "kg": f.devices_kg})
    figures: Figures = {"most_kg": max((f.devices_kg for f in facts), default=0.0)}
    return offending("FAIL", "over", figures, over) if over else Result("PASS", "within", figures)


def floor_load(plan: Plan, catalog: Catalog) -> Result:
    """Load under a rack and over the area against the floor's."""
    have = plan.request["site"]["floor_kg_per_m2"]
    facts = rack_facts(plan, catalog)
    most = max((f.under_kg_m2 for f in facts), default=0.0)
    area = wiring.floor(plan, catalog).area_m2
    mean = round(sum(f.standing_kg for f in facts) / area if area else 0.0, 1)
    figures: Figures = {"under": most, "mean": mean}
    if have is None:
        return Result("WARN", "unstated", figures)
    figures["have"] = have
    if most <= have:
        return Result("PASS", "carries", figures)
    return Result("WARN", "average", figures) if mean <= have else Result("FAIL", "beyond", figures)


def depth(plan: Plan, catalog: Catalog) -> Result:
    """Cabinets are deeper than the deepest chassis by room for cables."""
    racks = [catalog.racks[r.part] for r in plan.racks if r.part is not None and r.part in catalog.racks]
    known = {
        p.chassis: catalog.chassis[p.chassis].depth_mm for p in plan.pools if not catalog.chassis[p.chassis].own_rack
    }
    if not racks or not known:
        return Result("PASS", "own")
    deepest = max((d for d in known.values() if d is not None), default=0.0)
    figures: Figures = {"deepest_mm": deepest, "room_mm": min(r.depth_mm for r in racks) - REAR_ROOM_MM}
    if deepest > min(r.depth_mm for r in racks) - REAR_ROOM_MM:
        return Result("FAIL", "deep", figures)
    unknown = sorted(c for c, d in known.items() if d is None)
    return offending("WARN", "unknown", figures, called(unknown)) if unknown else Result("PASS", "fits", figures)


def stranded(plan: Plan, catalog: Catalog) -> Result:
    """Power and units that no further node can use."""
    facts = power_facts(plan, catalog)
    total = sum(f.limit_kw or 0.0 for f in rack_facts(plan, catalog))
    share = facts.stranded_kw / total if total else 0.0
    figures: Figures = {
        "kw": facts.stranded_kw,
        "units": facts.stranded_units,
        "percent": round(share * 100, 1),
        "most_percent": STRANDED_SHARE * 100,
    }
    standing = [p.node_power_kw for p in plan.pools if not catalog.chassis[p.chassis].own_rack]
    node = min(standing, default=0.0)
    if share > STRANDED_SHARE and node:
        figures["fit_kw"] = round((int(facts.rack_kw // node) + 1) * node, 1)
        return Result("WARN", "much", figures)
    return Result("PASS", "little", figures)
