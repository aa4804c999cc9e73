"""Writes catalogs/benchmarks/training.yaml: the fitted numbers, what stands behind them and how good they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.fitting import Vector, source_of

if TYPE_CHECKING:
    from benchmarks.fit_networks import Fitted
    from benchmarks.fit_training import Model

HEAD = """# Calibration of the training model. Written by `python -m benchmarks.fit_training --write`, not by hand.
# terms: one weight per term of a step (planner/demand/calibration.py says what each is; docs/sizing.md where its
# expected value comes from). families: share of the dense peak that matrix products reach, by precision class, and of
# the 16-bit peak for attention, and speed of element-wise work. evidence: measurements behind each family, precision
# and kind of work. ranges: half-widths w of the 80 % range (a rate between 1/(1+w) and 1+w of the prediction), from
# rows whose publication was left out of the fit.
"""


def _number(value: float) -> str:
    return f"{float(value):.4g}" if abs(value) >= 1e-3 else f"{float(value):.3e}"


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{k}: {v if isinstance(v, str) else _number(v)}" for k, v in values.items()) + "}"


def write(
    path: Path, model: Model, theta: Vector, ranges: dict[str, float], networks: Fitted, held: dict[str, Any]
) -> None:
    """The table as text, numbers to four digits."""
    terms, family, pair, attention, memory = model.split(theta)
    cases = model.data.cases
    lines = [HEAD + f"as_of: '{max(str(c.row['date'])[:7] for c in cases)}'", f"terms: {_flow(terms)}", "families:"]
    for i, name in enumerate(model.families):
        shares = {
            f"'{cls}'": model.reach[next(k for k, c in enumerate(model.pair) if c == j)]
            * terms["scale"]
            * float(np.exp(family[i] + pair[j]))
            for j, (f, cls) in enumerate(model.pairs)
            if f == name
        }
        core = terms["attention"] * float(np.exp(attention[i]))
        rest = {"attention": core, "memory": float(np.exp(memory[i])), "factor": float(np.exp(family[i]))}
        lines.append(f"  {name}: {{matrix: {_flow(shares)}, {_flow(rest)[1:]}")
    lines.append("evidence:")
    for name in model.families:
        groups: dict[str, list[Any]] = {}
        for case in cases:
            if case.accelerator.family == name:
                groups.setdefault(f"{case.task.precision_class} {case.kind}", []).append(case)
        parts = [
            f"{k}: {{rows: {len(v)}, sources: {len({source_of(dict(c.row)) for c in v})}, "
            f"largest: {max(c.count for c in v)}}}"
            for k, v in sorted(groups.items())
        ]
        lines.append(f"  {name}: {{{', '.join(parts)}}}")
    wide = {**ranges, "networks": round(networks.width, 3), "networks-unseen": 1.8}
    # few families stand for all that nobody has measured, so theirs is widened by half
    wide["unseen"] = round(1.5 * ranges["unseen"], 3)
    lines += [f"ranges: {_flow(wide)}", *_networks(networks), *_recorded(held, networks)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _networks(networks: Fitted) -> list[str]:
    own, terms, families, pairs = networks.model.split(networks.theta)
    lines = ["networks:", f"  terms: {_flow(terms)}"]
    factors = {f: float(np.exp(v)) for f, v in zip(networks.model.families, families, strict=True)}
    lines += [f"  families: {_flow(factors)}", "  networks:"]
    for name, (share, memory, step) in own.items():
        special = {f: float(np.exp(v)) for (n, f), v in pairs.items() if n == name}
        lines.append(
            f"    {name}: {{share: {_number(share)}, memory: {_number(memory)}, step_s: {_number(step)}, "
            f"families: {_flow(special)}}}"
        )
    return lines


def _recorded(held: dict[str, Any], networks: Fitted) -> list[str]:
    """Cross-validated accuracy, as a record for docs and for the report."""
    lines = ["recorded:"]
    for name, errors in (
        ("publication_left_out", np.concatenate([held["unseen"], networks.unseen])),
        ("cited_source_left_out", np.concatenate([held["by_row"], networks.by_row])),
    ):
        relative = np.abs(np.expm1(errors))
        within = float(np.mean(relative <= 0.25))
        lines.append(
            f"  {name}: {{rows: {len(errors)}, median: {np.median(relative):.3f}, "
            f"ninth_decile: {np.quantile(relative, 0.9):.3f}, within_25_percent: {within:.3f}}}"
        )
    n, m = len(held["unseen"]), len(networks.unseen)
    lines.append(f"  in_range: {(held['held'] * n + networks.held * m) / (n + m):.3f}")
    return lines
