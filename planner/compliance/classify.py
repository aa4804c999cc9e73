"""What a part is under the classification text of a day: TPP, performance density, class, with the arithmetic.

TPP (total processing performance) = the highest of dense TOPS or TFLOPS × bits of the multiply's input, over all
precisions. Performance density = TPP ÷ area in mm² of the logic dies. Both by 15 CFR part 774, ECCN 3A090, notes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from planner.catalog import Catalog
from planner.compliance.rules import ClassRule, Rule, Rules, rules_of
from planner.parts import Accelerator

# TF32 has no settled bit length and sets the maximum on no known part, so it is left out.
BITS = {"fp64": 64, "fp64_tensor": 64, "fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp6": 6, "fp4": 4}
# Published rate per lane, both directions added, in GB/s (PCI Express base specifications).
PCIE_LANE_GB_PER_S = {3: 2.0, 4: 4.0, 5: 8.0, 6: 16.0}
WORST_FIRST = ("3A090.a", "3A090.b", "unknown", "none")
DISAGREE = 0.01  # the maker's TPP and the one from its rates may differ by rounding, not by more


@dataclass(frozen=True)
class Item:
    """What the rules look at. TPP and density as above, bandwidths in GB/s. None: not published."""

    id: str
    vendor: str
    origin: str | None  # CN: designed and made in mainland China; anything else is under US rules
    tpp: float | None
    performance_density: float | None
    datacentre: bool | None  # designed or marketed for data centres
    dram_gb_per_s: float | None
    io_gb_per_s: float | None  # chip-to-chip, both directions added
    tpp_high: float | None = None  # by the published rates, where that is above the stated one
    memory_density: float | None = None  # of a loose memory stack, GB/s per mm²; such an item is no accelerator

    @property
    def highest_tpp(self) -> float | None:
        """What a "below" limit is compared with: it has to hold for the stated and for the computed figure."""
        return max((t for t in (self.tpp, self.tpp_high) if t is not None), default=None)


@dataclass(frozen=True)
class Answer:
    """A class on a day, the text that gives it (None before any is known), and what a 1 % error could make of it."""

    result: str
    rule: Rule | None
    nearby: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassSpan:
    """A class and the days on which its text is valid."""

    rule: str
    citation: str
    valid_from: dt.date
    valid_to: dt.date | None
    result: str
    system: str


@dataclass(frozen=True)
class Classes:
    """The figures of a part with their arithmetic, and its class under every text since 2018."""

    accelerator: str
    tpp: float | None
    tpp_arithmetic: str
    performance_density: float | None
    density_arithmetic: str
    spans: tuple[ClassSpan, ...]
    warning: str | None = None


def item_of(accelerator: Accelerator) -> Item:
    """What the rules look at, from a catalog record."""
    return Item(
        id=accelerator.id,
        vendor=accelerator.vendor,
        origin=accelerator.origin,
        tpp=accelerator.tpp,
        performance_density=accelerator.performance_density,
        datacentre=accelerator.designed_for_datacenter,
        dram_gb_per_s=accelerator.memory_bandwidth_gb_per_s,
        io_gb_per_s=_io(accelerator),
        tpp_high=_tpp(accelerator)[0],
    )


def _io(accelerator: Accelerator) -> float | None:
    """Chip-to-chip rate in GB/s, both directions: the link's, else that of the PCIe lanes of a card without a link."""
    if accelerator.scale_up.gb_per_s is not None or not accelerator.scale_up.name.startswith("none"):
        return accelerator.scale_up.gb_per_s
    lane = PCIE_LANE_GB_PER_S.get(accelerator.pcie_gen or 0)
    return None if lane is None or accelerator.pcie_lanes is None else lane * accelerator.pcie_lanes


def class_on(rules: Rules, item: Item, on: dt.date) -> Answer:
    """The class on a day: `3A090.a`, `3A090.b`, `none`, or `unknown` where a figure it turns on is not published."""
    valid = [rule for rule in rules.table.classification if rule.valid(on)]
    if not valid:
        return Answer("unknown", None)
    rule = valid[-1]
    if item.memory_density is not None:
        return _loose_memory(rules, item.memory_density, on, rule)
    result = _result(rule, item)
    margin = rules.table.near_limit_percent / 100
    around = {
        _result(rule, replace(item, tpp=_times(item.tpp, a), performance_density=_times(item.performance_density, b)))
        for a in (1 - margin, 1, 1 + margin)
        for b in (1 - margin, 1, 1 + margin)
    }
    return Answer(result, rule, tuple(c for c in WORST_FIRST if c in around and c != result))


def _loose_memory(rules: Rules, density: float, on: dt.date, otherwise: ClassRule) -> Answer:
    """3A090.c for a stack that is shipped on its own and above the limit of the day."""
    for rule in rules.table.loose_memory:
        if rule.valid(on):
            return Answer(rule.result if density > rule.density_above else "none", rule)
    return Answer("none", otherwise)


def system_class(rules: Rules, found: Iterable[str], on: dt.date) -> str | None:
    """The entry of a board or server by its worst chip: 4A090, 4A090.a, 4A090.b, or 4A994.l; None when unknown."""
    present = set(found)
    worst = next((c for c in WORST_FIRST if c in present), "none")
    rule = next((r for r in reversed(rules.table.classification) if r.valid(on)), None)
    if worst == "unknown" or rule is None:
        return None
    return rule.systems.get(worst, "4A994.l")


def classes(catalog: Catalog, accelerator_id: str) -> Classes:
    """TPP, performance density and class of an accelerator under every text, with the arithmetic shown."""
    accelerator = catalog.accelerators[accelerator_id]
    rules, item = rules_of(catalog), item_of(accelerator)
    computed, text = _tpp(accelerator)
    warning = None
    if computed is not None and item.tpp is not None and abs(computed - item.tpp) > item.tpp * DISAGREE:
        warning = f"the stated TPP {item.tpp:,.0f} and the one from the published rates {computed:,.0f} disagree"
    spans = []
    for rule in rules.table.classification:
        result = _result(rule, item)
        system = "unknown" if result == "unknown" else rule.systems.get(result, "4A994.l")
        spans.append(ClassSpan(rule.id, rule.citation, rule.valid_from, rule.valid_to, result, system))
    return Classes(
        accelerator_id,
        item.tpp,
        text,
        item.performance_density,
        _density(accelerator),
        tuple(spans),
        warning,
    )


def _tpp(accelerator: Accelerator) -> tuple[float | None, str]:
    products = [(rate * BITS[p], p, rate) for p, rate in sorted(accelerator.dense_tflops.items()) if p in BITS]
    if not products:
        stated = f"TPP {accelerator.tpp:,.0f} as stated; no rates published" if accelerator.tpp else "TPP not published"
        return None, stated
    value, precision, rate = max(products, key=lambda row: row[0])
    return value, f"TPP {value:,.0f} = {rate:,g} dense T{_ops(precision)} {precision.upper()} × {BITS[precision]} bit"


def _ops(precision: str) -> str:
    return "OPS" if precision.startswith("int") else "FLOPS"


def _density(accelerator: Accelerator) -> str:
    if accelerator.performance_density is None:
        return "performance density unknown: the area of the logic dies is not published"
    if accelerator.die_area_mm2 is None or accelerator.tpp is None:
        return f"performance density {accelerator.performance_density:g} as stated"
    return (
        f"performance density {accelerator.performance_density:g} = "
        f"TPP {accelerator.tpp:,.0f} ÷ {accelerator.die_area_mm2:g} mm² of logic dies"
    )


# -- tests in data ---------------------------------------------------------------------------------------------------
def _result(rule: ClassRule, item: Item) -> str:
    """The class by the first test that holds; `unknown` where tests that cannot be decided would change it."""
    possible: list[str] = []
    for test in rule.tests:
        holding = holds(test.when, item)
        if holding is not False:
            possible.append(test.result)
        if holding:
            break
    else:
        possible.append("none")
    return possible[0] if len(set(possible)) == 1 else "unknown"


def holds(test: Any, item: Item) -> bool | None:
    """A test of the data on an item; None when a figure that decides it is not known."""
    if test == "always":
        return True
    if "all" in test:
        return _all([holds(t, item) for t in test["all"]])
    if "any" in test:
        return _any([holds(t, item) for t in test["any"]])
    ((name, limit),) = test.items()
    if name == "datacentre":
        return None if item.datacentre is None else item.datacentre is bool(limit)
    figure, comparison = name.rsplit("_", 1)
    figures = {"tpp": item.tpp, "pd": item.performance_density, "interconnect_gbs": item.io_gb_per_s}
    value = figures[figure]
    if value is None:
        return None
    return bool(value >= limit) if comparison == "gte" else bool(value < limit)


def _all(found: Sequence[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _any(found: Sequence[bool | None]) -> bool | None:
    if True in found:
        return True
    return None if None in found else False


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
