"""HPC: sustained FP64 performance is HPL Rmax, with HPCG beside it.

    Rmax = accelerators · rate per accelerator · scale(nodes) · oversubscription · fabric

Rates are low, median and high (10th and 90th percentile) over TOP500 systems with that accelerator; where no system is
listed, a share of the dense FP64 peak by family, unproven. Figures: `catalogs/benchmarks/hpc.yaml`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from planner.catalog import Catalog
from planner.demand.hardware import Hardware, hardware
from planner.demand.memo import remembered
from planner.demand.types import Rate, Sizing, Target, make_rate
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild
from planner.request import Workload

UNIT = "pflops"
QUANTITY = "sustained FP64 (HPL Rmax)"
FEW_SYSTEMS = 3  # fewer listed systems than this do not span a range of their own
NARROW_LOW, NARROW_HIGH = 0.85, 1.08


def hpc_target(workload: Workload) -> Target:
    """Sustained PFLOPS asked."""
    return Target(None if workload.maximise else workload.sustained_pflops, UNIT, QUANTITY)


def hpc_rate(
    workload: Workload, node: NodeBuild, fabric: FabricLink, count: int, catalog: Catalog, sizing: Sizing
) -> Rate | Rejection:
    """Rmax of `count` nodes, or why they cannot give FP64."""
    accelerator = catalog.accelerators[node.accelerator]
    hw = hardware(node, fabric, accelerator)
    precision = workload.precision or "fp64"
    key = ("hpc", precision, hw, count, sizing)
    return remembered(catalog, key, lambda: _rate(accelerator, hw, count, catalog, sizing, precision))


def scale(steps: list[list[float]], nodes: float) -> float:
    """Share of the small-system rate left at `nodes`, between the given steps linear in the logarithm."""
    if nodes <= steps[0][0]:
        return float(steps[0][1])
    for (n0, f0), (n1, f1) in pairwise(steps):
        if nodes <= n1:
            return float(f0 + (f1 - f0) * math.log(nodes / n0) / math.log(n1 / n0))
    return float(steps[-1][1])


def per_accelerator(accelerator: Accelerator, table: dict[str, Any]) -> tuple[dict[str, float], str, bool] | Rejection:
    """TFLOPS low, typical, high of one accelerator, where they come from, and whether nobody has measured them."""
    peaks = accelerator.dense_tflops
    fp64 = max(peaks.get("fp64_tensor", 0.0), peaks.get("fp64", 0.0))
    least = float(table["least_fp64_tflops"])
    if fp64 < least:
        message = (
            f"{accelerator.id} has {f'{fp64:g} TFLOPS' if fp64 else 'no published'} FP64: not for HPL; run it on CPUs"
        )
        return Rejection(
            accelerator.id, "no-fp64", message, have=f"{fp64:g} TFLOPS FP64", need=f"{least:g} TFLOPS FP64"
        )
    row = table["rates"].get(accelerator.id)
    if row:
        rates = {k: float(row[k]) for k in ("low", "typical", "high")}
        if row["systems"] < FEW_SYSTEMS:
            rates["low"] = min(rates["low"], rates["typical"] * NARROW_LOW)
            rates["high"] = max(rates["high"], rates["typical"] * NARROW_HIGH)
        systems = f"{row['systems']} listed systems" if row["systems"] > 1 else "one listed system"
        return rates, f"{systems}: {table['source']}", False
    for rule in table["rules"]:
        if accelerator.family in rule["families"] and peaks.get(rule["of"]):
            peak = peaks[rule["of"]]
            return {k: peak * float(rule[k]) for k in ("low", "typical", "high")}, f"estimate: {rule['basis']}", True
    message = f"no HPL result and no rule for {accelerator.id}"
    return Rejection(accelerator.id, "no-hpl-rate", message)


def _rate(
    accelerator: Accelerator, hw: Hardware, count: int, catalog: Catalog, sizing: Sizing, precision: str
) -> Rate | Rejection:
    if precision != "fp64":
        return Rejection(accelerator.id, "precision", "sustained performance is HPL Rmax at fp64", precision, "fp64")
    if count > 1 and not hw.fabric:
        return Rejection(accelerator.id, "no-fabric", "HPL on several nodes needs a compute fabric")
    table = remembered(catalog, "hpc-table", lambda: catalog.table("benchmarks/hpc"))
    found = per_accelerator(accelerator, table)
    if isinstance(found, Rejection):
        return found
    rates, source, unproven = found
    factor = 1.0
    network = 1.0
    if count > 1:
        network /= 1.0 + float(table["oversubscription_loss"]) * (hw.oversubscription - 1.0)
        wanted = float(table["gbit_per_s_per_accelerator"]) * hw.cards
        network *= min(1.0, (hw.nic_gbps / wanted) ** 0.3)  # estimate: HPL hides most of its broadcasts
        factor = scale(table["scale"], count * hw.cards / 8) * network
    cards = hw.cards * count
    pflops = {k: v * cards * factor / 1000.0 for k, v in rates.items()}
    single = {k: v * hw.cards / 1000.0 for k, v in rates.items()}
    if pflops["typical"] < single["typical"]:
        pflops = single  # a slow fabric never makes more nodes slower than one
    details: dict[str, float | str | None] = {
        "rmax_tflops_per_accelerator": pflops["typical"] * 1000 / cards,
        "hpcg_pflops": _hpcg(accelerator, table, cards),
        "accelerators": float(cards),
    }
    return make_rate(
        pflops["typical"],
        pflops["low"],
        pflops["high"],
        sizing,
        unit=UNIT,
        quantity=QUANTITY,
        limiting_factor="network between nodes" if network < 0.9 else "FP64 compute",
        layout={"nodes": count},
        unproven=unproven,
        basis=source,
        details=details,
        precision="fp64",
    )


def _hpcg(accelerator: Accelerator, table: dict[str, Any], cards: int) -> float | None:
    """HPCG in PFLOPS: the listed median per accelerator, else memory bandwidth by rule."""
    row = table["rates"].get(accelerator.id, {})
    if "hpcg_tflops" in row:
        return float(row["hpcg_tflops"]) * cards / 1000.0
    if accelerator.memory_bandwidth_gb_per_s is None:
        return None
    return accelerator.memory_bandwidth_gb_per_s * float(table["hpcg_tflops_per_gb_per_s"]) * cards / 1000.0
