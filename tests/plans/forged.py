"""Plans changed by a forger who makes digest, seals and request hash again: only recomputing finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from planner.plan import Plan, digest_of, request_hash, seals_of


def resealed(data: dict[str, Any]) -> Plan:
    """The plan of changed data, with digest, seals and request hash made again."""
    plan = Plan.model_validate(data)
    origin = plan.provenance.model_copy(update={"digest": digest_of(plan), "request_hash": request_hash(plan.request)})
    plan = plan.model_copy(update={"provenance": origin})
    return plan.model_copy(update={"provenance": origin.model_copy(update={"seals": seals_of(plan)})})


def altered(plan: Plan, change: Callable[[Any], None]) -> Plan:
    """The plan after `change` of its data."""
    data = plan.model_dump(mode="json")
    change(data)
    return resealed(data)
