"""Numbered checks of a plan that is to be built: PASS, WARN or FAIL, the figures, and the change that mends it.

They look at a saved plan only, so a plan changed by hand is checked as it stands. Standards whose clauses were not seen
are a checklist of their own (`STANDARDS`), never a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner import wiring
from planner.catalog import Catalog
from planner.facility.cooling import cooling_facts
from planner.facility.power import power_facts
from planner.facility.racks import rack_facts
from planner.parts import Cable
from planner.plan import Plan

AIR_PRACTICE_KW = 50.0  # upper end of in-row and fan-wall cooling with containment (model knowledge)
REAR_ROOM_MM = 150.0  # behind a chassis for cables, PDU and quick disconnects (model knowledge)
RECOMMENDED_C, ALLOWED_C = (18.0, 27.0), (15.0, 32.0)  # ASHRAE air inlet, recommended and class A1
WATER_C = (17.0, 45.0)  # supply of facility water classes W17 to W45
PUE_LIMITS = {"CN": (1.25, "new large sites (action plan of 2024-07; 1.20 in national hub nodes)")}


@dataclass(frozen=True, slots=True)
class Check:
    """One result. `have` and `need` with units; `mend` says what to change when it is not a PASS."""

    number: int
    id: str
    title: str
    status: str  # PASS | WARN | FAIL
    have: str
    need: str
    text: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A check before it has its number."""

    status: str
    have: str
    need: str
    text: str
    mend: str | None = None


Test = Callable[[Plan, Catalog], Result]
FIRST_OF_THE_ROOM = 6  # checks before it are about ports and cables


def run_checks(plan: Plan, catalog: Catalog, *, cabling: bool = True) -> list[Check]:
    """Every check in its fixed order; numbers never change their meaning. Without `cabling`, which has to run every
    cable of the site, only those of racks, power and cooling."""
    found = []
    for number, (name, title, test) in enumerate(TESTS, 1):
        if not cabling and number < FIRST_OF_THE_ROOM:
            continue
        try:
            r = test(plan, catalog)
        except wiring.PortClash as clash:
            r = Result(
                "FAIL", str(clash), "a free port", "The plan cannot be cabled.", "Plan again with planner optimize."
            )
        found.append(Check(number, name, title, r.status, r.have, r.need, r.text, r.mend))
    return found


def _named(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- networks --------------------------------------------------------------------------------------------------------
def ports(plan: Plan, catalog: Catalog) -> Result:
    """Ports used ≤ ports present: by the counts of every network, and switch by switch while cables are laid."""
    for _ in wiring.runs(plan, catalog):  # a switch without a free port stops here with its name
        pass
    total = sum(net.ports_present for net in plan.fabrics)
    taken = sum(net.ports_used for net in plan.fabrics)
    beyond = [
        f"{n.name} {n.ports_used:,} of {n.ports_present:,}" for n in plan.fabrics if n.ports_used > n.ports_present
    ]
    if beyond:
        return Result(
            "FAIL",
            _named(beyond),
            f"{total:,} ports",
            "More cables than ports.",
            "Plan again: counts were changed by hand.",
        )
    return Result("PASS", f"{taken:,} ports", f"{total:,} ports", "Every switch has the ports that are used.")


def cabled_once(plan: Plan, catalog: Catalog) -> Result:
    """Every port of every node and every uplink is cabled exactly once."""
    seen: Counter[tuple[str, str]] = Counter()
    for run in wiring.runs(plan, catalog):
        seen.update((run.near, port) for port in run.ports)
        seen.update(run.far)
    twice = [f"{device} {port}" for (device, port), count in seen.items() if count > 1]
    count: Counter[str] = Counter(device for device, _ in seen)
    bare = []
    for name, pool in zip(wiring.pool_names(plan.pools), plan.pools, strict=True):
        own = pool.ports
        want = (own.compute if pool.fabric else 0) + (own.storage if plan.storage else 0) + own.in_band + own.oob
        bare += [f"{name} node {k + 1}" for k in range(pool.nodes) if count[f"{name} node {k + 1}"] != want]
    if twice or bare:
        return Result(
            "FAIL",
            _named(twice or bare),
            "once each",
            "Ports cabled twice or not at all.",
            "Plan again: counts were changed by hand.",
        )
    return Result("PASS", f"{len(seen):,} ports", "once each", "Every NIC port and uplink has exactly one cable.")


def cables_bought(plan: Plan, catalog: Catalog) -> Result:
    """Cables in the schedule = cables that the lines buy, part by part; those on the shelf apart."""
    bought: Counter[str] = Counter()
    shelf = 0
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), Cable):
            bought[line.part] += line.quantity if line.group != "spares" else 0
            shelf += line.quantity if line.group == "spares" else 0
    run: Counter[str] = Counter()
    for entry in plan.cabling:
        run[entry.part] += entry.quantity
    missing = [f"{p}: {run[p] - bought[p]} short" for p in sorted(run) if run[p] > bought[p]]
    spare = {p: bought[p] - run[p] for p in sorted(bought) if bought[p] > run[p]}
    have, need = f"{bought.total():,} bought", f"{run.total():,} run"
    if missing:
        return Result("FAIL", have, need, _named(missing), "Buy what is short.")
    if spare:
        text = _named([f"{n} × {p}" for p, n in spare.items()]) + " more than run"
        return Result("WARN", have, need, text, "Order what runs; put the rest on the shelf as spares.")
    kept = f" {shelf:,} more are spares." if shelf else ""
    return Result("PASS", have, need, f"Schedule and bill of materials agree.{kept}")


def reach(plan: Plan, catalog: Catalog) -> Result:
    """Every run fits its cable, and every fibre is within the reach of its modules."""
    short = [
        f"{e.network} {e.kind}: {e.longest_m:g} m on {e.part} of {e.length_m:g} m"
        for e in plan.cabling
        if e.longest_m > e.length_m + 1e-9
    ]
    far = []
    nets = {net.name: net for net in plan.fabrics}
    for e in plan.cabling:
        least = wiring.reach_m(plan, catalog, nets[e.network], e.kind) if e.network in nets else None
        if catalog.cables[e.part].kind == "fibre" and least is not None and e.length_m > least:
            far.append(f"{e.network} {e.kind}: {e.length_m:g} m of fibre, modules reach {least:g} m")
    longest = max((e.longest_m for e in plan.cabling), default=0.0)
    if short or far:
        return Result(
            "FAIL", _named(short or far), f"{longest:g} m", "A cable is too short or a module does not reach.",
            "Shorten the way (site.layout: cross_trays, racks_per_row) or order a longer cable of that kind.",
        )  # fmt: skip
    return Result(
        "PASS", f"longest run {longest:g} m", "cables as long or longer", "Every run fits its cable and its modules."
    )


def single_points(plan: Plan, catalog: Catalog) -> Result:
    """In-band and storage networks stand on pairs."""
    del catalog
    alone = [n.name for n in plan.fabrics if n.role in ("in-band", "storage") and n.redundancy == "none"]
    if alone:
        return Result(
            "WARN",
            _named(alone),
            "a pair of switches",
            "One switch less and nodes are cut off.",
            "Set preferences.fabric.redundancy: pair.",
        )
    return Result("PASS", "pairs", "pairs", "In-band and storage networks survive one switch.")


# -- racks -----------------------------------------------------------------------------------------------------------
def rack_power(plan: Plan, catalog: Catalog) -> Result:
    """Maximum draw of every rack ≤ what it gives with the allowed feeds lost."""
    facts = [f for f in rack_facts(plan, catalog) if f.limit_kw is not None]
    over = [f"{f.name} {f.power_kw:g} kW" for f in facts if f.limit_kw is not None and f.power_kw > f.limit_kw + 1e-6]
    most = max((f.power_kw for f in facts), default=0.0)
    limit = min((f.limit_kw or 0.0 for f in facts), default=0.0)
    if over:
        return Result(
            "FAIL",
            _named(over),
            f"{limit:g} kW",
            "Racks draw more than they give.",
            f"Give racks {most:g} kW, or move a device out.",
        )
    return Result("PASS", f"fullest {most:g} kW", f"{limit:g} kW", "Every rack is within its power, one feed lost.")


def rack_units(plan: Plan, catalog: Catalog) -> Result:
    """Units in use ≤ units present, no unit twice."""
    del catalog
    wrong = []
    for rack in plan.racks:
        taken = Counter(u for i in rack.items for u in range(i.bottom_unit, i.bottom_unit + i.units))
        if any(n > 1 or not 1 <= u <= rack.units for u, n in taken.items()):
            wrong.append(rack.name)
    if wrong:
        return Result(
            "FAIL",
            _named(wrong),
            "one device per unit",
            "Devices overlap or stand outside.",
            "Move them to free units.",
        )
    blank = sum(r.units - sum(i.units for i in r.items) for r in plan.racks)
    return Result(
        "PASS",
        f"{blank:,} units blank",
        "one device per unit",
        "Every device has its units; the blank ones take panels.",
    )


def rack_weight(plan: Plan, catalog: Catalog) -> Result:
    """Devices, cables and cabinet ≤ what the cabinet carries, and the request's own limit."""
    asked = plan.request["site"]["rack_weight_kg"]
    over, most = [], 0.0
    for f in rack_facts(plan, catalog):
        own = [k for k in (f.carries_kg, asked) if k is not None]
        most = max(most, f.devices_kg)
        if own and f.carries_kg is not None and f.devices_kg > min(own) + 0.051:
            over.append(f"{f.name} {f.devices_kg:,.0f} kg")
    if over:
        return Result(
            "FAIL",
            _named(over),
            "cabinet's load",
            "Racks are too heavy.",
            "Take stronger cabinets or set site.rack_weight_kg to what they carry.",
        )
    return Result("PASS", f"heaviest {most:,.0f} kg", "cabinet's load", "Every cabinet carries what stands in it.")


def floor_load(plan: Plan, catalog: Catalog) -> Result:
    """Load under a rack and over the area against the floor's."""
    have = plan.request["site"]["floor_kg_per_m2"]
    facts = rack_facts(plan, catalog)
    most = max((f.under_kg_m2 for f in facts), default=0.0)
    area = wiring.floor(plan, catalog).area_m2
    mean = sum(f.standing_kg for f in facts) / area if area else 0.0
    figures = f"{most:,.0f} kg/m² under a rack, {mean:,.0f} over the area"
    if have is None:
        return Result("WARN", figures, "not stated", "The floor's load is not stated.", "Set site.floor_kg_per_m2.")
    if most <= have:
        return Result("PASS", figures, f"{have:,.0f} kg/m²", "The floor carries every rack.")
    if mean <= have:
        return Result(
            "WARN",
            figures,
            f"{have:,.0f} kg/m²",
            "Only the average over the area is within the floor's load.",
            "Have a structural engineer confirm, or spread the load on steel.",
        )
    return Result(
        "FAIL",
        figures,
        f"{have:,.0f} kg/m²",
        "The floor does not carry the racks.",
        "Wider aisles (site.layout), fewer devices per rack (site.rack_weight_kg), or a stronger floor.",
    )


def depth(plan: Plan, catalog: Catalog) -> Result:
    """Cabinets are deeper than the deepest chassis by room for cables."""
    racks = [catalog.racks[r.part] for r in plan.racks if r.part is not None and r.part in catalog.racks]
    cabinet = min((r.depth_mm for r in racks), default=None)
    known = {
        p.chassis: catalog.chassis[p.chassis].depth_mm for p in plan.pools if not catalog.chassis[p.chassis].own_rack
    }
    unknown = sorted(c for c, d in known.items() if d is None)
    deepest = max((d for d in known.values() if d is not None), default=0.0)
    if cabinet is None or not known:
        return Result("PASS", "own racks", "own racks", "Rack-scale systems bring their racks.")
    if deepest + REAR_ROOM_MM > cabinet:
        return Result(
            "FAIL",
            f"{deepest:g} mm deep",
            f"{cabinet - REAR_ROOM_MM:g} mm",
            "A chassis leaves no room for cables.",
            "Take deeper cabinets.",
        )
    if unknown:
        return Result(
            "WARN",
            f"depth of {_named(unknown)} not published",
            f"{cabinet - REAR_ROOM_MM:g} mm",
            "A depth is not known.",
            "Ask the maker.",
        )
    return Result(
        "PASS",
        f"{deepest:g} mm deep",
        f"{cabinet - REAR_ROOM_MM:g} mm",
        "Chassis fit with room for cables behind them.",
    )


def stranded(plan: Plan, catalog: Catalog) -> Result:
    """Power and units that no further node can use."""
    facts = power_facts(plan, catalog)
    total = sum(f.limit_kw or 0.0 for f in rack_facts(plan, catalog))
    share = facts.stranded_kw / total if total else 0.0
    figures = f"{facts.stranded_kw:,.1f} kW and {facts.stranded_units:,} units stranded"
    node = min((p.node_power_kw for p in plan.pools), default=0.0)
    if share > 0.2 and node:
        fit = (int(facts.rack_kw // node) + 1) * node
        return Result(
            "WARN",
            figures,
            "at most 20 % of rack power",
            f"{share:.0%} of the racks' power cannot be used.",
            f"Racks of {fit:.1f} kW would take one node more each.",
        )
    return Result("PASS", figures, "at most 20 % of rack power", f"{share:.0%} of the racks' power cannot be used.")


# -- power -----------------------------------------------------------------------------------------------------------
def feed_lost(plan: Plan, catalog: Catalog) -> Result:
    """Nodes ride through the loss of one feed."""
    facts = power_facts(plan, catalog)
    if facts.redundancy == "N":
        return Result(
            "WARN",
            f"{facts.feeds} feeds, all needed",
            "N+1 or 2N",
            "Any lost feed stops the racks on it.",
            "Give site.feeds.redundancy: 2N or N+1.",
        )
    worst = [
        f"{x.chassis} {x.result} ({x.left} of {x.supplies} supplies left, {x.must_live} must live)"
        for x in facts.losses
        if x.result in ("throttles", "stops")
    ]
    unknown = [x.chassis for x in facts.losses if x.result == "not known"]
    need = f"{facts.redundancy}, {facts.feeds} feeds"
    if worst:
        status = "FAIL" if any("stops" in w for w in worst) else "WARN"
        return Result(
            status,
            _named(worst),
            need,
            "A lost feed is felt.",
            "Three feeds with N+1 (site.feeds: {count: 3, redundancy: N+1, ...}) leave two thirds of the supplies.",
        )
    if unknown:
        return Result(
            "WARN",
            f"supplies of {_named(unknown)} not published",
            need,
            "What a lost feed does is not known.",
            "Ask the maker how many supplies must live.",
        )
    return Result("PASS", "every node rides through", need, "Enough supplies stay on the feeds that are left.")


def rack_pdus(plan: Plan, catalog: Catalog) -> Result:
    """PDUs of one feed carry their share of the rack; outlets are counted for the order."""
    facts = power_facts(plan, catalog)
    cabinets = sum(r.part is not None for r in plan.racks)
    if not cabinets:
        return Result("PASS", "own racks", "own racks", "Rack-scale systems bring their power shelves.")
    per_feed = sum(n * kw for _, n, kw in facts.pdus) / (cabinets * facts.feeds)
    need = facts.rack_kw / max(1, facts.live_feeds)
    outlets = f"{facts.c13_per_feed} × C13 and {facts.c19_per_feed} × C19 per feed in the fullest rack"
    if per_feed < need - 1e-5:
        return Result(
            "FAIL",
            f"{per_feed:g} kW per feed",
            f"{need:g} kW",
            "PDUs do not carry the rack with a feed lost.",
            "Buy larger or more PDUs.",
        )
    supply = plan.request["site"].get("feeds") or {}
    if supply.get("supply", "ac") != "ac":
        return Result(
            "WARN",
            f"{supply['supply']}; {outlets}",
            "DC distribution",
            "The PDUs of the catalog are for AC; whether supplies take DC is not stated.",
            "Have makers confirm DC supplies and quote DC distribution.",
        )
    return Result(
        "PASS",
        f"{per_feed:g} kW per feed; {outlets}",
        f"{need:g} kW",
        f"{facts.circuits:,} circuits; order PDUs with these outlets.",
    )


def pue_policy(plan: Plan, catalog: Catalog) -> Result:
    """The design PUE against the country's limit, where one is known."""
    del catalog
    site = plan.request["site"]
    known = PUE_LIMITS.get(site["country"])
    if known is None:
        return Result("PASS", "no limit on file", "none", "No PUE limit of this country is on file.")
    limit, scope = known
    pue = site["pue_annual"] or site["pue"]
    if pue is None:
        return Result(
            "WARN", "PUE not stated", f"{limit:g}", f"Limit for {scope}.", "Set site.pue and site.pue_annual."
        )
    if pue > limit:
        return Result(
            "WARN",
            f"PUE {pue:g}",
            f"{limit:g}",
            f"Above the limit for {scope}.",
            f"Lower the PUE to {limit:g}, or show that the limit does not apply.",
        )
    return Result("PASS", f"PUE {pue:g}", f"{limit:g}", f"Within the limit for {scope}.")


# -- cooling ---------------------------------------------------------------------------------------------------------
def air_heat(plan: Plan, catalog: Catalog) -> Result:
    """Air heat of every rack ≤ what the room cools by air; liquid likewise."""
    terms = plan.request["site"].get("cooling_terms")
    facts = cooling_facts(plan, catalog)
    most = max((r.air_kw for r in facts.racks), default=0.0)
    if terms is None:
        status = "WARN" if most > AIR_PRACTICE_KW else "PASS"
        mend = (
            "State site.cooling: {air_kw_per_rack, liquid_kw_per_rack}, or plan rear doors."
            if status == "WARN"
            else None
        )
        return Result(
            status,
            f"{most:g} kW of air heat in one rack",
            f"{AIR_PRACTICE_KW:g} kW usual at most",
            "What the room cools per rack is not stated.",
            mend,
        )
    air, liquid = float(terms["air_kw_per_rack"]), float(terms["liquid_kw_per_rack"])
    over = [f"{r.name} {r.air_kw:g} kW air" for r in facts.racks if r.air_kw > air + 1e-6]
    over += [f"{r.name} {r.liquid_kw:g} kW liquid" for r in facts.racks if r.liquid_kw > liquid + 1e-6]
    need = f"{air:g} kW by air, {liquid:g} kW by liquid"
    if over:
        return Result(
            "FAIL",
            _named(over),
            need,
            "Heat stays in the rack.",
            f"Set site.rack_power_kw to {air:g}, add rear doors, or cool {most:g} kW by air.",
        )
    return Result("PASS", f"{most:g} kW of air heat at most", need, "The room takes the heat of every rack.")


def liquid_loop(plan: Plan, catalog: Catalog) -> Result:
    """Liquid-cooled nodes stand in a room with a loop."""
    facts = cooling_facts(plan, catalog)
    wet = sorted({p.chassis for p in plan.pools if p.cooling == "dlc"})
    if wet and plan.request["site"]["cooling"] != "liquid":
        return Result(
            "FAIL",
            _named(wet),
            "a liquid loop",
            "Liquid-cooled nodes in an air-cooled room.",
            "Set site.cooling: liquid, or choose air-cooled chassis.",
        )
    if not facts.liquid_kw:
        return Result("PASS", "no liquid", "none", "Everything is cooled by air.")
    text = (
        f"{facts.air_kw:,.1f} kW stay as air heat; "
        f"{facts.cdus} in-rack CDUs of 70 kW with one to spare are not in the price."
    )
    return Result(
        "WARN",
        f"{facts.liquid_kw:,.1f} kW, {facts.liquid_l_min:,.0f} L/min",
        "loop and CDUs",
        text,
        "Have CDUs, manifolds and commissioning quoted.",
    )


def supply_temperature(plan: Plan, catalog: Catalog) -> Result:
    """Supply temperature within the equipment's class."""
    del catalog
    terms = plan.request["site"].get("cooling_terms") or {}
    degrees = terms.get("supply_c")
    liquid = plan.request["site"]["cooling"] == "liquid"
    (low, high), (least, most) = (WATER_C, WATER_C) if liquid else (RECOMMENDED_C, ALLOWED_C)
    need = f"{low:g} to {high:g} °C"
    if degrees is None:
        return Result(
            "WARN", "not stated", need, "The supply temperature is not stated.", "Set supply_c in site.cooling."
        )
    if least <= degrees <= most:
        if low <= degrees <= high:
            return Result("PASS", f"{degrees:g} °C", need, "Within the recommended range.")
        return Result(
            "WARN",
            f"{degrees:g} °C",
            need,
            "Allowed for class A1, outside the recommended range.",
            f"Supply between {low:g} and {high:g} °C.",
        )
    return Result(
        "FAIL",
        f"{degrees:g} °C",
        need,
        "Outside what equipment is made for.",
        f"Supply between {low:g} and {high:g} °C.",
    )


TESTS: tuple[tuple[str, str, Test], ...] = (
    ("ports", "Ports used and present", ports),
    ("cabled-once", "Every port cabled once", cabled_once),
    ("cables-bought", "Cables bought and run", cables_bought),
    ("reach", "Cable lengths and reach", reach),
    ("single-points", "Networks without a single point", single_points),
    ("rack-power", "Power per rack", rack_power),
    ("rack-units", "Units per rack", rack_units),
    ("rack-weight", "Weight per rack", rack_weight),
    ("floor-load", "Floor load", floor_load),
    ("depth", "Chassis depth", depth),
    ("stranded", "Stranded power and units", stranded),
    ("feed-lost", "A feed is lost", feed_lost),
    ("rack-pdus", "Rack power distribution", rack_pdus),
    ("air-heat", "Heat per rack", air_heat),
    ("liquid-loop", "Liquid cooling", liquid_loop),
    ("supply-temperature", "Supply temperature", supply_temperature),
    ("pue-policy", "PUE limit", pue_policy),
)

# What standards ask, as far as second-hand sources say; no clause was seen, so none of it is a result.
STANDARDS: tuple[tuple[str, str], ...] = (
    ("GB 50174", "grade A: two utility sources; UPS 2N or M(N+1) with 15 min of battery; generators N+X, 12 h of fuel"),
    ("GB 50174", "grade A: chillers, pumps, towers and air conditioners N+X; grade B N+1"),
    ("GB 50174", "cold aisle 18 to 27 °C, dew point 5.5 to 15 °C, relative humidity at most 60 %"),
    ("GB 50174", "main room live load 8 to 12 kN/m²; battery room 16 kN/m²"),
    ("TIA-942", "floor live load 7.2 / 8.4 / 12.0 / 12.0 kPa for rated 1 to 4; hanging load 1.2 to 2.4 kPa"),
    ("Uptime", "tier III: concurrently maintainable, one active path; tier IV: fault tolerant, 2N or 2N+1"),
)
