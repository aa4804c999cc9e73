"""What the commands print for people: numbers, tables, grouped reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import sample

from planner import printing
from planner.errors import InputError, NoPlan, UnknownPart
from planner.summary import summary
from planner.units import readable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (64, "64"),
        (43_832_770.55, "43,832,771"),
        (1.35819e6, "1,358,190"),
        (44.908, "44.908"),
        (0.000123456789, "0.000123457"),
        (-12.5, "-12.5"),
        (1e18, "1,000,000,000,000,000,000"),
    ],
)
def test_numbers_are_never_in_powers_of_ten(value: float, text: str) -> None:
    assert readable(value) == text


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_a_shown_number_is_within_half_a_millionth(value: float) -> None:
    text = readable(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-5)


def test_the_summary_names_the_build_the_money_and_the_files() -> None:
    plan = sample.sixty_four()
    text = summary(plan, ())
    assert f"{plan.totals.capex:,.2f}" in text
    assert "64 accelerators in all" in text


def test_one_of_a_thing_has_no_plural() -> None:
    plan = sample.single()
    one = plan.model_copy(update={"totals": plan.totals.model_copy(update={"racks": 1})})
    assert "1 rack, " in summary(one, ())


def test_a_plan_that_is_not_proven_says_how_far_it_may_be_off() -> None:
    plan = sample.single()
    worse = plan.model_copy(
        update={"status": "feasible", "objective": plan.objective.model_copy(update={"gap": 0.018})}
    )
    assert "within 1.8% of the best possible" in summary(worse, ())


def test_a_limit_of_millions_is_written_out() -> None:
    plan = sample.single()
    full = plan.limits[0].model_copy(
        update={"name": "budget.capex", "have": 45_000_000.0, "used": 43_832_770.55, "binding": True}
    )
    text = summary(plan.model_copy(update={"limits": (full,)}), ())
    assert "budget.capex: 43,832,771 of 45,000,000" in text


def answer() -> dict[str, object]:
    refused = [
        {"part": f"c{k}", "extra": None, "rule": "export-prohibited", "reason": f"c{k} to SG: prohibited; because {k}."}
        for k in range(3)
    ]
    old = {"part": "a16", "extra": None, "rule": "no-price", "reason": "a16: the catalog has no price for it."}
    dearer = {"part": "dgx-h100", "extra": "USD +1.00", "rule": None, "reason": None}
    limit = {"name": "site.racks", "have": None, "used": 2, "slack": None, "step": None}
    return {"headline": "A plan.", "limits": [limit], "alternatives": [dearer, *refused, old]}


def test_reasons_are_told_once_with_all_their_parts() -> None:
    text = printing.alternatives(answer())
    assert text.count("prohibited") == 1
    assert "3 parts: to SG: prohibited\n    c0, c1, c2" in text
    assert "a16: the catalog has no price for it" in text
    assert "USD +1.00" in text
    assert text.index("c0, c1") < text.index("a16")


def test_part_ids_are_never_cut_at_a_line_end() -> None:
    rows = [
        {"part": f"accelerator-{k:02d}-with-a-long-name", "extra": None, "rule": "lifecycle", "reason": "is legacy"}
        for k in range(30)
    ]
    words = "\n".join(printing._by_reason(rows)).replace(",", "").split()
    assert {r["part"] for r in rows} <= set(words)


def test_columns_line_up() -> None:
    text = printing.table(("part", "n"), [("a", 1), ("longer", 1000)], right=(1,))
    assert text.splitlines() == ["part       n", "a          1", "longer  1000"]
    assert printing.table(("part", "n"), []) == "part  n"


@pytest.mark.parametrize("what", ["site", "plan", "catalog"])
def test_schemas_are_there(what: str) -> None:
    assert printing.schema(what)


def test_unknown_words_name_what_is_known() -> None:
    with pytest.raises(InputError, match="expected site, plan or catalog"):
        printing.schema("house")


def test_errors_for_machines_carry_their_parts() -> None:
    assert printing.error(NoPlan("none"))["status"] == "infeasible"
    assert printing.error(UnknownPart("part", "x", ["y"]))["error"] == "UnknownPart"
