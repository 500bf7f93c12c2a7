"""Stays of one group's vehicles on the local clock, before they become sessions."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped


@dataclass(frozen=True)
class Stays:
    """Connections at a place, one row each, ordered by vehicle and arrival.

    Attributes:
        vehicle: Row of the vehicle in its group.
        arrival_local: Start on the local wall clock, to the minute.
        departure_local: End on the local wall clock, to the minute.
        need_kwh: Energy into the cells that the driver wants.
    """

    vehicle: Int[Array, " stay"]
    arrival_local: Shaped[Array, " stay"]
    departure_local: Shaped[Array, " stay"]
    need_kwh: Float[Array, " stay"]

    def select(self, rows: Shaped[Array, " row"]) -> "Stays":
        """The stays of these rows, given as indices or as a mask."""
        return Stays(
            self.vehicle[rows],
            self.arrival_local[rows],
            self.departure_local[rows],
            self.need_kwh[rows],
        )


def without_overlaps(stays: Stays, day: Int[Array, " stay"], vehicles: int) -> Stays:
    """The stays that begin after the vehicle's previous one ended.

    Args:
        stays: At most one per vehicle and day.
        day: Number of the day of each stay, from 0.
        vehicles: How many vehicles there are.
    """
    free = np.full(vehicles, np.datetime64("0001-01-01"), "datetime64[m]")
    keep = np.zeros(len(day), bool)
    order = np.argsort(day, kind="stable")
    edges = np.searchsorted(day[order], np.arange(day.max(initial=-1) + 2))
    for first, stop in pairwise(edges):
        rows = order[first:stop]
        rows = rows[stays.arrival_local[rows] > free[stays.vehicle[rows]]]
        keep[rows] = True
        free[stays.vehicle[rows]] = stays.departure_local[rows]
    return stays.select(keep)
