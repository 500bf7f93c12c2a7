"""How far what comes may lie from what was told, by how far it lay on the days before.

Powers of fleets are sums over vehicles: their squared misses grow with the mean, and with its
square where all vehicles miss together. Square roots of such sums miss by about the same at any
mean, and low outcomes are not as far off as high ones. So spreads are those of square roots.
"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.fleet.firm_capacity.past_sums import fading_sum, known_days

HALF_LIFE_DAYS = 120.0  # of what a past miss tells about the size of coming ones
STEP_HALF_LIFE_DAYS = 240.0  # the same by step of the day, which has a day's part of the record
STEP_PRIOR_DAYS = 60.0  # days that "this step is like the others" counts for
SETTLED_DAYS = 20  # of record, before which no spread is told
LARGEST_MISS2 = 16.0  # in squared spreads; a single day teaches a step no more
LEAST_NOISE_KW = 2.0  # variance over mean of the smallest vehicles
FALL_HALF_LIFE_DAYS = 3.0  # of a day's fall below what was told of it
USUAL_HALF_LIFE_DAYS = 180.0  # of the misses that a fall is held against
USUAL_RATIO = 2.0  # squared misses of few days vary by so much without a cause


class _Record(NamedTuple):
    """What each day delivered and what was told of it; see `root_spread`."""

    came_kw: Float[Array, "day step"]
    mean_kw: Float[Array, "day step"]
    usable: Bool[Array, " day"]
    lead_days: int
    car_kw: float

    def fading(self, by_day: Float[Array, "day ..."], half_life_days: float) -> Array:
        """Sums over the usable days that were known in time, halved by age."""
        return fading_sum(
            by_day, self.usable, lead_days=self.lead_days, half_life_days=half_life_days
        )

    @property
    def settled(self) -> Bool[Array, " day"]:
        """Days before which enough is known to say how far off a day may be."""
        return known_days(self.usable, lead_days=self.lead_days) >= SETTLED_DAYS


def root_spread(
    came_kw: Float[Array, "day step"],
    mean_kw: Float[Array, "day step"],
    usable: Bool[Array, " day"],
    *,
    lead_days: int,
    car_kw: float,
) -> Float[Array, "day step"]:
    """Scale of the error of the square root of power, in roots of kW; NaN on the first days.

    The squared miss is ``noise mean + share^2 mean^2``, by moments of past misses, times a
    factor of the step of the day. After days that fell far below what was told of them it is
    larger, for some days: falls follow one another.

    Args:
        came_kw: What each day delivered.
        mean_kw: What was told of it; not NaN.
        usable: Days that teach.
        lead_days: Day d learns from days up to d - lead_days.
        car_kw: Power of one vehicle; steps of less than half of it teach nothing.

    Source:
        Method of moments, and the delta method for the root of a sum; no outside source.
    """
    known = np.where(usable[:, None], came_kw, mean_kw)
    record = _Record(known, mean_kw, usable, lead_days, car_kw)
    noise = _noise_kw(record)
    noise *= _of_step(record, noise)
    noise *= _after_falls(record)[:, None]
    # The root of x changes by 1 / (2 root x) of what x does, and the variance is noise times x.
    return np.where(record.settled[:, None], np.sqrt(noise) / 2, np.nan)


def _noise_kw(record: _Record) -> Float[Array, "day step"]:
    """Variance over mean: squared misses by mean and squared mean, neither part below 0."""
    # Weighted least squares of two coefficients, so five sums over the past days hold all there is
    # to know of them. A part that comes out below its least is set there and the other refitted.
    mean_kw, car_kw = record.mean_kw, record.car_kw
    weight = (mean_kw + car_kw / 2) ** -2.0  # so that busy steps do not decide alone
    missed2 = (record.came_kw - mean_kw) ** 2
    terms = (mean_kw**2, mean_kw**3, mean_kw**4, missed2 * mean_kw, missed2 * mean_kw**2)
    by_day = np.stack([(weight * term).sum(axis=1) for term in terms], axis=1)
    sums = record.fading(by_day, HALF_LIFE_DAYS).T
    second, third, fourth, first_missed, second_missed = sums
    tiny = 1e-9
    determinant = np.maximum(second * fourth - third**2, tiny)
    noise = (first_missed * fourth - second_missed * third) / determinant
    share2 = (second_missed * second - first_missed * third) / determinant
    noise = np.where(share2 < 0, first_missed / np.maximum(second, tiny), noise)
    alone = np.maximum((second_missed - LEAST_NOISE_KW * third) / np.maximum(fourth, tiny), 0.0)
    share2 = np.where(noise < LEAST_NOISE_KW, alone, np.maximum(share2, 0.0))
    noise = np.maximum(noise, LEAST_NOISE_KW)
    return noise[:, None] + share2[:, None] * mean_kw


def _of_step(record: _Record, noise_kw: Float[Array, "day step"]) -> Float[Array, "day step"]:
    """Squared misses of each step of the day over those of all, drawn towards 1."""
    mean_kw = record.mean_kw
    counts = (record.usable & record.settled)[:, None] & (mean_kw >= record.car_kw / 2)
    missed2 = (record.came_kw - mean_kw) ** 2 / np.where(counts, noise_kw * mean_kw, 1.0)
    missed2 = np.where(counts, np.minimum(missed2, LARGEST_MISS2), 0.0)
    missed, counted = (
        record.fading(of, STEP_HALF_LIFE_DAYS) for of in (missed2, counts.astype(float))
    )
    return (missed + STEP_PRIOR_DAYS) / (counted + STEP_PRIOR_DAYS)


def _after_falls(record: _Record) -> Float[Array, " day"]:
    """By how much squared falls of the last days exceed what is usual; 1 where they do not."""
    missed = (record.came_kw - record.mean_kw).sum(axis=1)
    told = record.mean_kw.sum(axis=1)
    by_day = np.stack([np.minimum(missed, 0.0) ** 2, missed**2, told**2], axis=1)
    # Shares of what was told, so that a fleet that has halved is held against itself.
    lately, usually = (
        record.fading(by_day, half_life)
        for half_life in (FALL_HALF_LIFE_DAYS, USUAL_HALF_LIFE_DAYS)
    )
    fall = lately[:, 0] / np.maximum(lately[:, 2], 1e-9)
    usual = usually[:, 1] / np.maximum(usually[:, 2], 1e-9)
    return np.maximum(fall / np.maximum(USUAL_RATIO * usual, 1e-12), 1.0)
