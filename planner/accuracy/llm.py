"""What an inference row says, in the terms of the serving model; and the figure predicted for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from planner.accuracy.fields import number
from planner.demand.operating import Demand, best_point, largest, point
from planner.demand.pace import engine_class, pace_of
from planner.demand.serving import Engine
from planner.demand.shapes import Shape
from planner.parts import Accelerator

CONTEST = ("offline", "server", "interactive")  # MLPerf: tuned for the run
BEAMS = {"gptj-6b": 4}  # MLPerf's task asks for beam search of this width; every beam is written
DEFAULT_PROMPT, DEFAULT_WRITTEN = 300.0, 300.0
SLACK = 1.05  # weights may take this much of what counts as usable: the row did run
NEWEST = 2025.75  # software age counts back from here
PCIE = {3: 16.0, 4: 32.0, 5: 64.0, 6: 128.0}
NODE_GBPS = 400.0  # per accelerator between nodes where a row does not say


@dataclass(frozen=True, slots=True)
class Weights:
    """How weights are kept: precision of the products, bytes per parameter of experts and of the rest."""

    precision: str
    experts: float
    dense: float


def weights_of(text: str, moe: bool) -> Weights:
    """Reads precisions such as `nvfp4`, `mxfp4`, `int4 (AWQ)`, `q4_k_m (4.8 bit)`, `w8a8`, `fp8, bf16 attention`."""
    t = text.lower()
    bits = re.search(r"\(([\d.]+) bit\)", t)
    if bits:
        size = float(bits.group(1)) / 8
        return Weights("int4" if size < 0.9 else "fp16", size, size)
    if "mxfp4" in t:
        return Weights("fp4", 0.53, 2.0 if moe else 0.53)
    if "fp4" in t:
        return Weights("fp4", 0.5625, 1.0 if moe else 0.5625)
    if "w8a8" in t or (t.startswith("int8")):
        return Weights("int8", 1.0, 1.0)
    if "int4" in t or "w4a16" in t or re.match(r"q4|uint4|awq|gptq", t):
        return Weights("int4", 0.56, 0.56 if not moe else 1.0)
    if "fp8" in t:
        return Weights("fp8", 1.0, 1.0)
    if t.startswith("fp32"):
        return Weights("fp32", 4.0, 4.0)
    return Weights("bf16", 2.0, 2.0)


def years_of(row: Mapping[str, Any]) -> float:
    found = re.match(r"(\d{4})(?:-(\d\d))?", str(row.get("date") or ""))
    if not found:
        return 0.0
    when = int(found.group(1)) + (int(found.group(2) or 7) - 0.5) / 12
    return min(3.0, max(0.0, NEWEST - when))


def cache_share(row: Mapping[str, Any], weights: Weights, shape: Shape) -> float:
    """Bytes of the cache against 16 bit: as stated, else half beside weights of 8 bit and less (not llama.cpp)."""
    stated = str(row.get("kv_precision") or "").lower()
    if stated:
        return 0.5 if "8" in stated and "16" not in stated else 1.0
    if engine_class(row.get("engine")) == "llama.cpp" or weights.precision in ("bf16", "fp16", "fp32", "int4"):
        return 1.0
    return 1.0 if shape.latent_attention and str(row.get("scenario")) in ("decode_only", "production_decode") else 0.5


def layouts(row: Mapping[str, Any], accelerator: Accelerator, count: int, shape: Shape) -> list[tuple[int, int, str]]:
    """(tensor, pipeline, attention) of the replicas to try: as the row states, else what fits the count."""
    stated = row.get("parallelism")
    if isinstance(stated, Mapping):
        split = number(stated.get("layer_split"))
        if split:
            return [(1, int(split), "tensor")]
        wide = number(stated.get("dp_attention")) or (number(stated.get("ep")) if "tp" not in stated else None)
        if wide:
            ranks = min(int(wide), count)
            return [(ranks, 1, "data")]
        tensor, pipeline = int(number(stated.get("tp"), 1) or 1), int(number(stated.get("pp"), 1) or 1)
        if tensor * pipeline <= count:
            found = [(tensor, pipeline, "tensor")]
            if shape.moe and "ep" in stated and tensor > 1:
                found.append((tensor, 1, "data"))
            return found
    limit = accelerator.scale_up.domain if accelerator.scale_up.domain > 1 else 8
    sizes = [2**i for i in range(10) if 2**i <= min(count, max(limit, 8))]
    found = [(g, 1, "tensor") for g in sizes if g <= 16]
    if shape.moe:
        found += [(g, 1, "data") for g in sizes if g > 1]
    if accelerator.scale_up.domain <= 1:
        found += [(1, g, "tensor") for g in sizes if g > 1] + [(2, g // 2, "tensor") for g in sizes if g > 2]
    if count > 8:
        found += [(8, g // 8, "tensor") for g in (16, 32) if g <= count]
    return found


def engines(
    row: Mapping[str, Any], accelerator: Accelerator, shape: Shape, table: Mapping[str, float], alone: bool
) -> Iterator[Engine]:
    """The replicas that the row may have been measured on."""
    weights = weights_of(str(row.get("precision") or "bf16"), shape.moe)
    engine = engine_class(row.get("engine"))
    scenario = str(row.get("scenario") or "offline")
    pace = pace_of(
        table,
        accelerator,
        weights.precision,
        engine,
        years=years_of(row),
        alone=alone,
        contest=scenario in CONTEST,
        varied=scenario in CONTEST,
    )
    if pace is None:
        return
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    links = accelerator.scale_up
    nics = re.search(r"(\d+)x (\d+)G", str(row.get("interconnect") or ""))
    gbps = int(nics.group(1)) * int(nics.group(2)) / 8 if nics else NODE_GBPS
    for tensor, pipeline, attention in layouts(row, accelerator, count, shape):
        cards = tensor * pipeline
        domain = links.domain if links.domain > 1 else 1
        fabric = tensor <= domain or (domain > 1)
        per_node = max(8, domain)
        link = (links.gb_per_s or 0.0) / 2 * 0.8 if fabric and links.gb_per_s else PCIE[accelerator.pcie_gen or 4] * 0.5
        yield Engine(
            shape=shape,
            cards=cards,
            nodes=max(1, math.ceil(cards / per_node)),
            attention=attention if tensor > 1 else "tensor",
            pace=pace,
            weight_bytes=weights.experts,
            dense_bytes=weights.dense,
            usable_bytes=(accelerator.memory_gb or 0.0) * 0.92e9,
            link_bytes=link * 1e9,
            node_bytes=gbps / 8 * 0.8e9,
            pipeline=pipeline,
            fabric=fabric,
            cache_share=cache_share(row, weights, shape),
        )


def request_of(row: Mapping[str, Any]) -> Demand:
    slo = row.get("slo") or {}
    first = number(slo.get("ttft_ms_p99", slo.get("ttft_ms", slo.get("latency_ms_p99"))))
    token = number(slo.get("tpot_ms_p99", slo.get("tpot_ms", slo.get("tpot_ms_mean"))))
    written = number(row.get("output_tokens"), DEFAULT_WRITTEN) or DEFAULT_WRITTEN
    return Demand(
        prompt=max(1.0, number(row.get("input_tokens"), DEFAULT_PROMPT) or DEFAULT_PROMPT),
        written=max(1.0, written),
        prefix=0.0,
        first_s=first / 1e3 if first else None,
        token_s=token / 1e3 if token else None,
    )


@dataclass(frozen=True, slots=True)
class Predicted:
    """Requests/s, written and read tokens/s of the whole row; latency of one request and of its first token, s."""

    requests_per_s: float
    written_per_s: float
    read_per_s: float
    latency_s: float
    first_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a row was measured: what was in flight (None: as much as goes) on how many accelerators, and its words."""

    name: str
    count: int
    batch: float | None
    demand: Demand
    row: Mapping[str, Any]

    @property
    def alone(self) -> bool:
        """One request at a time."""
        return self.name in ("single_stream", "min_latency", "latency_prefill") or self.batch == 1


def scenario_of(row: Mapping[str, Any]) -> Scenario:
    """The row's scenario with the batch of all its accelerators together."""
    name = str(row.get("scenario") or "offline")
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    stated = row.get("batch") if row.get("batch") is not None else row.get("concurrency")
    batch = number(stated)
    if batch and "per GPU" in str(stated):
        batch *= count
    if batch and "per die" in str(stated):
        batch *= 2 * count  # packages of two dies
    if not batch:
        batch = 1.0 if name in ("single_stream", "min_latency", "latency_prefill") else None
    return Scenario(name, count, batch, request_of(row), row)


def predict(
    row: Mapping[str, Any], accelerator: Accelerator, shape: Shape, table: Mapping[str, float]
) -> Predicted | None:
    """The best of the possible layouts for what the row's scenario measures; None when nothing fits."""
    scenario = scenario_of(row)
    best: Predicted | None = None
    for engine in engines(row, accelerator, shape, table, alone=scenario.alone):
        if engine.weights_per_card() > engine.usable_bytes * SLACK:
            continue
        found = _on(engine, scenario, table)
        if found and (best is None or found.requests_per_s > best.requests_per_s):
            best = found
    return best


def _on(engine: Engine, scenario: Scenario, table: Mapping[str, float]) -> Predicted | None:
    """What the row's accelerators do when they are arranged as replicas like `engine`."""
    if scenario.name == "latency_prefill":
        first = engine.prompt_s(scenario.demand.prompt)
        return Predicted(1 / first, 0.0, 0.0, first, first)
    if "prefill" in scenario.name:
        return _reading(engine, scenario)
    if "decode" in scenario.name:
        return _writing(engine, scenario)
    if scenario.batch:
        return _at_batch(engine, scenario, scenario.batch, table)
    return _at_load(engine, scenario, table)


def _reading(engine: Engine, scenario: Scenario) -> Predicted:
    """Accelerators that only read prompts; prompts found in a cache count as read."""
    hit = number((scenario.row.get("measured") or {}).get("cache_hit_share"), 0.0) or 0.0
    prompt = scenario.demand.prompt
    rate = engine.read_rate(prompt) / (1 - min(0.99, hit)) * scenario.count / engine.cards
    return Predicted(rate / prompt, 0.0, rate, 0.0, 0.0)


def _writing(engine: Engine, scenario: Scenario) -> Predicted | None:
    """Accelerators that only write, at the batch stated or the largest that memory and the target allow."""
    times = scenario.count / engine.cards
    demand = scenario.demand
    context = demand.prompt + (demand.written / 2 if number(scenario.row.get("output_tokens")) else 0.0)
    if scenario.batch:
        batch = max(1.0, scenario.batch / times)
    else:
        most, target = engine.sequences_that_fit(context), demand.token_s
        batch = largest(most, lambda n: target is None or engine.write_step(n, context)[0] <= target) or min(1, most)
    if batch < 1:
        return None
    rate = batch / engine.write_step(batch, context)[0] * times
    return Predicted(rate / demand.written, rate, 0.0, 0.0, 0.0)


def _at_batch(engine: Engine, scenario: Scenario, batch: float, table: Mapping[str, float]) -> Predicted:
    """A stated number of requests in flight. A static batch is each replica's own, else all replicas share it."""
    times, demand = scenario.count / engine.cards, scenario.demand
    static = scenario.name == "static_batch"
    each = batch if static else max(1.0, batch / max(1.0, times))
    busy = times if static else min(times, batch)
    if scenario.name in ("single_stream", "min_latency"):
        busy = min(busy, 1.0)
    if each <= 2:
        step = engine.write_step(each, demand.prompt + demand.written / 2)[0]
        latency = engine.prompt_s(demand.prompt * each) + demand.written * step
        rate = each / latency * busy
    else:
        rate = point(engine, max(1, round(each)), demand, table).requests_per_s * busy
        latency = each / rate * busy
    return Predicted(rate, rate * demand.written, rate * demand.prompt, latency, engine.prompt_s(demand.prompt))


def _at_load(engine: Engine, scenario: Scenario, table: Mapping[str, float]) -> Predicted | None:
    """As many requests as go: within memory, and within the latency targets unless the scenario has none.

    A row that was measured did meet its targets; where the model finds that nothing does, one request at a time is the
    nearest it can say.
    """
    demand = scenario.demand
    if scenario.name in ("offline", "max_throughput"):
        demand = replace(demand, first_s=None, token_s=None)
    beams = BEAMS.get(str(scenario.row.get("model")), 1) if scenario.name in ("offline", "server") else 1
    written = replace(demand, written=demand.written * beams)
    if engine.sequences_that_fit(demand.prompt + demand.written) < 1:
        return None
    found = best_point(engine, written, table) or point(engine, 1, written, table)
    rate = found.requests_per_s * scenario.count / engine.cards
    latency = found.first_token_s + demand.written * found.per_token_s
    return Predicted(rate, rate * demand.written, rate * demand.prompt, latency, found.first_token_s)


def figure(row: Mapping[str, Any]) -> tuple[str, float, bool] | None:
    """(unit, measured, is a time): the first figure the row has, whole system, in the order of the facts."""
    m = row.get("measured") or {}
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    for key in ("output_tokens_per_s", "total_tokens_per_s", "input_tokens_per_s"):
        value, per = number(m.get(key)), number(m.get(f"{key}_per_gpu"))
        if value or per:
            return key, value or (per or 0.0) * count, False
    if value := number(m.get("samples_per_s")):
        return "samples_per_s", value, False
    for key in ("latency_s", "ttft_ms"):
        if value := number(m.get(key)):
            return key, value, True
    return None


def value_of(found: Predicted, unit: str, request: Demand) -> float:
    if unit == "output_tokens_per_s":
        return found.written_per_s
    if unit == "input_tokens_per_s":
        return found.read_per_s
    if unit == "total_tokens_per_s":
        return found.written_per_s + found.read_per_s
    if unit == "samples_per_s":
        return found.requests_per_s
    return found.latency_s if unit == "latency_s" else found.first_s * 1e3
