"""Signals and prices of regulation: read as published, refused with the cause."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.data.signals import read_pjm_market, read_signal
from evergrid.model.time_series.signal import RegulationMarket, Signal
from tests.markets.test_pjm_score import DATA, needs_data


def saved(folder: Path, text: str) -> Path:
    path = folder / "file.csv"
    path.write_text(text)
    return path


def test_a_signal_holds_its_values_and_what_did_not_come(tmp_path: Path) -> None:
    found = read_signal(saved(tmp_path, "second,signal\n0,0.5\n4,\n8,-1\n16,0.25\n20,0\n"))
    assert found.tick_s == 4.0
    assert found.share.tolist()[::2] == [0.5, -1.0, 0.25]
    assert np.isnan(found.share[[1, 3]]).all()
    assert found.hours == pytest.approx(24 / 3600)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0,0\n2,0\n1,0\n", "rise by whole ticks of"),
        ("0,0\n2,0\n2,0\n4,0\n", "rise by whole ticks of 2 s, got 2"),
        ("0,0\n2,0\n4,0\n7,0\n", "rise by whole ticks"),
        ("0,0\n2,1.5\n", "Divide by the award"),
        ("0,0\n2,x\n", "signal must be a number"),
        ("0,\n2,\n", "at least one value"),
        ("0,0\n", "at least two rows"),
    ],
)
def test_a_signal_that_cannot_be_followed_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_signal(saved(tmp_path, f"second,signal\n{rows}"))


def test_a_night_whose_hour_comes_twice_is_refused_with_what_to_do(tmp_path: Path) -> None:
    seconds = [*range(0, 7200, 600), *range(3600, 10800, 600)]
    rows = "".join(f"{second},0.5\n" for second in seconds)
    with pytest.raises(InputError, match=r"600 s, got 3600.*count seconds in UTC"):
        read_signal(saved(tmp_path, f"second,signal\n{rows}"))


def test_a_signal_under_another_name_is_refused_with_the_names_that_are_known(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="signal, regd, rega"):
        read_signal(saved(tmp_path, "second,value\n0,0\n2,0\n"))


@pytest.mark.parametrize(
    "names",
    [
        "time_begin_utc,reg_ccp,reg_pcp",
        "datetime_beginning_utc,capability_clearing_price,performance_clearing_price",
        "datetime_beginning_utc,capability_clearing_price,mileage_clearing_price",
    ],
)
def test_prices_are_read_by_the_names_of_both_eras(tmp_path: Path, names: str) -> None:
    rows = "2025-10-01T01:00Z,20,2\n2025-10-01T00:00Z,10,1\n"
    found = read_pjm_market(saved(tmp_path, f"{names}\n{rows}"))
    assert found.capability_per_mw.tolist() == [10.0, 20.0]
    at = found.at(np.array(["2025-10-01T00:30", "2025-10-01T01:00"], "datetime64[us]"))
    assert at.performance_per_mw.tolist() == [1.0, 2.0]


def test_a_feed_that_was_renamed_on_its_way_is_read_whole(tmp_path: Path) -> None:
    names = "time_begin_utc,reg_ccp,performance_clearing_price,mileage_clearing_price"
    rows = "2025-09-30T23:00Z,10,1,\n2025-10-01T00:00Z,20,,2\n"
    found = read_pjm_market(saved(tmp_path, f"{names}\n{rows}"))
    assert found.performance_per_mw.tolist() == [1.0, 2.0]


def test_columns_of_one_meaning_that_differ_are_refused(tmp_path: Path) -> None:
    names = "time_begin_utc,reg_ccp,capability_clearing_price,reg_pcp"
    rows = "2025-09-30T23:00Z,10,10,1\n2025-10-01T00:00Z,20,40,1\n"
    with pytest.raises(InputError, match=r"capability_clearing_price.*40 beside 20 \(row 2\)"):
        read_pjm_market(saved(tmp_path, f"{names}\n{rows}"))
    with pytest.raises(InputError, match=r"rega must be empty where regd is not"):
        read_signal(saved(tmp_path, "second,regd,rega\n0,0.5,0.5\n2,0.5,0.25\n"))


def test_a_gap_in_prices_is_named_by_its_times() -> None:
    hours = np.array([0, 1, 3, 4]) * np.timedelta64(1, "h")
    times = (np.datetime64("2025-10-01T00:00") + hours).astype("datetime64[us]")
    market = RegulationMarket(times, np.ones(4), np.ones(4))
    asked = np.arange(times[0], times[2], np.timedelta64(30, "m"))
    with pytest.raises(InputError, match=r"got 2025-10-01T02:00:00.000000; 2025-10-01T02:30"):
        market.at(asked)


def test_mileages_are_never_taken_for_prices(tmp_path: Path) -> None:
    text = "time_begin_utc,rega_hourly,regd_hourly\n2023-04-01T00:00Z,6,33\n"
    with pytest.raises(InputError, match="are mileages, not prices"):
        read_pjm_market(saved(tmp_path, text))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2025-10-01T00:00Z,10,-1\n", "performance_per_mw must be at least 0"),
        ("2025-10-01T00:00Z,10,\n", "reg_pcp must not be empty"),
        ("2025-10-01T00:00,10,1\n", "time zone"),
        ("2025-10-01T00:00Z,10,1\n2025-10-01T00:00Z,11,1\n", "time_utc must be unique"),
    ],
)
def test_prices_that_break_rules_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_pjm_market(saved(tmp_path, f"time_begin_utc,reg_ccp,reg_pcp\n{rows}"))


def test_times_without_prices_are_refused() -> None:
    times = np.array(["2025-10-01T00:00", "2025-10-01T01:00"], "datetime64[us]")
    market = RegulationMarket(times, np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    assert market.at(times + np.timedelta64(59, "m")).capability_per_mw.tolist() == [1.0, 2.0]
    for hours in (-1, 2):
        with pytest.raises(InputError, match="shift_weeks"):
            market.at(times + np.timedelta64(hours, "h"))


@pytest.mark.parametrize("tick_s", [0.0, -2.0, np.nan, 1e6])
def test_a_tick_has_a_length(tick_s: float) -> None:
    with pytest.raises(InputError, match="tick_s"):
        Signal(tick_s, np.zeros(3))


@needs_data
def test_the_published_days_are_read_whole() -> None:
    found = read_signal(DATA / "pjm_regd_2s_2020-07-16.parquet")
    assert (found.tick_s, len(found)) == (2.0, 43_200)
    assert found.mileage_per_h == pytest.approx(25.3, abs=0.05)
    july = read_pjm_market(DATA / "pjm_regulation_clearing_hourly_2022-07.csv")
    assert len(july.time_utc) == 744
    august = read_pjm_market(DATA / "pjm_regulation_clearing_5min_2024-08.parquet")
    assert len(august.time_utc) == 8928
