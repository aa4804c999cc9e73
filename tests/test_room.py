"""Racks: power from feeds and cooling, the fewest racks, and an arrangement that people can build."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from planner import placement, site
from planner.catalog import Catalog
from planner.errors import InputError, Rejection
from planner.floorplan import Floor, cable_m, racks_per_row
from planner.request import Request
from planner.site import RackNeed, Room
from planner.sitefile import read_site_text

WORK = "workloads: [{name: a, kind: capacity, accelerator: h100-sxm5, count: 8}]\n"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def request_of(catalog: Catalog, text: str) -> Request:
    return read_site_text(f"site: {text}\n{WORK}", "site.yaml", catalog)


# -- power of one rack -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "kw"),
    [
        ("{country: DE}", 45.0),
        ("{country: DE, cooling: liquid}", 140.0),
        ("{country: DE, rack_power_kw: 17}", 17.0),
        # A pair gives what one feed gives: two feeds of a 2N pair are never added up.
        ("{country: DE, feeds: {count: 2, redundancy: 2N, kw_each: 22}}", 22.0),
        ("{country: US, feeds: {count: 2, redundancy: 2N, kw_each: 22}}", 17.6),  # 80 % continuous
        ("{country: US, feeds: {count: 2, redundancy: 2N, kw_each: 22, derate: 1.0}}", 22.0),
        ("{country: DE, feeds: {count: 4, redundancy: 2N, kw_each: 22}}", 44.0),
        ("{country: DE, feeds: {count: 3, redundancy: N+1, kw_each: 22}}", 44.0),
        ("{country: DE, feeds: {count: 2, redundancy: N, kw_each: 22}}", 44.0),
        ("{country: DE, rack_power_kw: 30, feeds: {count: 2, redundancy: 2N, kw_each: 22}}", 22.0),
        ("{country: DE, cooling: {air_kw_per_rack: 12}}", 12.0),
        ("{country: DE, cooling: {air_kw_per_rack: 12, liquid_kw_per_rack: 60, supply_c: 30}}", 72.0),
    ],
)
def test_rack_power_is_the_least_of_figure_feeds_and_cooling(catalog: Catalog, text: str, kw: float) -> None:
    assert site.rack_power_kw(request_of(catalog, text)) == pytest.approx(kw)


def test_the_long_form_of_cooling_says_whether_there_is_a_loop(catalog: Catalog) -> None:
    assert request_of(catalog, "{country: DE, cooling: {air_kw_per_rack: 12}}").site.cooling == "air"
    wet = request_of(catalog, "{country: DE, cooling: {air_kw_per_rack: 12, liquid_kw_per_rack: 60}}")
    assert wet.site.cooling == "liquid"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{country: DE, feeds: {count: 3, redundancy: 2N, kw_each: 22}}", "2N needs feeds in pairs, got 3"),
        ("{country: DE, feeds: {count: 1, redundancy: N+1, kw_each: 22}}", "N+1 needs at least 2 feeds"),
        ("{country: DE, feeds: {kw_each: 22, supply: hvdc-240}}", "hvdc-240 is for sites in CN only"),
        ("{country: DE, feeds: {count: 2}}", "site.feeds.kw_each: is needed"),
        ("{country: DE, cooling: {air_kw_per_rack: -1}}", "site.cooling.air_kw_per_rack: expected a number above 0"),
        ("{country: DE, cooling: {air_kw: 1}}", "site.cooling.air_kw: unknown key. Did you mean air_kw_per_rack?"),
    ],
)
def test_feeds_and_cooling_that_make_no_sense_are_told(catalog: Catalog, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("+", r"\+").replace("?", r"\?")):
        request_of(catalog, text)


# -- the fewest racks --------------------------------------------------------------------------------------------------
def need(label: str, units: int, kw: float, role: str = "node", near: tuple[int, int] | None = None) -> RackNeed:
    return RackNeed("part", label, units, kw, 20.0 * units, role=role, near=near)


def test_127_nodes_of_10_2_kw_in_racks_of_45_kw_take_32_racks() -> None:
    packed = placement.place([need(f"n{k}", 8, 10.2) for k in range(127)], Room(42, 45.0))
    assert not isinstance(packed, Rejection)
    assert len(packed.racks) == 32
    assert packed.proven


def test_what_fits_no_rack_is_said_in_words() -> None:
    refused = placement.place([need("n", 8, 10.2)], Room(42, 10.0))
    assert isinstance(refused, Rejection)
    assert refused.message == "One part needs 10.2 kW; a rack gives 10 kW."
    tall = placement.place([need("n", 43, 1.0)], Room(42, 10.0))
    assert isinstance(tall, Rejection)
    assert "43U high" in tall.message


@pytest.mark.parametrize("seed", range(25))
def test_placing_keeps_the_fewest_racks_and_every_limit(seed: int) -> None:
    """Random rooms: as many racks as the exact packing, each device once, none over units, watts or grams."""
    draw = random.Random(seed)
    space = Room(draw.choice([24, 42]), draw.choice([15.0, 30.0, 45.0]), draw.choice([None, 700.0]))
    needs = [need(f"n{k}", draw.choice([4, 8]), draw.choice([6.0, 10.2])) for k in range(draw.randint(1, 30))]
    needs += [need(f"s{k}", draw.choice([1, 2]), 1.6, "network", (k, k + 2)) for k in range(draw.randint(0, 12))]
    needs += [need(f"m{k}", 1, 0.9, "management") for k in range(draw.randint(0, 5))]
    exact, placed = site.pack(needs, space), placement.place(needs, space)
    assert not isinstance(exact, Rejection)
    assert not isinstance(placed, Rejection)
    assert len(placed.racks) == len(exact.racks)
    assert sorted(p.need.label for r in placed.racks for p in r.items) == sorted(n.label for n in needs)
    for rack in placed.racks:
        units = [u for p in rack.items for u in range(p.bottom_unit, p.bottom_unit + p.need.units)]
        assert len(units) == len(set(units))
        assert min(units) >= 1
        assert max(units) <= space.units
        assert sum(p.need.power_kw for p in rack.items) <= (space.power_kw or 1e9) + 1e-9
        assert sum(p.need.weight_kg for p in rack.items) <= (space.weight_kg or 1e9) + 1e-9


def test_nodes_stand_in_order_and_network_racks_in_the_middle() -> None:
    nodes = [need(f"n{k}", 8, 10.0) for k in range(16)]
    switches = [need(f"s{k}", 1, 1.5, "network", (k * 2, k * 2 + 1)) for k in range(20)]
    placed = placement.place(nodes + switches, Room(42, 40.0))
    assert not isinstance(placed, Rejection)
    order = [p.need.label for r in placed.racks for p in r.items if p.need.role == "node"]
    assert order == [f"n{k}" for k in range(16)]
    alone = [k for k, r in enumerate(placed.racks) if all(p.need.role == "network" for p in r.items)]
    assert alone == [2]  # two racks of nodes on either side
    top = placed.racks[2].items[-1]
    assert top.bottom_unit == 42  # switches hang from the top


def test_switches_stand_with_the_nodes_they_serve_where_no_rack_is_left() -> None:
    nodes = [need(f"n{k}", 8, 10.0) for k in range(16)]
    switches = [need(f"s{k}", 1, 1.0, "network", (4 * k, 4 * k + 3)) for k in range(4)]
    placed = placement.place(nodes + switches, Room(42, 41.0))
    assert not isinstance(placed, Rejection)
    assert len(placed.racks) == 4
    for k, rack in enumerate(placed.racks):
        assert f"s{k}" in [p.need.label for p in rack.items]


# -- the floor ---------------------------------------------------------------------------------------------------------
FLOOR = Floor(32, 16, 0.6, 1.2, 1.2, 1.0, 0.3, 0.5, 3)


def test_rows_face_each_other_across_cold_aisles() -> None:
    assert [FLOOR.place(k).row for k in (0, 15, 16, 31)] == [1, 1, 2, 2]
    assert FLOOR.place(0).faces == "north"
    assert FLOOR.place(16).faces == "south"
    assert FLOOR.row_y(1) == pytest.approx(1.2 + 1.2)  # depth and cold aisle
    assert FLOOR.row_y(2) == pytest.approx(2.4 + 1.2 + 1.0)  # and depth and hot aisle


def test_cables_are_measured_by_hand() -> None:
    # Same rack, units 1 and 41: down the side, half a metre at each port and half a metre of slack.
    assert cable_m(FLOOR, (0, 42, 0.5), (0, 42, 40.5)) == pytest.approx(40 * 0.04445 + 1.0 + 0.5)
    # Next rack: up from unit 42, 0.3 m to the tray, 0.6 m along, down again; slack at both ends.
    assert cable_m(FLOOR, (0, 42, 42.0), (1, 42, 42.0)) == pytest.approx(0.3 + 0.6 + 0.3 + 1.0 + 1.0)
    # The rack across the cold aisle at the row's end: 0.3 m to the cross tray and back, 2.4 m across.
    assert cable_m(FLOOR, (0, 42, 42.0), (16, 42, 42.0)) == pytest.approx(0.3 + 0.3 + 0.3 + 2.4 + 0.3 + 1.0 + 1.0)


def test_distance_is_symmetric_and_more_cross_trays_never_lengthen_it() -> None:
    wide = Floor(64, 16, 0.6, 1.2, 1.2, 1.0, 0.3, 0.5, 5)
    few = Floor(64, 16, 0.6, 1.2, 1.2, 1.0, 0.3, 0.5, 3)
    for a in range(0, 64, 5):
        for b in range(0, 64, 7):
            one, other = (a, 42, 3.0), (b, 42, 20.0)
            assert cable_m(wide, one, other) == cable_m(wide, other, one)
            assert cable_m(wide, one, other) <= cable_m(few, one, other) + 1e-9


def test_a_site_file_moves_the_aisles(catalog: Catalog, tmp_path: Path) -> None:
    del tmp_path
    made = request_of(catalog, "{country: DE, layout: {racks_per_row: 8, cold_aisle_m: 2.4}}")
    assert made.site.layout.racks_per_row == 8
    assert made.site.layout.cold_aisle_m == 2.4
    with pytest.raises(InputError, match=r"site\.layout\.racks_per_row"):
        request_of(catalog, "{country: DE, layout: {racks_per_row: 0}}")


@pytest.mark.parametrize(("racks", "row"), [(1, 1), (16, 16), (17, 9), (33, 11), (64, 16), (474, 32)])
def test_rows_are_about_as_long_as_each_other(racks: int, row: int) -> None:
    assert racks_per_row(racks) == row
    rows = -(-racks // row)
    assert row - (racks - row * (rows - 1)) < rows  # the last row lacks less than one rack per row
