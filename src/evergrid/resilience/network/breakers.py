"""Which breakers are open, which units run, and what islands that leaves."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.network.dq_network import DqNetwork


@dataclass(frozen=True)
class BreakerPositions:
    """Positions of all breakers of a microgrid.

    Attributes:
        open: Names of units, branches, loads and resistors whose breaker is open.
        stopped: Names of units that do not run; they are disconnected whatever their breaker.
    """

    open: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()

    def opening(self, *names: str) -> "BreakerPositions":
        """These positions with some breakers open."""
        return replace(self, open=self.open | set(names))

    def closing(self, *names: str) -> "BreakerPositions":
        """These positions with some breakers closed."""
        return replace(self, open=self.open - set(names))

    def stopping(self, *names: str) -> "BreakerPositions":
        """These positions with some units stopped."""
        return replace(self, stopped=self.stopped | set(names))

    def starting(self, *names: str) -> "BreakerPositions":
        """These positions with some units running."""
        return replace(self, stopped=self.stopped - set(names))

    def has(self, name: str) -> bool:
        """Whether an element is connected to its bus or buses."""
        return name not in self.open and name not in self.stopped


@dataclass(frozen=True)
class Islands:
    """What is connected with what; an island has a running unit that forms it, all else is dead.

    A running unit whose breaker is open is an island of its own without a bus; one that follows is
    then as good as stopped.

    Attributes:
        of_bus: Number of the island; -1 for a dead bus.
        of_unit: The same; -1 for a stopped unit.
        coupled: Whether a unit is connected to its bus.
        count: How many islands there are.
    """

    of_bus: Int[Array, " bus"]
    of_unit: Int[Array, " unit"]
    coupled: Bool[Array, " unit"]
    count: int


def check(microgrid: DqNetwork, positions: BreakerPositions) -> None:
    """Refuse names that are not there, and an island that no unit forms.

    Raises:
        InputError: Unknown names; all units stopped.
    """
    known, units = set(microgrid.names), {unit.name for unit in microgrid.units}
    faults = []
    for field, given, names in (
        ("open", positions.open, known),
        ("stopped", positions.stopped, units),
    ):
        unknown = tuple(sorted(given - names))
        if unknown:
            what = "elements" if field == "open" else "units"
            faults.append(Fault(field, f"name {what} of the microgrid", unknown))
    if all(unit.name in positions.stopped for unit in microgrid.units if unit.forms):
        fix = "Start a unit that forms the grid."
        faults.append(Fault("stopped", "leave a unit running", fix=fix))
    raise_if_any("breaker positions", faults)


def islands(microgrid: DqNetwork, positions: BreakerPositions) -> Islands:
    """Connected parts that a running unit forms, numbered in the order of their first unit."""
    closed = [branch for branch in microgrid.branches if positions.has(branch.name)]
    place = microgrid.bus_index
    part = _parts(
        len(microgrid.buses), ((place[one.from_bus], place[one.to_bus]) for one in closed)
    )
    numbers: dict[int, int] = {}
    of_unit, coupled, count = [], [], 0
    for unit in microgrid.units:
        at_bus = positions.has(unit.name) and positions.has(unit.breaker)
        if unit.name in positions.stopped or not unit.forms:
            number = -1
        elif at_bus:
            root = part[place[unit.bus]]
            number = numbers.setdefault(root, count)
            count = max(count, number + 1)
        else:
            number, count = count, count + 1
        of_unit.append(number)
        coupled.append(at_bus)
    for row, unit in enumerate(microgrid.units):
        if not unit.forms and coupled[row]:  # it lives where another one forms a grid
            of_unit[row] = numbers.get(part[place[unit.bus]], -1)
    of_bus = np.array([numbers.get(root, -1) for root in part], np.int64)
    return Islands(of_bus, np.array(of_unit, np.int64), np.array(coupled, bool), count)


def _parts(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """A root for each bus, the same for all that pairs connect."""
    root = list(range(count))

    def top(bus: int) -> int:
        while root[bus] != bus:
            root[bus] = root[root[bus]]
            bus = root[bus]
        return bus

    for first, second in pairs:
        root[top(second)] = top(first)
    return [top(bus) for bus in range(count)]
