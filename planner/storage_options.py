"""Shared storage and its network: every system that meets capacity and speed, on networks of its ports' speed or less.

A system, its network and the licences of its nodes go together by technology and speed (`together` tags).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner import fabric, storage_need
from planner.bundles import STORAGE_LICENCE, STORAGE_SYSTEM, storage_may_be_managed
from planner.candidates import offered_switches
from planner.demand.upkeep import Speed
from planner.dominance import pointwise_best
from planner.model import Bundle, LineSeed, Shape, SharedOption
from planner.parts import StorageSystem, Technology

if TYPE_CHECKING:
    from planner.shared import SharedEquipment

MANAGED, PLAIN = "/managed", "/plain"  # InfiniBand networks with fabric managers, and without
TECHNOLOGIES: tuple[Technology, ...] = ("ethernet", "infiniband")


@dataclass
class StorageOptions:
    """Storage systems and networks of one request, priced as all shared equipment is."""

    equipment: SharedEquipment
    node_gbps: Collection[float]  # speeds of nodes' storage ports

    def options(self) -> list[SharedOption]:
        """Systems, networks and licences; what has no partner of its technology and speed cannot be had."""
        systems = self.systems()
        networks = self.networks(self._most_ports(systems))
        both = {_technology(o) for o in networks} & {_technology(o) for o in systems}
        stored = [o for o in (*networks, *systems) if _technology(o) in both]
        return stored + self._licences({o.together or "" for o in stored if o.network == "storage"})

    def networks(self, most: Mapping[float, int]) -> list[SharedOption]:
        """The network between nodes and shared storage, redundant by default; one technology and speed, the storage's.

        `most`: the most ports by the speed that they may run at. A tag `storage-TECHNOLOGY-GBPS` goes with systems at
        that speed.
        """
        redundancy = self.equipment.request.redundancy("storage")
        found: list[SharedOption] = []
        asked = self.equipment.request.storage.technology if self.equipment.request.storage is not None else None
        for technology, gbps in itertools.product(TECHNOLOGIES, most):
            if asked not in (None, technology):
                continue
            families = offered_switches(self.equipment.catalog, self.equipment.request, technology, gbps, "storage")
            found += [
                replace(option, id=f"{option.id}@{gbps:g}", together=f"{_tag(technology, gbps)}{option.together or ''}")
                for option in self.equipment.brackets("storage", families, gbps, technology, redundancy, most[gbps])
            ]
        return found

    def _most_ports(self, systems: Sequence[SharedOption]) -> dict[float, int]:
        """By speed the most ports that plug into a storage network: nodes', the largest system's, fabric managers'."""
        found: dict[float, int] = {}
        for option in systems:
            ports = sum(count for network, count in option.fixed_bundle.endpoints if network == "storage")
            if option.gbps is not None:
                found[option.gbps] = max(found.get(option.gbps, 0), ports)
        if self.equipment.most_stored is None:
            return dict.fromkeys(sorted(found), self.equipment.most_endpoints)
        parts = (m.fabric_ports for m in self.equipment.catalog.management.values() if m.role == "fabric-manager")
        managers = self.equipment.request.resilience.managers * max(parts, default=0)
        return {
            gbps: min(self.equipment.most_endpoints, self.equipment.most_stored + found[gbps] + managers)
            for gbps in sorted(found)
        }

    def systems(self) -> list[SharedOption]:
        """Storage that meets capacity and speed: the fewest blocks of each system, by accelerators with a profile.

        A system stands on a network of its ports' speed, or of nodes' ports where those are slower.
        """
        need = self.equipment.request.storage
        assert need is not None
        read, write = storage_need.needed(self.equipment.catalog, self.equipment.request)
        found = []
        for system in sorted(self.equipment.catalog.storage.values(), key=lambda s: s.id):
            if need.system is not None and system.id != need.system:
                continue
            if need.system is None and (not system.offer_by_default or system.lifecycle != "current"):
                self.equipment.reject(
                    system.id, "not-offered", f"{system.id} is not offered unless storage.system names it"
                )
                continue
            if self.equipment.request.keeps_out("storage", system.origin):
                home = self.equipment.request.site.country
                self.equipment.reject(
                    system.id, "origin", f"{system.id} is not of {home}; preferences.origin.storage asks for it"
                )
                continue
            speeds = {min(system.port_gbps, speed) for speed in self.node_gbps}
            # A named system stays, so that a refusal can say what its ports carry.
            least = 0.0 if need.system is not None else self.equipment.least_storage_gbps
            if max(speeds, default=least) < least:
                why = (
                    f"{system.id}: {system.port_gbps:g} Gbit/s per port carry less than storage.profile gives one node"
                )
                self.equipment.reject(system.id, "port-speed", why)
            for gbps in sorted(speed for speed in speeds if speed >= least):
                for low, high, blocks in storage_steps(
                    system, gbps, need.usable_tb, read, write, self.equipment.most_accelerators
                ):
                    found += self._system(system, gbps, low, high, blocks)
        return pointwise_best(found)

    def _system(self, system: StorageSystem, gbps: float, low: int, high: int, blocks: int) -> list[SharedOption]:
        bundle = self._bundle(system, blocks)
        if bundle is None:
            return []
        return [
            replace(option, port_gbps=system.port_gbps)
            for technology in system.technologies
            for option in self.equipment.option(
                f"storage-system|{system.id}|{technology}|{gbps:g}|{blocks}",
                STORAGE_SYSTEM,
                low,
                high,
                bundle,
                Bundle(),
                _tag(technology, gbps),
                gbps=gbps,
            )
        ]

    def _bundle(self, system: StorageSystem, blocks: int) -> Bundle | None:
        if system.max_power_w is None or system.weight_kg is None:
            self.equipment.reject(system.id, "no-power", f"{system.id}: power or weight is unknown and has no estimate")
            return None
        shape = Shape(system.id, system.rack_units, math.ceil(system.max_power_w), round(system.weight_kg * 1000))
        return Bundle(
            lines=(LineSeed(system.id, blocks, "storage"),),
            shapes=((shape, blocks),),
            endpoints=(("storage", blocks * system.ports), ("oob", blocks)),
            watts=math.ceil(system.max_power_w) * blocks,
            typical_watts=math.ceil(system.typical_power_w or system.max_power_w) * blocks,
        )

    def _licences(self, tags: set[str]) -> list[SharedOption]:
        """Licences of an InfiniBand storage network's nodes that their compute fabric does not license already.

        Only with fabric managers, which it has from spines on (tag `.../managed`); one a year for each node.
        """
        if not storage_may_be_managed(self.equipment.request):
            return []
        found = []
        for tag in sorted(tags):
            unit = Bundle()
            if tag.endswith(MANAGED):
                part = fabric.fabric_manager(self.equipment.catalog)
                if part is not None and part.licence is not None:
                    unit = Bundle(lines=(LineSeed(part.licence, 1, "storage", yearly=True),))
            name = f"{STORAGE_LICENCE}|{tag}"
            found += self.equipment.option(name, STORAGE_LICENCE, 0, self.equipment.most_nodes, Bundle(), unit, tag)
        return found


def storage_blocks(system: StorageSystem, gbps: float, usable_tb: float, read: float, write: float) -> int:
    """Blocks that reach capacity (TB) and throughput (GB/s) on ports of `gbps`, and the system's smallest order."""
    reads, writes = storage_need.block_speeds(system, gbps)
    return max(
        system.min_blocks,
        math.ceil(usable_tb / system.usable_tb - 1e-9),
        math.ceil(read / reads - 1e-9),
        math.ceil(write / writes - 1e-9),
    )


def storage_steps(
    system: StorageSystem, gbps: float, usable_tb: float, read: Speed, write: Speed, most: int
) -> Iterator[tuple[int, int, int]]:
    """Ranges of accelerators (from, to) with the blocks they need; one range where no speed follows accelerators."""

    def blocks(accelerators: int) -> int:
        return storage_blocks(system, gbps, usable_tb, read.at(accelerators), write.at(accelerators))

    low = 0
    while low <= most:
        count = blocks(low)
        # Blocks only grow with accelerators: bisect for the last that this many serve.
        high, above = low, most + 1
        while above - high > 1:
            middle = (high + above) // 2
            high, above = (middle, above) if blocks(middle) == count else (high, middle)
        yield low, high, count
        low = high + 1


def _tag(technology: Technology, gbps: float) -> str:
    return f"storage-{technology}-{gbps:g}"


def _technology(option: SharedOption) -> str:
    """What a storage system and its network must have in common."""
    return (option.together or "").partition("/")[0]
