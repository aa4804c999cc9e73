"""The numbers that decide a class: which figures of a part are compared with which limits of the text of the day.

Nothing is written here that the rule data does not say: limits come from the tests of the classification text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from planner.compliance.classify import Item, holds
from planner.compliance.rules import ClassRule

NAMES = {"tpp": "TPP", "pd": "performance density", "interconnect_gbs": "chip-to-chip bandwidth"}
NAMES_ZH = {"tpp": "总处理性能（TPP）", "pd": "性能密度", "interconnect_gbs": "芯片间互联带宽"}
SHORT_ZH = {"tpp": "TPP", "pd": "性能密度", "interconnect_gbs": "互联带宽"}
UNITS = {"tpp": "", "pd": "", "interconnect_gbs": " GB/s"}


@dataclass(frozen=True)
class Compared:
    """A figure and the limit it is compared with. `reached`: at or above it."""

    figure: str  # tpp | pd | interconnect_gbs
    value: float | None
    limit: float
    reached: bool

    @property
    def value_text(self) -> str:
        return "not published" if self.value is None else self._shown(self.value)

    @property
    def value_text_zh(self) -> str:
        return "未公开" if self.value is None else self._shown(self.value)

    def _shown(self, value: float) -> str:
        """Rounded, but never onto the limit that it misses or exceeds."""
        text = shown(value)
        if value != self.limit and text == shown(self.limit):
            text = f"{value:,.3f}"
        return text + UNITS[self.figure]

    @property
    def limit_text(self) -> str:
        return f"{self.limit:,g}" + UNITS[self.figure]


def shown(value: float) -> str:
    """A figure as people compare it: whole from 100, else two decimals."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def compared(rule: ClassRule, item: Item, result: str) -> tuple[Compared, ...]:
    """What decides `result` under a text: the limits reached; for `none` the nearest limits that are not reached."""
    for test in rule.tests:
        if test.when == "always":
            continue
        branch = _holding(test.when, item)
        if branch is not None and test.result == result:
            reached = [_leaf(b, item) for b in branch if _is_floor(b)]
            below = [_leaf(b, item) for b in branch if _is_ceiling(b)] if not reached else []
            return tuple(reached or below)
    failing = [
        _leaf(next(leaf for leaf in branch if holds(leaf, item) is False and _is_floor(leaf)), item)
        for test in rule.tests
        if test.result not in ("none", "unknown") and test.when != "always"
        for branch in _branches(test.when)
        if any(holds(leaf, item) is False and _is_floor(leaf) for leaf in branch)
    ]
    return _nearest(failing)


def unpublished(rule: ClassRule, item: Item) -> tuple[str, ...]:
    """The figures that a text asks about and nobody published, by name."""
    values = {"tpp": item.tpp, "pd": item.performance_density, "interconnect_gbs": item.io_gb_per_s}
    asked = {
        next(iter(leaf)).rsplit("_", 1)[0]
        for test in rule.tests
        if test.when != "always"
        for branch in _branches(test.when)
        for leaf in branch
        if "datacentre" not in leaf
    }
    return tuple(name for name in NAMES if name in asked and values[name] is None)


def told(found: Iterable[Compared]) -> str:
    """`TPP 15,831, limit 4,800`; several: `TPP 2,368 and performance density 2.91, below 2,400 and 3.2`."""
    rows = list(found)
    if not rows:
        return ""
    values = " and ".join(f"{NAMES[r.figure]} {r.value_text}" for r in rows)
    limits = " and ".join(r.limit_text for r in rows)
    word = ("limit" if len(rows) == 1 else "limits") if rows[0].reached else "below"
    return f"{values}, {word} {limits}"


def told_zh(found: Iterable[Compared]) -> str:
    """The same in Chinese, short."""
    rows = list(found)
    if not rows:
        return ""
    word = "门槛" if rows[0].reached else "低于门槛"
    return (
        "、".join(f"{SHORT_ZH[r.figure]} {r.value_text_zh}" for r in rows)
        + f"，{word} "
        + "、".join(r.limit_text for r in rows)
    )


def _nearest(failing: list[Compared]) -> tuple[Compared, ...]:
    """Of several limits that one figure misses the lowest; figures in their usual order."""
    lowest: dict[str, Compared] = {}
    for row in failing:
        if row.figure not in lowest or row.limit < lowest[row.figure].limit:
            lowest[row.figure] = row
    return tuple(lowest[name] for name in NAMES if name in lowest)


def _branches(test: Any) -> list[list[dict[str, Any]]]:
    """A condition as alternatives, each a list of single comparisons that all have to hold."""
    if "any" in test:
        return [branch for inner in test["any"] for branch in _branches(inner)]
    if "all" in test:
        found: list[list[dict[str, Any]]] = [[]]
        for inner in test["all"]:
            found = [[*head, *tail] for head in found for tail in _branches(inner)]
        return found
    return [[test]]


def _holding(test: Any, item: Item) -> list[dict[str, Any]] | None:
    return next((b for b in _branches(test) if all(holds(leaf, item) for leaf in b)), None)


def _is_floor(leaf: dict[str, Any]) -> bool:
    return next(iter(leaf)).endswith("_gte")


def _is_ceiling(leaf: dict[str, Any]) -> bool:
    return next(iter(leaf)).endswith("_lt")


def _leaf(leaf: dict[str, Any], item: Item) -> Compared:
    ((name, limit),) = leaf.items()
    figure = name.rsplit("_", 1)[0]
    values = {"tpp": item.tpp, "pd": item.performance_density, "interconnect_gbs": item.io_gb_per_s}
    return Compared(figure, values[figure], float(limit), bool(holds({f"{figure}_gte": limit}, item)))
