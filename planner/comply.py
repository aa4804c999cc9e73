"""What `planner comply` answers and prints: verdicts of one part, rows of a case file, the matrix of destinations."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planner import compliance
from planner.catalog import Catalog
from planner.compliance.cases import Answered, answer, chips_of, rows_of
from planner.compliance.items import screen_part
from planner.compliance.matrix import COUNTRIES, Cell, matrix
from planner.compliance.rules import rules_of
from planner.compliance.words import VERDICTS, VERDICTS_ZH
from planner.errors import InputError, Mistake, UnknownPart
from planner.plan import ComplianceEntry
from planner.yamltext import parse, read_text

MOST_NODES = 200_000  # values in a case file
FUNDING = ("private", "state")
LABELS = {
    "en": {
        "on": "on",
        "class": "classification",
        "system": "entry of a server with it",
        "rules": "rules",
        "review": "review policy",
        "exception": "licence exception",
        "codified": "on the books, not enforced",
        "import": "import side",
        "data": "compared",
        "conditions": "to be certified",
        "foreseen": "would change",
        "source": "source",
        "assumed": "assumed",
    },
    "zh": {
        "on": "基准日期",
        "class": "管制归类",
        "system": "整机归类",
        "rules": "适用规则",
        "review": "审查政策",
        "exception": "许可例外",
        "codified": "在册但不予执行的条文",
        "import": "进口侧",
        "data": "比对依据",
        "conditions": "须证明事项",
        "foreseen": "可预见的变化",
        "source": "出处",
        "assumed": "假定",
    },
}


# -- one part --------------------------------------------------------------------------------------------------------
def missing(part: str | None, to: str | None, hq: str | None) -> list[Mistake]:
    """What a verdict cannot be given without."""
    needs = (
        ("ACCELERATOR", part, "a part, such as h100-sxm5 (planner catalog list accelerators)"),
        ("--to", to, "the country of the site, such as DE"),
        ("--hq", hq, "the country where the end user is headquartered; no verdict is given without it"),
    )
    return [
        Mistake(f"planner comply {name}", None, None, f"expected {what}.") for name, have, what in needs if not have
    ]


def terms(funding: str | None, **given: Any) -> compliance.Terms:
    """The terms of the options; InputError for a funding that is no answer."""
    if funding is not None and funding not in FUNDING:
        raise InputError([Mistake("--funding", None, None, f"expected {' or '.join(FUNDING)}, got {funding}.")])
    return compliance.Terms(funding=funding, **given)


def entries(catalog: Catalog, name: str, asked: compliance.Terms) -> list[ComplianceEntry]:
    """The verdicts on an accelerator, alias or group, or on any other part of the catalog by its id."""
    try:
        return [compliance.screen(catalog, a, asked) for a in catalog.expand_accelerator(name)]
    except UnknownPart:
        if name in catalog.parts:
            return [screen_part(catalog, name, asked)]
        raise


def verdicts_text(found: Sequence[ComplianceEntry], language: str = "en") -> str:
    """Each verdict: one line, the reasoning, then what it rests on."""
    chinese = language == "zh"
    words, names = (VERDICTS_ZH if chinese else VERDICTS), LABELS[language]
    blocks = []
    for entry in found:
        colon = "：" if chinese else ": "
        lines = [f"{entry.part}{colon}{words[entry.verdict]}", ""]
        lines += _wrapped((entry.summary_zh if chinese else None) or entry.summary, chinese)
        rows: list[tuple[str, str]] = [("on", entry.on)]
        rows += [("class", entry.classification)] if entry.classification else []
        rows += [("system", entry.system)] if entry.system else []
        rows += [("rules", ", ".join(entry.rules))] if entry.rules else []
        rows += [("exception", entry.exception)] if entry.exception else []
        rows += [("review", _policy(entry.review_policy, chinese))] if entry.review_policy else []
        rows += [("codified", words[entry.codified])] if entry.codified else []
        rows += [("import", _side(entry.import_side, chinese))] if entry.import_side else []
        rows += [("data", ("；" if chinese else "; ").join(entry.data_zh if chinese else entry.data))]
        rows += [("conditions", c) for c in (entry.conditions_zh if chinese else entry.conditions)]
        rows += [("foreseen", f.text_zh if chinese else f.text) for f in entry.foreseen]
        rows += [("source", c) for c in entry.citations]
        rows += [("assumed", a) for a in entry.assumed]
        blocks.append("\n".join([*lines, "", *[f"  {names[key]}{colon}{value}" for key, value in rows]]))
    return "\n\n".join(blocks)


def _policy(policy: str, chinese: bool) -> str:
    return (compliance.words.POLICIES_ZH if chinese else compliance.words.POLICIES)[policy]


def _side(side: str, chinese: bool) -> str:
    return (compliance.words.IMPORTS_ZH if chinese else compliance.words.IMPORTS)[side]


def _wrapped(text: str, chinese: bool, width: int = 118) -> list[str]:
    """A paragraph in lines of a terminal. Chinese characters take two columns and may be parted anywhere."""
    if not chinese:
        edge = "  "
        return textwrap.wrap(
            text, width, initial_indent=edge, subsequent_indent=edge, break_long_words=False, break_on_hyphens=False
        )
    lines, line, used = [], "", 0
    for character in text:
        size = 2 if ord(character) > 0x2E80 else 1
        # No line begins with a mark that closes something.
        if used + size > width and character not in "，。；：、）”》":
            lines.append(f"  {line}")
            line, used = "", 0
        line, used = line + character, used + size
    return [*lines, f"  {line}"] if line else lines


# -- case files ------------------------------------------------------------------------------------------------------
def answer_file(catalog: Catalog, path: Path) -> list[Answered]:
    """The answer to every row of a case file; InputError for a file that cannot be read or holds no rows."""
    text = parse(read_text(path), str(path), most=MOST_NODES, lists=True)
    if text.mistakes:
        raise InputError(text.mistakes)
    rows = rows_of(text.data)
    if not rows:
        raise InputError([Mistake(str(path), None, None, "expected test_cases: with a list of rows, found none.")])
    return answer(catalog, rows, chips_of(text.data))


def answers_text(found: Sequence[Answered]) -> str:
    """A line per row; under one that differs what was expected and what is given; the count last."""
    lines = []
    for row in found:
        state = "ok     " if row.ok else "DIFFERS"
        gate = "gate" if row.gate else "    "
        lines.append(f"{state}  {gate}  {row.id:<10}  {row.why}")
        if not row.ok:
            lines += [f"         expected {_differing(row.expected, row.given)}"]
            lines += [f"         given    {_differing(row.given, row.expected)}"]
    gated = [r for r in found if r.gate]
    right = sum(r.ok for r in found)
    lines.append("")
    lines.append(f"{right} of {len(found)} rows as expected; of {len(gated)} gated rows {sum(r.ok for r in gated)}.")
    return "\n".join(lines)


def _differing(mine: Any, other: Any) -> str:
    """Of two mappings only what differs."""
    if isinstance(mine, dict) and isinstance(other, dict):
        return ", ".join(f"{k}: {v}" for k, v in mine.items() if k in other and other[k] != v) or "nothing else"
    return str(mine)


# -- matrix ----------------------------------------------------------------------------------------------------------
def cells(
    catalog: Catalog,
    part: str | None,
    on: dt.date,
    countries: Sequence[str],
    headquarters: str | None,
    parent: str | None,
    ship_from: str,
    chinese: bool,
) -> list[Cell]:
    """The cells of all accelerators, or of those that a name stands for."""
    chosen = catalog.expand_accelerator(part) if part else ()
    return matrix(catalog, on, countries or COUNTRIES, chosen, headquarters, parent, ship_from, chinese)


def matrix_text(catalog: Catalog, found: Sequence[Cell], on: dt.date, headquarters: str | None, language: str) -> str:
    """One line per accelerator; rows with the same class and answers stand together."""
    chinese = language == "zh"
    columns = list(dict.fromkeys(c.to for c in found))
    rows: dict[str, list[Cell]] = {}
    for cell in found:
        rows.setdefault(cell.accelerator, []).append(cell)
    head = ["型号" if chinese else "accelerator", "归类" if chinese else "class", *columns]
    table = [[name, _class(row), *[c.mark for c in row]] for name, row in rows.items()]
    widths = [max(_width(r[k]) for r in [head, *table]) for k in range(len(head))]
    lines = ["  ".join(_padded(cell, w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in [head, *table]]
    return "\n".join([*_legend(catalog, on, headquarters, chinese), "", *lines])


def _class(row: Sequence[Cell]) -> str:
    found = {c.classification for c in row if c.classification}
    named = next(iter(found)) if len(found) == 1 else "-"
    return {"none": "not 3A090"}.get(named, named)


def _legend(catalog: Catalog, on: dt.date, headquarters: str | None, chinese: bool) -> list[str]:
    old, old_zh = compliance.stale(rules_of(catalog), on)
    if chinese:
        home = f"最终用户总部位于 {headquarters}" if headquarters else "各方总部均在目的地"
        text = [
            f"基准日期 {on.isoformat()}，{home}。仅为初步筛查，须由法律顾问确认。",
            "未见：未发现许可要求；拒绝、批准、逐案：须许可证，依次为推定拒绝、推定批准、逐案审查；函：依告知函须许可证；",
            "NAC、ACA：附条件的许可例外；待确认：须由厂商书面确认；境内：境内供货，不构成出口；禁止：禁运；",
            "*：另有仍在册但不予执行的更严条文。进口侧须另行判断。",
        ]
        return [*text, old_zh] if old_zh else text
    home = (
        f"end user headquartered in {headquarters}" if headquarters else "all parties headquartered in the destination"
    )
    text = [
        f"Rules of {on.isoformat()}, {home}. A screening: confirm with counsel.",
        "none: no licence requirement found. deny, appr, case: licence required, with a presumption of denial, a",
        "presumption of approval, or case by case; letter: licence required by a letter to the maker. NAC, ACA:",
        "licence exceptions with conditions. ask: needs the vendor's confirmation. home: domestic supply.",
        "PROHIB: embargo. * a stricter text is on the books and not enforced. The import side is a separate answer.",
    ]
    return [*text, old] if old else text


def _width(text: str) -> int:
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
