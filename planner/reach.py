"""Which pools a joint compute fabric could still make a better plan of: bounds from a plan without any.

A plan with an option costs at least that option without its fabric, the least that every other workload takes, and
the least shared equipment for so many ports. Where that is more than a known plan, or than a limit, the option is out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from planner.formulation import limit_measure
from planner.model import Load, Option, Problem, Shape, Solution
from planner.solve import delivered, performance, stages

Measure = Callable[[Load], float]
CLOSE = 1e-9
NETWORKS = ("management", "in-band", "oob", "storage")


@dataclass(frozen=True)
class Row:
    """One thing that is limited or minimised: the most there may be, the least of each workload and of all around.

    `least`: without any fabric. What a joint fabric costs at least is not counted: a fabric for more ports may cost
    less than one for fewer, so what a pool would pay alone bounds nothing (docs/model.md).
    """

    measure: Measure
    most: float
    least: Mapping[str, float]
    around: float

    def holds(self, bare: Option) -> bool:
        """Whether there is room for an option without its fabric."""
        others = sum(n for w, n in self.least.items() if w != bare.work)
        least = self.around + self.measure(bare.fixed) + others
        return least <= self.most * (1 + CLOSE) + 1


@dataclass(frozen=True)
class Case:
    """Rates that a plan must give at least (`floors`) and the rows that it must hold."""

    floors: Mapping[str, float]
    rows: tuple[Row, ...]

    def holds(self, bare: Option) -> bool:
        return bare.rate >= self.floors.get(bare.work, 0.0) and all(row.holds(bare) for row in self.rows)


@dataclass(frozen=True)
class Reach:
    """Cases of which a plan that matters is one: better than the known one, or as good and no dearer."""

    cases: tuple[Case, ...]

    def worth(self, bare: Option) -> bool:
        """Whether a plan with this option, its fabric left out, could matter."""
        return any(case.holds(bare) for case in self.cases)


FEW = 8  # pools of each workload and order that a first plan is made of


def promising(problem: Problem, bare: Mapping[str, Sequence[Option]]) -> frozenset[tuple[str, int]]:
    """Ids and nodes of a few pools of each workload: cheap, frugal, much for the money, and most of all."""
    orders: tuple[Callable[[Option], float], ...] = (
        lambda o: o.fixed.capital,
        lambda o: o.fixed.watts,
        lambda o: -o.rate / max(1, o.fixed.capital),
        lambda o: -o.rate,
    )
    found: set[tuple[str, int]] = set()
    for pools in bare.values():
        allowed = [o for o in pools if _allowed(problem, o)]
        for order in orders:
            found |= {(o.id, o.nodes_per_unit) for o in sorted(allowed, key=lambda o: (order(o), o.id))[:FEW]}
    return frozenset(found)


def _allowed(problem: Problem, option: Option) -> bool:
    """Whether an option alone is within every limit."""
    energy = problem.energy_cents_per_watt_year
    return all(limit_measure(n, energy)(option.fixed) <= have for n, have in problem.limits.items() if n != "racks")


def reach(problem: Problem, bare: Mapping[str, Sequence[Option]], known: Solution | None) -> Reach:
    """Bounds by a known plan (None: there is none) and by the limits. `bare`: pools without fabrics, by workload."""
    energy = problem.energy_cents_per_watt_year
    most = [(limit_measure(n, energy), float(have)) for n, have in problem.limits.items() if n != "racks"]
    if known is None:
        return Reach((_case(problem, bare, {}, most),))
    order = stages(problem)
    measure = order[0].measure or order[1].measure
    assert measure is not None
    no_dearer = [*most, (measure, measure(known.total))]
    if order[0].measure is not None:
        return Reach((_case(problem, bare, {}, no_dearer),))
    floors = _floors(problem, known)
    better = {work: rate * (1 + 3 * CLOSE) for work, rate in floors.items()}
    return Reach((_case(problem, bare, floors, no_dearer), _case(problem, bare, better, most)))


def _case(
    problem: Problem,
    bare: Mapping[str, Sequence[Option]],
    floors: Mapping[str, float],
    most: Sequence[tuple[Measure, float]],
) -> Case:
    """The rows of one case."""
    names = [w.name for w in problem.works if w.mode == "one"]
    ways = {w: [o for o in (*_of(problem, w), *bare.get(w, ())) if o.rate >= floors.get(w, 0.0)] for w in names}
    rows = []
    for measure, have in most:
        least = {w: _least(options, measure) for w, options in ways.items()}
        rows.append(Row(measure, have, least | _mixed(problem, measure), _around(problem, ways, measure)))
    return Case(floors, tuple(rows))


def _floors(problem: Problem, known: Solution) -> dict[str, float]:
    """Rates that every plan as good as the known one gives: of what is maximised alone, else of what is asked."""
    free = [w for w in problem.works if w.maximise]
    if len(free) > 1:
        return {}  # shares of what each reaches alone are not known yet
    if free:
        reached = delivered(problem, free[0].name, known)
        return {free[0].name: reached * (1 - CLOSE)} if free[0].mode == "one" else {}
    reached = performance(problem, known)
    return {w.name: reached * w.target * (1 - CLOSE) for w in problem.works if w.mode == "one" and w.target}


def _of(problem: Problem, work: str) -> list[Option]:
    return [o for o in problem.options if o.work == work]


def _least(options: Sequence[Option], measure: Measure) -> float:
    return min((measure(o.fixed) for o in options), default=0.0)


def _mixed(problem: Problem, measure: Measure) -> dict[str, float]:
    """What work in replicas takes at least: its cheapest cost per rate times what is asked."""
    found = {}
    for work in problem.works:
        rated = [measure(o.unit) / o.rate for o in _of(problem, work.name) if o.linear and o.rate > 0]
        if work.mode == "mix" and work.target and rated and not problem.performance_first:
            found[work.name] = min(rated) * work.target
    return found


def _around(problem: Problem, ways: Mapping[str, Sequence[Option]], measure: Measure) -> float:
    """The least shared equipment for the ports that every plan plugs in, and the racks that its nodes fill."""
    total = _racks(problem, ways) * measure(problem.rack)
    for network in NETWORKS:
        ports = sum(min((o.fixed.endpoints.get(network, 0) for o in found), default=0) for found in ways.values())
        sizes = [s for s in problem.shared if s.network == network and s.high >= ports]
        total += min((measure(s.load(max(s.low, ports))) for s in sizes), default=0.0)
    return total


def _racks(problem: Problem, ways: Mapping[str, Sequence[Option]]) -> int:
    """Racks that the nodes of every plan fill at least, by units, watts and grams."""
    room = problem.room
    sizes: tuple[tuple[int | None, Callable[[Shape], int]], ...] = (
        (room.units, lambda s: s.units),
        (room.watts, lambda s: s.watts),
        (room.grams, lambda s: s.grams),
    )
    found = 0
    for have, size in sizes:
        if have:
            least = sum(min((_standing(o, size) for o in options), default=0) for options in ways.values())
            found = max(found, -(-least // have))
    return found


def _standing(option: Option, size: Callable[[Shape], int]) -> int:
    return sum(size(s) * n for s, n in option.fixed.shapes.items() if not s.own_rack)
