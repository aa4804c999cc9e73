"""`planner size` on five kinds of work over the whole catalog: quick, and with an answer for each of them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

SITE = Path(__file__).parents[1] / "benchmarks" / "five-works.yaml"
SECONDS = 8.0  # of processor time; below 2 on an idle machine, the rest is for slow and busy ones


def test_five_kinds_of_work_are_sized_quickly() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "planner.cli", "size", str(SITE), "--json", "--on", "2026-11-26"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=SITE.parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
    rows = json.loads(answer.stdout)
    able = Counter(r["workload"] for r in rows if r["reason"] is None)
    assert set(able) == {"pretraining", "tuning", "chat", "reasoning", "images"} and min(able.values()) >= 10


def test_sizing_loads_neither_solver_nor_documents() -> None:
    """What only planning and documents need is half of the time that a command takes to start."""
    code = "import sys, planner.cli, planner.sizing, planner.size_text, planner.sitefile; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=SITE.parents[1]
    )
    assert not {"pulp", "highspy", "xlsxwriter", "openpyxl", "jinja2"} & set(found.stdout.split())
