"""How much fleet, inertia or reserve keeps the nadir above a limit: a search over simulations."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.frequency import stability
from evergrid.resilience.frequency.area import MOST_INERTIA_S, Area
from evergrid.resilience.frequency.response import FleetResponse
from evergrid.resilience.frequency.simulation import Disturbance, simulate

SCANNED = 25  # values of a first look, evenly spread
ROUNDS = 4  # of refinement, each into as many parts as
PARTS = 8

Keeps = Callable[[Float[Array, " value"]], Bool[Array, " value"]]


@dataclass(frozen=True)
class Limit:
    """What must hold after a loss.

    Attributes:
        area: The plants, load and relays.
        fleet: How a fleet answers.
        disturbance: What is lost.
        nadir_hz: Which the frequency must not go below.

    Raises:
        InputError: A limit that is not between the disconnection of plants and nominal.
    """

    area: Area
    fleet: FleetResponse
    disturbance: Disturbance
    nadir_hz: float

    def __post_init__(self) -> None:
        low, high = self.area.least_hz, self.area.nominal_hz
        if not low <= self.nadir_hz < high:
            rule = f"be at least {low:g} Hz, where plants disconnect, and below {high:g} Hz"
            raise_if_any("limit", [Fault("nadir_hz", rule, (self.nadir_hz,))])

    def stable(self, areas: list[Area], award_mw: list[float]) -> Bool[Array, " value"]:
        """Whether the loop of each event does not hunt."""
        delay_s = self.fleet.control.loop_delay_s
        margins_s = [
            stability.delay_margin_s(area, self.fleet, award)
            for area, award in zip(areas, award_mw, strict=True)
        ]
        return delay_s < np.array(margins_s)

    def keeps(self, areas: list[Area], award_mw: list[float]) -> Bool[Array, " value"]:
        """Whether each event keeps the limit without load shedding, and does not hunt."""
        bare = [replace(area, shedding=()) for area in areas]
        went = simulate(bare, self.fleet, award_mw, self.disturbance)
        kept = np.isnan(went.disconnected_s) & (went.nadir_hz >= self.nadir_hz)
        return kept & self.stable(areas, award_mw)

    def least_fleet_mw(self, most_mw: float) -> float | None:
        """The smallest award that keeps the limit; None where none up to the most does."""
        return _least(
            0.0, most_mw, lambda awards: self.keeps([self.area] * len(awards), awards.tolist())
        )

    def least_inertia_s(self, award_mw: float) -> float | None:
        """The smallest inertia that keeps the limit with a fleet; None where none does."""

        def keeps(values: Float[Array, " value"]) -> Bool[Array, " value"]:
            areas = [replace(self.area, inertia_s=float(value)) for value in values]
            return self.keeps(areas, [award_mw] * len(values))

        return _least(0.05, MOST_INERTIA_S, keeps)

    def least_reserve_mw(self, award_mw: float) -> float | None:
        """The smallest reserve of plants that keeps the limit with a fleet; None where none does.

        Plants with a governor and the reserve they hold change together.
        """
        governor = self.area.governor
        if not np.isfinite(governor.reserve_mw) or governor.governed_share == 0:
            return None

        def keeps(values: Float[Array, " value"]) -> Bool[Array, " value"]:
            areas = [replace(self.area, governor=_with(value)) for value in values]
            return self.keeps(areas, [award_mw] * len(values))

        def _with(reserve_mw: float):
            share = governor.governed_share * reserve_mw / governor.reserve_mw
            return replace(governor, governed_share=float(share), reserve_mw=float(reserve_mw))

        return _least(0.0, governor.reserve_mw / governor.governed_share, keeps)


def _least(low: float, high: float, keeps: Keeps) -> float | None:
    """The first value at which the limit begins to be kept, up to 1 part in 100,000 of the range.

    The range is looked at first, so that nothing is assumed of what lies beyond that value.
    """
    values = np.linspace(low, high, SCANNED)
    kept = keeps(values)
    if not kept.any():
        return None
    for _ in range(ROUNDS):
        first = int(np.argmax(kept))
        if first == 0:
            return float(values[0])
        values = np.linspace(values[first - 1], values[first], PARTS + 1)
        kept = keeps(values)
        kept[-1] = True
    return float(values[int(np.argmax(kept))])
