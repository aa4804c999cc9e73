"""Fat-tree arithmetic: published counts, the divisor rule, port ledgers, and properties that hold for every tree."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from planner.fabric.tree import Tree, fat_tree, links, pair, rails_of_leaf, spines
from planner.verify import trees


@pytest.mark.parametrize(
    ("leaves", "up", "radix", "expected"),
    [
        (24, 32, 64, 16),  # 12 would do, but 32 uplinks do not stripe over 12
        (64, 72, 144, 36),
        (32, 72, 144, 18),  # four 72-node XDR units
        (16, 36, 128, 6),
        (8, 32, 64, 4),
        (65, 32, 64, None),  # more leaves than a spine has ports
    ],
)
def test_spines_are_the_smallest_divisor_of_the_uplinks(leaves: int, up: int, radix: int, expected: int | None) -> None:
    assert spines(leaves, up, radix) == expected


def test_four_xdr_units_of_72_nodes_use_18_spines() -> None:
    tree = fat_tree(4 * 72, 8, 144, 1.0, True)
    assert tree is not None
    assert (tree.leaf, tree.spine, tree.core) == (32, 18, 0)
    assert (tree.down, tree.up) == (72, 72)


@pytest.mark.parametrize(
    ("nodes", "ports", "radix", "expected"),
    [
        (127, 8, 64, (32, 16, 0)),
        (140, 8, 40, (56, 80, 28)),  # rail groups keep their own spines below the cores
        (1024, 8, 64, (256, 256, 128)),
        (8192, 8, 64, (2048, 2048, 1024)),  # the three-tier limit of 64 ports
    ],
)
def test_published_rail_trees(nodes: int, ports: int, radix: int, expected: tuple[int, int, int]) -> None:
    tree = fat_tree(nodes, ports, radix, 1.0, True)
    assert tree is not None
    assert (tree.leaf, tree.spine, tree.core) == expected


def test_three_tiers_are_the_most() -> None:
    assert fat_tree(65536, 1, 64, 1.0, False) is not None
    assert fat_tree(65537, 1, 64, 1.0, False) is None


def some_trees() -> list[tuple[int, int, int, float, bool, int, int, Tree]]:
    """Random trees of every shape, with what they were asked for."""
    pick, found = random.Random(11), []
    for _ in range(400):
        nodes, ports = pick.choice([pick.randint(1, 60), pick.randint(1, 4000)]), pick.choice([1, 2, 4, 8])
        radix, split = pick.choice([32, 40, 64, 128, 144]), pick.choice([1, 1, 2, 4])
        ratio, rail, extra = pick.choice([1.0, 1.0, 4 / 3, 2.0, 3.0, 7.0]), pick.random() < 0.5, pick.choice([0, 0, 4])
        tree = fat_tree(nodes, ports, radix, ratio, rail, extra, split)
        if tree is not None:
            found.append((nodes, ports, radix, ratio, rail, extra, split, tree))
    return found


def test_ports_used_never_exceed_ports_present() -> None:
    made = some_trees()
    assert {t.tiers for *_, t in made} == {1, 2, 3}
    for _, _, radix, ratio, _, _, split, tree in made:
        assert tree.ports_used <= tree.switches * radix * split
        if tree.tiers > 1:
            assert tree.down / split + tree.up <= radix
            assert tree.oversubscription <= ratio + 1e-9
            assert tree.up % tree.spine == 0 if tree.tiers == 2 else True
        if tree.tiers == 3:
            # What leaves a spine upwards is what comes from below, and cores have the ports for it.
            assert tree.links_spine_core == tree.links_leaf_spine <= tree.core * radix
            assert tree.links_leaf_spine <= tree.spine * (radix // 2)


def test_every_uplink_lands_once_and_every_port_takes_one_cable() -> None:
    for nodes, ports, radix, _, rail, extra, split, tree in some_trees():
        if tree.tiers > 2 or extra or nodes > 600:
            continue
        ends = Counter[tuple[str, int]]()
        per_pair = Counter[tuple[str, str]]()
        for one, a, other, b in links(tree, ports, nodes, rail):
            ends[one, a] += 1
            ends[other, b] += 1
            if other.startswith("spine"):
                per_pair[one, other] += 1
        assert max(ends.values()) == 1
        assert len(ends) == 2 * (nodes * ports + tree.links_leaf_spine)
        for name in {n for n, _ in ends if n.startswith("leaf")}:
            down = sum(1 for n, _ in ends if n == name) - tree.up
            assert down <= tree.down
            assert -(-down // split) + tree.up <= radix or tree.tiers == 1
        assert all(sum(1 for n, _ in ends if n == s) <= radix for s in {n for n, _ in ends if n.startswith("spine")})
        assert len(set(per_pair.values())) <= 1  # the same whole number of links from each leaf to each spine


def test_more_nodes_never_need_fewer_leaves_or_links() -> None:
    for rail in (True, False):
        for radix in (40, 64):
            before = 0
            for nodes in range(1, 400, 3):
                tree = fat_tree(nodes, 8, radix, 1.0, rail)
                assert tree is not None
                links_all = tree.endpoints + tree.links_leaf_spine + tree.links_spine_core
                assert links_all >= before
                before = links_all


def test_more_oversubscription_never_needs_more_switches() -> None:
    for nodes in (20, 100, 333, 1000):
        counts = []
        for ratio in (1.0, 1.5, 2.0, 3.0, 5.0, 16.0):
            tree = fat_tree(nodes, 8, 64, ratio, False)
            assert tree is not None
            counts.append((tree.tiers, tree.switches))
        assert counts == sorted(counts, reverse=True)


def test_reserved_nodes_size_the_spines_and_build_the_leaves_of_today() -> None:
    now, later, grown = (fat_tree(n, 8, 64, 1.0, True, 0, 1, r) for n, r in ((64, 0), (128, 0), (64, 64)))
    assert now is not None and later is not None and grown is not None
    assert (grown.leaf, grown.spine) == (now.leaf, later.spine) == (16, 16)
    assert grown.links_leaf_spine == grown.leaf * grown.up == 512
    assert grown.endpoints == 512


def test_fabric_managers_take_free_ports_or_a_leaf_of_their_own() -> None:
    free, full = fat_tree(127, 8, 64, 1.0, True, 4), fat_tree(256, 8, 64, 1.0, True, 4)
    assert free is not None and full is not None
    assert (free.leaf, free.spine) == (32, 16)
    assert free.ports_used == 1016 + 4 + 2 * 1024
    assert full.leaf == 65  # every node port of 64 leaves is taken


@pytest.mark.parametrize(
    ("nodes", "ports", "radix", "expected"),
    [
        (32, 8, 128, (4, 2)),  # two rails to a leaf: 4 full leaves in place of 8 half empty ones
        (21, 8, 128, (3, 2)),  # three rails, three, two
        (40, 8, 128, (8, 3)),  # two rails of 40 nodes exceed a leaf
        (72, 8, 128, (10, 5)),  # a full unit of 60 nodes, and 12 more on two leaves
        (256, 8, 64, (64, 32)),
    ],
)
def test_rails_share_leaves_where_a_last_unit_is_small(
    nodes: int, ports: int, radix: int, expected: tuple[int, int]
) -> None:
    tree = fat_tree(nodes, ports, radix, 1.0, True)
    assert tree is not None
    assert (tree.leaf, tree.spine) == expected
    where: dict[tuple[int, int], set[int]] = {}
    units = set()
    for leaf in range(tree.leaf):
        unit, rails = rails_of_leaf(leaf, nodes, ports, tree.down, tree.tiers)
        units.add(unit)
        here = min(tree.down, nodes - unit * tree.down)
        assert len(rails) * here <= tree.down
        for rail in rails:
            where.setdefault((unit, rail), set()).add(leaf)
    assert len(where) == len(units) * ports == math.ceil(nodes / tree.down) * ports
    assert all(len(found) == 1 for found in where.values())  # every rail of a unit is on one leaf


def test_reserved_nodes_decide_how_many_rails_share_a_leaf() -> None:
    """A unit that others will join has a leaf per rail from the start: nothing is plugged over when they come."""
    alone, begun = fat_tree(32, 8, 128, 1.0, True), fat_tree(32, 8, 128, 1.0, True, 0, 1, 32)
    assert alone is not None and begun is not None
    assert (alone.leaf, begun.leaf) == (4, 8)


def test_a_pair_is_joined_by_half_of_its_ports() -> None:
    full = pair(128, 128, 1.0)
    assert full is not None
    assert (full.leaf, full.peer, full.ports_used) == (2, 64, 256)
    assert pair(130, 128, 1.0) is None


def test_counts_agree_with_the_witness() -> None:
    pick = random.Random(5)
    for _ in range(250):
        case = (
            pick.choice([pick.randint(1, 40), pick.randint(1, 6000)]),
            pick.choice([1, 2, 4, 8, 9]),
            pick.choice([32, 40, 64, 128]),
            pick.choice([1.0, 1.5, 2.0, 3.0]),
            pick.random() < 0.5,
            pick.choice([0, 4, 8]),
            pick.choice([1, 1, 2, 4]),
            pick.choice([0, 0, 1, 64, 500]),
        )
        nodes, ports, native, ratio, rail, extra, share, reserve = case
        one = fat_tree(*case)
        two = trees.compute(nodes, ports, native, share, ratio, rail, extra, reserve)
        assert (one is None) == (two is None), case
        if one is not None and two is not None:
            for name in ("tiers", "leaf", "spine", "core", "links_leaf_spine", "links_spine_core", "ports_used"):
                assert getattr(one, name) == getattr(two, name), (case, name)
