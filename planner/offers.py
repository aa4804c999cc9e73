"""A room too small for the machine asked for: another machine, or what racks must give, and what each costs.

Both offers are whole plans, solved like any other. Only the room, money, power and the choice of chassis are varied;
rules and parties are not.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from pydantic import BaseModel

from planner.advice import Change, Explanation
from planner.catalog import Catalog
from planner.errors import NoPlan, PlannerError
from planner.plan import Plan
from planner.request import Choice, Request

Solve = Callable[[Request, Catalog, dt.date], Plan]
Refusal = Callable[[Request, Catalog, dt.date], Explanation | None]
TECHNOLOGIES = {"infiniband": "InfiniBand", "ethernet": "Ethernet"}
WISHES = (  # what a person may have asked for and can leave out, with the value that asks for nothing
    ("preferences.fabric.sharing", "auto"),
    ("preferences.fabric.planes", "auto"),
    ("preferences.fabric.media", "auto"),
    ("preferences.fabric.switch", None),
    ("preferences.fabric.technology", None),
    ("preferences.fabric.topology", None),
    ("preferences.fabric.reserve_nodes", 0),
    ("storage.technology", None),
    ("storage.system", None),
    ("resilience.feed_lost", "any"),
)


def room_offers(request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve) -> tuple[str, ...]:
    """Sentences for an explanation whose plain checks found machines that fit no rack, or whose room is too warm."""
    doors = _with_doors(request, catalog, on, why, solve)
    if not any("a rack " in check for check in why.checks):
        # Nothing is too large for a rack: what the first change of the site itself comes to.
        change = next((c for c in why.single if c.limit.startswith("site.")), None)
        plan = None if change is None or doors else _solved(applied(request, (change,)), catalog, on, solve)
        return doors if plan is None else (f"With {change}: {_said(plan)}.", *_prices(plan))
    found, mended = list(doors), None
    changes = next(((c,) for c in why.single if _room(c)), why.joint or why.together)
    if changes:
        mended = _solved(applied(request, changes), catalog, on, solve)
        if mended is not None:
            what = "; and ".join(map(str, changes))
            found.append(f"With {what}: {_said(mended)}.")
    if request.preferences.chassis.only:
        other = _other_chassis(request, catalog, on, solve, mended)
        found.append(other or _other_beyond(request, catalog, on, solve, mended))
    return (*found, *_prices(mended))


def proven(request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve) -> Explanation:
    """The explanation with changes of rack power solved as requests of their own, where money is limited.

    Racks that give more take larger power distribution, which the program of the racks as they are does not price: a
    single change that this makes too dear is left out, and a joint one gets the budget that it really takes.
    """
    if request.budget.capex is None:
        return why
    single = tuple(c for c in why.single if not _power(c) or _solved(applied(request, (c,)), catalog, on, solve))
    changes = next(((c,) for c in why.single if c not in single), why.joint or why.together)
    if not any(map(_power, changes)) or _solved(applied(request, changes), catalog, on, solve) is not None:
        return replace(why, single=single)
    racks = tuple(c for c in changes if c.limit != "budget.capex")
    free = applied(request, racks)
    free = free.model_copy(
        update={"budget": free.budget.model_copy(update={"capex": None}), "objective": "lowest_capex"}
    )
    plan = None if any(w.maximise for w in request.workloads) else _solved(free, catalog, on, solve)
    if plan is None:
        return replace(why, single=single, joint=(), together=())
    need = Change("budget.capex", float(request.budget.capex), math.ceil(plan.totals.capex))
    return replace(why, single=single, joint=(), together=(*racks, need))


def loop_offers(
    request: Request, catalog: Catalog, on: dt.date, why: Explanation, solve: Solve, refusal: Refusal
) -> tuple[str, ...]:
    """Sentences for machines that need a liquid loop in a room without: the loop, or another machine, with its cost.

    Where the loop alone does not help, `refusal` says what remains in the way and what would mend that.
    """
    if request.site.cooling != "air" or not any("needs a liquid loop" in check for check in why.checks):
        return ()
    found = []
    terms = request.site.cooling_terms
    wet = request.site.model_copy(update={"cooling": "liquid"})
    if terms is None:  # with figures for air alone nobody knows what the loop would take
        plan = _solved(request.model_copy(update={"site": wet}), catalog, on, solve)
        if plan is not None:
            found.append(f"With a liquid loop (site.cooling: liquid): {_said(plan)}.")
        elif (left := refusal(request.model_copy(update={"site": wet}), catalog, on)) is not None:
            found.append("With a liquid loop (site.cooling: liquid) there is no plan either:")
            found += [f"  {line}" for line in (*left.reasons(), *left.notes)]
    other = _other_chassis(request, catalog, on, solve, None) if request.preferences.chassis.only else None
    return (*found, other) if other is not None else tuple(found)


def _other_chassis(request: Request, catalog: Catalog, on: dt.date, solve: Solve, mended: Plan | None) -> str | None:
    """The best plan with any chassis in the room as it is, beside that of a mended room; None where there is none."""
    free = request.preferences.model_copy(update={"chassis": Choice(exclude=request.preferences.chassis.exclude)})
    plan = _solved(request.model_copy(update={"preferences": free}), catalog, on, solve)
    return None if plan is None else f"With another chassis{_key(plan)} and the room as it is: {_said(plan, mended)}."


def _key(plan: Plan) -> str:
    """What a site file says to get the chassis of a plan."""
    return f" (preferences.chassis: {{only: [{', '.join(dict.fromkeys(p.chassis for p in plan.pools))}]}})"


def _prices(plan: Plan | None) -> tuple[str, ...]:
    """How old the prices are that an offer is made of."""
    notes = () if plan is None else plan.assumptions
    return tuple(f"Prices: {a.text}" for a in notes if a.name == "price age")


def _other_beyond(request: Request, catalog: Catalog, on: dt.date, solve: Solve, mended: Plan | None) -> str:
    """The cheapest plan with any chassis in racks as they are, whatever else it takes, and the limits it passes."""
    site, budget = request.site, request.budget
    lifted = request.model_copy(
        update={
            "preferences": request.preferences.model_copy(
                update={"chassis": Choice(exclude=request.preferences.chassis.exclude)}
            ),
            "budget": budget.model_copy(update={"capex": None, "opex_per_year": None}),
            "site": site.model_copy(update={"it_power_kw": None, "utility_power_kw": None, "racks": None}),
            "objective": "lowest_capex",
        }
    )
    open_ended = any(w.maximise for w in request.workloads)  # has no cheapest plan without a limit
    plan = None if open_ended else _solved(lifted, catalog, on, solve)
    if plan is None:
        return "No other chassis in the catalog does this work in racks as they are."
    totals = plan.totals
    passed = [
        str(Change(key, float(have), math.ceil(need)))
        for key, have, need in (
            ("budget.capex", budget.capex, totals.capex),
            ("budget.opex_per_year", budget.opex_per_year, totals.opex_per_year + (totals.energy_per_year or 0)),
            ("site.it_power_kw", site.it_power_kw, totals.it_power_kw),
            ("site.utility_power_kw", site.utility_power_kw, totals.facility_power_kw),
            ("site.racks", site.racks, totals.racks),
        )
        if have is not None and need > float(have)
    ]
    also = f", and {'; and '.join(passed)}" if passed else ""
    return f"With another chassis{_key(plan)} in racks as they are{also}: {_said(plan, mended)}."


def wish_offers(request: Request, catalog: Catalog, on: dt.date, solve: Solve) -> tuple[str, ...]:
    """Plans with one wish left out, for a refusal that no limit explains; what to try where none helps."""
    found = []
    for key, none in WISHES:
        given = _value(request, key)
        if given is None or given == none:
            continue
        plan = _solved(_without_wish(request, key, none), catalog, on, solve)
        if plan is not None:
            found.append(f"Without {key}: {given}: {_said(plan)}.")
    missing = "No limit and no single wish is to blame; what is asked for cannot be had together."
    return tuple(found) or (f"{missing} Leave out preferences, one after the other.",)


def _value(request: Request, key: str) -> object:
    """What a request says under a dotted key; None where the section is not there."""
    value: object = request
    for name in key.split("."):
        value = getattr(value, name, None)
    return value


def _without_wish(request: Request, key: str, none: object) -> Request:
    """The request with one dotted key at the value that asks for nothing."""
    path = key.split(".")
    chain: list[BaseModel] = [request]
    for name in path[:-1]:
        chain.append(getattr(chain[-1], name))
    changed: object = none
    for name, section in zip(reversed(path), reversed(chain), strict=True):
        changed = section.model_copy(update={name: changed})
    assert isinstance(changed, Request)
    return changed


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


def _power(change: Change) -> bool:
    return change.limit.startswith(("site.rack_power", "site.feeds"))


def _room(change: Change) -> bool:
    return change.limit.startswith(("site.rack_", "site.feeds", "site.cooling."))


def _solved(request: Request, catalog: Catalog, on: dt.date, solve: Solve) -> Plan | None:
    try:
        return solve(request, catalog, on)
    except (NoPlan, PlannerError):
        return None


def _said(plan: Plan, other: Plan | None = None) -> str:
    """The machines of a plan, the compute fabric they stand on and the cost, also against another plan's."""
    machines = ", ".join(
        f"{pool.nodes} × {pool.chassis} with {pool.accelerators_per_node} × {pool.accelerator} each"
        for pool in plan.pools
    )
    nets = dict.fromkeys(
        f"{pool.ports.compute} × {net.gbps:g}G {TECHNOLOGIES[net.technology]} a node"
        for pool in plan.pools
        for net in plan.fabrics
        if net.name == pool.fabric
    )
    racks = f"{plan.totals.racks} rack{'s' if plan.totals.racks != 1 else ''}"
    said = ", ".join([machines, *(f"compute on {net}" for net in nets), racks])
    money = f"capital {plan.totals.currency} {plan.totals.capex:,.2f}"
    if other is None:
        return f"{said}, {money}"
    more = plan.totals.capex - other.totals.capex
    return f"{said}, {money} ({abs(more):,.2f} {'more' if more >= 0 else 'less'})"
