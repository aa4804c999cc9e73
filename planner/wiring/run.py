"""What a cable is, and what all networks know of theirs: the parts of a link, the faces of switches, links upwards."""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.fabric import cabling
from planner.fabric.copper import kit_of
from planner.parts import Switch
from planner.plan import PlannedFabric
from planner.wiring.ports import Face

PEER_LINKS = 2  # between the two switches of a pair

End = tuple[str, str]  # device label, port name


@dataclass(frozen=True, slots=True)
class Run:
    """One cable: its network, kind of link, the switch and its ports, the far ends (several legs of a breakout).

    `strand`: the connector (from 1) of the modules at both ends, where one link runs over several fibres; else 0.
    """

    network: str
    kind: str  # node | trunk | core | peer | uplink
    near: str  # label of the switch
    ports: tuple[str, ...]  # its port per leg
    far: tuple[End, ...]
    gbps: float
    through: str  # the network whose parts the cable is bought with
    strand: int = 0


def kit(catalog: Catalog, net: PlannedFabric, cage: str = "qsfp112") -> cabling.LinkKit | None:
    """The parts of a link between a device (by its cage) and a leaf, as candidates priced them."""
    switch = catalog.switches[net.switch]
    found = cabling.node_kit(switch, net.gbps, "rj45" if net.role == "oob" else cage)
    return kit_of(catalog, found, net.node_cable) if isinstance(found, cabling.LinkKit) else None


def face_of(faces: dict[str, Face], label: str, switch: Switch, split: int) -> Face:
    """The ports of a switch in use; they begin unused."""
    if label not in faces:
        faces[label] = Face(label, switch, split)
    return faces[label]


def uplinks(net: PlannedFabric) -> int:
    """Links from one leaf to the spines, those between the two of a pair left out."""
    peers = PEER_LINKS * (net.leaf // 2) if net.redundancy == "pair" and net.role != "compute" else 0
    return (net.links_leaf_spine - peers) // net.leaf
