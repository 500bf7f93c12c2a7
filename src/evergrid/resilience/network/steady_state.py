"""Where an island settles: states that turn together at one speed, and that speed."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import (
    DELTA,
    GAMMA_D,
    I_L_D,
    I_O_X,
    I_O_Y,
    INV_CF,
    INV_KPV,
    INV_LC,
    INV_LF,
    K_IC,
    K_IV,
    N_Q,
    PHI_D,
    R_C,
    RF_LF,
    STATES,
    V_O_D,
    W_N,
    WN_CF,
    WN_LF,
    F,
    P,
    Q,
)
from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.elements import GridFollowingUnit, MotorUnit, SynchronousUnit
from evergrid.resilience.network.kernels import BRANCH_R, TRIM, V_FROM, V_TO, DqTables

MOST_ITERATIONS = 40
CANCELLED = 1e-6  # of a voltage over an inductance, as the least size of a rate of current
CLOSE = 1e-9  # of each entry's size, below which the next step is within rounding
ROUNDING = 1e-11  # of a residual that further steps do not make smaller
MOST_TURN_RAD = 0.5  # of an angle in one iteration


@dataclass(frozen=True)
class SteadyState:
    """Where everything that is connected settles, after all ramps.

    Attributes:
        assembly: What is connected.
        state: In the layout of `DqNetwork`; the first unit of each island has the angle 0.
        w_rad_per_s: Common angular frequency of each island.
        residual: Largest rate of change, over the sizes of what it sums up.
    """

    assembly: Assembly
    state: DqState
    w_rad_per_s: Float[Array, " island"]
    residual: float

    @property
    def tables(self) -> DqTables:
        """What the kernels read, in frames in which this state rests."""
        return _settled(self.assembly, self.w_rad_per_s)


def steady_state(assembly: Assembly) -> SteadyState:
    """Newton's method on the rates of change, with the speeds of islands as further unknowns.

    It begins with all units at their voltages and at one angle. Ramps are over; limits of
    current and of DC voltage hold.

    Raises:
        InputError: No steady state found, as where all units of an island are at their limit.
    """
    values = _first_guess(assembly)
    w = np.full(assembly.islands.count, 2.0 * np.pi * assembly.microgrid.nominal_hz)
    active, gauge = assembly.active, _gauge(assembly)
    for _ in range(MOST_ITERATIONS):
        tables = _settled(assembly, w)
        rates = assembly.rates(values, tables=tables)
        matrix = assembly.jacobian(values, tables=tables)
        bordered = np.block(
            [[matrix, _by_speed(assembly, values)], [gauge, np.zeros((len(w),) * 2)]]
        )
        held = np.concatenate([rates[active], gauge @ values[active]])
        scale = 1.0 / np.maximum(np.abs(bordered).max(axis=1), 1e-300)
        try:
            step = np.linalg.solve(bordered * scale[:, None], -held * scale)
        except np.linalg.LinAlgError:
            break
        turn = np.abs(step[: len(active)][np.isin(active, assembly.unit_at + DELTA)]).max()
        step *= min(1.0, MOST_TURN_RAD / turn) if turn > 0 else 1.0
        values[active] += step[: len(active)]
        w += step[len(active) :]
        sizes = np.maximum(np.abs(np.concatenate([values[active], w])), 1e-3)
        if not np.isfinite(step).all():
            break
        if (np.abs(step) < CLOSE * sizes).all():
            return SteadyState(assembly, DqState(0.0, values), w, residual(assembly, values, w))
    left = residual(assembly, values, w) if np.isfinite(values).all() else np.inf
    if left < ROUNDING:  # a unit far below a large source only moves by rounding of that
        return SteadyState(assembly, DqState(0.0, values), w, left)
    rule = "have a steady state with these breakers and references"
    fix = "Lower the load, or start more units: there may be none within the limits."
    raise_if_any("steady state", [Fault("microgrid", rule, fix=fix)])
    raise AssertionError


def residual(
    assembly: Assembly, values: Float[Array, " state"], w_rad_per_s: Float[Array, " island"]
) -> float:
    """Largest rate of change in frames of these speeds, over the sizes of what it sums up."""
    tables, active = _settled(assembly, w_rad_per_s), assembly.active
    rates = assembly.rates(values, tables=tables)[active]
    sums = np.abs(assembly.jacobian(values, tables=tables)) @ np.abs(values[active])
    return float((np.abs(rates) / np.maximum(sums, _rounding(assembly))).max())


def _rounding(assembly: Assembly) -> Float[Array, " active"]:
    """Least size of what each rate sums up.

    The current of a line with nothing at its end is zero as two equal voltages cancel over its
    inductance: what is left of that is rounding.
    """
    least = np.ones(len(assembly.microgrid.state_names))
    voltage_v = np.abs(assembly.tables.told[:, V_TO]).max()
    of_voltage = CANCELLED * voltage_v * assemblies.inverse_inductances(assembly)
    for part in (0, 1):
        entries = assemblies.current_entries(assembly) + part
        least[entries] = np.maximum(least[entries], of_voltage)
    return least[assembly.active]


def _settled(assembly: Assembly, w: Float[Array, " island"]) -> DqTables:
    """Tables after all ramps, in frames that turn with the islands."""
    tables = assembly.with_frame_speeds(w)
    told = tables.told.copy()
    told[:, V_FROM] = told[:, V_TO]
    return tables._replace(told=told)


def _gauge(assembly: Assembly) -> Float[Array, "island active"]:
    """One angle of each island, which is set to zero."""
    rows = np.zeros((assembly.islands.count, len(assembly.active)))
    for island in range(assembly.islands.count):
        first = int(np.flatnonzero(assembly.unit_islands == island)[0])
        rows[island, np.searchsorted(assembly.active, assembly.unit_at[first] + DELTA)] = 1.0
    return rows


def _by_speed(assembly: Assembly, values: Float[Array, " state"]) -> Float[Array, "active island"]:
    """Derivative of the rates by the speed of each frame."""
    found = np.zeros((len(values), assembly.islands.count))
    found[assembly.unit_at + DELTA, assembly.unit_islands] = -1.0
    entries, islands = assemblies.turning_entries(assembly)
    found[entries, islands] = values[entries + 1]
    found[entries + 1, islands] = -values[entries]
    return found[assembly.active]


def _first_guess(assembly: Assembly) -> Float[Array, " state"]:
    """All units at their voltages and at one angle, and what follows from that."""
    tables = assembly.tables
    values = np.zeros(len(assembly.microgrid.state_names))
    told, rows, at = tables.told, tables.units, assembly.unit_at
    own = [assembly.microgrid.units[unit] for unit in assembly.units]
    e = np.array([one.device.voltage_v for one in own], np.complex128)
    fed = np.zeros(len(own), np.complex128)
    slips = np.zeros(len(own))
    for place, one in enumerate(own):
        if isinstance(one, GridFollowingUnit):
            fed[place] = (told[place, V_TO] - 1j * told[place, TRIM]) / e[place]
        elif isinstance(one, MotorUnit):
            slips[place] = one.motor.running_slip()
            states = one.motor.settled(e[place], slips[place])
            fed[place] = complex(states[I_O_X], states[I_O_Y])
        else:
            e[place] = told[place, V_TO]
    # Voltages and impedances give all currents; a unit's own states follow from those at its bus.
    currents = _phasors(assembly, e, fed)
    entries = assemblies.current_entries(assembly)
    values[entries], values[entries + 1] = np.real(currents), np.imag(currents)
    i_o = currents[: len(at)]
    w_n = 2.0 * np.pi * assembly.microgrid.nominal_hz
    for place, one in enumerate(own):
        entry = slice(at[place], at[place] + len(STATES))
        if isinstance(one, SynchronousUnit):
            behind = rows[place, R_C] + 1j * w_n * one.generator.coupling_inductance_h
            terminal = e[place] - (behind * i_o[place] if rows[place, INV_LC] > 0 else 0.0)
            states = one.generator.settled(complex(terminal), complex(i_o[place]), w_n)
        elif isinstance(one, MotorUnit):
            states = one.motor.settled(e[place], slips[place])
        else:
            states = _inverter_guess(rows[place], complex(e[place]), complex(i_o[place]))
            if isinstance(one, GridFollowingUnit):
                states[[PHI_D, PHI_D + 1]] = 0.0
        values[entry] = states
    return values


def _inverter_guess(row: Float[Array, " parameter"], e: complex, i_o: complex) -> Array:
    """States of an inverter at a voltage and a current, its angle 0."""
    states = np.zeros(len(STATES))
    power, w = e * np.conj(i_o), row[W_N]
    i_l = i_o + 1j * w * e / row[INV_CF]
    bridge = e + (row[RF_LF] + 1j * w) / row[INV_LF] * i_l
    miss = -row[N_Q] * power.imag
    phi = (i_l - row[F] * i_o - 1j * row[WN_CF] * e - miss / row[INV_KPV]) / row[K_IV]
    gamma = (bridge - 1j * row[WN_LF] * i_l) / row[K_IC]
    states[P], states[Q] = power.real, power.imag
    for first, pair in ((PHI_D, phi), (GAMMA_D, gamma), (I_L_D, i_l), (V_O_D, e), (I_O_X, i_o)):
        states[first], states[first + 1] = pair.real, pair.imag
    return states


def _phasors(assembly: Assembly, e: Array, fed: Array) -> Array:
    """Currents of units and branches at nominal frequency, with the voltages of units given.

    Those of units that follow, and of motors, are given instead.
    """
    tables, incidence = assembly.tables, assemblies.incidence_of(assembly)
    inverse_l = assemblies.inverse_inductances(assembly)
    resistance = np.concatenate([tables.units[:, R_C], tables.branches[:, BRANCH_R]])
    w_n = 2.0 * np.pi * assembly.microgrid.nominal_hz
    admittance = inverse_l / (resistance * inverse_l + 1j * w_n)
    none = np.zeros(len(tables.branches))
    given_alone = np.concatenate([~assembly.forms, none > 0])
    admittance = np.where(given_alone, 0.0, admittance)
    sources, given = np.concatenate([e, none]), np.concatenate([fed, none])
    matrix = (incidence * admittance) @ incidence.T + np.diag(assembly.conductance)
    voltages = np.linalg.solve(matrix, incidence @ (admittance * sources + given))
    return admittance * (sources - incidence.T @ voltages) + given
