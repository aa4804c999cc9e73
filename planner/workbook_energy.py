"""The workbook's sheet on energy: each piece of work with its factors, kWh and cost as live formulas."""

from __future__ import annotations

from decimal import Decimal

from planner.plan import Plan, WorkEnergy
from planner.spreadsheet import Cell, Column, Formula, Sheet
from planner.wording import Wording

COLUMNS = {  # key → format and width
    "work": ("wrap", 26),
    "period": ("wrap", 12),
    "kw": ("power", 14),
    "utilisation": ("percent", 12),
    "pue": ("figure", 9),
    "hours": ("figure", 12),
    "kwh": ("figure", 16),
    "tariff": ("rate", 14),
    "cost": ("money", 16),
    "cards": ("figure", 16),
    "each": ("wrap", 46),
}
FACTORS = ("kw", "utilisation", "pue", "hours")


def _shown(plan: Plan) -> list[str]:
    """The columns that have something to show."""
    empty = {
        "tariff": all(e.tariff is None for e in plan.energy),
        "cost": all(e.cost is None for e in plan.energy),
        "cards": all(e.accelerator_hours is None for e in plan.energy),
        "each": not any(e.per_million for e in plan.energy),
    }
    return [key for key in COLUMNS if not empty.get(key)]


def energy_columns(plan: Plan, words: Wording) -> list[Column]:
    return [Column(words(f"energy.{key}", currency=plan.totals.currency), *COLUMNS[key]) for key in _shown(plan)]


def energy(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """kWh = kW × utilisation × PUE × hours; cost = kWh × tariff. Cells in the input colour may be changed."""
    sheet.head()
    shown = _shown(plan)
    for entry in plan.energy:
        here = {key: sheet.at(sheet.row, k) for k, key in enumerate(shown)}
        cells: dict[str, Cell] = {
            "work": words("list").join(entry.workloads),
            "period": words(f"energy.{entry.period}"),
            "kw": entry.typical_kw,
            "utilisation": entry.utilisation,
            "pue": entry.pue,
            "hours": entry.hours,
            "kwh": Formula(f"=ROUND({'*'.join(here[k] for k in FACTORS)},3)", entry.kwh),
            "tariff": entry.tariff,
            "cost": None,
            "cards": entry.accelerator_hours,
            "each": words("detail.join").join(_million(entry, words)),
        }
        if entry.cost is not None:
            cells["cost"] = Formula(f"=ROUND({here['kwh']}*{here['tariff']},2)", entry.cost)
        inputs = [k for k, key in enumerate(shown) if key in (*FACTORS, "tariff")]
        sheet.add([cells[key] for key in shown], inputs=inputs)
    sheet.note(words("power.work_note"))


def _million(entry: WorkEnergy, words: Wording) -> list[str]:
    return [
        words("energy.million", kwh=words.number(m.kwh), unit=words.term("million_unit", m.unit))
        for m in entry.per_million
    ]


def energy_rows(plan: Plan, words: Wording) -> list[tuple[str, str]]:
    """The same in words: work, and its MWh, time, cost and energy per million."""
    currency = plan.totals.currency
    rows = []
    for entry in plan.energy:
        mwh = words.number(entry.kwh / 1000)
        if entry.period == "run":
            cards = words.number(entry.accelerator_hours or 0)
            parts = [words("power.work_run", mwh=mwh, days=words.number(entry.hours / 24), hours=cards)]
        else:
            parts = [words("power.work_year", mwh=mwh, utilisation=f"{entry.utilisation:.0%}")]
        if entry.cost is not None:
            parts.append(words("power.work_cost", amount=words.short_money(entry.cost, currency)))
        for each in entry.per_million:
            unit, kwh = words.term("million_unit", each.unit), words.number(each.kwh)
            if each.cost is None or each.cost < 0.005:
                parts.append(words("energy.million", kwh=kwh, unit=unit))
            else:
                amount = words.money(Decimal(str(each.cost)), currency)
                parts.append(words("power.work_million", kwh=kwh, unit=unit, amount=amount))
        rows.append((words("list").join(entry.workloads), words("detail.join").join(parts)))
    return rows
