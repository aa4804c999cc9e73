"""What plugs into each network: ports of nodes, switches, managers and storage, counted from lines and catalog."""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import Chassis, ManagementNode, Nic, StorageSystem, Switch
from planner.plan import Plan, PlanLine, Pool

OOB_UPLINKS = 2  # of each out-of-band switch into the in-band network
SMALL_SITE_NODES = 2  # up to here one combined switch may carry in-band and out-of-band


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Ports of one node by network, and the speed of compute and storage ports in Gbit/s."""

    compute: int
    compute_gbps: float
    storage: int
    storage_gbps: float
    in_band: int
    oob: int
    compute_links: int = 1  # links that one compute port runs as


def node_lines(plan: Plan, pool: Pool) -> list[PlanLine]:
    """The lines of one node build of a pool.

    Lines name the workload that owns them ("shared" where several do) and their build. Where pools hold the same
    chassis and accelerator, the build whose cards, CPU and other figures the pool states is its own.
    """
    sharing = {w["name"] for w in plan.request["workloads"] if w["share"] and w["kind"] == "inference"}
    owners = {"shared" if name in sharing else name for name in pool.workloads}
    groups: dict[str, list[PlanLine]] = {}
    for box in plan.lines:
        if box.part == pool.chassis and box.nodes == pool.nodes and box.pool in owners:
            groups[box.group] = [ln for ln in plan.lines if ln.group == box.group and ln.pool == box.pool]
    return max(groups.values(), key=lambda lines: _likeness(pool, lines), default=[])


def _likeness(pool: Pool, lines: list[PlanLine]) -> int:
    """How many of a pool's figures a group of lines shows."""
    box = next(ln for ln in lines if ln.part == pool.chassis)
    build = box.group.split("/")
    shown = (
        f"{pool.accelerator}x{pool.accelerators_per_node}" in build,
        any(ln.part == pool.cpu for ln in lines),
        any(ln.part == pool.nic for ln in lines),
        abs(box.max_power_w / 1000 - pool.node_power_kw) < 0.0011,
        abs(box.weight_kg - pool.node_weight_kg) < 1e-6,
    )
    return sum(shown)


def node_ports(plan: Plan, pool: Pool, catalog: Catalog) -> NodePorts:
    """Fixed ports of the chassis, and adapters that are bought: pool.nic for compute, one each for what is missing."""
    chassis = catalog.chassis[pool.chassis]
    compute, compute_gbps = _fixed(chassis, "compute")
    storage, storage_gbps = _fixed(chassis, "storage")
    in_band, _ = _fixed(chassis, "in-band")
    bought = 0
    others: list[Nic] = []
    for line in node_lines(plan, pool):
        nic = catalog.nics.get(line.part)
        if nic is None:
            continue
        if nic.id == pool.nic:
            bought += line.quantity // pool.nodes * nic.ports
            compute_gbps = nic.gbps
        else:
            others.append(nic)
    if not in_band and others:
        in_band = min((n for n in others), key=lambda n: n.gbps).ports
    if plan.request["storage"] is not None and not storage and others:
        fastest = max(others, key=lambda n: n.gbps)
        storage, storage_gbps = fastest.ports, fastest.gbps
    links = _links(plan, pool, chassis, catalog)
    compute, compute_gbps = (bought or compute) * links, compute_gbps / links
    return NodePorts(compute, compute_gbps, storage, storage_gbps, in_band, _fixed(chassis, "oob")[0], links)


def _links(plan: Plan, pool: Pool, chassis: Chassis, catalog: Catalog) -> int:
    """Links that each compute port of a pool runs as on its fabric: what its adapter does in that technology."""
    fixed = next((n.nic for n in chassis.fixed_nics if n.role == "compute"), None)
    nic = catalog.nics.get(pool.nic or fixed or "")
    net = next((n for n in plan.fabrics if n.name == pool.fabric), None)
    return nic.links.get(net.technology, 1) if nic is not None and net is not None else 1


def adapters_needed(plan: Plan, pool: Pool, catalog: Catalog) -> int:
    """Adapters beside compute that one node must buy: in-band and storage, where the chassis brings none."""
    chassis = catalog.chassis[pool.chassis]
    missing = 0 if _fixed(chassis, "in-band")[0] else 1
    if plan.request["storage"] is not None and not _fixed(chassis, "storage")[0]:
        missing += 1
    return missing


def _fixed(chassis: Chassis, role: str) -> tuple[int, float]:
    fixed = [n for n in chassis.fixed_nics if n.role == role]
    return sum(n.ports for n in fixed), fixed[0].gbps if fixed else 0.0


def endpoints(plan: Plan, catalog: Catalog) -> dict[str, int]:
    """Endpoints of the in-band, out-of-band and storage networks."""
    nodes = [(pool.nodes, node_ports(plan, pool, catalog)) for pool in plan.pools]
    in_band = sum(n * p.in_band for n, p in nodes)
    oob = sum(n * p.oob for n, p in nodes)
    storage = sum(n * p.storage for n, p in nodes)
    small = combined(plan)
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, ManagementNode):
            in_band += line.quantity * part.inband_ports
            oob += line.quantity
            if line.group == "storage" and not _own_ports(plan, catalog):
                storage += line.quantity * part.fabric_ports
        elif isinstance(part, StorageSystem):
            storage += line.quantity * part.ports
            oob += line.quantity
        elif isinstance(part, Switch) and line.part != small:
            oob += line.quantity
    in_band += sum(OOB_UPLINKS * net.leaf for net in plan.fabrics if net.role == "oob")
    return {"in-band": in_band, "oob": oob, "storage": storage if plan.request["storage"] is not None else 0}


def _own_ports(plan: Plan, catalog: Catalog) -> bool:
    """Whether the storage network's switches have ports of their own for fabric managers."""
    nets = [catalog.switches[n.switch] for n in plan.fabrics if n.role == "storage" and n.switch in catalog.switches]
    return any(switch.manager_ports for switch in nets)


def combined(plan: Plan) -> str | None:
    """The switch of a small site that carries in-band on its uplink ports and out-of-band on the others."""
    out = next((net for net in plan.fabrics if net.role == "oob"), None)
    return out.switch if out is not None and out.leaf == 0 else None
