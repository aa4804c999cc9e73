"""Random sites, and a plan's schedule walked port by port: for tests and for benchmarks/cabling.py."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field

from planner import wiring
from planner.catalog import Catalog
from planner.exports import cables
from planner.facility.racks import rack_facts
from planner.parts import Cable, Switch
from planner.plan import Plan

ACCELERATORS = ("h100-sxm5", "h200-sxm5", "b200-sxm6", "mi300x", "l40s", "h200-nvl", "b300-sxm6")


def random_site(seed: int) -> str:
    """A site file drawn from a seed: one or two pools, storage or none, pairs or single switches."""
    draw = random.Random(seed)
    country = draw.choice(["US", "DE", "NO", "JP"])
    works = "".join(
        f"  - {{name: w{k}, kind: capacity, accelerator: {a}, count: {draw.choice([8, 40, 96, 256, 512, 1100])}}}\n"
        for k, a in enumerate(draw.sample(ACCELERATORS, draw.choice([1, 2])))
    )
    fabric = f"oversubscription: {draw.choice([1, 1, 2])}, redundancy: {draw.choice(['pair', 'pair', 'none'])}"
    topology = draw.choice(["", ", topology: plain", ", topology: rail"])
    storage = draw.choice(["", "storage: {usable_tb: 500, read_gb_per_s: 40}\n", "storage: {usable_tb: 3000}\n"])
    return (
        f"site: {{country: {country}, rack_power_kw: {draw.choice([40, 60, 80])}, "
        f"layout: {{racks_per_row: {draw.choice([8, 12, 16])}}}}}\n"
        f"budget: {{price_missing: estimate}}\nworkloads:\n{works}"
        f"preferences: {{fabric: {{{fabric}{topology}}}}}\n{storage}"
    )


# What each kind of site is there for; {n} is drawn from the numbers of accelerators.
KINDS: dict[str, tuple[tuple[int, ...], str]] = {
    "copper": (
        (24, 32, 200, 248),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, media: copper}}}}
""",
    ),
    "copper beside": (
        (40, 56, 64),
        """
site: {{country: US, rack_power_kw: 45, layout: {{side_passage: true}}}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, media: copper}}}}
""",
    ),
    "rails share leaves": (
        (136, 168, 256, 344, 568, 600),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: ethernet, switch: sn5610, topology: rail}}}}
""",
    ),
    "rails and managers": (
        (248, 264, 344, 520, 568),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, reserve_nodes: 5}}}}
""",
    ),
    "islands on copper": (
        (9, 30, 60),
        """
site: {{country: US, rack_power_kw: 45, layout: {{side_passage: true}}}}
workloads:
  - {{name: chat, kind: inference, model: deepseek-v3, accelerator: h100-sxm5, input_tokens: 2000, output_tokens: 600,
      requests_per_s: {n}}}
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, media: copper}}}}
""",
    ),
    "breakout HDR": (
        (48, 88, 320),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: a100-sxm4-80gb, count: {n}}}]
preferences: {{fabric: {{switch: qm9700}}}}
""",
    ),
    "HDR": (
        (160, 480, 1120),
        """
site: {{country: DE, rack_power_kw: 30}}
workloads: [{{name: pod, kind: capacity, accelerator: a100-sxm4-80gb, count: {n}}}]
preferences: {{fabric: {{switch: qm8700}}}}
storage: {{usable_tb: 500, technology: infiniband}}
""",
    ),
    "XDR": (
        (64, 256, 600),
        """
site: {{country: US, rack_power_kw: 80}}
workloads: [{{name: pod, kind: capacity, accelerator: b300-sxm6, count: {n}}}]
preferences: {{chassis: {{only: [dgx-b300]}}, fabric: {{technology: infiniband}}}}
storage: {{usable_tb: 1000, profile: better}}
""",
    ),
    "split ports 400G": (
        (256, 512, 1024),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: h200-sxm5, count: {n}}}]
preferences: {{fabric: {{technology: ethernet, switch: sn5610}}}}
storage: {{usable_tb: 500, profile: good}}
""",
    ),
    "Ethernet 2×400G": (
        (128, 512),
        """
site: {{country: US, rack_power_kw: 80}}
workloads: [{{name: pod, kind: capacity, accelerator: b300-sxm6, count: {n}}}]
preferences: {{chassis: {{only: [dgx-b300]}}, fabric: {{technology: ethernet}}}}
""",
    ),
    "two planes": (
        (96, 512, 1200),
        """
site: {{country: US, rack_power_kw: 80}}
workloads: [{{name: pod, kind: capacity, accelerator: b300-sxm6, count: {n}}}]
preferences: {{chassis: {{only: [dgx-b300]}}, fabric: {{technology: ethernet, planes: 2}}}}
""",
    ),
    "islands": (
        (4, 9, 15),
        """
site: {{country: US, rack_power_kw: 45}}
workloads:
  - {{name: chat, kind: inference, model: deepseek-v3, accelerator: h100-sxm5, input_tokens: 2000, output_tokens: 600,
      requests_per_s: {n}}}
""",
    ),
    "three tiers": (
        (2304, 2560, 3200),
        """
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband}}}}
""",
    ),
    "slow uplinks": (
        (64, 256, 512),
        """
site: {{country: CN, rack_power_kw: 40}}
workloads: [{{name: pod, kind: capacity, accelerator: ascend-910b, count: {n}}}]
storage: {{usable_tb: 300}}
""",
    ),
    "storage by cages": (
        (136, 520, 1000),
        """
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, redundancy: none}}}}
storage: {{usable_tb: 2000, technology: infiniband}}
""",
    ),
    "breakouts to storage": (
        (88, 344, 904),
        """
site: {{country: US, rack_power_kw: 45}}
workloads: [{{name: pod, kind: capacity, accelerator: h200-sxm5, count: {n}}}]
preferences: {{fabric: {{technology: ethernet}}}}
storage: {{usable_tb: 1500, technology: ethernet, read_gb_per_s: 80}}
""",
    ),
    "800G Ethernet": (
        (16, 256, 1024),
        """
site: {{country: US, rack_power_kw: 60}}
workloads: [{{name: pod, kind: capacity, accelerator: gaudi3-oam, count: {n}}}]
preferences: {{fabric: {{technology: ethernet}}}}
""",
    ),
    "single-mode": (
        (480, 512),
        """
site:
  country: US
  rack_power_kw: 45
  layout: {{racks_per_row: 4, hot_aisle_m: 10, cold_aisle_m: 10, slack_m: 5, tray_m: 5}}
workloads: [{{name: pod, kind: capacity, accelerator: h100-sxm5, count: {n}}}]
preferences: {{chassis: {{only: [dgx-h100]}}, fabric: {{technology: infiniband, reserve_nodes: 32}}}}
storage: {{usable_tb: 2000, technology: infiniband}}
""",
    ),
}


def special_site(kind: str, seed: int) -> str:
    """A site file of one kind of `KINDS` in a size drawn from a seed."""
    sizes, text = KINDS[kind]
    return "budget: {price_missing: estimate}" + text.format(n=random.Random(seed).choice(sizes))


@dataclass
class Count:
    """What one plan's schedule says, and what is wrong with it."""

    used: int = 0
    present: int = 0
    schedule: int = 0
    bought: int = 0
    formula: int = 0
    spares: int = 0
    media: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def examine(plan: Plan, catalog: Catalog) -> Count:
    """Walk the whole schedule of a plan."""
    found = Count()
    ports: dict[str, Counter[str]] = {}
    labels: set[tuple[str, str]] = set()
    by_part: Counter[str] = Counter()
    plugs = Plugs(plan, catalog)
    for row in cables.schedule(plan, catalog):
        ports.setdefault(row.a_device, Counter())[row.a_port] += 1
        ports.setdefault(row.b_device, Counter())[row.b_port] += 1
        plugs.add(row)
        if row.leg == 1:
            labels.add((row.network, row.label))
            by_part[row.part] += 1
            found.media[row.type] += 1
        if row.needed_m > row.length_m + 0.005:
            found.wrong.append(f"{row.label}: {row.needed_m:g} m needed, {row.part} is {row.length_m:g} m")
    found.schedule = len(labels)
    for device, used in ports.items():
        found.wrong += [f"{device}: port {p} is used {n} times" for p, n in used.items() if n > 1]
    _devices(plan, catalog, ports, found)
    found.wrong += plugs.wrong()
    lines: Counter[str] = Counter()
    for line in plan.lines:
        if isinstance(catalog.parts.get(line.part), Cable) and line.group != "spares":
            lines[line.part] += line.quantity
    found.spares = sum(n.quantity for n in plan.lines if n.group == "spares" and n.part in catalog.cables)
    found.bought = lines.total()
    found.formula = sum(by_formula(plan, catalog, net.name) for net in plan.fabrics)
    found.wrong += [
        f"{p}: {by_part[p]} in the schedule, {lines[p]} bought" for p in lines | by_part if lines[p] != by_part[p]
    ]
    if not found.schedule == found.bought == found.formula:
        found.wrong.append(
            f"cables: {found.schedule} in the schedule, {found.bought} bought, {found.formula} by formula"
        )
    for rack, fact in zip(plan.racks, rack_facts(plan, catalog), strict=True):
        over = fact.limit_kw is not None and rack.power_kw > fact.limit_kw + 1e-6
        heavy = fact.carries_kg is not None and rack.weight_kg > fact.carries_kg
        if over or heavy or fact.units_used > rack.units:
            found.wrong.append(f"{rack.name}: beyond its limits")
    return found


class Plugs:
    """What stands in the cages of switches, and the modules that a schedule takes."""

    def __init__(self, plan: Plan, catalog: Catalog) -> None:
        self.plan, self.catalog = plan, catalog
        self.switches = {label for net in plan.fabrics for _, label in wiring.switches(net)}
        self.cages: dict[tuple[str, str, str], set[str]] = {}  # network, switch, cage: modules, or labels of cables
        self.ends: Counter[tuple[str, str, str]] = Counter()  # network, device, module: fibres

    def add(self, row: cables.ScheduleRow) -> None:
        for device, port, module in (
            (row.a_device, row.a_port, row.a_module),
            (row.b_device, row.b_port, row.b_module),
        ):
            if device not in self.switches:
                self.ends[row.network, device, module or ""] += 1
            elif port[0].isdigit():
                self.cages.setdefault((row.network, device, port.split("/")[0]), set()).add(module or row.label)

    def wrong(self) -> list[str]:
        found = [
            f"{switch}: cage {cage} holds {', '.join(sorted(held))}"
            for (_, switch, cage), held in self.cages.items()
            if len(held) > 1
        ]
        need: Counter[tuple[str, str]] = Counter()
        for (network, _, _), held in self.cages.items():
            need.update((network, m) for m in held if m in self.catalog.optics)
        for (network, _, module), fibres in self.ends.items():
            if module:
                need[network, module] += math.ceil(fibres / self.catalog.optics[module].links)
        have: Counter[tuple[str, str]] = Counter()
        for line in self.plan.lines:
            if line.part in self.catalog.optics and line.group != "spares":
                have[line.group, line.part] += line.quantity
        found += [
            f"{key}: {need[key]} modules in the schedule, {have[key]} bought"
            for key in need | have
            if need[key] != have[key]
        ]
        return found


def _devices(plan: Plan, catalog: Catalog, ports: dict[str, Counter[str]], found: Count) -> None:
    """Ports used against ports present on every switch; every port of every node in use exactly once."""
    for net in plan.fabrics:
        switch = catalog.switches[net.switch]
        for _, label in wiring.switches(net):
            used = ports.get(label, Counter())
            whole = {p if p.startswith(("U", "mgmt")) else _native(p, switch) for p in used}
            present = switch.ports + switch.uplink_ports + 1
            found.used += len(whole)
            found.present += present
            if len(whole) > present:
                found.wrong.append(f"{label}: {len(whole)} ports used, {present} present")
    for name, pool in zip(wiring.pool_names(plan.pools), plan.pools, strict=True):
        own = next((n for n in plan.fabrics if n.name == pool.fabric), None)
        parts = None if own is None else wiring.kit(catalog, own)
        strands = fibres(catalog, parts.switch_module, own.gbps) if own is not None and parts is not None else 0
        compute = pool.ports.compute * strands
        storage = pool.ports.storage if plan.storage is not None else 0
        want = compute + storage + pool.ports.in_band + pool.ports.oob
        for k in range(pool.nodes):
            have = ports.get(f"{name} node {k + 1}", Counter())
            if len(have) != want:
                found.wrong.append(f"{name} node {k + 1}: {len(have)} ports cabled, {want} present")


def _native(port: str, switch: Switch) -> str:
    """The native port that a part of a split port belongs to."""
    per = 2 if switch.ports > switch.cages else 1
    return "/".join(port.split("/")[:per])


def fibres(catalog: Catalog, module: str | None, gbps: float) -> int:
    """Fibres of one link: as many connectors of its modules as its speed takes; cables with ends carry whole links."""
    return 1 if module is None else max(1, round(gbps / catalog.optics[module].gbps))


def by_formula(plan: Plan, catalog: Catalog, name: str) -> int:
    """Cables of a network from its counts: one per link, several links in breakout and twin-port copper cables.

    Breakout cables are counted by leaf (by node on unjoined switches, by pair in other networks); copper between
    switches fills whole cables.
    """
    net = next(n for n in plan.fabrics if n.name == name)
    kit, between = wiring.kit(catalog, net), wiring.trunk_kit(catalog, net)
    per = kit.links_per_cable if kit is not None else 1
    trunk = (net.links_leaf_spine + net.links_spine_core) // (between.links_per_cable if between is not None else 1)
    trunk *= fibres(catalog, between.switch_module, catalog.switches[net.switch].gbps) if between is not None else 1
    if per == 1:
        each = fibres(catalog, kit.switch_module, net.gbps) if kit is not None else 1
        return net.links_node * each + net.links_other + trunk
    if net.role != "compute":  # in pairs as many on either switch
        sides = 2 if net.redundancy == "pair" and net.endpoints > 1 else 1
        return sides * -(-net.endpoints // (sides * per)) + trunk
    units = sum(p.nodes * catalog.chassis[p.chassis].fabric_units for p in plan.pools if p.fabric == name)
    each = net.endpoints // units
    if net.topology == "islands":
        return units * -(-each // per) + trunk
    if not net.spine:
        return -(-(net.endpoints + net.links_other) // per) + trunk
    split = wiring.ports_at(catalog.switches[net.switch], net.gbps) // catalog.switches[net.switch].ports
    down = round(net.oversubscription * (net.links_leaf_spine // net.leaf) * split)
    up = net.links_leaf_spine // net.leaf
    if net.topology == "rail":
        leaves = [min(down, units - g * down) for g in range(-(-units // down)) for _ in range(each)]
    else:
        leaves = [min(down, max(0, net.endpoints - k * down)) for k in range(net.leaf)]
    left, room = net.links_other, (catalog.switches[net.switch].ports - up) * split
    while left:  # fabric managers take a free port each, from the last leaf on
        for k in reversed(range(len(leaves))):
            if left and leaves[k] < room:
                leaves[k], left = leaves[k] + 1, left - 1
    return sum(-(-n // per) for n in leaves) + trunk
