"""The procurement workbook `bom.xlsx`: every amount a live formula that also carries its value.

Internal: it shows unit cost, price basis, grade and source. What goes to the customer is `planner.proposal`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from planner import cable_totals, workbook_energy, workbook_prices, workbook_site, worksheet
from planner.bom import SECTIONS, BomRow, bom_rows, part_names, yearly_rows
from planner.files import atomic_write
from planner.plan import Plan
from planner.request import Request
from planner.spreadsheet import Book, Cell, Column, Formula, Sheet
from planner.wording import ANY_MAKER, Wording, wording

POSITION, MAKER, PART, NUMBER, DESCRIPTION, FOR, PER_NODE, NODES, QUANTITY, UNIT, PRICE, RATE = range(12)
BASIS, DATE, EXTENDED, TAX, GROSS, GRADE, ORIGIN, SOURCE = range(12, 20)
LABEL = DATE  # labels of the ownership cost end here, right before the columns that amounts stand in
FONTS = {"en": "Calibri", "zh": "微软雅黑"}


@dataclass
class Places:
    """Addresses on other sheets that the summary and the ownership cost refer to."""

    sections: dict[str, str]
    net: str = ""
    tax: str = ""
    total: str = ""
    opex: str = ""
    energy: str = ""
    tco: str = ""


def write_workbook(plan: Plan, path: Path) -> None:
    """Write the workbook of a plan to `path` in one step. OSError when the folder cannot be written."""
    atomic_write(path, workbook_bytes(plan))


def workbook_bytes(plan: Plan) -> bytes:
    """The workbook as bytes; the same plan gives the same bytes."""
    words = wording(plan.language)
    plan = plan.model_copy(update={"names": {part: words.product(name) for part, name in part_names(plan).items()}})
    book = Book(plan.project, f"planner {plan.provenance.planner}", _created(plan), FONTS[plan.language])
    footer = _footer(f"{plan.project} · {words('book.prices_of', date=plan.provenance.price_date)}")
    title = f"{plan.project} · "

    def sheet(key: str, columns: Sequence[Column]) -> Sheet:
        return book.sheet(words(f"sheet.{key}"), columns, title + words(f"sheet.{key}"), footer)

    summary = sheet("summary", [Column("", "wrap", 44), Column("", "money", 24), Column("", "wrap", 70)])
    bill = sheet("bom", _bom_columns(words, plan.totals.currency))
    yearly = sheet("tco", _bom_columns(words, plan.totals.currency, yearly=True))
    places = Places(sections={})
    _bom(bill, plan, words, places)
    _tco(yearly, plan, words, places)
    workbook_site.racks(sheet("racks", workbook_site.rack_columns(words)), plan, words)
    workbook_site.network(sheet("network", workbook_site.network_columns(words)), plan, words)
    workbook_site.compliance(sheet("compliance", workbook_site.compliance_columns(words)), plan, words)
    if plan.cabling:
        cable_totals.fill(sheet("cables", cable_totals.columns(words)), plan, words)
    if plan.checks:
        workbook_site.checks(sheet("checks", workbook_site.check_columns(words)), plan, words)
    if plan.screening:
        worksheet.worksheet(sheet("worksheet", worksheet.worksheet_columns(words)), plan, words)
    worksheet.questionnaire_sheet(sheet("questionnaire", worksheet.questionnaire_columns(words)), plan, words)
    if plan.energy:
        workbook_energy.energy(sheet("energy", workbook_energy.energy_columns(plan, words)), plan, words)
    workbook_site.sources(sheet("sources", workbook_site.source_columns(words)), plan, words)
    workbook_prices.landed(sheet("landed", workbook_prices.landed_columns(words, plan.totals.currency)), plan, words)
    _summary(summary, plan, words, places)
    return book.content()


def _footer(text: str) -> str:
    """Text for a page footer: & begins a code there, and all three parts together hold 255 characters."""
    return (text if len(text) <= 90 else text[:89] + "…").replace("&", "&&")


def _created(plan: Plan) -> dt.datetime:
    """The date of the prices, which may be a year or a month only: a plan holds no wall-clock time."""
    numbers = [int(n) for n in plan.provenance.price_date.split("-") if n.isdigit()]
    year, month, day = [*numbers, 1, 1, 1][:3] if numbers else (2000, 1, 1)
    return dt.datetime(year, month if len(numbers) > 1 else 1, day if len(numbers) > 2 else 1)


# -- bill of materials -----------------------------------------------------------------------------------------------
def _bom_columns(words: Wording, currency: str, *, yearly: bool = False) -> list[Column]:
    def title(key: str) -> str:
        return words(f"column.{key}", currency=currency)

    return [
        Column(title("position"), "text", 8),
        Column(title("maker"), "wrap", 12),
        Column(title("part"), "wrap", 24),
        Column(title("part_number"), "wrap", 16),
        Column(title("description"), "wrap", 30),
        Column(title("used_for"), "wrap", 14),
        Column(title("per_node"), "count", 9),
        Column(title("nodes"), "count", 7),
        Column(title("quantity"), "count", 9),
        Column(title("unit"), "text", 10),
        Column(title("unit_price"), "money", 14),
        Column(title("tax_rate"), "percent", 7),
        Column(title("price_basis"), "wrap", 10),
        Column(title("price_date"), "text", 11),
        Column(title("per_year" if yearly else "extended"), "money", 17),
        Column(title("tax"), "money", 15),
        Column(title("per_year_taxed" if yearly else "extended_taxed"), "money", 17),
        Column(title("grade"), "text", 8),
        Column(title("origin"), "text", 9),
        Column(title("source"), "text", 60),
    ]


def _bom(sheet: Sheet, plan: Plan, words: Wording, places: Places) -> None:
    rows = bom_rows(plan)
    head = sheet.head()
    subtotals = _sections(sheet, rows, words)
    sheet.printed(GROSS if plan.taxes else EXTENDED)
    places.sections = {section: sheet.abroad(row, EXTENDED) for section, row in subtotals.items()}
    last = sheet.row - 1
    net_row = _amount(
        sheet,
        words("book.net"),
        Formula(
            "=" + "+".join(sheet.at(r, EXTENDED) for r in subtotals.values()) if subtotals else "=0",
            plan.totals.capex_without_tax,
        ),
        "total",
    )
    places.net = sheet.abroad(net_row, EXTENDED)
    taxes = []
    for tax in plan.taxes:
        rate = float(tax.percent / 100)
        extended, rates = sheet.span(head + 1, last, EXTENDED), sheet.span(head + 1, last, RATE)
        base = f"=SUMIF({rates},{sheet.at(sheet.row, RATE)},{extended})"
        base_row = _amount(sheet, words("book.taxable"), Formula(base, tax.base), "subtotal", rate)
        formula = f"=ROUND({sheet.at(base_row, EXTENDED)}*{sheet.at(base_row, RATE)},2)"
        taxes.append(_amount(sheet, words("book.tax"), Formula(formula, tax.amount), "subtotal", rate))
    tax_cells = "+".join(sheet.at(r, EXTENDED) for r in taxes)
    total = f"={sheet.at(net_row, EXTENDED)}" + (f"+{tax_cells}" if taxes else "")
    label = words("book.total_with_tax" if taxes else "book.total_no_tax")
    total_row = _amount(sheet, label, Formula(total, plan.totals.capex), "total")
    places.tax = "+".join(sheet.abroad(r, EXTENDED) for r in taxes)
    places.total = sheet.abroad(total_row, EXTENDED)
    sheet.filter(head, last)
    sheet.row += 1
    sheet.note(words("book.rounding"))
    sheet.note(
        words(
            "book.range",
            low=words.money(plan.totals.capex_low, plan.totals.currency),
            high=words.money(plan.totals.capex_high, plan.totals.currency),
        )
    )


def _sections(sheet: Sheet, rows: Sequence[BomRow], words: Wording) -> dict[str, int]:
    """The rows under their section headings with a subtotal each; where each subtotal stands."""
    subtotals: dict[str, int] = {}
    for section in SECTIONS:
        members = [r for r in rows if r.section == section]
        if not members:
            continue
        heading: list[Cell] = [None] * (SOURCE + 1)
        heading[MAKER] = words.term("section", section)
        sheet.add(heading, "section", ["text"] * (SOURCE + 1))
        first = sheet.row
        for row in members:
            _line(sheet, row, words)
        formula = f"=SUM({sheet.span(first, sheet.row - 1, EXTENDED)})"
        amount = sum((r.extended for r in members), Decimal(0))
        label = words("book.subtotal", section=words.term("section", section))
        subtotals[section] = _amount(sheet, label, Formula(formula, amount), "subtotal")
    return subtotals


def _line(sheet: Sheet, row: BomRow, words: Wording) -> None:
    r = sheet.row
    quantity: int | Formula = row.quantity
    if row.per_node is not None and row.nodes is not None and row.per_node * row.nodes == row.quantity:
        quantity = Formula(f"={sheet.at(r, PER_NODE)}*{sheet.at(r, NODES)}", row.quantity)
    extended = Formula(f"=ROUND({sheet.at(r, QUANTITY)}*{sheet.at(r, PRICE)},2)", row.extended)
    tax = Formula(f"=ROUND({sheet.at(r, EXTENDED)}*{sheet.at(r, RATE)},2)", row.tax)
    gross = Formula(f"={sheet.at(r, EXTENDED)}+{sheet.at(r, TAX)}", row.extended + row.tax)
    cells = [
        row.position,
        words.terms.get("maker", {}).get(row.maker, row.maker),
        (row.part_zh if words.language == "zh" else None) or _model(row, words),
        row.part_number,
        _description(row, words),
        used_for(row, words),
        row.per_node,
        row.nodes,
        quantity,
        words.unit(row.measure, row.quantity),
        row.unit_price,
        float(row.tax_percent / 100),
        words.term("basis", row.price_basis),
        row.price_date,
        extended,
        tax,
        gross,
        row.grade,
        _origin(row, words),
        words.phrase(row.source) or row.source,
    ]
    # What a buyer may change carries the input colour: the price, the tax rate and the counts that others follow from.
    counts = {PER_NODE, NODES} if isinstance(quantity, Formula) else {QUANTITY}
    sheet.add(cells, inputs={PRICE, RATE} | counts)


def _model(row: BomRow, words: Wording) -> str:
    """The maker's model; of parts without a maker's name what they are."""
    return words.product(row.part) if row.maker in ANY_MAKER else row.part


def _description(row: BomRow, words: Wording) -> str:
    """In the document's language; notes on software and services are English remarks that the source column has too."""
    text = words.phrase(row.description)
    if text is None and row.section in ("software", "services"):
        return ""
    return row.description if text is None else text


def _origin(row: BomRow, words: Wording) -> str:
    """Where hardware comes from; nobody's statement is "unknown", and services have no origin."""
    if row.origin:
        return words.term("country", row.origin)
    return "–" if row.section in ("software", "services") else words("book.unknown")


def used_for(row: BomRow, words: Wording) -> str:
    """The network, shared equipment or workload that a line belongs to, as people call it."""
    if row.group in words.terms["group"]:
        return words.term("group", row.group)
    return row.pool or row.group


def _amount(sheet: Sheet, label: str, amount: Formula, style: str, rate: float | None = None, at: int = MAKER) -> int:
    """A row with a label and one amount below the table's extended prices; returns its row."""
    cells: list[Cell] = [None] * (GROSS + 1 if at == MAKER else EXTENDED + 1)
    cells[at], cells[RATE], cells[EXTENDED] = label, rate, amount
    kinds = ["text"] * len(cells)
    kinds[at] = "text" if at == MAKER else "label"
    kinds[RATE], kinds[EXTENDED] = "percent", "money"
    return sheet.add(cells, style, kinds)


# -- yearly cost and ownership ---------------------------------------------------------------------------------------
def _tco(sheet: Sheet, plan: Plan, words: Wording, places: Places) -> None:
    totals = plan.totals
    sheet.printed(EXTENDED)
    if plan.yearly:
        head = sheet.head()
        subtotals = _sections(sheet, yearly_rows(plan), words)
        sheet.filter(head, sheet.row - 1)
        sum_of = "=" + "+".join(sheet.at(r, EXTENDED) for r in subtotals.values())
        opex = _amount(sheet, words("book.opex"), Formula(sum_of, totals.opex_per_year), "total", at=LABEL)
    else:
        sheet.note(words("book.no_yearly"))
        opex = _amount(sheet, words("book.opex"), Formula("=0", totals.opex_per_year), "total", at=LABEL)
    places.opex = sheet.abroad(opex, EXTENDED)
    sheet.row += 1
    energy = _energy(sheet, plan, words)
    if energy is not None:
        places.energy = sheet.abroad(energy, EXTENDED)
    if totals.tco is None or energy is None:
        sheet.note(words("book.no_tco"))
        return
    sheet.row += 1
    years = _value(sheet, words("book.years"), totals.tco_years, "count")
    capex = _amount(sheet, words("book.capex"), Formula(f"={places.total}", totals.capex), "subtotal", at=LABEL)
    opex_at, energy_at = sheet.at(opex, EXTENDED), sheet.at(energy, EXTENDED)
    formula = f"={sheet.at(capex, EXTENDED)}+{sheet.at(years, EXTENDED)}*({opex_at}+{energy_at})"
    tco = _amount(sheet, words("book.tco", years=totals.tco_years), Formula(formula, totals.tco), "total", at=LABEL)
    places.tco = sheet.abroad(tco, EXTENDED)
    sheet.row += 1
    _by_year(sheet, plan, words, (capex, opex, energy))
    sheet.note(words("book.tco_rule"))


def _energy(sheet: Sheet, plan: Plan, words: Wording) -> int | None:
    """Energy per year from its factors; as a plain amount when the plan does not carry them."""
    amount, basis = plan.totals.energy_per_year, plan.totals.energy_basis
    if amount is None:
        return None
    if basis is None:
        return _value(sheet, words("book.energy"), amount, "money")
    factors = [
        _value(sheet, words("book.typical_kw"), basis.typical_kw, "power"),
        _value(sheet, words("book.utilisation"), basis.utilisation, "percent"),
        _value(sheet, words("book.pue"), basis.pue, "figure"),
        _value(sheet, words("book.hours"), basis.hours, "count"),
        _value(sheet, words("book.tariff", currency=plan.totals.currency), basis.tariff, "rate"),
    ]
    product = "*".join(sheet.at(r, EXTENDED) for r in factors)
    return _amount(sheet, words("book.energy"), Formula(f"=ROUND({product},2)", amount), "subtotal", at=LABEL)


def _by_year(sheet: Sheet, plan: Plan, words: Wording, rows: tuple[int, int, int]) -> None:
    """Cumulative cost at the end of each year."""
    capex, opex, energy = (sheet.at(r, EXTENDED) for r in rows)
    before, spent = capex, plan.totals.capex
    running = plan.totals.opex_per_year + (plan.totals.energy_per_year or Decimal(0))
    for year in range(1, plan.totals.tco_years + 1):
        spent += running
        label = words("book.by_year", year=year)
        row = _amount(sheet, label, Formula(f"={before}+{opex}+{energy}", spent), "plain", at=LABEL)
        before = sheet.at(row, EXTENDED)


def _value(sheet: Sheet, label: str, value: Decimal | float | int, kind: str) -> int:
    """An input that a buyer may change: shown in the input colour."""
    row = sheet.row
    sheet.put(LABEL, label, "label", "plain")
    sheet.put(EXTENDED, value, kind, "input")
    sheet.row += 1
    return row


# -- summary ---------------------------------------------------------------------------------------------------------
def _summary(sheet: Sheet, plan: Plan, words: Wording, places: Places) -> None:
    totals, code = plan.totals, plan.totals.currency
    rows = bom_rows(plan)

    def add(key: str, cell: Cell, kind: str, note: str = "", **values: object) -> None:
        if cell is not None:
            sheet.add([words(f"summary.{key}", currency=code, **values), cell, note], "body", ["wrap", kind, "wrap"])

    _band(sheet, words("summary.money", currency=code))
    for section, place in places.sections.items():
        amount = sum((r.extended for r in rows if r.section == section), Decimal(0))
        sheet.add([words.term("section", section), Formula(f"={place}", amount), ""])
    add("net", Formula(f"={places.net}", totals.capex_without_tax), "money")
    if places.tax:
        add("tax", Formula(f"={places.tax}", totals.tax), "money")
    note = words("summary.with_tax" if places.tax else "summary.without_tax")
    add("capex", Formula(f"={places.total}", totals.capex), "money", note)
    add("low", totals.capex_low, "money", words("summary.range_note"))
    add("high", totals.capex_high, "money")
    add("opex", Formula(f"={places.opex}", totals.opex_per_year), "money", words("summary.opex_note"))
    if places.energy and totals.energy_per_year is not None:
        add("energy", Formula(f"={places.energy}", totals.energy_per_year), "money")
    if places.tco and totals.tco is not None:
        add("tco", Formula(f"={places.tco}", totals.tco), "money", years=totals.tco_years)
    _band(sheet, words("summary.build"))
    for pool in plan.pools:
        accelerator = plan.names.get(pool.accelerator, pool.accelerator)
        text = words(
            "summary.pool",
            nodes=pool.nodes,
            chassis=plan.names.get(pool.chassis, pool.chassis),
            per_node=pool.accelerators_per_node,
            accelerator=accelerator,
        )
        sheet.add([pool.workload, pool.accelerators, text], "body", ["wrap", "count", "wrap"])
    add("accelerators", totals.accelerators, "count")
    add("nodes", totals.nodes, "count")
    add("racks", totals.racks, "count")
    add("it_power", totals.it_power_kw, "power")
    add("typical_power", totals.typical_power_kw, "power")
    add("facility_power", totals.facility_power_kw, "power")
    add("weight", totals.weight_kg, "weight")
    _band(sheet, words("summary.proof"))
    proof = (
        words("summary.proven") if plan.status == "optimal" else words("summary.gap", gap=f"{plan.objective.gap:.2%}")
    )
    add("objective", words.term("objective", plan.objective.name), "wrap", proof)
    add("rule_date", plan.provenance.rule_date, "text")
    valid = Request.model_validate(plan.request).pricing.valid_days
    until = dt.date.fromisoformat(plan.provenance.rule_date) + dt.timedelta(days=valid)
    add("valid", until.isoformat(), "text", words("summary.valid_note", days=valid))
    add("price_date", plan.provenance.price_date, "text", _grades(plan, words))
    add("questions", len(plan.open_questions), "count", " ".join(question_texts(plan, words)))


def question_texts(plan: Plan, words: Wording) -> list[str]:
    """The open questions in the document's language."""
    chinese = words.language == "zh"
    return [(q.text_zh if chinese else None) or words.phrase(q.text) or q.text for q in plan.open_questions]


def _grades(plan: Plan, words: Wording) -> str:
    counts: dict[str, int] = {}
    for line in plan.lines:
        if line.price is not None:
            counts[line.price.grade] = counts.get(line.price.grade, 0) + 1
    text = ", ".join(f"{grade}: {count}" for grade, count in sorted(counts.items()))
    return words("summary.grades", text=text) if text else ""


def _band(sheet: Sheet, text: str) -> None:
    if sheet.row > 2:
        sheet.row += 1
    sheet.add([text, None, None], "section", ["text", "text", "text"])


__all__ = ["workbook_bytes", "write_workbook"]
