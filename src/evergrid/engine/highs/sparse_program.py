"""Linear programs of any kind, some columns whole: put together block by block, solved, checked.

The cost, the bound and every violation are recomputed from the values and prices that HiGHS gives,
so that a status does not rest on the solver's own word.
"""

from dataclasses import dataclass

import highspy
import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.status import Status

FEASIBLE = 2  # HiGHS' code of a primal solution that keeps every row and bound
TOLERANCE = 1e-6  # by which a row or bound may be missed, as a share of its size where above 1
SOLVER_TOLERANCE = 1e-9  # that HiGHS is asked for
WHOLE_TOLERANCE = 1e-7  # by which HiGHS may miss a whole number; then it is rounded


@dataclass(frozen=True)
class SparseProgram:
    """The least of ``cost x``, where x and ``matrix x`` keep within their bounds.

    Attributes:
        cost: Of each column.
        lower: Least value of each column.
        upper: Greatest value of each column.
        row_lower: Least value of each row.
        row_upper: Greatest value of each row.
        matrix: Rows by columns.
        whole: Columns that must be whole numbers.
    """

    cost: Float[Array, " column"]
    lower: Float[Array, " column"]
    upper: Float[Array, " column"]
    row_lower: Float[Array, " row"]
    row_upper: Float[Array, " row"]
    matrix: sparse.csc_array
    whole: Bool[Array, " column"]


@dataclass(frozen=True)
class SparseAnswer:
    """What a program came to.

    Attributes:
        status: Optimal where the gap is closed and nothing is violated.
        values: Of each column; empty where there are none.
        row_price: Cost of one more of each row; with whole columns, as if these could not change.
        cost: Of the values, recomputed.
        bound: Least cost that any values can have, recomputed where all columns may be split.
        violation: Largest miss of a row or bound, as a share of its size where that is above 1.
    """

    status: Status
    values: Float[Array, " column"]
    row_price: Float[Array, " row"]
    cost: float
    bound: float
    violation: float

    @property
    def gap(self) -> float:
        """Share of the cost by which it may exceed the least."""
        return (self.cost - self.bound) / max(abs(self.cost), 1.0)


class ProgramBuilder:
    """A program in the making: columns, rows and entries, added as whole arrays."""

    def __init__(self) -> None:
        self._columns: list[tuple[Array, Array, Array, Array]] = []
        self._rows: list[tuple[Array, Array]] = []
        self._entries: list[tuple[Array, Array, Array]] = []
        self.column_count = self.row_count = 0

    def columns(
        self,
        shape: tuple[int, ...],
        *,
        cost: Array | float = 0.0,
        lower: Array | float = 0.0,
        upper: Array | float = np.inf,
        whole: bool = False,
    ) -> Int[Array, "..."]:
        """New columns; what is given is spread over the shape."""
        count = int(np.prod(shape))
        price, low, high = (
            np.broadcast_to(part, shape).ravel().astype(float) for part in (cost, lower, upper)
        )
        self._columns.append((price, low, high, np.full(count, whole)))
        self.column_count += count
        return np.arange(self.column_count - count, self.column_count).reshape(shape)

    def rows(
        self, shape: tuple[int, ...], *, lower: Array | float, upper: Array | float
    ) -> Int[Array, "..."]:
        """New rows; what is given is spread over the shape."""
        count = int(np.prod(shape))
        spread = [np.broadcast_to(part, shape).ravel() for part in (lower, upper)]
        self._rows.append((spread[0].astype(float), spread[1].astype(float)))
        self.row_count += count
        return np.arange(self.row_count - count, self.row_count).reshape(shape)

    def entries(self, row: Array, column: Array, value: Array | float) -> None:
        """Coefficients; rows, columns and values are spread over each other."""
        row, column, spread = np.broadcast_arrays(row, column, np.asarray(value, float))
        self._entries.append((row.ravel(), column.ravel(), spread.ravel()))

    def program(self) -> SparseProgram:
        """All of it as arrays; entries of one place add up."""
        cost, lower, upper, whole = (
            np.concatenate(part) for part in zip(*self._columns, strict=True)
        )
        row_lower, row_upper = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        matrix = sparse.coo_array((value, (row, column)), shape=(self.row_count, len(cost)))
        return SparseProgram(cost, lower, upper, row_lower, row_upper, matrix.tocsc(), whole)


def solve(
    program: SparseProgram,
    *,
    time_limit_s: float = 600.0,
    gap: float = 1e-9,
    start: tuple[Int[Array, " column"], Float[Array, " column"]] | None = None,
    heuristic_effort: float = 0.05,
) -> SparseAnswer:
    """The least cost, with prices of rows.

    Where columns must be whole, branch and bound stops at the gap; then these are fixed, and the
    rest is solved again for its prices.

    Args:
        program: The program.
        time_limit_s: After which the best that is known is returned.
        gap: Share of the cost at which it is called optimal.
        start: Some columns and values of a solution that is known, which branch and bound completes
            and begins with.
        heuristic_effort: Share of the work that branch and bound spends on finding solutions, not
            on proving them; little where the start is good.
    """
    highs = as_highs(program)
    if start is not None:
        highs.setSolution(len(start[0]), start[0].astype(np.int32), start[1].astype(np.float64))
    if not program.whole.any():
        status = _run(highs, time_limit_s)
        return _answer(program, highs, status, bound=None, gap=gap)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_heuristic_effort", heuristic_effort)
    highs.setOptionValue("mip_feasibility_tolerance", WHOLE_TOLERANCE)
    status = _run(highs, time_limit_s)
    info = highs.getInfo()
    bound = float(info.mip_dual_bound)
    if info.primal_solution_status != FEASIBLE:
        return _none(program, status, bound)
    whole = np.flatnonzero(program.whole).astype(np.int32)
    at = np.round(np.array(highs.getSolution().col_value, np.float64)[whole])
    highs.changeColsIntegrality(
        len(whole), whole, np.full(len(whole), highspy.HighsVarType.kContinuous)
    )
    highs.changeColsBounds(len(whole), whole, at, at)
    status = _run(highs, time_limit_s)
    return _answer(program, highs, status, bound=bound, gap=gap)


def as_highs(program: SparseProgram) -> highspy.Highs:
    """The program as HiGHS holds it, silent and as exact as it can be."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(program.cost), len(program.row_lower)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, program.lower, program.upper
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = program.matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = program.matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = program.matrix.data.astype(np.float64)
    if program.whole.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(flag)] for flag in program.whole]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("primal_feasibility_tolerance", SOLVER_TOLERANCE)
    highs.setOptionValue("dual_feasibility_tolerance", SOLVER_TOLERANCE)
    highs.passModel(lp)
    return highs


def _run(highs: highspy.Highs, time_limit_s: float) -> Status:
    highs.setOptionValue("time_limit", highs.getRunTime() + time_limit_s)
    highs.run()
    known = {
        highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
        highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
        highspy.HighsModelStatus.kUnboundedOrInfeasible: Status.INFEASIBLE,
        highspy.HighsModelStatus.kTimeLimit: Status.TIME_LIMIT,
    }
    return known.get(highs.getModelStatus(), Status.NUMERICAL)


def _none(program: SparseProgram, status: Status, bound: float) -> SparseAnswer:
    prices = np.zeros(len(program.row_lower))
    nan = float("nan")
    status = Status.NUMERICAL if status.good else status
    return SparseAnswer(status, np.zeros(0), prices, nan, bound, nan)


def _answer(
    program: SparseProgram, highs: highspy.Highs, status: Status, *, bound: float | None, gap: float
) -> SparseAnswer:
    """Values and prices with everything that is claimed of them recomputed."""
    solution = highs.getSolution()
    if not status.good or not len(solution.col_value):
        return _none(program, status, -np.inf if bound is None else bound)
    values = np.clip(np.array(solution.col_value), program.lower, program.upper)
    price = np.array(solution.row_dual)
    cost = float(program.cost @ values)
    proven = _dual_bound(program, price) if bound is None else bound
    violation = _violation(program, values)
    if violation > TOLERANCE:
        status = Status.NUMERICAL
    elif cost - proven > gap * max(abs(cost), 1.0):
        status = Status.FEASIBLE
    return SparseAnswer(status, values, price, cost, proven, violation)


def _violation(program: SparseProgram, values: Float[Array, " column"]) -> float:
    reached = program.matrix @ values
    missed = np.maximum(program.row_lower - reached, reached - program.row_upper)
    sizes = np.abs(np.stack([program.row_lower, program.row_upper]))
    size = np.where(np.isfinite(sizes), sizes, 0.0).max(axis=0)
    return float((missed / np.maximum(size, 1.0)).max(initial=0.0))


def _dual_bound(program: SparseProgram, price: Float[Array, " row"]) -> float:
    """What the prices prove: rows relaxed, each column at its better bound.

    A reduced cost of the wrong sign at an open bound is taken as 0 where it is rounding.
    """
    rows = np.where(price > 0, program.row_lower, program.row_upper)
    rows = np.where(price == 0, 0.0, rows)
    reduced = program.cost - price @ program.matrix
    at = np.where(reduced > 0, program.lower, program.upper)
    scale = np.maximum(np.abs(program.cost), 1.0)
    reduced = np.where(~np.isfinite(at) & (np.abs(reduced) <= TOLERANCE * scale), 0.0, reduced)
    parts = np.where(reduced == 0, 0.0, reduced * np.where(reduced == 0, 0.0, at))
    return float((price * np.where(np.isfinite(rows), rows, 0.0)).sum() + parts.sum())
