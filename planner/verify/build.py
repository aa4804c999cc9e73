"""Pools against the lines that build them: cards, CPUs, memory, drives, adapters, chassis."""

from __future__ import annotations

from collections.abc import Iterator

from planner.catalog import Catalog
from planner.parts import Accelerator, Baseboard, Chassis, Cpu, Dimm, Drive, Nic
from planner.plan import Plan, PlanLine, Pool


def check_pools(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Each pool's figures from its own lines."""
    for k, pool in enumerate(plan.pools):
        name = f"pools[{k}] ({pool.workload})"
        if pool.accelerators != pool.nodes * pool.accelerators_per_node:
            yield f"{name}: {pool.accelerators} accelerators, {pool.nodes} nodes of {pool.accelerators_per_node}"
        chassis = catalog.chassis.get(pool.chassis)
        if chassis is None or pool.accelerator not in catalog.accelerators:
            yield f"{name}: {pool.chassis} with {pool.accelerator} is not in the catalog"
            continue
        if pool.accelerator not in chassis.takes:
            yield f"{name}: {pool.chassis} does not take {pool.accelerator}"
        lines = _lines_of(plan, pool)
        if not lines:
            yield f"{name}: no lines"
            continue
        yield from _parts(name, pool, chassis, lines, catalog)
        box = next((ln for ln in lines if ln.part == pool.chassis), None)
        if box is None or box.quantity != pool.nodes:
            yield f"{name}: {pool.nodes} nodes, the lines hold {box.quantity if box else 0} × {pool.chassis}"
        else:
            yield from _box(name, pool, box, chassis)


def _lines_of(plan: Plan, pool: Pool) -> list[PlanLine]:
    """Lines of the node group of a pool: the group that holds its chassis and its card."""
    groups = {ln.group for ln in plan.lines if ln.part == pool.chassis and ln.nodes == pool.nodes}
    found = [ln for ln in plan.lines if ln.group in groups and ln.nodes == pool.nodes]
    fitting = [g for g in groups if pool.accelerator in g or len(groups) == 1]
    return [ln for ln in found if ln.group in fitting] if fitting else found


def _parts(name: str, pool: Pool, chassis: Chassis, lines: list[PlanLine], catalog: Catalog) -> Iterator[str]:
    cards = cpus = nics = 0
    memory = drives = 0.0
    for line in lines:
        part = catalog.parts.get(line.part)
        per = line.quantity / pool.nodes
        if isinstance(part, Accelerator):
            cards += round(per) if part.id == pool.accelerator else -1000
        elif isinstance(part, Baseboard):
            cards += round(per) * part.accelerators if part.accelerator == pool.accelerator else -1000
        elif isinstance(part, Cpu):
            cpus += round(per)
            if part.id != pool.cpu:
                yield f"{name}: cpu {pool.cpu}, the lines hold {part.id}"
        elif isinstance(part, Dimm):
            memory += per * part.size_gb
        elif isinstance(part, Drive) and part.use == "data":
            drives += per * part.capacity_tb
        elif isinstance(part, Nic) and part.id == pool.nic:
            nics += round(per)
    complete = chassis.price_scope == "complete"
    if cards != (0 if complete else pool.accelerators_per_node):
        yield f"{name}: {pool.accelerators_per_node} accelerators per node, the lines hold {cards}"
    if not complete:
        for field, have, found in (
            ("cpus_per_node", pool.cpus_per_node, cpus),
            ("memory_gb", pool.memory_gb, memory),
            ("nvme_tb", pool.nvme_tb, drives),
        ):
            if abs(have - found) > 1e-6:
                yield f"{name}: {field} {have:g}, the lines hold {found:g}"
    else:
        fixed = (
            ("memory_gb", pool.memory_gb, chassis.memory_gb_fixed),
            ("nvme_tb", pool.nvme_tb, chassis.nvme_tb_fixed),
        )
        for field, have, want in fixed:
            if want is not None and abs(have - want) > 1e-6:
                yield f"{name}: {field} {have:g}, {chassis.id} comes with {want:g}"
        if chassis.cpu_fixed is not None and pool.cpu != chassis.cpu_fixed:
            yield f"{name}: cpu {pool.cpu}, {chassis.id} comes with {chassis.cpu_fixed}"
    if nics and nics != pool.nics_per_node:
        yield f"{name}: nics_per_node {pool.nics_per_node}, the lines hold {nics}"


def _box(name: str, pool: Pool, box: PlanLine, chassis: Chassis) -> Iterator[str]:
    """Power, room and weight stand on the chassis line and in the pool alike, within the datasheet."""
    for field, have, found in (
        ("node_power_kw", pool.node_power_kw, box.max_power_w / 1000),
        ("node_typical_kw", pool.node_typical_kw, box.typical_power_w / 1000),
    ):
        if not -1e-9 <= found - have < 0.001 + 1e-9:  # lines are in whole watts, rounded up
            yield f"{name}: {field} {have:g}, its line says {found:g}"
    if pool.node_rack_units != box.rack_units or box.rack_units != chassis.rack_units:
        yield f"{name}: node_rack_units {pool.node_rack_units}, {chassis.id} has {chassis.rack_units}"
    if abs(pool.node_weight_kg - box.weight_kg) > 1e-6:
        yield f"{name}: node_weight_kg {pool.node_weight_kg:g}, its line says {box.weight_kg:g}"
    if chassis.weight_kg is not None and box.weight_kg < chassis.weight_kg - 1e-6:
        yield f"{name}: node_weight_kg {box.weight_kg:g}, {chassis.id} alone weighs {chassis.weight_kg:g}"
    most = chassis.max_power_w
    if most is not None and box.max_power_w > most + 1:
        yield f"{name}: {box.max_power_w:g} W per node, the datasheet's maximum is {most:g} W"
    if chassis.category != "pcie" and most is not None and box.max_power_w < most - 1:
        yield f"{name}: {box.max_power_w:g} W per node, limits use the datasheet's maximum of {most:g} W"
    if pool.cooling != chassis.cooling:
        yield f"{name}: cooling {pool.cooling}, {chassis.id} is {chassis.cooling}"
