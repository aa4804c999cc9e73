"""Fat-tree arithmetic: how many leaves, spines and cores, and how the links are striped. No parts, no prices.

Radix R is the number of ports a switch has at the speed used. Leaves have `down` ports to nodes and `up` ports to
spines, down + up ≤ R, down ÷ up ≤ the oversubscription. Every leaf has the same whole number of links to every spine,
so spines = the smallest divisor of `up` that is ≥ leaves·up ÷ R; the published pods follow this rule. docs/fabric.md
derives it and compares it with the published tables.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Tree:
    """Counts of one fat tree. `down` endpoints and `up` native uplinks per full leaf; links between tiers in all.

    `extra` endpoints (fabric managers) stand beside the nodes'. `peer` links join the two switches of a pair.
    """

    tiers: int
    leaf: int
    spine: int
    core: int
    down: int
    up: int
    endpoints: int
    links_leaf_spine: int
    links_spine_core: int
    split: int = 1  # endpoints per switch port
    extra: int = 0
    peer: int = 0

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core

    @property
    def ports_used(self) -> int:
        """Ports in use, counted at the endpoints' speed: one per node link, two per link between switches."""
        trunk = self.links_leaf_spine + self.links_spine_core + self.peer
        return self.endpoints + self.extra + 2 * self.split * trunk

    @property
    def oversubscription(self) -> float:
        """Node bandwidth ÷ uplink bandwidth of a full leaf; 1.0 with a single tier."""
        return self.down / (self.up * self.split) if self.up else 1.0


@dataclass(frozen=True, slots=True)
class Leaf:
    """Endpoints below a full leaf, native uplinks above it, native ports of a switch, endpoints per split port."""

    down: int
    up: int
    radix: int
    split: int = 1

    @property
    def room(self) -> int:
        """Endpoints that fit below a leaf when its uplinks are cabled: `down` and the ports left over."""
        return (self.radix - self.up) * self.split


@functools.lru_cache(maxsize=65536)
def fat_tree(
    nodes: int,
    ports: int,
    radix: int,
    oversubscription: float,
    rail: bool,
    extra: int = 0,
    split: int = 1,
    reserve: int = 0,
    step: int = 1,
) -> Tree | None:
    """The tree with the fewest switches (then the fewest links) for nodes × ports endpoints; None when none fits.

    `rail`: nodes stand in scalable units of `down` nodes, port i of all nodes of a unit is on one leaf, and the leaves
    of a unit are built whole: one for every port; in two tiers fewer in a last unit of so few nodes that several rails
    fit on a leaf (`unit_leaves`). `extra` endpoints (a fabric manager) take free ports of leaves. `split`: endpoints
    per switch port where ports are split towards the nodes; uplinks always run at the port's native speed. `reserve`
    nodes come later: spines and cores are sized for all, leaves are built for `nodes`. `step`: leaves give so many
    switch ports to endpoints together, where one plug fills a cage of several.
    """
    whole = nodes + reserve
    endpoints = whole * ports
    if endpoints + extra <= radix * split:
        return Tree(1, 1, 0, 0, endpoints + extra, 0, nodes * ports, 0, 0, split, extra)
    best: tuple[Tree, Leaf] | None = None
    for native in range(radix - 1, 0, -1):
        up = uplinks(native, oversubscription)
        if native + up > radix or native % step:
            continue
        shape = Leaf(native * split, up, radix, split)
        leaf, tall = (leaves(whole, whole, ports, shape, rail, extra, tiers) for tiers in (2, 3))
        tree = _two_tiers(shape, leaf, endpoints, extra)
        tree = tree or tall_tree(shape, tall, ports if rail else 1, endpoints, extra)
        if tree is not None and (best is None or order(tree) < order(best[0])):
            best = tree, shape
    if best is None or not reserve:
        return None if best is None else best[0]
    leaf = leaves(nodes, whole, ports, best[1], rail, extra, best[0].tiers)
    return begun(best[0], leaf, nodes * ports)


def uplinks(down: int, oversubscription: float) -> int:
    """The fewest uplinks for `down` ports: down ÷ up ≤ oversubscription."""
    return math.ceil(down / oversubscription - 1e-9)


def begun(tree: Tree, leaf: int, endpoints: int) -> Tree:
    """A tree of which only the first leaves are built: spines and cores stand for all, links for what is there."""
    if tree.tiers == 1:
        return replace(tree, endpoints=endpoints)
    links = leaf * tree.up
    return replace(
        tree, leaf=leaf, endpoints=endpoints, links_leaf_spine=links, links_spine_core=links if tree.core else 0
    )


def order(tree: Tree) -> tuple[int, int, int, int]:
    """Fewest tiers, then switches, then links between them, then the widest leaf."""
    return (tree.tiers, tree.switches, tree.links_leaf_spine + tree.links_spine_core, -tree.down)


def leaves(nodes: int, whole: int, ports: int, shape: Leaf, rail: bool, extra: int, tiers: int) -> int:
    """Leaves of a tree whose units have `shape.down` nodes (rail), or that is packed.

    `whole`: nodes with those to come, whose units are laid out now. Extra endpoints take ports that are free; when
    there are too few, leaves are added for the rest.
    """
    if not rail:
        return math.ceil((nodes * ports + extra) / shape.down)
    built = rail_leaves(nodes, whole, ports, shape.down, tiers)
    free = built * shape.room - nodes * ports
    return built + max(0, math.ceil((extra - free) / shape.down))


def rail_leaves(nodes: int, whole: int, rails: int, down: int, tiers: int) -> int:
    """Leaves of the scalable units that so many nodes begin; `whole`: nodes with those to come."""
    begun = math.ceil(nodes / down)
    last = min(down, whole - (begun - 1) * down)  # all before it are full
    return (begun - 1) * rails + unit_leaves(last, rails, down, tiers)


def unit_leaves(nodes: int, rails: int, down: int, tiers: int) -> int:
    """Leaves of a scalable unit with so many nodes: as many whole rails on each as fit in its `down` ports.

    In three tiers one rail each: the leaves of a rail are a pod.
    """
    return math.ceil(rails / min(rails, down // nodes)) if tiers < 3 else rails


def rails_of_leaf(leaf: int, whole: int, rails: int, down: int, tiers: int) -> tuple[int, range]:
    """The unit of a leaf of a rail-optimized tree, and the rails that it has; all from 0.

    `whole`: nodes with those to come, in units of `down`. Leaves beyond the units have no rails.
    """
    full, rest = divmod(whole, down)
    unit = min(leaf // rails, full)
    own = rails if unit < full else unit_leaves(rest, rails, down, tiers) if rest else 0
    if leaf - unit * rails >= own:
        return unit, range(0)
    each = math.ceil(rails / own)
    first = (leaf - unit * rails) * each
    return unit, range(first, min(rails, first + each))


def joined(shape: Leaf, leaf: int, groups: int, endpoints: int, extra: int) -> Tree | None:
    """Spines over leaves; where a spine has too few ports for all leaves, pods and a third tier. None: too many."""
    return _two_tiers(shape, leaf, endpoints, extra) or tall_tree(shape, leaf, groups, endpoints, extra)


def spines(leaf: int, up: int, ports: int) -> int | None:
    """The smallest divisor of `up` that is ≥ leaf·up ÷ ports: equal whole numbers of links from each leaf."""
    return _divisor(up, max(1, math.ceil(leaf * up / ports)))


def _divisor(whole: int, least: int) -> int | None:
    """The smallest divisor of a number that is at least so large; tried from below and, as quotients, from above."""
    if least > whole:
        return None
    best = whole
    for small in range(1, math.isqrt(whole) + 1):
        if whole % small == 0:
            if small >= least:
                return small  # the first from below that is large enough, and quotients are larger
            if whole // small >= least:
                best = whole // small  # falls as `small` rises
    return best


def _two_tiers(shape: Leaf, leaf: int, endpoints: int, extra: int) -> Tree | None:
    spine = spines(leaf, shape.up, shape.radix)
    if spine is None:
        return None
    links = leaf * shape.up
    return Tree(2, leaf, spine, 0, shape.down, shape.up, endpoints, links, 0, shape.split, extra)


def tall_tree(shape: Leaf, leaf: int, groups: int, endpoints: int, extra: int) -> Tree | None:
    """Pods of leaves under their own spines, and cores that join the spines.

    A pod is a rail group (all leaves of one rail), or any leaves where there are no rails; a group of more than
    radix ÷ 2 leaves is several pods, all full but the last. Half of a spine's ports go down, as many links go up.
    Cores: the smallest number that has the ports and divides the links of a full pod, so that every core has the same
    whole number of links to each full pod. Each core reaches every pod when there are at least as many links.
    """
    half, up = shape.radix // 2, shape.up
    sizes: dict[int, int] = {}  # leaves of a pod -> pods of that size
    for group in range(groups):
        full, rest = divmod(leaf // groups + (1 if group < leaf % groups else 0), half)
        for size, count in ((half, full), (rest, 1)):
            if size and count:
                sizes[size] = sizes.get(size, 0) + count
    if sum(sizes.values()) > shape.radix:
        return None
    above = {size: spines(size, up, half) for size in sizes}
    total = sum(count * (above[size] or 0) for size, count in sizes.items())
    links = leaf * up
    least, pod = math.ceil(links / shape.radix), max(sizes) * up
    core = _divisor(pod, max(1, least))
    if core is None or any(s is None for s in above.values()):
        return None
    return Tree(3, leaf, total, core, shape.down, up, endpoints, links, links, shape.split, extra)


def pair(endpoints: int, radix: int, oversubscription: float, extra: int = 0) -> Tree | None:
    """Two switches that share all endpoints, joined by links in place of a spine: half of the endpoints' bandwidth.

    None when ports do not suffice. Traffic between the two switches is at most half of all ports, so endpoints ÷ 2
    links between them make the pair non-blocking.
    """
    each = math.ceil((endpoints + extra) / 2)
    peer = uplinks(each, oversubscription)
    if each + peer > radix:
        return None
    return Tree(1, 2, 0, 0, each, 0, endpoints, 0, 0, 1, extra, peer)


def links(tree: Tree, ports: int, nodes: int, rail: bool) -> Iterator[tuple[str, int, str, int]]:
    """Every cable of a one- or two-tier tree as (end, port, end, port): the ledger that proves the counts."""
    used: dict[str, int] = {}

    def port(name: str) -> int:
        used[name] = used.get(name, 0) + 1
        return used[name]

    for node in range(nodes):
        for k in range(ports):
            if tree.tiers == 1:
                leaf = 0
            elif rail:
                unit = node // tree.down
                own = unit_leaves(min(tree.down, nodes - unit * tree.down), ports, tree.down, 2)
                leaf = unit * ports + k // math.ceil(ports / own)
            else:
                leaf = (node * ports + k) // tree.down
            yield f"node {node + 1}", k + 1, f"leaf {leaf + 1}", port(f"leaf {leaf + 1}")
    if tree.tiers == 2:
        for leaf in range(tree.leaf):
            for k in range(tree.up):
                spine = k % tree.spine
                yield (
                    f"leaf {leaf + 1}",
                    port(f"leaf {leaf + 1}"),
                    f"spine {spine + 1}",
                    port(f"spine {spine + 1}"),
                )
