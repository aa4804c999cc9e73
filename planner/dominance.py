"""Dominance: what may be dropped before solving without losing the optimum.

x may drop y only if x is no worse in every coefficient that y has in any row or objective of the model, shared drivers
and rack shapes included. Work that mixes pools is compared per unit, never at the needed count. Of equals the smaller
id stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.model import Load, Option, Shape, SharedOption, node_ports


class Frontier:
    """Options that nothing seen so far makes superfluous; most comparisons are one look at an array of figures.

    `ignore` names coefficients that stand in no row and no objective of this model (see `irrelevant`).
    """

    def __init__(self, ignore: frozenset[str] = frozenset()) -> None:
        self.ignore = ignore
        self.options: list[Option] = []
        self._rows = np.empty((64, _FIGURES), dtype=np.float64)

    def beats(self, option: Option) -> bool:
        """Whether a kept option makes this one superfluous; of equals the smaller id stays."""
        figures = _figures(option, self.ignore)
        rows = self._rows[: len(self.options)]
        for k in np.flatnonzero((rows <= figures).all(axis=1)):
            other = self.options[int(k)]
            if dominates(other, option, self.ignore) and (
                other.id < option.id or not dominates(option, other, self.ignore)
            ):
                return True
        return False

    def add(self, option: Option) -> None:
        count = len(self.options)
        if count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[count] = _figures(option, self.ignore)
        self.options.append(option)


def prune(options: Sequence[Option], ignore: frozenset[str] = frozenset()) -> list[Option]:
    """Options of one workload that nothing else makes superfluous, in id order."""
    frontier = Frontier(ignore)
    for option in sorted(options, key=lambda o: (tuple(_figures(o, ignore)), o.id)):
        if not frontier.beats(option):
            frontier.add(option)
    return sorted(frontier.options, key=lambda o: o.id)


def _figures(option: Option, ignore: frozenset[str]) -> NDArray[np.float64]:
    """Numbers that must all be no larger in x than in y for x to dominate y (necessary, quick to compare)."""
    return np.array(
        (
            -option.rate,
            option.low,
            -option.high,
            *_load_figures(option.fixed, ignore),
            *_load_figures(option.unit, ignore),
        ),
        dtype=np.float64,
    )


def _load_figures(load: Load, ignore: frozenset[str]) -> tuple[int, ...]:
    running = "running" in ignore
    shapes = [(s, n) for s, n in load.shapes.items() if n]
    return (
        load.capital,
        load.watts,
        load.nodes,
        0 if running else load.typical_watts,
        0 if running else load.yearly,
        load.endpoints.get("in-band", 0),
        load.endpoints.get("oob", 0),
        load.endpoints.get("storage", 0),
        load.endpoints.get("management", 0),
        sum(n for _, n in shapes),
        sum(s.units * n for s, n in shapes),
        max((s.units for s, _ in shapes), default=0),
        max((s.watts for s, _ in shapes), default=0),
        0 if "weight" in ignore else max((s.grams for s, _ in shapes), default=0),
    )


_FIGURES = 3 + 2 * 14


def irrelevant(objective: str, limits: Iterable[str], weight_limited: bool) -> frozenset[str]:
    """Coefficients that no row and no objective of this model has: `running` (yearly, energy) and `weight`."""
    found = set()
    if objective != "lowest_tco" and "yearly_budget" not in limits:
        found.add("running")
    if not weight_limited:
        found.add("weight")
    return frozenset(found)


def dominates(x: Option, y: Option, ignore: frozenset[str] = frozenset()) -> bool:
    """Whether every plan with y has a plan with x in its place that is no worse."""
    return (
        x.work == y.work
        and x.linear == y.linear
        and x.rate >= y.rate
        and x.low <= y.low
        and x.high >= y.high
        and _same_joint(x, y)
        and no_worse(x.fixed, y.fixed, ignore)
        and no_worse(x.unit, y.unit, ignore)
        and _serves_tenants(x, y)
    )


def _same_joint(x: Option, y: Option) -> bool:
    """Whether x takes the place of y on a joint fabric: same fabric, equal ports and nodes, same layout.

    Fewer ports are not always cheaper: a smaller tree may stripe over more links.
    """
    if x.network != y.network or x.network is None:
        return x.network == y.network
    names = (x.network, node_ports(x.network))
    one, other = x.fixed.endpoints, y.fixed.endpoints
    return x.topology == y.topology and all(one.get(n, 0) == other.get(n, 0) for n in names)


def _serves_tenants(x: Option, y: Option) -> bool:
    """Each replica of y stands on x with no more cards and no lower rate, card for card."""
    if not y.tenants:
        return not x.tenants
    return (
        x.slices == y.slices
        and x.cards >= y.cards
        and all(
            any(
                a.work == b.work and a.cards <= b.cards and b.cards % a.cards == 0 and a.rate >= b.rate
                for a in x.tenants
            )
            for b in y.tenants
        )
    )


def pointwise_best(options: Iterable[SharedOption]) -> list[SharedOption]:
    """Drop an option when one other of its network covers its whole range and is no worse in every coefficient."""
    pool = sorted(options, key=lambda s: (s.fixed.capital + s.unit.capital * s.low, s.id))
    kept: list[SharedOption] = []
    for option in pool:
        if not any(_covers(other, option) for other in kept):
            kept.append(option)
    return sorted(kept, key=lambda s: s.id)


def _covers(x: SharedOption, y: SharedOption) -> bool:
    return (
        x.low <= y.low
        and x.high >= y.high
        and x.network == y.network
        and x.together == y.together
        and x.per_step == y.per_step
        and (x.joint is None or y.joint is None or (x.joint.nodes, x.joint.direct) == (y.joint.nodes, y.joint.direct))
        and no_worse(x.step, y.step)
        and no_worse(x.fixed, y.fixed)
        and no_worse(x.unit, y.unit)
    )


def no_worse(x: Load, y: Load, ignore: frozenset[str] = frozenset()) -> bool:
    """Whether x is no worse than y in every coefficient of every row and objective, rack shapes included."""
    if x.capital > y.capital or x.watts > y.watts or x.nodes > y.nodes:
        return False
    if "running" not in ignore and (x.yearly > y.yearly or x.typical_watts > y.typical_watts):
        return False
    return (
        all(n <= y.endpoints.get(k, 0) for k, n in x.endpoints.items())
        and all(n >= 0 or x.endpoints.get(k, 0) <= n for k, n in y.endpoints.items())
        and all(n <= y.supply.get(k, 0) for k, n in x.supply.items())
        and racks_no_worse(x, y, weightless="weight" in ignore)
    )


def racks_no_worse(x: Load, y: Load, *, weightless: bool) -> bool:
    """Match each thing of x, largest first, with a thing of y that is at least as large in every respect."""
    if len(x.shapes) == 1 and len(y.shapes) == 1:
        ((mine, count),), ((other, most),) = x.shapes.items(), y.shapes.items()
        return count <= most and fits_instead(mine, other, weightless)
    mine_all = sorted(((s, n) for s, n in x.shapes.items() if n), key=lambda p: (-p[0].watts, p[0]))
    theirs = [[s, n] for s, n in sorted(y.shapes.items(), key=lambda p: (-p[0].watts, p[0])) if n]
    for shape, count in mine_all:
        for slot in theirs:
            rival, left = slot
            assert isinstance(rival, Shape) and isinstance(left, int)
            if left and fits_instead(shape, rival, weightless):
                used = min(left, count)
                slot[1] = left - used
                count -= used
            if not count:
                break
        if count:
            return False
    return True


def fits_instead(x: Shape, y: Shape, weightless: bool) -> bool:
    """Whether x stands wherever y does: no larger in anything that limits a rack."""
    return (
        x.own_rack == y.own_rack
        and x.units <= y.units
        and x.watts <= y.watts
        and (weightless or x.grams <= y.grams)
        and x.liquid <= y.liquid
        and x.plates <= y.plates
        and x.watts - x.plates <= y.watts - y.plates
    )
