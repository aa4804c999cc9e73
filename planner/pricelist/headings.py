"""Which column of a supplier's sheet holds what: headings in English and Chinese, over one row or two, and the notes
above the table that say currency, unit and tax."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from planner.pricelist.amounts import currency_in, scale_in
from planner.pricelist.sheet import Cell, Sheet

LOOKED_AT = 60  # rows in which the headings must stand

# Field -> patterns of a heading, tried in this order; the first field that fits takes the column.
PATTERNS: tuple[tuple[str, str], ...] = (
    ("id", r"catalog id|catalogue id|目录编号"),
    ("ignored", r"total|extended|amount|subtotal|sum\b|合价|总价|小计|金额|合计|折扣|discount"),
    ("minimum", r"min(imum)? ?(order|qty|quantity)|moq|起订|最小订|最低订"),
    ("valid", r"valid|expir|有效期|有效日期|截止"),
    ("lead", r"lead ?time|delivery|交货|货期|交期|供货周期"),
    ("tax", r"(tax|vat|gst)[^a-z]*(rate|%|percent)|税率|^(tax|vat|gst)( ?%)?$"),
    ("with_tax", r"(price|单价|报价|价格|价).*(incl|with|含|gross|tax inside)|"
                 r"(incl|gross|with|含税).*(price|单价|报价|价格|价)|^含税"),
    ("list", r"list ?price|msrp|rrp|目录价|媒体价|公开价|列表价|标准价"),
    ("price", r"price|rate per|unit cost|单价|报价|价格|净价|^usd$|^cny$|^eur$|^rmb$|每台|每片|每张"),
    ("currency", r"currency|^ccy$|币种|货币"),
    ("number", r"part ?(no|num|#|code)|p/n|^pn$|sku|mpn|order ?(code|no)|item ?(no|#|code)|"
               r"product ?(no|code|number)|料号|物料|部件号|产品编码|产品编号|订货|货号|零件号"),
    ("maker", r"brand|vendor|maker|manufacturer|^oem$|品牌|厂商|厂家|制造商|生产商"),
    ("quantity", r"^qty|quantity|数量|台数|套数"),
    ("name", r"model|product|item|descr|name|part\b|component|型号|名称|描述|规格|货物|设备|品名|配置|产品"),
    ("remark", r"remark|note|comment|备注|说明"),
)  # fmt: skip
_WITHOUT = re.compile(r"不含|未税|excl|without|net of|ex[- .]?(tax|vat)|before tax|税前|免税")
_NOTED = re.compile(r"tax|vat|gst|税|单位|币种|currency|price|报价|价格|valid|有效")


@dataclass
class Layout:
    """Where the table of a sheet begins and what its columns hold (0-based column numbers)."""

    sheet: Sheet
    first_row: int  # 1-based row of the first line below the headings
    header_row: int
    columns: dict[str, list[int]]
    titles: dict[int, str]
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> int | None:
        found = self.columns.get(name)
        return found[0] if found else None

    @property
    def currency(self) -> str | None:
        """The one currency that the notes above the table name."""
        said = {c for c in map(currency_in, self.notes) if c}
        return said.pop() if len(said) == 1 else None

    @property
    def scale(self) -> int:
        """10,000 where the notes say 单位：万元."""
        said = {scale_in(n) for n in self.notes if "单位" in n or "unit" in n.lower()} - {1}
        return said.pop() if len(said) == 1 else 1

    @property
    def tax(self) -> tuple[str | None, Decimal | None]:
        """Tax basis and rate in percent that the notes state."""
        basis: set[str] = set()
        rate: Decimal | None = None
        for note in self.notes:
            stated = tax_in(note)
            if stated:
                basis.add(stated)
                found = re.search(r"(\d{1,2}(?:\.\d+)?)\s*[%％]", note)
                rate = Decimal(found[1]) if found else rate
        return (basis.pop() if len(basis) == 1 else None), rate


def tax_in(text: str) -> str | None:
    """Whether a text says that tax is included or excluded."""
    said = unicodedata.normalize("NFKC", text).lower()
    if _WITHOUT.search(said) and re.search(r"tax|vat|gst|税", said):
        return "excluded"
    if re.search(
        r"含税|含.{0,8}增值税|incl[a-z.]*\s.{0,12}(tax|vat|gst)|(tax|vat|gst)\s*(is )?incl|with (tax|vat|gst)", said
    ):
        return "included"
    return None


def find_layout(sheet: Sheet) -> Layout | None:
    """The headings of a sheet: the row, or two rows, whose cells name most columns; None where no table is found."""
    best: tuple[int, Layout] | None = None
    for top in range(min(len(sheet.rows), LOOKED_AT)):
        for depth in (1, 2):
            if top + depth >= len(sheet.rows) + (depth == 1):
                continue
            layout = _layout(sheet, top, depth)
            if layout is None:
                continue
            score = 10 * sum(1 for name in layout.columns if name not in ("ignored", "remark")) - depth
            if best is None or score > best[0]:
                best = (score, layout)
    return best[1] if best else None


def _layout(sheet: Sheet, top: int, depth: int) -> Layout | None:
    rows = sheet.rows[top : top + depth]
    if depth == 2 and not _below_merged(sheet, top):
        return None
    width = max(len(r) for r in rows)
    titles: dict[int, str] = {}
    for column in range(width):
        cells = [_heading(r[column]) for r in rows if column < len(r)]
        titles[column] = " ".join(dict.fromkeys(c for c in cells if c))
    columns: dict[str, list[int]] = {}
    for column, title in titles.items():
        name = field_of(title)
        if name:
            columns.setdefault(name, []).append(column)
    named = {"name", "number", "id"} & set(columns)
    priced = {"price", "with_tax", "list"} & set(columns)
    if not (named and priced):
        return None
    notes = [
        str(c) for r in sheet.rows[:top] for c in dict.fromkeys(r) if isinstance(c, str) and _NOTED.search(c.lower())
    ]
    notes += [
        str(c)
        for r in sheet.rows[top + depth :]
        for c in dict.fromkeys(r)
        if isinstance(c, str)
        and len(c) > 6
        and tax_in(c)
        and re.search(r"以上|上述|all prices|prices (are|exc|inc)|报价均", c.lower())
    ]
    return Layout(sheet, top + depth + 1, top + 1, columns, titles, notes)


def _below_merged(sheet: Sheet, top: int) -> bool:
    """Two rows are one heading only where a cell of the upper one spans several columns or both rows."""
    return any(
        sheet.merged.get((top + 1, column), (0, 0, 0, 0))[2:] > (top + 1, 0)
        and (box := sheet.merged[(top + 1, column)])[0] == top + 1
        and (box[2] == top + 2 or box[3] > box[1])
        for column in range(1, len(sheet.rows[top]) + 1)
        if (top + 1, column) in sheet.merged
    )


def _heading(cell: Cell) -> str:
    text = unicodedata.normalize("NFKC", cell if isinstance(cell, str) else "").replace("\n", " ").strip()
    return text if len(text) <= 60 else ""  # a sentence is no heading


def field_of(title: str) -> str | None:
    """The field that a heading names, or None."""
    said = re.sub(r"\s+", " ", title.lower()).strip(" :*")
    if not said:
        return None
    for name, pattern in PATTERNS:
        if name == "with_tax" and _WITHOUT.search(said):
            continue
        if re.search(pattern, said):
            return name
    return None


def first(row: Sequence[Cell], columns: Sequence[int]) -> Cell:
    """The first filled cell among columns."""
    for column in columns:
        if column < len(row) and row[column] not in (None, ""):
            return row[column]
    return None
