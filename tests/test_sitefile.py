"""Site files as people write them, and broken ones: every mistake at once, with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.catalog import Catalog
from planner.errors import InputError
from planner.sitefile import (
    THREE_LETTERS,
    country_codes,
    country_meant,
    defaults_used,
    normalised,
    read_site,
    read_site_text,
)

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALLEST = "site: {country: US}\nworkloads:\n  - {kind: capacity, accelerator: h100-sxm5, count: 64}\n"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def mistakes(text: str, catalog: Catalog) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_site_text(text, "site.yaml", catalog)
    return [str(m) for m in caught.value.mistakes]


# -- what people write -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.stem)
def test_examples_read_unchanged(path: Path, catalog: Catalog) -> None:
    request = read_site(path, catalog)
    again = normalised(request)
    assert again["site"]["country"] == request.site.country
    assert again == normalised(request.model_validate(again))  # normalising is idempotent


def test_norway_numbers_and_ratios_mean_what_people_mean(catalog: Catalog) -> None:
    text = (
        "site: {country: NO, racks: 4}\nbudget: {currency: NOK, capex: 45_000_000}\n"
        "workloads:\n  - {kind: training, model: llama3.1-8b, tokens: 2.0e12, within_days: 30}\n"
        "preferences: {fabric: {oversubscription: 2:1}}\n"
    )
    request = read_site_text(text, "site.yaml", catalog)
    assert request.site.country == "NO"
    assert request.budget.capex == 45_000_000
    assert request.workloads[0].tokens == 2.0e12
    assert request.preferences.fabric.oversubscription == 2.0
    assert request.workloads[0].name == "training"  # named after its kind


def test_defaults_are_listed_and_what_was_given_is_not(catalog: Catalog) -> None:
    listed = dict(defaults_used(read_site_text(SMALLEST, "site.yaml", catalog)))
    assert listed["objective"] == "lowest_capex"
    assert listed["budget.tco_years"] == 5
    assert "site.country" not in listed
    assert "workloads[0].count" not in listed


# -- ten broken files ------------------------------------------------------------------------------------------------
def test_wrong_type(catalog: Catalog) -> None:
    found = mistakes(SMALLEST.replace("count: 64", "count: many"), catalog)
    assert found == ["site.yaml:3:53: workloads[0].count: expected a whole number, got many."]


def test_unknown_key_names_the_nearest(catalog: Catalog) -> None:
    found = mistakes(SMALLEST.replace("{country: US}", "{country: US, rack: 4}"), catalog)
    assert found == ["site.yaml:1:21: site.rack: unknown key. Did you mean racks?"]


def test_unknown_part_names_the_nearest(catalog: Catalog) -> None:
    found = mistakes(SMALLEST.replace("h100-sxm5", "h100-sxm6"), catalog)
    assert len(found) == 1
    assert found[0].startswith(
        'site.yaml:3:35: workloads[0].accelerator: accelerator "h100-sxm6" is not in the catalog.'
    )
    assert "h100-sxm5" in found[0]


def test_negative_power(catalog: Catalog) -> None:
    found = mistakes(SMALLEST.replace("{country: US}", "{country: US, it_power_kw: -3}"), catalog)
    assert found == ["site.yaml:1:34: site.it_power_kw: expected a number above 0, got -3."]


def test_duplicate_key_names_both_lines(catalog: Catalog) -> None:
    found = mistakes(SMALLEST + "site: {country: DE}\n", catalog)
    assert found == ["site.yaml:4:1: site: the key stands twice; it is also in line 1. Keep one."]


def test_alias_bomb_is_bounded(catalog: Catalog) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
    found = mistakes("\n".join(lines), catalog)
    assert len(found) == 1
    assert "aliases" in found[0]


def test_binary_file(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_site(path, catalog)


def test_empty_file(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(InputError, match="is empty; expected at least"):
        read_site(path, catalog)


def test_fifty_megabytes_are_not_read(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "site.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(InputError, match=r"is 50\.0 MB; a site file is at most 1 MB"):
        read_site(path, catalog)


def test_missing_file(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_site(tmp_path / "site.yaml", catalog)


# -- more ways to be wrong -------------------------------------------------------------------------------------------
def test_all_mistakes_come_out_together(catalog: Catalog) -> None:
    text = (
        "site: {country: USA, it_power_kw: 0}\n"
        "objective: cheapest\n"
        "workloads:\n"
        "  - {kind: training, model: llama3.1-8b}\n"
        "  - {kind: capacity, accelerator: h100-sxm5, count: '64'}\n"
    )
    found = mistakes(text, catalog)
    assert len(found) == 5
    assert [m.split(":")[1] for m in found] == ["1", "1", "2", "4", "5"]
    assert "expected one of lowest_capex, lowest_tco, lowest_power, highest_performance, got cheapest" in found[2]
    assert "needs tokens, within_days as well" in found[3]
    assert "Remove the quotes" in found[4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "expected keys such as site"),
        (SMALLEST + "---\n" + SMALLEST, "a second document begins here"),
        (SMALLEST.replace("US", "XX"), "not a country code"),
        (SMALLEST.replace("US", "us"), "Did you mean US?"),
        (SMALLEST.replace("US", "USA"), "got USA. Did you mean US?"),
        (SMALLEST.replace("US", "chn"), "got chn. Did you mean CN?"),
        (SMALLEST.replace("US", "UK"), "Did you mean GB?"),
        (SMALLEST + "budget: {currency: eur}\n", "Did you mean EUR?"),
        (SMALLEST.replace("64}", "64, tokens: 5}"), "does not go with capacity work"),
        (SMALLEST.replace("count: 64", "maximise: accelerators"), "needs a limit"),
        (SMALLEST + "budget: {capex: '1,000,000'}\n", "Group digits with _"),
        (SMALLEST + "budget: {currency: XAU}\n", "no exchange rate for XAU"),
        (SMALLEST + "supply: {h100-sxm: 5}\n", "is not in the catalog"),
        (SMALLEST + "preferences: {vendors: {only: [Delll]}}\n", 'vendor "Delll" is not in the catalog. Nearest: Dell'),
        (SMALLEST + "preferences: {vendors: {exclude: [nonesuch]}}\n", 'vendor "nonesuch" is not in the catalog'),
        (SMALLEST + "storage: {usable_tb: 5, system: nonesuch}\n", 'storage system "nonesuch" is not in the catalog'),
        (SMALLEST + "base: &b {x: 1}\nmore: {<<: *b}\n", "merge keys"),
        (SMALLEST + "budget: {capex: !!python/object:os.system x}\n", "budget.capex"),
        ("a: " + "[" * 200 + "]" * 200, "nested too deeply"),
        ("site: {country: US", "not valid YAML"),
    ],
)
def test_other_mistakes_have_words(text: str, words: str, catalog: Catalog) -> None:
    assert words in "\n".join(mistakes(text, catalog))


def test_every_suggested_country_exists(catalog: Catalog) -> None:
    assert set(THREE_LETTERS.values()) <= country_codes(catalog)
    assert country_meant("XYZ") is None and country_meant("DE") is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_edits_never_raise_anything_else(data: st.DataObject, catalog: Catalog) -> None:
    path = data.draw(st.sampled_from(sorted(EXAMPLES.glob("*.yaml"))))
    text = path.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 6))
        text = text[:at] + data.draw(st.text(max_size=6)) + text[at + gone :]
    try:
        read_site_text(text, "site.yaml", catalog)
    except InputError as error:
        assert error.mistakes


def test_fabric_by_itself_is_the_preference(catalog: Catalog) -> None:
    base = "site: {country: US}\nworkloads: [{kind: capacity, accelerator: h100-sxm5, count: 64}]\n"
    alone = read_site_text(base + "fabric: {reserve_nodes: 64, oversubscription: 2:1}\n", "site.yaml", catalog)
    usual = base + "preferences: {fabric: {reserve_nodes: 64, oversubscription: 2:1}}\n"
    assert alone == read_site_text(usual, "site.yaml", catalog)
    with pytest.raises(InputError, match=r"site.yaml:3:1: fabric: stands here and under preferences; keep one"):
        read_site_text(base + "fabric: {planes: 1}\npreferences: {fabric: {planes: 2}}\n", "site.yaml", catalog)
    with pytest.raises(InputError, match=r"site.yaml:3:10: preferences.fabric.reserve_node: unknown key"):
        read_site_text(base + "fabric: {reserve_node: 64}\n", "site.yaml", catalog)
