"""What the other works leave of each limit: an upper bound on the nodes of one work in any plan worth having.

Once a plan is known, every better one gives each work a rate that is no smaller than its floor. A work that must reach
its floor uses at least what its thriftiest build uses for that, so what is left of money, power, racks and parts for
another work is at most the limit less those. Counts beyond are in no better plan.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from planner.model import Load, Option, RoomLimits
from planner.request import Workload

Amount = Callable[[Load], float]


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


def measures(limits: Mapping[str, int], room: RoomLimits) -> tuple[tuple[Amount, ...], tuple[float, ...]]:
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
