"""The fewest racks, by filling one rack in every way that leaves no room for another thing, and the rest likewise."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from oracle.ledger import Size

Counts = tuple[tuple[Size, int], ...]


@functools.lru_cache(maxsize=200_000)
def fewest(things: Counts, room: Size) -> int | None:
    """Racks for things of (units, watts, grams), largest first; None when one of them fits no rack."""
    if any(size[k] > room[k] for size, _ in things for k in range(3)):
        return None
    # Where packing one by one needs no more racks than the sums do, there is nothing to search for.
    simple = _one_by_one(things, room)
    return simple if simple == _by_sums(things, room) else _search(things, room)


def _by_sums(things: Counts, room: Size) -> int:
    return max((-(-sum(size[k] * n for size, n in things) // room[k]) for k in range(3)), default=0) if things else 0


def _one_by_one(things: Counts, room: Size) -> int:
    racks: list[list[int]] = []
    for size, n in things:
        for _ in range(n):
            for rack in racks:
                if all(rack[k] + size[k] <= room[k] for k in range(3)):
                    break
            else:
                rack = [0, 0, 0]
                racks.append(rack)
            for k in range(3):
                rack[k] += size[k]
    return len(racks)


@functools.lru_cache(maxsize=500_000)
def _search(things: Counts, room: Size) -> int:
    if not things:
        return 0
    found, least = _one_by_one(things, room), _by_sums(things, room)
    for rest in _rests(things, room):
        if found == least:
            break
        found = min(found, 1 + _search(rest, room))
    return found


def _rests(things: Counts, room: Size) -> Iterator[Counts]:
    """What is left after a rack that holds one of the first kind and as much else as any choice allows."""
    (first, n), *others = things
    left = [(first, n - 1), *others]
    free = tuple(room[k] - first[k] for k in range(3))
    ranges = [range(min([m, *(free[k] // size[k] for k in range(3) if size[k])]), -1, -1) for size, m in left]
    for taken in itertools.product(*ranges):
        used = [sum(t * size[k] for t, (size, _) in zip(taken, left, strict=True)) for k in range(3)]
        if any(used[k] > free[k] for k in range(3)):
            continue
        if all(
            t == m or any(used[k] + size[k] > free[k] for k in range(3))
            for t, (size, m) in zip(taken, left, strict=True)
        ):
            yield tuple((size, m - t) for t, (size, m) in zip(taken, left, strict=True) if m - t)
