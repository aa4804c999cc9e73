"""Units, money and figures.

Memory is in GB (10^9 bytes, as on datasheets); TFLOPS are dense; power in kW or W as the name says.
Money is whole cents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

# Design convention: energy is typical draw × this utilisation × annual PUE × hours of a year.
UTILISATION = Decimal("0.8")
HOURS_PER_YEAR = 8760
SECONDS_PER_DAY = 86400


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in whole cents of one currency. Amounts of different currencies never meet."""

    cents: int
    currency: str

    @staticmethod
    def of(amount: Decimal | int | str, currency: str) -> Money:
        """Round a decimal amount half up to whole cents."""
        return Money(half_up(Decimal(amount) * 100), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in units of the currency, exactly two decimals."""
        return (Decimal(self.cents) / 100).quantize(Decimal("0.01"))

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.cents + other.cents, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.cents - other.cents, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.cents * times, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency} unconverted")

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.2f}"


def readable(value: float) -> str:
    """Six figures that mean something, digits grouped, never in powers of ten: 43,832,771; 44.908; 0.00012."""
    if not value:
        return "0"
    places = max(0, 5 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def half_up(value: Decimal) -> int:
    """Nearest whole number, halves away from zero: the one rounding rule for money."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def tax_cents(base_cents: int, rate_percent: Decimal) -> int:
    """Tax on a subtotal, rounded once, half up, to whole cents."""
    return half_up(Decimal(base_cents) * rate_percent / 100)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its range, unit, source and date. `estimate` is the basis when nobody published the number."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    source: str | None = None
    date: str | None = None
    estimate: str | None = None
