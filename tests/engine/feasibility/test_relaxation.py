"""What must give way in a large program, against HiGHS on the same."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.tree import add_up
from evergrid.engine import reference
from evergrid.engine.feasibility import least_violation
from evergrid.engine.program import Program
from evergrid.engine.solution import Relaxation
from evergrid.engine.violations import TOLERANCE, violations
from tests.engine.cases import Kind, random_program

KIND = Kind(stores=25, steps=24, step_h=0.5)
TOLD_KWH = 1e-3  # shortfall below this is not told


def as_large(program: Program, monkeypatch: pytest.MonkeyPatch) -> Relaxation:
    """What gives way by the way of large trees."""
    with monkeypatch.context() as patched:
        patched.setattr(least_violation, "LARGE_SLOTS", 0)
        return least_violation.find(program)


def overfull(seed: int) -> Program:
    """A program in which one node's stores are owed as much as their chargers can give at all."""
    program = random_program(seed, KIND)
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    most = np.minimum(program.energy_high_kwh, program.energy_start_kwh + full)
    crowded = program.node == seed % 4
    return replace(program, energy_end_kwh=np.where(crowded, most, program.energy_end_kwh))


@pytest.mark.parametrize("seed", range(12))
def test_the_shortfall_is_the_least_there_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program = overfull(seed)
    found, exact = as_large(program, monkeypatch), least_violation.find(program)
    assert found.shortfall_kwh.sum() == pytest.approx(exact.shortfall_kwh.sum(), rel=1e-3, abs=1e-3)
    report, least = found.shortfall_kwh > TOLD_KWH, exact.shortfall_kwh > TOLD_KWH
    assert report.any() == least.any()
    assert violations(found.program, found.power_kw).by_tree(found.program).max() <= TOLERANCE
    widened = reference.solve(found.program)
    assert widened.status.good
    if report.any():
        assert found.limiting.any()


def test_loads_that_break_a_limit_by_themselves_are_told_apart_from_shortfall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = random_program(1, replace(KIND, tight=False))
    low = np.full(program.net_low_kw.shape, -np.inf)
    low[0, 5] = 200.0  # more than all stores together could feed
    program = replace(program, net_low_kw=low)
    found, exact = as_large(program, monkeypatch), least_violation.find(program)
    assert found.excess_kw[0, 5] == pytest.approx(exact.excess_kw[0, 5], rel=1e-4)
    assert (np.delete(found.excess_kw.ravel(), 5) == 0).all()
    assert reference.solve(found.program).status.good


@pytest.mark.parametrize("seed", range(6))
def test_what_a_budget_keeps_from_stores_is_the_least_there_is(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = scarce(seed)
    found, exact = as_large(program, monkeypatch), least_violation.find(program)
    assert found.shortfall_kwh.sum() == pytest.approx(exact.shortfall_kwh.sum(), rel=1e-3)
    assert found.shortfall_kwh.sum() > 1.0
    assert found.exhausted[seed % 4]
    assert exact.exhausted[seed % 4]
    assert not found.excess_kwh.any()
    assert reference.solve(found.program).status.good
    np.testing.assert_allclose(found.program.budget, program.budget, atol=1e-6)


def test_a_load_above_its_budget_is_told_with_what_the_stores_cannot_make_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = random_program(5, replace(KIND, tight=False))
    load_kw = np.full(program.load_kw.shape, 2.0)
    budget = np.array([np.inf, 12.0, -500.0, np.inf])  # of 24 kWh that the load draws
    program = replace(program, load_kw=load_kw, budget_kwh=budget)
    found, exact = as_large(program, monkeypatch), least_violation.find(program)
    assert exact.excess_kwh[2] > 300.0
    np.testing.assert_allclose(found.excess_kwh, exact.excess_kwh, rtol=1e-3, atol=2e-3)
    for made in (found, exact):
        assert made.needed
        assert (made.excess_kwh[[0, 3]] == 0).all()
        # Service comes before a budget that loads exceed by themselves, but not beyond that.
        assert made.excess_kwh[1] <= 12.0 + 1e-3
        assert reference.solve(made.program).status.good


def scarce(seed: int) -> Program:
    """A program in which one node's budget is half of what its stores are owed."""
    program = replace(random_program(seed, replace(KIND, tight=False)), discharge_kw=np.zeros(25))
    owed = (
        np.maximum(program.energy_end_kwh - program.energy_start_kwh, 0.0)
        / program.efficiency_charge
    )
    own = np.bincount(program.node, owed, program.nodes)[:, None]
    below = add_up(own, program.parent)[:, 0]
    half = np.where(np.arange(program.nodes) == seed % 4, 0.5 * below, np.inf)
    return replace(program, budget_kwh=half)


def test_nothing_gives_way_where_a_schedule_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    program = random_program(2, KIND)
    made = as_large(program, monkeypatch)
    assert not (made.shortfall_kwh > TOLD_KWH).any()
    assert not made.excess_kw.any()
    np.testing.assert_array_equal(made.program.net_low_kw, program.net_low_kw)
