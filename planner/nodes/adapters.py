"""Network adapters and bridges: which NICs a node takes, in which slots, for which network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.errors import Rejection
from planner.nodes.bench import Bench, Item
from planner.parts import Accelerator, Bridge, Chassis, FixedNic, Nic, Technology


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of one network on a node: logical ports, Gbit/s each, what they speak, cage and adapter name."""

    ports: int = 0
    gbps: float = 0.0
    technologies: tuple[Technology, ...] = ()
    cage: str | None = None
    nic: str | None = None


@dataclass(frozen=True, slots=True)
class Adapters:
    """One complete choice of adapters. `items` are bought; ports may also come with the chassis."""

    compute: Ports
    storage: Ports
    in_band: Ports
    oob_ports: int
    items: tuple[Item, ...]
    lanes: int  # PCIe lanes of the adapters that are bought
    label: str  # for the node id: "8x-cx7-ndr400-osfp", "no-nic", "" when all is fixed
    estimates: tuple[str, ...] = ()


def choose_adapters(bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int) -> list[Adapters] | Rejection:
    """Every offered choice of compute adapters, each with the in-band and storage adapters it leaves room for.

    Storage adapters come at a second, higher speed where a slower one may hold others back (`_faster_storage`).
    """
    first = _choices(bench, chassis, accelerator, count, bench.rules.adapters.storage_min_gbps)
    if isinstance(first, Rejection) or not first or fixed_ports(chassis, "storage").ports:
        return first
    slow = first[0].storage.gbps
    if not slow or not _faster_storage(bench, slow):
        return first
    faster = _choices(bench, chassis, accelerator, count, slow + 1)
    if isinstance(faster, Rejection):
        return first
    return [
        *first,
        *(replace(a, label=f"{a.label}+{a.storage.nic}" if a.label else str(a.storage.nic)) for a in faster),
    ]


def _faster_storage(bench: Bench, slow: float) -> bool:
    """Whether storage ports of so many Gbit/s may keep blocks, or other nodes, below what is asked of them."""
    key = ("faster-storage", slow)
    if key not in bench.memo:
        bench.memo[key] = _holds_blocks_back(bench, slow) or _holds_nodes_back(bench, slow)
    return bool(bench.memo[key])


def _holds_blocks_back(bench: Bench, slow: float) -> bool:
    """Whether the ports of a named system carry less at that speed than a block reads or writes."""
    need = bench.request.storage
    if need is None or need.system is None:
        return False
    system = bench.catalog.storage[need.system]
    wire = system.ports * slow / 8
    return system.port_gbps > slow and max(system.read_gb_per_s, system.write_gb_per_s) > wire


def _holds_nodes_back(bench: Bench, slow: float) -> bool:
    """Whether a machine with faster storage ports of its own would carry too little for the asked profile."""
    request, catalog = bench.request, bench.catalog
    if request.storage is None or request.storage.profile is None:
        return False
    row = catalog.table("estimates/storage")["profile"][request.storage.profile]
    named: set[str] = set()
    for workload in request.workloads:
        named |= set(catalog.expand_accelerator(workload.accelerator) if workload.accelerator else catalog.accelerators)
    for chassis in catalog.chassis.values():
        own = fixed_ports(chassis, "storage")
        wet = chassis.cooling == "dlc" and request.site.cooling == "air"
        carried = own.ports * slow / 8 / chassis.fabric_units
        if (
            own.gbps > slow
            and not wet
            and named & set(chassis.takes)
            and carried < max(row["node_read"], row["node_write"])
        ):
            return True
    return False


def _choices(
    bench: Bench, chassis: Chassis, accelerator: Accelerator, count: int, storage_gbps: float
) -> list[Adapters] | Rejection:
    """Adapters with storage adapters of at least so many Gbit/s."""
    compute, storage, in_band, oob = (fixed_ports(chassis, role) for role in ("compute", "storage", "in-band", "oob"))
    limit = bench.rules.adapters.in_band_max_gbps
    if in_band.gbps > limit:
        in_band = Ports(in_band.ports, limit, in_band.technologies, in_band.cage, in_band.nic)
    own: list[tuple[Nic, Item]] = []
    if not in_band.ports:
        nic = _in_band_nic(bench, chassis)
        if isinstance(nic, Rejection):
            return nic
        own.append(nic)
        in_band = _ports(nic[0], 1)
    if bench.request.storage is not None and not storage.ports:
        nic = _storage_nic(bench, chassis, storage_gbps)
        if isinstance(nic, Rejection):
            return nic
        own.append(nic)
        storage = _ports(nic[0], 1)
    # OCP slots first: the full-height slots are what compute adapters need.
    in_ocp = own[: chassis.ocp_slots] if bench.rules.adapters.ocp_version else []
    estimates = [f"{nic.id}: its OCP 3.0 version is fitted, priced as the card" for nic, _ in in_ocp]
    slots = chassis.nic_slots - (len(own) - len(in_ocp))
    spare = chassis.compute_nic_slots if chassis.category != "pcie" else 0
    if slots + spare < 0:
        have, names = f"{chassis.nic_slots + chassis.ocp_slots} slots", " and ".join(nic.id for nic, _ in own)
        message = f"{chassis.id}: its {have} have no room for {names}."
        return Rejection(chassis.id, "nic-slots", message, have, f"{len(own)} adapters")
    base = Adapters(compute, storage, in_band, oob.ports, tuple(i for _, i in own), _lanes(own), "", tuple(estimates))
    if compute.ports or accelerator.scale_out != "nic":
        return [base]
    free = slots if chassis.category == "pcie" else chassis.compute_nic_slots + min(slots, 0)
    return _with_compute(bench, chassis, base, count, free)


def fixed_ports(chassis: Chassis, role: str) -> Ports:
    """Ports of one role that come with the chassis (all zero when there are none)."""
    fixed: list[FixedNic] = [n for n in chassis.fixed_nics if n.role == role]
    if not fixed:
        return Ports()
    first = fixed[0]
    return Ports(sum(n.ports for n in fixed), first.gbps, first.technology, first.cage, first.nic)


def _with_compute(bench: Bench, chassis: Chassis, base: Adapters, count: int, free: int) -> list[Adapters]:
    """The base without compute adapters, then one per accelerator (half as many where the slots end).

    PCIe servers take one per two cards, or as many as the slots allow, and as a second choice a single one.
    """
    if chassis.category == "pcie":
        numbers = sorted({1, min(max(1, count // 2), free)}) if free > 0 else []
    else:
        numbers = sorted(n for n in (count, count // 2) if 0 < n <= free)[-1:]
    choices = [_relabel(base, "no-nic")]
    for nic, cents in _compute_nics(bench, chassis):
        for number in numbers:
            item = Item(nic.id, number, cents * number, _watts(nic) * number)
            choices.append(
                Adapters(
                    _ports(nic, number),
                    base.storage,
                    base.in_band,
                    base.oob_ports,
                    (item, *base.items),
                    base.lanes + nic.pcie_lanes * number,
                    f"{number}x-{nic.id}",
                    base.estimates,
                )
            )
    return choices


def _relabel(a: Adapters, label: str) -> Adapters:
    return Adapters(a.compute, a.storage, a.in_band, a.oob_ports, a.items, a.lanes, label, a.estimates)


def _compute_nics(bench: Bench, chassis: Chassis) -> list[tuple[Nic, int]]:
    """For each offered speed the cheapest NIC per technology that the slot carries in full.

    Modular machines also get the cheapest of each PCIe generation: HDR and NDR200 need different switches.
    """
    modular = chassis.category != "pcie"
    key = ("compute-nics", chassis.nic_gen, modular)
    if key in bench.memo:
        known: list[tuple[Nic, int]] = bench.memo[key]
        return known
    asked = bench.request.preferences.fabric.technology
    best: dict[tuple[float, Technology, int], tuple[int, str]] = {}
    for nic, cents in _sold_nics(bench, "compute"):
        carried = _carried_gbps(bench, chassis, nic)
        if nic.ports != 1 or nic.gbps > carried or nic.gbps not in bench.rules.adapters.compute_gbps:
            continue
        for technology in nic.technologies:
            if asked in (None, technology):
                kind = (nic.gbps, technology, nic.pcie_gen if modular else 0)
                best[kind] = min(best.get(kind, (cents, nic.id)), (cents, nic.id))
    chosen = sorted({part for _, part in best.values()})
    found = [(bench.catalog.nics[i], bench.cents(i) or 0) for i in chosen]
    bench.memo[key] = sorted(found, key=lambda n: (-n[0].gbps, n[1], n[0].id))
    return list(bench.memo[key])


def _in_band_nic(bench: Bench, chassis: Chassis) -> tuple[Nic, Item] | Rejection:
    """The cheapest dual-port Ethernet NIC of the in-band class, or of the next faster one."""
    least = bench.rules.adapters.in_band_gbps.of(chassis)
    return _cheapest(bench, chassis, "in-band", least, "ethernet")


def _storage_nic(bench: Bench, chassis: Chassis, gbps: float) -> tuple[Nic, Item] | Rejection:
    """The cheapest dual-port storage NIC of the slot's own PCIe generation, able to do either technology."""
    return _cheapest(bench, chassis, "storage", gbps, None)


def _cheapest(
    bench: Bench, chassis: Chassis, role: str, least_gbps: float, technology: Technology | None
) -> tuple[Nic, Item] | Rejection:
    key = ("nic", role, chassis.nic_gen, least_gbps, technology)
    if key not in bench.memo:
        options = []
        for nic, cents in _sold_nics(bench, role):
            wrong = nic.ports != 2 or nic.gbps < least_gbps or (technology and technology not in nic.technologies)
            if wrong or nic.gbps > _carried_gbps(bench, chassis, nic):
                continue
            # Storage traffic fills the slot, so the adapter should be of the slot's own generation.
            older = role == "storage" and nic.pcie_gen < (chassis.nic_gen or 0)
            rank = (older, nic.gbps if role == "in-band" else 0.0, cents, nic.id)
            options.append((rank, nic, Item(nic.id, 1, cents, _watts(nic))))
        bench.memo[key] = min(options, key=lambda o: o[0])[1:] if options else None
    found: tuple[Nic, Item] | None = bench.memo[key]
    if found is None:
        message = f"{chassis.id}: no priced dual-port {role} adapter of {least_gbps:g} Gbit/s or more fits its slots."
        return Rejection(chassis.id, "nic", message, f"PCIe {chassis.nic_gen}", f"{least_gbps:g} Gbit/s")
    return found


def _sold_nics(bench: Bench, role: str) -> list[tuple[Nic, int]]:
    """Current add-in NICs of a role with their price in cents; those on a board are never bought."""
    key = ("sold-nics", role)
    if key not in bench.memo:
        bench.memo[key] = [
            (nic, cents)
            for nic in bench.catalog.nics.values()
            if role in nic.roles
            and nic.lifecycle == "current"
            and "board" not in (nic.form_factor or "").lower()
            and "ocp" not in (nic.form_factor or "").lower()
            and (cents := bench.cents(nic.id)) is not None
        ]
    return list(bench.memo[key])


def _carried_gbps(bench: Bench, chassis: Chassis, nic: Nic) -> float:
    """What the slot and the adapter's own bus carry in Gbit/s (the older generation of the two, lanes of the card)."""
    generation = min(chassis.nic_gen or nic.pcie_gen, nic.pcie_gen)
    return bench.rules.adapters.slot_gbps_x16.get(generation, 0.0) * nic.pcie_lanes / 16


def _ports(nic: Nic, number: int) -> Ports:
    return Ports(nic.ports * number, nic.gbps, nic.technologies, nic.cage, nic.id)


def _watts(nic: Nic) -> float:
    return nic.power_max_w or nic.power_w


def _lanes(own: Sequence[tuple[Nic, Item]]) -> int:
    return sum(nic.pcie_lanes * item.quantity for nic, item in own)


def choose_bridges(bench: Bench, accelerator: Accelerator, count: int) -> list[tuple[Item | None, int, float | None]]:
    """No bridge, then every priced bridge that joins the cards evenly: what is bought, cards joined, GB/s per card."""
    choices: list[tuple[Item | None, int, float | None]] = [(None, 1, None)]
    if accelerator.bridge_domain < 2:
        return choices
    bridges: list[Bridge] = [b for b in bench.catalog.bridges.values() if accelerator.id in b.joins]
    for bridge in sorted(bridges, key=lambda b: b.id):
        cents = bench.cents(bridge.id)
        if cents is not None and count >= bridge.group and count % bridge.group == 0:
            pieces = count // bridge.group * bridge.bridges_per_group
            choices.append((Item(bridge.id, pieces, cents * pieces), bridge.group, bridge.gb_per_s))
    return choices
