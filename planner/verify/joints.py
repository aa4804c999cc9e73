"""Who is joined to whom, derived a second time: every device by its label, every cable with those at its ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import ManagementNode
from planner.plan import Plan, PlannedFabric, Pool
from planner.verify import trees
from planner.verify.ports import OOB_UPLINKS, combined, node_ports

PEERS = 2
MOST_LINKS = 5_000_000  # far above any site; numbers beyond are nonsense


@dataclass(frozen=True, slots=True)
class Joint:
    """One cable: network that buys it, kind, label at the switch end, labels at the far end."""

    network: str
    kind: str
    near: str
    far: tuple[str, ...]


# -- devices ----------------------------------------------------------------------------------------------------------
def pool_names(plan: Plan) -> list[str]:
    """Pools of one workload are told apart by a number."""
    count: Counter[str] = Counter()
    names = []
    for pool in plan.pools:
        count[pool.workload] += 1
        number = count[pool.workload]
        names.append(pool.workload + (f"-{number}" if number > 1 else ""))
    return names


def labels(plan: Plan, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Every device that a plan has, by label, with its part."""
    for name, pool in zip(pool_names(plan), plan.pools, strict=True):
        yield from ((f"{name} node {k}", pool.chassis) for k in range(1, pool.nodes + 1))
    for net in plan.fabrics:
        for tier in ("leaf", "spine", "core"):
            yield from ((f"{net.name} {tier} {k}", net.switch) for k in range(1, getattr(net, tier) + 1))
    for label, part, _ in servers(plan, catalog):
        yield label, part
    for line in plan.lines:
        unit = catalog.cooling.get(line.part)
        if unit is not None and unit.role == "cdu" and unit.rack_units:
            yield from ((f"cdu {k}", line.part) for k in range(1, min(line.quantity, MOST_LINKS) + 1))
    if plan.storage is not None:
        yield from ((f"storage system {k}", plan.storage.system) for k in range(1, plan.storage.blocks + 1))


def servers(plan: Plan, catalog: Catalog) -> Iterator[tuple[str, str, int]]:
    """Management servers, then fabric managers, with their in-band ports."""
    for role in ("management", "fabric-manager"):
        number: Counter[str] = Counter()
        for line in plan.lines:
            part = catalog.parts.get(line.part)
            if isinstance(part, ManagementNode) and part.role == role:
                group = "management" if role == "management" else f"{line.group} manager"
                for _ in range(min(line.quantity, 100_000)):
                    number[group] += 1
                    yield f"{group} {number[group]}", line.part, part.inband_ports


# -- cables -----------------------------------------------------------------------------------------------------------
def joints(plan: Plan, catalog: Catalog, legs: dict[tuple[str, str], int]) -> Iterator[Joint]:
    for net in plan.fabrics:
        if net.role == "compute":
            yield from _to_leaves(plan, catalog, net, legs.get((net.name, "node"), 1))
        else:
            yield from _plugged(plan, catalog, net, legs.get((net.name, "node"), 1))
        per = max((legs.get((net.name, kind), 1) for kind in ("trunk", "peer")), default=1)
        yield from _trunks(plan, catalog, net, per)


def compute_joints(plan: Plan, catalog: Catalog, net: PlannedFabric) -> Iterator[Joint]:
    """Links between the leaves of a compute fabric and its nodes and managers, one by one."""
    yield from _to_leaves(plan, catalog, net, 1)


def _to_leaves(plan: Plan, catalog: Catalog, net: PlannedFabric, legs: int) -> Iterator[Joint]:
    """Node links: by rail within a scalable unit, else in order; unjoined switches take whole replicas."""
    ends: list[str] = []
    span = 1
    for name, pool in zip(pool_names(plan), plan.pools, strict=True):
        if pool.fabric == net.name:
            trays = catalog.chassis[pool.chassis].fabric_units
            ends += [f"{name} node {k // trays + 1}" for k in range(pool.nodes * trays)]
            wide = pool.predicted[0].layout.get("nodes") if pool.predicted else None
            span = int(wide or 1) * trays
    if not ends:
        return
    each = net.endpoints // len(ends)
    plain = [end for end, count in _port_counts(plan, catalog, net) for _ in range(count // net.planes)]  # of a plane
    switch = catalog.switches[net.switch]
    radix = switch.ports if net.gbps == switch.gbps else switch.split.get(f"{net.gbps:g}", switch.ports)
    share = max(1, radix // switch.ports)
    below = round(net.oversubscription * (net.links_leaf_spine // net.leaf) * share) if net.spine else radix
    later = len(ends) + int(plan.request["preferences"]["fabric"].get("reserve_nodes", 0))
    wired: list[list[str]] = []
    for leaf in range(net.leaf):
        if net.topology == "islands":
            cage = max(1, radix // max(1, switch.cages))
            room = max(1, radix // (-(-each // cage) * cage * span) * span)
            wires = [e for e in ends[leaf * room : (leaf + 1) * room] for _ in range(each)]
        elif net.topology == "rail" and net.spine:
            wires = _rails(ends, leaf % (net.leaf // net.planes), each // net.planes, below, later, not net.core)
        else:
            place = leaf % (net.leaf // net.planes)
            wires = plain[place * below : (place + 1) * below]
        wired.append(wires)
    managers = [
        label
        for label, part, _ in servers(plan, catalog)
        if label.rsplit(" ", 1)[0] == f"{net.name} manager"
        for _ in range(catalog.management[part].fabric_ports)
    ]
    up = net.links_leaf_spine // net.leaf if net.spine else 0
    ruled = _managed(net, managers, [(switch.ports - up) * share - len(wires) for wires in wired])
    for leaf, (wires, above) in enumerate(zip(wired, ruled, strict=True)):
        row = [*wires, *above]
        step = each if net.topology == "islands" else max(1, len(row))  # there a cable serves one node
        for first in range(0, len(row), step):
            part = row[first : first + step]
            for k in range(0, len(part), legs):
                yield Joint(net.name, "node", f"{net.name} leaf {leaf + 1}", tuple(part[k : k + legs]))


def _rails(ends: list[str], leaf: int, rails: int, below: int, later: int, low: bool) -> list[str]:
    """Units below a leaf, once per rail that it has: of sets of `below` units the last may have fewer leaves."""
    number = min(leaf // rails, later // below)
    own = trees.rail_set(later, number, rails, below, low) if number * below < later else 0
    place, each = leaf - number * rails, trees.up_to(rails, max(1, own))
    held = max(0, min(rails - place * each, each)) if place < own else 0
    return ends[number * below : (number + 1) * below] * held


def _port_counts(plan: Plan, catalog: Catalog, net: PlannedFabric) -> Iterator[tuple[str, int]]:
    """Every node (or tray) below a fabric with its ports, pool by pool."""
    for name, pool in zip(pool_names(plan), plan.pools, strict=True):
        if pool.fabric == net.name:
            trays = catalog.chassis[pool.chassis].fabric_units
            ports = node_ports(plan, pool, catalog).compute // trays
            yield from ((f"{name} node {k // trays + 1}", ports) for k in range(pool.nodes * trays))


def _managed(net: PlannedFabric, managers: list[str], room: list[int]) -> list[list[str]]:
    """Fabric managers by leaf: one on each of the last leaves with a free port, round after round."""
    seats: Counter[int] = Counter()
    left = net.links_other
    while left:
        free = [leaf for leaf in reversed(range(net.leaf)) if seats[leaf] < room[leaf]][:left]
        if not free:
            break
        seats.update(free)
        left -= len(free)
    ends = iter(managers)
    return [[next(ends, "") for _ in range(seats[leaf])] for leaf in range(net.leaf)]


def _plugged(plan: Plan, catalog: Catalog, net: PlannedFabric, legs: int) -> Iterator[Joint]:
    """Devices in order, spread evenly over leaves or pairs of leaves; where a leaf is full, the first with room.

    In pairs the first of the same side, so that both ports of a device are on two switches.
    """
    devices = list(_devices(plan, catalog, net.role))
    leaves = max(1, net.leaf)
    owner = "in-band" if net.role == "oob" and not net.leaf else net.name
    switch = catalog.switches[net.switch]
    small = combined(plan) is not None and net.role == "in-band"
    radix = switch.uplink_ports if small else _endpoint_ports(switch.ports, net, switch.split, switch.gbps)
    room = [radix - (0 if small else _kept(net) * max(1, radix // switch.ports))] * leaves
    pairs = leaves // 2 if net.redundancy == "pair" and leaves % 2 == 0 else 0
    done = 0
    slow = next((n for n in plan.fabrics if n.role == "oob"), None)
    own = slow is not None and (catalog.switches[slow.switch].uplink_gbps or 0) < 100
    front = sum(pool.nodes * ports_in(plan, pool, catalog, net.role) for pool in plan.pools)
    cage = radix // max(1, switch.cages)
    if cage > 1 and not small:
        wires = [
            (label, slow.name if up and own and slow else net.name, up) for label, n, up in devices for _ in range(n)
        ]
        yield from _in_cages(net, wires, (cage, front, room, legs))
        return
    for label, ports, uplink in devices:
        share, begun = (front, 0) if done < front else (max(1, net.endpoints - front), front)
        first = done - begun
        for k in range(ports):
            if pairs:
                seat = min(pairs - 1, first * pairs // share) * 2 + k % 2
            else:
                seat = min(leaves - 1, (done - begun) * leaves // share)
            if not room[seat]:
                sides = (*range(seat % 2, leaves, 2), *range(leaves)) if pairs else range(leaves)
                seat = next((s for s in sides if room[s]), seat)
            room[seat] -= 1
            done += 1
            buyer = slow.name if uplink and own and slow is not None else net.name
            yield Joint(buyer, "uplink" if uplink else "node", f"{owner} leaf {seat + 1}", (label,))


def _in_cages(
    net: PlannedFabric, wires: list[tuple[str, str, bool]], rules: tuple[int, int, list[int], int]
) -> Iterator[Joint]:
    """Ports by whole cages, one to each switch of a pair in turn: (device, buyer of the cable, uplink) in order.

    `rules`: ports of a cage, how many ports are of nodes, ports free on each leaf, legs of a cable.
    """
    cage, front, room, legs = rules
    sides = 2 if net.redundancy == "pair" and len(room) % 2 == 0 else 1
    size, places = cage * sides, len(room) // sides
    sets = [wires[k : k + size] for k in range(0, len(wires), size)]
    if sides == 2 and len(sets) > 1 and len(sets[-1]) == 1:  # it is joined by the last of the set before
        sets[-1] = [sets[-2][-1], *sets[-1]]
        sets[-2] = sets[-2][:-1]
    split = -(-front // size)
    start = 0
    for k, members in enumerate(sets):
        begun, share = (0, split) if k < split else (split, len(sets) - split)
        place = (k - begun) * places // share
        if any(n < cage for n in room[place * sides : place * sides + sides]):
            able = (p for p in range(places) if all(n >= cage for n in room[p * sides : p * sides + sides]))
            place = next(able, place)
        for side in range(sides):
            seat = place * sides + side
            room[seat] -= cage
            mine = [w for j, w in enumerate(members, start) if j % sides == side]
            for first in range(0, len(mine), legs):
                part = mine[first : first + legs]
                kind = "uplink" if legs == 1 and part[0][2] else "node"
                buyer = part[0][1] if legs == 1 else net.name
                yield Joint(buyer, kind, f"{net.name} leaf {seat + 1}", tuple(label for label, _, _ in part))
        start += len(members)


def _endpoint_ports(native: int, net: PlannedFabric, split: dict[str, int], gbps: float) -> int:
    return native if net.role == "oob" or net.gbps == gbps else split.get(f"{net.gbps:g}", native)


def _kept(net: PlannedFabric) -> int:
    """Native ports of a leaf that lead to its peer and to spines."""
    if net.role == "oob" or not net.links_leaf_spine:
        return 0
    peers = PEERS if net.redundancy == "pair" else 0
    return peers + ((net.links_leaf_spine - peers * (net.leaf // 2)) // net.leaf if net.spine else 0)


def ports_in(plan: Plan, pool: Pool, catalog: Catalog, role: str) -> int:
    own = node_ports(plan, pool, catalog)
    return {"in-band": own.in_band, "oob": own.oob, "storage": own.storage}[role]


def _devices(plan: Plan, catalog: Catalog, role: str) -> Iterator[tuple[str, int, bool]]:
    """(label, ports, whether it is an out-of-band uplink) of what plugs into a shared network, in order."""
    for name, pool in zip(pool_names(plan), plan.pools, strict=True):
        ports = ports_in(plan, pool, catalog, role)
        yield from ((f"{name} node {k}", ports, False) for k in range(1, pool.nodes + 1) if ports)
    blocks = plan.storage.blocks if plan.storage is not None else 0
    if role == "storage" and plan.storage is not None:
        ports = catalog.storage[plan.storage.system].ports
        yield from ((f"storage system {k}", ports, False) for k in range(1, blocks + 1))
        if not any(catalog.switches[n.switch].manager_ports for n in plan.fabrics if n.role == "storage"):
            for label, part, _ in servers(plan, catalog):
                if label.startswith("storage manager "):
                    yield label, catalog.management[part].fabric_ports, False
        return
    yield from ((label, ports if role == "in-band" else 1, False) for label, _, ports in servers(plan, catalog))
    if role == "in-band":
        for net in plan.fabrics:
            if net.role == "oob":
                yield from ((f"{net.name} leaf {k}", OOB_UPLINKS, True) for k in range(1, net.leaf + 1))
        return
    yield from ((f"storage system {k}", 1, False) for k in range(1, blocks + 1))
    for net in plan.fabrics:
        if combined(plan) is None or net.role != "in-band":
            for tier in ("leaf", "spine", "core"):
                yield from ((f"{net.name} {tier} {k}", 1, False) for k in range(1, getattr(net, tier) + 1))


def _trunks(plan: Plan, catalog: Catalog, net: PlannedFabric, per: int) -> Iterator[Joint]:
    """Peers of a pair; leaves striped over spines; spines of equal place in their pods over one group of cores.

    A cable carries `per` links between the same two switches; where there are cores, one.
    """
    pair = net.redundancy == "pair" and net.role != "compute" and net.links_leaf_spine
    for k in range(1, net.leaf, 2):
        for _ in range(PEERS // per if pair else 0):
            yield Joint(net.name, "peer", f"{net.name} leaf {k}", (f"{net.name} leaf {k + 1}",) * per)
    if not net.spine:
        return
    up = (net.links_leaf_spine - (PEERS * (net.leaf // 2) if pair else 0)) // net.leaf
    for plane in range(net.planes):
        yield from _tree(plan, catalog, net, plane, up, per)


def _tree(plan: Plan, catalog: Catalog, net: PlannedFabric, plane: int, up: int, per: int) -> Iterator[Joint]:
    """Links between the switches of one plane, which are numbered after those of the planes before."""
    leaves, spines, cores = net.leaf // net.planes, net.spine // net.planes, net.core // net.planes
    leaf_0, spine_0, core_0 = plane * leaves + 1, plane * spines + 1, plane * cores + 1
    if not cores:
        for leaf in range(leaves):
            for k in range(up // per):
                tops = (f"{net.name} spine {spine_0 + k % spines}",) * per
                yield Joint(net.name, "trunk", f"{net.name} leaf {leaf_0 + leaf}", tops)
        return
    half, spine, turn = catalog.switches[net.switch].ports // 2, 0, 0
    rails, later = _growth(plan, catalog, net)
    for rail in range(rails):
        group = range(rail, later, rails)
        for start in range(0, len(group), half):
            pod = group[start : start + half]
            own = min(s for s in range(1, up + 1) if up % s == 0 and s * half >= len(pod) * up)
            built = [leaf for leaf in pod if leaf < leaves]
            for leaf in built:
                for k in range(up):
                    top = f"{net.name} spine {spine_0 + spine + k % own}"
                    yield Joint(net.name, "trunk", f"{net.name} leaf {leaf_0 + leaf}", (top,))
            for k in range(len(built) * up):
                low = spine + k // (len(built) * up // own)
                above = (f"{net.name} core {core_0 + turn % cores}",)
                yield Joint(net.name, "core", f"{net.name} spine {spine_0 + low}", above)
                turn += 1
            spine += own


def _growth(plan: Plan, catalog: Catalog, net: PlannedFabric) -> tuple[int, int]:
    """Groups of leaves by rail, and leaves of one plane when the reserved nodes have come."""
    leaves = net.leaf // net.planes
    if net.role != "compute":
        return 1, leaves
    units = sum(p.nodes * catalog.chassis[p.chassis].fabric_units for p in plan.pools if p.fabric == net.name)
    each = net.endpoints // units // net.planes
    reserve = int(plan.request["preferences"]["fabric"].get("reserve_nodes", 0))
    switch = catalog.switches[net.switch]
    radix = switch.ports if net.gbps == switch.gbps else switch.split.get(f"{net.gbps:g}", switch.ports)
    below = round(net.oversubscription * (net.links_leaf_spine // net.leaf) * max(1, radix // switch.ports))
    if net.topology == "rail":
        last = trees.up_to(units + reserve, below) - 1
        return each, max(leaves, last * each + trees.rail_set(units + reserve, last, each, below, not net.core))
    return 1, max(leaves, -(-((units + reserve) * each + net.links_other) // below))
