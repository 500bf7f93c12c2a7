"""What really happened at simulated stations, which no meter and no message can hide."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import final

from evergrid.core.units import S_PER_H
from evergrid.live.twin.charging.battery import Piece
from evergrid.live.twin.feeder_voltage import VoltageRange

ROUNDING_KWH = 1e-6
SHORT_KWH = 0.05  # of what was owed that nobody misses
EXAMPLES = 20  # of broken rules, kept in full


@dataclass(frozen=True)
class Departure:
    """A vehicle that has left.

    Attributes:
        station: Where it was.
        stay: Its name.
        token: Of the driver.
        left_s: When, UTC seconds since 1970.
        early_s: By how much before it had said.
        energy_kwh: In the cells.
        owed_kwh: As the driver had asked.
        reserve_kwh: That discharging had to leave.
        least_kwh: Least energy that was in the cells.
        drawn_kwh: From the grid.
        fed_kwh: Into it.
        reachable_kwh: Most energy that uncontrolled charging had given it in the same time.
    """

    station: str
    stay: str
    token: str
    left_s: float
    early_s: float
    energy_kwh: float
    owed_kwh: float
    reserve_kwh: float
    least_kwh: float
    drawn_kwh: float
    fed_kwh: float
    reachable_kwh: float

    @property
    def missing_kwh(self) -> float:
        """To what was owed, as far as it could be reached at all."""
        return max(min(self.owed_kwh, self.reachable_kwh) - self.energy_kwh, 0.0)


@dataclass
class StationRecord:
    """What one station counts. It is added to while the station runs.

    Attributes:
        received: Calls of the central system, by action.
        sent: Calls of the station, by action.
        broken: Messages of the central system that broke a rule, by action and rule.
        examples: The first of them, in words.
        errors: Calls of the station that were answered with an error, by action and code.
        orders: Orders of power that were accepted.
        obeyed: Of those, that power then was as ordered.
        limited: Of those, that the vehicle did not take, as it was full or at its reserve.
        replaced: Of those, that a newer order or a change of plan came before power was there.
        disobeyed: Of those, the rest.
        unsupervised: Profiles for discharging without `maxOfflineDuration`.
        without_fallback: Profiles for discharging when no lower one was valid.
        without_begin: Dynamic profiles without `startSchedule`, which some stations reject.
        begins_later: Dynamic profiles that begin later by the station's clock: their orders wait.
        plan_delays_s: From NotifyEVChargingNeeds to the first TxProfile.
        no_plan: Times that none came within 60 s.
        turned_away: Drivers whose card was not accepted.
        connections: That were opened.
        refused: Connections that were turned away, or found nobody.
        own_faults: Messages of the station itself that broke their schema, as a strict one looks.
        departures: Vehicles that left.
    """

    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    obeyed: int = 0
    limited: int = 0
    replaced: int = 0
    disobeyed: int = 0
    unsupervised: int = 0
    without_fallback: int = 0
    without_begin: int = 0
    begins_later: int = 0
    plan_delays_s: list[float] = field(default_factory=list)
    no_plan: int = 0
    turned_away: int = 0
    connections: int = 0
    refused: int = 0
    own_faults: list[str] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)

    def break_rule(self, action: str, rule: str, example: str) -> None:
        """A message of the central system broke a rule."""
        self.broken[f"{action}: {rule}"] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{action}: {rule}: {example[:400]}")


@final
class PowerLog:
    """Power of many stations, tick by tick, from pieces of constant power in any order.

    Args:
        begin_s: Of the first tick, by the clock that never goes back.
        tick_s: Length of a tick.
        ticks: How many; what comes later is left out.
    """

    def __init__(self, begin_s: float, tick_s: float, ticks: int) -> None:
        self._begin_s, self.tick_s, self._ticks = begin_s, tick_s, ticks
        self._part_kws = array("d", bytes(8 * ticks))  # kW s of pieces that begin or end inside
        self._whole = array("d", bytes(8 * (ticks + 1)))  # changes of kW that hold for whole ticks

    def add(self, piece: Piece) -> None:
        """Count a piece of constant power."""
        begin = (piece.begin_s - self._begin_s) / self.tick_s
        end = min((piece.end_s - self._begin_s) / self.tick_s, self._ticks)
        begin = max(begin, 0.0)
        if end <= begin:
            return
        first, last = math.floor(begin), math.floor(end)
        if first == last:
            self._part_kws[first] += piece.power_kw * (end - begin)
            return
        self._part_kws[first] += piece.power_kw * (first + 1 - begin)
        if last < self._ticks:
            self._part_kws[last] += piece.power_kw * (end - last)
        self._whole[first + 1] += piece.power_kw
        self._whole[last] -= piece.power_kw

    def mean_kw(self) -> list[float]:
        """Mean power into the grid of each tick."""
        found, level = [], 0.0
        for tick in range(self._ticks):
            level += self._whole[tick]
            found.append(level + self._part_kws[tick])
        return found


@dataclass(frozen=True)
class FleetTruth:
    """What happened at all stations until now.

    Attributes:
        begin_s: Of the first tick, UTC seconds since 1970.
        tick_s: Length of a tick.
        power_kw: Mean power into the grid of each tick.
        departures: Vehicles that left, in order of time.
        plugged: Vehicles that are plugged in now.
        stored_kwh: In their cells.
        dropped: Messages that no queue could keep.
        counts: What all stations counted, together.
        station_beyond_kw: Most by which a station passed what its outlets together may have.
        voltage: That the stations had; None where they share no wires.
    """

    begin_s: float
    tick_s: float
    power_kw: tuple[float, ...]
    departures: tuple[Departure, ...]
    plugged: int
    stored_kwh: float
    dropped: int
    counts: StationRecord
    station_beyond_kw: float = 0.0
    voltage: VoltageRange | None = None

    @property
    def energy_kwh(self) -> float:
        """Into the grid, of all ticks."""
        return sum(self.power_kw) * self.tick_s / S_PER_H

    @property
    def violations(self) -> int:
        """Messages of the central system that broke a rule."""
        return sum(self.counts.broken.values())

    @property
    def slowest_plan_s(self) -> float | None:
        """From needs to the first plan; None before the first."""
        return max(self.counts.plan_delays_s, default=None)

    @property
    def short_departures(self) -> int:
        """Vehicles that stayed as they had said and left with less than was owed."""
        stayed = (left for left in self.departures if left.early_s <= 0)
        return sum(left.missing_kwh > SHORT_KWH for left in stayed)

    @property
    def reserve_crossings(self) -> int:
        """Vehicles that were ever discharged below their reserve."""
        return sum(
            left.fed_kwh > 0 and left.least_kwh < left.reserve_kwh - ROUNDING_KWH
            for left in self.departures
        )


def summary(truth: FleetTruth) -> dict[str, float | int | None]:
    """The headline numbers of a simulation, for people and machines."""
    counts = truth.counts
    return {
        "energy_kwh": truth.energy_kwh,
        "departures": len(truth.departures),
        "short_departures": truth.short_departures,
        "missing_kwh": sum(left.missing_kwh for left in truth.departures if left.early_s <= 0),
        "reserve_crossings": truth.reserve_crossings,
        "orders": counts.orders,
        "obeyed": counts.obeyed,
        "limited_by_vehicle": counts.limited,
        "replaced": counts.replaced,
        "disobeyed": counts.disobeyed,
        "messages_received": sum(counts.received.values()),
        "messages_sent": sum(counts.sent.values()),
        "messages_dropped": truth.dropped,
        "rule_violations": truth.violations,
        "answered_with_error": sum(counts.errors.values()),
        "discharge_unsupervised": counts.unsupervised,
        "discharge_without_fallback": counts.without_fallback,
        "orders_begin_later": counts.begins_later,
        "slowest_plan_s": truth.slowest_plan_s,
        "needs_without_plan": counts.no_plan,
        "turned_away": counts.turned_away,
        "connections": counts.connections,
        "connections_refused": counts.refused,
    }


def together(records: Sequence[StationRecord]) -> StationRecord:
    """What several stations counted."""
    both = StationRecord()
    for record in records:
        for one in fields(StationRecord):
            mine, theirs = getattr(both, one.name), getattr(record, one.name)
            setattr(both, one.name, mine + theirs)
    both.examples = both.examples[:EXAMPLES]
    both.departures = sorted(both.departures, key=lambda left: (left.left_s, left.station))
    return both
