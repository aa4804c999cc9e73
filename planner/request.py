"""The request: every key of a site file, typed, with the defaults.

`planner.sitefile` reads the text into these models and collects all mistakes. A field with a default that the user
did not set is an assumption of the plan (`Request.defaults_used`).
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planner.parts import Technology

Objective = Literal["lowest_capex", "lowest_tco", "lowest_power", "highest_performance"]
Precision = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4"]
Verdict = Literal[
    "no_licence_required",
    "licence_exception",
    "licence_required",
    "prohibited",
    "needs_vendor_confirmation",
    "domestic_supply",
]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=200)]

# What a service is taken to promise where the site file sets no latency target, to turn users into requests.
USUAL_TTFT_MS, USUAL_TPOT_MS = 1000.0, 50.0
USUAL_FRAMES_PER_S = 30.0


class Section(BaseModel):
    """Base of every part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Customer(Section):
    name: Text | None = None
    headquarters: CountryCode | None = None
    ultimate_parent: CountryCode | None = None
    funding: Literal["private", "state", "public", "state_owned"] | None = None  # the last three mean any state money


class Layout(Section):
    """The floor: racks per row, aisles, trays. Metres; defaults and their basis are in docs/room.md."""

    racks_per_row: Annotated[int, Field(ge=1, le=200)] | None = None  # None: 16, in large rooms up to 32
    cold_aisle_m: Annotated[float, Field(ge=0.6, le=10)] = 1.2  # front service aisle
    hot_aisle_m: Annotated[float, Field(ge=0.6, le=10)] = 1.0
    tray_m: Annotated[float, Field(ge=0, le=5)] = 0.3  # tray above the top of a rack
    slack_m: Annotated[float, Field(ge=0, le=5)] = 0.5  # at each end of a cable
    cross_trays: Annotated[int, Field(ge=1, le=20)] = 3  # across the rows: both ends and the middle
    # Whether cables of neighbouring racks of a row go straight through their sides instead of by the tray.
    side_passage: bool = False


class Feeds(Section):
    """Power feeds of one rack. `kw_each` is what a feed's breaker says, before derating; `derate` else by country.

    N: every feed is needed. N+1: one may be lost. 2N: half may be lost, so two feeds of a pair never add up.
    """

    count: Annotated[int, Field(ge=1, le=12)] = 2
    redundancy: Literal["N", "N+1", "2N"] = "2N"
    kw_each: Annotated[float, Field(gt=0, le=2000)]
    derate: Annotated[float, Field(gt=0, le=1)] | None = None
    supply: Literal["ac", "hvdc-240", "hvdc-336"] = "ac"


class CoolingTerms(Section):
    """What the room cools per rack: kW by air, kW by liquid; supply temperature of the liquid, else air, in °C.

    `rear_doors`: heat exchangers in the doors of bought cabinets, which take heat out of the air before it reaches the
    room (they need chilled water): never, on every cabinet, or whichever plan is better.
    """

    air_kw_per_rack: PositiveFloat
    liquid_kw_per_rack: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    supply_c: Annotated[float, Field(ge=5, le=60)] | None = None
    rear_doors: Literal["never", "auto", "every"] = "never"


class Site(Section):
    """Limits of the room. Power in kW; `rack_power_kw` is usable with one feed lost."""

    country: CountryCode
    it_power_kw: PositiveFloat | None = None
    utility_power_kw: PositiveFloat | None = None
    pue: Annotated[float, Field(ge=1, le=3)] | None = None  # peak day
    pue_annual: Annotated[float, Field(ge=1, le=3)] | None = None
    racks: Annotated[int, Field(ge=1, le=100_000)] | None = None
    rack_units: Annotated[int, Field(ge=1, le=60)] | None = None
    rack_power_kw: PositiveFloat | None = None
    rack_weight_kg: PositiveFloat | None = None
    floor_kg_per_m2: PositiveFloat | None = None
    cooling: Literal["air", "liquid"] = "air"
    cooling_equipment: Literal["buy", "provided"] = "buy"  # provided: CDUs and liquid loop are the room's
    cooling_terms: CoolingTerms | None = None  # written as `cooling: {air_kw_per_rack: ...}`
    feeds: Feeds | None = None
    layout: Layout = Layout()
    electricity_per_kwh: Annotated[Decimal, Field(ge=0)] | None = None
    space_per_rack_year: Annotated[Decimal, Field(ge=0)] | None = None


DiscountPercent = Annotated[Decimal, Field(ge=0, lt=100)]
PartKind = Literal[
    "accelerators", "chassis", "baseboards", "cpus", "memory", "drives", "nics", "bridges", "switches", "optics",
    "cables", "storage", "racks", "pdus", "cooling", "management", "software",
]  # fmt: skip


class Discounts(Section):
    """The buyer's discounts in percent by maker and by kind of part; a maker's own comes first.

    They come off prices of the bases in `on`: street prices, tenders and quotes are discounted already.
    """

    makers: dict[Text, DiscountPercent] = Field(default_factory=dict)
    categories: dict[PartKind, DiscountPercent] = Field(default_factory=dict)
    on: tuple[Literal["list", "street", "tender", "analyst", "estimate", "quote"], ...] = ("list",)


class Budget(Section):
    currency: CurrencyCode = "USD"
    capex: Annotated[Decimal, Field(gt=0)] | None = None
    opex_per_year: Annotated[Decimal, Field(gt=0)] | None = None
    vat_percent: Annotated[Decimal, Field(ge=0, le=50)] | None = None
    tco_years: Annotated[int, Field(ge=1, le=15)] = 5
    price_level: Literal["low", "typical", "high"] = "typical"
    price_missing: Literal["reject", "estimate"] = "reject"
    discounts: Discounts | None = None
    exchange_rates: dict[CurrencyCode, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)  # per USD


class ComplianceTerms(Section):
    accept: tuple[Verdict, ...] = ("no_licence_required", "domestic_supply")
    date: dt.date | None = None
    ship_from: CountryCode = "US"
    end_use: Text | None = None
    named_recipient: Text | None = None  # the end user, where a rule spares recipients by name
    import_approval: Literal["obtained", "not_obtained"] | None = None  # for this order, by the importing side
    licence_lead_days: Annotated[int, Field(ge=1, le=3650)] | None = None  # the user's own plan; never a forecast


PositiveInt = Annotated[int, Field(ge=1, le=1_000_000_000)]


class InlineModel(Section):
    """A model that the catalog does not have: parameters in units (70e9), shapes as in its config.json. `config`
    names a
    Hugging Face config.json beside the site file, which fills what is not stated; it is read with the site file."""

    name: Text | None = None
    config: Text | None = None
    parameters: Annotated[float, Field(ge=1e6, le=1e15, allow_inf_nan=False)] | None = None
    active_parameters: Annotated[float, Field(ge=1e6, le=1e15, allow_inf_nan=False)] | None = None
    layers: Annotated[int, Field(ge=1, le=10_000)] | None = None
    hidden: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    heads: Annotated[int, Field(ge=1, le=100_000)] | None = None
    kv_heads: Annotated[int, Field(ge=1, le=100_000)] | None = None
    head_dim: Annotated[int, Field(ge=1, le=100_000)] | None = None
    ffn: PositiveInt | None = None
    vocab: PositiveInt | None = None
    context: PositiveInt | None = None
    experts: Annotated[int, Field(ge=2, le=100_000)] | None = None
    experts_per_token: Annotated[int, Field(ge=1, le=100_000)] | None = None
    expert_ffn: PositiveInt | None = None
    shared_experts: Annotated[int, Field(ge=0, le=10_000)] | None = None
    dense_layers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    kv_lora_rank: PositiveInt | None = None  # of latent attention (MLA)
    q_lora_rank: PositiveInt | None = None
    rope_head_dim: PositiveInt | None = None
    sliding_window: PositiveInt | None = None
    tied_embeddings: bool = False
    gated: bool | None = None  # three matrices in the feed-forward block; default: unless ffn is 4 × hidden


class LayoutTerms(Section):
    """How a training job is spread, as far as it is fixed; the rest is searched. `micro_batch` in sequences."""

    tensor: PositiveInt | None = None
    pipeline: PositiveInt | None = None
    interleave: PositiveInt | None = None
    data: PositiveInt | None = None
    context: PositiveInt | None = None
    expert: PositiveInt | None = None
    micro_batch: PositiveInt | None = None
    recompute: Literal["none", "selective", "full"] | None = None
    sharding: Literal["optimizer", "all", "node"] | None = None


class Achieved(Section):
    """Throughput known from elsewhere, over everything; exactly one figure. `mfu` is a share of the dense peak."""

    mfu: Annotated[float, Field(gt=0, le=1)] | None = None
    tflops_per_accelerator: PositiveFloat | None = None
    tokens_per_s_per_accelerator: PositiveFloat | None = None


USUAL_ACCEPTANCE = (
    0.8  # DeepSeek's own module keeps 0.85 to 0.9 of one token (arXiv 2412.19437), llama.cpp 0.75 of three
)


class Speculative(Section):
    """Tokens drafted ahead and checked in one pass (speculative decoding, multi-token prediction)."""

    draft_tokens: Annotated[int, Field(ge=1, le=16)]
    acceptance: Annotated[float, Field(ge=0, le=1)] = USUAL_ACCEPTANCE  # share kept, each given those before it


class Workload(Section):
    """One use of the site. Which keys belong to which kind is checked in `planner.sitefile`."""

    name: Text
    kind: Literal["training", "inference", "hpc", "capacity"]
    share: bool = False
    accelerator: str | None = None  # id, alias or group
    # language models
    model: str | InlineModel | None = None
    # training; default pretraining. lora: adapters on a frozen 16-bit base; qlora: on one of 4 bits
    method: Literal["pretraining", "continued", "finetuning", "lora", "qlora"] | None = None
    weights_precision: Literal["bf16", "fp8", "int8", "fp4", "int4"] | None = None  # of the frozen base of adapters
    layout: LayoutTerms | None = None
    achieved: Achieved | None = None
    checkpoint_gb_per_s: PositiveFloat | None = None  # write speed while the job waits; default: see demand/upkeep.py
    tokens: PositiveFloat | None = None
    within_days: PositiveFloat | None = None
    sequence_length: Annotated[int, Field(ge=1)] | None = None
    global_batch_tokens: PositiveFloat | None = None
    precision: Precision | None = None
    input_tokens: Annotated[int, Field(ge=1)] | None = None
    output_tokens: Annotated[int, Field(ge=1)] | None = None
    requests_per_s: PositiveFloat | None = None
    concurrent_users: PositiveFloat | None = None  # another way to state the demand: people at work at the same time
    think_time_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = (
        None  # between an answer and the next request
    )
    prefix_share: Annotated[float, Field(ge=0, le=0.99)] | None = None  # of the prompt that is already cached
    speculative: Speculative | None = None
    ttft_ms: PositiveFloat | None = None
    tpot_ms: PositiveFloat | None = None
    # measured benchmarks
    benchmark: str | None = None
    samples_per_s: PositiveFloat | None = None
    # hpc and capacity
    sustained_pflops: PositiveFloat | None = None
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    pflops: PositiveFloat | None = None
    # video
    streams: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    frames_per_s: PositiveFloat | None = None
    resolution: Literal["720p", "1080p", "1440p", "2160p"] | None = None
    spare_nodes: Annotated[int, Field(ge=0, le=1000)] = 0  # kept ready beside the nodes that the demand needs
    maximise: (
        Literal["tokens_per_day", "requests_per_s", "samples_per_s", "accelerators", "sustained_pflops"] | None
    ) = None

    @property
    def model_name(self) -> str | None:
        """The model as people call it."""
        if self.model is None or isinstance(self.model, str):
            return self.model
        return self.model.name or "inline-model"

    @property
    def first_token_ms(self) -> float | None:
        """Target for the first token: as stated; the usual one where users wait for answers; else none."""
        return self.ttft_ms or (USUAL_TTFT_MS if self.concurrent_users is not None else None)

    @property
    def per_token_ms(self) -> float | None:
        """Target for each further token: as stated; the usual one where users wait for answers; else none."""
        return self.tpot_ms or (USUAL_TPOT_MS if self.concurrent_users is not None else None)

    @property
    def asked_requests_per_s(self) -> float | None:
        """Requests per second asked. Users who wait for an answer and then think send users ÷ (think + answer) of them
        (Little's law); the answer takes what the latency targets allow, or the usual targets where none are set."""
        if self.requests_per_s is not None or self.concurrent_users is None:
            return self.requests_per_s
        first, token = (self.first_token_ms or 0.0) / 1000, (self.per_token_ms or 0.0) / 1000
        return self.concurrent_users / ((self.think_time_s or 0.0) + first + token * (self.output_tokens or 1))

    @property
    def asked_samples_per_s(self) -> float | None:
        """Samples per second asked: as stated, or frames of all video streams."""
        if self.streams is not None:
            return self.streams * (self.frames_per_s or USUAL_FRAMES_PER_S)
        return self.samples_per_s


class Choice(Section):
    """`only` admits nothing else; `exclude` leaves out. Ids, aliases or groups."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class FabricPreference(Section):
    technology: Technology | None = None
    oversubscription: Annotated[float, Field(ge=1, le=16)] = 1.0
    topology: Literal["rail", "plain"] | None = None
    switch: str | None = None
    redundancy: Literal["pair", "none"] | None = None  # of in-band and storage networks; None: see resilience
    # Copper where it reaches and is cheaper; where it reaches; never.
    media: Literal["auto", "copper", "fibre"] = "auto"
    planes: Literal["auto", 1, 2] = "auto"  # separate fabrics for adapters whose ports run as several links
    reserve_nodes: Annotated[int, Field(ge=0, le=100_000)] = 0  # compute spines are sized for so many more nodes
    # Whether pools of equal port speed stand on one compute fabric: by cost, all of them, or none.
    sharing: Literal["auto", "shared", "separate"] = "auto"


class Resilience(Section):
    """What stands in pairs, so that no single failure stops the site; `single` saves the second."""

    in_band: Literal["pair", "single"] = "pair"
    storage: Literal["pair", "single"] = "pair"
    fabric_managers: Literal["pair", "single", "none"] = "pair"  # none: managed switches run the subnet manager
    management: Literal["pair", "single"] = "pair"

    # What a node must do when a feed of its rack is lost; supplies nobody published are left out unless `any`.
    feed_lost: Literal["any", "throttle", "ride_through"] = "any"

    @property
    def managers(self) -> int:
        """Fabric managers of one InfiniBand fabric that needs them."""
        return {"pair": 2, "single": 1, "none": 0}[self.fabric_managers]


Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Spares(Section):
    """Parts kept on the shelf for pools (networks: sites) of more than 16 nodes, in percent, at least one; 0: none."""

    nodes: Percent = 0
    optics: Percent = 2
    cables: Percent = 2  # as long as the longest of their kind
    nics: Percent = 2
    drives: Percent = 2
    supplies: Percent = 2  # no part and no price of their own: told, not bought


class NodePreference(Section):
    memory_gb: PositiveFloat | None = None
    nvme_tb: Annotated[float, Field(ge=0)] | None = None
    cpu: str | None = None


Origin = Literal["domestic", "any"]


class OriginPreference(Section):
    """Classes of parts that must be designed in the country of the site; parts of unknown origin do not count.

    One word stands for all classes: `origin: domestic`.
    """

    accelerator: Origin = "any"
    cpu: Origin = "any"
    switch: Origin = "any"
    storage: Origin = "any"
    system_software: Origin = "any"

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, given: Any) -> Any:
        return dict.fromkeys(cls.model_fields, given) if isinstance(given, str) else given


class Preferences(Section):
    chassis: Choice = Choice()
    accelerators: Choice = Choice()
    vendors: Choice = Choice()
    fabric: FabricPreference = FabricPreference()
    node: NodePreference = NodePreference()
    origin: OriginPreference = OriginPreference()
    sizing: Literal["low", "typical"] = "low"


class StorageNeed(Section):
    usable_tb: PositiveFloat
    read_gb_per_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    write_gb_per_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    profile: Literal["good", "better", "best"] | None = None  # published speeds by accelerators, where none is given
    system: str | None = None
    technology: Technology | None = None  # of the network between nodes and storage; None: the cheaper


class Pricing(Section):
    margin_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(0)
    valid_days: Annotated[int, Field(ge=1, le=365)] = 30


class Request(Section):
    """A whole site file, with defaults filled in."""

    project: Text = "GPU data centre"
    language: Literal["en", "zh"] = "en"
    customer: Customer = Customer()
    site: Site
    budget: Budget = Budget()
    compliance: ComplianceTerms = ComplianceTerms()
    workloads: Annotated[tuple[Workload, ...], Field(min_length=1, max_length=20)]
    preferences: Preferences = Preferences()
    supply: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)  # part id -> most that can be had
    storage: StorageNeed | None = None
    resilience: Resilience = Resilience()
    spares: Spares = Spares()
    pricing: Pricing = Pricing()
    catalog: Annotated[tuple[Text, ...], Field(max_length=10)] = ()  # overlay folders, beside the site file
    objective: Objective = "lowest_capex"

    def keeps_out(self, kind: str, origin: str | None) -> bool:
        """Whether `preferences.origin` leaves out a part of a class (a field of OriginPreference) by its origin."""
        return getattr(self.preferences.origin, kind) == "domestic" and origin != self.site.country

    def redundancy(self, network: Literal["in-band", "storage"]) -> Literal["pair", "none"]:
        """Whether a network must stand on pairs of switches: preferences.fabric.redundancy, else resilience."""
        asked = self.resilience.in_band if network == "in-band" else self.resilience.storage
        return self.preferences.fabric.redundancy or ("pair" if asked == "pair" else "none")
