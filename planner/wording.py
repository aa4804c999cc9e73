"""The words of the documents: one file of strings per language, money and numbers as that language writes them.

`templates/strings.<language>.yaml` holds nested keys, `terms` (plan values and how they are called) and `phrases`
(regular expressions that turn the planner's English sentences into the language; English has none).
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from planner.catalog import read_yaml
from planner.errors import PlannerError
from planner.units import Money, half_up

LANGUAGES = ("en", "zh")
SIGNIFICANT = 4
ANY_MAKER = ("various", "generic", "integrator", "server maker", "service company", "open source")
_CAPITALS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def templates_folder() -> Path:
    """Where the templates are: inside the installed package, or at the top level of a checkout."""
    inside = Path(str(resources.files("planner"))) / "templates"
    return inside if inside.is_dir() else inside.parent.parent / "templates"


class _Counted(string.Formatter):
    """`{racks:#rack|racks}` writes the value with the noun that goes with it: 1 rack, 32 racks."""

    def format_field(self, value: Any, spec: str) -> str:
        if not spec.startswith("#"):
            return str(super().format_field(value, spec))
        one, more = spec[1:].split("|")
        return f"{value} {one if str(value) == '1' else more}"


_FORMATTER = _Counted()
_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")  # Chinese sets no space between characters


class Wording:
    """Strings, terms and number formats of one language. Unknown string keys raise PlannerError."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise PlannerError(f"there are no strings for the language {language}")
        self.language = language
        content = read_yaml(templates_folder() / f"strings.{language}.yaml")
        self.strings: Mapping[str, str] = dict(_flat(content["strings"]))
        self.terms: Mapping[str, Mapping[str, str]] = content["terms"]
        self.phrases = _patterns(content["phrases"])
        self.models = _patterns(content["models"])  # parts without a maker's name: "Cat 6 patch cable, 5 m"

    def __call__(self, key: str, **values: object) -> str:
        """The string under a dotted key, with {named} values filled in."""
        try:
            text = _FORMATTER.vformat(self.strings[key], (), values)
        except KeyError as error:
            raise PlannerError(f"strings.{self.language}.yaml: {key} misses {error}") from error
        return _BETWEEN_HAN.sub("", text) if self.language == "zh" else text

    def term(self, group: str, value: str) -> str:
        """How a plan value is called, e.g. term("verdict", "prohibited"); the value itself when it has no entry."""
        known = self.terms.get(group, {})
        return known[value] if value in known else value.replace("_", " ")

    def phrase(self, text: str) -> str | None:
        """The planner's English sentence in this language; None when nobody has translated it."""
        for pattern, template in self.phrases:
            found = pattern.fullmatch(text.strip())
            if found:
                named = {k: self._piece(k, v) for k, v in found.groupdict().items()}
                return template.format(**named)
        return text if self.language == "en" else None

    def _piece(self, group: str, value: str | None) -> str:
        """A captured piece: looked up among the terms when its name is `term_<group>`; `values` word by word."""
        if value is None:
            return ""
        if group == "values":
            return self("list").join(self._value(piece) for piece in value.split(", "))
        return self.term(group.removeprefix("term_"), value) if group.startswith("term_") else value

    def _value(self, value: str) -> str:
        """A value of the site file, which may be a word of any of the groups that its keys take."""
        for group in ("verdict", "objective", "cooling", "technology", "topology", "redundancy", "words"):
            if value in self.terms.get(group, {}):
                return self.terms[group][value].strip()
        return value

    def product(self, name: str) -> str:
        """Maker and model as people write them: makers by their Chinese names in Chinese, no words for "any maker"."""
        name = without_any_maker(name)
        for pattern, template in self.models:
            found = pattern.fullmatch(name)
            if found:
                return template.format(**{k: self._piece(k, v) for k, v in found.groupdict().items()})
        for text, called in self.terms["qualifier"].items():
            name = name.replace(f" {text}", called)
        for maker in sorted(self.terms.get("maker", {}), key=len, reverse=True):
            if name == maker or name.startswith(f"{maker} "):
                return f"{self.terms['maker'][maker]} {name[len(maker) :].strip()}".strip()
        return name

    def unit(self, measure: str, quantity: int) -> str:
        """What a quantity is counted in, in the number that goes with it."""
        return self.term("unit_word" if quantity == 1 else "unit_words", measure)

    # -- numbers -------------------------------------------------------------------------------------------------
    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with two decimals and thousands separators: `USD 1,234.50`, `1,234.50 元`."""
        return self._with_currency(f"{amount:,.2f}", currency)

    def short_money(self, amount: Decimal, currency: str) -> str:
        """For summaries: whole units, or 万元 in Chinese."""
        if self.language == "zh" and amount >= 10_000:
            unit = self.term("currency", currency)
            return f"{amount / 10_000:,.2f} 万{unit}"
        return self._with_currency(f"{Decimal(half_up(amount)):,}", currency)

    def _with_currency(self, number: str, currency: str) -> str:
        return f"{number} {self.term('currency', currency)}" if self.language == "zh" else f"{currency} {number}"

    def number(self, value: float, digits: int = SIGNIFICANT) -> str:
        """A physical figure with a sensible number of digits: 1,016 · 12.3 · 0.0417."""
        if value == int(value) and abs(value) < 1e15:
            return f"{int(value):,}"
        if abs(value) >= 10 ** (digits - 1):
            return f"{value:,.0f}"
        return f"{float(f'{value:.{digits}g}'):,}".removesuffix(".0")

    def large(self, value: float) -> str:
        """Counts in the language's large units: 2 trillion, 2 万亿."""
        for power, key in ((1e12, "trillion"), (1e9, "billion"), (1e8, "hundred_million"), (1e6, "million")):
            text = self(f"large.{key}")
            if value >= power and text:
                return f"{self.number(value / power)} {text}"
        return self.number(value)


def without_any_maker(name: str) -> str:
    """Maker and model without the words that stand for "any maker": generic, various ..."""
    for maker in ANY_MAKER:
        while name.startswith(f"{maker} "):
            name = name.removeprefix(f"{maker} ")
    return name


@cache
def wording(language: str) -> Wording:
    """The wording of a language, read once."""
    return Wording(language)


def _patterns(content: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(k, re.DOTALL), v) for k, v in content.items()]


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", str(value)))
    return found


def rmb_capitals(amount: Decimal) -> str:
    """A yuan amount in the capitals that Chinese contracts require: 1234.50 → 壹仟贰佰叁拾肆元伍角整."""
    cents = Money.of(amount, "CNY").cents
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    text = _whole_capitals(yuan) + "元" if yuan else ""
    if not jiao and not fen:
        return (text or "零元") + "整"
    if jiao:
        text += _CAPITALS[jiao] + "角"
    elif yuan:
        text += "零"
    return text + (_CAPITALS[fen] + "分" if fen else "整")


def _whole_capitals(number: int) -> str:
    groups = []
    while number:
        number, low = divmod(number, 10_000)
        groups.append(low)
    text, gap = "", False
    for k in range(len(groups) - 1, -1, -1):
        value = groups[k]
        if not value:
            gap = bool(text)
            continue
        if text and (gap or value < 1000):
            text += "零"
        text += _four_capitals(value) + _GROUPS[k]
        gap = False
    return text


def _four_capitals(value: int) -> str:
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = value // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + _CAPITALS[digit] + _PLACES[place]
            gap = False
        else:
            gap = True
    return text
