"""Billing periods begin at midnight of the local clock, whatever that clock does."""

from collections import Counter
from datetime import UTC, date, datetime

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid, local_midnight
from evergrid.model.billing import periods


def local_days(first: date, days: int, zone: str, step_h: float = 1.0):
    """The steps of whole local days."""
    start = local_midnight(first, zone)
    end = local_midnight(date.fromordinal(first.toordinal() + days), zone)
    return TimeGrid(start, step_h, round((end - start).total_seconds() / 3600 / step_h))


def lengths(grid: TimeGrid, zone: str, kind: str):
    """How many steps each period has, in time order."""
    found = periods(grid, zone, kind)
    assert (np.diff(found) >= 0).all()
    return [count for _, count in sorted(Counter(found.tolist()).items())]


@pytest.mark.parametrize(
    ("first", "hours"), [(date(2024, 3, 30), [24, 23, 24]), (date(2024, 10, 26), [24, 25, 24])]
)
def test_days_have_23_or_25_hours_when_the_clock_changes(first: date, hours: list[int]):
    assert lengths(local_days(first, 3, "Europe/Oslo"), "Europe/Oslo", "day") == hours


def test_a_month_ends_at_local_midnight_and_not_at_that_of_utc():
    grid = local_days(date(2024, 1, 30), 4, "Europe/Oslo")
    assert lengths(grid, "Europe/Oslo", "month") == [48, 48]
    assert lengths(grid, "UTC", "month") == [49, 47]
    assert lengths(grid, "America/Los_Angeles", "month") == [57, 39]


def test_a_month_with_a_change_of_the_clock_is_one_period():
    grid = local_days(date(2024, 3, 1), 62, "Europe/Oslo")
    assert lengths(grid, "Europe/Oslo", "month") == [31 * 24 - 1, 30 * 24, 24]


def test_weeks_run_from_monday():
    grid = local_days(date(2024, 1, 6), 10, "Europe/Oslo")  # a Saturday
    assert lengths(grid, "Europe/Oslo", "week") == [48, 168, 24]


def test_the_horizon_is_one_period():
    grid = local_days(date(2024, 1, 30), 40, "Europe/Oslo")
    assert lengths(grid, "Europe/Oslo", "horizon") == [grid.steps]


def test_a_step_across_midnight_belongs_to_the_day_in_which_it_begins():
    grid = TimeGrid(datetime(2024, 1, 10, 0, 30, tzinfo=UTC), 1.0, 48)
    assert lengths(grid, "UTC", "day") == [24, 24]


def test_a_period_in_which_no_step_begins_is_not_counted():
    grid = TimeGrid(datetime(2024, 3, 30, 22, 30, tzinfo=UTC), 24.0, 3)  # over a day of 23 hours
    assert periods(grid, "Europe/Oslo", "day").tolist() == [0, 1, 2]


def test_another_kind_of_period_is_refused():
    with pytest.raises(InputError, match="be one of month, week, day, horizon, got year"):
        periods(TimeGrid(datetime(2024, 1, 1, tzinfo=UTC), 1.0, 24), "UTC", "year")
