"""What installers and other tools get: CSV that is safe, NetBox files that fit its schema, drawings that show all."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from plans.cabled import special_site

from planner import wiring
from planner.catalog import Catalog
from planner.cli import main
from planner.exports import cables, netbox, pictures, racks
from planner.facility.racks import rack_facts
from planner.optimize import optimize
from planner.plan import Plan
from planner.planfile import dump_plan
from planner.sitefile import read_site, read_site_text
from planner.wording import Wording

ROOT = Path(__file__).parent
ON = dt.date(2026, 11, 24)
SITE = """
project: "=HYPERLINK(\\"http://x\\") <b>room</b>"
site: {country: US, rack_power_kw: 45}
workloads: [{name: "=1+1", kind: capacity, accelerator: h100-sxm5, count: 272}]
preferences: {chassis: {only: [dgx-h100]}}
storage: {usable_tb: 1000}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def plan(catalog: Catalog) -> Plan:
    return optimize(read_site_text(SITE, "site.yaml", catalog), catalog, ON)


@pytest.fixture(scope="module")
def path(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("plan") / "plan.json"
    dump_plan(plan, where)
    return where


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    return int(leaving.value.code or 0)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


# -- cables ------------------------------------------------------------------------------------------------------------
def test_the_schedule_on_the_command_line(
    path: Path, plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cables.csv"
    assert run("export", "cables", str(path), "--out", str(out)) == 0
    rows = rows_of(out)
    assert f"{len(rows):,} rows" in capsys.readouterr().out
    assert len({r["label"] for r in rows}) == sum(e.quantity for e in plan.cabling)
    assert all(r["a_rack"] and r["b_rack"] and r["length_m"] for r in rows)
    assert run("export", "cables", str(path)) == 0
    assert capsys.readouterr().out.count("\n") == len(rows) + 1


def test_no_cell_starts_a_formula(path: Path, tmp_path: Path) -> None:
    """Names from a site file are text in every file that a spreadsheet opens."""
    assert run("export", "cables", str(path), "--out", str(tmp_path / "c.csv")) == 0
    assert run("export", "racks", str(path), "--out", str(tmp_path / "racks")) == 0
    assert run("export", "netbox", str(path), "--out", str(tmp_path / "netbox")) == 0
    files = [tmp_path / "c.csv", *tmp_path.glob("*/*.csv")]
    assert len(files) >= 9
    for file in files:
        for row in rows_of(file):
            assert not any(str(cell).startswith(("=", "+", "@")) for cell in row.values()), file


def test_labels_and_totals(path: Path, plan: Plan, catalog: Catalog, tmp_path: Path) -> None:
    labels, totals = tmp_path / "labels.csv", tmp_path / "totals.csv"
    assert run("export", "cables", str(path), "--labels", "--out", str(labels)) == 0
    assert run("export", "cables", str(path), "--totals", "--out", str(totals)) == 0
    assert sum(int(r["pieces"]) for r in rows_of(totals)) == sum(e.quantity for e in plan.cabling)
    found = rows_of(labels)
    rows = list(cables.schedule(plan, catalog))
    assert any(row.legs > 1 for row in rows)
    assert len(found) == len({row.label for row in rows}) + len(rows)  # one end of every cable, and every leg's
    split = [row for row in rows if row.legs == 4]
    assert {row.a_text for row in split if row.label == split[0].label} == {split[0].a_text}
    assert split[0].a_text.endswith(" > 4 legs") and split[1].b_text.startswith(f"{split[0].label}.2 | ")
    assert any(a.needed_m != b.needed_m for a, b in itertools.pairwise(split) if a.label == b.label)  # each its own
    assert re.fullmatch(r"compute-\d{6} \| R\d+ U\d+ \S+ > R\d+ U\d+ compute \d", found[0]["text"])
    assert run("export", "cables", str(path), "--labels", "--totals") == 2


def test_a_folder_that_cannot_be_written_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "cables", str(path), "--out", "/nowhere/c.csv") == 2
    assert "cannot write" in capsys.readouterr().err
    assert run("export", "cables", "/nowhere/plan.json") == 2


def test_a_plan_of_an_earlier_version_is_told_and_not_a_crash(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels that say nothing of a device's role cannot be cabled."""
    data = plan.model_dump(mode="json")
    del data["request"]["site"]["layout"]
    data["cabling"] = []
    for rack in data["racks"]:
        for item in rack["items"]:
            item["label"] = item["label"].replace(" leaf ", " qm9790 ")
    old = tmp_path / "old.json"
    old.write_text(json.dumps(data), encoding="utf-8")
    assert run("export", "cables", str(old)) == 2
    assert "stands in no rack of this plan; make the plan again" in capsys.readouterr().err


# -- NetBox ------------------------------------------------------------------------------------------------------------
def test_device_types_fit_the_published_schema(plan: Plan, catalog: Catalog, tmp_path: Path) -> None:
    netbox.write_netbox(plan, catalog, tmp_path)
    text = (ROOT / "reference" / "netbox_devicetype.json").read_text(encoding="utf-8")
    schema = json.loads(text, parse_float=Decimal)
    files = sorted((tmp_path / "device-types").glob("*.yaml"))
    assert len(files) == len({i.item for r in plan.racks for i in r.items})
    for file in files:
        data = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8"))), parse_float=Decimal)
        jsonschema.validate(data, schema)
        names = [i["name"] for i in data["interfaces"]]
        assert len(names) == len(set(names))
    with pytest.raises(jsonschema.ValidationError):  # the schema can refuse
        jsonschema.validate({**data, "u_height": Decimal("1.3")}, schema)


@pytest.mark.parametrize("kind", ["", "split ports 400G", "800G Ethernet", "breakouts to storage", "storage by cages"])
def test_netbox_files_refer_to_each_other(kind: str, plan: Plan, catalog: Catalog, tmp_path: Path) -> None:
    if kind:
        plan = optimize(read_site_text(special_site(kind, 1), "site.yaml", catalog), catalog, ON)
    refer(plan, catalog, tmp_path)


def refer(plan: Plan, catalog: Catalog, tmp_path: Path) -> None:
    """Every device has a type, every cable ends on interfaces that exist, none is used twice."""
    netbox.write_netbox(plan, catalog, tmp_path)
    types = {}
    for file in (tmp_path / "device-types").glob("*.yaml"):
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        types[data["manufacturer"], data["model"]] = {i["name"] for i in data["interfaces"]}
    devices = rows_of(tmp_path / "5-devices.csv")
    assert len(devices) == len({d["name"] for d in devices}) == sum(len(r.items) for r in plan.racks)
    faces = {d["name"]: set(types[d["manufacturer"], d["device_type"]]) for d in devices}
    for row in rows_of(tmp_path / "6-interfaces.csv"):
        assert row["name"] not in faces[row["device"]]
        faces[row["device"]].add(row["name"])
    used = set()
    found = rows_of(tmp_path / "7-cables.csv")
    for row in found:
        for side in ("a", "b"):
            end = row[f"side_{side}_device"], row[f"side_{side}_name"]
            assert end[1] in faces[end[0]]
            assert end not in used
            used.add(end)
    labels = {row["label"].partition(".")[0] for row in found}  # legs of a breakout cable carry their number
    assert len(labels) == sum(e.quantity for e in plan.cabling)
    assert {d["rack"] for d in devices} == {r["name"] for r in rows_of(tmp_path / "4-racks.csv")}
    assert all(len(d["name"]) <= 64 for d in devices)


def test_ports_are_typed_by_the_adapters_cages(catalog: Catalog) -> None:
    """Not by the switch's: a node with QSFP-DD adapters below OSFP cages, storage ports that run slower."""
    site = """
site: {country: DE}
storage: {usable_tb: 500, system: dell-powerscale-f710}
preferences: {fabric: {technology: ethernet, switch: sn5610}}
workloads: [{kind: capacity, accelerator: h200-sxm5, count: 64}]
"""
    made = optimize(read_site_text(site, "site.yaml", catalog), catalog, ON)
    pool = made.pools[0]
    nic = catalog.nics[pool.nic or ""]
    assert catalog.switches["sn5610"].cage == "osfp-twin" != nic.cage
    types = netbox.device_types(made, catalog)
    node = next(t for t in types if t.part == pool.chassis)
    store = next(t for t in types if t.part == "dell-powerscale-f710")
    ports = {i["name"]: i["type"] for i in node.data["interfaces"]}
    assert ports["compute 1"] == netbox.interface_type("ethernet", 400, nic.cage) == "400gbase-x-qsfpdd"
    assert ports["storage 1"] == "200gbase-x-qsfp56"
    assert {i["type"] for i in store.data["interfaces"] if i["name"].startswith("storage")} == {"100gbase-x-qsfp28"}


def test_long_names_stay_apart() -> None:
    one, two = netbox.device_name("w" * 80 + " node 1"), netbox.device_name("w" * 80 + " node 2")
    assert one != two
    assert max(len(one), len(two)) <= 64


# -- drawings ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["en", "zh"])
def test_elevations_show_every_device_and_blank_unit(plan: Plan, catalog: Catalog, language: str) -> None:
    words = Wording(language)
    for rack, fact in list(zip(plan.racks, rack_facts(plan, catalog), strict=True))[:4]:
        drawing = ElementTree.fromstring(pictures.elevation(plan, catalog, rack, fact, words))
        kinds = [e.get("class", "") for e in drawing.iter("{http://www.w3.org/2000/svg}rect")]
        roles = {wiring.role_of(catalog, i.item) for i in rack.items}
        drawn = sum(k in ("node", "network", "storage", "management", "cooling") for k in kinds)
        assert drawn == len(rack.items) + len(roles)  # and the legend, of what stands there
        assert kinds.count("blank") == rack.units - sum(i.units for i in rack.items) + 1
        hints = [e.text or "" for e in drawing.iter("{http://www.w3.org/2000/svg}title")]
        assert all(any(h.startswith(f"{i.label}:") for h in hints) for i in rack.items)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_floor_plan_shows_every_rack_and_aisle(plan: Plan, catalog: Catalog, language: str) -> None:
    drawing = ElementTree.fromstring(pictures.floor_plan(plan, catalog, Wording(language)))
    kinds = [e.get("class", "") for e in drawing.iter("{http://www.w3.org/2000/svg}rect")]
    assert sum(k.startswith("rack l") for k in kinds) == len(plan.racks) + 5  # and the legend
    rows = -(-len(plan.racks) // 16)
    assert kinds.count("cold") + kinds.count("hot") == rows + 1


def test_racks_as_csv(plan: Plan, catalog: Catalog, tmp_path: Path) -> None:
    assert racks.write_racks(plan, catalog, tmp_path) == 3 + len(plan.racks)
    devices, loads = rows_of(tmp_path / "devices.csv"), rows_of(tmp_path / "racks.csv")
    named = [plan.names[i.item] for r in plan.racks for i in r.items]
    assert any(name.startswith("generic ") for name in named)  # no maker's name, and never printed as one
    assert not [d["model"] for d in devices if d["model"].startswith("generic")]
    assert not [p.name for p in tmp_path.glob("*.svg") if "generic generic" in p.read_text(encoding="utf-8")]
    assert len(devices) == sum(len(r.items) for r in plan.racks)
    assert [r["rack"] for r in loads] == [r.name for r in plan.racks]
    for row, rack in zip(loads, plan.racks, strict=True):
        assert int(row["units_used"]) + int(row["blank_units"]) == rack.units
        assert float(row["under_kg_per_m2"]) > float(row["devices_kg"])  # 0.72 m² and the cabinet itself


def test_fabric_managers_and_pools_of_two_technologies_hand_over(catalog: Catalog, tmp_path: Path) -> None:
    """Managers have their ports into leaves; one chassis on InfiniBand and on Ethernet is two device types."""
    managed = SITE.replace("storage: {", "fabric: {technology: infiniband}\nstorage: {technology: infiniband, ")
    made = optimize(read_site_text(managed, "site.yaml", catalog), catalog, ON)
    refer(made, catalog, tmp_path / "managed")
    manager = next((tmp_path / "managed" / "device-types").glob("*ufm*.yaml"))
    ports = {i["name"]: i["type"] for i in yaml.safe_load(manager.read_text(encoding="utf-8"))["interfaces"]}
    assert ports["fabric 1"] == ports["fabric 2"] == "infiniband-ndr"
    test_device_types_fit_the_published_schema(made, catalog, tmp_path / "schema")

    one, two = made.pools[0], made.pools[0].model_copy(update={"workload": "other", "fabric": "other"})
    ethernet = next(n for n in made.fabrics if n.role == "in-band").model_copy(update={"name": "other", "gbps": 200.0})
    both = made.model_copy(update={"pools": (one, two), "fabrics": (*made.fabrics, ethernet)})
    kinds = [t for t in netbox.device_types(both, catalog) if t.part == one.chassis]
    assert [t.data["interfaces"][0]["type"] for t in kinds] == ["infiniband-ndr", "200gbase-x-qsfp56"]
    assert [sorted(t.pools) for t in kinds] == [[0], [1]]
    assert len({t.data["slug"] for t in kinds}) == 2


def test_a_small_site_on_one_switch_hands_over(catalog: Catalog, tmp_path: Path) -> None:
    """One switch carries two networks: its ports are in one device type."""
    made = optimize(read_site(ROOT.parent / "examples" / "edge-video.yaml", catalog), catalog, ON)
    assert netbox.write_netbox(made, catalog, tmp_path) > 8
