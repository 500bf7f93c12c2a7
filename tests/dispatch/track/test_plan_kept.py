"""Each kind of charger keeps to its own plan, and the signal comes beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.battery.converter import LossCurve
from evergrid.dispatch.track import connections, fleet_state
from evergrid.dispatch.track.charger_types import ChargerType, tables
from evergrid.dispatch.track.firm import energy_now
from evergrid.dispatch.track.fleet_state import FleetState
from evergrid.dispatch.track.simulation import Stays, World, constant, simulate
from evergrid.dispatch.track.tick import tick
from tests.dispatch.track.cases import FAR_S, NOTTON, ONE_WAY, TWO_WAY, WORSE, cars, fleet

BETTER = LossCurve(0.004, 0.0, 0.02)
LARGE = ChargerType(500.0, 500.0, BETTER, BETTER, least_kw=4.14, step_kw=0.69)
POOR = ChargerType(7.36, 7.36, WORSE, WORSE)
HOUR = 1800  # ticks


def cars_and_battery(base_kw: float, battery_kw: float, count: int = 40) -> FleetState:
    """Cars alike, and in the last row a battery of 1 MWh that loses less."""
    state = fleet_state.empty(count + 1, [TWO_WAY, LARGE])
    connections.plug_in(state, np.arange(count), cars(count, base_kw=base_kw))
    battery = cars(1, kind=1, energy_kwh=500.0, base_kw=battery_kw, ceiling_kwh=1000.0)
    connections.plug_in(state, np.array([count]), battery)
    return state


def beside_plan_kwh(state: FleetState) -> np.ndarray:
    """Energy of each vehicle above its plan."""
    planned = state.cars["plan_kwh"] - state.cars["base_cells_kw"] * (
        (state.now_s - state.cars["plan_s"]) / 3600.0
    )
    return energy_now(state, np.arange(len(state.steps))) - planned


@pytest.mark.parametrize(
    ("car_kw", "battery_kw"), [(-3.0, 0.0), (-3.0, 120.0), (2.0, -80.0), (-1.0, -400.0)]
)
def test_without_a_signal_each_kind_does_what_is_planned_for_it(
    car_kw: float, battery_kw: float
) -> None:
    state = cars_and_battery(car_kw, battery_kw)
    for _ in range(HOUR):
        told = tick(state, 0.0, 2.0)
        assert abs(told.short_kw) <= 1.4
    beside = beside_plan_kwh(state)
    assert abs(beside[-1]) <= 1.5
    assert abs(beside[:-1].sum()) <= 4.0  # less is lost at the best loading than at the plan's
    assert np.abs(beside[:-1]).max() <= 3 * 7.36 / 7.0  # buckets that a start outweighs


def test_without_an_award_a_day_of_plans_ends_as_planned() -> None:
    state = cars_and_battery(-3.0, 0.0)
    nobody = Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))
    record = simulate(state, nobody, np.ones(3 * HOUR), constant(0.0), world=World(0.0))
    assert np.abs(record.ahead_kwh[:, 1]).max() <= 4.0
    assert record.base_kw == pytest.approx(-120.0, abs=10.0)
    drawn = record.energies_kwh[fleet_state.DRAWN]
    assert drawn == pytest.approx(3 * 120.0, rel=0.03)
    assert record.energies_kwh[fleet_state.FED] <= 1.0


@settings(max_examples=60)
@given(
    car_kw=st.floats(-7.0, 7.0),
    battery_kw=st.floats(-450.0, 450.0),
    target=st.floats(-400.0, 400.0),
)
def test_no_kind_is_moved_against_the_signal(
    car_kw: float, battery_kw: float, target: float
) -> None:
    state = cars_and_battery(car_kw, battery_kw)
    told = tick(state, target, 2.0)
    power = state.power_kw
    moved = np.array([power[:-1].sum() - 40 * car_kw, power[-1] - battery_kw])
    assert np.all(moved * np.sign(target) >= -4.2)  # a charger has no power below its least
    if np.abs(state.base_kw + target) <= 700.0:
        assert abs(told.short_kw) <= 1.4


def test_one_that_is_planned_at_full_power_has_it_before_others_are_called() -> None:
    for energy_kwh in (30.0, 4.0):  # the second may not feed
        state = fleet(10)
        connections.unplug(state, np.array([6]))
        full = cars(1, base_kw=-7.36, energy_kwh=energy_kwh)
        connections.plug_in(state, np.array([6]), full)
        tick(state, 0.0, 2.0)
        assert state.steps[6] == -32
        assert np.count_nonzero(state.steps) == 1
        tick(state, 3.0, 2.0)
        assert state.fleet_power_kw == pytest.approx(-4.36, abs=0.12)
        assert np.count_nonzero(state.steps) == 1
        tick(state, -20.0, 2.0)
        assert state.steps[6] == -32
        assert state.fleet_power_kw == pytest.approx(-27.36, abs=0.12)


def test_of_cars_as_planned_the_one_that_is_to_charge_draws() -> None:
    state = fleet(12)
    for row in (3, 8):
        connections.set_plan(state, np.array([row]), np.array([-3.4]), np.array([30.0]))
    tick(state, 0.0, 2.0)
    assert sorted(np.flatnonzero(state.steps)) == [3, 8]


def test_what_a_kind_cannot_do_of_its_plan_others_do() -> None:
    state = cars_and_battery(-3.0, 0.0)
    connections.disconnect(state, np.arange(20))
    assert tick(state, 0.0, 2.0).response_kw == pytest.approx(0.0, abs=0.7)
    assert state.power_kw[-1] == pytest.approx(0.0, abs=0.7)  # as twenty cars can draw all
    connections.disconnect(state, np.arange(20, 30))
    assert tick(state, 0.0, 2.0).response_kw == pytest.approx(0.0, abs=0.7)
    assert state.power_kw[-1] == pytest.approx(-(120.0 - 73.6), abs=0.7)


def test_types_alike_take_turns_and_others_keep_their_own_plan() -> None:
    near = ChargerType(7.0, 7.0, NOTTON, NOTTON)
    found = tables([TWO_WAY, ONE_WAY, near, LARGE, POOR])
    assert found.limits["group"].tolist() == [0, 1, 0, 2, 3]
    state = fleet(4, TWO_WAY)
    state = fleet_state.with_types(state, [TWO_WAY, LARGE])
    assert state.planned_w.shape[1] == 2
    connections.unplug(state, np.array([1]))
    large = cars(1, kind=1, energy_kwh=40.0, base_kw=-10.0, departure_s=FAR_S)
    connections.plug_in(state, np.array([1]), large)
    tick(state, 0.0, 2.0)
    assert state.power_kw == pytest.approx([0.0, -10.0, 0.0, 0.0], abs=0.4)


@pytest.mark.parametrize("more_kw", [0.5, 1.0, 2.0, 3.5])
def test_what_is_less_than_a_charger_has_at_least_is_shared_with_one_at_full_power(
    more_kw: float,
) -> None:
    three = ChargerType(11.04, 11.04, NOTTON, NOTTON, least_kw=4.14, step_kw=0.69)
    state = fleet(8, three)
    connections.set_plan(state, np.array([1, 4]), np.full(2, -11.04), np.full(2, 30.0))
    told = tick(state, -more_kw, 2.0)
    assert abs(told.short_kw) <= 0.35
    assert np.count_nonzero(state.steps == -16) == 1
    assert 3 <= np.count_nonzero(state.steps) <= 4  # the rest at about the best loading
