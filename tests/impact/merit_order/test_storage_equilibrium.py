import numpy as np
import pytest
from scipy.optimize import linprog

from evergrid.core.arrays import Array
from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.status import Status
from evergrid.impact.merit_order import (
    AggregateStorage,
    constant_storage,
    dispatch,
    price_making,
    supply_stack,
)
from tests.everyday import first
from tests.impact.merit_order.cases import fleet_of, least_cost

RISING = supply_stack(fleet_of([2000], [20], rise_per_mwh=[100]))  # 20 + 0.05 Q
NIGHT_AND_PEAK = np.array([600.0, 1000.0])


def two_hours(**more: float):
    return constant_storage(2, power_mw=1000.0, energy_mwh=1000.0, efficiency_charge=0.87, **more)


@pytest.mark.parametrize(("wear", "fed"), [(0.0, 107.9515), (5.0, 64.8699)])
def test_the_closed_form_of_two_hours(wear: float, fed: float):
    """The store feeds (70 - wear - 50/eta) / (0.05 + 0.05/eta^2)."""
    found = price_making(RISING, NIGHT_AND_PEAK, two_hours(wear_cost_per_mwh=wear))
    assert found.status is Status.OPTIMAL
    assert found.power_mw[1] == pytest.approx(fed, abs=5e-5)
    closed = (70 - wear - 50 / 0.87) / (0.05 + 0.05 / 0.87**2)
    assert found.power_mw == pytest.approx([-closed / 0.87, closed], rel=1e-9)


def test_prices_cost_and_who_gains_in_the_closed_form():
    base = dispatch(RISING, NIGHT_AND_PEAK)
    found = price_making(RISING, NIGHT_AND_PEAK, two_hours())
    assert found.price_per_mwh[::-1] == pytest.approx([64.60242, 56.20411], abs=5e-6)
    assert found.price_per_mwh[0] / found.price_per_mwh[1] == pytest.approx(0.87, rel=1e-9)
    assert found.cost - base.cost == pytest.approx(-676.2479, abs=5e-5)
    consumers = (base.price_per_mwh - found.price_per_mwh) @ NIGHT_AND_PEAK
    assert consumers == pytest.approx(1675.1096, abs=5e-5)
    income = found.price_per_mwh @ found.dispatch.generation_mw[0] - found.dispatch.cost
    before = base.price_per_mwh @ base.generation_mw[0] - base.cost
    assert income - before == pytest.approx(-998.8616, abs=5e-5)
    assert found.profit == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("factor", "fed"), [(0.35, 224.816), (0.9, 0.0)])
def test_a_carbon_price_in_both_hours_drives_the_store_or_stops_it(factor: float, fed: float):
    """190 per tonne, 0.5 t/MWh in the peak, wear of 5.

    A carbon cost lifts the curve of an hour, as a load further up one long curve does.
    """
    lifted = 20 + 190 * np.array([factor, 0.5])
    stack = supply_stack(fleet_of([30000], [0], rise_per_mwh=[1500]))
    store = constant_storage(
        2, power_mw=2000.0, energy_mwh=2000.0, efficiency_charge=0.87, wear_cost_per_mwh=5.0
    )
    assert price_making(stack, NIGHT_AND_PEAK + lifted / 0.05, store).power_mw[1] == pytest.approx(
        fed, abs=5e-4
    )


@pytest.mark.parametrize("seed", first(6, range(30)))
def test_the_cost_is_that_of_the_linear_program(seed: int):
    rng = np.random.default_rng(seed)
    pieces, steps = int(rng.integers(1, 8)), int(rng.integers(2, 30))
    width, cost = rng.integers(1, 60, pieces), rng.integers(0, 50, pieces)
    stack = supply_stack(fleet_of(width.tolist(), cost.tolist()))
    load = np.round(rng.uniform(-0.3, 1.1, steps) * stack.capacity_mw, 0 if seed % 2 else 12)
    voll = 200.0 if seed % 5 else None
    store = random_store(rng, steps)
    least = least_cost(stack, load, store, step_h=0.5, voll_per_mwh=voll)
    if least is None:
        with pytest.raises(InfeasibleError):
            price_making(stack, load, store, step_h=0.5, voll_per_mwh=voll)
        return
    found = price_making(stack, load, store, step_h=0.5, voll_per_mwh=voll)
    assert found.status is Status.OPTIMAL
    assert found.cost == pytest.approx(least, rel=1e-9, abs=1e-7)


def random_store(rng: np.random.Generator, steps: int) -> AggregateStorage:
    energy = float(rng.uniform(5, 60))
    return AggregateStorage(
        charge_limit_mw=rng.uniform(0, 20, steps),
        discharge_limit_mw=rng.uniform(0, 20, steps) * (rng.random() < 0.8),
        energy_low_mwh=rng.uniform(0, 0.3, steps) * energy,
        energy_high_mwh=np.full(steps, energy),
        inflow_mwh=rng.uniform(-2, 1, steps) * (rng.random() < 0.5),
        energy_start_mwh=energy / 2,
        energy_end_mwh=energy / 2,
        efficiency_charge=float(rng.uniform(0.7, 1)),
        efficiency_discharge=float(rng.uniform(0.7, 1)),
        wear_cost_per_mwh=float(rng.uniform(0, 8) * (rng.random() < 0.5)),
    )


@pytest.mark.parametrize("seed", first(6, range(30)))
def test_rising_costs_are_proven_by_their_bound(seed: int):
    rng = np.random.default_rng(seed)
    pieces, steps = int(rng.integers(1, 8)), int(rng.integers(2, 60))
    width, cost = rng.integers(1, 60, pieces), rng.integers(0, 50, pieces)
    rise = rng.integers(0, 20, pieces) * (rng.random(pieces) < 0.7)
    stack = supply_stack(fleet_of(width.tolist(), cost.tolist(), rise_per_mwh=rise.tolist()))
    load = rng.uniform(-0.3, 1.2, steps) * stack.capacity_mw
    store = constant_storage(
        steps,
        power_mw=10.0,
        energy_mwh=25.0,
        energy_start_mwh=5.0,
        efficiency_charge=0.9,
        wear_cost_per_mwh=2.0,
    )
    found = price_making(stack, load, store, voll_per_mwh=300.0)
    assert found.status is Status.OPTIMAL
    assert abs(found.gap) < 1e-12


@pytest.mark.parametrize("seed", first(5, range(20)))
def test_no_other_schedule_earns_more_at_the_prices_found(seed: int):
    """Referee: a linear program of the store alone, paid these prices."""
    rng = np.random.default_rng(seed)
    steps = 12
    stack = supply_stack(fleet_of([40, 30, 30], [10, 20, 60]))
    load = rng.integers(-5, 100, steps).astype(float)
    store = random_store(rng, steps)
    try:
        found = price_making(stack, load, store, step_h=0.5, voll_per_mwh=200.0)
    except InfeasibleError:
        assert least_cost(stack, load, store, step_h=0.5, voll_per_mwh=200.0) is None
        return
    assert (found.price_per_mwh >= found.dispatch.low_price_per_mwh).all()
    assert (found.price_per_mwh <= found.dispatch.high_price_per_mwh).all()
    assert found.profit == pytest.approx(most_earned(found.price_per_mwh, store), abs=1e-7)


def most_earned(price_per_mwh: Array, store: AggregateStorage) -> float:
    """Most that a store can earn at given prices, in half hours: charged, fed, energy."""
    steps, half_h = store.steps, 0.5
    fed = half_h * (store.wear_cost_per_mwh - price_per_mwh)
    low, high = store.energy_low_mwh.copy(), store.energy_high_mwh.copy()
    low[-1] = high[-1] = store.energy_end_mwh
    into = -half_h * store.efficiency_charge * np.eye(steps)
    out_of = half_h / store.efficiency_discharge * np.eye(steps)
    begins = store.inflow_mwh + np.eye(1, steps)[0] * store.energy_start_mwh
    none = np.zeros(steps)
    answer = linprog(
        np.concatenate([half_h * price_per_mwh, fed, none]),
        A_eq=np.hstack([into, out_of, np.eye(steps) - np.eye(steps, k=-1)]),
        b_eq=begins,
        bounds=np.stack(
            [
                np.concatenate([none, none, low]),
                np.concatenate([store.charge_limit_mw, store.discharge_limit_mw, high]),
            ],
            axis=1,
        ),
    )
    return -float(answer.fun)


@pytest.mark.parametrize("seed", range(5))
def test_a_store_without_room_passes_on_nothing_and_changes_nothing(seed: int):
    rng = np.random.default_rng(seed)
    stack = supply_stack(fleet_of([40, 30, 30], [10, 20, 60]))
    load = rng.uniform(0, 99, 40)
    store = constant_storage(40, power_mw=3.0, energy_mwh=0.0, efficiency_discharge=0.9)
    found = price_making(stack, load, store)
    assert found.power_mw == pytest.approx(np.zeros(40), abs=1e-9)
    assert found.cost == pytest.approx(dispatch(stack, load).cost, rel=1e-12)


def test_a_store_does_nothing_where_losses_eat_the_spread():
    stack = supply_stack(fleet_of([100, 100], [50, 55]))
    found = price_making(stack, NIGHT_AND_PEAK / 10, two_hours())
    assert np.abs(found.power_mw).max() == 0


def test_a_surplus_is_stored_for_nothing():
    stack = supply_stack(fleet_of([100], [50]))
    store = constant_storage(2, power_mw=30.0, energy_mwh=30.0)
    found = price_making(stack, np.array([-20.0, 50.0]), store)
    assert found.power_mw.tolist() == [-20, 20]
    assert found.dispatch.curtailed_mw.sum() == 0


def test_a_store_serves_load_that_would_be_lost():
    stack = supply_stack(fleet_of([100], [50]))
    store = constant_storage(2, power_mw=30.0, energy_mwh=30.0)
    found = price_making(stack, np.array([50.0, 120.0]), store)
    assert found.power_mw == pytest.approx([-20, 20])
    with pytest.raises(InfeasibleError, match="voll_per_mwh"):
        price_making(stack, np.array([90.0, 140.0]), store)
    partly = price_making(stack, np.array([90.0, 140.0]), store, voll_per_mwh=1000.0)
    assert partly.dispatch.lost_load_mw == pytest.approx([0, 30])


def test_a_fleet_that_may_not_feed_charges_what_driving_takes_in_the_cheapest_hours():
    stack = supply_stack(fleet_of([100, 100], [20, 60]))
    store = AggregateStorage(
        charge_limit_mw=np.full(3, 10.0),
        discharge_limit_mw=np.zeros(3),
        energy_low_mwh=np.zeros(3),
        energy_high_mwh=np.full(3, 20.0),
        inflow_mwh=np.array([0.0, 0.0, -9.0]),
        energy_start_mwh=5.0,
        energy_end_mwh=5.0,
        efficiency_charge=0.9,
    )
    found = price_making(stack, np.array([120.0, 95.0, 120.0]), store)
    assert found.power_mw == pytest.approx([-5, -5, 0]) or found.power_mw == pytest.approx(
        [0, -5, -5]
    )
    assert found.status is Status.OPTIMAL


def test_energy_that_cannot_be_reached_is_told_with_the_way_out():
    stack = supply_stack(fleet_of([100], [50]))
    store = AggregateStorage(
        charge_limit_mw=np.full(2, 1.0),
        discharge_limit_mw=np.zeros(2),
        energy_low_mwh=np.array([0.0, 8.0]),
        energy_high_mwh=np.full(2, 8.0),
        inflow_mwh=np.zeros(2),
        energy_start_mwh=0.0,
        energy_end_mwh=8.0,
    )
    with pytest.raises(InfeasibleError, match="Raise charge_limit_mw"):
        price_making(stack, np.array([10.0, 10.0]), store)


def test_a_year_of_another_length_than_the_store_is_refused():
    store = constant_storage(8784, power_mw=1.0, energy_mwh=4.0)
    with pytest.raises(InputError, match=r"8,784 in all, got 8760.*leap year"):
        price_making(RISING, np.ones(8760), store)


def test_limits_that_are_no_numbers_are_refused_all_at_once():
    with pytest.raises(InputError) as told:
        AggregateStorage(
            charge_limit_mw=np.array([1.0, np.nan]),
            discharge_limit_mw=np.array([-1.0, 0.0]),
            energy_low_mwh=np.zeros(2),
            energy_high_mwh=np.ones(2),
            inflow_mwh=np.zeros(2),
            energy_start_mwh=0.0,
            energy_end_mwh=0.0,
            efficiency_charge=87.0,
        )
    fields = {fault.field for fault in told.value.faults}
    assert fields == {"charge_limit_mw", "discharge_limit_mw", "efficiency_charge"}
