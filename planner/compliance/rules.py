"""The dated export rules of `catalogs/rules/`, typed, with country groups resolved by date. No verdicts here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakKeyDictionary

from pydantic import Field, ValidationError

from planner.catalog import Catalog
from planner.errors import CatalogError
from planner.parts import Record

Status = Literal["in_force", "superseded", "suspended", "not_enforced", "rescission_announced", "letter", "announced"]
Basis = Literal["verified", "reported", "computed", "model-knowledge"]
Class = Literal["3A090.a", "3A090.b", "3A090.c", "none", "unknown"]


class Span(Record):
    """Days from `start` to `end`, both included; None = open."""

    start: dt.date | None = Field(default=None, alias="from")
    end: dt.date | None = Field(default=None, alias="to")

    def holds(self, on: dt.date) -> bool:
        return (self.start is None or self.start <= on) and (self.end is None or on <= self.end)


class Where(Record):
    """Countries (`*` = any) and country groups, less other groups."""

    countries: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    except_groups: tuple[str, ...] = ()


class Reaches(Record):
    """Bandwidths in GB/s of which any one is enough: DRAM, chip-to-chip, both added."""

    dram_gb_per_s: float | None = None
    io_gb_per_s: float | None = None
    sum_gb_per_s: float | None = None


class Rule(Record):
    """What every rule carries. Both ends of its dates are included.

    `announced` is the first day on which the text was public, where that is before `valid_from`. `supersedes` names
    rules that end the day before this one begins.
    """

    id: str
    title: str
    title_zh: str | None = None
    valid_from: dt.date
    announced: dt.date | None = None
    valid_to: dt.date | None = None
    suspended: tuple[Span, ...] = ()
    status: Status
    supersedes: tuple[str, ...] = ()
    citation: str
    citation_zh: str | None = None  # where the English citation holds words
    citation_basis: Basis | None = None  # set where the paragraph was not itself seen in a source
    sources: tuple[str, ...]
    basis: Basis
    evidence: str | None
    last_confirmed: dt.date | None
    note: str | None = None

    def valid(self, on: dt.date) -> bool:
        inside = self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)
        return inside and not any(span.holds(on) for span in self.suspended)

    def known(self, on: dt.date) -> bool:
        """Whether its text was public on a day."""
        return (self.announced or self.valid_from) <= on

    @property
    def cited(self) -> str:
        """In one line: id, citation, what the reading rests on, when it was last confirmed, where its text was read."""
        basis = self.basis + (f", {self.evidence.replace('_', ' ')}" if self.evidence else "")
        confirmed = f", last confirmed {self.last_confirmed}" if self.last_confirmed else ""
        read = f": {'; '.join(self.sources)}" if self.sources else ""
        return f"{self.id}: {self.citation} ({basis}{confirmed}){read}"


class ClassTest(Record):
    result: Class
    name: str | None = None
    when: Any  # "always", or a figure with its limit, or all / any of such


class ClassRule(Rule):
    """One classification text: its tests in order, and the system's entry by the class of its worst chip."""

    tests: tuple[ClassTest, ...]
    systems: dict[str, str] = Field(default_factory=dict)


class LooseMemory(Rule):
    """Memory stacks shipped on their own, by bandwidth density in GB/s per mm²."""

    density_above: float
    result: Class


class PlaceRule(Rule):
    """A rule about a place."""

    where: Where = Where()


class Recipient(Record):
    name: str
    until: dt.date | None = None


class Requirement(PlaceRule):
    """A licence requirement by class and destination, or by the headquarters of a party."""

    classes: tuple[Class, ...]
    recipients: tuple[Recipient, ...] = ()  # named ones that this rule spares


class Origin(Rule):
    origin: str


class ReachesAll(Record):
    """TPP and chip-to-chip bandwidth in GB/s, of which both have to be reached."""

    tpp: float
    io_gb_per_s: float


class Letter(PlaceRule):
    """An individual letter to a vendor: named parts, or parts of the vendor by figure."""

    parts: tuple[str, ...] = ()
    vendor: str | None = None
    datacentre_tpp_from: float | None = None
    reaches: Reaches | None = None
    reaches_all: ReachesAll | None = None
    parties: bool  # follows headquarters and parent too
    review_policy: str = "not_published"
    review_as_of: dt.date | None = None  # a letter that applies a rule early takes the review policies of that day


class EndUse(PlaceRule):
    """A stated end use that needs a licence whatever the class; `unless` are phrases that are no such statement."""

    words: tuple[str, ...]
    unless: tuple[str, ...] = ()
    review_policy: str

    def named_in(self, text: str) -> str | None:
        """The word of the rule that a stated end use contains, else None."""
        said = text.lower()
        for phrase in self.unless:
            said = said.replace(phrase.lower(), " ")
        return next((word for word in self.words if word.lower() in said), None)


class Warn(PlaceRule):
    reaches: Reaches
    text: str
    text_zh: str


class LicenceException(PlaceRule):
    code: str
    parties: bool
    classes: tuple[Class, ...] = ("3A090.a", "3A090.b")  # of .a only what is not for data centres
    memory_density_below: float | None = None
    text: str
    text_zh: str


class Review(PlaceRule):
    """How an application is reviewed."""

    policy: str
    parties: bool = False
    ship_from: tuple[str, ...] = ()
    tpp_below: float | None = None
    dram_gb_per_s_below: float | None = None
    lesser_items: bool = False  # 3A090.b, and 3A090.a not for data centres
    conditions: tuple[str, ...] = ()
    conditions_zh: tuple[str, ...] = ()


class Notice(PlaceRule):
    """A text that must stand beside a verdict: with the part, or once per plan."""

    scope: Literal["part", "plan"]
    says: str
    says_zh: str
    origin: str | None = None
    tpp_from: float | None = None
    id_contains: tuple[str, ...] = ()
    thresholds: dict[str, float] = Field(default_factory=dict)
    foreign_end_user: bool = False
    asks: str | None = None
    asks_zh: str | None = None


class ImportGate(Rule):
    """The importing country's answer (`country`), or that of a country which goods leave or pass (`leaving`)."""

    country: str | None = None
    leaving: str | None = None
    origin: Literal["CN", "foreign"] | None = None
    parts: tuple[str, ...] = ()
    funding: Literal["state"] | None = None
    approval_opens: bool = False
    outcome: Literal["import_open", "import_restricted", "import_unknown"]


class Change(Span):
    """A membership that holds on these days only; `announced` where its end or begin was known ahead."""

    country: str
    group: str
    basis: Basis
    sources: tuple[str, ...]


class Groups(Record):
    """Country groups: members as of a day, and the spans on which memberships differ."""

    as_of: dt.date
    citation: str
    sources: tuple[str, ...]
    basis: Basis
    evidence: str
    treat_as: dict[str, str]
    members: dict[str, tuple[str, ...]]
    changes: tuple[Change, ...] = ()


class Table(Record):
    """`rules/us-advanced-computing`. Lists of letters, exceptions and review policies are tried in order."""

    authority: str
    as_of: dt.date
    covers_from: dt.date | None = None  # before it the data holds single letters only
    evidence_horizon: dt.date
    stale_after_days: int
    near_limit_percent: float
    classification: tuple[ClassRule, ...]
    loose_memory: tuple[LooseMemory, ...] = ()
    embargo: tuple[PlaceRule, ...]
    origin: tuple[Origin, ...]
    destination: tuple[Requirement, ...]
    headquarters: tuple[Requirement, ...]
    letters: tuple[Letter, ...]
    warnings: tuple[Warn, ...]
    exceptions: tuple[LicenceException, ...]
    review: tuple[Review, ...]


@dataclass(frozen=True)
class Rules:
    """All rules of a catalog."""

    table: Table
    groups: Groups
    notices: tuple[Notice, ...]
    import_gates: tuple[ImportGate, ...]
    end_uses: tuple[EndUse, ...]
    countries: frozenset[str]
    _members: dict[tuple[str, dt.date], frozenset[str]] = field(default_factory=dict)
    _known: dict[dt.date, Rules] = field(default_factory=dict)

    def treat_as(self, country: str) -> str:
        """Hong Kong counts as China."""
        return self.groups.treat_as.get(country, country)

    def group(self, name: str, on: dt.date) -> frozenset[str]:
        """Members of a country group on a day."""
        key = (name, on)
        if key not in self._members:
            members = set(self.groups.members.get(name, ()))
            changes = [c for c in self.groups.changes if c.group == name]
            members -= {c.country for c in changes}
            members |= {c.country for c in changes if c.holds(on)}
            self._members[key] = frozenset(members)
        return self._members[key]

    def covers(self, where: Where, countries: Iterable[str], on: dt.date) -> bool:
        """Whether any of the countries is meant on a day."""
        return any(self._covers(where, country, on) for country in countries)

    def _covers(self, where: Where, country: str, on: dt.date) -> bool:
        if "*" in where.countries or country in where.countries:
            return True
        inside = any(country in self.group(g, on) for g in where.groups)
        return inside and not any(country in self.group(g, on) for g in where.except_groups)

    def all(self) -> tuple[Rule, ...]:
        """Every rule of every kind, in the order of the files."""
        t = self.table
        us: Sequence[Rule] = (
            *t.classification,
            *t.loose_memory,
            *t.embargo,
            *t.origin,
            *t.destination,
            *t.headquarters,
            *t.letters,
            *t.warnings,
            *t.exceptions,
            *t.review,
        )
        return (*us, *self.end_uses, *self.notices, *self.import_gates)

    def as_known(self, on: dt.date) -> Rules:
        """The rules as the public knew them on a day: none that nobody had announced, no end by one of those."""
        found = self._known.get(on)
        if found is None:
            found = self._known[on] = _known_on(self, on)
        return found

    def find(self, rule_id: str) -> Rule:
        """A rule by id; KeyError when there is none."""
        for rule in self.all():
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def _known_on(rules: Rules, on: dt.date) -> Rules:
    hidden = {name for rule in rules.all() if not rule.known(on) for name in rule.supersedes}

    def kept[R: Rule](some: tuple[R, ...]) -> tuple[R, ...]:
        return tuple(r.model_copy(update={"valid_to": None}) if r.id in hidden else r for r in some if r.known(on))

    table = rules.table
    lists = {n: kept(getattr(table, n)) for n, v in table if isinstance(v, tuple) and v and isinstance(v[0], Rule)}
    changes = tuple(
        c.model_copy(
            update={
                "start": dt.date.max if c.start is not None and c.start > on else c.start,
                "end": None if c.end is not None and c.end >= on else c.end,
            }
        )
        for c in rules.groups.changes
    )
    return Rules(
        table.model_copy(update=lists),
        rules.groups.model_copy(update={"changes": changes}),
        kept(rules.notices),
        kept(rules.import_gates),
        kept(rules.end_uses),
        rules.countries,
    )


_LOADED: WeakKeyDictionary[Catalog, Rules] = WeakKeyDictionary()


def rules_of(catalog: Catalog) -> Rules:
    """The rules of a catalog, read and checked once. CatalogError names the field that is wrong."""
    found = _LOADED.get(catalog)
    if found is None:
        found = read_rules(
            catalog.tables("rules"), frozenset(str(catalog.table("rates/iso-countries")["codes"]).split())
        )
        _LOADED[catalog] = found
    return found


def read_rules(files: Mapping[str, Any], countries: frozenset[str]) -> Rules:
    """Typed rules from the files of `catalogs/rules/` by name."""
    try:
        return Rules(
            Table.model_validate(files["us-advanced-computing"]),
            Groups.model_validate(files["country-groups"]),
            tuple(Notice.model_validate(n) for n in files["us-notices"]["notices"]),
            tuple(ImportGate.model_validate(g) for g in files["import-side"]["import_gates"]),
            tuple(EndUse.model_validate(u) for u in files["end-uses"]["end_uses"]),
            countries,
        )
    except KeyError as error:
        raise CatalogError(f"catalogs/rules: {error.args[0]} is missing") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        given = first["input"]
        # A field that is missing shows the whole rule as its input: the id of it is enough.
        shown = given.get("id", "?") if isinstance(given, dict) else repr(given)
        raise CatalogError(f"catalogs/rules: {error.title}: {where}: {first['msg']}, got {shown}") from error
