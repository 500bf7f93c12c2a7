"""Feeding: valleys are filled and peaks shaved at least cost, and energies balance."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from evergrid.core.errors import InputError
from evergrid.impact.welfare import baselines
from evergrid.impact.welfare.power_system import daily, feeding
from evergrid.impact.welfare.power_system.feeding import FeedingSystem
from tests.impact.welfare.test_supply import stack

HOURS = 24
SEED = st.integers(0, 2**32 - 1)


def system(rng: np.random.Generator, days: int = 2, **changed: float) -> FeedingSystem:
    load = rng.uniform(40.0, 150.0, (days, HOURS))
    fields: dict[str, Any] = {"loss_share": 0.06, "charger_mw": 12.0, "round_trip": 0.85} | changed
    return FeedingSystem(
        supply=stack(),
        weight=rng.uniform(1.0, 90.0, days),
        consumption_mwh=load,
        renewable_mwh=rng.uniform(0.0, 60.0, (days, HOURS)),
        driving_mwh=rng.uniform(0.0, 5.0, (days, HOURS)),
        **fields,
    )


@given(SEED, st.floats(0.0, 200.0), st.floats(0.5, 30.0))
def test_filling_raises_the_lowest_hours_to_one_level(seed: int, mwh: float, most: float) -> None:
    load = np.random.default_rng(seed).uniform(-50.0, 150.0, (3, HOURS))
    wanted = min(mwh, HOURS * most)
    added = daily.filled(load, np.full((3, 1), mwh), most)[:, 0]
    assert added.sum(axis=1) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert (added >= 0).all()
    assert (added <= most * (1 + 1e-9)).all()
    for row, extra in zip(load, added, strict=True):
        filled, full = row + extra, extra >= most * (1 - 1e-9)
        used, idle = (extra > 1e-9) & ~full, extra <= 1e-9
        if used.any():  # one level, below every idle hour and above every full one
            assert np.ptp(filled[used]) < 1e-6
            assert not idle.any() or row[idle].min() >= filled[used].max() - 1e-6
            assert not full.any() or filled[full].max() <= filled[used].min() + 1e-6


def test_a_peak_is_shaved_to_one_level_and_a_valley_filled() -> None:
    load = np.random.default_rng(1).uniform(0.0, 9.0, (1, HOURS))
    made = daily.cycled(load, np.array([[7.0]]), np.array([[8.0]]), 2.0)
    fed, drawn = made.discharge_mwh[0, 0], made.charge_mwh[0, 0]
    assert fed.sum() == pytest.approx(7.0)
    assert drawn.sum() == pytest.approx(8.0)
    assert not ((fed > 0) & (drawn > 0)).any()
    assert np.ptp(load[0] + drawn - fed) < np.ptp(load[0])


def test_a_day_that_is_level_already_only_loses_energy() -> None:
    load = np.full((1, HOURS), 5.0)
    made = daily.cycled(load, np.array([[6.0]]), np.array([[8.0]]), 2.0)
    assert np.ptp(load + made.charge_mwh[0] - made.discharge_mwh[0]) < 1e-9


@settings(max_examples=40)
@given(SEED, st.floats(1.0, 120.0))
def test_no_other_hours_feed_the_same_energy_for_less(seed: int, fed: float) -> None:
    """A linear program of a day with the blocks of plants, which picks hours by itself."""
    made = system(np.random.default_rng(seed), days=1, charger_mw=25.0)
    worth = feeding.value(made, np.array([0.0, fed]), voll_per_mwh=1e4).saved[0, 1]
    ends = made.supply.serve(made.load_mwh)
    idle = float((ends.generation_cost + ends.import_cost).sum())
    assert idle - _least_cost(made, fed) == pytest.approx(worth, rel=1e-7, abs=1e-5)


def _least_cost(made: FeedingSystem, fed: float) -> float:
    """Blocks, spill, charging and feeding of each hour; the stack has three blocks."""
    supply, per_meter = stack(), made.per_meter
    blocks = len(supply.capacity_mw)
    width = blocks + 3
    balance = np.zeros((HOURS + 2, HOURS * width))
    for hour in range(HOURS):
        at = hour * width
        balance[hour, at : at + blocks] = 1.0
        balance[hour, at + blocks] = -1.0
        balance[hour, at + blocks + 1] = -per_meter
        balance[hour, at + blocks + 2] = per_meter
    balance[HOURS, blocks + 1 :: width] = 1.0
    balance[HOURS + 1, blocks + 2 :: width] = 1.0
    right = [*made.load_mwh[0], fed / made.round_trip, fed]
    bounds = [
        *((0, mw) for mw in supply.capacity_mw),
        (0, None),
        (0, made.charger_mw),
        (0, made.charger_mw),
    ] * HOURS
    cost = np.tile([*supply.cost_per_mwh, 0.0, 0.0, 0.0], HOURS)
    found = linprog(cost, A_eq=balance, b_eq=right, bounds=bounds)
    assert found.status == 0
    return float(found.fun)


@given(SEED)
def test_energies_of_a_run_balance_and_days_end_as_they_began(seed: int) -> None:
    made = system(np.random.default_rng(seed))
    fed = np.array([20.0, 50.0])
    run = feeding.run(made, fed)  # which refuses energies that do not balance
    assert run.discharge_mwh.reshape(2, HOURS).sum(axis=1) == pytest.approx(fed)
    drawn = run.charge_mwh.reshape(2, HOURS).sum(axis=1)
    assert drawn * made.round_trip == pytest.approx(fed)


@settings(max_examples=40)
@given(SEED)
def test_the_worth_of_feeding_is_concave(seed: int) -> None:
    made = system(np.random.default_rng(seed))
    nodes = np.linspace(0.0, 120.0, 49)
    worth = feeding.value(made, nodes, voll_per_mwh=1e4).saved
    assert (np.diff(worth, n=2, axis=1) <= 1e-6).all()


def test_curves_and_runs_are_one_number() -> None:
    made = system(np.random.default_rng(3), days=1)
    worth = feeding.value(made, np.array([0.0, 33.0]), voll_per_mwh=1e4)
    runs = [feeding.run(made, np.array([fed])) for fed in (0.0, 33.0)]
    cost = [float((run.generation_cost + run.import_cost).sum()) for run in runs]
    assert cost[0] - cost[1] == pytest.approx(worth.saved[0, 1], abs=1e-9)
    co2 = [float(run.emissions_t[0].sum()) for run in runs]
    assert co2[1] - co2[0] == pytest.approx(worth.emitted_t[0, 0, 1], abs=1e-9)


def test_money_that_prices_leave_open_is_that_of_hours_at_an_edge() -> None:
    flat = FeedingSystem(
        supply=stack(),
        weight=np.array([10.0]),
        consumption_mwh=np.r_[np.full(23, 50.0), 110.0][None],
        renewable_mwh=np.zeros((1, HOURS)),
        driving_mwh=np.zeros((1, HOURS)),
        loss_share=0.0,
        charger_mw=30.0,
        round_trip=1.0,
    )
    # Feeding 10 MWh brings the last hour to the edge of the first block: 20 a MWh, or 30.
    at_edge = feeding.undetermined(flat, np.array([10.0]), within_mwh=0.5)
    assert at_edge == pytest.approx(10 * 10.0 * 100.5)
    assert feeding.undetermined(flat, np.array([9.0]), within_mwh=0.5) == 0.0
    assert feeding.undetermined(flat, np.array([0.0]), within_mwh=20.0) == 0.0


def test_more_feeding_than_chargers_have_power_for_is_refused() -> None:
    made = system(np.random.default_rng(0))
    with pytest.raises(InputError, match="feed_kwh_per_day must fit into the chargers' power"):
        feeding.run(made, np.array([20.0, 150.0]))


def test_a_system_that_cannot_even_charge_its_vehicles_is_refused() -> None:
    made = system(np.random.default_rng(0))
    thirsty = replace(made, driving_mwh=made.driving_mwh + 300.0)
    with pytest.raises(InputError, match="capacity_mw must serve at least the charging"):
        feeding.run(thirsty, np.zeros(2))


@pytest.mark.parametrize(
    ("name", "value"), [("loss_share", 1.0), ("round_trip", 0.0), ("charger_mw", 0.0)]
)
def test_a_system_beyond_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        system(np.random.default_rng(0), 2, **{name: value})


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_every_baseline_serves_the_same_driving(name: str) -> None:
    load = np.random.default_rng(2).uniform(10.0, 50.0, (3, HOURS))
    driving = np.array([5.0, 8.0, 0.0])
    made = baselines.driving_load(name, load, driving, most_mwh=4.0)
    assert made.sum(axis=1) == pytest.approx(driving)


def test_smart_charging_is_at_the_lowest_load_and_uncontrolled_in_the_evening() -> None:
    load = np.tile(np.r_[np.full(6, 10.0), np.full(18, 50.0)], (1, 1))
    smart, plain = (
        baselines.driving_load(name, load, np.array([12.0]), most_mwh=9.0)[0]
        for name in ("smart", "uncontrolled")
    )
    assert smart[:6] == pytest.approx(2.0)
    assert smart[6:].sum() == pytest.approx(0.0)
    assert int(plain.argmax()) in (17, 18)


def test_an_unknown_baseline_and_too_much_driving_are_refused() -> None:
    load = np.ones((1, HOURS))
    with pytest.raises(InputError, match="known baseline, got none"):
        baselines.driving_load("none", load, np.ones(1), most_mwh=1.0)
    for name in baselines.BASELINES:
        with pytest.raises(InputError, match="fit into the power of all chargers"):
            baselines.driving_load(name, load, np.array([100.0]), most_mwh=1.0)
