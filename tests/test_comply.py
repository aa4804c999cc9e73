"""planner comply: case files, the matrix, other parts, what is refused; both languages."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.catalog import Catalog
from planner.cli import main
from planner.compliance.cases import answer, rows_of
from planner.compliance.matrix import COUNTRIES, matrix

TODAY = "2026-11-22"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    return int(str(leaving.value.code))


def case(**changes: Any) -> dict[str, Any]:
    """H100 to Singapore for a company with a parent in China, in 2024."""
    plain: dict[str, Any] = {
        "id": "X1",
        "accelerator": {
            "id": "h100_sxm",
            "vendor": "NVIDIA",
            "origin": "US",
            "tpp": 15832,
            "pd": 19.45,
            "datacentre": True,
            "dram_bandwidth_gbs": 3350,
            "interconnect_gbs": 900,
        },
        "destination": "SG",
        "end_user_hq": "SG",
        "ultimate_parent_hq": "CN",
        "ship_from": "US",
        "date": "2024-06-01",
        "expect": {"outcome": "licence_required", "trigger": "headquarters", "review_policy": "presumption_of_denial"},
        "gate": True,
    }
    return {**plain, **changes}


def only(catalog: Catalog, row: Any) -> Any:
    return answer(catalog, [row], {})[0]


def test_a_row_is_answered_with_its_own_figures(catalog: Catalog) -> None:
    found = only(catalog, case())
    assert found.ok and found.given["classification"] == "3A090.a" and found.given["system_eccn"] == "4A090.a"
    weaker = case(accelerator={**case()["accelerator"], "tpp": 1000, "pd": 1.2, "dram_bandwidth_gbs": 300})
    found = only(catalog, {**weaker, "accelerator": {**weaker["accelerator"], "interconnect_gbs": 64}})
    assert not found.ok and found.given["outcome"] == "no_licence_required"
    assert found.expected["outcome"] == "licence_required"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"ultimate_parent_hq": None}, "needs_vendor_confirmation"),
        ({"date": None}, "needs_vendor_confirmation"),
        ({"destination": "ZZ"}, "needs_vendor_confirmation"),
        ({"accelerator": "no-such-chip"}, "needs_vendor_confirmation"),
        ({"accelerator": "h100_sxm"}, "licence_required"),
        ({"destination": False, "end_user_hq": "NO", "ultimate_parent_hq": "NO"}, "no_licence_required"),
        ({"end_use": "military simulation", "destination": "CN"}, "licence_required"),
        ({"date": dt.date(2023, 6, 1)}, "no_licence_required"),
    ],
)
def test_what_is_missing_or_unknown_is_never_taken_for_free(
    catalog: Catalog, changes: dict[str, Any], outcome: str
) -> None:
    found = only(catalog, case(**changes))
    assert found.given["outcome"] == outcome, found.why


@pytest.mark.parametrize(
    "row", ["text", {"id": "a"}, case(date="soon"), case(accelerator={"tpp": "much"}), case(accelerator=7), None]
)
def test_a_malformed_row_says_what_is_wrong_and_does_not_stop_the_others(catalog: Catalog, row: Any) -> None:
    found = answer(catalog, [row, case()], {})
    assert not found[0].ok and "cannot be read" in found[0].why
    assert found[1].ok


def test_rows_of_every_kind_are_found() -> None:
    data = {"test_cases": [1], "system_cases": [2], "import_gates": {"test_cases": [3]}, "other": [4]}
    assert rows_of(data) == [1, 2, 3]
    assert rows_of([5]) == [5]
    assert rows_of("text") == []


def test_a_case_file_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        case(),
        case(id="X2", expect={"outcome": "no_licence_required"}),
        {"id": "L", "tpp": 4800, "pd": None, "interconnect_gbs": None, "datacentre": True, "date": "2024-06-01"},
        {"id": "S", "accelerators": ["h100_sxm", "a30"], "date": "2024-06-01", "expect": "4A090.a"},
        {
            "id": "I",
            "part": "l20",
            "destination": "CN",
            "funding": "state",
            "date": TODAY,
            "expect": "import_restricted",
        },
        {"id": "R", "tpp": 20999, "dram_bandwidth_gbs": 6500, "date": TODAY, "expect": "presumption_of_denial"},
    ]
    rows[2]["expect"] = "3A090.a"
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump({"test_cases": rows}), encoding="utf-8")
    assert run("comply", "--cases", str(path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(r["id"], r["ok"]) for r in found] == [
        ("X1", True),
        ("X2", False),
        ("L", True),
        ("S", True),
        ("I", True),
        ("R", True),
    ]
    assert set(found[0]) >= {"id", "expected", "given", "ok"}
    assert run("comply", "--cases", str(path)) == 0
    text = capsys.readouterr().out
    assert "DIFFERS" in text and "expected outcome: no_licence_required" in text
    assert "5 of 6 rows as expected; of 2 gated rows 1." in text
    path.write_text("nothing: here", encoding="utf-8")
    assert run("comply", "--cases", str(path)) == 2
    assert run("comply", "--cases", str(tmp_path / "none.yaml")) == 2


def test_the_matrix(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    cells = {(c.accelerator, c.to): c for c in matrix(catalog, dt.date.fromisoformat(TODAY))}
    assert len(cells) == len(catalog.accelerators) * len(COUNTRIES)
    marks = {to: cells[("h100-sxm5", to)].mark for to in COUNTRIES}
    assert marks["US"] == "none" and marks["DE"] == "none*" and marks["SA"] == "appr" and marks["CN"] == "case"
    assert marks["RU"] == marks["IR"] == "PROHIB"
    assert cells[("ascend-910c", "CN")].verdict == "domestic_supply"
    assert cells[("ascend-910c", "HK")].verdict == "needs_vendor_confirmation"
    assert cells[("h20-sxm5", "CN")].mark == "letter" and cells[("a30", "VN")].mark == "ACA"
    assert run("comply", "h100", "--matrix", "--on", TODAY, "--language", "zh") == 0
    text = capsys.readouterr().out
    assert "h100-sxm5" in text and "逐案" in text and "l40s" not in text
    assert run("comply", "--matrix", "--hq", "CN", "--to", "SG,MY", "--on", TODAY, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {c["to"] for c in found} == {"SG", "MY"}
    assert next(c for c in found if c["accelerator"] == "h100-sxm5")["review_policy"] == "presumption_of_denial"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("comply", "h100-sxm5", "--to", "SG"), "--hq"),
        (("comply", "--to", "SG", "--hq", "SG"), "ACCELERATOR"),
        (("comply", "h100-sxm5", "--to", "XX", "--hq", "SG"), "got XX"),
        (("comply", "h100-sxm5", "--to", "SG", "--hq", "SG", "--language", "fr"), "expected en or zh"),
        (("comply", "h100-sxm5", "--to", "CN", "--hq", "CN", "--funding", "some"), "private or state"),
        (("comply", "h1000", "--to", "SG", "--hq", "SG"), "not in the catalog"),
    ],
)
def test_wrong_questions_are_refused(words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert told in capsys.readouterr().err


def test_an_answer_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("comply", "h200-sxm5", "--to", "CN", "--hq", "CN", "--on", TODAY) == 0
    text = capsys.readouterr().out
    assert "case by case" in text and "to be certified: each shipment tested" in text and "source: C2023" in text
    assert max(map(len, text.split("\n\n")[1].splitlines())) <= 120
    assert run("comply", "h200-sxm5", "--to", "CN", "--hq", "CN", "--on", TODAY, "--language", "zh") == 0
    text = capsys.readouterr().out
    assert "筛查结论：需要许可证" in text and "须证明事项" in text and "licence" not in text.split("出处")[0]


@pytest.mark.parametrize(
    ("part", "to", "verdict", "words"),
    [
        ("dgx-h100", "CN", "licence_required", "follows the chips"),
        ("hgx-h100-8", "CN", "licence_required", "follows the chips"),
        ("qm9700", "CN", "needs_vendor_confirmation", "5A991"),
        ("qm9700", "RU", "prohibited", "E_RU_BY"),
        ("epyc-9554", "US", "no_licence_required", "3A991"),
        ("kunpeng-920-7260", "CN", "domestic_supply", "3A991"),
    ],
)
def test_other_parts_inherit_or_ask(
    catalog: Catalog, part: str, to: str, verdict: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if part not in catalog.parts:
        part = next(iter(catalog.baseboards)) if part.startswith("hgx") else part
    assert run("comply", part, "--to", to, "--hq", to, "--on", TODAY, "--json") == 0
    entry = json.loads(capsys.readouterr().out)[0]
    assert entry["verdict"] == verdict
    assert words in entry["summary"] + "".join(entry["rules"])
