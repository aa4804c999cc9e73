"""Catalog records and what is built from them: frozen, typed, without prices.

A specification never carries a price (prices are rows of `catalogs/prices/*.csv`, read by `planner.catalog`).
`None` means nobody published the figure. `estimates` names fields filled by a written rule, with its basis;
`unverified` names fields that come from memory and were not seen in a source.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Lifecycle = Literal[
    "current", "ramping", "announced", "end_of_sale", "end_of_life", "refurbished", "legacy", "consumer", "withdrawn"
]
Section = Literal["compute", "network", "storage", "facility", "software", "services"]
Technology = Literal["infiniband", "ethernet"]
Cooling = Literal["air", "liquid"]
Grade = Literal["A", "B", "C", "M"]
PositiveAmount = Annotated[Decimal, Field(gt=0)]


class Record(BaseModel):
    """Base of everything read from a catalog or a plan: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False, defer_build=True)


class Part(Record):
    """What every orderable part has. Origin is an ISO 3166-1 alpha-2 country of the design, or None."""

    id: str
    vendor: str
    model: str
    aliases: tuple[str, ...] = ()
    part_number: str | None = None
    lifecycle: Lifecycle = "current"
    origin: str | None = None
    lead_time_weeks: float | None = None  # from order to dispatch; None when nobody said
    sources: tuple[str, ...] = ()
    as_of: str | None = None
    unverified: tuple[str, ...] = ()
    estimates: dict[str, str] = Field(default_factory=dict)
    notes: str | None = None

    @property
    def domestic_in_china(self) -> bool | None:
        """国产 (True) or 进口 (False) by the country of design; None when the origin is unknown."""
        return None if self.origin is None else self.origin == "CN"

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        for name, value in self.__dict__.items():
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{name}: expected a figure of at least 0, got {value}.")
        return self


class ScaleUp(Record):
    """The link fabric inside a node or rack. `gb_per_s` is per accelerator, both directions added."""

    name: str
    gb_per_s: float | None = None
    domain: int = 1


class Accelerator(Part):
    """One orderable accelerator variant. TFLOPS are dense; int8 is TOPS. Keys of `dense_tflops`:
    fp64, fp64_tensor, fp32, tf32, fp16, bf16, fp8, fp6, fp4, int8."""

    architecture: str | None = None
    family: str
    ecosystem: Literal["cuda", "rocm", "cann", "gaudi", "oneapi", "other"]
    form_factor: str
    slot_width: int | None = None
    memory_gb: float | None = None
    memory_type: str | None = None
    memory_bandwidth_gb_per_s: float | None = None
    dense_tflops: dict[str, float] = Field(default_factory=dict)
    scale_up: ScaleUp
    bridge_domain: int = 1  # cards joined by a bridge that is priced as a part of its own; 1 = none
    scale_out: Literal["nic", "onboard-roce", "none"] = "nic"
    pcie_gen: int | None = None
    pcie_lanes: int | None = None
    tdp_w: float | None = None
    tdp_max_w: float | None = None
    cooling: str | None = None
    mig_instances: int | None = None
    die_area_mm2: float | None = None
    process_nm: float | None = None
    designed_for_datacenter: bool | None = None
    tpp: float | None = None
    performance_density: float | None = None
    export_control_id: str | None = None
    market: str | None = None
    launch: str | None = None


class FixedNic(Record):
    """Ports that come with the chassis. `role` compute | storage | in-band | oob; `ports` per node."""

    role: Literal["compute", "storage", "in-band", "oob"]
    ports: int
    gbps: float
    technology: tuple[Technology, ...]
    nic: str | None = None
    cage: str | None = None  # rj45 | sfp28 | qsfp28 | qsfp56 | qsfp112 | osfp-twin | osfp ...


class Chassis(Part):
    """A server, a complete system or a rack-scale system.

    `takes` lists accelerator ids. A modular system (`dgx`, `hgx`, `rack-scale`) is sold with exactly `slots`
    accelerators; a PCIe chassis takes 1 to `slots` cards. `price_scope` says what the price of this id buys:
    `complete` (nothing to add but what `fixed_nics` and `memory_gb_fixed` leave open), or `barebone`
    (chassis, board, supplies, fans; accelerators or baseboard, CPU, memory, drives and NICs are lines of their own).
    """

    category: Literal["dgx", "hgx", "pcie", "station", "rack-scale"]
    takes: tuple[str, ...]
    slots: int
    max_card_w: float | None = None
    card_counts: tuple[int, ...] = ()  # PCIe: counts that are offered, e.g. (1, 2, 4, 8); empty = slots only
    # A complete system's price and configuration hold for these accelerators only; barebones for all of `takes`.
    price_scope: Literal["complete", "barebone"]
    complete_for: str | None = None  # accelerator that the complete price includes
    baseboards: dict[str, str] = Field(default_factory=dict)  # accelerator id -> baseboard id (8 modules + switch tray)
    interconnect: Literal["nvswitch", "nvlink-mesh", "xgmi", "hccs", "roce", "bridge", "none", "other"]
    cpu_sockets: int
    cpu_socket: str | None = None  # e.g. LGA4677, SP5; None when on board
    cpus: tuple[str, ...] = ()  # CPU ids that fit; empty when fixed
    cpu_fixed: str | None = None  # text on the datasheet when the CPU cannot be chosen
    cpu_cores_fixed: int | None = None
    memory_types: tuple[str, ...] = ()  # e.g. DDR5-4800
    dimm_slots: int | None = None
    channels_per_socket: int | None = None
    memory_gb_max: float | None = None
    memory_gb_fixed: float | None = None
    boot_drives: int = 2  # slots for boot drives, mirrored
    boot_fixed: str | None = None
    drive_bays: int = 0
    drive_form_factors: tuple[str, ...] = ()  # U.2, E1.S, E3.S
    nvme_tb_fixed: float | None = None
    compute_nic_slots: int = 0  # x16 slots meant for one NIC per accelerator
    nic_slots: int = 0  # further x16 slots for storage and in-band NICs
    ocp_slots: int = 0  # OCP 3.0 mezzanine slots beside them
    nic_gen: int | None = None  # PCIe generation of those slots
    pcie_switches: bool | None = None  # accelerators and NICs hang on PCIe switches; None = the maker does not say
    fixed_nics: tuple[FixedNic, ...] = ()
    rack_units: int | None = None
    own_rack: bool = False  # rack-scale: brings its rack
    fabric_units: int = 1  # nodes that the fabrics see in one unit (18 compute trays of an NVL72)
    # Pieces of its scale-up network that come with one unit, by name; empty: not published here.
    scale_up_parts: dict[str, int] = Field(default_factory=dict)
    depth_mm: float | None = None
    weight_kg: float | None = None
    max_power_w: float | None = None
    typical_power_w: float | None = None
    psu_count: int | None = None
    psu_watts: float | None = None
    psu_redundancy: str | None = None
    psu_min_live: int | None = None
    cooling: Literal["air", "dlc", "hybrid"]
    needs_cdu: bool = False


class Baseboard(Part):
    """A carrier with its accelerator modules and scale-up switches (HGX, UBB): one line, priced as a whole."""

    accelerator: str
    accelerators: int
    power_w: float | None = None
    weight_kg: float | None = None


class Cpu(Part):
    family: str
    cores: int
    base_ghz: float | None = None
    tdp_w: float
    socket: str
    max_sockets: int = 2
    memory_channels: int
    memory_types: tuple[str, ...]  # e.g. DDR5-4800, what it runs with one DIMM per channel
    memory_gb_max: float | None = None
    pcie_gen: int
    pcie_lanes: int


class Dimm(Part):
    memory_type: str  # DDR4-3200, DDR5-4800, DDR5-5600, DDR5-6400, MRDIMM-8800
    size_gb: int
    power_w: float
    rank: str | None = None


class Drive(Part):
    use: Literal["boot", "data"]
    capacity_tb: float
    form_factors: tuple[str, ...]
    pcie_gen: int | None = None
    read_gb_per_s: float | None = None
    write_gb_per_s: float | None = None
    dwpd: float | None = None
    power_w: float


class Nic(Part):
    """`ports` × `gbps`; one `host slot` each. `roles` are the networks it is offered for.

    `links`: links that one port runs as, by technology, each with its share of the speed; one where nothing is said.
    Several links of a port can go to as many separate planes of a fabric.
    """

    ports: int
    gbps: float
    links: dict[Technology, int] = Field(default_factory=dict)
    technologies: tuple[Technology, ...]
    cage: str
    pcie_gen: int
    pcie_lanes: int
    form_factor: str | None = None
    power_w: float
    power_max_w: float | None = None
    roles: tuple[Literal["compute", "storage", "in-band"], ...]


class Bridge(Part):
    """An NVLink bridge for PCIe cards. `bridges_per_group` pieces join `group` cards."""

    joins: tuple[str, ...]  # accelerator ids
    group: int
    bridges_per_group: int
    gb_per_s: float


class Switch(Part):
    """`ports` are logical ports at `gbps`; `cages` the physical ones (twin-port cages carry two)."""

    technology: Technology
    generation: str  # HDR, NDR, XDR, 1G, 25G, 100G, 200G, 400G, 800G
    ports: int
    gbps: float
    cages: int
    cage: str
    split: dict[str, int] = Field(default_factory=dict)  # port speed in Gbit/s -> ports available at that speed
    uplink_ports: int = 0  # extra faster ports (out-of-band switches)
    uplink_gbps: float | None = None
    managed: bool = True
    manager_ports: int = 0  # ports of their own for fabric managers: these then take no data port
    rack_units: int
    typical_power_w: float | None = None
    max_power_w: float | None = None
    weight_kg: float | None = None
    roles: tuple[Literal["compute", "storage", "in-band", "oob"], ...]
    domestic_silicon: bool | None = None


class Optic(Part):
    """A pluggable module for one cage. `links` is how many logical ports it serves."""

    side: Literal["switch", "node", "any"]
    cage: str
    gbps: float  # per link
    links: int = 1
    technologies: tuple[Technology, ...]
    media: Literal["mmf", "smf"]
    reach_m: float
    max_w: float | None = None
    mates: tuple[str, ...] = ()  # optic ids it works with over the fibre


class Cable(Part):
    """A cable or active cable of one length. Copper and active optical cables need no modules."""

    kind: Literal["dac", "acc", "aoc", "fibre", "rj45"]
    length_m: float
    gbps: float  # per link
    links: int = 1  # logical links carried
    ends: tuple[str, str]  # cage at either end, or the fibre connector
    side: Literal["switch", "node", "any"] = "any"  # whose cages the second end is made for (finned or flat-top plugs)
    media: Literal["mmf", "smf"] | None = None  # of a fibre
    technologies: tuple[Technology, ...]
    max_w: float | None = None


class StorageSystem(Part):
    """Shared storage, bought in blocks. Figures are planning values per block."""

    protocol: str
    media: str | None = None
    usable_tb: float
    read_gb_per_s: float
    write_gb_per_s: float
    min_blocks: int = 1
    rack_units: int
    typical_power_w: float | None = None
    max_power_w: float | None = None
    weight_kg: float | None = None
    ports: int
    port_gbps: float
    technologies: tuple[Technology, ...] = ("ethernet",)
    offer_by_default: bool = True


class Rack(Part):
    """A cabinet. `rack_units` usable; load is what it carries."""

    rack_units: int
    width_mm: float
    depth_mm: float
    load_kg: float
    weight_kg: float | None = None
    liquid_ready: bool = False


class Pdu(Part):
    """A rack power distribution unit; `usable_kw` after derating. Zero-U unless `rack_units` is given.

    `countries` and `not_countries` say where its mains voltage is used; both empty: anywhere.
    """

    usable_kw: float
    countries: tuple[str, ...] = ()
    not_countries: tuple[str, ...] = ()
    rack_units: int = 0
    weight_kg: float | None = None
    input: str | None = None


class CoolingUnit(Part):
    """Equipment that takes heat from racks, counted in pieces of `kw`.

    `cdu`: a coolant distribution unit, in a rack (`rack_units`) or in the row; `loop`: manifolds, hoses, quick
    disconnects and commissioning by the kW of heat to liquid; `rear-door`: a heat exchanger in a cabinet's door.
    """

    role: Literal["cdu", "loop", "rear-door"]
    kw: float  # heat that one piece takes
    rack_units: int = 0  # in a rack; 0: stands in the row or hangs on a cabinet


class ManagementNode(Part):
    """A complete head, login or control-plane server, or an appliance such as a fabric manager."""

    role: Literal["management", "fabric-manager"]
    rack_units: int
    typical_power_w: float
    max_power_w: float
    weight_kg: float | None = None
    inband_ports: int = 2
    port_gbps: float = 100
    fabric_ports: int = 0  # leaf ports that one fabric manager takes
    licence: str | None = None  # software counted per managed fabric node and year
    technologies: tuple[Technology, ...] = ("ethernet",)


class Software(Part):
    """A software, licence, support or service line and the rule that counts it.

    `per`: accelerator, node, socket, management-node, fabric-endpoint, site, or percent-of-hardware.
    `recurring` yearly lines belong to ownership cost, not to the capex cap. `requires` narrows by ecosystem,
    vendor, accelerator or chassis id; empty means always. `default` lines are planned unless switched off.
    """

    section: Section = "software"
    per: Literal["accelerator", "node", "socket", "management-node", "fabric-endpoint", "site", "percent-of-hardware"]
    recurring: Literal["once", "yearly"] = "once"
    ecosystems: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    chassis: tuple[str, ...] = ()
    technologies: tuple[Technology, ...] = ()
    countries: tuple[str, ...] = ()
    not_countries: tuple[str, ...] = ()
    percent: Decimal | None = None  # percent-of-hardware lines
    percent_low: Decimal | None = None
    percent_high: Decimal | None = None
    version: str | None = None
    free: bool = False  # no charge; printed as a line at price 0 with the licence named
    default: bool = True
    model_zh: str | None = None


class Price(Record):
    """One dated price row. Amounts per unit in `currency`, above 0; `tax_basis` says whether tax is inside.

    `min_quantity` is the order from which the row counts: several rows of one source are quantity breaks. `scope` says
    what the price buys beside the part itself, `includes_support_months` how much support is inside.
    """

    part: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    low: PositiveAmount | None = None
    typical: PositiveAmount
    high: PositiveAmount | None = None
    tax_basis: Literal["excluded", "included", "unknown"]
    tax_percent: Annotated[Decimal, Field(ge=0, le=50)] | None = None  # the rate inside an included price
    basis: Literal["quote", "list", "street", "tender", "analyst", "estimate"]
    grade: Grade
    source: Annotated[str, Field(min_length=1)]
    as_of: Annotated[str, Field(pattern=r"^[12][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")]
    valid_until: dt.date | None = None
    min_quantity: Annotated[int, Field(ge=1)] = 1
    includes_support_months: Annotated[int, Field(ge=0)] | None = None
    scope: str | None = None
    lead_time_weeks: Annotated[float, Field(ge=0)] | None = None  # as quoted, from order to dispatch

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.low or self.typical) > self.typical or self.typical > (self.high or self.typical):
            raise ValueError(f"expected low <= typical <= high, got {self.low}, {self.typical}, {self.high}.")
        if self.tax_basis == "included" and self.tax_percent is None:
            raise ValueError("tax_percent: is needed, because tax_basis is included.")
        return self


class BuildLine(Record):
    """A part and how many of it one unit (node, replica, rack-scale system) takes."""

    part: str
    quantity: int


class Plugged(NamedTuple):
    """Links of one fabric unit into a compute fabric, Gbit/s of each, and the cage that its modules go into."""

    links: int
    gbps: float
    cage: str


def cage_of_links(cage: str, links: int) -> str:
    """The cage as its modules see it: an OSFP port that runs as two links takes a twin-port module."""
    return "osfp-twin" if links == 2 and cage in ("osfp", "osfp-flat") else cage


class NodeBuild(Record):
    """A complete buildable node (or rack-scale system): what `nodes.build` returns.

    Power follows the conventions of the design: systems by datasheet maximum, PCIe servers by the sum of parts
    plus 10 %, not above the chassis maximum.
    """

    id: str
    chassis: str
    accelerator: str
    accelerators: int
    lines: tuple[BuildLine, ...]
    cpu: str | None  # catalog id, or the datasheet's text for fixed systems
    cpus: int
    cpu_cores: int
    memory_gb: float
    nvme_tb: float
    nic: str | None  # compute NIC: catalog id or text
    compute_ports: int  # logical compute-fabric ports per node
    compute_gbps: float  # per compute port
    compute_technologies: tuple[Technology, ...]
    compute_links: dict[Technology, int] = Field(default_factory=dict)  # links of one port where they are several
    storage_ports: int
    storage_gbps: float
    inband_ports: int
    inband_gbps: float
    oob_ports: int
    compute_cage: str | None = None
    scale_up_domain: int = 1
    scale_up_gb_per_s: float | None = None
    fabric_units: int = 1  # nodes that the fabric sees (18 trays in an NVL72)
    max_power_kw: float
    typical_power_kw: float
    rack_units: int
    weight_kg: float
    own_rack: bool = False
    cooling: Literal["air", "dlc", "hybrid"]
    estimates: tuple[str, ...] = ()  # "field: basis" of every estimated figure used
    notices: tuple[str, ...] = ()  # lifecycle and support notices

    def links_per_port(self, technology: Technology | None) -> int:
        """Links that one compute port runs as on a fabric of a technology."""
        return 1 if technology is None else self.compute_links.get(technology, 1)

    def plugged(self, technology: Technology | None) -> Plugged:
        """What one fabric unit (node, or tray) plugs into a fabric of a technology: links, their speed and cage."""
        links = self.links_per_port(technology)
        ports = self.compute_ports // self.fabric_units
        return Plugged(ports * links, self.compute_gbps / links, cage_of_links(self.compute_cage or "", links))


class FabricLink(Record):
    """What sizing needs to know of a fabric: bandwidth a node brings to it and how much of it is guaranteed."""

    technology: Technology | None  # None: a single node, no fabric
    gbps_per_node: float  # of all planes together
    oversubscription: float = 1.0
    planes: int = 1  # separate fabrics that the links of a port go to


class TrainingModel(Record):
    """A model to be trained or served. Shapes as in the model card; parameters in billions (10^9)."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    family: str | None = None
    kind: str = "decoder-llm"
    params_total_b: float
    params_active_b: float
    flop_params_b: float | None = None
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    ffn: int | None = None
    vocab: int | None = None
    context: int | None = None
    experts: int | None = None
    experts_per_token: int | None = None
    attention: str | None = None  # mha | gqa | mqa | mla ...
    kv_bytes_per_token_16bit: float | None = None
    attn_flops_per_token_per_ctx: float | None = None
    weights_precision: str | None = None
    shared_experts: int | None = None
    expert_ffn: int | None = None
    dense_layers: int | None = None  # layers without experts in a mixture of experts
    expert_nodes: int | None = None  # nodes that a token's experts lie on at most, where its router limits them
    kv_lora_rank: int | None = None  # multi-head latent attention: width of the latent
    rope_head_dim: int | None = None
    sliding_window: int | None = None
    full_attention_layers: int | None = None  # layers that see the whole context when others have a window
    as_of: str | None = None
    unverified: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    notes: str | None = None
