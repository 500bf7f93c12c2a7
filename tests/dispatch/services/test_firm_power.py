"""Power that a fleet holds: against a fleet that runs dry tick by tick, by hand, and by laws."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.services.firm_power import equal_shares_kw, even_plan, firm_power
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLoad, Sites, no_load
from tests.dispatch.cases import a_portfolio

START = datetime(2022, 7, 4, tzinfo=UTC)
GRID = TimeGrid(START, 1.0, 6)


def portfolio(
    *cars: dict[str, float], export_kw: float = np.inf, load_kw: float = 0.0
) -> Portfolio:
    """Cars at one site; arrival and departure in hours from the start."""
    usual = {"arrive": 0, "leave": 6, "kwh": 30, "owed": 0, "reserve": 0, "feed": 10, "draw": 10}
    rows = [usual | car for car in cars]

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in rows], float)

    def hours(name: str) -> np.ndarray:
        return GRID.times[0] + (column(name) * 60).astype("timedelta64[m]")

    names = np.array([f"car-{i}" for i in range(len(rows))], dtype=object)
    one = np.ones(len(rows))
    sessions = Sessions(
        session_id=names,
        asset_id=names,
        site_id=np.array(["street"] * len(rows), dtype=object),
        arrival_utc=hours("arrive"),
        departure_utc=hours("leave"),
        capacity_kwh=60.0 * one,
        energy_arrival_kwh=column("kwh"),
        energy_departure_kwh=column("owed"),
        energy_reserve_kwh=column("reserve"),
        max_charge_kw=column("draw"),
        max_discharge_kw=column("feed"),
        efficiency_charge=one,
        efficiency_discharge=one,
        wear_cost_per_kwh=0.0 * one,
    )
    sites = Sites(
        np.array(["street"], object),
        np.array([""], object),
        np.array([np.inf]),
        np.array([export_kw]),
        np.zeros(1),
        np.zeros(1, bool),
    )
    load = no_load()
    if load_kw:
        load = SiteLoad(np.array(["street"], object), GRID.times, np.full((1, 6), load_kw))
    price = np.full(6, 50.0)
    prices = Prices(GRID.times, price, price, 0 * price, "EUR")
    return assemble(GRID, sessions, sites, load, prices)


def firm(case: Portfolio, hours: float, step: int = 0) -> tuple[float, float]:
    found = firm_power(case, even_plan(case), hours)
    return float(found.up_kw[step]), float(found.down_kw[step])


# -- a fleet that runs dry ------------------------------------------------------------------


def holds(power_kw: np.ndarray, lasts_h: np.ndarray, total_kw: float, hours: float) -> bool:
    """Whether equal shares of full power deliver so much for so long, tick by tick."""
    energy, ticks = power_kw * lasts_h, 4000
    for _ in range(ticks):
        left = power_kw[energy > 1e-9].sum()
        if left < total_kw - 1e-9:
            return False
        share = total_kw / left if left > 0 else 0.0
        energy = energy - np.where(energy > 1e-9, power_kw * share, 0.0) * hours / ticks
    return True


@pytest.mark.parametrize("seed", range(6))
def test_equal_shares_hold_what_a_fleet_delivers_that_runs_dry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    power, lasts = rng.uniform(1, 20, count), rng.uniform(0, 3, count) * rng.integers(0, 2, count)
    hours = float(rng.uniform(0.2, 2.0))
    found = float(equal_shares_kw(power[:, None], lasts[:, None], hours)[0])
    assert found <= np.minimum(power, power * lasts / hours).sum() + 1e-9
    assert holds(power, lasts, 0.995 * found, hours)
    assert not holds(power, lasts, 1.01 * found + 0.01, hours)


# -- by hand --------------------------------------------------------------------------------


def test_power_alone_is_what_chargers_give_beside_the_plan() -> None:
    case = portfolio({"kwh": 0.0, "owed": 30.0}, {"feed": 0.0})
    plan = even_plan(case)
    assert plan.power_kw[0] == pytest.approx([-5.0] * 6)
    assert plan.energy_kwh[0] == pytest.approx([0, 5, 10, 15, 20, 25])
    assert firm(case, 0.0, step=2) == pytest.approx((10.0 + 5.0, 20.0 - 5.0))


@pytest.mark.parametrize(
    ("car", "hours", "up", "down"),
    [
        ({}, 1.0, 10.0, 10.0),
        ({"kwh": 5.0}, 1.0, 5.0, 10.0),
        ({"kwh": 5.0, "reserve": 3.0}, 1.0, 2.0, 10.0),
        ({"kwh": 56.0}, 1.0, 10.0, 4.0),
        ({"leave": 1.5}, 3.0, 5.0, 5.0),  # leaves halfway
        ({"kwh": 30.0, "owed": 30.0}, 1.0, 10.0, 10.0),  # may recover until it leaves
        ({"kwh": 30.0, "owed": 30.0, "leave": 1.0}, 1.0, 0.0, 10.0),
        ({"kwh": 0.0, "owed": 60.0}, 1.0, 0.0, 0.0),  # charges at full power throughout
        ({"arrive": 0.5}, 1.0, 0.0, 0.0),  # not there through the whole step
        ({"feed": 0.0, "kwh": 0.0, "owed": 30.0}, 1.0, 5.0, 5.0),  # charges less
    ],
)
def test_one_car_holds_what_it_can_without_failing_its_driver(
    car: dict[str, float], hours: float, up: float, down: float
) -> None:
    assert firm(portfolio(car), hours) == pytest.approx((up, down))


def test_limits_of_a_site_hold_with_its_load() -> None:
    cars = ({}, {})
    assert firm(portfolio(*cars, export_kw=12.0), 0.5)[0] == pytest.approx(12.0)
    assert firm(portfolio(*cars, export_kw=12.0, load_kw=5.0), 0.5)[0] == pytest.approx(17.0)


# -- laws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_holding_longer_never_gives_more_and_order_does_not_matter(seed: int) -> None:
    case = a_portfolio(seed)
    plan = even_plan(case)
    before = firm_power(case, plan, 0.0)
    for hours in (0.1, 0.5, 1.0, 3.0):
        now = firm_power(case, plan, hours)
        assert (now.up_kw <= before.up_kw + 1e-6).all()
        assert (now.down_kw <= before.down_kw + 1e-6).all()
        before = now
    order = np.random.default_rng(seed).permutation(len(case.sessions))
    other = replace(case, sessions=case.sessions.select(order))
    again = firm_power(other, even_plan(other), 3.0)
    assert again.up_kw == pytest.approx(before.up_kw)
    assert again.down_kw == pytest.approx(before.down_kw)


@pytest.mark.parametrize("seed", range(3))
def test_the_even_plan_ends_with_what_is_owed(seed: int) -> None:
    case = a_portfolio(seed)
    plan, sessions = even_plan(case), case.sessions
    assert (plan.power_kw <= 0).all()
    assert (plan.power_kw >= -sessions.max_charge_kw[:, None] - 1e-9).all()
    into = -plan.power_kw * sessions.efficiency_charge[:, None]
    ends = plan.energy_kwh + into * plan.left_h  # the same rate until departure
    goal = np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh)
    assert np.where(plan.there, ends - goal[:, None], 0.0) == pytest.approx(0.0, abs=1e-6)


def test_a_time_below_zero_is_refused() -> None:
    case = portfolio({})
    with pytest.raises(InputError, match="at least 0"):
        firm_power(case, even_plan(case), -1.0)
