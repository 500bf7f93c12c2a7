"""Many power flows of one large feeder at once: triangular solves in lanes of scenarios.

As in `power_flow_kernels`, rows are branches or nodes and columns are scenarios. Instead of one
dense product an iteration solves with the sparse factors of the admittance.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.computing.kernels import kernel
from evergrid.grid.flow.power_flow_kernels import (
    INNER,
    OPTIONS,
    SINGLE_ERROR,
    SINGLE_LIMIT,
    OwnLoads,
    Search,
    add_loads,
    copy,
    currents,
    error_left,
    move,
    spread,
)

LANES = 16  # scenarios of a chunk: its node voltages just fit the second-level cache


class Factors(NamedTuple):
    """Factors of the admittance, and voltages of the branches without load.

    Attributes:
        l_start: Where each row of the unit lower factor begins; it has no diagonal.
        l_column: Column of each entry.
        l_re: The entries, real parts.
        l_im: Imaginary parts.
        u_start: Where each row of the upper factor begins, without its diagonal.
        u_column: Column of each entry.
        u_re: The entries, real parts.
        u_im: Imaginary parts.
        d_re: Inverse of the upper factor's diagonal, real parts.
        d_im: Imaginary parts.
        open_re: Voltages without load, real parts.
        open_im: Imaginary parts.
    """

    l_start: Array
    l_column: Array
    l_re: Array
    l_im: Array
    u_start: Array
    u_column: Array
    u_re: Array
    u_im: Array
    d_re: Array
    d_im: Array
    open_re: Array
    open_im: Array


class Ends(NamedTuple):
    """Where branches lie among the factors' nodes.

    Attributes:
        node: Row of each branch's first node.
        other: Row of its second node; -1 for ground.
        node_scale: Base of the first node over the branch's.
        other_scale: Base of the second node over the branch's.
    """

    node: Array
    other: Array
    node_scale: Array
    other_scale: Array


@kernel(**INNER)
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


@kernel(**INNER)
@no_type_check
def solve_factors(factors, x_re, x_im):
    """Solve in place: forwards through the lower factor, then backwards through the upper one."""
    l_start, l_column, l_re, l_im = factors.l_start, factors.l_column, factors.l_re, factors.l_im
    u_start, u_column, u_re, u_im = factors.u_start, factors.u_column, factors.u_re, factors.u_im
    diagonal_re, diagonal_im = factors.d_re, factors.d_im
    rows = len(diagonal_re)
    for row in range(rows):
        subtract(l_start[row], l_start[row + 1], l_column, l_re, l_im, row, x_re, x_im)
    for row in range(rows - 1, -1, -1):
        subtract(u_start[row], u_start[row + 1], u_column, u_re, u_im, row, x_re, x_im)
        d_re, d_im = diagonal_re[row], diagonal_im[row]
        for n in range(x_re.shape[1]):
            r, s = x_re[row, n], x_im[row, n]
            x_re[row, n] = d_re * r - d_im * s
            x_im[row, n] = d_re * s + d_im * r


@kernel(**INNER)
@no_type_check
def inject(ends, i, x):
    """Currents into the nodes from those of the branches."""
    x[:] = 0
    node, other, node_scale, other_scale = ends
    for k in range(len(node)):
        a, b, p, q = node[k], other[k], node_scale[k], other_scale[k]
        for n in range(x.shape[2]):
            x[0, a, n] += p * i[0, k, n]
            x[1, a, n] += p * i[1, k, n]
        if b >= 0:
            for n in range(x.shape[2]):
                x[0, b, n] -= q * i[0, k, n]
                x[1, b, n] -= q * i[1, k, n]


@kernel(**INNER)
@no_type_check
def add_across(ends, x, v):
    """Add the nodes' voltages across the branches to the branches' voltages."""
    node, other, node_scale, other_scale = ends
    for k in range(len(node)):
        a, b, p, q = node[k], other[k], node_scale[k], other_scale[k]
        for n in range(x.shape[2]):
            v[0, k, n] += p * x[0, a, n]
            v[1, k, n] += p * x[1, a, n]
        if b >= 0:
            for n in range(x.shape[2]):
                v[0, k, n] -= q * x[0, b, n]
                v[1, k, n] -= q * x[1, b, n]


@kernel(**INNER)
@no_type_check
def iterate(factors, ends, fixed, own, search, u, i, x, change, left):
    """As `power_flow_kernels.iterate`, through the factors.

    Args:
        factors: `Factors`.
        ends: `Ends`.
        fixed: Powers that do not depend on voltage.
        own: `OwnLoads` of the chunk.
        search: `Search`.
        u: Voltages, from where they are to where they end.
        i: Currents, filled.
        x: Work for the nodes.
        change: What the last iteration changed in each lane.
        left: Error left in each lane, filled.

    Returns:
        The number of iterations.
    """
    s, v, before = np.empty_like(u), np.empty_like(u), np.empty_like(change)
    left[:] = np.inf
    for iteration in range(search.iterations):
        copy(fixed, s)
        if len(own.law) > 0:
            add_loads(own.law, u[0], u[1], own.power[0], own.power[1], s[0], s[1])
        currents(s[0], s[1], u[0], u[1], i[0], i[1])
        # In place of a product with the impedance: currents into nodes, through the factors,
        # voltages across branches.
        inject(ends, i, x)
        solve_factors(factors, x[0], x[1])
        spread(factors.open_re, factors.open_im, v[0], v[1])
        add_across(ends, x, v)
        for n in range(len(change)):
            before[n] = change[n]
        move(v[0], v[1], u[0], u[1], search.share, change)
        worst = 0.0
        for n in range(len(change)):
            left[n] = min(left[n], error_left(change[n], before[n]))
            worst = max(worst, left[n])
        if worst <= search.tolerance_pu:
            return iteration + 1
    return search.iterations


@kernel(**INNER)
@no_type_check
def solve_chunk(factors, ends, fixed, own, search, u, left):
    """Voltages of a chunk: most of the way in single precision, the end in double.

    Args:
        factors: `Factors` in single and in double precision.
        ends: `Ends` in single and in double precision.
        fixed: Powers that do not depend on voltage.
        own: `OwnLoads` of the chunk.
        search: `Search`.
        u: Voltages, filled.
        left: Error left in each lane, filled.

    Returns:
        The number of iterations.
    """
    f4, (single, double) = np.float32, factors
    lanes, nodes = len(left), len(double.d_re)
    u4, i4 = np.empty(u.shape, f4), np.zeros(u.shape, f4)
    change4, left4 = np.ones(lanes, f4), np.empty(lanes, f4)
    spread(single.open_re, single.open_im, u4[0], u4[1])
    x4 = np.empty((2, nodes, lanes), f4)
    own4 = OwnLoads(own.power.astype(f4), own.law.astype(f4))
    search4 = Search(f4(search.share), SINGLE_ERROR, SINGLE_LIMIT)
    fixed4 = fixed.astype(f4)
    rounds = iterate(single, ends[0], fixed4, own4, search4, u4, i4, x4, change4, left4)
    # Double precision goes on from there; a lane that ran away begins anew without load.
    change, open_re, open_im = change4.astype(np.float64), double.open_re, double.open_im
    for n in range(lanes):
        settled = np.isfinite(change[n])
        change[n] = change[n] if settled else 1.0
        for k in range(u.shape[1]):
            u[0, k, n] = u4[0, k, n] if settled else open_re[k]
            u[1, k, n] = u4[1, k, n] if settled else open_im[k]
    i, x = np.zeros(u.shape), np.empty((2, nodes, lanes))
    return rounds + iterate(double, ends[1], fixed, own, search, u, i, x, change, left)


@kernel(nogil=True, **OPTIONS)
@no_type_check
def solve(factors, ends, scenarios, own, order, search, found, first, stop):
    """Voltages of many scenarios, chunk by chunk; as `power_flow_kernels.solve`.

    Args:
        factors: `Factors` in single and in double precision.
        ends: `Ends` in single and in double precision.
        scenarios: `Scenarios`.
        own: `OwnLoads`, at a share of 1.
        order: Scenarios to be solved, similar ones beside each other.
        search: `Search`.
        found: `Solutions`.
        first: First chunk.
        stop: Chunk to stop at.
    """
    power_kw, reactive_kvar, load_share = scenarios
    own_power, law, voltage = own.power, own.law, found.voltage
    branches = power_kw.shape[1]
    for chunk in range(first, stop):
        here = order[chunk * LANES : (chunk + 1) * LANES]
        lanes = len(here)
        fixed, power = np.empty((2, branches, lanes)), np.empty((2, branches, lanes))
        for n in range(lanes):
            row = here[n]
            for k in range(branches):
                fixed[0, k, n] = power_kw[row, k]
                fixed[1, k, n] = reactive_kvar[row, k]
                if len(law) > 0:
                    power[0, k, n] = load_share[row, k] * own_power[0, k]
                    power[1, k, n] = load_share[row, k] * own_power[1, k]
        u, left = np.empty((2, branches, lanes)), np.empty(lanes)
        rounds = solve_chunk(factors, ends, fixed, OwnLoads(power, law), search, u, left)
        for n in range(lanes):
            row = here[n]
            found.iterations[row] = rounds
            found.error_pu[row] = left[n]
            for k in range(branches):
                voltage[row, k] = complex(u[0, k, n], u[1, k, n])
