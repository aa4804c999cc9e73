"""What exact packing teaches the program: facts about racks, as small and as general as they can be told.

A plan may hold many things that have nothing to do with its needing a rack more than the program thought. A fact that
names them all is avoided by exchanging any of them, and the program is solved again and again for the same reason. So
what a fact does not need is taken out of it, and whatever takes at least the same room counts in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.dominance import racks_no_worse
from planner.model import Load, Option, Problem, RoomLimits, Shape, SharedOption, Solution

# How many racks a set of shapes needs at least, exactly; None when something fits no rack.
Packer = Callable[[Mapping[Shape, int], RoomLimits], int | None]


@dataclass(frozen=True, slots=True)
class RackCut:
    """A proven fact about racks: a plan that holds at least these needs `racks` cabinets.

    `units` by option id, `picked` shared options and `pieces` of those built from equal pieces; `racks` from exact
    packing.
    """

    units: tuple[tuple[str, int], ...]
    picked: tuple[str, ...]
    pieces: tuple[tuple[str, int], ...]
    racks: int


@dataclass(frozen=True, slots=True)
class RackShare:
    """A rule about every plan: with `score` = the whole k + 1-ths of a rack's `resource` that a thing is more than,

    the scores in one rack are at most k: Σ score < Σ (k + 1) · size ÷ have ≤ k + 1 (a dual feasible function; Fekete
    and Schepers, New classes of fast lower bounds for bin packing problems, 2001). Two things of 0.43 and three of
    0.33 of a rack share it by sum and by halves; in sevenths they are 3 + 3 + 2 + 2 + 2 of 6.
    """

    resource: str
    k: int

    def score(self, shape: Shape, room: RoomLimits) -> int:
        """Of one thing that stands in a bought rack."""
        have, size = _RESOURCES[self.resource](shape, room)
        return 0 if have is None or size <= 0 else -(-(self.k + 1) * size // have) - 1


_RESOURCES: Mapping[str, Callable[[Shape, RoomLimits], tuple[int | None, int]]] = {
    "units": lambda shape, room: (room.units, shape.units),
    "power": lambda shape, room: (room.watts, shape.watts),
    "weight": lambda shape, room: (room.grams, shape.grams),
}
MOST_SHARES = 24  # finest division of a rack that is tried


def shares(problem: Problem, answer: Solution) -> list[RackShare]:
    """The rules that refute the racks an answer counted, one per resource, each the one that asks for most racks."""
    standing = {s: n for s, n in answer.total.shapes.items() if n and not s.own_rack}
    found = []
    for resource in _RESOURCES:
        rated = []
        for k in range(1, MOST_SHARES + 1):
            share = RackShare(resource, k)
            scores = sum(n * share.score(s, problem.room) for s, n in standing.items())
            rated.append((scores / k, -k, share))
        most, _, best = max(rated, key=lambda r: r[:2])
        if most > answer.racks + 1e-9:
            found.append(best)
    return found


@dataclass(slots=True)
class _Part:
    """One choice of a plan and what stands in racks for it: `fixed` once and `each` per piece."""

    kind: str
    id: str
    count: int
    fixed: Load
    each: Load
    divisible: bool  # whether fewer pieces are a weaker claim that the program can tell

    def load(self, count: int) -> Load:
        return self.fixed + self.each.times(count)


def learnt(problem: Problem, answer: Solution, needed: int, packer: Packer) -> RackCut:
    """The fact behind an answer whose things need `needed` racks, more than it counted: its least core, greedily.

    Choices are taken out, small draws first, and counts lowered while exact packing still needs the racks that refute
    the answer. Packing less never takes more racks, so halving finds the least count.
    """
    enough = _refuting(problem, answer, needed)
    parts = _parts(problem, answer)
    counts = [part.count for part in parts]

    def holds(trial: list[int | None]) -> bool:
        total = Load()
        for part, count in zip(parts, trial, strict=True):
            if count is not None:
                total = total + part.load(count)
        standing = {s: n for s, n in total.shapes.items() if n and not s.own_rack}
        return (packer(standing, problem.room) or 0) >= enough

    kept: list[int | None] = list(counts)
    for k in sorted(range(len(parts)), key=lambda k: (parts[k].load(counts[k]).watts, parts[k].id)):
        if holds([*kept[:k], None, *kept[k + 1 :]]):
            kept[k] = None
            continue
        if not parts[k].divisible:
            continue
        low, high = 1, counts[k]
        while low < high:
            middle = (low + high) // 2
            if holds([*kept[:k], middle, *kept[k + 1 :]]):
                high = middle
            else:
                low = middle + 1
        kept[k] = high
    core = [(part, count) for part, count in zip(parts, kept, strict=True) if count is not None]
    return RackCut(
        units=tuple((p.id, n) for p, n in core if p.kind == "units"),
        picked=tuple(p.id for p, _ in core if p.kind == "picked"),
        pieces=tuple((p.id, n) for p, n in core if p.kind == "pieces"),
        racks=enough,
    )


def _refuting(problem: Problem, answer: Solution, needed: int) -> int:
    """Racks that a fact must prove to refute an answer: one more than the room has, or all that are needed."""
    have = problem.limits.get("racks")
    beyond = needed if have is None else have - answer.own_racks + 1
    return max(answer.racks + 1, min(needed, beyond))


def _parts(problem: Problem, answer: Solution) -> list[_Part]:
    parts = []
    for option in problem.options:
        count = answer.units.get(option.id, 0)
        if count:
            divisible = option.low != option.high
            parts.append(_Part("units", option.id, count, option.fixed, option.unit, divisible))
    for shared in problem.shared:
        if shared.id not in answer.shared:
            continue
        if shared.fixed.shapes:
            parts.append(_Part("picked", shared.id, 1, shared.fixed, Load(), divisible=False))
        if shared.step.shapes and (pieces := shared.steps(answer.shared[shared.id])):
            parts.append(_Part("pieces", shared.id, pieces, Load(), shared.step, divisible=True))
    return parts


# -- what counts in the place of a choice ----------------------------------------------------------------------------
def as_large_options(problem: Problem, known: Option) -> list[Option]:
    """Options whose one count fills at least the same of a rack; of these a work on one kind of node makes one."""
    weightless = problem.room.grams is None
    mine = known.fixed + known.unit.times(known.low)
    return [
        o
        for o in problem.options
        if o.id == known.id
        or (
            o.work == known.work
            and o.low == o.high
            and racks_no_worse(mine, o.fixed + o.unit.times(o.low), weightless=weightless)
        )
    ]


def as_large_units(problem: Problem, known: Option) -> list[Option]:
    """Options counted in units of which each fills at least as much of a rack, and so does what comes with them."""
    weightless = problem.room.grams is None
    return [
        o
        for o in problem.options
        if o.id == known.id
        or (
            o.low != o.high
            and racks_no_worse(known.unit, o.unit, weightless=weightless)
            and racks_no_worse(known.fixed, o.fixed, weightless=weightless)
        )
    ]


def as_large_shared(problem: Problem, known: SharedOption) -> list[SharedOption]:
    """Shared options of the same network that fill at least the same of a rack; exactly one of a network is chosen."""
    weightless = problem.room.grams is None
    return [
        s
        for s in problem.shared
        if s.network == known.network
        and (s.id == known.id or racks_no_worse(known.fixed, s.fixed, weightless=weightless))
    ]
