"""What batteries of the grid do each day: they fill valleys and shave peaks while that pays."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.impact.welfare.power_system.supply import AbstractSupply

HALVINGS = 52  # of what is fed in a day, to the last bit of a float


@dataclass(frozen=True)
class GridStorage:
    """Batteries of the grid, all together; each day ends with what it began with.

    Attributes:
        power_mw: Charging and feeding, at the grid.
        energy_mwh: That they hold.
        round_trip: Fed over charged, half of the losses each way.
        wear_per_mwh: Of each MWh fed.

    Raises:
        InputError: A value beyond its range.
    """

    power_mw: float
    energy_mwh: float
    round_trip: float
    wear_per_mwh: float = 0.0

    def __post_init__(self) -> None:
        """Check kinds and ranges."""
        records.check(self, "grid storage")
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("power_mw", "energy_mwh")
            if not (value := getattr(self, name)) > 0
        ]
        if not 0 < self.round_trip <= 1:
            faults.append(Fault("round_trip", "be above 0 and at most 1", (self.round_trip,)))
        if not self.wear_per_mwh >= 0:
            faults.append(Fault("wear_per_mwh", "be at least 0", (self.wear_per_mwh,)))
        raise_if_any("grid storage", faults)

    def most_mwh(self, hours: int) -> float:
        """Most that is fed in a day of so many hours, by what they hold and by their power."""
        held = self.energy_mwh * self.round_trip**0.5
        return min(held, hours * self.power_mw / (1.0 + 1.0 / self.round_trip))


def response(
    storage: GridStorage, supply: AbstractSupply, load_mwh: Float[Array, "... hour"]
) -> Float[Array, "... hour"]:
    """What is fed in each hour, below 0 where it is charged, so that the day costs least.

    The lowest hours of a day are filled to one level and the highest shaved to another, as far as
    the MWh at the upper level saves more than wear and the charging at the lower one cost. Both
    levels are functions of straight pieces of what is fed, so that only that amount is searched
    for. Which hour comes first is left open, as for vehicles: over days that are alike the store
    is full in time.

    Args:
        storage: The batteries.
        supply: Of every hour.
        load_mwh: At the grid, with whatever vehicles do; days of one row each.

    Source:
        Conditions of the least cost of a convex supply; no outside source.
    """
    hours = load_mwh.shape[-1]
    rows = load_mwh.reshape(-1, hours)
    valley, peak = _Levels(rows, storage.power_mw), _Levels(-rows, storage.power_mw)
    low, high = np.zeros(len(rows)), np.full(len(rows), storage.most_mwh(hours))
    for _ in range(HALVINGS):
        fed = (low + high) / 2
        saved = supply.price(-peak.at(fed)) - storage.wear_per_mwh
        pays = saved > supply.price(valley.at(fed / storage.round_trip)) / storage.round_trip
        low, high = np.where(pays, fed, low), np.where(pays, high, fed)
    charged = valley.added(low / storage.round_trip)
    return (peak.added(low) - charged).reshape(load_mwh.shape)


class _Levels:
    """Levels to which the lowest hours of many days are filled by so much energy."""

    def __init__(self, load: Float[Array, "row hour"], power: float) -> None:
        corner = np.concatenate([load, load + power], axis=1)
        starts = np.repeat([1.0, -1.0], load.shape[1])  # an hour begins to fill, or is full
        order = np.argsort(corner, axis=1, kind="stable")
        self.load, self.power = load, power
        self.corner = np.take_along_axis(corner, order, axis=1)
        self.filling = np.cumsum(starts[order], axis=1)  # hours that fill above each corner
        steps = np.diff(self.corner, axis=1) * self.filling[:, :-1]
        self.reached = np.concatenate([np.zeros((len(load), 1)), np.cumsum(steps, axis=1)], axis=1)

    def at(self, energy: Float[Array, " row"]) -> Float[Array, " row"]:
        """The level of each day."""
        last = self.corner.shape[1] - 2
        place = np.clip((self.reached <= energy[:, None]).sum(axis=1) - 1, 0, last)[:, None]
        rate = np.maximum(self._of(self.filling, place), 1.0)
        return self._of(self.corner, place) + (energy - self._of(self.reached, place)) / rate

    def added(self, energy: Float[Array, " row"]) -> Float[Array, "row hour"]:
        """What each hour takes, right in all to the last bit."""
        hours = np.clip(self.at(energy)[:, None] - self.load, 0.0, self.power)
        total = hours.sum(axis=1)
        scale = np.divide(energy, total, out=np.zeros_like(total), where=total > 0)
        return hours * scale[:, None]

    def _of(
        self, values: Float[Array, "row corner"], place: Int[Array, "row 1"]
    ) -> Float[Array, " row"]:
        return np.take_along_axis(values, place, axis=1)[:, 0]
