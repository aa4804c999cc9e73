"""Look-ups, overlay folders, the cache of parsed files, and reading a catalog in time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planner import lookup
from planner.catalog import Catalog, built_in_folder, cache, parse_yaml
from planner.catalog.essentials import ESSENTIALS, unknown_figures
from planner.cli import main
from planner.errors import AmbiguousPart, CatalogError, InputError, UnknownPart
from planner.sitefile import open_site

CARD = """records:
  - id: {id}
    vendor: Example
    model: {model}
    family: hopper
    ecosystem: cuda
    form_factor: PCIe-dual-slot-FHFL
    slot_width: 2
    memory_gb: 96
    memory_bandwidth_gb_per_s: 4000
    dense_tflops: {{bf16: 800, fp8: 1600}}
    scale_up: {{name: none}}
    pcie_gen: 5
    pcie_lanes: 16
    tdp_w: 350
    as_of: '2026-11-01'
    sources: [https://example.com/datasheet]
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


# -- look-ups ----------------------------------------------------------------------------------------------------------
def test_filters_narrow_a_list() -> None:
    code, out, _ = run("catalog", "list", "accelerators", "--memory-gb", "80..", "--vendor", "nvidia")
    assert code == 0 and "h100-sxm5" in out and "l40s" not in out and "mi300x" not in out
    data = json.loads(run("catalog", "list", "gpus", "--where", "dense_tflops.fp8=1000..", "--domestic", "--json")[1])
    assert data and all(p["origin"] == "CN" and p["dense_tflops"]["fp8"] >= 1000 for p in data)
    assert "No switches match" in run("catalog", "list", "switches", "--where", "ports=100000..")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "gpuz"), "Nearest: accelerators"),
        (("list", "accelerators", "--memory-gb", "lots"), "expected a range"),
        (("list", "accelerators", "--memory-gb", "90..80"), "expected a range"),
        (("list", "switches", "--where", "prots=64.."), "Nearest: ports"),
        (("show", "h100-smx5"), "Nearest: h100-sxm5"),
        (("show", "H100"), "Which one?"),
        (("compare", "h100-sxm5", "qm9700"), "parts of one kind"),
        (("compare", "h100-sxm5", "H100 SXM5 80GB"), "two different"),
    ],
)
def test_a_wrong_word_is_told_with_what_is_near(words: tuple[str, ...], said: str) -> None:
    code, _, err = run("catalog", *words)
    assert code == 2 and said in err


def test_names_find_one_part_or_ask(catalog: Catalog) -> None:
    assert lookup.figure(lookup.find(catalog, "H20 96GB")[1], "id") == "h20-sxm5"
    with pytest.raises(AmbiguousPart) as asked:
        lookup.find(catalog, "h100")
    assert set(asked.value.members) == {"h100-sxm5", "h100-pcie", "h100-nvl"}
    with pytest.raises(UnknownPart):
        lookup.find(catalog, "no such thing at all")


def test_comparison_has_the_figures_of_both_and_marks_what_differs() -> None:
    _, out, _ = run("catalog", "compare", "h100-sxm5", "h20-sxm5", "a800-sxm4-80gb")
    line = next(ln for ln in out.splitlines() if "dense_tflops.bf16" in ln)
    assert line.startswith("*") and "989.4" in line and "148" in line and "312" in line
    data = json.loads(run("catalog", "compare", "h100-sxm5", "h20-sxm5", "--json")[1])
    assert {"name": "memory_gb", "values": [80.0, 96.0]} in data["figures"]


def test_show_gives_figures_prices_and_sources() -> None:
    data = json.loads(run("catalog", "show", "h20-sxm5", "--json")[1])
    assert data["memory_gb"] == 96 and data["sources"] and sum(p["counts"] for p in data["prices"]) == 1
    _, out, _ = run("catalog", "show", "h20-sxm5")
    assert "memory_bandwidth_gb_per_s" in out and "sources:" in out


@pytest.mark.parametrize("kind", sorted(ESSENTIALS))
def test_incomplete_parts_of_every_kind_are_listed(kind: str) -> None:
    code, out, _ = run("catalog", "list", kind, "--incomplete")
    assert code == 0 and ("have every essential figure" in out or "cannot be planned with" in out)


def test_a_card_without_bandwidth_is_incomplete(catalog: Catalog) -> None:
    card = catalog.accelerators["h100-sxm5"].model_copy(update={"memory_bandwidth_gb_per_s": None})
    assert unknown_figures("accelerators", card) == ["memory_bandwidth_gb_per_s"]


def test_schemas_of_every_kind_name_the_essential_figures() -> None:
    data = json.loads(run("schema", "catalog")[1])
    assert set(data) == {*ESSENTIALS, "prices"}
    assert data["accelerators"]["essential"] == list(ESSENTIALS["accelerators"])
    assert "lead_time_weeks" in data["accelerators"]["properties"]


# -- overlays ----------------------------------------------------------------------------------------------------------
def write(folder: Path, name: str, text: str) -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return folder


def test_overlays_add_and_replace_in_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "accelerators/x.yaml", CARD.format(id="new-card", model="One"))
    second = write(tmp_path / "b", "accelerators/y.yaml", CARD.format(id="new-card", model="Two"))
    assert Catalog.load([first, second]).accelerators["new-card"].model == "Two"
    assert Catalog.load([second, first]).accelerators["new-card"].model == "One"
    assert "h100-sxm5" in Catalog.load([first]).accelerators


def test_one_layer_defines_a_part_once(tmp_path: Path) -> None:
    write(tmp_path, "accelerators/x.yaml", CARD.format(id="new-card", model="One"))
    write(tmp_path, "accelerators/y.yaml", CARD.format(id="new-card", model="Two"))
    with pytest.raises(
        CatalogError, match=r"y\.yaml:2:5: new-card is defined twice; it is also in accelerators/x\.yaml"
    ):
        _ = Catalog.load([tmp_path]).accelerators


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("accelerator/x.yaml", "records: []", "Did you mean accelerators"),
        ("accelerators/x.yml", "records: []", "rename it"),
        ("x.yaml", "records: []", "stands beside the folders"),
        ("notes.txt", "hello", "holds no catalog"),
    ],
)
def test_a_folder_that_is_no_overlay_is_told(tmp_path: Path, name: str, text: str, said: str) -> None:
    write(tmp_path, name, text)
    code, _, err = run("catalog", "list", "--catalog", str(tmp_path))
    assert code == 2 and said in err
    assert "does not exist" in run("catalog", "list", "--catalog", str(tmp_path / "none"))[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("records:\n  - id: x\n    wat: 1\n", r"x.yaml:3:5: x: wat: unknown field"),
        ("parts: []\n", "expected one key, records:"),
        ("records: [\n", "not valid YAML"),
        ("[" * 50_000, "nested too deeply"),
        ("a: !!python/object:os.system x\n", "is not allowed"),
        ("records:\n  - {id: a, id: b}\n", "duplicate key id"),
        (CARD.format(id="x", model="M").replace("tdp_w: 350", "tdp_w: -350"), "at least 0"),
        (CARD.format(id="x", model="M").replace("tdp_w: 350", "tdp_w: .nan"), "tdp_w"),
    ],
)
def test_broken_records_end_in_a_message_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "accelerators/x.yaml", text)
    code, _, err = run("catalog", "list", "accelerators", "--catalog", str(tmp_path))
    assert code == 2 and said in err and "Traceback" not in err


def test_an_alias_counts_as_all_it_stands_for() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(CatalogError, match="more than 1,000,000 values"):
        parse_yaml(bomb.encode(), "bomb.yaml")
    assert parse_yaml(b"a: &x [1, NO]\nb: *x\n", "f") == {"a": [1, "NO"], "b": [1, "NO"]}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("l40s,USD,,0,,excluded,quote,A,s,2026-11-01", "greater than 0"),
        ("l40s,USD,9,5,8,excluded,quote,A,s,2026-11-01", "low <= typical <= high"),
        ("l40s,usd,,5000,,excluded,quote,A,s,2026-11-01", "currency"),
        ("l40s,USD,,5000,,included,quote,A,s,2026-11-01", "tax_percent: is needed"),
        ("l40s,USD,,5000,,excluded,quote,A,s,yesterday", "as_of"),
        ("l40s,USD,,5,000,,excluded,quote,A,s,2026-11-01", "more cells than columns"),
    ],
)
def test_broken_price_rows_are_told_by_line(tmp_path: Path, row: str, said: str) -> None:
    head = "part,currency,low,typical,high,tax_basis,basis,grade,source,as_of\n"
    write(tmp_path, "prices/x.csv", head + row + "\n")
    with pytest.raises(CatalogError, match=rf"x\.csv:2: .*{said}"):
        _ = Catalog.load([tmp_path]).prices


def test_the_site_file_names_its_folders_and_the_command_line_comes_last(tmp_path: Path) -> None:
    site = "catalog: [mine]\nsite: {country: DE}\nworkloads:\n  - {kind: capacity, accelerator: new-card, count: 8}\n"
    write(tmp_path, "site.yaml", site)
    with pytest.raises(InputError, match=r"site\.yaml:1:11: catalog: .*mine: this catalog folder does not exist"):
        open_site(tmp_path / "site.yaml")
    write(tmp_path / "mine", "accelerators/x.yaml", CARD.format(id="new-card", model="One"))
    other = write(tmp_path / "other", "accelerators/x.yaml", CARD.format(id="new-card", model="Two"))
    request, catalog = open_site(tmp_path / "site.yaml")
    assert request.catalog == ("mine",) and catalog.accelerators["new-card"].model == "One"
    assert open_site(tmp_path / "site.yaml", [other])[1].accelerators["new-card"].model == "Two"


# -- the cache ---------------------------------------------------------------------------------------------------------
def test_the_cache_is_never_stale_and_damage_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    monkeypatch.setenv("PLANNER_CACHE", str(kept))
    folder = write(tmp_path / "a", "accelerators/x.yaml", CARD.format(id="new-card", model="One"))

    def model() -> Any:
        return Catalog([folder]).accelerators["new-card"].model

    assert model() == "One" and len(list(kept.iterdir())) == 1 and model() == "One"
    write(folder, "accelerators/x.yaml", CARD.format(id="new-card", model="Two"))
    assert model() == "Two"
    for file in kept.iterdir():
        file.write_bytes(file.read_bytes().replace(b"Two", b"Six"))
    assert model() == "Two"
    for file in kept.iterdir():
        file.write_bytes(b"rubbish")
    assert model() == "Two"


def test_a_cache_that_others_could_write_or_nobody_can_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "a", "accelerators/x.yaml", CARD.format(id="new-card", model="One"))
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    for place in (str(shared), str(tmp_path / "a" / "accelerators" / "x.yaml" / "below"), ""):
        monkeypatch.setenv("PLANNER_CACHE", place)
        assert Catalog([folder]).accelerators["new-card"].model == "One"
    assert not list(shared.iterdir())


def test_what_json_would_change_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_CACHE", str(tmp_path))
    cache.save("k", {"a.yaml": {"x": [1, 2.5, None, True, "NO"]}, "b.yaml": {400: 64}})
    assert cache.load("k") == {"a.yaml": {"x": [1, 2.5, None, True, "NO"]}}


def test_cold_and_kept_catalogs_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_CACHE", "")
    cold = Catalog.load()
    monkeypatch.setenv("PLANNER_CACHE", str(tmp_path))
    _ = Catalog.load().parts
    kept = Catalog.load()
    assert kept.parts == cold.parts and kept.models == cold.models and kept.hash == cold.hash
    for name in ("rates", "rules", "estimates", "benchmarks"):
        assert kept.tables(name) == cold.tables(name)


def test_the_whole_catalog_loads_in_time() -> None:
    """Processor time of a second run in a process of its own, so that a busy machine does not decide."""
    script = (
        "import time; from planner.catalog import Catalog; t = time.process_time(); c = Catalog.load();"
        "c.parts, c.models, c.prices, c.groups, c.hash, c.tables('rates'), c.tables('rules');"
        "print(time.process_time() - t)"
    )
    spent = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                              cwd=built_in_folder().parent, env=os.environ | {"PYTHONPATH": "."})  # fmt: skip
        spent.append(float(done.stdout))
    assert min(spent) < 0.25, spent
