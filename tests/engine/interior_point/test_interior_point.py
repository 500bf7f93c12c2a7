"""The interior point against HiGHS on random programs, and its own promises."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import certify
from evergrid.engine.interior_point import interior_point, store_state
from evergrid.engine.parts import pick
from evergrid.engine.program import Program, net_power
from tests.engine.cases import KINDS, Kind, random_program

CHUNKED = Kind(stores=80, steps=24)  # solved in chunks that hold fewer stores than a node
LARGE = [
    Kind(stores=30, steps=24, step_h=0.5),
    Kind(stores=12, negative=True),
    Kind(stores=20, tight=False),
    Kind(stores=40, steps=48, step_h=0.25, spread=0.02),
    CHUNKED,
    Kind(stores=25, metered=True),
    Kind(stores=25, peaks=True),
    Kind(stores=30, steps=24, step_h=0.25, metered=True, peaks=True, spread=0.01),
    Kind(stores=30, steps=24, step_h=0.5, curved=True),
    Kind(stores=30, steps=24, step_h=0.5, budgets=True),
    Kind(stores=20, steps=24, tight=False, curved=True, budgets=True),
    Kind(stores=25, steps=24, step_h=0.25, metered=True, peaks=True, curved=True, budgets=True),
]


def worst(solution: solver.Solution) -> float:
    proof = solution.certificate
    assert proof is not None
    return max(proof.power_kw, proof.energy_kwh, proof.node_kw)


@pytest.mark.parametrize("kind", LARGE, ids=str)
@pytest.mark.parametrize("seeds", [4, pytest.param(40, marks=pytest.mark.exhaustive)])
def test_hundreds_of_random_programs_agree_with_highs_within_the_claimed_gap(
    kind: Kind, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is CHUNKED:
        monkeypatch.setattr(store_state, "CHUNK", 8)
    for seed in range(seeds):
        program = random_program(seed, kind)
        exact = reference.solve(program)
        found = solver.solve(program, method="interior_point", gap=1e-5)
        if exact.status is Status.INFEASIBLE:
            assert found.status is Status.INFEASIBLE, seed
            continue
        assert exact.certificate is not None
        assert found.certificate is not None
        best = exact.certificate.objective
        assert found.certificate.bound <= best + 1e-9 * (1 + abs(best)), seed
        claimed = found.certificate.gap * max(abs(found.certificate.objective), abs(best))
        assert found.certificate.objective <= best + claimed + 1e-9, seed
        assert found.certificate.gap <= 1e-4 or abs(best) < 0.1, seed
        assert worst(found) <= 1e-6, seed


@given(seed=st.integers(0, 10_000), kind=st.sampled_from([LARGE[0], *LARGE[-2:]]))
@settings(max_examples=20)
def test_the_bound_never_exceeds_the_optimum_even_if_stopped_early(seed: int, kind: Kind) -> None:
    program = random_program(seed, kind)
    exact = reference.solve(program)
    assume(exact.certificate is not None)
    assert exact.certificate is not None
    early = interior_point.minimise(program, gap=0.5, deadline=time.perf_counter() + 60)
    proof = certify(program, early.power_kw, early.dual)
    best = exact.certificate.objective
    assert proof.bound <= best + 1e-9 * (1 + abs(best))


@pytest.mark.parametrize("kind", [LARGE[0], LARGE[-1]], ids=str)
def test_order_of_stores_changes_only_the_order(kind: Kind) -> None:
    program = random_program(5, kind)
    order = np.random.default_rng(5).permutation(program.stores)
    turned = pick(program, np.arange(program.nodes), order)
    found = solver.solve(program, method="interior_point")
    other = solver.solve(turned.program, method="interior_point")
    assert found.certificate is not None
    assert other.certificate is not None
    assert (order != np.arange(program.stores)).any()
    assert other.certificate.objective == pytest.approx(found.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(other.power_kw, found.power_kw[turned.slots], atol=1e-6)


@pytest.mark.parametrize("kind", [LARGE[0], LARGE[-1]], ids=str)
def test_scaling_prices_scales_the_cost(kind: Kind) -> None:
    program = random_program(3, kind)
    priced = (
        "draw_price_per_kwh",
        "feed_price_per_kwh",
        "end_value_per_kwh",
        "surcharge_per_kwh",
        "peak_price_per_kw",
    )
    priced += ("draw_curve_per_kwh_kw", "feed_curve_per_kwh_kw") if kind.curved else ()
    scaled = replace(program, **{name: getattr(program, name) * 1000 for name in priced})
    one = solver.solve(program, method="interior_point").certificate
    other = solver.solve(scaled, method="interior_point").certificate
    assert one is not None
    assert other is not None
    assert other.objective == pytest.approx(1000 * one.objective, rel=1e-4)


def test_a_deep_tree_is_eliminated_exactly() -> None:
    """Five levels of which each binds somewhere."""
    program = _deep(levels=5, stores=60)
    exact = reference.solve(program)
    found = solver.solve(program, method="interior_point", gap=1e-6)
    assert exact.certificate is not None
    assert found.certificate is not None
    assert found.certificate.objective == pytest.approx(exact.certificate.objective, rel=1e-5)
    assert worst(found) <= 1e-6
    assert (found.limit_price > 1e-6).any(axis=1).sum() >= 3
    np.testing.assert_allclose(
        found.limit_price.sum(), exact.limit_price.sum(), rtol=0.05
    )  # ties may share a price between levels, their sum stays


def test_nodes_without_stores_and_stores_without_discharge_do_no_harm() -> None:
    program = random_program(8, LARGE[0])
    program = replace(program, discharge_kw=np.zeros(program.stores))
    empty = replace(
        program,
        parent=np.append(program.parent, [0, -1]),
        **{
            name: np.concatenate([getattr(program, name), np.repeat(fill, 2, axis=0)])
            for name, fill in (
                ("net_low_kw", np.full((1, program.steps), -5.0)),
                ("net_high_kw", np.zeros((1, program.steps))),
                ("load_kw", np.zeros((1, program.steps))),
                ("surcharge_per_kwh", np.zeros((1, program.steps))),
                ("peak_price_per_kw", np.zeros(1)),
                ("peak_before_kw", np.zeros(1)),
            )
        },
    )
    exact = reference.solve(program).certificate
    found = solver.solve(empty, method="interior_point").certificate
    assert exact is not None
    assert found is not None
    assert found.objective == pytest.approx(exact.objective, rel=1e-5, abs=1e-5)


def test_iterations_hardly_grow_with_the_fleet() -> None:
    counts = []
    for stores in (50, 1600):
        program = random_program(1, Kind(stores=stores, steps=24, step_h=0.5, tight=False))
        made = interior_point.minimise(program, gap=1e-5, deadline=np.inf)
        assert made.solved.all()
        counts.append(made.iterations)
    assert counts[1] <= counts[0] + 12


def test_the_residual_history_ends_below_what_is_allowed() -> None:
    program = random_program(2, LARGE[0])
    made = interior_point.minimise(program, gap=1e-6, deadline=np.inf)
    assert len(made.history) == made.iterations
    assert made.history[-1, 1] <= 1.0
    assert made.history[-1, 0] < 1e-4 * made.history[0, 0]


def test_a_meter_that_pays_for_drawing_is_left_to_highs() -> None:
    program = random_program(0, KINDS["net meter"])
    assert interior_point.supports(program)
    assert not interior_point.supports(
        replace(program, surcharge_per_kwh=-program.surcharge_per_kwh)
    )


def _deep(*, levels: int, stores: int) -> Program:
    """A chain of nodes with stores on every level and limits that tighten upwards."""
    base = random_program(4, Kind(stores=stores, steps=24, step_h=0.5, tight=False))
    below = stores * (levels - np.arange(levels)) / levels
    room = below * np.linspace(2.2, 1.2, levels)
    wide = np.repeat(room[:, None], base.steps, axis=1)
    nothing = np.zeros((levels, base.steps))
    reach = np.minimum(base.energy_end_kwh, base.energy_start_kwh + 1.0)
    return replace(
        base,
        energy_end_kwh=reach,
        node=np.arange(stores) % levels,
        parent=np.arange(levels) - 1,
        net_low_kw=-wide,
        net_high_kw=wide,
        load_kw=nothing,
        surcharge_per_kwh=nothing,
        peak_price_per_kw=np.zeros(levels),
        peak_before_kw=np.zeros(levels),
    )


@pytest.mark.parametrize("peaks", [False, True])
@pytest.mark.parametrize("budgets", [False, True])
def test_long_horizons_are_factored_block_by_block_to_the_same_plan(
    peaks: bool, budgets: bool
) -> None:
    kind = Kind(stores=16, steps=200, step_h=0.25, metered=peaks, peaks=peaks, budgets=budgets)
    program = random_program(3, kind)
    exact = reference.solve(program).certificate
    made = interior_point.minimise(program, gap=1e-6, deadline=np.inf)
    assert exact is not None
    assert made.solved.all()
    proof = certify(program, made.power_kw, made.dual)
    assert proof.objective == pytest.approx(exact.objective, rel=1e-5)
    assert proof.gap <= 1e-5


def test_more_than_full_power_gives_is_told_as_unsolved() -> None:
    program = random_program(4, replace(LARGE[0], tight=False))
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    owed = program.energy_start_kwh + full + 1e-3
    high = np.maximum(program.energy_high_kwh, owed)
    made = interior_point.minimise(
        replace(program, energy_end_kwh=owed, energy_high_kwh=high), gap=1e-3, deadline=np.inf
    )
    assert not made.solved[program.node].all()


@pytest.mark.parametrize("seed", range(4))
def test_prices_of_budgets_are_those_of_highs(seed: int) -> None:
    program = random_program(seed, LARGE[-2])
    exact, found = reference.solve(program), solver.solve(program, method="interior_point")
    assert (exact.dual.budget_price > 1e-3).any()
    np.testing.assert_allclose(found.dual.budget_price, exact.dual.budget_price, atol=2e-3)


def test_programs_without_rising_costs_or_budgets_carry_nothing_of_them() -> None:
    run = interior_point.Run(random_program(0, LARGE[0]), 1e-3)
    assert run.stores.curve is None
    assert run.barrier.budgets is None
    assert run.nodes.factors.shape[1:] == run.nodes.answers.shape[1:]


@pytest.mark.parametrize("method", ["highs", "interior_point"])
@pytest.mark.parametrize("seed", range(3))
def test_no_rise_and_endless_budgets_change_nothing(method: solver.Method, seed: int) -> None:
    program = random_program(seed, LARGE[-1])
    plain = replace(
        program, draw_curve_per_kwh_kw=None, feed_curve_per_kwh_kw=None, budget_kwh=None
    )
    none = np.zeros(program.slots)
    endless = np.full(program.nodes, np.inf)
    same = replace(
        program, draw_curve_per_kwh_kw=none, feed_curve_per_kwh_kw=none, budget_kwh=endless
    )
    one, other = (solver.solve(made, method=method, gap=1e-6) for made in (plain, same))
    assert one.certificate is not None
    assert other.certificate is not None
    assert other.iterations == one.iterations
    np.testing.assert_allclose(other.power_kw, one.power_kw, atol=1e-6)
    assert other.certificate.bound == pytest.approx(one.certificate.bound, rel=1e-9)
    assert not other.dual.budget_price.any()


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_that_does_not_bind_costs_nothing(seed: int) -> None:
    program = replace(random_program(seed, LARGE[0]), budget_kwh=None)
    free = solver.solve(program, method="interior_point", gap=1e-6)
    drawn = program.step_h * (program.load_kw - net_power(program, free.power_kw)).sum(axis=1)
    held = solver.solve(replace(program, budget_kwh=drawn + 5.0), method="interior_point", gap=1e-6)
    assert free.certificate is not None
    assert held.certificate is not None
    assert held.certificate.objective == pytest.approx(free.certificate.objective, rel=3e-6)
    assert (held.dual.budget_price < 1e-3).all()


def test_a_budget_out_of_reach_of_the_stores_is_no_row() -> None:
    program = random_program(0, LARGE[0])
    wide = replace(program, budget_kwh=np.full(program.nodes, 1e6))
    assert interior_point.Run(wide, 1e-3).barrier.budgets is None


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("size", [1e200, 1e290])
def test_a_tree_whose_numbers_run_away_is_lost_without_a_warning(size: float):
    program = random_program(1, Kind(stores=8, peaks=True))
    run = interior_point.Run(program, 1e-6)
    run.barrier.steps.point.slack[...] /= size
    run.barrier.steps.point.multiplier[...] *= size
    run.until(time.perf_counter() + 60.0)
    assert not run.active.any()
    assert not run.solved[run.used[run.tree]].any()
