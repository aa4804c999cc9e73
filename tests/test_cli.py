"""The commands as people and machines meet them: help, broken files, hostile plans, JSON, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import EXAMPLES, ON, Ran, run
from plans import sample

from planner.bom import bom_csv
from planner.cli import app
from planner.planfile import dump_plan, load_plan, plan_text
from planner.workbook import write_workbook

ROOT = EXAMPLES.parent
SMALLEST = "site: {country: US}\nworkloads:\n  - {kind: capacity, accelerator: h100-sxm5, count: 64}\n"
Planned = Callable[[str], Ran]


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the program, by its words."""
    top: Any = group or typer.main.get_command(app)
    for name, command in top.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def refused(ran: Ran, code: int = 2) -> str:
    """The message of a command that refused: on standard error only, without a traceback."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err + ran.out
    assert "Unforeseen" not in ran.err
    assert ran.err.strip()
    return ran.err


# -- help ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_help_shows_an_example_of_the_command_itself(words: tuple[str, ...]) -> None:
    ran = run([*words, "--help"])
    assert ran.code == 0
    assert f"Example: planner {' '.join(words)}" in " ".join(ran.out.split())


def test_the_promised_commands_are_there() -> None:
    promised = {"optimize", "verify", "explain", "compare", "bom", "proposal", "comply", "fabric", "size", "schema"}
    assert promised | {"init", "catalog list", "catalog show", "catalog lint"} <= {" ".join(c) for c in commands()}


def test_the_readme_names_only_commands_that_exist() -> None:
    known = {c[0] for c in commands()}
    named = set(re.findall(r"^planner ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert named and named <= known


def test_version_and_no_arguments() -> None:
    assert run(["--version"]).out.startswith("planner ")
    assert "Usage" in run([]).out + run([]).err


@pytest.mark.parametrize("words", [["optimise"], ["optimize"], ["optimize", "a", "--oops"], ["fabric", "--nodes", "x"]])
def test_usage_errors_end_with_two(words: list[str]) -> None:
    refused(run(words))


# -- ten broken site files -------------------------------------------------------------------------------------------
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
)
BROKEN: dict[str, tuple[bytes | None, str]] = {
    "wrong-type": (SMALLEST.replace("64", "many").encode(), r":3:53: workloads\[0\]\.count: expected a whole number"),
    "unknown-key": (SMALLEST.replace("US}", "US, rack: 4}").encode(), r":1:21: site\.rack: unknown key.*racks"),
    "unknown-part": (SMALLEST.replace("sxm5", "sxm6").encode(), r":3:35: .*not in the catalog\. Nearest: .*h100-sxm5"),
    "negative-power": (SMALLEST.replace("US}", "US, it_power_kw: -3}").encode(), r":1:34: .*above 0, got -3"),
    "duplicate-key": ((SMALLEST + "site: {country: DE}\n").encode(), r":4:1: site: the key stands twice"),
    "alias-bomb": (BOMB.encode(), r":\d+:\d+: .*aliases"),
    "binary": (bytes(range(256)) * 64, "is not UTF-8 text"),
    "empty": (b"", "is empty; expected at least"),
    "fifty-megabytes": (b"\0" * 50_000_000, r"is 50\.0 MB; a site file is at most 1 MB"),
    "missing": (None, "does not exist"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_site_files(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    path = tmp_path / f"{name}.yaml"
    if content is not None:
        path.write_bytes(content)
    message = refused(run(["optimize", path]))
    assert message.startswith(str(path))
    assert re.search(words, message), message
    assert len(message) < 1000
    assert {p.name for p in tmp_path.iterdir()} <= {path.name}  # nothing was written beside it


@pytest.mark.parametrize("command", ["optimize", "explain", "size"])
def test_every_command_that_reads_a_site_refuses_alike(command: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SMALLEST.replace("64", "-64"))
    assert "site.yaml:3:53" in refused(run([command, path]))


def test_all_mistakes_come_together_for_people_and_machines(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SMALLEST.replace("64", "0").replace("US", "USA") + "objective: cheap\n")
    assert len(refused(run(["optimize", path])).strip().splitlines()) == 3
    told = json.loads(run(["optimize", path, "--json"]).out)
    assert len(told["mistakes"]) == 3
    assert {m["line"] for m in told["mistakes"]} == {1, 3, 4}


def test_a_folder_is_not_a_site_file(tmp_path: Path) -> None:
    refused(run(["optimize", tmp_path]))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    site = tmp_path / "site.yaml"
    site.write_text(SMALLEST)
    message = refused(run(["optimize", site, "--out", tmp_path / "taken"]))
    assert "taken" in message


# -- hostile plan files ----------------------------------------------------------------------------------------------
def _plan(**changes: Any) -> bytes:
    data = json.loads(plan_text(sample.single()))
    return json.dumps({**data, **changes}).encode()


HOSTILE: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "binary": bytes(range(256)),
    "not-json": b"{]",
    "not-a-plan": b"[1, 2, 3]",
    "number": b"7",
    "deep": b"[" * 100_000,
    "unknown-key": _plan(surprise=1),
    "status": _plan(status="perfect"),
    "no-lines": _plan(lines="none"),
    "infinite": plan_text(sample.single()).replace('"gap": 0', '"gap": 1e999', 1).encode(),
    "huge-number": b'{"status": ' + b"9" * 100_000 + b"}",
    "lone-surrogate": b'{"project": "\\ud800"}',
}


@pytest.mark.parametrize("command", ["verify", "bom", "proposal", "compare"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_plans(name: str, command: str, tmp_path: Path) -> None:
    path, content = tmp_path / "plan.json", HOSTILE[name]
    if content is not None:
        path.write_bytes(content)
    message = refused(run([command, path, path] if command == "compare" else [command, path]))
    assert str(path) in message
    assert len(message) < 4000
    assert {p.name for p in tmp_path.iterdir()} <= {"plan.json"}


def test_a_workbook_given_as_a_plan_is_called_no_plan(tmp_path: Path) -> None:
    path = tmp_path / "bom.xlsx"
    write_workbook(sample.single(), path)
    message = refused(run(["verify", path]))
    assert "is not a plan.json" in message and "codec" not in message


def test_a_plan_of_fifty_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(60_000_000)
    assert "MB; a plan is at most" in refused(run(["verify", path]))


def test_documents_are_not_written_where_nothing_can_be(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    dump_plan(sample.single(), path)
    for command, name in (("bom", "x.xlsx"), ("bom", "x.csv"), ("proposal", "x")):
        assert "cannot" in refused(run([command, path, "--out", tmp_path / "no" / name]))
    refused(run(["proposal", path, "--language", "fr"]))
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_the_bill_of_materials_is_written_as_its_ending_says(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    dump_plan(sample.single(), path)
    for name in ("x.csv", "y.XLSX"):
        assert run(["bom", path, "--out", tmp_path / name]).code == 0
    assert (tmp_path / "x.csv").read_bytes() == bom_csv(load_plan(path)).encode()
    assert zipfile.is_zipfile(tmp_path / "y.XLSX")
    for name in ("x.pdf", "x"):
        message = refused(run(["bom", path, "--out", tmp_path / name]))
        assert ".xlsx" in message and ".csv" in message
        assert not (tmp_path / name).exists()


def test_a_changed_plan_is_refused_by_its_line(planned: Planned, tmp_path: Path) -> None:
    data = json.loads((planned("sixty-four-h100").folder / "plan.json").read_text(encoding="utf-8"))
    data["lines"][2]["quantity"] += 1
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data))
    message = refused(run(["verify", path]))
    assert f"lines {data['lines'][2]['position']}" in message
    told = json.loads(run(["verify", path, "--json"]).out)
    assert told["ok"] is False and told["findings"]


# -- starting, and answers for machines ------------------------------------------------------------------------------
def test_the_starter_file_plans_as_it_is(tmp_path: Path) -> None:
    site = tmp_path / "mine.yaml"
    first = run(["init", site])
    assert first.code == 0 and f"planner optimize {site}" in first.out
    before = site.read_bytes()
    assert "exists already" in refused(run(["init", site]))
    assert site.read_bytes() == before
    ran = run(["optimize", site, "--json", "--on", ON])
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["status"] == "optimal"
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["bom.xlsx", "plan.json", "proposal.html"]


@pytest.mark.parametrize(
    "words",
    [
        ["size", EXAMPLES / "sixty-four-h100.yaml"],
        ["explain", EXAMPLES / "sixty-four-h100.yaml"],
        ["comply", "h20-sxm5", "--to", "CN", "--hq", "CN"],
        ["fabric", "--nodes", "127", "--nics", "8", "--switch", "qm9700"],
        ["optimize", EXAMPLES / "rules-clash.yaml"],
    ],
    ids=lambda w: str(w[0]),
)
def test_json_output_is_one_document(words: list[Any]) -> None:
    on = [] if words[0] == "fabric" else ["--on", ON]
    ran = run([*words, "--json", *on])
    assert ran.code in (0, 3)
    assert json.loads(ran.out)
    assert not re.search(r"\b(NaN|Infinity)\b", ran.out)


@pytest.mark.parametrize("what", ["site", "plan", "catalog"])
def test_schemas_are_json(what: str) -> None:
    assert json.loads(run(["schema", what]).out)


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (["comply", "h100-sxm6", "--to", "CN", "--hq", "CN"], "h100-sxm5"),
        (["comply", "h100-sxm5", "--to", "China", "--hq", "CN"], "ISO 3166-1"),
        (["comply", "h100-sxm5", "--to", "CN", "--hq", "CN", "--on", "yesterday"], "YYYY-MM-DD"),
        (["fabric", "--nodes", "4", "--nics", "8", "--switch", "qm970"], "qm9700"),
        (["fabric", "--nodes", "4", "--nics", "8", "--switch", "qm9700", "--oversubscription", "0:0"], "1 to 16"),
        (["fabric", "--nodes", "999999", "--nics", "8", "--switch", "qm9700"], "three tiers"),
        (["catalog", "list", "acelerators"], "accelerators"),
        (["catalog", "show", "h100-smx5"], "h100-sxm5"),
        (["schema", "house"], "site, plan or catalog"),
    ],
)
def test_wrong_words_name_the_nearest_right_ones(words: list[str], say: str) -> None:
    assert say in refused(run(words))


def test_the_catalog_can_be_looked_into() -> None:
    assert "h100-sxm5" in run(["catalog", "list", "accelerators"]).out
    assert json.loads(run(["catalog", "show", "h100-sxm5", "--json"]).out)["id"] == "h100-sxm5"
    assert run(["catalog", "lint"]).code == 0


def test_progress_is_silent_when_not_a_terminal(planned: Planned) -> None:
    assert planned("llm-training").err == ""


def test_a_time_limit_is_kept_and_its_gap_is_said(tmp_path: Path) -> None:
    """Within one second it is either proven, or stopped with exit code 4 and the gap stated."""
    ran = run(["optimize", EXAMPLES / "edge-video.yaml", "--time-limit", "1", "--on", ON, "--out", tmp_path / "o"])
    assert ran.code in (0, 4)
    plan = json.loads((tmp_path / "o" / "plan.json").read_text(encoding="utf-8"))
    assert plan["status"] == ("optimal" if ran.code == 0 else "feasible")
    assert ("gap 0" in ran.out) == (ran.code == 0)


def test_only_debug_shows_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("planner.printing.schema", broken)
    ran = run(["schema", "site"])
    assert ran.code == 1
    assert ran.err.startswith("Unforeseen: RuntimeError: boom")
    assert "Traceback" not in ran.err
    assert "Traceback" in run(["schema", "site", "--debug"]).err


# -- the distribution ------------------------------------------------------------------------------------------------
def test_the_wheel_carries_catalogs_templates_and_both_commands(tmp_path: Path) -> None:
    """Built by the backend itself, without an isolated environment and so without the network."""
    pytest.importorskip("hatchling")
    code = "import os, sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        names = set(wheel.namelist())
        for folder in ("catalogs", "templates"):
            shipped = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()}
            assert {f"planner/{p.as_posix()}" for p in shipped if "__pycache__" not in p.parts} <= names
        commands_file = next(n for n in names if n.endswith("entry_points.txt"))
        text = wheel.read(commands_file).decode()
        assert "planner = planner.cli:main" in text and "dcplanner = planner.cli:main" in text
        assert not any(n.startswith(("tests/", "examples/")) for n in names)
        wheel.extractall(tmp_path / "site")
    for words in (["catalog", "lint"], ["init", "s.yaml"]):
        ran = subprocess.run(
            [sys.executable, "-m", "planner.cli", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "s.yaml").is_file()
