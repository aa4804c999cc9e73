"""Heat of a plan: kW and BTU/h, how much air and liquid carry, airflow, flow of liquid, what CDUs must take.

Air: m³/h = kW ÷ (0.000334 × ΔT in K). Water: L/min = 14.34 ÷ ΔT × kW (60 ÷ (density × specific heat)). All electricity
becomes heat in the room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from planner import site
from planner.catalog import Catalog
from planner.plan import Plan

BTU_PER_KWH = 3412.142
AIR_DELTA_K = 11.1  # 20 °F across a contained rack, low end of usual practice: the larger airflow
LIQUID_DELTA_K = 10.0
CDU_KW = 70.0  # in-rack coolant distribution unit, low end of 70-120 kW (model knowledge)


@dataclass(frozen=True, slots=True)
class RackHeat:
    """Heat of one rack in kW, by what carries it away."""

    name: str
    air_kw: float
    liquid_kw: float


@dataclass(frozen=True, slots=True)
class CoolingFacts:
    """Heat of the site. Airflow in m³/h and CFM, liquid in L/min; `cdus` with one to spare."""

    heat_kw: float
    heat_btu_h: float
    air_kw: float
    liquid_kw: float
    airflow_m3_h: float
    airflow_cfm: float
    liquid_l_min: float
    cdus: int
    cdu_kw: float  # of one of them
    cdu_units: int  # rack units of one; 0: in the row
    bought: bool  # whether the lines buy them
    cdu: str | None  # the part that is bought
    liquid_racks: int
    racks: tuple[RackHeat, ...]


def cooling_facts(plan: Plan, catalog: Catalog) -> CoolingFacts:
    """Heat at maximum draw, rack by rack."""
    racks = []
    for rack in plan.racks:
        liquid = 0.0
        for item in rack.items:
            chassis = catalog.chassis.get(item.item)
            if chassis is not None:
                watts = site.whole_watts(item.power_kw)
                liquid += site.plate_watts(watts, chassis.cooling, rack_scale=chassis.own_rack) / 1000
        racks.append(RackHeat(rack.name, round(rack.power_kw - liquid, 3), round(liquid, 3)))
    heat = plan.totals.it_power_kw
    liquid = sum(r.liquid_kw for r in racks)
    air = heat - liquid
    flow = air / (0.000334 * AIR_DELTA_K)
    return CoolingFacts(
        heat_kw=round(heat, 3),
        heat_btu_h=round(heat * BTU_PER_KWH, 0),
        air_kw=round(air, 3),
        liquid_kw=round(liquid, 3),
        airflow_m3_h=round(flow, 0),
        airflow_cfm=round(flow * 0.5886, 0),
        liquid_l_min=round(liquid * 14.34 / LIQUID_DELTA_K, 1),
        **_cdus(plan, catalog, liquid),
        liquid_racks=sum(1 for r in racks if r.liquid_kw),
        racks=tuple(racks),
    )


def _cdus(plan: Plan, catalog: Catalog, liquid_kw: float) -> dict[str, Any]:
    """The CDUs that the lines buy; else as many of the usual size as it takes."""
    for line in plan.lines:
        unit = catalog.cooling.get(line.part)
        if unit is not None and unit.role == "cdu":
            return {
                "cdus": line.quantity,
                "cdu_kw": unit.kw,
                "cdu_units": unit.rack_units,
                "bought": True,
                "cdu": line.part,
            }
    count = math.ceil(liquid_kw / CDU_KW) + 1 if liquid_kw else 0
    return {"cdus": count, "cdu_kw": CDU_KW, "cdu_units": 0, "bought": False, "cdu": None}
