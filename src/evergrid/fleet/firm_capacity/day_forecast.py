"""What a coming day will bring, from the past days that are like it."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.fleet.firm_capacity.influence import Influences, effect
from evergrid.fleet.history.day_kind import ODD, WORKING, DayKinds

HALF_LIFE_DAYS = 28.0  # of what a past day tells about the habits of its kind
ACTIVITY_HALF_LIFE_DAYS = 4.0  # of what it tells about how busy the fleet is just now
ACTIVITY_WINDOW_DAYS = 14
ACTIVITY_RANGE = (0.05, 1.5)  # an activity outside it says that the habits do not hold at all
PRIOR_DAYS = (2.0, 1.0)  # like days that the coarser kind counts for: weekday, fortnight
TRIAL_DAYS = 90  # of past errors by which the kind is chosen
LEAST_DAYS = 14  # before anything is told
LEAST_WITHIN_DAYS = 90  # of which those must be: after a long gap habits are learnt anew
LEAST_TRIALS = 20


@dataclass(frozen=True)
class DayForecast:
    """What was told of each day from the days known before it.

    Attributes:
        mean_kw: Expected power; NaN before enough of the last days were known, 0 on a first odd
            day.
        weights: How much of each past day went into it; rows sum to the activity of the day.
        influenced: Days told with weather and season, which had lessened past errors.
        root_disagreement: How far apart the kinds of day tell it: standard deviation of the square
            roots of what each would have told, in roots of kW.
    """

    mean_kw: Float[Array, "day step"]
    weights: Float[Array, "day past"]
    influenced: Bool[Array, " day"]
    root_disagreement: Float[Array, "day step"]


def day_forecast(
    power_kw: Float[Array, "day step"],
    known: Bool[Array, " day"],
    kinds: DayKinds,
    *,
    lead_days: int,
    influences: Influences | None = None,
) -> DayForecast:
    """The expectation of every day, made ``lead_days`` before from the days known by then.

    Each kind of day, from coarse (working, rest, odd) over weekday to place in the fortnight,
    is a mean over its past days that forgets with `HALF_LIFE_DAYS`, drawn towards the coarser
    kind. It is scaled by how busy the last working days were against what was told of them, and,
    once more, by what weather and season add. The kind with the least error over the last
    `TRIAL_DAYS` is taken, with the influences or without.

    Args:
        power_kw: What each day held; rows of days that are not known are ignored.
        known: Days whose record is whole.
        kinds: What each day is.
        lead_days: Day d is told from days up to d - lead_days.
        influences: Weather and season, known when the day is told.

    Source:
        Exponential smoothing with hierarchical shrinkage; no outside source.
    """
    days = len(power_kw)
    age = np.arange(days)[:, None] - np.arange(days)
    usable = (age >= lead_days) & known
    enough = (usable & (age <= LEAST_WITHIN_DAYS)).sum(axis=1) >= LEAST_DAYS
    filled = np.where(known[:, None], power_kw, 0.0)
    came, taught = filled.sum(axis=1), usable & enough
    options = []
    for weights in _weights(age, usable, kinds):
        told = (weights @ filled).sum(axis=1)
        busy = _busy(told, age, taught, kinds)
        activity = np.where(busy.any(axis=1), np.clip(busy @ came, *ACTIVITY_RANGE), 1.0)
        options.append(activity[:, None] * weights)
        if influences is not None:
            news = _news(influences, weights, busy * told)
            fit = taught & (kinds.group != ODD)
            options.append(options[-1] * (1 + effect(news, activity * told, came, fit)))
    # Options are weights of past days, each without and then with influences: what counts is how
    # well each would have told the last days.
    means = [weights @ filled for weights in options]
    best = _choice(means, filled, age, taught, kinds)
    mean, weights = (
        np.array([of[option][day] for day, option in enumerate(best)]) for of in (means, options)
    )
    influenced = best % 2 == 1 if influences is not None else np.zeros(days, dtype=bool)
    ways = 1 if influences is None else 2
    apart = [_disagreement(means[way::ways]) for way in range(ways)]
    disagreement = np.where(influenced[:, None], apart[-1], apart[0])
    return DayForecast(np.where(enough[:, None], mean, np.nan), weights, influenced, disagreement)


def _disagreement(told: list[Float[Array, "day step"]]) -> Float[Array, "day step"]:
    """Standard deviation of the square roots of what was told, on which spreads are told too."""
    return np.sqrt(told).std(axis=0)


def _weights(
    age: Int[Array, "day past"], usable: Bool[Array, "day past"], kinds: DayKinds
) -> list[Float[Array, "day past"]]:
    """Weights of past days by kind from coarse to fine; rows sum to 1, or 0 without any like."""
    decay = np.where(usable, _halving(age, HALF_LIFE_DAYS), 0.0)
    coarse = decay * (kinds.group[:, None] == kinds.group)
    total = coarse.sum(axis=1, keepdims=True)
    made = [coarse / np.where(total > 0, total, 1.0)]
    for key, prior in zip((kinds.weekday, kinds.fortnight), PRIOR_DAYS, strict=True):
        like = decay * (key[:, None] == key)
        made.append((like + prior * made[-1]) / (like.sum(axis=1, keepdims=True) + prior))
    return made


def _halving(age: Int[Array, "day past"], half_life_days: float) -> Float[Array, "day past"]:
    """Weights by age; powers are taken once for each age, not for each pair of days."""
    return (0.5 ** (np.arange(len(age)) / half_life_days))[np.maximum(age, 0)]


def _busy(
    told: Float[Array, " day"],
    age: Int[Array, "day past"],
    usable: Bool[Array, "day past"],
    kinds: DayKinds,
) -> Float[Array, "day past"]:
    """Weights of the last working days: times what came of them, how busy the fleet is.

    None for odd days, and until there are three working days.
    """
    recent = usable & (age <= ACTIVITY_WINDOW_DAYS) & (kinds.group == WORKING)
    recent &= np.isfinite(told) & (told > 0)
    decay = np.where(recent, _halving(age, ACTIVITY_HALF_LIFE_DAYS), 0.0)
    expected = decay @ told
    sure = (recent.sum(axis=1) >= 3) & (expected > 0) & (kinds.group != ODD)
    return np.where(sure, 1 / np.where(sure, expected, 1.0), 0.0)[:, None] * decay


def _news(
    of: Influences, weights: Float[Array, "day past"], recent: Float[Array, "day past"]
) -> Influences:
    """By how much influences differ from what the base knew of them, and then the activity."""
    beyond_base = of.value - weights @ of.value
    return replace(of, value=beyond_base - recent @ beyond_base)


def _choice(
    told: list[Float[Array, "day step"]],
    came: Float[Array, "day step"],
    age: Int[Array, "day past"],
    usable: Bool[Array, "day past"],
    kinds: DayKinds,
) -> Int[Array, " day"]:
    """Kind of least mean error over the working days before; the coarsest until there are some."""
    trial = usable & (age <= TRIAL_DAYS) & (kinds.group == WORKING)
    errors = np.stack([np.abs(came - mean).mean(axis=1) for mean in told])
    best = np.argmin(errors @ trial.T.astype(float), axis=0)
    return np.where(trial.sum(axis=1) >= LEAST_TRIALS, best, 0)
