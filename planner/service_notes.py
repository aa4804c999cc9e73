"""What a plan says of its services beside rates: how users were counted, room for peaks, one node out of service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.plan import Assumption, Pool, Predicted
from planner.request import Request, Workload


def service_notes(request: Request, pools: Sequence[Pool]) -> tuple[Assumption, ...]:
    """Sentences for every service of a language model, in the order of the request."""
    found: list[Assumption] = []
    for work in request.workloads:
        if work.kind != "inference" or work.model is None:
            continue
        if work.concurrent_users is not None:
            found.append(Assumption(kind="sizing", name=work.name, text=_users(work)))
        parts = list(_parts(work.name, pools))
        if parts and work.asked_requests_per_s is not None and len(parts[0][0].workloads) == 1:
            low = request.preferences.sizing == "low"
            found.append(Assumption(kind="sizing", name=work.name, text=_one_out(work, parts, low)))
    return tuple(found)


def _parts(name: str, pools: Sequence[Pool]) -> Iterator[tuple[Pool, Predicted]]:
    for pool in pools:
        for work, predicted in zip(pool.workloads, pool.predicted, strict=False):
            if work == name:
                yield pool, predicted


def _users(work: Workload) -> str:
    """Little's law with its figures."""
    tokens = f"{work.output_tokens or 1:,} × {work.per_token_ms or 0:g} ms"
    return (
        f"{work.name}: {work.concurrent_users:,g} users who think for {work.think_time_s or 0:g} s and wait "
        f"{work.first_token_ms or 0:g} ms and {tokens} for an answer "
        f"send {work.asked_requests_per_s or 0:,.4g} requests/s."
    )


def _one_out(work: Workload, parts: Sequence[tuple[Pool, Predicted]], low: bool) -> str:
    """How much of what is asked is left at full load when the node (or group of nodes) that does most fails.

    Planned rates are a share of the rate at full load; a pool with spare nodes loses nothing.
    """
    utilisation = float(parts[0][1].details.get("utilisation") or 1.0)
    whole = lost = 0.0
    for pool, predicted in parts:
        full = (predicted.low if low else predicted.value) / utilisation
        whole += full
        units = max(1, (pool.nodes - pool.spare_nodes) // int(predicted.layout.get("nodes", 1)))
        lost = max(lost, 0.0 if pool.spare_nodes else full / units)
    left = int(100 * (whole - lost) / (work.asked_requests_per_s or 1.0) + 1e-9)
    rest = "all that is asked is" if left >= 100 else f"{left} % of what is asked is"
    return (
        f"{work.name}: counted at {utilisation:g} of the rate at full load, which leaves room for peaks; "
        f"with one node out of service {rest} still answered at full load."
    )
