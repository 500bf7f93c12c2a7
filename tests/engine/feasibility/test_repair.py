"""Schedules made to keep every limit."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.engine import reference
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.feasibility import repair
from evergrid.engine.program import Program, energy_path, net_power
from tests.engine.cases import Kind, random_program

KIND = Kind(stores=20, steps=24, step_h=0.5)


def unproven(program: Program) -> Dual:
    none = np.zeros((program.nodes, program.steps))
    return Dual(np.zeros(program.slots), none, none[:, 0])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_early_charging_never_breaks_a_limit_even_where_it_cannot_serve_all(seed: int) -> None:
    program = random_program(seed, KIND)
    power = repair.earliest(program)
    assert (power <= 0).all()
    assert (-power <= program.charge_limit_kw + 1e-12).all()
    assert (net_power(program, power) >= program.net_low_kw - 1e-9).all()
    energy = energy_path(program, power)
    assert (
        energy <= np.maximum(program.energy_end_kwh, program.energy_start_kwh)[program.store] + 1e-9
    ).all()


def test_early_charging_serves_all_where_there_is_room() -> None:
    for seed in range(20):
        program = random_program(seed, replace(KIND, tight=False))
        assert repair.kept(program, repair.earliest(program)).all()


def test_those_who_can_wait_least_come_first() -> None:
    program = random_program(0, Kind(stores=2, steps=12))
    program = replace(
        program,
        first=np.array([0, 0]),
        stop=np.array([2, 10]),
        share=np.ones(12),
        draw_price_per_kwh=np.ones(12),
        feed_price_per_kwh=np.ones(12),
        charge_kw=np.full(2, 10.0),
        efficiency_charge=np.ones(2),
        energy_start_kwh=np.full(2, 10.0),
        energy_high_kwh=np.full(2, 50.0),
        energy_end_kwh=np.array([30.0, 40.0]),
        node=np.zeros(2, np.int64),
        net_low_kw=np.full((4, 12), -10.0),
    )
    power = repair.earliest(program)
    np.testing.assert_allclose(power[:2], -10.0, rtol=1e-6)
    np.testing.assert_allclose(power[2:4], 0.0, atol=1e-6)
    assert repair.kept(program, power).all()


def test_a_small_breach_is_mended_by_a_small_share_of_a_safe_schedule() -> None:
    program = random_program(4, KIND)
    best = reference.solve(program)
    safe = repair.earliest(program)
    assert repair.kept(program, safe).all()
    wished = best.power_kw + 0.004 * (best.power_kw - safe)
    assert not repair.kept(program, wished).all()
    made = repair.towards(program, wished, safe)
    assert repair.kept(program, made).all()
    costs = [certify(program, power, unproven(program)).objective for power in (safe, made)]
    assert best.certificate is not None
    assert costs[1] - best.certificate.objective < 0.1 * (costs[0] - best.certificate.objective)


def test_what_keeps_every_limit_is_left_as_it_is() -> None:
    program = random_program(4, KIND)
    best = reference.solve(program).power_kw
    np.testing.assert_array_equal(repair.towards(program, best, repair.earliest(program)), best)
