"""Parts that are no accelerators: systems inherit from their chips, the rest carry the export entry of their kind."""

from __future__ import annotations

from dataclasses import replace

from planner import parts
from planner.catalog import Catalog
from planner.compliance import screen
from planner.compliance.beside import OtherItem, beside_of
from planner.compliance.paragraph import CLOSING
from planner.compliance.paragraph_zh import CLOSING as CLOSING_ZH
from planner.compliance.rules import Rule, rules_of
from planner.compliance.screening import Terms, case_of
from planner.plan import ComplianceEntry

KINDS: tuple[tuple[type[parts.Part], str], ...] = (
    (parts.Accelerator, "accelerator"),
    (parts.Baseboard, "accelerator"),
    (parts.Chassis, "system"),
    (parts.Cpu, "cpu"),
    (parts.ManagementNode, "management"),
    (parts.Switch, "switch"),
    (parts.Nic, "nic"),
    (parts.Bridge, "cable"),
    (parts.Optic, "optic"),
    (parts.Cable, "cable"),
    (parts.Drive, "drive"),
    (parts.Dimm, "memory"),
    (parts.StorageSystem, "storage"),
    (parts.Pdu, "pdu"),
    (parts.CoolingUnit, "cooling"),
    (parts.Rack, "rack"),
    (parts.Software, "software"),
)


def kind_of(part: parts.Part) -> str:
    """The kind by which a part has an export entry and a customs code."""
    return next((kind for model, kind in KINDS if isinstance(part, model)), "other")


def entry_of(item: OtherItem | None, classification: str | None, system: str | None) -> str | None:
    """The entry of a part of a kind: by its class, by that of the chips inside, or by the kind; None: unknown."""
    if item is None:
        return None
    if "any" in item.eccn:
        return item.eccn["any"]
    if item.kind == "system":
        return item.eccn.get(system or "", system)
    return item.eccn.get({"not 3A090": "none"}.get(classification or "", classification or ""))


def screen_part(catalog: Catalog, part_id: str, terms: Terms) -> ComplianceEntry:
    """The verdict on any part of the catalog: of a system that of its chips, of others what is known of their kind.

    A part whose export entry its maker has not published needs the maker's confirmation wherever a rule of its kind
    could matter; embargoes come first, and what does not leave a country is no export. KeyError for an unknown part.
    """
    part = catalog.parts[part_id]
    if part_id in catalog.accelerators:
        return screen(catalog, part_id, terms)
    chip = chip_of(catalog, part)
    if chip is not None:
        inside = screen(catalog, chip, terms)
        note = f"{part.vendor} {part.model} follows the chips in it ({chip}). "
        note_zh = f"{part.vendor} {part.model} 按其所含芯片（{chip}）判定。"
        return inside.model_copy(
            update={
                "part": part_id,
                "summary": note + inside.summary,
                "summary_zh": note_zh + (inside.summary_zh or ""),
            }
        )
    return _by_kind(catalog, part, terms)


def chip_of(catalog: Catalog, part: parts.Part) -> str | None:
    """The accelerator that a system or baseboard comes with, where that is certain."""
    if isinstance(part, parts.Baseboard):
        return part.accelerator
    if isinstance(part, parts.Chassis):
        return part.complete_for or (part.takes[0] if len(part.takes) == 1 else None)
    return None


def _by_kind(catalog: Catalog, part: parts.Part, terms: Terms) -> ComplianceEntry:
    rules, beside = rules_of(catalog), beside_of(catalog)
    item = beside.items.get(kind_of(part))
    case = case_of(rules, terms)
    used: tuple[Rule, ...] = ()
    embargo = next(
        (e for e in rules.table.embargo if e.valid(case.on) and rules.covers(e.where, [case.to], case.on)), None
    )
    domestic = part.origin == "CN" and all(
        place in ("CN", None) for place in (terms.to, terms.headquarters, terms.parent)
    )
    if embargo is not None:
        verdict, used = "prohibited", (embargo,)
        why, why_zh = f"{embargo.title} ({embargo.citation})", f"{embargo.title_zh or embargo.title}"
    elif terms.to == "US":
        verdict, why, why_zh = "no_licence_required", "it does not leave the United States", "货物不离开美国"
    elif domestic:
        verdict, why, why_zh = "domestic_supply", "made and used in mainland China", "中国大陆制造并使用"
    else:
        verdict = "needs_vendor_confirmation"
        why = "the maker must state the entry of the exact part number"
        why_zh = "须由厂商就具体料号出具 ECCN"
    family = entry_of(item, None, None)
    name = f"{part.vendor} {part.model}"
    if isinstance(part, parts.Chassis):
        why += "; it follows the chips that are put into it, so screen those"
        why_zh += "；其归类随所装芯片而定，须对芯片另行筛查"
    entry = f" Usual entry of its kind: {family} ({item.citation})." if family and item else ""
    entry_zh = f"同类产品常见 ECCN：{family}。" if family else ""
    note = f" {item.note[:1].upper()}{item.note[1:]}." if item and item.note else ""
    note_zh = f"{item.note_zh}。" if item and item.note_zh else ""
    return ComplianceEntry(
        part=part.id,
        accelerator=None,
        classification=None,
        verdict=verdict,
        rules=tuple(r.id for r in used),
        on=terms.on.isoformat(),
        summary=f"{name} to {terms.to} on {terms.on.isoformat()}: {why}.{entry}{note} {CLOSING}",
        summary_zh=f"{name} 于 {terms.on.isoformat()} 供往 {terms.to}：{why_zh}。{entry_zh}{note_zh}{CLOSING_ZH}",
        short=why,
        short_zh=why_zh,
        citations=tuple(dict.fromkeys([*(r.cited for r in used), *([item.citation] if item else [])])),
        data=(f"destination {terms.to}", f"origin {part.origin or 'not stated'}"),
        data_zh=(f"目的地 {terms.to}", f"原产地 {part.origin or '未说明'}"),
    )


def at_home(terms: Terms) -> Terms:
    """Terms with an unstated party put where the one before it is."""
    headquarters = terms.headquarters or terms.to
    return replace(terms, headquarters=headquarters, parent=terms.parent or headquarters)
