"""A grid-following inverter with a phase-locked loop and current control, averaged, in dq.

It has the filter and the layout of states of `droop.DroopInverter`, so that both are units of one
network: where that has the integrals of its voltage control, this one has its phase-locked loop.
"""

from dataclasses import dataclass, fields
from typing import no_type_check

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import (
    DELTA,
    FOLLOWING,
    GAMMA_D,
    GAMMA_Q,
    I_L_D,
    I_L_Q,
    I_MAX_2,
    I_O_X,
    I_O_Y,
    INV_CF,
    INV_KPC,
    INV_KPV,
    INV_LC,
    INV_LF,
    INV_V,
    K_IC,
    K_IV,
    K_PC,
    K_PV,
    KIND,
    NOMINAL_HZ,
    PARAMETERS,
    PHI_D,
    PHI_Q,
    PLL_FILTER,
    PLL_I,
    PLL_P,
    R_C,
    RF_LF,
    V_O_D,
    V_O_Q,
    W_C,
    W_N,
    WN_CF,
    WN_LF,
    P,
    Q,
    filter_rates,
)

PLL_INTEGRAL, PLL_ERROR = PHI_D, PHI_Q  # states of the loop, in the places of another control
WEAK = 0.1  # of the nominal voltage, below which the current no longer rises as it falls


@dataclass(frozen=True)
class PllInverter:
    """Parameters of one inverter that follows; dq is power-invariant.

    Attributes:
        nominal_hz: 50 or 60.
        voltage_v: Nominal line-to-line rms.
        pll_gain_rad_per_s: Proportional gain of the phase-locked loop, for 1 pu of the voltage
            across its axis.
        pll_integral_rad_per_s2: Integral gain.
        pll_filter_rad_per_s: Cut-off of the filter before it.
        power_filter_rad_per_s: Cut-off of the filters of both measured powers.
        current_gain_p: Proportional gain of the current loop, V/A.
        current_gain_i: Integral gain of the current loop, V/(A s).
        filter_inductance_h: Between bridge and capacitor.
        filter_resistance_ohm: In series with it.
        filter_capacitance_f: Star, per phase.
        coupling_inductance_h: Between capacitor and bus.
        coupling_resistance_ohm: In series with it.
        current_limit_a: Largest magnitude of the reference of the inner current; infinite for none.

    Raises:
        InputError: Every number out of range.

    Source:
        Structure of the grid-following inverter of PowerSimulationsDynamics.jl (NREL, BSD-3), test
        24, without its outer loops: the reference of the current is that of the power asked for.
    """

    nominal_hz: float
    voltage_v: float
    pll_gain_rad_per_s: float
    pll_integral_rad_per_s2: float
    pll_filter_rad_per_s: float
    power_filter_rad_per_s: float
    current_gain_p: float
    current_gain_i: float
    filter_inductance_h: float
    filter_resistance_ohm: float
    filter_capacitance_f: float
    coupling_inductance_h: float
    coupling_resistance_ohm: float
    current_limit_a: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "following inverter")
        faults = []
        if self.nominal_hz not in NOMINAL_HZ:
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        may_be_zero = {"filter_resistance_ohm", "coupling_resistance_ohm"}
        for name in (field.name for field in fields(self)):
            value, zero = getattr(self, name), name in may_be_zero
            finite = value < np.inf or name == "current_limit_a"
            if not ((value >= 0 if zero else value > 0) and finite):
                rule = "be at least 0 and finite" if zero else "be above 0 and finite"
                faults.append(Fault(name, rule, (value,)))
        raise_if_any("following inverter", faults)

    @property
    def nominal_rad_per_s(self) -> float:
        """Nominal angular frequency."""
        return 2.0 * np.pi * self.nominal_hz

    def row(self, *, coupled: bool) -> Float[Array, " parameter"]:
        """What the equations read, in the columns of `droop` and some of its own."""
        row = np.zeros(PARAMETERS)
        w_n = self.nominal_rad_per_s
        row[W_N], row[W_C], row[KIND] = w_n, self.power_filter_rad_per_s, FOLLOWING
        row[PLL_P], row[PLL_I] = self.pll_gain_rad_per_s, self.pll_integral_rad_per_s2
        row[PLL_FILTER], row[INV_V] = self.pll_filter_rad_per_s, 1.0 / self.voltage_v
        row[K_PV] = row[K_IV] = row[INV_KPV] = 1.0  # sizes of states, which are scaled by them
        row[K_PC], row[K_IC] = self.current_gain_p, self.current_gain_i
        row[WN_CF], row[WN_LF] = w_n * self.filter_capacitance_f, w_n * self.filter_inductance_h
        row[RF_LF] = self.filter_resistance_ohm / self.filter_inductance_h
        row[INV_LF], row[INV_CF] = 1 / self.filter_inductance_h, 1 / self.filter_capacitance_f
        row[R_C] = self.coupling_resistance_ohm
        row[INV_LC] = 1 / self.coupling_inductance_h if coupled else 0.0
        row[INV_KPC], row[I_MAX_2] = 1 / self.current_gain_p, self.current_limit_a**2
        return row

    def synchronised(self, voltage_v: complex, w_rad_per_s: float) -> Float[Array, " entry"]:
        """States of an inverter that has found a voltage and feeds nothing yet.

        Args:
            voltage_v: Of its bus, x + j y in the frame of nominal speed.
            w_rad_per_s: Angular frequency of that voltage.
        """
        states = np.zeros(13)
        v = abs(voltage_v)
        i_l = 1j * w_rad_per_s * self.filter_capacitance_f * v
        across = self.filter_resistance_ohm + 1j * w_rad_per_s * self.filter_inductance_h
        own = 1j * self.nominal_rad_per_s * self.filter_inductance_h * i_l
        gamma = (v + across * i_l - own) / self.current_gain_i
        states[DELTA] = np.angle(voltage_v)
        slow = w_rad_per_s - self.nominal_rad_per_s
        states[PLL_INTEGRAL] = slow / self.pll_integral_rad_per_s2
        states[GAMMA_D], states[GAMMA_Q] = gamma.real, gamma.imag
        states[I_L_D], states[I_L_Q], states[V_O_D] = i_l.real, i_l.imag, v
        return states


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rates(x, unit, p, frame_w, power, reactive, v_max_2, c, s, e_x, e_y, v_x, v_y, out):
    """Rates of change of one inverter that follows, into its row of ``out``.

    Args:
        x: States of all inverters, a row each.
        unit: Row of this one.
        p: Parameters, in rows too.
        frame_w: Angular speed of the frame of the network.
        power: That it is told to feed, W.
        reactive: Reactive power that it is told to feed, var.
        v_max_2: Square of the largest voltage of the bridge.
        c: Cosine of the angle.
        s: Its sine.
        e_x: Voltage of the capacitor in the frame of the network.
        e_y: Its other part.
        v_x: Voltage of the bus in the same frame.
        v_y: Its other part.
        out: Rates, in rows too.
    """
    v_d, v_q = x[unit, V_O_D], x[unit, V_O_Q]
    i_x, i_y = x[unit, I_O_X], x[unit, I_O_Y]
    o_d, o_q = i_x * c + i_y * s, i_y * c - i_x * s
    w = p[unit, W_N] + p[unit, PLL_P] * x[unit, PHI_Q] + p[unit, PLL_I] * x[unit, PHI_D]
    out[unit, DELTA] = w - frame_w
    out[unit, P] = p[unit, W_C] * (v_d * o_d + v_q * o_q - x[unit, P])
    out[unit, Q] = p[unit, W_C] * (v_q * o_d - v_d * o_q - x[unit, Q])
    out[unit, PHI_D] = x[unit, PHI_Q]
    out[unit, PHI_Q] = p[unit, PLL_FILTER] * (v_q * p[unit, INV_V] - x[unit, PHI_Q])
    weak = v_d * p[unit, INV_V]
    over_v = p[unit, INV_V] / weak if weak.real > WEAK else p[unit, INV_V] / WEAK
    ref_d = power * over_v - p[unit, WN_CF] * v_q
    ref_q = -reactive * over_v + p[unit, WN_CF] * v_d
    size_2 = ref_d * ref_d + ref_q * ref_q
    if size_2.real > p[unit, I_MAX_2]:
        cut = np.sqrt(p[unit, I_MAX_2] / size_2)
        ref_d, ref_q = cut * ref_d, cut * ref_q
    filter_rates(x, unit, p, frame_w, w, ref_d, ref_q, v_max_2, o_d, o_q, e_x, e_y, v_x, v_y, out)
