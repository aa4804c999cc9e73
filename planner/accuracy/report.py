"""Groups outcomes by family: median and ninth-decile error, share within bands, coverage; and the recorded accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from planner.accuracy.outcome import Outcome
from planner.catalog import Catalog

BANDS = {"training": 0.25, "inference": 0.50}  # nine in ten are to lie within it
RECORD = "measurements/recorded"
SLACK = 0.01  # absolute; how much worse than recorded a median may be before it counts


@dataclass(frozen=True, slots=True)
class Summary:
    """Accuracy of one family. Errors are absolute and relative; a row that could not be predicted is a miss."""

    family: str
    rows: int
    missed: int
    median: float | None
    ninth_decile: float | None
    within: float  # share of all rows whose |error| is inside `band`
    band: float
    covered: float | None  # share of predicted rows inside their 80 % range

    @property
    def predicted(self) -> int:
        return self.rows - self.missed


def summarise(family: str, outcomes: Sequence[Outcome], band: float) -> Summary:
    """Figures of one group. A miss counts as an infinite error in median and decile."""
    errors = sorted(abs(o.error) if o.error is not None else float("inf") for o in outcomes)
    hits = [o.covered for o in outcomes if o.covered is not None]
    return Summary(
        family=family,
        rows=len(outcomes),
        missed=sum(o.error is None for o in outcomes),
        median=_finite(median(errors)) if errors else None,
        ninth_decile=_finite(errors[min(len(errors) - 1, int(0.9 * len(errors)))]) if errors else None,
        within=sum(e <= band for e in errors) / len(errors) if errors else 0.0,
        band=band,
        covered=sum(hits) / len(hits) if hits else None,
    )


def by_family(outcomes: Iterable[Outcome]) -> list[Summary]:
    """One summary per kind of work (its whole), followed by its families in order of name."""
    kinds: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.kind, {}).setdefault(outcome.family, []).append(outcome)
    found = []
    for kind, families in sorted(kinds.items(), reverse=True):
        band = BANDS[kind]
        found.append(summarise(kind, [o for group in families.values() for o in group], band))
        found += [summarise(name, group, band) for name, group in sorted(families.items()) if name != kind]
    return found


def recorded(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """The accuracy that was reached before, by family: rows, missed, median."""
    found: dict[str, dict[str, Any]] = catalog.table(RECORD)["families"]
    return found


def behind(summaries: Iterable[Summary], record: dict[str, dict[str, Any]]) -> list[str]:
    """A sentence for every family that does worse than its record, or that the record has and the rows lack."""
    found = []
    seen = set()
    for s in summaries:
        seen.add(s.family)
        before = record.get(s.family)
        if before is None:
            continue
        if s.missed > int(before["missed"]):
            found.append(f"{s.family}: {s.missed} rows cannot be predicted; recorded: {before['missed']}.")
        if before["median"] is not None and (s.median is None or s.median > float(before["median"]) + SLACK):
            now = "none" if s.median is None else f"{s.median:.1%}"
            found.append(f"{s.family}: median error {now}; recorded: {float(before['median']):.1%}.")
    found += [f"{name}: recorded, but no row is in it any more." for name in record if name not in seen]
    return found


def _finite(value: float) -> float | None:
    return value if value != float("inf") else None
