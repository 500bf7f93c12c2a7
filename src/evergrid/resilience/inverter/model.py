"""One inverter against an infinite bus: which states it has, and how they move."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter import voltage_control
from evergrid.resilience.inverter.circuit import (
    InfiniteBus,
    LclFilter,
    faults_outside,
    frequency_faults,
)
from evergrid.resilience.inverter.outer_control import (
    ACTIVE,
    REACTIVE,
    AbstractOuterControl,
)
from evergrid.resilience.inverter.rotation import powers, rotated, times_j
from evergrid.resilience.inverter.voltage_control import CascadedVoltageControl

CIRCUIT_STATES = (
    "bridge_current_r",
    "bridge_current_i",
    "capacitor_voltage_r",
    "capacitor_voltage_i",
    "grid_current_r",
    "grid_current_i",
)


@dataclass(frozen=True)
class References:
    """What the operator asks of an inverter, in per unit of its rating.

    Attributes:
        power_pu: Active power at the filter's capacitor, into the grid.
        reactive_pu: Reactive power there.
        voltage_pu: Of a grid-forming control; a grid-following one does not use it.
    """

    power_pu: float
    reactive_pu: float
    voltage_pu: float = 1.0

    def __post_init__(self) -> None:
        records.check(self, "references")
        fix = "Power above the rating is not fed; ask for less, or rate the inverter higher."
        faults = faults_outside(self, ("voltage_pu", 0.0, 2.0))
        size = float(np.hypot(self.power_pu, self.reactive_pu))
        if not size <= 1.0 + 1e-9:
            rule = "be within the rating, 1 pu of apparent power"
            faults.append(Fault("power_pu, reactive_pu", rule, (size,), fix=fix))
        raise_if_any("references", faults)

    def array(self) -> Float[Array, "3"]:
        """The three in the order that models use."""
        return np.array((self.power_pu, self.reactive_pu, self.voltage_pu))


class AbstractInverter(ABC):
    """An inverter behind an LCL filter; the circuit's states come last.

    Attributes:
        lcl: The filter.
        nominal_hz: At which reactances hold.
        grid_forming: Whether it can hold a grid's voltage by itself.
        used_references: Places of the references that its control uses.
    """

    lcl: LclFilter
    nominal_hz: float
    grid_forming: ClassVar[bool]
    used_references: ClassVar[tuple[int, ...]]

    @property
    @abstractmethod
    def states(self) -> tuple[str, ...]:
        """Names of the states in their order."""

    @abstractmethod
    def rates_per_s(
        self,
        state: Shaped[Array, "state *column"],
        references: Shaped[Array, "3 *column"],
        bus: InfiniteBus,
    ) -> Shaped[Array, "state *column"]:
        """Rates of all states; what comes in may be complex, for complex steps."""

    @abstractmethod
    def start(self, circuit: Float[Array, "6"]) -> Float[Array, " state"]:
        """States near an equilibrium, given the circuit's."""

    def circuit(self, state: Shaped[Array, "state *column"]) -> Shaped[Array, "6 *column"]:
        """States of the filter."""
        return state[-6:]

    @property
    def base_rad_per_s(self) -> float:
        """Nominal angular frequency."""
        return 2.0 * np.pi * self.nominal_hz

    def check_bus(self, bus: InfiniteBus) -> None:
        """Refuse a bus of another nominal frequency.

        Raises:
            InputError: 50 and 60 Hz mixed.
        """
        if bus.nominal_hz != self.nominal_hz:
            rule = f"be that of the inverter, {self.nominal_hz:g} Hz"
            fix = "Eigenvalues would be wrong by the ratio of the two."
            fault = Fault("infinite_bus.nominal_hz", rule, (bus.nominal_hz,), fix=fix)
            raise_if_any("inverter", [fault])


@dataclass(frozen=True)
class GridFormingInverter(AbstractInverter):
    """An inverter that holds a voltage: outer control, voltage and current loops, LCL filter.

    Attributes:
        outer: Chooses angle, speed and voltage.
        control: Holds that voltage on the filter's capacitor.
        lcl: The filter.
        nominal_hz: 50 or 60.

    Raises:
        InputError: Another nominal frequency.

    Source:
        PowerSimulationsDynamics.jl (NREL, BSD-3), commit d94d74e, folder ``src/models``.
    """

    outer: AbstractOuterControl
    control: CascadedVoltageControl
    lcl: LclFilter
    nominal_hz: float = 60.0
    grid_forming: ClassVar[bool] = True
    used_references: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def __post_init__(self) -> None:
        records.check(self, "grid_forming_inverter")
        raise_if_any("grid_forming_inverter", frequency_faults(self.nominal_hz))

    @property
    def states(self) -> tuple[str, ...]:
        """See the interface."""
        return self.outer.states + voltage_control.STATES + CIRCUIT_STATES

    def rates_per_s(
        self,
        state: Shaped[Array, "state *column"],
        references: Shaped[Array, "3 *column"],
        bus: InfiniteBus,
    ) -> Shaped[Array, "state *column"]:
        """See the interface."""
        first = len(self.outer.states)
        circuit = state[first + 6 :]
        bridge, capacitor, grid = circuit[0:2], circuit[2:4], circuit[4:6]
        asked = self.outer.command(state[:first], capacitor, grid, references, self.base_rad_per_s)
        back = -asked.angle_rad
        measured = np.concatenate(
            (rotated(bridge, back), rotated(capacitor, back), rotated(grid, back))
        )
        inner, bridge_voltage = self.control.act(
            state[first : first + 6], measured, asked.voltage_pu, asked.speed_pu, self.lcl
        )
        electrical = self.lcl.rates_per_s(
            circuit,
            rotated(bridge_voltage, asked.angle_rad),
            bus.terminal_voltage(grid),
            self.base_rad_per_s,
        )
        return np.concatenate((asked.rates_per_s, inner, electrical))

    def start(self, circuit: Float[Array, "6"]) -> Float[Array, " state"]:
        """See the interface."""
        voltage, current = circuit[2:4], circuit[4:6]
        active, reactive = (float(value) for value in powers(voltage, current))
        size = float(np.hypot(*voltage))
        angle = float(np.arctan2(voltage[1], voltage[0]))
        inner = np.array((0.0, 0.0, 0.0, 0.0, size, 0.0))
        outer = self.outer.start(active, reactive, angle, size)
        return np.concatenate((outer, inner, circuit))


@dataclass(frozen=True)
class CurrentControl:
    """Current loop of a grid-following inverter, with the capacitor voltage fed forward.

    Attributes:
        gain: Proportional.
        integral_per_s: Integral.
        voltage_feedforward: Share of the capacitor voltage in the bridge voltage.
    """

    gain: float
    integral_per_s: float
    voltage_feedforward: float = 1.0

    def __post_init__(self) -> None:
        records.check(self, "current_control")
        faults = faults_outside(
            self,
            ("gain", 0.0, 1e6),
            ("integral_per_s", 0.0, 1e6),
            ("voltage_feedforward", 0.0, 1.0),
        )
        raise_if_any("current_control", faults)


@dataclass(frozen=True)
class PowerControl:
    """Proportional and integral control of a power by a current, behind a filter of the power.

    Attributes:
        gain: Proportional.
        integral_per_s: Integral.
        cutoff_rad_per_s: Of the filter.
    """

    gain: float
    integral_per_s: float
    cutoff_rad_per_s: float

    def __post_init__(self) -> None:
        records.check(self, "power_control")
        faults = faults_outside(
            self,
            ("gain", 0.0, 1e6),
            ("integral_per_s", 1e-9, 1e6),
            ("cutoff_rad_per_s", 1e-3, 1e6),
        )
        raise_if_any("power_control", faults)


@dataclass(frozen=True)
class ReducedPll:
    """A phase-locked loop that filters the voltage's q part and brings it to zero.

    Attributes:
        cutoff_rad_per_s: Of the filter.
        gain: Proportional, per pu.
        integral_per_s: Integral, per pu.

    Source:
        PowerSimulationsDynamics.jl, ``ReducedOrderPLL``.
    """

    cutoff_rad_per_s: float
    gain: float
    integral_per_s: float

    def __post_init__(self) -> None:
        records.check(self, "reduced_pll")
        faults = faults_outside(
            self,
            ("cutoff_rad_per_s", 1e-3, 1e6),
            ("gain", 0.0, 1e3),
            ("integral_per_s", 0.0, 1e6),
        )
        raise_if_any("reduced_pll", faults)


@dataclass(frozen=True)
class GridFollowingInverter(AbstractInverter):
    """An inverter that feeds power into a voltage that others hold.

    Attributes:
        active: Of active power, by the current on the q axis of the loop's frame.
        reactive: Of reactive power, by the current on the d axis. Both are as published, where the
            capacitor is large; other programs have the two axes the other way round.
        current: Loop below both.
        pll: That finds the frame.
        lcl: The filter.
        nominal_hz: 50 or 60.

    Raises:
        InputError: Another nominal frequency.

    Source:
        PowerSimulationsDynamics.jl (NREL, BSD-3), commit d94d74e: ``ActivePowerPI``,
        ``ReactivePowerPI``, ``CurrentModeControl``, ``ReducedOrderPLL``.
    """

    active: PowerControl
    reactive: PowerControl
    current: CurrentControl
    pll: ReducedPll
    lcl: LclFilter
    nominal_hz: float = 60.0
    grid_forming: ClassVar[bool] = False
    used_references: ClassVar[tuple[int, ...]] = (0, 1)
    control_states: ClassVar[tuple[str, ...]] = (
        "power_integral",
        "filtered_power",
        "reactive_integral",
        "filtered_reactive",
        "current_integral_d",
        "current_integral_q",
        "pll_voltage_q",
        "pll_integral",
        "pll_angle",
    )

    def __post_init__(self) -> None:
        records.check(self, "grid_following_inverter")
        raise_if_any("grid_following_inverter", frequency_faults(self.nominal_hz))

    @property
    def states(self) -> tuple[str, ...]:
        """See the interface."""
        return self.control_states + CIRCUIT_STATES

    def rates_per_s(
        self,
        state: Shaped[Array, "state *column"],
        references: Shaped[Array, "3 *column"],
        bus: InfiniteBus,
    ) -> Shaped[Array, "state *column"]:
        """See the interface."""
        power_integral, filtered, reactive_integral, filtered_reactive = state[0:4]
        current_integral, pll_voltage, pll_integral, angle = state[4:6], *state[6:9]
        circuit = state[9:]
        bridge, capacitor, grid = circuit[0:2], circuit[2:4], circuit[4:6]
        seen, flowing = rotated(capacitor, -angle), rotated(bridge, -angle)
        tracked = self.pll.gain * pll_voltage + self.pll.integral_per_s * pll_integral
        active, reactive = powers(capacitor, grid)
        missing = references[ACTIVE] - filtered
        missing_reactive = references[REACTIVE] - filtered_reactive
        by_power = self.active.gain * missing + self.active.integral_per_s * power_integral
        by_reactive = (
            self.reactive.gain * missing_reactive + self.reactive.integral_per_s * reactive_integral
        )
        # Both powers ask for a current in the frame of the phase-locked loop. The inner loop makes
        # it: what the two axes induce in each other over the bridge inductance is taken off, and
        # the voltage is fed forward.
        error = np.array((by_reactive, by_power)) - flowing
        bridge_voltage = (
            self.current.gain * error
            + self.current.integral_per_s * current_integral
            + (1.0 + tracked) * self.lcl.bridge_inductance_pu * times_j(flowing)
            + self.current.voltage_feedforward * seen
        )
        own = np.array(
            (
                missing,
                self.active.cutoff_rad_per_s * (active - filtered),
                missing_reactive,
                self.reactive.cutoff_rad_per_s * (reactive - filtered_reactive),
                error[0],
                error[1],
                self.pll.cutoff_rad_per_s * (seen[1] - pll_voltage),
                pll_voltage,
                self.base_rad_per_s * tracked,
            )
        )
        electrical = self.lcl.rates_per_s(
            circuit,
            rotated(bridge_voltage, angle),
            bus.terminal_voltage(grid),
            self.base_rad_per_s,
        )
        return np.concatenate((own, electrical))

    def start(self, circuit: Float[Array, "6"]) -> Float[Array, " state"]:
        """See the interface."""
        bridge, voltage, current = circuit[0:2], circuit[2:4], circuit[4:6]
        active, reactive = (float(value) for value in powers(voltage, current))
        angle = float(np.arctan2(voltage[1], voltage[0]))
        flowing = rotated(bridge, np.asarray(-angle))
        own = np.array(
            (
                flowing[1] / self.active.integral_per_s,
                active,
                flowing[0] / self.reactive.integral_per_s,
                reactive,
                0.0,
                0.0,
                0.0,
                0.0,
                angle,
            )
        )
        return np.concatenate((own, circuit))
