"""How far the stored energy of sessions can move, each by itself, up and down over time."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.model.schedule import Slots, slots
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
    at = slots(sessions, grid)
    lowest, highest = (np.zeros((len(sessions), grid.steps)) for _ in range(2))
    lowest[at.session, at.step], highest[at.session, at.step] = _edges(sessions, grid, at)
    return lowest, highest


def fleet_envelope(
    sessions: Sessions, grid: TimeGrid
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Sums of `energy_envelope` over the sessions, without an array of session by step."""
    at = slots(sessions, grid)
    lowest, highest = _edges(sessions, grid, at)
    return (
        np.bincount(at.step, lowest, grid.steps),
        np.bincount(at.step, highest, grid.steps),
    )


def _edges(
    sessions: Sessions, grid: TimeGrid, at: Slots
) -> tuple[Float[Array, " slot"], Float[Array, " slot"]]:
    """Lowest and highest energy at the end of each slot."""
    elapsed_h = _elapsed_h(at, grid.step_h)
    arrival = np.maximum(sessions.arrival_utc, grid.times[0])
    left_h = (sessions.departure_utc - arrival) / np.timedelta64(1, "h")
    rate_in = sessions.max_charge_kw * sessions.efficiency_charge
    rate_out = sessions.max_discharge_kw / sessions.efficiency_discharge
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)
    row = at.session
    charged = rate_in[row] * elapsed_h
    highest = np.minimum(sessions.capacity_kwh[row], sessions.energy_arrival_kwh[row] + charged)
    chargeable = rate_in[row] * np.maximum(left_h[row] - elapsed_h, 0.0)
    owed = sessions.energy_departure_kwh[row] - chargeable
    drained = sessions.energy_arrival_kwh[row] - rate_out[row] * elapsed_h
    lowest = np.maximum(np.maximum(floor[row], owed), drained)
    return np.minimum(lowest, highest), highest


def _elapsed_h(at: Slots, step_h: float) -> Float[Array, " slot"]:
    """Time connected from arrival to the end of each slot."""
    summed = np.cumsum(at.share)
    lengths = at.stop - at.first
    before = np.append(0.0, summed)[np.cumsum(lengths) - lengths]
    return step_h * (summed - before[at.session])
