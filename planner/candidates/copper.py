"""Copper for networks whose devices stand in one rack as a block: media that reach, and the block to be racked.

Everything is known before anything is placed: the block keeps its devices together, so its longest run is. A candidate
on copper therefore has its exact price, and stands beside the same one on fibre (docs/model.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from planner import floorplan, site
from planner.bundles import node_shape
from planner.catalog import Catalog
from planner.fabric import SINGLE_MODE_NODE, SINGLE_MODE_TRUNK, FabricDesign, Media, node_cables, stripes, trunk_cables
from planner.floorplan import Floor
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
    """The media of a network where nothing else is chosen: multimode, single-mode where that does not reach.

    `role:kind=part`: a longer piece, which costs otherwise, where the usual one does not reach.
    """
    longer = {name: part for name, _, part in (word.partition("=") for word in single_mode) if part}
    node, trunk = (f"{role}:{kind}" for kind in ("node", "trunk"))
    return Media(
        longer.get(node, SINGLE_MODE_NODE if node in single_mode else None),
        longer.get(trunk, SINGLE_MODE_TRUNK if trunk in single_mode else None),
    )


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


@dataclass(frozen=True, slots=True)
class Pod:
    """A switch and its nodes as they stand: one block per rack, in the order of the racks, and their longest run."""

    blocks: tuple[Shape, ...]
    need_m: float


def pod(request: Request, node: NodeBuild, count: int, switch: Bundle, floor: Floor | None) -> Pod | None:
    """Nodes with their one switch in as few racks as take them, at most three; None where they do not fit.

    In one rack the switch stands above the nodes. In neighbouring racks it stands in the middle of its own block, and
    its rack between the others: so the longest run is shortest. All blocks stand on the floor of their racks.
    `floor`: how far neighbouring racks are apart; None: one rack only.
    """
    shape = replace(node_shape(node), item=NODE)
    whole = block((shape, count), *switch.shapes)
    slack = request.site.layout.slack_m
    if fits_one_rack(request, whole):
        return Pod((whole,), floorplan.block_m(whole.units, node.rack_units, switch.shapes[0][0].units, slack))
    if floor is None:
        return None
    for racks in range(2, min(MOST_RACKS, floor.racks_per_row, count) + 1):
        for own in range(-(-count // racks), 0, -1):
            below = (own + 1) // 2
            hub = block((shape, below), *switch.shapes, *(((shape, own - below),) if own > below else ()))
            rest = [(count - own + k) // (racks - 1) for k in range(racks - 1)]
            sides = [block((shape, n)) for n in rest]
            if fits_one_rack(request, hub) and all(fits_one_rack(request, s) for s in sides):
                return Pod((sides[0], hub, *sides[1:]), _longest(floor, request, node, below, own, max(rest), switch))
    return None


def named(shape: Shape, node: str) -> Shape:
    """A block of a pod with the build of its nodes: builds of equal size stand alike."""
    stack = tuple((node if item == NODE else item, *rest) for item, *rest in shape.stack)
    return replace(shape, item=node if shape.item == NODE else shape.item, stack=stack)  # type: ignore[arg-type]


def _longest(
    floor: Floor, request: Request, node: NodeBuild, below: int, own: int, beside: int, switch: Bundle
) -> float:
    """Metres of the longest run to a switch that stands on `below` of its rack's `own` nodes, blocks from unit 1 up."""
    high = switch.shapes[0][0].units
    at = below * node.rack_units + high / 2
    units = site.room(request).units

    def spot(rack: int, k: int) -> tuple[int, int, float]:
        middle = (k + 0.5) * node.rack_units
        return (rack, units, middle + (high if rack == 0 and k >= below else 0))

    spots = [spot(0, k) for k in range(own)] + [spot(1, k) for k in range(beside)]
    return max(floorplan.cable_m(floor, (0, units, at), far) for far in spots)


def to_nodes(
    catalog: Catalog, request: Request, node: NodeBuild, made: FabricDesign, pods: Sequence[Pod | None]
) -> Iterator[Media]:
    """Copper between nodes and the single switches they stand with; `pods`: None where they do not fit together."""
    if not wanted(request) or made.links_other or made.links_leaf_spine or node.own_rack or node.fabric_units > 1:
        return
    whole = [p for p in pods if p is not None]
    if not pods or len(whole) < len(pods):
        return
    need = max(p.need_m for p in whole)
    for part in node_cables(catalog, catalog.switches[made.switch], made.gbps, node.compute_cage or "", need):
        if node.compute_ports % catalog.cables[part].links == 0:
            yield replace(made.media, node=part)


def floor_beside(request: Request, width_mm: float | None) -> Floor:
    """The floor on which neighbouring racks stand: one row, as long as the site says."""
    return floorplan.floor_of(request.site.model_dump(), MOST_RACKS, width_mm, None)


NODE = "node"  # stands for the build in a pod, which is the same for all builds of one size
MOST_RACKS = 3  # that a switch and its nodes spread over: its own and one on either side
PEER_LINKS = 2  # between the two switches of a pair
