"""A load-altering attack on a simulated fleet: many vehicles told to change their power at once.

Whoever may give orders, or forge a signal, can make a fleet swing. A guard on ramps and on steps
that many stations take together has to hold it, whatever it is told. The attack is plain data, to
be played through the same doors as honest orders; what came of it is read from the fleet's truth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.devices.adapter import PowerOrder

EVSE = 1


class Shape(StrEnum):
    """How the power of an attack goes."""

    STEP = "step"  # from all drawing to all feeding, once
    SWING = "swing"  # to and fro, near the period of an oscillation between areas
    PULSES = "pulses"  # on and off


@dataclass(frozen=True)
class Attack:
    """What an attacker does.

    Attributes:
        shape: How power goes.
        begin_s: When it begins, UTC seconds since 1970.
        length_s: How long it lasts.
        power_kw: Of each vehicle, at most, into the grid and out of it.
        period_s: Of swings and pulses; oscillations between areas have 1.5 to 10 s.
        interval_s: Between two orders to a station.

    Raises:
        InputError: Times or powers that are none.
    """

    shape: Shape
    begin_s: float
    length_s: float = 60.0
    power_kw: float = 11.0
    period_s: float = 8.0
    interval_s: float = 2.0

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (getattr(self, name),))
            for name in ("length_s", "power_kw", "period_s", "interval_s")
            if not 0 < getattr(self, name) < math.inf
        ]
        raise_if_any("attack", faults)

    def share(self, time_s: float) -> float:
        """Power over the greatest, from -1 to 1, into the grid; 0 while there is no attack.

        It stands in for a signal where the attacker forges that.
        """
        since_s = time_s - self.begin_s
        if not 0 <= since_s < self.length_s:
            return 0.0
        if self.shape is Shape.STEP:
            return -1.0 if since_s < self.length_s / 2 else 1.0
        if self.shape is Shape.SWING:
            return math.sin(2 * math.pi * since_s / self.period_s)
        return 1.0 if since_s % self.period_s < self.period_s / 2 else -1.0


class Target(NamedTuple):
    """A vehicle that the attacker can give orders to.

    Attributes:
        station: Its identity.
        transaction: That runs there.
    """

    station: str
    transaction: str


class TimedOrder(NamedTuple):
    """An order of the attacker.

    Attributes:
        time_s: When it is given, UTC seconds since 1970.
        order: As an honest one would be.
    """

    time_s: float
    order: PowerOrder


def orders(attack: Attack, targets: Sequence[Target]) -> list[TimedOrder]:
    """Every order of an attack, in order of time: all targets at once, marked as urgent."""
    count = math.ceil(attack.length_s / attack.interval_s)
    found = []
    for number in range(count):
        time_s = attack.begin_s + number * attack.interval_s
        power_kw = attack.share(time_s) * attack.power_kw
        found += [
            TimedOrder(
                time_s, PowerOrder(target.station, EVSE, target.transaction, power_kw, urgent=True)
            )
            for target in targets
        ]
    return found


def steepest_kw(power_kw: Sequence[float], ticks: int) -> float:
    """The greatest change of a fleet's power within so many ticks."""
    if ticks < 1 or len(power_kw) < 2:
        return 0.0
    return max(
        abs(later - power_kw[at])
        for at in range(len(power_kw) - 1)
        for later in power_kw[at + 1 : at + 1 + ticks]
    )


def reversals(power_kw: Sequence[float], least_kw: float) -> int:
    """How often a fleet's power turned round by at least so much: a swing that was let through."""
    if not power_kw:
        return 0
    turns, direction, extreme = 0, 0, power_kw[0]
    for now in power_kw:
        moved = now - extreme
        if direction * moved >= 0 and direction:
            extreme = now  # further the same way
        elif abs(moved) >= least_kw:
            turns += direction != 0
            direction, extreme = (1 if moved > 0 else -1), now
    return turns
