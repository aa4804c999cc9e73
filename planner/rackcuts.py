"""What exact packing teaches the program: facts about racks, as small and as general as they can be told.

A plan may hold many things that have nothing to do with its needing a rack more than the program thought. A fact that
names them all is avoided by exchanging any of them, and the program is solved again and again for the same reason. So
what a fact does not need is taken out of it, and whatever takes at least the same room counts in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.dominance import fits_instead, racks_no_worse
from planner.model import Load, Option, Problem, RoomLimits, Shape, SharedOption, Solution
from planner.packing import taken
from planner.rackfit import UNLIMITED, worths

# How many racks a set of shapes needs at least, exactly; None when something fits no rack.
Packer = Callable[[Mapping[Shape, int], RoomLimits], int | None]
MOST_SHAPES = 40  # kinds of things for which prices are looked for


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
class RackWorth:
    """A rule about every plan: nothing that fits one rack is worth more than `most`.

    `worths` by shape; another shape is worth what the dearest of these is that would stand wherever it does.
    """

    worths: tuple[tuple[Shape, int], ...]
    most: int

    def worth(self, shape: Shape, room: RoomLimits) -> int:
        """Of one thing that stands in a bought rack."""
        weightless = room.grams is None
        return max((w for known, w in self.worths if fits_instead(known, shape, weightless)), default=0)


def rule(problem: Problem, answer: Solution) -> RackWorth | None:
    """The rule that refutes the racks an answer counted, from the prices of the relaxed packing; None where none does.

    The prices of a cutting-stock relaxation (Gilmore and Gomory 1961) are worths of which no rack holds more than one.
    """
    room = problem.room
    standing = sorted((s, n) for s, n in answer.total.shapes.items() if n and not s.own_rack)
    if len(standing) > MOST_SHAPES:
        return None
    limits = (room.units, *(UNLIMITED if most is None else most for most in (room.watts, room.grams)), *room.heat)
    found, most = worths([taken(s, room) for s, _ in standing], [n for _, n in standing], limits)
    if sum(w * n for w, (_, n) in zip(found, standing, strict=True)) <= most * answer.racks:
        return None
    return RackWorth(tuple((s, w) for w, (s, _) in zip(found, standing, strict=True) if w), most)


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
