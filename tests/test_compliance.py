"""Export screening: worked cases, every limit from both sides, every rule tripped, dates, parties, wording."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog, read_yaml
from planner.compliance import (
    Item,
    Terms,
    class_on,
    classes,
    evaluate,
    gate,
    item_of,
    lint,
    plan_notices,
    rules_of,
    screen,
    system_class,
    terms_from,
)
from planner.compliance.rules import Rules, read_rules
from planner.compliance.screening import Finding
from planner.errors import CatalogError
from planner.request import Request

CASES: dict[str, Any] = read_yaml(Path(__file__).parent / "reference" / "export_cases.yaml")
ACCEPT = ("no_licence_required", "domestic_supply")
TODAY = "2026-11-22"
# Words that would claim more than a screening knows, about a part, plan or party.
NEVER = re.compile(r"\b(legal|legally|cleared|approved|compliant|will be granted|allowed)\b", re.IGNORECASE)
NEVER_ZH = re.compile("已放行|已获批准|合法|合规|预期结果")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def rules(catalog: Catalog) -> Rules:
    return rules_of(catalog)


def on(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def chip(name: str = "chip", **figures: Any) -> Item:
    """A US data-centre chip with nothing controlled about it, but for what is given."""
    plain: dict[str, Any] = {
        "id": name,
        "vendor": "Example",
        "origin": "US",
        "tpp": 1000.0,
        "performance_density": 1.0,
        "datacentre": True,
        "dram_gb_per_s": 500.0,
        "io_gb_per_s": 64.0,
    }
    return Item(**{**plain, **figures})


def to(country: str, day: str = TODAY, parent: str | None = None, **more: Any) -> Terms:
    """Everything in one country, but for the parent."""
    return Terms(to=country, headquarters=more.pop("hq", country), parent=parent or country, on=on(day), **more)


def listed(name: str) -> Item:
    """An item of the worked cases."""
    return Item(**CASES["items"][name])


# -- worked cases ----------------------------------------------------------------------------------------------------
def answer(rules: Rules, case: dict[str, Any]) -> tuple[Finding, dict[str, Any]]:
    stated = case["terms"]
    terms = Terms(**{**stated, "on": on(stated["on"])})
    found = evaluate(rules, listed(case["item"]), terms)
    given = {
        "classification": found.classification,
        "system": system_class(rules, [found.classification or "none"], terms.on),
        "verdict": found.verdict,
        "exception": found.exception.code if found.exception else None,
        "review": found.review_policy,
        "trigger": found.trigger,
        "codified": found.codified or found.verdict,
        "notices": list(found.notices),
    }
    return found, given


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda c: str(c["id"]))
def test_worked_case(rules: Rules, case: dict[str, Any]) -> None:
    _, given = answer(rules, case)
    expected = dict(case["expect"])
    unasserted = [k for k in ("classification", "review") if expected[k] is None]
    if expected["system"] is None:  # either not asserted, or a system without a chip of any class
        unasserted.append("system")
    for key in unasserted:
        expected.pop(key)
    assert {k: given[k] for k in expected} == expected


def test_the_worked_cases_are_complete() -> None:
    assert len(CASES["cases"]) == 81
    assert sum(c["gate"] for c in CASES["cases"]) == 59


@pytest.mark.parametrize("case", CASES["class_limits"], ids=lambda c: str(c["id"]))
def test_class_at_its_limits(rules: Rules, case: dict[str, Any]) -> None:
    item = chip(tpp=case["tpp"], performance_density=case["pd"], io_gb_per_s=case["io"], datacentre=case["datacentre"])
    assert class_on(rules, item, on(case["on"])).result == case["expect"]


@pytest.mark.parametrize("case", CASES["review_limits"], ids=lambda c: str(c["id"]))
def test_review_policy_at_its_limits(rules: Rules, case: dict[str, Any]) -> None:
    item = chip(tpp=case["tpp"], performance_density=None, dram_gb_per_s=case["dram"])
    assert evaluate(rules, item, to("CN", case["on"], ship_from=case["ship_from"])).review_policy == case["expect"]


@pytest.mark.parametrize("case", CASES["systems"], ids=lambda c: str(c["id"]))
def test_a_system_follows_its_worst_chip(rules: Rules, case: dict[str, Any]) -> None:
    found = [class_on(rules, listed(i), on(case["on"])).result for i in case["items"]]
    assert system_class(rules, found, on(case["on"])) == case["expect"]


@pytest.mark.parametrize("case", CASES["imports"], ids=lambda c: str(c["id"]))
def test_import_side(catalog: Catalog, rules: Rules, case: dict[str, Any]) -> None:
    terms = to(
        case["to"], case["on"], ship_from=case["ship_from"], funding=case["funding"], import_approval=case["approval"]
    )
    found = evaluate(rules, item_of(catalog.accelerators[case["item"]]), terms)
    assert found.import_side == case["expect"]
    assert found.import_rule is not None and found.import_rule.id == case["rule"]


# -- what the planner asks -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("part", "terms", "verdict", "rule", "review"),
    [
        ("h100-sxm5", to("SG", parent="CN"), "licence_required", "HQ2023", "presumption_of_denial"),
        ("h100-sxm5", to("US"), "no_licence_required", "C2023", None),
        ("h100-sxm5", to("DE"), "no_licence_required", "C2023", None),
        ("h100-sxm5", to("NO"), "no_licence_required", "C2023", None),
        ("h20-sxm5", to("CN"), "licence_required", "L2025H20", "not_published"),
        ("h20-sxm5-141gb", to("CN"), "licence_required", "L2025H20", "not_published"),
        ("h200-sxm5", to("CN"), "licence_required", "V2026H200", "case_by_case"),
        ("h200-sxm5", to("CN", ship_from="SG"), "licence_required", "V2023", "presumption_of_denial"),
        ("b200-sxm6", to("CN"), "licence_required", "V2023", "presumption_of_denial"),
        ("mi308x", to("CN"), "licence_required", "L2025MI308", "not_published"),
        ("l20", to("CN"), "no_licence_required", "C2023", None),
        ("rtx-pro-6000d", to("CN"), "needs_vendor_confirmation", "C2023", None),
        ("rtx-pro-6000-se", to("CN"), "licence_required", "D2023", "case_by_case"),
        ("l4", to("MY"), "no_licence_required", "C2023", None),
        ("l4", to("MY", parent="CN"), "licence_required", "HQ2023", "presumption_of_denial"),
        ("l40s", to("CN", "2023-06-01"), "no_licence_required", "C2022", None),
        ("l40s", to("CN", "2023-12-01"), "licence_required", "C2023", "presumption_of_denial"),
        ("rtx-4090", to("CN", "2024-02-01"), "licence_exception", "NAC", None),
        ("rtx-4090", to("VN", "2024-02-01"), "licence_exception", "NAC2023", None),
        ("rtx-4090", to("VN"), "licence_exception", "ACA", None),
        ("a30", to("AE"), "licence_required", "D2026AE", "case_by_case"),
        ("a10", to("CN"), "needs_vendor_confirmation", "C2023", None),
        ("a10", to("DE"), "no_licence_required", "C2023", None),
        ("ascend-910c", to("CN"), "domestic_supply", "O2025GP10", None),
        ("ascend-910c", to("DE"), "needs_vendor_confirmation", "O2025GP10", None),
        ("ascend-910c", to("HK"), "needs_vendor_confirmation", "O2025GP10", None),
        ("ascend-910c", to("CN", parent="US"), "needs_vendor_confirmation", "O2025GP10", None),
        ("ascend-910c", to("IR"), "prohibited", "E_COMPREHENSIVE", "policy_of_denial"),
        ("t4", to("RU"), "prohibited", "E_RU_BY", "policy_of_denial"),
        ("t4", to("SG", parent="IR"), "needs_vendor_confirmation", "C2023", None),
        ("gaudi3-oam", to("SG"), "no_licence_required", "C2023", None),
    ],
)
def test_screen(catalog: Catalog, part: str, terms: Terms, verdict: str, rule: str, review: str | None) -> None:
    entry = screen(catalog, part, terms)
    assert (entry.verdict, entry.review_policy) == (verdict, review)
    assert rule in entry.rules
    assert entry.citations and entry.on == terms.on.isoformat()


@pytest.mark.parametrize(
    ("part", "days"),
    [
        (
            "a100-sxm4-80gb",
            {
                "2022-08-25": "no_licence_required",
                "2022-08-26": "licence_required",
                "2022-10-20": "licence_required",
                "2022-10-21": "licence_required",
            },
        ),
        (
            "a800-sxm4-80gb",
            {
                "2023-06-01": "no_licence_required",
                "2023-10-22": "no_licence_required",
                "2023-10-23": "licence_required",
                "2023-11-17": "licence_required",
            },
        ),
        (
            "h20-sxm5",
            {
                "2024-06-01": "no_licence_required",
                "2025-04-08": "no_licence_required",
                "2025-04-09": "licence_required",
                "2025-09-01": "licence_required",
            },
        ),
    ],
)
def test_the_same_part_on_different_days(catalog: Catalog, part: str, days: dict[str, str]) -> None:
    assert {day: screen(catalog, part, to("CN", day)).verdict for day in days} == days


@pytest.mark.parametrize(("day", "policy"), [("2026-01-14", "presumption_of_denial"), ("2026-01-15", "case_by_case")])
def test_the_review_of_h200_changes_on_its_day(catalog: Catalog, day: str, policy: str) -> None:
    assert screen(catalog, "h200-sxm5", to("CN", day)).review_policy == policy


def test_country_groups_move_with_time(rules: Rules) -> None:
    """Cambodia left D:5 on 2025-11-07; the Emirates left D:4 for A:5 on 2026-07-10 and still need a licence."""
    assert "KH" in rules.group("D:5", on("2025-11-06")) and "KH" not in rules.group("D:5", on("2025-11-07"))
    assert "AE" in rules.group("D:4", on("2026-07-09")) and "AE" not in rules.group("D:4", on("2026-07-10"))
    assert "AE" not in rules.group("A:5", on("2026-07-09")) and "AE" in rules.group("A:5", on("2026-07-10"))
    h100 = listed("h100_sxm")
    assert evaluate(rules, h100, to("KH", "2025-11-06")).review_policy == "presumption_of_denial"
    assert evaluate(rules, h100, to("KH", "2025-11-07")).review_policy == "presumption_of_approval"
    assert [r.id for r in evaluate(rules, h100, to("AE", "2026-07-10")).rules][1] == "D2026AE"


def test_a_named_recipient_is_spared_while_its_span_lasts(rules: Rules) -> None:
    named = to("AE", "2027-04-06", recipient="g42")
    assert evaluate(rules, listed("h100_sxm"), named).verdict == "no_licence_required"
    assert evaluate(rules, listed("h100_sxm"), to("AE", "2027-04-07", recipient="G42")).verdict == "licence_required"
    held = to("AE", "2026-11-22", parent="CN", recipient="G42")
    assert evaluate(rules, listed("h100_sxm"), held).trigger == "headquarters"


def test_what_is_not_enforced_is_shown_beside_the_answer(catalog: Catalog, rules: Rules) -> None:
    entry = screen(catalog, "b200-sxm6", to("MY"))
    assert entry.verdict == "no_licence_required"
    assert "not enforced" in entry.summary and "D2025WORLD" in entry.summary
    assert "不予执行" in (entry.summary_zh or "") and entry.codified == "licence_required"
    assert evaluate(rules, listed("b200"), to("MY", "2025-05-14")).codified is None
    assert evaluate(rules, listed("b200"), to("MY", "2025-05-15")).codified == "licence_required"
    assert evaluate(rules, listed("b200"), to("DE", "2025-05-15")).codified == "licence_exception"


def test_unknown_is_never_taken_for_free(catalog: Catalog, rules: Rules) -> None:
    """An unknown figure, country or day asks; it never answers that nothing is needed."""
    for item in (chip(tpp=None), chip(tpp=2000.0, performance_density=None), chip(tpp=2000.0, datacentre=None)):
        for country in ("CN", "DE", "MY"):
            if class_on(rules, item, on(TODAY)).result == "unknown":
                assert evaluate(rules, item, to(country)).verdict == "needs_vendor_confirmation"
    assert evaluate(rules, chip(tpp=None), to("DE")).classification == "unknown"
    assert evaluate(rules, chip(dram_gb_per_s=None), to("CN")).verdict == "needs_vendor_confirmation"
    assert evaluate(rules, chip(), to("ZZ")).verdict == "needs_vendor_confirmation"
    assert evaluate(rules, chip(), to("DE", "2017-12-31")).verdict == "needs_vendor_confirmation"
    assert evaluate(rules, chip(), Terms("DE", "DE", "DE")).verdict == "needs_vendor_confirmation"
    with pytest.raises(KeyError):
        screen(catalog, "h100", to("DE"))


def test_a_day_beyond_the_rule_data_warns(catalog: Catalog) -> None:
    assert "does not reach" not in screen(catalog, "t4", to("DE", "2026-12-22")).summary
    late = screen(catalog, "t4", to("DE", "2026-12-23"))
    assert "does not reach 2026-12-23" in late.summary and "未覆盖 2026-12-23" in (late.summary_zh or "")


def test_stated_and_computed_tpp_must_both_stay_below_a_limit(rules: Rules) -> None:
    """Case-by-case review needs TPP below 21,000; a maker's figure does not hide a higher published rate."""
    quiet = chip(tpp=18400.0, performance_density=None, dram_gb_per_s=4000.0)
    loud = chip(tpp=18400.0, performance_density=None, dram_gb_per_s=4000.0, tpp_high=27600.0)
    assert evaluate(rules, quiet, to("CN")).review_policy == "case_by_case"
    assert evaluate(rules, loud, to("CN")).review_policy == "presumption_of_denial"


# -- every rule can be tripped ---------------------------------------------------------------------------------------
A: dict[str, Any] = {"tpp": 16000.0, "performance_density": 19.0}
B: dict[str, Any] = {"tpp": 3000.0, "performance_density": 2.0}
TRIPS: dict[str, Callable[[], tuple[Item, Terms]]] = {
    "C0": lambda: (chip(**A), to("CN", "2022-08-01")),
    "C2022": lambda: (chip(), to("CN", "2023-01-01")),
    "C2023": lambda: (chip(), to("CN")),
    "E_RU_BY": lambda: (chip(), to("BY")),
    "E_COMPREHENSIVE": lambda: (chip(), to("CU")),
    "O2025GP10": lambda: (chip(origin="CN"), to("MO")),
    "D2022": lambda: (chip(**A, io_gb_per_s=600.0), to("CN", "2022-10-21")),
    "D2022MO": lambda: (chip(**A, io_gb_per_s=600.0), to("MO", "2023-01-17")),
    "D2023": lambda: (chip(**A), to("SA")),
    "D2026AE": lambda: (chip(**A), to("AE")),
    "HQ2023": lambda: (chip(**A), to("NO", parent="MO")),
    "L2022": lambda: (listed("h100_sxm"), to("HK", "2022-09-01")),
    "L2023OCT": lambda: (chip(vendor="NVIDIA", tpp=4800.0), to("VN", "2023-10-23")),
    "L2025H20": lambda: (chip(vendor="NVIDIA", dram_gb_per_s=4000.0), to("SG", parent="CN")),
    "L2025MI308": lambda: (listed("mi308"), to("MO")),
    "L2025INTEL": lambda: (chip(vendor="Intel", dram_gb_per_s=700.0, io_gb_per_s=1000.0), to("CN")),
    "NAC": lambda: (chip(**B), to("SG", parent="CN")),
    "NAC2023": lambda: (chip(**B), to("SA", "2024-04-03")),
    "ACA": lambda: (chip(**B), to("SA", "2024-04-04")),
    "V2022": lambda: (chip(**A, io_gb_per_s=600.0), to("CN", "2023-11-16")),
    "V2023": lambda: (chip(**A), to("CN", "2024-01-01")),
    "V2023OTHER": lambda: (chip(**A), to("SA")),
    "V2024": lambda: (chip(**B), to("AE")),
    "V2026H200": lambda: (chip(**A), to("CN", "2026-01-15")),
    "C2024HBM": lambda: (chip(memory_density=2.1), to("CN")),
    "D2024HBM": lambda: (chip(memory_density=2.1), to("MO", "2024-12-31")),
    "HBM": lambda: (chip(memory_density=3.2), to("CN")),
    "EU-MIL": lambda: (chip(), to("CN", end_use="training of military models")),
    "EU-MI": lambda: (chip(), to("KH", end_use="a signals intelligence unit")),
    "EU-SUPER": lambda: (chip(), to("MO", end_use="a national supercomputer")),
    "EU-FAB": lambda: (chip(), to("CN", end_use="晶圆厂仿真")),
    "EU-WMD": lambda: (chip(), to("DE", end_use="missile design")),
}
IMPORTS: dict[str, tuple[str, Terms]] = {
    "IG-MY-STA": ("h100-sxm5", to("ID", ship_from="MY")),
    "IG-CN-DOMESTIC": ("ascend-910c", to("CN")),
    "IG-CN-STATE": ("l20", to("CN", funding="public")),
    "IG-CN-H20": ("rtx-pro-6000d", to("CN")),
    "IG-CN-H20-EARLY": ("h20-sxm5", to("CN", "2025-08-01")),
    "IG-CN-H200": ("h200-nvl", to("CN")),
    "IG-CN-OTHER": ("l20", to("CN", "2025-10-10")),
    "IG-CN-BEFORE": ("l20", to("CN", "2025-10-09")),
    "IG-MY-USE": ("l20", to("MY")),
}
ELSEWHERE = {"AIA", "D2025WORLD", "W2025BANDWIDTH", "N-GP10", "N-SUPER", "N-AFFIL"}  # have tests of their own


@pytest.mark.parametrize("rule", TRIPS)
def test_rule_can_be_tripped(rules: Rules, rule: str) -> None:
    item, terms = TRIPS[rule]()
    assert rule in [r.id for r in evaluate(rules, item, terms).rules]


@pytest.mark.parametrize("rule", IMPORTS)
def test_import_rule_can_be_tripped(catalog: Catalog, rules: Rules, rule: str) -> None:
    part, terms = IMPORTS[rule]
    gate_rule = evaluate(rules, item_of(catalog.accelerators[part]), terms).import_rule
    assert gate_rule is not None and gate_rule.id == rule


def test_no_rule_is_without_an_input_that_trips_it(rules: Rules) -> None:
    assert {r.id for r in rules.all()} == {*TRIPS, *IMPORTS, *ELSEWHERE}


@pytest.mark.parametrize(
    ("figures", "asked"),
    [
        ({"dram_gb_per_s": 1400.0, "io_gb_per_s": 0.0}, True),
        ({"dram_gb_per_s": 1399.0, "io_gb_per_s": 300.0}, False),
        ({"dram_gb_per_s": 1399.0, "io_gb_per_s": 301.0}, True),
        ({"dram_gb_per_s": 100.0, "io_gb_per_s": 1100.0}, True),
        ({"dram_gb_per_s": 100.0, "io_gb_per_s": 1099.0}, False),
    ],
)
def test_bandwidth_of_the_2025_letters_asks_the_vendor(rules: Rules, figures: dict[str, Any], asked: bool) -> None:
    found = evaluate(rules, chip(**figures), to("SG", "2025-04-16", parent="CN"))
    assert (found.verdict == "needs_vendor_confirmation") is asked
    assert bool(found.warnings) is asked
    assert not evaluate(rules, chip(**figures), to("SG", "2025-04-16")).warnings
    assert not evaluate(rules, chip(**figures), to("CN", "2025-04-15")).warnings


@pytest.mark.parametrize(
    ("limit", "dram", "io", "caught"),
    [
        ("dram", 4000.0, 0.0, True),
        ("dram", 3999.0, 0.0, False),
        ("io", 500.0, 900.0, True),
        ("io", 500.0, 899.0, False),
    ],
)
def test_the_letter_on_h20_from_both_sides(rules: Rules, limit: str, dram: float, io: float, caught: bool) -> None:
    found = evaluate(rules, chip(vendor="NVIDIA", dram_gb_per_s=dram, io_gb_per_s=io), to("CN"))
    assert (found.trigger == "letter") is caught, limit


# -- notices ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("part", "day", "noticed"),
    [
        ("ascend-910c", "2026-11-22", True),
        ("ascend-910b4", "2026-11-22", True),  # TPP 4,480, but of the family that the guidance names
        ("br166", "2026-11-22", True),  # TPP not published
        ("mlu370-x8", "2026-11-22", False),
        ("ascend-910c", "2025-05-12", False),
        ("h100-sxm5", "2026-11-22", False),
    ],
)
def test_notice_on_chinese_design(catalog: Catalog, part: str, day: str, noticed: bool) -> None:
    entry = screen(catalog, part, to("CN", day))
    assert ("N-GP10" in entry.summary) is noticed
    assert ("N-GP10" in (entry.summary_zh or "")) is noticed


def test_notices_of_a_whole_plan(catalog: Catalog) -> None:
    def ids(terms: Terms, **pflops: float) -> list[str]:
        return [n.id for n in plan_notices(catalog, terms, pflops)]

    assert ids(to("CN"), fp64_pflops=100.0) == ["N-SUPER", "N-AFFIL"]
    assert ids(to("CN"), fp64_pflops=99.9, fp32_pflops=199.9) == ["N-AFFIL"]
    assert ids(to("HK"), fp32_pflops=200.0) == ["N-SUPER", "N-AFFIL"]
    assert ids(to("DE"), fp64_pflops=500.0) == ["N-AFFIL"]
    assert ids(to("US")) == []
    # The affiliates rule: in force, suspended for a year, back by default.
    assert [ids(to("DE", d)) for d in ("2025-09-28", "2025-11-09", "2025-11-10", "2026-11-09", "2026-11-10")] == [
        [],
        ["N-AFFIL"],
        [],
        [],
        ["N-AFFIL"],
    ]


# -- parties, defaults, gate -----------------------------------------------------------------------------------------
def request(**changes: Any) -> Request:
    plain = {
        "project": "test",
        "site": {"country": "SG"},
        "workloads": [{"name": "pool", "kind": "capacity", "count": 8}],
        "objective": "lowest_capex",
    }
    return Request.model_validate({**plain, **changes})


def test_terms_come_from_the_request() -> None:
    asked = request(
        customer={"headquarters": "SG", "ultimate_parent": "CN", "funding": "private"},
        compliance={"date": "2026-03-01", "ship_from": "TW", "end_use": "inference"},
    )
    assert terms_from(asked) == Terms("SG", "SG", "CN", "TW", on("2026-03-01"), "inference", "private")
    assert terms_from(asked, on("2026-04-01")).on == on("2026-04-01")
    with pytest.raises(ValueError, match="date is needed"):
        terms_from(request())


def test_missing_headquarters_are_assumed_and_listed(catalog: Catalog) -> None:
    entry = screen(catalog, "h100-sxm5", Terms("DE", None, None, on=on(TODAY)))
    assert len(entry.assumed) == 2 and "headquarters are in DE" in entry.assumed[0]
    assert "assumed" in entry.summary and "假定" in (entry.summary_zh or "")
    assert screen(catalog, "h100-sxm5", to("DE")).assumed == ()
    only_parent = screen(catalog, "h100-sxm5", Terms("DE", "CN", None, on=on(TODAY)))
    assert only_parent.verdict == "licence_required"
    assert only_parent.assumed == ("the ultimate parent's headquarters are in CN (not stated)",)


def test_gate(catalog: Catalog) -> None:
    assert gate(screen(catalog, "h100-sxm5", to("DE")), ACCEPT) is None
    assert gate(screen(catalog, "ascend-910c", to("CN")), ACCEPT) is None
    denied = gate(screen(catalog, "h100-sxm5", to("SG", parent="CN")), (*ACCEPT, "licence_required"))
    assert denied is not None and denied.need == "no presumption of denial"
    assert gate(screen(catalog, "t4", to("RU")), ("prohibited",)) is not None
    assert gate(screen(catalog, "h100-sxm5", to("CN")), (*ACCEPT, "licence_required")) is None
    refused = gate(screen(catalog, "h100-sxm5", to("SG", parent="CN")), ACCEPT)
    assert refused is not None and refused.rule == "export-licence_required"
    assert (refused.have, refused.need) == ("licence_required", "no_licence_required, domestic_supply")
    restricted = gate(screen(catalog, "l20", to("CN", funding="state_owned")), ACCEPT)
    assert restricted is not None and restricted.rule == "import-restricted"
    assert gate(screen(catalog, "l20", to("CN", funding="private")), ACCEPT) is None


# -- words -----------------------------------------------------------------------------------------------------------
def test_the_short_form_has_verdict_rule_and_decisive_number(catalog: Catalog) -> None:
    entry = screen(catalog, "h100-sxm5", to("SG", parent="CN"))
    assert entry.short == (
        "licence required under 3A090.a (HQ2023, ultimate parent in CN): TPP 15,831, limit 4,800; presumption of denial"
    )
    assert entry.short_zh == (
        "须许可证，归类 3A090.a（HQ2023，最终母公司总部：CN）：TPP 15,831，门槛 4,800；审查政策：推定拒绝"
    )
    assert screen(catalog, "h20-sxm5", to("CN", "2024-06-01")).short == (
        "no licence requirement found (C2023): not 3A090, TPP 2,368 and performance density 2.91, below 2,400 and 3.2"
    )
    assert screen(catalog, "rtx-4090", to("CN")).short == (
        "licence exception NAC for 3A090.a (D2023): TPP 5,285, limit 4,800"
    )


# Part, terms and what the paragraph has to say, in English and Chinese.
PARAGRAPHS = [
    ("a800-sxm4-80gb", to("CN", "2023-06-01"), ["400 GB/s is below 600 GB/s", "C2022"], ["低于 600 GB/s 的门槛"]),
    ("a800-sxm4-80gb", to("CN", "2023-12-01"), ["reaches the limit of 4,800", "presumption of denial"], ["推定拒绝"]),
    ("h20-sxm5", to("CN", "2024-06-01"), ["2,368", "below 2,400", "2.91 is below 3.2"], ["不属于 3A090"]),
    ("h20-sxm5", to("CN", "2025-05-01"), ["L2025H20", "2025-04-09", "letter names it"], ["告知函"]),
    ("h20-sxm5", to("CN", "2025-09-01"), ["L2025H20", "import side unknown"], ["不鼓励采购"]),
    ("h20-sxm5", to("CN", TODAY), ["L2025H20", "restricted by the importing side"], ["进口侧受限"]),
    ("h200-sxm5", to("CN", "2025-06-01"), ["presumption of denial"], ["推定拒绝"]),
    ("h200-sxm5", to("CN", TODAY), ["case by case", "V2026H200", "each shipment tested", "25 %"], ["逐案审查", "25%"]),
    ("h100-sxm5", to("SG", parent="CN"), ["ultimate parent in China", "HQ2023"], ["最终母公司总部位于中国"]),
    ("rtx-4090", to("CN"), ["NAC", "25 calendar days", "not designed or marketed"], ["非面向数据中心", "25 个日历日"]),
    ("l40s", to("CN"), ["5,864", "D2023"], ["5,864"]),
    ("mi308x", to("CN"), ["are not published", "L2025MI308"], ["未公开", "L2025MI308"]),
    ("ascend-910b3", to("CN"), ["no export takes place", "N-GP10", "US exposure"], ["不构成出口", "美国关联"]),
    ("ascend-910b3", to("MY"), ["shipped from China to Malaysia", "N-GP10"], ["自中国发运至马来西亚"]),
    ("ascend-910b3", to("CN", parent="US"), ["ultimate parent in the United States"], ["最终母公司总部位于美国"]),
]


@pytest.mark.parametrize(("part", "terms", "english", "chinese"), PARAGRAPHS)
def test_the_paragraph_gives_the_reason(
    catalog: Catalog, part: str, terms: Terms, english: list[str], chinese: list[str]
) -> None:
    entry = screen(catalog, part, terms)
    for words in english:
        assert words in entry.summary
    for words in chinese:
        assert words in (entry.summary_zh or "")
    assert "onfirm with counsel" in entry.summary and "法律顾问" in (entry.summary_zh or "")
    assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{4,}", entry.summary_zh or ""), "English words in a Chinese text"
    assert "\n" not in entry.summary + (entry.summary_zh or "")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("military training", "licence_required"),
        ("non-military research", "no_licence_required"),
        ("artificial intelligence for retail", "no_licence_required"),
        ("非军事用途", "no_licence_required"),
        ("军工项目", "licence_required"),
        (None, "no_licence_required"),
    ],
)
def test_a_stated_end_use_is_read(rules: Rules, text: str | None, verdict: str) -> None:
    assert evaluate(rules, chip(), to("CN", end_use=text)).verdict == verdict
    assert evaluate(rules, chip(), to("DE", end_use=text)).verdict == "no_licence_required"


def test_no_exception_helps_where_the_end_use_needs_a_licence(rules: Rules) -> None:
    item = chip(**B)
    assert evaluate(rules, item, to("CN")).verdict == "licence_exception"
    found = evaluate(rules, item, to("CN", end_use="military"))
    assert (found.verdict, found.review_policy) == ("licence_required", "presumption_of_denial")


def test_only_what_was_announced_is_looked_ahead_to(catalog: Catalog) -> None:
    def ahead(part: str, terms: Terms) -> list[tuple[str, str | None, str]]:
        return [(f.rule, f.on, f.verdict) for f in screen(catalog, part, terms).foreseen]

    # The revised text was public on 2023-10-17 and not before.
    assert ahead("l40s", to("CN", "2023-10-16")) == []
    assert ahead("l40s", to("CN", "2023-10-17")) == [("C2023", "2023-11-17", "licence_required")]
    assert ahead("h200-sxm5", to("CN", "2026-01-12")) == []
    assert ahead("h200-sxm5", to("CN", "2026-01-13")) == [("V2026H200", "2026-01-15", "licence_required")]
    # A text on the books that is not enforced, and an exemption that ends.
    assert ahead("h100-sxm5", to("DE")) == [("D2025WORLD", None, "licence_exception")]
    named = to("AE", "2026-08-01", recipient="G42")
    assert ("D2026AE", "2027-04-07", "licence_required") in ahead("h100-sxm5", named)


def test_no_sentence_claims_more_than_a_screening_knows(catalog: Catalog) -> None:
    places = [to("US"), to("DE"), to("CN"), to("SG", parent="CN"), to("IR"), to("AE"), to("VN", "2024-01-01")]
    for part in sorted(catalog.accelerators):
        for terms in places:
            entry = screen(catalog, part, terms)
            assert not NEVER.search(entry.summary), entry.summary
            assert not NEVER_ZH.search(entry.summary_zh or ""), entry.summary_zh
            assert "None" not in entry.summary + (entry.summary_zh or "")
            assert entry.classification in ("3A090.a", "3A090.b", "not 3A090", "unknown", None)
            assert entry.rules and entry.citations


def test_classes_show_their_arithmetic(catalog: Catalog) -> None:
    found = classes(catalog, "l4")
    assert found.tpp_arithmetic == "TPP 1,936 = 121 dense TFLOPS BF16 × 16 bit"
    assert found.density_arithmetic == "performance density 6.585 = TPP 1,936 ÷ 294 mm² of logic dies"
    assert [(s.rule, s.result, s.system) for s in found.spans] == [
        ("C0", "none", "4A994.l"),
        ("C2022", "none", "4A994.l"),
        ("C2023", "3A090.a", "4A090.a"),
    ]
    assert found.warning is None
    assert classes(catalog, "mi355x").warning is not None  # FP6 × 6 bit is above the stated FP4 × 4 bit
    assert classes(catalog, "mi308x").tpp_arithmetic == "TPP not published"


# -- the data --------------------------------------------------------------------------------------------------------
def test_every_rule_has_citation_date_and_evidence(catalog: Catalog, rules: Rules) -> None:
    assert lint(catalog) == []
    for rule in rules.all():
        assert rule.citation and rule.valid_from and rule.status and rule.basis, rule.id
        assert rule.sources or rule.basis in ("model-knowledge", "computed"), rule.id


def shipped(catalog: Catalog) -> dict[str, Any]:
    return copy.deepcopy(catalog.tables("rules"))


class Edited(Catalog):
    """The shipped catalog with other rule tables."""

    def __init__(self, base: Catalog, files: dict[str, Any]) -> None:
        super().__init__(base.folders)
        self._files = files

    def tables(self, folder_name: str) -> dict[str, Any]:
        return self._files if folder_name == "rules" else super().tables(folder_name)


def edit(files: dict[str, Any], kind: str, index: int, **fields: Any) -> dict[str, Any]:
    files["us-advanced-computing"][kind][index].update(fields)
    return files


@pytest.mark.parametrize(
    ("kind", "index", "fields", "finding"),
    [
        ("classification", 1, {"valid_to": "2023-11-17"}, "C2022 and C2023 overlap"),
        ("classification", 1, {"valid_to": "2023-11-15"}, "no classification text between C2022 and C2023"),
        ("destination", 2, {"citation": " "}, "D2023: no citation"),
        ("destination", 2, {"sources": []}, "D2023: verified, but no source"),
        ("destination", 2, {"evidence": None}, "D2023: verified, but it does not say by what evidence"),
        ("destination", 2, {"where": {"countries": ["XX"]}}, "D2023: unknown country XX"),
        ("destination", 2, {"where": {"groups": ["D:9"]}}, "D2023: unknown country group D:9"),
        ("letters", 2, {"parts": ["h-20"]}, "L2025H20: part h-20 is not in the catalog"),
        ("letters", 2, {"id": "L2022"}, "L2022 is defined twice"),
        ("letters", 0, {"valid_to": "2022-01-01"}, "L2022: ends on 2022-01-01, before it begins on 2022-08-26"),
        ("destination", 0, {"valid_to": "2023-11-17"}, "D2022 and D2023 overlap"),
        ("destination", 0, {"valid_to": "2023-11-01"}, "no rule between D2022 and D2023, which supersedes it"),
        ("exceptions", 1, {"valid_to": None}, "NAC2023 and ACA overlap"),
        ("exceptions", 1, {"valid_to": None}, "NAC2023: superseded, but without an end"),
        ("review", 0, {"ship_from": ["XX"]}, "V2026H200: unknown country XX"),
        ("headquarters", 0, {"supersedes": ["HQ2020"]}, "HQ2023: supersedes HQ2020, which is not there"),
        (
            "headquarters",
            0,
            {"announced": "2024-01-01"},
            "HQ2023: announced on 2024-01-01, after it begins on 2023-11-17",
        ),
    ],
)
def test_lint_finds(catalog: Catalog, kind: str, index: int, fields: dict[str, Any], finding: str) -> None:
    assert finding in lint(Edited(catalog, edit(shipped(catalog), kind, index, **fields)))


def test_lint_finds_a_rule_twice_under_two_names(catalog: Catalog) -> None:
    files = shipped(catalog)
    rows = files["us-advanced-computing"]["headquarters"]
    rows.append({**rows[0], "id": "HQ2024", "valid_from": "2024-01-01"})
    assert "HQ2023 and HQ2024 say the same and overlap" in lint(Edited(catalog, files))
    files = shipped(catalog)
    files["country-groups"]["changes"].append(
        {**files["country-groups"]["changes"][0], "from": "2025-01-01", "to": None}
    )
    assert "group D:5: the spans of KH overlap" in lint(Edited(catalog, files))


def test_a_rule_without_a_citation_is_named(catalog: Catalog, rules: Rules) -> None:
    files = shipped(catalog)
    del files["us-advanced-computing"]["headquarters"][0]["citation"]
    with pytest.raises(CatalogError, match=r"headquarters\.0\.citation: Field required, got HQ2023"):
        read_rules(files, rules.countries)


def test_a_malformed_rule_is_an_error_that_names_it(catalog: Catalog, rules: Rules) -> None:
    with pytest.raises(CatalogError, match=r"destination\.2\.status"):
        read_rules(edit(shipped(catalog), "destination", 2, status="maybe"), rules.countries)
    files = shipped(catalog)
    del files["import-side"]
    with pytest.raises(CatalogError, match="import-side is missing"):
        read_rules(files, rules.countries)


def test_changing_the_rule_file_alone_changes_the_verdict(catalog: Catalog) -> None:
    lifted = Edited(catalog, edit(shipped(catalog), "headquarters", 0, valid_to="2023-12-31"))
    terms = to("SG", "2024-06-01", parent="CN")
    assert screen(catalog, "h100-sxm5", terms).verdict == "licence_required"
    assert screen(lifted, "h100-sxm5", terms).verdict == "no_licence_required"


def test_the_example_of_the_documentation_is_real(catalog: Catalog) -> None:
    page = (Path(__file__).parent.parent / "docs" / "compliance.md").read_text(encoding="utf-8")
    said = screen(catalog, "h100-sxm5", to("SG", "2026-11-22", parent="CN")).summary
    assert said in " ".join(page.split())
