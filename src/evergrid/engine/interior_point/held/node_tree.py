"""How nodes below which capacity is held answer prices: summed up the forest, and solved down."""

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.tree import Children
from evergrid.engine.interior_point.held import node_kernels
from evergrid.engine.interior_point.held.records import CallFactors, CallStiffness, RowChange
from evergrid.engine.interior_point.node_tree import homes

SEEN_TOGETHER = 64  # nodes, about, whose answers as their parents see them are kept at a time


class CallTree:
    """The elimination along a forest of nodes, whose roots all answer the prices of awards.

    Args:
        parent: Node above each, -1 for a root.
        chunk_node: Node of each chunk of stores.
        parts: What each kind of row counts of net power and of each award.
        steps: How many steps there are.
    """

    def __init__(
        self,
        parent: Int[Array, " node"],
        chunk_node: Int[Array, " chunk"],
        parts: Float[Array, "kind out"],
        steps: int,
    ) -> None:
        nodes, (kinds, outs) = len(parent), parts.shape
        self.parent, self.parts, self.steps, self.chunks = parent, parts, steps, len(chunk_node)
        self.columns = outs * steps
        self.levels = tree.levels(parent)
        self.children = Children.of(parent)
        self.above = np.where(parent < 0, nodes, parent)  # the last row is the prices of awards
        self.home, self.extra = homes(chunk_node, nodes)
        self.chunk_node = chunk_node
        rank = kinds * steps
        self.felt = np.zeros((nodes, rank), np.int64)
        self.counts = np.zeros(nodes, np.int64)
        self.held = np.zeros((nodes, rank))
        self.answers = np.zeros(
            (max(len(chunk_node), int(self.home.max()) + 1), *[self.columns] * 2)
        )
        self.factors = np.zeros((nodes, rank, rank))
        self.seen = np.zeros((0, self.columns, self.columns))

    def factor(
        self, stiff: Float[Array, "kind node step"], shift: Float[Array, "kind node step"]
    ) -> Float[Array, "column column"]:
        """Eliminate every node; how what is held of all awards answers their prices."""
        self.rows = CallStiffness(self.parts, stiff, shift)
        for chunk in self.extra:
            self.answers[self.home[self.chunk_node[chunk]]] += self.answers[chunk]
        self.answers[self.chunks :] = 0.0
        for number in range(len(self.levels) - 1, 0, -1):
            for block in self.children.batches(self.levels[number - 1], SEEN_TOGETHER):
                self._eliminate(self.children.below(block), 0)
                start = np.append(0, np.cumsum(self.children.count[block]))
                node_kernels.gather_seen(block, start, self.answers, self.home, self.seen)
        top = np.zeros((self.columns - self.steps,) * 2)
        for begin in range(0, len(self.levels[0]), SEEN_TOGETHER):
            block = self.levels[0][begin : begin + SEEN_TOGETHER]
            self._eliminate(block, self.steps)
            top += self.seen[: len(block), self.steps :, self.steps :].sum(axis=0)
        return top

    def _eliminate(self, nodes: Int[Array, " some"], begin: int) -> None:
        """Factor some nodes, and note what is seen of them from a column on."""
        if len(self.seen) < len(nodes):
            self.seen = np.zeros((len(nodes), self.columns, self.columns))
        node_kernels.factor(nodes, begin, self.rows, self._factors(), self.seen)

    def up(
        self, push: Float[Array, "kind node step"], change: Float[Array, "node out step"]
    ) -> Float[Array, "out step"]:
        """Changes of sums at present prices of awards, in place; that of all roots together."""
        for number in range(len(self.levels) - 1, -1, -1):
            nodes = self.levels[number]
            node_kernels.upwards(nodes, push, self.rows, self._factors(), change)
            if number:
                np.add.at(change, self.parent[nodes], change[nodes])
        return change[self.levels[0]].sum(axis=0)

    def down(
        self,
        push: Float[Array, "kind node step"],
        change: Float[Array, "node out step"],
        outside: Float[Array, "out step"],
    ) -> tuple[Float[Array, "node out step"], RowChange]:
        """Changes of prices, and of rows; changes of sums are brought up to date."""
        dprice = np.zeros((len(self.parent) + 1, *outside.shape))
        dprice[-1] = outside
        answered = RowChange(np.zeros_like(push), np.zeros_like(push))
        for nodes in self.levels:
            node_kernels.downwards(
                nodes, push, self.rows, self._factors(), change, dprice, answered
            )
        return dprice[:-1], answered

    def _factors(self) -> CallFactors:
        return CallFactors(
            answers=self.answers,
            home=self.home,
            factors=self.factors,
            felt=self.felt,
            counts=self.counts,
            held=self.held,
            above=self.above,
        )
