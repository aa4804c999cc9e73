"""Compute fabrics that pools of a small site have together: every kind of switch for what they plug in."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from oracle.ledger import Heap, Ledger
from planner import fabric
from planner.errors import Rejection
from planner.parts import Technology
from planner.request import Request

Managers = tuple[list[tuple[str, int]], list[tuple[str, int]], int]


@dataclass(frozen=True, slots=True)
class Net:
    """Ports that are alike. `rails`: ports per node of a rail-optimized tree, 0 for plain trees and single switches."""

    technology: Technology
    gbps: float
    rails: int
    reserved: int  # ports per node, where nodes are reserved for later


@dataclass(frozen=True, slots=True)
class Plug:
    """What one pool plugs into a joint fabric."""

    net: Net
    work: str
    ports: int
    nodes: int
    railed: bool


@dataclass
class JointFabrics:
    """Every fabric for any pools together, each found once."""

    request: Request
    ledger: Ledger
    switches: Callable[[Technology, float], Sequence[str]]
    managers: Callable[[str, int], Managers | None]
    _known: dict[tuple[Net, int, int, bool], list[tuple[str, Heap, int]]] = field(default_factory=dict)

    def ways(self, plugs: Sequence[Plug]) -> Iterator[tuple[str, Heap, int]]:
        """Words, heap and switches of every choice; none where a pool finds nobody to share with."""
        nets: dict[Net, list[Plug]] = defaultdict(list)
        for plug in plugs:
            nets[plug.net].append(plug)
        forced = self.request.preferences.fabric.sharing == "shared"
        if forced and len(nets) > 1:
            return
        if not forced and any(len({p.work for p in members}) < 2 for members in nets.values()):
            return
        for choice in itertools.product(*(self._fabrics(net, members) for net, members in nets.items())):
            heap = Heap()
            for _, more, _ in choice:
                heap = heap + more
            yield " ".join(words for words, _, _ in choice), heap, sum(n for _, _, n in choice)

    def _fabrics(self, net: Net, plugs: Sequence[Plug]) -> list[tuple[str, Heap, int]]:
        ports, nodes, railed = sum(p.ports for p in plugs), sum(p.nodes for p in plugs), any(p.railed for p in plugs)
        key = (net, ports, nodes, railed)
        if key not in self._known:
            made = (self._one(net, s, ports, nodes, railed) for s in self.switches(net.technology, net.gbps))
            self._known[key] = [m for m in made if m is not None]
        return self._known[key]

    def _one(self, net: Net, switch: str, ports: int, nodes: int, railed: bool) -> tuple[str, Heap, int] | None:
        managers = self.managers(switch, nodes)
        if managers is None:
            return None
        appliances, licences, extra = managers
        wanted = self.request.preferences.fabric
        each = net.rails or 1
        made = fabric.compute_design(
            self.ledger.catalog,
            ports // each,
            each,
            net.gbps,
            net.technology,
            switch,
            wanted.oversubscription,
            "rail" if net.rails else "plain",
            "",
            extra,
            wanted.reserve_nodes * net.reserved // each,
        )
        if isinstance(made, Rejection):
            return None
        tree = made.tiers > 1
        if (net.rails and not tree) or (railed and tree and not net.rails):
            return None
        # The modules in nodes are the pools' own.
        ends = fabric.node_end_lines(self.ledger.catalog, switch, net.gbps, "", each)
        assert not isinstance(ends, Rejection)
        own = {ln.part: ln.quantity * (ports // each) for ln in ends}
        left = [(ln.part, ln.quantity - own.get(ln.part, 0)) for ln in made.lines]
        lines = [(part, count) for part, count in left if count]  # what pools bring needs no price here
        if nodes > 16:
            rule, catalog = self.request.spares, self.ledger.catalog
            for kinds, percent in ((catalog.optics, rule.optics), (catalog.cables, rule.cables)):
                lines += [(part, -int(-percent * n // 100)) for part, n in lines if part in kinds and percent and n]
        bought = self.ledger.lines([*lines, *appliances])
        yearly = self.ledger.lines(licences)
        if bought is None or yearly is None:
            return None
        heap = bought + Heap(yearly=yearly.cents, scarce=yearly.scarce)
        return f"joint {made.switches} x {switch} {net.technology}", heap, made.switches
