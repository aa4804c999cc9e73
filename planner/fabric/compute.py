"""Compute fabrics as orderable designs: a fat tree with the optics and cables of every link."""

from __future__ import annotations

import functools
import math

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling
from planner.fabric.design import FabricDesign, even, filled, merge, ports_at
from planner.fabric.tree import Tree, fat_tree
from planner.parts import Switch, Technology


@functools.lru_cache(maxsize=65536)
def compute_design(
    catalog: Catalog,
    nodes: int,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    oversubscription: float,
    topology: str,
    node_cage: str,
    fabric_units: int = 1,
) -> FabricDesign | Rejection:
    """A compute fabric for nodes × fabric_units units with `ports_per_node` ports each at `gbps`.

    The fewest switches over all splits of leaf ports; rail-optimized or plain. Rejections: wrong technology or speed,
    too many endpoints for three tiers, no cable that fits.
    """
    switch = catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    radix = ports_at(switch, gbps)
    if not radix:
        return Rejection(switch_id, "port-speed", f"{switch_id} has no ports of {gbps:g} Gbit/s")
    units = nodes * fabric_units
    rail = topology == "rail"
    split = max(1, radix // switch.ports) if gbps < switch.gbps else 1
    tree = fat_tree(units, ports_per_node, switch.ports if split > 1 else radix, oversubscription, rail, 0, split)
    if tree is None:
        return Rejection(
            switch_id, "too-large", f"{units * ports_per_node} endpoints exceed three tiers of {switch_id}"
        )
    kit = cabling.node_kit(switch, gbps, node_cage)
    between = cabling.switch_kit(switch) if tree.tiers > 1 else None
    if isinstance(kit, Rejection):
        return kit
    if isinstance(between, Rejection):
        return between
    return _assembled(switch, tree, kit, between, units, ports_per_node, gbps, rail)


def _assembled(
    switch: Switch,
    tree: Tree,
    kit: cabling.LinkKit,
    between: cabling.LinkKit | None,
    units: int,
    ports: int,
    gbps: float,
    rail: bool,
) -> FabricDesign:
    down = _down_links(tree, units, ports, rail)
    node = cabling.lines(kit, down, [ports] * units)
    leaf_spine, spine_core = tree.links_leaf_spine, tree.links_spine_core
    trunk: dict[str, int] = {}
    if between is not None:
        trunk = merge(
            cabling.lines(between, [leaf_spine // tree.leaf] * tree.leaf, even(leaf_spine, tree.spine)),
            cabling.lines(between, even(spine_core, tree.spine), even(spine_core, tree.core)) if tree.core else {},
        )
    parts = cabling.build_lines({switch.id: tree.switches}, node, trunk)
    return FabricDesign(
        switch=switch.id,
        technology=switch.technology,
        gbps=gbps,
        topology="direct" if tree.tiers == 1 else ("rail" if rail else "plain"),
        tiers=tree.tiers,
        leaf=tree.leaf,
        spine=tree.spine,
        core=tree.core,
        endpoints=tree.endpoints,
        oversubscription=round(tree.oversubscription, 6),
        links_node=tree.endpoints,
        links_leaf_spine=leaf_spine,
        links_spine_core=spine_core,
        ports_used=tree.ports_used,
        ports_present=tree.switches * ports_at(switch, gbps),
        redundancy="none",
        lines=parts,
    )


def _down_links(tree: Tree, units: int, ports: int, rail: bool) -> list[int]:
    """Node links per leaf."""
    if tree.tiers == 1:
        return [units * ports]
    if not rail:
        return filled(units * ports, tree.down, tree.leaf)
    groups = math.ceil(units / tree.down)
    return [min(tree.down, units - group * tree.down) for group in range(groups) for _ in range(ports)] + [0] * (
        tree.leaf - groups * ports
    )
