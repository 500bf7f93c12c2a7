"""Day-ahead settlement point prices of ERCOT, by hub and load zone."""

from dataclasses import replace
from pathlib import Path

from evergrid.data.meta import Meta
from evergrid.data.prices import price_series
from evergrid.data.prices.price_format import PriceFormat
from evergrid.data.prices.price_series import Instant
from evergrid.model.prices import Prices

POINTS = (
    *("HB_BUSAVG", "HB_HOUSTON", "HB_HUBAVG", "HB_NORTH", "HB_PAN", "HB_SOUTH", "HB_WEST"),
    *("LZ_AEN", "LZ_CPS", "LZ_HOUSTON", "LZ_LCRA", "LZ_NORTH", "LZ_RAYBN", "LZ_SOUTH", "LZ_WEST"),
)
FORMAT = PriceFormat(
    name="ercot_dam",
    title="Day-ahead settlement point price",
    time="time_utc",
    price="HB_HUBAVG",
    currency="USD",
    licence_class="A",
    licence="CC BY 4.0; ERCOT public report 13060",
    origin="ERCOT report 13060",
)


def read(
    path: Path,
    *,
    point: str = FORMAT.price,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of one settlement point of the ERCOT day-ahead table, which has a column for each.

    Args:
        path: Parquet or CSV with `time_utc` (hour beginning) and a column for each point.
        point: A hub (HB) or load zone (LZ), one of `POINTS`.
        start: First instant to keep, as in `PriceFormat.read`.
        end: First instant to leave out.
        gap: What is done with gaps.

    Raises:
        InputError: An unknown point, and as `PriceFormat.read`.
    """
    price_series.chosen("point", point, POINTS, source=FORMAT.name)
    here = replace(FORMAT, title=f"{FORMAT.title} at {point}", price=point, notes={"point": point})
    return here.read(path, start=start, end=end, gap=gap)
