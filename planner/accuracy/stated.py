"""What an inference row states of how it was run, in one spelling: scenario, split, targets, drafts, prefix share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from planner.accuracy.fields import number
from planner.request import USUAL_ACCEPTANCE

DEFAULT_SCENARIO = "offline"
# Names by which others call a scenario of the facts.
SCENARIOS = {
    "singlestream": "single_stream",
    "batch_1": "single_stream",
    "latency": "min_latency",
    "low_latency": "min_latency",
    "minimum_latency": "min_latency",
    "throughput": "max_throughput",
    "maximum_throughput": "max_throughput",
    "burst": "max_throughput",
    "prefill": "prefill_only",
    "decode": "decode_only",
    "generation_only": "decode_only",
    "chat": "online",
    "serving": "online",
    "static": "static_batch",
    "fixed_batch": "static_batch",
}
SPLITS = {  # key of the facts: other names
    "tp": ("tp", "tensor", "tensor_parallel", "tensor_parallel_size"),
    "pp": ("pp", "pipeline", "pipeline_parallel", "pipeline_parallel_size"),
    "ep": ("ep", "expert", "expert_parallel", "experts"),
    "dp_attention": ("dp_attention", "dpa", "attention_dp", "dp_attn"),
    "layer_split": ("layer_split",),
}
MOST_DRAFTS = 16
DRAFTED = re.compile(r"\bmtp\b|multi-token prediction|specul|\beagle|\bmedusa|draft (?:model|token)", re.I)
NOT_DRAFTED = re.compile(
    r"(?:\bno|without|not?|disabled?) (?:any )?(?:mtp|multi-token|specul)"
    r"|(?:mtp|speculat\w*(?: decoding)?) (?:off|disabled)",
    re.I,
)


def scenario_name(row: Mapping[str, Any]) -> str:
    """The scenario in the facts' spelling."""
    plain = re.sub(r"[^a-z0-9]+", "_", str(row.get("scenario") or DEFAULT_SCENARIO).lower()).strip("_")
    return SCENARIOS.get(plain, SCENARIOS.get(plain.replace("_", ""), plain))


def split_of(row: Mapping[str, Any]) -> dict[str, int | None]:
    """tp, pp, ep, dp_attention, layer_split as far as the row states them; None for one that is named without number.

    Reads mappings under other names and text such as `TP8`, `tp=4, pp=2`, `EP32`. A row with different splits for
    prefill and decode gives the one its scenario is about.
    """
    given = row.get("parallelism")
    if isinstance(given, Mapping):
        side = "prefill" if "prefill" in scenario_name(row) else "decode"
        inner = given.get(side)
        words = {str(k).lower(): v for k, v in (inner if isinstance(inner, Mapping) else given).items()}
    elif isinstance(given, str):
        words = {name.lower(): value for name, value in re.findall(r"([A-Za-z_]+)[ =:-]*(\d+)", given[:200])}
    else:
        return {}
    found: dict[str, int | None] = {}
    for key, names in SPLITS.items():
        for name in names:
            if name in words:
                value = number(words[name])
                found[key] = int(value) if value is not None and value >= 1 else None
                break
    data = number(words.get("dp"))
    if data and "ep" in found and "tp" not in found:
        found["dp_attention"] = found["ep"] or int(data)
    return found


def targets_of(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Targets for the first and each further token in seconds, by whatever percentile the row names."""
    first = token = whole = None
    for name, value in (row.get("slo") or {}).items():
        key, amount = str(name).lower(), number(value)
        if not amount:
            continue
        seconds = amount / 1e3 if "ms" in key else amount
        if key.startswith(("ttft", "first")):
            first = seconds
        elif key.startswith(("tpot", "itl", "token", "inter")):
            token = seconds
        elif key.startswith(("latency", "e2e")):
            whole = seconds
    return first or whole, token


def drafts_of(row: Mapping[str, Any]) -> tuple[int, float]:
    """Tokens drafted per step (0: no speculative decoding) and the share of them that is kept."""
    stated = row.get("speculative")
    if isinstance(stated, Mapping):
        count, kept = number(stated.get("draft_tokens"), 1.0), number(stated.get("acceptance"))
    else:
        count = number(row.get("draft_tokens")) or (number(stated, 1.0) if stated else None)
        kept = number(row.get("acceptance"))
        text = " ".join(str(row.get(k) or "") for k in ("notes", "engine"))
        if count is None and DRAFTED.search(text) and not NOT_DRAFTED.search(text):
            said = re.search(r"(\d+) draft token", text) or re.search(r"mtp[ -]?(\d)", text, re.I)
            count = float(said[1]) if said else 1.0
    if not count or not 1 <= count <= MOST_DRAFTS:
        return 0, 0.0
    kept = USUAL_ACCEPTANCE if kept is None else kept / 100 if kept > 1 else kept
    return int(count), min(1.0, max(0.0, kept))


def prefix_of(row: Mapping[str, Any]) -> float:
    """Share of the prompt that is found in a cache."""
    share = number(row.get("prefix_share"), number((row.get("measured") or {}).get("cache_hit_share"), 0.0)) or 0.0
    return min(0.99, share / 100 if share > 1 else share)
