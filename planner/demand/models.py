"""Which model a workload means: a catalog model by name, or one described in the site file."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.demand.memo import remembered
from planner.parts import TrainingModel
from planner.request import InlineModel, Workload

USUAL_VOCABULARY = 128_000
USUAL_HEAD = 128


def model_of(workload: Workload, catalog: Catalog) -> TrainingModel:
    """The model record. UnknownPart for a name that the catalog does not have."""
    assert workload.model is not None
    given = workload.model
    if isinstance(given, str):
        return catalog.find_model(given)
    return remembered(catalog, ("inline-model", given), lambda: inline_model(given))


def inline_model(given: InlineModel) -> TrainingModel:
    """A record from what is stated. What is left out follows from usual shapes: layers and width from the parameters
    (12·L·h² with h = 128·L), heads of 128, keys and values as many as heads, and parameters from layers and width."""
    layers, hidden = given.layers, given.hidden
    if layers is None or hidden is None:
        body = (given.active_parameters or given.parameters or 1e9) * 0.97
        if hidden is None and layers is None:
            layers = max(2, round((body / (12.0 * 128.0**2)) ** (1.0 / 3.0)))
        if hidden is None:
            hidden = max(128, round((body / (12.0 * float(layers or 1))) ** 0.5 / 128.0) * 128)
        if layers is None:
            layers = max(1, round(body / (12.0 * float(hidden) ** 2)))
    heads = given.heads or max(1, hidden // USUAL_HEAD)
    head = given.head_dim or max(1, hidden // heads)
    kv_heads = given.kv_heads or heads
    vocab = given.vocab or USUAL_VOCABULARY
    ffn = given.ffn or (given.expert_ffn if given.experts else None) or 4 * hidden
    dense, active = _counted(given, layers, hidden, heads * head, kv_heads * head, ffn, vocab)
    total = given.parameters or dense
    if not given.experts:
        active = total
    used = min(given.active_parameters or active, total)
    return TrainingModel(
        id=given.name or "inline-model",
        name=given.name or "inline model",
        params_total_b=total / 1e9,
        params_active_b=used / 1e9,
        flop_params_b=max(used - (0 if given.tied_embeddings else vocab * hidden), 0.5 * used) / 1e9,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head,
        ffn=ffn,
        vocab=vocab,
        context=given.context,
        experts=given.experts,
        experts_per_token=given.experts_per_token if given.experts else None,
        expert_ffn=given.expert_ffn or (ffn if given.experts else None),
        shared_experts=given.shared_experts,
        dense_layers=given.dense_layers,
        kv_lora_rank=given.kv_lora_rank,
        rope_head_dim=given.rope_head_dim,
        sliding_window=given.sliding_window,
        notes="described in the site file",
    )


def _counted(
    given: InlineModel, layers: int, hidden: int, queries: int, keys: int, ffn: int, vocab: int
) -> tuple[float, float]:
    """Parameters in all and used per token, counted from the shape: gated feed-forward, untied embeddings."""
    attention = layers * hidden * (2.0 * queries + 2.0 * keys)
    tables = vocab * hidden * (1.0 if given.tied_embeddings else 2.0)
    if not given.experts:
        total = attention + layers * 3.0 * hidden * ffn + tables
        return total, total
    sparse = layers - (given.dense_layers or 0)
    one = 3.0 * hidden * (given.expert_ffn or ffn)
    shared = given.shared_experts or 0
    common = attention + tables + (given.dense_layers or 0) * 3.0 * hidden * ffn
    total = common + sparse * one * (given.experts + shared)
    return total, common + sparse * one * ((given.experts_per_token or 1) + shared)
