"""A small site enumerated completely: every way of every workload with every way of what they share.

Nothing of the planner's candidates, pruning, program or packing is used. Branches are left only where what is already
bought exceeds a limit or costs more than a plan that is known: costs are sums of things that cost something.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from oracle.cabinets import at_least, fewest
from oracle.equipment import Equipment, Shared
from oracle.ledger import EMPTY, Heap, Ledger
from oracle.pools import Builder, Slot, Way
from planner import demand, sitefile
from planner.catalog import Catalog
from planner.request import Request, Workload
from planner.units import half_up

PUE = {"air": 1.4, "liquid": 1.2}
UTILISATION, HOURS = Decimal("0.8"), 8760
CLOSE = 1e-9  # rates
EXACT = 1e-13  # sums of cents
INFINITE = float("inf")

Value = tuple[float, float, int, int, int]  # −performance, objective, cents, watts, nodes


@dataclass(frozen=True)
class Answer:
    """The best value (None: no plan) and what kinds of situation the optimum shows."""

    value: Value | None
    words: tuple[str, ...] = ()
    heap: Heap = EMPTY
    racks: int = 0
    two_pools: bool = False
    shared_rack: bool = False
    tie: bool = False
    step: bool = False
    joint: bool = False
    looked_at: int = 0


def best_site(request: Request, catalog: Catalog, on: dt.date) -> Answer:
    """The optimum of a site by looking at everything."""
    free = [w for w in request.workloads if w.maximise]
    alone: dict[str, float] = {}
    if len(free) > 1:
        for workload in free:
            others = [w for w in request.workloads if w is workload or not w.maximise]
            found = best_site(request.model_copy(update={"workloads": tuple(others)}), catalog, on)
            if found.value is not None:
                alone[workload.name] = -found.value[0]
    return Search(request, catalog, on, alone).run()


def supply_binds(request: Request, catalog: Catalog, on: dt.date, answer: Answer) -> bool:
    """Whether the site would do better with more of what there is too little of."""
    if answer.value is None or not request.supply:
        return False
    free = best_site(request.model_copy(update={"supply": {}}), catalog, on)
    return free.value is not None and _compare(free.value, answer.value) < 0


@dataclass
class Search:
    """One enumeration: slots in order, what is taken so far, the best so far."""

    request: Request
    catalog: Catalog
    on: dt.date
    alone: dict[str, float]
    best: Value | None = None
    winners: list[tuple[tuple[Way, ...], Shared, Heap, int]] = field(default_factory=list)
    looked_at: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.catalog, sitefile.normalised(self.request), self.on)
        self.equipment = Equipment(self.request, self.ledger)
        self.builder = Builder(self.request, self.ledger, self.equipment.rack_size())
        self.rack, self.room = self.equipment.rack_cents(), self.equipment.rack_size()
        self.energy = self._energy()
        self.tax = Decimal(str(self.request.budget.vat_percent or 0))
        self.most_cents, self.most_watts = self._caps()
        self.targets = {w.name: demand.target(w).value for w in self.request.workloads}
        self.free = [w.name for w in self.request.workloads if w.maximise]
        self.first = self.request.objective == "highest_performance" or bool(self.free)
        self.sharing = [w for w in self.request.workloads if w.share and w.kind == "inference"]
        self.slots = self._slots()
        self.lower = self._lower_bounds()
        self._split: dict[tuple[object, ...], list[tuple[float, ...]]] = {}

    def run(self) -> Answer:
        if all(slot.ways for slot in self.slots) and {s.work for s in self.slots} == self._served():
            self._descend(0, (), Heap(), {})
        if self.best is None:
            return Answer(None, looked_at=self.looked_at)
        ways, shared, heap, racks = self.winners[0]
        pools: dict[str, int] = defaultdict(int)
        for slot, way in zip(self.slots, ways, strict=True):
            pools[slot.work] += bool(way.words)
        names = {(*tuple(w.words for w in ws), s.words) for ws, s, _, _ in self.winners}
        return Answer(
            self.best,
            (*(w.words for w in ways if w.words), shared.words),
            heap,
            racks,
            two_pools=any(n > 1 for n in pools.values()),
            shared_rack=self._saved(ways, racks),
            tie=len(names) > 1,
            step=bool(self.free) and self._beyond_a_step(ways, shared),
            joint=any(w.plug is not None for w in ways),
            looked_at=self.looked_at,
        )

    # -- what there is to decide -----------------------------------------------------------------------------------
    def _served(self) -> set[str]:
        return {"shared" if w in self.sharing else w.name for w in self.request.workloads}

    def _slots(self) -> list[Slot]:
        """Maximised work first, the most of it first; then what is cheap for what it gives: good plans come early."""
        found: list[Slot] = []
        for workload in sorted(self.request.workloads, key=lambda w: w.maximise is None):
            if workload in self.sharing:
                continue
            slots = self.builder.slots(workload)
            found += sorted(
                (self._ordered(s) for s in slots),
                key=lambda s: self._measure(s.unit) / (sum(g for _, g in s.gains) or 1.0),
            )
        if self.sharing:
            slots = list(self.builder.sharing(self.sharing))
            found += sorted(slots, key=lambda s: self._measure(s.unit) / (sum(g for _, g in s.gains) or 1.0))
        return found

    def _ordered(self, slot: Slot) -> Slot:
        if slot.gains:
            return slot
        if self.first:
            return replace(slot, ways=tuple(sorted(slot.ways, key=lambda w: -w.rate)))
        return replace(slot, ways=tuple(sorted(slot.ways, key=lambda w: self._measure(w.heap))))

    def _lower_bounds(self) -> list[float]:
        """For each slot, the least that the works after its own must cost."""
        order = list(dict.fromkeys(s.work for s in self.slots))
        need: dict[str, float] = {}
        for work in order:
            own = [s for s in self.slots if s.work == work]
            if not own[0].gains:
                need[work] = min((self._measure(w.heap) for s in own for w in s.ways), default=0.0)
                continue
            names = [w.name for w in self.sharing] if work == "shared" else [work]
            need[work] = sum(self._asked(n) * self._least(own, n, self._measure) for n in names)
        return [sum(need[w] for w in order[order.index(s.work) + 1 :]) for s in self.slots]

    def _least(self, slots: Sequence[Slot], work: str, measure: Callable[[Heap], float]) -> float:
        """The least that one unit of a work's rate costs on any of the slots."""
        return min((measure(s.unit) / s.gain(work) for s in slots if s.gain(work)), default=INFINITE)

    # -- the enumeration -------------------------------------------------------------------------------------------
    def _descend(self, k: int, taken: tuple[Way, ...], heap: Heap, rates: dict[str, float]) -> None:
        if k == len(self.slots):
            self._complete(taken, heap, rates)
            return
        slot = self.slots[k]
        last = k + 1 == len(self.slots) or self.slots[k + 1].work != slot.work
        before = dict(rates)
        # What is still missing is first taken from the slot at hand, so that plans worth comparing with come early.
        missing = self.first or any(rates.get(name, 0.0) < self._asked(name) for name, _ in slot.gains)
        for way in slot.ways[::-1] if slot.gains and missing else slot.ways:
            more = heap + way.heap if way.words else heap
            if not self._within(more):
                continue
            if slot.work == "shared":
                # The most that each work could get; how cards are divided is seen when all pools are known.
                for name, gain in slot.gains:
                    rates[name] = before.get(name, 0.0) + gain * (way.cards / (slot.cards or 1))
            else:
                rates[slot.work] = before.get(slot.work, 0.0) + way.rate
            if not self._hopeless(k, more, rates, last) and (not last or self._enough(slot.work, rates, (*taken, way))):
                self._descend(k + 1, (*taken, way), more, rates)
        rates.clear()
        rates.update(before)

    def _enough(self, work: str, rates: dict[str, float], taken: tuple[Way, ...]) -> bool:
        """Whether a work whose pools are all decided gets what it asks for."""
        if work == "shared":
            asked = tuple(self._asked(w.name) for w in self.sharing)
            return any(
                all(have > 0 and have >= want * (1 - CLOSE) for have, want in zip(point, asked, strict=True))
                for point in self._splits(taken)
            )
        return rates[work] > 0 and rates[work] >= self._asked(work) * (1 - CLOSE)

    def _asked(self, work: str) -> float:
        """What must be met; nothing where as much as possible is wanted."""
        ratio = self.request.objective == "highest_performance" and not self.free
        return 0.0 if ratio else self.targets[work] or 0.0

    def _hopeless(self, k: int, heap: Heap, rates: dict[str, float], last: bool) -> bool:
        """Whether nothing that follows can be as good as the best known, or meet what is asked at all."""
        slot = self.slots[k]
        ahead = [] if last else [s for s in self.slots[k + 1 :] if s.work == slot.work]
        names = list(dict.fromkeys(n for s in (slot, *ahead) for n, _ in s.gains))
        missing = 0.0
        for name in names if ahead else ():
            short = self._asked(name) - rates.get(name, 0.0)
            if short > 0:
                missing = max(missing, short * self._least(ahead, name, self._measure))
        if missing == INFINITE:
            return True
        if self.best is None:
            return False
        dearer = self._measure(heap) + missing + self.lower[k] > self.best[1] * (1 + CLOSE)
        if not self.first:
            return dearer
        reached = INFINITE
        begun = list(dict.fromkeys(s.work for s in self.slots[: k + 1]))
        for work in self._counted():
            if work in begun or (work in names and "shared" in begun):
                most = rates.get(work, 0.0) + (self._more(ahead, work, heap) if work in names else 0.0)
                reached = min(reached, self._share(work, most))
        if reached < -self.best[0] * (1 - CLOSE):
            return True
        return dearer and reached <= -self.best[0] * (1 + CLOSE)

    def _more(self, ahead: Sequence[Slot], work: str, heap: Heap) -> float:
        """The most that what is left of money and power could still add to a work's rate."""
        if not any(s.gain(work) for s in ahead):
            return 0.0
        left = [INFINITE]
        if self.most_cents is not None:
            left.append((self.most_cents - heap.cents) / self._least(ahead, work, lambda h: h.cents))
        if self.most_watts is not None:
            left.append((self.most_watts - heap.watts) / self._least(ahead, work, lambda h: h.watts))
        return min(left)

    def _counted(self) -> list[str]:
        """Works whose rate is the performance: what is maximised, else all."""
        return self.free or list(self.targets)

    def _share(self, work: str, rate: float) -> float:
        """Rate of the one maximised work; else a share of what is asked, or of what a work reaches alone."""
        if self.free:
            return rate / self.alone[work] if len(self.free) > 1 else rate
        return rate / (self.targets[work] or 1.0)

    def _complete(self, taken: tuple[Way, ...], heap: Heap, rates: dict[str, float]) -> None:
        performance = self._performance(taken, rates) if self.first else 0.0
        if self.best is not None and performance < -self.best[0] * (1 - CLOSE):
            return
        gbps = min((w.storage_gbps for w in taken if w.storage_gbps), default=0.0)
        plugs = [w.plug for w in taken if w.plug is not None]
        for words, fabric, switches in self.builder.joint.ways(plugs) if plugs else (("", Heap(), 0),):
            self._around(taken, performance, heap + fabric, gbps, (words, switches))

    def _around(
        self, taken: tuple[Way, ...], performance: float, heap: Heap, gbps: float, joint: tuple[str, int]
    ) -> None:
        """Every way of what all pools share, with the compute fabrics that some have together."""
        for found in self.equipment.ways(heap, gbps):
            words = f"{joint[0]} {found.words}".strip()
            shared = replace(found, words=words, steps=found.steps + joint[1])
            self.looked_at += 1
            whole = heap + shared.heap
            if not self._within(whole) or self._worse(performance, whole):
                continue
            things = whole.stand()
            if self._worse(performance, whole + Heap(cents=self.rack * at_least(things, self.room))):
                continue
            racks = fewest(things, self.room)
            if racks is None or racks + whole.own_racks > (self.request.site.racks or 10**9):
                continue
            whole = whole + Heap(cents=self.rack * racks)
            if not self._within(whole) or self._worse(performance, whole):
                continue
            self._keep(performance, taken, shared, whole, racks)

    def _worse(self, performance: float, whole: Heap) -> bool:
        if self.best is None or performance > -self.best[0] * (1 + CLOSE):
            return False
        return self._measure(whole) > self.best[1] * (1 + CLOSE)

    def _keep(self, performance: float, taken: tuple[Way, ...], shared: Shared, whole: Heap, racks: int) -> None:
        value = (-performance, self._measure(whole), whole.cents, whole.watts, whole.nodes)
        if self.best is not None:
            order = _compare(value, self.best)
            if order > 0:
                return
            if order < 0:
                self.winners.clear()
        self.winners.append((taken, shared, whole, racks))
        self.best = value if self.best is None or _compare(value, self.best) < 0 else self.best

    # -- values and limits -----------------------------------------------------------------------------------------
    def _measure(self, heap: Heap) -> float:
        objective = self.request.objective
        if objective == "lowest_power":
            return float(heap.watts)
        if objective == "lowest_tco":
            years = self.request.budget.tco_years
            return heap.cents * float(1 + self.tax / 100) + years * (heap.yearly + self.energy * heap.typical)
        return float(heap.cents)

    def _energy(self) -> float:
        """Cents a year for one watt of typical draw; nothing where no tariff is known."""
        site = self.request.site
        tariff = site.electricity_per_kwh
        if tariff is None:
            row = self.catalog.table("rates/electricity")["rates"].get(site.country)
            if row is None:
                return 0.0
            tariff = Decimal(str(row["usd_per_kwh"])) * self.ledger.rate("USD", self.request.budget.currency)
        pue = Decimal(str(site.pue_annual or site.pue or PUE[site.cooling]))
        return float(UTILISATION * pue * HOURS * tariff / 10)

    def _caps(self) -> tuple[int | None, int | None]:
        """The largest sum without tax that stays within the budget with it, in cents, and the watts of the site."""
        site, budget = self.request.site, self.request.budget
        cents = None
        if budget.capex is not None:
            cents = int(budget.capex * 100 / (1 + self.tax / 100)) + 5
            while cents + half_up(Decimal(cents) * self.tax / 100) > budget.capex * 100:
                cents -= 1
        power = [site.it_power_kw] if site.it_power_kw is not None else []
        if site.utility_power_kw is not None:
            power.append(site.utility_power_kw / (site.pue or PUE[site.cooling]))
        return cents, math.floor(round(min(power) * 1000, 6)) if power else None

    def _within(self, heap: Heap) -> bool:
        request = self.request
        if self.most_cents is not None and heap.cents > self.most_cents:
            return False
        if self.most_watts is not None and heap.watts > self.most_watts:
            return False
        yearly = request.budget.opex_per_year
        if yearly is not None and heap.yearly + self.energy * heap.typical > int(yearly * 100) + 1e-6:
            return False
        if request.supply and any(heap.count_of(part) > have for part, have in request.supply.items()):
            return False
        return request.site.racks is None or heap.own_racks <= request.site.racks

    # -- performance and shared work ---------------------------------------------------------------------------------
    def _performance(self, taken: tuple[Way, ...], rates: dict[str, float]) -> float:
        counted = self._counted()
        own = [self._share(w, rates[w]) for w in counted if w in {s.work for s in self.slots}]
        names = [w.name for w in self.sharing if w.name in counted]
        if not names:
            return min(own)
        index = {w.name: i for i, w in enumerate(self.sharing)}
        asked = [0.0 if w.name in counted else (self.targets[w.name] or 0.0) for w in self.sharing]
        reached = [
            min(self._share(n, point[index[n]]) for n in names)
            for point in self._splits(taken)
            if all(have > 0 and have >= want * (1 - CLOSE) for have, want in zip(point, asked, strict=True))
        ]
        return min([*own, max(reached, default=0.0)])

    def _splits(self, taken: Sequence[Way]) -> list[tuple[float, ...]]:
        """What each shared work can get at best: every split of the cards of every pool."""
        pools = [(w.build, w.cards) for w in taken if w.cards and w.build is not None]
        key = tuple((b.id, c) for b, c in pools)
        if key not in self._split:
            points: set[tuple[float, ...]] = {tuple(0.0 for _ in self.sharing)}
            for build, cards in pools:
                gains = [self._gains(w, build.id, cards) for w in self.sharing]
                points = _outer(
                    {
                        tuple(a + b for a, b in zip(point, extra, strict=True))
                        for point in points
                        for extra in _divided(gains, cards)
                    }
                )
            self._split[key] = sorted(points)
        return self._split[key]

    def _gains(self, workload: Workload, build_id: str, cards: int) -> list[float]:
        """The most that a work gets from 0, 1, 2 ... cards of a build."""
        build = next(b for b in self.builder.builds if b.id == build_id)
        sizes = self.builder.sizes(workload, build)
        gains = [0.0]
        for c in range(1, cards + 1):
            gains.append(max([gains[c - 1], *(gains[c - s] + rate for s, rate in sizes if s <= c)]))
        return gains

    # -- what the optimum shows --------------------------------------------------------------------------------------
    def _saved(self, ways: Sequence[Way], racks: int) -> bool:
        """Whether pools in racks of their own would need more racks than all need together."""
        apart = [fewest(w.heap.stand(), self.room) or 0 for w in ways if w.words]
        return len(apart) > 1 and sum(apart) > racks

    def _beyond_a_step(self, ways: Sequence[Way], shared: Shared) -> bool:
        """Whether the maximised pool stands beyond a jump of switches or servers that its first node does not need."""
        for slot, way in zip(self.slots, ways, strict=True):
            if slot.work in self.free and way.build is not None:
                first = self.equipment.ways(self.builder.node(way.build), way.storage_gbps)
                least = min((s.steps for s in first), default=0)
                return way.switches + shared.steps > least + 1
        return False


def _compare(a: Value, b: Value) -> int:
    """Lexicographic; rates and costs over years are floats."""
    for x, y, close in zip(a, b, (CLOSE, EXACT, 0.0, 0.0, 0.0), strict=True):
        if abs(x - y) > close * max(1.0, abs(y)):
            return -1 if x < y else 1
    return 0


def _divided(gains: list[list[float]], cards: int) -> set[tuple[float, ...]]:
    """Rates for every division of some cards over the works."""
    if len(gains) == 1:
        return {(gains[0][cards],)}
    return {(gains[0][own], *rest) for own in range(cards + 1) for rest in _divided(gains[1:], cards - own)}


def _outer(points: set[tuple[float, ...]]) -> set[tuple[float, ...]]:
    """Points that no other reaches in every work."""
    kept: list[tuple[float, ...]] = []
    for point in sorted(points, reverse=True):
        # Sorted by the first work: with two, only the last that was kept can reach this one in the second.
        rivals = kept[-1:] if len(point) < 3 else kept
        if not any(all(a >= b for a, b in zip(other, point, strict=True)) for other in rivals):
            kept.append(point)
    return set(kept)
