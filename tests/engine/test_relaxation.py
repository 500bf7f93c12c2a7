"""What must give way in a large program, against HiGHS on the same."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.engine import reference, relaxation
from evergrid.engine.certificate import TOLERANCE, Dual, certify
from evergrid.engine.program import Program, add_up
from tests.engine.cases import Kind, random_program

KIND = Kind(units=25, steps=24, step_h=0.5)


def overfull(seed: int) -> Program:
    """A program in which one group's units are owed as much as their chargers can give at all."""
    program = random_program(seed, KIND)
    full = np.bincount(program.unit, program.charge_limit * program.gain, program.units)
    most = np.minimum(program.energy_high, program.energy_start + full)
    crowded = program.group == seed % 4
    return replace(program, energy_end=np.where(crowded, most, program.energy_end))


@pytest.mark.parametrize("seed", range(12))
def test_the_shortfall_is_the_least_there_is(seed: int) -> None:
    program = overfull(seed)
    made = relaxation.relax(program, deadline=np.inf)
    exact = reference.relax(program)
    assert made.solved.all()
    found = made.relaxation
    assert found.shortfall_kwh.sum() == pytest.approx(exact.shortfall_kwh.sum(), rel=1e-3, abs=1e-3)
    assert (found.shortfall_kwh > 0).any() == (exact.shortfall_kwh > 0).any()
    eased, net = reference.solve(found.program), np.zeros(program.net_low.shape)
    assert eased.status.good
    owed = program.energy_end - found.program.energy_end
    np.testing.assert_allclose(owed, found.shortfall_kwh, atol=2 * relaxation.ROOM_KWH)
    if found.needed:
        assert found.limiting.any()
    else:
        proof = certify(program, made.power_kw, Dual(np.zeros(program.slots), net, net[:, 0]))
        assert proof.energy_kwh <= relaxation.REAL_KWH  # less than this is rounding
        assert max(proof.power_kw, proof.group_kw) <= TOLERANCE


def test_loads_that_break_a_limit_by_themselves_are_told_apart_from_shortfall() -> None:
    program = random_program(1, replace(KIND, tight=False))
    low = np.full(program.net_low.shape, -np.inf)
    low[0, 5] = 200.0  # more than all units together could feed
    program = replace(program, net_low=low)
    found = relaxation.relax(program, deadline=np.inf).relaxation
    exact = reference.relax(program)
    assert found.excess_kw[0, 5] == pytest.approx(exact.excess_kw[0, 5], rel=1e-4)
    assert (np.delete(found.excess_kw.ravel(), 5) == 0).all()
    assert reference.solve(found.program).status.good


@pytest.mark.parametrize("seed", range(6))
def test_what_a_budget_keeps_from_units_is_the_least_there_is(seed: int) -> None:
    program = scarce(seed)
    found = relaxation.relax(program, deadline=np.inf).relaxation
    exact = reference.relax(program)
    assert found.shortfall_kwh.sum() == pytest.approx(exact.shortfall_kwh.sum(), rel=1e-3)
    assert found.shortfall_kwh.sum() > 1.0
    assert found.exhausted[seed % 4]
    assert exact.exhausted[seed % 4]
    assert not found.excess_kwh.any()
    assert reference.solve(found.program).status.good
    np.testing.assert_array_equal(found.program.budget, program.budget)


def test_a_load_above_its_budget_is_told_with_what_the_units_cannot_make_up_for() -> None:
    program = random_program(5, replace(KIND, tight=False))
    load = np.full(program.load.shape, 2.0)
    budget = np.array([np.inf, 12.0, -500.0, np.inf])  # of 24 kWh that the load draws
    program = replace(program, load=load, budget_kwh=budget)
    found = relaxation.relax(program, deadline=np.inf).relaxation
    exact = reference.relax(program)
    assert exact.excess_kwh[2] > 300.0
    np.testing.assert_allclose(found.excess_kwh, exact.excess_kwh, rtol=1e-4, atol=1e-3)
    for made in (found, exact):
        assert made.needed
        assert (made.excess_kwh[[0, 1, 3]] == 0).all()
        assert reference.solve(made.program).status.good


def scarce(seed: int) -> Program:
    """A program in which one group's budget is half of what its units are owed."""
    program = replace(random_program(seed, replace(KIND, tight=False)), discharge_kw=np.zeros(25))
    owed = np.maximum(program.energy_end - program.energy_start, 0.0) / program.efficiency_charge
    own = np.bincount(program.group, owed, program.groups)[:, None]
    below = add_up(own, program.parent)[:, 0]
    half = np.where(np.arange(program.groups) == seed % 4, 0.5 * below, np.inf)
    return replace(program, budget_kwh=half)


def test_nothing_gives_way_where_a_schedule_exists() -> None:
    program = random_program(2, KIND)
    made = relaxation.relax(program, deadline=np.inf)
    assert not made.relaxation.needed
    np.testing.assert_array_equal(made.relaxation.program.energy_end, program.energy_end)
    np.testing.assert_array_equal(made.relaxation.program.net_low, program.net_low)
