"""Parts kept on the shelf beside the nodes that work: lines of the pool they are bought for.

For a pool of more than 16 nodes: pieces = ⌈percent × pieces in use⌉, at least one of each part; a smaller pool keeps
none. Nodes of which several kinds may serve one workload are counted in ranges (17 to 32, 33 to 64 ...): there the
spares are those of the range's upper end, so that a count and its price stay exact within the range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from planner.catalog import Catalog
from planner.model import Bundle, LineSeed
from planner.parts import Cable, Drive, Nic, NodeBuild, Optic
from planner.request import Request

GROUP = "spares"
FROM_NODES = 17


def pieces(percent: float, used: int) -> int:
    """Spare pieces of one part of which `used` work; percent as written, without float noise."""
    return max(1, math.ceil(Decimal(str(percent)) * used / 100)) if percent and used else 0


def spare_bundle(catalog: Catalog, request: Request, node: NodeBuild, count: int, fabric: Iterable[Bundle]) -> Bundle:
    """Spares of `count` nodes of one build, and of modules and cables of their compute fabric (bundles, each once)."""
    if count < FROM_NODES:
        return Bundle()
    rule, total = request.spares, dict[str, int]()
    for line in node.lines:
        part = catalog.parts[line.part]
        percent = rule.nics if isinstance(part, Nic) else rule.drives if isinstance(part, Drive) else 0
        _add(total, line.part, pieces(percent, line.quantity * count))
    links: dict[str, int] = {}
    for bundle in fabric:
        for seed in bundle.lines:
            if isinstance(catalog.parts[seed.part], Optic | Cable):
                _add(links, seed.part, seed.quantity)
    for part_id, used in links.items():
        _add(total, part_id, pieces(rule.optics if part_id in catalog.optics else rule.cables, used))
    whole = pieces(rule.nodes, count)
    for line in node.lines:
        _add(total, line.part, line.quantity * whole)
    return Bundle(
        lines=tuple(LineSeed(part, number, GROUP) for part, number in sorted(total.items()) if number),
        cards=((node.accelerator, whole * node.accelerators),) if whole else (),  # of what there is, these are taken
    )


def joint_bundle(catalog: Catalog, request: Request, nodes: int, fabric: Bundle) -> Bundle:
    """Spare modules and cables of a compute fabric that pools have together, from 17 nodes on it on."""
    if nodes < FROM_NODES:
        return Bundle()
    rule = request.spares
    used = sorted((ln.part, ln.quantity) for ln in fabric.lines if isinstance(catalog.parts[ln.part], Optic | Cable))
    found = ((part, pieces(rule.optics if part in catalog.optics else rule.cables, number)) for part, number in used)
    return Bundle(lines=tuple(LineSeed(part, number, GROUP) for part, number in found if number))


def _add(total: dict[str, int], part: str, number: int) -> None:
    total[part] = total.get(part, 0) + number


def ranges(low: int, high: int, nodes_per_unit: int, extra: int) -> Iterator[tuple[int, int, int]]:
    """Ranges of units (from, to) within low to high, and the nodes whose spares each keeps: 16, 32 ... or the top."""
    step = FROM_NODES - 1
    while low <= high:
        while step < low * nodes_per_unit + extra:
            step *= 2
        top = min(high, (step - extra) // nodes_per_unit)
        yield low, top, min(step, top * nodes_per_unit + extra)
        low = top + 1


def no_worse(
    catalog: Catalog, request: Request, price: Callable[[str], int | None], one: NodeBuild, other: NodeBuild
) -> bool:
    """Whether spares of one build never cost more than those of another, at any count of nodes."""
    rule = request.spares
    for kind, percent in ((Nic, rule.nics), (Drive, rule.drives)):
        if percent and not _cheaper(_lines(catalog, one, kind), _lines(catalog, other, kind), price):
            return False
    return not rule.nodes or _hardware(one, price) <= _hardware(other, price)


def _lines(catalog: Catalog, node: NodeBuild, kind: type[Nic] | type[Drive]) -> list[tuple[str, int]]:
    return sorted((ln.part, ln.quantity) for ln in node.lines if isinstance(catalog.parts[ln.part], kind))


def _cheaper(one: list[tuple[str, int]], other: list[tuple[str, int]], price: Callable[[str], int | None]) -> bool:
    """Same parts, or a match of each part with one that is as many and as dear."""
    if one == other or not one:
        return True
    left = list(other)
    for part, number in one:
        match = next((o for o in left if number <= o[1] and (price(part) or 0) <= (price(o[0]) or 0)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _hardware(node: NodeBuild, price: Callable[[str], int | None]) -> int:
    return sum((price(line.part) or 0) * line.quantity for line in node.lines)
