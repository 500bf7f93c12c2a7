"""Wall clocks on the nights they change, in Oslo and London."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.data.sessions import clock


def local(*stamps: str) -> np.ndarray:
    return np.array(stamps, "datetime64[us]")


def hours(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


@pytest.mark.parametrize(
    ("zone", "stamp", "instant"),
    [
        ("Europe/Oslo", "2019-03-31T01:59", "2019-03-31T00:59"),
        ("Europe/Oslo", "2019-03-31T03:00", "2019-03-31T01:00"),
        ("Europe/London", "2018-03-25T00:59", "2018-03-25T00:59"),
        ("Europe/London", "2018-03-25T02:00", "2018-03-25T01:00"),
    ],
)
def test_times_around_the_spring_gap(zone: str, stamp: str, instant: str):
    found = clock.instants(local(stamp), zone)
    assert found.first[0] == np.datetime64(instant)
    assert not found.skipped[0]
    assert not found.repeated[0]


@pytest.mark.parametrize(
    ("zone", "stamp", "instant"),
    [
        ("Europe/Oslo", "2019-03-31T02:30", "2019-03-31T01:30"),  # shown as 03:30 summer time
        ("Europe/London", "2018-03-25T01:30", "2018-03-25T01:30"),
    ],
)
def test_a_skipped_time_moves_forward_by_the_hour(zone: str, stamp: str, instant: str):
    found = clock.instants(local(stamp), zone)
    assert found.skipped[0]
    assert found.first[0] == found.second[0] == np.datetime64(instant)


@pytest.mark.parametrize(
    ("zone", "stamp", "first", "second"),
    [
        ("Europe/Oslo", "2019-10-27T02:30", "2019-10-27T00:30", "2019-10-27T01:30"),
        ("Europe/London", "2017-10-29T01:06", "2017-10-29T00:06", "2017-10-29T01:06"),
    ],
)
def test_a_repeated_time_has_two_instants(zone: str, stamp: str, first: str, second: str):
    found = clock.instants(local(stamp), zone)
    assert found.repeated[0]
    assert (found.first[0], found.second[0]) == (np.datetime64(first), np.datetime64(second))


def test_a_departure_in_the_repeated_hour_lies_after_its_arrival():
    arrival, departure, touched = clock.stays(
        local("2017-10-29T01:44"), local("2017-10-29T01:06"), "Europe/London"
    )
    assert touched[0]
    assert departure[0] - arrival[0] == np.timedelta64(22, "m")


def test_without_a_reason_the_first_occurrence_holds():
    arrival, departure, _ = clock.stays(
        local("2019-10-27T02:10"), local("2019-10-27T02:40"), "Europe/Oslo"
    )
    assert arrival[0] == np.datetime64("2019-10-27T00:10")
    assert departure[0] == np.datetime64("2019-10-27T00:40")


def test_a_published_duration_settles_which_hour_is_meant():
    start, end = local("2019-10-27T02:10"), local("2019-10-27T02:40")
    arrival, departure, _ = clock.stays(start, end, "Europe/Oslo", hours(1.5))
    assert (departure[0] - arrival[0]) / clock.HOUR == 1.5
    night = clock.stays(local("2019-10-26T22:00"), end, "Europe/Oslo", hours(5.6667))
    assert night[1][0] == np.datetime64("2019-10-27T01:40")


def test_an_autumn_night_is_an_hour_longer_than_the_clock_shows():
    arrival, departure, touched = clock.stays(
        local("2019-10-26T18:00"), local("2019-10-27T08:00"), "Europe/Oslo"
    )
    assert (departure[0] - arrival[0]) / clock.HOUR == 15.0
    assert not touched[0]


def test_an_open_stay_stays_open():
    arrival, departure, touched = clock.stays(
        local("2019-06-01T10:00"), local("NaT"), "Europe/Oslo"
    )
    assert np.isnat(departure[0])
    assert not np.isnat(arrival[0])
    assert not touched[0]


@given(
    st.datetimes(min_value=datetime(2016, 1, 1), max_value=datetime(2024, 12, 31)),
    st.sampled_from(["Europe/Oslo", "Europe/London", "America/New_York"]),
)
def test_instants_agree_with_the_standard_library(stamp: datetime, zone: str):
    found = clock.instants(np.array([stamp], "datetime64[us]"), zone)
    utc = stamp.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(ZoneInfo("UTC"))
    assert found.first[0] == np.datetime64(utc.replace(tzinfo=None))
