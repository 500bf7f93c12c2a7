"""Power by locally measured frequency: each charger for itself, without a step that all share.

A charger has whole steps, and nothing between zero and its least power. If all rounded alike, a
fleet would answer a slow change of frequency in few large steps, all at once, and could hunt.
Here each charger rounds at a place of its own, its phase, and the fleet's answer is straight.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0  # multiples of it, modulo 1, spread evenly for any count


@dataclass(frozen=True)
class Droop:
    """A product that answers to the frequency.

    Attributes:
        deadband_hz: Deviation up to which nothing is done.
        full_hz: Deviation at which the whole award is delivered.

    Raises:
        InputError: The band is not below the full deviation.
    """

    deadband_hz: float
    full_hz: float

    def __post_init__(self) -> None:
        if not 0 <= self.deadband_hz < self.full_hz < np.inf:
            got = (self.deadband_hz,)
            raise_if_any("droop", [Fault("deadband_hz", "be in [0, full_hz)", got)])

    def share(self, deviation_hz: Float[Array, "*tick"]) -> Float[Array, "*tick"]:
        """Share of the award at a deviation from nominal; above 0, into the grid, when it is low.

        Raises:
            InputError: A deviation that is not finite: a charger that does not know the
                frequency must follow its plan instead.
        """
        if not np.all(np.isfinite(deviation_hz)):
            fix = "Leave the product while the frequency is not known."
            raise_if_any("droop", [Fault("deviation_hz", "be finite", fix=fix)])
        beyond = np.maximum(np.abs(deviation_hz) - self.deadband_hz, 0.0)
        full = self.full_hz - self.deadband_hz
        return -np.sign(deviation_hz) * np.minimum(beyond / full, 1.0)


def phases(chargers: int) -> Float[Array, " charger"]:
    """A phase for each charger, spread evenly over [0, 1)."""
    return (np.arange(chargers) + 0.5) * GOLDEN % 1.0


def steps(
    share: float,
    award: Float[Array, " charger"],
    least: Int[Array, " charger"],
    phase: Float[Array, " charger"],
) -> Int[Array, " charger"]:
    """Steps of each charger, rounded at its own phase.

    Args:
        share: Of the award, -1 to 1.
        award: Steps at the whole award.
        least: Smallest number of steps but zero.
        phase: From `phases`.

    Below the least power, as many chargers run at it as the sum asks for. Chargers have no common
    plan here: what they answer is added to none.
    """
    wanted = np.abs(share) * award
    between = np.floor(wanted + phase)
    at_least = np.where(phase < wanted / least, least, 0)
    return (np.sign(share) * np.where(wanted < least, at_least, between)).astype(np.int64)
