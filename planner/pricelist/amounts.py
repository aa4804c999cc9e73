"""Amounts as suppliers write them: 1,234.56, 1.234,56, 1 234,56 €, ￥12.8万元, USD 30k. Exact decimals, never guessed.

A column has one convention: what its unambiguous amounts show decides how `1.234` reads. Where nothing decides, the
amount is doubtful and says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

Mark = Literal[".", ","]

# Longest first: HK$ before $. "¥" and "$" name several currencies; the usual one is taken where nothing contradicts.
CURRENCIES: tuple[tuple[str, str], ...] = (
    ("人民币", "CNY"), ("美元", "USD"), ("美金", "USD"), ("欧元", "EUR"), ("港元", "HKD"),
    ("港币", "HKD"), ("日元", "JPY"),
    ("英镑", "GBP"), ("RMB", "CNY"), ("CN¥", "CNY"), ("US$", "USD"), ("HK$", "HKD"), ("NT$", "TWD"), ("S$", "SGD"),
    ("A$", "AUD"), ("C$", "CAD"), ("€", "EUR"), ("£", "GBP"), ("₩", "KRW"), ("₹", "INR"), ("￥", "CNY"), ("¥", "CNY"),
    ("$", "USD"),
)  # fmt: skip
CODES = (
    "USD", "EUR", "CNY", "GBP", "JPY", "HKD", "TWD", "SGD", "KRW", "INR", "CHF", "SEK", "NOK", "DKK", "PLN", "AED",
    "SAR",
    "AUD", "CAD", "BRL", "MXN", "MYR", "THB", "IDR", "VND", "NZD", "ZAR", "TRY", "RUB", "HUF", "ILS", "CNH",
)  # fmt: skip
SCALES: tuple[tuple[str, int], ...] = (
    ("亿元", 10**8), ("百万元", 10**6), ("万元", 10**4), ("千元", 10**3), ("亿", 10**8), ("万", 10**4), ("元", 1),
)  # fmt: skip
NO_PRICE = {"", "-", "—", "–", "/", "n/a", "na", "tbd", "tba", "poa", "call", "on request", "面议", "询价", "待定",
            "无",
            "暂无", "另议", "缺货", "eol", "停产", "included", "incl.", "含", "已含"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in units of its currency; currency is None where the cell does not name one."""

    value: Decimal
    currency: str | None
    scaled: bool  # 万元 or the like stood in the cell, so the heading's scale does not apply again


def currency_in(text: str) -> str | None:
    """The currency that a text names, or None; None too when it names two."""
    said = unicodedata.normalize("NFKC", text).upper().replace("￥", "¥")
    found: set[str] = set()
    for code in CODES:
        if re.search(rf"(?<![A-Z]){code}(?![A-Z])", said):
            found.add("CNY" if code == "CNH" else code)
    rest = said
    for mark, code in CURRENCIES:
        key = unicodedata.normalize("NFKC", mark).upper()
        if key in rest:
            found.add(code)
            rest = rest.replace(key, " ")
    return found.pop() if len(found) == 1 else None


def scale_in(text: str) -> int:
    """10,000 for 万元, 1 where no scale is named."""
    said = unicodedata.normalize("NFKC", text)
    for mark, factor in SCALES:
        if mark in said and (len(mark) > 1 or mark in "万亿" or re.search(rf"\d\s*{mark}", said)):
            return factor
    return 1


def convention(texts: Iterable[object]) -> Mark | None:
    """The decimal mark that the unambiguous amounts of a column show; None where none or both are shown."""
    shown: set[Mark] = set()
    for text in texts:
        if not isinstance(text, str):
            continue
        digits = _digits(text)
        for mark, other in ((".", ","), (",", ".")):
            if re.fullmatch(rf"\d{{1,3}}(?:\{other}\d{{3}})+\{mark}\d+", digits) or re.fullmatch(
                rf"\d+\{mark}(?:\d{{1,2}}|\d{{4,}})", digits
            ):
                shown.add(mark)  # type: ignore[arg-type]
        for other, mark in ((",", "."), (".", ",")):
            if re.fullmatch(rf"\d{{1,3}}(?:\{other}\d{{3}}){{2,}}", digits):
                shown.add(mark)  # type: ignore[arg-type]
    return shown.pop() if len(shown) == 1 else None


def parse(cell: object, mark: Mark | None = None) -> Amount | str | None:
    """The amount of a cell; None where it gives no price; a sentence where it cannot be read for certain."""
    if cell is None:
        return None
    if isinstance(cell, int | float):
        number = Decimal(str(cell))
        return Amount(number, None, False) if number.is_finite() and number > 0 else f"{cell} is no price"
    text = unicodedata.normalize("NFKC", str(cell)).strip()
    if text.lower() in NO_PRICE:
        return None
    digits = _digits(text)
    if not re.search(r"\d", digits):
        return f'"{text}" is no amount'
    if re.search(r"\d\s*(?:-|~|–|至)\s*\d", text):
        return f'"{text}" is a range of amounts'
    if text.lstrip("¥$€£ ").startswith("-") or re.match(r"\(.*\d.*\)$", text):
        return f'"{text}" is negative'
    value = _number(digits, mark)
    if isinstance(value, str):
        return value.format(text=text)
    scale = scale_in(text)
    if scale == 1 and re.search(r"\d\s*[kK]\b", text):
        scale = 1_000
    if value <= 0:
        return f'"{text}" is no price'
    currency = currency_in(text)
    return Amount(
        value * scale, currency or ("CNY" if re.search(r"\d\s*(亿元|万元|千元|元)", text) else None), scale != 1
    )


def _digits(text: str) -> str:
    """The number in a text with its separators, spaces and apostrophes between thousands taken out."""
    said = unicodedata.normalize("NFKC", text)
    said = re.sub(r"(?<=\d)[\s'’_](?=\d{3}(?!\d))", "", said)
    found = re.findall(r"\d[\d.,]*", said)
    return found[0].rstrip(".,") if len(found) == 1 else "" if not found else "?" + " ".join(found)


def _number(digits: str, mark: Mark | None) -> Decimal | str:
    """Digits with separators as a number, or why it cannot be read for certain."""
    if digits.startswith("?"):
        return '"{text}" holds several numbers'
    marks = {c for c in digits if c in ".,"}
    try:
        if not marks:
            return Decimal(digits)
        if marks == {".", ","}:
            last = max(".,", key=digits.rfind)
            other = "," if last == "." else "."
            if not re.fullmatch(rf"\d{{1,3}}(?:\{other}\d{{3}})+\{last}\d+", digits):
                return '"{text}" mixes points and commas'
            if mark is not None and mark != last:
                return '"{text}" uses another decimal mark than the rest of its column'
            return Decimal(digits.replace(other, "").replace(last, "."))
        only = marks.pop()
        grouped = re.fullmatch(rf"\d{{1,3}}(?:\{only}\d{{3}})+", digits) is not None
        if grouped and digits.count(only) > 1:
            return Decimal(digits.replace(only, ""))
        if digits.count(only) > 1:
            return '"{text}" has several decimal marks'
        if grouped and not digits.startswith("0"):  # 1,234 or 1.234: thousands or a decimal?
            if mark is None and only == ".":
                return (
                    '"{text}" may be '
                    + f"{digits.replace('.', ',')} or {digits} (decimal point): its column does not tell"
                )
            if mark == only:
                return Decimal(digits.replace(only, "."))
            return Decimal(digits.replace(only, ""))
        if mark is not None and mark != only:
            return '"{text}" uses another decimal mark than the rest of its column'
        return Decimal(digits.replace(only, "."))
    except InvalidOperation:
        return '"{text}" is no amount'
