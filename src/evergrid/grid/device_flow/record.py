"""What is told of scenarios that were judged on devices, in place of their voltages."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int


@dataclass(frozen=True)
class Worst:
    """How far each scenario passes each kind of limit, `hosting_capacity.KINDS`.

    Attributes:
        excess: Beyond the limit at the worst place; negative where it is kept, minus infinity where
            there is nothing to be judged: averages and heat, and all but the last kind of a
            scenario without a solution.
        where: Row of the branch, watched conductor of a line, place at which a transformer is
            judged, or watched bus there; -1 for none.
        transformer: Loading of each place at which a transformer is judged; NaN without a solution.
        error_pu: Error that is left in the voltages.
    """

    excess: Float[Array, "scenario kind"]
    where: Int[Array, "scenario kind"]
    transformer: Float[Array, "scenario place"]
    error_pu: Float[Array, " scenario"]

    @property
    def fails(self) -> Bool[Array, " scenario"]:
        """Whether any limit is passed, or there is no solution."""
        return np.asarray((self.excess > 0).any(axis=1))
