"""Checks 1 to 5: ports, cables, reach, single points."""

from __future__ import annotations

from collections import Counter

from planner import wiring
from planner.catalog import Catalog
from planner.facility.results import Result, called, offending
from planner.parts import Cable
from planner.plan import Figures, Plan


def ports(plan: Plan, catalog: Catalog) -> Result:
    """Ports used ≤ ports present by the counts of every network, and storage ports as fast as their network.

    Switch by switch they are held in check 2.
    """
    figures: Figures = {
        "used": sum(net.ports_used for net in plan.fabrics),
        "present": sum(net.ports_present for net in plan.fabrics),
    }
    beyond: list[Figures] = [
        {"name": n.name, "used": n.ports_used, "present": n.ports_present}
        for n in plan.fabrics
        if n.ports_used > n.ports_present
    ]
    if beyond:
        return offending("FAIL", "beyond", figures, beyond)
    system = None if plan.storage is None else catalog.storage.get(plan.storage.system)  # an overlay may be missing
    own = None if system is None else system.port_gbps
    slow: list[Figures] = [
        {"name": n.name, "gbps": n.gbps, "have_gbps": own}
        for n in plan.fabrics
        if n.role == "storage" and own is not None and own < n.gbps
    ]
    return offending("FAIL", "slow", figures, slow) if slow else Result("PASS", "fit", figures)


def cabled_once(plan: Plan, catalog: Catalog) -> Result:
    """Every port of every node and every uplink is cabled exactly once, and a cage holds one plug.

    A switch without a free port is named.
    """
    seen: dict[str, set[str]] = {}
    twice: list[str] = []
    total, cages = 0, _Cages(plan, catalog)
    for run in wiring.runs(plan, catalog):
        cages.add(run)
        for device, port in (*((run.near, port) for port in run.ports), *run.far):
            known = seen.setdefault(device, set())
            total += 1
            if run.strand > 1:
                continue  # the same port: the second fibre of its link, on a connector of its own
            if port in known:
                twice.append(f"{device} {port}")
            known.add(port)
    bare = []
    for name, pool in zip(wiring.pool_names(plan.pools), plan.pools, strict=True):
        own = pool.ports
        want = (own.compute if pool.fabric else 0) + (own.storage if plan.storage else 0) + own.in_band + own.oob
        labels = (f"{name} node {k + 1}" for k in range(pool.nodes))
        bare += [label for label in labels if len(seen.get(label, ())) != want]
    figures: Figures = {"ports": total, "cables": cages.number}
    if twice or bare:
        return offending("FAIL", "wrong", figures, called(twice or bare))
    if cages.crowded:
        return offending("FAIL", "cages", figures, called(cages.crowded))
    return Result("PASS", "once", figures)


class _Cages:
    """What stands in the cages of switches: a module, which links share, or the end of one cable."""

    def __init__(self, plan: Plan, catalog: Catalog) -> None:
        self.modules = {net.name: wiring.modules_of(plan, catalog, net) for net in plan.fabrics}
        self.plugs: dict[tuple[str, str], str] = {}
        self.crowded: list[str] = []
        self.number = 0

    def add(self, run: wiring.Run) -> None:
        """Plug a cable into its cages; `crowded` names those that hold something else already."""
        self.number += 1
        between = run.kind in ("trunk", "core", "peer")
        ends = [(run.near, port) for port in run.ports] + (list(run.far) if between else [])
        module = self.modules[run.network]["trunk" if between else "node"][0]
        for device, port in ends:
            if not port[0].isdigit():
                continue  # out-of-band uplinks and management ports are no cages with several ports
            cage, plug = (device, port.split("/")[0]), module or f"cable {self.number}"
            if self.plugs.setdefault(cage, plug) != plug:
                self.crowded.append(" ".join(cage))


def cables_bought(plan: Plan, catalog: Catalog) -> Result:
    """Cables in the schedule = cables that the lines buy, part by part; those on the shelf are no part of it."""
    bought: Counter[str] = Counter()
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), Cable) and line.group != "spares":
            bought[line.part] += line.quantity
    run: Counter[str] = Counter()
    for entry in plan.cabling:
        run[entry.part] += entry.quantity
    missing: list[Figures] = [{"part": p, "number": run[p] - bought[p]} for p in sorted(run) if run[p] > bought[p]]
    spare: list[Figures] = [{"part": p, "number": bought[p] - run[p]} for p in sorted(bought) if bought[p] > run[p]]
    figures: Figures = {"bought": bought.total(), "run": run.total()}
    if missing:
        return offending("FAIL", "short", figures, missing)
    return offending("WARN", "more", figures, spare) if spare else Result("PASS", "agree", figures)


def reach(plan: Plan, catalog: Catalog) -> Result:
    """Every run fits its cable, and every fibre is within the reach of its modules."""
    figures: Figures = {"longest_m": max((e.longest_m for e in plan.cabling), default=0.0)}
    short: list[Figures] = [
        {"network": e.network, "kind": e.kind, "metres": e.longest_m, "part": e.part, "have_m": e.length_m}
        for e in plan.cabling
        if e.longest_m > e.length_m + 1e-9
    ]
    if short:
        return offending("FAIL", "short", figures, short)
    far: list[Figures] = []
    for e in plan.cabling:
        fibre = catalog.cables[e.part].media
        optics = [catalog.optics[ln.part] for ln in plan.lines if ln.group == e.network and ln.part in catalog.optics]
        least = min((o.reach_m for o in optics if o.media == fibre), default=None)
        if least is not None and e.length_m > least:
            far.append({"network": e.network, "kind": e.kind, "metres": e.length_m, "have_m": least})
    return offending("FAIL", "far", figures, far) if far else Result("PASS", "reaches", figures)


def single_points(plan: Plan, catalog: Catalog) -> Result:
    """In-band and storage networks stand on pairs; which of them have both switches of a pair in one rack is told."""
    del catalog
    nets = [n for n in plan.fabrics if n.role in ("in-band", "storage")]
    alone = [n.name for n in nets if n.redundancy == "none"]
    if alone:
        return offending("WARN", "alone", {}, called(alone))
    rack_of = {item.label: rack.name for rack in plan.racks for item in rack.items}
    close = []
    for net in nets:
        seats = [rack_of.get(f"{net.name} leaf {k + 1}") for k in range(net.leaf)]
        if any(one == other for one, other in zip(seats[::2], seats[1::2], strict=False)):
            close.append(net.name)
    return offending("PASS", "one-rack", {}, called(close)) if close else Result("PASS", "pairs")
