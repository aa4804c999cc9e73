"""What holds for every site: monotone, deterministic, proportional; on small random programs and on real catalogs."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest
from conftest import ON
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.small import small_problem

from planner.catalog import Catalog
from planner.dominance import irrelevant, prune
from planner.model import Load, Option, Problem, Solution
from planner.optimize import optimize
from planner.packing import pack_shapes
from planner.plan import Plan
from planner.problem import prepare
from planner.sitefile import read_site_text
from planner.sizing import size_table
from planner.solve import solve, stage_value, stages

SEEDS = st.integers(0, 100_000)
QUICK = settings(max_examples=15, deadline=None, derandomize=True)
DAY = date.fromisoformat(ON)


def solved(problem: Problem) -> Solution | None:
    return solve(problem, pack_shapes)


def values(problem: Problem, found: Solution | None) -> tuple[float, ...]:
    """The lexicographic value, smaller is better; nothing is worse than no plan."""
    if found is None:
        return (float("inf"),)
    sign = {"performance": -1.0}
    return tuple(round(sign.get(s.name, 1.0) * stage_value(problem, s, found), 6) for s in stages(problem)[:-1])


# -- small random programs -------------------------------------------------------------------------------------------
@QUICK
@given(seed=SEEDS, more=st.integers(1, 40), which=st.integers(0, 5))
def test_a_larger_limit_is_never_worse(seed: int, more: int, which: int) -> None:
    problem = small_problem(seed)
    name, have = sorted(problem.limits.items())[which % len(problem.limits)]
    wider = replace(problem, limits={**problem.limits, name: have + max(1, have * more // 100)})
    assert values(wider, solved(wider)) <= values(problem, solved(problem)), name


@QUICK
@given(seed=SEEDS)
def test_a_rack_that_takes_more_is_never_worse(seed: int) -> None:
    problem = small_problem(seed)
    wider = replace(problem, room=replace(problem.room, units=30, watts=14_000))
    assert values(wider, solved(wider)) <= values(problem, solved(problem))


@QUICK
@given(seed=SEEDS, gone=st.integers(0, 20))
def test_a_larger_catalog_is_never_worse(seed: int, gone: int) -> None:
    problem = small_problem(seed)
    # Performance is measured in units of the best single option, so that one must not be what is taken away.
    options = list(problem.options)
    best = max(options, key=lambda o: o.rate)
    if options[gone % len(options)] is not best:
        options.pop(gone % len(options))
    smaller = replace(problem, options=tuple(options))
    assert values(problem, solved(problem)) <= values(smaller, solved(smaller))


@QUICK
@given(seed=SEEDS, more=st.floats(1.01, 2.0))
def test_more_demand_never_costs_less(seed: int, more: float) -> None:
    problem = small_problem(seed)
    works = tuple(
        w if w.target is None or w.mode == "one" else replace(w, target=w.target * more) for w in problem.works
    )
    asked = replace(problem, works=works)
    assert values(asked, solved(asked)) >= values(problem, solved(problem))


def doubled(load: Load) -> Load:
    return replace(load, capital=2 * load.capital, yearly=2 * load.yearly)


@QUICK
@given(seed=SEEDS)
def test_twice_the_prices_are_twice_the_cost_of_the_same_plan(seed: int) -> None:
    problem = small_problem(seed)
    dear = replace(
        problem,
        options=tuple(replace(o, fixed=doubled(o.fixed), unit=doubled(o.unit)) for o in problem.options),
        shared=tuple(replace(s, fixed=doubled(s.fixed), unit=doubled(s.unit)) for s in problem.shared),
        rack=doubled(problem.rack),
        limits={n: h * 2 if n.endswith("budget") else h for n, h in problem.limits.items()},
        energy_cents_per_watt_year=2 * problem.energy_cents_per_watt_year,
    )
    one, two = solved(problem), solved(dear)
    if one is None or two is None:
        assert one is two is None
        return
    assert (two.units, two.racks) == (one.units, one.racks)
    assert two.total.capital == 2 * one.total.capital
    assert two.total.watts == one.total.watts


def ample(problem: Problem) -> Problem:
    """Each option alone can do its whole work, as candidates can: dominance builds on that."""
    return replace(problem, options=tuple(replace(o, high=20) if o.high > 1 else o for o in problem.options))


def pruned(problem: Problem) -> Problem:
    ignore = irrelevant(problem.objective, problem.limits, problem.room.grams is not None)
    kept: list[Option] = []
    for work in sorted({o.work for o in problem.options}):
        kept += prune([o for o in problem.options if o.work == work], ignore)
    return replace(problem, options=tuple(kept))


@QUICK
@given(seed=SEEDS)
def test_dropping_dominated_options_changes_no_optimum(seed: int) -> None:
    problem = ample(small_problem(seed))
    # A worse twin of every option: it must go, and nothing else may change.
    twins = tuple(replace(o, id=f"{o.id}~", fixed=o.fixed + Load(capital=1)) for o in problem.options)
    crowded = replace(problem, options=(*problem.options, *twins))
    few = pruned(crowded)
    assert not any(o.id.endswith("~") for o in few.options)
    assert values(few, solved(few)) == values(crowded, solved(crowded))


@QUICK
@given(seed=SEEDS)
def test_the_order_of_candidates_does_not_matter(seed: int) -> None:
    problem = pruned(ample(small_problem(seed)))
    dice = random.Random(seed)
    options, shared = list(problem.options), list(problem.shared)
    dice.shuffle(options)
    dice.shuffle(shared)
    turned = replace(problem, options=tuple(options), shared=tuple(shared))
    one, two = solved(problem), solved(turned)
    if one is None or two is None:
        assert one is two is None
        return
    assert {k: n for k, n in one.units.items() if n} == {k: n for k, n in two.units.items() if n}


# -- real catalogs ---------------------------------------------------------------------------------------------------
def planned(text: str, catalog: Catalog) -> Plan:
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, DAY)


SERVICE = """
site: {{country: US, racks: 8, rack_power_kw: {kw}, it_power_kw: {power}, electricity_per_kwh: 0.1}}
budget: {{capex: {capex}}}
workloads:
  - {{kind: inference, model: llama3.1-8b, input_tokens: 500, output_tokens: 200, requests_per_s: {rate}}}
objective: {objective}
preferences: {{accelerators: {{only: [l40s, h100-sxm5, mi300x]}}}}
"""


def service(
    rate: float = 20, capex: int = 5_000_000, power: int = 200, kw: int = 30, objective: str = "lowest_capex"
) -> str:
    return SERVICE.format(rate=rate, capex=capex, power=power, kw=kw, objective=objective)


def test_a_service_that_must_do_more_never_costs_less(catalog: Catalog) -> None:
    costs = [planned(service(rate), catalog).totals.capex for rate in (1, 5, 20, 60)]
    assert costs == sorted(costs)


def test_power_that_loosens_never_makes_it_dearer(catalog: Catalog) -> None:
    """Site power alone: racks of more power also need dearer power distribution."""
    costs = [planned(service(60, power=power), catalog).totals.capex for power in (14, 30, 500)]
    assert costs == sorted(costs, reverse=True)


def test_each_objective_is_best_at_its_own(catalog: Catalog) -> None:
    plans = {o: planned(service(objective=o), catalog) for o in ("lowest_capex", "lowest_tco", "lowest_power")}
    assert plans["lowest_capex"].totals.capex == min(p.totals.capex for p in plans.values())
    assert plans["lowest_power"].totals.it_power_kw == min(p.totals.it_power_kw for p in plans.values())
    costs = [p.totals.tco for p in plans.values()]
    assert None not in costs
    assert plans["lowest_tco"].totals.tco == min(c for c in costs if c is not None)


def test_twice_the_catalog_prices_are_twice_the_cost_of_the_same_plan(catalog: Catalog) -> None:
    text = service(objective="lowest_capex", capex=50_000_000)
    dear = Catalog.load()
    dear.prices = {
        part: tuple(
            p.model_copy(update={k: getattr(p, k) * 2 for k in ("typical", "low", "high") if getattr(p, k) is not None})
            for p in rows
        )
        for part, rows in dear.prices.items()
    }
    one, two = planned(text, catalog), planned(text, dear)
    assert [(p.chassis, p.accelerator, p.nodes) for p in one.pools] == [
        (p.chassis, p.accelerator, p.nodes) for p in two.pools
    ]
    assert float(two.totals.capex) == pytest.approx(2 * float(one.totals.capex), rel=1e-6)
    assert two.totals.it_power_kw == one.totals.it_power_kw


def test_pruning_changes_no_optimum(catalog: Catalog) -> None:
    text = service().replace("l40s, h100-sxm5, mi300x", "l40s, l4")
    request = read_site_text(text, "site.yaml", catalog)
    with_it, without = (prepare(request, catalog, DAY, pruning=on) for on in (True, False))
    assert len(with_it.problem.options) < len(without.problem.options)
    one, two = solved(with_it.problem), solved(without.problem)
    assert one is not None and two is not None
    assert values(with_it.problem, one)[0] == values(without.problem, two)[0]


def test_the_low_end_needs_at_least_as_many_nodes_as_the_typical(catalog: Catalog) -> None:
    text = service(60).replace("only: [l40s, h100-sxm5, mi300x]", "exclude: [l4]")
    typical = text.replace("preferences: {", "preferences: {sizing: typical, ")
    rows = [size_table(read_site_text(t, "site.yaml", catalog), catalog, DAY) for t in (text, typical)]
    pairs = [(low, mid) for low, mid in zip(*rows, strict=True) if low["nodes"] and mid["nodes"]]
    assert len(pairs) > 5
    for low, mid in pairs:
        assert low["accelerator"] == mid["accelerator"]
        assert low["nodes"] >= mid["nodes"]
        assert low["low"] <= low["value"] <= low["high"]
    assert any(low["nodes"] > mid["nodes"] for low, mid in pairs)
