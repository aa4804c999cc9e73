"""The plan: the one result that every document reads. `plan.json` is this model.

Amounts are decimals with two places in the budget's currency, written as JSON numbers. `lines` are what is bought
(capital); `yearly` is what is paid every year; tax stands per rate in `taxes`. totals.capex = sum of lines + taxes.
"""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from planner.parts import Section, Technology


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("expected an amount")
    return Decimal(str(value))


# Two decimals survive the float of a JSON number exactly up to 10^13, far above any site.
Amount = Annotated[Decimal, PlainValidator(_decimal), PlainSerializer(lambda d: float(d), return_type=float)]


class Entry(BaseModel):
    """Base of every part of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class PlannedObjective(Entry):
    """`value` and `bound` in the objective's own unit (money, kW, or share); gap is relative."""

    name: str
    unit: str
    value: float
    bound: float
    gap: float


class EnergyBasis(Entry):
    """What the yearly energy cost is made of: typical kW × utilisation × annual PUE × hours × tariff."""

    typical_kw: float
    utilisation: float
    pue: float
    hours: int
    tariff: float  # budget currency per kWh

    @property
    def kwh(self) -> float:
        """Energy of everything in a year."""
        return self.typical_kw * self.utilisation * self.pue * self.hours


class Totals(Entry):
    """`capex` is what the cap is compared with (with tax when vat_percent is given)."""

    capex: Amount
    capex_low: Amount
    capex_high: Amount
    capex_without_tax: Amount
    tax: Amount
    currency: str
    opex_per_year: Amount
    energy_per_year: Amount | None
    energy_basis: EnergyBasis | None = None
    tco: Amount | None
    tco_years: int
    it_power_kw: float  # maximum draw
    typical_power_kw: float
    facility_power_kw: float
    racks: int
    rack_units: int
    weight_kg: float
    accelerators: int
    nodes: int


class Predicted(Entry):
    """What the pool delivers, with the stated range, and what was asked. Covered by the digest."""

    quantity: str  # e.g. "training time", "requests per second"
    unit: str
    asked: float | None
    value: float
    low: float
    high: float
    limiting_factor: str | None = None
    layout: dict[str, Any] = Field(default_factory=dict)
    unproven: bool = False
    basis: str | None = None  # the sources and rules behind the number
    details: dict[str, float | str | None] = Field(default_factory=dict)  # days, MFU, HPCG, TTFT, memory used ...


class PerMillion(Entry):
    """Energy of a million tokens, requests or samples at the rate that was asked, else at the predicted one."""

    unit: Literal["tokens", "requests", "generated tokens", "samples"]
    kwh: float
    cost: float | None  # budget currency


class WorkEnergy(Entry):
    """Energy of one piece of work: kWh = typical kW × utilisation × annual PUE × hours; cost = kWh × tariff.

    `typical_kw` is the typical draw of everything that the work owns: its nodes, spare nodes, compute fabric. What is
    shared (management, in-band, out-of-band, storage) is only in the totals. A run of known length draws it all the
    time (utilisation 1) for the typical predicted time; anything else is counted over a year.
    """

    work: str  # as lines name it: a workload, or "shared"
    workloads: tuple[str, ...]
    period: Literal["run", "year"]
    typical_kw: float
    utilisation: float
    pue: float
    hours: float
    kwh: float
    tariff: float | None  # budget currency per kWh
    cost: Amount | None
    accelerator_hours: float | None = None  # of a run
    per_million: tuple[PerMillion, ...] = ()  # where one workload alone uses the nodes and has such a unit


class PoolPorts(Entry):
    """Ports of one node by network."""

    compute: int = 0
    storage: int = 0
    in_band: int = 0
    oob: int = 0


class ScaleUpDomain(Entry):
    """The network that joins accelerators inside a system: it comes with the system, its price is in the system's.

    `included` pieces of the whole pool by name; empty where nobody published them.
    """

    name: str  # NVLink 5 + NVLink Switch, xGMI, HCCS ...
    interconnect: str  # how it is built: nvswitch, bridge, xgmi ...
    accelerators: int  # of one domain
    domains: int  # of the pool
    gb_per_s: float | None  # per accelerator, both directions added
    included: dict[str, int] = Field(default_factory=dict)


class Pool(Entry):
    """Nodes of one build that serve one workload (or several that share them)."""

    workload: str
    workloads: tuple[str, ...]  # all that share the pool
    accelerator: str
    accelerators: int
    accelerators_per_node: int
    chassis: str
    nodes: int
    spare_nodes: int = 0
    replicas: int | None = None
    cards_used: int | None = None  # by shared work
    cpu: str | None
    cpus_per_node: int
    memory_gb: float  # per node
    nvme_tb: float  # per node
    nic: str | None
    nics_per_node: int
    node_power_kw: float  # maximum, per node
    node_typical_kw: float
    node_rack_units: int
    node_weight_kg: float
    cooling: str
    fabric: str | None  # name in `fabrics`
    scale_up: ScaleUpDomain | None = None  # None: accelerators are joined by nothing but the host's bus
    ports: PoolPorts = PoolPorts()
    precision: str | None = None
    peak_pflops: float | None = None  # dense peak of all accelerators of the pool at `peak_precision`
    peak_precision: str | None = None
    predicted: tuple[Predicted, ...] = ()
    notices: tuple[str, ...] = ()


class PlannedFabric(Entry):
    """One network. `cables` are pieces to its ports: breakout cables carry several links, some links two."""

    name: str  # compute, compute-2 ..., storage, in-band, oob
    role: Literal["compute", "storage", "in-band", "oob"]
    technology: Technology
    switch: str
    gbps: float
    topology: str  # rail | plain | direct
    tiers: int
    leaf: int
    spine: int
    core: int
    endpoints: int
    oversubscription: float
    cables: int
    links_node: int
    links_other: int = 0  # fabric managers on leaf ports
    links_leaf_spine: int
    links_spine_core: int
    ports_used: int
    ports_present: int
    redundancy: Literal["pair", "none"]
    node_cable: str | None = None  # priced for links to devices; None: what docs/fabric.md says for these cages
    trunk_cable: str | None = None  # priced for links between switches
    planes: int = 1  # separate trees of equal size: switches of a tier are numbered plane after plane
    pools: tuple[str, ...]


class LinePrice(Entry):
    """Where a unit price comes from."""

    basis: str
    grade: str
    source: str
    as_of: str
    currency: str  # of the source row
    amount: Amount  # in the source row's currency and tax basis
    tax_basis: str
    exchange_rate: Amount | None = None  # budget currency per unit of the source currency
    # The chain in numbers: amount ÷ (1 + tax inside) × (1 − discount) × exchange × (1 + freight) × (1 + duty). Percent.
    tax_inside_percent: Amount | None = None
    discount_percent: Amount | None = None
    freight_percent: Amount | None = None
    duty_percent: Amount | None = None
    steps: tuple[str, ...] = ()  # the chain from source price to landed price, in words
    includes_support_months: int | None = None


class PlanLine(Entry):
    """One line that is bought, or paid every year. `unit_price` is landed, without tax, in the budget's currency."""

    position: str  # dotted, e.g. 1.2
    part: str
    section: Section
    group: str  # the item it belongs to: node build, fabric name, "storage" ...
    pool: str | None = None  # workload name, when one pool owns it
    maker: str
    model: str
    model_zh: str | None = None  # the usual Chinese name, where the part has one
    part_number: str | None = None
    description: str
    per_node: int | None = None
    nodes: int | None = None
    quantity: int
    unit: str  # piece, licence, year ...
    unit_price: Amount
    unit_low: Amount
    unit_high: Amount
    extended: Amount
    currency: str
    tax_percent: Amount  # counted in the capital
    country_tax_percent: Amount | None = None  # what the destination levies on such a line, counted or not
    price: LinePrice | None  # None for items without charge and rule-based lines; `rule` then says why
    rule: str | None = None
    max_power_w: float = 0.0  # per piece; only where the piece counts towards power on its own
    typical_power_w: float = 0.0
    rack_units: int = 0
    weight_kg: float = 0.0
    origin: str | None = None
    supply: Literal["domestic", "imported", "unknown"] = "unknown"  # by origin, seen from the site's country
    estimates: tuple[str, ...] = ()


class OriginShare(Entry):
    """Capital lines by origin, without tax: from the site's country, from elsewhere, not known (services too).

    `share` = domestic ÷ (domestic + imported); None where neither is there.
    """

    country: str
    domestic: Amount
    imported: Amount
    unknown: Amount
    share: float | None


class LineScreening(Entry):
    """What the export worksheet says about a part that is bought: entry, verdict, rules, what must be asked."""

    part: str
    kind: str  # accelerator, system, cpu, switch, nic ...
    eccn: str | None  # the entry of its class or kind; the maker states that of the part number
    eccn_zh: str | None = None
    hs6: tuple[str, ...]  # customs codes, six digits; they decide no export entry
    classification: str | None
    verdict: str
    rules: tuple[str, ...]
    citation: str
    citation_zh: str
    data: tuple[str, ...]
    data_zh: tuple[str, ...]
    asks: tuple[str, ...]
    asks_zh: tuple[str, ...]


class TaxLine(Entry):
    percent: Amount
    base: Amount
    amount: Amount


class RackItem(Entry):
    item: str  # chassis, switch, storage or management part id
    label: str  # e.g. "pod node 1", "compute leaf 3"
    units: int
    bottom_unit: int
    power_kw: float
    weight_kg: float


class PlannedRack(Entry):
    """One rack with what stands in it, by unit from the bottom."""

    name: str
    part: str | None
    door: str | None = None  # the heat exchanger in its rear door
    units: int
    power_kw: float
    weight_kg: float
    items: tuple[RackItem, ...]


class PlannedCables(Entry):
    """Cables of one length between devices of one kind, and the longest run that uses it (m, slack included).

    `kind`: node (a device into a leaf), trunk (leaf to spine), core (spine to core), peer (the two of a pair), uplink
    (an out-of-band switch into the in-band network).
    """

    network: str
    kind: Literal["node", "trunk", "core", "peer", "uplink"]
    part: str
    length_m: float
    quantity: int
    longest_m: float


class Foreseen(Entry):
    """A change of verdict by a rule that was public on the plan's date. `on` None: if a text not enforced were."""

    rule: str
    on: str | None
    verdict: str
    review_policy: str | None = None
    text: str
    text_zh: str


class ComplianceEntry(Entry):
    """The screening of one part. `summary` is the whole reasoning, `short` verdict, rule and decisive number."""

    part: str
    accelerator: str | None
    classification: str | None
    verdict: str
    rules: tuple[str, ...]
    on: str
    summary: str
    summary_zh: str | None = None
    short: str = ""
    short_zh: str = ""
    system: str | None = None  # entry of a board or server with the part
    exception: str | None = None  # licence exception that can be used under its conditions
    codified: str | None = None  # verdict by a stricter text on the books that is not enforced; None: the same
    conditions: tuple[str, ...] = ()  # to be certified in an application
    conditions_zh: tuple[str, ...] = ()
    data: tuple[str, ...] = ()  # the figures and facts compared
    data_zh: tuple[str, ...] = ()
    foreseen: tuple[Foreseen, ...] = ()
    citations: tuple[str, ...] = ()
    review_policy: str | None = None
    import_side: str | None = (
        None  # import_open | import_restricted | import_unknown: the importing country's own answer
    )
    assumed: tuple[str, ...] = ()
    planned: bool = False  # is in this plan; others are shown to say why they were left out


Figure = int | float | str | None  # int first: whole numbers stay whole in JSON
Figures = dict[str, Figure]


class PlannedCheck(Entry):
    """One numbered check as it stood when the plan was made. `case` and `figures` carry what the English words say,
    so that documents say it in their language; `items` are the first offenders, `figures["count"]` says how many."""

    number: int
    id: str
    title: str
    status: Literal["PASS", "WARN", "FAIL"]
    case: str
    have: str
    need: str
    text: str
    mend: str | None = None
    figures: Figures = Field(default_factory=dict)
    items: tuple[Figures, ...] = ()


class Limit(Entry):
    """A named limit: what there is and what the plan uses. `have` None means not limited."""

    name: str
    unit: str
    have: float | None
    used: float
    binding: bool
    slack: float | None = None


class Assumption(Entry):
    """Something the planner took for granted. kind: default | estimate | price | sizing | compliance | notice."""

    kind: str
    name: str
    text: str
    text_zh: str | None = None


class LeftOut(Entry):
    """An accelerator or chassis that was not chosen and why: a rule, a limit, or what it would cost more."""

    part: str
    rule: str
    message: str
    extra_cost: Amount | None = None


class StorageChoice(Entry):
    system: str
    blocks: int
    usable_tb: float
    read_gb_per_s: float
    write_gb_per_s: float
    read_needed: float = 0.0  # as asked, else by profile and checkpoint rule
    write_needed: float = 0.0


class Provenance(Entry):
    planner: str
    catalog_hash: str
    rule_date: str
    price_date: str
    request_hash: str
    digest: str  # over predicted figures, objective and bound
    seals: dict[str, str] = Field(default_factory=dict)  # of every entry, to name the one that was changed


class Plan(Entry):
    status: Literal["optimal", "feasible", "infeasible"]
    project: str
    language: str
    objective: PlannedObjective
    totals: Totals
    pools: tuple[Pool, ...]
    fabrics: tuple[PlannedFabric, ...]
    storage: StorageChoice | None
    energy: tuple[WorkEnergy, ...] = ()
    racks: tuple[PlannedRack, ...]
    cabling: tuple[PlannedCables, ...] = ()
    lines: tuple[PlanLine, ...]
    yearly: tuple[PlanLine, ...]
    taxes: tuple[TaxLine, ...]
    origins: OriginShare | None = None
    compliance: tuple[ComplianceEntry, ...]
    screening: tuple[LineScreening, ...] = ()
    assumptions: tuple[Assumption, ...]
    limits: tuple[Limit, ...]
    checks: tuple[PlannedCheck, ...] = ()
    left_out: tuple[LeftOut, ...]
    open_questions: tuple[Assumption, ...]
    names: dict[str, str] = Field(default_factory=dict)  # part id -> maker and model, for every part that is mentioned
    request: dict[str, Any]  # normalised
    provenance: Provenance


def digest_of(plan: Plan) -> str:
    """SHA-256 over what the catalog cannot give back: the predictions of every pool, objective value and bound."""
    covered = {
        "objective": plan.objective.model_dump(mode="json"),
        "predicted": [[p.model_dump(mode="json") for p in pool.predicted] for pool in plan.pools],
    }
    return _sha(covered)


def seals_of(plan: Plan) -> dict[str, str]:
    """A short digest of every entry of a plan by its place; of the provenance without digest and seals themselves."""
    found: dict[str, str] = {}
    data = plan.model_dump(mode="json", exclude={"provenance": {"digest", "seals"}})
    for name, value in data.items():
        if isinstance(value, list):
            for k, entry in enumerate(value):
                found[f"{name}[{k}]"] = _sha(entry)[:16]
        else:
            found[name] = _sha(value)[:16]
    return found


def _sha(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def request_hash(request: dict[str, Any]) -> str:
    """SHA-256 of a normalised request."""
    return _sha(request)
