"""Five-minute energy prices of the Australian National Electricity Market, by region."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from evergrid.data.meta import Meta
from evergrid.data.prices.price_format import PriceFormat
from evergrid.data.prices.price_series import Instant
from evergrid.model.prices import Prices

FORMAT = PriceFormat(
    name="aemo",
    title="Energy price",
    time="interval_end_nem",
    price="energy_rrp_aud_mwh",
    currency="AUD",
    licence_class="B",
    licence="AEMO public data: general permission to use with attribution",
    origin="AEMO",
    width=np.timedelta64(5, "m"),
    stamped_at_end=True,
    utc_offset_h=10.0,
)


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
        path: Parquet or CSV with the columns of `FORMAT` and `region`.
        region: A NEM region the file holds, such as NSW1 or SA1.
        start: First instant to keep, as in `PriceFormat.read`.
        end: First instant to leave out.
        gap: What is done with gaps.

    Raises:
        InputError: An unknown region, and as `PriceFormat.read`.
    """
    here = replace(
        FORMAT,
        title=f"{FORMAT.title} in {region}",
        rows=("region", region),
        notes={"region": region, "rows": "rows are those of the region; numbered within it"},
    )
    return here.read(path, start=start, end=end, gap=gap)
