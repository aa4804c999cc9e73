"""How fast shared storage must be: what the request says, else the published profile and the checkpoint rule.

read  = max(profile read × accelerators ÷ 256, profile read of one node, checkpoint ÷ restart time)
write = max(profile write × accelerators ÷ 256, profile write of one node, checkpoint ÷ flush window)
checkpoint = Σ over training runs of parameters × bytes per parameter.

Figures and sources: catalogs/estimates/storage.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.catalog import Catalog
from planner.demand.models import model_of
from planner.demand.upkeep import Speed
from planner.parts import StorageSystem
from planner.request import Request


def needed(catalog: Catalog, request: Request) -> tuple[Speed, Speed]:
    """Read and write speed that the request needs. Without a storage key: nothing."""
    need = request.storage
    if need is None:
        return Speed(0, 0, ""), Speed(0, 0, "")
    rules = catalog.table("estimates/storage")
    size = checkpoint_gb(catalog, request, rules["checkpoint"])
    rule = rules["checkpoint"]
    window = min(rule["interval_s"] * rule["window_share"], rule["window_most_s"])
    read = _speed(need.read_gb_per_s, need.profile, "read", rules, size / rule["restart_s"], f"{rule['restart_s']} s")
    write = _speed(need.write_gb_per_s, need.profile, "write", rules, size / window, f"{window:g} s")
    return read, write


def checkpoint_speed(catalog: Catalog, request: Request) -> Speed | None:
    """What shared storage writes checkpoints with, as far as the request says or implies; None without storage.

    It is the speed that is asked of storage, not that of the system that is chosen, so it does not depend on the plan.
    """
    return None if request.storage is None else needed(catalog, request)[1]


def node_speed(catalog: Catalog, request: Request) -> float:
    """GB/s that one node reads or writes by the asked profile; 0 without one."""
    if request.storage is None or request.storage.profile is None:
        return 0.0
    row = catalog.table("estimates/storage")["profile"][request.storage.profile]
    return float(max(row["node_read"], row["node_write"]))


def block_speeds(system: StorageSystem, gbps: float) -> tuple[float, float]:
    """GB/s that a block reads and writes where its ports run at `gbps`: never more than the ports carry."""
    wire = system.ports * gbps / 8
    return min(system.read_gb_per_s, wire), min(system.write_gb_per_s, wire)


def _speed(
    given: float | None, profile: str | None, way: str, rules: Mapping[str, Any], rule: float, seconds: str
) -> Speed:
    if given is not None:
        return Speed(given, 0, "as asked")
    words = []
    least = each = 0.0
    if profile is not None:
        row = rules["profile"][profile]
        least, each = float(row[f"node_{way}"]), row[way] / rules["profile"]["accelerators"]
        words.append(f"profile {profile}, {row[way]} GB/s per {rules['profile']['accelerators']} accelerators")
    if rule:
        act = "read back" if way == "read" else "written"
        words.append(f"checkpoints {act} within {seconds} at {rule:.2f} GB/s")
    return Speed(max(least, rule), each, "; ".join(words) or "nothing asked")


def checkpoint_gb(catalog: Catalog, request: Request, rule: Mapping[str, Any]) -> float:
    """State of all training runs of language models in GB (10^9 bytes): parameters × bytes per parameter."""
    models = [model_of(w, catalog) for w in request.workloads if w.kind == "training" and w.model is not None]
    return float(sum(m.params_total_b * rule["bytes_per_parameter"] for m in models))
