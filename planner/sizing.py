"""`planner size`: every workload on every accelerator, before money and room: nodes, rate, what limits it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from planner import demand, nodes
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import FabricLink, NodeBuild
from planner.plan import ComplianceEntry
from planner.pricing import PriceBook
from planner.problem import screen
from planner.request import Request, Workload

MOST_NODES = 8192


def size_table(request: Request, catalog: Catalog, on: dt.date) -> list[dict[str, Any]]:
    """One row per workload and accelerator: the build with the fewest nodes that does it, or the reason it cannot."""
    verdicts, accepted, _ = screen(request, catalog, on)
    built, refused = nodes.build_nodes(catalog, request, accepted, PriceBook(catalog, request))
    by_accelerator: dict[str, list[NodeBuild]] = {}
    for node in built:
        by_accelerator.setdefault(node.accelerator, []).append(node)
    rows = []
    for workload in request.workloads:
        wanted = (
            catalog.expand_accelerator(workload.accelerator) if workload.accelerator else sorted(catalog.accelerators)
        )
        for accelerator in wanted:
            if accelerator not in accepted:
                rows.append(_row(workload, accelerator, reason=_refused(verdicts[accelerator])))
                continue
            builds = by_accelerator.get(accelerator, [])
            if not builds:
                reason = next(
                    (r.message for r in refused if accelerator in r.part), "no buildable server of the catalog"
                )
                rows.append(_row(workload, accelerator, reason=reason))
                continue
            rows.append(_best(request, catalog, workload, accelerator, builds))
    return rows


def _refused(entry: ComplianceEntry) -> str:
    """Why the rules leave an accelerator out, short."""
    if entry.import_side == "import_restricted" and entry.verdict in ("no_licence_required", "domestic_supply"):
        return f"restricted by the importing side; export side: {entry.short}"
    return entry.short


def _best(
    request: Request, catalog: Catalog, workload: Workload, accelerator: str, builds: list[NodeBuild]
) -> dict[str, Any]:
    """The fewest accelerators over the builds of one accelerator; among equals the highest rate."""
    best: tuple[tuple[float, ...], dict[str, Any]] | None = None
    reason = "no build can do it"
    for node in builds:
        for link in _links(node):
            found = _sized(request, catalog, workload, node, link)
            if isinstance(found, Rejection):
                reason = found.message
                continue
            count, rate = found
            row = _row(
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
                details=dict(rate.details),
            )
            key = (count * node.accelerators, -rate.planning)
            if best is None or key < best[0]:
                best = (key, row)
    return best[1] if best is not None else _row(workload, accelerator, reason=reason)


def _links(node: NodeBuild) -> list[FabricLink]:
    none = FabricLink(technology=None, gbps_per_node=0.0)
    if not node.compute_ports or not node.compute_technologies:
        return [none]
    technology = node.compute_technologies[0]
    return [none, FabricLink(technology=technology, gbps_per_node=node.compute_ports * node.compute_gbps)]


def _sized(
    request: Request, catalog: Catalog, workload: Workload, node: NodeBuild, link: FabricLink
) -> tuple[int, demand.Rate] | Rejection:
    sizing = request.preferences.sizing
    if workload.maximise is not None:
        count = 1
    else:
        smallest = demand.smallest_count(workload, node, link, catalog, sizing, most=MOST_NODES)
        if isinstance(smallest, Rejection):
            return smallest
        count = smallest
    if count > 1 and link.technology is None and workload.kind != "inference":
        return Rejection(node.id, "no-fabric", f"{node.id} needs {count} nodes and has no compute NIC")
    rate = demand.rate(workload, node, link, count, catalog, sizing)
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
    return {"workload": workload.name, "accelerator": accelerator, **empty, **figures, "reason": reason}
