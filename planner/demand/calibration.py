"""Calibration of the step-time model (planner.demand.steptime): one weight per term, shares per accelerator family.

The numbers stand in `catalogs/benchmarks/training.yaml` and are written by `benchmarks/fit_training.py`, which fits
them to
published measurements with leave-one-source-out cross-validation. None belongs to a single measurement: families and
precisions have shares, everything else holds for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from planner.catalog import Catalog
from planner.demand.memo import remembered
from planner.parts import Accelerator

Values = Any
TABLE = "benchmarks/training"
# Precisions that train on the same units at the same speed; `mx8` is 8 bit with block scales (MXFP8).
CLASSES = {"bf16": "16", "fp16": "16", "fp8": "8", "mxfp8": "mx8", "fp4": "4", "tf32": "32", "fp32": "32"}
MATURE_YEARS = 2.5  # after launch, software no longer gets faster in a way that measurements show


@dataclass(frozen=True, slots=True)
class Weights:
    """What each nominal term of a step counts for. Shares divide, the others multiply; seconds are seconds."""

    matrix: Values  # share of the dense peak that large matrix products reach
    attention: Values  # share of the 16-bit peak that the attention core reaches
    routed: Values  # the same of routed experts, as a share of that
    traffic: Values
    routed_traffic: Values
    element: Values
    cast: Values
    routed_element: Values
    launch_s: Values  # per layer and micro-batch, forward and backward
    moe_launch_s: Values
    group_s: Values  # per local expert, layer and micro-batch
    tensor: Values
    call_s: Values  # per collective message
    context: Values
    expert: Values
    overlap: Values  # share of the expert exchange that a pipeline leaves visible
    handover: Values
    gradients: Values
    ring_s: Values  # per rank of the gradient ring and step
    hide: Values
    offload_s: Values  # per parameter whose optimizer step runs on the host
    optimizer: Values
    bubble: Values
    straggle: Values  # loss per doubling of nodes
    fixed_s: Values  # per step


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured like the thing asked: rows and sources of the family at that precision and kind of work."""

    rows: int
    sources: int
    largest: int | None  # most accelerators in one of them
    family_rows: int  # of the family at any precision and kind


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted numbers. `terms` are global, `families` hold shares, `evidence` and `ranges` say how sure it is."""

    terms: dict[str, float]
    families: dict[str, dict[str, Any]]
    achievable: dict[str, Any]
    evidence: dict[str, dict[str, dict[str, Any]]]
    ranges: dict[str, float]
    recorded: dict[str, Any]

    def matrix_share(self, accelerator: Accelerator, precision_class: str) -> float:
        """Share of the dense peak for large products: fitted, else what matrix benchmarks reach × the global ratio."""
        family = self.families.get(accelerator.family, {})
        fitted = family.get("matrix", {}).get(precision_class)
        if fitted is not None:
            return float(fitted)
        share = achievable_share(self.achievable, accelerator, precision_class)
        return share * self.terms["scale"] * float(family.get("factor", 1.0))

    def attention_share(self, accelerator: Accelerator) -> float:
        family = self.families.get(accelerator.family, {})
        return float(family.get("attention", self.terms["attention"]))

    def memory_share(self, accelerator: Accelerator) -> float:
        """Speed of element-wise work against what the memory bandwidth says, 1 where nobody measured."""
        return float(self.families.get(accelerator.family, {}).get("memory", 1.0))

    def weights(self, accelerator: Accelerator, precision_class: str) -> Weights:
        """The weights for one accelerator at one precision class."""
        matrix = self.matrix_share(accelerator, precision_class)
        return weights_from(self.terms, matrix, self.attention_share(accelerator), self.memory_share(accelerator))

    def evidence_for(self, accelerator: Accelerator, precision_class: str, kind: str) -> Evidence:
        """`kind` dense | moe | lora."""
        family = self.evidence.get(accelerator.family, {})
        found = family.get(f"{precision_class} {kind}", {})
        return Evidence(
            rows=int(found.get("rows", 0)),
            sources=int(found.get("sources", 0)),
            largest=found.get("largest"),
            family_rows=sum(int(e.get("rows", 0)) for e in family.values()),
        )

    def spread(self, evidence: Evidence, kind: str, used: int, run: str | None = None) -> tuple[float, float]:
        """Factors on a predicted rate that enclose 80 % of measurements, by how much stands behind the prediction.

        `run`: None for a steady rate; `planned` adds how much useful time varies; `whole-run` and `hours-only` are for
        published runs, which scatter more: old frameworks, first attempts, totals that count more than one run.
        """
        known = evidence_class(evidence)
        # kinds that are predicted well are so where they were measured
        factor = self.ranges.get(kind, 1.0)
        width = self.ranges[known] * (factor if known == "measured" else max(1.0, factor))
        if run == "planned":
            width = math.sqrt(width * width + USEFUL_WIDTH * USEFUL_WIDTH)
        elif run is not None:
            width *= self.ranges[run]
        if evidence.largest is not None and used > BEYOND_MEASURED * evidence.largest:
            width *= self.ranges["beyond-scale"]
        return 1.0 / (1.0 + width), 1.0 + width


USEFUL_WIDTH = 0.2  # whole runs keep 0.8 to 0.9 of the steady rate, some less (docs/sizing.md, useful share)
FAMILY_ROWS = 5  # fewer measurements do not make a family known
BEYOND_MEASURED = 2.0  # times the largest measured number of accelerators


def evidence_class(evidence: Evidence) -> str:
    """How much stands behind a prediction, in four steps."""
    if evidence.rows == 0:
        return "family" if evidence.family_rows >= FAMILY_ROWS else "unseen"
    return "measured" if evidence.sources > 1 else "one-source"


def weights_from(t: dict[str, Any], matrix: Values, attention: Values, memory: Values) -> Weights:
    """Weights of the global terms `t` with the shares of an accelerator."""
    return Weights(
        matrix=matrix,
        attention=attention,
        routed=t["routed"],
        traffic=t["traffic"],
        routed_traffic=t["routed_traffic"],
        element=t["element"] / memory,
        cast=t["cast"] / memory,
        routed_element=t["routed_element"] / memory,
        launch_s=t["launch_s"],
        moe_launch_s=t["moe_launch_s"],
        group_s=t["group_s"],
        tensor=t["tensor"],
        call_s=t["call_s"],
        context=t["context"],
        expert=t["expert"],
        overlap=t["overlap"],
        handover=t["handover"],
        gradients=t["gradients"],
        ring_s=t["ring_s"],
        hide=t["hide"],
        offload_s=t["offload_s"],
        optimizer=t["optimizer"],
        bubble=t["bubble"],
        straggle=t["straggle"],
        fixed_s=t["fixed_s"],
    )


def achievable_share(table: dict[str, Any], accelerator: Accelerator, precision_class: str) -> float:
    """Largest measured dense product as a share of the peak, or the ecosystem's default where nobody published one."""
    row = table["families"].get(accelerator.family, {})
    if precision_class in row:
        return float(row[precision_class])
    if row:
        return float(min(v for v in row.values() if isinstance(v, int | float)))
    return float(table["ecosystems"].get(accelerator.ecosystem, table["ecosystems"]["other"]))


def calibration(catalog: Catalog) -> Calibration:
    """The fitted numbers of the catalog, read once."""

    def make() -> Calibration:
        table = catalog.table(TABLE)
        return Calibration(
            terms={k: float(v) for k, v in table["terms"].items()},
            families=table["families"],
            achievable=catalog.table("benchmarks/achievable"),
            evidence=table["evidence"],
            ranges={k: float(v) for k, v in table["ranges"].items()},
            recorded=table["recorded"],
        )

    return remembered(catalog, ("calibration",), make)
