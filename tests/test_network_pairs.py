"""Who asks for single switches never gets a dearer network than who asks for pairs."""

from __future__ import annotations

import datetime as dt

import pytest

from planner import wiring
from planner.catalog import Catalog
from planner.optimize import optimize
from planner.plan import Plan, PlannedFabric
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 24)
SITE = """
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: a, kind: capacity, accelerator: h100-sxm5, count: {count}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband}}}}
storage: {{usable_tb: 500}}
resilience: {{in_band: {layout}, storage: {layout}}}
"""


def planned(catalog: Catalog, count: int, layout: str) -> Plan:
    return optimize(read_site_text(SITE.format(count=count, layout=layout), "site.yaml", catalog), catalog, ON)


def network(plan: Plan, role: str) -> PlannedFabric:
    return next(n for n in plan.fabrics if n.role == role)


@pytest.mark.parametrize("count", [64, 256, 320])
def test_single_switches_are_never_dearer_than_pairs(catalog: Catalog, count: int) -> None:
    single, paired = planned(catalog, count, "single"), planned(catalog, count, "pair")
    assert single.totals.capex <= paired.totals.capex
    assert verify(single, catalog) == []
    assert {network(paired, role).redundancy for role in ("in-band", "storage")} == {"pair"}


def test_two_switches_are_joined_rather_than_put_below_a_third(catalog: Catalog) -> None:
    """32 nodes have 80 in-band ports: two of 64 as a pair, where single ones would need a spine."""
    made = network(planned(catalog, 256, "single"), "in-band")
    assert (made.leaf, made.spine, made.redundancy) == (2, 0, "pair")
    assert network(planned(catalog, 64, "single"), "in-band").redundancy == "none"


@pytest.mark.parametrize("count", [256, 2048, 32768])
def test_a_device_with_two_ports_is_on_two_switches(catalog: Catalog, count: int) -> None:
    """In-band of 4,096 nodes has three tiers and nearly full leaves: what plugs in last finds places pair by pair."""
    text = SITE.format(count=count, layout="pair").replace("fabric: {technology: infiniband}", "fabric: {}")
    made = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    for role in ("in-band", "storage"):
        seats: dict[str, set[str]] = {}
        ports: dict[str, int] = {}
        for run in wiring.runs(made, catalog):
            if run.network == network(made, role).name and run.kind in ("node", "uplink"):
                for label, _ in run.far:
                    seats.setdefault(label, set()).add(run.near)
                    ports[label] = ports.get(label, 0) + 1
        alone = [label for label, found in seats.items() if ports[label] > 1 and len(found) < 2]
        assert alone == []
    assert verify(made, catalog) == []
