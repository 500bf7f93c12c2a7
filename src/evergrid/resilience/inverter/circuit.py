"""What lies between the bridge of an inverter and an infinite bus: LCL filter and reactance."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.rotation import times_j

NOMINAL_HZ = (50.0, 60.0)
MOST_PU = 1e3  # no filter has more on its own base; a value beyond it is in other units


def faults_outside(record: object, *rows: tuple[str, float, float]) -> list[Fault]:
    """Faults of numbers of a record outside a closed range; NaN is never inside."""
    return [
        Fault(name, f"be in [{low:g}, {high:g}]", (value,))
        for name, low, high in rows
        if not low <= (value := getattr(record, name)) <= high
    ]


def frequency_faults(nominal_hz: float) -> list[Fault]:
    """The fault of a nominal frequency that no public grid has."""
    if nominal_hz in NOMINAL_HZ:
        return []
    fix = "Give it in Hz, not in rad/s."
    return [Fault("nominal_hz", "be 50 or 60", (nominal_hz,), fix=fix)]


@dataclass(frozen=True)
class LclFilter:
    """An LCL filter, in per unit of the inverter's rating at nominal frequency.

    Attributes:
        bridge_inductance_pu: Between bridge and capacitor.
        bridge_resistance_pu: Of that inductance.
        capacitance_pu: Of the capacitor.
        grid_inductance_pu: Between capacitor and terminals.
        grid_resistance_pu: Of that inductance.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        S. D'Arco, J. Suul, O. Fosso (2015), A virtual synchronous machine implementation for
        distributed control of power converters in smartgrids, Electric Power Systems Research 122,
        doi:10.1016/j.epsr.2015.01.001, equations 1 to 3.
    """

    bridge_inductance_pu: float
    bridge_resistance_pu: float
    capacitance_pu: float
    grid_inductance_pu: float
    grid_resistance_pu: float

    def __post_init__(self) -> None:
        records.check(self, "lcl_filter")
        stored = ("bridge_inductance_pu", "capacitance_pu", "grid_inductance_pu")
        faults = faults_outside(
            self,
            *((name, 1e-6, MOST_PU) for name in stored),
            ("bridge_resistance_pu", 0.0, MOST_PU),
            ("grid_resistance_pu", 0.0, MOST_PU),
        )
        raise_if_any("lcl_filter", faults)

    def rates_per_s(
        self,
        state: Shaped[Array, "6 *column"],
        bridge_voltage: Shaped[Array, "2 *column"],
        terminal_voltage: Shaped[Array, "2 *column"],
        base_rad_per_s: float,
    ) -> Shaped[Array, "6 *column"]:
        """Rates of bridge current, capacitor voltage and grid current in the grid's frame."""
        bridge, capacitor, grid = state[0:2], state[2:4], state[4:6]
        inner, shunt, outer = (
            self.bridge_inductance_pu,
            self.capacitance_pu,
            self.grid_inductance_pu,
        )
        over_bridge = bridge_voltage - capacitor - self.bridge_resistance_pu * bridge
        over_grid = capacitor - terminal_voltage - self.grid_resistance_pu * grid
        return base_rad_per_s * np.concatenate(
            (
                over_bridge / inner - times_j(bridge),
                (bridge - grid) / shunt - times_j(capacitor),
                over_grid / outer - times_j(grid),
            )
        )


@dataclass(frozen=True)
class InfiniteBus:
    """A bus whose voltage nothing changes, behind an impedance without dynamics of its own.

    Attributes:
        voltage_pu: Magnitude; its angle is 0.
        reactance_pu: To the inverter's terminals, on the inverter's rating.
        resistance_pu: Of that impedance.
        nominal_hz: 50 or 60.

    Raises:
        InputError: Every number that is not one, or out of range.
    """

    voltage_pu: float
    reactance_pu: float
    resistance_pu: float = 0.0
    nominal_hz: float = 60.0

    def __post_init__(self) -> None:
        records.check(self, "infinite_bus")
        faults = faults_outside(
            self,
            ("voltage_pu", 0.1, 2.0),
            ("reactance_pu", 0.0, MOST_PU),
            ("resistance_pu", 0.0, MOST_PU),
        )
        raise_if_any("infinite_bus", faults + frequency_faults(self.nominal_hz))

    def terminal_voltage(self, current: Shaped[Array, "2 *column"]) -> Shaped[Array, "2 *column"]:
        """Voltage at the terminals of an inverter that feeds a current."""
        drop = self.resistance_pu * current + self.reactance_pu * times_j(current)
        return np.array((self.voltage_pu + drop[0], drop[1]))
