"""What a plan tells of its work beside the rate: how checkpoints are written and what share of the time is useful."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from planner.plan import Assumption, Pool


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
