"""Training times against published measurements, and what must hold for any training job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner import demand
from planner.accuracy.cases import bundled, predict, read_cases
from planner.accuracy.report import behind, by_family, recorded
from planner.accuracy.training import Case, case_of, predict_training
from planner.catalog import Catalog
from planner.demand.steptime import Spread, work_of
from planner.demand.types import Rate
from planner.demand.upkeep import Speed, upkeep
from planner.errors import InputError, Rejection
from planner.parts import FabricLink, NodeBuild
from planner.request import Achieved, InlineModel, LayoutTerms, Request, Workload
from planner.storage_need import checkpoint_speed
from planner.worked import checkpoint_words


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def node(catalog: Catalog, accelerator: str, cards: int = 8) -> NodeBuild:
    """A bare node: sizing looks at accelerators, links and ports only."""
    part = catalog.accelerators[accelerator]
    return NodeBuild(
        id="node",
        chassis="any",
        accelerator=accelerator,
        accelerators=cards,
        lines=(),
        cpu=None,
        cpus=2,
        cpu_cores=96,
        memory_gb=2048,
        nvme_tb=30,
        nic=None,
        compute_ports=8,
        compute_gbps=400,
        compute_technologies=("infiniband",),
        storage_ports=2,
        storage_gbps=200,
        inband_ports=2,
        inband_gbps=100,
        oob_ports=1,
        scale_up_domain=part.scale_up.domain,
        scale_up_gb_per_s=part.scale_up.gb_per_s,
        max_power_kw=10,
        typical_power_kw=8,
        rack_units=8,
        weight_kg=130,
        cooling="air",
    )


def train(
    catalog: Catalog, accelerator: str, nodes: int, gbps: float = 3200.0, ratio: float = 1.0, **work: Any
) -> Rate | Rejection:
    tokens = work.pop("tokens", 1e12)
    workload = Workload.model_validate(
        {"name": "w", "kind": "training", "tokens": tokens, "within_days": 30, **work}, strict=False
    )
    link = FabricLink(technology="infiniband", gbps_per_node=gbps, oversubscription=ratio)
    return demand.rate(workload, node(catalog, accelerator), link, nodes, catalog)


def rate(found: Rate | Rejection) -> Rate:
    assert isinstance(found, Rate), found
    return found


# -- known runs ------------------------------------------------------------------------------------------------------
def days(found: Rate, tokens: float) -> tuple[float, float, float]:
    return tuple(tokens / r / 86_400 for r in (found.high, found.value, found.low))  # type: ignore[return-value]


def test_gpt3_on_1024_a100_takes_about_34_days_with_the_layout_of_its_paper(catalog: Catalog) -> None:
    stated = LayoutTerms(tensor=8, pipeline=16, recompute="full")
    work: dict[str, Any] = {
        "model": "gpt3-175b",
        "sequence_length": 2048,
        "global_batch_tokens": 1536 * 2048,
        "tokens": 300e9,
    }
    fastest, typical, slowest = days(rate(train(catalog, "a100-sxm4-80gb", 128, 1600, layout=stated, **work)), 300e9)
    assert fastest < 34 < slowest
    assert 0.88 < typical / 34 < 1.12


def test_llama_405b_on_16384_h100_encloses_the_published_hours(catalog: Catalog) -> None:
    found = rate(train(catalog, "h100-sxm5", 2048, model="llama3.1-405b", tokens=15.6e12))
    hours = [15.6e12 / r / 3600 * 16_384 for r in (found.high, found.low)]
    assert hours[0] < 30.84e6 < hours[1]
    assert 0.88 < 15.6e12 / found.value / 3600 * 16_384 / 30.84e6 < 1.12


def test_deepseek_v3_on_2048_h800_encloses_its_2664_thousand_hours(catalog: Catalog) -> None:
    found = rate(
        train(
            catalog,
            "h800-sxm5",
            256,
            model="deepseek-v3",
            precision="fp8",
            sequence_length=4096,
            global_batch_tokens=15_360 * 4096,
            tokens=14.8e12,
        )
    )
    hours = [14.8e12 / r / 3600 * 2048 for r in (found.high, found.low)]
    assert hours[0] < 2.664e6 < hours[1]
    assert 14.8e12 / found.value / 3600 * 2048 < 1.3 * 2.664e6  # kernels of its own; the model expects the usual


def test_no_family_falls_behind_its_record_and_training_meets_its_bands(catalog: Catalog) -> None:
    outcomes = [predict(kind, row, catalog) for kind, row in bundled(catalog)]
    summaries = by_family(outcomes)
    assert not behind(summaries, recorded(catalog))
    training = next(s for s in summaries if s.family == "training")
    assert training.rows == 371 and training.missed == 0
    assert training.median is not None and training.median <= 0.08
    assert training.within >= 0.9
    assert training.covered is not None and 0.75 <= training.covered <= 0.92
    unseen = catalog.table("benchmarks/training")["recorded"]["cited_source_left_out"]
    assert unseen["median"] <= 0.08 and unseen["within_25_percent"] >= 0.9


def test_a_family_that_gets_worse_or_vanishes_is_told(catalog: Catalog) -> None:
    rows = [row for kind, row in bundled(catalog) if kind == "training"][:30]
    summaries = by_family([predict("training", row, catalog) for row in rows])
    name = summaries[1].family
    assert behind(summaries, {name: {"rows": 9, "missed": 0, "median": 0.0001}})
    assert behind(summaries, {"training nobody": {"rows": 1, "missed": 0, "median": 0.1}})


# -- what must hold for any job -----------------------------------------------------------------------------------
def test_fewer_adapters_and_oversubscription_cost_time(catalog: Catalog) -> None:
    for model, precision in (("llama3.1-70b", "bf16"), ("deepseek-v3", "fp8")):
        speeds = [
            rate(train(catalog, "h100-sxm5", 32, g, o, model=model, precision=precision)).value
            for g, o in ((3200, 1), (3200, 2), (1600, 1), (400, 1))
        ]
        assert speeds[0] > speeds[1] >= speeds[3] and speeds[0] > speeds[2] > speeds[3]


def test_cards_without_links_lose_more_than_their_peak_says(catalog: Catalog) -> None:
    sxm = rate(train(catalog, "h100-sxm5", 8, model="llama3.1-70b"))
    pcie = rate(train(catalog, "h100-pcie", 8, model="llama3.1-70b"))
    peaks = [catalog.accelerators[a].dense_tflops["bf16"] for a in ("h100-pcie", "h100-sxm5")]
    assert pcie.value / sxm.value < peaks[0] / peaks[1]


def test_more_nodes_never_train_slower(catalog: Catalog) -> None:
    speeds = [rate(train(catalog, "h100-sxm5", n, model="llama3.1-8b")).value for n in (1, 2, 3, 5, 8, 17, 32, 64, 200)]
    assert speeds == sorted(speeds)


def test_a_model_that_cannot_fit_says_which_memory_and_what_would_help(catalog: Catalog) -> None:
    found = train(catalog, "h100-sxm5", 1, model="llama3.1-405b")
    assert isinstance(found, Rejection) and found.rule == "memory-fit"
    assert "optimizer states" in found.message and "such nodes hold it" in found.message and "lora" in found.message


def test_adapters_need_less_memory_and_time_than_full_training(catalog: Catalog) -> None:
    full = rate(train(catalog, "h100-sxm5", 4, model="llama3.1-70b", method="finetuning"))
    lora = rate(train(catalog, "h100-sxm5", 4, model="llama3.1-70b", method="lora"))
    assert lora.value > 1.2 * full.value
    assert isinstance(rate(train(catalog, "h100-sxm5", 1, model="llama3.1-70b", method="lora")), Rate)


def test_time_with_achieved_throughput_given_is_arithmetic(catalog: Catalog) -> None:
    given = Achieved(tflops_per_accelerator=400.0)
    found = rate(train(catalog, "h100-sxm5", 128, model="llama3.1-70b", tokens=1e12, achieved=given))
    # 6·N·D + attention, by hand: N = 69.5e9 without the input table, 80 layers of width 8192 at 8,192 tokens
    flops = 6 * catalog.models["llama3.1-70b"].flop_params_b * 1e9 + 6 * 80 * 8192 * 8192  # type: ignore[operator]
    by_hand = 1e12 * flops / (1024 * 400e12) / 86_400
    assert found.details["days"] == pytest.approx(by_hand, rel=0.02)


def test_a_described_model_is_sized_like_the_catalog_one(catalog: Catalog) -> None:
    described = InlineModel(parameters=8.03e9, layers=32, hidden=4096, heads=32, kv_heads=8, ffn=14336, vocab=128256)
    own = rate(train(catalog, "h100-sxm5", 4, model=described, sequence_length=8192)).value
    assert own == pytest.approx(rate(train(catalog, "h100-sxm5", 4, model="llama3.1-8b")).value, rel=0.02)


def test_ranges_are_wider_for_what_nobody_measured(catalog: Catalog) -> None:
    def width(accelerator: str, model: str = "llama3.1-70b", **work: Any) -> float:
        found = rate(train(catalog, accelerator, 16, model=model, **work))
        return found.high / found.low

    known = width("h100-sxm5")
    assert width("gaudi3-oam") > width("h100-sxm5", precision="fp32") > known
    assert rate(train(catalog, "gaudi3-oam", 16, model="llama3.1-70b")).unproven
    assert not rate(train(catalog, "h100-sxm5", 16, model="llama3.1-70b")).unproven


def test_checkpoints_are_written_with_the_speed_of_the_storage(catalog: Catalog) -> None:
    """Written behind the run: never worse than waiting, and the better the faster; 0 is no speed that is known."""
    shares = [upkeep(16_384, 405e9, storage=Speed(gb, 0.0, "as asked")) for gb in (2.0, 20.0, 176.0, 2000.0)]
    assert [s.useful for s in shares] == sorted(s.useful for s in shares) and shares[0].useful < shares[-1].useful - 0.1
    assert all(s.useful >= s.useful_waiting and s.interval_s >= s.write_s >= s.stall_s for s in shares)
    assert shares[1].useful_waiting == upkeep(16_384, 405e9, 20.0).useful
    assert upkeep(16_384, 405e9, storage=Speed(0.0, 0.0, "as asked")).useful == upkeep(16_384, 405e9).useful
    by_profile = [upkeep(n, 405e9, storage=Speed(2.0, 7 / 256, "profile good")).gb_per_s for n in (8, 16_384)]
    assert by_profile == [2.0, 448.0]
    # 1 / (1 + C/τ + (τ/2 + W − C + R)/M), by hand: 70 B on 1,024 at 5 GB/s
    between, write, stop = 86_400 / (4.7e-4 * 1024), 70e9 * 14 / 5e9, 15.0
    tau = (2 * stop * between) ** 0.5
    useful = 1 / (1 + stop / tau + (tau / 2 + write - stop + 300) / between)
    assert upkeep(1024, 70e9, storage=Speed(5.0, 0.0, "")).useful == pytest.approx(useful, rel=1e-12)


@pytest.mark.parametrize("storage", [None, {"usable_tb": 100}, {"usable_tb": 100, "profile": "good"}])
def test_a_storage_block_decides_the_useful_share(catalog: Catalog, storage: dict[str, Any] | None) -> None:
    work = {"name": "w", "kind": "training", "model": "llama3.1-405b", "tokens": 1e13, "within_days": 30}
    site = {"country": "US", "it_power_kw": 90_000}
    request = Request.model_validate({"site": site, "workloads": [work], "storage": storage}, strict=False)
    speed = checkpoint_speed(catalog, request)
    link = FabricLink(technology="infiniband", gbps_per_node=3200.0)
    found = [
        rate(demand.rate(request.workloads[0], node(catalog, "h100-sxm5"), link, 512, catalog, storage=s))
        for s in (speed, Speed(1.0, 0.0, "as asked"))
    ]
    details = found[0].details
    assert found[0].value > found[1].value
    if storage is None:
        assert speed is None and details["checkpoint_write_gb_per_s"] is None
    elif "profile" in storage:
        assert details["checkpoint_write_gb_per_s"] == pytest.approx(7 * 4096 / 256)
    else:  # the checkpoint rule: all states within ten minutes
        assert details["checkpoint_write_s"] == pytest.approx(600, rel=0.02)
    said = checkpoint_words(details)
    assert said is not None and ("no write speed is known" in said[0]) == (storage is None)
    assert "e+" not in said[0] and f"{details['useful_share']:.1%}" in said[1]


def test_slow_checkpoint_storage_and_scale_cost_useful_time() -> None:
    quick, slow = upkeep(16_384, 405e9, 176.0), upkeep(16_384, 405e9, 20.0)
    assert quick.useful > slow.useful and upkeep(1024, 405e9, 20.0).useful > slow.useful
    assert upkeep(16_384, 405e9).useful > 0.9  # Llama 3.1 reports more than 90 %
    assert quick.checkpoint_gb == pytest.approx(5670)


# -- files of cases --------------------------------------------------------------------------------------------------
GOOD = """
kind: training_runs
rows:
  - {id: a, model: llama3.1-8b, accelerator: h100-sxm5, gpu_count: 64, precision: bf16, seq_len: 8192,
     global_batch_sequences: 1024, measured: {tokens_per_s: 680000}}
  - {id: b, model: someone-13b, accelerator: h200-sxm5, gpu_count: 8, measured: {tokens_per_s_per_gpu: 4000}}
  - {id: c, model: {layers: 32, hidden: 4096, heads: 32}, accelerator: mi300x, gpu_count: 16, task: sft,
     measured: {iteration_s: 9.0}}
  - {id: d, model: mystery, accelerator: h100-sxm5, gpu_count: 8, measured: {tokens_per_s: 1}}
  - {id: e, model: llama3.1-8b, accelerator: no-such-card, gpu_count: 8, measured: {tokens_per_s: 1}}
  - {id: f, model: llama3.1-8b, accelerator: h100-sxm5, gpu_count: eight, measured: {mfu_pct: 40}}
  - {id: g, model: llama3.1-8b, accelerator: h100-sxm5, gpu_count: 8}
  - {id: h, model: llama3.1-70b, accelerator: h100-sxm5, gpu_count: 512, tokens_trained: 1.0e12,
     achieved: {mfu_pct: 40}, measured: {wall_clock_days: 28.0}}
"""


def test_rows_of_a_user_come_back_with_figures_or_a_reason(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(GOOD, encoding="utf-8")
    found = {o.id: o for o in (predict(kind, row, catalog) for kind, row in read_cases(file))}
    assert abs(found["a"].error or 9) < 0.2
    for name in "abch":
        o = found[name]
        assert o.predicted and o.low and o.high and o.low < o.predicted < o.high, name
    for name in "deg":
        assert found[name].reason and found[name].error is None, name
    width = {n: (found[n].high or 0) / (found[n].predicted or 1) for n in "ab"}
    assert width["b"] > width["a"]  # a shape guessed from the size is less sure
    assert json.dumps([o.as_json() for o in found.values()])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("- 1\n", "expected keys"),
        ("rows: 3\n", "rows: expected"),
        ("kind: shopping\nrows:\n  - {id: a}\n", "kind: expected"),
        ("rows:\n  - nonsense\n", "expected keys and values"),
        ("rows:\n  - {id: a, measured: fast}\n", "measured: expected figures"),
        ("rows:\n  - {id: a, measured: {x: 1}}\n  - {id: a, measured: {x: 1}}\n", "is also the id"),
        ("rows: [{id: a, measured: {\n", "not valid YAML"),
        ("rows: &a\n  - *a\n", "nested"),
    ],
)
def test_bad_files_of_cases_are_input_errors(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=word):
        read_cases(file)


@pytest.mark.parametrize("count", [-8, 0, 1e300, "many", None, [1], {"a": 1}, True])
@pytest.mark.parametrize("key", ["gpu_count", "seq_len", "global_batch_sequences", "nodes", "parallelism", "precision"])
def test_absurd_fields_never_raise(catalog: Catalog, key: str, count: object) -> None:
    row = {
        "id": "x",
        "model": "llama3.1-8b",
        "accelerator": "h100-sxm5",
        "gpu_count": 8,
        "measured": {"tokens_per_s": 9e4},
    }
    found = predict("training", {**row, key: count}, catalog)
    assert found.reason or found.predicted


def test_sizes_that_a_row_states_count(catalog: Catalog) -> None:
    row = {
        "id": "x",
        "model": "llama3.1-8b",
        "accelerator": "h200-sxm5",
        "gpu_count": 64,
        "global_batch_sequences": 128,
        "seq_len": 32_768,
        "parallelism": {"fsdp": 64},
        "date": "2025-06",
        "measured": {"tokens_per_s": 1e5},
    }

    def speed(**fields: object) -> float:
        found = predict_training({**row, **fields}, catalog).predicted
        assert found
        return found

    # PyTorch repeats half of the products, Megatron the attention core only; early attention was slower
    assert speed(recompute="full") < speed(recompute="selective") < speed(recompute="none")
    assert speed(date="2023-05") < 0.9 * speed(date="2024-05")
    piped = {"tp": 1, "pp": 8}
    plain, chunks = (speed(parallelism={**piped, "vp": v}, seq_len=8192) for v in (1, 4))
    assert plain < speed(parallelism=piped, seq_len=8192) <= chunks


def test_experts_cost_what_they_are(catalog: Catalog) -> None:
    def hours(**fields: object) -> float:
        row = {
            "id": "x",
            "model": "deepseek-v3",
            "accelerator": "h100-sxm5",
            "gpu_count": 1024,
            "global_batch_sequences": 8192,
            "seq_len": 4096,
            "precision": "fp8",
            "parallelism": {"tp": 1, "pp": 8, "vp": 4, "ep": 64},
            "measured": {"tokens_per_s": 1e6},
            **fields,
        }
        found = predict_training(row, catalog).predicted
        assert found
        return 1.0 / found

    # narrower links between nodes slow the exchange down, and a large share of the step is not the network
    slow = hours(interconnect="8x 100G per node")
    assert 1.05 < slow / hours() < 4.0


def test_a_router_that_limits_nodes_saves_exchange_and_dense_models_have_none(catalog: Catalog) -> None:
    row = {"id": "x", "accelerator": "h100-sxm5", "gpu_count": 1024, "measured": {"tokens_per_s": 1e6}}
    spread = Spread(1.0, 8.0, 4.0, 1.0, 64.0, 128.0, 1.0, 0.0, 0.0, 0.0)
    case = case_of({**row, "model": "deepseek-v3"}, catalog)
    assert isinstance(case, Case)
    limited = work_of(case.job.values, case.node, spread)
    free = work_of(replace(case.job.values, most_nodes=1e9), case.node, spread)
    # 8 experts over 8 nodes lie on 8·(1 − (7/8)^8) = 5.25 of them; DeepSeek-V3's router allows 4
    assert float(free.expert_piped / limited.expert_piped) == pytest.approx(5.2514 / 4, rel=1e-4)
    assert float(limited.expert) == 0.0 and float(limited.groups) > float(limited.moe_launches)
    dense = case_of({**row, "model": "llama3.1-8b"}, catalog)
    assert isinstance(dense, Case)
    work = work_of(dense.job.values, dense.node, replace(spread, expert=1.0))
    assert work.routed == work.expert_piped == work.groups == 0.0


def test_a_stated_layout_is_used(catalog: Catalog) -> None:
    row = {
        "id": "x",
        "model": "llama3.1-70b",
        "accelerator": "h100-sxm5",
        "gpu_count": 64,
        "global_batch_sequences": 64,
        "measured": {"tokens_per_s": 1e5},
    }
    free = predict_training(row, catalog).predicted
    starved = predict_training({**row, "parallelism": {"tp": 8, "pp": 8}, "recompute": "full"}, catalog).predicted
    assert free and starved and starved < 0.85 * free
