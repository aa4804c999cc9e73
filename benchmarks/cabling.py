"""Random plans cabled port by port, and a large site against the clock: python benchmarks/cabling.py [--seed 1]

Ten random sites, and one of each kind that has its own rules: copper, breakout cables, HDR, XDR, split ports, 800G,
islands, three tiers, slow uplinks, single-mode, storage by cages. Per plan: ports used and present, ports used twice,
ports of nodes and uplinks not cabled once, cages with two plugs, modules, cables by schedule, by bill of materials and
by formula (spares apart), racks beyond their limits, what verify finds. Exit code 1 when any of that is wrong.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from plans.cabled import KINDS, examine, random_site, special_site

from planner.catalog import Catalog
from planner.errors import NoPlan
from planner.optimize import optimize
from planner.sitefile import read_site_text
from planner.verify import verify

ROOT = Path(__file__).parent.parent
ON = dt.date(2026, 11, 24)
LARGE = """
project: Sixteen thousand
site: {country: US, rack_power_kw: 45}
workloads: [{name: pod, kind: capacity, accelerator: h100-sxm5, count: 16384}]
preferences: {chassis: {only: [dgx-h100]}, fabric: {technology: infiniband}}
"""


def large() -> int:
    """A 16,384-GPU site by the commands that people use, each a process of its own: seconds and peak memory.

    Plan with its documents, racks as pictures and the full schedule must take less than 20 s and 1,000 MB together.
    """
    seconds = most = 0.0
    with tempfile.TemporaryDirectory() as folder:
        site, plan = Path(folder, "large.yaml"), str(Path(folder, "large", "plan.json"))
        site.write_text(LARGE, encoding="utf-8")
        for counted, words in (
            (True, ["optimize", str(site)]),
            (True, ["export", "cables", plan, "--out", str(Path(folder, "cables.csv"))]),
            (True, ["export", "racks", plan, "--out", str(Path(folder, "racks"))]),
            (False, ["verify", plan]),
        ):
            took, busy, megabytes, said = timed(words)
            name = " ".join(words[:2] if words[0] == "export" else words[:1])
            print(f"{name:<14} {took:>5.1f} s ({busy:.1f} s of processor), {megabytes:>4,.0f} MB: {said}", flush=True)
            seconds, most = seconds + took * counted, max(most, megabytes)
    print(f"{seconds:.1f} s for plan, schedule and racks, {most:,.0f} MB at most (goal: 20 s, 1,000 MB)")
    return int(seconds > 20 or most > 1000)


def timed(words: list[str]) -> tuple[float, float, float, str]:
    """A command of the planner: seconds, seconds of processor, peak megabytes, its last line. Ends where it fails."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "planner.cli", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    assert process.stdout is not None
    said = process.stdout.read().strip().rpartition("\n")[2]
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"planner {' '.join(words)}: {said}")
    busy = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - started, busy, usage.ru_maxrss / 1024, Path(said).name if "/" in said else said


def walked(name: str, text: str, catalog: Catalog) -> int | None:
    """Plan a site, walk its schedule and print what was counted: 1 when something is wrong; None without a plan."""
    try:
        plan = optimize(read_site_text(text, name, catalog), catalog, ON)
    except NoPlan:
        return None
    found = examine(plan, catalog)
    found.wrong += verify(plan, catalog)
    media = ", ".join(f"{n:,} {kind}" for kind, n in sorted(found.media.items()))
    ports = f"{found.used:>10,} {found.present:>8,}"
    counts = f"{found.schedule:>8,} {found.bought:>7,} {found.formula:>7,} {found.spares:>6,}"
    wrong = "; ".join(found.wrong[:3]) or "nothing"
    print(f"{name:<16} {len(plan.racks):>5} {ports} {counts}  {wrong:<8} {media}", flush=True)
    return int(bool(found.wrong))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plans", type=int, default=10)
    parser.add_argument("--no-kinds", action="store_true")
    parser.add_argument("--no-large", action="store_true")
    given = parser.parse_args()
    catalog, bad = Catalog.load(), 0
    print(
        f"{'site':<16} {'racks':>5} {'ports used':>10} {'present':>8} {'schedule':>8} {'bought':>7} {'formula':>7} "
        f"{'spares':>6}  {'wrong':<8} media"
    )
    seed, done = given.seed, 0
    while done < given.plans:
        wrong = walked(f"random {seed}", random_site(seed), catalog)
        bad += wrong or 0
        seed, done = seed + 1, done + (wrong is not None)
    for kind in () if given.no_kinds else KINDS:
        bad += walked(kind, special_site(kind, given.seed), catalog) or 0
    if not given.no_large:
        bad += large()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
