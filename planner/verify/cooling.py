"""Coolant distribution units and the liquid loop, counted a second time from the heat that cold plates take."""

from __future__ import annotations

from collections.abc import Iterator

from planner.catalog import Catalog
from planner.plan import Plan
from planner.verify.room import PLATES

TENTHS = 100  # W: each node's heat is rounded up to a tenth of a kW


def check_cooling(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """CDUs of one kind for all heat and one to spare, the loop by the kW; none where the room provides them."""
    bought: dict[str, dict[str, int]] = {"cdu": {}, "loop": {}, "rear-door": {}}
    for line in plan.lines:
        unit = catalog.cooling.get(line.part)
        if unit is not None:
            bought[unit.role][line.part] = bought[unit.role].get(line.part, 0) + line.quantity
    heat = liquid_tenths(plan, catalog)
    for role, spare in (("cdu", 1), ("loop", 0)):
        kinds = bought[role]
        if len(kinds) > 1:
            yield f"lines: {role} of several kinds: {', '.join(sorted(kinds))}"
        elif not heat and kinds:
            yield f"lines: {dict(kinds)} bought, nothing is cooled by liquid or the room provides it"
        elif heat and not kinds:
            yield f"lines: no {role} is bought for {heat / 10:g} kW of heat to liquid"
        for part, count in kinds.items() if heat else ():
            expected = -(-heat // round(catalog.cooling[part].kw * 10)) + spare
            if count != expected:
                yield f"lines ({part}): quantity {count}, {heat / 10:g} kW of heat to liquid take {expected}"


def liquid_tenths(plan: Plan, catalog: Catalog) -> int:
    """Heat to liquid of all nodes in tenths of a kW, each node rounded up; 0 where the room provides the cooling."""
    site = plan.request["site"]
    if site.get("cooling_equipment") == "provided":
        return 0
    total = 0
    for pool in plan.pools:
        box = catalog.chassis[pool.chassis]
        if box.cooling == "dlc":
            watts = -(-round(pool.node_power_kw * 1000, 6) // 1)
            total += pool.nodes * -(-(int(watts) * PLATES[box.own_rack] // 100) // TENTHS)
    return total
