"""Each price format on a small table: its stamps, its options, its refusals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.prices import FORMATS

DAY = datetime(2022, 7, 4)


def stamps(minutes: int, zone: Any = None):
    return [DAY.replace(tzinfo=zone) + timedelta(minutes=minutes * i) for i in range(3)]


@pytest.fixture
def aemo(saved: Callable[..., Path]):
    frame = pl.DataFrame({"interval_end_nem": stamps(5), "energy_rrp_aud_mwh": [1.0, 2.0, 3.0]})
    two = [frame.with_columns(region=pl.lit(region)) for region in ("NSW1", "SA1")]
    return saved(pl.concat([two[0], two[1].with_columns(energy_rrp_aud_mwh=9.0)]))


def test_dutch_hours_begin_at_their_stamp(saved: Callable[..., Path]):
    path = saved(pl.DataFrame({"time_utc": stamps(60, UTC), "price_eur_mwh": [1.0, -5.0, 3.0]}))
    prices, meta = FORMATS["nl_dayahead"](path)
    assert prices.time_utc[0] == np.datetime64("2022-07-04T00:00")
    assert prices.import_price_per_mwh.tolist() == [1.0, -5.0, 3.0]
    assert prices.currency == meta.currency == "EUR"


def test_ercot_gives_the_point_asked_for(saved: Callable[..., Path]):
    frame = pl.DataFrame({"time_utc": stamps(60, UTC), "HB_WEST": [1.0] * 3, "LZ_WEST": [2.0] * 3})
    prices, meta = FORMATS["ercot_dam"](saved(frame), point="LZ_WEST")
    assert set(prices.import_price_per_mwh) == {2.0}
    assert "LZ_WEST" in meta.title
    with pytest.raises(InputError, match="Known values: HB_BUSAVG"):
        FORMATS["ercot_dam"](saved(frame), point="LZ_MARS")
    with pytest.raises(InputError, match="HB_NORTH must be a column"):
        FORMATS["ercot_dam"](saved(frame), point="HB_NORTH")


@pytest.mark.parametrize(
    ("market", "first", "currency"),
    [("DE", "2022-07-03T23", "EUR"), ("PJM", "2022-07-04T05", "USD")],
)
def test_benchmark_days_are_read_as_standard_time(
    saved: Callable[..., Path], market: str, first: str, currency: str
):
    frame = pl.DataFrame(
        {"time_local_naive": stamps(60), "real_price": [1.0] * 3, "lear_56": [2.0] * 3}
    )
    path = saved(frame, f"dayahead_{market}_2y.parquet")
    prices, meta = FORMATS["epf"](path)
    assert prices.time_utc[0] == np.datetime64(first)
    assert (prices.currency, meta.time_zone[:3]) == (currency, "UTC")
    forecast, _ = FORMATS["epf"](path, column="lear_56")
    assert set(forecast.import_price_per_mwh) == {2.0}
    with pytest.raises(InputError, match="real_price"):
        FORMATS["epf"](path, column="oracle")


def test_a_benchmark_file_that_does_not_name_its_market_needs_it_named(saved: Callable[..., Path]):
    path = saved(pl.DataFrame({"time_local_naive": stamps(60), "real_price": [1.0] * 3}))
    with pytest.raises(InputError, match="Known values: DE, PJM"):
        FORMATS["epf"](path)
    assert FORMATS["epf"](path, market="DE")[0].currency == "EUR"


def test_australian_stamps_end_their_interval_ten_hours_ahead(aemo: Path):
    prices, meta = FORMATS["aemo"](aemo, region="SA1")
    assert prices.time_utc[0] == np.datetime64("2022-07-03T13:55")
    assert set(prices.import_price_per_mwh) == {9.0}
    assert meta.quality.rows_read == 3
    with pytest.raises(InputError, match="Known values: NSW1, SA1"):
        FORMATS["aemo"](aemo, region="QLD1")


def test_australian_prices_of_a_service_stand_in_a_column_of_their_own(saved: Callable[..., Path]):
    columns = {"raise_6s_aud_mwh": [15.0, 20.0, 1.0], "raise_1s_aud_mwh": [None] * 3}
    frame = pl.DataFrame({"interval_end_nem": stamps(5), "region": ["NSW1"] * 3} | columns)
    path = saved(frame.with_columns(pl.col("raise_1s_aud_mwh").cast(pl.Float64)))
    prices, meta = FORMATS["aemo"](path, price="raise_6s_aud_mwh")
    assert prices.import_price_per_mwh.tolist() == [15.0, 20.0, 1.0]
    assert "raise_6s" in meta.title
    with pytest.raises(InputError, match="at least one price"):
        FORMATS["aemo"](path, price="raise_1s_aud_mwh")


def test_new_york_tells_real_time_from_day_ahead_by_its_stamp(saved: Callable[..., Path]):
    price = {"lbmp_usd_mwh": [1.0, 2.0, 3.0]}
    real_time, _ = FORMATS["nyiso"](saved(pl.DataFrame({"time_end_utc": stamps(15, UTC)} | price)))
    assert real_time.time_utc[0] == np.datetime64("2022-07-03T23:45")
    ahead, meta = FORMATS["nyiso"](saved(pl.DataFrame({"time_begin_utc": stamps(60, UTC)} | price)))
    assert ahead.time_utc[0] == np.datetime64("2022-07-04T00:00")
    assert meta.licence.startswith("C")


def test_pjm_reads_its_text_stamps(saved: Callable[..., Path]):
    text = [f"{stamp:%Y-%m-%d %H:%M:%S}+00:00" for stamp in stamps(60)]
    frame = pl.DataFrame({"time_begin_utc": text, "total_lmp_rt": [1.0, 2.0, 3.0]})
    prices, _ = FORMATS["pjm_lmp"](saved(frame, "pjm.csv"))
    assert prices.time_utc[-1] == np.datetime64("2022-07-04T02:00")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_its_columns_is_refused(saved: Callable[..., Path], name: str):
    options = {"market": "DE"} if name == "epf" else {}
    with pytest.raises(InputError, match="be a column"):
        FORMATS[name](saved(pl.DataFrame({"x": [1.0]})), **options)
