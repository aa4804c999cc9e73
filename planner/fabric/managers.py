"""Fabric managers: the appliances that run the subnet manager of an InfiniBand fabric, their ports and licences.

A pair for fabrics from one scalable unit on and for unmanaged switches; smaller ones run the subnet manager on a
managed switch (DGX BasePOD). Ethernet has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import ManagementNode, Technology

# Reference pods have fabric managers from one scalable unit of 32 nodes, one of them given up for them.
MANAGED_FROM_NODES = 31


@dataclass(frozen=True, slots=True)
class Managers:
    """`count` appliances of one part; `ports` leaf ports in all (0 where switches have ports of their own for it)."""

    part: ManagementNode
    count: int
    ports: int


def fabric_manager(catalog: Catalog) -> ManagementNode | None:
    """The appliance that is planned."""
    offered = [m for m in catalog.management.values() if m.role == "fabric-manager" and m.lifecycle == "current"]
    return min(offered, key=lambda m: m.id, default=None)


def fabric_managers(
    catalog: Catalog, switch_id: str, nodes: int, technology: Technology, each: int = 2
) -> Managers | None:
    """What a fabric of `nodes` fabric nodes on this switch gets, `each` appliances; None where it needs none."""
    if technology != "infiniband" or not each:
        return None
    switch = catalog.switches[switch_id]
    if nodes < MANAGED_FROM_NODES and switch.managed:
        return None
    part = fabric_manager(catalog)
    if part is None:
        return None
    return Managers(part, each, 0 if switch.manager_ports else each * part.fabric_ports)
