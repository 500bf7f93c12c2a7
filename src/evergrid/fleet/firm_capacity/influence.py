"""How the weather and the time of year move a day away from what days like it tell."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.fleet.synthetic.calendar import DAYS_PER_YEAR

MILD_C = 15.0  # daily mean at which homes and cars are neither heated nor cooled; a convention
PER_C = 0.1  # scale of degrees, so that a usual change of weather is about one
SEASON_DAYS = 365  # to learn from before a day is told by the time of year
PRIOR_DAYS = 20.0  # days of record that "no influence" counts for
LARGEST_MISS = 0.5  # share of what was told; a day that missed by more counts as this
LARGEST_EFFECT = 0.5  # share of what is told that weather and season may add or take


@dataclass(frozen=True)
class Influences:
    """What may move a day, known when it is promised for.

    Attributes:
        value: One column for each influence.
        since_days: Days to learn from before which a column is not used.
    """

    value: Float[Array, "day influence"]
    since_days: Int[Array, " influence"]


def influences(
    days: Shaped[Array, " day"], temperature_c: Float[Array, " day"] | None = None
) -> Influences:
    """The time of year, and degrees below and above a mild day where temperatures are given.

    Args:
        days: ``datetime64[D]``.
        temperature_c: Mean of each day.
    """
    angle = 2 * np.pi * days.astype("datetime64[D]").astype(np.int64) / DAYS_PER_YEAR
    columns, since = [np.cos(angle), np.sin(angle)], [SEASON_DAYS] * 2
    if temperature_c is not None:
        columns += [PER_C * np.maximum(side * (temperature_c - MILD_C), 0.0) for side in (-1, 1)]
        since += [0] * 2
    return Influences(np.stack(columns, axis=1), np.array(since))


def effect(
    news: Influences,
    told_kw: Float[Array, " day"],
    came_kw: Float[Array, " day"],
    usable: Bool[Array, "day past"],
) -> Float[Array, "day 1"]:
    """Share that the influences add to what was told of each day, from the days known before it.

    The slope of each is a regression of what past days missed by, drawn towards none as if
    `PRIOR_DAYS` days had shown none. No single day counts for more than `LARGEST_MISS`.

    Args:
        news: By how much the influences differ from those of the days that went into what was
            told.
        told_kw: What was told of each day, summed over its steps.
        came_kw: What came.
        usable: Past days that each day may learn from.

    Source:
        Ridge regression with a bounded response; no outside source.
    """
    value, some = news.value, told_kw > 0
    missed = np.where(some, came_kw - told_kw, 0.0) / np.where(some, told_kw, 1.0)
    missed = np.clip(missed, -LARGEST_MISS, LARGEST_MISS)
    learnt = usable * told_kw  # busy days tell more
    learnt = learnt * usable.sum(axis=1, keepdims=True)
    learnt /= np.maximum((usable * told_kw).sum(axis=1, keepdims=True), 1e-12)
    ready = usable.sum(axis=1)[:, None] >= news.since_days
    products = np.einsum("dp,pi,pj->dij", learnt, value, value, optimize=True)
    products *= ready[:, :, None] & ready[:, None, :]
    products += PRIOR_DAYS * np.eye(value.shape[1])
    aim = (learnt @ (value * missed[:, None])) * ready
    slope = np.linalg.solve(products, aim[:, :, None])[:, :, 0]
    total = (value * slope).sum(axis=1, keepdims=True)
    return np.clip(total, -LARGEST_EFFECT, LARGEST_EFFECT)
