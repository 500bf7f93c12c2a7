"""One record for every restoration: what is closed when, who feeds it, what stays dark."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.status import Status
from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures

LIFE_SAFETY_S = 10.0  # NFPA 110, type 10: from the loss of supply
Method = Literal["program", "rolling", "priority"]


@dataclass(frozen=True)
class RestorationSchedule:
    """A restoration on equal steps from the loss of the grid.

    Attributes:
        step_h: Length of a step.
        rule: That it keeps to.
        failures: Of sources while it goes on.
        pickup_share: By step; at most that of the rule.
        closed: Whether a block is fed.
        load_kw: Of each block, mean over the step, cold-load pickup included.
        battery_kw: Of each battery; discharge is positive.
        battery_energy_kwh: In its cells at the end of the step; before it is there, what it comes
            with.
        diesel_on: Whether a set runs.
        diesel_kw: Of each set.
        fuel_kwh: Left at the end of the step.
        solar_used_kw: The rest is curtailed.
        master: Which source forms the grid: batteries, then diesel sets. One while there is load.
        method: How it was found.
        status: ``optimal`` or ``feasible`` only where no limit is found violated.
        bound_kwh: Least weighted energy not served, interruptions included, that any schedule can
            have that knows all arrivals; minus infinity where none is known.
        seconds: CPU time that it took.
    """

    step_h: float
    rule: RestorationRule
    failures: SourceFailures
    pickup_share: Float[Array, " step"]
    closed: Bool[Array, "block step"]
    load_kw: Float[Array, "block step"]
    battery_kw: Float[Array, "battery step"]
    battery_energy_kwh: Float[Array, "battery step"]
    diesel_on: Bool[Array, "set step"]
    diesel_kw: Float[Array, "set step"]
    fuel_kwh: Float[Array, "set step"]
    solar_used_kw: Float[Array, " step"]
    master: Bool[Array, "source step"]
    method: Method
    status: Status
    bound_kwh: float = -np.inf
    seconds: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        records.check(self, "restoration schedule")

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.closed.shape[1]

    @property
    def hours(self) -> float:
        """From the loss of the grid to the end of the last step."""
        return self.steps * self.step_h

    @property
    def openings(self) -> Bool[Array, "block step"]:
        """Where a block is opened that was closed in the step before."""
        before = np.zeros_like(self.closed)
        before[:, 1:] = self.closed[:, :-1]
        return before & ~self.closed

    @property
    def closings(self) -> Bool[Array, "block step"]:
        """Where a block is closed that was open in the step before."""
        before = np.zeros_like(self.closed)
        before[:, 1:] = self.closed[:, :-1]
        return self.closed & ~before


@dataclass(frozen=True)
class LifeSafetyTimes:
    """How a life-safety block fares against the ten seconds within which it must be fed.

    Attributes:
        block: Its name.
        fed_s: After the loss of the grid until sources of the site feed it; infinite for never.
        bridge_s: For which its own batteries carry it.
        dark_h: Of the whole outage in which neither feeds it.
        within_ten_seconds: Whether sources of the site or its own batteries feed it within 10 s. A
            vehicle that has yet to drive in cannot.
        bridged: Whether its own batteries last until sources of the site feed it.
    """

    block: str
    fed_s: float
    bridge_s: float
    dark_h: float
    within_ten_seconds: bool
    bridged: bool


def not_served_kwh(microgrid: Microgrid, schedule: RestorationSchedule) -> Float[Array, " block"]:
    """Energy that each block would have drawn warm while it was open, not weighted."""
    power = np.array([block.power_kw for block in microgrid.load_blocks])
    return power * schedule.step_h * (~schedule.closed).sum(axis=1)


def cost_kwh(
    microgrid: Microgrid,
    schedule: RestorationSchedule,
    lasting: Float[Array, " step"] | None = None,
) -> float:
    """Weighted energy not served, with what interruptions count: what a restoration minimises.

    With the probability that the outage lasts to each step, its mean over outages of all lengths.
    """
    weight = np.array([block.weight for block in microgrid.load_blocks])
    power = np.array([block.power_kw for block in microgrid.load_blocks])
    dark_h = schedule.step_h * ~schedule.closed + schedule.rule.interruption_h * schedule.openings
    if lasting is not None:
        dark_h = dark_h * lasting
    return float((weight * power) @ dark_h.sum(axis=1))


def gap(
    microgrid: Microgrid,
    schedule: RestorationSchedule,
    lasting: Float[Array, " step"] | None = None,
) -> float:
    """Share of its cost by which a schedule may exceed the least; infinite with no bound."""
    cost = cost_kwh(microgrid, schedule, lasting)
    return (cost - schedule.bound_kwh) / max(abs(cost), 1.0)


def life_safety(microgrid: Microgrid, schedule: RestorationSchedule) -> tuple[LifeSafetyTimes, ...]:
    """The times of each life-safety block.

    A block that is closed in the first step is fed once its sources have started: at once by
    batteries that are there, or after the start of the slowest diesel set that feeds then.

    Source:
        NFPA 110, type 10: life-safety and critical branches on line within 10 s.
    """
    found = []
    for place, block in enumerate(microgrid.load_blocks):
        if block.tier != "life_safety":
            continue
        on = schedule.closed[place]
        first = int(np.argmax(on)) if on.any() else -1
        starts = [
            unit.start_s
            for unit, runs in zip(
                microgrid.diesel_sets, schedule.diesel_on[:, max(first, 0)], strict=True
            )
            if runs
        ]
        began = max(starts, default=0.0) if first == 0 else first * schedule.step_h * S_PER_H
        fed_s = np.inf if first < 0 else began
        bridge_s = block.bridge_h * S_PER_H
        found.append(
            LifeSafetyTimes(
                block=block.name,
                fed_s=fed_s,
                bridge_s=bridge_s,
                dark_h=_dark_h(on, schedule.step_h, block.bridge_h),
                within_ten_seconds=bool(fed_s <= LIFE_SAFETY_S or bridge_s > 0),
                bridged=bool(bridge_s >= fed_s),
            )
        )
    return tuple(found)


def _dark_h(on: Bool[Array, " step"], step_h: float, bridge_h: float) -> float:
    """Hours without supply, less what the block's own batteries carry, once."""
    return max(float((~on).sum()) * step_h - bridge_h, 0.0)
