"""Coolant distribution units and the liquid loop, counted a second time from the heat that cold plates take."""

from __future__ import annotations

from collections import Counter
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
    yield from _doors(plan, catalog, bought["rear-door"])
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


def _doors(plan: Plan, catalog: Catalog, bought: dict[str, int]) -> Iterator[str]:
    """Rear doors hang on every bought cabinet, all of one kind, or on none, as the request lets them."""
    hung = Counter(rack.door for rack in plan.racks if rack.door is not None)
    cabinets = sum(1 for rack in plan.racks if rack.part is not None)
    wrong = [rack.name for rack in plan.racks if rack.door is not None and rack.part is None]
    if wrong:
        yield f"racks ({', '.join(wrong[:3])}): a rear door on a system that brings its own rack"
    for part in sorted(hung):
        unit = catalog.cooling.get(part)
        if unit is None or unit.role != "rear-door":
            yield f"racks: door {part} is no rear door of the catalog"
    if dict(hung) != bought:
        yield f"racks: rear doors {dict(hung)} hang, the lines buy {bought}"
    if hung and (len(hung) > 1 or hung.total() != cabinets):
        yield f"racks: rear doors {dict(hung)} on {cabinets} cabinets; every cabinet has the same, or none has one"
    wanted = (plan.request["site"].get("cooling_terms") or {}).get("rear_doors", "never")
    if (wanted == "never" and hung) or (wanted == "every" and not hung and cabinets):
        yield f"racks: {hung.total()} rear doors, the request says {wanted}"


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
