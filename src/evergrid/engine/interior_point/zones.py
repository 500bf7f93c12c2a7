"""Parts of a program that are solved elsewhere, and the few numbers that pass between.

A zone is a whole tree below one node. Of the node above it hears prices and step lengths; it
tells how it answers a change of that price, its net power and sums. Nothing else crosses.
"""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.interior_point.store_kernels import STEP_SHARE


@dataclass(frozen=True)
class Reach:
    """How far a step can be taken, and what it would do to the gap; by tree or zone.

    Attributes:
        primal: Longest step that keeps every slack positive.
        dual: Longest step that keeps every multiplier positive.
        gap: Sum of the products at present, and its change with the primal step, the dual step
            and both.
    """

    primal: Float[Array, " zone"]
    dual: Float[Array, " zone"]
    gap: Float[Array, "4 zone"]

    def step(self) -> "Reach":
        """The step to take: most of the longest one, and a full one at most."""
        primal, dual = (np.minimum(STEP_SHARE * far, 1.0) for far in (self.primal, self.dual))
        return replace(self, primal=primal, dual=dual)


@dataclass(frozen=True)
class Totals:
    """What a step led to; by tree or zone.

    Attributes:
        gap: Sum of the products.
        residual: Largest residual, as a multiple of what is allowed.
        cost: Cost of powers, excesses and peaks.
        turnover: The same with every payment counted as positive.
        over: How far an export limit would be exceeded once powers are cancelled to one direction.
    """

    gap: Float[Array, " zone"]
    residual: Float[Array, " zone"]
    cost: Float[Array, " zone"]
    turnover: Float[Array, " zone"]
    over: Float[Array, " zone"]


@dataclass(frozen=True)
class Powers:
    """What zones draw and feed after a step.

    Attributes:
        net: Net power of each zone, positive into the grid.
        lift: By how much it rises when powers are cancelled to one direction.
    """

    net: Float[Array, "zone step"]
    lift: Float[Array, "zone step"]


@runtime_checkable
class AbstractZones(Protocol):
    """Zones that hang from nodes of a program, asked all at once; arrays are by zone."""

    above: Int[Array, " zone"]
    count: Float[Array, " zone"]
    net: Float[Array, "zone step"]

    def factor(self, price: Float[Array, "zone step"]) -> Float[Array, "zone step step"]:
        """How each zone's net power answers a change of the price above, given that price."""
        ...

    def ask(self, goal: Float[Array, " zone"]) -> Float[Array, "zone step"]:
        """Change of net power at an unchanged price above."""
        ...

    def direct(self, dprice: Float[Array, "zone step"], *, predict: bool) -> Reach:
        """Take in the change of the price above; how far the zone's step reaches."""
        ...

    def move(self, reach: Reach) -> tuple[Powers, Totals]:
        """Take the step."""
        ...


class NoZones:
    """Nothing is kept elsewhere."""

    def __init__(self, steps: int) -> None:
        self.above = np.zeros(0, np.int64)
        self.count = np.zeros(0)
        self.net = np.zeros((0, steps))
        self._seen = np.zeros((0, steps, steps))

    def factor(self, price: Float[Array, "0 step"]) -> Float[Array, "0 step step"]:
        """Nothing."""
        return self._seen

    def ask(self, goal: Float[Array, " 0"]) -> Float[Array, "0 step"]:
        """Nothing."""
        return self.net

    def direct(self, dprice: Float[Array, "0 step"], *, predict: bool) -> Reach:
        """Nothing."""
        return Reach(self.count, self.count, np.zeros((4, 0)))

    def move(self, reach: Reach) -> tuple[Powers, Totals]:
        """Nothing."""
        none = self.count
        return Powers(self.net, self.net), Totals(none, none, none, none, none)
