"""The nouns of the mathematical model: what candidates hand to the formulation.

Everything is a whole number so that the solver's answer can be rechecked exactly: money in cents, power in watts,
weight in grams. `docs/model.md` lists which item is owned by a pool and which is shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from planner.fabric import USUAL, Media
from planner.parts import FabricLink, NodeBuild, Technology

if TYPE_CHECKING:
    from planner.rackcuts import RackWorth


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """A thing that stands in a rack. Things of equal shape are interchangeable when racks are filled.

    A block of devices directly above one another is one thing: `stack` says what it is made of, from the bottom up, as
    (item, pieces, units, watts, grams) of one piece; the other figures are those of the whole.
    """

    item: str
    units: int
    watts: int
    grams: int
    own_rack: bool = False
    liquid: bool = False
    plates: int = 0  # watts of its heat that cold plates take
    stack: tuple[tuple[str, int, int, int, int], ...] = ()


def block(*parts: tuple[Shape, int]) -> Shape:
    """Devices that stand as one block, from the bottom up: so many pieces of each shape."""
    return Shape(
        item=parts[0][0].item,
        units=sum(s.units * n for s, n in parts),
        watts=sum(s.watts * n for s, n in parts),
        grams=sum(s.grams * n for s, n in parts),
        liquid=any(s.liquid for s, _ in parts),
        plates=sum(s.plates * n for s, n in parts),
        stack=tuple((s.item, n, s.units, s.watts, s.grams) for s, n in parts),
    )


@dataclass(frozen=True, slots=True)
class Load:
    """What an option costs and uses, per piece: the coefficients of every row and objective.

    `capital` in cents without tax, or with it where several rates are counted (planner.taxes); `yearly` in cents;
    `watts` maximum draw, `typical_watts` for energy; `endpoints` by network; `supply` by limited part; `shapes` what
    must be racked.
    """

    capital: int = 0
    yearly: int = 0
    watts: int = 0
    typical_watts: int = 0
    nodes: int = 0
    accelerators: int = 0
    endpoints: Mapping[str, int] = field(default_factory=dict)
    supply: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[Shape, int] = field(default_factory=dict)

    def __add__(self, other: Load) -> Load:
        return Load(
            self.capital + other.capital,
            self.yearly + other.yearly,
            self.watts + other.watts,
            self.typical_watts + other.typical_watts,
            self.nodes + other.nodes,
            self.accelerators + other.accelerators,
            _sum(self.endpoints, other.endpoints),
            _sum(self.supply, other.supply),
            _sum(self.shapes, other.shapes),
        )

    def times(self, count: int) -> Load:
        return Load(
            self.capital * count,
            self.yearly * count,
            self.watts * count,
            self.typical_watts * count,
            self.nodes * count,
            self.accelerators * count,
            {k: v * count for k, v in self.endpoints.items()},
            {k: v * count for k, v in self.supply.items()},
            {k: v * count for k, v in self.shapes.items()},
        )


def _sum[K](one: Mapping[K, int], two: Mapping[K, int]) -> dict[K, int]:
    total = dict(one)
    for key, value in two.items():
        total[key] = total.get(key, 0) + value
    return total


@dataclass(frozen=True, slots=True)
class LineSeed:
    """A plan line before its position and price are written out. `key` names a rule line (percent of hardware)."""

    part: str
    quantity: int
    group: str
    yearly: bool = False
    cents: int | None = None  # rule lines carry their own unit price; None: the price book's
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The plan lines that an option adds, and what must be racked and plugged. Priced by `bundles.Pricer`.

    `cards` are the accelerators by id, whether they are lines of their own or come inside a board or a whole system.
    """

    lines: tuple[LineSeed, ...] = ()
    shapes: tuple[tuple[Shape, int], ...] = ()
    endpoints: tuple[tuple[str, int], ...] = ()
    watts: int = 0
    typical_watts: int = 0
    nodes: int = 0
    accelerators: int = 0
    cards: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate: a build on a fabric within a count range; it costs `fixed` once and `unit` per unit.

    A unit is a node, or `nodes_per_unit` nodes where a replica spans several. `rate` is per unit when `linear`,
    else the whole rate of the one count that this option stands for (low == high). `cards` > 0: cards of one unit
    that shared work may use, counted in slices where some of it takes slices: then `slices` is how many a card has.
    `design_key` groups the brackets of one build on one kind of fabric.
    """

    id: str
    work: str
    design_key: str
    node: NodeBuild
    low: int
    high: int
    rate: float
    fixed: Load
    unit: Load
    fixed_parts: tuple[tuple[Bundle, int], ...] = ()  # bundles and how often, merged only for what is chosen
    unit_parts: tuple[tuple[Bundle, int], ...] = ()
    linear: bool = True
    nodes_per_unit: int = 1
    spare_nodes: int = 0
    cards: int = 0
    slices: int = 1
    network: str | None = None  # joint compute fabric it plugs into; None: owns its fabric or needs none
    switch: str | None = None
    topology: str | None = None
    link: FabricLink = field(default_factory=lambda: FabricLink(technology=None, gbps_per_node=0.0))
    media: Media = USUAL
    precision: str | None = None
    # Nodes and switch by island, where they stand as blocks: one block per rack, in the order of the racks.
    pods: tuple[tuple[Shape, ...], ...] = ()
    tenants: tuple[Tenant, ...] = ()  # shared pools: replicas that may stand on it


def node_ports(network: str) -> str:
    """The name under which a load counts the nodes that plug into a joint compute fabric."""
    return f"{network} nodes"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A replica of shared work on a shared pool: cards (or slices, as its option counts) it takes, and its rate."""

    work: str
    cards: int
    rate: float
    precision: str


@dataclass(frozen=True, slots=True)
class JointFabric:
    """One size of a compute fabric that pools have together.

    `nodes` on it, counted by networks (0: not counted, the ports say it); `direct`: a single switch, to which pools of
    any layout plug; `technology`, `gbps` and `rails` (ports per node of a rail-optimized tree, else 0) design it.
    """

    technology: Technology
    gbps: float
    rails: int
    nodes: int
    direct: bool
    manager_ports: int = 0
    reserve: int = 0  # ports that come later
    planes: int = 1  # separate trees with an equal share of every node's ports


@dataclass(frozen=True, slots=True)
class SharedOption:
    """One bracket of shared equipment: for `low` to `high` of its driver it costs `fixed`, and `unit` per driver unit.

    `network` names what it belongs to (in-band, oob, storage, management, ...); the driver is the number of endpoints
    of that network, or nodes for management. Where equal pieces serve `per_step` of the driver each (out-of-band
    switches), every piece begun costs `step`: one option in place of a bracket per piece. Options with the same
    `together` tag are chosen together or not at all; a tag `a/b` is also part of `a`, `a b` are two.
    """

    id: str
    network: str
    low: int
    high: int
    fixed: Load
    unit: Load
    fixed_bundle: Bundle
    unit_bundle: Bundle
    together: str | None = None
    switch: str | None = None
    gbps: float | None = None  # speed of a storage network, and that at which a storage system stands on it
    port_gbps: float | None = None  # of a storage system: what its ports are made for
    per_step: int = 0  # driver units that one piece serves; 0: no pieces
    step: Load = field(default_factory=Load)
    step_bundle: Bundle = field(default_factory=Bundle)
    media: Media = USUAL
    joint: JointFabric | None = None  # a compute fabric that pools have together
    paired: bool = False  # in-band and storage: switches in pairs

    def steps(self, driver: int) -> int:
        """Pieces that a driver takes."""
        return -(-driver // self.per_step) if self.per_step else 0

    def load(self, driver: int) -> Load:
        """What the option costs and uses for a driver."""
        whole = self.fixed + self.unit.times(driver)
        return whole + self.step.times(self.steps(driver)) if self.per_step else whole


@dataclass(frozen=True, slots=True)
class Work:
    """A demand row. `one`: exactly one option serves it; `mix`: units of several options add up; `shared`: tenants."""

    name: str
    mode: Literal["one", "mix", "shared"]
    target: float | None  # None: maximise
    maximise: bool = False


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """What one rack takes. None: not limited.

    `own_watts` is what the room gives a system that brings its own rack: what the request states, never a default.
    """

    units: int
    watts: int | None
    grams: int | None
    own_watts: int | None = None
    heat: tuple[int, ...] = ()  # watts that one rack gives to air and to liquid, where the room says so
    door: int = 0  # watts of the heat by air that a bought cabinet's rear door takes
    fed: int | None = None  # watts by what is stated of power alone, cooling left aside


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything the formulation needs, without catalogs.

    `limits` by row name (capital_budget, yearly_budget, site_power, racks, supply:PART): the most that may be used, in
    cents, watts or pieces; absent means not limited. `rack` is the load of one purchased rack.
    """

    works: tuple[Work, ...]
    options: tuple[Option, ...]
    shared: tuple[SharedOption, ...]
    constant: Load
    constant_bundle: Bundle
    rack: Load
    rack_bundle: Bundle
    room: RoomLimits
    limits: Mapping[str, int]
    objective: str
    energy_cents_per_watt_year: float = 0.0
    tco_years: int = 5
    tax_percent: float = 0.0
    capital_scale: int = 1  # units of `capital` to a cent
    alone: Mapping[str, float] = field(default_factory=dict)  # what each maximised work reaches alone, in its unit
    node_storage_gb_per_s: float = 0.0  # that storage ports of one node carry where they can (storage.profile)
    one_fabric: bool = False  # all compute fabrics of the plan are one (preferences.fabric.sharing: shared)
    # Rules that packing has taught, by room; they hold for every problem in it, so variants of a problem share them.
    rules: dict[RoomLimits, list[RackWorth]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def joint_networks(self) -> tuple[str, ...]:
        """Names of the compute fabrics that pools may have together."""
        return tuple(sorted({s.network for s in self.shared if s.joint is not None}))

    @property
    def performance_first(self) -> bool:
        """Whether delivered performance is maximised before anything else."""
        return self.objective == "highest_performance" or any(w.maximise for w in self.works)

    def without(self, limit: str) -> Problem:
        return replace(self, limits={k: v for k, v in self.limits.items() if k != limit})


@dataclass(frozen=True, slots=True)
class Solution:
    """Whole numbers: units by option id, tenants by (option id, tenant index), drivers by shared option."""

    units: Mapping[str, int]
    tenants: Mapping[tuple[str, int], int]
    shared: Mapping[str, int]
    racks: int
    own_racks: int
    total: Load
    objective: float
    bound: float
    optimal: bool
    performance: float | None = None  # smallest share, of what was asked or of what each work reaches alone
