"""A training job in numbers: what one token costs, and what a node offers, for the step-time model."""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.demand.calibration import CLASSES, MATURE_YEARS, Calibration
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.hardware import PCIE_GB_PER_S, PCIE_SHARE, Hardware, usable_gb
from planner.demand.layouts import Job, Stated
from planner.demand.shapes import Shape, attended
from planner.demand.steptime import JobValues, NodeValues
from planner.parts import Accelerator

WIDTH = {"16": 2.0, "8": 1.0, "mx8": 1.0, "4": 0.5, "32": 4.0}  # bytes of an operand of the matrix products
UNLIMITED = 1e9  # nodes that a token's experts may lie on where the router does not limit them
LORA_MATRIX = 4.0 / 6.0  # no weight gradients: 4·N instead of 6·N


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with the model: how many tokens at a time, at which precision, with or without adapters."""

    sequence: float
    sequences: float  # per step
    precision: str
    lora: bool = False
    frozen: float = 2.0  # bytes per weight of the layers below adapters

    @property
    def unpacked(self) -> bool:
        """Whether the frozen base is kept in fewer bits and unpacked for every product (QLoRA)."""
        return self.lora and self.frozen < 2.0

    @property
    def precision_class(self) -> str:
        return CLASSES.get(self.precision, "16")


def job_of(
    shape: Shape, task: Task, accelerator: Accelerator, calibration: Calibration, stated: Stated | None = None
) -> Job:
    """The job with the calibration's weights. The accelerator must have a peak at the precision (callers check)."""
    routed = 0.0
    if shape.moe:
        routed = 6.0 * shape.experts_per_token * 3.0 * shape.hidden * shape.expert_ffn * shape.moe_layers
        routed = min(routed, 0.95 * 6.0 * shape.flop)
    share = LORA_MATRIX if task.lora else 1.0
    values = JobValues(
        matrix_flops=(6.0 * shape.flop - routed) * share,
        expert_flops=routed * share,
        attention_flops=1.5 * shape.attention_flops * attended(shape, task.sequence),
        layers=float(shape.layers),
        moe_layers=float(shape.moe_layers),
        hidden=float(shape.hidden),
        feed=float(shape.feed),
        expert_feed=float(max(1, shape.expert_ffn)),
        experts=float(max(1, shape.experts)),
        per_token=float(shape.experts_per_token),
        most_nodes=float(shape.expert_nodes or UNLIMITED),
        kv_width=float(shape.kv_width),
        vocab=float(shape.vocab),
        dense_parameters=shape.total - shape.experts_total,
        expert_parameters=shape.experts_total,
        sequence=task.sequence,
        sequences=task.sequences,
        lora=1.0 if task.lora else 0.0,
        wide=WIDTH[task.precision_class],
    )
    return Job(
        shape=shape,
        values=values,
        weights=calibration.weights(accelerator, task.precision_class),
        usable_bytes=usable_gb(accelerator) * 1e9,
        frozen=task.frozen,
        stated=stated or Stated(),
    )


def node_of(hw: Hardware, accelerator: Accelerator, precision: str, one_node: bool) -> NodeValues:
    """Nominal rates of one accelerator and of its links.

    Where the scale-up domain is smaller than the node (bridged pairs and fours), what leaves it goes over PCIe, or over
    the network where that is slower.
    """
    peak = dense_peak_tflops(accelerator, peak_name(precision)) or 0.0
    sixteen = dense_peak_tflops(accelerator, "bf16") or peak
    pcie = PCIE_GB_PER_S.get(accelerator.pcie_gen or 4, 32.0) * PCIE_SHARE
    linked = hw.domain > 1 and hw.scale_up_gb_per_s > 0
    network = hw.node_gb_per_s / hw.cards
    if one_node:
        network = pcie
    elif hw.domain < hw.cards and linked:
        network = min(network, pcie)
    return NodeValues(
        matrix=peak * 1e12,
        sixteen=sixteen * 1e12,
        memory=(accelerator.memory_bandwidth_gb_per_s or 0.0) * 1e9,
        cards=float(hw.domain if linked else hw.cards),
        link=(hw.link_gb_per_s(2, accelerator.pcie_gen) if linked else pcie) * 1e9,
        network=max(network, 1e-3) * 1e9,
    )


def peak_name(precision: str) -> str:
    """The key of the dense peak that a precision runs at."""
    return "fp8" if precision == "mxfp8" else precision


def young_years(accelerator: Accelerator, catalog: Catalog, year: float) -> float:
    """Years that the software of an architecture still has to mature in, at a date as a year with its fraction."""
    years = [y for a in catalog.accelerators.values() if a.family == accelerator.family and (y := year_of(a.launch))]
    return max(0.0, MATURE_YEARS - max(0.0, year - min(years))) if years else 0.0


def year_of(text: str | None) -> float | None:
    """2022-11-08 → 2022.8, 2022 → 2022.5, 2024-Q2 → 2024.4; None for anything else."""
    text = str(text or "").strip()
    if not text[:4].isdigit():
        return None
    year = float(text[:4])
    rest = text[4:].lstrip("-/ ").upper()
    if rest[:1] == "Q" and rest[1:2].isdigit():
        return year + (float(rest[1]) - 0.5) / 4.0
    if rest[:2].isdigit() and 1 <= int(rest[:2]) <= 12:
        return year + (float(rest[:2]) - 1.0) / 12.0
    return year + 0.5
