"""Capacity: work that is stated as hardware, a number of accelerators or a dense peak. Exact, without ranges."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.types import Rate, Sizing, Target, make_rate
from planner.errors import Rejection
from planner.parts import NodeBuild
from planner.request import Workload

DEFAULT_PRECISION = "fp16"


def capacity_target(workload: Workload) -> Target:
    """Accelerators asked, or dense PFLOPS of the precision (fp16 unless named)."""
    if workload.pflops is not None:
        return Target(workload.pflops, "pflops", "dense peak")
    return Target(None if workload.count is None else float(workload.count), "accelerators", "accelerators")


def capacity_rate(
    workload: Workload, node: NodeBuild, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    """What `count` nodes add up to: cards × nodes, or that times the dense peak."""
    cards = node.accelerators * count
    if workload.pflops is None:
        value, unit, quantity, precision = float(cards), "accelerators", "accelerators", None
    else:
        precision = workload.precision or DEFAULT_PRECISION
        peak = dense_peak_tflops(catalog.accelerators[node.accelerator], precision)
        if peak is None:
            message = f"{node.accelerator} has no published dense {precision} peak"
            return Rejection(node.accelerator, "precision", message, need=precision)
        value, unit, quantity = cards * peak / 1000.0, "pflops", "dense peak"
    return make_rate(
        value,
        value,
        value,
        sizing,
        unit=unit,
        quantity=quantity,
        limiting_factor="accelerators",
        layout={"nodes": count, "accelerators_per_node": node.accelerators},
        basis="count of accelerators" if unit == "accelerators" else "dense peak as published, without sparsity",
        details={"accelerators": float(cards)},
        precision=precision,
    )
