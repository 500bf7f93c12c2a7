"""Local clocks: the same answers as the standard library, one by one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.local_time import local_from_utc, utc_from_local

ZONES = ("Europe/Oslo", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
TIMES = st.lists(
    st.datetimes(datetime(2019, 1, 1), datetime(2023, 1, 1)).map(
        lambda moment: moment.replace(second=0, microsecond=0)
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(TIMES, st.sampled_from(ZONES))
def test_utc_from_local_agrees_with_the_standard_library(
    moments: list[datetime], name: str
) -> None:
    zone = ZoneInfo(name)
    expected = [
        (moment - (moment.replace(tzinfo=zone).utcoffset() or timedelta())) for moment in moments
    ]
    ours = utc_from_local(np.array(moments, "datetime64[us]"), zone)
    np.testing.assert_array_equal(ours, np.array(expected, "datetime64[us]"))


@settings(deadline=None)
@given(TIMES, st.sampled_from(ZONES))
def test_local_from_utc_agrees_with_the_standard_library(
    moments: list[datetime], name: str
) -> None:
    zone = ZoneInfo(name)
    expected = [
        moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for moment in moments
    ]
    ours = local_from_utc(np.array(moments, "datetime64[us]"), zone)
    np.testing.assert_array_equal(ours, np.array(expected, "datetime64[us]"))


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2022-03-27T01:59", "2022-03-27T00:59"),
        ("2022-03-27T02:30", "2022-03-27T01:30"),  # skipped: read as winter time
        ("2022-03-27T03:00", "2022-03-27T01:00"),
        ("2022-10-30T02:30", "2022-10-30T00:30"),  # twice: the first, summer time
        ("2022-10-30T03:00", "2022-10-30T02:00"),
    ],
)
def test_nights_of_clock_changes(local: str, expected: str) -> None:
    ours = utc_from_local(np.array([local], "datetime64[us]"), ZoneInfo("Europe/Oslo"))
    assert ours[0] == np.datetime64(expected)


def test_no_times_give_no_times() -> None:
    none = np.array([], "datetime64[us]")
    assert utc_from_local(none, ZoneInfo("Europe/Oslo")).size == 0
    assert local_from_utc(none, ZoneInfo("Europe/Oslo")).size == 0
