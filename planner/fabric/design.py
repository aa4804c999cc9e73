"""What a designed network is: counts, ports and parts; and which ports a switch gives at a speed."""

from __future__ import annotations

from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import BuildLine, Switch, Technology


@dataclass(frozen=True, slots=True)
class Media:
    """The cables that take the place of the usual ones, by kind of link; None: as usual (docs/fabric.md)."""

    node: str | None = None
    trunk: str | None = None  # between switches

    @property
    def tag(self) -> str:
        """What tells candidates apart: nothing where everything is as usual."""
        return "".join(f":{part}" for part in (self.node, self.trunk) if part)


USUAL = Media()


@dataclass(frozen=True, slots=True)
class FabricDesign:
    """One network. Counts of switches, links and ports, and every part it takes; each part stands once in `lines`."""

    switch: str
    technology: Technology
    gbps: float
    topology: str
    tiers: int
    leaf: int
    spine: int
    core: int
    endpoints: int
    oversubscription: float
    links_node: int
    links_leaf_spine: int
    links_spine_core: int
    ports_used: int
    ports_present: int
    redundancy: str
    lines: tuple[BuildLine, ...]
    uplinks: int = 0
    links_other: int = 0  # fabric managers on leaf ports
    down: int = 0  # endpoints below a full leaf
    up: int = 0  # native uplinks above it
    media: Media = USUAL
    planes: int = 1  # separate trees; all counts are those of all planes together
    cables: int = 0  # pieces: a breakout cable carries several links, some links take two fibres

    @property
    def switches(self) -> int:
        return self.leaf + self.spine + self.core


@dataclass(frozen=True, slots=True)
class Bracket:
    """Counts from lo to hi for which the network costs `fixed_lines` + count × `per_node_lines` exactly.

    Where plugs carry several links, `step_lines` come on top for every `per_step` of the count that are begun.
    """

    lo: int
    hi: int
    fixed_lines: tuple[BuildLine, ...]
    per_node_lines: tuple[BuildLine, ...]
    design_at_hi: FabricDesign
    per_step: int = 0
    step_lines: tuple[BuildLine, ...] = ()


def ports_at(switch: Switch, gbps: float) -> int:
    """Ports that a switch gives at a speed: native, by splitting, or faster ports running down; 0 when it cannot."""
    if gbps == switch.gbps:
        return switch.ports
    split = switch.split.get(f"{gbps:g}")
    if split is not None:
        return split
    return switch.ports if 10 <= gbps < switch.gbps and gbps in (25, 50) else 0


def ports_per_cage(switch: Switch, gbps: float) -> int:
    """Ports of one cage at a speed, which one plug serves; at least 1."""
    return max(1, ports_at(switch, gbps) // max(1, switch.cages))


def candidate_switches(catalog: Catalog, technology: str, gbps: float, role: str) -> list[str]:
    """Current switches of a technology for a role that give ports at a speed, in id order."""
    return sorted(
        s.id
        for s in catalog.switches.values()
        if s.technology == technology and role in s.roles and s.lifecycle == "current" and ports_at(s, gbps)
    )


def filled(links: int, most: int, leaves: int) -> list[int]:
    return [max(0, min(most, links - k * most)) for k in range(leaves)]


def even(links: int, ends: int) -> list[int]:
    return [links // ends + (1 if k < links % ends else 0) for k in range(ends)] if ends else []


def merge(*parts: dict[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for found in parts:
        for part, number in found.items():
            total[part] = total.get(part, 0) + number
    return total
