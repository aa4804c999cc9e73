"""Racks for the installers: every device by rack and unit as CSV; elevations and the floor plan as SVG files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planner import wiring
from planner.catalog import Catalog
from planner.exports import pictures
from planner.exports.tables import write_rows
from planner.facility.racks import rack_facts
from planner.files import atomic_text, atomic_write
from planner.plan import Plan
from planner.wording import Wording, without_any_maker

DEVICE_HEADER = ("rack", "row", "number", "unit", "height_u", "device", "part", "model", "power_kw", "weight_kg")
RACK_HEADER = (
    "rack", "row", "number", "x_m", "y_m", "cabinet", "door", "power_kw", "typical_kw", "limit_kw", "units_used",
    "units", "devices_kg", "standing_kg", "carries_kg", "under_kg_per_m2", "stranded_kw", "stranded_units",
    "blank_units",
)  # fmt: skip


def device_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """Every device, rack by rack, from the bottom up."""
    ground = wiring.floor(plan, catalog)
    for k, rack in enumerate(plan.racks):
        place = ground.place(k)
        for item in sorted(rack.items, key=lambda i: i.bottom_unit):
            model = without_any_maker(plan.names.get(item.item, item.item))
            yield (
                rack.name, place.row, place.number, item.bottom_unit, item.units, item.label, item.item, model,
                item.power_kw, item.weight_kg,
            )  # fmt: skip


def rack_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """Every rack with its load, its place and what it leaves unused."""
    for rack, f in zip(plan.racks, rack_facts(plan, catalog), strict=True):
        yield (
            f.name, f.row, f.number, f.x_m, f.y_m, rack.part, rack.door, f.power_kw, f.typical_kw, f.limit_kw,
            f.units_used, f.units, f.devices_kg, f.standing_kg, f.carries_kg, f.under_kg_m2, f.stranded_kw,
            f.stranded_units, f.units - f.units_used,
        )  # fmt: skip


def write_racks(plan: Plan, catalog: Catalog, folder: Path) -> int:
    """racks.csv, devices.csv, floor.svg and one elevation per rack in `folder`; the number of files.

    Racks with equal contents still get their own drawing: the labels in them differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = Wording(plan.language)
    for name, header, rows in (
        ("racks.csv", RACK_HEADER, rack_rows(plan, catalog)),
        ("devices.csv", DEVICE_HEADER, device_rows(plan, catalog)),
    ):
        with atomic_text(folder / name) as file:
            write_rows(file, header, rows)
    atomic_write(folder / "floor.svg", pictures.floor_plan(plan, catalog, words).encode())
    facts = rack_facts(plan, catalog)
    for rack, fact in zip(plan.racks, facts, strict=True):
        drawing = pictures.elevation(plan, catalog, rack, fact, words)
        atomic_write(folder / f"{rack.name}.svg", drawing.encode())
    return 3 + len(plan.racks)
