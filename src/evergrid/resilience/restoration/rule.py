"""What an operator asks of a restoration, and what fails while it goes on."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class RestorationRule:
    """Limits of a restoration, and what a policy believes of the outage.

    Attributes:
        pickup_share: Of the power of the sources that are on, the most that blocks which are closed
            in one step may draw at first. Where it comes from is `verify`.
        reserve_for_largest: Whether the load must be carried without the largest source too.
        closings_per_step: Most blocks that are closed in one step.
        planned_trips: Whether a block may be opened to save energy for others. If not, it opens
            only where the sources cannot carry it.
        interruption_h: Hours of the block's own energy not served that one opening counts as.
        expected_h: Mean length of outages that a policy believes in where it is given no belief of
            its own; it does not know this one's.
        hold_h: For which a policy must be able to hold a block before it closes it.
        life_safety_confidence: Probability with which energy that is there must be enough for all
            life-safety blocks to the end of the outage before a policy feeds others; 0 where
            weights alone decide.
    """

    pickup_share: float = 0.5
    reserve_for_largest: bool = False
    closings_per_step: int = 3
    planned_trips: bool = True
    interruption_h: float = 0.25
    expected_h: float = 8.0
    hold_h: float = 0.5
    life_safety_confidence: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "restoration rule")
        faults = []
        for name, low, high in (
            ("pickup_share", 1e-3, 1.0),
            ("closings_per_step", 1, 10_000),
            ("interruption_h", 0.0, 100.0),
            ("expected_h", 0.0, 1e4),
            ("hold_h", 0.0, 1e4),
            ("life_safety_confidence", 0.0, 0.9999),
        ):
            if not low <= (value := getattr(self, name)) <= high:
                faults.append(Fault(name, f"be in [{low:g}, {high:g}]", (value,)))
        raise_if_any("restoration rule", faults)


@dataclass(frozen=True)
class SourceFailures:
    """When sources fail, in hours after the grid was lost; infinite for those that do not.

    Attributes:
        battery_h: Of each battery, or of its charger; 0 for one that never comes on.
        diesel_h: Of each diesel set; 0 for one that does not start.
    """

    battery_h: Float[Array, " battery"]
    diesel_h: Float[Array, " set"]

    def __post_init__(self) -> None:
        records.check(self, "source failures")
        faults = [
            Fault(name, "be 0 or more; infinite for none", (float(wrong[0]),))
            for name in ("battery_h", "diesel_h")
            if len(wrong := getattr(self, name)[~(getattr(self, name) >= 0)])
        ]
        raise_if_any("source failures", faults)


def none_fail(batteries: int, diesel_sets: int) -> SourceFailures:
    """No source fails."""
    return SourceFailures(np.full(batteries, np.inf), np.full(diesel_sets, np.inf))
