"""Solvers of linear programs on GPUs, each on the whole problem, where they are installed.

Both stop at residuals and a gap relative to the whole problem, not to its largest row.

Source:
    The packages' own documentation: cupdlpx 0.3 (github.com/MIT-Lu-Lab/cuPDLPx, README and
    python/cupdlpx/model.py) and NVIDIA cuOpt 26 (docs.nvidia.com/cuopt, LP API reference).
"""

import importlib
from collections.abc import Callable, Mapping

import numpy as np
from scipy import sparse

from benchmarks.plan.solvers.outcome import Outcome
from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.engine import reference
from evergrid.engine.certificate import certify
from evergrid.engine.program import Program
from evergrid.engine.reference import LinearProgram

TOLERANCE = 1e-6  # relative; with a coarser one limits are broken by more than counts
ENTRIES_PER_SLOT = 8  # of the matrix, at most
MOST_ENTRIES = 2**31 - 1  # both packages index with 32 bits
CUPDLPX_STATUS = {
    "OPTIMAL": Status.OPTIMAL,
    "PRIMAL_INFEASIBLE": Status.INFEASIBLE,
    "INFEASIBLE_OR_UNBOUNDED": Status.INFEASIBLE,
    "TIME_LIMIT": Status.TIME_LIMIT,
}
CUOPT_STATUS = {
    "Optimal": Status.OPTIMAL,
    "PrimalInfeasible": Status.INFEASIBLE,
    "TimeLimit": Status.TIME_LIMIT,
}


def covers(program: Program) -> bool:
    """Whether the whole problem's matrix can be indexed."""
    return program.slots * ENTRIES_PER_SLOT <= MOST_ENTRIES


def cupdlpx(program: Program, limit_s: float) -> Callable[[], Outcome]:
    """The restarted first-order method of cuPDLPx."""
    package = importlib.import_module("cupdlpx")

    def solve() -> Outcome:
        linear = reference.linear_program(program)
        rows = sparse.csr_matrix(linear.matrix)  # arrays of SciPy's newer kind are refused
        bounds = (linear.row_lower, linear.row_upper, linear.lower, linear.upper)
        model = package.Model(linear.cost, rows, *bounds)
        model.setParams(
            OutputFlag=False, TimeLimit=limit_s, OptimalityTol=TOLERANCE, FeasibilityTol=TOLERANCE
        )
        model.optimize()
        status = _known(CUPDLPX_STATUS, model.Status)
        return _judged(program, linear, status, model.X, model.Pi)

    return solve


def cuopt(program: Program, limit_s: float) -> Callable[[], Outcome]:
    """The methods of cuOpt that it chooses itself."""
    package = importlib.import_module("cuopt.linear_programming")

    def solve() -> Outcome:
        linear = reference.linear_program(program)
        rows = linear.matrix.tocsr()
        model = package.DataModel()
        model.set_csr_constraint_matrix(
            rows.data, rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
        )
        model.set_constraint_lower_bounds(linear.row_lower)
        model.set_constraint_upper_bounds(linear.row_upper)
        model.set_objective_coefficients(linear.cost)
        model.set_variable_lower_bounds(linear.lower)
        model.set_variable_upper_bounds(linear.upper)
        settings = package.SolverSettings()
        settings.set_parameter("time_limit", limit_s)
        settings.set_parameter("log_to_console", False)
        settings.set_optimality_tolerance(TOLERANCE)
        found = package.Solve(model, settings)
        status = _known(CUOPT_STATUS, found.get_termination_reason())
        x, y = found.get_primal_solution(), found.get_dual_solution()
        return _judged(program, linear, status, x, y)

    return solve


def _known(names: Mapping[str, Status], name: str | None) -> Status:
    return names.get(name or "", Status.NUMERICAL)


def _judged(
    program: Program,
    linear: LinearProgram,
    status: Status,
    values: Float[Array, " column"],
    row_dual: Float[Array, " row"],
) -> Outcome:
    """What is proven of an answer; both packages sign their prices as HiGHS does."""
    if not status.good:
        return Outcome(status, None)
    power_kw = linear.power(program, np.asarray(values, float))
    return Outcome(status, certify(program, power_kw, linear.dual(np.asarray(row_dual, float))))
