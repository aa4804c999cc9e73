"""Fabrics as reference designs state them: scalable units, planes, pairs, ports given up. Same trees, fixed shapes.

The planner's own designs search for the cheapest leaf; a published design fixes it by its scalable unit. Departures
(a node given up for the fabric manager, two planes, leaves that follow racks) are fields of the design, not rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from planner.errors import Rejection
from planner.fabric.tree import Leaf, Tree, begun, joined, order, pair, tall_tree, uplinks


@dataclass(frozen=True, slots=True)
class ReferenceDesign:
    """What a published row states. Ports are counted at the endpoints' speed; `nics` and `extra` are per plane.

    `unit` nodes of one scalable unit whose leaves are built whole (None: leaves are packed); `given_up` node slots
    whose ports serve others; `rails` leaf groups of a unit (1: not rail-optimized); `reserve` nodes to come, for which
    spines are bought now. `core_ready`: each rail group has spines of its own that keep half of their ports for a
    later core tier; `tiers` 3: with that tier, though two would do.
    """

    nodes: int
    nics: int
    radix: int
    planes: int = 1
    unit: int | None = None
    rails: int = 1
    oversubscription: float = 1.0
    extra: int = 0
    given_up: int = 0
    paired: bool = False
    reserve: int = 0
    core_ready: bool = False
    tiers: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Switches and links of all planes together."""

    tiers: int
    leaf: int
    spine: int
    core: int
    node_leaf_cables: int
    leaf_spine_cables: int
    spine_core_cables: int
    inter_switch_links: int
    tree: Tree

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core


def design(row: ReferenceDesign) -> Counted | Rejection:
    """The fabric of a reference design, over all planes. Rejection: impossible ports, or more than three tiers."""
    wrong = _impossible(row)
    tree = None if wrong else _plane(row)
    if tree is None:
        message = wrong or f"{row.nodes * row.nics} endpoints exceed three tiers of {row.radix} ports"
        return Rejection("fabric", "too-large", message)
    return Counted(
        tiers=tree.tiers,
        leaf=row.planes * tree.leaf,
        spine=row.planes * tree.spine,
        core=row.planes * tree.core,
        node_leaf_cables=row.planes * (tree.endpoints + tree.extra),
        leaf_spine_cables=row.planes * tree.links_leaf_spine,
        spine_core_cables=row.planes * tree.links_spine_core,
        inter_switch_links=row.planes * tree.peer,
        tree=tree,
    )


def _impossible(row: ReferenceDesign) -> str | None:
    if row.radix < 2:
        return f"a switch of {row.radix} ports joins nothing"
    if row.unit is not None and row.rails > 1 and row.nics % row.rails:
        return f"{row.nics} ports per node do not divide over {row.rails} rails"
    return None


def _plane(row: ReferenceDesign) -> Tree | None:
    endpoints = row.nodes * row.nics
    if row.paired:
        two = pair(endpoints, row.radix, row.oversubscription, row.extra)
        if two is not None:
            return two
    return _packed(row, endpoints) if row.unit is None else _in_units(row, row.unit, endpoints)


def _in_units(row: ReferenceDesign, unit: int, endpoints: int) -> Tree | None:
    """Every begun scalable unit gets all its leaves and uplinks: leaves = units × rails × leaves of one rail."""
    units = math.ceil((row.nodes + row.given_up) / unit)
    later = math.ceil((row.nodes + row.given_up + row.reserve) / unit)
    per_rail = unit * row.nics // row.rails
    if not row.paired and later * unit * row.nics + (0 if row.given_up else row.extra) <= row.radix:
        return Tree(1, 1, 0, 0, endpoints + row.extra, 0, endpoints, 0, 0, 1, row.extra)
    each = math.ceil(per_rail / _widest(row))
    down = math.ceil(per_rail / each)
    shape = Leaf(down, uplinks(down, row.oversubscription), row.radix)
    built = _even(row, units * row.rails * each)
    free = built * shape.room - endpoints
    added = max(0, math.ceil((row.extra - free) / down))
    tree = _joined(row, shape, _even(row, later * row.rails * each) + added, row.rails, endpoints)
    return None if tree is None else begun(tree, built + added, endpoints)


def _packed(row: ReferenceDesign, endpoints: int) -> Tree | None:
    """Leaves as full as non-blocking allows with all uplinks cabled; else the fewest switches over all splits."""
    needed = endpoints + row.extra
    whole = needed + row.reserve * row.nics
    if whole <= row.radix and not row.paired:
        return Tree(1, 1, 0, 0, whole, 0, endpoints, 0, 0, 1, row.extra)
    best: Tree | None = None
    widest = _widest(row)
    # Oversubscribed, the widest leaf may have uplinks that divide over no fewer spines: 42 down and 21 up take 21.
    for down in range(widest, 0 if row.oversubscription > 1 else widest - 1, -1):
        leaf = _even(row, math.ceil(whole / down))
        if best is not None and leaf >= best.leaf + best.spine + best.core and (best.tiers < 3 or leaf > row.radix):
            break  # narrower leaves only take more switches, and no fewer tiers
        shape = Leaf(down, uplinks(down, row.oversubscription), row.radix)
        tree = _joined(row, shape, leaf, 1, endpoints)
        if tree is not None and (best is None or order(tree) < order(best)):
            best = tree
    return None if best is None else begun(best, _even(row, math.ceil(needed / best.down)), endpoints)


def _joined(row: ReferenceDesign, shape: Leaf, leaf: int, groups: int, endpoints: int) -> Tree | None:
    """Spines over the leaves, with the core tier that is there, or is to come, where the row says so."""
    if row.core_ready or row.tiers == 3:
        tall = tall_tree(shape, leaf, groups, endpoints, row.extra)
        if tall is None or row.tiers == 3:
            return tall
        return replace(tall, tiers=2, core=0, links_spine_core=0)
    return joined(shape, leaf, groups, endpoints, row.extra)


def _even(row: ReferenceDesign, leaf: int) -> int:
    """Endpoints on pairs of switches: an even number of leaves."""
    return leaf + leaf % 2 if row.paired else leaf


def _widest(row: ReferenceDesign) -> int:
    """The most ports down that leave enough uplinks: radix ÷ 2 when non-blocking."""
    return max(d for d in range(1, row.radix) if d + uplinks(d, row.oversubscription) <= row.radix)
