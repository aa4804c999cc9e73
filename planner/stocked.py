"""Spare cables and modules of in-band, storage and out-of-band networks: on sites of more than 16 nodes, exactly.

Every network is offered twice: bare, which goes with 16 nodes or fewer, and stocked, in ranges of endpoints over which
the spares do not change (in large networks they are those of a range's upper end). Which of both is decided by the
nodes: management options carry the same tags, and all networks of a tag are chosen together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from planner import spares
from planner.bundles import Pricer, merge, repeat
from planner.catalog import Catalog
from planner.errors import Rejection
from planner.model import Bundle, LineSeed, SharedOption
from planner.parts import Cable, Optic
from planner.request import Request

NETWORKS = ("in-band", "storage", "oob")
BARE, STOCKED = "bare", "stocked"
SHARE = 1.06  # a range of endpoints is at most so much wider than it begins, or as wide as the spares stay the same


def with_spares(
    options: Sequence[SharedOption], catalog: Catalog, request: Request, pricer: Pricer, most_nodes: int
) -> list[SharedOption]:
    """The shared options with spares of their networks, where the request keeps any and enough nodes may come."""
    rule = request.spares
    if most_nodes < spares.FROM_NODES or not (rule.optics or rule.cables):
        return list(options)
    found: list[SharedOption] = []
    for option in options:
        if option.network == "management":
            found += _by_nodes(option)
        elif option.network in NETWORKS:
            found.append(_tagged(option, BARE))
            if "combined" not in option.id:
                found += _stocked(option, catalog, request, pricer)
        else:
            found.append(option)
    return found


def _by_nodes(option: SharedOption) -> Iterator[SharedOption]:
    """A range of nodes, cut where spares begin."""
    last = spares.FROM_NODES - 1
    if option.low <= last:
        yield _tagged(replace(option, high=min(option.high, last)), BARE)
    if option.high > last:
        cut = option.low <= last
        above = replace(option, low=max(option.low, last + 1), id=f"{option.id}|{STOCKED}" if cut else option.id)
        yield _tagged(above, STOCKED)


def _tagged(option: SharedOption, tag: str) -> SharedOption:
    return replace(option, together=f"{option.together} {tag}" if option.together else tag)


def _stocked(option: SharedOption, catalog: Catalog, request: Request, pricer: Pricer) -> Iterator[SharedOption]:
    """One network in ranges of its endpoints, each with the spares of its upper end."""

    def shelf(endpoints: int) -> tuple[tuple[str, int], ...]:
        whole = merge(
            option.fixed_bundle,
            repeat(option.unit_bundle, endpoints),
            repeat(option.step_bundle, option.steps(endpoints)),
        )
        return _shelf(whole, option.network, catalog, request)

    low = max(1, option.low)
    while low <= option.high:
        high = max(_last_like(shelf, low, option.high), min(option.high, int(low * SHARE)))
        kept = Bundle(lines=tuple(LineSeed(part, number, spares.GROUP) for part, number in shelf(high)))
        load = pricer.load(kept)
        if isinstance(load, Rejection):
            return
        yield _tagged(
            replace(
                option,
                id=f"{option.id}|{STOCKED}|{low:06d}",
                low=low,
                high=high,
                fixed=option.fixed + load,
                fixed_bundle=merge(option.fixed_bundle, kept),
            ),
            STOCKED,
        )
        low = high + 1


def _shelf(whole: Bundle, network: str, catalog: Catalog, request: Request) -> tuple[tuple[str, int], ...]:
    """Spare pieces of every cable and module of a network."""
    rule, used = request.spares, dict[str, int]()
    for seed in whole.lines:
        if seed.group == network and isinstance(catalog.parts[seed.part], Optic | Cable):
            used[seed.part] = used.get(seed.part, 0) + seed.quantity
    counted = (
        (part, spares.pieces(rule.optics if part in catalog.optics else rule.cables, number))
        for part, number in sorted(used.items())
    )
    return tuple((part, number) for part, number in counted if number)


def _last_like(shelf: Callable[[int], object], low: int, most: int) -> int:
    """The last number of endpoints with the same spares: they only grow."""
    same, step = low, 16
    while same + step <= most and shelf(same + step) == shelf(low):
        same, step = same + step, 2 * step
    above = min(same + step, most + 1)
    while above - same > 1:
        middle = (same + above) // 2
        same, above = (middle, above) if shelf(middle) == shelf(low) else (same, middle)
    return same
