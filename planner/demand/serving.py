"""Speed and memory of one replica of a language model on a group of accelerators.

A pass of the model handles `tokens` at once. Reading the weights and computing overlap in its matrix products, reading
the cache and computing in attention; exchange and fixed times come on top:

    T(n, l) = W_dense / b ⊕ 2·N_dense·n / c  +  W_experts·touched(n) / b ⊕ 2·N_experts·n / c_e
            + n·l·KV / b_kv ⊕ n·A·l / c_a  +  exchange(n) + L·layer + n·host + step
    x ⊕ y = (x^p + y^p)^(1/p)
    touched(n) = 1 - (1 - k/E)^n          (experts that at least one of n tokens was sent to)

all divided over the ranks of a stage. Reading a prompt is the same pass with causal attention and without a cache to
read. Sources: KV sizes arXiv 2405.04434; the rest is the roofline model, its shares fitted by benchmarks/fit_serving.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.demand.hardware import Hardware
from planner.demand.pace import Pace
from planner.demand.shapes import Shape, attended

OVERHEAD_GB = 3.0  # activations, graphs and buffers per accelerator
SEQUENCES_PER_RANK = 2048  # largest batch that engines are run with, per tensor-parallel group
CHUNK = 8192.0  # tokens of prompts read in one pass
DISPATCH_BYTES, COMBINE_BYTES = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Engine:
    """One replica: `cards` accelerators over `nodes` nodes, in `pipeline` stages of equal size.

    `attention` tensor: every accelerator of a stage holds a slice of the heads (the latent cache of MLA is copied);
    data: every accelerator holds whole attention weights and its own sequences, experts are spread.
    """

    shape: Shape
    cards: int
    nodes: int
    attention: str
    pace: Pace
    weight_bytes: float  # per parameter, experts
    dense_bytes: float  # per parameter, everything else
    usable_bytes: float
    link_bytes: float  # per accelerator and direction inside the node
    node_bytes: float  # per accelerator and direction between nodes
    pipeline: int = 1
    fabric: bool = True  # scale-up links; False: PCIe
    cache_share: float = 1.0  # of the 16-bit cache; 0.5 when it is kept in 8 bit
    drafts: int = 0  # tokens drafted ahead per step (speculative decoding, multi-token prediction)
    kept: float = 0.0  # share of drafted tokens that the model keeps, each given that those before it were

    @property
    def ranks(self) -> int:
        """Accelerators of one stage."""
        return self.cards // self.pipeline

    def weights_per_card(self) -> float:
        """Bytes of weights on each accelerator."""
        routed = self.shape.experts_total * self.weight_bytes / self.cards
        rest = (self.shape.total - self.shape.experts_total) * self.dense_bytes / self.pipeline
        return routed + (rest if self.attention == "data" else rest / self.ranks)

    def cache_copies(self) -> float:
        """How often each cached token is held within a stage."""
        if self.attention == "data":
            return 1.0
        return float(self.ranks) if self.shape.latent_attention else max(1.0, self.ranks / self.shape.kv_heads)

    def cache_bytes(self, context: float) -> float:
        """Bytes of cache of one sequence over the whole replica; windows cap what their layers keep."""
        return self.shape.kv_bytes_16bit * self.cache_share * attended(self.shape, context) * self.cache_copies()

    def sequences_that_fit(self, context: float) -> int:
        """Sequences of `context` tokens that fit beside the weights; -1 when the weights alone do not fit."""
        free = self.usable_bytes - OVERHEAD_GB * 1e9 - self.weights_per_card()
        if free <= 0:
            return -1
        groups = self.ranks if self.attention == "data" else 1
        most = free * self.cards / self.cache_bytes(context) / self.crowding()
        return int(min(most, SEQUENCES_PER_RANK * groups * self.pipeline))

    def crowding(self) -> float:
        """Load of the busiest rank against the mean, where ranks hold their own sequences; the others wait for it."""
        return self.pace.imbalance if self.attention == "data" else 1.0

    def memory_bytes(self, batch: float, context: float) -> float:
        """Bytes used per accelerator."""
        return self.weights_per_card() + OVERHEAD_GB * 1e9 + batch * self.cache_bytes(context) / self.cards

    def write_step(self, batch: float, context: float) -> tuple[float, str]:
        """Seconds per written token for `batch` sequences at mean `context`, and what limits it.

        With drafts a pass checks 1 + k tokens of each sequence and keeps 1 + a + a² + … + a^k of them on average
        (arXiv 2211.17192); drafting itself is k passes of one layer (DeepSeek's module, arXiv 2412.19437 section 2.2).
        """
        tokens = max(1.0, batch / self.pipeline)
        seconds, limit = self._passes(tokens * (1 + self.drafts), context, reading=False)
        if self.drafts:
            seconds += self.drafts * self._passes(tokens, context, reading=False)[0] / self.shape.layers
            seconds /= sum(self.kept**i for i in range(self.drafts + 1))
        return seconds * (self.idle() if batch > 1 else 1.0), limit

    def prompt_s(self, prompt: float) -> float:
        """Seconds from the first to the last stage for one prompt alone."""
        chunks = max(1.0, prompt / CHUNK)
        return self._passes(prompt / chunks, prompt, reading=True)[0] * chunks

    def read_rate(self, prompt: float) -> float:
        """Prompt tokens per second of the whole replica with all stages busy."""
        tokens = CHUNK * (self.ranks if self.attention == "data" else 1)
        return tokens * self.pipeline / self.idle() / self._passes(tokens, prompt, reading=True)[0]

    def idle(self) -> float:
        """Time that a pipeline takes against one without waiting stages."""
        return 1.0 + self.pace.bubble * (self.pipeline - 1)

    def _passes(self, tokens: float, context: float, reading: bool) -> tuple[float, str]:
        """Seconds of one pass of `tokens` tokens through all stages, and the largest part of it."""
        shape, pace, ranks = self.shape, self.pace, self.ranks
        ctx = attended(shape, context)
        split = 1 if self.attention == "data" else ranks
        dense = (shape.total - shape.experts_total) * self.dense_bytes / split / pace.weight_bytes_per_s
        routed_flop = shape.experts_total * shape.experts_per_token / shape.experts if shape.moe else 0.0
        dense_flop = max(shape.flop - routed_flop, 0.05 * shape.flop)
        load = tokens / ranks * (1.0 if reading or tokens <= ranks else self.crowding())
        compute = 2.0 * dense_flop * load / pace.matrix_flops
        read, work = dense, compute
        seconds = longer(dense, compute, pace.blend)
        if shape.moe:
            touched = 1.0 - (1.0 - shape.experts_per_token / shape.experts) ** tokens
            weights = shape.experts_total * self.weight_bytes * touched / ranks / pace.expert_bytes_per_s
            each = tokens * shape.experts_per_token / shape.experts
            wide = shape.expert_ffn / (1 if self.attention == "data" else ranks)
            slow = (1.0 + pace.half_tokens / each) * (1.0 + pace.narrow / wide)
            products = 2.0 * routed_flop * load / pace.expert_flops * slow
            products /= pace.prompt_gain if reading else 1.0
            read, work = read + weights, work + products
            seconds += longer(weights, products, pace.blend)
        if reading:
            looking = 0.5 * load * shape.attention_flops * ctx / pace.attention_flops
            work += looking
        else:
            # tokens of one sequence that are checked together read its cache once
            cache = load / (1 + self.drafts) * shape.kv_bytes_16bit * self.cache_share * ctx * self.cache_copies()
            cache /= pace.cache_bytes_per_s
            arithmetic = load * shape.decode_attention_flops * ctx / pace.attention_flops
            looking = longer(cache, arithmetic, pace.blend)
            read, work = read + cache, work + arithmetic
        exchange = self._exchange(load * ranks, reading)
        fixed = shape.layers * pace.layer_s + pace.step_s
        if not reading:  # scheduling and sampling, by one process per set of sequences
            sequences = (load if self.attention == "data" else tokens) / (1 + self.drafts)
            fixed += pace.sequence_s * sequences * self.pipeline
        total = seconds + looking + exchange + fixed
        if exchange > 0.4 * total:
            limit = "network between nodes" if self.nodes > 1 else "links inside the node"
        elif fixed > 0.5 * total:
            limit = "fixed time per step"
        elif reading:
            limit = "compute while reading prompts"
        else:
            limit = "memory bandwidth while writing" if read >= work else "compute while writing"
        return total, limit

    def _exchange(self, tokens: float, reading: bool) -> float:
        """Seconds of exchange for one pass of `tokens` tokens through all stages."""
        shape, ranks, pace = self.shape, self.ranks, self.pace
        seconds = 0.0
        hop = pace.hop_s if self.fabric else pace.pcie_hop_s
        exposed = pace.exposed if reading else 1.0
        if self.pipeline > 1:
            seconds += (self.pipeline - 1) * (hop + tokens * shape.hidden * 2.0 / self.link_bytes)
        if ranks == 1:
            return seconds
        across = self.nodes > self.pipeline  # a stage spans nodes
        if self.attention == "tensor":
            volume = 2.0 * (ranks - 1) / ranks * tokens * shape.hidden * 2.0
            link = min(self.link_bytes, self.node_bytes) if across else self.link_bytes
            seconds += 2 * shape.layers * (exposed * volume / link + hop * (2.0 if across else 1.0))
        elif shape.moe:
            away = 1.0 - 1.0 / self.nodes
            moved = tokens / ranks * shape.experts_per_token * shape.hidden * (DISPATCH_BYTES + COMBINE_BYTES)
            per_layer = moved * max(0.0, 1.0 - 1.0 / ranks - away) / self.link_bytes
            if across:
                per_layer += moved * away / self.node_bytes
            seconds += shape.moe_layers * (exposed * per_layer + 2 * hop * (2.0 if across else 1.0))
        return seconds


def longer(one: float, other: float, blend: float) -> float:
    """Seconds of two things that overlap in part: (one^p + other^p)^(1/p), p = `blend`; the longer where p is large."""
    top = max(one, other)
    if top <= 0.0:
        return 0.0
    return float(top * (1.0 + (min(one, other) / top) ** blend) ** (1.0 / blend))


def link_bytes(hw: Hardware, group: int, pcie_gen: int | None) -> tuple[float, bool]:
    """Bytes/s per accelerator inside the node for a group, and whether scale-up links (not PCIe) carry it."""
    inside = group <= hw.domain and hw.scale_up_gb_per_s > 0
    return hw.link_gb_per_s(group, pcie_gen) * 1e9, inside
