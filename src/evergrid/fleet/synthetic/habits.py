"""When cars plug in at home, at work and in public, for how long, and how much they want.

Each car has habits of its own. Every quantity follows the table of its place over the whole group;
a share of its spread lies between cars, the rest between the days of one car (a Gaussian copula).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.fleet.synthetic import archetypes
from evergrid.fleet.synthetic.archetypes import BLOCKS_H, PROBABILITIES, Archetype
from evergrid.fleet.synthetic.calendar import is_rest_day, season
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.stay import Stays, without_overlaps

# Days before the first that are drawn as well, so that it sees cars of earlier days.
WARM_UP = np.timedelta64(round(archetypes.LONGEST_STAY_H / 24) + 1, "D")


@dataclass(frozen=True)
class Drivers:
    """Habits of each car of a group, as normal scores around the group's.

    Attributes:
        arrival: Later than others.
        stay: Longer than others.
        energy: More than others.
        plug_in_share: Share of weekdays on which the car plugs in.
        capacity_kwh: Usable battery.
    """

    arrival: Float[Array, " vehicle"]
    stay: Float[Array, " vehicle"]
    energy: Float[Array, " vehicle"]
    plug_in_share: Float[Array, " vehicle"]
    capacity_kwh: Float[Array, " vehicle"]


def drivers(group: FleetGroup, rng: np.random.Generator) -> Drivers:
    """Habits and batteries for the cars of a group; users of more energy have larger batteries."""
    arrival, stay, energy, other = rng.standard_normal((4, group.vehicles))
    place = archetypes.CARS[group.place]
    mean = place.plug_in_share if group.active_share is None else group.active_share
    score = _correlated(energy, other, _pearson(archetypes.CAPACITY_WITH_ENERGY))
    drawn = _quantile(score, np.array(archetypes.CAPACITY_KWH))
    fixed = group.capacity_kwh
    capacity = drawn if fixed is None else np.full(group.vehicles, fixed)
    return Drivers(arrival, stay, energy, _shares(mean, group.vehicles, rng), capacity)


def stays(
    group: FleetGroup,
    cars: Drivers,
    first_day: np.datetime64,
    last_day: np.datetime64,
    rng: np.random.Generator,
) -> Stays:
    """Stays that arrive on the local days or shortly before; at most one per car and day."""
    place = archetypes.CARS[group.place]
    days = np.arange(first_day - WARM_UP, last_day + np.timedelta64(1, "D"))
    rest = is_rest_day(days, group)
    share = cars.plug_in_share[:, None] * np.where(rest, place.weekend_ratio, 1.0)
    car, column = np.nonzero(rng.random((group.vehicles, len(days))) < share)
    day = days[column]
    scores = rng.standard_normal((3, len(car)))
    arrival_score = _correlated(cars.arrival[car], scores[0], archetypes.ARRIVAL_HABIT**0.5)
    stay_score = _correlated(cars.stay[car], scores[1], archetypes.STAY_HABIT**0.5)
    arrival_h = _arrival_h(place, arrival_score, rest[column])
    stay_h = _stay_h(place, arrival_h, stay_score)
    own = _correlated(cars.energy[car], scores[2], archetypes.ENERGY_HABIT**0.5)
    energy_score = _correlated(stay_score, own, _pearson(place.energy_with_stay))
    drawn_kwh = _quantile(energy_score, place.energy_kwh)
    drawn_kwh *= season(day, group.coldest_day_of_year, archetypes.WINTER_SHARE)
    arrival = day.astype("datetime64[m]") + _minutes(arrival_h)
    departure = arrival + np.maximum(_minutes(stay_h), archetypes.SHORTEST_STAY)
    wanted = Stays(car, arrival, departure, drawn_kwh * group.efficiency_charge)
    return without_overlaps(wanted, column, group.vehicles)


def _arrival_h(
    place: Archetype, score: Float[Array, " stay"], rest: Bool[Array, " stay"]
) -> Float[Array, " stay"]:
    weekday = _quantile(score, place.arrival_weekday_h)
    return np.where(rest, _quantile(score, place.arrival_weekend_h), weekday)


def _stay_h(
    place: Archetype, arrival_h: Float[Array, " stay"], score: Float[Array, " stay"]
) -> Float[Array, " stay"]:
    block: Int[Array, " stay"] = np.searchsorted(BLOCKS_H, arrival_h, side="right") - 1
    stay_h = np.empty(len(score))
    for row, quantiles in enumerate(place.stay_h):
        inside = block == row
        stay_h[inside] = _quantile(score[inside], quantiles)
    return stay_h


def _shares(mean: float, count: int, rng: np.random.Generator) -> Float[Array, " vehicle"]:
    """Shares of days, beta distributed around their mean."""
    if mean in (0.0, 1.0):
        return np.full(count, mean)
    total = archetypes.PLUG_IN_BETA_TOTAL
    return rng.beta(mean * total, (1 - mean) * total, count)


def _quantile(
    score: Float[Array, " row"], quantiles: Float[Array, " quantile"]
) -> Float[Array, " row"]:
    return np.interp(ndtr(score), PROBABILITIES, quantiles)


def _correlated(
    one: Float[Array, " row"], other: Float[Array, " row"], correlation: float
) -> Float[Array, " row"]:
    """Normal scores with that correlation to ``one`` and the rest from ``other``."""
    return correlation * one + (1 - correlation**2) ** 0.5 * other


def _pearson(rank: float) -> float:
    """Correlation of normal scores that have the rank correlation.

    Source:
        rank = (6 / pi) asin(correlation / 2) for bivariate normals, a textbook identity.
    """
    return 2 * np.sin(np.pi * rank / 6)


def _minutes(hours: Float[Array, " row"]) -> Shaped[Array, " row"]:
    return np.round(hours * 60).astype("timedelta64[m]")
