"""Published reference rows: what each states, designed by the planner's own rules and compared field by field.

A row is data of the form of tests/reference/reference_architectures.yaml. What a kind of row asks for is turned into
one `ReferenceDesign`; every published field that a design can answer has one formula here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric.casevalues import (
    MOST_PORTS,
    NoFabric,
    equal,
    is_paired,
    is_rail,
    kilowatts,
    number,
    radix,
    ratio,
    switch_named,
    tiers,
    whole,
)
from planner.fabric.compute import compute_design
from planner.fabric.design import FabricDesign, ports_at
from planner.fabric.reference import Counted, ReferenceDesign, design

UFM_PORTS = 4  # leaf ports of a pair of fabric managers, two each
COUNTS = ("leaf", "spine", "core", "node_leaf_cables", "leaf_spine_cables", "spine_core_cables")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One row. `ok` None: nothing to compare, `reason` says why. `explained` names differences the row documents."""

    id: str
    kind: str
    check: str
    expected: dict[str, Any]
    given: dict[str, Any]
    ok: bool | None
    reason: str | None = None
    explained: tuple[str, ...] = ()


def run_case(row: Mapping[str, Any], catalog: Catalog) -> CaseResult:
    """Design one row and compare every published field that a design answers."""
    kind, check = str(row.get("kind")), str(row.get("check") or "exact")
    published = row.get("expected")
    expected = {k: v for k, v in _flat(published if isinstance(published, Mapping) else {}).items() if v is not None}
    result = CaseResult(str(row.get("id")), kind, check, expected, {}, None)
    designer = DESIGNERS.get(kind)
    if designer is None:
        said = row.get("skip_reason")
        return _with(result, reason=f"kind {kind}, no fabric to design" + (f": {said}" if said else ""))
    inputs = row.get("inputs")
    try:
        given = designer(inputs if isinstance(inputs, Mapping) else {}, catalog, expected)
    except NoFabric as error:
        said = row.get("skip_reason")
        return _with(result, reason=f"{error}" + (f" ({said})" if said else ""))
    return _compared(result, row, given)


def _with(result: CaseResult, **changes: Any) -> CaseResult:
    return CaseResult(**{**{f: getattr(result, f) for f in CaseResult.__dataclass_fields__}, **changes})


def _compared(result: CaseResult, row: Mapping[str, Any], given: dict[str, Any]) -> CaseResult:
    """Fields named by exact_fields, else every published field that was designed; named differences are explained."""
    named = row.get("exact_fields")
    fields = [str(f) for f in named] if isinstance(named, list) else [f for f in result.expected if f in given]
    notes = row.get("explain") if result.check == "explain" else None
    documented = (
        {str(e.get("field")): e for e in notes or () if isinstance(e, Mapping)} if isinstance(notes, list) else {}
    )
    explained, wrong, unanswered = [], [], []
    if not isinstance(named, list):
        unanswered = [f for f in result.expected if f not in given]
    for field in fields:
        have, want = given.get(field), result.expected.get(field)
        if want is None or equal(field, have, want):
            continue
        note = documented.get(field)
        if (
            note is not None
            and number(note.get("published")) == number(want)
            and number(note.get("rule_gives")) in (None, have)
        ):
            explained.append(f"{field}: published {want}, planned {have}: {note.get('reason')}")
        else:
            wrong.append(f"{field}: published {want}, planned {have}")
    ok: bool | None = not wrong
    left = [f"not compared, as no design answers it: {', '.join(unanswered)}"] if unanswered else []
    reason = "; ".join((*wrong, *left)) or None
    if not any(result.expected.get(f) is not None for f in fields):
        ok, reason = None, "nothing is published that a design answers"
    if result.check == "skip":
        # The file says that this row is no test: it is designed all the same, and a difference is told, not counted.
        said = f"not a test: {row.get('skip_reason') or 'marked skip'}"
        ok, reason = (ok, None) if ok else (None, f"{said}; {reason}" if reason else said)
    return _with(result, given=given, ok=ok, reason=reason, explained=tuple(explained))


def _documents(note: Mapping[str, Any], want: Any, have: Any) -> bool:
    """Whether a row's own note names this difference: the published number, and the planned one where it states it."""
    return bool(number(note.get("published")) == number(want) and number(note.get("rule_gives")) in (None, have))


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested published fields under dotted names."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{name}."))
        else:
            found[name] = value
    return found


def _made(row: ReferenceDesign) -> Counted:
    made = design(row)
    if isinstance(made, Rejection):
        raise NoFabric(made.message)
    return made


# -- kinds of rows ---------------------------------------------------------------------------------------------------
def _fabric_count(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """The 16 keys of a fabric row: switches by tier and links over all planes."""
    unit = whole(inputs, "su_nodes") if inputs.get("full_su") and inputs.get("su_nodes") is not None else None
    nics = whole(inputs, "nics_per_node", most=MOST_PORTS)
    rails = 1
    if is_rail(inputs) and unit is not None:
        rails = whole(inputs, "rails", default=nics)
    made = _made(
        ReferenceDesign(
            nodes=whole(inputs, "nodes"),
            nics=nics,
            radix=radix(inputs, catalog),
            planes=whole(inputs, "planes", default=1),
            unit=unit,
            rails=rails,
            oversubscription=ratio(inputs),
            extra=whole(inputs, "extra_leaf_ports", least=0, default=0),
            given_up=whole(inputs, "nodes_given_up", least=0, default=0),
            paired=is_paired(inputs),
            reserve=whole(inputs, "reserve_nodes", least=0, default=0),
            core_ready=inputs.get("core_ready") is True,
            tiers=tiers(inputs),
        )
    )
    asked = tiers(inputs)
    if asked is not None and asked != made.tiers:
        raise NoFabric(f"{asked} tiers asked, these endpoints on {radix(inputs, catalog)} ports take {made.tiers}")
    given: dict[str, Any] = {name: getattr(made, name) for name in COUNTS}
    if made.inter_switch_links:
        given["inter_switch_links"] = made.inter_switch_links
    return given


def _fabric_cost(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Switches and links between them of a priced topology. Prices of the source are not reproduced."""
    words = str(inputs.get("topology") or inputs.get("topology_as_reconstructed") or "fat tree").lower()
    if not re.search(r"\bft ?\d|tier|fat.tree", words):
        raise NoFabric(f"{inputs.get('topology')} is not a fat tree")
    radix = whole(inputs, "switch_radix", "switch_radix_at_port_speed", "radix", least=2, most=MOST_PORTS)
    if inputs.get("endpoints") is not None:
        nodes, nics = whole(inputs, "endpoints"), 1
    else:
        nodes, nics = whole(inputs, "nodes"), whole(inputs, "ports_per_node", "nics_per_node", most=MOST_PORTS)
    # Separate planes, one per rail: "8 rail planes", "rail-only".
    named = re.search(r"(\d+) (?:rail )?planes", words)
    planes = int(named[1]) if named else nics if "rail-only" in words else 1
    if nics % planes:
        raise NoFabric(f"{nics} ports per node do not divide over {planes} planes")
    made = _made(ReferenceDesign(nodes, nics // planes, radix, planes, oversubscription=ratio(inputs)))
    asked = re.search(r"\bft ?(\d)|\b(\d)-tier", words)
    tiers = int(asked[1] or asked[2]) if asked else 1 if "single tier" in words else None
    if tiers is not None and tiers != made.tiers:
        raise NoFabric(
            f"{tiers} tiers asked, {made.tree.endpoints} endpoints per plane of {radix} ports take {made.tiers}"
        )
    between = made.leaf_spine_cables + made.spine_core_cables + made.inter_switch_links
    return {
        "switches": made.switches,
        "inter_switch_links": between,
        "leaf": made.leaf,
        "spine": made.spine,
        "core": made.core,
    }


def _node_count(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Nodes of whole scalable units less those given up for the fabric managers, and their accelerators."""
    units, unit = whole(inputs, "scalable_units"), whole(inputs, "scalable_unit_nodes")
    nodes = units * unit - whole(inputs, "nodes_given_up_for_ufm", "nodes_given_up", least=0, default=0)
    given: dict[str, Any] = {"nodes": nodes}
    cards = _cards(inputs, catalog)
    if cards is not None:
        given["gpus"] = nodes * cards
    return given


def _cards(inputs: Mapping[str, Any], catalog: Catalog) -> int | None:
    """Accelerators of one node, by the catalog's machine of that name."""
    if inputs.get("gpus_per_node") is not None:
        return whole(inputs, "gpus_per_node")
    name = str(inputs.get("node_model") or "").lower().replace(" ", "-")
    chassis = catalog.chassis.get(name)
    return None if chassis is None else chassis.slots


def _scale_up(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """A scale-up domain: its accelerators and racks, and the switch chips that its links need in one tier.

    chips = accelerators × links per accelerator ÷ ports of a chip: 72 × 18 ÷ 72 = 18 chips in 9 trays of an NVL72.
    """
    cards = _cards(inputs, catalog)
    named = re.match(r"(\d+) x ", str(inputs.get("node_model") or ""))
    if cards is None and named:
        cards = int(named[1])
    given: dict[str, Any] = {}
    total = whole(inputs, "accelerators", "gpus", "npus", default=0, least=0)
    if cards is not None and inputs.get("nodes") is not None:
        nodes = whole(inputs, "nodes")
        total = nodes * cards
        if inputs.get("nodes_per_rack") is not None:
            given["compute_racks"] = math.ceil(nodes / whole(inputs, "nodes_per_rack"))
    if not total:
        raise NoFabric("accelerators of the scale-up domain are not stated")
    given |= {"npus": total, "gpus": total, "accelerators": total}
    if inputs.get("links_per_accelerator") is not None and inputs.get("switch_chip_ports") is not None:
        links = total * whole(inputs, "links_per_accelerator", most=MOST_PORTS)
        chips = math.ceil(links / whole(inputs, "switch_chip_ports", most=MOST_PORTS))
        given |= {"scale_up_links": links, "switch_chips": chips}
        if inputs.get("chips_per_tray") is not None:
            given["switch_trays"] = math.ceil(chips / whole(inputs, "chips_per_tray", most=MOST_PORTS))
    return {k: v for k, v in given.items() if k in expected}


def _rack(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Power of a rack of equal nodes."""
    power = kilowatts(inputs, "node_max_kw")
    if power is None or inputs.get("nodes_per_rack") is None:
        raise NoFabric("a rack without the power of its nodes")
    return {"rack_kw": round(whole(inputs, "nodes_per_rack", most=MOST_PORTS) * power, 3)}


def _links(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """A wire map of two collapsed switches: node links by network and the links between the two."""
    nodes, ports = whole(inputs, "nodes"), whole(inputs, "gpu_ports_per_node", most=MOST_PORTS)
    name = re.match(r"[a-z0-9-]+", str(inputs.get("core_switch") or inputs.get("switch") or "").lower())
    switch = catalog.switches.get(name[0] if name else "")
    if switch is None:
        raise NoFabric(f"switch {inputs.get('core_switch')} is not in the catalog")
    made = _made(ReferenceDesign(nodes, ports, ports_at(switch, 400), paired=True))
    given: dict[str, Any] = {"gpu_links_400g": made.node_leaf_cables, "isl_400g": made.inter_switch_links}
    if inputs.get("north_south_ports_per_node") is not None:
        links = nodes * whole(inputs, "north_south_ports_per_node")
        given |= {"north_south_links_200g": links, "north_south_node_links_200g": links}
    return {k: v for k, v in given.items() if k in expected}


def _bom(inputs: Mapping[str, Any], catalog: Catalog, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Switches, modules and cables of a whole system: two joined switches without spine, or a rail-optimized tree."""
    nodes, ports = whole(inputs, "nodes"), whole(inputs, "compute_ports_per_node", most=MOST_PORTS)
    name = str(inputs.get("compute_switch") or "")
    switch = switch_named(catalog, name)
    if switch is None:
        raise NoFabric(f"switch {name} is not in the catalog")
    cages = whole(inputs, "compute_osfp_twin_port_cages_per_node", default=math.ceil(ports / 2))
    common = {
        "inband_cables.node_aoc": ("inband_ports_per_node", nodes),
        "inband_node_aoc": ("inband_ports_per_node", nodes),
        "oob_cables.node": ("oob_ports_per_node", nodes),
        "storage_ib.node_qsfp112_transceivers": ("storage_ib_ports_per_node", nodes),
    }
    given = {k: n * whole(inputs, key) for k, (key, n) in common.items() if inputs.get(key) is not None}
    if inputs.get("nodes_per_compute_rack") is not None:
        given["racks.compute"] = math.ceil(nodes / whole(inputs, "nodes_per_compute_rack"))
    if "two switches" in str(inputs.get("topology") or ""):
        made = _made(ReferenceDesign(nodes, ports, switch.ports, paired=True))
        each = math.ceil(made.node_leaf_cables / 2)
        given |= {
            name: made.switches,
            "node_flat_top_twin_port_transceivers": nodes * cages,
            "switch_finned_twin_port_transceivers": 2 * math.ceil(each / 2),
            "ndr_fibre_by_link_arithmetic": made.node_leaf_cables,
            "isl_ndr_links": made.inter_switch_links,
            "isl_dac_twin_port": math.ceil(made.inter_switch_links / 2),
        }
        return {k: v for k, v in given.items() if k in expected}
    extra = UFM_PORTS if inputs.get("nodes_given_up_for_ufm") else 0
    tree = compute_design(
        catalog, nodes, ports, switch.gbps, switch.technology, switch.id, 1.0, "rail", "osfp-twin", extra
    )
    if isinstance(tree, Rejection):
        raise NoFabric(tree.message)
    given |= {
        f"switches.compute_{name}": tree.switches,
        "compute_ib.node_osfp_transceivers": nodes * cages,
        "compute_ib.switch_osfp_transceivers": _modules(tree, catalog),
        "compute_ib.ndr_400g_fibre": tree.links_node + tree.links_leaf_spine + tree.links_spine_core,
    }
    return {k: v for k, v in given.items() if k in expected}


def _modules(tree: FabricDesign, catalog: Catalog) -> int:
    """Twin-port modules in switch cages: by the design's own lines."""
    twin = {o.id for o in catalog.optics.values() if o.links == 2 and o.side != "node"}
    return sum(line.quantity for line in tree.lines if line.part in twin)


Designer = Callable[[Mapping[str, Any], Catalog, Mapping[str, Any]], dict[str, Any]]
DESIGNERS: dict[str, Designer] = {
    "fabric_count": _fabric_count,
    "fabric_cost": _fabric_cost,
    "node_count_rule": _node_count,
    "rack_rule": _rack,
    "scale_up_domain": _scale_up,
    "link_count": _links,
    "bom": _bom,
}
