"""Every number in the rule data that something is compared with: a case just under it and one just over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.compliance import Item, Terms, class_on, evaluate, plan_notices, rules_of
from planner.compliance.beside import beside_of
from planner.compliance.rules import Letter, LicenceException, Notice, Review, Rules, Warn

TODAY = dt.date(2026, 11, 22)
Limit = tuple[str, str, float]
CATALOG = Catalog.load()
RULES: Rules = rules_of(CATALOG)


def limits() -> Iterator[Limit]:
    """Rule, figure and value of every limit of the data."""
    for text in RULES.table.classification:
        for test in text.tests:
            yield from ((text.id, name, value) for name, value in leaves(test.when))
    for memory in RULES.table.loose_memory:
        yield memory.id, "density_above", memory.density_above
    for rule in RULES.all():
        if isinstance(rule, Letter | Warn):
            for group in (rule.reaches, getattr(rule, "reaches_all", None)):
                for name, value in (group.model_dump() if group else {}).items():
                    if value is not None:
                        yield rule.id, name, value
        if isinstance(rule, Letter) and rule.datacentre_tpp_from is not None:
            yield rule.id, "datacentre_tpp_from", rule.datacentre_tpp_from
        if isinstance(rule, LicenceException) and rule.memory_density_below is not None:
            yield rule.id, "memory_density_below", rule.memory_density_below
        if isinstance(rule, Review):
            for name in ("tpp_below", "dram_gb_per_s_below"):
                if getattr(rule, name) is not None:
                    yield rule.id, name, getattr(rule, name)
        if isinstance(rule, Notice):
            yield from ((rule.id, name, value) for name, value in rule.thresholds.items())
            if rule.tpp_from is not None:
                yield rule.id, "tpp_from", rule.tpp_from
    duty = beside_of(CATALOG).duty
    for band in duty.bands:
        yield from ((duty.id, name, value) for name, value in band.model_dump().items())


def leaves(test: Any) -> Iterator[tuple[str, float]]:
    if not isinstance(test, dict):
        return
    for name, value in test.items():
        if name in ("all", "any"):
            for inner in value:
                yield from leaves(inner)
        elif name != "datacentre":
            yield name, float(value)


def chip(**figures: Any) -> Item:
    plain: dict[str, Any] = {
        "id": "chip",
        "vendor": "Example",
        "origin": "US",
        "tpp": 1000.0,
        "performance_density": 1.0,
        "datacentre": True,
        "dram_gb_per_s": 100.0,
        "io_gb_per_s": 64.0,
    }
    return Item(**{**plain, **figures})


def terms(to: str = "CN", day: dt.date = TODAY) -> Terms:
    return Terms(to, to, to, on=day)


def cls(day: str = "2024-06-01", **fixed: Any) -> Callable[..., str]:
    return lambda **figure: class_on(RULES, chip(**fixed, **figure), dt.date.fromisoformat(day)).result


def letter(day: str, vendor: str, **fixed: Any) -> Callable[..., bool]:
    def found(**figure: Any) -> bool:
        at = terms(day=dt.date.fromisoformat(day))
        return any(isinstance(r, Letter) for r in evaluate(RULES, chip(vendor=vendor, **fixed, **figure), at).rules)

    return found


def warned(**fixed: Any) -> Callable[..., bool]:
    return lambda **figure: bool(evaluate(RULES, chip(**fixed, **figure), terms()).warnings)


def policy(**fixed: Any) -> Callable[..., str | None]:
    return lambda **figure: evaluate(RULES, chip(**fixed, **figure), terms()).review_policy


def noticed(**figure: Any) -> bool:
    return bool(evaluate(RULES, chip(origin="CN", **figure), terms()).notices)


def super_notice(**pflops: float) -> bool:
    return "N-SUPER" in [n.id for n in plan_notices(CATALOG, terms(), pflops)]


def duty(tpp: float = 16000.0, dram: float = 4800.0) -> bool:
    return beside_of(CATALOG).duty.met(tpp, dram, "CN", "US", TODAY)


def exception(**figure: Any) -> str:
    return evaluate(RULES, chip(**figure), terms()).verdict


# Limit -> what is asked, the figure that moves, the answer just below the limit and the answer at or just above it.
PROBES: dict[Limit, tuple[Callable[..., Any], str, Any, Any]] = {
    ("C2022", "tpp_gte", 4800): (cls("2023-05-01", io_gb_per_s=600.0), "tpp", "none", "3A090.a"),
    ("C2022", "interconnect_gbs_gte", 600): (cls("2023-05-01", tpp=4800.0), "io_gb_per_s", "none", "3A090.a"),
    ("C2023", "tpp_lt", 4800): (cls(datacentre=False, performance_density=12.0), "tpp", "none", "3A090.a"),
    ("C2023", "tpp_gte", 4800): (cls(performance_density=1.0), "tpp", "none", "3A090.a"),
    ("C2023", "tpp_gte", 1600): (cls(performance_density=12.0), "tpp", "none", "3A090.a"),
    ("C2023", "tpp_gte", 2400): (cls(performance_density=1.6), "tpp", "none", "3A090.b"),
    ("C2023", "pd_gte", 5.92): (cls(tpp=2000.0), "performance_density", "3A090.b", "3A090.a"),
    ("C2023", "pd_lt", 5.92): (cls(tpp=4799.0), "performance_density", "3A090.b", "3A090.a"),
    ("C2023", "pd_gte", 1.6): (cls(tpp=2400.0), "performance_density", "none", "3A090.b"),
    ("C2023", "pd_gte", 3.2): (cls(tpp=1600.0), "performance_density", "none", "3A090.b"),
    ("C2024HBM", "density_above", 2.0): (cls("2025-06-01"), "memory_density", "none", "3A090.c"),
    ("L2022", "tpp", 4992): (letter("2022-09-15", "NVIDIA", io_gb_per_s=600.0), "tpp", False, True),
    ("L2022", "io_gb_per_s", 600): (letter("2022-09-15", "NVIDIA", tpp=4992.0), "io_gb_per_s", False, True),
    ("L2023OCT", "datacentre_tpp_from", 4800): (letter("2023-11-01", "NVIDIA"), "tpp", False, True),
    ("L2025H20", "dram_gb_per_s", 4000): (letter("2026-01-01", "NVIDIA"), "dram_gb_per_s", False, True),
    ("L2025H20", "io_gb_per_s", 900): (letter("2026-01-01", "NVIDIA"), "io_gb_per_s", False, True),
    ("L2025INTEL", "dram_gb_per_s", 1400): (letter("2026-01-01", "Intel"), "dram_gb_per_s", False, True),
    ("L2025INTEL", "io_gb_per_s", 1100): (letter("2026-01-01", "Intel"), "io_gb_per_s", False, True),
    ("L2025INTEL", "sum_gb_per_s", 1700): (letter("2026-01-01", "Intel", io_gb_per_s=400.0), "dram", False, True),
    ("W2025BANDWIDTH", "dram_gb_per_s", 1400): (warned(), "dram_gb_per_s", False, True),
    ("W2025BANDWIDTH", "io_gb_per_s", 1100): (warned(), "io_gb_per_s", False, True),
    ("W2025BANDWIDTH", "sum_gb_per_s", 1700): (warned(io_gb_per_s=400.0), "dram", False, True),
    ("HBM", "memory_density_below", 3.3): (exception, "memory_density", "licence_exception", "licence_required"),
    ("V2026H200", "tpp_below", 21000): (policy(), "tpp", "case_by_case", "presumption_of_denial"),
    ("V2026H200", "dram_gb_per_s_below", 6500): (
        policy(tpp=16000.0),
        "dram_gb_per_s",
        "case_by_case",
        "presumption_of_denial",
    ),
    ("N-GP10", "tpp_from", 4800): (noticed, "tpp", False, True),
    ("N-SUPER", "fp64_pflops", 100): (super_notice, "fp64_pflops", False, True),
    ("N-SUPER", "fp32_pflops", 200): (super_notice, "fp32_pflops", False, True),
    ("US-2026-01-TARIFF232", "tpp_above", 14000): (duty, "tpp", False, True),
    ("US-2026-01-TARIFF232", "tpp_below", 17500): (duty, "tpp", True, False),
    ("US-2026-01-TARIFF232", "dram_above", 4500): (duty, "dram", False, True),
    ("US-2026-01-TARIFF232", "dram_below", 5000): (duty, "dram", True, False),
    ("US-2026-01-TARIFF232", "tpp_above", 20800): (lambda tpp: duty(tpp, 6000.0), "tpp", False, True),
    ("US-2026-01-TARIFF232", "tpp_below", 21100): (lambda tpp: duty(tpp, 6000.0), "tpp", True, False),
    ("US-2026-01-TARIFF232", "dram_above", 5800): (lambda dram: duty(20900.0, dram), "dram", False, True),
    ("US-2026-01-TARIFF232", "dram_below", 6200): (lambda dram: duty(20900.0, dram), "dram", True, False),
}
# Excluded limits: the value itself lies below them.
EXCLUDED = ("density_above", "tpp_above", "dram_above")


def test_no_limit_of_the_data_is_without_its_two_cases() -> None:
    assert set(limits()) == set(PROBES)


@pytest.mark.parametrize("limit", PROBES, ids=lambda k: "-".join(map(str, k)))
def test_the_answer_turns_at_the_limit(limit: Limit) -> None:
    ask, figure, below, above = PROBES[limit]
    value = float(limit[2])
    if figure == "dram" and limit[1] == "sum_gb_per_s":
        figure, value = "dram_gb_per_s", value - 400.0
    step = 0.001 if value < 10 else 1.0
    over = value + (step if limit[1] in EXCLUDED else 0)
    under = value if limit[1] in EXCLUDED else value - step
    assert ask(**{figure: under}) == below
    assert ask(**{figure: over}) == above
