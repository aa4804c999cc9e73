"""What `planner check` prints: checks by number, power and cooling in figures, the standards nobody verified."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from planner.catalog import Catalog
from planner.facility.cooling import CoolingFacts, cooling_facts
from planner.facility.power import NOTE, FeedLoss, PowerFacts, power_facts
from planner.facility.standards import standards_for
from planner.plan import Plan, PlannedCheck


def as_json(plan: Plan, catalog: Catalog, checks: Sequence[PlannedCheck]) -> str:
    """Everything as JSON."""
    data = {
        "ok": all(c.status != "FAIL" for c in checks),
        "checks": [c.model_dump(mode="json") for c in checks],
        "power": dataclasses.asdict(power_facts(plan, catalog)),
        "cooling": dataclasses.asdict(cooling_facts(plan, catalog)),
        "not_verified": [
            {"standard": name, "asks": text} for name, text, _ in standards_for(plan.request["site"]["country"])
        ],
        "note": NOTE,
    }
    return json.dumps(data, ensure_ascii=False, indent=2)


def text(plan: Plan, catalog: Catalog, checks: Sequence[PlannedCheck]) -> str:
    """Everything for people."""
    count = {s: sum(c.status == s for c in checks) for s in ("PASS", "WARN", "FAIL")}
    out = [f"{plan.project}: {count['PASS']} pass, {count['WARN']} warn, {count['FAIL']} fail"]
    for c in checks:
        out.append(f"{c.number:>3} {c.status:<4} {c.title}: {c.have} (needed: {c.need}). {c.text}")
        if c.status != "PASS" and c.mend:
            out.append(f"         To mend: {c.mend}")
    out += _power(power_facts(plan, catalog))
    out += _cooling(cooling_facts(plan, catalog))
    out += ["Checklist, not verified (no clause of these standards was seen):"]
    out += [f"  [ ] {name}: {asks}" for name, asks, _ in standards_for(plan.request["site"]["country"])]
    return "\n".join(out)


def _power(p: PowerFacts) -> list[str]:
    idle = "not published" if p.idle_kw is None else f"{p.idle_kw:,.1f} kW"
    pdus = ", ".join(f"{n:,} × {part} ({kw:g} kW usable after derating)" for part, n, kw in p.pdus) or "none"
    out = [
        f"Power: {p.maximum_kw:,.1f} kW at most, {p.typical_kw:,.1f} kW typical, idle {idle};"
        f" {p.facility_kw:,.1f} kW at the meter; {p.energy_kwh_year:,.0f} kWh a year",
        f"  Rack: {p.rack_kw:g} kW from {p.feeds} feeds ({p.redundancy}), {p.live_feeds} of them enough;"
        f" feeds loaded up to {p.derate:.0%} of their breaker (site.feeds.derate)",
        f"  PDUs: {pdus}; {p.circuits:,} circuits; {p.c13_per_feed} × C13 and {p.c19_per_feed} × C19 per feed at most",
        f"  Stranded, of no use to a further node of the plan: {p.stranded_kw:,.1f} kW, {p.stranded_units:,} units",
    ]
    out += [f"  A feed is lost: {_loss(x)}" for x in p.losses]
    return [*out, f"  {NOTE}"]


def _loss(x: FeedLoss) -> str:
    if x.supplies is None:
        return f"{x.chassis} ({x.pool}): number of supplies not published"
    carry = "how many carry it is not known" if x.needed is None else f"{x.needed} carry its {x.need_w / 1000:g} kW"
    return f"{x.chassis} ({x.pool}) {x.result}: {x.left} of {x.supplies} supplies stay, {carry}"


def _cooling(c: CoolingFacts) -> list[str]:
    out = [
        f"Heat: {c.heat_kw:,.1f} kW = {c.heat_btu_h:,.0f} BTU/h; by air {c.air_kw:,.1f} kW"
        f" = {c.airflow_m3_h:,.0f} m³/h ({c.airflow_cfm:,.0f} CFM) at 11.1 K"
    ]
    if c.liquid_kw:
        out.append(
            f"  By liquid {c.liquid_kw:,.1f} kW = {c.liquid_l_min:,.0f} L/min at 10 K;"
            f" {c.cdus} CDUs of {c.cdu_kw:g} kW, one to spare{'' if c.bought else ', not in the price'}"
        )
    return out
