"""Fits the training model to catalogs/measurements/training_runs.yaml and says how far it is off for unseen sources.

    python -m benchmarks.fit_training            cross-validation only (one to three minutes)
    python -m benchmarks.fit_training --write    also writes catalogs/benchmarks/training.yaml

Leave one source out: all rows of one publication are set aside, everything is fitted to the others, and the rows
set aside
are predicted. Parameters are one weight per term of a step, and per accelerator family a share for matrix products
(by precision) and for attention, drawn towards what matrix benchmarks reach; none belongs to a row or a model.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fit_networks
from benchmarks.fitting import Prior, Vector, figures, fit, half_width, source_of
from benchmarks.training_table import write
from planner.accuracy.training import Case, NetworkCase, case_of, factor_of, figure
from planner.catalog import Catalog
from planner.demand.calibration import FAMILY_ROWS, achievable_share, weights_from
from planner.demand.layouts import Stated, grid_of, spread_of
from planner.demand.steptime import Work, step_seconds, work_of

OUT = Path(__file__).resolve().parent.parent / "catalogs" / "benchmarks" / "training.yaml"

# Expected value and spread (of the logarithm) of every global term. The expectations are textbook values:
# docs/sizing.md.
TERMS: dict[str, tuple[float, float]] = {
    "scale": (0.9, 0.3),  # of the achievable matrix peak, over shapes that training has
    "attention": (0.45, 0.5),
    "traffic": (1.0, 1.0),
    "routed_traffic": (1.0, 1.0),
    "element": (4.0, 1.0),
    "cast": (1.0, 1.0),
    "routed_element": (4.0, 1.0),
    "launch_s": (60e-6, 1.0),
    "moe_launch_s": (150e-6, 1.0),
    "group_s": (30e-6, 1.0),
    "tensor": (0.6, 0.5),
    "call_s": (10e-6, 1.0),
    "context": (0.5, 0.7),
    "expert": (1.0, 0.3),
    "overlap": (0.5, 0.5),
    "handover": (0.5, 0.7),
    "gradients": (1.2, 0.4),
    "ring_s": (2e-4, 1.0),
    "hide": (0.5, 0.5),
    "offload_s": (2.4e-9, 0.5),  # CPU-Adam takes 2.4 s for 8 B parameters of a node (arXiv 2101.06840, table 4)
    "optimizer": (1.0, 0.5),
    "bubble": (1.0, 0.3),
    "straggle": (0.008, 0.7),
    "fixed_s": (20e-3, 1.0),
    "goodput": (0.9, 0.1),
    "hours_only": (0.9, 0.1),
    "mlperf": (0.92, 0.1),
    "lora": (0.95, 0.15),
    "sft": (0.95, 0.1),
    "search": (0.97, 0.07),
    "age": (0.06, 0.7),
    "routed": (0.95, 0.1),
}
ROUNDS = 6  # of a fit that starts from the one to all rows
COVERED = 0.83  # quantile of errors that ranges take in, so that 80 % of the next publication's lie inside
FAMILY_PRIOR, PRECISION_PRIOR, ATTENTION_PRIOR, MEMORY_PRIOR = 0.2, 0.12, 0.2, 0.2


@dataclass
class Data:
    """All rows of language models with every layout that each may have had, side by side in long arrays."""

    cases: list[Case]
    works: Work
    starts: Any  # first layout of each row
    owner: Any  # row of each layout
    wanted: Vector  # log of the measured tokens/s
    sources: list[str]


def prepare(catalog: Catalog, rows: list[dict[str, Any]]) -> Data:
    """Rows that can be predicted; prints those that cannot."""
    cases, works = [], []
    for row in rows:
        case = case_of(row, catalog)
        if isinstance(case, NetworkCase):
            continue
        if isinstance(case, str) or figure(case, 1.0) is None:
            print(f"{row['id']}: {case if isinstance(case, str) else 'no work beside its time'}")
            continue
        cases.append(case)
        works.append(_layouts(case))
    lengths = [len(w.matrix) for w in works]
    names = Work.__dataclass_fields__
    joined = Work(
        **{
            n: np.concatenate([np.broadcast_to(getattr(w, n), (k,)) for w, k in zip(works, lengths, strict=True)])
            for n in names
        }
    )
    return Data(
        cases=cases,
        works=joined,
        starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        owner=np.repeat(np.arange(len(cases)), lengths),
        wanted=np.log([measured_rate(c) for c in cases]),
        sources=[source_of(dict(c.row)) for c in cases],
    )


def _layouts(case: Case) -> Work:
    """The work of every layout that fits, or of every layout where none does."""
    for stated in (case.job.stated, Stated(recompute=case.job.stated.recompute)):
        for usable in (case.job.usable_bytes, 1e15):
            job = replace(case.job, stated=stated, usable_bytes=usable)
            grid = grid_of(job, case.node)
            spread, _, fits = spread_of(job, case.node, grid, np.full(len(grid), float(case.count)))
            if fits.any():
                kept = type(spread)(*(getattr(spread, n)[fits] for n in spread.__dataclass_fields__))
                return work_of(case.job.values, case.node, kept)
    raise SystemExit(f"{case.row['id']}: no layout")


def measured_rate(case: Case) -> float:
    """The measured figure as tokens/s."""
    one = figure(case, 1.0)
    assert one is not None
    return one / case.measured if case.time else case.measured / one


class Model:
    """Parameters as one vector of logarithms, and predictions for all rows at once."""

    def __init__(self, data: Data, catalog: Catalog) -> None:
        self.data = data
        cases = data.cases
        self.families = sorted({c.accelerator.family for c in cases})
        self.pairs = sorted({(c.accelerator.family, c.task.precision_class) for c in cases})
        self.names = list(TERMS)
        means = [np.log(v) for v, _ in TERMS.values()]
        spreads = [s for _, s in TERMS.values()]
        for count, spread in (
            (len(self.families), FAMILY_PRIOR),
            (len(self.pairs), PRECISION_PRIOR),
            (len(self.families), ATTENTION_PRIOR),
            (len(self.families), MEMORY_PRIOR),
        ):
            means += [0.0] * count
            spreads += [spread] * count
        self.prior = Prior(np.array(means), np.array(spreads))
        table = catalog.table("benchmarks/achievable")
        self.reach = np.array([achievable_share(table, c.accelerator, c.task.precision_class) for c in cases])
        self.family = np.array([self.families.index(c.accelerator.family) for c in cases])
        self.pair = np.array([self.pairs.index((c.accelerator.family, c.task.precision_class)) for c in cases])
        self.early = np.array([0.5 if c.early else 1.0 for c in cases])
        self.moe = np.array([c.shape.moe for c in cases])
        counts: dict[str, int] = {}
        for s in data.sources:
            counts[s] = counts.get(s, 0) + 1
        weight = np.array([counts[s] ** -0.25 for s in data.sources])
        self.weight = weight / weight.mean()

    def split(self, theta: Vector) -> tuple[dict[str, float], Vector, Vector, Vector, Vector]:
        """Global terms, and log factors of families, pairs, attention and element-wise work."""
        a, f, p = len(TERMS), len(self.families), len(self.pairs)
        terms = dict(zip(TERMS, np.exp(theta[:a]).tolist(), strict=True))
        family, pair, attention, memory = np.split(theta[a:], np.cumsum([f, p, f]))
        return terms, family, pair, attention, memory

    def predict(self, theta: Vector) -> Vector:
        """Log of tokens/s for every row: the fastest of its layouts."""
        terms, family, pair, attention, memory = self.split(theta)
        matrix = self.reach * terms["scale"] * np.exp(family[self.family] + pair[self.pair])
        core = terms["attention"] * np.exp(attention[self.family]) * self.early
        owner = self.data.owner
        weights = weights_from(terms, matrix[owner], core[owner], np.exp(memory[self.family])[owner])
        step = step_seconds(self.data.works, weights)
        best = np.maximum.reduceat(self.data.works.tokens / step.total, self.data.starts)
        factors = np.array([factor_of(c, terms) for c in self.data.cases])
        found: Vector = np.log(best * factors)
        return found

    def fit(self, kept: Any, start: Vector | None = None, rounds: int = 25) -> Vector:
        return fit(
            lambda t: self.predict(t)[kept], self.data.wanted[kept], self.weight[kept], self.prior, start, rounds
        )

    def leave_one_out(self, theta: Vector, groups: list[str]) -> Vector:
        """Log errors of every row, predicted from a fit that has not seen its group."""
        errors = np.empty(len(groups))
        marks = np.array(groups)
        for group in sorted(set(groups)):
            kept = marks != group
            found = self.fit(kept, theta, rounds=ROUNDS)
            errors[~kept] = (self.predict(found) - self.data.wanted)[~kept]
        return errors


def evidence_classes(data: Data, groups: list[str]) -> list[str]:
    """How much stands behind each row's prediction once its own group is left out."""
    found = []
    for case, group in zip(data.cases, groups, strict=True):
        others = [(c, g) for c, g in zip(data.cases, groups, strict=True) if g != group]
        family = [(c, g) for c, g in others if c.accelerator.family == case.accelerator.family]
        alike = {g for c, g in family if c.task.precision_class == case.task.precision_class and c.kind == case.kind}
        found.append(
            "unseen"
            if len(family) < FAMILY_ROWS and not alike
            else "family"
            if not alike
            else "measured"
            if len(alike) > 1
            else "one-source"
        )
    return found


def ranges_of(classes: list[str], data: Data, errors: Vector) -> dict[str, float]:
    """Half-widths of the 80 % range by evidence, never narrower with less behind; whole runs get a factor."""
    marks = np.array(classes)
    whole = np.array([c.whole_run for c in data.cases])
    ranges: dict[str, float] = {}
    least = 0.0
    for name in ("measured", "one-source", "family", "unseen"):
        chosen = (marks == name) & ~whole
        # few rows are drawn towards the next better class, widened by a third
        own = half_width(errors[chosen], COVERED) if chosen.sum() else least * 1.33
        n = float(chosen.sum())
        least = max(least, (n * own + 5.0 * max(least * 1.33, 0.15)) / (n + 5.0))
        ranges[name] = round(least, 3)
    usual = np.array([ranges[c] for c in classes])
    for run in ("whole-run", "hours-only"):
        chosen = np.array([c.run == run for c in data.cases])
        ranges[run] = round(max(1.0, half_width(errors[chosen], COVERED) / float(np.median(usual[chosen]))), 2)
    for kind in ("dense", "moe", "lora"):
        chosen = np.array([c.kind == kind for c in data.cases]) & ~whole
        inside = np.quantile(np.abs(errors[chosen]) / np.log1p(usual[chosen]), COVERED)
        ranges[kind] = round(float(min(1.6, max(0.7, inside))), 2)
    ranges["beyond-scale"] = 1.3
    return ranges


def coverage(classes: list[str], data: Data, errors: Vector, groups: list[str]) -> float:
    """Share of rows inside their range when the widths come from the other groups' errors only."""
    marks, inside = np.array(groups), np.zeros(len(errors), dtype=bool)
    for group in sorted(set(groups)):
        kept = marks != group
        cases = [c for c, k in zip(data.cases, kept, strict=True) if k]
        names = [c for c, k in zip(classes, kept, strict=True) if k]
        ranges = ranges_of(names, replace_cases(data, cases), errors[kept])
        for i in np.flatnonzero(~kept):
            case = data.cases[i]
            width = ranges[classes[i]] * ranges[case.kind] * (ranges[case.run] if case.run else 1.0)
            inside[i] = abs(errors[i]) <= np.log1p(width)
    return float(inside.mean())


def replace_cases(data: Data, cases: list[Case]) -> Data:
    return Data(cases, data.works, data.starts, data.owner, data.wanted, data.sources)


def main() -> None:
    catalog = Catalog.load()
    rows = [r for r in catalog.table("measurements/training_runs")["rows"] if r.get("check") != "skip"]
    data = prepare(catalog, rows)
    model = Model(data, catalog)
    theta = model.fit(np.ones(len(data.cases), dtype=bool))
    seen = model.predict(theta) - data.wanted
    unseen = model.leave_one_out(theta, data.sources)
    by_row = model.leave_one_out(theta, [str(c.row["source"]) for c in data.cases])
    classes = evidence_classes(data, data.sources)
    ranges = ranges_of(classes, data, unseen)
    held = coverage(classes, data, unseen, data.sources)
    networks = fit_networks.cross_validate(catalog, rows)
    print(f"{len(set(data.sources))} publications, {len({str(c.row['source']) for c in data.cases})} sources as cited")
    print(f"language models, fitted to all            {figures(seen)}")
    print(f"language models, publication left out     {figures(unseen)}  in range {held:.0%}")
    print(f"language models, cited source left out    {figures(by_row)}")
    print(f"other networks, fitted to all             {figures(networks.seen)}")
    print(f"other networks, publication left out      {figures(networks.unseen)}  in range {networks.held:.0%}")
    print(f"other networks, cited source left out     {figures(networks.by_row)}")
    total = np.concatenate([unseen, networks.unseen])
    print(f"all training rows, fitted to all          {figures(np.concatenate([seen, networks.seen]))}")
    print(f"all training rows, publication left out   {figures(total)}")
    print(f"all training rows, cited source left out  {figures(np.concatenate([by_row, networks.by_row]))}")
    for name in sorted({c.family for c in data.cases}):
        chosen = np.array([c.family == name for c in data.cases])
        print(f"  {name:42s}{figures(unseen[chosen])}")
    if "--worst" in sys.argv:
        for i in np.argsort(-np.abs(unseen))[:40]:
            print(f"  {seen[i]:+.2f} {unseen[i]:+.2f} {classes[i]:10s} {data.cases[i].row['id']}")
    if "--write" in sys.argv:
        write(OUT, model, theta, ranges, networks, {"unseen": unseen, "by_row": by_row, "held": held})
        print(f"wrote {OUT.name}")


if __name__ == "__main__":
    main()
