"""Why there is no plan, and the smallest changes that give one; each proven by solving.

Limits that may be varied are money, power, racks, rack power and supply. Rules, country, headquarters, parent, shipping
origin, end use and date are never offered as a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pulp

from planner.errors import TimeIsUp
from planner.formulation import Model, limit_measure
from planner.model import Problem, Solution
from planner.rackcuts import Packer
from planner.solve import Clock, Stage, least

# One step of rounding by kind of limit: what people write in a site file.
POWER_STEP_W = 1000
RACK_POWER_STEP_W = 100
LEVEL_STEP_W = 500  # levels of rack power that are tried before the last hundred watts: fewer to solve
TALLEST_UNITS = 52  # of the cabinets that are sold


@dataclass(frozen=True, slots=True)
class Change:
    """One limit and the amount to which it must go. Amounts in the request's own unit (money, kW, pieces)."""

    limit: str  # the key of the site file, e.g. budget.capex
    have: float
    need: float

    def __str__(self) -> str:
        return f"{self.limit} {_number(self.have)} → {_number(self.need)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What clashes: `checks` in words, `single` changes that each suffice, else one `joint` change, and every need.

    `together`: what racks must give where more than one of their figures is too small; each is the least beside those
    before it, which is not the least in sum.
    """

    checks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    single: tuple[Change, ...] = ()
    joint: tuple[Change, ...] = ()
    together: tuple[Change, ...] = ()
    needs: tuple[Change, ...] = ()  # each limit's need with the others lifted
    notes: tuple[str, ...] = ()

    def message(self) -> str:
        """The answer for people."""
        return "\n".join(["No plan meets all limits.", *self.reasons(), *self.notes])

    def reasons(self) -> list[str]:
        """What clashes and what would help, without the notes."""
        text = [f"  {line}" for line in (*self.checks, *self.rules)]
        if self.single:
            text.append("Smallest single changes: " + "; or ".join(map(str, self.single)) + ".")
        elif self.joint:
            text.append(
                "No single change is enough. Smallest joint change: " + "; and ".join(map(str, self.joint)) + "."
            )
        elif self.together:
            text.append(
                "No single change is enough. Racks that would do: " + "; and ".join(map(str, self.together)) + "."
            )
        if self.needs:
            text.append("Each limit's need with the others lifted: " + "; ".join(map(str, self.needs)) + ".")
        return text


TIME_UP = "The time limit was up before the smallest changes were found; give more with --time-limit."


@dataclass
class Relaxation:
    """Searches for the smallest changes. `keys` maps row names to site-file keys with the factor to the user's unit."""

    problem: Problem
    packer: Packer
    keys: Mapping[str, tuple[str, Decimal]]
    room_key: str = "site.rack_power_kw"
    air_key: str = "site.cooling.air_kw_per_rack"
    solves: int = field(default=0)
    clock: Clock = field(default_factory=lambda: Clock(None))

    def explain(self, checks: Sequence[str], notes: Sequence[str] = ()) -> Explanation:
        """Single changes; where none suffices the smallest joint change and each limit's own need.

        Where the time limit is up first, no change is told: none is known to be the smallest.
        """
        try:
            return self._explained(checks, notes)
        except TimeIsUp:
            return Explanation(tuple(checks), notes=(*notes, TIME_UP))

    def _explained(self, checks: Sequence[str], notes: Sequence[str]) -> Explanation:
        names = [n for n in self.problem.limits if n in self.keys]
        single = [c for c in (self.single(n) for n in names) if c is not None]
        rack = self._single_rack_power()
        single += [c for c in (rack, self._single_air(), self._single_weight(), self._single_units()) if c is not None]
        if single:
            single.sort(key=lambda c: (c.need / c.have if c.have else math.inf, c.limit))  # of none at all any is much
            return Explanation(tuple(checks), (), tuple(single), notes=tuple(notes))
        joint = self.joint(names)
        needs = tuple(c for c in [*(self._alone(n) for n in names), self._rack_power_alone()] if c is not None)
        return Explanation(tuple(checks), (), (), joint, needs=needs, notes=tuple(notes))

    # -- one limit at a time -------------------------------------------------------------------------------------
    def single(self, name: str) -> Change | None:
        """The least that one limit must rise to while all others stand; None when that is not enough."""
        return self._change(name, self.problem.without(name))

    def _alone(self, name: str) -> Change | None:
        """What one limit needs when every other limit of this kind is lifted; None when it already suffices."""
        free = replace(self.problem, limits={}, room=replace(self.problem.room, watts=None, own_watts=None, heat=()))
        return self._change(name, free)

    def _change(self, name: str, free: Problem) -> Change | None:
        best = self._least(free, name)
        if best is None:
            return None
        need = self._rounded(name, used(self.problem, name, best))
        if need <= self.problem.limits[name]:
            return None
        proof = replace(free, limits={**free.limits, name: need})
        if self._least(proof, name) is None:
            return None
        return self._told(name, need)

    def _least(self, problem: Problem, name: str) -> Solution | None:
        self.solves += 1
        if name == "racks":
            stage = Stage("racks", None, build=_cabinets)
        else:
            stage = Stage(name, limit_measure(name, problem.energy_cents_per_watt_year))
        return least(replace(problem, objective="lowest_capex"), self.packer, stage, self.clock)

    # -- rack power ----------------------------------------------------------------------------------------------
    def rack_levels(self, units: int | None = None) -> list[int]:
        """Rack powers (W) at which one more thing fits: multiples of what stands in a rack, above the present one.

        `units` of a rack: as they are, or as tall as they could be.
        """
        have, units = self.problem.room.watts, units or self.problem.room.units
        if have is None:
            return []
        shapes = {s for o in self.problem.options for s in (*o.fixed.shapes, *o.unit.shapes)}
        levels = set()
        for shape in shapes:
            if not shape.watts:
                continue
            most = 1 if shape.own_rack else max(1, units // max(1, shape.units))
            for count in range(1, most + 1):
                watts = math.ceil(shape.watts * count / LEVEL_STEP_W) * LEVEL_STEP_W
                if watts > have:
                    levels.add(watts)
        return sorted(levels)

    def _single_rack_power(self) -> Change | None:
        return self._rack_power(self.problem)

    def _rack_power_alone(self) -> Change | None:
        return self._rack_power(replace(self.problem, limits={}))

    def _rack_power(self, problem: Problem) -> Change | None:
        """The lowest rack power that gives a plan: feasibility only grows with it, so bisection is exact."""
        have, levels = problem.room.watts, self.rack_levels()
        need = None if have is None else self._lowest(problem, levels, with_rack_power)
        if need is not None:
            fine = [w for w in to_one_thing(problem, levels, need) if w > (have or 0)]
            need = self._lowest(problem, fine, with_rack_power)
        return None if have is None or need is None else Change(self.room_key, have / 1000, need / 1000)

    def weights(self, units: int) -> set[int]:
        """Weights (g, whole kilograms) above the present at which a rack of so many units holds one more thing."""
        shapes = {s for o in self.problem.options for s in (*o.fixed.shapes, *o.unit.shapes)}
        levels = {
            -(-s.grams * n // 1000) * 1000
            for s in shapes
            for n in range(1, 1 + (1 if s.own_rack else max(1, units // max(1, s.units))))
        }
        return {g for g in levels if g > (self.problem.room.grams or 0)}

    def _single_air(self) -> Change | None:
        """The least heat by air per rack that gives a plan, where the room says what it cools."""
        heat = self.problem.room.heat
        if not heat:
            return None
        shapes = {s for o in self.problem.options for s in (*o.fixed.shapes, *o.unit.shapes)}
        air = {
            math.ceil((s.watts - s.plates) * n / LEVEL_STEP_W) * LEVEL_STEP_W
            for s in shapes
            for n in range(1, 1 + (1 if s.own_rack else max(1, self.problem.room.units // max(1, s.units))))
        }
        levels = sorted(a for a in air if a > heat[0])
        need = self._lowest(self.problem, levels, _with_air)
        if need is not None:
            fine = [w for w in to_one_thing(self.problem, levels, need, heat=True) if w > heat[0]]
            need = self._lowest(self.problem, fine, _with_air)
        door = self.problem.room.door
        return None if need is None else Change(self.air_key, (heat[0] - door) / 1000, (need - door) / 1000)

    def _single_weight(self) -> Change | None:
        """The least weight per rack that gives a plan, where the room says what it carries; whole kilograms."""
        have = self.problem.room.grams
        if have is None:
            return None
        need = self._lowest(self.problem, sorted(self.weights(self.problem.room.units)), with_weight)
        return None if need is None else Change("site.rack_weight_kg", have / 1000, need / 1000)

    def _single_units(self) -> Change | None:
        """The fewest units per rack that give a plan, up to the tallest cabinets that are sold."""
        have = self.problem.room.units
        need = self._lowest(self.problem, range(have + 1, TALLEST_UNITS + 1), with_units)
        return None if need is None else Change("site.rack_units", have, need)

    def _lowest(self, problem: Problem, levels: Sequence[int], at: Callable[[Problem, int], Problem]) -> int | None:
        """The lowest of the levels (W, rising) that gives a plan where the problem as it is has none."""
        if not levels or self.feasible(problem) or not self.feasible(at(problem, levels[-1])):
            return None
        low, high = 0, len(levels) - 1
        while low < high:
            middle = (low + high) // 2
            if self.feasible(at(problem, levels[middle])):
                high = middle
            else:
                low = middle + 1
        return levels[high]

    def feasible(self, problem: Problem) -> bool:
        self.solves += 1
        stage = Stage("feasible", lambda load: load.nodes)
        return least(replace(problem, objective="lowest_capex"), self.packer, stage, self.clock) is not None

    # -- several limits together ---------------------------------------------------------------------------------
    def joint(self, names: Sequence[str]) -> tuple[Change, ...]:
        """The smallest sum of relative increases over all limits, rack power included."""
        best = self._best_level(names)
        if best is None:
            return ()
        level, found = best
        changes = []
        have, raised = self.problem.room.watts, dict(self.problem.limits)
        for name in names:
            if _relative(self.problem, name, found) > 0:
                need = self._rounded(name, used(self.problem, name, found))
                raised[name] = need
                changes.append(self._told(name, need))
        if level is not None and have is not None:  # to half a kW: a finer level would be solved again and again
            changes.append(Change(self.room_key, have / 1000, level / 1000))
        proof = replace(self.problem if level is None else with_rack_power(self.problem, level), limits=raised)
        return tuple(sorted(changes, key=lambda c: c.limit)) if self.feasible(proof) else ()

    def _best_level(self, names: Sequence[str]) -> tuple[int | None, Solution] | None:
        """The rack power (None: as it is) with the smallest sum of increases, the lowest such, and its solution.

        What the other limits must give never grows with rack power. Levels between two solved ones therefore add up to
        at least the share of the lowest plus the others' increase at the upper end: where that is no better than
        what was found, none of them is solved.
        """
        have = self.problem.room.watts
        levels: list[int | None] = [None, *self.rack_levels()]
        shares = [0.0 if level is None or have is None else (level - have) / have for level in levels]
        solved: dict[int, Solution | None] = {}
        others: dict[int, float] = {}  # by index in `levels`; infinite where even lifting all limits gives no plan
        best: tuple[float, int] | None = None

        def solve(k: int) -> None:
            nonlocal best
            solved[k] = found = self._elastic(levels[k], names)
            others[k] = math.inf if found is None else sum(_relative(self.problem, n, found) for n in names)
            if found is not None:
                better = (shares[k] + others[k], k)
                best = better if best is None or _before(better, best) else best

        solve(0)
        open_ranges = []
        if len(levels) > 1:
            solve(len(levels) - 1)
            open_ranges.append((0, len(levels) - 1))
        while open_ranges:
            low, high = open_ranges.pop()
            if high - low < 2 or (best is not None and not _before((shares[low + 1] + others[high], low + 1), best)):
                continue
            if math.isinf(others[high]):
                continue
            middle = (low + high) // 2
            solve(middle)
            open_ranges += [(middle, high), (low, middle)]  # the lower part first
        found = None if best is None else solved[best[1]]
        return None if best is None or found is None else (levels[best[1]], found)

    def _elastic(self, level: int | None, names: Sequence[str]) -> Solution | None:
        """The plan with the smallest sum of relative increases of the named limits at one rack power."""
        problem = self.problem if level is None else with_rack_power(self.problem, level)
        self.solves += 1
        stage = Stage("increase", None, build=lambda model: _increase(model, self.problem.limits, names))
        return least(replace(problem, limits={}, objective="lowest_capex"), self.packer, stage, self.clock)

    # -- amounts -------------------------------------------------------------------------------------------------
    def _rounded(self, name: str, need: float) -> int:
        """Rounded up to what people write, never below what was proven."""
        if name == "racks" or name.startswith("supply:"):
            return math.ceil(need)
        if name == "site_power":
            return math.ceil(need / POWER_STEP_W) * POWER_STEP_W
        step = 10 ** max(0, len(str(math.ceil(need))) - 3)
        return int(math.ceil(need / step) * step)

    def _told(self, name: str, need: int) -> Change:
        key, factor = self.keys[name]
        have = float(Decimal(self.problem.limits[name]) * factor)
        amount = Decimal(need) * factor
        # Converting (tax, PUE) must not fall below the proven amount.
        exact = amount.quantize(Decimal(1), rounding="ROUND_CEILING") if factor not in (1,) else amount
        return Change(key, have, float(exact))


def used(problem: Problem, name: str, solution: Solution) -> float:
    """How much of a limit a solution uses, in the row's unit."""
    if name == "racks":
        return solution.racks + solution.own_racks
    return limit_measure(name, problem.energy_cents_per_watt_year)(solution.total)


def _relative(problem: Problem, name: str, solution: Solution) -> float:
    have = problem.limits[name]
    return max(0.0, used(problem, name, solution) - have) / max(1, have)


def _before(one: tuple[float, int], other: tuple[float, int]) -> bool:
    """Whether a sum of increases is smaller beyond rounding, or as large at a lower level."""
    if abs(one[0] - other[0]) <= 1e-9:
        return one[1] < other[1]
    return one[0] < other[0]


def to_one_thing(problem: Problem, levels: Sequence[int], level: int, heat: bool = False) -> list[int]:
    """A level and the powers (W, in whole steps) below it, above the level before, at which one more thing just fits.

    Between those nothing single begins to fit; what several things need together is told by the coarser levels.
    `heat`: what things give to air, not what they draw.
    """
    below = max((other for other in levels if other < level), default=0)
    shapes = {s for o in problem.options for s in (*o.fixed.shapes, *o.unit.shapes)}
    single = {
        math.ceil((s.watts - s.plates if heat else s.watts) / RACK_POWER_STEP_W) * RACK_POWER_STEP_W for s in shapes
    }
    return sorted({level, *(watts for watts in single if below < watts < level)})


def with_rack_power(problem: Problem, watts: int) -> Problem:
    own = None if problem.room.own_watts is None else watts
    return replace(problem, room=replace(problem.room, watts=watts, own_watts=own))


def with_units(problem: Problem, units: int) -> Problem:
    return replace(problem, room=replace(problem.room, units=units))


def with_weight(problem: Problem, grams: int) -> Problem:
    return replace(problem, room=replace(problem.room, grams=grams))


def _with_air(problem: Problem, watts: int) -> Problem:
    """More heat by air per rack; what a rack gives follows where cooling was the tightest of its limits."""
    room = problem.room
    cooled = watts + room.heat[1]
    most = cooled if room.fed is None else min(room.fed, cooled)
    return replace(problem, room=replace(room, watts=most, heat=(watts, *room.heat[1:])))


def _cabinets(model: Model) -> pulp.LpAffineExpression:
    own = model.total(lambda load: sum(n for s, n in load.shapes.items() if s.own_rack))
    return own + model.racks


def _increase(model: Model, limits: Mapping[str, int], names: Sequence[str]) -> pulp.LpAffineExpression:
    """Σ max(0, use − have) ÷ have over the limits, with a slack of its own for each."""
    parts = []
    for k, name in enumerate(names):
        have = max(1, limits[name])
        slack = model.lp.add_variable(f"increase_{k}", 0)
        energy = model.problem.energy_cents_per_watt_year
        use = _cabinets(model) if name == "racks" else model.total(limit_measure(name, energy))
        model.lp += (1.0 / have) * use - slack <= limits[name] / have, f"elastic_{k}"
        parts.append(slack)
    return pulp.lpSum(parts)


def _number(value: float) -> str:
    """As people write it: a cap with tax may come back a fraction of a cent off."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")
