"""Services in a plan: by hand, from the records, and beside the plan without it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.options import Options
from evergrid.dispatch.services import plan as service_plan
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.dispatch.services.service import Service
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import CASES, Stay, a_portfolio, by_hand


def options(portfolio: Portfolio) -> Options:
    return Options(energy_plan.end_value_per_kwh(portfolio))


def regulation(steps: int, credit: float = 0.05, **changed: float) -> Service:
    made = Service("regulation", np.full(steps, credit), block_steps=2, hold_h=0.5)
    return replace(made, **changed)  # type: ignore[arg-type]


def planned(portfolio: Portfolio, service: Service, how: Options) -> ServicePlan:
    return service_plan.plan(portfolio, [service], how, alone=energy_plan.v2g(portfolio, how))


def test_a_battery_at_half_holds_its_whole_rating_and_is_paid_for_it() -> None:
    portfolio = by_hand([Stay(0, 4, 50.0, feeds=True, held_kwh=50.0)], [100.0] * 4)
    made = planned(portfolio, regulation(4), options(portfolio))
    assert made.status is Status.OPTIMAL
    assert made.held_kw[0, 0].tolist() == pytest.approx([10.0] * 4)
    assert made.award_kw[0].tolist() == pytest.approx([10.0, 10.0])
    assert made.expected_credit == pytest.approx(0.05 * 10.0 * 4)
    assert made.schedule.power_kw[0] == pytest.approx([0.0] * 4)


def test_energy_to_last_limits_what_is_held() -> None:
    portfolio = by_hand([Stay(0, 4, 3.0, feeds=True, held_kwh=3.0)], [100.0] * 4)
    # 3 kWh last half an hour at 6 kW; more must be bought, which is sold again at the same price
    dear = replace(
        portfolio, sessions=replace(portfolio.sessions, efficiency_charge=np.array([0.2]))
    )
    made = planned(dear, regulation(4, credit=0.001), options(dear))
    assert made.held_kw[0, 0].tolist() == pytest.approx([6.0] * 4)


def test_a_car_that_cannot_feed_holds_what_it_could_charge_less() -> None:
    # 20 kWh in 4 h at a flat price: 5 kW all the time, and so 5 kW both ways
    portfolio = by_hand([Stay(0, 4, 20.0)], [100.0] * 4)
    made = planned(portfolio, regulation(4, hold_h=0.0), options(portfolio))
    assert made.award_kw[0].tolist() == pytest.approx([5.0, 5.0])
    assert made.schedule.energy_kwh[0, -1] >= 20.0 - 1e-9


def test_awards_are_the_same_through_a_block_and_whole_steps_of_the_market() -> None:
    stays = [
        Stay(0, 3, 50.0, feeds=True, held_kwh=50.0),
        Stay(1, 4, 50.0, feeds=True, held_kwh=50.0),
    ]
    portfolio = by_hand(stays, [100.0] * 4)
    made = planned(portfolio, regulation(4), options(portfolio))
    # in the first and in the last hour there is one car
    assert made.award_kw[0].tolist() == pytest.approx([10.0, 10.0])
    assert made.held_kw[0].sum(axis=0) == pytest.approx(np.full(4, 10.0))
    whole = planned(portfolio, regulation(4, step_kw=4.0), options(portfolio))
    assert whole.award_kw[0].tolist() == pytest.approx([8.0, 8.0])
    none = planned(portfolio, regulation(4, least_kw=11.0), options(portfolio))
    assert none.award_kw[0].tolist() == [0.0, 0.0]
    assert none.expected_credit == 0.0


@pytest.mark.parametrize("name", ["plain", "net meter with load", "beyond the horizon"])
@pytest.mark.parametrize("seed", range(2))
def test_limits_hold_with_all_that_is_held_called_and_value_never_falls(
    name: str, seed: int
) -> None:
    portfolio = a_portfolio(seed, CASES[name])
    how = options(portfolio)
    made = planned(portfolio, regulation(portfolio.grid.steps), how)
    alone = energy_plan.v2g(portfolio, how)
    credit = portfolio.grid.step_h * 0.05 * made.held_kw.sum()
    assert made.costs.net - credit <= alone.costs.net + 1e-6
    assert made.certificate.objective == pytest.approx(made.costs.net - credit, abs=1e-6)
    sessions, base = portfolio.sessions, made.schedule
    up, down = base.power_kw + made.held_kw[0], base.power_kw - made.held_kw[0]
    assert (up <= np.where(base.plugged, sessions.max_discharge_kw[:, None], 0) + 1e-6).all()
    assert (-down <= np.where(base.plugged, sessions.max_charge_kw[:, None], 0) + 1e-6).all()
    most = base.energy_kwh + 0.5 * sessions.efficiency_charge[:, None] * made.held_kw[0]
    assert (most <= sessions.capacity_kwh[:, None] + 1e-6).all()
    least = base.energy_kwh - 0.5 / sessions.efficiency_discharge[:, None] * made.held_kw[0]
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)[:, None]
    assert (least >= np.where(base.plugged, floor, -np.inf) - 1e-6).all()
    total = made.held_kw[0].sum(axis=0).reshape(-1, 2)
    assert total[:, 0] == pytest.approx(total[:, 1], abs=1e-6)
    assert made.held_kw.sum() > 1.0


@pytest.mark.parametrize("step_kw", [0.0, 4.0])
@pytest.mark.parametrize("name", ["plain", "net meter with load"])
def test_plans_by_the_interior_point_are_those_by_highs(name: str, step_kw: float) -> None:
    portfolio = a_portfolio(1, CASES[name])
    how, sold = options(portfolio), regulation(portfolio.grid.steps, step_kw=step_kw)
    alone = energy_plan.v2g(portfolio, how)
    exact, made = (
        service_plan.plan(portfolio, [sold], replace(how, method=method), alone=alone)
        for method in ("highs", "interior_point")
    )
    assert made.status is exact.status
    assert made.net == pytest.approx(exact.net, rel=2e-6)
    assert made.certificate.bound <= exact.net + 1e-9
    assert made.certificate.keeps_limits
    assert made.award_kw[0] == pytest.approx(exact.award_kw[0], abs=1e-3)


@pytest.mark.parametrize(("step_kw", "solves"), [(1e-3, 1), (4.0, 2)])
def test_a_plan_is_made_anew_only_where_rounding_costs_more_than_the_gap(
    step_kw: float, solves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio = a_portfolio(1, CASES["plain"])
    how = replace(options(portfolio), gap=1e-3)
    solve, calls = service_plan.solver.solve, list[int]()

    def counted(*given: Any, **named: Any) -> Any:
        calls.append(1)
        return solve(*given, **named)

    alone = energy_plan.v2g(portfolio, how)
    monkeypatch.setattr(service_plan.solver, "solve", counted)
    sold = regulation(portfolio.grid.steps, step_kw=step_kw)
    made = service_plan.plan(portfolio, [sold], how, alone=alone)
    assert len(calls) == solves
    assert made.status is (Status.OPTIMAL if solves == 1 else made.status)
    assert made.certificate.objective == pytest.approx(made.costs.net - made.expected_credit)
    held = made.held_kw[0].sum(axis=0)
    assert held == pytest.approx(sold.by_step(made.award_kw[0], portfolio.grid.steps), abs=1e-6)
    shares = made.award_kw[0] / step_kw
    assert shares == pytest.approx(np.round(shares), abs=1e-4)


def test_a_method_that_does_not_cover_services_leaves_the_choice() -> None:
    portfolio = a_portfolio(1, CASES["plain"])
    how = options(portfolio)
    alone = energy_plan.v2g(portfolio, how)
    sold = [regulation(portfolio.grid.steps)]
    made = service_plan.plan(portfolio, sold, replace(how, method="device"), alone=alone)
    assert made.status is Status.OPTIMAL


def test_no_credit_holds_nothing_that_costs() -> None:
    portfolio = a_portfolio(1, CASES["plain"])
    how = options(portfolio)
    made = planned(portfolio, regulation(portfolio.grid.steps, credit=0.0), how)
    assert made.net == pytest.approx(energy_plan.v2g(portfolio, how).costs.net, abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"block_steps": 0}, "block_steps"),
        ({"hold_h": -0.5}, "hold_h"),
        ({"step_kw": np.nan}, "step_kw"),
        ({"credit_per_kw": np.array([1.0, np.nan])}, "credit_per_kw"),
    ],
)
def test_offers_that_make_no_sense_are_refused(changed: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        regulation(2, **changed)
