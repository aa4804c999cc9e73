"""Elevations and floor plan as self-contained SVG files for print: one rack per file, one floor plan per site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from planner import wiring
from planner.catalog import Catalog
from planner.drawings import fit, text_width
from planner.facility.racks import RackFacts, rack_facts
from planner.floorplan import Floor, floor_of
from planner.plan import Plan, PlannedRack, RackItem
from planner.wording import Wording

UNIT = 16.0  # height of one rack unit in the drawing
INNER = 360.0  # width between the rails
ROLES = ("node", "network", "storage", "management", "cooling")
FONT = "font-family:'Noto Sans','Noto Sans CJK SC','Segoe UI',Arial,sans-serif"
STYLE = f"""
text {{ {FONT}; fill: #1d2731 }}
.title {{ font-size: 17px; font-weight: 600 }} .note {{ font-size: 12px; fill: #4b5763 }}
.unit {{ font-size: 9.5px; fill: #4b5763 }} .name {{ font-size: 12px }} .small {{ font-size: 11px }}
.frame {{ fill: #fff; stroke: #3c4753; stroke-width: 2 }} .blank {{ fill: #f1f3f5; stroke: #d9dee3; stroke-width: .6 }}
.node {{ fill: #cfe0f1; stroke: #2f5f8f }} .network {{ fill: #f6dfb8; stroke: #a6701c }}
.storage {{ fill: #d6ecd2; stroke: #45803c }} .management {{ fill: #e5daf0; stroke: #6d4a93 }}
.cooling {{ fill: #cfe9ee; stroke: #2b7480 }}
.cold {{ fill: #dcebf9 }} .hot {{ fill: #fbe2dc }} .aisle {{ font-size: 11px; fill: #4b5763 }}
.rack {{ stroke: #3c4753; stroke-width: 1 }} .front {{ stroke: #1f6fb5; stroke-width: 3 }}
.l0 {{ fill: #f4f6f8 }} .l1 {{ fill: #d5e6f5 }} .l2 {{ fill: #9cc3e5 }} .l3 {{ fill: #7db0dc }}
.l4 {{ fill: #f2a46f; stroke-width: 3.5; stroke-dasharray: 6 3 }}
"""


def _svg(width: float, height: float, title: str, parts: Sequence[Markup]) -> str:
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img">'
        "<title>{t}</title><style>{s}</style>"
        '<rect width="100%" height="100%" fill="#fff"/>'
    ).format(w=_n(width), h=_n(height), t=title, s=Markup(STYLE))  # noqa: S704 - a constant of this file
    return str(head + Markup("").join(parts) + Markup("</svg>")) + "\n"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(_n(x), _n(y), kind, anchor, text)


def _box(x: float, y: float, w: float, h: float, kind: str, hint: str = "") -> Markup:
    inner = Markup("<title>{}</title>").format(hint) if hint else Markup("")
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}">{}</rect>').format(
        _n(x), _n(y), _n(w), _n(h), kind, inner
    )


# -- one rack --------------------------------------------------------------------------------------------------------
def elevation(plan: Plan, catalog: Catalog, rack: PlannedRack, facts: RackFacts, words: Wording) -> str:
    """The front of one rack: every device with label and model, unit numbers at both sides, blank units shown."""
    left, top = 46.0, 106.0
    height = rack.units * UNIT
    title = words("room.elevation", rack=rack.name, row=facts.row, number=facts.number)
    power = words("room.kw_of", kw=words.number(rack.power_kw, 4), have=_have(words, facts.limit_kw, "kW"))
    weight = words("room.kg", kg=f"{facts.standing_kg:,.0f}", load=f"{facts.under_kg_m2:,.0f}")
    units = words("room.blank", used=facts.units_used, units=rack.units, blank=rack.units - facts.units_used)
    door = "" if rack.door is None else words("room.door")
    parts = [
        _text(left, 26, title, "title"),
        _text(left, 45, power, "note"),
        _text(left, 61, weight, "note"),
        _text(left, 77, units, "note"),
        _text(left, 93, words("room.faces") + door, "note"),
        _box(left - 4, top - 4, INNER + 8, height + 8, "frame"),
    ]
    taken = {u for item in rack.items for u in range(item.bottom_unit, item.bottom_unit + item.units)}
    for unit in range(1, rack.units + 1):
        y = top + height - unit * UNIT
        if unit not in taken:
            parts.append(_box(left, y, INNER, UNIT, "blank"))
        parts.append(_text(left - 9, y + UNIT - 4, str(unit), "unit", "end"))
        parts.append(_text(left + INNER + 9, y + UNIT - 4, str(unit), "unit"))
    for item in rack.items:
        parts += _device(item, left, top + height, plan.names, wiring.role_of(catalog, item.item), words)
    parts += _kinds(left, top + height + 24, {wiring.role_of(catalog, i.item) for i in rack.items}, words)
    return _svg(left + INNER + 40, top + height + 40, title, parts)


def _kinds(x: float, y: float, roles: set[str], words: Wording) -> list[Markup]:
    """What the colours of this rack stand for, by name beside them."""
    found: list[Markup] = []
    for role in (*(r for r in ROLES if r in roles), "blank"):
        name = words(f"room.kind_{role}")
        found += [_box(x, y - 10, 12, 12, role), _text(x + 17, y, name, "small")]
        x += 17 + text_width(name, 11) + 10
    return found


def _device(
    item: RackItem, left: float, floor: float, names: Mapping[str, str], role: str, words: Wording
) -> list[Markup]:
    h = item.units * UNIT
    y = floor - (item.bottom_unit - 1) * UNIT - h
    model = words.product(names.get(item.item, item.item))
    # No device weighs nothing, and a coolant unit's pumps draw something: a zero of these is a figure nobody stated.
    unstated = words("room.not_stated")
    power = unstated if not item.power_kw and role == "cooling" else f"{item.power_kw:g} kW"
    weight = f"{words.number(item.weight_kg)} kg" if item.weight_kg else unstated
    if power == weight == unstated:
        figures = f"{item.units}U · {words('room.figures_not_stated')}"
    else:
        figures = f"{item.units}U · {power} · {weight}"
    hint = f"{item.label}: {model}, {figures.replace(' · ', ', ')}"
    found = [_box(left + 0.5, y + 0.5, INNER - 1, h - 1, role, hint)]
    middle = y + h / 2
    if item.units >= 3:
        found.append(_text(left + 10, middle - 10, fit(item.label, INNER - 20, 12), "name"))
        found.append(_text(left + 10, middle + 5, fit(model, INNER - 20, 11), "small"))
        found.append(_text(left + 10, middle + 19, figures, "small"))
    else:
        room = INNER * 0.4
        found.append(_text(left + 10, middle + 4, fit(item.label, room, 12), "name"))
        figure = f" · {power}"  # the name may be cut, a figure never
        shown = fit(model, INNER - room - 30 - text_width(figure, 11), 11) + figure
        found.append(_text(left + INNER - 10, middle + 4, shown, "small", "end"))
    return found


def _have(words: Wording, value: float | None, unit: str) -> str:
    return words("room.not_limited") if value is None else f"{words.number(value, 4)} {unit}"


# -- the floor -------------------------------------------------------------------------------------------------------
def floor_plan(plan: Plan, catalog: Catalog, words: Wording) -> str:
    """Rows of racks from above, fronts to the cold aisles; racks by load, with the aisles' measures."""
    ground, facts = wiring.floor(plan, catalog), rack_facts(plan, catalog)
    most = max((f.under_kg_m2 for f in facts), default=0.0)
    mean = sum(f.standing_kg for f in facts) / ground.area_m2 if ground.area_m2 else 0.0
    return _floor(plan, ground, [f.limit_kw for f in facts], [f.standing_kg for f in facts], (most, mean), words)


def floor_plan_of(plan: Plan, words: Wording) -> Markup:
    """The floor plan from the plan alone, for documents that are made without a catalog: the cabinet's measures stand
    in its line, the load in check 9; weights are those of the equipment. Styles are the document's."""
    sizes = (re.search(r"(\d+) × (\d+) mm", ln.description) for ln in plan.lines if ln.group == "racks")
    size = next((found for found in sizes if found is not None), None)
    width, depth = (None, None) if size is None else (float(size[1]), float(size[2]))
    ground = floor_of(plan.request["site"], len(plan.racks), width, depth)
    limit = next((entry.have for entry in plan.limits if entry.name == "site.rack_power_kw"), None)
    load = next((c.figures for c in plan.checks if c.id == "floor-load"), {})
    under, mean = load.get("under"), load.get("mean")
    figures = (under, mean) if isinstance(under, int | float) and isinstance(mean, int | float) else None
    limits = [None if rack.part is None else limit for rack in plan.racks]
    drawn = _floor(
        plan, ground, limits, [rack.weight_kg for rack in plan.racks], figures, words, "room.figures_equipment"
    )
    return Markup(drawn.replace(f"<style>{STYLE}</style>", ""))  # noqa: S704 - every text in it was escaped


def _floor(
    plan: Plan,
    ground: Floor,
    limits: Sequence[float | None],
    weights: Sequence[float],
    load: tuple[float, float] | None,
    words: Wording,
    figures: str = "room.figures",
) -> str:
    scale = min(70.0, 1120.0 / max(1.0, ground.row_length_m))
    left, top = 70.0, 96.0
    depth = ground.row_y(ground.rows - 1) + ground.depth_m
    margins = ground.cold_aisle_m, ground.hot_aisle_m
    bottom = top + (margins[1] + depth + margins[0]) * scale
    parts = _heading(plan, ground, load, words)
    for row in range(ground.rows + 1):
        parts += _aisle(ground, row, left, bottom, scale, words)
    for k, (rack, limit, weight) in enumerate(zip(plan.racks, limits, weights, strict=True)):
        parts += _rack_box(ground, k, rack, (limit, weight), (left, bottom), scale)
    for row in range(ground.rows):
        y = bottom - (margins[1] + ground.row_y(row) + ground.depth_m / 2) * scale
        parts.append(_text(left - 12, y + 4, words("room.row", row=row + 1), "note", "end"))
    width = max(left + ground.row_length_m * scale + 40, 860)
    legend = _legend(left, bottom + 34, width, words, figures)
    return _svg(width, bottom + 112, words("room.floor_plan"), [*parts, *legend])


def _heading(plan: Plan, ground: Floor, load: tuple[float, float] | None, words: Wording) -> list[Markup]:
    area = words(
        "room.area",
        racks=len(plan.racks),
        rows=ground.rows,
        length=words.number(ground.row_length_m, 3),
        area=f"{ground.area_m2:,.0f}",
    )
    told = "" if load is None else words("room.floor_load", most=f"{load[0]:,.0f}", mean=f"{load[1]:,.0f}")
    return [
        _text(28, 30, f"{words('room.floor_plan')}: {plan.project}", "title"),
        _text(28, 52, area, "note"),
        _text(28, 70, told, "note"),
    ]


def _aisle(ground: Floor, row: int, left: float, bottom: float, scale: float, words: Wording) -> list[Markup]:
    """The aisle below a row (row 0: the hot aisle along the wall), or above the last one."""
    cold = row % 2 == 1
    metres = ground.cold_aisle_m if cold else ground.hot_aisle_m
    low = ground.hot_aisle_m + (ground.row_y(row) - metres if row else -metres)
    y = bottom - (low + metres) * scale
    name = words("room.cold" if cold else "room.hot")
    label = f"{name}, {metres:g} m"
    width = max(ground.row_length_m * scale, 150)  # of a single rack the label is wider
    found = [_box(left, y, width, metres * scale, "cold" if cold else "hot")]
    if metres * scale >= 13:
        found.append(_text(left + 6, y + metres * scale / 2 + 4, label, "aisle"))
    return found


def _rack_box(
    ground: Floor,
    k: int,
    rack: PlannedRack,
    bounds: tuple[float | None, float],
    corner: tuple[float, float],
    scale: float,
) -> list[Markup]:
    """One rack from above. `bounds`: the kW it gives, the kg that stand; `corner`: left and lower edge of the room."""
    place, (limit, weight), (left, bottom) = ground.place(k), bounds, corner
    used = sum(i.units for i in rack.items)
    w, h = ground.width_m * scale, ground.depth_m * scale
    x = left + (place.number - 1) * w
    y = bottom - (ground.hot_aisle_m + ground.row_y(place.row - 1) + ground.depth_m) * scale
    share = rack.power_kw / limit if limit else 0.0
    level = 4 if share > 1 else 3 if share > 0.85 else 2 if share > 0.5 else 1 if share > 0 else 0
    hint = f"{rack.name}: {rack.power_kw:g} kW, {weight:,.0f} kg, {used}/{rack.units} U"
    found = [_box(x + 0.5, y, w - 1, h, f"rack l{level}", hint)]
    front = y if place.faces == "north" else y + h
    found.append(
        Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="front"/>').format(
            _n(x + 2), _n(front), _n(x + w - 2), _n(front)
        )
    )
    if w >= 30:
        units = (" kW", " kg") if w >= 48 else ("", "")  # narrow racks: figures alone, in the order of the legend
        told = (rack.name, f"{rack.power_kw:.1f}{units[0]}", f"{weight:,.0f}{units[1]}")
        for line, text in enumerate(told):
            found.append(_text(x + w / 2, y + h / 2 - 9 + 14 * line, text, "small", "middle"))
    elif w >= 14:
        found.append(
            Markup(
                '<text class="small" text-anchor="middle" transform="translate({},{}) rotate(-90)">{}</text>'
            ).format(_n(x + w / 2 + 3.5), _n(y + h / 2), rack.name)
        )
    return found


def _legend(x: float, y: float, width: float, words: Wording, figures: str) -> list[Markup]:
    """What colours and figures mean, over as many lines as the width asks for."""
    keys = ("room.load_none", "room.load_low", "room.load_half", "room.load_full", "room.load_over", "room.front")
    found, left = [_text(x, y, words(figures), "note")], x
    y += 22
    for level, key in enumerate(keys):
        taken = 20 + text_width(words(key), 12) + 16
        if x + taken > width and x > left:
            x, y = left, y + 20
        if key == "room.front":
            found.append(
                Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="front"/>').format(
                    _n(x), _n(y - 4), _n(x + 14), _n(y - 4)
                )
            )
        else:
            found.append(_box(x, y - 10, 14, 12, f"rack l{level}"))
        found.append(_text(x + 20, y, words(key), "note"))
        x += taken
    return found
