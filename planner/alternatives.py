"""`planner explain`: what limits a plan, what one more step of a limit buys, the best plan with each other part.

Every statement is solved again, from candidates pruned anew for it; nothing is read off a relaxation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from planner.acceptance import Level, levels
from planner.catalog import Catalog
from planner.dominance import prune
from planner.model import Option, Problem
from planner.optimize import settle
from planner.packing import pack_shapes
from planner.plan import Limit, Plan
from planner.problem import Prepared, limit_keys
from planner.request import Request
from planner.solve import solve

STEP = 0.10  # one step of a limit: ten per cent more


def explain(
    request: Request, catalog: Catalog, on: dt.date, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Limits with slack and the worth of one more step; each part not chosen with its extra price or the reason."""
    settled = settle(request, catalog, on, say=say, within=False)
    prepared, best, plan = settled.prepared, settled.solution, settled.plan
    say("asking what one more step of each limit buys")
    limits = [_limit(prepared, plan, limit, best.objective) for limit in plan.limits]
    say("asking for the best plan with each part that was not chosen")
    others = _alternatives(prepared, plan, best.objective, say)
    cards, nodes = plan.totals.accelerators, plan.totals.nodes
    headline = (
        f"{plan.project}: {cards} accelerator{'s' * (cards != 1)} in {nodes} node{'s' * (nodes != 1)}, "
        f"{plan.totals.currency} {plan.totals.capex:,.2f}; objective {plan.objective.name}."
    )
    say("asking for the best plan under stricter and looser acceptance of export verdicts")
    accepted = [_level(prepared, row, best.objective) for row in levels(prepared, say)]
    return {"headline": headline, "limits": limits, "alternatives": others, "acceptance": accepted}


def _level(prepared: Prepared, level: Level, objective: float) -> dict[str, Any]:
    """One acceptance of verdicts with its best plan, against the plan that was asked for."""
    change = None if level.objective is None else level.objective - objective
    same = change is None or abs(change) <= 1e-6
    capital = None if level.capital_cents is None else level.capital_cents / 100
    return {
        "name": level.name,
        "accept": list(level.accept),
        "asked": level.asked,
        "same_as": level.same_as,
        "accelerators": list(level.accelerators),
        "verdicts": list(level.verdicts),
        "nodes": level.nodes,
        "capital_without_tax": capital,
        "change": "no plan" if change is None else "the same" if same else _told(prepared, change),
        "licence_lead_days": prepared.request.compliance.licence_lead_days,
    }


def _limit(prepared: Prepared, plan: Plan, limit: Limit, objective: float) -> dict[str, Any]:
    """Slack, and the objective when this limit is one step larger."""
    row = {"name": limit.name, "have": limit.have, "used": limit.used, "slack": limit.slack, "step": None}
    name = next(
        (n for n, (key, _) in limit_keys(prepared.request, prepared.book.taxes).items() if key == limit.name), None
    )
    if name is None or limit.have is None or name not in prepared.problem.limits:
        return row
    have = prepared.problem.limits[name]
    more = max(have + 1, round(have * (1 + STEP)))
    problem = replace(prepared.problem, limits={**prepared.problem.limits, name: more})
    found = solve(problem, pack_shapes, ties=False)
    if found is not None:
        change = found.objective - objective
        row["step"] = f"{_told(prepared, change)} with {STEP:.0%} more" if abs(change) > 1e-6 else "nothing"
    return row


def _alternatives(prepared: Prepared, plan: Plan, objective: float, say: Callable[[str], None]) -> list[dict[str, Any]]:
    used = {p.accelerator for p in plan.pools} | {p.chassis for p in plan.pools}
    rows = []
    for kind in (_accelerator, _chassis):
        for part in sorted({kind(o) for o in prepared.unpruned} - used):
            say(f"best plan with {part}")
            found = solve(_must_use(prepared, part, kind), pack_shapes, ties=False)
            if found is None:
                reason = _excluding(prepared, part, kind)
                rows.append({"part": part, "extra": None, "rule": "limit", "reason": reason})
            else:
                extra = _told(prepared, found.objective - objective)
                rows.append({"part": part, "extra": extra, "rule": None, "reason": None})
    left = (e for e in plan.left_out if e.rule != "objective")
    return rows + [{"part": e.part, "extra": None, "rule": e.rule, "reason": e.message} for e in left]


def _must_use(prepared: Prepared, part: str, kind: Callable[[Option], str]) -> Problem:
    """The problem in which some workload must use a part: for each such workload the others stay free.

    Options of workloads that could use the part are narrowed to it, one workload at a time being enough. Among those
    that are left, what others outdo is dropped again: the best plan with the part is none the worse for it.
    """
    works = [o.work for o in prepared.unpruned if kind(o) == part]
    forced = sorted(set(works))[0]
    narrowed = prune([o for o in prepared.unpruned if o.work == forced and kind(o) == part])
    others = [o for o in prepared.problem.options if o.work != forced]
    return prepared.with_options(sorted([*narrowed, *others], key=lambda o: o.id))


def _excluding(prepared: Prepared, part: str, kind: Callable[[Option], str]) -> str:
    """The single limit that, when lifted, lets the part in; else several together."""
    problem = _must_use(prepared, part, kind)
    keys = limit_keys(prepared.request, prepared.book.taxes)
    for name in problem.limits:
        if solve(problem.without(name), pack_shapes, ties=False) is not None:
            return f"exceeds {keys[name][0]}"
    room = replace(problem, room=replace(problem.room, watts=None))
    if problem.room.watts is not None and solve(room, pack_shapes, ties=False) is not None:
        return "exceeds site.rack_power_kw"
    return "exceeds several limits together"


def _told(prepared: Prepared, change: float) -> str:
    if prepared.problem.performance_first:
        return f"{change:+.1%} performance"
    if prepared.request.objective == "lowest_power":
        return f"{change / 1000:+,.2f} kW"
    return f"{prepared.request.budget.currency} {change / 100:+,.2f}"


def _accelerator(option: Option) -> str:
    return option.node.accelerator


def _chassis(option: Option) -> str:
    return option.node.chassis
