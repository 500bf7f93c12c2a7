"""A series is whole, changes its resolution openly, or is refused where a row is missing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evergrid.model.time_series import stamps

FIRST = np.datetime64("2024-01-10", "us")


def after(*minutes: float):
    """Stamps at these minutes."""
    return FIRST + (np.array(minutes) * 60e6).astype("timedelta64[us]")


def following(*apart: float):
    """Stamps that follow one another by these minutes."""
    return after(0, *np.cumsum(apart))


@pytest.mark.parametrize(
    ("hours", "rule", "row"),
    [
        ([0, 1, 1, 2, 3], "not repeat", 3),
        ([0, 1, 3, 4, 5], "follow the row before by 60 min", 3),
        ([0, 1, 2, 0, 1], "rise from row to row", 4),
    ],
)
def test_a_repeated_missing_or_earlier_stamp_is_named_with_its_row(hours: Any, rule: str, row: str):
    (fault,) = stamps.faults(FIRST + np.array(hours) * np.timedelta64(1, "h"))
    assert (fault.rule, fault.rows) == (rule, (row,))


def test_a_series_without_rows_is_refused_and_a_whole_one_is_not():
    assert stamps.faults(after())[0].rule == "have at least one row"
    assert stamps.faults(after(0)) == stamps.faults(following(*[5] * 23)) == []


def test_a_time_that_is_none_is_refused():
    times = after(0, 60, 120)
    times[1] = np.datetime64("NaT")
    (fault,) = stamps.faults(times)
    assert (fault.rule, fault.rows) == ("be a time", (2,))
    assert stamps.faults(times[1:2])


def test_intervals_last_to_the_next_stamp_and_the_last_as_long_as_the_one_before():
    assert (stamps.widths(following(60, 60, 15, 15)) / np.timedelta64(1, "m")).tolist() == [
        *(60, 60, 15, 15, 15)
    ]
    assert stamps.widths(after(7)).tolist() == [np.timedelta64(1, "h")]


@pytest.mark.parametrize(
    "apart",
    [
        (60, 60, 15, 15, 15),
        (15, 15, 15, 60, 60),
        (60, 60, 15, 15, 60, 60),
        (60, 60, 30, 30, 15, 15),
    ],
)
def test_intervals_may_become_shorter_or_longer(apart: tuple[float, ...]):
    assert stamps.faults(following(*apart)) == []


@pytest.mark.parametrize(
    ("apart", "rows"),
    [
        ((60, 60, 120, 15, 15), (4,)),  # an hour is missing where quarters begin
        ((60, 60, 75, 15, 15), (4,)),  # the first quarter is missing
        ((60, 60, 15, 15, 60, 15, 15), (6,)),  # three quarters are missing, which make an hour
        ((15, 15, 30, 30, 15, 15), (4, 5)),  # every second of some
        ((60, 60, 60, 120), (5,)),  # the last but one
        ((60, 60, 15, 15, 60), (6,)),  # three quarters before the last
        ((60, 60, 15, 15, 5), (6,)),  # a row that belongs to no resolution
        ((60, 120), (3,)),
        ((60, 15, 15), (2,)),  # one hour is no resolution
        ((60, 60, 25, 25), (4, 5)),  # no part of an hour
        ((60, 60, 75, 45, 60), (4, 5, 6)),  # a stamp a quarter late
    ],
)
def test_a_gap_is_refused_however_the_resolution_changes(
    apart: tuple[float, ...], rows: tuple[int, ...]
):
    (fault,) = stamps.faults(following(*apart))
    assert fault.rule.startswith("follow the row before by ")
    assert fault.rows == rows
    assert fault.fix == "Fill the gap: a missing value is not guessed."


def test_the_lengths_that_a_step_may_have_are_named():
    (fault,) = stamps.faults(following(60, 60, 15, 15, 30, 15))
    assert fault.rule == "follow the row before by 15 min or 60 min"


@given(st.integers(2, 9), st.integers(4, 20), st.integers(1, 30))
def test_a_row_that_is_left_out_of_any_place_but_the_ends_is_noticed(
    hours: int, quarters: int, missing: int
):
    whole = following(*[60] * hours, *[15] * quarters)
    assume(missing < len(whole) - 1)
    assert stamps.faults(whole) == []
    assume(missing != hours - 1 or hours > 2)  # two hours with one of them left out are one of 2 h
    assert stamps.faults(np.delete(whole, missing))


def test_stamps_a_second_or_two_off_are_those_of_the_minute():
    moved, count = stamps.on_minutes(after(0, 15, 30, 45) + np.timedelta64(1, "s"))
    assert (moved.tolist(), count) == (after(0, 15, 30, 45).tolist(), 4)
    moved, count = stamps.on_minutes(after(0, 15 - 2 / 60, 30))
    assert (moved.tolist(), count) == (after(0, 15, 30).tolist(), 1)


@pytest.mark.parametrize("minutes", [(0, 15, 30.05), (0, 1 / 60, 2 / 60), (0.5, 1.5), ()])
def test_stamps_that_mean_no_minute_are_kept(minutes: tuple[float, ...]):
    moved, count = stamps.on_minutes(after(*minutes))
    assert (moved.tolist(), count) == (after(*minutes).tolist(), 0)
