"""Media by real distance: copper where a network stands in one rack, single-mode where multimode ends, spare cables."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from plans.cabled import KINDS, examine, special_site
from plans.forged import altered

from planner import wiring
from planner.cable_totals import length_classes, link_rows
from planner.catalog import Catalog
from planner.fabric import compute_design, node_cables, stripes, trunk_cables
from planner.fabric.design import Media
from planner.facility.checks import run_checks
from planner.floorplan import block_m
from planner.optimize import optimize
from planner.plan import Plan, PlannedFabric
from planner.sitefile import read_site_text
from planner.verify import verify
from planner.wording import wording

ON = dt.date(2026, 11, 24)
POD = """
site: {{country: US, rack_power_kw: 60{site}}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {count}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband{fabric}}}}}
"""


def planned(catalog: Catalog, count: int, site: str = "", fabric: str = "") -> Plan:
    text = POD.format(count=count, site=site, fabric=fabric)
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)


def network(plan: Plan, name: str = "compute") -> PlannedFabric:
    return next(net for net in plan.fabrics if net.name == name)


def kinds(plan: Plan, catalog: Catalog, name: str, link: str) -> set[str]:
    return {catalog.cables[e.part].kind for e in plan.cabling if e.network == name and e.kind == link}


@pytest.fixture(scope="module")
def pod(catalog: Catalog) -> Plan:
    return planned(catalog, 248)


# -- where copper is offered -------------------------------------------------------------------------------------------
def test_the_longest_run_of_a_block_is_known_from_its_heights() -> None:
    """Twelve switches of 1U: 11 units between the middles of the outermost, 0.5 m at either port, 0.5 m slack."""
    assert block_m(12, 1, 1, 0.5) == pytest.approx(11 * 0.04445 + 1.5)
    assert block_m(33, 8, 1, 0.5) == pytest.approx(28.5 * 0.04445 + 1.5)


def test_copper_by_distance_is_passive_then_active_then_none(catalog: Catalog) -> None:
    switch = catalog.switches["qm9700"]
    assert trunk_cables(catalog, switch, 1.6) == ["mca4j80-n003", "mcp4y10-n2"]
    assert trunk_cables(catalog, switch, 2.1) == ["mca4j80-n003"]
    assert trunk_cables(catalog, switch, 5.1) == []
    assert trunk_cables(catalog, catalog.switches["qm8700"], 1.6) == []  # HDR copper is no longer sold
    assert trunk_cables(catalog, catalog.switches["q3400-ra"], 2.2) == ["mca4k50-x02a"]


def test_nodes_take_flat_top_plugs_and_switches_finned_ones(catalog: Catalog) -> None:
    switch = catalog.switches["qm9700"]
    assert node_cables(catalog, switch, 400, "osfp-twin", 2.8) == ["mca4j80-n003-ftf"]
    assert node_cables(catalog, switch, 400, "osfp", 2.8) == ["mcp7y00-n003"]
    assert node_cables(catalog, switch, 400, "qsfp112", 1.0) == []
    assert node_cables(catalog, switch, 200, "osfp", 1.0) == []  # ports at half speed are split


def test_a_cable_of_two_links_joins_one_pair_of_switches(catalog: Catalog) -> None:
    assert stripes(32, 4, 2)
    assert not stripes(32, 32, 2)
    refused = compute_design(
        catalog, 256, 8, 400, "infiniband", "qm9700", 1.0, "rail", "osfp-twin", media=Media(trunk="mcp4y10-n2")
    )
    assert getattr(refused, "rule", None) == "uneven-copper"  # 64 leaves, one link to each of 32 spines


# -- in the optimum ----------------------------------------------------------------------------------------------------
def test_switches_of_one_rack_are_joined_by_copper(pod: Plan, catalog: Catalog) -> None:
    """8 leaves and 4 spines: 256 links in 128 cables and no module at either end; nothing is too long."""
    assert network(pod).trunk_cable == "mcp4y10-n2"
    trunk = [e for e in pod.cabling if e.network == "compute" and e.kind == "trunk"]
    assert [(e.part, e.quantity) for e in trunk] == [("mcp4y10-n2", 128)]
    assert trunk[0].longest_m <= 2
    modules = {ln.part: ln.quantity for ln in pod.lines if ln.group == "compute" and ln.part in catalog.optics}
    assert modules["mma4z00-ns"] == 8 * 16  # those of the node links alone: 4 leaves of 31 links, managers beside them
    assert verify(pod, catalog) == []
    assert examine(pod, catalog).wrong == []


def test_a_block_stands_in_one_rack_without_a_gap(pod: Plan) -> None:
    labels = {label for _, label in wiring.switches(network(pod))}
    found = [(k, i.bottom_unit) for k, rack in enumerate(pod.racks) for i in rack.items if i.label in labels]
    assert len({k for k, _ in found}) == 1
    units = sorted(unit for _, unit in found)
    assert units == list(range(units[0], units[0] + 12))


def test_fibre_is_dearer_and_only_taken_when_asked(pod: Plan, catalog: Catalog) -> None:
    fibre = planned(catalog, 248, fabric=", media: fibre")
    assert kinds(fibre, catalog, "compute", "trunk") == {"fibre"}
    assert fibre.totals.capex > pod.totals.capex
    assert not any(catalog.cables[e.part].kind in ("dac", "acc") for e in fibre.cabling)
    assert verify(fibre, catalog) == []


def test_nodes_and_their_switch_in_one_rack_need_no_modules(catalog: Catalog) -> None:
    plan = planned(catalog, 32)
    assert network(plan).node_cable == "mca4j80-n003-ftf"
    assert kinds(plan, catalog, "compute", "node") == {"acc"}
    assert not any(ln.part in catalog.optics for ln in plan.lines if ln.group == "compute")
    home = {rack.name for rack in plan.racks for i in rack.items if i.label.startswith(("pod node", "compute leaf"))}
    assert len(home) == 1
    assert verify(plan, catalog) == []


def test_what_copper_does_not_reach_stays_on_fibre(catalog: Catalog) -> None:
    """With 2 m of slack the block of nodes needs 4.27 m, copper to nodes ends at 3 m."""
    plan = planned(catalog, 32, site=", layout: {slack_m: 2}")
    assert network(plan).node_cable is None
    assert kinds(plan, catalog, "compute", "node") == {"fibre"}


# -- refused by verify -------------------------------------------------------------------------------------------------
def test_another_cable_than_the_shortest_that_reaches_is_refused(pod: Plan, catalog: Catalog) -> None:
    def longer(data: dict[str, Any]) -> None:
        next(n for n in data["fabrics"] if n["name"] == "compute")["trunk_cable"] = "mca4j80-n003"

    assert any("trunk_cable" in f for f in verify(altered(pod, longer), catalog))


def test_a_switch_taken_out_of_its_block_is_refused(pod: Plan, catalog: Catalog) -> None:
    def moved(data: dict[str, Any]) -> None:
        racks = data["racks"]
        here = next(r for r in racks if any(i["label"] == "compute leaf 1" for i in r["items"]))
        item = next(i for i in here["items"] if i["label"] == "compute leaf 1")
        item["bottom_unit"] = next(
            u
            for u in range(1, 20)
            if all(not o["bottom_unit"] <= u < o["bottom_unit"] + o["units"] for o in here["items"])
        )

    findings = verify(altered(pod, moved), catalog)
    assert any("directly above one another" in f for f in findings)
    assert any("m long, a run needs" in f for f in findings)


# -- spares, uplinks, licences, single-mode ----------------------------------------------------------------------------
def test_spare_cables_are_a_line_of_the_longest_of_each_kind(pod: Plan, catalog: Catalog) -> None:
    shelf = {ln.part: ln.quantity for ln in pod.lines if ln.group == "spares" and ln.part in catalog.cables and ln.pool}
    longest = max(
        (e for e in pod.cabling if e.network == "compute" and e.kind == "node"), key=lambda e: e.length_m
    ).part
    nodes = sum(e.quantity for e in pod.cabling if e.network == "compute" and e.kind == "node")
    assert shelf == {longest: -(-nodes * 2 // 100), "mcp4y10-n2": 3}  # 2 % of 128 is 2.56

    def fewer(data: dict[str, Any]) -> None:
        line = next(ln for ln in data["lines"] if ln["group"] == "spares" and ln["part"] == "mcp4y10-n2")
        line["quantity"] = 2

    assert any("spare × mcp4y10-n2" in f for f in verify(altered(pod, fewer), catalog))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_documents_tell_cables_by_length_with_spares_apart(pod: Plan, language: str) -> None:
    rows = link_rows(pod, wording(language))
    assert len(rows) == len({(e.network, e.kind) for e in pod.cabling})
    told = [sum(int(n) for n in re.findall(r"(\d+)\s(?:×|根)", row[2])) for row in rows]
    assert sum(told) == sum(e.quantity for e in pod.cabling)
    assert sum(c.spares for c in length_classes(pod)) == 6 + 3 + 5  # 2 % of 252 and of 128, rounded up; other networks


def test_slow_uplinks_bring_cable_and_adapter_and_no_cable_lies_idle(catalog: Catalog) -> None:
    plan = optimize(read_site_text(special_site("slow uplinks", 2), "site.yaml", catalog), catalog, ON)
    oob = network(plan, "oob")
    assert (catalog.switches[oob.switch].uplink_gbps or 0) < 100
    uplinks = sum(e.quantity for e in plan.cabling if e.kind == "uplink")
    bought = sum(ln.quantity for ln in plan.lines if ln.group == "oob" and ln.part.startswith("generic-10g-qsa-aoc"))
    assert uplinks == bought == 2 * oob.leaf
    assert next(c for c in run_checks(plan, catalog) if c.id == "cables-bought").status == "PASS"
    assert verify(plan, catalog) == []


def test_nodes_of_infiniband_storage_are_licensed_beside_an_ethernet_fabric(catalog: Catalog) -> None:
    text = """
site: {{country: US}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: 640}}]
storage: {{usable_tb: 500, technology: infiniband}}
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: {technology}}}}}
"""
    held = {}
    for technology in ("ethernet", "infiniband"):
        request = read_site_text(text.format(technology=technology), "site.yaml", catalog)
        plan = optimize(request, catalog, ON)
        held[technology] = {ln.group: ln.quantity for ln in plan.yearly if ln.part == "ufm-enterprise"}
        assert network(plan, "storage").spine
        assert verify(plan, catalog) == []
    assert held == {"ethernet": {"storage": 80}, "infiniband": {"compute": 80}}  # each node once

    def none(data: dict[str, Any]) -> None:
        next(ln for ln in data["yearly"] if ln["group"] == "compute")["quantity"] = 79

    assert any("licences of managed nodes" in f for f in verify(altered(plan, none), catalog))


def test_runs_beyond_multimode_are_single_mode_with_its_modules(catalog: Catalog) -> None:
    plan = optimize(read_site_text(special_site("single-mode", 1), "site.yaml", catalog), catalog, ON)
    far = {(e.network, e.kind) for e in plan.cabling if e.longest_m > 50 and catalog.cables[e.part].kind == "fibre"}
    assert far
    for name, link in far:
        net = network(plan, name)
        assert {catalog.cables[e.part].media for e in plan.cabling if (e.network, e.kind) == (name, link)} == {"smf"}
        assert (wiring.reach_m(plan, catalog, net, link) or 0) >= 100
    assert wiring.beyond_reach(plan, catalog) == frozenset()
    assert next(c for c in run_checks(plan, catalog) if c.id == "reach").status == "PASS"
    assert verify(plan, catalog) == []


@pytest.mark.parametrize("kind", [k for k in KINDS if k in ("breakout HDR", "XDR", "islands", "split ports 400G")])
def test_every_kind_of_site_is_cabled_port_by_port(kind: str, catalog: Catalog) -> None:
    plan = optimize(read_site_text(special_site(kind, 1), "site.yaml", catalog), catalog, ON)
    assert examine(plan, catalog).wrong == []
    assert verify(plan, catalog) == []
