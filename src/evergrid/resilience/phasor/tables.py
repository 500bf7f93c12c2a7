"""Rows of units and loads, states and samples, in the form in which compiled loops take them."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped


def _dtype(whole: tuple[str, ...], numbers: tuple[str, ...]) -> "np.dtype[np.void]":
    fields = [(name, np.int64) for name in whole] + [(name, np.float64) for name in numbers]
    return np.dtype(fields)


DC = ("rating_kw", "ohm", "needed_v", "efficiency", "capacity_kws")
SETPOINT = ("from_pu", "to_pu", "ramp_from_s", "ramp_to_s")
FORMING = _dtype(
    ("online", "bus", "voltage_control", "isochronous", "dc"),
    (
        *("ratio", "conductance", "susceptance", "droop", "reactive_droop"),
        *("gain", "integral", "least_e", "most_e", "most_p", "least_p", "most_q"),
        *("p_gain", "p_integral", "q_gain", "q_integral", "measuring_s", "most_i"),
        *("voltage", "reactive", "start_s", "ramp_s", *SETPOINT, *DC),
    ),
)
FOLLOWING = _dtype(
    ("online", "serving", "bus", "dc"),
    (
        *("ratio", "gain", "integral", "current_s", "reactive", "most_i", "least_v", "most_v"),
        *("least_f", "most_f", "trip_s", "enter_s", "ramp_s", "served_s", *SETPOINT, *DC),
    ),
)
DIESEL = _dtype(
    ("online", "bus"),
    (
        *("ratio", "conductance", "susceptance", "inertia_s", "damping", "speed_gain"),
        *("speed_integral", "actuator_s", "engine_s", "most_p", "regulator", "regulator_integral"),
        *("exciter_s", "most_e", "voltage", "start_s", "ramp_s", *SETPOINT),
    ),
)
MOTOR = _dtype(
    ("online", "bus"),
    (
        *("ratio", "conductance", "susceptance", "reactance_step", "opening_s", "inertia_s"),
        "torque",
    ),
)
LOAD = _dtype(
    ("closed", "bus"), ("power", "reactive", "constant", "impedance_below_pu", *SETPOINT)
)

# States, in the order in which they stand one after the other for each unit.
ANGLE, POWER, REACTIVE, VOLTAGE, P_HIGH, P_LOW, Q_HIGH, Q_LOW, INTERNAL, ENERGY = range(10)
FORMING_STATES = 10
LOOP_ANGLE, LOOP_SPEED, CURRENT_D, CURRENT_Q, LOOP_ENERGY = range(5)
FOLLOWING_STATES = 5
ROTOR, SPEED, TORQUE, RACK, GOVERNOR, FIELD, REGULATOR = range(7)
DIESEL_STATES = 7
FLUX_R, FLUX_I, MOTOR_SPEED = range(3)
MOTOR_STATES = 3

DONE, NO_SOLUTION, SHED, EMPTY, TRIP, ENTER, FREQUENCY, COLLAPSE = range(8)  # why a run stops


class PhasorTables(NamedTuple):
    """What an island is, between two switchings.

    Attributes:
        forming: `FORMING` of each unit.
        following: `FOLLOWING` of each unit.
        diesel: `DIESEL` of each unit.
        motor: `MOTOR` of each motor.
        load: `LOAD` of each block.
        admittance: Of lines, machines and motors; loads and inverters are added.
        alive: Whether a bus is connected with a unit that forms.
        dc_limits: Least and greatest power in per unit and voltage at rest, by battery and state
            of energy.
        stage_pu: Deviation of frequency below which a stage of shedding acts.
        stage_s: For which it must last.
        stage_done: Whether it has acted.
        base_rad_per_s: Nominal angular frequency.
        least_pu: Deviation of frequency at which the island is dead.
        most_pu: Likewise.
        least_voltage_pu: Below which a voltage has collapsed.
        voltage_s: For which it must last.
    """

    forming: Shaped[Array, " forming"]
    following: Shaped[Array, " following"]
    diesel: Shaped[Array, " diesel"]
    motor: Shaped[Array, " motor"]
    load: Shaped[Array, " load"]
    admittance: Shaped[Array, "bus bus"]
    alive: Bool[Array, " bus"]
    dc_limits: Float[Array, "battery point 3"]
    stage_pu: Float[Array, " stage"]
    stage_s: Float[Array, " stage"]
    stage_done: Bool[Array, " stage"]
    base_rad_per_s: float
    least_pu: float
    most_pu: float
    least_voltage_pu: float
    voltage_s: float


class PhasorMoment(NamedTuple):
    """The island at a moment; all of it is changed in place.

    Attributes:
        state: All units' and motors', one after the other.
        voltage: Phasor of each bus.
        impedance: Inverse of the admittance with loads and inverters.
        clip: Admittance of each forming inverter over that without a clipped current.
        scale: Of each load, as it is in the impedance.
        forming_now: Greatest power, least power and greatest voltage of each forming inverter.
        following_now: Greatest and least power of each following inverter.
        bad_s: For which a following inverter's voltage or frequency has been bad.
        good_s: Or good.
        below_s: For which the frequency has been below each stage.
        low_s: For which each bus has been below the least voltage.
        armed: Whether it has ever had a normal one.
        extremes: Least and greatest deviation of frequency and their times, least voltage and its
            time.
    """

    state: Float[Array, " state"]
    voltage: Shaped[Array, " bus"]
    impedance: Shaped[Array, "bus bus"]
    clip: Float[Array, " forming"]
    scale: Float[Array, " load"]
    forming_now: Float[Array, "forming 3"]
    following_now: Float[Array, "following 2"]
    bad_s: Float[Array, " following"]
    good_s: Float[Array, " following"]
    below_s: Float[Array, " stage"]
    low_s: Float[Array, " bus"]
    armed: Bool[Array, " bus"]
    extremes: Float[Array, "6"]


class PhasorSamples(NamedTuple):
    """An island at a few moments.

    Attributes:
        voltage: Phasor of each bus.
        power: Into the grid, of each unit, active and reactive as one complex number.
        deviation_pu: Of each unit's frequency.
        energy: State of energy of each unit; 1 without a battery.
        drawn: Of each load, complex.
        motor_power: Of each motor, complex.
        motor_speed_pu: Of each motor.
        frequency_pu: Mean deviation of the units that form, by rating.
    """

    voltage: Shaped[Array, "bus sample"]
    power: Shaped[Array, "unit sample"]
    deviation_pu: Float[Array, "unit sample"]
    energy: Float[Array, "unit sample"]
    drawn: Shaped[Array, "load sample"]
    motor_power: Shaped[Array, "motor sample"]
    motor_speed_pu: Float[Array, "motor sample"]
    frequency_pu: Float[Array, " sample"]


class PhasorStop(NamedTuple):
    """Where a run stopped, why, and which unit, stage or bus it was."""

    step: int
    reason: int
    which: int


