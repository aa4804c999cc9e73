"""Predicts one row of training measurements (the form of catalogs/measurements/training_runs.yaml).

Language models by the step-time model (planner/demand/steptime.py) under the layout that the row states, else the
fastest
that fits; other networks by planner/demand/networks.py. A run that was published did fit: where the memory model says
otherwise the row is predicted without it, and the outcome's notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from planner.accuracy import rows
from planner.accuracy.fields import number
from planner.accuracy.outcome import Outcome, compared, unpredicted
from planner.accuracy.shapes import model_of
from planner.catalog import Catalog
from planner.demand.calibration import Calibration, calibration
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.jobs import Task, job_of, node_of, peak_name, year_of, young_years
from planner.demand.layouts import Job, Layout, Stated, fastest, grid_of
from planner.demand.networks import Network, Rig, find_network, fitted_for, samples_per_s
from planner.demand.shapes import Shape, shape_of
from planner.demand.steptime import NodeValues
from planner.demand.upkeep import upkeep
from planner.parts import Accelerator

ASSUMED_COUNT = 1024  # where a source gives accelerator-hours only
FLASH_ATTENTION_2 = 2024.0  # from when on runs use it; it doubled the attention's speed (arXiv 2307.08691)
SHAPE_GUESSED = 1.3  # times the range where the shape follows from the size alone


@dataclass(frozen=True, slots=True)
class Case:
    """A row of a language model with everything that it names looked up."""

    row: Mapping[str, Any]
    accelerator: Accelerator
    shape: Shape
    count: int
    task: Task
    job: Job
    node: NodeValues
    unit: str
    measured: float
    time: bool
    guessed: bool
    young: float
    early: bool  # before attention kernels doubled in speed

    @property
    def kind(self) -> str:
        return "lora" if self.task.lora else self.shape.kind

    @property
    def whole_run(self) -> bool:
        return self.row.get("task") == "pretrain" and self.unit in ("accelerator-hours", "days")

    @property
    def run(self) -> str | None:
        """How a whole run was measured; None for steady rates."""
        if not self.whole_run:
            return None
        return "hours-only" if rows.count_of(self.row) is None else "whole-run"

    @property
    def family(self) -> str:
        bits = {"16": "16-bit", "8": "8-bit", "mx8": "8-bit", "4": "4-bit", "32": "32-bit"}
        if self.whole_run:
            return "training whole runs"
        return f"training {self.accelerator.family} {bits[self.task.precision_class]} {self.kind}"


@dataclass(frozen=True, slots=True)
class NetworkCase:
    """A row of another network."""

    row: Mapping[str, Any]
    network: Network
    accelerator: Accelerator
    rig: Rig
    flops: float
    unit: str
    measured: float
    time: bool
    samples: float | None  # to be worked through, for times
    untuned: bool
    young: float

    @property
    def family(self) -> str:
        return f"training {self.network.id}"


def predict_training(row: Mapping[str, Any], catalog: Catalog) -> Outcome:
    """The row's throughput (or time) beside the prediction. Never raises for what a row says or lacks."""
    name, source = str(row.get("id")), str(row.get("source") or "") or None
    case = case_of(row, catalog)
    if isinstance(case, str):
        return unpredicted(name, "training", "training", case, source)
    fitted = calibration(catalog)
    if isinstance(case, NetworkCase):
        rate = network_rate(case, catalog, fitted)
        value = _network_figure(case, rate)
        width = fitted.ranges["networks"] * (1.0 if _family_known(case, catalog) else fitted.ranges["networks-unseen"])
    else:
        found = predicted_rate(case, fitted)
        if found is None:
            reason = "no split of the model over that many accelerators was found"
            return unpredicted(name, "training", case.family, reason, source)
        rate = found
        value = figure(case, rate)
        evidence = fitted.evidence_for(case.accelerator, case.task.precision_class, case.kind)
        high = fitted.spread(evidence, case.kind, case.count, case.run)[1]
        width = (high - 1.0) * (SHAPE_GUESSED if case.guessed else 1.0)
    if value is None:
        reason = "the row gives a time but not the work that was done in it (tokens_trained, samples_to_target)"
        return unpredicted(name, "training", case.family, reason, source)
    low, high = value / (1.0 + width), value * (1.0 + width)
    return compared(
        name,
        "training",
        case.family,
        case.unit,
        (low, value, high),
        case.measured,
        time=case.time,
        source=source,
    )


def case_of(row: Mapping[str, Any], catalog: Catalog) -> Case | NetworkCase | str:
    """The row with accelerator, model and figure looked up, or the reason why it cannot be predicted."""
    accelerator = rows.accelerator_of(row, catalog)
    if isinstance(accelerator, str):
        return accelerator
    wrong = rows.absurd(row)
    if wrong is not None:
        return wrong
    count = rows.count_of(row) or ASSUMED_COUNT
    measured = rows.figure_of(row, count)
    if measured is None:
        return "the row has no figure to compare"
    if not accelerator.memory_bandwidth_gb_per_s or not accelerator.memory_gb:
        return f"the memory of {accelerator.id} is not published"
    name = row.get("model")
    network = find_network(catalog, str(name)) if isinstance(name, str) else None
    if network is not None:
        return _network_case(row, catalog, network, accelerator, count, measured)
    found = model_of(row, catalog)
    if isinstance(found, str):
        return found
    model, guessed = found
    shape = shape_of(model)
    if shape is None:
        return f"the layers and width of {model.id} are not published, so it cannot be sized"
    precision = rows.precision_of(row, accelerator)
    if not dense_peak_tflops(accelerator, peak_name(precision)):
        return f"{accelerator.id} has no published {precision} peak"
    sequence = rows.sequence_of(row, model.context)
    sequences = rows.sequences_of(row, shape, sequence, count)
    task = Task(sequence, sequences, precision, lora=row.get("task") == "lora")
    stated = rows.stated_layout(row, sequence)
    hw = rows.hardware_of(row, accelerator, count)
    year = year_of(str(row.get("date") or ""))
    unit, value, time = measured
    job = job_of(shape, task, accelerator, calibration(catalog), stated)
    if year is not None and year < FLASH_ATTENTION_2:
        job = replace(job, weights=replace(job.weights, attention=0.5 * job.weights.attention))
    return Case(
        row=row,
        accelerator=accelerator,
        shape=shape,
        count=count,
        task=task,
        job=job,
        early=year is not None and year < FLASH_ATTENTION_2,
        node=node_of(hw, accelerator, precision, count <= hw.cards),
        unit=unit,
        measured=value,
        time=time,
        guessed=guessed,
        young=0.0 if year is None else young_years(accelerator, catalog, year),
    )


def layout_of(case: Case) -> Layout | None:
    """The fastest layout that the row allows; without the memory limit where none fits, since the run was done."""
    for stated in (case.job.stated, Stated(recompute=case.job.stated.recompute)):
        for usable in (case.job.usable_bytes, 1e15):
            job = replace(case.job, stated=stated, usable_bytes=usable)
            found = fastest(job, case.node, grid_of(job, case.node), case.count)
            if isinstance(found, Layout):
                return found
    return None


def factor_of(case: Case, terms: Mapping[str, float]) -> float:
    """What stands between the steady rate of a mature stack and the row's figure."""
    factor = 1.0 / (1.0 + terms["age"] * case.young)
    if case.whole_run:
        factor *= terms["goodput"] * upkeep(case.count, case.shape.total).useful
        if case.run == "hours-only":
            factor *= terms["hours_only"]  # such totals count more than the one run that went well
    if case.unit == "minutes":
        factor *= terms["mlperf"]
    if case.task.lora:
        factor *= terms["lora"]
    if case.row.get("task") == "sft":
        factor *= terms["sft"]
    if case.job.stated.tensor is None and case.job.stated.pipeline is None:
        factor *= terms["search"]
    return factor


def predicted_rate(case: Case, fitted: Calibration) -> float | None:
    """Tokens per second, or None when no layout exists. A row that states what was achieved is taken at its word."""
    achieved = achieved_rate(case)
    if achieved is not None:
        return achieved
    layout = layout_of(case)
    return None if layout is None else layout.tokens_per_s * factor_of(case, fitted.terms)


def achieved_rate(case: Case) -> float | None:
    """Tokens per second of `achieved: {tokens_per_s_per_gpu | tflops_per_gpu | mfu_pct}` beside `measured`."""
    given = case.row.get("achieved")
    if not isinstance(given, Mapping):
        return None
    each = number(given.get("tokens_per_s_per_gpu"))
    if each:
        return each * case.count
    flops = rows.convention_flops(case.row, case.shape, case.task.sequence)
    tflops = number(given.get("tflops_per_gpu"))
    share = number(given.get("mfu_pct"))
    if not tflops and share:
        tflops = share / 100.0 * case.node.matrix / 1e12
    return float(tflops * 1e12 * case.count / flops) if tflops else None


def figure(case: Case, tokens_per_s: float) -> float | None:
    """A rate in tokens/s as the figure that the row measured."""
    sequence, step = case.task.sequence, case.task.sequence * case.task.sequences
    flops = rows.convention_flops(case.row, case.shape, sequence)
    match case.unit:
        case "tokens/s":
            return tokens_per_s
        case "samples/s":
            return tokens_per_s / sequence
        case "s per step":
            return step / tokens_per_s
        case "TFLOPS per accelerator":
            return float(tokens_per_s * flops / case.count / 1e12)
        case "% of peak":
            return float(100.0 * tokens_per_s * flops / case.count / case.node.matrix)
    tokens = work_tokens(case)
    if tokens is None:
        return None
    seconds = tokens / tokens_per_s
    return {
        "minutes": seconds / 60.0,
        "accelerator-hours": seconds * case.count / 3600.0,
        "days": seconds / 86_400.0,
    }[case.unit]


def work_tokens(case: Case) -> float | None:
    """Tokens that a measured time covers."""
    tokens = number(case.row.get("tokens_trained"))
    if tokens:
        return tokens
    samples = number((case.row.get("measured") or {}).get("samples_to_target"))
    return samples * case.task.sequence if samples else None


# -- other networks --------------------------------------------------------------------------------------------------
def _network_case(
    row: Mapping[str, Any],
    catalog: Catalog,
    network: Network,
    accelerator: Accelerator,
    count: int,
    measured: tuple[str, float, bool],
) -> NetworkCase | str:
    peak = dense_peak_tflops(accelerator, "bf16")
    if not peak:
        return f"{accelerator.id} has no published 16-bit peak"
    hw = rows.hardware_of(row, accelerator, count)
    node = node_of(hw, accelerator, "bf16", count <= hw.cards)
    batch = number(row.get("global_batch_sequences")) or network.batch * count
    flops = network.flops
    sequence = number(row.get("seq_len"))
    if network.sequence and sequence:
        flops *= sequence / network.sequence
    m = row.get("measured") or {}
    samples = number(m.get("samples_to_target"))
    epochs = number(m.get("epochs_to_target"))
    if samples is None and epochs and network.epoch:
        samples = epochs * network.epoch
    unit, value, time = measured
    if unit == "tokens/s" or unit.startswith("TFLOPS") or unit == "% of peak":
        return f"{network.id} is measured in samples or time, not in {unit}"
    year = year_of(str(row.get("date") or ""))
    return NetworkCase(
        row=row,
        network=network,
        accelerator=accelerator,
        rig=Rig(node.matrix, node.memory, node.link, node.network, node.cards, float(count), max(batch, 1.0)),
        flops=flops,
        unit=unit,
        measured=value,
        time=time,
        samples=samples,
        untuned=row.get("task") == "throughput-benchmark",
        young=0.0 if year is None else young_years(accelerator, catalog, year),
    )


def network_rate(case: NetworkCase, catalog: Catalog, fitted: Calibration) -> float:
    """Samples per second."""
    constants, share = fitted_for(catalog, case.network, case.accelerator)
    steady = float(samples_per_s(case.network, case.rig, constants, share, case.flops))
    return steady * network_factor(case, constants)


def network_factor(case: NetworkCase, constants: Mapping[str, Any]) -> float:
    factor: float = 1.0 / (1.0 + constants["age"] * case.young)
    if case.untuned:
        factor *= constants["untuned"]
    if case.unit in ("minutes", "days", "accelerator-hours"):
        factor *= constants["wall"]
    return factor


def _network_figure(case: NetworkCase, rate: float) -> float | None:
    if case.unit == "samples/s":
        return rate
    if case.unit == "s per step":
        return float(case.rig.batch) / rate
    if case.samples is None:
        return None
    seconds = case.samples / rate
    hours = seconds * float(case.rig.accelerators) / 3600.0
    return {"minutes": seconds / 60.0, "accelerator-hours": hours, "days": seconds / 86_400.0}[case.unit]


def measured_samples_rate(case: NetworkCase) -> float | None:
    """The measured figure as samples per second."""
    one = _network_figure(case, 1.0)
    if one is None:
        return None
    return one / case.measured if case.time else case.measured / one


def _family_known(case: NetworkCase, catalog: Catalog) -> bool:
    return case.accelerator.family in catalog.table("benchmarks/training")["networks"]["families"]
