"""Predictions of inference rows held against what was measured, and rows that say too little or nonsense."""

from __future__ import annotations

import math
from functools import cache
from statistics import median
from typing import Any

import pytest

from planner.accuracy.inference import accelerator_of, predict_inference
from planner.accuracy.outcome import Outcome
from planner.catalog import Catalog
from planner.demand.published import WorkQuery, published_rate, scenario_ratio
from planner.errors import Rejection


@cache
def catalog() -> Catalog:
    return Catalog.load()


@cache
def rows() -> tuple[dict[str, Any], ...]:
    found = catalog().table("measurements/inference_benchmarks")["rows"]
    return tuple(r for r in found if r.get("check") != "skip")


@cache
def outcomes() -> tuple[Outcome, ...]:
    return tuple(predict_inference(row, catalog()) for row in rows())


def row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "mine",
        "model": "llama3.1-70b",
        "accelerator": "h100-sxm5",
        "gpu_count": 8,
        "precision": "fp8",
        "scenario": "offline",
        "input_tokens": 1000,
        "output_tokens": 1000,
        "measured": {"output_tokens_per_s": 20_000},
    }
    return base | changes


def test_every_row_is_predicted_within_the_recorded_accuracy() -> None:
    errors = [abs(o.error) if o.error is not None else math.inf for o in outcomes()]
    assert len(errors) == 429
    assert math.inf not in errors
    assert median(errors) <= 0.11
    assert sum(e <= 0.5 for e in errors) / len(errors) >= 0.96
    inside = [o.covered for o in outcomes()]
    assert 0.75 <= sum(c is True for c in inside) / len(inside) <= 0.95


def test_the_model_keeps_the_order_of_scenarios_and_lengths() -> None:
    def tokens(**changes: Any) -> float:
        found = predict_inference(row(**changes), catalog()).predicted
        assert found is not None
        return found

    server = {"scenario": "server", "slo": {"ttft_ms_p99": 2000, "tpot_ms_p99": 100}}
    interactive = {"scenario": "interactive", "slo": {"ttft_ms_p99": 450, "tpot_ms_p99": 30}}
    assert tokens() >= tokens(**server) > tokens(**interactive)
    assert tokens(input_tokens=200) > tokens() > tokens(input_tokens=8000)
    assert tokens(kv_precision="fp8") > tokens(kv_precision="bf16")
    assert tokens(accelerator="h200-sxm5") > tokens()


def test_a_model_is_known_by_name_spelling_shape_or_size() -> None:
    known = predict_inference(row(), catalog())
    spelled = predict_inference(row(model="meta-llama/Llama-3.1-70B-Instruct"), catalog())
    shape = {"layers": 80, "hidden": 8192, "heads": 64, "kv_heads": 8, "ffn": 28_672, "vocab": 128_256}
    inline = predict_inference(row(model="somebody-new", **shape), catalog())
    sized = predict_inference(row(model="somebody-new-70b"), catalog())
    assert known.predicted == spelled.predicted
    assert inline.predicted == pytest.approx(known.predicted, rel=0.05)
    assert sized.predicted == pytest.approx(known.predicted, rel=0.4)
    assert known.low and sized.low and known.predicted and sized.predicted
    assert sized.low / sized.predicted < known.low / known.predicted  # a guessed shape has a wider range
    sparse = predict_inference(row(model="somebody-new-235b-a22b"), catalog())
    assert sparse.family.endswith("moe")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("H100-SXM-80GB", "h100-sxm5"),
        ("NVIDIA H200-NVL-141GB", "h200-nvl"),
        ("B200-SXM-180GB", "b200-sxm6"),
        ("A100-PCIe-40GB", "a100-pcie-40gb"),
    ],
)
def test_a_card_is_known_by_its_description(text: str, part: str) -> None:
    found = accelerator_of({"gpu": text}, catalog())
    assert not isinstance(found, str) and found.id == part


@pytest.mark.parametrize("text", ["H100-SXM-96GB", "H9000", "A400", "SXM-80GB", "80GB", "GB300", ""])
def test_a_description_of_no_part_or_of_several_takes_nobodys_numbers(text: str) -> None:
    assert isinstance(accelerator_of({"gpu": text}, catalog()), str)


def test_times_are_inverted() -> None:
    first = row(scenario="latency_prefill", batch=1, output_tokens=1, measured={"ttft_ms": 50})
    fast = predict_inference(first, catalog())
    assert fast.predicted and fast.error is not None and fast.low and fast.high
    assert fast.error == pytest.approx(50 / fast.predicted - 1)
    assert fast.low < fast.predicted < fast.high


@pytest.mark.parametrize(
    "broken",
    [
        {"model": None},
        {"model": {"name": "x", "layers": -3, "hidden": "wide"}},
        {"model": "nobody"},
        {"accelerator": "h9000"},
        {"accelerator": None},
        {"accelerator": ["h100-sxm5"]},
        {"measured": None},
        {"measured": {}},
        {"measured": {"output_tokens_per_s": "soon"}},
        {"measured": {"output_tokens_per_s": 0}},
        {"measured": [1, 2]},
        {"gpu_count": 0},
        {"gpu_count": -8},
        {"gpu_count": "many"},
        {"gpu_count": 1e300},
        {"precision": None},
        {"precision": 7},
        {"precision": "fp1"},
        {"scenario": "by moonlight"},
        {"input_tokens": -5},
        {"input_tokens": "mixed"},
        {"output_tokens": 1e30},
        {"input_tokens": float("nan")},
        {"slo": "fast"},
        {"slo": {"ttft_ms_p99": -1}},
        {"slo": {"tpot_ms_p99": 1e-9}, "scenario": "server"},
        {"parallelism": {"tp": 0}},
        {"parallelism": {"tp": "all", "pp": []}},
        {"parallelism": {"tp": 3, "ep": 5}},
        {"parallelism": {"layer_split": 1_000_000}},
        {"batch": -3},
        {"batch": 10**9},
        {"date": "yesterday"},
        {"date": 99999999},
        {"engine": ["vLLM"]},
        {"interconnect": {"a": 1}},
        {"source": 5},
        {"id": None},
    ],
)
def test_nonsense_gets_a_reason_or_a_prediction_and_never_an_error(broken: dict[str, Any]) -> None:
    found = predict_inference(row(**broken), catalog())
    assert (found.reason is None) != (found.predicted is None)
    if found.predicted is not None:
        assert math.isfinite(found.predicted) and found.predicted > 0
        assert found.low is not None and found.high is not None
        assert found.low <= found.predicted <= found.high


def test_missing_fields_are_filled_and_an_empty_row_has_a_reason() -> None:
    least = {"id": "x", "model": "qwen3-32b", "accelerator": "l40s", "measured": {"output_tokens_per_s": 900}}
    assert predict_inference(least, catalog()).predicted
    assert predict_inference({}, catalog()).reason


# -- measured work -----------------------------------------------------------------------------------------------
def test_a_row_of_other_work_is_never_predicted_by_itself() -> None:
    for one, found in zip(rows(), outcomes(), strict=True):
        if one["id"].startswith("mlperfi-41-bert99-offline-h100-x8"):
            assert found.predicted and found.measured
            assert found.predicted != pytest.approx(found.measured, rel=1e-6)
            return
    raise AssertionError("the row is gone")


def test_unmeasured_parts_follow_a_written_rule() -> None:
    def rate(part: str, work: str = "resnet50") -> Any:
        return published_rate(catalog(), WorkQuery(work, "inference", part))

    h100, h20, a800, a100 = rate("h100-sxm5"), rate("h20-sxm5"), rate("a800-sxm4-80gb"), rate("a100-sxm4-80gb")
    assert not h100.estimate and h20.estimate and a800.estimate
    # fused-off arithmetic: 296 of 1979 TOPS, whatever the power limit says
    assert h20.typical == pytest.approx(h100.typical * 296 / 1978.9, rel=0.35)
    assert a800.typical == pytest.approx(a100.typical, rel=0.01)
    assert h20.high / h20.low > h100.high / h100.low
    assert isinstance(rate("gaudi2-oam", "dlrm-dcnv2"), Rejection) or rate("gaudi2-oam", "dlrm-dcnv2").estimate
    nowhere = published_rate(catalog(), WorkQuery("mask-rcnn", "inference", "mi300x"))
    assert isinstance(nowhere, Rejection)
    assert "no inference result" in nowhere.message


def test_server_is_at_most_offline() -> None:
    for work in ("resnet50", "bert-large", "sdxl", "dlrm-dcnv2"):
        between = scenario_ratio(catalog(), WorkQuery(work, "inference", "h100-sxm5"))
        assert 0.5 < between["low"] <= between["typical"] <= between["high"] < 1.25
        assert between["typical"] <= 1.0
