"""Units, branches and loads that may be connected, and how their state is laid out."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import NOMINAL_HZ, STATES
from evergrid.resilience.network.elements import (
    ImpedanceLoad,
    SeriesBranch,
    ShuntResistor,
    Unit,
)


@dataclass(frozen=True)
class DqNetwork:
    """Everything that breakers can connect to islands, all of one nominal frequency.

    The state holds 13 entries of each unit, by the names of its kind, then the current (x, y) of
    each branch, then of each load, positive from ``from_bus`` to ``to_bus`` and into the load. All
    currents of the network, and the output currents of the units, are in one frame that turns at
    nominal speed, so that islands which are not connected need no common reference; all else of a
    unit is in its own frame, ahead by its angle ``delta``, but the flux of a motor, which is in
    that of the network.

    Attributes:
        nominal_hz: 50 or 60.
        buses: Names.
        units: That form grids, that follow them, and motors; those that form come first.
        branches: Between buses.
        loads: With an inductance.
        resistors: Loads without one.

    Raises:
        InputError: No unit, a name given twice, a bus that is not listed, another nominal
            frequency.
    """

    nominal_hz: float
    buses: tuple[str, ...]
    units: tuple[Unit, ...]
    branches: tuple[SeriesBranch, ...] = ()
    loads: tuple[ImpedanceLoad, ...] = ()
    resistors: tuple[ShuntResistor, ...] = ()

    def __post_init__(self) -> None:
        faults = []
        if self.nominal_hz not in NOMINAL_HZ:
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        if not any(unit.forms for unit in self.units):
            fix = "A unit that follows a grid cannot start one."
            faults.append(Fault("units", "hold a unit that forms the grid", fix=fix))
        for kind, given in (("buses", self.buses), ("names", self.names)):
            twice = tuple(name for name, count in Counter(given).items() if count > 1)
            if twice:
                faults.append(Fault(kind, "be unique", twice))
        faults += self._bus_faults() + self._frequency_faults()
        raise_if_any("microgrid", faults)

    def _bus_faults(self) -> list[Fault]:
        at = [(one.name, "bus", one.bus) for one in (*self.units, *self.loads, *self.resistors)]
        for branch in self.branches:
            at += [
                (branch.name, "from_bus", branch.from_bus),
                (branch.name, "to_bus", branch.to_bus),
            ]
        known = set(self.buses)
        return [
            Fault(field, "be one of the buses", (bus,), ids=(name,))
            for name, field, bus in at
            if bus not in known
        ]

    def _frequency_faults(self) -> list[Fault]:
        given = [(unit.name, unit.device.nominal_hz) for unit in self.units]
        given += [(one.name, one.nominal_hz) for one in (*self.branches, *self.loads)]
        wrong = [(name, of) for name, of in given if of not in (None, self.nominal_hz)]
        if not wrong:
            return []
        ids, got = zip(*wrong, strict=True)
        rule = f"be {self.nominal_hz:g} Hz like that of the microgrid"
        fix = "Elements of 50 and of 60 Hz cannot be mixed."
        return [Fault("nominal_hz", rule, got, ids=ids, fix=fix)]

    @property
    def names(self) -> tuple[str, ...]:
        """Of everything that has a breaker."""
        elements = (*self.units, *self.branches, *self.loads, *self.resistors)
        return tuple(one.name for one in elements)

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """Name of every entry of the state, such as ``u1.delta`` or ``line 2.i_x``."""
        of_units = [f"{unit.name}.{state}" for unit in self.units for state in unit.state_names]
        currents = [
            f"{one.name}.{axis}" for one in (*self.branches, *self.loads) for axis in ("i_x", "i_y")
        ]
        return (*of_units, *currents)

    @cached_property
    def bus_index(self) -> dict[str, int]:
        """Place of each bus."""
        return {bus: place for place, bus in enumerate(self.buses)}

    @property
    def first_current(self) -> int:
        """Where the currents of the branches begin in the state."""
        return len(self.units) * len(STATES)
