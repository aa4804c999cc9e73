"""Checks on every shipped component, storage system, rack, software line and rate before anybody plans with them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from planner.catalog import Catalog, built_in_folder
from planner.parts import Part
from planner.pricing import first_day
from planner.units import half_up

COMPONENT_KINDS = ("cpus", "dimms", "drives", "nics", "bridges")
ROOM_KINDS = ("storage", "racks", "pdus", "cooling", "management", "software")
FOLDERS = (
    "cpus", "memory", "drives", "nics", "bridges", "storage", "racks", "pdus", "cooling", "management", "software",
    "rates", "estimates",
)  # fmt: skip
CAGES = {"rj45", "sfp28", "qsfp28", "qsfp56", "qsfp112", "qsfp-dd", "osfp", "osfp-flat"}
# Not sold separately, or no price seen: they come with a board or a complete system, or are planned by name only.
WITHOUT_PRICE = {
    "kunpeng-920-7260", "kunpeng-920-5250", "xeon-8480c", "phytium-s5000c-64", "ascend-roce-onboard",
    "gaudi3-roce-onboard", "cx8-onboard", "r42_800_1200", "orv3",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def parts(catalog: Catalog, *kinds: str) -> list[Part]:
    return [part for kind in kinds for part in getattr(catalog, kind).values()]


# -- what is there -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "least"),
    [("cpus", 30), ("dimms", 20), ("drives", 12), ("nics", 10), ("bridges", 5), ("storage", 6), ("racks", 4),
     ("pdus", 10), ("management", 2), ("software", 20)],
)  # fmt: skip
def test_enough_of_every_kind(catalog: Catalog, kind: str, least: int) -> None:
    assert len(getattr(catalog, kind)) >= least


@pytest.mark.parametrize(
    "word", ["EPYC 7003", "EPYC 9004", "EPYC 9005", "4th gen", "5th gen", "Xeon 6", "Kunpeng", "Hygon"]
)
def test_every_family_of_processors(catalog: Catalog, word: str) -> None:
    assert any(word in cpu.family for cpu in catalog.cpus.values())


def test_every_processor_that_a_chassis_names_exists(catalog: Catalog) -> None:
    named = {cpu for chassis in catalog.chassis.values() for cpu in chassis.cpus}
    assert named and named <= set(catalog.cpus)


def test_every_adapter_that_a_chassis_names_exists(catalog: Catalog) -> None:
    named = {port.nic for chassis in catalog.chassis.values() for port in chassis.fixed_nics if port.nic}
    assert named and named <= set(catalog.nics)


def test_every_accelerator_that_a_part_names_exists(catalog: Catalog) -> None:
    for bridge in catalog.bridges.values():
        assert bridge.joins and set(bridge.joins) <= set(catalog.accelerators), bridge.id
    for line in catalog.software.values():
        assert set(line.accelerators) <= set(catalog.accelerators), line.id
        assert set(line.chassis) <= set(catalog.chassis), line.id


def test_every_default_accelerator_has_an_operating_system_and_a_driver(catalog: Catalog) -> None:
    free = [s for s in catalog.software.values() if s.free and s.default and s.per == "node"]
    for accelerator in catalog.accelerators.values():
        fitting = [
            s.id
            for s in free
            if (not s.ecosystems or accelerator.ecosystem in s.ecosystems)
            and (not s.accelerators or accelerator.id in s.accelerators)
        ]
        systems = [i for i in fitting if i in ("ubuntu-server", "openeuler")]
        assert len(systems) == 1, accelerator.id
        if accelerator.ecosystem in ("cuda", "cann", "gaudi"):
            assert len(fitting) == 2, accelerator.id


def test_cards_that_include_the_licence_are_never_sold_a_second_one(catalog: Catalog) -> None:
    included = set(catalog.software["nvaie-bundled"].accelerators)
    assert {"h100-pcie", "h100-nvl", "h200-nvl"} <= included
    sold = [line for line in catalog.software.values() if line.id.startswith("nvaie-") and not line.free]
    assert len(sold) >= 3
    for line in sold:
        assert line.accelerators and not included & set(line.accelerators) and not line.default, line.id
        assert {"h100-sxm5", "l40s"} <= set(line.accelerators), line.id


def test_every_chassis_has_exactly_one_default_support_line(catalog: Catalog) -> None:
    support = [s for s in catalog.software.values() if s.default and s.recurring == "yearly"]
    for chassis in catalog.chassis:
        assert len([s for s in support if not s.chassis or chassis in s.chassis]) == 1, chassis


@pytest.mark.parametrize("country", ["CN", "NO", "US", "SG"])
def test_deployment_is_counted_once(catalog: Catalog, country: str) -> None:
    lines = [
        s.id
        for s in catalog.software.values()
        if s.default and s.recurring == "once" and s.section == "services"
        and (not s.countries or country in s.countries) and country not in s.not_countries
    ]  # fmt: skip
    assert lines == ["system-integration-cn" if country == "CN" else "system-integration"]


# -- figures -----------------------------------------------------------------------------------------------------------
def test_processors_are_plausible(catalog: Catalog) -> None:
    for cpu in catalog.cpus.values():
        assert 8 <= cpu.cores <= 256 and 100 <= cpu.tdp_w <= 600, cpu.id
        assert cpu.memory_channels in (6, 8, 12, 16) and 32 <= cpu.pcie_lanes <= 136, cpu.id
        assert 3 <= cpu.pcie_gen <= 6 and cpu.max_sockets in (1, 2, 4), cpu.id
        assert all(re.fullmatch(r"(DDR4|DDR5|MRDIMM)-\d{4}", t) for t in cpu.memory_types), cpu.id
        if cpu.id.startswith("epyc-9"):
            assert cpu.memory_channels == 12 and cpu.socket == "SP5" and cpu.pcie_lanes == 128, cpu.id


def test_some_module_serves_every_processor(catalog: Catalog) -> None:
    """Modules run down: one at least as fast, of the same generation, is enough."""
    have = {(d.memory_type.partition("-")[0], int(d.memory_type.partition("-")[2])) for d in catalog.dimms.values()}
    for cpu in catalog.cpus.values():
        for wanted in cpu.memory_types:
            generation, _, speed = wanted.partition("-")
            assert any(g == generation and s >= int(speed) for g, s in have), (cpu.id, wanted)


def test_modules_say_in_their_id_what_they_are(catalog: Catalog) -> None:
    for dimm in catalog.dimms.values():
        generation, _, speed = dimm.memory_type.partition("-")
        assert f"-{dimm.size_gb}gb" in dimm.id and speed in dimm.id, dimm.id
        assert generation.lower() in dimm.id and 2 < dimm.power_w < 20, dimm.id


def test_drives_are_plausible(catalog: Catalog) -> None:
    assert {d.use for d in catalog.drives.values()} == {"boot", "data"}
    for drive in catalog.drives.values():
        assert 0.4 <= drive.capacity_tb <= 256 and drive.form_factors and 5 <= drive.power_w <= 30, drive.id
        # Sequential reads of four lanes cannot exceed the bus: about 2, 4, 8 GB/s per lane for generations 4, 5, 6.
        assert drive.read_gb_per_s is not None and drive.pcie_gen is not None
        assert drive.read_gb_per_s <= 4 * 2 ** (drive.pcie_gen - 3), drive.id
        assert f"{drive.capacity_tb:g}".replace(".", "p") in drive.id, drive.id


def test_adapters_are_plausible(catalog: Catalog) -> None:
    roles = {role for nic in catalog.nics.values() for role in nic.roles}
    assert roles == {"compute", "storage", "in-band"}
    for nic in catalog.nics.values():
        assert nic.cage in CAGES and nic.technologies and nic.gbps in (25, 100, 200, 400, 800), nic.id
        assert nic.power_max_w is None or nic.power_max_w >= nic.power_w, nic.id
        if nic.form_factor != "on-board":
            assert nic.pcie_lanes in (8, 16) and nic.pcie_gen in (4, 5, 6), nic.id
    assert catalog.nics["cx8-c8180"].technologies == ("infiniband",)  # 800 Gbit/s on InfiniBand only
    assert catalog.nics["cx7-ndr400-osfp"].cage == "osfp-flat"


def test_storage_is_complete_and_consistent(catalog: Catalog) -> None:
    for system in catalog.storage.values():
        assert system.usable_tb > 0 and system.read_gb_per_s >= system.write_gb_per_s > 0, system.id
        assert system.max_power_w and system.typical_power_w and system.weight_kg and system.ports, system.id
        assert system.max_power_w >= system.typical_power_w, system.id
        # A block cannot read faster than its ports.
        assert system.read_gb_per_s <= system.ports * system.port_gbps / 8, system.id


def test_power_distribution_follows_its_formula(catalog: Catalog) -> None:
    """sqrt(3) x volts x amperes x 80 %, to a hundred watts."""
    for pdu in catalog.pdus.values():
        found = re.fullmatch(r"three-phase (\d+) V, (\d+) A", pdu.input or "")
        assert found, pdu.id
        volts, amps = (int(x) for x in found.groups())
        assert pdu.usable_kw == pytest.approx(3**0.5 * volts * amps * 0.8 / 1000, abs=0.06), pdu.id


@pytest.mark.parametrize("country", ["US", "CN", "DE", "SG"])
def test_every_country_has_priced_power_distribution_of_16_and_32_kw(catalog: Catalog, country: str) -> None:
    fitting = [
        p.usable_kw
        for p in catalog.pdus.values()
        if p.id in catalog.prices and (not p.countries or country in p.countries) and country not in p.not_countries
    ]
    assert any(16 <= kw < 20 for kw in fitting) and any(kw >= 32 for kw in fitting)


def test_there_is_a_rack_for_air_and_for_liquid_and_a_feed_of_45_kw(catalog: Catalog) -> None:
    priced = [r for r in catalog.racks.values() if r.id in catalog.prices]
    assert {r.liquid_ready for r in priced} == {True, False}
    assert any(p.usable_kw >= 45 and p.id in catalog.prices for p in catalog.pdus.values())


def test_management_steps_cover_every_size_and_add_up(catalog: Catalog) -> None:
    rows = catalog.table("estimates/management")["rows"]
    limits = [r["nodes_up_to"] for r in rows]
    assert limits == sorted(limits) and limits[0] == 2 and limits[-1] >= 100_000
    for r in rows:
        assert r["total"] == r["head"] + r["login"] + r["control_plane"] + r["monitoring"] - r["shared"]
        assert r["source"] and 0 <= r["shared"] <= 1
    totals = [r["total"] for r in rows]
    assert totals == sorted(totals) and totals[0] == 0


# -- prices ------------------------------------------------------------------------------------------------------------
def test_every_part_has_a_price_but_the_named_ones(catalog: Catalog) -> None:
    missing = {
        part.id
        for part in parts(catalog, *COMPONENT_KINDS, *ROOM_KINDS)
        if part.id not in catalog.prices and not getattr(part, "free", False) and getattr(part, "percent", None) is None
    }
    assert missing == WITHOUT_PRICE


def test_prices_name_a_part_a_date_a_source_and_an_ordered_range(catalog: Catalog) -> None:
    known = set(catalog.parts)
    for part in parts(catalog, *COMPONENT_KINDS, *ROOM_KINDS):
        for price in catalog.prices.get(part.id, ()):
            assert price.part in known and price.source and price.scope, part.id
            assert dt.date(2020, 1, 1) < first_day(price.as_of) <= dt.date(2026, 12, 31), part.id
            low, high = price.low or price.typical, price.high or price.typical
            assert 0 < low <= price.typical <= high, part.id
            assert price.tax_basis != "included" or price.tax_percent is not None, part.id
            if "from memory" in price.source or price.source.startswith("derived"):
                assert price.grade in ("M", "C") and price.basis in ("estimate", "list", "street"), part.id


def test_drive_prices_are_their_class_price(catalog: Catalog) -> None:
    """USD = TB x USD per TB, rounded to tens by whoever derived them: within ten dollars of the product."""
    for drive in catalog.drives.values():
        price = catalog.prices[drive.id][0]
        found = re.search(r"([\d.]+) TB x (\d+) / (\d+) / (\d+) USD per TB", price.source)
        assert found and price.low and price.high, drive.id
        size, *per_tb = (Decimal(x) for x in found.groups())
        for amount, each in zip((price.low, price.typical, price.high), per_tb, strict=True):
            assert abs(amount - size * each) <= 10, drive.id


def test_storage_prices_are_their_class_price(catalog: Catalog) -> None:
    for system in catalog.storage.values():
        price = catalog.prices[system.id][0]
        found = re.search(r"([\d.]+) usable TB x (\d+) / (\d+) / (\d+) USD", price.source)
        assert found and Decimal(found[1]) == Decimal(str(system.usable_tb)), system.id
        assert price.typical == half_up(Decimal(found[1]) * Decimal(found[3])), system.id


def test_street_prices_of_processors_are_list_times_the_multiplier(catalog: Catalog) -> None:
    checked = 0
    for cpu in catalog.cpus:
        for price in catalog.prices.get(cpu, ()):
            found = re.search(r"list ([\d,]+) USD .*multiplier ([\d.]+) / ([\d.]+) / ([\d.]+)", price.source)
            if found and price.low and price.high:
                base = Decimal(found[1].replace(",", ""))
                for amount, k in zip((price.low, price.typical, price.high), found.groups()[1:], strict=True):
                    assert abs(amount - base * Decimal(k)) <= 10, cpu
                checked += 1
    assert checked >= 60


# -- rates -------------------------------------------------------------------------------------------------------------
def test_exchange_rates_are_exact_dated_and_of_one_date(catalog: Catalog) -> None:
    table = catalog.table("rates/exchange")
    rates = table["rates"]
    assert {"USD", "CNY", "EUR", "NOK", "SGD", "MYR", "GBP", "HKD", "JPY"} <= set(rates)
    for currency, r in rates.items():
        assert isinstance(r["per_usd"], str) and Decimal(r["per_usd"]) > 0 and r["source"], currency
        assert r["as_of"] == table["as_of"] or currency == "INR", currency
        if "derived" in r:
            parity, sign, other = r["derived"].split()
            exact = Decimal(parity) / Decimal(other) if sign == "/" else Decimal(parity) * Decimal(other)
            assert abs(Decimal(r["per_usd"]) / exact - 1) < Decimal("0.00001"), currency
    assert rates["USD"]["per_usd"] == "1" and rates["CNY"]["per_usd"] == "7.0779"


def test_percentages_and_tariffs_are_text_so_that_no_binary_fraction_enters_money(catalog: Catalog) -> None:
    for name in ("vat", "duty"):
        for country, r in catalog.table(f"rates/{name}")["rates"].items():
            assert isinstance(r["percent"], str) and 0 <= Decimal(r["percent"]) <= 50 and r["basis"], (name, country)
    for r in catalog.table("rates/duty")["additional"]:
        assert isinstance(r["percent"], str) and r["law"] and r["source"]
        assert set(r.get("accelerators", [])) <= set(catalog.accelerators)
    for way in ("international", "domestic"):
        low, typical, high = (Decimal(catalog.table("rates/freight")[way][k]) for k in ("low", "typical", "high"))
        assert 0 <= low <= typical <= high < 10
    for country, r in catalog.table("rates/electricity")["rates"].items():
        assert isinstance(r["usd_per_kwh"], str) and Decimal("0.01") < Decimal(r["usd_per_kwh"]) < 1, country


@pytest.mark.parametrize("country", ["US", "CN", "DE", "NO", "MY", "SG"])
def test_every_table_knows_the_countries_of_the_examples(catalog: Catalog, country: str) -> None:
    for table in ("vat", "duty", "electricity"):
        assert country in catalog.table(f"rates/{table}")["rates"], table
    assert country in catalog.table("rates/carbon")["values"]
    assert country in catalog.table("rates/countries")["names"]


def test_every_country_of_a_table_has_a_name_in_both_languages(catalog: Catalog) -> None:
    names = catalog.table("rates/countries")["names"]
    used = {c for t in ("vat", "duty", "electricity") for c in catalog.table(f"rates/{t}")["rates"]}
    used |= set(catalog.table("rates/carbon")["values"]) | {p.origin for p in catalog.parts.values() if p.origin}
    assert used <= set(names)
    for code, name in names.items():
        assert re.fullmatch("[A-Z]{2}", code) and name["en"] and re.search("[一-鿿]", name["zh"]), code


def test_class_rules_have_a_range_and_a_basis(catalog: Catalog) -> None:
    classes = catalog.table("estimates/classes")
    for row in classes["switch_typical_w"]["by_asic_tbps"]:
        assert row["low"] <= row["plan_value"] <= row["high"]
    assert {"switch_max_w", "server_weight_kg", "storage_power_w_per_u"} <= set(classes)
    assert all("basis" in row for row in classes["server_weight_kg"]["classes"])


# -- files -------------------------------------------------------------------------------------------------------------
def owned_files() -> list[Path]:
    folder = built_in_folder()
    found = [p for name in FOLDERS for p in sorted((folder / name).glob("*.yaml"))]
    return found + sorted(folder.glob("prices/components-*.csv")) + sorted(folder.glob("prices/s[ot]*.csv"))


def test_files_say_what_they_hold_and_name_no_private_place() -> None:
    files = owned_files()
    assert len(files) > 40
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".yaml":
            assert text.startswith("# "), path
            yaml.safe_load(text)  # plain YAML reads them too
        assert not re.search(r"/work\b|/tmp\b|model-knowledge|facts file|\.\./shared", text), path


def test_unverified_and_estimated_fields_exist(catalog: Catalog) -> None:
    for part in parts(catalog, *COMPONENT_KINDS, *ROOM_KINDS):
        fields = set(type(part).model_fields)
        assert set(part.unverified) <= fields and set(part.estimates) <= fields, part.id
        assert part.as_of and part.vendor and part.model, part.id
        assert all(getattr(part, name) is not None for name in (*part.unverified, *part.estimates)), part.id
