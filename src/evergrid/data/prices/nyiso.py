"""Prices of the New York City zone (NYISO): real-time quarter-hours and day-ahead hours."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from evergrid.data.files.frames import load
from evergrid.data.meta import Meta
from evergrid.data.prices.price_format import PriceFormat
from evergrid.data.prices.price_series import Instant
from evergrid.model.prices import Prices

DAY_AHEAD = PriceFormat(
    name="nyiso",
    title="LBMP, day-ahead, 1 h",
    time="time_begin_utc",
    price="lbmp_usd_mwh",
    currency="USD",
    licence_class="C",
    licence="NYISO public OASIS",
    origin="New York ISO OASIS",
)
REAL_TIME = replace(
    DAY_AHEAD,
    title="LBMP, real-time commitment, 15 min",
    time="time_end_utc",
    width=np.timedelta64(15, "m"),
    stamped_at_end=True,
)


def read(
    path: Path,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of the NYISO real-time or day-ahead table, told apart by their time column.

    Args:
        path: Parquet or CSV with the columns of `REAL_TIME` or of `DAY_AHEAD`.
        start: First instant to keep, as in `PriceFormat.read`.
        end: First instant to leave out.
        gap: What is done with gaps.

    Raises:
        InputError: As `PriceFormat.read`.
    """
    here = REAL_TIME if REAL_TIME.time in load(path).columns else DAY_AHEAD
    return here.read(path, start=start, end=end, gap=gap)
