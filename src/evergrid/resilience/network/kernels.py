"""The island in time: voltages of buses from currents, rates of change, explicit steps, Jacobian.

Everything but the loop over steps also takes complex numbers, so that derivatives are exact.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.computing.kernels import kernel
from evergrid.resilience.inverter import droop, following
from evergrid.resilience.inverter.droop import (
    DELTA,
    FOLLOWING,
    I_L_D,
    I_L_Q,
    I_O_X,
    I_O_Y,
    INV_LC,
    KIND,
    R_C,
    STATES,
    SYNCHRONOUS,
    V_O_D,
    V_O_Q,
    W_N,
)
from evergrid.resilience.machine import induction, synchronous
from evergrid.resilience.machine.induction import FLUX_X, FLUX_Y, SPEED
from evergrid.resilience.machine.synchronous import E_A, E_B, SLIP

UNIT_STATES = len(STATES)
SMALL_ANGLE = 0.01  # rad, below which the series of sine and cosine have no error in 64 bits
FINISHED, NOT_FINITE, OVER_CURRENT = range(3)
# Columns of what units are told, of branches, of buses.
FRAME_W, V_FROM, V_TO, RAMP_START_S, RAMP_PER_S, TRIM, V_MAX_2 = range(7)
BRANCH_R, BRANCH_INV_L, BRANCH_FRAME_W = range(3)
OF_PULL, OF_CURRENT = range(2)
# Columns of what is known of units and of buses in one evaluation; rows of voltages of buses.
BASE, BASE_C, BASE_S, C, S, E_X, E_Y, RATE_A, RATE_B = range(9)
UNIT_VALUES = 9  # of these
PULL_X, PULL_Y, IN_X, IN_Y = range(4)
V_X, V_Y = range(2)


class DqTables(NamedTuple):
    """What is connected, in the form the equations read.

    Buses have unsigned numbers, which spares the kernels a look for negative ones; the number
    after the last is the earth, at 0 V.

    Attributes:
        units: Parameters of each running unit.
        told: Angular speed of the frame of its network, reference of its voltage before and after
            the ramp, when that begins, the inverse of its duration, trim of its angular frequency,
            square of the largest voltage of its bridge. A unit that follows has active power where
            others have the voltage, and reactive power where they have the trim; a motor is told
            nothing.
        unit_bus: Its bus, or the earth where it is not connected.
        branches: Resistance, inverse of the inductance, angular speed of the frame.
        ends: Buses that each branch leaves and enters.
        buses: Weights of sum(+-(e - R i) / L) and of sum(+- i) in what voltages are solved from.
        solve: From that, by bus, to the voltages; transposed.
    """

    units: Float[Array, "unit parameter"]
    told: Float[Array, "unit 7"]
    unit_bus: Shaped[Array, " unit"]
    branches: Float[Array, "branch 3"]
    ends: Shaped[Array, "branch 2"]
    buses: Float[Array, "bus 2"]
    solve: Float[Array, "bus bus"]


class DqRecording(NamedTuple):
    """What a run leaves.

    Attributes:
        states: By sample.
        v_x: Voltage of live buses.
        v_y: Its other part.
        unit_ws: Energy out of each running unit, at its capacitor or its terminals.
        branch_ws: Energy into each branch.
        peak_2: Square of the largest current through the filter of each inverter, or out of each
            machine.
    """

    states: Float[Array, "sample state"]
    v_x: Float[Array, "sample bus"]
    v_y: Float[Array, "sample bus"]
    unit_ws: Float[Array, " unit"]
    branch_ws: Float[Array, " branch"]
    peak_2: Float[Array, " unit"]


@kernel(error_model="numpy")
@no_type_check
def parts_of(tables, moving):
    """The states of units, a row each, and the currents of branches, a row each, as views."""
    units = len(tables.units)
    size = UNIT_STATES * units
    return (
        moving[:size].reshape((units, UNIT_STATES)),
        moving[size:].reshape((len(tables.branches), 2)),
    )


@kernel(error_model="numpy")
@no_type_check
def remember_angles(units, by_unit):
    """Sine and cosine of angles; those of nearby ones then follow from short series.

    Of the real part alone: those of complex numbers are not exact in a tiny imaginary part.
    """
    for unit in range(len(units)):
        angle = units[unit, DELTA].real
        if not abs(angle - by_unit[unit, BASE].real) < 0.5 * SMALL_ANGLE:
            by_unit[unit, BASE] = angle
            by_unit[unit, BASE_C], by_unit[unit, BASE_S] = np.cos(angle), np.sin(angle)


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rates(
    parameters,
    told,
    unit_bus,
    impedances,
    ends,
    weights,
    solve,
    t_s,
    units,
    branches,
    by_unit,
    by_bus,
    volts,
    units_out,
    branches_out,
):
    """Rates of change of all that is connected; `remember_angles` comes first.

    At a bus without a resistor the currents add up to zero at all times, so their rates do too:
    a linear system for the voltages, solved beforehand for these positions of breakers. A share
    of the sum itself keeps rounding errors from growing (Baumgarte). With a resistor the sum of
    the currents gives the voltage.

    Args:
        parameters: And the following six: the fields of `DqTables`.
        told: See there.
        unit_bus: See there.
        impedances: See there, ``branches``.
        ends: See there.
        weights: See there, ``buses``.
        solve: See there.
        t_s: Time.
        units: States, a row each.
        branches: Currents, a row each.
        by_unit: Room for what is known of units; angles must be in it.
        by_bus: The same of buses, for sums.
        volts: Voltages of buses, with that of the earth, which stays 0, at the end.
        units_out: Rates.
        branches_out: Rates.
    """
    buses = len(weights)
    for bus in range(buses + 1):
        by_bus[bus, PULL_X] = by_bus[bus, PULL_Y] = by_bus[bus, IN_X] = by_bus[bus, IN_Y] = 0.0
    for unit in range(len(units)):
        angle = units[unit, DELTA] - by_unit[unit, BASE]
        if abs(angle.real) < SMALL_ANGLE:
            two = angle * angle
            c = 1.0 - two * (0.5 - two * (1.0 / 24.0 - two * (1.0 / 720.0)))
            s = angle * (1.0 - two * (1.0 / 6.0 - two * (1.0 / 120.0)))
        else:
            c, s = np.cos(angle), np.sin(angle)
        base_c, base_s = by_unit[unit, BASE_C], by_unit[unit, BASE_S]
        c, s = base_c * c - base_s * s, base_s * c + base_c * s
        i_x, i_y = units[unit, I_O_X], units[unit, I_O_Y]
        kind = parameters[unit, KIND]
        if kind <= FOLLOWING:  # the voltage behind the inductance is that of a capacitor
            v_d, v_q = units[unit, V_O_D], units[unit, V_O_Q]
            e_x, e_y = v_d * c - v_q * s, v_q * c + v_d * s
        elif kind == SYNCHRONOUS:  # it is induced by a flux that turns and changes
            rate_a = synchronous.rate_a(units, unit, parameters, i_y * c - i_x * s)
            rate_b = synchronous.rate_b(units, unit, parameters, i_x * c + i_y * s)
            speed, w_n = 1.0 + units[unit, SLIP], parameters[unit, W_N]
            v_d = speed * units[unit, E_A] + rate_b / w_n
            v_q = speed * units[unit, E_B] - rate_a / w_n
            e_x, e_y = v_d * c - v_q * s, v_q * c + v_d * s
        else:
            rate_a = induction.flux_rate_x(units, unit, parameters)
            rate_b = induction.flux_rate_y(units, unit, parameters)
            speed, w_n = units[unit, SPEED], parameters[unit, W_N]
            e_x = rate_a / w_n - speed * units[unit, FLUX_Y]
            e_y = rate_b / w_n + speed * units[unit, FLUX_X]
            by_unit[unit, RATE_A], by_unit[unit, RATE_B] = rate_a, rate_b
        by_unit[unit, C], by_unit[unit, S] = c, s
        by_unit[unit, E_X], by_unit[unit, E_Y] = e_x, e_y
        r, over_l = parameters[unit, R_C], parameters[unit, INV_LC]
        bus = unit_bus[unit]
        by_bus[bus, PULL_X] += (e_x - r * i_x) * over_l
        by_bus[bus, PULL_Y] += (e_y - r * i_y) * over_l
        by_bus[bus, IN_X] += i_x
        by_bus[bus, IN_Y] += i_y
    for branch in range(len(branches)):
        i_x, i_y = branches[branch, 0], branches[branch, 1]
        decay = impedances[branch, BRANCH_R] * impedances[branch, BRANCH_INV_L]
        start, end = ends[branch, 0], ends[branch, 1]
        by_bus[start, PULL_X] += decay * i_x
        by_bus[start, PULL_Y] += decay * i_y
        by_bus[start, IN_X] -= i_x
        by_bus[start, IN_Y] -= i_y
        by_bus[end, PULL_X] -= decay * i_x
        by_bus[end, PULL_Y] -= decay * i_y
        by_bus[end, IN_X] += i_x
        by_bus[end, IN_Y] += i_y
    for bus in range(buses):
        of_pull, of_current = weights[bus, OF_PULL], weights[bus, OF_CURRENT]
        g_x = of_pull * by_bus[bus, PULL_X] + of_current * by_bus[bus, IN_X]
        g_y = of_pull * by_bus[bus, PULL_Y] + of_current * by_bus[bus, IN_Y]
        if bus == 0:
            for other in range(buses):
                volts[V_X, other] = solve[0, other] * g_x
                volts[V_Y, other] = solve[0, other] * g_y
        else:
            for other in range(buses):
                volts[V_X, other] += solve[bus, other] * g_x
                volts[V_Y, other] += solve[bus, other] * g_y
    for unit in range(len(units)):
        ramp = (t_s - told[unit, RAMP_START_S]) * told[unit, RAMP_PER_S]
        v_from = told[unit, V_FROM]
        v_set = v_from + min(max(ramp, 0.0), 1.0) * (told[unit, V_TO] - v_from)
        bus = unit_bus[unit]
        kind = parameters[unit, KIND]
        if kind == FOLLOWING:
            following.rates(
                units,
                unit,
                parameters,
                told[unit, FRAME_W],
                v_set,
                told[unit, TRIM],
                told[unit, V_MAX_2],
                by_unit[unit, C],
                by_unit[unit, S],
                by_unit[unit, E_X],
                by_unit[unit, E_Y],
                volts[V_X, bus],
                volts[V_Y, bus],
                units_out,
            )
        elif kind == SYNCHRONOUS:
            synchronous.rates(
                units,
                unit,
                parameters,
                told[unit, FRAME_W],
                v_set,
                told[unit, TRIM],
                by_unit[unit, C],
                by_unit[unit, S],
                by_unit[unit, E_X],
                by_unit[unit, E_Y],
                volts[V_X, bus],
                volts[V_Y, bus],
                units_out,
            )
        elif kind > SYNCHRONOUS:
            induction.rates(
                units,
                unit,
                parameters,
                told[unit, FRAME_W],
                by_unit[unit, RATE_A],
                by_unit[unit, RATE_B],
                by_unit[unit, E_X],
                by_unit[unit, E_Y],
                volts[V_X, bus],
                volts[V_Y, bus],
                units_out,
            )
        else:
            droop.rates(
                units,
                unit,
                parameters,
                told[unit, FRAME_W],
                v_set,
                told[unit, TRIM],
                told[unit, V_MAX_2],
                by_unit[unit, C],
                by_unit[unit, S],
                by_unit[unit, E_X],
                by_unit[unit, E_Y],
                volts[V_X, bus],
                volts[V_Y, bus],
                units_out,
            )
    for branch in range(len(branches)):
        start, end = ends[branch, 0], ends[branch, 1]
        r, over_l = impedances[branch, BRANCH_R], impedances[branch, BRANCH_INV_L]
        frame_w = impedances[branch, BRANCH_FRAME_W]
        i_x, i_y = branches[branch, 0], branches[branch, 1]
        across_x = volts[V_X, start] - volts[V_X, end]
        across_y = volts[V_Y, start] - volts[V_Y, end]
        branches_out[branch, 0] = (across_x - r * i_x) * over_l + frame_w * i_y
        branches_out[branch, 1] = (across_y - r * i_y) * over_l - frame_w * i_x


@kernel(error_model="numpy")
@no_type_check
def rates_at(tables, t_s, moving):
    """Rates of change of what is connected, and the voltages of the buses and the earth."""
    parameters, told, unit_bus, impedances, ends, weights, solve = tables
    out = np.zeros_like(moving)
    by_unit = np.full((len(parameters), UNIT_VALUES), np.inf, moving.dtype)
    by_bus = np.zeros((len(weights) + 1, 4), moving.dtype)
    volts = np.zeros((2, len(weights) + 1), moving.dtype)
    units, branches = parts_of(tables, moving)
    units_out, branches_out = parts_of(tables, out)
    remember_angles(units, by_unit)
    rates(
        parameters,
        told,
        unit_bus,
        impedances,
        ends,
        weights,
        solve,
        t_s,
        units,
        branches,
        by_unit,
        by_bus,
        volts,
        units_out,
        branches_out,
    )
    return out, volts[V_X], volts[V_Y]


@kernel(error_model="numpy")
@no_type_check
def jacobian(tables, t_s, moving):
    """Derivatives of the rates of what is connected.

    Complex step: the imaginary part of f(x + 1e-30 j) over 1e-30, without cancellation.
    """
    count = len(moving)
    matrix = np.zeros((count, count))
    shifted = moving.astype(np.complex128)
    for column in range(count):
        shifted[column] += 1e-30j
        out, _, _ = rates_at(tables, t_s, shifted)
        for row in range(count):
            matrix[row, column] = out[row].imag * 1e30
        shifted[column] = moving[column]
    return matrix


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def run(tables, moving, start_s, step_s, steps, every, bound_2, recorded):
    """Classical Runge-Kutta steps of fixed length; the state is moved on in place.

    Returns how it ended and how many steps were done. A current that is not below the bound, or
    is not a number, ends it. The four stages share one copy of the inlined rates.
    """
    parameters, told, unit_bus, impedances, ends, weights, solve = tables
    states, v_x, v_y, unit_ws, branch_ws, peak_2 = recorded
    size, buses = len(moving), len(weights)
    by_unit, by_bus = np.full((len(parameters), UNIT_VALUES), np.inf), np.zeros((buses + 1, 4))
    volts = np.zeros((2, buses + 1))
    trial, slope, total = moving.copy(), np.zeros(size), np.zeros(size)
    units, branches = parts_of(tables, trial)
    units_out, branches_out = parts_of(tables, slope)
    for step in range(steps + 1):
        remember_angles(units, by_unit)
        for stage in range(4):
            ahead_s = 0.0 if stage == 0 else (step_s if stage == 3 else 0.5 * step_s)
            rates(
                parameters,
                told,
                unit_bus,
                impedances,
                ends,
                weights,
                solve,
                start_s + step * step_s + ahead_s,
                units,
                branches,
                by_unit,
                by_bus,
                volts,
                units_out,
                branches_out,
            )
            if stage == 0:
                if step % every == 0:
                    sample = step // every
                    for entry in range(size):
                        states[sample, entry] = moving[entry]
                    for bus in range(buses):
                        v_x[sample, bus], v_y[sample, bus] = volts[V_X, bus], volts[V_Y, bus]
                # Energies are sums by the trapezoidal rule over the instants of the steps.
                weight = 0.5 * step_s if step in (0, steps) else step_s
                worst = _account(
                    parameters,
                    unit_bus,
                    units,
                    branches,
                    by_unit,
                    volts,
                    ends,
                    weight,
                    unit_ws,
                    branch_ws,
                    peak_2,
                )
                if not worst < bound_2:
                    return (OVER_CURRENT if worst >= bound_2 else NOT_FINITE), step
                if step == steps:
                    return FINISHED, steps
                for entry in range(size):
                    total[entry] = slope[entry]
                    trial[entry] = moving[entry] + 0.5 * step_s * slope[entry]
            elif stage < 3:
                next_s = step_s if stage == 2 else 0.5 * step_s
                for entry in range(size):
                    total[entry] += 2.0 * slope[entry]
                    trial[entry] = moving[entry] + next_s * slope[entry]
            else:
                for entry in range(size):
                    moving[entry] += step_s / 6.0 * (total[entry] + slope[entry])
                    trial[entry] = moving[entry]
    return FINISHED, steps


@kernel(error_model="numpy", fastmath={"contract"})
@no_type_check
def _account(
    parameters, unit_bus, units, branches, by_unit, volts, ends, weight, unit_ws, branch_ws, peak_2
):
    """Energies and peaks of one instant; the square of the largest current, NaN if any is."""
    worst = 0.0
    for unit in range(len(units)):
        i_x, i_y = units[unit, I_O_X], units[unit, I_O_Y]
        outer_2 = i_x * i_x + i_y * i_y
        if parameters[unit, KIND] >= SYNCHRONOUS:
            bus = unit_bus[unit]
            unit_ws[unit] += weight * (volts[V_X, bus] * i_x + volts[V_Y, bus] * i_y)
            inner_2 = outer_2
        else:
            unit_ws[unit] += weight * (by_unit[unit, E_X] * i_x + by_unit[unit, E_Y] * i_y)
            inner_2 = units[unit, I_L_D] ** 2 + units[unit, I_L_Q] ** 2
        peak_2[unit] = max(peak_2[unit], inner_2)
        worst = _larger(_larger(worst, inner_2), outer_2)
    for branch in range(len(branches)):
        start, end = ends[branch, 0], ends[branch, 1]
        i_x, i_y = branches[branch, 0], branches[branch, 1]
        across_x = volts[V_X, start] - volts[V_X, end]
        across_y = volts[V_Y, start] - volts[V_Y, end]
        branch_ws[branch] += weight * (across_x * i_x + across_y * i_y)
        worst = _larger(worst, i_x * i_x + i_y * i_y)
    return worst


@kernel(error_model="numpy")
@no_type_check
def _larger(one, other):
    """The larger of two numbers; NaN where either is."""
    return one if one >= other or one != one else other
