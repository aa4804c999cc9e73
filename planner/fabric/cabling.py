"""Which optics and cables a link takes, by the cages at its ends and its speed.

Default lengths are documented in docs/fabric.md: node to leaf 10 m, switch to switch 30 m, out-of-band 5 m. Copper and
active optical cables carry their ends; fibres take a module at each end. A twin-port cage takes one module, which has
two connectors of 400 Gbit/s: two links of 400G, or one of 800G over two fibres.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import BuildLine, Switch


@dataclass(frozen=True, slots=True)
class LinkKit:
    """Parts of links of one kind: a cable per `links_per_cable` links, modules at each end (None: none needed).

    `fibres`: cables of one link, side by side between the connectors of its two modules.
    """

    cable: str
    links_per_cable: int = 1
    switch_module: str | None = None
    switch_links: int = 1
    far_module: str | None = None
    far_links: int = 1
    fibres: int = 1


# Modules at the node end, by cage, for 400G and 800G fibre links. A flat OSFP cage of an adapter takes one link.
_NODE_400 = {
    "osfp-twin": ("mma4z00-ns-flt", 2),
    "osfp": ("mma4z00-ns400", 1),
    "osfp-flat": ("mma4z00-ns400", 1),
    "qsfp112": ("mma1z00-ns400", 1),
    "qsfp-dd": ("generic-400g-qsfp-dd-sr4", 1),
}
_SWITCH_400 = {
    "osfp-twin": ("mma4z00-ns", 2),
    "qsfp112": ("mma1z00-ns400", 1),
    "qsfp-dd": ("generic-400g-qsfp-dd-sr4", 1),
}


def node_kit(switch: Switch, gbps: float, node_cage: str) -> LinkKit | Rejection:
    """Parts of a link between a node (or storage) port and a leaf at `gbps`."""
    if gbps >= 800:
        if switch.technology == "infiniband" and switch.cage == "osfp-1600-twin":
            return LinkKit("mfp7e30-n010", 1, "mms4a00", 2, "mms4a20", 1)
        if switch.technology == "ethernet" and switch.gbps >= 800:
            return LinkKit("mfp7e30-n010", 1, "mms4x00-nm", 1, "generic-800g-osfp-dr8", 1, fibres=2)
        return _no_kit(switch, gbps)
    if gbps >= 400:
        at_switch = _SWITCH_400.get(switch.cage)
        at_node = _NODE_400.get(node_cage) or _NODE_400["qsfp112"]
        if at_switch is None:
            return _no_kit(switch, gbps)
        return LinkKit("mfp7e10-n010", 1, *at_switch, *at_node)
    return _copper_like(switch, gbps)


def _copper_like(switch: Switch, gbps: float) -> LinkKit | Rejection:
    """Active optical and copper cables below 400G, splitters included."""
    if gbps == 200:
        if switch.gbps == 200:
            return LinkKit("mfs1s00-h010v")
        if switch.cage == "osfp-twin":
            return LinkKit("generic-ndr-2x200g-aoc-10m", 2)
        if switch.gbps == 400:
            return LinkKit("generic-400g-2x200g-aoc-10m", 2)
    if 25 <= gbps <= 100:
        if switch.gbps == 100 or (switch.uplink_gbps == 100 and switch.gbps == 1):
            return LinkKit("generic-100g-aoc-10m")
        if switch.gbps == 200:
            return LinkKit("generic-200g-2x100g-aoc-10m", 2)
        if switch.gbps == 400 and switch.cage in ("qsfp-dd", "qsfp112"):
            return LinkKit("generic-400g-4x100g-aoc-10m", 4)
    if gbps == 10:
        return LinkKit("generic-10g-aoc-10m")
    if gbps == 1 and switch.cage == "rj45":
        return LinkKit("cat6-1g")
    return _no_kit(switch, gbps)


def switch_kit(switch: Switch) -> LinkKit | Rejection:
    """Parts of a link between two switches of one kind, at their native speed."""
    if switch.cage == "osfp-1600-twin":
        return LinkKit("mfp7e30-n030", 1, "mms4a00", 2, "mms4a00", 2)
    if switch.cage in _SWITCH_400 and switch.gbps >= 400:
        module, links = _SWITCH_400[switch.cage]
        # The whole module is one link (NVIDIA, transceivers and fibres of 100G-PAM4, 2025-11-27).
        if switch.gbps >= 800:
            return LinkKit("mfp7e10-n030", 1, module, 1, module, 1, fibres=links)
        return LinkKit("mfp7e10-n030", 1, module, links, module, links)
    if switch.gbps == 200:
        return LinkKit("mfs1s00-h030v")
    if switch.gbps == 100:
        return LinkKit("generic-100g-aoc-30m")
    return _no_kit(switch, switch.gbps)


def uplink_at_speed(switch: Switch) -> bool:
    """Whether an out-of-band switch's uplinks run at the in-band speed, so that one cable is bought, by that network.

    Slower uplinks take a cable of their own at their speed, with an adapter in the faster cage.
    """
    return (switch.uplink_gbps or 0) >= 100


def uplink_kit(switch: Switch) -> LinkKit:
    """Parts of a link from an out-of-band switch into the in-band network."""
    return LinkKit("generic-100g-aoc-10m" if uplink_at_speed(switch) else "generic-10g-qsa-aoc-10m")


def lines(kit: LinkKit, switch_groups: list[int], far_groups: list[int]) -> dict[str, int]:
    """Parts of links: `switch_groups` links per switch (switches share no module), `far_groups` links per far end."""
    at_switches, at_ends = Counter(switch_groups), Counter(far_groups)
    found = {kit.cable: _pieces(at_switches, kit.links_per_cable) * kit.fibres}
    for module, per, groups in (
        (kit.switch_module, kit.switch_links, at_switches),
        (kit.far_module, kit.far_links, at_ends),
    ):
        if module is not None:
            found[module] = found.get(module, 0) + _pieces(groups, per)
    return {part: n for part, n in found.items() if n}


def _pieces(groups: Counter[int], per: int) -> int:
    """Pieces of `per` links each, none shared between ends; many ends have the same number of links."""
    return sum(times * math.ceil(n / per) for n, times in groups.items())


def together(
    kit: LinkKit, other: LinkKit, down: list[int], managers: list[int], node_groups: list[int]
) -> dict[str, int]:
    """Parts of the links below leaves: `down` to nodes, `managers` to fabric managers, one port each.

    Where both take the same cable and switch module they share modules and breakout cables.
    """
    alike = _at_switch(kit) == _at_switch(other)
    ends: int = sum(managers)
    if not alike:
        total = dict(lines(kit, down, node_groups))
        for part, number in lines(other, managers, [1] * ends).items():
            total[part] = total.get(part, 0) + number
        return total
    total = dict(lines(kit, [a + b for a, b in zip(down, managers, strict=True)], node_groups))
    if other.far_module is not None and ends:
        total[other.far_module] = total.get(other.far_module, 0) + ends
    return total


def links_per_plug(kit: LinkKit) -> int:
    """Links that one plug in a switch carries: legs of a breakout cable, or links of a module."""
    return max(kit.links_per_cable, kit.switch_links)


def link_lines(kit: LinkKit) -> dict[str, int]:
    """Parts that each link has for itself."""
    found = {kit.cable: kit.fibres} if kit.links_per_cable == 1 else {}
    for module in (kit.switch_module if kit.switch_links == 1 else None, kit.far_module):
        if module is not None:
            found[module] = found.get(module, 0) + 1
    return found


def plug_lines(kit: LinkKit) -> dict[str, int]:
    """Parts that the links of one plug have together; none where a plug carries one link."""
    found = {kit.cable: 1} if kit.links_per_cable > 1 else {}
    return found | ({kit.switch_module: 1} if kit.switch_module is not None and kit.switch_links > 1 else {})


def _at_switch(kit: LinkKit) -> tuple[object, ...]:
    return (kit.cable, kit.switch_module, kit.switch_links, kit.fibres)


def pieces(found: Mapping[str, int], *kits: LinkKit | None) -> int:
    """Cables among parts of links of these kinds."""
    return sum(found.get(cable, 0) for cable in {kit.cable for kit in kits if kit is not None})


def build_lines(*parts: dict[str, int]) -> tuple[BuildLine, ...]:
    """Counts as build lines in part order."""
    total: dict[str, int] = {}
    for found in parts:
        for part, number in found.items():
            total[part] = total.get(part, 0) + number
    return tuple(BuildLine(part=p, quantity=n) for p, n in sorted(total.items()) if n)


def known(catalog: Catalog, *parts: dict[str, int]) -> str | None:
    """The first part that the catalog lacks."""
    return next((p for found in parts for p in found if p not in catalog.parts), None)


def _no_kit(switch: Switch, gbps: float) -> Rejection:
    return Rejection(
        switch.id,
        "no-cable",
        f"no cable or module of the catalog joins {switch.id} ({switch.cage}) at {gbps:g} Gbit/s",
        switch.cage,
        f"{gbps:g} Gbit/s",
    )
