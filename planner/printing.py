"""What the commands print: text for people, JSON for machines. No arithmetic."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from planner import compliance, parts
from planner.catalog import Catalog, nearest
from planner.errors import InputError, Mistake, NoPlan, PlannerError, UnknownPart
from planner.plan import Plan, Pool
from planner.request import Request

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


def summary(plan: Plan, files: Sequence[Path]) -> str:
    """What `planner optimize` says: the build, what it costs, what limits it, and the open questions."""
    totals, objective = plan.totals, plan.objective
    proof = "proven best, gap 0" if plan.status == "optimal" else f"within {objective.gap:.1%} of the best possible"
    out = [f"{plan.project}: {objective.name.replace('_', ' ')}, {proof}."]
    for pool in plan.pools:
        memory = f"{pool.memory_gb:,.0f} GB"
        out.append(
            f"  {pool.workload}: {pool.nodes} × {pool.chassis} with {pool.accelerators_per_node} × {pool.accelerator}"
            f" = {pool.accelerators} accelerators; {_processors(pool)}, {memory}, {_drives(pool)} per node"
        )
        for predicted in pool.predicted:
            asked = "" if predicted.asked is None else f", asked {predicted.asked:,.6g}"
            unproven = " (unproven: nobody has published a comparable run)" if predicted.unproven else ""
            out.append(
                f"    {predicted.quantity}: {predicted.value:,.6g} {predicted.unit}"
                f" ({predicted.low:,.6g} to {predicted.high:,.6g}){asked}{unproven}"
            )
    for net in plan.fabrics:
        switches = ", ".join(
            f"{count} {name}" for name, count in (("leaf", net.leaf), ("spine", net.spine), ("core", net.core)) if count
        )
        out.append(f"  {net.name}: {switches} × {net.switch}, {net.cables} cables ({net.technology}, {net.topology})")
    if plan.storage is not None:
        store = plan.storage
        out.append(f"  storage: {store.blocks} × {store.system}, {store.usable_tb:,.0f} TB usable")
    out.append(
        f"  {totals.racks} racks, {totals.it_power_kw:,.1f} kW IT at most,"
        f" {totals.facility_power_kw:,.1f} kW at the meter"
    )
    tax = f", of which tax {totals.tax:,.2f}" if totals.tax else ", without tax"
    out.append(
        f"  Capital {totals.currency} {totals.capex:,.2f}{tax}"
        f" (range {totals.capex_low:,.0f} to {totals.capex_high:,.0f})"
    )
    if totals.tco is not None:
        out.append(f"  Ownership over {totals.tco_years} years {totals.currency} {totals.tco:,.2f}")
    bound = [
        f"{limit.name} ({limit.used:,g} of {limit.have:,g})" for limit in plan.limits if limit.binding and limit.have
    ]
    if bound:
        out.append("  Limited by: " + ", ".join(bound))
    for note in plan.assumptions:
        if note.kind == "price" and note.name == "price age":
            out.append(f"  {note.text}")
    for question in plan.open_questions:
        out.append(f"  Open: {question.text}")
    out.append(f"  {len(plan.assumptions)} assumptions are listed in the documents.")
    out += [f"wrote {file}" for file in files]
    return "\n".join(out)


def _processors(pool: Pool) -> str:
    """The CPUs of a node; a fixed system's datasheet text may name their number itself."""
    if pool.cpu is None:
        return "CPU on board"
    return pool.cpu if pool.cpu[:1].isdigit() else f"{pool.cpus_per_node} × {pool.cpu}"


def _drives(pool: Pool) -> str:
    return f"{pool.nvme_tb:g} TB NVMe" if pool.nvme_tb else "NVMe not stated"


def fabric(made: Mapping[str, Any]) -> str:
    rows = [(k.replace("_", " "), v) for k, v in made.items() if not isinstance(v, list | tuple | dict)]
    text = table(("", ""), rows)
    lines = made.get("lines") or ()
    if lines:
        parts_table = table(("part", "quantity"), [(ln["part"], ln["quantity"]) for ln in plain(lines)], right=(1,))
        text += "\n\n" + parts_table
    return text


def sizes(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ("workload", "accelerator", "nodes", "cards", "delivers", "range", "limited by, or why not")
    return table(
        head,
        [
            (
                r["workload"],
                r["accelerator"],
                r["nodes"] if r["nodes"] is not None else "-",
                r["accelerators"] if r["accelerators"] is not None else "-",
                "-" if r["value"] is None else f"{r['value']:,.5g} {r['unit']}",
                "-" if r["low"] is None else f"{r['low']:,.5g} to {r['high']:,.5g}",
                (r["limiting_factor"] or "") + (" (unproven)" if r["unproven"] else "")
                if r["reason"] is None
                else r["reason"],
            )
            for r in rows
        ],
        right=(2, 3),
    )


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
    out += ["", "Not chosen:"]
    out.append(
        table(
            ("part", "best plan that uses it costs more", "or what excludes it"),
            [(r["part"], r["extra"] or "-", r["reason"] or "") for r in answer["alternatives"]],
            right=(1,),
        )
    )
    out += ["", "By what is accepted of the export rules (never what is embargoed or presumed to be denied):"]
    out.append(
        table(
            ("accepted", "", "accelerators", "nodes", "capital", "objective"),
            [
                (
                    row["name"],
                    "as asked" if row["asked"] else "",
                    ", ".join(row["accelerators"]) or "-",
                    "-" if row["nodes"] is None else row["nodes"],
                    "-" if row["capital_without_tax"] is None else f"{row['capital_without_tax']:,.2f}",
                    row["change"],
                )
                for row in answer["acceptance"]
            ],
            right=(3, 4),
        )
    )
    told = dict.fromkeys(v for row in answer["acceptance"] for v in row["verdicts"])
    out += [f"  {verdict}" for verdict in told]
    lead = next((row["licence_lead_days"] for row in answer["acceptance"]), None)
    if any("licence required" in v for v in told):
        out.append(
            f"  Days until a licence: {lead}, the requester's own figure; nobody can promise one."
            if lead
            else "  How long a licence takes is not known; compliance.licence_lead_days takes your own figure."
        )
    return "\n".join(out)


def _figure(value: float | None) -> str:
    return "no limit" if value is None else f"{value:,.10g}"


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
