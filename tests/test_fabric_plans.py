"""Networks of whole plans: fabric managers, reserved nodes, resilience, spares, storage speed; each plan verified."""

from __future__ import annotations

import datetime as dt
import random
import re
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import (
    compute_design,
    describe,
    fabric_managers,
    island_brackets,
    network_brackets,
    network_design,
    networks,
    read_cases,
    run_case,
)
from planner.optimize import optimize
from planner.parts import Optic
from planner.plan import Plan
from planner.printing_fabric import fabric as shown_fabric
from planner.sitefile import read_site_text
from planner.spares import ranges
from planner.storage_need import needed
from planner.storage_options import storage_steps
from planner.verify import verify

ON = dt.date(2026, 11, 25)
ROOT = Path(__file__).parent.parent
POD = """
site: {country: US}
customer: {headquarters: US, ultimate_parent: US}
workloads:
  - {name: pod, kind: capacity, accelerator: h100-sxm5, count: COUNT}
preferences:
  chassis: {only: [dgx-h100]}
  fabric: {technology: infiniband}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def planned(catalog: Catalog, count: int, more: str = "") -> Plan:
    """A pod of DGX H100 on InfiniBand; verified."""
    text = POD.replace("COUNT", str(count))
    if more.startswith("fabric:"):
        text = text.replace("technology: infiniband", "technology: infiniband, " + more.removeprefix("fabric:"))
    else:
        text += more
    plan = optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)
    assert verify(plan, catalog) == []
    return plan


def test_a_pod_of_127_has_managers_on_free_ports_with_licences_and_spares(catalog: Catalog) -> None:
    plan = planned(catalog, 1016)
    net = next(f for f in plan.fabrics if f.role == "compute")
    assert (net.leaf, net.spine, net.links_node, net.links_other, net.cables) == (32, 16, 1016, 4, 2044)
    assert net.ports_used == 1016 + 4 + 2 * 1024 <= net.ports_present
    bought = {(ln.part, ln.group): ln.quantity for ln in plan.lines}
    assert bought["ufm-appliance-ndr", "compute"] == 2
    assert [(ln.part, ln.quantity) for ln in plan.yearly if ln.group == "compute"] == [("ufm-enterprise", 127)]
    for line in plan.lines:
        if isinstance(catalog.parts[line.part], Optic) and line.group == "compute":
            assert bought[line.part, "spares"] == max(1, ceil(Fraction(2) * line.quantity / 100))
    shelf = [ln for ln in plan.lines if ln.group == "spares"]
    assert shelf and all(not (ln.max_power_w or ln.rack_units or ln.weight_kg) for ln in shelf)


def test_small_pods_have_no_managers_and_no_spares(catalog: Catalog) -> None:
    plan = planned(catalog, 64, "resilience: {in_band: single, management: single}\n")
    assert not [ln for ln in plan.lines if ln.group == "spares" or ln.part.startswith("ufm")]
    assert sum(ln.quantity for ln in plan.lines if ln.group == "management") == 1
    inband = next(f for f in plan.fabrics if f.role == "in-band")
    assert (inband.leaf, inband.redundancy) == (1, "none")


def test_managers_in_pairs_single_or_none(catalog: Catalog) -> None:
    single = planned(catalog, 256, "resilience: {fabric_managers: single}\n")
    none = planned(catalog, 256, "resilience: {fabric_managers: none}\n")
    nets = [next(f for f in p.fabrics if f.role == "compute") for p in (single, none)]
    assert [n.links_other for n in nets] == [2, 0]
    assert catalog.switches[nets[1].switch].managed
    assert not [ln for ln in none.yearly if ln.part.startswith("ufm")]


def test_managers_take_no_data_port_where_switches_have_their_own(catalog: Catalog) -> None:
    ports = {s: fabric_managers(catalog, s, 200, "infiniband") for s in ("qm9700", "q3400-ra")}
    assert [m.ports for m in ports.values() if m is not None] == [4, 0]
    assert fabric_managers(catalog, "sn5610", 200, "ethernet") is None
    assert fabric_managers(catalog, "qm9700", 30, "infiniband") is None
    assert fabric_managers(catalog, "qm9790", 2, "infiniband") is not None


def test_reserved_nodes_buy_spines_now(catalog: Catalog) -> None:
    plan = planned(catalog, 504, "fabric: reserve_nodes: 64")
    net = next(f for f in plan.fabrics if f.role == "compute")
    assert (net.leaf, net.spine, net.links_leaf_spine) == (16, 16, 512)


def test_spare_nodes_are_bought_with_everything_in_them(catalog: Catalog) -> None:
    plan = planned(catalog, 136, "spares: {nodes: 10, optics: 0, cables: 0}\n")
    assert plan.pools[0].nodes == 17
    shelf = {ln.part: ln.quantity for ln in plan.lines if ln.group == "spares"}
    assert shelf == {"dgx-h100": 2}
    forged = plan.model_copy(update={"lines": tuple(ln for ln in plan.lines if ln.group != "spares")})
    assert any("2 spare × dgx-h100 needed, the lines buy 0" in f for f in verify(forged, catalog))


def test_ranges_of_spares_cover_every_count_once() -> None:
    pick = random.Random(2)
    for _ in range(200):
        low, high = pick.randint(1, 40), pick.randint(41, 300)
        unit, extra = pick.randint(1, 5), pick.randint(0, 4)
        parts = list(ranges(low, high, unit, extra))
        assert [u for a, b, _ in parts for u in range(a, b + 1)] == list(range(low, high + 1))
        for first, last, nodes in parts:
            assert last * unit + extra <= nodes
            assert (first * unit + extra > 16) == (nodes > 16)


# -- storage -----------------------------------------------------------------------------------------------------------
def storage_site(catalog: Catalog, storage: str) -> object:
    text = f"""
site: {{country: US}}
workloads:
  - {{name: run, kind: training, model: llama3.1-70b, tokens: 1.0e12, within_days: 60}}
storage: {{usable_tb: 500{storage}}}
"""
    return read_site_text(text, "site.yaml", catalog)


@pytest.mark.parametrize(
    ("storage", "cards", "read", "write"),
    [
        ("", 256, 980 / 300, 980 / 600),  # 70 × 14 bytes, read back in 300 s, written in 600 s
        (", profile: good", 256, 15, 7),
        (", profile: better", 1024, 160, 80),
        (", profile: best", 8, 40, 20),  # no less than one node needs
        (", profile: best, read_gb_per_s: 9", 256, 9, 62),
        (", read_gb_per_s: 0, write_gb_per_s: 0", 256, 0, 0),
    ],
)
def test_storage_speed(storage: str, cards: int, read: float, write: float, catalog: Catalog) -> None:
    found = [s.at(cards) for s in needed(catalog, storage_site(catalog, storage))]  # type: ignore[arg-type]
    assert found == pytest.approx([read, write], rel=0.01)


def test_more_accelerators_never_need_fewer_blocks(catalog: Catalog) -> None:
    read, write = needed(catalog, storage_site(catalog, ", profile: best"))  # type: ignore[arg-type]
    for system in catalog.storage.values():
        steps = list(storage_steps(system, system.port_gbps, 500, read, write, 5000))
        assert steps[0][0] == 0 and steps[-1][1] == 5000
        assert all(a[1] + 1 == b[0] and a[2] < b[2] for a, b in pairwise(steps))


# -- brackets, modules and the document --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "switch", "gbps", "redundancy"),
    [
        ("in-band", "sn4600c", 100.0, "pair"),
        ("storage", "sn5610", 400.0, "pair"),
        ("storage", "sn4700", 200.0, "none"),
        ("oob", "sn2201", 1.0, "none"),
    ],
)
def test_brackets_cost_what_designs_cost(
    name: str, switch: str, gbps: float, redundancy: str, catalog: Catalog
) -> None:
    brackets = network_brackets(catalog, name, gbps, "ethernet", switch, redundancy, 1.0, 3000)
    before = -1
    for bracket in brackets:
        assert bracket.lo == before + 1
        before = bracket.hi
        for count in {max(1, bracket.lo), bracket.hi}:
            made = network_design(catalog, name, count, gbps, "ethernet", switch, redundancy)
            assert not isinstance(made, Rejection)
            assert made.ports_used <= made.ports_present
            parts = {ln.part: ln.quantity for ln in made.lines}
            total: dict[str, int] = {ln.part: ln.quantity for ln in bracket.fixed_lines}
            for line in bracket.per_node_lines:
                total[line.part] = total.get(line.part, 0) + line.quantity * count
            for line in bracket.step_lines:
                total[line.part] = total.get(line.part, 0) + line.quantity * -(-count // bracket.per_step)
            assert parts == {part: number for part, number in total.items() if number}
    assert before == 3000


def test_networks_only_grow(catalog: Catalog) -> None:
    for name, switch, gbps in (("in-band", "sn4600c", 100.0), ("storage", "qm9700", 400.0)):
        technology = catalog.switches[switch].technology
        before = 0
        for endpoints in range(1, 4000, 37):
            made = network_design(catalog, name, endpoints, gbps, technology, switch)
            assert not isinstance(made, Rejection)
            assert made.switches >= before
            before = made.switches


def test_an_unmanaged_switch_is_no_island(catalog: Catalog) -> None:
    assert island_brackets(catalog, 8, 400.0, "infiniband", "qm9790", "osfp-twin", 2, 8) == []
    assert island_brackets(catalog, 8, 400.0, "infiniband", "qm9700", "osfp-twin", 2, 8)


def test_modules_of_the_published_pod(catalog: Catalog) -> None:
    made = compute_design(catalog, 127, 8, 400.0, "infiniband", "qm9700", 1.0, "rail", "osfp-twin", 4)
    assert not isinstance(made, Rejection)
    parts = {ln.part: ln.quantity for ln in made.lines}
    assert parts["mma4z00-ns"] == 1536  # every cage of 48 switches, managers included
    assert parts["mma4z00-ns-flt"] == 508
    assert parts["mfp7e10-n010"] == 1020


def test_the_document_shows_real_output(catalog: Catalog) -> None:
    text = (ROOT / "docs" / "fabric.md").read_text(encoding="utf-8")
    rows = {m[1]: m[0] for m in re.finditer(r"^\| `([^`]+)` \|.*$", text, re.M)}
    fabrics = [run_case(r, catalog) for r in read_cases(ROOT / "tests/reference/reference_architectures.yaml")]
    for result in fabrics:
        if result.kind == "fabric_count" and result.given:
            tiers = "/".join(str(result.given[k]) for k in ("leaf", "spine", "core"))
            assert f"| {tiers} |" in rows[result.id], result.id
    made = describe(catalog, 127, 8, "qm9700", 1.0)
    assert not isinstance(made, Rejection)
    for line in shown_fabric(made, catalog).splitlines():
        assert line.rstrip() in text


def test_brackets_of_pairs_end_where_the_switches_change() -> None:
    """Two and three tiers: inside a bracket nothing changes, one endpoint more does, and none is left out."""
    catalog = Catalog.load()
    ranges = 0
    for switch, gbps in (("qm9700", 400.0), ("sn5600", 200.0), ("sn2201", 100.0), ("qm8700", 200.0), ("sn3700", 100.0)):
        part = catalog.switches.get(switch)
        if part is None:
            continue
        made = networks._network(networks._Switches(catalog), "storage", gbps, part.technology, switch, "pair", 1.0)
        if not isinstance(made, networks._Network):
            continue
        found = networks.network_brackets(catalog, "storage", gbps, part.technology, switch, "pair", 1.0, 40_000)
        for bracket, after in pairwise(found):
            assert after.lo == bracket.hi + 1
            if bracket.hi == 1 and bracket.per_step:
                continue  # a single endpoint has one plug, two have one on either switch of the pair
            inside = {made.counts(n) for n in (max(1, bracket.lo), (bracket.lo + bracket.hi) // 2 or 1, bracket.hi)}
            assert len(inside) == 1 and made.counts(after.lo) not in inside
            ranges += 1
    assert ranges > 500
