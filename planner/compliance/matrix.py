"""Every accelerator against a row of destinations: one verdict per cell, all parties in the destination unless told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.compliance.classify import item_of
from planner.compliance.rules import rules_of
from planner.compliance.screening import Terms, evaluate
from planner.compliance.words import mark

COUNTRIES = ("US", "DE", "NO", "JP", "SG", "MY", "AE", "SA", "IN", "VN", "CN", "HK", "MO", "RU", "IR")


@dataclass(frozen=True)
class Cell:
    """The answer for one accelerator and destination. `mark` is the short text of a table."""

    accelerator: str
    to: str
    verdict: str
    classification: str | None
    review_policy: str | None
    exception: str | None
    codified: str | None
    import_side: str | None
    rules: tuple[str, ...]
    mark: str


def matrix(
    catalog: Catalog,
    on: dt.date,
    countries: Sequence[str] = COUNTRIES,
    accelerators: Sequence[str] = (),
    headquarters: str | None = None,
    parent: str | None = None,
    ship_from: str = "US",
    chinese: bool = False,
) -> list[Cell]:
    """Cells row by row. Without `headquarters` the end user and its parent are in the destination of the column."""
    rules, cells = rules_of(catalog), []
    for part in accelerators or sorted(catalog.accelerators):
        item = item_of(catalog.accelerators[part])
        home = "CN" if item.origin == "CN" and ship_from == Terms.ship_from else ship_from
        for to in countries:
            terms = Terms(to, headquarters or to, parent or headquarters or to, home, on)
            found = evaluate(rules, item, terms)
            text = mark(found.verdict, found.review_policy, chinese)
            if found.exception is not None:
                text = found.exception.code
            if found.codified is not None and found.codified != found.verdict:
                text += "*"
            cells.append(
                Cell(
                    part,
                    to,
                    found.verdict,
                    found.classification,
                    found.review_policy,
                    found.exception.code if found.exception else None,
                    found.codified if found.codified != found.verdict else None,
                    found.import_side,
                    tuple(r.id for r in found.rules),
                    text,
                )
            )
    return cells
