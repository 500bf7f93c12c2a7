"""What happens to an island from outside: breakers, starts, trips, set points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.phasor.island import PhasorIsland
from evergrid.resilience.phasor.units import FollowingUnit, FormingUnit

Action = Literal["connect", "disconnect", "start", "trip", "set_power", "scale_load"]
MOST_SCALE = 10.0


@dataclass(frozen=True)
class IslandEvent:
    """One action on one member of an island, at the first step that is not earlier.

    Attributes:
        time_s: When.
        action: ``connect`` or ``disconnect`` a load, motor or line; ``start`` or ``trip`` a unit;
            ``set_power`` of a unit in kW; ``scale_load`` by a factor.
        target: Name of the member.
        value: Of the last two.
        over_s: In which the value is reached, straight.

    Raises:
        InputError: A value that is missing or is none of the action's.
    """

    time_s: float
    action: Action
    target: str
    value: float | None = None
    over_s: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "island_event")
        faults = []
        if not 0 <= self.time_s < np.inf:
            faults.append(Fault("time_s", "be at least 0 and finite", (self.time_s,)))
        if not 0 <= self.over_s < np.inf:
            faults.append(Fault("over_s", "be at least 0 and finite", (self.over_s,)))
        valued = self.action in ("set_power", "scale_load")
        if valued and (self.value is None or not np.isfinite(self.value)):
            faults.append(Fault("value", f"be a finite number for {self.action}", (self.value,)))
        if not valued and self.value is not None:
            faults.append(Fault("value", f"be left out for {self.action}", (self.value,)))
        if self.action == "scale_load" and self.value is not None:
            if not 0 <= self.value <= MOST_SCALE:
                rule = f"be in [0, {MOST_SCALE:g}] for scale_load"
                faults.append(Fault("value", rule, (self.value,)))
        raise_if_any("island_event", faults)


def check(island: PhasorIsland, events: Sequence[IslandEvent]) -> None:
    """Refuse events that name nobody, or ask of a unit what it cannot do.

    Raises:
        InputError: Every target that is unknown or of another kind; powers beyond the rating.
    """
    units = {unit.name: unit for unit in island.units}
    blocks = {load.name for load in island.loads}
    breakers = blocks | {motor.name for motor in island.motors}
    breakers |= {line.name for line in island.lines}
    of = {
        "connect": breakers,
        "disconnect": breakers,
        "start": set(units),
        "trip": set(units),
        "set_power": set(units),
        "scale_load": blocks,
    }
    faults = []
    for event in events:
        if event.target not in of[event.action]:
            known = ", ".join(sorted(of[event.action])[:8])
            fix = f"Known for {event.action}: {known}."
            rule = f"be a member that {event.action} acts on"
            faults.append(Fault("target", rule, (event.target,), fix=fix))
        elif event.action == "set_power" and event.value is not None:
            unit = units[event.target]
            low, high = 0.0, unit.rating_kva
            if isinstance(unit, FormingUnit):
                low = unit.rating_kva * unit.model.least_power_pu
                high = unit.rating_kva * unit.model.most_power_pu
            elif isinstance(unit, FollowingUnit):
                low = -unit.rating_kva
            else:
                high = unit.rating_kva * unit.most_power_pu
            if not low <= event.value <= high:
                rule = f"be in [{low:g}, {high:g}] kW, within the rating"
                faults.append(Fault("value", rule, (event.value,), ids=(unit.name,)))
    raise_if_any("events", faults)
