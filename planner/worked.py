"""What a plan tells of its work beside the rate: checkpoints and the useful share, energy and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner import pricing, site
from planner.catalog import Catalog
from planner.plan import Assumption, PerMillion, PlanLine, Pool, WorkEnergy
from planner.request import Request, Workload
from planner.units import HOURS_PER_YEAR, SECONDS_PER_DAY, UTILISATION, half_up

MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one workload gets: the rate (per s, in its own unit) that energy is spread over, and the length of a run."""

    rate: float
    days: float | None = None  # of a run of known length
    accelerators: int = 0  # that the run uses


def work_energies(
    catalog: Catalog, request: Request, lines: Sequence[PlanLine], pools: Sequence[Pool]
) -> tuple[WorkEnergy, ...]:
    """Energy of every piece of work of a plan, in the order of its pools."""
    sharing = {w.name for w in request.workloads if w.share and w.kind == "inference"}
    groups: dict[str, list[Pool]] = {}
    for pool in pools:
        owner = "shared" if sharing & set(pool.workloads) else pool.workload
        groups.setdefault(owner, []).append(pool)
    found = []
    for owner, mine in groups.items():
        watts = sum(ln.typical_power_w * ln.quantity for ln in lines if ln.pool == owner)
        names = tuple(dict.fromkeys(name for pool in mine for name in pool.workloads))
        workloads = [next(w for w in request.workloads if w.name == name) for name in names]
        delivered = _delivered(workloads[0], mine) if len(workloads) == 1 else None
        found.append(work_energy(catalog, request, owner, workloads, watts / 1000, delivered))
    return tuple(found)


def _delivered(workload: Workload, pools: Sequence[Pool]) -> Delivered | None:
    """The rate that was asked, else the predicted one; the time of a run."""
    predicted = [p for pool in pools for p in pool.predicted]
    if not predicted:
        return None
    asked, value = predicted[0].asked, sum(p.value for p in predicted)
    if workload.kind != "training" or len(predicted) > 1:
        return Delivered(asked or value)
    days = None if not workload.tokens else workload.tokens / value / SECONDS_PER_DAY
    used = predicted[0].details.get("accelerators_used")
    return Delivered(value, days, int(used) if isinstance(used, int | float) else 0)


def work_energy(
    catalog: Catalog,
    request: Request,
    owner: str,
    workloads: Sequence[Workload],
    typical_kw: float,
    delivered: Delivered | None,
) -> WorkEnergy:
    """kWh = typical kW × utilisation × annual PUE × hours (`WorkEnergy`), and the same per million of what is done."""
    found = pricing.electricity(catalog, request)
    tariff, pue = None if found is None else float(found[0]), site.annual_pue(request)
    days = None if delivered is None else delivered.days
    utilisation = float(UTILISATION) if days is None else 1.0
    # Each figure follows from the ones before it as they are shown, so that a workbook computes the same.
    hours = float(HOURS_PER_YEAR) if days is None else round(days * 24.0, 6)
    kwh = round(typical_kw * utilisation * pue * hours, 3)
    each: tuple[PerMillion, ...] = ()
    if delivered is not None and delivered.rate > 0:
        per_unit = typical_kw * pue / (delivered.rate * 3600.0)
        each = tuple(
            PerMillion(
                unit=unit,  # type: ignore[arg-type]
                kwh=round(MILLION * per_unit / times, 6),
                cost=None if tariff is None else round(MILLION * per_unit / times * tariff, 6),
            )
            for unit, times in _units(workloads[0])
        )
    return WorkEnergy(
        work=owner,
        workloads=tuple(w.name for w in workloads),
        period="year" if days is None else "run",
        typical_kw=typical_kw,
        utilisation=utilisation,
        pue=pue,
        hours=hours,
        kwh=kwh,
        tariff=tariff,
        cost=None if tariff is None else Decimal(half_up(Decimal(str(kwh * tariff * 100)))) / 100,
        accelerator_hours=None if days is None or delivered is None else round(delivered.accelerators * hours, 3),
        per_million=each,
    )


def _units(workload: Workload) -> list[tuple[str, int]]:
    """What a million of is told, and how many of it one unit of the workload's rate is."""
    if workload.benchmark is not None:
        return [("samples", 1)]
    if workload.kind == "training":
        return [("tokens", 1)]
    if workload.kind == "inference":
        return [("requests", 1), ("generated tokens", workload.output_tokens or 1)]
    return []


def checkpoint_notes(pools: Iterable[Pool]) -> list[Assumption]:
    """One assumption per training job: size, write speed and interval of its checkpoints, and the useful share."""
    found = []
    for pool in pools:
        for work, predicted in zip(pool.workloads, pool.predicted, strict=False):
            said = checkpoint_words(predicted.details)
            if said is not None:
                text, text_zh = said
                found.append(
                    Assumption(
                        kind="sizing", name=f"{work}.checkpoints", text=f"{work}: {text}", text_zh=f"{work}：{text_zh}"
                    )
                )
    return found


def checkpoint_words(details: Mapping[str, float | str | None]) -> tuple[str, str] | None:
    """Checkpoints and useful share in one sentence, English and Chinese; None where the work has no checkpoints."""
    share = details.get("useful_share")
    if not isinstance(share, float):
        return None

    def number(key: str) -> float:
        value = details.get(key)
        return float(value) if isinstance(value, int | float) else 0.0

    size, seconds, stop = (three(number(k)) for k in ("checkpoint_gb", "checkpoint_write_s", "checkpoint_stops_s"))
    every, failure = three(number("checkpoint_every_s") / 60), three(number("hours_between_failures"))
    speed, waiting = three(number("checkpoint_write_gb_per_s")), number("useful_share_waiting")
    basis = details.get("checkpoint_basis")
    if speed == "0":
        how = f"stop the job for {stop} s each (no write speed is known: {basis})"
        how_zh = f"每次使训练暂停约 {stop} 秒（未给出写入速度，按先写入主机内存、再后台落盘估算）"
    elif number("checkpoint_stops_s") < number("checkpoint_write_s"):
        how = f"are written behind the run at {speed} GB/s ({basis}) in {seconds} s, after a stop of {stop} s"
        how_zh = f"以 {speed} GB/s 在后台写入，耗时 {seconds} 秒，每次暂停 {stop} 秒"
    else:
        how = f"stop the job for {stop} s each, written at {speed} GB/s ({basis})"
        how_zh = f"以 {speed} GB/s 写入，每次使训练暂停 {stop} 秒"
    worst = f"; {waiting:.1%} if the job waited for each to be written" if waiting < share - 5e-4 else ""
    worst_zh = f"；若每次都等待写完则为 {waiting:.1%}" if worst else ""
    text = (
        f"checkpoints of {size} GB {how}, one every {every} min; "
        f"a failure is expected every {failure} h; {share:.1%} of the time advances the job{worst}."
    )
    text_zh = (
        f"检查点约 {size} GB，{how_zh}，每 {every} 分钟一次；预计每 {failure} 小时发生一次故障；"
        f"有效训练时间占比 {share:.1%}{worst_zh}。"
    )
    return text, text_zh


def three(value: float) -> str:
    """Three figures that mean something, digits grouped, never in powers of ten."""
    if not value:
        return "0"
    places = 2 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.rstrip("0").rstrip(".") if places > 0 else text
