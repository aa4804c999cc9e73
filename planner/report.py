"""What a plan says beside its numbers: assumptions, parts left out and why, open questions, compliance entries."""

from __future__ import annotations

from collections.abc import Sequence

from planner import compliance, pricing, site, sitefile, spares, storage_need
from planner.assemble import Chosen
from planner.demand.mig import MEMORY_PARTS
from planner.errors import Rejection
from planner.plan import Assumption, ComplianceEntry, LeftOut, PlanLine
from planner.problem import Prepared
from planner.screened import licence_questions, notice_note, rule_notes
from planner.units import UTILISATION, Money


def planned_compliance(prepared: Prepared, chosen: Sequence[Chosen]) -> tuple[ComplianceEntry, ...]:
    """Verdicts: what is planned first (accelerators and their systems), then everything that rules left out."""
    planned = sorted({c.option.node.accelerator for c in chosen})
    entries = []
    for accelerator in planned:
        verdict = prepared.verdicts[accelerator].model_copy(update={"planned": True})
        entries.append(verdict)
        for chassis in sorted({c.option.node.chassis for c in chosen if c.option.node.accelerator == accelerator}):
            entries.append(verdict.model_copy(update={"part": chassis, "accelerator": accelerator}))
    entries += [_briefly(v) for k, v in prepared.verdicts.items() if k not in prepared.accepted]
    return tuple(entries)


def _briefly(entry: ComplianceEntry) -> ComplianceEntry:
    """A part that rules left out: verdict, rule and decisive number; `planner comply` has the whole reasoning."""
    return entry.model_copy(
        update={
            "summary": f"{entry.part}: {entry.short}.",
            "summary_zh": f"{entry.part}：{entry.short_zh}。",
            "conditions": (),
            "conditions_zh": (),
            "data": (),
            "data_zh": (),
            "foreseen": (),
        }
    )


def left_out(prepared: Prepared, chosen: Sequence[Chosen]) -> tuple[LeftOut, ...]:
    """Per accelerator not chosen: the rule, limit or missing figure that excludes it, or that something better won."""
    used = {c.option.node.accelerator for c in chosen}
    reasons: dict[str, Rejection] = {}
    for rejection in prepared.rejections:
        reasons.setdefault(_accelerator_of(prepared, rejection.part) or rejection.part, rejection)
    offered = {o.node.accelerator for o in prepared.unpruned}
    found = []
    for accelerator in sorted(prepared.catalog.accelerators):
        if accelerator in used:
            continue
        if accelerator in offered:
            found.append(LeftOut(part=accelerator, rule="objective", message=_outdone(prepared, accelerator)))
        elif accelerator in reasons:
            reason = reasons[accelerator]
            found.append(LeftOut(part=accelerator, rule=reason.rule, message=reason.message))
    return tuple(found)


def _outdone(prepared: Prepared, accelerator: str) -> str:
    name = prepared.catalog.accelerators[accelerator].model
    return f"{name} can do the work within the rules, but the chosen plan is better on {prepared.request.objective}."


def _accelerator_of(prepared: Prepared, part: str) -> str | None:
    """The accelerator that a rejected build or part id belongs to."""
    if part in prepared.catalog.accelerators:
        return part
    for piece in part.replace("|", "/").split("/"):
        name = piece.rsplit("x", 1)[0]
        if name in prepared.catalog.accelerators:
            return name
    return None


def assumptions(prepared: Prepared, chosen: Sequence[Chosen], capital: Sequence[PlanLine]) -> tuple[Assumption, ...]:
    """Everything taken for granted: defaults, estimates, prices, conventions."""
    request = prepared.request
    found = [
        Assumption(kind="default", name=key, text=f"{key} was not given; {_shown(value)} was used.")
        for key, value in sitefile.defaults_used(request)
        if value not in (None, (), [], {}, "")
    ]
    found += _layers(prepared)
    found += _conventions(prepared)
    for pick in chosen:
        node = pick.option.node
        found += [Assumption(kind="estimate", name=node.id, text=text) for text in node.estimates]
        found += [Assumption(kind="notice", name=node.id, text=text) for text in node.notices]
        found += _supplies(prepared, pick)
        found += _slices(pick)
    for line in capital:
        found += [
            Assumption(kind="estimate", name=line.part, text=f"{line.part}: {text}")
            for text in line.estimates
            if line.group not in {c.option.node.id for c in chosen}
        ]
    found += _price_assumptions(prepared, capital)
    found += _plan_notices(prepared, chosen)
    found += rule_notes(prepared, chosen)
    unique = {(a.kind, a.name, a.text): a for a in found}
    return tuple(unique.values())


def _layers(prepared: Prepared) -> list[Assumption]:
    """Which overlay folders lie on the shipped catalog."""
    names = [folder.name for folder in prepared.catalog.folders[1:]]
    if not names:
        return []
    text = f"Records and prices of {', '.join(names)} add to and replace those of the shipped catalog."
    return [Assumption(kind="price", name="catalog", text=text)]


def _supplies(prepared: Prepared, pick: Chosen) -> list[Assumption]:
    """Spare power supplies: they have neither part number nor price here, so they are told instead of bought."""
    percent, chassis = prepared.request.spares.supplies, prepared.catalog.chassis[pick.option.node.chassis]
    if not percent or pick.nodes < spares.FROM_NODES:
        return []
    if chassis.psu_count is None:
        text = f"Spare power supplies of {chassis.id} are not in the total: their number per node is not published."
    else:
        count = spares.pieces(percent, chassis.psu_count * pick.nodes)
        text = (
            f"{count} spare power supplies of {chassis.id} ({percent:g} % of {chassis.psu_count * pick.nodes}) are not"
            " in the total: no part number and no price is known. Ask the vendor."
        )
    return [Assumption(kind="notice", name="spares.supplies", text=text)]


def _slices(pick: Chosen) -> list[Assumption]:
    """Work that stands on slices of cards: what a slice is, and that its rate is an estimate."""
    works = sorted({work for work, size, _ in pick.placed if not size})
    if not works:
        return []
    count = pick.option.slices
    text = (
        f"{', '.join(works)}: slices of cards by MIG, {count} to a card, each with 1/{count} of its units and "
        f"1/{MEMORY_PARTS[count]} of its memory; rates on slices are estimates."
    )
    return [Assumption(kind="estimate", name=pick.option.node.id, text=text)]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _conventions(prepared: Prepared) -> list[Assumption]:
    request = prepared.request
    found = [
        Assumption(
            kind="sizing",
            name="power",
            text="Limits use maximum draw; energy uses typical draw × "
            f"{UTILISATION} utilisation × annual PUE {site.annual_pue(request):g} × 8,760 hours.",
        ),
        Assumption(
            kind="sizing",
            name="money",
            text="Landed unit prices are rounded once, half up, to whole cents; "
            "tax is computed per rate on its subtotal.",
        ),
    ]
    feeds = request.site.feeds
    if feeds is not None and feeds.derate is None:
        share = f"{site.derate(request):g}"
        text = f"site.feeds.derate was not given; {share} was used (the country's rule for continuous load)."
        found.append(Assumption(kind="default", name="site.feeds.derate", text=text))
    tariff = pricing.electricity(prepared.catalog, request)
    if tariff is not None:
        price, source, assumed = tariff
        if assumed:
            found.append(
                Assumption(
                    kind="default",
                    name="site.electricity_per_kwh",
                    text="site.electricity_per_kwh was not given; "
                    f"{price:.4f} {request.budget.currency} was used ({source}).",
                )
            )
    if request.storage is None:
        found.append(
            Assumption(kind="default", name="storage", text="No storage: key, so no shared storage is planned.")
        )
    else:
        for way, speed in zip(("read", "write"), storage_need.needed(prepared.catalog, request), strict=True):
            if getattr(request.storage, f"{way}_gb_per_s") is None:
                text = f"Storage {way} speed was not given: {speed.why}."
                found.append(Assumption(kind="sizing", name=f"storage.{way}_gb_per_s", text=text))
    if prepared.book.taxes.several:
        rates = prepared.book.taxes.counted
        found.append(
            Assumption(
                kind="price",
                name="tax",
                text=f"Goods are taxed at {rates['goods']:f} %, services at {rates['services']:f} % "
                f"as in {request.site.country}.",
            )
        )
    if request.budget.vat_percent is None:
        vat = pricing.country_vat(prepared.catalog, request.site.country)
        shown = "unknown" if vat is None else f"{vat} %"
        found.append(
            Assumption(
                kind="price",
                name="budget.vat_percent",
                text=f"Prices are without tax; the country's standard rate is {shown}.",
            )
        )
    return found


def _plan_notices(prepared: Prepared, chosen: Sequence[Chosen]) -> list[Assumption]:
    """Notices that a whole plan must carry under the rules of its date."""
    peaks = {"fp64_pflops": 0.0, "fp32_pflops": 0.0}
    for pick in chosen:
        rates = prepared.catalog.accelerators[pick.option.node.accelerator].dense_tflops
        cards = pick.nodes * pick.option.node.accelerators
        peaks["fp64_pflops"] += max(rates.get("fp64", 0.0), rates.get("fp64_tensor", 0.0)) * cards / 1000
        peaks["fp32_pflops"] += rates.get("fp32", 0.0) * cards / 1000
    terms = compliance.terms_from(prepared.request, prepared.on)
    return [notice_note(notice) for notice in compliance.plan_notices(prepared.catalog, terms, peaks)]


def _price_assumptions(prepared: Prepared, capital: Sequence[PlanLine]) -> list[Assumption]:
    grades: dict[str, int] = {}
    for line in capital:
        if line.price is not None:
            grades[line.price.grade] = grades.get(line.price.grade, 0) + 1
    estimated = sorted({ln.part for ln in capital if ln.price is not None and ln.price.basis == "estimate"})
    found = []
    if estimated:
        found.append(
            Assumption(
                kind="price",
                name="estimated prices",
                text=f"{len(estimated)} of {len(capital)} lines carry an estimated price: {', '.join(estimated)}.",
            )
        )
    found += [Assumption(kind="price", name="quantity breaks", text=t) for t in _breaks(prepared, capital)]
    old, counted, oldest = pricing.stale(prepared.book, [ln.part for ln in capital], prepared.on)
    if old:
        found.append(
            Assumption(
                kind="price",
                name="price age",
                text=f"{old} of {counted} prices are older than 90 days; the oldest is of {oldest}.",
            )
        )
    return found


def _breaks(prepared: Prepared, capital: Sequence[PlanLine]) -> list[str]:
    """Prices for larger orders that the plan's quantities reach: the plan counts the price of one piece."""
    ordered: dict[str, int] = {}
    for line in capital:
        ordered[line.part] = ordered.get(line.part, 0) + line.quantity
    found = []
    for part, quantity in sorted(ordered.items()):
        single, many = prepared.book.landed(part), prepared.book.landed(part, quantity)
        if isinstance(single, Rejection) or isinstance(many, Rejection) or many.cents >= single.cents:
            continue
        row = prepared.book.price(part, quantity)
        saved = Money((single.cents - many.cents) * quantity, single.currency)
        start = 1 if row is None else row.min_quantity
        found.append(
            f"{part}: the plan orders {quantity:,}; from {start:,} pieces each costs {many.money} instead of "
            f"{single.money}, which would save {saved}. The plan counts the price of one piece."
        )
    return found


# Countries whose own import practice the rule data describes; elsewhere "unknown" only means not researched.
IMPORT_SIDES = frozenset({"CN"})


def open_questions(prepared: Prepared, chosen: Sequence[Chosen]) -> tuple[Assumption, ...]:
    """What somebody must answer before signing, most important first."""
    found = []
    unknown = sorted(
        {
            c.option.node.accelerator
            for c in chosen
            if prepared.verdicts[c.option.node.accelerator].import_side == "import_unknown"
            and prepared.request.site.country in IMPORT_SIDES
        }
    )
    if unknown:
        names, country = ", ".join(unknown), prepared.request.site.country
        found.append(
            Assumption(
                kind="compliance",
                name="import",
                text=f"Does {country} let {names} in for this project (funding, import approval)? It is not known.",
                text_zh=f"{names} 进入 {country} 的进口审批与资金性质要求尚不明确，须由客户确认。",
            )
        )
    customer = prepared.request.customer
    if customer.headquarters is None:
        country = prepared.request.site.country
        found.append(
            Assumption(
                kind="compliance",
                name="customer.headquarters",
                text=f"Where is the customer's headquarters? {country} was assumed for every export verdict.",
                text_zh=f"客户总部所在国家/地区？全部出口合规结论均暂按 {country} 假定。",
            )
        )
    if customer.ultimate_parent is None:
        found.append(
            Assumption(
                kind="compliance",
                name="customer.ultimate_parent",
                text="Where is the ultimate parent company's headquarters? The customer's own was assumed.",
                text_zh="最终母公司总部所在国家/地区？暂按客户总部所在地假定。",
            )
        )
    found += licence_questions(prepared, chosen)
    return tuple(found)
