"""What the other works leave of each limit: an upper bound on the nodes of one work in any plan worth having.

Once a plan is known, every better one gives each work a rate that is no smaller than its floor. A work that must reach
its floor uses at least what its thriftiest build uses for that, so what is left of money, power, racks and parts for
another work is at most the limit less those. Counts beyond are in no better plan.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from planner.model import Load, Option, RoomLimits
from planner.request import Workload

Amount = Callable[[Load], float]
Measures = tuple[tuple[Amount, ...], tuple[float, ...]]  # what adds up over nodes, and the limit of each


@dataclass(frozen=True)
class Headroom:
    """Measures that add up over nodes, each with its limit, and what every work uses of them at least."""

    amounts: tuple[Amount, ...]
    limits: tuple[float, ...]
    least: Mapping[str, tuple[float, ...]]  # by workload

    def most(self, work: str, node: Load, most: int) -> int:
        """The most nodes of a build for one work, at most `most`; 0 where the others leave not even one."""
        for k, amount in enumerate(self.amounts):
            each = amount(node)
            if each > 0:
                left = self.limits[k] - sum(used[k] for name, used in self.least.items() if name != work)
                most = min(most, int(left / each + 1e-6)) if left > 0 else 0
        return max(0, most)


def measures(limits: Mapping[str, int], room: RoomLimits) -> Measures:
    """Money, power, parts, and racks by power and by height: amounts of a Load with their limits."""
    found: list[tuple[Amount, float]] = []
    if "capital_budget" in limits:
        found.append((lambda load: load.capital, limits["capital_budget"]))
    if "site_power" in limits:
        found.append((lambda load: load.watts, limits["site_power"]))
    if "racks" in limits:
        watts, units = room.watts, room.units
        if watts is not None:
            found.append((lambda load: _racks(load, lambda s: s.watts / watts), limits["racks"]))
        found.append((lambda load: _racks(load, lambda s: s.units / units), limits["racks"]))
    for name, have in limits.items():
        if name.startswith("supply:"):
            part = name.removeprefix("supply:")
            found.append((lambda load, part=part: load.supply.get(part, 0), have))  # type: ignore[misc]
    return tuple(amount for amount, _ in found), tuple(float(limit) for _, limit in found)


def _racks(load: Load, share: Callable[..., float]) -> float:
    """Racks that a load fills at least: one for each system that brings its own, else its share of a rack."""
    return sum(n * (1.0 if shape.own_rack else share(shape)) for shape, n in load.shapes.items())


@dataclass(frozen=True)
class Way:
    """One way to do a work: what a node is, the most nodes to try, and the rate that so many reach."""

    node: Load
    most: int
    rate: Callable[[int], float]


def headroom(
    limits: Mapping[str, int],
    room: RoomLimits,
    floors: Mapping[str, float],
    ways: Callable[[Workload], Sequence[Way]],
    workloads: Sequence[Workload],
    mixed: Mapping[str, Sequence[Option]],
) -> Headroom:
    """What each work with a floor uses at least, over all ways to reach it; works without count nothing.

    `mixed`: options of works whose units add up; so much rate takes at least the thriftiest unit's use per rate.
    """
    amounts, most = measures(limits, room)
    least: dict[str, tuple[float, ...]] = {}
    for workload in workloads if amounts else ():
        floor = floors.get(workload.name)
        if not floor:
            continue
        used: list[tuple[float, ...]] = []
        for way in () if workload.name in mixed else ways(workload):
            count = 1 + bisect_left(range(1, way.most + 1), floor, key=way.rate)
            if count <= way.most:
                used.append(tuple(count * amount(way.node) for amount in amounts))
        units = [o for o in mixed.get(workload.name, ()) if o.linear and o.rate > 0]
        if workload.name in mixed:
            used = [tuple(floor / o.rate * amount(o.unit) for amount in amounts) for o in units]
        if used:
            least[workload.name] = tuple(min(column) for column in zip(*used, strict=True))
    return Headroom(amounts, most, least)


# -- several builds for one work ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Build:
    """A build over all its ranges: one unit's load and measure, most units, what comes once, the rate of a unit."""

    load: Load
    each: int
    most: int
    once: int
    rate: float


def most_together(
    options: Sequence[Option],
    measure: Callable[[Load], int],
    target: float | None,
    limits: Measures,
) -> int:
    """The most of a measure that options of one work whose units add up bring together: an upper bound for best plans.

    No limit is exceeded, whatever the mixture: for each limit alone, units of the best measure per use are taken first.
    With a `target`, builds that could do all of it give no more together than the largest of them and one unit: what
    any unit adds beyond the target is less than that unit. Builds that run out before come on top. With neither there
    is no bound but the counts that are tried: those of the largest build.
    """
    builds: dict[str, _Build] = {}
    for o in options:
        known = builds.get(o.design_key)
        most = max(o.high, known.most) if known else o.high
        once = max(measure(o.fixed), known.once) if known else measure(o.fixed)
        builds[o.design_key] = _Build(o.unit, measure(o.unit), most, once, o.rate)
    found = _within(list(builds.values()), limits)
    if target is None and not limits[0]:
        found = max((b.each * b.most for b in builds.values()), default=0)
    if target is not None:
        short: dict[tuple[str, ...], list[_Build]] = {}
        for b in builds.values():
            if b.rate * b.most < target * (1 - 1e-9):
                short.setdefault(tuple(sorted(b.load.supply)), []).append(b)
        rest = [b.each * b.most for b in builds.values() if b.rate * b.most >= target * (1 - 1e-9)]
        one = max((b.each for b in builds.values()), default=0)
        found = min(found, max(rest, default=0) + one + sum(_within(group, limits) for group in short.values()))
    kinds = sum(sorted((b.once for b in builds.values()), reverse=True)[: max(1, found)])
    return found + kinds


def _within(builds: Sequence[_Build], limits: Measures) -> int:
    """The most that builds bring when each limit holds by itself."""
    found = sum(b.each * b.most for b in builds)
    for amount, limit in zip(*limits, strict=True):
        total, left = 0.0, limit
        used = [(amount(b.load), b) for b in builds]
        for use, b in sorted(used, key=lambda u: u[0] / u[1].each if u[1].each else math.inf):
            count = b.most if use <= 0 else min(b.most, left / use)
            total, left = total + count * b.each, max(0.0, left - count * max(0.0, use))
        found = min(found, math.floor(total + 1e-6))
    return found
