"""A verdict with its reasoning as one readable paragraph in English; `paragraph_zh` has the Chinese.

Every sentence answers one question: what goes where for whom, what class, which rule and why, what an application
meets, what else is on the books, what the maker says, what the importing side does, what was taken for granted.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.compliance.beside import Beside
from planner.compliance.classify import Classes, Item
from planner.compliance.numbers import NAMES as FIGURES
from planner.compliance.numbers import Compared, compared, unpublished
from planner.compliance.outlook import Ahead
from planner.compliance.rules import EndUse, Letter, LooseMemory, Review, Rule, Rules
from planner.compliance.screening import Finding, Terms
from planner.compliance.words import (
    IMPORTS,
    LEAVING,
    PARTIES,
    POLICIES,
    VERDICTS,
    deciding,
    letter_reason,
    text_of_class,
)

CLOSING = (
    "This is a screening by published rules: party lists, ownership and the truth of the stated end use are not "
    "checked. Confirm with counsel and with the maker's ECCN statement before committing."
)


WITH_ARTICLE = ("US", "GB", "AE", "NL", "PH", "CZ", "DO", "MV", "BS", "GM", "CF")


@dataclass(frozen=True)
class Told:
    """Everything a paragraph draws on."""

    rules: Rules
    beside: Beside
    item: Item
    terms: Terms  # as evaluated
    found: Finding
    name: str  # maker and model
    arithmetic: Classes | None
    system: str | None  # entry of a server with the part
    ahead: tuple[Ahead, ...]
    assumed_headquarters: bool = False
    stale: str | None = None

    def country(self, code: str, chinese: bool = False) -> str:
        """The name as a sentence takes it: with its article in English."""
        name = self.beside.country(code, chinese)
        return f"the {name}" if not chinese and code in WITH_ARTICLE else name


def paragraph(t: Told) -> str:
    """The whole reasoning; ends with what a screening does not know."""
    parts = [
        _deal(t),
        _class(t),
        _reason(t),
        _end_use(t),
        _application(t),
        _beside_verdict(t),
        _maker(t),
        *_warnings(t),
        _notices(t),
        _import(t),
        _ahead(t),
        _reexport(t),
        _assumed(t),
        t.stale or "",
        CLOSING,
    ]
    return " ".join(p for p in parts if p)


def figures(t: Told) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The figures and facts that the procedure looked at, English and Chinese, with what is not published."""
    item, terms = t.item, t.terms
    hq, parent = terms.headquarters or "?", terms.parent or "?"
    rows = [
        (
            f"destination {terms.to}, from {terms.ship_from}, headquarters {hq}, parent {parent}",
            f"目的地 {terms.to}，发运地 {terms.ship_from}，总部 {hq}，最终母公司 {parent}",
        )
    ]
    if item.origin == "CN":
        rows.append(("designed and made in mainland China", "中国大陆设计并制造"))
    values = (
        ("TPP", "总处理性能", item.tpp, "", "{:,.0f}"),
        ("performance density", "性能密度", item.performance_density, "", "{:,.3g}"),
        ("memory bandwidth", "显存带宽", item.dram_gb_per_s, " GB/s", "{:,.0f}"),
        ("chip-to-chip bandwidth", "芯片间互联带宽", item.io_gb_per_s, " GB/s", "{:,.0f}"),
    )
    for english, chinese, value, unit, form in values:
        shown = "not published" if value is None else form.format(value) + unit
        rows.append((f"{english} {shown}", f"{chinese} {'未公开' if value is None else shown}"))
    sold = {
        True: ("for data centres", "面向数据中心"),
        False: ("not for data centres", "非面向数据中心"),
        None: ("data-centre purpose not stated", "是否面向数据中心未说明"),
    }
    rows.append(sold[item.datacentre])
    return tuple(r[0] for r in rows), tuple(r[1] for r in rows)


def cite(rule: Rule) -> str:
    return f"{rule.id}, {rule.citation}, since {rule.valid_from.isoformat()}"


def _deal(t: Told) -> str:
    terms, name = t.terms, t.country
    to, hq, parent = terms.to, terms.headquarters or terms.to, terms.parent or terms.headquarters or terms.to
    if hq == parent == to:
        who = "an end user and parent headquartered there"
    elif hq == parent:
        who = f"an end user headquartered, like its ultimate parent, in {name(hq)}"
    else:
        there = "there" if hq == to else f"in {name(hq)}"
        who = f"an end user headquartered {there} with its ultimate parent in {name(parent)}"
    way = (
        f"shipped from {name(terms.ship_from)} to {name(to)}"
        if terms.ship_from != to
        else f"supplied within {name(to)}"
    )
    use = f", stated end use “{terms.end_use}”" if terms.end_use else ""
    return f"{t.name}, {way} on {terms.on.isoformat()} for {who}{use}: {VERDICTS[t.found.verdict]}."


def _class(t: Told) -> str:
    """The class with its numbers and the text that gives it."""
    found, text = t.found, text_of_class(t.found)
    loose = next((r for r in found.rules if isinstance(r, LooseMemory)), None)
    if loose is not None:
        density, limit = t.item.memory_density or 0.0, loose.density_above
        return f"Its bandwidth density is {density:g} GB/s per mm² against a limit of {limit:g} ({cite(loose)})."
    if text is None:
        return ""
    if len(text.tests) == 1:
        return (
            f"No advanced-computing entry was in force on that day ({text.id}), so there is no limit to compare with."
        )
    source = f" ({cite(text)})"
    if found.classification == "unknown":
        missing = [FIGURES[f] for f in unpublished(text, t.item)] or ["the purpose it is sold for"]
        verb = "is" if len(missing) == 1 else "are"
        return f"Its class is unknown, because {' and '.join(missing)} {verb} not published{source}."
    rows = compared(text, t.item, found.classification or "none")
    numbers = " and ".join(_one(t, row) for row in rows)
    home = "it is not designed or marketed for data centres and " if t.item.datacentre is False else ""
    because = f"Because {home}" if home else ""
    sentence = f"{because}{numbers}"
    sentence = sentence[:1].upper() + sentence[1:]
    if found.classification == "none":
        return f"{sentence}{',' if home else ', so'} it is outside 3A090{source}."
    system = f", and a server or board with it {t.system}" if t.system else ""
    beside = ", although it is not designed or marketed for data centres" if t.item.datacentre is False else ""
    sentence = numbers[:1].upper() + numbers[1:]
    return f"{sentence}, so it is {found.classification}{system}{beside}{source}."


def _one(t: Told, row: Compared) -> str:
    """`its TPP of 15,831 (1,978.9 dense TFLOPS FP8 × 8 bit) reaches the limit of 4,800`."""
    how = ""
    if row.figure == "tpp" and t.arithmetic is not None and " = " in t.arithmetic.tpp_arithmetic:
        how = f" ({t.arithmetic.tpp_arithmetic.split(' = ')[1]})"
    verb = "reaches the limit of" if row.reached else "is below"
    return f"its {FIGURES[row.figure]} of {row.value_text}{how} {verb} {row.limit_text}"


def _reason(t: Told) -> str:
    """Which rule asks for what, and why it reaches this deal; or that none does."""
    found, terms = t.found, t.terms
    rule = deciding(t.rules, found)
    to = t.country(terms.to)
    if found.trigger == "embargo" and rule:
        return f"{to} is under embargo ({rule.title}: {cite(rule)}); this comes before any classification."
    if found.trigger == "origin" and rule:
        if found.verdict == "domestic_supply":
            return (
                "It is designed and made in mainland China and stays there: site, shipping origin, end user and parent "
                f"are all on the mainland, so no export takes place ({cite(rule)}). US-origin parts of the same server "
                "are judged on their own."
            )
        return (
            "It is designed and made in mainland China, but site, shipping origin, end user and parent are not all on "
            f"the mainland, and published data cannot decide such a supply ({cite(rule)}): the maker must state how it "
            "may be supplied."
        )
    if found.trigger == "destination" and rule:
        also = "Hong Kong is treated as China; " if terms.to == "HK" else ""
        return f"{also}{to} is a controlled destination for this class ({rule.title}: {cite(rule)})."
    if found.trigger == "headquarters" and rule:
        party, country = PARTIES[found.party or "headquarters"], t.country(found.party_country or "")
        verb = "is" if found.party == "ultimate parent" else "are"
        return (
            f"{to} is not a controlled destination by itself, but the {party} {verb} in {country}, and companies of "
            f"country group D:5 or Macau need a licence anywhere outside the United States ({cite(rule)})."
        )
    if isinstance(rule, Letter):
        alone = (
            "Its class is not known" if found.classification == "unknown" else "Its class alone asks for nothing here"
        )
        return (
            f"{alone}, but an individual letter of the authority to the maker asks for a licence: "
            f"{rule.title}; {letter_reason(rule, t.item)} ({cite(rule)}). A letter is not published as a rule and no "
            "licence exception helps against it."
        )
    if found.trigger == "end_use" and rule:
        return (
            f"The stated end use names “{found.end_use_word}”: {rule.title} needs a licence here whatever the class "
            f"({cite(rule)}), and no licence exception helps."
        )
    if found.trigger == "none" and found.verdict == "no_licence_required":
        if terms.to == "US":
            return (
                "It does not leave the United States, so no export takes place; end use and later moves still matter."
            )
        spared = next((r for r in found.rules if r in t.rules.table.destination), None)
        if spared is not None:
            return f"{terms.recipient} is a recipient that the rule for {to} names ({cite(spared)})."
        if found.classification in ("3A090.a", "3A090.b", "3A090.c"):
            place = to[:1].upper() + to[1:]
            return f"{place} is not a controlled destination of this class, and no party's headquarters are."
        return "No destination rule, headquarters rule or known letter reaches a part outside 3A090 here."
    return ""


def _end_use(t: Told) -> str:
    """An end-use rule that asks for a licence beside the one that decided."""
    rule = next((r for r in t.found.rules if isinstance(r, EndUse)), None)
    if rule is None or t.found.trigger == "end_use":
        return ""
    return (
        f"The stated end use names “{t.found.end_use_word}”, and {rule.title} needs a licence as well ({cite(rule)}); "
        "no licence exception helps."
    )


def _application(t: Told) -> str:
    """The exception with its conditions, or how an application is reviewed: quoted, never a forecast."""
    found = t.found
    if found.exception is not None:
        e = found.exception
        return f"Licence exception {e.code} ({e.title}) can be used under its conditions: {e.text} ({cite(e)})."
    if found.verdict != "licence_required" or not found.review_policy:
        return ""
    review = next((r for r in found.rules if isinstance(r, Review)), None)
    if review is None:
        if found.review_policy == "not_published":
            return "How an application is reviewed is not published."
        return f"The review policy is “{POLICIES[found.review_policy]}”; that is no forecast."
    text = f"The review policy is “{POLICIES[found.review_policy]}” ({cite(review)}); that is no forecast."
    if review.conditions:
        text += " Conditions to be certified: " + "; ".join(review.conditions) + "."
    return text


def _beside_verdict(t: Told) -> str:
    found = t.found
    rule = found.codified_rule
    if rule is None or (found.codified or found.verdict) == found.verdict:
        return ""
    return (
        f"On the books but not enforced: {rule.title} ({cite(rule)}); by that text it would be: "
        f"{VERDICTS[found.codified or 'licence_required']}."
    )


def _maker(t: Told) -> str:
    """What the maker has said in public, and where that or its own rates disagree with the arithmetic."""
    text = ""
    said = t.beside.said(t.item.id, t.terms.on) if t.found.trigger != "origin" else None
    if said is not None:
        text = f"Public statement: {said.says}."
    if t.arithmetic is not None and t.arithmetic.warning and t.found.trigger != "origin":
        text += f"{' ' if text else ''}Note that {t.arithmetic.warning}."
    return text


def _warnings(t: Told) -> list[str]:
    return [f"{w[:1].upper()}{w[1:]}." for w in t.found.warnings]


def _notices(t: Told) -> str:
    found = [t.rules.find(n) for n in t.found.notices]
    return " ".join(f"Mandatory notice {n.id} ({n.citation}): {getattr(n, 'says', n.title)}" for n in found)


def _import(t: Told) -> str:
    """The importing side's own answer; silence where nobody researched the country."""
    found, rule = t.found, t.found.import_rule
    text = ""
    if rule is not None and found.import_side is not None and rule.basis != "computed":
        side = f"Import side, a separate question: {IMPORTS[found.import_side]}"
        if rule.leaving:
            place = t.country(rule.leaving)
            side = f"Leaving or passing {place}, a separate question: {LEAVING[found.import_side]}"
        text = f"{side} ({rule.id})"
        text += "." if found.import_side == "import_open" else f": {rule.title} ({rule.citation})."
        if rule.approval_opens:
            text += " Approval of the single order is to be asked for."
    duty, terms = t.beside.duty, t.terms
    if duty.met(t.item.tpp, t.item.dram_gb_per_s, t.rules.treat_as(terms.to), terms.ship_from, terms.on):
        text += (
            f" On the way through US testing it meets a US duty of {duty.percent} % ({duty.citation}); ask whether the "
            "quote contains it."
        )
    return text.strip()


def _ahead(t: Told) -> str:
    """What is already announced. Texts not enforced are told where codified and enforced stand side by side."""
    rows = [a for a in t.ahead if a.on is not None]
    return " ".join(
        f"Already announced: from {a.on.isoformat() if a.on else ''} by {a.rule.id} ({a.rule.citation}) the answer "
        f"would be: {VERDICTS[a.verdict]}{', ' + POLICIES[a.review_policy] if a.review_policy else ''}."
        for a in rows
    )


def _reexport(t: Told) -> str:
    if t.item.origin == "CN" or t.found.verdict == "prohibited" or t.found.trigger in ("date", "country"):
        return ""
    start, to = t.terms.ship_from, t.terms.to
    own = ""
    if start not in ("US", to):
        place = t.country(start)
        own = f" Shipping from {place} is a re-export; its own export rules apply too and are not in this data."
    return (
        "The part stays under US rules wherever it is made or kept: a re-export, or a transfer to another user within "
        f"the country, needs an answer of its own.{own}"
    )


def _assumed(t: Told) -> str:
    if not t.assumed_headquarters:
        return ""
    return f"The headquarters were not stated and are assumed to be in {t.country(t.terms.headquarters or t.terms.to)}."
