"""Least curtailment, against an independent linear program on random trees."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.optimize import linprog

from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import curtailment, plan, problem
from evergrid.dispatch.accounts import period_peaks, unpaid_kwh
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.site import SiteLoad, Sites, no_load
from tests.dispatch.cases import Stay, a_portfolio, by_hand

UP = {0: (0,), 1: (1, 0), 2: (2, 0)}  # each site of a portfolio with all above it


def sunny(seed: int) -> tuple[Portfolio, np.ndarray]:
    """A portfolio whose sites generate, with export limits in reach, and random fleet power."""
    rng = np.random.default_rng(seed)
    portfolio = a_portfolio(seed)
    shape = portfolio.load_kw.shape
    limit = np.array([rng.uniform(5, 25), rng.uniform(0, 12), np.inf])
    made = rng.uniform(0, 20, shape) * (rng.random(shape) < 0.7)
    sites = replace(portfolio.sites, export_limit_kw=limit)
    power = rng.uniform(-2, 2, (len(portfolio.sessions), portfolio.grid.steps))
    return replace(portfolio, sites=sites, generation_kw=made), power


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_curtails_less(seed: int) -> None:
    portfolio, power = sunny(seed)
    found = curtailment.least(portfolio, power)
    assert (found >= 0).all()
    assert (found <= portfolio.generation_kw + 1e-9).all()
    own = portfolio.generation_kw - portfolio.load_kw
    np.add.at(own, portfolio.site_row, power)
    net = portfolio.sites.add_up(own)
    for step in range(0, portfolio.grid.steps, 5):
        rows = np.zeros((3, 3))
        for site, above in UP.items():
            rows[list(above), site] = -1.0
        limit = portfolio.export_limit_kw[:, step]
        held = np.isfinite(limit)
        best = linprog(
            np.ones(3),
            A_ub=rows[held],
            b_ub=(limit - net[:, step])[held],
            bounds=[(0, kw) for kw in portfolio.generation_kw[:, step]],
        )
        if best.status == 0:
            assert found[:, step].sum() == pytest.approx(best.fun, abs=1e-7)


def test_a_site_that_draws_at_a_negative_price_curtails_though_feeding_would_earn() -> None:
    # Load of 5 kW, of which 3 could be generated: at -20 per MWh drawn, generating costs money,
    # whatever feeding would earn; at +30 it saves.
    portfolio = by_hand([Stay(0, 2, 0)], [-20.0, 30.0], net_metering=True)
    portfolio = replace(
        portfolio,
        load_kw=np.full((1, 2), 5.0),
        generation_kw=np.full((1, 2), 3.0),
        prices=replace(portfolio.prices, export_price_per_mwh=np.full(2, 90.0)),
    )
    made = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0))
    assert made.schedule.curtailed_kw is not None
    np.testing.assert_allclose(made.schedule.curtailed_kw[0], [3.0, 0.0], atol=1e-7)
    assert made.status is Status.OPTIMAL
    full = 10.0  # the car takes what it may, as that earns as well
    assert made.costs.net == pytest.approx(-0.020 * (5 + full) + 0.030 * 2)


@pytest.mark.parametrize("seed", range(3))
def test_of_plans_of_equal_cost_the_one_that_curtails_least_is_taken(seed: int) -> None:
    # At one price for all hours, only what no battery can take is curtailed.
    rng = np.random.default_rng(seed)
    stays = [Stay(0, 12, 60), Stay(0, 12, 40), Stay(3, 9, 25)]
    portfolio = by_hand(stays, [50.0] * 12, export_limit_kw=0.0)
    made_kw = rng.uniform(0, 24, (1, 12))
    portfolio = replace(portfolio, generation_kw=made_kw)
    planned = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0))
    most = np.minimum(made_kw[0], np.where((np.arange(12) >= 3) & (np.arange(12) < 9), 30, 20))
    assert planned.assessment.curtailed_kwh.sum() == pytest.approx(
        made_kw.sum() - min(most.sum(), 125.0), abs=1e-6
    )


def test_a_schedule_with_curtailment_is_the_same_as_powers_of_the_program() -> None:
    portfolio, _ = sunny(2)
    made = problem.build(portfolio, 0.1)
    rng = np.random.default_rng(3)
    program = made.program
    low = np.where(program.store < made.sessions, -program.discharge_limit_kw, 0.0)
    power = -rng.uniform(low, program.charge_limit_kw)
    planned = problem.schedule(portfolio, made, power)
    np.testing.assert_allclose(problem.powers(made, planned), power)
    assert planned.curtailed_kw is not None
    of_sites = -power[program.store >= made.sessions].sum()
    assert planned.curtailed_kw.sum() == pytest.approx(of_sites)
    without = problem.powers(made, replace(planned, curtailed_kw=None))
    np.testing.assert_allclose(without, np.where(program.store < made.sessions, power, 0.0))


def test_generation_is_a_unit_of_the_program_while_it_produces() -> None:
    portfolio = by_hand([Stay(0, 6, 0)], [50.0] * 6)
    made_kw = np.array([[0.0, 0.0, 3.0, 0.0, 6.0, 0.0]])
    made = problem.build(replace(portfolio, generation_kw=made_kw), 0.0)
    program = made.program
    assert (program.first[-1], program.stop[-1]) == (2, 5)
    np.testing.assert_allclose(program.charge_limit_kw[program.store == 1], [3.0, 0.0, 6.0])
    assert made.curtailing.tolist() == [0]


def test_curtailing_costs_the_carbon_of_what_is_drawn_or_the_credit_of_what_is_fed() -> None:
    portfolio = by_hand([Stay(0, 2, 0)], [50.0, 50.0])
    prices = replace(
        portfolio.prices,
        carbon_price_per_mwh=np.array([40.0, 40.0]),
        carbon_credit_per_mwh=np.array([30.0, 30.0]),
    )
    made = problem.build(
        replace(
            portfolio,
            prices=prices,
            generation_kw=np.array([[6.0, 6.0]]),
            load_kw=np.array([[8.0, 2.0]]),  # the site draws at first, and then feeds
        ),
        0.0,
    )
    np.testing.assert_allclose(made.program.draw_price_per_kwh[-2:], [0.04, 0.03])


def test_what_a_site_feeds_beyond_its_own_limit_is_unpaid_there_alone() -> None:
    portfolio = a_portfolio(3)
    sites = replace(
        portfolio.sites,
        net_metering=np.array([False, True, True]),
        export_limit_kw=np.array([np.inf, 5.0, 5.0]),
    )
    portfolio = replace(portfolio, sites=sites)
    power = np.zeros(portfolio.load_kw.shape)
    power[1], power[2], power[0] = 7.0, 4.0, 11.0
    power[2, 3] = 6.0
    expected = np.full(portfolio.grid.steps, 2.0 * portfolio.grid.step_h)
    expected[3] += portfolio.grid.step_h
    np.testing.assert_allclose(unpaid_kwh(portfolio, power), expected)


def test_generation_that_cannot_be_curtailed_is_left_alone() -> None:
    portfolio, power = sunny(1)
    sites = replace(portfolio.sites, generation_curtailable=np.zeros(3, bool))
    assert not curtailment.least(replace(portfolio, sites=sites), power).any()


def test_what_passes_a_limit_above_meters_is_theirs_by_what_they_feed() -> None:
    portfolio = a_portfolio(2)
    sites = replace(
        portfolio.sites,
        net_metering=np.array([False, True, True]),
        export_limit_kw=np.array([6.0, np.inf, 2.0]),
    )
    portfolio = replace(portfolio, sites=sites)
    power = np.zeros(portfolio.load_kw.shape)
    power[:, 0] = [12.0, 8.0, 4.0]  # 2 kW beyond the limit of the last, 6 beyond that of the root
    power[:, 1] = [5.0, 3.0, 2.0]
    unpaid = unpaid_kwh(portfolio, power)
    assert unpaid[0] == pytest.approx(6.0 * portfolio.grid.step_h)
    assert not unpaid[1:].any()


def test_a_demand_charge_counts_the_highest_steps_of_each_local_month() -> None:
    portfolio = a_portfolio(3)
    grid = TimeGrid(datetime(2025, 1, 31, 21, tzinfo=UTC), 1.0, 6)  # 23:00 in Brussels is 22:00Z
    drawn = np.array([5.0, 9.0, 1.0, 8.0, 7.0, 2.0])
    sites = replace(
        portfolio.sites,
        demand_charge_peaks=np.array([2, 1, 1]),
        demand_charge_per_kw=np.array([1.0, 0.0, 0.0]),
    )
    moved = _on(replace(portfolio, sites=sites), grid, "Europe/Brussels")
    np.testing.assert_allclose(
        period_peaks(moved, 0, drawn, 6.0), [(9.0 + 6.0) / 2, (8.0 + 7.0) / 2]
    )
    np.testing.assert_allclose(period_peaks(moved, 1, drawn, 0.0), [9.0, 8.0])


def _on(portfolio: Portfolio, grid: TimeGrid, zone: str) -> Portfolio:
    part = portfolio.part(0, grid.steps, portfolio.sessions)
    prices = replace(part.prices, time_utc=grid.times)
    return replace(part, grid=grid, prices=prices, time_zone=zone)


def test_what_is_used_on_the_way_does_not_hide_what_passes_the_limit_above() -> None:
    # 5 kW pass the limit of a site behind the first meter, which sells 1 of them; the rest is used
    # there. Of the 10 kW that the second meter sells, 3 pass the limit above both.
    portfolio = a_portfolio(2)
    sites = Sites(
        site_id=np.array(["top", "first", "second", "behind"], object),
        parent_id=np.array(["", "top", "top", "first"], object),
        import_limit_kw=np.full(4, np.inf),
        export_limit_kw=np.array([8.0, np.inf, np.inf, 2.0]),
        demand_charge_per_kw=np.zeros(4),
        net_metering=np.array([False, True, True, False]),
    )
    renamed = replace(portfolio.sessions, site_id=np.full(len(portfolio.sessions), "top", object))
    portfolio = assemble(portfolio.grid, renamed, sites, no_load(), portfolio.prices)
    power = np.zeros((4, portfolio.grid.steps))
    power[:, 0] = [11.0, 1.0, 10.0, 7.0]
    assert unpaid_kwh(portfolio, power)[0] == pytest.approx(3.0 * portfolio.grid.step_h)


@pytest.mark.parametrize("surplus_kw", [15.0, 9.0])
def test_a_meter_that_pays_more_than_it_charges_reaches_as_far_as_its_limit_gives_way(
    surplus_kw: float,
) -> None:
    # Nothing may be fed. The car takes 10 kW of 15 at most, or 9 while it is plugged in; it saves
    # the load of the second hour. In the third the surplus exceeds the limit by itself.
    stay = Stay(0, 2, 0, feeds=True)
    portfolio = by_hand([stay], [70.0] * 3, net_metering=True, export_limit_kw=0.0)
    feed_in = replace(portfolio.prices, export_price_per_mwh=np.full(3, 150.0))
    load_kw = np.array([[-surplus_kw, 2.0, -surplus_kw]])
    made = plan.v2g(
        replace(portfolio, load_kw=load_kw, prices=feed_in), plan.Options(end_value_per_kwh=0.0)
    )
    assert made.status is Status.LIMITS_EXCEEDED
    (overload,) = made.overloads
    assert overload.excess_kwh == pytest.approx(surplus_kw + max(surplus_kw - 10.0, 0.0), abs=1e-5)
    assert made.costs.net == pytest.approx(0.0, abs=1e-6)
    assert made.certificate.bound == pytest.approx(0.0, abs=1e-6)


def test_prices_of_limits_are_those_of_the_plan_that_knows_what_goes_unpaid() -> None:
    # Of the 5 kW that the roof feeds in the first hour 3 pass its limit. They are paid by nobody as
    # far as the home behind it feeds them, so a car that takes all 5 forgoes no more than 2.
    alone = by_hand([Stay(0, 2, 5)], [100.0, 60.0])
    sites = Sites(
        site_id=np.array(["depot", "roof"], object),
        parent_id=np.array(["", "depot"], object),
        import_limit_kw=np.array([1.5, np.inf]),
        export_limit_kw=np.array([np.inf, 2.0]),
        demand_charge_per_kw=np.zeros(2),
        net_metering=np.array([True, False]),
    )
    sold = replace(alone.prices, export_price_per_mwh=np.array([80.0, 60.0]))
    load = SiteLoad(np.array(["roof"], object), alone.grid.times, np.array([[-5.0, 0.0]]))
    portfolio = assemble(alone.grid, alone.sessions, sites, load, sold)
    made = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0))
    np.testing.assert_allclose(made.schedule.power_kw, [[-5.0, 0.0]], atol=1e-5)
    assert made.costs.net == pytest.approx(0.0, abs=1e-6)
    assert made.certificate.bound == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(made.shadow_price_per_mwh[0], 0.0, atol=1e-6)
