"""A supplier's sheet into dated price rows: every row matched, doubtful or unmatched, and why; nothing guessed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from planner.catalog import Catalog
from planner.errors import InputError, Mistake
from planner.files import atomic_write
from planner.lint.ranges import PRICES
from planner.parts import Price
from planner.pricelist import amounts
from planner.pricelist.amounts import Amount
from planner.pricelist.headings import Layout, find_layout, first, tax_in
from planner.pricelist.matching import Match, Matcher
from planner.pricelist.sheet import Cell, Sheet, read_sheets, refused

State = Literal["matched", "doubtful", "unmatched", "no price"]
ROUNDING = Decimal("0.006")  # prices with and without tax may differ by this share, rounding included
FIELDS = ("part", "currency", "low", "typical", "high", "tax_basis", "tax_percent", "basis", "grade", "source", "as_of",
          "valid_until", "min_quantity", "includes_support_months", "scope", "lead_time_weeks")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What the sheet does not say and the user does. `matches`: row number or text -> part id."""

    supplier: str | None = None
    today: dt.date | None = None
    as_of: dt.date | None = None
    valid_until: dt.date | None = None
    currency: str | None = None
    tax_basis: Literal["included", "excluded"] | None = None
    tax_percent: Decimal | None = None
    basis: Literal["quote", "list", "street", "tender"] = "quote"
    matches: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the sheet: what stood there, which part it is, what would be written, and why not."""

    sheet: str
    row: int
    text: str
    state: State
    part: str | None
    candidates: tuple[str, ...]
    why: str
    price: Price | None


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a file, and what holds for the whole of it: where the table is and what its notes say."""

    rows: tuple[Row, ...]
    remarks: tuple[str, ...]

    def of(self, state: State) -> list[Row]:
        return [r for r in self.rows if r.state == state]


def read_price_list(path: Path, catalog: Catalog, terms: Terms) -> Result:
    """Every row of a supplier's sheet with what it means; InputError for a refused file or one without prices."""
    layouts = [(sheet, find_layout(sheet)) for sheet in read_sheets(path)]
    tables = [layout for _, layout in layouts if layout is not None]
    if not tables:
        raise refused(
            path,
            "holds no price table: no row names both a part (model, part number, 型号) and a price (price, 单价).",
        )
    for word, part in terms.matches.items():
        if part not in catalog.parts:
            raise InputError([Mistake("--match", None, None, f"{word}={part}: no such part in the catalog.")])
    matcher = Matcher(catalog)
    rows: list[Row] = []
    remarks: list[str] = []
    for layout in tables:
        made, said = _Table(path, layout, matcher, terms).read()
        rows += made
        remarks += said
    skipped = [sheet.name for sheet, layout in layouts if layout is None and sheet.rows]
    if skipped:
        remarks.append(f"no price table in sheet {', '.join(skipped)}: not read.")
    return Result(tuple(_one_price_each(rows)), tuple(remarks))


class Plausible:
    """Whether a price lies where prices of its kind of part lie; a unit that was read wrong does not."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rates = catalog.table("rates/exchange")["rates"]

    def told(self, part: str, price: Price) -> str | None:
        """What is odd about a price, or None."""
        kind = next((k for k in PRICES if part in self.catalog.kind(k)), None)
        rate = Decimal(1) if price.currency == "USD" else None
        if price.currency in self.rates:
            rate = Decimal(str(self.rates[price.currency]["per_usd"]))
        if kind is None or rate is None:
            return None if rate is not None else f"{price.currency} has no exchange rate in the catalog"
        least, most = PRICES[kind]
        usd = price.typical / rate
        if least <= usd <= most:
            return None
        return (
            f"{price.currency} {price.typical:,} (USD {usd:,.0f}) is no plausible price of {kind}: is the unit right?"
        )


class _Table:
    """One table of a sheet being read."""

    def __init__(self, path: Path, layout: Layout, matcher: Matcher, terms: Terms) -> None:
        self.path, self.layout, self.matcher, self.terms = path, layout, matcher, terms
        self.plausible = Plausible(matcher.catalog).told
        self.note_basis, self.note_rate = layout.tax
        priced = [c for name in ("price", "with_tax", "list") for c in layout.columns.get(name, [])]
        body = layout.sheet.rows[layout.first_row - 1 :]
        self.marks = {c: amounts.convention(r[c] for r in body if c < len(r)) for c in priced}
        together = {m for m in self.marks.values() if m}
        for column, mark in self.marks.items():  # columns of one table are written by one hand
            if mark is None and len(together) == 1:
                self.marks[column] = next(iter(together))
        self.remarks: list[str] = []

    def read(self) -> tuple[list[Row], list[str]]:
        layout = self.layout
        found = ", ".join(f"{name}: {layout.titles[columns[0]]}" for name, columns in layout.columns.items()
                          if name != "ignored")  # fmt: skip
        self.remarks.append(f"sheet {layout.sheet.name}: headings in row {layout.header_row} ({found}).")
        if layout.scale != 1:
            self.remarks.append(f"amounts are in units of {layout.scale:,} (note above the table).")
        rows = []
        for k, cells in enumerate(layout.sheet.rows[layout.first_row - 1 :], layout.first_row):
            row = self._row(k, cells)
            if row is not None:
                rows.append(row)
        if any(r.price is not None and r.price.tax_basis == "unknown" for r in rows):
            self.remarks.append(
                "the sheet does not say whether tax is inside: written as unknown, planned as without tax. "
                "Ask, or say --tax-basis included|excluded."
            )
        return rows, self.remarks

    def _text(self, cells: Sequence[Cell], name: str) -> str:
        value = first(cells, self.layout.columns.get(name, []))
        return "" if value is None else re.sub(r"\s+", " ", str(value)).strip()

    def _row(self, number: int, cells: Sequence[Cell]) -> Row | None:
        """One line; None for empty lines, repeated headings, subtotals and remarks."""
        names = [str(cells[c]).strip() for c in self.layout.columns.get("name", [])
                 if c < len(cells) and cells[c] not in (None, "")]  # fmt: skip
        part_id, code = self._text(cells, "id"), self._text(cells, "number")
        text = " · ".join(dict.fromkeys(t for t in (part_id, code, *names) if t))[:120]
        priced = [c for name in ("price", "with_tax", "list") for c in self.layout.columns.get(name, [])]
        prices = [cells[c] for c in priced if c < len(cells) and cells[c] not in (None, "")]
        if (
            not text
            or (not prices and _is_words(text))
            or re.search(r"合计|小计|总计|^total|subtotal|grand total", text.lower())
        ):
            return None
        if not prices and len({str(c) for c in cells if c not in (None, "")}) <= 1:
            return None  # a section's title or a remark across the table
        given = self.terms.matches.get(str(number)) or next(
            (
                p
                for w, p in self.terms.matches.items()
                if w.lower() in (text.lower(), code.lower(), *map(str.lower, names))
            ),
            None,
        )
        match = Match(given) if given else self.matcher.match(part_id, code, names, self._text(cells, "maker"))
        base = Row(self.layout.sheet.name, number, text, "unmatched", match.part, match.candidates, match.why, None)
        made = self._price(number, cells, match.part or (match.candidates[0] if match.candidates else "unknown"))
        if made is None:
            return replace(base, state="no price", why="no price given")
        if match.part is None and not match.candidates:
            return replace(base, price=None)
        if match.part is None:
            return replace(base, state="doubtful", price=None)
        if isinstance(made, str):
            return replace(base, state="doubtful", why=made)
        odd = None if given else self.plausible(match.part, made)  # a row that the user named is confirmed
        if odd is not None:
            return replace(base, state="doubtful", why=odd)
        return replace(base, state="matched", price=made)

    # -- the price of a row ------------------------------------------------------------------------------------------
    def _price(self, number: int, cells: Sequence[Cell], part: str) -> Price | str | None:
        """The price row of a line, why it is doubtful, or None where no price is given."""
        taken = self._amounts(number, cells)
        if taken is None or isinstance(taken, str):
            return taken
        net, gross, listed = taken
        rate = self._rate(cells)
        if isinstance(rate, str):
            return rate
        currencies: set[str] = {a.currency for a in (net, gross, listed) if a is not None and a.currency}
        if len(currencies) > 1:
            return f"names {' and '.join(sorted(currencies))} in one line"
        currency = self._currency(cells, currencies)
        if currency is None:
            return "no currency: say --currency CNY (or USD ...)"
        basis: str = self.terms.basis
        if net is not None and gross is not None:
            if gross.value < net.value:
                return f"with tax {gross.value:f} is below without tax {net.value:f}"
            if rate is not None and abs(net.value * (1 + rate / 100) / gross.value - 1) > ROUNDING:
                return f"{net.value:f} plus {rate:f} % is not {gross.value:f}"
        if net is None and gross is None:
            net, basis = listed, "list"
        chosen, tax_basis = (net, "excluded") if net is not None else (gross, "included")
        assert chosen is not None
        if gross is None or net is None:
            stated = self._stated(net is None, "list" if basis == "list" else "price")
            if isinstance(stated, tuple):
                return stated[0]
            tax_basis = stated
        if tax_basis == "included" and rate is None:
            return "the price includes tax, but nothing says at which rate: say --tax-percent 13 (or ...)"
        return self._written(number, cells, part, chosen.value, currency, tax_basis, rate, basis)

    def _amounts(
        self, number: int, cells: Sequence[Cell]
    ) -> tuple[Amount | None, Amount | None, Amount | None] | str | None:
        """Without tax, with tax, list price; a sentence where one cannot be read; None where all are empty."""
        found: list[Amount | None] = []
        for name in ("price", "with_tax", "list"):
            amount: Amount | None = None
            for column in self.layout.columns.get(name, []):
                if column >= len(cells):
                    continue
                box = self.layout.sheet.merged.get((number, column + 1))
                if box and box[2] > box[0] and cells[column] not in (None, ""):
                    return f"one price cell spans rows {box[0]} to {box[2]}: for each, or for all together?"
                read = amounts.parse(cells[column], self.marks.get(column))
                if isinstance(read, str):
                    return read
                if read is not None and amount is not None and read.value != amount.value:
                    return f"two prices in one line: {amount.value:f} and {read.value:f}"
                if read is not None:
                    amount = self._scaled(read, column)
            found.append(amount)
        return None if not any(found) else (found[0], found[1], found[2])

    def _scaled(self, amount: Amount, column: int) -> Amount:
        """Units of the heading or the notes (万元), unless the cell named its own; the heading's currency."""
        title = self.layout.titles[column]
        factor = 1 if amount.scaled else amounts.scale_in(title)
        if factor == 1 and not amount.scaled and not re.search(r"[(（/]\s*元", title):
            factor = self.layout.scale
        if factor != 1 and amount.currency not in (None, "CNY"):
            self.remarks.append(
                f"{amount.currency} {amount.value:,f} names its currency: the unit of {factor:,} yuan is not applied."
            )
            factor = 1
        currency = amount.currency or amounts.currency_in(title)
        if currency is None and re.search(r"[(（/]\s*(万|千)?元", title):
            currency = "CNY"
        return Amount(amount.value * factor, currency, True)

    def _currency(self, cells: Sequence[Cell], named: set[str]) -> str | None:
        """The amount's own, else the currency column's, else the notes', else the user's."""
        if named:
            return next(iter(named))
        column = self._text(cells, "currency")
        if column:
            return amounts.currency_in(column)
        by_scale = "CNY" if any("万元" in n or re.search(r"单位\s*[::]\s*元", n) for n in self.layout.notes) else None
        return self.layout.currency or by_scale or self.terms.currency

    def _rate(self, cells: Sequence[Cell]) -> Decimal | str | None:
        """Tax rate in percent: the line's, else the notes', else the user's."""
        value = first(cells, self.layout.columns.get("tax", []))
        if value is None:
            return self.note_rate if self.note_rate is not None else self.terms.tax_percent
        found = re.fullmatch(r"(\d{1,2}(?:[.,]\d+)?)\s*[%％]?", str(value).strip())
        if not found:
            return f'tax rate "{value}" cannot be read'
        rate = Decimal(found[1].replace(",", "."))
        return rate * 100 if 0 < rate < 1 else rate

    def _stated(self, gross: bool, name: str) -> str | tuple[str]:
        """included, excluded or unknown for a single price; a one-tuple with the reason where the sheet contradicts."""
        if gross:
            return "included"
        column = self.layout.column(name)
        heading = tax_in(self.layout.titles[column]) if column is not None else None
        said = {s for s in (heading or self.note_basis, self.terms.tax_basis) if s}
        if len(said) > 1:
            return (f"the sheet says tax {heading or self.note_basis}, --tax-basis says {self.terms.tax_basis}",)
        return said.pop() if said else "unknown"

    def _written(
        self, number: int, cells: Sequence[Cell], part: str, value: Decimal, currency: str, tax_basis: str,
        rate: Decimal | None, basis: str,
    ) -> Price | str:  # fmt: skip
        supplier = f"{self.terms.supplier}, " if self.terms.supplier else ""
        as_of = self.terms.as_of or self._noted_date() or self.terms.today
        if as_of is None:
            return "the sheet has no date: say --on"
        valid = self._date(first(cells, self.layout.columns.get("valid", [])))
        minimum = self._text(cells, "minimum")
        pieces = re.search(r"\d+", minimum)
        remark = self._text(cells, "remark")
        row: dict[str, Any] = {
            "part": part, "currency": currency, "tax_basis": tax_basis, "basis": basis, "grade": "A",
            "typical": value.normalize() if value % 1 else value.quantize(Decimal(1)),
            "tax_percent": rate if tax_basis == "included" else None,
            "source": f"{supplier}{self.path.name}, {self.layout.sheet.name} row {number}".lstrip("=+-@ \t"),
            "as_of": as_of.isoformat(), "valid_until": valid or self.terms.valid_until or self._noted_validity(as_of),
            "min_quantity": int(pieces[0]) if pieces and int(pieces[0]) > 0 else 1,
            "lead_time_weeks": _weeks(self._text(cells, "lead")), "scope": remark.lstrip("=+-@ \t") or None,
        }  # fmt: skip
        try:
            return Price.model_validate({k: v for k, v in row.items() if v is not None})
        except ValidationError as error:
            detail = error.errors()[0]
            return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"

    def _noted_date(self) -> dt.date | None:
        """The date of the quote that stands above the table."""
        for row in self.layout.sheet.rows[: self.layout.first_row - 1]:
            for cell in row:
                if isinstance(cell, str) and re.search(r"日期|date", cell.lower()):
                    dated = re.split(r"日期|[Dd][Aa][Tt][Ee]", cell, maxsplit=1)[1]
                    found = self._date(dated[:16])
                    if found is not None:
                        return found
        return None

    def _noted_validity(self, as_of: dt.date) -> dt.date | None:
        """How long the notes say that the prices hold: until a date, or for some days from the quote's date."""
        for note in self.layout.notes:
            said = re.split(r"有效期|[Vv]alid", note, maxsplit=1)
            if len(said) < 2:
                continue
            days = re.search(r"^\D{0,12}(\d{1,3})\s*(天|日|days?)", said[1])
            if days:
                return as_of + dt.timedelta(days=int(days[1]))
            until = self._date(said[1])
            if until is not None:
                return until
        return None

    @staticmethod
    def _date(value: Cell) -> dt.date | None:
        if isinstance(value, dt.date):
            return value
        found = re.search(r"(20\d\d)[-./年](\d{1,2})[-./月](\d{1,2})", str(value or ""))
        try:
            return dt.date(int(found[1]), int(found[2]), int(found[3])) if found else None
        except ValueError:
            return None


def _is_words(text: str) -> bool:
    """A line of prose below the table: long, or without any digit."""
    return len(text) > 80 or not re.search(r"\d", text)


def _weeks(text: str) -> float | None:
    """Weeks of a lead time in words, the longer end of a range; None where it cannot be read."""
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)]
    if not numbers or len(numbers) > 2:
        return None
    most, said = max(numbers), text.lower()
    if re.search(r"week|wk|周|星期", said) or said.strip() == f"{numbers[-1]:g}":
        return most
    if re.search(r"month|月", said):
        return round(most * 52 / 12, 1)
    if re.search(r"day|天|日", said):
        return round(most / 7, 1)
    return None


def _one_price_each(rows: Sequence[Row]) -> list[Row]:
    """Two lines of one part, order quantity and different price are both doubtful; an equal repetition is dropped."""
    seen: dict[tuple[str, int], list[int]] = {}
    for k, row in enumerate(rows):
        if row.state == "matched" and row.price is not None:
            seen.setdefault((row.price.part, row.price.min_quantity), []).append(k)
    found = list(rows)
    for places in seen.values():
        money = {(p.currency, p.typical, p.tax_basis) for k in places if (p := rows[k].price) is not None}
        for k in places if len(money) > 1 else ():
            others = ", ".join(str(rows[o].row) for o in places if o != k)
            found[k] = replace(rows[k], state="doubtful", why=f"another price for this part in row {others}")
        for k in places[1:] if len(money) == 1 else ():
            found[k] = replace(rows[k], state="no price", why=f"says the same as row {rows[places[0]].row}")
    return found


def write_overlay(result: Result, folder: Path, name: str, again: bool = False) -> Path:
    """Write the matched rows as `prices/NAME.csv` of an overlay folder. InputError where the file exists already."""
    target = folder / "prices" / f"{name}.csv"
    if target.exists() and not again:
        raise InputError([Mistake(str(target), None, None, "exists already; give --replace to write it anew.")])
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in result.of("matched"):
        assert row.price is not None
        data = row.price.model_dump(mode="json")
        writer.writerow({k: "" if data[k] is None else data[k] for k in FIELDS})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(target, out.getvalue().encode())
    except OSError as error:
        raise InputError([Mistake(str(target), None, None, f"cannot be written: {error.strerror}.")]) from error
    return target


__all__ = ["Result", "Row", "Sheet", "State", "Terms", "read_price_list", "write_overlay"]
