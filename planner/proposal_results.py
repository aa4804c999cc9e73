"""What the plan delivers per workload, in words: each node group's share, and the sum where several serve one work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from planner.plan import Plan, Pool, Predicted
from planner.wording import Wording

DETAILS = ("days", "days_at_low_end", "ttft_ms", "tpot_ms", "tokens_per_day", "hpcg_pflops")


@dataclass(frozen=True, slots=True)
class Result:
    """One quantity of one workload over all node groups that serve it; values in `unit`."""

    workload: str
    quantity: str
    unit: str
    asked: float | None
    value: float
    low: float
    high: float
    unproven: bool
    shares: tuple[tuple[Pool, Predicted], ...]

    @property
    def spread(self) -> bool:
        return self.low != self.high


def results(plan: Plan) -> list[Result]:
    """Results in the plan's order; rates of node groups that serve the same workload add up."""
    found: dict[tuple[str, str, str], list[tuple[Pool, Predicted]]] = {}
    for pool in plan.pools:
        for k, predicted in enumerate(pool.predicted):
            work = pool.workloads[k] if k < len(pool.workloads) else pool.workload
            found.setdefault((work, predicted.quantity, predicted.unit), []).append((pool, predicted))
    return [
        Result(
            workload=work,
            quantity=quantity,
            unit=unit,
            asked=shares[0][1].asked,
            value=sum(p.value for _, p in shares),
            low=sum(p.low for _, p in shares),
            high=sum(p.high for _, p in shares),
            unproven=any(p.unproven for _, p in shares),
            shares=tuple(shares),
        )
        for (work, quantity, unit), shares in found.items()
    ]


def result_rows(plan: Plan, words: Wording) -> list[dict[str, Any]]:
    """Rows of the performance table; the asked value stands once, at the sum."""
    rows: list[dict[str, Any]] = []
    for result in results(plan):
        several = len(result.shares) > 1
        for pool, predicted in result.shares:
            part = Result(
                workload=result.workload,
                quantity=result.quantity,
                unit=result.unit,
                asked=None if several else result.asked,
                value=predicted.value,
                low=predicted.low,
                high=predicted.high,
                unproven=predicted.unproven,
                shares=(),
            )
            row = _row(part, words)
            group = words("perf.group", nodes=f"{pool.nodes:,}", chassis=plan.names.get(pool.chassis, pool.chassis))
            row["details"] = words("detail.join").join(([group] if several else []) + _details(predicted, words))
            row["limit"] = words.term("limiting", predicted.limiting_factor) if predicted.limiting_factor else ""
            rows.append(row)
        if several:
            rows.append(_row(result, words) | {"details": words("perf.together"), "unproven": False, "sum": True})
    return rows


def shown(value: float, unit: str, words: Wording) -> str:
    """A value with its unit as people write it: 436,100 tokens/s, 1 accelerator."""
    name = words.term("unit_one" if value == 1 and unit in words.terms["unit_one"] else "unit", unit)
    return f"{words.number(value)} {name}"


def _row(result: Result, words: Wording) -> dict[str, Any]:
    span = f"{words.number(result.low)} – {words.number(result.high)} {words.term('unit', result.unit)}"
    return {
        "workload": result.workload,
        "quantity": words.term("quantity", result.quantity),
        "asked": "" if result.asked is None else shown(result.asked, result.unit, words),
        "value": shown(result.value, result.unit, words),
        "range": span if result.spread else words("perf.exact"),
        "limit": "",
        "details": "",
        "unproven": result.unproven,
        "sum": False,
    }


def _details(predicted: Predicted, words: Wording) -> list[str]:
    found = made_of(predicted, words)
    for key in DETAILS:
        value = predicted.details.get(key)
        if isinstance(value, int | float):
            text = words.large(value) if value >= 1e8 else words.number(value, 3)
            found.append(words(f"detail.{key}", value=text))
    return found


def made_of(predicted: Predicted, words: Wording) -> list[str]:
    """How a service stands on its cards: replicas, slices of cards, and accelerators that only read or only write."""
    layout = predicted.layout
    slices, of = layout.get("slices", 0), layout.get("slices_per_card")
    replicas, cards = layout.get("replicas"), layout.get("accelerators")
    found = []
    if isinstance(replicas, int) and isinstance(cards, int):
        found.append(words("detail.replicas", replicas=f"{replicas:,}", cards=f"{cards:,}"))
    elif slices and layout.get("cards"):
        found.append(words("detail.cards", cards=f"{layout['cards']:,}"))
    if slices:
        found.append(words("detail.slices", slices=f"{slices:,}", of=of))
    if layout.get("reading") and layout.get("writing"):
        found.append(words("detail.divided", reading=layout["reading"], writing=layout["writing"]))
    return found


__all__ = ["Result", "made_of", "result_rows", "results", "shown"]
