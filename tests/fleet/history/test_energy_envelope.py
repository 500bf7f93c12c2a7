"""The envelope holds whatever a session can do, and both its edges can be reached."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from evergrid.core.arrays import Array
from evergrid.dispatch import plan
from evergrid.fleet.history.energy_envelope import (
    SustainedPower,
    energy_envelope,
    fleet_envelope,
    sustained,
)
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import plugged_share
from evergrid.model.session import Sessions
from tests.dispatch.cases import CASES, CaseSettings, a_portfolio
from tests.model.cases import make_sessions

ARRIVAL = np.datetime64("2024-01-10", "us")
HOUR = np.timedelta64(1, "h")
MINUTE = np.timedelta64(1, "m").astype("timedelta64[us]")


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_every_plan_stays_inside(seed: int) -> None:
    portfolio = a_portfolio(seed, CaseSettings())
    made = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.1, smooth=False)).schedule
    lowest, highest = energy_envelope(portfolio.sessions, portfolio.grid)
    inside = made.plugged & (plugged_share(portfolio.sessions, portfolio.grid) > 1e-6)
    assert (made.energy_kwh >= lowest - 1e-6)[inside].all()
    assert (made.energy_kwh <= highest + 1e-6)[inside].all()


def test_lowest_is_never_above_highest_and_both_are_zero_when_away() -> None:
    for kind in CASES.values():
        portfolio = a_portfolio(3, kind)
        lowest, highest = energy_envelope(portfolio.sessions, portfolio.grid)
        away = plugged_share(portfolio.sessions, portfolio.grid) == 0
        assert (lowest <= highest + 1e-9).all()
        assert (lowest[away] == 0).all()
        assert (highest[away] == 0).all()


def test_full_power_from_arrival_follows_the_upper_edge() -> None:
    portfolio = a_portfolio(4, CaseSettings())
    sessions, grid = portfolio.sessions, portfolio.grid
    _, highest = energy_envelope(sessions, grid)
    path = _full_power(portfolio)
    plugged = plugged_share(sessions, grid) > 0
    np.testing.assert_allclose(highest[plugged], path[plugged], atol=1e-9)


def test_what_is_owed_at_departure_lifts_the_lower_edge() -> None:
    portfolio = a_portfolio(5, CaseSettings())
    sessions, grid = portfolio.sessions, portfolio.grid
    lowest, _ = energy_envelope(sessions, grid)
    _, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    last = lowest[np.arange(len(sessions)), stop - 1]
    assert (last >= sessions.energy_departure_kwh - 1e-6).all()


def test_the_fleet_has_the_sum_of_its_sessions() -> None:
    for kind in CASES.values():
        portfolio = a_portfolio(6, kind)
        each = energy_envelope(portfolio.sessions, portfolio.grid)
        fleet = fleet_envelope(portfolio.sessions, portfolio.grid)
        for edge, total in zip(each, fleet, strict=True):
            np.testing.assert_allclose(total, edge.sum(axis=0), atol=1e-9)


def _full_power(portfolio: Portfolio) -> Array:
    """Energy of each session that charges at full power until it is full."""
    sessions, grid = portfolio.sessions, portfolio.grid
    hours = plugged_share(sessions, grid) * grid.step_h
    path = np.zeros(hours.shape)
    for i in range(len(sessions)):
        energy = sessions.energy_arrival_kwh[i]
        for t in range(grid.steps):
            gained = hours[i, t] * sessions.max_charge_kw[i] * sessions.efficiency_charge[i]
            energy = min(sessions.capacity_kwh[i], energy + gained)
            path[i, t] = energy
    return path


def _random_sessions(seed: int, count: int = 12) -> Sessions:
    """Sessions of all sorts: one-way, below their reserve, owed more than can be charged."""
    draw = np.random.default_rng(seed)
    capacity = draw.uniform(20, 100, count)
    start, owed, reserve = draw.uniform(0, 1, (3, count)) * capacity
    stay = draw.integers(30, 900, count)
    return make_sessions(
        count,
        arrival_utc=ARRIVAL + draw.integers(0, 120, count) * MINUTE,
        departure_utc=ARRIVAL + (120 + stay) * MINUTE,
        capacity_kwh=capacity,
        energy_arrival_kwh=start,
        energy_departure_kwh=owed,
        energy_reserve_kwh=reserve * draw.choice([0.0, 0.3, 1.0], count),
        max_charge_kw=draw.uniform(2, 30, count),
        max_discharge_kw=draw.uniform(2, 30, count) * (draw.random(count) < 0.75),
        efficiency_charge=draw.uniform(0.7, 1, count),
        efficiency_discharge=draw.uniform(0.7, 1, count),
    )


def _stated(seed: int, sessions: Sessions) -> Array:
    """Departures that drivers said, up to two hours off on either side."""
    draw = np.random.default_rng(seed + 1)
    off = draw.integers(-120, 120, len(sessions)) * MINUTE
    return np.maximum(sessions.departure_utc + off, sessions.arrival_utc + MINUTE)


def _instants(every_minutes: int = 45, count: int = 20) -> Array:
    return ARRIVAL + np.arange(count) * every_minutes * MINUTE


def _hours(span: Any) -> Any:
    return span / np.timedelta64(1, "h")


def _optimum(
    sessions: Sessions, stated: Array, instant: Any, hold_h: float, *, steps: int = 1
) -> tuple[float, float]:
    """Most and least constant power of all together, by a linear program over steps of the hold.

    Each vehicle has a charging and a discharging power in each step, and the energy before the
    hold from a simulation, minute by minute. Those that cannot keep their promise charge at
    full power. For the least power nobody discharges.
    """
    before, after = _before(sessions, instant), _hours(stated - instant) - hold_h
    eta_in, eta_out = sessions.efficiency_charge, sessions.efficiency_discharge
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)
    owed = sessions.energy_departure_kwh - sessions.max_charge_kw * eta_in * after
    most = np.minimum(sessions.capacity_kwh, before + sessions.max_charge_kw * eta_in * hold_h)
    last = np.minimum(np.maximum(floor, owed), most)
    count, step_h = len(sessions), hold_h / steps
    # Columns: charging by vehicle and step, discharging alike, the constant power.
    until = np.tril(np.ones((steps, steps))) * step_h
    gained = np.hstack([np.kron(np.diag(eta_in), until), np.kron(np.diag(-1 / eta_out), until)])
    low = np.repeat(floor[:, None], steps, axis=1)
    low[:, -1] = last
    limits = np.concatenate(
        [
            np.repeat(sessions.capacity_kwh - before, steps),
            np.repeat(before, steps) - low.ravel(),
        ]
    )
    paths = np.hstack([np.vstack([gained, -gained]), np.zeros((2 * count * steps, 1))])
    net = np.kron(np.ones(count), np.eye(steps))
    together = np.hstack([-net, net, -np.ones((steps, 1))])
    found = []
    for sign in (-1.0, 1.0):
        give = np.repeat(sessions.max_discharge_kw * (sign < 0), steps)
        take = np.repeat(sessions.max_charge_kw, steps)
        bounds = [(0.0, top) for top in np.concatenate([take, give])] + [(None, None)]
        cost = np.append(np.zeros(2 * count * steps), sign)
        made = linprog(cost, paths, limits + 1e-9, together, np.zeros(steps), bounds=bounds)
        assert made.status == 0, made.message
        found.append(float(made.x[-1]))
    return found[0], found[1]


def _before(sessions: Sessions, instant: np.datetime64) -> Array:
    """Energy at an instant after charging as early as possible up to what is owed."""
    energy = sessions.energy_arrival_kwh.copy()
    gain = sessions.max_charge_kw * sessions.efficiency_charge / 60
    for minute in range(round(float(_hours(instant - ARRIVAL) * 60))):
        there = sessions.arrival_utc <= ARRIVAL + minute * MINUTE
        more = np.minimum(energy + gain, np.maximum(sessions.energy_departure_kwh, energy))
        energy = np.where(there, more, energy)
    return energy


@given(seed=st.integers(0, 10_000), hold_h=st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=8)
def test_sustained_power_is_the_optimum_of_a_linear_program(seed: int, hold_h: float) -> None:
    sessions = _random_sessions(seed, 8)
    stated, instants = _stated(seed, sessions), _instants(135, 6)
    found = sustained(sessions, instants, hold_h, stated_utc=stated)
    for row, (session, at) in enumerate(zip(found.session, found.instant, strict=True)):
        one = sessions.select(np.array([session]))
        high, low = _optimum(one, stated[[session]], instants[at], hold_h)
        assert found.high_kw[row] == pytest.approx(high, abs=1e-5)
        assert found.low_kw[row] == pytest.approx(low, abs=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_a_fleet_gains_nothing_by_sharing_a_constant_power_unevenly_over_the_hold(
    seed: int,
) -> None:
    sessions, at = _random_sessions(seed), ARRIVAL + 120 * MINUTE
    staying = sessions.select(sessions.departure_utc >= at + 120 * MINUTE)
    found = sustained(staying, np.array([at]), 2.0)
    assert len(found.session) == len(staying)
    high, _ = _optimum(staying, staying.departure_utc, at, 2.0, steps=4)
    assert found.high_kw.sum() == pytest.approx(high, abs=1e-4)


@given(seed=st.integers(0, 10_000), hold_h=st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=20)
def test_feeding_then_recharging_leaves_with_what_is_owed(seed: int, hold_h: float) -> None:
    sessions = _random_sessions(seed)
    stated, instants = _stated(seed, sessions), _instants()
    found = sustained(sessions, instants, hold_h, stated_utc=stated)
    row = found.session
    left_h = _hours(stated[row] - instants[found.instant])
    rate = sessions.max_charge_kw * sessions.efficiency_charge
    reachable = np.minimum(
        sessions.energy_departure_kwh[row], found.energy_kwh + rate[row] * left_h
    )
    after = found.energy_kwh - _out_of_cells(sessions, found, found.high_kw) * hold_h
    assert (
        after >= np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)[row] - 1e-6
    ).all()
    assert (after + rate[row] * (left_h - hold_h) >= reachable - 1e-6).all()
    full = found.energy_kwh - _out_of_cells(sessions, found, found.low_kw) * hold_h
    assert (full <= sessions.capacity_kwh[row] + 1e-6).all()


def _out_of_cells(sessions: Sessions, found: SustainedPower, power_kw: Array) -> Array:
    eta_in = sessions.efficiency_charge[found.session]
    eta_out = sessions.efficiency_discharge[found.session]
    return np.where(power_kw > 0, power_kw / eta_out, power_kw * eta_in)


@given(seed=st.integers(0, 10_000), hold_h=st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=20)
def test_the_baseline_lies_between_the_least_and_the_most_power(seed: int, hold_h: float) -> None:
    sessions = _random_sessions(seed)
    found = sustained(sessions, _instants(), hold_h, stated_utc=_stated(seed, sessions))
    assert (found.low_kw <= found.baseline_kw + 1e-9).all()
    assert (found.baseline_kw <= found.high_kw + 1e-9).all()
    np.testing.assert_allclose(found.up_kw + found.down_kw, found.high_kw - found.low_kw, atol=1e-8)
    assert (found.high_kw <= sessions.max_discharge_kw[found.session]).all()
    assert (found.low_kw >= -sessions.max_charge_kw[found.session]).all()


@given(seed=st.integers(0, 10_000), hold_h=st.floats(0.25, 3.0), longer=st.floats(1.0, 3.0))
@settings(max_examples=20)
def test_a_longer_hold_never_allows_more(seed: int, hold_h: float, longer: float) -> None:
    sessions, instants = _random_sessions(seed), _instants()
    short, long = (sustained(sessions, instants, hold_h * by) for by in (1.0, longer))
    key = short.session * len(instants) + short.instant
    at = np.searchsorted(key, long.session * len(instants) + long.instant)
    np.testing.assert_array_equal(key[at], long.session * len(instants) + long.instant)
    assert (long.high_kw <= short.high_kw[at] + 1e-6).all()
    assert (long.low_kw >= short.low_kw[at] - 1e-6).all()


@given(seed=st.integers(0, 10_000), hold_h=st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=20)
def test_exactly_those_count_that_stay_and_say_they_stay_for_the_whole_hold(
    seed: int, hold_h: float
) -> None:
    sessions, instants = _random_sessions(seed), _instants()
    stated = _stated(seed, sessions)
    found = sustained(sessions, instants, hold_h, stated_utc=stated)
    counted = np.zeros((len(sessions), len(instants)), dtype=bool)
    counted[found.session, found.instant] = True
    leaves = np.minimum(sessions.departure_utc, stated)[:, None]
    there = (instants >= sessions.arrival_utc[:, None]) & (
        instants + round(hold_h * 60) * MINUTE <= leaves
    )
    np.testing.assert_array_equal(counted, there)
    assert len(found.session) == there.sum()


def test_a_departure_stated_earlier_leaves_less_to_give() -> None:
    car = make_sessions(1, energy_arrival_kwh=[50.0])  # owed 50, stays 24 h, gains 10.45 kW
    at = np.array([ARRIVAL])
    said = np.array([ARRIVAL + 90 * MINUTE])
    assert sustained(car, at, 1.0).high_kw[0] == pytest.approx(7.0)
    # Half an hour is left to recharge: 5.225 kWh from the cells, 0.9 of it at the plug.
    assert sustained(car, at, 1.0, stated_utc=said).high_kw[0] == pytest.approx(5.225 * 0.9)
    assert len(sustained(car, at, 2.0, stated_utc=said).high_kw) == 0


@pytest.mark.parametrize("seed", range(6))
def test_what_holds_both_ways_follows_any_signal_and_serves_the_driver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sessions = a_portfolio(seed, CASES["plain"]).sessions
    first = sessions.arrival_utc.min()
    instants = first + np.arange(48) * 30 * MINUTE
    hours, ticks = 1.0, 60
    found = sustained(sessions, instants, hours)
    assert (found.both_kw > 0.5).any()
    row = found.session
    into, out = sessions.efficiency_charge[row], sessions.efficiency_discharge[row]
    after_h = (sessions.departure_utc[row] - instants[found.instant]) / HOUR - hours
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)[row]
    held = found.both_kw > 0
    for signal in (
        np.ones(ticks),
        -np.ones(ticks),
        rng.uniform(-1, 1, ticks),
        np.sign(rng.normal(size=ticks)),
        np.repeat([1.0, -1.0], ticks // 2),
        np.repeat([-1.0, 1.0], ticks // 2),
    ):
        energy = found.energy_kwh.copy()
        for share in signal:
            power = found.baseline_kw + share * found.both_kw
            assert (power <= sessions.max_discharge_kw[row] + 1e-9)[held].all()
            assert (-power <= sessions.max_charge_kw[row] + 1e-9)[held].all()
            energy -= np.where(power > 0, power / out, power * into) * hours / ticks
            assert (energy >= floor - 1e-6)[held].all()
            assert (energy <= sessions.capacity_kwh[row] + 1e-6)[held].all()
        reached = energy + sessions.max_charge_kw[row] * into * np.maximum(after_h, 0.0)
        assert (reached >= sessions.energy_departure_kwh[row] - 1e-6)[held].all()


def _most_power(able: Any, low: float, high: float) -> float:
    """Largest power, of an interval whose low end is able, by halving."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if able(middle) else (low, middle)
    return low


def _around_plan(one: Sessions, stated: Any, at: Any, hold_h: float) -> float:
    """The widest band around a chosen power, by trying energies and halving powers."""
    capacity, start = float(one.capacity_kwh[0]), float(one.energy_arrival_kwh[0])
    draw, feed = float(one.max_charge_kw[0]), float(one.max_discharge_kw[0])
    into, out = float(one.efficiency_charge[0]), float(one.efficiency_discharge[0])
    owed, floor = float(one.energy_departure_kwh[0]), min(float(one.energy_reserve_kwh[0]), start)
    since_h, after_h = _hours(at - one.arrival_utc[0]), _hours(stated - at) - hold_h

    def end(energy: float, power: float) -> float:
        return energy - hold_h * (power / out if power > 0 else power * into)

    widest = 0.0
    for energy in np.linspace(0.0, capacity, 1501):
        reached = start - since_h * feed / out <= energy <= start + since_h * draw * into
        if not reached or energy < floor:
            continue
        keeps = lambda p, e=energy: end(e, p) >= floor and end(e, p) + after_h * draw * into >= owed  # noqa: E731
        fits = lambda p, e=energy: end(e, -p) <= capacity  # noqa: E731
        if keeps(-draw):
            high, low = _most_power(keeps, -draw, feed), -_most_power(fits, -feed, draw)
            widest = max(widest, (high - low) / 2)
    return widest


@given(seed=st.integers(0, 10_000), hold_h=st.sampled_from([0.5, 1.0, 4.0]))
@settings(max_examples=6)
def test_the_band_around_a_plan_is_the_widest_of_all_energies_that_it_can_have_reached(
    seed: int, hold_h: float
) -> None:
    sessions = _random_sessions(seed, 4)
    stated, instants = _stated(seed, sessions), _instants(180, 3)
    found = sustained(sessions, instants, hold_h, stated_utc=stated)
    for row, (session, at) in enumerate(zip(found.session, found.instant, strict=True)):
        one = sessions.select(np.array([session]))
        tried = _around_plan(one, stated[session], instants[at], hold_h)
        step_kw = float(one.capacity_kwh[0]) / 1500 / hold_h / 0.7
        assert tried - 1e-6 <= found.around_plan_kw[row] <= tried + step_kw
        assert found.around_plan_kw[row] >= found.both_kw[row] - 1e-9


def test_a_plan_that_keeps_room_has_a_band_where_charging_at_once_leaves_none() -> None:
    session = make_sessions(
        1,
        arrival_utc=np.array([ARRIVAL]),
        departure_utc=np.array([ARRIVAL + 10 * HOUR]),
        capacity_kwh=np.array([60.0]),
        energy_arrival_kwh=np.array([30.0]),
        energy_departure_kwh=np.array([60.0]),
        energy_reserve_kwh=np.array([10.0]),
        max_charge_kw=np.array([11.0]),
        max_discharge_kw=np.array([11.0]),
        efficiency_charge=np.array([0.95]),
        efficiency_discharge=np.array([0.95]),
    )
    found = sustained(session, np.array([ARRIVAL + 4 * HOUR]), 1.0)
    assert found.both_kw[0] == 0.0
    assert found.around_plan_kw[0] == pytest.approx(11.0)
