"""The room: power at the meter, exact packing of racks, heights inside a rack."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from math_lp.sites import bare, job

from planner import placement
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Load, RoomLimits, Shape
from planner.packing import pack_shapes
from planner.site import (
    Item,
    Packing,
    RackNeed,
    Room,
    annual_pue,
    it_power_limit_kw,
    lower_bound,
    pack,
    peak_pue,
    plate_watts,
    racks_needed,
    room,
)
from planner.sitefile import read_site_text
from planner.solve import solve


def node(units: int, kw: float, kg: float, item: str = "node") -> RackNeed:
    return RackNeed(item, item, units, kw, kg)


def packed(needs: Sequence[RackNeed], space: Room) -> Packing:
    found = pack(needs, space)
    assert isinstance(found, Packing), found
    return found


# -- racks -----------------------------------------------------------------------------------------------------------
def test_the_pod_needs_32_racks_not_the_29_that_totals_suggest() -> None:
    needs = [node(8, 10.2, 130.45, "dgx-h100") for _ in range(127)]
    assert -(-127 * 10.2 // 45) == 29
    found = packed(needs, Room(48, 45.0))
    assert len(found.racks) == 32
    assert found.proven
    assert Counter(len(r.items) for r in found.racks) == {4: 31, 3: 1}


@pytest.mark.parametrize(
    ("space", "racks"),
    [(Room(48, 20.4), 5), (Room(48, 20.3), 10), (Room(16, None), 5), (Room(15, None), 10), (Room(48, None, 260), 10)],
)
def test_the_tightest_of_units_power_and_weight_decides(space: Room, racks: int) -> None:
    assert len(packed([node(8, 10.2, 130.45) for _ in range(10)], space).racks) == racks


def test_small_things_fill_the_gaps_of_large_ones() -> None:
    needs = [node(8, 10.2, 130, "dgx") for _ in range(8)] + [node(1, 1.0, 10, "switch") for _ in range(8)]
    assert len(packed(needs, Room(48, 45.0)).racks) == 2


def test_a_program_decides_where_first_fit_does_not() -> None:
    """6 + 4 + 2 and 5 + 4 + 3 fill two racks of twelve; taking the largest first needs a third."""
    sizes = (6, 5, 4, 4, 3, 2)
    found = packed([node(k, 0.1, 1, f"d{k}") for k in sizes], Room(12))
    assert len(found.racks) == 2
    assert found.proven


def test_systems_with_their_own_rack_stand_alone() -> None:
    own = RackNeed("nvl72", "nvl72", 48, 120.0, 1360, own_rack=True)
    found = packed([own, own, node(1, 0.5, 10)], Room(42, 10.0))
    assert len(found.racks) == 3


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (node(50, 1, 1), "One node is 50U high; a rack has 42U."),
        (node(8, 10.2, 1), "One node needs 10.2 kW; a rack gives 10 kW."),
        (node(8, 1, 900), "900 kg"),
    ],
)
def test_what_fits_no_rack_is_refused_in_words(need: RackNeed, words: str) -> None:
    found = pack([need], Room(42, 10.0, 800))
    assert isinstance(found, Rejection)
    assert words in found.message


SIZES = st.lists(st.tuples(st.integers(1, 10), st.integers(1, 9_000), st.integers(1, 400_000)), min_size=1, max_size=7)


def fewest(things: Sequence[tuple[int, int, int]], units: int, watts: int, grams: int) -> int:
    """The fewest racks by trying every assignment."""
    for racks in range(1, len(things) + 1):
        for places in itertools.product(range(racks), repeat=len(things)):
            loads = [
                [sum(t[a] for t, p in zip(things, places, strict=True) if p == r) for a in range(3)]
                for r in range(racks)
            ]
            if all(u <= units and w <= watts and g <= grams for u, w, g in loads):
                return racks
    raise AssertionError


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    things=st.lists(
        st.tuples(st.integers(1, 10), st.integers(1, 9_000), st.integers(1, 400_000)), min_size=1, max_size=5
    )
)
def test_packing_is_exact(things: list[tuple[int, int, int]]) -> None:
    counted = tuple(sorted((*size, n) for size, n in Counter(things).items()))
    assert racks_needed(counted, 12, 10_000, 500_000) == fewest(things, 12, 10_000, 500_000)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(things=SIZES)
def test_every_device_stands_once_and_inside(things: list[tuple[int, int, int]]) -> None:
    needs = [RackNeed(f"i{k}", f"l{k}", u, w / 1000, g / 1000) for k, (u, w, g) in enumerate(things)]
    found = packed(needs, Room(12, 10.0, 500.0))
    assert sorted(p.need.label for r in found.racks for p in r.items) == sorted(n.label for n in needs)
    for rack in found.racks:
        taken = [u for p in rack.items for u in range(p.bottom_unit, p.bottom_unit + p.need.units)]
        assert len(taken) == len(set(taken))
        assert min(taken) >= 1 and max(taken) <= 12
        assert sum(p.need.power_kw for p in rack.items) <= 10.0 + 1e-9
        assert sum(p.need.weight_kg for p in rack.items) <= 500.0 + 1e-9
    items: list[Item] = [(u, w, g, 1) for u, w, g in things]
    assert lower_bound(items, 12, 10_000, 500_000) <= len(found.racks)


def test_one_more_thing_never_takes_fewer_racks() -> None:
    shape = Shape("n", 8, 10_200, 130_000)
    counts = [pack_shapes({shape: n, Shape("s", 1, 500, 9_000): n}, RoomLimits(42, 45_000, None)) for n in range(1, 40)]
    assert None not in counts
    assert counts == sorted(c for c in counts if c is not None)


def test_something_that_fits_no_rack_has_no_count() -> None:
    assert pack_shapes({Shape("n", 8, 10_200, 0): 1}, RoomLimits(42, 10_000, None)) is None


# -- power at the meter ----------------------------------------------------------------------------------------------
def site(text: str, catalog: Catalog):  # type: ignore[no-untyped-def]
    work = "workloads: [{kind: capacity, accelerator: h100-sxm5, count: 8}]\n"
    return read_site_text(f"site: {{country: US, {text}}}\n{work}", "site.yaml", catalog)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("racks: 2", None),
        ("it_power_kw: 100", 100),
        ("utility_power_kw: 130, pue: 1.3", 100),
        ("utility_power_kw: 140", 100),  # air: 1.4 unless given
        ("utility_power_kw: 120, cooling: liquid", 100),
        ("it_power_kw: 90, utility_power_kw: 130, pue: 1.3", 90),
        ("it_power_kw: 500, utility_power_kw: 130, pue: 1.3", 100),
    ],
)
def test_it_power_is_what_the_meter_leaves(text: str, limit: float | None, catalog: Catalog) -> None:
    found = it_power_limit_kw(site(text, catalog))
    assert found == (None if limit is None else pytest.approx(limit))


def test_one_default_for_one_option(catalog: Catalog) -> None:
    """The annual figure falls back to the peak one, and both to the cooling's: never to a number of their own."""
    assert annual_pue(site("pue: 1.25", catalog)) == peak_pue(site("pue: 1.25", catalog)) == 1.25
    assert annual_pue(site("pue: 1.3, pue_annual: 1.1", catalog)) == 1.1
    assert annual_pue(site("cooling: liquid", catalog)) == peak_pue(site("cooling: liquid", catalog))


def test_a_rack_is_what_the_request_says(catalog: Catalog) -> None:
    assert room(site("rack_units: 48, rack_power_kw: 12, rack_weight_kg: 900", catalog)) == Room(48, 12, 900)
    assert room(site("racks: 1", catalog)).units == 42


def test_a_rack_that_is_brought_along_is_held_to_the_stated_rack_power() -> None:
    """An NVL72 needs 132 kW in its own rack: a room that gives 40 cannot have it, a room that says nothing may."""
    big = Shape("nvl72", 48, 132_000, 1_500_000, own_rack=True)
    for own_watts, fits in ((40_000, False), (None, True), (132_000, True)):
        problem = replace(bare(job("a", 4.0, Load(shapes={big: 1}))), room=RoomLimits(48, 140_000, None, own_watts))
        assert (solve(problem, pack_shapes) is not None) == fits


# -- heat by air and by liquid -----------------------------------------------------------------------------------------
def test_heat_that_stays_in_the_air_limits_a_rack_beside_its_power() -> None:
    """Three of four liquid-cooled nodes leave 3 kW each in the air: 10 kW by air take three, power would take ten."""
    space = Room(units=42, power_kw=100.0, air_kw=10.0, liquid_kw=60.0)
    needs = [RackNeed("n", f"n{k}", 4, 10.0, 100.0, cooling="dlc", liquid_kw=7.0) for k in range(4)]
    packed = pack(needs, space)
    assert not isinstance(packed, Rejection)
    assert sorted(len(r.items) for r in packed.racks) == [1, 3]
    placed = placement.place(needs, space)
    assert not isinstance(placed, Rejection)
    assert len(placed.racks) == 2


def test_liquid_limits_a_rack_too_and_a_device_too_hot_for_it_is_refused_in_words() -> None:
    space = Room(units=42, power_kw=100.0, air_kw=30.0, liquid_kw=13.9)
    needs = [RackNeed("n", f"n{k}", 4, 10.0, 100.0, cooling="dlc", liquid_kw=7.0) for k in range(4)]
    packed = pack(needs, space)
    assert not isinstance(packed, Rejection)
    assert len(packed.racks) == 4
    hot = pack([RackNeed("n", "n", 4, 31.0, 100.0)], space)
    assert isinstance(hot, Rejection)
    assert hot.message == "One n gives 31 kW of heat to air; a rack cools 30 kW by air."


def test_the_packer_counts_heat_only_where_the_room_says_what_it_cools() -> None:
    shape = Shape("n", 4, 10_000, 100_000, liquid=True, plates=7_000)
    assert pack_shapes({shape: 10}, RoomLimits(42, 100_000, None)) == 1
    assert pack_shapes({shape: 10}, RoomLimits(42, 100_000, None, heat=(10_000, 60_000))) == 4
    assert pack_shapes({shape: 1}, RoomLimits(42, 100_000, None, heat=(2_000, 60_000))) is None


@pytest.mark.parametrize(("cooling", "rack_scale", "plates"), [("dlc", False, 7_000), ("dlc", True, 9_400)])
def test_cold_plates_take_their_share(cooling: str, rack_scale: bool, plates: int) -> None:
    assert plate_watts(10_000, cooling, rack_scale=rack_scale) == plates
    assert plate_watts(10_000, "hybrid", rack_scale=rack_scale) == 0
    assert plate_watts(10_000, "air", rack_scale=rack_scale) == 0
