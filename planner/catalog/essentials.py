"""What must be known of a part before anything is planned with it, by kind, and the rule that stands in for a gap.

`planner catalog list KIND --incomplete` and `planner schema catalog` print this; the rooms that build nodes, networks
and storage reject a part for the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from planner.catalog import Catalog
from planner.parts import Accelerator, Part, Record, Software

PRICE = "price"
WEIGHT_RULE = "estimates/classes: kilograms per rack unit of the class"

# Figures by kind. A dotted name is a key of a table; names joined by | are alternatives, one of which is enough.
ESSENTIALS: dict[str, tuple[str, ...]] = {
    "accelerators": (
        "memory_gb", "memory_bandwidth_gb_per_s", "tdp_w", "dense_tflops", PRICE,
    ),
    "chassis": ("rack_units", "max_power_w", "weight_kg", PRICE),
    "baseboards": ("accelerator", "accelerators", PRICE),
    "cpus": ("cores", "tdp_w", "socket", "memory_channels", "memory_types", "pcie_gen", "pcie_lanes", PRICE),
    "memory": ("memory_type", "size_gb", "power_w", PRICE),
    "drives": ("capacity_tb", "form_factors", "pcie_gen", "power_w", PRICE),
    "nics": ("ports", "gbps", "technologies", "cage", "pcie_gen", "pcie_lanes", "power_w", PRICE),
    "bridges": ("joins", "group", "gb_per_s", PRICE),
    "switches": ("ports", "gbps", "rack_units", "typical_power_w|max_power_w", "weight_kg", PRICE),
    "optics": ("cage", "gbps", "reach_m", PRICE),
    "cables": ("ends", "gbps", "length_m", PRICE),
    "storage": (
        "usable_tb", "read_gb_per_s", "write_gb_per_s", "rack_units", "max_power_w", "weight_kg", "ports", PRICE,
    ),
    "racks": ("rack_units", "load_kg", PRICE),
    "pdus": ("usable_kw", PRICE),
    "cooling": ("kw", PRICE),
    "management": ("rack_units", "max_power_w", "weight_kg", PRICE),
    "software": ("per", PRICE),
    "models": ("params_total_b", "params_active_b", "layers", "hidden", "heads", "vocab"),
}  # fmt: skip

ON_REQUEST = "class price of estimates/prices, only with budget.price_missing: estimate"
# What stands in for a missing figure; everything else makes the part unplannable.
RULES: dict[tuple[str, str], str] = {
    ("accelerators", "dense_tflops"): "planned by count only: work that is sized needs the rate of its precision",
    ("chassis", "weight_kg"): WEIGHT_RULE,
    ("switches", "weight_kg"): WEIGHT_RULE,
    ("switches", "typical_power_w|max_power_w"): "estimates/classes: typical power of the switch class",
    ("memory", PRICE): ON_REQUEST,
    ("drives", PRICE): ON_REQUEST,
    ("storage", PRICE): ON_REQUEST,
    ("switches", PRICE): ON_REQUEST,
}
INSIDE = "sold only inside a system, whose price is the one that counts"


@dataclass(frozen=True, slots=True)
class Missing:
    """One essential figure that a record lacks; `rule` is what stands in for it, None when nothing does."""

    part: str
    figure: str
    rule: str | None


def missing(catalog: Catalog, kind: str, record: Record) -> list[Missing]:
    """The essential figures that a record lacks, in the order of the list."""
    record_id = str(getattr(record, "id"))  # noqa: B009 - every record kind has an id
    found = []
    for figure in ESSENTIALS[kind]:
        if figure == PRICE:
            if record_id in catalog.prices or not isinstance(record, Part) or _needs_no_price(record):
                continue
            rule = INSIDE if sold_inside(catalog, record) else _price_rule(kind, record)
        elif any(_figure(record, name) not in (None, (), {}) for name in figure.split("|")):
            continue
        else:
            rule = RULES.get((kind, figure))
        found.append(Missing(record_id, figure, rule))
    return found


def sold_inside(catalog: Catalog, record: Part) -> bool:
    """An accelerator without a price row that a priced complete system includes, or a board that does."""
    if not isinstance(record, Accelerator):
        return False
    if any(b.accelerator == record.id and b.id in catalog.prices for b in catalog.baseboards.values()):
        return True
    return any(
        chassis.price_scope == "complete" and record.id in chassis.takes and chassis.id in catalog.prices
        for chassis in catalog.chassis.values()
    )


def _needs_no_price(record: Part) -> bool:
    return isinstance(record, Software) and (record.free or record.per == "percent-of-hardware")


def _figure(record: Record, name: str) -> Any:
    field, _, key = name.partition(".")
    value = getattr(record, field)
    return value.get(key) if key else value


def _price_rule(kind: str, record: Part) -> str | None:
    """The class price that a part may take when the request allows estimates."""
    if isinstance(record, Accelerator):
        rated = record.dense_tflops.get("bf16") or record.dense_tflops.get("fp16")
        return ON_REQUEST if record.origin == "CN" and rated else None
    return RULES.get((kind, PRICE))


def unknown_figures(kind: str, record: Record) -> list[str]:
    """Essential figures beside the price that are unknown and that no rule stands in for."""
    return [
        figure
        for figure in ESSENTIALS[kind]
        if figure != PRICE
        and (kind, figure) not in RULES
        and all(_figure(record, name) in (None, (), {}) for name in figure.split("|"))
    ]
