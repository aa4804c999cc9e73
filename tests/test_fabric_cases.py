"""Published reference designs, row by row: switches by tier and cables as printed, or differing as documented."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.cli import main
from planner.errors import InputError
from planner.fabric import read_cases, run_case
from planner.fabric.tree import fat_tree

ROWS_FILE = Path(__file__).parent / "reference" / "reference_architectures.yaml"
ROWS = read_cases(ROWS_FILE)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize("row", [r for r in ROWS if r["check"] == "exact"], ids=lambda r: r["id"])
def test_exact_rows_are_reproduced(row: dict[str, Any], catalog: Catalog) -> None:
    result = run_case(row, catalog)
    assert result.ok is True, result.reason
    assert not result.explained


@pytest.mark.parametrize("row", [r for r in ROWS if r["check"] == "explain"], ids=lambda r: r["id"])
def test_documented_differences_are_the_ones_named(row: dict[str, Any], catalog: Catalog) -> None:
    assert run_case(row, catalog).ok is True
    if run_case(row, catalog).explained:
        silent = {k: v for k, v in row.items() if k != "explain"}
        assert run_case(silent, catalog).ok is False


def test_rows_that_are_no_fabric_say_why(catalog: Catalog) -> None:
    results = [run_case(r, catalog) for r in ROWS]
    assert all(r.reason for r in results if r.ok is None)
    assert all(r.ok is None or r.ok for r in results if r.check == "skip")
    ids = {r.id: r.reason or "" for r in results}
    assert "not a fat tree" in ids["deepseek-v3-topology-dragonfly"]
    assert "nodes is not stated" in ids["tencent-xingmai-block"]


def test_a_changed_number_is_noticed(catalog: Catalog) -> None:
    for row in ROWS:
        if row["check"] != "exact" or row["kind"] != "fabric_count":
            continue
        for field, value in row["expected"].items():
            if isinstance(value, int) and value:
                forged = copy.deepcopy(row)
                forged["expected"][field] = value + 1
                assert run_case(forged, catalog).ok is False, (row["id"], field)


def row(**inputs: Any) -> dict[str, Any]:
    base = {"nodes": 64, "nics_per_node": 8, "port_gbps": 400, "switch": "qm9700", "full_su": True, "su_nodes": 32}
    return {
        "id": "made",
        "kind": "fabric_count",
        "check": "exact",
        "inputs": {**base, "topology": "rail", **inputs},
        "expected": {"leaf": 0},
    }


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        # other sizes and generations than the file's
        ({"nodes": 96}, (24, 16, 0, 768, 768)),
        ({"nodes": 63, "nodes_given_up": 1, "extra_leaf_ports": 4}, (16, 8, 0, 508, 512)),
        ({"nodes": 288, "su_nodes": 72, "switch": "q3400-ra", "port_gbps": 800}, (32, 18, 0, 2304, 2304)),
        ({"nodes": 20, "su_nodes": 20, "switch": "qm8700", "port_gbps": 200}, (8, 4, 0, 160, 160)),
        ({"nodes": 120, "su_nodes": 20, "switch": "qm8700", "port_gbps": 200}, (48, 80, 24, 960, 960)),
        ({"nodes": 512}, (128, 128, 64, 4096, 4096)),
        ({"nodes": 128, "su_nodes": 64, "planes": 2, "switch": "sn5600"}, (32, 16, 0, 2048, 2048)),
        ({"nodes": 6, "full_su": False, "switch": "qm9700"}, (1, 0, 0, 48, 0)),
        ({"nodes": 8, "full_su": False, "redundancy": "pair"}, (2, 0, 0, 64, 0)),
        ({"nodes": 9, "full_su": False, "redundancy": "pair"}, (4, 2, 0, 72, 128)),
        ({"nodes": 72, "nics_per_node": 4, "su_nodes": 18, "rails": 4}, (16, 6, 0, 288, 288)),
        ({"nodes": 96, "full_su": False, "oversubscription": 3.0}, (16, 4, 0, 768, 256)),
        ({"nodes": 64, "full_su": False, "reserve_nodes": 64}, (16, 16, 0, 512, 512)),
        # spines per rail group that keep half of their ports for a later core tier, and with that tier
        ({"nodes": 144, "nics_per_node": 4, "su_nodes": 18, "rails": 4, "core_ready": True}, (32, 24, 0, 576, 576)),
        ({"nodes": 144, "nics_per_node": 4, "su_nodes": 18, "rails": 4, "tiers": 3}, (32, 24, 9, 576, 576)),
        ({"nodes": 72, "nics_per_node": 4, "su_nodes": 18, "rails": 4, "core_ready": True}, (16, 12, 0, 288, 288)),
    ],
)
def test_other_rows_of_the_same_form(inputs: dict[str, Any], expected: tuple[int, ...], catalog: Catalog) -> None:
    given = run_case(row(**inputs), catalog).given
    fields = ("leaf", "spine", "core", "node_leaf_cables", "leaf_spine_cables")
    assert tuple(given[f] for f in fields) == expected


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"nodes": None}, "nodes is not stated"),
        ({"nodes": "many"}, "not a whole number"),
        ({"nodes": 1e400}, "not a whole number"),
        ({"nodes": -1}, "out of bounds"),
        ({"nodes": 10**9}, "out of bounds"),
        ({"switch": "unheard-of"}, "not in the catalog"),
        ({"port_gbps": 17}, "no ports of 17"),
        ({"oversubscription": 0.5}, "ratio"),
        ({"rails": 3}, "do not divide over 3 rails"),
        ({"nodes": 100_000}, "exceed three tiers"),
        ({"tiers": 4}, "out of bounds"),
        ({"tiers": 1}, "1 tiers asked"),
    ],
)
def test_impossible_rows_say_what_is_wrong(inputs: dict[str, Any], word: str, catalog: Catalog) -> None:
    result = run_case(row(**inputs), catalog)
    assert result.ok is None
    assert word in (result.reason or "")


@pytest.mark.parametrize(
    ("row_id", "field"), [("spod-gb200-su", {"core_ready": True}), ("era-2-8-9-400-16su-64node", {"reserve_nodes": 64})]
)
def test_rows_that_buy_for_later_come_out_when_they_say_so(
    row_id: str, field: dict[str, Any], catalog: Catalog
) -> None:
    """What their notes explain is an input of its own: exactly as published, without a note."""
    published = next(r for r in ROWS if r["id"] == row_id)
    said = {**published, "check": "exact", "explain": None, "inputs": {**published["inputs"], **field}}
    result = run_case(said, catalog)
    assert result.ok is True and not result.explained


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"accelerators": 72, "links_per_accelerator": 18, "switch_chip_ports": 72, "chips_per_tray": 2}, (18, 9)),
        ({"accelerators": 36, "links_per_accelerator": 18, "switch_chip_ports": 72, "chips_per_tray": 2}, (9, 5)),
        ({"node_model": "8 x H100", "nodes": 1, "links_per_accelerator": 18, "switch_chip_ports": 64}, (3, None)),
    ],
)
def test_scale_up_domains_by_their_links(
    inputs: dict[str, Any], expected: tuple[int, int | None], catalog: Catalog
) -> None:
    asked = {"switch_chips": 1, "switch_trays": 1}
    given = run_case({"id": "up", "kind": "scale_up_domain", "inputs": inputs, "expected": asked}, catalog).given
    assert (given["switch_chips"], given.get("switch_trays")) == expected


def test_the_command_prints_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["fabric", "--cases", str(ROWS_FILE), "--json"])
    assert leaving.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["id"] for r in rows] == [r["id"] for r in ROWS]
    assert all({"id", "expected", "given", "ok", "reason"} <= set(r) for r in rows)
    with pytest.raises(SystemExit):
        main(["fabric", "--cases", str(ROWS_FILE)])
    text = capsys.readouterr().out
    assert "32/16/0" in text and "0 not" in text


@pytest.mark.parametrize("text", ["cases: []", "cases: 3", "cases: [1]", "cases: [{id: a}]", "rows: []", "a: [", ""])
def test_a_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        read_cases(path)


@pytest.mark.parametrize(("nodes", "ratio"), [(128, 2.0), (100, 3.0), (70, 1.5), (128, 1.0)])
def test_rows_without_units_are_the_trees_that_plans_have(catalog: Catalog, nodes: int, ratio: float) -> None:
    """Leaves of 42 ports down would need 21 spines, as 21 uplinks divide over no fewer; 40 need 10."""
    tree = fat_tree(nodes, 8, 64, ratio, rail=False)
    inputs = {"nodes": nodes, "nics_per_node": 8, "radix": 64, "oversubscription": ratio, "topology": "plain"}
    row = {"id": "row", "kind": "fabric_count", "fabric": "compute", "inputs": inputs, "expected": {"leaf": 1}}
    given = run_case(row, catalog).given
    assert tree is not None
    assert (given["leaf"], given["spine"], given["core"]) == (tree.leaf, tree.spine, tree.core)
