"""Rack patterns: the fewest racks, against exhaustive filling; made patterns bound from below and never overfill."""

from __future__ import annotations

import random

import pytest
from oracle.enumerate import _fill

from planner import rackfit, site
from planner.rackfit import Item, Pattern

UNITS, WATTS, GRAMS = 20, 10_000, 400_000


def things(seed: int) -> tuple[Item, ...]:
    """Up to four kinds of things that each fit a rack."""
    dice = random.Random(seed)
    kinds = {(dice.randint(1, 9), 400 * dice.randint(1, 12), 0): dice.randint(1, 7) for _ in range(dice.randint(1, 4))}
    return tuple(sorted((*size, count) for size, count in kinds.items()))


def one_each(items: tuple[Item, ...]) -> list[Pattern]:
    """A filling that wastes a rack on every single thing."""
    rows = [tuple(int(j == k) for j in range(len(items))) for k in range(len(items))]
    return [row for row, item in zip(rows, items, strict=True) for _ in range(item[3])]


def holds(items: tuple[Item, ...], racks: list[Pattern]) -> bool:
    """Whether every thing stands once and no rack takes more than it can."""
    placed = all(sum(r[k] for r in racks) == item[3] for k, item in enumerate(items))
    full = all(
        sum(n * i[0] for n, i in zip(r, items, strict=True)) <= UNITS
        and sum(n * i[1] for n, i in zip(r, items, strict=True)) <= WATTS
        for r in racks
    )
    return placed and full


@pytest.mark.parametrize("seed", range(40))
def test_as_few_racks_as_exhaustive_search_finds(seed: int) -> None:
    items = things(seed)
    sizes = tuple(sorted(i[:3] for i in items for _ in range(i[3])))
    racks, proven = rackfit.fewest(items, UNITS, WATTS, None, one_each(items))
    assert proven and holds(items, racks)
    assert len(racks) == _fill(sizes, UNITS, WATTS)


@pytest.mark.parametrize("seed", range(40))
def test_made_patterns_never_claim_fewer_than_there_can_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    items = things(seed)
    sizes = tuple(sorted(i[:3] for i in items for _ in range(i[3])))
    monkeypatch.setattr(rackfit, "MOST_PATTERNS", 0)
    racks, proven = rackfit.fewest(items, UNITS, WATTS, None, one_each(items))
    best = _fill(sizes, UNITS, WATTS)
    assert holds(items, racks) and len(racks) >= best
    if proven:
        assert len(racks) == best


def test_a_row_of_pods_is_proven_where_racks_one_by_one_would_not_end() -> None:
    pod = [(8, 10_200, 130_000, 2048), (1, 1610, 14_800, 1280), (2, 800, 20_000, 60), (1, 120, 8_000, 74)]
    racks, proven = site._assign(tuple(sorted(pod)), 42, 45_000, None)
    assert proven
    # 2,048 nodes fill 512 racks by four and leave room for two switches each; the other 256 take 27 to a rack.
    assert len(racks) == 512 + 10


def test_published_nodes_need_more_racks_than_their_sum_of_power() -> None:
    assert site.racks_needed([(8, 10_200, 130_000, 127)], 42, 45_000, None) == 32
