"""What an inference row says, in the terms of the serving model; and the figure predicted for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from planner.accuracy.fields import number
from planner.accuracy.figures import Predicted, figure
from planner.accuracy.stated import drafts_of, prefix_of, scenario_name, split_of, targets_of
from planner.accuracy.weights import Weights, cache_bits, weights_of, weights_stated
from planner.demand.hardware import COLLECTIVE_SHARE, PCIE_GB_PER_S, PCIE_SHARE, usable_gb
from planner.demand.operating import Demand, best_point, largest, point
from planner.demand.pace import engine_class, pace_of
from planner.demand.serving import Engine
from planner.demand.shapes import Shape
from planner.parts import Accelerator

ALONE = ("single_stream", "min_latency", "latency_prefill")  # one request at a time
READING = ("input_tokens_per_s", "prefill_tokens_per_s", "total_tokens_per_s", "ttft_ms", "latency_s", "samples_per_s")
CONTEST = ("offline", "server", "interactive")  # MLPerf: tuned for the run
BEAMS = {"gptj-6b": 4}  # MLPerf's task asks for beam search of this width; every beam is written
DEFAULT_PROMPT, DEFAULT_WRITTEN = 300.0, 300.0
SLACK = 1.05  # weights may take this much of what counts as usable: the row did run
NEWEST = 2025.75  # software age counts back from here
NODE_GBPS = 400.0  # per accelerator between nodes where a row does not say


def years_of(row: Mapping[str, Any]) -> float:
    found = re.match(r"(\d{4})(?:-(\d\d))?", str(row.get("date") or ""))
    if not found:
        return 0.0
    when = int(found.group(1)) + (int(found.group(2) or 7) - 0.5) / 12
    return min(3.0, max(0.0, NEWEST - when))


def cache_share(row: Mapping[str, Any], weights: Weights, shape: Shape) -> float:
    """Bytes of the cache against 16 bit: as stated, else half beside weights of 8 bit and less (not llama.cpp)."""
    stated = cache_bits(row)
    if stated is not None:
        return stated / 16.0
    if engine_class(row.get("engine")) == "llama.cpp" or weights.precision in ("bf16", "fp16", "fp32", "tf32", "int4"):
        return 1.0
    return 1.0 if shape.latent_attention and scenario_name(row) in ("decode_only", "production_decode") else 0.5


def layouts(row: Mapping[str, Any], accelerator: Accelerator, count: int, shape: Shape) -> list[tuple[int, int, str]]:
    """(tensor, pipeline, attention) of the replicas to try: as the row states, else what fits the count."""
    stated = split_of(row)
    if any(stated.values()):
        if split := stated.get("layer_split"):
            return [(1, split, "tensor")]
        wide = stated.get("dp_attention") or (stated.get("ep") if "tp" not in stated else None)
        if wide:
            return [(min(wide, count), 1, "data")]
        tensor, pipeline = stated.get("tp") or 1, stated.get("pp") or 1
        if tensor * pipeline <= count:
            found = [(tensor, pipeline, "tensor")]
            if shape.moe and "ep" in stated and tensor > 1:
                found.append((tensor, 1, "data"))
            return found
    return _usual_layouts(accelerator, count, shape)


def _usual_layouts(accelerator: Accelerator, count: int, shape: Shape) -> list[tuple[int, int, str]]:
    """What fits a count where a row does not say."""
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
    weights = weights_stated(row, weights_of(str(row.get("precision") or "bf16"), shape.moe), shape.total)
    contest = scenario_name(row) in CONTEST
    pace = pace_of(
        table,
        accelerator,
        weights.precision,
        engine_class(row.get("engine")),
        years=years_of(row),
        alone=alone,
        contest=contest,
        varied=contest,
    )
    if pace is None:
        return
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    links = accelerator.scale_up
    nics = re.search(r"(\d+)x (\d+)G", str(row.get("interconnect") or ""))
    gbps = int(nics.group(1)) * int(nics.group(2)) / 8 if nics else NODE_GBPS
    drafts, kept = drafts_of(row)
    for tensor, pipeline, attention in layouts(row, accelerator, count, shape):
        cards = tensor * pipeline
        domain = links.domain if links.domain > 1 else 1
        fabric = tensor <= domain or (domain > 1)
        per_node = max(8, domain)
        link = PCIE_GB_PER_S.get(accelerator.pcie_gen or 4, 32.0) * PCIE_SHARE
        if fabric and links.gb_per_s:
            link = links.gb_per_s / 2 * COLLECTIVE_SHARE
        yield Engine(
            shape=shape,
            cards=cards,
            nodes=max(1, math.ceil(cards / per_node)),
            attention=attention if tensor > 1 else "tensor",
            pace=pace,
            weight_bytes=weights.experts,
            dense_bytes=weights.dense,
            usable_bytes=usable_gb(accelerator) * 1e9,
            link_bytes=link * 1e9,
            node_bytes=gbps / 8 * COLLECTIVE_SHARE * 1e9,
            pipeline=pipeline,
            fabric=fabric,
            cache_share=cache_share(row, weights, shape),
            drafts=drafts,
            kept=kept,
        )


def request_of(row: Mapping[str, Any]) -> Demand:
    """Lengths and targets of the row's requests, usual ones where it does not say."""
    first, token = targets_of(row)
    written = number(row.get("output_tokens"), DEFAULT_WRITTEN) or DEFAULT_WRITTEN
    return Demand(
        prompt=max(1.0, number(row.get("input_tokens"), DEFAULT_PROMPT) or DEFAULT_PROMPT),
        written=max(1.0, written),
        prefix=0.0 if "prefill" in scenario_name(row) else prefix_of(row),
        first_s=first,
        token_s=token,
    )


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
        return self.name in ALONE or self.batch == 1


def scenario_of(row: Mapping[str, Any]) -> Scenario:
    """The row's scenario with the batch of all its accelerators together.

    A scenario that does not bring forth the figure measured (written tokens of a prefill test) is taken as ordinary
    serving, or as reading alone for a figure of prompts.
    """
    name, compared = scenario_name(row), figure(row)
    if compared and "prefill" in name and compared[0] not in READING:
        name = "max_throughput"
    elif compared and "decode" in name and compared[0] in ("ttft_ms", "latency_s"):
        name = "online"
    elif compared and compared[0] in ("input_tokens_per_s", "prefill_tokens_per_s") and "prefill" not in name:
        name = "prefill_only" if "decode" in name or compared[0] == "prefill_tokens_per_s" else name
    count = max(1, int(number(row.get("gpu_count"), 1) or 1))
    stated = row.get("batch") if row.get("batch") is not None else row.get("concurrency")
    batch = number(stated)
    if batch and "per gpu" in str(stated).lower():
        batch *= count
    if batch and "per die" in str(stated).lower():
        batch *= 2 * count  # packages of two dies
    if not batch:
        batch = 1.0 if name in ALONE else None
    return Scenario(name, count, batch, request_of(row), row)


def predict(
    row: Mapping[str, Any], accelerator: Accelerator, shape: Shape, table: Mapping[str, float]
) -> Predicted | None:
    """The best of the possible layouts for what the row's scenario measures; None when nothing fits.

    Where the split that the row states cannot hold the model it is left aside: the row did run.
    """
    scenario = scenario_of(row)
    best: Predicted | None = None
    for engine in engines(row, accelerator, shape, table, alone=scenario.alone):
        if engine.weights_per_card() > engine.usable_bytes * SLACK:
            continue
        found = _on(engine, scenario, table)
        if found and (best is None or found.requests_per_s > best.requests_per_s):
            best = found
    if best is None and row.get("parallelism"):
        return predict({**row, "parallelism": None}, accelerator, shape, table)
    return best


def _on(engine: Engine, scenario: Scenario, table: Mapping[str, float]) -> Predicted | None:
    """What the row's accelerators do when they are arranged as replicas like `engine`."""
    if scenario.name == "latency_prefill":
        first = engine.prompt_s(scenario.demand.prompt)
        rate = scenario.demand.prompt / first
        return Predicted(1 / first, 0.0, rate, first, first, prompts_per_s=rate)
    if "prefill" in scenario.name:
        return _reading(engine, scenario)
    if "decode" in scenario.name:
        return _writing(engine, scenario)
    if scenario.batch:
        return _at_batch(engine, scenario, scenario.batch, table)
    return _at_load(engine, scenario, table)


def _reading(engine: Engine, scenario: Scenario) -> Predicted:
    """Accelerators that only read prompts; prompts found in a cache count as read."""
    prompt = scenario.demand.prompt
    rate = engine.read_rate(prompt) / (1 - prefix_of(scenario.row)) * scenario.count / engine.cards
    first = engine.prompt_s(prompt)
    return Predicted(rate / prompt, 0.0, rate, first, first, prompts_per_s=rate)


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
    step = engine.write_step(batch, context)[0]
    rate = batch / step * times
    return Predicted(rate / demand.written, rate, 0.0, demand.written * step, 0.0, token_s=step)


def _at_batch(engine: Engine, scenario: Scenario, batch: float, table: Mapping[str, float]) -> Predicted:
    """A stated number of requests in flight. A static batch is each replica's own, else all replicas share it."""
    times, demand = scenario.count / engine.cards, scenario.demand
    static = scenario.name == "static_batch"
    each = batch if static else max(1.0, batch / max(1.0, times))
    busy = times if static else min(times, batch)
    if scenario.name in ("single_stream", "min_latency"):
        busy = min(busy, 1.0)
    step = engine.write_step(each, demand.prompt + demand.written / 2)[0]
    if each <= 2:
        latency = engine.prompt_s(demand.prompt * each) + demand.written * step
        rate = each / latency * busy
    else:
        found = point(engine, max(1, round(each)), demand, table)
        rate = found.requests_per_s * busy
        latency = each / rate * busy
        step = (latency - engine.prompt_s(demand.prompt)) / demand.written  # reading other prompts gets in between
    first = engine.prompt_s(demand.prompt)
    reading = engine.read_rate(demand.prompt) * times
    return Predicted(rate, rate * demand.written, rate * demand.prompt, latency, first, step, reading)


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
    return Predicted(
        rate,
        rate * demand.written,
        rate * demand.prompt,
        latency,
        found.first_token_s,
        found.per_token_s,
        engine.read_rate(demand.prompt) * scenario.count / engine.cards,
    )
