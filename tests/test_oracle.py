"""The planner against complete enumeration: small random sites, and small random programs for the solver alone.

All 200 of each, with the situations that they show: python benchmarks/small_sites.py --seed 1 --programs
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from oracle.agree import compared
from oracle.enumerate import best
from oracle.ledger import Ledger
from oracle.pools import Builder
from oracle.small import small_problem
from oracle.tiny import KINDS, ON, THOUSANDS, Tiny, TinyCatalog, tiny_site

from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.optimize import optimize
from planner.packing import pack_shapes
from planner.request import Request
from planner.sitefile import normalised
from planner.solve import solve, stage_value, stages


# 747: distribution units for coolant take a rack of their own; 3318, 3359: more nodes of several kinds than one alone;
# 9018: one size of a joint fabric made by pools of one workload and of several
@pytest.mark.parametrize("seed", [*range(1, 31), 747, 3318, 3359, 9018])
def test_plan_agrees_with_enumeration_of_the_site(seed: int) -> None:
    """Objective, capital, power and nodes of the plan are those of the best of all plans; verify accepts it."""
    assert compared(tiny_site(seed)).differences == ()


def test_sites_of_the_test_run_are_of_every_kind() -> None:
    assert {KINDS[seed % len(KINDS)] for seed in range(1, 31)} == set(KINDS)


# -- what planning once got wrong ------------------------------------------------------------------------------------
def changed(seed: int, **parts: Any) -> Tiny:
    """A random site with other values in sections of its request."""
    tiny = tiny_site(seed)
    data = tiny.request.model_dump()
    for section, values in parts.items():
        data[section] = {**data[section], **values} if isinstance(data[section], dict) else values
    return replace(tiny, request=Request.model_validate(data))


def test_as_many_accelerators_as_one_node_holds() -> None:
    """Power for two nodes, but not for the switches between them: the second is no reason to forget the first."""
    tiny = tiny_site(KINDS.index("maximise"))
    builds = Builder(tiny.request, Ledger(tiny.catalog, normalised(tiny.request), ON), (42, 45_000, 10**9)).builds
    build = max((b for b in builds if b.compute_ports == 8), key=lambda b: (b.accelerators, b.id))
    work = [{"name": "cluster", "kind": "capacity", "maximise": "accelerators", "accelerator": build.accelerator}]
    only = {"chassis": {"only": (build.chassis,)}}
    site = {"it_power_kw": 2 * build.max_power_kw + 0.15}
    limited = changed(KINDS.index("maximise"), site=site, budget={"capex": None}, workloads=work, preferences=only)
    outcome = compared(limited)
    assert outcome.differences == ()
    assert outcome.answer.value is not None and outcome.answer.value[0] == -build.accelerators


@pytest.mark.parametrize("seed", [7, 25])
def test_several_works_to_maximise_share_a_site(seed: int) -> None:
    """What one of them reaches in a first plan is no floor: the best plan gives each a share."""
    service: dict[str, Any] = {
        "name": "service",
        "kind": "inference",
        "model": "llama3.1-8b",
        "maximise": "requests_per_s",
    }
    service |= {"input_tokens": 1000, "output_tokens": 200}
    cluster = {"name": "cluster", "kind": "capacity", "maximise": "accelerators"}
    both = changed(seed, site={"it_power_kw": 36.0}, budget={"capex": None}, workloads=[service, cluster])
    assert compared(both).differences == ()


@pytest.mark.parametrize("goal", ["lowest_capex", "highest_performance"])
def test_no_work_is_left_out_where_as_much_as_possible_is_wanted(goal: str) -> None:
    service: dict[str, Any] = {
        "name": "service",
        "kind": "inference",
        "model": "llama3.1-8b",
        "share": True,
        "requests_per_s": 1,
    }
    service |= {"input_tokens": 1000, "output_tokens": 200}
    none = changed(7, site={"it_power_kw": 0.5}, budget={"capex": None}, workloads=[service], objective=goal)
    outcome = compared(none)
    assert outcome.answer.value is None
    assert outcome.differences == ()


@pytest.mark.parametrize("kind", ["sharing", "maximise", "capacity", "mix"])
def test_every_kind_of_work_keeps_the_spare_nodes_it_asks_for(kind: str) -> None:
    """On the first site of the kind that has a plan: which one that is changes with the parts of the catalog."""
    for seed in range(1, 200):
        tiny = tiny_site(seed)
        if tiny.kind != kind:
            continue
        works = [{**w.model_dump(), "spare_nodes": 1} for w in tiny.request.workloads]
        outcome = compared(changed(seed, workloads=works))
        assert outcome.differences == ()
        if outcome.answer.value is not None:
            return
    raise AssertionError(f"no site of kind {kind} has a plan")


@pytest.mark.parametrize("free", [("service",), ("service", "second")])
def test_shared_work_takes_all_that_the_limits_let_in(free: tuple[str, ...]) -> None:
    """Not only the nodes that what is asked would take."""
    works: list[dict[str, Any]] = []
    for name in ("service", "second"):
        work: dict[str, Any] = {
            "name": name,
            "kind": "inference",
            "model": "llama3.1-8b",
            "share": True,
            "input_tokens": 1000,
        }
        asked: dict[str, Any] = {"maximise": "requests_per_s"} if name in free else {"requests_per_s": 0.5}
        works.append({**work, "output_tokens": 200, **asked})
    limited = changed(7, site={"it_power_kw": 34.0}, budget={"capex": None}, workloads=works, objective="lowest_capex")
    outcome = compared(limited)
    assert outcome.answer.value is not None and outcome.answer.value[4] > 1
    assert outcome.differences == ()


def test_storage_that_no_network_reaches_is_no_plan() -> None:
    """An InfiniBand storage system beside switches that speak Ethernet only, and no storage switch at all."""
    tiny = tiny_site(KINDS.index("storage"))
    system = Catalog.load().storage["netapp-ef600-beegfs"]
    switches = {i: s for i, s in tiny.catalog.switches.items() if s.technology == "ethernet"}
    for left in (switches, {i: s for i, s in switches.items() if "storage" not in s.roles}):
        price = tiny.catalog.prices["ddn-ai400x2"][0].model_copy(update={"part": system.id})
        kinds = {name: dict(getattr(tiny.catalog, name)) for name in THOUSANDS}
        kinds |= {"switches": dict(left), "storage": {system.id: system}}
        catalog = TinyCatalog("no-storage-network", kinds, {**tiny.catalog.prices, system.id: (price,)})
        with pytest.raises(NoPlan, match="shared storage"):
            optimize(tiny.request, catalog, ON)


@pytest.mark.parametrize("seed", range(1, 49))
def test_solver_agrees_with_enumeration(seed: int) -> None:
    problem = small_problem(seed)
    answer, found = best(problem), solve(problem, pack_shapes)
    if answer.value is None or found is None:
        assert (answer.value is None) == (found is None)
        return
    main = next(s for s in stages(problem) if s.measure is not None)
    value = answer.value[1] if problem.performance_first else answer.value[0]
    assert stage_value(problem, main, found) == pytest.approx(value, abs=0.01)
    assert found.total.capital == (answer.value[2] if problem.performance_first else answer.value[1])
    assert found.optimal
