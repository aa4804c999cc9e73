"""What a plan says of rails that nobody asked for: the layout that was taken, and what a plain tree would save."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from planner import fabric
from planner.candidates import copper
from planner.errors import Rejection
from planner.plan import Assumption, PlannedFabric, Pool
from planner.problem import Prepared

PLAIN_SAVES = "preferences.fabric.topology plain"  # name of the notice, with that of the fabric


def topology_notes(prepared: Prepared, fabrics: Sequence[PlannedFabric], pools: Sequence[Pool]) -> Iterator[Assumption]:
    """A line for every compute fabric that is rail-optimized by default.

    The plain tree stands on the same switches for the same ports; what another kind of switch would save is not said.
    """
    chassis, asked = prepared.catalog.chassis, prepared.request.preferences.fabric
    for net in fabrics:
        if net.role != "compute" or net.topology != "rail" or asked.topology is not None:
            continue
        each = net.endpoints // sum(p.nodes * chassis[p.chassis].fabric_units for p in pools if p.fabric == net.name)
        reserve = asked.reserve_nodes * each
        plain, rail = (
            fabric.joint_design(
                prepared.catalog,
                net.endpoints,
                rails,
                net.gbps,
                net.technology,
                net.switch,
                asked.oversubscription,
                net.links_other,
                reserve,
                copper.usual(prepared.single_mode, "compute"),
                net.planes,
            )
            for rails in (0, each)
        )
        yield Assumption(
            kind="default",
            name=f"preferences.fabric.topology.{net.name}",
            text=f"{net.name}: rail-optimized, as preferences.fabric.topology was not given: port i of all nodes of a "
            "scalable unit is on one leaf (training, HPC and capacity on nodes with a port per accelerator).",
            text_zh=f"{net.name}：未指定 preferences.fabric.topology，采用轨道优化组网："
            "同一单元内各节点的第 i 个端口接入同一台叶交换机。",
        )
        if isinstance(plain, Rejection) or isinstance(rail, Rejection):
            continue
        saved = _saved(prepared, rail, plain)
        if saved is None or saved <= 0:
            continue
        switch, money = prepared.catalog.switches[net.switch].model, f"{prepared.request.budget.currency} {saved:,.0f}"
        there, other = _counted(net), _counted(plain)
        yield Assumption(
            kind="notice",
            name=f"{PLAIN_SAVES}.{net.name}",
            text=f"{net.name}: a plain tree on {switch} takes {other} switches, not {there} (leaves + spines), and "
            f"{money} less in switches, modules and cables before spares; preferences.fabric.topology: plain plans it.",
            text_zh=f"{net.name}：若改用 {switch} 的普通胖树，交换机为 {other} 台而非 {there} 台（叶 + 脊），"
            f"交换机、光模块和线缆可节省 {money}（不含备件）；设置 preferences.fabric.topology: plain 即可。",
        )


def _counted(net: PlannedFabric | fabric.FabricDesign) -> str:
    return " + ".join(str(n) for n in (net.leaf, net.spine, net.core) if n)


def _saved(prepared: Prepared, rail: fabric.FabricDesign, plain: fabric.FabricDesign) -> Decimal | None:
    """Money that the plain tree takes less; None where a part has no price."""
    total = 0
    for sign, made in ((1, rail), (-1, plain)):
        for line in made.lines:
            price = prepared.book.landed(line.part)
            if isinstance(price, Rejection):
                return None
            total += sign * price.cents * line.quantity
    return Decimal(total) / 100
