"""Watts, rack units and kilograms of one piece of each line, a second time: datasheet figures, else class rules."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.parts import (
    Accelerator,
    Chassis,
    CoolingUnit,
    Cpu,
    Dimm,
    Drive,
    ManagementNode,
    Nic,
    StorageSystem,
    Switch,
)
from planner.plan import Plan, PlanLine, Pool
from planner.verify.ports import node_lines
from planner.verify.spares import GROUP

# docs/fabric.md: watts of one module by its speed, and what its supply loses on the way.
MODULE_WATTS = {1: 0.0, 10: 1.2, 25: 1.2, 100: 4.5, 200: 6.0, 400: 12.0, 800: 17.0, 1600: 30.0}
TYPICAL_WATTS = ((1, 98), (6.4, 470), (8, 250), (12.8, 615), (25.6, 700), (51.2, 920), (57.6, 1700), (102.4, 1900))
LARGEST_WATTS = 2200
SWITCH_KG_PER_UNIT = 9.4


@dataclass(frozen=True, slots=True)
class Physical:
    """What one piece draws at most and typically (whole watts, rounded up), its rack units and kilograms."""

    watts: float = 0.0
    typical: float = 0.0
    units: int = 0
    kilograms: float = 0.0


def check_physical(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Power, units and weight of every line that counts; all others count nothing."""
    boxes = _boxes(plan, catalog)
    for line in (*plan.lines, *plan.yearly):
        part = catalog.parts.get(line.part)
        if part is None:
            continue
        expected: Physical | None
        if line.group == GROUP:
            expected = Physical()  # on the shelf
        elif isinstance(part, Chassis):
            if line.position not in boxes:
                yield f"lines {line.position} ({line.part}): belongs to no pool"
                continue
            expected = boxes[line.position]
        elif isinstance(part, Switch):
            expected = _switch(part)
        elif isinstance(part, StorageSystem | ManagementNode):
            most = part.max_power_w or 0.0
            typical = part.typical_power_w or most
            expected = Physical(math.ceil(most), math.ceil(typical), part.rack_units, part.weight_kg or 0.0)
        elif isinstance(part, CoolingUnit):  # draw and weight are not published
            expected = Physical(0, 0, part.rack_units, 0.0)
        else:
            expected = Physical()
        for field, have, found in (
            ("max_power_w", line.max_power_w, expected.watts),
            ("typical_power_w", line.typical_power_w, expected.typical),
            ("rack_units", line.rack_units, expected.units),
            ("weight_kg", line.weight_kg, expected.kilograms),
        ):
            if abs(have - found) > 1e-6:
                yield f"lines {line.position} ({line.part}): {field} {have:,g}, the catalog gives {found:,g}"


def _boxes(plan: Plan, catalog: Catalog) -> dict[str, Physical]:
    """The chassis line of each pool, and what its node draws and weighs."""
    found = {}
    for pool in plan.pools:
        lines = node_lines(plan, pool)
        box = next((ln for ln in lines if ln.part == pool.chassis), None)
        if box is not None and pool.chassis in catalog.chassis and pool.accelerator in catalog.accelerators:
            found[box.position] = _node(catalog, pool, lines)
    return found


def _node(catalog: Catalog, pool: Pool, lines: Sequence[PlanLine]) -> Physical:
    chassis, accelerator = catalog.chassis[pool.chassis], catalog.accelerators[pool.accelerator]
    rules = catalog.table("estimates/node_rules")
    kind = "pcie" if chassis.category == "pcie" else "modular"
    share = float(rules["power"]["typical_share"][kind])
    top = chassis.max_power_w
    if kind == "pcie":
        card = accelerator.tdp_max_w or accelerator.tdp_w or 0.0
        parts = card * pool.accelerators_per_node + sum(_host_watts(catalog, ln, pool.nodes) for ln in lines)
        most = parts * (1 + float(rules["power"]["pcie_margin"]))
        most = round(most if top is None else min(most, top), 1)
        if chassis.typical_power_w and top:
            share = chassis.typical_power_w / top
        typical = round(most * share, 1)
    else:
        most = top or 0.0
        typical = chassis.typical_power_w or round(most * share, 1)
    kilograms = _kilograms(catalog, chassis, accelerator, pool.accelerators_per_node, rules)
    return Physical(_whole(most), _whole(typical), chassis.rack_units or 0, kilograms)


def _whole(watts: float) -> int:
    """Kilowatts are kept to a tenth of a watt; a line counts whole watts, rounded up."""
    return math.ceil(round(round(watts / 1000, 4) * 1000, 6))


def _host_watts(catalog: Catalog, line: PlanLine, nodes: int) -> float:
    """Maximum of everything in a node but its accelerators."""
    part, each = catalog.parts.get(line.part), line.quantity // nodes
    if isinstance(part, Cpu):
        return part.tdp_w * each
    if isinstance(part, Dimm | Drive):
        return part.power_w * each
    if isinstance(part, Nic):
        return (part.power_max_w or part.power_w) * each
    return 0.0


def _kilograms(
    catalog: Catalog, chassis: Chassis, accelerator: Accelerator, cards: int, rules: dict[str, dict[str, float]]
) -> float:
    """Chassis by datasheet or class rule at its high end, and cards of double width in PCIe servers."""
    pcie = chassis.category == "pcie"
    extra = rules["weight"]["pcie_card_kg"] * cards if pcie and accelerator.slot_width != 1 else 0.0
    if chassis.weight_kg is not None:
        return round(chassis.weight_kg + extra, 2)
    name = "dlc" if chassis.cooling == "dlc" else "pcie" if pcie else "4 sxm" if chassis.slots <= 4 else "8 sxm"
    if chassis.category == "rack-scale":
        name = "rack"
    units = chassis.rack_units or 0
    for row in catalog.table("estimates/classes")["server_weight_kg"]["classes"]:
        if name not in row["class"].lower():
            continue
        line = re.search(r"kg = ([\d.]+) \+ ([\d.]+)", row["rule"])
        if "plan_per_u" in row:
            own = row["plan_per_u"] * units
        elif line is not None:
            own = float(line[1]) + float(line[2]) * units
        else:
            break
        return float(round(own * row.get("high_factor", 1.25) + extra, 1))
    raise KeyError(f"weight of {chassis.id}")


def _switch(switch: Switch) -> Physical:
    """Datasheet figures, else typical by switching capacity and maximum with a module in every cage."""
    capacity = switch.ports * switch.gbps / 1000
    typical = switch.typical_power_w
    if typical is None:
        typical = next((w for top, w in TYPICAL_WATTS if capacity <= top * 1.01), LARGEST_WATTS)
    most = switch.max_power_w
    if most is None:
        doubled = switch.cage.endswith("twin") and switch.cages * 2 == switch.ports
        module = 0.0 if switch.cage == "cpo" else MODULE_WATTS.get(round(switch.gbps * (2 if doubled else 1)), 12.0)
        if switch.technology == "ethernet" and switch.gbps >= 800:
            losses = 1.08
        else:
            losses = 1.79 if switch.technology == "infiniband" and switch.cage.endswith("twin") else 1.25
        most = round(typical + switch.cages * module * losses)
    weight = switch.weight_kg if switch.weight_kg is not None else round(SWITCH_KG_PER_UNIT * switch.rack_units, 1)
    return Physical(math.ceil(most), math.ceil(typical), switch.rack_units, weight)
