"""How fast an accelerator serves language models under a kind of engine: fitted shares of its published figures.

The table `benchmarks/serving.yaml` is written by benchmarks/fit_serving.py. All entries are natural logarithms of
factors, added up: a base per precision or memory type, a deviation of the accelerator's family (zero where it was not
measured), and the engine's. So an accelerator that nobody measured gets the base, and a wider range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.demand.efficiency import BYTES, PRECISION_CLASS, dense_peak_tflops
from planner.demand.memo import remembered
from planner.parts import Accelerator

ENGINES = ("tuned", "vllm", "sglang", "llama.cpp")
FEW = 3  # rows of a family and precision below which a prediction counts as unmeasured
MOST_BANDWIDTH = math.log(0.92)  # no program reads memory faster


@dataclass(frozen=True, slots=True)
class Pace:
    """Sustained rates of one accelerator (FLOP/s, bytes/s) and fixed times in seconds."""

    matrix_flops: float
    expert_flops: float
    prompt_gain: float  # experts' products while reading against writing
    attention_flops: float
    weight_bytes_per_s: float
    expert_bytes_per_s: float
    cache_bytes_per_s: float
    layer_s: float
    step_s: float
    sequence_s: float  # per sequence of a written step
    hop_s: float
    pcie_hop_s: float
    imbalance: float  # load of the busiest rank against the mean, where ranks hold their own sequences
    bubble: float  # idle share that each further pipeline stage adds
    half_tokens: float  # tokens per expert at which its products reach half their speed
    exposed: float  # share of the exchange that reading a prompt does not hide
    narrow: float  # width of an expert per rank at which its products reach half their speed
    blend: float  # exponent by which reading and computing add up where they overlap: 1 one after the other, ∞ hidden
    uneven: float  # slowest tokens of ranks that hold their own sequences, against the mean
    mixed: float  # time of reading prompts while ranks that hold their own sequences wait for one another


def engine_class(text: str | None) -> str:
    """Which kind of engine a name stands for: tuned (TensorRT, vendors' own), stock (vLLM, SGLang), llama.cpp."""
    name = (text or "").lower()
    if "llama.cpp" in name or "ollama" in name or "gguf" in name:
        return "llama.cpp"
    if "sglang" in name:
        return "sglang"
    if any(known in name for known in ("vllm", "transformers", "tgi", "lmdeploy", "mindformers")):
        return "vllm"
    return "tuned"


def matrix_precision(accelerator: Accelerator, precision: str) -> tuple[str, float] | None:
    """The precision that matrix products run in for weights of `precision`, and its dense peak in TFLOPS.

    The weights' own where the accelerator computes in it; narrower weights are widened to the next one it has.
    """
    wider = {"fp4": ("fp4", "fp16"), "int4": ("fp16",), "fp8": ("fp8", "fp16"), "int8": ("int8", "fp16")}
    for name in wider.get(precision, (precision, "fp16")):
        peak = dense_peak_tflops(accelerator, name)
        if peak:
            return name, peak
    return None


def weight_widths(precision: str, moe: bool) -> tuple[float, float]:
    """Bytes per parameter of routed experts and of everything else. 4-bit models keep attention wider, with scales."""
    if precision == "fp4":
        return 0.5625, 1.0 if moe else 0.5625
    size = BYTES[precision]
    return size, size


def memory_kind(accelerator: Accelerator) -> str:
    """hbm | gddr: graphics memory sustains another share than stacked memory."""
    return "gddr" if "gddr" in (accelerator.memory_type or "").lower() else "hbm"


def pace_of(
    table: Mapping[str, float],
    accelerator: Accelerator,
    precision: str,
    engine: str = "tuned",
    years: float = 0.0,
    alone: bool = False,
    contest: bool = False,
    varied: bool = True,
) -> Pace | None:
    """The pace of an accelerator for weights of `precision`; None where it has no peak or bandwidth to start from.

    `years` of software age (0: the newest measured); `alone` says that one request is served at a time;
    `contest` that the engine was tuned for one benchmark; `varied` that requests differ in length.
    """
    found = matrix_precision(accelerator, precision)
    sixteen = dense_peak_tflops(accelerator, "bf16") or (found[1] if found else None)
    if found is None or sixteen is None or not accelerator.memory_bandwidth_gb_per_s:
        return None
    name, peak = found
    kind = PRECISION_CLASS.get(name, "16")
    get = table.get
    family = accelerator.family
    age = get("age", 0.0) * years
    speed = get(f"engine.{engine}", 0.0) + age + get(f"family.{family}", 0.0)
    if contest:
        speed += get("contest", 0.0)
    speed += get(f"gemm.{family}", get("gemm", 0.0)) - get("gemm", 0.0)
    speed += get("power", 0.0) * power_shortfall(table, accelerator, sixteen)
    if precision in ("int4", "fp4") and kind != "4":
        speed += get("unpack", 0.0)
    matrix = math.exp(get(f"matrix.{kind}", -1.0) + get(f"matrix.{kind}.{family}", 0.0) + speed)
    memory = get(f"memory.{memory_kind(accelerator)}", -0.3) + get(f"memory.{family}", 0.0)
    if alone:
        memory += get(f"alone.{memory_kind(accelerator)}", 0.0) + get(f"alone.{engine}", 0.0)
    # weights are unpacked before every product, except in llama.cpp, whose products read them as they are
    widened = precision in ("int4", "fp4") and kind != "4" and engine != "llama.cpp"
    if widened:
        memory += get("unpack", 0.0)
    memory = min(memory, MOST_BANDWIDTH)
    peak_bandwidth = accelerator.memory_bandwidth_gb_per_s * 1e9
    bandwidth = peak_bandwidth * math.exp(memory)
    unpacked = math.exp(get("unpack_expert", 0.0)) if widened else 1.0
    slow = math.exp(get("layer", 0.0) + get(f"layer.{engine}", 0.0))
    hop = math.exp(get("hop", 0.0))
    return Pace(
        matrix_flops=peak * 1e12 * matrix,
        expert_flops=peak * 1e12 * matrix * math.exp(get("expert", -0.4)) * unpacked,
        prompt_gain=math.exp(get("expert_prompt", 0.0)),
        attention_flops=sixteen * 1e12 * math.exp(get("attention", -1.2)),
        weight_bytes_per_s=bandwidth,
        expert_bytes_per_s=bandwidth * math.exp(min(0.0, get("expert_read", -0.2))),
        cache_bytes_per_s=peak_bandwidth * math.exp(min(MOST_BANDWIDTH, memory + get("cache", -0.2))),
        layer_s=15e-6 * slow,
        step_s=1e-3 * slow,
        sequence_s=5e-6 * math.exp(get("host", 0.0)),
        hop_s=8e-6 * hop,
        pcie_hop_s=30e-6 * hop,
        imbalance=math.exp(get("imbalance", 0.35)) if varied else 1.0,
        bubble=math.exp(get("bubble", -3.0)),
        half_tokens=math.exp(get("half_tokens", 3.0)),
        exposed=math.exp(get("exposed", -1.0)),
        narrow=math.exp(get("narrow", -9.0)),
        blend=math.exp(get("blend", 3.0)),
        uneven=math.exp(get("uneven", 0.0)),
        mixed=math.exp(get("mixed", 0.0)),
    )


def power_shortfall(table: Mapping[str, float], accelerator: Accelerator, sixteen: float) -> float:
    """Logarithm of watts per 16-bit TFLOPS against the family's best cooled part; 0 or less."""
    best = table.get(f"watts.{accelerator.family}")
    if not best or not accelerator.tdp_w:
        return 0.0
    return min(0.0, math.log(accelerator.tdp_w / sixteen / best))


@dataclass(frozen=True, slots=True)
class ServingTable:
    """The fitted table: factors, rows measured by (family, precision class), and 80 % ranges as factors."""

    factors: Mapping[str, float]
    measured: Mapping[str, Mapping[str, int]]
    ranges: Mapping[str, tuple[float, float]]
    source: str
    as_of: str


def serving_table(catalog: Catalog) -> ServingTable:
    """`benchmarks/serving` of the catalog, read once."""

    def make() -> ServingTable:
        table = catalog.table("benchmarks/serving")
        return ServingTable(
            {k: float(v) for k, v in table["factors"].items()},
            {f: {str(k): int(n) for k, n in kinds.items()} for f, kinds in table["measured"].items()},
            {k: (float(r["low"]), float(r["high"])) for k, r in table["ranges"].items()},
            str(table["source"]),
            str(table["as_of"]),
        )

    return remembered(catalog, "serving-table", make)


def rows_behind(table: ServingTable, accelerator: Accelerator, precision: str) -> int:
    """Measurements of the accelerator's family at the precision class."""
    return table.measured.get(accelerator.family, {}).get(PRECISION_CLASS.get(precision, "16"), 0)


def widths(
    table: ServingTable,
    accelerator: Accelerator,
    precision: str,
    kind: str,
    unusual: bool = False,
) -> tuple[float, float]:
    """The 80 % range as factors on a prediction, for a `kind` of model (dense, moe).

    Wider where family, precision or the model's shape stand on too few rows.
    """
    known = rows_behind(table, accelerator, precision) >= FEW and not unusual
    return table.ranges[kind if known else f"{kind} unseen"]
