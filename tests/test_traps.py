"""The traps of docs/traps.md that have no other home, and that the table there is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import ON, Ran

from planner import fabric
from planner.catalog import Catalog
from planner.demand.efficiency import dense_peak_tflops
from planner.demand.hardware import USABLE_MEMORY, usable_gb
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import normalised, read_site_text
from planner.summary import summary

HERE = Path(__file__).parent
Planned = Callable[[str], Ran]
DAY = date.fromisoformat(ON)


def planned_from(text: str, catalog: Catalog) -> Plan:
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, DAY)


def test_every_trap_of_the_table_has_tests_that_exist() -> None:
    rows = [ln for ln in (HERE.parent / "docs/traps.md").read_text(encoding="utf-8").splitlines() if "`test_" in ln]
    rows = [ln for ln in rows if ln.startswith("|")]
    assert len(rows) == 17
    for row in rows:
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (HERE / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_a_part_without_figures_is_never_planned_with_others(catalog: Catalog) -> None:
    """Every accelerator, alone, is planned as itself or refused; nothing stands in for it."""
    for name in ("a40", "rtx-a6000", "h200-sxm5"):
        text = f"site: {{country: US}}\nworkloads: [{{kind: capacity, accelerator: {name}, count: 4}}]\n"
        (pool,) = planned_from(text, catalog).pools
        assert pool.accelerator == name
        assert catalog.accelerators[name].memory_gb != catalog.accelerators["h100-sxm5"].memory_gb


def test_gigabytes_are_ten_to_the_nine(catalog: Catalog) -> None:
    """An H100 of 80 GB has 80 × 10⁹ bytes, of which a stated share is usable; read as GiB it would be 7 % more."""
    h100 = catalog.accelerators["h100-sxm5"]
    assert h100.memory_gb == 80
    assert usable_gb(h100) == 80 * USABLE_MEMORY < 80


def test_figures_of_a_node_are_multiplied(planned: Planned) -> None:
    plan = planned("superpod-4su").plan
    (pool,) = plan.pools
    assert pool.node_power_kw == 10.2
    assert plan.totals.it_power_kw > 127 * 10.2
    bought = next(ln for ln in plan.lines if ln.part == "dgx-h100")
    assert bought.quantity == 127
    assert bought.extended == 127 * bought.unit_price
    assert plan.totals.weight_kg > 127 * pool.node_weight_kg


@pytest.mark.parametrize(("nodes", "leaf", "spine"), [(64, 16, 8), (127, 32, 16), (32, 8, 4)])
def test_512_accelerators_need_eight_spines(nodes: int, leaf: int, spine: int, catalog: Catalog) -> None:
    made = fabric.describe(catalog, nodes, 8, "qm9700", 1.0)
    assert isinstance(made, dict)
    assert (made["leaf"], made["spine"]) == (leaf, spine)


@pytest.mark.parametrize("switch", ["qm9700", "qm8700", "sn5610"])
def test_ports_used_never_exceed_ports_present(switch: str, catalog: Catalog) -> None:
    for nodes in (1, 2, 3, 5, 8, 9, 17, 31, 33, 64, 65, 100, 127, 129, 200, 257, 500):
        for ratio in (1.0, 2.0):
            made = fabric.describe(catalog, nodes, 8, switch, ratio)
            assert isinstance(made, dict), (nodes, made)
            assert int(str(made["ports_used"])) <= int(str(made["ports_present"]))
            # Each node link takes one port, each link between switches two; a link has one cable and no more, or one
            # per connector where both of a module's are one link of 800G.
            links = int(str(made["leaf_spine_links"])) + int(str(made["spine_core_links"]))
            assert int(str(made["cables"])) == (nodes * 8 + links) * (2 if switch == "sn5610" else 1)
            assert nodes * 8 + 2 * links <= int(str(made["ports_present"]))


def test_slots_belong_to_one_server(planned: Planned, catalog: Catalog) -> None:
    """Cards, adapters and drives divide into whole, equal machines."""
    for name in ("edge-video", "llm-training", "deepseek-private-zh"):
        plan = planned(name).plan
        for pool in plan.pools:
            lines = [ln for ln in plan.lines if ln.group.startswith(f"{pool.chassis}/{pool.accelerator}")]
            assert pool.accelerators % pool.nodes == 0
            assert [ln.part for ln in lines if ln.quantity % pool.nodes] == [], name
        assert sum(ln.quantity for ln in plan.lines if ln.part in catalog.chassis) == plan.totals.nodes


def test_a_rack_is_not_filled_up(catalog: Catalog) -> None:
    """Nine nodes do not become the twelve that three racks hold."""
    text = (
        "site: {country: US, rack_power_kw: 45}\n"
        "workloads: [{kind: capacity, accelerator: h100-sxm5, count: 72}]\npreferences: {chassis: {only: [dgx-h100]}}\n"
    )
    assert planned_from(text, catalog).totals.accelerators == 72


def test_a_default_written_out_changes_nothing(catalog: Catalog) -> None:
    text = "site: {country: US}\nworkloads: [{kind: capacity, accelerator: h100-sxm5, count: 16}]\n"
    short = read_site_text(text, "site.yaml", catalog)
    written = (
        "project: GPU data centre\nlanguage: en\nobjective: lowest_capex\nbudget: {currency: USD, tco_years: 5, "
        "price_level: typical}\ncompliance: {accept: [no_licence_required, domestic_supply], ship_from: US}\n"
        "preferences: {sizing: low, fabric: {oversubscription: 1}}\npricing: {margin_percent: 0, valid_days: 30}\n"
    )
    full = read_site_text(text.replace("US}", "US, cooling: air}") + written, "site.yaml", catalog)
    assert normalised(full) == normalised(short)
    one, two = optimize(short, catalog, DAY), optimize(full, catalog, DAY)
    assert (one.lines, one.totals) == (two.lines, two.totals)


def test_no_price_claims_more_than_it_says(catalog: Catalog) -> None:
    """A record or price row without source or grade does not exist; an estimate says that it is one."""
    for rows in catalog.prices.values():
        for price in rows:
            assert price.grade in "ABCDEM"
            assert price.source
            assert price.basis


def test_replicas_are_told_with_their_cards(planned: Planned) -> None:
    ran = planned("deepseek-private-zh")
    (pool,) = ran.plan.pools
    layout = pool.predicted[0].layout
    assert layout["replicas"] * layout["accelerators"] <= pool.accelerators
    told = " ".join(summary(ran.plan, ()).split())
    assert re.search(rf"{layout['replicas']} replicas? × {layout['accelerators']} accelerators?", told)
    assert f"{pool.nodes} × " in told
    assert f"with {pool.accelerators_per_node} × " in told


@pytest.mark.parametrize(("name", "dense"), [("h100-sxm5", 989), ("a100-sxm4-80gb", 312), ("h200-sxm5", 989)])
def test_the_dense_rate_is_planned(name: str, dense: float, catalog: Catalog) -> None:
    """1,000 TFLOPS of dense FP16 take two H100, not the one that the sparse figure suggests."""
    peak = dense_peak_tflops(catalog.accelerators[name], "fp16")
    assert peak == pytest.approx(dense, abs=1)


def test_every_line_has_a_dated_price(planned: Planned) -> None:
    for name in ("sixty-four-h100", "campus-mixed"):
        for line in planned(name).plan.lines:
            assert line.price is None or re.match(r"\d{4}", line.price.as_of), line.part
            assert line.price is not None or line.rule, line.part


def test_limits_use_the_maximum_and_energy_the_typical_draw(planned: Planned) -> None:
    plan = planned("llm-training").plan
    assert plan.totals.typical_power_kw < plan.totals.it_power_kw
    limit = next(x for x in plan.limits if x.name == "site.utility_power_kw")
    assert limit.used == pytest.approx(plan.totals.it_power_kw * 1.3, abs=0.05)
    hours = Decimal("0.8") * Decimal("1.3") * 8760 * Decimal("0.19")
    energy = Decimal(str(plan.totals.typical_power_kw)) * hours
    assert plan.totals.energy_per_year is not None
    assert float(plan.totals.energy_per_year) == pytest.approx(float(energy), rel=1e-3)
