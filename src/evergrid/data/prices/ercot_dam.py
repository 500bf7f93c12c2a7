"""Day-ahead settlement point prices of ERCOT, by hub and load zone."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

POINTS = (
    *("HB_BUSAVG", "HB_HOUSTON", "HB_HUBAVG", "HB_NORTH", "HB_PAN", "HB_SOUTH", "HB_WEST"),
    *("LZ_AEN", "LZ_CPS", "LZ_HOUSTON", "LZ_LCRA", "LZ_NORTH", "LZ_RAYBN", "LZ_SOUTH", "LZ_WEST"),
)


def read(
    path: Path,
    *,
    point: str = "HB_HUBAVG",
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of one settlement point of the ERCOT day-ahead table.

    Args:
        path: Parquet or CSV with `time_utc` (hour beginning) and a column for each point.
        point: A hub (HB) or load zone (LZ), one of `POINTS`.
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: An unknown point, missing columns, gaps, stamps with two prices.
    """
    price_series.chosen("point", point, POINTS, source="ercot_dam")
    kinds = {"time_utc": Kind.INSTANT, point: Kind.NUMBER}
    table = source_columns(path, kinds, source="ercot_dam")
    series = Series(
        source="ercot_dam",
        time_utc=table["time_utc"].values,
        price_per_mwh=price_series.price_column(table, point),
        width=np.timedelta64(1, "h"),
        currency="USD",
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="ercot_dam",
        title=title(f"Day-ahead settlement point price at {point}", "ercot_dam", path, period),
        period=period,
        licence=licence(path, "A", "CC BY 4.0; ERCOT public report 13060"),
        origin="ERCOT report 13060",
        currency="USD",
        time_zone="UTC",
        quality=quality,
        assumptions=price_series.stated(gap, point=point),
    )
