"""A supplier's sheet as rows of plain cells. The file is hostile until shown otherwise and refused with one message.

Refused: formulas (a stored result may be stale or a lie, and nothing is ever computed), macros, links to other files,
XML with entities, archives that unpack to far more than they are, more rows than any price list has, old binary and
password-protected workbooks, and anything that is no workbook and no table.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from planner.errors import InputError, Mistake

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 80 * 1024 * 1024
MAX_RATIO = 150  # packed 150 times smaller than unpacked: no workbook that people write
MAX_MEMBERS = 500
MAX_ROWS = 5_000
MAX_COLUMNS = 120
MAX_CELL = 2_000  # characters
MAX_SHEETS = 20
BESIDE = ("xl/charts/", "xl/drawings/", "xl/theme/", "docProps/")  # parts without cells

Cell = str | int | float | dt.date | None
_FORMULA = re.compile(r"\s*(?:=|@[A-Za-z]|[+-][^0-9.,\s].*[(|!])")
_BINARY = {b"\xd0\xcf\x11\xe0": "is an old binary or password-protected workbook; save it as .xlsx without a password."}


@dataclass
class Sheet:
    """One sheet. Rows are numbered from 1 as people see them; `merged` maps the cells of a merged range to its corners.

    Cells of a merged range all carry its value.
    """

    name: str
    rows: list[list[Cell]]
    merged: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)


def read_sheets(path: Path) -> list[Sheet]:
    """The sheets of an .xlsx or .csv file; InputError with the one reason why a file is refused."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refused(
                path, f"is {path.stat().st_size / 2**20:,.0f} MB; a price list is at most {MAX_BYTES // 2**20}."
            )
        raw = path.read_bytes()
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror}.") from error
    for start, why in _BINARY.items():
        if raw.startswith(start):
            raise refused(path, why)
    if raw.startswith(b"PK"):
        return _workbook(path, raw)
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        raise refused(path, "is no workbook, whatever its name says.")
    return [Sheet(path.stem, _table(path, raw))]


def refused(path: Path, why: str) -> InputError:
    """The one message of a refused file."""
    return InputError([Mistake(str(path), None, None, why)])


# -- CSV ---------------------------------------------------------------------------------------------------------------
def _table(path: Path, raw: bytes) -> list[list[Cell]]:
    text = _decoded(path, raw)
    lines = text.splitlines()
    if len(lines) > MAX_ROWS:
        raise refused(path, f"has {len(lines):,} lines; a price list has at most {MAX_ROWS:,}.")
    rows: list[list[Cell]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(lines)):
            for column, cell in enumerate(row):
                if _FORMULA.match(cell):
                    raise refused(path, f"holds a formula in {_name(len(rows) + 1, column + 1)}; {_PASTE}")
            rows.append([_short(cell) for cell in row[:MAX_COLUMNS]])
    except csv.Error as error:
        raise refused(path, f"is not a table: {error}.") from error
    if not any(any(row) for row in rows):
        raise refused(path, "is empty.")
    return rows


_PASTE = "paste the values instead (paste special, values) and import that file."


def _decoded(path: Path, raw: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or the GB 18030 of Chinese Windows."""
    tries = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in tries:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise refused(path, "is neither a workbook nor text (UTF-8, UTF-16 or GB 18030).")


def _delimiter(lines: list[str]) -> str:
    """The separator that cuts most lines into the same number of cells."""
    best, most = ",", 0
    for mark in ",;\t|":
        counts = [line.count(mark) for line in lines[:60] if line.strip()]
        usual = max(set(counts), key=counts.count, default=0)
        score = counts.count(usual) * min(usual, 3) if usual else 0
        if score > most:
            best, most = mark, score
    return best


# -- workbooks ---------------------------------------------------------------------------------------------------------
def _workbook(path: Path, raw: bytes) -> list[Sheet]:
    _inspect(path, raw)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=False, data_only=False, keep_vba=False, keep_links=False)
        return [sheet for sheet in (_cells(path, s) for s in book.worksheets) if sheet.rows]
    except InputError:
        raise
    except Exception as error:  # openpyxl fails in many ways on damaged files
        raise refused(path, f"cannot be read as a workbook ({type(error).__name__}); save it anew as .xlsx.") from error


def _inspect(path: Path, raw: bytes) -> None:
    """Look at the archive before anything unpacks it; every member is read in bounded pieces."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise refused(path, "is a damaged archive.") from error
    members = archive.infolist()
    names = [m.filename for m in members]
    if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_UNPACKED:
        raise refused(path, f"would unpack to more than {MAX_UNPACKED // 2**20} MB or {MAX_MEMBERS} files: not read.")
    if "xl/workbook.xml" not in names:
        raise refused(path, "is an archive, but no .xlsx workbook.")
    if any(word in n.lower() for n in names for word in ("vbaproject", "macrosheet", "vbadata")):
        raise refused(path, "holds macros; ask for an .xlsx without macros.")
    if any(n.lower().startswith("xl/externallinks/") for n in names):
        raise refused(path, "holds links to other files; ask for a sheet with plain values.")
    sheets = [m for m in members if re.fullmatch(r"xl/worksheets/[^/]+\.xml", m.filename)]
    if len(sheets) > MAX_SHEETS:
        raise refused(path, f"has {len(sheets)} sheets; a price list has at most {MAX_SHEETS}.")
    unpacked = 0
    for member in members:
        if not member.filename.endswith((".xml", ".rels")):
            continue
        rows = 0
        tail = b""
        for piece in _pieces(path, archive, member):
            unpacked += len(piece)
            if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(len(raw), 20_000):
                raise refused(path, "unpacks to far more than its size (a zip bomb?): not read.")
            window = tail + piece
            if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
                raise refused(path, "holds XML entities, which no spreadsheet program writes: not read.")
            if b"\x00" in piece:  # UTF-16 would hide everything that is looked for
                raise refused(path, "is not written in UTF-8, as workbooks are: not read.")
            if not member.filename.startswith(BESIDE):
                found = re.search(rb"<(?:\w+:)?f[ >/]", window)
                if found:
                    where = re.findall(rb'<(?:\w+:)?c [^>]*?r="([A-Z]+[0-9]+)"', window[: found.start()])
                    place = f" in {where[-1].decode()}" if where else ""
                    raise refused(path, f"holds a formula{place}; {_PASTE}")
                rows += len(re.findall(rb"<(?:\w+:)?row[ >/]", window)) - len(re.findall(rb"<(?:\w+:)?row[ >/]", tail))
                if rows > MAX_ROWS:
                    raise refused(path, f"has more than {MAX_ROWS:,} rows in one sheet; a price list has fewer.")
            tail = window[-200:]


def _pieces(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(member) as file:
            while piece := file.read(256 * 1024):
                yield piece
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise refused(path, "is a damaged or encrypted archive.") from error


def _cells(path: Path, sheet: Worksheet) -> Sheet:
    """Plain values of one worksheet with merged ranges filled."""
    last_row, last_column = min(sheet.max_row or 0, MAX_ROWS), min(sheet.max_column or 0, MAX_COLUMNS)
    rows: list[list[Cell]] = []
    for row in sheet.iter_rows(max_row=last_row, max_col=last_column):
        if any(cell.data_type == "f" for cell in row):
            raise refused(path, f"holds a formula in row {len(rows) + 1}; {_PASTE}")
        rows.append([_plain(cell.value) for cell in row])
    merged: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for area in list(sheet.merged_cells.ranges)[:MAX_ROWS]:
        corners = (area.min_row, area.min_col, min(area.max_row, last_row), min(area.max_col, last_column))
        if area.min_row > last_row or area.min_col > last_column:
            continue
        value = rows[area.min_row - 1][area.min_col - 1]
        for line in range(corners[0], corners[2] + 1):
            for column in range(corners[1], corners[3] + 1):
                merged[(line, column)] = corners
                rows[line - 1][column - 1] = value
    while rows and not any(cell not in (None, "") for cell in rows[-1]):
        rows.pop()
    return Sheet(str(sheet.title), rows, merged)


def _plain(value: object) -> Cell:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else _short(str(value))


def _short(text: str) -> str:
    return text.strip()[:MAX_CELL]


def _name(row: int, column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"
