"""How fast a step is answered, what of it is sustained, and how much energy that delivers."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H


@dataclass(frozen=True)
class Activation:
    """The answer to one plateau.

    Attributes:
        asked: Share of the award that was asked, above 0 into the grid.
        activation_s: Until the end of the tick in which it was there, but for the tolerance;
            infinite where it never was.
        sustained: Least share of what was asked, from when it was due to the end.
        delivered_h: Energy over the award, in hours, in the direction asked.
    """

    asked: float
    activation_s: float
    sustained: float
    delivered_h: float

    def passes(self, full_s: float, tolerance: float) -> bool:
        """Whether it was there in time and stayed, but for a share that may be missing."""
        in_time = self.activation_s <= full_s + 1e-9
        return in_time and self.sustained >= 1.0 - tolerance - 1e-9


def measured(
    response: Float[Array, " tick"], asked: float, *, tick_s: float, full_s: float, tolerance: float
) -> Activation:
    """The answer to a plateau that lasts as long as the response.

    Args:
        response: Share of the award, tick by tick from the begin of the plateau.
        asked: Share that was asked, not 0.
        tick_s: Length of a tick.
        full_s: By when it is due; what is sustained counts from the first tick after.
        tolerance: Share of it that may be missing.

    Raises:
        InputError: Nothing was asked, or there is no tick after it is due.
    """
    due = int(np.ceil(full_s / tick_s - 1e-9))
    faults = []
    if asked == 0:
        faults.append(Fault("asked", "be other than 0", (asked,)))
    if len(response) <= due:
        rule = f"last longer than {full_s:g} s, when all is due"
        faults.append(Fault("response", rule, (f"{len(response) * tick_s:g} s",)))
    raise_if_any("activation", faults)
    share = np.nan_to_num(response) / asked
    there = np.flatnonzero(share >= 1.0 - tolerance - 1e-9)
    return Activation(
        asked=asked,
        activation_s=float((there[0] + 1) * tick_s) if len(there) else np.inf,
        sustained=float(share[due:].min()),
        delivered_h=float((np.nan_to_num(response) * np.sign(asked)).sum()) * tick_s / S_PER_H,
    )
