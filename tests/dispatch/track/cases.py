"""Small fleets that follow a signal."""

import numpy as np

from evergrid.battery.converter import LossCurve
from evergrid.dispatch.track import connections, fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.fleet_state import FleetState, Rules
from evergrid.dispatch.track.simulation import Stays

NOTTON = LossCurve(0.0072, 0.0, 0.0345)
WORSE = LossCurve(0.0145, 0.0, 0.0437)
TWO_WAY = ChargerType(7.36, 7.36, NOTTON, NOTTON)
ONE_WAY = ChargerType(7.36, 0.0, NOTTON, NOTTON, zero_held=False)
FAR_S = 2e5


def cars(
    count: int,
    *,
    kind: int = 0,
    energy_kwh: float | np.ndarray = 30.0,
    owed_kwh: float = 0.0,
    departure_s: float = FAR_S,
    base_kw: float = 0.0,
    ceiling_kwh: float = 60.0,
) -> Connections:
    """Cars alike."""
    one = np.ones(count)
    return Connections(
        np.full(count, kind),
        energy_kwh * one,
        5.0 * one,
        owed_kwh * one,
        ceiling_kwh * one,
        departure_s * one,
        base_kw * one,
    )


def fleet(
    count: int, *kinds: ChargerType, rules: Rules | None = None, **given: float | np.ndarray
) -> FleetState:
    """So many chargers of each type, all with a car."""
    kinds = kinds or (TWO_WAY,)
    state = fleet_state.empty(count * len(kinds), kinds, rules)
    for kind in range(len(kinds)):
        rows = np.arange(kind * count, (kind + 1) * count)
        connections.plug_in(state, rows, cars(count, kind=kind, **given))  # pyright: ignore[reportArgumentType]
    return state


def commuters(count: int, seed: int, end_s: float) -> Stays:
    """Cars that come and go, and are owed half of what charging for their stay reaches."""
    random = np.random.default_rng(seed)
    arrival = random.uniform(0.0, 0.5 * end_s, count) * (random.random(count) < 0.5)
    departure = random.uniform(0.55 * end_s, end_s, count)
    energy = random.uniform(8.0, 40.0, count)
    hours = (departure - arrival) / 3600.0
    owed = np.minimum(energy + 3.5 * hours, 54.0)
    base = -(owed - energy) / hours / 0.96
    one = np.ones(count)
    there = Connections(
        np.zeros(count, np.int64), energy, 8.0 * one, owed, 58.0 * one, departure, base
    )
    return Stays(np.arange(count), arrival, there, departure)


def random_signal(seed: int, ticks: int) -> np.ndarray:
    """Stuck at an end, noise, a slow wave, or a walk; with gaps."""
    random = np.random.default_rng(seed)
    shape = seed % 5
    if shape < 2:
        return np.full(ticks, 1.0 if shape == 0 else -1.0)
    if shape == 2:
        values = random.uniform(-1.5, 1.5, ticks)
    elif shape == 3:
        values = np.sin(np.arange(ticks) / random.uniform(20.0, 900.0))
    else:
        values = np.cumsum(random.normal(0.0, 0.05, ticks))
    return np.where(random.random(ticks) < 0.01, np.nan, values)
