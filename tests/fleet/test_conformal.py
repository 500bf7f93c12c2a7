"""Promises are kept as often as asked, and what cannot be vouched for is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet import conformal
from evergrid.fleet.conformal import (
    LEARNING_RATE,
    Outage,
    Promised,
    check_days,
    days_needed,
    promises,
    with_outages,
)

# Part E of the reference values: 1000 cars, 0.7 of them there, intraclass correlation 0.01.
CARS, SHARE, CORRELATION = 1000, 0.7, 0.01
TRUTH = stats.betabinom(CARS, SHARE * (1 / CORRELATION - 1), (1 - SHARE) * (1 / CORRELATION - 1))


def came(days: int, steps: int, seed: int = 1) -> Array:
    """Days are independent, and so are steps, which makes each step a trial of its own."""
    draw = np.random.default_rng(seed)
    return TRUTH.rvs((days, steps), random_state=draw).astype(float)


def promised(power: Array, *, lead: int = 1, confidence: float = 0.99) -> Promised:
    every = np.ones(len(power), dtype=bool)
    return promises(
        power,
        np.full(power.shape, 700.0),
        np.full(power.shape, 48.0),
        every,
        wanted=every,
        confidence=confidence,
        lead_days=lead,
    )


@pytest.mark.parametrize(("confidence", "days"), [(0.9, 9), (0.99, 99), (0.999, 999), (0.5, 1)])
def test_the_least_days_that_can_vouch(confidence: float, days: int) -> None:
    assert days_needed(confidence) == days


def test_a_confidence_beyond_the_record_is_refused_and_both_numbers_named() -> None:
    check_days(99, (0.9, 0.99))
    with pytest.raises(InputError, match=r"0\.999 \(needs 999 days, has 98\)") as caught:
        check_days(98, (0.9, 0.99, 0.999))
    assert "0.99 (needs 99 days, has 98)" in str(caught.value)
    assert "0.9 (" not in str(caught.value)


@pytest.mark.parametrize(("past", "bid", "kept"), [(200, 577, 0.9907), (500, 581, 0.9904)])
def test_one_promise_from_exchangeable_days_is_as_published(
    past: int, bid: int, kept: float
) -> None:
    power = came(past + 1, 3000)
    last = np.arange(past + 1) == past
    made = promises(
        power,
        np.full(power.shape, 700.0),
        np.full(power.shape, 48.0),
        np.ones(past + 1, dtype=bool),
        wanted=last,
        confidence=0.99,
        lead_days=1,
    ).power_kw[-1]
    rank = past // 100
    exact = stats.binom.cdf(rank - 1, past, TRUTH.cdf(np.arange(CARS))).sum()  # of that order
    assert made.mean() == pytest.approx(exact, abs=4 * made.std() / np.sqrt(made.size))
    assert exact == pytest.approx(bid, abs=1.5)  # published from draws
    chance = TRUTH.sf(np.round(made) - 1).mean()
    assert chance == pytest.approx(kept, abs=5e-4)
    assert chance >= 0.99


def test_promises_day_after_day_are_kept_as_often_as_asked_and_not_timid() -> None:
    power = came(600, 40)
    made = promised(power)
    assert made.judged.tolist() == [False] * 99 + [True] * 501
    kept = (power >= made.power_kw)[made.judged]
    assert kept.mean() >= 0.99 - 3 * np.sqrt(0.01 * 0.99 / kept.size)
    late = made.power_kw[500:]
    assert (late[late > 0]).mean() == pytest.approx(583, abs=10)


@given(st.integers(0, 99), st.integers(1, 4), st.integers(99, 129))
@settings(max_examples=10)
def test_promises_of_a_day_use_nothing_from_later_days(seed: int, lead: int, day: int) -> None:
    power = came(130, 2, seed)
    changed = power.copy()
    changed[day:] = 0.0
    one, two = promised(power, lead=lead), promised(changed, lead=lead)
    np.testing.assert_array_equal(one.power_kw[: day + lead], two.power_kw[: day + lead])
    np.testing.assert_array_equal(one.risk[: day + lead], two.risk[: day + lead])


def test_days_that_are_unusable_score_and_teach_nothing() -> None:
    power, every = came(150, 2), np.ones(150, dtype=bool)
    usable = np.arange(150) % 10 != 0
    kept = np.where(usable[:, None], power, 0.0)
    one, two = (
        promises(
            values,
            np.full(power.shape, 700.0),
            np.full(power.shape, 48.0),
            usable,
            wanted=every,
            confidence=0.99,
            lead_days=1,
        )
        for values in (power, kept)
    )
    np.testing.assert_array_equal(one.power_kw, two.power_kw)
    assert np.flatnonzero(one.judged)[0] == 110  # 99 usable days, one in ten left out


def test_after_a_lasting_drop_by_half_promises_are_kept_again() -> None:
    power = came(700, 30)
    power[300:] *= 0.5
    made = promised(power)
    kept = power >= made.power_kw
    assert kept[300:302].mean() < 0.5  # before it is learnt
    assert kept[310:].mean() >= 0.99 - 3 * np.sqrt(0.01 * 0.99 / kept[310:].size)
    assert made.power_kw[600:].mean() > 150  # not by promising nothing


def test_a_promise_is_never_below_zero_and_wider_spread_never_raises_it() -> None:
    draw = np.random.default_rng(2)
    power = draw.normal(10, 30, (150, 5))
    every = np.ones(150, dtype=bool)
    wide = np.full(power.shape, 30.0)
    wide[-1] = 60.0
    made = [
        promises(
            power,
            np.full(power.shape, 100.0),
            spread,
            every,
            wanted=every,
            confidence=0.9,
            lead_days=1,
        ).power_kw
        for spread in (np.full(power.shape, 30.0), wide)
    ]
    assert (made[0] >= 0).all()
    assert (made[1][-1] <= made[0][-1]).all()


def test_one_broken_promise_is_not_answered_with_a_hundred_days_of_nothing() -> None:
    power = np.full((400, 1), 700.0)
    power[110] = worst = 400.0
    made = promised(power)
    assert made.power_kw[110, 0] == 700.0
    # From the next day it is the worst that was ever seen, scaled by the risk that is left.
    left = made.risk[111:150] * np.arange(112, 151)[:, None]
    assert (left > 0.5).all()
    np.testing.assert_allclose(made.power_kw[111:150], worst * np.minimum(left, 1.0))
    assert (made.power_kw[300:] == 700.0).all()


def test_a_second_broken_promise_leaves_no_risk_and_no_promise_until_it_returns() -> None:
    power = np.full((800, 1), 700.0)
    power[100], power[101] = 400.0, 100.0
    made = promised(power)
    assert made.power_kw[101] > 100.0
    assert made.risk[102] < 0.0002
    after = made.power_kw[102:, 0]
    assert after[0] < 2.0
    assert (np.diff(after) >= -1e-9).all()
    assert after[-1] == 700.0


@given(st.integers(0, 9999), st.sampled_from([0.8, 0.9, 0.98]), st.integers(1, 3))
@settings(max_examples=40)
def test_whatever_the_days_do_no_more_is_broken_than_asked_in_the_long_run(
    seed: int, confidence: float, lead: int
) -> None:
    draw = np.random.default_rng(seed)
    # Levels that jump, trends that fall: nothing about these days is exchangeable.
    level = np.repeat(draw.uniform(0, 1000, 12), 50) - np.arange(600) * draw.uniform(-1, 3)
    power = np.maximum(level[:, None] + 30 * draw.standard_normal((600, 3)), 0.0)
    made = promised(power, lead=lead, confidence=confidence)
    judged = made.judged[: 600 - lead + 1]
    broken = (power < made.power_kw - 1e-9)[: 600 - lead + 1][judged].sum(axis=0)
    asked = 1 - confidence
    most = judged.sum() * asked + asked / LEARNING_RATE + lead
    assert (broken <= most + 1e-9).all()


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_a_promise_with_less_risk_left_is_never_larger(seed: int) -> None:
    draw = np.random.default_rng(seed)
    past, mean = draw.normal(0, 1, (150, 1)), np.array([10.0])
    risk = np.linspace(-0.02, 0.1, 200)
    made = [conformal._bound(past, np.array([one]), mean, np.ones(1))[0] for one in risk]
    assert (np.diff(made) >= -1e-12).all()
    assert made[0] == 0.0


RARE_BLACKOUT = Outage("grid", 0.004, 0.0)
TELECOM = Outage("telecom", 0.003, 0.5)


def test_without_outages_the_confidence_stays() -> None:
    assert with_outages(0.99, (), 500) == (pytest.approx(0.99), 1.0)


def test_rare_outages_are_left_to_chance_and_the_risk_left_over_is_asked() -> None:
    asked, share = with_outages(0.99, (TELECOM, RARE_BLACKOUT), 500)
    assert asked == pytest.approx(1 - (0.01 - 0.007))
    assert share == 1.0


def test_an_outage_is_survived_when_the_days_cannot_vouch_for_the_rest() -> None:
    # 0.006 needs 166 days, 0.003 needs 333.
    asked, share = with_outages(0.99, (RARE_BLACKOUT, TELECOM), 200)
    assert asked == pytest.approx(1 - 0.006)
    assert share == 0.5


def test_an_outage_as_likely_as_the_risk_is_survived() -> None:
    assert with_outages(0.99, (Outage("feeder", 0.02, 0.6),), 5000) == (pytest.approx(0.99), 0.6)


def test_what_the_worst_outage_leaves_survives_milder_ones_without_spending_risk() -> None:
    outages = (Outage("feeder", 0.02, 0.3), Outage("telecom", 0.003, 0.5))
    asked, share = with_outages(0.99, outages, 5000)
    assert share == 0.3
    assert asked == pytest.approx(0.99)


@given(
    st.floats(0.8, 0.999),
    st.lists(st.tuples(st.floats(0, 0.1), st.floats(0, 1)), max_size=4),
    st.integers(1, 5000),
)
@settings(max_examples=50)
def test_by_the_union_bound_no_more_is_broken_than_asked(
    confidence: float, rows: list[tuple[float, float]], days: int
) -> None:
    outages = tuple(Outage(f"o{i}", *row) for i, row in enumerate(rows))
    asked, share = with_outages(confidence, outages, days)
    breaking = sum(o.probability for o in outages if o.share < share)
    assert (1 - asked) + breaking <= 1 - confidence + 1e-12
    assert 1 - asked > 0
