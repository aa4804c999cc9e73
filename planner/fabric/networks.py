"""In-band, storage and out-of-band networks: single switches, pairs, and leaves under spines."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling, copper
from planner.fabric.design import USUAL, Bracket, FabricDesign, Media, even, merge, ports_at
from planner.fabric.tree import Leaf, Tree, fat_tree, joined
from planner.parts import BuildLine, Switch, Technology

PEER_LINKS = 2  # between the two switches of a pair
OOB_UPLINKS = 2  # from each out-of-band switch into the in-band network, one to each of its pair


def network_design(
    catalog: Catalog,
    name: str,
    endpoints: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str = "pair",
    oversubscription: float = 1.0,
    media: Media = USUAL,
) -> FabricDesign | Rejection:
    """In-band, storage (pairs of leaves, and of spines beyond one pair) or oob (leaves with two uplinks each)."""
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription, media)
    if isinstance(made, Rejection):
        return made
    return made.design(endpoints)


class _Switches:
    """Hashable handle on a catalog's switches, for memoising by switch."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog


@dataclass(frozen=True, slots=True)
class _Counts:
    """Switches by tier; links between tiers and between the two switches of each pair, at native speed."""

    leaf: int
    spine: int = 0
    core: int = 0
    leaf_spine: int = 0
    spine_core: int = 0
    peer: int = 0
    ratio: float = 1.0  # node bandwidth ÷ uplink bandwidth of a full leaf

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core


@dataclass(frozen=True)
class _Network:
    """One kind of network with everything that does not depend on the number of endpoints."""

    name: str
    switch: Switch
    gbps: float
    pair: bool
    oversubscription: float
    kit: cabling.LinkKit
    between: cabling.LinkKit | None
    media: Media = USUAL

    def counts(self, endpoints: int) -> _Counts | None:
        """Switches and links for a number of endpoint ports; None when three tiers are too few."""
        native = self.switch.ports
        if self.name == "oob":
            return _Counts(max(1, math.ceil(endpoints / native)))
        split = max(1, ports_at(self.switch, self.gbps) // native)
        if not self.pair:
            tree = fat_tree(endpoints, 1, native, self.ratio, False, 0, split, step=self.whole)
            return None if tree is None else _from_tree(tree, 0)
        if endpoints <= 2 * ((native - PEER_LINKS) // self.whole * self.whole) * split:
            return _Counts(2, peer=PEER_LINKS)
        return self._two_tiers(endpoints, split) or self._three_tiers(endpoints, split)

    def _two_tiers(self, endpoints: int, split: int) -> _Counts | None:
        """Leaves in pairs below spines in pairs: the fewest switches, then links, over all splits of leaf ports."""
        native, best, least = self.switch.ports, None, (0, 0, 0)
        for down, up, divisors in reversed(self._splits):
            leaf = 2 * math.ceil(endpoints / (2 * down * split))
            if best is not None and leaf >= least[0]:
                break  # narrower leaves only take more switches
            # The fewest spines over which every leaf stripes its uplinks evenly and that have the ports.
            place = bisect_left(divisors, math.ceil(leaf * up / native))
            if place == len(divisors):
                continue
            spine = divisors[place]
            rank = (leaf + spine, leaf * up + leaf, -down)
            if best is None or rank < least:
                best, least = _Counts(leaf, spine, 0, leaf * up, 0, leaf // 2 * PEER_LINKS, down / up), rank
        return best

    def _three_tiers(self, endpoints: int, split: int) -> _Counts | None:
        """Beyond two tiers: leaves as wide as the ratio allows."""
        down, up, _ = self._splits[-1]
        leaf = 2 * math.ceil(endpoints / (2 * down * split))
        tree = joined(Leaf(down * split, up, self.switch.ports, split), leaf, 1, endpoints, 0)
        return None if tree is None else _from_tree(tree, leaf // 2 * PEER_LINKS)

    def most_below(self, leaf: int) -> int:
        """Endpoints that so many leaves take below three tiers."""
        split = max(1, ports_at(self.switch, self.gbps) // self.switch.ports)
        return leaf * self._splits[-1][0] * split

    @cached_property
    def _splits(self) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
        """Ports down and up of a leaf of a pair beside its peer links, and the even divisors of up.

        An even number of uplinks, as few as the ratio allows.
        """
        room = self.switch.ports - PEER_LINKS
        found = []
        for down in range(self.whole, room, self.whole):
            up = max(2, math.ceil(down / self.ratio - 1e-9))
            up += up % 2
            if down + up <= room:
                found.append((down, up, tuple(s for s in range(2, up + 1, 2) if up % s == 0)))
        return tuple(found)

    @property
    def ratio(self) -> float:
        """Node bandwidth ÷ uplink bandwidth that is allowed: 3:1 in-band, 4:3 storage (reference designs), or more."""
        return max(self.oversubscription, 3.0 if self.name == "in-band" else 4 / 3)

    @property
    def whole(self) -> int:
        """Native ports of a cage whose plug serves endpoints: a leaf gives them away together."""
        return max(1, cabling.links_per_plug(self.kit) // max(1, ports_at(self.switch, self.gbps) // self.switch.ports))

    @property
    def per_step(self) -> int:
        """Endpoints that begin another plug on a switch, in pairs on both of the pair; 0: each has its own."""
        per = cabling.links_per_plug(self.kit)
        return 0 if per == 1 else 2 * per if self.pair else per

    def per_endpoint(self) -> dict[str, int]:
        """Parts of one endpoint link alone."""
        return cabling.link_lines(self.kit)

    def step(self, endpoints: int) -> dict[str, int]:
        """Parts that begin with every `per_step` endpoints: a plug per switch of a pair, one for a single endpoint."""
        both = 2 if self.pair and endpoints > 1 else 1
        return {part: n * both for part, n in cabling.plug_lines(self.kit).items()}

    def fixed(self, made: _Counts) -> dict[str, int]:
        """Switches and the links between them; modules are counted per switch."""
        parts = {self.switch.id: made.switches}
        if self.name == "oob":
            if cabling.uplink_at_speed(self.switch):
                return parts  # the in-band network buys the cable of every port that plugs into it
            return merge(parts, cabling.lines(cabling.uplink_kit(self.switch), [OOB_UPLINKS] * made.leaf, []))
        if self.between is None:
            return parts
        if made.spine:
            up = cabling.lines(self.between, even(made.leaf_spine, made.leaf), even(made.leaf_spine, made.spine))
            parts = merge(parts, up)
        if made.core:
            top = cabling.lines(self.between, even(made.spine_core, made.spine), even(made.spine_core, made.core))
            parts = merge(parts, top)
        pairs = made.peer // PEER_LINKS
        return merge(parts, cabling.lines(self.between, [PEER_LINKS] * pairs, [PEER_LINKS] * pairs))

    def design(self, endpoints: int, made: _Counts | None = None) -> FabricDesign | Rejection:
        """The network in full; `made` where its switches are known already."""
        made = made or self.counts(endpoints)
        if made is None:
            message = f"{endpoints} endpoints exceed three tiers of {self.switch.id}"
            return Rejection(self.switch.id, "too-large", message)
        radix, oob = ports_at(self.switch, self.gbps), self.name == "oob"
        share = 1 if oob else max(1, radix // self.switch.ports)
        uplinks = OOB_UPLINKS * made.leaf if oob else 0
        between = made.leaf_spine + made.peer
        present = made.leaf * (self.switch.ports + self.switch.uplink_ports) if oob else made.switches * radix
        each = {part: n * endpoints for part, n in self.per_endpoint().items()}
        if self.per_step:
            begun = math.ceil(endpoints / self.per_step)
            each = merge(each, {part: n * begun for part, n in self.step(endpoints).items()})
        fixed = self.fixed(made)
        return FabricDesign(
            switch=self.switch.id,
            technology=self.switch.technology,
            gbps=self.gbps,
            topology="plain" if made.spine else "direct",
            tiers=3 if made.core else 2 if made.spine else 1,
            leaf=made.leaf,
            spine=made.spine,
            core=made.core,
            endpoints=endpoints,
            oversubscription=round(made.ratio, 6),
            links_node=endpoints,
            links_leaf_spine=between,
            links_spine_core=made.spine_core,
            ports_used=endpoints + uplinks + 2 * (between + made.spine_core) * share,
            ports_present=present,
            redundancy="pair" if self.pair else "none",
            lines=cabling.build_lines(fixed, each),
            uplinks=uplinks,
            media=self.media,
            cables=cabling.pieces(each, self.kit) + cabling.pieces(fixed, self.between),
        )


def _from_tree(tree: Tree, peer: int) -> _Counts:
    links, across = tree.links_leaf_spine, tree.links_spine_core
    return _Counts(tree.leaf, tree.spine, tree.core, links, across, peer, tree.oversubscription)


def _network(
    handle: _Switches,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
    media: Media = USUAL,
) -> _Network | Rejection:
    switch = handle.catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    if not ports_at(switch, gbps):
        return Rejection(switch_id, "port-speed", f"{switch_id} has no ports of {gbps:g} Gbit/s")
    kit = cabling.node_kit(switch, gbps, "qsfp112")
    if isinstance(kit, Rejection):
        return kit
    between = None if name == "oob" else cabling.switch_kit(switch)
    if isinstance(between, Rejection):
        return between
    kit = copper.kit_of(handle.catalog, kit, media.node)
    between = None if between is None else copper.kit_of(handle.catalog, between, media.trunk)
    pair, used = redundancy == "pair" and name != "oob", copper.taken(media, kit, between)
    return _Network(name, switch, gbps, pair, oversubscription, kit, between, used)


def network_brackets(
    catalog: Catalog,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
    max_endpoints: int,
    low: int = 0,
    tiers: int = 3,
    media: Media = USUAL,
) -> list[Bracket]:
    """Ranges of endpoints with one count of switches, from `low` on, of at most so many tiers.

    Empty when this switch cannot build the network.
    """
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription, media)
    if isinstance(made, Rejection):
        return []
    found: list[Bracket] = []
    per = cabling.build_lines(made.per_endpoint())
    while low <= max_endpoints:
        counted = made.counts(max(low, 1))
        if counted is None or (counted.core and tiers < 3):
            break
        high = _last_with(made, low, counted, max_endpoints)
        if made.per_step and made.pair and low <= 1 < high:
            high = 1  # a single endpoint has one plug, two have one on either switch
        design = made.design(high, counted)
        if isinstance(design, Rejection):
            break
        fixed, step = cabling.build_lines(made.fixed(counted)), cabling.build_lines(made.step(high))
        found.append(Bracket(low, high, fixed, per, design, made.per_step, step if made.per_step else ()))
        low = high + 1
    return found


def _last_with(made: _Network, low: int, counted: _Counts, most: int) -> int:
    """The largest count with the same switches: they only grow, so doubling steps and bisection are exact."""
    if counted.core and made.pair:
        return min(most, made.most_below(counted.leaf))  # three tiers follow from the leaves alone
    low, step = max(low, 1), 16
    while low + step <= most and made.counts(low + step) == counted:
        low, step = low + step, 2 * step
    high = min(low + step, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if made.counts(middle) == counted else (low, middle)
    return low


def endpoint_lines(catalog: Catalog, switch_id: str, gbps: float, name: str) -> tuple[BuildLine, ...] | Rejection:
    """Cable and modules of one endpoint plugged into a switch."""
    kit = cabling.node_kit(catalog.switches[switch_id], gbps, "rj45" if name == "oob" else "qsfp112")
    return kit if isinstance(kit, Rejection) else cabling.build_lines(cabling.lines(kit, [1], [1]))
