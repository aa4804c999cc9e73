"""A storage network runs at the speed of its slowest port, and a plan says what it leaves to the customer."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path

import pytest

from planner import bundles
from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.facility import check_networks
from planner.optimize import optimize
from planner.plan import Plan
from planner.problem import prepare
from planner.sitefile import read_site_text
from planner.storage_need import block_speeds
from planner.summary import summary
from planner.verify import verify
from planner.wiring import runs

ON = dt.date(2026, 11, 24)
SITE = """
site: {{country: US, rack_power_kw: 45}}
workloads: [{work}]
storage: {{usable_tb: 500{storage}}}
preferences: {{{preferences}}}
budget: {{price_missing: estimate}}
"""
DGX = "{name: a, kind: capacity, accelerator: h100-sxm5, count: 32}"
OTHER = "{name: b, kind: capacity, accelerator: l40s, count: 8}"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def planned(catalog: Catalog, storage: str, preferences: str = "", work: str = DGX) -> Plan:
    text = SITE.format(work=work, storage=storage, preferences=preferences)
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)


def said(plan: Plan) -> str | None:
    return next((a.text for a in plan.assumptions if a.name == "storage.network_speed"), None)


@pytest.mark.parametrize(
    ("system", "gbps"),
    [("dell-powerscale-f710", 100), ("netapp-aff-a90", 100), ("ddn-ai400x2", 200), ("ddn-ai400x3", 400)],
)
def test_nodes_of_400_run_at_the_speed_of_the_system(catalog: Catalog, system: str, gbps: float) -> None:
    plan = planned(catalog, f", system: {system}", "chassis: {only: [dgx-h100]}")
    net = next(n for n in plan.fabrics if n.role == "storage")
    assert net.gbps == gbps == catalog.storage[system].port_gbps
    assert verify(plan, catalog) == []
    assert all(run.gbps == gbps for run in runs(plan, catalog) if run.network == "storage" and run.kind == "node")
    legs = [catalog.cables[e.part] for e in plan.cabling if e.network == "storage" and e.kind == "node"]
    assert all(cable.gbps >= gbps for cable in legs)
    assert (said(plan) is None) == (gbps == 400)


def test_a_system_with_faster_ports_runs_at_the_speed_of_the_nodes(catalog: Catalog) -> None:
    """Four ports at 200 Gbit/s carry 100 GB/s: a block that reads 120 gives 100, and more blocks are bought."""
    wanted = ", system: ddn-ai400x3, read_gb_per_s: 110"
    many = DGX.replace("32", "4096")  # faster adapters for so many nodes cost more than the block
    plan = planned(catalog, wanted, "chassis: {exclude: [dgx-h100, dgx-h200]}", many)
    assert plan.storage is not None
    net, system = next(n for n in plan.fabrics if n.role == "storage"), catalog.storage["ddn-ai400x3"]
    assert (net.gbps, system.port_gbps) == (200, 400)
    assert block_speeds(system, 200) == (100.0, 70.0)
    assert (plan.storage.blocks, plan.storage.read_gb_per_s) == (2, 200.0)
    fast = planned(catalog, wanted, "chassis: {only: [dgx-h100]}")
    assert fast.storage is not None
    assert (fast.storage.blocks, fast.storage.read_gb_per_s) == (1, 120.0)
    assert "A block then reads 100 GB/s of 120." in str(said(plan))
    assert "names a system with faster ports" not in str(said(plan))


def test_nodes_of_two_speeds_meet_at_the_slower(catalog: Catalog) -> None:
    plan = planned(catalog, ", system: ddn-ai400x3", "chassis: {exclude: []}", f"{DGX}, {OTHER}")
    alone = planned(catalog, ", system: ddn-ai400x3", "chassis: {only: [dgx-h100]}")
    assert next(n for n in alone.fabrics if n.role == "storage").gbps == 400
    assert next(n for n in plan.fabrics if n.role == "storage").gbps == 200
    assert verify(plan, catalog) == []


@pytest.mark.parametrize("change", [{"gbps": 200.0}, {"gbps": 50.0}])
def test_verify_refuses_another_speed(catalog: Catalog, change: dict[str, float]) -> None:
    plan = planned(catalog, ", system: dell-powerscale-f710", "chassis: {only: [dgx-h100]}")
    data = copy.deepcopy(plan.model_dump(mode="json"))
    next(n for n in data["fabrics"] if n["role"] == "storage").update(change)
    found = verify(Plan.model_validate(data), catalog)
    assert any("the slowest port on it has 100" in f for f in found), found


def test_slowed_ports_still_carry_what_a_profile_gives_one_node(catalog: Catalog) -> None:
    """Two ports of 100 Gbit/s carry 25 GB/s: enough for 8 (better), not for 40 (best)."""
    f710, dgx = ", system: dell-powerscale-f710", "chassis: {only: [dgx-h100]}"
    better = planned(catalog, f"{f710}, profile: better", dgx)
    assert next(n for n in better.fabrics if n.role == "storage").gbps == 100
    with pytest.raises(NoPlan, match="best gives one node 40 GB/s; at 100 Gbit/s, the ports of PowerScale F710"):
        planned(catalog, f"{f710}, profile: best", dgx)
    free = planned(catalog, ", profile: best", dgx)
    assert next(n for n in free.fabrics if n.role == "storage").gbps >= 160
    data = copy.deepcopy(better.model_dump(mode="json"))
    data["request"]["storage"]["profile"] = "best"
    assert any("carry 25 GB/s per node" in f for f in verify(Plan.model_validate(data), catalog))


# -- what is left to the customer, and what a plain tree saves ---------------------------------------------------------
def test_uplinks_and_ports_of_power_distribution_are_asked_for(catalog: Catalog) -> None:
    plan = planned(catalog, "", "chassis: {only: [dgx-h100]}")
    asked = {q.name: q for q in plan.open_questions}
    oob = next(n for n in plan.fabrics if n.role == "oob")
    free = oob.leaf * catalog.switches[oob.switch].ports - oob.endpoints
    pdus = sum(line.quantity for line in plan.lines if line.part in catalog.pdus)
    assert f"the {pdus} rack PDUs" in asked["network.pdus"].text
    assert f"out-of-band has {free} ports free" in asked["network.pdus"].text
    assert f"{free} ports of 1 Gbit/s in the out-of-band network" in asked["network.uplinks"].text
    assert all(q.text_zh for q in plan.open_questions)


def test_what_a_plain_tree_would_save_is_told_and_true(catalog: Catalog) -> None:
    """Forty nodes on SN5610: two rails do not fit a leaf, so rails take three switches more."""
    work = "{name: a, kind: capacity, accelerator: h200-sxm5, count: 320}"
    choice = "fabric: {technology: ethernet, switch: sn5610%s}"
    spare = "spares: {optics: 0, cables: 0}"
    text = SITE.format(work=work, storage="", preferences=choice % "") + spare
    rail = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    plain = optimize(read_site_text(text.replace("sn5610", "sn5610, topology: plain"), "s", catalog), catalog, ON)
    notes = [a.text for a in rail.assumptions if a.name == "preferences.fabric.topology plain.compute"]
    assert len(notes) == 1
    nets = [next(n for n in p.fabrics if n.role == "compute") for p in (rail, plain)]
    assert [(n.leaf, n.spine) for n in nets] == [(8, 3), (5, 4)]
    assert "takes 5 + 4 switches, not 8 + 3" in notes[0]

    def fabric(plan: Plan) -> float:
        return float(sum(line.extended for line in plan.lines if line.group == "compute"))

    assert f"USD {fabric(rail) - fabric(plain):,.0f} less" in notes[0]
    assert not any(a.name.startswith("preferences.fabric.topology") for a in plain.assumptions)
    assert notes[0] in summary(rail, [Path("plan.json")])


def test_the_summary_tells_links_warnings_and_the_energy_of_everything(catalog: Catalog) -> None:
    plan = planned(catalog, ", system: dell-powerscale-f710", "fabric: {technology: ethernet}")
    text = summary(plan, [])
    net = next(n for n in plan.fabrics if n.role == "storage")
    links = net.links_node + net.links_leaf_spine
    assert f"{links} links on {net.cables} cables (Ethernet 100G, no spines)" in text
    assert "everything, shared equipment too: " in text
    warned = [c for c in plan.checks if c.status == "WARN" and c.case != "unstated"]
    assert all(f"{c.number} {c.title}: {c.have}." in text for c in warned)
    assert "not stated in the site file, so not checked: 9 floor load" in text
    kinds = [a.kind for a in plan.assumptions]
    assert kinds.index("default") > max(k for k, kind in enumerate(kinds) if kind != "default")


# -- storage adapters of two speeds, and what reviews of the model found -----------------------------------------------
def test_faster_adapters_are_bought_where_another_pool_cannot_slow_down(catalog: Catalog) -> None:
    """A tray of GB300 has one storage port: at 200 Gbit/s it carries 25 GB/s of 40 that the profile gives a node."""
    text = """
site: {country: US, cooling: liquid, rack_power_kw: 160}
workloads:
  - {name: a, kind: capacity, accelerator: h100-sxm5, count: 40}
  - {name: b, kind: capacity, accelerator: gb300-nvl72, count: 72}
storage: {usable_tb: 100, profile: best}
"""
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert next(n for n in plan.fabrics if n.role == "storage").gbps == 400
    assert verify(plan, catalog) == []


def test_faster_adapters_are_a_choice_where_they_save_blocks(catalog: Catalog) -> None:
    """A block of ddn-ai400x3 reads 120 GB/s on ports of 400 and 100 on ports of 200: one block less for few nodes."""
    work = "{name: a, kind: capacity, accelerator: h100-sxm5, count: 8}"
    wanted = ", system: ddn-ai400x3, read_gb_per_s: 110"
    plan = planned(catalog, wanted, "chassis: {exclude: [dgx-h100, dgx-h200]}", work)
    assert plan.storage is not None
    assert next(n for n in plan.fabrics if n.role == "storage").gbps == 400
    assert (plan.storage.blocks, plan.storage.read_gb_per_s) == (1, 120.0)
    assert verify(plan, catalog) == []


def test_fewer_ports_do_not_outdo_more_where_a_profile_needs_them(catalog: Catalog) -> None:
    """On a slower network more ports carry what fewer do not: neither build stands for the other."""
    text = """
site: {country: US, cooling: liquid, rack_power_kw: 160}
workloads: [{name: b, kind: capacity, accelerator: gb300-nvl72, count: 72}]
storage: {usable_tb: 100, profile: PROFILE}
"""
    for profile in ("best", None):
        request = read_site_text(
            text.replace(", profile: PROFILE", f", profile: {profile}" if profile else ""), "site.yaml", catalog
        )
        prepared = prepare(request, catalog, ON)
        few = next(o for o in prepared.problem.options)
        more = few.node.model_copy(update={"storage_ports": 2 * few.node.storage_ports})
        one, other = (bundles.storage_kind(node, request) for node in (few.node, more))
        assert (one == other) is (profile is None)


def test_findings_go_on_where_storage_has_lost_its_network_or_its_record(catalog: Catalog) -> None:
    plan = planned(catalog, ", system: dell-powerscale-f710", "chassis: {only: [dgx-h100]}")
    data = plan.model_dump(mode="json")
    data["fabrics"] = [n for n in data["fabrics"] if n["role"] != "storage"]
    assert not any("cannot be recomputed" in f for f in verify(Plan.model_validate(data), catalog))
    data = plan.model_dump(mode="json")
    data["storage"]["system"] = "of-an-overlay"
    assert check_networks.ports(Plan.model_validate(data), catalog).status == "PASS"


def test_only_chassis_without_a_full_build_are_said_to_be_left_out(catalog: Catalog) -> None:
    work = "{kind: capacity, accelerator: %s, count: 64}"
    low = {"h100-sxm5": True, "gb300-nvl72": False}
    for accelerator, some in low.items():
        text = f"""
site: {{country: DE, rack_power_kw: 160, cooling: liquid}}
workloads: [{work % accelerator}]
"""
        plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
        notes = [a.text for a in plan.assumptions if a.name.startswith("fabric_bandwidth")]
        assert bool(notes) is some, notes
    text = f"""
site: {{country: DE, rack_power_kw: 9}}
workloads: [{work % "h100-sxm5"}]
preferences: {{chassis: {{only: [smc-sys-421gu-tnxr]}}}}
"""
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert "brings 200 Gbit/s of compute fabric per accelerator; reference designs have 400" in " ".join(
        a.text for a in plan.assumptions
    )
