"""Racks for the program: exact packing of shapes, remembered."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from planner import site
from planner.model import RoomLimits, Shape


def pack_shapes(shapes: Mapping[Shape, int], room: RoomLimits) -> int | None:
    """Racks that a set of things needs, exactly; None when something fits no rack."""
    return _packed(tuple(sorted((s, n) for s, n in shapes.items() if n)), room)


@functools.lru_cache(maxsize=4096)
def _packed(shapes: tuple[tuple[Shape, int], ...], room: RoomLimits) -> int | None:
    return site.racks_needed(
        tuple(
            (s.units, s.watts, s.grams, *((s.watts - s.plates, s.plates) if room.heat else ()), n) for s, n in shapes
        ),
        room.units,
        room.watts,
        room.grams,
        room.heat,
    )
