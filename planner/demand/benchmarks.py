"""Work with a published benchmark (ResNet-50, BERT, SDXL, DLRM ...): measured rates, scaled by written rules.

Inference takes the server scenario (Poisson arrivals inside the work's latency limit) where it was measured, else
offline times a stated factor. Training takes the smallest tuned run and loses with scale. An accelerator without a row
is estimated from its sibling of the same architecture (ratio of the peak that binds) or from the work's rate per dense
peak; where no rule holds the answer is a Rejection, never another part's number.
Figures: `catalogs/benchmarks/works.yaml`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from planner.catalog import Catalog, nearest
from planner.demand.hardware import Hardware, hardware
from planner.demand.memo import remembered
from planner.demand.types import Rate, Replica, Sizing, Target, make_rate
from planner.errors import Rejection, UnknownPart
from planner.parts import Accelerator, FabricLink, NodeBuild
from planner.request import Workload

UNIT = "samples_per_s"
TUNED = "MLPerf"
GRADIENT_EXPOSED = 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """A rate per accelerator in samples/s with its range, and where it comes from."""

    low: float
    typical: float
    high: float
    accelerators: int  # of the run behind it
    precision: str
    source: str
    estimate: bool


def benchmark_target(workload: Workload) -> Target:
    """Samples per second asked (images, sequences, volumes as the work counts them)."""
    quantity = "training throughput" if workload.kind == "training" else "samples answered"
    return Target(None if workload.maximise else workload.samples_per_s, UNIT, quantity)


def find_work(catalog: Catalog, name: str) -> str:
    """The id of a benchmark given by id or alias; UnknownPart with the nearest names otherwise."""
    works = _table(catalog)["works"]
    wanted = name.strip().lower()
    for work, facts in works.items():
        if wanted == work or wanted in facts.get("aliases", ()):
            return str(work)
    raise UnknownPart(
        "benchmark", name, nearest(wanted, [*works, *(a for w in works.values() for a in w.get("aliases", ()))])
    )


def benchmark_replicas(
    workload: Workload, node: NodeBuild, catalog: Catalog, sizing: Sizing
) -> list[Replica] | Rejection:
    """Inference: one card is one replica."""
    accelerator = catalog.accelerators[node.accelerator]
    found = _measured_for(catalog, workload, accelerator)
    if isinstance(found, Rejection):
        return found
    rate = _as_rate(workload, catalog, found, 1.0, sizing, "samples answered", {"accelerators": 1})
    return [Replica(rate, found.precision, cards=1)]


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
    table = _table(catalog)
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
    facts = _table(catalog)["works"][find_work(catalog, workload.benchmark)]
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


def _table(catalog: Catalog) -> dict[str, Any]:
    return remembered(catalog, "works-table", lambda: catalog.table("benchmarks/works"))


def _rows(catalog: Catalog, work: str) -> list[dict[str, Any]]:
    return remembered(
        catalog, ("measured", work), lambda: catalog.table(f"benchmarks/measured-{work}").get("rows") or []
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
    key = ("measured-rate", work, mode, accelerator.id)
    return remembered(catalog, key, lambda: _by_row_or_rule(catalog, work, mode, accelerator))


def _by_row_or_rule(catalog: Catalog, work: str, mode: str, accelerator: Accelerator) -> Measured | Rejection:
    rules = _table(catalog)["rules"]
    own = _from_rows(catalog, work, mode, accelerator.id)
    if own:
        return own
    twin = rules["same_die"].get(accelerator.id)
    if twin and (sibling := _from_rows(catalog, work, mode, twin)):
        return _estimate(sibling, 1.0, 0.95, 1.05, f"same die as {twin}: {sibling.source}")
    sibling_rate = _from_sibling(catalog, work, mode, accelerator)
    if sibling_rate:
        return sibling_rate
    if accelerator.family in rules["gaudi"]:
        reference, low, typical, high = rules["gaudi"][accelerator.family]
        if row := _from_rows(catalog, work, mode, reference):
            return _estimate(row, typical, low / typical, high / typical, f"vendor's claim against {reference}")
    if mode == "inference" and (rate := _from_peak(catalog, work, accelerator)):
        return rate
    message = f"no {mode} result of {work} is published for {accelerator.id} and no scaling rule holds"
    return Rejection(accelerator.id, "no-measurement", message)


def _from_rows(catalog: Catalog, work: str, mode: str, accelerator_id: str) -> Measured | None:
    """The rate of an accelerator that was measured: newest round, server before offline, tuned before untuned."""
    rows = [r for r in _rows(catalog, work) if r["mode"] == mode and r["accelerator"] == accelerator_id]
    if not rows:
        return None
    rules = _table(catalog)["rules"]
    if mode == "inference":
        rows = [r for r in rows if not r.get("strict")] or rows
        server = [r for r in rows if r["scenario"] == "server"]
        row = max(server or rows, key=lambda r: (str(r["date"]), r["accelerators"], r["per_accelerator"]))
        factor = dict(rules["measured"])
        if not server:
            factor = {k: factor[k] * rules["server_from_offline"][k] for k in ("low", "typical", "high")}
    else:
        tuned = [r for r in rows if str(r["round"]).startswith(TUNED)]
        smallest = min(r["accelerators"] for r in tuned) if tuned else 0
        near = [r for r in tuned if r["accelerators"] <= max(16, smallest)]
        row = max(near or rows, key=lambda r: (str(r["date"]), r["per_accelerator"]))
        factor = rules["measured_training"] if tuned else rules["untuned_training"]
    rate = float(row["per_accelerator"])
    scenario = row.get("scenario") or "training"
    how = f"{row['round']}, {scenario}, {row['accelerators']} accelerators, {row['date']}: {row['source']}"
    return Measured(
        rate * factor["low"],
        rate * factor["typical"],
        rate * factor["high"],
        int(row["accelerators"]),
        str(row["precision"]),
        how,
        False,
    )


def _estimate(base: Measured, factor: float, low: float, high: float, source: str) -> Measured:
    """A measured rate carried over to another part: times `factor`, the range widened by `low` and `high`."""
    return Measured(
        base.low * factor * low,
        base.typical * factor,
        base.high * factor * high,
        base.accelerators,
        base.precision,
        f"estimate, {source}",
        True,
    )


def _from_sibling(catalog: Catalog, work: str, mode: str, accelerator: Accelerator) -> Measured | None:
    """The rate of the nearest measured part of the same family × ratio of the peak (or bandwidth) that binds.

    A part of less power also clocks lower: of two parts of one die the ratio is at most the root of the power ratio.
    """
    mine = _binding_peak(catalog, work, accelerator)
    if not mine:
        return None
    choices = []
    for other_id in sorted({r["accelerator"] for r in _rows(catalog, work) if r["mode"] == mode}):
        other = catalog.accelerators.get(other_id)
        if other is None or other.family != accelerator.family:
            continue
        theirs = _binding_peak(catalog, work, other)
        if theirs:
            choices.append((abs(math.log(mine / theirs)), other_id, mine / theirs, other))
    if not choices:
        return None
    _, other_id, ratio, other = min(choices, key=lambda c: (c[0], c[1]))
    if ratio > 0.9 and accelerator.tdp_w and other.tdp_w and accelerator.tdp_w < other.tdp_w:
        ratio = min(ratio, (accelerator.tdp_w / other.tdp_w) ** 0.5)
    base = _from_rows(catalog, work, mode, other_id)
    assert base is not None
    band = _table(catalog)["rules"]["same_architecture"]
    return _estimate(base, ratio, band["low"], band["high"], f"{ratio:.2f} × {other_id} by peak: {base.source}")


def _binding_peak(catalog: Catalog, work: str, accelerator: Accelerator) -> float | None:
    """Memory bandwidth for work bound by it, else the dense peak of the work's precision (8-bit: the larger of two)."""
    facts = _table(catalog)["works"][work]
    if facts["bound_by"] == "memory bandwidth":
        return accelerator.memory_bandwidth_gb_per_s
    peaks = accelerator.dense_tflops
    kind = facts.get("per_peak", {}).get("peak", "fp16")
    if kind == "int8":
        return max(peaks.get("int8", 0.0), peaks.get("fp8", 0.0)) or None
    return peaks.get("fp16") or peaks.get("bf16")


def _from_peak(catalog: Catalog, work: str, accelerator: Accelerator) -> Measured | None:
    """Dense peak × the work's rate per peak over all measured accelerators, for NVIDIA and for domestic parts."""
    table = _table(catalog)
    per_peak, rules = table["works"][work].get("per_peak"), table["rules"]
    peak = _binding_peak(catalog, work, accelerator)
    if not per_peak or not peak:
        return None
    server = rules["server_from_offline"]
    if accelerator.ecosystem == "cuda":
        low, typical, high = (per_peak[k] * server[k] for k in ("low", "typical", "high"))
        source = f"estimate, rate per peak of {per_peak['rows']} measured accelerators"
    elif accelerator.ecosystem in rules["domestic"]["ecosystems"]:
        rule = rules["domestic"]
        low, typical, high = (
            per_peak["typical"] * server[k] * rule[f]
            for k, f in (("low", "low_factor"), ("typical", "factor"), ("high", "high_factor"))
        )
        source = "estimate, half the rate per peak of measured accelerators (0.3 to 0.8)"
    else:
        return None
    precision = per_peak["peak"] if per_peak["peak"] != "bandwidth" else "int8"
    return Measured(peak * low, peak * typical, peak * high, 1, precision, source, True)
