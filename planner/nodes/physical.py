"""Watts, kilograms and PCIe lanes of a node: what the box can carry and what it draws and weighs.

Power follows the conventions of docs/catalog.md: modular and complete systems by their datasheet maximum; PCIe servers
by the sum of their parts at their maximum plus a margin, not above the chassis maximum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from planner import site
from planner.errors import CatalogError, Rejection
from planner.nodes.bench import Bench
from planner.parts import Accelerator, Chassis, Cpu
from planner.request import Request


@dataclass(frozen=True, slots=True)
class Power:
    """Maximum and typical draw of one node in W, with the bases of what was estimated."""

    max_w: float
    typical_w: float
    estimates: tuple[str, ...] = ()


def node_power(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, host_w: float
) -> Power | Rejection:
    """Power of a node; `host_w` is everything but accelerators (CPUs, memory, drives, adapters) at maximum.

    Rejected where the parts exceed the chassis, or the supplies that must stay live do not carry the maximum.
    """
    rules = bench.rules.power
    top = chassis.max_power_w
    estimates = []
    if top is not None and "max_power_w" in chassis.unverified:
        estimates.append("max_power_w: planning figure of the chassis, not seen on a datasheet")
    if chassis.category == "pcie":
        card_w = accelerator.tdp_max_w or accelerator.tdp_w
        if card_w is None:
            return Rejection(accelerator.id, "power", f"{accelerator.id}: its power is not known.", None, "TDP")
        parts_w = card_w * count + host_w
        if top is not None and parts_w > top:
            have, need = f"{top:,.0f} W", f"{parts_w:,.0f} W"
            message = f"{chassis.id} with {count} {accelerator.id}: the parts draw {need}, the chassis carries {have}."
            return Rejection(chassis.id, "power", message, have, need)
        max_w = parts_w * (1 + rules.pcie_margin)
        max_w = round(max_w if top is None else min(max_w, top), 1)
        share, basis = rules.typical_share.of(chassis), "rule share of the maximum"
        if chassis.typical_power_w and top:
            share, basis = chassis.typical_power_w / top, "maximum x the chassis's typical-to-maximum ratio"
        estimates = [f"max_power_w: sum of parts at maximum + {rules.pcie_margin:.0%}", f"typical_power_w: {basis}"]
        typical_w = round(max_w * share, 1)
    elif top is None:
        return Rejection(chassis.id, "power", f"{chassis.id}: its maximum power is not known.", None, "max_power_w")
    else:
        max_w = top
        typical_w = chassis.typical_power_w or round(top * rules.typical_share.of(chassis), 1)
        if chassis.typical_power_w is None:
            estimates.append("typical_power_w: rule share of the maximum")
        elif "typical_power_w" in chassis.unverified:
            estimates.append("typical_power_w: planning figure of the chassis, not seen on a datasheet")
    short = _supplies_short(chassis, max_w)
    return short or Power(max_w, typical_w, tuple(estimates))


def _supplies_short(chassis: Chassis, max_w: float) -> Rejection | None:
    """Supplies that must stay live, and all that are fitted, carry the node's maximum (checked when known)."""
    live, watts = chassis.psu_min_live, chassis.psu_watts
    if live is None or watts is None:
        return None
    carried = min(live, chassis.psu_count or live) * watts
    if max_w <= carried:
        return None
    message = f"{chassis.id}: {live} supplies of {watts:,.0f} W carry {carried:,.0f} W, the node draws {max_w:,.0f} W."
    return Rejection(chassis.id, "psu", message, f"{carried:,.0f} W", f"{max_w:,.0f} W")


def feed_lost(request: Request, chassis: Chassis, accelerator: Accelerator, power: Power) -> Rejection | None:
    """Why a node does less than resilience.feed_lost asks when a feed of its rack is lost; None when it does."""
    asked = request.resilience.feed_lost
    if asked == "any":
        return None
    feeds = site.feed_count(request.site.feeds)
    lost = site.lost_feed(chassis, power.max_w, power.typical_w, feeds)
    accepted = ("rides through",) if asked == "ride_through" else ("rides through", "throttles")
    if lost.result in accepted:
        return None
    name, wish = f"{chassis.id} with {accelerator.id}", f"resilience.feed_lost asks for {asked}"
    if lost.result == "not known":
        message = f"{name}: what a lost feed does is not known; {wish}."
    else:
        supplies = f"{lost.left} of {chassis.psu_count} supplies stay"
        message = f"{name} {lost.result} when one of {feeds} feeds is lost ({supplies}); {wish}."
    return Rejection(chassis.id, "feed-lost", message, lost.result, asked)


def card_fits(chassis: Chassis, accelerator: Accelerator) -> Rejection | None:
    """A PCIe slot cools and feeds up to `max_card_w`; None when the card stays below it or the limit is not known."""
    if chassis.category != "pcie" or chassis.max_card_w is None or accelerator.tdp_w is None:
        return None
    if accelerator.tdp_w <= chassis.max_card_w:
        return None
    message = f"{chassis.id}: a slot takes {chassis.max_card_w:g} W, {accelerator.id} needs {accelerator.tdp_w:g} W."
    return Rejection(chassis.id, "card-power", message, f"{chassis.max_card_w:g} W", f"{accelerator.tdp_w:g} W")


def lanes_short(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, cpu: Cpu, adapter_lanes: int, drives: int
) -> Rejection | None:
    """PCIe lanes of cards, adapters and data drives against what the CPUs give.

    Checked where slots hang on the CPUs directly. A chassis with PCIe switches, or with more x16 slots than any CPU
    has lanes (so it must have switches), shares uplinks that makers do not publish: its slot count is the limit then.
    """
    have = _direct_lanes(bench, chassis, cpu)
    need = count * (accelerator.pcie_lanes or 16) + adapter_lanes + drives * bench.rules.lanes.drive_lanes
    if have is None or need <= have:
        return None
    message = f"{chassis.id} with {count} {accelerator.id} and {cpu.id}: {need} PCIe lanes needed, {have} there."
    return Rejection(chassis.id, "pcie-lanes", message, f"{have} lanes", f"{need} lanes")


def drive_room(bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, cpu: Cpu) -> int:
    """Data drives that still find lanes beside the cards and one fast and one slow adapter; the bays if not limited."""
    have = _direct_lanes(bench, chassis, cpu)
    if have is None:
        return chassis.drive_bays
    left = have - count * (accelerator.pcie_lanes or 16) - (16 + 8)
    return max(1, min(chassis.drive_bays, left // bench.rules.lanes.drive_lanes))


def _direct_lanes(bench: Bench, chassis: Chassis, cpu: Cpu) -> int | None:
    """Lanes of the CPUs where slots hang on them directly; None behind PCIe switches."""
    have = cpu.pcie_lanes * chassis.cpu_sockets
    if chassis.cpu_sockets == 2:
        have = min(have, bench.rules.lanes.two_socket_total.get(cpu.socket, have))
    slot_lanes = (chassis.slots + chassis.nic_slots + chassis.compute_nic_slots) * 16
    return None if chassis.category != "pcie" or chassis.pcie_switches or slot_lanes > have else have


def node_weight(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int
) -> tuple[float, tuple[str, ...]] | Rejection:
    """Kilograms of one node and what was estimated. A missing chassis weight follows the class rules.

    Class rules are planned at their high end, because the figure is held against racks and floors.
    """
    cards = 0.0
    estimates = []
    if chassis.category == "pcie" and accelerator.slot_width != 1:
        cards = bench.rules.weight.pcie_card_kg * count
        estimates.append(f"weight_kg: cards at {bench.rules.weight.pcie_card_kg:g} kg each")
    if chassis.weight_kg is not None:
        return round(chassis.weight_kg + cards, 2), tuple(estimates)
    key = ("weight", chassis.id)
    if key not in bench.memo:
        bench.memo[key] = _weight_by_class(bench, chassis)
    found: tuple[float, str] | None = bench.memo[key]
    if found is None:
        return Rejection(chassis.id, "weight", f"{chassis.id}: no weight and no class rule for it.", None, "weight_kg")
    return round(found[0] + cards, 1), (found[1], *estimates)


def _weight_by_class(bench: Bench, chassis: Chassis) -> tuple[float, str] | None:
    """kg = a + b x rack units by class of machine, at the class's high factor."""
    if ("classes",) not in bench.memo:
        try:
            bench.memo[("classes",)] = bench.catalog.table("estimates/classes")
        except CatalogError:
            bench.memo[("classes",)] = {}
    table: dict[str, Any] = bench.memo[("classes",)]
    if chassis.category == "rack-scale":
        wanted = "rack"
    elif chassis.cooling == "dlc":
        wanted = "dlc"
    elif chassis.category == "pcie":
        wanted = "pcie"
    else:
        wanted = "4 sxm" if chassis.slots <= 4 else "8 sxm"
    for row in table.get("server_weight_kg", {}).get("classes", []):
        if wanted in str(row["class"]).lower():
            return _class_kg(row, chassis)
    return None


def _class_kg(row: dict[str, Any], chassis: Chassis) -> tuple[float, str] | None:
    """Apply one class row: `plan_per_u`, or a rule text such as "kg = 45 + 9.8 * rack_units"."""
    units = chassis.rack_units or 0
    formula = re.search(r"kg = ([\d.]+) \+ ([\d.]+) \* rack_units", str(row.get("rule", "")))
    if "plan_per_u" in row:
        kg, text = float(row["plan_per_u"]) * units, f"{row['plan_per_u']} kg x {units} U"
    elif formula:
        base, per_unit = (float(x) for x in formula.groups())
        kg, text = base + per_unit * units, f"{base:g} + {per_unit:g} kg x {units} U"
    else:
        return None
    factor = float(row.get("high_factor", 1.25))
    return kg * factor, f"weight_kg: class rule {text}, high end x {factor:g}"
