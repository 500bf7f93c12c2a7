"""What each price format says of itself, and that its options reach the series."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.prices import FORMATS

Saved = Callable[..., Path]
START = datetime(2022, 7, 4)


class Format(NamedTuple):
    """How a format stamps prices, and what it says of itself."""

    stamp: str
    price: str
    minutes: int
    is_utc: bool
    begins_h: float  # after the first stamp, in UTC
    currency: str
    zone: str
    licence: str
    title: str
    options: dict[str, Any]
    more: dict[str, Any]


CASES = {
    "nl_dayahead": Format(
        *("time_utc", "price_eur_mwh", 60, True, 0.0, "EUR", "UTC", "A"),
        *("Day-ahead price in the format nl_dayahead, 2022-07-04, from table.parquet", {}, {}),
    ),
    "ercot_dam": Format(
        *("time_utc", "HB_HUBAVG", 60, True, 0.0, "USD", "UTC", "A"),
        *("Day-ahead settlement point price at HB_HUBAVG in the format ercot_dam", {}, {}),
    ),
    "epf": Format(
        *("time_local_naive", "real_price", 60, False, -1.0, "EUR", "UTC+1, all year", "A"),
        *("real_price", {"market": "DE"}, {}),
    ),
    "aemo": Format(
        *("interval_end_nem", "energy_rrp_aud_mwh", 5, False, -10.0 - 5 / 60, "AUD"),
        *(
            "UTC+10, all year",
            "B",
            "Energy price in NSW1 in the format aemo",
            {},
            {"region": "NSW1"},
        ),
    ),
    "nyiso": Format(
        *("time_end_utc", "lbmp_usd_mwh", 15, True, -0.25, "USD", "UTC", "C"),
        *("LBMP, real-time commitment, 15 min in the format nyiso", {}, {}),
    ),
    "pjm_lmp": Format(
        *("time_begin_utc", "total_lmp_rt", 60, True, 0.0, "USD", "UTC", "C"),
        *("Real-time hourly LMP in the format pjm_lmp", {}, {}),
    ),
}
every_format = pytest.mark.parametrize("name", CASES)


def table(case: Format, steps: list[int]) -> pl.DataFrame:
    zone = UTC if case.is_utc else None
    width = timedelta(minutes=case.minutes)
    stamps = [START.replace(tzinfo=zone) + width * step for step in steps]
    frame = pl.DataFrame({case.stamp: stamps, case.price: [float(10 + step) for step in steps]})
    return frame.with_columns(**{key: pl.lit(value) for key, value in case.more.items()})


@every_format
def test_prices_are_stamped_at_the_start_of_their_interval_in_utc(saved: Saved, name: str):
    case = CASES[name]
    prices, meta = FORMATS[name](saved(table(case, [0, 1, 2])), **case.options)
    first = np.datetime64(START, "us") + np.timedelta64(round(case.begins_h * 3600), "s")
    width = np.timedelta64(case.minutes, "m")
    assert prices.time_utc.tolist() == [(first + step * width).item() for step in range(3)]
    assert prices.import_price_per_mwh.tolist() == [10.0, 11.0, 12.0]
    assert prices.export_price_per_mwh.tolist() == [10.0, 11.0, 12.0]
    assert (prices.currency, meta.currency) == (case.currency, case.currency)
    assert (meta.source, meta.quality.source, meta.time_zone) == (name, name, case.zone)
    assert meta.licence.startswith(case.licence)
    assert case.title in meta.title
    assert meta.assumptions["gap"] == "error"
    assert meta.assumptions["carbon_price_per_mwh"] == 0.0


@every_format
def test_a_gap_of_a_format_is_refused_or_held_as_asked(saved: Saved, name: str):
    case = CASES[name]
    path = saved(table(case, [0, 1, 3]))
    with pytest.raises(InputError, match=rf"every {case.minutes} min.*1 missing"):
        FORMATS[name](path, **case.options)
    prices, meta = FORMATS[name](path, gap="hold", **case.options)
    assert prices.import_price_per_mwh.tolist() == [10.0, 11.0, 11.0, 13.0]
    assert meta.assumptions["gap"] == "hold"


@every_format
def test_a_window_of_a_format_keeps_its_first_and_leaves_its_last_instant(saved: Saved, name: str):
    case = CASES[name]
    first = START.replace(tzinfo=UTC) + timedelta(hours=case.begins_h)
    width = timedelta(minutes=case.minutes)
    prices, _ = FORMATS[name](
        saved(table(case, [0, 1, 2, 3])),
        start=first + width,
        end=first + 3 * width,
        **case.options,
    )
    assert prices.import_price_per_mwh.tolist() == [11.0, 12.0]


@every_format
def test_an_infinite_price_of_a_format_is_unreadable(saved: Saved, name: str):
    case = CASES[name]
    frame = table(case, [0, 1, 2]).with_columns(**{case.price: pl.Series([10.0, 11.0, np.inf])})
    prices, meta = FORMATS[name](saved(frame), **case.options)
    assert prices.import_price_per_mwh.tolist() == [10.0, 11.0]
    assert meta.quality.rows_rejected == 1


def test_new_york_day_ahead_says_so(saved: Saved):
    stamps = [START.replace(tzinfo=UTC) + timedelta(hours=hour) for hour in range(2)]
    frame = pl.DataFrame({"time_begin_utc": stamps, "lbmp_usd_mwh": [1.0, 2.0]})
    _, meta = FORMATS["nyiso"](saved(frame))
    assert "day-ahead, 1 h" in meta.title


def test_a_file_name_with_two_markets_names_none(saved: Saved):
    frame = table(CASES["epf"], [0, 1])
    assert FORMATS["epf"](saved(frame, "day_PJM_2y.parquet"))[0].currency == "USD"
    with pytest.raises(InputError, match="market must be one the file holds"):
        FORMATS["epf"](saved(frame, "DE_and_PJM.parquet"))
