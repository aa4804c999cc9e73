"""What the commands print: text for people, JSON for machines. No arithmetic."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from planner import compliance, parts
from planner.catalog import Catalog, nearest
from planner.errors import InputError, Mistake, NoPlan, PlannerError, UnknownPart
from planner.plan import ComplianceEntry, Plan
from planner.request import Request
from planner.units import readable

KINDS: dict[str, type[parts.Record]] = {
    "accelerators": parts.Accelerator,
    "chassis": parts.Chassis,
    "baseboards": parts.Baseboard,
    "cpus": parts.Cpu,
    "memory": parts.Dimm,
    "drives": parts.Drive,
    "nics": parts.Nic,
    "bridges": parts.Bridge,
    "switches": parts.Switch,
    "optics": parts.Optic,
    "cables": parts.Cable,
    "storage": parts.StorageSystem,
    "racks": parts.Rack,
    "pdus": parts.Pdu,
    "management": parts.ManagementNode,
    "software": parts.Software,
    "models": parts.TrainingModel,
}


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


def verdicts(entries: Sequence[ComplianceEntry]) -> str:
    """Verdicts with rules and citations, one block each."""
    blocks = []
    for entry in entries:
        lines = [f"{entry.part}: {entry.verdict.replace('_', ' ')} on {entry.on}", f"  {entry.summary}"]
        if entry.classification:
            lines.append(f"  classification: {entry.classification}")
        if entry.rules:
            lines.append(f"  rules: {', '.join(entry.rules)}")
        if entry.review_policy:
            lines.append(f"  review policy: {entry.review_policy}")
        lines += [f"  source: {c}" for c in entry.citations]
        lines += [f"  assumed: {a}" for a in entry.assumed]
        blocks.append("\n".join(lines))
    blocks.append("This is a screening by published rules; it does not replace a review by the exporter.")
    return "\n".join(blocks)


def alternatives(answer: Mapping[str, Any]) -> str:
    """What `planner explain` says."""
    out = [answer["headline"], "", "Limits:"]
    out.append(
        table(
            ("limit", "have", "used", "slack", "one more step buys"),
            [
                (r["name"], _figure(r["have"]), _figure(r["used"]), _figure(r["slack"]), r["step"] or "")
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
    return "\n".join(out)


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


def _figure(value: float | None) -> str:
    return "no limit" if value is None else readable(value)


# -- catalog ---------------------------------------------------------------------------------------------------------
def catalog_list(catalog: Catalog, kind: str) -> str:
    """Id, maker, model, lifecycle and the best-graded price of every part of a kind."""
    records = _kind(catalog, kind)
    rows: list[tuple[str, ...]] = []
    for part_id, part in sorted(records.items()):
        price = catalog.prices.get(part_id, ())
        shown = (
            f"{price[0].currency} {price[0].typical:,} ({price[0].grade}, {price[0].as_of})" if price else "no price"
        )
        if isinstance(part, parts.Part):
            rows.append((part_id, part.vendor, part.model, part.lifecycle, shown))
        else:
            rows.append((part_id, "", getattr(part, "name", ""), "", ""))
    return table(("id", "maker", "model", "lifecycle", "price"), rows)


def catalog_show(catalog: Catalog, part_id: str) -> str:
    """One record in full with its price rows."""
    for kind in KINDS:
        record = _kind(catalog, kind).get(part_id)
        if record is not None:
            data = plain(record)
            data["prices"] = [plain(p) for p in catalog.prices.get(part_id, ())]
            return json.dumps({k: v for k, v in data.items() if v not in (None, [], {})}, ensure_ascii=False, indent=2)
    known = [i for kind in KINDS for i in _kind(catalog, kind)]
    raise UnknownPart("part", part_id, nearest(part_id, known))


def _kind(catalog: Catalog, kind: str) -> Mapping[str, parts.Record]:
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise InputError(
            [Mistake("kind", None, None, f"expected one of {', '.join(KINDS)}, got {kind}. Nearest: {hint}")]
        )
    found: Mapping[str, parts.Record] = getattr(catalog, "dimms" if kind == "memory" else kind)
    return found


def lint(catalog: Catalog) -> list[str]:
    """References between records that point nowhere, and prices of parts that do not exist."""
    findings = []
    for chassis in catalog.chassis.values():
        findings += [
            f"chassis {chassis.id}: takes {a}, which is not an accelerator"
            for a in chassis.takes
            if a not in catalog.accelerators
        ]
        findings += [
            f"chassis {chassis.id}: CPU {c} is not in the catalog" for c in chassis.cpus if c not in catalog.cpus
        ]
        findings += [
            f"chassis {chassis.id}: baseboard {b} is not in the catalog"
            for b in chassis.baseboards.values()
            if b not in catalog.baseboards
        ]
    for group, members in catalog.groups.items():
        findings += [f"group {group}: {m} is not an accelerator" for m in members if m not in catalog.accelerators]
    findings += [f"price of {part}: no such part" for part in sorted(catalog.prices) if part not in catalog.parts]
    findings += [
        f"{part.id}: figures with neither source nor estimate"
        for part in catalog.parts.values()
        if not (part.sources or part.estimates or part.unverified)
        and not (isinstance(part, parts.Software) and part.percent is None)  # a licence has no figures of its own
    ]
    findings += compliance.lint(catalog)
    return findings


def schema(what: str) -> dict[str, Any]:
    """JSON schemas generated from the models."""
    if what == "site":
        return Request.model_json_schema()
    if what == "plan":
        return Plan.model_json_schema(mode="serialization")
    if what == "catalog":
        return {kind: model.model_json_schema() for kind, model in KINDS.items()}
    raise InputError([Mistake("schema", None, None, f"expected site, plan or catalog, got {what}.")])
