"""Copper said again: networks whose devices fit one rack may stand there one above the other, joined by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from oracle.ledger import Heap, Size
from planner.catalog import Catalog
from planner.fabric import FabricDesign, Media
from planner.parts import Switch
from planner.request import Request

RACK_UNIT = 0.04445  # m
TO_THE_SIDE = 0.5  # m at either port


def stacked(heap: Heap) -> Heap:
    """Everything of a heap as one thing."""
    axes = range(len(heap.things[0][0]))
    return replace(heap, things=((tuple(sum(s[k] * n for s, n in heap.things) for k in axes), 1),))


def fits(heap: Heap, rack: Size) -> bool:
    """Whether a heap, one thing now, stands in an empty rack."""
    return all(have <= most for have, most in zip(heap.things[0][0], rack, strict=True))


def between(catalog: Catalog, request: Request, made: FabricDesign) -> Iterator[Media]:
    """Cables that join switches of a network over the height of all of them."""
    switch, count = catalog.switches[made.switch], made.leaf + made.spine
    if made.core or count < 2 or not made.links_leaf_spine or request.preferences.fabric.media == "fibre":
        return
    metres = (count - 1) * switch.rack_units * RACK_UNIT + 2 * TO_THE_SIDE + request.site.layout.slack_m
    for part, links in _long_enough(catalog, switch, (switch.cage, switch.cage), switch.gbps, "switch", metres):
        peers = made.leaf if made.redundancy == "pair" else 0  # two links for two leaves
        uplinks = (made.links_leaf_spine - peers) // made.leaf
        if 2 % links == 0 and (not made.spine or uplinks % (made.spine * links) == 0):
            yield Media(trunk=part)


def to_nodes(
    catalog: Catalog, request: Request, made: FabricDesign, cage: str, ports: int, units: int, count: int
) -> Iterator[Media]:
    """Cables from one switch to all nodes below it."""
    switch = catalog.switches[made.switch]
    if made.leaf + made.spine != 1 or made.links_other or request.preferences.fabric.media == "fibre":
        return
    metres = (count * units + switch.rack_units - (units + switch.rack_units) / 2) * RACK_UNIT
    metres += 2 * TO_THE_SIDE + request.site.layout.slack_m
    end = "osfp" if cage == "osfp-flat" else cage
    for part, links in _long_enough(catalog, switch, (switch.cage, end), made.gbps, "node", metres):
        if ports % links == 0:
            yield Media(node=part)


def _long_enough(
    catalog: Catalog, switch: Switch, ends: tuple[str, str], gbps: float, side: str, metres: float
) -> Iterator[tuple[str, int]]:
    """Of every maker and kind the shortest copper that reaches and fills the switch's cage."""
    seen = set()
    for cable in sorted(catalog.cables.values(), key=lambda c: (c.length_m, c.id)):
        good = cable.kind in ("dac", "acc") and cable.lifecycle == "current" and cable.side in (side, "any")
        good = good and cable.ends == ends and cable.gbps == gbps and switch.technology in cable.technologies
        ports = switch.ports if gbps == switch.gbps else switch.split.get(f"{gbps:g}", 0)
        good = good and cable.links * switch.cages == ports and cable.length_m + 1e-9 >= metres
        if good and (cable.vendor, cable.kind) not in seen:
            seen.add((cable.vendor, cable.kind))
            yield cable.id, cable.links
