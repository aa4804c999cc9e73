"""The workbook: stored values equal recalculated ones, totals equal the plan's to the cent, text stays text."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from plans import sample

from planner.plan import Plan
from planner.workbook import workbook_bytes, write_workbook

SHEETS = ["Summary", "BOM", "Yearly costs & TCO", "Racks and power", "Network", "Compliance"]
RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


def read(content: bytes, values: bool) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content), data_only=values)


def formulas(content: bytes) -> dict[tuple[str, str], tuple[str, float]]:
    """Every formula with the value stored beside it, by sheet and cell."""
    live, stored = read(content, False), read(content, True)
    return {
        (sheet.title, cell.coordinate): (cell.value, stored[sheet.title][cell.coordinate].value)
        for sheet in live
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    }


def labelled(content: bytes, sheet: int, label: str) -> Decimal:
    """The last number of the row with a label, in whole cents."""
    for row in read(content, True).worksheets[sheet].iter_rows(values_only=True):
        if label in row:
            numbers = [v for v in row if isinstance(v, int | float)]
            return Decimal(str(numbers[-1])).quantize(Decimal("0.01"))
    raise AssertionError(f"no row {label}")


def office() -> str:
    found = shutil.which("soffice")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("soffice is missing: run .ci/install-debian")
        pytest.skip("LibreOffice (soffice) is not installed")
    return found


def recalculated(content: bytes, folder: Path) -> bytes:
    """The workbook after LibreOffice has calculated every formula anew."""
    program = office()
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "registrymodifications.xcu").write_text(RECALCULATE)
    (folder / "in.xlsx").write_bytes(content)
    (folder / "out").mkdir(exist_ok=True)
    command = [
        program,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(folder / "out"),
        str(folder / "in.xlsx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return (folder / "out" / "in.xlsx").read_bytes()


@pytest.fixture(params=sorted(sample.CASES))
def plan(request: pytest.FixtureRequest) -> Plan:
    return sample.build(sample.CASES[request.param])


def test_recalculation_changes_nothing_and_meets_the_plan_to_the_cent(plan: Plan, tmp_path: Path) -> None:
    content = workbook_bytes(plan)
    again = recalculated(content, tmp_path)
    before, after = formulas(content), formulas(again)
    assert before and before.keys() == after.keys()
    for place, (text, value) in before.items():
        assert round(after[place][1], 2) == round(value, 2), f"{place}: {text}"
    label = {"en": "Capital, ", "zh": "建设投资（"}[plan.language]
    end = {"en": "", "zh": "）"}[plan.language]
    assert labelled(again, 0, f"{label}{plan.totals.currency}{end}") == plan.totals.capex


def test_recalculation_is_real(tmp_path: Path) -> None:
    """A changed quantity reaches the grand total: the equality above is not between two copies."""
    plan = sample.chinese()
    content = workbook_bytes(plan)
    book = read(content, False)
    sheet = book.worksheets[1]
    heads = {c.value: c.column for c in sheet[3]}
    row = next(r for r in range(4, sheet.max_row) if sheet.cell(r, 1).value == "2.1")
    sheet.cell(row, heads["数量"]).value += 1
    edited = io.BytesIO()
    book.save(edited)
    again = recalculated(edited.getvalue(), tmp_path)
    switch = next(ln for ln in plan.lines if ln.position == "2.1")
    more = (switch.unit_price * Decimal("1.13")).quantize(Decimal("0.01"))
    assert abs(labelled(again, 1, "总计（含税）") - plan.totals.capex - more) <= Decimal("0.01")


def test_every_formula_carries_a_value(plan: Plan) -> None:
    found = formulas(workbook_bytes(plan))
    assert len(found) > 3 * len(plan.lines)
    assert all(isinstance(value, int | float) for _, value in found.values())
    assert not any("#" in text for text, _ in found.values())


def test_totals_are_formulas_with_the_plans_amounts() -> None:
    plan = sample.chinese()
    content = workbook_bytes(plan)
    assert labelled(content, 1, "合计（不含税）") == plan.totals.capex_without_tax
    assert labelled(content, 1, "该税率税额") == plan.totals.tax
    assert labelled(content, 1, "总计（含税）") == plan.totals.capex
    assert labelled(content, 2, "5 年全生命周期成本") == plan.totals.tco
    assert labelled(content, 2, "第 5 年末累计") == plan.totals.tco
    live = read(content, False).worksheets[1]
    totals = [r for r in live.iter_rows() if r[1].value in ("总计（含税）", "合计（不含税）", "该税率税额")]
    assert len(totals) == 3
    column = [c.value for c in live[3]].index("不含税合价（CNY）")
    assert all(str(r[column].value).startswith("=") for r in totals)


def test_sheets_have_headings_over_cells_and_print_on_a4() -> None:
    book = read(workbook_bytes(sample.sixty_four()), True)
    assert book.sheetnames[:6] == SHEETS
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape"
        assert int(sheet.page_setup.paperSize) == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        if sheet.title == "Summary":
            continue
        assert sheet.freeze_panes == "A4", sheet.title
        heads = [c.value for c in sheet[3]]
        assert all(heads), sheet.title
        for k, head in enumerate(heads):
            if head == "Part number":
                continue  # blank where nobody knows it, never made up
            below = [sheet.cell(r, k + 1).value for r in range(4, sheet.max_row + 1)]
            assert any(v is not None for v in below), f"{sheet.title}: {head} stands over empty cells"


def test_bom_names_price_basis_date_grade_and_source() -> None:
    sheet = read(workbook_bytes(sample.sixty_four()), True)["BOM"]
    heads = {c.value: k for k, c in enumerate(sheet[3])}
    line = next(r for r in sheet.iter_rows(values_only=True) if r[0] == "1.2")
    assert line[heads["Part number"]] == "900-2G520-0000-000"
    assert (line[heads["Qty per node"]], line[heads["Nodes"]], line[heads["Quantity"]]) == (8, 8, 64)
    assert (line[heads["Price basis"]], line[heads["Price date"]], line[heads["Grade"]]) == ("street", "2026-08", "C")
    assert line[heads["Source"]] == sample.SOURCE


def test_a_chinese_plan_gives_a_chinese_workbook() -> None:
    book = read(workbook_bytes(sample.chinese()), True)
    assert book.sheetnames[1] == "配置报价清单"
    heads = [c.value for c in book.worksheets[1][3]]
    assert "不含税单价（CNY）" in heads
    texts = {c.value for row in book.worksheets[1].iter_rows() for c in row}
    assert {"计算", "计算小计", "总计（含税）", "合计（不含税）"} <= texts


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1:A9)", "\t=1", "＝1+1"])
def test_text_never_becomes_a_formula(text: str) -> None:
    plan = sample.single()
    first = plan.lines[0].model_copy(update={"description": text, "maker": text, "model": text})
    hostile = plan.model_copy(update={"project": text, "lines": (first, *plan.lines[1:])})
    sheet = read(workbook_bytes(hostile), False)["BOM"]
    row = next(r for r in sheet.iter_rows() if r[0].value == "1.1")
    for cell in (row[1], row[2], row[4]):
        assert cell.data_type == "s"
        assert cell.value.replace("_x0009_", "\t") == text
        assert cell.quotePrefix, "edited in place it would become a formula"


def test_no_macros_links_or_external_references() -> None:
    plan = sample.sixty_four()
    first = plan.lines[0].model_copy(update={"description": "https://example.org/a"})
    content = workbook_bytes(plan.model_copy(update={"lines": (first, *plan.lines[1:])}))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        names = parts.namelist()
        text = "".join(parts.read(n).decode(errors="replace") for n in names)
    assert not [n for n in names if "vba" in n.lower() or "external" in n.lower()]
    assert "<hyperlink" not in text
    assert "TargetMode" not in text


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert workbook_bytes(sample.chinese()) == workbook_bytes(sample.chinese())


def test_writing_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bom.xlsx"
    write_workbook(sample.single(), path)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_workbook(sample.sixty_four(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["bom.xlsx"]


def test_inputs_are_marked_and_the_rest_follows(plan: Plan) -> None:
    """Prices, tax rates and counts carry the input colour and are unlocked; amounts are not."""
    sheet = read(workbook_bytes(plan), False).worksheets[1]
    heads = [c.value for c in sheet[3]]
    price, extended = 10, 14
    assert heads[price].startswith(("Unit price", "不含税单价")) and heads[extended].startswith(
        ("Extended", "不含税合价")
    )
    rows = [r for r in sheet.iter_rows(min_row=4) if r[0].value in {ln.position for ln in plan.lines}]
    assert len(rows) == len(plan.lines)
    for row in rows:
        assert not row[price].protection.locked
        assert row[extended].protection.locked
        assert row[price].fill.fgColor.rgb == "FFFFF9E5"


def test_prices_stand_with_and_without_tax() -> None:
    plan = sample.chinese()
    content = workbook_bytes(plan)
    stored = read(content, True).worksheets[1]
    heads = {c.value: k for k, c in enumerate(stored[3])}
    for row in stored.iter_rows(min_row=4, values_only=True):
        if row[0] in {ln.position for ln in plan.lines}:
            net, tax, gross = (row[heads[h]] for h in ("不含税合价（CNY）", "税额（CNY）", "含税合价（CNY）"))
            assert round(net + tax, 2) == round(gross, 2)
            assert round(net * 0.13, 2) == pytest.approx(tax, abs=0.0051)


def test_a_page_holds_the_columns_of_an_offer_and_no_seals() -> None:
    """Grade and source stay on the screen: printed with them a page would be too small to read."""
    plan = sample.sixty_four()
    seals = {"lines[0]": "0123456789abcdef"}
    plan = plan.model_copy(update={"provenance": plan.provenance.model_copy(update={"seals": seals})})
    content = workbook_bytes(plan)
    book = read(content, True)
    sheet = book.worksheets[1]
    last = sheet.print_area.split("$")[-2]
    assert sheet[f"{last}3"].value == "Extended price, USD"
    texts = {str(c.value) for s in book for row in s.iter_rows() for c in row}
    assert not any("0123456789abcdef" in t for t in texts)


def test_long_names_fit_the_footer_and_marks_do_not_turn_text_round() -> None:
    plan = sample.single().model_copy(update={"project": "R&D \u202e" + "长" * 195})
    sheet = read(workbook_bytes(plan), True).worksheets[0]
    assert sheet.oddFooter.left.text and len(sheet.oddFooter.left.text) < 120
    assert "\u202e" not in sheet["A1"].value
    assert sheet["A1"].value.startswith("R&D 长")


def test_stored_sums_of_racks_are_those_of_their_cells() -> None:
    """A plan rounds a rack's weight to 0.1 kg; the sum of its devices may differ in the second decimal."""
    plan = sample.sixty_four()
    items = tuple(i.model_copy(update={"weight_kg": 110.898, "power_kw": 1.0004}) for i in plan.racks[0].items)
    rack = plan.racks[0].model_copy(update={"items": items, "weight_kg": round(110.898 * len(items), 1)})
    content = workbook_bytes(plan.model_copy(update={"racks": (rack, *plan.racks[1:])}))
    sheet = read(content, True)["Racks and power"]
    rows = [r for r in sheet.iter_rows(min_row=4, values_only=True) if r[1] is not None]
    totals = [r for r in sheet.iter_rows(min_row=4, values_only=True) if r[1] is None and r[4] is not None]
    for column in (4, 5, 6):
        assert totals[-1][column] == pytest.approx(sum(r[column] for r in rows), abs=1e-6)
        assert totals[0][column] == pytest.approx(sum(r[column] for r in rows if r[0] == rack.name), abs=1e-6)
