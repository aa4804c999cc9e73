"""A plan recomputed from catalog and plan alone: an independent witness that shares no code with planning.

Findings name the line or field that does not add up; none means that every count, price, port, watt, kilogram, limit
and rule does. What a catalog cannot give back (predictions, verdict texts) is covered by seals. See docs/verify.md.
"""

from __future__ import annotations

import datetime as dt

from planner.catalog import Catalog
from planner.plan import Plan
from planner.verify import build, money, networks, room
from planner.verify.prices import Landed


def verify(plan: Plan, catalog: Catalog) -> list[str]:
    """Findings in the order of the plan; empty when everything adds up."""
    try:
        landed = Landed(catalog, plan.request, dt.date.fromisoformat(plan.provenance.rule_date))
        return [
            *money.check_lines(plan, catalog, landed),
            *money.check_totals(plan, landed),
            *build.check_pools(plan, catalog),
            *networks.check_networks(plan, catalog),
            *room.check_racks(plan, catalog),
            *room.check_limits(plan),
            *room.check_demand(plan),
            *room.check_compliance(plan),
            *room.check_objective(plan),
            *room.check_provenance(plan, catalog),
        ]
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        # A request or price that was edited into nonsense: the plan is refused, with what could be said.
        return [f"the plan cannot be recomputed: {type(error).__name__} {error}", *room.check_provenance(plan, catalog)]
