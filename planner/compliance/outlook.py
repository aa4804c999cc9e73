"""What would change a verdict: rules already announced, suspensions and exemptions that end, texts not enforced.

Only what was public on the day of the answer counts; a rule that nobody had announced then is not looked ahead to.
Each answer is worked out by the same procedure on the day of the change, with destination and parties as they are.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from planner.compliance.classify import Item
from planner.compliance.rules import Requirement, Rule, Rules
from planner.compliance.screening import Finding, Terms, evaluate


@dataclass(frozen=True)
class Ahead:
    """A verdict that would come with a rule. `on` None: if the text were enforced."""

    rule: Rule
    verdict: str
    review_policy: str | None
    on: dt.date | None


def outlook(rules: Rules, item: Item, terms: Terms, found: Finding) -> tuple[Ahead, ...]:
    """Every change of verdict or review policy that was foreseeable on the day, in order of date."""
    ahead: list[Ahead] = []
    now = (found.verdict, found.review_policy, found.exception.code if found.exception else None)
    for day, rule in announced_days(rules, terms.on):
        later = evaluate(rules.as_known(terms.on), item, replace(terms, on=day))
        then = (later.verdict, later.review_policy, later.exception.code if later.exception else None)
        if then != now:
            cause = next((r for r in later.rules if r.valid_from == day), rule)
            ahead.append(Ahead(cause, later.verdict, later.review_policy, day))
            now = then
    if found.codified_rule is not None and (found.codified or found.verdict) != found.verdict:
        ahead.append(Ahead(found.codified_rule, found.codified or found.verdict, None, None))
    return tuple(ahead)


def announced_days(rules: Rules, on: dt.date) -> tuple[tuple[dt.date, Rule], ...]:
    """Days after `on` on which a rule known on `on` begins, returns from suspension, or ends an exemption."""
    days: dict[dt.date, Rule] = {}
    for rule in rules.all():
        if rule.known(on) and rule.valid_from > on and rule.status != "not_enforced":
            days.setdefault(rule.valid_from, rule)
        for span in rule.suspended:
            if span.holds(on) and span.end is not None:
                days.setdefault(span.end + dt.timedelta(days=1), rule)
        if isinstance(rule, Requirement) and rule.valid(on):
            for recipient in rule.recipients:
                if recipient.until is not None and recipient.until >= on:
                    days.setdefault(recipient.until + dt.timedelta(days=1), rule)
    return tuple(sorted(days.items(), key=lambda d: d[0]))


def returning(rules: Rules, on: dt.date) -> tuple[tuple[Rule, dt.date], ...]:
    """Rules that are suspended on a day, with the day on which they return."""
    return tuple(
        (rule, span.end + dt.timedelta(days=1))
        for rule in rules.all()
        for span in rule.suspended
        if span.holds(on) and span.end is not None and rule.known(on)
    )
