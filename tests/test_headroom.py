"""What other works leave of a limit: the bound cuts nothing that a better plan has; limits of time tell the truth."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import random
import time
from dataclasses import replace
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.errors import SolverFailed
from planner.headroom import Way, headroom, measures, most_together
from planner.model import Load, Option, RoomLimits, Shape
from planner.packing import pack_shapes
from planner.problem import prepare
from planner.request import Request
from planner.sitefile import read_site_text
from planner.solve import Clock, performance, solve

ON = dt.date(2026, 11, 24)
ROOM = RoomLimits(units=42, watts=40_000, grams=None)
TWO = """
site: {country: US, racks: 7, rack_power_kw: 40}
customer: {headquarters: US, ultimate_parent: US}
objective: highest_performance
workloads:
  - {name: pre, kind: training, model: llama3.1-8b, tokens: 300e9, within_days: 30}
  - {name: fine, kind: training, method: finetuning, model: llama3.1-8b, tokens: 20e9, within_days: 30}
preferences: {chassis: {only: [dgx-h100, dgx-h200]}}
"""


def node(watts: int, units: int = 8, cents: int = 100, *, own: bool = False) -> Load:
    return Load(capital=cents, watts=watts, nodes=1, shapes={Shape("n", units, watts, 1000, own_rack=own): 1})


def request_of(catalog: Catalog, text: str = TWO) -> Request:
    return read_site_text(text, "site.yaml", catalog)


def test_what_others_need_is_not_there_for_one(catalog: Catalog) -> None:
    works = request_of(catalog).workloads
    ways = {
        "pre": [Way(node(10_000), 100, lambda n: 2.0 * n), Way(node(30_000), 100, lambda n: 4.0 * n)],
        "fine": [Way(node(10_000), 100, lambda n: 1.0 * n)],
    }
    room = headroom(
        {"site_power": 100_000, "racks": 10, "supply:x": 5},
        ROOM,
        {"pre": 8.0, "fine": 3.0},
        lambda w: ways[w.name],
        works,
        {},
    )
    assert room.least["pre"][0] == 40_000  # four thrifty nodes; two of the others would be 60 kW
    assert room.least["fine"][0] == 30_000
    assert room.most("fine", node(10_000), 100) == 6
    assert room.most("pre", node(30_000), 100) == 2
    assert room.most("pre", node(80_000), 100) == 0


def test_racks_count_by_power_by_height_and_whole_where_a_system_brings_its_own(catalog: Catalog) -> None:
    works = request_of(catalog).workloads
    room = headroom({"racks": 4}, ROOM, {}, lambda _: [], works, {})
    assert room.most("pre", node(20_000), 100) == 8
    assert room.most("pre", node(1_000, units=21), 100) == 8
    assert room.most("pre", node(500_000, own=True), 100) == 4


@pytest.mark.parametrize("objective", ["highest_performance", "lowest_capex"])
def test_the_optimum_is_that_of_every_count(catalog: Catalog, objective: str) -> None:
    request = request_of(catalog, TWO.replace("highest_performance", objective))
    narrow, wide = (prepare(request, catalog, ON, pruning=p, bounded=True) for p in (True, False))
    best, other = (solve(p.problem, pack_shapes) for p in (narrow, wide))
    assert best is not None and other is not None
    assert best.total.capital == other.total.capital
    assert performance(narrow.problem, best) == pytest.approx(performance(wide.problem, other), rel=1e-9)
    assert len(narrow.problem.options) < len(wide.problem.options)


def test_time_that_is_up_gives_the_plan_so_far_with_a_bound(catalog: Catalog) -> None:
    prepared = prepare(request_of(catalog), catalog, ON)
    best = solve(prepared.problem, pack_shapes)
    late = solve(prepared.problem, pack_shapes, clock=Clock(1.0, time.monotonic() - 100))
    assert best is not None and late is not None
    reached, most = performance(prepared.problem, late), performance(prepared.problem, best)
    assert reached <= most + 1e-9
    assert late.optimal or late.bound >= most - 1e-9


def test_time_that_is_up_before_any_plan_is_no_claim_that_there_is_none(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(search: object, *_: object, **__: object) -> None:
        search.stopped_early = True  # type: ignore[attr-defined]

    monkeypatch.setattr("planner.solve._checked", nothing)
    with pytest.raises(SolverFailed, match="before any plan was found"):
        solve(
            prepare(
                request_of(catalog, TWO.replace("highest_performance", "lowest_capex")), catalog, ON, pruning=False
            ).problem,
            pack_shapes,
        )


# -- several builds for one work -----------------------------------------------------------------------------------
@functools.cache
def _any_option(catalog: Catalog) -> Option:
    return next(iter(prepare(request_of(catalog), catalog, ON).problem.options))


def build(catalog: Catalog, name: str, rate: float, high: int, **load: Any) -> Option:
    """One range of a build: `rate` and load per node, at most `high` nodes; every node has one endpoint."""
    unit = Load(nodes=1, endpoints={"oob": 1}, **load)
    return replace(_any_option(catalog), id=name, design_key=name, low=1, high=high, rate=rate, fixed=Load(), unit=unit)


def test_builds_bring_together_more_than_one_alone(catalog: Catalog) -> None:
    """By trying every mixture: no plan without an idle unit has more nodes than the bound, and it is not far above."""
    draw = random.Random(7)
    room = RoomLimits(units=42, watts=40_000, grams=1_000_000, own_watts=40_000, heat=(), door=0, fed=40_000)
    for _ in range(60):
        target = draw.choice([10.0, 25.0])
        limits = {"supply:a": 4, "supply:b": 4, "capital_budget": draw.choice([30, 60, 10_000])}
        builds = []
        for k in range(3):
            rate, each = draw.choice([2.0, 3.0, 5.0, 12.0]), draw.choice([1, 2])
            part = draw.choice("abc")
            supply = {part: each} if part != "c" else {}
            high = min(-(-target // rate), 4 // each if supply else 99)
            cents = draw.choice([3, 5, 9])
            builds.append(build(catalog, f"b{k}", rate, max(1, int(high)), capital=cents, supply=supply))
        held = measures(limits, room)
        bound = most_together(builds, lambda load: load.endpoints.get("oob", 0), target, held)
        best = 0
        for counts in itertools.product(*(range(b.high + 1) for b in builds)):
            total = sum((b.unit.times(n) for b, n in zip(builds, counts, strict=True)), Load())
            reached = sum(b.rate * n for b, n in zip(builds, counts, strict=True))
            used = [b.rate for b, n in zip(builds, counts, strict=True) if n]
            fits = total.capital <= limits["capital_budget"] and all(total.supply.get(p, 0) <= 4 for p in "ab")
            if fits and used and target <= reached < target + min(used):
                best = max(best, total.nodes)
        assert best <= bound
        assert bound <= sum(b.high for b in builds)
