"""The floor: where racks stand, how far it is from port to port, what the floor carries. Metres, kilograms.

Racks stand in rows of `racks_per_row` in the plan's order. Rows face each other in pairs: row 1 and row 2 across a cold
aisle, row 2 and row 3 back to back across a hot aisle. A cable leaves its rack at the top, follows the tray above its
row to a cross tray, crosses, and comes down again; inside one rack it goes down the side, and to a neighbouring rack
straight through the sides where the site says so. See docs/room.md.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.request import Layout

UNIT_M = 0.04445  # EIA-310 rack unit
SIDE_M = 0.5  # from a port to the side of its rack, at each end
DEFAULT_WIDTH_M = 0.6
DEFAULT_DEPTH_M = 1.2


@dataclass(frozen=True, slots=True)
class Place:
    """A rack on the floor: row and number in the row (from 1), middle of its front in metres from the room's corner."""

    row: int
    number: int
    x_m: float
    y_m: float
    faces: str  # "south" where the cold aisle lies below the row on the drawing, else "north"


@dataclass(frozen=True)
class Floor:
    """Rows of racks and the trays above them; every figure in metres."""

    racks: int
    racks_per_row: int
    width_m: float
    depth_m: float
    cold_aisle_m: float
    hot_aisle_m: float
    tray_m: float
    slack_m: float
    cross_trays: int
    side_passage: bool = False  # neighbouring racks of a row are joined through their sides

    @property
    def rows(self) -> int:
        return -(-self.racks // self.racks_per_row)

    @property
    def row_length_m(self) -> float:
        return min(self.racks, self.racks_per_row) * self.width_m

    def row_y(self, row: int) -> float:
        """Distance of the lower edge of a row (from 0) from the lower edge of row 0: depths and aisles in between."""
        cold, hot = (row + 1) // 2, row // 2
        return row * self.depth_m + cold * self.cold_aisle_m + hot * self.hot_aisle_m

    def place(self, rack: int) -> Place:
        """Where rack number `rack` (from 0) stands. Even rows look up to the cold aisle above them, odd ones down."""
        row, number = divmod(rack, self.racks_per_row)
        return Place(
            row=row + 1,
            number=number + 1,
            x_m=round((number + 0.5) * self.width_m, 3),
            y_m=round(self.row_y(row), 3),
            faces="north" if row % 2 == 0 else "south",
        )

    @property
    def area_m2(self) -> float:
        """Rows with half of the aisle on both sides of each pair: the area that average floor load is held against."""
        deep = self.row_y(self.rows - 1) + self.depth_m + self.hot_aisle_m
        if self.rows % 2:
            deep += self.cold_aisle_m
        return round(self.row_length_m * deep, 2)

    def across_m(self, one: int, other: int) -> float:
        """Tray metres between two racks: along the row, or by the nearest cross tray to another row."""
        return _across(self, one, other)


@functools.lru_cache(maxsize=262144)
def _across(floor: Floor, one: int, other: int) -> float:
    a, b = floor.place(one), floor.place(other)
    if a.row == b.row:
        return abs(a.x_m - b.x_m)
    length, count = floor.row_length_m, floor.cross_trays
    crossings = [length * k / (count - 1) for k in range(count)] if count > 1 else [length / 2]
    return min(abs(a.x_m - x) + abs(b.x_m - x) for x in crossings) + abs(a.y_m - b.y_m)


def cable_m(floor: Floor, one: tuple[int, int, float], other: tuple[int, int, float]) -> float:
    """Metres of cable between two ports, each as (rack number from 0, units of that rack, unit height of the port).

    Two ports of one rack are joined down its side; others go up to the tray and down again. Slack is at both ends.
    """
    (rack, units, unit), (far, far_units, far_unit) = one, other
    if rack == far:
        return round(abs(unit - far_unit) * UNIT_M + 2 * SIDE_M + floor.slack_m, 6)
    if floor.side_passage and abs(rack - far) == 1 and rack // floor.racks_per_row == far // floor.racks_per_row:
        return beside_m(abs(unit - far_unit), floor.width_m, floor.slack_m)
    up = (units - unit) * UNIT_M + floor.tray_m
    down = (far_units - far_unit) * UNIT_M + floor.tray_m
    return round(up + floor.across_m(rack, far) + down + 2 * SIDE_M + 2 * floor.slack_m, 6)


def beside_m(apart: float, width_m: float, slack_m: float) -> float:
    """Metres between ports of two neighbouring racks through their sides, `apart` units of height from one another."""
    return round(apart * UNIT_M + width_m + 2 * SIDE_M + slack_m, 6)


def block_m(units: int, lowest: int, highest: int, slack_m: float) -> float:
    """Metres of the longest run between devices that stand as a block of so many units, directly above one another.

    `lowest` and `highest` are the heights of the devices at its ends: ports are in the middle of a device.
    """
    return round((units - (lowest + highest) / 2) * UNIT_M + 2 * SIDE_M + slack_m, 6)


def racks_per_row(racks: int) -> int:
    """Racks in a row where nobody says: up to 16, in larger rooms as many as make it about square, at most 32; all rows
    about as long, so that none has a single rack.

    A rack is about 0.6 m wide and its row, with half of both aisles, 2.3 m deep: square at √(2.3 ÷ 0.6 · racks).
    """
    most = max(16, min(32, math.ceil(math.sqrt(3.8 * racks))))
    return math.ceil(racks / math.ceil(racks / most)) if racks else most


def floor_of(site: Mapping[str, Any], racks: int, width_mm: float | None, depth_mm: float | None) -> Floor:
    """The floor of a plan: `site` is the request's section, width and depth those of the cabinet that is bought."""
    layout = Layout.model_validate(site.get("layout") or {})
    return Floor(
        racks=max(1, racks),
        racks_per_row=layout.racks_per_row or racks_per_row(racks),
        width_m=(width_mm or DEFAULT_WIDTH_M * 1000) / 1000,
        depth_m=(depth_mm or DEFAULT_DEPTH_M * 1000) / 1000,
        cold_aisle_m=layout.cold_aisle_m,
        hot_aisle_m=layout.hot_aisle_m,
        tray_m=layout.tray_m,
        slack_m=layout.slack_m,
        cross_trays=layout.cross_trays,
        side_passage=layout.side_passage,
    )
