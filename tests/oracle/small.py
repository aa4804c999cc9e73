"""Small random programs: a few builds, brackets of shared equipment, racks, limits; one seed, one program."""

from __future__ import annotations

import random
from dataclasses import replace

from planner.model import Bundle, Load, Option, Problem, RoomLimits, Shape, SharedOption, Tenant, Work
from planner.parts import NodeBuild

KINDS = ("mix", "sharing", "maximise", "supply", "tie", "tight")
OBJECTIVES = ("lowest_capex", "lowest_power", "lowest_tco")
MOST = 5  # units of one option


def node(name: str) -> NodeBuild:
    """A build with nothing but a name: the program looks at loads only."""
    return NodeBuild(
        id=name,
        chassis=name,
        accelerator="a",
        accelerators=8,
        lines=(),
        cpu=None,
        cpus=2,
        cpu_cores=64,
        memory_gb=1,
        nvme_tb=1,
        nic=None,
        compute_ports=0,
        compute_gbps=0,
        compute_technologies=(),
        storage_ports=0,
        storage_gbps=0,
        inband_ports=1,
        inband_gbps=1,
        oob_ports=1,
        max_power_kw=1,
        typical_power_kw=1,
        rack_units=4,
        weight_kg=10,
        cooling="air",
    )


def small_problem(seed: int) -> Problem:
    """A program whose flavour follows the seed; amounts are in cents, as in real ones."""
    dice = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    shapes = [Shape(f"n{k}", dice.randint(2, 10), 500 * dice.randint(2, 16), 20_000 + 1000 * k) for k in range(3)]
    works, options = [], []
    target = 12.0 + dice.choice((0, 10)) if kind == "mix" else float(dice.randint(8, 40))
    works.append(Work("service", "shared" if kind == "sharing" else "mix", target))
    for k, shape in enumerate(shapes):
        options.append(_service(dice, kind, k, shape))
    if kind == "sharing":
        works.append(Work("second", "shared", float(dice.randint(4, 20))))
    works.append(Work("job", "one", None if kind == "maximise" else 1.0, maximise=kind == "maximise"))
    for k, shape in enumerate(shapes):
        for count in range(1, (5 if kind == "maximise" else 2)):
            options.append(_job(dice, k, shape, count))
    if kind == "tie":
        twin = options[0]
        options.append(_renamed(twin, "service|twin", node("twin")))
    return Problem(
        works=tuple(works),
        options=tuple(options),
        shared=_networks(dice),
        constant=Load(),
        constant_bundle=Bundle(),
        rack=Load(capital=dice.randint(100_00, 9_000_00), watts=0),
        rack_bundle=Bundle(),
        room=RoomLimits(20, 10_000, None),
        limits=_limits(dice, kind),
        objective="lowest_capex" if kind in ("mix", "supply") else dice.choice(OBJECTIVES),
        energy_cents_per_watt_year=float(dice.randint(1, 40)),
        tco_years=4,
    )


def _service(dice: random.Random, kind: str, k: int, shape: Shape) -> Option:
    """A service build. In `mix` the rates make a second, smaller pool pay; in `supply` and `tie` the first wins."""
    tenants: tuple[Tenant, ...] = ()
    if kind == "sharing":
        one, two = float(dice.randint(2, 6)), float(dice.randint(2, 9))
        tenants = (Tenant("service", 1, one, "x"), Tenant("second", 2, two, "x"))
    price, rate = dice.randint(10_000_00, 400_000_00), float(dice.randint(3, 16))
    if kind == "mix":
        price, rate = dice.randint(95, 105) * (100, 45, 41)[k] * 1_000, (10.0, 3.0, 2.0)[k]
    if kind in ("supply", "tie") and k == 0:
        price //= 20
    start = 0 if kind in ("mix", "tie") else dice.choice((0, dice.randint(100_00, 20_000_00)))
    return Option(
        id=f"service|{k}",
        work="shared" if kind == "sharing" else "service",
        design_key=f"s{k}",
        node=node(shape.item),
        low=1,
        high=MOST,
        rate=0.0 if tenants else rate,
        fixed=Load(capital=start),
        unit=Load(
            capital=price,
            yearly=price // 20,
            watts=shape.watts,
            typical_watts=shape.watts * 4 // 5,
            nodes=1,
            accelerators=4,
            endpoints={"net": 2},
            supply={"card": 4} if k == 0 else {},
            shapes={shape: 1},
        ),
        cards=4 if tenants else 0,
        tenants=tenants,
    )


def _job(dice: random.Random, k: int, shape: Shape, count: int) -> Option:
    price = dice.randint(10_000_00, 400_000_00) * count + (500_00 if count > 2 else 0)
    return Option(
        id=f"job|{k}|{count}",
        work="job",
        design_key=f"j{k}{count}",
        node=node(shape.item),
        low=1,
        high=1,
        rate=count**0.9 * (k + 1.5),
        fixed=Load(
            capital=price,
            yearly=price // 25,
            watts=shape.watts * count,
            typical_watts=shape.watts * count * 4 // 5,
            nodes=count,
            endpoints={"net": 2 * count},
            supply={"card": 4 * count} if k == 0 else {},
            shapes={shape: count},
        ),
        unit=Load(),
        linear=False,
        nodes_per_unit=count,
    )


def _renamed(option: Option, name: str, build: NodeBuild) -> Option:
    return replace(option, id=name, design_key=name, node=build)


def _networks(dice: random.Random) -> tuple[SharedOption, ...]:
    switch = Shape("switch", 1, 600, 9_000)
    steps = ((0, 6, 1), (7, 12, 2), (13, 60, 3))
    return tuple(
        SharedOption(
            id=f"net|{low:02d}",
            network="net",
            low=low,
            high=high,
            fixed=Load(capital=dice.randint(500_00, 9_000_00) * count, watts=600 * count, shapes={switch: count}),
            unit=Load(capital=120_00),
            fixed_bundle=Bundle(),
            unit_bundle=Bundle(),
        )
        for low, high, count in steps
    )


def _limits(dice: random.Random, kind: str) -> dict[str, int]:
    limits = {"racks": dice.randint(2, 5), "site_power": dice.randint(20, 60) * 1000}
    if kind in ("mix", "supply", "tie"):
        limits = {"racks": 7, "site_power": 70_000}
    if kind == "supply":
        limits["supply:card"] = dice.choice((0, 4, 4, 8))
    if kind == "maximise":
        limits |= {"capital_budget": dice.randint(600_000_00, 2_500_000_00), "racks": 6}
    if kind == "tight":
        limits |= {"racks": 1, "site_power": dice.randint(3, 12) * 1000}
    return limits
