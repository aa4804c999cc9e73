"""Training of language models: tokens per second that a number of nodes delivers as one job.

    rate = tokens per step ÷ step time · useful share

The step time is the fastest layout's that fits memory (planner.demand.layouts, planner.demand.steptime) with the
weights of
planner.demand.calibration; the useful share is what failures and checkpoints leave (planner.demand.upkeep) times
what whole runs lose beside them (evaluation, warm-up, slow nodes), as fitted to published runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.demand.calibration import BEYOND_MEASURED, CLASSES, Calibration, calibration
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.hardware import Hardware, hardware
from planner.demand.jobs import Task, job_of, node_of, young_years
from planner.demand.layouts import ADAPTER_BYTES, SHARDINGS, Job, Layout, Search, Shortage, Shortlists, Stated
from planner.demand.memo import remembered
from planner.demand.models import model_of
from planner.demand.shapes import Shape, shape_of, training_flops_per_token
from planner.demand.steptime import LORA_SHARE
from planner.demand.types import Rate, Sizing, Target, make_rate
from planner.demand.upkeep import Speed, Upkeep, upkeep
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild, TrainingModel
from planner.request import Workload
from planner.units import SECONDS_PER_DAY

QUANTITY = "training throughput"
UNIT = "tokens_per_s"
LARGE_MODEL = 100e9  # parameters used per token
BATCH_TOKENS = 4 * 2**20  # default global batch; Llama 2 and Llama 3 start at 4 M tokens
LARGE_BATCH_TOKENS = 16 * 2**20  # Llama 3.1 405B ends at 16 M
TUNING_BATCH_TOKENS = 2**20  # fine-tuning takes smaller steps
LONGEST_SEQUENCE = 8192  # default sequence length, or the model's context where that is shorter
ADAPTERS = ("lora", "qlora")
TUNING = ("finetuning", *ADAPTERS)
UNPACKED_RANGE = 1.5  # exponent of a range where the base of adapters is unpacked: one measurement stands behind it
ACHIEVED_RANGE = 0.02  # a rate that the request states is taken at its word
FRAMEWORK_YEAR = 2026.9  # date of the newest measurements: how mature the software of an architecture is taken to be


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job on one kind of accelerator with everything that does not depend on the count."""

    job: Job
    model: TrainingModel
    shape: Shape
    task: Task
    fitted: Calibration
    factor: float  # steady rate of this work and stack ÷ what the step model gives
    peak_tflops: float


def training_target(workload: Workload) -> Target:
    """Tokens per second asked: tokens ÷ (days × 86,400). None when it is to be maximised."""
    if workload.maximise or workload.tokens is None or workload.within_days is None:
        return Target(None, UNIT, QUANTITY)
    return Target(workload.tokens / (workload.within_days * SECONDS_PER_DAY), UNIT, QUANTITY)


def default_precision(accelerator: Accelerator) -> str:
    """bf16 where the accelerator has it, else fp16; 8-bit training only when it is asked for."""
    return "bf16" if "bf16" in accelerator.dense_tflops else "fp16"


def base_precision(workload: Workload) -> str:
    """The precision that the frozen base of adapters is kept in: as stated, else 4 bits for qlora and 16 for lora."""
    return workload.weights_precision or ("fp4" if workload.method == "qlora" else "bf16")


def sequence_length(workload: Workload, model: TrainingModel) -> int:
    return workload.sequence_length or min(model.context or LONGEST_SEQUENCE, LONGEST_SEQUENCE)


def batch_tokens(workload: Workload, shape: Shape) -> float:
    """Global batch in tokens: as asked, else 4 Mi tokens, 16 Mi for models above 100 B parameters per token, 1 Mi
    to tune."""
    if workload.global_batch_tokens:
        return workload.global_batch_tokens
    if workload.method in TUNING:
        return float(TUNING_BATCH_TOKENS)
    return float(LARGE_BATCH_TOKENS if shape.active > LARGE_MODEL else BATCH_TOKENS)


def training_rate(
    workload: Workload,
    node: NodeBuild,
    fabric: FabricLink,
    count: int,
    catalog: Catalog,
    sizing: Sizing,
    storage: Speed | None = None,
) -> Rate | Rejection:
    """Tokens/s delivered by `count` nodes as one job, or why they cannot run it. `storage` writes its checkpoints."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    key = ("training", _demand_key(workload), hw, count, sizing, storage)
    return remembered(catalog, key, lambda: _rate(workload, accelerator, hw, count, catalog, sizing, storage))


def _demand_key(w: Workload) -> tuple[object, ...]:
    asked = (w.model, w.precision, w.sequence_length, w.global_batch_tokens, w.tokens, w.within_days, w.maximise)
    return (*asked, w.method, w.weights_precision, w.layout, w.achieved, w.checkpoint_gb_per_s)


def _rate(
    workload: Workload,
    accelerator: Accelerator,
    hw: Hardware,
    count: int,
    catalog: Catalog,
    sizing: Sizing,
    storage: Speed | None,
) -> Rate | Rejection:
    if count > 1 and not hw.fabric:
        return Rejection(accelerator.id, "no-fabric", "training on several nodes needs a compute fabric")
    prepared = _prepared(workload, accelerator, catalog)
    if isinstance(prepared, Rejection):
        return prepared
    if workload.achieved is not None:
        return _stated_rate(workload, prepared, hw, count, sizing)
    best, good, keep = 0.0, None, None
    shortage: Shortage | None = None
    if count > 1:
        several = _search(workload, prepared, accelerator, hw, count, catalog)
        several.prepare([n * hw.cards for n in _ladder(count)])
    each = _at_most(prepared) * hw.cards
    for nodes in reversed(_sizes_up_to(count)):
        if nodes * each < best:
            break  # not even at the full peak would so few be faster
        search = _search(workload, prepared, accelerator, hw, nodes, catalog)
        found = search.best(nodes * hw.cards)
        if isinstance(found, Shortage):
            shortage = shortage or found
            continue
        cared = _upkeep(workload, prepared, found.used, storage)
        rate = found.tokens_per_s * prepared.factor * cared.useful * prepared.fitted.terms["goodput"]
        if rate >= best:  # of equals the fewest nodes
            best, good, keep = rate, found, cared
    if good is None or keep is None:
        assert shortage is not None
        fewest: int | None = remembered(
            catalog,
            ("fewest", _demand_key(workload), hw),
            lambda: _fewest(_search(workload, prepared, accelerator, hw, 2, catalog), hw),
        )
        return _does_not_fit(prepared, accelerator, count, hw, shortage, fewest)
    return _as_rate(workload, accelerator, prepared, good, keep, best, sizing, hw, count)


def _search(
    workload: Workload, prepared: Prepared, accelerator: Accelerator, hw: Hardware, nodes: int, catalog: Catalog
) -> Search:
    """The layouts of the job on one node, or on several."""
    one = nodes == 1
    asked = _demand_key(workload)
    kind = (hw.accelerator, hw.cards, hw.domain, hw.scale_up_gb_per_s, one)

    def make() -> Search:
        node = node_of(hw, accelerator, prepared.task.precision, one)
        shared = remembered(catalog, ("shortlists", asked, kind), lambda: Shortlists(prepared.job, node, one))
        return Search(node, shared)

    return remembered(catalog, ("layouts", asked, hw, one), make)


def _at_most(prepared: Prepared) -> float:
    """Tokens per second that one accelerator cannot exceed: matrix products at the dense peak, nothing lost."""
    values = prepared.job.values
    return prepared.peak_tflops * 1e12 / float(values.matrix_flops + values.expert_flops) * max(1.0, prepared.factor)


def least_nodes(workload: Workload, node: NodeBuild, fabric: FabricLink, catalog: Catalog, tokens_per_s: float) -> int:
    """Nodes below which a job cannot reach a rate, whatever the layout; 1 where nothing can be said."""
    accelerator = catalog.accelerators[node.accelerator]
    prepared = _prepared(workload, accelerator, catalog)
    if isinstance(prepared, Rejection) or workload.achieved is not None:
        return 1
    return max(1, math.ceil(tokens_per_s * 0.999 / (_at_most(prepared) * node.accelerators)))


def _fewest(search: Search, hw: Hardware) -> int | None:
    """The smallest power of two of nodes (from two on) whose memory holds the job; None where none was found."""
    sizes: list[int] = [2**i for i in range(1, 13)] if hw.fabric else []
    for some in (sizes[:4], sizes[4:8], sizes[8:]):
        search.prepare([n * hw.cards for n in some])
        for nodes in some:
            if isinstance(search.best(nodes * hw.cards), Layout):
                return nodes
    return None


def _sizes_up_to(count: int) -> list[int]:
    """`count` and the powers of two below it: a job never has to use more nodes than serve it."""
    return [*(2**i for i in range(max(0, (count - 1).bit_length())) if 2**i < count), count]


def _ladder(count: int) -> list[int]:
    """`count` and the counts that a search by doubling and halving is likely to ask for next: powers of two, or the
    eighths of the interval that it stands in. Answering them together costs about as much as answering one."""
    top = 1 << (count - 1).bit_length()
    if top == count:
        return [2**i for i in range(1, max(10, top.bit_length()))]
    low, step = top // 2, top // 2
    while step > 1 and (count - low) % max(1, step // 8):
        step = max(1, step // 8)
        low += (count - low) // step * step
    small = max(1, step // 8)
    return sorted({count, *(n for n in range(low, low + step + 1, small) if n > 1)})


def _upkeep(workload: Workload, prepared: Prepared, used: int, storage: Speed | None) -> Upkeep:
    trained = prepared.shape.total * (LORA_SHARE if prepared.task.lora else 1.0)
    return upkeep(used, trained, workload.checkpoint_gb_per_s, storage)


def _prepared(workload: Workload, accelerator: Accelerator, catalog: Catalog) -> Prepared | Rejection:
    key = ("job", _demand_key(workload), accelerator.id)
    return remembered(catalog, key, lambda: _prepare(workload, accelerator, catalog))


def _prepare(workload: Workload, accelerator: Accelerator, catalog: Catalog) -> Prepared | Rejection:
    """The job on one kind of accelerator, or why it cannot be sized there."""
    model = model_of(workload, catalog)
    shape = shape_of(model)
    if shape is None:
        return Rejection(accelerator.id, "model-shape", f"{model.id} has no published layers and width to size with")
    precision = workload.precision or default_precision(accelerator)
    peak = dense_peak_tflops(accelerator, precision)
    if peak is None or precision not in CLASSES:
        message = f"{accelerator.id} has no published {precision} rate to train with"
        return Rejection(accelerator.id, "precision", message, need=precision)
    if accelerator.memory_gb is None or accelerator.memory_bandwidth_gb_per_s is None:
        return Rejection(accelerator.id, "memory-unknown", f"the memory of {accelerator.id} is not published")
    fitted = calibration(catalog)
    sequence = sequence_length(workload, model)
    lora = workload.method in ADAPTERS
    frozen = catalog.table("benchmarks/adapters")["bytes_per_parameter"][base_precision(workload)] if lora else 2.0
    task = Task(float(sequence), max(1.0, batch_tokens(workload, shape) / sequence), precision, lora, frozen)
    factor = 1.0 / (1.0 + fitted.terms["age"] * young_years(accelerator, catalog, FRAMEWORK_YEAR))
    factor *= fitted.terms["lora"] if lora else fitted.terms["sft"] if workload.method == "finetuning" else 1.0
    if task.unpacked:
        factor /= catalog.table("benchmarks/adapters")["time_factor"]["value"]
    stated = _stated(workload)
    if stated.tensor is None and stated.pipeline is None:
        factor *= fitted.terms["search"]
    return Prepared(
        job=job_of(shape, task, accelerator, fitted, stated),
        model=model,
        shape=shape,
        task=task,
        fitted=fitted,
        factor=factor,
        peak_tflops=peak,
    )


def _stated(workload: Workload) -> Stated:
    """The layout that the request states, as far as it does."""
    given = workload.layout
    if given is None:
        return Stated()
    sharded = None if given.sharding is None else {"optimizer": 0.0, "all": 1.0, "node": 2.0}[given.sharding]
    return Stated(
        tensor=given.tensor,
        pipeline=given.pipeline,
        interleave=given.interleave,
        context=given.context,
        expert=given.expert,
        data=given.data,
        micro=given.micro_batch,
        recompute=given.recompute,
        sharded=sharded,
    )


def _does_not_fit(
    prepared: Prepared, accelerator: Accelerator, count: int, hw: Hardware, shortage: Shortage, fewest: int | None
) -> Rejection:
    """Which memory term is too large, and the changes that would make the job fit. `fewest`: nodes it does fit."""
    memory = shortage.memory
    usable, need = prepared.job.usable_bytes / 1e9, memory.total / 1e9
    term, size = memory.largest()
    cards = "1 node" if count == 1 else f"{count:,} nodes"
    message = (
        f"{prepared.model.id} does not fit {cards} of {hw.cards} {accelerator.id}: {term} are the largest part with "
        f"{size / 1e9:,.0f} of {need:,.0f} GB per accelerator ({shortage.layout}), {usable:,.0f} GB are usable; "
        f"{_remedy(prepared, hw, count, term, fewest)}"
    )
    return Rejection(
        accelerator.id,
        "memory-fit",
        message,
        have=f"{usable:,.0f} GB usable per accelerator",
        need=f"{need:,.0f} GB per accelerator in the tightest layout",
    )


def _remedy(prepared: Prepared, hw: Hardware, count: int, term: str, fewest: int | None) -> str:
    """What would make it fit: more nodes (as found by the same search), fewer bytes per parameter, fewer tokens."""
    found = []
    if fewest is not None:
        found.append(f"{fewest:,} such nodes hold it")
    elif not hw.fabric:
        found.append("more nodes need a compute fabric")
    room = 0.85 * prepared.job.usable_bytes * hw.cards * count  # the rest is for activations
    kept = term in ("activations", "logits")
    for method, bytes_each in () if kept else (("lora", 2.0), ("qlora", 0.516)):
        size = prepared.shape.total * (bytes_each + ADAPTER_BYTES)
        if prepared.task.frozen + (0.0 if prepared.task.lora else 16.0) > bytes_each and size <= room:
            found.append(f"method: {method} takes {size / 1e9:,.0f} GB in all")
    if kept:
        found.append(f"sequence_length below {prepared.task.sequence:,.0f} takes less")
    if not prepared.job.stated.empty:
        found.append("leave out what layout: states, or split further")
    return ", or ".join(found) or "no number of such nodes that was tried holds it; take accelerators with more memory"


def _stated_rate(workload: Workload, prepared: Prepared, hw: Hardware, count: int, sizing: Sizing) -> Rate | Rejection:
    """The rate that the request says is achieved, over everything: nothing is taken off it."""
    given = workload.achieved
    assert given is not None
    flops = _flops_per_token(prepared)
    used = count * hw.cards
    if given.tokens_per_s_per_accelerator is not None:
        each = given.tokens_per_s_per_accelerator
    elif given.tflops_per_accelerator is not None:
        each = given.tflops_per_accelerator * 1e12 / flops
    else:
        each = (given.mfu or 0.0) * prepared.peak_tflops * 1e12 / flops
    value = each * used
    details = _figures(workload, prepared, value, used)
    return make_rate(
        value,
        value * (1 - ACHIEVED_RANGE),
        value * (1 + ACHIEVED_RANGE),
        sizing,
        unit=UNIT,
        quantity=QUANTITY,
        limiting_factor="as stated",
        layout={"data": used},
        basis="achieved throughput stated in the request",
        details=details,
        precision=prepared.task.precision,
    )


def _flops_per_token(prepared: Prepared) -> float:
    v = prepared.job.values
    if prepared.task.lora:
        return float(v.matrix_flops + v.expert_flops + v.attention_flops)
    return training_flops_per_token(prepared.shape, int(prepared.task.sequence))


def _figures(workload: Workload, prepared: Prepared, tokens_per_s: float, used: int) -> dict[str, float | str | None]:
    """Figures that follow from the rate: share of peak, accelerator-hours, days."""
    flops = _flops_per_token(prepared)
    found: dict[str, float | str | None] = {
        "tokens_per_day": tokens_per_s * SECONDS_PER_DAY,
        "mfu": tokens_per_s * flops / (used * prepared.peak_tflops * 1e12),
        "tflops_per_accelerator": tokens_per_s * flops / used / 1e12,
        "accelerators_used": used,
        "sequence_length": prepared.task.sequence,
        "global_batch_tokens": prepared.task.sequence * prepared.task.sequences,
    }
    if workload.tokens:
        found["days"] = workload.tokens / tokens_per_s / SECONDS_PER_DAY
        found["accelerator_hours"] = workload.tokens / tokens_per_s / 3600.0 * used
    return found


def _as_rate(
    workload: Workload,
    accelerator: Accelerator,
    prepared: Prepared,
    layout: Layout,
    keep: Upkeep,
    tokens_per_s: float,
    sizing: Sizing,
    hw: Hardware,
    count: int,
) -> Rate:
    fitted, task = prepared.fitted, prepared.task
    kind = "lora" if task.lora else prepared.shape.kind
    evidence = fitted.evidence_for(accelerator, task.precision_class, kind)
    low, high = fitted.spread(evidence, kind, layout.used, "planned")
    if task.unpacked:
        low, high = low**UNPACKED_RANGE, high**UNPACKED_RANGE
    beyond = evidence.largest is not None and layout.used > BEYOND_MEASURED * evidence.largest
    details = _figures(workload, prepared, tokens_per_s, layout.used)
    details |= {
        "memory_gb_per_accelerator": layout.memory.total / 1e9,
        "goodput": keep.useful * fitted.terms["goodput"],
        "hours_between_failures": keep.failure_hours,
        "checkpoint_gb": keep.checkpoint_gb,
        "checkpoint_every_s": keep.interval_s,
        "checkpoint_stops_s": keep.stall_s,
        "checkpoint_write_s": keep.write_s,
        "checkpoint_write_gb_per_s": keep.gb_per_s,
        "checkpoint_basis": keep.basis,
        "useful_share": keep.useful,
        "useful_share_waiting": keep.useful_waiting,
        "network_share_of_step": layout.gradients_s / layout.step_s,
        "exchange_share_of_step": layout.inside_s / layout.step_s,
    }
    if workload.tokens:
        details["days_at_low_end"] = workload.tokens / (tokens_per_s * low) / SECONDS_PER_DAY
    limiting = layout.limiting_factor
    if layout.used < 0.9 * count * hw.cards and layout.data >= int(task.sequences):
        limiting = "batch size (one sequence per rank)"
    unpacked = "; base in fewer bits, unpacked for every product: time × 1.4 (estimate)" if task.unpacked else ""
    measured = f"{evidence.rows} measurements" if evidence.rows else "no measurement"
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
            "micro_batch": layout.micro,
            "sharding": SHARDINGS[layout.sharded],
            "recomputed_layers": round(layout.recompute, 2),
        },
        unproven=evidence.rows == 0 or beyond or task.unpacked,
        basis=f"step-time model, docs/sizing.md; {measured} of {accelerator.family} {task.precision} {kind}" + unpacked,
        details=details,
        precision=task.precision,
    )
