"""The bill of materials as rows and as CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from plans import sample

from planner.bom import SECTIONS, bom_csv, bom_rows, safe_cell, yearly_rows
from planner.plan import Plan


def _with_text(plan: Plan, text: str) -> Plan:
    first = plan.lines[0].model_copy(update={"description": text, "maker": text})
    return plan.model_copy(update={"lines": (first, *plan.lines[1:])})


def test_rows_are_in_section_order_and_sum_to_the_plan() -> None:
    plan = sample.sixty_four()
    rows = bom_rows(plan)
    order = [SECTIONS.index(r.section) for r in rows]
    assert order == sorted(order)
    assert sum(r.extended for r in rows) == plan.totals.capex_without_tax
    assert sum(r.extended for r in yearly_rows(plan)) == plan.totals.opex_per_year


def test_a_row_carries_where_its_price_comes_from() -> None:
    row = bom_rows(sample.chinese())[0]
    assert (row.price_basis, row.price_date, row.grade) == ("street", "2026-08", "C")
    assert row.source == sample.SOURCE
    assert row.tax == (row.extended * 13 / 100).quantize(Decimal("0.01"))


def test_a_part_number_nobody_knows_stays_blank() -> None:
    rows = {r.part_id: r for r in bom_rows(sample.sixty_four())}
    assert rows["xe9680"].part_number is None
    assert rows["h100-sxm5"].part_number == "900-2G520-0000-000"


def test_csv_reads_back_with_every_line_and_exact_amounts() -> None:
    plan = sample.chinese()
    read = list(csv.DictReader(io.StringIO(bom_csv(plan))))
    assert len(read) == len(plan.lines) + len(plan.yearly)
    once = [Decimal(r["extended"]) for r in read if r["recurring"] == "once"]
    assert sum(once) == plan.totals.capex_without_tax
    assert all(None not in r and None not in r.values() for r in read)


def test_csv_starts_with_a_byte_order_mark_only_when_asked() -> None:
    plan = sample.single()
    assert bom_csv(plan, bom=True).encode().startswith(b"\xef\xbb\xbf")
    assert bom_csv(plan).startswith("position,")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠A"])
def test_text_that_could_run_is_defused(text: str) -> None:
    read = list(csv.DictReader(io.StringIO(bom_csv(_with_text(sample.single(), text)), newline="")))
    assert read[0]["description"] == f"'{text}"
    assert read[0]["maker"] == f"'{text}"


def test_harmless_text_is_left_alone() -> None:
    assert safe_cell("8 × H100, 80 GB") == "8 × H100, 80 GB"
