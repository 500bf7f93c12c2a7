"""Hourly real-time locational marginal prices of PJM."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

COLUMNS = {"time_begin_utc": Kind.INSTANT, "total_lmp_rt": Kind.NUMBER}


def read(
    path: Path,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Total LMP (energy, congestion and losses) of a PJM real-time table.

    Args:
        path: CSV or Parquet with the columns of `COLUMNS`, stamped at the hour's beginning.
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: Missing columns, gaps, stamps with two prices.
    """
    table = source_columns(path, COLUMNS, source="pjm_lmp")
    series = Series(
        source="pjm_lmp",
        time_utc=table["time_begin_utc"].values,
        price_per_mwh=price_series.price_column(table, "total_lmp_rt"),
        width=np.timedelta64(1, "h"),
        currency="USD",
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="pjm_lmp",
        title=title("Real-time hourly LMP", "pjm_lmp", path, period),
        period=period,
        licence=licence(path, "C", "PJM terms restrict redistribution"),
        origin="PJM Interconnection",
        currency="USD",
        time_zone="UTC",
        quality=quality,
        assumptions=price_series.stated(gap),
    )
