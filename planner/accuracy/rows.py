"""What a row of training measurements says, in the model's terms: hardware, network, layout, batch, figure compared.

Rows are written by people. Fields may be missing, or hold words beside numbers; what is missing is assumed as the
planner
assumes it for a site (usual network of the part, 4 Mi tokens per step), and what contradicts itself is left to the
search.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from planner.accuracy.fields import number
from planner.catalog import Catalog
from planner.demand.hardware import Hardware
from planner.demand.layouts import EVERYTHING, NODE, OPTIMIZER, Stated
from planner.demand.shapes import Shape
from planner.errors import UnknownPart
from planner.parts import Accelerator

Row = Mapping[str, Any]

# Gbit/s per accelerator where a row does not say: what reference systems of the family bring.
USUAL_GBPS = {
    "ampere": 200.0,
    "hopper": 400.0,
    "blackwell": 400.0,
    "blackwell-ultra": 800.0,
    "rubin": 800.0,
    "ascend-910b": 200.0,
    "ascend-910c": 400.0,
    "gaudi2": 300.0,
    "gaudi3": 600.0,
    "cdna3": 400.0,
    "cdna4": 400.0,
}
USUAL_GBPS_PCIE = 50.0  # one 400G adapter for eight cards
SMALL_DOMAIN = 8
PUBLISHED_IDLE = 0.3  # pipelines of published layouts that do not say how they are interleaved idle up to this share
PRECISIONS = {
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp16": "fp16",
    "mixed": "bf16",
    "amp": "bf16",
    "fp8": "fp8",
    "fp8_e4m3": "fp8",
    "mxfp8": "mxfp8",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
    "fp4": "fp4",
    "tf32": "tf32",
    "fp32": "fp32",
}


def accelerator_of(row: Row, catalog: Catalog) -> Accelerator | str:
    """The part a row was measured on (the member of a group where one is named), or why it is not known."""
    names = [row.get("accelerator_member"), row.get("accelerator"), row.get("gpu")]
    for name in (str(n) for n in names if n):
        try:
            return catalog.accelerators[catalog.expand_accelerator(name)[0]]
        except UnknownPart:
            continue
    given = next((str(n) for n in names if n), "none named")
    return f'accelerator "{given}" is not in the catalog'


def precision_of(row: Row, accelerator: Accelerator) -> str:
    """The first precision named that the part has a peak for; a format that it lacks falls back to 16 bit."""
    words = re.split(r"-or-|[ ,/+]+", str(row.get("precision") or "bf16").lower())
    for word in words:
        found = PRECISIONS.get(word)
        if found and accelerator.dense_tflops.get("fp8" if found == "mxfp8" else found):
            return found
    return "bf16" if accelerator.dense_tflops.get("bf16") else "fp16"


def count_of(row: Row) -> int | None:
    count = number(row.get("gpu_count"))
    return int(count) if count and count >= 1 else None


def hardware_of(row: Row, accelerator: Accelerator, count: int) -> Hardware:
    """Cards per node, scale-up domain and network. NVL72 rows count trays as nodes; their domain is the rack."""
    nodes = number(row.get("nodes"))
    up = accelerator.scale_up
    cards = max(1, round(count / nodes)) if nodes and nodes >= 1 else min(SMALL_DOMAIN, count)
    domain = up.domain if up.gb_per_s else 1
    if domain == 1 and accelerator.bridge_domain >= 4 and up.gb_per_s:
        domain = min(accelerator.bridge_domain, cards)
    if domain > SMALL_DOMAIN:
        cards = min(domain, count)
    per_card = _gbps_per_card(row, accelerator, cards)
    return Hardware(
        accelerator=accelerator.id,
        cards=cards,
        domain=max(1, min(domain, cards)),
        scale_up_gb_per_s=(up.gb_per_s or 0.0) if domain > 1 else 0.0,
        nic_gbps=per_card * cards,
        oversubscription=1.0,
        fabric=True,
    )


def _gbps_per_card(row: Row, accelerator: Accelerator, cards: int) -> float:
    """Network speed per accelerator that the row's interconnect text names, else the usual one."""
    text = str(row.get("interconnect") or "")[:400]
    found = re.search(r"(\d+) ?G(?:b/s)?(?: CX-7)?(?: \w+)? per (?:NPU|GPU|accelerator|card)", text)
    if found:
        return float(found[1])
    found = re.search(r"(\d+) ?Gb/s[^,;]* per node", text)
    if found and float(found[1]) >= 100:
        return float(found[1]) / cards
    compute = text.split("Compute:")[-1]
    found = re.search(r"(\d+) ?x [^,;+]*?(\d+) ?G(?!B)", compute)
    if found and accelerator.scale_up.domain <= SMALL_DOMAIN:
        total = float(found[1]) * float(found[2])
        return total / min(SMALL_DOMAIN, cards)
    linked = accelerator.scale_up.gb_per_s and accelerator.scale_up.domain > 1
    return USUAL_GBPS.get(accelerator.family, 200.0) if linked else USUAL_GBPS_PCIE


def stated_layout(row: Row, sequence: float) -> Stated:
    """The layout that a row gives, as far as it gives one."""
    given = row.get("parallelism")
    recompute = str(row.get("recompute") or "").lower()
    recompute = recompute if recompute in ("none", "selective", "full") else ""
    if not isinstance(given, Mapping):
        return Stated(recompute=recompute or None)
    sharded = None
    fsdp, zero = given.get("fsdp"), number(given.get("zero"))
    if fsdp or zero == 3:
        sharded = EVERYTHING
    elif zero is not None:
        sharded = NODE if "inside" in str(given.get("shard_group")) else OPTIMIZER
    if fsdp and recompute == "selective":
        recompute = "half"  # PyTorch repeats every other product or layer; Megatron the attention core
    if fsdp and not recompute and row.get("task") == "lora":
        recompute = "full"  # adapters of a sharded model: frameworks of that kind repeat every layer by default
    data_only = bool(fsdp) or "dp" in given or zero is not None
    context = _degree(given, "cp")
    if isinstance(given.get("cp"), str) and sequence <= 16_384:
        context = 1  # a split that the row names for another stage only
    if context is None and (sequence <= 16_384):
        context = 1
    return Stated(
        tensor=_degree(given, "tp") or (1 if fsdp else None),
        pipeline=_degree(given, "pp") or (1 if data_only else None),
        interleave=_degree(given, "vp"),
        context=context,
        expert=_degree(given, "ep"),
        micro=_degree(given, "mbs") or _degree(given, "micro_batch") or _degree(row, "micro_batch"),
        recompute=recompute or None,
        sharded=sharded,
        offload=bool(given.get("cpu_offload_optimizer")),
        idle=PUBLISHED_IDLE,
    )


def _degree(given: Mapping[str, Any], key: str) -> int | None:
    value = number(given.get(key))
    return int(value) if value and 1 <= value <= 100_000 else None


def sequence_of(row: Row, context: int | None) -> float:
    given = number(row.get("seq_len"))
    return float(given) if given and given >= 1 else float(min(context or 8192, 8192))


def sequences_of(row: Row, shape: Shape, sequence: float, count: int) -> float:
    """Sequences per step: as given, else what such work usually takes."""
    given = number(row.get("global_batch_sequences"))
    if given and given >= 1:
        return float(given)
    tokens = number(row.get("global_batch_tokens"))
    if tokens and tokens >= sequence:
        return tokens / sequence
    task = str(row.get("task") or "")
    if task in ("lora", "sft"):
        return max(32.0, float(count))
    if task == "throughput-benchmark":
        return 4.0 * max(count, 32)
    return max(1.0, (16 if shape.active > 100e9 else 4) * 2**20 / sequence)


def figure_of(row: Row, count: int) -> tuple[str, float, bool] | None:
    """(unit, value, whether it is a time) of the first figure that the row has, in the order of the report."""
    m = row.get("measured")
    if not isinstance(m, Mapping):
        return None

    def value(*keys: str) -> float | None:
        for key in keys:
            found = number(m.get(key))
            if found and found > 0:
                return found
        return None

    each = value("tokens_per_s_per_gpu")
    for unit, found, time in (
        ("tokens/s", value("tokens_per_s") or (each * count if each else None), False),
        ("tokens/s", value("logged_throughput_tokens_per_s"), False),
        ("samples/s", value("samples_per_s", "logged_throughput_samples_per_s"), False),
        ("s per step", value("iteration_s"), True),
        ("TFLOPS per accelerator", value("tflops_per_gpu"), False),
        ("minutes", value("time_to_train_min"), True),
        ("accelerator-hours", value("gpu_hours"), True),
        ("days", value("wall_clock_days"), True),
        ("% of peak", value("mfu_pct"), False),
    ):
        if found:
            return unit, found, time
    return None


def convention_flops(row: Row, shape: Shape, sequence: float) -> float:
    """Floating-point operations per token that the row's own TFLOPS count."""
    text = str(row.get("flops_convention") or "").lower()
    attention = shape.attention_flops * sequence
    if "hardware" in text:
        if "8n" in text:
            return 8.0 * shape.flop
        return (6.0 * shape.flop + 3.0 * attention) * 4.0 / 3.0
    if "non-causal" in text or "full attention" in text:
        return 6.0 * shape.flop + 3.0 * attention
    if "6n" in text and "attention" not in text:
        return 6.0 * shape.flop
    if "not stated" in text:
        return 6.0 * shape.flop + 2.25 * attention
    return 6.0 * shape.flop + 1.5 * attention


BOUNDS = {"gpu_count": 1e7, "nodes": 1e7, "seq_len": 1e8, "global_batch_sequences": 1e9, "global_batch_tokens": 1e12}


def absurd(row: Row) -> str | None:
    """A sentence for the first count that is given and is none: words, below one, or beyond anything that exists."""
    for key, most in BOUNDS.items():
        given = row.get(key)
        if given is None:
            continue
        value = number(given)
        if value is None or not 1 <= value <= most:
            return f"{key}: expected a number from 1 to {most:,.0f}, got {str(given)[:40]}"
    return None
