"""Drawings for the proposal as inline SVG: network topology, rack elevation, cost over the years.

Sizes are in the units of the view box (about a pixel on a wide screen). Colours and fonts are classes of
`templates/proposal.css`. Every text is escaped and cut to the room it has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from markupsafe import Markup

from planner.plan import Plan, PlannedFabric, PlannedRack, Pool, RackItem
from planner.wording import Wording

WIDTH = 1000
MOST_COLUMNS = 4  # compute fabrics drawn side by side; further pools are in the table
MOST_RACKS = 9  # distinct rack layouts drawn
RACKS_PER_ROW = 3
RACK_WIDTH = 214.0
RACK_PITCH = 256.0
UNIT_HEIGHT = 10.5
TITLE_LINE = 16  # between the lines of a rack's title
LABEL, STRONG = 14.0, 15.0  # 7 points and more when a drawing is printed across an A4 page
TIER = 98.0  # from one row of switches to the next
BUS = 62.0  # from one shared network to the next


# -- primitives ------------------------------------------------------------------------------------------------------
def text_width(text: str, size: float) -> float:
    """A safe estimate of a text's width: wide characters one em, others 0.58 em."""
    return sum(size if unicodedata.east_asian_width(c) in "WF" else 0.58 * size for c in text)


def fit(text: str, width: float, size: float) -> str:
    """The text, cut with an ellipsis where it would be wider than `width`."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(_n(x), _n(y), kind, anchor, text)


def _box(x: float, y: float, w: float, h: float, kind: str, radius: float = 3) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="{}"/>').format(
        _n(x), _n(y), _n(w), _n(h), _n(radius), kind
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(_n(x1), _n(y1), _n(x2), _n(y2), kind)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(height: float, title: str, parts: Sequence[Markup], width: float = WIDTH) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">')
    inner = Markup("").join(parts)
    return (
        head.format(_n(width), _n(height), title) + Markup("<title>{}</title>").format(title) + inner + Markup("</svg>")
    )


# -- topology --------------------------------------------------------------------------------------------------------
def topology(plan: Plan, words: Wording) -> Markup:
    """Compute fabrics above their nodes, shared networks as lines below; many equal devices are drawn as a few."""
    compute = [f for f in plan.fabrics if f.role == "compute"]
    shared = [f for f in plan.fabrics if f.role != "compute"]
    columns: list[tuple[PlannedFabric | None, list[Pool]]] = []
    for fabric in compute:
        columns.append((fabric, [p for p in plan.pools if p.fabric == fabric.name]))
    columns += [(None, [p]) for p in plan.pools if p.fabric not in {f.name for f in compute}]
    columns = columns[:MOST_COLUMNS]
    tiers = max((1 + bool(f.spine) + bool(f.core) for f, _ in columns if f), default=0)
    node_y = 30 + tiers * TIER
    parts: list[Markup] = []
    taps: list[tuple[float, float]] = []
    width = WIDTH / max(len(columns), 1)
    for k, (net, pools) in enumerate(columns):
        x, w = k * width + 14, width - 28
        slots = [(x + i * w / len(pools), w / len(pools), pool) for i, pool in enumerate(pools)]
        centres: list[float] = []
        for left, room, pool in slots:
            drawn = _nodes(parts, left, node_y, room, pool, plan.names, words)
            centres += drawn
            taps.append((left + room / 2, node_y + 86))
        if net is not None:
            _switch_tiers(parts, net, x, w, node_y, centres, plan.names, words)
    bottom = _shared(parts, plan, shared, taps, node_y + 102, words)
    return _svg(bottom, words("drawing.topology"), parts)


def _row(count: int, x: float, w: float, size: float) -> tuple[list[float], float | None]:
    """Centres of the boxes that stand for `count` devices, and where the ellipsis goes when some are left out."""
    room = max(2, int(w // (size + 14)))
    most = min(room, 10)
    shown = count if count <= most else most
    step = min(size + 26, w / shown)
    start = x + w / 2 - step * (shown - 1) / 2
    centres = [start + i * step for i in range(shown)]
    if count > shown and shown >= 3:
        gap = centres.pop(-2)
        return centres, gap
    return centres, None


def _nodes(
    parts: list[Markup], x: float, y: float, w: float, pool: Pool, names: Mapping[str, str], words: Wording
) -> list[float]:
    centres, gap = _row(pool.nodes, x, w, 58)
    for c in centres:
        parts.append(_box(c - 29, y, 58, 34, "node"))
        cards = min(pool.accelerators_per_node, 8)
        for i in range(cards):
            parts.append(_box(c - 24 + i * 6.1, y + 20, 4.4, 8, "card", 1))
    if gap is not None:
        parts.append(_text(gap, y + 22, "…", "dots", "middle"))
    chassis = words("drawing.nodes", count=f"{pool.nodes:,}", name=names.get(pool.chassis, pool.chassis))
    cards_text = words(
        "drawing.cards", count=pool.accelerators_per_node, name=names.get(pool.accelerator, pool.accelerator)
    )
    parts.append(_text(x + w / 2, y + 56, fit(chassis, w, STRONG), "strong", "middle"))
    parts.append(_text(x + w / 2, y + 76, fit(f"{cards_text} · {pool.workload}", w, LABEL), "label", "middle"))
    return centres


def _switch_tiers(
    parts: list[Markup],
    fabric: PlannedFabric,
    x: float,
    w: float,
    node_y: float,
    below: Sequence[float],
    names: Mapping[str, str],
    words: Wording,
) -> None:
    """Leaf, spine and core rows from the nodes upwards with the number of links between them."""
    y, lower_top = node_y - TIER, node_y
    rows = [("leaf", fabric.leaf, fabric.links_node), ("spine", fabric.spine, fabric.links_leaf_spine)]
    rows.append(("core", fabric.core, fabric.links_spine_core))
    name = names.get(fabric.switch, fabric.switch)
    for tier, count, links in rows:
        if not count:
            continue
        centres, gap = _row(count, x, w, 46)
        pairs = [(a, b) for a in centres for b in below]
        if tier == "leaf" and fabric.topology == "plain":  # a node stands under one leaf, not under all
            pairs = [(centres[i * len(centres) // len(below)], b) for i, b in enumerate(below)]
        elif fabric.planes > 1 and tier != "leaf":  # planes are apart; switches are numbered plane after plane
            share = fabric.planes
            pairs = [
                (a, b)
                for i, a in enumerate(centres)
                for j, b in enumerate(below)
                if i * share // len(centres) == j * share // len(below)
            ]
        parts[:0] = [_line(a, y + 24, b, lower_top, "link") for a, b in pairs]  # links lie under everything
        for c in centres:
            parts.append(_box(c - 23, y, 46, 24, "switch"))
            parts.extend(_box(c - 18 + i * 6.2, y + 10, 4, 4, "port", 1) for i in range(6))
        if gap is not None:
            parts.append(_text(gap, y + 17, "…", "dots", "middle"))
        title = f"{words('drawing.' + tier)} {count:,} × {name}"
        parts.append(_text(x + w / 2, y - 8, fit(title, w, STRONG), "strong halo", "middle"))
        # Switches are joined at their own speed, which may be a multiple of that of the ports to nodes.
        told = words("drawing.links", count=f"{links:,}", gbps=f"{fabric.gbps:g}")
        label = told if tier == "leaf" else words("drawing.trunks", count=f"{links:,}")
        parts.append(_text(x + w / 2, y + 48, fit(label, w, LABEL), "label halo", "middle"))
        below, lower_top, y = centres, y, y - TIER


def _shared(
    parts: list[Markup],
    plan: Plan,
    shared: Sequence[PlannedFabric],
    taps: Sequence[tuple[float, float]],
    y: float,
    words: Wording,
) -> float:
    """Storage, in-band and out-of-band networks as lines that every group of nodes hangs on."""
    managers = [ln for ln in plan.lines if ln.group == "management" and ln.rack_units]
    last = y
    for k, net in enumerate(shared):
        bus = y + 34 + k * BUS
        last = bus
        device = None
        if net.role == "storage" and plan.storage is not None:
            device = f"{plan.storage.blocks} × {plan.names.get(plan.storage.system, plan.storage.system)}"
        elif net.role == "in-band" and managers:
            device = words("drawing.management", count=sum(ln.quantity for ln in managers))
        end = WIDTH - 274 if device else WIDTH - 14
        parts.append(_line(14, bus, end, bus, f"bus {net.role}"))
        count = net.leaf + net.spine + net.core
        label = words(
            "drawing.network" if count else "drawing.network_shared",
            network=words.term("group", net.name),
            count=count,
            switch=plan.names.get(net.switch, net.switch),
            gbps=f"{net.gbps:g}",
            endpoints=f"{net.endpoints:,}",
        )
        parts.append(_text(22, bus - 9, fit(label, end - 30, LABEL), "label halo"))
        if device:
            parts.append(_box(end, bus - 17, 260, 34, "device"))
            parts.append(_text(end + 130, bus + 5, fit(device, 240, STRONG), "strong", "middle"))
    drops = []
    for i, (x, top) in enumerate(taps):
        for k, net in enumerate(shared):
            bus = y + 34 + k * BUS
            offset = x + (k - (len(shared) - 1) / 2) * 14 + i
            drops.append(_line(offset, top, offset, bus, "drop"))
            drops.append(
                Markup('<circle cx="{}" cy="{}" r="3.5" class="tap {}"/>').format(_n(offset), _n(bus), net.role)
            )
    parts[:0] = drops
    return last + 34


# -- racks -----------------------------------------------------------------------------------------------------------
def rack_groups(racks: Sequence[PlannedRack]) -> list[list[PlannedRack]]:
    """Racks with the same devices in the same units, in the plan's order."""
    groups: dict[tuple[object, ...], list[PlannedRack]] = {}
    for rack in racks:
        shape = tuple(sorted((i.bottom_unit, i.units, i.item) for i in rack.items))
        groups.setdefault((rack.units, rack.part, shape), []).append(rack)
    return list(groups.values())


def rack_span(group: Sequence[PlannedRack]) -> str:
    """R01-R08 for racks in a row, else the names in words: R01-R03, R07."""
    runs: list[list[str]] = []
    before = -1
    for rack in group:
        digits = "".join(c for c in rack.name if c.isdigit())
        number = int(digits) if digits else -1
        if runs and number == before + 1:
            runs[-1].append(rack.name)
        else:
            runs.append([rack.name])
        before = number
    return ", ".join(r[0] if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def elevations(plan: Plan, words: Wording) -> list[Markup]:
    """Front view of each distinct rack with unit numbers, kW and kg: one drawing per row, for page breaks."""
    groups = rack_groups(plan.racks)[:MOST_RACKS]
    roles = _roles(plan)
    found = []
    for first in range(0, len(groups), RACKS_PER_ROW):
        row = groups[first : first + RACKS_PER_ROW]
        tallest = max(g[0].units for g in row)
        parts: list[Markup] = []
        titles = [_rack_title(group, words) for group in row]
        above = 34 + TITLE_LINE * (max(len(lines) for lines in titles) - 1)
        for k, (group, title) in enumerate(zip(row, titles, strict=True)):
            parts.extend(_rack(group, title, k * RACK_PITCH + 30, above, tallest, roles, plan.names, words))
        height = tallest * UNIT_HEIGHT + 52 + above
        found.append(_svg(height, words("drawing.elevation"), parts, RACKS_PER_ROW * RACK_PITCH))
    return found


def _roles(plan: Plan) -> dict[str, str]:
    roles = {p.chassis: "compute" for p in plan.pools} | {f.switch: "network" for f in plan.fabrics}
    for line in plan.lines:
        if line.section in ("network", "storage") and line.part not in roles:
            roles[line.part] = line.section
        if line.group == "cooling" and line.rack_units:
            roles[line.part] = "cooling"
    return roles


def _runs(rack: PlannedRack) -> list[list[RackItem]]:
    """Slim devices of one kind that stand on each other share one label; taller ones are labelled one by one."""
    runs: list[list[RackItem]] = []
    for item in sorted(rack.items, key=lambda i: i.bottom_unit):
        last = runs[-1][-1] if runs else None
        joins = last is not None and last.item == item.item and last.bottom_unit + last.units == item.bottom_unit
        if joins and item.units <= 2:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _rack_title(group: Sequence[PlannedRack], words: Wording) -> list[str]:
    """The racks that a drawing stands for, over as many lines as its width asks for."""
    span = rack_span(group)
    title = span if len(group) == 1 else words("drawing.racks", span=span, count=len(group))
    lines = [""]
    for piece in title.split(", "):
        joined = f"{lines[-1]}, {piece}" if lines[-1] else piece
        if lines[-1] and text_width(joined, 13) > RACK_WIDTH + 14:
            lines[-1] += ","
            lines.append(piece)
        else:
            lines[-1] = joined
    return [fit(line, RACK_WIDTH + 14, 13) for line in lines]


def _rack(
    group: Sequence[PlannedRack],
    title: Sequence[str],
    x: float,
    y: float,
    tallest: int,
    roles: Mapping[str, str],
    names: Mapping[str, str],
    words: Wording,
) -> list[Markup]:
    rack, width = group[0], RACK_WIDTH
    top = y + (tallest - rack.units) * UNIT_HEIGHT
    floor = top + rack.units * UNIT_HEIGHT
    found = [_text(x, top - 12 - TITLE_LINE * k, line, "rack") for k, line in enumerate(reversed(title))]
    found.append(_box(x, top - 4, width, rack.units * UNIT_HEIGHT + 8, "frame"))
    for unit in range(1, rack.units + 1):
        edge = floor - unit * UNIT_HEIGHT
        if unit % 6 == 0 or unit == 1:
            found.append(_text(x - 5, edge + 9, str(unit), "unit", "end"))
        if unit % 6 == 0:
            found.append(_line(x + 4, edge, x + width - 4, edge, "rung"))
    for run in _runs(rack):
        role = roles.get(run[0].item, "other")
        for item in run:
            height = item.units * UNIT_HEIGHT
            edge = floor - (item.bottom_unit - 1) * UNIT_HEIGHT - height
            found.append(_box(x + 4, edge + 0.6, width - 8, height - 1.2, f"item {role}", 1.5))
        middle = floor - (run[0].bottom_unit + run[-1].bottom_unit + run[-1].units - 2) * UNIT_HEIGHT / 2
        size = 9 if run[0].units == 1 and len(run) == 1 else 11
        count = f"{len(run)} × " if len(run) > 1 else ""
        name = fit(count + names.get(run[0].item, run[0].item), width - 20, size)
        if len(run) > 1:  # a plate under the label, so that the gaps between devices do not cross it
            plate = min(text_width(name, size) + 10, width - 10)
            found.append(_box(x + (width - plate) / 2, middle - 8, plate, 16, f"item {role}", 1.5))
        found.append(_text(x + width / 2, middle + size * 0.36, name, f"in-{role} size-{size}", "middle"))
    used = sum(i.units for i in rack.items)
    facts = words("drawing.rack_facts", kw=words.number(rack.power_kw, 3), kg=words.number(rack.weight_kg, 3))
    found.append(_text(x, floor + 22, fit(facts, width, 12), "facts"))
    found.append(_text(x, floor + 38, words("drawing.rack_units", used=used, units=rack.units), "facts"))
    return found


# -- cost ------------------------------------------------------------------------------------------------------------
def cost_chart(
    parts_of_cost: Sequence[tuple[str, str, Decimal, Decimal]], years: int, currency: str, words: Wording
) -> Markup:
    """Cumulative cost at purchase and at the end of each year.

    Each part is (class, label, once, per year) in `currency`. Columns are stacked in the order given.
    """
    left, right, base, top = 90.0, WIDTH - 20.0, 300.0, 34.0
    totals = [
        sum((once + per_year * y for _, _, once, per_year in parts_of_cost), Decimal(0)) for y in range(years + 1)
    ]
    peak = max(totals[-1], Decimal(1))
    step = _nice_step(float(peak))
    scale = (base - top) / (step * -(-float(peak) // step))
    axis = _axis_unit(float(peak), words)
    found: list[Markup] = []
    mark = 0.0
    while mark <= float(peak) + step * 0.999:
        y = base - mark * scale
        if y < top - 1:
            break
        found.append(_line(left, y, right, y, "grid"))
        found.append(_text(left - 8, y + 4, _tick(mark, step, axis[0]), "axis", "end"))
        mark += step
    pitch = (right - left) / (years + 1)
    for year, total in enumerate(totals):
        x, y = left + pitch * (year + 0.5), base
        w = min(72.0, pitch * 0.56)
        for kind, _, once, per_year in parts_of_cost:
            height = float(once + per_year * year) * scale
            if height > 0:
                found.append(_box(x - w / 2, y - height, w, height, f"cost {kind}", 0))
                y -= height
        found.append(_text(x, y - 7, _figure(float(total) / axis[0]), "strong", "middle"))
        label = words("drawing.at_purchase") if year == 0 else words("drawing.year", year=year)
        found.append(_text(x, base + 22, fit(label, pitch, LABEL), "label", "middle"))
    x = left
    for kind, name, _, _ in parts_of_cost:
        found.append(_box(x, base + 42, 12, 12, f"cost {kind}", 1))
        found.append(_text(x + 18, base + 53, name, "label"))
        x += 44 + text_width(name, LABEL)
    unit = words(f"drawing.{axis[1]}", unit=words.term("currency", currency))
    found.append(_text(left - 76, top - 16, unit, "axis"))
    return _svg(base + 66, words("drawing.cost"), found)


def _nice_step(peak: float) -> float:
    """A round step that gives four to eight grid lines."""
    magnitude = 1.0
    while peak / magnitude > 80:
        magnitude *= 10
    return next(s * magnitude for s in (1, 2, 2.5, 5, 10, 20) if peak / (s * magnitude) <= 6.5 or s == 20)


def _axis_unit(peak: float, words: Wording) -> tuple[float, str]:
    """Divisor and name of the axis: 万 in Chinese, else millions, or thousands where millions would be fractions."""
    if words.language == "zh":
        return 1e4, "axis_unit"
    return (1e6, "axis_unit") if peak >= 2e6 else (1e3, "axis_thousand")


def _tick(value: float, step: float, divisor: float) -> str:
    """A grid line's value with the digits that its step needs: 2.5 is not written as 2 or 3."""
    digits = next(d for d in range(7) if abs(round(step / divisor, d) * divisor - step) < step * 1e-9 or d == 6)
    return f"{value / divisor:,.{digits}f}"


def _figure(scaled: float) -> str:
    digits = 0 if scaled >= 100 or scaled == 0 else 1 if scaled >= 10 else 2
    return f"{scaled:,.{digits}f}"


__all__ = ["cost_chart", "elevations", "rack_groups", "rack_span", "topology"]
