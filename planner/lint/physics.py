"""What cannot be true: power that does not add up, bandwidth above what the wires carry, supplies that cannot hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.catalog import Catalog
from planner.lint.finding import Finding
from planner.parts import Chassis

PCIE_GB_PER_S = {3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563, 7: 15.125}  # per lane and direction
BITS = {
    "fp64": 64, "fp64_tensor": 64, "fp32": 32, "tf32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp6": 6,
    "fp4": 4,
}  # fmt: skip
FASTEST_TWIN = 800  # a twin cage carries two ports of half its speed, or one of this
TPP_ALONE = 4_800  # from here on the density does not matter (3A090.a)
TOLERANCE = 1.03  # of products that two datasheets round on their own


def _error(rule: str, part: str, message: str) -> Finding:
    return Finding("error", rule, part, message)


def node_power(catalog: Catalog) -> Iterator[Finding]:
    """A system's maximum is at least its accelerators; a PCIe server's at least one of its smallest card."""
    for box in catalog.chassis.values():
        cards = [catalog.accelerators[a] for a in box.takes if a in catalog.accelerators]
        cards = [c for c in cards if c.tdp_w]
        if box.max_power_w is None or not cards:
            continue
        if box.category == "pcie":
            least = min(c.tdp_w or 0 for c in cards) * min(box.card_counts or (1,))
            if least > box.max_power_w:
                message = f"maximum {box.max_power_w:,g} W, its smallest card alone takes {least:,g} W."
                yield _error("node-power", box.id, message)
            continue
        for card in cards:
            need = box.slots * (card.tdp_w or 0)
            if need > box.max_power_w:
                message = (
                    f"maximum {box.max_power_w:,g} W, but {box.slots} x {card.id} at {card.tdp_w:g} W is {need:,g} W."
                )
                if box.category == "station":  # desk-side systems run their modules below their full power
                    yield Finding("warning", "node-power", box.id, message + " It runs them throttled.")
                else:
                    yield _error("node-power", box.id, message)
    for board in catalog.baseboards.values():
        module = catalog.accelerators.get(board.accelerator)
        if module and module.tdp_w and board.power_w and board.power_w < board.accelerators * module.tdp_w:
            need = board.accelerators * module.tdp_w
            message = f"{board.power_w:,g} W, but {board.accelerators} x {module.id} is {need:,g} W."
            yield _error("node-power", board.id, message)


def supplies(catalog: Catalog) -> Iterator[Finding]:
    """The supplies that stay alive carry the maximum; where only the vendor's redundancy words fail, a warning."""
    for box in catalog.chassis.values():
        if not (box.psu_count and box.psu_watts and box.max_power_w):
            continue
        live = box.psu_min_live or box.psu_count
        if live > box.psu_count:
            yield _error("supplies", box.id, f"{live} supplies must stay alive, it has {box.psu_count}.")
        if live * box.psu_watts < box.max_power_w:
            carried = f"{live} x {box.psu_watts:g} W = {live * box.psu_watts:,g} W"
            yield _error(
                "supplies", box.id, f"maximum {box.max_power_w:,g} W, the supplies that stay alive carry {carried}."
            )
            continue
        said = _claimed(box)
        if said is not None and said * box.psu_watts < box.max_power_w:
            message = (
                f"the maker's {box.psu_redundancy} leaves {said} x {box.psu_watts:g} W = {said * box.psu_watts:,g} W, "
                f"less than the maximum of {box.max_power_w:,g} W."
            )
            yield Finding("warning", "supplies", box.id, message)


def _claimed(box: Chassis) -> int | None:
    """Supplies that carry the load by the maker's own words: 3 of "3+3"; None without such words."""
    found = re.match(r"(\d+)\s*\+\s*(\d+)", box.psu_redundancy or "")
    if found is None or int(found[1]) + int(found[2]) != box.psu_count:
        return None
    return int(found[1])


def typical_and_maximum(catalog: Catalog) -> Iterator[Finding]:
    """Typical draw is not above the maximum."""
    for kind in ("chassis", "switches", "storage", "management"):
        for part_id, part in catalog.kind(kind).items():
            typical, most = getattr(part, "typical_power_w"), getattr(part, "max_power_w")  # noqa: B009 - every such kind
            if typical is not None and most is not None and typical > most:
                yield _error("typical-power", part_id, f"typical {typical:,g} W is above its maximum of {most:,g} W.")
    for nic in catalog.nics.values():
        if nic.power_max_w is not None and nic.power_w > nic.power_max_w:
            yield _error("typical-power", nic.id, f"typical {nic.power_w:g} W, maximum {nic.power_max_w:g} W.")
    for card in catalog.accelerators.values():
        if card.tdp_w is not None and card.tdp_max_w is not None and card.tdp_w > card.tdp_max_w:
            yield _error("typical-power", card.id, f"power {card.tdp_w:g} W, at most {card.tdp_max_w:g} W.")


def tpp(catalog: Catalog) -> Iterator[Finding]:
    """TPP is the largest dense rate × its bits, and performance density TPP per mm² of die."""
    for card in catalog.accelerators.values():
        products = {name: rate * BITS[name] for name, rate in card.dense_tflops.items() if name in BITS}
        for odd in ("fp6", "tf32"):  # formats that published TPP figures do not count
            larger = products.pop(odd, 0)
            if card.tpp and larger > card.tpp * TOLERANCE:
                message = (
                    f"TPP {card.tpp:,g} leaves out {odd}, which would give {larger:,.0f}: check before relying on it."
                )
                yield Finding("warning", "tpp", card.id, message)
        if card.tpp and products:
            name, most = max(products.items(), key=lambda pair: pair[1])
            if not most / TOLERANCE <= card.tpp <= most * TOLERANCE:
                rate = f"{card.dense_tflops[name]:,g} x {BITS[name]} bit ({name}) = {most:,.0f}"
                double = " Is a sparse figure among them?" if 1.9 < most / card.tpp < 2.1 else ""
                yield _error("tpp", card.id, f"TPP {card.tpp:,g}, its dense rates give {rate}.{double}")
        if card.tpp and card.die_area_mm2 and card.performance_density:
            density = card.tpp / card.die_area_mm2
            if not density / TOLERANCE <= card.performance_density <= density * TOLERANCE:
                have = f"{card.performance_density:g}, {card.tpp:,g} / {card.die_area_mm2:g} mm2 is {density:.3f}"
                yield Finding("warning", "tpp", card.id, f"performance density {have}.")


def classified(catalog: Catalog) -> Iterator[Finding]:
    """Without TPP, or below TPP_ALONE without performance density, nobody can tell the export class."""
    for card in catalog.accelerators.values():
        unsure = card.tpp is None or (card.performance_density is None and card.tpp < TPP_ALONE)
        if card.lifecycle == "current" and card.origin != "CN" and unsure:
            missing = "tpp" if card.tpp is None else "performance_density"
            message = f"has no {missing}: its export class is unknown, so it is planned only where that is accepted."
            yield Finding("warning", "export-figures", card.id, message)


def ports(catalog: Catalog) -> Iterator[Finding]:
    """A switch's ports follow from its cages, its splits from its capacity; storage does not outrun its ports."""
    for switch in catalog.switches.values():
        each = 2 if switch.cage.endswith("twin") else 1
        if switch.ports > switch.cages * each and switch.cage != "cpo":
            message = f"{switch.ports} ports from {switch.cages} cages ({switch.cage}) of {each}."
            yield _error("ports", switch.id, message)
        elif switch.ports < switch.cages * each and switch.gbps < FASTEST_TWIN and not switch.uplink_ports:
            message = f"{switch.ports} ports, but {switch.cages} cages ({switch.cage}) give {switch.cages * each}."
            yield Finding("warning", "ports", switch.id, message)
        for speed, count in switch.split.items():
            if not speed.replace(".", "", 1).isdigit() or float(speed) * count > switch.ports * switch.gbps * 1.001:
                message = f"split {count} x {speed} Gbit/s, it has {switch.ports} x {switch.gbps:g}."
                yield _error("ports", switch.id, message)
    for store in catalog.storage.values():
        wire = store.ports * store.port_gbps / 8
        if max(store.read_gb_per_s, store.write_gb_per_s) > wire:
            message = (
                f"{max(store.read_gb_per_s, store.write_gb_per_s):g} GB/s through {store.ports} x "
                f"{store.port_gbps:g} Gbit/s, which carry {wire:g}."
            )
            yield _error("ports", store.id, message)


def lanes(catalog: Catalog) -> Iterator[Finding]:
    """A drive reads no faster than its four lanes; adapters whose ports outrun theirs are told (a maker's choice)."""
    for drive in catalog.drives.values():
        wire = 4 * PCIE_GB_PER_S.get(drive.pcie_gen or 0, 99.0)
        fastest = max(drive.read_gb_per_s or 0.0, drive.write_gb_per_s or 0.0)
        if fastest > wire:
            message = f"{fastest:g} GB/s over four lanes of PCIe {drive.pcie_gen}, which carry {wire:.1f}."
            yield _error("lanes", drive.id, message)
    for nic in catalog.nics.values():
        wire = nic.pcie_lanes * PCIE_GB_PER_S.get(nic.pcie_gen, 99.0) * 8
        if nic.pcie_lanes and nic.gbps > wire:
            message = (
                f"one port of {nic.gbps:g} Gbit/s over {nic.pcie_lanes} lanes of PCIe {nic.pcie_gen} ({wire:.0f})."
            )
            yield _error("lanes", nic.id, message)
        elif nic.pcie_lanes and nic.ports * nic.gbps > wire * 1.02:
            message = (
                f"{nic.ports} x {nic.gbps:g} Gbit/s over lanes that carry {wire:.0f}: both ports never at full rate."
            )
            yield Finding("warning", "lanes", nic.id, message)


def memory_slots(catalog: Catalog) -> Iterator[Finding]:
    """A board has a slot for every memory channel."""
    for box in catalog.chassis.values():
        if box.dimm_slots and box.channels_per_socket and box.cpu_sockets * box.channels_per_socket > box.dimm_slots:
            need = f"{box.cpu_sockets} x {box.channels_per_socket} channels"
            yield _error("memory-slots", box.id, f"{box.dimm_slots} memory slots for {need}.")


RULES = {
    "node-power": node_power,
    "supplies": supplies,
    "typical-power": typical_and_maximum,
    "tpp": tpp,
    "export-figures": classified,
    "ports": ports,
    "lanes": lanes,
    "memory-slots": memory_slots,
}
