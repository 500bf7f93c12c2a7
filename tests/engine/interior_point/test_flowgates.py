"""Flowgates in the interior point: the same answers as HiGHS, and algebra against dense solves."""

import time
from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.interior_point import flowgates as barrier
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.flowgates import GatePoint
from evergrid.engine.program import Program
from evergrid.engine.terms import flowgates
from tests.engine.cases import Kind, forest, gated, random_program

KINDS = {
    "plain": Kind(stores=20, steps=24, spread=0.05),
    "all": Kind(stores=20, steps=24, spread=0.05, metered=True, peaks=True, budgets=True),
    "negative": Kind(stores=20, steps=24, negative=True),
    "curved": Kind(stores=20, steps=24, tight=False, curved=True),
}


def case(seed: int, kind: Kind) -> Program:
    """A program that keeps every flowgate at rest, so that it has a schedule."""
    program = random_program(seed, kind)
    return gated(replace(program, energy_end_kwh=program.energy_low_kwh), seed, count=60, tight=0.2)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", KINDS)
def test_the_optimum_is_that_of_highs(name: str, seed: int) -> None:
    program = case(seed, KINDS[name])
    exact = reference.solve(program)
    found = solver.solve(program, method="interior_point", gap=1e-6)
    assert exact.status is found.status is Status.OPTIMAL
    assert exact.certificate is not None
    assert found.certificate is not None
    objective = exact.certificate.objective
    free = reference.solve(replace(program, terms=())).certificate
    assert free is not None
    assert objective > free.objective + 0.01
    assert found.certificate.objective == pytest.approx(objective, rel=2e-6)
    assert found.certificate.bound <= objective + 1e-9


def test_many_dense_flowgates_converge_without_help_of_another_method() -> None:
    """As many as a few for each node and step, which only converge where each step is refined."""
    program = gated(random_program(5, Kind(stores=60, steps=24, spread=0.05)), 5, count=300)
    program = replace(program, energy_end_kwh=program.energy_low_kwh)
    found = interior_point.minimise(program, gap=1e-6, deadline=time.perf_counter() + 300)
    assert found.solved.all()
    exact = reference.solve(program).certificate
    assert exact is not None
    assert found.certificate is not None
    assert found.certificate.keeps_limits
    assert found.certificate.objective == pytest.approx(exact.objective, rel=2e-6)


def test_they_tie_trees_that_share_nothing_else() -> None:
    program = forest(7, trees=3, kind=KINDS["plain"])
    free = solver.solve(program, method="interior_point").power_kw
    program = gated(program, 1, count=40, tight=0.1)
    found, exact = solver.solve(program, method="interior_point"), reference.solve(program)
    assert found.certificate is not None
    assert exact.certificate is not None
    assert found.certificate.objective == pytest.approx(exact.certificate.objective, rel=2e-6)
    assert not np.allclose(found.power_kw, free, atol=0.1)


def test_prices_found_are_those_of_highs_where_they_are_unique() -> None:
    program = case(1, KINDS["curved"])
    found = interior_point.minimise(program, gap=1e-8, deadline=time.perf_counter() + 60)
    exact = flowgates.prices(program, reference.solve(program, gap=1e-9).dual)
    assert exact.max() > 1e-3
    np.testing.assert_allclose(flowgates.prices(program, found.dual), exact, atol=2e-3)


def test_the_next_plan_may_begin_from_the_last() -> None:
    program = case(0, KINDS["plain"])
    last = solver.solve(program, method="interior_point")
    again = solver.solve(program, method="interior_point", guess=last.guess)
    assert again.status is Status.OPTIMAL
    assert again.certificate is not None
    assert last.certificate is not None
    assert again.certificate.objective == pytest.approx(last.certificate.objective, rel=2e-6)
    assert again.iterations <= last.iterations


def test_held_back_sums_solve_the_dense_system() -> None:
    rng = np.random.default_rng(0)
    count, nodes = 6, 9
    weight = rng.normal(size=(count, nodes))
    gates = Flowgates(np.zeros(count, np.int64), weight, np.ones(count))
    square = rng.normal(size=(nodes, nodes))
    answers = weight @ (square @ square.T) @ weight.T
    point = GatePoint(10.0 ** rng.uniform(-9, 0, count), 10.0 ** rng.uniform(-3, 3, count))
    made = barrier.prepare(gates, point, np.zeros((nodes, 1)), np.arange(count), answers)
    change = rng.normal(size=count)
    held = barrier.sums_held_back(made, change)
    np.testing.assert_allclose(held + answers @ (made.stiff * held), change, rtol=1e-6, atol=1e-7)


def test_the_longest_step_keeps_slacks_and_multipliers_positive_and_a_longer_one_does_not() -> None:
    point = GatePoint(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    by = GatePoint(np.array([-4.0, 1.0]), np.array([1.0, -16.0]))
    assert barrier.longest(point, by) == (0.25, 0.25)
