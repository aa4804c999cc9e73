"""Copper in place of modules and fibre: known before anything is placed, for devices that stand in one rack as a block.

Devices of a block stand directly above one another, so the longest run between two of them is known from their heights
alone. A copper cable that reaches it can be priced exactly, and packing keeps the block whole. See docs/fabric.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from planner.catalog import Catalog
from planner.fabric.cabling import LinkKit
from planner.fabric.design import Media, ports_per_cage
from planner.parts import Cable, Switch

KINDS = ("dac", "acc")


# Single-mode modules in place of multimode ones: same cage, same links, same speed.
SINGLE_MODE = {
    "mma4z00-ns": "mms4x00-nm",
    "mma4z00-ns-flt": "mms4x00-nm-flt",
    "mma4z00-ns400": "mms4x00-ns400",
    "mma1z00-ns400": "mms1x00-ns400",
    "generic-400g-qsfp-dd-sr4": "mms1v00-wm",
}
SINGLE_MODE_NODE, SINGLE_MODE_TRUNK = "generic-smf-mpo12-10m", "generic-smf-mpo12-30m"


def kit_of(catalog: Catalog, usual: LinkKit, part: str | None) -> LinkKit:
    """The parts of a link on another cable than the usual one.

    Copper carries its ends: no modules. Of the usual cable's own family it is a longer piece. Single-mode fibre takes
    the place of multimode with the modules that go with it, and that of other single-mode fibre in longer pieces; what
    is neither stays as it is.
    """
    if part is None:
        return usual
    cable, own = catalog.cables[part], catalog.cables[usual.cable]
    if cable.kind in KINDS:
        return LinkKit(part, cable.links)
    if _kin(cable) == _kin(own) or (cable.kind == own.kind == "fibre" and cable.media == own.media == "smf"):
        return replace(usual, cable=part)  # the same in longer pieces
    if cable.media != "smf":
        return usual
    near, far = usual.switch_module, usual.far_module
    if near not in SINGLE_MODE or far not in SINGLE_MODE:
        return usual
    return replace(usual, cable=part, switch_module=SINGLE_MODE[near], far_module=SINGLE_MODE[far])


def _kin(cable: Cable) -> tuple[object, ...]:
    """What cables that differ in nothing but their length have in common."""
    return (cable.vendor, cable.kind, cable.gbps, cable.links, cable.ends, cable.side, cable.media, cable.technologies)


def taken(media: Media, node: LinkKit, trunk: LinkKit | None) -> Media:
    """What of the media asked for is really used."""
    used = (node.cable, None if trunk is None else trunk.cable)
    return Media(media.node if media.node == used[0] else None, media.trunk if media.trunk == used[1] else None)


def trunk_cables(catalog: Catalog, switch: Switch, need_m: float) -> list[str]:
    """The shortest copper of each family that joins two such switches over a distance."""
    return _shortest(_fitting(catalog, switch, (switch.cage, switch.cage), switch.gbps, "switch"), need_m)


def node_cables(catalog: Catalog, switch: Switch, gbps: float, cage: str, need_m: float) -> list[str]:
    """The same between a port of a device and a switch; of ports that are split, the cable takes a whole cage."""
    ends = (switch.cage, cage.removesuffix("-flat"))  # adapters take flat-top plugs, which cables to them have
    return _shortest(_fitting(catalog, switch, ends, gbps, "node"), need_m)


def _fitting(catalog: Catalog, switch: Switch, ends: tuple[str, str], gbps: float, side: str) -> list[Cable]:
    per_cage = ports_per_cage(switch, gbps)
    return [
        c
        for c in catalog.cables.values()
        if c.kind in KINDS
        and c.lifecycle == "current"
        and c.ends == ends
        and c.side in (side, "any")
        and c.gbps == gbps
        and c.links == per_cage  # it fills the cage
        and switch.technology in c.technologies
    ]


def _shortest(cables: Iterable[Cable], need_m: float) -> list[str]:
    best: dict[tuple[object, ...], Cable] = {}
    for cable in sorted(cables, key=lambda c: (c.length_m, c.id)):
        if cable.length_m >= need_m - 1e-9:
            best.setdefault((cable.vendor, cable.kind, cable.ends), cable)
    return sorted(c.id for c in best.values())


def stripes(links: int, switches: int, per_cable: int) -> bool:
    """Whether links spread evenly over switches so that every cable has both of its ends on one pair of them."""
    return not links % switches and not (links // switches) % per_cable
