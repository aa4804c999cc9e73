"""Reference rows as people write them: spellings, wrong numbers, values that are no fabric."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.fabric import CaseResult, read_cases, run_case
from planner.fabric.reference import ReferenceDesign, design

BASE: dict[str, Any] = {"nodes": 64, "nics_per_node": 8, "radix": 64, "topology": "plain"}
RIGHT = {"leaf": 16, "spine": 8, "node_leaf_cables": 512, "leaf_spine_cables": 512}


def row(catalog: Catalog, inputs: dict[str, Any], expected: dict[str, Any], **more: Any) -> CaseResult:
    case = {"id": "row", "kind": "fabric_count", "inputs": BASE | inputs, "expected": expected} | more
    return run_case(case, catalog)


@pytest.mark.parametrize(
    "inputs",
    [
        {"nodes": "64", "nics_per_node": "8", "radix": " 64 "},
        {"oversubscription": "1 : 1"},
        {"oversubscription": "non-blocking"},
        {"topology": "Fat-Tree"},
        {"topology": "rail-optimized", "su_nodes": 32, "full_su": True},
        {"redundancy": "None"},
        {"radix": None, "switch": "NVIDIA QM9700", "port_gbps": "400"},
        {"radix": None, "switch": "QM9700", "port_gbps": 400},
    ],
)
def test_spellings_of_one_design(catalog: Catalog, inputs: dict[str, Any]) -> None:
    result = row(catalog, inputs, RIGHT)
    assert (result.ok, result.reason) == (True, None)


@pytest.mark.parametrize("field", sorted(RIGHT))
@pytest.mark.parametrize("kind", [int, float, str])
def test_a_number_off_by_one_is_wrong_however_it_is_written(catalog: Catalog, field: str, kind: type) -> None:
    assert row(catalog, {}, RIGHT | {field: kind(RIGHT[field])}).ok is True
    wrong = row(catalog, {}, RIGHT | {field: kind(RIGHT[field] + 1)})
    assert wrong.ok is False
    assert field in (wrong.reason or "")


def test_large_counts_are_exact_too(catalog: Catalog) -> None:
    inputs = {"nodes": 4096}
    assert row(catalog, inputs, {"leaf_spine_cables": 32768.0}).ok is True
    assert row(catalog, inputs, {"leaf_spine_cables": 32769.0}).ok is False


def test_a_truth_value_is_no_count(catalog: Catalog) -> None:
    assert row(catalog, {"nodes": 8}, {"leaf": True}).ok is False


def test_fields_that_no_design_answers_are_told(catalog: Catalog) -> None:
    result = row(catalog, {}, RIGHT | {"leafs_total": 99})
    assert result.ok is True
    assert "leafs_total" in (result.reason or "")
    assert row(catalog, {}, RIGHT | {"leafs_total": 99}, exact_fields=["leaf"]).reason is None
    assert row(catalog, {}, RIGHT | {"leafs_total": 99}, exact_fields=["leafs_total"]).ok is False


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"topology": "torus"}, "topology torus"),
        ({"topology": "dragonfly+"}, "topology dragonfly+"),
        ({"redundancy": "dual"}, "redundancy dual"),
        ({"nodes": -4}, "nodes is out of bounds"),
        ({"nodes": 10**20}, "nodes is out of bounds"),
        ({"nodes": "many"}, "nodes is not a whole number"),
        ({"nics_per_node": float("nan")}, "nics_per_node is not a whole number"),
        ({"planes": 0}, "planes is out of bounds"),
        ({"oversubscription": "1:2"}, "oversubscription is not a ratio"),
        ({"oversubscription": [2]}, "oversubscription is not a ratio"),
        ({"radix": None, "switch": "unheard-of"}, "not in the catalog"),
        ({"radix": None, "switch": "qm9700", "port_gbps": "fast"}, "port_gbps is not a number"),
    ],
)
def test_what_is_no_fabric_says_why_and_is_no_test(catalog: Catalog, inputs: dict[str, Any], said: str) -> None:
    result = row(catalog, inputs, {"leaf": 1})
    assert (result.ok, result.given) == (None, {})
    assert said in (result.reason or "")


@pytest.mark.parametrize(("kw", "ok"), [(10.2, True), ("10.2", True), (10.25, True), (11, False), (-10.2, None)])
def test_rack_power_within_two_percent(catalog: Catalog, kw: object, ok: bool | None) -> None:
    case = {"id": "r", "kind": "rack_rule", "inputs": {"nodes_per_rack": 4, "node_max_kw": kw}}
    assert run_case(case | {"expected": {"rack_kw": 40.8}}, catalog).ok is ok


@pytest.mark.parametrize("bare", [False, True])
def test_files_in_json_and_of_many_rows(tmp_path: Path, bare: bool, catalog: Catalog) -> None:
    rows = [{"id": f"r{k}", "kind": "fabric_count", "inputs": BASE, "expected": RIGHT} for k in range(1500)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows if bare else {"cases": rows}))
    read = read_cases(path)
    assert len(read) == 1500
    assert run_case(read[-1], catalog).ok is True


def test_the_largest_row_is_answered_at_once() -> None:
    """Billions of ports, oversubscribed: every split of 4,096 ports is tried."""
    start = time.perf_counter()
    design(ReferenceDesign(999_983, 4093, 4096, oversubscription=1.7))
    assert time.perf_counter() - start < 2
