"""What was known about prices at each moment, as a rolling plan may see them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.model.prices import Prices


class AbstractPriceView(ABC):
    """Prices of the steps ``now .. stop - 1`` as seen at the start of step ``now``."""

    @abstractmethod
    def __call__(self, now: int, stop: int) -> Prices:
        """The prices believed."""


@final
@dataclass(frozen=True)
class Perfect(AbstractPriceView):
    """Sees the actual prices of all steps to come."""

    actual: Prices

    def __call__(self, now: int, stop: int) -> Prices:
        """The actual prices."""
        return _rows(self.actual, np.arange(now, stop))


@final
@dataclass(frozen=True)
class Forecast(AbstractPriceView):
    """Sees the actual prices of the steps about to begin, and a forecast for those after.

    Attributes:
        actual: What is settled on.
        forecast: What was forecast for each step, made before that step.
        known: How many steps from now have known prices.
    """

    actual: Prices
    forecast: Prices
    known: int

    def __call__(self, now: int, stop: int) -> Prices:
        """Actual prices while known, the forecast afterwards."""
        steps = np.arange(now, stop)
        seen, believed = _rows(self.actual, steps), _rows(self.forecast, steps)
        return _mixed(seen, believed, known=self.known)


@final
@dataclass(frozen=True)
class Persistence(AbstractPriceView):
    """Sees the steps about to begin, and believes that the last known day repeats itself.

    Attributes:
        actual: What is settled on.
        known: How many steps from now have known prices.
        day: Steps in a day.
    """

    actual: Prices
    known: int
    day: int

    def __call__(self, now: int, stop: int) -> Prices:
        """Actual prices while known, those of the latest known same hour afterwards.

        On the first day, before a whole day is known, the known prices are repeated; before any
        price is known, the first.
        """
        steps = np.arange(now, stop)
        last = now + self.known  # the first step whose price is not known yet
        back = np.maximum(0, -(-(steps - last + 1) // self.day)) * self.day
        source = np.where(steps < last, steps, steps - back)
        source = np.where(source < 0, source % max(1, min(self.day, last)), source)
        return _mixed(_rows(self.actual, steps), _rows(self.actual, source), known=self.known)


@final
@dataclass(frozen=True)
class CarbonFrom(AbstractPriceView):
    """Believes one view of energy prices and another one of prices of carbon.

    Attributes:
        energy: Believed of import and export prices.
        carbon: Believed of the price of carbon and of its credit.
    """

    energy: AbstractPriceView
    carbon: AbstractPriceView

    def __call__(self, now: int, stop: int) -> Prices:
        """Energy prices of the one view, prices of carbon of the other."""
        carbon = self.carbon(now, stop)
        return replace(
            self.energy(now, stop),
            carbon_price_per_mwh=carbon.carbon_price_per_mwh,
            carbon_credit_per_mwh=carbon.carbon_credit_per_mwh,
        )


def steps_per_day(grid: TimeGrid) -> int:
    """How many steps make a day."""
    return max(1, round(24.0 / grid.step_h))


def _rows(prices: Prices, rows: np.ndarray) -> Prices:
    """The prices of these rows, stamped as if they followed one another."""
    columns = {name: values[rows] for name, values in prices.columns().items()}
    start = prices.time_utc[rows[0]]
    width = prices.time_utc[1] - prices.time_utc[0] if len(prices.time_utc) > 1 else 0
    columns["time_utc"] = start + np.arange(len(rows)) * width
    return Prices(currency=prices.currency, **columns)


def _mixed(seen: Prices, believed: Prices, *, known: int) -> Prices:
    sure = np.arange(len(seen.time_utc)) < known
    names = {*seen.columns(), *believed.columns()} - {"time_utc"}
    mixed = {name: np.where(sure, _column(seen, name), _column(believed, name)) for name in names}
    return Prices(time_utc=seen.time_utc, currency=seen.currency, **mixed)


def _column(prices: Prices, name: str) -> Float[Array, " interval"]:
    """A column; of credits that are not told apart, those that follow from the carbon price."""
    return prices.columns().get(name, prices.carbon_fed_per_mwh)
