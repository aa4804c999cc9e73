"""The three files of a plan, and the starter site file; written all or none."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path

from planner.errors import InputError, Mistake
from planner.plan import Plan
from planner.planfile import dump_plan
from planner.proposal import write_proposal
from planner.workbook import write_workbook

NAMES = ("plan.json", "bom.xlsx", "proposal.html")


def write_all(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Write plan.json, bom.xlsx and proposal.html into `folder`; nothing is left half-written.

    All three are made beside the folder first and moved in when all are complete.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
            made = Path(name)
            dump_plan(plan, made / NAMES[0])
            write_workbook(plan, made / NAMES[1])
            write_proposal(plan, made / NAMES[2])
            for file in NAMES:
                (made / file).replace(folder / file)
    except OSError as error:
        raise InputError([Mistake(str(folder), None, None, f"cannot write there: {error.strerror}.")]) from error
    return tuple(folder / file for file in NAMES)


def starter(path: Path) -> None:
    """Write a commented site file; InputError when the file exists."""
    inside = Path(str(resources.files("planner"))) / "templates"
    folder = inside if inside.is_dir() else inside.parent.parent / "templates"
    text = (folder / "starter-site.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        message = "exists already; give another name or remove it first."
        raise InputError([Mistake(str(path), None, None, message)]) from error
    except OSError as error:
        raise InputError([Mistake(str(path), None, None, f"cannot write: {error.strerror}.")]) from error
