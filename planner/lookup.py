"""Looking into the catalog: lists with filters, one part in full, several side by side, counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from planner.catalog import KINDS, Catalog, nearest
from planner.catalog.essentials import ESSENTIALS, RULES, Missing, missing
from planner.errors import AmbiguousPart, InputError, Mistake, UnknownPart
from planner.parts import Part, Price, Record

# What a list shows of each kind, beside id, maker and price: heading -> field (a dotted name is a key of a table).
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "accelerators": (
        ("GB", "memory_gb"), ("GB/s", "memory_bandwidth_gb_per_s"), ("BF16 TFLOPS", "dense_tflops.bf16"),
        ("W", "tdp_w"), ("link GB/s", "scale_up.gb_per_s"),
    ),
    "chassis": (("category", "category"), ("slots", "slots"), ("U", "rack_units"), ("max W", "max_power_w"),
                ("cooling", "cooling")),
    "baseboards": (("accelerator", "accelerator"), ("modules", "accelerators"), ("W", "power_w")),
    "cpus": (("cores", "cores"), ("GHz", "base_ghz"), ("W", "tdp_w"), ("socket", "socket"), ("PCIe", "pcie_gen"),
             ("lanes", "pcie_lanes")),
    "memory": (("type", "memory_type"), ("GB", "size_gb"), ("W", "power_w")),
    "drives": (("use", "use"), ("TB", "capacity_tb"), ("PCIe", "pcie_gen"), ("read GB/s", "read_gb_per_s"),
               ("W", "power_w")),
    "nics": (("ports", "ports"), ("Gbit/s", "gbps"), ("technologies", "technologies"), ("cage", "cage"),
             ("W", "power_w")),
    "bridges": (("cards", "group"), ("GB/s", "gb_per_s")),
    "switches": (("technology", "technology"), ("ports", "ports"), ("Gbit/s", "gbps"), ("cage", "cage"),
                 ("U", "rack_units"), ("max W", "max_power_w")),
    "optics": (("side", "side"), ("cage", "cage"), ("Gbit/s", "gbps"), ("links", "links"), ("reach m", "reach_m"),
               ("W", "max_w")),
    "cables": (("kind", "kind"), ("m", "length_m"), ("Gbit/s", "gbps"), ("links", "links"), ("ends", "ends")),
    "storage": (("usable TB", "usable_tb"), ("read GB/s", "read_gb_per_s"), ("write GB/s", "write_gb_per_s"),
                ("U", "rack_units"), ("max W", "max_power_w")),
    "racks": (("U", "rack_units"), ("mm wide", "width_mm"), ("carries kg", "load_kg")),
    "pdus": (("usable kW", "usable_kw"), ("input", "input")),
    "cooling": (("role", "role"), ("kW", "kw"), ("U", "rack_units")),
    "management": (("role", "role"), ("U", "rack_units"), ("max W", "max_power_w")),
    "software": (("per", "per"), ("paid", "recurring")),
    "models": (("params 10^9", "params_total_b"), ("active 10^9", "params_active_b"), ("layers", "layers"),
               ("context", "context")),
}  # fmt: skip
HIDDEN = ("sources", "notes", "unverified", "estimates", "aliases")
_RANGE = re.compile(r"(?P<low>-?[0-9.]+)?\s*\.\.\s*(?P<high>-?[0-9.]+)?$|(?P<same>-?[0-9.]+)$")
GRADES = {"A": 3, "B": 2, "C": 1, "M": 0}


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, ends included; None is open. `80..`, `..300`, `40..80` or `80`."""

    low: float | None
    high: float | None

    @staticmethod
    def parse(option: str, text: str) -> Range:
        """InputError naming the option when the text is no range."""
        found = _RANGE.match(text.strip())
        try:
            if found and found["same"]:
                return Range(float(found["same"]), float(found["same"]))
            if found and (found["low"] or found["high"]):
                ends = [None if found[e] is None else float(found[e]) for e in ("low", "high")]
                if ends[0] is None or ends[1] is None or ends[0] <= ends[1]:
                    return Range(ends[0], ends[1])
        except ValueError:
            pass  # 1.2.3
        message = f"expected a range such as 80.., ..300, 40..80 or 80, got {text}."
        raise InputError([Mistake(option, None, None, message)])

    def holds(self, value: Any) -> bool:
        """Whether a figure lies inside; an unknown figure does not."""
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return False
        number = float(value)
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


def is_range(text: str) -> bool:
    """Whether a condition's text is a range of numbers rather than a word."""
    return _RANGE.match(text.strip()) is not None and text.strip() != ".."


def kind_named(word: str) -> str:
    """The kind a person means: `accelerator`, `gpus` and `dimms` too. InputError with the nearest kinds."""
    said = word.strip().lower()
    also = {"gpu": "accelerators", "gpus": "accelerators", "npu": "accelerators", "server": "chassis",
            "servers": "chassis", "systems": "chassis", "system": "chassis", "processors": "cpus", "dimm": "memory",
            "dimms": "memory", "ssd": "drives", "ssds": "drives", "nvme": "drives", "adapters": "nics",
            "transceivers": "optics", "modules": "optics", "licences": "software", "licenses": "software"}  # fmt: skip
    for kind in KINDS:
        if said in (kind, kind.removesuffix("s"), kind.removesuffix("es")) or also.get(said) == kind:
            return kind
    near = nearest(said, [*KINDS, *also], 1)
    hint = f" Nearest: {also.get(near[0], near[0])}." if near else ""
    raise InputError([Mistake("kind", None, None, f"expected one of {', '.join(KINDS)}, got {word}.{hint}")])


def figure(record: Record, name: str) -> Any:
    """A field of a record, or a key of one of its tables by a dotted name; None when unknown."""
    value: Any = record
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value


def matching(
    catalog: Catalog,
    kind: str,
    where: Mapping[str, Range],
    words: Mapping[str, str],
    fits: Callable[[Record], bool] = lambda _: True,
) -> list[Record]:
    """The records of a kind whose figures lie in the ranges and whose words are the given ones, in id order.

    InputError when the kind has no such field.
    """
    records = [r for _, r in sorted(catalog.kind(kind).items())]
    for name in (*where, *words):
        if records and name.partition(".")[0] not in type(records[0]).model_fields:
            near = nearest(name, type(records[0]).model_fields, 1)
            hint = f" Nearest: {near[0]}." if near else ""
            raise InputError([Mistake(name, None, None, f"{kind} have no such figure.{hint}")])
    return [
        record
        for record in records
        if all(span.holds(figure(record, name)) for name, span in where.items())
        and all(_says(figure(record, name), text) for name, text in words.items())
        and fits(record)
    ]


def _says(value: Any, text: str) -> bool:
    if isinstance(value, tuple | list):
        return any(_says(v, text) for v in value)
    said, wanted = str(value).lower(), text.strip().lower()
    return value is not None and (wanted == said or wanted in re.split(r"[^\w.]+", said))


def counting_price(catalog: Catalog, part: str) -> Price | None:
    """The row of one piece that counts when no request says more: a quote, else the best grade, else the newest."""
    rows = [(k, r) for k, r in enumerate(catalog.prices.get(part, ())) if r.min_quantity == 1]
    ranked = sorted(rows, key=lambda kr: (kr[1].basis == "quote", GRADES[kr[1].grade], kr[1].as_of, kr[0]))
    return ranked[-1][1] if ranked else None


def price_amount(price: Price) -> str:
    return f"{price.currency} {price.typical:,}"


def price_words(price: Price | None) -> str:
    """USD 30,000 street C 2026-06."""
    if price is None:
        return "no price"
    tax = {"included": " with tax", "excluded": "", "unknown": " tax unknown"}[price.tax_basis]
    return f"{price.currency} {price.typical:,}{tax} {price.basis} {price.grade} {price.as_of}"


# -- one part by name --------------------------------------------------------------------------------------------------
def find(catalog: Catalog, name: str) -> tuple[str, Record]:
    """Kind and record of a name. AmbiguousPart for a group or a name of several; UnknownPart with the nearest."""
    wanted = name.strip().lower()
    for kind in KINDS:
        record = catalog.kind(kind).get(wanted)
        if record is not None:
            return kind, record
    if wanted in catalog.groups:
        raise _ask(catalog, name, catalog.groups[wanted])
    named = [
        (kind, record)
        for kind in KINDS
        for record in catalog.kind(kind).values()
        if wanted in (a.lower() for a in (*getattr(record, "aliases", ()), _model(record)))
    ]
    if len(named) == 1:
        return named[0]
    if not named:
        starts = [
            (kind, record)
            for kind in KINDS
            for part, record in catalog.kind(kind).items()
            if re.search(rf"(^|[\s-]){re.escape(wanted)}($|[\s-])", f"{part} {_model(record).lower()}")
        ]
        if not starts:
            ids = [i for kind in KINDS for i in catalog.kind(kind)]
            raise UnknownPart("part", name, nearest(wanted.replace(" ", "-"), [*ids, *catalog.groups]))
        named = starts
        if len(named) == 1:
            return named[0]
    raise _ask(catalog, name, [str(figure(r, "id")) for _, r in named[:20]])


def _ask(catalog: Catalog, name: str, members: Sequence[str]) -> AmbiguousPart:
    said = []
    width = max(len(m) for m in members)
    for member in members:
        kind, record = next((k, r) for k in KINDS if (r := catalog.kind(k).get(member)) is not None)
        facts = [f"{words(figure(record, f))} {h}" for h, f in COLUMNS[kind] if figure(record, f) is not None]
        said.append(f"{member:<{width}}  {_model(record)}: {', '.join(facts[:4])}")
    return AmbiguousPart(name, members, said)


def _model(record: Record) -> str:
    return str(getattr(record, "model", None) or getattr(record, "name", ""))


# -- data for tables and machines --------------------------------------------------------------------------------------
def words(value: Any) -> str:
    """A figure as people read it; unknown is "unknown"."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.10g}"
        case tuple() | list():
            return ", ".join(map(words, value)) or "unknown"
        case Mapping():
            return ", ".join(f"{k} {words(v)}" for k, v in value.items() if v is not None) or "unknown"
        case Record():
            return words(value.model_dump())
        case _:
            return str(value)


def listed(
    catalog: Catalog, kind: str, records: Sequence[Record]
) -> tuple[list[str], list[list[str]], tuple[int, ...]]:
    """Heading, rows and right-aligned columns of a list of parts."""
    columns = COLUMNS[kind]
    head = ["id", "maker", *(h for h, _ in columns), "lifecycle", "origin", "price of one"]
    rows = []
    for record in records:
        part = record if isinstance(record, Part) else None
        price = price_words(counting_price(catalog, part.id)) if part else ""
        maker = part.vendor if part else str(figure(record, "family") or "")
        state = part.lifecycle if part else ""
        figures = ["-" if figure(record, f) is None else words(figure(record, f)) for _, f in columns]
        rows.append([str(figure(record, "id")), maker, *figures, state, (part and part.origin) or "", price])
    numeric = [all(_is_number(row[k + 2]) for row in rows) for k in range(len(columns))]
    return head, rows, tuple(k + 2 for k, right in enumerate(numeric) if right)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(",", "").replace(".", "", 1).isdigit()


def shown(catalog: Catalog, kind: str, record: Record) -> dict[str, Any]:
    """Everything about one part: figures, what is estimated or unverified, prices with their history, sources."""
    data = record.model_dump(mode="json")
    part = str(data["id"])
    best = counting_price(catalog, part)
    rows = [p.model_dump(mode="json") | {"counts": p is best} for p in catalog.prices.get(part, ())]
    return {"kind": kind, **data, "prices": rows, "incomplete": [m.figure for m in missing(catalog, kind, record)]}


def compared(catalog: Catalog, names: Sequence[str]) -> tuple[str, list[str], list[tuple[str, list[Any]]]]:
    """Kind, ids and one row per figure. InputError when the parts are of different kinds or one alone."""
    found = [find(catalog, name) for name in names]
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    if len(kinds) > 1:
        what = ", ".join(f"{figure(r, 'id')} is of {k}" for k, r in found)
        raise InputError([Mistake("compare", None, None, f"expected parts of one kind; {what}.")])
    ids = [str(figure(r, "id")) for _, r in found]
    if len(set(ids)) < 2:
        raise InputError([Mistake("compare", None, None, "expected at least two different parts.")])
    rows: list[tuple[str, list[Any]]] = []
    for name in type(found[0][1]).model_fields:
        if name in ("id", *HIDDEN):
            continue
        values = [getattr(record, name) for _, record in found]
        if name == "dense_tflops" or any(isinstance(v, Record) for v in values):
            flat = [v.model_dump() if isinstance(v, Record) else dict(v or {}) for v in values]
            keys = list(dict.fromkeys(k for f in flat for k in f))
            rows += [(f"{name}.{key}", [f.get(key) for f in flat]) for key in keys]
        elif any(v not in (None, (), {}) for v in values):
            rows.append((name, values))
    rows.append(("price of one", [price_words(counting_price(catalog, i)) for i in ids]))
    return kinds[0], ids, rows


def incomplete(catalog: Catalog, kind: str, records: Sequence[Record]) -> list[Missing]:
    """Every essential figure that the records lack."""
    return [gap for record in records for gap in missing(catalog, kind, record)]


def counts(catalog: Catalog) -> list[dict[str, Any]]:
    """Per kind: records, current ones, priced ones, and those that lack an essential figure without a rule for it."""
    rows = []
    for kind in KINDS:
        records = list(catalog.kind(kind).values())
        parts = [r for r in records if isinstance(r, Part)]
        lacking = {m.part for m in incomplete(catalog, kind, records) if m.rule is None}
        rows.append(
            {
                "kind": kind,
                "records": len(records),
                "current": sum(p.lifecycle == "current" for p in parts) if parts else None,
                "priced": sum(p.id in catalog.prices for p in parts) if parts else None,
                "unplannable": len(lacking),
            }
        )
    return rows


def schemas() -> dict[str, Any]:
    """JSON schemas of every kind of record and of a price row, with the essential figures and their estimate rules."""
    found: dict[str, Any] = {}
    for kind, model in KINDS.items():
        schema = model.model_json_schema()
        schema["essential"] = list(ESSENTIALS[kind])
        schema["estimate_rules"] = {f: rule for (k, f), rule in RULES.items() if k == kind}
        found[kind] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind, **schema}
    found["prices"] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Price.model_json_schema()}
    return found
