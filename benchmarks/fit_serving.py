"""Fits the serving model to published measurements and says how well it predicts sources it has not seen.

    python -m benchmarks.fit_serving                    # fit, in-sample figures
    python -m benchmarks.fit_serving --cross-validate   # leave one source out (minutes)
    python -m benchmarks.fit_serving --cross-validate --write   # and write catalogs/benchmarks/serving.yaml

Parameters are logarithms of factors per precision, accelerator family, memory type and class of engine or scenario
(planner/demand/pace.py says where each acts); none belongs to a row, a model or a single accelerator. Fit: regularised
least squares on log(predicted / measured) with Huber weights, Gauss-Newton; each parameter is drawn to its prior by its
own standard deviation, so a family with few rows stays near the base. Sources are publications: an MLPerf round, one
version of a vendor's table, one article.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.accuracy.figures import figure, value_of
from planner.accuracy.inference import Case, accelerator_of, case_of, work_of
from planner.accuracy.llm import predict
from planner.catalog import Catalog, built_in_folder
from planner.demand.efficiency import PRECISION_CLASS, dense_peak_tflops
from planner.demand.pace import ENGINES, engine_class
from planner.demand.published import WorkQuery, published_rate
from planner.errors import Rejection

NOISE = 0.2  # expected scatter of one measurement about a good model, in log units
HUBER = 0.25
STEP = 0.04

# parameter: (prior, standard deviation). Shares as logarithms: -0.7 is one half.
PRIOR: dict[str, tuple[float, float]] = {
    "matrix.16": (-0.7, 0.4),
    "matrix.8": (-0.8, 0.4),
    "matrix.4": (-1.1, 0.4),
    "memory.hbm": (-0.3, 0.2),
    "memory.gddr": (-0.2, 0.2),
    "cache": (-0.2, 0.4),
    "attention": (-1.2, 0.4),
    "expert": (-0.4, 0.4),
    "expert_read": (-0.2, 0.2),
    "expert_prompt": (0.0, 0.4),
    "half_tokens": (3.0, 1.0),
    "host": (0.0, 0.7),
    "hop": (0.0, 0.7),
    "exposed": (-1.0, 0.4),
    "bubble": (-2.2, 0.7),  # a tenth per further stage
    "power": (0.3, 0.3),
    "age": (-0.2, 0.15),
    "contest": (0.0, 0.2),
    "imbalance": (0.35, 0.4),  # a rank with more or longer sequences, and busier experts, hold up the others
    "queue": (2.5, 1.0),
    "jitter": (1.2, 0.15),
    "engine.vllm": (0.0, 0.4),
    "engine.sglang": (0.0, 0.4),
    "alone.hbm": (-0.2, 0.4),
    "alone.gddr": (0.0, 0.4),
    "unpack": (-0.2, 0.2),
    "unpack_expert": (-0.2, 0.3),  # and again in the small products of experts
    "narrow": (4.0, 1.0),
    "blend": (1.1, 0.4),
    "uneven": (0.1, 0.3),
    "mixed": (0.2, 0.3),
    "layer": (0.0, 0.7),
    **{f"alone.{engine}": (0.0, 0.2) for engine in ENGINES},
    **{f"layer.{engine}": (0.0, 0.4) for engine in ENGINES},
}
# Largest measured share of the dense 16-bit peak in one matrix product, logarithm: stas00/ml-engineering,
# compute/accelerator (A100 271 of 312, H100 795 of 989, B200 1745 of 2250, MI300X 668 of 1307, MI355X 1565 of 2517,
# Gaudi 3 1243 of 1677).
ACHIEVABLE = {"ampere": -0.141, "hopper": -0.218, "blackwell": -0.254, "cdna3": -0.671, "cdna4": -0.475, "gaudi3": -0.3}
FAMILY_SPREAD = 0.15
FLOOR = {"queue": 0.3, "jitter": 1.0, "blend": 0.0, "uneven": 0.0, "mixed": 0.0}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured row with what never changes about it."""

    case: Case
    unit: str
    measured: float
    time: bool
    source: str
    family: str
    engine: str


def source_of(row: Mapping[str, Any]) -> str:
    """The publication a row comes from."""
    url = str(row.get("source") or "")
    if found := re.search(r"(inference_results_v[\d.]+)", url):
        return found.group(1)
    if found := re.search(r"TensorRT-LLM/blob/([^/]{1,8})", url):
        return f"TensorRT-LLM {found.group(1)}"
    return "/".join(url.rsplit("//", maxsplit=1)[-1].split("/")[:5])


def rows_of(catalog: Catalog) -> list[Row]:
    """Every language-model row that counts."""
    found = []
    for row in catalog.table("measurements/inference_benchmarks")["rows"]:
        case = case_of(row, catalog)
        compared = figure(row)
        if row.get("check") == "skip" or not isinstance(case, Case) or compared is None:
            continue
        unit, measured, time = compared
        found.append(
            Row(case, unit, measured, time, source_of(row), case.accelerator.family, engine_class(row.get("engine")))
        )
    return found


def published(catalog: Catalog) -> dict[str, float]:
    """What is published, not fitted: achievable shares; watts per 16-bit TFLOPS of each family's best cooled part."""
    families: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for part in catalog.accelerators.values():
        peak = dense_peak_tflops(part, "bf16")
        if peak and part.tdp_w:
            families[part.family].append((peak, part.tdp_w))
    found = {f"gemm.{family}": share for family, share in ACHIEVABLE.items()} | {"gemm": ACHIEVABLE["hopper"]}
    for family, parts in sorted(families.items()):
        top = max(peak for peak, _ in parts)
        found[f"watts.{family}"] = round(max(w / peak for peak, w in parts if peak >= 0.7 * top), 4)
    return found


def priors(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """The priors with a deviation per family measured, and per family and precision measured."""
    found = dict(PRIOR)
    for row in rows:
        found[f"family.{row.family}"] = (0.0, FAMILY_SPREAD)
        found[f"memory.{row.family}"] = (0.0, FAMILY_SPREAD)
        kind = PRECISION_CLASS.get(row.case.precision, "16")
        found[f"matrix.{kind}.{row.family}"] = (0.0, FAMILY_SPREAD)
    return found


def residual(row: Row, table: Mapping[str, float]) -> float | None:
    """log(predicted / measured) on throughput; None where nothing is predicted."""
    found = predict(row.case.row, row.case.accelerator, row.case.shape, table)
    if found is None:
        return None
    value = value_of(found, row.unit)
    if value <= 0:
        return None
    error = math.log(value / row.measured)
    return -error if row.time else error


Slope = dict[int, float]  # by row


class Fit:
    """Gauss-Newton with damping over one set of rows."""

    def __init__(self, rows: Sequence[Row], fixed: Mapping[str, float], prior: Mapping[str, tuple[float, float]]):
        self.rows, self.fixed, self.prior = rows, fixed, prior
        self.names = list(prior)
        families = {row.family for row in rows}
        self.concerns = {name: self._concerned(name, families) for name in self.names}

    def _concerned(self, name: str, families: set[str]) -> list[int]:
        tail = name.split(".", 1)[-1] if name.startswith(("family.", "memory.")) else name.rsplit(".", maxsplit=1)[-1]
        if name.count(".") == 2:
            tail = name.split(".", 2)[-1]
        if tail in families:
            return [i for i, row in enumerate(self.rows) if row.family == tail]
        if name.split(".", 1)[-1] in ENGINES:
            engine = name.split(".", 1)[1]
            return [i for i, row in enumerate(self.rows) if row.engine == engine]
        return list(range(len(self.rows)))

    def residuals(self, values: Mapping[str, float]) -> list[float | None]:
        table = {**self.fixed, **values}
        return [residual(row, table) for row in self.rows]

    def cost(self, values: Mapping[str, float], errors: Iterable[float | None]) -> float:
        total = sum(((values[n] - mean) / sd) ** 2 for n, (mean, sd) in self.prior.items())
        for error in errors:
            size = abs(error) if error is not None else 2.0
            total += (size * size if size < HUBER else HUBER * (2 * size - HUBER)) / NOISE**2
        return total

    def run(
        self, start: Mapping[str, float], most: int = 8, slopes: Sequence[Slope] | None = None
    ) -> tuple[dict[str, float], list[float | None]]:
        """Parameters and errors from `start` on; `slopes` are those at the start, where they are known already."""
        values = dict(start)
        errors = self.residuals(values)
        cost, damping = self.cost(values, errors), 0.1
        for _ in range(most):
            matrix, gradient = self._normal(values, errors, slopes or self.slopes(values, errors))
            slopes = None
            for _ in range(4):
                damped = [[x * (1 + damping) if i == j else x for j, x in enumerate(r)] for i, r in enumerate(matrix)]
                step = solve(damped, gradient)
                trial = {n: max(FLOOR.get(n, -20.0), values[n] + step[i]) for i, n in enumerate(self.names)}
                tried = self.residuals(trial)
                if (new := self.cost(trial, tried)) < cost:
                    break
                damping *= 5
            else:
                break
            gained, cost, values, errors = cost - new, new, trial, tried
            damping = max(0.01, damping / 4)
            if gained < 0.3:
                break
        return values, errors

    def slopes(self, values: Mapping[str, float], errors: Sequence[float | None]) -> list[Slope]:
        """By parameter: how the error of each row that it concerns changes with it."""
        found: list[Slope] = []
        table = {**self.fixed, **values}
        for name in self.names:
            moved = {**table, name: table[name] + STEP}
            slope = {}
            for i in self.concerns[name]:
                if (now := errors[i]) is None or (then := residual(self.rows[i], moved)) is None or then == now:
                    continue
                slope[i] = (then - now) / STEP
            found.append(slope)
        return found

    def _normal(
        self, values: Mapping[str, float], errors: Sequence[float | None], slopes: Sequence[Slope]
    ) -> tuple[list[list[float]], list[float]]:
        """The normal equations of the weighted problem at `values`."""
        weights = [0.0 if e is None else min(1.0, HUBER / max(abs(e), 1e-9)) / NOISE**2 for e in errors]
        size = len(self.names)
        matrix = [[0.0] * size for _ in range(size)]
        gradient = [0.0] * size
        for a, name in enumerate(self.names):
            for b in range(a, size):
                other = slopes[b]
                matrix[a][b] = matrix[b][a] = sum(x * other[i] * weights[i] for i, x in slopes[a].items() if i in other)
            mean, sd = self.prior[name]
            matrix[a][a] += 1 / sd**2
            gradient[a] = -sum(x * weights[i] * (errors[i] or 0.0) for i, x in slopes[a].items())
            gradient[a] -= (values[name] - mean) / sd**2
        return matrix, gradient


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Gaussian elimination with partial pivoting."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, size):
            factor = rows[k][i] / rows[i][i]
            if factor:
                for j in range(i, size + 1):
                    rows[k][j] -= factor * rows[i][j]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (rows[i][size] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found


def summary(errors: Sequence[float | None]) -> str:
    """Median, ninth decile and share within half, of |predicted / measured - 1|; a miss counts as infinite."""
    sizes = sorted(abs(math.exp(e) - 1) if e is not None else math.inf for e in errors)
    inside = sum(s <= 0.5 for s in sizes) / len(sizes)
    bias = statistics.median(e for e in errors if e is not None) if any(e is not None for e in errors) else math.nan
    ninth = sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))]
    return (
        f"{len(sizes):4d} rows  median {statistics.median(sizes):6.1%}  ninth decile {ninth:6.1%}  "
        f"within 50 % {inside:6.1%}  bias {math.exp(bias) - 1:+6.1%}"
    )


def recorded(errors: Sequence[float | None]) -> str:
    """The figures of `summary` that the table keeps."""
    sizes = sorted(abs(math.exp(e) - 1) if e is not None else math.inf for e in errors)
    inside = sum(s <= 0.5 for s in sizes) / len(sizes)
    return f"rows: {len(sizes)}, median: {statistics.median(sizes):.3f}, within_half: {inside:.3f}"


def seen_class(row: Row, others: Sequence[Row]) -> str:
    """measured | unseen: whether family and precision class, and the engine, stand behind the prediction elsewhere."""
    kind = PRECISION_CLASS.get(row.case.precision, "16")
    pairs = Counter((o.family, PRECISION_CLASS.get(o.case.precision, "16")) for o in others)
    engines = Counter(o.engine for o in others)
    return "measured" if pairs[row.family, kind] >= 3 and engines[row.engine] >= 3 else "unseen"


def leave_out(
    rows: Sequence[Row], fixed: Mapping[str, float], full: Mapping[str, float], key: str
) -> list[tuple[Row, float | None, str]]:
    """Each group of rows predicted by a fit without it, with whether its class was seen by that fit."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_key(row, key)].append(row)
    whole = Fit(rows, fixed, priors(rows))
    at_full = dict(zip(whole.names, whole.slopes(full, whole.residuals(full)), strict=True))
    found = []
    for name, held in sorted(groups.items(), key=lambda g: -len(g[1])):
        kept = [i for i, row in enumerate(rows) if _key(row, key) != name]
        rest = [rows[i] for i in kept]
        place = {i: k for k, i in enumerate(kept)}
        prior = priors(rest)
        start = {n: full.get(n, mean) for n, (mean, _) in prior.items()}
        # parameters that no remaining row speaks for go back to their prior by themselves
        slopes = [{place[i]: x for i, x in at_full[n].items() if i in place} for n in prior]
        values, _ = Fit(rest, fixed, prior).run(start, 3, slopes)
        table = {**fixed, **values}
        errors = [residual(row, table) for row in held]
        print(f"  without {name:58s} {summary(errors)}", flush=True)
        found += [(row, error, seen_class(row, rest)) for row, error in zip(held, errors, strict=True)]
    return found


def _key(row: Row, key: str) -> str:
    if key == "model":
        return str(row.case.row.get("model"))
    return row.family if key == "family" else row.source


def works_left_out(catalog: Catalog) -> list[tuple[float | None, bool]]:
    """Rows of other work (ResNet-50, BERT, SDXL ...) predicted without their MLPerf round: error, and inside or not."""
    found: list[tuple[float | None, bool]] = []
    for row in catalog.table("measurements/inference_benchmarks")["rows"]:
        work, part, compared = work_of(row, catalog), accelerator_of(row, catalog), figure(row)
        if row.get("check") == "skip" or work is None or isinstance(part, str) or compared is None:
            continue
        scenario = "offline" if row["scenario"] == "offline" else "server"
        rate = published_rate(catalog, WorkQuery(work, "inference", part.id, scenario, round=source_of(row)))
        if isinstance(rate, Rejection):
            found.append((None, False))
            continue
        measured = compared[1] / row["gpu_count"]
        found.append((math.log(rate.typical / measured), rate.low <= measured <= rate.high))
    return found


def ranges(
    by_source: Sequence[tuple[Row, float | None, str]], by_family: Sequence[tuple[Row, float | None, str]]
) -> dict[str, tuple[float, float]]:
    """Factors on a prediction that enclose the middle 80 % of what was measured, by kind of model.

    Measured: from sources left out whose family, precision and engine other sources cover. Unseen: from whole families
    left out, and never narrower than the measured range by less than a fifth on either side.
    """
    found = {}
    for kind in ("dense", "moe"):
        near = [
            -e for row, e, seen in by_source if row.case.shape.kind == kind and e is not None and seen == "measured"
        ]
        far = [-e for row, e, _ in by_family if row.case.shape.kind == kind and e is not None]
        low, high = middle(near)
        wide_low, wide_high = middle(far)
        found[kind] = (low, high)
        found[f"{kind} unseen"] = (min(wide_low, low - math.log(1.2)), max(wide_high, high + math.log(1.2)))
    return {name: (round(math.exp(low), 3), round(math.exp(high), 3)) for name, (low, high) in found.items()}


def covered(
    held: Sequence[tuple[Row, float | None, str]], bands: Mapping[str, tuple[float, float]], kind: str, key: str
) -> str:
    """How many held-out rows of a kind lie inside their stated range."""
    inside = []
    for row, error, seen in held:
        if row.case.shape.kind == kind and error is not None:
            low, high = bands[kind if seen == "measured" and key != "family" else f"{kind} unseen"]
            inside.append(low <= math.exp(-error) <= high)
    return f"{sum(inside) / len(inside):.0%} of {len(inside)} rows inside"


def middle(values: Sequence[float]) -> tuple[float, float]:
    """The range that leaves a twelfth out on either side, and always encloses zero."""
    ordered, cut = sorted(values), len(values) // 12
    return min(ordered[cut], -0.05), max(ordered[-1 - cut], 0.05)


def write(
    path: Path, fixed: Mapping[str, float], values: Mapping[str, float], rows: Sequence[Row], extra: list[str]
) -> None:
    lines = [
        "# Serving of language models: written by python -m benchmarks.fit_serving --cross-validate --write.",
        "# Natural logarithms of factors, added up by planner/demand/pace.py (queue and jitter plain numbers; watts:",
        "# per 16-bit TFLOPS of a family's best cooled part; gemm: published achievable shares). `ranges`: factors on",
        "# predictions that enclose the middle 80 % of measurements in sources that the fit had not seen; unseen:",
        "# families left out as a whole, for accelerators whose family and precision have fewer than 3 rows.",
        f"as_of: '{dt.date.today().isoformat()}'",
        "script: benchmarks/fit_serving.py",
        f"source: regularised fit to {len(rows)} published measurements of 2023-12 to 2026-02",
        "factors:",
        *(f"  {name}: {value:.4f}" for name, value in sorted({**fixed, **values}.items())),
        "measured:  # rows by accelerator family and precision class",
    ]
    pairs = Counter((row.family, PRECISION_CLASS.get(row.case.precision, "16")) for row in rows)
    families = sorted({family for family, _ in pairs})
    for family in families:
        lines.append(
            f"  {family}: {{{', '.join(f'{k!r}: {n}' for (f, k), n in sorted(pairs.items()) if f == family)}}}"
        )
    path.write_text("\n".join(lines + extra) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cross-validate", action="store_true", help="leave one source, and one model, out")
    parser.add_argument("--by", nargs="*", default=["source", "family", "model"], help="what to leave out")
    parser.add_argument("--write", action="store_true", help="write catalogs/benchmarks/serving.yaml")
    arguments = parser.parse_args()
    catalog = Catalog.load()
    rows, fixed = rows_of(catalog), published(catalog)
    prior = priors(rows)
    values, errors = Fit(rows, fixed, prior).run({n: mean for n, (mean, _) in prior.items()})
    print(f"in sample {summary(errors)}")
    extra: list[str] = []
    runs: dict[str, list[tuple[Row, float | None, str]]] = {}
    if arguments.cross_validate:
        for key in arguments.by:
            print(f"leave one {key} out:")
            held = leave_out(rows, fixed, values, key)
            print(f"  all {summary([e for _, e, _ in held])}")
            runs[key] = held
            if key == "source":
                for row, error, seen in sorted(held, key=lambda h: -abs(h[1] or 9.0))[:40]:
                    shown = "none" if error is None else f"{math.exp(error) - 1:+.0%}"
                    print(f"    {row.case.row['id']:50s} {shown:>6s} {seen}")
        if "source" in runs:
            works = works_left_out(catalog)
            print(f"other work, leave one round out: {summary([e for e, _ in works])}")
            print(f"  inside the stated range {sum(c for _, c in works) / len(works):.0%}")
            errors = [e for _, e, _ in runs["source"]] + [e for e, _ in works]
            print(f"all inference rows, leave one source out: {summary(errors)}")
            extra.append("cross_validation:  # leave one source out: rows, median error, share within half")
            models = [e for _, e, _ in runs["source"]]
            for title, group in (("language models", models), ("other work", [e for e, _ in works]), ("all", errors)):
                extra.append(f"  {title}: {{{recorded(group)}}}")
        if "source" in runs and "family" in runs:
            bands = ranges(runs["source"], runs["family"])
            extra.append("ranges:")
            extra += [f"  {kind}: {{low: {low}, high: {high}}}" for kind, (low, high) in bands.items()]
            for key, held in runs.items():
                for kind in ("dense", "moe"):
                    print(f"  range {kind}, leave one {key} out: {covered(held, bands, kind, key)}")
    if arguments.write:
        write(built_in_folder() / "benchmarks" / "serving.yaml", fixed, values, rows, extra)


if __name__ == "__main__":
    main()
