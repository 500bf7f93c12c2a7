"""A real record of the frequency played against parked vehicles, which do not change it.

At the begin of each block the award is dealt out by what each vehicle can hold that stays through
it. From then on each answers by itself to the frequency at its plug. A promise goes before an
order: a vehicle that would else leave with less than it is owed charges at full power.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.model.session import Sessions
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.resilience.frequency.parked import Chargers, Due, parked, parts_kw, spread
from evergrid.resilience.frequency.response import Control

HOUR = np.timedelta64(1, "h")
HOLD_S = 10.0  # for which the last reading stands in for those that do not come
PROMISE, BATTERY = range(2)  # why a vehicle gives less than its part
CAUSES = ("promise", "battery")
AT_ONCE = 1e6  # of a part, in a tick, by which a power without a ramp may move


@dataclass(frozen=True)
class Award:
    """What is promised of what the vehicles can hold.

    Attributes:
        share: Of what they can hold at the begin of each block.
        block_h: Length of a block.
        hours: For which all of it must last.
        up: Whether power is added when the frequency is low.
        down: Whether it is taken away when the frequency is high.
        most_mw: The award at most.

    Raises:
        InputError: Every number out of range.
    """

    share: float
    block_h: float
    hours: float
    up: bool
    down: bool
    most_mw: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "award")
        faults = []
        for name, most in (("share", 1.0), ("block_h", 24.0), ("hours", 24.0), ("most_mw", np.inf)):
            if not 0 < (value := getattr(self, name)) <= most:
                faults.append(Fault(name, f"be above 0 and at most {most:g}", (value,)))
        raise_if_any("award", faults)


@dataclass(frozen=True)
class Playback:
    """What the vehicles did, tick by tick and each.

    Attributes:
        record: The part of the record that was played.
        ended: Why it ends there: "record", "disconnected" (the frequency left the range in which
            chargers stay connected) or "dead" (the bus lost its voltage).
        share: Of the award that is due; 0 where no reading stands.
        award_kw: In force.
        due_kw: Award times share.
        delivered_kw: Power beside what the vehicles would draw without an order.
        base_kw: What they would draw, into the grid.
        missing_kw: Of what is due, by cause; what is left is rounding and following.
        plugged: Vehicles that are there.
        up_kw: Greatest part of an award that each session had, up.
        down_kw: The same, down.
        fed_kwh: Energy that it added.
        taken_kwh: Energy that it took away.
        cut_s: Time in which its promise cut its answer.
        cut_kwh: Energy that its promise cut.
        energy_kwh: In the cells at the end, or at departure.
        shortfall_kwh: Missing at departure; 0 for those that stay on.
    """

    record: FrequencyRecord
    ended: str
    share: Float[Array, " tick"]
    award_kw: Float[Array, " tick"]
    due_kw: Float[Array, " tick"]
    delivered_kw: Float[Array, " tick"]
    base_kw: Float[Array, " tick"]
    missing_kw: Float[Array, "cause tick"]
    plugged: Int[Array, " tick"]
    up_kw: Float[Array, " session"]
    down_kw: Float[Array, " session"]
    fed_kwh: Float[Array, " session"]
    taken_kwh: Float[Array, " session"]
    cut_s: Float[Array, " session"]
    cut_kwh: Float[Array, " session"]
    energy_kwh: Float[Array, " session"]
    shortfall_kwh: Float[Array, " session"]

    @property
    def energy_due_mwh(self) -> Float[Array, " tick"]:
        """Energy that was due by the end of each tick, less what was to be taken."""
        return np.cumsum(self.due_kw) * self.record.tick_s / S_PER_H / 1000.0

    @property
    def energy_delivered_mwh(self) -> Float[Array, " tick"]:
        """Energy delivered by the end of each tick, less what was taken."""
        return np.cumsum(self.delivered_kw) * self.record.tick_s / S_PER_H / 1000.0


def play(
    record: FrequencyRecord,
    sessions: Sessions,
    chargers: Chargers,
    due: Due,
    award: Award,
    control: Control,
    *,
    connected_hz: tuple[float, float],
) -> Playback:
    """Play a record against the sessions, until it ends or means nothing any more.

    Vehicles measure once a tick. The last reading stands for those that do not come, for ten
    seconds; then vehicles go back to what they would do without an order.

    Args:
        record: The frequency, which is as it is.
        sessions: Who is plugged in when.
        chargers: Of each session.
        due: Share of the award that is due at deviations.
        award: What is promised.
        control: How chargers follow; ``look_s`` is not used, as the record has ticks.
        connected_hz: Range of frequencies in which chargers stay connected.

    Raises:
        InputError: A record whose first reading is already outside that range.
    """
    stop, ended = _end(record, connected_hz)
    if stop == 0:
        rule = f"begin within {connected_hz[0]:g} to {connected_hz[1]:g} Hz on a bus with voltage"
        got = (float(record.frequency_hz[0]),)
        raise_if_any("frequency", [Fault("frequency_hz", rule, got)])
    played = record.part(0, stop)
    share = _orders(played, due, control.delay_s)
    run = _Run(played, sessions, chargers, award, control)
    rows = [run.tick(tick, float(share[tick])) for tick in range(stop)]
    columns = np.array(rows).T
    return Playback(
        played,
        ended,
        share,
        columns[0],
        columns[0] * share,
        columns[1],
        columns[2],
        columns[4:],
        columns[3].astype(np.int64),
        run.up_kw,
        run.down_kw,
        run.fed_kwh,
        run.taken_kwh,
        run.cut_s,
        run.cut_kwh,
        run.energy_kwh,
        run.shortfall_kwh(played.times[-1]),
    )


def _end(record: FrequencyRecord, connected_hz: tuple[float, float]) -> tuple[int, str]:
    """Ticks that are played, and why no more."""
    alive = record.frequency_hz[: record.alive]
    out = np.flatnonzero((alive < connected_hz[0]) | (alive > connected_hz[1]))
    if len(out):
        return int(out[0]), "disconnected"
    return record.alive, "record" if record.alive == len(record) else "dead"


def _orders(record: FrequencyRecord, due: Due, delay_s: float) -> Float[Array, " tick"]:
    """Share that is due at each tick by the reading of a delay before."""
    known = np.isfinite(record.frequency_hz)
    last = np.maximum.accumulate(np.where(known, np.arange(len(record)), -1))
    since_s = (np.arange(len(record)) - last) * record.tick_s
    stands = (last >= 0) & (since_s <= HOLD_S)
    share = np.where(stands, due(record.deviation_hz[np.maximum(last, 0)]), 0.0)
    late = int(np.ceil(delay_s / record.tick_s - 1e-9))
    late = late if delay_s >= record.tick_s else 0  # within a tick it is part of the following
    return np.concatenate([np.zeros(late), share])[: len(record)]


class _Run:
    """A playback under way."""

    def __init__(
        self,
        record: FrequencyRecord,
        sessions: Sessions,
        chargers: Chargers,
        award: Award,
        control: Control,
    ) -> None:
        self.record, self.sessions, self.chargers, self.award = record, sessions, chargers, award
        self.tick_h = record.tick_s / S_PER_H
        self.times = record.times
        self.follow = 1.0 - np.exp(-record.tick_s / control.lag_s)
        self.ramp = record.tick_s / control.full_s if control.full_s > 0 else AT_ONCE
        count = len(sessions)
        self.into = chargers.charge_kw * sessions.efficiency_charge
        self.owed = np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh)
        before_h = np.maximum((self.times[0] - sessions.arrival_utc) / HOUR, 0.0)
        self.energy_kwh = np.minimum(sessions.energy_arrival_kwh + self.into * before_h, self.owed)
        self.charged_h = np.zeros(count)  # until when each charges without an order
        self.part_up, self.part_down, self.response = (np.zeros(count) for _ in range(3))
        self.up_kw, self.down_kw, self.fed_kwh, self.taken_kwh = (np.zeros(count) for _ in range(4))
        self.cut_s, self.cut_kwh = np.zeros(count), np.zeros(count)
        self.block_end_h, self.award_kw, self.block, self.spread = 0.0, 0.0, 0, control.spread

    def begin_block(self, now_h: float, moment: np.datetime64) -> None:
        """What each does without an order from now on, and its part of the award."""
        begin_h = np.maximum((self.sessions.arrival_utc - self.times[0]) / HOUR, now_h)
        lacking = np.maximum(self.owed - self.energy_kwh, 0.0)
        hours = np.divide(lacking, self.into, out=np.zeros_like(lacking), where=self.into > 0)
        self.charged_h = begin_h + hours
        award, count = self.award, len(self.sessions)
        there = parked(
            self.sessions,
            self.chargers,
            moment,
            award.hours,
            self.energy_kwh,
            stay_h=award.block_h,
        )
        most = award.share * there.most_mw(up=award.up, down=award.down)
        self.award_kw = 1000.0 * min(most, award.most_mw)
        up, down = parts_kw(there, self.award_kw / 1000.0)
        self.part_up, self.part_down = np.zeros(count), np.zeros(count)
        self.part_up[there.row], self.part_down[there.row] = up, down
        if self.spread:
            (answering,) = np.nonzero(self.part_up + self.part_down)
            self.chargers = spread(self.chargers, answering, self.block)
        self.block += 1
        np.maximum(self.up_kw, self.part_up, out=self.up_kw)
        np.maximum(self.down_kw, self.part_down, out=self.down_kw)

    def tick(self, tick: int, share: float) -> tuple[float, ...]:
        """One tick: award, delivered and planned power, vehicles there, missing by cause."""
        moment, now_h = self.times[tick], tick * self.tick_h
        if now_h >= self.block_end_h - 1e-9:
            self.begin_block(now_h, moment)
            self.block_end_h += self.award.block_h
        sessions, chargers = self.sessions, self.chargers
        there = (sessions.arrival_utc <= moment) & (sessions.departure_utc > moment)
        left_h = (sessions.departure_utc - moment) / HOUR
        base = np.where(there & (now_h < self.charged_h), -chargers.charge_kw, 0.0)
        part = (self.part_up if share > 0 else self.part_down) * share
        asked = np.where(there, chargers.settable(base + part), 0.0)
        battery = self._within_battery(asked)
        must = self._must_charge(left_h) & there
        told = np.where(must, -chargers.charge_kw, battery)
        missing = self._missing(part, share, there, asked, battery, told)
        self.cut_s += np.where(missing[PROMISE] > 0, self.record.tick_s, 0.0)
        self.cut_kwh += missing[PROMISE] * self.tick_h
        power = self._follow(base, told, there)
        self._count(power, base, np.minimum(np.maximum(left_h, 0.0), self.tick_h))
        delivered = float((power - base).sum())
        lacking = missing.sum(axis=1)
        return (self.award_kw, delivered, float(base.sum()), float(there.sum()), *lacking)

    def _within_battery(self, asked: Float[Array, " session"]) -> Float[Array, " session"]:
        """Nothing out of a battery at its reserve, nothing into a full one."""
        empty = self.energy_kwh <= self.sessions.energy_reserve_kwh
        full = self.energy_kwh >= self.sessions.capacity_kwh
        kept = np.where(empty, np.minimum(asked, 0.0), asked)
        return np.where(full, np.maximum(kept, 0.0), kept)

    def _must_charge(self, left_h: Float[Array, " session"]) -> Array:
        """Whether a vehicle reaches what it is owed only by charging from now on."""
        wanted = self.sessions.energy_departure_kwh
        after = self.energy_kwh + self.into * (left_h - 2.0 * self.tick_h)  # a tick to turn round
        return (after <= wanted) & (self.energy_kwh < wanted - 1e-9)

    def _missing(
        self,
        part: Float[Array, " session"],
        share: float,
        there: Array,
        asked: Float[Array, " session"],
        battery: Float[Array, " session"],
        told: Float[Array, " session"],
    ) -> Float[Array, "cause session"]:
        """What each gives less than its part, by cause; what helps is not counted against it."""
        if share == 0.0:
            return np.zeros((len(CAUSES), len(part)))
        way = np.sign(share)
        mine = there & (part != 0.0)
        return np.stack(
            [
                np.where(mine, np.maximum((battery - told) * way, 0.0), 0.0),
                np.where(mine, np.maximum((asked - battery) * way, 0.0), 0.0),
            ]
        )

    def _follow(
        self, base: Float[Array, " session"], told: Float[Array, " session"], there: Array
    ) -> Float[Array, " session"]:
        """Power after a tick, on the way to what was told."""
        move = self.follow * (told - base - self.response)
        most = self.ramp * np.maximum(self.part_up, self.part_down)
        whole = np.maximum(most, self.chargers.step_kw)
        self.response = np.where(there, self.response + np.clip(move, -whole, whole), 0.0)
        power = base + self.response
        limit = self.chargers
        return np.where(there, np.clip(power, -limit.charge_kw, limit.discharge_kw), 0.0)

    def _count(
        self,
        power: Float[Array, " session"],
        base: Float[Array, " session"],
        hours: Float[Array, " session"],
    ) -> None:
        """Energy of a tick, or of what a session has left of it."""
        sessions = self.sessions
        out = np.where(power > 0, power / sessions.efficiency_discharge, 0.0)
        into = np.where(power < 0, -power * sessions.efficiency_charge, 0.0)
        energy = self.energy_kwh + (into - out) * hours
        self.energy_kwh = np.clip(energy, 0.0, np.maximum(sessions.capacity_kwh, self.energy_kwh))
        beside = (power - base) * hours
        self.fed_kwh += np.maximum(beside, 0.0)
        self.taken_kwh += np.maximum(-beside, 0.0)

    def shortfall_kwh(self, end: np.datetime64) -> Float[Array, " session"]:
        """Missing at departure, of those that have left."""
        gone = self.sessions.departure_utc <= end
        lacking = np.maximum(self.sessions.energy_departure_kwh - self.energy_kwh, 0.0)
        return np.where(gone, lacking, 0.0)
