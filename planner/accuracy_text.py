"""What `planner validate` prints: a line per measurement, then the families; JSON for machines. No arithmetic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.printing import plain, table

if TYPE_CHECKING:  # the accuracy package brings numpy; only `validate` pays for it
    from planner.accuracy.outcome import Outcome
    from planner.accuracy.report import Summary


def as_json(
    outcomes: Sequence[Outcome], summaries: Sequence[Summary], behind: Sequence[str], skipped: Sequence[str]
) -> str:
    """`rows` with id, predicted, measured, error, low, high or reason; `families`; `behind`; ids of rows `skipped`."""
    answer = {
        "rows": [o.as_json() for o in outcomes],
        "families": [plain(s) for s in summaries],
        "behind": list(behind),
        "skipped": list(skipped),
    }
    return json.dumps(answer, ensure_ascii=False, indent=2)


def text(outcomes: Sequence[Outcome], summaries: Sequence[Summary], skipped: Sequence[str], *, own: bool) -> str:
    """Rows, reasons of those that could not be predicted, and the summary per family."""
    shown = [o for o in outcomes if o.error is not None]
    head = ("measurement", "unit", "predicted", "measured", "error", "80 % range")
    lines = [
        table(
            head,
            [
                (
                    o.id,
                    o.unit or "",
                    _figure(o.predicted),
                    _figure(o.measured),
                    f"{o.error:+.1%}",
                    f"{_figure(o.low)} to {_figure(o.high)}" + ("" if o.covered else "  outside"),
                )
                for o in shown
            ],
            right=(2, 3, 4),
        )
    ]
    missed = [o for o in outcomes if o.error is None]
    if missed:
        lines += ["", "Not predicted:", *(f"  {o.id}: {o.reason}" for o in missed)]
    if skipped:
        lines += ["", f"Left out because they say check: skip ({len(skipped)}): {', '.join(skipped)}"]
    heads = ("family", "rows", "missed", "median error", "nine in ten within", "inside band", "in 80 % range")
    lines += [
        "",
        "Errors are predicted ÷ measured − 1 on throughput, times inverted; positive is too fast.",
        "",
        table(heads, [_summary(s) for s in summaries], right=(1, 2, 3, 4, 5, 6)),
    ]
    if not own:
        lines += ["", "These rows were fitted to. What unseen sources get: docs/sizing.md (cross-validation)."]
    return "\n".join(lines)


def _summary(s: Summary) -> tuple[str, ...]:
    return (
        s.family,
        str(s.rows),
        str(s.missed),
        "-" if s.median is None else f"{s.median:.1%}",
        "-" if s.ninth_decile is None else f"{s.ninth_decile:.1%}",
        f"{s.within:.0%} in {s.band:.0%}",
        "-" if s.covered is None else f"{s.covered:.0%}",
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
