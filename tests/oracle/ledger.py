"""What things cost and use, added up line by line at the prices that `planner verify` derives."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from planner import fabric
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import CoolingUnit, ManagementNode, NodeBuild, Software, StorageSystem
from planner.units import half_up
from planner.verify.prices import Landed

Size = tuple[int, ...]  # rack units, watts, grams, watts of heat to air, to liquid
PLATES = {False: 70, True: 94}  # percent of a liquid-cooled node's heat, by whether it brings its rack


@dataclass(frozen=True, slots=True)
class Heap:
    """A pile of bought things: cents without tax, cents a year, watts, ports to be plugged in, what is racked."""

    cents: int = 0
    yearly: int = 0
    watts: int = 0
    typical: int = 0
    nodes: int = 0
    seen: int = 0  # nodes as networks and management see them (trays of a rack-scale system)
    in_band: int = 0
    oob: int = 0
    storage: int = 0
    own_racks: int = 0
    plates: int = 0  # heat to liquid, in tenths of a kW
    things: tuple[tuple[Size, int], ...] = ()
    scarce: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: Heap) -> Heap:
        return Heap(
            self.cents + other.cents,
            self.yearly + other.yearly,
            self.watts + other.watts,
            self.typical + other.typical,
            self.nodes + other.nodes,
            self.seen + other.seen,
            self.in_band + other.in_band,
            self.oob + other.oob,
            self.storage + other.storage,
            self.own_racks + other.own_racks,
            self.plates + other.plates,
            self.things + other.things,
            self.scarce + other.scarce,
        )

    def times(self, count: int) -> Heap:
        if not count:
            return Heap()
        return Heap(
            self.cents * count,
            self.yearly * count,
            self.watts * count,
            self.typical * count,
            self.nodes * count,
            self.seen * count,
            self.in_band * count,
            self.oob * count,
            self.storage * count,
            self.own_racks * count,
            self.plates * count,
            tuple((size, n * count) for size, n in self.things),
            tuple((part, n * count) for part, n in self.scarce),
        )

    def count_of(self, part: str) -> int:
        return sum(n for p, n in self.scarce if p == part)

    def stand(self) -> tuple[tuple[Size, int], ...]:
        """What stands in bought racks, largest first."""
        counted: Counter[Size] = Counter()
        for size, n in self.things:
            counted[size] += n
        return tuple(sorted(((s, n) for s, n in counted.items() if n), reverse=True))


EMPTY = Heap()


@dataclass(frozen=True)
class Price:
    """The answer node building asks for."""

    cents: int


@dataclass
class Ledger:
    """Prices of one request, each derived once, and heaps made from lines."""

    catalog: Catalog
    request: dict[str, Any]
    on: dt.date
    _landed: Landed = field(init=False)
    _cents: dict[str, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._landed = Landed(self.catalog, self.request, self.on)

    def price(self, part: str) -> int | None:
        """Landed cents of one piece; None where nobody knows."""
        if part not in self._cents:
            record, row = self.catalog.parts.get(part), self._landed.row(part)
            if isinstance(record, Software) and record.free:
                self._cents[part] = 0
            elif row is None or (isinstance(record, Software) and record.per == "percent-of-hardware"):
                self._cents[part] = None
            else:
                self._cents[part] = self._landed.cents(part, row, self._landed.level)
        return self._cents[part]

    def rate(self, source: str, target: str) -> Decimal:
        """Units of one currency per unit of another."""
        return self._landed.rate(source, target)

    def landed(self, part_id: str, /) -> Price | Rejection:
        """The price as node building wants it."""
        cents = self.price(part_id)
        return Rejection(part_id, "no-price", f"{part_id} has no price") if cents is None else Price(cents)

    def lines(self, parts: Iterable[tuple[str, int]]) -> Heap | None:
        """Bought parts with their racks and ports where they are devices of their own; None without a price."""
        cents = 0
        whole = Heap()
        scarce: list[tuple[str, int]] = []
        for part, count in parts:
            each = self.price(part)
            if each is None:
                return None
            cents += each * count
            if part in self.request["supply"] and part not in self.catalog.accelerators:
                scarce.append((part, count))
            whole = whole + self._device(part).times(count)
        return whole + Heap(cents=cents, scarce=tuple(scarce))

    def _device(self, part_id: str) -> Heap:
        """Power, room and the management port of a switch, a server or a storage block."""
        part = self.catalog.parts[part_id]
        switch = self.catalog.switches.get(part_id)
        if switch is not None:
            typical, most, kilograms, _ = fabric.switch_power(self.catalog, switch)
            return _device(most, typical, switch.rack_units, kilograms)
        if isinstance(part, CoolingUnit):
            # Its pumps' draw and its weight are not published; in a rack it takes its units.
            return Heap(things=(((part.rack_units, 0, 0, 0, 0), 1),) if part.rack_units else ())
        if isinstance(part, ManagementNode):
            made = _device(part.max_power_w, part.typical_power_w, part.rack_units, part.weight_kg or 0.0)
            return made + Heap(in_band=part.inband_ports)
        if isinstance(part, StorageSystem):
            most = part.max_power_w or 0.0
            made = _device(most, part.typical_power_w or most, part.rack_units, part.weight_kg or 0.0)
            return made + Heap(storage=part.ports)
        return Heap()

    def node(self, build: NodeBuild) -> Heap | None:
        """One node with its software, support and services."""
        bought = self.lines((line.part, line.quantity) for line in build.lines)
        if bought is None:
            return None
        hardware, cents, yearly = bought.cents, 0, 0
        scarce = list(bought.scarce)
        for item in self._software(build):
            if item.per == "percent-of-hardware":
                share = Decimal(item.percent or 0) / 100
                if item.recurring == "yearly":
                    share *= self._paid_share(build)
                amount = half_up(Decimal(hardware) * share)
            else:
                count = {"accelerator": build.accelerators, "node": build.fabric_units, "socket": build.cpus}
                if item.per not in count:
                    continue
                each = self.price(item.id)
                if each is None:
                    return None
                amount = each * count[item.per]
                if item.id in self.request["supply"]:
                    scarce.append((item.id, count[item.per]))
            if item.recurring == "yearly":
                yearly += amount
            else:
                cents += amount
        if build.accelerator in self.request["supply"]:
            scarce.append((build.accelerator, build.accelerators))
        watts = math.ceil(round(build.max_power_kw * 1000, 6))
        plates = watts * PLATES[build.own_rack] // 100 if build.cooling == "dlc" else 0
        size = (build.rack_units, watts, round(build.weight_kg * 1000), watts - plates, plates)
        return Heap(
            hardware + cents,
            yearly,
            watts,
            math.ceil(round(build.typical_power_kw * 1000, 6)),
            1,
            build.fabric_units,
            build.inband_ports,
            build.oob_ports,
            build.storage_ports,
            1 if build.own_rack else 0,
            math.ceil(plates / 100),
            () if build.own_rack else ((size, 1),),
            tuple(scarce),
        )

    def _software(self, build: NodeBuild) -> list[Software]:
        """Default items that go with a node: by ecosystem, accelerator, chassis and country."""
        ecosystem, country = self.catalog.accelerators[build.accelerator].ecosystem, self.request["site"]["country"]
        return [
            s
            for s in self.catalog.software.values()
            if s.default
            and s.lifecycle == "current"
            and ecosystem in (s.ecosystems or (ecosystem,))
            and build.accelerator in (s.accelerators or (build.accelerator,))
            and build.chassis in (s.chassis or (build.chassis,))
            and country in (s.countries or (country,))
            and country not in s.not_countries
        ]

    def _paid_share(self, build: NodeBuild) -> Decimal:
        """Share of the years for which support is paid: the price of a system covers its first months."""
        row = self._landed.row(build.chassis)
        months = None if row is None else row.includes_support_months
        if months is None and self.catalog.chassis[build.chassis].price_scope == "complete":
            months = 36
        years = 12 * int(self.request["budget"]["tco_years"])
        return Decimal(max(0, years - (months or 0))) / years


def _device(most: float, typical: float, units: int, kilograms: float) -> Heap:
    size = (units, math.ceil(most), round(kilograms * 1000), math.ceil(most), 0)
    return Heap(watts=math.ceil(most), typical=math.ceil(typical), oob=1, things=((size, 1),))
