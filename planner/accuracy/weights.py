"""How a row says that weights are kept: names of precisions as people write them, and the bytes that a row states.

Bits per weight of llama.cpp's formats are estimates from memory of its table (github.com/ggml-org/llama.cpp,
tools/quantize). Block formats carry scales: NVFP4 4.5 bit, MXFP4 4.25 bit (OCP MX specification).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.accuracy.fields import number

GIB = 2**30
LLAMA_CPP_BITS = {"2": 3.0, "3": 3.9, "4": 4.8, "5": 5.7, "6": 6.6, "8": 8.5}
CACHE_WORDS = re.compile(
    r"(?:[a-z]*\d+[a-z0-9_]*\s*(?:-bit)?\s+)?\bkv(?:[ _-]?cache)?\b[ :=]*(?:in |at )?(?:[a-z]*\d+(?:_e\dm\d)?)?"
)
# First that is found decides: pattern, precision of the products, bytes per parameter of experts and of the rest
# (dense models, mixtures of experts).
NAMES: tuple[tuple[str, str, float, tuple[float, float]], ...] = (
    (r"mxfp4", "fp4", 0.53, (0.53, 2.0)),
    (r"fp4|e2m1", "fp4", 0.5625, (0.5625, 1.0)),
    (r"w4a8", "int8", 0.56, (0.56, 1.0)),
    (r"w8a16|int8[ -]weights?|weight[ -]only int8", "bf16", 1.0, (1.0, 1.0)),
    (r"w8a8|int8|^8[ -]?bit|\bi8\b", "int8", 1.0, (1.0, 1.0)),
    (r"int4|w4a16|uint4|awq|gptq|nf4|bnb|\b4[ -]?bit|\bi4\b", "int4", 0.56, (0.56, 1.0)),
    (r"fp6|e3m2|e2m3", "fp8", 0.78, (0.78, 1.0)),
    (r"fp8|e4m3|e5m2|\bf8\b|float8", "fp8", 1.0, (1.0, 1.0)),
    (r"tf32", "tf32", 4.0, (4.0, 4.0)),
    (r"fp32|float32|\bf32\b", "fp32", 4.0, (4.0, 4.0)),
    (r"bf16|fp16|bfloat16|float16|half|\bf16\b|16[ -]?bit", "bf16", 2.0, (2.0, 2.0)),
)


@dataclass(frozen=True, slots=True)
class Weights:
    """How weights are kept: precision of the products, bytes per parameter of experts and of the rest."""

    precision: str
    experts: float
    dense: float


def weights_named(text: str, moe: bool) -> Weights | None:
    """What a name such as `nvfp4`, `int4 (AWQ)`, `q4_k_m (4.8 bit)`, `w8a8`, `fp8, bf16 attention` means; None if none.

    What is said of the cache in the same words is left aside.
    """
    plain = text.lower()
    bits = re.search(r"\(([\d.]+) ?bit\)", plain)
    block = re.match(r"i?q([234568])(?:_|$)", plain)
    wide = float(bits[1]) if bits else LLAMA_CPP_BITS[block[1]] if block else None
    if wide is not None:
        size = wide / 8
        return Weights("int4" if size < 0.9 else "fp16", size, size)
    words = CACHE_WORDS.sub(" ", plain).strip() or plain
    for pattern, precision, experts, (dense, beside) in NAMES:
        if re.search(pattern, words):
            return Weights(precision, experts, beside if moe else dense)
    return None


def weights_of(text: str, moe: bool) -> Weights:
    """`weights_named`, with 16 bit for names that say nothing."""
    return weights_named(text, moe) or Weights("bf16", 2.0, 2.0)


def weights_stated(row: Mapping[str, Any], found: Weights, total: float) -> Weights:
    """The weights with the size in memory that the row gives (`weights_gb`, GiB) where that is of this model."""
    size = number(row.get("weights_gb"))
    if not size or not total:
        return found
    each = size * GIB / total
    named = (found.experts + found.dense) / 2
    return found if not 0.5 * named <= each <= 2.0 * named else Weights(found.precision, each, each)


def cache_bits(row: Mapping[str, Any]) -> float | None:
    """Bits per value of the cache that a row states, in `kv_precision` or beside the weights' precision."""
    text = str(row.get("kv_precision") or "").lower()
    if not text:
        beside = CACHE_WORDS.search(str(row.get("precision") or "").lower())
        text = beside.group() if beside else ""
    if not text:
        return None
    for pattern, bits in ((r"(?:^|\D)16|half", 16.0), (r"8|e4m3|e5m2", 8.0), (r"6", 6.0), (r"4", 4.0)):
        if re.search(pattern, text):
            return bits
    return None
