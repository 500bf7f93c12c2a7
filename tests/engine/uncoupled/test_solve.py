"""Stores solved by themselves: the same optimum as HiGHS, proven, and left alone where tied."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.status import Status
from evergrid.engine import solver
from evergrid.engine.program import Program
from evergrid.engine.uncoupled import solve as uncoupled
from tests.everyday import first


def made_up(seed: int, stores: int, steps: int) -> Program:
    """Stores that come and go, some owed energy, some that cannot feed; on odd seeds with ties."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, steps - 1, stores)
    stop = np.array([rng.integers(begin + 1, steps + 1) for begin in first])
    capacity = rng.uniform(20, 80, stores)
    start = rng.uniform(0.05, 0.9, stores) * capacity
    charge = rng.choice([0.0, 3.7, 11.0, 22.0], stores)
    efficiency = rng.uniform(0.8, 1.0, stores)
    reach = np.minimum(capacity, start + 0.9 * 0.25 * charge * efficiency * (stop - first))
    price = rng.uniform(0, 0.5, steps)
    price = np.round(price, 1) if seed % 2 else price
    step = np.concatenate([np.arange(a, b) for a, b in zip(first, stop, strict=True)])
    nothing, free = np.zeros((1, steps)), np.full((1, steps), np.inf)
    return Program(
        step_h=0.25,
        steps=steps,
        first=first,
        stop=stop,
        share=np.ones(len(step)),
        charge_kw=charge,
        discharge_kw=rng.choice([0.0, 7.0, 11.0], stores),
        efficiency_charge=efficiency,
        efficiency_discharge=efficiency,
        energy_start_kwh=start,
        energy_low_kwh=np.zeros(stores),
        energy_high_kwh=capacity,
        energy_end_kwh=np.minimum(rng.uniform(0, 1, stores) * capacity, reach),
        end_value_per_kwh=rng.choice([0.0, 0.2, 0.3], stores),
        draw_price_per_kwh=price[step] + 0.02,
        feed_price_per_kwh=price[step] * rng.choice([1.0, 0.7]),
        node=np.zeros(stores, np.int64),
        parent=np.array([-1]),
        peak_price_per_kw=np.zeros(1),
        peak_before_kw=np.zeros(1),
        net_low_kw=-free,
        net_high_kw=free,
        load_kw=nothing,
        surcharge_per_kwh=nothing,
    )


@pytest.mark.parametrize("seed", first(8, range(60)))
def test_random_stores_cost_what_highs_finds_and_are_proven(seed: int):
    rng = np.random.default_rng(1000 + seed)
    program = made_up(seed, int(rng.integers(1, 8)), int(rng.integers(2, 60)))
    assert uncoupled.covers(program)
    alone, exact = uncoupled.solve(program, gap=1e-9), solver.solve(program, method="highs")
    assert alone.status is Status.OPTIMAL
    assert alone.certificate is not None
    assert exact.certificate is not None
    assert alone.certificate.objective == pytest.approx(exact.certificate.objective, abs=1e-7)
    assert alone.certificate.gap <= 1e-9
    assert alone.certificate.keeps_limits


def test_many_stores_over_a_week_are_proven_exactly():
    program = made_up(0, 300, 672)
    alone = uncoupled.solve(program, gap=1e-9)
    assert alone.status is Status.OPTIMAL


def test_energy_that_cannot_be_reached_is_infeasible_and_left_to_others():
    program = made_up(2, 3, 10)
    owed = replace(program, energy_end_kwh=program.energy_high_kwh, charge_kw=np.full(3, 0.1))
    assert uncoupled.solve(owed, gap=1e-9).status is Status.INFEASIBLE
    assert not solver.solve(owed, smooth=False).status.good


TIES = {
    "a limit": {"net_low_kw": np.full((1, 20), -5.0)},
    "a surcharge": {"surcharge_per_kwh": np.full((1, 20), 0.1)},
    "a peak price": {"peak_price_per_kw": np.ones(1)},
    "a budget": {"budget_kwh": np.full(1, 10.0)},
    "energy that pays to be wasted": {"feed_price_per_kwh": None},
}


@pytest.mark.parametrize("tie", TIES)
def test_stores_that_share_something_are_not_covered(tie: str):
    program = made_up(4, 5, 20)
    change = dict(TIES[tie])
    if tie.startswith("energy"):
        change = {
            "draw_price_per_kwh": np.full(program.slots, -0.2),
            "feed_price_per_kwh": np.full(program.slots, -0.1),
            "charge_kw": np.full(5, 11.0),
            "discharge_kw": np.full(5, 11.0),
        }
    assert uncoupled.covers(program)
    assert not uncoupled.covers(replace(program, **change))
