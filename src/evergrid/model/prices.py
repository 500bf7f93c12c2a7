"""What energy costs at a plug over time."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.timegrid import TimeGrid, stamp
from evergrid.model.time_series import stamps
from evergrid.model.time_series.series import mean_on

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
        currency: ISO 4217 code of all of them.
        carbon_credit_per_mwh: That credit where it is another, as wires lose other shares of what
            is drawn and fed; None where it is the carbon price.

    Raises:
        InputError: Unordered, repeated or missing time stamps, values that are not finite or exceed
            `LARGEST`.
    """

    time_utc: Shaped[Array, " interval"]
    import_price_per_mwh: Float[Array, " interval"]
    export_price_per_mwh: Float[Array, " interval"]
    carbon_price_per_mwh: Float[Array, " interval"]
    currency: str
    carbon_credit_per_mwh: Float[Array, " interval"] | None = None

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

    @property
    def carbon_fed_per_mwh(self) -> Float[Array, " interval"]:
        """Credit for the emissions avoided by energy fed."""
        credit = self.carbon_credit_per_mwh
        return self.carbon_price_per_mwh if credit is None else credit

    @property
    def all_drawn_per_mwh(self) -> Float[Array, " interval"]:
        """Price of energy drawn, with carbon."""
        return self.import_price_per_mwh + self.carbon_price_per_mwh

    @property
    def all_fed_per_mwh(self) -> Float[Array, " interval"]:
        """Income of energy fed, with carbon."""
        return self.export_price_per_mwh + self.carbon_fed_per_mwh

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
        """Every column by its name in the prices table; a credit only where it is another."""
        columns = {
            "time_utc": self.time_utc,
            "import_price_per_mwh": self.import_price_per_mwh,
            "export_price_per_mwh": self.export_price_per_mwh,
            "carbon_price_per_mwh": self.carbon_price_per_mwh,
        }
        if self.carbon_credit_per_mwh is not None:
            columns["carbon_credit_per_mwh"] = self.carbon_credit_per_mwh
        return columns
