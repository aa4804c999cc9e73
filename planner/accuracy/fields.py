"""Numbers out of fields that may hold words."""

from __future__ import annotations

import math
import re
from typing import Any


def number(value: Any, default: float | None = None) -> float | None:
    """The first number in a field, e.g. 48 of `48 per GPU` or 4096 of `4096-token KV`; `default` where there is
    none."""
    if isinstance(value, bool) or value is None:
        return default
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else default
    found = re.search(r"\d[\d,_]*\.?\d*", str(value)[:200])
    return float(found.group().replace(",", "").replace("_", "")) if found else default
