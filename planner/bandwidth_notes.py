"""What a bare capacity order takes for granted of its compute fabric: bandwidth per accelerator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.assemble import Chosen
from planner.candidates.counted import reference_gbps
from planner.plan import Assumption
from planner.problem import Prepared


def bandwidth_notes(prepared: Prepared, chosen: Sequence[Chosen]) -> Iterator[Assumption]:
    """Per pool of accelerators without a workload: what was left out for its bandwidth, or that less is planned."""
    kinds = {w.name: w.kind for w in prepared.request.workloads}
    out = [r.part.split("/") for r in prepared.rejections if r.rule == "fabric-bandwidth"]
    for pick in chosen:
        node, work = pick.option.node, pick.option.work
        if kinds.get(work) != "capacity" or pick.option.link.technology is None:
            continue
        wanted = reference_gbps(prepared.catalog, node)
        given = node.compute_ports * node.compute_gbps / node.accelerators
        if given < wanted:
            yield Assumption(
                kind="notice",
                name=f"fabric_bandwidth.{work}",
                text=f"{work}: {node.chassis} brings {given:g} Gbit/s of compute fabric per accelerator; reference "
                f"designs have {wanted:g}. No build of it that may be planned here brings more.",
                text_zh=f"{work}：{node.chassis} 每张加速卡的参数面带宽为 {given:g} Gbit/s，"
                f"低于参考设计的 {wanted:g} Gbit/s；在当前条件下该机型没有带宽更高的配置。",
            )
            continue
        # Chassis that have no build with as much: builds of the others only have fewer adapters than they could.
        full = {n.chassis for n in prepared.nodes if n.compute_ports * n.compute_gbps >= wanted * n.accelerators}
        less = {p[0] for p in out if len(p) > 1 and p[1].startswith(f"{node.accelerator}x")} - full
        if less:
            number = len(less)
            yield Assumption(
                kind="sizing",
                name=f"fabric_bandwidth.{work}",
                text=f"{work}: accelerators without a workload are planned with {wanted:g} Gbit/s each, as reference "
                f"designs; chassis of which every build brings less ({number}) were left out, and may cost less. "
                "preferences.chassis.only plans one of them all the same.",
                text_zh=f"{work}：未给出业务模型，按参考设计每张加速卡 {wanted:g} Gbit/s 的参数面带宽规划；"
                f"所有配置带宽均不足的 {number} 种机型未参与比较，其价格可能更低；可用 preferences.chassis.only 指定。",
            )
