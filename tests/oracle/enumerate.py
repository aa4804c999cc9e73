"""Every choice of a small program, priced by plain sums; racks filled by exhaustive search."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from planner.model import Load, Option, Problem, Work

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Answer:
    """The best lexicographic value and what kinds of situation the optimum shows."""

    value: tuple[float, ...] | None
    two_pools: bool = False
    supply_binds: bool = False
    shared_rack: bool = False
    tie: bool = False
    step: bool = False


def best(problem: Problem) -> Answer:
    """Enumerate all choices; None when no choice meets every limit."""
    found: list[tuple[tuple[float, ...], tuple[tuple[str, int], ...], Load, int]] = []
    top: tuple[float, ...] | None = None
    for chosen in _choices(problem):
        total = _sum(problem, chosen)
        if any(not _within(problem, name, total) for name in problem.limits if name != "racks"):
            continue
        for bracket in problem.shared:
            plugged = total.endpoints.get("net", 0)
            if not bracket.low <= plugged <= bracket.high:
                continue
            whole = total + bracket.load(plugged)
            if any(not _within(problem, name, whole) for name in problem.limits if name != "racks"):
                continue
            if top is not None and _value(problem, whole, chosen) > top:
                continue  # racks only add to it
            racks = _racks(problem, whole)
            if racks is None or racks > problem.limits.get("racks", 99):
                continue
            whole = whole + problem.rack.times(racks)
            if "capital_budget" in problem.limits and whole.capital > problem.limits["capital_budget"]:
                continue
            value = _value(problem, whole, chosen)
            if top is None or value <= top:
                top = value
                found.append((value, chosen, whole, racks))
    if top is None:
        return Answer(None)
    winners = [f for f in found if f[0] == top]
    _, chosen, whole, racks = winners[0]
    return Answer(
        top,
        two_pools=sum(1 for i, n in chosen if n and not i.startswith("job")) > 1,
        supply_binds=_binds(problem, top, chosen),
        shared_rack=_apart(problem, whole) > racks,
        tie=len({w[1] for w in winners}) > 1,
        step=whole.endpoints.get("net", 0) > 6,
    )


def _choices(problem: Problem) -> Iterator[tuple[tuple[str, int], ...]]:
    """Counts of every option: services freely, exactly one job."""
    services = [o for o in problem.options if o.work != "job"]
    jobs = [o for o in problem.options if o.work == "job"]
    for counts in itertools.product(*(range(o.high + 1) for o in services)):
        chosen = [(o.id, n) for o, n in zip(services, counts, strict=True)]
        if not _served(problem, services, counts):
            continue
        for job in jobs:
            yield (*chosen, (job.id, 1))


def _served(problem: Problem, services: list[Option], counts: tuple[int, ...]) -> bool:
    works = [w for w in problem.works if w.name != "job"]
    if works[0].mode == "mix":
        return sum(o.rate * n for o, n in zip(services, counts, strict=True)) >= (works[0].target or 0) - 1e-9
    pools = [(o, n) for o, n in zip(services, counts, strict=True) if n]
    return _tenants_fit(pools, works)


def _tenants_fit(pools: list[tuple[Option, int]], works: list[Work]) -> bool:
    """Whether replicas of both works fit the cards: every split of each pool's cards is tried."""
    splits = []
    for option, count in pools:
        one, two = option.tenants
        cards = option.cards * count
        splits.append([(k * one.rate, (cards - k) // two.cards * two.rate) for k in range(cards + 1)])
    best_pairs: set[tuple[float, float]] = {(0.0, 0.0)}
    for split in splits:
        best_pairs = _frontier({(a + x, b + y) for a, b in best_pairs for x, y in split})
    return any(a >= (works[0].target or 0) - 1e-9 and b >= (works[1].target or 0) - 1e-9 for a, b in best_pairs)


def _frontier(pairs: set[tuple[float, float]]) -> set[tuple[float, float]]:
    kept: set[tuple[float, float]] = set()
    high = -1.0
    for a, b in sorted(pairs, reverse=True):
        if b > high:
            kept.add((a, b))
            high = b
    return kept


def _sum(problem: Problem, chosen: tuple[tuple[str, int], ...]) -> Load:
    by_id = {o.id: o for o in problem.options}
    total = Load()
    for name, count in chosen:
        if count:
            option = by_id[name]
            total = total + option.fixed
            for _ in range(count):
                total = total + option.unit
    return total


def _within(problem: Problem, name: str, load: Load) -> bool:
    have = problem.limits[name]
    if name.startswith("supply:"):
        return load.supply.get(name.split(":")[1], 0) <= have
    return {"site_power": load.watts, "capital_budget": load.capital}[name] <= have


def _value(problem: Problem, load: Load, chosen: tuple[tuple[str, int], ...]) -> tuple[float, ...]:
    """Lexicographic: performance when maximised, the objective, then capital, power, nodes."""
    energy = problem.energy_cents_per_watt_year
    tco = load.capital + problem.tco_years * (load.yearly + energy * load.typical_watts)
    main = {"lowest_capex": float(load.capital), "lowest_power": float(load.watts), "lowest_tco": tco}
    value = [main[problem.objective], float(load.capital), float(load.watts), float(load.nodes)]
    if any(w.maximise for w in problem.works):
        job = next(i for i, n in chosen if n and i.startswith("job"))
        value.insert(0, -next(o.rate for o in problem.options if o.id == job))
    return tuple(round(v, 4) for v in value)


def _binds(problem: Problem, value: tuple[float, ...], chosen: tuple[tuple[str, int], ...]) -> bool:
    """Whether lifting the supply limit gives a better optimum."""
    if "supply:card" not in problem.limits:
        return False
    lifted = best(problem.without("supply:card"))
    return lifted.value is not None and lifted.value < value


def _racks(problem: Problem, load: Load) -> int | None:
    sizes = tuple(sorted((s.units, s.watts, s.grams) for s, n in load.shapes.items() for _ in range(n)))
    room = problem.room
    if any(u > room.units or (room.watts is not None and w > room.watts) for u, w, _ in sizes):
        return None
    return _fill(sizes, room.units, room.watts or 10**9)


def _apart(problem: Problem, load: Load) -> int:
    """Racks when every kind of thing had racks of its own."""
    room, total = problem.room, 0
    for shape, count in load.shapes.items():
        total += _fill(tuple([(shape.units, shape.watts, shape.grams)] * count), room.units, room.watts or 10**9)
    return total


@functools.lru_cache(maxsize=200_000)
def _fill(sizes: tuple[Size, ...], units: int, watts: int) -> int:
    """The fewest racks: one rack is filled in every way that leaves no room for another thing, the rest likewise."""
    counts = tuple(sorted(Counter(sizes).items(), reverse=True))
    return _fewest(counts, units, watts)


@functools.lru_cache(maxsize=500_000)
def _fewest(counts: tuple[tuple[Size, int], ...], units: int, watts: int) -> int:
    if not counts:
        return 0
    (tall, hot, _), _ = counts[0]
    best_found = sum(n for _, n in counts)
    for rest in _one_rack(counts, units - tall, watts - hot):
        best_found = min(best_found, 1 + _fewest(rest, units, watts))
    return best_found


def _one_rack(counts: tuple[tuple[Size, int], ...], units: int, watts: int) -> Iterator[tuple[tuple[Size, int], ...]]:
    """What is left after a rack that holds one of the first kind and as much else as any choice allows."""
    first = (counts[0][0], counts[0][1] - 1)
    left = [first, *counts[1:]]
    ranges = []
    for (tall, hot, _), n in left:
        ranges.append(range(min(n, units // tall, watts // hot if hot else n) + 1))
    for taken in itertools.product(*ranges):
        used = sum(t * size[0] for t, (size, _) in zip(taken, left, strict=True))
        drawn = sum(t * size[1] for t, (size, _) in zip(taken, left, strict=True))
        if used > units or drawn > watts:
            continue
        full = all(
            t == n or used + size[0] > units or drawn + size[1] > watts
            for t, (size, n) in zip(taken, left, strict=True)
        )
        if full:
            yield tuple((size, n - t) for t, (size, n) in zip(taken, left, strict=True) if n - t)
