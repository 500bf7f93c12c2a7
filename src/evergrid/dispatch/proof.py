"""What is proven of a schedule: cost and violations from the records, and the status it earns."""

import math

from evergrid.core.errors import SolveError
from evergrid.core.status import Status
from evergrid.dispatch.assessment import Assessment
from evergrid.engine.certificate import TOLERANCE, Certificate
from evergrid.engine.solution import Relaxation


def recomputed(assessment: Assessment, objective: float) -> Certificate:
    """Cost and violations of a schedule from the records, against the limits as given."""
    budgets = float(assessment.budget_excess_kwh.max(initial=0.0))
    return Certificate(
        objective=objective,
        bound=-math.inf,
        power_kw=assessment.power_kw,
        energy_kwh=max(assessment.energy_kwh, budgets),
        node_kw=assessment.limits_kw,
    )


def without_rounding(bound: float, objective: float, *, gave_way: bool) -> float:
    """The bound without what is rounding: it would be all of the gap where the cost is 0.

    What gives way does so with a little room, which is worth little money.
    """
    above, below = bound - objective, objective - bound
    rounding = 0.0 < above <= TOLERANCE * max(1.0, abs(objective))
    return objective if rounding or (gave_way and 0.0 < below <= TOLERANCE) else bound


def status(assessment: Assessment, otherwise: Status) -> Status:
    """The status of a schedule by what it breaks.

    Raises:
        SolveError: It breaks what can never give way.
    """
    if max(assessment.power_kw, assessment.energy_kwh) > TOLERANCE:
        raise SolveError(Status.NUMERICAL, "The schedule breaks limits of batteries or chargers.")
    if assessment.overloads or assessment.overdrafts:
        return Status.LIMITS_EXCEEDED
    return otherwise


def earned(
    assessment: Assessment,
    certificate: Certificate,
    relaxation: Relaxation | None,
    *,
    gap: float,
    served: bool = True,
) -> Status:
    """The status that a plan has earned.

    Args:
        assessment: The plan held against the records.
        certificate: Its cost, bound and violations.
        relaxation: What had to give way, where anything had.
        gap: Relative gap that counts as closed.
        served: Whether it is proven that chargers in whole amperes cannot serve more.

    Raises:
        SolveError: It breaks what need not give way, or costs less than the bound.
    """
    if certificate.below_bound:
        raise SolveError(Status.NUMERICAL, "The plan costs less than its bound.")
    must_exceed = relaxation is not None and relaxation.needed
    if (assessment.overloads or assessment.overdrafts) and not must_exceed:
        raise SolveError(Status.NUMERICAL, "The plan breaks limits that it could keep.")
    proven = relaxation is None or not relaxation.needed or relaxation.proven
    good = certificate.gap <= gap and proven and served
    return status(assessment, Status.OPTIMAL if good else Status.FEASIBLE)
