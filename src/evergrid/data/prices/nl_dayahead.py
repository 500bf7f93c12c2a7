"""Day-ahead prices of the Netherlands, as published for every hour."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

COLUMNS = {"time_utc": Kind.INSTANT, "price_eur_mwh": Kind.NUMBER}


def read(
    path: Path,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of the Dutch day-ahead table.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`, stamped at the hour's beginning.
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: Missing columns, gaps, stamps with two prices.
    """
    table = source_columns(path, COLUMNS, source="nl_dayahead")
    series = Series(
        source="nl_dayahead",
        time_utc=table["time_utc"].values,
        price_per_mwh=price_series.price_column(table, "price_eur_mwh"),
        width=np.timedelta64(1, "h"),
        currency="EUR",
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="nl_dayahead",
        title=title("Day-ahead price", "nl_dayahead", path, period),
        period=period,
        licence=licence(path, "A", "MIT in the package it comes in; CC BY 4.0 at the source"),
        origin="ENTSO-E, in the layout of Ember's European wholesale price file",
        currency="EUR",
        time_zone="UTC",
        quality=quality,
        assumptions=price_series.stated(gap),
    )
