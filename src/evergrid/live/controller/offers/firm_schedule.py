"""What past days vouch for, hour by hour of today and tomorrow: as a firm capacity study finds it.

Everything here is pure and can be sent to another process.
"""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.local_time import local_from_utc
from evergrid.core.timegrid import zone
from evergrid.core.units import S_PER_H
from evergrid.fleet.firm_capacity import day_ahead
from evergrid.fleet.firm_capacity.risk_control import days_needed
from evergrid.fleet.history.day_kind import ODD
from evergrid.fleet.history.past_days import History, Product, history
from evergrid.inputs.regulation import BLOCK_H
from evergrid.live.config import OfferRules
from evergrid.live.controller.offers.past_stays import StayTable

JUDGED_SHARE = 0.5  # of the record, as in the study
TOMORROW = 2  # days from the present one on that are promised for
LONGEST_COMING = 28  # days, as in the study: beyond them nothing is promised from older ones
SECOND_US = 1_000_000
PRODUCT = Product("around_plan", BLOCK_H, BLOCK_H)  # a signal is followed around the plan


@dataclass(frozen=True)
class FirmRequest:
    """What promises are made from.

    Attributes:
        stays: Of the past.
        rules: How sure promises are, and from which days.
        efficiency: One way, between cells and plug.
        time_zone: Of the local clock.
        now_s: UTC seconds since 1970.
    """

    stays: StayTable
    rules: OfferRules
    efficiency: float
    time_zone: str
    now_s: float


@dataclass(frozen=True)
class FirmPromise:
    """What past days vouch for in an hour.

    Attributes:
        power_kw: Either way around the plan.
        confidence: Share of such promises that is kept.
        history_days: Days of record that it rests on.
    """

    power_kw: float
    confidence: float
    history_days: int


@dataclass(frozen=True)
class FirmSchedule:
    """Promises for the hours ahead.

    Attributes:
        confidence: Share of promises that is kept.
        begin_s: Begin of each hour, UTC seconds since 1970.
        power_kw: Promise of each, either way around the plan.
        able: Hours for which there were days enough; holidays are, and nothing is promised then.
        history_days: Days of record.
        lacking: Why there is no promise, "" where there is one.
    """

    confidence: float
    begin_s: Float[Array, " hour"] = field(default_factory=lambda: np.zeros(0))
    power_kw: Float[Array, " hour"] = field(default_factory=lambda: np.zeros(0))
    able: Bool[Array, " hour"] = field(default_factory=lambda: np.zeros(0, np.bool_))
    history_days: int = 0
    lacking: str = ""

    def at(self, wall_s: float) -> FirmPromise | None:
        """The promise of the hour of a moment; None where there is none."""
        hour = int(np.searchsorted(self.begin_s, wall_s + 1e-6, side="right")) - 1
        within = hour >= 0 and wall_s < self.begin_s[hour] + S_PER_H
        if not within or not self.able[hour]:
            return None
        return FirmPromise(float(self.power_kw[hour]), self.confidence, self.history_days)


def schedule(asked: FirmRequest) -> FirmSchedule:
    """Promises for today and tomorrow; none, with the reason, where days are too few."""
    rules, days = asked.rules, 0
    try:
        if len(asked.stays) == 0:
            return FirmSchedule(rules.confidence, lacking="no vehicle has left yet")
        sessions, stated_utc = asked.stays.sessions(asked.efficiency)
        record = history(
            sessions,
            asked.time_zone,
            PRODUCT,
            stated_utc=stated_utc,
            gaps=rules.gaps,
            holidays=rules.days_off(),
        )
        days = int(record.known.sum())
        return _promised(record, asked, days)
    except InputError as error:
        return FirmSchedule(rules.confidence, history_days=days, lacking=str(error))


def _promised(record: History, asked: FirmRequest, known: int) -> FirmSchedule:
    """Promises from a record, by hours of UTC.

    Raises:
        InputError: Too few days to tell one from another.
    """
    rules, of_zone = asked.rules, zone(asked.time_zone)
    now = np.datetime64(round(asked.now_s * SECOND_US), "us")
    today = local_from_utc(np.array([now]), of_zone).astype("datetime64[D]")[0]
    coming = int((today - record.days[-1]).astype(np.int64)) + TOMORROW - 1
    if not TOMORROW <= coming <= LONGEST_COMING:
        text = f"the last day of the record is {record.days[-1]}"
        return FirmSchedule(rules.confidence, history_days=known, lacking=text)
    days = np.append(record.days, record.days[-1] + 1 + np.arange(coming))
    past = day_ahead.past_of(record, days, rules.days_off(), None, JUDGED_SHARE)
    made = day_ahead.coming_promises(past, (rules.confidence,), proven=rules.guarantee == "proven")
    odd = past.kinds.group[len(record.days) :] == ODD
    able, power_kw = made.able[0] | odd, made.power_kw[0]
    lacking = ""
    if not able[-TOMORROW:].any():
        least = days_needed(rules.confidence)
        lacking = f"{known} days of record are too few for {rules.confidence:g}"
        lacking += f", which needs {least} that were forecast" if known < 2 * least else ""
    begin_s, day, step = _hours(asked.now_s, days[len(record.days) :], record.steps, asked)
    # Where hours of the local clock begin between those of UTC, the lesser of both counts.
    return FirmSchedule(
        rules.confidence,
        begin_s,
        power_kw[day, step].min(axis=0),
        able[day].all(axis=0),
        known,
        lacking,
    )


def _hours(
    now_s: float, days: Shaped[Array, " coming"], steps: int, asked: FirmRequest
) -> tuple[Float[Array, " hour"], Shaped[Array, "edge hour"], Shaped[Array, "edge hour"]]:
    """Hours of UTC from now on, with day and step of the local clock at begin and end of each."""
    first_s = now_s - now_s % S_PER_H
    begin_s = first_s + S_PER_H * np.arange(TOMORROW * 25)
    edges = np.stack([begin_s, begin_s + S_PER_H - 1.0])
    local = local_from_utc(
        np.round(edges * SECOND_US).astype(np.int64).astype("datetime64[us]"),
        zone(asked.time_zone),
    )
    date = local.astype("datetime64[D]")
    day = (date - days[0]).astype(np.int64)
    step = ((local - date) // (np.timedelta64(24, "h") // steps)).astype(np.int64)
    inside = ((day >= 0) & (day < len(days))).all(axis=0)
    return begin_s[inside], day[:, inside], step[:, inside]
