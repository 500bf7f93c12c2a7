"""A view of prices knows what was known, and not the price of a step before that."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.forecast import Forecast, Persistence
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
