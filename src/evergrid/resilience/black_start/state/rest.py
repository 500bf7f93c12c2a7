"""An island at rest goes on by turning alone, which spares integrating it."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.black_start.state.meters import MeterRow
from evergrid.resilience.inverter.droop import DELTA, I_O_X, STATES
from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.simulation import DqTrajectory

RESTING = 1e-10  # by which a state moves in a stretch, over the largest of its kind, at rest


class RestingIsland(NamedTuple):
    """An island at rest: in a frame that turns with it no state changes.

    Attributes:
        went: The last stretch that was integrated.
        row: What meters show.
        delta_at: Where the angles of units are in the state.
        turn_rad: By which each goes on in a stretch.
        current_at: Where currents of the network and fluxes of motors are, x before y.
        turn: Complex factor of each for a stretch.
    """

    went: DqTrajectory
    row: MeterRow
    delta_at: Array
    turn_rad: Array
    current_at: Array
    turn: Array

    def turned(self, values: Float[Array, " state"]) -> Float[Array, " state"]:
        """The state a stretch later."""
        found = values.copy()
        found[self.delta_at] += self.turn_rad
        current = (values[self.current_at] + 1j * values[self.current_at + 1]) * self.turn
        found[self.current_at], found[self.current_at + 1] = current.real, current.imag
        return found


def resting(before: DqState, went: DqTrajectory, row: MeterRow) -> RestingIsland | None:
    """How an island goes on whose last stretch did nothing but turn it; none if it did more.

    Each entry of the state must have moved by less than `RESTING` of the largest of its kind,
    beside turning. What is left decays, so that the error stays of that size.
    """
    if np.abs(row.section_voltage - row.section_voltage[0]).max() > RESTING:
        return None
    assembly, after = went.assembly, went.final
    framed = assembly.has_frame
    delta_at = assembly.unit_at[framed] + DELTA
    turn_rad = after.values[delta_at] - before.values[delta_at]
    unit_islands = assembly.unit_islands[framed]
    first = np.array([turn_rad[unit_islands == i][0] for i in range(assembly.islands.count)])
    current_at, of_island = assemblies.turning_entries(assembly)
    rest = RestingIsland(
        went, row, delta_at, first[unit_islands], current_at, np.exp(1j * first[of_island])
    )
    error = np.abs(rest.turned(before.values) - after.values)
    units = len(assembly.microgrid.units) * len(STATES)
    kind = np.array([STATES.index(_first_part(name)) for name in STATES])
    # Units of one kind have states of one meaning.
    types = [type(unit) for unit in assembly.microgrid.units]
    offset = np.array(
        [len(STATES) * sorted(set(types), key=types.index).index(one) for one in types]
    )
    kinds = np.full(len(error), I_O_X)
    kinds[:units] = (offset[:, None] + kind).ravel()
    size = np.zeros(len(STATES) * len(set(types)))
    np.maximum.at(size, kinds, np.abs(after.values))
    size[DELTA :: len(STATES)] = 1.0
    moved = error > RESTING * np.maximum(size[kinds], 1e-12)
    return None if moved.any() else rest


def _first_part(name: str) -> str:
    """The d of a q, the x of a y; any other state stays what it is."""
    return {"_q": f"{name[:-2]}_d", "_y": f"{name[:-2]}_x"}.get(name[-2:], name)
