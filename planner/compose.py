"""Compose the plan from a checked solution: totals, limits, racks, compliance, assumptions, provenance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import planner
from planner import assemble, demand, lines, pricing, racking, site, sitefile, storage_need, wiring
from planner.assemble import Chosen
from planner.bandwidth_notes import bandwidth_notes
from planner.bundles import repeat
from planner.demand import Rate
from planner.errors import Rejection
from planner.facility.checks import run_checks
from planner.formulation import limit_measure
from planner.lines import Owned
from planner.media_notes import preference_notes
from planner.model import Solution
from planner.parts import FabricLink
from planner.plan import (
    EnergyBasis,
    Limit,
    Plan,
    PlanLine,
    PlannedObjective,
    PlannedRack,
    Predicted,
    Provenance,
    StorageChoice,
    TaxLine,
    Totals,
    digest_of,
    request_hash,
    seals_of,
)
from planner.problem import Prepared, limit_keys, storage_speeds
from planner.report import assumptions, left_out, open_questions, planned_compliance
from planner.screened import origin_share, screened
from planner.service_notes import service_notes
from planner.storage_notes import speed_notes
from planner.topology_notes import topology_notes
from planner.units import HOURS_PER_YEAR, UTILISATION, Money, half_up, tax_cents
from planner.unplanned import network_questions
from planner.worked import checkpoint_notes, work_energies

OBJECTIVE_UNITS = {
    "lowest_capex": "money",
    "lowest_tco": "money",
    "lowest_power": "kW",
    "highest_performance": "share",
}
# Assumptions in the order in which a reader needs them: what bears on this plan first, settings left alone last.
KINDS = ("notice", "compliance", "sizing", "price", "estimate", "default")


def compose(prepared: Prepared, solution: Solution) -> Plan:
    """The plan of a solution. All of it can be recomputed from catalog and plan, except what the digest covers."""
    request, catalog, book, problem = prepared.request, prepared.catalog, prepared.book, prepared.problem
    chosen = assemble.chosen_options(problem, solution)
    capital, yearly = lines.write_lines(catalog, book, _owned(prepared, solution, chosen))
    taxes = _taxes(capital)
    objective = _objective(prepared, solution)
    predicted = {f"{c.option.id}|{w}": p for c in chosen for w, p in _predicted(prepared, c)}
    plan_pools = assemble.pools(catalog, request, chosen, predicted)
    networks = assemble.fabrics(catalog, request, problem, solution, chosen)
    racks = racking.racks(prepared, solution, chosen, plan_pools, networks)
    totals = _totals(prepared, capital, yearly, taxes, racks, chosen)
    status = "optimal" if solution.optimal else "feasible"
    plan = Plan(
        status=status,  # type: ignore[arg-type]
        project=request.project,
        language=request.language,
        objective=objective,
        totals=totals,
        pools=plan_pools,
        fabrics=networks,
        storage=_storage(prepared, solution),
        energy=work_energies(catalog, request, capital, plan_pools),
        racks=racks,
        lines=capital,
        yearly=yearly,
        taxes=taxes,
        compliance=planned_compliance(prepared, chosen),
        assumptions=(
            *assumptions(prepared, chosen, capital),
            *checkpoint_notes(plan_pools),
            *service_notes(request, plan_pools),
        ),
        limits=_limits(prepared, solution, racks, totals.capex),
        left_out=left_out(prepared, chosen),
        open_questions=open_questions(prepared, chosen),
        names=_names(prepared, chosen, capital, yearly),
        request=sitefile.normalised(request),
        provenance=_provenance(prepared),
    )
    plan = plan.model_copy(update=cut_to_length(prepared, plan, chosen))
    bought = {
        "origins": origin_share(request.site.country, plan.lines),
        "screening": screened(prepared, chosen, plan.lines, yearly),
    }
    plan = plan.model_copy(update=bought)
    told = preference_notes(request, catalog, plan.fabrics, plan.cabling)
    rails = topology_notes(prepared, plan.fabrics, plan.pools)
    stored = speed_notes(catalog, plan.storage, plan.fabrics, storage_speeds([c.option for c in chosen]))
    noted = sorted(
        (*plan.assumptions, *bandwidth_notes(prepared, chosen), *rails, *told, *stored),
        key=lambda a: KINDS.index(a.kind),
    )
    asked = (*plan.open_questions, *network_questions(plan, catalog))
    plan = plan.model_copy(update={"assumptions": tuple(noted), "open_questions": asked})
    plan = plan.model_copy(update={"checks": run_checks(plan, catalog)})
    sealed = plan.provenance.model_copy(update={"digest": digest_of(plan), "seals": seals_of(plan)})
    return plan.model_copy(update={"provenance": sealed})


def cut_to_length(prepared: Prepared, plan: Plan, chosen: Sequence[Chosen]) -> dict[str, Any]:
    """Cabling and lines with the lengths that the floor asks for; every sum stays what it was.

    Lengths are exchanged only where price, range and power are the same, and never those of parts in short supply.
    """
    catalog, book, supply = prepared.catalog, prepared.book, prepared.request.supply

    def worth(part: str) -> object:
        landed = book.landed(part)
        if isinstance(landed, Rejection) or part in supply:
            return None
        return (landed.cents, landed.low, landed.high)

    cabling = wiring.cabling_of(plan, catalog, worth)
    classes = wiring.class_parts(catalog, plan.fabrics)
    capital = lines.with_lengths(catalog, book, plan.lines, classes, cabling)
    networks_of: dict[str | None, set[str]] = {}
    for pick in chosen:
        if pick.fabric is not None:
            owner = pick.option.work if pick.option.network is None else None
            networks_of.setdefault(owner, set()).add(pick.fabric)
    networks_of.setdefault(None, set()).update(net.name for net in plan.fabrics if net.role != "compute")
    capital = lines.with_spare_lengths(catalog, book, capital, classes, cabling, networks_of)
    names = dict(plan.names)
    names.update({ln.part: f"{ln.maker} {ln.model}" for ln in capital})
    return {"cabling": cabling, "lines": capital, "names": dict(sorted(names.items()))}


# -- lines -------------------------------------------------------------------------------------------------------
def _owned(prepared: Prepared, solution: Solution, chosen: Sequence[Chosen]) -> list[Owned]:
    owned = []
    alike: dict[tuple[str, str], int] = {}
    for c in chosen:
        key = (c.option.work, c.option.node.id)
        alike[key] = alike.get(key, 0) + 1
        bundle = assemble.bundle_of(c)
        if alike[key] > 1:  # pools of one build are told apart: their lines are counted by pool
            bundle = lines.renamed(bundle, c.option.node.id, f"{c.option.node.id}/{alike[key]}")
        owned.append(Owned(bundle, c.option.work, c.nodes, c.option.node))
    names = assemble.joint_names(chosen)
    for bracket in prepared.problem.shared:
        count = solution.shared.get(bracket.id)
        if count is not None:
            owned.append(Owned(assemble.shared_bundle(bracket, count, names)))
    owned.append(Owned(repeat(prepared.problem.rack_bundle, solution.racks)))
    owned.append(Owned(prepared.problem.constant_bundle))
    return owned


def _taxes(capital: Sequence[PlanLine]) -> tuple[TaxLine, ...]:
    """Tax per rate on the subtotal of its lines, rounded once, half up."""
    bases: dict[Decimal, int] = {}
    for line in capital:
        if line.tax_percent:
            bases[line.tax_percent] = bases.get(line.tax_percent, 0) + half_up(line.extended * 100)
    return tuple(
        TaxLine(percent=rate, base=Money(base, "").amount, amount=Money(tax_cents(base, rate), "").amount)
        for rate, base in sorted(bases.items())
    )


def _totals(
    prepared: Prepared,
    capital: Sequence[PlanLine],
    yearly: Sequence[PlanLine],
    taxes: Sequence[TaxLine],
    racks: Sequence[PlannedRack],
    chosen: Sequence[Chosen],
) -> Totals:
    request = prepared.request
    currency = request.budget.currency
    net = sum((ln.extended for ln in capital), Decimal(0))
    tax = sum((t.amount for t in taxes), Decimal(0))
    opex = sum((ln.extended for ln in yearly), Decimal(0))
    watts = sum(ln.max_power_w * ln.quantity for ln in capital)
    typical = sum(ln.typical_power_w * ln.quantity for ln in capital)
    energy = energy_per_year(prepared, typical)
    years = request.budget.tco_years
    return Totals(
        capex=net + tax,
        capex_low=_with_tax(capital, lambda ln: ln.unit_low),
        capex_high=_with_tax(capital, lambda ln: ln.unit_high),
        capex_without_tax=net,
        tax=tax,
        currency=currency,
        opex_per_year=opex,
        energy_per_year=energy,
        energy_basis=energy_basis(prepared, typical),
        tco=None if energy is None else net + tax + years * (opex + energy),
        tco_years=years,
        it_power_kw=watts / 1000,
        typical_power_kw=typical / 1000,
        facility_power_kw=round(watts / 1000 * site.peak_pue(request), 3),
        racks=len(racks),
        rack_units=sum(ln.rack_units * ln.quantity for ln in capital),
        weight_kg=round(sum(ln.weight_kg * ln.quantity for ln in capital), 1),
        accelerators=sum(c.nodes * c.option.node.accelerators for c in chosen),
        nodes=sum(c.nodes for c in chosen),
    )


def energy_per_year(prepared: Prepared, typical_watts: float) -> Decimal | None:
    """Typical kW × utilisation × annual PUE × 8,760 h × tariff, in whole cents; None when no tariff is known."""
    found = pricing.electricity(prepared.catalog, prepared.request)
    if found is None:
        return None
    pue = Decimal(str(site.annual_pue(prepared.request)))
    cents = UTILISATION * pue * HOURS_PER_YEAR * found[0] * 100 * Decimal(str(typical_watts)) / 1000
    return Money(half_up(cents), "").amount


def energy_basis(prepared: Prepared, typical_watts: float) -> EnergyBasis | None:
    """The factors of the yearly energy cost."""
    found = pricing.electricity(prepared.catalog, prepared.request)
    if found is None:
        return None
    return EnergyBasis(
        typical_kw=typical_watts / 1000,
        utilisation=float(UTILISATION),
        pue=site.annual_pue(prepared.request),
        hours=HOURS_PER_YEAR,
        tariff=float(found[0]),
    )


def _names(
    prepared: Prepared, chosen: Sequence[Chosen], capital: Sequence[PlanLine], yearly: Sequence[PlanLine]
) -> dict[str, str]:
    """Maker and model of every part that the plan mentions."""
    catalog = prepared.catalog
    mentioned = {ln.part for ln in (*capital, *yearly)} | set(catalog.accelerators)
    mentioned |= {c.option.node.chassis for c in chosen}
    mentioned |= {part for c in chosen for part in (c.option.node.nic, c.option.node.cpu) if part}
    mentioned |= {s.switch for s in prepared.problem.shared if s.switch}
    return {p: f"{catalog.parts[p].vendor} {catalog.parts[p].model}" for p in sorted(mentioned) if p in catalog.parts}


def _with_tax(capital: Sequence[PlanLine], price: Callable[[PlanLine], Decimal]) -> Decimal:
    """All lines at a price, with the tax of each rate on its subtotal rounded once."""
    bases: dict[Decimal, int] = {}
    for line in capital:
        bases[line.tax_percent] = bases.get(line.tax_percent, 0) + half_up(price(line) * line.quantity * 100)
    return Money(sum(base + tax_cents(base, rate) for rate, base in bases.items()), "").amount


# -- racks and limits ------------------------------------------------------------------------------------------------
def _limits(prepared: Prepared, solution: Solution, racks: Sequence[PlannedRack], capex: Decimal) -> tuple[Limit, ...]:
    """Each limit with what the plan uses; `binding` when less than one more step of anything fits."""
    problem, request = prepared.problem, prepared.request
    found = []
    for name, (key, factor) in limit_keys(prepared.request, prepared.book.taxes).items():
        have = problem.limits.get(name)
        if name == "racks":
            used: float = len(racks)
        else:
            used = limit_measure(name, problem.energy_cents_per_watt_year)(solution.total)
        scaled = float(round(Decimal(str(used)) * factor, 2))
        limit = None if have is None else float(round(Decimal(have) * factor, 2))
        if name == "capital_budget" and prepared.book.taxes.several:
            limit = None if request.budget.capex is None else float(request.budget.capex)
            scaled = float(capex)
        slack = None if limit is None else round(limit - scaled, 2)
        found.append(
            Limit(
                name=key,
                unit=_limit_unit(name, prepared.request.budget.currency),
                have=limit,
                used=scaled,
                binding=have is not None and _binding(prepared, solution, name, have - used),
                slack=slack,
            )
        )
    room = problem.room
    if room.watts is not None and racks:
        fullest = max(r.power_kw for r in racks if r.part is not None) if any(r.part for r in racks) else 0.0
        found.append(
            Limit(
                name="site.rack_power_kw",
                unit="kW",
                have=room.watts / 1000,
                used=fullest,
                binding=bool(fullest) and room.watts / 1000 - fullest < _smallest_node_kw(prepared, solution),
                slack=round(room.watts / 1000 - fullest, 3),
            )
        )
    return tuple(found)


def _binding(prepared: Prepared, solution: Solution, name: str, left: float) -> bool:
    """Whether what is left of a limit is less than one more node of any chosen build would use."""
    if name == "racks":
        return left < 1
    measure = limit_measure(name, prepared.problem.energy_cents_per_watt_year)
    steps = []
    for option in prepared.problem.options:
        if solution.units.get(option.id):
            load = option.unit if option.linear else option.fixed
            steps.append(measure(load) / max(1, load.nodes))
    return left < min((s for s in steps if s), default=0)


def _smallest_node_kw(prepared: Prepared, solution: Solution) -> float:
    nodes = [o.node for o in prepared.problem.options if solution.units.get(o.id)]
    return min((n.max_power_kw for n in nodes if not n.own_rack), default=0.0)


def _limit_unit(name: str, currency: str) -> str:
    if name in ("capital_budget", "yearly_budget"):
        return currency
    return "kW" if name == "site_power" else "pieces"


# -- predictions -------------------------------------------------------------------------------------------------
def _predicted(prepared: Prepared, chosen: Chosen) -> list[tuple[str, tuple[Predicted, ...]]]:
    """What each workload gets from a pool, with its range."""
    request = prepared.request
    found: list[tuple[str, tuple[Predicted, ...]]] = []
    names = [w for w, _ in chosen.tenants] or [chosen.option.work]
    for name in names:
        workload = next(w for w in request.workloads if w.name == name)
        target = demand.target(workload)
        rate = _rate(prepared, chosen, name)
        if isinstance(rate, Rejection):
            continue
        found.append(
            (
                name,
                (
                    Predicted(
                        quantity=rate.quantity,
                        unit=rate.unit,
                        asked=target.value,
                        value=rate.value,
                        low=rate.low,
                        high=rate.high,
                        limiting_factor=rate.limiting_factor,
                        layout=dict(rate.layout),
                        unproven=rate.unproven,
                        basis=rate.basis,
                        details=dict(rate.details),
                    ),
                ),
            )
        )
    return found


def _rate(prepared: Prepared, chosen: Chosen, name: str) -> Rate | Rejection:
    request, catalog, option = prepared.request, prepared.catalog, chosen.option
    workload = next(w for w in request.workloads if w.name == name)
    sizing = request.preferences.sizing
    if option.linear and workload.kind == "inference":
        link = option.link if option.switch else FabricLink(technology=None, gbps_per_node=0.0)
        replicas = demand.replicas(workload, option.node, link, catalog, sizing)
        if isinstance(replicas, Rejection):
            return replicas
        if option.tenants:
            part = demand.slice_replica(workload, option.node, catalog, sizing)
            standing = [(size, count) for work, size, count in chosen.placed if work == name]
            return _placed(replicas, part, standing)
        fitting = [r for r in replicas if (r.nodes or 1) == option.nodes_per_unit]
        cards = option.node.accelerators
        best = max(fitting, key=lambda r: r.rate.planning * (cards // r.cards if r.cards else 1))
        per_unit = cards // best.cards if best.cards else 1
        return _scaled(best.rate, chosen.units * per_unit)
    working = chosen.nodes - option.spare_nodes
    storage = storage_need.checkpoint_speed(catalog, request)
    return demand.rate(workload, option.node, option.link, working, catalog, sizing, storage)


def _placed(replicas: Sequence[demand.Replica], part: demand.Replica | None, placed: Sequence[tuple[int, int]]) -> Rate:
    """The rate of shared work: for each size (cards, how many) the best replica of that size, as often as it stands.

    Size 0 is one slice of a card. `layout` counts whole cards and slices apart.
    """
    parts = []
    slices: dict[str, int] = {}
    for size, count in placed:
        if size:
            best = max((r for r in replicas if r.cards == size), key=lambda r: r.rate.planning)
        else:
            assert part is not None
            best, slices = part, {"slices": count, "slices_per_card": part.slices}
        parts.append(_scaled(best.rate, count))
    cards = sum(size * count for size, count in placed)
    if len(parts) == 1:
        return dataclasses.replace(parts[0], layout={**parts[0].layout, "cards": cards, **slices})
    return dataclasses.replace(
        parts[-1],
        planning=sum(p.planning for p in parts),
        value=sum(p.value for p in parts),
        low=sum(p.low for p in parts),
        high=sum(p.high for p in parts),
        unproven=any(p.unproven for p in parts),
        layout={"replicas": sum(count for _, count in placed), "cards": cards, **slices},
    )


def _scaled(rate: Rate, count: int) -> Rate:
    """The rate of `count` equal replicas."""
    return dataclasses.replace(
        rate,
        planning=rate.planning * count,
        value=rate.value * count,
        low=rate.low * count,
        high=rate.high * count,
        layout={**rate.layout, "replicas": count},
    )


def _objective(prepared: Prepared, solution: Solution) -> PlannedObjective:
    problem = prepared.problem
    name = prepared.request.objective
    unit = "share" if problem.performance_first else OBJECTIVE_UNITS[name]
    cents = problem.capital_scale if name == "lowest_capex" else 1
    scale = {"money": 100.0 * cents, "kW": 1000.0, "share": 1.0}[unit]
    value, bound = solution.objective / scale, solution.bound / scale
    gap = 0.0 if solution.optimal else abs(value - bound) / max(abs(value), 1e-9)
    return PlannedObjective(name=name, unit=unit, value=round(value, 6), bound=round(bound, 6), gap=round(gap, 6))


def _storage(prepared: Prepared, solution: Solution) -> StorageChoice | None:
    for bracket in prepared.problem.shared:
        if bracket.network == "storage-system" and bracket.id in solution.shared:
            seed = bracket.fixed_bundle.lines[0]
            system = prepared.catalog.storage[seed.part]
            read, write = storage_need.needed(prepared.catalog, prepared.request)
            reads, writes = storage_need.block_speeds(system, bracket.gbps or system.port_gbps)
            return StorageChoice(
                system=system.id,
                blocks=seed.quantity,
                usable_tb=system.usable_tb * seed.quantity,
                read_gb_per_s=reads * seed.quantity,
                write_gb_per_s=writes * seed.quantity,
                read_needed=read.at(solution.total.accelerators),
                write_needed=write.at(solution.total.accelerators),
            )
    return None


def _provenance(prepared: Prepared) -> Provenance:
    """Where a plan comes from; digest and seals are set when everything else stands."""
    request = sitefile.normalised(prepared.request)
    dates = [p.as_of for rows in prepared.catalog.prices.values() for p in rows]
    return Provenance(
        planner=planner.__version__,
        catalog_hash=prepared.catalog.hash,
        rule_date=prepared.on.isoformat(),
        price_date=max(dates, default=""),
        request_hash=request_hash(request),
        digest="",
    )
