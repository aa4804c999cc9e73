"""Draws docs/accuracy.svg: predicted against measured tokens per second of every bundled measurement given in tokens/s.

python -m benchmarks.accuracy_chart
"""

from __future__ import annotations

import math
from pathlib import Path

from planner.accuracy.cases import bundled, predict
from planner.accuracy.outcome import Outcome
from planner.accuracy.report import BANDS
from planner.catalog import Catalog

OUT = Path(__file__).resolve().parent.parent / "docs" / "accuracy.svg"
SIDE, GAP, TOP = 380, 70, 56
COLOURS = {"ampere": "#0072b2", "hopper": "#d55e00", "blackwell": "#009e73", "other": "#7f7f7f"}


def colour(outcome: Outcome) -> str:
    """The colour of the accelerator family."""
    return next((c for name, c in COLOURS.items() if f" {name}" in outcome.family), COLOURS["other"])


def panel(kind: str, outcomes: list[Outcome], left: int) -> list[str]:
    """One square with logarithmic axes, the diagonal, the band and the points."""
    points = [
        (o.measured, o.predicted, colour(o))
        for o in outcomes
        if str(o.unit).endswith("tokens/s") and o.predicted and o.measured
    ]
    values = [v for m, p, _ in points for v in (m, p)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def at(value: float) -> float:
        return SIDE * (math.log10(value) - low) / (high - low)

    band = math.log10(1 + BANDS[kind]) * SIDE / (high - low)
    out = [f'<g transform="translate({left},{TOP})">']
    out.append(f'<rect width="{SIDE}" height="{SIDE}" fill="#fff" stroke="#444"/>')
    out.append(
        f'<path d="M0 {SIDE - band:.1f} L{SIDE - band:.1f} 0 L{SIDE} 0 L{SIDE} {band:.1f} L{band:.1f} {SIDE} '
        f'L0 {SIDE} Z" fill="#eee"/>'
    )
    out.append(f'<path d="M0 {SIDE} L{SIDE} 0" stroke="#444" stroke-dasharray="4 3" fill="none"/>')
    for power in range(low, high + 1):
        x = SIDE * (power - low) / (high - low)
        label = f'10<tspan dy="-5" font-size="9">{power}</tspan>'
        out.append(f'<text x="{x:.1f}" y="{SIDE + 18}" text-anchor="middle">{label}</text>')
        out.append(f'<text x="-8" y="{SIDE - x + 4:.1f}" text-anchor="end">{label}</text>')
    out += [
        f'<circle cx="{at(m):.1f}" cy="{SIDE - at(p):.1f}" r="3" fill="{c}" fill-opacity="0.65"/>' for m, p, c in points
    ]
    title = f"{kind}: {len(points)} measurements in tokens/s, band ±{BANDS[kind]:.0%}"
    out.append(f'<text x="{SIDE / 2}" y="-12" text-anchor="middle" font-weight="bold">{title}</text>')
    out.append(f'<text x="{SIDE / 2}" y="{SIDE + 38}" text-anchor="middle">measured</text>')
    out.append(f'<text transform="translate(-42,{SIDE / 2}) rotate(-90)" text-anchor="middle">predicted</text></g>')
    return out


def main() -> None:
    catalog = Catalog.load()
    outcomes = [predict(kind, row, catalog) for kind, row in bundled(catalog)]
    width, height = 2 * SIDE + 3 * GAP, SIDE + TOP + 80
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k, kind in enumerate(("training", "inference")):
        mine = [o for o in outcomes if o.kind == kind]
        if any(str(o.unit).endswith("tokens/s") and o.predicted for o in mine):
            out += panel(kind, mine, GAP + k * (SIDE + GAP))
    for k, (name, c) in enumerate(COLOURS.items()):
        x = GAP + k * 110
        out.append(
            f'<circle cx="{x}" cy="{height - 14}" r="4" fill="{c}"/><text x="{x + 9}" y="{height - 10}">{name}</text>'
        )
    out.append("</svg>")
    OUT.write_text("\n".join(out) + "\n", encoding="utf-8")
    print(f"wrote docs/{OUT.name}")


if __name__ == "__main__":
    main()
