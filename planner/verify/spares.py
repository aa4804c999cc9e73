"""Spares counted a second time: percent of what works, at least one, from 17 nodes of a pool on (docs/fabric.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from fractions import Fraction

from planner.catalog import Catalog
from planner.parts import Drive, Nic, Optic
from planner.plan import Plan, PlannedFabric, Pool
from planner.verify.ports import OOB_UPLINKS, node_lines

GROUP = "spares"
Priced = tuple[tuple[object, ...], float]  # a family of cables and the metres of the piece that is priced


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
    for net in plan.fabrics:
        pools = [p for p in plan.pools if p.fabric == net.name]
        units = sum(p.nodes * catalog.chassis[p.chassis].fabric_units for p in pools)
        if len(pools) > 1 and units > 16:  # modules in switches that several pools have together
            own = Counter[str]()
            for line in plan.lines:
                if line.group == net.name and line.pool is None and isinstance(catalog.parts[line.part], Optic):
                    own[line.part] += line.quantity
            percent = float((plan.request.get("spares") or {}).get("optics") or 0)
            joint = Counter({part: _up(percent, number) for part, number in own.items() if percent})
            least += joint
            most += joint
    low, high = _kept(plan, catalog)
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
    if percent and pool.fabric not in _joint(plan):
        # Pools of one workload keep their spares together, as long as the longest that any of them has.
        kin = {p.fabric for p in plan.pools if set(p.workloads) & set(pool.workloads)} - set(_joint(plan))
        used += [(part, n, percent) for part, n in _cables(plan, catalog, pool.fabric, kin)]
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


def _joint(plan: Plan) -> dict[str, int]:
    """Compute fabrics that no pool owns, with the nodes on them."""
    return {
        net.name: sum(p.nodes for p in plan.pools if p.fabric == net.name)
        for net in plan.fabrics
        if net.role == "compute" and any(ln.group == net.name and ln.pool is None for ln in plan.lines)
    }


def _kept(plan: Plan, catalog: Catalog) -> tuple[Counter[str], Counter[str]]:
    """Spares that no pool owns, at least and at most: of joint fabrics, and of the networks that the site shares."""
    rule = plan.request.get("spares") or {}
    cables, optics = float(rule.get("cables") or 0), float(rule.get("optics") or 0)
    low, high = Counter[str](), Counter[str]()
    units = {p.fabric: 0 for p in plan.pools}
    for pool in plan.pools:
        units[pool.fabric] += pool.nodes * catalog.chassis[pool.chassis].fabric_units
    shared = {net.name: net for net in plan.fabrics if net.role != "compute"}
    kin = {*_joint(plan), *shared}
    for name in sorted(kin):
        wide = name in shared
        if (sum(units.values()) if wide else units[name]) <= 16:
            continue
        own = Counter[str]()
        for line in plan.lines if wide else ():
            if line.group == name and isinstance(catalog.parts.get(line.part), Optic):
                own[line.part] += line.quantity
        found = [(part, n, optics) for part, n in own.items()]
        found += [(part, n, cables) for part, n in _cables(plan, catalog, name, kin)]
        for part, number, percent in found:
            if percent:
                # Networks are counted in ranges, at most 6 % wide where that holds more than one count of spares.
                low[part] += _up(percent, number)
                high[part] += _up(percent, -(-number * 106 // 100) + 2 if wide else number)
    return low, high


def _cables(
    plan: Plan, catalog: Catalog, network: str | None, kin: Collection[str | None]
) -> Iterator[tuple[str, int]]:
    """Cables of a fabric by the piece they are priced with: how many, and the longest of them among `kin`."""
    nets = {net.name: net for net in plan.fabrics}
    own, longest = Counter[Priced](), dict[Priced, tuple[float, str]]()
    for entry in plan.cabling:
        if entry.network in kin and entry.part in catalog.cables:
            key = (_family(catalog, entry.part), _priced_m(nets[entry.network], entry.kind, catalog))
            longest[key] = max(longest.get(key, (0.0, "")), (entry.length_m, entry.part))
            own[key] += entry.quantity if entry.network == network else 0
    # Slow uplinks of out-of-band switches take the place of in-band cables, which are counted as well.
    slow = [n for n in plan.fabrics if n.role == "oob" and (catalog.switches[n.switch].uplink_gbps or 0) < 100]
    for key, number in own.items():
        net = nets.get(network or "")
        node = net is not None and net.role == "in-band" and key[1] == _priced_m(net, "node", catalog)
        extra = OOB_UPLINKS * sum(n.leaf for n in slow) if node else 0
        if number:
            yield longest[key][1], number + extra


def _priced_m(net: PlannedFabric, kind: str, catalog: Catalog) -> float:
    """Metres of the piece that a kind of link is priced with."""
    node = kind in ("node", "uplink")
    named = net.node_cable if node else net.trunk_cable
    if named is not None and named in catalog.cables and not (kind == "uplink" and net.role == "oob"):
        return float(catalog.cables[named].length_m)
    return (5.0 if kind == "node" and net.role == "oob" else 10.0) if node else 30.0


def _family(catalog: Catalog, part: str) -> tuple[object, ...]:
    cable = catalog.cables[part]
    return (cable.vendor, cable.kind, cable.gbps, cable.links, cable.ends, cable.side, cable.media)


def _percent(part: object, rule: dict[str, float]) -> float:
    if isinstance(part, Nic):
        return float(rule.get("nics") or 0)
    if isinstance(part, Drive):
        return float(rule.get("drives") or 0)
    return float(rule.get("optics") or 0) if isinstance(part, Optic) else 0.0


def _up(percent: float, pieces: int) -> int:
    exact = Fraction(str(percent)) * pieces / 100
    return max(1, -(-exact.numerator // exact.denominator))
