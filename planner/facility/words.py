"""The words of a check's result in one language, from its case and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.facility import words_customer, words_en, words_zh
from planner.plan import Figure, Figures, PlannedCheck

TONGUES = {"en": words_en, "zh": words_zh}
PARTS = ("part", "chassis", "name")  # figures that may be part ids


@dataclass(frozen=True, slots=True)
class Said:
    """What a result says: what there is, what is needed, what it means, and the change that mends it."""

    title: str
    have: str
    need: str
    text: str
    mend: str | None


def said(
    check: str,
    case: str,
    figures: Figures,
    items: tuple[Figures, ...],
    language: str = "en",
    names: Mapping[str, str] | None = None,
    *,
    customer: bool = False,
) -> Said:
    """A result in words. `names` call parts by maker and model; KeyError for a case without words.

    `customer`: for one who reads a proposal and has no site file, so that no key of it is named.
    """
    tongue, called = TONGUES[language], names or {}
    have, need, text, mend = tongue.CASES[f"{check}/{case}"]
    if customer:
        mend = words_customer.MENDS[language].get(f"{check}/{case}", mend)
    total = figures.get("count")
    pattern = tongue.ITEMS.get(f"{check}/{case}", "{name}")
    listed = tongue.JOIN.join(pattern.format(**_shown(i, tongue.TERMS, called)) for i in items)
    if isinstance(total, int) and total > len(items):
        listed += tongue.MORE.format(more=f"{total - len(items):,}", total=f"{total:,}")
    values = {**_shown(figures, tongue.TERMS, called), "items": listed}
    fill: Callable[[str], str] = lambda pattern: pattern.format(**values)  # noqa: E731
    return Said(tongue.TITLES[check], fill(have), fill(need), fill(text), fill(mend) or None)


def spoken(check: PlannedCheck, language: str, names: Mapping[str, str] | None = None) -> Said:
    """A check of a plan in the words that a customer reads."""
    return said(check.id, check.case, check.figures, check.items, language, names, customer=True)


def _shown(figures: Figures, terms: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {key: _one(key, value, terms, names) for key, value in figures.items()}


def _one(key: str, value: Figure, terms: Mapping[str, str], names: Mapping[str, str]) -> str:
    if value is None:
        return "?"
    if isinstance(value, str):
        return names.get(value, terms.get(value, value)) if key in PARTS else terms.get(value, value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.3f}".rstrip("0").rstrip(".")
