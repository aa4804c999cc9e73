"""`planner catalog`: list, show, compare, lint. No arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from planner import lookup, printing
from planner.catalog import Catalog
from planner.errors import InputError, Mistake

app = typer.Typer(no_args_is_help=True, help="Look into the catalog and check it.")

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
OverlayOption = Annotated[
    list[Path] | None, typer.Option("--catalog", help="Overlay folder that adds and replaces records by id; repeatable")
]
RANGE = "A range: 80.. (at least), ..300 (at most), 40..80, or 80"


@app.command("list", epilog="Example: planner catalog list accelerators --memory-gb 80.. --vendor nvidia")
def list_parts(
    kind: Annotated[str | None, typer.Argument(help="accelerators, chassis, cpus, ...; none: how many of each")] = None,
    vendor: Annotated[str | None, typer.Option("--vendor", help="Maker")] = None,
    lifecycle: Annotated[str | None, typer.Option("--lifecycle", help="current, ramping, end_of_sale, ...")] = None,
    origin: Annotated[str | None, typer.Option("--origin", help="Country of design, ISO 3166-1 alpha-2")] = None,
    domestic: Annotated[bool, typer.Option("--domestic", help="Chinese design only (国产)")] = False,
    memory_gb: Annotated[str | None, typer.Option("--memory-gb", help=RANGE)] = None,
    bandwidth: Annotated[str | None, typer.Option("--bandwidth-gb-per-s", help=RANGE)] = None,
    tdp_w: Annotated[str | None, typer.Option("--tdp-w", help=RANGE)] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="Any figure, e.g. ports=64.. or dense_tflops.fp8=1000..")
    ] = None,
    priced: Annotated[bool, typer.Option("--priced", help="Only parts with a price")] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Parts that lack an essential figure, and what stands in for it")
    ] = False,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parts of one kind, filtered, as a table."""
    catalog = Catalog.load(overlay or ())
    if kind is None:
        rows = lookup.counts(catalog)
        typer.echo(printing.as_json(rows) if as_json else printing.kinds(rows))
        return
    kind = lookup.kind_named(kind)
    spans: dict[str, lookup.Range] = {}
    said: dict[str, str] = {}
    for option, name, text in (
        ("--memory-gb", "memory_gb", memory_gb),
        ("--bandwidth-gb-per-s", "memory_bandwidth_gb_per_s", bandwidth),
        ("--tdp-w", "tdp_w", tdp_w),
    ):
        if text is not None:
            spans[name] = lookup.Range.parse(option, text)
    for name, word in (("vendor", vendor), ("lifecycle", lifecycle), ("origin", "CN" if domestic else origin)):
        if word is not None:
            said[name] = word
    for condition in where or ():
        name, equals, text = condition.partition("=")
        if not equals:
            raise InputError([Mistake("--where", None, None, f"expected figure=range, got {condition}.")])
        if lookup.is_range(text):
            spans[name.strip()] = lookup.Range.parse("--where", text)
        else:
            said[name.strip()] = text
    records = lookup.matching(
        catalog, kind, spans, said, lambda r: not priced or str(lookup.figure(r, "id")) in catalog.prices
    )
    if incomplete:
        gaps = lookup.incomplete(catalog, kind, records)
        typer.echo(printing.as_json(gaps) if as_json else printing.gaps(kind, len(records), gaps))
    elif as_json:
        typer.echo(printing.as_json([lookup.shown(catalog, kind, r) for r in records]))
    else:
        typer.echo(printing.part_list(kind, *lookup.listed(catalog, kind, records)))


@app.command("show", epilog="Example: planner catalog show h20-sxm5")
def show(
    part: Annotated[str, typer.Argument(help="Id, alias or model name")],
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """One part with its figures, sources and prices."""
    catalog = Catalog.load(overlay or ())
    data = lookup.shown(catalog, *lookup.find(catalog, part))
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else printing.part(data))


@app.command("compare", epilog="Example: planner catalog compare h100-sxm5 h20-sxm5 a800-sxm4-80gb")
def compare(
    parts: Annotated[list[str], typer.Argument(help="Two or more parts of one kind")],
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parts side by side, figure by figure."""
    kind, ids, rows = lookup.compared(Catalog.load(overlay or ()), parts)
    if as_json:
        typer.echo(
            printing.as_json({"kind": kind, "parts": ids, "figures": [{"name": n, "values": v} for n, v in rows]})
        )
    else:
        typer.echo(printing.side_by_side(ids, rows))


@app.command("lint", epilog="Example: planner catalog lint --catalog my-parts")
def lint(
    overlay: OverlayOption = None,
    warnings: Annotated[bool, typer.Option("--warnings/--no-warnings", help="Show warnings too")] = True,
    as_json: JsonOption = False,
) -> None:
    """Check every record, price and table: schema, ranges, references, names, sources, physics. Errors: code 2."""
    from planner import lint as linting

    found = linting.lint(overlay or ())
    errors = [f for f in found if f.level == "error"]
    shown = found if warnings else errors
    catalog = Catalog.load(overlay or (), [])
    summary = {"figures": linting.shares(catalog), "prices": linting.price_grades(catalog)}
    if as_json:
        typer.echo(printing.as_json({"ok": not errors, "findings": shown, **summary, "counts": lookup.counts(catalog)}))
    else:
        for finding in shown:
            typer.echo(str(finding), err=finding.level == "error")
        typer.echo(printing.lint_summary(len(linting.RULES), found, summary, lookup.counts(catalog)))
    if errors:
        raise typer.Exit(2)
