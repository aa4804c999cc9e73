"""CSV that spreadsheets open safely: rows are written as they come, text never starts a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from planner.bom import safe_cell


def write_rows(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = False) -> int:
    """Write a header and rows, one by one; the number of rows. `bom`: a byte order mark first, for Excel in Chinese."""
    if bom:
        out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        count += 1
    return count


def _cell(value: object) -> str:
    if isinstance(value, str):
        # Millions of cells: whatever begins with a letter or a digit can start no formula.
        return value if value[:1].isalnum() else safe_cell(value)
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else f"{value:.3f}"
    return str(value) if isinstance(value, int) else safe_cell(str(value))
