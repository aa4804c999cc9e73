"""Ports of switches: their names, and a ledger that refuses to use one twice or one that is not there.

A native port may be split towards the nodes; a twin-port cage carries two native ports. Names are cage, port of the
cage where it has several, and part of the port where it is split: 7, 7/2, 7/2/1. Out-of-band uplinks are U1, U2 ...
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.errors import PlannerError
from planner.parts import Switch


class PortClash(PlannerError):
    """A plan that cannot be cabled: a port is used twice or does not exist."""

    exit_code = 2


def ports_at(switch: Switch, gbps: float) -> int:
    """Ports at a speed: native, by splitting, or faster ports running down; 0 when the switch cannot."""
    if gbps == switch.gbps:
        return switch.ports
    return switch.split.get(f"{gbps:g}", switch.ports if gbps in (25, 50) and gbps < switch.gbps else 0)


@dataclass
class Face:
    """The ports of one switch in use: node ports count up from the first, trunks count down from the last."""

    label: str
    switch: Switch
    split: int = 1
    nodes: int = 0  # node ports taken, at the split speed
    trunks: int = 0  # native ports taken by links to other switches
    uplinks: int = 0
    skipped: int = 0

    def node_port(self) -> str:
        """The next port towards a device."""
        native, part = divmod(self.nodes, self.split)
        self.nodes += 1
        self._held()
        return self.name(native + 1, part + 1 if self.split > 1 else 0)

    def whole(self, together: int = 0) -> None:
        """Start the next device on a native port, or on the next of so many node ports that one plug serves."""
        left = -self.nodes % (together or self.split)
        self.nodes += left
        self.skipped += left

    def trunk_port(self) -> str:
        """The next port towards another switch."""
        self.trunks += 1
        self._held()
        return self.name(self.switch.ports - self.trunks + 1)

    def uplink_port(self) -> str:
        """An extra faster port of an out-of-band switch."""
        self.uplinks += 1
        if self.uplinks > self.switch.uplink_ports:
            raise PortClash(f"{self.label}: {self.uplinks} uplinks, {self.switch.id} has {self.switch.uplink_ports}.")
        return f"U{self.uplinks}"

    def _held(self) -> None:
        native = -(-self.nodes // self.split)
        if native + self.trunks > self.switch.ports:
            raise PortClash(
                f"{self.label}: {native} ports to devices and {self.trunks} to switches, "
                f"{self.switch.id} has {self.switch.ports}."
            )

    def room(self, reserved: int) -> int:
        """Node ports still free when `reserved` native ports are kept for links to other switches."""
        return (self.switch.ports - reserved) * self.split - self.nodes

    def name(self, native: int, part: int = 0) -> str:
        """The name of a native port (from 1), or of a part of it (from 1; 0: the whole)."""
        per = max(1, self.switch.ports // max(1, self.switch.cages))
        if per > 1:
            cage, port = divmod(native - 1, per)
            name = f"{cage + 1}/{port + 1}"
        else:
            name = str(native)
        return f"{name}/{part}" if part else name
