"""A forest walked all at once agrees with one walked node by node."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core import tree
from evergrid.core.arrays import Array


@st.composite
def forests(draw: st.DrawFn) -> Array:
    """Parents of a random forest whose rows are in any order."""
    count = draw(st.integers(1, 30))
    above = [draw(st.integers(-1, node - 1)) for node in range(count)]
    row = np.array(draw(st.permutations(range(count))))
    parent = np.full(count, -1)
    for node, up in enumerate(above):
        parent[row[node]] = -1 if up < 0 else row[up]
    return parent


def way_up(parent: Array, node: int) -> list[int]:
    return [node] if parent[node] < 0 else [node, *way_up(parent, int(parent[node]))]


@given(forests())
def test_path_depth_and_root_are_those_of_the_way_up(parent: Array) -> None:
    ways = [way_up(parent, node) for node in range(len(parent))]
    assert [list(tree.path(node, parent)) for node in range(len(parent))] == ways
    assert tree.depth(parent).tolist() == [len(way) - 1 for way in ways]
    assert tree.roots(parent).tolist() == [way[-1] for way in ways]


@given(forests())
def test_levels_hold_every_node_once_at_its_depth(parent: Array) -> None:
    found = tree.levels(parent)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(parent)))
    for depth, rows in enumerate(found):
        assert (np.diff(rows) > 0).all()
        assert (tree.depth(parent)[rows] == depth).all()


@given(forests())
def test_sums_are_those_over_all_below_and_all_above(parent: Array) -> None:
    own = np.arange(2.0 * len(parent)).reshape(-1, 2)
    up, down = np.zeros(own.shape), np.zeros(own.shape)
    for node in range(len(parent)):
        for above in way_up(parent, node):
            up[above] += own[node]
            down[node] += own[above]
    np.testing.assert_allclose(tree.add_up(own, parent), up)
    np.testing.assert_allclose(tree.add_down(own, parent), down)


@given(forests(), st.data())
def test_nearest_is_the_first_marked_node_on_the_way_up(parent: Array, data: st.DataObject) -> None:
    size = len(parent)
    marked = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    first = [next((n for n in way_up(parent, node) if marked[n]), -1) for node in range(size)]
    assert tree.nearest(marked, parent).tolist() == first
    any_below = tree.add_up(marked[:, None], parent)[:, 0]
    assert any_below.tolist() == [
        any(marked[n] and node in way_up(parent, n) for n in range(size)) for node in range(size)
    ]


def test_parents_are_found_by_name() -> None:
    assert tree.parents(["b", "a"], ["a", ""]).tolist() == [1, -1]


def test_cycles_are_the_nodes_that_lead_back_to_themselves() -> None:
    parent = np.array([1, 2, 1, 0, -1, 4])
    assert tree.cycles(parent).tolist() == [False, True, True, False, False, False]


@given(forests())
def test_a_forest_has_no_cycles(parent: Array) -> None:
    assert not tree.cycles(parent).any()


def test_a_chain_is_walked_in_few_jumps() -> None:
    chain = np.arange(-1, 1999)
    assert tree.depth(chain).tolist() == list(range(2000))
    assert not tree.roots(chain).any()
    assert not tree.cycles(chain).any()


def test_no_nodes_have_no_levels() -> None:
    none = np.zeros(0, np.int64)
    assert tree.levels(none) == []
    assert tree.add_up(np.zeros((0, 3)), none).shape == (0, 3)


@given(forests(), st.integers(1, 5))
def test_batches_of_parents_hold_every_child_once(parent: Array, most: int) -> None:
    children, rows = tree.Children.of(parent), np.arange(len(parent))
    batches = list(children.batches(rows, most))
    below = [np.flatnonzero(parent == node).tolist() for node in rows]
    assert [node for batch in batches for node in batch.tolist()] == [
        node for node in rows if below[node]
    ]
    for batch in batches:
        assert children.below(batch).tolist() == [n for node in batch for n in below[node]]
        assert len(batch) == 1 or children.count[batch[1:]].sum() < most
