"""Checks 1 to 5: ports, cables, reach, single points."""

from __future__ import annotations

from collections import Counter

from planner import wiring
from planner.catalog import Catalog
from planner.facility.results import Result, named
from planner.parts import Cable
from planner.plan import Plan


def ports(plan: Plan, catalog: Catalog) -> Result:
    """Ports used ≤ ports present: by the counts of every network, and switch by switch while cables are laid."""
    for _ in wiring.runs(plan, catalog):  # a switch without a free port stops here with its name
        pass
    total = sum(net.ports_present for net in plan.fabrics)
    taken = sum(net.ports_used for net in plan.fabrics)
    beyond = [
        f"{n.name} {n.ports_used:,} of {n.ports_present:,}" for n in plan.fabrics if n.ports_used > n.ports_present
    ]
    if beyond:
        return Result(
            "FAIL",
            named(beyond),
            f"{total:,} ports",
            "More cables than ports.",
            "Plan again: counts were changed by hand.",
        )
    return Result("PASS", f"{taken:,} ports", f"{total:,} ports", "Every switch has the ports that are used.")


def cabled_once(plan: Plan, catalog: Catalog) -> Result:
    """Every port of every node and every uplink is cabled exactly once."""
    seen: Counter[tuple[str, str]] = Counter()
    for run in wiring.runs(plan, catalog):
        seen.update((run.near, port) for port in run.ports)
        seen.update(run.far)
    twice = [f"{device} {port}" for (device, port), count in seen.items() if count > 1]
    count: Counter[str] = Counter(device for device, _ in seen)
    bare = []
    for name, pool in zip(wiring.pool_names(plan.pools), plan.pools, strict=True):
        own = pool.ports
        want = (own.compute if pool.fabric else 0) + (own.storage if plan.storage else 0) + own.in_band + own.oob
        bare += [f"{name} node {k + 1}" for k in range(pool.nodes) if count[f"{name} node {k + 1}"] != want]
    if twice or bare:
        return Result(
            "FAIL",
            named(twice or bare),
            "once each",
            "Ports cabled twice or not at all.",
            "Plan again: counts were changed by hand.",
        )
    return Result("PASS", f"{len(seen):,} ports", "once each", "Every NIC port and uplink has exactly one cable.")


def cables_bought(plan: Plan, catalog: Catalog) -> Result:
    """Cables in the schedule = cables that the lines buy, part by part."""
    bought: Counter[str] = Counter()
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), Cable):
            bought[line.part] += line.quantity
    run: Counter[str] = Counter()
    for entry in plan.cabling:
        run[entry.part] += entry.quantity
    missing = [f"{p}: {run[p] - bought[p]} short" for p in sorted(run) if run[p] > bought[p]]
    spare = {p: bought[p] - run[p] for p in sorted(bought) if bought[p] > run[p]}
    have, need = f"{bought.total():,} bought", f"{run.total():,} run"
    if missing:
        return Result("FAIL", have, need, named(missing), "Buy what is short.")
    if spare:
        text = named([f"{n} × {p}" for p, n in spare.items()]) + " more than run"
        return Result(
            "WARN", have, need, text, "Slower uplinks need an adapter in the faster cage: order that instead."
        )
    return Result("PASS", have, need, "Schedule and bill of materials agree.")


def reach(plan: Plan, catalog: Catalog) -> Result:
    """Every run fits its cable, and every fibre is within the reach of its modules."""
    short = [
        f"{e.network} {e.kind}: {e.longest_m:g} m on {e.part} of {e.length_m:g} m"
        for e in plan.cabling
        if e.longest_m > e.length_m + 1e-9
    ]
    far = []
    for e in plan.cabling:
        optics = [catalog.optics[ln.part] for ln in plan.lines if ln.group == e.network and ln.part in catalog.optics]
        least = min((o.reach_m for o in optics), default=None)
        if catalog.cables[e.part].kind == "fibre" and least is not None and e.length_m > least:
            far.append(f"{e.network} {e.kind}: {e.length_m:g} m of fibre, modules reach {least:g} m")
    longest = max((e.longest_m for e in plan.cabling), default=0.0)
    if short or far:
        return Result(
            "FAIL", named(short or far), f"{longest:g} m", "A cable is too short or a module does not reach.",
            "Shorten the way (site.layout: cross_trays, racks_per_row) or order a longer cable of that kind.",
        )  # fmt: skip
    return Result(
        "PASS", f"longest run {longest:g} m", "cables as long or longer", "Every run fits its cable and its modules."
    )


def single_points(plan: Plan, catalog: Catalog) -> Result:
    """In-band and storage networks stand on pairs."""
    del catalog
    alone = [n.name for n in plan.fabrics if n.role in ("in-band", "storage") and n.redundancy == "none"]
    if alone:
        return Result(
            "WARN",
            named(alone),
            "a pair of switches",
            "One switch less and nodes are cut off.",
            "Set preferences.fabric.redundancy: pair.",
        )
    return Result("PASS", "pairs", "pairs", "In-band and storage networks survive one switch.")
