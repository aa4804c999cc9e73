"""Which figure of an inference row is compared, and where a prediction has it.

The order is that of the facts: tokens/s of the whole system, samples/s, then times. Figures that stand last are only
compared in rows that have none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.accuracy.fields import number

PER_NODE = 8  # accelerators of a node where a row does not say
# How the figures compared are called in reports; all are of the whole system.
UNITS = {
    "output_tokens_per_s": "output tokens/s",
    "total_tokens_per_s": "tokens/s",
    "input_tokens_per_s": "input tokens/s",
    "samples_per_s": "samples/s",
    "latency_s": "s per request",
    "ttft_ms": "ms to first token",
    "tpot_ms": "ms per token",
    "prefill_tokens_per_s": "prompt tokens/s",
}
# Figure and the other names it goes by. Names without `output` or `total` mean written tokens, as engines report them.
RATES = {
    "output_tokens_per_s": ("tokens_per_s", "generation_tokens_per_s", "decode_tokens_per_s"),
    "total_tokens_per_s": (),
    "input_tokens_per_s": (),
    "samples_per_s": ("requests_per_s", "queries_per_s", "images_per_s", "sequences_per_s", "inferences_per_s"),
}
TIMES = {  # other name: (figure, factor to its unit)
    "latency_ms": ("latency_s", 1e-3),
    "e2e_latency_s": ("latency_s", 1.0),
    "e2e_latency_ms": ("latency_s", 1e-3),
    "ttft_s": ("ttft_ms", 1e3),
    "tpot_ms": ("tpot_ms", 1.0),
    "tpot_s": ("tpot_ms", 1e3),
    "itl_ms": ("tpot_ms", 1.0),
}


@dataclass(frozen=True, slots=True)
class Predicted:
    """Requests/s, written and read tokens/s of the whole row; seconds of one request, first and further tokens;
    prompt tokens/s when nothing else is done."""

    requests_per_s: float
    written_per_s: float
    read_per_s: float
    latency_s: float
    first_s: float
    token_s: float = 0.0
    prompts_per_s: float = 0.0


def figure(row: Mapping[str, Any]) -> tuple[str, float, bool] | None:
    """(unit, measured, is a time): the first figure the row has, whole system, in the order of the facts.

    Other names, and figures per node, count where a row has none of the facts' own names.
    """
    m = row.get("measured") or {}
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    nodes = max(1, int(number(row.get("nodes"), 0) or -(-count // PER_NODE)))
    for unit in RATES:
        if value := number(m.get(unit)) or (number(m.get(f"{unit}_per_gpu")) or 0.0) * count:
            return unit, value, False
    for unit in ("latency_s", "ttft_ms"):
        if time := number(m.get(unit)):
            return unit, time, True
    for unit, names in RATES.items():
        for name in (unit, *names):
            for key, times in ((name, 1), (f"{name}_per_gpu", count), (f"{name}_per_node", nodes)):
                if rate := number(m.get(key)):
                    return unit, rate * times, False
    for name, (unit, factor) in TIMES.items():
        if time := number(m.get(name)):
            return unit, time * factor, True
    if prompts := number(m.get("prefill_tokens_per_s")):
        return "prefill_tokens_per_s", prompts, False
    if each := number(m.get("tokens_per_s_per_user")):
        return "tpot_ms", 1e3 / each, True
    return None


def value_of(found: Predicted, unit: str) -> float:
    """The predicted figure; 0 where this prediction has none."""
    return {
        "output_tokens_per_s": found.written_per_s,
        "input_tokens_per_s": found.read_per_s,
        "total_tokens_per_s": found.written_per_s + found.read_per_s,
        "samples_per_s": found.requests_per_s,
        "prefill_tokens_per_s": found.prompts_per_s,
        "latency_s": found.latency_s,
        "ttft_ms": found.first_s * 1e3,
        "tpot_ms": found.token_s * 1e3,
    }[unit]
