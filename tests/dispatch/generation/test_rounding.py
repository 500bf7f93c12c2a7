"""Whole units rounded from parts: long enough, never fewer, and a schedule that serves the load."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.status import Status
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.program import build, cost_blocks
from evergrid.dispatch.generation.rounding import filled, rounded
from evergrid.dispatch.generation.schedule import schedule_units
from evergrid.engine.highs.sparse_program import solve
from tests.dispatch.generation.cases import system
from tests.dispatch.generation.test_unit_schedule import run_lengths, three_units


@pytest.mark.parametrize("seed", range(20))
def test_no_run_and_no_break_is_too_short_and_none_is_taken_away(seed: int):
    rng = np.random.default_rng(seed)
    on = rng.random((4, 30)) < 0.3
    up, down = rng.integers(1, 9, 4), rng.integers(1, 9, 4)
    full = filled(on, up, down)
    assert (full >= on).all()
    for unit in range(4):
        for value, length, inside in run_lengths(full[unit]):
            assert not inside or length >= (up if value else down)[unit]


def test_units_that_are_whole_and_long_enough_stay_as_they_are():
    on = np.array([[0, 0, 1, 1, 1, 0, 0, 0]], bool)
    assert (filled(on, np.array([3]), np.array([2])) == on).all()


def test_what_is_rounded_serves_the_load_and_costs_no_less_than_the_least():
    fleet = three_units(min_up_h=np.array([4.0, 3.0, 1.0]), min_down_h=np.array([3.0, 2.0, 1.0]))
    load = system([70.0, 95.0, 150.0, 185.0, 160.0, 90.0, 65.0, 120.0])
    problem = GenerationProblem(fleet, load, commitment="whole", voll_per_mwh=5000.0)
    program, layout = build(problem, cost_blocks(problem))
    relaxed = solve(replace(program, whole=np.zeros_like(program.whole)))
    on = rounded(problem, program, layout, relaxed.values[layout.on], time_limit_s=60.0)
    assert on is not None
    assert set(np.unique(on)) <= {0.0, 1.0}
    lower, upper = program.lower.copy(), program.upper.copy()
    lower[layout.on] = upper[layout.on] = on
    made = solve(replace(program, lower=lower, upper=upper))
    best = schedule_units(problem)
    assert best.status is Status.OPTIMAL
    assert made.values[layout.lost].max() == pytest.approx(0.0, abs=1e-9)
    assert relaxed.cost <= best.cost + 1e-6 <= made.cost + 2e-6
    assert made.cost == pytest.approx(best.cost, rel=0.2)


def test_a_schedule_that_is_known_leads_to_the_same_cost():
    fleet = three_units(min_up_h=np.array([4.0, 3.0, 1.0]))
    rng = np.random.default_rng(3)
    load = system(rng.uniform(70, 180, 48).tolist())
    problem = GenerationProblem(fleet, load, commitment="whole", voll_per_mwh=5000.0)
    known = schedule_units(problem)
    again = schedule_units(problem, start=known)
    assert again.cost == pytest.approx(known.cost, rel=1e-9)
    assert again.bound == pytest.approx(known.bound, rel=1e-8)
