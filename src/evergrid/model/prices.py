"""What energy costs at a plug over time."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.timegrid import TimeGrid, stamp
from evergrid.model import stamps
from evergrid.model.series import mean_on

LARGEST = 1e9  # per MWh, in any currency; more is no price, and costs every digit of the rest


@dataclass(frozen=True)
class Prices:
    """Import and export prices without gaps, in one currency.

    A price holds from its time stamp to the next.

    Attributes:
        time_utc: Start of each interval.
        import_price_per_mwh: Paid for energy drawn.
        export_price_per_mwh: Earned for energy fed.
        carbon_price_per_mwh: Cost of the emissions caused by energy drawn, and credit for those
            avoided by energy fed; zeros for no carbon price.
        currency: ISO 4217 code of all three.

    Raises:
        InputError: Unordered, repeated or missing time stamps, values that are not finite or exceed
            `LARGEST`.
    """

    time_utc: Shaped[Array, " interval"]
    import_price_per_mwh: Float[Array, " interval"]
    export_price_per_mwh: Float[Array, " interval"]
    carbon_price_per_mwh: Float[Array, " interval"]
    currency: str

    def __post_init__(self) -> None:
        records.check(self, "prices")
        faults = stamps.faults(self.time_utc)
        for name, values in self.columns().items():
            if name != "time_utc":
                ok = np.asarray(np.abs(values) <= LARGEST)  # NaN is not
                if not ok.all():
                    ids = [stamp(time) for time in self.time_utc]
                    rule = f"be a finite number, at most {LARGEST:g} per MWh up or down"
                    faults += broken(name, ok, rule, values=values, ids=ids)
        raise_if_any("prices", faults)

    def on(self, grid: TimeGrid) -> "Prices":
        """The prices of each step of the grid: held over finer steps, averaged over coarser.

        Raises:
            InputError: The prices do not cover the grid.
        """
        columns = self.columns()
        time_utc = columns.pop("time_utc")
        means = {
            name: mean_on(grid, time_utc, values, source="prices")
            for name, values in columns.items()
        }
        return Prices(time_utc=grid.times, currency=self.currency, **means)

    def part(self, first: int, stop: int) -> "Prices":
        """The intervals ``first .. stop - 1``."""
        columns = {name: values[first:stop] for name, values in self.columns().items()}
        return Prices(currency=self.currency, **columns)

    def columns(self) -> dict[str, Shaped[Array, " interval"]]:
        """Every column by its name in the prices table."""
        return {
            "time_utc": self.time_utc,
            "import_price_per_mwh": self.import_price_per_mwh,
            "export_price_per_mwh": self.export_price_per_mwh,
            "carbon_price_per_mwh": self.carbon_price_per_mwh,
        }
