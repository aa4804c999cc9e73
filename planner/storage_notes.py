"""What a plan says of the speed of its storage network where ports on it are made for more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from planner.catalog import Catalog
from planner.plan import Assumption, PlannedFabric, StorageChoice
from planner.storage_need import block_speeds


def speed_notes(
    catalog: Catalog, choice: StorageChoice | None, fabrics: Sequence[PlannedFabric], node_gbps: Collection[float]
) -> Iterator[Assumption]:
    """A notice where the slowest port holds others back; `node_gbps`: Gbit/s of the nodes' storage ports."""
    net = next((n for n in fabrics if n.role == "storage"), None)
    if choice is None or net is None:
        return
    system = catalog.storage[choice.system]
    ports = {*node_gbps, system.port_gbps}
    if max(ports) <= net.gbps:
        return
    brought = " and ".join(f"{g:g}" for g in sorted(node_gbps))
    brought_zh = "、".join(f"{g:g}" for g in sorted(node_gbps))
    reads, _ = block_speeds(system, net.gbps)
    held = f" A block then reads {reads:g} GB/s of {system.read_gb_per_s:g}." if reads < system.read_gb_per_s else ""
    held_zh = f"此时每个存储单元读带宽为 {reads:g} GB/s（标称 {system.read_gb_per_s:g}）。" if held else ""
    # Faster ports of a system help only where the nodes' are not the slowest.
    slow = system.port_gbps < min(node_gbps, default=0.0)
    more = " storage.system names a system with faster ports." if slow else ""
    more_zh = "如需更高速率，可用 storage.system 指定端口更快的系统。" if slow else ""
    yield Assumption(
        kind="notice",
        name="storage.network_speed",
        text=f"The storage network runs at {net.gbps:g} Gbit/s, the speed of the slowest port on it: "
        f"{system.model} has {system.ports} ports of {system.port_gbps:g} Gbit/s, nodes bring ports of "
        f"{brought} Gbit/s.{held}{more}",
        text_zh=f"存储网络按其最慢端口的速率 {net.gbps:g} Gbit/s 运行：{system.model} 的端口为 {system.ports} × "
        f"{system.port_gbps:g} Gbit/s，节点端口为 {brought_zh} Gbit/s。{held_zh}{more_zh}",
    )
