"""Candidates: for each workload every buildable node × fabric × count, priced exactly and pruned by dominance.

Work that must run on one kind of node (training, HPC, capacity) gets options whose count is known from its demand.
Work counted in replicas (inference, throughput) gets integer options; the program may mix them. Work marked
`share: true` gets pools on which replicas stand card by card.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from planner import demand, fabric
from planner.bundles import Pricer, admitted_software, merge, node_bundle, repeat, seeds
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Bundle, LineSeed, Option, Shape, Tenant, Work
from planner.parts import FabricLink, NodeBuild, Technology
from planner.request import Request, Workload

# Above this many nodes of one pool nothing is enumerated; the largest published fat tree of three tiers is below it.
MOST_NODES = 8192
# An InfiniBand fabric of at least this many nodes gets its own pair of fabric managers (reference pods: from one
# scalable unit of 32 on; smaller ones run the subnet manager on a managed switch).
FABRIC_MANAGER_FROM_NODES = 31


@dataclass(frozen=True, slots=True)
class Design:
    """A compute fabric for a given number of nodes, as a bundle: switches, optics, cables, racked shapes."""

    switch: str | None
    technology: Technology | None
    topology: str
    oversubscription: float
    fixed: Bundle
    per_node: Bundle
    low: int
    high: int


@dataclass
class Generator:
    """Builds options for one request; remembers fabrics, node bundles and why things were left out."""

    catalog: Catalog
    request: Request
    pricer: Pricer
    nodes: Sequence[NodeBuild]
    rejections: list[Rejection] = field(default_factory=list)
    _bundles: dict[str, Bundle | None] = field(default_factory=dict)
    _designs: dict[tuple[object, ...], list[Design]] = field(default_factory=dict)
    _switches: dict[tuple[str, float], list[str]] = field(default_factory=dict)

    def options(self, workload: Workload, works: Sequence[Work]) -> list[Option]:
        """All options of one workload, unpruned, in id order."""
        work = next(w for w in works if w.name == workload.name)
        found: list[Option] = []
        for node in self.nodes:
            if workload.accelerator is not None and node.accelerator not in self.catalog.expand_accelerator(
                workload.accelerator
            ):
                continue
            bundle = self._node_bundle(node)
            if bundle is None:
                continue
            if work.mode == "one":
                found += self._one(workload, work, node, bundle)
            elif work.mode == "mix":
                found += self._mix(workload, work, node, bundle)
        return sorted(found, key=lambda o: o.id)

    def shared_pools(self, workloads: Sequence[Workload]) -> list[Option]:
        """Pools for all work marked `share: true`: one option per build, with every tenant that fits it."""
        found = []
        for node in self.nodes:
            bundle = self._node_bundle(node)
            if bundle is None:
                continue
            tenants: list[Tenant] = []
            for workload in workloads:
                tenants += self._tenants(workload, node)
            if not tenants:
                continue
            high = self._most_shared(workloads, node, tenants)
            load = self.pricer.load(bundle)
            if isinstance(load, Rejection):
                self.rejections.append(load)
                continue
            empty = Bundle()
            found.append(
                Option(
                    id=f"shared|{node.id}",
                    work="shared",
                    design_key=node.id,
                    node=node,
                    low=1,
                    high=high,
                    rate=0.0,
                    fixed=_must(self.pricer.load(empty)),
                    unit=load,
                    fixed_bundle=empty,
                    unit_bundle=bundle,
                    cards=node.accelerators,
                    tenants=tuple(tenants),
                )
            )
        return sorted(found, key=lambda o: o.id)

    # -- work on one kind of node --------------------------------------------------------------------------------
    def _one(self, workload: Workload, work: Work, node: NodeBuild, bundle: Bundle) -> list[Option]:
        if workload.kind == "capacity" and not _carries_fabric(node):
            need = demand.target(workload).value
            if need is None or need > node.accelerators or workload.pflops is not None:
                self._reject(node.id, "no-compute-nic", f"{node.id} has no compute NIC; {workload.name} needs a fabric")
                return []
        every_count = work.maximise or self.request.objective == "highest_performance"
        found = []
        for link in self._links(node):
            count = self._count(workload, work, node, link, every_count)
            if isinstance(count, Rejection):
                self.rejections.append(count)
                continue
            counts: Iterable[int] = range(1, count + 1) if every_count else (count,)
            found += self._counted(workload, node, bundle, link, counts)
        return found

    def _count(
        self, workload: Workload, work: Work, node: NodeBuild, link: FabricLink, every_count: bool
    ) -> int | Rejection:
        most = min(MOST_NODES, self._most_by_limits(node))
        if every_count:
            if workload.count is not None:
                most = min(most, math.ceil(workload.count / node.accelerators))
            return most
        return demand.smallest_count(
            workload, node, link, self.catalog, self.request.preferences.sizing, most=MOST_NODES
        )

    def _counted(
        self, workload: Workload, node: NodeBuild, bundle: Bundle, link: FabricLink, counts: Iterable[int]
    ) -> list[Option]:
        found = []
        for count in counts:
            single = count == 1 and node.fabric_units == 1
            if single != (link.technology is None):
                continue
            rate = demand.rate(workload, node, link, count, self.catalog, self.request.preferences.sizing)
            if isinstance(rate, Rejection):
                self.rejections.append(rate)
                continue
            designs = [_no_fabric()] if single else self._fabrics(node, link, count, workload)
            for design in designs:
                whole = merge(repeat(bundle, count), design.fixed, repeat(design.per_node, count))
                load = self.pricer.load(whole)
                if isinstance(load, Rejection):
                    self.rejections.append(load)
                    continue
                empty = Bundle()
                found.append(
                    Option(
                        id=f"{workload.name}|{node.id}|{_fabric_id(design)}|{count:05d}",
                        work=workload.name,
                        design_key=f"{node.id}|{_fabric_id(design)}|{count}",
                        node=node,
                        low=1,
                        high=1,
                        rate=rate.planning,
                        fixed=load,
                        unit=_must(self.pricer.load(empty)),
                        fixed_bundle=whole,
                        unit_bundle=empty,
                        linear=False,
                        nodes_per_unit=count,
                        switch=design.switch,
                        topology=design.topology,
                        link=replace_link(link, design),
                        precision=rate.precision,
                    )
                )
        return found

    # -- work counted in replicas --------------------------------------------------------------------------------
    def _mix(self, workload: Workload, work: Work, node: NodeBuild, bundle: Bundle) -> list[Option]:
        found: list[Option] = []
        for link in self._links(node):
            if link.technology is None and node.fabric_units > 1:
                continue
            replicas = demand.replicas(workload, node, link, self.catalog, self.request.preferences.sizing)
            if isinstance(replicas, Rejection):
                self.rejections.append(replicas)
                continue
            best: dict[int, tuple[float, str]] = {}  # nodes per unit -> best rate and precision
            for replica in replicas:
                if replica.nodes > 1:
                    rate, unit = replica.rate.planning, replica.nodes
                else:
                    rate, unit = replica.rate.planning * (node.accelerators // replica.cards), 1
                if (unit > 1 or node.fabric_units > 1) != (link.technology is not None):
                    continue
                if unit not in best or rate > best[unit][0]:
                    best[unit] = (rate, replica.rate.precision or "")
            for unit, (rate, precision) in sorted(best.items()):
                found += self._replicated(workload, work, node, bundle, link, unit, rate, precision)
        return found

    def _replicated(
        self,
        workload: Workload,
        work: Work,
        node: NodeBuild,
        bundle: Bundle,
        link: FabricLink,
        unit: int,
        rate: float,
        precision: str,
    ) -> list[Option]:
        if rate <= 0:
            return []
        most = max(1, self._most_by_limits(node) // unit)
        if work.target is not None and self.request.objective != "highest_performance":
            most = min(most, math.ceil(work.target / rate))
        spare = workload.spare_nodes
        found = []
        for design in self._brackets(node, link, unit, most, spare):
            unit_bundle = repeat(merge(bundle, design.per_node), unit)
            fixed_bundle = merge(design.fixed, repeat(merge(bundle, design.per_node), spare))
            fixed, unit_load = self.pricer.load(fixed_bundle), self.pricer.load(unit_bundle)
            if isinstance(fixed, Rejection) or isinstance(unit_load, Rejection):
                self.rejections.append(fixed if isinstance(fixed, Rejection) else _rejected(unit_load))
                continue
            found.append(
                Option(
                    id=f"{workload.name}|{node.id}|{_fabric_id(design)}|x{unit}|{design.low:05d}",
                    work=workload.name,
                    design_key=f"{node.id}|{_fabric_id(design)}|x{unit}",
                    node=node,
                    low=design.low,
                    high=design.high,
                    rate=rate,
                    fixed=fixed,
                    unit=unit_load,
                    fixed_bundle=fixed_bundle,
                    unit_bundle=unit_bundle,
                    nodes_per_unit=unit,
                    spare_nodes=spare,
                    switch=design.switch,
                    topology=design.topology,
                    link=replace_link(link, design),
                    precision=precision,
                )
            )
        return found

    def _tenants(self, workload: Workload, node: NodeBuild) -> list[Tenant]:
        accelerators = self.catalog.expand_accelerator(workload.accelerator) if workload.accelerator else None
        if accelerators is not None and node.accelerator not in accelerators:
            return []
        none = FabricLink(technology=None, gbps_per_node=0.0)
        replicas = demand.replicas(workload, node, none, self.catalog, self.request.preferences.sizing)
        if isinstance(replicas, Rejection):
            self.rejections.append(replicas)
            return []
        best: dict[int, Tenant] = {}
        for replica in replicas:
            # Replicas of more than one card stay aligned: their size divides the node, so packing cards is exact.
            if replica.nodes > 1 or node.accelerators % replica.cards:
                continue
            tenant = Tenant(workload.name, replica.cards, replica.rate.planning, replica.rate.precision or "")
            if replica.cards not in best or tenant.rate > best[replica.cards].rate:
                best[replica.cards] = tenant
        return _chain([best[k] for k in sorted(best)])

    def _most_shared(self, workloads: Sequence[Workload], node: NodeBuild, tenants: Sequence[Tenant]) -> int:
        cards = 0
        for workload in workloads:
            own = [t for t in tenants if t.work == workload.name]
            need = demand.target(workload).value
            if own and need is not None:
                cards += max(math.ceil(need / t.rate) * t.cards for t in own)
        return max(1, min(self._most_by_limits(node), math.ceil(cards / node.accelerators) + 1))

    # -- fabrics -------------------------------------------------------------------------------------------------
    def _links(self, node: NodeBuild) -> list[FabricLink]:
        """What a node can bring to a fabric: nothing (one node), or each technology its ports speak."""
        links = [FabricLink(technology=None, gbps_per_node=0.0)]
        preference = self.request.preferences.fabric
        if _carries_fabric(node):
            for technology in node.compute_technologies:
                if preference.technology in (None, technology):
                    links.append(
                        FabricLink(
                            technology=technology,
                            gbps_per_node=node.compute_ports * node.compute_gbps,
                            oversubscription=preference.oversubscription,
                        )
                    )
        return links

    def _fabrics(self, node: NodeBuild, link: FabricLink, count: int, workload: Workload) -> list[Design]:
        """Fabrics for exactly `count` nodes, one per switch family that can build it."""
        topology = self._topology(node, workload)
        key = (_ports(node), link.technology, count, topology)
        if key not in self._designs:
            self._designs[key] = [
                d for s in self._families(node, link) if (d := self._exact(node, link, s, count, topology)) is not None
            ]
        return self._designs[key]

    def _topology(self, node: NodeBuild, workload: Workload) -> str:
        asked = self.request.preferences.fabric.topology
        rails = node.compute_ports == node.accelerators and workload.kind in ("training", "hpc", "capacity")
        return asked or ("rail" if rails else "plain")

    def _families(self, node: NodeBuild, link: FabricLink) -> list[str]:
        preferred = self.request.preferences.fabric.switch
        if preferred is not None:
            return [preferred]
        assert link.technology is not None
        key = (link.technology, node.compute_gbps)
        if key not in self._switches:
            self._switches[key] = fabric.candidate_switches(self.catalog, link.technology, node.compute_gbps, "compute")
        return self._switches[key]

    def _exact(self, node: NodeBuild, link: FabricLink, switch: str, count: int, topology: str) -> Design | None:
        assert link.technology is not None
        made = fabric.compute_design(
            self.catalog,
            count * node.fabric_units,
            _ports_per_unit(node),
            node.compute_gbps,
            link.technology,
            switch,
            link.oversubscription,
            topology,
            node.compute_cage or "",
            1,
        )
        if isinstance(made, Rejection):
            self.rejections.append(made)
            return None
        switches = made.leaf + made.spine + made.core
        fixed = merge(
            Bundle(lines=seeds(made.lines, "compute")),
            self.switch_bundle(switch, switches),
            self._managers(switch, count * node.fabric_units, link.technology),
        )
        return Design(switch, link.technology, made.topology, made.oversubscription, fixed, Bundle(), count, count)

    def _brackets(self, node: NodeBuild, link: FabricLink, unit: int, most: int, spare: int) -> list[Design]:
        """Fabrics by ranges of units; without a fabric one range for all."""
        if link.technology is None:
            return [replace(_no_fabric(), low=1, high=most)]
        found = []
        for switch in self._families(node, link):
            brackets = fabric.compute_brackets(
                self.catalog,
                _ports_per_unit(node),
                node.compute_gbps,
                link.technology,
                switch,
                link.oversubscription,
                self.request.preferences.fabric.topology or "plain",
                node.compute_cage or "",
                1,
                (most * unit + spare) * node.fabric_units,
            )
            for bracket in brackets:
                per = unit * node.fabric_units
                extra = spare * node.fabric_units
                low, high = max(1, -(-(bracket.lo - extra) // per)), (bracket.hi - extra) // per
                if low > high:
                    continue
                made = bracket.design_at_hi
                fixed = merge(
                    Bundle(lines=seeds(bracket.fixed_lines, "compute")),
                    self.switch_bundle(switch, made.leaf + made.spine + made.core),
                    self._managers(switch, bracket.hi, link.technology),
                )
                per_node = repeat(Bundle(lines=seeds(bracket.per_node_lines, "compute")), node.fabric_units)
                found.append(
                    Design(
                        switch,
                        link.technology,
                        made.topology,
                        made.oversubscription,
                        fixed,
                        per_node,
                        low,
                        min(high, most),
                    )
                )
        return [d for d in found if d.low <= d.high]

    def switch_bundle(self, switch: str, count: int) -> Bundle:
        """Room, power and management port of `count` switches (their price is in the fabric's lines)."""
        return switch_bundle(self.catalog, switch, count)

    def _managers(self, switch: str, nodes: int, technology: Technology) -> Bundle:
        """A pair of fabric managers for large InfiniBand fabrics and for unmanaged switches."""
        if technology != "infiniband":
            return Bundle()
        if nodes < FABRIC_MANAGER_FROM_NODES and self.catalog.switches[switch].managed:
            return Bundle()
        managers = [m for m in self.catalog.management.values() if m.role == "fabric-manager"]
        if not managers:
            return Bundle()
        part = min(managers, key=lambda m: m.id)
        shape = Shape(part.id, part.rack_units, math.ceil(part.max_power_w), round((part.weight_kg or 0) * 1000))
        return Bundle(
            lines=(LineSeed(part.id, 2, "compute"),),
            shapes=((shape, 2),),
            endpoints=(("oob", 2), ("in-band", 2 * part.inband_ports)),
            watts=2 * math.ceil(part.max_power_w),
            typical_watts=2 * math.ceil(part.typical_power_w),
        )

    # -- helpers -------------------------------------------------------------------------------------------------
    def _node_bundle(self, node: NodeBuild) -> Bundle | None:
        if node.id not in self._bundles:
            software = admitted_software(self.catalog, node, self.request.site.country)
            made = node_bundle(node, software, self.pricer, node.id)
            if isinstance(made, Rejection):
                self.rejections.append(made)
                self._bundles[node.id] = None
            else:
                self._bundles[node.id] = made
        return self._bundles[node.id]

    def _most_by_limits(self, node: NodeBuild) -> int:
        """The most nodes of this build that any single limit lets in: an upper bound for enumeration."""
        request, most = self.request, MOST_NODES
        bundle = self._node_bundle(node)
        load = None if bundle is None else self.pricer.load(bundle)
        if load is not None and not isinstance(load, Rejection):
            if request.budget.capex is not None and load.capital:
                most = min(most, int(request.budget.capex * 100) // load.capital)
            power = it_power_kw(request)
            if power is not None and load.watts:
                most = min(most, int(power * 1000) // load.watts)
            for part, have in request.supply.items():
                if load.supply.get(part):
                    most = min(most, have // load.supply[part])
        if request.site.racks is not None:
            units = request.site.rack_units or 48
            per_rack = 1 if node.own_rack else max(1, units // max(1, node.rack_units))
            most = min(most, request.site.racks * per_rack)
        return max(1, most)

    def _reject(self, part: str, rule: str, message: str) -> None:
        self.rejections.append(Rejection(part, rule, message))


def works(request: Request) -> tuple[Work, ...]:
    """The demand rows of a request: who needs one kind of node, who may mix, who shares cards."""
    rows = []
    for workload in request.workloads:
        target = demand.target(workload)
        if workload.share and demand.proportional(workload) and workload.kind == "inference":
            mode = "shared"
        elif demand.proportional(workload) and workload.kind == "inference":
            mode = "mix"
        else:
            mode = "one"
        rows.append(Work(workload.name, mode, target.value, workload.maximise is not None))  # type: ignore[arg-type]
    return tuple(rows)


def it_power_kw(request: Request) -> float | None:
    """The IT power limit: given, or the meter's power ÷ the peak-day PUE."""
    from planner import site

    return site.it_power_limit_kw(request)


def switch_bundle(catalog: Catalog, switch: str, count: int) -> Bundle:
    """Room, power and the out-of-band port of `count` switches of one kind."""
    if not count:
        return Bundle()
    typical, most, kilograms, _ = fabric.switch_power(catalog, catalog.switches[switch])
    shape = Shape(switch, catalog.switches[switch].rack_units, math.ceil(most), round(kilograms * 1000))
    return Bundle(
        shapes=((shape, count),),
        endpoints=(("oob", count),),
        watts=math.ceil(most) * count,
        typical_watts=math.ceil(typical) * count,
    )


def replace_link(link: FabricLink, design: Design) -> FabricLink:
    """The link as the design really gives it."""
    return link.model_copy(update={"oversubscription": design.oversubscription}) if design.switch else link


def _no_fabric() -> Design:
    return Design(None, None, "direct", 1.0, Bundle(), Bundle(), 1, 1)


def _fabric_id(design: Design) -> str:
    return f"{design.switch}:{design.topology}" if design.switch else "alone"


def _carries_fabric(node: NodeBuild) -> bool:
    return node.compute_ports > 0 and bool(node.compute_technologies)


def _ports_per_unit(node: NodeBuild) -> int:
    return node.compute_ports // node.fabric_units


def _ports(node: NodeBuild) -> tuple[object, ...]:
    return (node.compute_ports, node.compute_gbps, node.compute_cage, node.fabric_units)


def _chain(tenants: list[Tenant]) -> list[Tenant]:
    """Keep tenant sizes that divide one another, so that cards never fragment; the smallest sizes win."""
    kept: list[Tenant] = []
    for tenant in tenants:
        if all(tenant.cards % k.cards == 0 for k in kept):
            kept.append(tenant)
    return kept


def _must[T](value: T | Rejection) -> T:
    if isinstance(value, Rejection):
        raise AssertionError(value.message)
    return value


def _rejected(value: object) -> Rejection:
    assert isinstance(value, Rejection)
    return value
