"""Of the promises above zero the asked share is kept, and what cannot be vouched for is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.firm_capacity.day_ahead import Past, promised, told
from evergrid.fleet.firm_capacity.risk_control import (
    LEAST_DAYS,
    PLACES,
    DailyPromises,
    PowerForecast,
    check_days,
    days_needed,
    promises,
)
from evergrid.fleet.history.day_kind import day_kinds

CAR_KW, STEPS = 10.0, 24
NO_HOLIDAYS = np.array([], dtype="datetime64[D]")


def made(
    came: Array,
    mean: Array,
    *,
    spread: float = 1.0,
    confidence: tuple[float, ...] = (0.9,),
    lead: int = 1,
    proven: bool = False,
    usable: Array | None = None,
) -> DailyPromises:
    every = np.ones(len(came), dtype=bool)
    return promises(
        came,
        PowerForecast(mean, np.full(mean.shape, spread), CAR_KW),
        every if usable is None else usable,
        wanted=every,
        confidence=confidence,
        lead_days=lead,
        proven=proven,
    )


def fleet(cars: int, seed: int, days: int = 470) -> Array:
    """Exchangeable days of cars that come in the morning and go in the evening."""
    draw = np.random.default_rng(seed)
    power = np.zeros((days, STEPS))
    hour = np.arange(STEPS)[:, None]
    for day in range(days):
        there = draw.binomial(cars, np.clip(0.6 + 0.08 * draw.standard_normal(), 0.05, 0.95))
        arrival = draw.normal(8.5, 1.2, there)
        departure = arrival + np.maximum(draw.normal(7.0, 2.0, there), 0.5)
        power[day] = CAR_KW * ((arrival <= hour) & (departure >= hour + 1)).sum(axis=1)
    return power


@pytest.mark.parametrize(("confidence", "days"), [(0.9, 9), (0.99, 99), (0.999, 999), (0.5, 1)])
def test_the_least_days_that_can_vouch(confidence: float, days: int) -> None:
    assert days_needed(confidence) == days


def test_a_confidence_beyond_the_record_is_refused_and_both_numbers_named() -> None:
    check_days(99, (0.9, 0.99))
    with pytest.raises(InputError, match=r"0\.999 \(needs 999 days, has 98\)") as caught:
        check_days(98, (0.9, 0.99, 0.999))
    assert "0.99 (needs 99 days, has 98)" in str(caught.value)
    assert "0.9 (" not in str(caught.value)


def test_a_forecast_has_places_on_the_scale_of_roots_and_none_below_half_a_car() -> None:
    of = PowerForecast(np.array([[100.0, 16.0, np.nan]]), np.array([[2.0, 2.0, 2.0]]), CAR_KW)
    np.testing.assert_allclose(of.power_kw(-1.0), [[64.0, 0.0, 0.0]])  # (10 - 2)^2, (4 - 2)^2 = 4
    np.testing.assert_allclose(of.power_kw(-0.5), [[81.0, 9.0, 0.0]])
    np.testing.assert_allclose(of.power_kw(-5.5), [[0.0, 0.0, 0.0]])  # no square of a negative root
    assert not of.known.any()


@pytest.mark.parametrize("car_kw", [10.0, 10.01])
def test_exactly_half_a_car_is_a_promise_and_less_is_none(car_kw: float) -> None:
    of = PowerForecast(np.array([[5.0]]), np.ones((1, 1)), car_kw)
    assert (of.power_kw(0.0) > 0).all() == (car_kw == 10.0)


def test_the_promise_lies_at_the_highest_place_that_keeps_the_share() -> None:
    # One step a day, told 100 kW with a spread of 1 root kW. Day i comes at place -(i % 10) / 2 of
    # it, in between the places, so that of ten days in a row each place breaks a known number.
    days = 400
    place = -0.5 * (np.arange(days) % 10) + 0.05
    came, mean = (10 + place[:, None]) ** 2, np.full((days, 1), 100.0)
    proven = made(came, mean, confidence=(0.5, 0.89, 0.91), proven=True).place[:, 301]
    # 300 days, 30 of each place: b lowest ones break at most (301 (1 - c) - 1) days.
    np.testing.assert_allclose(proven, [-2.0, -4.0, -4.5])
    weighted = made(came, mean, confidence=(0.5, 0.91)).place[:, 301]
    np.testing.assert_allclose(weighted, [-2.0, -4.5], atol=0.51)


def test_old_broken_promises_are_forgotten_by_half_every_sixty_days() -> None:
    days = 460
    came, mean = np.full((days, 1), 100.0), np.full((days, 1), 100.0)
    came[60:66] = 60.0  # -2.25 roots: six days on which 8 roots would have held
    place = made(came, mean, confidence=(0.95,)).place[0]
    # w days after the last one its share is 6 * 2^(-w / 60) of 60 / ln 2 = 87 days of weight: that
    # is 5 % after about 28 days, when the first of the six is 33 days old.
    assert place[67] <= -2.2
    assert place[80] <= -2.2
    assert place[150] == pytest.approx(0.0)


def test_hours_that_promise_nothing_do_not_count_as_kept() -> None:
    # Of 24 hours one is worth a promise, and it breaks every fifth day: 0.8 % of all hours.
    days = 400
    mean = np.zeros((days, STEPS))
    mean[:, 12] = 100.0
    came = mean.copy()
    came[::5, 12] = 50.0
    power = made(came, mean, confidence=(0.9,)).power_kw[0]
    assert (power[300:, 12] <= 50.0 + 1e-9).all()
    assert (power[300:, 12] > 40.0).all()
    assert (power[:, :12] == 0).all()


def test_days_with_fewer_promises_count_for_less() -> None:
    # Steps are pooled: ten hours that hold outweigh one that breaks, one day against one day.
    days = 400
    mean = np.full((days, 10), 100.0)
    came = mean.copy()
    mean[::2, 1:] = 0.0
    came[::2] = 0.0
    came[::2, 0] = 50.0
    power = made(came, mean, confidence=(0.9,)).power_kw[0]  # 1 of 11 promises breaks
    assert power[-1].max() > 100.0 - 1e-9
    surer = made(came, mean, confidence=(0.92,)).power_kw[0]
    assert surer[-1].max() <= 50.0 + 1e-9


@pytest.mark.parametrize(("confidence", "first"), [(0.9, LEAST_DAYS), (0.99, 99)])
def test_nothing_is_promised_before_there_are_days_enough(confidence: float, first: int) -> None:
    power = np.full((200, 2), 100.0)
    found = made(power, power, confidence=(confidence,), lead=2)
    assert np.flatnonzero(found.able[0])[0] == first + 1
    assert (found.power_kw[0, : first + 1] == 0).all()
    assert (found.power_kw[0, first + 1 :] > 0).all()
    assert np.isnan(found.place[0, : first + 1]).all()


def test_a_place_beyond_which_all_hold_is_the_highest() -> None:
    power = np.full((200, 1), 400.0)
    found = made(power, np.full((200, 1), 100.0), confidence=(0.9,))
    assert found.place[0, -1] == PLACES[-1] == 2.0
    assert found.power_kw[0, -1, 0] == pytest.approx(144.0)


@pytest.mark.parametrize("proven", [False, True])
def test_what_breaks_at_the_highest_place_alone_is_promised_at_the_next(proven: bool) -> None:
    came, mean = np.full((200, 1), 11.95**2), np.full((200, 1), 100.0)
    assert made(came, mean, confidence=(0.9,), proven=proven).place[0, -1] == 1.9


def test_where_even_the_lowest_place_breaks_nothing_is_promised() -> None:
    came, mean = np.zeros((200, 1)), np.full((200, 1), 10_000.0)
    found = made(came, mean, confidence=(0.9,))
    assert (found.power_kw == 0).all()
    assert np.isnan(found.place).all()
    assert found.able[0, 41:].all()


@given(st.integers(0, 99), st.integers(1, 4), st.integers(41, 119), st.booleans())
@settings(max_examples=10)
def test_promises_of_a_day_use_nothing_from_later_days(
    seed: int, lead: int, day: int, proven: bool
) -> None:
    draw = np.random.default_rng(seed)
    mean = np.full((120, 3), 100.0)
    came = draw.normal(100, 30, mean.shape)
    other = came.copy()
    other[day:] = 0.0
    one, two = (
        made(of, mean, spread=1.5, confidence=(0.8, 0.9), lead=lead, proven=proven).power_kw
        for of in (np.maximum(came, 0), np.maximum(other, 0))
    )
    np.testing.assert_array_equal(one[:, : day + lead], two[:, : day + lead])


def test_days_that_are_not_usable_count_for_nothing() -> None:
    draw = np.random.default_rng(0)
    came, mean = np.maximum(draw.normal(100, 30, (150, 2)), 0), np.full((150, 2), 100.0)
    usable = np.arange(150) % 10 != 0
    blank = np.where(usable[:, None], came, 0.0)
    one, two = (made(of, mean, usable=usable) for of in (came, blank))
    np.testing.assert_array_equal(one.power_kw, two.power_kw)


@given(st.integers(0, 99), st.booleans())
@settings(max_examples=10)
def test_more_confidence_never_promises_more(seed: int, proven: bool) -> None:
    draw = np.random.default_rng(seed)
    mean = draw.uniform(0, 300, (250, 4))
    came = np.maximum(mean + draw.normal(0, 40, mean.shape), 0)
    levels = (0.5, 0.8, 0.9, 0.95, 0.99)
    power = made(came, mean, spread=1.5, confidence=levels, proven=proven).power_kw
    assert (np.diff(power, axis=0) <= 1e-9).all()


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_the_proven_form_breaks_no_more_than_asked_whatever_the_distribution(
    confidence: float,
) -> None:
    # One promise after 120 exchangeable days, 1,500 times: days fail as a whole, as Cauchy does.
    draw = np.random.default_rng(1)
    runs, days, steps = 1_500, 121, 4
    mean = np.full((days, steps), 400.0)
    mean[:, 3] = 5.0  # less than a vehicle: not active, and never promised
    broken = np.zeros(runs)
    for run in range(runs):
        shock = 60 * draw.standard_cauchy((days, 1))
        came = np.maximum(mean + shock + draw.normal(0, 30, mean.shape), 0)
        last = made(came, mean, spread=2.0, confidence=(confidence,), proven=True).power_kw[0, -1]
        assert last[3] == 0
        broken[run] = (came[-1] < last - 1e-9)[:3].mean()
    doubt = 3 * broken.std() / np.sqrt(runs)
    assert broken.mean() <= 1 - confidence + doubt
    assert broken.mean() > 0.5 * (1 - confidence)  # and is not timid


def test_the_proven_form_counts_the_next_day_as_wholly_broken() -> None:
    # 99 days that hold can vouch for 99 %, and 98 cannot.
    power = np.full((130, 1), 100.0)
    found = made(power, power, confidence=(0.99,), proven=True)
    assert (found.power_kw[0, :99] == 0).all()
    assert found.power_kw[0, 99, 0] == pytest.approx(100.0)


@pytest.mark.parametrize(("cars", "share_99"), [(20, 0.2), (100, 0.4), (500, 0.5)])
def test_promises_above_zero_are_kept_as_often_as_asked_on_exchangeable_days(
    cars: int, share_99: float
) -> None:
    kept, count, hours = np.zeros(2), np.zeros(2), 0
    for seed in range(4):
        power = fleet(cars, seed)
        kinds = day_kinds(np.datetime64("2024-01-01") + np.arange(len(power)), NO_HOLIDAYS)
        every = np.ones(len(power), dtype=bool)
        of = Past(power, every, kinds, 0, 120, np.ones(STEPS), CAR_KW)
        found = promised(of, told(of), (0.9, 0.99)).power_kw[:, of.judged]
        came = power[of.judged]
        kept += ((found > 0) & (came >= found - 1e-9)).sum(axis=(1, 2))
        count += (found > 0).sum(axis=(1, 2))
        hours += came.size
    ninety, surest = kept / count
    assert ninety >= 0.9 - 0.015
    assert surest >= 0.99 - 0.005
    assert ninety <= 0.93
    assert count[1] / hours > share_99  # not by promising nothing
