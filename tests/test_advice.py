"""Why there is no plan: changes on small programs, each proven, none that is not a limit of the room or the purse."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from math_lp.sites import A, B, bare, job

from planner.advice import TIME_UP, Change, Explanation, Relaxation, used
from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.model import Load, Problem, RoomLimits, Shape, Work
from planner.optimize import optimize
from planner.packing import pack_shapes
from planner.sitefile import read_site_text
from planner.solve import Clock, solve

KEYS = {
    "capital_budget": ("budget.capex", Decimal("0.01")),
    "site_power": ("site.it_power_kw", Decimal("0.001")),
    "racks": ("site.racks", Decimal(1)),
    "supply:card": ("supply.card", Decimal(1)),
}


def explain(problem: Problem) -> Explanation:
    assert solve(problem, pack_shapes) is None
    return Relaxation(problem, pack_shapes, KEYS).explain(())


def wanting(**limits: int) -> Problem:
    """One job that costs 500,000.00 with its rack, draws 10.2 kW and takes eight cards."""
    shape = Shape("node", 8, 10_200, 130_000)
    load = Load(capital=49_999_100, watts=10_200, nodes=1, supply={"card": 8}, shapes={shape: 1})
    named = {name.replace("supply_", "supply:"): have for name, have in limits.items()}
    return replace(bare(job("a", 4.0, load)), room=RoomLimits(42, 12_000, None), limits=named)


@pytest.mark.parametrize(
    ("limits", "change"),
    [
        ({"capital_budget": 40_000_000}, Change("budget.capex", 400_000, 500_000)),
        ({"site_power": 8_000}, Change("site.it_power_kw", 8, 11)),
        ({"supply_card": 3}, Change("supply.card", 3, 8)),
    ],
)
def test_one_limit_that_clashes_is_named_with_its_need(limits: dict[str, int], change: Change) -> None:
    found = explain(wanting(**limits))
    assert found.single == (change,)
    assert not found.joint


def test_no_change_is_told_when_the_time_is_up() -> None:
    problem = wanting(capital_budget=40_000_000)
    assert explain(problem).single
    found = Relaxation(problem, pack_shapes, KEYS, clock=Clock(0.0)).explain(("what clashes",))
    assert found == Explanation(("what clashes",), notes=(TIME_UP,))
    assert "time limit was up" in found.message()


def test_a_rack_too_weak_needs_the_next_step_of_power() -> None:
    problem = replace(wanting(capital_budget=90_000_000), room=RoomLimits(42, 10_000, None))
    assert explain(problem).single == (Change("site.rack_power_kw", 10, 10.2),)


def test_limits_that_clash_together_are_changed_together() -> None:
    found = explain(wanting(capital_budget=40_000_000, site_power=8_000))
    assert not found.single
    assert {c.limit for c in found.joint} == {"budget.capex", "site.it_power_kw"}
    assert {c.limit for c in found.needs} == {"budget.capex", "site.it_power_kw"}


def test_every_change_is_enough_and_a_step_less_is_not() -> None:
    problem = wanting(capital_budget=40_000_000, site_power=8_000)
    raised = {"capital_budget": 50_000_000, "site_power": 11_000}
    assert solve(replace(problem, limits=raised), pack_shapes) is not None
    for name, step in (("capital_budget", 1_000_000), ("site_power", 1_000)):
        assert solve(replace(problem, limits={**raised, name: raised[name] - step}), pack_shapes) is None


def test_of_several_single_changes_the_smallest_relative_one_comes_first() -> None:
    """Dear and frugal against cheap and hungry: either limit alone may give way."""
    options = (
        job("frugal", 4.0, Load(capital=60_000_000, watts=5_000)),
        job("hungry", 4.0, Load(capital=10_000_000, watts=20_000)),
    )
    problem = replace(bare(*options), limits={"capital_budget": 50_000_000, "site_power": 8_000})
    found = explain(problem)
    assert [c.limit for c in found.single] == ["budget.capex", "site.it_power_kw"]
    assert "; or " in found.message()


def test_nothing_but_limits_is_ever_offered() -> None:
    problem = replace(bare(A, B, works=(Work("job", "one", 99.0),)), limits={"racks": 3})
    found = explain(problem)
    assert found.single == found.joint == found.needs == ()
    assert found.message() == "No plan meets all limits."


def test_amounts_are_written_as_people_write_them() -> None:
    assert str(Change("budget.capex", 1_000_000, 2_510_000)) == "budget.capex 1,000,000 → 2,510,000"
    assert str(Change("budget.capex", 999_999.996, 1_130_000)) == "budget.capex 1,000,000 → 1,130,000"
    assert str(Change("site.rack_power_kw", 10, 10.2)) == "site.rack_power_kw 10 → 10.2"


@pytest.mark.parametrize("seed", range(12))
def test_the_joint_change_is_that_of_trying_every_rack_power(seed: int) -> None:
    """Levels are skipped by a bound: the sum of increases and the level are those of a walk over all of them."""
    chance = random.Random(seed)
    options = []
    for k in range(5):
        watts, units = chance.randrange(2_000, 30_000, 250), chance.choice((2, 4, 8))
        pieces = chance.randint(1, 4)
        shape = Shape(f"node{k}", units, watts, 100_000)
        capital = chance.randrange(20_000_000, 200_000_000, 1_000_000)
        load = Load(capital=capital, watts=watts * pieces, nodes=pieces, shapes={shape: pieces})
        options.append(job(f"o{k}", 4.0, load))
    limits = {"capital_budget": 15_000_000, "site_power": 1_900, "racks": 1}
    problem = replace(bare(*options), room=RoomLimits(16, 1_900, None), limits=limits)
    search = Relaxation(problem, pack_shapes, KEYS)
    best: tuple[float, int | None] | None = None
    for level in [None, *search.rack_levels()]:
        found = search._elastic(level, list(limits))
        if found is None:
            continue
        share = 0.0 if level is None else (level - 1_900) / 1_900
        total = share + sum(max(0.0, used(problem, n, found) - have) / have for n, have in limits.items())
        if best is None or total < best[0] - 1e-9:
            best = (total, level)
    assert best is not None
    walked, search.solves = search.solves, 0
    chosen = search._best_level(list(limits))
    assert chosen is not None
    assert chosen[0] == best[1]
    assert search.solves < walked


def test_a_model_the_limits_leave_too_little_memory_for_says_which_term_and_what_would_hold_it() -> None:
    """405B trained in 16 bit on the eight accelerators that can be had."""
    text = """
site: {country: US}
workloads:
  - {name: big, kind: training, model: llama3.1-405b, tokens: 1.0e9, within_days: 365, precision: bf16}
preferences: {accelerators: {only: [h100-sxm5]}}
supply: {h100-sxm5: 8}
"""
    catalog = Catalog.load()
    with pytest.raises(NoPlan) as raised:
        optimize(read_site_text(text, "one node", catalog), catalog, dt.date(2026, 11, 24))
    told = str(raised.value)
    assert "does not fit 1 node of 8 h100-sxm5: optimizer states are the largest part" in told
    assert "qlora" in told
    assert "supply.h100-sxm5 8 →" in told
