"""Room, power and management ports of switches and fabric managers, and which switches are offered at a site."""

from __future__ import annotations

import math

from planner import fabric
from planner.bundles import STORAGE_LICENCE
from planner.catalog import Catalog
from planner.model import Bundle, LineSeed, Shape
from planner.request import Request


def offered_switches(catalog: Catalog, request: Request, technology: str, gbps: float, role: str) -> list[str]:
    """Switches of a role that are offered at the site: Chinese makers' ones on the mainland market only."""
    found = fabric.candidate_switches(catalog, technology, gbps, role)
    local = [s for s in found if catalog.switches[s].origin != "CN" or request.site.country == "CN"]
    return [s for s in local if not request.keeps_out("switch", catalog.switches[s].origin)]


def switch_bundle(catalog: Catalog, switch: str, count: int) -> Bundle:
    """Room, power and the out-of-band port of `count` switches of one kind."""
    if not count:
        return Bundle()
    typical, most, kilograms, _ = fabric.switch_power(catalog, catalog.switches[switch])
    shape = Shape(switch, catalog.switches[switch].rack_units, math.ceil(most), round(kilograms * 1000))
    return Bundle(
        shapes=((shape, count),),
        endpoints=(("oob", count),),
        watts=math.ceil(most) * count,
        typical_watts=math.ceil(typical) * count,
    )


def manager_bundle(managers: fabric.Managers | None, nodes: int, group: str, stored: bool = False) -> Bundle:
    """Fabric managers with their management ports, and a licence for each managed node and year.

    `stored`: these nodes would else be counted for licences of an InfiniBand storage network.
    """
    if managers is None:
        return Bundle()
    part, count = managers.part, managers.count
    shape = Shape(part.id, part.rack_units, math.ceil(part.max_power_w), round((part.weight_kg or 0) * 1000))
    lines = [LineSeed(part.id, count, group)]
    if part.licence is not None and nodes:
        lines.append(LineSeed(part.licence, nodes, group, yearly=True))
    both = ((STORAGE_LICENCE, -nodes),) if stored and part.licence is not None and nodes else ()
    return Bundle(
        lines=tuple(lines),
        shapes=((shape, count),),
        endpoints=(("oob", count), ("in-band", count * part.inband_ports), *both),
        watts=count * math.ceil(part.max_power_w),
        typical_watts=count * math.ceil(part.typical_power_w),
    )
