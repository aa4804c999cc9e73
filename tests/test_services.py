"""Services in plans: users and think time, room for peaks and one failed node, reading and writing apart."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from planner.catalog import Catalog
from planner.errors import InputError
from planner.optimize import optimize
from planner.plan import Plan
from planner.proposal import proposal_html
from planner.proposal_results import result_rows
from planner.request import Workload
from planner.sitefile import read_site_text
from planner.summary import summary
from planner.verify import verify
from planner.wording import wording

ON = dt.date(2026, 11, 24)
HEAD = """
site: {country: US}
customer: {headquarters: US, ultimate_parent: US}
preferences: {accelerators: {only: [h100-sxm5]}}
objective: lowest_capex
workloads:
"""
LLAMA = "{name: %s, kind: inference, model: llama3.1-70b, precision: fp8, %s}"


def planned(catalog: Catalog, **works: str) -> Plan:
    text = HEAD + "".join(f"  - {LLAMA % item}\n" for item in works.items())
    return optimize(read_site_text(text, "site.yaml", catalog), catalog, ON)


def said(plan: Plan, name: str) -> list[str]:
    return [a.text for a in plan.assumptions if a.name == name]


# -- separate pools ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def divided(catalog: Catalog) -> Plan:
    return planned(
        catalog,
        rag="input_tokens: 6000, output_tokens: 300, requests_per_s: 3, ttft_ms: 3000, tpot_ms: 25",
        chat="input_tokens: 500, output_tokens: 500, requests_per_s: 3, ttft_ms: 3000, tpot_ms: 60",
    )


def split_of(plan: Plan) -> dict[str, int]:
    """The layout of the work whose reading and writing stand apart."""
    return next(p.predicted[0].layout for p in plan.pools if "reading" in p.predicted[0].layout)


def test_long_prompts_under_tight_targets_are_read_on_cards_of_their_own(divided: Plan, catalog: Catalog) -> None:
    rag = split_of(divided)
    assert rag["reading"] + rag["writing"] == rag["accelerators"]
    assert all("reading" not in p.predicted[0].layout for p in divided.pools if p.workload == "chat")
    for pool in divided.pools:
        target = {"rag": (3000, 25), "chat": (3000, 60)}[pool.workload]
        details = pool.predicted[0].details
        assert float(details["ttft_ms"] or 0) <= target[0] * (1 + 1e-9)
        assert float(details["tpot_ms"] or 0) <= target[1] * (1 + 1e-9)
    assert verify(divided, catalog) == []


def test_separate_pools_are_told_in_words(divided: Plan) -> None:
    rag = split_of(divided)
    assert f"{rag['reading']} accelerators read prompts and {rag['writing']} write answers" in summary(divided, ())
    for language, piece in (("en", "read prompts"), ("zh", "张卡负责预填充")):
        told = {r["workload"] for r in result_rows(divided, wording(language)) if piece in r["details"]}
        assert told == {"rag"}


# -- drafts ------------------------------------------------------------------------------------------------------------
def test_drafts_make_a_strict_target_cheaper_and_are_told(catalog: Catalog) -> None:
    plain = "input_tokens: 1000, output_tokens: 300, requests_per_s: 4, tpot_ms: 20"
    without = planned(catalog, code=plain)
    drafted = planned(catalog, code=plain + ", speculative: {draft_tokens: 3}")
    assert drafted.totals.capex < without.totals.capex
    assert all(p.predicted[0].unproven for p in drafted.pools)
    assert drafted.request["workloads"][0]["speculative"] == {"draft_tokens": 3, "acceptance": 0.8}
    assert verify(drafted, catalog) == []
    for language, piece in (("en", "3 tokens drafted ahead, 80 % kept"), ("zh", "草拟 3 个 token")):
        assert piece in proposal_html(drafted.model_copy(update={"language": language}))


@pytest.mark.parametrize(
    "keys", ["{}", "{draft_tokens: 0}", "{draft_tokens: 2, acceptance: 1.5}", "{draft_tokens: 99}"]
)
def test_drafts_out_of_range_are_input_errors(catalog: Catalog, keys: str) -> None:
    with pytest.raises(InputError, match="speculative"):
        planned(catalog, code=f"input_tokens: 1000, output_tokens: 300, requests_per_s: 4, speculative: {keys}")


# -- users -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def users(catalog: Catalog) -> Plan:
    return planned(
        catalog, desk="input_tokens: 1000, output_tokens: 200, concurrent_users: 900, think_time_s: 19, spare_nodes: 1"
    )


def test_users_without_targets_wait_as_long_as_they_are_counted_with(users: Plan) -> None:
    for pool in users.pools:
        found = pool.predicted[0]
        assert found.asked == pytest.approx(900 / (19 + 1 + 200 * 0.05))
        assert float(found.details["ttft_ms"] or 0) <= 1000 * (1 + 1e-9)
        assert float(found.details["tpot_ms"] or 0) <= 50 * (1 + 1e-9)


def test_requests_without_targets_have_none() -> None:
    lengths = {"input_tokens": 10, "output_tokens": 20}
    asked = Workload(name="w", kind="inference", model="llama3.1-8b", requests_per_s=1, **lengths)  # type: ignore[arg-type]
    assert asked.first_token_ms is None and asked.per_token_ms is None


def test_users_and_the_failed_node_are_told(users: Plan) -> None:
    count, out = said(users, "desk")
    assert "900 users who think for 19 s" in count and "send 30 requests/s" in count
    assert "counted at 0.7" in out and "all that is asked" in out  # a spare node stands in
    for text in (count, out):
        assert wording("zh").phrase(text)


def test_one_node_of_two_leaves_what_the_other_can_do(divided: Plan) -> None:
    (out,) = said(divided, "chat")
    pools = [p for p in divided.pools if p.workload == "chat"]
    full = sum(p.predicted[0].low for p in pools) / 0.7
    most = max(p.predicted[0].low / 0.7 / p.nodes for p in pools)
    left = math.floor(100 * (full - most) / 3 + 1e-9)
    assert (f"{left} % of what is asked" in out) if left < 100 else ("all that is asked" in out)
    assert wording("zh").phrase(out)
