"""Small random sites planned and enumerated: python benchmarks/small_sites.py --seed 1 --sites 200

A site is a tiny catalog with prices of its own and a request; the plan must be worth what complete enumeration finds,
and `planner verify` must accept it. Prints how many agree and how many show each situation. With --programs the same
for random programs (the solver alone, without catalogs). A site whose enumeration is too large is left out and named.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from oracle.agree import compared
from oracle.enumerate import best
from oracle.site import supply_binds
from oracle.small import small_problem
from oracle.tiny import ON, tiny_site

from planner.packing import pack_shapes
from planner.solve import solve, stage_value, stages

Shown = Iterator[tuple[str, bool]]
LEFT_OUT = "left out"


class TooLargeError(Exception):
    """A site took more processor time than it was given."""


def bounded(look: Callable[[int], Shown], seed: int, seconds: int) -> list[tuple[str, bool]]:
    """What a seed shows; only that it was left out where that takes longer than `seconds` of processor time."""

    def late(*_: object) -> None:
        raise TooLargeError

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return list(look(seed))
    except TooLargeError:
        print(f"site {seed}: left out, not enumerated and planned in {seconds} s of processor time", file=sys.stderr)
        return [(LEFT_OUT, True)]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def site(seed: int) -> Shown:
    """What a random site shows; "disagree" with the differences on standard error."""
    tiny = tiny_site(seed)
    outcome = compared(tiny)
    answer = outcome.answer
    for difference in outcome.differences:
        print(f"site {seed} ({tiny.kind}): {difference}", file=sys.stderr)
    yield "disagree", bool(outcome.differences)
    yield "no plan", answer.value is None
    yield "two pools in the optimum", answer.two_pools
    yield "a binding supply limit", supply_binds(tiny.request, tiny.catalog, ON, answer)
    yield "a rack saved by sharing", answer.shared_rack
    yield "maximise across a step", answer.step
    yield "a tie", answer.tie
    yield "cooled by liquid", bool(answer.heap.plates)
    yield "a compute fabric of two pools", answer.joint


def program(seed: int) -> Shown:
    """What a random program shows."""
    problem = small_problem(seed)
    answer, found = best(problem), solve(problem, pack_shapes)
    wrong = (answer.value is None) != (found is None)
    if answer.value is not None and found is not None:
        stage = next(s for s in stages(problem) if s.measure is not None)
        expected = answer.value[1] if problem.performance_first else answer.value[0]
        wrong = abs(stage_value(problem, stage, found) - expected) > 0.01
    yield "disagree", wrong
    yield "no plan", answer.value is None
    yield "two pools in the optimum", answer.two_pools
    yield "a binding supply limit", answer.supply_binds
    yield "a rack saved by sharing", answer.shared_rack
    yield "maximise across a step", answer.step and problem.performance_first
    yield "a tie", answer.tie


def count(name: str, look: Callable[[int], Shown], seeds: range, seconds: int) -> bool:
    """Look at every seed and print the table; whether all that were looked at agree."""
    kinds: Counter[str] = Counter()
    wrong, left_out = [], []
    started = time.perf_counter()
    for seed in seeds:
        for kind, shown in bounded(look, seed, seconds):
            kinds[kind] += shown
            if shown and kind == "disagree":
                wrong.append(seed)
            if kind == LEFT_OUT:
                left_out.append(seed)
    print(f"seed {seeds.start}, {len(seeds)} {name}, {time.perf_counter() - started:.0f} s")
    for kind, number in sorted(kinds.items()):
        named = {"disagree": wrong, LEFT_OUT: left_out}.get(kind)
        print(f"  {kind:28} {number:4}" + (f" {named}" if named else ""))
    return not wrong and len(left_out) < len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--programs", action="store_true", help="random programs as well")
    parser.add_argument("--seconds", type=int, default=60, help="processor time for one site")
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.sites)
    agree = count("sites", site, seeds, given.seconds)
    if given.programs:
        agree = count("programs", program, seeds, given.seconds) and agree
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
