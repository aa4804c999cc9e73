"""What the proposal says beside its numbers: verdicts, parts left out, assumptions, questions; nothing internal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from planner.plan import Assumption, ComplianceEntry, Plan
from planner.wording import Wording

# Assumptions that tell about cost, and rules that tell what could be bought at which price: never for the customer.
PLAIN_KEYS = ("project", "language", "budget.currency")  # visible at a glance; no need to list them
INTERNAL_KEYS = ("money", "pricing.", "budget.price_", "budget.exchange_rates", "supply", "preferences.sizing")
PUBLIC_PRICE_NOTES = ("budget.vat_percent",)
PRICE_WORDS = re.compile(r"\bpric(?:e|es|ed|ing)\b", re.IGNORECASE)
MOST_LISTED = 8  # names written out before "and N more"
INTERNAL_RULES = ("no-price", "price-scope", "not-offered", "price")


def compliance_rows(plan: Plan, words: Wording) -> list[dict[str, Any]]:
    """Verdicts: what is planned first; parts that the same rule leaves out for the same reason share a row."""
    found: dict[tuple[object, ...], list[ComplianceEntry]] = {}
    for entry in sorted(plan.compliance, key=lambda e: not e.planned):
        key = (
            entry.planned,
            entry.verdict,
            entry.classification,
            entry.rules,
            entry.review_policy,
            entry.import_side,
            entry.on,
        )
        found.setdefault(key, []).append(entry)
    rows = []
    for members in found.values():
        first = members[0]
        rows.append(
            {
                "planned": first.planned,
                "parts": words("list").join(dict.fromkeys(plan.names.get(e.part, e.part) for e in members)),
                "classification": words.term("classification", first.classification)
                if first.classification
                else words("compliance.unclassified"),
                "verdict": words.term("verdict", first.verdict),
                "on": first.on,
                "reason": _reason(plan, first, len(members), words),
            }
        )
    return rows


def _reason(plan: Plan, entry: ComplianceEntry, members: int, words: Wording) -> str:
    """The sentence of a single part, or what its group has in common; then the rules."""
    parts = []
    chinese = words.language == "zh"
    summary = entry.summary_zh if chinese else words.phrase(entry.summary)
    alone = bool(summary) and (members == 1 or entry.planned)
    if summary and alone:
        named = summary.replace(entry.part, plan.names.get(entry.part, entry.part), 1).rstrip(".。")
        parts.append(_countries(named, words) if chinese else named)
    if entry.rules:
        parts.append(words("compliance.by", rules=words("list").join(words.term("rule_id", r) for r in entry.rules)))
    if entry.review_policy and not alone:
        parts.append(words("compliance.policy", policy=words.term("review_policy", entry.review_policy)))
    if entry.import_side and not alone:
        parts.append(words.term("import_side", entry.import_side))
    return words("compliance.join").join(parts)


def _countries(text: str, words: Wording) -> str:
    """Country codes of the rules' sentences as names: 供往 CN, 总部：SG, 位于 DE."""

    def called(found: re.Match[str]) -> str:
        return found[1].rstrip() + words.term("country", found[2])

    return re.sub(r"(供往 |总部：|位于 |所在地 )([A-Z]{2})\b", called, text)


def unknowns(plan: Plan, words: Wording) -> list[str]:
    """What every verdict takes for granted."""
    assumed = dict.fromkeys(text for entry in plan.compliance for text in entry.assumed)
    return [words.phrase(text) or text for text in assumed]


def left_out_by_rule(plan: Plan, words: Wording) -> list[tuple[str, str]]:
    """Accelerators and chassis that were not chosen for technical reasons, grouped: reason, names."""
    ruled_out = {e.part for e in plan.compliance if not e.planned} | {e.accelerator for e in plan.compliance}
    groups: dict[str, list[str]] = {}
    for left in plan.left_out:
        if left.part in ruled_out or left.rule in INTERNAL_RULES:
            continue
        groups.setdefault(left.rule, []).append(plan.names.get(left.part, left.part))
    return [(words.term("rule", rule), _few(names, words)) for rule, names in groups.items()]


def _few(names: list[str], words: Wording) -> str:
    """The first names, and how many more there are: old and consumer cards would fill a page."""
    if len(names) <= MOST_LISTED + 1:
        return words("list").join(names)
    return words("list").join(names[:MOST_LISTED]) + words("list_more", count=len(names) - MOST_LISTED)


def public_notices(notices: Iterable[str], words: Wording) -> list[str]:
    """What the customer should know about a node; what a price holds or lacks is the seller's own affair."""
    return [words.phrase(n) or n for n in notices if not PRICE_WORDS.search(n)]


def estimated_parts(plan: Plan) -> list[str]:
    """Names of the parts some of whose figures are planned by a rule."""
    sources = _sources(plan)
    found = [_estimated_part(n, plan) for n in plan.assumptions if n.kind == "estimate" and not _internal(n, sources)]
    return [n for n in dict.fromkeys(found) if n]


def notes(plan: Plan, words: Wording) -> list[tuple[str, list[str]]]:
    """Assumptions for the customer under their kinds. Estimated figures become one sentence: the workbook has each."""
    sources = _sources(plan)
    groups: dict[str, list[str]] = {}
    for note in plan.assumptions:
        if note.kind == "estimate" or _internal(note, sources):
            continue
        text = (note.text_zh if words.language == "zh" else None) or words.phrase(note.text)
        if text is None:
            groups.setdefault(words("notes.original"), []).append(note.text)
        else:
            known = groups.setdefault(words.term("assumption", note.kind), [])
            if text not in known:
                known.append(text)
    names = estimated_parts(plan)
    if names:
        text = words("notes.estimated", parts=words("brief.offers").join(names))
        groups.setdefault(words.term("assumption", "estimate"), []).append(text)
    return list(groups.items())


def _sources(plan: Plan) -> set[str]:
    return {ln.price.source for ln in [*plan.lines, *plan.yearly] if ln.price is not None}


def _estimated_part(note: Assumption, plan: Plan) -> str:
    """The part an estimate is about; estimates of node builds name their part inside the text."""
    if note.name in plan.names:
        return plan.names[note.name]
    part = note.text.split(":")[0].strip()
    if part in plan.names:
        return plan.names[part]
    return next((plan.names[p.chassis] for p in plan.pools if p.chassis in note.name and p.chassis in plan.names), "")


def _internal(note: Assumption, sources: Iterable[str]) -> bool:
    if note.kind == "price" and note.name not in PUBLIC_PRICE_NOTES:
        return True
    if note.kind == "notice" and PRICE_WORDS.search(note.text):
        return True
    if note.kind == "default" and (note.name in PLAIN_KEYS or note.name.startswith("workloads[")):
        return True
    return note.name.startswith(INTERNAL_KEYS) or any(source and source in note.text for source in sources)


def questions(plan: Plan, words: Wording) -> list[str]:
    """The open questions in the document's language."""
    chinese = words.language == "zh"
    return [(q.text_zh if chinese else None) or words.phrase(q.text) or q.text for q in plan.open_questions]
