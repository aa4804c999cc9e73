"""Plans are refused when any number, part or verdict in them was changed, and the finding names the place."""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans.forged import resealed

from planner.catalog import Catalog
from planner.errors import InputError, Rejection
from planner.fabric import network_design, ports_at
from planner.fabric.tree import fat_tree
from planner.optimize import optimize
from planner.plan import Plan
from planner.planfile import dump_plan, load_plan
from planner.sitefile import read_site
from planner.verify import trees, verify

EXAMPLES = Path(__file__).parent.parent / "examples"
PLANNED = ("sixty-four-h100", "superpod-4su", "llm-training", "edge-video", "deepseek-private-zh", "campus-mixed")
ON = dt.date(2026, 11, 24)
Path_ = tuple[str | int, ...]

# Sites that show what the examples do not: one line each.
SITES = {
    "rack-scale": """
site: {country: US, cooling: liquid}
workloads: [{name: a, kind: capacity, count: 144, accelerator: gb200-nvl72}]
""",
    "replicas over several nodes stand on unjoined switches": """
site: {country: NO, rack_power_kw: 60}
workloads:
  - {name: chat, kind: inference, model: deepseek-v3, input_tokens: 2000, output_tokens: 500, requests_per_s: 60,
     accelerator: h100-sxm5}
""",
    "class prices": """
site: {country: US}
budget: {price_missing: estimate, price_level: high}
workloads:
  - {name: a, kind: capacity, count: 16, accelerator: h200-nvl}
  - {name: b, kind: capacity, pflops: 10, accelerator: l40s}
storage: {usable_tb: 200}
objective: lowest_power
""",
    "oversubscribed and single-homed": """
site: {country: US, rack_power_kw: 60}
workloads: [{name: a, kind: capacity, count: 1024, accelerator: h100-sxm5}]
preferences: {fabric: {oversubscription: 2, topology: plain, redundancy: none}}
storage: {usable_tb: 3000}
""",
    "tax on the lowest price": """
site: {country: DE, rack_power_kw: 60}
budget: {currency: EUR, vat_percent: 19, capex: 9_000_000, opex_per_year: 900_000}
workloads: [{name: a, kind: capacity, count: 64, accelerator: h200-sxm5}]
supply: {h200-sxm5: 64}
""",
    "two builds of one chassis": """
site: {country: SG, rack_power_kw: 20}
budget: {currency: SGD}
workloads:
  - {name: d, kind: inference, benchmark: resnet-50, samples_per_s: 90000, share: true}
  - {name: c, kind: inference, model: llama3.1-8b, input_tokens: 500, output_tokens: 100, requests_per_s: 9,
     tpot_ms: 50, share: true}
preferences: {accelerators: {only: [l4, l40s]}}
""",
    "a duty by kind of accelerator": """
site: {country: US}
compliance: {ship_from: TW}
workloads:
  - {name: a, kind: capacity, count: 32, accelerator: mi308x}
  - {name: b, kind: capacity, count: 8, accelerator: h20}
""",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def plans(catalog: Catalog) -> dict[str, Plan]:
    return {name: optimize(read_site(EXAMPLES / f"{name}.yaml", catalog), catalog, ON) for name in PLANNED}


# -- plans as they are written ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PLANNED)
def test_plans_of_the_examples_add_up(name: str, plans: dict[str, Plan], catalog: Catalog) -> None:
    assert plans[name].status == "optimal"
    assert plans[name].objective.gap == 0
    assert verify(plans[name], catalog) == []


@pytest.mark.parametrize("name", SITES)
def test_plans_of_unusual_sites_add_up(name: str, catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITES[name])
    plan = optimize(read_site(path, catalog), catalog, ON)
    assert verify(plan, catalog) == []


def test_spare_nodes_that_were_asked_and_not_planned_are_missed(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    data["request"]["workloads"][0]["spare_nodes"] = 1
    assert any("asks for 1 spare nodes, its pools keep 0" in f for f in verify(resealed(data), catalog))


# -- changed by hand -------------------------------------------------------------------------------------------------
def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Paths of every number, text and flag of a plan."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from leaves(inner, (*path, k))
    elif value is not None:
        yield path


def other(old: Any, factor: float | None = None) -> Any:
    """Numbers one more or a tenth more, flags flipped, texts and ids replaced."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float):
        more = old + 1 if factor is None or not old else old * factor
        return (
            round(more) if isinstance(old, int) and round(more) != old else more if isinstance(old, float) else old + 1
        )
    return f"{old}x"


def altered(data: dict[str, Any], path: Path_, factor: float | None = None) -> Plan | None:
    """The plan with one leaf changed; None where it cannot even be read. `data` is left as it was."""
    holder: Any = data
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    holder[path[-1]] = other(old, factor)
    try:
        return Plan.model_validate({**data, "request": copy.deepcopy(data["request"])})
    except ValueError:
        return None
    finally:
        holder[path[-1]] = old


def place_of(path: Path_) -> str:
    """How findings name where a leaf stands."""
    if path[:2] == ("provenance", "seals"):
        return str(path[2])
    return f"{path[0]}[{path[1]}]" if len(path) > 1 and isinstance(path[1], int) else str(path[0])


def unnoticed(plan: Plan, catalog: Catalog, most: int | None, factor: float | None = None) -> list[Path_]:
    """Leaves whose change is accepted, or refused without naming the place; at most `most` leaves are tried."""
    data = plan.model_dump(mode="json")
    paths = list(leaves(data))
    if most is not None:
        paths = random.Random(7).sample(paths, min(most, len(paths)))
    found = []
    for path in paths:
        changed = altered(data, path, factor)
        if changed is not None and not any(f.startswith(place_of(path)) for f in verify(changed, catalog)):
            found.append(path)
    return found


def test_changed_leaves_of_a_plan_are_refused_by_their_place(plans: dict[str, Plan], catalog: Catalog) -> None:
    assert unnoticed(plans["sixty-four-h100"], catalog, 1500) == []


@pytest.mark.slow
def test_every_changed_leaf_of_a_plan_is_refused_by_its_place(plans: dict[str, Plan], catalog: Catalog) -> None:
    """All some thousand leaves, a minute: pytest -m slow tests/test_verify.py"""
    assert unnoticed(plans["sixty-four-h100"], catalog, None) == []


@pytest.mark.parametrize("name", PLANNED)
def test_changed_leaves_of_all_plans_are_refused(name: str, plans: dict[str, Plan], catalog: Catalog) -> None:
    assert unnoticed(plans[name], catalog, 120, factor=1.1) == []


# -- forged: digest, seals and hash made again -------------------------------------------------------------------------
# What no catalog can give back is held by digest and seals alone: predictions and their reasons, the words of verdicts,
# descriptions and notes, places of devices that may as well stand elsewhere, and wishes of the request.
SEALED_ONLY = (
    "assumptions",
    "open_questions",
    "left_out.*.rule",
    "left_out.*.message",
    "pools.*.predicted",
    "pools.*.precision",
    "pools.*.notices",
    "pools.*.cards_used",
    "racks.*.items.*.bottom_unit",
    "lines.*.description",
    "lines.*.price.steps",
    "lines.*.estimates",
    "lines.*.rule",
    "yearly.*.description",
    "yearly.*.price.steps",
    "yearly.*.rule",
    "yearly.*.price.steps",
    "compliance.*.classification",
    "compliance.*.rules",
    "compliance.*.summary",
    "compliance.*.summary_zh",
    "compliance.*.citations",
    "compliance.*.review_policy",
    "compliance.*.import_side",
    "compliance.*.assumed",
    "compliance.*.short",
    "compliance.*.short_zh",
    "compliance.*.system",
    "compliance.*.exception",
    "compliance.*.codified",
    "compliance.*.conditions",
    "compliance.*.conditions_zh",
    "compliance.*.foreseen",
    "screening.*.asks",
    "screening.*.asks_zh",
    "fabrics.*.oversubscription",
    "fabrics.*.gbps",
    "limits.*.binding",
    "checks.*.title",
    "checks.*.have",
    "checks.*.need",
    "checks.*.text",
    "checks.*.mend",
    "request",
    "provenance.planner",
    "provenance.rule_date",
)


def template(path: Path_) -> str:
    return ".".join("*" if isinstance(k, int) else k for k in path)


def test_energy_of_a_run_follows_from_its_time(plans: dict[str, Plan], catalog: Catalog) -> None:
    """Typical kW × PUE × tokens ÷ rate, held with seals made again; per million tokens and accelerator-hours too."""
    plan = plans["llm-training"]
    (entry,) = plan.energy
    found = plan.pools[0].predicted[0]
    assert entry.period == "run" and entry.hours == pytest.approx(float(found.details["days"] or 0) * 24)
    assert entry.kwh == pytest.approx(entry.typical_kw * 1.3 * entry.hours)
    assert entry.cost is not None and float(entry.cost) == pytest.approx(entry.kwh * 0.19, abs=0.006)
    assert entry.per_million[0].kwh == pytest.approx(entry.kwh / 2.0e6, abs=1e-6)
    for path in (("accelerator_hours",), ("per_million", 0, "kwh"), ("per_million", 0, "cost"), ("hours",)):
        changed = altered(plan.model_dump(mode="json"), ("energy", 0, *path))
        assert changed is not None
        findings = verify(resealed(changed.model_dump(mode="json")), catalog)
        assert any(f.startswith("energy[0] (pretraining)") for f in findings), path
    data = plan.model_dump(mode="json")
    data["energy"] = []
    assert any(f.startswith("energy: nothing") for f in verify(resealed(data), catalog))


@pytest.mark.parametrize("name", ["sixty-four-h100", "superpod-4su", "edge-video", "deepseek-private-zh"])
def test_what_the_catalog_gives_back_is_found_without_seals(
    name: str, plans: dict[str, Plan], catalog: Catalog
) -> None:
    """One leaf of every kind: recomputing alone refuses it, unless it is listed as held by seals only."""
    data = plans[name].model_dump(mode="json")
    kinds: dict[str, list[Path_]] = {}
    for path in leaves(data):
        kinds.setdefault(template(path), []).append(path)
    accepted = []
    for kind, paths in kinds.items():
        if any(kind == s or kind.startswith(s + ".") for s in SEALED_ONLY) or kind.startswith("provenance.seals"):
            continue
        changed = altered(data, random.Random(kind).choice(paths))
        if changed is not None and not verify(resealed(changed.model_dump(mode="json")), catalog):
            # digest and request hash of the forger are their own: changing those is undone by sealing again
            accepted += [] if kind in ("provenance.digest", "provenance.request_hash") else [kind]
    assert accepted == []


FORGERIES = [
    (("lines", 0, "quantity"), "quantity"),
    (("lines", 0, "part"), "not in the catalog"),
    (("lines", 0, "unit_price"), "landed price"),
    (("lines", 0, "extended"), "extended"),
    (("lines", 0, "unit_low"), "unit_low"),
    (("lines", 0, "max_power_w"), "max_power_w"),
    (("lines", 0, "weight_kg"), "weight_kg"),
    (("lines", 0, "position"), "position"),
    (("lines", 0, "price", "amount"), "price.amount"),
    (("lines", 0, "price", "as_of"), "price.as_of"),
    (("totals", "capex"), "totals.capex"),
    (("totals", "capex_low"), "totals.capex_low"),
    (("totals", "tco"), "totals.tco"),
    (("totals", "accelerators"), "totals.accelerators"),
    (("totals", "energy_per_year"), "totals.energy_per_year"),
    (("totals", "facility_power_kw"), "totals.facility_power_kw"),
    (("energy", 0, "kwh"), "kwh"),
    (("energy", 0, "cost"), "cost"),
    (("energy", 0, "typical_kw"), "typical_kw"),
    (("energy", 0, "hours"), "hours"),
    (("pools", 0, "nodes"), "nodes"),
    (("pools", 0, "accelerators"), "accelerators"),
    (("pools", 0, "accelerator"), "not in the catalog"),
    (("pools", 0, "memory_gb"), "memory_gb"),
    (("pools", 0, "cpus_per_node"), "cpus_per_node"),
    (("pools", 0, "nics_per_node"), "nics_per_node"),
    (("pools", 0, "node_power_kw"), "node_power_kw"),
    (("pools", 0, "peak_pflops"), "peak_pflops"),
    (("fabrics", 0, "leaf"), "fabrics[0] (compute): leaf 33"),
    (("fabrics", 0, "spine"), "spine 17"),
    (("fabrics", 0, "links_leaf_spine"), "links_leaf_spine"),
    (("fabrics", 0, "cables"), "cables"),
    (("fabrics", 0, "endpoints"), "endpoints"),
    (("fabrics", 0, "ports_used"), "ports_used"),
    (("fabrics", 0, "switch"), "not in the catalog"),
    (("racks", 0, "power_kw"), "power_kw"),
    (("racks", 0, "items", 0, "power_kw"), "racks (R01)"),
    (("racks", 0, "items", 1, "bottom_unit"), "share unit"),
    (("limits", 0, "used"), "used"),
    (("limits", 4, "have"), "the request says"),
    (("objective", "value"), "objective"),
    (("objective", "bound"), "objective.bound"),
    (("compliance", 0, "verdict"), "verdict"),
]


@pytest.mark.parametrize(("path", "words"), FORGERIES, ids=[".".join(map(str, p)) for p, _ in FORGERIES])
def test_forged_numbers_are_found_even_with_new_seals(
    path: Path_, words: str, plans: dict[str, Plan], catalog: Catalog
) -> None:
    changed = altered(plans["superpod-4su"].model_dump(mode="json"), path)
    assert changed is not None
    findings = verify(resealed(changed.model_dump(mode="json")), catalog)
    assert any(words in f for f in findings), findings


# -- forged with care: every sum that follows is made right again -----------------------------------------------------
def line(data: dict[str, Any], part: str) -> dict[str, Any]:
    return next(ln for ln in data["lines"] if ln["part"] == part)


def recounted(data: dict[str, Any]) -> Plan:
    """Extended prices, totals, objective and limits follow the lines again; then everything is sealed."""
    totals = data["totals"]
    for ln in data["lines"]:
        ln["extended"] = round(ln["unit_price"] * ln["quantity"], 2)
    capex = round(sum(ln["extended"] for ln in data["lines"]), 2)
    saved = totals["capex"] - capex
    for low_high, unit in (("capex_low", "unit_low"), ("capex_high", "unit_high")):
        totals[low_high] = round(sum(ln[unit] * ln["quantity"] for ln in data["lines"]), 2)
    totals["capex"] = totals["capex_without_tax"] = capex
    totals["tco"] = round(totals["tco"] - saved, 2)
    data["objective"]["value"] = data["objective"]["bound"] = capex
    data["limits"][0]["used"] = capex
    return resealed(data)


def test_a_cheaper_price_is_found(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["superpod-4su"].model_dump(mode="json")
    line(data, "qm9790")["unit_price"] -= 1000
    findings = verify(recounted(data), catalog)
    assert "lines 2.1 (qm9790): unit_price 41,000.00, the catalog's landed price is 42,000.00" in findings
    assert all(f.startswith(("lines 2.1", "origins")) for f in findings)  # the domestic share counts the same money


@pytest.mark.parametrize(
    ("part", "less", "words"),
    [
        ("mfp7e10-n005", 1, "2044 cables for 2044 links, its lines buy 2043"),
        ("mma4z00-ns", 8, "modules for at most"),
        ("generic-100g-aoc-5m", 2, "its lines buy"),
        ("cat6-1g", 1, "its lines buy"),
        ("mgmt-server-1u", 1, "8 management servers for 127 nodes, the lines buy 7"),
        ("ufm-appliance-ndr", 1, "2 fabric managers needed, the lines buy 1"),
        ("pdu-415v-100a", 2, "power distribution units"),
        ("r42_600_1200", 1, "the lines buy"),
        ("nvidia-driver-cuda", 1, "127 × nvidia-driver-cuda needed"),
    ],
)
def test_one_piece_less_is_found(part: str, less: int, words: str, plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["superpod-4su"].model_dump(mode="json")
    short = line(data, part)
    short["quantity"] -= less
    short["per_node"] = short["nodes"] = None
    findings = verify(recounted(data), catalog)
    assert any(words in f for f in findings), findings


def test_a_spine_less_is_found(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["superpod-4su"].model_dump(mode="json")
    data["fabrics"][0]["spine"] -= 1
    data["fabrics"][0]["ports_present"] -= 64
    line(data, "qm9790")["quantity"] -= 1
    findings = verify(recounted(data), catalog)
    assert "fabrics[0] (compute): spine 15, derived from 1016 endpoints 16" in findings


def test_a_verdict_that_is_not_accepted_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    for entry in data["compliance"]:
        if entry["planned"]:
            entry["verdict"] = "licence_required"
    findings = verify(resealed(data), catalog)
    assert any("compliance[0] (h100-sxm5): verdict licence_required is planned" in f for f in findings)


def test_a_plan_that_delivers_too_little_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["deepseek-private-zh"].model_dump(mode="json")
    data["pools"][0]["predicted"][0]["low"] = 5.9
    assert any(f == "pools: chat gets 5.9, 6 was asked" for f in verify(resealed(data), catalog))


def test_more_than_a_limit_allows_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["superpod-4su"].model_dump(mode="json")
    used = plans["superpod-4su"].totals.racks
    data["request"]["site"]["racks"] = used - 1
    findings = verify(resealed(data), catalog)
    assert f"site.racks: the plan uses {used}, the request allows {used - 1}" in findings


def test_two_devices_in_one_place_are_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["superpod-4su"].model_dump(mode="json")
    items = data["racks"][0]["items"]
    items[1]["bottom_unit"] = items[0]["bottom_unit"]
    assert any("share unit 1" in f for f in verify(resealed(data), catalog))


# -- lines, catalogs, nonsense -----------------------------------------------------------------------------------------
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


@pytest.mark.parametrize("section", ["budget", "site", "workloads", "preferences", "compliance"])
def test_a_request_edited_into_nonsense_is_a_finding_and_not_a_crash(
    section: str, plans: dict[str, Plan], catalog: Catalog
) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    data["request"][section] = "none"
    findings = verify(Plan.model_validate(data), catalog)
    assert any("cannot be recomputed" in f for f in findings)
    assert any(f.startswith("provenance.request_hash") for f in findings)


@pytest.mark.parametrize("path", [("totals", "capex"), ("limits", 0, "used"), ("racks", 0, "power_kw")])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(path: Path_, value: float, plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    holder: Any = data
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    assert any("is not a number" in f for f in verify(resealed(data), catalog))


def test_monstrous_numbers_are_findings_at_once(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = plans["sixty-four-h100"].model_dump(mode="json")
    data["racks"][0]["items"][0]["units"] = 10**12
    for entry in data["lines"]:
        entry["quantity"] = 10**12
    data["pools"][0]["nodes"] = 10**9
    assert any("stands outside units" in f for f in verify(resealed(data), catalog))


def test_an_empty_plan_is_refused(plans: dict[str, Plan], catalog: Catalog) -> None:
    data = copy.deepcopy(plans["sixty-four-h100"].model_dump(mode="json"))
    for name in ("pools", "fabrics", "racks", "lines", "yearly", "limits", "compliance"):
        data[name] = []
    findings = verify(resealed(data), catalog)
    assert "pools: nothing serves capacity" in findings


# -- the arithmetic of trees, twice ------------------------------------------------------------------------------------
def test_fat_trees_agree_with_the_fabric_room() -> None:
    pick = random.Random(3)
    for _ in range(400):
        units, ports = pick.choice([pick.randint(1, 40), pick.randint(1, 6000)]), pick.choice([1, 2, 4, 8, 9])
        native, share = pick.choice([32, 40, 64, 128]), pick.choice([1, 1, 2, 4])
        ratio, rail = pick.choice([1.0, 1.0, 1.5, 2.0, 3.0]), pick.random() < 0.5
        one = fat_tree(units, ports, native, ratio, rail, 0, share)
        two = trees.compute(units, ports, native, share, ratio, rail)
        case = (units, ports, native, share, ratio, rail)
        assert (one is None) == (two is None), case
        if one is not None and two is not None:
            mine = (two.tiers, two.leaf, two.spine, two.core, two.ports_used, round(two.oversubscription, 6))
            assert mine == (
                one.tiers,
                one.leaf,
                one.spine,
                one.core,
                one.ports_used,
                round(one.oversubscription, 6),
            ), case


@pytest.mark.parametrize(("role", "switch_id", "gbps"), [("in-band", "sn4600c", 100.0), ("storage", "sn5610", 400.0)])
@pytest.mark.parametrize("redundancy", ["pair", "none"])
def test_pairs_agree_with_the_fabric_room(
    role: str, switch_id: str, gbps: float, redundancy: str, catalog: Catalog
) -> None:
    switch = catalog.switches[switch_id]
    share = max(1, ports_at(switch, gbps) // switch.ports)
    for endpoints in (*range(1, 700, 13), 1000, 3000):
        made = network_design(catalog, role, endpoints, gbps, switch.technology, switch_id, redundancy)
        mine = trees.joined(role, endpoints, switch.ports, share, redundancy == "pair")
        if isinstance(made, Rejection):
            assert mine is None, endpoints
        else:
            assert mine is not None
            assert (mine.leaf, mine.spine, mine.links_leaf_spine, mine.ports_used) == (
                made.leaf,
                made.spine,
                made.links_leaf_spine,
                made.ports_used,
            ), endpoints


# -- files -------------------------------------------------------------------------------------------------------------
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
