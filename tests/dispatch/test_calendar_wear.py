"""Energy held costs wear by time, warranties limit what is fed: by hand and from the records."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.dispatch import forecast, plan, rolling
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.assessment import Assessment
from evergrid.model.batteries.warranty import Warranties
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import CASES, Stay, a_portfolio, by_hand


def held(portfolio: Portfolio, per_kwh_h: float) -> Portfolio:
    """The same with that cost of wear by time for every session."""
    price = np.full(len(portfolio.sessions), per_kwh_h)
    return replace(portfolio, sessions=replace(portfolio.sessions, calendar_wear_per_kwh_h=price))


def options(portfolio: Portfolio) -> plan.Options:
    return plan.Options(plan.end_value_per_kwh(portfolio))


def test_energy_is_charged_late_where_holding_it_costs_more_than_the_price_rises() -> None:
    # 10 kWh for the last hour of four, at 100, 101, 102, 103 per MWh: each hour earlier saves .01.
    portfolio = by_hand([Stay(0, 4, 10.0)], [100.0, 101.0, 102.0, 103.0])
    early = plan.v2g(portfolio, options(portfolio))
    assert early.schedule.power_kw[0].tolist() == pytest.approx([-10, 0, 0, 0])
    dear = held(portfolio, 0.0002)  # .002 for 10 kWh and an hour
    assert plan.v2g(dear, options(dear)).schedule.power_kw[0].tolist() == pytest.approx(
        [-10, 0, 0, 0]
    )
    dearer = held(portfolio, 0.002)
    late = plan.v2g(dearer, options(dearer))
    assert late.schedule.power_kw[0].tolist() == pytest.approx([0, 0, 0, -10])
    # 5 kWh on average over the last hour
    assert late.costs.amounts["calendar_wear"] == pytest.approx(0.002 * 5.0)
    assert late.costs.net == pytest.approx(1.03 + 0.01)
    assert late.certificate.bound == pytest.approx(1.04, abs=1e-7)


def test_a_stay_that_begins_within_a_step_holds_energy_for_that_part_alone() -> None:
    portfolio = held(by_hand([Stay(0.5, 2, 0.0, held_kwh=8.0)], [100.0, 100.0]), 0.01)
    made = plan.v2g(portfolio, options(portfolio))
    assert made.costs.amounts["calendar_wear"] == pytest.approx(0.01 * 8.0 * 1.5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["highs", "interior_point"])
def test_the_cost_of_holding_is_that_of_plain_loops(seed: int, method: str) -> None:
    portfolio = a_portfolio(seed, CASES["wear by time"])
    how = plan.Options(plan.end_value_per_kwh(portfolio), method=method)  # type: ignore[arg-type]
    made = plan.v2g(portfolio, how)
    assert made.status is Status.OPTIMAL
    sessions, grid, total = portfolio.sessions, portfolio.grid, 0.0
    for row in range(len(sessions)):
        before = sessions.energy_arrival_kwh[row]
        for step, begin in enumerate(grid.times):
            end = begin + np.timedelta64(round(3600 * grid.step_h), "s")
            inside = min(end, sessions.departure_utc[row]) - max(begin, sessions.arrival_utc[row])
            hours = inside / np.timedelta64(1, "h")
            if hours > 0:
                after = made.schedule.energy_kwh[row, step]
                total += sessions.calendar_wear_per_kwh_h[row] * hours * (before + after) / 2
                before = after
    assert total > 0.1
    assert made.costs.amounts["calendar_wear"] == pytest.approx(total, rel=1e-9)
    assert made.costs.net == pytest.approx(made.certificate.bound, rel=2e-6, abs=2e-6)


def feeders(sessions: int) -> Portfolio:
    """Stays of one car after another, which could each sell 40 kWh at a gain and buy it back."""
    stays = [Stay(4 * k, 4 * k + 4, 50.0, feeds=True, held_kwh=50.0) for k in range(sessions)]
    made = by_hand(stays, [300.0, 300.0, 100.0, 100.0] * sessions)
    names = np.full(sessions, "car", dtype=object)
    return replace(made, sessions=replace(made.sessions, asset_id=names))


def test_a_warranty_is_shared_by_all_stays_of_a_car_and_spent_where_it_earns_most() -> None:
    portfolio = feeders(3)
    free = plan.v2g(portfolio, options(portfolio))
    assert Assessment(portfolio, free.schedule).fed_kwh == pytest.approx([20.0, 20.0, 20.0])
    limited = replace(portfolio, warranties=Warranties(np.array(["car"], object), np.array([25.0])))
    made = plan.v2g(limited, options(limited))
    assert made.status is Status.OPTIMAL
    assert made.assessment.fed_kwh.sum() == pytest.approx(25.0, abs=1e-6)
    assert made.costs.net - free.costs.net == pytest.approx(0.2 * 35.0)
    assert made.certificate.bound == pytest.approx(made.costs.net, abs=1e-6)


def test_a_schedule_that_feeds_beyond_a_warranty_breaks_a_limit_of_energy() -> None:
    portfolio = feeders(2)
    free = plan.v2g(portfolio, options(portfolio))
    limited = replace(portfolio, warranties=Warranties(np.array(["car"], object), np.array([25.0])))
    assert Assessment(limited, free.schedule).energy_kwh == pytest.approx(15.0)


def test_a_rolling_plan_spends_what_is_left_of_a_warranty() -> None:
    portfolio = feeders(3)
    limited = replace(portfolio, warranties=Warranties(np.array(["car"], object), np.array([25.0])))
    view = forecast.Perfect(limited.prices)
    made = rolling.simulate(limited, view, options(limited), window=4, every=1)
    assert made.assessment.fed_kwh.tolist() == pytest.approx([20.0, 5.0, 0.0], abs=1e-6)
    assert made.costs.net == pytest.approx(
        costs(limited, made.schedule, options(limited).end_value_per_kwh).net
    )


def test_assets_without_a_warranty_and_warranties_without_a_car_are_left_alone() -> None:
    portfolio = feeders(2)
    others = Warranties(np.array(["another"], object), np.array([0.0]))
    made = plan.v2g(replace(portfolio, warranties=others), options(portfolio))
    assert made.assessment.fed_kwh.sum() == pytest.approx(40.0, abs=1e-6)


@pytest.mark.parametrize(
    ("names", "fed", "said"),
    [
        (["a", "a"], [1.0, 2.0], "unique"),
        (["a", "b"], [1.0, -2.0], "fed_kwh must be at least 0"),
        (["a", "b"], [1.0, np.nan], "fed_kwh"),
    ],
)
def test_warranties_that_break_rules_are_refused(
    names: list[str], fed: list[float], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Warranties(np.array(names, object), np.array(fed))
