"""Energy of each piece of work: typical draw of its own lines × utilisation × annual PUE × hours, and its cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planner.plan import Plan, Pool, WorkEnergy
from planner.verify.money import HOURS, UTILISATION, pue, tariff
from planner.verify.prices import Landed

NEAR = 1e-9  # relative, beside half of the last digit that is kept
ROUNDED = {"cost": 0.00501, "kwh": 0.000501, "accelerator_hours": 0.000501}


def check_energy(plan: Plan, landed: Landed) -> Iterator[str]:
    """One entry for every owner of nodes, with what its lines, its prediction and the request give."""
    works = {w["name"]: w for w in plan.request["workloads"]}
    sharing = {name for name, w in works.items() if w["share"] and w["kind"] == "inference"}
    owners: dict[str, list[Pool]] = {}
    for pool in plan.pools:
        owners.setdefault("shared" if sharing & set(pool.workloads) else pool.workload, []).append(pool)
    if [e.work for e in plan.energy] != list(owners):
        yield f"energy: {', '.join(e.work for e in plan.energy) or 'nothing'}, the pools belong to {', '.join(owners)}"
        return
    for k, entry in enumerate(plan.energy):
        for field, have, want in _figures(plan, landed, entry, owners[entry.work], works):
            if not _same(field, have, want):
                yield f"energy[{k}] ({entry.work}): {field} {have}, expected {want}"


def _figures(
    plan: Plan, landed: Landed, entry: WorkEnergy, pools: list[Pool], works: dict[str, Any]
) -> Iterator[tuple[str, object, object]]:
    names = tuple(dict.fromkeys(name for pool in pools for name in pool.workloads))
    work = works[names[0]] if len(names) == 1 else None
    kilowatts = sum(ln.typical_power_w * ln.quantity for ln in plan.lines if ln.pool == entry.work) / 1000
    year, price = pue(plan)[1], tariff(plan, landed)
    predicted = [p for pool in pools for p in pool.predicted]
    rate, hours, utilisation = 0.0, float(HOURS), float(UTILISATION)
    if work is not None and predicted:
        value = sum(p.value for p in predicted)
        run = work["kind"] == "training" and len(predicted) == 1
        rate = value if run else predicted[0].asked or value
        if run and work["tokens"]:
            hours, utilisation = float(work["tokens"]) / value / 3600, 1.0
    length = utilisation == 1.0
    kwh = kilowatts * utilisation * year * entry.hours
    yield "workloads", entry.workloads, names
    yield "period", entry.period, "run" if length else "year"
    yield "typical_kw", entry.typical_kw, kilowatts
    yield "utilisation", entry.utilisation, utilisation
    yield "pue", entry.pue, year
    yield "hours", entry.hours, hours
    yield "kwh", entry.kwh, kwh
    yield "tariff", entry.tariff, None if price is None else float(price)
    yield "cost", None if entry.cost is None else float(entry.cost), None if price is None else entry.kwh * float(price)
    used = float(predicted[0].details.get("accelerators_used") or 0) if length else 0.0
    yield "accelerator_hours", entry.accelerator_hours, used * entry.hours if length else None
    units = _units(work) if rate > 0 else {}
    yield "per_million", tuple(e.unit for e in entry.per_million), tuple(units)
    for each in entry.per_million:
        if each.unit in units:
            energy = 1e6 * kilowatts * year / (rate * 3600 * units[each.unit])
            yield f"kWh per million {each.unit}", each.kwh, energy
            yield f"cost per million {each.unit}", each.cost, None if price is None else energy * float(price)


def _units(work: dict[str, Any] | None) -> dict[str, int]:
    """What a million of is told, and how many of it one unit of the rate is."""
    if work is None or work["kind"] not in ("training", "inference"):
        return {}
    if work["benchmark"] is not None:
        return {"samples": 1}
    return (
        {"tokens": 1} if work["kind"] == "training" else {"requests": 1, "generated tokens": work["output_tokens"] or 1}
    )


def _same(field: str, have: object, want: object) -> bool:
    if isinstance(have, float) and isinstance(want, float):
        return abs(have - want) <= ROUNDED.get(field, 1e-6) + NEAR * abs(want)
    return have == want
