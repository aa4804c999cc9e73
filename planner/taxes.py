"""Tax by what a line is: goods, services or works, at the rates of the country that is delivered to.

`budget.vat_percent` is the rate on goods; services and works follow the country's own lower rates where it has them
(China: 13, 6 and 9 %). Without vat_percent nothing is counted and the country's rates stand beside the prices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from planner.parts import Part, Software
from planner.units import half_up

TaxClass = Literal["goods", "services", "works"]
CLASSES: tuple[TaxClass, ...] = ("goods", "services", "works")


def tax_class(part: Part | None) -> TaxClass:
    """What a part is for the tax office: services are lines of the section services, everything else is goods."""
    return "services" if isinstance(part, Software) and part.section == "services" else "goods"


@dataclass(frozen=True, slots=True)
class Taxes:
    """Rates in percent by class: `counted` in the capital, `country` as the destination has them (None: not known).

    With one counted rate the program counts cents without tax (`scale` 1). With several, a cent of a class weighs
    (100 + rate) in whole numbers, `scale` of them to a cent with tax, so that the program stays exact.
    """

    counted: Mapping[TaxClass, Decimal]
    country: Mapping[TaxClass, Decimal | None]

    @staticmethod
    def of(vat_percent: Decimal | None, row: Mapping[str, Any] | None) -> Taxes:
        """`row` is the country's line of `rates/vat`."""
        own: dict[TaxClass, Decimal | None] = {}
        for name in CLASSES:
            rate = None if row is None else row.get(name, row["percent"])
            own[name] = None if rate is None else Decimal(str(rate))
        goods = vat_percent or Decimal(0)
        counted = dict.fromkeys(CLASSES, goods)
        for name in CLASSES[1:]:
            if row is not None and name in row:
                counted[name] = min(goods, Decimal(str(row[name])))
        return Taxes(counted, own)

    @property
    def several(self) -> bool:
        """Whether lines of one plan may be taxed at different rates."""
        return len(set(self.counted.values())) > 1

    @property
    def scale(self) -> int:
        """Weighted units to a cent with tax; 1 where cents without tax are counted."""
        return math.lcm(*(_factor(rate).denominator for rate in self.counted.values())) if self.several else 1

    def weight(self, part: Part | None) -> int:
        """Weighted units of one cent of a part's price without tax."""
        return int(_factor(self.counted[tax_class(part)]) * self.scale) if self.several else 1

    def cap(self, cents: int) -> int:
        """The most of the program's unit under a cap in cents with tax; rounding of each rate is checked afterwards."""
        if self.several:
            return cents * self.scale + self.scale * len(set(self.counted.values())) // 2
        rate = self.counted["goods"]
        base = int(Decimal(cents) / (1 + rate / 100)) + 2
        while base + half_up(Decimal(base) * rate / 100) > cents:
            base -= 1
        return base

    @property
    def per_unit(self) -> Decimal:
        """Currency with tax per unit of the program: what a number of the program means to people."""
        if self.several:
            return Decimal(1) / (100 * self.scale)
        return (1 + self.counted["goods"] / 100) / 100


def _factor(rate: Decimal) -> Fraction:
    return 1 + Fraction(rate) / 100
