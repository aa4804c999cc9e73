"""A compute fabric in words and numbers, for `planner fabric`."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric.cabling import node_kit, switch_kit
from planner.fabric.compute import compute_design
from planner.fabric.power import switch_power
from planner.parts import Switch


def describe(
    catalog: Catalog,
    nodes: int,
    nics: int,
    switch_id: str,
    oversubscription: float,
    topology: str | None = None,
    gbps: float | None = None,
    reserve: int = 0,
    planes: int = 1,
) -> dict[str, object] | Rejection:
    """A compute fabric in words and numbers for `planner fabric`, at the switch's native speed unless told.

    `planes`: separate fabrics, each with one link of every port; `gbps` is then that of one link.
    """
    switch = catalog.switches[switch_id]
    speed = gbps or switch.gbps
    cage = "osfp-twin" if switch.cage == "osfp-twin" else ("osfp" if switch.gbps >= 800 else "qsfp56")
    shape = topology or ("rail" if nics > 1 else "plain")
    made = compute_design(
        catalog,
        nodes,
        nics * planes,
        speed,
        switch.technology,
        switch_id,
        oversubscription,
        shape,
        cage,
        0,
        reserve,
        planes=planes,
    )
    if isinstance(made, Rejection):
        return made
    typical, most, _, _ = switch_power(catalog, switch)
    return {
        "nodes": nodes,
        "nics_per_node": nics,
        "planes": planes,
        "reserve_nodes": reserve,
        "switch": switch_id,
        "technology": made.technology,
        "gbps": made.gbps,
        "topology": made.topology,
        "tiers": made.tiers,
        "leaf": made.leaf,
        "spine": made.spine,
        "core": made.core,
        "down": made.down,
        "up": made.up,
        "uplink_gbps": switch.gbps,
        "endpoints": made.endpoints,
        "oversubscription": made.oversubscription,
        "node_links": made.links_node,
        "leaf_spine_links": made.links_leaf_spine,
        "spine_core_links": made.links_spine_core,
        "links": made.links_node + made.links_leaf_spine + made.links_spine_core,
        "cables": made.cables,
        "ports_used": made.ports_used,
        "ports_present": made.ports_present,
        "switch_power_kw_max": round(made.switches * most / 1000, 3),
        "switch_power_kw_typical": round(made.switches * typical / 1000, 3),
        "assumed": _assumed(catalog, switch, speed, cage, made.switches > 1),
        "lines": [line.model_dump() for line in made.lines],
    }


def _assumed(catalog: Catalog, switch: Switch, gbps: float, cage: str, joined: bool) -> list[str]:
    """What nobody said: the ends of links at the nodes and how long cables are. `joined`: switches to one another."""
    node = node_kit(switch, gbps, cage)
    if isinstance(node, Rejection):
        return []
    if node.far_module is None:
        found = ["the ends of node links are part of their cables"]
    else:
        module = catalog.optics[node.far_module]
        carries = "two links" if node.far_links == 2 else "one link"
        found = [f"a module at a node carries {carries} ({module.model})"]
    told = f"cables to nodes are {catalog.cables[node.cable].length_m:g} m long"
    between = switch_kit(switch)
    if joined and not isinstance(between, Rejection):
        told += f", cables between switches {catalog.cables[between.cable].length_m:g} m"
        told += f", {between.fibres} per link of {switch.gbps:g} Gbit/s" if between.fibres > 1 else ""
    return [*found, told, "no copper"]
