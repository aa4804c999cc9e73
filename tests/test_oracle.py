"""The planner against complete enumeration: small random sites, and small random programs for the solver alone.

All 200 of each, with the situations that they show: python benchmarks/small_sites.py --seed 1 --programs
"""

from __future__ import annotations

import pytest
from oracle.agree import compared
from oracle.enumerate import best
from oracle.small import small_problem
from oracle.tiny import KINDS, tiny_site

from planner.packing import pack_shapes
from planner.solve import solve, stage_value, stages


@pytest.mark.parametrize("seed", range(1, 31))
def test_plan_agrees_with_enumeration_of_the_site(seed: int) -> None:
    """Objective, capital, power and nodes of the plan are those of the best of all plans; verify accepts it."""
    assert compared(tiny_site(seed)).differences == ()


def test_sites_of_the_test_run_are_of_every_kind() -> None:
    assert {KINDS[seed % len(KINDS)] for seed in range(1, 31)} == set(KINDS)


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
