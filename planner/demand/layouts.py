"""How a training job is spread: every tensor × pipeline × context × expert × data split that fits memory, with its
step.

All splits of a job at several counts are weighed in one go (planner.demand.steptime works on arrays), and the best
few of each count are remembered, so that the counts in between are answered from a handful of splits.

Memory per accelerator in bytes (arXiv 2205.05198, 1910.02054): bf16 weights and fp32 gradients 6, optimizer states
12 spread over the data-parallel ranks; ZeRO-3 spreads 16 and holds two gathered layers; adapters keep 2, or what the
frozen base has in fewer bits and one layer unpacked (catalogs/benchmarks/adapters.yaml). Activations
s·b·(8·h + 4·f)/t per layer with fused attention, sequence
parallelism, 2·s·b·h/t when recomputed; the first pipeline stage holds up to p micro-batches; logits in fp32 with
their gradient. Layers are recomputed only as far as memory demands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from planner.demand.calibration import Weights
from planner.demand.shapes import FRAGMENTATION, OVERHEAD_BYTES, Shape
from planner.demand.steptime import JobValues, NodeValues, Spread, Step, Work, step_seconds, work_of

TENSOR = (1, 2, 4, 8)
PIPELINE = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
CONTEXT = (1, 2, 4, 8, 16, 32, 64)
EXPERT = (1, 8, 16, 32, 64)
MICRO = (1, 2, 4, 8)
CONTEXT_FROM = 8192  # tokens; shorter sequences are not split
LONG_RANK = 32_768  # tokens of one rank beyond which a split is always tried
INTERLEAVED = 8  # most model chunks per pipeline stage where nothing is said
BUBBLE = 0.1  # idle share that a pipeline is interleaved down to
ADAPTER_BYTES = 0.06  # per parameter of the base: 16 bytes for each of the 0.4 % that adapters of usual rank train
KEPT = 10  # splits remembered per count and network
TIGHTEST = 4  # splits remembered for needing the least memory
NETWORKS = (40e9, 15e9, 4e9)  # bytes/s per accelerator that splits are shortlisted for: 400 to 40 Gbit/s
OPTIMIZER, EVERYTHING, NODE = 0.0, 1.0, 2.0  # values of Spread.sharded
SHARDINGS = {OPTIMIZER: "optimizer state", EVERYTHING: "all states (ZeRO-3)", NODE: "optimizer state inside the node"}


@dataclass(frozen=True, slots=True)
class Stated:
    """Parts of a layout that somebody states; None leaves them open."""

    tensor: int | None = None
    pipeline: int | None = None
    interleave: int | None = None
    context: int | None = None
    expert: int | None = None
    data: int | None = None
    micro: int | None = None
    recompute: str | None = None  # none | selective (attention core) | half (every other product) | full
    sharded: float | None = None
    offload: bool = False
    idle: float = BUBBLE  # pipelines are interleaved until no more than this idles, where the chunks are not stated

    @property
    def empty(self) -> bool:
        return self == Stated()


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained on which kind of accelerator, with the calibration's weights for it. Hashable by identity."""

    shape: Shape
    values: JobValues
    weights: Weights
    usable_bytes: float
    stated: Stated = Stated()
    frozen: float = 2.0  # bytes per weight below adapters; embeddings and output head always take 2


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes per accelerator by what they are for."""

    weights: float  # weights and gradients, or everything that ZeRO-3 keeps
    optimizer: float
    activations: float
    logits: float
    overhead: float

    @property
    def total(self) -> float:
        return self.weights + self.optimizer + self.activations + self.logits + self.overhead

    def largest(self) -> tuple[str, float]:
        """The largest term in words, and its bytes."""
        terms = {
            "weights and gradients": self.weights,
            "optimizer states": self.optimizer,
            "activations": self.activations,
            "logits": self.logits,
        }
        return max(terms.items(), key=lambda term: term[1])


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to spread the job, its speed in tokens/s (without failures) and where a step's seconds go."""

    tensor: int
    pipeline: int
    interleave: int
    data: int
    expert: int
    context: int
    micro: int
    sharded: float
    recompute: float  # share of the layers whose forward pass is repeated; 0 = attention core only
    tokens_per_s: float
    memory: Memory
    compute_s: float
    bubble_s: float
    inside_s: float
    gradients_s: float
    other_s: float

    @property
    def used(self) -> int:
        return self.tensor * self.pipeline * self.data * self.context

    @property
    def step_s(self) -> float:
        return self.compute_s + self.bubble_s + self.inside_s + self.gradients_s + self.other_s

    @property
    def limiting_factor(self) -> str:
        step = self.step_s
        if self.gradients_s > 0.15 * step:
            return "network between nodes"
        if self.inside_s > 0.25 * step:
            return "exchange between accelerators"
        if self.bubble_s > 0.2 * step:
            return "batch size (pipeline bubble)"
        if self.other_s > 0.2 * step:
            return "batch size (fixed time per step)"
        return "memory capacity" if self.recompute > 0.5 else "compute"


@dataclass(frozen=True, slots=True)
class Shortage:
    """No layout fits: the one that comes closest, and what it needs."""

    memory: Memory
    layout: str


class Search:
    """The layouts of one job on one kind of node. `best(accelerators)` is the fastest on at most that many.

    At every fourth power of the node size all splits are weighed and the best few remembered; counts in between are
    answered from what their neighbours remember.
    """

    def __init__(self, node: NodeValues, shortlists: Shortlists) -> None:
        self.job, self.node, self._shortlists = shortlists.job, node, shortlists
        self._grid = shortlists.grid
        self._known: dict[int, Callable[[], Layout | Shortage]] = {}
        self._told: dict[int, Layout | Shortage] = {}

    def best(self, accelerators: int) -> Layout | Shortage:
        """The fastest layout on at most `accelerators`, or what is missing."""
        if accelerators not in self._told:
            if accelerators not in self._known:
                self._known |= self._fastest([accelerators])
            self._told[accelerators] = self._known[accelerators]()
        return self._told[accelerators]

    def prepare(self, counts: list[int]) -> None:
        """Answers several counts in one go, for those who will ask for all of them."""
        new = [c for c in counts if c not in self._known]
        if new:
            self._known |= self._fastest(new)

    def _fastest(self, counts: list[int]) -> dict[int, Callable[[], Layout | Shortage]]:
        """The fastest of the remembered splits for each count, written out when it is asked for."""
        parts = [self._grid[self._candidates(c)] for c in counts]
        lengths = [len(p) for p in parts]
        found = fastest_of(self.job, self.node, np.concatenate(parts), np.repeat(counts, lengths), lengths)
        return dict(zip(counts, found, strict=True))

    def _candidates(self, accelerators: int) -> list[int]:
        anchor = max(1, int(self.node.cards))
        while anchor * 4 <= accelerators:
            anchor *= 4
        rows = {*self._shortlists.rows(anchor)}
        if accelerators != anchor:
            rows |= {*self._shortlists.rows(anchor * 4)}
        return sorted(rows)


class Shortlists:
    """The best few splits of a job on one kind of accelerator, for a fast and a slow network: what `Search` tries.

    They depend little on the exact network, so nodes that differ in their adapters share them.
    """

    def __init__(self, job: Job, node: NodeValues, one_node: bool) -> None:
        self.job, self.node, self.one_node = job, node, one_node
        self.grid = grid_of(job, node)
        self._known: dict[int, list[int]] = {}

    def rows(self, accelerators: int) -> list[int]:
        """Numbers of the best splits on that many accelerators, worked out for a few anchors at a time."""
        if accelerators not in self._known:
            anchors = [accelerators]
            levels: tuple[Any, ...] = (self.node.network,)
            if not self.one_node:
                anchors = [a for k in range(4) if (a := accelerators * 4**k) not in self._known]
                levels = NETWORKS
            n = len(self.grid)
            grid, counts = np.tile(self.grid, (len(anchors), 1)), np.repeat(np.array(anchors, float), n)
            found: dict[int, set[int]] = {a: set() for a in anchors}
            spread, memory, fits = spread_of(self.job, self.node, grid, counts)
            total = np.where(_can_run(self.job, spread, counts), sum(memory), np.inf)
            for k, anchor in enumerate(anchors):
                # the tightest splits decide whether anything fits at all
                found[anchor] |= {int(i) for i in np.argsort(total[k * n : (k + 1) * n], kind="stable")[:TIGHTEST]}
            for level in levels:
                node = replace(self.node, network=level)
                rate = np.where(fits, _rates(self.job, node, spread), 0.0)
                for k, anchor in enumerate(anchors):
                    part = rate[k * n : (k + 1) * n]
                    order = np.argsort(-part, kind="stable")[:KEPT]
                    found[anchor] |= {int(i) for i in order if part[i] > 0}
            self._known |= {a: sorted(r) for a, r in found.items()}
        return self._known[accelerators]


def fastest(job: Job, node: NodeValues, grid: Any, accelerators: int) -> Layout | Shortage:
    """The fastest of the splits in `grid` (rows of tensor, pipeline, context, expert, micro-batch, sharding)."""
    return fastest_of(job, node, grid, np.full(len(grid), accelerators), [len(grid)])[0]()


def fastest_of(
    job: Job, node: NodeValues, grid: Any, counts: Any, lengths: list[int]
) -> list[Callable[[], Layout | Shortage]]:
    """The same for several groups of splits behind one another; `counts` says how many accelerators each row has."""
    spread, memory, fits = spread_of(job, node, grid, counts.astype(float))
    work = work_of(job.values, node, spread)
    step = step_seconds(work, job.weights)
    rate = np.where(fits, work.tokens / step.total, 0.0)
    found: list[Callable[[], Layout | Shortage]] = []
    start = 0
    for length in lengths:
        chosen = slice(start, start + length)
        start += length
        i = chosen.start + int(np.argmax(rate[chosen]))
        if rate[i] > 0:
            found.append(partial(_layout, spread, memory, step, float(rate[i]), i))
        else:
            found.append(partial(_shortage, spread, memory, _can_run(job, spread, counts), chosen))
    return found


def _shortage(spread: Spread, memory: tuple[Any, ...], can: Any, chosen: slice) -> Shortage:
    """The split that comes closest to fitting."""
    possible = np.where(can, sum(memory), np.inf)
    i = chosen.start + int(np.argmin(possible[chosen]))
    sizes = {"tensor": spread.tensor, "pipeline": spread.pipeline, "context": spread.context, "expert": spread.expert}
    words = " × ".join(f"{name} {int(v[i])}" for name, v in sizes.items() if v[i] > 1) or "one accelerator per copy"
    if spread.sharded[i] == EVERYTHING:
        words += ", ZeRO-3"
    if not can[i]:  # what is stated cannot even be spread over so few
        words += ", more than there are"
    return Shortage(Memory(*(float(m[i]) for m in memory)), words)


def _layout(spread: Spread, memory: tuple[Any, ...], step: Step, rate: float, i: int) -> Layout:
    """Row i of the arrays as a layout."""

    def at(values: Any) -> float:
        return float(values if np.ndim(values) == 0 else values[i])

    return Layout(
        tensor=int(at(spread.tensor)),
        pipeline=int(at(spread.pipeline)),
        interleave=int(at(spread.interleave)),
        data=int(at(spread.data)),
        expert=int(at(spread.expert)),
        context=int(at(spread.context)),
        micro=int(at(spread.micro)),
        sharded=at(spread.sharded),
        recompute=at(spread.recompute),
        tokens_per_s=rate,
        memory=Memory(*(at(m) for m in memory)),
        compute_s=at(step.compute),
        bubble_s=at(step.bubble),
        inside_s=at(step.inside),
        gradients_s=at(step.gradients),
        other_s=at(step.other),
    )


def _rates(job: Job, node: NodeValues, spread: Spread) -> Any:
    work: Work = work_of(job.values, node, spread)
    return work.tokens / step_seconds(work, job.weights).total


def grid_of(job: Job, node: NodeValues) -> Any:
    """Every split to try, one per row; what is stated is not varied."""
    shape, stated, sequence = job.shape, job.stated, float(job.values.sequence)
    tensors = [stated.tensor] if stated.tensor else [t for t in TENSOR if t <= max(1.0, float(node.cards))]
    pipelines = [stated.pipeline] if stated.pipeline else [p for p in PIPELINE if p <= shape.layers]
    contexts = [stated.context] if stated.context else [1]
    if not stated.context and sequence > CONTEXT_FROM:
        contexts = [c for c in CONTEXT if sequence / c >= CONTEXT_FROM / 2]
        contexts = [c for c in contexts if sequence / c <= 4 * LONG_RANK] or contexts[-1:]
    experts = [stated.expert] if stated.expert else [1]
    if shape.moe and not stated.expert:
        experts = [e for e in EXPERT if e <= shape.experts]
    micros = [stated.micro] if stated.micro else list(MICRO)
    shardings = [stated.sharded] if stated.sharded is not None else [OPTIMIZER, EVERYTHING]
    rows = [
        (t, p, c, e, b, s)
        for t in tensors
        for p in pipelines
        for c in contexts
        for e in experts
        for b in micros
        for s in shardings
        if s != EVERYTHING or p == 1 or stated.sharded is not None
    ]
    return np.array(rows, dtype=float)


def spread_of(job: Job, node: NodeValues, grid: Any, counts: Any) -> tuple[Spread, tuple[Any, ...], Any]:
    """Splits completed with data ranks, interleaving and recomputation; their memory; and which of them can run."""
    stated, shape, sequences = job.stated, job.shape, job.values.sequences
    t, p, c, e, b, sharded = grid.T
    ranks = np.floor(counts / (t * p * c))
    data = np.maximum(1.0, np.minimum(ranks, np.floor(sequences)))
    group = np.maximum(1.0, np.floor(e / (c * t)))  # whole groups of experts
    data = np.where(data >= group, np.floor(data / group) * group, data)
    if stated.data:
        data = np.minimum(data, float(stated.data))
    micros = sequences / (data * b)
    if stated.interleave:
        chunks = np.where(p > 1, float(stated.interleave), 1.0)
    else:
        # more chunks shrink the bubble but hand over more often: no more of them than needed
        wanted = np.minimum(INTERLEAVED, np.ceil((p - 1.0) / (stated.idle * np.maximum(1.0, micros))))
        chunks = np.where(p > 1, np.maximum(1.0, np.minimum(wanted, np.floor(shape.layers / p))), 1.0)
    weights, optimizer = _states(job, node, t, p, e, data * c, sharded)
    kept, redone, logits = _activations(job, t, p, c, b, chunks, micros)
    room = (job.usable_bytes - OVERHEAD_BYTES) / FRAGMENTATION - weights - optimizer - logits
    gap = np.maximum(kept - redone, 1.0)
    share = np.where(room >= kept, 0.0, np.minimum(1.0, np.maximum(0.0, (kept - room) / gap)))
    if stated.recompute == "full":
        share, least = np.ones_like(share), redone
    elif stated.recompute == "half":
        share = np.full_like(share, 0.5)
        least = 0.5 * (kept + redone)
    elif stated.recompute in ("none", "selective"):
        share, least = np.zeros_like(share), kept
    else:
        least = redone
    held = kept - share * (kept - redone)
    memory = (*(m * FRAGMENTATION for m in (weights, optimizer, held, logits)), np.full_like(t, OVERHEAD_BYTES))
    offload = np.full_like(t, 1.0 if stated.offload else 0.0)
    spread = Spread(t, p, chunks, c, e, data, b, share, sharded, offload)
    return spread, memory, _can_run(job, spread, counts) & (room >= least * 0.999)


def _can_run(job: Job, spread: Spread, counts: Any) -> Any:
    """Which splits so many accelerators, sequences and expert ranks allow, memory apart."""
    t, c, data = spread.tensor, spread.context, spread.data
    micros = job.values.sequences / (data * spread.micro)
    ranks = np.floor(counts / (t * spread.pipeline * c))
    return (ranks >= 1) & (micros >= 0.999) & (spread.expert <= data * c * t * 1.001)


def _states(job: Job, node: NodeValues, t: Any, p: Any, e: Any, copies: Any, sharded: Any) -> tuple[Any, Any]:
    """Bytes of weights and gradients, and of optimizer states, per accelerator."""
    shape = job.shape
    split = np.where(e > 1, e, t)
    dense = (shape.total - shape.experts_total) / (t * p)
    routed = shape.experts_total / (split * p)
    routed_copies = np.maximum(1.0, copies * t / split)
    gathered = 4.0 * (shape.total - shape.experts_total) / shape.layers / t
    if float(job.values.lora) > 0:
        each = job.frozen + ADAPTER_BYTES
        tables = (2.0 - job.frozen) * min(2.0 * shape.vocab * shape.hidden, 0.5 * shape.total)
        unpacked = 0.0
        if job.frozen < 2.0:  # one layer at a time stands there in 16 bit as well
            unpacked = 2.0 * (dense * p / shape.layers + routed * p / max(1, shape.moe_layers))
        whole = each * (dense + routed) + tables / (t * p) + unpacked
        spread = each * (dense / copies + routed / routed_copies) + tables / (t * p) / copies + gathered + unpacked
        return np.where(sharded == EVERYTHING, spread, whole), np.zeros_like(t)
    near = np.minimum(copies, node.cards)
    over = np.where(sharded == NODE, near, copies)
    routed_over = np.where(sharded == NODE, np.minimum(routed_copies, node.cards), routed_copies)
    states = 0.0 if job.stated.offload else 12.0
    everything = 4.0 * (dense / copies + routed / routed_copies) + gathered
    weights = np.where(sharded == EVERYTHING, everything, 6.0 * (dense + routed))
    return weights, states * (dense / over + routed / routed_over)


def _activations(job: Job, t: Any, p: Any, c: Any, b: Any, chunks: Any, micros: Any) -> tuple[Any, Any, Any]:
    """Bytes of activations kept, the same when every layer is recomputed, and logits."""
    shape = job.shape
    tokens = b * job.values.sequence / c
    layer = tokens * (8.0 * shape.hidden + 4.0 * shape.feed) / t
    if shape.moe:
        # what experts read is kept at the precision they compute in; gates are computed again
        width = (shape.hidden + 2 * shape.expert_ffn) * float(job.values.wide)
        layer = layer + tokens * shape.experts_per_token * width / t
    held = shape.layers / p * np.minimum(p, np.maximum(1.0, micros))
    held = held * np.where(p > 1, 1.0 + (p - 1.0) / (p * chunks), 1.0)
    kept = held * layer
    redone = np.minimum(kept, held * 2.0 * tokens * shape.hidden / t + layer)
    return kept, redone, 8.0 * tokens * shape.vocab / t
