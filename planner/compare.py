"""Two plans side by side: totals, pools, networks, and the lines that differ in quantity or price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from planner.errors import InputError, Mistake
from planner.plan import Plan, PlanLine
from planner.units import half_up, readable

FIGURES = (
    ("capex", "money"),
    ("opex_per_year", "money"),
    ("energy_per_year", "money"),
    ("tco", "money"),
    ("accelerators", "count"),
    ("nodes", "count"),
    ("racks", "count"),
    ("rack_units", "count"),
    ("it_power_kw", "kW"),
    ("facility_power_kw", "kW"),
    ("weight_kg", "kg"),
)
CALLED = {"opex_per_year": "services per year"}  # without energy; the limit budget.opex_per_year counts it too
POOL_FIELDS = (
    "accelerator",
    "accelerators",
    "chassis",
    "nodes",
    "spare_nodes",
    "cpu",
    "memory_gb",
    "nvme_tb",
    "nic",
    "fabric",
    "precision",
)
FABRIC_FIELDS = (
    "technology",
    "switch",
    "gbps",
    "topology",
    "tiers",
    "planes",
    "leaf",
    "spine",
    "core",
    "endpoints",
    "cables",
)


def compare(first: Plan, second: Plan) -> dict[str, Any]:
    """Differences of the second plan against the first, JSON-able: the same plan twice gives no difference.

    `totals` has every figure with its absolute and relative change (None where either is not known, or the first is
    0); `pools` (by workload), `fabrics` (by name) and `lines` (by part) hold only what differs. Amounts of different
    currencies are never subtracted: InputError says so.
    """
    one, two = first.totals.currency, second.totals.currency
    if one != two:
        message = f"the plans are in {one} and {two}; plan both in one currency to compare them."
        raise InputError([Mistake("compare", None, None, message)])
    return {
        "projects": [first.project, second.project],
        "currency": one,
        "same_catalog": first.provenance.catalog_hash == second.provenance.catalog_hash,
        "rule_dates": [first.provenance.rule_date, second.provenance.rule_date],
        "totals": [
            _figure_row(name, unit, getattr(first.totals, name), getattr(second.totals, name)) for name, unit in FIGURES
        ],
        "notes": _notes(first, second),
        "pools": _entries(_pools(first), _pools(second)),
        "fabrics": _entries(_fabrics(first), _fabrics(second)),
        "lines": _lines(first, second),
    }


def _figure_row(name: str, unit: str, first: Any, second: Any) -> dict[str, Any]:
    """Both figures, second - first, and that over the first."""
    change: Any = None if first is None or second is None else second - first
    share = None if change is None or not first else float(change) / float(first)
    return {
        "name": name,
        "unit": unit,
        "first": _number(first),
        "second": _number(second),
        "change": None if change is None else round(_number(change) or 0, 3),
        "relative": share,
    }


def _number(value: Any) -> int | float | None:
    return float(value) if isinstance(value, Decimal) else value


def _notes(first: Plan, second: Plan) -> list[str]:
    """What makes the totals of two plans hard to compare."""
    found = []
    a, b = first.totals, second.totals
    if a.tco_years != b.tco_years:
        found.append(f"ownership cost is over {a.tco_years} and {b.tco_years} years")
    if bool(a.tax) != bool(b.tax):
        found.append("capital is with tax in one plan and without in the other")
    if first.provenance.catalog_hash != second.provenance.catalog_hash:
        found.append("the plans were made from different catalogs")
    if first.provenance.rule_date != second.provenance.rule_date:
        found.append(f"rules and prices are of {first.provenance.rule_date} and {second.provenance.rule_date}")
    return found


# -- pools and networks ----------------------------------------------------------------------------------------------
def _pools(plan: Plan) -> dict[str, dict[str, Any]]:
    """Pools by workload; several pools of one workload are numbered."""
    found: dict[str, dict[str, Any]] = {}
    for pool in plan.pools:
        name, number = pool.workload, 1
        while name in found:
            number += 1
            name = f"{pool.workload} ({number})"
        found[name] = {field: getattr(pool, field) for field in POOL_FIELDS}
    return found


def _fabrics(plan: Plan) -> dict[str, dict[str, Any]]:
    return {net.name: {field: getattr(net, field) for field in FABRIC_FIELDS} for net in plan.fabrics}


def _entries(first: Mapping[str, dict[str, Any]], second: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Added, removed and changed entries by name; `changes` maps a field to its two values."""
    found = []
    for name in dict.fromkeys((*first, *second)):
        before, after = first.get(name), second.get(name)
        if before == after:
            continue
        fields = before or after or {}
        pairs = {f: [before[f] if before else None, after[f] if after else None] for f in fields}
        found.append(
            {"name": name, "state": _state(before, after), "changes": {f: p for f, p in pairs.items() if p[0] != p[1]}}
        )
    return found


def _state(before: object, after: object) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


# -- lines -----------------------------------------------------------------------------------------------------------
def _lines(first: Plan, second: Plan) -> list[dict[str, Any]]:
    """Parts whose quantity or unit price differs, bought before yearly, dearest change first."""
    a, b = _by_part(first), _by_part(second)
    found = []
    for key in dict.fromkeys((*a, *b)):
        before, after = a.get(key), b.get(key)
        if before == after:
            continue
        yearly, part = key
        (count, extended), (count_after, extended_after) = before or (0, Decimal(0)), after or (0, Decimal(0))
        found.append(
            {
                "part": part,
                "yearly": yearly,
                "state": _state(before, after),
                "quantity": [count, count_after],
                "unit_price": [_unit_price(count, extended), _unit_price(count_after, extended_after)],
                "extended": [float(extended), float(extended_after)],
                "change": float(extended_after - extended),
            }
        )
    return sorted(found, key=lambda row: (row["yearly"], -abs(row["change"]), row["part"]))


def _by_part(plan: Plan) -> dict[tuple[bool, str], tuple[int, Decimal]]:
    """Pieces and extended price of each part over all its lines."""
    found: dict[tuple[bool, str], tuple[int, Decimal]] = {}
    groups: tuple[tuple[bool, Sequence[PlanLine]], ...] = ((False, plan.lines), (True, plan.yearly))
    for yearly, lines in groups:
        for line in lines:
            count, extended = found.get((yearly, line.part), (0, Decimal(0)))
            found[yearly, line.part] = (count + line.quantity, extended + line.extended)
    return found


def _unit_price(count: int, extended: Decimal) -> float | None:
    """The average unit price in cents' precision; a part has one price, lines by a rule may have several."""
    return half_up(extended / count * 100) / 100 if count else None


# -- text ------------------------------------------------------------------------------------------------------------
def render(result: Mapping[str, Any]) -> str:
    """The comparison as text tables."""
    first, second = result["projects"]
    out = [f"{first}  →  {second}   ({result['currency']})"]
    out += [f"note: {note}" for note in result["notes"]]
    rows = [
        (
            CALLED.get(row["name"], row["name"].replace("_", " ")),
            _shown(row["first"], row["unit"]),
            _shown(row["second"], row["unit"]),
            "" if row["change"] is None else f"{row['change']:+,.{_places(row['unit'])}f}",
            "" if row["relative"] is None else f"{row['relative']:+.1%}",
        )
        for row in result["totals"]
    ]
    out += ["", *_table(("", "first", "second", "change", ""), rows)]
    for title in ("pools", "fabrics"):
        for entry in result[title]:
            kept = {"added": slice(1, 2), "removed": slice(0, 1), "changed": slice(0, 2)}[entry["state"]]
            pairs = ((f.replace("_", " "), pair[kept]) for f, pair in entry["changes"].items())
            changes = "; ".join(f"{name} {_pair(values[0], values[-1])}" for name, values in pairs)
            out += ["", f"{title}: {entry['name']} {entry['state']}", f"  {changes}"]
    if result["lines"]:
        lines = [
            (
                row["state"],
                row["part"] + (" (yearly)" if row["yearly"] else ""),
                _pair(*(f"{n:,}" for n in row["quantity"])),
                _pair(*("-" if p is None else f"{p:,.2f}" for p in row["unit_price"])),
                f"{row['change']:+,.2f}",
            )
            for row in result["lines"]
        ]
        out += ["", *_table(("lines", "part", "quantity", "unit price", "change"), lines, left=2)]
    elif not result["pools"] and not result["fabrics"]:
        out += ["", "No line differs."]
    return "\n".join(out)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Columns as wide as their widest cell; the first `left` ones to the left, the others to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    return [
        "  ".join(
            c.ljust(w) if k < left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def _places(unit: str) -> int:
    return {"count": 0, "money": 2}.get(unit, 1)


def _shown(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.{_places(unit)}f}"


def _pair(before: object, after: object) -> str:
    """Both values, or one where they are the same; whole floats without their fraction."""
    texts = [readable(v) if isinstance(v, float) else "-" if v is None else str(v) for v in (before, after)]
    return texts[0] if texts[0] == texts[1] else " → ".join(texts)
