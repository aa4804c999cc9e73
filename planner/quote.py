"""What the customer pays: prices by section with the margin, tax on top, ownership cost. Unit cost stays inside.

Sell price of a section = its cost × (1 + margin ÷ 100), rounded half up to cents once; the total is their sum; tax is
computed per rate on the sum of that rate. Energy and space are the customer's own cost and carry no margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.bom import SECTIONS
from planner.parts import Section
from planner.plan import Plan, PlanLine, TaxLine
from planner.units import Money, half_up, tax_cents


@dataclass(frozen=True, slots=True)
class SectionPrice:
    """One section at its sell price without tax; `lines` is how many lines it has."""

    section: Section
    amount: Decimal
    lines: int


@dataclass(frozen=True, slots=True)
class CostPart:
    """A part of the cost of ownership: paid once, and per year."""

    kind: str  # purchase | support | energy | space
    once: Decimal
    per_year: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """All amounts in `currency`. `total` includes tax when there is any; low and high are its range."""

    currency: str
    sections: tuple[SectionPrice, ...]
    net: Decimal
    taxes: tuple[TaxLine, ...]
    total: Decimal
    low: Decimal
    high: Decimal
    yearly: tuple[SectionPrice, ...]
    parts: tuple[CostPart, ...]
    tco: Decimal | None
    years: int

    @property
    def taxed(self) -> bool:
        return bool(self.taxes)


def quote(plan: Plan, margin_percent: Decimal) -> Quote:
    """The sell prices of a plan with a margin in percent of cost."""
    sections, by_rate = _priced(plan.lines, margin_percent)
    yearly, _ = _priced(plan.yearly, margin_percent)
    net = sum((s.amount for s in sections), Decimal(0))
    taxes = tuple(
        TaxLine(percent=rate, base=base, amount=_cents(tax_cents(half_up(base * 100), rate)))
        for rate, base in sorted(by_rate.items())
        if rate
    )
    total = net + sum((t.amount for t in taxes), Decimal(0))
    parts = _parts(plan, total, yearly)
    running = sum((p.per_year for p in parts), Decimal(0))
    known = plan.totals.energy_per_year is not None
    return Quote(
        currency=plan.totals.currency,
        sections=sections,
        net=net,
        taxes=taxes,
        total=total,
        low=_sell(plan.totals.capex_low, margin_percent),
        high=_sell(plan.totals.capex_high, margin_percent),
        yearly=yearly,
        parts=parts,
        tco=total + plan.totals.tco_years * running if known else None,
        years=plan.totals.tco_years,
    )


def _parts(plan: Plan, total: Decimal, yearly: Sequence[SectionPrice]) -> tuple[CostPart, ...]:
    """Purchase, support and subscriptions, energy, space; only those that cost something."""
    space = sum((ln.extended for ln in plan.yearly if ln.section == "facility"), Decimal(0))
    support = sum((s.amount for s in yearly if s.section != "facility"), Decimal(0))
    found = [
        CostPart("purchase", total, Decimal(0)),
        CostPart("support", Decimal(0), support),
        CostPart("energy", Decimal(0), plan.totals.energy_per_year or Decimal(0)),
        CostPart("space", Decimal(0), space),
    ]
    return tuple(p for p in found if p.once or p.per_year)


def _priced(
    lines: Sequence[PlanLine], margin_percent: Decimal
) -> tuple[tuple[SectionPrice, ...], dict[Decimal, Decimal]]:
    """Sell price per section, and the sum per tax rate; where a section has several rates each is rounded."""
    found: list[SectionPrice] = []
    by_rate: dict[Decimal, Decimal] = {}
    for section in SECTIONS:
        members = [ln for ln in lines if ln.section == section]
        amount = Decimal(0)
        for rate in sorted({ln.tax_percent for ln in members}):
            cost = sum((ln.extended for ln in members if ln.tax_percent == rate), Decimal(0))
            sell = _sell(cost, margin_percent)
            by_rate[rate] = by_rate.get(rate, Decimal(0)) + sell
            amount += sell
        if members:
            found.append(SectionPrice(section, amount, len(members)))
    return tuple(found), by_rate


def _sell(cost: Decimal, margin_percent: Decimal) -> Decimal:
    return _cents(half_up(cost * (100 + margin_percent)))


def _cents(cents: int) -> Decimal:
    return Money(cents, "").amount
