"""How a grid-forming inverter chooses angle, speed and voltage from the power that it feeds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.resilience.inverter.circuit import faults_outside
from evergrid.resilience.inverter.rotation import Scalars, angle_rad, powers, rotated

ACTIVE, REACTIVE, VOLTAGE = range(3)  # places of the references


class Command(NamedTuple):
    """What an outer control asks of the loops below it.

    Attributes:
        rates_per_s: Of the control's own states.
        angle_rad: Of the inverter's frame, ahead of the infinite bus.
        speed_pu: Of that frame.
        voltage_pu: On its d axis.
    """

    rates_per_s: Shaped[Array, "state ..."]
    angle_rad: Scalars
    speed_pu: Scalars
    voltage_pu: Scalars


class AbstractOuterControl(ABC):
    """An outer control: its states, and how they move. The first state is the angle."""

    states: ClassVar[tuple[str, ...]]

    @abstractmethod
    def command(
        self,
        state: Shaped[Array, "state *column"],
        voltage: Shaped[Array, "2 *column"],
        current: Shaped[Array, "2 *column"],
        references: Shaped[Array, "3 *column"],
        base_rad_per_s: float,
    ) -> Command:
        """What is asked for, given capacitor voltage and grid current in the grid's frame."""

    @abstractmethod
    def start(
        self, power_pu: float, reactive_pu: float, angle_rad: float, voltage_pu: float
    ) -> Shaped[Array, " state"]:
        """States close to an equilibrium."""


@dataclass(frozen=True)
class ReactiveDroop:
    """Voltage that falls with filtered reactive power.

    Attributes:
        droop_pu: Voltage over reactive power.
        cutoff_rad_per_s: Of the filter of reactive power.
    """

    droop_pu: float
    cutoff_rad_per_s: float

    def __post_init__(self) -> None:
        records.check(self, "reactive_droop")
        faults = faults_outside(self, ("droop_pu", 0.0, 10.0), ("cutoff_rad_per_s", 1e-3, 1e6))
        raise_if_any("reactive_droop", faults)

    def voltage_pu(self, filtered_pu: Scalars, references: Shaped[Array, "3 *column"]) -> Scalars:
        """Voltage that is asked for."""
        return references[VOLTAGE] + self.droop_pu * (references[REACTIVE] - filtered_pu)


@dataclass(frozen=True)
class PowerDroop(AbstractOuterControl):
    """Speed that falls with filtered active power.

    Attributes:
        droop_pu: Speed in per unit over power in per unit.
        cutoff_rad_per_s: Of the filter of active power.
        reactive: How the voltage follows reactive power.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        PowerSimulationsDynamics.jl, ``ActivePowerDroop`` and ``ReactivePowerDroop``.
    """

    droop_pu: float
    cutoff_rad_per_s: float
    reactive: ReactiveDroop
    states: ClassVar[tuple[str, ...]] = ("angle", "filtered_power", "filtered_reactive")

    def __post_init__(self) -> None:
        records.check(self, "power_droop")
        faults = faults_outside(self, ("droop_pu", 1e-6, 1.0), ("cutoff_rad_per_s", 1e-3, 1e6))
        raise_if_any("power_droop", faults)

    def command(
        self,
        state: Shaped[Array, "state *column"],
        voltage: Shaped[Array, "2 *column"],
        current: Shaped[Array, "2 *column"],
        references: Shaped[Array, "3 *column"],
        base_rad_per_s: float,
    ) -> Command:
        """See the interface."""
        angle, filtered, filtered_reactive = state
        active, reactive = powers(voltage, current)
        speed = 1.0 + self.droop_pu * (references[ACTIVE] - filtered)
        rates = np.array(
            (
                base_rad_per_s * (speed - 1.0),
                self.cutoff_rad_per_s * (active - filtered),
                self.reactive.cutoff_rad_per_s * (reactive - filtered_reactive),
            )
        )
        wanted = self.reactive.voltage_pu(filtered_reactive, references)
        return Command(rates, angle, speed, wanted)

    def start(
        self, power_pu: float, reactive_pu: float, angle_rad: float, voltage_pu: float
    ) -> Shaped[Array, " state"]:
        """See the interface."""
        return np.array((angle_rad, power_pu, reactive_pu))


@dataclass(frozen=True)
class KauraPll:
    """A phase-locked loop that filters both parts of the voltage and follows its angle.

    Attributes:
        cutoff_rad_per_s: Of the filters.
        gain: Proportional, per rad.
        integral_per_s: Integral, per rad.

    Source:
        V. Kaura, V. Blasko (1997), Operation of a phase locked loop system under distorted utility
        conditions, IEEE Transactions on Industry Applications 33(1), doi:10.1109/28.567077;
        D'Arco, Suul, Fosso (2015), equations 12 to 16.
    """

    cutoff_rad_per_s: float
    gain: float
    integral_per_s: float

    def __post_init__(self) -> None:
        records.check(self, "kaura_pll")
        faults = faults_outside(
            self,
            ("cutoff_rad_per_s", 1e-3, 1e6),
            ("gain", 0.0, 1e3),
            ("integral_per_s", 0.0, 1e6),
        )
        raise_if_any("kaura_pll", faults)

    def track(
        self,
        state: Shaped[Array, "4 *column"],
        voltage: Shaped[Array, "2 *column"],
        base_rad_per_s: float,
    ) -> tuple[Shaped[Array, "4 *column"], Scalars]:
        """Rates of both filtered parts, the integral and the angle; and the speed in per unit."""
        filtered, integral, angle = state[0:2], state[2], state[3]
        seen = rotated(voltage, -angle)
        error = angle_rad(filtered)
        speed = 1.0 + self.gain * error + self.integral_per_s * integral
        slow = self.cutoff_rad_per_s * (seen - filtered)
        rates = np.array((slow[0], slow[1], error, base_rad_per_s * (speed - 1.0)))
        return rates, speed


@dataclass(frozen=True)
class VirtualSynchronousMachine(AbstractOuterControl):
    """A swing equation with damping against the speed that a phase-locked loop sees.

    Attributes:
        acceleration_s: Twice the inertia constant.
        damping_pu: Power over the difference of speeds.
        governor_pu: Power over the deviation from nominal speed.
        reactive: How the voltage follows reactive power.
        pll: That sees the grid's speed.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        D'Arco, Suul, Fosso (2015), doi:10.1016/j.epsr.2015.01.001, equations 12 to 20; as written
        in PowerSimulationsDynamics.jl, ``VirtualInertia``.
    """

    acceleration_s: float
    damping_pu: float
    governor_pu: float
    reactive: ReactiveDroop
    pll: KauraPll
    states: ClassVar[tuple[str, ...]] = (
        "angle",
        "speed",
        "filtered_reactive",
        "pll_voltage_d",
        "pll_voltage_q",
        "pll_integral",
        "pll_angle",
    )

    def __post_init__(self) -> None:
        records.check(self, "virtual_synchronous_machine")
        faults = faults_outside(
            self,
            ("acceleration_s", 1e-3, 100.0),
            ("damping_pu", 0.0, 1e5),
            ("governor_pu", 0.0, 1e5),
        )
        raise_if_any("virtual_synchronous_machine", faults)

    def command(
        self,
        state: Shaped[Array, "state *column"],
        voltage: Shaped[Array, "2 *column"],
        current: Shaped[Array, "2 *column"],
        references: Shaped[Array, "3 *column"],
        base_rad_per_s: float,
    ) -> Command:
        """See the interface."""
        angle, speed, filtered_reactive = state[0:3]
        active, reactive = powers(voltage, current)
        tracking, seen = self.pll.track(state[3:7], voltage, base_rad_per_s)
        torque = (
            references[ACTIVE]
            - active
            - self.damping_pu * (speed - seen)
            - self.governor_pu * (speed - 1.0)
        )
        slow = self.reactive.cutoff_rad_per_s * (reactive - filtered_reactive)
        own = np.array((base_rad_per_s * (speed - 1.0), torque / self.acceleration_s, slow))
        wanted = self.reactive.voltage_pu(filtered_reactive, references)
        return Command(np.concatenate((own, tracking)), angle, speed, wanted)

    def start(
        self, power_pu: float, reactive_pu: float, angle_rad: float, voltage_pu: float
    ) -> Shaped[Array, " state"]:
        """See the interface."""
        return np.array((angle_rad, 1.0, reactive_pu, voltage_pu, 0.0, 0.0, angle_rad))


@dataclass(frozen=True)
class VirtualOscillator(AbstractOuterControl):
    """Dispatchable virtual oscillator: angle and voltage from powers, without filters.

    Attributes:
        synchronising_gain: By which differences of power move angle and voltage.
        voltage_gain: By which the voltage returns to its reference.
        rotation_rad: Between powers and movements: 0 for a resistive grid, pi/2 for an inductive.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        M. Colombino, D. Gross, J.-S. Brouillon, F. Dorfler (2019), Global phase and magnitude
        synchronization of coupled oscillators with application to the control of grid-forming
        power inverters, IEEE Transactions on Automatic Control 64(11),
        doi:10.1109/TAC.2019.2898549; as written in PowerSimulationsDynamics.jl,
        ``ActiveVirtualOscillator``.
    """

    synchronising_gain: float
    voltage_gain: float
    rotation_rad: float
    states: ClassVar[tuple[str, ...]] = ("angle", "oscillator_voltage")

    def __post_init__(self) -> None:
        records.check(self, "virtual_oscillator")
        faults = faults_outside(
            self,
            ("synchronising_gain", 1e-9, 10.0),
            ("voltage_gain", 0.0, 1e3),
            ("rotation_rad", 0.0, np.pi / 2),
        )
        raise_if_any("virtual_oscillator", faults)

    def command(
        self,
        state: Shaped[Array, "state *column"],
        voltage: Shaped[Array, "2 *column"],
        current: Shaped[Array, "2 *column"],
        references: Shaped[Array, "3 *column"],
        base_rad_per_s: float,
    ) -> Command:
        """See the interface."""
        angle, size = state
        active, reactive = powers(voltage, current)
        missing = np.array((references[ACTIVE] - active, references[REACTIVE] - reactive))
        turn = self.rotation_rad - np.pi / 2
        ahead = np.cos(turn) * missing[0] + np.sin(turn) * missing[1]
        outward = -np.sin(turn) * missing[0] + np.cos(turn) * missing[1]
        speed = 1.0 + self.synchronising_gain / size**2 * ahead
        restoring = self.voltage_gain * (references[VOLTAGE] ** 2 - size**2) * size
        growth = self.synchronising_gain / size * outward + restoring
        rates = base_rad_per_s * np.array((speed - 1.0, growth))
        return Command(rates, angle, speed, size)

    def start(
        self, power_pu: float, reactive_pu: float, angle_rad: float, voltage_pu: float
    ) -> Shaped[Array, " state"]:
        """See the interface."""
        return np.array((angle_rad, voltage_pu))
