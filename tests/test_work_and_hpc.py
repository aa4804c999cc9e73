"""Video streams, HPL: limits beside the model's own, and what an accelerator cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from test_serving import NONE, catalog, node

from planner import demand
from planner.demand.types import Rate
from planner.errors import Rejection
from planner.parts import FabricLink
from planner.request import Workload

IB = FabricLink(technology="infiniband", gbps_per_node=3200)


def rate(workload: Workload, part: str, count: int = 1, link: FabricLink = NONE, cards: int = 8) -> Rate | Rejection:
    return demand.rate(workload, node(part, cards), link, count, catalog(), "typical")


def video(**keys: Any) -> Workload:
    given: dict[str, Any] = {"benchmark": "resnet-50", "streams": 1000}
    return Workload(name="gate", kind="inference", **(given | keys))


def test_decoders_limit_a_light_model_and_the_model_limits_a_heavy_one() -> None:
    light, heavy = rate(video(), "l4", cards=1), rate(video(benchmark="retinanet"), "l4", cards=1)
    assert isinstance(light, Rate) and isinstance(heavy, Rate)
    assert light.limiting_factor == "video decoders"
    assert light.value == pytest.approx(104 * 30)
    assert light.unproven  # decoder counts are estimates
    assert heavy.limiting_factor != "video decoders"
    assert heavy.value < light.value


def test_decoding_goes_by_pixels() -> None:
    full, large = rate(video(), "l4", cards=1), rate(video(resolution="2160p"), "l4", cards=1)
    assert isinstance(full, Rate) and isinstance(large, Rate)
    assert large.value == pytest.approx(full.value / 4)


def test_parts_without_a_published_decoder_are_refused_for_video_only() -> None:
    refused = rate(video(), "b200-sxm6")
    assert isinstance(refused, Rejection) and refused.rule == "no-decoder"
    plain = Workload(name="x", kind="inference", benchmark="resnet-50", samples_per_s=1000)
    assert isinstance(rate(plain, "b200-sxm6"), Rate)


def test_a_small_service_is_told_how_many_slices_of_a_card_are_enough() -> None:
    small = Workload(name="x", kind="inference", benchmark="resnet-50", samples_per_s=15_000)
    whole = Workload(name="x", kind="inference", benchmark="resnet-50", samples_per_s=150_000)
    found, large = rate(small, "h100-sxm5", cards=1), rate(whole, "h100-sxm5", cards=1)
    assert isinstance(found, Rate) and isinstance(large, Rate)
    assert found.details["mig_slices"] == 2 and found.details["mig_slices_of_card"] == 7
    assert "mig_slices" not in large.details
    card = rate(small, "l40s", cards=1)
    assert isinstance(card, Rate) and "mig_slices" not in card.details


def hpl(**keys: Any) -> Workload:
    given: dict[str, Any] = {"sustained_pflops": 10}
    return Workload(name="hpl", kind="hpc", **(given | keys))


def test_rmax_grows_with_nodes_and_falls_with_oversubscription() -> None:
    found = [rate(hpl(), "h100-sxm5", n, IB) for n in (1, 2, 16, 256)]
    values = [f.value for f in found if isinstance(f, Rate)]
    assert len(values) == 4 and values == sorted(values)
    assert values[3] < 256 * values[0]
    thin = FabricLink(technology="infiniband", gbps_per_node=3200, oversubscription=2.0)
    narrow = rate(hpl(), "h100-sxm5", 256, thin)
    assert isinstance(narrow, Rate) and narrow.value < values[3]
    first = found[0]
    assert isinstance(first, Rate) and isinstance(first.details["hpcg_pflops"], float)
    assert first.details["hpcg_pflops"] < 0.05 * first.value


@pytest.mark.parametrize("part", ["h20-sxm5", "l40s", "gb300-nvl72"])
def test_parts_without_double_precision_are_refused_for_hpl(part: str) -> None:
    found = rate(hpl(), part)
    assert isinstance(found, Rejection) and found.rule == "no-fp64"
