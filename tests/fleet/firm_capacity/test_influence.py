"""Weather and season count as far as the past shows, and nothing counts before it is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity import day_ahead, scores
from evergrid.fleet.firm_capacity.day_ahead import Past
from evergrid.fleet.firm_capacity.day_forecast import DayForecast, day_forecast
from evergrid.fleet.firm_capacity.influence import (
    LARGEST_EFFECT,
    LARGEST_MISS,
    SEASON_DAYS,
    Influences,
    effect,
    influences,
)
from evergrid.fleet.history.day_kind import day_kinds

DAYS, STEPS = 500, 3
START = np.datetime64("2024-01-01", "D")
NO_HOLIDAYS = np.array([], dtype="datetime64[D]")
MEAN_KW = np.array([300.0, 500.0, 400.0])


def temperatures(seed: int, days: int = DAYS) -> Array:
    """A yearly wave with spells of a few days."""
    draw = np.random.default_rng(seed)
    spell = np.zeros(days)
    for day in range(1, days):
        spell[day] = 0.7 * spell[day - 1] + 3.0 * draw.standard_normal()
    return 8.0 - 9.0 * np.cos(2 * np.pi * np.arange(days) / 365.25) + spell


def power(seed: int, celsius: Array, per_degree: float) -> Array:
    """A fleet that loses this share for each degree below 15."""
    draw = np.random.default_rng(seed)
    common = 1 + 0.05 * draw.standard_normal((len(celsius), 1))
    return MEAN_KW * common * np.exp(-per_degree * np.maximum(15 - celsius, 0))[:, None]


def past(power_kw: Array, of: Influences | None) -> Past:
    days = len(power_kw)
    kinds = day_kinds(START + np.arange(days), NO_HOLIDAYS)
    return Past(power_kw, np.ones(days, bool), kinds, 0, days // 2, np.full(STEPS, 0.1), 1.0, of)


def told(power_kw: Array, of: Influences | None, lead: int = 2) -> DayForecast:
    kinds = day_kinds(START + np.arange(len(power_kw)), NO_HOLIDAYS)
    return day_forecast(
        power_kw, np.ones(len(power_kw), bool), kinds, lead_days=lead, influences=of
    )


def days(count: int = DAYS) -> Array:
    return START + np.arange(count)


@given(st.integers(0, 99), st.integers(1, 4), st.integers(30, DAYS - 1))
@settings(max_examples=10)
def test_neither_power_nor_weather_of_later_days_changes_what_is_told(
    seed: int, lead: int, day: int
) -> None:
    celsius = temperatures(seed)
    kw = power(seed, celsius, 0.02)
    before = told(kw, influences(days(), celsius), lead)
    kw, celsius = kw.copy(), celsius.copy()
    kw[day:] *= 3
    celsius[day + lead :] -= 20
    after = told(kw, influences(days(), celsius), lead)
    np.testing.assert_array_equal(before.mean_kw[: day + lead], after.mean_kw[: day + lead])
    np.testing.assert_array_equal(before.influenced[: day + lead], after.influenced[: day + lead])


def test_what_is_told_is_still_a_sum_over_past_days() -> None:
    celsius = temperatures(1)
    kw = power(1, celsius, 0.02)
    found = told(kw, influences(days(), celsius))
    late = np.isfinite(found.mean_kw[:, 0])
    assert found.influenced[late].mean() > 0.5
    np.testing.assert_allclose((found.weights @ kw)[late], found.mean_kw[late])
    assert (found.weights >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_weather_that_matters_sharpens_promises_at_equal_coverage(seed: int) -> None:
    celsius = temperatures(seed)
    kw = power(seed + 50, celsius, 0.03)
    equal, loss = [], []
    for of in (None, influences(days(), celsius)):
        one = past(kw, of)
        made = day_ahead.promised(one, day_ahead.told(one), (0.9,)).power_kw[0, one.judged]
        came = kw[one.judged]
        kept = scores.coverage(came, made).share
        assert kept >= 0.9 - 3 * np.sqrt(0.09 / one.judged.sum())
        equal.append(made.mean() * scores.scale_to_coverage(came, made, 0.9))
        loss.append(scores.pinball_kw(came, made, 0.1).mean())
    assert equal[1] > 1.01 * equal[0]
    assert loss[1] < 0.92 * loss[0]


@pytest.mark.parametrize("seed", range(4))
def test_weather_that_does_not_matter_costs_next_to_nothing(seed: int) -> None:
    kw = power(seed, temperatures(seed), 0.0)
    loss = []
    for of in (None, influences(days(), temperatures(seed + 100))):
        one = past(kw, of)
        made = day_ahead.promised(one, day_ahead.told(one), (0.9,)).power_kw[0, one.judged]
        loss.append(scores.pinball_kw(kw[one.judged], made, 0.1).mean())
    assert loss[1] < 1.03 * loss[0]


def test_promises_with_weather_are_kept_as_often_as_asked() -> None:
    celsius = temperatures(7, 1500)
    kw = power(8, celsius, 0.03)
    one = past(kw, influences(days(1500), celsius))
    made = day_ahead.promised(one, day_ahead.told(one), (0.95,)).power_kw[0, one.judged]
    # Days are the unit: steps of one fail together.
    kept = (kw[one.judged] >= made)[:, 0].mean()
    assert abs(kept - 0.95) < 3 * np.sqrt(0.05 * 0.95 / one.judged.sum())


def test_two_weeks_ahead_a_second_year_knows_its_season() -> None:
    wave = 1 + 0.4 * np.cos(2 * np.pi * np.arange(900) / 365.25)
    kw = power(3, np.full(900, 15.0), 0.0) * wave[:, None]
    late = np.arange(900) >= 550
    missed = [
        np.abs(told(kw, of, 14).mean_kw - kw)[late].mean() for of in (None, influences(days(900)))
    ]
    assert missed[1] < 0.6 * missed[0]


def test_within_the_first_year_the_time_of_year_is_not_used() -> None:
    kw = power(3, temperatures(3), 0.03)[:SEASON_DAYS]
    alone, season = told(kw, None), told(kw, influences(days(SEASON_DAYS)))
    np.testing.assert_array_equal(alone.mean_kw, season.mean_kw)


@given(st.floats(-50, 50), st.floats(0.2, 5.0))
@settings(max_examples=20)
def test_no_weather_adds_or_takes_more_than_the_limit(shock: float, scale: float) -> None:
    value = np.append(np.sin(np.arange(60.0)), shock)[:, None]
    missed = np.append(np.tile([scale, 0.1], 30), 1.0)
    age = np.arange(61)[:, None] - np.arange(61)
    found = effect(
        Influences(value, np.zeros(1, np.int64)),
        np.ones(61),
        missed,
        age >= 1,
    )
    assert np.isfinite(found).all()
    assert (np.abs(found) <= LARGEST_EFFECT).all()


def test_an_effect_is_the_ridge_slope_of_the_days_known_before() -> None:
    """Days of 100, 200 and 100 kW count .75, 1.5 and .75, three in all, beside 20 without effect.

    They missed by 0.2, -0.1 and 0.3 at values 1, -1 and 2, so the slope is 0.75 / (5.25 + 20).
    """
    told_kw = np.array([100.0, 200.0, 100.0, 100.0])
    came_kw = told_kw * np.array([1.2, 0.9, 1.3, 9.9])
    value = np.array([[1.0, 7.0], [-1.0, 3.0], [2.0, -5.0], [1.0, 4.0]])
    of = Influences(value, np.array([0, 4]))  # too few days for the second
    before = np.tri(4, k=-1).astype(bool)
    found = effect(of, told_kw, came_kw, before)
    assert found[3, 0] == pytest.approx(0.75 / 25.25)
    # One day counts 1: the slope is 0.2 / 21. Before the first day nothing is known.
    assert found[1, 0] == pytest.approx(-0.2 / 21)
    assert found[0, 0] == 0.0


def test_a_day_of_which_nothing_was_told_or_that_missed_by_far_counts_little() -> None:
    told_kw, came_kw = np.array([0.0, 100.0, 100.0]), np.array([50.0, 900.0, 0.0])
    of = Influences(np.ones((3, 1)), np.zeros(1, np.int64))
    found = effect(of, told_kw, came_kw, np.tri(3, k=-1).astype(bool))
    assert found[1, 0] == 0.0
    assert found[2, 0] == pytest.approx(LARGEST_MISS * 2 / 22)


def test_an_effect_is_found_to_its_size() -> None:
    draw = np.random.default_rng(0)
    value = draw.standard_normal((2000, 1))
    came = 100 * (1 + 0.1 * value[:, 0]) + draw.standard_normal(2000)
    age = np.arange(2000)[:, None] - np.arange(2000)
    of = Influences(value, np.zeros(1, np.int64))
    found = effect(of, np.full(2000, 100.0), came, age >= 1)
    assert found[-1, 0] == pytest.approx(0.1 * value[-1, 0], rel=0.02)
