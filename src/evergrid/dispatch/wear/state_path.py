"""State of charge of each asset over a horizon, with what happens between its sessions."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import H_PER_DAY
from evergrid.dispatch.wear.battery_value import Fleet
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots


def soc_paths(portfolio: Portfolio, fleet: Fleet, planned: Schedule) -> Float[Array, "asset point"]:
    """State of charge at the begin of the horizon and at the end of each step.

    Between two sessions of an asset its state changes evenly from what the first left with to what
    the next arrives with. Before its first session and after its last it stays as it is there.
    """
    grid, sessions = portfolio.grid, portfolio.sessions
    at = slots(sessions, grid)
    held = np.full((len(fleet.asset_id), grid.steps + 1), np.nan)
    # What a session arrives with is known at the begin of its first step, unless the session before
    # it ends there.
    held[fleet.asset, at.first] = sessions.energy_arrival_kwh / sessions.capacity_kwh
    share = planned.energy_kwh / sessions.capacity_kwh[:, None]
    held[fleet.asset[at.session], at.step + 1] = share[at.session, at.step]
    points = np.arange(grid.steps + 1.0)
    for row in np.flatnonzero(np.isnan(held).any(axis=1)):
        known = ~np.isnan(held[row])
        held[row] = np.interp(points, points[known], held[row, known])
    return np.clip(held, 0.0, 1.0)


def window_h(grid: TimeGrid) -> float:
    """Length of the equal parts of a horizon that are nearest to a day."""
    parts = [n for n in range(1, grid.steps + 1) if grid.steps % n == 0]
    lengths = grid.horizon_h / np.array(parts)
    return float(lengths[np.abs(np.log(lengths / H_PER_DAY)).argmin()])
