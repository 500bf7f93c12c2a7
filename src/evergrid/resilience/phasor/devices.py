"""How each unit of an island moves, given the voltage of its bus."""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.phasor.tables import (
    ANGLE,
    CURRENT_D,
    CURRENT_Q,
    ENERGY,
    FIELD,
    FLUX_I,
    FLUX_R,
    GOVERNOR,
    INTERNAL,
    LOOP_ANGLE,
    LOOP_ENERGY,
    LOOP_SPEED,
    MOTOR_SPEED,
    P_HIGH,
    P_LOW,
    POWER,
    Q_HIGH,
    Q_LOW,
    RACK,
    REACTIVE,
    REGULATOR,
    ROTOR,
    SPEED,
    TORQUE,
    VOLTAGE,
)

WEAK_PU = 0.1  # voltage below which a phase-locked loop waits


@kernel(error_model="numpy")
@no_type_check
def ramped(row, now_s):
    """A set point that moves straight from one value to another."""
    if now_s >= row.ramp_to_s:
        return row.to_pu
    if now_s <= row.ramp_from_s:
        return row.from_pu
    part = (now_s - row.ramp_from_s) / (row.ramp_to_s - row.ramp_from_s)
    return row.from_pu + part * (row.to_pu - row.from_pu)


@kernel(error_model="numpy")
@no_type_check
def rising(start_s, ramp_s, now_s):
    """Share of a voltage that rises from 0."""
    return 1.0 if now_s >= start_s + ramp_s else max((now_s - start_s) / ramp_s, 0.0)


@kernel(error_model="numpy")
@no_type_check
def internal_voltage(unit, own, highest, now_s, reactive_limit):
    """Voltage behind the impedance of a forming inverter."""
    wanted = unit.voltage * rising(unit.start_s, unit.ramp_s, now_s)
    wanted += unit.reactive_droop * (unit.reactive - own[REACTIVE]) + reactive_limit
    if unit.voltage_control:
        wanted = unit.gain * (wanted - own[VOLTAGE]) + own[INTERNAL]
    return min(max(wanted, unit.least_e), highest)


@kernel(error_model="numpy")
@no_type_check
def reactive_limit(unit, own):
    """What the limiter of reactive power adds to the voltage."""
    high = min(unit.q_gain * (unit.most_q - own[REACTIVE]) + own[Q_HIGH], 0.0)
    return high + max(unit.q_gain * (-unit.most_q - own[REACTIVE]) + own[Q_LOW], 0.0)


@kernel(error_model="numpy")
@no_type_check
def forming_deviation(unit, own, now, now_s):
    """Deviation of a forming inverter's speed, by droop and by the limiter of power."""
    if unit.isochronous:
        return 0.0
    limit = min(unit.p_gain * (now[0] - own[POWER]) + own[P_HIGH], 0.0)
    limit += max(unit.p_gain * (now[1] - own[POWER]) + own[P_LOW], 0.0)
    return unit.droop * (ramped(unit, now_s) - own[POWER] + limit)


@kernel(error_model="numpy")
@no_type_check
def forming_current(unit, own, clip, highest, voltage, now_s):
    """Current of a forming inverter, in per unit of its rating."""
    size = internal_voltage(unit, own, highest, now_s, reactive_limit(unit, own))
    internal = size * complex(np.cos(own[ANGLE]), np.sin(own[ANGLE]))
    return clip * complex(unit.conductance, unit.susceptance) * (internal - voltage)


@kernel(error_model="numpy")
@no_type_check
def energy_rate(unit, limits, energy, power_pu):
    """Rate at which the state of energy of a battery changes; the cells' loss is in it."""
    points = limits.shape[0] - 1
    place = min(max(energy, 0.0), 1.0) * points
    below = min(int(place), points - 1)
    rest = limits[below, 2] + (place - below) * (limits[below + 1, 2] - limits[below, 2])
    grid_kw = power_pu * unit.rating_kw
    cells_w = 1e3 * (grid_kw / unit.efficiency if grid_kw > 0.0 else grid_kw * unit.efficiency)
    inside = max(rest * rest - 4.0 * unit.ohm * cells_w, 0.0)
    current = 2.0 * cells_w / (rest + np.sqrt(inside))
    return -rest * current / 1e3 / unit.capacity_kws


@kernel(error_model="numpy")
@no_type_check
def bounded(value, rate, low, high):
    """A rate that does not lead out of bounds."""
    if (value >= high and rate > 0.0) or (value <= low and rate < 0.0):
        return 0.0
    return rate


@kernel(error_model="numpy")
@no_type_check
def forming_rates(tables, moment, number, own, out, now_s):
    """Rates of a forming inverter."""
    unit = tables.forming[number]
    for row in range(len(out)):
        out[row] = 0.0
    if not unit.online:
        return
    voltage, now = moment.voltage[unit.bus], moment.forming_now[number]
    current = forming_current(unit, own, moment.clip[number], now[2], voltage, now_s)
    power = voltage * current.conjugate()
    out[ANGLE] = tables.base_rad_per_s * forming_deviation(unit, own, now, now_s)
    out[POWER] = (power.real - own[POWER]) / unit.measuring_s
    out[REACTIVE] = (power.imag - own[REACTIVE]) / unit.measuring_s
    out[VOLTAGE] = (abs(voltage) - own[VOLTAGE]) / unit.measuring_s
    # Limiters of power and reactive power push one way only, so their integrals stop at 0: nothing
    # has to unwind before a limit lets go.
    most, none = np.inf, 0.0
    out[P_HIGH] = bounded(own[P_HIGH], unit.p_integral * (now[0] - own[POWER]), -most, none)
    out[P_LOW] = bounded(own[P_LOW], unit.p_integral * (now[1] - own[POWER]), none, most)
    over = unit.q_integral * (unit.most_q - own[REACTIVE])
    under = unit.q_integral * (-unit.most_q - own[REACTIVE])
    out[Q_HIGH] = bounded(own[Q_HIGH], over, -most, none)
    out[Q_LOW] = bounded(own[Q_LOW], under, none, most)
    if unit.voltage_control:
        wanted = unit.voltage * rising(unit.start_s, unit.ramp_s, now_s)
        wanted += unit.reactive_droop * (unit.reactive - own[REACTIVE]) + reactive_limit(unit, own)
        missing = unit.integral * (wanted - own[VOLTAGE])
        out[INTERNAL] = bounded(own[INTERNAL], missing, unit.least_e, now[2])
    if unit.dc >= 0:
        out[ENERGY] = energy_rate(unit, tables.dc_limits[unit.dc], own[ENERGY], own[POWER])


@kernel(error_model="numpy")
@no_type_check
def loop_speed(unit, own, voltage):
    """Deviation of speed that a phase-locked loop sees, and its error."""
    size = abs(voltage)
    error = 0.0
    if size >= WEAK_PU:
        turned = voltage * complex(np.cos(own[LOOP_ANGLE]), -np.sin(own[LOOP_ANGLE]))
        error = turned.imag / size
    return unit.gain * error + own[LOOP_SPEED], error


@kernel(error_model="numpy")
@no_type_check
def following_rates(tables, moment, number, own, out, now_s):
    """Rates of a following inverter: its loop always, its currents while it serves."""
    unit = tables.following[number]
    for row in range(len(out)):
        out[row] = 0.0
    if not unit.online:
        return
    voltage = moment.voltage[unit.bus]
    speed, error = loop_speed(unit, own, voltage)
    out[LOOP_ANGLE] = tables.base_rad_per_s * speed
    out[LOOP_SPEED] = unit.integral * error
    if not unit.serving:
        return
    share = rising(unit.served_s, unit.ramp_s, now_s)
    highest, lowest = moment.following_now[number, 0], moment.following_now[number, 1]
    active = min(max(share * ramped(unit, now_s), lowest), highest)
    size = max(abs(voltage), WEAK_PU)
    wanted = complex(active, -share * unit.reactive) / size
    if abs(wanted) > unit.most_i:
        wanted *= unit.most_i / abs(wanted)
    out[CURRENT_D] = (wanted.real - own[CURRENT_D]) / unit.current_s
    out[CURRENT_Q] = (wanted.imag - own[CURRENT_Q]) / unit.current_s
    if unit.dc >= 0:
        fed = own[CURRENT_D] * abs(voltage)
        out[LOOP_ENERGY] = energy_rate(unit, tables.dc_limits[unit.dc], own[LOOP_ENERGY], fed)


@kernel(error_model="numpy")
@no_type_check
def diesel_rates(tables, moment, number, own, out, now_s):
    """Rates of a diesel set: swing equation, governor with rack and engine, voltage regulator."""
    unit = tables.diesel[number]
    for row in range(len(out)):
        out[row] = 0.0
    if not unit.online:
        return
    voltage = moment.voltage[unit.bus]
    internal = own[FIELD] * complex(np.cos(own[ROTOR]), np.sin(own[ROTOR]))
    current = complex(unit.conductance, unit.susceptance) * (internal - voltage)
    electrical = (internal * current.conjugate()).real
    slow = 1.0 - own[SPEED]
    out[ROTOR] = -tables.base_rad_per_s * slow
    out[SPEED] = (own[TORQUE] - electrical + unit.damping * slow) / (2.0 * unit.inertia_s)
    asked = ramped(unit, now_s) + unit.speed_gain * slow + own[GOVERNOR]
    rack = min(max(asked, 0.0), unit.most_p)
    free = asked == rack or (asked > rack) == (slow < 0.0)
    out[GOVERNOR] = unit.speed_integral * slow if free else 0.0
    out[RACK] = (rack - own[RACK]) / unit.actuator_s
    out[TORQUE] = (own[RACK] - own[TORQUE]) / unit.engine_s
    missing = unit.voltage * rising(unit.start_s, unit.ramp_s, now_s) - abs(voltage)
    wanted = unit.regulator * missing + own[REGULATOR]
    field = min(max(wanted, 0.0), unit.most_e)
    out[FIELD] = (field - own[FIELD]) / unit.exciter_s
    free = wanted == field or (wanted > field) == (missing < 0.0)
    out[REGULATOR] = unit.regulator_integral * missing if free else 0.0


@kernel(error_model="numpy")
@no_type_check
def motor_rates(tables, moment, number, own, out):
    """Rates of a motor: voltage behind the transient reactance, and speed."""
    unit = tables.motor[number]
    for row in range(len(out)):
        out[row] = 0.0
    voltage = moment.voltage[unit.bus] if unit.online else 0.0j
    flux = complex(own[FLUX_R], own[FLUX_I])
    current = complex(unit.conductance, unit.susceptance) * (voltage - flux)
    if not unit.online:
        current = 0.0j
    slip = 1.0 - own[MOTOR_SPEED]
    drive = (1j * unit.reactance_step * current - flux) / unit.opening_s
    rate = drive - 1j * tables.base_rad_per_s * slip * flux
    out[FLUX_R], out[FLUX_I] = rate.real, rate.imag
    torque = (flux * current.conjugate()).real - unit.torque * own[MOTOR_SPEED] ** 2
    out[MOTOR_SPEED] = torque / (2.0 * unit.inertia_s)
