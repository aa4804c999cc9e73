"""What `planner size` prints: per workload who can and who cannot. No arithmetic."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from planner.printing import table
from planner.worked import checkpoint_words

UNITS_SHORT = {"tokens_per_s": "tokens/s", "requests_per_s": "requests/s", "samples_per_s": "samples/s"}


def sizes(rows: Sequence[Mapping[str, Any]]) -> str:
    """Per workload the accelerators that can, fewest first; then those that cannot, grouped by reason; last the reasons
    that hold for every workload."""
    workloads = list(dict.fromkeys(r["workload"] for r in rows))
    reasons: dict[str, set[str | None]] = {}
    for r in rows:
        reasons.setdefault(r["accelerator"], set()).add(None if r["reason"] is None else r["group"])
    always = {a for a, found in reasons.items() if len(workloads) > 1 and len(found) == 1 and None not in found}
    out: list[str] = []
    for workload in workloads:
        mine = [r for r in rows if r["workload"] == workload]
        able = sorted((r for r in mine if r["reason"] is None), key=lambda r: (r["accelerators"], r["accelerator"]))
        out += [f"{workload}: {len(able)} of {len(mine)} accelerators can do it.", ""]
        if able:
            head = (
                "accelerator",
                "nodes",
                "cards",
                "delivers",
                "80 % range",
                "time",
                "MWh",
                "GB each",
                "limited by",
                "layout",
            )
            out += [table(head, [_size_row(r) for r in able], right=(1, 2, 3, 5, 6, 7)), ""]
            out += _checkpoints(able[0])
        out += _refusals("Cannot:", [r for r in mine if r["accelerator"] not in always])
    first = [r for r in rows if r["workload"] == workloads[0]] if workloads else []
    out += _refusals("Cannot be used for any of them:", [r for r in first if r["accelerator"] in always])
    out.append("(unproven) = nobody has published a comparable run. Reasons in full and every figure: --json.")
    return "\n".join(out)


def _checkpoints(r: Mapping[str, Any]) -> list[str]:
    """What failures and checkpoints leave of a training job, on the build with the fewest cards."""
    said = checkpoint_words(r["details"])
    if said is None:
        return []
    return [*textwrap.wrap(f"On {r['accelerator']}: {said[0]}", 116, subsequent_indent="  "), ""]


def _refusals(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Accelerators that cannot be used, by reason, the commonest first."""
    groups: dict[str, list[str]] = {}
    for r in rows:
        if r["reason"] is not None:
            groups.setdefault(str(r["group"]), []).append(r["accelerator"])
    if not groups:
        return []
    lines = [title]
    for reason, names in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0])):
        text = f"{reason}: {', '.join(names)}"
        lines += textwrap.wrap(text, 116, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
    return [*lines, ""]


def _size_row(r: Mapping[str, Any]) -> tuple[str, ...]:
    unit = UNITS_SHORT.get(r["unit"], str(r["unit"]))
    days, memory = r["details"].get("days"), r["details"].get("memory_gb_per_accelerator")
    energy = r["details"].get("energy_mwh")
    yearly = "/yr" if r["details"].get("energy_period") == "year" else ""
    return (
        r["accelerator"],
        f"{r['nodes']:,}",
        f"{r['accelerators']:,}",
        f"{_short(r['value'])} {unit}",
        f"{_short(r['low'])} to {_short(r['high'])}",
        "-" if days is None else f"{days:,.1f} d" if days >= 1 else f"{days * 24:,.3g} h",
        "-" if energy is None else (f"{energy:,.0f}" if energy >= 10 else f"{energy:,.2g}") + yearly,
        "-" if memory is None else f"{memory:,.0f}",
        r["limiting_factor"] + (" (unproven)" if r["unproven"] else ""),
        _layout(r["layout"]),
    )


def _layout(layout: Mapping[str, Any]) -> str:
    """t8 p4 d12: what is more than one, tensor, pipeline, context, expert, data."""
    letters = {"tensor": "t", "pipeline": "p", "context": "c", "expert": "e", "data": "d", "replicas": "× "}
    found = [f"{short}{layout[key]}" for key, short in letters.items() if (layout.get(key) or 1) != 1]
    if layout.get("reading"):
        found.append(f"({layout['reading']} read, {layout['writing']} write)")
    return " ".join(found) or "-"


def _short(value: float) -> str:
    """Four digits with k or M, as tables need them."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:,.4g}{letter}"
    return f"{value:,.4g}"
