"""A plan held against the enumeration of its site."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.site import Answer, best_site
from oracle.tiny import ON, Tiny
from planner.errors import NoPlan
from planner.optimize import optimize
from planner.plan import Plan
from planner.units import half_up
from planner.verify import verify


@dataclass(frozen=True)
class Outcome:
    """What the enumeration found, and every way in which the plan differs from it."""

    answer: Answer
    differences: tuple[str, ...]


def compared(site: Tiny) -> Outcome:
    """The site enumerated, planned and verified."""
    answer = best_site(site.request, site.catalog, ON)
    try:
        plan = optimize(site.request, site.catalog, ON)
    except NoPlan:
        found = () if answer.value is None else (f"no plan, the enumeration has {answer.value} {answer.words}",)
        return Outcome(answer, found)
    if answer.value is None:
        return Outcome(answer, (f"a plan of {plan.totals.capex_without_tax}, the enumeration has none",))
    return Outcome(answer, (*_differences(site, plan, answer), *verify(plan, site.catalog)))


def _differences(site: Tiny, plan: Plan, answer: Answer) -> list[str]:
    """Spares of in-band, storage and out-of-band networks are no part of the enumeration: a plan may be dearer by
    them (with support and tax at most half as much again), never cheaper than the best.
    """
    assert answer.value is not None
    shelf = 1.5 * 100 * float(sum(ln.extended for ln in plan.lines if ln.group == "spares" and ln.pool is None))
    performance, best, cents, watts, count = answer.value
    found = []
    if plan.status != "optimal":
        found.append(f"status {plan.status}")
    free = [w.name for w in site.request.workloads if w.maximise]
    goal = site.request.objective
    if goal == "highest_performance" or free:
        # Shares are stated to a millionth.
        have, exact = (_delivered(plan, free[0]), 0.0) if len(free) == 1 else (plan.objective.value, 6e-7)
        if abs(have + performance) > 2e-9 * abs(performance) + exact:
            found.append(f"performance {have:.9g}, best is {-performance:.9g}")
    if goal == "lowest_tco":
        # Without a tariff the total is not stated; the plan states whole cents per year.
        over = 0.0 if plan.totals.tco is None else float(plan.totals.tco) * 100 - best
        if not -1 - plan.totals.tco_years <= over <= 1 + plan.totals.tco_years + shelf:
            found.append(f"tco {plan.totals.tco}, best is {best / 100:.2f}")
    elif goal == "lowest_power" and round(plan.totals.it_power_kw * 1000) != watts:
        found.append(f"power {plan.totals.it_power_kw} kW, best is {watts / 1000}")
    net = half_up(plan.totals.capex_without_tax * 100)
    if goal != "lowest_tco" and not 0 <= net - cents <= shelf:
        found.append(f"capital {net / 100:,.2f}, best is {cents / 100:,.2f}")
    elif goal != "lowest_tco" and (round(plan.totals.it_power_kw * 1000), plan.totals.nodes) != (watts, count):
        found.append(f"{plan.totals.it_power_kw} kW, {plan.totals.nodes} nodes; best is {watts / 1000}, {count}")
    return found


def _delivered(plan: Plan, work: str) -> float:
    """What the pools of a plan give a work, as it was sized."""
    low = plan.request["preferences"]["sizing"] == "low"
    given = 0.0
    for pool in plan.pools:
        for name, predicted in zip(pool.workloads, pool.predicted, strict=True):
            if name == work:
                given += predicted.low if low else predicted.value
    return given
