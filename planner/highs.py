"""The one door to HiGHS: silent, exact, and with one number of threads at a time.

HiGHS keeps one pool of threads per process. A run that asks for another number than the pool has does not run at all
("NotSolved"), so the pool is made anew when the number changes.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

import highspy
import pulp

# HiGHS defaults let a binary be 1e-6 off, which is ten dollars on a ten-million line.
TOLERANCES: dict[str, Any] = {
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
    "random_seed": 1,
    "output_flag": False,
}
THREADS = 1  # these programs are small: more threads cost more than they bring

_pool: list[int] = []  # the number of threads that the process's pool was made with


def run(lp: pulp.LpProblem, *, threads: int | None = None, time_limit: float | None = None, gap: float = 0.0) -> Any:
    """Solve and return PuLP's statistics; `threads` None: one. `time_limit` in seconds.

    `gap`: relative distance from the optimum that is good enough, 0 for all that a plan is made from.
    """
    silence_solver()
    wanted = threads or THREADS
    if _pool != [wanted]:
        highspy.Highs.resetGlobalScheduler(True)
        _pool[:] = [wanted]
    solver = pulp.HiGHS(msg=False, gapRel=gap, gapAbs=0.0, threads=wanted, timeLimit=time_limit, **TOLERANCES)
    return lp.solve(solver)


@functools.cache
def silence_solver() -> None:
    """HiGHS prints its name when first constructed, whatever its options: let it do that once, unheard."""
    sys.stdout.flush()
    saved, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)
