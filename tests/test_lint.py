"""Every lint rule has a broken catalog that trips it, and the shipped catalog has no error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.catalog import Catalog
from planner.lint import RULES, lint, price_grades, shares
from planner.lint.finding import Finding

HEAD = "part,currency,low,typical,high,tax_basis,basis,grade,source,as_of,valid_until,min_quantity,scope"


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return Catalog.load()


def changed(folder: Path, shipped: Catalog, kind: str, part: str, **fields: Any) -> None:
    """An overlay that replaces one shipped record by itself with other figures."""
    record = shipped.kind(kind)[part].model_dump(mode="json", exclude_unset=True)
    target = folder / kind / "broken.yaml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(yaml.safe_dump({"records": [record | fields]}, allow_unicode=True))


def priced(folder: Path, *rows: str) -> None:
    (folder / "prices").mkdir(exist_ok=True)
    (folder / "prices" / "broken.csv").write_text("\n".join([HEAD, *rows]) + "\n")


# Rule, level, and the one change that breaks it: kind, part, fields.
BROKEN: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("reference", "error", "chassis", "dell-xe9680", {"takes": ["h100-sxm5", "h100-smx5"]}),
    ("reference", "error", "chassis", "dell-xe9680", {"cpus": ["xeon-6430", "xeon-9999"]}),
    ("reference", "error", "chassis", "dell-xe9680", {"baseboards": {"h100-sxm5": "hgx-h100-9"}}),
    ("reference", "error", "bridges", "nvlink-bridge-rtx-a6000", {"joins": ["a100-pcie-80gb", "a1000"]}),
    ("chassis-fit", "error", "chassis", "dell-xe9680", {"baseboards": {"h100-sxm5": "hgx-h200-8"}}),
    ("chassis-fit", "error", "chassis", "dell-xe9680", {"cpus": ["epyc-9654"]}),
    ("chassis-fit", "error", "chassis", "dell-r760xa", {"takes": ["h100-sxm5"]}),
    ("chassis-fit", "error", "chassis", "dell-xe9680", {"takes": ["h100-pcie"], "baseboards": {}}),
    ("chassis-fit", "error", "chassis", "dgx-h100", {"complete_for": "b200-sxm6"}),
    ("no-chassis", "warning", "accelerators", "br106", {"lifecycle": "current"}),
    ("drive-fit", "error", "chassis", "dell-xe9680", {"drive_form_factors": ["SAS"]}),
    ("cable-fit", "error", "cables", "generic-100g-aoc-10m", {"ends": ["qsfp28", "qfsp28"]}),
    ("range", "error", "accelerators", "h100-sxm5", {"memory_bandwidth_gb_per_s": 3_350_000}),
    ("range", "error", "chassis", "dell-xe9680", {"weight_kg": 1.08, "rack_units": 6}),
    ("range", "error", "drives", "cd8p-3p84tb", {"capacity_tb": 3840}),
    ("range", "error", "optics", "generic-800g-osfp-dr8", {"max_w": 1700}),
    ("range-links", "error", "accelerators", "h100-sxm5", {"scale_up": {"name": "NVLink 4", "gb_per_s": 7.2}}),
    ("rates", "error", "accelerators", "h100-sxm5", {"dense_tflops": {"bf16": 989400}}),
    ("rates", "error", "accelerators", "h100-sxm5", {"dense_tflops": {"b16": 989.4}}),
    ("rates", "warning", "accelerators", "h100-sxm5", {"dense_tflops": {"bf16": 989.4, "fp8": 3958}}),
    ("model-shape", "error", "models", "llama3-70b", {"params_active_b": 700}),
    ("model-shape", "error", "models", "llama3-70b", {"heads": 64, "kv_heads": 7}),
    ("node-power", "error", "chassis", "dgx-h100", {"max_power_w": 3400, "typical_power_w": 3000}),
    ("node-power", "warning", "chassis", "dgx-station-a100", {"max_power_w": 1500}),
    ("supplies", "error", "chassis", "dell-xe9680", {"psu_min_live": 3}),
    ("supplies", "error", "chassis", "dell-xe9680", {"psu_min_live": 7}),
    ("supplies", "warning", "chassis", "dell-xe9680", {"psu_redundancy": "3+3"}),
    ("typical-power", "error", "chassis", "dgx-h100", {"typical_power_w": 12_000}),
    ("typical-power", "error", "accelerators", "h100-sxm5", {"tdp_max_w": 500}),
    ("tpp", "error", "accelerators", "h100-sxm5", {"dense_tflops": {"fp16": 1978.9, "bf16": 1978.9}}),
    ("tpp", "warning", "accelerators", "h100-sxm5", {"performance_density": 1.9449}),
    ("export-figures", "warning", "accelerators", "h200-sxm5", {"tpp": None}),
    ("ports", "error", "switches", "qm9700", {"ports": 128}),
    ("ports", "warning", "switches", "qm9700", {"ports": 32, "split": {}}),
    ("ports", "error", "storage", "dell-powerscale-f910", {"read_gb_per_s": 120}),
    ("lanes", "error", "drives", "cd8p-3p84tb", {"pcie_gen": 4, "read_gb_per_s": 12}),
    ("lanes", "error", "nics", "cx7-ndr400-osfp", {"pcie_gen": 4}),
    ("lanes", "warning", "nics", "cx7-ndr400-osfp", {"ports": 2}),
    ("memory-slots", "error", "chassis", "dell-xe9680", {"dimm_slots": 8}),
    ("source", "error", "accelerators", "h100-sxm5", {"sources": [], "unverified": [], "estimates": {}}),
    ("source", "error", "accelerators", "h100-sxm5", {"as_of": None}),
    ("source", "error", "accelerators", "h100-sxm5", {"as_of": "last week"}),
    ("source", "error", "accelerators", "h100-sxm5", {"unverified": ["memory"]}),
    ("source", "error", "accelerators", "h100-sxm5", {"estimates": {"tdp_w": " "}}),
    ("source", "error", "accelerators", "h100-sxm5", {"estimates": {"tdp_w": "guess"}, "unverified": ["tdp_w"]}),
    ("one-name", "error", "accelerators", "h100-sxm5", {"aliases": ["A100 80GB SXM4"]}),
    ("one-name", "error", "accelerators", "h100-sxm5", {"aliases": ["h100"]}),
]  # fmt: skip

PRICED: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("price-part", "error", "h100-smx5", ("h100-smx5,USD,,30000,,excluded,quote,A,supplier,2026-11-01,2026-12-31,,",)),
    ("price-range", "error", "h100-sxm5", ("h100-sxm5,USD,,3000000,,excluded,street,C,press,2026-11-01,,,",)),
    ("price-range", "error", "h100-sxm5", ("h100-sxm5,XAU,,30000,,excluded,street,C,press,2026-11-01,,,",)),
    ("price-range", "warning", "h100-sxm5", ("h100-sxm5,USD,3000,30000,90000,excluded,street,C,press,2026-11-01,,,",)),
    ("quantity-break", "warning", "h100-sxm5", (
        "h100-sxm5,USD,,30000,,excluded,quote,A,supplier,2026-11-01,2026-12-31,1,",
        "h100-sxm5,USD,,31000,,excluded,quote,A,supplier,2026-11-01,2026-12-31,64,",
    )),
    ("price-source", "error", "h100-sxm5", ("h100-sxm5,USD,,30000,,excluded,street,M,memory,2026-11-01,,,",)),
    ("price-source", "error", "h100-sxm5", ("h100-sxm5,USD,,30000,,excluded,estimate,A,guess,2026-11-01,,,",)),
    ("price-source", "error", "h100-sxm5",
     ("h100-sxm5,USD,,30000,,excluded,quote,A,supplier,2026-11-01,2026-10-01,,",)),
    ("price-source", "warning", "h100-sxm5", ("h100-sxm5,USD,,30000,,excluded,quote,A,supplier,2026-11-01,,,",)),
    ("price-source", "warning", "dgx-h100",
     ("dgx-h100,USD,,300000,,excluded,quote,A,supplier,2026-11-01,2026-12-31,,",)),
    ("price-twice", "error", "h100-sxm5", (
        "h100-sxm5,USD,,30000,,excluded,street,C,press,2026-11-01,,,",
        "h100-sxm5,USD,,31000,,excluded,street,C,press,2026-11-01,,,",
    )),
]  # fmt: skip


def tripped(rule: str, overlay: Path) -> set[tuple[str, str]]:
    return {(f.level, f.part) for f in RULES[rule](Catalog.load([overlay]))}


@pytest.mark.parametrize(("rule", "level", "kind", "part", "fields"), BROKEN)
def test_a_broken_record_trips_its_rule(
    rule: str, level: str, kind: str, part: str, fields: dict[str, Any], shipped: Catalog, tmp_path: Path
) -> None:
    changed(tmp_path, shipped, kind, part, **fields)
    assert (level, part) in tripped(rule, tmp_path)


@pytest.mark.parametrize(("rule", "level", "part", "rows"), PRICED)
def test_a_broken_price_trips_its_rule(rule: str, level: str, part: str, rows: tuple[str, ...], tmp_path: Path) -> None:
    priced(tmp_path, *rows)
    assert (level, part) in tripped(rule, tmp_path)


def test_undated_rates_are_told(tmp_path: Path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "vat.yaml").write_text("rates:\n  DE: {percent: '19'}\n  FR: {percent: '20', basis: seen}\n")
    found = [f.message for f in RULES["rates-dated"](Catalog.load([tmp_path])) if f.part == "rates/vat"]
    assert found == ["DE has neither source nor basis.", "FR has no date."]


def test_no_rule_is_without_a_broken_catalog() -> None:
    assert {b[0] for b in BROKEN} | {p[0] for p in PRICED} | {"rates-dated"} == set(RULES)


def test_the_shipped_catalog_has_no_error_and_its_figures_are_counted(shipped: Catalog) -> None:
    assert [str(f) for f in lint() if f.level == "error"] == []
    basis = shares(shipped)
    assert basis["datasheet"] > 0 and basis["press"] > 0 and basis["estimate"] > 0
    assert sum(price_grades(shipped).values()) == sum(map(len, shipped.prices.values()))


def test_records_that_do_not_read_are_errors_with_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "nics").mkdir()
    (tmp_path / "nics" / "mine.yaml").write_text(
        "records:\n"
        "  - id: my-nic\n    vendor: Me\n    model: My NIC\n    prots: 1\n    gbps: fast\n    cage: osfp\n"
        "    technologies: [ethernet]\n    pcie_gen: 5\n    pcie_lanes: 16\n    power_w: 20\n    roles: [compute]\n"
    )
    said = [f.message for f in lint([tmp_path]) if f.rule == "schema"]
    file = tmp_path / "nics" / "mine.yaml"
    assert f"{file}:5:5: my-nic: prots: unknown field. Did you mean ports?" in said
    assert any(s.startswith(f"{file}:6:5: my-nic: gbps: ") and "'fast'" in s for s in said)
    assert any("ports: is needed and missing" in s for s in said)


def test_findings_are_sentences_with_their_rule() -> None:
    assert str(Finding("error", "ports", "qm9700", "128 ports.")) == "error: qm9700: 128 ports. [ports]"
    assert json.dumps(sorted(RULES))
