"""The printed summary of `planner optimize`: one row per fact, names instead of part ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from planner.bom import part_names
from planner.plan import Limit, Plan, PlannedCheck, PlannedFabric, Pool, ScaleUpDomain
from planner.proposal_results import made_of, results, shown
from planner.topology_notes import PLAIN_SAVES
from planner.units import readable
from planner.wording import wording
from planner.workbook_energy import energy_rows

UNSTATED = "unstated"  # the case of a check that lacks a figure of the site


def summary(plan: Plan, files: Sequence[Path]) -> str:
    """What `planner optimize` says: the build, what it delivers and costs, what limits it, and what is still open."""
    objective = plan.objective
    proof = "proven best, gap 0" if plan.status == "optimal" else f"within {objective.gap:.1%} of the best possible"
    rows = [
        *_build_rows(plan),
        *_result_rows(plan),
        *_network_rows(plan),
        *_total_rows(plan),
        *_check_rows(plan.checks),
        *_rule_rows(plan),
    ]
    rows += _open_rows(plan)
    width = max(len(head) for head, _ in rows)
    out = [f"{plan.project}: {wording('en').term('objective', objective.name)}, {proof}.", ""]
    before = ""
    for head, text in rows:
        out.append(f"  {'' if head == before else head:<{width}}  {text}")
        before = head
    return "\n".join([*out, "", *(f"wrote {file}" for file in files)])


def _name(plan: Plan, part: str) -> str:
    """Maker and model as people write them; what is no part stays as it is."""
    return wording("en").product(part_names(plan).get(part, part))


def _build_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    for pool in plan.pools:
        cards = f"{pool.accelerators_per_node} × {_name(plan, pool.accelerator)}"
        each = "each with" if pool.nodes > 1 else "with"
        yield "nodes", f"{pool.workload}: {pool.nodes:,} × {_name(plan, pool.chassis)}, {each} {cards}"
        parts = [_processors(plan, pool), f"{pool.memory_gb:,.0f} GB memory", _drives(pool)]
        if pool.nic and pool.nics_per_node:
            parts.append(f"{pool.nics_per_node} × {_name(plan, pool.nic)}")
        yield "nodes", f"  {', '.join(parts)}; {_counted(pool.accelerators, 'accelerator')} in all"
        if pool.scale_up is not None:
            yield "nodes", f"  {_scale_up(pool.scale_up)}"


def _scale_up(inside: ScaleUpDomain) -> str:
    """What joins accelerators inside the systems, and what of it comes with them."""
    speed = f", {inside.gb_per_s:,g} GB/s each" if inside.gb_per_s else ""
    text = f"{_counted(inside.domains, 'domain')} of {inside.accelerators} on {inside.name}{speed}"
    if inside.included:
        pieces = ", ".join(f"{count:,} × {what}" for what, count in inside.included.items())
        return f"{text}; in the price: {pieces}"
    return text


def _result_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    words = wording("en")
    for result in results(plan):
        asked = "" if result.asked is None else f", asked {shown(result.asked, result.unit, words)}"
        spread = f" ({words.number(result.low)} to {words.number(result.high)})" if result.spread else ""
        unproven = "; unproven: nobody has published a comparable run" if result.unproven else ""
        yield "delivers", f"{result.workload}: {shown(result.value, result.unit, words)}{spread}{asked}{unproven}"
        for pool, found in result.shares:  # a rate taken apart: replicas × accelerators of each
            if made := made_of(found, words):
                yield "delivers", f"  {', '.join(made)} on {_name(plan, pool.chassis)}"


def _network_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    words = wording("en")
    wished = (plan.request.get("preferences") or {}).get("fabric") or {}
    reserved = int(wished.get("reserve_nodes") or 0)
    for net in plan.fabrics:
        tiers = (("leaf", net.leaf), ("spine", net.spine), ("core", net.core))
        switches = " + ".join(f"{count:,} {name}" for name, count in tiers if count)
        switch = f"{switches} × {_name(plan, net.switch)}" if switches else "on the switch of in-band management"
        kind = (
            f"{words.term('technology', net.technology)} {net.gbps:g}G, {words.term('topology', net.topology).lower()}"
        )
        kind += words("arch.planes", planes=net.planes) if net.planes > 1 else ""
        kind += f", spines for {reserved:,} more nodes" if reserved and net.role == "compute" and net.spine else ""
        kind += f", {_counted(net.links_other, 'link')} to fabric managers" if net.links_other else ""
        name = words.term("group", net.name)
        if net.role == "compute" and len(net.pools) > 1:
            name += f" of {' and '.join(net.pools)}"
        yield "networks", f"{name}: {switch}, {_cables(net)} ({kind})"
    if plan.storage is not None:
        store = plan.storage
        yield "storage", f"{store.blocks} × {_name(plan, store.system)}, {store.usable_tb:,.0f} TB usable"


def _cables(net: PlannedFabric) -> str:
    """Pieces, and the links on them where those are not as many: breakout cables, links of two fibres."""
    links = net.links_node + net.links_other + net.links_leaf_spine + net.links_spine_core
    pieces = _counted(net.cables, "cable")
    return pieces if links == net.cables or not net.cables else f"{_counted(links, 'link')} on {pieces}"


def _total_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    totals = plan.totals
    power = f"{totals.it_power_kw:,.1f} kW IT at most, {totals.facility_power_kw:,.1f} kW at the meter"
    yield "room", f"{_counted(totals.racks, 'rack')}, {power}"
    tax = f"with tax of {totals.tax:,.2f}" if totals.tax else "without tax"
    span = f"{totals.capex_low:,.0f} to {totals.capex_high:,.0f}"
    yield "capital", f"{totals.currency} {totals.capex:,.2f} {tax}; {span} at low and high prices"
    if totals.tco is not None:
        yield "ownership", f"{totals.currency} {totals.tco:,.2f} over {_counted(totals.tco_years, 'year')}"
    for work, text in energy_rows(plan, wording("en")):
        yield "energy", f"{work}: {text}"
    basis = totals.energy_basis
    if basis is not None and totals.energy_per_year is not None:
        money = f"{totals.currency} {totals.energy_per_year:,.0f} of electricity"
        yield "energy", f"everything, shared equipment too: {basis.kwh / 1000:,.1f} MWh per year; {money}"
    for limit in plan.limits:
        if limit.binding and limit.have:
            unit = "" if limit.unit == "pieces" else f" {limit.unit}"
            used = f"{readable(limit.used)} of {readable(limit.have)}{unit}"
            counted = " (services and energy per year)" if limit.name == "budget.opex_per_year" else ""
            yield "used up", f"{limit.name}{counted}: {used}; {_short_of(limit)}"


def _check_rows(checks: Sequence[PlannedCheck]) -> Iterator[tuple[str, str]]:
    """Checks that fail or warn, with the change that mends each; planner check tells the others too."""
    unsaid = [check for check in checks if check.status == "WARN" and check.case == UNSTATED]
    for check in checks:
        if check.status != "PASS" and check not in unsaid:
            mend = f" To mend: {check.mend}" if check.mend else ""
            yield f"check {check.status.lower()}s", f"{check.number} {check.title}: {check.have}.{mend}"
    if unsaid:
        named = ", ".join(f"{check.number} {check.title.lower()}" for check in unsaid)
        yield "check warns", f"not stated in the site file, so not checked: {named}; planner check says which key"


def _short_of(limit: Limit) -> str:
    if limit.name == "site.rack_power_kw":
        return "the fullest rack, which has no room for one more node"
    return "not one more rack" if limit.name == "site.racks" else "less than one more node takes"


def _rule_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """The export verdict on what is planned, with its mandatory notices; the domestic share where it was asked for."""
    for entry in plan.compliance:
        if entry.planned and entry.part == entry.accelerator and entry.short:
            yield "export", f"{_name(plan, entry.part)}: {entry.short}"
    wanted = (plan.request.get("preferences") or {}).get("origin") or {}
    if plan.origins is not None and plan.origins.share is not None and "domestic" in wanted.values():
        yield "origin", f"{plan.origins.share:.1%} of the value whose origin is known is from {plan.origins.country}"


def _open_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    for note in plan.assumptions:
        if note.kind == "price" and note.name in ("price age", "quantity breaks"):
            yield "note", note.text
    for note in plan.assumptions:
        if note.name.startswith(("storage.network_speed", "fabric_bandwidth")) or note.name.startswith(PLAIN_SAVES):
            yield "note", note.text
    yield "note", f"{_counted(len(plan.assumptions), 'assumption')} listed in the documents"
    for question in plan.open_questions:
        yield "open", question.text


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _processors(plan: Plan, pool: Pool) -> str:
    """The CPUs of a node; a fixed system's datasheet text may name their number itself."""
    if pool.cpu is None:
        return "CPU on board"
    return pool.cpu if pool.cpu[:1].isdigit() else f"{pool.cpus_per_node} × {_name(plan, pool.cpu)}"


def _drives(pool: Pool) -> str:
    return f"{pool.nvme_tb:g} TB NVMe" if pool.nvme_tb else "NVMe not stated"


__all__ = ["summary"]
