"""Two planes: what adapters can, what that costs, that no cable joins the planes, and the published pods."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import refusal, run

from planner import drawings, wiring
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.exports import cables
from planner.fabric import compute_design
from planner.optimize import optimize
from planner.plan import Plan, PlannedFabric
from planner.sitefile import read_site_text
from planner.verify import verify
from planner.wording import wording

ON = dt.date(2026, 11, 26)
ROWS = Path(__file__).parent / "reference" / "reference_architectures.yaml"


def site(count: int, planes: str, more: str = "", technology: str = "ethernet") -> str:
    return f"""
site: {{country: US}}
workloads: [{{name: pod, kind: capacity, accelerator: b300-sxm6, count: {count}}}]
preferences:
  chassis: {{only: [dgx-b300]}}
  fabric: {{technology: {technology}, planes: {planes}{more}}}
"""


def planned(catalog: Catalog, text: str) -> Plan:
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON, explained=False)
    assert verify(plan, catalog) == []
    return plan


def compute(plan: Plan) -> PlannedFabric:
    return next(net for net in plan.fabrics if net.role == "compute")


def published(row: str) -> dict[str, Any]:
    text = yaml.safe_load(ROWS.read_text(encoding="utf-8"))
    found: dict[str, Any] = next(r for rows in text.values() if isinstance(rows, list) for r in rows if r["id"] == row)
    return found


@pytest.mark.parametrize("row", ["spod-b300-spectrumx-1su", "spod-b300-spectrumx-4su"])
def test_published_pods_come_out_of_the_optimum(catalog: Catalog, row: str) -> None:
    wanted = published(row)
    net = compute(planned(catalog, site(8 * wanted["inputs"]["nodes"], "2")))
    assert (net.planes, net.leaf, net.spine) == (2, wanted["expected"]["leaf"], wanted["expected"]["spine"])
    assert net.gbps == wanted["inputs"]["port_gbps"]
    assert net.links_node == wanted["inputs"]["nodes"] * 16


def test_a_port_of_800_runs_whole_on_infiniband_and_as_two_links_on_ethernet(catalog: Catalog) -> None:
    whole, links = (compute(planned(catalog, site(64, "auto", technology=t))) for t in ("infiniband", "ethernet"))
    assert (whole.gbps, whole.links_node, whole.planes) == (800, 64, 1)
    assert (links.gbps, links.links_node) == (400, 128)


def test_planes_are_chosen_by_cost(catalog: Catalog) -> None:
    """512 nodes: 8,192 links exceed two tiers of 128 ports; two planes of 4,096 do not. 8 nodes fit one switch."""
    for count, cheaper in ((4096, 2), (64, 1)):
        capex = {p: planned(catalog, site(count, p)).totals.capex for p in ("1", "2")}
        auto = planned(catalog, site(count, "auto"))
        assert compute(auto).planes == cheaper
        assert auto.totals.capex == capex[str(cheaper)] == min(capex.values())
        assert capex["1"] != capex["2"]


@pytest.mark.parametrize(("count", "more"), [(512, ""), (10_000, ""), (512, ", topology: plain"), (24, "")])
def test_no_cable_joins_the_planes_and_every_port_has_a_link_in_each(catalog: Catalog, count: int, more: str) -> None:
    plan = planned(catalog, site(count, "2", more))
    net = compute(plan)
    joined: dict[str, set[str]] = defaultdict(set)
    planes: dict[tuple[str, str], set[int]] = defaultdict(set)
    leaves = net.leaf // 2
    for cable in wiring.network_runs(plan, catalog, net):
        for label, port in cable.far:
            if " node " in label:
                leaf = int(cable.near.rsplit(" ", 1)[1])
                planes[label, port.split("/")[0]].add((leaf - 1) // leaves)
            else:
                joined[cable.near].add(label)
                joined[label].add(cable.near)
    assert len(planes) == count
    assert all(found == {0, 1} for found in planes.values())
    reached, waiting = set[str](), [f"{net.name} leaf 1"]
    while waiting:
        switch = waiting.pop()
        reached.add(switch)
        waiting += [s for s in joined[switch] if s not in reached]
    assert len(reached) == (net.leaf + net.spine + net.core) // 2


def test_rails_hold_within_a_plane(catalog: Catalog) -> None:
    """Port i of every node of a unit, and its link in a plane, is on one leaf of that plane."""
    plan = planned(catalog, site(512, "2"))
    leaf_of: dict[str, set[str]] = defaultdict(set)
    for row in cables.schedule(plan, catalog):
        if row.network == "compute" and " node " in row.b_device:
            leaf_of[row.b_port].add(row.a_device)
    assert set(leaf_of) == {f"compute {i}/{k}" for i in range(1, 9) for k in (1, 2)}
    assert all(len(found) == 1 for found in leaf_of.values())


def test_two_links_of_a_port_share_one_module(catalog: Catalog) -> None:
    plan = planned(catalog, site(512, "2"))
    assert sum(ln.quantity for ln in plan.lines if ln.part == "mma4z00-ns-flt" and ln.group == "compute") == 512
    fibres = [ln for ln in plan.lines if ln.group == "compute" and ln.part in catalog.cables]
    assert sum(ln.quantity for ln in fibres) == compute(plan).cables == 1024 + 2 * 512


def test_pools_share_planes(catalog: Catalog) -> None:
    text = site(24, "2", ", sharing: shared").replace(
        "count: 24}]", "count: 24}, {name: more, kind: capacity, accelerator: b300-sxm6, count: 16}]"
    )
    net = compute(planned(catalog, text))
    assert (net.pools, net.planes, net.leaf, net.links_node) == (("pod", "more"), 2, 2, 80)


def test_growth_is_reserved_in_every_plane(catalog: Catalog) -> None:
    grown = compute(planned(catalog, site(512, "2", ", reserve_nodes: 64")))
    whole = compute(planned(catalog, site(1024, "2")))
    assert (grown.leaf, grown.spine) == (16, whole.spine)


def test_verify_counts_planes(catalog: Catalog) -> None:
    plan = planned(catalog, site(24, "2"))
    nets = tuple(n.model_copy(update={"planes": 1}) if n.role == "compute" else n for n in plan.fabrics)
    findings = verify(plan.model_copy(update={"fabrics": nets}), catalog)
    assert "fabrics[0] (compute): planes 1, the request says 2" in findings
    assert any("leaf 2, derived from 48 endpoints" in f for f in findings)


def test_planes_that_no_adapter_has_are_refused_by_name(tmp_path: Path) -> None:
    said = refusal(
        "site: {country: US}\nworkloads: [{kind: capacity, accelerator: h100-sxm5, count: 64}]\n"
        "preferences: {fabric: {planes: 2}}\n",
        tmp_path,
    )
    assert "preferences.fabric.planes: 2 needs ports that run as 2 links" in said


def test_ports_that_do_not_divide_are_refused(catalog: Catalog) -> None:
    made = compute_design(catalog, 8, 7, 400, "ethernet", "sn5610", 1.0, "plain", "osfp-twin", planes=2)
    assert isinstance(made, Rejection) and made.rule == "planes"


def test_documents_and_command_say_planes(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(site(24, "2"))
    out = tmp_path / "out"
    assert "Ethernet 400G, no spines, 2 planes" in run(["optimize", file, "--out", out]).out
    assert ", 2 planes" in (out / "proposal.html").read_text(encoding="utf-8")
    assert run(["proposal", out / "plan.json", "--language", "zh", "--out", out / "zh.html"]).code == 0
    assert "2 个独立平面" in (out / "zh.html").read_text(encoding="utf-8")
    told = run(["fabric", "--nodes", "64", "--nics", "8", "--switch", "sn5610", "--gbps", "400", "--planes", "2"])
    assert re.search(r"8 ports of 2 × 400 Gbit/s ethernet.*2 separate planes", told.out)
    assert re.search(r"leaf +16 ", told.out) and re.search(r"spine +8 ", told.out)


def test_the_drawing_joins_no_two_planes(catalog: Catalog) -> None:
    """Leaves and spines of two planes: no line from a leaf of one to a spine of the other."""
    plan = planned(catalog, site(512, "2"))
    net = compute(plan)
    one = plan.model_copy(update={"fabrics": tuple(n.model_copy(update={"planes": 1}) for n in plan.fabrics)})
    lines = [str(drawings.topology(p, wording("en"))).count("<line") for p in (plan, one)]
    assert net.planes == 2 and net.spine and lines[0] < lines[1]
    assert f"{net.links_leaf_spine:,} links between switches" in str(drawings.topology(plan, wording("en")))
