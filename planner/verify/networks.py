"""Networks: the counts of a fat tree derived a second time, ports, links and the switch lines."""

from __future__ import annotations

from collections.abc import Iterator

from planner.catalog import Catalog
from planner.parts import Switch
from planner.plan import Plan, PlannedFabric


def check_networks(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Each fabric's arithmetic, and the switches bought against the switches counted."""
    counted: dict[str, int] = {}
    for k, net in enumerate(plan.fabrics):
        name = f"fabrics[{k}] ({net.name})"
        switch = catalog.switches.get(net.switch)
        if switch is None:
            yield f"{name}: switch {net.switch} is not in the catalog"
            continue
        counted[net.switch] = counted.get(net.switch, 0) + net.leaf + net.spine + net.core
        if switch.technology != net.technology:
            yield f"{name}: {net.switch} is {switch.technology}, not {net.technology}"
        yield from _counts(name, net, switch)
    bought: dict[str, int] = {}
    for line in plan.lines:
        if line.part in catalog.switches:
            bought[line.part] = bought.get(line.part, 0) + line.quantity
    for part in sorted(set(counted) | set(bought)):
        if counted.get(part, 0) != bought.get(part, 0):
            yield f"fabrics: {counted.get(part, 0)} × {part} counted, the lines buy {bought.get(part, 0)}"
    yield from _endpoints(plan)


def _radix(switch: Switch, gbps: float) -> int:
    if gbps == switch.gbps:
        return switch.ports
    if f"{gbps:g}" in switch.split:
        return switch.split[f"{gbps:g}"]
    return switch.uplink_ports if gbps == switch.uplink_gbps else switch.ports


def _counts(name: str, net: PlannedFabric, switch: Switch) -> Iterator[str]:
    switches = net.leaf + net.spine + net.core
    radix = _radix(switch, net.gbps)
    share = max(1, radix // switch.ports) if net.gbps < switch.gbps else 1
    trunk = net.links_leaf_spine + net.links_spine_core
    if net.role == "oob":
        used = net.endpoints + 2 * net.leaf
        present = net.leaf * (switch.ports + switch.uplink_ports)
        if net.leaf == 0:  # carried by the combined switch of a small site
            used, present = net.endpoints, switch.ports
    elif net.role == "in-band" and net.gbps == switch.uplink_gbps and net.leaf == 1:
        used, present = net.endpoints, switch.uplink_ports
    else:
        used, present = net.endpoints + 2 * trunk * share, switches * radix
    if net.ports_used != used:
        yield f"{name}: ports_used {net.ports_used}, links give {used}"
    if net.ports_present != present:
        yield f"{name}: ports_present {net.ports_present}, {switches} switches give {present}"
    if net.ports_used > net.ports_present:
        yield f"{name}: {net.ports_used} ports used, {net.ports_present} present"
    if net.links_node != net.endpoints:
        yield f"{name}: links_node {net.links_node}, {net.endpoints} endpoints"
    if net.cables != net.links_node + trunk:
        yield f"{name}: cables {net.cables}, links are {net.links_node + trunk}"
    tiers = 3 if net.core else 2 if net.spine else 1
    if net.tiers != tiers:
        yield f"{name}: tiers {net.tiers}, the switches make {tiers}"
    if net.tiers > 1 and net.redundancy == "none":
        yield from _striping(name, net, radix, share)


def _striping(name: str, net: PlannedFabric, radix: int, share: int) -> Iterator[str]:
    """Every leaf has the same whole number of links to every spine, and enough of them."""
    if net.links_leaf_spine % net.leaf:
        yield f"{name}: {net.links_leaf_spine} uplinks do not spread evenly over {net.leaf} leaves"
        return
    up = net.links_leaf_spine // net.leaf
    if net.tiers == 2 and up % net.spine:
        yield f"{name}: {up} uplinks of a leaf do not spread evenly over {net.spine} spines"
    down = radix - up * share
    if net.endpoints > net.leaf * down:
        yield f"{name}: {net.endpoints} endpoints, {net.leaf} leaves have {net.leaf * down} ports for them"
    if net.tiers == 2 and net.links_leaf_spine * share > net.spine * radix:
        yield f"{name}: {net.links_leaf_spine} uplinks exceed the ports of {net.spine} spines"


def _endpoints(plan: Plan) -> Iterator[str]:
    """A compute fabric has as many endpoints as its pools have ports; adapters have as many cables."""
    for k, pool in enumerate(plan.pools):
        if pool.fabric is None:
            continue
        net = next((f for f in plan.fabrics if f.name == pool.fabric), None)
        if net is None:
            yield f"pools[{k}] ({pool.workload}): fabric {pool.fabric} is not among the fabrics"
        elif net.endpoints % pool.nodes:
            yield f"fabrics ({net.name}): {net.endpoints} endpoints do not divide over {pool.nodes} nodes"
