"""Hand-made plans that add up: eight HGX nodes, a Chinese site with 13 % tax, a pod of 127 nodes, a single server.

Prices and figures are made up for the tests; nothing here is data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from planner.parts import Section
from planner.plan import (
    Assumption,
    ComplianceEntry,
    EnergyBasis,
    LeftOut,
    Limit,
    LinePrice,
    Plan,
    PlanLine,
    PlannedFabric,
    PlannedObjective,
    PlannedRack,
    Pool,
    Predicted,
    Provenance,
    RackItem,
    StorageChoice,
    TaxLine,
    Totals,
)
from planner.units import HOURS_PER_YEAR, Money, half_up, tax_cents

SOURCE = "quote of Confidential Distribution GmbH"
BASIS = "street"


@dataclass(frozen=True)
class Case:
    """What a sample plan is made of. Prices in `currency` without tax."""

    project: str
    language: str
    currency: str
    tax: Decimal
    margin: Decimal
    country: str
    accelerator: str
    accelerator_name: str
    chassis: str
    chassis_name: str
    cards: int
    nodes: int
    nodes_per_rack: int
    node_kw: float
    node_units: int
    switch: str
    switch_name: str
    leaf: int
    spine: int
    prices: dict[str, str]
    storage: bool = True
    peak_pflops: float | None = None


def _price(amount: Decimal, currency: str) -> LinePrice:
    return LinePrice(
        basis=BASIS,
        grade="C",
        source=SOURCE,
        as_of="2026-08",
        currency="USD",
        amount=amount,
        tax_basis="excluded",
        exchange_rate=Decimal("1") if currency == "USD" else Decimal("7.0779"),
        steps=("source price", "freight 1.5 %", "rounded half up to cents"),
        includes_support_months=None,
    )


def line(
    case: Case,
    position: str,
    part: str,
    section: Section,
    group: str,
    quantity: int,
    *,
    name: str,
    description: str,
    per_node: int | None = None,
    unit: str = "piece",
    watts: float = 0,
    units: int = 0,
    weight: float = 0,
    number: str | None = None,
) -> PlanLine:
    """One priced line; the price comes from `case.prices`."""
    amount = Decimal(case.prices[part])
    maker, model = name.split(" ", 1)
    return PlanLine(
        position=position,
        part=part,
        section=section,
        group=group,
        pool="train" if per_node else None,
        maker=maker,
        model=model,
        part_number=number,
        description=description,
        per_node=per_node,
        nodes=case.nodes if per_node else None,
        quantity=quantity,
        unit=unit,
        unit_price=amount,
        unit_low=(amount * Decimal("0.9")).quantize(Decimal("0.01")),
        unit_high=(amount * Decimal("1.2")).quantize(Decimal("0.01")),
        extended=amount * quantity,
        currency=case.currency,
        tax_percent=case.tax,
        price=_price(amount, case.currency) if amount else None,
        rule=None if amount else "no charge",
        max_power_w=watts,
        typical_power_w=round(watts * 0.75),
        rack_units=units,
        weight_kg=weight,
    )


def _lines(case: Case) -> list[PlanLine]:
    n, racks = case.nodes, -(-case.nodes // case.nodes_per_rack) + 1
    watts = case.node_kw * 1000
    kilograms = 140.0 if case.node_units > 6 else 40.0
    found = [
        line(case, "1.1", case.chassis, "compute", "node", n, name=case.chassis_name, per_node=1, watts=watts,
             units=case.node_units, weight=kilograms,
             description=f"Server barebone, {case.node_units}U, {case.cards} accelerators, air cooling"),
        line(case, "1.2", case.accelerator, "compute", "node", n * case.cards, name=case.accelerator_name,
             per_node=case.cards, description="Accelerator, 80 GB HBM3, SXM5", number="900-2G520-0000-000"),
        line(case, "1.3", "cpu", "compute", "node", n * 2, name="Intel Xeon Platinum 8480C", per_node=2,
             description="Xeon Platinum, 56 cores, 350 W"),
        line(case, "1.4", "dimm", "compute", "node", n * 32, name="Samsung 64 GB DDR5-4800 RDIMM", per_node=32,
             description="64 GB DDR5-4800 registered module"),
        line(case, "1.5", "nic", "compute", "node", n * 8, name="NVIDIA ConnectX-7 NDR", per_node=8,
             description="1 × 400 Gbit/s infiniband/ethernet, osfp"),
        line(case, "1.6", "mgmt", "compute", "management", 2, name="Dell PowerEdge R660",
             description="Management server", watts=700, units=1, weight=22),
    ]  # fmt: skip
    if case.leaf:
        links = case.leaf * 32 if case.spine else 0
        found += [
            line(case, "2.1", case.switch, "network", "compute", case.leaf + case.spine, name=case.switch_name,
                 description="infiniband switch, 64 × 400 Gbit/s, 1U", watts=1720, units=1, weight=14.5),
            line(case, "2.2", "cable", "network", "compute", n * 8 + links, name="NVIDIA MFP7E10 fibre",
                 description="FIBRE 10 m, 1 × 400 Gbit/s"),
        ]  # fmt: skip
    found.append(
        line(case, "2.3", "sn2201", "network", "oob", 1 + n // 40, name="NVIDIA SN2201",
             description="ethernet switch, 48 × 1 Gbit/s, 1U", watts=135, units=1, weight=8)
    )  # fmt: skip
    if case.storage:
        found.append(
            line(case, "3.1", "flash", "storage", "storage", 4, name="VAST Ceres block",
                 description="338 TB usable, 40/8 GB/s, nfs", watts=1500, units=2, weight=35)
        )  # fmt: skip
    found += [
        line(case, "4.1", "rack42", "facility", "racks", racks, name="Vertiv VR3300",
             description="Rack 42U, 800 × 1200 mm, carries 1500 kg"),
        line(case, "5.1", "ubuntu", "software", "node", n, name="Canonical Ubuntu Server", per_node=1,
             description="Operating system, free of charge", unit="licence"),
        line(case, "6.1", "install", "services", "racks", racks, name="Integrator Rack integration",
             description="Rack integration, cabling and burn-in", unit="licence"),
    ]  # fmt: skip
    return found


def _racks(case: Case, lines: list[PlanLine]) -> list[PlannedRack]:
    kilograms = lines[0].weight_kg
    found: list[PlannedRack] = []
    for k in range(0, case.nodes, case.nodes_per_rack):
        count = min(case.nodes_per_rack, case.nodes - k)
        items = [
            RackItem(item=case.chassis, label=f"train node {k + i + 1}", units=case.node_units,
                     bottom_unit=1 + i * case.node_units, power_kw=case.node_kw, weight_kg=kilograms)
            for i in range(count)
        ]  # fmt: skip
        found.append(_rack(f"R{len(found) + 1:02d}", items))
    items, unit = [], 1
    for row in lines[1:]:
        for k in range(row.quantity if row.rack_units else 0):
            if unit + row.rack_units <= 42:
                items.append(
                    RackItem(item=row.part, label=f"{row.group} {row.part} {k + 1}", units=row.rack_units,
                             bottom_unit=unit, power_kw=row.max_power_w / 1000, weight_kg=row.weight_kg)
                )  # fmt: skip
                unit += row.rack_units
    return [*found, _rack(f"R{len(found) + 1:02d}", items)]


def _rack(name: str, items: list[RackItem]) -> PlannedRack:
    return PlannedRack(
        name=name,
        part="rack42",
        units=42,
        power_kw=round(sum(i.power_kw for i in items), 3),
        weight_kg=round(sum(i.weight_kg for i in items), 1),
        items=tuple(items),
    )


def _fabrics(case: Case) -> list[PlannedFabric]:
    found: list[PlannedFabric] = []
    if case.leaf:
        up = case.leaf * 32 if case.spine else 0
        found.append(
            PlannedFabric(
                name="compute", role="compute", technology="infiniband", switch=case.switch, gbps=400,
                topology="rail", tiers=2 if case.spine else 1, leaf=case.leaf, spine=case.spine, core=0,
                endpoints=case.nodes * 8, oversubscription=1.0, cables=case.nodes * 8 + up, links_node=case.nodes * 8,
                links_leaf_spine=up, links_spine_core=0, ports_used=case.nodes * 8 + 2 * up,
                ports_present=(case.leaf + case.spine) * 64, redundancy="none", pools=("train",),
            )
        )  # fmt: skip
    for name, gbps, count in (("storage", 200.0, 2), ("in-band", 100.0, 2), ("oob", 1.0, 1 + case.nodes // 40)):
        if name == "storage" and not case.storage:
            continue
        links = case.nodes * (1 if name == "oob" else 2)
        found.append(
            PlannedFabric(
                name=name, role=name, technology="ethernet", switch="sn2201" if name == "oob" else "sn4600",  # type: ignore[arg-type]
                gbps=gbps, topology="plain", tiers=1, leaf=count, spine=0, core=0, endpoints=links,
                oversubscription=1.0, cables=links, links_node=links, links_leaf_spine=0, links_spine_core=0,
                ports_used=links, ports_present=count * max(64, case.nodes),
                redundancy="pair" if name != "oob" else "none",
                pools=("train",),
            )
        )  # fmt: skip
    return found


def _totals(case: Case, lines: list[PlanLine], yearly: list[PlanLine], racks: int) -> tuple[Totals, list[TaxLine]]:
    net = sum((ln.extended for ln in lines), Decimal(0))
    base = half_up(net * 100)
    tax = Money(tax_cents(base, case.tax), case.currency).amount
    taxes = [TaxLine(percent=case.tax, base=net, amount=tax)] if case.tax else []
    typical = sum(ln.typical_power_w * ln.quantity for ln in lines) / 1000
    basis = EnergyBasis(typical_kw=typical, utilisation=0.8, pue=1.25, hours=HOURS_PER_YEAR, tariff=0.72)
    energy = Money.of(
        Decimal(str(typical)) * Decimal("0.8") * Decimal("1.25") * HOURS_PER_YEAR * Decimal("0.72"), case.currency
    ).amount
    opex = sum((ln.extended for ln in yearly), Decimal(0))
    most = sum(ln.max_power_w * ln.quantity for ln in lines) / 1000
    totals = Totals(
        capex=net + tax,
        capex_low=((net + tax) * Decimal("0.9")).quantize(Decimal("0.01")),
        capex_high=((net + tax) * Decimal("1.2")).quantize(Decimal("0.01")),
        capex_without_tax=net,
        tax=tax,
        currency=case.currency,
        opex_per_year=opex,
        energy_per_year=energy,
        energy_basis=basis,
        tco=net + tax + 5 * (opex + energy),
        tco_years=5,
        it_power_kw=most,
        typical_power_kw=typical,
        facility_power_kw=round(most * 1.25, 3),
        racks=racks,
        rack_units=sum(ln.rack_units * ln.quantity for ln in lines),
        weight_kg=round(sum(ln.weight_kg * ln.quantity for ln in lines), 1),
        accelerators=case.nodes * case.cards,
        nodes=case.nodes,
    )
    return totals, taxes


def _pool(case: Case) -> Pool:
    days = Predicted(
        quantity="training throughput", unit="tokens_per_s", asked=280000.0, value=312345.6, low=281000.0,
        high=344000.0, limiting_factor="network between nodes", layout={"tensor": 8, "pipeline": 1, "data": case.nodes},
        unproven=case.language == "zh", basis="6·N per token; sustained share 0.41 of the dense bf16 peak: runs",
        details={"days": 74.1, "days_at_low_end": 82.4, "mfu": 0.41},
    )  # fmt: skip
    return Pool(
        workload="train", workloads=("train",), accelerator=case.accelerator, accelerators=case.nodes * case.cards,
        accelerators_per_node=case.cards, chassis=case.chassis, nodes=case.nodes, cpu="cpu", cpus_per_node=2,
        memory_gb=2048, nvme_tb=30.72, nic="nic", nics_per_node=8 if case.leaf else 0, node_power_kw=case.node_kw,
        node_typical_kw=case.node_kw * 0.75, node_rack_units=case.node_units, node_weight_kg=140, cooling="air",
        fabric="compute" if case.leaf else None, precision="bf16", peak_pflops=case.peak_pflops,
        peak_precision="bf16" if case.peak_pflops else None, predicted=(days,),
    )  # fmt: skip


def _compliance(case: Case) -> list[ComplianceEntry]:
    assumed = f"the customer's headquarters are in {case.country}, where the site is (not stated)"
    planned = ComplianceEntry(
        part=case.accelerator, accelerator=case.accelerator, classification="3A090.a", verdict="no_licence_required",
        rules=("destination-group-a",), on="2026-11-24",
        summary=f"{case.accelerator} to {case.country}: no licence required under 3A090.a.",
        citations=("15 CFR 774 Supplement 1",), assumed=(assumed,), planned=True,
    )  # fmt: skip
    refused = ComplianceEntry(
        part="h200-sxm5", accelerator="h200-sxm5", classification="3A090.a", verdict="licence_required",
        rules=("3A090.a", "headquarters"), on="2026-11-24",
        summary="h200-sxm5 to CN: licence required under 3A090.a: TPP 15,832, limit 4,800.",
        review_policy="presumption of denial", planned=False,
    )  # fmt: skip
    entries = [planned, planned.model_copy(update={"part": case.chassis})]
    return [*entries, refused, refused.model_copy(update={"part": "b200-sxm", "accelerator": "b200-sxm"})]


def build(case: Case) -> Plan:
    """A plan whose totals follow from its lines."""
    lines = _lines(case)
    yearly = [
        line(case, "Y5.1", "nvaie", "software", "node", case.nodes * case.cards, name="NVIDIA AI Enterprise",
             description="Subscription per accelerator and year", unit="year", per_node=case.cards),
        line(case, "Y6.1", "support", "services", "node", case.nodes, name="Maker Next business day support",
             description="Hardware support per node and year", unit="year", per_node=1),
    ]  # fmt: skip
    racks = _racks(case, lines)
    totals, taxes = _totals(case, lines, yearly, len(racks))
    fabrics = _fabrics(case)
    objective = PlannedObjective(
        name="lowest_capex", unit="money", value=float(totals.capex_without_tax),
        bound=float(totals.capex_without_tax), gap=0.0,
    )  # fmt: skip
    names = {
        case.accelerator: case.accelerator_name, case.chassis: case.chassis_name, case.switch: case.switch_name,
        "cpu": "Intel Xeon Platinum 8480C", "nic": "NVIDIA ConnectX-7 NDR", "mgmt": "Dell PowerEdge R660",
        "sn2201": "NVIDIA SN2201", "sn4600": "NVIDIA SN4600C", "flash": "VAST Ceres block", "rack42": "Vertiv VR3300",
        "h200-sxm5": "NVIDIA H200 SXM5", "b200-sxm": "NVIDIA B200 SXM", "mi300x": "AMD Instinct MI300X",
        "l40s": "NVIDIA L40S",
    }  # fmt: skip
    return Plan(
        status="optimal", project=case.project, language=case.language, objective=objective, totals=totals,
        pools=(_pool(case),), fabrics=tuple(fabrics),
        storage=StorageChoice(system="flash", blocks=4, usable_tb=1352, read_gb_per_s=160, write_gb_per_s=32)
        if case.storage else None,
        racks=tuple(racks), lines=tuple(lines), yearly=tuple(yearly), taxes=tuple(taxes),
        compliance=tuple(_compliance(case)), assumptions=_assumptions(),
        limits=(
            Limit(name="budget.capex", unit=case.currency, have=float(totals.capex) + 1e6, used=float(totals.capex),
                  binding=False, slack=1e6),
            Limit(name="site.it_power_kw", unit="kW", have=round(totals.it_power_kw + 2, 1), used=totals.it_power_kw,
                  binding=True, slack=2.0),
        ),
        left_out=(
            LeftOut(part="h200-sxm5", rule="compliance", message="h200-sxm5 to CN: licence required under 3A090.a"),
            LeftOut(part="l40s", rule="memory-fit", message="l40s: 48 GB per accelerator, 61 GB needed"),
            LeftOut(part="mi300x", rule="objective", message="MI300X can do the work", extra_cost=Decimal("123456.78")),
            LeftOut(part="b300-sxm", rule="no-price", message="b300-sxm has no price in the catalog"),
        ),
        open_questions=(
            Assumption(
                kind="compliance", name="customer.headquarters",
                text=f"Where is the customer's headquarters? {case.country} was assumed for every export verdict.",
                text_zh=f"客户总部所在国家/地区？全部出口合规结论均暂按 {case.country} 假定。",
            ),
        ),
        names=names, request=_request(case),
        provenance=Provenance(
            planner="0.1.0", catalog_hash=hashlib.sha256(b"catalog").hexdigest(), rule_date="2026-11-24",
            price_date="2026-11-20", request_hash=hashlib.sha256(b"request").hexdigest(),
            digest=hashlib.sha256(b"predicted").hexdigest(),
        ),
    )  # fmt: skip


def _assumptions() -> tuple[Assumption, ...]:
    return (
        Assumption(kind="default", name="budget.tco_years", text="budget.tco_years was not given; 5 was used."),
        Assumption(
            kind="default", name="pricing.margin_percent", text="pricing.margin_percent was not given; 0 was used."
        ),
        Assumption(
            kind="sizing",
            name="power",
            text="Limits use maximum draw; energy uses typical draw × 0.8 utilisation × annual PUE 1.25 × 8,760 hours.",
        ),
        Assumption(
            kind="estimate", name="sn2201", text="sn2201: max_power_w: typical × 1.25, class estimate of switches"
        ),
        Assumption(kind="price", name="price age", text="3 of 12 prices are older than 90 days; oldest 2026-05-02."),
        Assumption(
            kind="price",
            name="budget.vat_percent",
            text="Prices are without tax; the country's standard rate is 13 %.",
        ),
    )


def _request(case: Case) -> dict[str, Any]:
    zh = case.language == "zh"
    return {
        "project": case.project,
        "language": case.language,
        "customer": {"name": "申江数据科技有限公司" if zh else "Rhine Institute", "headquarters": case.country,
                     "ultimate_parent": None, "funding": "private"},
        "site": {"country": case.country, "it_power_kw": 400.0, "pue": 1.25, "racks": 12, "rack_power_kw": 45.0,
                 "cooling": "air", "electricity_per_kwh": 0.72},
        "budget": {"currency": case.currency, "capex": 30000000.0, "vat_percent": float(case.tax) if case.tax else None,
                   "tco_years": 5, "price_level": "typical"},
        "workloads": [{"name": "train", "kind": "training", "model": "llama3.1-70b", "tokens": 2.0e12,
                       "within_days": 90.0}],
        "pricing": {"margin_percent": float(case.margin), "valid_days": 30},
        "objective": "lowest_capex",
    }  # fmt: skip


_PRICES = {
    "cpu": "8000.00", "dimm": "420.15", "nic": "1650.00", "mgmt": "14250.40", "cable": "187.35",
    "sn2201": "3200.00", "flash": "210000.00", "rack42": "2100.00", "ubuntu": "0", "install": "1875.55",
    "nvaie": "4500.00", "support": "6100.10",
}  # fmt: skip

SIXTY_FOUR = Case(
    project="Rhine training cluster", language="en", currency="USD", tax=Decimal(0), margin=Decimal("12.5"),
    country="DE", accelerator="h100-sxm5", accelerator_name="NVIDIA H100 SXM5 80GB", chassis="xe9680",
    chassis_name="Dell PowerEdge XE9680", cards=8, nodes=8, nodes_per_rack=4, node_kw=10.2, node_units=6,
    switch="qm9700", switch_name="NVIDIA Quantum-2 QM9700", leaf=2, spine=0,
    prices={**_PRICES, "xe9680": "31234.56", "h100-sxm5": "23999.99", "qm9700": "24500.05"}, peak_pflops=63.3,
)  # fmt: skip

CHINESE = Case(
    project="企业大模型私有化平台", language="zh", currency="CNY", tax=Decimal(13), margin=Decimal(8), country="CN",
    accelerator="ascend-910b3", accelerator_name="Huawei Ascend 910B3", chassis="atlas-800t-a2",
    chassis_name="Huawei Atlas 800T A2", cards=8, nodes=4, nodes_per_rack=2, node_kw=5.6, node_units=4,
    switch="ce9860", switch_name="Huawei CloudEngine 9860", leaf=1, spine=0,
    prices={**{k: str(Decimal(v) * 7) for k, v in _PRICES.items()}, "atlas-800t-a2": "312345.67",
            "ascend-910b3": "79646.02", "ce9860": "245000.45"}, peak_pflops=10.0,
)  # fmt: skip

POD = Case(
    project="Four scalable units", language="en", currency="USD", tax=Decimal(0), margin=Decimal(0), country="US",
    accelerator="h100-sxm5", accelerator_name="NVIDIA H100 SXM5 80GB", chassis="dgx-h100",
    chassis_name="NVIDIA DGX H100", cards=8, nodes=127, nodes_per_rack=4, node_kw=10.2, node_units=8,
    switch="qm9700", switch_name="NVIDIA Quantum-2 QM9700", leaf=32, spine=16,
    prices={**_PRICES, "dgx-h100": "61234.56", "h100-sxm5": "23999.99", "qm9700": "24500.05"}, peak_pflops=1005.0,
)  # fmt: skip

SINGLE = Case(
    project="One server", language="en", currency="EUR", tax=Decimal(19), margin=Decimal(0), country="DE",
    accelerator="l40s", accelerator_name="NVIDIA L40S", chassis="sys-421ge", chassis_name="Supermicro SYS-421GE-TNRT",
    cards=4, nodes=1, nodes_per_rack=1, node_kw=3.1, node_units=4, switch="none", switch_name="No switch", leaf=0,
    spine=0, prices={**_PRICES, "sys-421ge": "9234.56", "l40s": "7999.99"}, storage=False,
)  # fmt: skip

CASES = {"sixty_four": SIXTY_FOUR, "chinese": CHINESE, "pod": POD, "single": SINGLE}


def sixty_four() -> Plan:
    return build(SIXTY_FOUR)


def chinese() -> Plan:
    return build(CHINESE)


def pod() -> Plan:
    return build(POD)


def single() -> Plan:
    return build(SINGLE)
