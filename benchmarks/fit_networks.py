"""Fits planner/demand/networks.py (ResNet-50, BERT, diffusion, DLRM in training) to the measurements; used by
fit_training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.fitting import Prior, Vector, fit, half_width, source_of
from planner.accuracy.training import NetworkCase, case_of, measured_samples_rate, network_factor
from planner.catalog import Catalog
from planner.demand.networks import Network, Rig, samples_per_s

# Expected share of the 16-bit peak, memory traffic in bytes per sample, seconds per step; all with wide spreads.
NETWORKS = {
    "bert-large": (0.4, 1e8, 10e-3),
    "resnet-50": (0.4, 2e8, 5e-3),
    "stable-diffusion-2.1": (0.4, 3e8, 20e-3),
    "flux.1": (0.6, 3e9, 50e-3),  # trained in 8 bit where the part has it
    "dlrm-dcnv2": (0.3, 3e5, 2e-3),
}
SPREADS = (0.5, 1.0, 1.0)
TERMS = {
    "link": (2e4, 1.0),  # bytes of embedding rows per sample
    "sync": (1.0, 0.5),
    "straggle": (0.02, 0.7),
    "ring_s": (3e-5, 1.0),
    "untuned": (0.5, 0.3),
    "wall": (0.97, 0.05),
    "age": (0.06, 0.5),
}
FAMILY_PRIOR, PAIR_PRIOR = 0.2, 0.12
PAIRED = ("bert-large", "resnet-50")  # measured on enough families for a factor of their own


@dataclass
class Fitted:
    """Parameters, names and errors of the networks."""

    model: Networks
    theta: Vector
    seen: Vector
    unseen: Vector
    by_row: Vector
    held: float
    width: float


class Networks:
    """All rows of networks, side by side."""

    def __init__(self, cases: list[NetworkCase]) -> None:
        self.cases = cases
        self.families = sorted({c.accelerator.family for c in cases})
        self.ids = [n for n in NETWORKS if any(c.network.id == n for c in cases)]
        self.pairs = [(n, f) for n in PAIRED for f in self.families]
        priors = [v for n in self.ids for v in zip(NETWORKS[n], SPREADS, strict=True)]
        priors += list(TERMS.values())
        priors += [(1.0, FAMILY_PRIOR)] * len(self.families) + [(1.0, PAIR_PRIOR)] * len(self.pairs)
        self.prior = Prior(np.log([p[0] for p in priors]), np.array([p[1] for p in priors]))
        self.wanted = np.log([measured_samples_rate(c) or np.nan for c in cases])
        self.rows = {n: [i for i, c in enumerate(cases) if c.network.id == n] for n in self.ids}
        self.rigs = {n: _join([cases[i].rig for i in rows]) for n, rows in self.rows.items()}
        self.family = {
            n: np.array([self.families.index(cases[i].accelerator.family) for i in r]) for n, r in self.rows.items()
        }

    def split(self, theta: Vector) -> tuple[dict[str, Any], dict[str, Any], Vector, dict[tuple[str, str], float]]:
        """Constants per network, global terms, log factors of families and of pairs."""
        n = 3 * len(self.ids)
        own = {k: np.exp(theta[3 * i : 3 * i + 3]) for i, k in enumerate(self.ids)}
        terms = dict(zip(TERMS, np.exp(theta[n : n + len(TERMS)]).tolist(), strict=True))
        rest = theta[n + len(TERMS) :]
        families = rest[: len(self.families)]
        return own, terms, families, dict(zip(self.pairs, rest[len(self.families) :].tolist(), strict=True))

    def predict(self, theta: Vector) -> Vector:
        own, terms, families, pairs = self.split(theta)
        found = np.empty(len(self.cases))
        for name, rows in self.rows.items():
            share, memory, step = own[name]
            factor = families[self.family[name]] + np.array(
                [pairs.get((name, self.cases[i].accelerator.family), 0.0) for i in rows]
            )
            constants = {**terms, "memory": memory, "step_s": step}
            flops = np.array([self.cases[i].flops for i in rows])
            network: Network = self.cases[rows[0]].network
            rate = samples_per_s(network, self.rigs[name], constants, share * np.exp(factor), flops)
            found[rows] = np.log(rate * np.array([network_factor(self.cases[i], terms) for i in rows]))
        return found

    def fit(self, kept: Any, start: Vector | None = None, rounds: int = 40) -> Vector:
        weight = np.ones(int(kept.sum()))
        return fit(lambda t: self.predict(t)[kept], self.wanted[kept], weight, self.prior, start, rounds)

    def leave_one_out(self, theta: Vector, groups: list[str]) -> Vector:
        errors, marks = np.empty(len(groups)), np.array(groups)
        for group in sorted(set(groups)):
            kept = marks != group
            errors[~kept] = (self.predict(self.fit(kept, theta, 6)) - self.wanted)[~kept]
        return errors


def _join(rigs: list[Rig]) -> Rig:
    return Rig(*(np.array([float(getattr(r, n)) for r in rigs]) for n in Rig.__dataclass_fields__))


def cross_validate(catalog: Catalog, rows: list[dict[str, Any]]) -> Fitted:
    """Fit to all rows of networks, and errors with publications and with cited sources left out."""
    found = [case_of(row, catalog) for row in rows]
    cases = [c for c in found if isinstance(c, NetworkCase) and measured_samples_rate(c)]
    model = Networks(cases)
    theta = model.fit(np.ones(len(cases), dtype=bool))
    sources = [source_of(dict(c.row)) for c in cases]
    unseen = model.leave_one_out(theta, sources)
    marks = np.array(sources)
    inside = np.empty(len(cases), dtype=bool)
    for source in set(sources):
        others = marks != source
        inside[~others] = np.abs(unseen[~others]) <= np.log1p(half_width(unseen[others]))
    return Fitted(
        model=model,
        theta=theta,
        seen=model.predict(theta) - model.wanted,
        unseen=unseen,
        by_row=model.leave_one_out(theta, [str(c.row["source"]) for c in cases]),
        held=float(inside.mean()),
        width=half_width(unseen),
    )
