"""The customer proposal `proposal.html`: one self-contained file in English or Chinese.

For the customer: prices are by section with the margin; unit cost, price basis, grade, source and supplier never
appear. It is made from the plan alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from planner import drawings
from planner.bom import measure, part_names, readable_text
from planner.cable_totals import link_rows
from planner.exports import pictures
from planner.files import atomic_write
from planner.plan import Plan, Pool
from planner.proposal_brief import brief
from planner.proposal_checks import check_count, check_rows, standard_rows
from planner.proposal_notes import compliance_rows, left_out_by_rule, notes, public_notices, questions, unknowns
from planner.proposal_results import result_rows
from planner.quote import Quote, quote
from planner.request import USUAL_FRAMES_PER_S, Request, Workload
from planner.wording import Wording, rmb_capitals, templates_folder, wording
from planner.workbook_energy import energy_rows
from planner.worksheet import questionnaire, share_sentence, worksheet_rows


def write_proposal(plan: Plan, path: Path) -> None:
    """Write the proposal of a plan to `path` in one step. OSError when the folder cannot be written."""
    atomic_write(path, proposal_html(plan).encode())


def proposal_html(plan: Plan) -> str:
    """The proposal as one HTML document, in the plan's language."""
    words = wording(plan.language)
    names = {part: words.product(name) for part, name in part_names(plan).items()}
    plan = plan.model_copy(update={"names": names})
    request = Request.model_validate(plan.request)
    prices = quote(plan, request.pricing.margin_percent)
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "money": lambda amount: words.money(amount, prices.currency),
        "short_money": lambda amount: words.short_money(amount, prices.currency),
        "number": words.number,
    }
    # The style sheet is ours and holds no user text, so it goes in as it is.
    css = Markup((templates_folder() / "proposal.css").read_text(encoding="utf-8"))  # noqa: S704
    page = environment.get_template("proposal.html.j2").render(
        plan=plan,
        request=request,
        t=words,
        css=css,
        quote=prices,
        term=words.term,
        name=lambda part: plan.names.get(part, part),
        cover=_cover(plan, request, prices, words),
        asked=[(w.name, words.term("work", w.kind), asked(w, words, plan.names)) for w in request.workloads],
        site=_site(plan, request, words),
        networks=_networks(plan, words),
        topology=drawings.topology(plan, words),
        cables=link_rows(plan, words),
        elevations=drawings.elevations(plan, words),
        racks_left=_racks_left(plan, words),
        floor=pictures.floor_plan_of(plan, words) if plan.racks else "",
        pools=[_pool(plan, p, words) for p in plan.pools],
        items=_items(plan, words),
        performance=result_rows(plan, words),
        capitals=rmb_capitals(prices.total) if words.language == "zh" and prices.currency == "CNY" else "",
        power=_power(plan, request, words),
        checks=check_rows(plan, words),
        check_count=check_count(plan, words),
        standards=standard_rows(plan, words),
        chart=_chart(prices, words),
        compliance=compliance_rows(plan, words),
        unknowns=unknowns(plan, words),
        worksheet=worksheet_rows(plan, words),
        share=share_sentence(plan, words),
        questionnaire=questionnaire(plan, words),
        left_out=left_out_by_rule(plan, words),
        notes=notes(plan, words),
        questions=questions(plan, words),
    )
    return readable_text(page)


# -- cover -----------------------------------------------------------------------------------------------------------
def _cover(plan: Plan, request: Request, prices: Quote, words: Wording) -> dict[str, Any]:
    issued = dt.date.fromisoformat(plan.provenance.rule_date)
    until = issued + dt.timedelta(days=request.pricing.valid_days)
    return {
        "issued": issued.isoformat(),
        "until": until.isoformat(),
        "tiles": _tiles(plan, prices, words),
        "customer": request.customer.name,
        "country": words.term("country", request.site.country),
        "brief": brief(plan, request, prices, until.isoformat(), words),
    }


def _tiles(plan: Plan, prices: Quote, words: Wording) -> list[tuple[str, str, str, str]]:
    """What a decision maker sees at one glance: class, heading, value, remark."""
    totals, code = plan.totals, prices.currency
    cards: dict[str, int] = {}
    for pool in plan.pools:
        cards[pool.accelerator] = cards.get(pool.accelerator, 0) + pool.accelerators
    kinds = words("list").join(f"{n:,} × {plan.names.get(a, a)}" for a, n in cards.items())
    racks = words("tile.racks_more", units=totals.rack_units)
    tiles = [
        ("", words("tile.accelerators"), f"{totals.accelerators:,}", kinds),
        (
            "",
            words("tile.nodes"),
            f"{totals.nodes:,}",
            words("tile.nodes_more", count=totals.racks, units=totals.rack_units),
        ),
    ]
    peaks: dict[str, float] = {}
    for pool in plan.pools:
        if pool.peak_pflops is not None and pool.peak_precision is not None:
            peaks[pool.peak_precision] = peaks.get(pool.peak_precision, 0.0) + pool.peak_pflops
    if peaks:
        value = " / ".join(words.number(v) for v in peaks.values()) + " PFLOPS"
        precision = " / ".join(p.upper() for p in peaks)
        tiles.append(("", words("tile.peak"), value, words("tile.peak_more", precision=precision)))
    facility = words("tile.power_more", facility=words.number(totals.facility_power_kw))
    tiles.append(("", words("tile.power"), f"{words.number(totals.it_power_kw)} kW", facility))
    if not peaks:
        tiles.append(("", words("tile.racks"), f"{totals.racks:,}", racks))
    more = words("tile.price_net", amount=words.short_money(prices.net, code)) if prices.taxed else ""
    price = words("tile.price_taxed" if prices.taxed else "tile.price")
    tiles.append(("key", price, words.short_money(prices.total, code), more or words("tile.price_untaxed")))
    if prices.tco is not None:
        tco = words("tile.tco", years=prices.years)
        tiles.append(
            (
                "",
                tco,
                words.short_money(prices.tco, code),
                words("list").join(words(f"tile.tco_{p.kind}") for p in prices.parts),
            )
        )
    return tiles


# -- requirement -----------------------------------------------------------------------------------------------------
def asked(work: Workload, words: Wording, names: Mapping[str, str]) -> str:
    """What a workload asks for, in one sentence; `names` call parts by maker and model."""
    parts: list[str] = []

    def add(key: str, **values: object) -> None:
        parts.append(words(f"asked.{key}", **values))

    if work.model:
        add("model", model=work.model_name)
    if work.benchmark:
        add("benchmark", benchmark=work.benchmark)
    if work.tokens:
        add("tokens", tokens=words.large(work.tokens))
    if work.within_days:
        add("days", days=words.number(work.within_days))
    if work.requests_per_s:
        add("requests", rate=words.number(work.requests_per_s))
    if work.concurrent_users:
        think = words.number(work.think_time_s or 0)
        add("users", users=words.number(work.concurrent_users), think=think)
    if work.input_tokens or work.output_tokens:
        add("lengths", read=f"{work.input_tokens or 0:,}", written=f"{work.output_tokens or 0:,}")
    if work.ttft_ms:
        add("ttft", ms=words.number(work.ttft_ms))
    if work.tpot_ms:
        add("tpot", ms=words.number(work.tpot_ms))
    if work.samples_per_s:
        add("samples", rate=words.number(work.samples_per_s))
    if work.streams:
        rate = words.number(work.frames_per_s or USUAL_FRAMES_PER_S)
        add("streams", streams=f"{work.streams:,}", rate=rate, size=work.resolution or "1080p")
    if work.prefix_share:
        add("prefix", percent=words.number(work.prefix_share * 100))
    if work.speculative:
        kept = words.number(work.speculative.acceptance * 100)
        add("drafts", count=f"{work.speculative.draft_tokens}", percent=kept)
    if work.sustained_pflops:
        add("sustained", pflops=words.number(work.sustained_pflops))
    if work.count:
        add("count", count=f"{work.count:,}")
    if work.accelerator:
        add("accelerator", accelerator=names.get(work.accelerator, work.accelerator))
    if work.pflops:
        add("pflops", pflops=words.number(work.pflops))
    if work.precision:
        add("precision", precision=work.precision.upper())
    if work.maximise:
        add("maximise", what=words.term("maximise", work.maximise))
    if work.spare_nodes:
        add("spare", count=work.spare_nodes)
    return words("asked.join").join(parts)


def _site(plan: Plan, request: Request, words: Wording) -> list[tuple[str, str]]:
    """What the site and the budget allow; only what was given."""
    site, budget = request.site, request.budget
    rows: list[tuple[str, str]] = [("country", words.term("country", site.country))]

    def add(key: str, value: float | None, unit: str) -> None:
        if value is not None:
            rows.append((key, f"{words.number(value)} {unit}".strip()))

    add("it_power_kw", site.it_power_kw, "kW")
    add("utility_power_kw", site.utility_power_kw, "kW")
    add("pue", site.pue, "")
    if site.racks is not None:
        rows.append(("racks", words("site.rack_word", count=f"{site.racks:,}")))
    add("rack_power_kw", site.rack_power_kw, "kW")
    add("rack_weight_kg", site.rack_weight_kg, "kg")
    rows.append(("cooling", words.term("cooling", site.cooling)))
    if budget.capex is not None:
        key = "budget_taxed" if budget.vat_percent else "budget"
        rows.append((key, words.money(budget.capex, budget.currency)))
    if request.storage is not None and plan.storage is not None:
        rows.append(
            (
                "storage",
                words(
                    "site.storage_text"
                    if plan.storage.read_needed or plan.storage.write_needed
                    else "site.storage_size",
                    tb=words.number(request.storage.usable_tb),
                    read=words.number(plan.storage.read_needed),
                    write=words.number(plan.storage.write_needed),
                ),
            )
        )
    return [(words(f"site.{key}"), value) for key, value in rows]


# -- configuration and performance -----------------------------------------------------------------------------------
def _scale_up(pool: Pool, words: Wording) -> str:
    """What joins accelerators inside the systems of a pool, with the pieces that come with them."""
    inside = pool.scale_up
    if inside is None:
        return ""
    text = words("pool.scale_up_text", domains=inside.domains, cards=inside.accelerators, name=inside.name)
    if inside.gb_per_s:
        text += words("pool.scale_up_speed", speed=words.number(inside.gb_per_s))
    pieces = ", ".join(f"{words.number(count)} × {what}" for what, count in inside.included.items())
    return text + (words("pool.scale_up_parts", pieces=pieces) if pieces else words("pool.scale_up_unknown"))


def _pool(plan: Plan, pool: Pool, words: Wording) -> dict[str, Any]:
    def named(part: str | None) -> str:
        return plan.names.get(part, words.product(part)) if part else ""

    count = words("pool.count", nodes=f"{pool.nodes:,}", cards=f"{pool.accelerators:,}")
    rows = [
        ("chassis", named(pool.chassis)),
        ("accelerators", f"{pool.accelerators_per_node} × {named(pool.accelerator)}"),
        ("cpu", f"{pool.cpus_per_node} × {named(pool.cpu)}" if pool.cpu else ""),
        ("memory", f"{words.number(pool.memory_gb)} GB"),
        ("nvme", f"{words.number(pool.nvme_tb)} TB" if pool.nvme_tb else ""),
        ("nic", f"{pool.nics_per_node} × {named(pool.nic)}" if pool.nic and pool.nics_per_node else ""),
        ("scale_up", _scale_up(pool, words)),
        (
            "form",
            words(
                "pool.form_text",
                units=pool.node_rack_units,
                kg=words.number(pool.node_weight_kg),
                cooling=words.term("cooling", pool.cooling),
            ),
        ),
        (
            "power",
            words("pool.power_text", most=words.number(pool.node_power_kw), typical=words.number(pool.node_typical_kw)),
        ),
    ]
    if pool.spare_nodes:
        rows.append(("spare", words("pool.spare_text", count=pool.spare_nodes)))
    notices = public_notices(pool.notices, words)
    shown = [(words(f"pool.{key}"), value) for key, value in rows if value]
    return {"name": pool.workload, "count": count, "rows": shown, "notices": notices}


def _with_names(text: str, plan: Plan) -> str:
    """The text with part ids of the pools written as maker and model."""
    for pool in plan.pools:
        text = text.replace(f" {pool.accelerator} ", f" {plan.names.get(pool.accelerator, pool.accelerator)} ")
    return text


def _items(plan: Plan, words: Wording) -> list[tuple[str, list[dict[str, str]]]]:
    """The configuration list by section: what and how many, without any price."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in plan.lines:
        # Descriptions of software and services quote notes on their market; hardware is described by its figures.
        described = line.section not in ("software", "services")
        text = words.phrase(_with_names(line.description, plan)) if described else None
        chinese = words.language == "zh" and line.model_zh is not None
        row = {
            "position": line.position,
            "name": line.model_zh or "" if chinese else words.product(f"{line.maker} {line.model}"),
            "text": "" if text is None or text == line.model else text,
            "quantity": f"{line.quantity:,}",
            "unit": words.unit(measure(line), line.quantity),
        }
        found.setdefault(words.term("section", line.section), []).append(row)
    return list(found.items())


def _networks(plan: Plan, words: Wording) -> str:
    """What the networks are for, in as many sentences as there are networks to speak of."""
    alone = [p.workload for p in plan.pools if p.fabric is None]
    texts = [words("arch.no_compute" if len(alone) == len(plan.pools) else "arch.compute")]
    if alone and len(alone) < len(plan.pools):
        pools = words("list").join(words("brief.quoted", name=w) for w in dict.fromkeys(alone))
        texts.append(words("arch.part_compute", pools=pools))
    texts.append(words("arch.storage" if plan.storage else "arch.no_storage"))
    management = [f for f in plan.fabrics if f.role in ("in-band", "oob")]
    if management:
        combined = any(f.leaf + f.spine + f.core == 0 for f in management)
        texts.append(words("arch.combined" if combined else "arch.management"))
    return words("sentences").join(texts)


def _racks_left(plan: Plan, words: Wording) -> str:
    """Rack layouts that are not drawn."""
    groups = drawings.rack_groups(plan.racks)[drawings.MOST_RACKS :]
    if not groups:
        return ""
    spans = words("list").join(drawings.rack_span(g) for g in groups)
    return words("arch.racks_left", count=len(groups), spans=spans)


# -- power and cost --------------------------------------------------------------------------------------------------
def _power(plan: Plan, request: Request, words: Wording) -> list[tuple[str, str]]:
    totals, basis = plan.totals, plan.totals.energy_basis
    rows = [
        ("it", f"{words.number(totals.it_power_kw)} kW"),
        ("typical", f"{words.number(totals.typical_power_kw)} kW"),
        ("facility", f"{words.number(totals.facility_power_kw)} kW"),
        ("heat", words("power.heat_text", kw=words.number(totals.it_power_kw))),
    ]
    if plan.racks:
        fullest = max(plan.racks, key=lambda r: r.power_kw)
        limit = request.site.rack_power_kw
        text = words("power.fullest_text", rack=fullest.name, kw=words.number(fullest.power_kw))
        if limit is not None and fullest.part is not None:
            text += words("power.fullest_limit", limit=words.number(limit))
        rows.append(("fullest", text))
        heaviest = max(plan.racks, key=lambda r: r.weight_kg)
        rows.append(("heaviest", words("power.heaviest_text", rack=heaviest.name, kg=words.number(heaviest.weight_kg))))
    rows.append(("weight", f"{words.number(totals.weight_kg)} kg"))
    if basis is not None:
        rows.append(
            (
                "energy",
                words(
                    "power.energy_text",
                    mwh=words.number(basis.kwh / 1000),
                    utilisation=f"{basis.utilisation:.0%}",
                    pue=words.number(basis.pue),
                ),
            )
        )
    works = [(words("power.work", work=work), text) for work, text in energy_rows(plan, words)]
    return [(words(f"power.{key}"), value) for key, value in rows] + works


def _chart(prices: Quote, words: Wording) -> Markup:
    parts = [(p.kind, words(f"cost.{p.kind}"), p.once, p.per_year) for p in prices.parts]
    return drawings.cost_chart(parts, prices.years, prices.currency, words)


__all__ = ["asked", "proposal_html", "write_proposal"]
