"""Commands, exit codes, printing. No arithmetic: every number comes from a lower layer.

Exit codes: 0 a plan or the answer; 2 the input is wrong; 3 no plan meets the limits; 4 stopped at a time limit with a
plan whose gap is stated; 1 anything unforeseen.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from planner import __version__, cli_catalog, cli_prices, printing
from planner.catalog import Catalog
from planner.errors import InputError, Mistake, NoPlan, PlannerError, Rejection, UnknownPart

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Plans a GPU data centre: one site file in; a proven plan, a procurement workbook and a proposal out.",
)
app.add_typer(cli_catalog.app, name="catalog")
app.add_typer(cli_prices.app, name="prices")
export_app = typer.Typer(no_args_is_help=True, help="Hand a saved plan to installers and to other tools.")
app.add_typer(export_app, name="export")

SiteArgument = Annotated[Path, typer.Argument(help="The site file, e.g. examples/sixty-four-h100.yaml", metavar="SITE")]
PlanArgument = Annotated[Path, typer.Argument(help="A plan.json written by optimize", metavar="PLAN")]
OnOption = Annotated[str | None, typer.Option("--on", help="Date for rules, price age and rates, YYYY-MM-DD")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
OverlayOption = Annotated[
    list[Path] | None, typer.Option("--catalog", help="Overlay folder that adds and replaces records by id; repeatable")
]


@app.command(epilog="Example: planner optimize examples/llm-training.yaml --out out/rhine")
def optimize(
    site: SiteArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the three files")] = None,
    on: OnOption = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", min=1, help="Seconds; then the best so far")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Solver threads; the plan is the same")
    ] = None,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """The best build for a site: writes plan.json, bom.xlsx and proposal.html, and prints a summary."""
    from planner import summary
    from planner.optimize import optimize as run
    from planner.outputs import write_all
    from planner.progress import Progress
    from planner.sitefile import open_site

    request, catalog = open_site(site, overlay or ())
    progress = Progress()
    try:
        plan = run(
            request,
            catalog,
            _date(on, request.compliance.date),
            threads=threads,
            time_limit=time_limit,
            say=progress.step,
        )
        folder = out or site.parent / site.stem
        progress.step("writing documents")
        files = write_all(plan, folder)
    finally:
        progress.done()
    if as_json:
        typer.echo(printing.plan_json(plan))
    else:
        typer.echo(summary.summary(plan, files))
    if plan.status == "feasible":
        raise typer.Exit(4)


@app.command(epilog="Example: planner verify out/rhine/plan.json")
def verify(plan: PlanArgument, overlay: OverlayOption = None, as_json: JsonOption = False) -> None:
    """Recompute a plan from the catalog and say what does not add up."""
    from planner.planfile import load_plan
    from planner.verify import verify as check

    findings = check(load_plan(plan), Catalog.load(overlay or ()))
    if as_json:
        typer.echo(json.dumps({"ok": not findings, "findings": findings}, ensure_ascii=False, indent=2))
    elif findings:
        for finding in findings:
            typer.echo(f"{plan}: {finding}", err=True)
    else:
        typer.echo(f"{plan}: every count, price, port, watt, kilogram, limit and rule adds up.")
    if findings:
        raise typer.Exit(2)


@app.command(epilog="Example: planner explain examples/llm-training.yaml")
def explain(
    site: SiteArgument, on: OnOption = None, overlay: OverlayOption = None, as_json: JsonOption = False
) -> None:
    """Why this plan: what limits it, what one more step of each limit buys, and the best plan with each other part."""
    from planner.alternatives import explain as run
    from planner.progress import Progress
    from planner.sitefile import open_site

    request, catalog = open_site(site, overlay or ())
    progress = Progress()
    try:
        answer = run(request, catalog, _date(on, request.compliance.date), say=progress.step)
    finally:
        progress.done()
    typer.echo(printing.as_json(answer) if as_json else printing.alternatives(answer))


@app.command(epilog="Example: planner compare out/a/plan.json out/b/plan.json")
def compare(first: PlanArgument, second: PlanArgument, as_json: JsonOption = False) -> None:
    """Two plans side by side."""
    from planner import compare as comparing
    from planner.planfile import load_plan

    result = comparing.compare(load_plan(first), load_plan(second))
    typer.echo(printing.as_json(result) if as_json else comparing.render(result))


@app.command(epilog="Example: planner bom out/rhine/plan.json --out bom.xlsx")
def bom(
    plan: PlanArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write here, .xlsx (the workbook) or .csv; default CSV to the screen")
    ] = None,
) -> None:
    """The bill of materials of a saved plan: CSV on standard output, or the workbook."""
    from planner.bom import bom_csv
    from planner.files import atomic_write
    from planner.planfile import load_plan
    from planner.workbook import write_workbook

    kind = None if out is None else out.suffix.lower()
    if kind not in (None, ".csv", ".xlsx"):
        raise InputError([Mistake(str(out), None, None, "expected a file that ends in .xlsx (the workbook) or .csv.")])
    loaded = load_plan(plan)
    if out is None:
        typer.echo(bom_csv(loaded), nl=False)
        return
    if kind == ".xlsx":
        write_workbook(loaded, out)
    else:
        try:
            atomic_write(out, bom_csv(loaded, bom=loaded.language == "zh").encode())
        except OSError as error:
            raise InputError([Mistake(str(out), None, None, f"cannot be written: {error.strerror}.")]) from error
    typer.echo(f"wrote {out}")


@app.command(epilog="Example: planner check out/rhine/plan.json")
def check(plan: PlanArgument, overlay: OverlayOption = None, as_json: JsonOption = False) -> None:
    """Numbered checks of a plan before it is built: networks, racks, power, cooling; exit code 2 when one fails."""
    from planner import printing_room
    from planner.facility.checks import run_checks
    from planner.planfile import load_plan

    loaded, catalog = load_plan(plan), Catalog.load(overlay or ())
    checks = run_checks(loaded, catalog)
    typer.echo(
        printing_room.as_json(loaded, catalog, checks) if as_json else printing_room.text(loaded, catalog, checks)
    )
    if any(c.status == "FAIL" for c in checks):
        raise typer.Exit(2)


@app.command(epilog="Example: planner proposal out/rhine/plan.json --language zh")
def proposal(
    plan: PlanArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default beside the plan")] = None,
    language: Annotated[str | None, typer.Option("--language", help="en or zh; default the plan's")] = None,
) -> None:
    """The customer proposal of a saved plan, without solving again."""
    from planner.planfile import load_plan
    from planner.proposal import write_proposal

    loaded = load_plan(plan)
    if language is not None:
        if language not in ("en", "zh"):
            raise InputError([Mistake("--language", None, None, f"expected en or zh, got {language}.")])
        loaded = loaded.model_copy(update={"language": language})
    target = out or plan.with_name("proposal.html")
    write_proposal(loaded, target)
    typer.echo(f"wrote {target}")


@export_app.command("cables", epilog="Example: planner export cables out/rhine/plan.json --out cables.csv")
def export_cables(
    plan: PlanArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Write CSV here instead of to the screen")] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Two labels per cable instead of the schedule")] = False,
    totals: Annotated[bool, typer.Option("--totals", help="Totals by length class instead of the schedule")] = False,
    overlay: OverlayOption = None,
) -> None:
    """The cable schedule: every cable with label, both ends (rack, unit, device, port), type and length, as CSV."""
    from planner.exports import cables
    from planner.planfile import load_plan

    loaded, catalog = load_plan(plan), Catalog.load(overlay or ())
    if labels and totals:
        raise InputError([Mistake("export cables", None, None, "--labels and --totals exclude each other.")])
    if totals:
        _table(cables.TOTAL_HEADER, cables.total_rows(loaded, catalog), out)
    elif labels:
        _table(cables.LABEL_HEADER, cables.label_rows(loaded, catalog), out)
    else:
        _table(cables.HEADER, (row.cells() for row in cables.schedule(loaded, catalog)), out)


@export_app.command("racks", epilog="Example: planner export racks out/rhine/plan.json --out racks")
def export_racks(
    plan: PlanArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for racks.csv, devices.csv, floor.svg and one SVG per rack")
    ] = None,
    overlay: OverlayOption = None,
) -> None:
    """Every device by rack and unit as CSV; with --out also loads, elevations and the floor plan as SVG."""
    from planner.exports import racks
    from planner.planfile import load_plan

    loaded, catalog = load_plan(plan), Catalog.load(overlay or ())
    if out is None:
        _table(racks.DEVICE_HEADER, racks.device_rows(loaded, catalog), None)
        return
    try:
        count = racks.write_racks(loaded, catalog, out)
    except OSError as error:
        raise InputError([Mistake(str(out), None, None, f"cannot write there: {error.strerror}.")]) from error
    typer.echo(f"wrote {count:,} files to {out}")


@export_app.command("netbox", epilog="Example: planner export netbox out/rhine/plan.json --out netbox")
def export_netbox(
    plan: PlanArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Folder; default netbox beside the plan")] = None,
    overlay: OverlayOption = None,
) -> None:
    """Device types (YAML) and racks, devices, interfaces and cables (CSV) in the form NetBox imports."""
    from planner.exports.netbox import write_netbox
    from planner.planfile import load_plan

    loaded, catalog = load_plan(plan), Catalog.load(overlay or ())
    folder = out or plan.with_name("netbox")
    try:
        count = write_netbox(loaded, catalog, folder)
    except OSError as error:
        raise InputError([Mistake(str(folder), None, None, f"cannot write there: {error.strerror}.")]) from error
    typer.echo(f"wrote {count:,} files to {folder}")


@app.command(
    epilog="Example: planner comply h20-sxm5 --to CN --hq CN --on 2026-11-24; also planner comply --matrix and "
    "planner comply --cases cases.yaml --json"
)
def comply(
    part: Annotated[
        str | None, typer.Argument(help="Accelerator, alias or group, or any other part", metavar="ACCELERATOR")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Destination country, ISO 3166-1 alpha-2")] = None,
    hq: Annotated[str | None, typer.Option("--hq", help="Country of the end user's headquarters")] = None,
    parent: Annotated[str | None, typer.Option("--parent", help="Country of the ultimate parent; default --hq")] = None,
    ship_from: Annotated[str, typer.Option("--from", help="Country it ships from")] = "US",
    on: OnOption = None,
    end_use: Annotated[str | None, typer.Option("--end-use", help="What it is for, in words")] = None,
    recipient: Annotated[str | None, typer.Option("--recipient", help="Name of a recipient that a rule names")] = None,
    funding: Annotated[str | None, typer.Option("--funding", help="state or private (import side of China)")] = None,
    import_approval: Annotated[
        bool, typer.Option("--import-approval", help="An import approval of this order is at hand")
    ] = False,
    cases: Annotated[Path | None, typer.Option("--cases", help="Answer every row of a case file")] = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Accelerators by destinations, as a table")] = False,
    language: Annotated[str, typer.Option("--language", help="en or zh")] = "en",
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """The export verdict for a part, with the rules that apply on a date. A screening: confirm with counsel."""
    from planner import comply as complying

    catalog = Catalog.load(overlay or ())
    if language not in ("en", "zh"):
        raise InputError([Mistake("--language", None, None, f"expected en or zh, got {language}.")])
    if cases is not None:
        answered = complying.answer_file(catalog, cases)
        typer.echo(printing.as_json(answered) if as_json else complying.answers_text(answered))
        return
    day = _date(on, None)
    if matrix:
        columns = tuple(_country(catalog, "--to", c) for c in to.split(",")) if to else ()
        home, owner = (None if c is None else _country(catalog, o, c) for o, c in (("--hq", hq), ("--parent", parent)))
        start = _country(catalog, "--from", ship_from)
        cells = complying.cells(catalog, part, day, columns, home, owner, start, language == "zh")
        typer.echo(printing.as_json(cells) if as_json else complying.matrix_text(catalog, cells, day, home, language))
        return
    if part is None or to is None or hq is None:
        raise InputError(complying.missing(part, to, hq))
    terms = complying.terms(
        to=_country(catalog, "--to", to),
        headquarters=_country(catalog, "--hq", hq),
        parent=None if parent is None else _country(catalog, "--parent", parent),
        ship_from=_country(catalog, "--from", ship_from),
        on=day,
        end_use=end_use,
        funding=funding,
        import_approval=import_approval,
        recipient=recipient,
    )
    entries = complying.entries(catalog, part, terms)
    typer.echo(printing.as_json(entries) if as_json else complying.verdicts_text(entries, language))


@app.command(
    epilog="Example: planner fabric --nodes 127 --nics 8 --switch qm9700; or "
    "planner fabric --cases tests/reference/reference_architectures.yaml"
)
def fabric(
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, max=100_000_000, help="Number of nodes")] = None,
    nics: Annotated[int | None, typer.Option("--nics", min=1, max=128, help="Fabric ports per node")] = None,
    switch: Annotated[str | None, typer.Option("--switch", help="Switch id")] = None,
    oversubscription: Annotated[str, typer.Option("--oversubscription", help="1, 2 or 2:1")] = "1",
    topology: Annotated[str | None, typer.Option("--topology", help="rail or plain")] = None,
    speed: Annotated[float | None, typer.Option("--gbps", help="Port speed, for ports that are split")] = None,
    reserve: Annotated[
        int, typer.Option("--reserve-nodes", min=0, max=1_000_000, help="Nodes to come: spines are sized for them now")
    ] = 0,
    planes: Annotated[
        int, typer.Option("--planes", min=1, max=8, help="Separate fabrics that every port has a link of --gbps to")
    ] = 1,
    cases: Annotated[Path | None, typer.Option("--cases", help="Design every row of a file of reference rows")] = None,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leaves, spines, cores, cables and optics of a compute fabric, or of every row of a file of published designs.

    Neither nodes nor room are known here, so node ends are assumed to take twin-port modules where the switch does,
    cables to be 10 m long to nodes and 30 m between switches, on fibre; the answer says what was assumed.
    """
    from planner import fabric as fabrics
    from planner import printing_fabric

    catalog = Catalog.load(overlay or ())
    if cases is not None:
        results = [fabrics.run_case(row, catalog) for row in fabrics.read_cases(cases)]
        typer.echo(printing.as_json(results) if as_json else printing_fabric.cases(results))
        return
    absent = [o for o, v in (("--nodes", nodes), ("--nics", nics), ("--switch", switch)) if v is None]
    if nodes is None or nics is None or switch is None:
        message = f"{', '.join(absent)} missing. Give --nodes, --nics and --switch, or --cases FILE."
        raise InputError([Mistake("fabric", None, None, message)])
    if topology not in (None, "rail", "plain"):
        raise InputError([Mistake("--topology", None, None, f"expected rail or plain, got {topology}.")])
    if switch not in catalog.switches:
        from planner.catalog import nearest

        raise UnknownPart("switch", switch, nearest(switch, catalog.switches))
    made = fabrics.describe(catalog, nodes, nics, switch, _ratio(oversubscription), topology, speed, reserve, planes)
    if isinstance(made, Rejection):
        raise InputError([Mistake("fabric", None, None, made.message)])
    typer.echo(printing.as_json(made) if as_json else printing_fabric.fabric(made, catalog))


@app.command(epilog="Example: planner size examples/llm-training.yaml")
def size(site: SiteArgument, on: OnOption = None, overlay: OverlayOption = None, as_json: JsonOption = False) -> None:
    """Every workload on every accelerator: nodes, time or rate, limiting factor, or why it cannot."""
    from planner import size_text
    from planner.sitefile import open_site
    from planner.sizing import size_table

    request, catalog = open_site(site, overlay or ())
    rows = size_table(request, catalog, _date(on, request.compliance.date))
    typer.echo(printing.as_json(rows) if as_json else size_text.sizes(rows))


@app.command(epilog="Example: planner validate --cases my-runs.yaml --json")
def validate(
    cases: Annotated[
        Path | None, typer.Option("--cases", help="Your own measurements, in the form of catalogs/measurements/*.yaml")
    ] = None,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """The report card: predicts published measurements (or yours) and says how far off it is, family by family."""
    from planner import accuracy_text
    from planner.accuracy import cases as measurements
    from planner.accuracy import report

    catalog = Catalog.load(overlay or ())
    rows = measurements.bundled(catalog) if cases is None else measurements.read_cases(cases)
    outcomes = [measurements.predict(kind, row, catalog) for kind, row in rows if measurements.counts(row)]
    skipped = [str(row["id"]) for _, row in rows if not measurements.counts(row)]
    summaries = report.by_family(outcomes)
    behind = report.behind(summaries, report.recorded(catalog)) if cases is None else []
    if as_json:
        typer.echo(accuracy_text.as_json(outcomes, summaries, behind, skipped))
    else:
        typer.echo(accuracy_text.text(outcomes, summaries, skipped, own=cases is not None))
    for sentence in behind:
        typer.echo(sentence, err=True)
    if behind:
        raise typer.Exit(2)


@app.command(epilog="Example: planner init my-site.yaml")
def init(path: Annotated[Path, typer.Argument(help="The file to write")] = Path("site.yaml")) -> None:
    """Write a commented site file to start from. Never overwrites."""
    from planner.outputs import starter

    starter(path)
    typer.echo(f"wrote {path}; edit it, then run: planner optimize {path}")


@app.command(epilog="Example: planner schema site")
def schema(what: Annotated[str, typer.Argument(help="site, plan or catalog")]) -> None:
    """The JSON schema of a site file, a plan or the catalog records."""
    typer.echo(json.dumps(printing.schema(what), ensure_ascii=False, indent=2))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]], out: Path | None) -> None:
    """CSV rows to a file (whole or not at all) or to standard output, one by one."""
    from planner.exports.tables import write_rows
    from planner.files import atomic_text

    if out is None:
        write_rows(sys.stdout, header, rows)
        return
    try:
        with atomic_text(out) as file:
            count = write_rows(file, header, rows)
    except OSError as error:
        raise InputError([Mistake(str(out), None, None, f"cannot write: {error.strerror}.")]) from error
    typer.echo(f"wrote {out}: {count:,} rows")


# -- helpers ---------------------------------------------------------------------------------------------------------
def _date(given: str | None, default: dt.date | None) -> dt.date:
    """--on, else the request's date, else today: the only place that looks at a clock."""
    if given is None:
        return default or dt.date.today()
    try:
        return dt.date.fromisoformat(given)
    except ValueError as error:
        raise InputError([Mistake("--on", None, None, f"expected a date YYYY-MM-DD, got {given}.")]) from error


def _country(catalog: Catalog, option: str, code: str) -> str:
    from planner.sitefile import country_codes, country_meant

    if code.upper() not in country_codes(catalog):
        meant = country_meant(code.upper())
        hint = f" Did you mean {meant}?" if meant else ""
        message = f"expected an ISO 3166-1 country code such as DE, got {code}.{hint}"
        raise InputError([Mistake(option, None, None, message)])
    return code.upper()


def _ratio(text: str) -> float:
    try:
        value = float(text.split(":", maxsplit=1)[0]) / float(text.split(":")[1]) if ":" in text else float(text)
    except (ValueError, ZeroDivisionError):
        value = 0.0
    if not 1 <= value <= 16:
        raise InputError([Mistake("--oversubscription", None, None, f"expected a ratio from 1 to 16, got {text}.")])
    return value


def main(arguments: list[str] | None = None) -> None:
    """Entry point: turns errors into messages and exit codes; --debug shows a traceback."""
    gc.set_threshold(100_000, 20, 20)  # a command makes many small objects and ends: collecting them rarely pays
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [w for w in words if w != "--debug"]
    if words == ["--version"]:
        typer.echo(f"planner {__version__}")
        sys.exit(0)
    try:
        result: Any = app(args=words, standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except PlannerError as error:
        if debug:
            traceback.print_exc()
        _fail(error, "--json" in words)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            traceback.print_exc()
            sys.exit(1)
        show = getattr(error, "show", None)
        if callable(show):  # a usage error of the command line
            show()
            sys.exit(2)
        typer.echo(f"Unforeseen: {type(error).__name__}: {error}. Run again with --debug for the details.", err=True)
        sys.exit(1)


def _fail(error: PlannerError, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(printing.error(error), ensure_ascii=False, indent=2))
    typer.echo(str(error), err=True)
    if isinstance(error, NoPlan) and not as_json:
        return


if __name__ == "__main__":
    main()
