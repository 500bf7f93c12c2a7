"""What a synchro-check relay measures across an open breaker: voltages, phase, slip."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import DELTA, STATES, V_O_D, V_O_Q
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_state import DqState

DEAD_V = 1e-6  # of line-to-line rms, below which a side has no phase


@dataclass(frozen=True)
class BreakerDifference:
    """Both sides of an open breaker; from is the side of the unit, or of ``from_bus``.

    Attributes:
        from_voltage_v: Line-to-line rms; 0 on a dead side.
        to_voltage_v: The same on the other side.
        phase_rad: Of the first side ahead of the second, in (-pi, pi]; none if a side is dead.
        slip_hz: Frequency of the first side less that of the second; none if a side is dead.
    """

    from_voltage_v: float
    to_voltage_v: float
    phase_rad: float | None
    slip_hz: float | None

    @property
    def voltage_difference_share(self) -> float | None:
        """Of magnitudes, first less second over the mean; none if a side is dead."""
        if self.phase_rad is None:
            return None
        return (
            2.0
            * (self.from_voltage_v - self.to_voltage_v)
            / (self.from_voltage_v + self.to_voltage_v)
        )

    @property
    def both_live(self) -> bool:
        """Whether closing joins two live sides."""
        return self.phase_rad is not None


def across_breaker(assembly: Assembly, state: DqState, name: str) -> BreakerDifference:
    """Difference across the open breaker of a branch or a unit.

    The voltage of a unit is that of its capacitor, or what its rotor induces. The frequency of an
    island is the mean of its units by their filtered powers; they are equal once it has settled.

    Args:
        assembly: What is connected.
        state: Now.
        name: Of a branch or unit whose breaker is open.

    Raises:
        InputError: A breaker that is closed, or no such branch or unit.
    """
    branches = {one.name: one for one in assembly.microgrid.branches}
    units = {one.name: number for number, one in enumerate(assembly.microgrid.units)}
    faults = []
    if name not in branches and name not in units:
        faults.append(Fault("name", "be a branch or a unit", (name,)))
    elif name not in assembly.positions.open:
        faults.append(Fault("name", "have an open breaker", (name,)))
    raise_if_any("synchro-check", faults)
    if name in branches:
        first = _at_bus(assembly, state, branches[name].from_bus)
        second = _at_bus(assembly, state, branches[name].to_bus)
    else:
        first = _at_unit(assembly, state, units[name])
        second = _at_bus(assembly, state, assembly.microgrid.units[units[name]].bus)
    (v_1, w_1), (v_2, w_2) = first, second
    live = abs(v_1) > DEAD_V and abs(v_2) > DEAD_V
    return BreakerDifference(
        from_voltage_v=abs(v_1),
        to_voltage_v=abs(v_2),
        phase_rad=float(np.angle(v_1 / v_2)) if live else None,
        slip_hz=(w_1 - w_2) / (2.0 * np.pi) if live else None,
    )


def _at_unit(assembly: Assembly, state: DqState, unit: int) -> tuple[complex, float]:
    """Voltage of the capacitor in the frame of the network, and angular frequency."""
    places = np.flatnonzero(assembly.units == unit)
    if not len(places):
        return 0j, 0.0
    own = state.values[unit * len(STATES) : (unit + 1) * len(STATES)]
    voltage = (own[V_O_D] + 1j * own[V_O_Q]) * np.exp(1j * own[DELTA])
    return complex(voltage), float(assembly.speeds_rad_per_s(state.values)[places[0]])


def _at_bus(assembly: Assembly, state: DqState, bus: str) -> tuple[complex, float]:
    number = assembly.microgrid.bus_index[bus]
    island = assembly.islands.of_bus[number]
    if island < 0:
        return 0j, 0.0
    voltages = assembly.voltages_v(state.values, state.time_s)
    place = int(np.searchsorted(assembly.buses, number))
    here = (assembly.unit_islands == island) & assembly.forms
    speed = assembly.speeds_rad_per_s(state.values)[here].mean()
    return complex(voltages[place]), float(speed)
