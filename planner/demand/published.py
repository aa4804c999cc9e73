"""Published rates of work that is not a language model, and the written rules for parts without a result.

Inference takes the scenario asked (services: Poisson arrivals inside the work's latency limit) where it was measured,
else the other times the usual ratio of the work. An accelerator without a row is estimated from its sibling of the same
architecture (ratio of the peak that binds), or from the work's rate per dense peak; where no rule holds the answer is a
Rejection, never another part's number. Figures: `catalogs/benchmarks/works.yaml`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from planner.catalog import Catalog, nearest
from planner.demand.memo import remembered
from planner.errors import Rejection, UnknownPart
from planner.parts import Accelerator

TUNED = "MLPerf"


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


def find_work(catalog: Catalog, name: str) -> str:
    """The id of a benchmark given by id or alias; UnknownPart with the nearest names otherwise."""
    works = works_table(catalog)["works"]
    wanted = re.sub(r"-99(\.9)?$", "", name.strip().lower())  # accuracy targets of MLPerf are no work of their own
    for work, facts in works.items():
        if wanted == work or wanted in facts.get("aliases", ()):
            return str(work)
    raise UnknownPart(
        "benchmark", name, nearest(wanted, [*works, *(a for w in works.values() for a in w.get("aliases", ()))])
    )


def works_table(catalog: Catalog) -> dict[str, Any]:
    return remembered(catalog, "works-table", lambda: catalog.table("benchmarks/works"))


def _rows(catalog: Catalog, work: str) -> list[dict[str, Any]]:
    return remembered(
        catalog, ("measured", work), lambda: catalog.table(f"benchmarks/measured-{work}").get("rows") or []
    )


@dataclass(frozen=True, slots=True)
class WorkQuery:
    """Which published rate is wanted. `without` leaves out results, so that a prediction can be held against them:
    the submissions of a round on this accelerator and count (`source`, `accelerators`), or a whole round."""

    work: str
    mode: str  # inference | training
    accelerator: str
    scenario: str = "server"
    source: str | None = None
    accelerators: int | None = None
    round: str | None = None

    def admits(self, row: Mapping[str, Any]) -> bool:
        """Whether a published row may be used for the answer."""
        if self.round is not None and self.round in str(row["source"]):
            return False
        if self.source is None or row["accelerator"] != self.accelerator:
            return True
        return _round_of(self.source) != _round_of(str(row["source"])) or row["accelerators"] != self.accelerators


def published_rate(catalog: Catalog, query: WorkQuery) -> Measured | Rejection:
    """The rate of one accelerator, measured or by the first rule that holds."""
    return remembered(catalog, ("measured-rate", query), lambda: _by_row_or_rule(catalog, query))


def _round_of(source: str) -> str:
    found = re.search(r"(inference|training)_results_v[\d.]+\d", source)
    return found.group() if found else source


def _by_row_or_rule(catalog: Catalog, query: WorkQuery) -> Measured | Rejection:
    rules = works_table(catalog)["rules"]
    accelerator = catalog.accelerators[query.accelerator]
    own = _from_rows(catalog, query, accelerator.id)
    if own:
        return own
    twin = rules["same_die"].get(accelerator.id)
    if twin and (sibling := _from_rows(catalog, query, twin)):
        return _estimate(sibling, 1.0, 0.95, 1.05, f"same die as {twin}: {sibling.source}")
    sibling_rate = _from_sibling(catalog, query, accelerator)
    if sibling_rate:
        return sibling_rate
    if accelerator.family in rules["gaudi"]:
        reference, low, typical, high = rules["gaudi"][accelerator.family]
        if row := _from_rows(catalog, query, reference):
            return _estimate(row, typical, low / typical, high / typical, f"vendor's claim against {reference}")
    by_peak = _from_peak if query.mode == "inference" else _from_training_peak
    if rate := by_peak(catalog, query, accelerator):
        return rate
    message = f"no {query.mode} result of {query.work} is published for {accelerator.id} and no scaling rule holds"
    if accelerator.ecosystem == "rocm":
        message += (
            ": nor is one for another AMD part of its family, and rates of other makers' parts do not carry over "
            "(BERT training on MI300X was published at a twentieth of what its peak would say)"
        )
    return Rejection(accelerator.id, "no-measurement", message)


def _admitted(catalog: Catalog, query: WorkQuery) -> list[dict[str, Any]]:
    return [r for r in _rows(catalog, query.work) if r["mode"] == query.mode and query.admits(r)]


def _from_rows(catalog: Catalog, query: WorkQuery, accelerator_id: str) -> Measured | None:
    """The rate of an accelerator that was measured: newest round, the scenario asked before the other, tuned first."""
    rows = [r for r in _admitted(catalog, query) if r["accelerator"] == accelerator_id]
    if not rows:
        return None
    rules = works_table(catalog)["rules"]
    if query.mode == "inference":
        rows = [r for r in rows if not r.get("strict")] or rows
        asked = [r for r in rows if (r["scenario"] == "server") == (query.scenario == "server")]
        row = max(asked or rows, key=lambda r: (str(r["date"]), r["accelerators"], r["per_accelerator"]))
        factor = dict(rules["measured"])
        if not asked:
            between = scenario_ratio(catalog, query)
            if query.scenario != "server":
                between = {"low": 1 / between["high"], "typical": 1 / between["typical"], "high": 1 / between["low"]}
            factor = {k: factor[k] * between[k] for k in ("low", "typical", "high")}
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


def scenario_ratio(catalog: Catalog, query: WorkQuery) -> dict[str, float]:
    """Server ÷ offline rate of a work: the median over accelerators that have both, else the general rule."""
    rule: dict[str, float] = works_table(catalog)["rules"]["server_from_offline"]
    best: dict[tuple[str, str], dict[str, float]] = {}
    for row in _admitted(catalog, query):
        if not row.get("strict") and row.get("scenario"):
            seen = best.setdefault((row["accelerator"], row["round"]), {})
            seen[row["scenario"]] = max(seen.get(row["scenario"], 0.0), float(row["per_accelerator"]))
    ratios = sorted(b["server"] / b["offline"] for b in best.values() if len(b) == 2)
    if len(ratios) < 3:
        return rule
    cut = len(ratios) // 10
    return {"low": ratios[cut], "typical": median(ratios), "high": ratios[-1 - cut]}


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


def _from_sibling(catalog: Catalog, query: WorkQuery, accelerator: Accelerator) -> Measured | None:
    """The rate of the nearest measured part of the same family × ratio of the peak (or bandwidth) that binds.

    Parts cut from the same die come first. Of two such parts the one with less power clocks lower, whatever its paper
    peak: the ratio is at most the root of the power ratio (H100 PCIe against SXM: 0.63 on ResNet-50, root 0.71).
    """
    mine = _binding_peak(catalog, query.work, accelerator)
    if not mine:
        return None
    choices = []
    for other_id in sorted({r["accelerator"] for r in _admitted(catalog, query)} - {accelerator.id}):
        other = catalog.accelerators.get(other_id)
        if other is None or other.family != accelerator.family:
            continue
        theirs = _binding_peak(catalog, query.work, other)
        if theirs:
            choices.append((not _one_die(accelerator, other), abs(math.log(mine / theirs)), other_id, mine / theirs))
    if not choices:
        return None
    stranger, _, other_id, ratio = min(choices)
    other = catalog.accelerators[other_id]
    if not stranger and accelerator.tdp_w and other.tdp_w:
        power = (accelerator.tdp_w / other.tdp_w) ** 0.5
        if power < 1:
            ratio = min(ratio, power)
        elif ratio >= 0.9:  # fused-off units do not come back with more power
            ratio = max(ratio, power)
    base = _from_rows(catalog, query, other_id)
    assert base is not None
    band = works_table(catalog)["rules"]["same_architecture"]
    return _estimate(base, ratio, band["low"], band["high"], f"{ratio:.2f} × {other_id} by peak: {base.source}")


def _one_die(one: Accelerator, other: Accelerator) -> bool:
    return one.die_area_mm2 is not None and one.die_area_mm2 == other.die_area_mm2


def _binding_peak(catalog: Catalog, work: str, accelerator: Accelerator) -> float | None:
    """Memory bandwidth for work bound by it, else the dense peak of the work's precision (8-bit: the larger of two)."""
    facts = works_table(catalog)["works"][work]
    if facts["bound_by"] == "memory bandwidth":
        return accelerator.memory_bandwidth_gb_per_s
    peaks = accelerator.dense_tflops
    kind = facts.get("per_peak", {}).get("peak", "fp16")
    if kind == "int8":
        return max(peaks.get("int8", 0.0), peaks.get("fp8", 0.0)) or None
    return peaks.get("fp16") or peaks.get("bf16")


def _from_peak(catalog: Catalog, query: WorkQuery, accelerator: Accelerator) -> Measured | None:
    """Dense peak × the work's rate per peak over all measured accelerators, for NVIDIA and for domestic parts."""
    table = works_table(catalog)
    per_peak, rules = table["works"][query.work].get("per_peak"), table["rules"]
    peak = _binding_peak(catalog, query.work, accelerator)
    if not per_peak or not peak:
        return None
    server = scenario_ratio(catalog, query)
    if query.scenario != "server":
        server = {"low": 1.0, "typical": 1.0, "high": 1.0}
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


def _from_training_peak(catalog: Catalog, query: WorkQuery, accelerator: Accelerator) -> Measured | None:
    """Training across architectures of one ecosystem: the median rate per dense 16-bit peak of tuned results.

    Needs two measured accelerators; the range spans their ratios and a fifth more on either side.
    """
    peak = accelerator.dense_tflops.get("fp16") or accelerator.dense_tflops.get("bf16")
    if not peak:
        return None
    ratios: list[float] = []
    for other_id in sorted({r["accelerator"] for r in _admitted(catalog, query) if r["round"].startswith(TUNED)}):
        other = catalog.accelerators.get(other_id)
        theirs = other and (other.dense_tflops.get("fp16") or other.dense_tflops.get("bf16"))
        row = _from_rows(catalog, query, other_id) if other and other.ecosystem == accelerator.ecosystem else None
        if row and theirs:
            ratios.append(row.typical / theirs)
    if len(ratios) < 2:
        return None
    source = f"estimate, rate per 16-bit peak of {len(ratios)} measured accelerators"
    low, high = 0.8 * min(ratios), 1.2 * max(ratios)
    return Measured(peak * low, peak * median(ratios), peak * high, 8, "fp16", source, True)
