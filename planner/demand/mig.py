"""Slices of a card (NVIDIA Multi-Instance GPU) for small services that share servers.

The smallest profile of a card is offered and no other: a card holds so many of them that nothing else has to be known
about where they may stand. On cards of seven instances it has a seventh of the arithmetic units and an eighth of the
memory and its bandwidth; on cards of four a quarter of each. Source: docs.nvidia.com, MIG User Guide, Supported MIG
Profiles, read 2026-11-26. Measured work is taken to run at the smaller of these shares of the card's rate, language
models are sized like a card with these shares. Both are estimates: no result on slices stands behind them.
"""

from __future__ import annotations

import dataclasses
import math

from planner.catalog import Catalog
from planner.demand.benchmarks import benchmark_replicas, benchmark_target
from planner.demand.inference import inference_target, one_card
from planner.demand.memo import remembered
from planner.demand.types import Rate, Replica, Sizing
from planner.errors import Rejection
from planner.parts import Accelerator, NodeBuild
from planner.request import Workload

MEMORY_PARTS = {7: 8, 4: 4}  # equal parts of memory, by instances; of which one slice has one
LOW = 0.9  # of the low end: slices of one card share its caches' clock and power


def slices_of(accelerator: Accelerator) -> int:
    """Slices of the smallest profile on one card; 0 where the maker's list of MIG parts does not have it.

    AMD's compute partitions are set for a whole card at boot and are not counted.
    """
    found = accelerator.mig_instances or 0
    listed = accelerator.ecosystem == "cuda" and "mig_instances" not in accelerator.unverified
    return found if listed and found in MEMORY_PARTS else 0


def slice_replica(workload: Workload, node: NodeBuild, catalog: Catalog, sizing: Sizing) -> Replica | None:
    """A replica on one slice of a card, for a service that asks less than one card gives; None where that is no use.

    Video is left out: a slice may have no decoder. None as well where as many slices as a card has are not enough.
    """
    accelerator = catalog.accelerators[node.accelerator]
    slices = slices_of(accelerator)
    if not slices or workload.kind != "inference" or workload.streams is not None:
        return None
    w = workload
    lengths = (w.input_tokens, w.output_tokens, w.first_token_ms, w.per_token_ms, w.prefix_share, w.speculative)
    asked = (w.asked_requests_per_s, w.asked_samples_per_s, w.maximise)
    key = ("mig", w.model, w.benchmark, w.precision, lengths, asked, accelerator.id, sizing)
    return remembered(catalog, key, lambda: _slice_replica(workload, node, accelerator, slices, catalog, sizing))


def _slice_replica(
    workload: Workload, node: NodeBuild, accelerator: Accelerator, slices: int, catalog: Catalog, sizing: Sizing
) -> Replica | None:
    measured = workload.benchmark is not None
    asked = (benchmark_target(workload) if measured else inference_target(workload)).value
    if measured:
        whole = benchmark_replicas(workload, node, catalog, sizing)
    else:
        whole = one_card(workload, accelerator, catalog, sizing)
    if asked is None or isinstance(whole, Rejection):
        return None
    single = [r for r in whole if r.cards == 1]
    if not single or asked >= max(r.rate.planning for r in single):
        return None
    if measured:
        share = 1.0 / max(slices, MEMORY_PARTS[slices])
        best = _of_slice(single[0], slices, share, sizing)
    else:
        found = one_card(workload, part_of(accelerator, slices), catalog, sizing)
        if isinstance(found, Rejection):
            return None
        best = _of_slice(max(found, key=lambda r: r.rate.planning), slices, 1.0, sizing)
    return best if math.ceil(asked / best.rate.planning) < slices else None


def part_of(accelerator: Accelerator, slices: int) -> Accelerator:
    """The accelerator that a slice is: its share of units, memory and bandwidth, and no links."""
    units, memory = 1.0 / slices, 1.0 / MEMORY_PARTS[slices]
    return accelerator.model_copy(
        update={
            "memory_gb": (accelerator.memory_gb or 0.0) * memory,
            "memory_bandwidth_gb_per_s": (accelerator.memory_bandwidth_gb_per_s or 0.0) * memory,
            "dense_tflops": {k: v * units for k, v in accelerator.dense_tflops.items()},
            "tdp_w": None if accelerator.tdp_w is None else accelerator.tdp_w * units,
        }
    )


def _of_slice(replica: Replica, slices: int, share: float, sizing: Sizing) -> Replica:
    """A replica with `share` of a rate, on one of `slices` slices; its range is a little wider below."""
    rate = replica.rate
    low = rate.low * share * LOW
    value = rate.value * share
    scaled: Rate = dataclasses.replace(
        rate,
        planning=low if sizing == "low" else value,
        value=value,
        low=low,
        high=rate.high * share,
        unproven=True,
        basis=f"{rate.basis}; on one of {slices} MIG slices of the card (estimate)",
        layout={},
        details={k: v for k, v in rate.details.items() if not k.startswith("mig_") and k != "per_accelerator"},
    )
    return Replica(scaled, replica.precision, slices=slices)
