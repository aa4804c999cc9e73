"""Copper a second time: what is on copper stands as blocks, its cable is the shortest that reaches over them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from planner.catalog import Catalog
from planner.parts import Cable
from planner.plan import Plan, PlannedFabric, PlannedRack, RackItem
from planner.verify.pods import longest_run

UNIT = 0.04445  # m
SIDE = 0.5  # m from a port to the side of its rack
COPPER = ("dac", "acc")
SINGLE_MODE = ("generic-smf-mpo12-10m", "generic-smf-mpo12-30m")  # to devices and between switches


def check_media(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """The cables named by each network: there where copper was bought, nowhere else, and the right ones."""
    for k, net in enumerate(plan.fabrics):
        for field, kinds, named in (
            ("node_cable", ("node",), net.node_cable),
            ("trunk_cable", ("trunk", "core", "peer"), net.trunk_cable),
        ):
            name = f"fabrics[{k}] ({net.name}): {field}"
            bought = {e.part for e in plan.cabling if e.network == net.name and e.kind in kinds}
            metal = [p for p in bought if p in catalog.cables and catalog.cables[p].kind in COPPER]
            if named is None:
                if metal:
                    yield f"{name} is missing, the cabling has {', '.join(sorted(metal))}"
                continue
            cable = catalog.cables.get(named)
            if cable is not None and cable.kind not in COPPER and cable.id not in SINGLE_MODE:
                yield from _longer(plan, catalog, net, kinds, name, cable)
                continue
            if cable is not None and cable.kind == "fibre":
                yield from _single_mode(catalog, net, name, cable, bought)
                continue
            kin = {_kin(catalog.cables[p]) for p in metal}
            if cable is None or set(metal) != bought or kin != {_kin(cable)}:
                yield f"{name} {named}, the cabling has {', '.join(sorted(bought)) or 'none'}"
                continue
            yield from _expected(plan, catalog, net, name, cable, field == "node_cable")


def _kin(cable: Cable) -> tuple[object, ...]:
    """What cables of one family have in common."""
    return (cable.vendor, cable.kind, cable.ends, cable.gbps, cable.links)


def _single_mode(catalog: Catalog, net: PlannedFabric, name: str, cable: Cable, bought: set[str]) -> Iterator[str]:
    """Single-mode fibre: what is bought is of this family; multimode is what stands there unnamed."""
    del net
    kin = {(c.vendor, c.kind, c.media, c.ends) for p in bought if (c := catalog.cables.get(p)) is not None}
    if kin != {(cable.vendor, "fibre", "smf", cable.ends)} or cable.id not in SINGLE_MODE:
        yield f"{name} {cable.id}, the cabling has {', '.join(sorted(bought)) or 'none'}"
    elif cable.id != SINGLE_MODE[0 if "node_cable" in name else 1]:
        yield f"{name} {cable.id}, expected {SINGLE_MODE[0 if 'node_cable' in name else 1]}"


def _longer(
    plan: Plan, catalog: Catalog, net: PlannedFabric, kinds: tuple[str, ...], name: str, cable: Cable
) -> Iterator[str]:
    """A longer piece than the usual one: longer, and of one family with what is bought; check 4 holds its reach."""
    entries = [e for e in plan.cabling if e.network == net.name and e.kind in kinds]
    kin = {(*_kin(c), c.media) for e in entries if (c := catalog.cables.get(e.part)) is not None}
    usual = 30 if kinds != ("node",) else 5 if net.role == "oob" else 10
    if kin != {(*_kin(cable), cable.media)}:
        yield f"{name} {cable.id}, the cabling has {', '.join(sorted({e.part for e in entries})) or 'none'}"
    elif cable.length_m <= usual:
        yield f"{name} {cable.id} is {cable.length_m:g} m long, {usual} m are usual and need no mention"


def _expected(plan: Plan, catalog: Catalog, net: PlannedFabric, name: str, cable: Cable, nodes: bool) -> Iterator[str]:
    """The block that the devices form, and the shortest cable of the family over its height."""
    need = longest_run(plan, catalog, net) if nodes else _switches(plan, net)
    if isinstance(need, str):
        yield f"{name} {cable.id}: {need}"
        return
    alike = [
        c
        for c in catalog.cables.values()
        if _kin(c) == _kin(cable)
        and c.lifecycle == "current"
        and c.side in (cable.side, "any", "node" if nodes else "switch")
        and c.length_m >= need - 1e-6
    ]
    best = min(alike, key=lambda c: (c.length_m, c.id), default=None)
    if best is None or best.id != cable.id:
        yield f"{name} {cable.id}, {need:.2f} m take {best.id if best else 'another medium'}"


def _switches(plan: Plan, net: PlannedFabric) -> float | str:
    """Metres between the outermost switches of a network, where they stand as one block; or that they do not."""
    labels = {f"{net.name} {t} {n}" for t in ("leaf", "spine", "core") for n in range(1, getattr(net, t) + 1)}
    items = _together(plan, labels)
    if items is None:
        return "its devices do not stand in one rack directly above one another"
    need = (sum(i.units for i in items) - (items[0].units + items[-1].units) / 2) * UNIT + 2 * SIDE
    return need + float(plan.request["site"]["layout"]["slack_m"])


def _together(plan: Plan, labels: set[str]) -> list[RackItem] | None:
    """The named devices from the bottom up, where they stand in one rack without a gap; else None."""
    racks: list[PlannedRack] = [rack for rack in plan.racks if any(i.label in labels for i in rack.items)]
    if len(racks) != 1:
        return None
    items = sorted((i for i in racks[0].items if i.label in labels), key=lambda i: i.bottom_unit)
    gaps = any(a.bottom_unit + a.units != b.bottom_unit for a, b in itertools.pairwise(items))
    return None if gaps or not items else items
