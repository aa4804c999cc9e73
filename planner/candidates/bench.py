"""What every kind of candidate is made with: catalog, request, prices, bundles priced once, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from planner import bundles, demand, site, spares, storage_need
from planner.bundles import Pricer
from planner.catalog import Catalog
from planner.dominance import no_worse
from planner.errors import Rejection
from planner.model import Bundle, Load
from planner.parts import FabricLink, NodeBuild
from planner.request import Request, Workload

# Above this many nodes of one pool nothing is enumerated; the largest published fat tree of three tiers is below it.
MOST_NODES = 8192


@dataclass
class Bench:
    """One request's builds with their bundles and loads, each made once."""

    catalog: Catalog
    request: Request
    pricer: Pricer
    nodes: Sequence[NodeBuild]
    ignore: frozenset[str] = frozenset()  # coefficients that this model has nowhere, for dominance
    beyond: frozenset[str] | None = None  # builds to leave out, and counts beyond any one limit with them; None: none
    # Kinds of link that multimode does not reach (role:node, role:trunk); role:beside: copper to neighbouring racks.
    single_mode: frozenset[str] = frozenset()
    cabinet_mm: float | None = None  # width of the cabinet that is bought
    rejections: list[Rejection] = field(default_factory=list)
    _bundles: dict[str, Bundle | None] = field(default_factory=dict)
    # Keyed by identity; the bundle is kept beside its load so that the identity stays its own.
    _loads: dict[int, tuple[Bundle, Load | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._checkpoints = storage_need.checkpoint_speed(self.catalog, self.request)

    def rate(self, workload: Workload, node: NodeBuild, link: FabricLink, count: int) -> demand.Rate | Rejection:
        """What so many nodes deliver as one pool, sized as the request says, checkpoints on its storage."""
        sizing = self.request.preferences.sizing
        return demand.rate(workload, node, link, count, self.catalog, sizing, self._checkpoints)

    def smallest_count(self, workload: Workload, node: NodeBuild, link: FabricLink, most: int) -> int | Rejection:
        """The fewest nodes that do the work, at most `most`."""
        sizing = self.request.preferences.sizing
        return demand.smallest_count(workload, node, link, self.catalog, sizing, most, self._checkpoints)

    def load_of(self, bundle: Bundle) -> Load | None:
        """The load of a bundle, priced once; None (and a rejection) when a part has no price."""
        key = id(bundle)
        if key not in self._loads:
            load = self.pricer.load(bundle)
            if isinstance(load, Rejection):
                self.rejections.append(load)
            self._loads[key] = (bundle, None if isinstance(load, Rejection) else load)
        return self._loads[key][1]

    def node_bundle(self, node: NodeBuild) -> Bundle | None:
        """The lines of one node with software and support; None (and a rejection) when a part has no price."""
        if node.id not in self._bundles:
            software = bundles.admitted_software(self.catalog, node, self.request.site.country)
            made = bundles.node_bundle(node, software, self.pricer, node.id)
            if isinstance(made, Rejection):
                self.rejections.append(made)
                self._bundles[node.id] = None
            else:
                self._bundles[node.id] = made
        return self._bundles[node.id]

    def one_node(self, node: NodeBuild) -> Load | None:
        """What one node adds, without any fabric; None where a part has no price."""
        bundle = self.node_bundle(node)
        return None if bundle is None else self.load_of(bundle)

    def admitted(self, workload: Workload, node: NodeBuild) -> Bundle | None:
        """The lines of a node, when the workload does not name another accelerator and every part has a price."""
        if self.beyond is not None and node.id in self.beyond:
            return None
        named = workload.accelerator
        if named is not None and node.accelerator not in self.catalog.expand_accelerator(named):
            return None
        return self.node_bundle(node)

    def most_by_limits(self, node: NodeBuild) -> int:
        """The most nodes of this build that any single limit lets in: an upper bound for enumeration."""
        request, most = self.request, MOST_NODES
        bundle = self.node_bundle(node)
        load = None if bundle is None else self.load_of(bundle)
        if load is not None:
            if request.budget.capex is not None and load.capital:
                most = min(most, self.pricer.book.taxes.cap(int(request.budget.capex * 100)) // load.capital)
            power = site.it_power_limit_kw(request)
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

    def drop_outdone_builds(self) -> None:
        """Keep builds that no other of equal working power beats in every cost: rates look at nothing else."""
        alike: dict[tuple[object, ...], list[tuple[Load, NodeBuild]]] = {}
        for node in self.nodes:
            bundle = self.node_bundle(node)
            load = None if bundle is None else self.load_of(bundle)
            if load is None:
                continue
            rivals = alike.setdefault(_working_power(node), [])
            if any(no_worse(o, load, self.ignore) and self.spares_no_worse(n, node) for o, n in rivals):
                continue
            rivals[:] = [
                (o, n) for o, n in rivals if not (no_worse(load, o, self.ignore) and self.spares_no_worse(node, n))
            ]
            rivals.append((load, node))
        kept = {node.id for rivals in alike.values() for _, node in rivals}
        self.nodes = [n for n in self.nodes if n.id in kept]

    def spares_no_worse(self, one: NodeBuild, other: NodeBuild) -> bool:
        """Whether spares of one build never cost more than those of another."""
        return spares.no_worse(self.catalog, self.request, self.pricer.price_or_none, one, other)

    def reject(self, part: str, rule: str, message: str) -> None:
        """Remember why a part was left out."""
        self.rejections.append(Rejection(part, rule, message))


def _working_power(node: NodeBuild) -> tuple[object, ...]:
    """Everything of a build that sizing and fabrics look at."""
    return (
        node.accelerator,
        node.accelerators,
        node.scale_up_domain,
        node.scale_up_gb_per_s,
        node.compute_ports,
        node.compute_gbps,
        node.compute_technologies,
        tuple(sorted(node.compute_links.items())),
        node.compute_cage,
        node.storage_gbps,
        node.storage_ports,
        node.fabric_units,
        node.own_rack,
    )
