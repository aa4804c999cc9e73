"""Work with a published benchmark (ResNet-50, BERT, SDXL, DLRM ...) as services and training jobs.

A service is one card as often as it takes, or its video decoders where those are slower; training takes the smallest
tuned run and loses with scale. Rates and rules: planner/demand/published.py.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from planner.catalog import Catalog
from planner.demand.hardware import Hardware, hardware
from planner.demand.memo import remembered
from planner.demand.published import Measured, WorkQuery, find_work, published_rate, works_table
from planner.demand.types import Rate, Replica, Sizing, Target, make_rate
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild
from planner.request import Workload

UNIT = "samples_per_s"
GRADIENT_EXPOSED = 0.5


def benchmark_target(workload: Workload) -> Target:
    """Samples per second asked (images, sequences, volumes as the work counts them)."""
    quantity = "training throughput" if workload.kind == "training" else "samples answered"
    return Target(None if workload.maximise else workload.asked_samples_per_s, UNIT, quantity)


def benchmark_replicas(
    workload: Workload, node: NodeBuild, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    """Inference: one card is one replica."""
    accelerator = catalog.accelerators[node.accelerator]
    found = _measured_for(catalog, workload, accelerator)
    if isinstance(found, Rejection):
        return found
    rate = _as_rate(workload, catalog, found, 1.0, sizing, "samples answered", {"accelerators": 1})
    if workload.streams is not None:
        decoded = video_frames(catalog, workload, accelerator.id)
        if isinstance(decoded, Rejection):
            return decoded
        rate = _slower(rate, decoded, sizing)
    rate.details.update(mig_slices(workload, accelerator, rate))
    return [Replica(rate, found.precision, cards=1)]


def mig_slices(workload: Workload, accelerator: Accelerator, rate: Rate) -> dict[str, float]:
    """For a service that asks less than one card gives: how many of the card's equal MIG slices are enough.

    A slice is taken to give its share of the card's rate (estimate); the plan still buys whole cards.
    """
    asked = benchmark_target(workload).value
    slices = accelerator.mig_instances
    if not slices or slices < 2 or asked is None or asked >= rate.planning:
        return {}
    return {"mig_slices": float(math.ceil(slices * asked / rate.planning)), "mig_slices_of_card": float(slices)}


def video_frames(catalog: Catalog, workload: Workload, accelerator_id: str) -> tuple[float, float, float] | Rejection:
    """Frames/s (low, typical, high) that one card's decoders deliver at the workload's resolution, H.264.

    Decoders are bound by pixels: streams of 1080p at 30 frames/s × 30 × (pixels of 1080p ÷ pixels of a frame).
    """
    table = remembered(catalog, "video-table", lambda: catalog.table("benchmarks/video"))
    twin = works_table(catalog)["rules"]["same_die"].get(accelerator_id)
    known = table["streams_1080p30"]
    row = known.get(accelerator_id) or known.get(twin)
    if row is None:
        message = f"no decoder count is published for {accelerator_id}: video streams cannot be sized on it"
        return Rejection(accelerator_id, "no-decoder", message)
    size = table["pixels"]["1080p"] / table["pixels"][workload.resolution or "1080p"]
    frames = float(row["h264"]) * 30.0 * size
    return frames * table["range"]["low"], frames, frames * table["range"]["high"]


def _slower(rate: Rate, decoded: tuple[float, float, float], sizing: Sizing) -> Rate:
    """The model's rate, or the decoders' where they are slower."""
    low, typical, high = decoded
    decoding = typical < rate.value
    return make_rate(
        min(rate.value, typical),
        min(rate.low, low),
        min(rate.high, high),
        sizing,
        unit=rate.unit,
        quantity="frames answered",
        limiting_factor="video decoders" if decoding else rate.limiting_factor,
        layout=rate.layout,
        unproven=rate.unproven or decoding,
        basis=f"{rate.basis}; decoders: estimate, streams of 1080p at 30 frames/s by generation",
        details={**rate.details, "decoded_frames_per_s": typical},
        precision=rate.precision,
    )


def benchmark_training_rate(
    workload: Workload, node: NodeBuild, fabric: FabricLink, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    """Training: samples per second of `count` nodes with the loss that scale and network bring."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    key = ("benchmark", workload.benchmark, workload.precision, hw, count, sizing)
    return remembered(catalog, key, lambda: _training_rate(workload, accelerator, hw, count, catalog, sizing))


def _training_rate(
    workload: Workload, accelerator: Accelerator, hw: Hardware, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    if count > 1 and not hw.fabric:
        return Rejection(accelerator.id, "no-fabric", "training on several nodes needs a compute fabric")
    found = _measured_for(catalog, workload, accelerator)
    if isinstance(found, Rejection):
        return found
    table = works_table(catalog)
    assert workload.benchmark is not None
    work = find_work(catalog, workload.benchmark)
    params = float(table["works"][work].get("params_m", 100.0)) * 1e6
    batch = float(table["training_batch"].get(work, table["training_batch"]["default"]))
    base = _scale(table["training_scale"], found.accelerators)
    best, best_cards, network_bound = 0.0, 0, False
    for nodes in sorted({*(2**i for i in range(count.bit_length()) if 2**i <= count), count}):
        cards = nodes * hw.cards
        effective = cards * _scale(table["training_scale"], cards) / base
        slowed = 1.0
        if nodes > 1:
            seconds = 4.0 * params * (1 - 1 / nodes) / (max(hw.node_gb_per_s, 1e-9) * 1e9)
            slowed = 1.0 / (1.0 + GRADIENT_EXPOSED * seconds * found.typical / batch)
        if effective * slowed > best:
            best, best_cards, network_bound = effective * slowed, cards, slowed < 0.85
    details = {"nodes": count, "accelerators": hw.cards * count, "accelerators_used": best_cards}
    rate = _as_rate(workload, catalog, found, best, sizing, "training throughput", details)
    if not network_bound:
        return rate
    return make_rate(
        rate.value,
        rate.low,
        rate.high,
        sizing,
        unit=UNIT,
        quantity=rate.quantity,
        limiting_factor="network between nodes",
        layout=rate.layout,
        unproven=rate.unproven,
        basis=rate.basis,
        details=rate.details,
        precision=rate.precision,
    )


def _as_rate(
    workload: Workload,
    catalog: Catalog,
    found: Measured,
    effective: float,
    sizing: Sizing,
    quantity: str,
    layout: dict[str, Any],
) -> Rate:
    """`effective` accelerators' worth of the measured rate."""
    assert workload.benchmark is not None
    facts = works_table(catalog)["works"][find_work(catalog, workload.benchmark)]
    return make_rate(
        found.typical * effective,
        found.low * effective,
        found.high * effective,
        sizing,
        unit=UNIT,
        quantity=quantity,
        limiting_factor=str(facts["bound_by"]),
        layout=layout,
        unproven=found.estimate,
        basis=found.source,
        details={
            "per_accelerator": found.typical,
            "sample": str(facts["unit"]).removesuffix("/s"),
            "latency_limit": facts.get("server_limit") if workload.kind == "inference" else None,
        },
        precision=found.precision,
    )


def _scale(steps: list[list[float]], accelerators: float) -> float:
    """Share left at a number of accelerators, a power law between the given steps."""
    if accelerators <= steps[0][0]:
        return float(steps[0][1])
    for (n0, f0), (n1, f1) in pairwise(steps):
        if accelerators <= n1:
            return float(f0 * math.exp(math.log(f1 / f0) * math.log(accelerators / n0) / math.log(n1 / n0)))
    (n0, f0), (n1, f1) = steps[-2], steps[-1]
    return float(f1 * (accelerators / n1) ** (math.log(f1 / f0) / math.log(n1 / n0)))


def _measured_for(catalog: Catalog, workload: Workload, accelerator: Accelerator) -> Measured | Rejection:
    assert workload.benchmark is not None
    work = find_work(catalog, workload.benchmark)
    mode = "training" if workload.kind == "training" else "inference"
    return published_rate(catalog, WorkQuery(work, mode, accelerator.id))
