"""Measurements to predict: the bundled ones, or a user's file in the same form, read as hostile text.

A file is one YAML or JSON mapping with `rows:`, or a list of rows, and optionally `kind:` training_runs or
inference_benchmarks; where the kind is not said, each row is judged by its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.accuracy.inference import predict_inference
from planner.accuracy.outcome import Outcome, unpredicted
from planner.accuracy.training import predict_training
from planner.catalog import Catalog
from planner.errors import InputError
from planner.yamltext import Key, Text, parse, read_text

Row = Mapping[str, Any]
BUNDLED = ("training_runs", "inference_benchmarks")
KINDS = {"training_runs": "training", "inference_benchmarks": "inference"}
MOST_ROWS = 2000
MOST_VALUES = 200_000
ONLY_INFERENCE = ("scenario", "input_tokens", "output_tokens", "engine", "concurrency", "slo")
INFERENCE_FIGURES = ("output_tokens_per_s", "output_tokens_per_s_per_gpu", "input_tokens_per_s", "ttft_ms", "latency_s")
SHAPE_WORDS = ("rows: a list, each with id, model, accelerator, gpu_count, precision and measured: {...}",)


def bundled(catalog: Catalog) -> list[tuple[str, Row]]:
    """(kind, row) of every published measurement that counts."""
    found: list[tuple[str, Row]] = []
    for name in BUNDLED:
        table = catalog.table(f"measurements/{name}")
        found += [(KINDS[name], row) for row in table["rows"] if counts(row)]
    return found


def counts(row: Row) -> bool:
    """Whether a row is to be predicted; rows that are kept for context only say `check: skip`."""
    return row.get("check") != "skip"


def read_cases(path: Path) -> list[tuple[str, Row]]:
    """(kind, row) of a user's file, rows that do not count too. InputError: every mistake with line and column."""
    source = parse(read_text(path, "a file of cases"), str(path), MOST_VALUES, lists=True)
    at: Key = () if isinstance(source.data, list) else ("rows",)
    data = source.data if at else {"rows": source.data}
    kind = data.get("kind")
    if kind is not None and kind not in KINDS:
        source.mistake(("kind",), f"kind: expected training_runs or inference_benchmarks, got {str(kind)[:60]}.")
    rows = data.get("rows")
    if not isinstance(rows, list) or not rows:
        source.mistake(at, f"rows: expected {SHAPE_WORDS[0]}.")
        rows = []
    if len(rows) > MOST_ROWS:
        source.mistake(at, f"rows: {len(rows):,} rows; at most {MOST_ROWS:,} in one file. Split it.")
        rows = rows[:MOST_ROWS]
    found: list[tuple[str, Row]] = []
    names: dict[str, int] = {}
    for k, row in enumerate(rows):
        checked = _row(source, (*at, k), row, names)
        if checked is not None:
            found.append((KINDS.get(str(kind)) or _kind_of(checked), checked))
    if source.mistakes:
        raise InputError(sorted(set(source.mistakes), key=lambda m: (m.line or 0, m.column or 0, m.message)))
    return found


def _row(source: Text, at: Key, row: Any, names: dict[str, int]) -> dict[str, Any] | None:
    """A row with an id, or None with a mistake noted."""
    k = int(at[-1])
    if not isinstance(row, dict):
        source.mistake(at, f"rows[{k}]: expected keys and values, got {type(row).__name__}.")
        return None
    name = str(row.get("id") if row.get("id") is not None else f"row {k + 1}")[:200]
    if name in names:
        source.mistake((*at, "id"), f"rows[{k}].id: {name} is also the id of rows[{names[name]}].")
    names[name] = k
    if row.get("measured") is not None and not isinstance(row["measured"], dict):
        source.mistake((*at, "measured"), f"rows[{k}].measured: expected figures, such as {{tokens_per_s: 1.0e6}}.")
        return None
    return {**row, "id": name}


def _kind_of(row: Row) -> str:
    stated = str(row.get("kind") or "")
    if stated in KINDS or stated in KINDS.values():
        return KINDS.get(stated, stated)
    figures = row.get("measured") or {}
    if any(key in row for key in ONLY_INFERENCE) or any(key in figures for key in INFERENCE_FIGURES):
        return "inference"
    return "training"


def predict(kind: str, row: Row, catalog: Catalog) -> Outcome:
    """One row's outcome. What a row says can be absurd; then the outcome says so."""
    try:
        return predict_inference(row, catalog) if kind == "inference" else predict_training(row, catalog)
    except (ArithmeticError, ValueError, TypeError, KeyError, IndexError) as error:
        reason = f"the row's figures make no sense together ({type(error).__name__}: {str(error)[:80]})"
        return unpredicted(str(row.get("id")), "inference" if kind == "inference" else "training", kind, reason)
