"""Which cases are run, in which order, and which are known to be hopeless without running them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.plan.case import FAILED, SKIPPED, Case, Row, in_own_process, unmeasured
from benchmarks.plan.solvers.registry import SOLVERS


@dataclass(frozen=True)
class Sweep:
    """What to run: every family at every size with every solver, one after the other.

    Attributes:
        families: Names of families.
        sizes: Sessions.
        solvers: Names of solvers.
        seed: Of the instances.
        steps: Of the horizon.
        limit_s: Time allowed to each case.
        modest: Whether each solver is left out beyond the largest size it is usually run on.
    """

    families: Sequence[str]
    sizes: Sequence[int]
    solvers: Sequence[str]
    seed: int
    steps: int
    limit_s: float
    modest: bool = False

    @property
    def cases(self) -> list[Case]:
        """Family by family from small to large, so that all solvers meet on one instance."""
        return [
            Case(family, sessions, self.steps, name, self.seed, self.limit_s)
            for family in self.families
            for sessions in sorted(self.sizes)
            for name in self.solvers
            if not self.modest or sessions <= SOLVERS[name].largest
        ]


def rows(sweep: Sweep, run: Callable[[Case], Row] = in_own_process) -> Iterator[Row]:
    """What came of every case; a solver that gave up is spared larger instances."""
    hopeless: dict[tuple[str, str], str] = {}
    for case in sweep.cases:
        solver = (case.family, case.solver)
        if solver in hopeless:
            yield unmeasured(case, hopeless[solver])
            continue
        row = run(case)
        if row.status == FAILED:
            hopeless[solver] = FAILED
        elif row.over_limit:
            hopeless[solver] = SKIPPED
        yield row
