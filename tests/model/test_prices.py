"""Prices are whole, finite and in step with the grid that asks for them."""

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid
from tests.model.cases import DAY, faults_of, make_prices

COLUMNS = ("import_price_per_mwh", "export_price_per_mwh", "carbon_price_per_mwh")


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.1e9, -1e300])
def test_a_price_must_be_a_finite_number_of_bearable_size(name: str, value: float):
    values = np.full(24, 50.0)
    values[7] = value
    fault = faults_of(make_prices, **{name: values})[name]
    assert (fault.ids, fault.rows) == (("2024-01-10T07:00Z",), (8,))


def test_a_negative_price_is_a_price():
    assert make_prices(import_price_per_mwh=np.full(24, -500.0)).currency == "EUR"


def test_a_gap_and_a_bad_value_are_reported_together():
    times = np.delete(np.datetime64("2024-01-10", "us") + np.arange(25) * np.timedelta64(1, "h"), 5)
    found = faults_of(make_prices, time_utc=times, import_price_per_mwh=np.full(24, np.nan))
    assert set(found) == {"time_utc", "import_price_per_mwh"}
    assert found["import_price_per_mwh"].count == 24


def test_prices_of_each_step_are_stamped_at_its_start():
    quarter = TimeGrid(DAY.start_utc, 0.25, 96)
    on_grid = make_prices().on(quarter)
    assert on_grid.time_utc.tolist() == quarter.times.tolist()
    for name in COLUMNS:
        whole = make_prices().columns()[name]
        assert on_grid.columns()[name].tolist() == np.repeat(whole, 4).tolist()


def test_prices_that_do_not_reach_far_enough_are_refused():
    assert "cover the horizon" in faults_of(make_prices(23).on, DAY)["time_utc"].rule
