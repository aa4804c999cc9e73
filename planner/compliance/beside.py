"""What stands beside the verdicts: country names, makers' statements, entries of other parts, pending bills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from pydantic import Field, ValidationError

from planner.catalog import Catalog
from planner.compliance.rules import Basis
from planner.errors import CatalogError
from planner.parts import Record


class Statement(Record):
    """What a maker has said in public about the control of its parts, from the day on which it holds."""

    parts: tuple[str, ...]
    covered: bool
    start: dt.date = Field(alias="from")
    says: str
    says_zh: str
    sources: tuple[str, ...]
    basis: Basis


class OtherItem(Record):
    """Export entry and customs codes of a kind of part. Keys of `eccn`: a class, a system entry, or `any`."""

    kind: str
    eccn: dict[str, str]
    hs6: tuple[str, ...]
    basis: Basis
    citation: str
    citation_zh: str
    any_zh: str | None = None  # the entry under `any` in Chinese, where it holds words
    sources: tuple[str, ...]
    note: str | None = None
    note_zh: str | None = None
    asks: tuple[str, ...] = ()  # what the maker or the end user must be asked
    asks_zh: tuple[str, ...] = ()


class Band(Record):
    """TPP and memory bandwidth in GB/s, both ends excluded."""

    tpp_above: float
    tpp_below: float
    dram_above: float
    dram_below: float


class Duty(Record):
    """An import duty of the country goods leave from, met on the way to some destinations."""

    id: str
    valid_from: dt.date
    citation: str
    percent: int
    headings: tuple[str, ...]
    bands: tuple[Band, ...]
    to: tuple[str, ...]
    ship_from: tuple[str, ...]
    sources: tuple[str, ...]
    basis: Basis
    last_confirmed: dt.date

    def met(self, tpp: float | None, dram: float | None, to: str, ship_from: str, on: dt.date) -> bool:
        """Whether a part of these figures meets the duty on this way and day."""
        inside = any(
            b.tpp_above < (tpp or 0) < b.tpp_below and b.dram_above < (dram or 0) < b.dram_below for b in self.bands
        )
        return inside and to in self.to and ship_from in self.ship_from and self.valid_from <= on


class Pending(Record):
    """A bill or draft: known, without a text in force."""

    id: str
    start: dt.date = Field(alias="from")
    last_confirmed: dt.date
    basis: Basis
    title: str
    title_zh: str
    state: str
    state_zh: str
    source: str | None = None
    note: str | None = None


class Beside(Record):
    statements: tuple[Statement, ...]
    items: dict[str, OtherItem]
    duty: Duty
    pending: tuple[Pending, ...]
    names: dict[str, tuple[str, str]]  # country code -> English, Chinese

    def said(self, part: str, on: dt.date) -> Statement | None:
        """The newest statement on a part that holds on a day."""
        found = [s for s in self.statements if part in s.parts and s.start <= on]
        return max(found, key=lambda s: s.start, default=None)

    def country(self, code: str, chinese: bool = False) -> str:
        return self.names.get(code, (code, code))[1 if chinese else 0]


_LOADED: WeakKeyDictionary[Catalog, Beside] = WeakKeyDictionary()


def beside_of(catalog: Catalog) -> Beside:
    """The tables of a catalog, read and checked once. CatalogError names the field that is wrong."""
    found = _LOADED.get(catalog)
    if found is None:
        found = _LOADED[catalog] = _read(catalog.tables("rules"), catalog.table("rates/countries")["names"])
    return found


def _read(files: Mapping[str, Mapping[str, object]], names: Mapping[str, Mapping[str, str]]) -> Beside:
    try:
        other = [OtherItem.model_validate(i) for i in _rows(files["other-items"]["items"])]
        return Beside(
            statements=tuple(Statement.model_validate(s) for s in _rows(files["statements"]["statements"])),
            items={i.kind: i for i in other},
            duty=Duty.model_validate(files["other-items"]["duty_232"]),
            pending=tuple(Pending.model_validate(p) for p in _rows(files["pending"]["pending"])),
            names={code: (name["en"], name["zh"]) for code, name in names.items()},
        )
    except KeyError as error:
        raise CatalogError(f"catalogs/rules: {error.args[0]} is missing") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"catalogs/rules: {error.title}: {where}: {first['msg']}") from error


def _rows(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
