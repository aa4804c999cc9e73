"""The few figures of a node and its fabric that sizing depends on, and bandwidths that are reached in practice.

Bandwidths are per direction, in GB/s (10^9 bytes). Sources: about 80 % of line rate is reached by collectives (four
nodes of 8 H200 with 3.2 Tbit/s each: 365 of 400 GB/s bus bandwidth for 4 GiB); oversubscription divides what
crosses the tier; without a link fabric, cards of one node talk over PCIe and share its root complexes.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.parts import Accelerator, FabricLink, NodeBuild

COLLECTIVE_SHARE = 0.8  # of line rate
PCIE_GB_PER_S = {3: 16.0, 4: 32.0, 5: 64.0, 6: 128.0}  # x16, one direction
PCIE_SHARE = 0.35  # peer to peer through root complexes; estimate
USABLE_MEMORY = 0.92  # of the printed capacity in GB; the rest is reserved by drivers


@dataclass(frozen=True, slots=True)
class Hardware:
    """Everything about a node and its fabric that a rate depends on. Hashable: it is the memo key."""

    accelerator: str
    cards: int
    domain: int  # accelerators within one scale-up domain of this build
    scale_up_gb_per_s: float  # per accelerator, both directions added; 0 without a link fabric
    nic_gbps: float  # per node, sum of its compute ports
    oversubscription: float
    fabric: bool  # nodes can reach each other

    @property
    def node_gb_per_s(self) -> float:
        """Bandwidth between nodes that collectives reach, per node and direction."""
        return self.nic_gbps / 8 * COLLECTIVE_SHARE / self.oversubscription

    def link_gb_per_s(self, group: int, pcie_gen: int | None) -> float:
        """Bandwidth per accelerator and direction within a group of accelerators of one node."""
        if group <= self.domain and self.scale_up_gb_per_s > 0:
            return self.scale_up_gb_per_s / 2 * COLLECTIVE_SHARE
        return PCIE_GB_PER_S.get(pcie_gen or 4, 32.0) * PCIE_SHARE


def hardware(node: NodeBuild, fabric: FabricLink, accelerator: Accelerator) -> Hardware:
    """What of a build and its fabric matters. A build without its own scale-up figure takes the accelerator's."""
    speed = node.scale_up_gb_per_s
    domain = node.scale_up_domain
    if speed is None and domain > 1:
        speed = accelerator.scale_up.gb_per_s
    return Hardware(
        accelerator=node.accelerator,
        cards=node.accelerators,
        domain=max(1, min(domain, node.accelerators)),
        scale_up_gb_per_s=speed or 0.0,
        nic_gbps=fabric.gbps_per_node,
        oversubscription=max(1.0, fabric.oversubscription),
        fabric=fabric.technology is not None and fabric.gbps_per_node > 0,
    )


def usable_gb(accelerator: Accelerator) -> float:
    """Memory that a program can use, GB per accelerator."""
    return (accelerator.memory_gb or 0.0) * USABLE_MEMORY
