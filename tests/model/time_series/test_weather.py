"""Temperatures are of this planet, each day has one, and no day is guessed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.model.time_series.weather import Weather

DAYS = np.datetime64("2024-01-01", "D") + np.arange(5)


@given(st.permutations(range(5)))
@settings(max_examples=20)
def test_the_order_of_the_rows_changes_nothing(order: list[int]) -> None:
    celsius = np.arange(5.0)
    found = Weather(DAYS[order], celsius[order]).on(DAYS[1:4])
    np.testing.assert_array_equal(found, celsius[1:4])


@pytest.mark.parametrize(
    ("celsius", "got"), [(68.0, "68"), (273.15, "273.15"), (float("nan"), "nan"), (-80.0, "-80")]
)
def test_fahrenheit_kelvin_and_nan_are_refused_with_the_way_out(celsius: float, got: str) -> None:
    values = np.full(5, 10.0)
    values[2] = celsius
    with pytest.raises(InputError) as caught:
        Weather(DAYS, values)
    text = str(caught.value)
    assert (
        f"temperature_c must have a mean in [-65, 45] on every day, got {got} for 2024-01-03"
        in text
    )
    assert "Give degrees Celsius" in text


def test_a_day_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="day must be unique, got 2024-01-04"):
        Weather(DAYS[[0, 1, 2, 3, 3]], np.zeros(5))


def test_days_without_a_temperature_are_named() -> None:
    weather = Weather(DAYS[[0, 1, 3]], np.zeros(3))
    with pytest.raises(InputError, match="got 2024-01-03; 2024-01-05") as caught:
        weather.on(DAYS)
    assert "coming ones from a forecast" in str(caught.value)
    with pytest.raises(InputError, match="2024-01-01"):
        Weather(DAYS[:0], np.zeros(0)).on(DAYS)
