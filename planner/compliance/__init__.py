"""Export screening: verdict per accelerator from dated rules, with citations. Screens and explains; never clears.

`screen` gives a `ComplianceEntry`; `gate` turns one that is not accepted into a Rejection. See docs/compliance.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from planner.catalog import Catalog
from planner.compliance.rules import Item, rules_of
from planner.compliance.screening import Finding, Terms, evaluate
from planner.compliance.words import summary, summary_zh
from planner.errors import Rejection
from planner.parts import Accelerator
from planner.plan import ComplianceEntry
from planner.request import Request

__all__ = ["Finding", "Item", "Terms", "evaluate", "gate", "item_of", "screen", "terms_from"]


def terms_from(request: Request, on: dt.date) -> Terms:
    """The parties and places of a request on a date."""
    return Terms(
        to=request.site.country,
        headquarters=request.customer.headquarters,
        parent=request.customer.ultimate_parent,
        ship_from=request.compliance.ship_from,
        on=on,
        end_use=request.compliance.end_use,
        funding=request.customer.funding,
    )


def item_of(accelerator: Accelerator) -> Item:
    """What the rules look at, from a catalog record."""
    return Item(
        id=accelerator.id,
        name=accelerator.model,
        origin=accelerator.origin,
        tpp=accelerator.tpp,
        performance_density=accelerator.performance_density,
        datacentre=accelerator.designed_for_datacenter,
        dram_bandwidth=accelerator.memory_bandwidth_gb_per_s,
        interconnect=accelerator.scale_up.gb_per_s,
        rule_id=accelerator.export_control_id,
    )


def screen(catalog: Catalog, accelerator_id: str, terms: Terms) -> ComplianceEntry:
    """The verdict on one accelerator under the rules of a date, with rules, citations and what was assumed."""
    item = item_of(catalog.accelerators[accelerator_id])
    # A part shipped within mainland China starts there, whatever the request says of imports.
    shipped = terms
    if item.origin == "CN" and terms.to == "CN" and terms.ship_from == "US":
        shipped = Terms(**{**{f: getattr(terms, f) for f in terms.__dataclass_fields__}, "ship_from": "CN"})
    assumed = []
    if shipped.headquarters is None:
        assumed.append(f"the customer's headquarters are in {shipped.to}, where the site is (not stated)")
        shipped = Terms(
            **{**{f: getattr(shipped, f) for f in shipped.__dataclass_fields__}, "headquarters": shipped.to}
        )
    if shipped.parent is None:
        assumed.append(f"the ultimate parent's headquarters are in {shipped.headquarters} (not stated)")
    rules = rules_of(catalog)
    found = evaluate(rules, item, shipped)
    return ComplianceEntry(
        part=accelerator_id,
        accelerator=accelerator_id,
        classification=found.classification,
        verdict=found.verdict,
        rules=found.rules,
        on=terms.on.isoformat(),
        summary=summary(rules, item, shipped, found),
        summary_zh=summary_zh(rules, item, shipped, found),
        citations=tuple(dict.fromkeys(found.citations)),
        review_policy=found.review_policy,
        import_side=found.import_side,
        assumed=tuple(assumed),
    )


def gate(entry: ComplianceEntry, accept: Sequence[str]) -> Rejection | None:
    """A rejection when the verdict is not among the accepted ones."""
    if entry.verdict in accept and entry.import_side == "import_restricted":
        message = f"{entry.part}: the importing side restricts it on {entry.on}. {entry.summary}"
        return Rejection(entry.part, "import-restricted", message, "import_restricted", "import_open")
    if entry.verdict in accept:
        return None
    return Rejection(entry.part, f"export-{entry.verdict}", entry.summary, entry.verdict, ", ".join(accept))
