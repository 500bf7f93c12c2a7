"""Scores rank promises and forecasts as published, and their intervals are exact."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.fleet.scores import (
    coverage,
    crps_kw,
    days_kept,
    pinball_kw,
    reliability,
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


@pytest.mark.parametrize(("kept", "judged"), [(0, 5), (5, 5), (97, 100), (1, 300), (990, 1000)])
def test_the_interval_of_a_coverage_is_that_of_clopper_and_pearson(kept: int, judged: int) -> None:
    came = (np.arange(judged) < kept).astype(float)
    found = coverage(came, np.full(judged, 1.0))
    exact = stats.binomtest(kept, judged).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert (found.judged, found.broken) == (judged, judged - kept)
    assert found.share == kept / judged


def test_reliability_counts_each_confidence_by_itself() -> None:
    came = np.array([[1.0, 2.0], [3.0, 4.0]])
    made = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 2.5), np.full((2, 2), 9.0)])
    found = reliability(came, made, np.array([0.9, 0.5, 0.1]))
    np.testing.assert_allclose(found.kept, [1.0, 0.5, 0.0])
    np.testing.assert_allclose(found.mean_kw, [1.0, 2.5, 9.0])
    np.testing.assert_allclose(found.low, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(found.high, [1.0, 1.0, 0.0])


def test_the_interval_of_a_reliability_holds_95_percent_with_days_as_the_unit() -> None:
    """Shares of four days 1, 1/2, 1, 1: mean .875, deviation .2165, 1.96 x .2165 / 2 = .2122."""
    came = np.array([[5.0, 5.0], [5.0, 1.0], [5.0, 5.0], [5.0, 5.0]])
    made = np.stack([np.full((4, 2), 2.0), np.where(came == 1.0, 0.5, 9.0)])
    found = reliability(came, made, np.array([0.9, 0.1]))
    np.testing.assert_allclose(found.kept, [0.875, 0.125])
    np.testing.assert_allclose(found.low, [0.66283, 0.0], atol=1e-5)
    np.testing.assert_allclose(found.high, [1.0, 0.33717], atol=1e-5)


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
    assert coverage(came, factor * made).share >= share - 1e-12
    assert coverage(came, 1.00001 * factor * made).share < share


def test_a_day_is_kept_only_when_all_its_promises_are() -> None:
    came = np.array([[5.0, 5.0], [5.0, 4.0]])
    assert days_kept(came, np.full((2, 2), 5.0)).tolist() == [True, False]
