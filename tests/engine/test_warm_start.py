"""A plan that begins from the last one: the same plan, in fewer iterations."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.status import Status
from evergrid.engine import solver, warm_start
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess, Solution
from tests.engine.cases import Kind, forest, random_program
from tests.engine.later import later

KIND = Kind(stores=30, steps=48, step_h=0.5)
GAP = 1e-4


def solved(program: Program, guess: Guess | None = None) -> Solution:
    return solver.solve(program, method="interior_point", gap=GAP, guess=guess)


def objective(solution: Solution) -> float:
    assert solution.status is Status.OPTIMAL
    assert solution.certificate is not None
    return solution.certificate.objective


@pytest.mark.parametrize("seed", range(4))
def test_the_rest_of_a_plan_is_the_plan_of_the_rest_and_found_sooner(seed: int) -> None:
    program = random_program(seed, KIND)
    last = solved(program)
    rest, kept = later(program, last.power_kw, 2)
    guess = warm_start.shifted(program, last.guess, rest, store=kept, shift=2)
    cold, warm = solved(rest), solved(rest, guess)
    assert objective(warm) == pytest.approx(objective(cold), rel=3 * GAP)
    assert warm.iterations <= 0.7 * cold.iterations


@pytest.mark.parametrize(
    "kind",
    [
        KIND,
        replace(KIND, metered=True, peaks=True),
        replace(KIND, budgets=True, curved=True, tight=False),
    ],
    ids=str,
)
def test_new_stores_and_new_prices_change_the_way_but_not_the_plan(kind: Kind) -> None:
    program = random_program(7, kind)
    last = solved(program)
    rest, kept = later(program, last.power_kw, 3)
    rng = np.random.default_rng(1)
    price = (1 + 0.1 * rng.standard_normal(rest.steps))[rest.step]
    rest = replace(
        rest,
        draw_price_per_kwh=rest.draw_price_per_kwh * price,
        feed_price_per_kwh=rest.feed_price_per_kwh * price,
    )
    store = np.where(rng.random(rest.stores) < 0.2, -1, kept)
    guess = warm_start.shifted(program, last.guess, rest, store=store, shift=3)
    cold, warm = solved(rest), solved(rest, guess)
    assert objective(warm) == pytest.approx(objective(cold), rel=3 * GAP)


def test_what_is_known_is_carried_to_the_same_hour() -> None:
    program = random_program(3, KIND)
    last = solved(program)
    rest, kept = later(program, last.power_kw, 4)
    guess = warm_start.shifted(program, last.guess, rest, store=kept, shift=4)
    left = (program.step >= 4) & np.isin(program.store, kept)
    np.testing.assert_array_equal(guess.power_kw, last.power_kw[left])
    np.testing.assert_array_equal(guess.dual.energy_value, last.dual.energy_value[left])
    np.testing.assert_array_equal(guess.dual.power_price, last.dual.power_price[:, 4:])


def test_a_store_that_stays_longer_than_was_known_holds_its_energy_at_its_last_worth() -> None:
    program = random_program(3, KIND)
    last = solved(program)
    guess = warm_start.shifted(
        program, last.guess, program, store=np.arange(program.stores), shift=program.steps - 1
    )
    late = program.step + program.steps - 1 >= program.stop[program.store]
    assert late.any()
    assert (guess.power_kw[late] == 0).all()
    np.testing.assert_array_equal(
        guess.dual.energy_value[late], last.dual.energy_value[program.end][program.store][late]
    )


def test_a_worthless_guess_does_no_harm() -> None:
    program = random_program(5, KIND)
    last = solved(program)
    nobody = np.full(program.stores, -1)
    guess = warm_start.shifted(program, last.guess, program, store=nobody, shift=0)
    flipped = replace(guess, power_kw=-guess.power_kw)
    assert objective(solved(program, flipped)) == pytest.approx(objective(last), rel=3 * GAP)


def test_a_plan_that_is_good_enough_already_is_kept_as_it_is() -> None:
    program = random_program(3, KIND)
    last = solved(program)
    again = solved(program, last.guess)
    assert again.iterations == 0
    np.testing.assert_array_equal(again.power_kw, last.power_kw)
    assert objective(again) == objective(last)


def test_prices_of_limits_are_kept_with_a_plan_and_do_not_take_in_those_of_meters() -> None:
    program = random_program(3, replace(KIND, metered=True))
    last = solved(program)
    again = solved(program, last.guess)
    assert again.iterations == 0
    assert (last.limit_price > 0).any()
    np.testing.assert_array_equal(again.limit_price, last.limit_price)


def test_only_trees_that_have_changed_are_solved_anew() -> None:
    program = forest(30, trees=5, kind=KIND)
    last = solved(program)
    changed = program.node >= 16
    owed = np.where(changed, program.energy_end_kwh - 0.5, program.energy_end_kwh)
    now = replace(program, energy_end_kwh=np.maximum(owed, program.energy_low_kwh))
    gaps = []
    warm = solver.solve(
        now,
        method="interior_point",
        gap=GAP,
        guess=last.guess,
        progress=lambda iteration, gap: gaps.append(gap),
    )
    cold = solved(now)
    assert np.isfinite(gaps).all()
    assert objective(warm) == pytest.approx(objective(cold), rel=3 * GAP)
    same = ~changed[program.store]
    np.testing.assert_array_equal(warm.power_kw[same], last.power_kw[same])
    np.testing.assert_array_equal(warm.limit_price[:16], last.limit_price[:16])
    assert not np.array_equal(warm.power_kw[~same], last.power_kw[~same])
