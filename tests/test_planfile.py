"""plan.json: the same bytes there and back, whole or not at all. Money in whole cents."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import sample

from planner import files
from planner.errors import InputError
from planner.planfile import dump_plan, load_plan, plan_text
from planner.units import Money, half_up, tax_cents


@pytest.mark.parametrize("make", [sample.sixty_four, sample.chinese, sample.pod, sample.single])
def test_there_and_back(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plan = make()
    path = tmp_path / "plan.json"
    dump_plan(plan, path)
    again = load_plan(path)
    assert again == plan
    assert plan_text(again).encode() == path.read_bytes()


def test_money_is_written_in_cents_and_read_exactly() -> None:
    plan = sample.sixty_four()
    data = json.loads(plan_text(plan), parse_float=Decimal)
    assert data["totals"]["capex"] == plan.totals.capex
    for line in data["lines"]:
        assert Decimal(line["extended"]).as_tuple().exponent in (0, -1, -2)
        assert Decimal(line["extended"]) == Decimal(line["unit_price"]) * line["quantity"]


def test_mistakes_name_the_field(tmp_path: Path) -> None:
    data = json.loads(plan_text(sample.single()))
    data["totals"]["racks"] = "many"
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"totals\.racks"):
        load_plan(path)


def test_json_that_breaks_off_names_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"status":\n  "optimal",,}')
    with pytest.raises(InputError, match=r"plan\.json:2:13: is not JSON"):
        load_plan(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    files.atomic_write(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


# -- money -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "cents"), [("0.005", 1), ("5.6899999999999995", 569), ("-0.005", -1), ("2.675", 268)]
)
def test_halves_go_up_and_away_from_zero(amount: str, cents: int) -> None:
    assert Money.of(amount, "USD").cents == cents


@given(st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_sums_of_money_are_exact(cents: list[int]) -> None:
    total = sum((Money(c, "EUR") for c in cents), Money(0, "EUR"))
    assert total.amount == Decimal(sum(cents)) / 100
    assert total.cents == sum(cents)


def test_currencies_never_meet_unconverted() -> None:
    with pytest.raises(ValueError, match="cannot combine USD with EUR"):
        Money(1, "USD") + Money(1, "EUR")


def test_money_prints_with_two_decimals() -> None:
    assert str(Money(123_456_700, "USD") * 2) == "USD 2,469,134.00"


def test_tax_is_rounded_once() -> None:
    assert tax_cents(333, Decimal(13)) == 43
    assert half_up(Decimal("0.5")) == 1
