"""Plans are refused when any number, part or verdict in them was changed, and the finding names the place."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.compare import compare, render
from planner.errors import InputError
from planner.optimize import optimize
from planner.plan import Plan, digest_of, seals_of
from planner.planfile import dump_plan, load_plan
from planner.sitefile import read_site
from planner.verify import verify

EXAMPLES = Path(__file__).parent.parent / "examples"
PLANNED = ("sixty-four-h100", "superpod-4su", "llm-training", "edge-video", "deepseek-private-zh", "campus-mixed")
ON = dt.date(2026, 11, 24)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def plans(catalog: Catalog) -> dict[str, Plan]:
    return {name: optimize(read_site(EXAMPLES / f"{name}.yaml", catalog), catalog, ON) for name in PLANNED}


@pytest.mark.parametrize("name", PLANNED)
def test_plans_of_the_examples_add_up(name: str, plans: dict[str, Plan], catalog: Catalog) -> None:
    assert plans[name].status == "optimal"
    assert plans[name].objective.gap == 0
    assert verify(plans[name], catalog) == []


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of every number, text and flag of a plan."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from leaves(inner, (*path, k))
    elif value is not None:
        yield path


def changed(data: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The plan with one leaf changed: numbers by one, flags flipped, texts replaced."""
    made = copy.deepcopy(data)
    holder: Any = made
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    if isinstance(old, bool):
        holder[path[-1]] = not old
    elif isinstance(old, int | float):
        holder[path[-1]] = old + 1
    else:
        holder[path[-1]] = f"{old}x"
    return made


@pytest.mark.parametrize("name", ["sixty-four-h100", "deepseek-private-zh"])
def test_every_changed_leaf_is_refused(name: str, plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans[name].model_dump(mode="json")
    paths = [p for p in leaves(data) if p[:2] != ("provenance", "seals") and p != ("provenance", "planner")]
    accepted = []
    for path in paths[:: max(1, len(paths) // 160)]:
        try:
            plan = Plan.model_validate(changed(data, path))
        except ValueError:
            continue  # refused on reading
        if not verify(plan, catalog):
            accepted.append(path)
    assert accepted == []


def resealed(plan: Plan) -> Plan:
    """A forger's work: seals and digest made again after the change."""
    origin = plan.provenance.model_copy(update={"digest": digest_of(plan), "seals": seals_of(plan)})
    return plan.model_copy(update={"provenance": origin})


FORGERIES = [
    (("lines", 0, "quantity"), "quantity"),
    (("lines", 0, "unit_price"), "landed price"),
    (("lines", 0, "extended"), "extended"),
    (("lines", 0, "unit_low"), "unit_low"),
    (("lines", 0, "max_power_w"), "totals.it_power_kw"),
    (("lines", 0, "weight_kg"), "weight_kg"),
    (("totals", "capex"), "totals.capex"),
    (("totals", "tco"), "totals.tco"),
    (("totals", "accelerators"), "totals.accelerators"),
    (("totals", "energy_per_year"), "totals.energy_per_year"),
    (("pools", 0, "nodes"), "nodes"),
    (("pools", 0, "accelerators"), "accelerators"),
    (("pools", 0, "memory_gb"), "memory_gb"),
    (("pools", 0, "cpus_per_node"), "cpus_per_node"),
    (("pools", 0, "node_power_kw"), "node_power_kw"),
    (("fabrics", 0, "leaf"), "leaf"),
    (("fabrics", 0, "cables"), "cables"),
    (("fabrics", 0, "ports_used"), "ports_used"),
    (("racks", 0, "power_kw"), "power_kw"),
    (("racks", 0, "items", 0, "bottom_unit"), "racks"),
    (("limits", 0, "used"), "used"),
    (("objective", "value"), "objective"),
]


@pytest.mark.parametrize(("path", "words"), FORGERIES, ids=[".".join(map(str, p)) for p, _ in FORGERIES])
def test_forged_numbers_are_found_even_with_new_seals(
    path: tuple[str | int, ...], words: str, plans: dict[str, Plan], catalog: Catalog
) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    forged = resealed(Plan.model_validate(changed(data, path)))
    findings = verify(forged, catalog)
    assert findings
    if words != "leaf":  # a wrong switch count shows up in the lines that buy the switches
        assert any(words in f for f in findings), findings


def test_a_verdict_that_is_not_accepted_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    data["compliance"][0]["verdict"] = "licence_required"
    findings = verify(resealed(Plan.model_validate(data)), catalog)
    assert any("licence_required is planned" in f for f in findings)


def test_a_line_more_or_less_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    del data["lines"][-1]
    findings = verify(Plan.model_validate(data), catalog)
    assert any("is gone since the plan was written" in f for f in findings)
    assert any(f.startswith("totals.capex") for f in findings)


def test_another_catalog_is_said_once(plans: dict[str, Plan], catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "note.yaml").write_text("note: an overlay\n")
    findings = verify(plans["sixty-four-h100"], Catalog([*catalog.folders, tmp_path]))
    assert findings == ["provenance.catalog_hash: the catalog is not the one this plan was made from"]


def test_saved_plans_come_back_the_same(plans: dict[str, Plan], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    dump_plan(plans["deepseek-private-zh"], path)
    assert load_plan(path) == plans["deepseek-private-zh"]
    assert json.loads(path.read_text(encoding="utf-8"))["totals"]["currency"] == "CNY"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"status": "best"}', "\x00"])
def test_nonsense_is_not_a_plan(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(InputError):
        load_plan(path)


def test_compare_shows_what_changed_and_never_mixes_currencies(plans: dict[str, Plan]) -> None:
    same = compare(plans["sixty-four-h100"], plans["sixty-four-h100"])
    assert same["lines"] == []
    assert "no line differs" in render(same)
    other = compare(plans["sixty-four-h100"], plans["superpod-4su"])
    nodes = next(t for t in other["totals"] if t["name"] == "nodes")
    assert (nodes["first"], nodes["second"], nodes["change"]) == (8, 127, 119)
    assert any(r["part"] == "dgx-h100" and r["state"] == "added" for r in other["lines"])
    with pytest.raises(InputError, match="USD and CNY"):
        compare(plans["sixty-four-h100"], plans["deepseek-private-zh"])
