"""Shared equipment: in-band, out-of-band and storage networks, storage systems, management nodes, racks.

Each is a set of brackets with one named driver (see `docs/model.md`): endpoints of the network, nodes for management.
Sites of up to two nodes have no management nodes and one combined in-band and out-of-band switch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from planner import fabric, site
from planner.bundles import (
    CDU,
    HEAT_STEP_W,
    LOOP,
    Pricer,
    merge,
    seeds,
)
from planner.candidates import copper, manager_bundle, offered_switches, switch_bundle
from planner.catalog import Catalog
from planner.dominance import pointwise_best
from planner.errors import Rejection
from planner.model import Bundle, LineSeed, Shape, SharedOption
from planner.parts import CoolingUnit, Switch, Technology
from planner.request import Request
from planner.stocked import with_spares
from planner.storage_options import MANAGED, PLAIN, StorageOptions

INBAND_GBPS = 100.0
OOB_GBPS = 1.0
SMALL_SITE_NODES = 2
SMALL = "small-site"
LARGE = "large-site"


@dataclass
class SharedEquipment:
    """Builds the shared options of one request; remembers what could not be built or priced."""

    catalog: Catalog
    request: Request
    pricer: Pricer
    most_nodes: int
    most_endpoints: int
    most_accelerators: int = 0  # that storage by profile serves; 0 where no speed follows accelerators
    most_heat: int = 0  # to liquid, in tenths of a kW; 0 where nothing is cooled by it or the room provides it
    most_stored: int | None = None  # storage ports of all nodes; None: as many as endpoints
    least_storage_gbps: float = 0.0  # slower networks carry too little for every node
    single_mode: frozenset[str] = frozenset()  # kinds of link that multimode does not reach
    rejections: list[Rejection] = field(default_factory=list)

    def options(self, storage_gbps: Collection[float]) -> list[SharedOption]:
        """Every bracket of everything shared, in a fixed order; `storage_gbps`: speeds of nodes' storage ports."""
        inband = self.inband()
        found = self.management() + inband + self.oob(inband)
        if self.request.storage is not None:
            found += StorageOptions(self, storage_gbps).options()
        found = with_spares(found, self.catalog, self.request, self.pricer, self.most_nodes)
        return found + (self.cooling() if self.most_heat else [])

    # -- management ----------------------------------------------------------------------------------------------
    def management(self) -> list[SharedOption]:
        """Management nodes by the reference steps; the driver is the number of nodes.

        The smallest step is a pair; `resilience.management: single` saves the second server.
        """
        servers = sorted((m for m in self.catalog.management.values() if m.role == "management"), key=lambda m: m.id)
        steps = [(0, SMALL_SITE_NODES, 0)]
        for row in self.catalog.table("estimates/management")["rows"]:
            low = steps[-1][1] + 1
            high = int(row["nodes_up_to"])
            if high >= low:
                alone = self.request.resilience.management == "single" and int(row["total"]) == 2
                steps.append((low, high, 1 if alone else int(row["total"])))
        low, high, total = steps[-1]
        if high < self.most_nodes:
            steps[-1] = (low, self.most_nodes, total)
        # A small site whose nodes have more in-band ports than the combined switch takes gets the full networks.
        found = self.option("management|none", "management", 0, SMALL_SITE_NODES, Bundle(), Bundle())
        for low, high, total in steps:
            if low > self.most_nodes:
                break
            high = min(high, self.most_nodes)
            bundle = Bundle()
            if total:
                part = servers[0]
                shape = Shape(
                    part.id, part.rack_units, math.ceil(part.max_power_w), round((part.weight_kg or 0) * 1000)
                )
                bundle = Bundle(
                    lines=(LineSeed(part.id, total, "management"),),
                    shapes=((shape, total),),
                    endpoints=(("in-band", total * part.inband_ports), ("oob", total)),
                    watts=total * math.ceil(part.max_power_w),
                    typical_watts=total * math.ceil(part.typical_power_w),
                )
            tag = SMALL if low == 0 else None
            found += self.option(f"management|{low:05d}", "management", low, high, bundle, Bundle(), tag)
        return found

    # -- networks ------------------------------------------------------------------------------------------------
    def inband(self) -> list[SharedOption]:
        """In-band Ethernet, redundant by default; on a small site the uplink ports of the combined switch."""
        found = []
        for switch in self._out_of_band_switches():
            if switch.uplink_ports and (switch.uplink_gbps or 0) >= INBAND_GBPS:
                lines = fabric.endpoint_lines(self.catalog, switch.id, switch.uplink_gbps or INBAND_GBPS, "in-band")
                if isinstance(lines, Rejection):
                    self.rejections.append(lines)
                    continue
                fixed = merge(
                    Bundle(lines=(LineSeed(switch.id, 1, "in-band"),)),
                    _without_endpoints(switch_bundle(self.catalog, switch.id, 1)),
                )
                unit = Bundle(lines=seeds(lines, "in-band"))
                tag = f"{SMALL}/{switch.id}"
                found += self.option(
                    f"in-band|combined|{switch.id}", "in-band", 0, switch.uplink_ports, fixed, unit, tag, switch.id
                )
        redundancy = self.request.redundancy("in-band")
        families = offered_switches(self.catalog, self.request, "ethernet", INBAND_GBPS, "in-band")
        found += self.brackets("in-band", families, INBAND_GBPS, "ethernet", redundancy, self.most_endpoints)
        return found

    def oob(self, inband: Sequence[SharedOption]) -> list[SharedOption]:
        """Out-of-band 1G network with uplinks into in-band; on a small site it is the combined switch."""
        found = []
        for switch in self._out_of_band_switches():
            lines = fabric.endpoint_lines(self.catalog, switch.id, OOB_GBPS, "oob")
            if isinstance(lines, Rejection):
                self.rejections.append(lines)
                continue
            unit = Bundle(lines=seeds(lines, "oob"))
            found += self.option(
                f"oob|combined|{switch.id}", "oob", 0, switch.ports, Bundle(), unit, f"{SMALL}/{switch.id}", switch.id
            )
        slow = [s for s in self._out_of_band_switches() if not fabric.uplink_at_speed(s)]
        if not slow:
            return found + [o for s in self._out_of_band_switches() for o in self._leaves(s, LARGE)]
        tags = sorted({o.together for o in inband if o.together is not None and o.together.startswith(LARGE)})
        # An adapter for slower uplinks takes a whole cage: none is free where cages are split over breakout cables.
        plain = [tag for tag in tags if self.catalog.cables[tag.partition("/")[2]].links == 1]
        return found + [
            o
            for s in self._out_of_band_switches()
            for tag in (tags if fabric.uplink_at_speed(s) else plain)
            for o in self._leaves(s, tag)
        ]

    def _leaves(self, switch: Switch, tag: str) -> list[SharedOption]:
        """An out-of-band network of as many equal leaves as its endpoints take.

        In-band buys a cable for every port that plugs into it (`tag` says which). Uplinks slower than those ports bring
        their own, with an adapter: for each the cable of the in-band network is taken off again.
        """
        media = copper.usual(self.single_mode, "oob")
        leaf = fabric.network_brackets(
            self.catalog, "oob", OOB_GBPS, "ethernet", switch.id, "none", 1.0, switch.ports, media=media
        )
        if not leaf:
            return []
        made = leaf[0].design_at_hi
        step = merge(
            Bundle(lines=seeds(leaf[0].fixed_lines, "oob"), endpoints=(("in-band", made.uplinks),)),
            switch_bundle(self.catalog, switch.id, 1),
        )
        usual = tag.partition("/")[2]
        if usual and not fabric.uplink_at_speed(switch):
            step = merge(step, Bundle(lines=(LineSeed(usual, -made.uplinks, "in-band"),)))
        cost = self.pricer.load(step)
        if isinstance(cost, Rejection):
            self.rejections.append(cost)
            return []
        unit = Bundle(lines=seeds(leaf[0].per_node_lines, "oob"))
        name = f"oob|{switch.id}" + (f"|{usual}" if usual else "")
        plain = self.option(name, "oob", 0, self.most_endpoints, Bundle(), unit, tag, switch.id, OOB_GBPS)
        return [replace(o, per_step=switch.ports, step=cost, step_bundle=step, media=made.media) for o in plain]

    def brackets(
        self,
        network: str,
        families: Sequence[str],
        gbps: float,
        technology: Technology,
        redundancy: str,
        most: int,
    ) -> list[SharedOption]:
        """Brackets of every switch for at most so many ports.

        Three tiers only beyond what any switch does in two: fewer hops, fewer cases.
        """
        usable = [s for s in families if technology != "infiniband" or self.catalog.switches[s].managed]
        for switch in set(families) - set(usable):
            # Nobody manages the switches of a pair: a small storage network runs the subnet manager on its own.
            self.reject(switch, "unmanaged", f"{switch} is unmanaged: a storage network takes managed switches")
        found: list[SharedOption] = []
        # A pair is two switches where single ones would be a tree of three: who asks for less may get it for less.
        layouts = (True,) if redundancy == "pair" else (False, True)
        reach = -1
        for tiers in (2, 3):
            low = reach + 1
            for switch, paired in itertools.product(usable, layouts) if low <= most else ():
                brackets = fabric.network_brackets(
                    self.catalog,
                    network,
                    gbps,
                    technology,
                    switch,
                    "pair" if paired else "none",
                    1.0,
                    most,
                    low,
                    tiers,
                    copper.usual(self.single_mode, network),
                )
                for bracket in brackets:
                    media = bracket.design_at_hi.media
                    options = self._bracket(network, bracket, switch, gbps, technology, paired, media)
                    on_copper = self._on_copper(network, bracket, switch, gbps, technology, paired)
                    if not options and not on_copper:
                        break  # a part has no price
                    reach = max(reach, bracket.hi)
                    found += on_copper if on_copper and copper.preferred(self.request) else options + on_copper
        return pointwise_best(found)

    def _bracket(
        self,
        network: str,
        bracket: fabric.Bracket,
        switch: str,
        gbps: float,
        technology: Technology,
        paired: bool,
        media: fabric.Media = fabric.USUAL,
    ) -> list[SharedOption]:
        """One range of endpoints on one kind of switch, with fabric managers and uplinks."""
        made = bracket.design_at_hi
        switches = switch_bundle(self.catalog, switch, made.switches)
        fixed = merge(
            Bundle(lines=seeds(bracket.fixed_lines, network)),
            copper.as_block(switches, switch) if copper.is_copper(self.catalog, media.trunk) else switches,
        )
        tag = PLAIN if technology == "infiniband" else None
        if technology == "infiniband" and made.spine and self.request.resilience.managers:
            fixed = merge(fixed, self._managers(switch))
            tag = MANAGED
        unit = Bundle(lines=seeds(bracket.per_node_lines, network))
        step = Bundle(lines=seeds(bracket.step_lines, network))
        begun = self.pricer.load(step)
        if isinstance(begun, Rejection):
            self.rejections.append(begun)
            return []
        if network == "in-band":  # told apart by its cable where out-of-band uplinks may bring slower ones
            slow = any(not fabric.uplink_at_speed(s) for s in self._out_of_band_switches())
            cable = (bracket.step_lines or bracket.per_node_lines)[0].part
            tag = f"{LARGE}/{cable}" if slow else LARGE
        layout = "|pair" if paired and self.request.redundancy(network) == "none" else ""  # type: ignore[arg-type]
        name = f"{network}|{switch}{media.tag}|{bracket.lo:06d}{layout}"
        found = self.option(name, network, bracket.lo, bracket.hi, fixed, unit, tag, switch, gbps)
        found = [replace(o, media=media, paired=paired) for o in found]
        if not bracket.per_step:
            return found
        return [replace(o, per_step=bracket.per_step, step=begun, step_bundle=step) for o in found]

    def _on_copper(
        self,
        network: str,
        bracket: fabric.Bracket,
        switch: str,
        gbps: float,
        technology: Technology,
        paired: bool,
    ) -> list[SharedOption]:
        """The same range with copper between its switches, which then stand in one rack as one block."""
        made = bracket.design_at_hi
        switches = switch_bundle(self.catalog, switch, made.switches)
        found: list[SharedOption] = []
        for media in copper.between_switches(self.catalog, self.request, made, switches):
            same = fabric.network_brackets(
                self.catalog,
                network,
                gbps,
                technology,
                switch,
                "pair" if paired else "none",
                1.0,
                bracket.hi,
                bracket.lo,
                media=media,
            )
            found += self._bracket(network, same[0], switch, gbps, technology, paired, media)
        return found

    def _managers(self, switch: str) -> Bundle:
        """Fabric managers of an InfiniBand storage network with spines; licences are counted by node (`_licences`)."""
        each = self.request.resilience.managers
        managers = fabric.fabric_managers(self.catalog, switch, fabric.MANAGED_FROM_NODES, "infiniband", each)
        if managers is None:
            return Bundle()
        ports = Bundle(endpoints=(("storage", managers.ports),)) if managers.ports else Bundle()
        return merge(manager_bundle(managers, 0, "storage"), ports)

    def _out_of_band_switches(self) -> list[Switch]:
        ids = offered_switches(self.catalog, self.request, "ethernet", OOB_GBPS, "oob")
        return [self.catalog.switches[i] for i in ids]

    # -- liquid cooling ------------------------------------------------------------------------------------------
    def cooling(self) -> list[SharedOption]:
        """CDUs with one to spare, and the loop by the kW; the driver is the heat that cold plates take.

        Every kind of CDU of the catalog is a way; none of it where no liquid-cooled node is chosen.
        """
        found = []
        for network, spare in ((CDU, 1), (LOOP, 0)):
            found += self.option(f"{network}|none", network, 0, 0, Bundle(), Bundle())
            for unit in sorted(self.catalog.cooling.values(), key=lambda u: u.id):
                if unit.role != network or unit.lifecycle != "current":
                    continue
                # One in a rack takes its units there; the draw of its pumps and its weight are not published.
                stands = ((Shape(unit.id, unit.rack_units, 0, 0), 1),) if unit.rack_units else ()
                one = Bundle(lines=(LineSeed(unit.id, 1, "cooling"),), shapes=stands)
                cost = self.pricer.load(one)
                if isinstance(cost, Rejection):
                    self.rejections.append(cost)
                    continue
                fixed = one if spare else Bundle()
                per = round(unit.kw * 1000 / HEAT_STEP_W)
                made = self.option(f"{network}|{unit.id}", network, 1, self.most_heat, fixed, Bundle())
                found += [replace(o, per_step=per, step=cost, step_bundle=one) for o in made]
        return found

    # -- helpers -------------------------------------------------------------------------------------------------
    def option(
        self,
        option_id: str,
        network: str,
        low: int,
        high: int,
        fixed_bundle: Bundle,
        unit_bundle: Bundle,
        together: str | None = None,
        switch: str | None = None,
        gbps: float | None = None,
    ) -> list[SharedOption]:
        fixed, unit = self.pricer.load(fixed_bundle), self.pricer.load(unit_bundle)
        if isinstance(fixed, Rejection):
            self.rejections.append(fixed)
            return []
        if isinstance(unit, Rejection):
            self.rejections.append(unit)
            return []
        return [
            SharedOption(option_id, network, low, high, fixed, unit, fixed_bundle, unit_bundle, together, switch, gbps)
        ]

    def reject(self, part: str, rule: str, message: str) -> None:
        self.rejections.append(Rejection(part, rule, message))


def _without_endpoints(bundle: Bundle) -> Bundle:
    return Bundle(lines=bundle.lines, shapes=bundle.shapes, watts=bundle.watts, typical_watts=bundle.typical_watts)


def rack_bundle(
    catalog: Catalog, pricer: Pricer, request: Request, door: CoolingUnit | None = None
) -> Bundle | Rejection:
    """One purchased rack with a power distribution unit per feed: the cheapest that fit the room.

    Each carries its share when as many feeds are lost as the redundancy allows; two feeds of a pair never add up.
    """
    room = site.room(request, 0.0 if door is None else door.kw)
    units, country = room.units, request.site.country
    liquid = request.site.cooling == "liquid"
    racks = [
        r
        for r in catalog.racks.values()
        if r.lifecycle == "current" and r.rack_units >= units and (r.liquid_ready or not liquid)
    ]
    feeds = request.site.feeds
    power = None if room.power_kw is None else round(room.power_kw / max(1, site.live_feeds(feeds)), 6)
    local = [
        p
        for p in catalog.pdus.values()
        if p.lifecycle == "current"
        and (not p.countries or country in p.countries)
        and country not in p.not_countries
        and pricer.price_or_none(p.id) is not None
    ]
    pdus = [p for p in local if power is None or p.usable_kw >= power]
    # Where no single unit carries the rack, several per feed do.
    per_feed = 1
    if not pdus and local and power is not None:
        largest = max(local, key=lambda p: (p.usable_kw, p.id))
        per_feed = math.ceil(power / largest.usable_kw)
        pdus = [largest]
    rack = _cheapest(pricer, [r.id for r in racks])
    pdu = _cheapest(pricer, [p.id for p in pdus])
    if rack is None or pdu is None:
        return Rejection("rack", "no-rack", "no rack and power distribution unit of the catalog fit this room")
    hung = () if door is None else (LineSeed(door.id, 1, "cooling"),)
    return Bundle(lines=(LineSeed(rack, 1, "racks"), LineSeed(pdu, site.feed_count(feeds) * per_feed, "racks"), *hung))


def _cheapest(pricer: Pricer, ids: Sequence[str]) -> str | None:
    priced = [(cents, i) for i in ids if (cents := pricer.price_or_none(i)) is not None]
    return min(priced)[1] if priced else None
