"""Each example is planned once for the whole run, by the command itself, in this process."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from planner.catalog import Catalog
from planner.cli import main
from planner.plan import Plan
from planner.planfile import load_plan

EXAMPLES = Path(__file__).parent.parent / "examples"
ON = "2026-11-24"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def files(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir()) if self.folder.is_dir() else []

    @property
    def plan(self) -> Plan:
        return load_plan(self.folder / "plan.json")


def run(arguments: Sequence[str | Path], folder: Path = Path()) -> Ran:
    """One command, as the entry point runs it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    assert isinstance(left.value.code, int)
    return Ran(left.value.code, out.getvalue(), err.getvalue(), folder)


def refusal(text: str, folder: Path) -> str:
    """What `planner optimize` says of a site file that has no plan."""
    file = folder / "site.yaml"
    file.write_text(text)
    found = run(["optimize", file, "--out", folder / "out"])
    assert found.code == 3
    return found.err


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """`planner optimize` on an example, by its name; the second call gets the first one's answer."""
    done: dict[str, Ran] = {}
    folder = tmp_path_factory.mktemp("examples")

    def plan(name: str) -> Ran:
        if name not in done:
            target = folder / name
            done[name] = run(["optimize", EXAMPLES / f"{name}.yaml", "--out", target, "--on", ON], target)
        return done[name]

    return plan


@pytest.fixture(autouse=True, scope="session")
def _plain_help() -> None:
    """Help texts without colours and at a fixed width, whatever the terminal."""
    os.environ["NO_COLOR"] = "1"
    os.environ["COLUMNS"] = "120"
    os.environ["TERMINAL_WIDTH"] = "120"
