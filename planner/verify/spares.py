"""Spares counted a second time: percent of what works, at least one, from 17 nodes of a pool on (docs/fabric.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from planner.catalog import Catalog
from planner.parts import Drive, Nic, Optic
from planner.plan import Plan, Pool
from planner.verify.ports import node_lines

GROUP = "spares"


def check_spares(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Pieces of each part on the shelf: exact, or between the count and that of the next 16, 32, 64 ... nodes."""
    have = Counter[str]()
    for line in plan.lines:
        if line.group == GROUP:
            have[line.part] += line.quantity
    least, most = Counter[str](), Counter[str]()
    for pool in plan.pools:
        low, high = _expected(plan, pool, catalog)
        least += low
        most += high
    for part in sorted({*have, *least, *most}):
        if not least[part] <= have[part] <= most[part]:
            wanted = f"{least[part]}" if least[part] == most[part] else f"{least[part]} to {most[part]}"
            yield f"lines: {wanted} spare × {part} needed, the lines buy {have[part]}"


def _expected(plan: Plan, pool: Pool, catalog: Catalog) -> tuple[Counter[str], Counter[str]]:
    if pool.nodes <= 16:
        return Counter(), Counter()
    rule = plan.request.get("spares") or {}
    top = 16
    while top < pool.nodes:
        top *= 2
    kinds = {w["name"]: w["kind"] for w in plan.request["workloads"]}
    # Pools of inference may mix with others: their spares are those of the range their count falls in.
    ranged = any(kinds.get(w) == "inference" for w in pool.workloads)
    low, high = Counter[str](), Counter[str]()
    nodes = node_lines(plan, pool)
    owners = {*pool.workloads, "shared"}
    modules = [ln for ln in plan.lines if ln.group == pool.fabric and ln.pool in owners]
    used: list[tuple[str, int, float]] = []
    for line in (*nodes, *modules):
        part = catalog.parts[line.part]
        percent = _percent(part, rule)
        if percent:
            used.append((line.part, line.quantity, percent))
    percent = float(rule.get("cables") or 0)
    used += [(part, n, percent) for part, n in _cables(plan, pool) if percent]
    whole = float(rule.get("nodes") or 0)
    for part_id, quantity, percent in used:
        low[part_id] += _up(percent, quantity)
        # An island switch of the range's top may be begun: modules follow nodes, so they grow in proportion.
        high[part_id] += _up(percent, -(-quantity * top // pool.nodes) if ranged else quantity)
    for line in nodes:
        if whole and line.part in catalog.parts and line.part not in catalog.software:
            each = line.quantity // pool.nodes
            low[line.part] += each * _up(whole, pool.nodes)
            high[line.part] += each * _up(whole, top if ranged else pool.nodes)
    return low, high


def _cables(plan: Plan, pool: Pool) -> Iterator[tuple[str, int]]:
    """Cables of a pool's fabric, to devices and between switches, each kind by the longest that it has."""
    for kinds in (("node",), ("trunk", "core", "peer")):
        own = [e for e in plan.cabling if e.network == pool.fabric and e.kind in kinds]
        if own:
            yield max(own, key=lambda e: (e.length_m, e.part)).part, sum(e.quantity for e in own)


def _percent(part: object, rule: dict[str, float]) -> float:
    if isinstance(part, Nic):
        return float(rule.get("nics") or 0)
    if isinstance(part, Drive):
        return float(rule.get("drives") or 0)
    return float(rule.get("optics") or 0) if isinstance(part, Optic) else 0.0


def _up(percent: float, pieces: int) -> int:
    exact = Fraction(str(percent)) * pieces / 100
    return max(1, -(-exact.numerator // exact.denominator))
