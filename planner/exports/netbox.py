"""NetBox: device types as YAML (form of the public devicetype-library) and CSV files for its bulk import forms.

Ports are named as in the cable schedule. Parts of a port that is split, or whose link takes two fibres, are interfaces
of their own beside the native one. Nothing is invented: a power inlet whose plug nobody states is of type `other`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from planner import wiring
from planner.catalog import Catalog
from planner.exports import adapters, cables
from planner.exports.tables import write_rows
from planner.files import atomic_text, atomic_write
from planner.parts import Chassis, CoolingUnit, ManagementNode, StorageSystem, Switch
from planner.plan import Plan, Pool, RackItem

NAME_LENGTH = 64
ETHERNET = {
    1: "1000base-t", 10: "10gbase-x-sfpp", 25: "25gbase-x-sfp28", 50: "50gbase-x-sfp56", 100: "100gbase-x-qsfp28",
    200: "200gbase-x-qsfp56", 400: "400gbase-x-qsfpdd", 800: "800gbase-x-osfp",
}  # fmt: skip
CAGED = {
    (200, "qsfp-dd"): "200gbase-x-qsfpdd", (400, "qsfp112"): "400gbase-x-qsfp112", (400, "osfp"): "400gbase-x-osfp",
    (400, "osfp-flat"): "400gbase-x-osfp-rhs", (800, "qsfp-dd"): "800gbase-x-qsfpdd",
}  # fmt: skip
INFINIBAND = {100: "infiniband-edr", 200: "infiniband-hdr", 400: "infiniband-ndr", 800: "infiniband-xdr"}
CABLES = {
    "passive copper": "dac-passive", "active copper": "dac-active", "active optical": "aoc", "twisted pair": "cat6",
    "multimode fibre": "mmf-om4", "single-mode fibre": "smf",
}  # fmt: skip
ROLES = {"node": "2f5f8f", "network": "a6701c", "storage": "45803c", "management": "6d4a93", "cooling": "2b7480"}


@dataclass(frozen=True)
class DeviceType:
    """One device type: what NetBox reads, which part it stands for, and which pools (by number) where it is a node."""

    part: str
    pools: frozenset[int]
    data: dict[str, Any]


def interface_type(technology: str, gbps: float, cage: str | None = None) -> str:
    """NetBox's name of a port by technology, speed and cage; `other` where it has none."""
    if technology == "infiniband":
        return INFINIBAND.get(round(gbps), "other")
    return CAGED.get((round(gbps), (cage or "").partition("-twin")[0]), ETHERNET.get(round(gbps), "other"))


def device_name(label: str) -> str:
    """A device's name: its label; cut and marked with a digest of the whole where NetBox takes no more."""
    if len(label) <= NAME_LENGTH:
        return label
    return f"{label[: NAME_LENGTH - 9]}~{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def slug(text: str) -> str:
    """Lower-case letters, digits, - and _ as NetBox wants them."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:100] or "x"


# -- device types ------------------------------------------------------------------------------------------------------
def device_types(plan: Plan, catalog: Catalog) -> list[DeviceType]:
    """A type per part, and per build where pools build one chassis differently: ports, weight, supplies."""
    found: list[DeviceType] = []
    for k, pool in enumerate(plan.pools):
        number = 1 + sum(t.part == pool.chassis for t in found)
        chassis = catalog.chassis[pool.chassis]
        data = _base(chassis, pool.node_rack_units, pool.node_weight_kg, number)
        data["power-ports"] = _inlets(chassis.psu_count, pool.node_power_kw * 1000)
        data["interfaces"] = list(_node_ports(plan, catalog, pool))
        same = next((j for j, t in enumerate(found) if t.part == pool.chassis and _alike(t.data, data)), None)
        if same is None:
            found.append(DeviceType(pool.chassis, frozenset((k,)), data))
        else:
            found[same] = replace(found[same], pools=found[same].pools | {k})
    for line in plan.lines:
        part = catalog.parts.get(line.part)
        if isinstance(part, CoolingUnit) and line.rack_units and not any(t.part == line.part for t in found):
            found.append(DeviceType(part.id, frozenset(), _base(part, part.rack_units, 0.0, 1)))
        if not isinstance(part, Switch | StorageSystem | ManagementNode) or any(t.part == line.part for t in found):
            continue
        data = _base(part, part.rack_units, line.weight_kg, 1)
        data["power-ports"] = _inlets(2, line.max_power_w)
        data["interfaces"] = list(_equipment_ports(plan, catalog, part))
        found.append(DeviceType(part.id, frozenset(), data))
    return found


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two builds of a chassis are one device type: everything but the name of the build."""
    own = ("model", "slug")
    return {k: v for k, v in one.items() if k not in own} == {k: v for k, v in other.items() if k not in own}


def _base(
    part: Chassis | Switch | StorageSystem | ManagementNode | CoolingUnit, units: int, weight: float, number: int
) -> dict[str, Any]:
    model = part.model if number == 1 else f"{part.model} (build {number})"
    data: dict[str, Any] = {
        "manufacturer": part.vendor[:100],
        "model": model[:100],
        "slug": slug(f"{part.vendor}-{model}"),
        "u_height": units,
        "is_full_depth": True,
        "comments": f"planner part {part.id}",
    }
    if part.part_number:
        data["part_number"] = part.part_number[:50]
    if weight:
        data |= {"weight": round(weight, 2), "weight_unit": "kg"}
    if isinstance(part, Chassis) and part.cooling == "air":
        data["airflow"] = "front-to-rear"
    return data


def _inlets(count: int | None, watts: float) -> list[dict[str, Any]]:
    """Supplies by number; the draw of the whole is stated at each, as any of them may carry it with others lost."""
    number = count or 2
    share = max(1, -(-int(watts) // number))
    return [{"name": f"PSU{k + 1}", "type": "other", "allocated_draw": share} for k in range(number)]


def _node_ports(plan: Plan, catalog: Catalog, pool: Pool) -> Iterator[dict[str, Any]]:
    """Ports as adapters have them; of a port that runs as several links each is an interface of its share."""
    ports, net = pool.ports, next((n for n in plan.fabrics if n.name == pool.fabric), None)
    trays, links = catalog.chassis[pool.chassis].fabric_units, wiring.links_per_port(catalog, pool.nic, net)
    made = adapters.port_of(plan, catalog, pool, "compute")
    kind = interface_type(net.technology, net.gbps, made[1] if made else None) if net else "other"
    for k in range(ports.compute):
        tray, port = divmod(k, max(1, ports.compute // trays))
        prefix = f"tray {tray + 1} " if trays > 1 else ""
        yield {"name": prefix + wiring.compute_port(port, links), "type": kind}
    for role, count in (("storage", ports.storage), ("in-band", ports.in_band)):
        shared = next((n for n in plan.fabrics if n.role == role), None)
        own = adapters.port_of(plan, catalog, pool, role)
        named = interface_type(shared.technology if shared else "ethernet", *own) if own else "other"
        yield from ({"name": f"{role} {k + 1}", "type": named} for k in range(count))
    yield from ({"name": f"oob {k + 1}", "type": "1000base-t", "mgmt_only": True} for k in range(ports.oob))


def _equipment_ports(
    plan: Plan, catalog: Catalog, part: Switch | StorageSystem | ManagementNode
) -> Iterator[dict[str, Any]]:
    if isinstance(part, Switch):
        face = wiring.Face(part.id, part)
        kind = interface_type(part.technology, part.gbps, part.cage)
        yield from ({"name": face.name(k + 1), "type": kind} for k in range(part.ports))
        fast = interface_type("ethernet", part.uplink_gbps or 0)
        yield from ({"name": f"U{k + 1}", "type": fast} for k in range(part.uplink_ports))
        yield {"name": "mgmt", "type": "1000base-t", "mgmt_only": True}
        return
    if isinstance(part, StorageSystem):
        net = next((n for n in plan.fabrics if n.role == "storage"), None)
        kind = interface_type(net.technology, part.port_gbps) if net else "other"
        yield from ({"name": f"storage {k + 1}", "type": kind} for k in range(part.ports))
    else:
        kind = interface_type("ethernet", part.port_gbps)
        yield from ({"name": f"in-band {k + 1}", "type": kind} for k in range(part.inband_ports))
        yield from (
            {"name": name, "type": _managed_kind(plan, part.id)} for name in _managed_ports(plan, catalog, part)
        )
    yield {"name": "oob 1", "type": "1000base-t", "mgmt_only": True}


def _managed_ports(plan: Plan, catalog: Catalog, part: ManagementNode) -> Iterator[str]:
    """Ports of a fabric manager into the fabrics that it manages, as the schedule names them."""
    labels = {label for label, manager in wiring.fabric_managers(plan, catalog) if manager.id == part.id}
    ends = (end for net in plan.fabrics for end in wiring.manager_ends(plan, catalog, net.name))
    yield from dict.fromkeys(port for label, port in ends if label in labels)


def _managed_kind(plan: Plan, part: str) -> str:
    """The port of a fabric manager by the fastest fabric that buys it."""
    groups = {line.group for line in plan.lines if line.part == part}
    nets = [n for n in plan.fabrics if n.name in groups]
    fastest = max(nets, key=lambda n: n.gbps, default=None)
    return interface_type(fastest.technology, fastest.gbps) if fastest else "other"


# -- CSV ---------------------------------------------------------------------------------------------------------------
SITE_HEADER = ("name", "slug", "status")
MAKER_HEADER = ("name", "slug")
ROLE_HEADER = ("name", "slug", "color")
RACK_HEADER = (
    "site", "name", "status", "width", "u_height", "outer_width", "outer_depth", "outer_unit", "weight", "max_weight",
    "weight_unit",
)  # fmt: skip
DEVICE_HEADER = ("name", "role", "manufacturer", "device_type", "site", "rack", "position", "face", "status")
INTERFACE_HEADER = ("device", "name", "type", "description")
CABLE_HEADER = (
    "side_a_device", "side_a_type", "side_a_name", "side_b_device", "side_b_type", "side_b_name", "type", "status",
    "label", "length", "length_unit",
)  # fmt: skip


def site_name(plan: Plan) -> str:
    """The site's name: the project."""
    return plan.project[:100]


def rack_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """One row per rack; a rack-scale system stands in a rack of its own height."""
    for rack in plan.racks:
        part = catalog.racks.get(rack.part or "")
        size = (round(part.width_mm), round(part.depth_mm), "mm") if part else (None, None, None)
        weight = (part.weight_kg, round(part.load_kg), "kg") if part and part.weight_kg else (None, None, None)
        yield (site_name(plan), rack.name, "planned", 19, rack.units, *size, *weight)


def device_rows(plan: Plan, catalog: Catalog, types: Sequence[DeviceType]) -> Iterator[tuple[object, ...]]:
    """One row per device, with the lowest unit it takes."""
    builds = {name: k for k, name in enumerate(wiring.pool_names(plan.pools))}
    for rack in plan.racks:
        for item in rack.items:
            kind = next(t.data for t in types if _is_of(t, item, builds))
            yield (
                device_name(item.label), wiring.role_of(catalog, item.item), kind["manufacturer"], kind["model"],
                site_name(plan), rack.name, item.bottom_unit, "front", "planned",
            )  # fmt: skip


def interface_rows(plan: Plan, catalog: Catalog, types: Sequence[DeviceType]) -> Iterator[tuple[object, ...]]:
    """Interfaces beyond those of the device types: parts of split ports, connectors of a link over two fibres."""
    builds = {name: k for k, name in enumerate(wiring.pool_names(plan.pools))}
    names = [frozenset(entry["name"] for entry in t.data.get("interfaces", ())) for t in types]
    known = {
        item.label: names[next(k for k, t in enumerate(types) if _is_of(t, item, builds))]
        for rack in plan.racks
        for item in rack.items
    }
    nets = {net.name: net for net in plan.fabrics}
    for row in cables.schedule(plan, catalog):
        net = nets[row.network]
        kind = interface_type(net.technology, row.gbps, catalog.switches[net.switch].cage)
        for device, port in ((row.a_device, row.a_port), (row.b_device, row.b_port)):
            if port not in known[device]:
                yield device_name(device), port, kind, f"part of {port.rpartition('/')[0]}"


def _is_of(kind: DeviceType, item: RackItem, builds: Mapping[str, int]) -> bool:
    """Whether a racked device is of a type; `builds`: pools by the name that their nodes bear."""
    pool = builds.get(item.label.rsplit(" node ", 1)[0])
    return kind.part == item.item and (not kind.pools or pool in kind.pools)


def cable_rows(plan: Plan, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """One row per leg; the legs of a breakout cable share its label and carry their number."""
    for row in cables.schedule(plan, catalog):
        label = row.label if row.legs == 1 else f"{row.label}.{row.leg}"
        yield (
            device_name(row.a_device), "dcim.interface", row.a_port, device_name(row.b_device), "dcim.interface",
            row.b_port, CABLES[row.type], "planned", label, row.length_m, "m",
        )  # fmt: skip


README = """Import order in NetBox (4.x; names of columns as in its import forms):
1. 1-sites.csv, 2-manufacturers.csv, 3-device-roles.csv
2. device-types/*.yaml (Device Types, Import)
3. 4-racks.csv, 5-devices.csv, 6-interfaces.csv (parts of ports; may be empty), 7-cables.csv
Parts of a port (7/1, 7/2 of 7) say in their description what they are part of; the whole port stays in the list without
a cable, as NetBox gives physical interfaces no parent. Types are those of the adapters' ports, which may run slower.
Power inlets are of type "other": plugs are not stated in the catalog. Status is "planned" everywhere.
"""


def write_netbox(plan: Plan, catalog: Catalog, folder: Path) -> int:
    """All files in `folder`; the number of files."""
    types = device_types(plan, catalog)
    makers = sorted({t.data["manufacturer"] for t in types})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "device-types").mkdir(exist_ok=True)
    tables: tuple[tuple[str, Sequence[str], Iterable[Sequence[object]]], ...] = (
        ("1-sites.csv", SITE_HEADER, [(site_name(plan), slug(plan.project), "planned")]),
        ("2-manufacturers.csv", MAKER_HEADER, [(m, slug(m)) for m in makers]),
        ("3-device-roles.csv", ROLE_HEADER, [(name, name, colour) for name, colour in ROLES.items()]),
        ("4-racks.csv", RACK_HEADER, rack_rows(plan, catalog)),
        ("5-devices.csv", DEVICE_HEADER, device_rows(plan, catalog, types)),
        ("6-interfaces.csv", INTERFACE_HEADER, interface_rows(plan, catalog, types)),
        ("7-cables.csv", CABLE_HEADER, cable_rows(plan, catalog)),
    )
    for name, header, rows in tables:
        with atomic_text(folder / name) as file:
            write_rows(file, header, rows)
    for kind in types:
        text = yaml.safe_dump(kind.data, sort_keys=False, allow_unicode=True, width=120)
        atomic_write(folder / "device-types" / f"{kind.data['slug']}.yaml", f"---\n{text}".encode())
    atomic_write(folder / "README.txt", README.encode())
    return len(tables) + len(types) + 1
