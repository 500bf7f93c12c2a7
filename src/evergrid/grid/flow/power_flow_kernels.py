"""Many power flows of one feeder at once: compiled loops over branches and scenarios.

Arrays of a *chunk* have one row per branch and one column (a *lane*) per scenario, real and
imaginary part apart, so that one instruction works on several scenarios. Voltages are per unit of
each branch's base, powers in kVA into the grid, and currents in kVA at 1 pu. Impedances are padded
with zeros to an even number of rows and columns.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from evergrid.grid.feeder.load_law import (
    ABOVE,
    CONSTANT,
    CUTOFF,
    EXPONENT,
    FADED,
    HIGH,
    LEVEL,
    LINEAR,
    LOW,
    NOMINAL,
    PART,
    RISE,
    SQUARE,
    STEEPNESS,
)
from evergrid.grid.inverters.volt_var_kernels import INLINED, INNER, OPTIONS, drive

SLOW = 0.05  # shrinking of changes from one iteration to the next that counts as no progress
ROUGH_ERROR = 2e-6  # pu: where single precision hands over to double
ROUGH_LIMIT = 12  # iterations in single precision at most
LANES = 64  # scenarios of a chunk, whose arrays then stay in the cache
AWAY = 1e9  # voltage beyond which a lane has run away, pu
STILL = 1e-13  # change of nothing but rounding, pu
SAFETY = 1.5  # changes may shrink less from now on than they just did
LEAST_LEFT = 0.1  # of a change at least is taken to be left, however fast changes shrink


@njit(**INNER)
@no_type_check
def add_product(gain_re, gain_im, x_re, x_im, y_re, y_im):
    """``y += gain x`` in complex numbers; two rows and two columns at a time fill the registers."""
    rows, columns = gain_re.shape
    lanes = x_re.shape[1]
    for i in range(0, rows, 2):
        for k in range(0, columns, 2):
            a0, a1, b0, b1 = gain_re[i, k], gain_re[i, k + 1], gain_im[i, k], gain_im[i, k + 1]
            c0, c1 = gain_re[i + 1, k], gain_re[i + 1, k + 1]
            d0, d1 = gain_im[i + 1, k], gain_im[i + 1, k + 1]
            for n in range(lanes):
                r0, r1, s0, s1 = x_re[k, n], x_re[k + 1, n], x_im[k, n], x_im[k + 1, n]
                y_re[i, n] += a0 * r0 - b0 * s0 + a1 * r1 - b1 * s1
                y_im[i, n] += a0 * s0 + b0 * r0 + a1 * s1 + b1 * r1
                y_re[i + 1, n] += c0 * r0 - d0 * s0 + c1 * r1 - d1 * s1
                y_im[i + 1, n] += c0 * s0 + d0 * r0 + c1 * s1 + d1 * r1


@njit(**INNER)
@no_type_check
def answer(x, law, first, ends, bent):
    """Share of its nominal power that a load takes, by the columns from ``first`` on."""
    faded, low, high, cutoff = ends
    if x <= faded:
        return x * x
    if x < low:
        taken = (law[first + RISE] * x + law[first + LEVEL]) * x
    elif x > high:
        taken = law[first + ABOVE] * x * x
    else:
        constant = law[first + CONSTANT]
        if bent:
            constant *= x ** law[first + EXPONENT]
        taken = (law[first + SQUARE] * x + law[first + LINEAR]) * x + constant
    if cutoff > 0:
        taken /= 1 + np.exp(STEEPNESS * (cutoff - x))
    return taken


@njit(**INLINED)
@no_type_check
def add_loads(law, u_re, u_im, own_re, own_im, s_re, s_im):
    """Add the feeder's own loads, as they answer to the voltages, to the powers."""
    for k in range(len(law)):
        row, nominal = law[k], law[k, NOMINAL]
        ends = (law[k, FADED], law[k, LOW], law[k, HIGH], law[k, CUTOFF])
        bent = law[k, EXPONENT] != 0 or law[k, PART + EXPONENT] != 0
        for n in range(u_re.shape[1]):
            x = (u_re[k, n] ** 2 + u_im[k, n] ** 2) ** 0.5 / nominal
            s_re[k, n] += own_re[k, n] * answer(x, row, 0, ends, bent)
            s_im[k, n] += own_im[k, n] * answer(x, row, PART, ends, bent)


@njit(**INNER)
@no_type_check
def currents(s_re, s_im, u_re, u_im, i_re, i_im):
    """Currents ``conj(s / u)`` of the powers at the voltages."""
    one = u_re.dtype.type(1)  # a plain 1.0 would make single precision double
    for k in range(s_re.shape[0]):
        for n in range(s_re.shape[1]):
            over = one / (u_re[k, n] * u_re[k, n] + u_im[k, n] * u_im[k, n])
            i_re[k, n] = (s_re[k, n] * u_re[k, n] + s_im[k, n] * u_im[k, n]) * over
            i_im[k, n] = (s_re[k, n] * u_im[k, n] - s_im[k, n] * u_re[k, n]) * over


@njit(**INNER)
@no_type_check
def spread(column_re, column_im, y_re, y_im):
    """The same complex column in every lane."""
    for k in range(len(column_re)):
        y_re[k, :] = column_re[k]
        y_im[k, :] = column_im[k]


@njit(**INNER)
@no_type_check
def copy(source, target):
    """Fill an array of three axes from another; ``target[:] = source`` compiles for seconds."""
    for part in range(source.shape[0]):
        for k in range(source.shape[1]):
            for n in range(source.shape[2]):
                target[part, k, n] = source[part, k, n]


@njit(**INNER)
@no_type_check
def move(v_re, v_im, u_re, u_im, share, change):
    """Move voltages by a share of the way to their new values; tell how far those were.

    A lane that has run away is told by an infinite change; in it no voltage is a number any more,
    because every branch feels every current.
    """
    change[:] = 0
    for k in range(v_re.shape[0]):
        for n in range(v_re.shape[1]):
            d_re, d_im = v_re[k, n] - u_re[k, n], v_im[k, n] - u_im[k, n]
            change[n] = max(change[n], d_re * d_re + d_im * d_im)
            u_re[k, n] += share * d_re
            u_im[k, n] += share * d_im
    for n in range(len(change)):
        away = not abs(v_re[0, n]) < AWAY  # true for NaN
        change[n] = np.inf if away else np.sqrt(change[n])


@njit(**INNER)
@no_type_check
def error_left(change, before, pace=1.0):
    """Error after a change, from how fast the changes shrink; infinite while they do not.

    Where only a share ``pace`` of the way is gone, changes may shrink by so much less.
    """
    if change < STILL:
        return change
    ratio = change / before
    if not ratio < 1.0 - SLOW * pace:  # also where either is NaN
        return np.inf
    return change * max(SAFETY * ratio / (1.0 - ratio), LEAST_LEFT)


@njit(**INNER)
@no_type_check
def iterate(wires, fixed, own, law, inverters, how, u, i, change, left):
    """Iterate the voltages of a chunk until the error that is left is tolerable in every lane.

    Args:
        wires: Impedance between branches and voltages without load, real and imaginary.
        fixed: Powers that do not depend on voltage.
        own: Powers of the feeder's loads at nominal voltage; used where ``law`` has rows.
        law: How the loads answer to voltage.
        inverters: As in `drive`; without rows where there are none.
        how: Share of the way to new voltages that an iteration goes, error that may be left,
            most iterations.
        u: Voltages, from where they are to where they end.
        i: Currents, filled.
        change: What the last iteration changed in each lane.
        left: Least error left in each lane, filled; what has settled stays so while other lanes
            go on.

    Returns:
        The number of iterations.
    """
    gain_re, gain_im, open_re, open_im = wires
    share, tolerance, limit = how
    s, v = np.empty_like(u), np.empty_like(u)
    before, gap = np.empty_like(change), np.zeros_like(change)
    left[:] = np.inf
    for iteration in range(limit):
        copy(fixed, s)
        if len(law) > 0:
            add_loads(law, u[0], u[1], own[0], own[1], s[0], s[1])
        if len(inverters[2]) > 0:
            drive(inverters, u, s, gap)
        currents(s[0], s[1], u[0], u[1], i[0], i[1])
        spread(open_re, open_im, v[0], v[1])
        add_product(gain_re, gain_im, i[0], i[1], v[0], v[1])
        for n in range(len(change)):
            before[n] = change[n]
        move(v[0], v[1], u[0], u[1], share, change)
        worst = 0.0
        for n in range(len(change)):
            change[n] = max(change[n], gap[n])
            pace = inverters[5][n] if len(inverters[2]) > 0 else 1.0
            left[n] = min(left[n], error_left(change[n], before[n], pace))
            worst = max(worst, left[n])
        if worst <= tolerance:
            return iteration + 1
    return limit


@njit(**INNER)
@no_type_check
def solve_chunk(rough, exact, fixed, own, law, inverters, how, u, i, left):
    """Voltages and currents of a chunk: most of the way in single precision, the end in double.

    Args:
        rough: Impedance and voltages without load in single precision.
        exact: The same in double precision.
        fixed: Powers that do not depend on voltage.
        own: Powers of the feeder's loads at nominal voltage.
        law: How they answer to voltage.
        inverters: As in `drive`: their powers are filled; without rows where there are none.
        how: As in `iterate`.
        u: Voltages, filled.
        i: Currents that drive them, filled.
        left: Error left in each lane, filled.

    Returns:
        The number of iterations.
    """
    share = how[0]
    f4 = np.float32
    change, change4 = np.ones_like(left), np.ones(len(left), f4)
    u4, i4, left4 = np.empty(u.shape, f4), np.zeros(i.shape, f4), np.empty(len(left), f4)
    fixed4, own4, law4 = fixed.astype(f4), own.astype(f4), law.astype(f4)
    laws, control, rating, wanted, moved, pace, held = inverters
    held4 = held.astype(f4)
    sizes4 = (rating.astype(f4), wanted.astype(f4), moved.astype(f4), pace.astype(f4))
    inverters4 = (laws.astype(f4), control, *sizes4, held4)
    spread(rough[2], rough[3], u4[0], u4[1])
    how4 = (f4(share), ROUGH_ERROR, ROUGH_LIMIT)
    first = iterate(rough, fixed4, own4, law4, inverters4, how4, u4, i4, change4, left4)
    for n in range(len(left)):
        settled = np.isfinite(change4[n])
        change[n] = change4[n] if settled else 1.0
        for k in range(u.shape[1]):
            u[0, k, n] = u4[0, k, n] if settled else exact[2][k]
            u[1, k, n] = u4[1, k, n] if settled else exact[3][k]
        for k in range(held.shape[1] if settled else 0):
            held[0, k, n], held[1, k, n] = held4[0, k, n], held4[1, k, n]
    i[:] = 0
    return first + iterate(exact, fixed, own, law, inverters, how, u, i, change, left)


@njit(**INNER)
@no_type_check
def lanes_of(inverters, order, wide):
    """Inverters of the scenarios of a chunk, branch by branch; they begin without an answer."""
    laws, control, rating_kva, wanted_kw, moved_pu, pace = inverters
    count = len(order) if len(rating_kva) > 0 else 0
    rows = wide if count > 0 else 0
    rating, wanted, moved = (
        np.zeros((rows, count)),
        np.zeros((rows, count)),
        np.zeros((rows, count)),
    )
    held, share, kind = np.zeros((2, rows, count)), np.ones(count), np.zeros(count, np.int64)
    for n in range(count):
        row = order[n]
        share[n], kind[n] = pace[row], control[row]
        for k in range(rating_kva.shape[1]):
            rating[k, n], wanted[k, n] = rating_kva[row, k], wanted_kw[row, k]
            moved[k, n] = moved_pu[row, k]
            held[0, k, n] = min(max(wanted[k, n], -rating[k, n]), rating[k, n])
    return laws, kind, rating, wanted, moved, share, held


@njit(nogil=True, **OPTIONS)
@no_type_check
def solve(rough, exact, powers, loads, inverters, order, how, found, first, stop):
    """Voltages of many scenarios: chunks from the first to before the last one.

    Args:
        rough: As in `solve_chunk`.
        exact: As in `solve_chunk`.
        powers: Power and reactive power by scenario and branch.
        loads: Share of the feeder's own loads that is on, by scenario and branch; power and
            reactive power of these at nominal voltage, a row each; and how they answer to
            voltage, no rows where they are left out.
        inverters: Laws by control and branch; control of each scenario; ratings, powers asked for
            and moved references by scenario and branch; share of the way an iteration goes.
        order: Scenarios to be solved, similar ones beside each other.
        how: As in `iterate`.
        found: Filled: voltages, iterations and error left by scenario, and the powers of the
            inverters.
        first: First chunk.
        stop: Chunk to stop at.
    """
    voltage, iterations, error, answers = found
    (power_kw, reactive_kvar), (load_share, own_power, law) = powers, loads
    branches = power_kw.shape[1]
    wide, count = exact[0].shape[0], len(order)
    for chunk in range(first, stop):
        begin = chunk * LANES
        here = min(LANES, count - begin)
        fixed, own = np.zeros((2, wide, here)), np.zeros((2, wide, here))
        u, i, left = np.empty((2, wide, here)), np.empty((2, wide, here)), np.empty(here)
        for n in range(here):
            row = order[begin + n]
            for k in range(branches):
                fixed[0, k, n] = power_kw[row, k]
                fixed[1, k, n] = reactive_kvar[row, k]
                if len(law) > 0:
                    own[0, k, n] = load_share[row, k] * own_power[0, k]
                    own[1, k, n] = load_share[row, k] * own_power[1, k]
        chunk_inverters = lanes_of(inverters, order[begin : begin + here], wide)
        rounds = solve_chunk(rough, exact, fixed, own, law, chunk_inverters, how, u, i, left)
        held = chunk_inverters[6]
        for n in range(here):
            row = order[begin + n]
            iterations[row] = rounds
            error[row] = left[n]
            for k in range(branches):
                voltage[row, k] = complex(u[0, k, n], u[1, k, n])
                if held.shape[1] > 0:
                    answers[0, row, k], answers[1, row, k] = held[0, k, n], held[1, k, n]
