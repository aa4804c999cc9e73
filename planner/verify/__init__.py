"""A plan recomputed from catalog and plan alone: an independent witness that shares no code with planning.

Findings name the line or field that does not add up; none means that every count, price, port, watt, kilogram, limit
and rule does. What a catalog cannot give back (predictions, verdict texts) is covered by seals. See docs/verify.md.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Any

from planner.catalog import Catalog
from planner.plan import Plan
from planner.verify import (
    build,
    cabling,
    checks,
    cooling,
    energy,
    limits,
    media,
    money,
    networks,
    physical,
    room,
    screening,
    spares,
)
from planner.verify.prices import Landed

# Edited into nonsense, a plan may name parts or keys that do not exist; that is a finding, never a crash.
NONSENSE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)


def verify(plan: Plan, catalog: Catalog) -> list[str]:
    """Findings in the order of the plan; empty when everything adds up. Missing overlays are the only finding."""
    absent = _absent_overlays(plan, catalog)
    if absent is not None:
        return [absent]
    findings: list[str] = []
    for name, check in _checks(plan, catalog):
        try:
            for finding in check():
                findings.append(finding)  # one by one: what was found before a failure stands
        except NONSENSE as error:
            findings.append(f"{name}: cannot be recomputed, {type(error).__name__}: {error}")
    return findings


def _absent_overlays(plan: Plan, catalog: Catalog) -> str | None:
    """The one finding for a plan made with overlay folders of which fewer were given: anything else follows from it."""
    named = plan.request.get("catalog")
    names = [str(n) for n in named] if isinstance(named, list) else []
    if len(catalog.layers) > len(names) or plan.provenance.catalog_hash == catalog.hash:
        return None
    return f"planned with catalog: {', '.join(names)}; give them with --catalog"


def _checks(plan: Plan, catalog: Catalog) -> list[tuple[str, Callable[[], Iterator[str]]]]:
    """What is checked, by the part of the plan it belongs to. One that fails does not silence the others."""

    def landed() -> Landed:
        return Landed(catalog, plan.request, dt.date.fromisoformat(plan.provenance.rule_date))

    return [
        ("plan", lambda: _not_finite(plan.model_dump(mode="json"), "")),
        ("lines", lambda: money.check_lines(plan, catalog, landed())),
        ("lines", lambda: physical.check_physical(plan, catalog)),
        ("totals", lambda: money.check_totals(plan, landed())),
        ("energy", lambda: energy.check_energy(plan, landed())),
        ("pools", lambda: build.check_pools(plan, catalog)),
        ("spares", lambda: spares.check_spares(plan, catalog)),
        ("fabrics", lambda: networks.check_networks(plan, catalog)),
        ("racks", lambda: room.check_racks(plan, catalog)),
        ("cooling", lambda: cooling.check_cooling(plan, catalog)),
        ("cabling", lambda: cabling.check_cabling(plan, catalog)),
        ("cabling", lambda: media.check_media(plan, catalog)),
        ("limits", lambda: limits.check_limits(plan, catalog)),
        ("pools", lambda: room.check_demand(plan, catalog)),
        ("compliance", lambda: room.check_compliance(plan, catalog)),
        ("origins", lambda: screening.check_origins(plan, catalog)),
        ("screening", lambda: screening.check_screening(plan, catalog)),
        ("compliance", lambda: screening.check_figures(plan, catalog)),
        ("checks", lambda: checks.check_checks(plan, catalog)),
        ("objective", lambda: room.check_objective(plan, catalog)),
        ("provenance", lambda: room.check_provenance(plan, catalog)),
    ]


def _not_finite(value: Any, place: str) -> Iterator[str]:
    """Numbers that no comparison can hold: NaN and infinity, which JSON readers let through."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{k}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{place}: {value} is not a number"
