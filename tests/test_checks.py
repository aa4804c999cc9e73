"""Numbered checks: each passes on a sound plan and fails on an input built to fail it."""

from __future__ import annotations

import copy
import datetime as dt
import html
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from planner import wiring
from planner.catalog import Catalog
from planner.cli import main
from planner.errors import NoPlan
from planner.facility import check_networks, check_racks, checks, words_en, words_zh
from planner.facility.cooling import cooling_facts
from planner.facility.power import power_facts
from planner.facility.standards import standards_for
from planner.facility.words import TONGUES, spoken
from planner.facility.words_customer import MENDS
from planner.optimize import optimize
from planner.plan import Plan
from planner.planfile import dump_plan
from planner.proposal import proposal_html
from planner.site import lost_feed
from planner.sitefile import read_site_text
from planner.verify import verify
from planner.verify.checks import check_checks
from planner.workbook import workbook_bytes

ON = dt.date(2026, 11, 24)
SITE = """
site: {country: DE, rack_power_kw: 45, rack_weight_kg: 900, floor_kg_per_m2: 1200, pue: 1.25, pue_annual: 1.2,
       cooling: {air_kw_per_rack: 45, supply_c: 22}}
workloads: [{name: a, kind: capacity, accelerator: h100-sxm5, count: 80}]
preferences: {chassis: {only: [inspur-nf5688m7]}, fabric: {technology: infiniband}}
storage: {usable_tb: 500}
budget: {price_missing: estimate}
"""
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def plan(catalog: Catalog) -> Plan:
    return optimize(read_site_text(SITE, "site.yaml", catalog), catalog, ON)


def changed(plan: Plan, change: Change) -> Plan:
    data = copy.deepcopy(plan.model_dump(mode="json"))
    change(data)
    return Plan.model_validate(data)


def status(plan: Plan, catalog: Catalog, name: str) -> str:
    return next(c.status for c in checks.run_checks(plan, catalog) if c.id == name)


def test_numbers_and_ids_are_stable() -> None:
    assert [name for name, _ in checks.TESTS] == [
        "ports", "cabled-once", "cables-bought", "reach", "single-points", "rack-power", "rack-units", "rack-weight",
        "floor-load", "depth", "stranded", "feed-lost", "rack-pdus", "air-heat", "liquid-loop", "supply-temperature",
        "pue-policy",
    ]  # fmt: skip


def site(key: str, value: object) -> Change:
    return lambda d: d["request"]["site"].update({key: value})


def feeds(**given: object) -> Change:
    return site("feeds", {"count": 2, "redundancy": "2N", "kw_each": 60, "derate": 1.0, "supply": "ac", **given})


def network(role: str, **given: object) -> Change:
    return lambda d: next(n for n in d["fabrics"] if n["role"] == role).update(given)


def ladder(**given: object) -> Change:
    return lambda d: d["cabling"][0].update(given)


def item(**given: object) -> Change:
    return lambda d: d["racks"][0]["items"][1].update(given)


def rack(**given: object) -> Change:
    return lambda d: d["racks"][0].update(given)


def one(part: str) -> Change:
    def change(d: dict[str, Any]) -> None:
        line = next(ln for ln in d["lines"] if ln["part"].startswith(part))
        line["quantity"] = 1

    return change


BROKEN: dict[str, tuple[Change, str]] = {
    "ports": (network("compute", ports_used=100_000), "FAIL"),
    "cabled-once": (lambda d: d["pools"][0]["ports"].update(compute=12), "FAIL"),
    "cables-bought": (one("cat6"), "FAIL"),
    "reach": (ladder(longest_m=77.0), "FAIL"),
    "single-points": (network("storage", redundancy="none"), "WARN"),
    "rack-power": (rack(power_kw=46.0), "FAIL"),
    "rack-units": (item(bottom_unit=2), "FAIL"),
    "rack-weight": (rack(weight_kg=901.0), "FAIL"),
    "floor-load": (site("floor_kg_per_m2", 100.0), "FAIL"),
    "stranded": (lambda d: (d["pools"][0].update(node_power_kw=44.0), d["racks"][0].update(power_kw=5.0)), "WARN"),
    "feed-lost": (feeds(redundancy="N"), "WARN"),
    "rack-pdus": (one("pdu"), "FAIL"),
    "air-heat": (site("cooling_terms", {"air_kw_per_rack": 20.0, "liquid_kw_per_rack": 25.0, "supply_c": 22}), "FAIL"),
    "liquid-loop": (lambda d: d["pools"][0].update(cooling="dlc"), "FAIL"),
    "supply-temperature": (
        site("cooling_terms", {"air_kw_per_rack": 45.0, "liquid_kw_per_rack": 0, "supply_c": 40}),
        "FAIL",
    ),
    "pue-policy": (lambda d: d["request"]["site"].update(country="CN", pue_annual=1.4), "WARN"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_each_check_fails_on_what_is_built_to_fail_it(name: str, plan: Plan, catalog: Catalog) -> None:
    change, expected = BROKEN[name]
    assert status(plan, catalog, name) == "PASS" or name == "single-points"
    made = changed(plan, change)
    found = next(c for c in checks.run_checks(made, catalog) if c.id == name)
    assert found.status == expected
    assert found.mend
    assert found.have
    assert found.need


def test_storage_ports_slower_than_their_network_fail(plan: Plan, catalog: Catalog) -> None:
    """A network at twice the speed of the system's ports is told; ports that run slower than made for are fine."""
    assert status(plan, catalog, "ports") == "PASS"
    assert plan.storage is not None
    system = catalog.storage[plan.storage.system]
    found = check_networks.ports(changed(plan, network("storage", gbps=2 * system.port_gbps)), catalog)
    assert (found.status, found.case) == ("FAIL", "slow")
    assert found.items[0]["have_gbps"] == system.port_gbps


def test_both_switches_of_a_pair_in_one_rack_are_told(plan: Plan, catalog: Catalog) -> None:
    def together(d: dict[str, Any]) -> None:
        items = [i for r in d["racks"] for i in r["items"] if i["label"].startswith("in-band leaf ")]
        for rack in d["racks"]:
            rack["items"] = [i for i in rack["items"] if i not in items]
        d["racks"][0]["items"] += items

    found = check_networks.single_points(changed(plan, together), catalog)
    assert (found.status, found.case, found.items) == ("PASS", "one-rack", ({"name": "in-band"},))


def test_a_chassis_deeper_than_its_cabinet_fails(plan: Plan, catalog: Catalog) -> None:
    chassis = catalog.chassis[plan.pools[0].chassis]
    deep = chassis.model_copy(update={"depth_mm": 1190.0})
    known = {**catalog.chassis, chassis.id: deep}
    made = type("Other", (), {"chassis": known, "racks": catalog.racks})()
    assert check_racks.depth(plan, made).status == "FAIL"
    assert check_racks.depth(plan, catalog).status in ("PASS", "WARN")


def test_a_missing_port_is_named(plan: Plan, catalog: Catalog) -> None:
    """More nodes than a switch has ports: the first check says which switch."""
    made = changed(plan, lambda d: d["pools"][0].update(nodes=plan.pools[0].nodes + 40))
    found = checks.run_checks(made, catalog)[0]
    assert found.status == "FAIL"


def test_nothing_fails_on_the_plan_itself(plan: Plan, catalog: Catalog) -> None:
    assert [c.id for c in checks.run_checks(plan, catalog) if c.status == "FAIL"] == []


# -- in the plan and its documents -----------------------------------------------------------------------------------
def test_the_plan_carries_its_checks(plan: Plan, catalog: Catalog) -> None:
    assert plan.checks == checks.run_checks(plan, catalog)
    assert [c.number for c in plan.checks] == list(range(1, 18))
    assert verify(plan, catalog) == []


@pytest.mark.parametrize("name", [name for name, _ in checks.TESTS])
def test_verify_refuses_a_changed_result_and_a_changed_figure(name: str, plan: Plan, catalog: Catalog) -> None:
    """With new seals too: status and figures are worked out a second time."""
    k = next(i for i, c in enumerate(plan.checks) if c.id == name)
    other = "FAIL" if plan.checks[k].status == "PASS" else "PASS"
    forged = [changed(plan, lambda d: d["checks"][k].update(status=other))]

    def raised(key: str, value: float) -> Plan:
        return changed(plan, lambda d: d["checks"][k]["figures"].update({key: value + 1}))

    forged += [raised(key, value) for key, value in plan.checks[k].figures.items() if isinstance(value, int | float)]
    for made in forged:
        found = list(check_checks(made, catalog))
        assert any(f"({name})" in finding for finding in found), found


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_both_workings_find_the_same(name: str, plan: Plan, catalog: Catalog) -> None:
    """What fails a check fails it in planning and in verify alike, with the same figures and offenders."""
    made = changed(plan, BROKEN[name][0])
    k = next(i for i, c in enumerate(plan.checks) if c.id == name)
    made = made.model_copy(update={"checks": checks.run_checks(made, catalog)})
    if name == "cabled-once":
        return  # verify holds the ports of pools by a check of their own
    assert [f for f in check_checks(made, catalog) if f.startswith(f"checks[{k}]")] == []


def test_every_case_has_words_in_both_languages() -> None:
    assert words_en.CASES.keys() == words_zh.CASES.keys()
    assert words_en.ITEMS.keys() == words_zh.ITEMS.keys()
    assert words_en.TITLES.keys() == words_zh.TITLES.keys() == {name for name, _ in checks.TESTS}
    for key, texts in words_en.CASES.items():
        for english, chinese in zip(texts, words_zh.CASES[key], strict=True):
            assert bool(english) == bool(chinese), key


@pytest.mark.parametrize("language", ["en", "zh"])
def test_documents_show_the_checks_and_the_standards_nobody_verified(plan: Plan, language: str) -> None:
    page = proposal_html(plan.model_copy(update={"language": language}))
    for check in plan.checks:
        assert html.escape(spoken(check, language).title, quote=False) in page
    assert "GB 50174" in page
    assert ("not verified" if language == "en" else "未经核实") in page
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(plan)), read_only=True)
    rows = list(book["Checks"].iter_rows(values_only=True))
    assert [r[0] for r in rows if isinstance(r[0], int)] == list(range(1, 18))


# -- a lost feed -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("supplies", "watts", "redundancy", "count", "result"),
    [
        (6, 3300.0, "4+2", 2, "throttles"),  # three stay, four carry 10.2 kW, and three carry the typical draw
        (6, 3300.0, "4+2", 3, "rides through"),
        (6, 3500.0, "3+3", 2, "rides through"),  # three stay and carry 10.5 kW
        (6, 3500.0, "4+2", 2, "throttles"),  # they carry it, but the maker keeps four
        (6, 2800.0, "3+3 / 5+1", 2, "throttles"),  # the maker keeps three, which carry 8.4 kW: less than typical
        (6, 2800.0, "5+1", 2, "stops"),
        (4, 3000.0, None, 2, "stops"),  # two stay and carry 6 kW, less than the typical draw
        (8, 2400.0, "N+N", 2, "throttles"),
        (6, 3300.0, "4+2", 1, "stops"),  # one feed: nothing stays
        (6, 3300.0, None, 2, "throttles"),
        (8, 3300.0, None, 2, "rides through"),
        (None, 3300.0, None, 2, "not known"),
        (6, None, "4+2", 2, "not known"),
        (6, None, "3+3", 2, "rides through"),
    ],
)
def test_what_a_lost_feed_does(
    supplies: int | None, watts: float | None, redundancy: str | None, count: int, result: str, catalog: Catalog
) -> None:
    chassis = catalog.chassis["dgx-h100"].model_copy(
        update={"psu_count": supplies, "psu_watts": watts, "psu_min_live": None, "psu_redundancy": redundancy}
    )
    assert lost_feed(chassis, 10_200.0, 8_500.0, count).result == result


# -- figures -----------------------------------------------------------------------------------------------------------
def test_power_and_heat_by_hand(plan: Plan, catalog: Catalog) -> None:
    power, heat = power_facts(plan, catalog), cooling_facts(plan, catalog)
    assert power.maximum_kw == plan.totals.it_power_kw == heat.heat_kw
    assert heat.heat_btu_h == pytest.approx(plan.totals.it_power_kw * 3412.142, rel=1e-4)
    assert heat.airflow_m3_h == pytest.approx(heat.air_kw / (0.000334 * 11.1), rel=1e-3)
    assert power.energy_kwh_year == pytest.approx(plan.totals.typical_power_kw * 0.8 * 1.2 * 8760, rel=1e-4)
    assert power.circuits == sum(ln.quantity for ln in plan.lines if ln.part in catalog.pdus)
    assert sum(r.air_kw + r.liquid_kw for r in heat.racks) == pytest.approx(heat.heat_kw, abs=0.01)


def test_liquid_takes_its_share_and_the_rest_stays_in_the_air(catalog: Catalog) -> None:
    work = "workloads: [{name: a, kind: capacity, count: 72, accelerator: gb200-nvl72}]"
    text = f"site: {{country: US, cooling: liquid}}\n{work}"
    made = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    heat = cooling_facts(made, catalog)
    nodes = sum(p.nodes * p.node_power_kw for p in made.pools)
    assert heat.liquid_kw == pytest.approx(0.94 * nodes, rel=1e-3)
    assert heat.air_kw == pytest.approx(heat.heat_kw - heat.liquid_kw)
    assert heat.cdus == 3  # two of 70 kW, and one to spare
    bought = {ln.part: ln for ln in made.lines if ln.group == "cooling"}
    assert {p: ln.quantity for p, ln in bought.items()} == {"cdu-in-rack-70kw": 3, "liquid-loop-fit-out": 125}
    assert [float(ln.extended) for ln in bought.values()] == [75_000, 37_500]
    assert verify(made, catalog) == []
    less = changed(made, lambda d: next(n for n in d["lines"] if n["part"] == "cdu-in-rack-70kw").update(quantity=2))
    assert any("take 3" in finding for finding in verify(less, catalog))
    own = read_site_text(text.replace("cooling: liquid", "cooling: liquid, cooling_equipment: provided"), "s", catalog)
    provided = optimize(own, catalog, ON)
    assert made.totals.capex - provided.totals.capex == 112_500
    assert not [ln for ln in provided.lines if ln.group == "cooling"]
    assert next(c.case for c in provided.checks if c.id == "liquid-loop") == "provided"
    assert verify(provided, catalog) == []
    assert heat.liquid_l_min == pytest.approx(heat.liquid_kw * 1.434, rel=1e-3)


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_command_prints_and_fails(plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "plan.json", tmp_path / "bad.json"
    dump_plan(plan, good)
    dump_plan(changed(plan, rack(power_kw=46.0)), bad)
    with pytest.raises(SystemExit) as leaving:
        main(["check", str(good)])
    assert not leaving.value.code
    shown = capsys.readouterr().out
    assert "sized on nameplate" in shown
    assert "not verified" in shown
    with pytest.raises(SystemExit) as leaving:
        main(["check", str(bad), "--json"])
    assert leaving.value.code == 2
    data = json.loads(capsys.readouterr().out)
    assert not data["ok"]
    failed = next(c for c in data["checks"] if c["status"] == "FAIL")
    assert failed["id"] == "rack-power"
    assert failed["number"] == 6


# -- a room too small --------------------------------------------------------------------------------------------------
def test_a_room_too_small_says_what_racks_must_give_and_what_another_chassis_costs(catalog: Catalog) -> None:
    text = """
site: {country: US, rack_power_kw: 10}
workloads: [{name: a, kind: capacity, accelerator: h100-sxm5, count: 16}]
preferences: {chassis: {only: [dgx-h100]}}
"""
    with pytest.raises(NoPlan) as refused:
        optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    said = str(refused.value)
    assert "One NVIDIA DGX H100 (dgx-h100) needs 10.2 kW; a rack gives 10 kW (a)." in said
    assert "With site.rack_power_kw 10 → 10.2: 2 × dgx-h100 with 8 × h100-sxm5 each, compute on " in said
    assert re.search(
        r"With another chassis \(preferences.chassis: {only: \[\S+\]}\) and the room as it is: .* more\)", said
    )
    assert said.count("capital USD") == 2
    wider = text.replace("rack_power_kw: 10", "rack_power_kw: 10.2")
    made = optimize(read_site_text(wider, "site.yaml", catalog), catalog, ON)
    assert f"capital USD {made.totals.capex:,.2f}" in said


def test_no_plan_leaves_more_heat_in_the_air_than_the_room_takes(catalog: Catalog) -> None:
    """Liquid-cooled B200 nodes leave a third of their heat: racks hold fewer of them than their power allows."""
    text = """
site: {country: US, cooling: {air_kw_per_rack: 10, liquid_kw_per_rack: 60}}
workloads: [{name: a, kind: capacity, accelerator: b200-sxm6, count: 64}]
"""
    made = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    heat = cooling_facts(made, catalog)
    assert heat.liquid_kw > 0
    assert max(r.air_kw for r in heat.racks) <= 10
    assert max(r.liquid_kw for r in heat.racks) <= 60
    assert next(c.status for c in made.checks if c.id == "air-heat") == "PASS"
    assert verify(made, catalog) == []
    tighter = made.request["site"]["cooling_terms"] | {"air_kw_per_rack": 9.0}
    forged = changed(made, lambda d: d["request"]["site"].update(cooling_terms=tighter))
    assert any("kW of heat to air, a rack is cooled for 9" in f for f in verify(forged, catalog))


@pytest.mark.parametrize(
    ("site_text", "said", "offered"),
    [
        (
            "rack_power_kw: 10, feeds: {count: 2, redundancy: 2N, kw_each: 11}",
            "needs 10.2 kW; a rack gives 10 kW, the feeds of a rack give 8.8 kW (a).",
            "site.feeds per rack and site.rack_power_kw, kW 8.8 → 10.2",
        ),
        (
            "rack_power_kw: 45, cooling: {air_kw_per_rack: 10}",
            "gives 10.2 kW of heat to air; a rack cools 10 kW by air (a).",
            "site.cooling.air_kw_per_rack 10 → 10.2",
        ),
        (
            "rack_power_kw: 45, rack_weight_kg: 100",
            "weighs 130.45 kg; a rack carries 100 kg (a).",
            "site.rack_weight_kg 100 → 131",
        ),
        (
            "rack_power_kw: 10, rack_units: 6, rack_weight_kg: 100",
            "is 8U high; a rack has 6U (a).",
            "",
        ),
    ],
)
def test_every_limit_of_a_rack_that_is_too_small_is_named(
    site_text: str, said: str, offered: str, catalog: Catalog
) -> None:
    text = f"""
site: {{country: US, {site_text}}}
workloads: [{{name: a, kind: capacity, accelerator: h100-sxm5, count: 16}}]
preferences: {{chassis: {{only: [dgx-h100]}}}}
"""
    with pytest.raises(NoPlan) as refused:
        optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    message = str(refused.value)
    assert said in message
    assert offered in message
    if offered:
        assert f"With {offered}: 2 × dgx-h100" in message
    else:
        assert "needs 10.2 kW; a rack gives 10 kW (a)." in message
        assert "weighs" in message


@pytest.mark.parametrize(("wish", "status_of_check"), [("ride_through", "PASS"), ("throttle", "WARN")])
def test_nodes_do_what_is_asked_of_them_when_a_feed_is_lost(wish: str, status_of_check: str, catalog: Catalog) -> None:
    text = f"""
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: a, kind: capacity, accelerator: h100-sxm5, count: 64}}]
resilience: {{feed_lost: {wish}}}
"""
    made = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert next(c.status for c in made.checks if c.id == "feed-lost") == status_of_check
    assert verify(made, catalog) == []
    if wish == "throttle":
        forged = changed(made, lambda d: d["request"]["resilience"].update(feed_lost="ride_through"))
        assert any("resilience.feed_lost asks for ride_through" in finding for finding in verify(forged, catalog))


def test_a_machine_that_does_not_stay_up_as_asked_is_refused_with_its_supplies(catalog: Catalog) -> None:
    text = """
site: {country: US, rack_power_kw: 45}
workloads: [{name: a, kind: capacity, accelerator: h100-sxm5, count: 64}]
preferences: {chassis: {only: [dgx-h100]}}
resilience: {feed_lost: ride_through}
"""
    with pytest.raises(NoPlan) as refused:
        optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert "dgx-h100 with h100-sxm5 throttles when one of 2 feeds is lost (3 of 6 supplies stay)" in str(refused.value)


# -- spare nodes -------------------------------------------------------------------------------------------------------
def test_accelerators_of_nodes_on_the_shelf_count_against_supply(catalog: Catalog) -> None:
    """Twenty nodes and one on the shelf hold 168 accelerators: of 160 there are not enough, of 168 there are."""
    text = """
site: {country: US, rack_power_kw: 60}
workloads: [{name: a, kind: capacity, accelerator: h100-sxm5, count: 160}]
preferences: {chassis: {only: [dgx-h100]}}
spares: {nodes: 5}
supply: {h100-sxm5: 168}
"""
    made = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    limit = next(entry for entry in made.limits if entry.name == "supply.h100-sxm5")
    assert (limit.have, limit.used) == (168, 168)
    assert verify(made, catalog) == []
    with pytest.raises(NoPlan) as refused:
        optimize(read_site_text(text.replace("168", "160"), "site.yaml", catalog), catalog, ON)
    assert "supply.h100-sxm5 160 → 168" in str(refused.value)


def test_customers_are_told_no_keys_and_every_case_has_its_words() -> None:
    keys = re.compile(r"\b(site|preferences|resilience|spares|budget)\.[a-z]|supply_c|_per_rack|_kg")
    assert set(MENDS["en"]) == set(MENDS["zh"])
    for language, tongue in TONGUES.items():
        for case, (_, _, _, mend) in tongue.CASES.items():
            assert not keys.search(MENDS[language].get(case, mend)), (language, case)


def test_the_code_of_the_country_leads_the_list_of_standards() -> None:
    assert standards_for("CN")[0][0] == "GB 50174"
    assert standards_for("DE")[0][0] == "TIA-942" and len(standards_for("DE")) == len(standards_for("CN"))


def test_stranded_power_is_the_same_sum_however_it_is_added() -> None:
    """Twenty-seven cabinets whose kW end at half a hundredth: plan and verify round one sum of whole watts."""
    text = """
site:
  {country: FR, rack_power_kw: 8, utility_power_kw: 20000, pue: 1.35,
   cooling: {air_kw_per_rack: 20, liquid_kw_per_rack: 90}}
customer: {headquarters: FR, ultimate_parent: FR}
budget: {currency: USD}
objective: lowest_tco
workloads:
  - {name: cards, kind: capacity, accelerator: rtx-pro-6000-se, count: 200}
  - {name: flops, kind: hpc, precision: fp64, sustained_pflops: 0.3}
"""
    catalog = Catalog.load()
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, dt.date(2026, 11, 24), explained=False)
    assert verify(plan, catalog) == []


def test_a_cage_holds_one_plug(plan: Plan, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two breakout cables whose heads are in one cage are found; two links on one module are fine."""
    runs = list(wiring.runs(plan, catalog))
    net = next(n for n in plan.fabrics if n.role == "in-band")
    assert catalog.switches[net.switch].cages == catalog.switches[net.switch].ports
    near = next(r.near for r in runs if r.network == "in-band")
    below = [r for r in runs if r.near == near]
    split = [replace(run, ports=(f"1/{k}",)) for k, run in enumerate(below[:2], 1)]
    others = [r for r in runs if r not in below[:2]]
    monkeypatch.setattr(wiring, "runs", lambda *_: iter([*others, *split]))
    found = check_networks.cabled_once(plan, catalog)
    assert (found.status, found.case) == ("FAIL", "cages")
    assert near in str(found.items)
    twin = next(n for n in plan.fabrics if n.role == "compute")
    assert catalog.switches[twin.switch].cages * 2 == catalog.switches[twin.switch].ports
    monkeypatch.setattr(wiring, "runs", lambda *_: iter(runs))
    assert check_networks.cabled_once(plan, catalog).status == "PASS"
