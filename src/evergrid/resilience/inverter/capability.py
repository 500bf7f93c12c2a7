"""Who may hold an island's voltage and frequency: at least one unit, and one master at most."""

from collections.abc import Sequence
from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class ControlCapability:
    """What the control of a unit can do in an island.

    Attributes:
        name: Of the unit.
        grid_forming: Whether it can hold a voltage by itself; most chargers only follow one.
        isochronous: Whether it insists on nominal frequency, whatever the load.

    Raises:
        InputError: A grid-following unit that insists on a frequency.
    """

    name: str
    grid_forming: bool
    isochronous: bool = False

    def __post_init__(self) -> None:
        records.check(self, "control_capability")
        if self.isochronous and not self.grid_forming:
            rule = "be false for a unit that is not grid_forming"
            fix = "Only a unit that holds the voltage can hold the frequency."
            fault = Fault("isochronous", rule, (True,), ids=(self.name,), fix=fix)
            raise_if_any("control_capability", [fault])


def check_island(units: Sequence[ControlCapability]) -> None:
    """Refuse an island that nobody leads, or that two want to lead.

    Args:
        units: That are connected with one another.

    Raises:
        InputError: No unit is grid-forming; more than one is isochronous.
    """
    faults = []
    if not any(unit.grid_forming for unit in units):
        fix = "Most chargers only follow a grid: add one grid-forming unit."
        names = tuple(unit.name for unit in units)
        got = ("none",) * max(len(names), 1)
        rule = "be true for one unit of the island"
        faults.append(Fault("grid_forming", rule, got, ids=names, fix=fix))
    masters = tuple(unit.name for unit in units if unit.isochronous)
    if len(masters) > 1:
        fix = "Two that insist on a frequency fight over the load: give all but one a droop."
        got = (True,) * len(masters)
        rule = "be true for at most one unit of an island"
        faults.append(Fault("isochronous", rule, got, ids=masters, fix=fix))
    raise_if_any("island", faults)
