"""A careful spreadsheet writer: text can never become a formula, every formula carries its value, bytes are repeatable.

Excel and LibreOffice recalculate; previews in mail, on phones and in Finder only show the stored value.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_rowcol_to_cell  # type: ignore[import-untyped]

from planner.bom import is_formula_like, readable_text

ACCENT = "#1F4E79"
A4 = 9
ROW_HEIGHT = 14.25  # points, one line of 10 pt text
FORMATS: dict[str, dict[str, Any]] = {
    "text": {"align": "left", "indent": 1},
    "wrap": {"text_wrap": True, "align": "left", "indent": 1},
    "label": {"align": "right", "indent": 1},
    "money": {"num_format": "#,##0.00"},
    "rate": {"num_format": "0.0000"},
    "count": {"num_format": "#,##0"},
    "percent": {"num_format": "0.0#%"},
    "power": {"num_format": "#,##0.000"},
    "figure": {"num_format": "#,##0.0##"},
    "weight": {"num_format": "#,##0.0"},
}
STYLES: dict[str, dict[str, Any]] = {
    "body": {"valign": "top", "border": 1, "border_color": "#D5DAE0"},
    "input": {"valign": "top", "border": 1, "border_color": "#D5DAE0", "bg_color": "#FFF9E5", "locked": False},
    "plain": {"valign": "top"},
    "section": {"bold": True, "bg_color": "#E8EEF4", "border": 1, "border_color": "#D5DAE0"},
    "subtotal": {"bold": True, "top": 1, "bg_color": "#F6F8FA"},
    "total": {"bold": True, "top": 2, "bottom": 6, "bg_color": "#E8EEF4"},
    "head": {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT, "text_wrap": True, "valign": "vcenter"},
    "title": {"indent": 0, "bold": True, "font_size": 15, "font_color": ACCENT},
    "note": {"italic": True, "font_color": "#5A6570", "text_wrap": True, "valign": "top"},
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A live formula with the value it has now."""

    text: str
    value: Decimal | float | int


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the format of its cells (a key of FORMATS) and its width in characters."""

    title: str
    kind: str
    width: float


Cell = str | int | float | Decimal | Formula | None


def _lines(text: str, width: float) -> int:
    """Lines that a text takes in a column of `width` characters; wide characters count two, words stay whole."""
    lines, used = 1, 0.0
    for word in text.split(" "):
        length = sum(2 if ord(c) > 0x2E7F else 1 for c in word)
        if used and used + 1 + length > width:
            lines, used = lines + 1, 0.0
        used += length + (1 if used else 0)
        while used > width:  # a word longer than the column breaks inside
            lines, used = lines + 1, used - width
    return lines


class Book:
    """A workbook in memory. `created` stands in the properties, so that the same plan gives the same bytes."""

    def __init__(self, title: str, author: str, created: dt.datetime, font: str) -> None:
        self._buffer = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._buffer,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
        )
        self._book.set_properties({"title": title, "author": author, "created": created})
        self._font = font
        self._formats: dict[tuple[str, str, bool], Any] = {}
        self._sheets: list[Sheet] = []

    def sheet(self, name: str, columns: Sequence[Column], title: str, footer: str) -> Sheet:
        """A new sheet with its title in the first row, column widths and A4 landscape print setup."""
        made = Sheet(self, self._book.add_worksheet(name), name, columns, title, footer)
        self._sheets.append(made)
        return made

    def format(self, kind: str, style: str, quoted: bool = False) -> Any:
        """The cell format of a kind and style; `quoted` keeps text that looks like a formula text when edited."""
        key = (kind, style, quoted)
        if key not in self._formats:
            rules = {"font_name": self._font, "font_size": 10, **FORMATS[kind], **STYLES[style]}
            if quoted:
                rules["quote_prefix"] = True
            self._formats[key] = self._book.add_format(rules)
        return self._formats[key]

    def content(self) -> bytes:
        for sheet in self._sheets:
            sheet.finish()
        self._book.close()
        return self._buffer.getvalue()


class Sheet:
    """Rows from top to bottom. `row` is the next free row, counted from 0."""

    def __init__(self, book: Book, sheet: Any, name: str, columns: Sequence[Column], title: str, footer: str) -> None:
        self.book, self.name, self.columns, self._sheet = book, name, tuple(columns), sheet
        for k, column in enumerate(columns):
            sheet.set_column(k, k, column.width)
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.set_footer(f"&L&8{footer}&C&8&A&R&8&P / &N")
        sheet.hide_gridlines(2)
        self._print_to: int | None = None
        self.row = 0
        self.put(0, title, "text", "title")
        self.row = 2

    def head(self, *, freeze: bool = True) -> int:
        """The heading row; by default it stays visible and repeats on every printed page. Returns its row."""
        for k, column in enumerate(self.columns):
            self.put(k, column.title, "text", "head")
        lines = max(_lines(c.title, c.width - 2) for c in self.columns)
        self._sheet.set_row(self.row, max(32, ROW_HEIGHT * lines))
        if freeze:
            self._sheet.freeze_panes(self.row + 1, 0)
            self._sheet.repeat_rows(self.row)
        self.row += 1
        return self.row - 1

    def filter(self, head: int, last: int) -> None:
        self._sheet.autofilter(head, 0, last, len(self.columns) - 1)

    def finish(self) -> None:
        """What needs the last row: the area to print."""
        if self._print_to is not None:
            self._sheet.print_area(0, 0, max(self.row - 1, 0), self._print_to)

    def printed(self, last: int) -> None:
        """Print only up to this column: the rest is for the screen, and pages stay legible."""
        self._print_to = last

    def add(
        self,
        cells: Sequence[Cell],
        style: str = "body",
        kinds: Sequence[str] | None = None,
        inputs: Collection[int] = (),
    ) -> int:
        """One row in the columns' formats (or `kinds`); columns in `inputs` may be changed. Returns its row."""
        lines = 1
        for k, cell in enumerate(cells):
            kind = kinds[k] if kinds else self.columns[k].kind
            self.put(k, cell, kind, "input" if k in inputs else style)
            if kind == "wrap" and isinstance(cell, str):
                lines = max(lines, _lines(cell, self.columns[k].width - 2))
        # Viewers do not agree on fitting rows to wrapped text by themselves, so the height is written.
        self._sheet.set_row(self.row, ROW_HEIGHT * min(lines, 24))
        self.row += 1
        return self.row - 1

    def note(self, text: str) -> None:
        """A remark over the whole width, outside of any table."""
        last = len(self.columns) - 1 if self._print_to is None else self._print_to
        chars = sum(c.width for c in self.columns[: last + 1])
        self._sheet.merge_range(self.row, 0, self.row, last, "", self.book.format("wrap", "note"))
        self.put(0, text, "wrap", "note")
        self._sheet.set_row(self.row, ROW_HEIGHT * _lines(text, chars))
        self.row += 1

    def put(self, column: int, cell: Cell, kind: str, style: str) -> None:
        """One cell of the current row. Text is written as text, whatever it begins with."""
        shape = self.book.format(kind, style)
        if cell is None or cell == "":
            self._sheet.write_blank(self.row, column, None, shape)
        elif isinstance(cell, Formula):
            self._sheet.write_formula(self.row, column, cell.text, shape, float(cell.value))
        elif isinstance(cell, str):
            cell = readable_text(cell)
            left = self.book.format(kind if kind in ("wrap", "label") else "text", style, is_formula_like(cell))
            self._sheet.write_string(self.row, column, cell, left)
        else:
            self._sheet.write_number(self.row, column, float(cell), shape)

    def at(self, row: int, column: int) -> str:
        """A cell's address on this sheet, e.g. E12."""
        return str(xl_rowcol_to_cell(row, column))

    def abroad(self, row: int, column: int) -> str:
        """A cell's address from another sheet, e.g. 'BOM'!$E$12."""
        quoted = self.name.replace("'", "''")
        return f"'{quoted}'!{xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)}"

    def span(self, first: int, last: int, column: int) -> str:
        """A range in one column, e.g. E5:E9."""
        return f"{self.at(first, column)}:{self.at(last, column)}"
