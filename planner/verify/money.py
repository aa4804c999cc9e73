"""Unit prices, extended prices, taxes and totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from planner.catalog import Catalog
from planner.parts import (
    Cable,
    Chassis,
    CoolingUnit,
    ManagementNode,
    Optic,
    Part,
    Pdu,
    Rack,
    Section,
    Software,
    StorageSystem,
    Switch,
)
from planner.plan import EnergyBasis, Plan, PlanLine
from planner.units import half_up
from planner.verify.prices import LEVELS, Landed

SECTIONS: tuple[Section, ...] = ("compute", "network", "storage", "facility", "software", "services")
UTILISATION = Decimal("0.8")
HOURS = 8760
PUE = {"air": 1.4, "liquid": 1.2}  # on the peak day, where the request gives none


def where(line: PlanLine) -> str:
    return f"lines {line.position} ({line.part})"


def amount(value: Decimal) -> str:
    return f"{value:,.2f}"


def check_lines(plan: Plan, catalog: Catalog, landed: Landed) -> Iterator[str]:
    """Every line: known part, price from the catalog, products and positions."""
    for prefix, lines in (("", plan.lines), ("Y", plan.yearly)):
        yield from _positions(prefix, lines)
        for line in lines:
            name = where(line)
            part = catalog.parts.get(line.part)
            if part is None:
                yield f"{name}: not in the catalog"
                continue
            yield from _facts(name, plan, catalog, line, part, bool(prefix))
            yield from _counts(name, line)
            yield from _price(plan, catalog, landed, line)


def _positions(prefix: str, lines: Sequence[PlanLine]) -> Iterator[str]:
    """Lines are numbered 1, 2, 3 ... within their section; every position stands once."""
    count = dict.fromkeys(SECTIONS, 0)
    for line in lines:
        count[line.section] += 1
        expected = f"{prefix}{SECTIONS.index(line.section) + 1}.{count[line.section]}"
        if line.position != expected:
            yield f"{where(line)}: position {line.position}, in its section it is {expected}"


def _facts(name: str, plan: Plan, catalog: Catalog, line: PlanLine, part: Part, yearly: bool) -> Iterator[str]:
    """What a line copies from the catalog and the request."""
    software = part if isinstance(part, Software) else None
    recurring = software is not None and software.recurring == "yearly"
    if recurring != yearly:
        yield f"{name}: is paid {'every year' if recurring else 'once'} and stands among the others"
    if line.group not in _groups(plan, part) and not _shelved(line, part):
        yield f"{name}: group {line.group}, expected one of {', '.join(sorted(_groups(plan, part)))}"
    for field, have, found in (
        ("maker", line.maker, part.vendor),
        ("model", line.model, part.model),
        ("model_zh", line.model_zh, software.model_zh if software else None),
        ("part_number", line.part_number, part.part_number),
        ("origin", line.origin, part.origin),
        ("section", line.section, section(part)),
        ("unit", line.unit, _unit(part, recurring)),
        ("currency", line.currency, plan.totals.currency),
        ("tax_percent", line.tax_percent, tax(plan, catalog, part)),
        ("country_tax_percent", line.country_tax_percent, _country_tax(plan, catalog, part)),
    ):
        if have != found:
            yield f"{name}: {field} {have}, expected {found}"


def _unit(part: Part, recurring: bool) -> str:
    if isinstance(part, Software):
        return "year" if recurring else "licence"
    return "kW" if isinstance(part, CoolingUnit) and part.role == "loop" else "piece"


def _shelved(line: PlanLine, part: Part) -> bool:
    """Whether a line is a spare part: anything of a node, or a module."""
    return line.group == "spares" and not isinstance(
        part, ManagementNode | StorageSystem | Rack | Pdu | CoolingUnit | Switch | Software
    )


def _groups(plan: Plan, part: Part) -> set[str]:
    """The items a line may belong to: a network, shared equipment, or the node build that a chassis line names."""
    if isinstance(part, ManagementNode) and part.role == "management":
        return {"management"}
    if isinstance(part, StorageSystem):
        return {"storage"}
    if isinstance(part, CoolingUnit):
        return {"cooling"}
    if isinstance(part, Rack | Pdu):
        return {"racks"}
    if isinstance(part, Switch | Optic | Cable | ManagementNode):
        return {net.name for net in plan.fabrics}
    if isinstance(part, Software) and part.technologies:
        return {net.name for net in plan.fabrics if net.technology in part.technologies}
    boxes = {pool.chassis for pool in plan.pools}
    return {ln.group for ln in plan.lines if ln.part in boxes}


def section(part: Part) -> Section:
    """The section of the bill of materials that a part belongs to."""
    if isinstance(part, Software):
        return part.section
    if isinstance(part, Rack | Pdu | CoolingUnit):
        return "facility"
    if isinstance(part, StorageSystem):
        return "storage"
    manager = isinstance(part, ManagementNode) and part.role == "fabric-manager"
    return "network" if manager or isinstance(part, Switch | Optic | Cable) else "compute"


def _counts(name: str, line: PlanLine) -> Iterator[str]:
    if line.quantity <= 0:
        yield f"{name}: quantity {line.quantity}"
    product = line.unit_price * line.quantity
    if line.extended != product:
        times = f"{line.quantity} × {amount(line.unit_price)}"
        yield f"{name}: extended {amount(line.extended)}, {times} is {amount(product)}"
    if line.per_node is not None and line.per_node * (line.nodes or 0) != line.quantity:
        yield f"{name}: quantity {line.quantity}, {line.per_node} per node × {line.nodes} nodes is another number"


def tax(plan: Plan, catalog: Catalog, part: Part) -> Decimal:
    """The request's rate on goods; services at the country's own rate where that is lower."""
    asked = Decimal(str(plan.request["budget"]["vat_percent"] or 0))
    row = _country_row(plan, catalog)
    if isinstance(part, Software) and part.section == "services" and row is not None and "services" in row:
        return min(asked, Decimal(str(row["services"])))
    return asked


def _country_tax(plan: Plan, catalog: Catalog, part: Part) -> Decimal | None:
    row = _country_row(plan, catalog)
    if row is None:
        return None
    kind = "services" if isinstance(part, Software) and part.section == "services" else "percent"
    return Decimal(str(row.get(kind, row["percent"])))


def _country_row(plan: Plan, catalog: Catalog) -> dict[str, Any] | None:
    found: dict[str, Any] | None = catalog.table("rates/vat")["rates"].get(plan.request["site"]["country"])
    return found


def _price(plan: Plan, catalog: Catalog, landed: Landed, line: PlanLine) -> Iterator[str]:
    name, part = where(line), catalog.parts[line.part]
    if line.price is None:
        if isinstance(part, Software) and part.free:
            if line.unit_price or line.unit_low or line.unit_high:
                yield f"{name}: unit_price {amount(line.unit_price)}, {line.part} is free of charge"
            if line.rule != f"free of charge: {part.notes or 'no charge'}":
                yield f"{name}: rule {line.rule}, the catalog says {part.notes}"
        elif isinstance(part, Software) and part.per == "percent-of-hardware":
            yield from _percent(plan, catalog, landed, line, part)
        else:
            yield f"{name}: has neither a price nor a rule"
        return
    if line.rule is not None:
        yield f"{name}: has both a price and a rule"
    row = landed.row(line.part)
    if row is None:
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
    for field, percent in landed.percents(row, part).items():
        if getattr(given, field) != percent:
            yield f"{name}: price.{field} {getattr(given, field)}, expected {percent}"
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
    if not (line.rule or "").startswith(f"{part.percent or 0:f} % of the hardware of one node"):
        yield f"{where(line)}: rule {line.rule}, the catalog says {part.percent or 0:f} %"
    if line.unit_low != line.unit_price or line.unit_high != line.unit_price:
        yield f"{where(line)}: unit_low and unit_high of a rule line are its unit price"
    if line.quantity != nodes:
        yield f"{where(line)}: quantity {line.quantity}, there are {nodes} nodes"


def check_totals(plan: Plan, landed: Landed) -> Iterator[str]:
    """Taxes and every figure of the totals."""
    lines, totals = plan.lines, plan.totals
    net = sum((ln.extended for ln in lines), Decimal(0))
    expected_taxes = []
    for rate in sorted({ln.tax_percent for ln in lines if ln.tax_percent}):
        base = sum((ln.extended for ln in lines if ln.tax_percent == rate), Decimal(0))
        expected_taxes.append((rate, base, Decimal(half_up(base * rate)) / 100))
    tax = sum((amount for _, _, amount in expected_taxes), Decimal(0))
    stated = [(t.percent, t.base, t.amount) for t in plan.taxes]
    if stated != expected_taxes:
        yield f"taxes: {stated}, expected {expected_taxes}"
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
        ("capex_low", totals.capex_low, _taxed([(ln.unit_low * ln.quantity, ln.tax_percent) for ln in lines])),
        ("capex_high", totals.capex_high, _taxed([(ln.unit_high * ln.quantity, ln.tax_percent) for ln in lines])),
        ("opex_per_year", totals.opex_per_year, opex),
        ("energy_per_year", totals.energy_per_year, energy),
        ("tco", totals.tco, tco),
        ("tco_years", totals.tco_years, years),
        ("currency", totals.currency, plan.request["budget"]["currency"]),
        ("it_power_kw", totals.it_power_kw, watts / 1000),
        ("typical_power_kw", totals.typical_power_kw, typical / 1000),
        ("rack_units", totals.rack_units, sum(ln.rack_units * ln.quantity for ln in lines)),
        ("weight_kg", totals.weight_kg, round(sum(ln.weight_kg * ln.quantity for ln in lines), 1)),
        ("facility_power_kw", totals.facility_power_kw, round(watts / 1000 * pue(plan)[0], 3)),
        ("energy_basis", totals.energy_basis, _basis(plan, landed, typical)),
        ("racks", totals.racks, len(plan.racks)),
        ("nodes", totals.nodes, sum(p.nodes for p in plan.pools)),
        ("accelerators", totals.accelerators, sum(p.accelerators for p in plan.pools)),
    ]
    for name, have, found in expected:
        if have != found and not _close(have, found):
            yield f"totals.{name}: {have}, the lines give {found}"


def _close(a: object, b: object) -> bool:
    return isinstance(a, float) and isinstance(b, int | float) and abs(a - b) < 1e-6


def _taxed(amounts: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Amounts with the tax of each rate on its subtotal, rounded half up to cents."""
    total = 0
    for rate in {rate for _, rate in amounts}:
        cents = half_up(sum((value for value, own in amounts if own == rate), Decimal(0)) * 100)
        total += cents + half_up(Decimal(cents) * rate / 100)
    return Decimal(total) / 100


def pue(plan: Plan) -> tuple[float, float]:
    """Power usage effectiveness on the peak day and over the year."""
    site = plan.request["site"]
    peak = float(site["pue"] or PUE[site["cooling"]])
    return peak, float(site["pue_annual"] or peak)


def tariff(plan: Plan, landed: Landed) -> Decimal | None:
    """Per kWh in the budget's currency: the request's, else the country's."""
    site = plan.request["site"]
    if site["electricity_per_kwh"] is not None:
        return Decimal(str(site["electricity_per_kwh"]))
    row = landed.table("rates/electricity")["rates"].get(site["country"])
    return None if row is None else Decimal(str(row["usd_per_kwh"])) * landed.rate("USD", landed.currency)


def _basis(plan: Plan, landed: Landed, typical_watts: float) -> EnergyBasis | None:
    price = tariff(plan, landed)
    if price is None:
        return None
    return EnergyBasis(
        typical_kw=typical_watts / 1000,
        utilisation=float(UTILISATION),
        pue=pue(plan)[1],
        hours=HOURS,
        tariff=float(price),
    )


def _energy(plan: Plan, landed: Landed, typical_watts: float) -> Decimal | None:
    """Typical kW × utilisation × annual PUE × 8,760 h × tariff."""
    price = tariff(plan, landed)
    if price is None:
        return None
    yearly = UTILISATION * Decimal(str(pue(plan)[1])) * HOURS * price
    return Decimal(half_up(yearly * 100 * Decimal(str(typical_watts)) / 1000)) / 100
