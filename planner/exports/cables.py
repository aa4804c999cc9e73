"""The cable schedule: every cable of a plan with label, both ends, type and length, one row per leg; streamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from planner import wiring
from planner.catalog import Catalog
from planner.plan import Plan
from planner.wiring import Cut, Device

HEADER = (
    "label",
    "leg",
    "legs",
    "network",
    "link",
    "a_rack",
    "a_unit",
    "a_device",
    "a_port",
    "a_module",
    "b_rack",
    "b_unit",
    "b_device",
    "b_port",
    "b_module",
    "gbps",
    "type",
    "part",
    "model",
    "length_m",
    "needed_m",
    "a_label",
    "b_label",
)
_PLAIN = attrgetter(*HEADER[:-2])
MEDIA = {"dac": "passive copper", "acc": "active copper", "aoc": "active optical", "rj45": "twisted pair"}


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One leg of one cable (`legs` in all). Units are the lowest unit of the device; lengths in metres."""

    label: str
    leg: int
    legs: int
    network: str
    link: str
    a_rack: str
    a_unit: int
    a_device: str
    a_port: str
    a_module: str | None
    b_rack: str
    b_unit: int
    b_device: str
    b_port: str
    b_module: str | None
    gbps: float
    type: str
    part: str
    model: str
    length_m: float
    needed_m: float

    @property
    def a_text(self) -> str:
        """What is printed on the label at the first end: of a breakout cable one for all legs, which share a plug."""
        if self.legs > 1:
            return f"{self.label} | {self.a_rack} U{self.a_unit} {self.a_port.split('/')[0]} > {self.legs} legs"
        return _text(self.label, (self.a_rack, self.a_unit, self.a_port), (self.b_rack, self.b_unit, self.b_port))

    @property
    def b_text(self) -> str:
        """What is printed on the label at the other end; the legs of a breakout cable are numbered."""
        own = f"{self.label}.{self.leg}" if self.legs > 1 else self.label
        return _text(own, (self.b_rack, self.b_unit, self.b_port), (self.a_rack, self.a_unit, self.a_port))

    def cells(self) -> tuple[object, ...]:
        """The row in the order of HEADER."""
        return (*_PLAIN(self), self.a_text, self.b_text)


def schedule(plan: Plan, catalog: Catalog) -> Iterator[ScheduleRow]:
    """Every cable of a plan; a breakout cable has a row per leg under one label."""
    devices = wiring.directory(plan)
    names = [rack.name for rack in plan.racks]
    modules = {net.name: wiring.modules_of(plan, catalog, net) for net in plan.fabrics}
    others = wiring.other_ends(plan, catalog)
    count: Counter[str] = Counter()
    for cut in plan_cuts(plan, catalog):
        run = cut.run
        count[run.network] += 1
        label = f"{run.network}-{count[run.network]:06d}"
        near = devices[run.near]
        near_module, far_module = modules[run.network]["trunk" if run.kind in ("trunk", "core", "peer") else "node"]
        for leg, (name, port) in enumerate(run.far, 1):
            far = devices[name]
            yield ScheduleRow(
                label=label,
                leg=leg,
                legs=len(run.far),
                network=run.network,
                link=run.kind,
                a_rack=names[near.rack],
                a_unit=near.unit,
                a_device=near.label,
                a_port=_connector(run.ports[leg - 1], run.strand),
                a_module=near_module,
                b_rack=names[far.rack],
                b_unit=far.unit,
                b_device=far.label,
                b_port=_connector(port, run.strand),
                b_module=others.get((run.network, name), far_module) if run.kind == "node" else far_module,
                gbps=run.gbps,
                type=medium(catalog, cut, near_module),
                part=cut.cable.id,
                model=cut.cable.model,
                length_m=cut.cable.length_m,
                needed_m=round(cut.legs_m[leg - 1], 2),
            )


def _connector(port: str, strand: int) -> str:
    """A port, or one of the connectors of the module in it."""
    return f"{port}/{strand}" if strand else port


def plan_cuts(plan: Plan, catalog: Catalog) -> Iterator[Cut]:
    """Every cable of a saved plan with the length that its lines buy for it."""
    steps = wiring.planned_ladders(plan.cabling, catalog) or wiring.ladders(plan, catalog, lambda _: None)
    return wiring.cuts(plan, catalog, steps)


def medium(catalog: Catalog, cut: Cut, module: str | None) -> str:
    """What a cable is made of; fibre by the module at its end."""
    if cut.cable.kind != "fibre":
        return MEDIA[cut.cable.kind]
    optic = catalog.optics.get(module or "")
    return "single-mode fibre" if optic is not None and optic.media == "smf" else "multimode fibre"


def _text(label: str, here: tuple[str, int, str], there: tuple[str, int, str]) -> str:
    """Label, this end, far end: what an installer reads at the port."""
    return f"{label} | {here[0]} U{here[1]} {here[2]} > {there[0]} U{there[1]} {there[2]}"


def label_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[str, str, str, int, str]]:
    """A label for every end, those of all legs included: cable, text, rack, unit and device where it is stuck on."""
    for row in schedule(plan, catalog):
        if row.leg == 1:
            yield row.label, row.a_text, row.a_rack, row.a_unit, row.a_device
        yield row.label, row.b_text, row.b_rack, row.b_unit, row.b_device


LABEL_HEADER = ("cable", "text", "rack", "unit", "device")


def total_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """Totals by network, kind of link and length class: pieces, metres bought, longest run; spares apart."""
    shelf: Counter[str] = Counter()
    for line in plan.lines:
        if line.group == "spares" and line.part in catalog.cables:
            shelf[line.part] += line.quantity
    for entry in plan.cabling:
        cable = catalog.cables[entry.part]
        metres = round(entry.quantity * entry.length_m, 1)
        yield (
            entry.network,
            entry.kind,
            entry.part,
            cable.model,
            entry.length_m,
            entry.quantity,
            metres,
            entry.longest_m,
            shelf.pop(entry.part, 0),  # with the first kind of link that the part is used for
        )


TOTAL_HEADER = ("network", "link", "part", "model", "length_m", "pieces", "metres", "longest_run_m", "spares")


def by_device(rows: Iterator[ScheduleRow]) -> dict[str, Counter[str]]:
    """Ports in use on every device: how often each port stands in the schedule (once, in a sound plan)."""
    used: dict[str, Counter[str]] = {}
    for row in rows:
        used.setdefault(row.a_device, Counter())[row.a_port] += 1
        used.setdefault(row.b_device, Counter())[row.b_port] += 1
    return used


__all__ = [
    "HEADER",
    "Device",
    "ScheduleRow",
    "by_device",
    "label_rows",
    "medium",
    "plan_cuts",
    "schedule",
    "total_rows",
]
