"""The half page for a decision maker: what, for how much, when, what is certain, what is not, what to decide."""

from __future__ import annotations

import re

from planner.plan import Plan
from planner.proposal_notes import estimated_parts, public_notices, questions
from planner.proposal_results import Result, results, shown
from planner.quote import Quote
from planner.request import Request
from planner.wording import Wording

# Notices that leave something open until the order: what is hard to get, and what the maker has not published.
_OPEN = re.compile(r" is (?:end of|ramping|announced|refurbished|legacy|consumer)|not published")
MOST_NAMED = 3  # node groups, workloads and notices written out here; the sections have all


def brief(plan: Plan, request: Request, prices: Quote, until: str, words: Wording) -> list[tuple[str, list[str]]]:
    """(heading, sentences) in reading order. Amounts are sell prices."""
    rows = [
        ("get", _get(plan, words)),
        ("cost", _cost(prices, words)),
        ("when", [words("brief.when_text", until=until)]),
        ("firm", _firm(plan, until, words)),
        ("open", _uncertain(plan, request, prices, until, words)),
        ("decide", _decide(plan, until, words)),
    ]
    return [(words(f"brief.{key}"), texts) for key, texts in rows]


def _get(plan: Plan, words: Wording) -> list[str]:
    offers = [
        words(
            "cover.pool_one" if p.nodes == 1 else "cover.pool",
            nodes=f"{p.nodes:,}",
            chassis=plan.names.get(p.chassis, p.chassis),
            count=p.accelerators_per_node,
            accelerator=plan.names.get(p.accelerator, p.accelerator),
            workload=p.workload,
        )
        for p in plan.pools[:MOST_NAMED]
    ]
    if len(plan.pools) > MOST_NAMED:
        offers.append(words("cover.more_pools", count=len(plan.pools) - MOST_NAMED))
    totals = plan.totals
    size = words(
        "brief.get_site",
        nodes=f"{totals.nodes:,}",
        racks=f"{totals.racks:,}",
        power=words.number(totals.it_power_kw),
    )
    texts = [words("brief.offer", offers=words("brief.offers").join(offers)), size]
    if plan.storage is not None:
        texts.append(words("brief.get_storage", tb=words.number(plan.storage.usable_tb)))
    reached = [r for r in results(plan) if r.spread]
    texts += [_reached(r, words) for r in reached[:MOST_NAMED]]
    return texts


def _reached(result: Result, words: Wording) -> str:
    value = shown(result.value, result.unit, words)
    if result.asked is None:
        return words("brief.reached_unasked", workload=result.workload, value=value)
    asked = shown(result.asked, result.unit, words)
    return words("brief.reached", workload=result.workload, value=value, asked=asked)


def _cost(prices: Quote, words: Wording) -> list[str]:
    code = prices.currency
    total, net = words.short_money(prices.total, code), words.short_money(prices.net, code)
    texts = [words("brief.price_taxed", total=total, net=net) if prices.taxed else words("brief.price", total=total)]
    running = sum(s.amount for s in prices.yearly if s.section != "facility")
    if running:
        texts.append(words("brief.yearly", amount=words.short_money(running, code)))
    if prices.tco is not None:
        texts.append(words("brief.tco", years=prices.years, amount=words.short_money(prices.tco, code)))
    return texts


def _firm(plan: Plan, until: str, words: Wording) -> list[str]:
    proof = words(
        "brief.proven" if plan.status == "optimal" else "brief.feasible",
        gap=f"{plan.objective.gap:.1%}",
        objective=words.term("objective", plan.objective.name),
    )
    return [words("brief.fixed", until=until), proof]


def _uncertain(plan: Plan, request: Request, prices: Quote, until: str, words: Wording) -> list[str]:
    found = results(plan)
    unproven = [r.workload for r in found if r.unproven]
    spread = [r.workload for r in found if r.spread and not r.unproven]
    texts = []
    if unproven:
        texts.append(words("brief.unproven", workloads=_named(unproven, words)))
    if spread:
        key = "brief.spread" if request.preferences.sizing == "low" else "brief.spread_typical"
        texts.append(words(key, workloads=_named(spread, words)))
    notices = dict.fromkeys(n for p in plan.pools for n in p.notices if _OPEN.search(n))
    texts += public_notices(notices, words)[:MOST_NAMED]
    estimated = estimated_parts(plan)
    if estimated:
        texts.append(words("brief.estimated", count=len(estimated)))
    if prices.low != prices.high:
        low, high = (words.short_money(a, prices.currency) for a in (prices.low, prices.high))
        texts.append(words("brief.range", until=until, low=low, high=high))
    return texts


def _decide(plan: Plan, until: str, words: Wording) -> list[str]:
    texts = [words("brief.order", until=until)]
    asked = questions(plan, words)
    if asked:
        texts.append(words("brief.answer", count=len(asked), first=asked[0]))
    return texts


def _named(names: list[str], words: Wording) -> str:
    quoted = [words("brief.quoted", name=n) for n in dict.fromkeys(names)]
    if len(quoted) <= MOST_NAMED:
        return words("list").join(quoted)
    return words("list").join(quoted[:MOST_NAMED]) + words("brief.more", count=len(quoted) - MOST_NAMED)


__all__ = ["brief"]
