"""In-band, storage and out-of-band networks: single switches, pairs, and leaves under spines."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling
from planner.fabric.design import Bracket, FabricDesign, even, merge, ports_at
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
) -> FabricDesign | Rejection:
    """In-band, storage (pairs of leaves, and of spines beyond one pair) or oob (leaves with two uplinks each)."""
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription)
    if isinstance(made, Rejection):
        return made
    return made.design(endpoints)


class _Switches:
    """Hashable handle on a catalog's switches, for memoising by switch."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog


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

    def counts(self, endpoints: int) -> tuple[int, int, int] | None:
        """Leaves, spines, links between them (native ports) for a number of endpoint ports; None when too many."""
        radix, native = ports_at(self.switch, self.gbps), self.switch.ports
        if self.name == "oob":
            return max(1, math.ceil(endpoints / self.switch.ports)), 0, 0
        per_native = max(1, radix // native)
        if not self.pair:
            if endpoints <= radix:
                return 1, 0, 0
            down, up = self._split(native)
            leaf = math.ceil(endpoints / (down * per_native))
            spine = next((s for s in range(max(1, math.ceil(leaf * up / native)), up + 1) if up % s == 0), None)
            return None if spine is None else (leaf, spine, leaf * up)
        if endpoints <= 2 * (native - PEER_LINKS) * per_native:
            return 2, 0, PEER_LINKS
        down, up = self._split(native - PEER_LINKS)
        up -= up % 2
        leaf = 2 * math.ceil(endpoints / (2 * down * per_native))
        # Spines in pairs too: each leaf has the same number of links to every spine, a spine has ports for all leaves.
        spine = next((s for s in range(2, up + 1, 2) if up % s == 0 and leaf * up <= s * native), None)
        return None if spine is None else (leaf, spine, leaf * up + (leaf // 2) * PEER_LINKS)

    def _split(self, native: int) -> tuple[int, int]:
        """Down and up ports of a leaf; in-band and storage networks with spines run three to one at most."""
        ratio = max(self.oversubscription, 3.0 if self.name == "in-band" else 4 / 3)
        up = max(2, math.ceil(native / (1 + ratio)))
        up += up % 2
        return native - up, up

    def per_endpoint(self) -> dict[str, int]:
        """Parts of one endpoint link, counted per link so that brackets are exact (a splitter serves one endpoint)."""
        return cabling.lines(self.kit, [1], [1])

    def fixed(self, leaf: int, spine: int, links: int) -> dict[str, int]:
        """Switches and the links between them."""
        parts = {self.switch.id: leaf + spine}
        if self.name == "oob":
            uplinks = cabling.lines(cabling.uplink_kit(self.switch), [OOB_UPLINKS] * leaf, [])
            return merge(parts, uplinks)
        if links and self.between is not None:
            ends = even(links, leaf)
            return merge(parts, cabling.lines(self.between, ends, even(links, spine or leaf)))
        return parts

    def design(self, endpoints: int) -> FabricDesign | Rejection:
        counted = self.counts(endpoints)
        if counted is None:
            return Rejection(self.switch.id, "too-large", f"{endpoints} endpoints exceed two tiers of {self.switch.id}")
        leaf, spine, links = counted
        radix = ports_at(self.switch, self.gbps)
        share = max(1, radix // self.switch.ports) if self.name != "oob" else 1
        uplinks = OOB_UPLINKS * leaf if self.name == "oob" else 0
        between = 0 if self.name == "oob" else links
        present = (
            (leaf + spine) * radix if self.name != "oob" else leaf * (self.switch.ports + self.switch.uplink_ports)
        )
        each = {part: n * endpoints for part, n in self.per_endpoint().items()}
        return FabricDesign(
            switch=self.switch.id,
            technology=self.switch.technology,
            gbps=self.gbps,
            topology="plain" if spine else "direct",
            tiers=2 if spine else 1,
            leaf=leaf,
            spine=spine,
            core=0,
            endpoints=endpoints,
            oversubscription=self.oversubscription,
            links_node=endpoints,
            links_leaf_spine=between,
            links_spine_core=0,
            ports_used=endpoints + uplinks + 2 * between * share,
            ports_present=present,
            redundancy="pair" if self.pair else "none",
            lines=cabling.build_lines(self.fixed(leaf, spine, links), each),
            uplinks=uplinks,
        )


def _network(
    handle: _Switches,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
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
    return _Network(name, switch, gbps, redundancy == "pair" and name != "oob", oversubscription, kit, between)


def network_brackets(
    catalog: Catalog,
    name: str,
    gbps: float,
    technology: Technology,
    switch_id: str,
    redundancy: str,
    oversubscription: float,
    max_endpoints: int,
) -> list[Bracket]:
    """Ranges of endpoints with one count of switches, from 0 on; empty when this switch cannot build the network."""
    made = _network(_Switches(catalog), name, gbps, technology, switch_id, redundancy, oversubscription)
    if isinstance(made, Rejection):
        return []
    found: list[Bracket] = []
    per = cabling.build_lines(made.per_endpoint())
    low = 0
    while low <= max_endpoints:
        counted = made.counts(max(low, 1))
        if counted is None:
            break
        high = _last_with(made, low, counted, max_endpoints)
        design = made.design(high)
        if isinstance(design, Rejection):
            break
        found.append(Bracket(low, high, cabling.build_lines(made.fixed(*counted)), per, design))
        low = high + 1
    return found


def _last_with(made: _Network, low: int, counted: tuple[int, int, int], most: int) -> int:
    """The largest count with the same switches: they only grow, so bisection is exact."""
    low, high = max(low, 1), most
    if made.counts(high) == counted:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if made.counts(middle) == counted:
            low = middle
        else:
            high = middle
    return low


def endpoint_lines(catalog: Catalog, switch_id: str, gbps: float, name: str) -> tuple[BuildLine, ...] | Rejection:
    """Cable and modules of one endpoint plugged into a switch."""
    kit = cabling.node_kit(catalog.switches[switch_id], gbps, "rj45" if name == "oob" else "qsfp112")
    return kit if isinstance(kit, Rejection) else cabling.build_lines(cabling.lines(kit, [1], [1]))
