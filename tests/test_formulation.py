"""Every constraint of the program: its LP text on the smallest site that shows it, and a point that only it refuses.

Refresh the golden texts after a wanted change, in a commit of its own:
REFRESH_GOLDEN=1 pytest tests/test_formulation.py
"""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import replace
from pathlib import Path

import pulp
import pytest
from math_lp.sites import CASES, CUT, KNOWN, LEAVES, MANY, RULE, SERVICE, A, B, bare, job

from planner import formulation
from planner.formulation import CONSTRAINTS, Model, differs, formulate, rack_packing, rack_worth
from planner.model import Load, Problem, RoomLimits, Shape, Work
from planner.packing import pack_shapes
from planner.rackcuts import RackCut
from planner.solve import solve

GOLDEN = Path(__file__).parent / "math_lp"
NAMES = [c.__name__ for c in CONSTRAINTS] + ["rack_packing", "rack_worth", "differs"]


def alone(name: str) -> Model:
    """The program of a constraint's smallest site with no rows but its own."""
    problem = CASES[name][0]
    lp = pulp.LpProblem("plan", pulp.LpMinimize)
    model = Model(problem, lp, lp.add_variable("racks", 0, None, "Integer"))
    formulation._variables(model)
    if name == "rack_packing":
        rack_packing(model, CUT, 0)
    elif name == "rack_worth":
        rack_worth(model, RULE, 0)
    elif name == "differs":
        differs(model, KNOWN)
    else:
        getattr(formulation, name)(model)
    return model


def text(model: Model, folder: Path) -> str:
    """The LP text, with an objective of nothing but racks so that every variable format stays the same."""
    model.lp.setObjective(1 * model.racks)
    path = folder / "program.lp"
    model.lp.writeLP(str(path))
    return path.read_text(encoding="utf-8")


def holds(model: Model, values: dict[str, float]) -> bool:
    """Whether an assignment meets every row."""
    known = {v.name for v in model.lp.variables()}
    assert set(values) <= known, f"no variable {sorted(set(values) - known)}"
    for row in model.lp.constraints():
        total = sum(c * values.get(v.name, 0.0) for v, c in row.items()) + row.constant
        if (row.sense == pulp.LpConstraintEQ and abs(total) > 1e-9) or row.sense * total < -1e-9:
            return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_lp_text(name: str, tmp_path: Path) -> None:
    found, golden = text(alone(name), tmp_path), GOLDEN / f"{name}.lp"
    if os.environ.get("REFRESH_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_row_lets_a_good_point_pass_and_refuses_a_bad_one(name: str) -> None:
    _, good, bad = CASES[name]
    model = alone(name)
    assert holds(model, good)
    assert not holds(model, bad)


def test_no_constraint_lacks_a_golden_text_and_none_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.lp")} == set(NAMES) == set(CASES)


def test_every_function_that_adds_rows_is_in_the_list() -> None:
    """A function that takes only the model and returns nothing is a constraint, and must be registered."""
    written = {
        name
        for name, f in inspect.getmembers(formulation, inspect.isfunction)
        if f.__module__ == formulation.__name__
        and not name.startswith("_")
        and list(inspect.signature(f).parameters)[:1] == ["model"]
    }
    assert written == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_docstring_states_its_formula(name: str) -> None:
    words = inspect.getdoc(getattr(formulation, name)) or ""
    assert any(sign in words for sign in ("=", "≤", "≥")), words


def test_every_row_of_a_whole_program_belongs_to_a_constraint() -> None:
    problem = replace(CASES["limit_rows"][0], shared=CASES["together"][0].shared)
    model = formulate(problem, [RackCut((("service|m", 3),), (), (), 2)])
    starts = (*NAMES, "one_shared", "capital_budget", "yearly_budget", "site_power", "supply", "rack_", "racks")
    assert all(row.name.startswith(starts) for row in model.lp.constraints())


# -- what the program means ------------------------------------------------------------------------------------------
def answer(problem: Problem) -> dict[str, int]:
    found = solve(problem, pack_shapes)
    assert found is not None
    return {name: n for name, n in found.units.items() if n}


def test_the_cheapest_option_serves_one_job() -> None:
    assert answer(bare(A, B)) == {"job|a": 1}


def test_a_count_range_is_all_or_nothing() -> None:
    assert answer(bare(MANY, works=(Work("service", "mix", 1.0),))) == {"service|m": 2}


def test_a_cut_counts_only_while_all_its_choices_are_made() -> None:
    """Fewer units than the cut was learnt from need not have its racks."""
    cut = RackCut((("service|m", 4),), (), (), 9)
    for units, racks, good in ((4, 9, True), (4, 8, False), (3, 1, True), (5, 8, False)):
        model = formulate(bare(MANY, works=SERVICE), [cut])
        values = {"use_0_service_m": 1.0, "units_0_service_m": float(units), "racks": float(racks)}
        found = any(holds(model, {**values, "enough_0_0": float(enough)}) for enough in (0, 1))
        assert found is good, (units, racks)


def test_a_budget_is_kept_to_the_cent() -> None:
    problem = bare(A, B)
    need = A.fixed.capital + problem.rack.capital
    assert solve(replace(problem, limits={"capital_budget": need}), pack_shapes) is not None
    assert solve(replace(problem, limits={"capital_budget": need - 1}), pack_shapes) is None


def test_a_tall_thing_and_a_hungry_one_share_a_rack() -> None:
    """Of each only one fits an empty rack, and yet both fit together."""
    hungry, tall = Shape("hungry", 4, 6_000, 50_000), Shape("tall", 24, 1_000, 50_000)
    options = (
        job("a", 1.0, Load(capital=100, shapes={hungry: 1})),
        job("b", 1.0, Load(capital=100, shapes={tall: 1}), "other"),
    )
    works = (Work("job", "one", 1.0), Work("other", "one", 1.0))
    problem = replace(bare(*options, works=works), room=RoomLimits(42, 10_000, None), limits={"racks": 1})
    found = solve(problem, pack_shapes)
    assert found is not None
    assert found.racks == 1


def test_everything_counts_in_the_total() -> None:
    problem = replace(bare(A), constant=Load(capital=11))
    found = solve(problem, pack_shapes)
    assert found is not None
    assert found.total.capital == 11 + A.fixed.capital + problem.rack.capital


def test_a_storage_network_is_no_slower_than_its_slowest_port() -> None:
    """Nodes and a system of 400 Gbit/s take no network of 200; a system of 200 does."""
    model = alone("storage_speed")
    fast, slow = (f"pick_{k}_system_{name}_at_200" for k, name in ((3, "fast"), (4, "slow")))
    for system, good in ((fast, False), (slow, True)):
        values = {"use_0_job_a": 1.0, "pick_1_storage_at_200": 1.0, system: 1.0}
        assert holds(model, values) is good, system


# -- the document ----------------------------------------------------------------------------------------------------
def test_docs_model_lists_every_constraint_and_every_variable() -> None:
    text = (Path(__file__).parent.parent / "docs" / "model.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip().strip("`") for line in text.splitlines() if line.startswith("| `")}
    assert set(NAMES) <= rows
    described = {row.split("[")[0] for row in rows}
    model = formulate(
        replace(CASES["tenant_cards"][0], shared=(*CASES["together"][0].shared, LEAVES)), [CUT_OF_TENANTS]
    )
    made = {re.split(r"_\d", v.name)[0] for v in model.lp.variables()}
    assert made <= described


CUT_OF_TENANTS = RackCut((("shared|n", 2),), (), (), 1)
