"""Groups outcomes by family: median and ninth-decile error, share within bands, coverage of the stated range."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from planner.accuracy.outcome import Outcome

BANDS = {"training": (0.25, 0.08), "inference": (0.50, 0.20)}  # wide band, goal of the median


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
        band = BANDS[kind][0]
        found.append(summarise(kind, [o for group in families.values() for o in group], band))
        found += [summarise(name, group, band) for name, group in sorted(families.items()) if name != kind]
    return found


def _finite(value: float) -> float | None:
    return value if value != float("inf") else None
