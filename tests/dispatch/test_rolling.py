"""Rolling plans know only what was known: causality, settlement, service."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.dispatch import plan, rolling
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.forecast import (
    AbstractPriceView,
    Forecast,
    Perfect,
    Persistence,
    steps_per_day,
)
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.model.schedule import plugged_share
from tests.dispatch.cases import CaseSettings, Stay, a_portfolio, by_hand, prices, site_energy

DAYS = CaseSettings(sessions=30, steps=72, step_h=1.0, room_kw=60.0, wear=0.0)


def options(portfolio: Portfolio) -> plan.Options:
    return plan.Options(plan.end_value_per_kwh(portfolio), smooth=False)


def views(portfolio: Portfolio, believed: Prices | None = None) -> dict[str, AbstractPriceView]:
    actual = portfolio.prices
    day = steps_per_day(portfolio.grid)
    return {
        "perfect": Perfect(actual),
        "forecast": Forecast(actual, believed or prices(99, portfolio.grid, DAYS), known=2),
        "persistence": Persistence(actual, known=2, day=day),
    }


def run(
    portfolio: Portfolio, view: AbstractPriceView, *, window: int = 24, every: int = 1
) -> rolling.RollingResult:
    return rolling.simulate(portfolio, view, options(portfolio), window=window, every=every)


def keeps_all(rolled: rolling.RollingResult) -> None:
    """Every limit of batteries and sites was kept."""
    done = rolled.assessment
    assert max(done.power_kw, done.energy_kwh, done.limits_kw) <= 1e-6


@pytest.mark.parametrize("name", ["perfect", "forecast", "persistence"])
def test_nothing_beats_perfect_foresight_and_everyone_is_served(name: str) -> None:
    portfolio = a_portfolio(1, DAYS)
    rolled = run(portfolio, views(portfolio)[name])
    best = plan.v2g(portfolio, options(portfolio))
    assert rolled.costs.net >= best.certificate.bound - 1e-6
    assert rolled.assessment.served_share > 0.97
    assert rolled.worst_gap <= 1e-6
    keeps_all(rolled)


def test_plans_that_begin_from_the_last_one_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portfolio = a_portfolio(11, DAYS)
    exact = run(portfolio, Perfect(portfolio.prices), every=6)
    guessed: list[bool] = []
    solve = plan.solver.solve

    def watched(*args: Any, **options: Any) -> Any:
        guessed.append(options["guess"] is not None)
        return solve(*args, **options)

    monkeypatch.setattr(plan.solver, "solve", watched)
    by = replace(options(portfolio), method="interior_point")
    rolled = rolling.simulate(portfolio, Perfect(portfolio.prices), by, window=24, every=6)
    assert guessed == [False] + [True] * (len(guessed) - 1)
    assert rolled.costs.net == pytest.approx(exact.costs.net, rel=1e-4)
    keeps_all(rolled)


@pytest.mark.parametrize("name", ["forecast", "persistence"])
@pytest.mark.parametrize("now", [20, 41])
def test_what_comes_later_changes_nothing_that_was_done_before(name: str, now: int) -> None:
    portfolio = a_portfolio(2, DAYS)
    believed = prices(99, portfolio.grid, DAYS)
    later = np.arange(portfolio.grid.steps) >= now + 2  # two steps are known ahead
    shaken = {
        column: np.where(later, values * -3.0 + 11.0, values)
        for column, values in portfolio.prices.columns().items()
        if column != "time_utc"
    }
    changed = replace(portfolio, prices=replace(portfolio.prices, **shaken))
    s = portfolio.sessions
    early = s.arrival_utc <= portfolio.grid.times[now]
    changed = replace(changed, sessions=s.select(early))
    first = run(portfolio, views(portfolio, believed)[name])
    second = run(changed, views(changed, believed)[name])
    # Equal powers, summed to a fleet: plans of equal cost may differ car by car.
    np.testing.assert_allclose(
        first.schedule.power_kw[early][:, :now].sum(axis=0),
        second.schedule.power_kw[:, :now].sum(axis=0),
        atol=1e-6,
    )


def test_sessions_are_known_only_once_they_are_plugged_in() -> None:
    portfolio = a_portfolio(3, DAYS)
    rolled = run(portfolio, Perfect(portfolio.prices), every=4)
    active = rolled.schedule.power_kw != 0
    first_active = np.where(active.any(axis=1), active.argmax(axis=1), portfolio.grid.steps)
    arrived = portfolio.grid.position(portfolio.sessions.arrival_utc)
    assert (first_active >= np.ceil(arrived / 4 - 1e-9) * 4 - 1e-9).all()


def test_settled_energy_follows_from_settled_power() -> None:
    portfolio = a_portfolio(4, DAYS)
    rolled = run(portfolio, Perfect(portfolio.prices))
    s = portfolio.sessions
    assert (rolled.schedule.energy_kwh <= s.capacity_kwh[:, None] + 1e-6).all()
    assert (rolled.schedule.energy_kwh >= -1e-9).all()
    fed = np.maximum(rolled.schedule.power_kw, 0).sum(axis=1) / s.efficiency_discharge
    drawn = np.maximum(-rolled.schedule.power_kw, 0).sum(axis=1) * s.efficiency_charge
    end = s.energy_arrival_kwh + drawn - fed
    np.testing.assert_allclose(rolled.schedule.energy_kwh[:, -1], end, atol=1e-9)
    there = plugged_share(s, portfolio.grid) > 0
    np.testing.assert_array_equal(rolled.schedule.plugged, there)


def test_a_better_forecast_earns_more() -> None:
    portfolio = a_portfolio(5, DAYS)
    good, bad = portfolio.prices, prices(1234, portfolio.grid, DAYS)
    bad = replace(bad, import_price_per_mwh=bad.import_price_per_mwh[::-1].copy())
    costs = [
        run(portfolio, Forecast(portfolio.prices, believed, known=1)).costs.net
        for believed in (good, bad)
    ]
    assert costs[0] < costs[1]


def test_a_peak_already_paid_is_not_avoided_again() -> None:
    # The first stay cannot wait and makes a peak of 10 kW; the second may then use the cheap hour.
    stays = [Stay(0, 1, 10), Stay(1, 4, 15)]
    portfolio = by_hand(stays, [50.0, 10.0, 60.0, 70.0], demand_charge_per_kw=6.0)
    rolled = run(portfolio, Perfect(portfolio.prices))
    np.testing.assert_allclose(rolled.schedule.power_kw[0], [-10, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(rolled.schedule.power_kw[1], [0, -10, -5, 0], atol=1e-6)
    assert rolled.costs.amounts["demand_charge"] == pytest.approx(60.0)


def test_a_peak_of_another_billing_period_is_not_counted() -> None:
    stays = [Stay(0, 1, 10), Stay(24, 27, 15)]
    dear = [10.0, *[50.0] * 23, 10.0, 20.0, 30.0]
    charge = {"demand_charge_per_kw": 6.0, "demand_charge_period": "day"}
    portfolio = by_hand(stays, dear, **charge)
    rolled = run(portfolio, Perfect(portfolio.prices))
    np.testing.assert_allclose(rolled.schedule.power_kw[1, 24:], [-5, -5, -5], atol=1e-6)
    assert rolled.costs.amounts["demand_charge"] == pytest.approx(90.0)


def test_a_later_billing_period_begins_without_a_peak() -> None:
    # What is drawn on the second day is spread out, however little it is.
    stays = [Stay(0, 1, 0.4), Stay(24, 27, 1.5)]
    prices = [10.0, *[50.0] * 23, 10.0, 20.0, 30.0]
    charge = {"demand_charge_per_kw": 6.0, "demand_charge_period": "day"}
    portfolio = by_hand(stays, prices, **charge)
    rolled = run(portfolio, Perfect(portfolio.prices))
    np.testing.assert_allclose(rolled.schedule.power_kw[1, 24:], [-0.5, -0.5, -0.5], atol=1e-6)


@pytest.mark.parametrize("window", [24, 72])
def test_a_budget_is_for_the_whole_horizon_whatever_the_window(window: int) -> None:
    portfolio = a_portfolio(6, replace(DAYS, load_kw=4.0))
    free = run(portfolio, Perfect(portfolio.prices), window=window)
    drawn = site_energy(portfolio, free.schedule)[0]
    budget = np.array([drawn - 15.0, np.inf, np.inf])
    sites = replace(portfolio.sites, energy_budget_kwh=budget)
    held = run(replace(portfolio, sites=sites), Perfect(portfolio.prices), window=window)
    assert site_energy(portfolio, held.schedule)[0] <= drawn - 15.0 + 1e-5
    assert not held.assessment.overdrafts
    assert held.assessment.energy_kwh <= 1e-6
    assert held.assessment.served_share > 0.8


def test_a_budget_that_no_window_can_keep_is_told_in_the_end() -> None:
    portfolio = a_portfolio(6, replace(DAYS, load_kw=4.0))
    load = portfolio.grid.step_h * portfolio.total_load_kw[0].sum()
    sites = replace(portfolio.sites, energy_budget_kwh=np.array([0.2 * load, np.inf, np.inf]))
    portfolio = replace(portfolio, sites=sites, sessions=portfolio.sessions.without_discharge())
    rolled = run(portfolio, Perfect(portfolio.prices), every=6)
    over = site_energy(portfolio, rolled.schedule)[0] - 0.2 * load
    (told,) = rolled.assessment.overdrafts
    assert told.excess_kwh == pytest.approx(over)
    assert over >= 0.8 * load - 1e-6


def test_persistence_repeats_the_last_known_day() -> None:
    portfolio = a_portfolio(7, DAYS)
    actual = portfolio.prices
    view = Persistence(actual, known=2, day=24)
    for now in (0, 1, 10, 30, 50):
        seen = view(now, min(now + 60, 72)).import_price_per_mwh
        for i, price in enumerate(seen):
            step = now + i
            while step >= now + 2:
                step -= 24
            if step < 0:
                continue  # nothing is known yet: the known prices are repeated
            assert price == actual.import_price_per_mwh[step]
    assert set(view(0, 30).import_price_per_mwh) <= set(actual.import_price_per_mwh[:2])


def test_served_share_counts_only_what_was_owed() -> None:
    portfolio = a_portfolio(8, DAYS)
    best = plan.v2g(portfolio, options(portfolio)).schedule
    assert Assessment(portfolio, best).served_share == pytest.approx(1.0)
    idle = replace(
        best,
        energy_kwh=np.broadcast_to(
            portfolio.sessions.energy_arrival_kwh[:, None], best.energy_kwh.shape
        ),
    )
    assert Assessment(portfolio, idle).served_share == 0.0


def test_served_share_is_of_all_energy_that_is_owed_in_the_horizon() -> None:
    # Of 6 and 14 kWh owed the charger gives 6 and 10; what is owed later does not count.
    stays = [Stay(0, 1, 6), Stay(1, 2, 14), Stay(1, 9, 40)]
    portfolio = by_hand(stays, [50.0, 50.0, 50.0])
    rolled = run(portfolio, Perfect(portfolio.prices))
    assert rolled.assessment.served_share == pytest.approx(16 / 20)


@pytest.mark.parametrize(
    ("load_kw", "furthest"),
    [(-5.0, 2), (-20.0, 5), (5.0, 2), (20.0, 5)],
    ids=["fed within the limit", "fed beyond it", "drawn within the limit", "drawn beyond it"],
)
def test_a_plan_looks_as_far_as_load_will_break_a_limit_by_itself(
    monkeypatch: pytest.MonkeyPatch, load_kw: float, furthest: int
) -> None:
    stays = [Stay(0, 6, 0, feeds=True, held_kwh=20.0)]
    limits = {"import_limit_kw": 10.0, "export_limit_kw": 10.0}
    portfolio = by_hand(stays, [50.0, 90.0, 70.0, 80.0, 60.0, 75.0], **limits)
    load = np.zeros((1, 6))
    load[0, 4] = load_kw
    portfolio = replace(portfolio, load_kw=load)
    seen: list[int] = []
    again = plan.again

    def watched(known: Portfolio, *args: Any, **more: Any) -> Any:
        seen.append(known.grid.steps)
        return again(known, *args, **more)

    monkeypatch.setattr(rolling.plan, "again", watched)
    rolled = run(portfolio, Perfect(portfolio.prices), window=2)
    assert seen[0] == furthest
    assert rolled.assessment.limits_kw <= 1e-6


def test_progress_is_told_at_every_plan() -> None:
    portfolio = a_portfolio(9, DAYS)
    ticks: list[int] = []
    rolling.simulate(
        portfolio,
        Perfect(portfolio.prices),
        options(portfolio),
        window=24,
        every=6,
        tick=ticks.append,
    )
    assert ticks == list(range(0, 72, 6))


def test_negative_prices_do_not_make_each_plan_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    portfolio = a_portfolio(10, DAYS)
    low = replace(
        portfolio.prices,
        import_price_per_mwh=portfolio.prices.import_price_per_mwh - 150.0,
        export_price_per_mwh=portfolio.prices.export_price_per_mwh - 150.0,
    )
    searched: list[bool] = []
    solve = plan.solver.solve

    def watched(*args: Any, **options: Any) -> Any:
        searched.append(options["branch"])
        return solve(*args, **options)

    monkeypatch.setattr(plan.solver, "solve", watched)
    rolled = run(replace(portfolio, prices=low), Perfect(low), every=12)
    assert rolled.replans == len(searched)
    assert not any(searched)
    keeps_all(rolled)
