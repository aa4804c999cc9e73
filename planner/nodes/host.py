"""The host around the accelerators: CPUs with the memory they need, boot drives and data drives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

from planner.catalog import nearest
from planner.errors import Rejection, UnknownPart
from planner.nodes.bench import Bench, Item
from planner.parts import Accelerator, Chassis, Cpu, Dimm, Drive


@dataclass(frozen=True, slots=True)
class Host:
    """CPUs and memory of one node; both follow each other, so they are chosen together."""

    cpu: Cpu
    cpus: Item
    dimms: Item
    memory_gb: float
    notices: tuple[str, ...] = ()

    @property
    def cents(self) -> int:
        return self.cpus.cents + self.dimms.cents

    @property
    def watts(self) -> float:
        return self.cpus.watts + self.dimms.watts


def choose_hosts(bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int) -> list[Host] | Rejection:
    """The cheapest CPUs with memory, and for PCIe servers also those that draw least when they differ.

    Cores and clock follow the CPU rule, the memory floor `preferences.node.memory_gb` or the memory rule.
    """
    wanted = bench.request.preferences.node
    floor_gb = wanted.memory_gb or bench.rules.memory.accelerator_memory_factor * (accelerator.memory_gb or 0.0) * count
    need_cores = ceil(bench.rules.cpu.cores_per_accelerator.of(chassis) * count)
    board = (chassis.cpus, chassis.cpu_sockets, chassis.dimm_slots, chassis.memory_types, chassis.memory_gb_max)
    key = ("hosts", board, floor_gb, need_cores, chassis.category == "pcie")
    if key not in bench.memo:
        bench.memo[key] = _choose_hosts(bench, chassis, floor_gb, need_cores)
    found: list[Host] | Rejection = bench.memo[key]
    if isinstance(found, Rejection):
        # Remembered for another chassis with the same board: the sentence must name this one.
        message = f"{chassis.id} with {count} {accelerator.id}: {found.message}"
        return Rejection(chassis.id, found.rule, message, found.have, found.need)
    return found


def _choose_hosts(bench: Bench, chassis: Chassis, floor_gb: float, need_cores: int) -> list[Host] | Rejection:
    runners = _runners(bench, chassis, need_cores)
    if isinstance(runners, Rejection):
        return runners
    hosts, sockets = [], chassis.cpu_sockets
    no_memory = None
    for cpu, cents in runners:
        dimms = _memory(bench, chassis, cpu, floor_gb)
        if isinstance(dimms, Rejection):
            no_memory = dimms
            continue
        cpus = Item(cpu.id, sockets, cents * sockets, cpu.tdp_w * sockets)
        hosts.append(Host(cpu, cpus, *dimms, _notices(cpu, bench)))
    if not hosts:
        assert no_memory is not None
        return no_memory
    cheapest = min(hosts, key=lambda h: (h.cents, h.watts, h.cpu.id))
    frugal = min(hosts, key=lambda h: (h.watts, h.cents, h.cpu.id))
    # A modular machine is planned at its datasheet maximum, which no CPU choice changes.
    return [cheapest, frugal] if chassis.category == "pcie" and frugal.watts < cheapest.watts else [cheapest]


def _runners(bench: Bench, chassis: Chassis, need_cores: int) -> list[tuple[Cpu, int]] | Rejection:
    """CPUs that may win, with their price: of those that need the same memory the cheapest and the least hungry."""
    key = ("runners", chassis.cpus, chassis.cpu_sockets, need_cores)
    if key not in bench.memo:
        bench.memo[key] = _find_runners(bench, chassis, need_cores)
    found: list[tuple[Cpu, int]] | Rejection = bench.memo[key]
    return found


def _find_runners(bench: Bench, chassis: Chassis, need_cores: int) -> list[tuple[Cpu, int]] | Rejection:
    cpus = _admitted_cpus(bench, chassis)
    if isinstance(cpus, Rejection):
        return cpus
    enough = [c for c in cpus if c.cores * chassis.cpu_sockets >= need_cores]
    if not enough:
        most = max(c.cores for c in cpus) * chassis.cpu_sockets
        return Rejection(chassis.id, "cpu-cores", "too few CPU cores.", f"{most} cores", f"{need_cores} cores")
    named = bench.request.preferences.node.cpu is not None
    quick = [c for c in enough if named or (c.base_ghz or 0.0) >= bench.rules.cpu.min_base_ghz]
    if not quick:
        clock = f"{bench.rules.cpu.min_base_ghz} GHz"
        return Rejection(chassis.id, "cpu-clock", "no CPU with enough cores reaches the base clock.", None, clock)
    alike: dict[tuple[Any, ...], list[tuple[Cpu, int]]] = {}
    for cpu in quick:
        cents = bench.cents(cpu.id)
        if cents is not None:
            board = (cpu.memory_channels, cpu.memory_types, cpu.memory_gb_max, cpu.lifecycle, cpu.pcie_lanes)
            alike.setdefault(board, []).append((cpu, cents))
    if not alike:
        return Rejection(chassis.id, "no-price", f"no price for {quick[0].id}.", "no price", quick[0].id)
    winners = {}
    for rivals in alike.values():
        for cpu, cents in (
            min(rivals, key=lambda r: (r[1], r[0].tdp_w, r[0].id)),
            min(rivals, key=lambda r: (r[0].tdp_w, r[1], r[0].id)),
        ):
            winners[cpu.id] = (cpu, cents)
    return [winners[i] for i in sorted(winners)]


def _notices(cpu: Cpu, bench: Bench) -> tuple[str, ...]:
    found = []
    if cpu.lifecycle != "current":
        found.append(f"CPU {cpu.id} is {cpu.lifecycle.replace('_', ' ')}.")
    if (cpu.base_ghz or 0.0) < bench.rules.cpu.min_base_ghz:
        found.append(f"CPU {cpu.id}: base clock below the {bench.rules.cpu.min_base_ghz} GHz of the sizing rule.")
    return tuple(found)


def _admitted_cpus(bench: Bench, chassis: Chassis) -> list[Cpu] | Rejection:
    """CPUs that fit the board: the one the request names, else current ones, else (with a notice) older ones."""
    known = bench.catalog.cpus
    fitting = [known[i] for i in chassis.cpus if i in known and known[i].max_sockets >= chassis.cpu_sockets]
    name = bench.request.preferences.node.cpu
    if name is not None:
        cpu = _find_cpu(known.values(), name)
        if cpu not in fitting:
            return Rejection(chassis.id, "cpu", f"{cpu.id} does not fit.", chassis.cpu_socket, cpu.socket)
        return [cpu]
    if not fitting:
        return Rejection(chassis.id, "cpu", "no CPU in the catalog fits.", None, chassis.cpu_socket)
    fitting = [c for c in fitting if not bench.request.keeps_out("cpu", c.origin)]
    if not fitting:
        home = bench.request.site.country
        return Rejection(chassis.id, "origin", f"no CPU that fits is of {home} (preferences.origin.cpu).", None, home)
    current = [c for c in fitting if c.lifecycle == "current"]
    older = [c for c in fitting if c.lifecycle in ("end_of_sale", "legacy", "refurbished")]
    return current or older or Rejection(chassis.id, "cpu", "no CPU that fits is sold.", None, chassis.cpu_socket)


def _find_cpu(known: Iterable[Cpu], name: str) -> Cpu:
    wanted = name.strip().lower()
    everything = list(known)
    for cpu in everything:
        if wanted in (cpu.id, cpu.model.lower(), *(a.lower() for a in cpu.aliases)):
            return cpu
    raise UnknownPart("CPU", name, nearest(wanted, [c.id for c in everything]))


def _memory(bench: Bench, chassis: Chassis, cpu: Cpu, floor_gb: float) -> tuple[Item, float] | Rejection:
    """The cheapest even population that reaches the floor: one or two equal modules per channel of every socket."""
    board = (chassis.cpu_sockets, chassis.dimm_slots, chassis.memory_types, chassis.memory_gb_max)
    key = ("memory", board, cpu.memory_channels, cpu.memory_types, cpu.memory_gb_max, cpu.lifecycle, floor_gb)
    if key in bench.memo:
        known: tuple[Item, float] | Rejection = bench.memo[key]
        return known
    most_gb = min(
        chassis.memory_gb_max or float("inf"), (cpu.memory_gb_max or float("inf")) * chassis.cpu_sockets, float("inf")
    )
    channels = cpu.memory_channels * chassis.cpu_sockets
    options = []
    for dimm in bench.catalog.dimms.values():
        cents = bench.cents(dimm.id)
        if cents is None or dimm.lifecycle not in _sold(cpu) or not _fits(dimm, cpu, chassis):
            continue
        for per_channel in bench.rules.memory.dimms_per_channel:
            modules = channels * per_channel
            size_gb = modules * dimm.size_gb
            if modules <= (chassis.dimm_slots or 0) and floor_gb <= size_gb <= most_gb:
                options.append((Item(dimm.id, modules, cents * modules, dimm.power_w * modules), float(size_gb)))
    best: tuple[Item, float] | Rejection
    if options:
        best = min(options, key=lambda o: (o[0].cents, o[0].watts, o[0].part))
    else:
        need = f"{floor_gb:,.0f} GB"
        best = Rejection(chassis.id, "memory", f"no even memory population reaches {need}.", f"{most_gb:,.0f} GB", need)
    bench.memo[key] = best
    return best


def _sold(cpu: Cpu) -> tuple[str, ...]:
    """Lifecycles of memory that go with a CPU: an older CPU needs the memory of its time."""
    return (
        ("current",)
        if cpu.lifecycle == "current"
        else ("current", "end_of_sale", "end_of_life", "legacy", "refurbished")
    )


def _fits(dimm: Dimm, cpu: Cpu, chassis: Chassis) -> bool:
    """Same generation, and at least as fast as CPU and board both run (DDR5-5600: generation DDR5, speed 5600)."""
    generation, speed = _memory_type(dimm.memory_type)
    boards = [s for g, s in map(_memory_type, chassis.memory_types) if g == generation]
    sockets = [s for g, s in map(_memory_type, cpu.memory_types) if g == generation]
    return bool(boards and sockets) and speed >= min(max(boards), max(sockets))


@cache
def _memory_type(text: str) -> tuple[str, int]:
    generation, _, speed = text.partition("-")
    return generation, int(speed) if speed.isdigit() else 0


def choose_boot(bench: Bench, chassis: Chassis) -> Item | Rejection:
    """The cheapest boot drive, one for each boot slot (two are mirrored)."""
    key = ("boot", chassis.boot_drives)
    if key not in bench.memo:
        bench.memo[key] = _cheapest_drive(bench, chassis, "boot", 0.0, chassis.boot_drives)
    found: tuple[Item, float] | Rejection = bench.memo[key]
    return found if isinstance(found, Rejection) else found[0]


def choose_data_drives(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, most: int
) -> tuple[Item | None, float] | Rejection:
    """The cheapest data drives of one model that reach the floor in TB with at most `most` drives, and their TB.

    The floor is `preferences.node.nvme_tb` or the drive rule; a floor of 0 needs no drive.
    """
    rule = bench.rules.data_drives
    wanted = bench.request.preferences.node.nvme_tb
    per_card = rule.tb_per_accelerator_by_id.get(accelerator.id, rule.tb_per_accelerator.of(chassis))
    floor_tb = wanted if wanted is not None else per_card * count
    if floor_tb == 0:
        return None, 0.0
    key = ("data", most, chassis.drive_form_factors, floor_tb)
    if key not in bench.memo:
        bench.memo[key] = _cheapest_drive(bench, chassis, "data", floor_tb, most)
    found: tuple[Item, float] | Rejection = bench.memo[key]
    if isinstance(found, Rejection):
        return Rejection(chassis.id, found.rule, f"{chassis.id}: {found.message}", found.have, found.need)
    return found


def _cheapest_drive(
    bench: Bench, chassis: Chassis, use: str, floor_tb: float, slots: int
) -> tuple[Item, float] | Rejection:
    options = []
    for drive in bench.catalog.drives.values():
        cents = bench.cents(drive.id)
        if cents is None or drive.use != use or drive.lifecycle != "current" or not _bay_fits(drive, chassis):
            continue
        pieces = slots if use == "boot" else ceil(floor_tb / drive.capacity_tb - 1e-9)
        if pieces <= slots:
            item = Item(drive.id, pieces, cents * pieces, drive.power_w * pieces)
            options.append((item, round(drive.capacity_tb * pieces, 2)))
    if options:
        return min(options, key=lambda o: (o[0].cents, o[0].watts, o[0].quantity, o[0].part))
    need = "boot drives" if use == "boot" else f"{floor_tb:g} TB"
    have = f"{slots} bays for {', '.join(chassis.drive_form_factors) or 'no drives'}"
    return Rejection(chassis.id, "drives", f"no priced drives give {need} within {have}.", have, need)


def _bay_fits(drive: Drive, chassis: Chassis) -> bool:
    """Boot drives go into their own M.2 slots; data drives into the bays."""
    return drive.use == "boot" or any(f in chassis.drive_form_factors for f in drive.form_factors)
