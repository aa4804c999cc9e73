"""Copper for networks whose devices stand in one rack as a block: media that reach, and the block to be racked.

Everything is known before anything is placed: the block keeps its devices together, so its longest run is. A candidate
on copper therefore has its exact price, and stands beside the same one on fibre (docs/model.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from planner import floorplan, site
from planner.bundles import node_shape
from planner.catalog import Catalog
from planner.fabric import SINGLE_MODE_NODE, SINGLE_MODE_TRUNK, FabricDesign, Media, node_cables, stripes, trunk_cables
from planner.model import Bundle, Shape, block
from planner.parts import NodeBuild
from planner.request import Request


def wanted(request: Request) -> bool:
    """Whether copper may be chosen at all."""
    return request.preferences.fabric.media != "fibre"


def preferred(request: Request) -> bool:
    """Whether what copper reaches is not offered on fibre."""
    return request.preferences.fabric.media == "copper"


def is_copper(catalog: Catalog, part: str | None) -> bool:
    """Whether a cable is copper, so that what it joins stands as one block."""
    return part is not None and catalog.cables[part].kind in ("dac", "acc")


def usual(single_mode: frozenset[str], role: str) -> Media:
    """The media of a network where nothing else is chosen: multimode, single-mode where that does not reach."""
    node, trunk = (f"{role}:{kind}" in single_mode for kind in ("node", "trunk"))
    return Media(SINGLE_MODE_NODE if node else None, SINGLE_MODE_TRUNK if trunk else None)


def fits_one_rack(request: Request, shape: Shape) -> bool:
    """Whether an empty rack of the room takes a block."""
    room = site.room(request)
    watts, grams = site.whole_limits(room)
    return (
        shape.units <= room.units
        and (watts is None or shape.watts <= watts)
        and (grams is None or shape.grams <= grams)
        and all(
            left <= have
            for left, have in zip((shape.watts - shape.plates, shape.plates), site.heat_limits(room), strict=False)
        )
    )


def as_block(bundle: Bundle, switch: str) -> Bundle:
    """The bundle of a network's switches with those as one block."""
    own = [(s, n) for s, n in bundle.shapes if s.item == switch]
    rest = tuple((s, n) for s, n in bundle.shapes if s.item != switch)
    return replace(bundle, shapes=((block(*own), 1), *rest))


def between_switches(catalog: Catalog, request: Request, made: FabricDesign, switches: Bundle) -> Iterator[Media]:
    """Copper that joins all switches of a network (`switches`) when they stand as one block in one rack."""
    links = made.links_leaf_spine
    if not wanted(request) or not links or made.core or made.switches < 2:
        return
    whole = block(*switches.shapes)
    if not fits_one_rack(request, whole):
        return
    switch = catalog.switches[made.switch]
    need = floorplan.block_m(whole.units, switch.rack_units, switch.rack_units, request.site.layout.slack_m)
    for part in trunk_cables(catalog, switch, need):
        peers = made.leaf // 2 * PEER_LINKS if made.redundancy == "pair" else 0
        per = catalog.cables[part].links
        up = (links - peers) // made.leaf
        if PEER_LINKS % per == 0 and (not made.spine or stripes(up, made.spine, per)):
            yield replace(made.media, trunk=part)


def pod(node: NodeBuild, count: int, switches: Bundle) -> Shape:
    """All nodes of a pool with its switches above them."""
    return block((node_shape(node), count), *switches.shapes)


def to_nodes(
    catalog: Catalog, request: Request, node: NodeBuild, count: int, made: FabricDesign, switches: Bundle
) -> Iterator[Media]:
    """Copper between all nodes of a pool and its one switch when they stand as one block in one rack."""
    if not wanted(request) or made.switches != 1 or made.links_other or node.own_rack or node.fabric_units > 1:
        return
    whole = pod(node, count, switches)
    if not fits_one_rack(request, whole):
        return
    switch = catalog.switches[made.switch]
    need = floorplan.block_m(whole.units, node.rack_units, switch.rack_units, request.site.layout.slack_m)
    for part in node_cables(catalog, switch, made.gbps, node.compute_cage or "", need):
        if node.compute_ports % catalog.cables[part].links == 0:
            yield replace(made.media, node=part)


PEER_LINKS = 2  # between the two switches of a pair
