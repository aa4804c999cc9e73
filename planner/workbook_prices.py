"""The workbook's sheet of landed cost: every line from its source price to what it costs with tax, as live formulas."""

from __future__ import annotations

from decimal import Decimal

from planner.plan import LinePrice, Plan, PlanLine
from planner.spreadsheet import Cell, Column, Formula, Sheet
from planner.units import Money, half_up, tax_cents
from planner.wording import Wording

POSITION, PART, AMOUNT, CURRENCY, INSIDE, DISCOUNT, EXCHANGE, FREIGHT, DUTY, LANDED = range(10)
QUANTITY, NET, RATE, TAX, GROSS = range(10, 15)


def landed_columns(words: Wording, currency: str) -> list[Column]:
    """Headings in the order of the chain."""

    def column(key: str, kind: str, width: float) -> Column:
        return Column(words(f"column.{key}", currency=currency), kind, width)

    return [
        column("position", "text", 9),
        column("part", "wrap", 34),
        column("source_amount", "money", 15),
        column("source_currency", "text", 10),
        column("tax_inside", "percent", 9),
        column("discount", "percent", 9),
        column("exchange_rate", "rate", 11),
        column("freight", "percent", 10),
        column("duty", "percent", 9),
        column("landed", "money", 15),
        column("quantity", "count", 9),
        column("net_amount", "money", 17),
        column("tax_rate", "percent", 8),
        column("tax", "money", 15),
        column("gross_amount", "money", 17),
    ]


def landed(sheet: Sheet, plan: Plan, words: Wording) -> None:
    """One row per bought line: source, tax inside, discount, exchange, freight, duty, landed; without and with tax.

    The tax is what the capital counts, else what the country levies on such a line, for comparison.
    """
    head = sheet.head()
    sums = [Decimal(0)] * 3
    for line in plan.lines:
        for k, amount in enumerate(_line(sheet, line, words, _rate(plan, line))):
            sums[k] += amount
    last = sheet.row - 1
    cells: list[Cell] = [None] * 15
    cells[PART] = words("book.landed_total")
    for column, value in zip((NET, TAX, GROSS), sums, strict=True):
        cells[column] = Formula(f"=SUM({sheet.span(head + 1, last, column)})" if plan.lines else "=0", value)
    sheet.add(cells, "total")
    sheet.filter(head, last)
    sheet.row += 1
    sheet.note(words("book.landed_rule"))
    sheet.note(words("book.landed_counted" if plan.taxes else "book.landed_not_counted"))


def _rate(plan: Plan, line: PlanLine) -> Decimal | None:
    return line.tax_percent if plan.taxes else line.country_tax_percent


def _line(sheet: Sheet, line: PlanLine, words: Wording, rate: Decimal | None) -> tuple[Decimal, Decimal, Decimal]:
    """Write one row; its amounts without tax, of tax, with tax."""
    r, price = sheet.row, line.price

    def share(percent: Decimal | None) -> float:
        return 0.0 if percent is None else float(percent / 100)

    unit: Cell = line.unit_price
    cells: list[Cell] = [line.position, words.product(f"{line.maker} {line.model}"), *([None] * 13)]
    if price is not None:
        at = {k: sheet.at(r, k) for k in (AMOUNT, INSIDE, DISCOUNT, EXCHANGE, FREIGHT, DUTY)}
        chain = f"{at[AMOUNT]}/(1+{at[INSIDE]})*(1-{at[DISCOUNT]})*{at[EXCHANGE]}*(1+{at[FREIGHT]})*(1+{at[DUTY]})"
        if _chained(price) == line.unit_price:  # a plan of an earlier version lacks factors: then the number stands
            unit = Formula(f"=ROUND({chain},2)", line.unit_price)
        cells[AMOUNT], cells[CURRENCY] = price.amount, price.currency
        cells[INSIDE], cells[DISCOUNT] = share(price.tax_inside_percent), share(price.discount_percent)
        cells[EXCHANGE] = 1 if price.exchange_rate is None else price.exchange_rate
        cells[FREIGHT], cells[DUTY] = share(price.freight_percent), share(price.duty_percent)
    net, tax = line.extended, Decimal(0)
    if rate is not None:
        tax = Money(tax_cents(half_up(net * 100), rate), line.currency).amount
    cells[LANDED], cells[QUANTITY] = unit, line.quantity
    cells[NET] = Formula(f"=ROUND({sheet.at(r, LANDED)}*{sheet.at(r, QUANTITY)},2)", net)
    cells[RATE] = words("book.unknown") if rate is None else share(rate)
    cells[TAX] = Formula(f"=ROUND({sheet.at(r, NET)}*N({sheet.at(r, RATE)}),2)", tax)
    cells[GROSS] = Formula(f"={sheet.at(r, NET)}+{sheet.at(r, TAX)}", net + tax)
    sheet.add(cells)
    return net, tax, net + tax


def _chained(price: LinePrice) -> Decimal:
    """The landed price that the factors give, rounded half up to cents."""
    one = Decimal(1)
    inside, less, freight, duty = (
        Decimal(str(p or 0)) / 100
        for p in (price.tax_inside_percent, price.discount_percent, price.freight_percent, price.duty_percent)
    )
    exchange = Decimal(str(price.exchange_rate or 1))
    net = Decimal(str(price.amount)) / (one + inside) * (one - less)
    return Money.of(net * exchange * (one + freight) * (one + duty), "").amount
