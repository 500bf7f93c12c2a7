"""The best rate: found twice, on lines and on steps, with one optimum or several."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.compensation import optimum
from evergrid.impact.compensation.participation import (
    AbstractParticipation,
    ElasticParticipation,
    LinearParticipation,
)
from evergrid.impact.compensation.value import LinearValue, NodeValue

NOTHING = LinearValue(0.0)
OWNERS = LinearParticipation(5.0, 8.0, 400.0)
SEED = st.integers(0, 2**32 - 1)


def stairs(rng: np.random.Generator, most: float, *, concave: bool = True) -> NodeValue:
    slopes = rng.uniform(-20.0, 60.0, 12)
    slopes = np.sort(slopes)[::-1] if concave else slopes
    nodes = np.linspace(0.0, most, 13)
    return NodeValue(nodes, np.concatenate([[0.0], np.cumsum(slopes * np.diff(nodes))]))


@given(st.floats(0.0, 40.0), st.floats(-0.5, -0.01), st.floats(-20.0, 20.0), st.floats(-0.1, 0.05))
def test_two_ways_agree_on_lines(first: float, slope: float, benefit: float, rise: float) -> None:
    private, external = LinearValue(first, slope), LinearValue(benefit, rise)
    best = optimum.by_bisection(OWNERS, private, external)
    tried = optimum.by_grid(OWNERS, private, external)
    assert best.welfare == pytest.approx(tried.welfare, rel=1e-9, abs=1e-9)
    if 0 < best.quantity_mwh < OWNERS.most_mwh:
        # A grid sees a flat top to the root of the rounding, so the rate to some 1e-7.
        assert best.rate_per_mwh == pytest.approx(tried.rate_per_mwh, abs=1e-6)
    assert OWNERS.kkt_residual(best.rate_per_mwh) < 1e-9


@settings(max_examples=25)
@given(SEED, st.booleans())
def test_no_rate_is_better_on_stairs(seed: int, concave: bool) -> None:
    """External worth may rise and fall, so that several quantities meet the condition."""
    rng = np.random.default_rng(seed)
    private = stairs(rng, OWNERS.most_mwh)
    external = stairs(rng, OWNERS.most_mwh, concave=concave)
    best = optimum.by_bisection(OWNERS, private, external)
    fed = OWNERS.quantity(np.linspace(0.0, 60.0, 3001))
    assert np.max(optimum.welfare(OWNERS, private, external, fed)) <= best.welfare + 1e-7


@settings(max_examples=25)
@given(SEED)
def test_a_single_buyer_never_buys_more_nor_pays_more(seed: int) -> None:
    private = stairs(np.random.default_rng(seed), OWNERS.most_mwh)
    best = optimum.by_bisection(OWNERS, private, NOTHING)
    alone = optimum.monopsony(OWNERS, private, NOTHING)
    assert alone.quantity_mwh <= best.quantity_mwh + 1e-9
    assert optimum.deadweight_loss(best, alone) >= -1e-9
    profit = private.total(alone.quantity_mwh) - alone.rate_per_mwh * alone.quantity_mwh
    fed = np.linspace(0.0, OWNERS.most_mwh, 801)
    assert np.max(private.total(fed) - OWNERS.marginal_cost(fed) * fed) <= profit + 1e-7


def test_where_nothing_should_be_fed_the_rate_pays_nobody() -> None:
    best = optimum.by_bisection(OWNERS, LinearValue(12.0, -0.1), LinearValue(-50.0))
    assert best.quantity_mwh == 0.0
    assert best.rate_per_mwh == pytest.approx(-38.0)
    assert best.welfare == 0.0
    assert float(OWNERS.quantity(best.rate_per_mwh)) == 0.0


def test_where_all_should_feed_the_rate_is_what_the_last_one_asks() -> None:
    best = optimum.by_bisection(OWNERS, LinearValue(500.0), NOTHING)
    assert best.quantity_mwh == OWNERS.most_mwh
    assert best.rate_per_mwh == pytest.approx(55.0)


def test_pass_through_is_the_share_of_the_worth_that_owners_are_paid() -> None:
    best = optimum.by_bisection(OWNERS, LinearValue(20.0, -0.1), LinearValue(-4.0))
    assert best.pass_through == pytest.approx(best.rate_per_mwh / best.private_per_mwh)
    assert best.pass_through < 1.0


@pytest.mark.parametrize(
    "owners", [OWNERS, ElasticParticipation(20.0, 100.0, 1.5, 400.0)], ids=["line", "power"]
)
def test_owners_feed_what_costs_them_the_rate(owners: AbstractParticipation) -> None:
    for rate in (6.0, 15.0, 30.0):
        fed = float(owners.quantity(rate))
        assert float(owners.marginal_cost(fed)) == pytest.approx(rate)
        assert owners.kkt_residual(rate) < 1e-9
        steps = np.linspace(0.0, fed, 20_001)
        middle = (steps[1:] + steps[:-1]) / 2
        area = float(np.sum(np.asarray(owners.marginal_cost(middle)) * np.diff(steps)))
        assert float(owners.cost(fed)) == pytest.approx(area, rel=1e-5)
        up, down = (float(owners.quantity(rate * one)) for one in (1.0001, 0.9999))
        assert owners.elasticity(rate) == pytest.approx((up - down) / fed / 0.0002, rel=1e-4)
        assert owners.surplus(rate) == pytest.approx(rate * fed - area, rel=1e-4)


def test_beyond_the_most_nobody_more_feeds_and_conditions_still_hold() -> None:
    assert float(OWNERS.quantity(1e6)) == OWNERS.most_mwh
    assert OWNERS.elasticity(1e6) == 0.0
    assert OWNERS.kkt_residual(1e6) == 0.0
    assert OWNERS.kkt_residual(-3.0) == 0.0


def test_records_beyond_their_range_are_refused() -> None:
    with pytest.raises(InputError, match="mwh_per_rate must be above 0"):
        LinearParticipation(5.0, 0.0, 10.0)
    with pytest.raises(InputError, match="power must be above 0"):
        ElasticParticipation(5.0, 1.0, -1.0, 10.0)
    with pytest.raises(InputError, match="quantity_mwh must rise from 0"):
        NodeValue(np.array([0.0, 2.0, 1.0]), np.zeros(3))
