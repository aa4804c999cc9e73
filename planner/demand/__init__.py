"""Where work meets hardware: what a workload asks, and what rate a number of nodes delivers.

One function per question: `target` (what is asked), `rate` (what `count` nodes deliver as one pool), `replicas` (units
of work that is counted in replicas), `smallest_count` (how many nodes are enough), `proportional` (whether the rate is
exactly proportional to the count). A refusal is a `Rejection` with its rule, never a silent nothing.
Formulae, ranges and how they were checked: docs/sizing.md.
"""

from __future__ import annotations

from planner.catalog import Catalog
from planner.demand.benchmarks import benchmark_replicas, benchmark_target, benchmark_training_rate
from planner.demand.capacity import capacity_rate, capacity_target
from planner.demand.hardware import hardware
from planner.demand.hpc import hpc_rate, hpc_target
from planner.demand.inference import inference_replicas, inference_target
from planner.demand.mig import slice_replica
from planner.demand.models import inconsistent
from planner.demand.published import find_work
from planner.demand.training import least_nodes, training_rate, training_target
from planner.demand.types import Rate, Replica, Sizing, Target, make_rate
from planner.demand.upkeep import Speed
from planner.errors import Rejection
from planner.parts import FabricLink, NodeBuild
from planner.request import Workload
from planner.units import readable

__all__ = [
    "Rate",
    "Replica",
    "Sizing",
    "Speed",
    "Target",
    "find_work",
    "hardware_key",
    "inconsistent",
    "proportional",
    "rate",
    "replicas",
    "slice_replica",
    "smallest_count",
    "target",
]

MOST_NODES = 100_000


def target(workload: Workload) -> Target:
    """What the workload asks for, in the unit its rates come in; value None when it is to be maximised."""
    if workload.kind == "capacity":
        return capacity_target(workload)
    if workload.kind == "hpc":
        return hpc_target(workload)
    if workload.benchmark is not None:
        return benchmark_target(workload)
    return training_target(workload) if workload.kind == "training" else inference_target(workload)


def hardware_key(node: NodeBuild, fabric: FabricLink, catalog: Catalog) -> object:
    """Everything about a build and its fabric that any rate depends on: builds with equal keys have equal rates."""
    return hardware(node, fabric, catalog.accelerators[node.accelerator]), node.cpu_cores


def proportional(workload: Workload) -> bool:
    """True where the rate is exactly proportional to the count: services and capacity. Training and HPC are not."""
    return workload.kind in ("inference", "capacity")


def rate(
    workload: Workload,
    node: NodeBuild,
    fabric: FabricLink,
    count: int,
    catalog: Catalog,
    sizing: Sizing = "low",
    storage: Speed | None = None,
) -> Rate | Rejection:
    """What `count` nodes (at least 1) deliver as one pool. Services: the best replica as often as it fits.

    `storage`: write speed that shared storage offers a job for its checkpoints.
    """
    if count < 1:
        raise ValueError(f"Expected count >= 1, got {count}.")
    if workload.kind == "capacity":
        return capacity_rate(workload, node, count, catalog, sizing)
    if workload.kind == "hpc":
        return hpc_rate(workload, node, fabric, count, catalog, sizing)
    if workload.kind == "training":
        if workload.benchmark is not None:
            return benchmark_training_rate(workload, node, fabric, count, catalog, sizing)
        return training_rate(workload, node, fabric, count, catalog, sizing, storage)
    found = replicas(workload, node, fabric, catalog, sizing)
    if isinstance(found, Rejection):
        return found
    return _pool_of_replicas(found, node, count, sizing)


def replicas(
    workload: Workload, node: NodeBuild, fabric: FabricLink, catalog: Catalog, sizing: Sizing = "low"
) -> list[Replica] | Rejection:
    """Units that services and capacity are counted in; training and HPC are one job and are refused."""
    if workload.kind == "capacity":
        one = capacity_rate(workload, node, 1, catalog, sizing)
        return one if isinstance(one, Rejection) else [Replica(one, one.precision or "any", nodes=1)]
    if workload.kind != "inference":
        return Rejection(node.accelerator, "one-job", f"{workload.kind} is one job over all nodes, not replicas")
    if workload.benchmark is not None:
        return benchmark_replicas(workload, node, catalog, sizing)
    return inference_replicas(workload, node, fabric, catalog, sizing)


def replicas_on(replica: Replica, cards_per_node: int, nodes: int) -> int:
    """How many such replicas fit a number of nodes; a replica in one node never spans two."""
    if replica.cards is not None:
        return nodes * (cards_per_node // replica.cards)
    return nodes // (replica.nodes or 1)


def _pool_of_replicas(found: list[Replica], node: NodeBuild, count: int, sizing: Sizing) -> Rate | Rejection:
    """The replica kind that delivers most on `count` nodes, times how many fit."""
    counted = [(replicas_on(r, node.accelerators, count), r) for r in found]
    times, best = max(counted, key=lambda c: (c[0] * c[1].rate.planning, -c[1].accelerators(node.accelerators)))
    if times == 0:
        need = min(r.nodes or 1 for r in found)
        return Rejection(node.accelerator, "replica-size", "one replica takes more nodes", f"{count}", f"{need} nodes")
    one = best.rate
    return make_rate(
        one.value * times,
        one.low * times,
        one.high * times,
        sizing,
        unit=one.unit,
        quantity=one.quantity,
        limiting_factor=one.limiting_factor,
        layout={**one.layout, "replicas": times},
        unproven=one.unproven,
        basis=one.basis,
        details=one.details,
        precision=best.precision,
    )


def smallest_count(
    workload: Workload,
    node: NodeBuild,
    fabric: FabricLink,
    catalog: Catalog,
    sizing: Sizing = "low",
    most: int = MOST_NODES,
    storage: Speed | None = None,
) -> int | Rejection:
    """The fewest nodes whose planning rate meets the target, at most `most`.

    Doubles until enough, then halves the interval: about 2·log2(count) rates. Rates never fall with the count (a job
    does not use more nodes than serve it), which the answer is checked for: one node less must not be enough.
    """
    asked = target(workload)
    if asked.value is None:
        raise ValueError(f"{workload.name}: nothing is asked, the workload is to be maximised")
    refused: Rejection | None = None

    def enough(count: int) -> bool:
        nonlocal refused
        found = rate(workload, node, fabric, count, catalog, sizing, storage)
        if isinstance(found, Rejection):
            refused = found
            return False
        refused = None
        return found.planning >= asked.value * (1 - 1e-12)  # type: ignore[operator]

    high = 1
    if workload.kind == "training" and workload.benchmark is None:
        # counts that could not do it at the full peak need no layout
        least = least_nodes(workload, node, fabric, catalog, asked.value)
        high = min(1 << (least.bit_length() - 1), most)
    while not enough(high):
        if refused is not None and refused.rule not in ("memory-fit", "replica-size"):
            return refused
        if high >= most:
            return refused or _too_slow(workload, node, fabric, catalog, sizing, most, asked, storage)
        high = min(high * 2, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    while high > 1 and enough(high - 1):
        high -= 1
    return high


def _too_slow(
    workload: Workload,
    node: NodeBuild,
    fabric: FabricLink,
    catalog: Catalog,
    sizing: Sizing,
    most: int,
    asked: Target,
    storage: Speed | None,
) -> Rejection:
    """Even the most nodes allowed deliver too little."""
    found = rate(workload, node, fabric, most, catalog, sizing, storage)
    have = None if isinstance(found, Rejection) else f"{readable(found.planning)} {asked.unit}"
    why = "" if isinstance(found, Rejection) else f"; limited by {found.limiting_factor}"
    message = f"{most:,} nodes of {node.accelerators} {node.accelerator} are not enough for {workload.name}{why}"
    return Rejection(
        node.accelerator, "too-slow", message, have=have, need=f"{readable(asked.value or 0)} {asked.unit}"
    )
