"""How a training job is spread: every tensor × pipeline × data (× expert) split that fits memory, with its step time.

Step time = compute·(1 + bubble) + tensor-parallel exchange + pipeline hand-over + expert exchange + what of the
gradient exchange the last backward pass cannot hide. Sources: Megatron-LM (arXiv 2104.04473) for the bubble
(p-1)/(v·m), ZeRO (arXiv 1910.02054) for volumes, InternEvo's 7 B on 1,024 A100 with 4 × 100G for the fixed exchange
per step.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.demand.hardware import Hardware
from planner.demand.shapes import FRAGMENTATION, OVERHEAD_BYTES, Shape, activation_bytes, state_bytes

TENSOR = (1, 2, 4, 8)
PIPELINE = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
EXPERT = (1, 2, 4, 8, 16, 32, 64)
EXPOSED = 0.5  # of tensor, pipeline and expert exchange; the rest overlaps with matrix work
HIDDEN_BACKWARD = 0.7  # share of the last micro-batch's backward pass that gradient exchange can hide behind
RECOMPUTE_COST = 1.0 / 3.0  # one more forward, for the share of layers that is recomputed
CONTEXT_TOKENS = 16_384  # longer sequences are split over context-parallel ranks
CONTEXT_LOSS = 0.97  # per doubling of context parallelism


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained and how fast one accelerator computes it. `flops_per_s` is the sustained compute rate."""

    shape: Shape
    sequence: int
    batch_tokens: float
    flops_per_token: float
    flops_per_s: float
    usable_bytes: float
    pcie_gen: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to spread the job, its speed in tokens/s (without goodput) and where a step's seconds go."""

    tensor: int
    pipeline: int
    data: int
    expert: int
    context: int
    shard: str
    recompute: float  # share of the layers whose forward pass is repeated; 0 = attention core only
    tokens_per_s: float
    memory_bytes: float
    compute_s: float
    bubble_s: float
    inside_s: float
    between_s: float

    @property
    def used(self) -> int:
        return self.tensor * self.pipeline * self.data * self.context

    @property
    def limiting_factor(self) -> str:
        step = self.compute_s + self.bubble_s + self.inside_s + self.between_s
        if self.between_s > 0.2 * step:
            return "network between nodes"
        if self.inside_s > 0.2 * step:
            return "links inside the node"
        if self.bubble_s > 0.2 * step:
            return "batch size (pipeline bubble)"
        return "memory capacity" if self.recompute > 0.5 else "compute"


def best_layout(job: Job, hw: Hardware, accelerators: int) -> Layout | float:
    """The fastest layout on at most `accelerators`, or the least bytes per accelerator that any layout needs."""
    best: Layout | None = None
    least = float("inf")
    shortest = 1
    while job.sequence / shortest > CONTEXT_TOKENS:
        shortest *= 2
    for tensor in TENSOR:
        if tensor > hw.cards:
            break
        for pipeline in PIPELINE:
            if pipeline > job.shape.layers or (pipeline > 1 and tensor * pipeline > hw.cards and not hw.fabric):
                break
            # splitting the sequence further only pays where activations of long sequences do not fit
            for context in (shortest, 2 * shortest) if job.sequence >= 8192 and tensor > 1 else (shortest,):
                if tensor * pipeline * context > accelerators:
                    break
                found, need = _fastest_split(job, hw, accelerators, tensor, pipeline, context)
                least = min(least, need)
                if found and (best is None or found.tokens_per_s > best.tokens_per_s):
                    best = found
    return best if best is not None else least


def _fastest_split(
    job: Job, hw: Hardware, accelerators: int, tensor: int, pipeline: int, context: int
) -> tuple[Layout | None, float]:
    """The fastest expert split and sharding for one tensor × pipeline split, and the least memory any of them needs.

    Layers are recomputed only as far as memory demands: the share r solves states + (1-r)·kept + r·recomputed = usable.
    """
    shape = job.shape
    sequences = max(1.0, job.batch_tokens / job.sequence)
    data = min(accelerators // (tensor * pipeline * context), int(sequences))
    if data < 1:
        return None, float("inf")
    micro = sequences / data
    interleave = max(1, min(4, shape.layers // (2 * pipeline))) if pipeline > 1 else 1
    tokens = job.sequence / context
    in_flight = min(float(pipeline), max(1.0, micro))
    kept = activation_bytes(shape, tokens, tensor, pipeline, in_flight, interleave, "selective")
    redone = min(kept, activation_bytes(shape, tokens, tensor, pipeline, in_flight, interleave, "full"))
    best: Layout | None = None
    least = float("inf")
    for expert in EXPERT if shape.moe else (1,):
        if expert > 1 and (expert > shape.experts or expert > data * tensor):
            break
        for shard in ("optimizer", "all") if pipeline == 1 else ("optimizer",):
            states = state_bytes(shape, tensor, pipeline, expert, data, shard)
            room = (job.usable_bytes - OVERHEAD_BYTES) / FRAGMENTATION - states
            least = min(least, (states + redone) * FRAGMENTATION + OVERHEAD_BYTES)
            if room < redone:
                continue
            recompute = 0.0 if room >= kept else (kept - room) / (kept - redone)
            memory = (states + min(room, kept)) * FRAGMENTATION + OVERHEAD_BYTES
            split = (tensor, pipeline, data, expert, context)
            layout = _timed(job, hw, split, shard, recompute, micro, interleave, memory)
            if best is None or layout.tokens_per_s > best.tokens_per_s:
                best = layout
    return best, least


def _timed(
    job: Job,
    hw: Hardware,
    split: tuple[int, int, int, int, int],
    shard: str,
    recompute: float,
    micro: float,
    interleave: int,
    memory: float,
) -> Layout:
    """Seconds per step of one layout."""
    tensor, pipeline, data, expert, context = split
    shape, used = job.shape, tensor * pipeline * data * context
    compute = job.batch_tokens * job.flops_per_token / (used * job.flops_per_s)
    doublings = context.bit_length() - 1
    compute /= CONTEXT_LOSS**doublings
    compute *= 1.0 + RECOMPUTE_COST * recompute
    bubble = compute * (pipeline - 1) / (interleave * micro)
    message = 2.0 * job.sequence / context * shape.hidden  # bytes of one micro-batch's hidden state
    passes = micro * shape.layers / pipeline

    inside = between = 0.0
    if tensor > 1:
        volume = passes * 4 * 2 * (tensor - 1) / tensor * message
        inside += EXPOSED * volume / (hw.link_gb_per_s(tensor, job.pcie_gen) * 1e9)
    nodes = max(1.0, used / hw.cards)
    per_card = max(hw.node_gb_per_s, 1e-9) / hw.cards * 1e9
    if pipeline > 1:
        volume = micro * interleave * 2 * message / tensor
        if tensor * pipeline > hw.cards:
            between += EXPOSED * volume / per_card
        else:
            inside += EXPOSED * volume / (hw.link_gb_per_s(tensor * pipeline, job.pcie_gen) * 1e9)
    if expert > 1:
        volume = micro * shape.moe_layers / pipeline * 4 * message / tensor * shape.experts_per_token
        if expert > hw.cards:
            between += EXPOSED * volume * (1 - hw.cards / expert) / per_card
            inside += EXPOSED * volume * hw.cards / expert / (hw.link_gb_per_s(hw.cards, job.pcie_gen) * 1e9)
        else:
            inside += EXPOSED * volume * (expert - 1) / expert / (hw.link_gb_per_s(expert, job.pcie_gen) * 1e9)
    extra_inside, extra_between = _gradient_exchange(job, hw, split, shard, micro, compute, nodes)
    inside += extra_inside
    between += extra_between
    step = compute + bubble + inside + between
    return Layout(
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=expert,
        context=context,
        shard=shard,
        recompute=recompute,
        tokens_per_s=job.batch_tokens / step,
        memory_bytes=memory,
        compute_s=compute,
        bubble_s=bubble,
        inside_s=inside,
        between_s=between,
    )


def _gradient_exchange(
    job: Job,
    hw: Hardware,
    split: tuple[int, int, int, int, int],
    shard: str,
    micro: float,
    compute: float,
    nodes: float,
) -> tuple[float, float]:
    """Exposed seconds inside and between nodes for gradients and weights, 2 bytes each per parameter and step.

    Per node 2·S·(n-1)/n crosses the NICs, S being the parameters that a node holds; ZeRO-3 gathers them twice per
    micro-batch and scatters gradients once.
    """
    tensor, pipeline, data, expert, context = split
    shape = job.shape
    if data * context < 2:
        return 0.0, 0.0
    expert_split = max(expert, tensor)
    mine = (shape.total - shape.experts_total) / (tensor * pipeline)
    mine += shape.experts_total / (expert_split * pipeline)
    copies_here = max(1, hw.cards // (tensor * pipeline))
    held = min(mine * hw.cards, shape.total) if copies_here > 1 else mine * hw.cards
    sweeps = 2.0 if shard == "optimizer" else 2.0 * micro + 1.0
    # one pipeline stage hides only behind its last micro-batch; several hide behind the pipeline's run-in and run-out
    hidden = HIDDEN_BACKWARD * compute * 2.0 / 3.0 / max(1.0, micro)
    if pipeline > 1:
        hidden = HIDDEN_BACKWARD * compute * min(1.0, pipeline / max(1.0, micro))
    if shard == "all":
        hidden = 0.9 * compute  # weights are fetched ahead, layer by layer
    inside = between = 0.0
    ring = min(data * context, copies_here)
    if ring > 1:
        volume = sweeps * 2.0 * mine * (ring - 1) / ring
        inside = volume / (hw.link_gb_per_s(min(ring * tensor, hw.cards), job.pcie_gen) * 1e9)
    if nodes > 1.0:
        volume = sweeps * 2.0 * held * (1.0 - 1.0 / nodes)
        between = volume / (max(hw.node_gb_per_s, 1e-9) * 1e9)
    # the two overlap with each other and with the backward pass; what is left of the longer one is exposed
    left = max(0.0, max(inside, between) - hidden)
    return (left, 0.0) if inside > between else (0.0, left)
