"""Scale-up domains in plans: what joins accelerators inside systems, and what of it comes with them."""

from __future__ import annotations

import datetime as dt

import pytest

from planner.catalog import Catalog
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text
from planner.summary import summary
from planner.verify import verify

ON = dt.date(2026, 11, 25)
SITE = """
site: {country: US, cooling: liquid}
customer: {headquarters: US, ultimate_parent: US}
workloads:
  - {name: racks, kind: capacity, accelerator: gb300-nvl72, count: 144}
  - {name: boxes, kind: capacity, accelerator: h100-sxm5, count: 16}
  - {name: cards, kind: capacity, accelerator: l40s, count: 4}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def plan(catalog: Catalog) -> Plan:
    made = optimize(read_site_text(SITE, "site.yaml", catalog), catalog, ON, explained=False)
    assert verify(made, catalog) == []
    return made


def test_each_pool_states_its_domain(plan: Plan) -> None:
    """2 racks of 72 with 9 trays of 2 chips each and 18 links per card; 2 boxes of 8; cards that nothing joins."""
    inside = {p.workload: p.scale_up for p in plan.pools}
    racks, boxes = inside["racks"], inside["boxes"]
    assert racks is not None and boxes is not None
    assert (racks.accelerators, racks.domains, racks.gb_per_s) == (72, 2, 1800)
    assert racks.included == {"NVLink link": 2 * 72 * 18, "NVLink switch chip": 36, "NVLink switch tray": 18}
    assert (boxes.accelerators, boxes.domains, boxes.gb_per_s, boxes.included) == (8, 2, 900, {})
    assert inside["cards"] is None
    assert "2 domains of 72 on NVLink 5" in summary(plan, ())


@pytest.mark.parametrize(
    "change",
    [{"accelerators": 36}, {"domains": 3}, {"gb_per_s": 900.0}, {"included": {}}, {"name": "UALink"}],
)
def test_every_changed_figure_is_found(plan: Plan, catalog: Catalog, change: dict[str, object]) -> None:
    pools = []
    for pool in plan.pools:
        told = None if pool.scale_up is None else pool.scale_up.model_copy(update=change)
        pools.append(pool.model_copy(update={"scale_up": told}) if pool.workload == "racks" else pool)
    found = verify(plan.model_copy(update={"pools": tuple(pools)}), catalog)
    assert any("scale_up" in finding for finding in found)
