"""What holds the voltage of the island: a grid-forming inverter, or a source without impedance."""

import math
from dataclasses import dataclass
from typing import Literal

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.resilience.waveform.ranges import faults_of, frequency_faults

Modulation = Literal["averaged", "switching"]
Wires = Literal["three_wire", "four_wire"]
RampShape = Literal["linear", "s_shaped"]


class AbstractSource:
    """What per unit refers to: the rating of a source."""

    rating_kva: float
    line_voltage_v: float

    @property
    def peak_voltage_v(self) -> float:
        """Amplitude of a phase, which is the base of voltages."""
        return self.line_voltage_v * math.sqrt(2 / 3)

    @property
    def peak_current_a(self) -> float:
        """Amplitude at rated power, which is the base of currents."""
        return math.sqrt(2 / 3) * W_PER_KW * self.rating_kva / self.line_voltage_v

    @property
    def base_ohm(self) -> float:
        """Impedance at rated voltage and power."""
        return self.line_voltage_v**2 / (W_PER_KW * self.rating_kva)


@dataclass(frozen=True)
class EmtFilter:
    """Inductor and capacitor behind the bridge, per unit of the inverter.

    Attributes:
        inductance_pu: Reactance of the inductor at nominal frequency.
        resistance_pu: Of the inductor and the bridge.
        capacitance_pu: Susceptance of the capacitors at nominal frequency, phase to neutral.
        earth_capacitance_pu: Susceptance from each phase to earth, of cables and filters against
            interference. It alone ties an ungrounded island to earth.

    Raises:
        InputError: Every number out of range.
    """

    inductance_pu: float = 0.1
    resistance_pu: float = 0.005
    capacitance_pu: float = 0.05
    earth_capacitance_pu: float = 0.005

    def __post_init__(self) -> None:
        records.check(self, "filter")
        faults = faults_of(
            self,
            ("inductance_pu", 1e-3, 1.0, "0.1 is usual."),
            ("resistance_pu", 0.0, 0.5, ""),
            ("capacitance_pu", 1e-3, 1.0, "0.05 is usual."),
            ("earth_capacitance_pu", 1e-4, 1.0, ""),
        )
        raise_if_any("filter", faults)


@dataclass(frozen=True)
class EmtControl:
    """A discrete controller: droop, voltage loop, current loop and current limit, in dq.

    It samples once in a period. What it computes is applied during the next period, so that the
    delay is 1.5 periods on average. Gains are per unit of the inverter.

    Attributes:
        sample_hz: Samples in a second; with switching also the frequency of the carrier.
        current_gain_pu: Proportional gain of the current loop.
        current_integral_per_s: Its integral gain; the voltage loop's is enough as a rule.
        voltage_feed_forward: Share of the bus voltage added to the bridge voltage.
        voltage_gain_pu: Proportional gain of the voltage loop.
        voltage_integral_per_s: Its integral gain.
        negative_integral_per_s: Likewise for the negative sequence, in a frame of its own; it keeps
            unbalanced loads from unbalancing the voltage.
        current_feed_forward: Share of the output current added to the current reference. It
            stiffens the voltage, and keeps direct flux in a core for longer.
        current_limit_pu: Largest current reference, as an amplitude in dq. The current itself
            passes it for as long as the controller is late, and by its zero sequence.
        frequency_droop_pu: By which the frequency falls at rated active power.
        voltage_droop_pu: By which the voltage falls at rated reactive power.
        power_filter_rad_per_s: Cut-off of the measured powers.

    Raises:
        InputError: Every number out of range; a current loop that needs a constant error.

    Source:
        N. Pogaku, M. Prodanovic, T. Green (2007), Modeling, analysis and testing of autonomous
        operation of an inverter-based microgrid, IEEE Transactions on Power Electronics 22(2):
        structure of the loops. The gains are our own, placed on the sampled system.
    """

    sample_hz: float = 10_000.0
    current_gain_pu: float = 0.7
    current_integral_per_s: float = 0.0
    voltage_feed_forward: float = 1.0
    voltage_gain_pu: float = 0.7
    voltage_integral_per_s: float = 100.0
    negative_integral_per_s: float = 50.0
    current_feed_forward: float = 0.0
    current_limit_pu: float = 1.2
    frequency_droop_pu: float = 0.01
    voltage_droop_pu: float = 0.0
    power_filter_rad_per_s: float = 31.41

    def __post_init__(self) -> None:
        records.check(self, "control")
        fix = "Give the droop as a fraction: 0.01 for 1 %."
        faults = faults_of(
            self,
            ("sample_hz", 1000.0, 200_000.0, "Give Hz, not kHz."),
            ("current_gain_pu", 1e-3, 100.0, ""),
            ("current_integral_per_s", 0.0, 1e5, ""),
            ("voltage_feed_forward", 0.0, 1.0, "Give a fraction."),
            ("voltage_gain_pu", 0.0, 100.0, ""),
            ("voltage_integral_per_s", 0.0, 1e5, ""),
            ("negative_integral_per_s", 0.0, 1e5, ""),
            ("current_feed_forward", 0.0, 1.0, "Give a fraction."),
            ("current_limit_pu", 0.1, 10.0, "1.2 to 2 is usual."),
            ("frequency_droop_pu", 0.0, 0.1, fix),
            ("voltage_droop_pu", 0.0, 0.5, fix),
            ("power_filter_rad_per_s", 0.1, 1e4, ""),
        )
        if not faults and self.voltage_feed_forward < 1.0 and self.current_integral_per_s == 0.0:
            # the reference would carry the rest of the voltage, and meet its limit at no load
            rule = "be 1 where current_integral_per_s is 0"
            got = (self.voltage_feed_forward,)
            fix = "Raise either; else the current limit acts below its value."
            faults.append(Fault("voltage_feed_forward", rule, got, fix=fix))
        raise_if_any("control", faults)


@dataclass(frozen=True)
class EmtInverter(AbstractSource):
    """A grid-forming inverter with a constant DC voltage; switches have neither loss nor dead time.

    Attributes:
        rating_kva: Apparent power of all three phases.
        line_voltage_v: Between phases, rms.
        nominal_hz: 50 or 60.
        dc_voltage_v: Between the rails; each leg reaches half of it.
        filter: Behind the bridge.
        control: Its controller.
        wires: With four, the neutral is tied to the middle of the rails and to earth, so that
            current can return through it. With three, nothing but capacitance ties it to earth.
        modulation: Mean of the leg voltages over each period, or every switching edge.

    Raises:
        InputError: Every number out of range; rails too low for the voltage.
    """

    rating_kva: float = 125.0
    line_voltage_v: float = 480.0
    nominal_hz: float = 60.0
    dc_voltage_v: float = 900.0
    filter: EmtFilter = EmtFilter()
    control: EmtControl = EmtControl()
    wires: Wires = "four_wire"
    modulation: Modulation = "averaged"

    def __post_init__(self) -> None:
        records.check(self, "inverter")
        faults = frequency_faults(self.nominal_hz) + faults_of(
            self,
            ("rating_kva", 0.1, 1e5, ""),
            ("line_voltage_v", 50.0, 1e5, "Give volts between phases, rms."),
            ("dc_voltage_v", 50.0, 5e5, ""),
        )
        raise_if_any("inverter", faults)
        # min-max injection of a bridge with three wires reaches 2 / sqrt(3) times as far
        reach_v = self.dc_voltage_v / 2 * (2 / math.sqrt(3) if self.wires == "three_wire" else 1.0)
        if reach_v <= self.peak_voltage_v:
            rule = f"let a leg exceed the peak of a phase, {self.peak_voltage_v:.0f} V"
            fix = "Raise it, or give the inverter three wires."
            raise_if_any("inverter", [Fault("dc_voltage_v", rule, (self.dc_voltage_v,), fix=fix)])


@dataclass(frozen=True)
class StiffSource(AbstractSource):
    """A three-phase voltage without impedance; it meets the closed forms of energisation.

    Attributes:
        rating_kva: Base of currents.
        line_voltage_v: Between phases, rms.
        nominal_hz: 50 or 60; its frequency.
        angle_deg: Of phase a at second 0, where 0 is its rising zero crossing.

    Raises:
        InputError: Every number out of range.
    """

    rating_kva: float = 125.0
    line_voltage_v: float = 480.0
    nominal_hz: float = 60.0
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "source")
        faults = frequency_faults(self.nominal_hz) + faults_of(
            self,
            ("rating_kva", 0.1, 1e5, ""),
            ("line_voltage_v", 50.0, 1e5, "Give volts between phases, rms."),
            ("angle_deg", -360.0, 360.0, ""),
        )
        raise_if_any("source", faults)


@dataclass(frozen=True)
class VoltageRamp:
    """How the voltage reference rises from zero: soft start of a dead bus.

    Attributes:
        duration_s: From zero to nominal; 0 for a step.
        start_s: When it begins.
        shape: Straight, or 3 s^2 - 2 s^3 of the share s of the duration.

    Raises:
        InputError: Every number out of range.
    """

    duration_s: float = 0.1
    start_s: float = 0.0
    shape: RampShape = "linear"

    def __post_init__(self) -> None:
        records.check(self, "ramp")
        faults = faults_of(self, ("duration_s", 0.0, 3600.0, ""), ("start_s", 0.0, 3600.0, ""))
        raise_if_any("ramp", faults)
