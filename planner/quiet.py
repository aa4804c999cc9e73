"""Keeps the solver's banner off standard output, which belongs to the answer."""

from __future__ import annotations

import functools
import os
import sys

import highspy


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
