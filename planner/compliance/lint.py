"""What is wrong with a rule table although every field has the right type. One sentence per finding."""

from __future__ import annotations

import datetime as dt
import itertools

from planner.catalog import Catalog
from planner.compliance.beside import beside_of
from planner.compliance.rules import ImportGate, Letter, PlaceRule, Rule, Rules, rules_of


def lint(catalog: Catalog) -> list[str]:
    """Findings on the rules of a catalog, in file order; empty when there are none."""
    rules = rules_of(catalog)
    found: list[str] = []
    ids: set[str] = set()
    for rule in rules.all():
        if rule.id in ids:
            found.append(f"{rule.id} is defined twice")
        ids.add(rule.id)
        found += _evidence(rule)
        found += _places(rules, rule)
        if isinstance(rule, Letter | ImportGate):
            found += [f"{rule.id}: part {p} is not in the catalog" for p in rule.parts if p not in catalog.accelerators]
    return found + _gaps(rules) + _succession(rules) + _twins(rules) + _groups(rules) + _beside(catalog, rules)


def _evidence(rule: Rule) -> list[str]:
    found = []
    if not rule.citation.strip():
        found.append(f"{rule.id}: no citation")
    if not rule.sources and rule.basis in ("verified", "reported"):
        found.append(f"{rule.id}: {rule.basis}, but no source")
    if rule.basis == "verified" and rule.evidence is None:
        found.append(f"{rule.id}: verified, but it does not say by what evidence")
    if rule.valid_to is not None and rule.valid_to < rule.valid_from:
        found.append(f"{rule.id}: ends on {rule.valid_to}, before it begins on {rule.valid_from}")
    if rule.announced is not None and rule.announced > rule.valid_from:
        found.append(f"{rule.id}: announced on {rule.announced}, after it begins on {rule.valid_from}")
    if rule.status == "superseded" and rule.valid_to is None:
        found.append(f"{rule.id}: superseded, but without an end")
    spans = sorted(rule.suspended, key=lambda s: s.start or dt.date.min)
    for before, after in itertools.pairwise(spans):
        if before.end is None or (after.start is not None and before.end >= after.start):
            found.append(f"{rule.id}: suspensions overlap")
    return found


def _places(rules: Rules, rule: Rule) -> list[str]:
    found = []
    if isinstance(rule, PlaceRule):
        known = {*rules.countries, "*"}
        found += [f"{rule.id}: unknown country {c}" for c in rule.where.countries if c not in known]
        for group in (*rule.where.groups, *rule.where.except_groups):
            if group not in rules.groups.members:
                found.append(f"{rule.id}: unknown country group {group}")
    if isinstance(rule, ImportGate):
        for country in (rule.country, rule.leaving):
            if country is not None and country not in rules.countries:
                found.append(f"{rule.id}: unknown country {country}")
    return found


def _gaps(rules: Rules) -> list[str]:
    """Exactly one classification text is valid on any day from the first one on."""
    found = []
    texts = sorted(rules.table.classification, key=lambda r: r.valid_from)
    for before, after in itertools.pairwise(texts):
        if before.valid_to is None or before.valid_to >= after.valid_from:
            found.append(f"{before.id} and {after.id} overlap")
        elif before.valid_to + dt.timedelta(days=1) < after.valid_from:
            found.append(f"no classification text between {before.id} and {after.id}")
    return found


def _succession(rules: Rules) -> list[str]:
    """A rule begins the day after those it supersedes end."""
    found = []
    known = {rule.id: rule for rule in rules.all()}
    for rule in rules.all():
        for name in rule.supersedes:
            before = known.get(name)
            if before is None:
                found.append(f"{rule.id}: supersedes {name}, which is not there")
            elif before.valid_to is None or before.valid_to >= rule.valid_from:
                found.append(f"{before.id} and {rule.id} overlap")
            elif before.valid_to + dt.timedelta(days=1) < rule.valid_from:
                found.append(f"no rule between {before.id} and {rule.id}, which supersedes it")
    return sorted(set(found) - set(_gaps(rules)))


def _twins(rules: Rules) -> list[str]:
    """Two rules of one kind that say the same of the same places must not be valid on the same day."""
    dates = {"id", "title", "title_zh", "valid_from", "valid_to", "announced", "suspended", "status", "supersedes"}
    dates |= {"citation", "citation_zh", "citation_basis", "sources", "basis", "evidence", "last_confirmed", "note"}
    found = []
    for first, second in itertools.combinations(rules.all(), 2):
        if type(first) is not type(second) or first.id == second.id or not isinstance(first, PlaceRule):
            continue
        if first.model_dump(exclude=dates) != second.model_dump(exclude=dates):
            continue
        early, late = sorted((first, second), key=lambda r: r.valid_from)
        if early.valid_to is None or early.valid_to >= late.valid_from:
            found.append(f"{early.id} and {late.id} say the same and overlap")
    return found


def _beside(catalog: Catalog, rules: Rules) -> list[str]:
    """Statements and the duty name parts and countries that exist; review policies ship from known countries."""
    beside, found = beside_of(catalog), []
    for statement in beside.statements:
        found += [
            f"statement: part {p} is not in the catalog" for p in statement.parts if p not in catalog.accelerators
        ]
    duty = beside.duty
    found += [f"{duty.id}: unknown country {c}" for c in (*duty.to, *duty.ship_from) if c not in rules.countries]
    for review in rules.table.review:
        found += [f"{review.id}: unknown country {c}" for c in review.ship_from if c not in rules.countries]
    return found


def _groups(rules: Rules) -> list[str]:
    found = []
    spans = sorted(rules.groups.changes, key=lambda c: (c.country, c.group, c.start or dt.date.min))
    for before, after in itertools.pairwise(spans):
        same = (before.country, before.group) == (after.country, after.group)
        if same and (before.end is None or after.start is None or before.end >= after.start):
            found.append(f"group {after.group}: the spans of {after.country} overlap")
    for change in rules.groups.changes:
        if change.group not in rules.groups.members and not change.group.startswith("D:3"):
            found.append(f"group {change.group}: has changes and no members")
    for name, members in rules.groups.members.items():
        found += [f"group {name}: unknown country {c}" for c in members if c not in rules.countries]
    for change in rules.groups.changes:
        if change.country not in rules.countries:
            found.append(f"group {change.group}: unknown country {change.country}")
    return found
