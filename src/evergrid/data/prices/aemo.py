"""Five-minute energy prices of the Australian National Electricity Market, by region."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

COLUMNS = {
    "interval_end_nem": Kind.CLOCK,
    "region": Kind.TEXT,
    "energy_rrp_aud_mwh": Kind.NUMBER,
}
NEM_OFFSET_H = 10.0  # NEM time is UTC+10 all year
WIDTH = np.timedelta64(5, "m")


def read(
    path: Path,
    *,
    region: str = "NSW1",
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Energy prices of one region of the NEM table.

    The public sample comes in unbroken blocks of two to five days: give `start` and `end`.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`, stamped at the interval's end.
        region: A NEM region the file holds, such as NSW1 or SA1.
        start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
        end: First instant to leave out; None for all.
        gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

    Raises:
        InputError: An unknown region, missing columns, gaps, stamps with two prices.
    """
    table = source_columns(path, COLUMNS, source="aemo")
    regions = sorted(set(table["region"].values) - {""})
    here = table["region"].values == price_series.chosen("region", region, regions, source="aemo")
    ends = price_series.utc_from_standard_time(table["interval_end_nem"].values[here], NEM_OFFSET_H)
    series = Series(
        source="aemo",
        time_utc=price_series.interval_start_from_end(ends, WIDTH),
        price_per_mwh=price_series.price_column(table, "energy_rrp_aud_mwh")[here],
        width=WIDTH,
        currency="AUD",
    )
    prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
    period = price_series.period(prices, series.width)
    return prices, Meta(
        source="aemo",
        title=title(f"Energy price in {region}", "aemo", path, period),
        period=period,
        licence=licence(path, "B", "AEMO public data: general permission to use with attribution"),
        origin="AEMO",
        currency="AUD",
        time_zone="UTC+10, all year",
        quality=quality,
        assumptions=price_series.stated(
            gap, region=region, rows="rows are those of the region; numbered within it"
        ),
    )
