"""Who stands where: every device of a plan by its label, with rack, unit and what plugs into which network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from planner.catalog import Catalog
from planner.floorplan import Floor, floor_of
from planner.parts import ManagementNode
from planner.plan import PlanLine, PlannedFabric, PlannedRack, Pool, StorageChoice
from planner.wiring.ports import PortClash

OOB_UPLINKS = 2  # of each out-of-band switch into the in-band network


class Built(Protocol):
    """What wiring reads of a plan; a plan has all of it, and so has a plan that is being written."""

    @property
    def pools(self) -> Sequence[Pool]: ...
    @property
    def fabrics(self) -> Sequence[PlannedFabric]: ...
    @property
    def racks(self) -> Sequence[PlannedRack]: ...
    @property
    def lines(self) -> Sequence[PlanLine]: ...
    @property
    def storage(self) -> StorageChoice | None: ...
    @property
    def request(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Device:
    """One device: its label, part, rack (number from 0), the rack's units, lowest unit and height."""

    label: str
    part: str
    rack: int
    rack_units: int
    unit: int
    units: int

    @property
    def spot(self) -> tuple[int, int, float]:
        """Where its ports are: rack, units of the rack, middle of the device in units."""
        return (self.rack, self.rack_units, self.unit - 1 + self.units / 2)


def pool_names(pools: Sequence[Pool]) -> list[str]:
    """The name that devices of each pool carry: its workload, with a number where a workload has several pools."""
    seen: dict[str, int] = {}
    found = []
    for pool in pools:
        seen[pool.workload] = seen.get(pool.workload, 0) + 1
        count = seen[pool.workload]
        found.append(pool.workload if count == 1 else f"{pool.workload}-{count}")
    return found


class Directory(dict[str, Device]):
    """Devices by label; one that stands in no rack is a plan that cannot be cabled."""

    def __missing__(self, label: str) -> Device:
        raise PortClash(f"{label} stands in no rack of this plan; make the plan again with planner optimize.")


def directory(plan: Built) -> Directory:
    """Every racked device by its label."""
    found = {
        item.label: Device(item.label, item.item, k, rack.units, item.bottom_unit, item.units)
        for k, rack in enumerate(plan.racks)
        for item in rack.items
    }
    return Directory(found)


def floor(plan: Built, catalog: Catalog) -> Floor:
    """The floor on which the racks of a plan stand."""
    part = next((catalog.racks[r.part] for r in plan.racks if r.part is not None and r.part in catalog.racks), None)
    return floor_of(
        plan.request["site"], len(plan.racks), part.width_mm if part else None, part.depth_mm if part else None
    )


def links_per_port(catalog: Catalog, nic: str | None, net: PlannedFabric | None) -> int:
    """Links that one compute port of an adapter runs as on a fabric."""
    known = catalog.nics.get(nic or "")
    return 1 if known is None or net is None else known.links.get(net.technology, 1)


def compute_port(port: int, links: int) -> str:
    """The name of a compute link (from 0) of a device; of the links of one port, 5/1 and 5/2."""
    return f"compute {port // links + 1}/{port % links + 1}" if links > 1 else f"compute {port + 1}"


def role_of(catalog: Catalog, part: str) -> str:
    """What a racked part does: node, network, storage, management or cooling."""
    groups = (("network", catalog.switches), ("storage", catalog.storage), ("management", catalog.management))
    found = next((role for role, parts in groups if part in parts), "node")
    return "cooling" if part in catalog.cooling else found


def switches(net: PlannedFabric) -> Iterator[tuple[str, str]]:
    """Tier and label of every switch of a network, leaves first."""
    for tier, count in (("leaf", net.leaf), ("spine", net.spine), ("core", net.core)):
        for k in range(count):
            yield tier, f"{net.name} {tier} {k + 1}"


def plugs(plan: Built, catalog: Catalog, network: str) -> Iterator[tuple[str, str, int]]:
    """(device, name of its first port, ports) of everything that plugs into a shared network, nodes first."""
    field = {"in-band": "in_band", "oob": "oob", "storage": "storage"}[network]
    for name, pool in zip(pool_names(plan.pools), plan.pools, strict=True):
        count = getattr(pool.ports, field)
        for k in range(pool.nodes if count else 0):
            yield f"{name} node {k + 1}", network, count
    managers = list(_management(plan, catalog, "management"))
    if network == "in-band":
        yield from ((f"management {k + 1}", network, part.inband_ports) for k, part in enumerate(managers))
        yield from _fabric_managers(plan, catalog, network)
        for net in plan.fabrics:
            if net.role == "oob":
                yield from ((f"{net.name} leaf {k + 1}", "uplink", OOB_UPLINKS) for k in range(net.leaf))
    elif network == "oob":
        yield from ((f"management {k + 1}", network, 1) for k in range(len(managers)))
        yield from _fabric_managers(plan, catalog, network)
        yield from ((f"storage system {k + 1}", network, 1) for k in range(_blocks(plan)))
        combined = any(net.role == "oob" and not net.leaf for net in plan.fabrics)
        for net in plan.fabrics:
            if not (combined and net.role == "in-band"):
                yield from ((label, "mgmt", 1) for _, label in switches(net))
    elif plan.storage is not None:
        ports = catalog.storage[plan.storage.system].ports
        yield from ((f"storage system {k + 1}", network, ports) for k in range(_blocks(plan)))
        if not any(catalog.switches[n.switch].manager_ports for n in plan.fabrics if n.role == "storage"):
            for label, part in fabric_managers(plan, catalog, network):
                yield label, "fabric", part.fabric_ports


def fabric_managers(plan: Built, catalog: Catalog, network: str | None = None) -> Iterator[tuple[str, ManagementNode]]:
    """Label and part of every appliance that manages a fabric (of one network, or of all)."""
    count: dict[str, int] = {}
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, ManagementNode) and part.role == "fabric-manager" and network in (None, line.group):
            for _ in range(line.quantity):
                count[line.group] = count.get(line.group, 0) + 1
                yield f"{line.group} manager {count[line.group]}", part


def manager_ends(plan: Built, catalog: Catalog, network: str) -> Iterator[tuple[str, str]]:
    """Ports of a compute fabric's managers towards its leaves, manager by manager."""
    for label, part in fabric_managers(plan, catalog, network):
        yield from ((label, f"fabric {k + 1}") for k in range(part.fabric_ports))


def _fabric_managers(plan: Built, catalog: Catalog, network: str) -> Iterator[tuple[str, str, int]]:
    """What plugs into in-band (ports as the catalog says) and out-of-band (one port) networks."""
    for label, part in fabric_managers(plan, catalog):
        ports = part.inband_ports if network == "in-band" else 1
        if ports:
            yield label, network, ports


def _management(plan: Built, catalog: Catalog, role: str) -> Iterator[ManagementNode]:
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, ManagementNode) and part.role == role:
            yield from (part for _ in range(line.quantity))


def _blocks(plan: Built) -> int:
    return 0 if plan.storage is None else plan.storage.blocks
