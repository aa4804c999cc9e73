"""What is wrong with a rule table although every field has the right type. One sentence per finding."""

from __future__ import annotations

import datetime as dt
import itertools

from planner.catalog import Catalog
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
    return found + _gaps(rules) + _groups(rules)


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


def _groups(rules: Rules) -> list[str]:
    found = []
    for name, members in rules.groups.members.items():
        found += [f"group {name}: unknown country {c}" for c in members if c not in rules.countries]
    for change in rules.groups.changes:
        if change.country not in rules.countries:
            found.append(f"group {change.group}: unknown country {change.country}")
    return found
