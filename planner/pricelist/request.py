"""An empty quote request for suppliers: the parts of a plan or of the catalog, with columns that import as they are."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped]

from planner.catalog import Catalog, nearest
from planner.errors import InputError, Mistake, UnknownPart
from planner.files import atomic_write
from planner.plan import Plan

# Heading and width; the importer finds each by its own words.
COLUMNS = (
    ("Catalog id 目录编号", 24), ("Maker 品牌", 14), ("Model 型号", 34), ("Part number 料号", 18),
    ("Quantity 数量", 10),
    ("Unit price excl. tax 不含税单价", 18), ("Tax rate % 税率", 10), ("Unit price incl. tax 含税单价", 18),
    ("Currency 币种", 10), ("Minimum order quantity 起订量", 14), ("Valid until 有效期", 14),
    ("Lead time (weeks) 货期（周）", 14), ("Remark 备注", 30),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One part that a price is asked for, and how many where a plan says so."""

    part: str
    maker: str
    model: str
    number: str
    quantity: int | None


def of_plan(plan: Plan) -> list[Asked]:
    """Every part that a plan buys, with its total quantity, in the plan's order; rule-based lines are left out."""
    found: dict[str, Asked] = {}
    for line in [*plan.lines, *plan.yearly]:
        if line.price is None:
            continue
        before = found[line.part].quantity or 0 if line.part in found else 0
        found[line.part] = Asked(line.part, line.maker, line.model, line.part_number or "", before + line.quantity)
    return list(found.values())


def of_catalog(catalog: Catalog, kinds: Sequence[str], parts: Sequence[str], unpriced: bool = False) -> list[Asked]:
    """The current parts of some kinds, and parts by id; with `unpriced` only those without a price."""
    chosen = [p for kind in kinds for p in catalog.kind(kind).values() if getattr(p, "lifecycle", None) == "current"]
    for part in parts:
        if part not in catalog.parts:
            raise UnknownPart("part", part, nearest(part, catalog.parts))
        chosen.append(catalog.parts[part])
    ids = dict.fromkeys(str(getattr(p, "id")) for p in chosen)  # noqa: B009 - every record kind has an id
    return [
        Asked(i, p.vendor, p.model, p.part_number or "", None)
        for i in ids
        if (p := catalog.parts[i]) and not (unpriced and i in catalog.prices)
    ]


def write_request(asked: Sequence[Asked], path: Path) -> None:
    """Write the request as .xlsx or .csv, one line per part, price cells empty, no formulas."""
    if not asked:
        raise InputError([Mistake(str(path), None, None, "nothing to ask for: no part is chosen.")])
    rows = [(a.part, a.maker, a.model, a.number, a.quantity) for a in asked]
    try:
        if path.suffix.lower() == ".csv":
            atomic_write(path, _csv(rows))
        elif path.suffix.lower() == ".xlsx":
            atomic_write(path, _xlsx(rows))
        else:
            raise InputError([Mistake(str(path), None, None, "expected a file that ends in .xlsx or .csv.")])
    except OSError as error:
        raise InputError([Mistake(str(path), None, None, f"cannot be written: {error.strerror}.")]) from error


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([title for title, _ in COLUMNS])
    for row in rows:
        cells = ["" if c is None else str(c) for c in row]
        cells = ["'" + c if c[:1] in ("=", "+", "-", "@") else c for c in cells]
        writer.writerow(cells + [""] * (len(COLUMNS) - len(cells)))
    return b"\xef\xbb\xbf" + out.getvalue().encode()  # with its mark, so that Excel reads it as UTF-8


def _xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": dt.datetime(2000, 1, 1)})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DDE5EE", "border": 1})
    given = book.add_format({"valign": "top", "text_wrap": True, "border": 1, "border_color": "#C0C0C0"})
    empty = book.add_format({"bg_color": "#FFF8DC", "border": 1, "border_color": "#C0C0C0", "num_format": "#,##0.00"})
    words = book.add_format({"bg_color": "#FFF8DC", "border": 1, "border_color": "#C0C0C0", "num_format": "@"})
    sheet = book.add_worksheet("Quote request 询价单")
    sheet.freeze_panes(1, 3)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    for column, (title, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, head)
    for k, row in enumerate(rows, 1):
        for column in range(len(COLUMNS)):
            value = row[column] if column < len(row) else None
            if isinstance(value, int):
                sheet.write_number(k, column, value, given)
            elif column < len(row):
                sheet.write_string(k, column, str(value or ""), given)
            else:
                sheet.write_blank(k, column, None, empty if column in (5, 6, 7, 9, 11) else words)
    book.close()
    return out.getvalue()
