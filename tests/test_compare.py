"""Two plans side by side: what differs is shown, currencies are never mixed, the text says what the data says."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.compare import compare, render
from planner.errors import InputError
from planner.optimize import optimize
from planner.plan import Plan
from planner.printing import alternatives, plain
from planner.sitefile import read_site

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    catalog, on = Catalog.load(), dt.date(2026, 11, 24)
    names = ("sixty-four-h100", "superpod-4su", "deepseek-private-zh")
    return {name: optimize(read_site(EXAMPLES / f"{name}.yaml", catalog), catalog, on) for name in names}


@pytest.fixture
def small(plans: dict[str, Plan]) -> Plan:
    return plans["sixty-four-h100"]


@pytest.fixture
def large(plans: dict[str, Plan]) -> Plan:
    return plans["superpod-4su"]


def figure(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in result["totals"] if row["name"] == name)


def with_lines(plan: Plan, **changes: Any) -> Plan:
    """The plan with its first line changed."""
    first = plan.lines[0].model_copy(update=changes)
    return plan.model_copy(update={"lines": (first, *plan.lines[1:])})


def test_a_plan_does_not_differ_from_itself(small: Plan) -> None:
    result = compare(small, small)
    assert (result["pools"], result["fabrics"], result["lines"], result["notes"]) == ([], [], [], [])
    assert {row["change"] for row in result["totals"]} == {0}
    assert "No line differs." in render(result)


def test_totals_have_absolute_and_relative_change(small: Plan, large: Plan) -> None:
    nodes = figure(compare(small, large), "nodes")
    assert (nodes["first"], nodes["second"], nodes["change"]) == (8, 127, 119)
    assert nodes["relative"] == pytest.approx(119 / 8)
    capex = figure(compare(small, large), "capex")
    assert capex["change"] == float(large.totals.capex - small.totals.capex)


def test_yearly_services_and_the_yearly_budget_have_words_of_their_own(small: Plan) -> None:
    text = render(compare(small, small))
    row = next(line for line in text.splitlines() if line.startswith("services per year"))
    assert f"{small.totals.opex_per_year:,.2f}" in row and "opex" not in text
    limit = {"name": "budget.opex_per_year", "have": None, "used": 5.0, "slack": None, "step": None}
    said = alternatives({"headline": "", "limits": [limit], "alternatives": []})
    assert "budget.opex_per_year (services and energy per year)" in said


def test_the_other_way_round_turns_every_sign(small: Plan, large: Plan) -> None:
    there, back = compare(small, large), compare(large, small)
    assert [r["change"] for r in there["totals"]] == [-r["change"] for r in back["totals"]]
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(r["part"], r["state"]) for r in there["lines"]} == {(r["part"], turned[r["state"]]) for r in back["lines"]}


def test_the_lines_explain_the_change_of_capital(small: Plan, large: Plan) -> None:
    result = compare(small, large)
    bought = sum(Decimal(str(r["change"])) for r in result["lines"] if not r["yearly"])
    assert bought == large.totals.capex_without_tax - small.totals.capex_without_tax
    paid = sum(Decimal(str(r["change"])) for r in result["lines"] if r["yearly"])
    assert paid == large.totals.opex_per_year - small.totals.opex_per_year


def test_a_line_that_costs_more_is_shown_with_both_prices(small: Plan) -> None:
    line = small.lines[0]
    dearer = with_lines(small, unit_price=line.unit_price + 1, extended=line.extended + line.quantity)
    rows = compare(small, dearer)["lines"]
    assert [(r["part"], r["state"]) for r in rows] == [(line.part, "changed")]
    assert rows[0]["unit_price"] == [float(line.unit_price), float(line.unit_price + 1)]
    assert rows[0]["quantity"] == [line.quantity, line.quantity]
    assert f"{line.unit_price:,.2f} → {line.unit_price + 1:,.2f}" in render(compare(small, dearer))


def test_added_and_removed_lines(small: Plan, large: Plan) -> None:
    states = {r["part"]: r["state"] for r in compare(small, large)["lines"]}
    assert states["dgx-h100"] == "added"
    assert states["gigabyte-g593-zd1"] == "removed"
    assert states["mgmt-server-1u"] == "changed"


def test_pools_and_fabrics_show_only_the_fields_that_differ(small: Plan, large: Plan) -> None:
    renamed = small.model_copy(update={"pools": (small.pools[0].model_copy(update={"nodes": 9}),)})
    assert compare(small, renamed)["pools"] == [
        {"name": "capacity", "state": "changed", "changes": {"nodes": [8, 9]}},
    ]
    networks = {e["name"]: e for e in compare(small, large)["fabrics"]}
    assert networks["compute"]["changes"]["spine"] == [0, 16]
    assert "gbps" not in networks["compute"]["changes"]


def test_two_pools_of_one_workload_are_kept_apart(small: Plan) -> None:
    pool = small.pools[0]
    twice = small.model_copy(update={"pools": (pool, pool.model_copy(update={"nodes": 1}))})
    assert [(e["name"], e["state"]) for e in compare(small, twice)["pools"]] == [("capacity (2)", "added")]


def test_what_makes_totals_hard_to_compare_is_said(small: Plan) -> None:
    totals = small.totals.model_copy(update={"tco_years": 3, "tax": Decimal(1)})
    origin = small.provenance.model_copy(update={"catalog_hash": "other", "rule_date": "2027-01-01"})
    notes = compare(small, small.model_copy(update={"totals": totals, "provenance": origin}))["notes"]
    assert len(notes) == 4
    assert "ownership cost is over 5 and 3 years" in notes


def test_an_unknown_figure_has_no_change(small: Plan) -> None:
    unknown = small.model_copy(update={"totals": small.totals.model_copy(update={"tco": None})})
    row = figure(compare(small, unknown), "tco")
    assert (row["second"], row["change"], row["relative"]) == (None, None, None)
    render(compare(small, unknown))


def test_currencies_are_never_mixed(plans: dict[str, Plan]) -> None:
    with pytest.raises(InputError, match="the plans are in USD and CNY"):
        compare(plans["sixty-four-h100"], plans["deepseek-private-zh"])


def test_the_result_is_json_and_the_text_shows_it(small: Plan, large: Plan) -> None:
    result = compare(small, large)
    assert json.loads(json.dumps(plain(result))) == plain(result)
    text = render(result)
    for shown in (
        f"{small.totals.capex:,.2f}",
        f"{large.totals.capex:,.2f}",
        f"{float(large.totals.capex / small.totals.capex) * 100 - 100:+.1f}%",
        "dgx-h100",
        "pools: pod added",
        "fabrics: compute changed",
    ):
        assert shown in text, shown
    assert all(line == line.rstrip() for line in text.splitlines())
