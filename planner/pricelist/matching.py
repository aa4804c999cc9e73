"""Which catalog part a row of a supplier's sheet is: exact names match, all else is a question with candidates."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.catalog import Catalog, nearest
from planner.parts import Part

# Words around a model name that say what it is, not which it is.
_NOISE = """
    gpu gpus accelerator accelerators card cards module server servers system switch nic adapter processor cpu ssd drive
    memory rdimm cable transceiver optic optics ai nvidia-certified new original oem the with for and unit pcs piece
    graphics tensor core data center datacenter datacentre 显卡 加速卡 加速器 计算卡 算力卡 服务器 交换机 网卡 处理器
    硬盘 内存 固态硬盘 光模块 线缆 模组 模块 整机 台 片 张 块 个 原装 全新 智能 训练 推理 型
"""
NOISE = frozenset(_NOISE.split())
MAKERS = {"英伟达": "nvidia", "华为": "huawei", "昇腾": "ascend", "寒武纪": "cambricon", "海光": "hygon",
          "沐曦": "metax",
          "摩尔线程": "moore threads", "昆仑芯": "kunlunxin", "超微": "supermicro", "戴尔": "dell", "联想": "lenovo",
          "浪潮": "inspur", "新华三": "h3c", "三星": "samsung", "英特尔": "intel", "铠侠": "kioxia", "美光": "micron",
          "迈络思": "mellanox", "中兴": "zte", "超聚变": "xfusion"}  # fmt: skip


SPELLING = 0.84  # likeness of letters from which a name counts as a misspelling of another


@dataclass(frozen=True, slots=True)
class Match:
    """Exactly one id and no doubt, or candidates and why it is not certain; neither when nothing is near."""

    part: str | None
    candidates: tuple[str, ...] = ()
    why: str = ""


class Matcher:
    """Names of every part of a catalog, prepared once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._exact: dict[str, set[str]] = {}
        self._numbers: dict[str, set[str]] = {}
        self._words: dict[frozenset[str], set[str]] = {}
        self._bags: list[tuple[frozenset[str], str]] = []
        for part in catalog.parts.values():
            for name in self._names(part):
                self._exact.setdefault(_key(name), set()).add(part.id)
                bag = _bag(name, part.vendor)
                if bag:
                    self._words.setdefault(bag, set()).add(part.id)
                    self._bags.append((bag, part.id))
            if part.part_number:
                self._numbers.setdefault(_key(part.part_number), set()).add(part.id)
        self._vendor = {part.id: part.vendor for part in catalog.parts.values()}

    @staticmethod
    def _names(part: Part) -> Iterable[str]:
        yield part.id
        yield part.model
        yield f"{part.vendor} {part.model}"
        yield from part.aliases

    def match(self, part_id: str, number: str, names: Sequence[str], maker: str) -> Match:
        """By catalog id, else the part number in its own column, else the exact name or a part number in any cell,
        else the same words; else candidates."""
        if part_id:
            if part_id in self.catalog.parts:
                return Match(part_id)
            return Match(None, nearest(part_id, self.catalog.parts), f'catalog id "{part_id}" does not exist')
        by_number = self._numbers.get(_key(number), set()) if number else set()
        if len(by_number) == 1:
            return Match(next(iter(by_number)))
        texts = [t for t in (number, *names) if t]
        found = self._agreeing(self._named(text, maker) for text in texts)
        if found is not None:
            return found
        near: list[str] = []
        for text in texts:
            near += [i for i in self._near(text, maker) if i not in near]
        if near:
            return Match(None, tuple(near[:4]), "the name fits no part exactly")
        return Match(None, (), "no part is near")

    def _agreeing(self, answers: Iterable[set[str]]) -> Match | None:
        """What the filled cells say together: one part, or a question where they leave several or contradict."""
        told = [a for a in answers if a]
        if not told:
            return None
        common = set.intersection(*told)
        if len(common) == 1:
            return Match(next(iter(common)))
        if common:
            return Match(None, tuple(sorted(common)[:6]), f"the name stands for {len(common)} parts")
        every = sorted(set.union(*told))
        return Match(None, tuple(every[:6]), "the cells name different parts")

    def _named(self, text: str, maker: str) -> set[str]:
        """Parts whose name this text is; the members of a group for a generic name."""
        group = self.catalog.groups.get(" ".join(sorted(_bag(text, maker))) or "?") or self.catalog.groups.get(
            _key(text)
        )
        if group:
            return set(group)
        key = _key(text)  # a part number may stand in the column of models (型号)
        exact = self._exact.get(key, set()) | self._numbers.get(key, set())
        return exact or self._words.get(_bag(text, maker), set())

    def _near(self, text: str, maker: str) -> list[str]:
        """Parts whose words the text holds, or that hold the text's words; then by spelling."""
        bag = _bag(text, maker)
        if not bag:
            return []
        told = {w for w in bag if any(c.isdigit() for c in w)}
        scored = []
        for other, part in self._bags:
            shared = bag & other
            if (
                shared
                and (other <= bag or bag <= other or (told and told & other == told))
                and any(any(c.isdigit() for c in w) for w in shared)
            ):
                scored.append((-len(shared) / len(bag | other), part))
        found = list(dict.fromkeys(part for _, part in sorted(scored)))[:4]
        if found:
            return found
        spelled = difflib.get_close_matches(_key(text), self._exact, n=2, cutoff=SPELLING)
        return list(dict.fromkeys(part for key in spelled for part in sorted(self._exact[key])))


def _plain(text: str) -> str:
    said = unicodedata.normalize("NFKC", text).lower()
    for name, plain in MAKERS.items():
        said = said.replace(name, f" {plain} ")
    return said


def _key(text: str) -> str:
    """Letters and digits only: H100-SXM5 80GB and h100 sxm5 80 gb are one name."""
    return re.sub(r"[^0-9a-z\u4e00-\u9fff+]", "", _plain(text))


def _bag(text: str, maker: str) -> frozenset[str]:
    """The words that tell which part it is: makers and general words are left out, 80 GB is one word."""
    said = re.sub(r"(?<=\d)\s+(?=(gb|tb|gbe|gb/s|w|u|g)\b)", "", _plain(text))
    makers = set(re.findall(r"[0-9a-z]+", _plain(maker))) | {"nvidia", "amd", "intel", "huawei"}
    words = re.findall(r"[0-9a-z+.]+|[\u4e00-\u9fff]+", said)
    return frozenset(w.strip(".") for w in words if w.strip(".") and w not in NOISE and w not in makers)
