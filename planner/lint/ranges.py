"""Plausible ranges: a figure outside is nearly always a wrong unit, a lost digit or a column shifted by one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from planner.catalog import KINDS, Catalog
from planner.lint.finding import Finding
from planner.parts import Part

# Kind and field: least and most, with the unit the figure is in. Wide on purpose: a range that cries wolf is deleted.
RANGES: dict[str, dict[str, tuple[float, float, str]]] = {
    "accelerators": {
        "memory_gb": (4, 2_000, "GB"), "memory_bandwidth_gb_per_s": (50, 50_000, "GB/s"), "tdp_w": (15, 4_000, "W"),
        "tdp_max_w": (15, 4_000, "W"), "pcie_gen": (3, 7, "generation"), "pcie_lanes": (1, 32, "lanes"),
        "die_area_mm2": (20, 4_000, "mm2"), "process_nm": (1, 40, "nm"), "slot_width": (1, 4, "slots"),
        "mig_instances": (0, 16, "instances"), "lead_time_weeks": (0, 156, "weeks"),
    },
    "chassis": {
        "slots": (1, 384, "accelerators"), "cpu_sockets": (0, 768, "sockets"), "dimm_slots": (0, 2_048, "slots"),
        "memory_gb_max": (64, 200_000, "GB"), "drive_bays": (0, 640, "bays"), "rack_units": (1, 52, "U"),
        "depth_mm": (300, 1_500, "mm"), "weight_kg": (8, 2_500, "kg"), "max_power_w": (200, 700_000, "W"),
        "typical_power_w": (100, 700_000, "W"), "psu_count": (1, 64, "supplies"), "psu_watts": (300, 40_000, "W"),
        "nic_gen": (3, 7, "generation"), "max_card_w": (40, 1_500, "W"), "lead_time_weeks": (0, 156, "weeks"),
    },
    "baseboards": {"accelerators": (1, 16, "modules"), "power_w": (500, 30_000, "W"), "weight_kg": (5, 200, "kg")},
    "cpus": {
        "cores": (4, 512, "cores"), "base_ghz": (0.8, 5, "GHz"), "tdp_w": (30, 700, "W"),
        "max_sockets": (1, 16, "sockets"),
        "memory_channels": (1, 24, "channels"), "pcie_gen": (3, 7, "generation"), "pcie_lanes": (16, 256, "lanes"),
    },
    "memory": {"size_gb": (8, 1_024, "GB"), "power_w": (1, 40, "W")},
    "drives": {
        "capacity_tb": (0.2, 300, "TB"), "pcie_gen": (3, 7, "generation"), "read_gb_per_s": (0.4, 40, "GB/s"),
        "write_gb_per_s": (0.2, 40, "GB/s"), "dwpd": (0.1, 100, "writes per day"), "power_w": (2, 80, "W"),
    },
    "nics": {
        "ports": (1, 32, "ports"), "gbps": (1, 1_600, "Gbit/s"), "pcie_gen": (3, 7, "generation"),
        "pcie_lanes": (0, 48, "lanes"), "power_w": (0, 150, "W"),
    },
    "bridges": {"group": (2, 8, "cards"), "bridges_per_group": (1, 16, "bridges"), "gb_per_s": (50, 2_000, "GB/s")},
    "switches": {
        "ports": (8, 1_024, "ports"), "gbps": (0.1, 1_600, "Gbit/s"), "cages": (8, 1_024, "cages"),
        "rack_units": (1, 40, "U"), "typical_power_w": (20, 20_000, "W"), "max_power_w": (30, 40_000, "W"),
        "weight_kg": (2, 500, "kg"),
    },
    "optics": {
        "gbps": (1, 1_600, "Gbit/s"), "links": (1, 8, "links"), "reach_m": (1, 100_000, "m"), "max_w": (0.2, 40, "W"),
    },
    "cables": {
        "length_m": (0.2, 500, "m"), "gbps": (0.1, 1_600, "Gbit/s"), "links": (1, 8, "links"), "max_w": (0, 40, "W"),
    },
    "storage": {
        "usable_tb": (1, 50_000, "TB"), "read_gb_per_s": (0.5, 2_000, "GB/s"), "write_gb_per_s": (0.2, 2_000, "GB/s"),
        "rack_units": (1, 52, "U"), "max_power_w": (100, 40_000, "W"), "weight_kg": (5, 2_500, "kg"),
        "ports": (1, 128, "ports"), "port_gbps": (1, 1_600, "Gbit/s"),
    },
    "racks": {
        "rack_units": (6, 60, "U"), "width_mm": (400, 1_200, "mm"), "depth_mm": (500, 1_500, "mm"),
        "load_kg": (200, 4_000, "kg"), "weight_kg": (30, 1_000, "kg"),
    },
    "cooling": {"kw": (1, 3_000, "kW"), "rack_units": (0, 20, "U")},
    "pdus": {"usable_kw": (1, 400, "kW"), "weight_kg": (1, 200, "kg")},
    "management": {"rack_units": (1, 8, "U"), "typical_power_w": (50, 3_000, "W"), "max_power_w": (100, 4_000, "W")},
    "software": {},
    "models": {
        "params_total_b": (0.01, 20_000, "10^9"), "params_active_b": (0.01, 20_000, "10^9"),
        "layers": (2, 1_000, "layers"),
        "hidden": (64, 100_000, "wide"), "heads": (1, 1_024, "heads"), "vocab": (1_000, 2_000_000, "tokens"),
        "context": (256, 20_000_000, "tokens"),
    },
}  # fmt: skip
# Typical price of one piece in USD.
PRICES: dict[str, tuple[int, int]] = {
    "accelerators": (200, 120_000), "chassis": (1_000, 12_000_000), "baseboards": (10_000, 900_000),
    "cpus": (100, 40_000), "memory": (20, 30_000), "drives": (30, 150_000), "nics": (30, 20_000),
    "bridges": (50, 3_000), "switches": (200, 400_000), "optics": (5, 20_000), "cables": (1, 5_000),
    "storage": (3_000, 20_000_000), "racks": (300, 60_000), "pdus": (100, 15_000), "cooling": (50, 1_000_000),
    "management": (1_500, 100_000),
    "software": (1, 2_000_000),
}  # fmt: skip


def figures(catalog: Catalog) -> Iterator[Finding]:
    """Every figure lies where such figures lie."""
    for kind, fields in RANGES.items():
        for record_id, record in catalog.kind(kind).items():
            for field, (least, most, unit) in fields.items():
                value = getattr(record, field, None)
                if value is not None and value and not least <= value <= most:
                    message = f"{field} {value:,g} {unit}; plausible is {least:,g} to {most:,g}. Is the unit right?"
                    yield Finding("error", "range", record_id, message)


def rates(catalog: Catalog) -> Iterator[Finding]:
    """Formats rank as their bits do: half the bits, at least the rate; int8 and fp8 within a factor of four of fp16."""
    for card in catalog.accelerators.values():
        rate = card.dense_tflops
        for value, name in ((v, n) for n, v in rate.items()):
            if not 0.01 <= value <= 60_000:
                yield Finding(
                    "error", "rates", card.id, f"dense_tflops.{name} {value:,g}; plausible is 0.01 to 60,000."
                )
            if name.removesuffix("_fp16acc") not in NAMES:  # consumer cards: rate with 16-bit accumulation
                yield Finding("error", "rates", card.id, f"dense_tflops.{name}: no such format; {', '.join(NAMES)}.")
        for wide, narrow in (("tf32", "bf16"), ("fp32", "bf16"), ("bf16", "fp8"), ("fp16", "fp8"), ("fp8", "fp4")):
            if wide in rate and narrow in rate and rate[narrow] < rate[wide] * 0.99:
                message = f"{narrow} {rate[narrow]:,g} TFLOPS is below {wide} {rate[wide]:,g}."
                yield Finding("warning", "rates", card.id, message)
        if "bf16" in rate and "fp8" in rate and rate["fp8"] > 2.1 * rate["bf16"]:
            message = f"fp8 {rate['fp8']:,g} is over twice bf16 {rate['bf16']:,g}: is it the sparse figure?"
            yield Finding("warning", "rates", card.id, message)


NAMES = ("fp64", "fp64_tensor", "fp32", "tf32", "fp16", "bf16", "fp8", "fp6", "fp4", "int8")


def prices(catalog: Catalog) -> Iterator[Finding]:
    """Prices lie where prices of that kind lie, and amounts in another currency are in that currency."""
    kinds = {i: k for k, model in KINDS.items() if issubclass(model, Part) for i in catalog.kind(k)}
    table = catalog.table("rates/exchange")["rates"]
    for part, rows in catalog.prices.items():
        for row in rows:
            kind = kinds.get(part)
            known = table.get(row.currency)
            if row.currency != "USD" and known is None:
                yield Finding("error", "price-range", part, f"is priced in {row.currency}, which has no exchange rate.")
                continue
            usd = row.typical / (Decimal(1) if row.currency == "USD" else Decimal(str(known["per_usd"])))
            least, most = PRICES.get(kind or "", (0, 10**9))
            if kind and not least <= usd <= most:
                message = (
                    f"typical {row.currency} {row.typical:,} (USD {usd:,.0f}); plausible is {least:,} to {most:,}."
                )
                yield Finding("error", "price-range", part, message)
            high, low = row.high or row.typical, row.low or row.typical
            if high > 8 * low:
                yield Finding("warning", "price-range", part, f"its range {low:,} to {high:,} spans more than 8 times.")


def quantity_breaks(catalog: Catalog) -> Iterator[Finding]:
    """A larger order is not dearer, among rows of one source and date."""
    for part, rows in catalog.prices.items():
        for small in rows:
            for large in rows:
                same = (small.source, small.as_of, small.currency) == (large.source, large.as_of, large.currency)
                if same and small.min_quantity < large.min_quantity and large.typical > small.typical:
                    message = (
                        f"from {large.min_quantity} pieces {large.typical:,} each, dearer than {small.typical:,} "
                        f"from {small.min_quantity}."
                    )
                    yield Finding("warning", "quantity-break", part, message)


def shapes(catalog: Catalog) -> Iterator[Finding]:
    """A model's sizes agree with one another."""
    for model in catalog.models.values():
        if model.params_active_b > model.params_total_b * 1.001:
            message = f"{model.params_active_b:g} active of {model.params_total_b:g} parameters (10^9)."
            yield Finding("error", "model-shape", model.id, message)
        if model.heads and model.kv_heads and model.heads % model.kv_heads:
            message = f"{model.heads} heads do not divide into {model.kv_heads} key-value heads."
            yield Finding("error", "model-shape", model.id, message)


def link_speed(catalog: Catalog) -> Iterator[Finding]:
    """Link bandwidth is GB/s both ways added; a figure in Gbit/s is eight times too large."""
    for card in catalog.accelerators.values():
        speed = card.scale_up.gb_per_s
        if speed is not None and not 10 <= speed <= 8_000:
            yield Finding(
                "error", "range-links", card.id, f"scale_up.gb_per_s {speed:,g}; plausible is 10 to 8,000 GB/s."
            )


RULES = {
    "range": figures,
    "range-links": link_speed,
    "rates": rates,
    "price-range": prices,
    "quantity-break": quantity_breaks,
    "model-shape": shapes,
}
