"""The program's own arithmetic: energy, sums over nodes, cost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.tree import add_up
from evergrid.engine.parts import pick
from evergrid.engine.program import cost, energy_path, net_power
from tests.engine.cases import KINDS, Kind, random_program

seeds = st.integers(0, 10_000)


@given(seed=seeds)
@settings(max_examples=30)
def test_round_trip_never_gains_energy(seed: int) -> None:
    program = random_program(seed)
    rng = np.random.default_rng(seed)
    power = rng.uniform(-1, 1, program.slots)
    back = replace(program, energy_start_kwh=energy_path(program, power)[program.end])
    again = energy_path(back, -power)[program.end]
    assert (again <= program.energy_start_kwh + 1e-9).all()


@given(seed=seeds)
@settings(max_examples=30)
def test_energy_path_equals_a_plain_loop(seed: int) -> None:
    program = random_program(seed)
    power = np.random.default_rng(seed).uniform(-9, 9, program.slots)
    path = energy_path(program, power)
    slot = 0
    for store in range(program.stores):
        energy = program.energy_start_kwh[store]
        for _ in range(program.first[store], program.stop[store]):
            if power[slot] > 0:
                energy -= power[slot] * program.step_h / program.efficiency_discharge[store]
            else:
                energy -= power[slot] * program.step_h * program.efficiency_charge[store]
            assert path[slot] == pytest.approx(energy, abs=1e-9)
            slot += 1


@given(seed=seeds)
@settings(max_examples=20)
def test_the_root_sees_every_store_once(seed: int) -> None:
    program = random_program(seed)
    power = np.random.default_rng(seed).uniform(-9, 9, program.slots)
    net = net_power(program, power)
    by_step = np.bincount(program.step, power, program.steps)
    np.testing.assert_allclose(net[program.parent < 0].sum(axis=0), by_step, atol=1e-9)


def test_add_up_climbs_every_level() -> None:
    own = np.array([[1.0], [10.0], [100.0], [1000.0]])
    total = add_up(own, np.array([-1, 0, 1, 2]))
    np.testing.assert_array_equal(total.ravel(), [1111, 1110, 1100, 1000])


def test_charging_costs_and_feeding_earns() -> None:
    program = random_program(0, Kind(tight=False))
    program = replace(program, end_value_per_kwh=np.zeros(program.stores))
    assert cost(program, np.full(program.slots, -1.0)) > 0
    assert cost(program, np.full(program.slots, 1.0)) < 0


def test_full_power_costs_its_square_times_the_curve() -> None:
    program = random_program(0, Kind(tight=False))
    rising = replace(program, draw_curve_per_kwh_kw=np.full(program.slots, 0.02))
    draw, feed = np.full(program.slots, -3.0), np.full(program.slots, 3.0)
    extra = cost(rising, draw) - cost(program, draw)
    assert extra == pytest.approx(program.step_h * 0.02 * 9.0 * program.slots)
    assert cost(rising, feed) == cost(program, feed)


def test_a_peak_drawn_before_is_not_paid_twice() -> None:
    program = random_program(1, KINDS["peaks"])
    idle = np.zeros(program.slots)
    before = replace(program, peak_before_kw=program.peak_before_kw + 3.0)
    extra = cost(before, idle) - cost(program, idle)
    assert extra == pytest.approx(3.0 * program.peak_price_per_kw.sum())


def test_slots_where_waste_pays_are_those_with_negative_prices() -> None:
    program = random_program(7, Kind(tight=False, negative=True))
    loose = replace(program, discharge_kw=np.full(program.stores, 5.0))
    clearly = loose.feed_price_per_kwh < -0.05
    assert loose.simultaneous[
        clearly & (loose.draw_price_per_kwh < loose.feed_price_per_kwh * 1.4)
    ].all()
    assert not loose.simultaneous[loose.draw_price_per_kwh > 0.05].any()


def test_net_power_without_any_store_is_zero() -> None:
    whole = random_program(0)
    nobody = pick(whole, np.arange(whole.nodes), np.zeros(0, np.int64)).program
    net = net_power(nobody, np.zeros(0))
    assert net.dtype == float
    assert not net.any()
