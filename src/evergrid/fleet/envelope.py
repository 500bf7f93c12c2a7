"""How far the stored energy of sessions can move, each by itself, up and down over time."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.model.schedule import plugged_share
from evergrid.model.session import Sessions


def energy_envelope(
    sessions: Sessions, grid: TimeGrid
) -> tuple[Float[Array, "session step"], Float[Array, "session step"]]:
    """Lowest and highest energy of each session at the end of each step, 0 when away.

    The highest is reached by charging at full power from arrival. The lowest is the deepest
    discharge from which the energy owed at departure can still be reached; where it cannot be
    reached at all, both are the path of full charging. Limits of sites are not applied.

    Source:
        Energy balance of one battery; no outside source.
    """
    hours = plugged_share(sessions, grid) * grid.step_h
    elapsed_h = np.cumsum(hours, axis=1)
    left_h = np.maximum(
        (sessions.departure_utc - _later(sessions, grid)) / np.timedelta64(1, "h"), 0
    )
    left_h = left_h[:, None] - elapsed_h
    start = sessions.energy_arrival_kwh[:, None]
    rate_in = (sessions.max_charge_kw * sessions.efficiency_charge)[:, None]
    rate_out = (sessions.max_discharge_kw / sessions.efficiency_discharge)[:, None]
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)[:, None]
    highest = np.minimum(sessions.capacity_kwh[:, None], start + rate_in * elapsed_h)
    owed = sessions.energy_departure_kwh[:, None] - rate_in * np.maximum(left_h, 0)
    lowest = np.maximum(np.maximum(floor, owed), start - rate_out * elapsed_h)
    plugged = hours > 0
    return np.where(plugged, np.minimum(lowest, highest), 0.0), np.where(plugged, highest, 0.0)


def _later(sessions: Sessions, grid: TimeGrid) -> Array:
    """Arrival of each session, or the start of the grid where that is later."""
    return np.maximum(sessions.arrival_utc, grid.times[0])
