"""Plans keep their promises: limits, service, costs in order, causes named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InfeasibleError, SolveError
from evergrid.core.status import Status
from evergrid.dispatch import plan, problem, shortfall
from evergrid.dispatch.accounts import site_power
from evergrid.engine import solver
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import plugged_share
from tests.dispatch.cases import CASES, CaseSettings, Stay, a_portfolio, by_hand, site_energy
from tests.everyday import first

seeds = st.integers(0, 10_000)


def options(portfolio: Portfolio, *, smooth: bool = False) -> plan.Options:
    return plan.Options(plan.end_value_per_kwh(portfolio), smooth=smooth)


@pytest.mark.parametrize("kind", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("seed", first(2, range(4)))
def test_accounts_and_engine_agree_on_the_cost(kind: CaseSettings, seed: int) -> None:
    portfolio = a_portfolio(seed, kind)
    made = plan.v2g(portfolio, options(portfolio))
    assert made.status is Status.OPTIMAL
    assert made.costs.net == pytest.approx(made.certificate.objective, abs=1e-8)
    assert made.certificate.bound == pytest.approx(made.costs.net, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("kind", CASES.values(), ids=CASES.keys())
@given(seed=seeds)
@settings(max_examples=6)
def test_v2g_never_costs_more_than_smart_nor_smart_than_uncontrolled(
    kind: CaseSettings, seed: int
) -> None:
    portfolio = a_portfolio(seed, kind)
    how = options(portfolio)
    smart = plan.smart(portfolio, how)
    v2g, uncontrolled = plan.v2g(portfolio, how), plan.uncontrolled(portfolio, how, smart)
    # Otherwise the strategies give different service.
    assume(not (v2g.shortfalls or smart.shortfalls or v2g.overloads))
    assert v2g.costs.net <= smart.costs.net + 1e-7
    assert smart.costs.net <= uncontrolled.costs.net + 1e-7


@pytest.mark.parametrize("kind", CASES.values(), ids=CASES.keys())
@given(seed=seeds)
@settings(max_examples=6)
def test_every_limit_is_kept_when_checked_from_the_records(kind: CaseSettings, seed: int) -> None:
    portfolio = a_portfolio(seed, kind)
    made = plan.v2g(portfolio, options(portfolio, smooth=True))
    assume(not (made.shortfalls or made.overloads))
    sessions, schedule = portfolio.sessions, made.schedule
    share = plugged_share(sessions, portfolio.grid)
    assert (schedule.power_kw <= sessions.max_discharge_kw[:, None] * share + 1e-6).all()
    assert (schedule.power_kw >= -sessions.max_charge_kw[:, None] * share - 1e-6).all()
    assert (schedule.power_kw[~schedule.plugged] == 0).all()
    energy = schedule.energy_kwh
    assert (energy <= sessions.capacity_kwh[:, None] + 1e-6).all()
    assert (energy[:, -1] >= problem.owed(portfolio).end_kwh - 1e-6).all()
    net = site_power(portfolio, schedule)
    assert (net <= portfolio.sites.export_limit_kw[:, None] + 1e-6).all()
    assert (net >= -portfolio.sites.import_limit_kw[:, None] - 1e-6).all()
    drawn = site_energy(portfolio, schedule)
    assert (drawn <= portfolio.sites.energy_budget_kwh + 1e-6).all()


def test_energy_of_the_schedule_follows_its_power() -> None:
    portfolio = a_portfolio(1)
    schedule = plan.v2g(portfolio, options(portfolio)).schedule
    s, h = portfolio.sessions, portfolio.grid.step_h
    into = np.maximum(-schedule.power_kw, 0) * s.efficiency_charge[:, None] * h
    out = np.maximum(schedule.power_kw, 0) / s.efficiency_discharge[:, None] * h
    path = s.energy_arrival_kwh[:, None] + np.cumsum(into - out, axis=1)
    arrived = np.cumsum(schedule.plugged, axis=1) > 0
    np.testing.assert_allclose(schedule.energy_kwh, np.where(arrived, path, 0.0), atol=1e-9)


def test_uncontrolled_charging_starts_at_once_at_full_power() -> None:
    portfolio = a_portfolio(2, CaseSettings(room_kw=1e6))
    how = options(portfolio)
    made = plan.uncontrolled(portfolio, how, plan.smart(portfolio, how))
    s, grid = portfolio.sessions, portfolio.grid
    share = plugged_share(s, grid)
    for i in range(len(s)):
        energy = s.energy_arrival_kwh[i]
        for t in range(grid.steps):
            room = max(0.0, s.energy_departure_kwh[i] - energy)
            full = share[i, t] * s.max_charge_kw[i]
            power = min(full, room / (s.efficiency_charge[i] * grid.step_h))
            assert made.schedule.power_kw[i, t] == pytest.approx(-power, abs=1e-9)
            energy += power * s.efficiency_charge[i] * grid.step_h


def test_uncontrolled_charging_still_serves_everyone_behind_a_tight_limit() -> None:
    portfolio = a_portfolio(3, CASES["tight"])
    how = options(portfolio)
    made = plan.uncontrolled(portfolio, how, plan.smart(portfolio, how))
    net = site_power(portfolio, made.schedule)
    assert (net >= -portfolio.sites.import_limit_kw[:, None] - 1e-6).all()
    assert (made.schedule.energy_kwh[:, -1] >= problem.owed(portfolio).end_kwh - 1e-6).all()


def test_uncontrolled_charging_asks_for_all_where_the_rest_is_short_by_rounding_alone() -> None:
    # 35 kWh by hour 6: at the end of the horizon smart charging holds the least, 15 kWh, less
    # rounding. The driver asked for 35.
    portfolio = by_hand([Stay(0, 6, 35)], [50.0, 90.0, 70.0, 80.0], import_limit_kw=9.0)
    how = plan.Options(end_value_per_kwh=0.0)
    smart = plan.smart(portfolio, how)
    held = replace(smart.schedule, energy_kwh=smart.schedule.energy_kwh - 1e-9)
    rounded = replace(smart, assessment=replace(smart.assessment, schedule=held))
    made = plan.uncontrolled(portfolio, how, rounded)
    np.testing.assert_allclose(made.schedule.power_kw[0], [-9, -9, -9, -8], atol=1e-6)


def test_uncontrolled_charging_serves_what_it_can_where_too_little_is_short_to_be_told() -> None:
    portfolio = by_hand([Stay(0, 1, 10)], [50.0, 60.0], import_limit_kw=9.9995)
    how = options(portfolio)
    smart = plan.smart(portfolio, how)
    assert not smart.shortfalls
    made = plan.uncontrolled(portfolio, how, smart)
    np.testing.assert_allclose(made.schedule.power_kw[0], [-9.9995, 0], atol=1e-6)
    assert made.assessment.limits_kw <= 1e-6


def test_an_energy_no_charger_can_deliver_is_named_with_its_cause() -> None:
    portfolio = a_portfolio(4)
    s = portfolio.sessions
    owed = s.energy_departure_kwh.copy()
    owed[5] = s.capacity_kwh[5]
    slow = s.max_charge_kw.copy()
    slow[5] = 0.5
    portfolio = replace(
        portfolio, sessions=replace(s, energy_departure_kwh=owed, max_charge_kw=slow)
    )
    made = plan.v2g(portfolio, options(portfolio))
    (item,) = made.shortfalls
    reachable = s.energy_arrival_kwh[5] + 0.5 * s.efficiency_charge[5] * s.stay_h[5]
    assert item.session_id == "session-5"
    assert item.shortfall_kwh == pytest.approx(owed[5] - reachable)
    assert "charger" in item.limit
    with pytest.raises(InfeasibleError, match=r"session-5") as caught:
        shortfall.raise_on_shortfall(made.shortfalls, made.assessment)
    assert caught.value.status is Status.INFEASIBLE


def test_a_limit_that_keeps_cars_from_their_energy_is_named() -> None:
    portfolio = a_portfolio(5)
    sites = replace(portfolio.sites, import_limit_kw=np.array([np.inf, 1.0, np.inf]))
    portfolio = replace(portfolio, sites=sites)
    no_v2g = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    made = plan.v2g(no_v2g, options(portfolio))
    assert made.shortfalls
    east = {
        s
        for s, at in zip(portfolio.sessions.session_id, portfolio.site_row, strict=True)
        if at == 1
    }
    for item in made.shortfalls:
        assert item.session_id in east
        assert item.limit == "the import limit of site east"
    delivered = -no_v2g.grid.step_h * made.schedule.power_kw[portfolio.site_row == 1].sum()
    assert delivered <= 1.0 * portfolio.grid.horizon_h + 1e-6
    assert made.certificate.node_kw <= 1e-6


def test_a_plan_that_is_not_found_at_all_names_what_gives_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portfolio = by_hand([Stay(0, 2, 40)], [50.0, 60.0], import_limit_kw=10.0)
    (short,) = plan.v2g(portfolio, options(portfolio)).shortfalls
    own = solver.solve

    def unsolved(*given: Any, **how: Any) -> Any:
        return replace(own(*given, **how), status=Status.INFEASIBLE)

    monkeypatch.setattr(solver, "solve", unsolved)
    with pytest.raises(SolveError, match="The faults name the limits") as caught:
        plan.v2g(portfolio, options(portfolio))
    (fault,) = caught.value.faults
    assert fault.ids == (short.session_id,)
    assert short.limit in fault.rule


@pytest.mark.parametrize(
    ("load_kw", "field", "way"),
    [
        (14.0, "import_limit_kw", "Raise the limit or lower the load."),
        (-14.0, "export_limit_kw", "site_generation that may be curtailed"),
    ],
)
def test_a_limit_that_load_or_generation_exceeds_is_refused_with_its_way_out(
    load_kw: float, field: str, way: str
) -> None:
    limits = {"import_limit_kw": 10.0, "export_limit_kw": 10.0}
    portfolio = by_hand([Stay(0, 1, 0)], [50.0, 60.0], **limits)
    made = plan.v2g(replace(portfolio, load_kw=np.array([[0.0, load_kw]])), options(portfolio))
    assert made.status is Status.LIMITS_EXCEEDED
    with pytest.raises(InfeasibleError, match="exceeded by 4 kWh") as caught:
        shortfall.raise_on_shortfall(made.shortfalls, made.assessment)
    (fault,) = caught.value.faults
    assert fault.field == field
    assert way in fault.fix


def test_a_load_beyond_its_limit_is_reported_and_the_cars_help() -> None:
    portfolio = a_portfolio(6)
    load = np.zeros_like(portfolio.load_kw)
    load[1, 10:14] = 60.0
    portfolio = replace(portfolio, load_kw=load)
    made = plan.v2g(portfolio, options(portfolio))
    (overload,) = [item for item in made.overloads if item.site_id == "east"]
    assert overload.steps == 4
    helped = made.schedule.power_kw[portfolio.site_row == 1][:, 10:14].sum(axis=0)
    assert overload.worst_kw == pytest.approx(60 - 25 - helped.min(), abs=1e-5)
    assert (helped >= -1e-9).all()
    assert helped.sum() > 5


def test_a_short_horizon_does_not_sell_the_cars_empty() -> None:
    portfolio = a_portfolio(7, CaseSettings(overhang=True, wear=0.0))
    s = portfolio.sessions
    staying = replace(
        s,
        departure_utc=s.departure_utc + np.timedelta64(7, "D"),
        energy_departure_kwh=s.energy_arrival_kwh,
    )
    portfolio = replace(portfolio, sessions=staying)
    valued = plan.v2g(portfolio, options(portfolio))
    free = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0, smooth=False))
    held = valued.schedule.energy_kwh[:, -1].sum()
    assert free.schedule.energy_kwh[:, -1].sum() < 0.6 * s.energy_arrival_kwh.sum()
    assert held > 0.9 * s.energy_arrival_kwh.sum()


def test_a_car_that_arrives_below_its_reserve_is_not_discharged_further() -> None:
    portfolio = a_portfolio(8)
    s = portfolio.sessions
    high = replace(s, energy_reserve_kwh=0.95 * s.capacity_kwh)
    made = plan.v2g(replace(portfolio, sessions=high), options(portfolio))
    energy = np.where(made.schedule.plugged, made.schedule.energy_kwh, np.inf)
    assert (energy.min(axis=1) >= s.energy_arrival_kwh - 1e-6).all()


def test_a_net_meter_lets_cars_carry_the_load_of_their_building() -> None:
    portfolio = a_portfolio(9, CASES["net meter with load"])
    dear = replace(
        portfolio.prices, import_price_per_mwh=portfolio.prices.export_price_per_mwh + 500.0
    )
    metered = replace(portfolio, prices=dear)
    plugs = replace(metered, sites=replace(metered.sites, net_metering=np.zeros(3, dtype=bool)))
    behind = portfolio.site_row == 1
    fed = {
        name: np.maximum(plan.v2g(p, options(p)).schedule.power_kw[behind], 0).sum()
        for name, p in {"metered": metered, "plugs": plugs}.items()
    }
    assert fed["metered"] > fed["plugs"]


def test_a_demand_charge_lowers_the_peak() -> None:
    portfolio = a_portfolio(10, CaseSettings(room_kw=60.0))
    charged = replace(
        portfolio,
        sites=replace(portfolio.sites, demand_charge_per_kw=np.array([5.0, 0.0, 0.0])),
    )
    peaks = [
        -site_power(p, plan.v2g(p, options(p)).schedule)[0].min() for p in (portfolio, charged)
    ]
    assert peaks[1] < 0.7 * peaks[0]


@pytest.mark.parametrize("method", ["highs", "interior_point"])
def test_a_demand_charge_may_be_for_the_mean_of_the_highest_hours(method: solver.Method) -> None:
    # 10 kWh in the first hour cannot wait. With the highest alone the second stay may then draw up
    # to 10 kW for nothing; as a mean of two, a second high hour is paid for as well.
    stays = [Stay(0, 1, 10), Stay(1, 4, 12)]
    charge = {"demand_charge_per_kw": 6.0, "demand_charge_peaks": 2}
    portfolio = by_hand(stays, [10.0, 10.0, 20.0, 30.0], **charge)
    made = plan.v2g(portfolio, replace(options(portfolio), method=method))
    np.testing.assert_allclose(made.schedule.power_kw[1], [0, -4, -4, -4], atol=1e-3)
    assert made.costs.amounts["demand_charge"] == pytest.approx(6.0 * (10 + 4) / 2, abs=1e-2)
    alone = by_hand(stays, [10.0, 10.0, 20.0, 30.0], demand_charge_per_kw=6.0)
    assert problem.build(alone, 0.0).program.peak_count is None  # every method covers it whole
    single = plan.v2g(alone, replace(options(alone), method=method))
    np.testing.assert_allclose(single.schedule.power_kw[1], [0, -10, -2, 0], atol=1e-3)
    assert single.costs.amounts["demand_charge"] == pytest.approx(60.0, abs=1e-2)


def test_a_stay_beyond_the_horizon_owes_by_then_what_no_later_hour_can_give() -> None:
    # 35 kWh by hour 6, of which 2 h of 10 kW come after the horizon: 15 kWh are owed at its end.
    portfolio = by_hand([Stay(0, 6, 35)], [50.0, 90.0, 70.0, 80.0])
    assert problem.owed(portfolio).end_kwh == pytest.approx([15.0])
    made = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0, smooth=False))
    np.testing.assert_allclose(made.schedule.power_kw[0], [-10, 0, -5, 0], atol=1e-7)


def test_the_price_of_a_limit_is_what_a_megawatt_hour_of_room_saves() -> None:
    portfolio = by_hand([Stay(0, 3, 15)], [20.0, 50.0, 90.0], import_limit_kw=8.0)
    made = plan.v2g(portfolio, options(portfolio))
    np.testing.assert_allclose(made.schedule.power_kw[0], [-8, -7, 0], atol=1e-7)
    np.testing.assert_allclose(made.shadow_price_per_mwh[0], [30.0, 0.0, 0.0], atol=1e-6)
    wider = replace(portfolio.sites, import_limit_kw=np.array([9.0]))
    easier = plan.v2g(replace(portfolio, sites=wider), options(portfolio))
    assert made.costs.net - easier.costs.net == pytest.approx(0.030, abs=1e-9)


def test_a_gap_that_is_left_open_is_told() -> None:
    portfolio = a_portfolio(13, CaseSettings(sessions=40))
    best = plan.v2g(portfolio, options(portfolio))
    rough = replace(options(portfolio), method="interior_point", gap=0.05)
    made = plan.v2g(portfolio, rough)
    assert made.certificate.bound < best.certificate.objective - 1e-6
    assert made.certificate.bound < made.costs.net
    assert 1e-6 < made.certificate.gap <= 0.05


def test_no_time_is_an_error_that_says_so() -> None:
    portfolio = a_portfolio(11, CaseSettings(sessions=200))
    with pytest.raises(SolveError, match="time_limit_s"):
        plan.v2g(portfolio, replace(options(portfolio), time_limit_s=1e-6))


def with_budget(portfolio: Portfolio, feeder_kwh: float) -> Portfolio:
    budget = np.array([feeder_kwh, np.inf, np.inf])
    return replace(portfolio, sites=replace(portfolio.sites, energy_budget_kwh=budget))


def test_a_budget_costs_what_its_price_says_and_is_kept_by_every_strategy() -> None:
    portfolio = a_portfolio(12, CaseSettings(load_kw=4.0))
    free = plan.v2g(portfolio, options(portfolio))
    drawn = site_energy(portfolio, free.schedule)[0]
    assert not free.budget_price_per_mwh.any()
    held, wider = (with_budget(portfolio, drawn - less) for less in (2.0, 1.999))
    made, more = plan.v2g(held, options(held)), plan.v2g(wider, options(wider))
    assert site_energy(held, made.schedule)[0] == pytest.approx(drawn - 2.0)
    price = made.budget_price_per_mwh[0] / 1000
    assert price > 0
    assert made.costs.net - more.costs.net == pytest.approx(0.001 * price, rel=1e-3)
    smart = plan.smart(held, options(held))
    for other in (smart, plan.uncontrolled(held, options(held), smart)):
        assert site_energy(held, other.schedule)[0] <= drawn - 2.0 + 1e-5


def test_a_budget_that_keeps_cars_from_their_energy_is_named() -> None:
    portfolio = a_portfolio(5)
    portfolio = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    s = portfolio.sessions
    owed = np.maximum(problem.owed(portfolio).end_kwh - s.energy_arrival_kwh, 0.0)
    needed = float((owed / s.efficiency_charge).sum())
    held = with_budget(portfolio, needed - 20.0)
    made = plan.v2g(held, options(held))
    assert {item.limit for item in made.shortfalls} == {"the energy budget of site feeder"}
    best, worst = (20.0 * efficiency for efficiency in (s.efficiency_charge.min(), 0.97))
    assert best <= made.shortfall_kwh <= worst
    assert made.certificate.energy_kwh <= 1e-6
    assert not made.overdrafts
    with pytest.raises(InfeasibleError, match="the energy budget of site feeder"):
        shortfall.raise_on_shortfall(made.shortfalls, made.assessment)


@pytest.mark.parametrize("method", ["highs", "interior_point"])
def test_a_load_beyond_its_budget_is_reported_and_the_cars_help(method: solver.Method) -> None:
    portfolio = a_portfolio(6)
    load = np.zeros_like(portfolio.load_kw)
    load[1] = 10.0
    portfolio = with_budget(replace(portfolio, load_kw=load), 50.0)
    made = plan.v2g(portfolio, replace(options(portfolio), method=method, gap=1e-4))
    (item,) = made.overdrafts
    helped = portfolio.grid.step_h * made.schedule.power_kw.sum()
    assert helped >= -1e-6  # service comes first, but not beyond what the load exceeds alone
    assert item.site_id == "feeder"
    assert item.excess_kwh == pytest.approx(240.0 - helped - 50.0, abs=0.01)
    refused = r"energy_budget_kwh must be .* got 50 for feeder"
    with pytest.raises(InfeasibleError, match=refused):
        shortfall.raise_on_shortfall(made.shortfalls, made.assessment)
    with pytest.raises(InfeasibleError, match=r"limit\. Energy budgets are exceeded"):
        shortfall.raise_on_shortfall((), made.assessment)


def test_wear_that_rises_spreads_what_is_fed() -> None:
    flat, rising = (
        a_portfolio(3, CaseSettings(wear=0.0)),
        a_portfolio(3, CaseSettings(wear=0.0, wear_rise=0.004)),
    )
    plans = [plan.v2g(portfolio, options(portfolio)) for portfolio in (flat, rising)]
    fed = [np.maximum(made.schedule.power_kw, 0) for made in plans]
    assert fed[1].sum() > 0.2 * fed[0].sum()
    spread = [(power**2).sum() / power.sum() for power in fed]
    assert spread[1] < 0.8 * spread[0]
    assert plans[1].costs.amounts["wear"] > 0 == plans[0].costs.amounts["wear"]


def test_wear_that_rises_is_nothing_to_chargers_that_cannot_feed() -> None:
    portfolio = a_portfolio(3, CaseSettings(wear_rise=0.004))
    one_way = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    assert problem.build(portfolio, 0.0).program.curves is not None
    assert problem.build(one_way, 0.0).program.curves is None
