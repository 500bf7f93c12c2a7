"""A synchronous generator with its engine, governor and voltage regulator, in dq.

It has the layout of states of `inverter.droop.DroopInverter`, so that both are units of one
network: a current through an inductance, with a voltage behind it that the other states give.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.resilience.inverter.circuit import faults_outside, frequency_faults
from evergrid.resilience.inverter.droop import (
    DELTA,
    GAMMA_D,
    GAMMA_Q,
    I_L_D,
    I_L_Q,
    I_O_X,
    I_O_Y,
    INV_LC,
    INV_V,
    KIND,
    MACHINE_COLUMN,
    N_Q,
    PARAMETERS,
    PHI_D,
    PHI_Q,
    R_C,
    SYNCHRONOUS,
    V_O_D,
    V_O_Q,
    W_C,
    W_N,
    P,
    Q,
)

REGULATOR, FIELD, RACK = PHI_D, PHI_Q, GAMMA_Q
TORQUE, SLIP, E_A, E_B = I_L_D, I_L_Q, V_O_D, V_O_Q
UNUSED = (GAMMA_D,)
STATE_NAMES = (
    *("delta", "p", "q", "regulator", "field", "unused", "rack"),
    *("torque", "speed", "e_a", "e_b", "i_o_x", "i_o_y"),
)
# Columns of a row of parameters.
(INV_S, INV_2H, DAMPING, X_STEP_D, X_STEP_Q, INV_TD, INV_TQ, SPEED_GAIN) = range(
    MACHINE_COLUMN, MACHINE_COLUMN + 8
)
(INV_ACTUATOR, INV_ENGINE, MOST_P, REGULATOR_GAIN, REGULATOR_I, INV_EXCITER, MOST_FIELD) = range(
    MACHINE_COLUMN + 8, MACHINE_COLUMN + 15
)
POWER_FILTER_RAD_PER_S = 31.41  # of the measured powers, as that of inverters
BRAKING = 0.1  # of the rating, by which an engine without fuel slows its set down, unverified
DARK_V = 1e-6  # below which a voltage has no size


@dataclass(frozen=True)
class SynchronousGenerator:
    """A generator set; dq is power-invariant, per unit refers to its rating.

    Field winding, one damper winding in the quadrature axis, and the transients of the stator;
    the transient reactance is the same in both axes, saturation and the damper in the direct axis
    are left out. The regulator has a droop by reactive power, so that sets share it; the governor
    has a droop, a rack and an engine, each with its delay.

    Attributes:
        nominal_hz: 50 or 60.
        voltage_v: Nominal line-to-line rms.
        rating_va: Of the generator.
        most_power_pu: That the engine gives; without fuel it brakes by `BRAKING`.
        inertia_s: H.
        damping_pu: Torque over the deviation from nominal speed, of what is not modelled.
        reactance_pu: Xd.
        quadrature_reactance_pu: Xq.
        transient_reactance_pu: X'd and X'q.
        resistance_pu: Of the stator.
        open_circuit_s: T'd0 of the field.
        quadrature_open_circuit_s: T'q0 of the damper.
        speed_droop_pu: Speed over power, from none to `most_power_pu` of the rating.
        voltage_droop_pu: Voltage over reactive power.
        actuator_s: Time constant of the fuel rack.
        engine_s: Time constant of the engine.
        regulator_gain: Of the voltage regulator, field voltage over voltage.
        regulator_integral_per_s: Its integral gain.
        exciter_s: Time constant of the exciter.
        most_field_pu: Largest field voltage, over that of no load.

    Raises:
        InputError: Every number out of range, reactances that do not fall from Xd to X'd.

    Source:
        P. Kundur (1994), Power System Stability and Control, sections 3.4 and 5.3: two-axis model.
        The defaults are typical of sets of some hundred kW, unverified.
    """

    nominal_hz: float
    voltage_v: float
    rating_va: float
    most_power_pu: float = 0.8
    inertia_s: float = 1.0
    damping_pu: float = 0.0
    reactance_pu: float = 2.2
    quadrature_reactance_pu: float = 1.3
    transient_reactance_pu: float = 0.2
    resistance_pu: float = 0.01
    open_circuit_s: float = 1.7
    quadrature_open_circuit_s: float = 0.1
    speed_droop_pu: float = 0.05
    voltage_droop_pu: float = 0.034
    actuator_s: float = 0.03
    engine_s: float = 0.06
    regulator_gain: float = 20.0
    regulator_integral_per_s: float = 20.0
    exciter_s: float = 0.05
    most_field_pu: float = 6.0

    def __post_init__(self) -> None:
        records.check(self, "synchronous generator")
        faults = faults_outside(
            self,
            ("voltage_v", 50.0, 1e5),
            ("rating_va", 1.0, 1e10),
            ("most_power_pu", 1e-3, 1.5),
            ("inertia_s", 0.05, 20.0),
            ("damping_pu", 0.0, 100.0),
            ("reactance_pu", self.transient_reactance_pu, 5.0),
            ("quadrature_reactance_pu", self.transient_reactance_pu, 5.0),
            ("transient_reactance_pu", 0.02, 1.0),
            ("resistance_pu", 0.0, 0.5),
            ("open_circuit_s", 0.1, 20.0),
            ("quadrature_open_circuit_s", 0.01, 5.0),
            ("speed_droop_pu", 1e-4, 0.3),
            ("voltage_droop_pu", 0.0, 0.5),
            ("actuator_s", 5e-3, 5.0),
            ("engine_s", 5e-3, 5.0),
            ("regulator_gain", 0.0, 1e3),
            ("regulator_integral_per_s", 0.0, 1e4),
            ("exciter_s", 5e-3, 5.0),
            ("most_field_pu", 1.0, 20.0),
        )
        raise_if_any("synchronous generator", faults + frequency_faults(self.nominal_hz))

    @property
    def nominal_rad_per_s(self) -> float:
        """Nominal angular frequency."""
        return 2.0 * np.pi * self.nominal_hz

    @property
    def base_ohm(self) -> float:
        """Impedance of 1 pu."""
        return self.voltage_v**2 / self.rating_va

    @property
    def coupling_inductance_h(self) -> float:
        """Of the transient reactance."""
        return self.transient_reactance_pu * self.base_ohm / self.nominal_rad_per_s

    @property
    def droop_rad_per_s_per_w(self) -> float:
        """By which the angular frequency falls with active power."""
        most_w = self.most_power_pu * self.rating_va
        return self.speed_droop_pu * self.nominal_rad_per_s / most_w

    def row(self, *, coupled: bool) -> Float[Array, " parameter"]:
        """What the equations read."""
        row, ohms = np.zeros(PARAMETERS), self.base_ohm
        row[KIND], row[W_N], row[W_C] = SYNCHRONOUS, self.nominal_rad_per_s, POWER_FILTER_RAD_PER_S
        row[INV_V], row[INV_S] = 1.0 / self.voltage_v, 1.0 / self.rating_va
        row[N_Q] = self.voltage_droop_pu * self.voltage_v / self.rating_va
        row[R_C] = self.resistance_pu * ohms
        row[INV_LC] = 1.0 / self.coupling_inductance_h if coupled else 0.0
        row[INV_2H], row[DAMPING] = 0.5 / self.inertia_s, self.damping_pu
        row[X_STEP_D] = (self.reactance_pu - self.transient_reactance_pu) * ohms
        row[X_STEP_Q] = (self.quadrature_reactance_pu - self.transient_reactance_pu) * ohms
        row[INV_TD], row[INV_TQ] = 1 / self.open_circuit_s, 1 / self.quadrature_open_circuit_s
        row[SPEED_GAIN] = self.most_power_pu / self.speed_droop_pu
        row[INV_ACTUATOR], row[INV_ENGINE] = 1.0 / self.actuator_s, 1.0 / self.engine_s
        row[MOST_P], row[MOST_FIELD] = self.most_power_pu, self.most_field_pu
        row[REGULATOR_GAIN] = self.regulator_gain
        row[REGULATOR_I], row[INV_EXCITER] = self.regulator_integral_per_s, 1.0 / self.exciter_s
        return row

    def settled(
        self, voltage_v: complex, current_a: complex, w_rad_per_s: float
    ) -> Float[Array, " entry"]:
        """States at rest that feed a current at a voltage.

        Args:
            voltage_v: At the terminals, in the frame of the network.
            current_a: Out of them, in the same frame.
            w_rad_per_s: At which all turns.
        """
        states, share = np.zeros(len(STATE_NAMES)), w_rad_per_s / self.nominal_rad_per_s
        ohms = self.base_ohm
        r, x_q = self.resistance_pu * ohms, self.quadrature_reactance_pu * ohms * share
        angle = float(np.angle(voltage_v + (r + 1j * x_q) * current_a))
        own, turned = current_a * np.exp(-1j * angle), voltage_v * np.exp(-1j * angle)
        x_t = self.transient_reactance_pu * ohms * share
        behind = (turned + (r + 1j * x_t) * own) / share
        step_d = (self.reactance_pu - self.transient_reactance_pu) * ohms
        power = voltage_v * np.conj(current_a)
        states[DELTA], states[SLIP] = angle, share - 1.0
        states[P], states[Q] = power.real, power.imag
        states[E_A], states[E_B] = behind.real, behind.imag
        states[FIELD] = states[REGULATOR] = (behind.real - step_d * own.imag) / self.voltage_v
        states[TORQUE] = states[RACK] = float((behind * np.conj(own)).real) / self.rating_va
        states[I_O_X], states[I_O_Y] = current_a.real, current_a.imag
        return states


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rate_a(x, unit, p, o_b):
    """Rate of the voltage that the field gives, at a current across it."""
    field = x[unit, FIELD] / p[unit, INV_V]
    return p[unit, INV_TD] * (field - x[unit, E_A] + p[unit, X_STEP_D] * o_b)


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rate_b(x, unit, p, o_a):
    """Rate of the voltage that the damper gives, at a current along the other axis."""
    return p[unit, INV_TQ] * (-x[unit, E_B] - p[unit, X_STEP_Q] * o_a)


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rates(x, unit, p, frame_w, v_set, trim, c, s, e_x, e_y, v_x, v_y, out):
    """Rates of change of one generator, into its row of ``out``.

    Its own frame turns with the rotor, one axis along the voltage that the field induces at no
    load; its current alone is kept in the frame of the network. The governor and the regulator
    stop integrating at their limits.

    Args:
        x: States of all units, a row each.
        unit: Row of this one.
        p: Parameters, in rows too.
        frame_w: Angular speed of the frame of the network.
        v_set: Reference of the voltage without reactive power.
        trim: Added to the reference of the angular frequency.
        c: Cosine of the angle of the rotor.
        s: Its sine.
        e_x: Voltage behind the inductance, in the frame of the network.
        e_y: Its other part.
        v_x: Voltage of the bus in the same frame.
        v_y: Its other part.
        out: Rates, in rows too.
    """
    i_x, i_y = x[unit, I_O_X], x[unit, I_O_Y]
    o_a, o_b = i_x * c + i_y * s, i_y * c - i_x * s
    w_n, slip = p[unit, W_N], x[unit, SLIP]
    out[unit, DELTA] = w_n * (1.0 + slip) - frame_w
    out[unit, P] = p[unit, W_C] * (v_x * i_x + v_y * i_y - x[unit, P])
    out[unit, Q] = p[unit, W_C] * (v_y * i_x - v_x * i_y - x[unit, Q])
    out[unit, E_A] = rate_a(x, unit, p, o_b)
    out[unit, E_B] = rate_b(x, unit, p, o_a)
    electric = (x[unit, E_A] * o_a + x[unit, E_B] * o_b) * p[unit, INV_S]
    out[unit, SLIP] = p[unit, INV_2H] * (x[unit, TORQUE] - electric - p[unit, DAMPING] * slip)
    # Limits compare real parts and keep the type, as complex numbers come for exact derivatives.
    asked = p[unit, SPEED_GAIN] * (trim / w_n - slip)
    if asked.real > p[unit, MOST_P]:
        asked = 0.0 * asked + p[unit, MOST_P]
    elif asked.real < -BRAKING:
        asked = 0.0 * asked - BRAKING
    out[unit, RACK] = p[unit, INV_ACTUATOR] * (asked - x[unit, RACK])
    out[unit, TORQUE] = p[unit, INV_ENGINE] * (x[unit, RACK] - x[unit, TORQUE])
    over_l = p[unit, INV_LC]
    seen_2 = v_x * v_x + v_y * v_y if over_l > 0.0 else e_x * e_x + e_y * e_y
    seen = np.sqrt(seen_2 + DARK_V * DARK_V)
    missing = (v_set - p[unit, N_Q] * x[unit, Q] - seen) * p[unit, INV_V]
    field = p[unit, REGULATOR_GAIN] * missing + x[unit, REGULATOR]
    out[unit, REGULATOR] = p[unit, REGULATOR_I] * missing
    if field.real > p[unit, MOST_FIELD]:
        field = 0.0 * field + p[unit, MOST_FIELD]
        if missing.real > 0.0:
            out[unit, REGULATOR] = 0.0
    elif field.real < 0.0:
        field = 0.0 * field
        if missing.real < 0.0:
            out[unit, REGULATOR] = 0.0
    out[unit, FIELD] = p[unit, INV_EXCITER] * (field - x[unit, FIELD])
    out[unit, GAMMA_D] = 0.0
    out[unit, I_O_X] = (e_x - v_x - p[unit, R_C] * i_x) * over_l + frame_w * i_y
    out[unit, I_O_Y] = (e_y - v_y - p[unit, R_C] * i_y) * over_l - frame_w * i_x
