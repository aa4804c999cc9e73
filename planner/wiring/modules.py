"""Modules at the ends of links, and how far they reach."""

from __future__ import annotations

from collections.abc import Callable

from planner.catalog import Catalog
from planner.parts import Cable, cage_of_links
from planner.plan import Plan, PlannedFabric, Pool
from planner.wiring.devices import Built, links_per_port, manager_ends, pool_names
from planner.wiring.lengths import family
from planner.wiring.links import trunk_kit
from planner.wiring.run import kit

TRUNKS = ("trunk", "core", "peer")


def modules_of(plan: Built, catalog: Catalog, net: PlannedFabric) -> dict[str, tuple[str | None, str | None]]:
    """Modules at the switch and at the far end of node links, and of links between switches."""
    node = kit(catalog, net, _cage(plan, catalog, net))
    found: dict[str, tuple[str | None, str | None]] = {"node": (None, None), "trunk": (None, None)}
    if node is not None:
        found["node"] = (node.switch_module, node.far_module)
    between = trunk_kit(catalog, net)
    if between is not None:
        found["trunk"] = (between.switch_module, between.far_module)
    return found


def other_ends(plan: Built, catalog: Catalog) -> dict[tuple[str, str], str | None]:
    """Modules in devices whose cages differ from those of the first pool on a compute fabric.

    Further pools that share the fabric, and fabric managers, whose adapters have single-port cages.
    """
    found: dict[tuple[str, str], str | None] = {}
    for net in plan.fabrics:
        if net.role == "compute" and (at_manager := kit(catalog, net, "osfp")) is not None:
            found |= {(net.name, label): at_manager.far_module for label, _ in manager_ends(plan, catalog, net.name)}
        named = zip(pool_names(plan.pools), plan.pools, strict=True)
        for name, pool in [(name, pool) for name, pool in named if pool.fabric == net.name][1:]:
            ends = kit(catalog, net, _cage_of(pool, catalog, net))
            module = None if ends is None else ends.far_module
            found |= {(net.name, f"{name} node {k + 1}"): module for k in range(pool.nodes)}
    return found


def _cage(plan: Built, catalog: Catalog, net: PlannedFabric) -> str:
    """The cage of the nodes' ports in a network."""
    if net.role != "compute":
        return "rj45" if net.role == "oob" else "qsfp112"
    pool = next((p for p in plan.pools if p.fabric == net.name), None)
    return "" if pool is None else _cage_of(pool, catalog, net)


def _cage_of(pool: Pool, catalog: Catalog, net: PlannedFabric) -> str:
    """The cage of a pool's compute ports, as the modules of a fabric see it."""
    return cage_of_links(_bare_cage(pool, catalog), links_per_port(catalog, pool.nic, net))


def _bare_cage(pool: Pool, catalog: Catalog) -> str:
    fixed = [n for n in catalog.chassis[pool.chassis].fixed_nics if n.role == "compute"]
    if fixed and fixed[0].cage:
        return fixed[0].cage
    nic = catalog.nics.get(pool.nic or "")
    return nic.cage if nic is not None else ""


def reach_m(plan: Built, catalog: Catalog, net: PlannedFabric, kind: str) -> float | None:
    """Metres that both modules of a kind of link reach; None where it has none."""
    ends = modules_of(plan, catalog, net)["trunk" if kind in TRUNKS else "node"]
    return min((catalog.optics[m].reach_m for m in ends if m is not None), default=None)


def longer_pieces(plan: Plan, catalog: Catalog, priced: Callable[[str], bool]) -> dict[str, str]:
    """By role:node or role:trunk the shortest piece that reaches (else the longest), of kinds with runs beyond theirs.

    Lengths that cost the same are exchanged without asking (`ladders`): what is left costs otherwise. `priced`: whether
    a piece can be bought at all.
    """
    found: dict[str, Cable] = {}
    for entry in plan.cabling:
        net = next((n for n in plan.fabrics if n.name == entry.network), None)
        if net is None or entry.longest_m <= entry.length_m or (entry.kind == "uplink" and net.role == "oob"):
            continue
        key = f"{net.role}:{'trunk' if entry.kind in TRUNKS else 'node'}"
        longer = [
            c for c in family(catalog, catalog.cables[entry.part]) if c.length_m > entry.length_m and priced(c.id)
        ]
        piece = next((c for c in longer if c.length_m >= entry.longest_m), longer[-1] if longer else None)
        if piece is not None and (key not in found or found[key].length_m < piece.length_m):
            found[key] = piece
    return {key: piece.id for key, piece in found.items()}


def beyond_reach(plan: Plan, catalog: Catalog) -> frozenset[str]:
    """Kinds of link, as role:node or role:trunk, with a run that is longer than modules or fibres of its kind reach.

    `role:beside`: copper to neighbouring racks does not reach as they came to stand. A run that a longer piece of the
    same fibre would reach at another price is not one: single-mode would not help it.
    """
    found = set()
    for entry in plan.cabling:
        net = next((n for n in plan.fabrics if n.name == entry.network), None)
        cable = catalog.cables[entry.part]
        if net is not None and cable.kind in ("dac", "acc") and entry.longest_m > cable.length_m:
            found.add(f"{net.role}:beside")  # blocks that could not be placed side by side
        if net is None or cable.kind != "fibre":
            continue
        reach = reach_m(plan, catalog, net, entry.kind)
        longest = max(c.length_m for c in family(catalog, cable))
        if entry.longest_m > longest or (reach is not None and max(entry.length_m, entry.longest_m) > reach):
            found.add(f"{net.role}:{'trunk' if entry.kind in TRUNKS else 'node'}")
    return frozenset(found)
