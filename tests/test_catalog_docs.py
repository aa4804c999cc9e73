"""docs/catalog.md followed to the letter: its overlay, its site file and its commands."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from planner.lint import lint
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import open_site
from planner.verify import verify

DOCS = Path(__file__).parent.parent / "docs" / "catalog.md"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page tells to write, in a folder of their own."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name, content in re.findall(r"```\w+\n# (\S+)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plan(written: Path) -> Plan:
    request, catalog = open_site(written / "site.yaml")
    return optimize(request, catalog, dt.date(2026, 11, 24))


def test_the_page_writes_a_card_a_server_prices_and_a_site(written: Path) -> None:
    files = {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()}
    assert files == {
        "my-parts/accelerators/acme.yaml", "my-parts/chassis/acme.yaml", "my-parts/prices/acme.csv", "site.yaml",
    }  # fmt: skip


def test_the_overlay_has_no_finding(written: Path) -> None:
    assert [str(f) for f in lint([written / "my-parts"]) if "acme" in f.part or f.level == "error"] == []


def test_the_new_card_and_server_stand_in_the_plan_at_their_quoted_price(plan: Plan) -> None:
    assert {(p.chassis, p.accelerator, p.accelerators) for p in plan.pools} == {("acme-s8", "acme-x1", 64)}
    card = next(ln for ln in plan.lines if ln.part == "acme-x1")
    assert card.price is not None and card.price.source == "Acme quote 4711" and card.price.basis == "quote"
    assert card.price.freight_percent == 2 and card.quantity == 64
    assert any(a.name == "catalog" and "my-parts" in a.text for a in plan.assumptions)
    assert any(a.name == "quantity breaks" and "acme-x1" in a.text for a in plan.assumptions)


def test_verify_needs_the_overlay_and_says_which(plan: Plan, written: Path, tmp_path: Path) -> None:
    _, catalog = open_site(written / "site.yaml")
    assert verify(plan, catalog) == []
    shipped = type(catalog).load()
    assert verify(plan, shipped) == ["planned with catalog: my-parts; give them with --catalog"]
    # As many folders as were named, but not the same: what does not add up is told in full.
    other = tmp_path / "other"
    (other / "prices").mkdir(parents=True)
    assert len(verify(plan, type(catalog).load([other]))) > 1
