"""Every port cabled once, cables counted three ways, lengths that reach; plans changed by hand are found out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from plans.cabled import examine, random_site, special_site

from planner import wiring
from planner.catalog import Catalog
from planner.errors import NoPlan, Rejection
from planner.exports import cables
from planner.fabric import cabling, network_design
from planner.fabric.compute import compute_design
from planner.optimize import optimize
from planner.parts import Switch
from planner.plan import Plan, digest_of, seals_of
from planner.sitefile import read_site, read_site_text
from planner.verify import verify

EXAMPLES = Path(__file__).parent.parent / "examples"
ON = dt.date(2026, 11, 24)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def pod(catalog: Catalog) -> Plan:
    return optimize(read_site(EXAMPLES / "superpod-4su.yaml", catalog), catalog, ON)


def changed(plan: Plan, **update: object) -> Plan:
    """A plan with other entries and new seals."""
    made = plan.model_copy(update=update)
    origin = made.provenance.model_copy(update={"digest": digest_of(made)})
    made = made.model_copy(update={"provenance": origin})
    return made.model_copy(update={"provenance": origin.model_copy(update={"seals": seals_of(made)})})


# -- the schedule ------------------------------------------------------------------------------------------------------
def test_the_published_pod_is_cabled_port_by_port(pod: Plan, catalog: Catalog) -> None:
    found = examine(pod, catalog)
    assert found.wrong == []
    assert found.schedule == found.bought == found.formula == sum(net.cables for net in pod.fabrics)
    compute = next(net for net in pod.fabrics if net.name == "compute")
    links = Counter(row.link for row in cables.schedule(pod, catalog) if row.network == "compute")
    assert links == {"node": compute.links_node + compute.links_other, "trunk": compute.links_leaf_spine}


def test_rails_of_a_scalable_unit_end_on_eight_leaves(pod: Plan, catalog: Catalog) -> None:
    """Port i of every node of a unit goes to leaf i of that unit: 32 nodes, 8 leaves."""
    seen: dict[str, set[int]] = {}
    for row in cables.schedule(pod, catalog):
        if row.network == "compute" and row.link == "node" and " node " in row.b_device:
            node, rail = int(row.b_device.rsplit(" ", 1)[1]) - 1, int(row.b_port.rsplit(" ", 1)[1]) - 1
            leaf = int(row.a_device.rsplit(" ", 1)[1]) - 1
            assert leaf % 8 == rail
            seen.setdefault(row.a_device, set()).add(leaf // 8)
            assert node // 32 == leaf // 8
    assert len(seen) == 32


def test_leaves_stripe_evenly_over_spines(pod: Plan, catalog: Catalog) -> None:
    pairs = Counter(
        (r.a_device, r.b_device) for r in cables.schedule(pod, catalog) if r.link == "trunk" and r.network == "compute"
    )
    net = next(n for n in pod.fabrics if n.name == "compute")
    assert len(pairs) == net.leaf * net.spine
    assert set(pairs.values()) == {net.links_leaf_spine // net.leaf // net.spine}


def test_twin_modules_stand_at_nodes_of_twin_cages(pod: Plan, catalog: Catalog) -> None:
    """Modules in the schedule, counted by cage, are the modules that the lines buy."""
    ends: set[tuple[str, str, str]] = set()
    for row in cables.schedule(pod, catalog):
        for device, port, module in (
            (row.a_device, row.a_port, row.a_module),
            (row.b_device, row.b_port, row.b_module),
        ):
            if module == "mma4z00-ns":
                ends.add((device, port.split("/")[0], module))
    bought = sum(ln.quantity for ln in pod.lines if ln.part == "mma4z00-ns" and ln.group == "compute")
    assert len(ends) == bought


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_random_plans_are_cabled_port_by_port(seed: int, catalog: Catalog) -> None:
    try:
        plan = optimize(read_site_text(random_site(seed), "site.yaml", catalog), catalog, ON)
    except NoPlan:
        pytest.skip("no plan for this draw")
    assert examine(plan, catalog).wrong == []
    assert verify(plan, catalog) == []


def test_breakout_cables_have_a_row_per_leg_under_one_label(catalog: Catalog) -> None:
    text = """
site: {country: US, rack_power_kw: 60}
workloads: [{name: a, kind: capacity, accelerator: a100-sxm4-80gb, count: 96}]
preferences: {fabric: {switch: qm9700}}
budget: {price_missing: estimate}
"""
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    rows = [r for r in cables.schedule(plan, catalog) if r.network == "compute" and r.link == "node"]
    legs = Counter(r.label for r in rows)
    assert set(legs.values()) == {2}
    assert all(r.legs == 2 for r in rows)
    assert {r.a_port.split("/")[-1] for r in rows} == {"1", "2"}
    assert examine(plan, catalog).wrong == []


def test_a_schedule_streams(pod: Plan, catalog: Catalog) -> None:
    """The first row comes before the rest is made."""
    rows = cables.schedule(pod, catalog)
    first = next(rows)
    assert first.label == "compute-000001"
    rows.close()  # type: ignore[attr-defined]


# -- ports -------------------------------------------------------------------------------------------------------------
def test_a_switch_without_a_free_port_is_refused(catalog: Catalog) -> None:
    switch = catalog.switches["qm9790"]
    face = wiring.Face("leaf 1", switch)
    names = [face.node_port() for _ in range(32)] + [face.trunk_port() for _ in range(32)]
    assert len(set(names)) == 64
    assert names[:3] == ["1/1", "1/2", "2/1"]
    assert names[32] == "32/2"
    with pytest.raises(wiring.PortClash, match="33 ports to devices and 32 to switches, qm9790 has 64"):
        face.node_port()


def test_split_ports_are_named_by_part(catalog: Catalog) -> None:
    face = wiring.Face("leaf 1", catalog.switches["qm9790"], split=2)
    assert [face.node_port() for _ in range(4)] == ["1/1/1", "1/1/2", "1/2/1", "1/2/2"]
    slow = wiring.Face("oob", catalog.switches["sn2201"])
    assert slow.uplink_port() == "U1"
    part: Switch = catalog.switches["sn2201"]
    with pytest.raises(wiring.PortClash):
        [slow.uplink_port() for _ in range(part.uplink_ports)]


# -- lengths -----------------------------------------------------------------------------------------------------------
def test_lengths_cost_what_candidates_priced(pod: Plan) -> None:
    """All lengths of one kind of link have one price, so the sum is the candidate's to the cent."""
    prices = {(ln.group, ln.part): ln.unit_price for ln in pod.lines}
    for network in {e.network for e in pod.cabling}:
        for kind in ("node", "trunk", "peer"):
            kinds = {prices[network, e.part] for e in pod.cabling if (e.network, e.kind) == (network, kind)}
            assert len(kinds) <= 1
    assert float(sum(ln.extended for ln in pod.lines)) == pod.objective.value


def test_no_run_is_longer_than_its_cable_and_none_could_be_shorter(pod: Plan, catalog: Catalog) -> None:
    family = sorted({e.length_m for e in pod.cabling if e.part.startswith("mfp7e10")})
    for row in cables.schedule(pod, catalog):
        assert row.needed_m <= row.length_m + 0.005
        if row.network == "compute":
            shorter = [m for m in family if m < row.length_m]
            assert not shorter or row.needed_m > max(shorter) - 0.005


def test_a_price_per_length_keeps_the_priced_length(catalog: Catalog, tmp_path: Path) -> None:
    """Where lengths cost differently, the length that candidates priced stays: exactness goes before thrift."""
    prices = tmp_path / "prices"
    prices.mkdir()
    (prices / "mine.csv").write_text(
        "part,currency,low,typical,high,tax_basis,tax_percent,basis,grade,source,as_of,valid_until,min_quantity,"
        "includes_support_months,scope\nmfp7e10-n005,USD,1,1,1,excluded,,quote,A,test,2026-11-20,,,,one piece\n"
    )
    overlaid = Catalog.load([tmp_path])
    plan = optimize(read_site(EXAMPLES / "superpod-4su.yaml", overlaid), overlaid, ON)
    assert not any(e.part == "mfp7e10-n005" for e in plan.cabling)
    assert verify(plan, overlaid) == []


# -- changed by hand ---------------------------------------------------------------------------------------------------
def test_a_length_changed_by_hand_is_found_even_with_new_seals(pod: Plan, catalog: Catalog) -> None:
    first, *rest = pod.cabling
    more = first.model_copy(update={"quantity": first.quantity + 1})
    found = verify(changed(pod, cabling=(more, *rest)), catalog)
    assert any("cabling[0]" in f and "the floor plan gives" in f for f in found)
    longer = first.model_copy(update={"longest_m": first.longest_m + 1})
    found = verify(changed(pod, cabling=(longer, *rest)), catalog)
    assert any("the longest run is" in f for f in found)
    assert any("cabling" in f for f in verify(changed(pod, cabling=tuple(rest)), catalog))


def test_two_nodes_changing_places_change_the_lengths(pod: Plan, catalog: Catalog) -> None:
    """A device under another label is in another place: verify measures again."""
    racks = list(pod.racks)
    one, last = racks[0].items[0], racks[-1].items[0]
    swap = {one.label: last.label, last.label: one.label}
    racks = [
        r.model_copy(
            update={"items": tuple(i.model_copy(update={"label": swap.get(i.label, i.label)}) for i in r.items)}
        )
        for r in racks
    ]
    assert any("cabling" in f for f in verify(changed(pod, racks=tuple(racks)), catalog))


def test_a_label_twice_and_a_strange_label_are_found(pod: Plan, catalog: Catalog) -> None:
    rack = pod.racks[0]
    for label, words in ((rack.items[1].label, "stands twice"), ("nobody", "is no device of this plan")):
        item = rack.items[0].model_copy(update={"label": label})
        racks = (rack.model_copy(update={"items": (item, *rack.items[1:])}), *pod.racks[1:])
        assert any(words in f for f in verify(changed(pod, racks=racks), catalog))


def test_ports_of_a_pool_are_recounted(pod: Plan, catalog: Catalog) -> None:
    pool = pod.pools[0]
    more = pool.model_copy(update={"ports": pool.ports.model_copy(update={"storage": pool.ports.storage + 1})})
    assert any("pools[0]" in f and "ports" in f for f in verify(changed(pod, pools=(more,)), catalog))


def test_links_of_800g_take_a_module_at_each_end_and_two_fibres(catalog: Catalog) -> None:
    """64 nodes × 8 × 400G on SN5610: 512 ports in 256 cages of leaves, 256 links of 800G with two cages each."""
    made = compute_design(catalog, 64, 8, 400.0, "ethernet", "sn5610", 1.0, "rail", "osfp-twin")
    assert not isinstance(made, Rejection)
    bought = {ln.part: ln.quantity for ln in made.lines}
    assert (made.leaf, made.spine, made.links_leaf_spine) == (8, 4, 256)
    assert (bought["mma4z00-ns"], bought["mfp7e10-n010"], bought["mfp7e10-n030"]) == (256 + 512, 512, 512)
    assert made.cables == 512 + 512
    plan = optimize(read_site_text(special_site("split ports 400G", 1), "site.yaml", catalog), catalog, ON)
    trunks = [r for r in cables.schedule(plan, catalog) if r.network == "compute" and r.link == "trunk"]
    net = next(n for n in plan.fabrics if n.role == "compute")
    assert len(trunks) == 2 * net.links_leaf_spine and {r.gbps for r in trunks} == {400}
    assert {r.a_port.rpartition("/")[2] for r in trunks} == {"1", "2"}


def test_the_schedule_names_the_modules_of_fabric_managers_that_are_bought(pod: Plan, catalog: Catalog) -> None:
    rows = [r for r in cables.schedule(pod, catalog) if r.network == "compute"]
    ends = {r.b_module for r in rows if r.b_device.startswith("compute manager")}
    bought = {ln.part: ln.quantity for ln in pod.lines if ln.group == "compute"}
    assert ends == {"mma4z00-ns400"}
    assert bought["mma4z00-ns400"] == sum(n.links_other for n in pod.fabrics)


@pytest.mark.parametrize("endpoints", [1, 2, 3, 4, 5, 6, 7, 9, 38, 76, 77, 300])
@pytest.mark.parametrize("redundancy", ["pair", "none"])
def test_storage_shares_breakout_cables_by_cage(endpoints: int, redundancy: str, catalog: Catalog) -> None:
    made = network_design(catalog, "storage", endpoints, 200.0, "ethernet", "sn4700", redundancy)
    assert not isinstance(made, Rejection)
    split = sum(ln.quantity for ln in made.lines if ln.part.startswith("generic-400g-2x200g"))
    paired = redundancy == "pair" and endpoints > 1
    assert split == (2 * -(-endpoints // 4) if paired else -(-endpoints // 2))
    assert split <= made.leaf * 32


def test_hdr_from_ndr_switches_is_two_ports_to_a_cage(catalog: Catalog) -> None:
    for name in ("qm9700", "qm9790"):
        switch = catalog.switches[name]
        assert wiring.ports_at(switch, 200.0) == 2 * switch.cages


def test_plugs_never_outnumber_cages(catalog: Catalog) -> None:
    """Every switch at every speed that it offers: all of its ports in use fill its cages once."""
    seen = 0
    for switch in catalog.switches.values():
        for gbps in (100.0, 200.0, 400.0, 800.0):
            parts = cabling.node_kit(switch, gbps, "qsfp112")
            ports = wiring.ports_at(switch, gbps)
            if switch.lifecycle != "current" or not ports or isinstance(parts, Rejection):
                continue
            seen += 1
            assert ports // switch.cages == cabling.links_per_plug(parts), (switch.id, gbps)
            assert ports % switch.cages == 0
    assert seen > 40


@pytest.mark.parametrize(("count", "rails"), [(256, [2, 2, 2, 2]), (168, [3, 3, 2])])
def test_rails_that_share_a_leaf_stay_whole(catalog: Catalog, count: int, rails: list[int]) -> None:
    """Port i of every node of a unit is on one leaf, however many rails that leaf has."""
    text = f"""
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {count}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: ethernet, switch: sn5610, topology: rail}}}}
"""
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    where: dict[str, set[str]] = {}
    for run in wiring.runs(plan, catalog):
        if run.network == "compute" and run.kind == "node":
            for device, port in run.far:
                assert " node " in device
                where.setdefault(port.split("/")[0], set()).add(run.near)
    assert all(len(leaves) == 1 for leaves in where.values())
    held = Counter(next(iter(leaves)) for leaves in where.values())
    assert sorted(held.values(), reverse=True) == rails
    assert verify(plan, catalog) == []
