"""The fewest racks, by filling one rack in every way that leaves no room for another thing, and the rest likewise."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from oracle.ledger import Size

Counts = tuple[tuple[Size, int], ...]


@functools.lru_cache(maxsize=200_000)
def fewest(things: Counts, room: Size) -> int | None:
    """Racks for things (units, watts, grams, heat to air, to liquid), largest first; None when one fits no rack."""
    if any(size[k] > room[k] for size, _ in things for k in range(len(room))):
        return None
    # Where packing one by one needs no more racks than the sums do, there is nothing to search for.
    simple = _one_by_one(things, room)
    return simple if simple == at_least(things, room) else _search(things, room)


def at_least(things: Counts, room: Size) -> int:
    """Racks that sums alone ask for, and things of which no two share one."""
    axes = [k for k in range(len(room)) if room[k]]
    sums = [-(-sum(size[k] * n for size, n in things) // room[k]) for k in axes]
    return max([*sums, *(sum(n for size, n in things if 2 * size[k] > room[k]) for k in axes)])


def _one_by_one(things: Counts, room: Size) -> int:
    """The better of two orders: by height and by power."""
    by_power = tuple(sorted(things, key=lambda t: (t[0][1], t[0]), reverse=True))
    return min(_first_fit(things, room), _first_fit(by_power, room))


def _first_fit(things: Counts, room: Size) -> int:
    racks: list[list[int]] = []
    for size, n in things:
        for _ in range(n):
            for rack in racks:
                if all(rack[k] + size[k] <= room[k] for k in range(len(room))):
                    break
            else:
                rack = [0] * len(room)
                racks.append(rack)
            for k in range(len(room)):
                rack[k] += size[k]
    return len(racks)


@functools.lru_cache(maxsize=500_000)
def _search(things: Counts, room: Size) -> int:
    if not things:
        return 0
    found, least = _one_by_one(things, room), at_least(things, room)
    for rest in _rests(things, room):
        if found == least:
            break
        found = min(found, 1 + _search(rest, room))
    return found


def _rests(things: Counts, room: Size) -> Iterator[Counts]:
    """What is left after a rack that holds one of the first kind and as much else as any choice allows."""
    (first, n), *others = things
    left = ((first, n - 1), *others)
    for taken, free in _fillings(left, tuple(have - need for have, need in zip(room, first, strict=True))):
        if all(
            t == m or any(size[k] > free[k] for k in range(len(free))) for t, (size, m) in zip(taken, left, strict=True)
        ):
            yield tuple((size, m - t) for t, (size, m) in zip(taken, left, strict=True) if m - t)


def _fillings(left: Counts, free: Size) -> Iterator[tuple[tuple[int, ...], Size]]:
    """Every choice of things that fits, the most of the first kinds first, with the room that stays."""
    if not left:
        yield (), free
        return
    (size, m), *others = left
    most = min([m, *(free[k] // size[k] for k in range(len(free)) if size[k])])
    for t in range(most, -1, -1):
        rest = tuple(have - t * need for have, need in zip(free, size, strict=True))
        for taken, room in _fillings(tuple(others), rest):
            yield (t, *taken), room
