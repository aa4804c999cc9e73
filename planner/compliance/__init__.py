"""Export screening: a verdict per accelerator from dated rules, with citations. It screens and explains; never clears.

`screen` gives a `ComplianceEntry`; `gate` turns one that is not accepted into a Rejection. See docs/compliance.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from planner.catalog import Catalog
from planner.compliance import screening, words
from planner.compliance.beside import beside_of
from planner.compliance.classify import Classes, Item, class_on, classes, item_of, system_class
from planner.compliance.lint import lint
from planner.compliance.outlook import Ahead, outlook, returning
from planner.compliance.paragraph import Told, figures, paragraph
from planner.compliance.paragraph_zh import paragraph_zh
from planner.compliance.rules import Notice, Review, Rule, Rules, rules_of
from planner.compliance.screening import Finding, Terms, evaluate
from planner.errors import Rejection
from planner.plan import ComplianceEntry, Foreseen
from planner.request import Request

__all__ = [
    "Classes",
    "Finding",
    "Item",
    "Terms",
    "class_on",
    "classes",
    "entry",
    "evaluate",
    "gate",
    "item_of",
    "lint",
    "outlook",
    "plan_notices",
    "returning",
    "rules_of",
    "screen",
    "screen_all",
    "sentence",
    "stale",
    "system_class",
    "terms_from",
]


def terms_from(request: Request, on: dt.date | None = None) -> Terms:
    """The parties and places of a request on a day: `on`, else the request's own; ValueError when neither is given."""
    day = on or request.compliance.date
    if day is None:
        raise ValueError("a date is needed: compliance.date or the argument `on`")
    return Terms(
        to=request.site.country,
        headquarters=request.customer.headquarters,
        parent=request.customer.ultimate_parent,
        ship_from=request.compliance.ship_from,
        on=day,
        end_use=request.compliance.end_use,
        funding=request.customer.funding,
        import_approval=request.compliance.import_approval == "obtained",
        recipient=request.compliance.named_recipient,
    )


def screen(catalog: Catalog, accelerator_id: str, terms: Terms) -> ComplianceEntry:
    """The verdict on one accelerator under the rules of a day, with rules, citations and what was assumed.

    A missing headquarters is taken to be in the destination, a missing parent where the headquarters are; both are
    listed in `assumed`. KeyError for an accelerator that the catalog does not have.
    """
    rules, item = rules_of(catalog), item_of(catalog.accelerators[accelerator_id])
    assumed, asked = [], terms
    if asked.headquarters is None:
        assumed.append(f"the customer's headquarters are in {asked.to}, where the site is (not stated)")
        asked = replace(asked, headquarters=asked.to)
    if asked.parent is None:
        assumed.append(f"the ultimate parent's headquarters are in {asked.headquarters} (not stated)")
        asked = replace(asked, parent=asked.headquarters)
    # A part made in mainland China is not shipped from where the imports come; the summary says from where.
    if item.origin == "CN" and asked.ship_from == Terms.ship_from:
        asked = replace(asked, ship_from="CN")
    found = evaluate(rules, item, asked)
    return entry(catalog, rules, item, asked, found, tuple(assumed), terms.headquarters is None)


def entry(
    catalog: Catalog,
    rules: Rules,
    item: Item,
    asked: Terms,
    found: Finding,
    assumed: tuple[str, ...] = (),
    guessed: bool = False,
) -> ComplianceEntry:
    """A finding as a plan carries it: short and in full, in both languages, with what it was compared with."""
    part = catalog.accelerators.get(item.id)
    old, old_zh = stale(rules, asked.on)
    ahead = outlook(rules, item, asked, found)
    told = Told(
        rules=rules,
        beside=beside_of(catalog),
        item=item,
        terms=asked,
        found=found,
        name=f"{part.vendor} {part.model}" if part else item.id,
        arithmetic=classes(catalog, item.id) if part else None,
        system=system_class(rules, [found.classification or "none"], asked.on),
        ahead=ahead,
        assumed_headquarters=guessed,
        stale=old,
    )
    review = next((r for r in found.rules if isinstance(r, Review)), None)
    data, data_zh = figures(told)
    return ComplianceEntry(
        part=item.id,
        accelerator=item.id,
        classification=words.classification_text(found),
        verdict=found.verdict,
        rules=tuple(rule.id for rule in found.rules),
        on=asked.on.isoformat(),
        summary=paragraph(told),
        summary_zh=paragraph_zh(told, old_zh),
        short=words.short(rules, item, found),
        short_zh=words.short_zh(rules, item, found),
        system=told.system if found.classification in ("3A090.a", "3A090.b", "none") else None,
        exception=found.exception.code if found.exception else None,
        codified=found.codified if found.codified != found.verdict else None,
        conditions=review.conditions if review else (),
        conditions_zh=review.conditions_zh if review else (),
        data=data,
        data_zh=data_zh,
        foreseen=tuple(_foreseen(a) for a in ahead),
        citations=tuple(dict.fromkeys(rule.cited for rule in _cited(rules, found))),
        review_policy=found.review_policy,
        import_side=found.import_side,
        assumed=assumed,
    )


def _foreseen(ahead: Ahead) -> Foreseen:
    """One change in words."""
    policy = f", {words.POLICIES[ahead.review_policy]}" if ahead.review_policy else ""
    policy_zh = f"，{words.POLICIES_ZH[ahead.review_policy]}" if ahead.review_policy else ""
    rule, day = ahead.rule, ahead.on.isoformat() if ahead.on else None
    when = f"from {day}" if day else "if it were enforced"
    when_zh = f"自 {day} 起" if day else "若予执行"
    return Foreseen(
        rule=rule.id,
        on=day,
        verdict=ahead.verdict,
        review_policy=ahead.review_policy,
        text=f"{rule.id} ({rule.title}), {when}: {words.VERDICTS[ahead.verdict]}{policy}",
        text_zh=f"{rule.id}（{rule.title_zh or rule.title}），{when_zh}：{words.VERDICTS_ZH[ahead.verdict]}{policy_zh}",
    )


def _cited(rules: Rules, found: Finding) -> list[Rule]:
    """Every rule that the sentence mentions."""
    shown = [*found.rules, *(rules.find(notice) for notice in found.notices)]
    if found.codified_rule is not None and found.verdict == "no_licence_required":
        shown.append(found.codified_rule)
    return [*shown, found.import_rule] if found.import_rule is not None else shown


def stale(rules: Rules, on: dt.date) -> tuple[str | None, str | None]:
    """A warning, English and Chinese, for a day before or so far past the rule data that it says little about it."""
    as_of, start = rules.table.as_of, rules.table.covers_from
    if start is not None and on < start:
        return (
            f"The rule data reaches back to {start.isoformat()}; of earlier days it holds letters and embargoes only.",
            f"规则数据完整覆盖始于 {start.isoformat()}，此前仅收录告知函与禁运规则。",
        )
    if on <= as_of + dt.timedelta(days=rules.table.stale_after_days):
        return None, None
    return (
        f"The rule data is of {as_of.isoformat()} and does not reach {on.isoformat()}: check for newer rules.",
        f"规则数据截至 {as_of.isoformat()}，未覆盖 {on.isoformat()}，须核对是否有新规。",
    )


NEVER_PLANNED = ("presumption_of_denial", "policy_of_denial")


def gate(entry: ComplianceEntry, accept: Sequence[str]) -> Rejection | None:
    """A rejection when the verdict is not accepted, an application would meet a presumption of denial, or the
    importing side restricts the part. Embargoes and presumptions of denial are never planned, whatever is accepted.
    """
    denied = entry.verdict == "prohibited" or entry.review_policy in NEVER_PLANNED
    if entry.verdict not in accept or denied:
        need = "no presumption of denial" if entry.verdict in accept else ", ".join(accept)
        return Rejection(entry.part, f"export-{entry.verdict}", sentence(entry), entry.verdict, need)
    if entry.import_side == "import_restricted":
        message = f"{entry.part}: the importing side restricts it on {entry.on}. Export side: {entry.short}."
        return Rejection(entry.part, "import-restricted", message, "import_restricted", "import_open")
    return None


def sentence(entry: ComplianceEntry) -> str:
    """Part, verdict, rule and decisive number in one line."""
    return f"{entry.part}: {entry.short}."


def plan_notices(catalog: Catalog, terms: Terms, pflops: Mapping[str, float]) -> tuple[Notice, ...]:
    """Notices that a whole plan must carry. `pflops`: its dense peak, keys `fp64_pflops`, `fp32_pflops`."""
    rules = rules_of(catalog)
    wanted = screening.plan_notices(rules, terms, tuple(sorted(pflops.items())))
    return tuple(notice for notice in rules.notices if notice.id in wanted)


def screen_all(
    request: Request, catalog: Catalog, on: dt.date
) -> tuple[dict[str, ComplianceEntry], list[str], list[Rejection]]:
    """The verdict of every accelerator, the accepted ids, and a rejection for each other one."""
    terms = terms_from(request, on)
    verdicts: dict[str, ComplianceEntry] = {}
    accepted: list[str] = []
    rejections: list[Rejection] = []
    for accelerator in sorted(catalog.accelerators):
        entry = screen(catalog, accelerator, terms)
        verdicts[accelerator] = entry
        refused = gate(entry, request.compliance.accept)
        if refused is None:
            accepted.append(accelerator)
        else:
            rejections.append(refused)
    return verdicts, accepted, rejections
