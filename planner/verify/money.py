"""Unit prices, extended prices, taxes and totals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from planner.catalog import Catalog
from planner.parts import Chassis, Software
from planner.plan import Plan, PlanLine
from planner.units import half_up
from planner.verify.prices import LEVELS, Landed


def where(line: PlanLine) -> str:
    return f"lines {line.position} ({line.part})"


def amount(value: Decimal) -> str:
    return f"{value:,.2f}"


def check_lines(plan: Plan, catalog: Catalog, landed: Landed) -> Iterator[str]:
    """Every line: known part, price from the catalog, products and positions."""
    seen: set[str] = set()
    for line in (*plan.lines, *plan.yearly):
        name = where(line)
        if line.position in seen:
            yield f"{name}: the position stands twice"
        seen.add(line.position)
        part = catalog.parts.get(line.part)
        if part is None:
            yield f"{name}: not in the catalog"
            continue
        for field, have, found in (
            ("maker", line.maker, part.vendor),
            ("model", line.model, part.model),
            ("part_number", line.part_number, part.part_number),
            ("origin", line.origin, part.origin),
            ("currency", line.currency, plan.totals.currency),
        ):
            if have != found:
                yield f"{name}: {field} {have}, expected {found}"
        if line.quantity <= 0:
            yield f"{name}: quantity {line.quantity}"
        if line.extended != line.unit_price * line.quantity:
            yield f"{name}: extended {amount(line.extended)}, {line.quantity} × {amount(line.unit_price)} is " + amount(
                line.unit_price * line.quantity
            )
        if (line.per_node is None) != (line.nodes is None) and line.per_node is not None:
            yield f"{name}: per_node without nodes"
        if line.per_node is not None and line.nodes is not None and line.per_node * line.nodes != line.quantity:
            yield f"{name}: {line.per_node} per node × {line.nodes} nodes is not {line.quantity}"
        if line.tax_percent != _tax(plan):
            yield f"{name}: tax_percent {line.tax_percent}, the request says {_tax(plan)}"
        yield from _price(plan, catalog, landed, line)


def _tax(plan: Plan) -> Decimal:
    return Decimal(str(plan.request["budget"]["vat_percent"] or 0))


def _price(plan: Plan, catalog: Catalog, landed: Landed, line: PlanLine) -> Iterator[str]:
    name, part = where(line), catalog.parts[line.part]
    if line.price is None:
        if isinstance(part, Software) and part.free:
            if line.unit_price or line.unit_low or line.unit_high:
                yield f"{name}: {line.part} is free of charge"
        elif isinstance(part, Software) and part.per == "percent-of-hardware":
            yield from _percent(plan, catalog, landed, line, part)
        else:
            yield f"{name}: has neither a price nor a rule"
        return
    row = landed.row(line.part)
    if row is None:
        if plan.request["budget"]["price_missing"] != "estimate":
            yield f"{name}: the catalog has no price for it"
        return
    cents = {level: landed.cents(line.part, row, level) for level in LEVELS}
    for field, have, level in (
        ("unit_price", line.unit_price, landed.level),
        ("unit_low", line.unit_low, "low"),
        ("unit_high", line.unit_high, "high"),
    ):
        if half_up(have * 100) != cents[level]:
            found = amount(Decimal(cents[level]) / 100)
            yield f"{name}: {field} {amount(have)}, the catalog's landed price is {found}"
    source = getattr(row, landed.level) if getattr(row, landed.level) is not None else row.typical
    given = line.price
    rate = None if row.currency == landed.currency else landed.rate(row.currency, landed.currency)
    for field, have_text, want in (
        ("basis", given.basis, row.basis),
        ("grade", given.grade, row.grade),
        ("source", given.source, row.source),
        ("as_of", given.as_of, row.as_of),
        ("currency", given.currency, row.currency),
        ("amount", given.amount, source),
        ("tax_basis", given.tax_basis, row.tax_basis),
        ("includes_support_months", given.includes_support_months, row.includes_support_months),
    ):
        if have_text != want:
            yield f"{name}: price.{field} {have_text}, the catalog says {want}"
    stated = given.exchange_rate
    same = rate is None and stated is None
    if not same and (rate is None or stated is None or abs(rate - stated) > Decimal("1e-9") * rate):
        yield f"{name}: price.exchange_rate {given.exchange_rate}, expected {rate}"


def _percent(plan: Plan, catalog: Catalog, landed: Landed, line: PlanLine, part: Software) -> Iterator[str]:
    """A share of the hardware of one node of the line's group, times the share of years that support is paid."""
    hardware = Decimal(0)
    nodes = 0
    chassis: Chassis | None = None
    for other in plan.lines:
        record = catalog.parts.get(other.part)
        if other.group == line.group and other.pool == line.pool and not isinstance(record, Software):
            hardware += other.extended
            if isinstance(record, Chassis):
                chassis, nodes = record, other.quantity
    if chassis is None or not nodes:
        yield f"{where(line)}: no hardware in group {line.group}"
        return
    share = Decimal(part.percent or 0) / 100
    if part.recurring == "yearly":
        row = landed.row(chassis.id)
        months = row.includes_support_months if row is not None else None
        if chassis.price_scope == "complete" and months is None:
            months = 36
        years = 12 * int(plan.request["budget"]["tco_years"])
        share *= Decimal(max(0, years - (months or 0))) / years
    unit = half_up(hardware * 100 / nodes * share)
    if half_up(line.unit_price * 100) != unit:
        yield f"{where(line)}: unit_price {amount(line.unit_price)}, the rule gives {amount(Decimal(unit) / 100)}"
    if line.unit_low != line.unit_price or line.unit_high != line.unit_price:
        yield f"{where(line)}: unit_low and unit_high of a rule line are its unit price"
    if line.quantity != nodes:
        yield f"{where(line)}: quantity {line.quantity}, there are {nodes} nodes"


def check_totals(plan: Plan, landed: Landed) -> Iterator[str]:
    """Taxes and every figure of the totals."""
    lines, totals = plan.lines, plan.totals
    rate = _tax(plan)
    net = sum((ln.extended for ln in lines), Decimal(0))
    tax = Decimal(half_up(net * rate)) / 100 if rate else Decimal(0)
    stated = [(t.percent, t.base, t.amount) for t in plan.taxes]
    expected_taxes = [(rate, net, tax)] if rate else []
    if stated != expected_taxes:
        yield f"taxes: {stated}, expected {expected_taxes}"
    low = sum((ln.unit_low * ln.quantity for ln in lines), Decimal(0))
    high = sum((ln.unit_high * ln.quantity for ln in lines), Decimal(0))
    opex = sum((ln.extended for ln in plan.yearly), Decimal(0))
    watts = sum(ln.max_power_w * ln.quantity for ln in lines)
    typical = sum(ln.typical_power_w * ln.quantity for ln in lines)
    energy = _energy(plan, landed, typical)
    years = int(plan.request["budget"]["tco_years"])
    tco = None if energy is None else net + tax + years * (opex + energy)
    expected: list[tuple[str, object, object]] = [
        ("capex", totals.capex, net + tax),
        ("capex_without_tax", totals.capex_without_tax, net),
        ("tax", totals.tax, tax),
        ("capex_low", totals.capex_low, _taxed(low, rate)),
        ("capex_high", totals.capex_high, _taxed(high, rate)),
        ("opex_per_year", totals.opex_per_year, opex),
        ("energy_per_year", totals.energy_per_year, energy),
        ("tco", totals.tco, tco),
        ("tco_years", totals.tco_years, years),
        ("currency", totals.currency, plan.request["budget"]["currency"]),
        ("it_power_kw", totals.it_power_kw, watts / 1000),
        ("typical_power_kw", totals.typical_power_kw, typical / 1000),
        ("rack_units", totals.rack_units, sum(ln.rack_units * ln.quantity for ln in lines)),
        ("weight_kg", totals.weight_kg, round(sum(ln.weight_kg * ln.quantity for ln in lines), 1)),
        ("racks", totals.racks, len(plan.racks)),
        ("nodes", totals.nodes, sum(p.nodes for p in plan.pools)),
        ("accelerators", totals.accelerators, sum(p.accelerators for p in plan.pools)),
    ]
    for name, have, found in expected:
        if have != found and not _close(have, found):
            yield f"totals.{name}: {have}, the lines give {found}"


def _close(a: object, b: object) -> bool:
    return isinstance(a, float) and isinstance(b, int | float) and abs(a - b) < 1e-6


def _taxed(value: Decimal, rate: Decimal) -> Decimal:
    cents = half_up(value * 100)
    return Decimal(cents + half_up(Decimal(cents) * rate / 100)) / 100


def _energy(plan: Plan, landed: Landed, typical_watts: float) -> Decimal | None:
    """Typical kW × utilisation × annual PUE × 8,760 h × tariff."""
    basis = plan.totals.energy_basis
    if basis is None:
        return None
    site = plan.request["site"]
    tariff = site["electricity_per_kwh"]
    if tariff is None:
        row = landed.table("rates/electricity")["rates"].get(site["country"])
        if row is None:
            return None
        per_kwh = Decimal(str(row["usd_per_kwh"])) * landed.rate("USD", landed.currency)
    else:
        per_kwh = Decimal(str(tariff))
    cents = (
        Decimal("0.8") * Decimal(str(basis.pue)) * 8760 * per_kwh * 100 * Decimal(str(typical_watts)) / Decimal(1000)
    )
    return Decimal(half_up(cents)) / 100
