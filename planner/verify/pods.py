"""Nodes on copper a second time: which stand with which switch, block by block, and the longest run that gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from planner.catalog import Catalog
from planner.plan import Plan, PlannedFabric, RackItem
from planner.verify.cabling import UNIT, Hall
from planner.verify.joints import compute_joints

SIDE = 0.5  # m from a port to the side of its rack


def longest_run(plan: Plan, catalog: Catalog, net: PlannedFabric) -> float | str:
    """Metres of the longest run from a switch to its nodes, each block on the floor of its rack; or what is wrong.

    A switch and its nodes stand in one rack directly above one another, or in neighbouring racks of one row with the
    switch in the one between, each rack's part without a gap.
    """
    hall = Hall(plan, catalog)
    places = {item.label: (k, item) for k, rack in enumerate(plan.racks) for item in rack.items}
    served: dict[str, set[str]] = {f"{net.name} leaf {n}": set() for n in range(1, net.leaf + 1)}
    for joint in compute_joints(plan, catalog, net):
        served.setdefault(joint.near, set()).update(joint.far)
    need = 0.0
    for leaf, nodes in served.items():
        if leaf not in places or not nodes <= set(places):
            return f"{leaf} or a device that it serves stands nowhere"
        parts: dict[int, list[RackItem]] = {}
        for label in (leaf, *sorted(nodes)):
            parts.setdefault(places[label][0], []).append(places[label][1])
        home = places[leaf][0]
        if any(abs(rack - home) > 1 or rack // hall.row != home // hall.row for rack in parts):
            return f"{leaf} and its devices do not stand in one rack or in neighbouring racks of one row"
        if any(_gap(items) for items in parts.values()):
            return f"{leaf}: its devices do not stand in one rack directly above one another"
        need = max(need, *_runs(plan, hall, home, parts, places[leaf][1]))
    return need


def _gap(items: list[RackItem]) -> bool:
    standing = sorted(items, key=lambda i: i.bottom_unit)
    return any(a.bottom_unit + a.units != b.bottom_unit for a, b in itertools.pairwise(standing))


def _runs(plan: Plan, hall: Hall, home: int, parts: Mapping[int, list[RackItem]], leaf: RackItem) -> Iterator[float]:
    """Metres from the switch to each device, heights counted from the lowest device of each rack's part."""
    if len(parts) == 1:  # a block in one rack is taken at its whole height
        items = sorted(parts[home], key=lambda i: i.bottom_unit)
        apart = sum(i.units for i in items) - (items[0].units + items[-1].units) / 2
        yield apart * UNIT + 2 * SIDE + hall.slack
        return
    floor = {rack: min(i.bottom_unit for i in items) for rack, items in parts.items()}
    at = (home, plan.racks[home].units, leaf.bottom_unit - floor[home] + leaf.units / 2)
    for rack, items in parts.items():
        for item in items:
            yield hall.metres(at, (rack, plan.racks[rack].units, item.bottom_unit - floor[rack] + item.units / 2))
