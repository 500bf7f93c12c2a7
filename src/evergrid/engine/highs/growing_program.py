"""A linear program that gets columns and rows as they are needed, and begins where it ended.

Only prices and shares leave it. What they prove is computed by who asks for them.
"""

import highspy
import numpy as np

from evergrid.core.arrays import Array, Float, Int


class GrowingProgram:
    """The least of cost times columns, which are 0 or more, where rows keep within their bounds."""

    def __init__(self) -> None:
        self._highs = highspy.Highs()
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("presolve", "off")

    def add_column(
        self, cost: float, rows: Int[Array, " entry"], values: Float[Array, " entry"]
    ) -> None:
        """A new column, the last one, and its entries."""
        self._highs.addCol(cost, 0.0, np.inf, len(rows), rows.astype(np.int32), values)

    def add_row(
        self,
        lower: float,
        upper: float,
        columns: Int[Array, " entry"],
        values: Float[Array, " entry"],
    ) -> None:
        """A new row, the last one, and its entries."""
        self._highs.addRow(lower, upper, len(columns), columns.astype(np.int32), values)

    def limit_columns(
        self, first: int, lower: Float[Array, " column"], upper: Float[Array, " column"]
    ) -> None:
        """Other bounds of columns, from one on."""
        places = first + np.arange(len(upper), dtype=np.int32)
        self._highs.changeColsBounds(len(places), places, lower, upper)

    def solve(self) -> tuple[Float[Array, " column"], Float[Array, " row"]] | None:
        """Values of columns and prices of rows; None where there is no solution."""
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        found = self._highs.getSolution()
        return np.array(found.col_value), np.array(found.row_dual)
