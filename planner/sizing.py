"""`planner size`: every workload on every accelerator, before money and room: nodes, rate, what limits it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from planner import compliance, demand, nodes, storage_need
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import FabricLink, NodeBuild
from planner.plan import ComplianceEntry
from planner.pricing import PriceBook
from planner.request import Request, Workload
from planner.worked import Delivered, work_energy

MOST_NODES = 8192


def size_table(request: Request, catalog: Catalog, on: dt.date) -> list[dict[str, Any]]:
    """One row per workload and accelerator: the build with the fewest nodes that does it, or the reason it cannot."""
    verdicts, accepted, _ = compliance.screen_all(request, catalog, on)
    built, refused = nodes.build_nodes(catalog, request, accepted, PriceBook(catalog, request))
    by_accelerator: dict[str, list[NodeBuild]] = {}
    for node in built:
        by_accelerator.setdefault(node.accelerator, []).append(node)
    storage = storage_need.checkpoint_speed(catalog, request)
    different = {accelerator: _different(builds, catalog) for accelerator, builds in by_accelerator.items()}
    rows = []
    for workload in request.workloads:
        wanted = (
            catalog.expand_accelerator(workload.accelerator) if workload.accelerator else sorted(catalog.accelerators)
        )
        for accelerator in wanted:
            if accelerator not in accepted:
                verdict = verdicts[accelerator]
                rows.append(_row(workload, accelerator, reason=_refused(verdict), group=_verdict_group(verdict)))
                continue
            builds = different.get(accelerator, [])
            if not builds:
                reason = next(
                    (r.message for r in refused if accelerator in r.part), "no buildable server of the catalog"
                )
                rows.append(_row(workload, accelerator, reason=reason, group=_group(reason, accelerator)))
                continue
            rows.append(_best(request, catalog, workload, accelerator, builds, storage))
    return rows


def _refused(entry: ComplianceEntry) -> str:
    """Why the rules leave an accelerator out, short."""
    if entry.import_side == "import_restricted" and entry.verdict in ("no_licence_required", "domestic_supply"):
        return f"restricted by the importing side; export side: {entry.short}"
    return entry.short


def _best(
    request: Request,
    catalog: Catalog,
    workload: Workload,
    accelerator: str,
    builds: list[tuple[int, NodeBuild, FabricLink]],
    storage: demand.Speed | None,
) -> dict[str, Any]:
    """The fewest accelerators over the builds of one accelerator; among equals the highest rate, then the first."""
    best: tuple[tuple[float, ...], NodeBuild, int, demand.Rate] | None = None
    reasons: dict[int, str] = {}
    for place, node, link in builds:
        most = MOST_NODES if best is None else int(best[0][0]) // node.accelerators
        found = _sized(request, catalog, workload, node, link, most, storage, known=best is not None)
        if isinstance(found, Rejection):
            reasons[place] = found.message
            continue
        count, rate = found
        key = (float(count * node.accelerators), -rate.planning, float(place))
        if best is None or key < best[0]:
            best = (key, node, count, rate)
    if best is None:
        reason = reasons[max(reasons)] if reasons else "no build can do it"
        return _row(workload, accelerator, reason=reason, group=_group(reason, accelerator))
    _, node, count, rate = best
    return _row(
        workload,
        accelerator,
        node=node.id,
        nodes=count,
        accelerators=count * node.accelerators,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        unit=rate.unit,
        limiting_factor=rate.limiting_factor,
        unproven=rate.unproven,
        layout=dict(rate.layout),
        details=dict(rate.details) | _energy(request, catalog, workload, node, count, rate),
    )


def _different(builds: list[NodeBuild], catalog: Catalog) -> list[tuple[int, NodeBuild, FabricLink]]:
    """Builds with their links, each with its place in the order; the most promising first, so that others are soon
    known to be no better. Builds that differ in processors or memory only come out alike; the first stands for them."""
    found: dict[object, tuple[int, NodeBuild, FabricLink]] = {}
    for node in builds:
        for link in _links(node):
            alike = demand.hardware_key(node, link, catalog)
            if alike not in found:
                found[alike] = (len(found), node, link)
    return sorted(found.values(), key=lambda f: (-f[2].gbps_per_node / f[1].accelerators, -f[1].accelerators, f[0]))


def _energy(
    request: Request, catalog: Catalog, workload: Workload, node: NodeBuild, count: int, rate: demand.Rate
) -> dict[str, float | str | None]:
    """Energy of the nodes alone: of a run of known length, else of a year; and per million of what is done."""
    days, used = rate.details.get("days"), rate.details.get("accelerators_used")
    asked = demand.target(workload).value
    delivered = Delivered(
        rate.value if workload.kind == "training" else asked or rate.value,
        days if isinstance(days, float) else None,
        int(used) if isinstance(used, int | float) else 0,
    )
    energy = work_energy(catalog, request, workload.name, [workload], node.typical_power_kw * count, delivered)
    found: dict[str, float | str | None] = {
        "energy_mwh": energy.kwh / 1000.0,
        "energy_period": energy.period,
        "energy_cost": None if energy.cost is None else float(energy.cost),
        "energy_currency": None if energy.cost is None else request.budget.currency,
    }
    for each in energy.per_million:
        found[f"kwh_per_million_{each.unit.replace(' ', '_')}"] = each.kwh
    return found


def _links(node: NodeBuild) -> list[FabricLink]:
    none = FabricLink(technology=None, gbps_per_node=0.0)
    if not node.compute_ports or not node.compute_technologies:
        return [none]
    technology = node.compute_technologies[0]
    return [none, FabricLink(technology=technology, gbps_per_node=node.compute_ports * node.compute_gbps)]


def _sized(
    request: Request,
    catalog: Catalog,
    workload: Workload,
    node: NodeBuild,
    link: FabricLink,
    most: int,
    storage: demand.Speed | None,
    *,
    known: bool,
) -> tuple[int, demand.Rate] | Rejection:
    """The fewest nodes of one build, at most `most`, with their rate. `known`: another build does it with as many
    accelerators, so that this one is looked at more closely only if it does, too (more nodes never rate lower)."""
    sizing = request.preferences.sizing
    if workload.maximise is not None:
        count = 1
    else:
        if known:
            asked = demand.target(workload).value or 0.0
            if most < 1:
                return Rejection(node.id, "outdone", "another build takes fewer accelerators")
            at_most = demand.rate(workload, node, link, most, catalog, sizing, storage)
            if isinstance(at_most, Rejection) or at_most.planning < asked * (1 - 1e-12):
                return Rejection(node.id, "outdone", "another build takes fewer accelerators")
        smallest = demand.smallest_count(workload, node, link, catalog, sizing, most, storage)
        if isinstance(smallest, Rejection):
            return smallest
        count = smallest
    if count > 1 and link.technology is None and workload.kind != "inference":
        return Rejection(node.id, "no-fabric", f"{node.id} needs {count} nodes and has no compute NIC")
    rate = demand.rate(workload, node, link, count, catalog, sizing, storage)
    return rate if isinstance(rate, Rejection) else (count, rate)


def _row(workload: Workload, accelerator: str, reason: str | None = None, **figures: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "node": None,
        "nodes": None,
        "accelerators": None,
        "value": None,
        "low": None,
        "high": None,
        "unit": None,
        "limiting_factor": None,
        "unproven": False,
        "layout": {},
        "details": {},
    }
    return {"workload": workload.name, "accelerator": accelerator, "group": None, **empty, **figures, "reason": reason}


VERDICTS = {
    "licence_required": "export licence required",
    "licence_exception": "only under a licence exception",
    "prohibited": "prohibited",
    "needs_vendor_confirmation": "needs the vendor's confirmation",
    "domestic_supply": "domestic supply",
    "no_licence_required": "no licence required",
}


def _verdict_group(verdict: ComplianceEntry) -> str:
    """Verdict and rule only; the whole reasoning is in `planner comply` and in the JSON."""
    rules = ", ".join(dict.fromkeys(str(r) for r in verdict.rules)) or "its class is unknown"
    return f"Compliance: {VERDICTS.get(verdict.verdict, verdict.verdict)} ({rules})"


def _group(reason: str, accelerator: str) -> str:
    """A reason without what is particular to one accelerator, so that like reasons stand together."""
    text = re.sub(rf"(\d) {re.escape(accelerator)}(?![\w-])", r"\1 cards", reason.rstrip("."))
    text = re.sub(rf"(?<![\w-]){re.escape(accelerator)}(?![\w-])", "it", text)
    text = re.sub(r"^it(: every chassis that takes it is left out)?(:| is|) ", "", text)
    text = re.sub(r"^[a-z0-9-]*\d[a-z0-9-]* (needs a liquid loop|does not fit a rack)", r"its system \1", text)
    return text[0].upper() + text[1:] if text else reason
