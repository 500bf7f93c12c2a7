"""What an instance is made of: a winter day's sessions, base load and prices, from a seed."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.timegrid import TimeGrid
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup, Place
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions, joined

START_UTC = datetime(2024, 1, 16, 11, tzinfo=UTC)  # noon of a Tuesday in the zone below
TIME_ZONE = "Europe/Amsterdam"
STEP_H = 0.25
PER_TRANSFORMER = 25  # vehicles
CHARGER_KW: dict[Place, float] = {"home": 11.0, "workplace": 11.0, "depot": 60.0}
WEAR_COST_PER_KWH = 0.05


@dataclass(frozen=True)
class Fleet:
    """Vehicles that plug in, and the transformer of each of their sessions.

    Attributes:
        sessions: As many as were asked for.
        transformer: Transformer of each session; all sessions of a vehicle share one.
        place: Place of each transformer.
        vehicles: Vehicles of each transformer.
    """

    sessions: Sessions
    transformer: Int[Array, " session"]
    place: tuple[Place, ...]
    vehicles: Int[Array, " transformer"]


def horizon(steps: int) -> TimeGrid:
    """The steps of an instance, from noon."""
    return TimeGrid(START_UTC, STEP_H, steps)


def fleet(grid: TimeGrid, shares: dict[Place, float], sessions: int, *, seed: int) -> Fleet:
    """Exactly so many sessions, this share of them at each place."""
    counts = _whole_numbers(shares, sessions)
    drawn = [_sessions(grid, place, count, seed) for place, count in counts.items() if count]
    kept = joined(drawn)
    vehicle = np.cumsum(np.append(False, kept.asset_id[1:] != kept.asset_id[:-1]))
    transformer = _transformers(vehicle, [len(part) for part in drawn])
    first = np.append(True, vehicle[1:] != vehicle[:-1])
    starts = np.searchsorted(transformer, np.arange(int(transformer[-1]) + 1))
    place_of = np.repeat([place for place, count in counts.items() if count], [*map(len, drawn)])
    return Fleet(
        sessions=kept,
        transformer=transformer,
        place=tuple(place_of[starts].tolist()),
        vehicles=np.bincount(transformer[first]),
    )


def prices(grid: TimeGrid, *, seed: int, fee_per_mwh: float = 20.0, noon: float = 0.0) -> Prices:
    """A day with a morning and an evening peak; ``noon`` is added around midday, per MWh."""
    rng = np.random.default_rng([seed, 1])
    hour = _local_hour(grid)
    day = 60 + 45 * _bump(hour, 8.0, 1.5) + 110 * _bump(hour, 18.5, 2.0) - 25 * _bump(hour, 3, 3)
    noise = rng.normal(0.0, 5.0, grid.steps)
    sold = np.maximum(day + noise, 5.0) + noon * _bump(hour, 13.0, 2.0)
    return Prices(grid.times, sold + fee_per_mwh, sold, np.zeros(grid.steps), "EUR")


def base_load(
    grid: TimeGrid, mean_kw: Float[Array, " transformer"], *, seed: int
) -> Float[Array, "transformer step"]:
    """Load beside the chargers, at most 1.6 times its mean level, highest in the evening."""
    rng = np.random.default_rng([seed, 2])
    hour = _local_hour(grid)
    shape = 0.7 + 0.8 * _bump(hour, 18.5, 2.5) + 0.3 * _bump(hour, 8.0, 1.5)
    noise = rng.uniform(0.95, 1.05, (len(mean_kw), grid.steps))
    return mean_kw[:, None] * np.minimum(shape * noise, 1.6)


def _sessions(grid: TimeGrid, place: Place, count: int, seed: int) -> Sessions:
    """The first sessions of a group of vehicles that are all active every day."""
    group = FleetGroup(
        place=place,
        vehicles=count + PER_TRANSFORMER,  # each plugs in at least once on most days
        sites=("plug",),
        time_zone=TIME_ZONE,
        max_charge_kw=CHARGER_KW[place],
        max_discharge_kw=CHARGER_KW[place],
        active_share=1.0,
        wear_cost_per_kwh=WEAR_COST_PER_KWH,
    )
    drawn = mobility.sessions(grid, [group], seed=seed)
    if len(drawn) < count:
        raise ValueError(f"{place} drew {len(drawn)} sessions, {count} are needed")
    return drawn.select(np.arange(count))


def _transformers(vehicle: Int[Array, " session"], counts: list[int]) -> Int[Array, " session"]:
    """Transformers fill up with vehicles in turn; each place begins a new one."""
    parts, offset = [], 0
    for part in np.split(vehicle, np.cumsum(counts)[:-1]):
        own = (part - part[0]) // PER_TRANSFORMER
        parts.append(own + offset)
        offset += int(own[-1]) + 1
    return np.concatenate(parts)


def _whole_numbers(shares: dict[Place, float], total: int) -> dict[Place, int]:
    """Counts near these shares that add up to the total."""
    edges = np.round(np.cumsum(list(shares.values())) / sum(shares.values()) * total)
    return dict(zip(shares, np.diff(edges, prepend=0).astype(int).tolist(), strict=True))


def _local_hour(grid: TimeGrid) -> Float[Array, " step"]:
    return (12.0 + (np.arange(grid.steps) + 0.5) * grid.step_h) % 24


def _bump(hour: Float[Array, " step"], at: float, width: float) -> Float[Array, " step"]:
    """One at that hour of the day, falling away on both sides, round the clock."""
    distance = (hour - at + 12) % 24 - 12
    return np.exp(-0.5 * (distance / width) ** 2)
