"""plan.json: written whole or not at all, read back with bounds and clear messages."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from planner.errors import InputError, Mistake
from planner.files import atomic_write
from planner.plan import Plan

MAX_BYTES = 50_000_000


def plan_text(plan: Plan) -> str:
    """The text of plan.json: the same plan gives the same bytes."""
    return json.dumps(plan.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


def dump_plan(plan: Plan, path: Path) -> None:
    """Write a plan atomically."""
    atomic_write(path, plan_text(plan).encode())


def load_plan(path: Path) -> Plan:
    """Read a plan; InputError for a missing, huge or malformed file, one message per field that is wrong."""
    name = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _wrong(name, f"is {size / 1e6:,.1f} MB; a plan is at most {MAX_BYTES / 1e6:g} MB.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _wrong(name, "does not exist; planner optimize writes it.") from error
    except UnicodeDecodeError as error:
        raise _wrong(name, "is not a plan.json: it holds no text. planner optimize writes one.") from error
    except OSError as error:
        raise _wrong(name, f"cannot be read as a plan: {error}.") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of more digits than Python reads
        line = getattr(error, "lineno", None)
        column = getattr(error, "colno", None)
        raise InputError([Mistake(name, line, column, f"is not JSON: {getattr(error, 'msg', error)}.")]) from error
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        mistakes = []
        for detail in error.errors(include_url=False)[:20]:
            where = ".".join(str(k) for k in detail["loc"])
            mistakes.append(Mistake(name, None, None, f"{where}: {detail['msg']}."))
        raise InputError(mistakes) from error


def _wrong(name: str, message: str) -> InputError:
    return InputError([Mistake(name, None, None, message)])
