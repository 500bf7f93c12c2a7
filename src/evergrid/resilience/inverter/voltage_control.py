"""How a grid-forming inverter holds the voltage that its outer control asks for."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.resilience.inverter.circuit import LclFilter, faults_outside
from evergrid.resilience.inverter.rotation import Scalars, times_j

STATES = (
    "voltage_integral_d",
    "voltage_integral_q",
    "current_integral_d",
    "current_integral_q",
    "damping_voltage_d",
    "damping_voltage_q",
)


@dataclass(frozen=True)
class CascadedVoltageControl:
    """Voltage and current loops in the inverter's frame, with virtual impedance and damping.

    Attributes:
        voltage_gain: Proportional gain of the voltage loop.
        voltage_integral_per_s: Integral gain of the voltage loop.
        current_gain: Proportional gain of the current loop.
        current_integral_per_s: Integral gain of the current loop.
        virtual_resistance_pu: Behind which the reference voltage stands.
        virtual_inductance_pu: Likewise.
        current_feedforward: Share of the grid current in the reference of the bridge current.
        voltage_feedforward: Share of the capacitor voltage in the bridge voltage.
        damping_rad_per_s: Cut-off of the filter of the active damping.
        damping_gain: Gain of the active damping, which acts on what that filter leaves.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        D'Arco, Suul, Fosso (2015), doi:10.1016/j.epsr.2015.01.001, equations 4 to 11; as written
        in PowerSimulationsDynamics.jl, ``VoltageModeControl``.
    """

    voltage_gain: float
    voltage_integral_per_s: float
    current_gain: float
    current_integral_per_s: float
    virtual_resistance_pu: float
    virtual_inductance_pu: float
    current_feedforward: float
    voltage_feedforward: float
    damping_rad_per_s: float
    damping_gain: float

    def __post_init__(self) -> None:
        records.check(self, "voltage_control")
        gains = ("voltage_gain", "voltage_integral_per_s", "current_gain", "current_integral_per_s")
        faults = faults_outside(
            self,
            *((name, 0.0, 1e6) for name in gains),
            ("virtual_resistance_pu", 0.0, 10.0),
            ("virtual_inductance_pu", 0.0, 10.0),
            ("current_feedforward", 0.0, 1.0),
            ("voltage_feedforward", 0.0, 1.0),
            ("damping_rad_per_s", 1e-3, 1e6),
            ("damping_gain", 0.0, 1e3),
        )
        raise_if_any("voltage_control", faults)

    def act(
        self,
        state: Shaped[Array, "6 *column"],
        measured: Shaped[Array, "6 *column"],
        voltage_pu: Scalars,
        speed_pu: Scalars,
        lcl: LclFilter,
    ) -> tuple[Shaped[Array, "6 *column"], Shaped[Array, "2 *column"]]:
        """Rates of the own states in 1/s, and the bridge voltage, all in the inverter's frame.

        Args:
            state: Of the loops, in the order of `STATES`.
            measured: Bridge current, capacitor voltage and grid current.
            voltage_pu: Asked for on the d axis, before the virtual impedance.
            speed_pu: Of the inverter's frame.
            lcl: The filter that is controlled.
        """
        bridge, capacitor, grid = measured[0:2], measured[2:4], measured[4:6]
        voltage_integral, current_integral, slow = state[0:2], state[2:4], state[4:6]
        wanted = np.array((voltage_pu, np.zeros_like(voltage_pu)))
        wanted = wanted - self.virtual_resistance_pu * grid
        wanted = wanted - speed_pu * self.virtual_inductance_pu * times_j(grid)
        error = wanted - capacitor
        current = self.voltage_gain * error + self.voltage_integral_per_s * voltage_integral
        current = current + speed_pu * lcl.capacitance_pu * times_j(capacitor)
        current = current + self.current_feedforward * grid
        missing = current - bridge
        bridge_voltage = (
            self.current_gain * missing
            + self.current_integral_per_s * current_integral
            + speed_pu * lcl.bridge_inductance_pu * times_j(bridge)
            + self.voltage_feedforward * capacitor
            - self.damping_gain * (capacitor - slow)
        )
        rates = np.concatenate((error, missing, self.damping_rad_per_s * (capacitor - slow)))
        return rates, bridge_voltage
