"""Calendars: weekends, holidays and seasons."""

import numpy as np
import pytest

from evergrid.fleet.synthetic.calendar import is_rest_day, season
from evergrid.fleet.synthetic.group import FleetGroup


def test_saturdays_sundays_and_holidays_are_rest_days() -> None:
    group = FleetGroup(
        place="home",
        vehicles=1,
        sites=("a",),
        time_zone="UTC",
        holiday_first="2022-07-05",  # type: ignore[arg-type]
        holiday_last="2022-07-06",  # type: ignore[arg-type]
    )
    days = np.arange("2022-07-01", "2022-07-08", dtype="datetime64[D]")  # Friday to Thursday
    assert list(is_rest_day(days, group)) == [False, True, True, False, True, True, False]


def test_the_season_peaks_on_the_coldest_day() -> None:
    days = np.arange("2022-01-01", "2023-01-01", dtype="datetime64[D]")
    factor = season(days, 15, 0.1)
    assert factor.argmax() == 14
    assert factor.max() == pytest.approx(1.1)
    assert factor.mean() == pytest.approx(1.0, abs=1e-3)
