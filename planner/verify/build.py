"""Pools against the lines that build them: cards, CPUs, memory, drives, adapters, software, management, storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from planner.catalog import Catalog
from planner.parts import Accelerator, Baseboard, Chassis, Cpu, Dimm, Drive, ManagementNode, Nic, StorageSystem
from planner.plan import Plan, PlanLine, Pool
from planner.verify.ports import SMALL_SITE_NODES, adapters_needed, node_lines


def check_pools(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Each pool's figures from its own lines, then what all pools share."""
    for k, pool in enumerate(plan.pools):
        name = f"pools[{k}] ({pool.workload})"
        if pool.nodes < 1 or pool.accelerators != pool.nodes * pool.accelerators_per_node:
            yield f"{name}: {pool.accelerators} accelerators, {pool.nodes} nodes of {pool.accelerators_per_node}"
        chassis = catalog.chassis.get(pool.chassis)
        if chassis is None or pool.accelerator not in catalog.accelerators:
            yield f"{name}: {pool.chassis} with {pool.accelerator} is not in the catalog"
            continue
        if pool.accelerator not in chassis.takes:
            yield f"{name}: {pool.chassis} does not take {pool.accelerator}"
        lines = node_lines(plan, pool)
        box = next((ln for ln in lines if ln.part == pool.chassis), None)
        if box is None or box.quantity != pool.nodes:
            yield f"{name}: {pool.nodes} nodes, the lines hold {box.quantity if box else 0} × {pool.chassis}"
            continue
        yield from _parts(name, pool, chassis, lines, catalog)
        yield from _adapters(name, plan, pool, chassis, lines, catalog)
        yield from _box(name, pool, box, chassis)
        yield from _scale_up(name, pool, lines, chassis, catalog)
        yield from _peak(name, pool, catalog.accelerators[pool.accelerator])
        yield from _served(name, plan, pool, catalog.accelerators[pool.accelerator])
        yield from _software(name, plan, pool, box, chassis, catalog)
    yield from _spares(plan)
    yield from _management(plan, catalog)
    yield from _storage(plan, catalog)


def _parts(name: str, pool: Pool, chassis: Chassis, lines: list[PlanLine], catalog: Catalog) -> Iterator[str]:
    """What is inside one node: bought parts of a barebone, fixed figures of a complete system."""
    cards = cpus = 0
    memory = drives = 0.0
    for line in lines:
        part = catalog.parts.get(line.part)
        each, rest = divmod(line.quantity, pool.nodes)
        if rest:
            yield f"{name}: {line.quantity} × {line.part} do not divide over {pool.nodes} nodes"
        if isinstance(part, Accelerator):
            cards += each
            if part.id != pool.accelerator:
                yield f"{name}: accelerator {pool.accelerator}, the lines hold {part.id}"
        elif isinstance(part, Baseboard):
            cards += each * part.accelerators
            if part.accelerator != pool.accelerator:
                yield f"{name}: accelerator {pool.accelerator}, the lines hold {part.accelerator}"
        elif isinstance(part, Cpu):
            cpus += each
            if part.id != pool.cpu or (chassis.cpus and part.id not in chassis.cpus):
                yield f"{name}: cpu {pool.cpu}, the lines hold {part.id}"
        elif isinstance(part, Dimm):
            memory += each * part.size_gb
        elif isinstance(part, Drive) and part.use == "data":
            drives += each * part.capacity_tb
        elif isinstance(part, Chassis) and part.id != pool.chassis:
            yield f"{name}: chassis {pool.chassis}, the lines hold {part.id} too"
    if chassis.price_scope == "barebone":
        wanted: tuple[tuple[str, float, float], ...] = (
            ("accelerators_per_node", pool.accelerators_per_node, cards),
            ("cpus_per_node", pool.cpus_per_node, cpus),
            ("memory_gb", pool.memory_gb, memory),
            ("nvme_tb", pool.nvme_tb, drives),
        )
    else:
        wanted = (
            ("accelerators_per_node", pool.accelerators_per_node, chassis.slots + cards),
            ("cpus_per_node", pool.cpus_per_node, chassis.cpu_sockets),
            ("memory_gb", pool.memory_gb, chassis.memory_gb_fixed or 0.0),
            ("nvme_tb", pool.nvme_tb, chassis.nvme_tb_fixed or 0.0),
        )
        if pool.cpu != chassis.cpu_fixed:
            yield f"{name}: cpu {pool.cpu}, {chassis.id} comes with {chassis.cpu_fixed}"
        if chassis.complete_for not in (None, pool.accelerator):
            yield f"{name}: {chassis.id} is sold with {chassis.complete_for}, not with {pool.accelerator}"
    for field, have, found in wanted:
        if abs(have - found) > 1e-6:
            yield f"{name}: {field} {have:g}, its lines and chassis give {found:g}"
    if chassis.category == "pcie" and pool.accelerators_per_node > chassis.slots:
        yield f"{name}: {pool.accelerators_per_node} cards, {chassis.id} has {chassis.slots} slots"


def _adapters(
    name: str, plan: Plan, pool: Pool, chassis: Chassis, lines: list[PlanLine], catalog: Catalog
) -> Iterator[str]:
    """Compute adapters as the pool says; one more each for in-band and storage where the chassis brings none."""
    own = other = 0
    for line in lines:
        if isinstance(catalog.parts.get(line.part), Nic):
            if line.part == pool.nic:
                own += line.quantity // pool.nodes
            else:
                other += line.quantity // pool.nodes
    needed = adapters_needed(plan, pool, catalog)
    if other != needed:
        yield f"{name}: {needed} adapters per node needed beside compute, the lines hold {other} (nic {pool.nic})"
    fixed = next((n for n in chassis.fixed_nics if n.role == "compute"), None)
    if not own and pool.nic != (fixed.nic if fixed else None):
        yield f"{name}: nic {pool.nic}, its lines and chassis hold {fixed.nic if fixed else None}"
    count = own or sum(n.ports for n in chassis.fixed_nics if n.role == "compute")
    if pool.nics_per_node != count:
        yield f"{name}: nics_per_node {pool.nics_per_node}, its lines and chassis give {count}"


def _box(name: str, pool: Pool, box: PlanLine, chassis: Chassis) -> Iterator[str]:
    """Power, room and weight stand on the chassis line and in the pool alike; lines are in whole watts, rounded up."""
    for field, have, found in (
        ("node_power_kw", pool.node_power_kw, box.max_power_w / 1000),
        ("node_typical_kw", pool.node_typical_kw, box.typical_power_w / 1000),
    ):
        if not -1e-9 <= found - have < 0.001 + 1e-9:
            yield f"{name}: {field} {have:g}, its line says {found:g}"
    if pool.node_rack_units != box.rack_units:
        yield f"{name}: node_rack_units {pool.node_rack_units}, its line says {box.rack_units}"
    if abs(pool.node_weight_kg - box.weight_kg) > 1e-6:
        yield f"{name}: node_weight_kg {pool.node_weight_kg:g}, its line says {box.weight_kg:g}"
    if chassis.max_power_w is not None and box.max_power_w > chassis.max_power_w + 1:
        yield f"{name}: {box.max_power_w:g} W per node, {chassis.id} carries {chassis.max_power_w:g} W"
    if pool.cooling != chassis.cooling:
        yield f"{name}: cooling {pool.cooling}, {chassis.id} is {chassis.cooling}"


def _scale_up(name: str, pool: Pool, lines: list[PlanLine], chassis: Chassis, catalog: Catalog) -> Iterator[str]:
    """Accelerators joined inside a system: by bridges that are bought, else by what the system is built with."""
    card, count = catalog.accelerators[pool.accelerator], pool.accelerators_per_node
    bridge = next((catalog.bridges[ln.part] for ln in lines if ln.part in catalog.bridges), None)
    if bridge is not None:
        joined, speed, words, how = bridge.group, bridge.gb_per_s, bridge.model, "bridge"
    elif chassis.category == "pcie" and chassis.price_scope == "barebone":
        joined, speed, words, how = 1, None, "", ""
    else:
        joined, speed = min(card.scale_up.domain, count), card.scale_up.gb_per_s
        words, how = card.scale_up.name, str(chassis.interconnect)
    have = pool.scale_up
    if joined < 2:
        if have is not None:
            yield f"{name}: scale_up {have.name}, nothing joins its accelerators"
        return
    included = {what: n * pool.nodes for what, n in chassis.scale_up_parts.items()}
    found = (words, how, joined, count // joined * pool.nodes, speed, included)
    stated = have and (
        have.name,
        have.interconnect,
        have.accelerators,
        have.domains,
        have.gb_per_s,
        have.included,
    )
    if stated != found:
        yield f"{name}: scale_up {stated}, chassis and lines give {found}"


def _peak(name: str, pool: Pool, accelerator: Accelerator) -> Iterator[str]:
    """Dense peak at the pool's precision, else FP16, else BF16."""
    published = [p for p in (pool.precision, "fp16", "bf16") if p is not None and accelerator.dense_tflops.get(p)]
    precision = published[0] if published else None
    peak = round(accelerator.dense_tflops[precision] * pool.accelerators / 1000, 3) if precision else None
    if pool.peak_precision != precision:
        yield f"{name}: peak_precision {pool.peak_precision}, {accelerator.id} has {precision}"
    if (pool.peak_pflops is None) != (peak is None) or abs((pool.peak_pflops or 0) - (peak or 0)) > 1e-9:
        yield f"{name}: peak_pflops {pool.peak_pflops}, {pool.accelerators} × {accelerator.id} give {peak}"


def _served(name: str, plan: Plan, pool: Pool, accelerator: Accelerator) -> Iterator[str]:
    """Workloads of the request; replicas, cards and slices of shared work within the pool; spare nodes as asked."""
    asked = {w["name"]: w for w in plan.request["workloads"]}
    if pool.workload != " + ".join(pool.workloads):
        yield f"{name}: workload {pool.workload}, its workloads are {', '.join(pool.workloads)}"
    for work in pool.workloads:
        if work not in asked:
            yield f"{name}: {work} is not a workload of the request"
    if pool.spare_nodes and all(pool.spare_nodes != asked[w]["spare_nodes"] for w in pool.workloads if w in asked):
        yield f"{name}: spare_nodes {pool.spare_nodes}, the request asks for another number"
    if pool.replicas is None:
        return
    counts = [int(p.layout.get("replicas", 0)) for p in pool.predicted]
    if pool.replicas != sum(counts):
        yield f"{name}: replicas {pool.replicas}, its predictions count {sum(counts)}"
    cards = slices = 0
    for work, predicted in zip(pool.workloads, pool.predicted, strict=False):
        each, number = predicted.layout.get("accelerators"), int(predicted.layout.get("replicas", 0))
        own, parts = int(predicted.layout.get("cards", 0)), int(predicted.layout.get("slices", 0))
        cards, slices = cards + own, slices + parts
        if each is not None and own != int(each) * number:
            yield f"{name}: {work} takes {own} cards, {number} replicas of {each} take {int(each) * number}"
        if parts and predicted.layout.get("slices_per_card") != accelerator.mig_instances:
            stated = predicted.layout.get("slices_per_card")
            yield f"{name}: {work} takes slices of 1/{stated}, {accelerator.id} has {accelerator.mig_instances}"
        if parts > number or (parts == number and own):
            yield f"{name}: {work} takes {parts} slices and {own} cards for {number} replicas"
    used = cards + (-(-slices // (accelerator.mig_instances or 1)) if slices else 0)
    if pool.cards_used != used:
        yield f"{name}: cards_used {pool.cards_used}, its replicas take {used}"
    if pool.cards_used is None or not pool.replicas - slices <= pool.cards_used <= pool.accelerators:
        yield f"{name}: cards_used {pool.cards_used} for {pool.replicas} replicas on {pool.accelerators} cards"


def _spares(plan: Plan) -> Iterator[str]:
    """Spare nodes that a workload asks for stand in a pool that serves it."""
    for work in plan.request["workloads"]:
        kept = max((p.spare_nodes for p in plan.pools if work["name"] in p.workloads), default=0)
        if kept < work["spare_nodes"]:
            yield f"pools: {work['name']} asks for {work['spare_nodes']} spare nodes, its pools keep {kept}"


def _software(name: str, plan: Plan, pool: Pool, box: PlanLine, chassis: Chassis, catalog: Catalog) -> Iterator[str]:
    """Every default software, support and service item that applies has its line, counted by its rule."""
    accelerator, country = catalog.accelerators[pool.accelerator], plan.request["site"]["country"]
    per = {
        "accelerator": pool.accelerators,
        "node": pool.nodes * chassis.fabric_units,
        "socket": pool.nodes * pool.cpus_per_node,
        "percent-of-hardware": pool.nodes,
    }
    have = Counter[str]()
    for line in (*plan.lines, *plan.yearly):
        if line.group == box.group and line.pool == box.pool:
            have[line.part] += line.quantity
    for item in catalog.software.values():
        applies = (
            item.default
            and item.lifecycle == "current"
            and (not item.ecosystems or accelerator.ecosystem in item.ecosystems)
            and (not item.accelerators or accelerator.id in item.accelerators)
            and (not item.chassis or chassis.id in item.chassis)
            and (not item.countries or country in item.countries)
            and country not in item.not_countries
            and item.per in per
        )
        expected = per[item.per] if applies else 0
        # Support that the price of the system covers for all years costs nothing and has no line.
        covered = item.per == "percent-of-hardware" and item.recurring == "yearly" and not have[item.id]
        if have[item.id] != expected and not covered:
            yield f"{name}: {expected} × {item.id} needed, the lines hold {have[item.id]}"


def _management(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Management servers by the reference steps; none for the smallest sites."""
    nodes = sum(p.nodes * catalog.chassis[p.chassis].fabric_units for p in plan.pools if p.chassis in catalog.chassis)
    have = 0
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, ManagementNode) and part.role == "management":
            have += line.quantity
    rows = catalog.table("estimates/management")["rows"]
    row = next((r for r in rows if nodes <= int(r["nodes_up_to"])), rows[-1])
    expected = 0 if nodes <= SMALL_SITE_NODES else int(row["total"])
    if expected == 2 and plan.request.get("resilience", {}).get("management") == "single":
        expected = 1
    if have != expected:
        yield f"lines: {expected} management servers for {nodes} nodes, the lines buy {have}"


def _storage(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The storage choice against its line, the catalog's figures per block, and what was asked."""
    bought = Counter[str]()
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), StorageSystem):
            bought[line.part] += line.quantity
    asked, choice = plan.request["storage"], plan.storage
    if (asked is None) != (choice is None):
        yield f"storage: {choice.system if choice else 'none'} planned, the request asks for {asked}"
    if choice is None or choice.system not in catalog.storage:
        if bought or choice is not None:
            yield f"storage: {choice.system if choice else 'none'} planned, the lines buy {dict(bought)}"
        return
    if bought != Counter({choice.system: choice.blocks}):
        yield f"storage: {choice.blocks} × {choice.system} planned, the lines buy {dict(bought)}"
    system = catalog.storage[choice.system]
    # Bytes leave through the ports, which run at the speed of the network.
    carried = [system.ports * min(net.gbps, system.port_gbps) / 8 for net in plan.fabrics if net.role == "storage"]
    for field, have, each in (
        ("usable_tb", choice.usable_tb, system.usable_tb),
        ("read_gb_per_s", choice.read_gb_per_s, min([system.read_gb_per_s, *carried])),
        ("write_gb_per_s", choice.write_gb_per_s, min([system.write_gb_per_s, *carried])),
    ):
        if abs(have - each * choice.blocks) > 1e-6:
            yield f"storage.{field}: {have:g}, {choice.blocks} blocks of {each:g} give {each * choice.blocks:g}"
        needed = storage_needed(plan, catalog)
        if field in needed and have < needed[field] - 1e-6:
            yield f"storage.{field}: {have:g}, {needed[field]:g} is needed"
    for field, stated in (("read_gb_per_s", choice.read_needed), ("write_gb_per_s", choice.write_needed)):
        if abs(stated - storage_needed(plan, catalog)[field]) > 1e-6:
            yield f"storage: {stated:g} GB/s said to be needed, {storage_needed(plan, catalog)[field]:g} is ({field})"
    if choice.blocks < system.min_blocks:
        yield f"storage.blocks: {choice.blocks}, {system.id} is sold from {system.min_blocks}"


def storage_needed(plan: Plan, catalog: Catalog) -> dict[str, float]:
    """Capacity and speed that storage must have: as asked; else by profile, accelerators and checkpoints.

    docs/fabric.md: the profile's figures are for 256 accelerators, with a floor for one node; a checkpoint holds 14
    bytes per parameter of every language model in training, written within its window and read back at a restart.
    """
    asked = plan.request["storage"]
    if asked is None:
        return {}
    rules = catalog.table("estimates/storage")
    check, found = rules["checkpoint"], {"usable_tb": float(asked["usable_tb"])}
    state = sum(
        catalog.find_model(w["model"]).params_total_b * check["bytes_per_parameter"]
        for w in plan.request["workloads"]
        if w["kind"] == "training" and w["model"]
    )
    seconds = {"read": check["restart_s"], "write": min(check["window_most_s"], check["interval_s"] * 0.5)}
    cards = sum(pool.accelerators for pool in plan.pools)
    for way in ("read", "write"):
        speed = asked[f"{way}_gb_per_s"]
        if speed is None:
            speed = state / seconds[way]
            if asked.get("profile"):
                row = rules["profile"][asked["profile"]]
                speed = max(speed, row[f"node_{way}"], cards * row[way] / rules["profile"]["accelerators"])
            speed = round(speed, 3)
        found[f"{way}_gb_per_s"] = float(speed)
    return found
