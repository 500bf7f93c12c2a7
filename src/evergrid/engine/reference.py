"""Programs of modest size solved exactly by HiGHS; the referee of every other method."""

import time
from dataclasses import replace

from evergrid.core.arrays import Array, Float
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine import search
from evergrid.engine.certificate import Certificate, certify
from evergrid.engine.highs.linear_program import LinearProgram
from evergrid.engine.highs.model import Model
from evergrid.engine.program import Program
from evergrid.engine.solution import Solution, failed


def solve(
    program: Program,
    *,
    smooth: bool = False,
    time_limit_s: float = 600.0,
    gap: float = 1e-6,
    algorithm: str = "choose",
    branch: bool = True,
    fallback: Float[Array, " slot"] | None = None,
) -> Solution:
    """The least-cost schedule, with its certificate.

    The linear program is solved first. Where its answer draws and feeds in one slot, or leaves a
    reserve, or a meter pays more than it charges, decisions are searched tree by tree, see
    `search`. The bound is that of the linear program's prices, or of branch and bound where that
    proved more, so whatever the decisions cost shows in the gap. Costs that rise with power are met
    by tangents, which are added where the answer lies until they miss no more than the gap allows.

    Args:
        program: What to solve.
        smooth: Among schedules of equal cost, prefer the one whose total power moves least.
        time_limit_s: For the whole solve.
        gap: Largest relative gap that still counts as optimal.
        algorithm: Which of HiGHS' own: "choose", "simplex", "ipm" or "pdlp".
        branch: Search for better decisions, for some seconds, where the first are not proven good.
        fallback: A schedule that keeps every limit, for trees in which none is found.
    """
    begun = time.perf_counter()
    deadline = begun + time_limit_s
    model = Model(program, smooth=smooth)
    model.use(algorithm)
    status = model.solve(time_limit_s, gap)
    if not status.good:
        return _fallen_back(program, status, fallback, time.perf_counter() - begun)
    dual, limit_price = model.dual(), model.limit_price()
    found = search.search(
        program,
        model.power(),
        dual,
        convex=_restricted,
        gap=gap,
        improve=branch,
        deadline=deadline,
        fallback=fallback,
        wasting=model.both_directions(),
    )
    power_kw, certificate = found.power_kw, certify(program, found.power_kw, dual, found.bound)
    # The steadier schedule is taken only where it keeps all limits and costs no more.
    if smooth and certificate.keeps_limits:
        steady = _steady(program, model, found, gap, deadline)
        if steady is not None:
            second = certify(program, steady, dual, found.bound)
            dearer = second.objective - certificate.objective
            if second.keeps_limits and dearer <= 1e-9 * max(1.0, abs(certificate.objective)):
                power_kw, certificate = steady, second
    status = earned(certificate, gap, otherwise=found.status)
    taken_s = time.perf_counter() - begun
    return Solution(status, power_kw, dual, limit_price, certificate, taken_s, bound=found.bound)


def _fallen_back(
    program: Program, status: Status, fallback: Float[Array, " slot"] | None, taken_s: float
) -> Solution:
    """A schedule that was known before, with whatever bound prices of 0 prove, where it is good."""
    nothing = failed(program, status, taken_s)
    if fallback is None:
        return nothing
    certificate = certify(program, fallback, nothing.dual)
    if not certificate.keeps_limits:
        return nothing
    return replace(
        nothing, status=Status.FEASIBLE, power_kw=fallback.copy(), certificate=certificate
    )


def _steady(
    program: Program, model: Model, found: search.SearchResult, gap: float, deadline: float
) -> Float[Array, " slot"] | None:
    """A schedule of the same cost whose total power moves least, with the decisions as found."""

    def left_s() -> float:
        return max(deadline - time.perf_counter(), 0.0)

    if found.searched:
        if len(program.reserved):  # when each is reached is not held by the model
            return None
        model.follow(found.power_kw)
        if not model.solve(left_s(), gap).good:
            return None
    return model.smooth(left_s())


def earned(certificate: Certificate, gap: float, *, otherwise: Status) -> Status:
    """The status that a schedule has earned by what was recomputed of it.

    Args:
        certificate: What is proven.
        gap: Largest relative gap that counts as optimal.
        otherwise: The status of a schedule that breaks a limit, or that costs less than the bound.
    """
    bad = otherwise if not otherwise.good else Status.NUMERICAL
    if not certificate.keeps_limits or certificate.below_bound:
        return bad
    return Status.OPTIMAL if certificate.gap <= gap else Status.FEASIBLE


def _restricted(program: Program, deadline: float) -> Float[Array, " slot"] | None:
    """Least cost of a program in which directions are decided."""
    model = Model(program)
    status = model.solve(max(deadline - time.perf_counter(), 0.01), 1e-6)
    return model.power() if status.good else None


class IncrementalModel:
    """A program to which flowgates are added, each answer beginning from the last one.

    A few new rows cost HiGHS some hundred pivots, where solving anew costs ten thousands.

    Args:
        program: What to solve.
        short_price: Money per kWh owed that may be left unserved; 0 where all must be served.
    """

    def __init__(self, program: Program, short_price: float = 0.0) -> None:
        self._model = Model(program, elastic=short_price > 0, short_price=short_price)

    def solve(
        self, added: Flowgates, *, time_limit_s: float = 600.0, gap: float = 1e-6
    ) -> Float[Array, " slot"] | None:
        """Power of each slot at least cost within all flowgates so far; None where there is none.

        Where wasting energy pays it is only near the least: what is drawn and fed at once cancels.

        Args:
            added: Further flowgates.
            time_limit_s: For this solve.
            gap: That rising costs may be missed by.
        """
        self._model.add_flowgates(added)
        return self._model.power() if self._model.solve(time_limit_s, gap).good else None


def linear_program(program: Program) -> LinearProgram:
    """The linear program that `solve` gives to HiGHS, for other solvers of such programs.

    Costs that rise with power are met by their first tangents only.
    """
    return Model(program).arrays
