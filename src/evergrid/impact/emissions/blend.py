"""Forecasts of factors mixed with the latest factor known, by how well each did at each lead.

For the next hour the latest factor is often a better guess than a published forecast, for later
hours it is worse. The weight of the forecast at each lead is the one that would have missed least,
by squares, in all that is known by then; nothing that comes later is used.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

PRIOR_STEPS = 12.0  # of experience that the first weights count for
FIRST_WEIGHT = 0.5


@dataclass(frozen=True)
class LeadForecasts:
    """Forecasts made at the start of every step, of the steps after it.

    Attributes:
        actual_kg_per_mwh: The factor of each step, known when the step begins.
        forecast_kg_per_mwh: Made at each step, for the first, second, ... step after it.

    Raises:
        InputError: Values that are not finite.
    """

    actual_kg_per_mwh: Float[Array, " step"]
    forecast_kg_per_mwh: Float[Array, "step lead"]

    def __post_init__(self) -> None:
        faults = broken(
            "actual_kg_per_mwh",
            np.asarray(np.isfinite(self.actual_kg_per_mwh)),
            "be finite",
            values=self.actual_kg_per_mwh,
        )
        if not np.isfinite(self.forecast_kg_per_mwh).all():
            faults.append(Fault("forecast_kg_per_mwh", "be finite"))
        raise_if_any("forecast", faults)

    @property
    def leads(self) -> int:
        """For how many steps after each there is a forecast."""
        return self.forecast_kg_per_mwh.shape[1]

    @cached_property
    def weight(self) -> Float[Array, "step lead"]:
        """Weight of the forecast at each lead, as known when each step begins."""
        actual, made = self.actual_kg_per_mwh, self.forecast_kg_per_mwh
        weight = np.full(made.shape, FIRST_WEIGHT)
        for column in range(self.leads):
            lead = column + 1
            if lead >= len(actual):
                break
            differs = made[:-lead, column] - actual[:-lead]  # forecast less persistence
            missed = actual[lead:] - actual[:-lead]  # what persistence missed
            square = np.cumsum(differs**2)
            prior = PRIOR_STEPS * square / np.arange(1, len(square) + 1)
            some = square > 0
            product = FIRST_WEIGHT * prior + np.cumsum(missed * differs)
            best = product / np.where(some, prior + square, 1.0)
            # What was forecast for step k is known to be right or wrong when step k begins.
            weight[lead:, column] = np.where(some, np.clip(best, 0.0, 1.0), FIRST_WEIGHT)
        return weight

    @cached_property
    def blended_kg_per_mwh(self) -> Float[Array, "step lead"]:
        """What is expected at each step of the steps after it."""
        latest = self.actual_kg_per_mwh[:, None]
        return latest + self.weight * (self.forecast_kg_per_mwh - latest)

    @property
    def own_step_error(self) -> tuple[float, float]:
        """How far forecasts of the longest lead lie from what came then, and from what was then.

        The second is of the step in which they were made. Where it is the smaller one, rows may be
        stamped by the time that they are for; 0 for both where no step is that far ahead.
        """
        lead = self.leads
        if not 0 < lead < len(self.actual_kg_per_mwh):
            return 0.0, 0.0
        made = self.forecast_kg_per_mwh[:-lead, -1]
        ahead, own = self.actual_kg_per_mwh[lead:], self.actual_kg_per_mwh[:-lead]
        return float(np.abs(made - ahead).mean()), float(np.abs(made - own).mean())

    def mean_absolute_error(self, expected: Float[Array, "step lead"]) -> Float[Array, " lead"]:
        """How far what was expected lies from what came, at each lead."""
        actual = self.actual_kg_per_mwh
        return np.array(
            [
                np.abs(expected[: -column - 1, column] - actual[column + 1 :]).mean()
                for column in range(self.leads)
            ]
        )


def usual_day(
    past_kg_per_mwh: Float[Array, " past"], steps_per_day: int
) -> Float[Array, " day_step"]:
    """Mean of the past at the same time of day; the last value is that of the step before now.

    The first value returned is of now. With less than a day known, the mean of all that is.
    """
    known = len(past_kg_per_mwh)
    if known < steps_per_day:
        return np.full(steps_per_day, past_kg_per_mwh.mean() if known else 0.0)
    days = known // steps_per_day
    return past_kg_per_mwh[known - days * steps_per_day :].reshape(days, -1).mean(axis=0)
