"""The export worksheet of a plan and the questionnaire for the customer, as rows for the workbook and the proposal.

Per line that is bought: export entry where its kind has one, class, verdict, rules, citation, the data used, origin,
and what has to be asked. The questionnaire shows what the request already states; the rest is for the customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.plan import Plan
from planner.spreadsheet import Cell, Column, Sheet
from planner.wording import Wording

QUESTIONS = (
    "legal_name",
    "destination",
    "ship_from",
    "headquarters",
    "parent",
    "ownership",
    "end_use",
    "military",
    "cloud",
    "resale",
    "us_exposure",
    "funding",
    "import_approval",
    "authorisation",
    "vendor_eccn",
    "delivery",
    "readiness",
)
BLANK = "____________________"
REQUIRED = ("legal_name", "destination", "headquarters", "parent", "end_use", "military", "delivery")


@dataclass(frozen=True)
class WorksheetRow:
    """A line of the plan with what the screening says about it, in the document's words."""

    position: str
    part: str
    supply: str
    eccn: str
    hs6: str
    classification: str
    verdict: str
    rules: str
    citation: str
    data: str
    asks: str


@dataclass(frozen=True)
class Question:
    """A question to the customer, why it is asked, what the request states, and whether it must be answered."""

    number: int
    ask: str
    why: str
    stated: str
    required: bool


def worksheet_rows(plan: Plan, words: Wording) -> list[WorksheetRow]:
    """One row per line that is goods or software, in the order of the plan."""
    chinese = words.language == "zh"
    screened = {row.part: row for row in plan.screening}
    join = "；" if chinese else "; "
    rows = []
    for line in (*plan.lines, *plan.yearly):
        row = screened.get(line.part)
        if row is None:
            continue
        rows.append(
            WorksheetRow(
                position=line.position,
                part=words.product(plan.names.get(line.part, f"{line.maker} {line.model}")),
                supply=words(f"export.supply.{line.supply}"),
                eccn=(row.eccn_zh if chinese else row.eccn) or words("export.maker_states"),
                hs6=", ".join(f"{code[:4]}.{code[4:]}" for code in row.hs6),
                classification=row.classification or words("export.no_class"),
                verdict=words.term("verdict", row.verdict),
                rules=words("list").join(row.rules),
                citation=row.citation_zh if chinese else row.citation,
                data=join.join(row.data_zh if chinese else row.data),
                asks=join.join(row.asks_zh if chinese else row.asks),
            )
        )
    return rows


def questionnaire(plan: Plan, words: Wording) -> list[Question]:
    """The questions to the customer, with what the request already says."""
    stated = _stated(plan.request, words)
    return [
        Question(
            number,
            words(f"export.ask.{key}"),
            words(f"export.why.{key}"),
            stated.get(key) or "",
            key in REQUIRED,
        )
        for number, key in enumerate(QUESTIONS, 1)
    ]


def _stated(request: Mapping[str, Any], words: Wording) -> dict[str, str | None]:
    customer, terms = request["customer"], request.get("compliance", {})

    def country(code: str | None) -> str | None:
        return None if code is None else f"{words.term('country', code)} ({code})"

    funding = customer.get("funding")
    approval = terms.get("import_approval")
    return {
        "legal_name": customer.get("name"),
        "destination": country(request["site"]["country"]),
        "ship_from": country(terms.get("ship_from")),
        "headquarters": country(customer.get("headquarters")),
        "parent": country(customer.get("ultimate_parent")),
        "end_use": terms.get("end_use"),
        "funding": words(f"export.funding.{'private' if funding == 'private' else 'state'}") if funding else None,
        "import_approval": words(f"export.approval.{approval}") if approval else None,
        "delivery": terms.get("date"),
    }


def share_sentence(plan: Plan, words: Wording, amounts: bool = False) -> str:
    """The domestic share of the capital lines whose origin is known; empty where nothing is known.

    `amounts` are costs: for the workbook only, never for the customer.
    """
    shares = plan.origins
    if shares is None or shares.share is None:
        return ""
    country, share = words.term("country", shares.country), f"{shares.share:.1%}"
    if not amounts:
        return words("export.share_only", country=country, share=share)
    return words(
        "export.share",
        country=country,
        share=share,
        domestic=words.money(shares.domestic, plan.totals.currency),
        imported=words.money(shares.imported, plan.totals.currency),
        unknown=words.money(shares.unknown, plan.totals.currency),
    )


# -- workbook ----------------------------------------------------------------------------------------------------------
def worksheet_columns(words: Wording) -> list[Column]:
    kinds = (
        ("position", "text", 9),
        ("part", "wrap", 30),
        ("supply", "text", 12),
        ("eccn", "wrap", 24),
        ("hs6", "wrap", 14),
        ("classification", "wrap", 14),
        ("verdict", "wrap", 22),
        ("rules", "wrap", 18),
        ("citation", "wrap", 40),
        ("data", "wrap", 44),
        ("asks", "wrap", 50),
    )
    return [Column(words(f"export.column.{key}"), kind, width) for key, kind, width in kinds]


def worksheet(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """The export worksheet, then the domestic share and what it is not."""
    sheet.head()
    for row in worksheet_rows(plan, words):
        cells: list[Cell] = [
            row.position,
            row.part,
            row.supply,
            row.eccn,
            row.hs6,
            row.classification,
            row.verdict,
            row.rules,
            row.citation,
            row.data,
            row.asks,
        ]
        sheet.add(cells)
    sheet.row += 1
    share = share_sentence(plan, words, amounts=True)
    if share:
        sheet.note(share)
    sheet.note(words("export.entry_note"))
    sheet.note(words("compliance.screening"))


def questionnaire_columns(words: Wording) -> list[Column]:
    kinds = (
        ("number", "count", 6),
        ("ask", "wrap", 60),
        ("why", "wrap", 44),
        ("required", "text", 10),
        ("answer", "wrap", 60),
    )
    return [Column(words(f"export.column.{key}"), kind, width) for key, kind, width in kinds]


def questionnaire_sheet(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """The questionnaire: what the request states stands there to be confirmed, the rest is a line to fill in."""
    sheet.head()
    for question in questionnaire(plan, words):
        needed = words("book.yes" if question.required else "book.no")
        cells: list[Cell] = [question.number, question.ask, question.why, needed, question.stated or BLANK]
        sheet.add(cells)
    sheet.row += 1
    sheet.note(words("export.signature"))
    sheet.note(words("compliance.screening"))
