"""Fills valleys and shaves peaks of a day's load: the cheapest hours for any convex supply."""

import numpy as np

from evergrid.core.arrays import Array, Float


def filled(
    load_mwh: Float[Array, "day hour"],
    energy_mwh: Float[Array, "day node"],
    most_mwh: float,
) -> Float[Array, "day node hour"]:
    """Charging that raises the lowest hours of each day to one level.

    With the same supply in all hours and a cost that rises with the load, no other charging of
    the same energy costs less. The level is where what is added below it, at most ``most_mwh`` an
    hour, is the energy wanted: a function of straight pieces with corners where an hour begins to
    be filled and where it is full, so that it is inverted exactly.

    Args:
        load_mwh: Without the charging.
        energy_mwh: Wanted of each day, several times over; what does not fit into 24 hours at full
            power is cut to what does.
        most_mwh: In any hour.
    """
    hours = load_mwh.shape[1]
    added = np.empty((*energy_mwh.shape, hours))
    for day, load in enumerate(load_mwh):
        corners = np.sort(np.concatenate([load, load + most_mwh]))
        reached = np.clip(corners[:, None] - load, 0.0, most_mwh).sum(axis=1)
        wanted = np.minimum(energy_mwh[day], hours * most_mwh)
        level = np.interp(wanted, reached, corners)
        added[day] = np.clip(level[:, None] - load, 0.0, most_mwh)
    # A level among equal sums is any of them; the energy is set to the last bit here.
    total = added.sum(axis=2, keepdims=True)
    wanted = np.minimum(energy_mwh, hours * most_mwh)[..., None]
    return added * np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)


def shaved(
    load_mwh: Float[Array, "day hour"],
    energy_mwh: Float[Array, "day node"],
    most_mwh: float,
) -> Float[Array, "day node hour"]:
    """Feeding that lowers the highest hours of each day to one level; see `filled`."""
    return filled(-load_mwh, energy_mwh, most_mwh)
