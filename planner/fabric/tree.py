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
    """Counts of one fat tree. `up` and `down` per leaf; links between tiers in all."""

    tiers: int
    leaf: int
    spine: int
    core: int
    down: int
    up: int
    endpoints: int
    links_leaf_spine: int
    links_spine_core: int

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core

    @property
    def ports_used(self) -> int:
        """Switch ports in use: one per node link, two per link between switches."""
        return self.endpoints + 2 * (self.links_leaf_spine + self.links_spine_core)

    @property
    def oversubscription(self) -> float:
        """Node bandwidth ÷ uplink bandwidth of a full leaf; 1.0 with a single tier."""
        return self.down / self.up if self.up else 1.0


@functools.lru_cache(maxsize=65536)
def fat_tree(nodes: int, ports: int, radix: int, oversubscription: float, rail: bool, extra: int = 0) -> Tree | None:
    """The tree with the fewest switches (then the fewest links) for nodes × ports endpoints; None when none fits.

    `rail`: nodes stand in scalable units of `down` nodes, port i of a node goes to leaf i of its unit, and the leaves
    of a unit are built whole. `extra` endpoints (a fabric manager) take free ports of leaves.
    """
    endpoints = nodes * ports
    if endpoints + extra <= radix:
        return Tree(1, 1, 0, 0, endpoints + extra, 0, endpoints, 0, 0)
    best: Tree | None = None
    for down in range(radix - 1, 0, -1):
        up = min(radix - down, down) if oversubscription >= 1 else radix - down
        up = max(up, math.ceil(down / oversubscription - 1e-9))
        if down + up > radix:
            continue
        up = math.ceil(down / oversubscription - 1e-9)
        tree = _two_tiers(nodes, ports, radix, down, up, rail, extra) or _three_tiers(
            nodes, ports, radix, down, up, rail, extra
        )
        if tree is not None and (best is None or _order(tree) < _order(best)):
            best = tree
    return best


def _order(tree: Tree) -> tuple[int, int, int, int]:
    return (tree.tiers, tree.switches, tree.links_leaf_spine + tree.links_spine_core, -tree.down)


def _leaves(nodes: int, ports: int, down: int, rail: bool, extra: int) -> int:
    if not rail:
        return math.ceil((nodes * ports + extra) / down)
    units = math.ceil(nodes / down)
    free = units * down * ports - nodes * ports
    return units * ports + max(0, math.ceil((extra - free) / down))


def _two_tiers(nodes: int, ports: int, radix: int, down: int, up: int, rail: bool, extra: int) -> Tree | None:
    leaf = _leaves(nodes, ports, down, rail, extra)
    need = math.ceil(leaf * up / radix)
    spine = next((s for s in range(max(1, need), up + 1) if up % s == 0), None)
    if spine is None:
        return None
    return Tree(2, leaf, spine, 0, down, up, nodes * ports, leaf * up, 0)


def _three_tiers(nodes: int, ports: int, radix: int, down: int, up: int, rail: bool, extra: int) -> Tree | None:
    """Pods of radix ÷ 2 leaves with `up` spines each: one link from every leaf to every spine of its pod; cores stripe.

    Spines have radix ÷ 2 ports down and as many up; every pod has the same spines, spine j of each pod goes to its own
    group of cores.
    """
    half = radix // 2
    leaf = _leaves(nodes, ports, down, rail, extra)
    pods = math.ceil(leaf / half)
    if pods < 2 or pods > radix:
        return None
    leaf = pods * math.ceil(leaf / pods) if not rail else leaf
    per_pod = math.ceil(leaf / pods)
    spine = pods * up
    spine_up = per_pod if per_pod <= half else half
    # Each group serves spine j of every pod: `spine_up` cores, each with one link per pod; share cores between groups
    # where ports allow.
    core_ports = pods * up * spine_up
    core = next((c for c in range(math.ceil(core_ports / radix), core_ports + 1) if (up * spine_up) % c == 0), None)
    if core is None or core_ports > core * radix:
        return None
    return Tree(3, leaf, spine, core, down, up, nodes * ports, leaf * up, core_ports)


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
