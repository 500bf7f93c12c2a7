"""Prices of energy for the plan: read again when their file changes, and estimated beyond it.

A day-ahead market publishes tomorrow's prices at noon; until then a plan that looks further takes
those of the day before, and says for which steps it did.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Bool
from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, datetime64, stamp
from evergrid.live.clock import AbstractClock
from evergrid.model.prices import Prices
from evergrid.model.time_series.stamps import widths

DAY = np.timedelta64(24, "h").astype("timedelta64[us]")
LONGEST_AGE_DAYS = 7  # of prices that may still stand for a later day


@dataclass(frozen=True)
class PlanPrices:
    """Prices over the steps of a plan.

    Attributes:
        prices: Of each step.
        estimated: Steps whose price is that of a day before, as it was not known.
    """

    prices: Prices
    estimated: Bool[Array, " step"]


@final
class PriceFile:
    """A file of prices that is looked at again and again.

    Args:
        path: The file.
        read: How it is read, such as `evergrid.data.tables.prices.read_prices` of a currency.
        clock: What time it is.
    """

    def __init__(self, path: Path, read: Callable[[Path], Prices], clock: AbstractClock) -> None:
        self._path, self._read, self._clock = path, read, clock
        self._seen: tuple[int, int] | None = None
        self.prices: Prices | None = None
        """What was read last without a fault."""
        self.read_s: float | None = None
        """When that was, UTC seconds since 1970."""
        self.failure = ""
        """Why the file as it is now cannot be read; the prices before it stay."""

    async def look(self) -> bool:
        """Read the file where it has changed; whether there are new prices."""
        with self._clock.working():
            return await asyncio.to_thread(self._look)

    def forget(self) -> None:
        """Read the file at the next look, also where it has not changed."""
        self._seen = None

    async def watch(self, every_s: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(every_s)

    def on(self, grid: TimeGrid) -> PlanPrices:
        """Prices over the steps of a plan.

        Raises:
            InputError: Nothing was read yet, or it is too old for the plan.
        """
        if self.prices is None:
            rule = "have been read once without a fault"
            raise InputError("prices", [Fault("file", rule, (self.failure or self._path.name,))])
        return on_grid(self.prices, grid)

    def _look(self) -> bool:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return False
            prices = self._read(self._path)
        except (EvergridError, OSError) as error:
            self.failure = str(error)
            return False
        self._seen, self.prices, self.failure = seen, prices, ""
        self.read_s = self._clock.now_s()
        return True


def on_grid(prices: Prices, grid: TimeGrid) -> PlanPrices:
    """Prices over a grid; beyond their end, those of the same time of the last day that is known.

    Raises:
        InputError: The grid begins before the prices, or more than a week after their end, or the
            last day is not known as a whole.
    """
    end = prices.time_utc[-1] + widths(prices.time_utc)[-1]
    _check(prices, grid, end)
    longer, times = prices, [prices.time_utc]
    missing = datetime64(grid.end_utc) - end
    if missing > np.timedelta64(0, "us"):
        day = np.flatnonzero(prices.time_utc >= end - DAY)
        days = int(-(-missing // DAY))
        times += [prices.time_utc[day] + DAY * (number + 1) for number in range(days)]
        again = np.concatenate([np.arange(len(prices.time_utc)), *([day] * days)])
        columns = {name: values[again] for name, values in prices.columns().items()}
        columns["time_utc"] = np.concatenate(times)
        longer = Prices(currency=prices.currency, **columns)
    step = np.timedelta64(grid.step).astype("timedelta64[us]")
    return PlanPrices(longer.on(grid), grid.times + step > end)


def _check(prices: Prices, grid: TimeGrid, end: np.datetime64) -> None:
    faults, start = [], datetime64(grid.start_utc)
    got = (f"{stamp(prices.time_utc[0])} to {stamp(end)}",)
    if start < prices.time_utc[0]:
        faults.append(Fault("time_utc", f"begin by {stamp(start)}", got))
    if start > end + DAY * LONGEST_AGE_DAYS:
        rule = f"end less than {LONGEST_AGE_DAYS} days before {stamp(start)}"
        faults.append(Fault("time_utc", rule, got, fix="Bring newer prices."))
    if datetime64(grid.end_utc) > end and prices.time_utc[0] > end - DAY:
        rule = f"be there for a whole day before {stamp(end)}"
        faults.append(Fault("time_utc", rule, got))
    if faults:
        raise InputError("prices", faults)
