from dataclasses import fields, replace

import numpy as np
import pytest

from benchmarks.plan import day
from benchmarks.plan.families import FAMILIES, mixed_tree
from evergrid.core.tree import add_up
from evergrid.engine import parts, reference
from evergrid.engine.program import Program, net_power
from evergrid.engine.solution import Solution
from evergrid.fleet.synthetic.group import Place

SESSIONS = 200
Solved = dict[str, tuple[Program, Solution]]
EVERY = pytest.mark.parametrize("name", FAMILIES)


@pytest.fixture(scope="module")
def solved() -> Solved:
    """Every family at a small size with its optimum, each solved once."""
    made = {name: family(SESSIONS, seed=1) for name, family in FAMILIES.items()}
    return {name: (program, reference.solve(program)) for name, program in made.items()}


def binding(solution: Solution) -> np.ndarray:
    return solution.limit_price > 1e-6


@EVERY
def test_a_family_has_the_size_that_was_asked_for(name: str):
    for sessions, steps in ((50, 96), (333, 96), (100, 48)):
        program = FAMILIES[name](sessions, seed=2, steps=steps)
        assert (program.stores, program.steps, program.step_h) == (sessions, steps, 0.25)


@EVERY
def test_the_same_seed_gives_the_same_instance_and_another_seed_does_not(name: str):
    first, again, other = (FAMILIES[name](60, seed=seed) for seed in (3, 3, 4))
    columns = [field.name for field in fields(first)]
    assert all(np.array_equal(getattr(first, c), getattr(again, c)) for c in columns)
    assert not np.array_equal(first.energy_start_kwh, other.energy_start_kwh)


@EVERY
def test_a_family_is_feasible(name: str, solved: Solved):
    _, solution = solved[name]
    proven = solution.certificate
    assert proven is not None
    assert solution.status == "optimal"
    assert max(proven.power_kw, proven.energy_kwh, proven.node_kw) < 1e-6


@EVERY
@pytest.mark.parametrize("seed", [2, 3])
def test_a_family_is_feasible_with_other_seeds(name: str, seed: int):
    assert reference.solve(FAMILIES[name](100, seed=seed)).status.good


@EVERY
def test_unused_vehicles_break_no_limit(name: str, solved: Solved):
    program, _ = solved[name]
    assert (program.net_low_kw < 0).all()
    assert (program.net_high_kw > 0).all()


@pytest.mark.parametrize("name", ["home", "depot", "negative_prices"])
def test_every_transformer_that_stands_alone_binds(name: str, solved: Solved):
    program, solution = solved[name]
    assert (program.parent < 0).all()
    assert binding(solution).any(axis=1).all()


def test_the_mixed_tree_binds_on_each_of_three_levels(solved: Solved):
    program, solution = solved["mixed_tree"]
    depth = levels(program)
    bound = np.array(binding(solution).any(axis=1))
    assert depth.max() == 2
    assert all(bound[depth == level].any() for level in range(3))
    assert len(parts.trees(program)) == 1


def test_a_limit_holds_back_every_congested_vehicle_most_of_the_day(solved: Solved):
    program, solution = solved["all_congested"]
    bound = binding(solution)
    held_back = bound | np.where((program.parent >= 0)[:, None], bound[program.parent], False)
    assert levels(program).max() == 1
    assert held_back.any(axis=1).all()
    assert held_back[program.node[program.store], program.step].mean() > 0.5


def test_no_limit_binds_where_nothing_is_congested(solved: Solved):
    program, solution = solved["uncongested"]
    low, high = program.net_range_kw
    assert (low >= program.net_low_kw).all()
    assert (high <= program.net_high_kw).all()
    assert not binding(solution).any()


def test_a_feeder_that_pays_for_its_highest_power_draws_less_at_most(solved: Solved):
    program, solution = solved["metered"]
    feeder = program.parent < 0
    assert (program.peak_price_per_kw[feeder] > 0).all()
    free = reference.solve(replace(program, peak_price_per_kw=np.zeros(program.nodes)))
    highest = [
        (program.load_kw - net_power(program, found.power_kw)).max(axis=1)[feeder].sum()
        for found in (solution, free)
    ]
    assert highest[0] < 0.9 * highest[1]


def test_a_net_meter_is_met_where_its_price_jumps(solved: Solved):
    program, solution = solved["metered"]
    drawn = (program.load_kw - net_power(program, solution.power_kw))[program.parent >= 0]
    assert (program.surcharge_per_kwh[program.parent >= 0] > 0).all()
    assert (np.abs(drawn) < 1e-6).mean() > 0.01
    assert (drawn < -1).any()


def test_prices_are_below_zero_for_some_hours_only_where_the_name_says_so(solved: Solved):
    for name, (program, _) in solved.items():
        share = (program.draw_price_per_kwh < 0).mean()
        assert (0.02 < share < 0.5) if name == "negative_prices" else share == 0


def test_energy_is_fed_in_every_family(solved: Solved):
    assert [name for name, (_, s) in solved.items() if s.power_kw.max() < 1] == []


def test_a_transformer_serves_at_most_25_vehicles_of_one_place():
    shares: dict[Place, float] = {"home": 0.6, "workplace": 0.25, "depot": 0.15}
    fleet = day.fleet(day.horizon(96), shares, 1000, seed=1)
    assert fleet.vehicles.max() == 25
    assert set(fleet.place) == set(shares)
    assert len(np.unique(fleet.sessions.asset_id)) == fleet.vehicles.sum()
    by_vehicle = {}
    for asset, transformer in zip(fleet.sessions.asset_id, fleet.transformer, strict=True):
        assert by_vehicle.setdefault(asset, transformer) == transformer
        assert asset.startswith(fleet.place[transformer])


def test_a_fleet_of_20000_has_feeders_of_about_20_transformers():
    program = mixed_tree(20_000, seed=1)
    below = np.bincount(program.parent[program.parent >= 0])
    feeders = below[below > 0][:-1]
    assert 18 <= feeders.min() <= feeders.max() <= 20


def levels(program: Program) -> np.ndarray:
    depth = np.zeros(program.nodes, int)
    above = program.parent
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, program.parent[above], -1)
    assert add_up(np.ones((program.nodes, 1)), program.parent)[depth == 0].sum() == program.nodes
    return depth
