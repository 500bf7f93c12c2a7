"""Common factors: means kept, order kept, and SciPy's mixtures reproduced to 1e-6."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery.common_factor import (
    AbstractFactor,
    BetaMixing,
    GaussianFactor,
    Independent,
    Regimes,
    binary_correlation,
)
from tests.fleet.firm_cases import FACTORS

RHOS = (0.001, 0.01, 0.05, 0.1, 0.2)
EVERY = pytest.mark.parametrize("factor", FACTORS.values(), ids=list(FACTORS))


def tails(factor: AbstractFactor, probability: float, vehicles: int) -> Array:
    """P(more than k of the vehicles deliver), for every k."""
    nodes = factor.nodes(float(vehicles))
    given_p = factor.given(np.array([probability]), nodes)
    return nodes.weight @ stats.binom.sf(np.arange(vehicles + 1), vehicles, given_p)


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("probability", [0.05, 0.42, 0.7, 0.95])
@pytest.mark.parametrize("vehicles", [1, 30, 1000])
def test_like_vehicles_are_beta_binomial(rho: float, probability: float, vehicles: int) -> None:
    precision = 1 / rho - 1
    referee = stats.betabinom(vehicles, probability * precision, (1 - probability) * precision)
    found = tails(BetaMixing(rho), probability, vehicles)
    np.testing.assert_allclose(found, referee.sf(np.arange(vehicles + 1)), atol=1e-6)


@pytest.mark.parametrize("rho", [1e-6, 0.5, 0.9])
def test_weak_and_strong_correlations_are_resolved_too(rho: float) -> None:
    precision = 1 / rho - 1
    referee = stats.betabinom(200, 0.7 * precision, 0.3 * precision)
    found = tails(BetaMixing(rho), 0.7, 200)
    np.testing.assert_allclose(found, referee.sf(np.arange(201)), atol=1e-6)


@pytest.mark.parametrize("rho", RHOS)
def test_the_gaussian_factor_agrees_with_gauss_legendre_quadrature(rho: float) -> None:
    unit, unit_weight = np.polynomial.legendre.leggauss(500)
    score, weight = 8 * unit, 8 * unit_weight * stats.norm.pdf(8 * unit)
    strength = stats.norm.ppf(0.7) + np.sqrt(rho) * score
    p = stats.norm.cdf(strength / np.sqrt(1 - rho))
    referee = weight @ stats.binom.sf(np.arange(301), 300, p[:, None])
    np.testing.assert_allclose(tails(GaussianFactor(rho), 0.7, 300), referee, atol=1e-8)


@EVERY
def test_states_are_a_distribution(factor: AbstractFactor) -> None:
    for vehicles in (1.0, 1e3, 1e6):
        weight = factor.nodes(vehicles).weight
        assert weight.sum() == pytest.approx(1.0)
        assert (weight >= 0).all()


@pytest.mark.parametrize("factor", [Independent(), BetaMixing(0.1), GaussianFactor(0.1)], ids=str)
@given(st.floats(0, 1))
@settings(max_examples=30)
def test_the_mean_over_the_states_is_the_probability(factor: AbstractFactor, p: float) -> None:
    nodes = factor.nodes(100.0)
    mean = nodes.weight @ factor.given(np.array([p]), nodes)[:, 0]
    assert mean == pytest.approx(p, abs=1e-6)


@EVERY
def test_more_reliable_vehicles_stay_so_in_every_state(factor: AbstractFactor) -> None:
    nodes = factor.nodes(1000.0)
    rising = factor.given(np.linspace(0, 1, 301), nodes)
    assert (np.diff(rising, axis=1) >= -1e-12).all()
    assert (rising[:, 0] == 0).all()
    assert ((rising >= 0) & (rising <= 1)).all()


@EVERY
def test_a_higher_score_is_better_for_every_vehicle(factor: AbstractFactor) -> None:
    nodes = factor.nodes(1000.0)
    for share in np.unique(nodes.share):
        here = nodes.where(nodes.share == share)
        assert (np.diff(here.score) > 0).all()
        assert (np.diff(factor.given(np.linspace(0, 1, 31), here), axis=0) >= -1e-12).all()


@pytest.mark.parametrize("rho", RHOS)
def test_rho_is_the_correlation_of_two_vehicles(rho: float) -> None:
    factor = BetaMixing(rho)
    nodes = factor.nodes(2.0)
    p = factor.given(np.array([0.3]), nodes)[:, 0]
    assert (nodes.weight @ p**2 - 0.09) / 0.21 == pytest.approx(rho, abs=1e-8)


@pytest.mark.parametrize("latent", [0.0, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("probability", [0.05, 0.5, 0.7])
def test_the_latent_correlation_is_turned_into_the_binary_one(
    latent: float, probability: float
) -> None:
    threshold = stats.norm.ppf(probability)
    pair = stats.multivariate_normal(cov=np.array([[1, latent], [latent, 1]]))  # type: ignore[arg-type]
    together = pair.cdf([threshold] * 2)
    referee = (together - probability**2) / (probability * (1 - probability))
    assert binary_correlation(latent, probability) == pytest.approx(referee, abs=1e-6)


@pytest.mark.parametrize("factor", [BetaMixing(0.0), GaussianFactor(0.0)], ids=str)
def test_no_correlation_is_no_factor(factor: AbstractFactor) -> None:
    nodes = factor.nodes(1000.0)
    assert len(nodes.weight) == 1
    p = np.array([0.0, 0.4, 1.0])
    np.testing.assert_allclose(factor.given(p, nodes), [p], atol=1e-15)


def test_an_outage_takes_its_share_of_every_vehicle() -> None:
    factor = Regimes((0.98, 0.02), (1.0, 0.6))
    nodes = factor.nodes(1000.0)
    assert nodes.weight.tolist() == [0.98, 0.02]
    np.testing.assert_allclose(factor.given(np.array([0.7, 0.5]), nodes), [[0.7, 0.5], [0.42, 0.3]])


def test_an_outage_combines_with_a_factor_state_by_state() -> None:
    inner = BetaMixing(0.02)
    factor = Regimes((0.9, 0.1), (1.0, 0.5), inner)
    found, single = factor.nodes(50.0), inner.nodes(50.0)
    states = len(single.weight)
    np.testing.assert_allclose(found.weight[states:], 0.1 * single.weight)
    below = factor.given(np.array([0.8]), found)[states:]
    np.testing.assert_allclose(below, inner.given(np.array([0.4]), single))


@pytest.mark.parametrize("rho", [-0.1, 1.0, 1.5, float("nan")])
@pytest.mark.parametrize("kind", [BetaMixing, GaussianFactor])
def test_a_correlation_out_of_range_is_refused(
    kind: type[BetaMixing] | type[GaussianFactor], rho: float
) -> None:
    with pytest.raises(InputError, match=r"rho must be in \[0, 1\)"):
        kind(rho)


@pytest.mark.parametrize(
    ("probability", "share", "field"),
    [
        ((0.9, 0.2), (1.0, 0.5), "probability"),
        ((1.1, -0.1), (1.0, 0.5), "probability"),
        ((0.9, 0.1), (1.0, 1.5), "share"),
        ((0.9, 0.1), (1.0, float("nan")), "share"),
        ((0.9, 0.1), (1.0,), "share"),
        ((0.9, 0.1), (1.0, 1.0), "share"),
    ],
)
def test_regimes_that_cannot_be_are_refused(
    probability: tuple[float, ...], share: tuple[float, ...], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        Regimes(probability, share)
    assert caught.value.field == field


@pytest.mark.parametrize(("latent", "probability"), [(1.0, 0.5), (0.1, 0.0), (0.1, 1.0)])
def test_no_binary_correlation_of_what_never_varies(latent: float, probability: float) -> None:
    with pytest.raises(InputError):
        binary_correlation(latent, probability)
