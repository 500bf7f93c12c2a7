"""A congestion price adds to the import price: it is what a wider limit would save, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.flowgates import Flowgates
from evergrid.dispatch import plan
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import CASES
from tests.dispatch.cases import a_portfolio as random_portfolio


def limited(portfolio: Portfolio, weight: float, limit_kw: float) -> Portfolio:
    """The portfolio with one gate on its root in every step: weight times the net power."""
    steps = portfolio.grid.steps
    weights = np.zeros((steps, len(portfolio.sites)))
    weights[:, 0] = weight
    return replace(
        portfolio, flowgates=Flowgates(np.arange(steps), weights, np.full(steps, limit_kw))
    )


def planned(portfolio: Portfolio) -> plan.Plan:
    return plan.v2g(portfolio, plan.Options(plan.end_value_per_kwh(portfolio)))


@pytest.mark.parametrize(("weight", "sign"), [(-1.0, 1.0), (1.0, -1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_widening_a_limit_by_a_kw_saves_the_congestion_price(seed: int, weight: float, sign: float):
    """Positive where drawing is limited (weight -1), negative where feeding is."""
    portfolio, step_kw = random_portfolio(seed, CASES["plain"]), 1e-3
    free = planned(portfolio).schedule.power_kw
    at_root = weight * free.sum(axis=0)
    limit_kw = 0.6 * float(at_root.max())
    made = planned(limited(portfolio, weight, limit_kw))
    wider = planned(limited(portfolio, weight, limit_kw + step_kw))
    price = made.congestion_price_per_mwh[0]
    assert (sign * price >= 0).all()
    assert (price != 0).any()
    saved_per_kw = (made.costs.net - wider.costs.net) / step_kw
    by_price = float(np.abs(price).sum()) * portfolio.grid.step_h / 1000.0
    assert saved_per_kw == pytest.approx(by_price, rel=0.02)
