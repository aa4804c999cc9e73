"""A compute fabric that several pools stand on: one tree for all of their ports.

Ports of one technology and speed are alike, so a plain tree is that of all ports together, and a rail-optimized one
that of all nodes, where each has the same number of ports. What a pool's own nodes take at their end of a link
(modules by the adapter's cage) belongs to the pool; switches, cables and the modules in switches are the fabric's.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import cabling, copper
from planner.fabric.compute import compute_design
from planner.fabric.design import USUAL, FabricDesign, Media
from planner.parts import BuildLine, Technology

_CAGE = "qsfp112"  # any: what stands at the nodes' end is taken out again


@functools.lru_cache(maxsize=65536)
def joint_design(
    catalog: Catalog,
    endpoints: int,
    rails: int,
    gbps: float,
    technology: Technology,
    switch_id: str,
    oversubscription: float,
    extra: int = 0,
    reserve: int = 0,
    media: Media = USUAL,
    planes: int = 1,
) -> FabricDesign | Rejection:
    """The fabric for so many node ports at `gbps`; `rails` ports per node, or 0 for a plain tree.

    `planes`: separate trees, each with an equal share of the ports.

    `extra` ports carry fabric managers; spines are sized for `reserve` more ports. Its lines have nothing of the
    nodes' ends (`node_end_lines`). Rejections are those of `compute_design`.
    """
    each = rails or planes
    made = compute_design(
        catalog,
        endpoints // each,
        each,
        gbps,
        technology,
        switch_id,
        oversubscription,
        "rail" if rails else "plain",
        _CAGE,
        extra,
        reserve // each,
        media,
        planes,
    )
    if isinstance(made, Rejection):
        return made
    ends = node_end_lines(catalog, switch_id, gbps, _CAGE, each, media)
    if isinstance(ends, Rejection):
        return ends
    there = {line.part: line.quantity * (endpoints // each) for line in ends}
    left = {line.part: line.quantity - there.get(line.part, 0) for line in made.lines}
    return replace(made, lines=cabling.build_lines(left))


def node_end_lines(
    catalog: Catalog, switch_id: str, gbps: float, cage: str, ports: int, media: Media = USUAL
) -> tuple[BuildLine, ...] | Rejection:
    """Modules at the end of one node with so many ports."""
    kit = cabling.node_kit(catalog.switches[switch_id], gbps, cage)
    if isinstance(kit, Rejection):
        return kit
    return cabling.build_lines(cabling.lines(copper.kit_of(catalog, kit, media.node), [], [ports]))
