"""One door for programs of any size: the choice, the batches, failures named."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.program import Program
from tests.engine.cases import KINDS, Kind, random_program

KIND = Kind(units=30, steps=24, step_h=0.5)


def forest(seed: int, trees: int) -> Program:
    """A program of independent trees, each a random program of its own."""
    parts = [random_program(seed + i, KIND) for i in range(trees)]
    shift = np.arange(trees) * parts[0].groups
    joined = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in vars(parts[0])
        if isinstance(getattr(parts[0], name), np.ndarray) and name not in ("group", "parent")
        if not name.startswith("_") and name in Program.__dataclass_fields__
    }
    group = np.concatenate([p.group + s for p, s in zip(parts, shift, strict=True)])
    parent = np.concatenate(
        [np.where(p.parent < 0, -1, p.parent + s) for p, s in zip(parts, shift, strict=True)]
    )
    return replace(parts[0], group=group, parent=parent, **joined)


def pays_for_drawing() -> Program:
    metered = random_program(0, KINDS["net meter"])
    return replace(metered, surcharge=-metered.surcharge)


def test_small_programs_go_to_highs_and_large_ones_to_the_interior_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = random_program(0, KIND)
    assert solver.chosen(program, "auto") == "highs"
    monkeypatch.setattr(solver, "SMALL_SLOTS", program.slots - 1)
    assert solver.chosen(program, "auto") == "interior_point"
    assert solver.chosen(pays_for_drawing(), "auto") == "highs"


def test_asking_for_what_is_not_covered_is_refused() -> None:
    with pytest.raises(InputError, match="method must be highs"):
        solver.solve(pays_for_drawing(), method="interior_point")


def test_batches_of_trees_give_the_same_plan_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = forest(20, trees=6)
    whole = solver.solve(program, method="interior_point")
    monkeypatch.setattr(solver, "BATCH_SLOTS", program.slots // 4)
    pieces = solver.solve(program, method="interior_point")
    exact = reference.solve(program)
    assert whole.certificate is not None
    assert pieces.certificate is not None
    assert exact.certificate is not None
    for found in (whole.certificate, pieces.certificate):
        assert found.objective == pytest.approx(exact.certificate.objective, rel=1e-5)
        assert found.group_kw <= 1e-6


def test_only_the_tree_without_a_schedule_is_relaxed() -> None:
    program = forest(40, trees=3)
    broken = program.energy_end.copy()
    second = (program.group >= 4) & (program.group < 8)
    broken[second] = program.energy_high[second]
    program = replace(program, energy_end=broken)
    assert solver.solve(program, method="interior_point").status is Status.INFEASIBLE
    relaxation = solver.relax(program, method="interior_point")
    assert relaxation.shortfall_kwh[second].sum() > 0
    assert relaxation.shortfall_kwh[~second].sum() == 0
    eased = solver.solve(relaxation.program, method="interior_point", gap=1e-4)
    assert eased.status.good
    same = reference.relax(program)
    assert relaxation.shortfall_kwh.sum() == pytest.approx(same.shortfall_kwh.sum(), rel=1e-6)


def test_no_time_is_a_time_limit_and_not_a_plan() -> None:
    program = random_program(1, KIND)
    solution = solver.solve(program, method="interior_point", time_limit_s=1e-9)
    assert solution.status is Status.TIME_LIMIT
    assert solution.certificate is None


def test_a_solution_tells_its_time_and_iterations() -> None:
    solution = solver.solve(random_program(2, KIND), method="interior_point")
    assert solution.solve_s > 0
    assert 5 < solution.iterations < 60
