"""What belongs to the networks of a site and is not planned: questions for the customer, with the free ports."""

from __future__ import annotations

from collections.abc import Iterator

from planner.catalog import Catalog
from planner.plan import Assumption, Plan


def network_questions(plan: Plan, catalog: Catalog) -> Iterator[Assumption]:
    """How the site joins the customer's network, and whether its power distribution is read over the network."""
    in_band = next((n for n in plan.fabrics if n.role == "in-band"), None)
    oob = next((n for n in plan.fabrics if n.role == "oob"), None)
    if in_band is None or oob is None:
        return
    free, slow = in_band.ports_present - in_band.ports_used, _free(plan, catalog)
    yield Assumption(
        kind="notice",
        name="network.uplinks",
        text="How does the site join the customer's network? Uplinks, routers and firewalls are not planned; free are "
        f"{_ports(free)} of {in_band.gbps:g} Gbit/s in the in-band and {_ports(slow)} of {oob.gbps:g} Gbit/s in the "
        "out-of-band network.",
        text_zh="站点如何接入客户网络？上联链路、路由器和防火墙未纳入方案；"
        f"带内网络空闲 {free} 个 {in_band.gbps:g} Gbit/s 端口，带外网络空闲 {slow} 个 {oob.gbps:g} Gbit/s 端口。",
    )
    pdus = sum(line.quantity for line in plan.lines if line.part in catalog.pdus)
    if pdus > slow:
        yield Assumption(
            kind="notice",
            name="network.pdus",
            text=f"Shall the {pdus:,} rack PDUs be read over the network? Their ports are not planned, and out-of-band "
            f"has {_ports(slow)} free: {pdus - slow:,} too few.",
            text_zh=f"{pdus} 台机柜 PDU 是否需要联网监控？其端口未纳入方案；"
            f"带外网络仅空闲 {slow} 个端口，尚缺 {pdus - slow} 个。",
        )
    elif pdus:
        yield Assumption(
            kind="notice",
            name="network.pdus",
            text=f"Shall the {pdus:,} rack PDUs be read over the network? Their ports are not planned; out-of-band has "
            f"{_ports(slow)} free.",
            text_zh=f"{pdus} 台机柜 PDU 是否需要联网监控？其端口未纳入方案；带外网络空闲 {slow} 个端口。",
        )


def _free(plan: Plan, catalog: Catalog) -> int:
    """Copper ports of out-of-band switches, or of the one switch of a small site, that nothing plugs into."""
    net = next(n for n in plan.fabrics if n.role == "oob")
    return max(1, net.leaf) * catalog.switches[net.switch].ports - net.endpoints


def _ports(number: int) -> str:
    return f"{number:,} port{'' if number == 1 else 's'}"
