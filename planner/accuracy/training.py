"""Predicts one row of training measurements (the form of catalogs/measurements/training_runs.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.accuracy.outcome import Outcome, unpredicted
from planner.catalog import Catalog


def predict_training(row: Mapping[str, Any], catalog: Catalog) -> Outcome:
    """The row's throughput (or time) beside the prediction. Never raises for what a row says or lacks."""
    return unpredicted(str(row.get("id")), "training", "training", "training rows are not predicted yet")
