"""Training of language models: tokens per second that a number of nodes delivers as one job.

    rate = B / T_step · goodput,   T_step from the fastest layout that fits (planner.demand.layouts)

Compute speed per accelerator = dense peak × calibrated share × shape factor h/(h + 400): narrow models fill the matrix
units worse (Megatron Core on H100, 1.7 B to 462 B). Goodput is 0.9 up to 1,000 accelerators and falls to 0.8 at 10,000
(restarts, checkpoints, evaluation; Llama 3.1: 466 interruptions in 54 days on 16,384 H100 and still above 0.9
effective; whole runs against steady state 0.8 to 0.9).
"""

from __future__ import annotations

import math

from planner.catalog import Catalog
from planner.demand.efficiency import PRECISION_CLASS, Share, dense_peak_tflops, training_share
from planner.demand.hardware import Hardware, hardware, usable_gb
from planner.demand.layouts import Job, Layout, best_layout
from planner.demand.memo import remembered
from planner.demand.shapes import Shape, shape_of, training_flops_per_token
from planner.demand.types import Rate, Sizing, Target, make_rate
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild, TrainingModel
from planner.request import Workload
from planner.units import SECONDS_PER_DAY

QUANTITY = "training throughput"
UNIT = "tokens_per_s"
SHAPE_WIDTH = 400.0
EXPERT_WIDTH = 300.0  # narrow experts are small matrices
LARGE_MODEL = 100e9  # parameters used per token
BATCH_TOKENS = 4 * 2**20  # default global batch; Llama 2 and Llama 3 start at 4 M tokens
LARGE_BATCH_TOKENS = 16 * 2**20  # Llama 3.1 405B ends at 16 M
LONGEST_SEQUENCE = 8192  # default sequence length, or the model's context where that is shorter
BEYOND_MEASURED = 2.0  # times the largest measured number of accelerators


def training_target(workload: Workload) -> Target:
    """Tokens per second asked: tokens ÷ (days × 86,400). None when it is to be maximised."""
    if workload.maximise or workload.tokens is None or workload.within_days is None:
        return Target(None, UNIT, QUANTITY)
    return Target(workload.tokens / (workload.within_days * SECONDS_PER_DAY), UNIT, QUANTITY)


def goodput(accelerators: int) -> float:
    """Share of wall-clock time that advances the run."""
    if accelerators <= 1000:
        return 0.9
    return max(0.8, 0.9 - 0.1 * math.log10(accelerators / 1000))


def default_precision(accelerator: Accelerator) -> str:
    """bf16 where the accelerator has it, else fp16; 8-bit training only when it is asked for."""
    return "bf16" if "bf16" in accelerator.dense_tflops else "fp16"


def sequence_length(workload: Workload, model: TrainingModel) -> int:
    return workload.sequence_length or min(model.context or LONGEST_SEQUENCE, LONGEST_SEQUENCE)


def batch_tokens(workload: Workload, shape: Shape) -> float:
    """Global batch in tokens: as asked, else 4 Mi tokens, 16 Mi for models above 100 B parameters per token."""
    if workload.global_batch_tokens:
        return workload.global_batch_tokens
    return float(LARGE_BATCH_TOKENS if shape.active > LARGE_MODEL else BATCH_TOKENS)


def training_rate(
    workload: Workload, node: NodeBuild, fabric: FabricLink, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    """Tokens/s delivered by `count` nodes as one job, or why they cannot run it."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    key = ("training", _demand_key(workload), hw, count, sizing)
    return remembered(catalog, key, lambda: _rate(workload, accelerator, hw, count, catalog, sizing))


def _demand_key(workload: Workload) -> tuple[object, ...]:
    w = workload
    return (w.model, w.precision, w.sequence_length, w.global_batch_tokens, w.tokens, w.within_days, w.maximise)


def _rate(
    workload: Workload, accelerator: Accelerator, hw: Hardware, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    assert workload.model is not None
    if count > 1 and not hw.fabric:
        return Rejection(accelerator.id, "no-fabric", "training on several nodes needs a compute fabric")
    model = catalog.find_model(workload.model)
    prepared = remembered(
        catalog, ("job", _demand_key(workload), accelerator.id), lambda: _job(workload, model, accelerator, catalog)
    )
    if isinstance(prepared, Rejection):
        return prepared
    job, share, precision = prepared
    best, good = 0.0, None
    for nodes in _sizes_up_to(count):
        found = remembered(
            catalog,
            ("layout", _demand_key(workload), hw, nodes),
            lambda nodes=nodes: best_layout(job, hw, nodes * hw.cards),  # type: ignore[misc]
        )
        if isinstance(found, Layout) and found.tokens_per_s * goodput(found.used) > best:
            best, good = found.tokens_per_s * goodput(found.used), found
    if good is None:
        need = remembered(catalog, ("layout", _demand_key(workload), hw, count), lambda: float("nan"))
        return _does_not_fit(model, accelerator, job, count, hw, float(need))
    return _as_rate(workload, accelerator, model, job, share, precision, good, best, sizing, hw, count)


def _sizes_up_to(count: int) -> list[int]:
    """`count` and the powers of two below it: a job never has to use more nodes than serve it."""
    return [*(2**i for i in range(max(0, (count - 1).bit_length())) if 2**i < count), count]


def _job(
    workload: Workload, model: TrainingModel, accelerator: Accelerator, catalog: Catalog
) -> tuple[Job, Share, str] | Rejection:
    """The job on one kind of accelerator: how many FLOPs per token, and how fast they are computed."""
    shape = shape_of(model)
    if shape is None:
        return Rejection(accelerator.id, "model-shape", f"{model.id} has no published layers and width to size with")
    precision = workload.precision or default_precision(accelerator)
    peak = dense_peak_tflops(accelerator, precision)
    if peak is None or precision not in PRECISION_CLASS or precision == "int8":
        return Rejection(
            accelerator.id,
            "precision",
            f"{accelerator.id} has no published {precision} rate to train with",
            need=precision,
        )
    if accelerator.memory_gb is None:
        return Rejection(accelerator.id, "memory-unknown", f"the memory of {accelerator.id} is not published")
    share = training_share(catalog, accelerator, precision, shape.kind)
    sequence = sequence_length(workload, model)
    width = shape.hidden / (shape.hidden + SHAPE_WIDTH)
    if shape.moe:
        width *= shape.expert_ffn / (shape.expert_ffn + EXPERT_WIDTH)
    job = Job(
        shape=shape,
        sequence=sequence,
        batch_tokens=batch_tokens(workload, shape),
        flops_per_token=training_flops_per_token(shape, sequence),
        flops_per_s=peak * 1e12 * share.share * width,
        usable_bytes=usable_gb(accelerator) * 1e9,
        pcie_gen=accelerator.pcie_gen,
    )
    return job, share, precision


def _does_not_fit(
    model: TrainingModel, accelerator: Accelerator, job: Job, count: int, hw: Hardware, need: float
) -> Rejection:
    have = f"{job.usable_bytes / 1e9:.0f} GB usable per accelerator"
    message = f"{model.id} does not fit {count} nodes of {hw.cards} {accelerator.id} in any layout"
    text = f"{need / 1e9:.0f} GB per accelerator in the tightest layout" if math.isfinite(need) else None
    return Rejection(accelerator.id, "memory-fit", message, have=have, need=text)


def _as_rate(
    workload: Workload,
    accelerator: Accelerator,
    model: TrainingModel,
    job: Job,
    share: Share,
    precision: str,
    layout: Layout,
    tokens_per_s: float,
    sizing: Sizing,
    hw: Hardware,
    count: int,
) -> Rate:
    unproven = share.unproven or (share.largest is not None and layout.used > BEYOND_MEASURED * share.largest)
    low, high = share.low, share.high
    if unproven and not share.unproven:
        low *= 0.85  # beyond twice the largest measured job
    peak = dense_peak_tflops(accelerator, precision) or 1.0
    details: dict[str, float | str | None] = {
        "tokens_per_day": tokens_per_s * SECONDS_PER_DAY,
        "mfu": tokens_per_s * job.flops_per_token / (layout.used * peak * 1e12),
        "tflops_per_accelerator": tokens_per_s * job.flops_per_token / layout.used / 1e12,
        "memory_gb_per_accelerator": layout.memory_bytes / 1e9,
        "accelerators_used": layout.used,
        "goodput": goodput(layout.used),
        "sequence_length": job.sequence,
        "global_batch_tokens": job.batch_tokens,
        "network_share_of_step": layout.between_s
        / (layout.compute_s + layout.bubble_s + layout.inside_s + layout.between_s),
    }
    if workload.tokens:
        details["days"] = workload.tokens / tokens_per_s / SECONDS_PER_DAY
        details["days_at_low_end"] = workload.tokens / (tokens_per_s * low) / SECONDS_PER_DAY
    limiting = layout.limiting_factor
    if layout.used < 0.9 * count * hw.cards and layout.data >= int(job.batch_tokens / job.sequence):
        limiting = "batch size (one sequence per rank)"
    return make_rate(
        tokens_per_s,
        tokens_per_s * low,
        tokens_per_s * high,
        sizing,
        unit=UNIT,
        quantity=QUANTITY,
        limiting_factor=limiting,
        layout={
            "tensor": layout.tensor,
            "pipeline": layout.pipeline,
            "data": layout.data,
            "expert": layout.expert,
            "context": layout.context,
            "sharding": "optimizer state" if layout.shard == "optimizer" else "all states (ZeRO-3)",
            "recomputed_layers": round(layout.recompute, 2),
        },
        unproven=unproven,
        basis=f"6·N + 6·L·a·d·s per token; share {share.share:.2f} of the dense {precision} peak: {share.source}",
        details=details,
        precision=precision,
    )
