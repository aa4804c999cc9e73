"""What other works leave of a limit: the bound cuts nothing that a better plan has; limits of time tell the truth."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from planner.catalog import Catalog
from planner.errors import SolverFailed
from planner.headroom import Way, headroom
from planner.model import Load, RoomLimits, Shape
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
