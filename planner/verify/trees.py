"""Fat-tree arithmetic derived a second time from docs/fabric.md, as counting rules over the ports of one switch kind.

A switch has `native` ports; towards nodes each may be split into `share` slower ones. Uplinks run at native speed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace


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


def times(one: Counts, planes: int) -> Counts:
    """So many alike trees that nothing joins."""
    return replace(
        one,
        leaf=planes * one.leaf,
        spine=planes * one.spine,
        core=planes * one.core,
        links_leaf_spine=planes * one.links_leaf_spine,
        links_spine_core=planes * one.links_spine_core,
        ports_used=planes * one.ports_used,
    )


def up_to(value: int, per: int) -> int:
    """Whole groups of `per` that hold `value`."""
    return -(-value // per)


def compute(
    units: int,
    ports: int,
    native: int,
    share: int,
    ratio: float,
    rail: bool,
    extra: int = 0,
    reserve: int = 0,
    step: int = 1,
) -> Counts | None:
    """The tree with fewest tiers, then switches, then links, then widest leaves; None when three tiers are too few.

    `extra` ports of leaves carry fabric managers; spines and cores are those of `reserve` more units; leaves give
    `step` native ports to endpoints together.
    """
    present, whole = units * ports, (units + reserve) * ports
    if whole + extra <= native * share:
        return Counts(1, 0, 0, 0, 0, present + extra, 1.0, whole + extra)
    found: list[tuple[Counts, int]] = []
    for down, up in _splits(native, ratio, step):
        wide = down * share
        room = (native - up) * share
        leaf, tall = (_leaves(units + reserve, 0, ports, wide, room, rail, extra, low) for low in (True, False))
        groups = ports if rail else 1
        tree = _two(leaf, up, native, wide, whole + extra, share)
        tree = tree or _three(tall, up, native, wide, whole + extra, share, groups)
        if tree is not None:
            found.append((tree, up))
    if not found:
        return None
    best, up = min(found, key=lambda t: _cost(t[0]))
    if not reserve:
        return best
    room = (native - up) * share
    leaf = _leaves(units, reserve, ports, best.down, room, rail, extra, not best.core)
    links = leaf * up
    used = present + extra + 2 * share * links * (2 if best.core else 1)
    across = links if best.core else 0
    return Counts(leaf, best.spine, best.core, links, across, used, best.oversubscription, best.down)


def _leaves(units: int, later: int, ports: int, wide: int, room: int, rail: bool, extra: int, low: bool) -> int:
    """Leaves packed full, or sets that hold every rail; managers take free ports, else leaves of their own.

    `room`: endpoints that a leaf takes beside its uplinks; `later`: units to come, for which sets are laid out now.
    Only `low` trees, of two tiers, have several rails on a leaf.
    """
    if not rail:
        return up_to(units * ports + extra, wide)
    last = up_to(units, wide) - 1  # all before it are full
    built = last * ports + rail_set(units + later, last, ports, wide, low)
    return built + max(0, up_to(extra - (built * room - units * ports), wide))


def rail_set(units: int, number: int, ports: int, wide: int, low: bool) -> int:
    """Leaves of the scalable unit of a number: a leaf takes the same port of all its units, of several ports if it can.

    The fewest leaves on which no rail is divided.
    """
    here = min(wide, units - number * wide) if low else wide
    return next(leaves for leaves in range(1, ports + 1) if up_to(ports, leaves) * here <= wide)


def _cost(tree: Counts) -> tuple[int, int, int, int]:
    links = tree.links_leaf_spine + tree.links_spine_core
    return (tree.tiers, tree.leaf + tree.spine + tree.core, links, -tree.down)


def _splits(native: int, ratio: float, step: int) -> Iterator[tuple[int, int]]:
    """Ports down, in multiples of `step`, and up of a leaf: as few up as the oversubscription allows."""
    for down in range(step, native, step):
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


def _three(leaf: int, up: int, native: int, wide: int, endpoints: int, share: int, groups: int) -> Counts | None:
    """Pods of at most native ÷ 2 leaves, each of one rail; each pod has spines that its uplinks stripe evenly over.

    Half of a spine's ports go up. Cores are the fewest with ports for all, equal links from each full pod.
    """
    half, pods = native // 2, Counter[int]()
    for group in range(groups):
        members = (leaf + groups - 1 - group) // groups
        pods[half] += members // half
        pods[members % half] += 1
    pods = +Counter({size: count for size, count in pods.items() if size})
    if sum(pods.values()) > native:
        return None
    spines = 0
    for size, count in pods.items():
        fitting = [s for s in range(1, up + 1) if up % s == 0 and size * (up // s) <= half]
        if not fitting:
            return None
        spines += count * fitting[0]
    links, full = leaf * up, max(pods) * up
    cores = [c for c in range(1, full + 1) if full % c == 0 and c * native >= links]
    if not cores:
        return None
    used = endpoints + 2 * share * 2 * links
    return Counts(leaf, spines, cores[0], links, links, used, wide / (up * share), wide)


def joined(role: str, endpoints: int, native: int, share: int, pair: bool, step: int = 1) -> Counts | None:
    """An in-band or storage network: one switch or a pair, else leaves under spines at up to 3:1 or 4:3.

    The two switches of a pair are joined by two links; spines above pairs come in pairs too. `step`: native ports of a
    cage whose plug serves endpoints.
    """
    ratio = 3.0 if role == "in-band" else 4 / 3
    if not pair:
        return compute(endpoints, 1, native, share, ratio, False, step=step)
    room = native - 2
    if endpoints <= 2 * (room - room % step) * share:
        return Counts(2, 0, 0, 2, 0, endpoints + 2 * share * 2, 1.0)
    splits = []
    for down in range(step, room, step):
        up = next(u for u in range(2, native + 2, 2) if down <= u * ratio + 1e-9)
        if down + up <= room:
            splits.append((down, up))
    flat = [_paired(endpoints, down, up, native, share) for down, up in splits]
    widest = _paired_tall(endpoints, *splits[-1], native, share)  # only where two tiers do not do
    return min((t for t in flat if t is not None), key=_cost, default=widest)


def _paired(endpoints: int, down: int, up: int, native: int, share: int) -> Counts | None:
    """Pairs of leaves, each pair with its two peer links, below whole pairs of spines."""
    leaf = 2 * up_to(endpoints, 2 * down * share)
    spines = [s for s in range(2, up + 1, 2) if up % s == 0 and leaf * (up // s) <= native]
    if not spines:
        return None
    links = leaf * up + leaf
    return Counts(leaf, spines[0], 0, links, 0, endpoints + 2 * share * links, down / up, down)


def _paired_tall(endpoints: int, down: int, up: int, native: int, share: int) -> Counts | None:
    leaf = 2 * up_to(endpoints, 2 * down * share)
    tall = _three(leaf, up, native, down * share, endpoints, share, 1)
    if tall is None:
        return None
    links, used = tall.links_leaf_spine + leaf, tall.ports_used + 2 * share * leaf
    return Counts(leaf, tall.spine, tall.core, links, tall.links_spine_core, used, tall.oversubscription, down)
