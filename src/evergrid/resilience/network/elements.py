"""What an island is made of: units that form or follow it, machines, lines, loads, resistors."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import NOMINAL_HZ, STATES, DroopInverter
from evergrid.resilience.inverter.following import PllInverter
from evergrid.resilience.machine import induction, synchronous
from evergrid.resilience.machine.induction import InductionMotor
from evergrid.resilience.machine.synchronous import SynchronousGenerator

INDUCTANCE_FIX = "Give an inductance, or a ShuntResistor for a load that is a pure resistance."


@dataclass(frozen=True)
class UnitAtBus:
    """A unit at a bus, with a breaker of its own that has its name."""

    name: str
    bus: str

    def __post_init__(self) -> None:
        records.check(self, f"unit {self.name!r}")

    @property
    def breaker(self) -> str:
        """Name of its breaker."""
        return self.name


@dataclass(frozen=True)
class GridFormingUnit(UnitAtBus):
    """An inverter at a bus; its breaker is between the coupling inductance and the bus."""

    inverter: DroopInverter
    forms: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = STATES
    unused: ClassVar[tuple[int, ...]] = ()

    @property
    def device(self) -> DroopInverter:
        """What it is, whose row the equations read."""
        return self.inverter


@dataclass(frozen=True)
class GridFollowingUnit(UnitAtBus):
    """An inverter at a bus that follows its voltage; it runs only where another unit forms it."""

    inverter: PllInverter
    forms: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = STATES
    unused: ClassVar[tuple[int, ...]] = ()

    @property
    def device(self) -> PllInverter:
        """What it is, whose row the equations read."""
        return self.inverter


@dataclass(frozen=True)
class SynchronousUnit(UnitAtBus):
    """A generator set at a bus; its breaker is between its transient reactance and the bus."""

    generator: SynchronousGenerator
    forms: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = synchronous.STATE_NAMES
    unused: ClassVar[tuple[int, ...]] = synchronous.UNUSED

    @property
    def device(self) -> SynchronousGenerator:
        """What it is, whose row the equations read."""
        return self.generator


@dataclass(frozen=True)
class MotorUnit:
    """An induction motor at a bus; it runs where another unit forms the grid.

    Attributes:
        name: Of the motor.
        bus: Where it is.
        motor: What it is.
        breaker: Name of its breaker, which may be that of a load.
    """

    name: str
    bus: str
    motor: InductionMotor
    breaker: str
    forms: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = induction.STATE_NAMES
    unused: ClassVar[tuple[int, ...]] = induction.UNUSED

    def __post_init__(self) -> None:
        records.check(self, f"unit {self.name!r}")

    @property
    def device(self) -> InductionMotor:
        """What it is, whose row the equations read."""
        return self.motor


Unit = GridFormingUnit | GridFollowingUnit | SynchronousUnit | MotorUnit


@dataclass(frozen=True)
class SeriesBranch:
    """A line, cable or transformer between two buses: resistance and inductance, with a breaker.

    Attributes:
        name: Of the branch and its breaker.
        from_bus: Where a positive current comes from.
        to_bus: Where it goes.
        resistance_ohm: Per phase.
        inductance_h: Per phase.
        nominal_hz: 50 or 60 where the data hold at that frequency only; none where at any.

    Raises:
        InputError: An impedance that is negative or not finite, no inductance, one bus twice.
    """

    name: str
    from_bus: str
    to_bus: str
    resistance_ohm: float
    inductance_h: float
    nominal_hz: float | None = None

    def __post_init__(self) -> None:
        source = f"branch {self.name!r}"
        records.check(self, source)
        faults = _impedance_faults(self)
        if self.from_bus == self.to_bus:
            faults.append(Fault("to_bus", "differ from from_bus", (self.to_bus,)))
        raise_if_any(source, faults)


@dataclass(frozen=True)
class ImpedanceLoad:
    """A load of constant resistance and inductance in series, star, with a breaker.

    Attributes:
        name: Of the load and its breaker.
        bus: Where it is.
        resistance_ohm: Per phase.
        inductance_h: Per phase.
        nominal_hz: 50 or 60 where the data hold at that frequency only; none where at any.

    Raises:
        InputError: An impedance that is negative or not finite, no inductance.
    """

    name: str
    bus: str
    resistance_ohm: float
    inductance_h: float
    nominal_hz: float | None = None

    def __post_init__(self) -> None:
        source = f"load {self.name!r}"
        records.check(self, source)
        raise_if_any(source, _impedance_faults(self))


@dataclass(frozen=True)
class ShuntResistor:
    """A load that is a pure resistance, star, with a breaker.

    The voltage of its bus then follows from the currents into it alone, at once. With the
    inductances L of the branches there that is a time constant of 1 / (R sum(1/L)), which an
    explicit step must resolve.

    Attributes:
        name: Of the resistor and its breaker.
        bus: Where it is.
        resistance_ohm: Per phase.

    Raises:
        InputError: A resistance that is not above 0 and finite.
    """

    name: str
    bus: str
    resistance_ohm: float

    def __post_init__(self) -> None:
        source = f"resistor {self.name!r}"
        records.check(self, source)
        if not 0 < self.resistance_ohm < np.inf:
            rule, got = "be above 0 and finite", (self.resistance_ohm,)
            raise_if_any(source, [Fault("resistance_ohm", rule, got)])


def _impedance_faults(element: SeriesBranch | ImpedanceLoad) -> list[Fault]:
    """Faults of an impedance with a current that is a state."""
    faults = []
    if not 0 <= element.resistance_ohm < np.inf:
        got = (element.resistance_ohm,)
        faults.append(Fault("resistance_ohm", "be at least 0 and finite", got))
    if not 0 < element.inductance_h < np.inf:
        rule, got = "be above 0 and finite", (element.inductance_h,)
        faults.append(Fault("inductance_h", rule, got, fix=INDUCTANCE_FIX))
    if element.nominal_hz not in (None, *NOMINAL_HZ):
        faults.append(Fault("nominal_hz", "be 50, 60 or none", (element.nominal_hz,)))
    return faults
