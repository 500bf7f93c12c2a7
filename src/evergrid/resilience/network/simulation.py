"""An island in time, by explicit steps: from a dead bus, through load steps, to its collapse."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import (
    DELTA,
    I_L_D,
    I_L_Q,
    I_O_X,
    I_O_Y,
    STATES,
    V_O_D,
    V_O_Q,
    P,
    Q,
)
from evergrid.resilience.network import kernels, small_signal
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.kernels import DqRecording, DqTables

STEP_S = 20e-6  # halving it moves the 13th digit: filters are near -3e3 +/- 7e3 j rad/s
CURRENT_BOUND_A = 1e5  # beyond any inverter, so that what passes it has run away
Currents = Shaped[Array, "..."]  # complex, by sample and, where there are several, by unit
MOST_STEPS = 50_000_000
STABLE_TO = 2.78  # of |lambda| times the step, for Runge-Kutta steps of fourth order


class Ending(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    NOT_FINITE = "not_finite"
    OVER_CURRENT = "over_current"


@dataclass(frozen=True)
class DqTrajectory:
    """How a run went; samples are equidistant from its start, and stop where it stopped.

    Attributes:
        assembly: What was connected.
        time_s: Of the samples.
        states: At them, in the layout of `DqNetwork`.
        voltages_v: Of each live bus, x and y in the frame of nominal speed, as a complex number.
        ending: How it ended.
        final: State at the end, or where it stopped.
        unit_energy_ws: Out of each running unit, at its capacitor or, of a machine, its terminals.
        branch_energy_ws: Into each live branch and load.
        peak_filter_current_a: Largest magnitude through the filter of each running inverter, or out
            of each machine, in dq.
    """

    assembly: Assembly
    time_s: Float[Array, " sample"]
    states: Float[Array, "sample state"]
    voltages_v: Shaped[Array, "sample bus"]
    ending: Ending
    final: DqState
    unit_energy_ws: Float[Array, " unit"]
    branch_energy_ws: Float[Array, " branch"]
    peak_filter_current_a: Float[Array, " unit"]

    @property
    def message(self) -> str:
        """Where and when it stopped; empty for a run that came to its end."""
        if self.ending == Ending.FINISHED:
            return ""
        assembly, values = self.assembly, self.final.values
        names = assembly.state_names
        moving = np.nan_to_num(np.abs(values[assembly.active]), nan=np.inf)
        currents = np.array([".i_" in name for name in names])
        worst = int(np.where(currents, moving, -1.0).argmax())
        found = f"{names[worst]} is {values[assembly.active[worst]]:.6g} A"
        kind = "beyond the bound" if self.ending == Ending.OVER_CURRENT else "not finite"
        return f"Stopped at {self.final.time_s:.6g} s: {found}, {kind}."

    @property
    def _unit_states(self) -> Float[Array, "sample unit entry"]:
        units = self.assembly.units
        count = len(self.assembly.microgrid.units) * len(STATES)
        return self.states[:, :count].reshape(len(self.states), -1, len(STATES))[:, units]

    @property
    def power_w(self) -> Float[Array, "sample unit"]:
        """Filtered active power of each running unit."""
        return self._unit_states[:, :, P]

    @property
    def reactive_power_var(self) -> Float[Array, "sample unit"]:
        """Filtered reactive power of each running unit; positive into an inductive load."""
        return self._unit_states[:, :, Q]

    @property
    def angle_rad(self) -> Float[Array, "sample unit"]:
        """Angle of the frame of each running unit, ahead of one that turns at nominal speed.

        Motors have none.
        """
        return self._unit_states[:, :, DELTA]

    @property
    def frequency_hz(self) -> Float[Array, "sample unit"]:
        """Of each running unit."""
        return self.assembly.speeds_rad_per_s(self.states) / (2.0 * np.pi)

    @property
    def capacitor_voltage_v(self) -> Shaped[Array, "sample unit"]:
        """Of each running inverter in its own frame, d + j q."""
        states = self._unit_states
        return states[:, :, V_O_D] + 1j * states[:, :, V_O_Q]

    @property
    def filter_current_a(self) -> Currents:
        """Through the filter of each running inverter in its own frame, d + j q."""
        states = self._unit_states
        return states[:, :, I_L_D] + 1j * states[:, :, I_L_Q]

    @property
    def output_current_a(self) -> Currents:
        """Of each running unit in its own frame, d + j q."""
        states = self._unit_states
        current = states[:, :, I_O_X] + 1j * states[:, :, I_O_Y]
        return current * np.exp(-1j * states[:, :, DELTA])

    def branch_current_a(self, name: str) -> Currents:
        """Of a branch or load, x + j y in the frame of nominal speed."""
        return _current(self.assembly.microgrid, self.states, name)


def simulate(
    assembly: Assembly,
    state: DqState,
    duration_s: float,
    *,
    step_s: float = STEP_S,
    sample_s: float = 1e-3,
    current_bound_a: float = CURRENT_BOUND_A,
    check_modes: bool = True,
) -> DqTrajectory:
    """Follow an island, or several, from a state on, while no breaker moves.

    Args:
        assembly: What is connected.
        state: Where it begins; currents of what is not connected must be zero, see
            `switching.switched`.
        duration_s: For which it is followed; a whole number of steps.
        step_s: Of the integration.
        sample_s: Between samples; a whole number of steps.
        current_bound_a: A current of this magnitude or more stops the run, which then says so.
        check_modes: Whether the step is checked against fast modes, which may take longer than a
            short run; needed once for what is connected.

    Raises:
        InputError: A step that is too long for a fast mode, whose element is named; a state of
            another size or not finite; times that are not whole numbers of steps.
    """
    steps, every = _step_counts(duration_s, step_s, sample_s)
    _check_state(assembly, state, current_bound_a)
    if check_modes:
        small_signal.check_step(assembly, state.values, state.time_s, step_s, STABLE_TO)
    tables = assembly.tables
    values, moving = state.values.copy(), state.values[assembly.moving]
    recorded = _room(tables, steps // every + 1, len(moving))
    ended, done = kernels.run(
        tables, moving, state.time_s, step_s, steps, every, current_bound_a**2, recorded
    )
    kept = done // every + 1
    values[assembly.moving] = moving
    states = np.tile(state.values, (kept, 1))
    states[:, assembly.moving] = recorded.states[:kept]
    return DqTrajectory(
        assembly=assembly,
        time_s=state.time_s + np.arange(kept) * every * step_s,
        states=states,
        voltages_v=recorded.v_x[:kept] + 1j * recorded.v_y[:kept],
        ending=tuple(Ending)[ended],
        final=DqState(state.time_s + done * step_s, values),
        unit_energy_ws=recorded.unit_ws,
        branch_energy_ws=recorded.branch_ws,
        peak_filter_current_a=np.sqrt(recorded.peak_2),
    )


def _step_counts(duration_s: float, step_s: float, sample_s: float) -> tuple[int, int]:
    """Steps of the run, and from sample to sample."""
    faults = []
    if not 0 < step_s < np.inf:
        raise_if_any("simulation", [Fault("step_s", "be above 0 and finite", (step_s,))])
    for name, value in (("duration_s", duration_s), ("sample_s", sample_s)):
        steps = value / step_s
        if not (steps >= 0.5 and abs(steps - round(steps)) < 1e-6 * steps):
            faults.append(Fault(name, f"be a whole number of steps of {step_s:g} s", (value,)))
        elif steps > MOST_STEPS:
            faults.append(Fault(name, f"make at most {MOST_STEPS:,} steps", (value,)))
    raise_if_any("simulation", faults)
    return round(duration_s / step_s), round(sample_s / step_s)


def _check_state(assembly: Assembly, state: DqState, current_bound_a: float) -> None:
    faults, names = [], assembly.microgrid.state_names
    if len(state.values) != len(names):
        rule = f"have the {len(names)} entries of the microgrid"
        faults.append(Fault("state", rule, (len(state.values),)))
    else:
        bad = np.flatnonzero(~np.isfinite(state.values))
        if len(bad):
            ids = tuple(names[entry] for entry in bad)
            faults.append(Fault("state", "be finite", tuple(state.values[bad]), ids=ids))
        faults += _flowing_faults(assembly, state)
    if not np.isfinite(state.time_s):
        faults.append(Fault("time_s", "be finite", (state.time_s,)))
    if not 0 < current_bound_a < np.inf:
        faults.append(Fault("current_bound_a", "be above 0 and finite", (current_bound_a,)))
    raise_if_any("simulation", faults)


def _flowing_faults(assembly: Assembly, state: DqState) -> list[Fault]:
    """Currents through open breakers or dead parts."""
    idle = np.ones(len(state.values), bool)
    idle[assembly.active] = False
    names = assembly.microgrid.state_names
    wrong = [
        entry
        for entry in np.flatnonzero(idle & (state.values != 0.0))
        if ".i_" in names[entry] and ".i_l" not in names[entry]
    ]
    if not wrong:
        return []
    rule = "have no current where a breaker is open or a bus is dead"
    fix = "Take the state through switching.switched, which opens under current and says so."
    ids = tuple(names[entry] for entry in wrong)
    return [Fault("state", rule, tuple(state.values[wrong]), ids=ids, fix=fix)]


def _room(tables: DqTables, samples: int, size: int) -> DqRecording:
    units, branches, buses = len(tables.units), len(tables.branches), len(tables.buses)
    return DqRecording(
        states=np.zeros((samples, size)),
        v_x=np.zeros((samples, buses)),
        v_y=np.zeros((samples, buses)),
        unit_ws=np.zeros(units),
        branch_ws=np.zeros(branches),
        peak_2=np.zeros(units),
    )


def _current(microgrid: DqNetwork, states: Float[Array, "sample state"], name: str) -> Currents:
    names = [one.name for one in (*microgrid.branches, *microgrid.loads)]
    if name not in names:
        fault = Fault("name", "be a branch or a load", (name,))
        raise_if_any("trajectory", [fault])
    at = microgrid.first_current + 2 * names.index(name)
    return states[:, at] + 1j * states[:, at + 1]
