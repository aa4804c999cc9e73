"""Spares of in-band, storage and out-of-band networks: how many, from when on, and refused if fewer."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from plans.cabled import special_site
from plans.forged import altered

from planner.catalog import Catalog
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 24)
SITE = """
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {count}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband}}}}
storage: {{usable_tb: 1000}}
{more}
"""


def planned(catalog: Catalog, nodes: int, more: str = "") -> Plan:
    text = SITE.format(count=8 * nodes, more=more)
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert verify(plan, catalog) == []
    assert plan.totals.capex_without_tax == sum((ln.extended for ln in plan.lines), Decimal(0))
    return plan


def shelf(plan: Plan) -> dict[str, int]:
    """Spares that belong to no pool."""
    return {ln.part: ln.quantity for ln in plan.lines if ln.group == "spares" and ln.pool is None}


def expected(plan: Plan, catalog: Catalog, cables: float, optics: float) -> Counter[str]:
    """By hand: of every network its cables by maker and kind of link, and its modules by part."""
    found: Counter[str] = Counter()
    for net in plan.fabrics:
        if net.role == "compute":
            continue
        for kinds in (("node", "uplink"), ("trunk", "core", "peer")):
            count = sum(e.quantity for e in plan.cabling if e.network == net.name and e.kind in kinds)
            found["cables"] += max(1, math.ceil(cables * count / 100 - 1e-9)) if count and cables else 0
        for ln in plan.lines:
            if ln.group == net.name and ln.part in catalog.optics and optics:
                found["optics"] += max(1, math.ceil(optics * ln.quantity / 100 - 1e-9))
    return found


@pytest.mark.parametrize(("nodes", "percent"), [(17, 2), (24, 2), (31, 7.5), (40, 3)])
def test_every_network_keeps_its_share(nodes: int, percent: float, catalog: Catalog) -> None:
    plan = planned(catalog, nodes, f"spares: {{cables: {percent}, optics: {percent}}}")
    held: Counter[str] = Counter()
    for part, number in shelf(plan).items():
        held["cables" if part in catalog.cables else "optics"] += number
    # Ranges of endpoints are at most 6 % wide where the spares change within.
    wanted = expected(plan, catalog, percent, percent)
    for what, number in wanted.items():
        assert number <= held[what] <= math.ceil(number * 1.06) + 3, what


def test_at_two_percent_the_count_is_exact(catalog: Catalog) -> None:
    plan = planned(catalog, 24)
    held: Counter[str] = Counter()
    for part, number in shelf(plan).items():
        held["cables" if part in catalog.cables else "optics"] += number
    assert held == expected(plan, catalog, 2, 2)
    longest = max((e for e in plan.cabling if e.network == "oob" and e.kind == "node"), key=lambda e: e.length_m)
    assert longest.part in shelf(plan)


def test_sites_of_sixteen_nodes_keep_none_and_so_do_those_that_ask_for_none(catalog: Catalog) -> None:
    assert shelf(planned(catalog, 16)) == {}
    assert shelf(planned(catalog, 17)) != {}
    assert shelf(planned(catalog, 17, "spares: {cables: 0, optics: 0}")) == {}
    only = shelf(planned(catalog, 17, "spares: {cables: 0, optics: 2}"))
    assert only and all(part in catalog.optics for part in only)


def test_fewer_or_more_are_refused(catalog: Catalog) -> None:
    plan = planned(catalog, 24)

    def other(number: int) -> Any:
        def change(data: dict[str, Any]) -> None:
            line = next(
                ln for ln in data["lines"] if ln["group"] == "spares" and not ln["pool"] and "cat6" in ln["part"]
            )
            line["quantity"] += number

        return change

    for number in (-1, 3):
        assert any("spare × cat6" in f for f in verify(altered(plan, other(number)), catalog))


def test_uplinks_of_their_own_have_spares_too(catalog: Catalog) -> None:
    text = special_site("slow uplinks", 2)
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert verify(plan, catalog) == []
    nodes = sum(p.nodes for p in plan.pools)
    assert any(part.startswith("generic-10g-qsa") for part in shelf(plan)) == (nodes > 16)
