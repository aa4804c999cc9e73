"""Checks 12, 13 and 17: a lost feed, rack PDUs, the country's PUE limit."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.facility.power import power_facts
from planner.facility.results import Result, named
from planner.plan import Plan

PUE_LIMITS = {"CN": (1.25, "new large sites (action plan of 2024-07; 1.20 in national hub nodes)")}


def feed_lost(plan: Plan, catalog: Catalog) -> Result:
    """Nodes ride through the loss of one feed."""
    facts = power_facts(plan, catalog)
    if facts.redundancy == "N":
        return Result(
            "WARN",
            f"{facts.feeds} feeds, all needed",
            "N+1 or 2N",
            "Any lost feed stops the racks on it.",
            "Give site.feeds.redundancy: 2N or N+1.",
        )
    worst = [
        f"{x.chassis} {x.result} ({x.left} of {x.supplies} supplies left, {x.must_live} must live)"
        for x in facts.losses
        if x.result in ("throttles", "stops")
    ]
    unknown = [x.chassis for x in facts.losses if x.result == "not known"]
    need = f"{facts.redundancy}, {facts.feeds} feeds"
    if worst:
        status = "FAIL" if any("stops" in w for w in worst) else "WARN"
        return Result(
            status,
            named(worst),
            need,
            "A lost feed is felt.",
            "Three feeds with N+1 (site.feeds: {count: 3, redundancy: N+1, ...}) leave two thirds of the supplies.",
        )
    if unknown:
        return Result(
            "WARN",
            f"supplies of {named(unknown)} not published",
            need,
            "What a lost feed does is not known.",
            "Ask the maker how many supplies must live.",
        )
    return Result("PASS", "every node rides through", need, "Enough supplies stay on the feeds that are left.")


def rack_pdus(plan: Plan, catalog: Catalog) -> Result:
    """PDUs of one feed carry their share of the rack; outlets are counted for the order."""
    facts = power_facts(plan, catalog)
    cabinets = sum(r.part is not None for r in plan.racks)
    if not cabinets:
        return Result("PASS", "own racks", "own racks", "Rack-scale systems bring their power shelves.")
    per_feed = sum(n * kw for _, n, kw in facts.pdus) / (cabinets * facts.feeds)
    need = facts.rack_kw / max(1, facts.live_feeds)
    outlets = f"{facts.c13_per_feed} × C13 and {facts.c19_per_feed} × C19 per feed in the fullest rack"
    if per_feed < need - 1e-5:
        return Result(
            "FAIL",
            f"{per_feed:g} kW per feed",
            f"{need:g} kW",
            "PDUs do not carry the rack with a feed lost.",
            "Buy larger or more PDUs.",
        )
    supply = plan.request["site"].get("feeds") or {}
    if supply.get("supply", "ac") != "ac":
        return Result(
            "WARN",
            f"{supply['supply']}; {outlets}",
            "DC distribution",
            "The PDUs of the catalog are for AC; whether supplies take DC is not stated.",
            "Have makers confirm DC supplies and quote DC distribution.",
        )
    return Result(
        "PASS",
        f"{per_feed:g} kW per feed; {outlets}",
        f"{need:g} kW",
        f"{facts.circuits:,} circuits; order PDUs with these outlets.",
    )


def pue_policy(plan: Plan, catalog: Catalog) -> Result:
    """The design PUE against the country's limit, where one is known."""
    del catalog
    site = plan.request["site"]
    known = PUE_LIMITS.get(site["country"])
    if known is None:
        return Result("PASS", "no limit on file", "none", "No PUE limit of this country is on file.")
    limit, scope = known
    pue = site["pue_annual"] or site["pue"]
    if pue is None:
        return Result(
            "WARN", "PUE not stated", f"{limit:g}", f"Limit for {scope}.", "Set site.pue and site.pue_annual."
        )
    if pue > limit:
        return Result(
            "WARN",
            f"PUE {pue:g}",
            f"{limit:g}",
            f"Above the limit for {scope}.",
            f"Lower the PUE to {limit:g}, or show that the limit does not apply.",
        )
    return Result("PASS", f"PUE {pue:g}", f"{limit:g}", f"Within the limit for {scope}.")
