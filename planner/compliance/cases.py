"""Answers rows of a case file with the figures given there, and compares them with what the row expects.

A row is told by its keys: `accelerator` (a whole deal), `accelerators` (entry of a system), `part` (import side),
`tpp` with `dram_bandwidth_gbs` (the review policy), `tpp` alone (the class at a limit). Nothing of a row is guessed: a
missing party, place or day is answered with `needs_vendor_confirmation`, a malformed row with what is wrong with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.catalog import Catalog
from planner.compliance import words
from planner.compliance.classify import BITS, Item, class_on, item_of, system_class
from planner.compliance.rules import Rules, rules_of
from planner.compliance.screening import Finding, Terms, evaluate

LISTS = ("test_cases", "cases", "classification_boundary_cases", "review_policy_boundary_cases", "system_cases")
FIGURES = ("tpp", "pd", "die_area_mm2", "dense_tops", "dram_bandwidth_gbs", "interconnect_gbs", "datacentre")
TRIGGERS = {"letter": "is_informed_letter", "date": "none", "country": "none"}


class Malformed(Exception):
    """A row that cannot be read; the message says what is expected."""


@dataclass(frozen=True)
class Answered:
    """One row: `expected` and `given` have the same form, a text or a mapping. `ok` only compares what is asserted."""

    id: str
    gate: bool | None
    expected: Any
    given: Any
    ok: bool
    why: str


def rows_of(data: Any) -> list[Any]:
    """The rows of a file: a list, or the known lists of a mapping, import cases included. Empty when there are none."""
    if isinstance(data, list):
        return list(data)
    if not isinstance(data, Mapping):
        return []
    found: list[Any] = []
    for name in LISTS:
        found += data.get(name) or []
    gates = data.get("import_gates")
    if isinstance(gates, Mapping):
        found += gates.get("test_cases") or []
    return found


def answer(catalog: Catalog, rows: Iterable[Any], chips: Mapping[str, Mapping[str, Any]]) -> list[Answered]:
    """An answer per row, in order. `chips`: figures of the file's own chips by id, for rows that only name them."""
    found = []
    for k, row in enumerate(rows):
        name = str(row.get("id", k + 1)) if isinstance(row, Mapping) else str(k + 1)
        try:
            found.append(_answer(catalog, row, chips, name))
        except (Malformed, TypeError, ValueError, KeyError, AttributeError) as error:
            expected = row.get("expect") if isinstance(row, Mapping) else None
            text = f"this row cannot be read: {error}"
            found.append(Answered(name, None, expected, None, False, text))
    return found


def chips_of(data: Any) -> dict[str, Mapping[str, Any]]:
    """The chips that a file describes itself, by id."""
    chips = data.get("chips") if isinstance(data, Mapping) else None
    rows = chips.get("rows") if isinstance(chips, Mapping) else chips
    return {str(r["id"]): r for r in rows or [] if isinstance(r, Mapping) and "id" in r}


def _answer(catalog: Catalog, row: Any, chips: Mapping[str, Mapping[str, Any]], name: str) -> Answered:
    if not isinstance(row, Mapping):
        raise Malformed("expected a mapping with id, accelerator, destination, date and expect.")
    rules, gate, expected = rules_of(catalog), row.get("gate"), row.get("expect")
    if "accelerators" in row:
        given, why = _system(catalog, rules, row, chips)
    elif "part" in row:
        return _import(catalog, rules, row, chips, name)
    elif "accelerator" in row:
        return _deal(catalog, rules, row, chips, name)
    elif "tpp" in row and "dram_bandwidth_gbs" in row and "destination" not in row and "pd" not in row:
        item = item_from(catalog, {"id": name, "origin": "US", "datacentre": True, "pd": None, **row}, chips)
        terms = Terms("CN", "CN", "CN", _country(row.get("ship_from", "US")) or "US", _day(row))
        review = evaluate(rules, item, terms)
        given, why = review.review_policy, words.short(rules, item, review)
    elif "tpp" in row:
        item = item_from(catalog, {"origin": "US", **row, "id": name}, chips)
        result = class_on(rules, item, _day(row))
        given, why = result.result, result.rule.id if result.rule else "no text of that day"
    else:
        raise Malformed("expected one of the keys accelerator, accelerators, part or tpp.")
    return Answered(name, gate, expected, given, given == expected, why)


def _deal(
    catalog: Catalog, rules: Rules, row: Mapping[str, Any], chips: Mapping[str, Mapping[str, Any]], name: str
) -> Answered:
    """A whole deal: class, system entry, verdict, exception, review policy, trigger, codified verdict, notices."""
    expected = row.get("expect") or {}
    item = item_from(catalog, row["accelerator"], chips)
    missing = [k for k in ("destination", "end_user_hq", "ultimate_parent_hq", "date") if row.get(k) in (None, "")]
    if missing:
        found = Finding("unknown", "needs_vendor_confirmation", "none")
        why = f"not answered without {', '.join(missing)}"
    else:
        terms = _terms(row)
        found = evaluate(rules, item, terms)
        why = words.short(rules, item, found)
    given = _given(rules, found, row)
    return Answered(name, row.get("gate"), dict(expected), given, _agrees(expected, given), why)


def _given(rules: Rules, found: Finding, row: Mapping[str, Any]) -> dict[str, Any]:
    controlled = found.classification in ("3A090.a", "3A090.b")
    day = _day(row) if row.get("date") else dt.date.min
    return {
        "classification": found.classification,
        "system_eccn": system_class(rules, [found.classification or "none"], day) if controlled else None,
        "outcome": found.verdict,
        "exception": found.exception.code if found.exception else None,
        "review_policy": found.review_policy,
        "trigger": TRIGGERS.get(found.trigger, found.trigger),
        "codified_outcome": found.codified or found.verdict,
        "planner_verdict": planner_verdict(found.verdict, found.review_policy),
        "notices": list(found.notices),
    }


def planner_verdict(verdict: str, review_policy: str | None) -> str:
    """What a planner does with a verdict: blocked, licence_path, exception_path, ask_vendor, usable."""
    if verdict == "prohibited" or review_policy in ("presumption_of_denial", "policy_of_denial"):
        return "blocked"
    return {
        "licence_required": "licence_path",
        "licence_exception": "exception_path",
        "no_licence_required": "no_requirement_found",
        "needs_vendor_confirmation": "ask_vendor",
        "domestic_supply": "usable_with_notice",
    }[verdict]


def _agrees(expected: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """A review policy of null is not asserted, nor are null class and system entry beside the trigger `origin`."""
    for key, value in expected.items():
        unasserted = key == "review_policy" or (
            key in ("classification", "system_eccn") and expected.get("trigger") == "origin"
        )
        if value is None and unasserted:
            continue
        have = given.get(key)
        if sorted(map(str, value)) != sorted(map(str, have or [])) if isinstance(value, list) else value != have:
            return False
    return True


def _system(
    catalog: Catalog, rules: Rules, row: Mapping[str, Any], chips: Mapping[str, Mapping[str, Any]]
) -> tuple[str | None, str]:
    day = _day(row)
    results = [class_on(rules, item_from(catalog, name, chips), day).result for name in row["accelerators"]]
    return system_class(rules, results, day), f"chips: {', '.join(results)}"


def _import(
    catalog: Catalog, rules: Rules, row: Mapping[str, Any], chips: Mapping[str, Mapping[str, Any]], name: str
) -> Answered:
    to = _country(row.get("destination")) or ""
    terms = Terms(
        to,
        _country(row.get("end_user_hq")) or to,
        _country(row.get("ultimate_parent_hq")) or to,
        _country(row.get("ship_from", "US")) or "US",
        _day(row),
        funding=row.get("funding"),
        import_approval=row.get("import_approval") == "obtained",
    )
    found = evaluate(rules, item_from(catalog, row["part"], chips), terms)
    rule = found.import_rule.id if found.import_rule else None
    ok = found.import_side == row.get("expect") and row.get("rule") in (None, rule)
    return Answered(name, row.get("gate"), row.get("expect"), found.import_side, ok, f"rule {rule}")


def _terms(row: Mapping[str, Any]) -> Terms:
    recipient, end_use = row.get("named_recipient"), row.get("end_use")
    return Terms(
        to=_country(row["destination"]) or "",
        headquarters=_country(row["end_user_hq"]),
        parent=_country(row["ultimate_parent_hq"]),
        ship_from=_country(row.get("ship_from")) or "US",
        on=_day(row),
        end_use=None if end_use is None else str(end_use),
        funding=row.get("funding"),
        import_approval=row.get("import_approval") == "obtained",
        recipient=None if recipient is None else str(recipient),
    )


def _country(value: Any) -> str | None:
    """A country code as text. Written without quotes, some YAML readers take NO for a truth value."""
    if value is False:
        return "NO"
    return None if value in (None, "") else str(value).strip().upper()


def _day(row: Mapping[str, Any]) -> dt.date:
    value = row["date"]
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise Malformed(f"date: expected YYYY-MM-DD, got {value}.") from None


def item_from(catalog: Catalog, given: Any, chips: Mapping[str, Mapping[str, Any]]) -> Item:
    """What the rules look at, from a row's own figures; a bare id takes those of the file, else of the catalog."""
    if isinstance(given, str):
        own = chips.get(given)
        if own is not None:
            return item_from(catalog, own, chips)
        part = catalog_id(catalog, given)
        if part in catalog.accelerators:
            return item_of(catalog.accelerators[part])
        return Item(part, "", None, None, None, None, None, None)
    if not isinstance(given, Mapping):
        raise Malformed("accelerator: expected an id or a mapping of figures.")
    name = str(given.get("id", ""))
    if name and not any(key in given for key in FIGURES):
        return item_from(catalog, name, chips)
    tpp = _number(given, "tpp")
    if tpp is None and isinstance(given.get("dense_tops"), Mapping):
        rates = [float(v) * BITS[k] for k, v in given["dense_tops"].items() if k in BITS and v is not None]
        tpp = max(rates, default=None)
    density, area = _number(given, "pd"), _number(given, "die_area_mm2")
    if "pd" not in given and density is None and tpp is not None and area:
        density = tpp / area
    return Item(
        id=catalog_id(catalog, name),
        vendor=str(given.get("vendor", "")),
        origin=given.get("origin"),
        tpp=tpp,
        performance_density=density,
        datacentre=given.get("datacentre"),
        dram_gb_per_s=_number(given, "dram_bandwidth_gbs"),
        io_gb_per_s=_number(given, "interconnect_gbs"),
        memory_density=_number(given, "memory_bandwidth_density"),
    )


def _number(given: Mapping[str, Any], key: str) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{key}: expected a number, got {value}.")
    return float(value)


def catalog_id(catalog: Catalog, name: str) -> str:
    """The catalog's id for the id of a fact sheet (`h100_sxm` is h100-sxm5): letters name catalog ids."""
    if name in catalog.accelerators:
        return name
    for part in catalog.accelerators.values():
        if part.export_control_id == name:
            return part.id
    return _spelled(name, tuple(catalog.accelerators))


def _spelled(name: str, known: Sequence[str]) -> str:
    hyphens = name.replace("_", "-").lower()
    return hyphens if hyphens in known else name
