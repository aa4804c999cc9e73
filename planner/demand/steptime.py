"""Seconds of one training step, term by term, for one layout or for thousands at once.

`work_of` counts what a step moves and computes (floating-point operations, bytes over memory, links and network,
messages), each divided by the nominal rate of the part that does it; nothing in it is fitted. `step_seconds` weighs
those seconds with the calibration and adds them up:

    busy = matrix + operand traffic + attention + element-wise + launches + tensor, context and expert exchange
    step = busy · (1 + bubble) + hand-over + max(0, gradients − what the backward pass hides) + optimizer + fixed

Every argument may be a number or a numpy array of one shape; only + − × ÷ and comparisons are used, so the result is
the same on every machine. Sources: Megatron-LM (arXiv 2104.04473) for the bubble (p−1)/(v·m) and the tensor-parallel
volume, arXiv 2205.05198 for recomputation, ZeRO (arXiv 1910.02054) for gradient volumes, facts of section 4 of
docs/sizing.md for what crosses which link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.demand.calibration import Weights

Values = Any  # a number or a numpy array of numbers

GRADIENT_BYTES = 4.0  # gradients are added in fp32
WEIGHT_BYTES = 2.0
LORA_SHARE = 0.005  # of the parameters are trained with adapters of usual rank
OPTIMIZER_BYTES = 30.0  # per parameter held: fp32 master, two moments, gradient, read and written


@dataclass(frozen=True, slots=True)
class JobValues:
    """What is trained, per token and per step; see planner.demand.shapes for the meaning of the sizes."""

    matrix_flops: Values  # per token, forward and backward, without attention's core and routed experts
    expert_flops: Values  # per token, routed experts
    attention_flops: Values  # per token, attention core
    layers: Values
    moe_layers: Values
    hidden: Values
    feed: Values  # width of the dense feed-forward block (its shared and dense part)
    expert_feed: Values
    experts: Values
    per_token: Values  # experts per token
    most_nodes: Values  # nodes that a token's experts lie on at most
    kv_width: Values
    vocab: Values
    dense_parameters: Values
    expert_parameters: Values
    sequence: Values
    sequences: Values  # per step
    lora: Values  # 1 for adapters: no weight gradients, frozen weights
    wide: Values  # bytes of an operand of the matrix products: 2, 1 or 0.5


@dataclass(frozen=True, slots=True)
class NodeValues:
    """What it runs on: nominal rates of one accelerator (flops and bytes per second) and of its links."""

    matrix: Values  # dense peak at the precision trained in
    sixteen: Values  # dense peak at 16 bit: attention
    memory: Values
    cards: Values  # accelerators that share the scale-up links
    link: Values  # bytes/s per accelerator and direction inside, as reached by collectives
    network: Values  # the same between nodes


@dataclass(frozen=True, slots=True)
class Spread:
    """A layout: degrees, micro-batch in sequences, share of layers recomputed, and how states are sharded."""

    tensor: Values
    pipeline: Values
    interleave: Values
    context: Values
    expert: Values
    data: Values
    micro: Values  # sequences per micro-batch
    recompute: Values
    sharded: Values  # 0 optimizer states over the data-parallel ranks, 1 everything (ZeRO-3), 2 inside the node
    offload: Values  # 1 where the optimizer runs in host memory


@dataclass(frozen=True, slots=True)
class Work:
    """Nominal seconds (or counts) of one step per accelerator, before calibration."""

    matrix: Values
    routed: Values  # matrix products of routed experts
    traffic: Values  # reading and writing the operands of matrix products
    routed_traffic: Values
    attention: Values
    element: Values  # element-wise work: reading and writing activations
    cast: Values  # the same where operands are narrower than 16 bit: written again as such
    routed_element: Values  # the same for sorting tokens to experts and back, and inside experts
    launches: Values  # layers × micro-batches
    moe_launches: Values
    groups: Values  # local experts × layers × micro-batches: each expert's products are started apart
    tensor: Values
    tensor_calls: Values
    context: Values
    expert: Values
    expert_piped: Values  # the same where pipeline stages can work on another micro-batch meanwhile
    expert_calls: Values
    handover: Values
    gradients: Values
    ring: Values  # ranks that the exchange goes round
    offload: Values  # parameters whose optimizer step runs on the host
    hidden: Values  # share of the busy time that can hide the gradient exchange
    optimizer: Values
    bubble: Values
    doublings: Values  # of nodes: log2, linear in between
    tokens: Values


def work_of(job: JobValues, node: NodeValues, spread: Spread) -> Work:
    """Counts of one step. Volumes are per accelerator and direction."""
    t, p, v, c, d = spread.tensor, spread.pipeline, spread.interleave, spread.context, spread.data
    used = t * p * c * d
    passes = np.maximum(1.0, job.sequences / (d * spread.micro))  # micro-batches per step
    tokens = job.sequences * job.sequence / (c * d)  # through one tensor × pipeline column
    stage = job.layers / p
    again = 1.0 + spread.recompute * np.where(job.lora > 0, 0.5, 1.0 / 3.0)

    dense = tokens * job.matrix_flops / (t * p) * again
    rows = spread.micro * job.sequence / c
    narrow = 1.0 / rows + 1.0 / job.hidden + t / job.feed

    message = rows * job.hidden * 2.0
    per_layer = 10.0 * job.hidden + 4.0 * job.feed
    element = 2.0 * tokens * stage * per_layer / t + 6.0 * tokens * job.vocab / (t * p)
    element_again = 1.0 + 0.4 * spread.recompute
    # a dense model has none of it; counts are scalars except in arrays of whole cases
    routed = _routed_work(job, node, spread, passes, again) if np.any(job.moe_layers > 0) else NOTHING_ROUTED
    cast = (element + routed.element) / node.memory if np.any(job.wide < 2.0) else 0.0

    tensor_rate = np.where(t <= node.cards, node.link, node.network)
    tensor_volume = passes * stage * 8.0 * (t - 1.0) / t * message * (1.0 + 0.5 * spread.recompute)
    context_rate = np.where(t * c <= node.cards, node.link, node.network)
    context_volume = passes * stage * 3.0 * 2.0 * (c - 1.0) * rows * job.kv_width * 2.0 / t
    across = np.where(used <= node.cards, node.link, node.network)  # stages are the outermost ranks
    handover = np.where(p > 1, passes * v * 2.0 * message / t / across, 0.0)
    gradients, ring, held = _gradient_exchange(job, node, spread, passes)
    hidden = np.where(spread.sharded == 1, 1.0, np.where(p > 1, np.minimum(1.0, p / passes), 1.0 / passes))
    return Work(
        matrix=dense / node.matrix,
        routed=routed.matrix,
        traffic=dense * narrow * job.wide / node.memory,
        routed_traffic=routed.traffic,
        attention=tokens * job.attention_flops / (t * p) * again / node.sixteen,
        element=element * element_again / node.memory,
        cast=cast,
        routed_element=routed.element * element_again / node.memory,
        launches=passes * stage * again,
        moe_launches=routed.launches,
        groups=routed.groups,
        tensor=np.where(t > 1, tensor_volume / tensor_rate, 0.0),
        tensor_calls=np.where(t > 1, passes * stage * 8.0, 0.0),
        context=np.where(c > 1, context_volume / context_rate, 0.0),
        expert=routed.exchange,
        expert_piped=routed.piped,
        expert_calls=routed.calls,
        handover=handover,
        gradients=gradients,
        ring=ring,
        offload=np.where(spread.offload > 0, held, 0.0),
        hidden=hidden,
        optimizer=held * OPTIMIZER_BYTES / node.memory,
        bubble=(p - 1.0) / (v * passes),
        doublings=doublings(used / node.cards),
        tokens=job.sequences * job.sequence,
    )


@dataclass(frozen=True, slots=True)
class RoutedWork:
    """What routed experts add to a step; see `Work`. `element` is in bytes."""

    matrix: Values = 0.0
    traffic: Values = 0.0
    element: Values = 0.0
    launches: Values = 0.0
    groups: Values = 0.0
    exchange: Values = 0.0
    piped: Values = 0.0
    calls: Values = 0.0


NOTHING_ROUTED = RoutedWork()


def _routed_work(job: JobValues, node: NodeValues, spread: Spread, passes: Values, again: Values) -> RoutedWork:
    """Products, operands, sorting, launches and exchange of routed experts."""
    t, p, c, e = spread.tensor, spread.pipeline, spread.context, spread.expert
    tokens = job.sequences * job.sequence / (c * spread.data)
    stage = job.moe_layers / p
    flops = tokens * job.expert_flops / (t * p) * again
    split = np.where(e > 1, 1.0, t)  # without expert parallelism every expert is cut like the dense layers
    rows = spread.micro * job.sequence / c
    each = np.maximum(1.0, rows * job.per_token * e / np.maximum(job.experts, 1.0) / split)
    narrow = 1.0 / each + 1.0 / job.hidden + split / job.expert_feed
    per_token = job.per_token * (4.0 * job.hidden + 4.0 * job.expert_feed)
    launches = passes * stage * again
    exchange = _expert_exchange(job, node, e, t, passes * stage * rows * job.hidden * 2.0)
    return RoutedWork(
        matrix=flops / node.matrix,
        traffic=flops * narrow * job.wide / node.memory,
        element=2.0 * tokens * stage * per_token / t,
        launches=launches,
        groups=launches * job.experts / np.maximum(1.0, e),
        exchange=np.where(p > 1, 0.0, exchange),
        piped=np.where(p > 1, exchange, 0.0),
        calls=np.where(e > 1, passes * stage * 4.0, 0.0),
    )


def _expert_exchange(job: JobValues, node: NodeValues, e: Values, t: Values, message: Values) -> Values:
    """Dispatch and combine, forward and backward: each token's hidden state to its experts and back.

    A token that wants several experts of one rank travels there once; between nodes it travels once per node and is
    handed on inside.
    """
    volume = 4.0 * message / t
    ranks = _visited(e, job.per_token)
    nodes = np.maximum(1.0, e * t / node.cards)  # tensor ranks lie inside the group
    visited = np.minimum(_visited(nodes, job.per_token), job.most_nodes)
    inside = volume * ranks * (1.0 - 1.0 / np.maximum(e, 1.0)) / node.link
    between = np.where(nodes > 1, volume * visited * (1.0 - 1.0 / nodes) / node.network, 0.0)
    return np.where(e > 1, np.maximum(inside, between), 0.0)


def _visited(places: Values, wanted: Values) -> Values:
    """Places that a token's `wanted` experts fall into when they are spread evenly: n·(1 − (1 − 1/n)^k)."""
    missed = np.ones_like(places)
    for _ in range(int(wanted)):
        missed = missed * (1.0 - 1.0 / np.maximum(places, 1.0))
    return places * (1.0 - missed)


def _gradient_exchange(
    job: JobValues, node: NodeValues, spread: Spread, passes: Values
) -> tuple[Values, Values, Values]:
    """Seconds of gradient and weight exchange, and optimizer parameters held per accelerator.

    Per parameter and step 4 bytes of gradient are scattered and 2 bytes of weight gathered. The copies of a parameter
    that one node holds are added up inside it, then its share crosses the adapters once: (1 − here/copies)/here of the
    bytes. ZeRO-3 gathers weights twice per micro-batch; sharding inside the node leaves the gradients to cross.
    """
    t, p, e = spread.tensor, spread.pipeline, spread.expert
    copies = spread.data * spread.context
    trained = np.where(job.lora > 0, LORA_SHARE, 1.0)
    dense = job.dense_parameters / (t * p)
    expert_split = np.where(e > 1, e, t)
    routed = job.expert_parameters / (expert_split * p)
    routed_copies = np.maximum(1.0, copies * t / expert_split)
    here = np.maximum(1.0, np.minimum(copies, node.cards / t))
    routed_here = np.maximum(1.0, np.minimum(routed_copies, node.cards / expert_split))
    each = (GRADIENT_BYTES + WEIGHT_BYTES) * trained
    each = np.where(spread.sharded == 1, 2.0 * WEIGHT_BYTES * passes + GRADIENT_BYTES * trained, each)
    nodes_of = copies / here
    inside = dense * (here - 1.0) / here + routed * (routed_here - 1.0) / routed_here
    leaving = dense / here * (1.0 - here / copies) + routed / routed_here * (1.0 - routed_here / routed_copies)
    leaving = leaving * np.where(spread.sharded == 2, 0.5, 1.0)
    held = (dense / np.where(spread.sharded == 2, here, copies) + routed / routed_copies) * trained
    ring = np.where(nodes_of > 1, np.where(spread.sharded == 2, nodes_of, copies), 0.0)
    return np.maximum(each * inside / node.link, each * leaving / node.network), ring, held


def doublings(nodes: Values) -> Values:
    """log2 by the position of the leading bit and a straight line in between: exact on every machine."""
    mantissa, exponent = np.frexp(np.maximum(1.0, nodes))
    return exponent - 1.0 + (2.0 * mantissa - 1.0)


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of one step by cause; `total` is their sum."""

    compute: Values
    bubble: Values
    inside: Values  # tensor, context and expert exchange
    gradients: Values  # what of the gradient exchange stays visible
    other: Values  # optimizer, fixed
    total: Values


def step_seconds(work: Work, w: Weights) -> Step:
    """The step with the calibration's weights (which may be arrays, one entry per layout)."""
    compute = (
        (work.matrix + work.routed / w.routed) / w.matrix
        + work.traffic * w.traffic
        + work.routed_traffic * w.routed_traffic
        + work.attention / w.attention
        + work.element * w.element
        + work.routed_element * w.routed_element
        + work.cast * w.cast
        + work.launches * w.launch_s
        + work.moe_launches * w.moe_launch_s
        + work.groups * w.group_s
    )
    inside = (
        work.tensor * w.tensor
        + work.tensor_calls * w.call_s
        + work.context * w.context
        + (work.expert + work.expert_piped * w.overlap) * w.expert
        + work.expert_calls * w.call_s
    )
    busy = (compute + inside) * (1.0 + w.straggle * work.doublings)
    bubble = busy * work.bubble * w.bubble
    gradients = np.maximum(0.0, work.gradients * w.gradients + work.ring * w.ring_s - w.hide * work.hidden * busy)
    other = work.optimizer * w.optimizer + w.fixed_s + work.handover * w.handover + work.offload * w.offload_s
    return Step(compute, bubble, busy - compute, gradients, other, busy + bubble + gradients + other)
