"""Dominance: what may be dropped before solving without losing the optimum.

x may drop y only if x is no worse in every coefficient that y has in any row or objective of the model, shared drivers
and rack shapes included. Work that mixes pools is compared per unit, never at the needed count. Of equals the smaller
id stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.model import Load, Option, Shape, SharedOption


def prune(options: Sequence[Option]) -> list[Option]:
    """Options of one workload that nothing else makes superfluous, in id order."""
    pool = sorted(options, key=lambda o: (o.fixed.capital + o.unit.capital, -o.rate, o.id))
    kept: list[Option] = []
    for option in pool:
        if not any(dominates(other, option) for other in kept):
            kept.append(option)
    return sorted(kept, key=lambda o: o.id)


def dominates(x: Option, y: Option) -> bool:
    """Whether every plan with y has a plan with x in its place that is no worse."""
    return (
        x.work == y.work
        and x.linear == y.linear
        and x.rate >= y.rate
        and x.low <= y.low
        and x.high >= y.high
        and x.network == y.network
        and no_worse(x.fixed, y.fixed)
        and no_worse(x.unit, y.unit)
        and _serves_tenants(x, y)
    )


def _serves_tenants(x: Option, y: Option) -> bool:
    """Each replica of y stands on x with no more cards and no lower rate, card for card."""
    if not y.tenants:
        return not x.tenants
    return x.cards >= y.cards and all(
        any(a.work == b.work and a.cards <= b.cards and b.cards % a.cards == 0 and a.rate >= b.rate for a in x.tenants)
        for b in y.tenants
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
        x.network == y.network
        and x.together == y.together
        and x.low <= y.low
        and x.high >= y.high
        and no_worse(x.fixed, y.fixed)
        and no_worse(x.unit, y.unit)
    )


def no_worse(x: Load, y: Load) -> bool:
    """Whether x is no worse than y in every coefficient of every row and objective, rack shapes included."""
    return (
        x.capital <= y.capital
        and x.yearly <= y.yearly
        and x.watts <= y.watts
        and x.typical_watts <= y.typical_watts
        and x.nodes <= y.nodes
        and all(n <= y.endpoints.get(k, 0) for k, n in x.endpoints.items())
        and all(n <= y.supply.get(k, 0) for k, n in x.supply.items())
        and _racks_no_worse(x, y)
    )


def _racks_no_worse(x: Load, y: Load) -> bool:
    """Match each thing of x, largest first, with a thing of y that is at least as large in every respect."""
    mine = sorted(((s, n) for s, n in x.shapes.items() if n), key=lambda p: (-p[0].watts, p[0]))
    theirs = [[s, n] for s, n in sorted(y.shapes.items(), key=lambda p: (-p[0].watts, p[0])) if n]
    for shape, count in mine:
        for slot in theirs:
            other, left = slot
            assert isinstance(other, Shape) and isinstance(left, int)
            if left and _fits_instead(shape, other):
                used = min(left, count)
                slot[1] = left - used
                count -= used
            if not count:
                break
        if count:
            return False
    return True


def _fits_instead(x: Shape, y: Shape) -> bool:
    return (
        x.own_rack == y.own_rack
        and x.units <= y.units
        and x.watts <= y.watts
        and x.grams <= y.grams
        and x.liquid <= y.liquid
    )
