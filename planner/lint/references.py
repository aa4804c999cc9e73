"""References between records: what a record names must exist and must fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.catalog import Catalog, nearest
from planner.lint.finding import Finding
from planner.parts import Chassis


def _unknown(part: str, what: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Finding]:
    pool = list(known)
    for name in names:
        if name not in pool:
            near = nearest(name, pool, 1)
            hint = f" Nearest: {near[0]}." if near else ""
            yield Finding("error", "reference", part, f"names {what} {name}, which is not in the catalog.{hint}")


def named(catalog: Catalog) -> Iterator[Finding]:
    """Ids that a record names exist."""
    accelerators, cpus = set(catalog.accelerators), set(catalog.cpus)
    for box in catalog.chassis.values():
        yield from _unknown(box.id, "accelerator", box.takes, accelerators)
        yield from _unknown(box.id, "CPU", box.cpus, cpus)
        yield from _unknown(box.id, "baseboard", box.baseboards.values(), catalog.baseboards)
        yield from _unknown(box.id, "accelerator (complete_for)", filter(None, [box.complete_for]), accelerators)
        yield from _unknown(box.id, "adapter", (n.nic for n in box.fixed_nics if n.nic), catalog.nics)
    for board in catalog.baseboards.values():
        yield from _unknown(board.id, "accelerator", [board.accelerator], accelerators)
    for bridge in catalog.bridges.values():
        yield from _unknown(bridge.id, "accelerator", bridge.joins, accelerators)
    for optic in catalog.optics.values():
        yield from _unknown(optic.id, "module", optic.mates, catalog.optics)
    for line in catalog.software.values():
        yield from _unknown(line.id, "accelerator", line.accelerators, accelerators)
        yield from _unknown(line.id, "chassis", line.chassis, catalog.chassis)
    for group, members in catalog.groups.items():
        yield from _unknown(group, "accelerator", members, accelerators)
        if group in accelerators:
            yield Finding("error", "reference", group, "is a group and a part; a group is never a part.")


def priced_parts(catalog: Catalog) -> Iterator[Finding]:
    """Every price row is of a part that exists."""
    for part in sorted(set(catalog.prices) - set(catalog.parts)):
        near = nearest(part, catalog.parts, 1)
        hint = f" Nearest: {near[0]}." if near else ""
        yield Finding("error", "price-part", part, f"has a price, but there is no such part.{hint}")


def chassis_fit(catalog: Catalog) -> Iterator[Finding]:
    """A chassis and what it takes fit: board of its accelerator and count, CPUs of its socket, cards of its form."""
    for box in catalog.chassis.values():
        for accelerator, board_id in box.baseboards.items():
            board = catalog.baseboards.get(board_id)
            if board and (board.accelerator != accelerator or board.accelerators != box.slots):
                has = f"{board.accelerators} x {board.accelerator}"
                yield _misfit(
                    box, f"baseboard {board_id} carries {has}, the chassis takes {box.slots} x {accelerator}."
                )
        if box.complete_for and box.complete_for not in box.takes:
            yield _misfit(box, f"is complete for {box.complete_for}, which it does not take.")
        for name in box.cpus:
            cpu = catalog.cpus.get(name)
            if cpu and box.cpu_socket and cpu.socket not in box.cpu_socket.split(" / "):
                yield _misfit(box, f"CPU {name} has socket {cpu.socket}, the board has {box.cpu_socket}.")
            if cpu and cpu.max_sockets < box.cpu_sockets:
                yield _misfit(box, f"CPU {name} runs in {cpu.max_sockets} sockets, the board has {box.cpu_sockets}.")
            if cpu and box.memory_types and not _generations(cpu.memory_types) & _generations(box.memory_types):
                yield _misfit(box, f"CPU {name} needs {', '.join(cpu.memory_types)}, the board takes others.")
        for name in box.takes:
            card = catalog.accelerators.get(name)
            module = card is not None and card.form_factor.upper().startswith(("SXM", "OAM"))
            if card and module and box.category == "pcie":
                yield _misfit(box, f"has PCIe slots; {name} is a module ({card.form_factor}).")
            if card and box.category == "hgx" and _only_a_card(card.form_factor):
                yield _misfit(box, f"takes modules on a baseboard; {name} is a card ({card.form_factor}).")


def _only_a_card(form_factor: str) -> bool:
    """A card and not also a module: "PCIe / OAM" is sold as both."""
    said = form_factor.upper()
    return said.startswith("PCIE") and not any(word in said for word in ("OAM", "MODULE", "SXM"))


def _generations(types: Iterable[str]) -> set[str]:
    return {"DDR5" if t.startswith("MRDIMM") else t.partition("-")[0] for t in types}


def _misfit(box: Chassis, message: str) -> Finding:
    return Finding("error", "chassis-fit", box.id, message)


def taken(catalog: Catalog) -> Iterator[Finding]:
    """Every current accelerator has a chassis or system that takes it."""
    homes = {a for box in catalog.chassis.values() for a in box.takes}
    for card in catalog.accelerators.values():
        if card.id not in homes and card.lifecycle == "current":
            yield Finding(
                "warning", "no-chassis", card.id, f"is current, but no chassis takes it ({card.form_factor})."
            )


def drives_fit(catalog: Catalog) -> Iterator[Finding]:
    """Some data drive fits the bays of every chassis that has them."""
    forms = {f for drive in catalog.drives.values() if drive.use == "data" for f in drive.form_factors}
    for box in catalog.chassis.values():
        if box.drive_bays and box.nvme_tb_fixed is None and not forms & set(box.drive_form_factors):
            have = ", ".join(box.drive_form_factors) or "none stated"
            message = f"has {box.drive_bays} bays ({have}), and no data drive of the catalog fits them."
            yield Finding("error", "drive-fit", box.id, message)


def cables_fit(catalog: Catalog) -> Iterator[Finding]:
    """Both ends of a cable fit a cage that exists; modules mate with modules of their speed and fibre."""
    cages = (
        {s.cage for s in catalog.switches.values()}
        | {n.cage for n in catalog.nics.values()}
        | {n.cage for box in catalog.chassis.values() for n in box.fixed_nics if n.cage}
    )
    fibres = {cable.ends[0] for cable in catalog.cables.values() if cable.kind == "fibre"}
    for cable in catalog.cables.values():
        if cable.kind == "fibre":
            if cable.ends[0] != cable.ends[1] and not {e.partition("/")[0] for e in cable.ends} & fibres:
                yield Finding("error", "cable-fit", cable.id, f"joins {cable.ends[0]} with {cable.ends[1]}.")
            continue
        for end in cable.ends:
            if end not in cages:
                near = nearest(end, cages, 1)
                hint = f" Nearest: {near[0]}." if near else ""
                message = f"ends in {end}, and no switch, adapter or chassis has such a cage.{hint}"
                yield Finding("error", "cable-fit", cable.id, message)
    for optic in catalog.optics.values():
        if optic.cage not in cages:
            yield Finding("error", "cable-fit", optic.id, f"plugs into {optic.cage}, which nothing in the catalog has.")
        for mate in (catalog.optics[m] for m in optic.mates if m in catalog.optics):
            if optic.media != mate.media or optic.gbps != mate.gbps:
                ours, theirs = f"{optic.gbps:g} Gbit/s {optic.media}", f"{mate.gbps:g} Gbit/s {mate.media}"
                message = f"is {ours} and cannot mate with {mate.id}, which is {theirs}."
                yield Finding("error", "cable-fit", optic.id, message)


RULES = {
    "reference": named,
    "price-part": priced_parts,
    "chassis-fit": chassis_fit,
    "no-chassis": taken,
    "drive-fit": drives_fit,
    "cable-fit": cables_fit,
}
