"""The refined run of one store and its bound against every run there is."""

from itertools import product

import numpy as np
import pytest

from evergrid.engine.power_steps import dynamic_program
from evergrid.engine.power_steps.refinement import cheapest, run_cost
from tests.engine.power_steps.test_dynamic_program import a_case, price_of
from tests.everyday import first


@pytest.mark.parametrize("feeds", [False, True])
@pytest.mark.parametrize("seed", first(3, range(12)))
def test_the_bound_comes_to_what_the_cheapest_of_all_runs_costs(seed: int, feeds: bool) -> None:
    case = a_case(seed, feeds=feeds, start_price=0.0, bin_kwh=1.0, bins=20)
    best = min(price_of(case, run) for run in product(case.level.tolist(), repeat=6))
    known = dynamic_program.cheapest(case).steps
    made = cheapest(case, known, 0.0)
    if not np.isfinite(best):
        return
    assert made.bound <= best + 1e-9
    assert made.bound == pytest.approx(best, abs=1e-7)
    assert best - 1e-7 <= made.cost <= run_cost(case, known)
    assert price_of(case, made.steps.tolist()) == pytest.approx(made.cost, abs=1e-7)


@pytest.mark.parametrize("seed", first(3, range(8)))
def test_a_bound_of_wide_bins_alone_is_one_too(seed: int) -> None:
    case = a_case(seed, feeds=True, start_price=0.0, bin_kwh=2.0, bins=10)
    best = min(price_of(case, run) for run in product(case.level.tolist(), repeat=6))
    if np.isfinite(best):
        known = dynamic_program.cheapest(case._replace(bin_kwh=0.25, bins=60)).steps
        made = cheapest(case, known, 1e9)  # anything is near enough
        assert made.bound <= best + 1e-9


def test_a_poor_run_that_is_known_costs_time_and_not_the_bound() -> None:
    for seed in range(6):
        case = a_case(
            seed, feeds=True, start_price=0.0, bin_kwh=1.0, bins=20, least_on=1, least_off=1,
            most_starts=-1, on_before=0, off_before=9,
        )  # fmt: skip
        idle = np.zeros(6, np.int64)  # keeps every rule, and leaves what is owed undone
        best = min(price_of(case, run) for run in product(case.level.tolist(), repeat=6))
        made = cheapest(case, idle, 0.0)
        assert run_cost(case, idle) > best + 1.0
        assert made.bound == pytest.approx(best, abs=1e-7)


def test_a_store_whose_energies_meet_nowhere_is_proven_to_be_cheapest() -> None:
    """Forty slots, 21 levels, losses that make energies fall between bins: exact all the same."""
    rng = np.random.default_rng(4)
    level = np.arange(-16, 17)
    change = np.where(level > 0, 0.1604 * level, 0.1855 * level) * np.ones((40, 1))
    price = rng.uniform(0.05, 0.4, 40)
    cost = 0.1725 * price[:, None] * level
    cost[:, (np.abs(level) < 6) & (level != 0)] = np.inf
    case = a_case(
        1, cost=cost, change_kwh=change, level=level, floor_kwh=np.full(40, 3.0), high_kwh=40.0,
        start_kwh=20.0, owed_kwh=32.0, bin_kwh=0.08, low_kwh=2.96, bins=470, least_on=1,
        least_off=1, most_starts=-1, on_before=0, off_before=9, start_price=0.0,
        short_price_per_kwh=1e4, worth_per_kwh=0.2,
    )  # fmt: skip
    fine = case._replace(bin_kwh=0.01, bins=3760)
    known = dynamic_program.cheapest(fine).steps
    made = cheapest(case, known, 0.0)
    assert made.bound <= made.cost <= run_cost(case, known)
    assert made.cost - made.bound < 1e-6
