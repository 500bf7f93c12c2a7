"""What devices bring back of scenarios in place of their voltages: how far limits are violated."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int


@dataclass(frozen=True)
class DeviceResults:
    """How far each scenario violates each `Kind` of limit.

    Attributes:
        excess: Beyond the limit at the worst place; negative where it is kept, minus infinity where
            there is nothing to evaluate: averages and heat, and all but the last kind of a
            scenario without a solution.
        where: `LimitRows.place` of the worst place; 0 for no solution, -1 for none.
        transformer: Loading of each place at which a transformer is evaluated; NaN without a
            solution.
        error_pu: Error that is left in the voltages.
    """

    excess: Float[Array, "scenario kind"]
    where: Int[Array, "scenario kind"]
    transformer: Float[Array, "scenario place"]
    error_pu: Float[Array, " scenario"]

    @property
    def violated(self) -> Bool[Array, " scenario"]:
        """Whether any limit is violated, or there is no solution."""
        return np.asarray((self.excess > 0).any(axis=1))
