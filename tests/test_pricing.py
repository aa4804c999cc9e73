"""The chain from a dated source price to a landed price, and the choice of the one price per part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner import pricing
from planner.catalog import Catalog
from planner.errors import CatalogError, InputError, Rejection
from planner.parts import Price, Software
from planner.pricing import LandedPrice, PriceBook
from planner.request import Request
from planner.taxes import Taxes
from planner.units import half_up

HEADER = (
    "part,currency,low,typical,high,tax_basis,tax_percent,basis,grade,source,as_of,valid_until,min_quantity,"
    "includes_support_months,scope"
)
EXCHANGE = """
as_of: '2026-01-01'
source: parity table
rates:
  USD: {per_usd: '1', as_of: '2026-01-01', source: by definition}
  CNY: {per_usd: '7.0', as_of: '2026-01-01', source: parity}
  NOK: {per_usd: 10.2, as_of: '2026-01-01', source: parity}
"""
FREIGHT = """
international: {low: '1', typical: '2', high: '3.5'}
domestic: {low: '0', typical: '0', high: '0'}
"""
DUTY = """
rates:
  'NO': {percent: '0', basis: agreement}
  BR: {percent: '10', basis: tariff}
additional:
  - {to: US, percent: '25', since: '2026-01-15', accelerators: [card-x], law: Act 232, scope: named cards}
"""
PARTS = {
    "drives": "records:\n  - {id: disk, vendor: A, model: D, use: data, capacity_tb: 3.84, form_factors: [U.2],"
    " pcie_gen: 5, dwpd: 1, power_w: 20}\n",
    "racks": "records:\n  - {id: rack, vendor: A, model: R, rack_units: 42, width_mm: 600, depth_mm: 1200,"
    " load_kg: 1000}\n",
    "software": "records:\n"
    "  - {id: free-os, vendor: A, model: OS, per: node, free: true, notes: open source}\n"
    "  - {id: licence, vendor: A, model: L, per: node}\n"
    "  - {id: support, vendor: A, model: S, per: percent-of-hardware, percent: 15, percent_low: 10}\n",
    "accelerators": "records:\n"
    "  - {id: card-x, vendor: A, model: X, origin: US, family: x, ecosystem: cuda, form_factor: PCIe,"
    " scale_up: {name: none}}\n"
    "  - {id: card-cn, vendor: B, model: Y, origin: CN, family: y, ecosystem: cann, form_factor: PCIe,"
    " scale_up: {name: none}}\n",
}

MakeCatalog = Callable[[Sequence[Mapping[str, object]]], Catalog]


def row(part: str = "part", typical: object = 100, **changes: object) -> dict[str, object]:
    """One price row in USD without tax, street price of grade C, with changes."""
    base: dict[str, object] = {
        "part": part,
        "currency": "USD",
        "typical": typical,
        "tax_basis": "excluded",
        "basis": "street",
        "grade": "C",
        "source": "shop",
        "as_of": "2026-05",
    }
    return base | changes


@pytest.fixture
def make(tmp_path: Path) -> MakeCatalog:
    """A catalog of a few parts with the price rows given."""
    count = [0]

    def build(rows: Sequence[Mapping[str, object]]) -> Catalog:
        count[0] += 1
        return write_catalog(tmp_path / str(count[0]), rows)

    return build


def write_catalog(folder: Path, rows: Sequence[Mapping[str, object]]) -> Catalog:
    (folder / "rates").mkdir(parents=True, exist_ok=True)
    (folder / "prices").mkdir(exist_ok=True)
    (folder / "rates/exchange.yaml").write_text(EXCHANGE)
    (folder / "rates/freight.yaml").write_text(FREIGHT)
    (folder / "rates/duty.yaml").write_text(DUTY)
    for kind, text in PARTS.items():
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / "all.yaml").write_text(text)
    lines = [HEADER]
    for found in rows:
        lines.append(",".join(str(found.get(column, "")) for column in HEADER.split(",")))
    (folder / "prices/all.csv").write_text("\n".join(lines) + "\n")
    return Catalog([folder])


def request(country: str = "US", **sections: Any) -> Request:
    return Request.model_validate(
        {"site": {"country": country}, "workloads": [{"name": "w", "kind": "capacity", "count": 1}], **sections}
    )


def landed(book: PriceBook, part: str = "part", quantity: int = 1) -> LandedPrice:
    answer = book.landed(part, quantity)
    assert isinstance(answer, LandedPrice), answer
    return answer


# -- the chain ---------------------------------------------------------------------------------------------------------
def test_a_domestic_price_in_the_budgets_currency_is_itself(make: MakeCatalog) -> None:
    found = landed(PriceBook(make([row(typical="5.69")]), request()))
    assert (found.cents, found.low, found.high, str(found.money)) == (569, 569, 569, "USD 5.69")
    assert found.line_price is not None and found.line_price.exchange_rate is None


def test_whole_chain_by_hand(make: MakeCatalog) -> None:
    """1,130 CNY with 13 % tax inside = 1,000 net = 142.857... USD = 1,457.142857 NOK, + 2 % freight = 1,486.2857..."""
    prices = [row(typical=1130, currency="CNY", tax_basis="included", tax_percent=13)]
    found = landed(PriceBook(make(prices), request("NO", budget={"currency": "NOK"})))
    assert found.cents == 148629
    assert found.low == 147171 and found.high == 150814
    assert found.line_price is not None
    assert found.line_price.amount == Decimal(1130) and found.line_price.currency == "CNY"
    assert found.line_price.exchange_rate == Decimal("10.2") / Decimal("7.0")
    steps = found.line_price.steps
    assert [words in step for words, step in zip(
        ("CNY 1,130", "net of the 13 % tax inside: CNY 1,000", "1 USD = 7.0 CNY", "US to NO 2 %", "duty of NO 0 %",
         "rounded half up to NOK 1,486.29"), steps, strict=True)] == [True] * 6  # fmt: skip


def test_tax_of_unknown_basis_is_taken_as_excluded_and_said(make: MakeCatalog) -> None:
    found = landed(PriceBook(make([row(tax_basis="unknown")]), request()))
    assert found.cents == 10000
    assert found.line_price is not None and "taken as excluded" in " ".join(found.line_price.steps)


def test_included_tax_must_say_its_percent(make: MakeCatalog) -> None:
    with pytest.raises(CatalogError, match="tax_percent: is needed, because tax_basis is included"):
        PriceBook(make([row(tax_basis="included")]), request()).landed("part")


def test_duty_is_paid_on_the_price_with_freight(make: MakeCatalog) -> None:
    assert landed(PriceBook(make([row()]), request("BR"))).cents == 11220  # 100 x 1.02 x 1.10


def test_duty_unknown_for_a_country_is_said(make: MakeCatalog) -> None:
    found = landed(PriceBook(make([row()]), request("ZZ")))
    assert found.cents == 10200
    assert found.line_price is not None and "no rate is known" in " ".join(found.line_price.steps)


@pytest.mark.parametrize(("on", "cents"), [(dt.date(2026, 1, 14), 10200), (dt.date(2026, 1, 15), 12750)])
def test_additional_duty_from_its_day_on(make: MakeCatalog, on: dt.date, cents: int) -> None:
    terms = {"ship_from": "SG", "date": on}
    book = PriceBook(make([row("card-x"), row("card-cn")]), request("US", compliance=terms))
    assert landed(book, "card-x").cents == cents
    assert landed(book, "card-cn").cents == 10200


def test_parts_of_chinese_makers_leave_china(make: MakeCatalog) -> None:
    rows = [row("card-cn"), row("card-x"), row("rack"), row("licence")]
    book = PriceBook(make(rows), request("CN"))
    assert [landed(book, p).cents for p in ("card-cn", "card-x", "rack", "licence")] == [10000, 10200, 10000, 10000]


def test_halves_round_up_once(make: MakeCatalog) -> None:
    """1.005 would print as 1.00 in binary floating point; three steps rounded one by one would drift further."""
    assert landed(PriceBook(make([row(typical="1.005")]), request())).cents == 101
    assert landed(PriceBook(make([row(typical="0.004")]), request("BR"))).cents == 0  # 0.4 cents x 1.122


@pytest.mark.parametrize(("level", "cents"), [("low", 8000), ("typical", 10000), ("high", 13000)])
def test_price_level_chooses_and_the_range_stays(make: MakeCatalog, level: str, cents: int) -> None:
    book = PriceBook(make([row(low=80, high=130)]), request(budget={"price_level": level}))
    found = landed(book)
    assert (found.cents, found.low, found.high) == (cents, 8000, 13000)
    assert found.line_price is not None and found.line_price.amount == Decimal(cents) / 100


# -- exchange ----------------------------------------------------------------------------------------------------------
def test_rates_of_the_request_come_first(make: MakeCatalog) -> None:
    rates = {"currency": "NOK", "exchange_rates": {"NOK": "11"}}
    book = PriceBook(make([row("licence")]), request("NO", budget=rates))
    assert landed(book, "licence").cents == 110000
    rate = book.exchange.rate("NOK")
    assert rate is not None and rate.given and rate.per_usd == 11 and rate.source == "budget.exchange_rates"


def test_a_rate_written_as_a_binary_fraction_is_exact(make: MakeCatalog) -> None:
    book = PriceBook(make([row("licence", typical="0.5")]), request("NO", budget={"currency": "NOK"}))
    assert book.exchange.factor("USD", "NOK") == Decimal("10.2")
    assert landed(book, "licence").cents == 510


def test_unknown_currency_of_the_budget_is_an_input_error_that_says_what_to_give(make: MakeCatalog) -> None:
    with pytest.raises(InputError, match=r"XAU.*budget\.exchange_rates"):
        PriceBook(make([row()]), request(budget={"currency": "XAU"}))


def test_unknown_currency_of_a_row_rejects_only_that_part(make: MakeCatalog) -> None:
    book = PriceBook(make([row(), row("odd", currency="XAU")]), request())
    answer = book.landed("odd")
    assert isinstance(answer, Rejection) and answer.rule == "no-price"
    assert "XAU" in answer.message and "budget.exchange_rates" in answer.message
    assert landed(book).cents == 10000


def test_a_budget_in_the_rows_own_unlisted_currency_needs_a_rate_all_the_same(make: MakeCatalog) -> None:
    budget = {"currency": "XAU", "exchange_rates": {"XAU": "0.5"}}
    assert landed(PriceBook(make([row(currency="XAU")]), request(budget=budget))).cents == 10000


def test_amounts_of_different_currencies_never_meet(make: MakeCatalog) -> None:
    catalog = make([row()])
    dollars = landed(PriceBook(catalog, request())).money
    yuan = landed(PriceBook(catalog, request(budget={"currency": "CNY"}))).money
    with pytest.raises(ValueError, match="cannot combine USD with CNY"):
        dollars + yuan


# -- one price per part ------------------------------------------------------------------------------------------------
def chosen(catalog: Catalog, on: dt.date | None = None, quantity: int = 1) -> str:
    price = PriceBook(catalog, request(), on).price("part", quantity)
    assert price is not None
    return price.source


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ({"basis": "quote", "grade": "M", "as_of": "2020"}, {"grade": "A"}, "first"),
        ({"grade": "B", "as_of": "2024"}, {"grade": "C", "as_of": "2026-11"}, "first"),
        ({"as_of": "2026-04-30"}, {"as_of": "2026-05"}, "second"),
        ({"as_of": "2026-05"}, {"as_of": "2026-05"}, "second"),
    ],
)
def test_quote_then_grade_then_date_then_the_later_row(
    make: MakeCatalog, first: dict[str, Any], second: dict[str, Any], wins: str
) -> None:
    catalog = make([row(source="first", **first), row(source="second", **second)])
    assert chosen(catalog) == wins
    loser = "second" if wins == "first" else "first"
    assert [r.source for r in PriceBook(catalog, request()).history("part")] == [loser]


def test_an_expired_quote_is_an_ordinary_row(make: MakeCatalog) -> None:
    catalog = make([row(source="quote", basis="quote", grade="M", valid_until="2026-06-30"), row(source="shop")])
    assert chosen(catalog, dt.date(2026, 6, 30)) == "quote"
    assert chosen(catalog, dt.date(2026, 7, 1)) == "shop"
    assert chosen(catalog) == "quote"


def test_quantity_breaks_need_the_quantity(make: MakeCatalog) -> None:
    catalog = make([row(source="single"), row(source="hundred", typical=90, min_quantity=100)])
    assert [chosen(catalog, quantity=q) for q in (1, 99, 100)] == ["single", "single", "hundred"]
    book = PriceBook(catalog, request())
    assert (landed(book).cents, landed(book, quantity=100).cents) == (10000, 9000)


def test_answers_are_remembered(make: MakeCatalog) -> None:
    book = PriceBook(make([row()]), request())
    assert book.landed("part") is book.landed("part")


# -- no price ----------------------------------------------------------------------------------------------------------
def test_a_missing_price_is_a_rejection_that_says_what_helps(make: MakeCatalog) -> None:
    answer = PriceBook(make([]), request()).landed("disk")
    assert isinstance(answer, Rejection)
    assert (answer.part, answer.rule) == ("disk", "no-price") and "price_missing" in (answer.need or "")


def test_a_class_price_only_when_asked_for() -> None:
    """The shipped class of PCIe 5 drives: 500 USD per TB, typical."""
    shipped = Catalog.load()
    part = shipped.drives["cm7r-3p84tb"]
    price = pricing.class_price(shipped, part)
    assert price is not None and price.typical == Decimal("3.84") * 500
    assert (price.grade, price.basis) == ("M", "estimate") and "class price" in price.source
    assert pricing.class_price(shipped, shipped.cpus["epyc-9554"]) is None


def test_estimates_fill_missing_prices(make: MakeCatalog, tmp_path: Path) -> None:
    catalog = make([])
    (catalog.folders[0] / "estimates").mkdir()
    (catalog.folders[0] / "estimates/prices.yaml").write_text(
        "as_of: '2026-11'\nbasis: classes\n"
        "drives: {unit: USD per TB, by: {gen5: {low: 300, typical: 500, high: 800}}}\n"
    )
    budget = {"price_missing": "estimate"}
    assert landed(PriceBook(catalog, request(budget=budget)), "disk").cents == 192000
    assert isinstance(PriceBook(catalog, request()).landed("disk"), Rejection)
    assert isinstance(PriceBook(catalog, request(budget=budget)).landed("rack"), Rejection)


def test_free_software_costs_nothing_and_says_why(make: MakeCatalog) -> None:
    found = landed(PriceBook(make([]), request()), "free-os")
    assert (found.cents, found.low, found.high, found.line_price) == (0, 0, 0, None)
    assert found.rule == "free of charge: open source"


# -- rules -------------------------------------------------------------------------------------------------------------
def test_percent_lines_round_half_up(make: MakeCatalog) -> None:
    catalog = make([])
    support = catalog.software["support"]
    assert pricing.percent_line(support, 10) == 2  # 1.5 cents
    assert pricing.percent_line(support, 1000, "low") == 100
    assert pricing.percent_line(support, 1000, "high") == 150  # no high percent: the typical one
    with pytest.raises(CatalogError, match="no percent"):
        pricing.percent_line(Software(id="x", vendor="v", model="m", per="percent-of-hardware"), 1)
    answer = PriceBook(catalog, request()).landed("support")
    assert isinstance(answer, Rejection) and answer.rule == "percent-of-hardware"


@pytest.mark.parametrize(("included", "years", "share"), [(None, 5, 1), (36, 5, "0.4"), (60, 5, 0), (84, 5, 0)])
def test_support_starts_after_the_months_that_the_price_includes(included: int, years: int, share: str) -> None:
    assert pricing.support_share(included, years) == Decimal(share)


def test_tax_percent_is_what_the_request_gives() -> None:
    assert pricing.tax_percent(request()) == 0
    assert pricing.tax_percent(request(budget={"vat_percent": 13})) == 13


def test_electricity_and_vat_of_the_shipped_tables() -> None:
    catalog = Catalog.load()
    given = request("NO", budget={"currency": "NOK"}, site={"country": "NO", "electricity_per_kwh": "0.7"})
    assert pricing.electricity(catalog, given) == (Decimal("0.7"), "site.electricity_per_kwh", False)
    found = pricing.electricity(catalog, request("NO", budget={"currency": "NOK"}))
    assert found is not None and found[2] is True
    assert found[0] == Decimal("0.085") * Decimal("10.2056")
    assert pricing.electricity(catalog, request("AQ")) is None
    assert pricing.country_vat(catalog, "CN") == 13 and pricing.country_vat(catalog, "NO") == 25
    assert pricing.country_vat(catalog, "AQ") is None


def test_stale_prices_are_counted_from_the_first_day_a_date_can_mean(make: MakeCatalog) -> None:
    rows = [
        row("a", as_of="2026-11-22"),
        row("b", as_of="2026-08"),
        row("c", as_of="2026-08-26"),
        row("d", as_of="2025"),
    ]
    book = PriceBook(make(rows), request())
    on = dt.date(2026, 11, 24)
    assert pricing.stale(book, ["a", "b", "c", "d", "d", "unpriced"], on) == (2, 4, "2025")
    assert pricing.stale(book, ["a"], on) == (0, 1, "2026-11-22")
    assert pricing.stale(book, [], on) == (0, 0, "")


# -- properties --------------------------------------------------------------------------------------------------------
amounts = st.decimals(min_value="0.01", max_value="9999999", places=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=amounts, country=st.sampled_from(["US", "NO", "BR", "CN"]), currency=st.sampled_from(["USD", "CNY", "NOK"])
)
def test_doubling_the_source_price_doubles_the_landed_price(
    make: MakeCatalog, amount: Decimal, country: str, currency: str
) -> None:
    catalog = make([row("once", amount), row("twice", amount * 2)])
    book = PriceBook(catalog, request(country, budget={"currency": currency}))
    once, twice = landed(book, "once"), landed(book, "twice")
    assert abs(twice.cents - 2 * once.cents) <= 1
    assert once.low <= once.cents <= once.high and isinstance(once.cents, int)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=amounts)
def test_netting_undoes_adding_tax(make: MakeCatalog, net: Decimal) -> None:
    gross = net * Decimal("1.13")
    catalog = make([row(typical=gross, currency="CNY", tax_basis="included", tax_percent=13)])
    book = PriceBook(catalog, request("US", budget={"currency": "CNY"}))
    assert landed(book).cents == int((net * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_every_shipped_price_lands_in_every_currency_of_the_table() -> None:
    """No row is broken, every range holds its price, and every step is written."""
    catalog = Catalog.load()
    for currency in sorted(catalog.table("rates/exchange")["rates"]):
        book = PriceBook(catalog, request("DE", budget={"currency": currency}))
        for part in catalog.prices:
            found = landed(book, part)
            assert found.low <= found.cents <= found.high and found.cents > 0, part
            assert found.line_price is not None and found.line_price.steps[-1].startswith("rounded half up"), part


def test_no_price_is_a_binary_fraction() -> None:
    for rows in Catalog.load().prices.values():
        for price in rows:
            assert isinstance(price, Price) and isinstance(price.typical, Decimal)


@pytest.mark.parametrize(
    ("part", "found"),
    [("metax-c500-oam", True), ("kunlun-p800-oam", True), ("q3401-rd", True), ("h3c-s9827-64e", True),
     ("mi300a", False), ("br166", False), ("kunpeng-920-7260", False)],
)  # fmt: skip
def test_class_prices_only_where_a_rule_is_written_and_only_on_request(part: str, found: bool) -> None:
    catalog = Catalog.load()
    assert part not in catalog.prices
    assert isinstance(PriceBook(catalog, request()).landed(part), Rejection)
    asked = PriceBook(catalog, request(budget={"price_missing": "estimate"})).landed(part)
    if not found:
        assert isinstance(asked, Rejection) and asked.rule == "no-price"
        return
    assert isinstance(asked, LandedPrice) and asked.line_price is not None
    assert asked.low < asked.cents < asked.high
    assert asked.line_price.basis == "estimate" and asked.line_price.source.startswith("class price: ")


# -- discounts and tax by line -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("discounts", "percent"),
    [
        ({"makers": {"NVIDIA": 8}, "on": ["street"]}, 8),
        ({"makers": {"nvidia": 8}, "categories": {"accelerators": 20}, "on": ["street"]}, 8),
        ({"categories": {"accelerators": 20}, "on": ["street"]}, 20),
        ({"makers": {"NVIDIA": 8}}, None),  # a street price is discounted already
        ({"makers": {"AMD": 8}, "on": ["street"]}, None),
        (None, None),
    ],
)
def test_a_discount_is_the_makers_else_the_kinds_and_only_off_the_named_bases(
    discounts: dict[str, object] | None, percent: int | None
) -> None:
    catalog = Catalog.load()
    site = {"country": "DE"}
    plain = pricing.PriceBook(catalog, request(site=site)).landed("l40s")
    less = pricing.PriceBook(catalog, request(site=site, budget={"discounts": discounts})).landed("l40s")
    assert isinstance(plain, pricing.LandedPrice) and isinstance(less, pricing.LandedPrice)
    assert less.line_price is not None and less.line_price.discount_percent == percent
    assert less.cents == half_up(Decimal(plain.cents) * (100 - (percent or 0)) / 100)
    assert any("discount" in step for step in less.line_price.steps) == (percent is not None)


def test_a_price_is_the_product_of_its_chain() -> None:
    catalog, zero = Catalog.load(), Decimal(0)
    asked = request(site={"country": "US"}, compliance={"ship_from": "US"}, budget={"currency": "EUR"})
    for part in ("l40s", "huawei-ce8850-64cq-ei", "qm9700"):
        found = pricing.PriceBook(catalog, asked).landed(part)
        assert isinstance(found, pricing.LandedPrice) and found.line_price is not None
        price = found.line_price
        amount = price.amount / (1 + (price.tax_inside_percent or zero) / 100) * (price.exchange_rate or 1)
        amount = amount * (1 + (price.freight_percent or zero) / 100) * (1 + (price.duty_percent or zero) / 100)
        assert half_up(amount * 100) == found.cents


def test_services_are_taxed_at_the_countrys_own_rate() -> None:
    row = {"percent": "13", "services": "6", "works": "9"}
    taxes = Taxes.of(Decimal(13), row)
    assert [taxes.counted[c] for c in ("goods", "services", "works")] == [13, 6, 9]
    assert taxes.several and taxes.scale == 100
    catalog = Catalog.load()
    assert taxes.weight(catalog.parts["l40s"]) == 113 and taxes.weight(catalog.parts["system-integration-cn"]) == 106
    assert not Taxes.of(Decimal(19), {"percent": "19"}).several
    assert not Taxes.of(None, row).several and Taxes.of(None, row).country["services"] == 6
    assert Taxes.of(Decimal(3), row).counted["services"] == 3  # never above the rate that the request counts


@given(st.integers(1, 10**12), st.sampled_from(["0", "6", "13", "19", "25.5"]))
def test_no_subtotal_under_the_cap_passes_it_with_tax(cap: int, percent: str) -> None:
    taxes = Taxes.of(Decimal(percent), {"percent": percent})
    base = taxes.cap(cap)
    assert base + half_up(Decimal(base) * Decimal(percent) / 100) <= cap
    assert base + 1 + half_up(Decimal(base + 1) * Decimal(percent) / 100) > cap
