"""Islands: fabrics of single unjoined switches for replicas that span a few nodes and do not talk to one another."""

from __future__ import annotations

import functools
import math

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling
from planner.fabric.copper import kit_of, taken
from planner.fabric.design import USUAL, Bracket, FabricDesign, Media, ports_at, ports_per_cage
from planner.parts import Switch, Technology


@functools.lru_cache(maxsize=16384)
def islands(
    catalog: Catalog,
    nodes: int,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    node_cage: str,
    together: int,
    media: Media = USUAL,
) -> FabricDesign | Rejection:
    """A fabric for replicas that span `together` nodes each and do not talk to one another: single switches, unjoined.

    Each switch takes as many whole replicas as its ports allow. Modules are counted per node at either end, so the
    parts are exactly switches + nodes × the parts of one node.
    """
    switch = catalog.switches[switch_id]
    if switch.technology != technology:
        return Rejection(switch_id, "technology", f"{switch_id} is {switch.technology}, not {technology}")
    if technology == "infiniband" and not switch.managed:
        message = f"{switch_id} is unmanaged: an island of one switch has nobody to run its subnet manager"
        return Rejection(switch_id, "unmanaged", message)
    room = island_nodes(switch, ports_per_node, gbps, together)
    kit = cabling.node_kit(switch, gbps, node_cage)
    if isinstance(kit, Rejection):
        return kit
    kit = kit_of(catalog, kit, media.node)
    if not room:
        return Rejection(switch_id, "too-large", f"{together} nodes of {ports_per_node} ports exceed one {switch_id}")
    count = math.ceil(nodes / room)
    each = {part: n * nodes for part, n in cabling.lines(kit, [ports_per_node], [ports_per_node]).items()}
    return FabricDesign(
        switch=switch_id,
        technology=technology,
        gbps=gbps,
        topology="islands" if count > 1 else "direct",
        tiers=1,
        leaf=count,
        spine=0,
        core=0,
        endpoints=nodes * ports_per_node,
        oversubscription=1.0,
        links_node=nodes * ports_per_node,
        links_leaf_spine=0,
        links_spine_core=0,
        ports_used=nodes * ports_per_node,
        ports_present=count * ports_at(switch, gbps),
        redundancy="none",
        lines=cabling.build_lines({switch_id: count}, each),
        media=taken(media, kit, None),
        cables=cabling.pieces(each, kit),
    )


def island_nodes(switch: Switch, ports_per_node: int, gbps: float, together: int) -> int:
    """Nodes on one island switch: whole replicas of `together` nodes; 0 when not one fits.

    Every node has plugs of its own, which fill their cages.
    """
    per_cage = ports_per_cage(switch, gbps)
    taken = math.ceil(ports_per_node / per_cage) * per_cage * together
    return ports_at(switch, gbps) // taken * together if ports_per_node else 0


def island_brackets(
    catalog: Catalog,
    ports_per_node: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    node_cage: str,
    together: int,
    max_nodes: int,
    media: Media = USUAL,
) -> list[Bracket]:
    """Node counts by number of island switches, each costing fixed + per node exactly."""
    switch = catalog.switches[switch_id]
    room = island_nodes(switch, ports_per_node, gbps, together)
    kit = cabling.node_kit(switch, gbps, node_cage)
    if not room or switch.technology != technology or isinstance(kit, Rejection):
        return []
    kit = kit_of(catalog, kit, media.node)
    each = cabling.build_lines(cabling.lines(kit, [ports_per_node], [ports_per_node]))
    found = []
    for count in range(1, math.ceil(max_nodes / room) + 1):
        high = min(count * room, max_nodes)
        made = islands(catalog, high, ports_per_node, gbps, technology, switch_id, node_cage, together, media)
        if isinstance(made, Rejection):
            break
        fixed = cabling.build_lines({switch_id: count})
        found.append(Bracket((count - 1) * room + 1, high, fixed, each, made))
    return found
