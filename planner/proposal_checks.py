"""The numbered checks of a plan as rows of a table, and the standards that nobody verified, in one language."""

from __future__ import annotations

from typing import Any

from planner.facility.standards import standards_for
from planner.facility.words import spoken
from planner.plan import Plan
from planner.wording import Wording


def check_rows(plan: Plan, words: Wording) -> list[dict[str, Any]]:
    """Number, title, status, what there is, what is needed, what it means and what mends it, check by check."""
    names = {part: words.product(name) for part, name in plan.names.items()}
    rows = []
    for check in plan.checks:
        told = spoken(check, words.language, names)
        rows.append(
            {
                "number": check.number,
                "title": told.title,
                "status": check.status.lower(),
                "called": words.term("check_status", check.status),
                "have": told.have,
                "need": told.need,
                "text": told.text,
                "mend": told.mend or "",
            }
        )
    return rows


def check_count(plan: Plan, words: Wording) -> str:
    """How many passed, how many ask for attention, how many failed."""
    count = {s: sum(c.status == s for c in plan.checks) for s in ("PASS", "WARN", "FAIL")}
    return words("checks.count", passed=count["PASS"], warned=count["WARN"], failed=count["FAIL"])


def standard_rows(plan: Plan, words: Wording) -> list[tuple[str, str]]:
    """What standards ask, by name; a checklist for people, never a result."""
    listed = standards_for(str(plan.request["site"]["country"]))
    return [(name, chinese if words.language == "zh" else english) for name, english, chinese in listed]


__all__ = ["check_count", "check_rows", "standard_rows"]
