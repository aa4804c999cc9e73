"""Verdicts in words, English and Chinese: what the rules say, never that something is allowed or will be."""

from __future__ import annotations

from planner.compliance.classify import Item
from planner.compliance.rules import ClassRule, Requirement, Review, Rules
from planner.compliance.screening import Finding, Terms

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
    "policy_of_denial": "拒绝政策",
    "not_published": "未公布",
}
PARTIES_ZH = {"headquarters": "最终用户总部", "ultimate parent": "最终母公司总部"}


def classification_text(found: Finding) -> str | None:
    """How a class is printed: `3A090.a`, `3A090.b`, `not 3A090`, `unknown`; None where it was not asked."""
    return "not 3A090" if found.classification == "none" else found.classification


def summary(rules: Rules, item: Item, terms: Terms, found: Finding, assumed: bool = False) -> str:
    """One sentence: part, parties, verdict, rule with its numbers, review; then codified text, notices, import side."""
    text = f"{item.id} to {_whom(terms, found)}: {VERDICTS[found.verdict]}{_because(rules, item, found)}"
    if found.trigger == "headquarters":
        who = "the customer" if found.party == "headquarters" else "its ultimate parent"
        text += f"; {who} is headquartered in {found.party_country} ({_cite(found)})"
    if found.exception:
        text += f"; exception {found.exception.code} ({found.exception.citation}): {found.exception.text}"
    if found.verdict == "licence_required" and found.review_policy:
        text += f"; review: {POLICIES[found.review_policy]}{_since(found)}"
    for rule in found.rules:
        if found.trigger == "none" and isinstance(rule, Requirement):
            text += f"; {terms.recipient} is a recipient that {rule.id} names ({rule.citation})"
    text += "".join(f"; {warning}" for warning in found.warnings)
    if assumed:
        text += f"; headquarters assumed in {terms.headquarters}, where the site is"
    text += "."
    if found.codified_rule and found.verdict == "no_licence_required":
        text += (
            f" On the books but not enforced: {found.codified_rule.title} ({found.codified_rule.id}), "
            f"by which it would be: {VERDICTS[found.codified or 'licence_required']}."
        )
    for notice in found.notices:
        rule = rules.find(notice)
        text += f" Mandatory notice {notice}: {rule.title} ({rule.citation})."
    if found.import_rule and found.import_side != "import_open":
        side = (found.import_side or "").removeprefix("import_")
        text += f" Import side {side} ({found.import_rule.id}): {found.import_rule.title}."
    return text


def summary_zh(rules: Rules, item: Item, terms: Terms, found: Finding, assumed: bool = False) -> str:
    """The same in Chinese."""
    text = f"{item.id} 供往 {_whom_zh(terms, found)}：{VERDICTS_ZH[found.verdict]}{_because_zh(rules, item, found)}"
    if found.trigger == "headquarters":
        text += f"；{PARTIES_ZH[found.party or 'headquarters']}位于 {found.party_country}（{_cite(found)}）"
    if found.exception:
        text += f"；许可例外 {found.exception.code}（{found.exception.citation}）：{found.exception.text_zh}"
    if found.verdict == "licence_required" and found.review_policy:
        text += f"；审查政策：{POLICIES_ZH[found.review_policy]}{_since_zh(found)}"
    for rule in found.rules:
        if found.trigger == "none" and isinstance(rule, Requirement):
            text += f"；{terms.recipient} 为 {rule.id} 列明的接收方（{rule.citation}）"
    text += "".join(f"；{warning}" for warning in found.warnings_zh)
    if assumed:
        text += f"；客户总部暂按项目所在地 {terms.headquarters} 假定"
    text += "。"
    if found.codified_rule and found.verdict == "no_licence_required":
        text += (
            f"另有在册但未执行的条文（{found.codified_rule.id}，{found.codified_rule.citation}），"
            f"按该条文：{VERDICTS_ZH[found.codified or 'licence_required']}。"
        )
    for notice in found.notices:
        rule = rules.find(notice)
        text += f"强制提示 {notice}：{rule.title_zh or rule.title}（{rule.citation}）。"
    if found.import_rule and found.import_side != "import_open":
        side = "受限" if found.import_side == "import_restricted" else "未知，须由客户确认"
        text += f"进口侧{side}（{found.import_rule.id}）：{found.import_rule.title_zh or found.import_rule.title}。"
    return text


def _whom(terms: Terms, found: Finding) -> str:
    if terms.parent and terms.parent != (terms.headquarters or terms.to):
        return f"{terms.to}, ultimate parent in {terms.parent}"
    if terms.headquarters and terms.headquarters != terms.to:
        return f"{terms.to}, headquarters in {terms.headquarters}"
    return terms.to


def _whom_zh(terms: Terms, found: Finding) -> str:
    if terms.parent and terms.parent != (terms.headquarters or terms.to):
        return f"{terms.to}（最终母公司总部：{terms.parent}）"
    if terms.headquarters and terms.headquarters != terms.to:
        return f"{terms.to}（总部：{terms.headquarters}）"
    return terms.to


def _because(rules: Rules, item: Item, found: Finding) -> str:
    """The rule and the numbers compared."""
    if found.trigger == "embargo":
        return f" ({found.rules[0].id}: {found.rules[0].citation})"
    if found.trigger == "origin":
        made = "designed and made in mainland China"
        shipped = ", shipped and used there" if found.verdict == "domestic_supply" else ""
        return f" ({found.rules[0].id}: {made}{shipped})"
    if found.trigger == "letter":
        letter = next(r for r in rules.table.letters if r in found.rules)
        return f" under an individual letter to the vendor ({letter.id}: {letter.title}){_beside(item, found)}"
    if found.classification in ("3A090.a", "3A090.b"):
        under = " under" if found.trigger in ("destination", "headquarters") else "; class"
        return f"{under} {found.classification}: {_numbers(item, found)}"
    if found.trigger in ("date", "country"):
        return ""
    if found.classification == "unknown":
        return "; its class is unknown because TPP or performance density is not published"
    if _without_limits(found):
        return "; no advanced-computing entry was in force"
    return f"; not 3A090: {_numbers(item, found)}"


def _because_zh(rules: Rules, item: Item, found: Finding) -> str:
    if found.trigger == "embargo":
        return f"（{found.rules[0].id}：{found.rules[0].citation}）"
    if found.trigger == "origin":
        shipped = "，并在境内供应和使用" if found.verdict == "domestic_supply" else ""
        return f"（{found.rules[0].id}：中国大陆设计并制造{shipped}）"
    if found.trigger == "letter":
        letter = next(r for r in rules.table.letters if r in found.rules)
        return f"，依据向厂商发出的个别告知函（{letter.id}）{_beside_zh(item, found)}"
    if found.classification in ("3A090.a", "3A090.b"):
        return f"，归类 {found.classification}：{_numbers_zh(item, found)}"
    if found.trigger in ("date", "country"):
        return ""
    if found.classification == "unknown":
        return "；总处理性能或性能密度未公开，归类不明"
    if _without_limits(found):
        return "；当时尚无先进计算管制条目"
    return f"；不属于 3A090：{_numbers_zh(item, found)}"


def _beside(item: Item, found: Finding) -> str:
    """A letter covers the part although its class does not."""
    if found.classification == "unknown":
        return "; its class is unknown"
    return "" if _without_limits(found) else f"; by its class not covered: {_numbers(item, found)}"


def _beside_zh(item: Item, found: Finding) -> str:
    if found.classification == "unknown":
        return "；归类不明"
    return "" if _without_limits(found) else f"；按归类本不受控：{_numbers_zh(item, found)}"


def _without_limits(found: Finding) -> bool:
    """The text of the day knows no limit, so there is nothing to compare."""
    return any(isinstance(rule, ClassRule) and len(rule.tests) == 1 for rule in found.rules)


def _density_counts(item: Item, found: Finding) -> bool:
    """Below TPP 4,800 the density decides, under the text that knows it; before it was chip-to-chip bandwidth."""
    return (item.tpp or 0) < 4800 and any(r.id == "C2023" for r in found.rules)


def _numbers(item: Item, found: Finding) -> str:
    if item.tpp is None:
        return "TPP not published"
    text = f"TPP {item.tpp:,.0f}, limit 4,800"
    if _density_counts(item, found):
        density = item.performance_density
        known = "not published" if density is None else f"{density:,.2f}"
        text = f"TPP {item.tpp:,.0f}, performance density {known}; {_limits(found)}"
    if any(r.id == "C2022" for r in found.rules):
        rate = "none published" if item.io_gb_per_s is None else f"{item.io_gb_per_s:,.0f} GB/s"
        text += f", chip-to-chip {rate}, limit 600 GB/s"
    if item.datacentre is False:
        text += ", not marketed for data centres"
    return text


def _numbers_zh(item: Item, found: Finding) -> str:
    if item.tpp is None:
        return "总处理性能未公开"
    text = f"总处理性能 {item.tpp:,.0f}，门槛 4,800"
    if _density_counts(item, found):
        density = item.performance_density
        known = "未公开" if density is None else f"{density:,.2f}"
        text = f"总处理性能 {item.tpp:,.0f}、性能密度 {known}，{_limits_zh(found)}"
    if any(r.id == "C2022" for r in found.rules):
        rate = "未公开" if item.io_gb_per_s is None else f"{item.io_gb_per_s:,.0f} GB/s"
        text += f"，芯片间带宽 {rate}，门槛 600 GB/s"
    if item.datacentre is False:
        text += "，非面向数据中心设计或销售"
    return text


def _limits(found: Finding) -> str:
    if found.classification == "3A090.a":
        return "limits 1,600 and 5.92"
    if found.classification == "3A090.b":
        return "limits 2,400 and 1.6, or 1,600 and 3.2"
    return "limits 4,800 alone, 2,400 and 1.6, or 1,600 and 3.2"


def _limits_zh(found: Finding) -> str:
    return (
        _limits(found)
        .replace("limits ", "门槛 ")
        .replace(" alone, ", "（单独）、")
        .replace(" and ", " 且 ")
        .replace(", or ", " 或 ")
    )


def _cite(found: Finding) -> str:
    rule = next(r for r in found.rules if r.id.startswith("HQ") or found.trigger != "headquarters")
    return f"{rule.id}: {rule.citation}"


def _since(found: Finding) -> str:
    review = next((r for r in found.rules if isinstance(r, Review)), None)
    if review is None:
        return ""
    conditions = f" with {len(review.conditions)} conditions" if review.conditions else ""
    return f" since {review.valid_from.isoformat()}{conditions} ({review.id})"


def _since_zh(found: Finding) -> str:
    review = next((r for r in found.rules if isinstance(r, Review)), None)
    if review is None:
        return ""
    conditions = f"，附 {len(review.conditions)} 项条件" if review.conditions else ""
    return f"（自 {review.valid_from.isoformat()} 起{conditions}，{review.id}）"
