"""Two plans side by side: totals, pools, networks, and the lines that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planner.errors import InputError, Mistake
from planner.plan import Plan, PlanLine

FIGURES = (
    ("capex", "money"),
    ("opex_per_year", "money"),
    ("tco", "money"),
    ("accelerators", "count"),
    ("nodes", "count"),
    ("racks", "count"),
    ("it_power_kw", "kW"),
    ("facility_power_kw", "kW"),
    ("weight_kg", "kg"),
)


def compare(first: Plan, second: Plan) -> dict[str, Any]:
    """Differences of the second plan against the first, JSON-able.

    Amounts of different currencies are never subtracted: InputError says so.
    """
    one, two = first.totals.currency, second.totals.currency
    if one != two:
        message = f"the plans are in {one} and {two}; plan both in one currency to compare them."
        raise InputError([Mistake("compare", None, None, message)])
    totals = []
    for name, unit in FIGURES:
        a, b = getattr(first.totals, name), getattr(second.totals, name)
        a, b = (None if a is None else float(a)), (None if b is None else float(b))
        change = None if a is None or b is None else round(b - a, 3)
        share = None if change is None or not a else change / a
        totals.append({"name": name, "unit": unit, "first": a, "second": b, "change": change, "relative": share})
    return {
        "projects": [first.project, second.project],
        "currency": one,
        "totals": totals,
        "pools": [_pools(first), _pools(second)],
        "fabrics": [_fabrics(first), _fabrics(second)],
        "lines": _lines(first, second),
    }


def _pools(plan: Plan) -> list[str]:
    return [f"{p.workload}: {p.nodes} × {p.chassis}, {p.accelerators} × {p.accelerator}" for p in plan.pools]


def _fabrics(plan: Plan) -> list[str]:
    return [f"{f.name}: {f.leaf}/{f.spine}/{f.core} × {f.switch}, {f.cables} cables" for f in plan.fabrics]


def _lines(first: Plan, second: Plan) -> list[dict[str, Any]]:
    """Parts whose quantity or unit price differs, in part order."""
    a, b = _by_part((*first.lines, *first.yearly)), _by_part((*second.lines, *second.yearly))
    found = []
    for part in sorted(set(a) | set(b)):
        before, after = a.get(part), b.get(part)
        if before == after:
            continue
        found.append(
            {
                "part": part,
                "state": "added" if before is None else "removed" if after is None else "changed",
                "quantity": [before[0] if before else 0, after[0] if after else 0],
                "unit_price": [before[1] if before else None, after[1] if after else None],
                "extended": [before[2] if before else 0.0, after[2] if after else 0.0],
            }
        )
    return found


def _by_part(lines: Sequence[PlanLine]) -> dict[str, tuple[int, float, float]]:
    """Quantity, unit price and extended price of each part over all its lines."""
    found: dict[str, tuple[int, float, float]] = {}
    for line in lines:
        count, _, total = found.get(line.part, (0, 0.0, 0.0))
        found[line.part] = (count + line.quantity, float(line.unit_price), round(total + float(line.extended), 2))
    return found


def render(result: dict[str, Any]) -> str:
    """The comparison as text."""
    first, second = result["projects"]
    out = [f"{first}  →  {second}   ({result['currency']})", ""]
    for row in result["totals"]:
        before, after = _figure(row["first"]), _figure(row["second"])
        change = "" if row["change"] is None else f"{row['change']:+,.2f}"
        share = "" if row["relative"] is None else f"{row['relative']:+.1%}"
        out.append(f"{row['name']:20} {before:>18} {after:>18} {change:>18} {share:>8}")
    for title in ("pools", "fabrics"):
        before, after = result[title]
        if before != after:
            out += ["", f"{title}:", *(f"  - {line}" for line in before), *(f"  + {line}" for line in after)]
    if result["lines"]:
        out += ["", "lines that differ:"]
    for row in result["lines"]:
        counts = f"{row['quantity'][0]:,} → {row['quantity'][1]:,}"
        money = f"{row['extended'][0]:,.2f} → {row['extended'][1]:,.2f}"
        out.append(f"  {row['state']:8} {row['part']:34} {counts:>18}   {money:>32}")
    if not result["lines"] and result["pools"][0] == result["pools"][1]:
        out += ["", "no line differs."]
    return "\n".join(out)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
