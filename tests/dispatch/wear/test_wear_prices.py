"""Prices of wear: what the ageing model adds, by another way than the code takes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from evergrid.battery.ageing import life
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import plan
from evergrid.dispatch.wear import battery_value, prices
from evergrid.dispatch.wear.assessment import WearAssessment, assess
from evergrid.dispatch.wear.battery_value import BatteryValue, Fleet
from evergrid.dispatch.wear.state_path import soc_paths, window_h
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import START, CaseSettings, Stay, a_portfolio, by_hand

DAY = CaseSettings(sessions=10, steps=48, step_h=0.5)


def value(model: str = "large_nmc", **changed: Any) -> BatteryValue:
    return replace(BatteryValue(life.named(model), 100.0, 0.8, 20.0), **changed)


def of_age(
    portfolio: Portfolio, years: float = 2.0, cycles: float = 200.0, model: str = "large_nmc"
) -> Fleet:
    count = portfolio.assets
    ages = {"age_years": np.full(count, float(years)), "full_cycles": np.full(count, float(cycles))}
    return battery_value.fleet(portfolio, value(model), **ages)


def options(portfolio: Portfolio) -> plan.Options:
    return plan.Options(plan.end_value_per_kwh(portfolio))


def lived(model: str, soc: np.ndarray, hours: float, fade: Fade) -> Fade:
    """A battery's fade after one window, by the model itself."""
    profile = Profile(hours / (soc.shape[1] - 1), soc, np.full(soc.shape, 20.0))
    return life.named(model).aged(fade, profile.refined())


# -- states of charge


def test_states_change_evenly_between_sessions_and_stay_before_and_after() -> None:
    stays = [Stay(1, 3, 20.0, held_kwh=20.0), Stay(5, 7, 10.0, held_kwh=10.0)]
    portfolio = by_hand(stays, [50.0] * 8)
    names = np.array(["car", "car"], dtype=object)
    portfolio = replace(portfolio, sessions=replace(portfolio.sessions, asset_id=names))
    planned = plan.v2g(portfolio, options(portfolio)).schedule
    path = soc_paths(portfolio, of_age(portfolio), planned)
    assert path.shape == (1, 9)
    assert path[0] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("step_h", "steps", "window"),
    [(0.25, 96, 24.0), (0.25, 672, 24.0), (0.5, 24, 12.0), (1.0, 25, 25.0), (0.25, 144, 18.0)],
)
def test_windows_are_equal_parts_of_about_a_day(step_h: float, steps: int, window: float) -> None:
    assert window_h(TimeGrid(START, step_h, steps)) == pytest.approx(window)


# -- age


@pytest.mark.parametrize("model", list(life.MODELS))
def test_the_fade_at_an_age_is_that_of_its_days_one_by_one(model: str) -> None:
    portfolio = by_hand([Stay(0, 24, 0.0, feeds=True, held_kwh=80.0)], [50.0] * 24)
    years, per_day = 60.0 / 365.25, 0.3
    found = of_age(portfolio, years, 60 * per_day, model).fade
    soc = battery_value.usual_day(battery_value.USUAL_STATE, np.array([per_day]))
    fade = Fade.new(1)
    for _ in range(60):
        fade = lived(model, soc, 24.0, fade)
    # Days one by one hold ever less energy, and so ever fewer cycles; the closed form does not.
    assert found.calendar == pytest.approx(fade.calendar, rel=1e-9)
    assert found.cycle == pytest.approx(fade.cycle, rel=0.02)


def test_a_new_battery_has_not_aged_and_capacity_is_that_of_the_session() -> None:
    portfolio = a_portfolio(1, DAY)
    fleet = of_age(portfolio, 0.0, 0.0)
    assert fleet.fade.capacity.tolist() == [1.0] * portfolio.assets
    rows = np.argsort(portfolio.sessions.asset_id.astype(str))
    assert fleet.new_kwh.tolist() == portfolio.sessions.capacity_kwh[rows].tolist()


def test_the_fade_at_the_end_of_life_leaves_that_share_of_the_capacity() -> None:
    portfolio = a_portfolio(1, DAY)
    at_end = replace(value(), slope_at="end_of_life")
    count = portfolio.assets
    fleet = battery_value.fleet(
        portfolio, at_end, age_years=np.full(count, 3.0), full_cycles=np.full(count, 400.0)
    )
    assert fleet.fade.capacity == pytest.approx(np.full(count, 0.8), abs=1e-9)


def test_a_battery_that_is_worn_out_is_refused_by_name() -> None:
    portfolio = by_hand([Stay(0, 4, 0.0, held_kwh=50.0)], [50.0] * 4)
    with pytest.raises(InputError, match="session-0") as caught:
        of_age(portfolio, 40.0, 20_000.0, "schmalstieg")
    assert "capacity" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("price_per_kwh", 0.0),
        ("price_per_kwh", np.nan),
        ("end_of_life", 80.0),
        ("end_of_life", 1.0),
        ("temperature_c", 61.0),
        ("temperature_c", -300.0),
    ],
)
def test_values_out_of_range_are_refused(field: str, wrong: float) -> None:
    with pytest.raises(InputError, match=field):
        replace(value(), **{field: wrong})


# -- prices


def test_the_expected_price_of_feeding_is_what_a_day_of_it_adds() -> None:
    # A car of 100 kWh that is full for 24 h and could feed 10 kW: 100 kWh, so half of the battery.
    portfolio = by_hand([Stay(0, 24, 100.0, feeds=True, held_kwh=100.0)], [50.0] * 24)
    fleet = of_age(portfolio)
    found = prices.expected(portfolio, value(), fleet)
    soc = battery_value.usual_day(1.0, np.array([0.5]))
    parked = lived("large_nmc", np.ones((1, 25)), 24.0, fleet.fade)
    used = lived("large_nmc", soc, 24.0, fleet.fade)
    new_kwh = 100.0 / fleet.fade.capacity[0]
    lost_kwh = new_kwh * float((used.cycle - parked.cycle)[0])
    assert found.per_kwh == pytest.approx([100.0 / 0.2 * lost_kwh / 50.0])
    assert found.per_kwh[0] > 0.001


@pytest.mark.parametrize("model", list(life.MODELS))
def test_a_kwh_held_costs_what_a_fuller_battery_loses_more(model: str) -> None:
    portfolio = by_hand([Stay(0, 24, 60.0, held_kwh=60.0)], [50.0] * 24)
    fleet = of_age(portfolio, model=model)
    found = prices.expected(portfolio, value(model), fleet).per_kwh_h[0]
    lost = [
        float(lived(model, np.full((1, 25), soc), 24.0, fleet.fade).calendar[0])
        for soc in (0.55, 0.65)
    ]
    new_kwh = 100.0 / fleet.fade.capacity[0]
    assert found == pytest.approx(500.0 * new_kwh * (lost[1] - lost[0]) / (10.0 * 24.0), rel=1e-6)


def test_old_batteries_wear_less_by_time_and_where_the_law_is_below_one_by_use() -> None:
    portfolio = by_hand([Stay(0, 24, 80.0, feeds=True, held_kwh=80.0)], [50.0] * 24)
    young = prices.expected(portfolio, value("large_lfp"), of_age(portfolio, 0.5, 30, "large_lfp"))
    old = prices.expected(portfolio, value("large_lfp"), of_age(portfolio, 8, 1500, "large_lfp"))
    assert old.per_kwh[0] < 0.7 * young.per_kwh[0]
    assert old.per_kwh_h[0] < 0.5 * young.per_kwh_h[0]


def test_prices_reach_what_the_model_says_of_the_plan_they_make() -> None:
    portfolio = a_portfolio(3, replace(DAY, room_kw=60.0))
    of, fleet = value(), of_age(portfolio)
    paid, gaps, told = prices.expected(portfolio, of, fleet), [], []
    for _ in range(8):
        priced = paid.on(portfolio)
        made = [solve(priced, options(priced)) for solve in (plan.v2g, plan.smart)]
        told = [assess(priced, of, fleet, one.schedule, one.costs) for one in made]
        by_price = told[0].costs.of_kind("wear") - told[1].costs.of_kind("wear")
        by_model = float((told[0].cost_by_model - told[1].cost_by_model).sum())
        gaps.append(abs(by_price / by_model - 1.0))
        v2g, smart = (one.schedule for one in made)
        paid = prices.at_plan(priced, of, fleet, paid, v2g=v2g, smart=smart)
    assert told[0].fed_kwh.sum() > 5.0
    assert gaps[-1] < 0.03
    assert gaps[-1] < 0.5 * gaps[0]


# -- what the model says


def assessed(portfolio: Portfolio, model: str = "large_nmc") -> WearAssessment:
    fleet = of_age(portfolio, model=model)
    made = plan.v2g(portfolio, options(portfolio))
    return assess(portfolio, value(model), fleet, made.schedule, made.costs)


def test_losses_of_several_days_are_those_of_its_days_in_a_row() -> None:
    stays = [Stay(0, 48, 90.0, feeds=True, held_kwh=50.0)]
    wave = [50.0, 200.0, 20.0, 90.0] * 12
    portfolio = by_hand(stays, wave)
    found = assessed(portfolio)
    made = plan.v2g(portfolio, options(portfolio))
    soc = np.append(0.5, made.schedule.energy_kwh[0] / 100.0)[None]
    fade = found.fleet.fade
    for part in (soc[:, :25], soc[:, 24:]):
        fade = lived("large_nmc", part, 24.0, fade)
    assert found.added.calendar == pytest.approx(fade.calendar - found.fleet.fade.calendar)
    assert found.added.cycle == pytest.approx(fade.cycle - found.fleet.fade.cycle)
    lost = found.added.calendar + found.added.cycle
    assert found.cost_by_model == pytest.approx(500.0 * found.fleet.new_kwh * lost)
    down = np.maximum(-np.diff(soc[0]), 0.0).sum()
    assert found.full_cycles == pytest.approx([down * found.fleet.fade.capacity[0]])
    others = found.costs.of_kind("cash") + found.costs.of_kind("energy_left")
    assert found.net_by_model == pytest.approx(others + found.cost_by_model.sum())


def test_batteries_that_leave_the_experiments_are_counted() -> None:
    portfolio = by_hand([Stay(0, 24, 80.0, feeds=True, held_kwh=80.0)], [50.0, 90.0] * 12)
    cold = value(temperature_c=-5.0)
    fleet = of_age(portfolio)
    made = plan.v2g(portfolio, options(portfolio))
    found = assess(portfolio, cold, fleet, made.schedule, made.costs)
    assert found.beyond["temperature"] == 1
    assert assess(portfolio, value(), fleet, made.schedule, made.costs).beyond["temperature"] == 0


def test_a_horizon_of_part_of_a_day_is_one_window() -> None:
    portfolio = a_portfolio(0, replace(DAY, steps=24))
    grid = portfolio.grid
    assert grid.end_utc - grid.start_utc == timedelta(hours=12)
    assert (assessed(portfolio).added.calendar > 0).all()
