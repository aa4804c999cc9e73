"""Which model a workload means: a catalog model by name, or one described in the site file."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.demand.memo import remembered
from planner.parts import TrainingModel
from planner.request import InlineModel, Workload

USUAL_VOCABULARY = 128_000
USUAL_HEAD = 128
MOST_LAYERS, MOST_HIDDEN, MOST_PARAMETERS = 10_000, 1_000_000, 1e15  # as the keys of a site file allow
APART = 3.0  # how far stated parameters may be from those that layers and width make


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
    attention = layers * _attention(given, hidden, queries, keys)
    tables = vocab * hidden * (1.0 if given.tied_embeddings else 2.0)
    if not given.experts:
        # Gated blocks have three matrices; those of four times the width are the older kind of two (12·L·h² in all).
        gated = given.gated if given.gated is not None else ffn != 4 * hidden
        matrices = 3.0 if gated else 2.0
        total = attention + layers * matrices * hidden * ffn + tables
        return total, total
    sparse = layers - (given.dense_layers or 0)
    one = 3.0 * hidden * (given.expert_ffn or ffn)
    shared = given.shared_experts or 0
    common = attention + tables + (given.dense_layers or 0) * 3.0 * hidden * ffn
    total = common + sparse * one * (given.experts + shared)
    return total, common + sparse * one * ((given.experts_per_token or 1) + shared)


def _attention(given: InlineModel, hidden: int, queries: int, keys: int) -> float:
    """Attention parameters of one layer. Latent attention (arXiv 2405.04434) goes through its ranks: a head's width is
    the mean of scores (nope + rope) and values (v), and nope is taken to be as wide as v."""
    if given.kv_lora_rank is None or not given.heads:
        return hidden * (2.0 * queries + 2.0 * keys)
    rope = given.rope_head_dim or 0
    value = max(1.0, (2.0 * queries / given.heads - rope) / 2.0)
    asked = given.heads * (value + rope)
    query = hidden * asked if given.q_lora_rank is None else given.q_lora_rank * (hidden + asked)
    latent = hidden * (given.kv_lora_rank + rope) + given.kv_lora_rank * given.heads * 2.0 * value
    return query + latent + given.heads * value * hidden


def inconsistent(given: InlineModel) -> tuple[str, str] | None:
    """The key of a described model that does not go with the others, and why; None where they go together."""
    experts = given.experts
    if experts is None and given.experts_per_token is not None:
        return "experts_per_token", "is of a mixture of experts; state experts as well."
    if experts is not None and given.experts_per_token is None:
        return "experts", "needs experts_per_token (how many work on one token) as well."
    if experts is not None and (given.experts_per_token or 0) > experts:
        return "experts_per_token", f"expected at most experts ({experts:,}), got {given.experts_per_token:,}."
    if experts is not None and given.layers is not None and (given.dense_layers or 0) >= given.layers:
        return "dense_layers", f"expected less than layers ({given.layers:,}), got {given.dense_layers:,}."
    if given.heads is not None and (given.kv_heads or 0) > given.heads:
        return "kv_heads", f"expected at most heads ({given.heads:,}), got {given.kv_heads:,}."
    if given.parameters is not None and (given.active_parameters or 0) > given.parameters:
        return "active_parameters", f"expected at most parameters ({given.parameters:,.10g})."
    model = inline_model(given)
    layers, hidden = model.layers or 0, model.hidden or 0
    if layers > MOST_LAYERS or hidden > MOST_HIDDEN:
        what = f"{layers:,} layers" if layers > MOST_LAYERS else f"a width of {hidden:,}"
        return "parameters", f"would take {what} with what is stated; state layers and hidden."
    if model.params_total_b * 1e9 > MOST_PARAMETERS:
        return (
            "layers",
            f"and the widths make {model.params_total_b / 1e3:,.0f} T parameters; at most 1,000 T are sized.",
        )
    widths = given.experts is None or given.expert_ffn is not None or given.ffn is not None
    if given.parameters is not None and given.layers is not None and given.hidden is not None and widths:
        counted = inline_model(given.model_copy(update={"parameters": None})).params_total_b * 1e9
        if not 1.0 / APART < counted / given.parameters < APART:
            text = f"{given.parameters / 1e9:,.4g} B do not go with layers, hidden and what else is stated"
            return "parameters", f"{text}: these make about {counted / 1e9:,.4g} B."
    return None
