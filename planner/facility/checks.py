"""Numbered checks of a plan that is to be built: PASS, WARN or FAIL, the figures, and the change that mends it.

They look at a saved plan only, so a plan changed by hand is checked as it stands. Standards whose clauses were not seen
are a checklist of their own (`STANDARDS`), never a result.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner import wiring
from planner.catalog import Catalog
from planner.facility import check_cooling, check_networks, check_power, check_racks
from planner.facility.results import Result, Test
from planner.plan import Plan


@dataclass(frozen=True, slots=True)
class Check:
    """One result. `have` and `need` with units; `mend` says what to change when it is not a PASS."""

    number: int
    id: str
    title: str
    status: str  # PASS | WARN | FAIL
    have: str
    need: str
    text: str
    mend: str | None = None


FIRST_OF_THE_ROOM = 6  # checks before it are about ports and cables


def run_checks(plan: Plan, catalog: Catalog, *, cabling: bool = True) -> list[Check]:
    """Every check in its fixed order; numbers never change their meaning. Without `cabling`, which has to run every
    cable of the site, only those of racks, power and cooling."""
    found = []
    for number, (name, title, test) in enumerate(TESTS, 1):
        if not cabling and number < FIRST_OF_THE_ROOM:
            continue
        try:
            r = test(plan, catalog)
        except wiring.PortClash as clash:
            r = Result(
                "FAIL", str(clash), "a free port", "The plan cannot be cabled.", "Plan again with planner optimize."
            )
        found.append(Check(number, name, title, r.status, r.have, r.need, r.text, r.mend))
    return found


TESTS: tuple[tuple[str, str, Test], ...] = (
    ("ports", "Ports used and present", check_networks.ports),
    ("cabled-once", "Every port cabled once", check_networks.cabled_once),
    ("cables-bought", "Cables bought and run", check_networks.cables_bought),
    ("reach", "Cable lengths and reach", check_networks.reach),
    ("single-points", "Networks without a single point", check_networks.single_points),
    ("rack-power", "Power per rack", check_racks.rack_power),
    ("rack-units", "Units per rack", check_racks.rack_units),
    ("rack-weight", "Weight per rack", check_racks.rack_weight),
    ("floor-load", "Floor load", check_racks.floor_load),
    ("depth", "Chassis depth", check_racks.depth),
    ("stranded", "Stranded power and units", check_racks.stranded),
    ("feed-lost", "A feed is lost", check_power.feed_lost),
    ("rack-pdus", "Rack power distribution", check_power.rack_pdus),
    ("air-heat", "Heat per rack", check_cooling.air_heat),
    ("liquid-loop", "Liquid cooling", check_cooling.liquid_loop),
    ("supply-temperature", "Supply temperature", check_cooling.supply_temperature),
    ("pue-policy", "PUE limit", check_power.pue_policy),
)

# What standards ask, as far as second-hand sources say; no clause was seen, so none of it is a result.
STANDARDS: tuple[tuple[str, str], ...] = (
    ("GB 50174", "grade A: two utility sources; UPS 2N or M(N+1) with 15 min of battery; generators N+X, 12 h of fuel"),
    ("GB 50174", "grade A: chillers, pumps, towers and air conditioners N+X; grade B N+1"),
    ("GB 50174", "cold aisle 18 to 27 °C, dew point 5.5 to 15 °C, relative humidity at most 60 %"),
    ("GB 50174", "main room live load 8 to 12 kN/m²; battery room 16 kN/m²"),
    ("TIA-942", "floor live load 7.2 / 8.4 / 12.0 / 12.0 kPa for rated 1 to 4; hanging load 1.2 to 2.4 kPa"),
    ("Uptime", "tier III: concurrently maintainable, one active path; tier IV: fault tolerant, 2N or 2N+1"),
)
