"""Batteries of the grid: what they do costs the least there is, and books close with them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from evergrid.core.errors import InputError
from evergrid.impact.welfare.power_system import feeding
from evergrid.impact.welfare.power_system.grid_storage import GridStorage, response
from evergrid.impact.welfare.power_system.supply import LinearSupply, StackSupply
from tests.impact.welfare.test_feeding import HOURS, SEED, system
from tests.impact.welfare.test_supply import stack

VOLL = 10_000.0
STORE = GridStorage(power_mw=15.0, energy_mwh=45.0, round_trip=0.85, wear_per_mwh=3.0)


def cost(supply: StackSupply, load: np.ndarray) -> float:
    hours = supply.serve(load)
    carbon = supply.carbon_price_per_t * hours.priced_co2_t
    lost = supply.voll_per_mwh * hours.unserved_mwh
    return float((hours.generation_cost + hours.import_cost + carbon + lost).sum())


def least(supply: StackSupply, load: np.ndarray, store: GridStorage) -> float:
    """The same by a linear program of blocks, charging and feeding of every hour."""
    carbon = np.where(supply.pays_carbon, supply.emission_kg_per_mwh[0] / 1000, 0.0)
    block = supply.cost_per_mwh + carbon * supply.carbon_price_per_t
    prices = np.concatenate([block, [supply.voll_per_mwh, 0.0]])  # lost load, and what is curtailed
    sizes = np.concatenate([supply.capacity_mw, [1e6, 1e6]])
    signs = np.concatenate([np.ones(len(block) + 1), [-1.0]])
    per_hour = len(prices) + 2
    objective = np.tile(np.concatenate([prices, [0.0, store.wear_per_mwh]]), HOURS)
    balance = np.kron(np.eye(HOURS), np.concatenate([signs, [-1.0, 1.0]]))
    cells = np.tile(np.concatenate([0 * prices, [store.round_trip, -1.0]]), HOURS)
    fed = np.tile(np.concatenate([0 * prices, [0.0, 1.0]]), HOURS)
    found = linprog(
        objective,
        A_ub=fed[None],
        b_ub=[store.energy_mwh * store.round_trip**0.5],
        A_eq=np.vstack([balance, cells]),
        b_eq=np.concatenate([load, [0.0]]),
        bounds=[(0, top) for top in [*sizes, store.power_mw, store.power_mw]] * HOURS,
    )
    assert per_hour * HOURS == len(objective)
    return float(found.fun)


@given(SEED, st.floats(0.5, 40.0), st.floats(1.0, 300.0), st.floats(0.6, 1.0), st.floats(0.0, 20.0))
def test_no_schedule_of_a_day_costs_less(
    seed: int, power: float, energy: float, round_trip: float, wear: float
) -> None:
    load = np.random.default_rng(seed).uniform(-30.0, 190.0, HOURS)
    supply, store = stack(), GridStorage(power, energy, round_trip, wear)
    fed = response(store, supply, load)
    total = cost(supply, load - fed) + wear * np.maximum(fed, 0.0).sum()
    assert total == pytest.approx(least(supply, load, store), rel=1e-9, abs=1e-6)
    drawn, out = np.maximum(-fed, 0.0), np.maximum(fed, 0.0)
    assert out.sum() == pytest.approx(round_trip * drawn.sum(), rel=1e-9, abs=1e-9)
    assert out.sum() <= energy * round_trip**0.5 * (1 + 1e-12)
    assert max(drawn.max(), out.max()) <= power * (1 + 1e-9)


def test_two_hours_of_a_rising_line_have_their_closed_form() -> None:
    """20 + 0.05 Q, 600 and 1,000 MW, round trip 0.87: as a store that makes the price."""
    line, eta = LinearSupply(20.0, 0.05), 0.87
    fed = response(GridStorage(500.0, 2000.0, eta), line, np.array([600.0, 1000.0]))
    wanted = (70.0 - 50.0 / eta) / (0.05 + 0.05 / eta**2)
    assert wanted == pytest.approx(107.9515, abs=5e-5)
    np.testing.assert_allclose(fed, [-wanted / eta, wanted], rtol=1e-9)


def test_vehicles_and_storage_together_cost_least_where_no_hour_is_full() -> None:
    """Vehicles go first, storage follows; where power is ample that is the best of both."""
    load = np.random.default_rng(4).uniform(60.0, 150.0, (1, HOURS))
    both = feeding.FeedingSystem(
        supply=stack(),
        weight=np.ones(1),
        consumption_mwh=load,
        renewable_mwh=np.zeros((1, HOURS)),
        driving_mwh=np.zeros((1, HOURS)),
        loss_share=0.0,
        charger_mw=200.0,
        round_trip=STORE.round_trip,
        storage=replace(STORE, power_mw=200.0),
    )
    run = feeding.run(both, np.array([60.0]))
    alone = replace(STORE, power_mw=200.0, energy_mwh=(60.0 / 0.85**0.5) + 45.0)
    fed = response(alone, stack(), load[0])
    wear = STORE.wear_per_mwh
    got = cost(stack(), load[0] + run.charge_mwh - run.discharge_mwh - run.storage_mwh)
    got += run.storage_cost + wear * 60.0
    assert got == pytest.approx(cost(stack(), load[0] - fed) + wear * np.maximum(fed, 0).sum())


@given(SEED)
def test_energies_balance_and_feeding_is_worth_less_beside_storage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alone = system(rng)
    beside = replace(alone, storage=STORE)
    nodes = np.linspace(0.0, 90.0, 7)
    worth = [feeding.value(one, nodes, voll_per_mwh=VOLL).saved for one in (alone, beside)]
    assert (worth[1] <= worth[0] + 1e-6 * np.abs(worth[0]).max()).all()
    run = feeding.run(beside, np.full(2, 40.0))  # a record that checks the balance of every hour
    assert run.storage_fed_mwh > 0
    by_day = run.storage_mwh.reshape(2, HOURS)
    drawn, out = np.maximum(-by_day, 0.0).sum(axis=1), np.maximum(by_day, 0.0).sum(axis=1)
    np.testing.assert_allclose(out, STORE.round_trip * drawn, rtol=1e-9)
    assert run.storage_cost == pytest.approx(STORE.wear_per_mwh * run.storage_fed_mwh)


@pytest.mark.parametrize(
    "changed",
    [{"power_mw": 0.0}, {"energy_mwh": -1.0}, {"round_trip": 1.2}, {"wear_per_mwh": -1.0}],
)
def test_storage_that_cannot_be_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(changed))):
        replace(STORE, **changed)
