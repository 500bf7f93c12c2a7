"""An island: its buses, lines, loads and motors, and the relays that protect it."""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.capability import ControlCapability, check_island
from evergrid.resilience.inverter.circuit import faults_outside, frequency_faults
from evergrid.resilience.phasor.units import DieselUnit, FollowingUnit, FormingUnit

LARGEST_KW = 1e6
ISLAND_SHARE = 0.9  # of nominal frequency, above which all thresholds lie


@dataclass(frozen=True)
class PhasorLine:
    """A line or transformer between two buses, by its series impedance.

    Attributes:
        name: Of the line.
        from_bus: Where it begins.
        to_bus: Where it ends.
        resistance_pu: On the island's base.
        reactance_pu: On the island's base.
        closed: At the begin.

    Raises:
        InputError: A negative impedance, one that is not a number, or none at all.
    """

    name: str
    from_bus: str
    to_bus: str
    resistance_pu: float
    reactance_pu: float
    closed: bool = True

    def __post_init__(self) -> None:
        records.check(self, "phasor_line")
        faults = faults_outside(self, ("resistance_pu", 0.0, 1e3), ("reactance_pu", 0.0, 1e3))
        if not faults and self.resistance_pu + self.reactance_pu < 1e-6:
            fix = "Make one bus of the two."
            faults.append(Fault("reactance_pu", "be above 0", (self.reactance_pu,), fix=fix))
        raise_if_any("phasor_line", faults)


@dataclass(frozen=True)
class PhasorLoad:
    """A block of load that one breaker connects: constant impedance, and constant power.

    Attributes:
        name: Of the block.
        bus: Where it is.
        power_kw: Consumption at nominal voltage.
        reactive_kvar: Likewise.
        constant_power_share: Of both; the rest is a constant impedance.
        impedance_below_pu: Voltage below which constant power becomes a constant impedance, as
            electronics drop out; 0 for never, which has no solution on a dead bus.
        closed: At the begin.

    Raises:
        InputError: Every number that is not one, or out of range.
    """

    name: str
    bus: str
    power_kw: float
    reactive_kvar: float = 0.0
    constant_power_share: float = 0.0
    impedance_below_pu: float = 0.7
    closed: bool = False

    def __post_init__(self) -> None:
        records.check(self, "phasor_load")
        faults = faults_outside(
            self,
            ("power_kw", 0.0, LARGEST_KW),
            ("reactive_kvar", -LARGEST_KW, LARGEST_KW),
            ("constant_power_share", 0.0, 1.0),
            ("impedance_below_pu", 0.0, 0.95),
        )
        raise_if_any("phasor_load", faults)


@dataclass(frozen=True)
class PhasorMotor:
    """An induction motor with one cage, started straight on the line.

    Attributes:
        name: Of the motor.
        bus: Where it is.
        rating_kva: To which per unit refers.
        stator_resistance_pu: Rs.
        stator_reactance_pu: Xs.
        magnetising_reactance_pu: Xm.
        rotor_resistance_pu: Rr.
        rotor_reactance_pu: Xr.
        inertia_s: H.
        torque_pu: Of the load at synchronous speed; it falls with the square of the speed.
        closed: At the begin, at rest.

    Raises:
        InputError: Every number that is not one, or out of range.

    Source:
        P. Kundur (1994), Power System Stability and Control, section 7.2: third-order model; the
        defaults are a typical small motor, unverified.
    """

    name: str
    bus: str
    rating_kva: float
    stator_resistance_pu: float = 0.03
    stator_reactance_pu: float = 0.1
    magnetising_reactance_pu: float = 3.2
    rotor_resistance_pu: float = 0.02
    rotor_reactance_pu: float = 0.1
    inertia_s: float = 0.5
    torque_pu: float = 0.7
    closed: bool = False

    def __post_init__(self) -> None:
        records.check(self, "phasor_motor")
        faults = faults_outside(
            self,
            ("rating_kva", 1e-3, LARGEST_KW),
            ("stator_resistance_pu", 0.0, 1.0),
            ("stator_reactance_pu", 1e-3, 1.0),
            ("magnetising_reactance_pu", 0.5, 20.0),
            ("rotor_resistance_pu", 1e-3, 1.0),
            ("rotor_reactance_pu", 1e-3, 1.0),
            ("inertia_s", 0.02, 20.0),
            ("torque_pu", 0.0, 2.0),
        )
        raise_if_any("phasor_motor", faults)


@dataclass(frozen=True)
class UnderFrequencyStage:
    """A relay that disconnects blocks of load when the frequency is low.

    Attributes:
        frequency_hz: Below which it acts.
        loads: Blocks that it disconnects.
        delay_s: For which the frequency must stay below.
    """

    frequency_hz: float
    loads: tuple[str, ...]
    delay_s: float = 0.1


@dataclass(frozen=True)
class IslandLimits:
    """What an island cannot stand: it is dead then.

    Attributes:
        least_hz: Frequency at which units disconnect.
        most_hz: Likewise.
        least_voltage_pu: Below which the voltage of a connected load has collapsed.
        voltage_s: For which it must stay below, once the voltage has been there.
    """

    least_hz: float = 57.0
    most_hz: float = 62.5
    least_voltage_pu: float = 0.5
    voltage_s: float = 0.5


@dataclass(frozen=True)
class PhasorIsland:
    """An island and all that is in it.

    Attributes:
        buses: Their names.
        units: Converters and machines; all may be off at the begin.
        lines: Between buses.
        loads: Blocks that are connected and shed whole.
        motors: Induction motors.
        shedding: Under-frequency relays.
        limits: At which the island is dead.
        nominal_hz: 50 or 60.
        base_kva: To which the lines' per unit refers.

    Raises:
        InputError: Names that are missing or twice; every number out of range; thresholds of
            another nominal frequency; no grid-forming unit, or two isochronous ones.
    """

    buses: tuple[str, ...]
    units: tuple[FormingUnit | FollowingUnit | DieselUnit, ...]
    lines: tuple[PhasorLine, ...] = ()
    loads: tuple[PhasorLoad, ...] = ()
    motors: tuple[PhasorMotor, ...] = ()
    shedding: tuple[UnderFrequencyStage, ...] = ()
    limits: IslandLimits = field(default_factory=IslandLimits)
    nominal_hz: float = 60.0
    base_kva: float = 1000.0

    def __post_init__(self) -> None:
        records.check(self, "phasor_island")
        faults = frequency_faults(self.nominal_hz)
        faults += faults_outside(self, ("base_kva", 1e-3, LARGEST_KW))
        raise_if_any("phasor_island", faults + self._names() + self._thresholds())
        check_island(self.capabilities)

    @property
    def capabilities(self) -> tuple[ControlCapability, ...]:
        """What each unit can do."""
        return tuple(
            ControlCapability(unit.name, unit.grid_forming, unit.isochronous) for unit in self.units
        )

    def _names(self) -> list[Fault]:
        """Faults of names: each is given once, and each bus that is named is there."""
        members = (*self.units, *self.lines, *self.loads, *self.motors)
        names = [*self.buses, *(member.name for member in members)]
        twice = tuple(sorted({name for name in names if names.count(name) > 1}))
        faults = [Fault("name", "be given once", twice)] if twice else []
        places = [(member.name, member.bus) for member in (*self.units, *self.loads, *self.motors)]
        for line in self.lines:
            places += [(line.name, line.from_bus), (line.name, line.to_bus)]
        wrong = [(name, bus) for name, bus in places if bus not in self.buses]
        if wrong:
            got, ids = tuple(bus for _, bus in wrong), tuple(name for name, _ in wrong)
            faults.append(Fault("bus", "be one of the buses", got, ids=ids))
        blocks = {load.name for load in self.loads}
        missing = tuple(
            name for stage in self.shedding for name in stage.loads if name not in blocks
        )
        if missing:
            faults.append(Fault("shedding.loads", "be among the loads", missing))
        return faults

    def _thresholds(self) -> list[Fault]:
        """Faults of thresholds, which must be those of the same nominal frequency."""
        low, high = ISLAND_SHARE * self.nominal_hz, self.nominal_hz
        rule = f"be above {low:g} and below {high:g} Hz, the nominal frequency"
        fix = f"Is it a threshold of a grid of {110.0 - self.nominal_hz:g} Hz?"
        given = [("limits.least_hz", self.limits.least_hz)]
        given += [("shedding.frequency_hz", stage.frequency_hz) for stage in self.shedding]
        faults = [Fault(name, rule, (hz,), fix=fix) for name, hz in given if not low < hz < high]
        for unit in self.units:
            window = getattr(unit, "frequency_window_hz", (low, 2 * high - low))
            if not low <= window[0] < high < window[1]:
                rule_of = f"be around {high:g} Hz, the nominal frequency"
                faults.append(Fault("frequency_window_hz", rule_of, (window,), ids=(unit.name,)))
        if not high < self.limits.most_hz < high + (high - low):
            rule = f"be above {high:g} and below {2 * high - low:g} Hz"
            faults.append(Fault("limits.most_hz", rule, (self.limits.most_hz,), fix=fix))
        if not 0 < self.limits.least_voltage_pu < 0.9:
            got = (self.limits.least_voltage_pu,)
            faults.append(Fault("limits.least_voltage_pu", "be in (0, 0.9)", got))
        delays = [("limits.voltage_s", self.limits.voltage_s)]
        delays += [("shedding.delay_s", stage.delay_s) for stage in self.shedding]
        faults += [
            Fault(name, "be in [0, 60] s", (value,))
            for name, value in delays
            if not 0 <= value <= 60
        ]
        return faults


def open_circuit_ratio(motor: PhasorMotor) -> tuple[float, float, float]:
    """Reactance X, transient reactance X', and the open-circuit time constant in rad.

    Source:
        Kundur (1994), equations 7.46 to 7.48; the time constant is over nominal angular frequency.
    """
    whole = motor.stator_reactance_pu + motor.magnetising_reactance_pu
    rotor = motor.rotor_reactance_pu + motor.magnetising_reactance_pu
    transient = motor.stator_reactance_pu + (
        motor.magnetising_reactance_pu * motor.rotor_reactance_pu / rotor
    )
    return whole, transient, float(np.divide(rotor, motor.rotor_resistance_pu))
