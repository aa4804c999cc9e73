"""Checks on every shipped accelerator, chassis and baseboard before anybody plans with them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from planner.catalog import Catalog
from planner.parts import Accelerator, Chassis

BITS = {"fp64": 64, "fp64_tensor": 64, "fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4}
WANTED_ACCELERATORS = """
    a100-pcie-40gb a100-pcie-80gb a100-sxm4-40gb a100-sxm4-80gb a800-pcie-80gb a800-sxm4-80gb h100-sxm5 h100-pcie
    h100-nvl h800-sxm5 h20-sxm5 rtx-a6000 l40s mi300x b200-sxm6 h200-sxm5 h200-nvl l20 l4 rtx-6000-ada rtx-pro-6000-se
    b300-sxm6 gb200-nvl72 mi325x gaudi3-oam ascend-910b1 ascend-910b2 ascend-910b3 ascend-910b4 ascend-910c
"""
WANTED_SYSTEMS = """
    dgx-station-a100 dgx-a100-320 dgx-a100-640 dgx-h100 dgx-h200 dgx-b200 dgx-b300 dgx-gb200-nvl72 huawei-atlas-800t-a2
    huawei-atlas-800i-a2 inspur-nf5688m7 h3c-r5500-g6 xfusion-g8600-v7
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def accelerators(catalog: Catalog) -> list[Accelerator]:
    return list(catalog.accelerators.values())


@pytest.fixture(scope="module")
def chassis(catalog: Catalog) -> list[Chassis]:
    return list(catalog.chassis.values())


def test_everything_asked_for_is_there(catalog: Catalog) -> None:
    assert [a for a in WANTED_ACCELERATORS.split() if a not in catalog.accelerators] == []
    assert [c for c in WANTED_SYSTEMS.split() if c not in catalog.chassis] == []
    assert len(catalog.accelerators) == 93
    assert len(catalog.chassis) == 103


def test_enough_makers_and_kinds(chassis: list[Chassis]) -> None:
    modular = [c for c in chassis if c.category == "hgx" and c.lifecycle == "current"]
    assert len(modular) >= 10
    assert len({c.vendor for c in modular}) >= 4
    assert {"air", "dlc"} <= {c.cooling for c in modular}
    cards = [c for c in chassis if c.category == "pcie" and c.lifecycle == "current"]
    assert len(cards) >= 10
    assert min(c.slots for c in cards) <= 4
    assert max(c.slots for c in cards) == 10
    assert len({c.vendor for c in chassis if c.origin == "CN" and c.vendor != "generic"}) >= 4


def test_tpp_follows_from_the_dense_rates(accelerators: list[Accelerator]) -> None:
    """TPP is the largest dense rate times its bit length; a sparse rate quoted as dense would double it."""
    wrong = []
    for a in accelerators:
        reach = max((rate * BITS[key] for key, rate in a.dense_tflops.items() if key in BITS), default=0.0)
        if a.tpp is not None and reach and abs(reach - a.tpp) > 0.01 * a.tpp:
            wrong.append((a.id, a.tpp, reach))
    assert wrong == []


def test_performance_density_is_tpp_per_mm2(accelerators: list[Accelerator]) -> None:
    for a in accelerators:
        if a.tpp and a.die_area_mm2 and a.performance_density:
            assert a.performance_density == pytest.approx(a.tpp / a.die_area_mm2, rel=0.01), a.id


def test_well_known_figures(catalog: Catalog) -> None:
    h100 = catalog.accelerators["h100-sxm5"]
    assert (h100.memory_gb, h100.dense_tflops["bf16"], h100.dense_tflops["fp8"], h100.tdp_w) == (80, 989.4, 1978.9, 700)
    dgx = catalog.chassis["dgx-h100"]
    assert (dgx.max_power_w, dgx.rack_units, dgx.slots, dgx.weight_kg) == (10200, 8, 8, 130.45)
    compute = next(n for n in dgx.fixed_nics if n.role == "compute")
    assert (compute.ports, compute.gbps, compute.cage) == (8, 400, "osfp-twin")
    rack = catalog.chassis["dgx-gb200-nvl72"]
    assert (rack.slots, rack.fabric_units, rack.own_rack, rack.needs_cdu) == (72, 18, True, True)


def test_ids_that_records_name_exist(catalog: Catalog) -> None:
    for group, members in catalog.groups.items():
        assert [m for m in members if m not in catalog.accelerators] == [], group
        assert group not in catalog.accelerators
    for c in catalog.chassis.values():
        assert [a for a in c.takes if a not in catalog.accelerators] == [], c.id
        assert all(a in c.takes and b in catalog.baseboards for a, b in c.baseboards.items()), c.id
        assert c.complete_for is None or c.complete_for in c.takes
    for b in catalog.baseboards.values():
        assert b.accelerator in catalog.accelerators


def test_baseboards_fill_their_chassis(catalog: Catalog) -> None:
    for c in catalog.chassis.values():
        for accelerator, board in c.baseboards.items():
            assert catalog.baseboards[board].accelerators == c.slots, c.id
            assert catalog.baseboards[board].accelerator == accelerator


def test_a_chassis_is_either_complete_or_configured(chassis: list[Chassis]) -> None:
    for c in chassis:
        if c.price_scope == "complete":
            assert not c.cpus and not c.baseboards and c.cpu_fixed, c.id
        else:
            assert c.cpus and c.dimm_slots and c.memory_types and c.complete_for is None, c.id
            assert c.drive_bays > 0 and c.drive_form_factors, c.id


def test_essential_figures_are_there(chassis: list[Chassis]) -> None:
    for c in chassis:
        assert c.max_power_w and c.sources is not None and c.as_of, c.id
        assert c.rack_units or c.category == "station" or c.id == "huawei-cloudmatrix-384", c.id
        assert any(n.role == "oob" for n in c.fixed_nics), c.id
        assert all(1 <= n <= c.slots for n in c.card_counts), c.id
        assert bool(c.card_counts) == (c.category == "pcie"), c.id


def test_accelerator_essentials(accelerators: list[Accelerator]) -> None:
    for a in accelerators:
        assert a.sources, a.id
        assert a.scale_up.domain == 1 or a.bridge_domain == 1, f"{a.id}: a bridge is not part of the card"
        assert all(rate > 0 for rate in a.dense_tflops.values()), a.id
        if a.lifecycle == "current" and a.ecosystem in ("cuda", "rocm", "cann", "gaudi"):
            assert a.memory_gb and a.memory_bandwidth_gb_per_s and a.tdp_w, a.id


def test_ascend_and_gaudi_scale_out_on_board(catalog: Catalog) -> None:
    assert catalog.accelerators["ascend-910b3"].scale_out == "onboard-roce"
    assert catalog.accelerators["gaudi3-oam"].scale_out == "onboard-roce"
    assert catalog.accelerators["ascend-300i-duo"].scale_out == "nic"
    for c in catalog.chassis.values():
        if any(a.startswith("ascend-910") or a == "gaudi3-oam" for a in c.takes):
            compute = [n for n in c.fixed_nics if n.role == "compute"]
            assert compute and all(n.technology == ("ethernet",) for n in compute), c.id


def test_one_price_per_part(catalog: Catalog) -> None:
    """No accelerator inside a complete system, and no chassis, is priced twice."""
    kinds = (catalog.accelerators, catalog.chassis, catalog.baseboards)
    for part, rows in catalog.prices.items():
        if any(part in kind for kind in kinds):
            assert len(rows) == 1, part
    for rack_share in ("gb200-nvl72", "gb300-nvl72", "vr200-nvl72", "gb300-station"):
        assert rack_share not in catalog.prices


def test_prices_are_ordered_dated_and_sourced(catalog: Catalog) -> None:
    for part in (*catalog.accelerators, *catalog.chassis, *catalog.baseboards):
        for row in catalog.prices.get(part, ()):
            low, high = row.low or row.typical, row.high or row.typical
            assert Decimal(0) < low <= row.typical <= high, part
            assert re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", row.as_of), part
            assert row.source, part
            assert (row.basis == "estimate") or row.grade in ("A", "B", "C"), part


def test_a_generic_name_expands_whatever_its_case(catalog: Catalog) -> None:
    assert catalog.expand_accelerator("H100") == catalog.expand_accelerator("h100")
    assert set(catalog.expand_accelerator("ascend-910b")) == {f"ascend-910b{n}" for n in (1, 2, 3, 4)}
    assert catalog.expand_accelerator("昇腾910C") == ("ascend-910c",)


def test_aliases_are_unambiguous(accelerators: list[Accelerator]) -> None:
    seen: dict[str, str] = {}
    for a in accelerators:
        for word in {a.id, a.model.lower(), *(x.lower() for x in a.aliases)}:
            assert seen.setdefault(word, a.id) == a.id, word
