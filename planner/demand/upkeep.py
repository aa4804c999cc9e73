"""Failures and checkpoints: which share of wall-clock time advances a long run.

    lost = C/τ + (τ/2 + R)/M,   τ = √(2·C·M)   (Young's interval)

C seconds that a checkpoint stops the job, M mean time between failures of the job, R restart time with a spare at
hand. M = 1/(4.7e-4 per accelerator and day): Llama 3.1 had 466 interruptions in 54 days on 16,384 H100 (arXiv
2407.21783,
table 5). A checkpoint is 14 bytes per parameter (weights, fp32 master, two moments; BLOOM wrote 13) and stops the
job while it
is written at the speed given. Where none is given it is copied to host memory and written behind the run: 15 s; with
R = 5 min this leaves the above 90 % that Llama 3.1 reports at that scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FAILURES_PER_DAY = 4.7e-4  # per accelerator
RESTART_S = 300.0
CHECKPOINT_BYTES = 14.0  # per trained parameter
USUAL_STALL_S = 15.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`useful` share of time; seconds between and for checkpoints; hours between failures; GB of one checkpoint."""

    useful: float
    interval_s: float
    write_s: float
    failure_hours: float
    checkpoint_gb: float


def upkeep(accelerators: int, trained_parameters: float, write_gb_per_s: float | None = None) -> Upkeep:
    """The useful share of a job on `accelerators`, with checkpoints at the interval that loses least."""
    size = trained_parameters * CHECKPOINT_BYTES
    write = size / (write_gb_per_s * 1e9) if write_gb_per_s else USUAL_STALL_S
    between = DAY_S / (FAILURES_PER_DAY * max(1, accelerators))
    interval = max(math.sqrt(2.0 * write * between), write)
    lost = write / interval + (interval / 2.0 + RESTART_S) / between
    return Upkeep(
        useful=1.0 / (1.0 + lost),
        interval_s=interval,
        write_s=write,
        failure_hours=between / 3600.0,
        checkpoint_gb=size / 1e9,
    )
