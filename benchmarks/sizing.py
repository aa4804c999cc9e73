"""How long `planner size` takes on five kinds of work over the whole catalog, as a process of its own.

    python -m benchmarks.sizing [--runs 5]

The aim is 2 s of wall time on two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

SITE = Path(__file__).with_name("five-works.yaml")


def measured() -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "planner.cli", "size", str(SITE)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = [measured() for _ in range(parser.parse_args().runs)]
    wall, used = min(w for w, _ in runs), min(c for _, c in runs)
    print(f"{SITE.name}: wall {wall:.2f} s, processor {used:.2f} s (best of {len(runs)})")


if __name__ == "__main__":
    main()
