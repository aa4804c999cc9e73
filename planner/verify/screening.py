"""Export worksheet and origins, recomputed: supply per line, shares, figures compared, entries, notices by own PFLOPS.

Verdict texts cannot be recomputed from the catalog's parts; they are sealed. What is arithmetic or a look-up is done
again here, without the code that screens.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

from planner.catalog import Catalog
from planner.parts import (
    Accelerator,
    Baseboard,
    Chassis,
    CoolingUnit,
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

_TABLES: WeakKeyDictionary[Catalog, dict[str, Any]] = WeakKeyDictionary()


def tables(catalog: Catalog) -> dict[str, Any]:
    """The rule tables, read once: a plan is checked many times against one catalog."""
    found = _TABLES.get(catalog)
    if found is None:
        found = _TABLES[catalog] = catalog.tables("rules")
    return found


# Rate per PCI Express lane, both directions added, in GB/s, for cards without a link of their own.
LANE_GB_PER_S = {3: 2.0, 4: 4.0, 5: 8.0, 6: 16.0}
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
    "cooling": (CoolingUnit,),
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
            yield f"lines {line.position} ({line.part}): supply {line.supply}, origin {part.origin} makes it {expected}"
        for name, models in CLASSES.items():
            if asked.get(name) == "domestic" and isinstance(part, models) and part.origin != country:
                yield f"lines {line.position} ({line.part}): origin {part.origin}, the {name} is to be domestic"
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
    """The worksheet: one row per part, its entry and codes from the table, its verdict that of the plan."""
    items = {i["kind"]: i for i in tables(catalog)["other-items"]["items"]}
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
        chip = _chip(plan, part_record, entries)
        yield from _row(name, row, item, chip, _expected(plan, catalog, part_record, item, chip))


def _row(
    name: str, row: LineScreening, item: dict[str, Any] | None, chip: ComplianceEntry | None, expected: dict[str, Any]
) -> Iterator[str]:
    for field, value in expected.items():
        if getattr(row, field) != value:
            yield f"{name}: {field} {getattr(row, field)}, expected {value}"
    if item is None:
        return
    entries = item["eccn"]
    if "any" in entries:
        eccn = entries["any"]
    elif row.kind == "system":
        eccn = entries.get(chip.system, chip.system) if chip else row.eccn
    else:
        classification = chip.classification if chip else row.classification
        eccn = entries.get({"not 3A090": "none"}.get(classification or "", classification))
    if row.eccn != eccn:
        yield f"{name}: entry {row.eccn}, the table has {eccn}"
    if row.eccn_zh != (item.get("any_zh") or eccn):
        yield f"{name}: entry in Chinese {row.eccn_zh}, the table has {item.get('any_zh') or eccn}"
    for language, asks in (("asks", row.asks), ("asks_zh", row.asks_zh)):
        if list(asks[: len(item.get(language, []))]) != item.get(language, []):
            yield f"{name}: {language} do not begin with those of its kind"


def _expected(
    plan: Plan, catalog: Catalog, part: Part, item: dict[str, Any] | None, chip: ComplianceEntry | None
) -> dict[str, Any]:
    """What a row has to say: that of its chip, else what is known of its kind and place."""
    if chip is not None:
        told = _citations(catalog)
        return {
            "classification": chip.classification,
            "verdict": chip.verdict,
            "rules": chip.rules,
            "data": chip.data,
            "data_zh": chip.data_zh,
            "citation": "; ".join(f"{r}: {told[r][0]}" for r in chip.rules),
            "citation_zh": "；".join(f"{r}：{told[r][1]}" for r in chip.rules),
        }
    if isinstance(part, Chassis | Accelerator | Baseboard):
        return {}
    to, headquarters, parent = _places(plan)
    embargo = next(
        (
            e
            for e in tables(catalog)["us-advanced-computing"]["embargo"]
            if str(e["valid_from"]) <= plan.provenance.rule_date <= str(e.get("valid_to") or "9999")
            and to in _countries(catalog, e["where"], dt.date.fromisoformat(plan.provenance.rule_date))
        ),
        None,
    )
    domestic = part.origin == "CN" and {to, headquarters, parent} == {"CN"}
    verdict = (
        "prohibited"
        if embargo
        else "no_licence_required"
        if to == "US"
        else "domestic_supply"
        if domestic
        else "needs_vendor_confirmation"
    )
    found: dict[str, Any] = {
        "classification": None,
        "verdict": verdict,
        "data": (f"destination {to}", f"origin {part.origin or 'not stated'}"),
        "data_zh": (f"目的地 {to}", f"原产地 {part.origin or '未说明'}"),
    }
    if embargo is None:
        found |= {
            "rules": (),
            "citation": item["citation"] if item else "",
            "citation_zh": item["citation_zh"] if item else "",
        }
    return found


def _places(plan: Plan) -> tuple[str, str, str]:
    customer, to = plan.request["customer"], str(plan.request["site"]["country"])
    headquarters = customer["headquarters"] or to
    return to, headquarters, customer["ultimate_parent"] or headquarters


def _citations(catalog: Catalog) -> dict[str, tuple[str, str]]:
    """English and Chinese citation of every rule of every table by id."""
    found = {}
    for table in tables(catalog).values():
        for rules in table.values() if isinstance(table, dict) else ():
            for rule in rules if isinstance(rules, list) else ():
                if isinstance(rule, dict) and "citation" in rule and "id" in rule:
                    found[rule["id"]] = (rule["citation"], rule.get("citation_zh") or rule["citation"])
    return found


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
        if part is None or not entry.planned:
            continue
        english, chinese = _figures(plan, part)
        for said, have in ((english, entry.data), (chinese, entry.data_zh)):
            if have != said:
                wrong = [f for f in have if f not in said] or ["something is missing"]
                yield f"{name}: the figures compared do not fit the catalog: {', '.join(wrong)}"
    yield from _supercomputer(plan, catalog)


def _figures(plan: Plan, part: Accelerator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The places, parties and figures that a verdict is about, in both languages."""
    to, headquarters, parent = _places(plan)
    start = plan.request["compliance"]["ship_from"]
    if part.origin == "CN" and start == "US":
        start = "CN"
    english = [f"destination {to}, from {start}, headquarters {headquarters}, parent {parent}"]
    chinese = [f"目的地 {to}，发运地 {start}，总部 {headquarters}，最终母公司 {parent}"]
    if part.origin == "CN":
        english.append("designed and made in mainland China")
        chinese.append("中国大陆设计并制造")
    link = part.scale_up.gb_per_s
    if link is None and part.scale_up.name.startswith("none"):
        lane = LANE_GB_PER_S.get(part.pcie_gen or 0)
        link = None if lane is None or part.pcie_lanes is None else lane * part.pcie_lanes
    for said, said_zh, value, unit, form in (
        ("TPP", "总处理性能", part.tpp, "", ",.0f"),
        ("performance density", "性能密度", part.performance_density, "", ",.3g"),
        ("memory bandwidth", "显存带宽", part.memory_bandwidth_gb_per_s, " GB/s", ",.0f"),
        ("chip-to-chip bandwidth", "芯片间互联带宽", link, " GB/s", ",.0f"),
    ):
        shown = None if value is None else f"{value:{form}}{unit}"
        english.append(f"{said} {shown or 'not published'}")
        chinese.append(f"{said_zh} {shown or '未公开'}")
    sold = part.designed_for_datacenter
    english.append(
        "data-centre purpose not stated" if sold is None else "for data centres" if sold else "not for data centres"
    )
    chinese.append("是否面向数据中心未说明" if sold is None else "面向数据中心" if sold else "非面向数据中心")
    return tuple(english), tuple(chinese)


def _supercomputer(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The notice that the plan's own dense peak triggers stands in it, and only then."""
    notices = tables(catalog)["us-notices"]["notices"]
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
    meant = bool(set(_places(plan)) & _countries(catalog, rule["where"], dt.date.fromisoformat(day)))
    told = any(a.name == rule["id"] for a in plan.assumptions)
    if (reached and meant) != told:
        peak = f"{peaks['fp64_pflops']:,.1f} PFLOPS FP64 and {peaks['fp32_pflops']:,.1f} FP32"
        yield f"assumptions: notice {rule['id']} is {'missing' if not told else 'there without reason'} at {peak}"


def _countries(catalog: Catalog, where: dict[str, Any], on: dt.date) -> set[str]:
    """The countries a rule means on a day, those that are treated like them included."""
    table = tables(catalog)["country-groups"]
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
