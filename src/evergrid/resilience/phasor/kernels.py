"""Voltage, current and speed of an island in time, by fixed steps.

The network is linear but for constant power and clipped currents. Its inverse is kept until a
breaker, a load or a clipped current changes it; constant power is found by repeated substitution,
which converges where there is a solution with a normal voltage and so tells where there is none.
A clipped inverter is one behind a greater impedance of the same angle, which is found likewise.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.phasor.devices import (
    diesel_rates,
    following_rates,
    forming_current,
    forming_deviation,
    forming_rates,
    internal_voltage,
    loop_speed,
    motor_rates,
    ramped,
    reactive_limit,
)
from evergrid.resilience.phasor.tables import (
    ANGLE,
    COLLAPSE,
    CURRENT_D,
    CURRENT_Q,
    DIESEL_STATES,
    DONE,
    EMPTY,
    ENERGY,
    ENTER,
    FIELD,
    FLUX_I,
    FLUX_R,
    FOLLOWING_STATES,
    FORMING_STATES,
    FREQUENCY,
    INTERNAL,
    LOOP_ANGLE,
    LOOP_ENERGY,
    MOTOR_SPEED,
    MOTOR_STATES,
    NO_SOLUTION,
    P_HIGH,
    P_LOW,
    POWER,
    Q_HIGH,
    Q_LOW,
    ROTOR,
    SHED,
    SPEED,
    TRIP,
    PhasorStop,
)

SUBSTITUTIONS = 60
CLOSE_PU = 1e-11  # of voltages, between two substitutions
CLIPS = 200
HARD = 400  # steps where substitution ends nowhere
HARD_CLOSE = 1e-9  # of admittances there
CLIPPED = 1e-9  # by which the clipping of a current may still change, relative
DEAD_PU = 1e-6  # below which a bus has no voltage
LEAST_PU = 0.02  # at which no constant power is drawn from a bus that is not dead
NORMAL_PU = 0.8  # from which a voltage is there, and can collapse


@kernel(error_model="numpy")
@no_type_check
def invert_into(matrix, inverse):
    """Inverse by Gauss and Jordan with pivots by row; the matrix is used up.

    For the few buses of an island this is as quick as LAPACK, and it compiles in a tenth of the
    time. An admittance with a leak to earth at every bus is never singular.
    """
    count = len(matrix)
    for row in range(count):
        for column in range(count):
            inverse[row, column] = 1.0 if row == column else 0.0
    for pivot in range(count):
        best = pivot
        for row in range(pivot + 1, count):
            if abs(matrix[row, pivot]) > abs(matrix[best, pivot]):
                best = row
        scale = 1.0 / matrix[best, pivot]
        for column in range(count):
            kept, brought = matrix[pivot, column], matrix[best, column]
            matrix[best, column], matrix[pivot, column] = kept, brought * scale
            kept, brought = inverse[pivot, column], inverse[best, column]
            inverse[best, column], inverse[pivot, column] = kept, brought * scale
        for row in range(count):
            factor = matrix[row, pivot]
            if row != pivot and factor != 0.0:
                for column in range(count):
                    matrix[row, column] -= factor * matrix[pivot, column]
                    inverse[row, column] -= factor * inverse[pivot, column]


@kernel(error_model="numpy")
@no_type_check
def invert(tables, moment):
    """Impedance of the network with loads and inverters as they are."""
    count = len(moment.voltage)
    whole = np.empty((count, count), np.complex128)
    for row in range(count):
        for column in range(count):
            whole[row, column] = tables.admittance[row, column]
    for number in range(len(tables.load)):
        load = tables.load[number]
        if load.closed:
            part = moment.scale[number] * (1.0 - load.constant)
            whole[load.bus, load.bus] += part * complex(load.power, -load.reactive)
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        if unit.online:
            own = complex(unit.conductance, unit.susceptance)
            whole[unit.bus, unit.bus] += unit.ratio * moment.clip[number] * own
    invert_into(whole, moment.impedance)


@kernel(error_model="numpy")
@no_type_check
def rescale(tables, moment, now_s):
    """Bring loads that are ramped, and with them the impedance, to a moment."""
    changed = False
    for number in range(len(tables.load)):
        scale = ramped(tables.load[number], now_s)
        if scale != moment.scale[number]:
            moment.scale[number] = scale
            changed = changed or tables.load[number].closed == 1
    if changed:
        invert(tables, moment)


@kernel(error_model="numpy")
@no_type_check
def draws(tables, number):
    """Whether a load draws constant power; in a dead part none does."""
    load = tables.load[number]
    return load.closed == 1 and load.constant > 0.0 and tables.alive[load.bus]


@kernel(error_model="numpy")
@no_type_check
def constant_current(load, scale, voltage):
    """Current that a load's constant power draws, or the impedance that it is at low voltage."""
    power = scale * load.constant * complex(load.power, -load.reactive)
    if abs(voltage) >= load.impedance_below_pu:
        return power / voltage.conjugate()
    return power * voltage / load.impedance_below_pu**2


@kernel(error_model="numpy")
@no_type_check
def substitute(tables, moment, sources):
    """Voltages for given sources and constant power; the bus that moves most if there are none."""
    count, constant = len(moment.voltage), False
    for number in range(len(tables.load)):
        constant = constant or draws(tables, number)
    worst = 0
    # All that is linear is in the matrix. Constant power is a current at the voltage last found,
    # again and again until no bus moves; without any, one product is the answer.
    injected = np.empty(count, np.complex128)
    for _ in range(SUBSTITUTIONS if constant else 1):
        for row in range(count):
            injected[row] = sources[row]
        if constant:
            for number in range(len(tables.load)):
                if draws(tables, number):
                    load = tables.load[number]
                    here = moment.voltage[load.bus]
                    if load.impedance_below_pu == 0.0 and abs(here) < DEAD_PU:
                        return load.bus
                    injected[load.bus] -= constant_current(load, moment.scale[number], here)
        moved, worst = 0.0, 0
        for row in range(count):
            new = 0.0j
            for column in range(count):
                new += moment.impedance[row, column] * injected[column]
            step = abs(new - moment.voltage[row])
            if not step <= moved:
                moved, worst = step, row
            moment.voltage[row] = new
        if not constant or moved < CLOSE_PU:
            return -1
    return worst


@kernel(error_model="numpy")
@no_type_check
def solve(tables, moment, state, now_s):
    """Voltages of all buses for a state; -1, or the bus that has no voltage."""
    # Each unit is a source behind an impedance that the matrix holds; a few states say which.
    sources = np.zeros(len(moment.voltage), np.complex128)
    whole = np.zeros(len(moment.voltage), np.complex128)
    place = 0
    internal = np.zeros(len(tables.forming), np.complex128)
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        if unit.online:
            own = state[place : place + FORMING_STATES]
            size = internal_voltage(
                unit, own, moment.forming_now[number, 2], now_s, reactive_limit(unit, own)
            )
            internal[number] = size * complex(np.cos(own[ANGLE]), np.sin(own[ANGLE]))
        place += FORMING_STATES
    for number in range(len(tables.following)):
        unit = tables.following[number]
        if unit.serving:
            own = state[place : place + FOLLOWING_STATES]
            turn = complex(np.cos(own[LOOP_ANGLE]), np.sin(own[LOOP_ANGLE]))
            sources[unit.bus] += unit.ratio * complex(own[CURRENT_D], own[CURRENT_Q]) * turn
        place += FOLLOWING_STATES
    for number in range(len(tables.diesel)):
        unit = tables.diesel[number]
        if unit.online:
            own = state[place : place + DIESEL_STATES]
            turn = complex(np.cos(own[ROTOR]), np.sin(own[ROTOR]))
            admittance = unit.ratio * complex(unit.conductance, unit.susceptance)
            sources[unit.bus] += own[FIELD] * turn * admittance
        place += DIESEL_STATES
    for number in range(len(tables.motor)):
        unit = tables.motor[number]
        if unit.online:
            own = state[place : place + MOTOR_STATES]
            admittance = unit.ratio * complex(unit.conductance, unit.susceptance)
            sources[unit.bus] += complex(own[FLUX_R], own[FLUX_I]) * admittance
        place += MOTOR_STATES
    # An inverter at its limit has its impedance scaled, which changes the matrix: both in turns.
    for _ in range(CLIPS):
        for row in range(len(sources)):
            whole[row] = sources[row]
        for number in range(len(tables.forming)):
            unit = tables.forming[number]
            if unit.online:
                admittance = complex(unit.conductance, unit.susceptance)
                whole[unit.bus] += unit.ratio * moment.clip[number] * admittance * internal[number]
        if substitute(tables, moment, whole) >= 0:
            return solve_hard(tables, moment, sources, internal)
        if clip_currents(tables, moment, internal) < CLIPPED:
            return -1
        invert(tables, moment)
    return solve_hard(tables, moment, sources, internal)


@kernel(error_model="numpy")
@no_type_check
def clip_currents(tables, moment, internal):
    """Clip currents of forming inverters; tells by how much, relative, a clipping has changed."""
    moved = 0.0
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        if unit.online:
            across = internal[number] - moment.voltage[unit.bus]
            free = abs(complex(unit.conductance, unit.susceptance) * across)
            clip = 1.0 if free <= unit.most_i else unit.most_i / free
            moved = max(moved, abs(clip / moment.clip[number] - 1.0))
            moment.clip[number] = clip
    return moved


@kernel(error_model="numpy")
@no_type_check
def solve_hard(tables, moment, sources, internal):
    """Voltages where substitution of currents ends nowhere: constant power as an admittance.

    That is what a load is below its least voltage, and there it is found at once; above, it is
    found wherever a solution with a normal voltage exists, and by half steps.
    """
    count = len(sources)
    whole, matrix = np.empty(count, np.complex128), np.empty((count, count), np.complex128)
    part = np.zeros(len(tables.load), np.complex128)
    for number in range(len(tables.load)):
        part[number] = admittance_of(tables, moment, number)
    worst = 0
    for _ in range(HARD):
        for row in range(count):
            whole[row] = sources[row]
            for column in range(count):
                matrix[row, column] = tables.admittance[row, column]
        for number in range(len(tables.forming)):
            unit = tables.forming[number]
            if unit.online:
                own = unit.ratio * moment.clip[number]
                own = own * complex(unit.conductance, unit.susceptance)
                matrix[unit.bus, unit.bus] += own
                whole[unit.bus] += own * internal[number]
        for number in range(len(tables.load)):
            load = tables.load[number]
            if load.closed:
                rest = moment.scale[number] * (1.0 - load.constant)
                own = rest * complex(load.power, -load.reactive) + part[number]
                matrix[load.bus, load.bus] += own
        invert_into(matrix, moment.impedance)
        moved, worst = 0.0, 0
        for row in range(count):
            new = 0.0j
            for column in range(count):
                new += moment.impedance[row, column] * whole[column]
            step = abs(new - moment.voltage[row])
            if not step <= moved:
                moved, worst = step, row
            moment.voltage[row] = new
        clipped = clip_currents(tables, moment, internal)
        for number in range(len(tables.load)):
            load = tables.load[number]
            least = max(load.impedance_below_pu, abs(moment.voltage[load.bus]))
            if draws(tables, number) and least < LEAST_PU:
                return load.bus
            wanted = admittance_of(tables, moment, number)
            moved = max(moved, abs(wanted - part[number]) * CLOSE_PU / HARD_CLOSE)
            part[number] += 0.5 * (wanted - part[number])
        if moved < CLOSE_PU and clipped < CLIPPED:
            invert(tables, moment)
            return -1
    return worst


@kernel(error_model="numpy")
@no_type_check
def admittance_of(tables, moment, number):
    """Admittance that a load's constant power is at the present voltage."""
    load = tables.load[number]
    if not draws(tables, number):
        return 0.0j
    size = max(abs(moment.voltage[load.bus]), load.impedance_below_pu, LEAST_PU)
    power = moment.scale[number] * load.constant * complex(load.power, -load.reactive)
    return power / size**2


@kernel(error_model="numpy")
@no_type_check
def change(tables, moment, state, out, now_s):
    """Rates of all states; -1, or the bus that has no voltage."""
    failed = solve(tables, moment, state, now_s)
    if failed >= 0:
        return failed
    place = 0
    for number in range(len(tables.forming)):
        end = place + FORMING_STATES
        forming_rates(tables, moment, number, state[place:end], out[place:end], now_s)
        place = end
    for number in range(len(tables.following)):
        end = place + FOLLOWING_STATES
        following_rates(tables, moment, number, state[place:end], out[place:end], now_s)
        place = end
    for number in range(len(tables.diesel)):
        end = place + DIESEL_STATES
        diesel_rates(tables, moment, number, state[place:end], out[place:end], now_s)
        place = end
    for number in range(len(tables.motor)):
        end = place + MOTOR_STATES
        motor_rates(tables, moment, number, state[place:end], out[place:end])
        place = end
    return -1


@kernel(error_model="numpy")
@no_type_check
def hold(tables, moment):
    """Bring powers and voltages that batteries allow to the present state of energy."""
    for number in range(len(tables.forming)):
        unit, now = tables.forming[number], moment.forming_now[number]
        now[0], now[1], now[2] = unit.most_p, unit.least_p, unit.most_e
        if unit.dc < 0 or not unit.online:
            continue
        own = moment.state[number * FORMING_STATES : (number + 1) * FORMING_STATES]
        low, high, rest = battery_limits(tables.dc_limits[unit.dc], own[ENERGY])
        now[0], now[1] = min(now[0], high), max(now[1], low)
        if unit.needed_v > 0.0:
            cells_w = 1e3 * own[POWER] * unit.rating_kw
            cells_w = cells_w / unit.efficiency if cells_w > 0.0 else cells_w * unit.efficiency
            inside = max(rest * rest - 4.0 * unit.ohm * cells_w, 0.0)
            now[2] = min(now[2], (rest + np.sqrt(inside)) / 2.0 / unit.needed_v)
    first = len(tables.forming) * FORMING_STATES
    for number in range(len(tables.following)):
        unit, now = tables.following[number], moment.following_now[number]
        now[0], now[1] = np.inf, -np.inf
        if unit.dc >= 0:
            energy = moment.state[first + number * FOLLOWING_STATES + LOOP_ENERGY]
            low, high, _ = battery_limits(tables.dc_limits[unit.dc], energy)
            now[0], now[1] = high, low


@kernel(error_model="numpy")
@no_type_check
def battery_limits(limits, energy):
    """Least and greatest power, and voltage at rest, at a state of energy."""
    points = limits.shape[0] - 1
    place = min(max(energy, 0.0), 1.0) * points
    below = min(int(place), points - 1)
    part = place - below
    low = limits[below, 0] + part * (limits[below + 1, 0] - limits[below, 0])
    high = limits[below, 1] + part * (limits[below + 1, 1] - limits[below, 1])
    rest = limits[below, 2] + part * (limits[below + 1, 2] - limits[below, 2])
    return low, high, rest


@kernel(error_model="numpy")
@no_type_check
def mean_deviation(tables, moment, now_s):
    """Deviation of frequency: mean of the units that form, by rating; 0 if there are none."""
    total, weight = 0.0, 0.0
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        if unit.online:
            own = moment.state[number * FORMING_STATES : (number + 1) * FORMING_STATES]
            total += unit.ratio * forming_deviation(unit, own, moment.forming_now[number], now_s)
            weight += unit.ratio
    place = len(tables.forming) * FORMING_STATES + len(tables.following) * FOLLOWING_STATES
    for number in range(len(tables.diesel)):
        unit = tables.diesel[number]
        if unit.online:
            total += unit.ratio * (moment.state[place + number * DIESEL_STATES + SPEED] - 1.0)
            weight += unit.ratio
    return total / weight if weight > 0.0 else 0.0


@kernel(error_model="numpy")
@no_type_check
def sample(tables, moment, found, column, now_s, deviation):
    """Write one moment among the samples."""
    found.frequency_pu[column] = deviation
    for bus in range(len(moment.voltage)):
        found.voltage[bus, column] = moment.voltage[bus]
    # States lie kind by kind, so `place` walks through them; power is what leaves a unit.
    unit_number, place = 0, 0
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        own = moment.state[place : place + FORMING_STATES]
        found.energy[unit_number, column] = own[ENERGY]
        found.power[unit_number, column] = 0.0
        if unit.online:
            here, now = moment.voltage[unit.bus], moment.forming_now[number]
            current = forming_current(unit, own, moment.clip[number], now[2], here, now_s)
            found.power[unit_number, column] = unit.ratio * here * current.conjugate()
            found.deviation_pu[unit_number, column] = forming_deviation(unit, own, now, now_s)
        unit_number, place = unit_number + 1, place + FORMING_STATES
    for number in range(len(tables.following)):
        unit = tables.following[number]
        own = moment.state[place : place + FOLLOWING_STATES]
        found.energy[unit_number, column] = own[LOOP_ENERGY]
        found.power[unit_number, column] = 0.0
        here = moment.voltage[unit.bus]
        found.deviation_pu[unit_number, column] = loop_speed(unit, own, here)[0]
        if unit.serving:
            turn = complex(np.cos(own[LOOP_ANGLE]), np.sin(own[LOOP_ANGLE]))
            current = complex(own[CURRENT_D], own[CURRENT_Q]) * turn
            found.power[unit_number, column] = unit.ratio * here * current.conjugate()
        unit_number, place = unit_number + 1, place + FOLLOWING_STATES
    for number in range(len(tables.diesel)):
        unit = tables.diesel[number]
        own = moment.state[place : place + DIESEL_STATES]
        found.energy[unit_number, column] = 1.0
        found.power[unit_number, column] = 0.0
        if unit.online:
            here = moment.voltage[unit.bus]
            internal = own[FIELD] * complex(np.cos(own[ROTOR]), np.sin(own[ROTOR]))
            current = complex(unit.conductance, unit.susceptance) * (internal - here)
            found.power[unit_number, column] = unit.ratio * here * current.conjugate()
            found.deviation_pu[unit_number, column] = own[SPEED] - 1.0
        unit_number, place = unit_number + 1, place + DIESEL_STATES
    for number in range(len(tables.load)):
        load = tables.load[number]
        found.drawn[number, column] = 0.0
        if load.closed:
            here = moment.voltage[load.bus]
            part = moment.scale[number] * (1.0 - load.constant)
            current = part * complex(load.power, -load.reactive) * here
            if draws(tables, number):
                current += constant_current(load, moment.scale[number], here)
            found.drawn[number, column] = here * current.conjugate()
    for number in range(len(tables.motor)):
        unit = tables.motor[number]
        own = moment.state[place : place + MOTOR_STATES]
        found.motor_speed_pu[number, column] = own[MOTOR_SPEED]
        found.motor_power[number, column] = 0.0
        if unit.online:
            here = moment.voltage[unit.bus]
            across = here - complex(own[FLUX_R], own[FLUX_I])
            current = unit.ratio * complex(unit.conductance, unit.susceptance) * across
            found.motor_power[number, column] = here * current.conjugate()
        place += MOTOR_STATES


@kernel(error_model="numpy")
@no_type_check
def watch(tables, moment, now_s, step_s, deviation):
    """What relays and limits do at a moment: a reason to stop, and who; relays keep their time."""
    # What ends the island, then what sheds load, then single units: the graver reason is told.
    if deviation < moment.extremes[0]:
        moment.extremes[0], moment.extremes[1] = deviation, now_s
    if deviation > moment.extremes[2]:
        moment.extremes[2], moment.extremes[3] = deviation, now_s
    if deviation < tables.least_pu or deviation > tables.most_pu:
        return FREQUENCY, 0
    # A bus that is still being energised is low without being a collapse: it counts once it was up.
    for bus in range(len(moment.voltage)):
        moment.armed[bus] = moment.armed[bus] or abs(moment.voltage[bus]) >= NORMAL_PU
    for number in range(len(tables.load)):
        load = tables.load[number]
        if not load.closed or not tables.alive[load.bus] or not moment.armed[load.bus]:
            continue
        size = abs(moment.voltage[load.bus])
        if size < moment.extremes[4]:
            moment.extremes[4], moment.extremes[5] = size, now_s
        low = size < tables.least_voltage_pu
        moment.low_s[load.bus] = moment.low_s[load.bus] + step_s if low else 0.0
        if low and moment.low_s[load.bus] > tables.voltage_s:
            return COLLAPSE, load.bus
    for stage in range(len(tables.stage_pu)):
        low = deviation < tables.stage_pu[stage]
        moment.below_s[stage] = moment.below_s[stage] + step_s if low else 0.0
        if low and not tables.stage_done[stage] and moment.below_s[stage] > tables.stage_s[stage]:
            return SHED, stage
    for number in range(len(tables.forming)):
        unit = tables.forming[number]
        energy = moment.state[number * FORMING_STATES + ENERGY]
        if unit.online and unit.dc >= 0 and energy <= 0.0:
            return EMPTY, number
    first = len(tables.forming) * FORMING_STATES
    for number in range(len(tables.following)):
        unit = tables.following[number]
        if not unit.online:
            continue
        place = first + number * FOLLOWING_STATES
        own = moment.state[place : place + FOLLOWING_STATES]
        here = moment.voltage[unit.bus]
        speed = loop_speed(unit, own, here)[0]
        good = unit.least_v <= abs(here) <= unit.most_v and unit.least_f <= speed <= unit.most_f
        moment.good_s[number] = moment.good_s[number] + step_s if good else 0.0
        moment.bad_s[number] = 0.0 if good else moment.bad_s[number] + step_s
        if unit.serving and (moment.bad_s[number] > unit.trip_s):
            return TRIP, number
        if not unit.serving and moment.good_s[number] > unit.enter_s:
            return ENTER, number
    return DONE, 0


@kernel(error_model="numpy")
@no_type_check
def settle_bounds(tables, moment):
    """Take integrals that a step has carried past their bounds back to them."""
    for number in range(len(tables.forming)):
        own = moment.state[number * FORMING_STATES : (number + 1) * FORMING_STATES]
        own[P_HIGH], own[Q_HIGH] = min(own[P_HIGH], 0.0), min(own[Q_HIGH], 0.0)
        own[P_LOW], own[Q_LOW] = max(own[P_LOW], 0.0), max(own[Q_LOW], 0.0)
        highest = moment.forming_now[number, 2]
        own[INTERNAL] = min(max(own[INTERNAL], tables.forming[number].least_e), highest)


@kernel(error_model="numpy")
@no_type_check
def run(tables, moment, found, first, last, step_s, every):
    """Follow an island from one step to another, or to where something switches.

    The classical Runge-Kutta method of fourth order; loads that are ramped, limits of batteries and
    relays move at the begin of a step. A run that stops has not moved in its last step.

    Args:
        tables: What the island is.
        moment: Where it is; changed in place.
        found: Takes every so many steps, by the number of the step.
        first: Step at which it begins.
        last: At which it ends.
        step_s: Length of a step.
        every: Steps from sample to sample.
    """
    size = len(moment.state)
    rates, probe = np.zeros((4, size)), np.zeros(size)
    for step in range(first, last + 1):
        now_s = step * step_s
        rescale(tables, moment, now_s)
        hold(tables, moment)
        failed = change(tables, moment, moment.state, rates[0], now_s)
        if failed >= 0:
            return PhasorStop(step, NO_SOLUTION, failed)
        deviation = mean_deviation(tables, moment, now_s)
        if step % every == 0:
            sample(tables, moment, found, step // every, now_s, deviation)
        reason, which = watch(tables, moment, now_s, step_s, deviation)
        if reason != DONE:
            return PhasorStop(step, reason, which)
        if step == last:
            break
        for stage in range(1, 4):
            part = step_s if stage == 3 else 0.5 * step_s
            for row in range(size):
                probe[row] = moment.state[row] + part * rates[stage - 1, row]
            failed = change(tables, moment, probe, rates[stage], now_s + part)
            if failed >= 0:
                return PhasorStop(step, NO_SOLUTION, failed)
        for row in range(size):
            slope = rates[0, row] + 2.0 * rates[1, row] + 2.0 * rates[2, row] + rates[3, row]
            moment.state[row] += step_s / 6.0 * slope
        settle_bounds(tables, moment)
    return PhasorStop(last, DONE, 0)
