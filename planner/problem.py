"""From a request to the program's data: admitted accelerators, builds, options, shared equipment, limits."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from planner import compliance, nodes, site, storage_need
from planner.bundles import CDU, STORAGE_SYSTEM, Pricer
from planner.candidates import Bench, Generator, Joint, works
from planner.catalog import Catalog
from planner.dominance import irrelevant, prune
from planner.errors import InputError, Mistake, Rejection
from planner.formulation import fit_in_rack, limit_measure
from planner.headroom import Measures, headroom, measures, most_together
from planner.model import Bundle, Load, Option, Problem, RoomLimits, SharedOption, Solution, Work
from planner.packing import pack_shapes
from planner.parts import CoolingUnit, NodeBuild
from planner.plan import ComplianceEntry
from planner.pricing import PriceBook
from planner.reach import promising, reach
from planner.request import Request
from planner.shared import SharedEquipment, rack_bundle
from planner.solve import delivered, performance, scouted
from planner.taxes import Taxes
from planner.units import HOURS_PER_YEAR, UTILISATION

DRIVERS = ("management", "in-band", "oob", "storage", STORAGE_SYSTEM)  # of what all pools share
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
    joint: Joint  # fabrics that pools may have together, for any choice of options
    single_mode: frozenset[str] = frozenset()  # kinds of link that multimode fibre does not reach
    door: CoolingUnit | None = None  # the rear door that every bought cabinet has

    @property
    def space(self) -> site.Room:
        """What one bought cabinet takes."""
        return site.room(self.request, door_kw(self.door))

    def with_options(self, options: Sequence[Option]) -> Problem:
        """The problem with other options, and the joint fabrics that those can make."""
        kept, sizes = self.joint.settle(options)
        shared = (*(s for s in self.problem.shared if s.joint is None), *sizes)
        return replace(self.problem, options=tuple(kept), shared=shared)


def prepare(
    request: Request,
    catalog: Catalog,
    on: dt.date,
    *,
    pruning: bool = True,
    bounded: bool = True,
    within: bool = False,
    single_mode: frozenset[str] = frozenset(),
    door: CoolingUnit | None = None,
) -> Prepared:
    """Everything up to solving. `on` is the one date for rules, price age and rates.

    `bounded` leaves out counts that no limit lets in. What other limits would need is asked without it: a service for
    which the budget has room for one node may need ten. `within` leaves out, before anything is sized, builds of which
    not even one node meets the limits: the best plan is the same, but nobody is told why they were left out.
    `single_mode`: kinds of link (`compute:node`, `storage:trunk` ...) that multimode fibre is known not to reach.
    `door`: the rear door of every bought cabinet.
    """
    book = PriceBook(catalog, request, on)
    verdicts, accepted, rejections = compliance.screen_all(request, catalog, on)
    built, refused = nodes.build_nodes(catalog, request, accepted, book)
    rejections += refused
    pricer = Pricer(catalog, book, request.supply)
    room = room_limits(request, door_kw(door))
    ignore = irrelevant(request.objective, limits(request, book.taxes), room.grams is not None)
    bench = Bench(catalog, request, pricer, built, ignore, single_mode=single_mode)
    cabinet = rack_bundle(catalog, pricer, request, door)
    if not isinstance(cabinet, Rejection):
        bench.cabinet_mm = catalog.racks[cabinet.lines[0].part].width_mm
    if pruning:
        bench.drop_outdone_builds()
    if within:
        bench.beyond = _beyond(bench, limits(request, book.taxes), room)
    generator = Generator(bench, pruning, bounded)
    scout = generator.counted
    rows = works(request)
    factory = _Factory(request, catalog, pricer, generator, rows, ignore, pruning, door)
    problem = factory.program()
    known: Solution | None = None  # a plan in which no pools share a compute fabric
    if scout.eager is not None:
        # After counts some percent apart all counts of the few builds; then those of every build.
        for eager in (scout.eager, None) if scout.coarse else (None,):
            looked = factory.with_joint(problem, None) if generator.joint.forced else problem
            known = _good(looked)
            if known is None:
                break
            scout.floors |= _floors(looked, known)
            must = scout.floors | _targets(rows, performance(problem, known))
            mixed = {w.name: [o for o in problem.options if o.work == w.name] for w in rows if w.mode == "mix"}
            scout.headroom = headroom(problem.limits, problem.room, must, scout.ways, request.workloads, mixed)
            led_names = {w.name for w in led(rows)}
            scout.ceilings |= _ceilings(rows, scout.reach_within([w for w in request.workloads if w.name in led_names]))
            scout.eager = eager
            problem = factory.program()
    if generator.joint.wanted:
        problem = factory.with_joint(problem, known)
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
        generator.joint,
        single_mode,
        door,
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


def _good(problem: Problem) -> Solution | None:
    """A plan near the best, against which others are measured before the program is made whole; None without any."""
    free = problem.performance_first
    return scouted(problem, pack_shapes, frozenset(w.name for w in led(problem.works)) if free else frozenset())


def _floors(problem: Problem, known: Solution) -> dict[str, float]:
    """Rates below which no option of a work can be in the best plan, as a plan reaches more.

    Of one work to maximise it is the rate reached; where nothing is, the smallest share of what was asked counts, and
    no work of a better plan has a smaller one.
    """
    share = performance(problem, known)
    return {
        work.name: (delivered(problem, work.name, known) if work.target is None else share * work.target) * (1 - 1e-9)
        for work in led(problem.works)
    }


def _targets(works: Sequence[Work], share: float) -> dict[str, float]:
    """What work that is not scouted must reach in a better plan: all that was asked beside work that is maximised, else
    the share of it that the known plan reaches."""
    whole = any(w.maximise for w in works)
    wanted = (w for w in works if not w.maximise and w.target and (w.mode == "mix" or (whole and w.mode == "one")))
    return {w.name: (w.target or 0.0) * (1.0 if whole else share) * (1 - 1e-9) for w in wanted}


def led(works: Sequence[Work]) -> list[Work]:
    """Work on one kind of node that gets as much as possible and whose counts are scouted, when performance counts.

    With several to maximise the best plan gives each a share of its own best: what one reaches is no floor for it.
    """
    maximised = [w for w in works if w.maximise]
    if len(maximised) > 1:
        return []
    return [w for w in maximised or works if w.mode == "one"]


def _ceilings(works: Sequence[Work], most: Mapping[str, float]) -> dict[str, float]:
    """Rates beyond which more of a work does not help: no plan's smallest share of what was asked is larger."""
    targets = {w.name: w.target for w in works if w.name in most and w.target is not None}
    share = min((most[name] / target for name, target in targets.items()), default=0.0)
    return {name: share * target * (1 + 1e-9) for name, target in targets.items()} if len(targets) > 1 else {}


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
    door: CoolingUnit | None
    unpruned: list[Option] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self.request.objective == "highest_performance" or any(w.maximise for w in self.rows)
        names = {w.name for w in led(self.rows)} if self.pruning and first else set()
        if names:
            counted = self.generator.counted
            workloads = [w for w in self.request.workloads if w.name in names]
            rates = {w.name: counted.reach(w) for w in workloads}
            best = [sorted(found, key=lambda name: (-found[name], name)) for found in rates.values()]
            counted.eager = frozenset(name for names in best for name in names[:EAGER_BUILDS])
            counted.ceilings = _ceilings(self.rows, {name: max(r.values(), default=0.0) for name, r in rates.items()})

    def program(self) -> Problem:
        """The program of all workloads, shared equipment and limits."""
        request, catalog, taxes = self.request, self.catalog, self.pricer.book.taxes
        self.unpruned = self._options()
        kept = _pruned(self.unpruned, self.ignore) if self.pruning else self.unpruned
        far = self.generator.bench.single_mode
        shared, self.rejections = _shared(request, catalog, self.pricer, kept, far, self._largest(kept))
        rack = rack_bundle(catalog, self.pricer, request, self.door)
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
            room=room_limits(request, door_kw(self.door)),
            limits=limits(request, taxes),
            objective=request.objective,
            energy_cents_per_watt_year=float(energy_cents_per_watt_year(catalog, request)),
            tco_years=request.budget.tco_years,
            tax_percent=0.0 if taxes.several else float(request.budget.vat_percent or 0),
            capital_scale=taxes.scale,
            node_storage_gb_per_s=storage_need.node_speed(catalog, request),
        )

    def _largest(self, options: Sequence[Option]) -> Callable[[str], int]:
        """The most endpoints of a network (or nodes, cards, heat) that options bring together, summed over works."""
        request = self.request
        held: Measures = ((), ())
        if self.generator.bounded:  # else limits are lifted later, to say how far they are from a plan
            held = measures(limits(request, self.pricer.book.taxes), room_limits(request, door_kw(self.door)))
        by_work: dict[str, list[Option]] = {}
        for option in options:
            by_work.setdefault(option.work, []).append(option)
        targets = {w.name: w.target for w in self.rows if not w.maximise and request.objective != "highest_performance"}
        alone = {w.name for w in self.rows if w.mode == "one"}

        def largest(network: str) -> int:
            def ends(load: Load) -> int:
                return load.endpoints.get(network, 0)

            return sum(
                max(ends(o.fixed) + ends(o.unit) * o.high for o in own)
                if work in alone
                else most_together(own, ends, targets.get(work), held)
                for work, own in by_work.items()
            )

        return largest

    def with_joint(self, problem: Problem, known: Solution | None) -> Problem:
        """The program with fabrics that pools have together, as far as they can better a known plan without any."""
        joint, counted = self.generator.joint, self.generator.counted
        if joint.forced:
            # Without sharing there is no plan to compare with: a few good pools make a first one.
            few = promising(problem, counted.bare)
            started = self._sharing(problem, lambda o: (o.id, o.nodes_per_unit) in few)
            known = _good(started)
            bounds = reach(started if known is not None else problem, counted.bare, known)
        else:
            known = known or _good(problem)
            bounds = reach(problem, counted.bare, known)
        made = self._sharing(problem, bounds.worth)
        before = {o.id for o in self.unpruned}
        self.unpruned += [o for o in made.options if o.id not in before]
        return made

    def _sharing(self, problem: Problem, worth: Callable[[Option], bool]) -> Problem:
        """The program with the pools on joint fabrics that are worth a look, and every size that they can make."""
        joint, counted = self.generator.joint, self.generator.counted
        found: list[Option] = []
        for workload in self.request.workloads:
            found += counted.sharing(workload, worth)
        kept, sizes = joint.settle([*problem.options, *found])
        shared = problem.shared
        most, before = self._largest(kept), self._largest(problem.options)
        new_speeds = storage_speeds(kept) - storage_speeds(problem.options)
        least, least_before = (_least_storage_gbps(problem.node_storage_gb_per_s, o) for o in (kept, problem.options))
        if any(most(n) > before(n) for n in DRIVERS) or new_speeds or least < least_before:
            known_far = self.generator.bench.single_mode
            largest = self._largest(kept)
            made, self.rejections = _shared(self.request, self.catalog, self.pricer, kept, known_far, largest)
            shared = tuple(made)
        return replace(problem, options=tuple(kept), shared=(*shared, *sizes), one_fabric=joint.forced)

    def _options(self) -> list[Option]:
        modes = {w.name: w.mode for w in self.rows}
        found: list[Option] = []
        for workload in self.request.workloads:
            if modes[workload.name] != "shared":
                found += self.generator.options(workload, self.rows)
        sharing = [w for w in self.request.workloads if modes[w.name] == "shared"]
        return found + (self.generator.shared_pools(sharing) if sharing else [])


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


def door_kw(door: CoolingUnit | None) -> float:
    """kW of heat that a rear door takes out of a cabinet's air; 0 without one."""
    return 0.0 if door is None else door.kw


def room_limits(request: Request, door: float = 0.0) -> RoomLimits:
    """What one rack takes, in whole watts and grams; `door`: kW of air heat that its rear door takes."""
    room, given = site.room(request, door), request.site.rack_power_kw
    fed = min((k for k in (given, site.feeds_kw(request)) if k is not None), default=None)
    return RoomLimits(
        units=room.units,
        watts=None if room.power_kw is None else math.floor(round(room.power_kw * 1000, 6)),
        grams=None if room.weight_kg is None else math.floor(room.weight_kg * 1000),
        own_watts=None if given is None else math.floor(round(given * 1000, 6)),
        heat=site.heat_limits(room),
        door=round(door * 1000),
        fed=None if fed is None else math.floor(round(fed * 1000, 6)),
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


def storage_speeds(options: Sequence[Option]) -> frozenset[float]:
    """Gbit/s of the storage ports that nodes bring."""
    return frozenset(o.node.storage_gbps for o in options if o.node.storage_ports)


def _least_storage_gbps(need: float, options: Sequence[Option]) -> float:
    """The slowest that a storage network may be for any node, where one node needs so many GB/s."""
    nodes = [o.node for o in options if o.node.storage_ports]
    return min((min(n.storage_gbps, need * 8 * n.fabric_units / n.storage_ports) for n in nodes), default=0.0)


def _shared(
    request: Request,
    catalog: Catalog,
    pricer: Pricer,
    options: Sequence[Option],
    single_mode: frozenset[str],
    largest: Callable[[str], int],
) -> tuple[list[SharedOption], list[Rejection]]:
    """Shared equipment, sized for the most nodes and endpoints that the options bring together (`largest`)."""
    most_nodes = largest("management")
    endpoints = max((largest(n) for n in ("in-band", "oob", "storage")), default=0)
    # Management nodes, storage blocks and switches plug in too: room for them on top.
    most = endpoints + endpoints // 2 + 512
    cards, heat = largest(STORAGE_SYSTEM), largest(CDU)
    equipment = SharedEquipment(
        catalog,
        request,
        pricer,
        max(3, most_nodes),
        most,
        cards,
        heat,
        most_stored=largest("storage"),
        least_storage_gbps=_least_storage_gbps(storage_need.node_speed(catalog, request), options),
        single_mode=single_mode,
    )
    return equipment.options(storage_speeds(options)), equipment.rejections


def _load(pricer: Pricer, bundle: Bundle) -> Load:
    load = pricer.load(bundle)
    if isinstance(load, Rejection):
        raise InputError([Mistake("catalog", None, None, load.message)])
    return load
