"""The smallest program that shows each constraint; each variant adds one feature to `bare`."""

from __future__ import annotations

from dataclasses import replace

from oracle.small import node

from planner.model import (
    Bundle,
    JointFabric,
    Load,
    Option,
    Problem,
    RoomLimits,
    Shape,
    SharedOption,
    Solution,
    Tenant,
    Work,
    node_ports,
)
from planner.rackcuts import RackCut, RackWorth

NODE = Shape("node", 8, 10_200, 130_000)
BOX = Shape("box", 4, 6_000, 60_000)
CABINET = Shape("cabinet", 48, 120_000, 1_300_000, own_rack=True)


def job(name: str, rate: float, load: Load, work: str = "job") -> Option:
    """An option of one count: the whole rate at once."""
    return Option(f"{work}|{name}", work, name, node(name), 1, 1, rate, load, Load(), linear=False)


def pool(name: str, low: int, high: int, rate: float, fixed: Load, unit: Load, design: str | None = None) -> Option:
    """An option with a count range."""
    return Option(f"service|{name}", "service", design or name, node(name), low, high, rate, fixed, unit)


def bracket(name: str, network: str, low: int, high: int, capital: int, together: str | None = None) -> SharedOption:
    """A bracket of shared equipment: a fixed price and one of 5 per endpoint."""
    return SharedOption(
        name, network, low, high, Load(capital=capital), Load(capital=5), Bundle(), Bundle(), together=together
    )


def stored() -> Problem:
    """A job on nodes with storage ports of 400 or 200 Gbit/s, and systems whose own ports have 400 and 200."""
    jobs = [job(name, 4.0, Load(capital=cents)) for name, cents in (("a", 30), ("b", 20))]
    speeds = (400.0, 200.0)
    options = [
        replace(o, node=o.node.model_copy(update={"storage_ports": 2, "storage_gbps": gbps}))
        for o, gbps in zip(jobs, speeds, strict=True)
    ]
    networks = [replace(bracket(f"storage at {g:g}", "storage", 0, 99, 7), gbps=g) for g in speeds]
    systems = [
        replace(bracket(f"system {name} at {at:g}", "storage-system", 0, 99, 9), gbps=at, port_gbps=own)
        for name, own, at in (("fast", 400.0, 400.0), ("fast", 400.0, 200.0), ("slow", 200.0, 200.0))
    ]
    return replace(bare(*options), shared=(*networks, *systems))


def bare(*options: Option, works: tuple[Work, ...] = (Work("job", "one", 4.0),)) -> Problem:
    """A room without limits."""
    return Problem(
        works=works,
        options=options,
        shared=(),
        constant=Load(),
        constant_bundle=Bundle(),
        rack=Load(capital=900),
        rack_bundle=Bundle(),
        room=RoomLimits(42, None, None),
        limits={},
        objective="lowest_capex",
    )


A = job("a", 4.0, Load(capital=700, yearly=30, watts=10_200, typical_watts=8_000, nodes=1, shapes={NODE: 1}))
B = job("b", 6.0, Load(capital=900, yearly=20, watts=6_000, typical_watts=4_000, nodes=1, shapes={BOX: 1}))
MANY = pool(
    "m",
    2,
    5,
    10.0,
    Load(capital=50),
    Load(capital=100, yearly=3, watts=6_000, typical_watts=5_000, supply={"card": 8}, shapes={BOX: 1}),
)
SERVICE = (Work("service", "mix", 30.0),)
SHARED = (Work("chat", "shared", 12.0), Work("video", "shared", 6.0))


def tenants() -> Problem:
    """Two works that stand card by card on nodes of eight cards."""
    both = (Tenant("chat", 2, 3.0, "fp8"), Tenant("video", 1, 2.0, "int8"))
    option = Option("shared|n", "shared", "n", node("n"), 1, 3, 0.0, Load(), Load(capital=100), cards=8, tenants=both)
    return bare(option, works=SHARED)


def networks(*shared: SharedOption) -> Problem:
    """A job whose two nodes plug into a shared network with four ports."""
    plugged = job("a", 4.0, Load(capital=700, endpoints={"in-band": 4}))
    return replace(bare(plugged), shared=shared)


def racked(weight: int | None = None) -> Problem:
    """Two kinds of things that stand in racks of 15 kW, and a system that brings its own rack."""
    own = job("c", 9.0, Load(capital=9_000, shapes={CABINET: 1}))
    return replace(bare(A, B, own), room=RoomLimits(42, 15_000, weight))


def joint(one_fabric: bool = False) -> Problem:
    """Two jobs whose nodes plug eight ports each into a fabric that they have together, or have their own."""
    net = "compute ib"
    both = []
    for work, layout in (("job", "rail"), ("sim", "plain")):
        own = job("own", 4.0, Load(capital=900), work)
        plugged = Load(capital=700, endpoints={net: 8, node_ports(net): 2})
        both += [own, replace(job("joint", 4.0, plugged, work), network=net, topology=layout)]
    sizes = [
        replace(bracket(f"{net}|{n}", net, n, n, price), joint=JointFabric("infiniband", 400.0, 0, nodes, direct))
        for n, nodes, direct, price in ((0, 0, False, 0), (8, 2, True, 150), (16, 4, False, 300))
    ]
    works = (Work("job", "one", 4.0), Work("sim", "one", 4.0))
    return replace(bare(*both, works=works), shared=tuple(sizes), one_fabric=one_fabric)


STEP = bracket("in-band|1", "in-band", 0, 48, 300)
STEPS = (STEP, bracket("in-band|2", "in-band", 49, 96, 800))
TIED = (
    bracket("in-band|x", "in-band", 0, 4, 100, "small/x"),
    bracket("in-band|y", "in-band", 0, 4, 100, "small/y"),
    bracket("in-band|large", "in-band", 0, 48, 300),
    bracket("oob|x", "oob", 0, 0, 0, "small/x"),
    bracket("oob|y", "oob", 0, 0, 0, "small/y"),
    bracket("oob|large", "oob", 0, 48, 200),
    bracket("management|none", "management", 0, 2, 0, "small"),
)

LEAVES = replace(
    bracket("oob|leaf", "oob", 0, 192, 0), per_step=48, step=Load(capital=70, shapes={Shape("leaf", 1, 150, 5_000): 1})
)

# Constraint -> (program, an assignment that meets it, one that breaks it). Variables not named are 0.
Case = tuple[Problem, dict[str, float], dict[str, float]]
CASES: dict[str, Case] = {
    "one_option": (bare(A, B), {"use_0_job_a": 1}, {"use_0_job_a": 1, "use_1_job_b": 1}),
    "demand": (
        bare(MANY, works=SERVICE),
        {"units_0_service_m": 3},
        {"units_0_service_m": 2},
    ),
    "served": (
        bare(MANY, works=(Work("service", "mix", None, maximise=True),)),
        {"use_0_service_m": 1},
        {"performance": 0},
    ),
    "tenant_cards": (
        tenants(),
        {"units_0_shared_n": 1, "tenant_0_0_chat": 3, "tenant_1_0_video": 2},
        {"units_0_shared_n": 1, "tenant_0_0_chat": 4, "tenant_1_0_video": 1},
    ),
    "count_bracket": (
        bare(MANY, works=SERVICE),
        {"use_0_service_m": 1, "units_0_service_m": 2},
        {"use_0_service_m": 1, "units_0_service_m": 1},
    ),
    "one_bracket": (
        bare(
            pool("m1", 1, 4, 10.0, Load(capital=50), Load(capital=100), "m"),
            pool("m2", 5, 9, 10.0, Load(capital=150), Load(capital=100), "m"),
            works=SERVICE,
        ),
        {"use_1_service_m2": 1},
        {"use_0_service_m1": 1, "use_1_service_m2": 1},
    ),
    "shared_bracket": (
        networks(*STEPS),
        {"pick_0_in_band_1": 1, "driver_0_in_band": 4},
        {"pick_0_in_band_1": 1, "driver_0_in_band": 60},
    ),
    "shared_step": (
        networks(LEAVES),
        {"driver_0_oob": 49, "steps_0_oob": 2},
        {"driver_0_oob": 49, "steps_0_oob": 1},
    ),
    "network_endpoints": (
        networks(*STEPS),
        {"use_0_job_a": 1, "driver_0_in_band": 4},
        {"use_0_job_a": 1, "driver_0_in_band": 3},
    ),
    "joint_nodes": (
        joint(),
        {"use_1_job_joint": 1, "use_3_sim_joint": 1, "pick_2_compute_ib_16": 1},
        {"use_1_job_joint": 1, "pick_2_compute_ib_16": 1},
    ),
    "joint_layout": (
        joint(),
        {"use_3_sim_joint": 1, "pick_2_compute_ib_16": 1},
        {"use_1_job_joint": 1, "pick_2_compute_ib_16": 1},
    ),
    "one_fabric": (
        joint(one_fabric=True),
        {"pick_0_compute_ib_0": 1, "pick_2_compute_ib_16": 1},
        {"pick_1_compute_ib_8": 1, "pick_2_compute_ib_16": 1},
    ),
    "together": (
        networks(*TIED),
        {"pick_0_in_band_x": 1, "pick_3_oob_x": 1, "pick_6_management_none": 1},
        {"pick_0_in_band_x": 1, "pick_4_oob_y": 1, "pick_6_management_none": 1},
    ),
    "storage_speed": (
        stored(),
        {"use_1_job_b": 1, "pick_1_storage_at_200": 1, "pick_3_system_fast_at_200": 1},
        {"use_1_job_b": 1, "pick_0_storage_at_400": 1, "pick_2_system_fast_at_400": 1},
    ),
    "limit_rows": (
        replace(
            bare(MANY, works=SERVICE),
            limits={"capital_budget": 1_400, "yearly_budget": 100, "site_power": 20_000, "supply:card": 24, "racks": 1},
            energy_cents_per_watt_year=0.004,
        ),
        {"use_0_service_m": 1, "units_0_service_m": 3, "racks": 1},
        {"use_0_service_m": 1, "units_0_service_m": 4, "racks": 1},
    ),
    "rack_totals": (
        racked(150_000),
        {"use_0_job_a": 1, "racks": 1},
        {"use_0_job_a": 1, "use_1_job_b": 1, "racks": 1},
    ),
    "rack_shapes": (
        replace(racked(), room=RoomLimits(14, 11_000, None)),
        {"use_0_job_a": 1, "use_1_job_b": 1, "racks": 2},
        {"use_0_job_a": 1, "use_1_job_b": 1, "racks": 1},
    ),
    "rack_limit": (
        replace(racked(), limits={"racks": 2}),
        {"use_2_job_c": 1, "racks": 1},
        {"use_2_job_c": 1, "racks": 2},
    ),
    "performance_share": (
        bare(A, B, works=(Work("job", "one", None, maximise=True),)),
        {"use_1_job_b": 1, "performance": 1},
        {"use_0_job_a": 1, "performance": 1},
    ),
    "differs": (
        bare(MANY, works=SERVICE),
        {"use_0_service_m": 1, "units_0_service_m": 4, "more_0": 1},
        {"use_0_service_m": 1, "units_0_service_m": 3},
    ),
    "rack_worth": (
        bare(A, MANY, works=(*SERVICE, Work("job", "one", 4.0))),
        {"racks": 2, "use_0_job_a": 1, "use_1_service_m": 1, "units_1_service_m": 3},
        {"racks": 2, "use_0_job_a": 1, "use_1_service_m": 1, "units_1_service_m": 4},
    ),
    "rack_packing": (
        networks(STEP, LEAVES),
        {"racks": 2, "use_0_job_a": 1, "pick_0_in_band_1": 1, "steps_1_oob": 2, "enough_0_0": 1},
        {"racks": 1, "use_0_job_a": 1, "pick_0_in_band_1": 1, "steps_1_oob": 2, "enough_0_0": 1},
    ),
}

# What the prices of a packing taught: a box is worth 2 of the 4 that a rack holds, and so is what is larger.
RULE = RackWorth(((BOX, 2),), 4)

# What exact packing taught: the job with the picked switch and two leaves needs two racks.
CUT = RackCut((("job|a", 1),), ("in-band|1",), (("oob|leaf", 2),), 2)

# The plan that another one must differ from: three units.
KNOWN = Solution({"service|m": 3}, {}, {}, 3, 0, Load(), 0.0, 0.0, True)
