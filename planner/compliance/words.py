"""Verdicts in few words, English and Chinese, for tables and one-line messages. The full reasoning is in `paragraph`.

A short form has the verdict, the rule and the decisive number: `licence required under 3A090.a (HQ2023): TPP 15,831,
limit 4,800; presumption of denial`. What the rules say, never that something is allowed or will be.
"""

from __future__ import annotations

from planner.compliance.classify import Item
from planner.compliance.numbers import compared, told, told_zh
from planner.compliance.rules import (
    ClassRule,
    EndUse,
    Letter,
    LooseMemory,
    Reaches,
    Requirement,
    Rule,
    Rules,
)
from planner.compliance.screening import Finding

VERDICTS = {
    "no_licence_required": "no licence requirement found, screening still needed",
    "licence_exception": "licence exception with conditions",
    "licence_required": "licence required",
    "prohibited": "prohibited by embargo or a policy of denial",
    "needs_vendor_confirmation": "needs the vendor's confirmation",
    "domestic_supply": "domestic supply, no export takes place",
}
VERDICTS_ZH = {
    "no_licence_required": "未发现许可要求，仍须筛查",
    "licence_exception": "可适用许可例外（附条件）",
    "licence_required": "需要许可证",
    "prohibited": "因禁运或拒绝政策禁止供货",
    "needs_vendor_confirmation": "须由厂商书面确认",
    "domestic_supply": "境内供货，不构成出口",
}
POLICIES = {
    "presumption_of_denial": "presumption of denial",
    "presumption_of_approval": "presumption of approval",
    "case_by_case": "case by case",
    "policy_of_denial": "policy of denial",
    "not_published": "not published",
}
POLICIES_ZH = {
    "presumption_of_denial": "推定拒绝",
    "presumption_of_approval": "推定批准",
    "case_by_case": "逐案审查",
    "policy_of_denial": "一律拒绝",
    "not_published": "未公布",
}
PARTIES = {"headquarters": "end user's headquarters", "ultimate parent": "ultimate parent"}
PARTIES_ZH = {"headquarters": "最终用户总部", "ultimate parent": "最终母公司总部"}
IMPORTS = {
    "import_open": "no import-side restriction found",
    "import_restricted": "restricted by the importing side",
    "import_unknown": "import side unknown",
}
LEAVING = {
    "import_open": "a permit for this order is stated",
    "import_restricted": "notice and permit needed there",
    "import_unknown": "not known",
}
LEAVING_ZH = {
    "import_open": "已说明取得许可",
    "import_restricted": "须通知并取得当地许可",
    "import_unknown": "情况未知",
}
IMPORTS_ZH = {"import_open": "进口侧未见限制", "import_restricted": "进口侧受限", "import_unknown": "进口侧情况未知"}
# One word per cell of a table; `matrix_text` explains them.
MARKS = {
    "no_licence_required": "none",
    "licence_exception": "except",
    "licence_required": "licence",
    "prohibited": "PROHIB",
    "needs_vendor_confirmation": "ask",
    "domestic_supply": "home",
}
MARKS_ZH = {
    "no_licence_required": "未见",
    "licence_exception": "例外",
    "licence_required": "许可",
    "prohibited": "禁止",
    "needs_vendor_confirmation": "待确认",
    "domestic_supply": "境内",
}
POLICY_MARKS = {
    "presumption_of_denial": "deny",
    "presumption_of_approval": "appr",
    "case_by_case": "case",
    "not_published": "letter",
}
POLICY_MARKS_ZH = {
    "presumption_of_denial": "拒绝",
    "presumption_of_approval": "批准",
    "case_by_case": "逐案",
    "not_published": "函",
}


def classification_text(found: Finding) -> str | None:
    """How a class is printed: `3A090.a`, `3A090.b`, `not 3A090`, `unknown`; None where it was not asked."""
    return "not 3A090" if found.classification == "none" else found.classification


def deciding(rules: Rules, found: Finding) -> Rule | None:
    """The rule that gave the verdict: requirement, letter, embargo, origin or end use; else the text of the class."""
    kinds: dict[str, tuple[type[Rule], ...]] = {
        "destination": (Requirement,),
        "headquarters": (Requirement,),
        "end_use": (EndUse,),
    }
    if found.trigger == "letter":
        return next((r for r in found.rules if r in rules.table.letters), None)
    wanted = kinds.get(found.trigger, (Rule,))
    return next((r for r in found.rules if isinstance(r, wanted)), None)


def text_of_class(found: Finding) -> ClassRule | None:
    """The classification text of the day, where the answer rests on one."""
    return next((r for r in found.rules if isinstance(r, ClassRule)), None)


def short(rules: Rules, item: Item, found: Finding) -> str:
    """Verdict, rule and decisive number in one line, without the part and the parties.

    An enforced answer never stands alone where a text on the books says something else.
    """
    text = _short(rules, item, found)
    if found.codified_rule is None or (found.codified or found.verdict) == found.verdict:
        return text
    codified = found.codified or "licence_required"
    return f"{text}; on the books, not enforced: {codified.replace('_', ' ')} ({found.codified_rule.id})"


def _short(rules: Rules, item: Item, found: Finding) -> str:
    rule = deciding(rules, found)
    named = f" ({rule.id})" if rule else ""
    numbers = _numbers(item, found)
    because = f": {numbers}" if numbers else ""
    if found.verdict == "prohibited":
        return f"prohibited{named}: {rule.title if rule else 'embargo'}"
    if found.verdict == "domestic_supply":
        return f"domestic supply{named}: no export takes place{_notices(found)}"
    if found.trigger == "origin":
        return (
            f"needs the vendor's confirmation{named}: Chinese design outside a purely domestic supply{_notices(found)}"
        )
    if found.verdict == "licence_required":
        policy = f"; {POLICIES[found.review_policy]}" if found.review_policy else ""
        if found.trigger == "letter":
            if found.review_policy == "not_published":
                policy = "; review policy not published"
            return f"licence required by letter{named}: {letter_reason(rule, item)}{policy}"
        if found.trigger == "end_use":
            return f"licence required for the stated end use{named}: {found.end_use_word}{policy}"
        return f"licence required under {found.classification}{_by(found, named)}{because}{policy}"
    if found.verdict == "licence_exception" and found.exception:
        code = found.exception.code
        return f"licence exception {code} for {found.classification}{_by(found, named)}{because}"
    if found.verdict == "needs_vendor_confirmation":
        reason = found.warnings[0] if found.warnings else "class unknown, a figure it turns on is not published"
        return f"needs the vendor's confirmation{named}: {reason}"
    if found.classification in ("3A090.a", "3A090.b", "3A090.c"):
        spared = next((r for r in found.rules if r in rules.table.destination), None)
        why = f"but {spared.id} names the recipient" if spared else "but no rule reaches this destination and party"
        return f"no licence requirement found: {found.classification}, {why}"
    return f"no licence requirement found{named}: not 3A090{', ' + numbers if numbers else ''}"


def short_zh(rules: Rules, item: Item, found: Finding) -> str:
    """The same in Chinese."""
    text = _short_zh(rules, item, found)
    if found.codified_rule is None or (found.codified or found.verdict) == found.verdict:
        return text
    codified = VERDICTS_ZH[found.codified or "licence_required"]
    return f"{text}；另有在册但不予执行的条文（{found.codified_rule.id}）：{codified}"


def _short_zh(rules: Rules, item: Item, found: Finding) -> str:
    rule = deciding(rules, found)
    named = f"（{rule.id}）" if rule else ""
    numbers = _numbers(item, found, chinese=True)
    because = f"：{numbers}" if numbers else ""
    if found.verdict == "prohibited":
        return f"禁止供货{named}：{(rule.title_zh or rule.title) if rule else '禁运'}"
    if found.verdict == "domestic_supply":
        return f"境内供货{named}：不构成出口{_notices_zh(found)}"
    if found.trigger == "origin":
        return f"须由厂商书面确认{named}：中国设计的芯片，且并非纯境内供货{_notices_zh(found)}"
    if found.verdict == "licence_required":
        policy = "" if not found.review_policy else f"；审查政策：{POLICIES_ZH[found.review_policy]}"
        if found.trigger == "letter":
            return f"依告知函须许可证{named}：{letter_reason_zh(rule, item)}{policy}"
        if found.trigger == "end_use":
            return f"所述最终用途须许可证{named}：{found.end_use_word}{policy}"
        return f"须许可证，归类 {found.classification}{_by_zh(found, named)}{because}{policy}"
    if found.verdict == "licence_exception" and found.exception:
        return f"可适用许可例外 {found.exception.code}，归类 {found.classification}{_by_zh(found, named)}{because}"
    if found.verdict == "needs_vendor_confirmation":
        reason = found.warnings_zh[0] if found.warnings_zh else "归类所依据的参数未公开"
        return f"须由厂商书面确认{named}：{reason}"
    if found.classification in ("3A090.a", "3A090.b", "3A090.c"):
        spared = next((r for r in found.rules if r in rules.table.destination), None)
        why = f"但 {spared.id} 列明该接收方" if spared else "但该目的地与主体不在规则范围内"
        return f"未发现许可要求：归类 {found.classification}，{why}"
    return f"未发现许可要求{named}：不属于 3A090{'，' + numbers if numbers else ''}"


def letter_reason(rule: Rule | None, item: Item) -> str:
    """Why a letter covers a part: it names it, or the figure of the part that it reaches."""
    figure = _reached(rule, item)
    return "the letter names it" if figure is None else f"{figure[0]} {figure[2]:,g}{figure[4]}, limit {figure[3]:,g}"


def letter_reason_zh(rule: Rule | None, item: Item) -> str:
    figure = _reached(rule, item)
    return "告知函点名该型号" if figure is None else f"{figure[1]} {figure[2]:,g}{figure[4]}，门槛 {figure[3]:,g}"


def _reached(rule: Rule | None, item: Item) -> tuple[str, str, float, float, str] | None:
    """English name, Chinese name, value, limit and unit of the figure by which a letter reaches a part."""
    if not isinstance(rule, Letter) or item.id in rule.parts:
        return None
    dram, io, tpp, unit = item.dram_gb_per_s or 0.0, item.io_gb_per_s or 0.0, item.tpp or 0.0, " GB/s"
    limits = rule.reaches or Reaches()
    both = rule.reaches_all
    rows = [
        ("memory bandwidth", "显存带宽", dram, limits.dram_gb_per_s, unit),
        ("chip-to-chip bandwidth", "芯片间互联带宽", io, limits.io_gb_per_s, unit),
        ("memory and chip-to-chip bandwidth", "显存与互联带宽之和", dram + io, limits.sum_gb_per_s, unit),
        ("TPP", "总处理性能", tpp, rule.datacentre_tpp_from, ""),
        ("TPP", "总处理性能", tpp, both.tpp if both else None, ""),
    ]
    return next(((en, zh, v, lim, u) for en, zh, v, lim, u in rows if lim is not None and v >= lim), None)


def mark(verdict: str, review_policy: str | None, chinese: bool = False) -> str:
    """A verdict in one word for a table cell; of a licence its review policy."""
    marks, policies = (MARKS_ZH, POLICY_MARKS_ZH) if chinese else (MARKS, POLICY_MARKS)
    policy = policies.get(review_policy or "") if verdict == "licence_required" else None
    return policy or marks[verdict]


def _by(found: Finding, named: str) -> str:
    """The rule, with the party where headquarters are the reason."""
    if found.trigger != "headquarters":
        return named
    return f"{named[:-1]}, {PARTIES[found.party or 'headquarters']} in {found.party_country})"


def _by_zh(found: Finding, named: str) -> str:
    if found.trigger != "headquarters":
        return named
    return f"{named[:-1]}，{PARTIES_ZH[found.party or 'headquarters']}：{found.party_country}）"


def _numbers(item: Item, found: Finding, chinese: bool = False) -> str:
    text = text_of_class(found)
    loose = next((r for r in found.rules if isinstance(r, LooseMemory)), None)
    if loose is not None and item.memory_density is not None:
        limit, value = loose.density_above, item.memory_density
        if chinese:
            return f"带宽密度 {value:g} GB/s/mm²，门槛 {limit:g}"
        return f"bandwidth density {value:g} GB/s/mm², limit {limit:g}"
    if text is None or found.classification in (None, "unknown"):
        return ""
    rows = compared(text, item, found.classification)
    return told_zh(rows) if chinese else told(rows)


def _notices(found: Finding) -> str:
    return f"; mandatory notice {', '.join(found.notices)}" if found.notices else ""


def _notices_zh(found: Finding) -> str:
    return f"；强制提示 {'、'.join(found.notices)}" if found.notices else ""
