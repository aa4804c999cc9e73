"""Compute fabrics that pools have together: what they cost, who stands on them, and that every figure is derived."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from oracle.agree import compared
from oracle.tiny import KINDS, tiny_site

from planner import wiring
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import compute_design, joint_design, node_end_lines
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text
from planner.summary import summary
from planner.verify import verify

ON = dt.date(2026, 11, 25)
PODS = """
site: {country: US, rack_power_kw: 45}
customer: {headquarters: US, ultimate_parent: US}
workloads:
  - {name: research, kind: capacity, accelerator: h100-sxm5, count: 128}
  - {name: product, kind: capacity, accelerator: h100-sxm5, count: 120}
preferences:
  chassis: {only: [dgx-h100]}
  fabric: {technology: infiniband, sharing: SHARING}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def planned(catalog: Catalog, sharing: str) -> Plan:
    text = PODS.replace("SHARING", sharing)
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON, explained=False)
    assert verify(plan, catalog) == []
    return plan


@pytest.fixture(scope="module")
def plans(catalog: Catalog) -> dict[str, Plan]:
    return {sharing: planned(catalog, sharing) for sharing in ("auto", "shared", "separate")}


def test_sharing_is_chosen_by_cost_and_can_be_told(plans: dict[str, Plan]) -> None:
    """16 and 15 nodes: one tree of 31 nodes has managers, as 31 are one scalable unit; two of 16 and 15 have none."""
    nets = {s: [f for f in p.fabrics if f.role == "compute"] for s, p in plans.items()}
    assert [f.pools for f in nets["shared"]] == [("research", "product")]
    assert [f.pools for f in nets["separate"]] == [("research",), ("product",)]
    least = min(plans["shared"].totals.capex, plans["separate"].totals.capex)
    assert plans["auto"].totals.capex == least


def test_a_shared_fabric_is_that_of_all_its_nodes(plans: dict[str, Plan], catalog: Catalog) -> None:
    plan = plans["shared"]
    net = next(f for f in plan.fabrics if f.role == "compute")
    assert (net.endpoints, net.topology, net.leaf, net.spine, net.links_other) == (31 * 8, "rail", 8, 4, 4)
    assert {p.fabric for p in plan.pools} == {"compute"}
    licences = [(ln.part, ln.quantity, ln.pool) for ln in plan.yearly if ln.group == "compute"]
    assert licences == [("ufm-enterprise", 31, None)]
    owners = {ln.pool for ln in plan.lines if ln.group == "compute" and ln.part == "mma4z00-ns-flt"}
    assert owners == {"research", "product"}  # what stands in the nodes is theirs
    ends = Counter(end for run in wiring.runs(plan, catalog) if run.network == "compute" for end in run.far)
    assert max(ends.values()) == 1
    names = {label.split(" node ")[0] for label, _ in ends}
    assert {"research", "product"} <= names
    assert "Compute of research and product" in summary(plan, ())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"pools": ("research",)}, "pools research"),
        ({"endpoints": 240, "links_node": 240}, "endpoints 240"),
        ({"leaf": 9}, "leaf 9"),
        ({"links_other": 0}, "no fabric of"),
        ({"gbps": 200.0}, "gbps 200"),
    ],
)
def test_every_changed_figure_is_found(
    plans: dict[str, Plan], catalog: Catalog, changes: dict[str, Any], word: str
) -> None:
    plan = plans["shared"]
    nets = tuple(f.model_copy(update=changes) if f.role == "compute" else f for f in plan.fabrics)
    assert any(word in finding for finding in verify(plan.model_copy(update={"fabrics": nets}), catalog))


def test_a_request_for_separate_fabrics_is_held(plans: dict[str, Plan], catalog: Catalog) -> None:
    plan = plans["shared"]
    wanted = {**plan.request["preferences"]["fabric"], "sharing": "separate"}
    request = {**plan.request, "preferences": {**plan.request["preferences"], "fabric": wanted}}
    assert any("says separate" in f for f in verify(plan.model_copy(update={"request": request}), catalog))


def test_sites_whose_pools_share_agree_with_enumeration() -> None:
    """On the first sites of the kind whose best plan shares a fabric: which those are changes with the catalog."""
    sharing = 0
    for seed in range(KINDS.index("joint"), 1000, len(KINDS)):
        outcome = compared(tiny_site(seed))
        assert outcome.differences == (), seed
        sharing += outcome.answer.joint
        if sharing == 3:
            return
    raise AssertionError("no three sites share a fabric")


@pytest.mark.parametrize("nodes", [(3, 5), (16, 15), (40, 7)])
def test_parts_of_a_joint_fabric_and_of_its_nodes_add_up(nodes: tuple[int, int], catalog: Catalog) -> None:
    """Switches, cables and modules of the whole = those of one fabric for all nodes, whoever owns them."""
    whole = compute_design(catalog, sum(nodes), 8, 400, "infiniband", "qm9700", 1.0, "rail", "osfp-twin", 4)
    joint = joint_design(catalog, 8 * sum(nodes), 8, 400, "infiniband", "qm9700", 1.0, 4)
    ends = node_end_lines(catalog, "qm9700", 400, "osfp-twin", 8)
    assert not isinstance(whole, Rejection) and not isinstance(joint, Rejection) and not isinstance(ends, Rejection)
    found = Counter({ln.part: ln.quantity for ln in joint.lines})
    for ln in ends:
        found[ln.part] += ln.quantity * sum(nodes)
    assert dict(found) == {ln.part: ln.quantity for ln in whole.lines}
    assert (joint.leaf, joint.spine, joint.links_leaf_spine) == (whole.leaf, whole.spine, whole.links_leaf_spine)
