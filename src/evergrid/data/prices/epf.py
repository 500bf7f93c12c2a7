"""Day-ahead prices and true out-of-sample forecasts of the EPF benchmark (DE, PJM)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices


class Market(NamedTuple):
    """One market of the benchmark: currency, standard time east of Greenwich, and name."""

    currency: str
    offset_h: float
    title: str


MARKETS = {
    "DE": Market("EUR", 1.0, "Germany"),
    "PJM": Market("USD", -5.0, "PJM, COMED zone by general knowledge"),
}
ACTUAL = "real_price"
COLUMNS = (ACTUAL, "dnn_ensemble", "lear_ensemble", "dnn_1", "lear_56", "lear_1456")


def read(
    path: Path,
    *,
    column: str = ACTUAL,
    market: str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Actual or forecast day-ahead prices of the benchmark.

    Days have 24 hours all year in the source, so stamps are read as standard time without
    summer time.

    Args:
        path: Parquet or CSV with `time_local_naive` (hour beginning) and a column per series.
        column: `real_price`, or one of the forecasts made the day before.
        market: One of `MARKETS`; None takes it from the file name, as in ``..._DE_...``.
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: An unknown column or market, gaps, stamps with two prices.
    """
    price_series.chosen("column", column, COLUMNS, source="epf")
    name = price_series.chosen("market", market or _named(path), list(MARKETS), source="epf")
    kinds = {"time_local_naive": Kind.CLOCK, column: Kind.NUMBER}
    table = source_columns(path, kinds, source="epf")
    here = MARKETS[name]
    series = Series(
        source="epf",
        time_utc=price_series.utc_from_standard_time(
            table["time_local_naive"].values, here.offset_h
        ),
        price_per_mwh=price_series.price_column(table, column),
        width=np.timedelta64(1, "h"),
        currency=here.currency,
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    zone = f"UTC{here.offset_h:+g}, all year"
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="epf",
        title=title(f"Day-ahead price of {here.title}: {column}", "epf", path, period),
        period=period,
        licence=licence(path, "A", "Apache-2.0"),
        origin="J. Lago et al. (2021), Applied Energy; epftoolbox",
        currency=here.currency,
        time_zone=zone,
        quality=quality,
        assumptions=price_series.stated(
            gap,
            column=column,
            clock=f"days of 24 hours read as standard time, {zone}",
        ),
    )


def _named(path: Path) -> str:
    """The market in a file name; empty when none or several are in it."""
    words = path.stem.split("_")
    found = [name for name in MARKETS if name in words]
    return found[0] if len(found) == 1 else ""
