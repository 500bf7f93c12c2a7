"""Single entries of an inverse from its sparse factors, without solving for whole columns.

In a factorised radial feeder a current at one node reaches only the nodes between it and the
source, so each entry takes a few hundred operations instead of a solve over the whole feeder.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel


@kernel(error_model="numpy")
@no_type_check
def descend(starts, rows, values, unit, x, first):
    """Solve a lower triangular system in place, from the first entry that is not zero on.

    Args:
        starts: Where each column begins; its diagonal comes first.
        rows: Row of each entry.
        values: The entries.
        unit: Whether the diagonal is 1, whatever its entries say.
        x: Right-hand side, replaced by the solution.
        first: Index of its first entry that is not zero.
    """
    for j in range(first, len(x)):
        if x[j] != 0:
            if not unit:
                x[j] /= values[starts[j]]
            for k in range(starts[j] + 1, starts[j + 1]):
                x[rows[k]] -= values[k] * x[j]


@kernel(error_model="numpy")
@no_type_check
def quadratic_forms(lower, upper, left_order, right_order, columns, found):
    """``b^H A^-1 b`` for each sparse column b, where ``L U`` is A with its rows and columns moved.

    Args:
        lower: Starts, rows and values of L by column.
        upper: The same of U transposed.
        left_order: New row of each old row.
        right_order: New column of each old column.
        columns: Starts, rows and values of the columns b.
        found: Filled.
    """
    count = len(left_order)
    x, y = np.zeros(count, np.complex128), np.zeros(count, np.complex128)
    starts, rows, values = columns
    for i in range(len(starts) - 1):
        x[:], y[:] = 0, 0
        first_x, first_y = count, count
        for k in range(starts[i], starts[i + 1]):
            to_x, to_y = left_order[rows[k]], right_order[rows[k]]
            x[to_x], y[to_y] = values[k], np.conj(values[k])
            first_x, first_y = min(first_x, to_x), min(first_y, to_y)
        descend(lower[0], lower[1], lower[2], True, x, first_x)
        descend(upper[0], upper[1], upper[2], False, y, first_y)
        total = 0j
        for n in range(count):
            total += y[n] * x[n]
        found[i] = total
