"""An induction motor with one cage and the load on its shaft, in dq.

It has the layout of states of `inverter.droop.DroopInverter`, so that both are units of one
network: a current through an inductance, with a voltage behind it that the other states give.
"""

from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
from scipy.optimize import brentq

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.circuit import faults_outside, frequency_faults
from evergrid.resilience.inverter.droop import (
    DELTA,
    GAMMA_D,
    GAMMA_Q,
    I_L_D,
    I_L_Q,
    I_O_X,
    I_O_Y,
    INDUCTION,
    INV_LC,
    INV_V,
    KIND,
    MACHINE_COLUMN,
    PARAMETERS,
    PHI_D,
    PHI_Q,
    R_C,
    V_O_D,
    V_O_Q,
    W_C,
    W_N,
    P,
    Q,
)
from evergrid.resilience.machine.synchronous import INV_2H, INV_S, POWER_FILTER_RAD_PER_S

FLUX_X, FLUX_Y, SPEED = PHI_D, PHI_Q, GAMMA_D
UNUSED = (DELTA, GAMMA_Q, I_L_D, I_L_Q, V_O_D, V_O_Q)
STATE_NAMES = (
    *("unused 1", "p", "q", "flux_x", "flux_y", "speed", "unused 2"),
    *("unused 3", "unused 4", "unused 5", "unused 6", "i_o_x", "i_o_y"),
)
# Columns of a row of parameters, beside those that generators have, too.
(INV_TR, X_STEP, TORQUE_FIXED, TORQUE_SQUARE) = range(MACHINE_COLUMN + 2, MACHINE_COLUMN + 6)
CREEP = 0.02  # of nominal speed, below which a fixed torque of the load falls to none


@dataclass(frozen=True)
class InductionMotor:
    """A motor, or many as one; dq is power-invariant, per unit refers to its rating.

    Attributes:
        nominal_hz: 50 or 60.
        voltage_v: Nominal line-to-line rms.
        rating_va: To which per unit refers.
        stator_resistance_pu: Rs.
        stator_reactance_pu: Xs.
        magnetising_reactance_pu: Xm.
        rotor_resistance_pu: Rr.
        rotor_reactance_pu: Xr.
        inertia_s: H, with that of the load.
        torque_pu: Of the load at nominal speed.
        fixed_torque_share: Of it, what does not fall with the speed, as of a compressor; the rest
            falls with its square, as of a fan.

    Raises:
        InputError: Every number out of range.

    Source:
        P. Kundur (1994), Power System Stability and Control, section 7.2, with the transients of
        the stator. The defaults are a typical small motor, unverified.
    """

    nominal_hz: float
    voltage_v: float
    rating_va: float
    stator_resistance_pu: float = 0.03
    stator_reactance_pu: float = 0.1
    magnetising_reactance_pu: float = 3.2
    rotor_resistance_pu: float = 0.02
    rotor_reactance_pu: float = 0.1
    inertia_s: float = 0.5
    torque_pu: float = 0.7
    fixed_torque_share: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "induction motor")
        faults = faults_outside(
            self,
            ("voltage_v", 50.0, 1e5),
            ("rating_va", 1.0, 1e10),
            ("stator_resistance_pu", 0.0, 1.0),
            ("stator_reactance_pu", 1e-3, 1.0),
            ("magnetising_reactance_pu", 0.5, 20.0),
            ("rotor_resistance_pu", 1e-3, 1.0),
            ("rotor_reactance_pu", 1e-3, 1.0),
            ("inertia_s", 0.02, 20.0),
            ("torque_pu", 0.0, 2.0),
            ("fixed_torque_share", 0.0, 1.0),
        )
        raise_if_any("induction motor", faults + frequency_faults(self.nominal_hz))

    @property
    def nominal_rad_per_s(self) -> float:
        """Nominal angular frequency."""
        return 2.0 * np.pi * self.nominal_hz

    @property
    def transient_reactance_pu(self) -> float:
        """X' of a rotor that stands."""
        x_m, x_r = self.magnetising_reactance_pu, self.rotor_reactance_pu
        return self.stator_reactance_pu + x_m * x_r / (x_m + x_r)

    @property
    def reactance_step_pu(self) -> float:
        """X - X', between that of a rotor at nominal speed and of one that stands."""
        x_m = self.magnetising_reactance_pu
        return x_m**2 / (x_m + self.rotor_reactance_pu)

    @property
    def open_circuit_s(self) -> float:
        """Time constant of the flux of the rotor with the stator open."""
        x = self.magnetising_reactance_pu + self.rotor_reactance_pu
        return x / (self.nominal_rad_per_s * self.rotor_resistance_pu)

    @property
    def coupling_inductance_h(self) -> float:
        """Of the transient reactance."""
        ohms = self.voltage_v**2 / self.rating_va
        return self.transient_reactance_pu * ohms / self.nominal_rad_per_s

    def row(self, *, coupled: bool) -> Float[Array, " parameter"]:
        """What the equations read."""
        row, ohms = np.zeros(PARAMETERS), self.voltage_v**2 / self.rating_va
        row[KIND], row[W_N], row[W_C] = INDUCTION, self.nominal_rad_per_s, POWER_FILTER_RAD_PER_S
        row[INV_V], row[INV_S], row[INV_2H] = (
            1.0 / self.voltage_v,
            1.0 / self.rating_va,
            0.5 / self.inertia_s,
        )
        row[R_C] = self.stator_resistance_pu * ohms
        row[INV_LC] = 1.0 / self.coupling_inductance_h if coupled else 0.0
        row[INV_TR], row[X_STEP] = 1.0 / self.open_circuit_s, self.reactance_step_pu * ohms
        row[TORQUE_FIXED] = self.torque_pu * self.fixed_torque_share
        row[TORQUE_SQUARE] = self.torque_pu * (1.0 - self.fixed_torque_share)
        return row

    def impedance_pu(self, slip: float) -> complex:
        """Of the motor at rest in the frame of the network, at a slip."""
        turning = 1.0 + 1j * slip * self.nominal_rad_per_s * self.open_circuit_s
        rotor = 1j * self.reactance_step_pu / turning
        return self.stator_resistance_pu + 1j * self.transient_reactance_pu + rotor

    def torque_at(self, slip: float, voltage_pu: float = 1.0) -> float:
        """Torque at a slip in steady state, per unit."""
        impedance = self.impedance_pu(slip)
        current = voltage_pu / abs(impedance)
        return (impedance.real - self.stator_resistance_pu) * current**2

    @property
    def breakdown_slip(self) -> float:
        """Slip of the greatest torque."""
        x_m, x_r = self.magnetising_reactance_pu, self.rotor_reactance_pu
        stator = self.stator_resistance_pu + 1j * (self.stator_reactance_pu + x_m)
        source = 1j * x_m * (self.stator_resistance_pu + 1j * self.stator_reactance_pu) / stator
        return float(self.rotor_resistance_pu / abs(source + 1j * x_r))

    def load_torque(self, speed: float) -> float:
        """Torque that the load asks for at a speed, per unit."""
        fixed = self.torque_pu * self.fixed_torque_share * min(max(speed / CREEP, -1.0), 1.0)
        return fixed + self.torque_pu * (1.0 - self.fixed_torque_share) * speed * abs(speed)

    def running_slip(self, voltage_pu: float = 1.0) -> float:
        """Slip at which it runs; 1 where its greatest torque does not reach that of the load."""

        def over(slip: float) -> float:
            return self.torque_at(slip, voltage_pu) - self.load_torque(1.0 - slip)

        most = self.breakdown_slip
        if over(most) <= 0:
            return 1.0
        found: Any = brentq(over, 0.0, most, xtol=1e-14)
        return float(found)

    def settled(self, voltage_v: complex, slip: float) -> Float[Array, " entry"]:
        """States in which it draws what it does at a voltage and a slip.

        Args:
            voltage_v: Of its bus, in the frame of the network, which turns at nominal speed.
            slip: Of the rotor behind that frame.
        """
        states, ohms = np.zeros(len(STATE_NAMES)), self.voltage_v**2 / self.rating_va
        impedance = self.impedance_pu(slip) * ohms
        drawn = voltage_v / impedance
        through = (self.stator_resistance_pu + 1j * self.transient_reactance_pu) * ohms
        flux = -1j * (impedance - through) * drawn
        power = voltage_v * np.conj(drawn)
        states[P], states[Q] = -power.real, -power.imag
        states[FLUX_X], states[FLUX_Y], states[SPEED] = flux.real, flux.imag, 1.0 - slip
        states[I_O_X], states[I_O_Y] = -drawn.real, -drawn.imag
        return states


def motor_of_power(
    power_w: float, nominal_hz: float, voltage_v: float, **given: float
) -> InductionMotor:
    """A motor that draws a power once it runs at nominal voltage and frequency.

    Args:
        power_w: That it draws.
        nominal_hz: 50 or 60.
        voltage_v: Nominal line-to-line rms.
        **given: Other fields of `InductionMotor`.

    Raises:
        InputError: A number out of range; a load that the motor does not turn.
    """
    unit = InductionMotor(nominal_hz, voltage_v, 1e3, **given)
    slip = unit.running_slip()
    if slip == 1.0:
        most = unit.torque_at(unit.breakdown_slip)
        rule = f"be below the greatest torque of the motor, {most:.3g}"
        raise_if_any("motor", [Fault("torque_pu", rule, (unit.torque_pu,))])
    drawn_pu = float((1.0 / unit.impedance_pu(slip)).real)
    return InductionMotor(nominal_hz, voltage_v, power_w / drawn_pu, **given)


def coasted(speed: float, motor: InductionMotor, seconds: float) -> float:
    """Speed of a motor without voltage after some time: its load slows it down.

    Closed form of ``2 H w' = -(a + b w^2)`` with a fixed and a square part of the torque.
    """
    if speed <= CREEP:
        return 0.0
    fixed = motor.torque_pu * motor.fixed_torque_share / (2.0 * motor.inertia_s)
    square = motor.torque_pu * (1.0 - motor.fixed_torque_share) / (2.0 * motor.inertia_s)
    if fixed == 0.0:
        return speed / (1.0 + square * speed * seconds)
    if square == 0.0:
        return max(speed - fixed * seconds, 0.0)
    ratio = np.sqrt(square / fixed)
    angle = np.arctan(ratio * speed) - np.sqrt(fixed * square) * seconds
    return float(max(np.tan(angle), 0.0) / ratio) if angle > 0 else 0.0


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def flux_rate_x(x, unit, p):
    """Rate of the flux in a frame that stands still, without what turning gives."""
    return -p[unit, INV_TR] * (x[unit, FLUX_X] + p[unit, X_STEP] * x[unit, I_O_X])


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def flux_rate_y(x, unit, p):
    """Its other part."""
    return -p[unit, INV_TR] * (x[unit, FLUX_Y] + p[unit, X_STEP] * x[unit, I_O_Y])


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rates(x, unit, p, frame_w, flow_x, flow_y, e_x, e_y, v_x, v_y, out):
    """Rates of change of one motor, into its row of ``out``.

    Its flux and its current are in the frame of the network.

    Args:
        x: States of all units, a row each.
        unit: Row of this one.
        p: Parameters, in rows too.
        frame_w: Angular speed of the frame of the network.
        flow_x: Rate of the flux, without what turning gives.
        flow_y: Its other part.
        e_x: Voltage behind the inductance.
        e_y: Its other part.
        v_x: Voltage of the bus.
        v_y: Its other part.
        out: Rates, in rows too.
    """
    i_x, i_y = x[unit, I_O_X], x[unit, I_O_Y]
    flux_x, flux_y, speed = x[unit, FLUX_X], x[unit, FLUX_Y], x[unit, SPEED]
    out[unit, P] = p[unit, W_C] * (v_x * i_x + v_y * i_y - x[unit, P])
    out[unit, Q] = p[unit, W_C] * (v_y * i_x - v_x * i_y - x[unit, Q])
    behind_w = frame_w - p[unit, W_N] * speed
    out[unit, FLUX_X] = flow_x + behind_w * flux_y
    out[unit, FLUX_Y] = flow_y - behind_w * flux_x
    electric = (flux_y * i_x - flux_x * i_y) * p[unit, INV_S]
    share = speed / CREEP
    if share.real > 1.0:
        share = 0.0 * share + 1.0
    elif share.real < -1.0:
        share = 0.0 * share - 1.0
    square = speed * speed if speed.real > 0.0 else -speed * speed
    load = p[unit, TORQUE_FIXED] * share + p[unit, TORQUE_SQUARE] * square
    out[unit, SPEED] = p[unit, INV_2H] * (electric - load)
    out[unit, DELTA] = out[unit, GAMMA_Q] = out[unit, I_L_D] = out[unit, I_L_Q] = 0.0
    out[unit, V_O_D] = out[unit, V_O_Q] = 0.0
    over_l = p[unit, INV_LC]
    out[unit, I_O_X] = (e_x - v_x - p[unit, R_C] * i_x) * over_l + frame_w * i_y
    out[unit, I_O_Y] = (e_y - v_y - p[unit, R_C] * i_y) * over_l - frame_w * i_x
