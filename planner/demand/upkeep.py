"""Failures and checkpoints: which share of wall-clock time advances a long run.

    lost = C/τ + (τ/2 + B + R)/M,   τ = max(√(2·C·M), W)   (Young's interval, but never before the last one is written)

C seconds that a checkpoint stops the job, W seconds until it is written, B = W − C of them behind the run, when a
failure still falls back on the checkpoint before; M mean time between failures of the job, R restart time with a
spare at hand. M = 1/(4.7e-4 per accelerator and day): Llama 3.1 had 466 interruptions in 54 days on 16,384 H100
(arXiv 2407.21783, table 5). A checkpoint is 14 bytes per parameter (weights, fp32 master, two moments; BLOOM wrote 13).

| what is known | W | C |
|---|---|---|
| `checkpoint_gb_per_s` of the work | bytes ÷ speed | W: the job waits |
| write speed of the shared storage | bytes ÷ speed | 15 s for the copy to host memory, W where that is less |
| nothing | 15 s | 15 s |

15 s with R = 5 min leaves the above 90 % that Llama 3.1 reports at that scale. Writing behind the run is usual since
2024 (PyTorch and Megatron asynchronous checkpoints); `useful_waiting` is the share where the job waits instead.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

FAILURES_PER_DAY = 4.7e-4  # per accelerator
RESTART_S = 300.0
CHECKPOINT_BYTES = 14.0  # per trained parameter
USUAL_STALL_S = 15.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Speed:
    """GB/s that storage must read or write: at least `least`, and `per_accelerator` for each one. `why` in words."""

    least: float
    per_accelerator: float
    why: str

    def at(self, accelerators: int) -> float:
        """GB/s for a number of accelerators, to the thousandth."""
        return round(max(self.least, self.per_accelerator * accelerators), 3)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`useful` share of time; seconds between checkpoints, that one stops the job, and until one is written; hours
    between failures; GB of one checkpoint; GB/s it is written with, where that is known."""

    useful: float
    useful_waiting: float  # where every checkpoint stops the job until it is written
    interval_s: float
    stall_s: float
    write_s: float
    failure_hours: float
    checkpoint_gb: float
    gb_per_s: float | None
    basis: str  # where the write speed comes from


@functools.lru_cache(maxsize=8192)
def upkeep(
    accelerators: int, trained_parameters: float, stops_gb_per_s: float | None = None, storage: Speed | None = None
) -> Upkeep:
    """The useful share of a job on `accelerators`, with checkpoints at the interval that loses least.

    `stops_gb_per_s`: write speed while the job waits. Else `storage`: what shared storage must write, of which a job
    counts what its own accelerators imply; a speed of 0 is no speed that is known.
    """
    size = trained_parameters * CHECKPOINT_BYTES
    speed = stops_gb_per_s or (storage.at(accelerators) if storage is not None else 0.0) or None
    write = size / (speed * 1e9) if speed else USUAL_STALL_S
    stall = write if stops_gb_per_s else min(write, USUAL_STALL_S)
    between = DAY_S / (FAILURES_PER_DAY * max(1, accelerators))
    interval, useful = _kept(stall, write, between)
    return Upkeep(
        useful=useful,
        useful_waiting=_kept(write, write, between)[1],
        interval_s=interval,
        stall_s=stall,
        write_s=write,
        failure_hours=between / 3600.0,
        checkpoint_gb=size / 1e9,
        gb_per_s=speed,
        basis=_basis(stops_gb_per_s, storage if speed else None),
    )


def _basis(stops: float | None, storage: Speed | None) -> str:
    if stops:
        return "checkpoint_gb_per_s of the work"
    return "copied to host memory, written behind the run" if storage is None else f"storage: {storage.why}"


def _kept(stall: float, write: float, between: float) -> tuple[float, float]:
    """Seconds between checkpoints and the useful share: see the formula above."""
    interval = max(math.sqrt(2.0 * stall * between), write)
    lost = stall / interval + (interval / 2.0 + (write - stall) + RESTART_S) / between
    return interval, 1.0 / (1.0 + lost)
