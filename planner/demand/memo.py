"""Per-catalog memory, so that thousands of (node, count) questions about the same hardware are answered once.

Keys name only what matters to the answer (accelerator, cards, link and NIC bandwidth, count, workload), so node builds
that differ in CPU or memory share their results. A catalog that is dropped takes its memory along.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from planner.catalog import Catalog

_memories: WeakKeyDictionary[Catalog, dict[Hashable, Any]] = WeakKeyDictionary()


def remembered[T](catalog: Catalog, key: Hashable, make: Callable[[], T]) -> T:
    """The value stored for `key` with this catalog; `make` is called the first time."""
    memory = _memories.setdefault(catalog, {})
    if key not in memory:
        memory[key] = make()
    value: T = memory[key]
    return value
