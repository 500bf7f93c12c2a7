"""Spreads are as large as past misses were, and learn from nothing that comes later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.spread import SETTLED_DAYS, root_spread

DAYS, CAR_KW = 600, 11.0
MEAN = np.array([60.0, 200.0, 400.0, 900.0])


def spread(came: Array, mean: Array, *, usable: Array | None = None, lead: int = 1) -> Array:
    every = np.ones(len(came), dtype=bool) if usable is None else usable
    return root_spread(came, mean, every, lead_days=lead, car_kw=CAR_KW)


def drawn(noise_kw: float, share: float, seed: int = 0, days: int = DAYS) -> tuple[Array, Array]:
    """What came of a fleet with a noise of its vehicles and a common one, and its mean."""
    draw = np.random.default_rng(seed)
    mean = np.tile(MEAN, (days, 1))
    common = 1 + share * draw.standard_normal((days, len(MEAN)))
    alone = np.sqrt(noise_kw * mean) * draw.standard_normal((days, len(MEAN)))
    return np.maximum(mean * common + alone, 0.0), mean


@pytest.mark.parametrize(("noise_kw", "share"), [(9.0, 0.0), (4.0, 0.1), (20.0, 0.05)])
def test_the_noise_of_vehicles_and_the_common_one_are_found(noise_kw: float, share: float) -> None:
    # 173 days of weight over four steps: the error of a standard deviation is about 3 %.
    came, mean = drawn(noise_kw, share)
    expected = np.sqrt(noise_kw + share**2 * MEAN) / 2
    np.testing.assert_allclose(spread(came, mean)[-1], expected, rtol=0.15)


def test_a_steady_fleet_keeps_the_noise_of_the_smallest_vehicles() -> None:
    _, mean = drawn(0.0, 0.0)
    # Steps that never miss are drawn from 1 towards 0 by 240 / ln 2 days of weight, against 60.
    found = spread(mean, mean)[-1]
    assert (found > 0).all()
    assert (found <= np.sqrt(2.0) / 2).all()


def test_a_step_that_misses_by_more_has_a_wider_spread() -> None:
    mean = np.full((DAYS, 4), 300.0)
    draw = np.random.default_rng(2)
    came = mean + draw.standard_normal(mean.shape) * np.array([20.0, 60.0, 60.0, 120.0])
    found = spread(came, mean)[-1]
    assert found[0] < 0.7 * found[1] < 0.7 * found[3]
    assert found[1] == pytest.approx(found[2], rel=0.1)


def test_no_spread_is_told_before_the_first_days_are_over() -> None:
    came, mean = drawn(9.0, 0.0)
    found = spread(came, mean, lead=3)
    assert np.isnan(found[: SETTLED_DAYS + 2]).all()
    assert np.isfinite(found[SETTLED_DAYS + 2 :]).all()


def test_falls_widen_the_next_days_and_rises_do_not() -> None:
    fallen, mean = drawn(9.0, 0.0, seed=3)
    risen = fallen.copy()
    fallen[400:402] = 0.3 * MEAN
    risen[400:402] = 1.7 * MEAN
    plain, after_fall, after_rise = (
        spread(of, mean) for of in (drawn(9.0, 0.0, 3)[0], fallen, risen)
    )
    assert (after_fall[402] > 3 * plain[402]).all()
    assert (after_rise[402] < 2 * plain[402]).all()
    assert (after_fall[440] < 0.5 * after_fall[402]).all()


@given(st.integers(0, 99), st.integers(1, 4), st.integers(30, 119))
@settings(max_examples=10)
def test_later_days_change_nothing(seed: int, lead: int, day: int) -> None:
    came, mean = drawn(9.0, 0.1, seed, days=120)
    other = came.copy()
    other[day:] *= 3
    one, two = spread(came, mean, lead=lead), spread(other, mean, lead=lead)
    np.testing.assert_array_equal(one[: day + lead], two[: day + lead])
    assert not np.array_equal(one[day + lead :], two[day + lead :]) or day + lead >= 120


def test_days_that_are_not_usable_teach_nothing() -> None:
    came, mean = drawn(9.0, 0.1, days=120)
    usable = np.arange(120) % 5 != 0
    other = np.where(usable[:, None], came, 1e6)
    one, two = spread(came, mean, usable=usable), spread(other, mean, usable=usable)
    np.testing.assert_array_equal(one, two)


def test_twice_the_power_has_a_spread_larger_by_the_root_of_two() -> None:
    came, mean = drawn(9.0, 0.1)
    one = root_spread(came, mean, np.ones(DAYS, bool), lead_days=1, car_kw=11.0)
    two = root_spread(2 * came, 2 * mean, np.ones(DAYS, bool), lead_days=1, car_kw=22.0)
    np.testing.assert_allclose(two, np.sqrt(2) * one)
