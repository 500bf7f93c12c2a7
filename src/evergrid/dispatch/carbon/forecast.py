"""What is believed of factors to come, as a rolling plan may see them."""

from dataclasses import dataclass
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.carbon.prices import priced
from evergrid.dispatch.forecast import AbstractPriceView
from evergrid.impact.emissions.blend import usual_day
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses
from evergrid.model.prices import Prices

DAYS = 3  # of the past that the usual day is the mean of
FADES_H = 6.0  # over which a deviation from the usual day fades beyond the last forecast
RECENT_H = 1.0  # of the last forecasts, whose deviation it is


@final
@dataclass(frozen=True)
class FactorView(AbstractPriceView):
    """Sees the factor of the step that begins, forecasts for those after, then the usual day.

    Attributes:
        actual: Prices that hold kilograms, as `evergrid.dispatch.carbon.prices.carbon_only` makes
            them; what is settled on.
        expected_kg_per_mwh: At each step, of the steps after it.
        past_kg_per_mwh: Factors before the first step, in steps of the same length.
        day: Steps in a day.
        losses: Of wires, which those prices hold.
    """

    actual: Prices
    expected_kg_per_mwh: Float[Array, "step lead"]
    past_kg_per_mwh: Float[Array, " past"]
    day: int
    losses: GridLosses = NO_LOSSES

    def __call__(self, now: int, stop: int) -> Prices:
        """What is believed at the start of a step."""
        begin, end = self.actual.time_utc[0], self.actual.time_utc[-1]
        width = (end - begin) // max(len(self.actual.time_utc) - 1, 1)
        free = np.zeros(stop - now)
        time_utc = self.actual.time_utc[now] + np.arange(stop - now) * width
        unpriced = Prices(time_utc, free, free, free, self.actual.currency)
        return priced(unpriced, self._believed(now, stop - now), self.losses)

    def _believed(self, now: int, steps: int) -> Float[Array, " step"]:
        actual = self.actual.carbon_price_per_mwh * (1.0 - self.losses.drawn)
        lead = np.append(actual[now], self.expected_kg_per_mwh[now])[:steps]
        if len(lead) == steps:
            return lead
        past = np.append(self.past_kg_per_mwh, actual[:now])[-DAYS * self.day :]
        usual = np.resize(usual_day(past, self.day), steps)
        recent = min(len(lead), max(1, round(RECENT_H / 24.0 * self.day)))
        away = float((lead - usual[: len(lead)])[-recent:].mean())
        after = np.arange(1, steps - len(lead) + 1) * 24.0 / self.day
        return np.append(lead, usual[len(lead) :] + away * np.exp(-after / FADES_H))
