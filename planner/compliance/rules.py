"""Reading the dated export rules of `catalogs/rules/` and asking them simple questions. No verdicts here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from planner.catalog import Catalog

_LOADED: WeakKeyDictionary[Catalog, Rules] = WeakKeyDictionary()


@dataclass(frozen=True)
class Item:
    """What the rules look at. TPP = dense TOPS × bit length; PD = TPP per mm²; rates in GB/s. None: not known."""

    id: str
    name: str
    origin: str | None  # country of the design: CN, or anything else for a part under US rules
    tpp: float | None
    performance_density: float | None
    datacentre: bool | None
    dram_bandwidth: float | None
    interconnect: float | None
    rule_id: str | None = None  # the part's name in the letters and import gates


@dataclass(frozen=True)
class Rules:
    """The rule table with its country groups resolved by date."""

    table: Mapping[str, Any]
    _members: dict[tuple[str, dt.date], frozenset[str]] = field(default_factory=dict)

    def treat_as(self, country: str) -> str:
        """Hong Kong counts as China."""
        return str(self.table["country_groups"]["treat_as"].get(country, country))

    def group(self, name: str, on: dt.date) -> frozenset[str]:
        """Members of a country group on a date."""
        key = (name, on)
        if key not in self._members:
            groups = self.table["country_groups"]
            members = set(groups["members"].get(name, ()))
            for change in groups["changes"]:
                if change["group"] != name:
                    continue
                if valid({"valid_from": change["from"], "valid_to": change["to"]}, on):
                    members.add(change["country"])
                else:
                    members.discard(change["country"])
            self._members[key] = frozenset(members)
        return self._members[key]

    def covers(self, rule: Mapping[str, Any], country: str, on: dt.date) -> bool:
        """Whether a rule's countries and groups hold a country on a date."""
        if country in rule.get("countries", ()) or "*" in rule.get("countries", ()):
            return True
        for addition in rule.get("additions", ()):
            if addition["country"] == country and day(addition["from"]) <= on:
                return True
        inside = any(country in self.group(g, on) for g in rule.get("groups", ()))
        return inside and not any(country in self.group(g, on) for g in rule.get("except_groups", ()))

    def valid(self, kind: str, on: dt.date) -> list[Mapping[str, Any]]:
        """Rules of a kind that are in force on a date."""
        return [rule for rule in self.table[kind] if valid(rule, on)]


def rules_of(catalog: Catalog) -> Rules:
    """The rules of a catalog, read once."""
    found = _LOADED.get(catalog)
    if found is None:
        found = Rules(catalog.table("rules/us-advanced-computing"))
        _LOADED[catalog] = found
    return found


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def valid(rule: Mapping[str, Any], on: dt.date) -> bool:
    """Whether a dated rule applies on a day; both ends are included."""
    start, end = rule.get("valid_from"), rule.get("valid_to")
    return (start is None or day(start) <= on) and (end is None or on <= day(end))


# -- tests in data ---------------------------------------------------------------------------------------------------
def holds(test: Any, item: Item) -> bool | None:
    """A test from the data on an item; None when a figure it needs is not known."""
    if test == "always":
        return True
    if "all" in test:
        return _all(holds(t, item) for t in test["all"])
    if "any" in test:
        return _any(holds(t, item) for t in test["any"])
    ((name, limit),) = test.items()
    if name == "datacentre":
        return None if item.datacentre is None else item.datacentre is bool(limit)
    figure, comparison = name.rsplit("_", 1)
    values = {"tpp": item.tpp, "pd": item.performance_density, "interconnect_gbs": item.interconnect}
    value = values[figure]
    if value is None:
        return None
    return bool(value >= limit) if comparison == "gte" else bool(value < limit)


def _all(results: Iterable[bool | None]) -> bool | None:
    found = list(results)
    if any(r is False for r in found):
        return False
    return None if any(r is None for r in found) else True


def _any(results: Iterable[bool | None]) -> bool | None:
    found = list(results)
    if any(r is True for r in found):
        return True
    return None if any(r is None for r in found) else False
