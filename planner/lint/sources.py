"""Where figures come from: sources and dates on every record and price, and names that stand for one part only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.catalog import Catalog
from planner.lint.finding import Finding
from planner.parts import Part, Software

_DATE = re.compile(r"[12][0-9]{3}(-[01][0-9](-[0-3][0-9])?)?$")
ASSUMED_TABLES = ("duty", "electricity", "exchange", "vat")


def stated(catalog: Catalog) -> Iterator[Finding]:
    """Every record with figures has a source, or says that they are estimated or from memory; and a date."""
    for part in catalog.parts.values():
        plain_licence = isinstance(part, Software) and part.percent is None  # a licence has no figures of its own
        if not (part.sources or part.estimates or part.unverified or plain_licence):
            yield Finding("error", "source", part.id, "has figures with neither sources, estimates nor unverified.")
        if part.as_of is None and not plain_licence:
            yield Finding("error", "source", part.id, "has no as_of: when were its figures looked up?")
        elif part.as_of is not None and not _DATE.match(part.as_of):
            yield Finding("error", "source", part.id, f"as_of {part.as_of} is no date; expected YYYY-MM-DD.")
        yield from _names(part)
    for model in catalog.models.values():
        if not (model.sources or model.unverified):
            yield Finding("error", "source", model.id, "has figures with neither sources nor unverified.")


def _names(part: Part) -> Iterator[Finding]:
    fields = set(type(part).model_fields)
    for name in (*part.unverified, *part.estimates):
        if re.split(r"[. ]", name)[0] not in fields:
            yield Finding("error", "source", part.id, f"marks {name}, which is none of its fields.")
    for name, basis in part.estimates.items():
        if not basis.strip():
            yield Finding("error", "source", part.id, f"estimates {name} without saying how.")
    for name in sorted(set(part.unverified) & set(part.estimates)):
        yield Finding("error", "source", part.id, f"marks {name} as estimate and as from memory; it can be one only.")
    if not part.sources and part.estimates:
        yield Finding("warning", "source", part.id, "has no source at all, only estimates.")


def price_sources(catalog: Catalog) -> Iterator[Finding]:
    """A row from memory is an estimate, a quote says how long it holds, a complete system what it buys."""
    for part, rows in catalog.prices.items():
        record = catalog.parts.get(part)
        complete = getattr(record, "price_scope", None) == "complete"
        for row in rows:
            if row.grade == "M" and row.basis != "estimate":
                message = f"{row.basis} price of {row.as_of} has grade M: a price from memory is an estimate."
                yield Finding("error", "price-source", part, message)
            if row.basis == "estimate" and row.grade in ("A", "B"):
                message = f"estimate of {row.as_of} has grade {row.grade}; estimates are C or M."
                yield Finding("error", "price-source", part, message)
            if row.basis == "quote" and row.valid_until is None:
                yield Finding("warning", "price-source", part, f"quote of {row.as_of} does not say how long it holds.")
            if row.valid_until is not None and row.valid_until.isoformat() < row.as_of:
                yield Finding("error", "price-source", part, f"quote of {row.as_of} held until {row.valid_until}.")
            if complete and not row.scope:
                yield Finding(
                    "warning", "price-source", part, "price of a complete system without scope: what is in it?"
                )


def price_twice(catalog: Catalog) -> Iterator[Finding]:
    """One layer does not give one price twice: same part, source, date, currency and order quantity."""
    for layer in catalog.layers:
        alone = type(catalog)([layer.folder], [])
        for part, rows in alone.prices.items():
            keys = [(r.source, r.as_of, r.currency, r.min_quantity, r.tax_basis) for r in rows]
            for key in sorted(set(keys)):
                if keys.count(key) > 1:
                    message = f"has {keys.count(key)} prices of one source and date ({key[1]}, from {key[3]} pieces)."
                    yield Finding("error", "price-twice", part, message)


def one_name(catalog: Catalog) -> Iterator[Finding]:
    """An alias, a model name and a part number stand for one part."""
    names: dict[str, str] = {i.lower(): i for i in (*catalog.parts, *catalog.models, *catalog.groups)}
    for part in catalog.parts.values():
        for alias in {part.model.lower(), *(a.lower() for a in part.aliases)}:
            other = names.setdefault(alias, part.id)
            if other != part.id:
                same_kind = type(catalog.parts.get(other)) is type(part)
                yield Finding(
                    "error" if same_kind or other in catalog.groups else "warning",
                    "one-name",
                    part.id,
                    f'"{alias}" is a name of {other} too.',
                )
    numbers: dict[tuple[str, str], str] = {}
    for part in catalog.parts.values():
        if part.part_number:
            other = numbers.setdefault((part.vendor, part.part_number), part.id)
            if other != part.id:
                yield Finding("error", "one-name", part.id, f"part number {part.part_number} is that of {other} too.")


def rates_dated(catalog: Catalog) -> Iterator[Finding]:
    """Every rate of a country or currency has a source or basis, and the table or row a date."""
    for name in ASSUMED_TABLES:
        table = catalog.table(f"rates/{name}")
        for key, row in table["rates"].items():
            if not isinstance(row, dict) or not (row.get("source") or row.get("basis")):
                yield Finding("error", "rates-dated", f"rates/{name}", f"{key} has neither source nor basis.")
            elif not (row.get("as_of") or table.get("as_of")):
                yield Finding("error", "rates-dated", f"rates/{name}", f"{key} has no date.")


RULES = {
    "source": stated,
    "price-source": price_sources,
    "price-twice": price_twice,
    "one-name": one_name,
    "rates-dated": rates_dated,
}
