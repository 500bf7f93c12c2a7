"""What energy fed by vehicles is worth to others, as a function of how much is fed."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

Amount = Float[Array, "..."] | float


class AbstractValue(ABC):
    """Worth of a quantity; nothing is worth nothing."""

    @abstractmethod
    def total(self, quantity_mwh: Amount) -> Amount:
        """Worth of all of it."""

    @abstractmethod
    def marginal(self, quantity_mwh: float) -> float:
        """Worth of one MWh more; at a corner, of the next one."""

    @abstractmethod
    def corners(self) -> Float[Array, " corner"]:
        """Where the marginal worth jumps; empty where it does nowhere."""


@final
@dataclass(frozen=True)
class LinearValue(AbstractValue):
    """A marginal worth that changes in a straight line.

    Attributes:
        first_per_mwh: Worth of the first MWh.
        slope_per_mwh2: By how much that of each MWh is more than that of the one before.
    """

    first_per_mwh: float
    slope_per_mwh2: float = 0.0

    def total(self, quantity_mwh: Amount) -> Amount:
        """Worth of all of it."""
        return self.first_per_mwh * quantity_mwh + self.slope_per_mwh2 * quantity_mwh**2 / 2

    def marginal(self, quantity_mwh: float) -> float:
        """Worth of one MWh more."""
        return self.first_per_mwh + self.slope_per_mwh2 * quantity_mwh

    def corners(self) -> Float[Array, " corner"]:
        """None."""
        return np.zeros(0)


@final
@dataclass(frozen=True)
class NodeValue(AbstractValue):
    """Worth known at nodes, straight between them.

    Attributes:
        quantity_mwh: Of each node, rising from 0.
        worth: Of each node; that of the first is 0.

    Raises:
        InputError: Quantities that do not rise from 0.
    """

    quantity_mwh: Float[Array, " node"]
    worth: Float[Array, " node"]

    def __post_init__(self) -> None:
        """Check shapes and order."""
        records.check(self, "value")
        rises = len(self.quantity_mwh) > 1 and bool((np.diff(self.quantity_mwh) > 0).all())
        if not rises or self.quantity_mwh[0] != 0:
            raise_if_any("value", [Fault("quantity_mwh", "rise from 0")])

    def total(self, quantity_mwh: Amount) -> Amount:
        """Worth of all of it."""
        return np.interp(quantity_mwh, self.quantity_mwh, self.worth)

    def marginal(self, quantity_mwh: float) -> float:
        """Worth of one MWh more; at a node, of the next one."""
        nodes, slopes = self._pieces
        return slopes[min(max(bisect_right(nodes, quantity_mwh) - 1, 0), len(slopes) - 1)]

    @cached_property
    def _pieces(self) -> tuple[list[float], list[float]]:
        """Nodes and the slope behind each, which are looked up one by one."""
        slopes = np.diff(self.worth) / np.diff(self.quantity_mwh)
        return self.quantity_mwh.tolist(), slopes.tolist()

    def corners(self) -> Float[Array, " corner"]:
        """The nodes between the first and the last."""
        return self.quantity_mwh[1:-1]
