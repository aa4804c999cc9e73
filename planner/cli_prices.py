"""`planner prices`: read a supplier's price list, write an empty quote request. No arithmetic."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from planner import lookup, printing
from planner.catalog import Catalog
from planner.cli_catalog import JsonOption, OverlayOption
from planner.errors import InputError, Mistake

app = typer.Typer(no_args_is_help=True, help="Suppliers' price lists in, quote requests out.")


@app.command("import", epilog="Example: planner prices import quote.xlsx --supplier Acme --out my-prices")
def import_list(
    file: Annotated[Path, typer.Argument(help="The supplier's sheet, .xlsx or .csv")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Overlay folder to write the matched rows into; without it only look")
    ] = None,
    supplier: Annotated[str | None, typer.Option("--supplier", help="Who quotes; stands in the source")] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Date of the quote, YYYY-MM-DD; default the sheet's own, else today")
    ] = None,
    valid_until: Annotated[str | None, typer.Option("--valid-until", help="Last day of the quote, YYYY-MM-DD")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Where the sheet names none, e.g. CNY")] = None,
    tax_basis: Annotated[
        str | None, typer.Option("--tax-basis", help="included or excluded, where the sheet does not say")
    ] = None,
    tax_percent: Annotated[str | None, typer.Option("--tax-percent", help="Rate inside the prices, e.g. 13")] = None,
    basis: Annotated[str, typer.Option("--basis", help="quote, list, street or tender")] = "quote",
    match: Annotated[
        list[str] | None, typer.Option("--match", help="Answer for a doubtful row: ROW=ID or TEXT=ID; repeatable")
    ] = None,
    again: Annotated[bool, typer.Option("--replace", help="Write over an earlier import of the same file")] = False,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a supplier's price list: a table of matched, doubtful and unmatched rows, then an overlay price file."""
    from planner.pricelist.importing import Terms, read_price_list, write_overlay

    catalog = Catalog.load(overlay or ())
    _one_of("--tax-basis", tax_basis, ("included", "excluded"))
    _one_of("--basis", basis, ("quote", "list", "street", "tender"))
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", currency):
        raise InputError([Mistake("--currency", None, None, f"expected a code such as CNY, got {currency}.")])
    terms = Terms(
        supplier=supplier,
        today=dt.date.today(),
        as_of=_date("--on", on),
        valid_until=_date("--valid-until", valid_until),
        currency=currency,
        tax_basis=cast(Literal["included", "excluded"] | None, tax_basis),
        tax_percent=_percent(tax_percent),
        basis=cast(Literal["quote", "list", "street", "tender"], basis),
        matches=dict(_pair(m) for m in match or ()),
    )
    result = read_price_list(file, catalog, terms)
    target = None
    if out is not None and result.of("matched"):
        target = write_overlay(result, out, re.sub(r"[^\w-]+", "-", file.stem).strip("-") or "import", again)
    if as_json:
        typer.echo(printing.as_json({"rows": result.rows, "remarks": result.remarks, "written": target}))
    else:
        typer.echo(printing.price_list(result, target, out))
    if out is not None and target is None:
        typer.echo(f"{file}: nothing can be written to {out}: no row is certain.", err=True)
        raise typer.Exit(2)


@app.command("export", epilog="Example: planner prices export out/rhine/plan.json --out request.xlsx")
def export(
    plan: Annotated[Path | None, typer.Argument(help="A plan.json: its parts and quantities")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Current parts of a kind; repeatable")] = None,
    part: Annotated[list[str] | None, typer.Option("--part", help="A part by id; repeatable")] = None,
    unpriced: Annotated[bool, typer.Option("--unpriced", help="Only parts that have no price yet")] = False,
    out: Annotated[Path, typer.Option("--out", help="Where to write, .xlsx or .csv")] = Path("quote-request.xlsx"),
    overlay: OverlayOption = None,
) -> None:
    """Write an empty quote request for suppliers to fill in; the filled sheet imports as it is."""
    from planner.planfile import load_plan
    from planner.pricelist.request import of_catalog, of_plan, write_request

    asked = of_plan(load_plan(plan)) if plan is not None else []
    if kind or part:
        known = {a.part for a in asked}
        catalog = Catalog.load(overlay or ())
        more = of_catalog(catalog, [lookup.kind_named(k) for k in kind or ()], part or (), unpriced)
        asked += [a for a in more if a.part not in known]
    elif plan is None:
        message = "say what to ask for: a plan.json, --kind accelerators or --part h100-sxm5."
        raise InputError([Mistake("prices export", None, None, message)])
    write_request(asked, out)
    typer.echo(f"wrote {out}: {len(asked)} parts to be priced; import it with: planner prices import {out}")


# -- helpers ---------------------------------------------------------------------------------------------------------
def _date(option: str, given: str | None) -> dt.date | None:
    try:
        return None if given is None else dt.date.fromisoformat(given)
    except ValueError as error:
        raise InputError([Mistake(option, None, None, f"expected a date YYYY-MM-DD, got {given}.")]) from error


def _percent(given: str | None) -> Decimal | None:
    try:
        rate = None if given is None else Decimal(given)
    except InvalidOperation:
        rate = Decimal(-1)
    if rate is not None and not 0 <= rate <= 50:
        raise InputError([Mistake("--tax-percent", None, None, f"expected 0 to 50, got {given}.")])
    return rate


def _one_of(option: str, given: str | None, allowed: tuple[str, ...]) -> None:
    if given is not None and given not in allowed:
        raise InputError([Mistake(option, None, None, f"expected {' or '.join(allowed)}, got {given}.")])


def _pair(text: str) -> tuple[str, str]:
    word, equals, part = text.rpartition("=")
    if not (equals and word.strip() and part.strip()):
        raise InputError([Mistake("--match", None, None, f"expected ROW=ID, e.g. 12=h100-sxm5, got {text}.")])
    return word.strip(), part.strip()
