"""One rack at a time: place on the floor, power, weight, units, and what is stranded.

Weight standing = devices + cabinet + rack PDUs where their weight is known + 5 % of the devices for cables (facts on
rack checks; model knowledge). Load under a rack = standing weight ÷ its footprint.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner import site, wiring
from planner.catalog import Catalog
from planner.plan import Plan, PlannedRack
from planner.request import Request

CABLE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class RackFacts:
    """Figures of one rack; `stranded_kw` and `stranded_units` are what no further node of the plan can use."""

    name: str
    row: int
    number: int
    x_m: float
    y_m: float
    power_kw: float
    typical_kw: float
    limit_kw: float | None
    units_used: int
    units: int
    devices_kg: float
    standing_kg: float
    carries_kg: float | None
    under_kg_m2: float
    stranded_kw: float
    stranded_units: int


def door_kw(plan: Plan, catalog: Catalog) -> float:
    """kW of air heat that the rear door of every bought cabinet takes; 0 where they have none."""
    hung = next((catalog.cooling[r.door] for r in plan.racks if r.door is not None and r.door in catalog.cooling), None)
    return 0.0 if hung is None else hung.kw


def rack_limit_kw(plan: Plan, catalog: Catalog) -> float:
    """What one rack gives: the least of the request's own figure, its feeds with the allowed loss, and its cooling."""
    return site.rack_power_kw(Request.model_validate(plan.request), door_kw(plan, catalog))


def rack_facts(plan: Plan, catalog: Catalog) -> list[RackFacts]:
    """Every rack of a plan in its order."""
    ground, limit = wiring.floor(plan, catalog), rack_limit_kw(plan, catalog)
    typical = typical_kw(plan)
    standing_pools = [p for p in plan.pools if not catalog.chassis[p.chassis].own_rack]
    least = min((p.node_power_kw for p in standing_pools), default=0.0)
    lowest = min((p.node_rack_units for p in standing_pools), default=0)
    found = []
    for k, rack in enumerate(plan.racks):
        cabinet = catalog.racks.get(rack.part or "")
        place = ground.place(k)
        own = cabinet is None
        used = sum(i.units for i in rack.items)
        standing = rack.weight_kg * (1 + CABLE_SHARE) + ((cabinet.weight_kg or 0.0) if cabinet else 0.0)
        footprint = (cabinet.width_mm * cabinet.depth_mm / 1e6) if cabinet else 0.6 * 1.068
        left_kw, left_units = limit - rack.power_kw, rack.units - used
        # Where only racks of the systems themselves hold nodes, nothing else could use what is left.
        fits = not standing_pools or (left_kw >= least and left_units >= lowest)
        found.append(
            RackFacts(
                name=rack.name,
                row=place.row,
                number=place.number,
                x_m=place.x_m,
                y_m=place.y_m,
                power_kw=rack.power_kw,
                typical_kw=round(sum(typical.get(i.item, i.power_kw) for i in rack.items), 3),
                limit_kw=None if own else limit,
                units_used=used,
                units=rack.units,
                devices_kg=rack.weight_kg,
                standing_kg=round(standing, 1),
                carries_kg=cabinet.load_kg if cabinet else None,
                under_kg_m2=round(standing / footprint, 1),
                stranded_kw=0.0 if own or fits else round(max(0.0, left_kw), 3),
                stranded_units=0 if own or fits else left_units,
            )
        )
    return found


def typical_kw(plan: Plan) -> dict[str, float]:
    """Typical draw of one device by part, from the lines (nodes of one chassis: the mean over its builds)."""
    watts: dict[str, float] = {}
    count: dict[str, int] = {}
    for line in plan.lines:
        if line.rack_units:
            watts[line.part] = watts.get(line.part, 0.0) + line.typical_power_w * line.quantity
            count[line.part] = count.get(line.part, 0) + line.quantity
    return {part: watts[part] / count[part] / 1000 for part in watts}


def network_rack(rack: PlannedRack, catalog: Catalog) -> bool:
    """Whether a rack holds no node."""
    return all(i.item not in catalog.chassis for i in rack.items)
