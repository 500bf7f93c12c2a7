"""Scores rank promises and forecasts as published, and their intervals are exact."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.scores import (
    coverage,
    crps_kw,
    days_kept,
    pinball_kw,
    scale_to_coverage,
)

# Part E.3 of the reference values: 1000 cars, 0.7 of them there, correlation 0.01.
TRUTH: Any = stats.betabinom(1000, 69.3, 29.7)
INDEPENDENT: Any = stats.binom(1000, 0.7)
COUNTS = np.arange(1001.0)


@pytest.mark.parametrize(("bid", "loss"), [(666, 7.457), (583, 1.349), (560, 1.445)])
def test_pinball_loss_of_bids_is_as_published(bid: int, loss: float) -> None:
    found = float(TRUTH.pmf(COUNTS) @ pinball_kw(COUNTS, np.full(1001, float(bid)), 0.01))
    # The same from the distribution function: 0.01 E(X - bid) + E(bid - X)+.
    assert found == pytest.approx(0.01 * (700 - bid) + TRUTH.cdf(np.arange(bid)).sum())
    assert found == pytest.approx(loss, rel=0.005)  # published from draws


def test_pinball_loss_is_least_at_the_true_quantile() -> None:
    losses = [TRUTH.pmf(COUNTS) @ pinball_kw(COUNTS, np.full(1001, bid), 0.01) for bid in COUNTS]
    assert np.argmin(losses) == TRUTH.ppf(0.01)


@pytest.mark.parametrize(
    ("forecast", "score"), [(INDEPENDENT, 32.15), (TRUTH, 27.38)], ids=["independent", "correlated"]
)
def test_crps_of_ensembles_is_as_published(forecast: Any, score: float) -> None:
    # Expected over the truth: the integral of (F - G)^2 + G (1 - G).
    told, true = forecast.cdf(COUNTS), TRUTH.cdf(COUNTS)
    expected = ((told - true) ** 2 + true * (1 - true)).sum()
    # Published from draws and ensembles of about 100 members, scored in the plain form. It adds
    # E|X - X'| / 2 over the members: 27.11 becomes 27.38, 31.92 becomes 32.00.
    plain = expected + (told * (1 - told)).sum() / 100
    assert plain == pytest.approx(score, rel=0.006)
    draw = np.random.default_rng(1)
    came = TRUTH.rvs(4000, random_state=draw).astype(float)
    members = forecast.rvs((4000, 40), random_state=draw).astype(float)
    each = crps_kw(came, members)
    assert abs(each.mean() - expected) < 4 * each.std() / np.sqrt(len(each))


@given(st.integers(0, 999), st.integers(2, 12))
@settings(max_examples=20)
def test_crps_is_the_mean_distance_less_half_that_between_different_members(
    seed: int, count: int
) -> None:
    draw = np.random.default_rng(seed)
    came, members = draw.normal(size=(3, 2)), draw.normal(size=(3, 2, count))
    apart = np.abs(members[..., :, None] - members[..., None, :]).sum(axis=(-1, -2))
    expected = np.abs(members - came[..., None]).mean(axis=-1) - apart / (count * (count - 1)) / 2
    np.testing.assert_allclose(crps_kw(came, members), expected, atol=1e-12)


CAME = np.array([[5.0, 5.0, 5.0], [5.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
MADE = np.array([[5.0, 5.1, 0.0], [4.0, 0.0, 5.0], [0.0, 0.0, 0.0]])


def test_promises_of_nothing_count_among_all_and_not_among_those_above_zero() -> None:
    every, above = coverage(CAME, MADE), coverage(CAME, MADE, above_zero=True)
    assert (every.judged, every.broken, every.share) == (9, 1, pytest.approx(8 / 9))
    assert (above.judged, above.broken, above.share) == (4, 1, pytest.approx(3 / 4))


def test_a_promise_missed_by_less_than_rounding_is_kept() -> None:
    assert coverage(np.array([[1.0, 1.0]]), np.array([[1.0 + 1e-10, 1.0 + 1e-8]])).broken == 1


def test_no_promise_above_zero_has_no_share_and_could_be_anything() -> None:
    found = coverage(CAME, 0 * MADE, above_zero=True)
    assert np.isnan(found.share)
    assert (found.low, found.high, found.judged, found.broken) == (0.0, 1.0, 0, 0)


def test_where_all_are_kept_the_days_bound_the_share() -> None:
    came = np.ones((50, 24))
    found = coverage(came, came)
    exact = stats.binomtest(50, 50).proportion_ci(0.95, "exact")
    assert (found.share, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(exact.low)


def test_the_interval_takes_days_that_fail_as_a_whole_for_one_failure_each() -> None:
    # One day in ten fails in all of its 24 steps: as uncertain as 300 draws, not 7,200.
    came = np.ones((300, 24))
    came[::10] = 0.0
    found = coverage(came, np.ones_like(came), seed=3)
    half = 1.96 * np.sqrt(0.9 * 0.1 / 300)
    assert found.share == pytest.approx(0.9)
    assert found.low == pytest.approx(0.9 - half, abs=0.006)
    assert found.high == pytest.approx(0.9 + half, abs=0.006)
    # The same failures, spread over the days: each day then fails as the others do.
    spread = np.ones((300, 24))
    spread[:, 0] = 0.0
    spread[: 7200 // 10 - 300, 1] = 0.0
    tight = coverage(spread, np.ones_like(spread), seed=3)
    assert tight.high - tight.low < 0.3 * (found.high - found.low)


def test_the_interval_holds_the_true_share_of_days_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    runs, held = 200, 0
    for run in range(runs):
        day = draw.random((120, 1)) < 0.15  # a day fails in half of its steps
        came = np.where(day & (draw.random((120, 12)) < 0.5), 0.0, 1.0)
        found = coverage(came, np.ones_like(came), seed=run)
        held += found.low <= 1 - 0.15 * 0.5 <= found.high
    assert held / runs == pytest.approx(0.95, abs=0.05)


def test_the_same_seed_resamples_alike_and_another_does_not() -> None:
    came, made = _promises(1)
    one, again, other = (coverage(came, made, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def _promises(seed: int) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    came, made = draw.gamma(2.0, 50.0, (2, 30, 4))
    return came, np.where(draw.random((30, 4)) < 0.1, 0.0, made)


@given(st.integers(0, 999), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
@settings(max_examples=30)
def test_the_scale_to_a_coverage_is_the_greatest_factor_that_keeps_it(
    seed: int, share: float
) -> None:
    came, made = _promises(seed)
    factor = scale_to_coverage(came, made, share)
    assert coverage(came, factor * made, above_zero=True).share >= share - 1e-12
    assert coverage(came, 1.00001 * factor * made, above_zero=True).share < share


def test_a_day_is_kept_only_when_all_its_promises_are() -> None:
    came = np.array([[5.0, 5.0], [5.0, 4.0]])
    assert days_kept(came, np.full((2, 2), 5.0)).tolist() == [True, False]
