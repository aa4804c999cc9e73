"""Share of figures by what they stand on: maker's datasheet, standard, press, estimate, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from planner.catalog import Catalog
from planner.parts import Part, Record

# A source counts as the maker's own where its address or text names the maker's site or document.
MAKERS = (
    "nvidia.com", "amd.com", "intel.com", "huawei.com", "hiascend.com", "dell.com", "hpe.com", "lenovo.com",
    "lenovopress",
    "supermicro.com", "arista.com", "cisco.com", "juniper.net", "broadcom.com", "samsung.com", "micron.com",
    "kioxia.com",
    "solidigm.com", "marvell.com", "netapp.com", "ddn.com", "weka.io", "vastdata.com", "purestorage.com", "ibm.com",
    "cambricon.com", "hygon", "metax-tech", "mthreads.com", "kunlunxin", "iluvatar", "biren", "enflame", "h3c.com",
    "xfusion.com", "inspur.com", "ieisystem", "zte.com", "ruijie", "gigabyte.com", "asus.com", "qct.io", "fujitsu.com",
    "datasheet", "data sheet", "spec sheet", "product brief", "product page", "white paper", "whitepaper",
    "manuals.plus",
    "huggingface.co", "model card", "config.json",
)  # fmt: skip
STANDARDS = ("jedec", "ieee", "pci-sig", "infiniband trade", "eia-310", "iec ", "tia-942", "iso ", "standard")
NOT_FIGURES = {"id", "mig_instances"}


def shares(catalog: Catalog) -> dict[str, int]:
    """Number of figures by basis, over every number of every record; prices have grades of their own."""
    found: Counter[str] = Counter()
    records: Iterable[Record] = [*catalog.parts.values(), *catalog.models.values()]
    for record in records:
        sources: tuple[str, ...] = getattr(record, "sources", ())
        unverified: tuple[str, ...] = getattr(record, "unverified", ())
        estimates = record.estimates if isinstance(record, Part) else {}
        usual = _basis(sources)
        for name, value in record:
            count = _numbers(value) if name in record.model_fields_set and name not in NOT_FIGURES else 0
            basis = "estimate" if name in estimates else "memory" if name in unverified else usual
            found[basis] += count
    return {basis: found[basis] for basis in ("datasheet", "standard", "press", "estimate", "memory")}


def price_grades(catalog: Catalog) -> dict[str, int]:
    """Number of price rows by grade."""
    found = Counter(row.grade for rows in catalog.prices.values() for row in rows)
    return {grade: found[grade] for grade in ("A", "B", "C", "M")}


def _basis(sources: tuple[str, ...]) -> str:
    said = " ".join(sources).lower()
    if any(word in said for word in MAKERS):
        return "datasheet"
    if any(word in said for word in STANDARDS):
        return "standard"
    return "press" if sources else "memory"


def _numbers(value: Any) -> int:
    """How many figures a field holds."""
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int | float):
        return 1
    if isinstance(value, dict):
        return sum(map(_numbers, value.values()))
    if isinstance(value, Record):
        return sum(_numbers(v) for _, v in value)
    return 0
