"""Who takes part: HiGHS on the whole problem, HiGHS site by site, and Evergrid."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.plan import outcome, site_by_site
from benchmarks.plan.outcome import Outcome
from evergrid.engine import reference, solver
from evergrid.engine.program import Program

Solve = Callable[[], Outcome]


@dataclass(frozen=True)
class Solver:
    """One way to solve an instance.

    Attributes:
        label: What tables and figures call it.
        ready: Makes everything ready for an instance and a time limit in s; what it returns is
            the part that is timed.
        gap: Certified gap at which it stops; None where it has a tolerance of its own.
    """

    label: str
    ready: Callable[[Program, float], Solve]
    gap: float | None = None


def _highs(algorithm: str) -> Callable[[Program, float], Solve]:
    def ready(program: Program, limit_s: float) -> Solve:
        return lambda: outcome.of(
            reference.solve(program, algorithm=algorithm, time_limit_s=limit_s)
        )

    return ready


def _evergrid(gap: float) -> Callable[[Program, float], Solve]:
    def ready(program: Program, limit_s: float) -> Solve:
        return lambda: outcome.of(
            solver.solve(program, method="interior_point", gap=gap, time_limit_s=limit_s)
        )

    return ready


MONOLITHIC = ("simplex", "ipm", "pdlp")
SITE_BY_SITE = "site_by_site"
OURS = ("evergrid_1e-3", "evergrid_1e-4")
SOLVERS: dict[str, Solver] = {
    "simplex": Solver("HiGHS simplex", _highs("simplex")),
    "ipm": Solver("HiGHS interior point", _highs("ipm")),
    "pdlp": Solver("HiGHS PDLP", _highs("pdlp")),
    SITE_BY_SITE: Solver("HiGHS site by site", site_by_site.ready),
    "evergrid_1e-3": Solver("Evergrid to 1e-3", _evergrid(1e-3), gap=1e-3),
    "evergrid_1e-4": Solver("Evergrid to 1e-4", _evergrid(1e-4), gap=1e-4),
}
