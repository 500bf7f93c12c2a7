"""All of a microgrid at one instant."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.network.dq_network import DqNetwork


@dataclass(frozen=True)
class DqState:
    """States and time; the layout is that of `DqNetwork`."""

    time_s: float
    values: Float[Array, " state"]


def dead_state(microgrid: DqNetwork, time_s: float = 0.0) -> DqState:
    """All zero: no voltage, no current, all angles at that of the frame."""
    return DqState(time_s, np.zeros(len(microgrid.state_names)))
