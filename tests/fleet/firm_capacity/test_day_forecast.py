"""What is told of a day comes from days that were over, and follows what they showed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.day_forecast import LEAST_DAYS, DayForecast, day_forecast
from evergrid.fleet.firm_capacity.influence import influences
from evergrid.fleet.history.day_kind import DayKinds, day_kinds

DAYS, STEPS = 140, 3


def kinds(days: int = DAYS, *holidays: str) -> DayKinds:
    monday = np.datetime64("2024-01-01", "D")
    return day_kinds(monday + np.arange(days), np.array(holidays, dtype="datetime64[D]"))


def noisy(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(1, 100, (DAYS, STEPS))


def told(power: Array, lead: int = 2, known: Array | None = None) -> DayForecast:
    whole = np.ones(DAYS, dtype=bool) if known is None else known
    return day_forecast(power, whole, kinds(DAYS, "2024-03-29", "2024-04-01"), lead_days=lead)


@given(st.integers(0, 99), st.integers(1, 4), st.integers(20, DAYS - 1))
@settings(max_examples=10)
def test_the_future_changes_nothing(seed: int, lead: int, day: int) -> None:
    before = told(noisy(seed), lead)
    changed = noisy(seed)
    changed[day:] *= 7
    after = told(changed, lead)
    np.testing.assert_array_equal(after.mean_kw[: day + lead], before.mean_kw[: day + lead])
    np.testing.assert_array_equal(after.weights[: day + lead], before.weights[: day + lead])
    np.testing.assert_array_equal(
        after.root_disagreement[: day + lead], before.root_disagreement[: day + lead]
    )
    age = np.arange(DAYS)[:, None] - np.arange(DAYS)
    assert (before.weights[age < lead] == 0).all()


@given(st.integers(0, 99), st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=40))
@settings(max_examples=10)
def test_what_unknown_days_hold_changes_nothing(seed: int, unknown: list[int]) -> None:
    known = np.ones(DAYS, dtype=bool)
    known[unknown] = False
    changed = noisy(seed)
    changed[~known] = np.nan
    one, two = told(noisy(seed), known=known), told(changed, known=known)
    np.testing.assert_array_equal(one.mean_kw, two.mean_kw)
    assert (one.weights[:, ~known] == 0).all()


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_the_weights_give_the_mean_wherever_one_is_told(seed: int) -> None:
    found = told(noisy(seed))
    some = np.asarray(np.isfinite(found.mean_kw).all(axis=1))
    assert some[LEAST_DAYS + 1 :].all()
    assert not some[: LEAST_DAYS + 1].any()
    np.testing.assert_allclose((found.weights @ noisy(seed))[some], found.mean_kw[some])
    assert (found.weights >= 0).all()


def test_a_constant_series_is_told_exactly() -> None:
    found = day_forecast(
        np.full((DAYS, STEPS), 40.0), np.ones(DAYS, dtype=bool), kinds(), lead_days=2
    )
    np.testing.assert_allclose(found.mean_kw[LEAST_DAYS + 2 :], 40.0, rtol=1e-12)


def test_every_other_friday_off_is_learnt() -> None:
    off = np.arange(DAYS) % 14 == 4
    power = np.where(off, 10.0, 100.0)[:, None] * np.ones(STEPS)
    found = day_forecast(power, np.ones(DAYS, dtype=bool), kinds(), lead_days=2)
    late = np.arange(DAYS) >= 112
    fridays = np.arange(DAYS) % 14 == 11
    assert (found.mean_kw[late & off] < 40).all()
    assert (found.mean_kw[late & fridays] > 80).all()


def test_a_lasting_change_of_level_is_followed() -> None:
    power = np.where(np.arange(DAYS) < 100, 100.0, 50.0)[:, None] * np.ones(STEPS)
    found = day_forecast(power, np.ones(DAYS, dtype=bool), kinds(), lead_days=2)
    assert (found.mean_kw[100:102] > 99).all()
    np.testing.assert_allclose(found.mean_kw[112:], 50.0, rtol=0.15)
    assert (found.weights[112:].sum(axis=1) < 0.9).all()


def test_after_a_long_gap_habits_are_learnt_anew_before_anything_is_told() -> None:
    days = 300
    known = (np.arange(days) < 100) | (np.arange(days) >= 200)
    power = np.where(np.arange(days) < 100, 100.0, 50.0)[:, None] * np.ones(STEPS)
    found = day_forecast(power, known, kinds(days), lead_days=2)
    silent = np.flatnonzero(np.isnan(found.mean_kw[:, 0]))
    # 14 known days of the last 90: lost 177 days in, told again 15 days after the gap.
    assert silent.tolist() == [*range(15), *range(99 + 78, 215)]


def test_power_twice_as_high_is_told_twice_as_high() -> None:
    one, two = told(noisy(3)), told(2 * noisy(3))
    np.testing.assert_allclose(two.mean_kw, 2 * one.mean_kw)


def test_kinds_that_tell_the_same_do_not_disagree() -> None:
    found = day_forecast(
        np.full((DAYS, STEPS), 40.0), np.ones(DAYS, dtype=bool), kinds(), lead_days=2
    )
    np.testing.assert_allclose(found.root_disagreement[LEAST_DAYS + 2 :], 0.0, atol=1e-9)


def test_kinds_disagree_about_days_on_which_they_tell_different_things() -> None:
    # Every other Friday off: working days as a whole, Fridays and these Fridays tell three things.
    off = np.arange(DAYS) % 14 == 4
    power = np.repeat(np.where(off, 0.0, 100.0)[:, None], STEPS, axis=1)
    apart = told(power).root_disagreement[:, 0]
    late = np.arange(DAYS) >= 95
    tuesday = np.arange(DAYS) % 7 == 1
    assert apart[late & off].min() > 4 * apart[late & tuesday].max()
    assert apart[late & off].max() < np.sqrt(100.0) / 2  # of values from 0 to 10


@given(st.integers(0, 99))
@settings(max_examples=5)
def test_power_four_times_as_high_disagrees_twice_as_much(seed: int) -> None:
    one, four = told(noisy(seed)), told(4 * noisy(seed))
    np.testing.assert_allclose(four.root_disagreement, 2 * one.root_disagreement, atol=1e-9)


def test_whether_weather_was_looked_at_does_not_count_as_disagreement() -> None:
    days = 400
    draw = np.random.default_rng(1)
    cold = 10 * np.sin(np.arange(days) / 3)  # within two weeks, so that no kind of day knows it
    power = np.repeat((200 + 10 * cold)[:, None], STEPS, axis=1)
    power *= 1 + 0.01 * draw.standard_normal((days, 1))
    every = np.ones(days, dtype=bool)
    dates = np.datetime64("2024-01-01", "D") + np.arange(days)
    with_weather = day_forecast(
        power, every, kinds(days), lead_days=2, influences=influences(dates, 15 + cold)
    )
    assert with_weather.influenced.mean() > 0.5
    # What weather adds moves roots by up to 3; the kinds agree about what is left.
    assert with_weather.root_disagreement[with_weather.influenced].mean() < 0.2
    told_alone = day_forecast(power, every, kinds(days), lead_days=2)
    blind = ~with_weather.influenced
    np.testing.assert_allclose(
        with_weather.root_disagreement[blind], told_alone.root_disagreement[blind]
    )
