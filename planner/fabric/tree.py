"""Fat-tree arithmetic: how many leaves, spines and cores, and how the links are striped. No parts, no prices.

Radix R is the number of ports a switch has at the speed used. Leaves have `down` ports to nodes and `up` ports to
spines, down + up ≤ R, down ÷ up ≤ the oversubscription. Every leaf has the same whole number of links to every spine,
so spines = the smallest divisor of `up` that is ≥ leaves·up ÷ R; the published pods follow this rule.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tree:
    """Counts of one fat tree. `down` endpoints and `up` native uplinks per leaf; links between tiers in all."""

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

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core

    @property
    def ports_used(self) -> int:
        """Ports in use, counted at the endpoints' speed: one per node link, two per link between switches."""
        return self.endpoints + 2 * self.split * (self.links_leaf_spine + self.links_spine_core)

    @property
    def oversubscription(self) -> float:
        """Node bandwidth ÷ uplink bandwidth of a full leaf; 1.0 with a single tier."""
        return self.down / (self.up * self.split) if self.up else 1.0


@functools.lru_cache(maxsize=65536)
def fat_tree(
    nodes: int, ports: int, radix: int, oversubscription: float, rail: bool, extra: int = 0, split: int = 1
) -> Tree | None:
    """The tree with the fewest switches (then the fewest links) for nodes × ports endpoints; None when none fits.

    `rail`: nodes stand in scalable units of `down` nodes, port i of a node goes to leaf i of its unit, and the leaves
    of a unit are built whole. `extra` endpoints (a fabric manager) take free ports of leaves. `split`: endpoints per
    switch port where ports are split towards the nodes; uplinks always run at the port's native speed.
    """
    endpoints = nodes * ports
    if endpoints + extra <= radix * split:
        return Tree(1, 1, 0, 0, endpoints + extra, 0, endpoints, 0, 0, split)
    best: Tree | None = None
    for native in range(radix - 1, 0, -1):
        up = math.ceil(native / oversubscription - 1e-9)
        if native + up > radix:
            continue
        shape = _Leaf(native * split, up, radix, split)
        tree = _two_tiers(nodes, ports, shape, rail, extra) or _three_tiers(nodes, ports, shape, rail, extra)
        if tree is not None and (best is None or _order(tree) < _order(best)):
            best = tree
    return best


@dataclass(frozen=True, slots=True)
class _Leaf:
    """Endpoints below a leaf, native uplinks above it, native ports of a switch, endpoints per split port."""

    down: int
    up: int
    radix: int
    split: int


def _order(tree: Tree) -> tuple[int, int, int, int]:
    return (tree.tiers, tree.switches, tree.links_leaf_spine + tree.links_spine_core, -tree.down)


def _leaves(nodes: int, ports: int, down: int, rail: bool, extra: int) -> int:
    if not rail:
        return math.ceil((nodes * ports + extra) / down)
    units = math.ceil(nodes / down)
    free = units * down * ports - nodes * ports
    return units * ports + max(0, math.ceil((extra - free) / down))


def _two_tiers(nodes: int, ports: int, shape: _Leaf, rail: bool, extra: int) -> Tree | None:
    up = shape.up
    leaf = _leaves(nodes, ports, shape.down, rail, extra)
    need = math.ceil(leaf * up / shape.radix)
    spine = next((s for s in range(max(1, need), up + 1) if up % s == 0), None)
    if spine is None:
        return None
    return Tree(2, leaf, spine, 0, shape.down, up, nodes * ports, leaf * up, 0, shape.split)


def _three_tiers(nodes: int, ports: int, shape: _Leaf, rail: bool, extra: int) -> Tree | None:
    """Pods of equal size, at most radix ÷ 2 leaves each, with `up` spines: every leaf has one link to each of them.

    A spine has as many links up as down. Spine j of every pod goes to core group j; a group has as many cores as a
    spine has links up, and a core takes one link from each pod, so groups share cores where ports allow, evenly.
    """
    half, up = shape.radix // 2, shape.up
    leaf = _leaves(nodes, ports, shape.down, rail, extra)
    pods = math.ceil(leaf / half)
    if pods < 2 or pods > shape.radix:
        return None
    per_pod = math.ceil(leaf / pods)
    spines, core_links = pods * up, pods * up * per_pod
    # Each spine stripes its per_pod uplinks over the cores of its group; cores are shared by whole groups.
    core = next(
        (
            c
            for c in range(math.ceil(core_links / shape.radix), up * per_pod + 1)
            if (up * per_pod) % c == 0 and core_links // c <= shape.radix
        ),
        None,
    )
    if core is None:
        return None
    return Tree(
        3, pods * per_pod, spines, core, shape.down, up, nodes * ports, pods * per_pod * up, core_links, shape.split
    )


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
                leaf = (node // tree.down) * ports + k
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
