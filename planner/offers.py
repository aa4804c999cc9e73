"""A room too small for the machine asked for: another machine, or what racks must give, and what each costs.

Both offers are whole plans, solved like any other. Only the room, money, power and the choice of chassis are varied;
rules and parties are not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from planner.advice import Change, Explanation
from planner.catalog import Catalog
from planner.errors import NoPlan, PlannerError
from planner.plan import Plan
from planner.request import Choice, Request

Solve = Callable[[Request, Catalog, dt.date], Plan]


def room_offers(request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve) -> tuple[str, ...]:
    """Sentences for an explanation whose plain checks found machines that fit no rack, or whose room is too warm."""
    doors = _with_doors(request, catalog, on, why, solve)
    if not any("a rack " in check for check in why.checks):
        return doors
    found = list(doors)
    changes = why.single[:1] if why.single and _room(why.single[0]) else why.joint
    changes = next(((c,) for c in why.single if _room(c)), tuple(changes))
    if changes:
        plan = _solved(applied(request, changes), catalog, on, solve)
        if plan is not None:
            what = "; and ".join(map(str, changes))
            found.append(f"With {what}: {_said(plan)}.")
    if request.preferences.chassis.only:
        other = _other_chassis(request, catalog, on, solve)
        if other is not None:
            found.append(other)
        elif changes:
            found.append("No other chassis in the catalog does this work within the limits as they are.")
    return tuple(found)


def loop_offers(request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve) -> tuple[str, ...]:
    """Sentences for machines that need a liquid loop in a room without: the loop, or another machine, with its cost."""
    if request.site.cooling != "air" or not any("needs a liquid loop" in check for check in why.checks):
        return ()
    found = []
    terms = request.site.cooling_terms
    wet = request.site.model_copy(update={"cooling": "liquid"})
    if terms is None:  # with figures for air alone nobody knows what the loop would take
        plan = _solved(request.model_copy(update={"site": wet}), catalog, on, solve)
        if plan is not None:
            found.append(f"With a liquid loop (site.cooling: liquid): {_said(plan)}.")
    other = _other_chassis(request, catalog, on, solve) if request.preferences.chassis.only else None
    return (*found, other) if other is not None else tuple(found)


def _other_chassis(request: Request, catalog: Catalog, on: dt.date, solve: Solve) -> str | None:
    """The best plan with any chassis in the room as it is; None where there is none."""
    free = request.preferences.model_copy(update={"chassis": Choice(exclude=request.preferences.chassis.exclude)})
    plan = _solved(request.model_copy(update={"preferences": free}), catalog, on, solve)
    return None if plan is None else f"With another chassis and the room as it is: {_said(plan)}."


def _with_doors(request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve) -> tuple[str, ...]:
    """Rear doors, where more heat by air would give a plan and the request says nothing of them."""
    terms = request.site.cooling_terms
    warm = any(change.limit.startswith("site.cooling.") for change in (*why.single, *why.joint))
    if terms is None or terms.rear_doors != "never" or not warm:
        return ()
    auto = request.site.model_copy(update={"cooling_terms": terms.model_copy(update={"rear_doors": "auto"})})
    plan = _solved(request.model_copy(update={"site": auto}), catalog, on, solve)
    if plan is None:
        return ()
    return (f"With heat exchangers in the rear doors (site.cooling.rear_doors: auto): {_said(plan)}.",)


def applied(request: Request, changes: tuple[Change, ...]) -> Request:
    """The request with limits at what the changes say."""
    site, budget, supply = request.site, request.budget, dict(request.supply)
    for change in changes:
        section, _, key = change.limit.partition(".")
        if key == "cooling.air_kw_per_rack":
            terms = site.cooling_terms and site.cooling_terms.model_copy(update={"air_kw_per_rack": change.need})
            site = site.model_copy(update={"cooling_terms": terms})
        elif key.startswith("feeds per rack"):
            site = site.model_copy(update={"feeds": None, "rack_power_kw": change.need})
        elif section == "site":
            value = int(change.need) if key in ("racks", "rack_units") else change.need
            site = site.model_copy(update={key: value})
            if key == "rack_power_kw":  # the room as a whole gives that much then
                site = site.model_copy(update={"feeds": None})
        elif section == "budget":
            budget = budget.model_copy(update={key: Decimal(str(change.need))})
        else:
            supply[key] = int(change.need)
    return request.model_copy(update={"site": site, "budget": budget, "supply": supply})


def _room(change: Change) -> bool:
    return change.limit.startswith(("site.rack_", "site.feeds", "site.cooling."))


def _solved(request: Request, catalog: Catalog, on: dt.date, solve: Solve) -> Plan | None:
    try:
        return solve(request, catalog, on)
    except (NoPlan, PlannerError):
        return None


def _said(plan: Plan) -> str:
    """The machines of a plan and what it costs."""
    machines = ", ".join(f"{pool.nodes} × {pool.chassis} with {pool.accelerator}" for pool in plan.pools)
    racks = f"{plan.totals.racks} rack{'s' if plan.totals.racks != 1 else ''}"
    return f"{machines}, {racks}, capital {plan.totals.currency} {plan.totals.capex:,.2f}"
