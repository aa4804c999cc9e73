"""Blocks that belong together in neighbouring racks of one row: the order of racks on the floor that brings them there.

The racks and what stands in them stay as they were packed; only their order changes, and no more than is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from planner.site import RackLoad


def side_by_side(racks: Sequence[RackLoad], per_row: int) -> tuple[RackLoad, ...]:
    """The racks in an order in which those of one group follow one another in one row of `per_row`.

    A group is what blocks of one name (`RackNeed.beside`) occupy, in the order of their needs. Where groups share racks
    or fit no row the racks stay as they are: whoever needs them together has to check.
    """
    groups: dict[str, list[int]] = {}
    for k, rack in enumerate(racks):
        for placed in rack.items:
            name = placed.need.beside
            if name and k not in groups.setdefault(name, []):
                groups[name].append(k)
    wide = {name: _in_order(racks, name, held) for name, held in groups.items() if len(held) > 1}
    taken = [k for held in wide.values() for k in held]
    if not taken or len(set(taken)) < len(taken):
        return tuple(racks)
    of = {k: held for held in wide.values() for k in held}
    first = {min(held): held for held in wide.values()}
    units = [first.get(k, [k]) for k in range(len(racks)) if k not in of or k in first]
    order = _rows(units, per_row) or _rows(sorted(units, key=len, reverse=True), per_row)
    return tuple(racks if order is None else (racks[k] for k in order))


def _in_order(racks: Sequence[RackLoad], name: str, held: Sequence[int]) -> list[int]:
    """Racks of a group by the numbers of its blocks: the block with the switch lies between the others."""
    rank = {k: min(int(p.need.label.rsplit(" ", 1)[-1]) for p in racks[k].items if p.need.beside == name) for k in held}
    return sorted(held, key=lambda k: rank[k])


def _rows(units: list[list[int]], per_row: int) -> list[int] | None:
    """Units one after the other; where one would begin in one row and end in the next, a later single rack goes first.

    None where that does not come out.
    """
    order: list[int] = []
    left = list(units)
    while left:
        room = per_row - len(order) % per_row
        k = next((k for k, unit in enumerate(left) if len(unit) <= room), None)
        if k is None:
            return None
        order += left.pop(k)
    return order
