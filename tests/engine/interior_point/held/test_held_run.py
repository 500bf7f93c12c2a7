"""Programs that hold capacity by the interior point: the same answers as HiGHS."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.plan import families
from evergrid.core.status import Status
from evergrid.dispatch.services.holders import with_services
from evergrid.dispatch.services.service import Service
from evergrid.engine import reference, solver
from evergrid.engine.interior_point.held import held_run, layout, slot_kernels, threads
from evergrid.engine.program import Program
from evergrid.engine.terms.held_capacity import HeldCapacity
from tests.engine.cases import Kind
from tests.engine.held_cases import HeldKind, held_program

# Two awards could be called together; of two others either one.
TOGETHER = HeldKind(
    up=(True, True),
    down=(False, True),
    hours=(1.0, 0.5),
    at_end=(True, False),
    calls=((True, True),),
)
APART = replace(TOGETHER, calls=((True, False), (False, True)))
# Loops are compiled for each number of awards and of ways to call them, in half a minute each.
KINDS = {
    "one": HeldKind(),
    "together": replace(TOGETHER, drains=True),
    "together, the last blocks cut short": replace(
        TOGETHER, drains=True, stores=Kind(stores=8, steps=11, spread=0.05)
    ),
    "one by sites with meters": HeldKind(
        stores=Kind(stores=12, steps=24, spread=0.05, metered=True)
    ),
    "one with room": HeldKind(stores=Kind(stores=8, steps=12, tight=False, spread=0.05)),
    "one at rising cost": HeldKind(stores=Kind(stores=8, steps=12, curved=True)),
    "one of a limit": HeldKind(most_kw=8.0),
    "one that is decided": HeldKind(fixed=1.0),
    "together, decided": replace(TOGETHER, fixed=0.4),
    "apart": APART,
    "no energy": HeldKind(hours=(0.0,)),
    "no energy, capped": HeldKind(hours=(0.0,), capped=True),
}


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        *((name, 2) for name in tuple(KINDS)[:4]),
        *(pytest.param(name, 6, marks=pytest.mark.exhaustive) for name in KINDS),
    ],
)
def test_the_optimum_is_that_of_highs(name: str, seeds: int) -> None:
    found = 0
    for seed in range(seeds):
        program = held_program(seed, KINDS[name])
        exact = reference.solve(program, branch=False)
        if not exact.status.good:
            continue
        found += 1
        made = held_run.minimise(program, gap=1e-6, deadline=time.perf_counter() + 600)
        assert made.solved.all()
        assert made.certificate is not None
        assert exact.certificate is not None
        assert made.certificate.keeps_limits
        assert made.certificate.gap <= 1e-6
        objective = exact.certificate.objective
        assert made.certificate.objective == pytest.approx(objective, rel=1e-6)
        assert made.certificate.bound <= objective + 1e-9
    assert found >= seeds / 3


def test_stores_answer_prices_as_their_matrices_say() -> None:
    program = held_program(3, KINDS["together"])
    run = held_run.HeldRun(program, 1e-6)
    for _ in range(4):
        run.iterate()
    place, step_h = (run.layout.sets, run.layout.kernels, run.point), program.step_h
    answers = np.zeros_like(run.tree.answers)
    threads.each(slot_kernels.factor, run.chunks, *place, 1e-6, step_h, answers)
    run.point.product[:] = 0.0
    price = run.prices()
    more = price + np.random.default_rng(0).normal(0, 0.01, price.shape)
    nets = []
    for asked in (price, more):
        threads.each(slot_kernels.respond, run.chunks, *place, asked, 0.1, step_h, run.sums)
        nets.append(run.sums.nets.copy())
    nodes = run.layout.kernels.chunks[:, 2]
    for chunk, node in enumerate(nodes):
        said = answers[chunk] @ (more - price)[node].ravel()
        np.testing.assert_allclose((nets[1] - nets[0])[chunk].ravel(), said, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(answers[chunk], answers[chunk].T, rtol=1e-9, atol=1e-12)


def test_a_step_keeps_awards_the_same_through_blocks() -> None:
    run = held_run.HeldRun(held_program(1, KINDS["one"]), 1e-6)
    while not run.solved:
        run.iterate()
    held = run.held[run.program.parent < 0].sum(axis=0)[1:]
    assert np.abs(run.awards.missed(held)).max() < 1e-6
    assert run.awards.kw.max() > 1.0


def test_the_solver_takes_it_by_name_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    program = held_program(2, KINDS["one"])
    assert solver.chosen(program, "auto") == "highs"
    found = solver.solve(program, method="interior_point")
    exact = solver.solve(program, method="highs")
    assert found.status is exact.status is Status.OPTIMAL
    assert found.iterations > 0
    assert found.certificate is not None
    assert exact.certificate is not None
    objective = exact.certificate.objective
    assert found.certificate.objective == pytest.approx(objective, rel=1e-6)
    monkeypatch.setattr(solver, "SMALL_HELD_SLOTS", program.slots - 1)
    assert solver.chosen(program, "auto") == "interior_point"


def test_what_it_does_not_cover_is_told() -> None:
    program = held_program(2, KINDS["one"])
    assert layout.missing(program) == ""
    peaks = replace(program, peak_price_per_kw=np.ones(program.nodes))
    assert "prices on peaks" in layout.missing(peaks)
    assert solver.chosen(peaks, "auto") == "highs"
    budgets = replace(program, budget_kwh=np.full(program.nodes, 100.0))
    assert "budgets" in layout.missing(budgets)
    shared = replace(program, node=np.zeros(program.stores, np.int64))
    assert "anything else" in layout.missing(shared)


def test_an_award_that_nobody_can_hold_is_not_found() -> None:
    program = held_program(2, KINDS["one"])
    term = program.terms[0]
    assert isinstance(term, HeldCapacity)
    much = np.full(term.least_kw.shape, 1e4)
    program = replace(program, terms=(replace(term, least_kw=much, most_kw=much),))
    assert not held_run.minimise(program, gap=1e-6, deadline=time.perf_counter() + 30).solved.any()
    assert solver.solve(program, method="interior_point").status is Status.INFEASIBLE


def test_time_that_is_over_leaves_a_bound() -> None:
    program = held_program(2, KINDS["one"])
    made = held_run.minimise(program, gap=1e-6, deadline=time.perf_counter())
    assert not made.solved.any()
    assert made.certificate is not None
    exact = reference.solve(program).certificate
    assert exact is not None
    assert made.certificate.bound <= exact.objective + 1e-9


FLEET_SESSIONS = 300


@pytest.mark.parametrize("family", [families.home, families.mixed_tree])
def test_a_fleet_is_proven_near_its_best(family: Callable[..., Program]) -> None:
    alone = family(FLEET_SESSIONS, seed=1)
    credit = np.repeat(np.random.default_rng(0).uniform(0.01, 0.05, 24), 4)
    sold = [Service("regulation", credit, block_steps=4, fed_share=0.1)]
    program = with_services(alone, alone.stores, sold, np.full((alone.stores, 96), 0.06))
    assert solver.chosen(program, "interior_point") == "interior_point"
    begun = time.perf_counter()
    made = held_run.minimise(program, gap=1e-3, deadline=begun + 60)
    assert made.solved.all()
    assert made.certificate is not None
    assert made.certificate.keeps_limits
    assert made.certificate.gap <= 1e-3
    assert made.iterations <= 45
    held = np.maximum(-made.power_kw[alone.slots :], 0.0)
    total = np.bincount(program.step[alone.slots :], held, 96).reshape(-1, 4)
    assert total == pytest.approx(np.repeat(total[:, :1], 4, axis=1), abs=1e-6)
    assert total.max() > 100.0
