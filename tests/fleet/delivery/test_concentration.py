"""Textbook bounds lie below what is exact, in their known order, and where they should."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery import concentration
from evergrid.fleet.delivery.poisson_binomial import distribution
from tests.fleet.firm_cases import Fleet, fleets, large

BOUNDS = (concentration.chernoff_kw, concentration.bernstein_kw, concentration.hoeffding_kw)


@given(fleets(60), st.floats(0.05, 0.9999))
@settings(max_examples=50)
def test_no_bound_promises_more_than_is_firm(fleet: Fleet, level: float) -> None:
    exact = distribution(fleet.probability, fleet.power_kw, step_kw=1.0).firm_kw(level)
    for bound in BOUNDS:
        assert bound(fleet.probability, fleet.power_kw, level) <= exact + 1e-9


@given(fleets(60), st.floats(0.3, 0.9999))
@settings(max_examples=50)
def test_the_exponential_moment_is_the_best_of_its_kind(fleet: Fleet, level: float) -> None:
    best, *others = (bound(fleet.probability, fleet.power_kw, level) for bound in BOUNDS)
    assert all(other <= best + 1e-3 for other in others)


def test_for_like_vehicles_the_exponential_moment_is_the_divergence() -> None:
    def lacking(share: float) -> float:
        divergence = share * np.log(share / 0.7) + (1 - share) * np.log((1 - share) / 0.3)
        return 1000 * divergence - np.log(100)

    referee = 1000 * float(brentq(lacking, 0.1, 0.7))  # type: ignore[arg-type]
    found = concentration.chernoff_kw(np.full(1000, 0.7), np.ones(1000), 0.99)
    assert found == pytest.approx(referee, rel=1e-8)


@given(st.floats(0.1, 100.0))
@settings(max_examples=20)
def test_bounds_scale_with_the_powers(scale: float) -> None:
    fleet = large(5, 300)
    for bound in (concentration.normal_kw, *BOUNDS):
        one = bound(fleet.probability, fleet.power_kw, 0.99)
        other = bound(fleet.probability, scale * fleet.power_kw, 0.99)
        assert other == pytest.approx(scale * one, rel=1e-6)


def test_vehicles_that_are_certain_count_in_full() -> None:
    p, kw = np.array([1.0, 1.0, 0.5]), np.array([3.0, 5.0, 7.0])
    assert concentration.chernoff_kw(p, kw, 0.99) == pytest.approx(8.0)
    assert concentration.chernoff_kw(p[:2], kw[:2], 0.99) == pytest.approx(8.0)


def test_a_fleet_without_power_promises_none() -> None:
    p, kw = np.full(3, 0.7), np.zeros(3)
    assert [bound(p, kw, 0.99) for bound in (concentration.normal_kw, *BOUNDS)] == [0.0] * 4


@pytest.mark.parametrize("bound", [concentration.normal_kw, *BOUNDS])
def test_percent_instead_of_fractions_are_refused(
    bound: Callable[[Array, Array, float], float],
) -> None:
    with pytest.raises(InputError, match="probability"):
        bound(np.array([70.0]), np.array([7.0]), 0.99)
    with pytest.raises(InputError, match="confidence"):
        bound(np.array([0.7]), np.array([7.0]), 99.0)
