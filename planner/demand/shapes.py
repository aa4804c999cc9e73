"""What a language model asks of hardware: parameters, floating-point work, cache and memory.

Formulae: training 6·N + 6·L·a·d·s per token with causal attention (arXiv 2001.08361 convention); states and activations
after arXiv 2205.05198 and 1910.02054; KV cache 2·L·a_kv·d bytes times precision, latent attention L·(rank + rope)
(arXiv 2405.04434). Parameters in units, memory in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from planner.parts import TrainingModel

OVERHEAD_BYTES = 4e9  # framework, communication buffers, graphs; 3 to 6 GB per accelerator
FRAGMENTATION = 1.05


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of one model, derived once. `experts_total` are the routed experts' parameters of all layers."""

    total: float
    active: float
    flop: float  # parameters that do work per token
    layers: int
    hidden: int
    vocab: int
    kv_heads: int
    experts: int
    experts_per_token: int
    expert_ffn: int
    shared_experts: int
    moe_layers: int
    expert_nodes: int | None  # nodes that a token's experts lie on at most
    experts_total: float
    latent_attention: bool
    kv_bytes_16bit: float
    attention_flops: float  # forward, per token and token of context
    decode_attention_flops: float  # the same while writing, with an absorbed latent cache
    sliding_window: int | None
    full_attention_share: float
    feed: int  # width of the feed-forward block that every token passes (dense, or the shared experts')
    kv_width: int  # width of keys (and of values) per token

    @property
    def moe(self) -> bool:
        return self.experts > 0

    @property
    def kind(self) -> str:
        return "moe" if self.moe else "dense"


@lru_cache(maxsize=512)
def shape_of(model: TrainingModel) -> Shape | None:
    """The sizes that sizing needs, or None when the record lacks layers or hidden width."""
    if not model.layers or not model.hidden:
        return None
    heads, kv_heads = model.heads or 1, model.kv_heads or model.heads or 1
    head_dim = model.head_dim or model.hidden // heads
    total, active = model.params_total_b * 1e9, model.params_active_b * 1e9
    moe_layers = model.layers - (model.dense_layers or 0) if model.experts else 0
    experts_total = 0.0
    if model.experts:
        # three matrices per gated expert; never more than what the model card leaves for them
        experts_total = moe_layers * model.experts * 3.0 * model.hidden * (model.expert_ffn or model.ffn or 0)
        experts_total = min(experts_total, total * 0.99)
    attention = model.attn_flops_per_token_per_ctx or 4.0 * model.layers * heads * head_dim
    latent = model.kv_lora_rank is not None
    decode = attention
    if model.kv_lora_rank is not None:
        decode = 2.0 * model.layers * heads * (2 * model.kv_lora_rank + (model.rope_head_dim or 0))
    full = 1.0
    if model.sliding_window and model.full_attention_layers is not None:
        full = model.full_attention_layers / model.layers
    return Shape(
        total=total,
        active=active,
        flop=(model.flop_params_b or model.params_active_b) * 1e9,
        layers=model.layers,
        hidden=model.hidden,
        vocab=model.vocab or 50_000,
        kv_heads=kv_heads,
        experts=model.experts or 0,
        experts_per_token=model.experts_per_token or 0,
        expert_ffn=model.expert_ffn or model.ffn or 4 * model.hidden,
        shared_experts=model.shared_experts or 0,
        moe_layers=moe_layers,
        expert_nodes=model.expert_nodes,
        experts_total=experts_total,
        latent_attention=latent,
        kv_bytes_16bit=model.kv_bytes_per_token_16bit or 4.0 * model.layers * kv_heads * head_dim,
        attention_flops=attention,
        decode_attention_flops=decode,
        sliding_window=model.sliding_window,
        full_attention_share=full,
        feed=max((model.shared_experts or 0) * (model.expert_ffn or 0), model.hidden)
        if model.experts
        else model.ffn or 4 * model.hidden,
        kv_width=kv_heads * head_dim,
    )


def training_flops_per_token(shape: Shape, sequence: int) -> float:
    """Forward and backward, causal attention: 6·N + 6·L·a·d·s."""
    return 6.0 * shape.flop + 1.5 * shape.attention_flops * attended(shape, sequence)


def attended(shape: Shape, context: float) -> float:
    """Mean context that attention sees when some layers only look back over a window."""
    if shape.sliding_window is None or context <= shape.sliding_window:
        return context
    return context * shape.full_attention_share + shape.sliding_window * (1.0 - shape.full_attention_share)
