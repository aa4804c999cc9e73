"""What `planner fabric` prints: one fabric with every number named, and published designs beside the planned ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planner.catalog import Catalog
from planner.fabric import CaseResult
from planner.lines import describe
from planner.printing import plain, table


def fabric(made: Mapping[str, Any], catalog: Catalog) -> str:
    """A compute fabric: what it joins, switches by tier, links by kind, ports, power, and what to buy."""
    switches = made["leaf"] + made["spine"] + made["core"]
    shape = {"rail": "rail-optimized", "plain": "plain fat tree", "direct": "one switch"}[made["topology"]]
    tiers = "one tier" if made["tiers"] == 1 else f"{made['tiers']} tiers"
    out = [
        f"{made['nodes']:,} nodes × {made['nics_per_node']} ports of {_speed(made)} Gbit/s {made['technology']}"
        f" on {_name(catalog, made['switch'])}: {shape}, {tiers}, {_blocking(made['oversubscription'])}."
    ]
    if made["planes"] > 1:
        out[0] += f" {made['planes']} separate planes: one link of each port goes to each; counts are those of all."
    if made["reserve_nodes"]:
        out[0] += f" Spines are sized for {made['reserve_nodes']:,} more nodes."
    if made["assumed"]:
        out += [f"Assumed: {'; '.join(made['assumed'])}. planner optimize knows the nodes and the floor."]
    groups: list[tuple[str, str, str]] = [("Switches", f"{switches:,}", "in all")]
    words = {
        "leaf": f"{made['down']} ports to nodes"
        + (f", {made['up']} uplinks of {made['uplink_gbps']:g} Gbit/s each" if made["up"] else ""),
        "spine": "join the leaves"
        + ("; every leaf has the same number of links to each" if made["tiers"] == 2 else ""),
        "core": "join the spines",
    }
    groups += [(f"  {tier}", f"{made[tier]:,}", words[tier]) for tier in words if made[tier]]
    groups.append(("Links", f"{made['links']:,}", "in all"))
    named = (
        ("node_links", "node to leaf", "one per node port"),
        ("leaf_spine_links", "leaf to spine", "at the switches' own speed"),
        ("spine_core_links", "spine to core", "at the switches' own speed"),
    )
    groups += [(f"  {words_}", f"{made[key]:,}", note) for key, words_, note in named if made[key]]
    if made["cables"] != made["links"]:
        groups.append(("Cables", f"{made['cables']:,}", "in all"))
    free = made["ports_present"] - made["ports_used"]
    groups += [
        ("Ports used", f"{made['ports_used']:,}", f"of {made['ports_present']:,} ports of {made['gbps']:g} Gbit/s"),
        ("  free", f"{free:,}", "for growth or fabric managers"),
        ("Power, maximum", f"{made['switch_power_kw_max']:,.1f}", "kW, switches with their modules"),
        (
            "Power, typical",
            f"{made['switch_power_kw_typical']:,.1f}",
            "kW, switches as their makers publish it, without modules",
        ),
    ]
    out += ["", table(("", "number", "meaning"), groups, right=(1,)), "", "To buy:"]
    bought = [(ln["quantity"], ln["part"], _kind(catalog, ln["part"])) for ln in plain(made["lines"])]
    out.append(table(("quantity", "part", "what it is"), sorted(bought, key=lambda b: str(b[1])), right=(0,)))
    return "\n".join(out)


def _speed(made: Mapping[str, Any]) -> str:
    return f"{made['planes']} × {made['gbps']:g}" if made["planes"] > 1 else f"{made['gbps']:g}"


def _blocking(ratio: float) -> str:
    return "non-blocking" if ratio <= 1 else f"oversubscribed {ratio:g}:1"


def _name(catalog: Catalog, part: str) -> str:
    record = catalog.parts[part]
    return f"{record.vendor} {record.model}"


def _kind(catalog: Catalog, part: str) -> str:
    return f"{_name(catalog, part)}: {describe(catalog.parts[part])}"


def cases(results: Sequence[CaseResult]) -> str:
    """Rows with published and planned numbers; then every difference with its reason, then why others are no fabric."""
    fabrics = [r for r in results if r.given and r.kind == "fabric_count"]
    out = []
    if fabrics:
        head = ("row", "published", "cables", "planned", "cables", "result")
        body = [
            (r.id, _tiers(r.expected), _cables(r.expected), _tiers(r.given), _cables(r.given), _verdict(r))
            for r in fabrics
        ]
        out += [
            table(head, body),
            "switches: leaf/spine/core. Cables: node-leaf + leaf-spine + spine-core. -: not published.",
        ]
    for result in results:
        if result.given and result.kind != "fabric_count":
            out += ["", f"{result.id}: {_verdict(result)}"]
            fields = [f for f in result.given if f in result.expected]
            rows = [(f"  {f}", result.expected[f], result.given[f]) for f in fields]
            out.append(table(("", "published", "planned"), rows, right=(1, 2)))
    told = [(r.id, text) for r in results for text in (*r.explained, *((r.reason,) if r.reason and r.given else ()))]
    if told:
        out += ["", "Differences and notes:", *(f"  {name}: {text}" for name, text in told)]
    others = [r for r in results if not r.given]
    if others:
        out += ["", "Not a fabric to design:", *(f"  {r.id}: {r.reason}" for r in others)]
    met = sum(r.ok is True for r in results)
    wrong = sum(r.ok is False for r in results)
    out += [
        "",
        f"{len(results)} rows: {met} reproduced (of these {sum(bool(r.explained) for r in results)} with a documented"
        f" difference), {wrong} not, {len(results) - met - wrong} without a fabric or a number to compare.",
    ]
    return "\n".join(out)


def _verdict(result: CaseResult) -> str:
    if result.ok is None:
        return "no test"
    return ("ok, explained" if result.explained else "ok") if result.ok else "DIFFERS"


def _tiers(values: Mapping[str, Any]) -> str:
    return "/".join(_or_dash(values.get(k)) for k in ("leaf", "spine", "core"))


def _cables(values: Mapping[str, Any]) -> str:
    links = [values.get(k) for k in ("node_leaf_cables", "leaf_spine_cables", "spine_core_cables")]
    text = " + ".join(_or_dash(v) for v in links) if any(v is not None for v in links) else "-"
    between = values.get("inter_switch_links")
    return f"{text}, {between} between the pair" if between else text


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
