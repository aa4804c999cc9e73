"""Requests without a plan: what is said holds when it is done, and no refusal is without a reason."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from planner.advice import Explanation
from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text

ON = dt.date(2026, 11, 24)
H100 = """
site: {{country: DE, {site}}}
customer: {{headquarters: DE}}
budget: {{currency: USD{budget}}}
workloads: [{{name: a, kind: capacity, accelerator: h100-sxm5, count: 16}}]
preferences: {{chassis: {{only: [dgx-h100]}}{wish}}}
"""


def planned(text: str, catalog: Catalog) -> Plan:
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)


def refused(text: str, catalog: Catalog) -> tuple[str, Explanation]:
    with pytest.raises(NoPlan) as none:
        planned(text, catalog)
    assert isinstance(none.value.explanation, Explanation)
    return str(none.value), none.value.explanation


def test_another_chassis_is_offered_with_the_budget_that_it_takes(catalog: Catalog) -> None:
    said, _ = refused(H100.format(site="rack_power_kw: 10", budget=", capex: 300000", wish=""), catalog)
    offer = re.search(
        r"With another chassis \S+ \S+ \S+ in racks as they are, and budget.capex 300,000 → ([\d,]+): ", said
    )
    assert offer is not None
    capex = offer[1].replace(",", "")
    free = H100.format(site="rack_power_kw: 10", budget=f", capex: {capex}", wish="")
    made = planned(free.replace("only: [dgx-h100]", "exclude: []"), catalog)
    assert f"capital USD {made.totals.capex:,.2f}" in said


def test_racks_too_small_in_three_ways_are_told_together(catalog: Catalog) -> None:
    low = "rack_power_kw: 10, rack_weight_kg: 100, rack_units: 6"
    said, why = refused(H100.format(site=low, budget="", wish=""), catalog)
    assert [(c.limit, c.need) for c in why.together] == [
        ("site.rack_power_kw", 10.2), ("site.rack_units", 8), ("site.rack_weight_kg", 131)
    ]  # fmt: skip
    enough = "rack_power_kw: 10.2, rack_weight_kg: 131, rack_units: 8"
    made = planned(H100.format(site=enough, budget="", wish=""), catalog)
    assert "2 × dgx-h100 with 8 × h100-sxm5 each, compute on " in said
    assert f" a node, {made.totals.racks} racks, capital USD {made.totals.capex:,.2f}." in said
    for less in ("10.2: 10", "131: 130", "8: 7"):
        have, step = less.split(": ")
        short = enough.replace(f": {have}", f": {step}", 1) if have != "8" else enough.replace("units: 8", "units: 7")
        with pytest.raises(NoPlan):
            planned(H100.format(site=short, budget="", wish=""), catalog)


def test_changes_of_rack_power_carry_the_price_of_larger_distribution(catalog: Catalog) -> None:
    """Racks of 22.5 kW take dearer PDUs than the racks of 10 kW that the program priced."""
    said, why = refused(H100.format(site="racks: 6, rack_power_kw: 10", budget=", capex: 617000", wish=""), catalog)
    needs = {c.limit: c.need for c in (*why.single, *why.joint, *why.together)}
    assert {"site.rack_power_kw", "budget.capex"} <= set(needs)
    site = f"racks: 6, rack_power_kw: {needs['site.rack_power_kw']}"
    made = planned(H100.format(site=site, budget=f", capex: {needs['budget.capex']:.0f}", wish=""), catalog)
    assert made.totals.capex <= needs["budget.capex"]
    with pytest.raises(NoPlan):
        planned(H100.format(site=site, budget=", capex: 617000", wish=""), catalog)
    assert "Smallest" not in said


def test_a_loop_that_is_not_enough_says_what_else_racks_must_give(catalog: Catalog) -> None:
    text = """
site: {country: US, racks: 6, rack_power_kw: 40, cooling: air}
budget: {price_missing: estimate, capex: 1000000}
workloads: [{kind: capacity, accelerator: gb200-nvl72, count: 72}]
"""
    said, _ = refused(text, catalog)
    assert "there is no plan either" in said
    change = re.search(r"With site.rack_power_kw 40 → (\S+); and budget.capex 1,000,000 → ([\d,]+): 1 × dgx", said)
    assert change is not None
    enough = text.replace("rack_power_kw: 40, cooling: air", f"rack_power_kw: {change[1]}, cooling: liquid")
    made = planned(enough.replace("1000000", change[2].replace(",", "")), catalog)
    assert f"capital USD {made.totals.capex:,.2f}" in said


def test_a_wish_that_no_limit_explains_is_named_with_the_plan_without_it(catalog: Catalog) -> None:
    """Ports of 400 and of 200 Gbit/s do not stand on one fabric."""
    text = """
site: {country: US}
workloads:
 - {name: a, kind: capacity, accelerator: h100-sxm5, count: 16}
 - {name: b, kind: capacity, accelerator: a100-sxm4-80gb, count: 16}
preferences: {chassis: {only: [dgx-h100, dgx-a100-640]}, fabric: {sharing: shared}}
"""
    said, why = refused(text, catalog)
    made = planned(text.replace("shared", "auto"), catalog)
    assert "Without preferences.fabric.sharing: shared: " in said
    assert f"capital USD {made.totals.capex:,.2f}" in said
    assert why.notes


@pytest.mark.parametrize(
    ("count", "wish", "reason"),
    [
        (65536, "technology: infiniband", "65540 endpoints exceed three tiers of qm9700"),
        (64, "technology: infiniband, switch: sn5610", "sn5610 is ethernet, not infiniband"),
        (64, "reserve_nodes: 100000", "preferences.fabric.reserve_nodes: 100000 are counted in"),
    ],
)
def test_a_fabric_that_no_switch_builds_says_why(count: int, wish: str, reason: str, catalog: Catalog) -> None:
    text = H100.format(site="racks: 20000", budget="", wish=f", fabric: {{{wish}}}").replace("16}", f"{count}}}")
    said, why = refused(text, catalog)
    assert reason in said
    assert len(why.checks) > 1
