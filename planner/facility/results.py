"""What one check of a plan finds, before it has its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.plan import Plan


@dataclass(frozen=True, slots=True)
class Result:
    """A check before it has its number."""

    status: str
    have: str
    need: str
    text: str
    mend: str | None = None


Test = Callable[[Plan, Catalog], Result]


def named(names: Sequence[str], most: int = 4) -> str:
    """The first few names and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
