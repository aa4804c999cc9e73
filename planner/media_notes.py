"""What of `preferences.fabric` and `resilience` a plan could not follow: one notice each, with what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.catalog import Catalog
from planner.plan import Assumption, PlannedCables, PlannedFabric
from planner.request import Request

COPPER = ("dac", "acc")
KINDS = (
    (("node",), "to devices", "至设备"),
    (("trunk", "core", "peer"), "between switches", "交换机之间"),
)
NETWORKS_ZH = {"compute": "计算", "storage": "存储", "in-band": "带内"}


def preference_notes(
    request: Request, catalog: Catalog, fabrics: Sequence[PlannedFabric], cabling: Sequence[PlannedCables]
) -> tuple[Assumption, ...]:
    """A notice for every preference that the plan does not follow in full, in both languages."""
    return (
        *_copper(request, catalog, fabrics, cabling),
        *_shape(request, [net for net in fabrics if net.role == "compute"]),
        *_pairs(request, fabrics),
    )


def _copper(
    request: Request, catalog: Catalog, fabrics: Sequence[PlannedFabric], cabling: Sequence[PlannedCables]
) -> Iterator[Assumption]:
    """Kinds of link that were wanted on copper and are not."""
    if request.preferences.fabric.media != "copper":
        return
    told, told_zh = [], []
    for net in fabrics:
        for kinds, where, where_zh in KINDS if net.role != "oob" else ():
            own = [e for e in cabling if e.network == net.name and e.kind in kinds]
            far = [e for e in own if catalog.cables[e.part].kind not in (*COPPER, "rj45")]
            if far:
                count, longest = sum(e.quantity for e in far), max(e.longest_m for e in far)
                told.append(f"{net.name} {where} ({count:,} cables, longest run {longest:g} m)")
                name = net.name.replace(net.role, NETWORKS_ZH.get(net.role, net.role))
                told_zh.append(f"{name}网络{where_zh}（{count} 根，最长 {longest:g} m）")
    if told:
        yield _notice(
            "media",
            "preferences.fabric.media: copper is not met everywhere; on fibre or active optical cables stay "
            f"{'; '.join(told)}. Copper is planned where the devices of a network stand as one block that a catalog "
            "cable spans (docs/fabric.md, Copper): more kW per rack, less site.layout.slack_m or "
            "site.layout.side_passage: true bring more within reach.",
            "preferences.fabric.media: copper 未能全部满足，以下链路仍为光纤或有源光缆："
            f"{'；'.join(told_zh)}。仅当某网络的设备成组安装、且目录内的铜缆长度足够时才采用铜缆："
            "提高单柜功率、减小 site.layout.slack_m 或设置 site.layout.side_passage: true 可扩大铜缆的适用范围。",
        )


def _shape(request: Request, compute: Sequence[PlannedFabric]) -> Iterator[Assumption]:
    """Topology, oversubscription and growth of compute fabrics that came out otherwise."""
    asked = request.preferences.fabric
    given = [
        name
        for name in ("technology", "oversubscription", "topology", "switch", "planes", "reserve_nodes")
        if name in asked.model_fields_set and getattr(asked, name) not in (None, "auto", 0)
    ]
    if not compute:
        if given:
            keys = ", ".join(f"preferences.fabric.{name}" for name in given)
            yield _notice(
                "compute",
                f"{keys}: without effect, no work of this plan needs a compute fabric.",
                f"{keys}：不起作用，本方案的各项工作均无需计算网络。",
            )
        return
    for net in compute:
        trees = net.topology in ("rail", "plain")
        if asked.topology is not None and net.topology != asked.topology:
            shape = "single switches (islands)" if net.topology == "islands" else "one switch"
            shape_zh = "独立单台交换机" if net.topology == "islands" else "单台交换机"
            yield _notice(
                f"{net.name}.topology",
                f"preferences.fabric.topology: {asked.topology} is without effect on {net.name}: it stands on {shape}, "
                "which joins every port to every other.",
                f"preferences.fabric.topology: {asked.topology} 对 {net.name} 不起作用：该网络由{shape_zh}组成，"
                "所有端口直接互通。",
            )
        if asked.oversubscription > 1 and net.oversubscription < asked.oversubscription - 1e-9:
            yield _notice(
                f"{net.name}.oversubscription",
                f"preferences.fabric.oversubscription: {asked.oversubscription:g} is the most that is allowed; "
                f"{net.name} has {net.oversubscription:g}:1.",
                f"preferences.fabric.oversubscription: {asked.oversubscription:g} 为允许的上限；"
                f"{net.name} 实际为 {net.oversubscription:g}:1。",
            )
        if asked.reserve_nodes and not trees:
            yield _notice(
                f"{net.name}.reserve_nodes",
                f"preferences.fabric.reserve_nodes: {asked.reserve_nodes} adds nothing to {net.name}: there are no "
                f"spines to size; {net.ports_present - net.ports_used:,} ports are free.",
                f"preferences.fabric.reserve_nodes: {asked.reserve_nodes} 对 {net.name} 没有影响：没有脊交换机可预留；"
                f"空闲端口 {net.ports_present - net.ports_used} 个。",
            )


def _pairs(request: Request, fabrics: Sequence[PlannedFabric]) -> Iterator[Assumption]:
    """Networks that were asked for in pairs and have one switch."""
    for role, field in (("in-band", "in_band"), ("storage", "storage")):
        net = next((n for n in fabrics if n.role == role), None)
        preferred = request.preferences.fabric.redundancy == "pair"
        key = "preferences.fabric.redundancy" if preferred else f"resilience.{field}"
        told = preferred or field in request.resilience.model_fields_set
        if net is not None and told and request.redundancy(role) == "pair" and net.redundancy != "pair":  # type: ignore[arg-type]
            yield _notice(
                f"{role}.redundancy",
                f"{key}: pair is not met by {net.name}: sites of one or two nodes have one combined switch for in-band "
                "and out-of-band.",
                f"{key}: pair 未能用于 {net.name}：仅有一至两个节点的站点，带内与带外共用一台交换机。",
            )


def _notice(name: str, text: str, text_zh: str) -> Assumption:
    return Assumption(kind="notice", name=f"preferences.fabric.{name}", text=text, text_zh=text_zh)
