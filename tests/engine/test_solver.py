"""One door for programs of any size: the choice, the batches, failures named."""

import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError, SolveError
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import certify
from evergrid.engine.feasibility import least_violation, relaxation
from evergrid.engine.highs import mixed_integer
from evergrid.engine.interior_point import flowgates as flowgate_barrier
from evergrid.engine.interior_point import interior_point
from evergrid.engine.program import Program
from evergrid.engine.solution import Solution
from evergrid.engine.terms import flowgates
from tests.engine.cases import KINDS, Kind, forest, gated, random_program

KIND = Kind(stores=30, steps=24, step_h=0.5)


def pays_for_drawing() -> Program:
    metered = random_program(0, KINDS["net meter"])
    return replace(metered, surcharge_per_kwh=-metered.surcharge_per_kwh)


def test_small_programs_go_to_highs_and_large_ones_to_the_interior_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = random_program(0, KIND)
    assert solver.chosen(program, "auto") == "highs"
    monkeypatch.setattr(solver, "SMALL_SLOTS", program.slots - 1)
    assert solver.chosen(program, "auto") == "interior_point"
    assert solver.chosen(pays_for_drawing(), "auto") == "highs"


def test_a_meter_that_pays_for_drawing_is_planned_by_all_methods_alike() -> None:
    program = pays_for_drawing()
    exact = reference.solve(program)
    found = solver.solve(program, method="interior_point")
    assert exact.status is found.status is Status.OPTIMAL
    assert exact.certificate is not None
    assert found.certificate is not None
    objective = pytest.approx(exact.certificate.objective, rel=1e-5)
    assert found.certificate.objective == objective


@pytest.mark.parametrize("method", ["device", "cluster"])
def test_flowgates_are_refused_by_methods_that_do_not_cover_them(method: solver.Method) -> None:
    program = gated(random_program(0, KIND), 0)
    rule = rf"be highs or interior_point for .* sites share\), got {method}\. Choose auto"
    with pytest.raises(InputError, match=rule):
        solver.solve(program, method=method)


def test_a_mean_of_several_peaks_is_planned_by_all_methods_alike() -> None:
    program = replace(random_program(0, replace(KIND, peaks=True)), peak_count=np.full(4, 2))
    exact = reference.solve(program)
    found = solver.solve(program, method="interior_point")
    assert exact.status is found.status is Status.OPTIMAL
    assert exact.certificate is not None
    assert found.certificate is not None
    assert found.certificate.objective == pytest.approx(exact.certificate.objective, rel=1e-5)


def test_nodes_whose_squares_fit_in_no_memory_are_refused_before_the_work() -> None:
    program = random_program(0, Kind(stores=2, steps=12))
    steps = 60 * 24 * 60
    long = np.zeros((4, steps))
    program = replace(
        program,
        steps=steps,
        net_low_kw=long - 5.0,
        net_high_kw=long + 5.0,
        load_kw=long,
        surcharge_per_kwh=long,
    )
    with pytest.raises(InputError, match=r"GB of memory.*Choose auto"):
        solver.solve(program, method="interior_point")
    assert solver.chosen(program, "auto") == "highs"


def test_large_programs_with_flowgates_go_to_the_interior_point_while_it_covers_as_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = gated(random_program(0, KIND), 0)
    monkeypatch.setattr(solver, "SMALL_SLOTS", 1)
    assert solver.chosen(program, "auto") == "interior_point"
    monkeypatch.setattr(flowgate_barrier, "MOST_FLOWGATES", 1)
    assert solver.chosen(program, "auto") == "highs"


def test_batches_of_trees_give_the_same_plan_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = forest(20, trees=6, kind=KIND)
    whole = solver.solve(program, method="interior_point")
    monkeypatch.setattr(solver, "BATCH_SLOTS", program.slots // 4)
    pieces = solver.solve(program, method="interior_point")
    exact = reference.solve(program)
    assert whole.certificate is not None
    assert pieces.certificate is not None
    assert exact.certificate is not None
    for found in (whole.certificate, pieces.certificate):
        assert found.objective == pytest.approx(exact.certificate.objective, rel=1e-5)
        assert found.node_kw <= 1e-6


def test_certificates_of_batches_add_up_to_that_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = replace(forest(20, trees=6, kind=KIND), constant=7.5)
    monkeypatch.setattr(solver, "BATCH_SLOTS", program.slots // 4)
    found = solver.solve(program, method="interior_point")
    proof = certify(program, found.power_kw, found.dual)
    assert found.certificate is not None
    assert found.certificate.objective == pytest.approx(proof.objective, rel=1e-12)
    assert found.certificate.bound == pytest.approx(proof.bound, rel=1e-12)
    for name in ("power_kw", "energy_kwh", "node_kw"):
        of_both = (getattr(found.certificate, name), getattr(proof, name))
        assert of_both[0] == pytest.approx(of_both[1], abs=1e-12)


def test_a_gap_is_told_of_all_batches_and_ends_near_the_one_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = forest(20, trees=6, kind=KIND)
    monkeypatch.setattr(solver, "BATCH_SLOTS", program.slots // 4)
    report: list[float] = []
    solver.solve(
        program, method="interior_point", gap=1e-4, progress=lambda _, gap: report.append(gap)
    )
    quarters = np.array_split(np.log(report), 4)
    assert all(a.min() > b.min() for a, b in itertools.pairwise(quarters))
    assert 1e-4 <= report[-1] < 1e-3


def test_only_the_tree_without_a_schedule_is_relaxed() -> None:
    program = forest(40, trees=3, kind=KIND)
    broken = program.energy_end_kwh.copy()
    second = (program.node >= 4) & (program.node < 8)
    broken[second] = program.energy_high_kwh[second]
    program = replace(program, energy_end_kwh=broken)
    assert solver.solve(program, method="interior_point").status is Status.INFEASIBLE
    relaxation = least_violation.find(program)
    assert relaxation.shortfall_kwh[second].sum() > 0
    assert relaxation.shortfall_kwh[~second].sum() == 0
    widened = solver.solve(relaxation.program, method="interior_point", gap=1e-4)
    assert widened.status.good
    same = least_violation.find(program)
    assert relaxation.shortfall_kwh.sum() == pytest.approx(same.shortfall_kwh.sum(), rel=1e-4)


def test_a_time_limit_returns_a_plan_that_keeps_every_limit_with_its_honest_gap() -> None:
    program = forest(60, trees=4, kind=KIND)
    best = reference.solve(program).certificate
    assert best is not None
    gaps = []
    for iterations in (0, 4, 8):
        solution = _stopped_after(program, iterations)
        assert solution.status is Status.FEASIBLE
        proof = solution.certificate
        assert proof is not None
        assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) <= 1e-6
        assert proof.bound <= best.objective + 1e-9
        assert proof.objective >= best.objective - 1e-9
        gaps.append(proof.gap)
    assert gaps[0] > gaps[1] > gaps[2]


def test_no_time_and_no_easy_plan_is_a_time_limit() -> None:
    program = random_program(1, KIND)
    owed = np.minimum(program.energy_high_kwh, program.energy_start_kwh + 5.0)
    program = replace(program, energy_end_kwh=owed, net_low_kw=program.net_low_kw / 10)
    solution = solver.solve(program, method="interior_point", time_limit_s=1e-9)
    assert solution.status is Status.TIME_LIMIT
    assert solution.certificate is None


def test_large_trees_are_relaxed_like_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "SMALL_SLOTS", 10)
    program = forest(70, trees=3, kind=KIND)
    owed = np.where(program.node < 4, program.energy_high_kwh, program.energy_end_kwh)
    program = replace(program, energy_end_kwh=owed)
    refused = solver.solve(program, method="interior_point")
    assert refused.status is Status.INFEASIBLE
    assert refused.relaxation is not None
    exact = least_violation.find(program)
    short = refused.relaxation.shortfall_kwh
    assert short.sum() == pytest.approx(exact.shortfall_kwh.sum(), rel=1e-3)
    assert (short[program.node >= 4] == 0).all()
    assert refused.relaxation.limiting.any()
    known = refused.relaxation.power_kw
    how: dict[str, Any] = {"method": "interior_point", "gap": 1e-4, "fallback": known}
    widened = solver.solve(refused.relaxation.program, **how)
    assert widened.status is Status.OPTIMAL


def test_stores_that_need_full_power_all_the_time_are_served() -> None:
    program = random_program(4, replace(KIND, tight=False))
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    owed = np.minimum(program.energy_start_kwh + full, program.energy_high_kwh)
    program = replace(program, energy_end_kwh=owed)
    found = solver.solve(program, method="interior_point", gap=1e-4)
    assert found.status is Status.OPTIMAL
    assert found.iterations < 40


def test_a_solve_tells_how_far_it_has_come() -> None:
    report: list[tuple[int, float]] = []
    program = random_program(2, KIND)
    solver.solve(program, method="interior_point", progress=lambda *news: report.append(news))
    assert [iteration for iteration, _ in report] == list(range(1, len(report) + 1))
    assert report[-1][1] < 1e-5 < report[0][1]


def test_a_solution_tells_its_time_and_iterations() -> None:
    solution = solver.solve(random_program(2, KIND), method="interior_point")
    assert solution.solve_s > 0
    assert 5 < solution.iterations < 60


def _stopped_after(program: Program, iterations: int) -> Solution:
    """What comes back when the time is over after so many iterations."""
    clock = iter([0.0, *[0.0] * (iterations + 1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: next(clock, 1e9))
        return solver.solve(program, method="interior_point", time_limit_s=1.0)


def test_a_device_finds_the_same_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="needs evergrid[device]")
    program = forest(80, trees=2, kind=KIND)
    here = solver.solve(program, method="interior_point", gap=1e-4).certificate
    there = solver.solve(program, method="device", gap=1e-4)
    assert there.status is Status.OPTIMAL
    assert there.certificate is not None
    assert here is not None
    assert there.certificate.objective == pytest.approx(here.objective, rel=2e-4)


def test_a_device_refuses_shared_wires_and_says_what_covers_them() -> None:
    program = random_program(0)
    wires = Flowgates(np.zeros(1, np.int64), np.ones((1, program.nodes)), np.ones(1))
    with pytest.raises(InputError, match="be highs"):
        solver.solve(replace(program, terms=flowgates.terms(wires)), method="device")


def test_long_horizons_are_batched_by_the_memory_of_their_nodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = []
    minimise = interior_point.minimise

    def watched(program: Program, **options: Any) -> interior_point.Iterate:
        sizes.append(program.nodes)
        return minimise(program, **options)

    monkeypatch.setattr(interior_point, "minimise", watched)
    monkeypatch.setattr(solver, "BATCH_SLOTS", 8 * KIND.steps**2 / solver.SQUARES_PER_SLOT)
    solver.solve(forest(90, trees=6, kind=KIND), method="interior_point", gap=1e-3)
    assert len(sizes) > 3
    assert max(sizes) <= 8


def test_solving_leaves_the_program_as_it_was() -> None:
    program = random_program(4, replace(KIND, tight=False))
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    program = replace(program, energy_end_kwh=program.energy_start_kwh + full)
    fields = {n: np.copy(v) for n, v in vars(program).items() if isinstance(v, np.ndarray)}
    floor = program.energy_floor_kwh.copy()
    solver.solve(program, method="interior_point", gap=1e-3)
    np.testing.assert_array_equal(program.energy_floor_kwh, floor)
    for name, values in fields.items():
        np.testing.assert_array_equal(getattr(program, name), values)


@pytest.mark.parametrize(
    "kind",
    [
        KIND,
        replace(KIND, metered=True, peaks=True),
        replace(KIND, curved=True, budgets=True, tight=False),
    ],
    ids=str,
)
def test_trees_that_take_longer_go_on_by_themselves_to_the_same_plan(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = forest(100, trees=24, kind=kind)
    monkeypatch.setattr(interior_point, "FEW_NODES", 8)
    apart = interior_point.minimise(program, gap=1e-5, deadline=np.inf)
    monkeypatch.setattr(interior_point, "FEW_NODES", 10**9)
    together = interior_point.minimise(program, gap=1e-5, deadline=np.inf)
    assert apart.iterations == together.iterations
    np.testing.assert_array_equal(apart.solved, together.solved)
    np.testing.assert_allclose(apart.power_kw, together.power_kw, atol=1e-6)
    np.testing.assert_allclose(apart.dual.power_price, together.dual.power_price, atol=1e-8)
    np.testing.assert_allclose(apart.history[:, 0], together.history[:, 0], rtol=1e-6)


def test_nothing_is_called_infeasible_that_was_only_out_of_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solver, "SMALL_SLOTS", 10)
    monkeypatch.setattr(least_violation, "LARGE_SLOTS", 10)
    monkeypatch.setattr(mixed_integer, "MOST_SLOTS", 10)
    program = forest(110, trees=2, kind=KIND)
    program = replace(program, energy_end_kwh=program.energy_high_kwh)
    assert solver.solve(program, method="interior_point").status is Status.INFEASIBLE
    relax = relaxation.relax

    def late(part: Program, *, deadline: float, **given: Any) -> relaxation.RelaxationResult:
        return relax(part, deadline=0.0, **given)

    monkeypatch.setattr(relaxation, "relax", late)
    refused = solver.solve(program, method="interior_point")
    assert refused.status in (Status.NUMERICAL, Status.TIME_LIMIT)
    with pytest.raises(SolveError):
        least_violation.find(program)
