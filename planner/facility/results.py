"""What one check of a plan finds, before it has its number and its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from planner.catalog import Catalog
from planner.plan import Figures, Plan

MOST_ITEMS = 4  # offenders that a result names; `count` says how many there are


@dataclass(frozen=True, slots=True)
class Result:
    """A check before it has its number. `case` picks its words; `figures` and `items` fill them."""

    status: str  # PASS | WARN | FAIL
    case: str
    figures: Figures = field(default_factory=dict)
    items: tuple[Figures, ...] = ()


Test = Callable[[Plan, Catalog], Result]


def offending(status: str, case: str, figures: Figures, found: Sequence[Figures]) -> Result:
    """A result that names the first few offenders and counts all."""
    return Result(status, case, {**figures, "count": len(found)}, tuple(found[:MOST_ITEMS]))


def called(names: Iterable[str]) -> list[Figures]:
    """Offenders of which nothing but the name is told."""
    return [{"name": n} for n in names]
