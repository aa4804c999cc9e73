"""Writes catalogs/measurements/recorded.yaml: the accuracy per family that `planner validate` must not fall behind.

python -m benchmarks.record_accuracy
"""

from __future__ import annotations

from pathlib import Path

from planner.accuracy.cases import bundled, predict
from planner.accuracy.report import by_family
from planner.catalog import Catalog

OUT = Path(__file__).resolve().parent.parent / "catalogs" / "measurements" / "recorded.yaml"
HEAD = """# Accuracy reached on the bundled measurements, by family. Written by `python -m benchmarks.record_accuracy`
# after a fit; `planner validate` fails when a family does worse. Errors are in-sample: for unseen
# sources see docs/sizing.md.
families:
"""


def main() -> None:
    catalog = Catalog.load()
    outcomes = [predict(kind, row, catalog) for kind, row in bundled(catalog)]
    lines = []
    for s in by_family(outcomes):
        middle = "null" if s.median is None else f"{s.median:.4f}"
        lines.append(f"  {s.family}: {{rows: {s.rows}, missed: {s.missed}, median: {middle}, within: {s.within:.3f}}}")
    OUT.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {OUT.name}: {len(lines)} families")


if __name__ == "__main__":
    main()
