"""One tick: sums, limits, failures and what a driver is owed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.dispatch.track import connections, fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.fleet_state import Rules
from evergrid.dispatch.track.tick import changed_rows, tick, unheard
from tests.dispatch.track.cases import NOTTON, ONE_WAY, TWO_WAY, cars, fleet

SHARES = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=30)


@settings(max_examples=40)
@given(shares=SHARES)
def test_the_fleet_meets_the_target_within_half_an_ampere(shares: list[float]) -> None:
    state = fleet(50, energy_kwh=np.linspace(20.0, 40.0, 50))
    carried = 0.0
    for share in shares:
        target = share * 50 * 7.36
        told = tick(state, target, 2.0)
        floor = 1.38 / 2 if abs(target + carried) < 1.38 else 0.115
        assert abs(told.short_kw + carried) <= floor + 1e-9
        carried = state.clock[fleet_state.RESIDUAL] / 1000.0
        assert told.response_kw == pytest.approx(state.power_kw.sum())
        steps = np.abs(state.steps[state.steps != 0])
        assert np.all((steps >= 6) & (steps <= 32))


@settings(max_examples=20)
@given(shares=SHARES, seed=st.integers(0, 99))
def test_the_response_does_not_depend_on_the_order_of_the_cars(
    shares: list[float], seed: int
) -> None:
    energy = np.linspace(20.0, 40.0, 60)
    shuffled = np.random.default_rng(seed).permutation(energy)
    one, same, other = (fleet(60, energy_kwh=each) for each in (energy, energy, shuffled))
    for share in shares:
        told = tick(one, share * 300.0, 2.0)
        assert told.response_kw == tick(other, share * 300.0, 2.0).response_kw
        tick(same, share * 300.0, 2.0)
    assert np.array_equal(one.cars, same.cars)
    assert np.array_equal(one.steps, same.steps)


@settings(max_examples=20)
@given(shares=SHARES)
def test_energy_is_conserved(shares: list[float]) -> None:
    state = fleet(20, TWO_WAY, ONE_WAY)
    before = state.cars["energy_kwh"].sum()
    for share in shares:
        tick(state, share * 100.0, 2.0)
    connections.disconnect(state, np.arange(40))
    fed, drawn, lost, refused, _, cells = state.energies_kwh.sum(axis=0)
    assert before - state.cars["energy_kwh"].sum() == pytest.approx(cells, abs=1e-9)
    assert cells == pytest.approx(fed - drawn + lost - refused, abs=1e-9)


def test_a_lost_charger_is_replaced_in_the_next_tick() -> None:
    state = fleet(50)
    tick(state, 100.0, 2.0)
    lost = np.flatnonzero(state.steps)[:5]
    connections.disconnect(state, lost)
    assert state.fleet_power_kw < 90.0
    told = tick(state, 100.0, 2.0)
    assert told.response_kw == pytest.approx(100.0, abs=0.24)
    assert not np.any(state.steps[lost])
    connections.reconnect(state, lost)
    for _ in range(65):  # a contactor rests for a minute, and each charger is looked at in one
        tick(state, 50 * 7.36, 2.0)
    assert np.all(state.steps[lost] > 0)


def test_an_order_that_is_not_heard_is_told_again() -> None:
    state = fleet(50)
    tick(state, 100.0, 2.0)
    rows = changed_rows(state)
    unheard(state, rows)
    assert state.fleet_power_kw == 0.0
    assert tick(state, 100.0, 2.0).response_kw == pytest.approx(100.0, abs=0.24)
    assert state.counts.sum() == 50


def test_a_car_whose_latest_start_has_come_charges_and_others_make_up_for_it() -> None:
    state = fleet(20)
    need = cars(1, energy_kwh=20.0, owed_kwh=26.0, departure_s=3600.0)
    connections.unplug(state, np.array([3]))
    connections.plug_in(state, np.array([3]), need)
    for _ in range(449):  # 15 minutes; 6 kWh take 51
        tick(state, 60.0, 2.0)
    told = tick(state, 60.0, 2.0)
    assert state.steps[3] == -32
    assert told.response_kw == pytest.approx(60.0, abs=0.24)
    for _ in range(1349):
        tick(state, 60.0, 2.0)
    assert connections.unplug(state, np.array([3])) == 0.0


def test_cars_that_cannot_feed_sell_around_their_plan() -> None:
    state = fleet(30, ONE_WAY, base_kw=-3.68)
    assert state.base_kw == pytest.approx(-30 * 3.68)
    for target in (50.0, -80.0, 0.0):
        assert tick(state, target, 2.0).response_kw == pytest.approx(target, abs=0.24)
        assert np.all(state.steps <= 0)
    assert tick(state, 200.0, 2.0).short_kw > 80.0


def test_more_energy_than_planned_feeds_first_and_less_draws_first() -> None:
    energy = np.r_[np.full(10, 25.0), np.full(10, 35.0)]
    state = fleet(20)
    state.cars["energy_kwh"] = energy  # all planned at 30
    for _ in range(31):
        tick(state, 20.0, 2.0)
    assert not np.any(state.steps[:10])
    for _ in range(31):
        tick(state, -20.0, 2.0)
    assert not np.any(state.steps[10:])


def test_a_car_that_may_neither_stop_nor_feed_draws_at_its_least_power() -> None:
    rough = replace(TWO_WAY, zero_held=False)
    state = fleet(3, rough, rules=Rules(dwell_s=3600.0, review_s=10.0), energy_kwh=5.4)
    tick(state, 15.0, 2.0)
    assert np.all(state.steps > 0)
    for _ in range(600):
        tick(state, 15.0, 2.0)
        assert state.cars["energy_kwh"].min() > 5.0  # the reserve
    assert np.any(state.steps == -6)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_contactors_move_no_more_than_the_limit(seed: int) -> None:
    rough = replace(TWO_WAY, zero_held=False)
    state = fleet(30, rough, rules=Rules(switch_limit=6, dwell_s=0.0, review_s=10.0))
    random = np.random.default_rng(seed)
    for _ in range(800):
        tick(state, float(random.uniform(-1, 1)) * 200.0, 9.0)
    assert 1 <= state.cars["switches"].max() <= 6


def test_power_moves_no_faster_than_the_ramp() -> None:
    slow = ChargerType(7.36, 7.36, NOTTON, NOTTON, ramp_kw_per_s=0.46)
    state = fleet(10, slow)
    before = state.power_kw
    for target in (70.0, 70.0, 70.0, -70.0, -70.0):
        tick(state, target, 2.0)
        moved = np.abs(state.power_kw - before)
        assert np.all(moved <= 0.92 + 1e-9 + 2 * 1.38 * (np.abs(before) <= 1.38 + 0.92))
        before = state.power_kw


@pytest.mark.parametrize(("target", "dt"), [(np.nan, 2.0), (np.inf, 2.0), (1.0, 0.0), (1.0, 1e4)])
def test_a_bad_tick_is_refused(target: float, dt: float) -> None:
    with pytest.raises(InputError, match="signal"):
        tick(fleet(2), target, dt)


def test_a_taken_charger_and_an_unknown_type_are_refused() -> None:
    state = fleet(2)
    with pytest.raises(InputError, match="be free"):
        connections.plug_in(state, np.array([0]), cars(1))
    connections.unplug(state, np.array([0]))
    for kind in (-1, 1, 4):
        with pytest.raises(InputError, match="index of a type"):
            connections.plug_in(state, np.array([0]), cars(1, kind=kind))


def test_a_day_of_counts_ends_at_midnight() -> None:
    state = fleet(5)
    tick(state, 30.0, 2.0)
    assert state.cars["switches"].max() == 1
    state.clock[fleet_state.NOW] = 86399.0
    tick(state, 30.0, 2.0)
    assert state.cars["switches"].max() == 0
