"""Numbered checks of a plan that is to be built: PASS, WARN or FAIL, the figures, and the change that mends it.

A plan carries them as they stood when it was made; `planner check` makes them again of a saved plan, so one changed by
hand is checked as it stands. Standards whose clauses were not seen are a checklist (`STANDARDS`), never a result.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner import wiring
from planner.catalog import Catalog
from planner.facility import check_cooling, check_networks, check_power, check_racks
from planner.facility.results import Result, Test
from planner.facility.words import said
from planner.plan import Plan, PlannedCheck

FIRST_OF_THE_ROOM = 6  # checks before it are about ports and cables


def run_checks(plan: Plan, catalog: Catalog) -> tuple[PlannedCheck, ...]:
    """Every check in its fixed order; numbers never change their meaning."""
    clash: Result | None = None
    found: list[Result] = []
    for _, test in TESTS:
        try:
            found.append(test(plan, catalog))
        except wiring.PortClash as error:
            clash = Result("FAIL", "clash", {"count": 1}, ({"name": str(error)},))
            found.append(clash)
    if clash is not None:  # a switch without a free port: the counts of check 1 were wrong
        found[0] = clash
    return tuple(_numbered(n, TESTS[n - 1][0], r, plan.names) for n, r in enumerate(found, 1))


def _numbered(number: int, name: str, result: Result, parts: Mapping[str, str]) -> PlannedCheck:
    words = said(name, result.case, result.figures, result.items, names=parts)
    return PlannedCheck(
        number=number,
        id=name,
        title=words.title,
        status=result.status,  # type: ignore[arg-type]
        case=result.case,
        have=words.have,
        need=words.need,
        text=words.text,
        mend=words.mend,
        figures=result.figures,
        items=result.items,
    )


TESTS: tuple[tuple[str, Test], ...] = (
    ("ports", check_networks.ports),
    ("cabled-once", check_networks.cabled_once),
    ("cables-bought", check_networks.cables_bought),
    ("reach", check_networks.reach),
    ("single-points", check_networks.single_points),
    ("rack-power", check_racks.rack_power),
    ("rack-units", check_racks.rack_units),
    ("rack-weight", check_racks.rack_weight),
    ("floor-load", check_racks.floor_load),
    ("depth", check_racks.depth),
    ("stranded", check_racks.stranded),
    ("feed-lost", check_power.feed_lost),
    ("rack-pdus", check_power.rack_pdus),
    ("air-heat", check_cooling.air_heat),
    ("liquid-loop", check_cooling.liquid_loop),
    ("supply-temperature", check_cooling.supply_temperature),
    ("pue-policy", check_power.pue_policy),
)
