"""Speed and memory of one replica of a language model on a group of accelerators.

Two limits: arithmetic while reading the prompt, memory bandwidth while writing (arithmetic again for latent attention
on accelerators with little of it, and at large batches). Per written token and batch n with mean context l:

    T = max((W_touched + n·l·KV) / bandwidth·e, n·(2·N + attention·l) / peak·c) + exchange + launch
    W_touched = shared + routed·(1 - (1 - k/E)^n)

Sources: KV sizes arXiv 2405.04434; the rest is the roofline model with shares calibrated in `efficiency.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.demand.hardware import Hardware
from planner.demand.shapes import Shape, attended

LAUNCH_S = 1.5e-3  # per step, with captured graphs
HOP_S = {"fabric": 10e-6, "pcie": 25e-6, "nodes": 30e-6}  # latency of one collective
OVERHEAD_GB = 2.0  # activations, graphs and buffers per accelerator
SEQUENCES_PER_CARD = 256  # engines' customary upper limit
EXPOSED_PREFILL = 0.25  # of the exchange while reading; the rest hides behind matrix work
DISPATCH_BYTES, COMBINE_BYTES = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Engine:
    """One replica: `cards` accelerators, over `nodes` nodes; rates per accelerator in FLOP/s and bytes/s (sustained).

    `attention` tensor: every accelerator holds a slice of the heads (the latent cache of MLA is copied); data: every
    accelerator holds whole attention weights and its own sequences, experts are spread.
    """

    shape: Shape
    cards: int
    nodes: int
    attention: str
    weight_bytes: float  # per parameter
    matrix_flops: float
    attention_flops: float  # 16-bit units do the attention
    bandwidth: float
    usable_bytes: float
    link_bytes: float  # per accelerator and direction inside the node
    node_bytes: float  # per node and direction between nodes
    hop_s: float
    cache_share: float = 1.0  # of the 16-bit cache; 0.5 when it is kept in 8 bit

    @property
    def per_node(self) -> int:
        return self.cards // self.nodes

    def weights_per_card(self) -> float:
        """Bytes of weights on each accelerator."""
        routed = self.shape.experts_total * self.weight_bytes
        rest = (self.shape.total - self.shape.experts_total) * self.weight_bytes
        if self.attention == "data":
            return routed / self.cards + rest
        return (routed + rest) / self.cards

    def cache_copies(self) -> float:
        """How often each cached token is held within the replica."""
        if self.attention == "data":
            return 1.0
        pipelined = self.nodes if not self.shape.moe else 1
        ranks = self.cards / pipelined
        return ranks if self.shape.latent_attention else max(1.0, ranks / self.shape.kv_heads)

    def cache_bytes(self, context: float) -> float:
        """Bytes of cache of one sequence over the whole replica; windows cap what their layers keep. 16-bit cache."""
        return self.shape.kv_bytes_16bit * self.cache_share * attended(self.shape, context) * self.cache_copies()

    def sequences_that_fit(self, context: float) -> int:
        """Sequences of `context` tokens that fit beside the weights; negative when the weights alone do not fit."""
        free = self.usable_bytes - OVERHEAD_GB * 1e9 - self.weights_per_card()
        if free <= 0:
            return -1
        return int(min(free * self.cards / self.cache_bytes(context), SEQUENCES_PER_CARD * self.cards))

    def memory_bytes(self, batch: float, context: float) -> float:
        """Bytes used per accelerator."""
        return self.weights_per_card() + OVERHEAD_GB * 1e9 + batch * self.cache_bytes(context) / self.cards

    def write_step(self, batch: float, context: float) -> tuple[float, str]:
        """Seconds per written token for `batch` sequences at mean `context`, and what limits it."""
        shape = self.shape
        touched = 1.0
        if shape.moe:
            touched = 1.0 - (1.0 - shape.experts_per_token / shape.experts) ** batch
        routed = shape.experts_total * self.weight_bytes * touched / self.cards
        rest = (shape.total - shape.experts_total) * self.weight_bytes
        # pipelined nodes read their stage one after the other, so nodes do not shorten a dense model's pass
        split = 1.0 if self.attention == "data" else (self.cards if shape.moe else self.per_node)
        read = routed + rest / split + batch * self.cache_bytes(context) / self.cards
        memory = read / self.bandwidth
        ctx = attended(shape, context)
        flops_s = 2.0 * shape.flop / self.matrix_flops + shape.decode_attention_flops * ctx / self.attention_flops
        compute = batch * flops_s / self.cards
        network = self._exchange(batch)
        step = max(memory, compute) + network + LAUNCH_S
        if network > 0.4 * step:
            return step, "network between nodes" if self.nodes > 1 else "links inside the node"
        return step, "memory bandwidth while writing" if memory >= compute else "compute while writing"

    def _exchange(self, tokens: float) -> float:
        """Seconds of exchange for one pass of `tokens` tokens through the model."""
        shape = self.shape
        if self.cards == 1:
            return 0.0
        seconds = 0.0
        if self.attention == "tensor":
            ranks = self.per_node if self.nodes > 1 and not shape.moe else self.cards
            volume = 2 * 2 * (ranks - 1) / ranks * tokens * shape.hidden * 2.0
            seconds += shape.layers * (volume / self.link_bytes + (2 * self.hop_s if ranks > 1 else 0.0))
        if self.nodes > 1:
            seconds += self.nodes * HOP_S["nodes"] + tokens * shape.hidden * 2.0 / self.node_bytes
        if shape.moe and (self.attention == "data" or self.nodes > 1):
            moved = tokens / self.cards * shape.experts_per_token * shape.hidden * (DISPATCH_BYTES + COMBINE_BYTES)
            away = 1.0 - 1.0 / self.nodes
            per_layer = moved * (1.0 - 1.0 / self.cards - away) / self.link_bytes
            if self.nodes > 1:
                per_layer += moved * away / (self.node_bytes / self.per_node)
            hop = HOP_S["nodes"] if self.nodes > 1 else self.hop_s
            seconds += shape.moe_layers * (per_layer + 2 * hop)
        return seconds

    def read_rate(self, prompt: float) -> float:
        """Prompt tokens per second of the whole replica, arithmetic and exchange together."""
        shape = self.shape
        flops_s = 2.0 * shape.flop / self.matrix_flops
        flops_s += 0.5 * shape.attention_flops * attended(shape, prompt) / self.attention_flops
        chunk = 4096.0
        exchange = EXPOSED_PREFILL * self._exchange(chunk) / chunk
        return 1.0 / (flops_s / self.cards + exchange)


def link_bytes(hw: Hardware, group: int, pcie_gen: int | None) -> tuple[float, float]:
    """Bytes/s per accelerator inside the node, and the latency of a collective, for a group of accelerators."""
    inside = group <= hw.domain and hw.scale_up_gb_per_s > 0
    return hw.link_gb_per_s(group, pcie_gen) * 1e9, HOP_S["fabric" if inside else "pcie"]
