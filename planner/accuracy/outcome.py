"""One measurement held against its prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was predicted for one measured row, or the reason why it could not be.

    `predicted`, `measured`, `low` and `high` are in `unit`, the figure that is compared: the first that the row has of
    tokens/s, samples/s, iteration time, TFLOPS per accelerator, wall clock, share of peak. `low` to `high` is the 80 %
    range of the predicted figure. `error` is predicted ÷ measured − 1 on throughput; times are inverted first, so a
    positive error always means that the prediction is too fast. `family` is the group of the report, e.g.
    `training a100 16-bit dense`.
    """

    id: str
    kind: Literal["training", "inference"]
    family: str
    unit: str | None = None
    predicted: float | None = None
    measured: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    source: str | None = None

    @property
    def covered(self) -> bool | None:
        """Whether the measurement lies in the stated range; None where nothing was predicted."""
        if self.measured is None or self.low is None or self.high is None:
            return None
        return self.low <= self.measured <= self.high

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "family": self.family,
            "unit": self.unit,
            "predicted": self.predicted,
            "measured": self.measured,
            "error": self.error,
            "low": self.low,
            "high": self.high,
            "reason": self.reason,
        }


def compared(
    case: str,
    kind: Literal["training", "inference"],
    family: str,
    unit: str,
    rate: tuple[float, float, float],
    measured: float,
    *,
    time: bool,
    source: str | None = None,
) -> Outcome:
    """An Outcome from a prediction (low, typical, high) in the unit measured.

    `time` says that the unit is a time: the error is inverted. `rate` is in the unit either way, low ≤ typical ≤ high.
    """
    low, typical, high = rate
    error = measured / typical - 1.0 if time else typical / measured - 1.0
    return Outcome(case, kind, family, unit, typical, measured, error, low, high, None, source)


def unpredicted(
    case: str, kind: Literal["training", "inference"], family: str, reason: str, source: str | None = None
) -> Outcome:
    """An Outcome that counts as a miss, with its reason."""
    return Outcome(case, kind, family, reason=reason, source=source)
