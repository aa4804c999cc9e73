"""Write a checked solution out as a plan: lines with prices, pools, fabrics, racks, limits, assumptions.

Nothing is decided here. Every number is a sum over the bundles that were chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner import fabric, lines
from planner.bundles import merge, repeat
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Bundle, Option, Problem, SharedOption, Solution
from planner.parts import NodeBuild, Switch
from planner.plan import (
    PlannedFabric,
    Pool,
    PoolPorts,
    Predicted,
    ScaleUpDomain,
)
from planner.request import Request
from planner.shared import INBAND_GBPS, OOB_GBPS


@dataclass(frozen=True)
class Chosen:
    """One option of the solution with its counts and the name of the fabric it owns."""

    option: Option
    units: int
    nodes: int
    fabric: str | None
    # of shared work: workload, cards of one replica (0: it takes one slice of a card), replicas of that size
    placed: tuple[tuple[str, int, int], ...]

    @property
    def tenants(self) -> tuple[tuple[str, int], ...]:
        """Replicas of each workload that shares the pool."""
        counts: dict[str, int] = {}
        for work, _, count in self.placed:
            counts[work] = counts.get(work, 0) + count
        return tuple(sorted(counts.items()))


def chosen_options(problem: Problem, solution: Solution) -> list[Chosen]:
    """What was chosen, in request order; compute fabrics are named compute, compute-2, ...; pools may share one."""
    order = {work.name: k for k, work in enumerate(problem.works)}
    found: list[Chosen] = []
    owned = 0
    joint: dict[str, str] = {}
    for option in sorted(problem.options, key=lambda o: (order.get(o.work, len(order)), o.id)):
        units = solution.units.get(option.id, 0)
        if not units:
            continue
        name = None
        if option.network is not None:
            name = joint.get(option.network)
        if name is None and (option.switch is not None or option.network is not None):
            owned += 1
            name = "compute" if owned == 1 else f"compute-{owned}"
        if option.network is not None and name is not None:
            joint[option.network] = name
        nodes = units * option.nodes_per_unit + option.spare_nodes
        placed = (
            (tenant.work, tenant.cards // option.slices, solution.tenants.get((option.id, t), 0))
            for t, tenant in enumerate(option.tenants)
        )
        found.append(Chosen(option, units, nodes, name, tuple(sorted(p for p in placed if p[2]))))
    return found


def bundle_of(chosen: Chosen) -> Bundle:
    """All lines of one chosen option, with its fabric's lines under the fabric's own name."""
    parts = [repeat(bundle, count) for bundle, count in chosen.option.fixed_parts]
    parts += [repeat(bundle, count * chosen.units) for bundle, count in chosen.option.unit_parts]
    whole = merge(*parts)
    return lines.renamed(whole, "compute", chosen.fabric or "compute")


def joint_names(chosen: Sequence[Chosen]) -> dict[str, str]:
    """The name in the plan of every compute fabric that pools have together."""
    return {c.option.network: c.fabric for c in chosen if c.option.network is not None and c.fabric is not None}


def shared_bundle(bracket: SharedOption, count: int, names: dict[str, str]) -> Bundle:
    """All lines of one shared option for its driver; those of a joint compute fabric under the fabric's name."""
    pieces = repeat(bracket.step_bundle, bracket.steps(count))
    whole = merge(bracket.fixed_bundle, repeat(bracket.unit_bundle, count), pieces)
    return lines.renamed(whole, "compute", names[bracket.network]) if bracket.network in names else whole


def pools(
    catalog: Catalog, request: Request, chosen: Sequence[Chosen], predicted: dict[str, tuple[Predicted, ...]]
) -> tuple[Pool, ...]:
    """The pools of the plan with what they deliver."""
    found = []
    for pick in chosen:
        node = pick.option.node
        names = tuple(w for w, _ in pick.tenants) or (pick.option.work,)
        replicas = sum(n for _, n in pick.tenants) if pick.tenants else None
        cards = None
        peak = peak_pflops(catalog, node, pick.nodes, pick.option.precision)
        if pick.option.tenants:
            on_slices = sum(count for _, size, count in pick.placed if not size)
            cards = sum(size * count for _, size, count in pick.placed) + math.ceil(on_slices / pick.option.slices)
        found.append(
            Pool(
                workload=" + ".join(names),
                workloads=names,
                accelerator=node.accelerator,
                accelerators=pick.nodes * node.accelerators,
                accelerators_per_node=node.accelerators,
                chassis=node.chassis,
                nodes=pick.nodes,
                spare_nodes=pick.option.spare_nodes,
                replicas=replicas,
                cards_used=cards,
                cpu=node.cpu,
                cpus_per_node=node.cpus,
                memory_gb=node.memory_gb,
                nvme_tb=node.nvme_tb,
                nic=node.nic,
                nics_per_node=_nics(catalog, node),
                node_power_kw=node.max_power_kw,
                node_typical_kw=node.typical_power_kw,
                node_rack_units=node.rack_units,
                node_weight_kg=node.weight_kg,
                cooling=node.cooling,
                fabric=pick.fabric,
                scale_up=_scale_up(catalog, node, pick.nodes),
                ports=PoolPorts(
                    compute=node.compute_ports
                    * (node.links_per_port(pick.option.link.technology) if pick.fabric else 1),
                    storage=node.storage_ports,
                    in_band=node.inband_ports,
                    oob=node.oob_ports,
                ),
                precision=pick.option.precision,
                predicted=tuple(p for name in names for p in predicted.get(f"{pick.option.id}|{name}", ())),
                notices=node.notices,
                peak_pflops=peak[0],
                peak_precision=peak[1],
            )
        )
    return tuple(found)


def _scale_up(catalog: Catalog, node: NodeBuild, nodes: int) -> ScaleUpDomain | None:
    """The network inside the systems of a pool; by the bridges that are bought, where there are any."""
    if node.scale_up_domain < 2:
        return None
    chassis = catalog.chassis[node.chassis]
    bridge = next((catalog.bridges[ln.part] for ln in node.lines if ln.part in catalog.bridges), None)
    return ScaleUpDomain(
        name=bridge.model if bridge is not None else catalog.accelerators[node.accelerator].scale_up.name,
        interconnect="bridge" if bridge is not None else chassis.interconnect,
        accelerators=node.scale_up_domain,
        domains=node.accelerators // node.scale_up_domain * nodes,
        gb_per_s=node.scale_up_gb_per_s,
        included={what: count * nodes for what, count in sorted(chassis.scale_up_parts.items())},
    )


def peak_pflops(
    catalog: Catalog, node: NodeBuild, nodes: int, precision: str | None
) -> tuple[float | None, str | None]:
    """Dense peak of a pool in PFLOPS at the precision it works in, else FP16; None where nobody published it."""
    rates = catalog.accelerators[node.accelerator].dense_tflops
    for name in (precision, "fp16", "bf16"):
        if name is not None and rates.get(name):
            return round(rates[name] * node.accelerators * nodes / 1000, 3), name
    return None, None


def _nics(catalog: Catalog, node: NodeBuild) -> int:
    """Compute NICs per node: by line, or ports of a fixed system."""
    counted = sum(line.quantity for line in node.lines if line.part == node.nic)
    return counted or node.compute_ports


def fabrics(
    catalog: Catalog, request: Request, problem: Problem, solution: Solution, chosen: Sequence[Chosen]
) -> tuple[PlannedFabric, ...]:
    """Every network of the plan, recomputed from its endpoints."""
    found: list[PlannedFabric] = []
    sizes = {s.network: s for s in problem.shared if s.joint is not None and solution.shared.get(s.id)}
    for pick in chosen:
        if pick.option.network in sizes and pick.fabric not in {net.name for net in found}:
            found.append(_joint_fabric(catalog, request, sizes[pick.option.network], chosen))
        if pick.fabric is None or pick.option.switch is None or pick.option.link.technology is None:
            continue
        node = pick.option.node
        plugged = node.plugged(pick.option.link.technology)
        if pick.option.topology == "islands":
            island = fabric.islands(
                catalog,
                pick.nodes * node.fabric_units,
                plugged.links,
                plugged.gbps,
                pick.option.link.technology,
                pick.option.switch,
                plugged.cage,
                pick.option.nodes_per_unit * node.fabric_units,
                pick.option.media,
            )
            if not isinstance(island, Rejection):
                found.append(_planned(island, pick.fabric, "compute", (pick.option.work,)))
            continue
        made = fabric.compute_design(
            catalog,
            pick.nodes * node.fabric_units,
            plugged.links,
            plugged.gbps,
            pick.option.link.technology,
            pick.option.switch,
            request.preferences.fabric.oversubscription,
            pick.option.topology or "plain",
            plugged.cage,
            _manager_ports(catalog, request, pick),
            request.preferences.fabric.reserve_nodes,
            pick.option.media,
            pick.option.link.planes,
        )
        if not isinstance(made, Rejection):
            found.append(_planned(made, pick.fabric, "compute", (pick.option.work,)))
    names = tuple(c.option.work for c in chosen)
    for bracket in problem.shared:
        endpoints = solution.shared.get(bracket.id)
        if endpoints is None or bracket.switch is None or not endpoints:
            continue
        if bracket.network in ("in-band", "oob", "storage"):
            found.append(_shared_fabric(catalog, bracket, endpoints, names))
    return tuple(found)


def _manager_ports(catalog: Catalog, request: Request, pick: Chosen) -> int:
    """Leaf ports of the fabric managers of a chosen option's fabric."""
    option = pick.option
    assert option.switch is not None and option.link.technology is not None
    nodes, each = pick.nodes * option.node.fabric_units, request.resilience.managers
    managers = fabric.fabric_managers(catalog, option.switch, nodes, option.link.technology, each)
    return 0 if managers is None else managers.ports


def _joint_fabric(catalog: Catalog, request: Request, size: SharedOption, chosen: Sequence[Chosen]) -> PlannedFabric:
    """The compute fabric of several pools, from the ports that they plug in."""
    joint, there = size.joint, [c for c in chosen if c.option.network == size.network]
    assert joint is not None and size.switch is not None
    made = fabric.joint_design(
        catalog,
        size.high,
        joint.rails,
        joint.gbps,
        joint.technology,
        size.switch,
        request.preferences.fabric.oversubscription,
        joint.manager_ports,
        joint.reserve,
        size.media,
        joint.planes,
    )
    if isinstance(made, Rejection):
        raise AssertionError(made.message)
    return _planned(made, there[0].fabric or "compute", "compute", tuple(c.option.work for c in there))


def _shared_fabric(catalog: Catalog, bracket: SharedOption, endpoints: int, names: tuple[str, ...]) -> PlannedFabric:
    """A shared network from its bracket and the endpoints that plug into it."""
    switch = catalog.switches[bracket.switch or ""]
    gbps = {"in-band": INBAND_GBPS, "oob": OOB_GBPS}.get(bracket.network, bracket.gbps or switch.gbps)
    if "combined" in bracket.id:
        return _combined(switch, bracket.network, gbps, endpoints, names)
    made = fabric.network_design(
        catalog,
        bracket.network,
        endpoints,
        gbps,
        switch.technology,
        switch.id,
        "pair" if bracket.paired else "none",
        1.0,
        bracket.media,
    )
    if isinstance(made, Rejection):
        raise AssertionError(made.message)
    return _planned(made, bracket.network, bracket.network, names)


def _combined(switch: Switch, network: str, gbps: float, endpoints: int, names: tuple[str, ...]) -> PlannedFabric:
    """The one switch of a small site: uplink ports carry in-band, copper ports out-of-band; counted as in-band."""
    inband = network == "in-band"
    return PlannedFabric(
        name=network,
        role=network,  # type: ignore[arg-type]
        technology=switch.technology,
        switch=switch.id,
        gbps=gbps,
        topology="direct",
        tiers=1,
        leaf=1 if inband else 0,
        spine=0,
        core=0,
        endpoints=endpoints,
        oversubscription=1.0,
        cables=endpoints,
        links_node=endpoints,
        links_leaf_spine=0,
        links_spine_core=0,
        ports_used=endpoints,
        ports_present=switch.uplink_ports if inband else switch.ports,
        redundancy="none",
        pools=names,
    )


def _planned(made: fabric.FabricDesign, name: str, role: str, served: tuple[str, ...]) -> PlannedFabric:
    return PlannedFabric(
        name=name,
        role=role,  # type: ignore[arg-type]
        technology=made.technology,
        switch=made.switch,
        gbps=made.gbps,
        topology=made.topology,
        tiers=made.tiers,
        leaf=made.leaf,
        spine=made.spine,
        core=made.core,
        endpoints=made.endpoints,
        oversubscription=made.oversubscription,
        cables=made.cables,
        links_node=made.links_node,
        links_other=made.links_other,
        links_leaf_spine=made.links_leaf_spine,
        links_spine_core=made.links_spine_core,
        ports_used=made.ports_used,
        ports_present=made.ports_present,
        redundancy="pair" if made.redundancy == "pair" else "none",
        node_cable=made.media.node,
        trunk_cable=made.media.trunk,
        planes=made.planes,
        pools=served,
    )
