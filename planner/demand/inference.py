"""Services of language models: which replicas a node offers, and how many requests per second each answers.

One pool reads and writes: a request costs s_in / R_read + s_out · T(n) / n seconds of a replica. The batch n is the
largest that cache memory and the latency targets allow; the time to first token includes queueing behind other prompts,
the time per output token the share that reading takes away. Replicas are planned at 0.7 of that rate, so that peaks and
failures do not break the targets (field practice: 0.6 to 0.7).
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.demand.efficiency import BYTES, ServingShare, dense_peak_tflops, serving_share
from planner.demand.hardware import Hardware, hardware, usable_gb
from planner.demand.memo import remembered
from planner.demand.models import model_of
from planner.demand.serving import Engine, link_bytes
from planner.demand.shapes import Shape, shape_of
from planner.demand.types import Replica, Sizing, Target, make_rate
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild, TrainingModel
from planner.request import Workload

UNIT = "requests_per_s"
QUANTITY = "requests answered"
UTILISATION = 0.7
DEFAULT_INPUT, DEFAULT_OUTPUT = 1000, 300
QUEUE_WEIGHT = 2.0  # 99th percentile of waiting over its mean, roughly
FIRST_TOKEN_OVERHEAD_S = 0.02
MOST_PER_PRECISION = 3
NODE_GROUPS = (2, 4)


@dataclass(frozen=True, slots=True)
class Point:
    """A replica at work: batch, latencies in seconds, requests per second at full load, and the limit."""

    batch: int
    requests_per_s: float
    first_token_s: float
    per_token_s: float
    limit: str


def inference_target(workload: Workload) -> Target:
    """Requests per second asked; None when it is to be maximised."""
    return Target(None if workload.maximise else workload.requests_per_s, UNIT, QUANTITY)


def inference_replicas(
    workload: Workload, node: NodeBuild, fabric: FabricLink, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    """The useful replicas of a node, at most three per precision; or why none meets the targets."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    w = workload
    demand = (w.model, w.precision, w.input_tokens, w.output_tokens, w.ttft_ms, w.tpot_ms, w.share)
    key = ("inference", demand, hw, sizing)
    return remembered(catalog, key, lambda: _replicas(workload, accelerator, hw, catalog, sizing))


def precisions(model: TrainingModel, accelerator: Accelerator, asked: str | None) -> list[str]:
    """Precisions a replica may use: the one asked, else that of the published weights.

    Weights published in 8 bit run at int8 or 16 bit where fp8 is missing (16 bit takes twice the memory). 4-bit weights
    run anywhere; the arithmetic then uses the narrowest unit there is. Nothing is quantised without being asked.
    """
    if asked:
        return [asked] if asked == "fp4" or dense_peak_tflops(accelerator, asked) else []
    published = (model.weights_precision or "bf16").lower()
    sixteen = ["bf16" if "bf16" in accelerator.dense_tflops else "fp16"]
    sixteen = sixteen if dense_peak_tflops(accelerator, sixteen[0]) else []
    if published.startswith("fp8"):
        if "fp8" in accelerator.dense_tflops:
            return ["fp8"]
        return (["int8"] if "int8" in accelerator.dense_tflops else []) + sixteen
    if published.startswith("mxfp4"):
        return ["fp4"] if accelerator.dense_tflops else []
    return sixteen


def _replicas(
    workload: Workload, accelerator: Accelerator, hw: Hardware, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    assert workload.model is not None
    model = model_of(workload, catalog)
    shape = shape_of(model)
    if shape is None:
        return Rejection(accelerator.id, "model-shape", f"{model.id} has no published layers and width to size with")
    if not accelerator.memory_gb or not accelerator.memory_bandwidth_gb_per_s:
        return Rejection(
            accelerator.id, "memory-unknown", f"memory size or bandwidth of {accelerator.id} is not published"
        )
    names = precisions(model, accelerator, workload.precision)
    if not names:
        asked = workload.precision or model.weights_precision
        return Rejection(accelerator.id, "precision", f"{accelerator.id} has no published {asked} rate", need=asked)
    found: list[Replica] = []
    refused: Rejection | None = None
    for precision in names:
        good, why = _of_precision(workload, accelerator, hw, catalog, sizing, shape, precision)
        found.extend(good)
        refused = refused or why
    if found:
        return found
    assert refused is not None
    return refused


def _groups(hw: Hardware) -> list[tuple[int, int]]:
    """(cards, nodes) of the replicas to consider: powers of two within the node, the whole node, then several nodes."""
    inside = [2**i for i in range(hw.cards.bit_length()) if 2**i <= hw.cards]
    if hw.cards not in inside:
        inside.append(hw.cards)
    return [(g, 1) for g in inside] + ([(hw.cards * k, k) for k in NODE_GROUPS] if hw.fabric else [])


def _of_precision(
    workload: Workload,
    accelerator: Accelerator,
    hw: Hardware,
    catalog: Catalog,
    sizing: Sizing,
    shape: Shape,
    precision: str,
) -> tuple[list[Replica], Rejection | None]:
    """Replicas of one precision that no smaller one beats per accelerator; else the refusal that came nearest."""
    share = serving_share(catalog, accelerator, precision, shape.kind)
    best_per_card = 0.0
    kept: list[Replica] = []
    slow: Rejection | None = None
    least_gb = float("inf")
    for cards, nodes in _groups(hw):
        if nodes > 1 and kept:
            break  # a replica over several nodes is for models that one node cannot hold or serve
        best: tuple[Engine, Point] | None = None
        for attention in ("tensor", "data") if shape.moe and cards > 1 else ("tensor",):
            engine = _engine(accelerator, hw, shape, share, precision, cards, nodes, attention)
            point = _work(workload, engine)
            if isinstance(point, float):
                least_gb = min(least_gb, point / 1e9)
            elif isinstance(point, str):
                slow = Rejection(accelerator.id, "latency", f"{cards} {accelerator.id} at {precision}: {point}")
            elif best is None or point.requests_per_s > best[1].requests_per_s:
                best = (engine, point)
        if best and best[1].requests_per_s / cards > 1.02 * best_per_card:
            best_per_card = best[1].requests_per_s / cards
            kept.append(_as_replica(workload, accelerator, best[0], best[1], share, precision, sizing))
    if kept:
        return _spread(kept), None
    if slow:
        return [], slow
    have = f"{usable_gb(accelerator):.0f} GB usable per accelerator"
    message = f"{workload.model} at {precision} does not fit {accelerator.id}, not even over {NODE_GROUPS[-1]} nodes"
    return [], Rejection(accelerator.id, "memory-fit", message, have=have, need=f"{least_gb:.0f} GB")


def _spread(kept: list[Replica]) -> list[Replica]:
    """At most three: the smallest, the most efficient, and the step before that."""
    return kept if len(kept) <= MOST_PER_PRECISION else [kept[0], kept[-2], kept[-1]]


def _engine(
    accelerator: Accelerator,
    hw: Hardware,
    shape: Shape,
    share: ServingShare,
    precision: str,
    cards: int,
    nodes: int,
    attention: str,
) -> Engine:
    sixteen = dense_peak_tflops(accelerator, "bf16") or dense_peak_tflops(accelerator, "fp8") or 0.0
    matrix = dense_peak_tflops(accelerator, precision)
    if matrix is None:  # 4-bit weights on units without 4-bit arithmetic
        matrix = sixteen
    link, hop = link_bytes(hw, cards // nodes, accelerator.pcie_gen)
    return Engine(
        shape=shape,
        cards=cards,
        nodes=nodes,
        attention=attention,
        weight_bytes=BYTES[precision],
        matrix_flops=matrix * 1e12 * share.compute,
        attention_flops=sixteen * 1e12 * max(share.compute, 0.4),
        bandwidth=(accelerator.memory_bandwidth_gb_per_s or 0.0) * 1e9 * share.bandwidth,
        usable_bytes=usable_gb(accelerator) * 1e9,
        link_bytes=link,
        node_bytes=max(hw.node_gb_per_s, 1e-9) * 1e9,
        hop_s=hop,
    )


def _work(workload: Workload, engine: Engine) -> Point | str | float:
    """The replica at its largest useful batch; the bytes it would need when it does not fit; or what is too slow."""
    prompt = workload.input_tokens or DEFAULT_INPUT
    written = workload.output_tokens or DEFAULT_OUTPUT
    most = engine.sequences_that_fit(prompt + written)
    if most < 1:
        return engine.memory_bytes(1, prompt + written)
    first, token = workload.ttft_ms, workload.tpot_ms

    def ok(point: Point) -> bool:
        return (first is None or point.first_token_s * 1e3 <= first) and (
            token is None or point.per_token_s * 1e3 <= token
        )

    top = _point(engine, most, prompt, written)
    if ok(top):
        memory_bound = most < 256 * engine.cards and top.limit.startswith("memory bandwidth")
        return (
            Point(most, top.requests_per_s, top.first_token_s, top.per_token_s, "memory capacity")
            if memory_bound
            else top
        )
    low, high = 0, most  # largest batch within the targets; both latencies grow with the batch
    while high - low > 1:
        middle = (low + high) // 2
        if ok(_point(engine, middle, prompt, written)):
            low = middle
        else:
            high = middle
    if low == 0:
        alone = _point(engine, 1, prompt, written)
        return (
            f"time to first token {alone.first_token_s * 1e3:.0f} ms and {alone.per_token_s * 1e3:.0f} ms per token "
            f"with one request at a time, wanted {_ms(first)} and {_ms(token)}"
        )
    return _point(engine, low, prompt, written)


def _ms(value: float | None) -> str:
    return "any" if value is None else f"{value:g} ms"


def _point(engine: Engine, batch: int, prompt: int, written: int) -> Point:
    step, limit = engine.write_step(batch, prompt + written / 2)
    reading = prompt / engine.read_rate(prompt)
    per_request = reading + written * step / batch
    share_reading = reading / per_request
    # a single prompt does not spread over all ranks when each holds whole attention weights
    alone = reading * (2.0 if engine.attention == "data" else 1.0)
    busy = min(0.95, UTILISATION * share_reading)
    first = FIRST_TOKEN_OVERHEAD_S + step + alone * (1.0 + QUEUE_WEIGHT * busy / (1.0 - busy))
    if share_reading > 0.5:
        limit = "compute while reading prompts"
    return Point(batch, 1.0 / per_request, first, step / (1.0 - UTILISATION * share_reading), limit)


def _as_replica(
    workload: Workload,
    accelerator: Accelerator,
    engine: Engine,
    point: Point,
    share: ServingShare,
    precision: str,
    sizing: Sizing,
) -> Replica:
    prompt = workload.input_tokens or DEFAULT_INPUT
    written = workload.output_tokens or DEFAULT_OUTPUT
    planned = point.requests_per_s * UTILISATION
    memory = engine.memory_bytes(point.batch, prompt + written) / 1e9
    rate = make_rate(
        planned,
        planned * share.low,
        planned * share.high,
        sizing,
        unit=UNIT,
        quantity=QUANTITY,
        limiting_factor=point.limit,
        layout={
            "accelerators": engine.cards,
            "nodes": engine.nodes,
            "attention": engine.attention,
            "batch": point.batch,
        },
        unproven=share.unproven,
        basis=(
            f"roofline at {share.compute:.2f} of the {precision} peak and {share.bandwidth:.2f} of memory bandwidth: "
            f"{share.source}; planned at {UTILISATION:g} of the rate at the latency targets"
        ),
        details={
            "ttft_ms": point.first_token_s * 1e3,
            "tpot_ms": point.per_token_s * 1e3,
            "batch": float(point.batch),
            "requests_per_s_at_full_load": point.requests_per_s,
            "output_tokens_per_s": planned * written,
            "input_tokens_per_s": planned * prompt,
            "utilisation": UTILISATION,
            "memory_gb_per_accelerator": memory,
            "memory_gb_usable": usable_gb(accelerator),
            "weights_gb": engine.weights_per_card() * engine.cards / 1e9,
            "kv_bytes_per_token": engine.shape.kv_bytes_16bit,
        },
        precision=precision,
    )
    if engine.nodes > 1:
        return Replica(rate, precision, nodes=engine.nodes)
    return Replica(rate, precision, cards=engine.cards)
