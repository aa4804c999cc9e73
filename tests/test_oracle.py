"""The solver against complete enumeration of small random programs.

All 200: python benchmarks/small_sites.py --seed 1
"""

from __future__ import annotations

import pytest
from oracle.enumerate import best
from oracle.small import small_problem

from planner.packing import pack_shapes
from planner.solve import solve, stage_value, stages


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
