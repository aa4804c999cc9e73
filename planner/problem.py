"""From a request to the program's data: admitted accelerators, builds, options, shared equipment, limits."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from planner import compliance, nodes, site
from planner.bundles import STORAGE_SYSTEM, Pricer
from planner.candidates import Bench, Generator, works
from planner.catalog import Catalog
from planner.dominance import irrelevant, prune
from planner.errors import InputError, Mistake, Rejection
from planner.formulation import fit_in_rack, limit_measure
from planner.model import Bundle, Load, Option, Problem, RoomLimits, SharedOption, Work
from planner.packing import pack_shapes
from planner.parts import NodeBuild
from planner.plan import ComplianceEntry
from planner.pricing import PriceBook
from planner.request import Request
from planner.shared import SharedEquipment, rack_bundle
from planner.solve import delivered, least, stages
from planner.taxes import Taxes
from planner.units import HOURS_PER_YEAR

# Design convention: energy is typical draw × this utilisation × annual PUE × hours of a year.
UTILISATION = Decimal("0.8")
EAGER_BUILDS = 6  # builds whose every count is tried first, to know what maximised work can reach


@dataclass(frozen=True)
class Prepared:
    """A problem with everything that is needed to write its plan or to explain why there is none."""

    request: Request
    catalog: Catalog
    book: PriceBook
    problem: Problem  # pruned
    unpruned: tuple[Option, ...]
    nodes: tuple[NodeBuild, ...]
    verdicts: Mapping[str, ComplianceEntry]
    accepted: tuple[str, ...]
    rejections: tuple[Rejection, ...]
    on: dt.date


def prepare(
    request: Request,
    catalog: Catalog,
    on: dt.date,
    *,
    pruning: bool = True,
    bounded: bool = True,
    within: bool = False,
) -> Prepared:
    """Everything up to solving. `on` is the one date for rules, price age and rates.

    `bounded` leaves out counts that no limit lets in. What other limits would need is asked without it: a service for
    which the budget has room for one node may need ten. `within` leaves out, before anything is sized, builds of which
    not even one node meets the limits: the best plan is the same, but nobody is told why they were left out.
    """
    book = PriceBook(catalog, request, on)
    verdicts, accepted, rejections = screen(request, catalog, on)
    built, refused = nodes.build_nodes(catalog, request, accepted, book)
    rejections += refused
    pricer = Pricer(catalog, book, request.supply)
    room = room_limits(request)
    ignore = irrelevant(request.objective, limits(request, book.taxes), room.grams is not None)
    bench = Bench(catalog, request, pricer, built, ignore)
    if pruning:
        bench.drop_outdone_builds()
    if within:
        bench.beyond = _beyond(bench, limits(request, book.taxes), room)
    generator = Generator(bench, pruning, bounded)
    scout = generator.counted
    rows = works(request)
    factory = _Factory(request, catalog, pricer, generator, rows, ignore, pruning)
    maximised = [w for w in rows if w.maximise]
    problem = factory.program()
    if pruning and len(maximised) == 1 and scout.eager is not None:
        # After counts some percent apart all counts of the few builds; then those of every build.
        for eager in (scout.eager, None) if scout.coarse else (None,):
            reached = _scouted(problem, maximised[0])
            if reached is None:
                break
            scout.floors[maximised[0].name] = reached * (1 - 1e-9)
            scout.eager = eager
            problem = factory.program()
    return Prepared(
        request,
        catalog,
        book,
        problem,
        tuple(factory.unpruned),
        tuple(built),
        verdicts,
        tuple(accepted),
        tuple(rejections + bench.rejections + factory.rejections),
        on,
    )


def _beyond(bench: Bench, have: Mapping[str, int], room: RoomLimits) -> frozenset[str]:
    """Ids of builds of which one node alone fits no rack or exceeds a limit on money, power or supply."""
    found = set()
    for node in bench.nodes:
        load = bench.one_node(node)
        if load is None:
            continue
        # Energy only adds to what a year costs, and racks are counted with everything else.
        fits = all(fit_in_rack(shape, room) for shape in load.shapes)
        over = any(limit_measure(n, 0.0)(load) > most for n, most in have.items() if n != "racks")
        if over or not fits:
            found.add(node.id)
    return frozenset(found)


def _scouted(problem: Problem, work: Work) -> float | None:
    """The rate of the maximised work that the best plan of the scouted options reaches; None without a plan."""
    stage = stages(problem)[0]
    found = least(problem, pack_shapes, stage)
    return None if found is None else delivered(problem, work.name, found)


@dataclass
class _Factory:
    """Makes the program from the options that the generator gives at the time."""

    request: Request
    catalog: Catalog
    pricer: Pricer
    generator: Generator
    rows: tuple[Work, ...]
    ignore: frozenset[str]
    pruning: bool
    unpruned: list[Option] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __post_init__(self) -> None:
        maximised = [w for w in self.rows if w.maximise]
        # With several to maximise the best plan gives each a share: what one reaches is no floor for it.
        if self.pruning and len(maximised) == 1 and maximised[0].mode == "one":
            workload = next(w for w in self.request.workloads if w.name == maximised[0].name)
            self.generator.counted.eager = self.generator.counted.most_promising(workload, EAGER_BUILDS)

    def program(self) -> Problem:
        """The program of all workloads, shared equipment and limits."""
        request, catalog, taxes = self.request, self.catalog, self.pricer.book.taxes
        self.unpruned = self._options()
        kept = _pruned(self.unpruned, self.ignore) if self.pruning else self.unpruned
        shared, self.rejections = _shared(request, catalog, self.pricer, kept)
        rack = rack_bundle(catalog, self.pricer, request)
        if isinstance(rack, Rejection):
            raise InputError([Mistake("site", None, None, rack.message)])
        return Problem(
            works=self.rows,
            options=tuple(kept),
            shared=tuple(shared),
            constant=Load(),
            constant_bundle=Bundle(),
            rack=_load(self.pricer, rack),
            rack_bundle=rack,
            room=room_limits(request),
            limits=limits(request, taxes),
            objective=request.objective,
            energy_cents_per_watt_year=float(energy_cents_per_watt_year(catalog, request)),
            tco_years=request.budget.tco_years,
            tax_percent=0.0 if taxes.several else float(request.budget.vat_percent or 0),
            capital_scale=taxes.scale,
        )

    def _options(self) -> list[Option]:
        modes = {w.name: w.mode for w in self.rows}
        found: list[Option] = []
        for workload in self.request.workloads:
            if modes[workload.name] != "shared":
                found += self.generator.options(workload, self.rows)
        sharing = [w for w in self.request.workloads if modes[w.name] == "shared"]
        return found + (self.generator.shared_pools(sharing) if sharing else [])


def screen(
    request: Request, catalog: Catalog, on: dt.date
) -> tuple[dict[str, ComplianceEntry], list[str], list[Rejection]]:
    """The verdict of every accelerator, the accepted ids, and a rejection for each other one."""
    terms = compliance.terms_from(request, on)
    verdicts: dict[str, ComplianceEntry] = {}
    accepted: list[str] = []
    rejections: list[Rejection] = []
    for accelerator in sorted(catalog.accelerators):
        entry = compliance.screen(catalog, accelerator, terms)
        verdicts[accelerator] = entry
        refused = compliance.gate(entry, request.compliance.accept)
        if refused is None:
            accepted.append(accelerator)
        else:
            rejections.append(refused)
    return verdicts, accepted, rejections


def limits(request: Request, taxes: Taxes) -> dict[str, int]:
    """The limits of a request by row name, in cents, watts and pieces. The capital cap is in the program's unit."""
    rows: dict[str, int] = {}
    if request.budget.capex is not None:
        rows["capital_budget"] = taxes.cap(int(request.budget.capex * 100))
    if request.budget.opex_per_year is not None:
        rows["yearly_budget"] = int(request.budget.opex_per_year * 100)
    power = site.it_power_limit_kw(request)
    if power is not None:
        rows["site_power"] = math.floor(round(power * 1000, 6))
    if request.site.racks is not None:
        rows["racks"] = request.site.racks
    for part, have in sorted(request.supply.items()):
        rows[f"supply:{part}"] = have
    return rows


def limit_keys(request: Request, taxes: Taxes) -> dict[str, tuple[str, Decimal]]:
    """Row names, the site-file keys they come from, and the factor from the row's unit to the key's."""
    keys = {
        "capital_budget": ("budget.capex", taxes.per_unit),
        "yearly_budget": ("budget.opex_per_year", Decimal("0.01")),
        "racks": ("site.racks", Decimal(1)),
    }
    if request.site.it_power_kw is not None and request.site.it_power_kw == site.it_power_limit_kw(request):
        keys["site_power"] = ("site.it_power_kw", Decimal("0.001"))
    else:  # the meter leaves less, or nothing else was given
        pue = Decimal(str(site.peak_pue(request)))
        keys["site_power"] = ("site.utility_power_kw", pue / 1000)
    for part in request.supply:
        keys[f"supply:{part}"] = (f"supply.{part}", Decimal(1))
    return keys


def room_limits(request: Request) -> RoomLimits:
    """What one rack takes, in whole watts and grams."""
    room, given = site.room(request), request.site.rack_power_kw
    return RoomLimits(
        units=room.units,
        watts=None if room.power_kw is None else math.floor(round(room.power_kw * 1000, 6)),
        grams=None if room.weight_kg is None else math.floor(room.weight_kg * 1000),
        own_watts=None if given is None else math.floor(round(given * 1000, 6)),
    )


def energy_cents_per_watt_year(catalog: Catalog, request: Request) -> Decimal:
    """Cents a year per typical watt: utilisation × annual PUE × 8,760 h × tariff; 0 when no tariff is known."""
    tariff = site_tariff(catalog, request)
    if tariff is None:
        return Decimal(0)
    pue = Decimal(str(site.annual_pue(request)))
    return UTILISATION * pue * HOURS_PER_YEAR * tariff * 100 / 1000


def site_tariff(catalog: Catalog, request: Request) -> Decimal | None:
    """Electricity price per kWh in the budget's currency."""
    from planner import pricing  # noqa: PLC0415

    found = pricing.electricity(catalog, request)
    return None if found is None else found[0]


def _pruned(options: Sequence[Option], ignore: frozenset[str]) -> list[Option]:
    by_work: dict[str, list[Option]] = {}
    for option in options:
        by_work.setdefault(option.work, []).append(option)
    return [kept for work in by_work.values() for kept in prune(work, ignore)]


def _shared(
    request: Request, catalog: Catalog, pricer: Pricer, options: Sequence[Option]
) -> tuple[list[SharedOption], list[Rejection]]:
    """Shared equipment, sized for the most nodes and endpoints that the options could bring together."""
    most_nodes = _most(options, "management")
    endpoints = max((_most(options, n) for n in ("in-band", "oob", "storage")), default=0)
    gbps = max((o.node.storage_gbps for o in options), default=200.0)
    # Management nodes, storage blocks and switches plug in too: room for them on top.
    most = endpoints + endpoints // 2 + 512
    cards = _most(options, STORAGE_SYSTEM)
    equipment = SharedEquipment(catalog, request, pricer, max(3, most_nodes), most, cards)
    return equipment.options(gbps), equipment.rejections


def _most(options: Sequence[Option], network: str) -> int:
    """The most endpoints of a network that one option per work can bring, summed over works."""
    best: dict[str, int] = {}
    for option in options:
        count = option.fixed.endpoints.get(network, 0) + option.unit.endpoints.get(network, 0) * option.high
        best[option.work] = max(best.get(option.work, 0), count)
    return sum(best.values())


def _load(pricer: Pricer, bundle: Bundle) -> Load:
    load = pricer.load(bundle)
    if isinstance(load, Rejection):
        raise InputError([Mistake("catalog", None, None, load.message)])
    return load
