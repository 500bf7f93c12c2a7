"""The nodes' part of the iterate as a whole: rows of single steps, and budgets over all steps.

A budget holds the sum of a node's net power over all steps above a level. So it is a row of the
same kind, of a barrier that sees all steps as one. What it adds to the node's price is the same
in every step, and what it adds to the node's stiffness is a matrix of rank one, its *pool*.
"""

from functools import reduce
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.interior_point.barrier import Barrier, Point, Rows
from evergrid.engine.interior_point.node_kernels import STIFF

Points = tuple[Point, ...]  # of the rows of single steps, and of budgets where there are any
Products = tuple[tuple[Array, Array, Array], ...]


@final
class NodeBarrier:
    """Both barriers as one.

    Attributes:
        steps: That of the rows in each step.
        budgets: That of budgets; None where no node has one.
        parts: Those that there are.
        count: How many products each node has.
    """

    def __init__(self, rows: Rows, net: Float[Array, "node step"], centre: float) -> None:
        self.rows = rows
        self.steps = Barrier(rows, net, centre)
        self.budgets = None
        if rows.budget is not None:
            self.budgets = Barrier(rows.budget, _over_steps(net), centre)
        self.parts = (self.steps,) if self.budgets is None else (self.steps, self.budgets)
        self.count = reduce(np.add, [part.count for part in self.parts])
        self.nothing: Products = tuple(part.nothing for part in self.parts)

    @property
    def point(self) -> Points:
        """The present point."""
        return tuple(part.point for part in self.parts)

    @property
    def pool(self) -> Float[Array, " node"]:
        """Stiffness of each node's sum over steps; 0 without a budget."""
        if self.budgets is None:
            return np.zeros(self.rows.held.shape[1])
        return self.budgets.stiff[:, 0]

    def begin_from(
        self,
        own_price: Float[Array, "node step"],
        budget_price: Float[Array, " node"],
        net: Float[Array, "node step"],
        least: Float[Array, " node"],
    ) -> None:
        """Begin at these prices and net powers, with products of about ``least`` in each node.

        Args:
            own_price: What each node adds to its parent's price.
            budget_price: The part of it that its budget adds in every step.
            net: Net power of each node.
            least: Products.
        """
        if self.budgets is None:
            self.steps.begin_from(own_price, net, least)
            return
        of_budget = np.where(self.budgets.rows.held[0], budget_price[:, None], 0.0)
        self.steps.begin_from(own_price - of_budget, net, least)
        self.budgets.begin_from(of_budget, _over_steps(net), least)

    def prepare(self, net: Float[Array, "node step"]) -> None:
        """Take in the present net powers."""
        for part, seen in zip(self.parts, self._seen(net), strict=True):
            part.prepare(seen)

    def own_price(self) -> Float[Array, "node step"]:
        """What each node's rows add to its parent's price at present."""
        price = self.steps.own_price()
        return price if self.budgets is None else price + self.budgets.own_price()

    def budget_price(self) -> Float[Array, " node"]:
        """What each node's budget adds to the price of every step."""
        if self.budgets is None:
            return np.zeros(self.rows.held.shape[1])
        return self.budgets.own_price()[:, 0]

    def aim(self, goal: Float[Array, " node"], products: Products) -> Float[Array, "node step"]:
        """What each node's rows would add to its parent's price once offsets are undone.

        Net powers count from the shift of the rows in each step, so a budget counts from its sum.
        """
        aimed = self.steps.aim(goal, products[0])
        if self.budgets is None:
            return aimed
        pooled = self.budgets.aim(goal, products[1])
        missed = self.budgets.shift - _over_steps(self.steps.shift)
        return aimed + pooled - self.budgets.stiff * missed

    def step(self, change: Float[Array, "node step"], pooled: Float[Array, " node"]) -> Points:
        """The step of slacks and multipliers that goes with these changes of net power.

        Args:
            change: Of each node's net power.
            pooled: What each node's budget takes up of a price. Where it is stiff, that tells the
                change of the sum over steps to more digits than the sum itself.
        """
        first = self.steps.step(change)
        if self.budgets is None:
            return (first,)
        stiff = self.pool > STIFF
        exact = pooled / np.where(stiff, self.pool, 1.0) - self.steps.shift.sum(axis=1)
        summed = np.where(stiff, exact, change.sum(axis=1))
        return first, self.budgets.step(summed[:, None])

    def longest(self, step: Points) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
        """The longest primal and dual step that keeps each node's slacks positive."""
        each = zip(self.parts, step, strict=True)
        primal, dual = zip(*(part.longest(own) for part, own in each), strict=True)
        return reduce(np.minimum, primal), reduce(np.minimum, dual)

    def move(
        self,
        step: Points,
        primal: Float[Array, " node"],
        dual: Float[Array, " node"],
        net: Float[Array, "node step"],
    ) -> None:
        """Take the step, each node as far as it is told, to these net powers."""
        for part, own, seen in zip(self.parts, step, self._seen(net), strict=True):
            part.move(own, primal, dual, seen)

    def products(self, one: Points, other: Points) -> Products:
        """Products of one point's slacks with the other's multipliers."""
        return tuple(a.pairs(b) for a, b in zip(one, other, strict=True))

    def total(self, one: Points, other: Points) -> Float[Array, " node"]:
        """Sum of these products over each node's rows."""
        each = zip(self.parts, one, other, strict=True)
        return reduce(np.add, [part.total(*points) for part, *points in each])

    def residual(self, net: Float[Array, "node step"]) -> Float[Array, " node"]:
        """Largest offset of each node, as a multiple of what is allowed."""
        each = zip(self.parts, self._seen(net), strict=True)
        return reduce(np.maximum, [part.residual(seen) for part, seen in each])

    def cost(self) -> Float[Array, " node"]:
        """What excesses and peaks cost each node."""
        return reduce(np.add, [part.cost() for part in self.parts])

    def part(self, nodes: Int[Array, " some"]) -> Points:
        """The point of some nodes."""
        return tuple(part.part(nodes) for part in self.parts)

    def put(self, nodes: Int[Array, " some"], point: Points) -> None:
        """Take over the point of some nodes."""
        for part, own in zip(self.parts, point, strict=True):
            part.put(nodes, own)

    def _seen(self, net: Float[Array, "node step"]) -> tuple[Array, ...]:
        """What each of the barriers sees of net powers."""
        return (net,) if self.budgets is None else (net, _over_steps(net))


def _over_steps(net: Float[Array, "node step"]) -> Float[Array, "node 1"]:
    return net.sum(axis=1, keepdims=True)
