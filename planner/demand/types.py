"""What the demand package returns: the target of a workload, a rate with its range, and one replica of a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Sizing = Literal["low", "typical"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a workload asks for. `value` is None when it is to be maximised; rates come in the same `unit`."""

    value: float | None
    unit: str  # tokens_per_s | samples_per_s | requests_per_s | pflops | accelerators
    quantity: str  # in words, e.g. "training throughput"


@dataclass(frozen=True, slots=True)
class Rate:
    """A predicted rate with its 80 % range.

    `planning` is what nodes are counted with: the low end, or `value` when sizing is typical. `unproven` marks pairs of
    accelerator, precision and scale that no measurement stands behind; their range is wider.
    """

    planning: float
    value: float
    low: float
    high: float
    unit: str
    quantity: str
    limiting_factor: str
    layout: dict[str, Any] = field(default_factory=dict)
    unproven: bool = False
    basis: str = ""
    details: dict[str, float | str | None] = field(default_factory=dict)
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """One instance of a service: it takes `cards` of one node, `nodes` whole nodes, or one of `slices` of a card."""

    rate: Rate
    precision: str
    cards: int | None = None
    nodes: int | None = None
    slices: int = 0  # equal parts of a card (MIG), of which it takes one

    def accelerators(self, cards_per_node: int) -> int:
        """Accelerators that one replica occupies."""
        return self.cards if self.cards is not None else (self.nodes or 0) * cards_per_node


def make_rate(
    value: float,
    low: float,
    high: float,
    sizing: Sizing,
    *,
    unit: str,
    quantity: str,
    limiting_factor: str,
    layout: dict[str, Any] | None = None,
    unproven: bool = False,
    basis: str = "",
    details: dict[str, float | str | None] | None = None,
    precision: str | None = None,
) -> Rate:
    """A Rate whose planning value follows `sizing` and whose range always encloses the value."""
    low, high = min(low, value), max(high, value)
    return Rate(
        planning=low if sizing == "low" else value,
        value=value,
        low=low,
        high=high,
        unit=unit,
        quantity=quantity,
        limiting_factor=limiting_factor,
        layout=layout or {},
        unproven=unproven,
        basis=basis,
        details=details or {},
        precision=precision,
    )
