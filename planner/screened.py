"""The export worksheet of a plan: every part with its entry, verdict and questions; origins; what is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from planner import compliance
from planner.assemble import Chosen
from planner.compliance.beside import beside_of
from planner.compliance.items import at_home, entry_of, kind_of, screen_part
from planner.compliance.rules import Notice, rules_of
from planner.parts import Baseboard, Chassis, Part, Software
from planner.plan import Assumption, ComplianceEntry, LineScreening, OriginShare, PlanLine
from planner.problem import Prepared

WORST = ("3A090.a", "3A090.b", "unknown", "not 3A090")
UNSCREENED = ("services",)  # sections that are no goods


def screened(
    prepared: Prepared, chosen: Sequence[Chosen], capital: Sequence[PlanLine], yearly: Sequence[PlanLine]
) -> tuple[LineScreening, ...]:
    """One row per part that is bought, in the order of the lines; services are no goods and have none."""
    rows: dict[str, LineScreening] = {}
    for line in (*capital, *yearly):
        part = prepared.catalog.parts[line.part]
        if line.part in rows or line.section in UNSCREENED:
            continue
        if isinstance(part, Software) and part.per == "percent-of-hardware":
            continue
        rows[line.part] = _row(prepared, chosen, part)
    return tuple(rows.values())


def _row(prepared: Prepared, chosen: Sequence[Chosen], part: Part) -> LineScreening:
    catalog, kind = prepared.catalog, kind_of(part)
    item = beside_of(catalog).items.get(kind)
    entry = _entry(prepared, chosen, part)
    asks, asks_zh = list(item.asks if item else ()), list(item.asks_zh if item else ())
    if kind in ("accelerator", "system"):
        for english, chinese in _asks(entry, prepared):
            asks.append(english)
            asks_zh.append(chinese)
    rules = [rules_of(catalog).find(name) for name in entry.rules]
    by_rule = kind in ("accelerator", "system") or entry.verdict == "prohibited"
    eccn = entry_of(item, entry.classification, entry.system)
    return LineScreening(
        part=part.id,
        kind=kind,
        eccn=eccn,
        eccn_zh=item.any_zh if item and item.any_zh else eccn,
        hs6=item.hs6 if item else (),
        classification=entry.classification,
        verdict=entry.verdict,
        rules=entry.rules,
        citation="; ".join(f"{r.id}: {r.citation}" for r in rules) if by_rule else item.citation if item else "",
        citation_zh=(
            "；".join(f"{r.id}：{r.citation_zh or r.citation}" for r in rules)
            if by_rule
            else item.citation_zh
            if item
            else ""
        ),
        data=entry.data,
        data_zh=entry.data_zh,
        asks=tuple(asks),
        asks_zh=tuple(asks_zh),
    )


def _entry(prepared: Prepared, chosen: Sequence[Chosen], part: Part) -> ComplianceEntry:
    """The verdict on a part: of a server or board that of its worst chip in this plan."""
    if part.id in prepared.verdicts:
        return prepared.verdicts[part.id]
    inside: list[str] = []
    if isinstance(part, Chassis):
        inside = [c.option.node.accelerator for c in chosen if c.option.node.chassis == part.id]
    elif isinstance(part, Baseboard):
        inside = [part.accelerator]
    if inside:
        entries = [prepared.verdicts[a] for a in inside]
        return min(entries, key=lambda e: (WORST.index(e.classification) if e.classification in WORST else 9, e.part))
    return screen_part(prepared.catalog, part.id, at_home(compliance.terms_from(prepared.request, prepared.on)))


def _asks(entry: ComplianceEntry, prepared: Prepared) -> list[tuple[str, str]]:
    """What this verdict makes it necessary to ask."""
    found = []
    if entry.verdict == "licence_required":
        found.append(("the licence, and who applies for it", "许可证及申请主体"))
    found += list(zip(entry.conditions, entry.conditions_zh, strict=False))
    if entry.exception == "NAC":
        found.append(
            (
                "the purchase order and the confirmation of the notice given at least 25 days before shipment",
                "采购订单，以及发运前至少 25 日所提交通知的确认编号",
            )
        )
    if entry.import_side == "import_unknown" and prepared.request.site.country == "CN":
        found.append(
            ("import approval of this order; private or state money", "本订单的进口许可；资金性质（民营或国有）")
        )
    if "N-GP10" in entry.summary:
        notice = next(n for n in rules_of(prepared.catalog).notices if n.id == "N-GP10")
        found.append((notice.asks or notice.title, notice.asks_zh or notice.title))
    return found


def origin_share(country: str, capital: Sequence[PlanLine]) -> OriginShare:
    """Capital by origin, without tax."""
    sums = {
        kind: sum((ln.extended for ln in capital if ln.supply == kind), Decimal(0))
        for kind in ("domestic", "imported", "unknown")
    }
    known = sums["domestic"] + sums["imported"]
    share = round(float(sums["domestic"] / known), 4) if known else None
    return OriginShare(country=country, share=share, **sums)


# -- notes of a plan ---------------------------------------------------------------------------------------------------
def rule_notes(prepared: Prepared, chosen: Sequence[Chosen]) -> list[Assumption]:
    """Which verdicts of the plan would change by rules already announced or suspended, and what cannot be told."""
    rules, beside, on = rules_of(prepared.catalog), beside_of(prepared.catalog), prepared.on
    found = []
    for accelerator in sorted({c.option.node.accelerator for c in chosen}):
        for ahead in prepared.verdicts[accelerator].foreseen:
            found.append(
                Assumption(
                    kind="compliance",
                    name=f"foreseen:{ahead.rule}",
                    text=f"The verdict on {accelerator} would change: {ahead.text}.",
                    text_zh=f"{accelerator} 的审查结论将会变化：{ahead.text_zh}。",
                )
            )
    for rule, day in compliance.returning(rules, on):
        found.append(
            Assumption(
                kind="compliance",
                name=f"foreseen:{rule.id}",
                text=f"{rule.id} ({rule.title}, {rule.citation}) is suspended and returns on {day.isoformat()}.",
                text_zh=f"{rule.id}（{rule.title_zh or rule.title}）暂停执行，{day.isoformat()} 起恢复。",
            )
        )
    pending = [p for p in beside.pending if p.start <= on]
    if pending and prepared.request.site.country != "US":
        told = "; ".join(f"{p.title} ({p.state})" for p in pending)
        told_zh = "；".join(f"{p.title_zh}（{p.state_zh}）" for p in pending)
        found.append(
            Assumption(
                kind="compliance",
                name="pending",
                text=f"Bills and drafts without a text in force decide nothing here: {told}.",
                text_zh=f"下列法案或草案尚无生效文本，未计入结论：{told_zh}。",
            )
        )
    return found + _licences(prepared, chosen)


def _licences(prepared: Prepared, chosen: Sequence[Chosen]) -> list[Assumption]:
    """The licence lead time that the user gave, for what is planned under a licence."""
    days = prepared.request.compliance.licence_lead_days
    used = {c.option.node.accelerator for c in chosen}
    waiting = sorted(a for a in used if prepared.verdicts[a].verdict == "licence_required")
    if not waiting or days is None:
        return []
    names = ", ".join(waiting)
    return [
        Assumption(
            kind="compliance",
            name="compliance.licence_lead_days",
            text=f"{names}: {days} days until a licence are the requester's own figure; nobody can promise one.",
            text_zh=f"{names}：许可证办理周期 {days} 天由需求方自行给出，本工具不作任何预测。",
        )
    ]


def licence_questions(prepared: Prepared, chosen: Sequence[Chosen]) -> list[Assumption]:
    """Questions that planned licences and exceptions raise."""
    found = []
    used = sorted({c.option.node.accelerator for c in chosen})
    for accelerator in used:
        entry = prepared.verdicts[accelerator]
        if entry.verdict == "licence_required" and prepared.request.compliance.licence_lead_days is None:
            found.append(
                Assumption(
                    kind="compliance",
                    name="compliance.licence_lead_days",
                    text=f"{accelerator} needs a licence first: who applies, and how long is planned for it?",
                    text_zh=f"{accelerator} 须先取得许可证：由谁申请，预留多长时间？",
                )
            )
        if entry.verdict == "needs_vendor_confirmation":
            found.append(
                Assumption(
                    kind="compliance",
                    name="vendor",
                    text=f"What does the maker of {accelerator} confirm in writing (ECCN, licence statement)?",
                    text_zh=f"{accelerator} 厂商能否书面确认 ECCN 及许可要求？",
                )
            )
    return found


def notice_note(notice: Notice) -> Assumption:
    """A notice that a whole plan must carry."""
    return Assumption(
        kind="compliance",
        name=notice.id,
        text=f"Notice {notice.id}, {notice.title} ({notice.citation}): {notice.says}",
        text_zh=f"提示 {notice.id}，{notice.title_zh or notice.title}（{notice.citation}）：{notice.says_zh}",
    )
