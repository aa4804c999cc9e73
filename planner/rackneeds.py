"""Racks in which a request would fit, where more than one of their figures is too small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from planner.advice import TALLEST_UNITS, Change, Relaxation, to_one_thing, with_rack_power, with_units, with_weight
from planner.errors import TimeIsUp
from planner.model import Problem


def room_together(search: Relaxation) -> tuple[Change, ...]:
    """Racks with which the request can be met: power, then units, then weight, then other limits, each the least.

    Each is the least beside those before it, which need not be the least in sum. Where the room states heat by air,
    that and its power are one figure and nothing is offered.
    """
    try:
        return _together(search)
    except TimeIsUp:
        return ()  # what was found so far is not the least


def _together(search: Relaxation) -> tuple[Change, ...]:
    problem, room = search.problem, search.problem.room
    if room.heat or room.watts is None:
        return ()
    powers = [room.watts, *search.rack_levels(TALLEST_UNITS)]
    heights = list(range(room.units, max(room.units, TALLEST_UNITS) + 1))
    grams = [] if room.grams is None else sorted({room.grams, *search.weights(TALLEST_UNITS)})
    at = with_units(with_rack_power(problem, powers[-1]), heights[-1])
    at = with_weight(at, grams[-1]) if grams else at
    if not search.feasible(at):  # money, power or racks are too little as well: those come last
        at = replace(at, limits={})
        if not search.feasible(at):
            return ()
    power = _least(search, at, powers, with_rack_power)
    if power > room.watts:
        fine = [w for w in to_one_thing(problem, powers, power) if w > room.watts]
        power = _least(search, at, fine, with_rack_power)
    at = with_rack_power(at, power)
    at = with_units(at, _least(search, at, heights, with_units))
    at = with_weight(at, _least(search, at, grams, with_weight)) if grams else at
    amounts = (
        (search.room_key, room.watts / 1000, (at.room.watts or 0) / 1000),
        ("site.rack_units", room.units, at.room.units),
        ("site.rack_weight_kg", (room.grams or 0) / 1000, (at.room.grams or 0) / 1000),
    )
    rooms = tuple(Change(*amount) for amount in amounts if amount[2] > amount[1])
    rest = replace(search, problem=replace(at, limits=problem.limits))
    if rest.feasible(rest.problem):
        return rooms
    more = _limits(rest)
    return (*rooms, *more) if more else ()


def _limits(search: Relaxation) -> tuple[Change, ...]:
    """The smallest change of the limits alone: a single one, else a joint one."""
    names = [n for n in search.problem.limits if n in search.keys]
    single = [c for c in (search.single(n) for n in names) if c is not None]
    if single:
        return (min(single, key=lambda c: (c.need / c.have if c.have else math.inf, c.limit)),)
    return search.joint(names)


def _least(search: Relaxation, problem: Problem, levels: Sequence[int], at: Callable[[Problem, int], Problem]) -> int:
    """The lowest level that gives a plan; the highest is known to."""
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if search.feasible(at(problem, levels[middle])) else (middle + 1, high)
    return levels[high]
