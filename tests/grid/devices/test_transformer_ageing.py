"""Windings warm up and age as the standard's closed forms say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.grid.devices.transformer_ageing import (
    Thermal,
    highest_average,
    hottest,
    oil_rises,
    shared_heating,
)

THERMAL = Thermal().numbers()


def alone(
    path: np.ndarray, air: np.ndarray, step_h: float, thermal: np.ndarray, twice: bool
) -> tuple[float, int, float]:
    """What `hottest` tells of a winding whose oil nothing else heats."""
    oil = oil_rises(path[None] ** 2, step_h, thermal, twice)[0]
    return hottest(path, oil, air, thermal)


def test_rated_load_in_30_degrees_is_110_degrees_and_ages_at_the_normal_rate():
    path, air = np.ones(24 * 20), np.full(24 * 20, 30.0)
    spot, _, ageing = alone(path, air, 0.05, THERMAL, True)
    assert spot == pytest.approx(110.0)
    assert ageing == pytest.approx(1.0)


def test_six_degrees_more_double_the_ageing_near_the_reference():
    path = np.ones(10)
    _, _, normal = alone(path, np.full(10, 30.0), 1.0, THERMAL, True)
    _, _, warmer = alone(path, np.full(10, 36.8), 1.0, THERMAL, True)
    assert warmer / normal == pytest.approx(2, rel=0.05)


def test_after_one_time_constant_the_oil_has_made_63_percent_of_its_way():
    path = np.concatenate([np.zeros(1), np.ones(2)])
    air = np.zeros(3)
    spot, when, _ = alone(path, air, 1.0, THERMAL, False)
    idle = 65.0 * (1.0 / 6.0) ** 0.8
    assert when == 2
    assert spot == pytest.approx(65 + (idle - 65) * np.exp(-1) + 15)


def test_oil_and_winding_rise_with_load_by_their_own_exponents():
    """At 1.3 times the rating: 65 ((1.3^2 5 + 1) / 6)^0.8 = 93.48 and 15 1.3^(2 0.8) = 22.82 K."""
    path, air = np.full(10, 1.3), np.full(10, 20.0)
    spot, _, ageing = alone(path, air, 1.0, THERMAL, True)
    assert spot == pytest.approx(20 + 93.484 + 22.824, abs=2e-3)
    assert ageing == pytest.approx(np.exp(15000 / 383 - 15000 / (136.308 + 273)), rel=1e-3)
    uneven = Thermal(oil_exponent=1.0, winding_exponent=0.5, winding_rise_c=20.0).numbers()
    assert alone(path, air, 1.0, uneven, True)[0] == pytest.approx(20 + 65 * 9.45 / 6 + 20 * 1.3)


def test_the_oil_is_heated_by_all_phases_and_a_winding_by_its_own():
    """Loadings 1.2, 0.9, 0.9: mean square 1.02; 65 ((1.02 5 + 1) / 6)^0.8 = 65.865 K of oil."""
    phases = np.repeat([[1.2], [0.9], [0.9], [0.5]], 10, axis=1)
    heating = shared_heating(phases, np.array([0, 0, 0, 1]))
    assert heating[0] == pytest.approx(1.02)
    assert heating[1] == pytest.approx(0.25)
    oil = oil_rises(heating, 1.0, THERMAL, True)
    spot, _, _ = hottest(phases[0], oil[0], np.full(10, 20.0), THERMAL)
    assert spot == pytest.approx(20 + 65.865 + 15 * 1.2**1.6, abs=2e-3)


def test_oil_that_nothing_shares_is_heated_by_nothing():
    assert shared_heating(np.zeros((0, 5)), np.zeros(0, dtype=np.int64)).shape == (0, 5)


@given(st.lists(st.floats(0, 2), min_size=2, max_size=30), st.floats(1.01, 2))
def test_more_load_is_never_cooler(path: list[float], factor: float):
    air = np.zeros(len(path))
    cool = alone(np.array(path), air, 0.5, THERMAL, True)
    warm = alone(factor * np.array(path), air, 0.5, THERMAL, True)
    assert warm[0] >= cool[0] - 1e-9
    assert warm[2] >= cool[2]


@given(st.lists(st.floats(0, 2), min_size=1, max_size=30), st.integers(1, 30))
def test_the_highest_average_is_that_of_all_windows(path: list[float], window: int):
    window = min(window, len(path))
    values = np.array(path)
    twice = np.concatenate([values, values])
    means = [twice[t : t + window].mean() for t in range(len(values))]
    found, end = highest_average(values, window)
    assert found == pytest.approx(max(means))
    assert np.mean([values[end - k] for k in range(window)]) == pytest.approx(max(means))


def test_thermal_data_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="oil_h must be above 0, got 0"):
        Thermal(oil_h=0.0)
