"""Five-minute prices of the Australian National Electricity Market, by region and service."""

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
    price: str = FORMAT.price,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Prices of one region of the NEM table.

    The public sample comes in unbroken blocks of two to five days: give `start` and `end`.

    Args:
        path: Parquet or CSV with the columns of `FORMAT` and `region`.
        region: A NEM region the file holds, such as NSW1 or SA1.
        price: Column of the prices: those of energy, or per MW and hour of a frequency control
            service, such as raise_reg_aud_mwh.
        start: First instant to keep, as in `PriceFormat.read`.
        end: First instant to leave out.
        gap: What is done with gaps.

    Raises:
        InputError: An unknown region, and as `PriceFormat.read`.
    """
    what = FORMAT.title if price == FORMAT.price else f"Price of {price.removesuffix('_aud_mwh')}"
    here = replace(
        FORMAT,
        title=f"{what} in {region}",
        price=price,
        rows=("region", region),
        notes={"region": region, "rows": "rows are those of the region; numbered within it"},
    )
    return here.read(path, start=start, end=end, gap=gap)
