"""Predicts one row of inference measurements (the form of catalogs/measurements/inference_benchmarks.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.accuracy.outcome import Outcome, unpredicted
from planner.catalog import Catalog


def predict_inference(row: Mapping[str, Any], catalog: Catalog) -> Outcome:
    """The row's throughput (or latency) beside the prediction. Never raises for what a row says or lacks."""
    return unpredicted(str(row.get("id")), "inference", "inference", "inference rows are not predicted yet")
