"""Fleets that the benchmarks of tracking follow a signal with."""

import numpy as np

from evergrid.battery.converter import LossCurve
from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.connections import Connections, plug_in
from evergrid.dispatch.track.fleet_state import FleetState
from evergrid.dispatch.track.simulation import Stays

# Notton's type 2, and the median of the CEC library's inverters of 3 to 25 kW.
NOTTON = LossCurve(0.0072, 0.0, 0.0345)
CEC = LossCurve(0.0058, 0.0121, 0.0190)
DAY_S = 86400.0


def one_phase(*, zero_held: bool = True, curve: LossCurve = NOTTON) -> ChargerType:
    """A bidirectional charger of 32 A on one phase: 6 A at least, in steps of 1 A."""
    return ChargerType(7.36, 7.36, curve, curve, zero_held=zero_held)


def parked(cars: int, seed: int) -> Connections:
    """Cars of 60 kWh that stay for the day; drivers are owed half of it in the end."""
    random = np.random.default_rng(seed)
    full = np.full(cars, 1.0)
    return Connections(
        np.zeros(cars, np.int64),
        random.uniform(20.0, 40.0, cars),
        10.0 * full,
        30.0 * full,
        55.0 * full,
        2.0 * DAY_S * full,
        0.0 * full,
    )


def plugged_in(cars: int, kind: ChargerType, seed: int = 0) -> FleetState:
    """A fleet that is plugged in for long."""
    state = fleet_state.empty(cars, [kind])
    plug_in(state, np.arange(cars), parked(cars, seed))
    return state


def commuters(cars: int, seed: int, hours: float) -> Stays:
    """Cars that come in the first half of the time and leave in the second.

    Each is owed what charging for half of its stay reaches.
    """
    random = np.random.default_rng(seed)
    end_s = hours * 3600.0
    arrival_s = random.uniform(0.0, 0.5 * end_s, cars) * (random.random(cars) < 0.5)
    departure_s = random.uniform(0.55 * end_s, end_s, cars)
    energy = random.uniform(8.0, 40.0, cars)
    gain = 0.5 * 7.0 * (departure_s - arrival_s) / 3600.0
    owed = np.minimum(energy + gain, 54.0)
    base_kw = -(owed - energy) / ((departure_s - arrival_s) / 3600.0) / 0.96
    columns = energy, np.full(cars, 8.0), owed, np.full(cars, 58.0), departure_s, base_kw
    cars_there = Connections(np.zeros(cars, np.int64), *columns)
    return Stays(np.arange(cars), arrival_s, cars_there, departure_s)


def bound_kw(
    target_kw: Float[Array, " tick"], kind: ChargerType, cars: int
) -> Float[Array, " tick"]:
    """Least loss of cars alike, by trying every number of them at equal power.

    Powers are continuous between the least and the greatest, and contactors free: no dispatch of
    these chargers loses less.
    """
    power = np.abs(target_kw)
    best = np.where(power == 0, 0.0, np.inf)
    for count in range(1, cars + 1):
        each = power / count
        curve, rating = kind.discharge, kind.rating_kva
        loss = count * rating * curve.of(each / rating)
        able = (each >= kind.least_kw - 1e-9) & (each <= rating + 1e-9)
        best = np.where(able, np.minimum(best, loss), best)
    return best
