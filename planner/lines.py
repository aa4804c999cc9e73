"""Plan lines from bundles: section, position, description, price and what counts towards power, room and weight."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from planner import fabric, spares
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Bundle, LineSeed
from planner.parts import (
    Accelerator,
    Baseboard,
    Bridge,
    Cable,
    Chassis,
    CoolingUnit,
    Cpu,
    Dimm,
    Drive,
    ManagementNode,
    Nic,
    NodeBuild,
    Optic,
    Part,
    Pdu,
    Rack,
    Section,
    Software,
    StorageSystem,
    Switch,
)
from planner.plan import LinePrice, PlanLine, PlannedCables
from planner.pricing import PriceBook
from planner.taxes import tax_class
from planner.units import Money, half_up

SECTIONS: tuple[Section, ...] = ("compute", "network", "storage", "facility", "software", "services")


@dataclass(frozen=True)
class Owned:
    """A bundle and who it belongs to: the pool's workload, its nodes, and the build for power and weight."""

    bundle: Bundle
    pool: str | None = None
    nodes: int | None = None
    node: NodeBuild | None = None


def renamed(bundle: Bundle, group: str, name: str) -> Bundle:
    """The bundle with one group of lines under another name."""
    moved = tuple(
        LineSeed(ln.part, ln.quantity, name if ln.group == group else ln.group, ln.yearly, ln.cents, ln.rule)
        for ln in bundle.lines
    )
    return Bundle(
        moved,
        bundle.shapes,
        bundle.endpoints,
        bundle.watts,
        bundle.typical_watts,
        bundle.nodes,
        bundle.accelerators,
    )


def section_of(part: Part, group: str) -> Section:
    """The section of the bill of materials a part stands in."""
    if isinstance(part, Software):
        return part.section
    if isinstance(part, StorageSystem):
        return "storage"
    if isinstance(part, Rack | Pdu | CoolingUnit):
        return "facility"
    if isinstance(part, Switch | Optic | Cable):
        return "network"
    if isinstance(part, ManagementNode):
        return "network" if part.role == "fabric-manager" else "compute"
    return "compute"


def write_lines(
    catalog: Catalog, book: PriceBook, owned: Sequence[Owned]
) -> tuple[tuple[PlanLine, ...], tuple[PlanLine, ...]]:
    """Capital and yearly lines, in section and group order, with dotted positions. Prices without tax."""
    capital: dict[tuple[object, ...], tuple[LineSeed, Owned, int]] = {}
    for holder in owned:
        for seed in holder.bundle.lines:
            if not seed.quantity:
                continue
            key = (seed.yearly, seed.group, holder.pool, seed.part, seed.cents)
            before = capital[key][2] if key in capital else 0
            capital[key] = (seed, holder, before + seed.quantity)
    rows = [_line(catalog, book, seed, holder, count) for seed, holder, count in capital.values()]
    once = _positions([r for r, yearly in rows if not yearly], 1)
    recurring = _positions([r for r, yearly in rows if yearly], len(SECTIONS) + 1)
    return tuple(once), tuple(recurring)


def with_lengths(
    catalog: Catalog,
    book: PriceBook,
    capital: Sequence[PlanLine],
    planned: Mapping[tuple[str, str], str],
    cabling: Sequence[PlannedCables],
) -> tuple[PlanLine, ...]:
    """Lines with the cables of each network by length. `planned`: the cable each kind of link was priced with.

    A length takes price and source of its own record; its unit price is that of the line it comes from.
    """
    found = list(capital)
    for group in dict.fromkeys(entry.network for entry in cabling):
        entries = [e for e in cabling if e.network == group]
        moved = {entry.part: 0 for entry in entries}
        for entry in entries:
            moved[entry.part] += entry.quantity
        for part in {planned[group, e.kind] for e in entries}:
            moved.setdefault(part, 0)
        old = [ln for ln in found if ln.group == group and ln.part in moved]
        if not old or sum(ln.quantity for ln in old) != sum(moved.values()):
            continue  # not as many were bought as run: the plan's checks refuse it
        found = [ln for ln in found if ln not in old]
        for part, quantity in sorted(moved.items()):
            holder = Owned(Bundle(), old[0].pool, old[0].nodes)
            if quantity:
                seed = LineSeed(part, quantity, group)
                found.append(_line(catalog, book, seed, holder, quantity)[0])
    return tuple(_positions(found, 1))


def with_spare_lengths(
    catalog: Catalog,
    book: PriceBook,
    capital: Sequence[PlanLine],
    planned: Mapping[tuple[str, str], str],
    cabling: Sequence[PlannedCables],
    networks_of: Mapping[str | None, Collection[str]],
) -> tuple[PlanLine, ...]:
    """Spare cables as long as the longest of their kind in the networks that a line's pool owns (None: joint ones)."""
    found: list[PlanLine] = []
    moved: dict[tuple[str | None, str], tuple[int, Owned]] = {}
    for line in capital:
        if line.group != spares.GROUP or line.part not in catalog.cables:
            found.append(line)
            continue
        own = [
            e.part
            for e in cabling
            if e.network in networks_of.get(line.pool, ()) and planned[e.network, e.kind] == line.part
        ]
        part = max(own, key=lambda p: (catalog.cables[p].length_m, p), default=line.part)
        before = moved[line.pool, part][0] if (line.pool, part) in moved else 0
        moved[line.pool, part] = (before + line.quantity, Owned(Bundle(), line.pool, line.nodes))
    for (_, part), (quantity, holder) in moved.items():
        found.append(_line(catalog, book, LineSeed(part, quantity, spares.GROUP), holder, quantity)[0])
    return tuple(_positions(found, 1))


def _positions(rows: Sequence[PlanLine], first: int) -> list[PlanLine]:
    """Rows in section order (stable within), numbered section.row."""
    found = []
    for k, section in enumerate(SECTIONS):
        members = [r for r in rows if r.section == section]
        members.sort(key=lambda r: (_group_order(r.group), r.group, r.pool or "", _kind_order(r), r.part))
        for i, row in enumerate(members, 1):
            prefix = first + k if first == 1 else f"Y{k + 1}"
            found.append(row.model_copy(update={"position": f"{prefix}.{i}"}))
    return found


def _group_order(group: str) -> int:
    known = {"management": 5, "storage": 6, "in-band": 7, "oob": 8, "racks": 9, "cooling": 10, spares.GROUP: 11}
    return known.get(group, 1 if group.startswith("compute") else 0)


def _kind_order(row: PlanLine) -> int:
    return 0 if row.max_power_w else 1


def _line(catalog: Catalog, book: PriceBook, seed: LineSeed, holder: Owned, quantity: int) -> tuple[PlanLine, bool]:
    part = catalog.parts[seed.part]
    unit, low, high, price, rule = _priced(book, seed)
    watts, typical, units, kilograms, estimates = _physical(catalog, part, holder)
    if seed.group == spares.GROUP:  # on the shelf: draws nothing and stands in no rack
        watts, typical, units, kilograms = 0.0, 0.0, 0, 0.0
    node = holder.node
    # The second pool of one build (on another kind of switch) has its number behind the build's id.
    own = node is not None and (seed.group == node.id or seed.group.startswith(f"{node.id}/"))
    in_node = own and holder.nodes
    line = PlanLine(
        position="",
        part=part.id,
        section=section_of(part, seed.group),
        group=seed.group,
        pool=holder.pool,
        maker=part.vendor,
        model=part.model,
        model_zh=part.model_zh if isinstance(part, Software) else None,
        part_number=part.part_number,
        description=describe(part),
        per_node=quantity // holder.nodes if in_node and holder.nodes and quantity % holder.nodes == 0 else None,
        nodes=holder.nodes if in_node else None,
        quantity=quantity,
        unit=_unit(part),
        unit_price=Money(unit, book.currency).amount,
        unit_low=Money(low, book.currency).amount,
        unit_high=Money(high, book.currency).amount,
        extended=Money(unit * quantity, book.currency).amount,
        currency=book.currency,
        tax_percent=book.taxes.counted[tax_class(part)],
        country_tax_percent=book.taxes.country[tax_class(part)],
        price=price,
        rule=rule,
        max_power_w=watts,
        typical_power_w=typical,
        rack_units=units,
        weight_kg=kilograms,
        origin=part.origin,
        supply=supply_of(part.origin, book.request.site.country),
        estimates=estimates,
    )
    return line, seed.yearly


def supply_of(origin: str | None, country: str) -> Literal["domestic", "imported", "unknown"]:
    """Whether a part comes from the site's own country."""
    return "unknown" if origin is None else "domestic" if origin == country else "imported"


def _priced(book: PriceBook, seed: LineSeed) -> tuple[int, int, int, LinePrice | None, str | None]:
    """Unit price in cents with its range, where it comes from, or the rule behind it."""
    if seed.cents is not None:
        return seed.cents, seed.cents, seed.cents, None, seed.rule
    landed = book.landed(seed.part)
    if isinstance(landed, Rejection):  # priced when it was a candidate; cannot be missing now
        raise AssertionError(landed.message)
    return landed.cents, landed.low, landed.high, landed.line_price, landed.rule


def _physical(catalog: Catalog, part: Part, holder: Owned) -> tuple[float, float, int, float, tuple[str, ...]]:
    """Watts (maximum, typical), rack units and kilograms that one piece of this line counts for.

    A node counts as a whole on its chassis line; what sits inside it, and optics inside switches, count nothing.
    """
    if isinstance(part, Chassis) and holder.node is not None:
        node = holder.node
        watts = float(math.ceil(round(node.max_power_kw * 1000, 6)))
        typical = float(math.ceil(round(node.typical_power_kw * 1000, 6)))
        return watts, typical, node.rack_units, node.weight_kg, node.estimates
    if isinstance(part, Switch):
        typical_w, max_w, kilograms, estimates = fabric.switch_power(catalog, part)
        return float(math.ceil(max_w)), float(math.ceil(typical_w)), part.rack_units, kilograms, tuple(estimates)
    if isinstance(part, ManagementNode):
        return (
            float(math.ceil(part.max_power_w)),
            float(math.ceil(part.typical_power_w)),
            part.rack_units,
            part.weight_kg or 0.0,
            tuple(f"{k}: {v}" for k, v in part.estimates.items()),
        )
    if isinstance(part, StorageSystem):
        most = part.max_power_w or 0.0
        return (
            float(math.ceil(most)),
            float(math.ceil(part.typical_power_w or most)),
            part.rack_units,
            part.weight_kg or 0.0,
            tuple(f"{k}: {v}" for k, v in part.estimates.items()),
        )
    units = part.rack_units if isinstance(part, CoolingUnit) else 0
    return 0.0, 0.0, units, 0.0, tuple(f"{k}: {v}" for k, v in part.estimates.items())


def _unit(part: Part) -> str:
    if isinstance(part, Software):
        return "year" if part.recurring == "yearly" else "licence"
    return "kW" if isinstance(part, CoolingUnit) and part.role == "loop" else "piece"


def describe(part: Part) -> str:
    """One line for a buyer: the figures that matter when comparing quotes."""
    match part:
        case Chassis():
            kind = "Complete system" if part.price_scope == "complete" else "Server barebone"
            return f"{kind}, {part.rack_units or '?'}U, {part.slots} accelerators, {part.cooling} cooling"
        case Baseboard():
            return f"Accelerator baseboard with {part.accelerators} × {part.accelerator} and scale-up switches"
        case Accelerator():
            memory = f"{part.memory_gb:g} GB {part.memory_type or ''}".strip() if part.memory_gb else "memory unknown"
            return f"Accelerator, {memory}, {part.form_factor}"
        case Cpu():
            return f"{part.family}, {part.cores} cores, {part.tdp_w:g} W"
        case Dimm():
            return f"{part.size_gb} GB {part.memory_type} registered module"
        case Drive():
            return f"{part.capacity_tb:g} TB NVMe, {'boot' if part.use == 'boot' else 'data'}"
        case Nic():
            return f"{part.ports} × {part.gbps:g} Gbit/s {'/'.join(part.technologies)}, {part.cage}"
        case Bridge():
            return f"Bridge joining {part.group} cards, {part.gb_per_s:g} GB/s"
        case Switch():
            return f"{part.technology} switch, {part.ports} × {part.gbps:g} Gbit/s, {part.rack_units}U"
        case Optic():
            return f"{part.links} × {part.gbps:g} Gbit/s {part.media} module, {part.cage}, {part.reach_m:g} m"
        case Cable():
            return f"{part.kind.upper()} {part.length_m:g} m, {part.links} × {part.gbps:g} Gbit/s"
        case StorageSystem():
            return f"{part.usable_tb:g} TB usable, {part.read_gb_per_s:g}/{part.write_gb_per_s:g} GB/s, {part.protocol}"
        case Rack():
            return f"Rack {part.rack_units}U, {part.width_mm:g} × {part.depth_mm:g} mm, carries {part.load_kg:g} kg"
        case CoolingUnit():
            what = {
                "cdu": f"Coolant distribution unit, {part.kw:g} kW"
                + (f", {part.rack_units}U" if part.rack_units else ""),
                "loop": f"Manifolds, hoses, quick disconnects and commissioning, {part.kw:g} kW of heat to liquid",
                "rear-door": f"Rear-door heat exchanger, {part.kw:g} kW",
            }
            return what[part.role]
        case Pdu():
            return f"Rack power distribution, {part.usable_kw:g} kW usable"
        case ManagementNode():
            return "Fabric manager appliance" if part.role == "fabric-manager" else "Management server"
        case Software():
            return part.notes.split(". ")[0] if part.notes else part.model
        case _:
            return part.model


def totals_cents(lines: Sequence[PlanLine]) -> int:
    """Sum of extended prices in cents."""
    return sum(half_up(line.extended * 100) for line in lines)
