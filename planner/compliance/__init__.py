"""Export screening: a verdict per accelerator from dated rules, with citations. It screens and explains; never clears.

`screen` gives a `ComplianceEntry`; `gate` turns one that is not accepted into a Rejection. See docs/compliance.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from planner.catalog import Catalog
from planner.compliance import screening, words
from planner.compliance.classify import Classes, Item, class_on, classes, item_of, system_class
from planner.compliance.lint import lint
from planner.compliance.rules import Notice, Rule, Rules, rules_of
from planner.compliance.screening import Finding, Terms, evaluate
from planner.errors import Rejection
from planner.plan import ComplianceEntry
from planner.request import Request

__all__ = [
    "Classes",
    "Finding",
    "Item",
    "Terms",
    "class_on",
    "classes",
    "evaluate",
    "gate",
    "item_of",
    "lint",
    "plan_notices",
    "rules_of",
    "screen",
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
    # A part made in mainland China for a site there is not shipped from where the imports come; the summary says so.
    if item.origin == "CN" and asked.to == "CN" and asked.ship_from == Terms.ship_from:
        asked = replace(asked, ship_from="CN")
    found = evaluate(rules, item, asked)
    guessed = terms.headquarters is None
    old, old_zh = stale(rules, asked.on)
    return ComplianceEntry(
        part=accelerator_id,
        accelerator=accelerator_id,
        classification=words.classification_text(found),
        verdict=found.verdict,
        rules=tuple(rule.id for rule in found.rules),
        on=asked.on.isoformat(),
        summary=" ".join(filter(None, (words.summary(rules, item, asked, found, guessed), old))),
        summary_zh="".join(filter(None, (words.summary_zh(rules, item, asked, found, guessed), old_zh))),
        citations=tuple(dict.fromkeys(rule.cited for rule in _cited(rules, found))),
        review_policy=found.review_policy,
        import_side=found.import_side,
        assumed=tuple(assumed),
    )


def _cited(rules: Rules, found: Finding) -> list[Rule]:
    """Every rule that the sentence mentions."""
    shown = [*found.rules, *(rules.find(notice) for notice in found.notices)]
    if found.codified_rule is not None and found.verdict == "no_licence_required":
        shown.append(found.codified_rule)
    return [*shown, found.import_rule] if found.import_rule is not None else shown


def stale(rules: Rules, on: dt.date) -> tuple[str | None, str | None]:
    """A warning, English and Chinese, for a day so far past the rule data that it says little about that day."""
    as_of = rules.table.as_of
    if on <= as_of + dt.timedelta(days=rules.table.stale_after_days):
        return None, None
    return (
        f"The rule data is of {as_of.isoformat()} and does not reach {on.isoformat()}: check for newer rules.",
        f"规则数据截至 {as_of.isoformat()}，未覆盖 {on.isoformat()}，须核对是否有新规。",
    )


def gate(entry: ComplianceEntry, accept: Sequence[str]) -> Rejection | None:
    """A rejection when the verdict is not among the accepted ones, or the importing side restricts the part."""
    if entry.verdict not in accept:
        return Rejection(entry.part, f"export-{entry.verdict}", entry.summary, entry.verdict, ", ".join(accept))
    if entry.import_side == "import_restricted":
        message = f"{entry.part}: the importing side restricts it on {entry.on}. {entry.summary}"
        return Rejection(entry.part, "import-restricted", message, "import_restricted", "import_open")
    return None


def plan_notices(catalog: Catalog, terms: Terms, pflops: Mapping[str, float]) -> tuple[Notice, ...]:
    """Notices that a whole plan must carry. `pflops`: its dense peak, keys `fp64_pflops`, `fp32_pflops`."""
    rules = rules_of(catalog)
    wanted = screening.plan_notices(rules, terms, tuple(sorted(pflops.items())))
    return tuple(notice for notice in rules.notices if notice.id in wanted)
