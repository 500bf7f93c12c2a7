"""What lies above and below each node of a forest.

Nodes are rows; ``parent`` holds the row of the node above each, -1 for a root.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Int, Shaped


def parents(names: Sequence[str], parent_names: Sequence[str]) -> Int[Array, " node"]:
    """Row of each node's parent; -1 where the parent is not among the names."""
    row = {name: i for i, name in enumerate(names)}
    return np.array([row.get(name, -1) for name in parent_names], dtype=np.int64)


def cycles(parent: Int[Array, " node"]) -> Bool[Array, " node"]:
    """Nodes that lead back to themselves; a forest has none."""
    above = parent.copy()
    for _ in range(len(parent).bit_length()):  # twice as far each time, so beyond every root
        above = np.where(above >= 0, above[above], -1)
        if (above < 0).all():
            return np.zeros(len(parent), bool)
    return np.isin(np.arange(len(parent)), above)


def roots(parent: Int[Array, " node"]) -> Int[Array, " node"]:
    """The topmost node above each; itself for a root."""
    top = np.where(parent >= 0, parent, np.arange(len(parent)))
    while (higher := top[top] != top).any():
        top[higher] = top[top[higher]]
    return top


def depth(parent: Int[Array, " node"]) -> Int[Array, " node"]:
    """How many nodes lie above each."""
    count = np.asarray(parent >= 0).astype(np.int64)
    above = parent.copy()
    while (above >= 0).any():  # jumps of twice the length each time
        count += np.where(above >= 0, count[above], 0)
        above = np.where(above >= 0, above[above], -1)
    return count


@dataclass(frozen=True)
class Children:
    """The nodes right below each node of a forest.

    Attributes:
        node: All nodes but the roots, parent by parent.
        count: How many lie right below each node.
        start: Place of the first of them among `node`; one more for the end.
    """

    node: Int[Array, " child"]
    count: Int[Array, " node"]
    start: Int[Array, " edge"]

    @staticmethod
    def of(parent: Int[Array, " node"]) -> "Children":
        """Those of every node."""
        order = np.argsort(parent, kind="stable")
        node = order[np.searchsorted(parent[order], 0) :]
        start = np.searchsorted(parent[node], np.arange(len(parent) + 1))
        return Children(node, np.diff(start), start)

    def below(self, parents: Int[Array, " some"]) -> Int[Array, " child"]:
        """The children of at least one of these, parent by parent."""
        return np.concatenate([self.node[self.start[p] : self.start[p + 1]] for p in parents])

    def batches(self, parents: Int[Array, " some"], most: int) -> Iterator[Int[Array, " few"]]:
        """Those of them with children, so many at a time that about ``most`` lie below."""
        parents = parents[self.count[parents] > 0]
        edges = np.flatnonzero(np.diff(np.cumsum(self.count[parents]) // most)) + 1
        yield from (batch for batch in np.split(parents, edges) if len(batch))


def levels(parent: Int[Array, " node"]) -> list[Int[Array, " some"]]:
    """Rows at each depth, rising, from the roots down."""
    if not len(parent):
        return []
    of = depth(parent)
    order = np.argsort(of, kind="stable")
    return np.split(order, np.cumsum(np.bincount(of))[:-1])


def add_up(
    own: Shaped[Array, "node step"], parent: Int[Array, " node"]
) -> Shaped[Array, "node step"]:
    """Each node's own values plus those of all nodes below it; of booleans, whether any is true."""
    total = own.copy()
    for rows in levels(parent)[:0:-1]:
        np.add.at(total, parent[rows], total[rows])
    return total


def add_down(
    own: Shaped[Array, "node step"], parent: Int[Array, " node"]
) -> Shaped[Array, "node step"]:
    """Each node's own values plus those of all nodes above it; of booleans, whether any is true."""
    total = own.copy()
    for rows in levels(parent)[1:]:
        total[rows] += total[parent[rows]]
    return total


def nearest(marked: Bool[Array, " node"], parent: Int[Array, " node"]) -> Int[Array, " node"]:
    """The first marked node on the way up from each, itself included; -1 where there is none."""
    found = np.where(marked, np.arange(len(parent)), -1)
    for rows in levels(parent)[1:]:
        found[rows] = np.where(marked[rows], rows, found[parent[rows]])
    return found


def path(node: int, parent: Int[Array, " node"]) -> Iterator[int]:
    """A node and all above it, from itself to its root."""
    while node >= 0:
        yield node
        node = int(parent[node])
