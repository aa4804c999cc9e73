"""Build complete nodes: every admitted accelerator in every admitted chassis that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.nodes.adapters import Adapters, choose_adapters, choose_bridges
from planner.nodes.admission import Admission, nothing_takes, notice
from planner.nodes.bench import Bench, Item, Prices, total
from planner.nodes.host import Host, choose_boot, choose_data_drives, choose_hosts
from planner.nodes.physical import card_fits, drive_room, feed_lost, lanes_short, node_power, node_weight
from planner.parts import Accelerator, Chassis, NodeBuild
from planner.request import Request


@dataclass(frozen=True, slots=True)
class Body:
    """What a node has whatever its adapters: the bought parts, and what they give."""

    items: tuple[Item, ...]
    host: Host | None  # None: CPU and memory come with the system
    memory_gb: float
    nvme_tb: float
    drives: int
    joined: int  # accelerators joined by scale-up links
    link_gb_per_s: float | None
    label: str
    estimates: tuple[str, ...]
    notices: tuple[str, ...]


def build_nodes(
    catalog: Catalog, request: Request, accelerator_ids: Sequence[str], book: Prices
) -> tuple[list[NodeBuild], list[Rejection]]:
    """All sensible complete builds for the accelerators, and why everything else was left out.

    Of builds with the same chassis, accelerators and adapters only those stay that no other beats in both price and
    power. Builds are sorted by id; rejections stand in the order met. UnknownPart when a preference names no part.
    """
    bench = Bench.open(catalog, request, book)
    admission = Admission(bench)
    nodes: list[NodeBuild] = []
    for accelerator_id in sorted(set(accelerator_ids)):
        accelerator = catalog.accelerators[accelerator_id]
        refused = admission.accelerator(accelerator)
        if refused:
            bench.reject(refused)
            continue
        tried: list[tuple[Chassis, Rejection]] = []
        takers = [c for c in catalog.chassis.values() if accelerator_id in c.takes]
        admitted = []
        for chassis in takers:
            why = admission.chassis(chassis) or card_fits(chassis, accelerator)
            if why:
                bench.reject(why)
                tried.append((chassis, why))
            else:
                admitted.append(chassis)
        if not admitted:
            bench.reject(nothing_takes(accelerator, tried))
        for chassis in admitted:
            nodes += _in_chassis(bench, chassis, accelerator)
    return sorted(nodes, key=lambda n: n.id), list(bench.rejections.values())


def _in_chassis(bench: Bench, chassis: Chassis, accelerator: Accelerator) -> Iterator[NodeBuild]:
    if chassis.category == "pcie":
        counts: Iterable[int] = [c for c in chassis.card_counts or (chassis.slots,) if c <= chassis.slots]
    else:
        counts = (chassis.slots,)
    for count in counts:
        bodies = _bodies(bench, chassis, accelerator, count)
        adapters = choose_adapters(bench, chassis, accelerator, count)
        if isinstance(bodies, Rejection):
            bench.reject(bodies)
            continue
        if isinstance(adapters, Rejection):
            bench.reject(adapters)
            continue
        for choice in adapters:
            yield from _undominated(bench, [_finish(bench, chassis, accelerator, count, b, choice) for b in bodies])


def _bodies(bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int) -> list[Body] | Rejection:
    """The node without its adapters: fixed for complete systems, else one per host and bridge choice."""
    if chassis.price_scope == "complete":
        return _complete(bench, chassis, accelerator)
    board = chassis.baseboards.get(accelerator.id)
    base = bench.priced([(chassis.id, 1), (board, 1) if board else (accelerator.id, count)])
    if isinstance(base, Rejection):
        return base
    hosts = choose_hosts(bench, chassis, accelerator, count)
    if isinstance(hosts, Rejection):
        return hosts
    boot = choose_boot(bench, chassis)
    if isinstance(boot, Rejection):
        return boot
    room = min(drive_room(bench, chassis, accelerator, count, host.cpu) for host in hosts)
    data = choose_data_drives(bench, chassis, accelerator, count, room)
    if isinstance(data, Rejection):
        return data
    drives, tb = data
    disks = [boot, drives] if drives else [boot]
    estimates, notices = _remarks(chassis, accelerator, count, board)
    bodies = []
    for bridge, joined, gb_per_s in choose_bridges(bench, accelerator, count):
        if chassis.category != "pcie":
            joined, gb_per_s = min(accelerator.scale_up.domain, count), accelerator.scale_up.gb_per_s
        front = [*base, bridge] if bridge else base
        for host in hosts:
            bodies.append(
                Body(
                    items=(*front, host.cpus, host.dimms, *disks),
                    host=host,
                    memory_gb=host.memory_gb,
                    nvme_tb=tb,
                    drives=drives.quantity if drives else 0,
                    joined=joined,
                    link_gb_per_s=gb_per_s,
                    label=f"/{bridge.part}" if bridge else "",
                    estimates=estimates,
                    notices=(*notices, *host.notices),
                )
            )
    return bodies


def _remarks(
    chassis: Chassis, accelerator: Accelerator, count: int, board: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Estimates and notices of a machine that is put together from parts."""
    estimates: list[str] = []
    notices = [n for n in (notice(chassis), notice(accelerator)) if n]
    if chassis.vendor == "generic":
        notices.append(f"{chassis.id} stands for a class of machine; choose a maker's model before ordering.")
    if chassis.boot_drives < 2:
        notices.append("One boot drive only: it cannot be mirrored.")
    if chassis.category == "hgx" and board is None:
        estimates.append(f"carrier board: not priced apart, {count} x {accelerator.id} at module price")
        notices.append("The price of the carrier board and its switches is not published; only modules are priced.")
    return tuple(estimates), tuple(notices)


def _complete(bench: Bench, chassis: Chassis, accelerator: Accelerator) -> list[Body] | Rejection:
    """A system sold whole: nothing to choose, so wishes it cannot meet reject it."""
    wanted = bench.request.preferences.node
    if chassis.complete_for not in (None, accelerator.id):
        message = f"{chassis.id}: its price holds for {chassis.complete_for}, not for {accelerator.id}."
        return Rejection(chassis.id, "price-scope", message, chassis.complete_for, accelerator.id)
    if wanted.memory_gb and (chassis.memory_gb_fixed or 0) < wanted.memory_gb:
        have, need = f"{chassis.memory_gb_fixed or 0:,.0f} GB", f"{wanted.memory_gb:,.0f} GB"
        return Rejection(chassis.id, "memory", f"{chassis.id} comes with {have} of memory, asked {need}.", have, need)
    if wanted.nvme_tb and (chassis.nvme_tb_fixed or 0) < wanted.nvme_tb:
        have, need = f"{chassis.nvme_tb_fixed or 0:g} TB", f"{wanted.nvme_tb:g} TB"
        return Rejection(chassis.id, "drives", f"{chassis.id} comes with {have} of NVMe, asked {need}.", have, need)
    if wanted.cpu:
        message = f"{chassis.id} comes with {chassis.cpu_fixed}; another CPU cannot be chosen."
        return Rejection(chassis.id, "cpu", message, chassis.cpu_fixed, wanted.cpu)
    base = bench.priced([(chassis.id, 1)])
    if isinstance(base, Rejection):
        return base
    notices = [n for n in (notice(chassis), notice(accelerator)) if n]
    if chassis.memory_gb_fixed is None:
        notices.append("The memory that comes with the system is not published.")
    if chassis.nvme_tb_fixed is None:
        notices.append("The NVMe that comes with the system is not published.")
    if chassis.own_rack:
        notices.append(f"{chassis.id} is ordered by the unit of {chassis.slots} accelerators.")
    if chassis.needs_cdu:
        notices.append("A coolant distribution unit is needed and is not in the price.")
    estimates = tuple(f"{field.removesuffix('_fixed')}: {why}" for field, why in sorted(chassis.estimates.items()))
    joined = min(accelerator.scale_up.domain, chassis.slots)
    memory, nvme = chassis.memory_gb_fixed or 0.0, chassis.nvme_tb_fixed or 0.0
    link = accelerator.scale_up.gb_per_s
    return [Body(tuple(base), None, memory, nvme, 0, joined, link, "", estimates, tuple(notices))]


def _finish(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, body: Body, adapters: Adapters
) -> tuple[int, NodeBuild] | Rejection:
    """One build with its price in cents, after the checks that need all its parts."""
    items = (*body.items, *adapters.items)
    cents, host_w = total(items)
    host = body.host
    if host:
        short = lanes_short(bench, chassis, accelerator, count, host.cpu, adapters.lanes, body.drives)
        if short:
            return short
    power = node_power(bench, chassis, accelerator, count, host_w)
    weight = node_weight(bench, chassis, accelerator, count)
    if isinstance(power, Rejection):
        return power
    if isinstance(weight, Rejection):
        return weight
    down = feed_lost(bench.request, chassis, accelerator, power)
    if down is not None:
        return down
    compute, storage, in_band = adapters.compute, adapters.storage, adapters.in_band
    estimates = (*body.estimates, *power.estimates, *weight[1], *adapters.estimates)
    return cents, NodeBuild(
        id=_name(chassis, accelerator, count, body, adapters),
        chassis=chassis.id,
        accelerator=accelerator.id,
        accelerators=count,
        lines=tuple(bench.line(i) for i in items),
        cpu=host.cpu.id if host else chassis.cpu_fixed,
        cpus=chassis.cpu_sockets,
        cpu_cores=host.cpu.cores * chassis.cpu_sockets if host else chassis.cpu_cores_fixed or 0,
        memory_gb=body.memory_gb,
        nvme_tb=body.nvme_tb,
        nic=compute.nic,
        compute_ports=compute.ports,
        compute_gbps=compute.gbps,
        compute_technologies=compute.technologies,
        compute_links=bench.links(compute.nic),
        compute_cage=compute.cage,
        storage_ports=storage.ports,
        storage_gbps=storage.gbps,
        inband_ports=in_band.ports,
        inband_gbps=in_band.gbps,
        oob_ports=adapters.oob_ports,
        scale_up_domain=body.joined,
        scale_up_gb_per_s=body.link_gb_per_s,
        fabric_units=chassis.fabric_units,
        max_power_kw=round(power.max_w / 1000, 4),
        typical_power_kw=round(power.typical_w / 1000, 4),
        rack_units=chassis.rack_units or 0,
        weight_kg=weight[0],
        own_rack=chassis.own_rack,
        cooling=chassis.cooling,
        estimates=estimates,
        notices=body.notices,
    )


def _name(chassis: Chassis, accelerator: Accelerator, count: int, body: Body, adapters: Adapters) -> str:
    """Readable and unique: dgx-h100, or chassis/accelerators/adapters/cpu."""
    if body.host is None and len(chassis.takes) == 1 and not adapters.label:
        return chassis.id
    parts = [chassis.id, f"{accelerator.id}x{count}{body.label}"]
    parts += [adapters.label] if adapters.label else []
    parts += [body.host.cpu.id] if body.host else []
    return "/".join(parts)


def _undominated(bench: Bench, finished: Sequence[tuple[int, NodeBuild] | Rejection]) -> list[NodeBuild]:
    """Builds that differ in host only: those no other beats in price and maximum power. Keeps the rejections."""
    priced = []
    for result in finished:
        if isinstance(result, Rejection):
            bench.reject(result)
        else:
            priced.append(result)
    kept: list[tuple[int, NodeBuild]] = []
    for cents, node in sorted(priced, key=lambda p: (p[0], p[1].max_power_kw, p[1].id)):
        same = [(c, n) for c, n in kept if n.scale_up_domain == node.scale_up_domain]
        if not any(n.max_power_kw <= node.max_power_kw for _, n in same):
            kept.append((cents, node))
    return [node for _, node in kept]
