from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.status import Status
from evergrid.dispatch import plan
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.generation.portfolio_equilibrium import portfolio_equilibrium
from evergrid.dispatch.options import Options
from evergrid.impact.merit_order import Stack, dispatch, supply_stack
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import CASES, a_portfolio
from tests.impact.merit_order.cases import fleet_of

END_VALUE = 0.03
KINDS = [name for name in CASES if name != "wear that rises"]


def steep_stack() -> Stack:
    return supply_stack(fleet_of([40] * 15, list(range(5, 95, 6)), co2_kg_per_mwh=[500] * 15))


def evening_peak(portfolio: Portfolio, stack: Stack) -> np.ndarray:
    hour = np.arange(portfolio.grid.steps) * portfolio.grid.step_h
    return stack.capacity_mw * (0.55 + 0.25 * np.sin(hour / 4))


@pytest.mark.parametrize("kind", KINDS)
def test_no_vehicle_gains_by_another_schedule_at_the_prices_found(kind: str):
    """Referee: the planner of portfolios, given these prices as if nobody moved them."""
    portfolio, stack = a_portfolio(3, CASES[kind]), steep_stack()
    load = evening_peak(portfolio, stack)
    found = portfolio_equilibrium(
        portfolio, stack, load, portfolios=2000.0, end_value_per_kwh=END_VALUE
    )
    assert found.status is Status.OPTIMAL
    assert np.abs(found.power_mw).max() > 10
    sites = replace(portfolio.sites, demand_charge_per_kw=np.zeros(len(portfolio.sites)))
    none = np.zeros(portfolio.grid.steps)
    paid = replace(
        portfolio.prices,
        time_utc=portfolio.grid.times,
        import_price_per_mwh=found.price_per_mwh,
        export_price_per_mwh=found.price_per_mwh,
        carbon_price_per_mwh=none,
    )
    taker = replace(portfolio, prices=paid, sites=sites)
    best = plan.v2g(taker, Options(end_value_per_kwh=END_VALUE, method="highs", smooth=False))
    ours = costs(taker, found.schedule, END_VALUE).net
    assert ours == pytest.approx(best.costs.net, rel=1e-6, abs=1e-6)


def test_the_price_clears_every_step_and_the_cost_is_less_than_of_planning_at_old_prices():
    portfolio, stack = a_portfolio(5), steep_stack()
    load = evening_peak(portfolio, stack)
    many = 4000.0
    found = portfolio_equilibrium(portfolio, stack, load, portfolios=many)
    assert (found.price_per_mwh >= found.dispatch.low_price_per_mwh - 1e-6).all()
    assert (found.price_per_mwh <= found.dispatch.high_price_per_mwh + 1e-6).all()
    before = dispatch(stack, load, step_h=portfolio.grid.step_h)
    old = replace(
        portfolio.prices,
        time_utc=portfolio.grid.times,
        import_price_per_mwh=before.price_per_mwh,
        export_price_per_mwh=before.price_per_mwh,
        carbon_price_per_mwh=np.zeros(len(load)),
    )
    taker = plan.v2g(replace(portfolio, prices=old), Options(end_value_per_kwh=0.0))
    fed_mw = many * taker.schedule.power_kw.sum(axis=0) / 1000
    naive = dispatch(stack, load - fed_mw, step_h=portfolio.grid.step_h, voll_per_mwh=5000.0)
    assert found.cost < naive.cost + many * taker.costs.amounts["wear"] - 1.0


def test_a_few_vehicles_move_no_price():
    portfolio, stack = a_portfolio(5), steep_stack()
    load = evening_peak(portfolio, stack)
    found = portfolio_equilibrium(portfolio, stack, load, portfolios=1e-3)
    before = dispatch(stack, load, step_h=portfolio.grid.step_h)
    assert found.price_per_mwh == pytest.approx(before.price_per_mwh)


def test_what_does_not_fit_is_refused_all_at_once():
    portfolio = a_portfolio(1, CASES["wear that rises"])
    rising = supply_stack(fleet_of([100], [20], rise_per_mwh=[10]))
    with pytest.raises(InputError) as told:
        portfolio_equilibrium(portfolio, rising, np.ones(5), portfolios=-1.0)
    fields = {fault.field for fault in told.value.faults}
    assert fields == {"net_load_mw", "portfolios", "stack", "wear_rise_per_kwh_per_kw"}


def test_energy_that_no_charging_can_reach_is_told_by_session():
    portfolio, stack = a_portfolio(1), steep_stack()
    sessions = portfolio.sessions
    owed = replace(sessions, energy_departure_kwh=sessions.capacity_kwh)
    load = np.full(portfolio.grid.steps, 100.0)
    found = portfolio_equilibrium(replace(portfolio, sessions=owed), stack, load)
    assert len(found.shortfalls) > 0
    assert all(
        one.limit == "its charger's rating and the length of its stay" for one in found.shortfalls
    )


def test_sites_that_keep_energy_from_being_served_are_told_with_the_way_out():
    portfolio, stack = a_portfolio(1), steep_stack()
    shut = replace(portfolio.sites, import_limit_kw=np.array([1.0, 1.0, 1.0]))
    load = np.full(portfolio.grid.steps, 100.0)
    with pytest.raises(InfeasibleError, match="Plan the portfolio by itself"):
        portfolio_equilibrium(replace(portfolio, sites=shut), stack, load)
