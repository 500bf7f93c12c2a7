"""Part of a feeder below one line or transformer, as a balanced network that an island can feed."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

MOST_OHM = 1e6


@dataclass(frozen=True)
class SectionBranch:
    """A line or transformer between two buses of a section.

    Attributes:
        name: Of the line or transformer, or of several in a row.
        from_bus: One end.
        to_bus: The other.
        resistance_ohm: Per phase, referred to the voltage of the head.
        reactance_ohm: The same, at nominal frequency.
        rating_kva: Of all three phases; infinite where none is stated.
    """

    name: str
    from_bus: str
    to_bus: str
    resistance_ohm: float
    reactance_ohm: float
    rating_kva: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "section branch")
        faults = [
            Fault(field, f"be in [0, {MOST_OHM:g}]", (value,), (self.name,))
            for field in ("resistance_ohm", "reactance_ohm")
            if not 0 <= (value := getattr(self, field)) <= MOST_OHM
        ]
        if not self.rating_kva > 0:
            faults.append(Fault("rating_kva", "be above 0", (self.rating_kva,), (self.name,)))
        raise_if_any("section branch", faults)


@dataclass(frozen=True)
class SectionNetwork:
    """Buses below the head of a section, and what connects them.

    Phases are alike: a line counts with the impedance that balanced currents meet. Capacitances
    of lines are left out.

    Attributes:
        head: Bus that takes the place of the site's main bus.
        buses: All of them, the head among them.
        branches: Lines and transformers between them.

    Raises:
        InputError: Names that are not unique or unknown, a bus that the head does not feed.
    """

    head: str
    buses: tuple[str, ...]
    branches: tuple[SectionBranch, ...]

    def __post_init__(self) -> None:
        faults = []
        known = set(self.buses)
        for field, names in (
            ("buses", self.buses),
            ("branches", tuple(one.name for one in self.branches)),
        ):
            if twice := tuple(name for name, count in Counter(names).items() if count > 1):
                faults.append(Fault(field, "have unique names", twice))
        ends = {end for one in self.branches for end in (one.from_bus, one.to_bus)}
        if unknown := tuple(sorted((ends | {self.head}) - known)):
            faults.append(Fault("branches", "connect buses of the section", unknown))
        elif apart := tuple(sorted(known - self._fed(self.branches))):
            faults.append(Fault("buses", "be connected to the head", apart))
        raise_if_any("section network", faults)

    def beyond(self, branch: SectionBranch) -> frozenset[str]:
        """Buses that are fed through a branch alone."""
        rest = tuple(one for one in self.branches if one is not branch)
        return frozenset(set(self.buses) - self._fed(rest))

    def _fed(self, branches: tuple[SectionBranch, ...]) -> set[str]:
        found, before = {self.head}, 0
        while len(found) > before:
            before = len(found)
            for one in branches:
                if one.from_bus in found or one.to_bus in found:
                    found |= {one.from_bus, one.to_bus}
        return found
