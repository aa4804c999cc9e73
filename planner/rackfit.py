"""The fewest racks for a set of shapes, by rack patterns: which things fit one rack together.

A pattern is a count per shape that fits one rack. The fewest racks are the smallest Σ x[p] with
Σ count[p,k]·x[p] ≥ number[k] for every shape k (Gilmore and Gomory 1961, cutting stock). Its relaxation is tight, so it
is solved at once where listing racks one by one would not end. Where there are too many patterns to list they are made
as they pay (column generation), and the relaxation still bounds the racks from below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pulp

from planner import highs
from planner.errors import SolverFailed

# A shape as the packer sees it: what it takes of each axis (units, watts, grams, and more where limited), how many.
Item = tuple[int, ...]
Pattern = tuple[int, ...]
Size = tuple[int, ...]
MOST_PATTERNS = 4_000
MOST_STEPS = 20_000  # of listing patterns
MOST_ROUNDS = 200  # of making patterns
UNLIMITED = 10**15
WORTH = 10_000  # a full rack, in the whole numbers of a rule that is learnt


def fewest(
    items: tuple[Item, ...],
    units: int,
    watts: int | None,
    grams: int | None,
    known: Sequence[Pattern],
    more: Size = (),
) -> tuple[list[Pattern], bool]:
    """The fewest racks, as counts per shape, and whether no fewer exist. `known` is a filling to improve on;
    `more` what a rack takes of further axes."""
    room = (units, UNLIMITED if watts is None else watts, UNLIMITED if grams is None else grams, *more)
    listed = patterns(items, room)
    bound = 0
    if listed is None:
        listed, bound = _paying(items, room, known)
        if bound >= len(known):
            return list(known), True
    found = _cover(items, listed, len(known), bound)
    racks = list(known) if found is None else found
    return racks, not bound or len(racks) <= bound


def patterns(items: tuple[Item, ...], room: Size) -> list[Pattern] | None:
    """Every pattern that leaves no room for one thing more; None when there are too many to list."""
    found: list[Pattern] = []
    steps = 0

    def fill(k: int, left: Size, taken: Pattern) -> bool:
        nonlocal steps
        steps += 1
        if steps > MOST_STEPS or len(found) > MOST_PATTERNS:
            return False
        if k == len(items):
            if all(n == item[-1] or not _fits(item, left) for item, n in zip(items, taken, strict=True)):
                found.append(taken)
            return True
        size = items[k]
        most = min([size[-1], *(have // need for have, need in zip(left, size[:-1], strict=True) if need)])
        for n in range(most, -1, -1) if k + 1 < len(items) else (most,):
            rest = tuple(have - n * need for have, need in zip(left, size[:-1], strict=True))
            if not fill(k + 1, rest, (*taken, n)):
                return False
        return True

    return found if fill(0, room, ()) else None


def _fits(item: Item, left: Size) -> bool:
    return all(need <= have for have, need in zip(left, item[:-1], strict=True))


def _paying(items: tuple[Item, ...], room: Size, known: Sequence[Pattern]) -> tuple[list[Pattern], int]:
    """Patterns that matter for the relaxation, and racks that are needed at least (Farley's bound)."""
    made = sorted(set(known))
    bound = 0
    for _ in range(MOST_ROUNDS):
        lp, rows, _ = _master(items, made, whole=False)
        stats = highs.run(lp)
        if stats.status != pulp.LpSolveStatus.Optimal:
            raise SolverFailed(f"bounding racks stopped with status {stats.status.name}")
        worth = [max(0.0, row.pi or 0.0) for row in rows]
        value = sum(w * item[-1] for w, item in zip(worth, items, strict=True))
        pattern, best = _worth_most(items, room, worth)
        bound = max(bound, math.ceil(value / max(1.0, best) - 1e-6))
        if best <= 1 + 1e-9 or pattern in made:
            break
        made.append(pattern)
    return made, bound


def worths(things: Sequence[Size], numbers: Sequence[int], room: Size) -> tuple[list[int], int]:
    """What each thing is worth, in whole numbers, and the most that one rack of them is worth.

    `things` by what each takes of every axis of `room`. Racks × most ≥ Σ worth · number holds for any numbers, not only
    for these; for these it comes as near to the truth as the relaxation does, whose prices the worths are.
    """
    items = [(*thing, UNLIMITED) for thing in things]
    fits = [min((have // need for have, need in zip(room, thing, strict=True) if need), default=1) for thing in things]
    made = [tuple(fit if j == k else 0 for j in range(len(things))) for k, fit in enumerate(fits)]
    prices = [0.0] * len(things)
    for _ in range(MOST_ROUNDS):
        lp, rows, _ = _master([(*thing, n) for thing, n in zip(things, numbers, strict=True)], made, whole=False)
        if highs.run(lp).status != pulp.LpSolveStatus.Optimal:
            break
        prices = [max(0.0, row.pi or 0.0) for row in rows]
        pattern, best = _worth_most(items, room, prices)
        if best <= 1 + 1e-9 or pattern in made:
            break
        made.append(pattern)
    whole = [math.floor(price * WORTH) for price in prices]
    return whole, round(_worth_most(items, room, [float(w) for w in whole])[1])


def _worth_most(items: Sequence[Item], room: Size, worth: Sequence[float]) -> tuple[Pattern, float]:
    """The rack that is worth most at prices per thing: a knapsack of every axis."""
    lp = pulp.LpProblem("rack", pulp.LpMaximize)
    most = [min([i[-1], *(have // need for have, need in zip(room, i[:-1], strict=True) if need)]) for i in items]
    count = [lp.add_variable(f"n_{k}", 0, most[k], "Integer") for k in range(len(items))]
    for axis, have in enumerate(room):
        if have < UNLIMITED:
            pairs = [(v, float(i[axis])) for v, i in zip(count, items, strict=True) if i[axis]]
            lp += pulp.lpSum_vars_coefs(pairs) <= have, f"room_{axis}"
    lp.setObjective(pulp.lpSum_vars_coefs(list(zip(count, worth, strict=True))))
    stats = highs.run(lp)
    if stats.status != pulp.LpSolveStatus.Optimal:
        raise SolverFailed(f"filling one rack stopped with status {stats.status.name}")
    pattern = tuple(round(v.varValue or 0) for v in count)
    return pattern, sum(w * n for w, n in zip(worth, pattern, strict=True))


def _master(
    items: Sequence[Item], listed: Sequence[Pattern], *, whole: bool
) -> tuple[pulp.LpProblem, list[pulp.LpConstraint], list[pulp.LpVariable]]:
    """all[k]: Σ count[p,k]·x[p] ≥ number[k]; objective Σ x[p]."""
    lp = pulp.LpProblem("racks", pulp.LpMinimize)
    times = [lp.add_variable(f"x_{p}", 0, None, "Integer" if whole else "Continuous") for p in range(len(listed))]
    for k, item in enumerate(items):
        pairs = [(v, float(p[k])) for v, p in zip(times, listed, strict=True) if p[k]]
        lp += pulp.lpSum_vars_coefs(pairs) >= item[-1], f"all_{k}"
    lp.setObjective(pulp.lpSum_vars(times))
    return lp, list(lp.constraints()), times


def _cover(items: tuple[Item, ...], listed: Sequence[Pattern], known: int, bound: int) -> list[Pattern] | None:
    """The fewest patterns that hold everything, if fewer than `known`; what they hold too much of is taken out."""
    lp, _, times = _master(items, listed, whole=True)
    total = pulp.lpSum_vars(times)
    lp += total <= known - 1, "fewer"
    lp += total >= bound, "bound"
    # Patterns that were made need not hold the best answer: a limit keeps a hard one from taking for ever.
    stats = highs.run(lp, time_limit=None if not bound else 10.0)
    if stats.status == pulp.LpSolveStatus.Infeasible:
        return None
    if stats.status == pulp.LpSolveStatus.TimeLimit:
        return None
    if stats.status != pulp.LpSolveStatus.Optimal:
        raise SolverFailed(f"filling racks stopped with status {stats.status.name}")
    left = [item[-1] for item in items]
    racks: list[Pattern] = []
    for variable, pattern in zip(times, listed, strict=True):
        for _ in range(round(variable.varValue or 0)):
            rack = tuple(min(n, have) for n, have in zip(pattern, left, strict=True))
            left = [have - n for have, n in zip(left, rack, strict=True)]
            racks.append(rack)
    if any(left):
        raise SolverFailed("filling racks left things over; the solver's answer was not whole")
    return [rack for rack in racks if any(rack)]
