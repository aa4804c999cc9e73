"""Which port of a node a network plugs into: the speed and the cage that the adapter was made with."""

from __future__ import annotations

from collections.abc import Sequence

from planner.catalog import Catalog
from planner.parts import Nic
from planner.plan import Plan, PlanLine, Pool


def port_of(plan: Plan, catalog: Catalog, pool: Pool, role: str) -> tuple[float, str | None] | None:
    """Gbit/s and cage of the ports that a pool's nodes have for a network; None where neither is on file.

    Ports of the chassis itself, else those of the adapter that is bought: the pool's for compute, and of the others
    the slowest for in-band and the fastest for storage.
    """
    chassis = catalog.chassis[pool.chassis]
    fixed = next((n for n in chassis.fixed_nics if n.role == role), None)
    if fixed is not None:
        known = catalog.nics.get(fixed.nic or "")
        return fixed.gbps, fixed.cage or (known.cage if known is not None else None)
    if role == "compute":
        nic = catalog.nics.get(pool.nic or "")
        return None if nic is None else (nic.gbps, nic.cage)
    bought = [part for line in _lines(plan, pool) if isinstance(part := catalog.parts.get(line.part), Nic)]
    others = [part for part in bought if part.id != pool.nic] or bought
    if not others:
        return None
    pick = max if role == "storage" else min
    found = pick(others, key=lambda n: n.gbps)
    return found.gbps, found.cage


def _lines(plan: Plan, pool: Pool) -> Sequence[PlanLine]:
    """The lines of one build of a pool: beside a chassis line of as many nodes, its adapter among them."""
    bought = {line.part for line in plan.lines}
    for box in plan.lines:
        if box.part == pool.chassis and box.nodes == pool.nodes and box.pool in (*pool.workloads, "shared"):
            own = [line for line in plan.lines if line.group == box.group and line.pool == box.pool]
            if pool.nic not in bought or any(line.part == pool.nic for line in own):
                return own
    return ()
