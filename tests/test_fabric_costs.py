"""A fabric for fewer ports may cost more: where it does, and that nothing which is said to be proven rests on it."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest

from planner import compliance, nodes
from planner.bundles import Pricer, merge, seeds
from planner.candidates import Bench, switch_bundle
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.fabric import compute_design
from planner.fabric.design import ports_at
from planner.model import Bundle, Load, Option
from planner.parts import NodeBuild
from planner.pricing import PriceBook
from planner.reach import Row
from planner.request import Request
from planner.sitefile import read_site_text

ON = dt.date(2026, 11, 25)
SITE = """
site: {country: US, rack_power_kw: 45}
customer: {headquarters: US, ultimate_parent: US}
workloads: [{name: pool, kind: capacity, accelerator: h100-sxm5, count: 64}]
"""
CAGES = {100: "qsfp28", 200: "qsfp56", 400: "osfp", 800: "osfp"}


@cache
def offer() -> tuple[Catalog, Request, Pricer]:
    catalog = Catalog.load()
    request = read_site_text(SITE, "site.yaml", catalog)
    return catalog, request, Pricer(catalog, PriceBook(catalog, request, ON), request.supply)


def cost(switch: str, gbps: float, ports: int, count: int, topology: str, ratio: float = 1.0) -> Load | None:
    """What a fabric takes; None where there is none."""
    catalog, _, pricer = offer()
    technology = catalog.switches[switch].technology
    made = compute_design(catalog, count, ports, gbps, technology, switch, ratio, topology, CAGES[int(gbps)])
    if isinstance(made, Rejection):
        return None
    bundle = merge(Bundle(lines=seeds(made.lines, "compute")), switch_bundle(catalog, switch, made.switches))
    load = pricer.load(bundle)
    return None if isinstance(load, Rejection) else load


def test_fewer_ports_may_cost_more() -> None:
    """37 leaves with 31 uplinks each half fill a module of two ports; 36 with 32 do not, for as many switches."""
    fewer, more = (cost("qm9700", 400, 1, n, "plain") for n in (1144, 1152))
    assert fewer is not None
    assert more is not None
    assert fewer.capital > more.capital


def test_a_shared_fabric_that_costs_less_than_that_of_one_pool_is_in_reach() -> None:
    """The known plan costs what sharing costs: a bound that counts the fabric of one pool alone would leave it out."""
    fewer, more = (cost("qm9700", 400, 1, n, "plain") for n in (1144, 1152))
    assert fewer is not None
    assert more is not None
    nodes_of = {"large": 1000, "small": 10}
    best = sum(nodes_of.values()) + more.capital
    row = Row(lambda load: load.capital, best, dict(nodes_of), 0)
    assert sum(nodes_of.values()) + fewer.capital > best  # what one pool would pay alone is no bound
    assert row.holds(_bare(nodes_of["small"]))
    assert not row.holds(_bare(best))


def _bare(capital: int) -> Option:
    node = _builds()[0]
    fixed, none = Load(capital=capital), Load()
    return Option(
        id="small", work="small", design_key="", node=node, low=1, high=1, rate=1.0, fixed=fixed, unit=none,
        fixed_parts=(), linear=False,
    )  # fmt: skip


@cache
def _builds() -> list[NodeBuild]:
    catalog, request, pricer = offer()
    _, accepted, _ = compliance.screen_all(request, catalog, ON)
    return nodes.build_nodes(catalog, request, accepted, pricer.book)[0]


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("topology", ["rail", "plain"])
def test_a_node_less_never_costs_more(topology: str, ratio: float) -> None:
    """Counts beyond the fewest nodes that do it are not looked for: what a fabric saves by one more node of eight
    ports, in money and power, is less than the cheapest and the most frugal such node."""
    catalog, request, pricer = offer()
    bench = Bench(catalog, request, pricer, _builds(), frozenset())
    known = [load for b in _builds() if b.compute_ports == 8 and (load := bench.one_node(b)) is not None]
    cheapest, frugal = min(load.capital for load in known), min(load.watts for load in known)
    seen = 0
    for switch in catalog.switches.values():
        for gbps in (200, 400, 800):
            if "compute" not in switch.roles or not ports_at(switch, gbps):
                continue
            before: Load | None = None
            for count in range(2, 161):
                load = cost(switch.id, gbps, 8, count, topology, ratio)
                if before is not None and load is not None:
                    assert before.capital - load.capital < cheapest, (switch.id, gbps, count)
                    assert before.watts - load.watts < frugal, (switch.id, gbps, count)
                    seen += 1
                before = load or before
    assert seen > 500
