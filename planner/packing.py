"""Racks for the program: exact packing of shapes, remembered."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from planner import site
from planner.model import RoomLimits, Shape


def pack_shapes(shapes: Mapping[Shape, int], room: RoomLimits) -> int | None:
    """Racks that a set of things needs, exactly; None when something fits no rack."""
    return _packed(tuple(sorted((s, n) for s, n in shapes.items() if n)), room)


def taken(shape: Shape, room: RoomLimits) -> tuple[int, ...]:
    """What one thing takes of a rack: units, watts, grams, and heat to air and to liquid where the room limits it."""
    heat = (shape.watts - shape.plates, shape.plates) if room.heat else ()
    return (shape.units, shape.watts, shape.grams, *heat)


@functools.lru_cache(maxsize=4096)
def _packed(shapes: tuple[tuple[Shape, int], ...], room: RoomLimits) -> int | None:
    items = tuple((*taken(shape, room), n) for shape, n in shapes)
    return site.racks_needed(items, room.units, room.watts, room.grams, room.heat)
