"""Price series: windows, repetitions, gaps and stamp conventions."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Series

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2022-07-04T00:00", "us")


def series(hours: list[int], prices: Any = None):
    prices = range(len(hours)) if prices is None else prices
    times = START + np.array(hours, dtype=np.int64) * HOUR
    return Series("test", times, np.array(prices, dtype=float), HOUR, "EUR")


def whole(source: Series, *, start: Any = None, end: Any = None, gap: str = "error"):
    return price_series.prices(source, start=start, end=end, gap=gap)


def test_drawing_and_feeding_cost_the_market_price_and_carbon_nothing():
    prices, quality = whole(series([0, 1, 2]))
    assert prices.import_price_per_mwh.tolist() == prices.export_price_per_mwh.tolist() == [0, 1, 2]
    assert not prices.carbon_price_per_mwh.any()
    assert quality.rows_kept == quality.rows_read == 3


def test_a_repeated_stamp_with_the_same_price_is_merged_and_counted():
    prices, quality = whole(series([0, 1, 1, 2], [5, 6, 6, 7]))
    assert prices.import_price_per_mwh.tolist() == [5, 6, 7]
    assert quality.count(price_series.REPEATED) == quality.rows_repaired == 1
    assert quality.rows_kept == 4


def test_a_repeated_stamp_with_another_price_is_refused_with_its_row():
    with pytest.raises(InputError, match="row 3") as caught:
        whole(series([0, 1, 1, 2], [5, 6, 6.5, 7]))
    assert caught.value.rule == "not repeat with another price"


def test_a_gap_is_refused_and_says_where_and_how_long():
    with pytest.raises(InputError, match=r"2022-07-04T02:00Z \(2 missing\)"):
        whole(series([0, 1, 4]))


def test_a_gap_is_held_when_asked_and_counted():
    prices, quality = whole(series([0, 1, 4], [5, 6, 9]), gap="hold")
    assert prices.import_price_per_mwh.tolist() == [5, 6, 6, 6, 9]
    assert quality.count(price_series.HELD) == 2
    assert quality.findings[-1].examples == ("row 2: 2022-07-04T01:00:00",)


def test_a_market_may_go_from_hours_to_quarters_but_not_without_a_row():
    hourly = series([0, 1, 2, 3])
    quarters = START + 3 * HOUR + np.arange(5) * np.timedelta64(15, "m")
    times = np.append(hourly.time_utc[:3], quarters)
    source = replace(hourly, time_utc=times, price_per_mwh=np.arange(8.0))
    assert whole(source)[0].time_utc.tolist() == times.tolist()
    lacking = replace(source, time_utc=np.delete(times, 5), price_per_mwh=np.arange(7.0))
    with pytest.raises(InputError, match="must follow the row before by 15 min or 60 min"):
        whole(lacking)


def test_a_window_leaves_a_gap_outside():
    prices, quality = whole(series([0, 1, 4, 5]), start=START + 4 * HOUR)
    assert len(prices.time_utc) == quality.rows_read == 2
    prices, _ = whole(series([0, 1, 4, 5]), end=START + 2 * HOUR)
    assert len(prices.time_utc) == 2


@pytest.mark.parametrize(
    "start",
    ["2022-07-04T03:00+02:00", datetime(2022, 7, 4, 1, tzinfo=UTC), np.datetime64("2022-07-04T01")],
)
def test_a_window_may_be_given_as_text_or_instant(start: Any):
    prices, _ = whole(series([0, 1, 2]), start=start)
    assert prices.time_utc[0] == START + HOUR


@pytest.mark.parametrize("start", ["2022-07-04T01:00", "July"])
def test_a_window_without_zone_or_sense_is_refused(start: Any):
    with pytest.raises(InputError) as caught:
        whole(series([0, 1, 2]), start=start)
    assert caught.value.field == "start"


def test_an_empty_window_is_refused():
    with pytest.raises(InputError, match="at least one price in the window"):
        whole(series([0, 1]), start=START + 9 * HOUR)


def test_an_unreadable_price_is_rejected_and_then_a_gap():
    source = series([0, 1, 2], [5, np.nan, 7])
    with pytest.raises(InputError, match="1 missing"):
        whole(source)
    _, quality = whole(source, gap="hold")
    assert (quality.rows_read, quality.rows_kept, quality.rows_rejected) == (3, 2, 1)


def test_an_unknown_way_to_treat_gaps_names_the_known():
    with pytest.raises(InputError, match="Known values: error, hold"):
        whole(series([0, 1]), gap="interpolate")


def test_a_stamp_between_intervals_is_refused_even_when_holding():
    source = series([0, 1, 2])
    odd = Series(
        "t",
        source.time_utc + np.array([0, 0, 30]) * np.timedelta64(1, "m"),
        source.price_per_mwh,
        HOUR,
        "EUR",
    )
    with pytest.raises(InputError):
        whole(odd, gap="hold")


@given(st.permutations(list(range(8))))
def test_the_order_of_rows_does_not_matter(order: list[int]):
    prices, quality = whole(series(order, order))
    assert prices.import_price_per_mwh.tolist() == list(range(8))
    assert quality.rows_read == quality.rows_kept


@given(st.sets(st.integers(0, 30), min_size=2))
def test_holding_fills_every_gap_and_invents_no_price(hours: list[int]):
    prices, quality = whole(series(sorted(hours)), gap="hold")
    assert len(prices.time_utc) == max(hours) - min(hours) + 1
    assert quality.count(price_series.HELD) == len(prices.time_utc) - len(hours)
    assert set(prices.import_price_per_mwh) <= set(range(len(hours)))


def test_stamp_conventions():
    ends = np.array(["2018-04-01T00:05"], "datetime64[us]")
    utc = price_series.utc_from_standard_time(ends, 10.0)
    start = price_series.interval_start_from_end(utc, np.timedelta64(5, "m"))
    assert start[0] == np.datetime64("2018-03-31T14:00")
    assert price_series.utc_from_standard_time(ends, -5.0)[0] == np.datetime64("2018-04-01T05:05")
