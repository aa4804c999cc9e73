"""The decision procedure: embargo, origin, class, destination, headquarters, letters, exceptions, review policy.

Each step asks the dated rules of the data; this file only walks them in order. The answer is a screening: it finds
requirements, it never clears a part. Nothing here varies a destination, a party or a date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.compliance.classify import Answer, Item, class_on
from planner.compliance.rules import (
    EndUse,
    ImportGate,
    Letter,
    LicenceException,
    Notice,
    Reaches,
    Requirement,
    Review,
    Rule,
    Rules,
)

STATE_FUNDING = ("state", "public", "state_owned")
CONTROLLED = ("3A090.a", "3A090.b", "3A090.c")


@dataclass(frozen=True)
class Terms:
    """Who gets what, where, from where, when. Countries are ISO 3166-1 alpha-2. None: not stated."""

    to: str
    headquarters: str | None
    parent: str | None
    ship_from: str = "US"
    on: dt.date = dt.date(1970, 1, 1)  # before every rule: the answer says that no rule reaches so far back
    end_use: str | None = None
    funding: str | None = None  # private | state (public and state_owned mean the same)
    import_approval: bool = False  # the customer states that the importing side has approved this order
    recipient: str | None = None  # name of the end user, where a rule spares named ones


@dataclass(frozen=True)
class Finding:
    """The answer of the procedure with the rules that gave it, in order."""

    classification: str | None
    verdict: str
    trigger: str  # none | origin | embargo | destination | headquarters | letter | end_use | date | country
    rules: tuple[Rule, ...] = ()
    review_policy: str | None = None
    exception: LicenceException | None = None
    codified: str | None = None  # the verdict under a stricter text that is on the books and not enforced
    codified_rule: Rule | None = None
    notices: tuple[str, ...] = ()
    import_side: str | None = None
    import_rule: ImportGate | None = None
    party: str | None = None  # headquarters | ultimate parent, where that is the trigger
    party_country: str | None = None
    warnings: tuple[str, ...] = ()
    warnings_zh: tuple[str, ...] = ()
    end_use_word: str | None = None  # what in the stated end use a rule names


@dataclass(frozen=True)
class Case:
    """The terms as the US rules read them: Hong Kong counted as China, an unstated party as the one before it."""

    to: str
    ship_from: str
    headquarters: str
    parent: str
    on: dt.date
    recipient: str | None
    end_use: str | None = None

    @property
    def parties(self) -> tuple[tuple[str, str], ...]:
        return (("headquarters", self.headquarters), ("ultimate parent", self.parent))

    def places(self, with_parties: bool) -> tuple[str, ...]:
        return (self.to, self.headquarters, self.parent) if with_parties else (self.to,)


def evaluate(rules: Rules, item: Item, terms: Terms) -> Finding:
    """Walk the procedure for one part; the import side and the notices stand beside whatever it gives."""
    found = _export_side(rules, item, terms)
    gate = _import_gate(rules, item, terms)
    side = "import_unknown" if gate is None else gate.outcome
    if gate is not None and gate.approval_opens and terms.import_approval:
        side = "import_open"
    notices = tuple(n.id for n in rules.notices if n.scope == "part" and n.valid(terms.on) and _noticed(n, item))
    return replace(found, import_side=side, import_rule=gate, notices=notices)


def case_of(rules: Rules, terms: Terms) -> Case:
    headquarters = terms.headquarters or terms.to
    return Case(
        rules.treat_as(terms.to),
        rules.treat_as(terms.ship_from),
        rules.treat_as(headquarters),
        rules.treat_as(terms.parent or headquarters),
        terms.on,
        terms.recipient,
        terms.end_use,
    )


def _export_side(rules: Rules, item: Item, terms: Terms) -> Finding:
    case = case_of(rules, terms)
    unknown = [
        c for c in (terms.to, terms.headquarters, terms.parent, terms.ship_from) if c and c not in rules.countries
    ]
    if unknown:
        text, zh = f"country {unknown[0]} is not known", f"国家/地区代码 {unknown[0]} 未知"
        return Finding("unknown", "needs_vendor_confirmation", "country", warnings=(text,), warnings_zh=(zh,))
    answer = class_on(rules, item, terms.on)
    if answer.rule is None:
        first = min(rule.valid_from for rule in rules.table.classification)
        text, zh = f"the rule data begins on {first}, so nothing is known", f"规则数据自 {first} 起，此前情况不明"
        return Finding("unknown", "needs_vendor_confirmation", "date", warnings=(text,), warnings_zh=(zh,))
    for embargo in rules.table.embargo:
        if embargo.valid(case.on) and rules.covers(embargo.where, [case.to], case.on):
            classification = None if item.origin == "CN" else answer.result
            return Finding(classification, "prohibited", "embargo", (embargo,), "policy_of_denial")
    for origin in rules.table.origin:
        if item.origin == origin.origin:
            # Mainland only: Hong Kong and Macau count as elsewhere here, so the terms are read as they stand.
            places = (terms.to, terms.ship_from, terms.headquarters, terms.parent or terms.headquarters)
            at_home = all(place == origin.origin for place in places)
            return Finding(None, "domestic_supply" if at_home else "needs_vendor_confirmation", "origin", (origin,))
    if case.to == "US":
        return Finding(answer.result, "no_licence_required", "none", (answer.rule,))
    return _us_rules(rules, item, case, answer, answer.rule)


def _us_rules(rules: Rules, item: Item, case: Case, answer: Answer, text: Rule) -> Finding:
    """A part under US rules to a destination outside the United States. `text` gave its class."""
    trail: list[Rule] = [text]
    found = Finding(answer.result, "no_licence_required", "none")
    required = _requirement(rules, case, answer.result)
    letter = _letter(rules, item, case, answer.result)
    use = _end_use(rules, case)
    codified = _codified(rules, item, case, answer.result)
    if codified is not None:
        found = replace(found, codified=codified[0], codified_rule=codified[1])
    if required is not None:
        rule, trigger, party, country = required
        trail.append(rule)
        found = replace(found, trigger=trigger, party=party, party_country=country)
    if letter is not None:
        trail.append(letter)
        found = replace(found, trigger="letter" if required is None else found.trigger)
    if use is not None:
        trail.append(use[0])
        trigger = "end_use" if required is None and letter is None else found.trigger
        found = replace(found, trigger=trigger, end_use_word=use[1])
    spared = [r for r in rules.table.destination if _applies(rules, r, case, answer.result) and _spared(r, case)]
    trail += spared if required is None else []
    if required is None and letter is None and use is None:
        return replace(_nothing_found(rules, item, case, answer, found), rules=tuple(trail))
    # A letter has no exception, and none is available where part 744 asks for a licence.
    barred = letter is not None or use is not None
    exception = None if barred else _exception(rules, item, case, answer.result)
    if exception is not None:
        return replace(found, verdict="licence_exception", rules=(*trail, exception), exception=exception)
    policy = use[0].review_policy if use is not None else None
    if use is None and required is None and letter is not None and letter.review_as_of is None:
        policy = letter.review_policy
    if policy is None:
        as_of = letter.review_as_of if required is None and letter is not None and letter.review_as_of else case.on
        review = _review(rules, item, replace(case, on=as_of), answer.result)
        trail += [review] if review else []
        policy = review.policy if review else "not_published"
    # What is on the books adds to what is enforced; it takes nothing away.
    stricter = "licence_required" if found.codified else None
    return replace(found, verdict="licence_required", rules=tuple(trail), review_policy=policy, codified=stricter)


def _nothing_found(rules: Rules, item: Item, case: Case, answer: Answer, found: Finding) -> Finding:
    """No requirement was found: is that certain enough to say so?"""
    warnings, zh = [], []
    for warn in rules.table.warnings:
        if not warn.valid(case.on) or not rules.covers(warn.where, case.places(True), case.on):
            continue
        if item.dram_gb_per_s is None:
            warnings.append("its memory bandwidth is not published")
            zh.append("显存带宽未公开")
        elif _reaches(warn.reaches, item):
            warnings.append(warn.text)
            zh.append(warn.text_zh)
    for nearby in answer.nearby:
        if nearby in CONTROLLED and _requirement(rules, case, nearby) is not None:
            warnings.append(f"it is within {rules.table.near_limit_percent:g} % of a limit of {nearby}")
            zh.append(f"参数距 {nearby} 门槛不足 {rules.table.near_limit_percent:g}%")
    for who, country in case.parties:
        if any(e.valid(case.on) and rules.covers(e.where, [country], case.on) for e in rules.table.embargo):
            warnings.append(f"the {who} is in an embargoed country ({country}): ask counsel first")
            zh.append(f"最终用户或母公司总部位于受禁运国家（{country}），须先咨询法律顾问")
            break
    unsure = answer.result == "unknown" or bool(warnings)
    verdict = "needs_vendor_confirmation" if unsure else "no_licence_required"
    return replace(found, verdict=verdict, warnings=tuple(warnings), warnings_zh=tuple(zh))


def _end_use(rules: Rules, case: Case) -> tuple[EndUse, str] | None:
    """The first end-use rule that names what was stated, for this destination or party, and the word it names."""
    for rule in rules.end_uses:
        if case.end_use and rule.valid(case.on) and rules.covers(rule.where, case.places(True), case.on):
            word = rule.named_in(case.end_use)
            if word is not None:
                return rule, word
    return None


def _requirement(rules: Rules, case: Case, classification: str) -> tuple[Requirement, str, str | None, str] | None:
    """The enforced requirement by destination, else by headquarters: rule, trigger, party, country."""
    for rule in rules.table.destination:
        if _applies(rules, rule, case, classification) and not _spared(rule, case):
            return rule, "destination", None, case.to
    for rule in rules.table.headquarters:
        if rule.valid(case.on) and classification in rule.classes:
            for who, country in case.parties:
                if rules.covers(rule.where, [country], case.on):
                    return rule, "headquarters", who, country
    return None


def _applies(rules: Rules, rule: Requirement, case: Case, classification: str) -> bool:
    """Whether an enforced destination rule covers the class, the place and the day."""
    enforced = rule.valid(case.on) and rule.status != "not_enforced" and classification in rule.classes
    return enforced and rules.covers(rule.where, [case.to], case.on)


def _spared(rule: Requirement, case: Case) -> bool:
    """A recipient that the rule names, while its span lasts."""
    name = (case.recipient or "").strip().lower()
    return any(r.name.lower() == name and (r.until is None or case.on <= r.until) for r in rule.recipients)


def _codified(rules: Rules, item: Item, case: Case, classification: str) -> tuple[str, Rule] | None:
    """The verdict of a text that is on the books but not enforced."""
    for rule in rules.table.destination:
        codified = rule.valid(case.on) and rule.status == "not_enforced" and classification in rule.classes
        spared = any(_applies(rules, r, case, classification) and _spared(r, case) for r in rules.table.destination)
        if codified and rules.covers(rule.where, [case.to], case.on) and not spared:
            if _exception(rules, item, case, classification) is not None:
                return "licence_exception", rule
            beside = [e for e in rules.table.exceptions if e.status == "not_enforced" and e.valid(case.on)]
            for exception in beside:
                if all(rules.covers(exception.where, [place], case.on) for place in case.places(True)):
                    return "licence_exception", rule
            return "licence_required", rule
    return None


def _letter(rules: Rules, item: Item, case: Case, classification: str) -> Letter | None:
    """An individual letter that names the part, or reaches it by its figures, for this place or party."""
    for letter in rules.table.letters:
        if not letter.valid(case.on) or not rules.covers(letter.where, case.places(letter.parties), case.on):
            continue
        if item.id in letter.parts:
            return letter
        if letter.vendor is None or letter.vendor != item.vendor:
            continue
        both = letter.reaches_all
        if both is not None and (item.tpp or 0) >= both.tpp and (item.io_gb_per_s or 0) >= both.io_gb_per_s:
            return letter
        floor = letter.datacentre_tpp_from
        if floor is not None and item.datacentre and (item.tpp or 0) >= floor:
            return letter
        # A part of class .a needs a licence by its class already; the letter's figures are for what is below it.
        if letter.reaches is not None and classification != "3A090.a" and _reaches(letter.reaches, item):
            return letter
    return None


def _reaches(limit: Reaches, item: Item) -> bool:
    """Whether any bandwidth is reached. A missing chip-to-chip link counts as none."""
    dram, io = item.dram_gb_per_s or 0.0, item.io_gb_per_s or 0.0
    pairs = ((dram, limit.dram_gb_per_s), (io, limit.io_gb_per_s), (dram + io, limit.sum_gb_per_s))
    return any(floor is not None and value >= floor for value, floor in pairs)


def _lesser(item: Item, classification: str) -> bool:
    """3A090.b, and 3A090.a that is neither designed nor marketed for data centres."""
    return classification == "3A090.b" or (classification == "3A090.a" and item.datacentre is False)


def _exception(rules: Rules, item: Item, case: Case, classification: str) -> LicenceException | None:
    """The first enforced exception that is there for the class, the figures, the places and the day."""
    for exception in rules.table.exceptions:
        enforced = exception.valid(case.on) and exception.status != "not_enforced"
        limit = exception.memory_density_below
        dense = limit is not None and (item.memory_density is None or item.memory_density >= limit)
        lesser = _lesser(item, classification) or classification == "3A090.c"
        if not (lesser and classification in exception.classes) or dense:
            continue
        if enforced and rules.covers(exception.where, case.places(exception.parties), case.on):
            return exception
    return None


def _review(rules: Rules, item: Item, case: Case, classification: str) -> Review | None:
    """How an application is reviewed: the first policy whose conditions are met by known figures."""
    for review in rules.table.review:
        met = (
            review.valid(case.on)
            and rules.covers(review.where, case.places(review.parties), case.on)
            and (not review.ship_from or case.ship_from in review.ship_from)
            and _below(item.highest_tpp, review.tpp_below)
            and _below(item.dram_gb_per_s, review.dram_gb_per_s_below)
            and (not review.lesser_items or _lesser(item, classification))
        )
        if met:
            return review
    return None


def _below(value: float | None, limit: float | None) -> bool:
    return limit is None or (value is not None and value < limit)


def _noticed(notice: Notice, item: Item) -> bool:
    if notice.origin is not None and item.origin != notice.origin:
        return False
    named = any(text in item.id for text in notice.id_contains)
    return named or notice.tpp_from is None or item.tpp is None or item.tpp >= notice.tpp_from


def _import_gate(rules: Rules, item: Item, terms: Terms) -> ImportGate | None:
    """The first row that matches: the country goods leave, or the importing country."""
    for gate in rules.import_gates:
        here = gate.country == terms.to if gate.country else gate.leaving == terms.ship_from != terms.to
        theirs = gate.origin is None or (gate.origin == "CN") == (item.origin == "CN")
        named = not gate.parts or item.id in gate.parts
        funded = gate.funding is None or terms.funding in STATE_FUNDING
        if here and theirs and named and funded and gate.valid(terms.on):
            return gate
    return None


def plan_notices(rules: Rules, terms: Terms, pflops: Sequence[tuple[str, float]] = ()) -> tuple[str, ...]:
    """Notices a whole plan must carry. `pflops`: its dense peak by `fp64_pflops` and `fp32_pflops`."""
    case, totals, found = case_of(rules, terms), dict(pflops), []
    for notice in rules.notices:
        if notice.scope != "plan" or not notice.valid(terms.on):
            continue
        if notice.foreign_end_user and case.headquarters != "US":
            found.append(notice.id)
        reached = any(totals.get(key, 0.0) >= floor for key, floor in sorted(notice.thresholds.items()))
        if notice.thresholds and reached and rules.covers(notice.where, case.places(True), case.on):
            found.append(notice.id)
    return tuple(found)
