"""Whole-process time and peak memory of every example, as a user's command: python benchmarks/sites.py [SITE ...]"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def measure(site: Path, folder: Path) -> tuple[int, float, float]:
    """Exit code, seconds and peak MB of one `planner optimize`."""
    command = [sys.executable, "-m", "planner.cli", "optimize", str(site), "--out", str(folder), "--on", "2026-11-24"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    sites = [Path(a) for a in sys.argv[1:]] or sorted(EXAMPLES.glob("*.yaml"))
    print(f"{'site':24} {'exit':>4} {'seconds':>8} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as name:
        for site in sites:
            code, seconds, megabytes = measure(site, Path(name) / site.stem)
            print(f"{site.stem:24} {code:>4} {seconds:8.2f} {megabytes:8.0f}")


if __name__ == "__main__":
    main()
