"""Random plans cabled port by port, and a large site against the clock: python benchmarks/cabling.py [--seed 1]

Ten random sites, and one of each kind that has its own rules: copper, breakout cables, HDR, XDR, split ports, 800G,
islands, three tiers, slow uplinks, single-mode. Per plan: ports used and present, ports used twice, ports of nodes and
uplinks not cabled once, cables by schedule, by bill of materials and by formula (spares apart), racks beyond their
limits, what verify finds. Exit code 1 when any of that is wrong.
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
from planner.exports import cables
from planner.exports.tables import write_rows
from planner.optimize import optimize
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 24)
LARGE = """
project: Sixteen thousand
site: {country: US, rack_power_kw: 45}
workloads: [{name: pod, kind: capacity, accelerator: h100-sxm5, count: 16384}]
preferences: {chassis: {only: [dgx-h100]}, fabric: {technology: infiniband}}
"""


def large() -> int:
    """Plan, racks and the full schedule of a 16,384-GPU site in a process of its own: seconds, peak memory."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, "--child"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds, megabytes = time.perf_counter() - started, usage.ru_maxrss / 1024
    busy = usage.ru_utime + usage.ru_stime
    print(
        f"{text.strip()}; {seconds:.1f} s ({busy:.1f} s of processor), {megabytes:,.0f} MB at most"
        " (goal: 20 s, 1,000 MB)"
    )
    return os.waitstatus_to_exitcode(status) or int(seconds > 20 or megabytes > 1000)


def large_child() -> None:
    """What the child process does."""
    catalog = Catalog.load()
    plan = optimize(read_site_text(LARGE, "large", catalog), catalog, ON)
    with tempfile.TemporaryFile("w", encoding="utf-8", newline="") as out:
        rows = write_rows(out, cables.HEADER, (row.cells() for row in cables.schedule(plan, catalog)))
    longest = max(entry.longest_m for entry in plan.cabling)
    print(
        f"{plan.totals.accelerators:,} GPUs, {len(plan.racks)} racks, {rows:,} cables, longest run {longest:.1f} m",
        end="",
    )


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
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        large_child()
        return
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
