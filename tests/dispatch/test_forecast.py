"""A view of prices knows what was known, and not the price of a step before that."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.forecast import CarbonFrom, Forecast, Persistence
from evergrid.model.prices import Prices

GRID = TimeGrid(datetime(2024, 1, 10, tzinfo=UTC), 1.0, 72)
ZERO = np.zeros(72)
ACTUAL = Prices(GRID.times, np.arange(72.0), np.arange(72.0), ZERO, "EUR")
BELIEVED = Prices(GRID.times, 1000 + np.arange(72.0), 1000 + np.arange(72.0), ZERO, "EUR")


@pytest.mark.parametrize("known", [0, 1, 3, 12])
@pytest.mark.parametrize("now", [0, 5, 40])
def test_a_forecast_is_believed_from_the_first_price_that_is_not_known(now: int, known: int):
    seen = Forecast(ACTUAL, BELIEVED, known)(now, now + 10)
    steps = np.arange(now, now + 10)
    expected = np.where(steps < now + known, steps, 1000 + steps)
    assert seen.import_price_per_mwh.tolist() == expected.tolist()
    assert seen.time_utc.tolist() == GRID.times[now : now + 10].tolist()


@pytest.mark.parametrize("known", [0, 1, 3])
@pytest.mark.parametrize("now", [24, 30, 40])
def test_persistence_repeats_the_last_known_day_and_nothing_later(now: int, known: int):
    seen = Persistence(ACTUAL, known, 24)(now, now + 30)
    steps = np.arange(now, now + 30)
    hour = seen.import_price_per_mwh % 24
    assert hour.tolist() == (steps % 24).tolist()
    assert seen.import_price_per_mwh.max() < now + known
    assert seen.time_utc.tolist() == GRID.times[now : now + 30].tolist()


def test_persistence_begins_with_the_first_price_where_none_is_known():
    assert Persistence(ACTUAL, 0, 24)(0, 5).import_price_per_mwh.tolist() == [0.0] * 5
    assert Persistence(ACTUAL, 0, 24)(2, 7).import_price_per_mwh.max() == 1.0


def test_factors_are_believed_by_a_view_of_their_own_where_forecasts_tell_none():
    carbon = replace(ACTUAL, carbon_price_per_mwh=np.arange(72.0))
    credited = replace(carbon, carbon_credit_per_mwh=2.0 * np.arange(72.0))
    repeated = Persistence(credited, 1, 24)
    seen = CarbonFrom(Forecast(credited, BELIEVED, 1), repeated)(30, 40)
    assert seen.import_price_per_mwh.tolist() == [30.0, *(1000.0 + np.arange(31.0, 40.0))]
    assert seen.carbon_price_per_mwh.tolist() == [30.0, *np.arange(7.0, 16.0)]
    assert seen.carbon_fed_per_mwh.tolist() == [60.0, *(2.0 * np.arange(7.0, 16.0))]


def test_a_credit_is_the_price_of_carbon_where_a_forecast_tells_no_other():
    credited = replace(ACTUAL, carbon_credit_per_mwh=np.full(72, 5.0))
    believed = replace(BELIEVED, carbon_price_per_mwh=np.full(72, 7.0))
    seen = Forecast(credited, believed, 1)(0, 3)
    assert seen.carbon_fed_per_mwh.tolist() == [5.0, 7.0, 7.0]
