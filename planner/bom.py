"""The bill of materials as rows: one model for the workbook and for `planner bom`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.parts import Section
from planner.plan import Plan, PlanLine
from planner.units import Money, half_up, tax_cents

SECTIONS: tuple[Section, ...] = ("compute", "network", "storage", "facility", "software", "services")
# What makes a spreadsheet read a cell as a formula; the full-width forms do so in East Asian versions of Excel.
DIRECTION_MARKS = frozenset(chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class BomRow:
    """One line of the bill of materials; amounts in the plan's currency, `unit_price` and `extended` without tax.

    `tax` is this line's tax rounded by itself: for reading. Totals take tax per rate on its subtotal.
    """

    position: str
    recurring: str  # once | yearly
    section: Section
    group: str
    pool: str | None
    maker: str
    part: str
    part_zh: str | None
    part_id: str
    part_number: str | None
    description: str
    per_node: int | None
    nodes: int | None
    quantity: int
    unit: str
    measure: str
    unit_price: Decimal
    currency: str
    tax_percent: Decimal
    tax: Decimal
    price_basis: str
    price_date: str
    grade: str
    source: str
    origin: str | None  # ISO 3166-1 alpha-2
    extended: Decimal


def bom_rows(plan: Plan) -> list[BomRow]:
    """What is bought, in section order; within a section in the plan's order."""
    return [row for section in SECTIONS for row in _rows(plan.lines, section, "once")]


def yearly_rows(plan: Plan) -> list[BomRow]:
    """What is paid every year, likewise."""
    return [row for section in SECTIONS for row in _rows(plan.yearly, section, "yearly")]


def _rows(lines: Sequence[PlanLine], section: Section, recurring: str) -> list[BomRow]:
    return [_row(line, recurring) for line in lines if line.section == section]


def _row(line: PlanLine, recurring: str) -> BomRow:
    price = line.price
    return BomRow(
        position=line.position,
        recurring=recurring,
        section=line.section,
        group=line.group,
        pool=line.pool,
        maker=line.maker,
        part=line.model,
        part_zh=line.model_zh,
        part_id=line.part,
        part_number=line.part_number,
        description=line.description,
        per_node=line.per_node,
        nodes=line.nodes,
        quantity=line.quantity,
        unit=line.unit,
        measure=measure(line),
        unit_price=line.unit_price,
        currency=line.currency,
        tax_percent=line.tax_percent,
        tax=Money(tax_cents(half_up(line.extended * 100), line.tax_percent), line.currency).amount,
        price_basis=price.basis if price else "rule",
        price_date=price.as_of if price else "",
        grade=price.grade if price else "",
        source=price.source if price else line.rule or "",
        origin=line.origin,
        extended=line.extended,
    )


def part_names(plan: Plan) -> dict[str, str]:
    """Maker and model of every part the plan names, by id; parts that are bought are always among them."""
    bought = {ln.part: f"{ln.maker} {ln.model}" for ln in [*plan.lines, *plan.yearly]}
    return {**bought, **plan.names}


def measure(line: PlanLine) -> str:
    """What a line is counted in: the plan's unit, with pieces told apart into devices and cabinets (台, 个 and 件).

    Services are counted in the nodes they are done for, else as one lot.
    """
    if line.section == "services" and line.unit == "licence":
        return "node" if line.nodes else "lot"
    if line.unit != "piece":
        return line.unit
    if line.section == "facility":
        return "device" if line.group == "cooling" else "cabinet"
    return "device" if line.rack_units or line.max_power_w else "piece"


def readable_text(text: str) -> str:
    """The text without marks that turn the reading direction round or cannot be printed; Arabic and Hebrew need none.

    A name with such a mark would reverse the amounts that stand behind it in the same sentence.
    """
    return "".join(c for c in text if c not in DIRECTION_MARKS and (c >= " " or c in "\t\n\r"))


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet could take this text for a formula."""
    return text.startswith(FORMULA_STARTS) or text.lstrip(" \u3000").startswith(FORMULA_STARTS)


def safe_cell(text: str) -> str:
    """Text for a CSV cell: an apostrophe goes before anything a spreadsheet would run."""
    return f"'{text}" if is_formula_like(text) else text


def bom_csv(plan: Plan, *, bom: bool = False) -> str:
    """The rows as CSV, yearly lines last. `bom` puts a byte order mark first, which Excel in Chinese Windows needs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = [name for name in BomRow.__dataclass_fields__ if name != "measure"]
    writer.writerow(columns)
    for row in [*bom_rows(plan), *yearly_rows(plan)]:
        writer.writerow([_cell(getattr(row, name)) for name in columns])
    return ("\ufeff" if bom else "") + out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else safe_cell(readable_text(str(value)))
