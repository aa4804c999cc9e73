"""Rules in plans: what is accepted, what never is, domestic parts, notices, worksheet, a changed rule file."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.acceptance import levels
from planner.catalog import Catalog, built_in_folder, read_yaml
from planner.errors import InputError, NoPlan
from planner.optimize import optimize
from planner.plan import Plan, seals_of
from planner.problem import prepare
from planner.sitefile import read_site_text
from planner.verify import verify
from planner.wording import wording
from planner.worksheet import questionnaire, share_sentence, worksheet_rows

ON = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def site(**changes: Any) -> str:
    plain: dict[str, Any] = {
        "customer": {"headquarters": "SG", "ultimate_parent": "SG"},
        "site": {"country": "SG", "rack_power_kw": 45},
        "workloads": [{"name": "pool", "kind": "capacity", "accelerator": "h100-sxm5", "count": 8}],
    }
    return yaml.safe_dump({**plain, **changes}, allow_unicode=True)


def china(accelerator: str, count: int = 24, accept: tuple[str, ...] = (), **changes: Any) -> str:
    terms: dict[str, Any] = {"accept": list(accept)} if accept else {}
    return site(
        customer={"headquarters": "CN", "ultimate_parent": "CN", "funding": "private"},
        site={"country": "CN", "rack_power_kw": 45},
        compliance={**terms, **changes.pop("compliance", {})},
        workloads=[{"name": "pool", "kind": "capacity", "accelerator": accelerator, "count": count}],
        **changes,
    )


def planned(text: str, catalog: Catalog, on: dt.date = ON) -> Plan:
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, on)


ALL = ("no_licence_required", "domestic_supply", "licence_exception", "licence_required", "needs_vendor_confirmation")


def test_a_changed_rule_file_alone_changes_the_plan(catalog: Catalog, tmp_path: Path) -> None:
    """Free choice of accelerators to Vietnam: with its group membership gone in the data, another plan is best."""
    text = site(
        customer={"headquarters": "VN", "ultimate_parent": "VN"},
        site={"country": "VN", "rack_power_kw": 45},
        workloads=[{"name": "pool", "kind": "capacity", "pflops": 8}],
    )
    (tmp_path / "rules").mkdir()
    shutil.copy(built_in_folder() / "rules" / "country-groups.yaml", tmp_path / "rules")
    path = tmp_path / "rules" / "country-groups.yaml"
    same = planned(text, Catalog.load([tmp_path]))
    path.write_text(path.read_text(encoding="utf-8").replace("UZ, VE, VN, YE]", "UZ, VE, YE]"), encoding="utf-8")
    other = planned(text, Catalog.load([tmp_path]))
    before = planned(text, catalog)
    assert same.pools == before.pools
    assert {p.accelerator for p in other.pools} != {p.accelerator for p in before.pools}
    assert other.totals.capex < before.totals.capex
    assert read_yaml(path)["members"]["D:1"].count("VN") == 0


def test_a_presumption_of_denial_is_never_planned(catalog: Catalog) -> None:
    with pytest.raises(NoPlan, match="presumption of denial"):
        planned(china("b200-sxm6", accept=ALL), catalog)
    with pytest.raises(NoPlan, match="HQ2023"):
        planned(
            site(customer={"headquarters": "SG", "ultimate_parent": "CN"}, compliance={"accept": list(ALL)}), catalog
        )


def test_an_embargo_cannot_be_accepted(catalog: Catalog) -> None:
    with pytest.raises(InputError, match=r"compliance\.accept: prohibited cannot be accepted"):
        read_site_text(site(compliance={"accept": ["prohibited"]}), "site.yaml", catalog)


def test_a_licence_is_planned_only_when_accepted_and_its_time_is_the_users(catalog: Catalog) -> None:
    with pytest.raises(NoPlan):
        planned(china("h100-sxm5"), catalog)
    plan = planned(china("h100-sxm5", accept=ALL), catalog)
    entry = next(e for e in plan.compliance if e.planned)
    assert (entry.verdict, entry.review_policy) == ("licence_required", "case_by_case")
    assert any(q.name == "compliance.licence_lead_days" for q in plan.open_questions)
    assert verify(plan, catalog) == []
    told = planned(china("h100-sxm5", accept=ALL, compliance={"licence_lead_days": 120}), catalog)
    note = next(a for a in told.assumptions if a.name == "compliance.licence_lead_days" and "own figure" in a.text)
    assert "120 days" in note.text and "120 天" in (note.text_zh or "")
    assert not any(q.name == "compliance.licence_lead_days" for q in told.open_questions)


def test_the_import_side_restricts_and_an_approval_opens(catalog: Catalog) -> None:
    with pytest.raises(NoPlan, match="importing side"):
        planned(china("h200-sxm5", accept=ALL), catalog)
    plan = planned(china("h200-sxm5", accept=ALL, compliance={"import_approval": "obtained"}), catalog)
    assert next(e for e in plan.compliance if e.planned).import_side == "import_open"
    assert verify(plan, catalog) == []


def test_the_notice_on_supercomputers_comes_from_the_plans_own_pflops(catalog: Catalog) -> None:
    """MI300X: 163.4 TFLOPS FP64 matrix each, so 612 reach 100 PFLOPS and 608 do not."""
    small = planned(china("mi300x", 608, accept=ALL), catalog)
    large = planned(china("mi300x", 616, accept=ALL), catalog)
    assert "N-SUPER" not in {a.name for a in small.assumptions}
    note = next(a for a in large.assumptions if a.name == "N-SUPER")
    assert "744.23" in note.text and "超级计算机" in (note.text_zh or "")
    assert verify(large, catalog) == []
    missing = large.model_copy(update={"assumptions": tuple(a for a in large.assumptions if a.name != "N-SUPER")})
    assert any("N-SUPER is missing" in f for f in verify(missing, catalog))


# -- domestic parts ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def domestic(catalog: Catalog) -> Plan:
    text = china("ascend-910b", 32, language="zh", preferences={"origin": "domestic"}, storage={"usable_tb": 100})
    return planned(text, catalog)


def test_domestic_classes_are_kept(catalog: Catalog, domestic: Plan) -> None:
    assert verify(domestic, catalog) == []
    for line in domestic.lines:
        part = catalog.parts[line.part]
        if type(part).__name__ in ("Accelerator", "Baseboard", "Cpu", "Switch", "StorageSystem", "Chassis"):
            assert line.supply == "domestic", line.part
    assert domestic.origins is not None and domestic.origins.share is not None
    assert 0.9 < domestic.origins.share <= 1
    known = domestic.origins.domestic + domestic.origins.imported + domestic.origins.unknown
    assert known == domestic.totals.capex_without_tax


def test_a_wish_per_class_and_its_refusals(catalog: Catalog) -> None:
    wish = {"origin": {"accelerator": "domestic"}}
    with pytest.raises(NoPlan, match="not of CN"):
        planned(china("l20", preferences=wish), catalog)
    with pytest.raises(NoPlan, match=r"no CPU that fits is of CN \(preferences\.origin\.cpu\)"):
        planned(china("l20", preferences={"origin": {"cpu": "domestic"}}), catalog)
    with pytest.raises(NoPlan, match="nvidia-driver-cuda"):
        planned(china("l20", preferences={"origin": {"system_software": "domestic"}}), catalog)
    with pytest.raises(InputError, match=r"preferences\.origin"):
        read_site_text(china("l20", preferences={"origin": "local"}), "site.yaml", catalog)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"supply": "imported"}, "its origin CN makes it domestic|origin CN makes it domestic"),
        ({"share": 0.5}, "the lines give"),
    ],
)
def test_verify_refuses_changed_origins(catalog: Catalog, domestic: Plan, change: dict[str, Any], finding: str) -> None:
    data = domestic.model_dump(mode="json")
    if "supply" in change:
        next(ln for ln in data["lines"] if ln["origin"] == "CN").update(change)
    else:
        data["origins"].update(change)
    plan = Plan.model_validate(data)
    sealed = plan.provenance.model_copy(update={"seals": seals_of(plan)})
    findings = verify(plan.model_copy(update={"provenance": sealed}), catalog)
    assert any(word in f for f in findings for word in finding.split("|")), findings


# -- side by side, worksheet -------------------------------------------------------------------------------------------
def test_stricter_and_looser_acceptance_side_by_side(catalog: Catalog) -> None:
    text = china("mi300x", preferences={"accelerators": {"only": ["ascend-910c", "mi300x", "b200-sxm6"]}})
    text = text.replace("accelerator: mi300x, ", "")
    data = yaml.safe_load(text)
    data["workloads"] = [{"name": "pool", "kind": "capacity", "pflops": 6}]
    rows = levels(prepare(read_site_text(yaml.safe_dump(data), "site.yaml", catalog), catalog, ON))
    assert [r.asked for r in rows].count(True) == 1
    assert rows[0].accept == ("domestic_supply",) and rows[0].accelerators == ("ascend-910c",)
    assert rows[-1].accelerators == ("mi300x",) and "case by case" in rows[-1].verdicts[0]
    assert all("b200-sxm6" not in r.accelerators for r in rows)
    capital = [r.capital_cents for r in rows if r.capital_cents is not None]
    assert capital == sorted(capital, reverse=True)


def test_the_worksheet_and_the_questionnaire(domestic: Plan) -> None:
    chinese, english = wording("zh"), wording("en")
    rows = worksheet_rows(domestic, chinese)
    assert [r.position for r in rows] == [ln.position for ln in domestic.lines if ln.section != "services"]
    system = next(r for r in rows if r.hs6 == "8471.50")
    assert system.supply == "国产" and "境内供货" in system.verdict and "O2025GP10" in system.rules
    assert "US exposure" not in system.asks and "美国关联" in system.asks
    questions = questionnaire(domestic, english)
    stated = {q.ask: q.stated for q in questions}
    assert any("headquartered" in ask and value == "China (CN)" for ask, value in stated.items())
    assert any("military" in ask and not value for ask, value in stated.items())
    assert str(domestic.origins.domestic if domestic.origins else "") not in share_sentence(domestic, english)
    assert "%" in share_sentence(domestic, chinese)
