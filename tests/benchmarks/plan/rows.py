"""Made-up rows of a run, with round numbers."""

from dataclasses import replace

from benchmarks.plan.case import SKIPPED, Case, Row, unmeasured
from benchmarks.plan.replan import Replan

CASE = Case(family="home", sessions=1000, steps=96, solver="simplex", seed=1, limit_s=60.0)
REPLAN = Replan(
    family="home",
    sessions=10_000,
    steps=96,
    change="rolling",
    new=240,
    cold_s=2.0,
    warm_s=0.5,
    cold_iterations=25,
    warm_iterations=9,
    gap=2e-4,
    violation=0.0,
    pairs=5,
    seed=1,
)


def solved(solver: str, seconds: float, *, sessions: int = 1000, gap: float = 1e-9) -> Row:
    """A case that ended with a certified schedule."""
    case = replace(CASE, solver=solver, sessions=sessions)
    return replace(
        unmeasured(case, "optimal"),
        seconds=seconds,
        gap=gap,
        violation=0.0,
        objective=1.0,
        peak_mb=100.0,
        iterations=12,
        compile_s=0.5,
    )


def over(solver: str, *, sessions: int = 1000) -> Row:
    """A case that was not run because a smaller one took too long."""
    return unmeasured(replace(CASE, solver=solver, sessions=sessions), SKIPPED)
