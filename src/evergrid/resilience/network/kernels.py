"""The island in time: voltages of buses from currents, rates of change, explicit steps, Jacobian.

Everything but the loop over steps also takes complex numbers, so that derivatives are exact.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.kernels import kernel
from evergrid.resilience.inverter import droop
from evergrid.resilience.inverter.droop import (
    DELTA,
    I_L_D,
    I_L_Q,
    I_O_X,
    I_O_Y,
    INV_LC,
    R_C,
    STATES,
    V_O_D,
    V_O_Q,
)

UNIT_STATES = len(STATES)
SMALL_ANGLE = 0.01  # rad, below which the series of sine and cosine have no error in 64 bits
FINISHED, NOT_FINITE, OVER_CURRENT = range(3)


class DqTables(NamedTuple):
    """What is connected, in the form the equations read; the last bus is the earth, at 0 V.

    Attributes:
        unit_at: Where each running unit begins in the state.
        unit_rows: Parameters of each.
        unit_bus: Its bus, or the earth where it is not connected.
        unit_frame_w: Angular speed of the frame of its network.
        v_from: Reference of its voltage before the ramp.
        v_to: After it.
        ramp_start_s: When the ramp begins.
        ramp_per_s: Inverse of its duration; infinite for none.
        trim: Added to its angular frequency.
        v_max_2: Square of the largest voltage of its bridge.
        branch_at: Where the current of each branch is in the state.
        branch_from: Bus it leaves.
        branch_to: Bus it enters.
        branch_r: Resistance.
        branch_inv_l: Inverse of the inductance.
        branch_frame_w: Angular speed of the frame.
        of_pull: Weight of sum(+-(e - R i) / L) in what the voltages are solved from, by bus.
        of_current: Weight of sum(+- i).
        solve: From that, by bus, to the voltages; transposed.
    """

    unit_at: Int[Array, " unit"]
    unit_rows: Float[Array, "unit parameter"]
    unit_bus: Int[Array, " unit"]
    unit_frame_w: Float[Array, " unit"]
    v_from: Float[Array, " unit"]
    v_to: Float[Array, " unit"]
    ramp_start_s: Float[Array, " unit"]
    ramp_per_s: Float[Array, " unit"]
    trim: Float[Array, " unit"]
    v_max_2: Float[Array, " unit"]
    branch_at: Int[Array, " branch"]
    branch_from: Int[Array, " branch"]
    branch_to: Int[Array, " branch"]
    branch_r: Float[Array, " branch"]
    branch_inv_l: Float[Array, " branch"]
    branch_frame_w: Float[Array, " branch"]
    of_pull: Float[Array, " bus"]
    of_current: Float[Array, " bus"]
    solve: Float[Array, "bus bus"]


class Scratch(NamedTuple):
    """Room for one evaluation; of the type of the state.

    Attributes:
        base: Angle of each unit of which sine and cosine are known.
        base_c: Its cosine.
        base_s: Its sine.
        c: Cosine of the angle now.
        s: Its sine.
        e_x: Voltage of the capacitor in the frame of the network.
        e_y: Its other part.
        pull_x: Sum of (e - R i) / L into each bus.
        pull_y: Its other part.
        in_x: Sum of currents into each bus.
        in_y: Its other part.
        v_x: Voltage of each bus.
        v_y: Its other part.
    """

    base: Any
    base_c: Any
    base_s: Any
    c: Any
    s: Any
    e_x: Any
    e_y: Any
    pull_x: Any
    pull_y: Any
    in_x: Any
    in_y: Any
    v_x: Any
    v_y: Any


@kernel(error_model="numpy")
@no_type_check
def scratch_for(tables, state):
    """Room for evaluations at states of this type."""
    units, buses = len(tables.unit_at), len(tables.of_pull) + 1
    return Scratch(
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(units, state.dtype),
        np.zeros(buses, state.dtype),
        np.zeros(buses, state.dtype),
        np.zeros(buses, state.dtype),
        np.zeros(buses, state.dtype),
        np.zeros(buses, state.dtype),
        np.zeros(buses, state.dtype),
    )


@kernel(error_model="numpy")
@no_type_check
def remember_angles(tables, state, scratch):
    """Sine and cosine of all angles; nearby ones then follow from short series."""
    for unit in range(len(tables.unit_at)):
        angle = state[tables.unit_at[unit] + DELTA]
        scratch.base[unit] = angle
        scratch.base_c[unit], scratch.base_s[unit] = np.cos(angle), np.sin(angle)


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def bus_voltages(tables, x, scratch):
    """Voltages of the buses, and what the rates need besides, into ``scratch``.

    At a bus without a resistor the currents add up to zero at all times, so their rates do too:
    a linear system for the voltages, solved beforehand for these positions of breakers. A share
    of the sum itself keeps rounding errors from growing (Baumgarte). With a resistor the sum of
    the currents gives the voltage.
    """
    buses = len(tables.of_pull)
    for bus in range(buses + 1):
        scratch.pull_x[bus] = scratch.pull_y[bus] = 0.0
        scratch.in_x[bus] = scratch.in_y[bus] = 0.0
    for unit in range(len(tables.unit_at)):
        at, bus = tables.unit_at[unit], tables.unit_bus[unit]
        angle = x[at + DELTA] - scratch.base[unit]
        if abs(angle.real) < SMALL_ANGLE:
            two = angle * angle
            c = 1.0 - two * (0.5 - two * (1.0 / 24.0 - two * (1.0 / 720.0)))
            s = angle * (1.0 - two * (1.0 / 6.0 - two * (1.0 / 120.0)))
        else:
            c, s = np.cos(angle), np.sin(angle)
        base_c, base_s = scratch.base_c[unit], scratch.base_s[unit]
        c, s = base_c * c - base_s * s, base_s * c + base_c * s
        scratch.c[unit], scratch.s[unit] = c, s
        v_d, v_q = x[at + V_O_D], x[at + V_O_Q]
        e_x, e_y = v_d * c - v_q * s, v_q * c + v_d * s
        scratch.e_x[unit], scratch.e_y[unit] = e_x, e_y
        r, over_l = tables.unit_rows[unit, R_C], tables.unit_rows[unit, INV_LC]
        i_x, i_y = x[at + I_O_X], x[at + I_O_Y]
        scratch.pull_x[bus] += (e_x - r * i_x) * over_l
        scratch.pull_y[bus] += (e_y - r * i_y) * over_l
        scratch.in_x[bus] += i_x
        scratch.in_y[bus] += i_y
    for branch in range(len(tables.branch_at)):
        at = tables.branch_at[branch]
        i_x, i_y = x[at], x[at + 1]
        decay = tables.branch_r[branch] * tables.branch_inv_l[branch]
        start, end = tables.branch_from[branch], tables.branch_to[branch]
        scratch.pull_x[start] += decay * i_x
        scratch.pull_y[start] += decay * i_y
        scratch.in_x[start] -= i_x
        scratch.in_y[start] -= i_y
        scratch.pull_x[end] -= decay * i_x
        scratch.pull_y[end] -= decay * i_y
        scratch.in_x[end] += i_x
        scratch.in_y[end] += i_y
    v_x, v_y = scratch.v_x, scratch.v_y
    for bus in range(buses):
        v_x[bus] = v_y[bus] = 0.0
    for bus in range(buses):
        of_pull, of_current = tables.of_pull[bus], tables.of_current[bus]
        g_x = of_pull * scratch.pull_x[bus] + of_current * scratch.in_x[bus]
        g_y = of_pull * scratch.pull_y[bus] + of_current * scratch.in_y[bus]
        for other in range(buses):
            part = tables.solve[bus, other]
            v_x[other] += part * g_x
            v_y[other] += part * g_y


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def rates(tables, t_s, x, scratch, out):
    """Rates of change of all that is connected; `remember_angles` comes first."""
    bus_voltages(tables, x, scratch)
    v_x, v_y = scratch.v_x, scratch.v_y
    for unit in range(len(tables.unit_at)):
        part = min(max((t_s - tables.ramp_start_s[unit]) * tables.ramp_per_s[unit], 0.0), 1.0)
        v_set = tables.v_from[unit] + part * (tables.v_to[unit] - tables.v_from[unit])
        bus = tables.unit_bus[unit]
        droop.rates(
            x,
            tables.unit_at[unit],
            tables.unit_rows,
            unit,
            tables.unit_frame_w[unit],
            v_set,
            tables.trim[unit],
            tables.v_max_2[unit],
            scratch.c[unit],
            scratch.s[unit],
            scratch.e_x[unit],
            scratch.e_y[unit],
            v_x[bus],
            v_y[bus],
            out,
        )
    for branch in range(len(tables.branch_at)):
        at, over_l = tables.branch_at[branch], tables.branch_inv_l[branch]
        start, end = tables.branch_from[branch], tables.branch_to[branch]
        frame_w, r = tables.branch_frame_w[branch], tables.branch_r[branch]
        i_x, i_y = x[at], x[at + 1]
        out[at] = (v_x[start] - v_x[end] - r * i_x) * over_l + frame_w * i_y
        out[at + 1] = (v_y[start] - v_y[end] - r * i_y) * over_l - frame_w * i_x


@kernel(error_model="numpy")
@no_type_check
def rates_at(tables, t_s, state):
    """Rates of change at one state, and the voltages of the buses there."""
    scratch, out = scratch_for(tables, state), np.zeros_like(state)
    remember_angles(tables, state, scratch)
    rates(tables, t_s, state, scratch, out)
    return out, scratch.v_x, scratch.v_y


@kernel(error_model="numpy")
@no_type_check
def jacobian(tables, t_s, state, active):
    """Derivatives of the rates of some entries of the state by the same entries.

    Complex step: the imaginary part of f(x + 1e-30 j) over 1e-30, without cancellation.
    """
    count = len(active)
    matrix = np.zeros((count, count))
    shifted = state.astype(np.complex128)
    scratch, out = scratch_for(tables, shifted), np.zeros_like(shifted)
    remember_angles(tables, shifted, scratch)
    for column in range(count):
        shifted[active[column]] += 1e-30j
        rates(tables, t_s, shifted, scratch, out)
        for row in range(count):
            matrix[row, column] = out[active[row]].imag * 1e30
        shifted[active[column]] = state[active[column]]
    return matrix


class Recording(NamedTuple):
    """What a run leaves.

    Attributes:
        states: By sample.
        v_x: Voltage of connected buses.
        v_y: Its other part.
        unit_ws: Energy out of each running unit, at its capacitor.
        branch_ws: Energy into each branch.
        peak_2: Square of the largest current through the filter of each unit.
    """

    states: Float[Array, "sample state"]
    v_x: Float[Array, "sample bus"]
    v_y: Float[Array, "sample bus"]
    unit_ws: Float[Array, " unit"]
    branch_ws: Float[Array, " branch"]
    peak_2: Float[Array, " unit"]


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def run(tables, state, start_s, step_s, steps, every, bound_2, recorded):
    """Classical Runge-Kutta steps of fixed length; the state is moved on in place.

    Returns how it ended and how many steps were done. A current that is not below the bound, or
    is not a number, ends it.
    """
    scratch = scratch_for(tables, state)
    size = len(state)
    first, second = np.zeros(size), np.zeros(size)
    trial, total = np.zeros(size), np.zeros(size)
    half, sixth = 0.5 * step_s, step_s / 6.0
    for step in range(steps + 1):
        t_s = start_s + step * step_s
        remember_angles(tables, state, scratch)
        rates(tables, t_s, state, scratch, first)
        if step % every == 0:
            sample = step // every
            for entry in range(size):
                recorded.states[sample, entry] = state[entry]
            for bus in range(len(tables.of_pull)):
                recorded.v_x[sample, bus] = scratch.v_x[bus]
                recorded.v_y[sample, bus] = scratch.v_y[bus]
        weight = half if step == 0 or step == steps else step_s
        worst = _account(tables, state, scratch, weight, recorded)
        if not worst < bound_2:
            return (OVER_CURRENT if worst >= bound_2 else NOT_FINITE), step
        if step == steps:
            break
        for entry in range(size):
            trial[entry] = state[entry] + half * first[entry]
        rates(tables, t_s + half, trial, scratch, second)
        for entry in range(size):
            trial[entry] = state[entry] + half * second[entry]
            total[entry] = first[entry] + 2.0 * second[entry]
        rates(tables, t_s + half, trial, scratch, first)
        for entry in range(size):
            trial[entry] = state[entry] + step_s * first[entry]
            total[entry] += 2.0 * first[entry]
        rates(tables, t_s + step_s, trial, scratch, second)
        for entry in range(size):
            state[entry] += sixth * (total[entry] + second[entry])
    return FINISHED, steps


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def _account(tables, state, scratch, weight, recorded):
    """Energies and peaks of one instant; the square of the largest current, NaN if any is."""
    worst = 0.0
    for unit in range(len(tables.unit_at)):
        at = tables.unit_at[unit]
        i_x, i_y = state[at + I_O_X], state[at + I_O_Y]
        recorded.unit_ws[unit] += weight * (scratch.e_x[unit] * i_x + scratch.e_y[unit] * i_y)
        inner_2 = state[at + I_L_D] ** 2 + state[at + I_L_Q] ** 2
        recorded.peak_2[unit] = max(recorded.peak_2[unit], inner_2)
        worst = _larger(_larger(worst, inner_2), i_x * i_x + i_y * i_y)
    for branch in range(len(tables.branch_at)):
        at = tables.branch_at[branch]
        start, end = tables.branch_from[branch], tables.branch_to[branch]
        i_x, i_y = state[at], state[at + 1]
        across_x = scratch.v_x[start] - scratch.v_x[end]
        across_y = scratch.v_y[start] - scratch.v_y[end]
        recorded.branch_ws[branch] += weight * (across_x * i_x + across_y * i_y)
        worst = _larger(worst, i_x * i_x + i_y * i_y)
    return worst


@kernel(error_model="numpy")
@no_type_check
def _larger(one, other):
    """The larger of two numbers; NaN where either is."""
    return one if one >= other or one != one else other
