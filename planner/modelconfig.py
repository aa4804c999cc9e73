"""A Hugging Face config.json as the figures of a model: read as hostile text, only numbers taken from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_BYTES = 1_000_000
MOST = 1_000_000_000  # of any figure
MAY_BE_ZERO = frozenset({"experts", "experts_per_token", "expert_ffn", "shared_experts", "dense_layers"})
MAY_BE_ZERO |= {"sliding_window", "q_lora_rank", "kv_lora_rank"}

# Figure of the request → names that configs use for it, in order.
NAMES: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "multi_query_group_num", "num_kv_heads"),
    "head_dim": ("head_dim",),
    "ffn": ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim"),
    "vocab": ("vocab_size", "padded_vocab_size"),
    "context": ("max_position_embeddings", "n_positions", "seq_length"),
    "experts": ("n_routed_experts", "num_experts", "num_local_experts"),
    "experts_per_token": ("num_experts_per_tok", "experts_per_token", "moe_topk"),
    "expert_ffn": ("moe_intermediate_size", "expert_intermediate_size"),
    "shared_experts": ("n_shared_experts", "num_shared_experts"),
    "dense_layers": ("first_k_dense_replace",),
    "kv_lora_rank": ("kv_lora_rank",),
    "q_lora_rank": ("q_lora_rank",),
    "rope_head_dim": ("qk_rope_head_dim",),
    "sliding_window": ("sliding_window",),
}


def read_config(path: Path) -> dict[str, Any] | str:
    """Figures of a model from a config.json, or one sentence that says what is wrong with the file."""
    try:
        if not path.is_file():
            return f"{path.name} does not exist beside the site file."
        if path.stat().st_size > MAX_BYTES:
            return f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB; a config.json is a few kB."
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}."
    except (ValueError, RecursionError):
        return f"{path.name} is not JSON."
    if isinstance(data, dict) and isinstance(data.get("text_config"), dict):
        data = {**data, **data["text_config"]}  # models that also see or hear keep the language part apart
    if not isinstance(data, dict):
        return f"{path.name} is not a config.json: expected an object with num_hidden_layers, hidden_size ..."
    wrong = _wrong(data)
    if wrong is not None:
        return f"{path.name}: {wrong}"
    found = figures(data)
    absent = [NAMES[key][0] for key in ("layers", "hidden") if key not in found]
    if absent:
        return f"{path.name} states no {' and no '.join(absent)}; state them beside config: or take another file."
    return found


def _wrong(data: Mapping[str, Any]) -> str | None:
    """What is wrong with a figure that a config does state: no whole number of a possible size."""
    for key, names in NAMES.items():
        for name in names:
            value = data.get(name)
            if value is None or value is False or (key in MAY_BE_ZERO and value == 0):
                continue
            if _whole(value) is None or not 1 <= value <= MOST:
                return f"{name}: expected a whole number from 1 to {MOST:,}, got {json.dumps(value)[:40]}."
    return None


def _whole(value: Any) -> int | None:
    """A whole number; 32.0 counts, true and "32" do not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


def figures(data: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a config states, under the request's names."""
    found: dict[str, Any] = {}
    for key, names in NAMES.items():
        for name in names:
            value = _whole(data.get(name))
            if value is not None and value > 0:
                found[key] = value
                break
    if data.get("use_sliding_window") is False:
        found.pop("sliding_window", None)
    parts = [data.get(n) for n in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")]
    if "kv_lora_rank" in found and all(isinstance(p, int) for p in parts):
        found["head_dim"] = sum(p for p in parts if isinstance(p, int)) // 2  # mean width of scores and values
    if found.get("experts", 2) < 2:
        for key in ("experts", "experts_per_token", "expert_ffn", "shared_experts", "dense_layers"):
            found.pop(key, None)
    if data.get("hidden_act") in ("silu", "swish", "swiglu") or str(data.get("model_type")).startswith("gemma"):
        found["gated"] = True
    if data.get("tie_word_embeddings", "n_embd" in data) is True:  # GPT-2 and its kin tie them without saying so
        found["tied_embeddings"] = True
    return found
