"""Verdicts in words, English and Chinese. States what the rules say; never that something is allowed or will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.compliance.rules import Item, Rules
from planner.compliance.screening import Finding, Terms

VERDICTS = {
    "no_licence_required": "no licence requirement found",
    "licence_exception": "licence exception with conditions",
    "licence_required": "licence required",
    "prohibited": "prohibited by embargo or a policy of denial",
    "needs_vendor_confirmation": "needs the vendor's confirmation",
    "domestic_supply": "domestic supply, no export takes place",
}
VERDICTS_ZH = {
    "no_licence_required": "未发现许可要求（仍须筛查）",
    "licence_exception": "适用许可例外（附条件）",
    "licence_required": "需要许可证",
    "prohibited": "禁运或推定拒绝，不得供货",
    "needs_vendor_confirmation": "须由厂商书面确认",
    "domestic_supply": "境内供货（不构成出口，附强制提示）",
}
POLICIES = {
    "presumption_of_denial": "presumption of denial",
    "presumption_of_approval": "presumption of approval",
    "case_by_case": "case-by-case review",
    "policy_of_denial": "policy of denial",
    "not_published": "no published review policy",
}
POLICIES_ZH = {
    "presumption_of_denial": "推定拒绝",
    "presumption_of_approval": "推定批准",
    "case_by_case": "逐案审查",
    "policy_of_denial": "拒绝政策",
    "not_published": "审查政策未公布",
}


def summary(rules: Rules, item: Item, terms: Terms, found: Finding) -> str:
    """One sentence for people: the part, the parties, the verdict, the rule with its numbers, the review policy."""
    head = f"{item.id} to {terms.to}"
    if terms.parent and terms.parent != terms.to:
        head += f", ultimate parent in {terms.parent}"
    elif terms.headquarters and terms.headquarters != terms.to:
        head += f", headquarters in {terms.headquarters}"
    text = f"{head}: {VERDICTS[found.verdict]}"
    if found.classification in ("3A090.a", "3A090.b"):
        text += f"{' under' if found.trigger != 'none' else '; class'} {found.classification}: {_numbers(item, found)}"
    elif found.classification == "unknown":
        text += "; its class is unknown because TPP or performance density is not published"
    elif found.classification == "none" and found.trigger != "letter":
        text += f"; outside 3A090: {_numbers(item, found)}"
    if found.trigger == "headquarters":
        country = terms.parent if found.party == "ultimate parent" else terms.headquarters
        text += f"; the {found.party}'s headquarters are in {country}"
    if found.trigger == "letter":
        text += f"; an individual letter of the US authority to the vendor covers it ({found.rules[-1]})"
    if found.exception:
        text += f"; exception {found.exception}: {_exception_text(rules, found.exception)}"
    if found.review_policy and found.verdict == "licence_required":
        text += f"; review: {POLICIES[found.review_policy]}"
    text += "."
    if found.warning:
        text += f" {found.warning[0].upper()}{found.warning[1:]}."
    if found.codified:
        text += " A stricter worldwide text stands in the regulation and is not enforced."
    for notice in found.notices:
        text += f" Notice {notice}: {_notice(rules, notice)['title']}."
    if found.import_side and found.import_side != "import_open":
        text += f" Import side of {terms.to}: {found.import_side.removeprefix('import_')}."
    return text


def summary_zh(rules: Rules, item: Item, terms: Terms, found: Finding) -> str:
    """The same in Chinese."""
    del rules
    head = f"{item.id} 供往 {terms.to}"
    if terms.parent and terms.parent != terms.to:
        head += f"（最终母公司总部：{terms.parent}）"
    text = f"{head}：{VERDICTS_ZH[found.verdict]}"
    if found.classification in ("3A090.a", "3A090.b"):
        text += f"，归类 {found.classification}（{_numbers_zh(item)}）"
    elif found.classification == "unknown":
        text += "，总处理性能或性能密度未公开，归类不明"
    elif found.classification == "none" and found.trigger != "letter":
        text += f"，未达 3A090 门槛（{_numbers_zh(item)}）"
    if found.trigger == "headquarters":
        text += "，因最终用户总部或最终母公司总部所在地触发"
    if found.trigger == "letter":
        text += f"，美国主管机关向厂商发出的个别告知函（{found.rules[-1]}）覆盖该型号"
    if found.exception:
        text += f"，可引用许可例外 {found.exception}（须满足条件）"
    if found.review_policy and found.verdict == "licence_required":
        text += f"；审查政策：{POLICIES_ZH[found.review_policy]}"
    text += "。"
    if found.warning:
        text += "该型号达到 2025 年告知函公开报道的带宽数值，须由厂商确认是否受函件约束。"
    if found.codified:
        text += "法规文本中另有全球适用的更严条款，目前未执行。"
    if "N-GP10" in found.notices:
        text += "强制提示 N-GP10：美国商务部 2025-05-13 指引提示此类芯片的使用方可能涉及一般禁令十风险。"
    if found.import_side == "import_restricted":
        text += "进口侧：受限。"
    elif found.import_side == "import_unknown":
        text += "进口侧：未知，须由客户确认。"
    return text


def _numbers(item: Item, found: Finding) -> str:
    parts = []
    if item.tpp is not None:
        parts.append(f"TPP {item.tpp:,.0f}, limit 4,800")
    if item.performance_density is not None and (item.tpp or 0) < 4800:
        parts.append(f"performance density {item.performance_density:g}")
    if item.datacentre is False:
        parts.append("not marketed for data centres")
    return ", ".join(parts) if parts else "figures not published"


def _numbers_zh(item: Item) -> str:
    parts = []
    if item.tpp is not None:
        parts.append(f"总处理性能 {item.tpp:,.0f}，门槛 4,800")
    if item.performance_density is not None and (item.tpp or 0) < 4800:
        parts.append(f"性能密度 {item.performance_density:g}")
    return "，".join(parts) if parts else "参数未公开"


def _exception_text(rules: Rules, code: str) -> str:
    return str(next(e["text"] for e in rules.table["exceptions"] if e["code"] == code))


def _notice(rules: Rules, notice: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(n for n in rules.table["notices"] if n["id"] == notice)
    return found
