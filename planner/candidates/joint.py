"""Compute fabrics that pools have together, so that the program weighs them against a fabric for each pool.

A pool that may stand on a joint fabric gets one more option: its nodes, the modules at their ends, and the ports it
plugs in; of the fabric itself there is one shared option for every sum of ports and nodes that pools of at least two
workloads can make. Work counted in replicas keeps its islands, which talk to nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from planner import fabric, spares
from planner.bundles import merge, repeat, seeds, storage_may_be_managed
from planner.candidates import copper
from planner.candidates.bench import Bench
from planner.candidates.designs import Fabrics
from planner.candidates.equipment import manager_bundle, switch_bundle
from planner.dominance import pointwise_best
from planner.errors import Rejection
from planner.model import Bundle, JointFabric, Load, Option, SharedOption, node_ports
from planner.parts import FabricLink, NodeBuild, Technology


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Ports that are alike: one technology and speed. `rails`: ports per node of rail-optimized trees, else 0.

    `planes`: separate trees that every node's ports go to in equal shares.

    `reserved`: ports per node where nodes are reserved for later, so that it is known how many ports come; else 0.
    """

    technology: Technology
    gbps: float
    rails: int
    reserved: int
    planes: int = 1

    @property
    def name(self) -> str:
        words = [f"compute {self.technology} {self.gbps:g}"]
        words += [f"{self.planes} planes"] if self.planes > 1 else []
        words += [f"rail {self.rails}"] if self.rails else []
        return " ".join(words + ([f"x{self.reserved}"] if self.reserved else []))


@dataclass(frozen=True, slots=True)
class Sum:
    """What some pools bring together: ports, nodes, of how many workloads (1, 2 = more), all in plain layout."""

    ports: int
    nodes: int
    works: int
    plain: bool


@dataclass
class Joint:
    """The joint fabrics of one request."""

    bench: Bench
    fabrics: Fabrics
    most_works: int  # workloads that run on one kind of node: fewer than two have nothing to share
    _groups: dict[str, tuple[Group, tuple[str, ...]]] = field(default_factory=dict)  # with the switches that build it
    _ends: dict[tuple[object, ...], Bundle] = field(default_factory=dict)
    _made: dict[tuple[str, int, int], list[SharedOption]] = field(default_factory=dict)

    @property
    def media(self) -> fabric.Media:
        """Multimode, or single-mode where that is known not to reach; copper is for pools alone in one rack."""
        return copper.usual(self.bench.single_mode, "compute")

    @property
    def wanted(self) -> bool:
        """Whether pools may share a compute fabric."""
        return self.most_works > 1 and self.bench.request.preferences.fabric.sharing != "separate"

    @property
    def forced(self) -> bool:
        """Whether all compute fabrics must be one."""
        return self.most_works > 1 and self.bench.request.preferences.fabric.sharing == "shared"

    # -- pools ---------------------------------------------------------------------------------------------------
    def places(self, node: NodeBuild, link: FabricLink, count: int, topology: str) -> Iterator[tuple[str, Bundle]]:
        """The joint fabrics that a pool of so many nodes may stand on, with what the pool takes and plugs in."""
        if not self.wanted or link.technology is None:
            return
        plugged = node.plugged(link.technology)
        each = plugged.links
        reserved = each if self.bench.request.preferences.fabric.reserve_nodes else 0
        for planes in self.fabrics.planes(node, link):
            for rails in (0, each) if topology == "rail" else (0,):
                group = Group(link.technology, plugged.gbps, rails, reserved, planes)
                if group.name not in self._groups:
                    self._groups[group.name] = group, tuple(self.fabrics.families(node, link))
                bundle = self._end(group, node, count)
                if bundle is not None:
                    yield group.name, bundle

    def _end(self, group: Group, node: NodeBuild, count: int) -> Bundle | None:
        """Modules in the nodes, and the ports that they plug in; None where no switch has such a port."""
        key = (group.name, node.compute_cage, node.compute_ports, node.fabric_units, count)
        if key not in self._ends:
            _, families = self._groups[group.name]
            plugged = node.plugged(group.technology)
            kits = (
                fabric.node_end_lines(self.bench.catalog, s, group.gbps, plugged.cage, plugged.links, self.media)
                for s in families
            )
            lines = next((k for k in kits if not isinstance(k, Rejection)), None)
            if lines is None:
                return None
            units = count * node.fabric_units
            own = repeat(Bundle(lines=seeds(lines, "compute")), units)
            ends = ((group.name, units * plugged.links), (node_ports(group.name), units))
            self._ends[key] = merge(own, Bundle(endpoints=ends))
        return self._ends[key]

    # -- fabrics -------------------------------------------------------------------------------------------------
    def settle(self, options: Sequence[Option]) -> tuple[list[Option], list[SharedOption]]:
        """The options without those that find nobody to share with, and every size of the fabrics of the others."""
        found: list[SharedOption] = []
        useless: set[str] = set()
        for name in sorted({o.network for o in options if o.network is not None}):
            # Pools of one workload may make the sum that those of several make: it is one size.
            sizes = {s.id: s for total in self._sums(name, options) for s in self._sizes(name, total)}
            if sizes:
                found += [self._unbuilt(name), *sizes.values()]
            else:
                useless.add(name)
        return [o for o in options if o.network not in useless], found

    def _unbuilt(self, name: str) -> SharedOption:
        """No fabric, no ports: every pool has its own."""
        group, _ = self._groups[name]
        joint = JointFabric(group.technology, group.gbps, group.rails, 0, False)
        return SharedOption(f"{name}|none", name, 0, 0, Load(), Load(), Bundle(), Bundle(), joint=joint)

    def _sums(self, name: str, options: Iterable[Option]) -> list[Sum]:
        """Every sum of ports and nodes of pools of at least two workloads (of one, where all must share)."""
        works: dict[str, set[tuple[int, int, bool]]] = {}
        for option in options:
            if option.network == name:
                plugged = option.fixed.endpoints
                entry = (plugged[name], plugged[node_ports(name)], option.topology != "rail" or " rail " in name)
                works.setdefault(option.work, set()).add(entry)
        sums = {Sum(0, 0, 0, True)}
        for entries in works.values():
            sums |= {
                Sum(s.ports + ports, s.nodes + nodes, min(2, s.works + 1), s.plain and plain)
                for s in sums
                for ports, nodes, plain in entries
            }
        least = 1 if self.forced else 2
        return sorted((s for s in sums if s.works >= least), key=lambda s: (s.ports, s.nodes, s.plain))

    def _sizes(self, name: str, total: Sum) -> list[SharedOption]:
        """The fabric for a sum on each kind of switch; trees only where every pool has their layout."""
        key = (name, total.ports, total.nodes)
        if key not in self._made:
            group, families = self._groups[name]
            made = (self._size(group, switch, total) for switch in families)
            self._made[key] = pointwise_best(s for s in made if s is not None)
        group, _ = self._groups[name]
        return [
            s
            for s in self._made[key]
            if s.joint is not None and (not s.joint.direct if group.rails else s.joint.direct or total.plain)
        ]

    def _size(self, group: Group, switch: str, total: Sum) -> SharedOption | None:
        catalog, request = self.bench.catalog, self.bench.request
        managers = self.fabrics.managers(switch, total.nodes, group.technology)
        if group.technology == "infiniband" and managers is None and not catalog.switches[switch].managed:
            return None  # told where pools have fabrics of their own
        ports = 0 if managers is None else managers.ports
        reserve = request.preferences.fabric.reserve_nodes * group.reserved
        ratio = request.preferences.fabric.oversubscription
        made = fabric.joint_design(
            catalog,
            total.ports,
            group.rails,
            group.gbps,
            group.technology,
            switch,
            ratio,
            ports,
            reserve,
            self.media,
            group.planes,
        )
        if isinstance(made, Rejection):
            return None
        bundle = merge(
            Bundle(lines=seeds(made.lines, "compute")),
            switch_bundle(catalog, switch, made.switches),
            manager_bundle(managers, total.nodes, "compute", storage_may_be_managed(request)),
        )
        bundle = merge(bundle, spares.joint_bundle(catalog, request, total.nodes, bundle))
        load = self.bench.load_of(bundle)
        if load is None:
            return None
        name = f"{group.name}|{switch}|{total.ports:06d}|{total.nodes:06d}"
        joint = JointFabric(
            group.technology,
            group.gbps,
            group.rails,
            0 if group.rails else total.nodes,
            made.tiers == 1,
            ports,
            reserve,
            group.planes,
        )
        return SharedOption(
            name,
            group.name,
            total.ports,
            total.ports,
            load,
            Load(),
            bundle,
            Bundle(),
            switch=switch,
            joint=joint,
            media=made.media,
        )
