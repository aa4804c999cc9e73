"""Export worksheet and origins, recomputed: supply per line, shares, figures compared, entries, notices by own PFLOPS.

Verdict texts cannot be recomputed from the catalog's parts; they are sealed. What is arithmetic or a look-up is done
again here, without the code that screens.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from planner.catalog import Catalog
from planner.parts import (
    Accelerator,
    Baseboard,
    Cable,
    Chassis,
    Cpu,
    Dimm,
    Drive,
    ManagementNode,
    Nic,
    Optic,
    Part,
    Pdu,
    Rack,
    Software,
    StorageSystem,
    Switch,
)
from planner.plan import ComplianceEntry, LineScreening, Plan

DENIED = ("presumption_of_denial", "policy_of_denial")
KINDS: dict[str, tuple[type[Part], ...]] = {
    "accelerator": (Accelerator, Baseboard),
    "system": (Chassis,),
    "cpu": (Cpu,),
    "management": (ManagementNode,),
    "switch": (Switch,),
    "nic": (Nic,),
    "optic": (Optic,),
    "drive": (Drive,),
    "memory": (Dimm,),
    "storage": (StorageSystem,),
    "pdu": (Pdu,),
    "rack": (Rack,),
    "software": (Software,),
}
# Classes of preferences.origin and the parts that belong to them.
CLASSES: dict[str, tuple[type[Part], ...]] = {
    "accelerator": (Accelerator, Baseboard),
    "cpu": (Cpu,),
    "switch": (Switch,),
    "storage": (StorageSystem,),
}


def check_origins(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Supply of every line, the sums and the share, and that no line breaks preferences.origin."""
    country = plan.request["site"]["country"]
    asked = plan.request["preferences"].get("origin") or {}
    sums = {"domestic": Decimal(0), "imported": Decimal(0), "unknown": Decimal(0)}
    for line in (*plan.lines, *plan.yearly):
        part = catalog.parts.get(line.part)
        if part is None:
            continue
        expected = "unknown" if part.origin is None else "domestic" if part.origin == country else "imported"
        if line.supply != expected:
            yield f"lines {line.position} ({line.part}): supply {line.supply}, its origin {part.origin} makes it {expected}"
        for name, models in CLASSES.items():
            if asked.get(name) == "domestic" and isinstance(part, models) and part.origin != country:
                yield f"lines {line.position} ({line.part}): origin {part.origin}, preferences.origin.{name} is domestic"
        system = isinstance(part, Software) and part.section == "software" and part.per != "percent-of-hardware"
        if system and asked.get("system_software") == "domestic" and part.origin != country:
            yield f"lines {line.position} ({line.part}): origin {part.origin}, system software is to be domestic"
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        origin = part.origin if part else None
        sums["unknown" if origin is None else "domestic" if origin == country else "imported"] += line.extended
    shares = plan.origins
    if shares is None:
        yield "origins: missing"
        return
    if shares.country != country:
        yield f"origins.country: {shares.country}, the site is in {country}"
    for name, total in sums.items():
        if getattr(shares, name) != total:
            yield f"origins.{name}: {getattr(shares, name)}, the lines add up to {total}"
    known = sums["domestic"] + sums["imported"]
    share = round(float(sums["domestic"] / known), 4) if known else None
    if shares.share != share:
        yield f"origins.share: {shares.share}, the lines give {share}"


def check_screening(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The worksheet: one row per part that is bought, its entry and codes from the table, its verdict that of the plan."""
    items = {i["kind"]: i for i in catalog.tables("rules")["other-items"]["items"]}
    entries = {e.part: e for e in plan.compliance if e.part == e.accelerator}
    goods = {ln.part for ln in (*plan.lines, *plan.yearly) if ln.section != "services"}
    percent = {i for i in goods if getattr(catalog.parts.get(i), "per", None) == "percent-of-hardware"}
    rows = [row.part for row in plan.screening]
    for part in sorted(goods - percent - set(rows)):
        yield f"screening: {part} is bought and has no row"
    for part in sorted(set(rows) - goods) + sorted({r for r in rows if rows.count(r) > 1}):
        yield f"screening: {part} stands there without a line, or twice"
    for row in plan.screening:
        part_record = catalog.parts.get(row.part)
        if part_record is None:
            continue
        name = f"screening ({row.part})"
        expected = next((k for k, models in KINDS.items() if isinstance(part_record, models)), "cable")
        if row.kind != expected:
            yield f"{name}: kind {row.kind}, it is a {expected}"
        item = items.get(row.kind)
        if item is not None and list(row.hs6) != item["hs6"]:
            yield f"{name}: customs codes {', '.join(row.hs6)}, the table has {', '.join(item['hs6'])}"
        yield from _row(name, row, item, _chip(plan, part_record, entries))


def _row(name: str, row: LineScreening, item: dict[str, Any] | None, chip: ComplianceEntry | None) -> Iterator[str]:
    if chip is not None:
        for field in ("classification", "verdict", "rules", "data", "data_zh"):
            if getattr(row, field) != getattr(chip, field):
                yield f"{name}: {field} differs from that of {chip.part}"
    if item is None:
        return
    entries = item["eccn"]
    if "any" in entries:
        expected = entries["any"]
    elif chip is None:
        expected = row.eccn
    elif row.kind == "system":
        expected = entries.get(chip.system, chip.system)
    else:
        expected = entries.get({"not 3A090": "none"}.get(chip.classification or "", chip.classification))
    if row.eccn != expected:
        yield f"{name}: entry {row.eccn}, the table has {expected}"


def _chip(plan: Plan, part: Part, entries: dict[str, ComplianceEntry]) -> ComplianceEntry | None:
    """The verdict that a part inherits, where only one accelerator can be meant."""
    if isinstance(part, Accelerator):
        return entries.get(part.id)
    if isinstance(part, Baseboard):
        return entries.get(part.accelerator)
    if isinstance(part, Chassis):
        inside = {p.accelerator for p in plan.pools if p.chassis == part.id}
        return entries.get(next(iter(inside))) if len(inside) == 1 else None
    return None


def check_figures(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The figures that a verdict was compared with are the catalog's, and nothing denied is planned."""
    for k, entry in enumerate(plan.compliance):
        name = f"compliance[{k}] ({entry.part})"
        if entry.planned and entry.review_policy in DENIED:
            yield f"{name}: planned, and an application would meet a {entry.review_policy.replace('_', ' ')}"
        part = catalog.accelerators.get(entry.accelerator or "")
        if part is None or not entry.data:
            continue
        for said, value in (
            ("TPP", part.tpp),
            ("performance density", part.performance_density),
            ("memory bandwidth", part.memory_bandwidth_gb_per_s),
        ):
            unit = " GB/s" if said == "memory bandwidth" else ""
            form = f"{value:,.3g}" if said == "performance density" and value is not None else f"{value or 0:,.0f}"
            expected = f"{said} not published" if value is None else f"{said} {form}{unit}"
            if expected not in entry.data:
                yield f"{name}: {expected} is not among the figures compared"
    yield from _supercomputer(plan, catalog)


def _supercomputer(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The notice that the plan's own dense peak triggers stands in it, and only then."""
    notices = catalog.tables("rules")["us-notices"]["notices"]
    rule = next((n for n in notices if n.get("thresholds")), None)
    day = plan.provenance.rule_date
    if rule is None or not str(rule["valid_from"]) <= day <= str(rule.get("valid_to") or "9999"):
        return
    peaks = {"fp64_pflops": 0.0, "fp32_pflops": 0.0}
    for pool in plan.pools:
        rates = catalog.accelerators[pool.accelerator].dense_tflops
        peaks["fp64_pflops"] += max(rates.get("fp64", 0.0), rates.get("fp64_tensor", 0.0)) * pool.accelerators / 1000
        peaks["fp32_pflops"] += rates.get("fp32", 0.0) * pool.accelerators / 1000
    reached = any(peaks.get(k, 0.0) >= floor for k, floor in rule["thresholds"].items())
    customer, home = plan.request["customer"], plan.request["site"]["country"]
    headquarters = customer["headquarters"] or home
    places = {home, headquarters, customer["ultimate_parent"] or headquarters}
    meant = bool(places & _countries(catalog, rule["where"], dt.date.fromisoformat(day)))
    told = any(a.name == rule["id"] for a in plan.assumptions)
    if (reached and meant) != told:
        peak = f"{peaks['fp64_pflops']:,.1f} PFLOPS FP64 and {peaks['fp32_pflops']:,.1f} FP32"
        yield f"assumptions: notice {rule['id']} is {'missing' if not told else 'there without reason'} at {peak}"


def _countries(catalog: Catalog, where: dict[str, Any], on: dt.date) -> set[str]:
    """The countries a rule means on a day, those that are treated like them included."""
    table = catalog.tables("rules")["country-groups"]
    found = set(where.get("countries", ()))
    for group in where.get("groups", ()):
        members = set(table["members"].get(group, ()))
        for change in table.get("changes", ()):
            if change["group"] == group:
                members.discard(change["country"])
        for change in table.get("changes", ()):
            inside = str(change.get("from") or "") <= on.isoformat() <= str(change.get("to") or "9999")
            if change["group"] == group and inside:
                members.add(change["country"])
        found |= members
    return found | {code for code, like in table["treat_as"].items() if like in found}
