"""A mixed-integer program with an objective for each stage, solved by HiGHS through SciPy.

With presolve its answers and bounds are off by 1e-5 of the cost in one case of a hundred, and it
calls programs infeasible that have a solution. Without, it takes longer: for second opinions.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

INFEASIBLE = 2  # as SciPy numbers it
Entries = list[tuple[int, float]]


@dataclass
class Model:
    """Columns and rows of a program, with an objective for each stage."""

    presolve: bool = True
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    integer: list[int] = field(default_factory=list)
    rows: list[tuple[Entries, float, float]] = field(default_factory=list)

    def column(self, low: float, high: float, *, integer: bool = False) -> int:
        """A new unknown."""
        self.low.append(low)
        self.high.append(high)
        self.integer.append(int(integer))
        return len(self.low) - 1

    def row(self, entries: Entries, low: float, high: float) -> None:
        """A new rule: the sum of the entries lies between the two."""
        self.rows.append((entries, low, high))

    def solve(self, objective: dict[int, float], limit_s: float) -> "Solved | None":
        """Least sum of the objective; None where no point keeps the rules."""
        cost = np.zeros(len(self.low))
        for column, each in objective.items():
            cost[column] = each
        integer = np.array(self.integer)
        low, high = np.array(self.low), np.array(self.high)
        made = self._milp(cost, integer, low, high, limit_s, presolve=self.presolve)
        if made.status == INFEASIBLE and self.presolve:
            made = self._milp(cost, integer, low, high, limit_s, presolve=False)
        if made.x is None:
            return Solved(None, np.inf, -np.inf) if made.status != INFEASIBLE else None
        bound = made.fun if made.mip_dual_bound is None else made.mip_dual_bound
        exact = self._with_integers(cost, np.where(integer, np.round(made.x), np.nan), limit_s)
        best = made if exact.x is None else exact
        return Solved(best.x, float(best.fun), float(bound))

    def _with_integers(self, cost: np.ndarray, fixed: np.ndarray, limit_s: float) -> OptimizeResult:
        """The linear program that is left: integers are whole there, not nearly so."""
        low = np.where(np.isnan(fixed), self.low, fixed)
        high = np.where(np.isnan(fixed), self.high, fixed)
        return self._milp(cost, np.zeros(len(cost)), low, high, limit_s)

    def _milp(
        self,
        cost: np.ndarray,
        integer: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        limit_s: float,
        *,
        presolve: bool = True,
    ) -> OptimizeResult:
        row = [i for i, (entries, _, _) in enumerate(self.rows) for _ in entries]
        entry = [pair for entries, _, _ in self.rows for pair in entries]
        shape = (len(self.rows), len(cost))
        matrix = sparse.csc_array(
            ([each for _, each in entry], (row, [column for column, _ in entry])), shape=shape
        )
        least: Any = [low for _, low, _ in self.rows]
        most: Any = [high for _, _, high in self.rows]
        box: Any = (low, high)
        rules = LinearConstraint(matrix, least, most)
        options = {"time_limit": limit_s, "mip_rel_gap": 1e-9, "presolve": presolve}
        return milp(
            cost, constraints=rules, bounds=Bounds(*box), integrality=integer, options=options
        )


@dataclass(frozen=True)
class Solved:
    """Values of the unknowns, their sum, and its bound; no values where time ran out."""

    x: np.ndarray | None
    value: float
    bound: float

    @property
    def proven(self) -> bool:
        """Whether nothing better is left."""
        return self.value - self.bound <= 1e-6 * max(1.0, abs(self.value))
