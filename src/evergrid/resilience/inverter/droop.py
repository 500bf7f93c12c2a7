"""A grid-forming inverter with droop, inner loops and an LCL filter, averaged, in dq."""

from dataclasses import dataclass, fields
from typing import no_type_check

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

NOMINAL_HZ = (50.0, 60.0)
STATES = (
    *("delta", "p", "q", "phi_d", "phi_q", "gamma_d", "gamma_q"),
    *("i_l_d", "i_l_q", "v_o_d", "v_o_q", "i_o_x", "i_o_y"),
)
(DELTA, P, Q, PHI_D, PHI_Q, GAMMA_D, GAMMA_Q, I_L_D, I_L_Q, V_O_D, V_O_Q, I_O_X, I_O_Y) = range(
    len(STATES)
)
# Columns of a row of parameters, which the equations read.
(W_N, M_P, N_Q, W_C, F, WN_CF, K_PV, K_IV, K_PC, K_IC, WN_LF, RF_LF, INV_LF, INV_CF) = range(14)
(R_C, INV_LC, INV_KPV, INV_KPC, I_MAX_2) = range(14, 19)
# What a unit is, and columns of an inverter that follows, zero for others: see `following`.
(KIND, PLL_P, PLL_I, PLL_FILTER, INV_V) = range(19, 24)
DROOP, FOLLOWING, SYNCHRONOUS, INDUCTION = range(4)
MACHINE_COLUMN = 24  # from which on columns are those of machines: see `machine`
PARAMETERS = 40


@dataclass(frozen=True)
class DroopInverter:
    """Parameters of one inverter; dq is power-invariant: ``|v_dq|`` is the line-to-line rms.

    Attributes:
        nominal_hz: 50 or 60.
        voltage_v: Line-to-line rms without reactive power.
        droop_rad_per_s_per_w: By which the angular frequency falls with active power.
        droop_v_per_var: By which the voltage falls with reactive power.
        power_filter_rad_per_s: Cut-off of the filters of both powers.
        current_feedforward: Share of the output current in the reference of the inner current.
        voltage_gain_p: Proportional gain of the voltage loop, A/V.
        voltage_gain_i: Integral gain of the voltage loop, A/(V s).
        current_gain_p: Proportional gain of the current loop, V/A.
        current_gain_i: Integral gain of the current loop, V/(A s).
        filter_inductance_h: Between bridge and capacitor.
        filter_resistance_ohm: In series with it.
        filter_capacitance_f: Star, per phase.
        coupling_inductance_h: Between capacitor and bus.
        coupling_resistance_ohm: In series with it.
        current_limit_a: Largest magnitude of the reference of the inner current, in dq, that is
            the root of three times the rms of a line; infinite for no limit.

    Raises:
        InputError: Every number out of range.

    Source:
        N. Pogaku, M. Prodanovic, T. Green (2007), Modeling, analysis and testing of autonomous
        operation of an inverter-based microgrid, IEEE Transactions on Power Electronics 22(2),
        doi:10.1109/TPEL.2006.890003; the signs are those of GridKit's ``DistributedGenerator``.
        Limits of current and bridge voltage are added.
    """

    nominal_hz: float = 50.0
    voltage_v: float = 380.0
    droop_rad_per_s_per_w: float = 9.4e-5
    droop_v_per_var: float = 1.3e-3
    power_filter_rad_per_s: float = 31.41
    current_feedforward: float = 0.75
    voltage_gain_p: float = 0.1
    voltage_gain_i: float = 420.0
    current_gain_p: float = 15.0
    current_gain_i: float = 20e3
    filter_inductance_h: float = 1.35e-3
    filter_resistance_ohm: float = 0.1
    filter_capacitance_f: float = 50e-6
    coupling_inductance_h: float = 0.35e-3
    coupling_resistance_ohm: float = 0.03
    current_limit_a: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "droop inverter")
        faults = []
        if self.nominal_hz not in NOMINAL_HZ:
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        may_be_zero = {
            *("droop_rad_per_s_per_w", "droop_v_per_var", "current_feedforward"),
            *("filter_resistance_ohm", "coupling_resistance_ohm"),
        }
        for name in (field.name for field in fields(self)):
            value, zero = getattr(self, name), name in may_be_zero
            finite = value < np.inf or name == "current_limit_a"
            if not ((value >= 0 if zero else value > 0) and finite):
                rule = "be at least 0 and finite" if zero else "be above 0 and finite"
                faults.append(Fault(name, rule, (value,)))
        raise_if_any("droop inverter", faults)

    @property
    def nominal_rad_per_s(self) -> float:
        """Nominal angular frequency."""
        return 2.0 * np.pi * self.nominal_hz

    def row(self, *, coupled: bool) -> Float[Array, " parameter"]:
        """What the equations read; without coupling the output current stays as it is."""
        row = np.zeros(PARAMETERS)
        w_n = self.nominal_rad_per_s
        row[W_N], row[M_P], row[N_Q] = w_n, self.droop_rad_per_s_per_w, self.droop_v_per_var
        row[W_C], row[F] = self.power_filter_rad_per_s, self.current_feedforward
        row[K_PV], row[K_IV] = self.voltage_gain_p, self.voltage_gain_i
        row[K_PC], row[K_IC] = self.current_gain_p, self.current_gain_i
        row[WN_CF], row[WN_LF] = w_n * self.filter_capacitance_f, w_n * self.filter_inductance_h
        row[RF_LF] = self.filter_resistance_ohm / self.filter_inductance_h
        row[INV_LF], row[INV_CF] = 1 / self.filter_inductance_h, 1 / self.filter_capacitance_f
        row[R_C] = self.coupling_resistance_ohm
        row[INV_LC] = 1 / self.coupling_inductance_h if coupled else 0.0
        row[INV_KPV], row[INV_KPC] = 1 / self.voltage_gain_p, 1 / self.current_gain_p
        row[I_MAX_2] = self.current_limit_a**2
        return row


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def filter_rates(x, unit, p, frame_w, w, ref_d, ref_q, v_max_2, o_d, o_q, e_x, e_y, v_x, v_y, out):
    """Rates of the current loop and the filter, whatever gives the reference of the current.

    Args:
        x: States of all inverters, a row each.
        unit: Row of this one.
        p: Parameters, in rows too.
        frame_w: Angular speed of the frame of the network.
        w: Of its own frame.
        ref_d: Reference of the current at the bridge.
        ref_q: Its other part.
        v_max_2: Square of the largest voltage of the bridge.
        o_d: Output current in its own frame.
        o_q: Its other part.
        e_x: Voltage of the capacitor in the frame of the network.
        e_y: Its other part.
        v_x: Voltage of the bus in the same frame.
        v_y: Its other part.
        out: Rates, in rows too.
    """
    v_d, v_q = x[unit, V_O_D], x[unit, V_O_Q]
    i_d, i_q = x[unit, I_L_D], x[unit, I_L_Q]
    i_x, i_y = x[unit, I_O_X], x[unit, I_O_Y]
    miss_d, miss_q = ref_d - i_d, ref_q - i_q
    k_p, k_i = p[unit, K_PC], p[unit, K_IC]
    bridge_d = k_p * miss_d + k_i * x[unit, GAMMA_D] - p[unit, WN_LF] * i_q
    bridge_q = k_p * miss_q + k_i * x[unit, GAMMA_Q] + p[unit, WN_LF] * i_d
    size_2 = bridge_d * bridge_d + bridge_q * bridge_q
    if size_2.real > v_max_2:
        cut = 1.0 - np.sqrt(v_max_2 / size_2)
        miss_d -= cut * bridge_d * p[unit, INV_KPC]
        miss_q -= cut * bridge_q * p[unit, INV_KPC]
        bridge_d, bridge_q = bridge_d - cut * bridge_d, bridge_q - cut * bridge_q
    out[unit, GAMMA_D], out[unit, GAMMA_Q] = miss_d, miss_q
    decay, over_l, over_c = p[unit, RF_LF], p[unit, INV_LF], p[unit, INV_CF]
    out[unit, I_L_D] = (bridge_d - v_d) * over_l - decay * i_d + w * i_q
    out[unit, I_L_Q] = (bridge_q - v_q) * over_l - decay * i_q - w * i_d
    out[unit, V_O_D] = (i_d - o_d) * over_c + w * v_q
    out[unit, V_O_Q] = (i_q - o_q) * over_c - w * v_d
    over_l = p[unit, INV_LC]
    out[unit, I_O_X] = (e_x - v_x - p[unit, R_C] * i_x) * over_l + frame_w * i_y
    out[unit, I_O_Y] = (e_y - v_y - p[unit, R_C] * i_y) * over_l - frame_w * i_x


@kernel(error_model="numpy", fastmath={"contract"}, inline="always")
@no_type_check
def rates(x, unit, p, frame_w, v_set, trim, v_max_2, c, s, e_x, e_y, v_x, v_y, out):
    """Rates of change of one inverter, into its row of ``out``.

    Its own frame turns with it; its output current alone is kept in the frame of the network,
    where the currents into a bus add up. A reference of current beyond the limit is shortened
    without turning it, and so is the voltage of the bridge; the integrators are led back by what
    was cut, over the proportional gains, so that they do not wind up.

    Args:
        x: States of all inverters, a row each.
        unit: Row of this one.
        p: Parameters, in rows too.
        frame_w: Angular speed of the frame of the network.
        v_set: Reference of the voltage without reactive power.
        trim: Added to the angular frequency.
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
    w = p[unit, W_N] - p[unit, M_P] * x[unit, P] + trim
    out[unit, DELTA] = w - frame_w
    out[unit, P] = p[unit, W_C] * (v_d * o_d + v_q * o_q - x[unit, P])
    out[unit, Q] = p[unit, W_C] * (v_q * o_d - v_d * o_q - x[unit, Q])
    miss_d, miss_q = v_set - p[unit, N_Q] * x[unit, Q] - v_d, -v_q
    k_p, k_i = p[unit, K_PV], p[unit, K_IV]
    ref_d = p[unit, F] * o_d - p[unit, WN_CF] * v_q + k_p * miss_d + k_i * x[unit, PHI_D]
    ref_q = p[unit, F] * o_q + p[unit, WN_CF] * v_d + k_p * miss_q + k_i * x[unit, PHI_Q]
    size_2 = ref_d * ref_d + ref_q * ref_q
    if size_2.real > p[unit, I_MAX_2]:
        cut = 1.0 - np.sqrt(p[unit, I_MAX_2] / size_2)
        miss_d -= cut * ref_d * p[unit, INV_KPV]
        miss_q -= cut * ref_q * p[unit, INV_KPV]
        ref_d, ref_q = ref_d - cut * ref_d, ref_q - cut * ref_q
    out[unit, PHI_D], out[unit, PHI_Q] = miss_d, miss_q
    filter_rates(x, unit, p, frame_w, w, ref_d, ref_q, v_max_2, o_d, o_q, e_x, e_y, v_x, v_y, out)
