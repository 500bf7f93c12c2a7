from dataclasses import replace
from typing import Any

from benchmarks.plan import __main__ as command
from benchmarks.plan import sweep
from benchmarks.plan.case import FAILED, SKIPPED, TIME_LIMIT, Case, Row, unmeasured
from benchmarks.plan.sweep import Sweep
from tests.benchmarks.plan.rows import over, solved

SWEEP = Sweep(
    families=["home", "depot"],
    sizes=[1000, 100],
    solvers=["simplex", "ipm"],
    seed=1,
    steps=96,
    limit_s=60.0,
)


def test_every_family_size_and_solver_has_a_row():
    rows = list(sweep.rows(SWEEP, lambda case: replace(solved(case.solver, 1.0), **key(case))))
    assert [(row.family, row.sessions, row.solver) for row in rows] == [
        (family, sessions, solver)
        for family in ("home", "depot")
        for sessions in (100, 1000)
        for solver in ("simplex", "ipm")
    ]


def test_a_modest_sweep_leaves_solvers_out_beyond_their_usual_sizes():
    large = replace(SWEEP, families=["home"], sizes=[1000, 10_000], modest=True)
    assert [(case.sessions, case.solver) for case in large.cases] == [
        (1000, "simplex"),
        (1000, "ipm"),
        (10_000, "simplex"),
    ]
    assert len(replace(large, modest=False).cases) == 4


def test_solvers_that_are_named_run_at_every_size():
    parser = command._parser()
    named, plain, on_gpu = (
        command._asked(parser.parse_args(words)) for words in (["--solvers", "ipm"], [], ["--gpu"])
    )
    assert not named.modest
    assert plain.modest
    assert max(on_gpu.sizes) == 10_000_000
    assert on_gpu.solvers[0] == "device_1e-3"


def test_a_solver_over_its_limit_is_spared_larger_instances_of_that_family():
    def run(case: Case) -> Row:
        slow = (case.family, case.solver) == ("home", "simplex")
        row = solved(case.solver, 61.0 if slow else 1.0)
        return replace(row, **key(case))

    rows = {key_of(row): row for row in sweep.rows(SWEEP, run)}
    assert rows["home", 100, "simplex"].seconds == 61.0
    assert rows["home", 1000, "simplex"].status == SKIPPED
    assert sum(row.status == SKIPPED for row in rows.values()) == 1


def test_a_solver_that_died_is_not_said_to_be_slow():
    rows = list(sweep.rows(SWEEP, lambda case: unmeasured(case, FAILED)))
    assert {row.status for row in rows} == {FAILED}


def test_a_solver_that_lost_precision_gets_another_try_on_larger_instances():
    rows = list(sweep.rows(SWEEP, lambda case: unmeasured(case, "numerical")))
    assert {row.status for row in rows} == {"numerical"}
    assert not any(row.over_limit for row in rows)


def test_a_killed_case_counts_as_over_its_limit():
    assert replace(over("simplex"), status=TIME_LIMIT).over_limit


def key(case: Case) -> dict[str, Any]:
    return {"family": case.family, "sessions": case.sessions}


def key_of(row: Row) -> tuple[str, int, str]:
    return row.family, row.sessions, row.solver
