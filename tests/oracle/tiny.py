"""Small random sites: a narrowed catalog with prices of its own, and a request that shows one kind of situation."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from planner import demand, fabric, nodes
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.parts import Accelerator, Cable, Chassis, FabricLink, NodeBuild, Part, Price, Software, Switch
from planner.pricing import PriceBook
from planner.request import Request

ON = dt.date(2026, 11, 24)
KINDS = (
    *("capacity", "mix", "sharing", "maximise", "supply", "tie", "tight", "performance", "wide", "storage"),
    *("mix", "supply", "maximise", "tie", "sharing", "supply", "maximise", "mix", "supply", "tie"),
    *("joint", "joint"),
)
OBJECTIVES = ("lowest_capex", "lowest_capex", "lowest_power", "lowest_tco")
COUNTRIES = ("DE", "US", "NO", "JP")
# Typical prices to start from, in thousands of USD; every part's own is drawn around its kind's.
THOUSANDS = {
    "accelerators": 18.0,
    "chassis": 22.0,
    "baseboards": 170.0,
    "cpus": 3.0,
    "dimms": 0.4,
    "drives": 0.9,
    "nics": 1.3,
    "bridges": 1.0,
    "switches": 12.0,
    "optics": 0.6,
    "cables": 0.2,
    "storage": 150.0,
    "racks": 2.0,
    "pdus": 1.2,
    "management": 14.0,
    "software": 1.0,
}
COMPLETE = 260.0
PCIE = ("l40s", "l4", "rtx-pro-6000-se", "h200-nvl")
MODULES = ("h200-sxm5", "b200-sxm6", "mi300x", "mi325x", "gaudi3-oam")
OOB = ("sn2201",)
IN_BAND = ("sn4600c", "sn4600")
COMPUTE = ("qm9700", "qm9790", "qm8700", "sn5600", "sn4700", "sn3700", "sn5610", "arista-dcs-7060x6-64pe")
MODELS = ("llama3.1-8b", "qwen2.5-14b", "qwen3-8b", "mistral-7b")


@dataclass(frozen=True)
class Tiny:
    """A small site and what kind of situation it was made to show."""

    kind: str
    request: Request
    catalog: Catalog


class TinyCatalog(Catalog):
    """A handful of parts of the shipped catalog, at other prices; its tables are the shipped ones."""

    def __init__(self, label: str, kinds: Mapping[str, Mapping[str, Part]], prices: Mapping[str, tuple[Price, ...]]):
        super().__init__(_shipped().folders)
        # Kinds are read on first use; what stands here already is never read.
        self.__dict__.update(kinds)
        self.__dict__.update(models=_shipped().models, groups=_shipped().groups, prices=prices, hash=label)

    def table(self, name: str) -> Any:
        return _table(name)

    def tables(self, folder_name: str) -> dict[str, Any]:
        return _tables(folder_name)


@functools.cache
def _shipped() -> Catalog:
    return Catalog.load()


@functools.cache
def _table(name: str) -> Any:
    return _shipped().table(name)


@functools.cache
def _tables(folder: str) -> dict[str, Any]:
    return _shipped().tables(folder)


def tiny_site(seed: int) -> Tiny:
    """A site whose kind follows the seed."""
    dice = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    catalog = _catalog(dice, kind, seed)
    return Tiny(kind, _request(dice, kind, catalog, _cooled(seed)), catalog)


# -- catalog ---------------------------------------------------------------------------------------------------------
def _catalog(dice: random.Random, kind: str, seed: int) -> TinyCatalog:
    shipped = _shipped()
    kinds: dict[str, dict[str, Part]] = {name: dict(getattr(shipped, name)) for name in THOUSANDS}
    replicas = kind in ("mix", "sharing", "supply", "tie", "wide")
    cards = dice.sample(PCIE, 2 if replicas else 1)
    modules = dice.sample(MODULES, 1 if replicas else 2)
    if kind == "wide":
        cards, modules = ["l40s", dice.choice(("l4", "rtx-pro-6000-se"))], []
    kinds["accelerators"] = {i: shipped.accelerators[i] for i in sorted((*cards, *modules))}
    kinds["chassis"] = _chassis(dice, cards, modules)
    if kind == "tie":
        for box in list(kinds["chassis"].values()):
            kinds["chassis"][f"{box.id}-twin"] = box.model_copy(update={"id": f"{box.id}-twin"})
    used = {c for box in kinds["chassis"].values() if isinstance(box, Chassis) for c in box.cpus}
    kinds["cpus"] = _some_cpus(dice, used, 1 if replicas or kind == "performance" else 2)
    if replicas or kind == "performance":  # few kinds of nodes, any number of each
        kinds["bridges"] = {}
    kinds["switches"] = _switches(dice, kind)
    kinds["nics"] = _nics(dice, kind)
    kinds["racks"] = {i: kinds["racks"][i] for i in [*dice.sample(sorted(kinds["racks"]), 2), "r52_800_1200"]}
    kinds["cooling"] = dict(shipped.cooling)
    if _liquid(seed):
        wet = random.Random(f"plates {seed}")
        for box_id, box in kinds["chassis"].items():
            if wet.random() < 0.6:
                kinds["chassis"][box_id] = box.model_copy(update={"cooling": "dlc"})
    kinds["storage"] = {i: kinds["storage"][i] for i in ("ddn-ai400x2", "netapp-aff-a90", "dell-powerscale-f710")}
    return TinyCatalog(f"tiny-{seed}", kinds, _prices(dice, kind, kinds))


def _liquid(seed: int) -> bool:
    """Whether a site has a liquid loop; drawn apart, so that all other sites stay what they are."""
    return random.Random(f"liquid {seed}").random() < 0.3


def _chassis(dice: random.Random, cards: list[str], modules: list[str]) -> dict[str, Part]:
    """One or two servers per accelerator, with few of their card counts."""
    found: dict[str, Part] = {}
    for accelerator in (*cards, *modules):
        takers = [
            c
            for c in _shipped().chassis.values()
            if accelerator in c.takes and c.lifecycle == "current" and c.origin != "CN" and c.cooling != "dlc"
        ]
        for box in dice.sample(takers, min(len(takers), 1 if accelerator in cards else dice.choice((1, 2)))):
            counts = [n for n in (2, 4, 8) if n in (box.card_counts or (box.slots,))]
            if box.category == "pcie":
                counts = sorted(dice.sample(counts, min(2, len(counts))))
            found[box.id] = box.model_copy(update={"card_counts": tuple(counts) if box.category == "pcie" else ()})
    return found


def _some_cpus(dice: random.Random, used: set[str], most: int) -> dict[str, Part]:
    """One or two CPUs per socket."""
    sockets: dict[str, list[str]] = {}
    for cpu in _shipped().cpus.values():
        if cpu.id in used and cpu.lifecycle == "current" and cpu.cores >= 32 and cpu.max_sockets > 1:
            sockets.setdefault(cpu.socket, []).append(cpu.id)
    chosen = [i for ids in sockets.values() for i in dice.sample(ids, min(most, len(ids)))]
    return {i: _shipped().cpus[i] for i in sorted(chosen)}


def _switches(dice: random.Random, kind: str) -> dict[str, Part]:
    """A few switches of fewer ports, so that small sites meet steps and tiers."""
    few = dice.sample(COMPUTE, 3 if kind in ("capacity", "maximise", "tight", "performance") else 2)
    if kind == "joint":  # switches of one technology, whose ports several adapters fit
        few = dice.choice((["qm9700", "qm9790", "qm8700"], ["qm9700", "qm8700"], ["sn5600", "sn4700", "sn5610"]))
    found: dict[str, Part] = {}
    for switch_id in sorted({*few, *IN_BAND[: dice.choice((1, 2))], *OOB}):
        switch = _shipped().switches[switch_id]
        share = dice.choice((1, 1, 2, 4)) if switch_id not in OOB else dice.choice((1, 3, 4))
        found[switch_id] = _shrunk(switch, share)
    if dice.random() < 0.5:
        found["oob-small"] = _shrunk(_shipped().switches["sn2201"], 6).model_copy(update={"id": "oob-small"})
    return found


def _shrunk(switch: Switch, share: int) -> Switch:
    return switch.model_copy(
        update={
            "ports": switch.ports // share,
            "cages": switch.cages // share,
            "split": {speed: ports // share for speed, ports in switch.split.items()},
        }
    )


def _nics(dice: random.Random, kind: str) -> dict[str, Part]:
    """Adapters for in-band and storage, and few for compute; none where replicas stay in one node."""
    names = ["e810-cqda2", "e830-cqda2", "cx6lx-25-2p", "cx7-200-qsfp112-2p", "cx6-hdr-2p"]
    if kind not in ("mix", "sharing", "supply") and (kind not in ("tie", "performance") or dice.random() < 0.3):
        names += dice.sample(("cx7-ndr400-osfp", "cx7-400-qsfp112-1p", "cx6-hdr-1p", "bf3-b3140h", "pollara-400"), 2)
    if kind == "storage":
        names.append("bf3-b3240")
    if kind == "joint":
        names += ["cx7-ndr400-osfp", "cx6-hdr-1p", "cx7-400-qsfp112-1p"]
    return {i: _shipped().nics[i] for i in sorted(names)}


def _prices(dice: random.Random, kind: str, kinds: Mapping[str, Mapping[str, Part]]) -> dict[str, tuple[Price, ...]]:
    found: dict[str, tuple[Price, ...]] = {i: _shipped().prices[i] for i in kinds["cooling"]}
    for name, parts in kinds.items():
        if name == "cooling":
            continue
        for part_id, part in sorted(parts.items()):
            if isinstance(part, Software) and part.free:
                continue
            # What a plan can do without is now and then not for sale.
            if name in ("nics", "optics", "switches") and part_id not in (*OOB, IN_BAND[0]) and dice.random() < 0.04:
                continue
            found[part_id] = (_price(dice, name, part),)
    # The enumeration has no floor: lengths of one cable cost the same, so that none needs pricing again for a far run.
    alike: dict[tuple[object, ...], Price] = {}
    for part_id, cable in sorted(kinds["cables"].items()):
        if isinstance(cable, Cable) and cable.kind not in ("dac", "acc"):
            price = alike.setdefault((cable.vendor, cable.kind, cable.gbps, cable.links, cable.ends), found[part_id][0])
            found[part_id] = (price.model_copy(update={"part": part_id}),)
    if kind == "tie":
        for part_id in list(found):
            if f"{part_id}-twin" in found:
                found[f"{part_id}-twin"] = (found[part_id][0].model_copy(update={"part": f"{part_id}-twin"}),)
    return found


def _price(dice: random.Random, name: str, part: Part) -> Price:
    amount = THOUSANDS[name] * 1000 * dice.uniform(0.6, 1.5)
    if isinstance(part, Chassis) and part.price_scope == "complete":
        amount *= COMPLETE / THOUSANDS["chassis"]
    if isinstance(part, Accelerator):
        amount *= (part.memory_gb or 48.0) / 90
    if isinstance(part, Switch) and "oob" in part.roles:
        amount /= 4
    typical = Decimal(str(round(amount, dice.choice((0, 2)))))
    included = dice.random() < 0.15
    return Price(
        part=part.id,
        currency=dice.choice(("USD", "USD", "EUR")),
        low=typical * Decimal("0.9"),
        typical=typical,
        high=typical * Decimal("1.2"),
        tax_basis="included" if included else "excluded",
        tax_percent=Decimal(19) if included else None,
        basis="street",
        grade="B",
        source="drawn at random",
        as_of="2026-10-01",
        includes_support_months=dice.choice((None, None, 12, 36)) if isinstance(part, Chassis) else None,
    )


# -- request ---------------------------------------------------------------------------------------------------------
def _cooled(seed: int) -> dict[str, Any]:
    """A liquid loop, and now and then what the room cools per rack or that it brings its own equipment."""
    dice, found = random.Random(f"terms {seed}"), dict[str, Any]()
    if not _liquid(seed):
        return found
    found["cooling"] = "liquid"
    if dice.random() < 0.5:
        found["cooling_terms"] = {
            "air_kw_per_rack": dice.choice((9, 14, 25)),
            "liquid_kw_per_rack": dice.choice((12, 30)),
        }
    if dice.random() < 0.2:
        found["cooling_equipment"] = "provided"
    return found


def _request(dice: random.Random, kind: str, catalog: Catalog, cooled: dict[str, Any]) -> Request:
    data: dict[str, Any] = {
        "project": kind,
        "customer": {"headquarters": "DE"},
        "site": {
            "country": dice.choice(COUNTRIES),
            "rack_units": dice.choice((None, 24, 36, 48)),
            "rack_power_kw": dice.choice((16, 20, 25.5, 33, None)),
            "rack_weight_kg": dice.choice((None, None, 700)),
            **cooled,
        },
        "budget": {
            "currency": dice.choice(("USD", "EUR", "NOK")),
            "vat_percent": dice.choice((None, 19, 25)),
            "tco_years": dice.choice((3, 5)),
            "price_level": dice.choice(("typical", "typical", "low", "high")),
        },
        "preferences": {"fabric": {"redundancy": dice.choice((None, None, "pair", "none"))}},
        "objective": dice.choice(OBJECTIVES),
    }
    # The shelf is for pools of more than 16 nodes; of work in replicas it is counted in ranges.
    if kind not in ("capacity", "maximise", "tight", "storage") or dice.random() < 0.5:
        data["spares"] = dict.fromkeys(("nodes", "optics", "cables", "nics", "drives", "supplies"), 0)
    if dice.random() < 0.4:
        single = dice.choice(("in_band", "storage", "management", "fabric_managers"))
        data["resilience"] = {single: "single"}
    probe = Request.model_validate({**data, "workloads": [{"name": "probe", "kind": "capacity", "count": 1}]})
    book = PriceBook(catalog, probe, ON)
    built, _ = nodes.build_nodes(catalog, probe, sorted(catalog.accelerators), book)
    _KINDS[kind](dice, data, catalog, built)
    return Request.model_validate(data)


def _node_money(dice: random.Random, data: dict[str, Any], count: float) -> int:
    """A budget for about so many nodes, with what they need around them."""
    per_usd = {"USD": 1.0, "EUR": 0.9, "NOK": 10.5}[data["budget"]["currency"]]
    return int(count * dice.uniform(0.9, 1.6) * 230_000 * per_usd)


def _service(
    dice: random.Random, catalog: Catalog, built: list[NodeBuild], cards: float, **more: Any
) -> dict[str, Any]:
    """A service that takes about so many accelerators of some build."""
    name = dice.choice(MODELS)
    work: dict[str, Any] = {
        "name": "service",
        "kind": "inference",
        "model": name,
        "input_tokens": dice.choice((500, 1000, 2000)),
        "output_tokens": dice.choice((100, 300)),
        **more,
    }
    rates = sorted(_per_card(catalog, built, work).values())
    return {**work, "requests_per_s": round(cards * dice.choice(rates), 3) if rates else 1.0}


def _per_card(catalog: Catalog, built: list[NodeBuild], work: dict[str, Any]) -> dict[str, float]:
    """Requests per second of a service on one accelerator, by its id."""
    asked = {**work, "requests_per_s": 1}
    probe = Request.model_validate({"site": {"country": "DE"}, "workloads": [asked]}).workloads[0]
    alone = FabricLink(technology=None, gbps_per_node=0.0)
    rates: dict[str, float] = {}
    for build in built:
        found = demand.replicas(probe, build, alone, catalog)
        if not isinstance(found, Rejection):
            best = max(r.rate.planning / (r.cards or build.accelerators) for r in found)
            rates[build.accelerator] = max(best, rates.get(build.accelerator, 0.0))
    return rates


def _few_cards(dice: random.Random, built: list[NodeBuild]) -> dict[str, Any]:
    """Accelerators that one node holds: they need no fabric."""
    if not built:
        return {"name": "cluster", "kind": "capacity", "pflops": 1}  # nothing can be built; there is no plan
    build = dice.choice(built)
    count = dice.randint(1, build.accelerators)
    return {"name": "cluster", "kind": "capacity", "accelerator": build.accelerator, "count": count}


def _capacity(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    accelerators = sorted({b.accelerator for b in built} or catalog.accelerators)
    works = []
    for k in range(dice.choice((1, 2, 2))):
        work: dict[str, Any] = {"name": f"cluster-{k + 1}", "kind": "capacity"}
        if dice.random() < 0.25:
            work |= {"pflops": dice.choice((5, 20, 60)), "precision": "fp16"}
        else:
            work |= {"accelerator": dice.choice(accelerators), "count": dice.choice((4, 8, 16, 24, 32, 60))}
        works.append(work)
    data["workloads"] = works
    if dice.random() < 0.3:
        data["preferences"]["fabric"]["oversubscription"] = 2
    if dice.random() < 0.3:
        data["site"]["racks"] = dice.randint(4, 12)


def _mix(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    cards = [b for b in built if catalog.chassis[b.chassis].category == "pcie"] or built
    data["workloads"] = [_service(dice, catalog, cards, dice.choice((3, 5, 6, 9, 10, 11, 13)))]
    data["workloads"][0]["spare_nodes"] = dice.choice((0, 0, 0, 1))
    if dice.random() < 0.3:
        data["workloads"].append(_few_cards(dice, built))


def _sharing(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    one = _service(dice, catalog, built, dice.choice((1.5, 3, 5)), share=True)
    two = {**_service(dice, catalog, built, dice.choice((0.5, 2, 4)), share=True), "name": "second"}
    data["workloads"] = [one, two]
    if dice.random() < 0.4:  # small enough for slices of cards that have them
        small = {"name": "images", "kind": "inference", "benchmark": "resnet50", "share": True}
        data["workloads"][dice.choice((0, 1))] = {**small, "samples_per_s": dice.choice((800, 3000, 9000, 25_000))}
    if dice.random() < 0.3:
        data["workloads"].append(_few_cards(dice, built))


def _maximise(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    work: dict[str, Any] = {"name": "cluster", "kind": "capacity", "maximise": "accelerators"}
    if dice.random() < 0.3:  # its rate is not proportional to the nodes
        work |= {"kind": "hpc", "maximise": "sustained_pflops"}
    if dice.random() < 0.3:
        work["accelerator"] = dice.choice(sorted({b.accelerator for b in built} or catalog.accelerators))
    data["workloads"] = [work]
    if dice.random() < 0.3:
        data["workloads"].append(_service(dice, catalog, built, 3))
    if dice.random() < 0.6:
        data["budget"]["capex"] = _node_money(dice, data, dice.randint(4, 8))
    else:
        data["site"]["it_power_kw"] = dice.randint(20, 80)
    if dice.random() < 0.3:
        data["site"]["racks"] = dice.randint(2, 6)


def _supply(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    """Too little of every accelerator but the one that costs most for what it does."""
    _mix(dice, data, catalog, built)
    service = data["workloads"][0]
    data["workloads"] = [service]
    rates = _per_card(catalog, built, service)
    dear = {a: float(catalog.prices[a][0].typical) / rate for a, rate in rates.items() if rate and a in catalog.prices}
    data["supply"] = {part: dice.choice((2, 4, 4, 8)) for part in sorted(catalog.accelerators)}
    if dear:
        data["supply"][max(dear, key=lambda a: (dear[a], a))] = 200


def _tie(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    if dice.random() < 0.5:
        _mix(dice, data, catalog, built)
    else:
        data["workloads"] = [_few_cards(dice, built)]


def _tight(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    _capacity(dice, data, catalog, built)
    match dice.choice(("power", "money", "racks", "rack power", "yearly")):
        case "power":
            data["site"][dice.choice(("it_power_kw", "utility_power_kw"))] = dice.uniform(2, 24)
        case "money":
            data["budget"]["capex"] = _node_money(dice, data, dice.uniform(0.2, 2))
        case "racks":
            data["site"]["racks"] = 1
        case "rack power":
            data["site"]["rack_power_kw"] = dice.choice((2, 4, 6))
        case _:
            data["budget"]["opex_per_year"] = dice.choice((3_000, 20_000, 60_000))


def _performance(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    """Best performance of what is asked, or several works to maximise."""
    data["objective"] = "highest_performance"
    data["budget"]["capex"] = _node_money(dice, data, dice.uniform(2, 4))
    data["site"]["it_power_kw"] = dice.randint(20, 45)
    service = _service(dice, catalog, built, 3, share=dice.random() < 0.3)
    other: dict[str, Any] = {"name": "cluster", "kind": "capacity", "pflops": 3}
    if dice.random() < 0.5:
        other = {"name": "cluster", "kind": "capacity", "maximise": "accelerators"}
        if dice.random() < 0.5:
            service["maximise"] = "requests_per_s"
            del service["requests_per_s"]
    data["workloads"] = [service, other] if dice.random() < 0.7 else [service]


def _wide(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    """A model that small nodes hold only together: replicas on islands."""
    work = {"name": "service", "kind": "inference", "model": "llama3.1-70b", "input_tokens": 1000}
    work |= {"output_tokens": 200, "requests_per_s": dice.choice((0.2, 0.5, 1.0, 2.0))}
    data["workloads"] = [work]


def _joinable(catalog: Catalog, build: NodeBuild) -> bool:
    """Whether a switch of the catalog has ports for the adapters of a build."""
    return any(fabric.candidate_switches(catalog, t, build.compute_gbps, "compute") for t in build.compute_technologies)


def _joint(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    """Two or three works of several nodes each, whose fabrics may be one."""
    joined = [b for b in built if b.compute_ports and _joinable(catalog, b)] or built
    works: list[dict[str, Any]] = []
    for k in range(dice.choice((2, 2, 2, 3))):
        build = dice.choice(joined) if joined else None
        count = (build.accelerators if build else 8) * dice.choice((2, 3, 4))
        work = {"name": f"cluster-{k + 1}", "kind": "capacity", "count": count}
        works.append({**work, "accelerator": build.accelerator if build else "h200-sxm5"})
    if dice.random() < 0.2:
        works[0] = {"name": "cluster-1", "kind": "capacity", "maximise": "accelerators"}
        data["budget"]["capex"] = _node_money(dice, data, dice.randint(5, 8))
    wanted = data["preferences"]["fabric"]
    wanted["sharing"] = dice.choice(("auto", "auto", "auto", "auto", "shared", "separate"))
    wanted["topology"] = dice.choice((None, None, "plain", "rail"))
    wanted["oversubscription"] = dice.choice((1, 1, 2))
    wanted["reserve_nodes"] = dice.choice((0, 0, 0, 2))
    data["workloads"] = works


def _stored(dice: random.Random, data: dict[str, Any], catalog: Catalog, built: list[NodeBuild]) -> None:
    _capacity(dice, data, catalog, built)
    data["storage"] = {"usable_tb": dice.choice((50, 200, 600)), "read_gb_per_s": dice.choice((0, 10, 60))}


_KINDS = {
    "capacity": _capacity,
    "mix": _mix,
    "sharing": _sharing,
    "maximise": _maximise,
    "supply": _supply,
    "tie": _tie,
    "tight": _tight,
    "performance": _performance,
    "wide": _wide,
    "storage": _stored,
    "joint": _joint,
}
