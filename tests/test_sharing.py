"""Services that share servers card by card: what is reported is what stands on the cards, and verify counts it."""

from __future__ import annotations

import datetime as dt

import pytest

from planner.catalog import Catalog
from planner.optimize import optimize
from planner.plan import Plan
from planner.sitefile import read_site_text
from planner.verify import verify

SITE = """
site: {country: US}
customer: {headquarters: US, ultimate_parent: US}
workloads:
  - {name: one, kind: inference, model: llama3.1-8b, input_tokens: 500, output_tokens: 100, requests_per_s: 12,
     tpot_ms: 50, share: true}
  - {name: two, kind: inference, model: llama3.1-8b, input_tokens: 500, output_tokens: 100, requests_per_s: 12,
     tpot_ms: 50, share: true}
preferences: {accelerators: {only: [l40s]}}
objective: lowest_capex
"""


@pytest.fixture(scope="module")
def plan(catalog: Catalog) -> Plan:
    return optimize(read_site_text(SITE, "site.yaml", catalog), catalog, dt.date(2026, 11, 24))


def test_replicas_stand_on_the_cards_that_are_bought(plan: Plan) -> None:
    for pool in plan.pools:
        cards = [int(p.layout["cards"]) for p in pool.predicted]
        assert pool.cards_used == sum(cards) <= pool.accelerators
        for predicted, taken in zip(pool.predicted, cards, strict=True):
            if "accelerators" in predicted.layout:
                assert taken == int(predicted.layout["replicas"]) * int(predicted.layout["accelerators"])


def test_each_service_gets_what_was_asked_and_not_what_all_cards_would_give(plan: Plan) -> None:
    for work in ("one", "two"):
        parts = [p for pool in plan.pools for w, p in zip(pool.workloads, pool.predicted, strict=True) if w == work]
        low = sum(p.low for p in parts)
        assert 12 <= low < 12 * 2


def test_replicas_that_do_not_fit_their_cards_are_refused(plan: Plan, catalog: Catalog) -> None:
    assert verify(plan, catalog) == []
    data = plan.model_dump(mode="json")
    data["pools"][0]["predicted"][0]["layout"]["replicas"] += 1
    data["pools"][0]["replicas"] += 1
    findings = verify(Plan.model_validate(data), catalog)
    assert any("replicas of" in f and f.startswith("pools[0]") for f in findings)
