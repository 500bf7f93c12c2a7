"""Days and years of a battery, by hand."""

import numpy as np
import pytest

from evergrid.studies.battery_life.config import Pack, Strategy, Use
from evergrid.studies.battery_life.daily_profile import (
    air_temperature_c,
    day_means_c,
    drive_factor,
    state_of_charge,
    year_of_charge,
)

USE, PACK = Use(), Pack(capacity_kwh=60.0)
V2G = Strategy(name="V2G", export_kwh=12.0, export_kw=6.0, charge_kw=6.0)


def test_a_day_by_hand():
    hour = np.array([0.0, 6.0, 7.0, 7.5, 8.0, 12.0, 17.0, 18.0, 20.0, 22.0, 24.0])
    wanted = [0.9, 0.9, 0.9, 0.85, 0.8, 0.8, 0.8, 0.7, 0.5, 0.7, 0.9]
    np.testing.assert_allclose(state_of_charge(USE, PACK, V2G, hour, 12.0), wanted, atol=1e-12)
    late = V2G.model_copy(update={"charge": "before_leaving"})
    wanted = [0.5, 0.8, 0.9, 0.85, 0.8, 0.8, 0.8, 0.7, 0.5, 0.5, 0.5]
    np.testing.assert_allclose(state_of_charge(USE, PACK, late, hour, 12.0), wanted, atol=1e-12)


def test_a_year_of_equal_days_is_that_day_again_and_again():
    step_h = 0.5
    year = year_of_charge(USE, PACK, V2G, np.full(365, 12.0), step_h=step_h)
    hour = np.arange(0.0, 24.0, step_h)
    day = state_of_charge(USE, PACK, V2G, hour, 12.0)
    np.testing.assert_allclose(year[:-1], np.tile(day, 365), atol=1e-12)
    assert year[-1] == year[0]


def test_a_hard_day_reaches_into_the_night_after_it():
    late = V2G.model_copy(update={"charge": "before_leaving", "charge_kw": 10.0})
    drive = np.full(365, 12.0)
    drive[10] = 24.0
    year = year_of_charge(USE, PACK, late, drive, step_h=0.5)
    at = 48 * 10 + np.array([2 * 12, 2 * 23, 2 * 26, 2 * 31, 2 * 36])  # of days 10 and 11
    np.testing.assert_allclose(year[at], [0.7, 0.3, 0.3, 0.9, 0.8], atol=1e-12)
    np.testing.assert_allclose(year[48 * 10 + 2], year[48 * 11 + 2] + 0.2, atol=1e-12)


def test_driving_takes_more_in_cold_and_heat():
    factor = drive_factor(USE, np.array([-4.5, 15.5, 20.0, 23.9, 33.9]))
    assert factor == pytest.approx([1 + 20 * 0.0242, 1.0, 1.0, 1.0, 1.21])


def test_the_air_is_warmest_on_a_july_afternoon():
    hour = np.arange(365 * 24.0)
    air = air_temperature_c(day_means_c(12.0, 10.0), 4.0, hour)
    warmest = int(air.argmax())
    assert 180 <= warmest // 24 <= 210
    assert warmest % 24 in (14, 15)
    assert air.mean() == pytest.approx(12.0, abs=1e-3)
    assert air.max() == pytest.approx(26.0, abs=0.1)
