"""Many power flows of one large feeder at once: triangular solves in lanes of scenarios.

As in `power_flow_kernels`, rows are branches or nodes and columns are scenarios. Instead of one
dense product an iteration solves with the sparse factors of the admittance.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from evergrid.grid.flow.power_flow_kernels import (
    INNER,
    OPTIONS,
    ROUGH_ERROR,
    ROUGH_LIMIT,
    add_loads,
    copy,
    currents,
    error_left,
    move,
    spread,
)

LANES = 16  # scenarios of a chunk: its node voltages just fit the second-level cache


@njit(**INNER)
@no_type_check
def subtract(begin, end, column, re, im, row, x_re, x_im):
    """Take a sparse row's product with the rows already solved from one row, two at a time."""
    lanes = x_re.shape[1]
    k = begin
    while k + 1 < end:
        i, j = column[k], column[k + 1]
        a0, a1, b0, b1 = re[k], re[k + 1], im[k], im[k + 1]
        for n in range(lanes):
            r0, r1, s0, s1 = x_re[i, n], x_re[j, n], x_im[i, n], x_im[j, n]
            x_re[row, n] -= a0 * r0 - b0 * s0 + a1 * r1 - b1 * s1
            x_im[row, n] -= a0 * s0 + b0 * r0 + a1 * s1 + b1 * r1
        k += 2
    if k < end:
        i, a0, b0 = column[k], re[k], im[k]
        for n in range(lanes):
            r0, s0 = x_re[i, n], x_im[i, n]
            x_re[row, n] -= a0 * r0 - b0 * s0
            x_im[row, n] -= a0 * s0 + b0 * r0


@njit(**INNER)
@no_type_check
def solve_factors(factors, x_re, x_im):
    """Solve in place with a unit lower and an upper factor, both by rows.

    ``factors`` are starts, columns and values of each, the inverse of the upper one's diagonal, and
    what follows them in `iterate`.
    """
    l_start, l_column, l_re, l_im, u_start, u_column, u_re, u_im, d_re, d_im, _, _ = factors
    rows = len(d_re)
    for row in range(rows):
        subtract(l_start[row], l_start[row + 1], l_column, l_re, l_im, row, x_re, x_im)
    for row in range(rows - 1, -1, -1):
        subtract(u_start[row], u_start[row + 1], u_column, u_re, u_im, row, x_re, x_im)
        a, b = d_re[row], d_im[row]
        for n in range(x_re.shape[1]):
            r, s = x_re[row, n], x_im[row, n]
            x_re[row, n] = a * r - b * s
            x_im[row, n] = a * s + b * r


@njit(**INNER)
@no_type_check
def iterate(wires, ends, fixed, own, law, how, u, i, x, change, left):
    """As `power_flow_kernels.iterate`, through the factors.

    Args:
        wires: Factors as in `solve_factors`, and voltages of the branches without load.
        ends: Row of each branch's two nodes, -1 for ground, and their bases over the branch's.
        fixed: Powers that do not depend on voltage.
        own: Powers of the feeder's loads at nominal voltage.
        law: How they answer to voltage.
        how: Share of a step, error that may be left, most iterations.
        u: Voltages, from where they are to where they end.
        i: Currents, filled.
        x: Work for the nodes.
        change: What the last iteration changed in each lane.
        left: Error left in each lane, filled.
    """
    node, other, node_scale, other_scale = ends
    share, tolerance, limit = how
    s, v, before = np.empty_like(u), np.empty_like(u), np.empty_like(change)
    lanes = u.shape[2]
    left[:] = np.inf
    for iteration in range(limit):
        copy(fixed, s)
        if len(law) > 0:
            add_loads(law, u[0], u[1], own[0], own[1], s[0], s[1])
        currents(s[0], s[1], u[0], u[1], i[0], i[1])
        x[:] = 0
        for k in range(len(node)):
            a, b, p, q = node[k], other[k], node_scale[k], other_scale[k]
            for n in range(lanes):
                x[0, a, n] += p * i[0, k, n]
                x[1, a, n] += p * i[1, k, n]
            if b >= 0:
                for n in range(lanes):
                    x[0, b, n] -= q * i[0, k, n]
                    x[1, b, n] -= q * i[1, k, n]
        solve_factors(wires, x[0], x[1])
        spread(wires[10], wires[11], v[0], v[1])
        for k in range(len(node)):
            a, b, p, q = node[k], other[k], node_scale[k], other_scale[k]
            for n in range(lanes):
                v[0, k, n] += p * x[0, a, n]
                v[1, k, n] += p * x[1, a, n]
            if b >= 0:
                for n in range(lanes):
                    v[0, k, n] -= q * x[0, b, n]
                    v[1, k, n] -= q * x[1, b, n]
        for n in range(lanes):
            before[n] = change[n]
        move(v[0], v[1], u[0], u[1], share, change)
        worst = 0.0
        for n in range(lanes):
            left[n] = min(left[n], error_left(change[n], before[n]))
            worst = max(worst, left[n])
        if worst <= tolerance:
            return iteration + 1
    return limit


@njit(nogil=True, **OPTIONS)
@no_type_check
def solve(rough, exact, ends, powers, loads, order, how, found, first, stop):
    """Voltages of many scenarios, chunk by chunk; as `power_flow_kernels.solve`."""
    rough_ends, exact_ends = ends
    (power_kw, reactive_kvar), (load_share, own_power, law) = powers, loads
    voltage, iterations, error = found
    share, tolerance, most = how
    branches = power_kw.shape[1]
    nodes = len(exact[8])
    f4 = np.float32
    count = len(order)
    for chunk in range(first, stop):
        begin = chunk * LANES
        here = min(LANES, count - begin)
        fixed, own = np.empty((2, branches, here)), np.empty((2, branches, here))
        for n in range(here):
            row = order[begin + n]
            for k in range(branches):
                fixed[0, k, n] = power_kw[row, k]
                fixed[1, k, n] = reactive_kvar[row, k]
                if len(law) > 0:
                    own[0, k, n] = load_share[row, k] * own_power[0, k]
                    own[1, k, n] = load_share[row, k] * own_power[1, k]
        u4, i4 = np.empty(fixed.shape, f4), np.zeros(fixed.shape, f4)
        change4, left4 = np.ones(here, f4), np.empty(here, f4)
        spread(rough[10], rough[11], u4[0], u4[1])
        x4 = np.empty((2, nodes, here), f4)
        how4 = (f4(share), ROUGH_ERROR, ROUGH_LIMIT)
        given4 = (fixed.astype(f4), own.astype(f4), law.astype(f4))
        rounds = iterate(rough, rough_ends, *given4, how4, u4, i4, x4, change4, left4)
        u, i, x = u4.astype(np.float64), np.zeros(fixed.shape), np.empty((2, nodes, here))
        change, left = change4.astype(np.float64), np.empty(here)
        for n in range(here):
            if not np.isfinite(change[n]):
                change[n] = 1.0
                for k in range(branches):
                    u[0, k, n], u[1, k, n] = exact[10][k], exact[11][k]
        rounds += iterate(
            exact, exact_ends, fixed, own, law, (share, tolerance, most), u, i, x, change, left
        )
        for n in range(here):
            row = order[begin + n]
            iterations[row] = rounds
            error[row] = left[n]
            for k in range(branches):
                voltage[row, k] = complex(u[0, k, n], u[1, k, n])
