"""Copper to neighbouring racks and on islands; longer pieces that cost otherwise; preferences that are not met."""

from __future__ import annotations

import csv
import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from plans.cabled import KINDS, examine, special_site
from plans.forged import altered

from planner import wiring
from planner.catalog import Catalog
from planner.fabric import node_cables
from planner.facility.checks import run_checks
from planner.floorplan import beside_m, cable_m, floor_of
from planner.neighbours import side_by_side
from planner.optimize import optimize
from planner.plan import Plan, PlannedFabric
from planner.proposal import proposal_html
from planner.site import Placed, RackLoad, RackNeed
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 24)
TWO = """
site: {{country: US, rack_power_kw: {kw}, layout: {{side_passage: {passage}{layout}}}}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {count}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband{fabric}}}}}
"""
HEADING = (
    "part",
    "currency",
    "low",
    "typical",
    "high",
    "tax_basis",
    "tax_percent",
    "basis",
    "grade",
    "source",
    "as_of",
)
CHAT = """
budget: {{price_missing: estimate}}
site: {{country: US, rack_power_kw: {kw}, layout: {{{layout}}}}}
workloads:
  - {{name: chat, kind: inference, model: deepseek-v3, accelerator: h100-sxm5, input_tokens: 2000, output_tokens: 600,
      requests_per_s: {n}}}
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband{fabric}}}}}
"""


def solved(text: str, catalog: Catalog) -> Plan:
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert verify(plan, catalog) == []
    return plan


def pods(
    catalog: Catalog, count: int = 64, kw: int = 45, layout: str = "", fabric: str = "", passage: str = "true"
) -> Plan:
    return solved(TWO.format(count=count, kw=kw, layout=layout, fabric=fabric, passage=passage), catalog)


def chats(catalog: Catalog, n: int, layout: str = "side_passage: true", fabric: str = "", kw: int = 45) -> Plan:
    return solved(CHAT.format(n=n, kw=kw, layout=layout, fabric=fabric), catalog)


def compute(plan: Plan) -> PlannedFabric:
    return next(net for net in plan.fabrics if net.role == "compute")


def links(plan: Plan, network: str = "compute", kind: str = "node") -> list[Any]:
    return [e for e in plan.cabling if e.network == network and e.kind == kind]


def rack_of(plan: Plan, label: str) -> int:
    return next(k for k, rack in enumerate(plan.racks) for i in rack.items if i.label == label)


@pytest.fixture(scope="module")
def two(catalog: Catalog) -> Plan:
    return pods(catalog)


# -- geometry ----------------------------------------------------------------------------------------------------------
def test_neighbours_are_joined_through_their_sides_only_where_the_site_says_so() -> None:
    """12.5 units of height, 0.6 m to the next rack, 0.5 m at either port, 0.5 m slack: 2.656 m, and 5 m by the tray."""
    sides = floor_of({"layout": {"side_passage": True, "racks_per_row": 2}}, 4, 600, 1200)
    tray = floor_of({"layout": {"racks_per_row": 2}}, 4, 600, 1200)
    one, other = (0, 42, 4.0), (1, 42, 16.5)
    assert cable_m(sides, one, other) == pytest.approx(12.5 * 0.04445 + 0.6 + 1.0 + 0.5) == beside_m(12.5, 0.6, 0.5)
    assert cable_m(tray, one, other) == pytest.approx((38 + 25.5) * 0.04445 + 0.6 + 0.6 + 1.0 + 1.0)
    across = ((1, 42, 4.0), (2, 42, 16.5))  # the last of one row and the first of the next
    assert cable_m(sides, *across) == cable_m(tray, *across) > 3


def _rack(*groups: str) -> RackLoad:
    needs = [RackNeed("x", f"{g or 'plain'} block {k}", 1, 1.0, 1.0, beside=g) for k, g in enumerate(groups, 1)]
    return RackLoad(42, tuple(Placed(n, k) for k, n in enumerate(needs, 1)))


def test_racks_of_a_group_follow_one_another_in_one_row() -> None:
    plain, first, second = _rack(""), _rack("a"), _rack("a")
    other = _rack("b")
    assert side_by_side((first, plain, second, other), 16) == (first, second, plain, other)
    assert side_by_side((plain, first, second), 2) == (
        first,
        second,
        plain,
    )  # else it would begin in one row and end in the next
    assert side_by_side((first, second), 1) == (first, second)  # no row takes both: left as it is
    assert side_by_side((plain, other), 16) == (plain, other)


# -- in the optimum ----------------------------------------------------------------------------------------------------
def test_eight_nodes_in_two_racks_are_on_copper_with_the_switch_in_the_middle(two: Plan, catalog: Catalog) -> None:
    assert compute(two).node_cable == "mca4j80-n003-ftf"
    assert [(e.part, e.quantity) for e in links(two)] == [("mca4j80-n003-ftf", 32)]
    assert links(two)[0].longest_m == 2.66 <= 3
    assert not any(ln.part in catalog.optics for ln in two.lines if ln.group == "compute")
    home = rack_of(two, "compute leaf 1")
    assert {abs(rack_of(two, f"pod node {k}") - home) for k in range(1, 9)} == {0, 1}
    heights = {i.label: i.bottom_unit for i in two.racks[home].items}
    below = [
        label for label, unit in heights.items() if label.startswith("pod node") and unit < heights["compute leaf 1"]
    ]
    assert len(below) == 2  # of four
    assert examine(two, catalog).wrong == []


def test_the_same_without_side_passage_is_on_fibre_and_dearer(two: Plan, catalog: Catalog) -> None:
    plain = pods(catalog, passage="false")
    assert compute(plain).node_cable is None
    assert plain.totals.capex > two.totals.capex


def test_price_of_the_plan_is_that_of_its_lines(two: Plan) -> None:
    assert two.totals.capex_without_tax == sum((ln.extended for ln in two.lines), Decimal(0))
    assert Decimal(str(two.objective.value)) == two.totals.capex_without_tax


def test_three_racks_with_the_switch_in_the_one_between(catalog: Catalog) -> None:
    plan = pods(catalog, kw=34)
    home = rack_of(plan, "compute leaf 1")
    assert {rack_of(plan, f"pod node {k}") - home for k in range(1, 9)} == {-1, 0, 1}
    assert compute(plan).node_cable == "mca4j80-n003-ftf"


def test_beyond_three_racks_or_three_metres_nothing_is_on_copper(catalog: Catalog) -> None:
    assert compute(pods(catalog, kw=23)).node_cable is None  # four racks
    assert compute(pods(catalog, layout=", slack_m: 1")).node_cable is None  # 3.16 m


def test_blocks_that_find_no_place_side_by_side_are_solved_again_without(catalog: Catalog) -> None:
    """Three islands of two racks in rows of three cannot all stand side by side; in rows of four they can."""
    wide = chats(catalog, 60, "side_passage: true, racks_per_row: 4")
    assert compute(wide).node_cable is not None
    narrow = chats(catalog, 60, "side_passage: true, racks_per_row: 3")
    assert compute(narrow).node_cable is None
    assert wiring.beyond_reach(narrow, catalog) == frozenset()


def test_every_island_is_a_block(catalog: Catalog) -> None:
    plan = chats(catalog, 45)
    net = compute(plan)
    assert (net.topology, net.leaf, net.node_cable) == ("islands", 3, "mca4j80-n003-ftf")
    for run in wiring.network_runs(plan, catalog, net):
        assert all(abs(rack_of(plan, label) - rack_of(plan, run.near)) <= 1 for label, _ in run.far)
    fibre = chats(catalog, 45, fabric=", media: fibre")
    assert compute(fibre).node_cable is None
    assert fibre.totals.capex > plan.totals.capex
    assert examine(plan, catalog).wrong == []


def test_split_ports_take_breakout_copper(catalog: Catalog) -> None:
    """400 Gbit/s adapters with OSFP cages on a switch of 800 Gbit/s: one cable per two adapters."""
    switch = catalog.switches["sn5600"]
    assert node_cables(catalog, switch, 400, "osfp-flat", 2.2) == ["mcp7y00-n02a"]
    assert node_cables(catalog, switch, 400, "osfp-twin", 2.2) == []  # flat-top to finned is sold for InfiniBand only
    assert node_cables(catalog, switch, 200, "osfp-flat", 2.2) == []


# -- refused by verify -------------------------------------------------------------------------------------------------
def test_a_rack_put_elsewhere_is_refused(catalog: Catalog) -> None:
    plan = chats(catalog, 45)

    def moved(data: dict[str, Any]) -> None:
        data["racks"].insert(0, data["racks"].pop(1))
        data["racks"].insert(0, data["racks"].pop(2))

    findings = verify(altered(plan, moved), catalog)
    assert any("neighbouring racks of one row" in f for f in findings)


def test_sides_that_are_closed_after_all_are_refused(two: Plan, catalog: Catalog) -> None:
    def closed(data: dict[str, Any]) -> None:
        data["request"]["site"]["layout"]["side_passage"] = False

    findings = verify(altered(two, closed), catalog)
    assert any("m take another medium" in f for f in findings)
    assert any("m long, a run needs" in f for f in findings)


# -- lengths that cost differently -------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def by_length(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The shipped catalog with a price list in which a cable costs USD 20 and 3 more for every metre."""
    folder = tmp_path_factory.mktemp("list")
    (folder / "prices").mkdir()
    plain = Catalog.load()
    with (folder / "prices" / "cables.csv").open("w", newline="") as out:
        sheet = csv.writer(out)
        sheet.writerow(HEADING)
        for cable in plain.cables.values():
            if cable.kind not in ("dac", "acc"):
                cost = f"{20 + 3 * cable.length_m:.2f}"
                sheet.writerow((cable.id, "USD", cost, cost, cost, "excluded", "", "quote", "A", "list", "2026-11-01"))
    return Catalog.load([folder])


def test_a_longer_piece_is_priced_where_the_usual_one_is_too_short(by_length: Catalog) -> None:
    """Nodes up to 16 m from their leaf: all of them on pieces of 20 m, the in-band network's on 30 m, to the cent."""
    text = TWO.format(
        count=256, kw=23, layout=", racks_per_row: 4, slack_m: 2, hot_aisle_m: 3", fabric="", passage="false"
    )
    plan = solved(text, by_length)
    net = compute(plan)
    piece = by_length.cables[net.node_cable or ""]
    assert piece.length_m == 20
    assert {e.part for e in links(plan)} == {piece.id}
    assert max(e.longest_m for e in links(plan)) > 10
    line = next(ln for ln in plan.lines if ln.group == "compute" and ln.part == piece.id)
    assert line.unit_price == 80 and line.quantity == links(plan)[0].quantity
    assert Decimal(str(plan.objective.value)) == plan.totals.capex_without_tax == sum(ln.extended for ln in plan.lines)
    assert next(c for c in run_checks(plan, by_length) if c.id == "reach").status == "PASS"
    assert all(e.length_m >= e.longest_m for e in plan.cabling)
    shelf = {ln.part for ln in plan.lines if ln.group == "spares"}
    assert piece.id in shelf

    def shorter(data: dict[str, Any]) -> None:
        next(n for n in data["fabrics"] if n["role"] == "compute")["node_cable"] = "mfp7e10-n010"

    assert any("need no mention" in f or "usual" in f for f in verify(altered(plan, shorter), by_length))


def test_families_of_cables_that_compete_do_not_take_turns_for_ever(by_length: Catalog) -> None:
    """In-band on 100 Gbit/s cables or on 200 Gbit/s splitters, both too short at 10 m: solving ends."""
    text = """
budget: {price_missing: estimate}
site: {country: US, rack_power_kw: 30,
       layout: {side_passage: true, slack_m: 5, hot_aisle_m: 4, racks_per_row: 2}}
workloads: [{name: pod, kind: capacity, accelerator: h100-sxm5, count: 320}]
preferences: {fabric: {technology: ethernet}}
storage: {usable_tb: 500}
"""
    heard: list[str] = []

    def say(word: str) -> None:
        heard.append(word)
        assert sum("too far" in w for w in heard) < 8

    plan = optimize(read_site_text(text, "site.yaml", by_length), by_length, ON, say=say)
    assert verify(plan, by_length) == []
    assert any(e.network == "in-band" and e.longest_m > 10 for e in plan.cabling)


def test_with_one_price_for_all_lengths_nothing_is_priced_again(catalog: Catalog) -> None:
    text = TWO.format(
        count=256, kw=23, layout=", racks_per_row: 4, slack_m: 2, hot_aisle_m: 3", fabric="", passage="false"
    )
    plan = solved(text, catalog)
    assert compute(plan).node_cable is None
    assert len({e.part for e in links(plan)}) > 1


def test_islands_go_to_single_mode(catalog: Catalog) -> None:
    far = "racks_per_row: 1, slack_m: 5, hot_aisle_m: 10, cold_aisle_m: 10, tray_m: 5"
    plan = chats(catalog, 45, far, kw=12)
    net = compute(plan)
    assert net.topology == "islands" and max(e.longest_m for e in links(plan)) > 50
    assert {catalog.cables[e.part].media for e in links(plan)} == {"smf"}
    assert {ln.part for ln in plan.lines if ln.group == "compute" and ln.part in catalog.optics} == {
        "mms4x00-nm",
        "mms4x00-nm-flt",
    }
    assert (wiring.reach_m(plan, catalog, net, "node") or 0) >= 100


# -- preferences that are not met --------------------------------------------------------------------------------------
def told(plan: Plan, name: str) -> list[str]:
    return [a.text for a in plan.assumptions if (a.kind, a.name) == ("notice", f"preferences.fabric.{name}")]


def test_copper_that_does_not_reach_is_told_in_both_languages(catalog: Catalog) -> None:
    plan = pods(catalog, passage="false", fabric=", media: copper")
    (text,) = told(plan, "media")
    count, longest = sum(e.quantity for e in links(plan)), max(e.longest_m for e in links(plan))
    assert f"compute to devices ({count:,} cables, longest run {longest:g} m)" in text
    assert "site.layout.side_passage" in text
    assert told(pods(catalog, passage="false"), "media") == []
    for language, words in (("en", "is not met everywhere"), ("zh", "未能全部满足")):
        page = proposal_html(plan.model_copy(update={"language": language}))
        assert len(re.findall(words, page)) == 1


def test_what_has_no_effect_is_told(catalog: Catalog) -> None:
    plan = pods(catalog, fabric=", topology: plain, oversubscription: 2")
    assert compute(plan).topology == "direct"
    assert "without effect on compute" in told(plan, "compute.topology")[0]
    assert "compute has 1:1" in told(plan, "compute.oversubscription")[0]
    alone = pods(catalog, count=8, fabric=", topology: plain")
    assert "needs a compute fabric" in told(alone, "compute")[0]
    assert told(pods(catalog), "compute.topology") == []


@pytest.mark.parametrize("kind", ["copper beside", "islands on copper"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_of_site_is_cabled_port_by_port(kind: str, seed: int, catalog: Catalog) -> None:
    assert kind in KINDS
    plan = solved(special_site(kind, seed), catalog)
    assert examine(plan, catalog).wrong == []
