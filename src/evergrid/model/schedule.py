"""Who does what when: the power and energy of every session in every step."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class Schedule:
    """A plan in arrays.

    Attributes:
        grid: The steps.
        power_kw: Mean power over each step at the plug, positive into the grid; 0 when away.
        energy_kwh: Energy in the cells at the end of each step; 0 before arrival, held after
            departure.
        plugged: Whether the session is connected during any part of the step.
    """

    grid: TimeGrid
    power_kw: Float[Array, "session step"]
    energy_kwh: Float[Array, "session step"]
    plugged: Bool[Array, "session step"]


def plugged_share(sessions: Sessions, grid: TimeGrid) -> Float[Array, "session step"]:
    """Share of each step during which each session is connected, from 0 to 1."""
    arrival = grid.position(sessions.arrival_utc)[:, None]
    departure = grid.position(sessions.departure_utc)[:, None]
    step = np.arange(grid.steps)
    share = np.minimum(departure, step + 1) - np.maximum(arrival, step)
    return np.where(share > 1e-9, np.minimum(share, 1.0), 0.0)
