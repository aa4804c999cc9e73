"""The catalog against figures that circulate wrongly (docs/claims.md): each row would fail with the popular number."""

from __future__ import annotations

from typing import Any

import pytest

from planner.catalog import Catalog
from planner.lookup import figure

# Accelerator, figure, datasheet. None: the part has no such thing.
DATASHEET: list[tuple[str, str, Any]] = [
    ("h100-sxm5", "memory_type", "HBM3"), ("h100-sxm5", "dense_tflops.fp16", 989.4),
    ("h100-sxm5", "memory_bandwidth_gb_per_s", 3350), ("h100-pcie", "memory_type", "HBM2e"),
    ("h100-nvl", "memory_type", "HBM3"), ("h100-nvl", "memory_gb", 94),
    ("a100-sxm4-80gb", "dense_tflops.fp16", 312), ("a100-sxm4-80gb", "dense_tflops.fp8", None),
    ("a100-sxm4-80gb", "memory_bandwidth_gb_per_s", 2039), ("a100-pcie-80gb", "memory_bandwidth_gb_per_s", 1935),
    ("a100-pcie-40gb", "memory_bandwidth_gb_per_s", 1555), ("a800-sxm4-80gb", "dense_tflops.fp8", None),
    ("a800-sxm4-80gb", "scale_up.gb_per_s", 400), ("rtx-a6000", "memory_bandwidth_gb_per_s", 768),
    ("l40s", "memory_type", "GDDR6 ECC"), ("l40s", "memory_bandwidth_gb_per_s", 864), ("l40s", "tdp_w", 350),
    ("l40s", "scale_up.gb_per_s", None), ("h20-sxm5", "memory_gb", 96), ("h20-sxm5", "dense_tflops.fp16", 148),
    ("h800-sxm5", "memory_bandwidth_gb_per_s", 3350), ("h200-sxm5", "tdp_w", 700), ("h200-sxm5", "memory_gb", 141),
    ("b200-sxm6", "dense_tflops.fp8", 4500), ("b300-sxm6", "dense_tflops.fp8", 4500),
    ("b300-sxm6", "dense_tflops.fp16", 2250), ("mi325x", "memory_gb", 256), ("a10", "memory_gb", 24),
    ("mi308x", "dense_tflops.fp16", None), ("atlas-350", "memory_gb", 112),
]  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize(("part", "name", "value"), DATASHEET)
def test_the_catalog_follows_the_datasheet(part: str, name: str, value: Any, catalog: Catalog) -> None:
    assert figure(catalog.accelerators[part], name) == value


@pytest.mark.parametrize(("part", "low", "high"), [("rtx-a6000", 154, 155), ("l40s", 362, 363), ("mi300x", 1306, 1308)])
def test_sparse_rates_are_not_quoted_as_dense(part: str, low: float, high: float, catalog: Catalog) -> None:
    assert low <= catalog.accelerators[part].dense_tflops["fp16"] <= high


def test_export_variants_keep_the_rates_of_their_originals(catalog: Catalog) -> None:
    for cut, full in (("a800-sxm4-80gb", "a100-sxm4-80gb"), ("h800-sxm5", "h100-sxm5")):
        assert catalog.accelerators[cut].dense_tflops["bf16"] == catalog.accelerators[full].dense_tflops["bf16"]


def test_nobody_sells_a_dgx_station_h100(catalog: Catalog) -> None:
    stations = [c for c in catalog.chassis.values() if c.category == "station"]
    assert stations and not any("h100-sxm5" in c.takes or "h100-pcie" in c.takes for c in stations)
