"""What all pools of a small site share: management servers, in-band, out-of-band and storage networks, storage, racks.

The rules are those of docs/model.md (owned and shared) and docs/fabric.md, said again in other words.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from oracle import copper
from oracle.ledger import Heap, Ledger, Size
from planner import fabric
from planner.errors import Rejection
from planner.parts import Switch, Technology
from planner.request import Request

COMBINED_UP_TO = 2  # nodes whose in-band and out-of-band ports may share one switch, without management servers
IN_BAND_GBPS, OOB_GBPS = 100.0, 1.0
UPLINKS = 2  # of an out-of-band leaf into the in-band network
RACK = {"units": 42, "air": 45.0, "liquid": 140.0}


@dataclass(frozen=True, slots=True)
class Shared:
    """One way to serve a number of ports: what was built, in words, and what it takes."""

    words: str
    heap: Heap
    steps: int  # switches and servers: what grows in steps


@dataclass
class Equipment:
    """Every way to build the shared equipment of a request."""

    request: Request
    ledger: Ledger
    _known: dict[tuple[int, int, int, int, int, float], list[Shared]] = field(default_factory=dict)
    _made: dict[tuple[str, int, float, str], dict[str, list[tuple[int, Heap]]]] = field(default_factory=dict)

    def ways(self, pools: Heap, storage_gbps: float) -> list[Shared]:
        """Every consistent choice of switches for these pools; the ports of the equipment itself count too."""
        key = (pools.seen, pools.in_band, pools.oob, pools.storage, pools.plates, storage_gbps)
        if key not in self._known:
            found = []
            for stored in self._storage(pools, storage_gbps):
                found += list(self._combined(pools, stored))
                found += list(self._apart(pools, stored))
            cooled = self._cooling(pools.plates)
            self._known[key] = [
                Shared(f"{way.words} {words}".strip(), way.heap + cooling, way.steps)
                for way in found
                for words, cooling in cooled
            ]
        return self._known[key]

    # -- liquid cooling ------------------------------------------------------------------------------------------
    def _cooling(self, tenths: int) -> list[tuple[str, Heap]]:
        """Every kind of CDU, one more than the heat takes, with every loop by the kW; nothing without a price.

        A CDU in a rack takes its units there, so the cheapest to buy need not be the best.
        """
        if not tenths or self.request.site.cooling_equipment == "provided":
            return [("", Heap())]
        ways = [("", Heap())]
        for role, spare in (("cdu", 1), ("loop", 0)):
            kinds = [u for u in self.ledger.catalog.cooling.values() if u.role == role]
            pieces = [(u.id, self.ledger.lines([(u.id, math.ceil(tenths / round(u.kw * 10)) + spare)])) for u in kinds]
            ways = [
                (f"{words} {name}".strip(), heap + more)
                for words, heap in ways
                for name, more in pieces
                if more is not None
            ]
        return ways

    # -- management ----------------------------------------------------------------------------------------------
    def _management(self, nodes: int) -> tuple[int, Heap] | None:
        """Management servers by the reference steps; none up to two nodes."""
        catalog = self.ledger.catalog
        rows = catalog.table("estimates/management")["rows"]
        row = next((r for r in rows if nodes <= int(r["nodes_up_to"])), rows[-1])
        total = 0 if nodes <= COMBINED_UP_TO else int(row["total"])
        if total == 2 and self.request.resilience.management == "single":
            total = 1
        server = min(m.id for m in catalog.management.values() if m.role == "management")
        heap = self.ledger.lines([(server, total)] if total else [])
        return None if heap is None else (total, heap)

    # -- in-band and out-of-band ---------------------------------------------------------------------------------
    def _combined(self, pools: Heap, stored: Shared) -> Iterator[Shared]:
        """One switch for both networks of a small site: in-band on its uplink ports; it manages itself."""
        if pools.seen > COMBINED_UP_TO:
            return
        catalog = self.ledger.catalog
        in_band, oob = pools.in_band + stored.heap.in_band, pools.oob + stored.heap.oob
        for switch_id in self._offered("ethernet", OOB_GBPS, "oob"):
            switch = catalog.switches[switch_id]
            fast = switch.uplink_gbps or 0.0
            if fast < IN_BAND_GBPS or in_band > switch.uplink_ports or oob > switch.ports:
                continue
            each = fabric.endpoint_lines(catalog, switch_id, fast, "in-band")
            slow = fabric.endpoint_lines(catalog, switch_id, OOB_GBPS, "oob")
            if isinstance(each, Rejection) or isinstance(slow, Rejection):
                continue
            lines = [(switch_id, 1), *((ln.part, ln.quantity * in_band) for ln in each)]
            lines += [(ln.part, ln.quantity * oob) for ln in slow]
            heap = self.ledger.lines(lines)
            if heap is not None:
                yield Shared(f"{stored.words} both {switch_id}", stored.heap + heap, stored.steps)

    def _apart(self, pools: Heap, stored: Shared) -> Iterator[Shared]:
        """An in-band network and out-of-band leaves that plug into it; each counts the other's ports."""
        management = self._management(pools.seen)
        if management is None:
            return
        servers, managers = management
        base = pools + stored.heap + managers
        for inner, outer in itertools.product(
            self._offered("ethernet", IN_BAND_GBPS, "in-band"), self._offered("ethernet", OOB_GBPS, "oob")
        ):
            if self._slow(outer) and fabric.ports_at(self._switch(inner), IN_BAND_GBPS) > self._switch(inner).ports:
                continue  # an adapter for slower uplinks takes a whole cage; those are split
            ports = self.ledger.catalog.switches[outer].ports
            for leaves in itertools.count(1):
                made = self._networks("in-band", base.in_band + UPLINKS * leaves, IN_BAND_GBPS, "ethernet")
                if inner not in made:
                    break
                for switches, heap in made[inner]:
                    plugged = base.oob + switches + leaves
                    low = self._networks("oob", plugged, OOB_GBPS, "ethernet").get(outer)
                    if low is None or low[0][0] != leaves:
                        continue
                    less = self._without_cables(inner, outer, leaves)
                    whole = stored.heap + managers + heap + low[0][1] + less
                    words = f"{stored.words} in-band {switches}x{inner} oob {leaves}x{outer} servers {servers}"
                    yield Shared(words, whole, stored.steps + switches + leaves + servers)
                if all(base.oob + switches + leaves <= leaves * ports for switches, _ in made[inner]):
                    break  # more leaves than the ports that plug in take

    def _switch(self, switch: str) -> Switch:
        return self.ledger.catalog.switches[switch]

    def _slow(self, switch: str) -> bool:
        """Whether its uplinks are slower than in-band ports."""
        return (self._switch(switch).uplink_gbps or 0) < IN_BAND_GBPS

    def _without_cables(self, inner: str, outer: str, leaves: int) -> Heap:
        """In-band cables that slow uplinks save: they come with cables of their own."""
        catalog = self.ledger.catalog
        if not self._slow(outer):
            return Heap()
        each = fabric.endpoint_lines(catalog, inner, IN_BAND_GBPS, "in-band")
        assert not isinstance(each, Rejection)
        heap = self.ledger.lines((ln.part, -ln.quantity * UPLINKS * leaves) for ln in each)
        assert heap is not None
        return heap

    def _networks(
        self, role: str, endpoints: int, gbps: float, technology: Technology
    ) -> dict[str, list[tuple[int, Heap]]]:
        """Switches and heap of a network with so many endpoints by kind of switch; three tiers where all need them.

        On modules and fibre, and on copper for switches that stand in one rack.

        An InfiniBand network of storage takes managed switches. Sites here are too small for one with spines, which
        would need fabric managers as well.
        """
        key = (role, endpoints, gbps, technology)
        if key not in self._made:
            catalog = self.ledger.catalog
            found: dict[int, dict[str, list[tuple[int, Heap]]]] = {2: {}, 3: {}}
            for switch in self._offered(technology, gbps, role):
                if technology == "infiniband" and not catalog.switches[switch].managed:
                    continue
                for pair in self._layouts(role):
                    design = fabric.network_design(catalog, role, endpoints, gbps, technology, switch, pair, 1.0)
                    if isinstance(design, Rejection) or (technology == "infiniband" and design.spine):
                        continue
                    heap = self.ledger.lines((ln.part, ln.quantity) for ln in design.lines)
                    ways = [] if heap is None else [(design.switches, heap)]
                    for media in copper.between(catalog, self.request, design):
                        other = fabric.network_design(
                            catalog, role, endpoints, gbps, technology, switch, pair, 1.0, media
                        )
                        assert not isinstance(other, Rejection)
                        heap = self.ledger.lines((ln.part, ln.quantity) for ln in other.lines)
                        if heap is not None and copper.fits(copper.stacked(heap), self.rack_size()):
                            ways.append((design.switches, copper.stacked(heap)))
                    if ways:
                        found[3 if design.core else 2].setdefault(switch, []).extend(ways)
            self._made[key] = found[2] or found[3]
        return self._made[key]

    def _layouts(self, role: str) -> tuple[str, ...]:
        """Single switches or pairs; who needs no pairs may have them."""
        if role == "oob":
            return ("none",)
        asked = self.request.redundancy("in-band" if role == "in-band" else "storage")
        return ("pair",) if asked == "pair" else ("none", "pair")

    def _offered(self, technology: Technology, gbps: float, role: str) -> list[str]:
        """Switches for a role; those of Chinese makers on the mainland only."""
        catalog, country = self.ledger.catalog, self.request.site.country
        found = fabric.candidate_switches(catalog, technology, gbps, role)
        return [s for s in found if catalog.switches[s].origin != "CN" or country == "CN"]

    # -- storage -------------------------------------------------------------------------------------------------
    def _storage(self, pools: Heap, gbps: float) -> Iterator[Shared]:
        """Storage systems large and fast enough, with the network to them; nothing where none is asked for."""
        need = self.request.storage
        if need is None:
            yield Shared("", Heap(), 0)
            return
        for system in self.ledger.catalog.storage.values():
            named = need.system == system.id
            if not named and (need.system is not None or not system.offer_by_default or system.lifecycle != "current"):
                continue
            if system.max_power_w is None or system.weight_kg is None:
                continue
            # One speed for all ports of the network: that of the slowest.
            speed = min(gbps or system.port_gbps, system.port_gbps)
            wire = system.ports * speed / 8
            wanted = (need.usable_tb, need.read_gb_per_s or 0.0, need.write_gb_per_s or 0.0)
            given = (system.usable_tb, min(wire, system.read_gb_per_s), min(wire, system.write_gb_per_s))
            blocks = max(system.min_blocks, *(math.ceil(w / g - 1e-9) for w, g in zip(wanted, given, strict=True)))
            heap = self.ledger.lines([(system.id, blocks)])
            if heap is None:
                continue
            for technology in system.technologies:
                if need.technology not in (None, technology):
                    continue
                made = self._networks("storage", pools.storage + heap.storage, speed, technology)
                for switch, ways in made.items():
                    for count, network in ways:
                        yield Shared(f"{blocks}x{system.id} {count}x{switch}", heap + network, count)

    # -- racks ---------------------------------------------------------------------------------------------------
    def rack_size(self) -> Size:
        """Units, watts, grams, and watts of heat to air and to liquid that one rack takes."""
        site = self.request.site
        terms = site.cooling_terms
        cooled = [] if terms is None else [terms.air_kw_per_rack + terms.liquid_kw_per_rack]
        kilowatts = min([*([site.rack_power_kw] if site.rack_power_kw else []), *cooled], default=RACK[site.cooling])
        kilograms = site.rack_weight_kg
        watts, grams = math.floor(round(kilowatts * 1000, 6)), 10**12
        return (
            site.rack_units or int(RACK["units"]),
            watts,
            grams if kilograms is None else math.floor(kilograms * 1000),
            10**12 if terms is None else round(terms.air_kw_per_rack * 1000),
            10**12 if terms is None else round(terms.liquid_kw_per_rack * 1000),
        )

    def rack_cents(self) -> int:
        """The cheapest cabinet that is tall enough, with the cheapest power distribution for its two feeds."""
        site, catalog, price = self.request.site, self.ledger.catalog, self.ledger.price
        units, watts, *_ = self.rack_size()
        cabinets = [
            cents
            for r in catalog.racks.values()
            if r.lifecycle == "current"
            and r.rack_units >= units
            and (r.liquid_ready or site.cooling != "liquid")
            and (cents := price(r.id)) is not None
        ]
        here = [
            (p.usable_kw, p.id, cents)
            for p in catalog.pdus.values()
            if p.lifecycle == "current"
            and site.country in (p.countries or (site.country,))
            and site.country not in p.not_countries
            and (cents := price(p.id)) is not None
        ]
        enough = [cents for kw, _, cents in here if kw * 1000 >= watts - 1e-6]
        if enough:
            return min(cabinets) + 2 * min(enough)
        kw, _, cents = max(here)
        return min(cabinets) + 2 * cents * math.ceil(watts / 1000 / kw - 1e-9)
