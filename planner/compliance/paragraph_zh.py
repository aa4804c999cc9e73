"""The paragraph of `paragraph` in Chinese, written for a Chinese reader rather than translated word by word."""

from __future__ import annotations

from planner.compliance.numbers import NAMES_ZH as FIGURES
from planner.compliance.numbers import Compared, compared, unpublished
from planner.compliance.paragraph import Told
from planner.compliance.rules import EndUse, Letter, LooseMemory, Review, Rule
from planner.compliance.words import (
    IMPORTS_ZH,
    LEAVING_ZH,
    PARTIES_ZH,
    POLICIES_ZH,
    VERDICTS_ZH,
    deciding,
    letter_reason_zh,
    text_of_class,
)

CLOSING = (
    "以上仅为依据已公布规则所作的初步筛查，未核查交易方名单、股权结构及所述最终用途的真实性；"
    "签约前须由法律顾问确认，并取得厂商的 ECCN 声明。"
)
MAKERS = {"Huawei": "华为", "Cambricon": "寒武纪", "Hygon": "海光", "MetaX": "沐曦", "Moore Threads": "摩尔线程"}


def paragraph_zh(t: Told, stale: str | None) -> str:
    """The whole reasoning in Chinese. `stale`: the warning for a day past the rule data."""
    parts = [
        _deal(t),
        _class(t),
        _reason(t),
        _end_use(t),
        _application(t),
        _beside_verdict(t),
        _maker(t),
        *[f"{w}。" for w in t.found.warnings_zh],
        _notices(t),
        _import(t),
        _ahead(t),
        _reexport(t),
        _assumed(t),
        stale or "",
        CLOSING,
    ]
    return "".join(p for p in parts if p)


def cite_zh(rule: Rule) -> str:
    return f"{rule.id}，{rule.citation_zh or rule.citation}，自 {rule.valid_from.isoformat()} 起"


def _name(t: Told) -> str:
    for maker, chinese in MAKERS.items():
        if t.name.startswith(f"{maker} "):
            return f"{chinese} {t.name.removeprefix(maker).strip()}"
    return t.name


def _deal(t: Told) -> str:
    terms = t.terms
    to, hq, parent = terms.to, terms.headquarters or terms.to, terms.parent or terms.headquarters or terms.to
    place = t.country(to, True)
    if hq == parent == to:
        who = "最终用户及其最终母公司总部均在当地"
    elif hq == parent:
        who = f"最终用户及其最终母公司总部均位于{t.country(hq, True)}"
    else:
        own = "最终用户总部在当地" if hq == to else f"最终用户总部位于{t.country(hq, True)}"
        who = f"{own}，最终母公司总部位于{t.country(parent, True)}"
    way = f"自{t.country(terms.ship_from, True)}发运至{place}" if terms.ship_from != to else f"在{place}境内供货"
    use = f"，所述最终用途为“{terms.end_use}”" if terms.end_use else ""
    return f"{_name(t)} 于 {terms.on.isoformat()} {way}，{who}{use}。筛查结论：{VERDICTS_ZH[t.found.verdict]}。"


def _class(t: Told) -> str:
    found, text = t.found, text_of_class(t.found)
    loose = next((r for r in found.rules if isinstance(r, LooseMemory)), None)
    if loose is not None:
        density, limit = t.item.memory_density or 0.0, loose.density_above
        return f"其带宽密度为 {density:g} GB/s/mm²，门槛为 {limit:g}（{cite_zh(loose)}）。"
    if text is None:
        return ""
    if len(text.tests) == 1:
        return f"当时尚无先进计算管制条目（{text.id}），因此没有可比对的门槛。"
    source = f"（{cite_zh(text)}）"
    if found.classification == "unknown":
        missing = "、".join(FIGURES[f] for f in unpublished(text, t.item)) or "产品定位"
        return f"由于{missing}未公开，其管制归类无法判定{source}。"
    rows = compared(text, t.item, found.classification or "none")
    home = "非面向数据中心设计或销售，" if t.item.datacentre is False else ""
    numbers = "，".join(_one(t, r) for r in rows)
    if found.classification == "none":
        return f"该型号{home}{numbers}，不属于 3A090 管制范围{source}。"
    system = f"，搭载该芯片的板卡及服务器归入 {t.system}" if t.system else ""
    return f"该型号{home}{numbers}，归入 {found.classification}{system}{source}。"


def _one(t: Told, row: Compared) -> str:
    """`总处理性能（TPP）为 15,831（FP8 稠密 1,978.9 TFLOPS × 8 位），达到 4,800 的门槛`."""
    arithmetic = _arithmetic(t) if row.figure == "tpp" else ""
    how = f"（{arithmetic}）" if arithmetic else ""
    reached = "达到" if row.reached else "低于"
    return f"{FIGURES[row.figure]}为 {row.value_text_zh}{how}，{reached} {row.limit_text} 的门槛"


def _arithmetic(t: Told) -> str:
    """`FP8 稠密 1,978.9 TFLOPS × 8 位` from the arithmetic of the part."""
    text = t.arithmetic.tpp_arithmetic if t.arithmetic else ""
    if " = " not in text:
        return ""
    rate, _, bits = text.split(" = ")[1].partition(" × ")
    value, _, unit_precision = rate.partition(" dense ")
    unit, _, precision = unit_precision.partition(" ")
    return f"{precision} 稠密 {value} {unit} × {bits.removesuffix(' bit')} 位"


def _reason(t: Told) -> str:
    found, terms = t.found, t.terms
    rule = deciding(t.rules, found)
    to = t.country(terms.to, True)
    if found.trigger == "embargo" and rule:
        return f"{to}受{rule.title_zh or rule.title}约束（{cite_zh(rule)}），该规则优先于产品归类。"
    if found.trigger == "origin" and rule:
        if found.verdict == "domestic_supply":
            return (
                "该芯片由中国大陆设计并制造，项目地点、发运地、最终用户及最终母公司均在中国大陆，"
                f"不构成出口（{cite_zh(rule)}）；同一服务器中的美国原产部件须另行判定。"
            )
        return (
            "该芯片由中国大陆设计并制造，但项目地点、发运地、最终用户、最终母公司并非全部在中国大陆，"
            f"公开资料不足以作出判定（{cite_zh(rule)}），须由厂商书面说明供货条件。"
        )
    if found.trigger == "destination" and rule:
        also = "香港按中国处理；" if terms.to == "HK" else ""
        return f"{also}{to}属于该类产品的受管制目的地（{rule.title_zh or rule.title}；{cite_zh(rule)}）。"
    if found.trigger == "headquarters" and rule:
        party, country = PARTIES_ZH[found.party or "headquarters"], t.country(found.party_country or "", True)
        return (
            f"{to}本身不属于受管制目的地，但{party}位于{country}；总部或最终母公司总部设在 D:5 组国家或澳门的企业，"
            f"在美国以外任何地点取得该类产品均须申请许可证（{cite_zh(rule)}）。"
        )
    if isinstance(rule, Letter):
        alone = "其归类虽无法判定" if found.classification == "unknown" else "仅按归类并不受控"
        return (
            f"{alone}，但主管机关已就此向厂商发出告知函（{rule.title_zh or rule.title}；"
            f"{letter_reason_zh(rule, t.item)}；{cite_zh(rule)}）。告知函未作为法规公布，且不适用任何许可例外。"
        )
    if found.trigger == "end_use" and rule:
        return (
            f"所述最终用途涉及“{found.end_use_word}”，属于{rule.title_zh or rule.title}，"
            f"无论产品归类如何均须申请许可证（{cite_zh(rule)}），且不适用许可例外。"
        )
    if found.trigger == "none" and found.verdict == "no_licence_required":
        if terms.to == "US":
            return "货物不离开美国，不构成出口；最终用途规则及后续转移仍须关注。"
        spared = next((r for r in found.rules if r in t.rules.table.destination), None)
        if spared is not None:
            return f"{terms.recipient} 属于{to}规则列明的接收方（{cite_zh(spared)}）。"
        if found.classification in ("3A090.a", "3A090.b", "3A090.c"):
            return f"{to}不属于该类产品的受管制目的地，各方总部亦不在受管制国家或地区。"
        return "该型号不属于 3A090，目的地规则、总部规则及已知告知函在此均不适用。"
    return ""


def _end_use(t: Told) -> str:
    rule = next((r for r in t.found.rules if isinstance(r, EndUse)), None)
    if rule is None or t.found.trigger == "end_use":
        return ""
    return (
        f"所述最终用途涉及“{t.found.end_use_word}”，属于{rule.title_zh or rule.title}，"
        f"同样须申请许可证（{cite_zh(rule)}），且不适用许可例外。"
    )


def _application(t: Told) -> str:
    found = t.found
    if found.exception is not None:
        e = found.exception
        name = e.title_zh or e.title
        return f"可在满足条件时适用许可例外 {e.code}（{name}；{cite_zh(e)}）：{e.text_zh}。"
    if found.verdict != "licence_required" or not found.review_policy:
        return ""
    review = next((r for r in found.rules if isinstance(r, Review)), None)
    if found.review_policy == "not_published" and review is None:
        return "许可申请的审查政策未公布。"
    source = f"（{cite_zh(review)}）" if review else ""
    text = f"许可申请的审查政策为“{POLICIES_ZH[found.review_policy]}”{source}，本工具不预测审批结果。"
    if review is not None and review.conditions_zh:
        text += "须逐项证明：" + "；".join(review.conditions_zh) + "。"
    return text


def _beside_verdict(t: Told) -> str:
    found = t.found
    rule = found.codified_rule
    if rule is None or (found.codified or found.verdict) == found.verdict:
        return ""
    return (
        f"另有仍在册但主管机关声明不予执行的条文：{rule.title_zh or rule.title}（{cite_zh(rule)}）；"
        f"若按该条文，结论为：{VERDICTS_ZH[found.codified or 'licence_required']}。"
    )


def _maker(t: Told) -> str:
    if t.found.trigger == "origin":
        return ""
    said = t.beside.said(t.item.id, t.terms.on)
    text = f"公开信息：{said.says_zh}。" if said is not None else ""
    if t.arithmetic is not None and t.arithmetic.warning:
        text += "注意：厂商公布的 TPP 与按其公布算力计算的结果不一致，须由厂商澄清。"
    return text


def _notices(t: Told) -> str:
    found = [t.rules.find(n) for n in t.found.notices]
    return "".join(f"强制提示 {n.id}：{getattr(n, 'says_zh', n.title_zh or n.title)}" for n in found)


def _import(t: Told) -> str:
    found, rule = t.found, t.found.import_rule
    text = ""
    if rule is not None and found.import_side is not None and rule.basis != "computed":
        side = f"进口侧须另行判断：{IMPORTS_ZH[found.import_side]}"
        if rule.leaving:
            side = f"自{t.country(rule.leaving, True)}出口或过境须另行判断：{LEAVING_ZH[found.import_side]}"
        text = f"{side}（{rule.id}）"
        text += "。" if found.import_side == "import_open" else f"，{rule.title_zh or rule.title}。"
        if rule.approval_opens:
            text += "须确认本订单是否已取得进口许可。"
    duty, terms = t.beside.duty, t.terms
    if duty.met(t.item.tpp, t.item.dram_gb_per_s, t.rules.treat_as(terms.to), terms.ship_from, terms.on):
        text += f"经美国检测再出口时须缴纳 {duty.percent}% 的美国进口关税（{duty.id}），请确认报价是否已包含。"
    return text


def _ahead(t: Told) -> str:
    return "".join(
        f"已公布的变化：自 {a.on.isoformat()} 起依 {a.rule.id}（{a.rule.citation_zh or a.rule.citation}），"
        f"结论将变为：{VERDICTS_ZH[a.verdict]}"
        f"{'，' + POLICIES_ZH[a.review_policy] if a.review_policy else ''}。"
        for a in t.ahead
        if a.on is not None
    )


def _reexport(t: Told) -> str:
    if t.item.origin == "CN" or t.found.verdict == "prohibited" or t.found.trigger in ("date", "country"):
        return ""
    start = t.terms.ship_from
    own = ""
    if start not in ("US", t.terms.to):
        own = f"自{t.country(start, True)}发运属于再出口，另须遵守当地出口管制规则（未收录于本规则数据）。"
    return f"该产品无论在何处制造或存放，均受美国出口管制规则约束；再出口或在境内转移给其他用户，须另行判定。{own}"


def _assumed(t: Told) -> str:
    if not t.assumed_headquarters:
        return ""
    return f"客户总部未提供，暂按项目所在地{t.country(t.terms.headquarters or t.terms.to, True)}假定。"
