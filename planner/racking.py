"""The racks of a plan: every device labelled, placed and counted. Layer 3: it reads what the solver chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from planner import floorplan, neighbours, placement, site
from planner.assemble import Chosen, joint_names
from planner.bundles import CDU
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Shape, SharedOption, Solution
from planner.plan import PlannedFabric, PlannedRack, Pool, RackItem
from planner.problem import Prepared
from planner.wiring import pool_names


def racks(
    prepared: Prepared,
    solution: Solution,
    chosen: Sequence[Chosen],
    pools: Sequence[Pool],
    fabrics: Sequence[PlannedFabric],
) -> tuple[PlannedRack, ...]:
    """The assignment of every device to rack and unit, in the fewest racks."""
    needs = list(_devices(prepared, solution, chosen, pools, {net.name: net for net in fabrics}))
    packed = placement.place(needs, prepared.space)
    if isinstance(packed, Rejection):
        raise AssertionError(packed.message)
    cabinet = prepared.problem.rack_bundle.lines[0].part if prepared.problem.rack_bundle.lines else None
    ground = floorplan.floor_of(prepared.request.site.model_dump(), len(packed.racks), None, None)
    order = neighbours.side_by_side(packed.racks, ground.racks_per_row)
    door = None if prepared.door is None else prepared.door.id
    return tuple(_rack(k, load, cabinet, door) for k, load in enumerate(order, 1))


def _rack(number: int, load: site.RackLoad, cabinet: str | None, door: str | None) -> PlannedRack:
    items = tuple(
        RackItem(
            item=need.item,
            label=need.label,
            units=need.units,
            bottom_unit=bottom,
            power_kw=need.power_kw,
            weight_kg=need.weight_kg,
        )
        for placed in load.items
        for need, bottom in _each(placed)
    )
    own = any(placed.need.own_rack for placed in load.items)
    return PlannedRack(
        name=f"R{number:02d}",
        part=None if own else cabinet,
        door=None if own else door,
        units=load.units,
        power_kw=round(sum(i.power_kw for i in items), 3),
        weight_kg=round(sum(i.weight_kg for i in items), 1),
        items=items,
    )


def _each(placed: site.Placed) -> Iterator[tuple[site.RackNeed, int]]:
    """Every device with its lowest unit: the members of a block one above the other."""
    bottom = placed.bottom_unit
    for need in placed.need.stack or (placed.need,):
        yield need, bottom
        bottom += need.units


def _devices(
    prepared: Prepared,
    solution: Solution,
    chosen: Sequence[Chosen],
    pools: Sequence[Pool],
    networks: dict[str, PlannedFabric],
) -> Iterator[site.RackNeed]:
    """Nodes pool by pool, then the switches and managers of each compute fabric, then everything that is shared."""
    first = 0
    standing_of: dict[str, tuple[int, int]] = {}  # joint fabric -> the first of its nodes and the one after the last
    equipment: list[site.RackNeed] = []
    for name, pick in zip(pool_names(pools), chosen, strict=True):
        shapes = _shapes(pick)
        node = pick.option.node
        standing = 0
        if pick.option.pods and pick.fabric is not None:
            standing = pick.nodes
            yield from _pods(pick, name, networks[pick.fabric])
        for shape, number in shapes:
            if shape.stack and shape.item == node.id:
                continue  # a block of a pod
            elif shape.item in (node.id, node.chassis):
                standing += 0 if shape.own_rack else number
                yield from (_need(shape, f"{name} node {k + 1}", "node", item=node.chassis) for k in range(number))
            elif pick.fabric is not None and pick.option.network is None:
                net = networks[pick.fabric]
                equipment += _equipment(prepared.catalog, shape, number, net, (first, standing or pick.nodes))
        if pick.option.network is not None and pick.fabric is not None:
            begun = standing_of.get(pick.fabric, (first, first))[0]
            standing_of[pick.fabric] = (begun, first + (standing or pick.nodes))
        first += standing
    names = joint_names(chosen)
    for bracket in prepared.problem.shared:
        count = solution.shared.get(bracket.id)
        if count and bracket.network in names:
            net = networks[names[bracket.network]]
            begun, end = standing_of[net.name]
            for shape, number in sorted(bracket.load(count).shapes.items()):
                equipment += _equipment(prepared.catalog, shape, number, net, (begun, end - begun))
    yield from equipment
    for bracket in prepared.problem.shared:
        count = solution.shared.get(bracket.id)
        if count is not None and bracket.joint is None:
            yield from _bracket(prepared, bracket, count, networks, first)


def _shapes(pick: Chosen) -> list[tuple[Shape, int]]:
    """Shapes of one chosen option with their counts, its nodes first."""
    shapes = dict(pick.option.fixed.shapes)
    for shape, number in pick.option.unit.shapes.items():
        shapes[shape] = shapes.get(shape, 0) + number * pick.units
    node = pick.option.node
    return sorted(shapes.items(), key=lambda entry: (entry[0].item not in (node.id, node.chassis), entry[0]))


def _bracket(
    prepared: Prepared, bracket: SharedOption, count: int, networks: dict[str, PlannedFabric], nodes: int
) -> Iterator[site.RackNeed]:
    for shape, number in sorted(bracket.load(count).shapes.items()):
        if bracket.network == "management":
            yield from (_need(shape, f"management {k + 1}", "management") for k in range(number))
        elif bracket.network == CDU:
            yield from (_need(shape, f"cdu {k + 1}", "cooling") for k in range(number))
        elif bracket.network == "storage-system":
            yield from (_need(shape, f"storage system {k + 1}", "storage") for k in range(number))
        else:
            yield from _equipment(prepared.catalog, shape, number, networks[bracket.network], (0, nodes))


def _equipment(
    catalog: Catalog, shape: Shape, number: int, net: PlannedFabric, serves: tuple[int, int]
) -> list[site.RackNeed]:
    """Switches by tier with the nodes they serve; what is no switch manages the fabric. `serves`: first node, count."""
    if shape.item not in catalog.switches:
        return [_need(shape, f"{net.name} manager {k + 1}", "management") for k in range(number)]
    first, count = serves
    labels = [
        (tier, k) for tier, have in (("leaf", net.leaf), ("spine", net.spine), ("core", net.core)) for k in range(have)
    ]
    if shape.stack:  # all switches of the network in one block, the first leaf highest
        each = _pieces(shape, [f"{net.name} {tier} {k + 1}" for tier, k in reversed(labels)], "network")
        near = (first, first + count - 1) if count else None
        return [replace(_need(shape, f"{net.name} switches", "network", near), stack=each)]
    found = []
    for tier, k in labels[:number]:
        near = None
        if tier == "leaf" and count:
            low, high = _served(net, k, count)
            near = (first + low, first + max(low, high - 1))
        found.append(_need(shape, f"{net.name} {tier} {k + 1}", "network", near))
    return found


def _pods(pick: Chosen, name: str, net: PlannedFabric) -> Iterator[site.RackNeed]:
    """Switches and the nodes that stand with them: a block per rack, nodes numbered block after block."""
    node, done = pick.option.node, 0
    for k, pod in enumerate(pick.option.pods, 1):
        for number, shape in enumerate(pod, 1):
            labels: list[str] = []
            for item, count, *_ in shape.stack:
                if item == net.switch:
                    labels.append(f"{net.name} leaf {k}")
                else:
                    labels += [f"{name} node {done + n + 1}" for n in range(count)]
                    done += count
            whole = _need(shape, f"{name} pod {k} block {number}", "node", item=node.chassis)
            each = _pieces(shape, labels, "node", {node.id: node.chassis})
            yield replace(whole, stack=each, beside=f"{name} pod {k}" if len(pod) > 1 else "")


def _pieces(
    shape: Shape, labels: Sequence[str], role: str, items: dict[str, str] | None = None
) -> tuple[site.RackNeed, ...]:
    """The devices of a block by label, from the bottom up."""
    sizes = [entry for entry in shape.stack for _ in range(entry[1])]
    return tuple(
        site.RackNeed((items or {}).get(item, item), label, units, watts / 1000, grams / 1000, role=role)
        for (item, _, units, watts, grams), label in zip(sizes, labels, strict=True)
    )


def _served(net: PlannedFabric, leaf: int, nodes: int) -> tuple[int, int]:
    """The nodes below a leaf, roughly: its scalable unit, else its share of all in order."""
    rails = max(1, net.endpoints // max(1, nodes) // net.planes)
    group = rails if net.topology == "rail" and net.spine else 2 if net.redundancy == "pair" else 1
    leaves = max(1, net.leaf // net.planes)  # of each plane, numbered one plane after the other
    groups = max(1, leaves // group)
    k = min(leaf % leaves // group, groups - 1)
    return k * nodes // groups, (k + 1) * nodes // groups


def _need(
    shape: Shape, label: str, role: str, near: tuple[int, int] | None = None, item: str | None = None
) -> site.RackNeed:
    return site.RackNeed(
        item=item or shape.item,
        label=label,
        units=shape.units,
        power_kw=shape.watts / 1000,
        weight_kg=shape.grams / 1000,
        own_rack=shape.own_rack,
        cooling="dlc" if shape.liquid else "air",
        role=role,
        near=near,
        liquid_kw=shape.plates / 1000,
    )
