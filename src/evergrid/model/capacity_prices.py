"""What capacity held ready is paid over time."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.timegrid import TimeGrid
from evergrid.model.prices import LARGEST
from evergrid.model.time_series import stamps
from evergrid.model.time_series.series import mean_on


@dataclass(frozen=True)
class CapacityPrices:
    """Prices of capacity, without gaps; each holds from its time stamp to the next.

    Attributes:
        time_utc: Start of each interval.
        price_per_mw: Of a MW held through an hour.

    Raises:
        InputError: Unordered, repeated or missing time stamps, values that are not finite or exceed
            `evergrid.model.prices.LARGEST`.
    """

    time_utc: Shaped[Array, " interval"]
    price_per_mw: Float[Array, " interval"]

    def __post_init__(self) -> None:
        records.check(self, "capacity_prices")
        faults = stamps.faults(self.time_utc)
        good = np.asarray(np.abs(self.price_per_mw) <= LARGEST)  # NaN is not
        rule = f"be a finite number, at most {LARGEST:g} up or down"
        faults += broken("price_per_mw", good, rule, values=self.price_per_mw)
        raise_if_any("capacity_prices", faults)

    def on(self, grid: TimeGrid) -> Float[Array, " step"]:
        """The price of each step: held over finer steps, averaged over coarser.

        Raises:
            InputError: The prices do not cover the grid.
        """
        return mean_on(grid, self.time_utc, self.price_per_mw, source="capacity_prices")
