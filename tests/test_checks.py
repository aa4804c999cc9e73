"""Numbered checks: each passes on a sound plan and fails on an input built to fail it."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.cli import main
from planner.errors import NoPlan
from planner.facility import check_racks, checks
from planner.facility.cooling import cooling_facts
from planner.facility.power import feed_loss, power_facts
from planner.optimize import optimize
from planner.plan import Plan
from planner.planfile import dump_plan
from planner.sitefile import read_site_text

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
    assert [name for name, _, _ in checks.TESTS] == [
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
    "cabled-once": (lambda d: d["pools"][0]["ports"].update(compute=9), "FAIL"),
    "cables-bought": (one("cat6"), "FAIL"),
    "reach": (ladder(longest_m=77.0), "FAIL"),
    "single-points": (network("storage", redundancy="none"), "WARN"),
    "rack-power": (rack(power_kw=46.0), "FAIL"),
    "rack-units": (item(bottom_unit=2), "FAIL"),
    "rack-weight": (rack(weight_kg=901.0), "FAIL"),
    "floor-load": (site("floor_kg_per_m2", 100.0), "FAIL"),
    "stranded": (lambda d: d["pools"][0].update(node_power_kw=40.0), "WARN"),
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


# -- a lost feed -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("supplies", "watts", "must", "count", "result"),
    [
        (6, 3300.0, 4, 2, "throttles"),  # three stay, four must live, and three carry the typical draw
        (6, 3300.0, 4, 3, "rides through"),
        (6, 3300.0, 3, 2, "rides through"),
        (4, 3000.0, 3, 2, "stops"),  # two stay and carry 6 kW, less than the typical draw
        (6, 3300.0, 4, 1, "stops"),  # one feed: nothing stays
        (6, 3300.0, None, 2, "throttles"),
        (8, 3300.0, None, 2, "rides through"),
        (None, 3300.0, None, 2, "not known"),
        (6, None, 4, 2, "not known"),
    ],
)
def test_what_a_lost_feed_does(
    supplies: int | None, watts: float | None, must: int | None, count: int, result: str, plan: Plan, catalog: Catalog
) -> None:
    pool = plan.pools[0].model_copy(update={"node_power_kw": 10.2, "node_typical_kw": 8.5})
    chassis = catalog.chassis[pool.chassis].model_copy(
        update={"psu_count": supplies, "psu_watts": watts, "psu_min_live": must}
    )
    assert feed_loss(pool, chassis, count).result == result


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
    assert "With site.rack_power_kw 10 → 10.5: 2 × dgx-h100 with h100-sxm5" in said
    assert "With another chassis and the room as it is:" in said
    assert said.count("capital USD") == 2
    wider = text.replace("rack_power_kw: 10", "rack_power_kw: 10.5")
    made = optimize(read_site_text(wider, "site.yaml", catalog), catalog, ON)
    assert f"capital USD {made.totals.capex:,.2f}" in said
