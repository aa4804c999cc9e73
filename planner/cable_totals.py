"""Cables by length class for workbook and proposal: what runs in each network, and what lies on the shelf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from planner.plan import Plan, PlannedCables
from planner.spreadsheet import Column, Formula, Sheet
from planner.wording import Wording

SHELF = "spares"


@dataclass(frozen=True, slots=True)
class LengthClass:
    """Cables of one length between devices of one kind, with the spares of that part (each told once)."""

    entry: PlannedCables
    spares: int


def length_classes(plan: Plan) -> Iterator[LengthClass]:
    """In the order of the plan; spares of a part stand with the first kind of link that takes it."""
    shelf: Counter[str] = Counter()
    for line in plan.lines:
        if line.group == SHELF:
            shelf[line.part] += line.quantity
    for entry in plan.cabling:
        yield LengthClass(entry, shelf.pop(entry.part, 0))


def link_rows(plan: Plan, words: Wording) -> list[tuple[str, str, str, float, str]]:
    """Network, kind of link, pieces by length, longest run (m) and spares: one row per kind of link."""
    grouped: dict[tuple[str, str], list[LengthClass]] = {}
    for found in length_classes(plan):
        grouped.setdefault((found.entry.network, found.entry.kind), []).append(found)
    return [
        (
            words.term("group", network),
            words.term("link", kind),
            _pieces([(c.entry.quantity, c.entry.length_m) for c in classes], words),
            max(c.entry.longest_m for c in classes),
            _pieces([(c.spares, c.entry.length_m) for c in classes if c.spares], words) or "–",
        )
        for (network, kind), classes in grouped.items()
    ]


def _pieces(counts: list[tuple[int, float]], words: Wording) -> str:
    told = (words("cables.pieces", count=n, metres=f"{metres:g}") for n, metres in counts)
    return words("cables.join").join(piece.replace(" ", "\u00a0") for piece in told)  # no line ends inside a piece


def columns(words: Wording) -> list[Column]:
    """Columns of the workbook's sheet."""
    kinds = (
        ("network", "wrap", 18),
        ("link", "wrap", 26),
        ("item", "wrap", 44),
        ("length_m", "figure", 12),
        ("pieces", "count", 12),
        ("metres", "figure", 12),
        ("longest_m", "figure", 14),
        ("spare_pieces", "count", 12),
    )
    return [Column(words(f"column.{key}"), kind, width) for key, kind, width in kinds]


def fill(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """One row per length class with its metres as a formula; the sums below."""
    sheet.head()
    first, found = sheet.row, list(length_classes(plan))
    for c in found:
        entry, r = c.entry, sheet.row
        metres = Formula(f"={sheet.at(r, 3)}*{sheet.at(r, 4)}", round(entry.length_m * entry.quantity, 1))
        name = words.product(plan.names.get(entry.part, entry.part))
        network, link = words.term("group", entry.network), words.term("link", entry.kind)
        sheet.add([network, link, name, entry.length_m, entry.quantity, metres, entry.longest_m, c.spares or None])
    if found:
        last = sheet.row - 1
        pieces = Formula(f"=SUM({sheet.span(first, last, 4)})", sum(c.entry.quantity for c in found))
        total_m = sum(round(c.entry.length_m * c.entry.quantity, 1) for c in found)
        spares = Formula(f"=SUM({sheet.span(first, last, 7)})", sum(c.spares for c in found))
        length = Formula(f"=SUM({sheet.span(first, last, 5)})", round(total_m, 1))
        sheet.add([words("cables.total"), None, None, None, pieces, length, None, spares], "subtotal")


__all__ = ["columns", "fill", "length_classes", "link_rows"]
