"""Fat-tree arithmetic derived a second time from docs/fabric.md, as counting rules over the ports of one switch kind.

A switch has `native` ports; towards nodes each may be split into `share` slower ones. Uplinks run at native speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Switches by tier, links between tiers, ports used at the endpoints' speed, node ÷ uplink bandwidth."""

    leaf: int
    spine: int
    core: int
    links_leaf_spine: int
    links_spine_core: int
    ports_used: int
    oversubscription: float
    down: int = 0

    @property
    def tiers(self) -> int:
        return 3 if self.core else 2 if self.spine else 1


def up_to(value: int, per: int) -> int:
    """Whole groups of `per` that hold `value`."""
    return -(-value // per)


def compute(units: int, ports: int, native: int, share: int, ratio: float, rail: bool) -> Counts | None:
    """The tree with fewest tiers, then switches, then links, then widest leaves; None when three tiers are too few."""
    endpoints = units * ports
    if endpoints <= native * share:
        return Counts(1, 0, 0, 0, 0, endpoints, 1.0, endpoints)
    found: list[Counts] = []
    for down, up in _splits(native, ratio):
        wide = down * share
        leaf = up_to(units, wide) * ports if rail else up_to(endpoints, wide)
        tree = _two(leaf, up, native, wide, endpoints, share) or _three(leaf, up, native, wide, endpoints, share)
        if tree is not None:
            found.append(tree)
    return min(found, key=_cost, default=None)


def _cost(tree: Counts) -> tuple[int, int, int, int]:
    links = tree.links_leaf_spine + tree.links_spine_core
    return (tree.tiers, tree.leaf + tree.spine + tree.core, links, -tree.down)


def _splits(native: int, ratio: float) -> Iterator[tuple[int, int]]:
    """Ports down and up of a leaf: as few up as the oversubscription allows."""
    for down in range(1, native):
        up = next(u for u in range(1, native + 1) if down <= u * ratio + 1e-9)
        if down + up <= native:
            yield down, up


def _two(leaf: int, up: int, native: int, wide: int, endpoints: int, share: int) -> Counts | None:
    """Every leaf has the same whole number of links to each spine, and a spine has ports for all leaves."""
    fitting = [s for s in range(1, up + 1) if up % s == 0 and leaf * (up // s) <= native]
    if not fitting:
        return None
    links = leaf * up
    return Counts(leaf, fitting[0], 0, links, 0, endpoints + 2 * share * links, wide / (up * share), wide)


def _three(leaf: int, up: int, native: int, wide: int, endpoints: int, share: int) -> Counts | None:
    """Equal pods of at most native ÷ 2 leaves with `up` spines; cores share the spines' uplinks evenly."""
    pods = up_to(leaf, native // 2)
    if not 2 <= pods <= native:
        return None
    each = up_to(leaf, pods)
    leaves, spines, links = pods * each, pods * up, pods * each * up
    cores = [c for c in range(1, up * each + 1) if (up * each) % c == 0 and links // c <= native]
    if not cores:
        return None
    used = endpoints + 2 * share * 2 * links
    return Counts(leaves, spines, cores[0], links, links, used, wide / (up * share), wide)


def joined(role: str, endpoints: int, native: int, share: int, pair: bool) -> Counts | None:
    """An in-band or storage network: one switch or a pair, else leaves under spines at up to 3:1 or 4:3.

    The two switches of a pair are joined by two links.
    """
    room = native - 2 if pair else native
    if endpoints <= (2 if pair else 1) * room * share:
        peers = 2 if pair else 0
        return Counts(2 if pair else 1, 0, 0, peers, 0, endpoints + 2 * share * peers, 1.0)
    ratio = 3.0 if role == "in-band" else 4 / 3
    up = next(u for u in range(2, room) if u % 2 == 0 and u * (1 + ratio) >= room)
    down = room - up
    if not pair:
        leaf = up_to(endpoints, down * share)
        return _two(leaf, up, native, down * share, endpoints, share)
    leaf = 2 * up_to(endpoints, 2 * down * share)
    # Whole pairs of spines; `up // spine` links from each leaf to each of them.
    spines = [s for s in range(2, up + 1, 2) if up % s == 0 and leaf * (up // s) <= native]
    if not spines:
        return None
    links = leaf * up + leaf  # each pair of leaves has its two peer links
    return Counts(leaf, spines[0], 0, links, 0, endpoints + 2 * share * links, down / up)
