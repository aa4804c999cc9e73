"""Values of reference rows as people write them: counts, ratios, words for layouts and pairs, names of switches."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from planner.catalog import Catalog
from planner.fabric.design import ports_at
from planner.parts import Switch

BIG = 1_000_000
MOST_PORTS = 4096  # of a node or a switch: far above anything sold, low enough to answer at once
MOST_KW = 10_000.0  # of one node
POWER = re.compile(r"(^|_)(kw|mw|w|watts|power)(_|$)")
PLAIN = {"plain", "unknown", "clos", "fat tree", "leaf spine", "spine leaf", "single switch", "one tier", "single tier"}


class NoFabric(Exception):
    """Why a row is not a fabric to design, in words."""


def number(value: Any) -> Any:
    """The number in a text such as 64 or 1,024; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*|\s*\d{1,18}(\.\d{1,9})?\s*", value):
        plain = value.replace(",", "").strip()
        return float(plain) if "." in plain else int(plain)
    return value


def whole(inputs: Mapping[str, Any], *names: str, least: int = 1, most: int = BIG, default: int | None = None) -> int:
    """The first of several names that is given, as a whole number within bounds."""
    name = next((n for n in names if inputs.get(n) is not None), names[0])
    value = number(inputs[name]) if inputs.get(name) is not None else default
    if value is None:
        raise NoFabric(f"{names[0]} is not stated")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value % 1:
        raise NoFabric(f"{name} is not a whole number: {value}")
    if not least <= value <= most:
        raise NoFabric(f"{name} is out of bounds: {value:g} (from {least} to {most:,})")
    return int(value)


def ratio(inputs: Mapping[str, Any]) -> float:
    """Node bandwidth ÷ uplink bandwidth: a number, 2:1, or non-blocking."""
    value = number(inputs.get("oversubscription"))
    if value is None:
        return 1.0
    if isinstance(value, str):
        words = value.strip().lower()
        parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*:\s*(\d{1,9}(?:\.\d{1,9})?)", words)
        if parts:
            value = float(parts[1]) / float(parts[2]) if float(parts[2]) else 0.0
        elif re.fullmatch(r"non[- ]?block(ing)?|none", words):
            value = 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 64:
        raise NoFabric(f"oversubscription is not a ratio of at least 1: {value}")
    return float(value)


def tiers(inputs: Mapping[str, Any]) -> int | None:
    """Tiers that a row asks for: 3 stands though two would do; fewer are what the rules give anyway, or impossible."""
    return None if inputs.get("tiers") is None else whole(inputs, "tiers", least=1, most=3)


def is_rail(inputs: Mapping[str, Any]) -> bool:
    """Whether leaves are those of rails; a layout that is no fat tree is not designed."""
    stated = inputs.get("topology")
    words = re.sub(r"[\s_-]+", " ", str(stated or "plain")).strip().lower()
    if re.fullmatch(r"rails?( (optimi[sz]ed|aligned))?( (fat tree|clos|leaf spine))?", words):
        return True
    if words in PLAIN or re.fullmatch(r"(plain |non blocking |folded )?(fat tree|clos)", words):
        return False
    raise NoFabric(f"topology {stated} is not a fat tree of rails (rail) or without (plain)")


def is_paired(inputs: Mapping[str, Any]) -> bool:
    """Whether endpoints sit on pairs of switches."""
    stated = inputs.get("redundancy")
    words = str(stated if stated is not None else "none").strip().lower()
    if words in ("pair", "paired", "pairs"):
        return True
    if words in ("none", "no", "single", "false"):
        return False
    raise NoFabric(f"redundancy {stated} is neither pair nor none")


def switch_named(catalog: Catalog, name: object) -> Switch | None:
    """A switch by id or model, with or without its maker, in any case."""
    wanted = re.sub(r"[\s_]+", " ", str(name or "")).strip().lower()
    if wanted in catalog.switches:
        return catalog.switches[wanted]
    found = [s for s in catalog.switches.values() if wanted in (s.model.lower(), f"{s.vendor} {s.model}".lower())]
    return found[0] if len(found) == 1 else None


def radix(inputs: Mapping[str, Any], catalog: Catalog, name: str = "radix") -> int:
    """Ports as the row states them, else what the catalog's switch gives at the port speed."""
    if inputs.get(name) is not None:
        return whole(inputs, name, least=2, most=MOST_PORTS)
    switch = switch_named(catalog, inputs.get("switch"))
    if switch is None:
        raise NoFabric(f"{name} is not stated, and switch {inputs.get('switch')} is not in the catalog")
    speed = number(inputs.get("port_gbps"))
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float)):
        raise NoFabric(f"port_gbps is not a number: {speed}")
    ports = ports_at(switch, float(switch.gbps if speed is None else speed))
    if not ports:
        raise NoFabric(f"{switch.id} has no ports of {speed} Gbit/s")
    return ports


def kilowatts(inputs: Mapping[str, Any], name: str) -> float | None:
    """Power in kW; None where it is not stated. NoFabric where it is no power of a machine."""
    value = number(inputs.get(name))
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_KW:
        raise NoFabric(f"{name} is not a power in kW: {value}")
    return float(value)


def equal(field: str, have: Any, want: Any) -> bool:
    """Whether a planned figure is the published one: power within 2 %, everything else exactly."""
    want = number(want)
    if have is None or isinstance(want, bool) is not isinstance(have, bool):
        return False
    if isinstance(have, int | float) and isinstance(want, int | float) and POWER.search(field.rsplit(".", 1)[-1]):
        return math.isclose(have, want, rel_tol=0.02)
    return bool(have == want)
