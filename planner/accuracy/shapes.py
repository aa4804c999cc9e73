"""Which model a row means: by name, by figures given inline, or by the size that its name states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from planner.accuracy.fields import number
from planner.catalog import Catalog
from planner.errors import UnknownPart
from planner.parts import TrainingModel

# Names of figures that a row may give, and the catalog's own.
FIGURES = {
    "layers": ("layers", "num_hidden_layers"),
    "hidden": ("hidden", "hidden_size"),
    "heads": ("heads", "num_attention_heads"),
    "kv_heads": ("kv_heads", "num_key_value_heads"),
    "head_dim": ("head_dim",),
    "ffn": ("ffn", "intermediate_size"),
    "vocab": ("vocab", "vocab_size"),
    "context": ("context", "max_position_embeddings"),
    "experts": ("experts", "n_routed_experts", "num_experts", "num_local_experts"),
    "experts_per_token": ("experts_per_token", "num_experts_per_tok"),
    "expert_ffn": ("expert_ffn", "moe_intermediate_size"),
    "shared_experts": ("shared_experts", "n_shared_experts"),
    "dense_layers": ("dense_layers", "first_k_dense_replace"),
    "kv_lora_rank": ("kv_lora_rank",),
    "rope_head_dim": ("rope_head_dim", "qk_rope_head_dim"),
}
TOTAL = ("params_total_b", "parameters_b", "params_b", "parameters", "params")
ACTIVE = ("params_active_b", "active_parameters_b", "active_b", "active_parameters", "params_active")
DECORATION = re.compile(r"-?(instruct|chat|hf|base|it|fp8|nvfp4|awq|gptq|int4|bf16|preview)(?=-|$)")
# Endings that name an issue of the same architecture: dates, versions, MLPerf's accuracy targets.
VERSION = re.compile(r"-(?:\d{4}|v\d+(?:\.\d+)*|99(?:\.9)?)$")
OTHER_NAMES = {"gptj": "gptj-6b", "gpt-j": "gptj-6b", "gpt-j-6b": "gptj-6b"}


def model_of(row: Mapping[str, Any], catalog: Catalog) -> tuple[TrainingModel, bool] | str:
    """(model, whether its shape is only guessed from its size), or why no model can be made of the row."""
    stated = row.get("model")
    given = stated if isinstance(stated, Mapping) else row
    name = str((stated.get("name") or stated.get("id") or "inline") if isinstance(stated, Mapping) else stated or "")
    figures = {key: _first(given, names) for key, names in FIGURES.items()}
    total = _billions(given, TOTAL)
    if figures["layers"] and figures["hidden"]:
        return _inline(name, figures, total, _billions(given, ACTIVE))
    for spelled in _spellings(name):
        try:
            return catalog.find_model(spelled), False
        except UnknownPart:
            continue
    size = re.search(r"(?<![\d.a-z])(\d+(?:\.\d+)?)b(?![a-z])", name.lower())
    total = total or (float(size.group(1)) if size else None)
    if total is None:
        return f'model "{name}" is not in the catalog, and the row gives neither its shape nor its size'
    few = re.search(r"-a(\d+(?:\.\d+)?)b", name.lower())
    active = _billions(given, ACTIVE) or (float(few.group(1)) if few else None)
    return _guessed(name, total, active), True


def _spellings(name: str) -> list[str]:
    """A name as written, without its organisation, without endings such as -instruct, and in catalog style."""
    plain = name.rsplit("/", maxsplit=1)[-1].lower().replace("_", "-").replace(" ", "-")
    bare = VERSION.sub("", DECORATION.sub("", VERSION.sub("", plain))).removeprefix("meta-")
    joined = re.sub(r"^(llama|qwen|gemma|phi|glm|falcon)-(?=\d)", r"\1", bare)
    short = re.sub(r"-\d+b-\d+e$", "", joined)  # llama4-scout-17b-16e
    first = re.sub(r"^llama-?(?=(?:7|13|65)b)", "llama1-", joined)  # the first of its line had no number
    return list(dict.fromkeys([name, plain, bare, joined, short, first, OTHER_NAMES.get(joined, joined)]))


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = number(row.get(name))
        if value and value >= 1:
            return int(value)
    return None


def _billions(row: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    """Parameters in billions; counts above a million are taken as plain numbers."""
    for name in names:
        value = number(row.get(name))
        if value and value > 0:
            return value / 1e9 if value > 1e6 else value
    return None


def _inline(
    name: str, figures: Mapping[str, int | None], total: float | None, active: float | None
) -> tuple[TrainingModel, bool] | str:
    layers, hidden = figures["layers"] or 1, figures["hidden"] or 1
    heads = figures["heads"] or max(1, hidden // 128)
    head = figures["head_dim"] or max(1, hidden // heads)
    kv = figures["kv_heads"] or heads
    attention = layers * hidden * head * (2.0 * heads + 2.0 * kv)
    ffn, vocab = figures["ffn"] or 4 * hidden, figures["vocab"] or 50_000
    experts, used = figures["experts"], figures["experts_per_token"] or 1
    if experts:
        one = layers * 3.0 * hidden * (figures["expert_ffn"] or ffn)
        counted = attention + one * experts + 2.0 * vocab * hidden
        counted_active = attention + one * (used + (figures["shared_experts"] or 0)) + 2.0 * vocab * hidden
    else:
        matrices = 2.0 if ffn == 4 * hidden and not figures["ffn"] else 3.0
        counted = counted_active = attention + layers * matrices * hidden * ffn + 2.0 * vocab * hidden
    total = total or counted / 1e9
    active = active or (counted_active / 1e9 if experts else total)
    try:
        model = TrainingModel(
            id=name or "inline",
            name=name or "inline",
            params_total_b=total,
            params_active_b=min(active, total),
            **{**figures, "heads": heads, "kv_heads": kv, "head_dim": head},  # type: ignore[arg-type]
        )
    except ValidationError as error:
        return f"the model's figures do not make a model: {error.errors()[0]['msg']}"
    return model, False


def _guessed(name: str, total: float, active: float | None) -> TrainingModel:
    """A usual shape for a size: width 100 times the depth, 8 key-value heads of 128, experts 8 of 128."""
    sparse = active is not None and active < 0.9 * total
    body = (total * (active or total)) ** 0.5 if sparse else total
    layers = max(8, round((body * 1e9 / 1.2e5) ** (1 / 3)))
    hidden = 100 * layers
    width = None
    if sparse and active is not None:
        routed = (total - active) / (1 - 8 / 128)
        width = max(64, round(routed * 1e9 / (layers * 128 * 3.0 * hidden)))
    return TrainingModel(
        id=name,
        name=name,
        params_total_b=total,
        params_active_b=active or total,
        layers=layers,
        hidden=hidden,
        heads=max(8, hidden // 128),
        kv_heads=8,
        head_dim=128,
        experts=128 if sparse else None,
        experts_per_token=8 if sparse else None,
        expert_ffn=width,
    )
