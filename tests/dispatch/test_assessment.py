"""What a schedule breaks is found in the records, by how much, whoever made it."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.dispatch import plan
from evergrid.dispatch.assessment import Assessment
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from tests.dispatch.cases import Stay, by_hand


def stay(*, held_kwh: float = 30.0, reserve_kwh: float = 20.0) -> tuple[Portfolio, Schedule]:
    """Four hours, of which a car of 100 kWh is there for the first three, and its plan."""
    stays = [Stay(0, 3, 40, feeds=True, held_kwh=held_kwh)]
    limits = {"import_limit_kw": 12.0, "export_limit_kw": 12.0}
    portfolio = by_hand(stays, [50.0, 90.0, 20.0, 60.0], **limits)
    sessions = replace(portfolio.sessions, energy_reserve_kwh=np.array([reserve_kwh]))
    portfolio = replace(portfolio, sessions=sessions)
    return portfolio, plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.0)).schedule


def moved(portfolio: Portfolio, like: Schedule, power_kw: list[float]) -> Assessment:
    """These powers, and the energy they make."""
    power = np.array([power_kw], float)
    energy = portfolio.sessions.energy_arrival_kwh[:, None] - np.cumsum(power, axis=1)
    return Assessment(portfolio, replace(like, power_kw=power, energy_kwh=energy))


def test_a_plan_breaks_nothing() -> None:
    portfolio, planned = stay()
    made = Assessment(portfolio, planned)
    assert (made.power_kw, made.energy_kwh, made.limits_kw) == pytest.approx((0, 0, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("power_kw", "over"),
    [
        ([-11.5, 0, 0, 0], 1.5),
        ([13.0, 0, 0, 0], 3.0),
        ([0, 0, 0, 2.5], 2.5),
        ([0, 0, 0, -0.25], 0.25),
    ],
)
def test_power_beyond_the_charger_or_after_departure(power_kw: list[float], over: float) -> None:
    portfolio, planned = stay()
    assert moved(portfolio, planned, power_kw).power_kw == pytest.approx(over)


@pytest.mark.parametrize(
    ("held_kwh", "power_kw", "over"),
    [
        (85.0, [-9, -9, 0, 0], 3.0),  # beyond the 100 kWh of the battery
        (30.0, [8, 7, -8, 0], 5.0),  # 15 kWh are 5 below the reserve of 20
        (10.0, [4, -4, 0, 0], 4.0),  # below the reserve already: it must not fall further
        (10.0, [-10, -10, 10, 0], 0.0),  # the reserve is reached, and held
        (10.0, [-10, -5, 10, 0], 5.0),  # the reserve is reached, and left again
    ],
)
def test_energy_beyond_the_battery_or_below_the_reserve(
    held_kwh: float, power_kw: list[float], over: float
) -> None:
    portfolio, planned = stay(held_kwh=held_kwh)
    assert moved(portfolio, planned, power_kw).energy_kwh == pytest.approx(over)


def test_a_reserve_is_each_session_s_own() -> None:
    stays = [Stay(0, 3, 0, feeds=True, held_kwh=10.0), Stay(0, 3, 0, feeds=True, held_kwh=25.0)]
    portfolio = by_hand(stays, [50.0, 90.0, 20.0])
    sessions = replace(portfolio.sessions, energy_reserve_kwh=np.array([20.0, 30.0]))
    portfolio = replace(portfolio, sessions=sessions)
    power = np.array([[-5.0, -3.0, 1.0], [-5.0, 0.0, 2.0]])
    energy = sessions.energy_arrival_kwh[:, None] - np.cumsum(power, axis=1)
    made = Schedule(portfolio.grid, power, energy, np.ones((2, 3), bool))
    assert Assessment(portfolio, made).energy_kwh == pytest.approx(2.0)


def test_energy_that_the_powers_do_not_make() -> None:
    portfolio, planned = stay()
    energy = planned.energy_kwh.copy()
    energy[0, 1:] += 0.75
    assert Assessment(portfolio, replace(planned, energy_kwh=energy)).energy_kwh == pytest.approx(
        0.75
    )


def test_limits_of_the_site_are_told_by_step_and_kwh() -> None:
    portfolio, planned = stay()
    load = np.array([[5.0, 0.0, -4.0, 0.0]])
    made = moved(replace(portfolio, load_kw=load), planned, [-10, 0, 10, 0])
    drawn, fed = made.overloads
    assert (drawn.limit, drawn.steps, drawn.worst_kw, drawn.excess_kwh) == ("import", 1, 3.0, 3.0)
    assert (fed.limit, fed.steps, fed.worst_kw, fed.excess_kwh) == ("export", 1, 2.0, 2.0)
    assert made.limits_kw == pytest.approx(3.0)
