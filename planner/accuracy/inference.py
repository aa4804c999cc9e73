"""Predicts one row of inference measurements (the form of catalogs/measurements/inference_benchmarks.yaml).

Language models by the serving model (planner/demand/serving.py) under the row's engine, layout and scenario; other work
by the published rates of other submissions (planner/demand/benchmarks.py), never by the row's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.accuracy.fields import MOST_ACCELERATORS, number, tidy
from planner.accuracy.figures import PER_NODE, UNITS, figure, value_of
from planner.accuracy.llm import predict
from planner.accuracy.outcome import Outcome, compared, unpredicted
from planner.accuracy.shapes import model_of
from planner.accuracy.stated import scenario_name
from planner.accuracy.weights import Weights, weights_named, weights_of, weights_stated
from planner.catalog import Catalog
from planner.demand.hardware import usable_gb
from planner.demand.pace import matrix_precision, serving_table, widths
from planner.demand.published import WorkQuery, find_work, published_rate
from planner.demand.shapes import Shape, shape_of
from planner.errors import Rejection, UnknownPart
from planner.parts import Accelerator

BATCHED = ("offline", "max_throughput", "static_batch")  # scenarios without a latency limit
ROOM = 0.8  # of the memory, beyond which weights leave too little for cache and buffers
# Words beside a name that tell no parts apart.
MAKERS = ("nvidia", "amd", "intel", "huawei", "instinct", "tesla", "geforce", "gpu", "accelerator")
MEMORIES = re.compile(r"hbm\d*e?|gddr\d*x?")


@dataclass(frozen=True, slots=True)
class Case:
    """A row of a language model with what it names looked up."""

    row: Mapping[str, Any]
    accelerator: Accelerator
    shape: Shape
    precision: str  # of the matrix products
    guessed: bool  # the shape follows from the size only


def predict_inference(row: Mapping[str, Any], catalog: Catalog) -> Outcome:
    """The row's throughput (or latency) beside the prediction. Never raises for what a row says or lacks."""
    name, source = str(row.get("id")), str(row.get("source") or "") or None
    row = tidy(row)
    measured = figure(row)
    if measured is None:
        return unpredicted(name, "inference", "inference", "the row has no figure to compare", source)
    part = accelerator_of(row, catalog)
    if isinstance(part, str):
        return unpredicted(name, "inference", "inference", part, source)
    work = work_of(row, catalog)
    if work is not None:
        return _benchmark(row, catalog, work, part, measured)
    case = case_of(row, catalog)
    if isinstance(case, str):
        return unpredicted(name, "inference", f"inference {part.family}", case, source)
    family = f"inference {part.family} {_digits(case.precision)} {case.shape.kind}"
    row = case.row
    unit, value, time = figure(row) or measured
    table = serving_table(catalog)
    found = predict(row, part, case.shape, table.factors)
    if found is None:
        why = f"{row.get('model')} at {row.get('precision')} does not fit {row.get('gpu_count')} {part.id}"
        return unpredicted(name, "inference", family, why, source)
    predicted = value_of(found, unit)
    if predicted <= 0:
        return unpredicted(name, "inference", family, f"no {unit} can be predicted for this scenario", source)
    low, high = widths(table, part, case.precision, case.shape.kind, unusual=case.guessed)
    if time:
        low, high = 1 / high, 1 / low
    return compared(
        name,
        "inference",
        family,
        UNITS[unit],
        (predicted * low, predicted, predicted * high),
        value,
        time=time,
        source=source,
    )


def case_of(row: Mapping[str, Any], catalog: Catalog) -> Case | str:
    """The row with accelerator and model looked up, or the reason why it cannot be."""
    part = accelerator_of(row, catalog)
    if isinstance(part, str):
        return part
    if work_of(row, catalog) is not None:
        return "not a language model"
    found = model_of(row, catalog)
    if isinstance(found, str):
        return found
    model, guessed = found
    shape = shape_of(model)
    if shape is None:
        return f"{model.id} has no published layers and width to size with"
    if not part.memory_gb or not part.memory_bandwidth_gb_per_s:
        return f"memory size or bandwidth of {part.id} is not published"
    filled = dict(row)
    named = weights_named(str(row.get("precision") or ""), shape.moe)
    if named is None:
        filled["precision"] = likely_precision(row, part, shape, model.weights_precision)
        guessed = guessed or bool(row.get("precision"))
    weights = weights_stated(row, weights_of(filled["precision"], shape.moe), shape.total)
    products = matrix_precision(part, weights.precision)
    if products is None:
        return f"{part.id} has no published rate that serves {filled['precision']} weights"
    if filled.get("gpu_count") is None:
        nodes = number(row.get("nodes"))
        filled["gpu_count"] = PER_NODE * int(nodes) if nodes and nodes > 1 else fewest(part, shape, weights)
    return Case(filled, part, shape, products[0], guessed)


def likely_precision(row: Mapping[str, Any], part: Accelerator, shape: Shape, published: str | None) -> str:
    """The widest usual precision that the row's accelerators hold, from that of the published weights downwards."""
    names = [published or "bf16", "bf16", "fp8", "fp4"]
    start = names[0] if names[0] not in names[1:] else names.pop(0)
    wide = names[names.index(start) :]
    count = number(row.get("gpu_count"))
    for name in wide:
        if count is None or _weights_gb(shape, weights_of(name, shape.moe)) <= count * (part.memory_gb or 0.0) * ROOM:
            return name
    return wide[0]


def _weights_gb(shape: Shape, weights: Weights) -> float:
    return (shape.experts_total * weights.experts + (shape.total - shape.experts_total) * weights.dense) / 1e9


def fewest(part: Accelerator, shape: Shape, weights: Weights) -> int:
    """The smallest power of two of accelerators that holds the weights with a fifth to spare; where a row is silent."""
    cards, size = 1, _weights_gb(shape, weights)
    while cards < MOST_ACCELERATORS and 1.2 * size > cards * usable_gb(part):
        cards *= 2
    return cards


def accelerator_of(row: Mapping[str, Any], catalog: Catalog) -> Accelerator | str:
    """The accelerator a row was measured on: the member of a group where it is named, else by id, alias or GPU text."""
    names = [row.get("accelerator_member"), row.get("accelerator"), row.get("gpu")]
    for name in (str(n) for n in names if n):
        try:
            return catalog.accelerators[catalog.expand_accelerator(name)[0]]
        except UnknownPart:
            continue
    if (close := _by_words(str(row.get("gpu") or row.get("accelerator") or ""), catalog)) is not None:
        return close
    given = next((str(n) for n in names if n), "none named")
    return f'accelerator "{given}" is not in the catalog'


def _by_words(text: str, catalog: Catalog) -> Accelerator | None:
    """The part that a text such as `H100-SXM-80GB` describes by name, form, memory and architecture.

    None unless just one fits, or, of several, the one that the name alone stands for.
    """
    words = [w for w in re.split(r"[^a-z0-9]+", text.lower()[:100]) if w and w not in MAKERS]
    size = next((float(w[:-2]) for w in words if re.fullmatch(r"\d+gb", w)), None)
    kind = next((w for w in words if MEMORIES.fullmatch(w)), "")
    forms = {w for w in words if w in ("sxm", "pcie", "nvl", "oam", "nvl72")}
    names = [w for w in words if w not in forms and not re.fullmatch(r"\d+gb", w) and not MEMORIES.fullmatch(w)]
    found = []
    for part in catalog.accelerators.values():
        pieces, beside = part.id.split("-"), part.family.split("-")
        if not any(name in pieces for name in names) or not all(name in pieces or name in beside for name in names):
            continue
        if size is not None and (part.memory_gb is None or abs(part.memory_gb - size) > 0.03 * size):
            continue
        if kind and not (part.memory_type or "").lower().startswith(kind):
            continue
        if all(any(piece.startswith(form) for piece in pieces) for form in forms):
            found.append(part)
    if len(found) > 1:
        try:
            usual = catalog.expand_accelerator("-".join(names))[0]
        except UnknownPart:
            return None
        found = [part for part in found if part.id == usual]
    return found[0] if len(found) == 1 else None


def work_of(row: Mapping[str, Any], catalog: Catalog) -> str | None:
    """The measured work that a row's model is, when it is not a language model."""
    try:
        return find_work(catalog, str(row.get("model") or ""))
    except UnknownPart:
        return None


def _benchmark(
    row: Mapping[str, Any], catalog: Catalog, work: str, part: Accelerator, measured: tuple[str, float, bool]
) -> Outcome:
    name, source = str(row.get("id")), str(row.get("source") or "") or None
    family = f"inference {work}"
    unit, value, time = measured
    if time:
        return unpredicted(name, "inference", family, f"only rates of {work} are predicted, not {unit}", source)
    scenario = "offline" if scenario_name(row) in BATCHED else "server"
    count = int(number(row.get("gpu_count"), 1) or 1)
    query = WorkQuery(work, "inference", part.id, scenario, source, count)
    found = published_rate(catalog, query)
    if isinstance(found, Rejection):
        return unpredicted(name, "inference", family, found.message, source)
    return compared(
        name,
        "inference",
        family,
        UNITS[unit],
        (found.low * count, found.typical * count, found.high * count),
        value,
        time=False,
        source=source,
    )


def _digits(precision: str) -> str:
    return {"fp8": "8-bit", "int8": "8-bit", "fp4": "4-bit", "fp32": "32-bit"}.get(precision, "16-bit")
