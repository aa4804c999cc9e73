"""What packing teaches: rules and facts that hold for every plan, and end a search that would go on."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from math_lp.sites import bare, pool

from planner import rackcuts, rackfit, solve
from planner.model import Load, Problem, RoomLimits, Shape, Solution, Work
from planner.packing import pack_shapes
from planner.rackcuts import RackWorth, learnt, rule

ROOM = RoomLimits(42, 35_000, None)
LARGE = Shape("large", 8, 12_100, 0)
SMALL = Shape("small", 8, 11_300, 0)


def service(most_racks: int) -> Problem:
    """Two near-alike nodes: a rack takes three small ones, one large with two small, or two large ones."""
    works = (Work("service", "mix", 100.0),)
    large = pool("large", 1, 40, 11.0, Load(), Load(capital=200, watts=12_100, nodes=1, shapes={LARGE: 1}))
    small = pool("small", 1, 40, 10.0, Load(), Load(capital=100, watts=11_300, nodes=1, shapes={SMALL: 1}))
    limits = {"racks": most_racks}
    return replace(bare(large, small, works=works), room=ROOM, limits=limits, objective="highest_performance")


def test_mixes_that_racks_do_not_take_are_refused_by_one_rule_not_one_by_one() -> None:
    """By totals 8 racks take 24 nodes of any mix; truly 23 with one large at least, and what pays is 24 small ones."""
    found = solve.solve(service(8), pack_shapes)
    assert found is not None
    truth = max(
        11 * large + 10 * small
        for large in range(17)
        for small in range(25)
        if (pack_shapes({LARGE: large, SMALL: small}, ROOM) or 0) <= 8
    )
    assert 11 * found.units.get("service|large", 0) + 10 * found.units.get("service|small", 0) == truth


def test_the_rule_refutes_a_mix_and_lets_every_true_packing_pass() -> None:
    problem = service(8)
    total = Load(shapes={LARGE: 10, SMALL: 13})
    answer = Solution({"service|large": 10, "service|small": 13}, {}, {}, 8, 0, total, 0.0, 0.0, True)
    found = rule(problem, answer)
    assert found is not None
    for large in range(0, 30, 3):
        for small in range(0, 30, 3):
            racks = pack_shapes({LARGE: large, SMALL: small}, ROOM)
            assert racks is not None
            worth = large * found.worth(LARGE, ROOM) + small * found.worth(SMALL, ROOM)
            assert worth <= found.most * racks, (large, small)


@pytest.mark.parametrize("seed", range(30))
def test_no_rack_is_worth_more_than_the_rule_says(seed: int) -> None:
    """Worths of random things against every pattern that fits."""
    draw = random.Random(seed)
    room = (draw.choice([20, 42]), draw.choice([9_000, 35_000]), draw.choice([rackfit.UNLIMITED, 900_000]))
    things = [
        (draw.randint(1, 10), draw.randint(100, room[1]), draw.randint(10_000, 300_000))
        for _ in range(draw.randint(1, 4))
    ]
    numbers = [draw.randint(1, 30) for _ in things]
    worths, most = rackfit.worths(things, numbers, room)
    listed = rackfit.patterns(tuple((*thing, 50) for thing in things), room)
    assert listed is not None
    reached = max(sum(n * w for n, w in zip(pattern, worths, strict=True)) for pattern in listed)
    assert reached == most


def test_what_is_larger_is_worth_as_much_and_what_is_smaller_nothing() -> None:
    known = RackWorth(((SMALL, 7),), 20)
    assert known.worth(replace(SMALL, item="other", watts=11_301), ROOM) == 7
    assert known.worth(replace(SMALL, item="other", units=7), ROOM) == 0
    assert known.worth(replace(SMALL, item="other", liquid=True), ROOM) == 7


def test_a_fact_holds_only_what_makes_it_true() -> None:
    """A small node beside 17 large ones has nothing to do with their needing nine racks; seventeen are the least."""
    problem = service(8)
    total = Load(shapes={LARGE: 19, SMALL: 1})
    answer = Solution({"service|large": 19, "service|small": 1}, {}, {}, 8, 0, total, 0.0, 0.0, True)
    fact = learnt(problem, answer, pack_shapes(total.shapes, ROOM) or 0, pack_shapes)
    assert fact.units == (("service|large", 17),)
    assert fact.racks == 9


def test_as_large_nodes_count_in_the_place_of_others_but_none_twice() -> None:
    problem = service(8)
    large, small = problem.options
    assert {o.id for o in rackcuts.as_large_units(problem, small)} == {large.id, small.id}
    assert [o.id for o in rackcuts.as_large_units(problem, large)] == [large.id]
