"""Power of a plan: draw, circuits, rack PDUs, what one lost feed does to each kind of node.

Circuits are sized on nameplate (maximum draw), never on typical figures or a maker's calculator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner import site
from planner.catalog import Catalog
from planner.facility.racks import rack_facts, rack_limit_kw
from planner.parts import Chassis
from planner.plan import Plan, Pool
from planner.request import Request

# A supply of more than this draws more than the 10 A of a C13 outlet at 200 V: it takes a C19.
C13_WATTS = 2000.0
NOTE = "Circuits and breakers are sized on nameplate (maximum) draw, not on typical figures or estimates."


@dataclass(frozen=True, slots=True)
class FeedLoss:
    """One kind of node when a feed of its rack is lost. `result`: rides through | throttles | stops | not known."""

    pool: str
    chassis: str
    supplies: int | None
    watts_each: float | None
    needed: int | None  # that carry its maximum draw, or as many as the maker's redundancy leaves, whichever is more
    left: int | None  # supplies on the feeds that stay
    carried_w: float | None
    need_w: float
    result: str


@dataclass(frozen=True, slots=True)
class PowerFacts:
    """Figures of the whole plan in kW; circuits and outlets in pieces. `idle_kw` None: nobody publishes it."""

    maximum_kw: float
    typical_kw: float
    idle_kw: float | None
    facility_kw: float
    energy_kwh_year: float
    feeds: int
    live_feeds: int
    redundancy: str
    derate: float
    rack_kw: float
    pdus: tuple[tuple[str, int, float], ...]  # part, pieces, usable kW each
    circuits: int
    c13_per_feed: int  # of the rack that needs most
    c19_per_feed: int
    stranded_kw: float
    stranded_units: int
    losses: tuple[FeedLoss, ...]


def power_facts(plan: Plan, catalog: Catalog) -> PowerFacts:
    """Everything about power that follows from a plan and the catalog."""
    request = Request.model_validate(plan.request)
    feeds = request.site.feeds
    racks = rack_facts(plan, catalog)
    pdus = [(ln.part, ln.quantity, catalog.pdus[ln.part].usable_kw) for ln in plan.lines if ln.part in catalog.pdus]
    outlets = [_outlets(plan, catalog, k) for k in range(len(plan.racks))]
    count = site.feed_count(feeds)
    c13, c19 = (max((o[i] for o in outlets), default=0) for i in (0, 1))
    utilisation = plan.totals.energy_basis.utilisation if plan.totals.energy_basis else 0.8
    return PowerFacts(
        maximum_kw=plan.totals.it_power_kw,
        typical_kw=plan.totals.typical_power_kw,
        idle_kw=None,
        facility_kw=plan.totals.facility_power_kw,
        energy_kwh_year=round(plan.totals.typical_power_kw * utilisation * site.annual_pue(request) * 8760, 0),
        feeds=count,
        live_feeds=site.live_feeds(feeds),
        redundancy=feeds.redundancy if feeds else "2N",
        derate=site.derate(request),
        rack_kw=rack_limit_kw(plan, catalog),
        pdus=tuple(pdus),
        circuits=sum(n for _, n, _ in pdus),
        c13_per_feed=math.ceil(c13 / count),
        c19_per_feed=math.ceil(c19 / count),
        stranded_kw=round(sum(round(r.stranded_kw * 1000) for r in racks) / 1000, 2),  # whole watts: no float sums
        stranded_units=sum(r.stranded_units for r in racks),
        losses=tuple(feed_loss(pool, catalog.chassis[pool.chassis], count) for pool in plan.pools),
    )


def feed_loss(pool: Pool, chassis: Chassis, feeds: int) -> FeedLoss:
    """What a node does when one feed goes; the rule is `site.lost_feed`."""
    need, usual = pool.node_power_kw * 1000, pool.node_typical_kw * 1000
    lost = site.lost_feed(chassis, need, usual, feeds)
    return FeedLoss(
        pool.workload,
        chassis.id,
        chassis.psu_count,
        chassis.psu_watts,
        lost.needed,
        lost.left,
        lost.carried_w,
        need,
        lost.result,
    )


def _outlets(plan: Plan, catalog: Catalog, rack: int) -> tuple[int, int]:
    """C13 and C19 outlets that one rack's supplies take; equipment without a stated number of supplies has two."""
    small = large = 0
    if plan.racks[rack].part is None:  # a rack-scale system brings its power shelves
        return small, large
    for item in plan.racks[rack].items:
        chassis = catalog.chassis.get(item.item)
        count = (chassis.psu_count if chassis else None) or 2
        watts = (chassis.psu_watts if chassis else None) or item.power_kw * 1000 / max(1, count - 1)
        if watts > C13_WATTS:
            large += count
        else:
            small += count
    return small, large
