"""The load of homes: its shape, its level over a year, and how much groups of homes differ."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid, local_midnight
from evergrid.fleet.synthetic import household

ZONE = "Europe/Amsterdam"


def profile(first: date, days: float) -> np.ndarray:
    grid = TimeGrid(local_midnight(first, ZONE), 0.25, round(days * 96))
    return household.profile(grid, ZoneInfo(ZONE))


def test_a_year_has_the_mean_one() -> None:
    assert profile(date(2025, 1, 1), 365).mean() == pytest.approx(1.0, abs=0.01)


def test_winter_evenings_are_highest_and_nights_lowest() -> None:
    day = profile(date(2025, 1, 14), 1)
    assert 17 <= day.argmax() // 4 <= 19
    assert 1 <= day.argmin() // 4 <= 4
    assert day.max() > profile(date(2025, 7, 15), 1).max()


def test_the_shape_follows_the_local_clock_in_summer_time() -> None:
    day = profile(date(2025, 7, 15), 1)
    grid = TimeGrid(local_midnight(date(2025, 7, 15), ZONE), 0.25, 96)
    shifted = household.profile(grid, ZoneInfo("UTC"))  # whose clock is two hours behind
    np.testing.assert_allclose(shifted[8:], day[:-8])


def test_sundays_peak_at_noon_and_working_days_do_not() -> None:
    sunday, monday = profile(date(2025, 1, 12), 1), profile(date(2025, 1, 13), 1)
    assert sunday[44:48].mean() > 1.5 * monday[44:48].mean()


def test_many_homes_come_close_to_the_profile_and_few_do_not() -> None:
    shape = profile(date(2025, 1, 14), 1)
    homes = np.repeat([1, 10_000], 200)
    load = household.load_kw(shape, homes, 0.4, np.random.default_rng(1)) / homes[:, None]
    use = load.mean(axis=1) / shape.mean() / 0.4
    assert use[:200].std() == pytest.approx(household.USE_SPREAD, rel=0.3)
    np.testing.assert_allclose(load[200:], np.broadcast_to(0.4 * shape, (200, 96)), rtol=0.08)
    assert (load >= 0).all()


def test_load_scales_with_the_mean() -> None:
    shape, homes = profile(date(2025, 1, 14), 1), np.array([5, 20])
    one, two = (
        household.load_kw(shape, homes, mean, np.random.default_rng(3)) for mean in (0.4, 0.8)
    )
    np.testing.assert_allclose(two, 2 * one)
