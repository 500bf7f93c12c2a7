"""Bids where each is paid its own price: best among all prices, and the limits that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evergrid.core.errors import InputError
from evergrid.dispatch.services import pay_as_bid


@given(
    cost=st.floats(-20.0, 60.0),
    expected=st.floats(-20.0, 60.0),
    error=st.floats(0.05, 30.0),
)
def test_no_other_price_earns_more(cost: float, expected: float, error: float) -> None:
    one = (np.array([value]) for value in (cost, expected, error))
    (price,), (acceptance,), (margin,) = pay_as_bid.best(*one)
    assert price >= cost
    assert 0.0 <= acceptance <= 1.0
    tried = np.linspace(cost, max(cost, expected) + 8.0 * error, 4001)
    earned = (tried - cost) * norm.sf(tried, expected, error)
    assert margin >= earned.max() - 1e-9 * max(1.0, earned.max())


def test_a_sure_market_is_asked_for_nearly_what_it_pays() -> None:
    bids = pay_as_bid.best(np.array([5.0]), np.array([20.0]), np.array([1e-3]))
    assert bids.price[0] == pytest.approx(20.0, abs=0.01)
    assert bids.acceptance[0] > 0.99


def test_what_costs_more_than_is_expected_is_asked_above_its_cost_and_seldom_sold() -> None:
    bids = pay_as_bid.best(np.array([30.0, 10.0]), np.full(2, 10.0), np.full(2, 5.0))
    assert bids.price[0] > 30.0
    assert bids.acceptance[0] < 1e-4
    assert bids.margin[0] < bids.margin[1]
    # at a cost equal to what is expected: z = 0.7518 solves z = Mills(z) for a unit error
    assert bids.price[1] == pytest.approx(10.0 + 5.0 * 0.7518, abs=1e-3)


@pytest.mark.parametrize("error", [0.0, -1.0, np.nan])
def test_an_error_that_makes_no_sense_is_refused(error: float) -> None:
    with pytest.raises(InputError, match="error"):
        pay_as_bid.best(np.zeros(1), np.zeros(1), np.array([error]))
