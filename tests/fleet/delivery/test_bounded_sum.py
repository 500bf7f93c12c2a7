"""Bounds hold in every state of the factor, against the exact sum in that state."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.fleet.delivery import poisson_binomial
from evergrid.fleet.delivery.bounded_sum import sandwich
from evergrid.fleet.delivery.common_factor import (
    AbstractFactor,
    BetaMixing,
    GaussianFactor,
    Independent,
)
from evergrid.fleet.delivery.probability_bins import gather
from tests.fleet.firm_cases import FACTORS, Fleet, fleets, large

EVERY = pytest.mark.parametrize("factor", FACTORS.values(), ids=list(FACTORS))


@given(fleets(60), st.floats(-0.1, 1.1))
@settings(max_examples=50)
def test_the_exact_sum_lies_between_the_bounds(fleet: Fleet, share: float) -> None:
    between = sandwich(
        gather(fleet.probability[:, None], fleet.power_kw), Independent(), vehicles=1.0
    )
    power = np.array([share * fleet.power_kw.sum()])
    # What is less than rounding from a sum that can be is taken for it, by each in its own way.
    assume(power[0] == round(power[0]) or abs(power[0] - round(power[0])) > 1e-6)
    exact = poisson_binomial.distribution(fleet.probability, fleet.power_kw, step_kw=1.0)
    below = 1 - exact.probability_of(float(power[0]))
    assert between.high.at_least(power)[0, 0] <= below + 1e-9
    assert between.low.at_most(power)[0, 0] >= below - 1e-9


@EVERY
def test_the_bounds_hold_in_every_state(factor: AbstractFactor) -> None:
    fleet = large(1, 400)
    bins = gather(fleet.probability[:, None], fleet.power_kw)
    between = sandwich(bins, factor, vehicles=400.0)
    given_p = factor.given(fleet.probability, between.nodes)
    exact = poisson_binomial.distributions(given_p, fleet.power_kw, step_kw=1.0)
    for share in (0.4, 0.6, 0.65, 0.7, 0.75, 0.8):
        kw = share * float(bins.total_kw[0])
        below = np.array([1 - one.probability_of(kw) for one in exact])
        assert (between.high.at_least(np.array([kw]))[:, 0] <= below + 1e-9).all()
        assert (between.low.at_most(np.array([kw]))[:, 0] >= below - 1e-9).all()


@EVERY
def test_moments_are_those_of_the_vehicles_in_every_state(factor: AbstractFactor) -> None:
    fleet = large(2, 500)
    bins = gather(fleet.probability[:, None], fleet.power_kw)
    between = sandwich(bins, factor, vehicles=5000.0)
    p, kw = factor.given(fleet.probability, between.nodes), fleet.power_kw
    mean = (p @ kw)[:, None]
    total = float(kw.sum())
    assert np.abs(between.middle.mean_kw - mean).max() < 1e-6 * total
    assert (between.low.mean_kw <= mean + 1e-8 * total).all()
    assert (between.high.mean_kw >= mean - 1e-8 * total).all()
    variance = ((p * (1 - p)) @ kw**2)[:, None]
    np.testing.assert_allclose(between.middle.variance_kw2, variance, atol=1e-5 * float(kw @ kw))


@pytest.mark.parametrize("rho", [0.001, 0.01, 0.2, 0.6])
@pytest.mark.parametrize("kind", [BetaMixing, GaussianFactor])
def test_between_states_moments_are_smooth(
    kind: type[BetaMixing] | type[GaussianFactor], rho: float
) -> None:
    for probability in (0.05, 0.42, 0.7, 0.99):
        p = np.array([probability])
        factor = kind(rho)
        between = sandwich(gather(p[None], np.ones(1)), factor, vehicles=1e5)
        exact = factor.given(p, between.nodes)
        assert np.abs(between.middle.mean_kw - exact).max() < 1e-8


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_what_is_certain_is_certain(probability: float) -> None:
    bins = gather(np.full((5, 1), probability), np.full(5, 7.0))
    between = sandwich(bins, BetaMixing(0.1), vehicles=5.0)
    sure_kw = 35.0 * probability
    assert (between.low.at_most(np.array([sure_kw - 0.01])) < 1e-9).all()
    assert (between.high.at_least(np.array([sure_kw + 0.01])) > 1 - 1e-9).all()


def test_far_from_the_mean_the_bounds_are_those_of_bennett() -> None:
    """100 vehicles at 1/2: mean 50, variance 25; 25 kW beyond, exp(-25 (2 ln 2 - 1)) is left."""
    bins = gather(np.full((100, 1), 0.5), np.ones(100))
    between = sandwich(bins, Independent(), vehicles=1.0)
    tail = np.exp(-25 * (2 * np.log(2) - 1))
    assert between.low.at_most(np.array([25.0]))[0, 0] == pytest.approx(tail, rel=1e-6)
    assert 1 - between.high.at_least(np.array([75.0]))[0, 0] == pytest.approx(tail, rel=1e-6)
