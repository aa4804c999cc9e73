"""Reading a file of reference rows: safe YAML (or JSON), bounded, every mistake told by place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planner.errors import InputError, Mistake
from planner.yamltext import parse, read_text

MOST_ROWS = 2000
MOST_VALUES = 400_000  # of all rows: a published row with its notes has about 100


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The rows under `cases:`, or of a file that is a list. InputError names the line of whatever is not a row."""
    source = parse(read_text(path, "a file of rows"), str(path), MOST_VALUES, lists=True)
    bare = isinstance(source.data, list)
    rows = source.data if bare else source.data.get("cases")
    if not isinstance(rows, list) or not rows:
        message = "expected a list of rows under cases:, each with id, kind, inputs and expected."
        raise InputError([Mistake(str(path), None, None, message)])
    if len(rows) > MOST_ROWS:
        raise InputError([Mistake(str(path), None, None, f"holds {len(rows):,} rows; at most {MOST_ROWS:,}.")])
    for k, row in enumerate(rows):
        place = (k,) if bare else ("cases", k)
        if not isinstance(row, dict):
            source.mistake(place, f"cases[{k}]: expected keys such as id, kind, inputs, expected.")
        elif not row.get("id") or not row.get("kind"):
            source.mistake(place, f"cases[{k}]: a row needs an id and a kind.")
    if source.mistakes:
        raise InputError(source.mistakes)
    return rows
