"""The schema of site files takes what files may say, and refuses what they may not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from planner.catalog import Catalog
from planner.errors import InputError
from planner.sitefile import read_site_text
from planner.siteschema import site_schema
from planner.yamltext import parse

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.yaml"))
SITE = """
site: {country: US SITE}
workloads: [{kind: capacity, accelerator: h100-sxm5, count: 64}]
MORE
"""


def plain(data: Any) -> Any:
    """Dates as text: JSON has none."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data.isoformat() if isinstance(data, dt.date) else data


def accepted(text: str) -> bool:
    schema = site_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return not list(jsonschema.Draft202012Validator(schema).iter_errors(plain(parse(text, "site.yaml").data)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_is_a_site_file(path: Path) -> None:
    assert accepted(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("site", "more", "right"),
    [
        ("", "", True),
        (", cooling: liquid", "", True),
        (", cooling: {air_kw_per_rack: 20}", "", True),
        (", cooling: {air_kw_per_rack: 20, liquid_kw_per_rack: 60, supply_c: 30, rear_doors: auto}", "", True),
        (", cooling: {liquid_kw_per_rack: 60}", "", False),
        (", cooling: {air_kw_per_rack: 20, rear_doors: some}", "", False),
        (", cooling: water", "", False),
        (", cooling_terms: {air_kw_per_rack: 20}", "", False),
        ("", "preferences: {fabric: {oversubscription: '2:1', planes: 2}}", True),
        ("", "preferences: {fabric: {oversubscription: 2}}", True),
        ("", "preferences: {fabric: {oversubscription: 'two'}}", False),
        ("", "preferences: {fabric: {planes: 3}}", False),
        ("", "fabric: {reserve_nodes: 64}", True),
        ("", "fabric: {reserve_nodes: 64}\npreferences: {sizing: typical}", True),
        ("", "fabric: {reserve_nodes: many}", False),
        ("", "fabric: {reserve_nodes: 64}\npreferences: {fabric: {planes: 2}}", False),
        (", feeds: {kw_each: 57.5}", "", True),
        (", feeds: {kw_each: 1e9}", "", False),
        ("", "budgets: {}", False),
    ],
)
def test_schema_and_reader_agree(catalog: Catalog, site: str, more: str, right: bool) -> None:
    text = SITE.replace(" SITE", site).replace("MORE", more)
    assert accepted(text) == right
    if right:
        read_site_text(text, "site.yaml", catalog)
    else:
        with pytest.raises(InputError):
            read_site_text(text, "site.yaml", catalog)
