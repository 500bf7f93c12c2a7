"""How nodes in a forest answer prices: every answer summed up the tree, and solved down again."""

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.tree import Children
from evergrid.engine.interior_point import node_kernels
from evergrid.engine.interior_point.barrier import Rows
from evergrid.engine.interior_point.kernel_records import RowStiffness, TreeFactors
from evergrid.engine.interior_point.node_barrier import NodeBarrier

SEEN_TOGETHER = 128  # nodes, about, whose answers as their parents see them are kept at a time


def homes(
    chunk_node: Int[Array, " chunk"], nodes: int
) -> tuple[Int[Array, " node"], Int[Array, " extra"]]:
    """Place of each node's answer, that of its first chunk or behind all; chunks to be added there.

    So the answers of most nodes are summed up where their stores have left them.
    """
    first = np.flatnonzero(np.diff(chunk_node, prepend=-1))
    home = np.full(nodes, -1)
    home[chunk_node[first]] = first
    without = home < 0
    home[without] = len(chunk_node) + np.arange(without.sum())
    return home, np.setdiff1d(np.arange(len(chunk_node)), first)


class NodeTree:
    """The elimination along a forest of nodes, level by level.

    Args:
        parent: Node above each, -1 for a root.
        steps: How many steps there are.
        chunk_node: Node of each chunk of stores.
        rows: What holds the nodes back.
        outer: Whether the roots hang from a node that is kept elsewhere.
    """

    def __init__(
        self,
        parent: Int[Array, " node"],
        steps: int,
        chunk_node: Int[Array, " chunk"],
        rows: Rows,
        *,
        outer: bool,
    ) -> None:
        nodes = len(parent)
        self.parent, self.chunks = parent, len(chunk_node)
        self.levels = tree.levels(parent)
        self.children = Children.of(parent)
        self.root = (parent < 0) & (not outer)
        self.above = np.where(parent < 0, nodes, parent)  # the last row of prices is the outside's
        self.home, self.extra = homes(chunk_node, nodes)
        self.chunk_node = chunk_node
        self.felt = np.zeros((nodes, steps), np.int64)
        self.counts = np.zeros(nodes, np.int64)
        self.held = np.zeros((nodes, steps + 1))  # by felt step, and by the budget
        self.steps = steps
        self.rank = steps if rows.budget is None else steps + 1
        self.rest()
        self.ready()
        self.peak = np.full(nodes, -1)
        self.peak[rows.peaked] = np.arange(len(rows.peaked))
        self.ties = np.zeros((max(len(rows.peaked), 1), steps + 1))

    def ready(self) -> None:
        """Make room for answers and factors, where there is none."""
        if len(self.answers):
            return
        nodes, steps = len(self.held), self.steps
        places = max(self.chunks, int(self.home.max()) + 1)
        self.answers = np.zeros((places, steps, steps))
        self.factors = np.zeros((nodes, self.rank, self.rank))

    def rest(self) -> None:
        """Give the room back."""
        none = np.zeros((0, self.steps, self.steps))
        self.answers = self.factors = self.seen = none

    def factor(
        self,
        barrier: NodeBarrier,
        active: Bool[Array, " node"],
        above: Int[Array, " zone"],
        of_zones: Float[Array, "zone step step"],
    ) -> None:
        """Sum the answers of stores, zones and nodes up the tree; eliminate every node."""
        for chunk in self.extra:
            self.answers[self.home[self.chunk_node[chunk]]] += self.answers[chunk]
        self.answers[self.chunks :] = 0.0
        for node, answer in zip(above, of_zones, strict=True):
            self.answers[self.home[node]] += answer
        for number in range(len(self.levels) - 1, 0, -1):
            parents = self._working(number - 1, active)
            for block in self.children.batches(parents, SEEN_TOGETHER):
                self._eliminate(barrier, self.children.below(block))
                start = np.append(0, np.cumsum(self.children.count[block]))
                node_kernels.gather(block, start, self.answers, self.home, self.seen)
        self._eliminate(barrier, self._working(0, active))

    def _eliminate(self, barrier: NodeBarrier, nodes: Int[Array, " some"]) -> None:
        """Factor some nodes, and note what their parents see of them."""
        passed_on = 0 if self.root[nodes].all() else len(nodes)
        if len(self.seen) < passed_on:
            self.seen = np.zeros((passed_on, self.steps, self.steps))
        node_kernels.factor(nodes, self._rows(barrier), self._factors(), self.seen)

    def seen_from_outside(self) -> Float[Array, "root step step"]:
        """The answers of the roots, where they hang from a node that is kept elsewhere."""
        return self.seen[: len(self.levels[0])]

    def up(
        self,
        barrier: NodeBarrier,
        push: Float[Array, "node step"],
        change: Float[Array, "node step"],
        active: Bool[Array, " node"],
        shift: Float[Array, "node step"] | None = None,
    ) -> None:
        """Net changes at present prices above, in place of those at each node's own price.

        Rows count from where offsets are undone, or from the ``shift`` that is given.
        """
        rows, factors = self._rows(barrier, shift), self._factors()
        for number in range(len(self.levels) - 1, -1, -1):
            nodes = self._working(number, active)
            node_kernels.upwards(nodes, push, rows, factors, change)
            if number:
                np.add.at(change, self.parent[nodes], change[nodes])

    def down(
        self,
        barrier: NodeBarrier,
        push: Float[Array, "node step"],
        change: Float[Array, "node step"],
        active: Bool[Array, " node"],
        outside: Float[Array, " step"],
        shift: Float[Array, "node step"] | None = None,
    ) -> Float[Array, "node step"]:
        """Changes of price; net changes are brought up to date with them."""
        rows, factors = self._rows(barrier, shift), self._factors()
        dprice = np.zeros((len(self.parent) + 1, change.shape[1]))
        dprice[-1] = outside
        for number in range(len(self.levels)):
            nodes = self._working(number, active)
            node_kernels.downwards(nodes, push, rows, factors, change, dprice)
        return dprice[:-1]

    def response(
        self,
        barrier: NodeBarrier,
        price: Float[Array, "node step"],
        active: Bool[Array, " node"],
    ) -> Float[Array, "node step"]:
        """By how much net power falls when these prices are added to those of the nodes."""
        change, none = np.zeros(price.shape), np.zeros(price.shape)
        self.up(barrier, price, change, active, none)
        self.down(barrier, price, change, active, np.zeros(self.steps), none)
        return -change

    def reach(self) -> Float[Array, "node step"]:
        """Square root of each node's answer to its own price, before its rows hold it back."""
        answers = self.answers[self.home]
        return np.sqrt(np.maximum(np.einsum("gss->gs", answers), 0.0))

    def pooled(self) -> Float[Array, " node"]:
        """What each node's budget takes up of a price, after `down`."""
        return self.held[np.arange(len(self.held)), self.counts]

    def _rows(
        self, barrier: NodeBarrier, shift: Float[Array, "node step"] | None = None
    ) -> RowStiffness:
        rows = barrier.steps
        return RowStiffness(
            stiff=rows.stiff,
            shift=rows.shift if shift is None else shift,
            pool=barrier.pool,
            peak=self.peak,
            peak_bend=rows.peak_bend,
            rise_bend=rows.rise_bend,
            peak_total=rows.peak_total,
            ties=self.ties,
        )

    def _factors(self) -> TreeFactors:
        return TreeFactors(
            answers=self.answers,
            home=self.home,
            factors=self.factors,
            felt=self.felt,
            counts=self.counts,
            held=self.held,
            above=self.above,
            root=self.root,
        )

    def _working(self, number: int, active: Bool[Array, " node"]) -> Int[Array, " some"]:
        nodes = self.levels[number]
        return nodes[active[nodes]]
