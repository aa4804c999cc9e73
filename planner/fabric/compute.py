"""Compute fabrics as orderable designs: a fat tree with the optics and cables of every link."""

from __future__ import annotations

import functools
from dataclasses import replace

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling, copper
from planner.fabric.design import USUAL, FabricDesign, Media, even, filled, merge, ports_at
from planner.fabric.tree import Tree, fat_tree, rails_of_leaf
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
    extra: int = 0,
    reserve: int = 0,
    media: Media = USUAL,
    planes: int = 1,
) -> FabricDesign | Rejection:
    """A compute fabric for `nodes` fabric nodes with `ports_per_node` ports each at `gbps`.

    The fewest switches over all splits of leaf ports; rail-optimized or plain. `extra` ports carry fabric managers;
    spines are sized for `reserve` more nodes. `media`: copper in place of modules and fibre. `planes`: so many alike,
    unjoined trees, each with an equal share of every node's ports. Rejections: wrong technology or speed, too many
    endpoints for three tiers, no cable that fits, ports that do not divide over the planes.
    """
    if ports_per_node % planes or (extra and planes > 1):
        what = "its fabric managers" if extra else f"{ports_per_node} ports per node"
        return Rejection(switch_id, "planes", f"{planes} planes: {what} do not divide over them")
    switch = catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    radix = ports_at(switch, gbps)
    if not radix:
        return Rejection(switch_id, "port-speed", f"{switch_id} has no ports of {gbps:g} Gbit/s")
    rail = topology == "rail"
    split = max(1, radix // switch.ports) if gbps < switch.gbps else 1
    native = switch.ports if split > 1 else radix
    kit = cabling.node_kit(switch, gbps, node_cage)
    if isinstance(kit, Rejection):
        return kit
    kit = copper.kit_of(catalog, kit, media.node)
    step = max(1, kit.links_per_cable // split)  # a breakout cable fills its cage: no other link takes its free ports
    tree = fat_tree(nodes, ports_per_node // planes, native, oversubscription, rail, extra, split, reserve, step)
    if tree is None:
        how = f" with {ports_per_node} rails; a plain tree or nodes of fewer ports (trays) may fit" if rail else ""
        return Rejection(
            switch_id,
            "too-large",
            f"{(nodes + reserve) * ports_per_node // planes + extra} endpoints exceed three tiers of {switch_id}{how}",
        )
    other = cabling.node_kit(switch, gbps, "osfp")
    between = cabling.switch_kit(switch) if tree.tiers > 1 else None
    if isinstance(between, Rejection):
        return between
    if isinstance(other, Rejection):
        return other
    other = copper.kit_of(catalog, other, media.node)
    if between is not None and media.trunk is not None:
        between = copper.kit_of(catalog, between, media.trunk)
        on_copper = catalog.cables[between.cable].kind in copper.KINDS
        if on_copper and (tree.core or not copper.stripes(tree.up, tree.spine, between.links_per_cable)):
            return Rejection(switch_id, "uneven-copper", f"{between.cable} does not spread over {tree.spine} spines")
    made = _assembled(switch, tree, (kit, other, between), nodes, ports_per_node, gbps, rail, planes, reserve)
    return replace(made, media=copper.taken(media, kit, between))


def _assembled(
    switch: Switch,
    tree: Tree,
    kits: tuple[cabling.LinkKit, cabling.LinkKit, cabling.LinkKit | None],
    nodes: int,
    ports: int,
    gbps: float,
    rail: bool,
    planes: int,
    reserve: int,
) -> FabricDesign:
    kit, other, between = kits
    below = _down_links(tree, nodes, ports // planes, rail, nodes + reserve)
    managers = _free_ports(tree, below, switch.ports)
    node = cabling.together(kit, other, below * planes, managers * planes, [ports] * nodes)
    leaf_spine, spine_core = tree.links_leaf_spine, tree.links_spine_core
    trunk: dict[str, int] = {}
    if between is not None:
        trunk = merge(
            cabling.lines(
                between, [leaf_spine // tree.leaf] * tree.leaf * planes, even(leaf_spine, tree.spine) * planes
            ),
            cabling.lines(between, even(spine_core, tree.spine) * planes, even(spine_core, tree.core) * planes)
            if tree.core
            else {},
        )
    parts = cabling.build_lines({switch.id: planes * tree.switches}, node, trunk)
    return FabricDesign(
        switch=switch.id,
        technology=switch.technology,
        gbps=gbps,
        topology="direct" if tree.tiers == 1 else ("rail" if rail else "plain"),
        tiers=tree.tiers,
        leaf=planes * tree.leaf,
        spine=planes * tree.spine,
        core=planes * tree.core,
        endpoints=planes * tree.endpoints,
        oversubscription=round(tree.oversubscription, 6),
        links_node=planes * tree.endpoints,
        links_leaf_spine=planes * leaf_spine,
        links_spine_core=planes * spine_core,
        ports_used=planes * tree.ports_used,
        ports_present=planes * tree.switches * ports_at(switch, gbps),
        redundancy="none",
        lines=parts,
        links_other=planes * tree.extra,
        down=tree.down,
        up=tree.up,
        planes=planes,
        cables=cabling.pieces(node, kit, other) + cabling.pieces(trunk, between),
    )


def _down_links(tree: Tree, units: int, ports: int, rail: bool, whole: int) -> list[int]:
    """Node links per leaf; `whole`: units with those to come."""
    if tree.tiers == 1:
        return [units * ports]
    if not rail:
        return filled(units * ports, tree.down, tree.leaf)
    below = []
    for leaf in range(tree.leaf):
        unit, rails = rails_of_leaf(leaf, whole, ports, tree.down, tree.tiers)
        below.append(len(rails) * max(0, min(tree.down, units - unit * tree.down)))
    return below


def _free_ports(tree: Tree, down: list[int], native: int) -> list[int]:
    """Links of fabric managers per leaf: one each on the last leaves that have a free port, again until all stand."""
    room = [(native - tree.up) * tree.split - used for used in down]
    found, left = [0] * len(down), tree.extra
    while left:
        before = left
        for k in reversed(range(len(down))):
            if left and found[k] < room[k]:
                found[k] += 1
                left -= 1
        if left == before:
            raise AssertionError("no port is left for a fabric manager")
    return found
