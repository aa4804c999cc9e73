"""Serving of language models: what must hold for every model and accelerator, and memory that was really used."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from planner import demand
from planner.accuracy.weights import weights_of
from planner.catalog import Catalog
from planner.demand.inference import inference_replicas, inference_target
from planner.demand.operating import Demand, best_point, divided_point, largest, ok, point
from planner.demand.pace import matrix_precision, pace_of, serving_table, weight_widths, widths
from planner.demand.serving import Engine
from planner.demand.shapes import shape_of
from planner.errors import Rejection
from planner.parts import FabricLink, NodeBuild
from planner.request import Workload
from planner.verify.room import _asked

NONE = FabricLink(technology=None, gbps_per_node=0.0)


@cache
def catalog() -> Catalog:
    return Catalog.load()


def engine(model: str, accelerator: str, cards: int = 1, precision: str = "fp8", **changes: Any) -> Engine:
    part = catalog().accelerators[accelerator]
    shape = shape_of(catalog().find_model(model))
    assert shape is not None
    pace = pace_of(serving_table(catalog()).factors, part, precision)
    assert pace is not None
    experts, dense = weight_widths(precision, shape.moe)
    made = Engine(
        shape=shape,
        cards=cards,
        nodes=1,
        attention="tensor",
        pace=pace,
        weight_bytes=experts,
        dense_bytes=dense,
        usable_bytes=(part.memory_gb or 0) * 0.92e9,
        link_bytes=360e9,
        node_bytes=40e9,
        cache_share=0.5,
    )
    return replace(made, **changes)


def node(accelerator: str = "h100-sxm5", cards: int = 8, domain: int = 8) -> NodeBuild:
    part = catalog().accelerators[accelerator]
    return NodeBuild(
        id=f"test/{accelerator}",
        chassis="test",
        accelerator=accelerator,
        accelerators=cards,
        lines=(),
        cpu=None,
        cpus=2,
        cpu_cores=64,
        memory_gb=2048,
        nvme_tb=30,
        nic=None,
        compute_ports=8,
        compute_gbps=400,
        compute_technologies=("infiniband",),
        storage_ports=0,
        storage_gbps=0,
        inband_ports=2,
        inband_gbps=100,
        oob_ports=1,
        scale_up_domain=domain,
        scale_up_gb_per_s=part.scale_up.gb_per_s if domain > 1 else None,
        max_power_kw=10.2,
        typical_power_kw=8,
        rack_units=8,
        weight_kg=130,
        cooling="air",
    )


def service(**keys: Any) -> Workload:
    given: dict[str, Any] = {
        "name": "chat",
        "kind": "inference",
        "model": "llama3.1-70b",
        "precision": "fp8",
        "input_tokens": 1000,
        "output_tokens": 300,
        "requests_per_s": 10,
    }
    return Workload(**(given | keys))


def best_rate(workload: Workload, build: NodeBuild) -> float:
    found = inference_replicas(workload, build, NONE, catalog(), "typical")
    assert not isinstance(found, Rejection), found.message
    return max(r.rate.value * (build.accelerators // (r.cards or build.accelerators)) for r in found)


# -- memory ---------------------------------------------------------------------------------------------------------
def test_cache_bytes_are_those_measured_on_h20() -> None:
    # Qwen3 speed benchmark: 32B grew by 4,096 MiB from 14,336 to 30,720 tokens of input, bf16
    one = engine("qwen3-32b", "h20-sxm5", precision="bf16", cache_share=1.0)
    grown = one.cache_bytes(30_720) - one.cache_bytes(14_336)
    assert grown == pytest.approx(4096 * 2**20, rel=1e-3)


@pytest.mark.parametrize(
    "row", [r for r in catalog().table("measurements/inference_benchmarks")["memory_fit"] if r.get("check") != "skip"]
)
def test_memory_fit_rows(row: dict[str, Any]) -> None:
    """What ran, runs; what ran out of memory, does not fit. Layer split needs no more than the sum."""
    if row["measured"].get("memory_used_mb"):
        weights = weights_of(row["precision"], moe=False)
        shape = shape_of(catalog().find_model(row["model"]))
        assert shape is not None
        context = row["input_tokens"] + row["output_tokens"]
        used = shape.total * weights.dense + shape.kv_bytes_16bit * context
        assert used / 2**20 == pytest.approx(row["measured"]["memory_used_mb"], rel=0.12)
    part = catalog().accelerators[row["accelerator"]]
    model = catalog().find_model(row["model"])
    weights = weights_of(row["precision"], moe=bool(model.experts))
    made = engine(row["model"], row["accelerator"], row["gpu_count"], "fp8" if part.dense_tflops.get("fp8") else "bf16")
    made = replace(made, weight_bytes=weights.experts, dense_bytes=weights.dense, pipeline=row["gpu_count"])
    assert (made.weights_per_card() <= made.usable_bytes) is row["fits"]


def test_latent_attention_is_copied_by_tensor_but_not_by_data_parallel_attention() -> None:
    tensor = engine("deepseek-v3", "h200-sxm5", 8)
    data = replace(tensor, attention="data")
    assert tensor.cache_copies() == 8
    assert data.cache_copies() == 1
    assert data.weights_per_card() > tensor.weights_per_card()


def test_grouped_queries_are_copied_beyond_their_number() -> None:
    assert engine("qwen3-30b-a3b", "h100-sxm5", 8).cache_copies() == 2  # 4 key-value heads
    assert engine("llama3.1-70b", "h100-sxm5", 8).cache_copies() == 1


def test_weights_that_do_not_fit_leave_no_sequence() -> None:
    assert engine("llama3.1-405b", "h100-sxm5").sequences_that_fit(1000) == -1


# -- speed ----------------------------------------------------------------------------------------------------------
def test_experts_touched_grow_with_the_batch_until_all_are_read() -> None:
    one = engine("deepseek-v3", "h200-sxm5", 8)
    first, some, many = (one.write_step(n, 1000)[0] for n in (1, 32, 512))
    assert first < some < many
    assert many / first < 512 / 4  # far less than proportional: weights are shared by the batch


@pytest.mark.parametrize("model", ["llama3.1-8b", "llama3.1-70b", "deepseek-v3", "qwen3-30b-a3b", "gpt-oss-120b"])
def test_steps_grow_with_batch_and_context_and_tokens_per_second_too(model: str) -> None:
    made = engine(model, "b200-sxm6", 8)
    steps = [made.write_step(n, 2000)[0] for n in (2, 8, 64, 512)]
    assert steps == sorted(steps)
    assert [n / s for n, s in zip((2, 8, 64, 512), steps, strict=True)] == sorted(
        n / s for n, s in zip((2, 8, 64, 512), steps, strict=True)
    )
    assert made.write_step(64, 16_000)[0] > made.write_step(64, 1000)[0]
    assert made.prompt_s(8000) > made.prompt_s(1000)


def test_h20_reads_slower_and_writes_faster_than_h100() -> None:
    h20, h100 = engine("llama3.1-70b", "h20-sxm5", 8), engine("llama3.1-70b", "h100-sxm5", 8)
    assert h20.read_rate(2000) < 0.4 * h100.read_rate(2000)
    assert h20.write_step(4, 2000)[0] < h100.write_step(4, 2000)[0]


def test_latent_attention_is_bound_by_arithmetic_on_h20_only() -> None:
    batch, context = 48 * 8, 4900
    on_h20 = replace(engine("deepseek-v3", "h20-sxm5", 8), attention="data").write_step(batch, context)[1]
    on_h200 = replace(engine("deepseek-v3", "h200-sxm5", 8), attention="data").write_step(batch, context)[1]
    assert on_h20 == "compute while writing"
    assert on_h200 != "compute while writing"


def test_layer_split_adds_memory_but_no_speed() -> None:
    one = engine("llama3-8b", "rtx-4090", precision="bf16")
    four = replace(one, cards=4, pipeline=4, fabric=False, link_bytes=16e9)
    assert four.sequences_that_fit(1000) > 4 * one.sequences_that_fit(1000)
    assert four.write_step(1, 100)[0] >= one.write_step(1, 100)[0]


def test_narrow_weights_compute_in_the_next_width_that_the_hardware_has() -> None:
    a100, h100, b200 = (catalog().accelerators[a] for a in ("a100-sxm4-80gb", "h100-sxm5", "b200-sxm6"))
    assert matrix_precision(a100, "fp8") == ("fp16", 312.0)
    assert matrix_precision(h100, "fp4") == ("fp16", 989.4)
    assert matrix_precision(b200, "fp4") == ("fp4", 9000.0)


# -- latency and division --------------------------------------------------------------------------------------------
def test_targets_hold_at_the_best_point_and_not_one_above() -> None:
    table = serving_table(catalog()).factors
    made = engine("llama3.1-70b", "h100-sxm5", 4)
    asked = Demand(prompt=2000, written=300, first_s=1.0, token_s=0.04)
    found = best_point(made, asked, table)
    assert found is not None
    assert ok(found, asked)
    assert not ok(point(made, found.batch + 1, asked, table), asked)


def test_cached_prefixes_answer_more() -> None:
    table = serving_table(catalog()).factors
    made = engine("llama3.1-70b", "h100-sxm5", 4)
    plain, cached = (best_point(made, Demand(4000, 200, prefix=p), table) for p in (0.0, 0.6))
    assert plain and cached
    assert cached.requests_per_s > 1.3 * plain.requests_per_s


def test_division_meets_targets_and_wins_only_when_reading_gets_in_the_way() -> None:
    table = serving_table(catalog()).factors
    made = engine("llama3.1-70b", "h100-sxm5", 2)
    strict = Demand(prompt=6000, written=300, first_s=6.0, token_s=0.04)
    together, divided = best_point(made, strict, table), divided_point(made, 4, strict, table)
    assert divided is not None
    assert ok(divided, strict)
    assert 1 <= divided.readers <= 3
    assert together is None or divided.requests_per_s > 4 * together.requests_per_s
    free = Demand(prompt=500, written=500)
    alone, apart = best_point(made, free, table), divided_point(made, 4, free, table)
    assert alone and apart
    assert 4 * alone.requests_per_s > apart.requests_per_s


@pytest.mark.parametrize(
    ("most", "limit", "answer"), [(0, 5, 0), (10, 0, 0), (10, 5, 5), (10, 10, 10), (1000, 999, 999)]
)
def test_largest(most: int, limit: int, answer: int) -> None:
    assert largest(most, lambda n: n <= limit) == answer


# -- workloads ---------------------------------------------------------------------------------------------------------
def test_tighter_targets_longer_prompts_and_slower_links_never_answer_more() -> None:
    base = best_rate(service(), node())
    assert best_rate(service(ttft_ms=2000, tpot_ms=100), node()) <= base * (1 + 1e-9)
    assert best_rate(service(ttft_ms=500, tpot_ms=30), node()) <= best_rate(service(ttft_ms=2000, tpot_ms=100), node())
    assert best_rate(service(input_tokens=4000), node()) < base
    assert best_rate(service(model="llama3.1-405b"), node("h200-sxm5", 8, 1)) < best_rate(
        service(model="llama3.1-405b"), node("h200-sxm5", 8, 8)
    )


def test_users_are_turned_into_requests_by_littles_law() -> None:
    workload = service(requests_per_s=None, concurrent_users=1000, think_time_s=20, ttft_ms=2000, tpot_ms=50)
    assert inference_target(workload).value == pytest.approx(1000 / (20 + 2 + 0.05 * 300))


def test_verify_counts_users_and_streams_as_the_request_does() -> None:
    for workload in (
        service(requests_per_s=None, concurrent_users=1000, think_time_s=20, ttft_ms=2000, tpot_ms=50),
        service(requests_per_s=None, concurrent_users=70),
        Workload(name="v", kind="inference", benchmark="yolo", streams=200),
        Workload(name="w", kind="inference", benchmark="yolo", streams=200, frames_per_s=12),
    ):
        assert _asked(workload.model_dump()) == pytest.approx(demand.target(workload).value)


def test_frames_of_streams_are_the_samples_asked() -> None:
    workload = Workload(name="v", kind="inference", benchmark="yolo", streams=200, frames_per_s=15)
    assert demand.target(workload).value == 3000


def test_a_model_that_fits_nowhere_says_how_much_is_missing() -> None:
    found = inference_replicas(service(model="kimi-k2"), node("l40s", 1, 1), NONE, catalog(), "low")
    assert isinstance(found, Rejection)
    assert found.rule == "memory-fit"
    assert found.need is not None and found.have is not None


def test_an_accelerator_that_nobody_measured_has_a_wider_range() -> None:
    table = serving_table(catalog())
    for kind in ("dense", "moe"):
        low, high = widths(table, catalog().accelerators["h100-sxm5"], "fp8", kind)
        wide_low, wide_high = widths(table, catalog().accelerators["gaudi3-oam"], "fp8", kind)
        assert wide_low < low < 1 < high < wide_high
