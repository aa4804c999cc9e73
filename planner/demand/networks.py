"""Training of networks that are not language models: samples per second from the work of a sample and the hardware.

    step = (b·(F/(P·a) + M/W) + b·X/link)·(1 + straggle·log2 nodes) + τ + max(0, exchange − what computing hides) + ring

b samples per accelerator, F floating-point operations and M bytes of memory traffic per sample, P the 16-bit peak,
W the
memory bandwidth, X bytes of embedding rows that travel between accelerators, τ a fixed time per step. F, parameters and
usual batches stand in `catalogs/benchmarks/networks.yaml`; a, M, X, τ per network and a factor per accelerator
family are fitted (`benchmarks/fit_networks.py`) and stand in `catalogs/benchmarks/training.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.catalog import Catalog
from planner.demand.calibration import TABLE
from planner.demand.memo import remembered
from planner.demand.steptime import doublings
from planner.parts import Accelerator

Values = Any
GRADIENT_BYTES = 6.0  # fp32 gradients scattered, bf16 weights gathered
HIDDEN = 0.4  # of the computing time hides the exchange
FACTORS = ("untuned", "wall", "age")


@dataclass(frozen=True, slots=True)
class Network:
    """One network's constants."""

    id: str
    flops: float
    parameters: float
    batch: float
    exchange: float
    epoch: float | None
    sequence: float | None


@dataclass(frozen=True, slots=True)
class Rig:
    """What it runs on: nominal rates in flops and bytes per second, accelerators in all and per scale-up domain."""

    peak: Values
    memory: Values
    link: Values
    network: Values
    cards: Values
    accelerators: Values
    batch: Values  # samples per step in all


def find_network(catalog: Catalog, name: str) -> Network | None:
    """The network of a name or alias, None where it is none of them."""
    wanted = name.strip().lower()
    for key, facts in _table(catalog).items():
        if wanted == key or wanted in facts.get("aliases", ()):
            return Network(
                id=key,
                flops=float(facts["flops"]),
                parameters=float(facts["parameters"]),
                batch=float(facts["batch"]),
                exchange=float(facts.get("exchange", 0)),
                epoch=facts.get("epoch"),
                sequence=facts.get("sequence"),
            )
    return None


def samples_per_s(network: Network, rig: Rig, fitted: dict[str, Any], share: Values, flops: Values = None) -> Values:
    """Steady samples/s. `share` is the sustained share of the peak on this accelerator family."""
    each = rig.batch / rig.accelerators
    work = network.flops if flops is None else flops
    compute = each * work / (rig.peak * share) + each * fitted["memory"] / rig.memory
    nodes = np.maximum(1.0, rig.accelerators / rig.cards)
    out = np.where(nodes > 1, (1.0 - 1.0 / nodes) / rig.network, 0.0)
    rows = network.exchange * each * fitted["link"] * (1.0 - 1.0 / rig.accelerators)
    rows = rows * np.maximum(out, 1.0 / rig.link)
    inside = (rig.cards - 1.0) / rig.cards / rig.link
    exchange = GRADIENT_BYTES * network.parameters * np.maximum(inside, out / rig.cards)
    exchange = np.where(rig.accelerators > 1, exchange, 0.0)
    busy = (compute + rows) * (1.0 + fitted["straggle"] * doublings(nodes))
    exposed = np.maximum(0.0, fitted["sync"] * exchange - HIDDEN * compute)
    return rig.batch / (busy + fitted["step_s"] + exposed + fitted["ring_s"] * rig.accelerators)


def fitted_for(catalog: Catalog, network: Network, accelerator: Accelerator) -> tuple[dict[str, float], float]:
    """The fitted constants of a network, and its share of the peak on an accelerator's family."""

    def make() -> tuple[dict[str, float], float]:
        table = catalog.table(TABLE)["networks"]
        own = table["networks"][network.id]
        common = {k: float(v) for k, v in table["terms"].items()}
        family = float(table["families"].get(accelerator.family, 1.0))
        family *= float(own.get("families", {}).get(accelerator.family, 1.0))
        return {**common, **{k: float(own[k]) for k in ("memory", "step_s")}}, float(own["share"]) * family

    return remembered(catalog, ("network", network.id, accelerator.family), make)


def _table(catalog: Catalog) -> dict[str, Any]:
    found: dict[str, Any] = remembered(catalog, ("networks",), lambda: catalog.table("benchmarks/networks")["networks"])
    return found
