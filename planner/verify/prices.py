"""Landed prices derived a second time, from catalog rows and the plan's request alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from planner.catalog import KINDS, Catalog
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
from planner.units import half_up

LEVELS = ("low", "typical", "high")
SWITCH_CLASS_GBPS = 100  # from here on a switch without a price is priced by its capacity
LOW_ENDURANCE = 0.7  # drive writes per day below which a drive has the read-intensive class price


class Landed:
    """Unit prices in cents for one request, at the three levels."""

    def __init__(self, catalog: Catalog, request: dict[str, Any], on: dt.date) -> None:
        self.catalog, self.request, self.on = catalog, request, on
        self.currency: str = request["budget"]["currency"]
        self.level: str = request["budget"]["price_level"]
        self._tables: dict[str, Any] = {}

    def table(self, name: str) -> Any:
        """A table of the catalog, read once."""
        if name not in self._tables:
            self._tables[name] = self.catalog.table(name)
        return self._tables[name]

    def row(self, part: str) -> Price | None:
        """The row that counts: a valid quote, else the best grade, else the newest, else the last of the file."""
        rows = [r for r in self.catalog.prices.get(part, ()) if r.min_quantity <= 1]
        if not rows:
            return self._by_class(part) if self.request["budget"]["price_missing"] == "estimate" else None
        order = {"A": 4, "B": 3, "C": 2, "M": 1}

        def rank(k: int) -> tuple[bool, int, str, int, int]:
            row = rows[k]
            live = row.valid_until is None or row.valid_until >= self.on
            return (row.basis == "quote" and live, order[row.grade], row.as_of, row.min_quantity, k)

        return rows[max(range(len(rows)), key=rank)]

    def _by_class(self, part: str) -> Price | None:
        """The class price of a drive, module or storage system that has none of its own."""
        record, table = self.catalog.parts.get(part), self.table("estimates/prices")
        if isinstance(record, Drive):
            kind, size = "drives", record.capacity_tb
            low_endurance = record.dwpd is not None and record.dwpd < LOW_ENDURANCE
            key = "boot" if record.use == "boot" else "qlc" if low_endurance else f"gen{record.pcie_gen}"
        elif isinstance(record, Dimm):
            kind, size, key = "memory", float(record.size_gb), record.memory_type.split("-")[0]
        elif isinstance(record, StorageSystem):
            kind, size, key = "storage", record.usable_tb, "any"
        elif isinstance(record, Accelerator):
            size = record.dense_tflops.get("bf16") or record.dense_tflops.get("fp16") or 0.0
            kind, key = "accelerators", str(record.origin)
            if not size:
                return None
        elif isinstance(record, Switch):
            kind, size, key = "switches", record.ports * record.gbps / 1000, str(record.technology)
            if record.gbps < SWITCH_CLASS_GBPS:
                return None
            if key == "ethernet" and record.origin == "CN":
                key = "ethernet-CN"
        else:
            return None
        row = table.get(kind, {"by": {}})["by"].get(key)
        if row is None:
            return None
        each = {level: Decimal(str(row[level])) * Decimal(str(size)) for level in LEVELS}
        basis = table[kind].get("basis", table["basis"])
        source = f"class price: {size:g} x {row['typical']} {table[kind]['unit']} ({key}); {basis}"
        return Price(
            part=part,
            currency="USD",
            low=each["low"],
            typical=each["typical"],
            high=each["high"],
            tax_basis="excluded",
            basis="estimate",
            grade="M",
            source=source,
            as_of=str(table["as_of"]),
        )

    def cents(self, part: str, row: Price, level: str) -> int:
        """Source price → without tax → discount → budget currency → freight → duty, rounded half up once."""
        amount: Decimal = getattr(row, level) if getattr(row, level) is not None else row.typical
        if row.tax_basis == "included" and row.tax_percent is not None:
            amount = amount / (1 + row.tax_percent / 100)
        record = self.catalog.parts.get(part)
        amount = amount * (1 - (self.discount(row, record) or Decimal(0)) / 100)
        if row.currency != self.currency:
            amount = amount * self.rate(row.currency, self.currency)
        if not isinstance(record, Software):
            amount = amount * self._carriage(record, level)
        return half_up(amount * 100)

    def discount(self, row: Price, part: Part | None) -> Decimal | None:
        """The request's discount in percent: of the maker, else of the kind of part; only off the bases it names."""
        terms = self.request["budget"].get("discounts")
        if terms is None or part is None or row.basis not in terms["on"]:
            return None
        for name, percent in terms["makers"].items():
            if name.strip().lower() == part.vendor.lower():
                return Decimal(str(percent))
        kind = next((k for k, model in KINDS.items() if type(part) is model), None)
        percent = terms["categories"].get(kind)
        return None if percent is None else Decimal(str(percent))

    def percents(self, row: Price, part: Part | None) -> dict[str, Decimal | None]:
        """The factors of the chain at the request's level, in percent."""
        found: dict[str, Decimal | None] = {
            "tax_inside_percent": row.tax_percent if row.tax_basis == "included" else None,
            "discount_percent": self.discount(row, part),
            "freight_percent": None,
            "duty_percent": None,
        }
        if not isinstance(part, Software):
            site, start = self.request["site"]["country"], self._start(part)
            way = "domestic" if start == site else "international"
            found["freight_percent"] = Decimal(str(self.table("rates/freight")[way][self.level]))
            found["duty_percent"] = None if start == site else self._duty(part, site)
        return found

    def rate(self, source: str, target: str) -> Decimal:
        """Units of target per unit of source, crossed via USD."""
        return self._per_usd(target) / self._per_usd(source)

    def _per_usd(self, currency: str) -> Decimal:
        given = self.request["budget"]["exchange_rates"].get(currency)
        if currency == "USD" and given is None:
            return Decimal(1)
        row = self.table("rates/exchange")["rates"].get(currency)
        return Decimal(str(given)) if given is not None else Decimal(str(row["per_usd"]))

    def _carriage(self, part: Part | None, level: str) -> Decimal:
        site, start = self.request["site"]["country"], self._start(part)
        freight = self.table("rates/freight")["domestic" if start == site else "international"][level]
        factor = 1 + Decimal(str(freight)) / 100
        return factor if start == site else factor * (1 + self._duty(part, site) / 100)

    def _start(self, part: Part | None) -> str:
        """Country of dispatch."""
        if isinstance(part, Rack | Pdu | CoolingUnit):
            return str(self.request["site"]["country"])
        return "CN" if part is not None and part.origin == "CN" else str(self.request["compliance"]["ship_from"])

    def _duty(self, part: Part | None, site: str) -> Decimal:
        table = self.table("rates/duty")
        base = table["rates"].get(site)
        total = Decimal(0) if base is None else Decimal(str(base["percent"]))
        for extra in table["additional"]:
            if extra["to"] == site and part is not None and self._extra_applies(extra, part):
                total += Decimal(str(extra["percent"]))
        return total

    def _extra_applies(self, extra: dict[str, Any], part: Part) -> bool:
        kind, held = "", None
        if isinstance(part, Accelerator):
            kind, held = "accelerators", part.id
        elif isinstance(part, Chassis):
            kind, held = "chassis", part.complete_for
        elif isinstance(part, Baseboard):
            kind, held = "baseboards", part.accelerator
        return (
            extra.get("origin", part.origin) == part.origin
            and ("kinds" not in extra or kind in extra["kinds"])
            and ("accelerators" not in extra or held in extra["accelerators"])
            and ("since" not in extra or self.on >= dt.date.fromisoformat(str(extra["since"])))
        )
