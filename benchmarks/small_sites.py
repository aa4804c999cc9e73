"""Small random programs solved and enumerated: python benchmarks/small_sites.py --seed 1 --sites 200

Prints how many agree and how many show each situation.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from oracle.enumerate import best
from oracle.small import small_problem

from planner.packing import pack_shapes
from planner.solve import solve, stage_value, stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=200)
    given = parser.parse_args()
    kinds: Counter[str] = Counter()
    wrong = []
    started = time.perf_counter()
    for seed in range(given.seed, given.seed + given.sites):
        problem = small_problem(seed)
        answer, found = best(problem), solve(problem, pack_shapes)
        if answer.value is None or found is None:
            kinds["no plan"] += 1
            if (answer.value is None) != (found is None):
                wrong.append(seed)
            continue
        stage = next(s for s in stages(problem) if s.measure is not None)
        expected = answer.value[1] if problem.performance_first else answer.value[0]
        if abs(stage_value(problem, stage, found) - expected) > 0.01:
            wrong.append(seed)
        kinds["two pools in the optimum"] += answer.two_pools
        kinds["a binding supply limit"] += answer.supply_binds
        kinds["a rack saved by sharing"] += answer.shared_rack
        kinds["maximise across a step"] += answer.step and problem.performance_first
        kinds["a tie"] += answer.tie
    print(f"seed {given.seed}, {given.sites} sites, {time.perf_counter() - started:.0f} s")
    for kind, count in sorted(kinds.items()):
        print(f"  {kind:28} {count:4}")
    print(f"  {'disagree':28} {len(wrong):4} {wrong or ''}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
