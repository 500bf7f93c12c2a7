"""Prices of the New York City zone (NYISO): real-time quarter-hours and day-ahead hours."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, load, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

END, BEGIN = "time_end_utc", "time_begin_utc"  # the real-time file is stamped at the end
PRICE = "lbmp_usd_mwh"


def read(
    path: Path,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of the NYISO real-time commitment (15 min) or day-ahead (1 h) table.

    Which of the two it is shows in its time column.

    Args:
        path: Parquet or CSV with `lbmp_usd_mwh` and `time_end_utc` (real time) or
            `time_begin_utc` (day-ahead).
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: Missing columns, gaps, stamps with two prices.
    """
    real_time = END in load(path).columns
    stamp = END if real_time else BEGIN
    kinds = {stamp: Kind.INSTANT, PRICE: Kind.NUMBER}
    table = source_columns(path, kinds, source="nyiso")
    width = np.timedelta64(15, "m") if real_time else np.timedelta64(60, "m")
    times = table[stamp].values
    series = Series(
        source="nyiso",
        time_utc=price_series.interval_start_from_end(times, width) if real_time else times,
        price_per_mwh=price_series.price_column(table, PRICE),
        width=width,
        currency="USD",
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    what = "real-time commitment, 15 min" if real_time else "day-ahead, 1 h"
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="nyiso",
        title=title(f"LBMP, {what}", "nyiso", path, period),
        period=period,
        licence=licence(path, "C", "NYISO public OASIS"),
        origin="New York ISO OASIS",
        currency="USD",
        time_zone="UTC",
        quality=quality,
        assumptions=price_series.stated(gap),
    )
