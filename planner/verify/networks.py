"""Networks: what plugs in, switches and links derived a second time, ports, and the lines that buy all that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import Cable, ManagementNode, Optic, Switch
from planner.plan import Plan, PlanLine, PlannedFabric, Pool
from planner.verify import trees
from planner.verify.ports import OOB_UPLINKS, SMALL_SITE_NODES, combined, endpoints, node_ports

IN_BAND_GBPS = 100.0
OOB_GBPS = 1.0
MANAGED_FROM_NODES = 31  # InfiniBand fabrics of this size have a pair of fabric managers


@dataclass(frozen=True, slots=True)
class Expected:
    """What a network must be: its counts, and the ports its switches give."""

    counts: trees.Counts
    present: int
    topology: str
    redundancy: str = "none"
    planes: int = 1


def check_networks(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Each network against its derivation, and the switches, cables and modules bought for it."""
    counted: Counter[str] = Counter()
    plugged = endpoints(plan, catalog)
    names = Counter(net.name for net in plan.fabrics)
    brought = _brought(plan, catalog)
    for k, net in enumerate(plan.fabrics):
        name = f"fabrics[{k}] ({net.name})"
        if names[net.name] > 1:
            yield f"{name}: the name stands twice"
        switch = catalog.switches.get(net.switch)
        if switch is None:
            yield f"{name}: switch {net.switch} is not in the catalog"
            continue
        counted[net.switch] += net.leaf + net.spine + net.core
        if switch.technology != net.technology:
            yield f"{name}: technology {net.technology}, {net.switch} is {switch.technology}"
        if net.role == "compute":
            yield from _compute(name, plan, net, switch, catalog)
        else:
            yield from _shared(name, plan, net, switch, catalog, plugged[net.role])
        yield from _links(name, net, plan, brought)
        yield from _bought(name, net, [ln for ln in plan.lines if ln.group == net.name], catalog, brought)
    yield from _switches(plan, catalog, counted)
    for role, count in plugged.items():
        if count and not any(net.role == role for net in plan.fabrics):
            yield f"fabrics: {count} ports need a network {role}, there is none"


def _radix(switch: Switch, gbps: float) -> int:
    """Ports at a speed: native, split, or running down; 0 when the switch cannot."""
    if gbps == switch.gbps:
        return switch.ports
    return switch.split.get(f"{gbps:g}", switch.ports if gbps in (25, 50) and gbps < switch.gbps else 0)


def _cage(switch: Switch, radix: int) -> int:
    """Ports of one cage."""
    return max(1, radix // max(1, switch.cages))


def _legs(plan: Plan, net: PlannedFabric, catalog: Catalog) -> int:
    """Links of a cable to devices: breakout cables fill a cage."""
    found = [catalog.cables.get(e.part) for e in plan.cabling if (e.network, e.kind) == (net.name, "node")]
    return max((c.links for c in found if c is not None), default=1)


# -- compute fabrics -------------------------------------------------------------------------------------------------
def _compute(name: str, plan: Plan, net: PlannedFabric, switch: Switch, catalog: Catalog) -> Iterator[str]:
    pools = [p for p in plan.pools if p.fabric == net.name]
    if not pools:
        yield f"{name}: no pool uses it"
        return
    ports = [node_ports(plan, pool, catalog) for pool in pools]
    plugged = sum(pool.nodes * own.compute for pool, own in zip(pools, ports, strict=True))
    if net.endpoints != plugged:
        nodes = sum(pool.nodes for pool in pools)
        yield f"{name}: endpoints {net.endpoints}, {nodes} nodes have {plugged} compute ports"
    for gbps in sorted({own.compute_gbps for own in ports} - {net.gbps}):
        yield f"{name}: gbps {net.gbps:g}, the adapters run at {gbps:g}"
    yield from _owners(name, plan, pools, net)
    if net.planes != 1 and any(own.compute_links != net.planes for own in ports):
        yield f"{name}: planes {net.planes}, its adapters run a port as {ports[0].compute_links} links"
    expected = _derived(plan, pools, net, switch, [own.compute for own in ports], catalog)
    if expected is None:
        yield f"{name}: {net.endpoints} endpoints and {net.links_other} manager ports are no fabric of {net.switch}"
        return
    yield from _same(name, net, expected)
    planes = plan.request["preferences"]["fabric"].get("planes", "auto")
    if planes not in ("auto", net.planes) and not (net.topology == "islands" and planes == 1):
        yield f"{name}: planes {net.planes}, the request says {planes}"
    wanted = plan.request["preferences"]["fabric"]["topology"]
    if net.tiers > 1 and wanted is not None and net.topology != wanted:
        yield f"{name}: topology {net.topology}, the request says {wanted}"


def _owners(name: str, plan: Plan, pools: list[Pool], net: PlannedFabric) -> Iterator[str]:
    """Whose fabric it is, and whether the request lets pools share one."""
    lines = {ln.pool for ln in plan.lines if ln.group == net.name}
    # Lines of a pool's own fabric name its workload; what pools have together names none.
    theirs = {w for pool in pools for w in pool.workloads}
    owners = theirs if None in lines else lines
    if set(net.pools) != owners:
        yield f"{name}: pools {', '.join(net.pools)}, its lines belong to {', '.join(sorted(str(o) for o in owners))}"
    strangers = {str(ln) for ln in lines - {None}} - theirs - {"shared"}
    if strangers:
        yield f"{name}: lines of {', '.join(sorted(strangers))}, which does not use it"
    sharing = plan.request["preferences"]["fabric"].get("sharing", "auto")
    if len(pools) > 1 and sharing == "separate":
        yield f"{name}: {len(pools)} pools share it, the request says separate"
    others = [f.name for f in plan.fabrics if f.role == "compute" and f.topology != "islands" and f.name != net.name]
    kinds = {w["name"]: w["kind"] for w in plan.request["workloads"]}
    if sharing == "shared" and others and sum(kind != "inference" for kind in kinds.values()) > 1:
        yield f"{name}: beside {', '.join(others)}, the request says that pools share one compute fabric"


def _units(pools: list[Pool], catalog: Catalog) -> int:
    """Nodes of pools as networks see them."""
    return sum(pool.nodes * catalog.chassis[pool.chassis].fabric_units for pool in pools)


def _managers(plan: Plan, pools: list[Pool], net: PlannedFabric, catalog: Catalog) -> tuple[int, int, str | None]:
    """Fabric managers of a fabric, the leaf ports they take, and the licence per managed node.

    InfiniBand from 31 nodes on, or where no switch can run the subnet manager; islands run it on their switch.
    """
    switch = catalog.switches[net.switch]
    if net.technology != "infiniband" or net.topology == "islands":
        return 0, 0, None
    if _units(pools, catalog) < MANAGED_FROM_NODES and switch.managed:
        return 0, 0, None
    kinds = sorted((m.id, m) for m in catalog.management.values() if m.role == "fabric-manager")
    if not kinds:
        return 0, 0, None
    part = kinds[0][1]
    count = {"single": 1, "none": 0}.get(plan.request.get("resilience", {}).get("fabric_managers"), 2)
    return count, 0 if switch.manager_ports else count * part.fabric_ports, part.licence


def _derived(
    plan: Plan, pools: list[Pool], net: PlannedFabric, switch: Switch, ports: list[int], catalog: Catalog
) -> Expected | None:
    radix = _radix(switch, net.gbps)
    if net.topology == "islands":
        return _islands(pools[0], net, radix, ports[0], catalog) if len(pools) == 1 else None
    share = max(1, radix // switch.ports) if net.gbps < switch.gbps else 1
    # Ports of one node as networks see it, by pool: they may differ below plain trees and on one switch.
    each = {own // catalog.chassis[pool.chassis].fabric_units for pool, own in zip(pools, ports, strict=True)}
    ratio = float(plan.request["preferences"]["fabric"]["oversubscription"])
    extra = _managers(plan, pools, net, catalog)[1]
    reserve = int(plan.request["preferences"]["fabric"].get("reserve_nodes") or 0)
    rail = net.topology == "rail"
    if net.links_other != extra or (len(each) > 1 and (rail or reserve)):
        return None
    total = sum(pool.nodes * own for pool, own in zip(pools, ports, strict=True))
    units, per = (total // min(each), min(each)) if len(each) == 1 else (total, net.planes)
    if net.planes < 1 or any(own % net.planes for own in each) or (net.planes > 1 and extra):
        return None
    # Every plane is the same tree for its share of each node's ports.
    units = units if len(each) == 1 else total // net.planes
    one = trees.compute(
        units,
        per // net.planes,
        switch.ports,
        share,
        ratio,
        rail,
        extra,
        reserve,
        _legs(plan, net, catalog) // share or 1,
    )
    if one is None:
        return None
    counts = trees.times(one, net.planes)
    shape = "direct" if counts.tiers == 1 else "rail" if rail else "plain"
    return Expected(counts, (counts.leaf + counts.spine + counts.core) * radix, shape, planes=net.planes)


def _islands(pool: Pool, net: PlannedFabric, radix: int, ports: int, catalog: Catalog) -> Expected | None:
    trays = catalog.chassis[pool.chassis].fabric_units
    units, each = pool.nodes * trays, ports // trays
    spans = [p.layout.get("nodes") for p in pool.predicted]
    together = int(spans[0] or 1) * trays if spans else 1
    cage = _cage(catalog.switches[net.switch], radix)
    room = radix // (trees.up_to(each, cage) * cage * together) * together
    if not room:
        return None
    leaf = trees.up_to(units, room)
    return Expected(trees.Counts(leaf, 0, 0, 0, 0, units * each, 1.0), leaf * radix, "islands")


# -- in-band, out-of-band, storage -------------------------------------------------------------------------------------
def _shared(name: str, plan: Plan, net: PlannedFabric, switch: Switch, catalog: Catalog, plugged: int) -> Iterator[str]:
    if net.name != net.role:
        yield f"{name}: name {net.name}, a network of role {net.role} is called so"
    if net.endpoints != plugged:
        yield f"{name}: endpoints {net.endpoints}, {plugged} ports plug into it"
    owners = {ln.pool for ln in plan.lines if ln.nodes is not None and ln.pool is not None}
    if set(net.pools) != owners:
        yield f"{name}: pools {', '.join(net.pools)}, the lines name {', '.join(sorted(owners))}"
    small = combined(plan)
    if small is not None:
        if plan.totals.nodes > SMALL_SITE_NODES:
            yield f"{name}: {plan.totals.nodes} nodes share one combined switch, at most {SMALL_SITE_NODES} may"
        if net.switch != small and net.role != "storage":
            yield f"{name}: switch {net.switch}, the combined switch is {small}"
    yield from _speed(name, plan, net, switch, catalog)
    asked = plan.request["preferences"]["fabric"]["redundancy"]
    paired = plan.request.get("resilience", {}).get(net.role.replace("-", "_"), "pair")
    pair = (asked or paired) == "pair" or net.redundancy == "pair"  # who needs no pair may have one
    if small is not None and net.role != "storage":
        leaf = 1 if net.role == "in-band" else 0
        counts = trees.Counts(leaf, 0, 0, 0, 0, net.endpoints, 1.0)
        present = switch.uplink_ports if net.role == "in-band" else switch.ports
        yield from _same(name, net, Expected(counts, present, "direct"))
        return
    if net.role == "oob":
        leaf = max(1, trees.up_to(net.endpoints, switch.ports))
        counts = trees.Counts(leaf, 0, 0, 0, 0, net.endpoints + OOB_UPLINKS * leaf, 1.0)
        redundancy = "none"
        present = leaf * (switch.ports + switch.uplink_ports)
        yield from _same(name, net, Expected(counts, present, "direct", redundancy))
        return
    radix = _radix(switch, net.gbps)
    share = max(1, radix // switch.ports)
    made = trees.joined(net.role, net.endpoints, switch.ports, share, pair, _cage(switch, radix) // share or 1)
    if made is None:
        yield f"{name}: {net.endpoints} endpoints exceed three tiers of {net.switch}"
        return
    shape = "plain" if made.spine else "direct"
    present = (made.leaf + made.spine + made.core) * radix
    yield from _same(name, net, Expected(made, present, shape, "pair" if pair else "none"))


def _speed(name: str, plan: Plan, net: PlannedFabric, switch: Switch, catalog: Catalog) -> Iterator[str]:
    if net.role == "storage":
        brought = [node_ports(plan, pool, catalog) for pool in plan.pools]
        speeds = [own.storage_gbps for own in brought if own.storage]
        if plan.storage is not None and plan.storage.system in catalog.storage:
            speeds.append(catalog.storage[plan.storage.system].port_gbps)
        slowest = min(speeds, default=net.gbps)
        asked = (plan.request["storage"] or {}).get("technology")
        yield from _one_node(name, plan, net, catalog)
        if asked not in (None, net.technology):
            yield f"{name}: technology {net.technology}, the request says {asked}"
        if net.gbps != slowest or not _radix(switch, net.gbps):
            yield f"{name}: gbps {net.gbps:g}, the slowest port on it has {slowest:g}, {net.switch} has {switch.gbps:g}"
        return
    expected = IN_BAND_GBPS if net.role == "in-band" else OOB_GBPS
    if net.gbps != expected:
        yield f"{name}: gbps {net.gbps:g}, expected {expected:g}"


def _one_node(name: str, plan: Plan, net: PlannedFabric, catalog: Catalog) -> Iterator[str]:
    """Ports that run slower than made for carry what the asked profile gives one node."""
    profile = (plan.request["storage"] or {}).get("profile")
    row = catalog.table("estimates/storage")["profile"][profile] if profile else {"node_read": 0, "node_write": 0}
    for pool in plan.pools:
        own = node_ports(plan, pool, catalog)
        carried = own.storage * net.gbps / 8 / catalog.chassis[pool.chassis].fabric_units
        if own.storage and net.gbps < own.storage_gbps and carried < max(row["node_read"], row["node_write"]):
            yield f"{name}: gbps {net.gbps:g} carry {carried:g} GB/s per node, profile {profile} asks for more"


# -- what both have in common ------------------------------------------------------------------------------------------
def _same(name: str, net: PlannedFabric, expected: Expected) -> Iterator[str]:
    counts = expected.counts
    for field, have, found in (
        ("leaf", net.leaf, counts.leaf),
        ("spine", net.spine, counts.spine),
        ("core", net.core, counts.core),
        ("tiers", net.tiers, counts.tiers),
        ("links_leaf_spine", net.links_leaf_spine, counts.links_leaf_spine),
        ("links_spine_core", net.links_spine_core, counts.links_spine_core),
        ("ports_used", net.ports_used, counts.ports_used),
        ("ports_present", net.ports_present, expected.present),
        ("topology", net.topology, expected.topology),
        ("redundancy", net.redundancy, expected.redundancy),
        ("planes", net.planes, expected.planes),
    ):
        if have != found:
            yield f"{name}: {field} {have}, derived from {net.endpoints} endpoints {found}"
    if abs(net.oversubscription - counts.oversubscription) > 1e-6:
        yield f"{name}: oversubscription {net.oversubscription:g}, its leaves give {counts.oversubscription:g}"


def _links(name: str, net: PlannedFabric, plan: Plan, brought: int) -> Iterator[str]:
    if net.links_node != net.endpoints:
        yield f"{name}: links_node {net.links_node}, {net.endpoints} endpoints"
    own = [e for e in plan.cabling if e.network == net.name and (net.role != "oob" or e.kind != "uplink")]
    pieces = sum(e.quantity for e in own) + (brought if net.role == "in-band" else 0)
    if net.cables != pieces:
        yield f"{name}: cables {net.cables}, {pieces} run to its ports"
    if net.ports_used > net.ports_present:
        yield f"{name}: {net.ports_used} ports used, {net.ports_present} present"


def _brought(plan: Plan, catalog: Catalog) -> int:
    """Ports of the in-band network whose cables out-of-band switches bring: uplinks slower than those ports."""
    nets = [n for n in plan.fabrics if n.role == "oob" and n.switch in catalog.switches]
    return sum(OOB_UPLINKS * n.leaf for n in nets if (catalog.switches[n.switch].uplink_gbps or 0) < IN_BAND_GBPS)


def _bought(name: str, net: PlannedFabric, lines: list[PlanLine], catalog: Catalog, brought: int) -> Iterator[str]:
    """Switches as counted; cables as counted, and enough for every link; fibres end in modules, none idle."""
    switches = sum(ln.quantity for ln in lines if ln.part == net.switch)
    if switches != net.leaf + net.spine + net.core:
        yield f"{name}: {net.leaf + net.spine + net.core} switches counted, its lines buy {switches} × {net.switch}"
    switch = catalog.switches[net.switch]
    # Uplinks as fast as in-band ports are on cables of that network; slower ones bring their own.
    own = net.role == "oob" and (switch.uplink_gbps or 0) < IN_BAND_GBPS
    others = OOB_UPLINKS * net.leaf if own else -brought if net.role == "in-band" else 0
    links = net.links_node + net.links_other + net.links_leaf_spine + net.links_spine_core + others
    pieces = carried = 0
    fibres, modules, sockets = Counter[str](), Counter[str](), Counter[str]()
    for line in lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, Cable):
            pieces += line.quantity
            carried += line.quantity * part.links
            fibres[part.media or ""] += line.quantity if part.kind == "fibre" else 0
        elif isinstance(part, Optic):
            modules[part.media] += line.quantity
            sockets[part.media] += line.quantity * part.links
    if pieces != net.cables + others or links > carried:
        yield f"{name}: {net.cables + others} cables for {links} links, its lines buy {pieces} for at most {carried}"
    for kind in sorted(set(fibres) | set(modules)):
        ends, have, most = 2 * fibres[kind], modules[kind], sockets[kind]
        if not have <= ends <= most:
            yield f"{name}: {fibres[kind]} fibres have {ends} ends, its lines buy {have} modules for at most {most}"


def _has_licence(catalog: Catalog) -> set[str]:
    """Licences per managed node."""
    return {m.licence for m in catalog.management.values() if m.role == "fabric-manager" and m.licence is not None}


def _switches(plan: Plan, catalog: Catalog, counted: Counter[str]) -> Iterator[str]:
    bought: Counter[str] = Counter()
    managers = 0
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, Switch):
            bought[line.part] += line.quantity
        elif isinstance(part, ManagementNode) and part.role == "fabric-manager":
            managers += line.quantity
    for part_id in sorted(set(counted) | set(bought)):
        if counted[part_id] != bought[part_id]:
            yield f"fabrics: {counted[part_id]} × {part_id} counted, the lines buy {bought[part_id]}"
    expected = unlicensed = 0
    for pool in plan.pools:
        if pool.fabric is not None and pool.fabric not in {f.name for f in plan.fabrics}:
            yield f"pools ({pool.workload}): fabric {pool.fabric} is not among the fabrics"
        stored = node_ports(plan, pool, catalog).storage
        unlicensed += pool.nodes * catalog.chassis[pool.chassis].fabric_units if stored else 0
    for net in plan.fabrics:
        pools = [p for p in plan.pools if p.fabric == net.name]
        if not pools or net.switch not in catalog.switches:
            continue
        count, _, licence = _managers(plan, pools, net, catalog)
        if net.technology == "infiniband" and not count and not catalog.switches[net.switch].managed:
            yield f"fabrics ({net.name}): {net.switch} is unmanaged and has no fabric manager"
        expected += count
        nodes = _units(pools, catalog) if count and licence else 0
        unlicensed -= _units([p for p in pools if node_ports(plan, p, catalog).storage], catalog) if nodes else 0
        have = sum(ln.quantity for ln in plan.yearly if ln.group == net.name)
        if have != nodes:
            yield f"fabrics ({net.name}): {nodes} licences of managed nodes needed, the lines hold {have}"
    each = {"single": 1, "none": 0}.get(plan.request.get("resilience", {}).get("fabric_managers"), 2)
    for net in plan.fabrics:
        if net.role == "storage" and net.technology == "infiniband" and net.switch in catalog.switches:
            expected += each if net.spine else 0
            licences = _has_licence(catalog)
            nodes = unlicensed if net.spine and each and licences else 0
            have = sum(ln.quantity for ln in plan.yearly if ln.group == net.name and ln.part in licences)
            if have != nodes:
                yield f"fabrics ({net.name}): {nodes} licences of managed nodes needed, the lines hold {have}"
            if not catalog.switches[net.switch].managed:
                yield f"fabrics ({net.name}): {net.switch} is unmanaged, nobody runs its subnet manager"
    if managers != expected:
        yield f"fabrics: {expected} fabric managers needed, the lines buy {managers}"
