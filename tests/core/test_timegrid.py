"""Steps are half-open and equal, instants carry a zone, and local days last 23 to 25 hours."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid, datetime64, local_midnight, stamp, utc, zone

START = datetime(2024, 1, 10, tzinfo=UTC)
MINUTES = st.integers(-3000, 3000)


def after(minutes: Any):
    return datetime64(START) + np.atleast_1d(minutes).astype("timedelta64[m]")


def test_the_same_instant_in_any_zone_is_the_same_in_utc():
    assert utc("2024-01-10T02:00:00+02:00") == utc("2024-01-10T00:00:00Z") == START
    assert utc(datetime(2024, 1, 9, 19, tzinfo=timezone(timedelta(hours=-5)))) == START


@pytest.mark.parametrize(
    ("given_time", "rule"),
    [
        ("2024-01-10T00:00:00", "carry a time zone"),
        (datetime(2024, 1, 10), "carry a time zone"),
        ("next Tuesday", "be an ISO 8601 time stamp"),
        ("2024-02-30T00:00:00Z", "be an ISO 8601 time stamp"),
    ],
)
def test_a_naive_or_unreadable_stamp_is_refused_by_name(given_time: str | datetime, rule: str):
    with pytest.raises(InputError) as caught:
        utc(given_time, field="arrival")
    assert (caught.value.field, caught.value.rule) == ("arrival", rule)
    assert caught.value.got == (given_time,)


@pytest.mark.parametrize("name", ["Europe/Olso", "", "../etc/passwd", "Europe", "a\0b"])
def test_a_name_that_is_no_zone_is_refused(name: str):
    with pytest.raises(InputError, match="IANA"):
        zone(name)


@pytest.mark.parametrize(
    ("zone_name", "day", "hours"),
    [
        ("Europe/Oslo", date(2024, 3, 31), 23),
        ("Europe/Oslo", date(2024, 10, 27), 25),
        ("Europe/Oslo", date(2024, 7, 4), 24),
        ("America/Los_Angeles", date(2024, 3, 10), 23),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("UTC", date(2024, 3, 31), 24),
    ],
)
def test_a_local_day_lasts_as_long_as_its_clock_says(zone_name: str, day: date, hours: float):
    begin = local_midnight(day, zone_name)
    end = local_midnight(day + timedelta(days=1), zone_name)
    assert (end - begin) / timedelta(hours=1) == hours


@pytest.mark.parametrize("step_h", [0.0, -1.0, 24.1, 1.5 / 3600, np.nan, np.inf, 1 / 7200])
def test_a_step_that_is_no_whole_number_of_seconds_is_refused(step_h: float):
    with pytest.raises(InputError, match="whole number of seconds"):
        TimeGrid(START, step_h, 4)


@pytest.mark.parametrize("step_s", [1, 20, 300, 86400])
def test_a_step_of_whole_seconds_is_exact_over_a_thousand_steps(step_s: int):
    grid = TimeGrid(START, step_s / 3600, 1000)
    assert grid.step == timedelta(seconds=step_s)
    assert grid.end_utc - START == timedelta(seconds=1000 * step_s)
    assert (np.diff(grid.times) == np.timedelta64(step_s, "s")).all()


def test_a_grid_without_steps_and_a_bad_step_are_reported_together():
    with pytest.raises(InputError) as caught:
        TimeGrid(START, -1.0, 0)
    assert [fault.field for fault in caught.value.faults] == ["step_h", "steps"]


def test_a_naive_start_is_refused():
    with pytest.raises(InputError, match="start_utc must carry a time zone"):
        TimeGrid(datetime(2024, 1, 10), 1.0, 4)


def test_a_grid_is_kept_in_utc():
    grid = TimeGrid(datetime(2024, 1, 10, 2, tzinfo=timezone(timedelta(hours=2))), 0.25, 4)
    assert grid.start_utc.tzinfo is UTC
    assert grid.times[0] == datetime64(START)
    assert grid.horizon_h == 1.0


@given(st.integers(1, 100), st.sampled_from([1, 5, 15, 60]))
def test_each_step_starts_at_its_own_position(steps: int, minutes: Any):
    grid = TimeGrid(START, minutes / 60, steps)
    assert grid.position(grid.times).tolist() == list(range(steps))
    assert grid.position(np.array([datetime64(grid.end_utc)])).tolist() == [steps]


@given(MINUTES, st.integers(1, 3000))
def test_a_window_holds_exactly_the_steps_that_overlap(begin: int, length: int):
    grid = TimeGrid(START, 0.25, 96)
    arrival, departure = after(begin), after(begin + length)
    first, stop = grid.window(arrival, departure)
    touched = (grid.times < departure) & (grid.times > arrival - np.timedelta64(15, "m"))
    assert np.nonzero(touched)[0].tolist() == list(range(int(first[0]), int(stop[0])))


@given(st.integers(0, 4 * 3600 - 1), st.integers(1, 60))
def test_the_shortest_stay_touches_the_step_it_lies_in(second: int, microseconds: int):
    grid = TimeGrid(START, 1.0, 4)
    arrival = datetime64(START) + np.array([second]) * np.timedelta64(1, "s")
    first, stop = grid.window(arrival, arrival + np.timedelta64(microseconds, "us"))
    assert (first[0], stop[0]) == (second // 3600, second // 3600 + 1)


@pytest.mark.parametrize(("hours", "over"), [(-1, 0), (4, 1)])
def test_a_stay_that_reaches_a_microsecond_into_the_grid_touches_it(hours: int, over: int):
    grid = TimeGrid(START, 1.0, 4)
    arrival = datetime64(START) + np.array([hours]) * np.timedelta64(1, "h")
    inside = arrival - np.timedelta64(over, "us")
    departure = inside + np.timedelta64(1, "h") + np.timedelta64(1 - over, "us")
    first, stop = grid.window(inside, departure)
    assert (stop - first).tolist() == [1]
    before = arrival - np.timedelta64(5, "h") if hours < 0 else arrival
    first, stop = grid.window(before, before + np.timedelta64(1, "h"))
    assert (stop - first).tolist() == [0]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2024-01-10T05:00", "2024-01-10T05:00Z"),
        ("2024-01-10T05:00:01", "2024-01-10T05:00:01Z"),
        ("2024-01-10T05:00:00.25", "2024-01-10T05:00:00.250Z"),
        ("2024-01-10T05:00:00.000001", "2024-01-10T05:00:00.000001Z"),
    ],
)
def test_an_instant_is_written_with_as_many_digits_as_it_has(moment: str, text: str):
    assert stamp(np.datetime64(moment, "us")) == text


@given(st.integers(0, 23), st.integers(1, 24))
def test_a_part_is_a_piece_of_the_whole(first: int, count: int):
    grid = TimeGrid(START, 1.0, 24)
    stop = min(24, first + count)
    part = grid.part(first, stop)
    assert part.times.tolist() == grid.times[first:stop].tolist()
