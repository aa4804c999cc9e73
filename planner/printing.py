"""What the commands print: text for people, JSON for machines. No arithmetic."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from planner import lookup
from planner.errors import AmbiguousPart, InputError, Mistake, NoPlan, PlannerError, UnknownPart
from planner.plan import Plan
from planner.siteschema import site_schema
from planner.units import readable

if TYPE_CHECKING:
    from planner.catalog.essentials import Missing
    from planner.lint import Finding
    from planner.pricelist.importing import Result


def plain(value: Any) -> Any:
    """Any result as JSON-able data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def as_json(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=2)


def plan_json(plan: Plan) -> str:
    return json.dumps(plan.model_dump(mode="json"), ensure_ascii=False, indent=2)


def error(problem: PlannerError) -> dict[str, Any]:
    """An error for machines: what kind, the sentences, and for impossible requests the changes that help."""
    found: dict[str, Any] = {"error": type(problem).__name__, "message": str(problem)}
    if isinstance(problem, InputError):
        found["mistakes"] = [plain(m) for m in problem.mistakes]
    if isinstance(problem, UnknownPart):
        found["nearest"] = list(problem.nearest)
    if isinstance(problem, AmbiguousPart):
        found["candidates"] = list(problem.members)
    if isinstance(problem, NoPlan):
        found["status"] = "infeasible"
        found["explanation"] = plain(problem.explanation)
    return found


# -- tables ----------------------------------------------------------------------------------------------------------
def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = ()) -> str:
    """A plain text table; columns in `right` are right-aligned."""
    body = [[str(c) for c in row] for row in rows]
    widths = [max(len(head[k]), *(len(r[k]) for r in body)) if body else len(head[k]) for k in range(len(head))]
    out = []
    for row in [list(head), *body]:
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def alternatives(answer: Mapping[str, Any]) -> str:
    """What `planner explain` says."""
    out = [answer["headline"], "", "Limits:"]
    out.append(
        table(
            ("limit", "have", "used", "slack", "one more step buys"),
            [
                (_limit_name(r["name"]), _figure(r["have"]), _figure(r["used"]), _figure(r["slack"]), r["step"] or "")
                for r in answer["limits"]
            ],
            right=(1, 2, 3),
        )
    )
    dearer = [r for r in answer["alternatives"] if r["extra"]]
    if dearer:
        out += ["", "Not chosen, and what the best plan that uses it changes:"]
        out.append(table(("part", "change"), [(r["part"], r["extra"]) for r in dearer], right=(1,)))
    left = [r for r in answer["alternatives"] if not r["extra"]]
    if left:
        out += ["", "Left out (planner explain SITE --json has every sentence in full):"]
        out += _by_reason(left)
    if answer.get("acceptance"):
        out += _acceptance(answer["acceptance"])
    return "\n".join(out)


def _acceptance(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The best plans under stricter and looser acceptance of export verdicts, side by side."""
    out = ["", "By what is accepted of the export rules (never what is embargoed or presumed to be denied):"]
    cells = [
        (
            row["name"],
            "as asked" if row["asked"] else "",
            ", ".join(row["accelerators"]) or "-",
            "-" if row["nodes"] is None else row["nodes"],
            "-" if row["capital_without_tax"] is None else f"{row['capital_without_tax']:,.2f}",
            row["change"],
        )
        for row in rows
    ]
    out.append(table(("accepted", "", "accelerators", "nodes", "capital", "objective"), cells, right=(3, 4)))
    told = dict.fromkeys(v for row in rows for v in row["verdicts"])
    out += [f"  {verdict}" for verdict in told]
    lead = next((row["licence_lead_days"] for row in rows), None)
    if lead and any("licence required" in v for v in told):
        out.append(f"  Days until a licence: {lead}, the requester's own figure; nobody can promise one.")
    elif any("licence required" in v for v in told):
        out.append("  How long a licence takes is not known; compliance.licence_lead_days takes your own figure.")
    return out


INDENT = " " * 4


def _by_reason(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each reason once, with the parts that it leaves out: the reason most often met first."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(_reason(row), []).append(row["part"])
    lines = []
    for reason, names in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0])):
        if len(names) == 1:
            lines.append(f"  {names[0]}: {reason}")
            continue
        lines.append(f"  {len(names)} parts: {reason}")
        lines += textwrap.wrap(
            ", ".join(names), 100, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
        )
    return lines


def _reason(row: Mapping[str, Any]) -> str:
    """The sentence of a row without the part that it is about; of a rule its verdict, not figures and notices."""
    text = str(row["reason"]).removeprefix(row["part"]).lstrip(": ").rstrip(".")
    return re.split(r";|\. |: TPP ", text)[0] if str(row["rule"]).startswith("export-") else text


def _limit_name(name: str) -> str:
    """The key of a limit; what the yearly budget counts is said, because plans show services and energy apart."""
    return f"{name} (services and energy per year)" if name == "budget.opex_per_year" else name


def _figure(value: float | None) -> str:
    return "no limit" if value is None else readable(value)


# -- catalog ---------------------------------------------------------------------------------------------------------
def kinds(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many records of every kind there are, and how many cannot be planned with."""
    head = ("kind", "records", "current", "priced", "unplannable")
    body = [["-" if row[h] is None else row[h] for h in head] for row in rows]
    note = "unplannable: lacks an essential figure or a price. Which: planner catalog list KIND --incomplete"
    return table(head, body, right=(1, 2, 3, 4)) + "\n" + note


def part_list(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    if not rows:
        return f"No {kind} match."
    return table(head, rows, right) + f"\n{len(rows)} {kind}"


def gaps(kind: str, looked: int, found: Sequence[Missing]) -> str:
    """Essential figures that parts lack, one row each."""
    if not found:
        return f"All {looked} {kind} have every essential figure."
    rows = [(m.part, m.figure.replace("|", " or "), m.rule or "nothing: never planned with") for m in found]
    parts = len({m.part for m in found})
    out = len({m.part for m in found if m.rule is None})
    return (
        table(("id", "lacks", "what stands in"), rows) + f"\n{parts} of {looked} {kind}; {out} cannot be planned with."
    )


def part(data: Mapping[str, Any]) -> str:
    """One part: figures, then prices, then what is unsure and where it comes from."""
    marks = dict.fromkeys(data.get("unverified") or (), "from memory")
    marks |= {name: f"estimate: {basis}" for name, basis in (data.get("estimates") or {}).items()}
    skip = {"kind", "prices", "incomplete", *lookup.HIDDEN}
    rows = []
    for name, value in data.items():
        if name in skip or value in (None, [], {}):
            continue
        rows.append((name, lookup.words(value), marks.get(name, "")))
    out = [f"{data['id']} ({data['kind']})", table(("", "", ""), rows).strip("\n")]
    if data["prices"]:
        prices = [
            (
                "counts" if p["counts"] else "history",
                f"{p['currency']} {p['typical']}",
                f"{p['low'] or '-'} to {p['high'] or '-'}",
                f"from {p['min_quantity']}",
                f"tax {p['tax_basis']}" + (f" {p['tax_percent']} %" if p["tax_percent"] else ""),
                f"{p['basis']} {p['grade']}",
                p["as_of"],
                p["scope"] or "",
            )
            for p in data["prices"]
        ]
        out += ["", table(("price", "typical", "range", "order", "tax", "basis", "date", "buys"), prices)]
    elif data["kind"] != "models":
        out += ["", "no price"]
    if data["incomplete"]:
        out += ["", "lacks: " + ", ".join(data["incomplete"])]
    for label, key in (("also called", "aliases"), ("notes", "notes")):
        if data.get(key):
            out += ["", f"{label}: {lookup.words(data[key])}"]
    out += ["", "sources:", *(f"  {s}" for s in data.get("sources") or ["none"])]
    return "\n".join(out)


def side_by_side(ids: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]]) -> str:
    """Figures of several parts; a star marks where they differ."""
    body = []
    for name, values in rows:
        cells = [lookup.words(v) for v in values]
        cells = [c if len(c) <= 44 else c[:41] + "..." for c in cells]
        body.append(("*" if len(set(map(str, values))) > 1 else "", name, *cells))
    return table(("", "", *ids), body) + "\n* differs; unknown: nobody published the figure"


def price_list(result: Result, written: Path | None, out: Path | None) -> str:
    """What a supplier's sheet holds: remarks on the whole, then matched, doubtful, unmatched and empty rows.

    The last line says what was or can be written; where `out` was given in vain, the command says so as an error.
    """
    blocks = list(result.remarks)
    matched = result.of("matched")
    rows: list[Sequence[object]]
    head: Sequence[str]
    if matched:
        rows = [
            (r.row, r.part, lookup.price_amount(r.price), f"tax {r.price.tax_basis}"
             + (f" {r.price.tax_percent:f} %" if r.price.tax_percent is not None else ""),
             f"from {r.price.min_quantity}", r.price.valid_until or "", r.text[:48])
            for r in matched if r.price is not None
        ]  # fmt: skip
        head = ("row", "part", "price of one", "tax", "order", "valid until", "the sheet says")
        blocks.append(f"\nmatched: {len(matched)}\n" + table(head, rows, right=(0, 2)))
    doubtful = result.of("doubtful")
    if doubtful:
        rows = [(r.row, r.text[:48], r.why, ", ".join(r.candidates) or r.part or "") for r in doubtful]
        head = ("row", "the sheet says", "why", "may be")
        blocks.append(f"\ndoubtful, not written: {len(doubtful)}\n" + table(head, rows, right=(0,)))
        blocks.append(
            "Answer with --match ROW=ID where the part or an unusual price is in doubt, or correct the sheet."
        )
    for state, title in (("unmatched", "unmatched, not in the catalog"), ("no price", "without a price of their own")):
        some = [r for r in result.rows if r.state == state]
        if some:
            rows = [(r.row, r.text[:60], r.why) for r in some]
            blocks.append(f"\n{title}: {len(some)}\n" + table(("row", "the sheet says", "why"), rows, right=(0,)))
    if written is not None:
        blocks.append(f"\nwrote {written}: {len(matched)} prices. Plan with them: --catalog {out}")
    elif matched:
        rows_said = "the one matched row" if len(matched) == 1 else f"the {len(matched)} matched rows"
        blocks.append(f"\nnothing written: give --out FOLDER to write {rows_said}.")
    elif out is None:
        blocks.append("\nnothing can be written: no row is certain.")
    return "\n".join(blocks)


def lint_summary(
    rules: int, found: Sequence[Finding], summary: Mapping[str, Mapping[str, int]], counts: Sequence[Mapping[str, Any]]
) -> str:
    """The last lines of `catalog lint`: how many findings, and what the figures stand on."""
    errors = sum(f.level == "error" for f in found)
    out = [f"{errors} errors, {len(found) - errors} warnings from {rules} rules, the schemas and the rules of export."]
    out.append("records: " + ", ".join(f"{row['records']} {row['kind']}" for row in counts))
    for title, numbers in (("figures by basis", summary["figures"]), ("price rows by grade", summary["prices"])):
        total = sum(numbers.values()) or 1
        out.append(f"{title}: " + ", ".join(f"{name} {n} ({n / total:.0%})" for name, n in numbers.items()))
    return "\n".join(out)


def schema(what: str) -> dict[str, Any]:
    """JSON schemas generated from the models."""
    if what == "site":
        return site_schema()
    if what == "plan":
        return Plan.model_json_schema(mode="serialization")
    if what == "catalog":
        return lookup.schemas()
    raise InputError([Mistake("schema", None, None, f"expected site, plan or catalog, got {what}.")])
