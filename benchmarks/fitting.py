"""Robust least squares with priors, and error figures: what the fits of this folder share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
SIGMA = 0.10  # log error of a usual measurement
BEND = 1.345 * SIGMA  # beyond it an error counts linearly (Huber's choice), so that single odd runs do not pull


@dataclass(frozen=True)
class Prior:
    """Expected value of each parameter (a logarithm) and how far it may go."""

    mean: Vector
    deviation: Vector


def fit(
    predict: Callable[[Vector], Vector],
    wanted: Vector,
    weight: Vector,
    prior: Prior,
    start: Vector | None = None,
    rounds: int = 25,
) -> Vector:
    """Levenberg-Marquardt on Huber's loss of log errors plus the squared distance to the prior."""
    theta = (prior.mean if start is None else start).copy()
    damping = 1e-2

    def loss(t: Vector) -> float:
        e = np.abs((predict(t) - wanted) * weight)
        huber = np.where(e < BEND, 0.5 * e * e, BEND * (e - 0.5 * BEND)).sum() / SIGMA**2
        return float(huber + 0.5 * (((t - prior.mean) / prior.deviation) ** 2).sum())

    current = loss(theta)
    for _ in range(rounds):
        base = predict(theta)
        error = (base - wanted) * weight
        slope = np.empty((len(error), len(theta)))
        for j in range(len(theta)):
            moved = theta.copy()
            moved[j] += 1e-3
            slope[:, j] = (predict(moved) - base) * weight / 1e-3
        counted = np.where(np.abs(error) < BEND, 1.0, BEND / np.maximum(np.abs(error), 1e-9)) / SIGMA**2
        matrix = slope.T @ (slope * counted[:, None]) + np.diag(1 / prior.deviation**2)
        side = slope.T @ (error * counted) + (theta - prior.mean) / prior.deviation**2
        for _ in range(14):
            moved = theta - np.linalg.solve(matrix + damping * np.diag(np.diag(matrix)), side)
            found = loss(moved)
            if found < current:
                break
            damping *= 4
        else:
            return theta
        done = current - found < 1e-5 * current
        theta, current, damping = moved, found, max(damping / 5, 1e-4)
        if done:
            break
    return theta


def source_of(row: dict[str, Any]) -> str:
    """The publication of a row: a repository (a round of MLPerf, all documents of a project) or a paper."""
    text = str(row["source"])
    found = re.search(r"github\.com/([^/]+/[^/ ]+)", text)
    if found:
        return found[1].lower()
    found = re.search(r"arxiv\.org/abs/([\d.]+)", text)
    return found[1] if found else text[:60]


def figures(errors: Vector) -> str:
    """Median, ninth decile and shares within bands of log errors, as relative errors."""
    relative = np.abs(np.expm1(errors))
    return (
        f"{len(errors):4d} rows  median {np.median(relative):6.1%}  nine in ten {np.quantile(relative, 0.9):6.1%}  "
        f"within 25 % {np.mean(relative <= 0.25):5.0%}  bias {np.expm1(np.median(errors)):+6.1%}"
    )


def half_width(errors: Vector, share: float = 0.8) -> float:
    """Half-width w so that a share of the ratios lies in 1/(1+w) to 1+w."""
    return float(np.expm1(np.quantile(np.abs(errors), share)))
