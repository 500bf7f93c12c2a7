"""What one timed solve brings back."""

from dataclasses import dataclass

from evergrid.core.status import Status
from evergrid.engine.certificate import Certificate
from evergrid.engine.solution import Solution


@dataclass(frozen=True)
class Outcome:
    """How a solve ended and what is proven of its schedule.

    Attributes:
        status: How it ended.
        certificate: Of the schedule; None without one.
        iterations: Of an iterative solver of ours; 0 for others.
        workers_mb: Memory that other processes took for it.
    """

    status: Status
    certificate: Certificate | None
    iterations: int = 0
    workers_mb: float = 0.0


def of(solution: Solution) -> Outcome:
    """The outcome of a solve in this process."""
    return Outcome(solution.status, solution.certificate, solution.iterations)
