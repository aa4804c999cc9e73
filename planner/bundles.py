"""Bundles of plan lines, priced exactly: a candidate is the lines it would add, and its price is their sum.

`Pricer.load` turns a bundle into the whole-number coefficients of the program. A bundle with an unpriceable part is a
Rejection, never a smaller sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner import site
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Bundle, LineSeed, Load, Shape
from planner.parts import BuildLine, NodeBuild, Software
from planner.pricing import PriceBook, support_share
from planner.request import Request
from planner.units import half_up

# Driver of storage systems whose speed follows the number of accelerators (storage.profile).
STORAGE_SYSTEM = "storage-system"
# Drivers of liquid cooling: heat that cold plates take, in tenths of a kW, each node rounded up.
CDU, LOOP = "cdu", "loop"
HEAT_STEP_W = 100
# Driver of the licences of managed nodes that only an InfiniBand storage network needs: its compute fabric has none.
STORAGE_LICENCE = "storage-licence"


class Pricer:
    """Prices bundles from a price book, once per part."""

    def __init__(self, catalog: Catalog, book: PriceBook, supply: Iterable[str] = ()) -> None:
        self.catalog = catalog
        self.book = book
        self.supply = frozenset(supply)
        self._cents: dict[str, int | Rejection] = {}
        self._weights: dict[str, int] = {}

    def cents(self, part: str) -> int | Rejection:
        """Landed unit price without tax in whole cents of the budget's currency."""
        if part not in self._cents:
            landed = self.book.landed(part)
            self._cents[part] = landed if isinstance(landed, Rejection) else landed.cents
        return self._cents[part]

    def _weight(self, part: str) -> int:
        """Units of the capital row per cent of a part: 1, or by its tax where several rates are counted."""
        if not self.book.taxes.several:
            return 1
        if part not in self._weights:
            self._weights[part] = self.book.taxes.weight(self.catalog.parts.get(part))
        return self._weights[part]

    def price_or_none(self, part: str) -> int | None:
        cents = self.cents(part)
        return None if isinstance(cents, Rejection) else cents

    def load(self, bundle: Bundle) -> Load | Rejection:
        """The coefficients of a bundle; the first part without a price rejects it."""
        capital = yearly = 0
        supply: dict[str, int] = {}
        for line in bundle.lines:
            cents = line.cents if line.cents is not None else self.cents(line.part)
            if isinstance(cents, Rejection):
                return cents
            if line.yearly:
                yearly += cents * line.quantity
            else:
                capital += cents * line.quantity * self._weight(line.part)
            if line.part in self.supply and line.part not in self.catalog.accelerators:
                supply[line.part] = supply.get(line.part, 0) + line.quantity
        for accelerator, count in bundle.cards:  # on boards and in whole systems as well as loose ones
            if accelerator in self.supply:
                supply[accelerator] = supply.get(accelerator, 0) + count
        shapes: dict[Shape, int] = {}
        for shape, count in bundle.shapes:
            shapes[shape] = shapes.get(shape, 0) + count
        endpoints: dict[str, int] = {}
        for network, count in bundle.endpoints:
            endpoints[network] = endpoints.get(network, 0) + count
        return Load(
            capital=capital,
            yearly=yearly,
            watts=bundle.watts,
            typical_watts=bundle.typical_watts,
            nodes=bundle.nodes,
            accelerators=bundle.accelerators,
            endpoints=endpoints,
            supply=supply,
            shapes=shapes,
        )


def seeds(lines: Iterable[BuildLine], group: str) -> tuple[LineSeed, ...]:
    """Build lines as capital plan lines of one group."""
    return tuple(LineSeed(line.part, line.quantity, group) for line in lines if line.quantity)


def merge(*bundles: Bundle) -> Bundle:
    """Several bundles as one; equal lines are added up."""
    lines: dict[tuple[object, ...], LineSeed] = {}
    for bundle in bundles:
        for line in bundle.lines:
            key = (line.part, line.group, line.yearly, line.cents, line.rule)
            before = lines[key].quantity if key in lines else 0
            lines[key] = LineSeed(line.part, before + line.quantity, line.group, line.yearly, line.cents, line.rule)
    return Bundle(
        lines=tuple(lines.values()),
        shapes=tuple(s for b in bundles for s in b.shapes),
        endpoints=tuple(e for b in bundles for e in b.endpoints),
        watts=sum(b.watts for b in bundles),
        typical_watts=sum(b.typical_watts for b in bundles),
        nodes=sum(b.nodes for b in bundles),
        accelerators=sum(b.accelerators for b in bundles),
        cards=tuple(c for b in bundles for c in b.cards),
    )


def repeat(bundle: Bundle, count: int) -> Bundle:
    """A bundle `count` times."""
    return Bundle(
        lines=tuple(
            LineSeed(ln.part, ln.quantity * count, ln.group, ln.yearly, ln.cents, ln.rule)
            for ln in bundle.lines
            if ln.quantity * count
        ),
        shapes=tuple((s, n * count) for s, n in bundle.shapes),
        endpoints=tuple((e, n * count) for e, n in bundle.endpoints),
        watts=bundle.watts * count,
        typical_watts=bundle.typical_watts * count,
        nodes=bundle.nodes * count,
        accelerators=bundle.accelerators * count,
        cards=tuple((a, n * count) for a, n in bundle.cards),
    )


def node_shape(node: NodeBuild) -> Shape:
    """What one node is to a rack. Watts are rounded up: a limit is never passed by rounding."""
    watts = _watts(node.max_power_kw)
    return Shape(
        item=node.chassis if node.own_rack else node.id,
        units=node.rack_units,
        watts=watts,
        grams=round(node.weight_kg * 1000),
        own_rack=node.own_rack,
        liquid=node.cooling == "dlc",
        plates=site.plate_watts(watts, node.cooling, rack_scale=node.own_rack),
    )


def storage_may_be_managed(request: Request) -> bool:
    """Whether storage may stand on InfiniBand, whose nodes are licensed once, with the compute fabric or without it."""
    return request.storage is not None and request.storage.technology != "ethernet"


def _watts(kw: float) -> int:
    return int(-(-round(kw * 1000, 6) // 1))


def node_bundle(node: NodeBuild, software: Sequence[Software], pricer: Pricer, group: str) -> Bundle | Rejection:
    """One node with its parts, software, support and network ports."""
    lines = list(seeds(node.lines, group))
    hardware = 0
    for line in lines:
        cents = pricer.cents(line.part)
        if isinstance(cents, Rejection):
            return cents
        hardware += cents * line.quantity
    request = pricer.book.request
    scaled = request.storage is not None and request.storage.profile is not None
    licensed = storage_may_be_managed(request) and node.storage_ports
    terms = support_terms(pricer, node, request.budget.tco_years)
    heat = -(-node_shape(node).plates // HEAT_STEP_W) if request.site.cooling_equipment == "buy" else 0
    for item in software:
        lines += software_lines(item, node, hardware, group, terms)
    return Bundle(
        lines=tuple(lines),
        shapes=((node_shape(node), 1),),
        endpoints=tuple(
            (network, ports)
            for network, ports in (
                ("storage", node.storage_ports),
                ("in-band", node.inband_ports),
                ("oob", node.oob_ports),
                ("management", node.fabric_units),
                (STORAGE_SYSTEM, node.accelerators if scaled else 0),
                (CDU, heat),
                (LOOP, heat),
                (STORAGE_LICENCE, node.fabric_units if licensed else 0),
                # No driver: tells nodes apart whose storage networks run at different speeds.
                (storage_kind(node, request), node.storage_ports if request.storage is not None else 0),
            )
            if ports
        ),
        watts=_watts(node.max_power_kw),
        typical_watts=_watts(node.typical_power_kw),
        nodes=1,
        accelerators=node.accelerators,
        cards=((node.accelerator, node.accelerators),),
    )


def storage_kind(node: NodeBuild, request: Request) -> str:
    """Speed of a node's storage ports; with a profile also how many a node has, as slower ports then carry enough."""
    kind = f"storage at {node.storage_gbps:g}"
    profile = request.storage is not None and request.storage.profile is not None
    return f"{kind} x {node.storage_ports / node.fabric_units:g}" if profile else kind


@dataclass(frozen=True, slots=True)
class SupportTerms:
    """How much of the years a yearly support line is paid for, and why."""

    share: Decimal
    words: str


def support_terms(pricer: Pricer, node: NodeBuild, years: int) -> SupportTerms:
    """Support is paid for the months that the system's price does not include.

    A complete system whose price says nothing is taken to include the usual first three years, so that nothing is paid
    twice; the rule's words say so.
    """
    price = pricer.book.price(node.chassis)
    months = price.includes_support_months if price is not None else None
    words = ""
    if pricer.catalog.chassis[node.chassis].price_scope == "complete" and months is None:
        months, words = 36, ", the price taken to include the first 36 months"
    elif months:
        words = f", the price includes the first {months} months"
    if not months:
        return SupportTerms(Decimal(1), " a year")
    return SupportTerms(support_share(months, years), f" a year{words}; averaged over {years} years")


def software_lines(
    item: Software, node: NodeBuild, hardware_cents: int, group: str, terms: SupportTerms | None = None
) -> list[LineSeed]:
    """Lines that a software, support or service item adds to one node; none for items counted per site."""
    counts = {"accelerator": node.accelerators, "node": node.fabric_units, "socket": node.cpus}
    yearly = item.recurring == "yearly"
    if item.per == "percent-of-hardware":
        percent = item.percent or Decimal(0)
        rule = f"{percent:f} % of the hardware of one node"
        if yearly and terms is not None:
            percent *= terms.share
            rule += terms.words
        cents = half_up(Decimal(hardware_cents) * percent / 100)
        return [LineSeed(item.id, 1, group, yearly, cents, rule)] if cents else []
    if item.per in counts:
        return [LineSeed(item.id, counts[item.per], group, yearly)]
    return []


def admitted_software(catalog: Catalog, node: NodeBuild, country: str) -> list[Software]:
    """Default software, support and service lines of one node, by ecosystem, accelerator, chassis and country."""
    accelerator, chassis = catalog.accelerators[node.accelerator], catalog.chassis[node.chassis]
    found = []
    for item in sorted(catalog.software.values(), key=lambda s: s.id):
        fits = (
            item.default
            and item.lifecycle == "current"
            and (not item.ecosystems or accelerator.ecosystem in item.ecosystems)
            and (not item.accelerators or accelerator.id in item.accelerators)
            and (not item.chassis or chassis.id in item.chassis)
            and (not item.countries or country in item.countries)
            and country not in item.not_countries
        )
        if fits:
            found.append(item)
    return found
