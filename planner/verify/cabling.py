"""Cables derived a second time from docs/room.md: who is joined to whom, how far that is, and what reaches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from planner.catalog import Catalog
from planner.parts import Cable
from planner.plan import Plan, PlannedCables
from planner.verify.joints import MOST_LINKS, joints, labels
from planner.verify.ports import node_ports

UNIT = 0.04445  # m
SIDE = 0.5  # m from a port to the side of its rack
SHELF = "spares"  # cables that no run takes
COPPER = ("dac", "acc")  # chosen only where it is known to reach
Spot = tuple[int, int, float]  # rack, its units, height of the port in units


def check_cabling(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Labels, ports per node, and the cables of every network by length."""
    yield from _ports(plan, catalog)
    beyond = uncountable(plan, catalog)
    if beyond is not None:  # before anything is counted one by one
        yield beyond
        return
    spots, twice = _spots(plan)
    if twice:
        yield f"racks: the label {twice} stands twice"
        return
    expected = Counter(label for label, _ in labels(plan, catalog))
    for label in sorted(set(expected) ^ set(spots))[:5]:
        yield f"racks: {label} {'stands nowhere' if label in expected else 'is no device of this plan'}"
    items = {item.label: item.item for rack in plan.racks for item in rack.items}
    for label, part in labels(plan, catalog):
        if items.get(label, part) != part:
            yield f"racks: {label} is a {items[label]}, expected {part}"
    if set(expected) != set(spots):
        return
    yield from _lengths(plan, catalog, spots)
    yield from _bought(plan, catalog)


def uncountable(plan: Plan, catalog: Catalog) -> str | None:
    """A finding where devices or links are so many that they cannot be those of this plan; None where not."""
    standing = sum(len(rack.items) for rack in plan.racks)
    claimed = sum(p.nodes for p in plan.pools) + sum(n.leaf + n.spine + n.core for n in plan.fabrics)
    claimed += plan.storage.blocks if plan.storage is not None else 0
    if claimed > standing:
        return f"racks: {standing} devices stand in racks, pools, networks and storage count {claimed}"
    links = sum(n.endpoints + n.links_leaf_spine + n.links_spine_core + n.links_other for n in plan.fabrics)
    own = [ln for ln in plan.lines if ln.group != SHELF and ln.part in catalog.cables]
    carried = sum(ln.quantity * catalog.cables[ln.part].links for ln in own)
    if links > min(carried, MOST_LINKS):
        return f"cabling: {links} links, the lines buy cables for {min(carried, MOST_LINKS)}"
    return None


def _ports(plan: Plan, catalog: Catalog) -> Iterator[str]:
    for k, pool in enumerate(plan.pools):
        have, own = pool.ports, node_ports(plan, pool, catalog)
        given = (have.compute, have.storage, have.in_band, have.oob)
        found = (own.compute, own.storage, own.in_band, own.oob)
        if given != found:
            yield f"pools[{k}] ({pool.workload}): ports {given}, its lines and chassis give {found}"


# -- who stands where --------------------------------------------------------------------------------------------------
def _spots(plan: Plan) -> tuple[dict[str, Spot], str | None]:
    found: dict[str, Spot] = {}
    for k, rack in enumerate(plan.racks):
        for item in rack.items:
            if item.label in found:
                return found, item.label
            found[item.label] = (k, rack.units, item.bottom_unit - 1 + item.units / 2)
    return found, None


# -- how far that is ---------------------------------------------------------------------------------------------------
class Hall:
    """Racks in rows; trays above the rows and across them."""

    def __init__(self, plan: Plan, catalog: Catalog) -> None:
        layout = plan.request["site"]["layout"]
        cabinet = next(
            (catalog.racks[r.part] for r in plan.racks if r.part is not None and r.part in catalog.racks), None
        )
        self.wide = (cabinet.width_mm if cabinet else 600.0) / 1000
        self.deep = (cabinet.depth_mm if cabinet else 1200.0) / 1000
        # Sixteen in a row, in larger rooms as many as make it about square, at most 32; all rows about as long.
        square = math.ceil(math.sqrt(3.8 * len(plan.racks)))
        rows = -(-len(plan.racks) // max(16, min(32, square))) or 1
        self.row = int(layout["racks_per_row"] or max(1, -(-len(plan.racks) // rows)))
        self.cold, self.hot = float(layout["cold_aisle_m"]), float(layout["hot_aisle_m"])
        self.tray, self.slack = float(layout["tray_m"]), float(layout["slack_m"])
        length, count = min(len(plan.racks), self.row) * self.wide, int(layout["cross_trays"])
        self.crossings = [length / 2] if count == 1 else [length * k / (count - 1) for k in range(count)]
        self.sides = bool(layout.get("side_passage"))
        self.known: dict[tuple[Spot, Spot], float] = {}

    def metres(self, a: Spot, b: Spot) -> float:
        if (a, b) not in self.known:
            self.known[a, b] = self._metres(a, b)
        return self.known[a, b]

    def _metres(self, a: Spot, b: Spot) -> float:
        if a[0] == b[0]:
            return round(abs(a[2] - b[2]) * UNIT + 2 * SIDE + self.slack, 6)
        if self.sides and abs(a[0] - b[0]) == 1 and a[0] // self.row == b[0] // self.row:
            return round(abs(a[2] - b[2]) * UNIT + self.wide + 2 * SIDE + self.slack, 6)
        climbs = sum((units - height) * UNIT + self.tray for _, units, height in (a, b))
        (row_a, seat_a), (row_b, seat_b) = divmod(a[0], self.row), divmod(b[0], self.row)
        left, right = (round((seat + 0.5) * self.wide, 3) for seat in (seat_a, seat_b))
        if row_a == row_b:
            along = abs(left - right)
        else:
            detour = min(abs(left - x) + abs(right - x) for x in self.crossings)
            along = detour + abs(self._depth(row_a) - self._depth(row_b))
        return round(climbs + along + 2 * SIDE + 2 * self.slack, 6)

    def _depth(self, row: int) -> float:
        """From the first row: a cold aisle after every even row, a hot one after every odd row."""
        return round(sum(self.deep + (self.hot if k % 2 else self.cold) for k in range(row)), 3)


def ends(plan: Plan, catalog: Catalog) -> int:
    """Connectors that carry a cable: one on either side of every link of every network, two where fibres are two."""
    parts: dict[tuple[str, str], str] = {(entry.network, entry.kind): entry.part for entry in plan.cabling}
    total = 0
    for net in plan.fabrics:
        between = "peer" if (net.name, "peer") in parts and (net.name, "trunk") not in parts else "trunk"
        for kind, links in (
            ("node", net.links_node + net.links_other),
            (between, net.links_leaf_spine + net.links_spine_core),
        ):
            part = parts.get((net.name, kind))
            total += 2 * links * (1 if part is None else _strands(plan, catalog, (net.name, kind), part))
    return total


def area_m2(plan: Plan, catalog: Catalog) -> float:
    """Floor of all rows with half of the aisle on both sides of each pair of rows."""
    hall = Hall(plan, catalog)
    rows = -(-len(plan.racks) // hall.row)
    deep = rows * hall.deep + sum(hall.hot if k % 2 else hall.cold for k in range(rows - 1))
    deep += hall.hot + (hall.cold if rows % 2 else 0.0)
    return round(min(len(plan.racks), hall.row) * hall.wide * deep, 2)


def _lengths(plan: Plan, catalog: Catalog, spots: dict[str, Spot]) -> Iterator[str]:
    """Each run takes the shortest cable that the plan has for its kind of link and that reaches."""
    held: dict[tuple[str, str], list[PlannedCables]] = {}
    for entry in plan.cabling:
        held.setdefault((entry.network, entry.kind), []).append(entry)
    for entries in held.values():
        entries.sort(key=lambda e: e.length_m)
    legs = {k: catalog.cables[v[0].part].links for k, v in held.items() if k[1] in ("trunk", "peer", "node")}
    hall = Hall(plan, catalog)
    count: Counter[int] = Counter()
    longest: dict[int, float] = {}
    missing: Counter[tuple[str, str]] = Counter()
    strands = {k: _strands(plan, catalog, k, v[0].part) for k, v in held.items()}
    for joint in joints(plan, catalog, legs):
        entries = held.get((joint.network, joint.kind), [])
        if not entries:
            missing[joint.network, joint.kind] += 1
            continue
        need = max(hall.metres(spots[joint.near], spots[label]) for label in joint.far)
        entry = next((e for e in entries if e.length_m >= need - 1e-9), entries[-1])
        count[id(entry)] += strands[joint.network, joint.kind]
        longest[id(entry)] = max(longest.get(id(entry), 0.0), need)
    for (network, kind), number in sorted(missing.items()):
        yield f"cabling: {network} has {number} runs of kind {kind}, none is planned"
    for k, entry in enumerate(plan.cabling):
        name = f"cabling[{k}] ({entry.network} {entry.kind})"
        if entry.quantity != count[id(entry)]:
            yield f"{name}: quantity {entry.quantity}, the floor plan gives {count[id(entry)]} × {entry.part}"
        part = catalog.cables.get(entry.part)
        if part is not None and part.kind in COPPER and longest.get(id(entry), 0.0) > part.length_m + 1e-9:
            yield f"{name}: {entry.part} is {part.length_m:g} m long, a run needs {longest[id(entry)]:.2f}"
        if abs(entry.longest_m - longest.get(id(entry), 0.0)) > 0.0101:
            yield f"{name}: longest_m {entry.longest_m:g}, the longest run is {longest.get(id(entry), 0.0):.2f}"


def _strands(plan: Plan, catalog: Catalog, key: tuple[str, str], part: str) -> int:
    """Fibres of one link: an 800G link between modules of 2 × 400G takes both of their connectors."""
    net = next((n for n in plan.fabrics if n.name == key[0]), None)
    if net is None or net.switch not in catalog.switches or catalog.cables[part].kind != "fibre":
        return 1
    switch = catalog.switches[net.switch]
    gbps = net.gbps if key[1] in ("node", "uplink") else switch.gbps
    return 2 if gbps >= 800 and switch.cage == "osfp-twin" else 1


def _bought(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Cables by length against the lines; lengths that stand in for one another cost the same."""
    needed: Counter[tuple[str, str]] = Counter()
    kinds: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    prices = {(ln.group, ln.part): (ln.unit_price, ln.unit_low, ln.unit_high) for ln in plan.lines}
    for k, entry in enumerate(plan.cabling):
        name = f"cabling[{k}] ({entry.network} {entry.kind})"
        part = catalog.parts.get(entry.part)
        if not isinstance(part, Cable):
            yield f"{name}: part {entry.part} is no cable of the catalog"
            continue
        if entry.length_m != part.length_m:
            yield f"{name}: length_m {entry.length_m:g}, {entry.part} is {part.length_m:g} m long"
        needed[entry.network, entry.part] += entry.quantity
        alike = (
            part.vendor,
            part.kind,
            part.gbps,
            part.links,
            part.ends,
            part.side,
            prices.get((entry.network, entry.part)),
        )
        kinds.setdefault((entry.network, entry.kind), set()).add(alike)
    for (network, kind), found in kinds.items():
        if len(found) > 1:
            yield f"cabling: {network} {kind} mixes cables of several kinds or prices"
    lines = {
        (ln.group, ln.part): ln.quantity
        for ln in plan.lines
        if isinstance(catalog.parts.get(ln.part), Cable) and ln.group != SHELF
    }
    for key in sorted(set(needed) | set(lines)):
        if needed[key] > lines.get(key, 0):
            yield f"cabling: {key[0]} needs {needed[key]} × {key[1]}, the lines buy {lines.get(key, 0)}"
        elif needed[key] < lines[key]:
            yield f"cabling: the lines buy {lines[key]} × {key[1]} for {key[0]}, {needed[key]} run"
