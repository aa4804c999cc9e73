"""Training or inference, which card? Predicted figures of common work on common accelerators, as a table.

    python -m benchmarks.advice            # as text
    python -m benchmarks.advice --markdown # as in docs/advice.md

Each accelerator stands in a plain node of eight with the links it is sold with and 400 Gbit/s of network per card
(100 for cards on PCIe). Figures are per accelerator, the low and high end of the 80 % range behind them; `*` marks
figures that no measurement of that accelerator family and precision stands behind, `†` those measured with code that
nobody tuned (up to twice as much is possible); `-` says that it cannot be done,
with the reason below. Services: 1,000 tokens in, 300 out, first token within 2 s and 50 ms per token, at the
precision named, planned at 0.7 of full load. Training of language models: on the fewest of 1 to 512 nodes that hold it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from planner import demand
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import Accelerator, FabricLink, NodeBuild
from planner.request import Workload

ACCELERATORS = (
    "a100-sxm4-80gb",
    "a800-sxm4-80gb",
    "h100-sxm5",
    "h800-sxm5",
    "h20-sxm5",
    "rtx-a6000",
    "l40s",
    "mi300x",
    "b200-sxm6",
)
CARDS = 8
SERVICE: dict[str, Any] = {
    "kind": "inference",
    "input_tokens": 1000,
    "output_tokens": 300,
    "ttft_ms": 2000,
    "tpot_ms": 50,
    "maximise": "requests_per_s",
}
TRAINING: dict[str, Any] = {"kind": "training", "maximise": "tokens_per_day"}
SAMPLES: dict[str, Any] = {"maximise": "samples_per_s"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: what is asked and in which unit it is shown per accelerator."""

    title: str
    unit: str
    keys: dict[str, Any]
    eight_bit: bool = False  # at fp8 where the accelerator has it, else int8, else 16 bit


LINES = (
    Line("Llama-3.1-8B serving, 16 bit", "output tokens/s", {**SERVICE, "model": "llama3.1-8b"}),
    Line("Llama-3.1-70B serving, 8 bit", "output tokens/s", {**SERVICE, "model": "llama3.1-70b"}, eight_bit=True),
    Line("DeepSeek-V3 serving, 8 bit", "output tokens/s", {**SERVICE, "model": "deepseek-v3"}, eight_bit=True),
    Line("BERT-large serving", "sequences/s", {**SAMPLES, "kind": "inference", "benchmark": "bert-large"}),
    Line("ResNet-50 serving", "images/s", {**SAMPLES, "kind": "inference", "benchmark": "resnet50"}),
    Line("Stable Diffusion XL serving", "images/s", {**SAMPLES, "kind": "inference", "benchmark": "sdxl"}),
    Line("Llama-3.1-8B training", "tokens/s", {**TRAINING, "model": "llama3.1-8b"}),
    Line("Llama-3.1-70B training", "tokens/s", {**TRAINING, "model": "llama3.1-70b"}),
    Line("DeepSeek-V3 training", "tokens/s", {**TRAINING, "model": "deepseek-v3"}),
    Line("BERT-large training", "sequences/s", {**SAMPLES, "kind": "training", "benchmark": "bert-large"}),
    Line("ResNet-50 training", "images/s", {**SAMPLES, "kind": "training", "benchmark": "resnet50"}),
    Line("Stable Diffusion 2.1 training", "images/s", {**SAMPLES, "kind": "training", "benchmark": "stable-diffusion"}),
)


def plain_node(part: Accelerator) -> NodeBuild:
    """A node of eight with the accelerator's own links; only what a rate depends on is filled in."""
    linked = part.scale_up.domain > 1
    return NodeBuild(
        id=f"plain/{part.id}",
        chassis="plain",
        accelerator=part.id,
        accelerators=CARDS,
        lines=(),
        cpu=None,
        cpus=2,
        cpu_cores=64,
        memory_gb=2048,
        nvme_tb=0,
        nic=None,
        compute_ports=CARDS,
        compute_gbps=400 if linked else 100,
        compute_technologies=("infiniband",),
        storage_ports=0,
        storage_gbps=0,
        inband_ports=0,
        inband_gbps=0,
        oob_ports=0,
        scale_up_domain=CARDS if linked else 1,
        scale_up_gb_per_s=part.scale_up.gb_per_s if linked else None,
        max_power_kw=0,
        typical_power_kw=0,
        rack_units=0,
        weight_kg=0,
        cooling="air",
    )


def rate_of(line: Line, part: Accelerator, catalog: Catalog) -> tuple[demand.Rate, int] | Rejection:
    """The rate of the fewest nodes that can do the work, and how many that are."""
    keys = dict(line.keys)
    if line.eight_bit:
        keys["precision"] = next((p for p in ("fp8", "int8") if p in part.dense_tflops), None)
    workload = Workload(name="advice", **keys)
    node = plain_node(part)
    link = FabricLink(technology="infiniband", gbps_per_node=node.compute_ports * node.compute_gbps)
    found: demand.Rate | Rejection | None = None
    nodes = 1
    while nodes <= 512:
        found = demand.rate(workload, node, link, nodes, catalog)
        if not isinstance(found, Rejection):
            return found, nodes
        if found.rule not in ("memory-fit", "replica-size"):
            return found
        nodes *= 2
    assert isinstance(found, Rejection)
    return found


def cell(line: Line, part: Accelerator, catalog: Catalog) -> tuple[str, str | None]:
    """Text of one figure, and the reason where there is none."""
    found = rate_of(line, part, catalog)
    if isinstance(found, Rejection):
        return "-", found.message
    rate, nodes = found
    per = 1.0 / (nodes * CARDS)
    if line.unit == "output tokens/s":
        per *= SERVICE["output_tokens"]
    star = _mark(line, rate)
    on = f" on {nodes} nodes" if nodes > 1 else ""
    return f"{_short(rate.value * per)} ({_short(rate.low * per)}–{_short(rate.high * per)}){star}{on}", None


def _short(value: float) -> str:
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def overview(catalog: Catalog) -> str:
    """Training and serving side by side: the typical figure per accelerator, an accelerator per row."""
    out = []
    for kind in ("inference", "training"):
        lines = [line for line in LINES if line.keys["kind"] == kind]
        heads = [f"{line.title.replace(' serving', '').replace(' training', '')}, {line.unit}" for line in lines]
        title = "Serving" if kind == "inference" else "Training"
        out += [f"### {title} at a glance, per accelerator", "", f"| accelerator | {' | '.join(heads)} |"]
        out.append(f"|---|{'--:|' * len(lines)}")
        for name in ACCELERATORS:
            cells = [_typical(line, catalog.accelerators[name], catalog) for line in lines]
            out.append(f"| {name} | {' | '.join(cells)} |")
        out.append("")
    return "\n".join(out)


def _typical(line: Line, part: Accelerator, catalog: Catalog) -> str:
    found = rate_of(line, part, catalog)
    if isinstance(found, Rejection):
        return "-"
    rate, nodes = found
    per = 1.0 / (nodes * CARDS)
    if line.unit == "output tokens/s":
        per *= SERVICE["output_tokens"]
    return _short(rate.value * per) + _mark(line, rate)


def _mark(line: Line, rate: demand.Rate) -> str:
    """* for estimates, † for results that no tuned submission stands behind (usual code, or a first attempt)."""
    if rate.unproven:
        return "*"
    return "†" if "benchmark" in line.keys and not rate.basis.startswith("MLPerf") else ""


def table(catalog: Catalog, markdown: bool) -> str:
    """The whole table, accelerators down, and the reasons below it."""
    out, reasons = [], []
    for line in LINES:
        rows = []
        for name in ACCELERATORS:
            text, reason = cell(line, catalog.accelerators[name], catalog)
            rows.append((name, text))
            if reason:
                reasons.append(f"{line.title} on {name}: {reason}")
        if markdown:
            out.append(f"### {line.title}\n\n| accelerator | {line.unit} per accelerator |\n|---|---|")
            out += [f"| {name} | {text} |" for name, text in rows]
        else:
            out.append(f"{line.title}, {line.unit} per accelerator")
            out += [f"  {name:16s} {text}" for name, text in rows]
        out.append("")
    if reasons:
        out.append("### What cannot be done, and why\n" if markdown else "Cannot be done:")
        out += [f"- {reason}" for reason in reasons]
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="tables as in docs/advice.md")
    catalog = Catalog.load()
    if markdown := parser.parse_args().markdown:
        print(overview(catalog))
    print(table(catalog, markdown))


if __name__ == "__main__":
    main()
