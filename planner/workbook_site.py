"""The workbook's sheets beside the money: racks and power, network, compliance, assumptions and sources."""

from __future__ import annotations

import math
from collections.abc import Iterable

from planner.plan import Assumption, Plan, PlanLine
from planner.proposal_checks import check_count, check_rows, standard_rows
from planner.spreadsheet import Cell, Column, Formula, Sheet
from planner.wording import Wording


def _columns(words: Wording, *columns: tuple[str, str, float]) -> list[Column]:
    return [Column(words(f"column.{key}"), kind, width) for key, kind, width in columns]


# -- racks -----------------------------------------------------------------------------------------------------------
def rack_columns(words: Wording) -> list[Column]:
    return _columns(
        words,
        ("rack", "text", 12),
        ("bottom_unit", "count", 10),
        ("item", "wrap", 34),
        ("label", "wrap", 34),
        ("units", "count", 12),
        ("power_kw", "power", 16),
        ("weight_kg", "weight", 16),
    )


def _sum(values: Iterable[float]) -> float:
    return round(math.fsum(values), 6)


def racks(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """Every device in its rack unit with kW at maximum draw and kg; per rack and site totals as formulas."""
    sheet.head()
    totals: list[int] = []
    for rack in plan.racks:
        first = sheet.row
        for item in sorted(rack.items, key=lambda i: i.bottom_unit):
            name = plan.names.get(item.item, item.item)
            label = words.phrase(item.label) or item.label
            sheet.add([rack.name, item.bottom_unit, name, label, item.units, item.power_kw, item.weight_kg])
        used = sum(i.units for i in rack.items)
        # The sum of the cells above, as any spreadsheet will find it: the plan rounds a rack's own figures.
        values = (used, _sum(i.power_kw for i in rack.items), _sum(i.weight_kg for i in rack.items))
        cells: list[Cell] = [rack.name, None, words("book.rack_total", units=rack.units, used=used), None]
        for column, value in zip((4, 5, 6), values, strict=True):
            cells.append(Formula(f"=SUM({sheet.span(first, sheet.row - 1, column)})" if rack.items else "=0", value))
        totals.append(sheet.add(cells, "subtotal"))
    sums = [
        sum(sum(i.units for i in r.items) for r in plan.racks),
        _sum(i.power_kw for r in plan.racks for i in r.items),
        _sum(i.weight_kg for r in plan.racks for i in r.items),
    ]
    cells = [words("book.all_racks", count=len(plan.racks)), None, None, None]
    for column, total in zip((4, 5, 6), sums, strict=True):
        text = "=" + ("+".join(sheet.at(r, column) for r in totals) or "0")
        # Excel takes at most 8,192 characters in a formula: on very large sites SUMIF over the devices says the same.
        if len(text) > 8000:
            text = f"=SUM({sheet.span(3, sheet.row - 1, column)})/2"
        cells.append(Formula(text, total))
    sheet.add(cells, "total", ["text"] * 4 + ["count", "power", "weight"])
    sheet.row += 1
    sheet.note(
        words(
            "book.power_note",
            it=words.number(plan.totals.it_power_kw),
            typical=words.number(plan.totals.typical_power_kw),
            facility=words.number(plan.totals.facility_power_kw),
        )
    )
    for limit in plan.limits:
        if limit.unit == "kW" and limit.have is not None:
            sheet.note(
                words(
                    "book.limit",
                    name=words.term("limit", limit.name),
                    used=words.number(limit.used),
                    have=words.number(limit.have),
                    unit=limit.unit,
                )
            )


# -- checks ----------------------------------------------------------------------------------------------------------
def check_columns(words: Wording) -> list[Column]:
    return _columns(
        words,
        ("position", "count", 7),
        ("check", "wrap", 24),
        ("result", "text", 10),
        ("have", "wrap", 36),
        ("need", "wrap", 28),
        ("meaning", "wrap", 44),
        ("mend", "wrap", 44),
    )


def checks(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """The numbered checks with their figures and what mends them; below, the standards that nobody verified."""
    sheet.head()
    for row in check_rows(plan, words):
        sheet.add([row[k] for k in ("number", "title", "called", "have", "need", "text", "mend")])
    sheet.row += 1
    sheet.note(check_count(plan, words))
    sheet.note(words("checks.standards"))
    for name, asks in standard_rows(plan, words):
        sheet.note(f"{name}: {asks}")


# -- network ---------------------------------------------------------------------------------------------------------
def network_columns(words: Wording) -> list[Column]:
    return _columns(
        words,
        ("network", "wrap", 18),
        ("technology", "text", 12),
        ("switch", "wrap", 28),
        ("gbps", "count", 9),
        ("topology", "text", 12),
        ("tiers", "count", 7),
        ("leaf", "count", 7),
        ("spine", "count", 7),
        ("core", "count", 7),
        ("endpoints", "count", 11),
        ("oversubscription", "figure", 12),
        ("links_node", "count", 11),
        ("links_leaf_spine", "count", 12),
        ("links_spine_core", "count", 12),
        ("cables", "count", 10),
        ("ports_used", "count", 10),
        ("ports_present", "count", 10),
        ("ports_free", "count", 10),
        ("redundancy", "text", 12),
    )


def network(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """Each network with its switches, links and ports."""
    sheet.head()
    for net in plan.fabrics:
        r = sheet.row
        free = Formula(f"={sheet.at(r, 16)}-{sheet.at(r, 15)}", net.ports_present - net.ports_used)
        cells: list[Cell] = [
            words.term("group", net.name),
            words.term("technology", net.technology),
            plan.names.get(net.switch, net.switch),
            net.gbps,
            words.term("topology", net.topology) + (words("arch.planes", planes=net.planes) if net.planes > 1 else ""),
            net.tiers,
            net.leaf,
            net.spine,
            net.core,
            net.endpoints,
            net.oversubscription,
            net.links_node,
            net.links_leaf_spine,
            net.links_spine_core,
            net.cables,
            net.ports_used,
            net.ports_present,
            free,
            words.term("redundancy", net.redundancy),
        ]
        sheet.add(cells)
    if not plan.fabrics:
        sheet.note(words("book.no_network"))


# -- compliance ------------------------------------------------------------------------------------------------------
def compliance_columns(words: Wording) -> list[Column]:
    return _columns(
        words,
        ("part", "wrap", 28),
        ("planned", "text", 10),
        ("classification", "wrap", 18),
        ("verdict", "wrap", 22),
        ("rules", "wrap", 30),
        ("on", "text", 12),
        ("summary", "wrap", 56),
        ("review_policy", "wrap", 24),
        ("assumed", "wrap", 28),
        ("citations", "text", 60),
    )


def compliance(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """Verdicts for what is planned and for what the rules left out; below, everything else left out and why."""
    sheet.head()
    sheet.printed(8)  # citations are for the screen
    for entry in sorted(plan.compliance, key=lambda e: not e.planned):
        cells: list[Cell] = [
            plan.names.get(entry.part, entry.part),
            words("book.yes" if entry.planned else "book.no"),
            words.term("classification", entry.classification) if entry.classification else words("book.unknown"),
            words.term("verdict", entry.verdict),
            "; ".join(entry.rules),
            entry.on,
            (entry.summary_zh if words.language == "zh" else None) or entry.summary,
            words.term("review_policy", entry.review_policy) if entry.review_policy else None,
            "; ".join(words.phrase(a) or a for a in entry.assumed),
            "; ".join(entry.citations),
        ]
        sheet.add(cells)
    sheet.row += 1
    sheet.note(words("compliance.screening"))
    screened = {entry.part for entry in plan.compliance}
    others = [left for left in plan.left_out if left.part not in screened]
    if others:
        sheet.row += 1
        kinds = ["wrap", "text", "wrap", "wrap", "wrap", "text", "wrap"]
        titles = [words(f"column.{k}") for k in ("part", "rule", "extra_cost")]
        sheet.add([titles[0], titles[1], titles[2], None, None, None, words("column.reason")], "section", kinds)
        kinds[2] = "money"
        for left in others:
            name = plan.names.get(left.part, left.part)
            reason = words.phrase(left.message) or left.message
            rule = words.term("rule", left.rule)
            sheet.add([name, rule, left.extra_cost, None, None, None, reason], "body", kinds)


# -- assumptions and sources -----------------------------------------------------------------------------------------
def source_columns(words: Wording) -> list[Column]:
    return _columns(
        words,
        ("kind", "text", 16),
        ("name", "wrap", 30),
        ("text", "wrap", 80),
        ("source_amount", "money", 16),
        ("source_currency", "text", 10),
        ("tax_basis", "text", 12),
        ("exchange_rate", "rate", 12),
        ("price_date", "text", 11),
        ("grade", "text", 7),
        ("source", "wrap", 50),
    )


def sources(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """Open questions and assumptions first, then where every price comes from, then limits and provenance."""
    sheet.head()
    for question in plan.open_questions:
        _note(sheet, words("book.question"), question, words)
    for note in plan.assumptions:
        _note(sheet, words.term("assumption", note.kind), note, words)
    for line in [*plan.lines, *plan.yearly]:
        if line.price is None:
            sheet.add(
                [words("book.price"), _line_name(line, words), words.phrase(line.rule or "") or line.rule] + [None] * 7
            )
            continue
        price = line.price
        steps = " → ".join(words.phrase(s) or s for s in price.steps)
        if price.includes_support_months:
            steps += " · " + words("book.support_months", months=price.includes_support_months)
        basis = words.term("basis", price.basis)
        text = f"{basis}: {steps}" if steps else basis
        cells: list[Cell] = [
            words("book.price"),
            _line_name(line, words),
            text,
            price.amount,
            price.currency,
            words.term("tax_basis", price.tax_basis),
            price.exchange_rate,
            price.as_of,
            price.grade,
            price.source,
        ]
        sheet.add(cells)
    for limit in plan.limits:
        have = words("book.no_limit") if limit.have is None else f"{words.number(limit.have, 12)} {limit.unit}"
        text = words("book.limit_line", used=f"{words.number(limit.used, 12)} {limit.unit}", have=have)
        if limit.binding:
            text += " · " + words("book.binding")
        sheet.add([words("book.limit_kind"), words.term("limit", limit.name), text] + [None] * 7)
    for name, value in plan.provenance.model_dump(exclude={"seals"}).items():  # seals are for `planner verify`
        sheet.add([words("book.provenance"), words.term("provenance", name), str(value)] + [None] * 7)


def _line_name(line: PlanLine, words: Wording) -> str:
    chinese = line.model_zh if words.language == "zh" else None
    return f"{line.position} {chinese or words.product(f'{line.maker} {line.model}')}"


def _note(sheet: Sheet, kind: str, note: Assumption, words: Wording) -> None:
    text = (note.text_zh if words.language == "zh" else None) or words.phrase(note.text) or note.text
    sheet.add([kind, words.term("key", note.name), text] + [None] * 7)
