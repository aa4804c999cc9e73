"""Checks 12, 13 and 17: a lost feed, rack PDUs, the country's PUE limit."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.facility.power import FeedLoss, power_facts
from planner.facility.results import Result, called, offending
from planner.plan import Figures, Plan

# New large sites by the action plan of 2024-07, and national hub nodes (as of 2026-11-22).
PUE_LIMITS = {"CN": (1.25, 1.20)}


def feed_lost(plan: Plan, catalog: Catalog) -> Result:
    """Nodes ride through the loss of one feed."""
    facts = power_facts(plan, catalog)
    figures: Figures = {"feeds": facts.feeds, "redundancy": facts.redundancy}
    if facts.redundancy == "N":
        return Result("WARN", "all-needed", figures)
    for result, status in (("stops", "FAIL"), ("throttles", "WARN")):
        worst = [_loss(x) for x in facts.losses if x.result == result]
        if worst:
            # What throttles beside what stops is told too: both are felt.
            rest = [_loss(x) for x in facts.losses if x.result == "throttles" and result == "stops"]
            return offending(status, result, figures, worst + rest)
    unknown = [x.chassis for x in facts.losses if x.result == "not known"]
    return offending("WARN", "unknown", figures, called(unknown)) if unknown else Result("PASS", "rides", figures)


def _loss(x: FeedLoss) -> Figures:
    return {
        "chassis": x.chassis,
        "result": x.result,
        "left": x.left,
        "supplies": x.supplies,
        "needed": x.needed,
        "carried_kw": None if x.carried_w is None else round(x.carried_w / 1000, 3),
        "need_kw": round(x.need_w / 1000, 3),
    }


def rack_pdus(plan: Plan, catalog: Catalog) -> Result:
    """PDUs of one feed carry their share of the rack; outlets are counted for the order."""
    facts = power_facts(plan, catalog)
    cabinets = sum(r.part is not None for r in plan.racks)
    if not cabinets:
        return Result("PASS", "own")
    per_feed = sum(n * kw for _, n, kw in facts.pdus) / (cabinets * facts.feeds)
    need = facts.rack_kw / max(1, facts.live_feeds)
    supply = (plan.request["site"].get("feeds") or {}).get("supply", "ac")
    figures: Figures = {
        "per_feed_kw": round(per_feed, 3),
        "need_kw": round(need, 3),
        "c13": facts.c13_per_feed,
        "c19": facts.c19_per_feed,
        "circuits": facts.circuits,
        "supply": supply,
    }
    if per_feed < need - 1e-5:
        return Result("FAIL", "short", figures)
    return Result("WARN", "dc", figures) if supply != "ac" else Result("PASS", "carries", figures)


def pue_policy(plan: Plan, catalog: Catalog) -> Result:
    """The design PUE against the country's limit, where one is known."""
    del catalog
    site = plan.request["site"]
    known = PUE_LIMITS.get(site["country"])
    if known is None:
        return Result("PASS", "none")
    pue = site["pue_annual"] or site["pue"]
    figures: Figures = {"limit": known[0], "hub": known[1]}
    if pue is None:
        return Result("WARN", "unstated", figures)
    figures["pue"] = pue
    if pue > known[0]:
        return Result("WARN", "above", figures)
    return Result("PASS", "hub" if pue > known[1] else "within", figures)
