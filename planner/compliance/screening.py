"""The decision procedure: origin, embargo, class, destination, headquarters, letters, exceptions, review policy.

Each step is a rule of the data with its dates; this file only walks them in order. Verdicts are a screening.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.compliance.rules import Item, Rules, holds, valid

# Within one per cent of a limit nobody should rely on published figures.
NEAR_LIMIT = 0.01


@dataclass(frozen=True)
class Terms:
    """Who gets what, where, from where, when. Countries are ISO 3166-1 alpha-2. None: not stated."""

    to: str
    headquarters: str | None
    parent: str | None
    ship_from: str = "US"
    on: dt.date = dt.date(1970, 1, 1)
    end_use: str | None = None
    funding: str | None = None


@dataclass(frozen=True)
class Finding:
    """The answer of the procedure with the rules that gave it, in order."""

    classification: str | None
    verdict: str
    trigger: str  # none | origin | embargo | destination | headquarters | letter
    rules: tuple[str, ...]
    citations: tuple[str, ...]
    review_policy: str | None = None
    exception: str | None = None
    codified: str | None = None  # a stricter text on the books that is not enforced
    notices: tuple[str, ...] = ()
    import_side: str | None = None
    import_rule: str | None = None
    party: str | None = None  # headquarters or parent, where that is the trigger
    warning: str | None = None


def evaluate(rules: Rules, item: Item, terms: Terms) -> Finding:
    """Walk the procedure for one part."""
    to, ship_from = rules.treat_as(terms.to), rules.treat_as(terms.ship_from)
    headquarters = rules.treat_as(terms.headquarters or terms.to)
    parent = rules.treat_as(terms.parent or terms.headquarters or terms.to)
    notices = _notices(rules, item, terms)
    gate = _import_gate(rules, item, terms)
    for embargo in rules.valid("embargo", terms.on):
        if to in embargo["countries"]:
            return Finding(
                _classify(rules, item, terms.on)[0],
                "prohibited",
                "embargo",
                (embargo["id"],),
                tuple(embargo["citations"]),
                "policy_of_denial",
                notices=notices,
                import_side=gate[0],
                import_rule=gate[1],
            )
    if item.origin == "CN":
        return _chinese_design(rules, terms, notices, gate)
    return _us_rules(rules, item, terms, to, ship_from, headquarters, parent, notices, gate)


def _chinese_design(
    rules: Rules, terms: Terms, notices: tuple[str, ...], gate: tuple[str | None, str | None]
) -> Finding:
    """Step 0: designed and made in mainland China. Hong Kong and Macau count as elsewhere."""
    origin = rules.table["origin"]
    at_home = all(
        c == "CN" for c in (terms.to, terms.ship_from, terms.headquarters, terms.parent or terms.headquarters)
    )
    verdict = "domestic_supply" if at_home else "needs_vendor_confirmation"
    return Finding(
        None,
        verdict,
        "origin",
        (origin["id"],),
        tuple(origin["citations"]),
        notices=notices,
        import_side=gate[0],
        import_rule=gate[1],
    )


def _us_rules(
    rules: Rules,
    item: Item,
    terms: Terms,
    to: str,
    ship_from: str,
    headquarters: str,
    parent: str,
    notices: tuple[str, ...],
    gate: tuple[str | None, str | None],
) -> Finding:
    on = terms.on
    classification, class_rule, near = _classify(rules, item, on)
    trail = [class_rule["id"]]
    cited = list(class_rule["citations"])
    trigger, party = "none", None
    codified: str | None = None
    for rule in rules.valid("destination", on):
        if classification in rule["classes"] and rules.covers(rule, to, on) and to != "US":
            if rule["status"] == "not_enforced":
                codified = rule["id"]
                continue
            trigger = "destination"
            trail.append(rule["id"])
            cited += rule["citations"]
    if trigger == "none" and to != "US":
        rule = rules.table["headquarters"]
        if valid(rule, on) and classification in rule["classes"]:
            for who, country in (("headquarters", headquarters), ("ultimate parent", parent)):
                if rules.covers(rule, country, on):
                    trigger, party = "headquarters", who
                    trail.append(rule["id"])
                    cited += rule["citations"]
                    break
    letter = _letter(rules, item, to, headquarters, parent, on)
    shared = {"notices": notices, "import_side": gate[0], "import_rule": gate[1], "codified": codified}
    if letter is not None and to != "US" and trigger == "none":
        return Finding(
            classification,
            "licence_required",
            "letter",
            (*trail, letter["id"]),
            (*cited, *letter["citations"]),
            "not_published",
            **shared,  # type: ignore[arg-type]
        )
    if trigger == "none":
        unknown = classification == "unknown" and to != "US"
        warned = _letter_warning(rules, item, to, headquarters, parent, on)
        verdict = "needs_vendor_confirmation" if unknown or (near and to != "US" and warned) else "no_licence_required"
        return Finding(
            classification,
            verdict,
            "none",
            tuple(trail),
            tuple(cited),
            warning=warned,
            **shared,  # type: ignore[arg-type]
        )
    if letter is not None:
        trail.append(letter["id"])
    exception = _exception(rules, item, classification, to, headquarters, parent, on)
    if exception is not None and letter is None:
        return Finding(
            classification,
            "licence_exception",
            trigger,
            (*trail, exception["code"]),
            (*cited, *exception["citations"]),
            exception=exception["code"],
            party=party,
            **shared,  # type: ignore[arg-type]
        )
    policy, policy_rule, policy_cited = _review(rules, item, classification, to, ship_from, headquarters, parent, on)
    return Finding(
        classification,
        "licence_required",
        trigger,
        (*trail, policy_rule),
        (*cited, *policy_cited),
        policy,
        party=party,
        **shared,  # type: ignore[arg-type]
    )


# -- steps -----------------------------------------------------------------------------------------------------------
def _classify(rules: Rules, item: Item, on: dt.date) -> tuple[str, Mapping[str, Any], bool]:
    """The class on a date, the rule that gives it, and whether a limit is within one per cent."""
    rule = rules.valid("classification", on)[-1]
    for test in rule["tests"]:
        result = holds(test["when"], item)
        if result is None:
            return "unknown", rule, False
        if result:
            return str(test["result"]), rule, _near(rule, item)
    return "none", rule, False


def _near(rule: Mapping[str, Any], item: Item) -> bool:
    limits = (1600, 2400, 4800) if rule["id"] == "C2023" else (4800,)
    return item.tpp is not None and any(abs(item.tpp - x) <= x * NEAR_LIMIT for x in limits)


def _letter(rules: Rules, item: Item, to: str, headquarters: str, parent: str, on: dt.date) -> Mapping[str, Any] | None:
    """An individual letter that names the part (or its class) for this place or party."""
    for letter in rules.valid("letters", on):
        named = item.rule_id in letter.get("parts", ())
        threshold = letter.get("datacentre_tpp_from")
        if threshold is not None and item.datacentre and (item.tpp or 0) >= threshold:
            named = True
        if not named:
            continue
        places = [to, *((headquarters, parent) if letter["headquarters"] else ())]
        if any(rules.covers(letter, place, on) for place in places):
            return letter
    return None


def _letter_warning(rules: Rules, item: Item, to: str, headquarters: str, parent: str, on: dt.date) -> str | None:
    """The only public numbers of the 2025 letters, as a warning for any part bound for these places or parties."""
    rule = rules.table["letter_warning"]
    if not valid(rule, on) or not any(rules.covers(rule, place, on) for place in (to, headquarters, parent)):
        return None
    dram, io = item.dram_bandwidth or 0, item.interconnect or 0
    if dram >= rule["dram_bandwidth_from"] or io >= rule["io_bandwidth_from"] or dram + io >= rule["sum_from"]:
        return str(rule["text"])
    return None


def _exception(
    rules: Rules, item: Item, classification: str, to: str, headquarters: str, parent: str, on: dt.date
) -> Mapping[str, Any] | None:
    """NAC or ACA: 3A090.b, and 3A090.a that is neither designed nor marketed for data centres."""
    if not (classification == "3A090.b" or (classification == "3A090.a" and item.datacentre is False)):
        return None
    near: Mapping[str, Any] = next(c for c in rules.table["exceptions"] if c["code"] == "NAC")
    if not valid(near, on):
        return None
    if any(rules.covers(near, place, on) for place in (to, headquarters, parent)):
        return near
    also = {"groups": near["also_groups"]}
    if on <= dt.date.fromisoformat(near["also_until"]) and rules.covers(also, to, on):
        return near
    far: Mapping[str, Any] = next(c for c in rules.table["exceptions"] if c["code"] == "ACA")
    return far if valid(far, on) and rules.covers(far, to, on) else None


def _review(
    rules: Rules,
    item: Item,
    classification: str,
    to: str,
    ship_from: str,
    headquarters: str,
    parent: str,
    on: dt.date,
) -> tuple[str, str, tuple[str, ...]]:
    """How an application is reviewed: policy, rule, citations."""
    review = rules.table["review"]
    if valid(review["V2022"], on):
        return str(review["V2022"]["policy"]), "V2022", ()
    special = review["V2026H200"]
    known = item.tpp is not None and item.dram_bandwidth is not None
    if (
        valid(special, on)
        and ship_from in special["ship_from"]
        and to in special["destinations"]
        and known
        and (item.tpp or 0) < special["tpp_below"]
        and (item.dram_bandwidth or 0) < special["dram_bandwidth_below"]
    ):
        return str(special["policy"]), "V2026H200", tuple(special["citations"])
    usual = review["V2023"]
    rule = rules.table["headquarters"]
    close = any(rules.covers(rule, place, on) for place in (to, headquarters, parent))
    if close:
        return str(usual["near"]), "V2023", tuple(usual["citations"])
    return str(usual["far"]), "V2023", tuple(usual["citations"])


def _notices(rules: Rules, item: Item, terms: Terms) -> tuple[str, ...]:
    found = []
    for notice in rules.table["notices"]:
        if not valid(notice, terms.on):
            continue
        if (
            notice["id"] == "N-GP10"
            and item.origin == "CN"
            and (item.tpp is None or item.tpp >= 4800 or "910" in item.id)
        ):
            found.append(str(notice["id"]))
        if notice["id"] == "N-AFFIL" and (terms.headquarters or terms.to) != "US" and item.origin != "CN":
            found.append(str(notice["id"]))
    return tuple(found)


def _import_gate(rules: Rules, item: Item, terms: Terms) -> tuple[str | None, str | None]:
    """The importing country's side, a second answer beside the export verdict."""
    for rule in rules.table["import_gates"]:
        if rule["country"] != terms.to or not valid(rule, terms.on):
            continue
        if rule["origin"] == "CN" and item.origin != "CN":
            continue
        if rule["origin"] == "not CN" and item.origin == "CN":
            continue
        if rule["parts"] != "any" and item.rule_id not in rule["parts"]:
            continue
        if rule["funding"] == "state" and terms.funding not in ("public", "state_owned"):
            continue
        return str(rule["outcome"]), str(rule["id"])
    return (None, None) if terms.to != "CN" else ("import_unknown", None)
