"""The story: request, rules, nodes, candidates, program, solution, plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from planner import advice, site, wiring
from planner.catalog import Catalog
from planner.compose import compose
from planner.errors import InputError, Mistake, NoPlan, Rejection
from planner.explain import clash, plain_checks, rule_notes
from planner.formulation import performance_scale
from planner.model import Problem, Solution
from planner.offers import loop_offers, proven, room_offers, wish_offers
from planner.packing import pack_shapes
from planner.parts import CoolingUnit
from planner.plan import Plan
from planner.problem import Prepared, limit_keys, prepare
from planner.rackneeds import room_together
from planner.request import Request
from planner.solve import Clock, delivered, performance, solve

Say = Callable[[str], None]


def optimize(
    request: Request,
    catalog: Catalog,
    on: dt.date,
    *,
    threads: int | None = None,
    time_limit: float | None = None,
    say: Say = lambda _: None,
    explained: bool = True,
) -> Plan:
    """The best plan for a request on a date; NoPlan with an explanation when there is none.

    `on` is the one date for rules, price age and rates; `say` hears what is being done. `explained`: where there is no
    plan, say which changes would give one and, where racks are too small for the machine, what another machine or other
    racks would cost; without it only that there is none.
    """
    return settle(request, catalog, on, threads=threads, time_limit=time_limit, say=say, explained=explained).plan


@dataclass(frozen=True)
class Settled:
    """The best plan with the program it is of: everything that was learnt about the room on the way is in it."""

    prepared: Prepared
    solution: Solution
    plan: Plan


def settle(
    request: Request,
    catalog: Catalog,
    on: dt.date,
    *,
    threads: int | None = None,
    time_limit: float | None = None,
    say: Say = lambda _: None,
    explained: bool = True,
    within: bool | None = None,
) -> Settled:
    """What `optimize` does, with the program beside the plan. `within`: as in `prepare`."""
    clock = Clock(time_limit)
    doors = rear_doors(request, catalog)
    if len(doors) > 1:
        say("rear doors: the best plan without them, then with them on every cabinet")
    found: list[Settled] = []
    refused: NoPlan | None = None
    for door in doors:
        try:
            narrow = not explained if within is None else within
            found.append(_with_door(request, catalog, on, door, narrow, threads, clock, say, explained))
        except NoPlan as none:
            refused = none
    if not found:
        raise refused or NoPlan(advice.Explanation().message(), advice.Explanation())
    scales = _scales(found[0].prepared.problem)
    return min(found, key=lambda settled: _worth(settled, scales))


def rear_doors(request: Request, catalog: Catalog) -> list[CoolingUnit | None]:
    """The rear doors to plan with, one after the other; None: without."""
    terms = request.site.cooling_terms
    wanted = "never" if terms is None else terms.rear_doors
    sold: list[CoolingUnit | None] = [
        unit
        for _, unit in sorted(catalog.cooling.items())
        if unit.role == "rear-door" and unit.lifecycle == "current" and unit.id in catalog.prices
    ]
    if wanted == "every" and not sold:
        raise InputError([Mistake("site.cooling.rear_doors", None, None, "no rear door of the catalog has a price.")])
    return [None] if wanted == "never" else sold if wanted == "every" else [None, *sold]


def _scales(problem: Problem) -> dict[str, float]:
    """What each maximised work is measured against, so that plans of different rooms can be compared."""
    works = [w for w in problem.works if w.maximise]
    return {w.name: problem.alone.get(w.name) or performance_scale(problem, w) for w in works}


def _worth(settled: Settled, scales: dict[str, float]) -> tuple[float, float]:
    """Performance where that comes first, then the objective's amount: less is better."""
    problem, solution = replace(settled.prepared.problem, alone=scales), settled.solution
    if not problem.performance_first:
        return 0.0, solution.objective
    return -round(performance(problem, solution), 9), solution.total.capital


def _with_door(
    request: Request,
    catalog: Catalog,
    on: dt.date,
    door: CoolingUnit | None,
    within: bool,
    threads: int | None,
    clock: Clock,
    say: Say,
    explained: bool,
) -> Settled:
    say("reading catalogs, screening and building nodes")
    prepared = prepare(request, catalog, on, within=within, door=door)
    unserved = clash(prepared)
    if unserved is not None:
        if explained:
            offers = loop_offers(request, catalog, on, unserved, _unexplained, _refusal)
            unserved = replace(unserved, notes=(*offers, *unserved.notes))
        raise NoPlan(unserved.message(), unserved)
    while True:
        settled = _best(prepared, say, explained, threads, clock)
        known = _farther(settled, catalog)
        far = known - prepared.single_mode
        if not far:
            return settled
        # Where a run is longer than its cable reaches, all of its kind are priced on a longer piece or on single-mode
        # and the program is solved again; there are but few kinds and lengths only grow, so this ends.
        say(f"{', '.join(sorted(far))}: too far; again on longer cables, single-mode or without blocks over racks")
        prepared = prepare(request, catalog, on, within=within, single_mode=known, door=door)


def _farther(settled: Settled, catalog: Catalog) -> frozenset[str]:
    """What is known of kinds of link that the usual cable does not reach, with what this plan has shown."""
    prepared = settled.prepared
    beyond = wiring.beyond_reach(settled.plan, catalog) - prepared.single_mode
    known = {word for word in prepared.single_mode if word.partition("=")[0] not in beyond} | beyond

    def priced(part: str) -> bool:
        return not isinstance(prepared.book.landed(part), Rejection)

    told = {kind: catalog.cables[part] for kind, _, part in (word.partition("=") for word in known) if part}
    for kind, part in wiring.longer_pieces(settled.plan, catalog, priced).items():
        # Single-mode comes first, its pieces are others. Pieces only grow, or families of switches would take turns.
        if kind not in beyond and (kind not in told or catalog.cables[part].length_m > told[kind].length_m):
            known = {word for word in known if word.partition("=")[0] != kind or "=" not in word} | {f"{kind}={part}"}
    return frozenset(known)


def _best(prepared: Prepared, say: Say, explained: bool, threads: int | None, clock: Clock) -> Settled:
    """The best plan of a program; NoPlan where there is none."""
    request = prepared.request
    say(f"solving with {len(prepared.problem.options)} candidates")
    problem = _with_alone(prepared.problem, threads)
    solution = solve(problem, pack_shapes, threads=threads, clock=clock)
    if solution is None:
        raise _no_plan(prepared, say, explained, clock)
    say("writing the plan")
    plan = compose(replace(prepared, problem=problem), solution)
    while request.budget.capex is not None and plan.totals.capex > request.budget.capex:
        # Tax is rounded per rate, which the program cannot know: a cap passed by a cent is tightened.
        tighter = {**problem.limits, "capital_budget": solution.total.capital - 1}
        problem = replace(problem, limits=tighter)
        solution = solve(problem, pack_shapes, threads=threads, clock=clock)
        if solution is None:
            raise _no_plan(replace(prepared, problem=problem), say, explained, clock)
        plan = compose(replace(prepared, problem=problem), solution)
    return Settled(replace(prepared, problem=problem), solution, plan)


def _no_plan(prepared: Prepared, say: Say, explained: bool, clock: Clock) -> NoPlan:
    """What to raise where no plan meets all limits: explained in full, or bare where nobody reads why."""
    if not explained:
        bare = advice.Explanation()
        return NoPlan(bare.message(), bare)
    say("no plan meets all limits; looking for the smallest changes")
    explanation = explain_limits(prepared, clock)
    if clock.limit is not None and advice.TIME_UP in explanation.notes:
        return NoPlan(explanation.message(), explanation)
    say("looking for other machines and rooms")
    explanation = proven(prepared.request, prepared.catalog, prepared.on, explanation, _unexplained)
    offers = room_offers(prepared.request, prepared.catalog, prepared.on, explanation, _unexplained)
    if not offers and not explanation.reasons():
        offers = wish_offers(prepared.request, prepared.catalog, prepared.on, _unexplained)
    explanation = replace(explanation, notes=(*offers, *explanation.notes))
    return NoPlan(explanation.message(), explanation)


def _unexplained(request: Request, catalog: Catalog, on: dt.date) -> Plan:
    return optimize(request, catalog, on, explained=False)


def _refusal(request: Request, catalog: Catalog, on: dt.date) -> advice.Explanation | None:
    """Why a request has no plan; None where it has one, or where the reason is another."""
    try:
        optimize(request, catalog, on)
    except NoPlan as none:
        return none.explanation if isinstance(none.explanation, advice.Explanation) else None
    return None


def _with_alone(problem: Problem, threads: int | None) -> Problem:
    """With several works to maximise, what each reaches alone: shares are measured against that."""
    maximised = [w for w in problem.works if w.maximise]
    if len(maximised) < 2:
        return problem
    alone: dict[str, float] = {}
    for work in maximised:
        others = {w.name for w in maximised if w is not work}
        single = replace(
            problem,
            works=tuple(w for w in problem.works if w.name not in others),
            options=tuple(o for o in problem.options if o.work not in others),
        )
        best = solve(single, pack_shapes, threads=threads)
        if best is not None:
            alone[work.name] = delivered(single, work.name, best)
    return replace(problem, alone=alone)


def explain_limits(prepared: Prepared, clock: Clock | None = None) -> advice.Explanation:
    """The limits that clash and the smallest changes, each proven by solving, over counts that larger limits allow."""
    prepared = prepare(
        prepared.request,
        prepared.catalog,
        prepared.on,
        bounded=False,
        single_mode=prepared.single_mode,
        door=prepared.door,
    )
    keys, room_key = limit_keys(prepared.request, prepared.book.taxes), _rack_power_key(prepared.request)
    search = advice.Relaxation(prepared.problem, pack_shapes, keys, room_key, clock=clock or Clock(None))
    found = search.explain(plain_checks(prepared), rule_notes(prepared))
    if found.single or found.joint or advice.TIME_UP in found.notes:
        return found
    return replace(found, together=room_together(search))


def _rack_power_key(request: Request) -> str:
    """What must rise for a rack to give more: its own figure, what its feeds give, or both."""
    fed, given = site.feeds_kw(request), request.site.rack_power_kw
    if fed is None or (given is not None and given <= fed):
        return "site.rack_power_kw"
    return "site.feeds per rack, kW" if given is None else "site.feeds per rack and site.rack_power_kw, kW"
