"""Small services on slices of cards (MIG): which cards have them, what a slice gives, and plans that stand on them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from planner import demand
from planner.catalog import Catalog
from planner.demand.mig import part_of, slices_of
from planner.errors import Rejection
from planner.optimize import optimize
from planner.parts import FabricLink, NodeBuild
from planner.plan import Plan
from planner.proposal_results import result_rows
from planner.request import Workload
from planner.sitefile import read_site_text
from planner.summary import summary
from planner.verify import verify
from planner.wording import wording

SITE = """
site: {country: US}
customer: {headquarters: US, ultimate_parent: US}
workloads:
  - {name: images, kind: inference, benchmark: resnet50, samples_per_s: 4000, share: true}
  - {name: search, kind: inference, benchmark: bert-large, samples_per_s: 600, share: true}
  - {name: chat, kind: inference, model: llama3.1-8b, precision: fp8, input_tokens: 500, output_tokens: 100,
     requests_per_s: 0.2, share: true}
preferences: {accelerators: {only: [h200-nvl]}}
objective: lowest_capex
"""
ON = dt.date(2026, 11, 24)
ALONE = FabricLink(technology=None, gbps_per_node=0.0)


@pytest.fixture(scope="module")
def plan(catalog: Catalog) -> Plan:
    return optimize(read_site_text(SITE, "site.yaml", catalog), catalog, ON)


def build(accelerator: str, cards: int = 8) -> NodeBuild:
    return NodeBuild(
        id=f"test/{accelerator}",
        chassis="test",
        accelerator=accelerator,
        accelerators=cards,
        lines=(),
        cpu=None,
        cpus=2,
        cpu_cores=64,
        memory_gb=1024,
        nvme_tb=4,
        nic=None,
        compute_ports=0,
        compute_gbps=0,
        compute_technologies=("ethernet",),
        storage_ports=0,
        storage_gbps=0,
        inband_ports=2,
        inband_gbps=100,
        oob_ports=1,
        scale_up_domain=1,
        scale_up_gb_per_s=None,
        max_power_kw=5,
        typical_power_kw=4,
        rack_units=4,
        weight_kg=60,
        cooling="air",
    )


def images(samples: float | None, **more: Any) -> Workload:
    given: dict[str, Any] = {"name": "i", "kind": "inference", "benchmark": "resnet50", "samples_per_s": samples}
    return Workload(**(given | more))


# -- slices ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("accelerator", "slices"),
    [
        ("h100-sxm5", 7),
        ("a100-sxm4-80gb", 7),
        ("h20-sxm5", 7),
        ("a30", 4),
        ("rtx-pro-6000-se", 4),
        ("l40s", 0),  # no MIG
        ("mi300x", 0),  # partitions of its own kind
        ("a800-sxm4-80gb", 0),  # not seen in the maker's list
    ],
)
def test_cards_have_the_slices_that_their_maker_lists(catalog: Catalog, accelerator: str, slices: int) -> None:
    assert slices_of(catalog.accelerators[accelerator]) == slices


def test_the_slices_of_a_card_never_give_more_than_the_card(catalog: Catalog) -> None:
    for accelerator in ("h100-pcie", "a30", "rtx-pro-6000-se"):
        node = build(accelerator)
        whole = demand.replicas(images(1.0), node, ALONE, catalog)
        part = demand.slice_replica(images(1.0), node, catalog, "low")
        assert not isinstance(whole, Rejection) and part is not None
        assert part.slices * part.rate.planning < whole[0].rate.planning
        assert part.rate.unproven and part.rate.low < part.rate.value < part.rate.high


def test_a_slice_has_its_share_of_memory_and_units(catalog: Catalog) -> None:
    card = catalog.accelerators["h100-sxm5"]
    part = part_of(card, 7)
    assert part.memory_gb == pytest.approx(10.0)
    assert part.memory_bandwidth_gb_per_s == pytest.approx((card.memory_bandwidth_gb_per_s or 0) / 8)
    assert part.dense_tflops["fp8"] == pytest.approx(card.dense_tflops["fp8"] / 7)


def test_slices_are_for_services_that_ask_less_than_a_card(catalog: Catalog) -> None:
    node = build("h100-pcie")
    part = demand.slice_replica(images(1.0), node, catalog, "low")
    assert part is not None
    most = 6 * part.rate.planning  # one slice less than a card has
    assert demand.slice_replica(images(most * 0.999), node, catalog, "low") is not None
    assert demand.slice_replica(images(most * 1.001), node, catalog, "low") is None
    assert demand.slice_replica(images(None, maximise="samples_per_s"), node, catalog, "low") is None
    assert demand.slice_replica(images(1.0), build("l40s"), catalog, "low") is None
    video = Workload(name="v", kind="inference", benchmark="yolo", streams=2)
    assert demand.slice_replica(video, node, catalog, "low") is None


def test_a_model_that_does_not_fit_a_slice_gets_none(catalog: Catalog) -> None:
    def chat(model: str) -> Workload:
        lengths: dict[str, Any] = {"input_tokens": 500, "output_tokens": 100}
        return Workload(name="c", kind="inference", model=model, precision="fp8", requests_per_s=0.05, **lengths)

    assert demand.slice_replica(chat("llama3.1-8b"), build("h200-nvl"), catalog, "low") is not None
    assert demand.slice_replica(chat("llama3.1-8b"), build("h100-pcie"), catalog, "low") is None  # 10 GB
    assert demand.slice_replica(chat("llama3.1-70b"), build("h200-nvl"), catalog, "low") is None


# -- plans -----------------------------------------------------------------------------------------------------------
def test_several_works_share_one_card(plan: Plan, catalog: Catalog) -> None:
    assert verify(plan, catalog) == []
    (pool,) = plan.pools
    assert set(pool.workloads) == {"images", "search", "chat"}
    layouts = [p.layout for p in pool.predicted]
    slices = sum(layout["slices"] for layout in layouts)
    assert 3 < slices <= 7
    assert all(layout["slices_per_card"] == 7 and layout["cards"] == 0 for layout in layouts)
    assert pool.cards_used == math.ceil(slices / 7) == 1
    for found in pool.predicted:
        assert found.low >= (found.asked or 0) * (1 - 1e-9)


def test_without_sharing_each_takes_cards_of_its_own(plan: Plan, catalog: Catalog) -> None:
    alone = optimize(read_site_text(SITE.replace(", share: true", ""), "site.yaml", catalog), catalog, ON)
    assert alone.totals.accelerators >= 3 > plan.totals.accelerators
    assert alone.totals.capex > plan.totals.capex


def test_slices_are_told_in_words(plan: Plan) -> None:
    assert "of an accelerator (MIG, 7 to each)" in summary(plan, ())
    for language, piece in (("en", "MIG, 7 to each"), ("zh", "MIG 切片（每卡 7 个）")):
        words = wording(language)
        assert all(piece in row["details"] for row in result_rows(plan, words))
        (told,) = [a.text for a in plan.assumptions if "by MIG" in a.text]
        assert "MIG" in (words.phrase(told) or "")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"slices": 8}, "slices and 0 cards for"),
        ({"slices_per_card": 8}, "takes slices of 1/8"),
        ({"cards": 1}, "1 cards for"),
    ],
)
def test_slices_that_do_not_add_up_are_refused(plan: Plan, catalog: Catalog, change: dict[str, int], word: str) -> None:
    data = plan.model_dump(mode="json")
    data["pools"][0]["predicted"][0]["layout"] |= change
    assert any(word in finding for finding in verify(Plan.model_validate(data), catalog))
    data = plan.model_dump(mode="json")
    data["pools"][0]["cards_used"] = 2
    assert any("cards_used 2, its replicas take 1" in f for f in verify(Plan.model_validate(data), catalog))
