"""Breakers that open: what that does to currents that flow, and what is said about it."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.resilience.inverter.droop import DELTA, I_O_X, STATES
from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.dq_state import DqState

NO_CURRENT_A = 1e-9  # below which a breaker opens without an arc


@dataclass(frozen=True)
class SwitchedState:
    """A state after breakers have moved, and what that did.

    Attributes:
        state: Currents of what is connected add up at each bus; all others are zero.
        interrupted_a: Magnitude of the current that each unit, branch or load carried that is no
            longer connected to a live bus; those that carried none are left out.
        jump_a: Largest change of a current that still flows.
        lost_ws: Energy of inductances that was lost in arcs.
    """

    state: DqState
    interrupted_a: dict[str, float]
    jump_a: float
    lost_ws: float

    @property
    def under_current(self) -> bool:
        """Whether a breaker opened under current."""
        return bool(self.interrupted_a)


def switched(before: DqState, after: Assembly) -> SwitchedState:
    """The state right after breakers have moved to the positions of an assembly.

    Currents of what is disconnected end at once. Where those that remain no longer add up at a
    bus, an impulse of its voltage changes them so that they do: each flux linkage changes by the
    difference of the impulses at its ends. That is also the change with the least magnetic
    energy. A stopped unit loses all its states but its angle.

    Args:
        before: State under the old positions.
        after: What is connected from now on.

    Source:
        Conservation of flux linkage at switching; no outside source.
    """
    microgrid = after.microgrid
    entries, inductance_h = _entries(microgrid), _inductances_h(microgrid)
    old = before.values[entries] + 1j * before.values[entries + 1]
    connected = np.isin(entries, after.active)
    kept = np.where(connected, old, 0.0)
    new = kept + _impulse(after, kept, entries)
    values = before.values.copy()
    for unit in sorted(set(range(len(microgrid.units))) - set(after.units.tolist())):
        values[unit * len(STATES) + DELTA + 1 : (unit + 1) * len(STATES)] = 0.0
    values[entries], values[entries + 1] = np.real(new), np.imag(new)
    ended = ~connected & (np.abs(old) > NO_CURRENT_A)
    lost_ws = 0.5 * float(inductance_h @ (np.abs(old) ** 2 - np.abs(new) ** 2))
    names = [one.name for one in (*microgrid.units, *microgrid.branches, *microgrid.loads)]
    return SwitchedState(
        state=DqState(before.time_s, values),
        interrupted_a={names[place]: float(abs(old[place])) for place in np.flatnonzero(ended)},
        jump_a=float(np.abs(new - kept).max(initial=0.0)),
        lost_ws=lost_ws,
    )


def _impulse(after: Assembly, currents: Array, entries: Int[Array, " current"]) -> Array:
    """Change of all currents that makes those at each live bus without a resistor add up."""
    places = np.searchsorted(entries, assemblies.current_entries(after))
    incidence = assemblies.incidence_of(after)[after.is_free()]
    inverse_l = assemblies.inverse_inductances(after)
    excess = incidence @ currents[places]
    change = np.zeros_like(currents)
    if incidence.size:
        impulse = np.linalg.solve((incidence * inverse_l) @ incidence.T, excess)
        change[places] = -inverse_l * (incidence.T @ impulse)
    return change


def _entries(microgrid: DqNetwork) -> Int[Array, " current"]:
    """Where the current of every unit, branch and load is in the state."""
    of_units = np.arange(len(microgrid.units)) * len(STATES) + I_O_X
    others = len(microgrid.branches) + len(microgrid.loads)
    return np.concatenate([of_units, microgrid.first_current + 2 * np.arange(others)])


def _inductances_h(microgrid: DqNetwork) -> Float[Array, " current"]:
    of_units = [unit.device.coupling_inductance_h for unit in microgrid.units]
    others = [one.inductance_h for one in (*microgrid.branches, *microgrid.loads)]
    return np.array([*of_units, *others])
