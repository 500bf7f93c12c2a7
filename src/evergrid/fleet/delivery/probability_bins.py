"""Which vehicles are alike enough to be counted together, step by step?"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import prange

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.fleet.delivery.poisson_binomial import fleet_faults

BINS = 4096  # of equal width: a bound on a fleet's mean is off by 1/4096 of its power at most
TOGETHER = 8  # steps a thread goes through at a time: their probabilities share a cache line


@dataclass(frozen=True)
class Bins:
    """Sums over the vehicles whose probabilities fall into each bin.

    Bins of two parts of a fleet can be added, so a fleet need never be in memory as a whole.

    Attributes:
        lowest: Lowest probability seen in each bin, over all steps; infinite where none was.
        highest: Highest, minus infinity where none was.
        sums: Of power, power times probability, power squared and power cubed, in kW.
        greatest_kw: Greatest power of a single vehicle.
    """

    lowest: Float[Array, " bin"]
    highest: Float[Array, " bin"]
    sums: Float[Array, "step bin 4"]
    greatest_kw: Float[Array, " step"]

    def __add__(self, other: "Bins") -> "Bins":
        if len(self.sums) != len(other.sums):
            got = (len(self.sums), len(other.sums))
            raise InputError("bins", [Fault("steps", "be as many in all parts of a fleet", got)])
        return Bins(
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            self.sums + other.sums,
            np.maximum(self.greatest_kw, other.greatest_kw),
        )

    @property
    def total_kw(self) -> Float[Array, " step"]:
        """Power of all vehicles together."""
        return self.sums[:, :, 0].sum(axis=1)

    @property
    def like_vehicles(self) -> Float[Array, " step"]:
        """Number of equal vehicles whose sum has as much noise for its mean."""
        square = self.sums[:, :, 2].sum(axis=1)
        return self.total_kw**2 / np.maximum(square, np.finfo(float).tiny)


def gather(
    probability: Float[Array, "vehicle step"],
    power_kw: Float[Array, " vehicle"] | Float[Array, "vehicle step"],
    *,
    count: Int[Array, " vehicle"] | None = None,
) -> Bins:
    """Vehicles gathered into bins, in one pass.

    Args:
        probability: That a vehicle delivers in a step.
        power_kw: What it then delivers.
        count: Vehicles in each row, where rows are classes of like vehicles; one by default.

    Raises:
        InputError: A probability outside [0, 1], a power or count that is negative, NaN or
            infinite.
    """
    count = np.ones(len(probability), np.int64) if count is None else count
    raise_if_any("fleet", fleet_faults(probability, power_kw, count))
    power_kw = power_kw if power_kw.ndim == 2 else power_kw[:, None]
    steps = probability.shape[1]
    power_kw = np.broadcast_to(power_kw, probability.shape)
    sums, greatest = np.zeros((steps, BINS, 4)), np.zeros(steps)
    edges = np.tile([np.inf, -np.inf], (steps, BINS, 1))
    _gather(probability, power_kw, count, sums, edges, greatest)
    lowest = edges[:, :, 0].min(axis=0, initial=np.inf)
    return Bins(lowest, edges[:, :, 1].max(axis=0, initial=-np.inf), sums, greatest)


# Twice as fast as NumPy's bincount on one core and four times on two, and without its copies.
@kernel(parallel=True, error_model="numpy")
@no_type_check
def _gather(probability, power_kw, count, sums, edges, greatest):
    vehicles, steps = probability.shape
    for block in prange((steps + TOGETHER - 1) // TOGETHER):
        begin = block * TOGETHER
        for i in range(vehicles):
            for s in range(begin, min(begin + TOGETHER, steps)):
                p, w, many = probability[i, s], power_kw[i, s], count[i]
                if many == 0 or w == 0.0:
                    continue
                b = min(int(p * BINS), BINS - 1)
                total = many * w
                into, edge = sums[s, b], edges[s, b]
                into[0] += total
                into[1] += total * p
                into[2] += total * w
                into[3] += total * w * w
                edge[0] = min(edge[0], p)
                edge[1] = max(edge[1], p)
                greatest[s] = max(greatest[s], w)
