"""Rows of inference measurements as people write them: other spellings, missing fields, other figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.accuracy.cases import predict, read_cases
from planner.accuracy.figures import figure
from planner.accuracy.inference import accelerator_of, case_of
from planner.accuracy.outcome import Outcome
from planner.accuracy.shapes import model_of
from planner.accuracy.stated import drafts_of, prefix_of, scenario_name, split_of, targets_of
from planner.accuracy.weights import Weights, cache_bits, weights_named, weights_stated
from planner.catalog import Catalog
from planner.cli import app
from planner.errors import InputError


@cache
def catalog() -> Catalog:
    return Catalog.load()


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
    return {k: v for k, v in (base | changes).items() if v != "missing"}


def outcome(**changes: Any) -> Outcome:
    return predict("inference", row(**changes), catalog())


def rate(**changes: Any) -> float:
    found = outcome(**changes)
    assert found.predicted is not None, found.reason
    return found.predicted


# -- precisions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "moe", "expected"),
    [
        ("FP8_E4M3", False, ("fp8", 1.0, 1.0)),
        ("fp8, bf16 attention", True, ("fp8", 1.0, 1.0)),
        ("nvfp4 experts, fp8 attention", True, ("fp4", 0.5625, 1.0)),
        ("mxfp4 weights; fp8 where the table says so", True, ("fp4", 0.53, 2.0)),
        ("int4 (AWQ)", False, ("int4", 0.56, 0.56)),
        ("W4A16", False, ("int4", 0.56, 0.56)),
        ("4-bit", False, ("int4", 0.56, 0.56)),
        ("w4a8", False, ("int8", 0.56, 0.56)),
        ("w8a8", False, ("int8", 1.0, 1.0)),
        ("int8 weights, fp16", False, ("bf16", 1.0, 1.0)),
        ("Float16", False, ("bf16", 2.0, 2.0)),
        ("bf16 weights, fp8 kv cache", False, ("bf16", 2.0, 2.0)),
        ("q4_k_m (4.8 bit)", False, ("int4", 0.6, 0.6)),
        ("Q8_0", False, ("fp16", 1.0625, 1.0625)),
    ],
)
def test_precisions_are_read_as_people_write_them(text: str, moe: bool, expected: tuple[str, float, float]) -> None:
    found = weights_named(text, moe)
    assert found is not None
    assert (found.precision, found.experts, found.dense) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "mixed", "not stated", "unknown", "fp1"])
def test_words_that_name_no_precision_name_none(text: str) -> None:
    assert weights_named(text, moe=False) is None


@pytest.mark.parametrize(
    ("fields", "bits"),
    [
        ({}, None),
        ({"precision": "fp8"}, None),
        ({"kv_precision": "fp8"}, 8),
        ({"kv_precision": "bf16"}, 16),
        ({"kv_precision": "6-bit quantised"}, 6),
        ({"precision": "nvfp4 weights, fp8 kv"}, 8),
        ({"precision": "fp8", "kv_precision": "int4"}, 4),
    ],
)
def test_the_cache_is_as_wide_as_stated(fields: dict[str, Any], bits: float | None) -> None:
    assert cache_bits(fields) == bits


def test_the_size_of_the_weights_decides_where_it_is_given_and_plausible() -> None:
    named = Weights("int4", 0.6, 0.6)
    assert weights_stated({"weights_gb": 39.59}, named, 70.6e9).dense == pytest.approx(0.602, abs=1e-3)
    assert weights_stated({"weights_gb": 500}, named, 70.6e9) is named  # of another model, or a slip


@pytest.mark.parametrize("precision", ["missing", "mixed", "not stated"])
def test_a_row_without_precision_gets_one_that_its_cards_hold(precision: str) -> None:
    assert rate(precision=precision, gpu_count=2) > 0
    case = case_of(row(precision=precision, gpu_count=1), catalog())
    assert not isinstance(case, str)
    assert case.row["precision"] == "fp4"  # 70 GB in 8 bit leave nothing of 80


# -- figures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"output_tokens_per_s": 5, "latency_s": 3}, ("output_tokens_per_s", 5, False)),
        ({"output_tokens_per_s_per_gpu": 5}, ("output_tokens_per_s", 40, False)),
        ({"total_tokens_per_s": 9, "samples_per_s": 1}, ("total_tokens_per_s", 9, False)),
        ({"output_tokens_per_s_per_node": 5, "samples_per_s": 2}, ("samples_per_s", 2, False)),
        ({"output_tokens_per_s_per_node": 5}, ("output_tokens_per_s", 10, False)),
        ({"tokens_per_s": "12,345"}, ("output_tokens_per_s", 12_345, False)),
        ({"tokens_per_s": "12k"}, ("output_tokens_per_s", 12_000, False)),
        ({"requests_per_s": 4}, ("samples_per_s", 4, False)),
        ({"ttft_ms": 80, "tpot_ms": 9}, ("ttft_ms", 80, True)),
        ({"tpot_ms": 9}, ("tpot_ms", 9, True)),
        ({"ttft_s": 0.3}, ("ttft_ms", 300, True)),
        ({"latency_ms": 1500}, ("latency_s", 1.5, True)),
        ({"tokens_per_s_per_user": 20}, ("tpot_ms", 50, True)),
        ({"prefill_tokens_per_s": 7}, ("prefill_tokens_per_s", 7, False)),
        ({"vendor_result": 7}, None),
    ],
)
def test_the_first_figure_of_the_facts_order_is_compared(measured: dict[str, Any], expected: Any) -> None:
    assert figure({"gpu_count": 8, "nodes": 2, "measured": measured}) == (pytest.approx(expected) if expected else None)


def test_rates_per_card_per_node_and_of_the_system_agree() -> None:
    whole = outcome(gpu_count=16, measured={"output_tokens_per_s": 32_000})
    card = outcome(gpu_count=16, measured={"output_tokens_per_s_per_gpu": 2000})
    node = outcome(gpu_count=16, nodes=2, measured={"output_tokens_per_s_per_node": 16_000})
    assert whole.error == pytest.approx(card.error) == pytest.approx(node.error)


def test_times_answer_the_way_rates_do() -> None:
    small, large = (outcome(concurrency=n, scenario="online", measured={"tpot_ms": 20}) for n in (8, 256))
    assert small.predicted and large.predicted and small.predicted < large.predicted
    short, long = (
        outcome(batch=1, scenario="latency_prefill", input_tokens=n, measured={"ttft_ms": 50}) for n in (500, 8000)
    )
    assert short.predicted and long.predicted and 5 * short.predicted < long.predicted


# -- scenarios, splits, targets ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, "offline"),
        ("Offline", "offline"),
        ("SingleStream", "single_stream"),
        ("single stream", "single_stream"),
        ("prefill", "prefill_only"),
        ("Low latency", "min_latency"),
        ("static_batch", "static_batch"),
        ("by moonlight", "by_moonlight"),
    ],
)
def test_scenarios_have_one_spelling(text: str | None, name: str) -> None:
    assert scenario_name({"scenario": text}) == name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tp": 8, "ep": "not stated"}, {"tp": 8, "ep": None}),
        ({"TP": 4, "PP": "2"}, {"tp": 4, "pp": 2}),
        ("tp=4, pp=2", {"tp": 4, "pp": 2}),
        ("TP8", {"tp": 8}),
        ({"dp": 8, "ep": 8}, {"ep": 8, "dp_attention": 8}),
        ({"prefill": {"tp": 4}, "decode": {"tp": 8}}, {"tp": 8}),
        ("not stated", {}),
        ([8, 1], {}),
        (None, {}),
    ],
)
def test_splits_are_read_from_mappings_and_text(given: Any, expected: Mapping[str, int | None]) -> None:
    assert split_of({"parallelism": given}) == expected


def test_a_split_that_cannot_hold_the_model_is_left_aside() -> None:
    assert rate(model="llama3.1-405b", parallelism={"tp": 1}) == pytest.approx(rate(model="llama3.1-405b"))


@pytest.mark.parametrize(
    ("slo", "expected"),
    [
        ({"ttft_ms_p99": 2000, "tpot_ms_p99": 80}, (2.0, 0.08)),
        ({"ttft_ms": 500, "tpot_ms_mean": 48}, (0.5, 0.048)),
        ({"ttft_s": 2, "itl_ms_p95": 50}, (2.0, 0.05)),
        ({"latency_ms_p99": 20_000}, (20.0, None)),
        ({"latency_s": 4}, (4.0, None)),
        ({}, (None, None)),
    ],
)
def test_targets_are_read_whatever_their_percentile(slo: dict[str, float], expected: Any) -> None:
    assert targets_of({"slo": slo}) == pytest.approx(expected)


@pytest.mark.parametrize("scenario", ["offline", "server", "interactive", "online", "prefill_only", "decode_only"])
@pytest.mark.parametrize(
    "measured",
    [{"output_tokens_per_s": 9000}, {"input_tokens_per_s": 9000}, {"total_tokens_per_s": 9000}, {"ttft_ms": 100}],
)
def test_every_scenario_answers_for_every_figure(scenario: str, measured: dict[str, float]) -> None:
    slo = {"ttft_ms_p99": 2000, "tpot_ms_p99": 80}
    assert rate(scenario=scenario, measured=measured, slo=slo) > 0


# -- drafts and prefixes -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (0, 0.0)),
        ({"notes": "MTP with 3 draft tokens"}, (3, 0.8)),
        ({"notes": "with speculative acceleration"}, (1, 0.8)),
        ({"notes": "without speculative decoding"}, (0, 0.0)),
        ({"notes": "no MTP"}, (0, 0.0)),
        ({"speculative": {"draft_tokens": 4, "acceptance": 0.6}}, (4, 0.6)),
        ({"draft_tokens": 2, "acceptance": 75}, (2, 0.75)),
        ({"draft_tokens": 10_000}, (0, 0.0)),
    ],
)
def test_drafts_are_stated_or_told_in_the_notes(fields: dict[str, Any], expected: Any) -> None:
    assert drafts_of(fields) == pytest.approx(expected)


def test_drafts_help_one_request_most_and_nobody_when_none_is_kept() -> None:
    def gain(batch: int, kept: float) -> float:
        asked = {"concurrency": batch, "scenario": "online", "draft_tokens": 3, "acceptance": kept}
        return rate(**asked) / rate(concurrency=batch, scenario="online")

    assert 1.5 < gain(1, 0.8) < 3.0
    assert gain(512, 0.8) < gain(1, 0.8)
    assert gain(1, 0.0) < 1.0


def test_a_cached_prefix_answers_more_requests() -> None:
    assert rate(input_tokens=8000, prefix_share=0.7) > 1.2 * rate(input_tokens=8000)
    assert prefix_of({"prefix_share": 70}) == pytest.approx(0.7)


# -- values react sensibly ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", ["llama3.1-8b", "llama3.1-70b", "deepseek-v3", "gpt-oss-120b", "qwen3-235b-a22b"])
def test_more_at_once_longer_prompts_and_fewer_cards_do_what_they_must(model: str) -> None:
    fixed: dict[str, Any] = {"model": model, "accelerator": "b200-sxm6", "scenario": "online"}
    many = [rate(**fixed, concurrency=n) for n in (1, 4, 16, 64, 256)]
    assert many == sorted(many)
    assert many[0] < many[-1] < 256 * many[0]
    prompts = [rate(**fixed, concurrency=64, input_tokens=n) for n in (128, 1000, 8000, 32_000)]
    assert prompts == sorted(prompts, reverse=True)
    cards = [rate(**fixed, gpu_count=n, concurrency=8, precision="nvfp4", parallelism={"tp": n}) for n in (4, 8)]
    assert cards[0] < cards[1] < 2.0 * cards[0]  # one replica over more cards is faster, but not in proportion


# -- names -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-sxm5"),
        ("AMD Instinct MI300X", "mi300x"),
        ("RTX-PRO-6000-Blackwell-96GB", "rtx-pro-6000-se"),
        ("a100-80gb", "a100-sxm4-80gb"),
    ],
)
def test_descriptions_of_cards(text: str, part: str) -> None:
    found = accelerator_of({"accelerator": text}, catalog())
    assert not isinstance(found, str) and found.id == part


@pytest.mark.parametrize("text", ["RTX-3090", "Arc-Pro-B60-Dual-48GB", "A10G", "Trainium2", "blackwell", "NVIDIA GPU"])
def test_cards_that_nobody_knows_take_no_figures_of_others(text: str) -> None:
    found = outcome(accelerator=text)
    assert found.predicted is None and found.reason and "not in the catalog" in found.reason


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("DeepSeek-R1-0528", "deepseek-r1"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"),
        ("llama2-70b-99.9", "llama2-70b"),
        ("GPT-J", "gptj-6b"),
        ("LLaMA-7B", "llama1-7b"),
        ("Llama-4-Maverick-17B-128E-Instruct-FP8", "llama4-maverick"),
    ],
)
def test_models_by_their_long_names(text: str, model: str) -> None:
    found = model_of({"model": text}, catalog())
    assert not isinstance(found, str)
    assert (found[0].id, found[1]) == (model, False)


# -- files -----------------------------------------------------------------------------------------------------------
def test_a_list_a_mapping_and_json_are_one_file(tmp_path: Path) -> None:
    rows = [row(id="a"), row(id="b", check="skip"), row(id="c", accelerator="rtx-3090"), row(id="d", kind="inference")]
    answers = []
    for name, data in (("list.json", rows), ("rows.json", {"kind": "inference_benchmarks", "rows": rows})):
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
        result = CliRunner().invoke(app, ["validate", "--cases", str(tmp_path / name), "--json"])
        assert result.exit_code == 0, result.output
        answers.append(json.loads(result.stdout))
    assert answers[0] == answers[1]
    assert answers[0]["skipped"] == ["b"]
    found = {r["id"]: r for r in answers[0]["rows"]}
    assert set(found) == {"a", "c", "d"}
    assert found["a"]["low"] < found["a"]["predicted"] < found["a"]["high"]
    assert found["c"]["predicted"] is None and "rtx-3090" in found["c"]["reason"]


def test_mistakes_in_a_list_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text("- {id: a, model: llama3.1-8b, measured: fast}\n- 7\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_cases(file)
    assert [m.line for m in raised.value.mistakes] == [1, 2]
