"""Sums over the days that were known when a later day was told, newer ones counting more."""

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int


def known_days(usable: Bool[Array, " day"], *, lead_days: int) -> Int[Array, " day"]:
    """How many usable days each day may look back on."""
    return np.cumsum(np.append(np.zeros(lead_days, dtype=np.int64), usable))[: len(usable)]


def fading_sum(
    values: Float[Array, "day value"],
    usable: Bool[Array, " day"],
    *,
    lead_days: int,
    half_life_days: float,
) -> Float[Array, "day value"]:
    """Sum over usable days known ``lead_days`` before, with weights that halve with age.

    The weight of a day that lies a days before is ``0.5 ** (a / half_life_days)``.
    """
    sums, total = np.zeros_like(values), np.zeros(values.shape[1])
    fade = 0.5 ** (1 / half_life_days)
    for day in range(lead_days, len(values)):
        total *= fade
        if usable[day - lead_days]:
            total += fade**lead_days * values[day - lead_days]
        sums[day] = total
    return sums


def latest_sum(
    values: Float[Array, "day value"], usable: Bool[Array, " day"], *, lead_days: int, count: int
) -> Float[Array, "day value"]:
    """Sum over the last ``count`` usable days known ``lead_days`` before, all alike."""
    so_far = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[usable], axis=0)])
    stop = known_days(usable, lead_days=lead_days)
    return so_far[stop] - so_far[np.maximum(stop - count, 0)]
