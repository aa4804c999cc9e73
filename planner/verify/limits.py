"""Limits: what the request allows, what the plan uses, what is left, and whether one more step would still fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from planner.catalog import Catalog
from planner.plan import Limit, Plan
from planner.verify.money import pue
from planner.verify.ports import node_lines
from planner.verify.room import rack_power_kw

CENT = 0.011  # limits are shown to two decimals, rounded from the exact sums of the plan


@dataclass(frozen=True, slots=True)
class Row:
    """One limit: its unit, what there is, what is used, and the least and most that one more node may take."""

    unit: str
    have: float | None
    used: float
    tolerance: float = 1e-9
    least_step: float | None = None
    most_step: float | None = None


def check_limits(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Limits are the request's, use is the plan's, nothing is exceeded, none is missing."""
    rows = _rows(plan, catalog)
    names = [limit.name for limit in plan.limits]
    for name in sorted(set(rows) - set(names)):
        yield f"limits: {name} is missing"
    for k, limit in enumerate(plan.limits):
        name = f"limits[{k}] ({limit.name})"
        if names.count(limit.name) > 1:
            yield f"{name}: stands twice"
        row = rows.get(limit.name)
        if row is None:
            yield f"{name}: no such limit in the request"
            continue
        yield from _same(name, limit, row)
    for key, row in rows.items():
        if row.have is not None and row.used > row.have + max(row.tolerance, 1e-6):
            yield f"{key}: the plan uses {row.used:,.10g}, the request allows {row.have:,.10g}"


def _same(name: str, limit: Limit, row: Row) -> Iterator[str]:
    if limit.unit != row.unit:
        yield f"{name}: unit {limit.unit}, expected {row.unit}"
    if (limit.have is None) != (row.have is None) or abs((limit.have or 0) - (row.have or 0)) > max(
        row.tolerance, CENT
    ):
        yield f"{name}: have {limit.have}, the request says {row.have}"
    if abs(limit.used - row.used) > row.tolerance:
        yield f"{name}: used {limit.used:,.10g}, the plan uses {row.used:,.10g}"
    if limit.have is None:
        if limit.slack is not None or limit.binding:
            yield f"{name}: slack {limit.slack}, binding {limit.binding}, but it is not limited"
        return
    if limit.used > limit.have + 1e-6:
        yield f"{name}: {limit.used:,.10g} exceeds {limit.have:,.10g}"
    left = limit.have - limit.used
    if limit.slack is None or abs(left - limit.slack) > 0.006:
        yield f"{name}: slack {limit.slack}, {limit.have:,.10g} less {limit.used:,.10g} is {left:,.10g}"
    tight = row.least_step is not None and left < row.least_step - CENT
    loose = row.most_step is not None and left > row.most_step + CENT
    if (tight and not limit.binding) or (loose and limit.binding):
        step = row.least_step if tight else row.most_step
        yield f"{name}: binding {limit.binding}, but {left:,.10g} is left and one more step takes {step:,.10g}"


def _rows(plan: Plan, catalog: Catalog) -> dict[str, Row]:
    totals, site, budget = plan.totals, plan.request["site"], plan.request["budget"]
    currency = budget["currency"]
    energy = totals.energy_per_year or Decimal(0)
    kilowatts = _node_range([pool.node_power_kw for pool in plan.pools], _per_node(plan, watts=True))
    money = _node_range(_node_prices(plan), _per_node(plan, watts=False))
    rows = {
        "budget.capex": Row(currency, _number(budget["capex"]), float(totals.capex), CENT, *money),
        "budget.opex_per_year": Row(
            currency, _number(budget["opex_per_year"]), float(totals.opex_per_year + energy), CENT
        ),
        "site.racks": Row("pieces", _number(site["racks"]), float(len(plan.racks)), 1e-9, 1.0, 1.0),
    }
    it, meter, peak = _number(site["it_power_kw"]), _number(site["utility_power_kw"]), pue(plan)[0]
    if it is not None and (meter is None or it <= meter / peak):
        rows["site.it_power_kw"] = Row("kW", it, totals.it_power_kw, CENT, *kilowatts)
    else:
        scaled = [None if k is None else k * peak for k in kilowatts]
        rows["site.utility_power_kw"] = Row("kW", meter, totals.it_power_kw * peak, CENT, *scaled)
    for part, have_parts in sorted(plan.request["supply"].items()):
        used = _pieces(plan, part)
        rows[f"supply.{part}"] = Row("pieces", float(have_parts), float(used))
    if plan.racks:
        fullest = max((r.power_kw for r in plan.racks if r.part is not None), default=0.0)
        own_racks = {item.item for rack in plan.racks if rack.part is None for item in rack.items}
        step = min((pool.node_power_kw for pool in plan.pools if pool.chassis not in own_racks), default=0.0)
        given = rack_power_kw(plan, catalog)
        rows["site.rack_power_kw"] = Row("kW", given, fullest, 0.0006, step if fullest else None, step)
    return rows


def _pieces(plan: Plan, part: str) -> int:
    """Pieces of a limited part: accelerators on boards, inside whole systems and on the shelf as well as loose ones."""
    cards = sum(pool.accelerators for pool in plan.pools if pool.accelerator == part)
    boxes = {pool.chassis: pool.accelerators_per_node for pool in plan.pools if pool.accelerator == part}
    # Whole nodes on the shelf hold theirs too.
    cards += sum(ln.quantity * boxes.get(ln.part, 0) for ln in plan.lines if ln.group == "spares")
    return cards or sum(ln.quantity for ln in plan.lines if ln.part == part)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _node_range(least: list[float], most: list[float]) -> tuple[float | None, float | None]:
    return (min(least), max(most)) if least and most else (None, None)


def _node_prices(plan: Plan) -> list[float]:
    """What one node costs without anything around it, per pool."""
    return [
        float(sum(ln.extended * (1 + ln.tax_percent / 100) for ln in node_lines(plan, pool))) / pool.nodes
        for pool in plan.pools
    ]


def _per_node(plan: Plan, *, watts: bool) -> list[float]:
    """Everything that belongs to a pool's owner (nodes, fabric, managers), per node of the pool."""
    found = []
    for pool in plan.pools:
        owners = {ln.pool for ln in node_lines(plan, pool)}
        own = [ln for ln in plan.lines if ln.pool in owners]
        whole = sum(
            ln.max_power_w * ln.quantity / 1000 if watts else float(ln.extended * (1 + ln.tax_percent / 100))
            for ln in own
        )
        found.append(whole / pool.nodes)
    return found
