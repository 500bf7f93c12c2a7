"""Zones take every branch once, stay below their share, and hang from what they were cut from."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plan.families import mixed_tree
from evergrid.engine.cluster import zone_cut
from evergrid.engine.interior_point import barrier
from evergrid.engine.program import Program, net_power
from tests.engine.cases import Kind, random_program

KIND = Kind(stores=40, metered=True, peaks=True, budgets=True)


def tree(seed: int, *, nodes: int, stores: int = 60) -> Program:
    """A random tree of nodes with stores at random in any of them."""
    rng = np.random.default_rng(seed)
    base = random_program(seed, replace(KIND, stores=stores))
    above = np.array([-1] + [int(rng.integers(0, row)) for row in range(1, nodes)])
    shuffled = np.append(0, 1 + rng.permutation(nodes - 1))
    parent = np.full(nodes, -1)
    parent[shuffled[1:]] = shuffled[above[1:]]
    rows = rng.integers(0, 4, nodes)
    by_node = (
        "net_low_kw",
        "net_high_kw",
        "load_kw",
        "surcharge_per_kwh",
        "peak_price_per_kw",
        "peak_before_kw",
    )
    by_node += ("budget_kwh",)
    return replace(
        base,
        parent=parent,
        node=rng.integers(0, nodes, stores),
        **{name: getattr(base, name)[rows] for name in by_node},
    )


def with_a_tree_apart(program: Program) -> Program:
    """The tree, from which the node of the first store hangs no longer."""
    rows = np.arange(program.nodes)
    return replace(program, parent=np.where(rows == program.node[0], -1, program.parent))


@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 30), count=st.integers(1, 6))
@settings(max_examples=60)
def test_every_store_and_node_is_in_one_place_only(seed: int, nodes: int, count: int):
    program = tree(seed, nodes=nodes)
    made = zone_cut.cut(program, count)
    assert 1 <= len(made.zones) <= count
    pieces = [made.top, *made.zones]
    stores = np.concatenate([piece.stores for piece in pieces])
    roots = made.top.nodes[made.above]
    inner = [zone.nodes[zone.nodes != root] for zone, root in zip(made.zones, roots, strict=True)]
    assert sorted(stores) == list(range(program.stores))
    assert sorted(np.concatenate([made.top.nodes, *inner])) == list(range(program.nodes))


@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 30), count=st.integers(1, 6))
@settings(max_examples=30)
def test_net_powers_of_zones_add_up_to_those_of_the_whole(seed: int, nodes: int, count: int):
    program = tree(seed, nodes=nodes)
    made = zone_cut.cut(program, count)
    power = np.random.default_rng(seed).normal(size=program.slots)
    whole = net_power(program, power)
    total = net_power(made.top.program, power[made.top.slots])
    for zone, above in zip(made.zones, made.above, strict=True):
        inner = net_power(zone.program, power[zone.slots])
        root = zone.program.parent < 0
        np.testing.assert_allclose(inner[~root], whole[zone.nodes[~root]], atol=1e-9)
        row = above
        while row >= 0:
            total[row] += inner[root][0]
            row = made.top.program.parent[row]
    np.testing.assert_allclose(total, whole[made.top.nodes], atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_the_parts_are_those_of_the_whole(seed: int):
    program = tree(seed, nodes=12)
    whole, made = barrier.rows(program), zone_cut.cut(program, 3)
    count = made.rows.held.sum()
    for zone in made.zones:
        rows, root = barrier.rows(zone.program), zone.program.parent < 0
        assert not rows.held[:, root].any()
        count += rows.held.sum()
    assert count == whole.held.sum()
    for field in fields(made.rows):
        if field.name != "budget":
            assert len(getattr(made.rows, field.name)) <= len(getattr(whole, field.name))
    assert made.rows.budget is not None
    assert whole.budget is not None
    budgets = made.rows.budget.held.sum()
    for zone in made.zones:
        rows = barrier.rows(zone.program).budget
        budgets += 0 if rows is None else rows.held.sum()
    assert budgets == whole.budget.held.sum()


@pytest.mark.parametrize("count", [2, 3])
def test_zones_of_a_fleet_are_of_a_size_and_leave_little(count: int):
    program = mixed_tree(600, seed=1)
    made = zone_cut.cut(program, count)
    slots = [zone.program.slots for zone in made.zones]
    assert len(slots) == count
    assert max(slots) <= 1.5 * program.slots / count
    assert made.top.program.slots <= 0.1 * program.slots


def test_a_node_without_branches_is_cut_by_its_stores():
    program = tree(0, nodes=1, stores=300)
    made = zone_cut.cut(program, 3)
    slots = np.array([zone.program.slots for zone in made.zones])
    assert slots.sum() == program.slots
    assert slots.max() <= 1.2 * program.slots / 3


def test_bins_are_about_equally_full():
    size = np.random.default_rng(0).exponential(size=200)
    bin_of = zone_cut.balanced(size, 7)
    full = np.bincount(bin_of, size)
    assert full.max() - full.min() <= size.min() + 0.02 * full.max()
