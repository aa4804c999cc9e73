"""Suppliers' sheets: what is matched, what is asked, what is refused; quote requests come back as they were filled."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from planner.catalog import Catalog
from planner.errors import InputError
from planner.pricelist import amounts
from planner.pricelist.importing import Result, Terms, read_price_list, write_overlay
from planner.pricelist.request import of_catalog, write_request

TODAY = dt.date(2026, 11, 24)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def sheet_of(path: Path, rows: list[list[Any]], merged: tuple[str, ...] = ()) -> Path:
    book = Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    for area in merged:
        page.merge_cells(area)
    book.save(path)
    return path


def look(path: Path, catalog: Catalog, **terms: Any) -> Result:
    return read_price_list(path, catalog, Terms(today=TODAY, **terms))


def prices(result: Result) -> dict[str, tuple[str, Decimal, str, Decimal | None]]:
    return {
        r.price.part: (r.price.currency, r.price.typical, r.price.tax_basis, r.price.tax_percent)
        for r in result.of("matched")
        if r.price is not None
    }


# -- amounts -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("1,234.56", "1234.56", None), ("1.234,56", "1234.56", None), ("1 234,56 €", "1234.56", "EUR"),
        ("1'234.50", "1234.50", None), ("￥12.8万元", "128000", "CNY"), ("12.8万", "128000", None),
        ("US$ 22,500.00", "22500.00", "USD"), ("HK$1,200.5", "1200.5", "HKD"), ("RMB 92,000", "92000", "CNY"),
        ("人民币 1,234,567.80元", "1234567.80", "CNY"), ("30k USD", "30000", "USD"), ("１２３４．５", "1234.5", None),
        ("1,234,567", "1234567", None), ("1.234.567", "1234567", None), ("0.125", "0.125", None),
        ("12,5", "12.5", None),
        (1234.5, "1234.5", None), ("1.2亿元", "120000000", "CNY"),
    ],
)  # fmt: skip
def test_amounts_as_people_write_them(text: object, value: str, currency: str | None) -> None:
    read = amounts.parse(text)
    assert isinstance(read, amounts.Amount)
    assert (read.value, read.currency) == (Decimal(value), currency)


@pytest.mark.parametrize(
    "text", ["1.234", "12.345.67,8", "100-120", "-5", "(1,200)", 0, -3.5, float("nan"), "abc", "1/2"]
)
def test_amounts_that_are_not_certain_are_told(text: object) -> None:
    assert isinstance(amounts.parse(text), str)


@pytest.mark.parametrize("text", ["", "面议", "TBD", "n/a", "-", None])
def test_no_price_is_no_price(text: object) -> None:
    assert amounts.parse(text) is None


def test_a_column_decides_what_a_point_means() -> None:
    assert amounts.convention(["1.234", "22.500,00"]) == ","
    assert amounts.convention(["1.234", "5.50"]) == "."
    assert amounts.convention(["1.234", "2.345"]) is None
    assert amounts.convention(["1.234,50", "1,234.50"]) is None
    read = amounts.parse("1.234", ",")
    assert isinstance(read, amounts.Amount) and read.value == 1234


@given(st.decimals(min_value="0.01", max_value="99999999.99", places=2))
@settings(max_examples=200, deadline=None)
def test_both_conventions_read_back_what_was_written(value: Decimal) -> None:
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (english, german):
        read = amounts.parse(text)
        assert isinstance(read, amounts.Amount) and read.value == value


# -- a real supplier's sheet -------------------------------------------------------------------------------------------
def chinese_quote(path: Path) -> Path:
    return sheet_of(
        path,
        [
            ["某某科技有限公司 GPU服务器报价单"],
            ["报价日期：2026-11-20   单位：万元   有效期：30天"],
            ["序号", "货物名称", "规格型号", "数量", "单价（万元）", None, "税率", "交货期"],
            [None, None, None, None, "不含税", "含税", None, None],
            [1, "GPU加速卡", "NVIDIA H20 96GB", 64, "9.20", "10.396", "13%", "4-6周"],
            [2, "GPU加速卡", "H200 SXM 141GB", 8, None, "￥28.5", "13%", "8周"],
            [3, "服务器", "浪潮 NF5688M7", 8, 22, 24.86, 0.13, "30天"],
            [4, "国产加速卡", "壁砺999X", 4, "5", None, "13%", None],
            [5, "液冷机柜", "XYZ-LC-3000", 4, "5", None, "13%", None],
            [6, "运维平台", "CloudSuperOps Pro", 1, "12", None, "6%", None],
            [7, "GPU", "H100", 4, "21.5", None, "13%", None],
            [8, "交换机", "QM9700", 4, "USD 22,500.00", None, None, "12 weeks"],
            [9, "CPU", "EPYC 9654", 4, "面议", None, None, None],
            [10, "GPU", "L40S", 4, "6", "9", "13%", None],
            ["合计", None, None, None, None, None, None, 9999],
            ["以上报价有效期30天，最终解释权归我司所有。"],
        ],
        ("A1:H1", "A2:H2", "A3:A4", "B3:B4", "C3:C4", "D3:D4", "E3:F3", "G3:G4", "H3:H4"),
    )


def test_a_chinese_quote_with_merged_headings_two_currencies_and_unknown_parts(
    catalog: Catalog, tmp_path: Path
) -> None:
    result = look(chinese_quote(tmp_path / "quote.xlsx"), catalog, supplier="某某科技")
    assert prices(result) == {
        "h20-sxm5": ("CNY", Decimal(92000), "excluded", None),
        "h200-sxm5": ("CNY", Decimal(285000), "included", Decimal(13)),
        "inspur-nf5688m7": ("CNY", Decimal(220000), "excluded", None),
        "qm9700": ("USD", Decimal(22500), "excluded", None),
    }
    assert [r.row for r in result.of("unmatched")] == [8, 9, 10]
    doubts = {r.row: (r.candidates, r.why) for r in result.of("doubtful")}
    assert set(doubts[11][0]) == {"h100-sxm5", "h100-pcie", "h100-nvl"}
    assert "60000 plus 13 % is not 90000" in doubts[14][1]
    assert [r.row for r in result.of("no price")] == [13]
    first = result.of("matched")[0].price
    assert first is not None and first.as_of == "2026-11-20" and first.valid_until == dt.date(2026, 12, 20)
    assert first.lead_time_weeks == 6 and first.grade == "A" and "某某科技, quote.xlsx" in first.source
    assert any("10,000" in r for r in result.remarks)


def test_the_written_prices_count_in_a_catalog(catalog: Catalog, tmp_path: Path) -> None:
    result = look(chinese_quote(tmp_path / "quote.xlsx"), catalog)
    target = write_overlay(result, tmp_path / "mine", "quote")
    layered = Catalog.load([tmp_path / "mine"])
    assert layered.prices["h20-sxm5"][-1].typical == 92000 and layered.prices["h20-sxm5"][-1].basis == "quote"
    assert layered.prices["h20-sxm5"][:-1] == catalog.prices["h20-sxm5"]  # the others stay as history
    with pytest.raises(InputError, match="exists already"):
        write_overlay(result, tmp_path / "mine", "quote")
    write_overlay(result, tmp_path / "mine", "quote", again=True)
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert not [c for r in rows for c in r.values() if c.startswith(("=", "+", "-", "@"))]


def test_a_doubt_is_answered_by_row_or_by_text(catalog: Catalog, tmp_path: Path) -> None:
    path = chinese_quote(tmp_path / "quote.xlsx")
    for word in ("11", "H100"):
        assert prices(look(path, catalog, matches={word: "h100-sxm5"}))["h100-sxm5"][1] == 215000
    with pytest.raises(InputError, match="no such part"):
        look(path, catalog, matches={"11": "h100-sxm6"})


def test_an_english_price_list_with_german_numbers(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "Model;Unit price (excl. VAT);Currency;MOQ;Valid until\n"
        "QM9700;22.500,00;EUR;1;2026-12-31\nQM9700;21.000,00;EUR;10;2026-12-31\nNVIDIA L40S;7.100;EUR;;\n"
        "SN5600;1.234;;;\n",
        encoding="utf-8",
    )
    result = look(path, catalog)
    found = [(r.price.part, r.price.typical, r.price.min_quantity) for r in result.of("matched") if r.price]
    assert found == [("qm9700", Decimal(22500), 1), ("qm9700", Decimal(21000), 10), ("l40s", Decimal(7100), 1)]
    assert "no currency" in result.of("doubtful")[0].why


def test_nothing_is_guessed_about_tax_currency_and_units(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("型号,单价\nL40S,60000\n", encoding="gbk")
    assert "no currency" in look(path, catalog).of("doubtful")[0].why
    unknown = look(path, catalog, currency="CNY")
    assert prices(unknown)["l40s"][2] == "unknown" and any("does not say whether tax" in r for r in unknown.remarks)
    assert prices(look(path, catalog, currency="CNY", tax_basis="excluded"))["l40s"][2] == "excluded"
    asked = look(path, catalog, currency="CNY", tax_basis="included")
    assert "at which rate" in asked.of("doubtful")[0].why
    assert "no plausible price" in look(path, catalog, currency="KRW").of("doubtful")[0].why


def test_one_price_for_several_rows_and_two_for_one_part_are_questions(catalog: Catalog, tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Model", "Price USD"], ["L40S", 7000], ["L4", None], ["QM9700", 22000], ["QM9700", 23000]]
    result = look(sheet_of(tmp_path / "m.xlsx", rows, ("B2:B3",)), catalog)
    assert not result.of("matched")
    whys = [r.why for r in result.of("doubtful")]
    assert "one price cell spans rows 2 to 3: for each, or for all together?" in whys
    assert "another price for this part in row 5" in whys


@pytest.mark.parametrize("heading", ["型号", "Part Number", "Model", "Description"])
def test_a_part_number_matches_in_whatever_column_it_stands(heading: str, catalog: Catalog, tmp_path: Path) -> None:
    switch = next(p for p in catalog.switches.values() if p.part_number and p.id == "sn2201")
    result = look(sheet_of(tmp_path / "n.xlsx", [[heading, "Price USD"], [switch.part_number, 2500]]), catalog)
    assert list(prices(result)) == [switch.id]
    rows: list[list[Any]] = [
        ["P/N", "Model", "Price USD"],
        ["", switch.part_number, 2500],
        [switch.part_number, "QM9700", 2600],
    ]
    assert "another price" in look(sheet_of(tmp_path / "m.xlsx", rows), catalog).of("doubtful")[0].why
    contradicted: list[list[Any]] = [["Product", "Model", "Price USD"], ["QM9700", switch.part_number, 2500]]
    found = look(sheet_of(tmp_path / "c.xlsx", contradicted), catalog).of("doubtful")
    assert found[0].why == "the cells name different parts"


def test_where_no_row_is_certain_nothing_is_offered_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("Model,Price USD\nfoo-9,2500\n", encoding="utf-8")
    looked = run(["prices", "import", path])
    assert looked.code == 0 and looked.out.rstrip().endswith("nothing can be written: no row is certain.")
    written = run(["prices", "import", path, "--out", tmp_path / "mine"])
    assert written.code == 2 and "nothing can be written" in written.err and not (tmp_path / "mine").exists()


# -- hostile files -----------------------------------------------------------------------------------------------------
def packed(path: Path, base: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(base) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return path


def formula(path: Path) -> Path:
    return sheet_of(path / "h.xlsx", [["Model", "Price"], ["l40s", "=1+1"]])


def many_rows(path: Path) -> Path:
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for k in range(6000):
        page.append([k])
    book.save(path / "h.xlsx")
    return path / "h.xlsx"


def plain(path: Path) -> Path:
    return sheet_of(path / "base.xlsx", [["Model", "Price USD"], ["l40s", 7000]])


def macros(path: Path) -> Path:
    return packed(path / "h.xlsx", plain(path), "xl/vbaProject.bin", b"x")


def bomb(path: Path) -> Path:
    return packed(path / "h.xlsx", plain(path), "xl/worksheets/sheet2.xml", b"<worksheet>" + b" " * 30_000_000)


def entities(path: Path) -> Path:
    return packed(path / "h.xlsx", plain(path), "xl/sharedStrings.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><sst/>')


def wide_characters(path: Path) -> Path:
    hidden = '<?xml version="1.0" encoding="UTF-16"?><worksheet><f>1</f></worksheet>'.encode("utf-16")
    return packed(path / "h.xlsx", plain(path), "xl/worksheets/sheet1.xml", hidden)


def links(path: Path) -> Path:
    return packed(path / "h.xlsx", plain(path), "xl/externalLinks/externalLink1.xml", b"<a/>")


def text(content: bytes, name: str = "h.csv") -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        (path / name).write_bytes(content)
        return path / name

    return made


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (formula, "formula in B2"), (many_rows, "rows"), (macros, "macros"), (bomb, "zip bomb"),
        (entities, "entities"), (wide_characters, "UTF-8"), (links, "links"),
        (text(b"Model,Price\nl40s,=cmd|'/c calc'!A0\n"), "formula in B2"),
        (text(b"a,b\n" * 200_000), "200,000 lines"), (text(b"PK\x03\x04rubbish"), "damaged"),
        (text(b"\xd0\xcf\x11\xe0" + b"0" * 99, "h.xls"), "old binary"), (text(b"\x00\xff\xfe\x01" * 9), "neither"),
        (text(b""), "empty"), (text(b"hello,world\n1,2\n"), "no price table"), (text(b"no", "h.xlsx"), "no workbook"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_with_one_message(
    make: Callable[[Path], Path], said: str, catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        look(make(tmp_path), catalog)
    assert len(caught.value.mistakes) == 1


# -- quote requests ----------------------------------------------------------------------------------------------------
def test_a_filled_request_imports_as_it_is(catalog: Catalog, tmp_path: Path) -> None:
    asked = of_catalog(catalog, ["switches"], ["l40s", "epyc-9654"])
    path = tmp_path / "request.xlsx"
    write_request(asked, path)
    book = load_workbook(path)
    page = book.active
    assert page is not None and page.max_row == len(asked) + 1
    for k in range(len(asked)):
        page.cell(k + 2, 6 if k % 2 else 8, 5000 + k)
        page.cell(k + 2, 7, "13%")
        page.cell(k + 2, 9, "USD" if k % 2 else "CNY")
    page["H2"] = None
    book.save(path)
    result = look(path, catalog)
    assert {r.price.part for r in result.of("matched") if r.price} | {r.part for r in result.of("doubtful")} == {
        a.part for a in asked[1:]
    }
    assert all("plausible" in r.why for r in result.of("doubtful"))
    assert [r.part for r in result.of("no price")] == [asked[0].part]
    included = next(p for p in (r.price for r in result.of("matched")) if p and p.tax_basis == "included")
    assert included.tax_percent == 13 and included.currency == "CNY"


def test_an_empty_request_holds_no_formula_and_no_price(catalog: Catalog, tmp_path: Path) -> None:
    for name in ("request.xlsx", "request.csv"):
        write_request(of_catalog(catalog, ["accelerators"], []), tmp_path / name)
        result = look(tmp_path / name, catalog)
        assert not result.of("matched") and not result.of("doubtful") and not result.of("unmatched")
    with pytest.raises(InputError, match=r"\.xlsx or \.csv"):
        write_request(of_catalog(catalog, [], ["l40s"]), tmp_path / "request.pdf")
    with pytest.raises(InputError, match="nothing to ask"):
        write_request([], tmp_path / "request.xlsx")
