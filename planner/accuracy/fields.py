"""Numbers out of fields that may hold words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

GROUPS = ("measured", "slo")  # fields that hold further fields
WORDS = ("engine", "precision", "kv_precision", "scenario", "interconnect", "source", "date")
MOST_ACCELERATORS = 1_000_000


def number(value: Any, default: float | None = None) -> float | None:
    """The first number in a field: 48 of `48 per GPU`, 4096 of `4096-token KV`, 128,000 of `128k`; else `default`."""
    if isinstance(value, bool) or value is None:
        return default
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else default
    found = re.search(r"(\d[\d,_]*\.?\d*)([kK]\b)?", str(value)[:200])
    if not found:
        return default
    return float(found[1].replace(",", "").replace("_", "")) * (1000.0 if found[2] else 1.0)


def tidy(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row from outside with every field of the kind that predictions expect; what is not is left out."""
    found = dict(row)
    for key in GROUPS:
        if not isinstance(found.get(key), Mapping):
            found.pop(key, None)
    for key in WORDS:
        if isinstance(found.get(key), (list, tuple, dict)):
            found.pop(key)
        elif found.get(key) is not None:
            found[key] = str(found[key])[:200]
    count = number(found.get("gpu_count"))
    if count is None or not 1 <= count <= MOST_ACCELERATORS:
        found.pop("gpu_count", None)
    return found
