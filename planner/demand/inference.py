"""Services of language models: which replicas a node offers, and how many requests per second each answers.

A replica is planned at 0.7 of the rate at which it still meets the latency targets, so that peaks and a failed node
among several do not break them (field practice: 0.6 to 0.7). Where one pool for reading and writing is held back by the
targets, a node may be divided into accelerators that read and accelerators that write; it is when that answers more.
Speed: planner/demand/serving.py; batch and latency: planner/demand/operating.py; docs/sizing-inference.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from planner.catalog import Catalog
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.hardware import Hardware, hardware, usable_gb
from planner.demand.memo import remembered
from planner.demand.models import model_of
from planner.demand.operating import Demand, Point, best_point, divided_point, point
from planner.demand.pace import (
    FEW,
    ServingTable,
    matrix_precision,
    pace_of,
    rows_behind,
    serving_table,
    weight_widths,
    widths,
)
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
MOST_PER_PRECISION = 3
NODE_GROUPS = (2, 4)
AT_ONCE = 1  # requests per accelerator at a time: a replica that holds fewer within the targets is no service
WIDER_GAIN = 1.15  # a replica over more nodes must answer this much more per accelerator
WASTEFUL = 2.0  # times the accelerators that the best replica needs: such a one is only the last bit of a sum
DIVISION_GAIN = 1.05  # separate pools must answer this much more to be worth a second kind of engine


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same while the replicas of one accelerator and precision are tried."""

    accelerator: Accelerator
    hw: Hardware
    shape: Shape
    precision: str
    demand: Demand
    table: ServingTable
    drafts: int = 0
    kept: float = 0.0


def inference_target(workload: Workload) -> Target:
    """Requests per second asked, by rate or by users; None when it is to be maximised."""
    return Target(None if workload.maximise else workload.asked_requests_per_s, UNIT, QUANTITY)


def inference_replicas(
    workload: Workload, node: NodeBuild, fabric: FabricLink, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    """The useful replicas of a node, few per precision; or why none meets the targets."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    w = workload
    lengths = (w.input_tokens, w.output_tokens, w.prefix_share, w.speculative)
    asked = (w.model, w.precision, lengths, w.first_token_ms, w.per_token_ms)
    wanted = w.asked_requests_per_s

    def found(here: Hardware) -> list[Replica] | Rejection:
        key = ("inference", asked, wanted, here, sizing)
        return remembered(catalog, key, lambda: _replicas(workload, accelerator, here, catalog, sizing))

    if hw.fabric:
        # Several nodes are for what one cannot hold, and for experts (_of_precision): elsewhere no network matters.
        shape = shape_of(model_of(workload, catalog))
        if shape is not None and not shape.moe and len(_usable_precisions(workload, accelerator, catalog)) == 1:
            alone = found(replace(hw, nic_gbps=0.0, oversubscription=1.0, fabric=False))
            if not isinstance(alone, Rejection):
                return alone
    return found(hw)


def _usable_precisions(workload: Workload, accelerator: Accelerator, catalog: Catalog) -> list[str]:
    """Precisions that a replica may use and the accelerator has a published rate for."""
    names = precisions(model_of(workload, catalog), accelerator, workload.precision)
    return [p for p in names if matrix_precision(accelerator, p)]


def one_card(
    workload: Workload, accelerator: Accelerator, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    """Replicas on one accelerator by itself, or the reason why there are none."""
    alone = Hardware(accelerator.id, 1, 1, 0.0, 0.0, 1.0, fabric=False)
    return _replicas(workload, accelerator, alone, catalog, sizing)


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


def demand_of(workload: Workload) -> Demand:
    """Lengths, prefix share and targets of a workload, with the usual lengths where it does not say."""
    return Demand(
        prompt=float(workload.input_tokens or DEFAULT_INPUT),
        written=float(workload.output_tokens or DEFAULT_OUTPUT),
        prefix=workload.prefix_share or 0.0,
        first_s=workload.first_token_ms / 1e3 if workload.first_token_ms else None,
        token_s=workload.per_token_ms / 1e3 if workload.per_token_ms else None,
    )


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
    names = _usable_precisions(workload, accelerator, catalog)
    if not names:
        asked = workload.precision or model.weights_precision
        return Rejection(accelerator.id, "precision", f"{accelerator.id} has no published {asked} rate", need=asked)
    found: list[Replica] = []
    refused: Rejection | None = None
    for precision in names:
        setting = Setting(accelerator, hw, shape, precision, demand_of(workload), serving_table(catalog))
        if workload.speculative is not None:
            drafts, kept = workload.speculative.draft_tokens, workload.speculative.acceptance
            setting = replace(setting, drafts=drafts, kept=kept)
        good, why = _of_precision(workload, setting, sizing)
        found.extend(good)
        refused = refused or why
    if found:
        return _not_wasteful(found, workload.asked_requests_per_s)
    assert refused is not None
    return refused


def _groups(hw: Hardware) -> list[tuple[int, int]]:
    """(cards, nodes) of the replicas to consider: powers of two within the node, the whole node, then several nodes."""
    inside = [2**i for i in range(hw.cards.bit_length()) if 2**i <= hw.cards]
    if hw.cards not in inside:
        inside.append(hw.cards)
    return [(g, 1) for g in inside] + ([(hw.cards * k, k) for k in NODE_GROUPS] if hw.fabric else [])


def _engines(setting: Setting, cards: int, nodes: int) -> Iterator[Engine]:
    """The arrangements of a group: split by tensors, by experts with whole attention, or in stages over slow links."""
    per_node = cards // nodes
    link, inside = link_bytes(setting.hw, per_node, setting.accelerator.pcie_gen)
    arrangements = [("tensor", nodes)]
    if setting.shape.moe and cards > 1:
        arrangements.append(("data", 1))
    if not inside and nodes == 1 and cards > 1:
        arrangements += [("tensor", cards)] + ([("tensor", cards // 2)] if cards > 2 and cards % 2 == 0 else [])
    software = "vllm" if setting.accelerator.ecosystem == "rocm" else "tuned"  # what the measurements were made with
    pace = pace_of(setting.table.factors, setting.accelerator, setting.precision, software)
    assert pace is not None  # precision and bandwidth were checked before
    experts, dense = weight_widths(setting.precision, setting.shape.moe)
    narrow = setting.precision in ("fp8", "int8", "fp4") and not setting.shape.latent_attention
    for attention, pipeline in arrangements:
        yield Engine(
            shape=setting.shape,
            cards=cards,
            nodes=nodes,
            attention=attention,
            pace=pace,
            weight_bytes=experts,
            dense_bytes=dense,
            usable_bytes=usable_gb(setting.accelerator) * 1e9,
            link_bytes=link,
            node_bytes=max(setting.hw.node_gb_per_s, 1e-9) * 1e9 / setting.hw.cards,
            pipeline=pipeline,
            fabric=inside,
            cache_share=0.5 if narrow else 1.0,
            drafts=setting.drafts,
            kept=setting.kept,
        )


def _of_precision(workload: Workload, setting: Setting, sizing: Sizing) -> tuple[list[Replica], Rejection | None]:
    """Replicas of one precision that no smaller one beats per accelerator; else the refusal that came nearest."""
    best_per_card = 0.0
    kept: list[Replica] = []
    slow: tuple[float, Rejection] | None = None
    least_gb = float("inf")
    for cards, nodes in _groups(setting.hw):
        if nodes > 1 and kept and not setting.shape.moe:
            break  # several nodes are for models that one cannot hold, or whose experts are worth spreading
        best: tuple[Engine, Point] | None = None
        for engine in _engines(setting, cards, nodes):
            if engine.sequences_that_fit(setting.demand.prompt + setting.demand.written) < 1:
                need = engine.memory_bytes(1, setting.demand.prompt + setting.demand.written)
                least_gb = min(least_gb, need / 1e9)
                continue
            found = best_point(engine, setting.demand, setting.table.factors)
            if found is None or found.batch < cards * AT_ONCE:
                slow = min((s for s in (slow, _too_slow(setting, engine)) if s), key=lambda s: s[0])
            elif best is None or found.requests_per_s > best[1].requests_per_s:
                best = (engine, found)
        if nodes == 1 and cards > 1 and (setting.demand.first_s or setting.demand.token_s):
            best = _divided(setting, cards, best)
        if best and best[1].requests_per_s / cards > (WIDER_GAIN if nodes > 1 else 1.02) * best_per_card:
            best_per_card = best[1].requests_per_s / cards
            kept.append(_as_replica(workload, setting, cards, best[0], best[1], sizing))
    if kept:
        return _spread(kept), None
    if slow:
        return [], slow[1]
    accelerator = setting.accelerator
    have = f"{usable_gb(accelerator):.0f} GB usable per accelerator"
    over = f"not even over {NODE_GROUPS[-1]} nodes" if setting.hw.fabric else "in one node"
    message = f"{workload.model_name} at {setting.precision} does not fit {accelerator.id}, {over}"
    return [], Rejection(accelerator.id, "memory-fit", message, have=have, need=f"{least_gb:.0f} GB")


def _divided(setting: Setting, cards: int, best: tuple[Engine, Point] | None) -> tuple[Engine, Point] | None:
    """The group divided into engines that read and engines that write, where that answers clearly more."""
    size = 1
    while size <= cards // 2:
        for engine in _engines(setting, size, 1):
            if cards % size or engine.sequences_that_fit(setting.demand.prompt + setting.demand.written) < 1:
                continue
            found = divided_point(engine, cards // size, setting.demand, setting.table.factors)
            least = DIVISION_GAIN * best[1].requests_per_s if best else 0.0
            if found and found.batch >= cards * AT_ONCE and found.requests_per_s > least:
                best = (engine, found)
        size *= 2
    return best


def _too_slow(setting: Setting, engine: Engine) -> tuple[float, Rejection]:
    """The refusal, and how far one request alone is from the targets: the group that came nearest is told."""
    alone, asked = point(engine, 1, setting.demand, setting.table.factors), setting.demand
    message = (
        f"{engine.cards} {setting.accelerator.id} at {setting.precision}: time to first token "
        f"{alone.first_token_s * 1e3:.0f} ms and {alone.per_token_s * 1e3:.0f} ms per token with one request alone, "
        f"and with {engine.cards * AT_ONCE} at a time not within {_ms(asked.first_s)} and {_ms(asked.token_s)}"
    )
    beyond = max(alone.first_token_s / (asked.first_s or math.inf), alone.per_token_s / (asked.token_s or math.inf))
    return beyond, Rejection(setting.accelerator.id, "latency", message)


def _spread(kept: list[Replica]) -> list[Replica]:
    """At most three within a node: the smallest, the most efficient, the step before that; and all over several."""
    inside = [r for r in kept if r.cards is not None]
    if len(inside) > MOST_PER_PRECISION:
        inside = [inside[0], inside[-2], inside[-1]]
    return inside + [r for r in kept if r.cards is None]


def _not_wasteful(found: list[Replica], asked: float | None) -> list[Replica]:
    """Without the replicas that would take far more accelerators than the best of them to meet the demand alone."""
    if asked is None:
        return found
    need = [_accelerators(r) * max(1, math.ceil(asked / r.rate.planning)) for r in found]
    return [r for n, r in zip(need, found, strict=True) if n <= WASTEFUL * min(need)]


def _accelerators(replica: Replica) -> int:
    return int(replica.rate.layout["accelerators"])


def _ms(seconds: float | None) -> str:
    return "any" if seconds is None else f"{seconds * 1e3:g} ms"


def _as_replica(
    workload: Workload, setting: Setting, cards: int, engine: Engine, found: Point, sizing: Sizing
) -> Replica:
    accelerator, precision = setting.accelerator, setting.precision
    planned = found.requests_per_s * UTILISATION
    products = matrix_precision(accelerator, precision)
    assert products is not None
    behind = rows_behind(setting.table, accelerator, products[0])
    low, high = widths(setting.table, accelerator, products[0], setting.shape.kind)
    length = setting.demand.prompt + setting.demand.written
    layout: dict[str, object] = {
        "accelerators": cards,
        "nodes": engine.nodes,
        "attention": engine.attention,
        "tensor": engine.ranks if engine.attention == "tensor" else 1,
        "pipeline": engine.pipeline,
        "expert": engine.ranks if engine.attention == "data" else 1,
        "batch": found.batch,
    }
    if found.readers:
        layout |= {"reading": found.readers * engine.cards, "writing": cards - found.readers * engine.cards}
    rate = make_rate(
        planned,
        planned * low,
        planned * high,
        sizing,
        unit=UNIT,
        quantity=QUANTITY,
        limiting_factor=found.limit,
        layout=layout,
        unproven=behind < FEW or setting.drafts > 0,  # too few measurements say how drafts pay
        basis=(
            f"roofline with shares fitted on {behind} measurements of {accelerator.family} at this width "
            f"({setting.table.source}); planned at {UTILISATION:g} of the rate at the latency targets"
        ),
        details={
            "ttft_ms": found.first_token_s * 1e3,
            "tpot_ms": found.per_token_s * 1e3,
            "batch": float(found.batch),
            "requests_per_s_at_full_load": found.requests_per_s,
            "output_tokens_per_s": planned * setting.demand.written,
            "input_tokens_per_s": planned * setting.demand.prompt,
            "utilisation": UTILISATION,
            "memory_gb_per_accelerator": engine.memory_bytes(found.batch, length) / 1e9,
            "memory_gb_usable": usable_gb(accelerator),
            "weights_gb": engine.weights_per_card() * engine.cards / 1e9,
            "kv_bytes_per_token": setting.shape.kv_bytes_16bit * engine.cache_share,
        },
        precision=precision,
    )
    if engine.nodes > 1:
        return Replica(rate, precision, nodes=engine.nodes)
    return Replica(rate, precision, cards=cards)
