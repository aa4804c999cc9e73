"""Rear doors and coolant distribution units: what they let in, what they cost, where they stand, when offered."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pytest
from conftest import refusal, run

from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.facility.check_cooling import air_heat
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 26)
DOOR = "rear-door-35kw"
SITE = """
site: {{country: US, racks: {racks}, cooling: {{air_kw_per_rack: {air}, rear_doors: {doors}}}{more}}}
workloads: [{{name: pod, kind: capacity, accelerator: {card}, count: {count}}}]
{rest}
"""


def text(doors: str, air: float = 12, racks: int = 60, count: int = 256, card: str = "h100-sxm5", **other: str) -> str:
    more, rest = other.get("more", ""), other.get("rest", "")
    return SITE.format(doors=doors, air=air, racks=racks, count=count, card=card, more=more, rest=rest)


def planned(catalog: Catalog, site: str) -> Plan:
    plan = optimize(read_site_text(site, "site.yaml", catalog), catalog, ON, explained=False)
    assert verify(plan, catalog) == []
    return plan


def bought(plan: Plan) -> int:
    return sum(ln.quantity for ln in plan.lines if ln.part == DOOR)


def test_every_cabinet_has_a_door_and_takes_more_heat(catalog: Catalog) -> None:
    plain, doors = (planned(catalog, text(d)) for d in ("never", "every"))
    assert bought(plain) == 0 and all(r.door is None for r in plain.racks)
    assert bought(doors) == len(doors.racks) and all(r.door == DOOR for r in doors.racks)
    assert max(r.power_kw for r in plain.racks) <= 12 < max(r.power_kw for r in doors.racks) <= 12 + 35
    assert len(doors.racks) < len(plain.racks)
    line = next(ln for ln in doors.lines if ln.part == DOOR)
    assert (line.group, line.extended) == ("cooling", line.unit_price * len(doors.racks))


@pytest.mark.parametrize(("card", "count", "air", "wins"), [("h100-sxm5", 256, 12, "never"), ("l40s", 128, 4, "every")])
def test_auto_is_the_better_of_both(catalog: Catalog, card: str, count: int, air: float, wins: str) -> None:
    plans = {
        d: planned(catalog, text(d, air=air, racks=99, card=card, count=count)) for d in ("never", "every", "auto")
    }
    amounts = {d: p.totals.capex for d, p in plans.items()}
    assert amounts["auto"] == amounts[wins] == min(amounts.values()) < max(amounts.values())
    assert bool(bought(plans["auto"])) == (wins == "every")


def test_auto_finds_a_plan_where_the_racks_would_not_suffice(catalog: Catalog) -> None:
    with pytest.raises(NoPlan):
        planned(catalog, text("never", racks=20))
    assert bought(planned(catalog, text("auto", racks=20))) > 0


def test_performance_counts_before_money(catalog: Catalog) -> None:
    more = ", it_power_kw: 200"
    plans = {
        d: planned(catalog, text(d, racks=6, count=512, more=more, rest="objective: highest_performance"))
        for d in ("never", "auto")
    }
    assert plans["auto"].totals.accelerators > plans["never"].totals.accelerators


def test_a_system_that_brings_its_own_rack_gets_no_door(catalog: Catalog) -> None:
    """6 % of an NVL72 stay in the air; 5 kW by air are too few, whatever hangs on bought cabinets."""
    site = text("every", air=5, card="gb200-nvl72", count=72).replace("air_kw", "liquid_kw_per_rack: 140, air_kw")
    with pytest.raises(NoPlan):
        planned(catalog, site)
    plan = planned(catalog, site.replace("air_kw_per_rack: 5", "air_kw_per_rack: 12"))
    assert {r.door for r in plan.racks if r.part is None} == {None}
    assert {r.door for r in plan.racks if r.part is not None} == {DOOR}


def test_doors_and_liquid_go_together(catalog: Catalog) -> None:
    site = text("every", card="b200-sxm6", count=64).replace("air_kw", "liquid_kw_per_rack: 60, air_kw")
    plan = planned(catalog, site)
    assert bought(plan) == sum(r.part is not None for r in plan.racks)


def test_verify_counts_doors(catalog: Catalog) -> None:
    plan = planned(catalog, text("every", count=64))
    bare = plan.racks[0].model_copy(update={"door": None})
    findings = verify(plan.model_copy(update={"racks": (bare, *plan.racks[1:])}), catalog)
    assert any("rear doors" in f and "the lines buy" in f for f in findings)
    lines = tuple(ln.model_copy(update={"quantity": 1}) if ln.part == DOOR else ln for ln in plan.lines)
    assert any("rear doors" in f for f in verify(plan.model_copy(update={"lines": lines}), catalog))
    request = {**plan.request, "site": {**plan.request["site"]}}
    request["site"]["cooling_terms"] = {**request["site"]["cooling_terms"], "rear_doors": "never"}
    told = verify(plan.model_copy(update={"request": request}), catalog)
    assert f"racks: {len(plan.racks)} rear doors, the request says never" in told


def test_check_14_knows_doors(catalog: Catalog) -> None:
    plan = planned(catalog, text("every", count=64))
    found = air_heat(plan, catalog)
    assert (found.status, found.case, found.figures["door_kw"]) == ("PASS", "doors", 35)
    bare = plan.model_copy(update={"racks": tuple(r.model_copy(update={"door": None}) for r in plan.racks)})
    assert air_heat(bare, catalog).status == "FAIL"


def test_a_warm_room_is_offered_doors_with_what_they_cost(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text("never", air=8, racks=40))
    found = run(["optimize", file, "--out", tmp_path / "out"])
    assert found.code == 3
    assert "heat exchangers in the rear doors (site.cooling.rear_doors: auto): 32 × " in found.err
    assert ", capital USD " in found.err
    assert "left out by export rules" not in found.err  # the accelerator is named


def test_documents_show_doors(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text("every", count=64))
    out = tmp_path / "out"
    assert run(["optimize", file, "--out", out]).code == 0
    assert run(["export", "racks", out / "plan.json", "--out", out / "racks"]).code == 0
    assert "rear-door heat exchanger" in (out / "racks" / "R01.svg").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO((out / "racks" / "racks.csv").read_text(encoding="utf-8"))))
    assert {r["door"] for r in rows} == {DOOR}
    assert run(["proposal", out / "plan.json", "--language", "zh", "--out", out / "zh.html"]).code == 0
    assert "背板换热器" in (out / "zh.html").read_text(encoding="utf-8")


def test_a_wrong_word_is_told(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text("maybe"))
    found = run(["optimize", file, "--out", tmp_path / "out"])
    assert found.code == 2 and "site.cooling.rear_doors" in found.err


def test_units_for_coolant_stand_in_racks_lowest_and_verified(catalog: Catalog) -> None:
    site = text("never", air=40, card="h200-sxm5", count=64, rest="preferences: {chassis: {only: [dell-xe9680l]}}")
    plan = planned(catalog, site.replace("air_kw", "liquid_kw_per_rack: 80, air_kw"))
    unit = next(ln for ln in plan.lines if ln.part == "cdu-in-rack-70kw")
    standing = [(rack, item) for rack in plan.racks for item in rack.items if item.item == unit.part]
    assert sorted(item.label for _, item in standing) == [f"cdu {k}" for k in range(1, unit.quantity + 1)]
    for rack, item in standing:
        below = [other for other in rack.items if other.bottom_unit < item.bottom_unit]
        assert item.units == 4 and all(other.item == unit.part for other in below)
    gone = tuple(r.model_copy(update={"items": tuple(i for i in r.items if i.label != "cdu 1")}) for r in plan.racks)
    findings = verify(plan.model_copy(update={"racks": gone}), catalog)
    assert "racks: cdu 1 stands nowhere" in findings


def test_a_liquid_cooled_machine_in_an_air_room_is_offered_a_loop_or_another_machine(tmp_path: Path) -> None:
    said = refusal(
        "site: {country: US, cooling: air}\nworkloads: [{kind: capacity, accelerator: h200-sxm5, count: 32}]\n"
        "preferences: {chassis: {only: [dell-xe9680l]}}\n",
        tmp_path,
    )
    assert "With a liquid loop (site.cooling: liquid): 4 × dell-xe9680l with 8 × h200-sxm5 each, " in said
    assert "]}) and the room as it is: 4 × " in said


def test_racks_too_low_are_told_how_high_they_must_be(tmp_path: Path) -> None:
    said = refusal(
        "site: {country: US, rack_units: 7}\nworkloads: [{kind: capacity, accelerator: h100-sxm5, count: 32}]\n"
        "preferences: {chassis: {only: [dgx-h100]}}\n",
        tmp_path,
    )
    assert "Smallest single changes: site.rack_units 7 → 8." in said
    assert "With site.rack_units 7 → 8: 4 × dgx-h100 with 8 × h100-sxm5 each, " in said
