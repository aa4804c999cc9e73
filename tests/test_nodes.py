"""Node building on a catalog of a few parts, where every expected number can be worked out by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.catalog import Catalog, built_in_folder
from planner.errors import Rejection, UnknownPart
from planner.nodes import build_nodes
from planner.parts import NodeBuild
from planner.request import Request

Record = dict[str, Any]
Records = dict[str, list[Record]]


@dataclass(frozen=True)
class StubPrice:
    cents: int


@dataclass(frozen=True)
class StubBook:
    """Landed prices from a plain table; parts outside it have none."""

    table: dict[str, int]

    def landed(self, part_id: str) -> StubPrice | Rejection:
        if part_id in self.table:
            return StubPrice(self.table[part_id] * 100)
        return Rejection(part_id, "no-price", f"no price for {part_id}.")


PRICES = {
    "card": 8000, "quad-card": 9000, "module": 20000, "old-card": 5000, "board-8": 200000,
    "box": 10000, "hgx": 30000, "dgx": 300000, "cpu-16": 1000, "cpu-32": 2000, "cpu-16-cool": 1500, "cpu-intel": 1200,
    "ram-16": 400, "ram-32": 700, "ram-64": 1500, "boot": 200, "flash-2": 800, "flash-4": 1700,
    "nic-400": 1600, "nic-400-eth": 1400, "nic-200-old": 900, "nic-25-2p": 300, "nic-100-2p": 600, "nic-200-2p": 1700,
    "bridge": 220,
}  # fmt: skip


def _part(part_id: str, **more: Any) -> Record:
    return {"id": part_id, "vendor": "Maker", "model": part_id.upper(), **more}


def _accelerator(part_id: str, form: str, **more: Any) -> Record:
    base = {"family": "test", "ecosystem": "cuda", "form_factor": form, "memory_gb": 48, "tdp_w": 300}
    base |= {"memory_bandwidth_gb_per_s": 800, "dense_tflops": {"bf16": 300}}
    return _part(part_id, **{**base, "pcie_lanes": 16, "scale_up": {"name": "none"}, **more})


def _cpu(part_id: str, cores: int, watts: float, **more: Any) -> Record:
    base = {"family": "test", "cores": cores, "base_ghz": 2.4, "tdp_w": watts, "socket": "SP5", "memory_channels": 4}
    return _part(part_id, **{**base, "memory_types": ["DDR5-4800"], "pcie_gen": 5, "pcie_lanes": 128, **more})


def _nic(part_id: str, ports: int, gbps: float, roles: list[str], **more: Any) -> Record:
    base = {"technologies": ["infiniband", "ethernet"], "cage": "osfp", "pcie_gen": 5, "pcie_lanes": 16, "power_w": 20}
    return _part(part_id, **{**base, "ports": ports, "gbps": gbps, "roles": roles, **more})


def _chassis(part_id: str, category: str, takes: list[str], slots: int, **more: Any) -> Record:
    base: Record = {
        "category": category, "takes": takes, "slots": slots, "price_scope": "barebone", "interconnect": "none",
        "cpu_sockets": 2, "cpu_socket": "SP5", "cpus": ["cpu-16", "cpu-32", "cpu-16-cool"],
        "memory_types": ["DDR5-4800"], "dimm_slots": 16, "memory_gb_max": 1024, "drive_bays": 4,
        "drive_form_factors": ["U.2"], "nic_slots": 3, "nic_gen": 5, "rack_units": 4, "weight_kg": 50,
        "max_power_w": 5000, "typical_power_w": 4000, "cooling": "air",
        "fixed_nics": [{"role": "oob", "ports": 1, "gbps": 1, "technology": ["ethernet"], "cage": "rj45"}],
    }  # fmt: skip
    return _part(part_id, **{**base, **more})


def tiny() -> Records:
    """One PCIe box, one 8-module machine and one complete system."""
    fixed = [
        {
            "role": "compute",
            "ports": 8,
            "gbps": 400,
            "technology": ["infiniband"],
            "nic": "nic-400",
            "cage": "osfp-twin",
        },
        {"role": "storage", "ports": 2, "gbps": 400, "technology": ["infiniband"]},
        {"role": "in-band", "ports": 2, "gbps": 400, "technology": ["ethernet"]},
        {"role": "oob", "ports": 1, "gbps": 1, "technology": ["ethernet"]},
    ]
    modules = {"compute_nic_slots": 8, "max_power_w": 10000, "typical_power_w": 8500, "dimm_slots": 16}
    return {
        "accelerators": [
            _accelerator("card", "PCIe", slot_width=2, bridge_domain=2),
            _accelerator("quad-card", "PCIe", slot_width=2, tdp_w=600),
            _accelerator("module", "SXM", tdp_w=700, scale_up={"name": "link", "gb_per_s": 900, "domain": 8}),
            _accelerator("old-card", "PCIe", slot_width=2, lifecycle="end_of_sale"),
        ],
        "chassis": [
            _chassis("box", "pcie", ["card", "quad-card", "old-card"], 4, card_counts=[1, 2, 4]),
            _chassis("hgx", "hgx", ["module"], 8, baseboards={"module": "board-8"}, **modules),
            _chassis(
                "dgx", "dgx", ["module"], 8, price_scope="complete", complete_for="module", cpus=[],
                cpu_fixed="2x Fixed",
                cpu_cores_fixed=112, memory_gb_fixed=2048, nvme_tb_fixed=30.72, fixed_nics=fixed, max_power_w=10200,
                typical_power_w=8500, weight_kg=130.45, rack_units=8, lifecycle="end_of_sale",
            ),
        ],
        "baseboards": [_part("board-8", accelerator="module", accelerators=8)],
        "cpus": [_cpu("cpu-16", 16, 200), _cpu("cpu-32", 32, 280), _cpu("cpu-16-cool", 16, 150)],
        "memory": [_part(f"ram-{n}", memory_type="DDR5-4800", size_gb=n, power_w=5) for n in (16, 32, 64)],
        "drives": [
            _part("boot", use="boot", capacity_tb=0.48, form_factors=["M.2"], power_w=5),
            _part("flash-2", use="data", capacity_tb=2, form_factors=["U.2"], power_w=10),
            _part("flash-4", use="data", capacity_tb=4, form_factors=["U.2"], power_w=12),
        ],
        "nics": [
            _nic("nic-400", 1, 400, ["compute"]),
            _nic("nic-400-eth", 1, 400, ["compute"], technologies=["ethernet"]),
            _nic("nic-200-old", 1, 200, ["compute"], pcie_gen=4, cage="qsfp56"),
            _nic("nic-25-2p", 2, 25, ["in-band"], pcie_gen=4, pcie_lanes=8, technologies=["ethernet"]),
            _nic("nic-100-2p", 2, 100, ["in-band", "storage"], pcie_gen=4, technologies=["ethernet"]),
            _nic("nic-200-2p", 2, 200, ["storage"]),
        ],
        "bridges": [_part("bridge", joins=["card"], group=2, bridges_per_group=3, gb_per_s=600)],
    }  # fmt: skip


Build = Callable[..., tuple[list[NodeBuild], list[Rejection]]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(accelerators, records=..., prices=..., **site-file keys) on a catalog written for the test."""

    def run(
        accelerators: list[str], records: Records | None = None, prices: dict[str, int] | None = None, **keys: Any
    ) -> tuple[list[NodeBuild], list[Rejection]]:
        for kind, rows in (records or tiny()).items():
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / "all.yaml").write_text(yaml.safe_dump({"records": rows}), encoding="utf-8")
        (tmp_path / "accelerators" / "groups.yaml").write_text("{}", encoding="utf-8")
        (tmp_path / "estimates").mkdir(exist_ok=True)
        shutil.copy(built_in_folder() / "estimates" / "node_rules.yaml", tmp_path / "estimates")
        site = {"country": "NO", **keys.pop("site", {})}
        work = keys.pop("workloads", [{"name": "w", "kind": "capacity", "count": 8}])
        request = Request.model_validate({"site": site, "workloads": work, **keys})
        return build_nodes(Catalog([tmp_path]), request, accelerators, StubBook(PRICES if prices is None else prices))

    return run


def change(records: Records, kind: str, part_id: str, **more: Any) -> Records:
    """The same records with fields of one part replaced."""
    for row in records[kind]:
        if row["id"] == part_id:
            row.update(more)
    return records


def quantity(node: NodeBuild, part: str) -> int:
    return sum(line.quantity for line in node.lines if line.part == part)


def rules(rejections: list[Rejection]) -> set[tuple[str, str]]:
    return {(r.part, r.rule) for r in rejections}


# -- what is built ---------------------------------------------------------------------------------------------------


def test_modular_machine_is_full_and_carries_one_board(build: Build) -> None:
    nodes, _ = build(["module"])
    assert {n.accelerators for n in nodes} == {8}
    node = next(n for n in nodes if n.nic == "nic-400")
    assert node.id == "hgx/modulex8/8x-nic-400/cpu-32"
    assert (quantity(node, "hgx"), quantity(node, "board-8"), quantity(node, "module")) == (1, 1, 0)
    assert (node.compute_ports, node.compute_gbps, quantity(node, "nic-400")) == (8, 400, 8)
    assert (node.scale_up_domain, node.scale_up_gb_per_s) == (8, 900)
    assert (node.max_power_kw, node.typical_power_kw) == (10.0, 8.5)


def test_modules_are_priced_one_by_one_where_the_board_has_no_record(build: Build) -> None:
    nodes, _ = build(["module"], change(tiny(), "chassis", "hgx", baseboards={}))
    assert all(quantity(n, "module") == 8 for n in nodes)
    assert all(any("carrier board" in e for e in n.estimates) and n.notices for n in nodes)


def test_cards_come_in_the_offered_counts(build: Build) -> None:
    nodes, _ = build(["card"])
    assert {n.accelerators for n in nodes} == {1, 2, 4}
    assert all(quantity(n, "card") == n.accelerators for n in nodes)


def test_complete_system_is_one_line(build: Build) -> None:
    nodes, _ = build(["module"], preferences={"chassis": {"only": ["dgx"]}})
    [node] = nodes
    assert node.id == "dgx"
    assert [(line.part, line.quantity) for line in node.lines] == [("dgx", 1)]
    assert (node.memory_gb, node.nvme_tb, node.cpu, node.cpu_cores) == (2048, 30.72, "2x Fixed", 112)
    assert (node.compute_ports, node.compute_cage, node.storage_ports, node.oob_ports) == (8, "osfp-twin", 2, 1)
    assert (node.max_power_kw, node.weight_kg, node.rack_units) == (10.2, 130.45, 8)
    assert node.notices == ("dgx (DGX) is end of sale.",)


def test_rack_scale_system_says_that_it_is_ordered_whole(build: Build) -> None:
    records = change(tiny(), "chassis", "dgx", category="rack-scale", slots=72, own_rack=True, fabric_units=18)
    [node] = build(["module"], records, preferences={"chassis": {"only": ["dgx"]}})[0]
    assert (node.accelerators, node.fabric_units, node.own_rack, node.scale_up_domain) == (72, 18, True, 8)
    assert "dgx is ordered by the unit of 72 accelerators." in node.notices


def test_in_band_ports_run_at_the_network_speed(build: Build) -> None:
    [node] = build(["module"], preferences={"chassis": {"only": ["dgx"]}})[0]
    assert (node.inband_ports, node.inband_gbps) == (2, 100)


def test_same_input_gives_the_same_builds_in_order(build: Build) -> None:
    first, why = build(["card", "module"])
    again, why_again = build(["module", "card"])
    assert first == again and why == why_again
    assert [n.id for n in first] == sorted({n.id for n in first})


# -- host ------------------------------------------------------------------------------------------------------------


def test_memory_fills_every_channel_evenly_and_reaches_the_floor(build: Build) -> None:
    """8 x 48 GB need 384 GB: 8 x 64 GB costs 12,000, 16 x 32 GB costs 11,200; 8 x 32 and 16 x 16 are too small."""
    nodes, _ = build(["module"])
    assert {(n.memory_gb, quantity(n, "ram-32")) for n in nodes} == {(512, 16)}


def test_memory_floor_of_the_request(build: Build) -> None:
    nodes, _ = build(["card"], preferences={"node": {"memory_gb": 600}})
    assert {(n.memory_gb, quantity(n, "ram-64")) for n in nodes} == {(1024, 16)}


def test_memory_out_of_reach_is_rejected(build: Build) -> None:
    nodes, why = build(["card"], preferences={"node": {"memory_gb": 1100}})
    assert nodes == []
    assert ("box", "memory") in rules(why)


def test_slow_memory_does_not_fit(build: Build) -> None:
    slow = tiny()
    for row in slow["memory"]:
        row["memory_type"] = "DDR5-4400"
    nodes, why = build(["card"], slow)
    assert nodes == [] and ("box", "memory") in rules(why)


def test_cores_follow_the_accelerators(build: Build) -> None:
    """8 modules need 64 cores: two of 32. Four cards need 24: two of 16 are enough."""
    assert {n.cpu for n in build(["module"])[0]} == {"cpu-32"}
    nodes, _ = build(["card"])
    assert {n.cpu for n in nodes} == {"cpu-16", "cpu-16-cool"}
    assert all(n.cpus == 2 and n.cpu_cores == 32 for n in nodes)


def test_too_few_cores_are_rejected(build: Build) -> None:
    nodes, why = build(["module"], change(tiny(), "chassis", "hgx", cpus=["cpu-16"]))
    assert nodes == []
    assert [(r.have, r.need) for r in why if r.rule == "cpu-cores"] == [("32 cores", "64 cores")]


def test_host_that_is_dearer_and_hungrier_is_dropped(build: Build) -> None:
    records = change(tiny(), "cpus", "cpu-16-cool", tdp_w=200)
    assert {n.cpu for n in build(["card"], records)[0]} == {"cpu-16"}


def test_named_cpu_is_used(build: Build) -> None:
    nodes, _ = build(["card"], preferences={"node": {"cpu": "CPU-32"}})
    assert {n.cpu for n in nodes} == {"cpu-32"}


def test_named_cpu_of_another_socket_is_rejected(build: Build) -> None:
    records = tiny()
    records["cpus"].append(_cpu("cpu-intel", 32, 250, socket="LGA4677"))
    nodes, why = build(["card"], records, preferences={"node": {"cpu": "cpu-intel"}})
    assert nodes == [] and ("box", "cpu") in rules(why)


def test_unknown_cpu_is_an_input_error(build: Build) -> None:
    with pytest.raises(UnknownPart, match="Nearest: cpu-32"):
        build(["card"], preferences={"node": {"cpu": "cpu-33"}})


def test_old_cpus_only_where_no_current_one_fits(build: Build) -> None:
    records = change(tiny(), "cpus", "cpu-16", lifecycle="end_of_sale")
    assert {n.cpu for n in build(["card"], records)[0]} == {"cpu-16-cool", "cpu-32"} - {"cpu-32"}
    nodes, _ = build(["card"], change(records, "chassis", "box", cpus=["cpu-16"]))
    assert all(n.cpu == "cpu-16" and "CPU cpu-16 is end of sale." in n.notices for n in nodes)


def test_data_drives_are_the_cheapest_that_reach_the_floor(build: Build) -> None:
    """4 TB: two of 2 TB cost 1,600, one of 4 TB 1,700. 10 TB: five of 2 TB do not fit four bays, three of 4 TB do."""
    nodes, _ = build(["card"], preferences={"node": {"nvme_tb": 4}})
    assert {(quantity(n, "flash-2"), n.nvme_tb) for n in nodes} == {(2, 4)}
    nodes, _ = build(["card"], preferences={"node": {"nvme_tb": 10}})
    assert {(quantity(n, "flash-4"), n.nvme_tb) for n in nodes} == {(3, 12)}


def test_more_drives_than_bays_are_rejected(build: Build) -> None:
    nodes, why = build(["card"], preferences={"node": {"nvme_tb": 17}})
    assert nodes == [] and ("box", "drives") in rules(why)


def test_no_data_drives_when_none_are_wanted(build: Build) -> None:
    nodes, _ = build(["card"], preferences={"node": {"nvme_tb": 0}})
    assert nodes and all(n.nvme_tb == 0 and quantity(n, "flash-2") == 0 for n in nodes)


def test_boot_drives_are_mirrored_or_the_notice_says_not(build: Build) -> None:
    assert all(quantity(n, "boot") == 2 for n in build(["card"])[0])
    nodes, _ = build(["card"], change(tiny(), "chassis", "box", boot_drives=1))
    assert all(quantity(n, "boot") == 1 and any("mirrored" in t for t in n.notices) for n in nodes)


# -- adapters --------------------------------------------------------------------------------------------------------


def test_adapter_choices_of_a_modular_machine(build: Build) -> None:
    """Per speed the cheapest InfiniBand and the cheapest Ethernet adapter, one per accelerator, or none at all."""
    nodes, _ = build(["module"])
    assert {(n.nic, n.compute_ports) for n in nodes} == {
        (None, 0), ("nic-400", 8), ("nic-400-eth", 8), ("nic-200-old", 8),
    }  # fmt: skip


def test_wanted_technology_narrows_the_adapters(build: Build) -> None:
    nodes, _ = build(["module"], preferences={"fabric": {"technology": "infiniband"}})
    assert {n.nic for n in nodes} == {None, "nic-400", "nic-200-old"}


def test_old_slots_do_not_carry_fast_adapters(build: Build) -> None:
    nodes, _ = build(["module"], change(tiny(), "chassis", "hgx", nic_gen=4))
    assert {n.nic for n in nodes} == {None, "nic-200-old"}


def test_in_band_adapters_run_at_the_speed_of_the_network(build: Build) -> None:
    """The in-band network is of 100 Gbit/s: a cheaper adapter of 25 would not take its cables."""
    for kind in ("card", "module"):
        assert {(n.inband_ports, n.inband_gbps) for n in build([kind])[0]} == {(2, 100)}


def test_storage_adapter_only_when_storage_is_asked_for(build: Build) -> None:
    assert all(n.storage_ports == 0 for n in build(["card"])[0])
    nodes, _ = build(["card"], storage={"usable_tb": 100})
    assert {(n.storage_ports, n.storage_gbps, quantity(n, "nic-200-2p")) for n in nodes} == {(2, 200, 1)}


def test_adapters_stay_within_the_slots(build: Build) -> None:
    """Three slots: in-band and storage leave one. Two: none. One: in-band or storage has no place."""
    for slots, most in ((3, 1), (2, 0)):
        nodes, _ = build(["card"], change(tiny(), "chassis", "box", nic_slots=slots), storage={"usable_tb": 100})
        assert max(n.compute_ports for n in nodes) == most
    nodes, why = build(["card"], change(tiny(), "chassis", "box", nic_slots=1), storage={"usable_tb": 100})
    assert nodes == [] and ("box", "nic-slots") in rules(why)
    assert "nic-100-2p and nic-200-2p" in why[0].message


def test_ocp_slot_takes_the_in_band_adapter(build: Build) -> None:
    nodes, _ = build(["card"], change(tiny(), "chassis", "box", nic_slots=0, ocp_slots=1))
    assert nodes and all(quantity(n, "nic-100-2p") == 1 and n.compute_ports == 0 for n in nodes)
    assert all(any("OCP" in e for e in n.estimates) for n in nodes)


def test_second_ocp_slot_takes_the_storage_adapter(build: Build) -> None:
    records = change(tiny(), "chassis", "box", nic_slots=1, ocp_slots=2)
    nodes, _ = build(["card"], records, storage={"usable_tb": 100})
    assert max(n.compute_ports for n in nodes) == 1


def test_no_adapter_is_added_to_ports_on_the_module(build: Build) -> None:
    records = change(tiny(), "accelerators", "module", scale_out="onboard-roce")
    nodes, _ = build(["module"], records)
    assert {n.nic for n in nodes} == {None}


def test_bridge_joins_even_pairs(build: Build) -> None:
    nodes, _ = build(["card"])
    bridged = [n for n in nodes if quantity(n, "bridge")]
    assert {(n.accelerators, quantity(n, "bridge"), n.scale_up_domain) for n in bridged} == {(2, 3, 2), (4, 6, 2)}
    assert all(n.scale_up_gb_per_s == 600 for n in bridged)
    assert {n.scale_up_domain for n in nodes if not quantity(n, "bridge")} == {1}


# -- physics ---------------------------------------------------------------------------------------------------------


def test_card_server_power_is_the_sum_of_parts_plus_ten_percent(build: Build) -> None:
    """4 x 300 + 2 x 200 + 8 x 5 (memory) + 2 x 5 (boot) + 10 (one drive) + 20 (in-band) = 1,680 W; x 1.1 = 1,848 W."""
    nodes, _ = build(["card"], preferences={"node": {"nvme_tb": 2, "memory_gb": 256}})
    node = next(n for n in nodes if n.id == "box/cardx4/no-nic/cpu-16")
    assert quantity(node, "ram-32") == 8
    assert node.max_power_kw == pytest.approx(1.848)
    assert node.typical_power_kw == pytest.approx(1.848 * 4000 / 5000)
    assert any(e.startswith("max_power_w") for e in node.estimates)


def test_margin_stops_at_the_chassis_maximum(build: Build) -> None:
    nodes, _ = build(["card"], change(tiny(), "chassis", "box", max_power_w=1800))
    assert max(n.max_power_kw for n in nodes) == 1.8


def test_parts_beyond_the_chassis_maximum_are_rejected(build: Build) -> None:
    nodes, why = build(["card"], change(tiny(), "chassis", "box", max_power_w=700))
    assert {n.accelerators for n in nodes} == {1}
    assert any(r.rule == "power" and r.have == "700 W" for r in why)


def test_supplies_must_carry_the_maximum(build: Build) -> None:
    nodes, why = build(["module"], change(tiny(), "chassis", "hgx", psu_count=6, psu_watts=3000, psu_min_live=3))
    assert nodes == []
    assert [(r.have, r.need) for r in why if r.rule == "psu"] == [("9,000 W", "10,000 W")]


def test_hot_card_does_not_go_into_a_weak_slot(build: Build) -> None:
    nodes, why = build(["quad-card"], change(tiny(), "chassis", "box", max_card_w=400))
    assert nodes == []
    assert {("box", "card-power"), ("quad-card", "no-chassis")} <= rules(why)


def test_lanes_are_counted_where_slots_hang_on_the_cpus(build: Build) -> None:
    """112 lanes: 4 x 16 (cards) + 16 (in-band) + 4 x 4 (drives) leave room for one adapter of 16 lanes, not for two."""
    few = tiny()
    for row in few["cpus"]:
        row["pcie_lanes"] = 56
    full = {"node": {"nvme_tb": 14}}
    nodes, why = build(["card"], few, preferences=full)
    assert max(n.compute_ports for n in nodes if n.accelerators == 4) == 1
    assert {(r.have, r.need) for r in why if r.rule == "pcie-lanes"} == {("112 lanes", "128 lanes")}
    nodes, why = build(["card"], change(few, "chassis", "box", pcie_switches=True), preferences=full)
    assert max(n.compute_ports for n in nodes if n.accelerators == 4) == 2
    assert not any(r.rule == "pcie-lanes" for r in why)


def test_missing_weight_follows_the_class_rule_or_rejects(build: Build, tmp_path: Path) -> None:
    records = tiny()
    del records["chassis"][1]["weight_kg"]
    assert ("hgx", "weight") in rules(build(["module"], records)[1])
    row = {"class": "air, 8 SXM or OAM modules", "rule": "kg = 45 + 10 * rack_units", "high_factor": 1.2}
    table = {"server_weight_kg": {"classes": [row]}}
    (tmp_path / "estimates" / "classes.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    nodes, _ = build(["module"], records)
    assert {n.weight_kg for n in nodes} == {102.0}
    assert all(any(e.startswith("weight_kg: class rule") for e in n.estimates) for n in nodes)


# -- who is admitted -------------------------------------------------------------------------------------------------


def test_only_current_parts_unless_named(build: Build) -> None:
    nodes, why = build(["old-card"])
    assert nodes == [] and rules(why) == {("old-card", "lifecycle")}
    named = [{"name": "w", "kind": "capacity", "count": 8, "accelerator": "old-card"}]
    nodes, _ = build(["old-card"], workloads=named)
    assert nodes and all("old-card (OLD-CARD) is end of sale." in n.notices for n in nodes)


def test_naming_an_accelerator_does_not_admit_an_old_chassis(build: Build) -> None:
    named = [{"name": "w", "kind": "capacity", "count": 8, "accelerator": "module"}]
    nodes, why = build(["module"], workloads=named)
    assert {n.chassis for n in nodes} == {"hgx"}
    assert ("dgx", "lifecycle") in rules(why)
    only_dgx = tiny()
    only_dgx["chassis"] = [c for c in only_dgx["chassis"] if c["id"] != "hgx"]
    nodes, why = build(["module"], only_dgx, workloads=named)
    assert nodes == []
    assert any(r.rule == "no-chassis" and "name one of dgx" in r.message for r in why)


def test_preferences_narrow_chassis_and_vendors(build: Build) -> None:
    nodes, why = build(["card", "module"], preferences={"chassis": {"exclude": ["hgx"]}})
    assert {n.chassis for n in nodes} == {"box"} and ("hgx", "preference") in rules(why)
    records = change(tiny(), "chassis", "box", vendor="Other")
    assert {n.chassis for n in build(["card", "module"], records, preferences={"vendors": {"only": ["other"]}})[0]} == {
        "box"
    }
    nodes, why = build(["card"], records, preferences={"vendors": {"exclude": ["Other"]}})
    assert nodes == [] and ("box", "preference") in rules(why)


def test_vendor_list_narrows_each_kind_it_names(build: Build) -> None:
    records = change(tiny(), "accelerators", "quad-card", vendor="Designer")
    nodes, why = build(["card", "quad-card"], records, preferences={"vendors": {"only": ["Designer"]}})
    assert {n.accelerator for n in nodes} == {"quad-card"}
    assert ("card", "preference") in rules(why)


def test_liquid_machine_needs_a_liquid_site(build: Build) -> None:
    records = change(tiny(), "chassis", "hgx", cooling="dlc")
    assert ("hgx", "cooling") in rules(build(["module"], records)[1])
    assert build(["module"], records, site={"cooling": "liquid"})[0]


def test_part_without_price_is_rejected_once(build: Build) -> None:
    prices = {k: v for k, v in PRICES.items() if k != "card"}
    nodes, why = build(["card"], prices=prices)
    assert nodes == []
    assert [r.message for r in why if r.rule == "no-price"] == ["no price for card."]


def test_complete_price_holds_for_one_accelerator(build: Build) -> None:
    records = change(tiny(), "chassis", "dgx", takes=["module", "card"], lifecycle="current")
    nodes, why = build(["card"], records, preferences={"chassis": {"only": ["dgx"]}})
    assert nodes == [] and ("dgx", "price-scope") in rules(why)


def test_complete_system_cannot_grow(build: Build) -> None:
    for wish in ({"memory_gb": 3000}, {"nvme_tb": 40}, {"cpu": "cpu-16"}):
        nodes, why = build(["module"], preferences={"chassis": {"only": ["dgx"]}, "node": wish})
        assert nodes == []
        assert {r.rule for r in why if r.part == "dgx"} & {"memory", "drives", "cpu"}


# -- the shipped catalog ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> tuple[Catalog, list[NodeBuild]]:
    """Every node of the shipped catalog for a liquid-cooled site with storage, at typical source prices."""
    catalog = Catalog.load()
    table = {part: int(rows[0].typical) for part, rows in catalog.prices.items()}
    request = Request.model_validate(
        {
            "site": {"country": "CN", "cooling": "liquid"},
            "storage": {"usable_tb": 100},
            "workloads": [{"name": "w", "kind": "capacity", "count": 8, "accelerator": "h100"}],
        }
    )
    return catalog, build_nodes(catalog, request, list(catalog.accelerators), StubBook(table))[0]


def test_shipped_nodes_can_be_built(shipped: tuple[Catalog, list[NodeBuild]]) -> None:
    catalog, nodes = shipped
    assert len({n.chassis for n in nodes}) > 50
    for node in nodes:
        chassis = catalog.chassis[node.chassis]
        assert node.accelerator in chassis.takes
        assert node.accelerators <= chassis.slots
        assert chassis.category == "pcie" or node.accelerators == chassis.slots
        assert node.max_power_kw * 1000 <= (chassis.max_power_w or 0) + 0.1, node.id
        assert node.typical_power_kw <= node.max_power_kw
        assert node.rack_units and node.weight_kg > 0
        if chassis.price_scope == "barebone":
            dimms = [line for line in node.lines if line.part in catalog.dimms]
            assert len(dimms) == 1 and dimms[0].quantity <= (chassis.dimm_slots or 0)
            channels = catalog.cpus[str(node.cpu)].memory_channels * chassis.cpu_sockets
            assert dimms[0].quantity in (channels, 2 * channels)
            assert catalog.dimms[dimms[0].part].size_gb * dimms[0].quantity == node.memory_gb
            drives = sum(q.quantity for q in node.lines if q.part in catalog.drives)
            assert drives <= chassis.drive_bays + chassis.boot_drives
            adapters = sum(q.quantity for q in node.lines if q.part in catalog.nics)
            assert adapters <= chassis.nic_slots + chassis.compute_nic_slots + chassis.ocp_slots


def test_shipped_answers_for_the_examples(shipped: tuple[Catalog, list[NodeBuild]]) -> None:
    _, nodes = shipped
    h100 = [n for n in nodes if n.accelerator == "h100-sxm5" and n.accelerators == 8]
    assert len({n.chassis for n in h100}) >= 8
    assert any(quantity(n, "hgx-h100-8") == 1 and n.compute_ports == 8 and n.compute_gbps == 400 for n in h100)
    atlas = next(n for n in nodes if n.chassis == "huawei-atlas-800t-a2")
    assert (atlas.compute_ports, atlas.compute_gbps, atlas.compute_technologies) == (8, 200, ("ethernet",))
    rack = next(n for n in nodes if n.chassis == "dgx-gb200-nvl72")
    assert (rack.accelerators, rack.fabric_units, rack.compute_ports, rack.own_rack) == (72, 18, 72, True)
    assert {1, 2, 4, 8, 10} <= {n.accelerators for n in nodes if n.accelerator == "l40s"}
