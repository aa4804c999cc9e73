"""Calibration: which share of an accelerator's dense peak, or of its memory bandwidth, work really reaches.

The rows stand in `catalogs/benchmarks/efficiency.yaml`. A row names accelerators or families; the first that fits wins,
so rows for one accelerator stand before rows for its family. Where none fits, the `default` of the table applies, which
is wide and marks the prediction unproven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from planner.catalog import Catalog
from planner.demand.memo import remembered
from planner.parts import Accelerator

# Precisions that run on the same units at the same speed share their calibration.
PRECISION_CLASS = {"bf16": "16", "fp16": "16", "fp8": "8", "int8": "8", "fp4": "4", "tf32": "32", "fp32": "32"}
BYTES = {"fp64": 8.0, "fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.56}


@dataclass(frozen=True, slots=True)
class Share:
    """A sustained share with the 80 % range of what was measured, as factors on the prediction."""

    share: float
    low: float
    high: float
    rows: int
    largest: int | None  # most accelerators in a measurement behind it
    source: str

    @property
    def unproven(self) -> bool:
        return self.rows == 0


@dataclass(frozen=True, slots=True)
class ServingShare:
    """Shares for serving: of the dense peak while reading, of memory bandwidth while writing."""

    compute: float
    bandwidth: float
    low: float
    high: float
    rows: int
    source: str

    @property
    def unproven(self) -> bool:
        return self.rows == 0


def _matching(rows: list[dict[str, Any]], accelerator: Accelerator, kind: str, precision: str) -> dict[str, Any] | None:
    wanted = PRECISION_CLASS.get(precision, precision)
    for row in rows:
        if row.get("kind", kind) != kind or str(row.get("precision", wanted)) != wanted:
            continue
        if accelerator.id in row.get("accelerators", ()) or accelerator.family in row.get("families", ()):
            return row
    return None


def training_share(catalog: Catalog, accelerator: Accelerator, precision: str, kind: str) -> Share:
    """Compute share of a training step before the losses that the layout model adds. `kind` dense | moe."""

    def make() -> Share:
        table = catalog.table("benchmarks/efficiency")
        row = _matching(table["training"], accelerator, kind, precision)
        if row is None:
            row = table["training_default"][kind]
        return Share(
            share=float(row["share"]),
            low=float(row["low"]),
            high=float(row["high"]),
            rows=int(row.get("rows", 0)),
            largest=row.get("largest"),
            source=str(row["source"]),
        )

    return remembered(catalog, ("training_share", accelerator.id, precision, kind), make)


def serving_share(catalog: Catalog, accelerator: Accelerator, precision: str, kind: str) -> ServingShare:
    """Compute and bandwidth shares for serving language models. `kind` dense | moe."""

    def make() -> ServingShare:
        table = catalog.table("benchmarks/efficiency")
        row = _matching(table["serving"], accelerator, kind, precision)
        if row is None:
            row = table["serving_default"][kind]
        return ServingShare(
            compute=float(row["compute"]),
            bandwidth=float(row["bandwidth"]),
            low=float(row["low"]),
            high=float(row["high"]),
            rows=int(row.get("rows", 0)),
            source=str(row["source"]),
        )

    return remembered(catalog, ("serving_share", accelerator.id, precision, kind), make)


def dense_peak_tflops(accelerator: Accelerator, precision: str) -> float | None:
    """Dense peak in TFLOPS (TOPS for int8). 16-bit formats stand in for each other where only one is published."""
    peaks = accelerator.dense_tflops
    if precision in ("bf16", "fp16"):
        return peaks.get(precision) or peaks.get("bf16") or peaks.get("fp16")
    return peaks.get(precision)
