"""What a part costs landed at the site: one dated price per part, carried through tax, exchange, freight and duty.

The chain, each step written into `LinePrice.steps`:

    source price -> net of included tax -> discount -> budget's currency (via USD) -> freight and insurance
    -> import duty -> cents

All arithmetic is Decimal; the only rounding is the last step, half up to whole cents. Rates are tables of
`catalogs/rates`: exchange (units of a currency per USD), freight, duty, vat, electricity. Tax of the buyer is not part
of a landed price; it is computed per rate on subtotals (`planner.units.tax_cents`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from planner.catalog import KINDS, Catalog
from planner.errors import CatalogError, InputError, Mistake, Rejection
from planner.parts import (
    Accelerator,
    Baseboard,
    Chassis,
    CoolingUnit,
    Dimm,
    Drive,
    Part,
    Pdu,
    Price,
    Rack,
    Software,
    StorageSystem,
    Switch,
)
from planner.plan import LinePrice
from planner.request import Request
from planner.taxes import Taxes
from planner.units import Money, half_up

Level = Literal["low", "typical", "high"]
LEVELS: tuple[Level, ...] = ("low", "typical", "high")
GRADES = {"A": 3, "B": 2, "C": 1, "M": 0}
STALE_DAYS = 90
SWITCH_CLASS_GBPS = 100  # port speed from which switches are priced by their capacity
LOW_ENDURANCE = 0.7  # drive writes per day below which a drive is priced as a read-intensive one


@dataclass(frozen=True, slots=True)
class LandedPrice:
    """A unit price in whole cents of the budget's currency, without tax; `low` and `high` are its range.

    `line_price` says where it comes from. It is None where nothing is paid, and `rule` then says why.
    """

    cents: int
    low: int
    high: int
    currency: str
    line_price: LinePrice | None
    rule: str | None = None

    @property
    def money(self) -> Money:
        return Money(self.cents, self.currency)


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """Units of a currency per USD, with where and when they were read; `given` by the request."""

    currency: str
    per_usd: Decimal
    as_of: str | None
    source: str
    given: bool


class Exchange:
    """Exchange rates of a request: `budget.exchange_rates` first, else the catalog's table. Crosses via USD."""

    def __init__(self, catalog: Catalog, request: Request) -> None:
        self._table: dict[str, Any] = catalog.table("rates/exchange")
        self._given = request.budget.exchange_rates

    def rate(self, currency: str) -> ExchangeRate | None:
        """The rate of a currency, or None when neither the request nor the catalog has one."""
        if currency in self._given:
            return ExchangeRate(currency, self._given[currency], None, "budget.exchange_rates", True)
        row = self._table["rates"].get(currency)
        if row is None:
            return None
        source = self._table["source"] if row["source"] == "parity" else row["source"]
        return ExchangeRate(currency, _decimal(row["per_usd"]), str(row["as_of"]), str(source), False)

    def factor(self, source: str, target: str) -> Decimal:
        """Units of `target` per unit of `source`; InputError names a currency without a rate."""
        if source == target:
            return Decimal(1)
        rates = [self.rate(source), self.rate(target)]
        for rate, currency in zip(rates, (source, target), strict=True):
            if rate is None:
                raise InputError([Mistake("budget.currency", None, None, unknown_currency(currency))])
        first, second = rates
        assert first is not None and second is not None
        return second.per_usd / first.per_usd


def unknown_currency(currency: str) -> str:
    """The sentence for a currency without a rate: what is missing and where to give it."""
    return (
        f"no exchange rate is known for {currency}. "
        f"Give budget.exchange_rates: {{{currency}: <units of {currency} per USD>}}."
    )


class PriceBook:
    """The one price of every part, landed at the site of a request. Answers are remembered.

    One price per part: a valid quote, else the best grade (A, B, C, M), else the newest; of equals the later row, so
    an overlay wins. `on` is the date on which quotes must still be valid; without it, `compliance.date`, and without
    either every quote counts.
    """

    def __init__(self, catalog: Catalog, request: Request, on: dt.date | None = None) -> None:
        self.catalog, self.request = catalog, request
        self.currency = request.budget.currency
        self.on = on or request.compliance.date
        self.exchange = Exchange(catalog, request)
        self.exchange.factor("USD", self.currency)  # an unknown currency is an error of the request, shown at once
        self._duty: dict[str, Any] = catalog.table("rates/duty")
        self._freight: dict[str, Any] = catalog.table("rates/freight")
        self._estimates = request.budget.price_missing == "estimate"
        self._landed: dict[tuple[str, int], LandedPrice | Rejection] = {}

    @cached_property
    def taxes(self) -> Taxes:
        """Tax by what a line is: counted by the request, and the country's own."""
        rates = self.catalog.table("rates/vat")["rates"]
        return Taxes.of(self.request.budget.vat_percent, rates.get(self.request.site.country))

    # -- the source price ----------------------------------------------------------------------------------------
    def price(self, part: str, quantity: int = 1) -> Price | None:
        """The row that counts for an order of `quantity` pieces, or None."""
        ranked = self._ranked(part, quantity)
        return ranked[0] if ranked else None

    def history(self, part: str) -> tuple[Price, ...]:
        """The rows of a part that do not count, best first."""
        chosen = self.price(part)
        return tuple(row for row in self._ranked(part, None) if row is not chosen)

    def _ranked(self, part: str, quantity: int | None) -> list[Price]:
        rows = self.catalog.prices.get(part, ())
        numbered = [(k, row) for k, row in enumerate(rows) if quantity is None or row.min_quantity <= quantity]
        numbered.sort(key=lambda pair: (*self._rank(pair[1]), pair[0]), reverse=True)
        return [row for _, row in numbered]

    def _rank(self, row: Price) -> tuple[bool, int, str, int]:
        expired = self.on is not None and row.valid_until is not None and row.valid_until < self.on
        return (row.basis == "quote" and not expired, GRADES[row.grade], row.as_of, row.min_quantity)

    # -- the landed price ----------------------------------------------------------------------------------------
    def landed(self, part_id: str, quantity: int = 1) -> LandedPrice | Rejection:
        """Landed unit price of a part for an order of `quantity` pieces, or Rejection `no-price`."""
        key = (part_id, quantity)
        if key not in self._landed:
            self._landed[key] = self._find(part_id, quantity)
        return self._landed[key]

    def _find(self, part_id: str, quantity: int) -> LandedPrice | Rejection:
        part = self.catalog.parts.get(part_id)
        if isinstance(part, Software) and part.free:
            why = part.notes or "no charge"
            return LandedPrice(0, 0, 0, self.currency, None, f"free of charge: {why}")
        if isinstance(part, Software) and part.per == "percent-of-hardware":
            message = f"{part_id}: has no price of its own, it is {part.percent} % of the hardware."
            return Rejection(part_id, "percent-of-hardware", message)
        row = self.price(part_id, quantity)
        if row is None and self._estimates and part is not None:
            row = class_price(self.catalog, part)
        if row is None:
            need = "a dated price row" + ("" if self._estimates else ", or budget.price_missing: estimate")
            return Rejection(part_id, "no-price", f"{part_id}: the catalog has no price for it.", None, need)
        if self.exchange.rate(row.currency) is None and row.currency != self.currency:
            message = f"{part_id}: priced in {row.currency}, but {unknown_currency(row.currency)}"
            return Rejection(part_id, "no-price", message, row.currency, self.currency)
        return self._land(row, part)

    def _land(self, row: Price, part: Part | None) -> LandedPrice:
        """Carry one row through the chain at all three levels; steps are written for the level of the request."""
        level = self.request.budget.price_level
        amounts = {name: self._chain(row, part, name) for name in LEVELS}
        cents = {name: half_up(amount * 100) for name, (amount, _) in amounts.items()}
        steps = [*amounts[level][1], f"rounded half up to {Money(cents[level], self.currency)}"]
        same = row.currency == self.currency
        line_price = LinePrice(
            basis=row.basis,
            grade=row.grade,
            source=row.source,
            as_of=row.as_of,
            currency=row.currency,
            amount=_at(row, level),
            tax_basis=row.tax_basis,
            exchange_rate=None if same else self.exchange.factor(row.currency, self.currency),
            **self._percents(row, part, level),
            steps=tuple(steps),
            includes_support_months=row.includes_support_months,
        )
        return LandedPrice(cents[level], cents["low"], cents["high"], self.currency, line_price)

    def _chain(self, row: Price, part: Part | None, level: Level) -> tuple[Decimal, list[str]]:
        """The unrounded landed amount in the budget's currency and the words for each step."""
        amount = _at(row, level)
        steps = [f"{level} price {row.currency} {_text(amount)} ({row.basis}, grade {row.grade}, {row.as_of})"]
        if row.tax_basis == "included":
            percent = row.tax_percent
            if percent is None:
                raise CatalogError(f"{row.part}: its price of {row.as_of} includes tax but does not say which percent")
            amount = amount / (1 + percent / 100)
            steps.append(f"net of the {percent:f} % tax inside: {row.currency} {_text(amount)}")
        elif row.tax_basis == "unknown":
            steps.append("the source does not say whether tax is inside: taken as excluded")
        discount = self.discount(row, part)
        if discount is not None:
            percent, whose = discount
            amount = amount * (1 - percent / 100)
            steps.append(f"less {percent:f} % discount ({whose}): {row.currency} {_text(amount)}")
        if row.currency != self.currency:
            amount, step = self._exchanged(amount, row.currency)
            steps.append(step)
        if isinstance(part, Software):
            return amount, steps  # nothing is shipped
        origin = self._dispatched_from(part)
        site = self.request.site.country
        domestic = origin == site
        freight = _decimal(self._freight["domestic" if domestic else "international"][level])
        amount = amount * (1 + freight / 100)
        way = f"within {site}" if domestic else f"{origin} to {site}"
        steps.append(f"freight and insurance {way} {freight:f} %: {self.currency} {_text(amount)}")
        if not domestic:
            duty, why = self._duty_percent(part)
            amount = amount * (1 + duty / 100)
            steps.append(f"import duty of {site} {duty:f} % ({why}): {self.currency} {_text(amount)}")
        return amount, steps

    def _percents(self, row: Price, part: Part | None, level: Level) -> dict[str, Decimal | None]:
        """The factors of the chain in percent; None where a step does not apply."""
        discount = self.discount(row, part)
        found: dict[str, Decimal | None] = {
            "tax_inside_percent": row.tax_percent if row.tax_basis == "included" else None,
            "discount_percent": None if discount is None else discount[0],
        }
        if isinstance(part, Software):
            return found
        domestic = self._dispatched_from(part) == self.request.site.country
        found["freight_percent"] = _decimal(self._freight["domestic" if domestic else "international"][level])
        found["duty_percent"] = None if domestic else self._duty_percent(part)[0]
        return found

    def discount(self, row: Price, part: Part | None) -> tuple[Decimal, str] | None:
        """The buyer's discount on a price in percent and whose it is: the maker's, else the kind's; None: none."""
        terms = self.request.budget.discounts
        if terms is None or part is None or row.basis not in terms.on:
            return None
        for maker, percent in terms.makers.items():
            if maker.strip().lower() == part.vendor.lower():
                return percent, f"maker {part.vendor}"
        kind = next((k for k, model in KINDS.items() if type(part) is model), "")
        for category, percent in terms.categories.items():
            if category == kind:
                return percent, f"category {category}"
        return None

    def _exchanged(self, amount: Decimal, currency: str) -> tuple[Decimal, str]:
        """An amount in the budget's currency, crossed via USD, and the words for it."""
        factor = self.exchange.factor(currency, self.currency)
        used = [r for r in map(self.exchange.rate, (currency, self.currency)) if r is not None and r.currency != "USD"]
        rates = ", ".join(f"1 USD = {r.per_usd:f} {r.currency} ({r.as_of or r.source})" for r in used)
        return amount * factor, f"exchanged at {rates}: {self.currency} {_text(amount * factor)}"

    def _dispatched_from(self, part: Part | None) -> str:
        """Country of dispatch: cabinets are bought locally, parts of Chinese makers leave China, others `ship_from`."""
        if isinstance(part, Rack | Pdu | CoolingUnit):
            return self.request.site.country
        return "CN" if part is not None and part.origin == "CN" else self.request.compliance.ship_from

    def _duty_percent(self, part: Part | None) -> tuple[Decimal, str]:
        """Duty in percent of the price with freight, and why. A country without a row is taken as free, and says so."""
        site = self.request.site.country
        row = self._duty["rates"].get(site)
        total = Decimal(0) if row is None else _decimal(row["percent"])
        reasons = ["no rate is known, taken as free" if row is None else str(row.get("scope") or row["basis"])]
        for extra in self._duty["additional"]:
            if extra["to"] == site and part is not None and _covered(extra, part, self.on):
                total += _decimal(extra["percent"])
                reasons.append(f"{extra['law']}: {extra['scope']}; exempt: {extra.get('exempt', 'see the law')}")
        return total, "; ".join(reasons)


def _covered(extra: Mapping[str, Any], part: Part, on: dt.date | None) -> bool:
    """Whether an additional duty applies to a part: its origin, its kind, the accelerators it is or holds, the date."""
    kinds = {Accelerator: "accelerators", Chassis: "chassis", Baseboard: "baseboards"}
    held = {Accelerator: "id", Chassis: "complete_for", Baseboard: "accelerator"}.get(type(part))
    since = extra.get("since")
    return (
        ("origin" not in extra or part.origin == extra["origin"])
        and ("kinds" not in extra or kinds.get(type(part)) in extra["kinds"])
        and ("accelerators" not in extra or (held is not None and getattr(part, held) in extra["accelerators"]))
        and (since is None or on is None or on >= dt.date.fromisoformat(str(since)))
    )


def class_price(catalog: Catalog, part: Part) -> Price | None:
    """The class price from `estimates/prices` of a drive, memory module, storage system, switch or Chinese
    accelerator; None for other kinds, and where the class has no row.
    """
    if not isinstance(part, Drive | Dimm | StorageSystem | Accelerator | Switch):
        return None
    table = catalog.table("estimates/prices")
    if isinstance(part, Drive):
        kind, size = "drives", part.capacity_tb
        read_only = part.dwpd is not None and part.dwpd < LOW_ENDURANCE
        key = "boot" if part.use == "boot" else "qlc" if read_only else f"gen{part.pcie_gen}"
    elif isinstance(part, Dimm):
        kind, size, key = "memory", float(part.size_gb), part.memory_type.partition("-")[0]
    elif isinstance(part, Accelerator):
        rate = part.dense_tflops.get("bf16") or part.dense_tflops.get("fp16")
        kind, size, key = "accelerators", rate or 0.0, str(part.origin) if rate else "unknown rate"
    elif isinstance(part, Switch):
        kind, size = "switches", part.ports * part.gbps / 1000
        key = part.technology + ("-CN" if part.origin == "CN" and part.technology == "ethernet" else "")
        key = key if part.gbps >= SWITCH_CLASS_GBPS else "slow"
    else:
        kind, size, key = "storage", part.usable_tb, "any"
    row = table[kind]["by"].get(key) if kind in table else None
    if row is None:
        return None
    low, typical, high = (_decimal(row[level]) * _decimal(size) for level in LEVELS)
    basis = table[kind].get("basis", table["basis"])
    return Price(
        part=part.id,
        currency="USD",
        low=low,
        typical=typical,
        high=high,
        tax_basis="excluded",
        basis="estimate",
        grade="M",
        source=f"class price: {size:g} x {row['typical']} {table[kind]['unit']} ({key}); {basis}",
        as_of=str(table["as_of"]),
    )


# -- rules and rates beside the book -----------------------------------------------------------------------------------
def percent_line(software: Software, hardware_cents: int, level: Level = "typical") -> int:
    """Whole cents of a percent-of-hardware line, rounded half up; low and high fall back to the typical percent."""
    percent = software.percent
    if level == "low" and software.percent_low is not None:
        percent = software.percent_low
    elif level == "high" and software.percent_high is not None:
        percent = software.percent_high
    if percent is None:
        raise CatalogError(f"{software.id}: counted in percent of hardware, but has no percent")
    return half_up(Decimal(hardware_cents) * percent / 100)


def support_share(included_months: int | None, years: int) -> Decimal:
    """Share of `years` for which support is paid: a system's price already covers its first `included_months`."""
    months = 12 * years
    return Decimal(max(0, months - (included_months or 0))) / months


def tax_percent(request: Request) -> Decimal:
    """The tax that the capex cap counts: `budget.vat_percent`, or none."""
    return request.budget.vat_percent or Decimal(0)


def country_vat(catalog: Catalog, country: str) -> Decimal | None:
    """The standard tax rate on equipment in percent, or None when the catalog does not know it."""
    row = catalog.table("rates/vat")["rates"].get(country)
    return None if row is None else _decimal(row["percent"])


def electricity(catalog: Catalog, request: Request) -> tuple[Decimal, str, bool] | None:
    """Price per kWh in the budget's currency, its source, and whether it was assumed; None when nobody knows it."""
    given = request.site.electricity_per_kwh
    if given is not None:
        return given, "site.electricity_per_kwh", False
    row = catalog.table("rates/electricity")["rates"].get(request.site.country)
    if row is None:
        return None
    factor = Exchange(catalog, request).factor("USD", request.budget.currency)
    source = f"{request.site.country} {row['as_of']}: {row.get('source') or row['basis']}"
    return _decimal(row["usd_per_kwh"]) * factor, source, True


def stale(book: PriceBook, parts: Iterable[str], on: dt.date, days: int = STALE_DAYS) -> tuple[int, int, str]:
    """How many of the parts' prices are older than `days` on a date, how many have a price, and the oldest's date.

    A month or year stands for its first day: an inexact date counts as old rather than as new.
    """
    dates = [row.as_of for row in map(book.price, sorted(set(parts))) if row is not None]
    old = [d for d in dates if (on - first_day(d)).days > days]
    return len(old), len(dates), min(dates, key=first_day, default="")


def first_day(as_of: str) -> dt.date:
    """The first day that YYYY, YYYY-MM or YYYY-MM-DD can mean."""
    year, month, day = (*as_of.split("-"), "1", "1")[:3]
    return dt.date(int(year), int(month), int(day))


def _at(row: Price, level: Level) -> Decimal:
    """The row's amount at a level; a level that nobody published is the typical amount."""
    amount: Decimal | None = getattr(row, level)
    return row.typical if amount is None else amount


def _decimal(value: object) -> Decimal:
    """A table's number without the noise of binary fractions."""
    return Decimal(str(value))


def _text(amount: Decimal) -> str:
    return f"{amount:,.4f}".rstrip("0").rstrip(".")
