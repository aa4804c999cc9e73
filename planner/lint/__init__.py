"""Checks of a whole catalog, shipped or overlaid, before anybody plans with it.

Errors: what cannot be true or cannot be used. Warnings: what is odd but may be the vendor's own truth, and figures that
stand on somebody's memory. A rule is a function from catalog to findings; each has a name, and a broken catalog in
`tests/test_lint.py` that trips it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from planner import compliance
from planner.catalog import Catalog
from planner.errors import CatalogError
from planner.lint import basis, physics, ranges, references, sources
from planner.lint.finding import Finding

__all__ = ["RULES", "Finding", "lint", "price_grades", "shares"]

Rule = Callable[[Catalog], Iterable[Finding]]

RULES: dict[str, Rule] = {
    **references.RULES,
    **ranges.RULES,
    **physics.RULES,
    **sources.RULES,
}

shares, price_grades = basis.shares, basis.price_grades


def lint(overlays: Sequence[Path] = (), base: Catalog | None = None) -> list[Finding]:
    """Every finding, errors first. `base` stands in for the shipped catalog with overlays, for tests."""
    said: list[str] = []
    catalog = base or Catalog.load(overlays, said)
    found: list[Finding] = []
    try:
        for kind in ("parts", "models", "prices"):
            getattr(catalog, kind)  # read everything, so that what does not read is told first
    except CatalogError as error:
        said += str(error).splitlines()
    found += [Finding("error", "schema", "", message) for message in said]
    for name, rule in RULES.items():
        try:
            found += rule(catalog)
        except CatalogError as error:
            found.append(Finding("error", name, "", str(error)))
    try:
        found += [Finding("error", "rules", "", message) for message in compliance.lint(catalog)]
    except (CatalogError, KeyError, TypeError, ValueError) as error:
        found.append(Finding("error", "rules", "", f"the rules cannot be read: {error}"))
    return sorted(dict.fromkeys(found), key=lambda f: (f.level != "error", f.rule, f.part, f.message))
