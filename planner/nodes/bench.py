"""What building nodes needs at hand: catalog, request, rules, landed prices and the rejections collected so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from planner.catalog import Catalog
from planner.errors import Rejection
from planner.nodes.rules import NodeRules, load_rules
from planner.parts import BuildLine, Technology
from planner.request import Request


class Landed(Protocol):
    """A landed unit price in whole cents of the budget's currency."""

    @property
    def cents(self) -> int: ...


class Prices(Protocol):
    """The part of `planner.pricing.PriceBook` that node building uses."""

    def landed(self, part_id: str, /) -> Landed | Rejection: ...


@dataclass(frozen=True, slots=True)
class Item:
    """A chosen part: how many, what they cost together (cents) and draw together (W, maximum)."""

    part: str
    quantity: int
    cents: int
    watts: float = 0.0


@dataclass
class Bench:
    """One run of `build_nodes`. Prices and choices are remembered, so equal questions are answered once."""

    catalog: Catalog
    request: Request
    prices: Prices
    rules: NodeRules
    rejections: dict[tuple[str, str, str], Rejection] = field(default_factory=dict)
    memo: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _cents: dict[str, int | Rejection] = field(default_factory=dict)

    @classmethod
    def open(cls, catalog: Catalog, request: Request, prices: Prices) -> Bench:
        return cls(catalog, request, prices, load_rules(catalog))

    def price(self, part: str) -> int | Rejection:
        """Landed unit price in cents, or the price book's reason for having none."""
        answer = self._cents.get(part)
        if answer is None:
            price = self.prices.landed(part)
            answer = price if isinstance(price, Rejection) else price.cents
            self._cents[part] = answer
        return answer

    def cents(self, part: str) -> int | None:
        """Landed unit price in cents, or None when the part has none."""
        answer = self.price(part)
        return None if isinstance(answer, Rejection) else answer

    def links(self, nic: str | None) -> dict[Technology, int]:
        """Links that one port of an adapter runs as, by technology, where they are several."""
        known = self.catalog.nics.get(nic or "")
        return dict(known.links) if known is not None else {}

    def line(self, item: Item) -> BuildLine:
        """The plan line of an item; the same few parts recur in thousands of builds."""
        key = ("line", item.part, item.quantity)
        if key not in self.memo:
            self.memo[key] = BuildLine(part=item.part, quantity=item.quantity)
        found: BuildLine = self.memo[key]
        return found

    def reject(self, rejection: Rejection) -> None:
        """Keep a rejection once, in the order met."""
        self.rejections.setdefault((rejection.part, rejection.rule, rejection.message), rejection)

    def priced(self, parts: Iterable[tuple[str, int]]) -> list[Item] | Rejection:
        """The parts as items with prices, or the rejection of the first one without a price."""
        items = []
        for part, quantity in parts:
            cents = self.price(part)
            if isinstance(cents, Rejection):
                return cents
            items.append(Item(part, quantity, cents * quantity))
        return items


def total(items: Sequence[Item]) -> tuple[int, float]:
    """Sum of cents and watts."""
    return sum(i.cents for i in items), sum(i.watts for i in items)
