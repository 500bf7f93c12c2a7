"""Which of its charging profiles a station obeys at a moment, and what that asks of it.

Of each purpose the highest stack level counts that is valid and has a period now; a profile of the
transaction goes before a default one. A profile with `maxOfflineDuration` is not valid after so
long offline, and the next lower one takes its place. Powers here are those of OCPP, in watts and
positive for charging, until `Goal`, where they are turned to kilowatts into the grid.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from evergrid.core.units import W_PER_KW

DAY_S, WEEK_S = 86_400.0, 604_800.0
LIMITING = ("ChargingStationMaxProfile", "ChargingStationExternalConstraints", "LocalGeneration")


def seconds(stamp: str) -> float:
    """UTC seconds since 1970 of a time stamp of OCPP.

    Raises:
        ValueError: It is none, or has no zone.
    """
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"{stamp!r} has no time zone")
    return moment.timestamp()


def stamp(time_s: float) -> str:
    """The time stamp of UTC seconds since 1970, to the millisecond."""
    return f"{datetime.fromtimestamp(time_s, UTC).isoformat(timespec='milliseconds')[:-6]}Z"


class ChargingProfile(NamedTuple):
    """A charging profile as a station keeps it.

    Attributes:
        wire: As it was sent.
        evse: Outlet; 0 for the whole station.
        received_s: When, by the station's clock.
        updates: What dynamic updates have changed in its first period.
    """

    wire: dict[str, Any]
    evse: int
    received_s: float
    updates: Mapping[str, float | int] = MappingProxyType({})

    @property
    def number(self) -> int:
        """Its id."""
        return self.wire["id"]

    @property
    def stack_level(self) -> int:
        """The higher of two goes first."""
        return self.wire["stackLevel"]

    @property
    def purpose(self) -> str:
        """What it is for, in the words of OCPP."""
        return self.wire["chargingProfilePurpose"]

    @property
    def kind(self) -> str:
        """Absolute, Recurring, Relative or Dynamic."""
        return self.wire["chargingProfileKind"]

    @property
    def transaction(self) -> str | None:
        """The one that it is for; None for any."""
        return self.wire.get("transactionId")

    @property
    def schedule(self) -> dict[str, Any]:
        """Its first schedule; a driver's choice between several is not simulated."""
        return self.wire["chargingSchedule"][0]


class Moment(NamedTuple):
    """What the choice of a profile depends on.

    Attributes:
        now_s: By the station's clock.
        offline_since_s: Since when it is offline; None while it is connected.
        transaction: That runs; None for none.
        begun_s: When that began.
        priority: Whether the driver wants to charge now.
    """

    now_s: float
    offline_since_s: float | None = None
    transaction: str | None = None
    begun_s: float = 0.0
    priority: bool = False


def expired(profile: ChargingProfile, moment: Moment) -> bool:
    """Whether a station has been offline for longer than a profile allows."""
    longest = profile.wire.get("maxOfflineDuration")
    if longest is None or moment.offline_since_s is None:
        return False
    return moment.now_s - moment.offline_since_s >= longest


def valid(profile: ChargingProfile, moment: Moment) -> bool:
    """Whether a profile may be obeyed at a moment."""
    wire = profile.wire
    if "validFrom" in wire and moment.now_s < seconds(wire["validFrom"]):
        return False
    if "validTo" in wire and moment.now_s >= seconds(wire["validTo"]):
        return False
    if profile.transaction is not None and profile.transaction != moment.transaction:
        return False
    return not expired(profile, moment)


def period_of(profile: ChargingProfile, moment: Moment) -> dict[str, Any] | None:
    """The period of a profile that holds at a moment, with its updates; None where none does."""
    elapsed = _elapsed(profile, moment)
    if elapsed < 0 or elapsed >= profile.schedule.get("duration", math.inf):
        return None
    found = None
    for period in profile.schedule["chargingSchedulePeriod"]:
        if period["startPeriod"] > elapsed:
            break
        found = period
    return {**found, **profile.updates} if found is not None and profile.updates else found


def _elapsed(profile: ChargingProfile, moment: Moment) -> float:
    """Seconds since the schedule's begin; below 0 before it."""
    if profile.kind == "Relative":
        return moment.now_s - max(moment.begun_s, 0.0)
    given = profile.schedule.get("startSchedule")
    begin = profile.received_s if given is None else seconds(given)
    elapsed = moment.now_s - begin
    if profile.kind == "Recurring" and elapsed >= 0:
        return elapsed % (DAY_S if profile.wire.get("recurrencyKind") == "Daily" else WEEK_S)
    return elapsed


class Choice(NamedTuple):
    """A profile and its period that holds.

    Attributes:
        profile: The profile.
        period: In the words of OCPP.
    """

    profile: ChargingProfile
    period: dict[str, Any]


def highest(profiles: Iterable[ChargingProfile], purpose: str, moment: Moment) -> Choice | None:
    """The profile of a purpose that holds at a moment: the highest stack level with a period.

    Between equal levels that of an outlet goes before that of the station.
    """
    of_purpose = [profile for profile in profiles if profile.purpose == purpose]
    for profile in sorted(of_purpose, key=lambda p: (p.stack_level, p.evse), reverse=True):
        if valid(profile, moment) and (period := period_of(profile, moment)) is not None:
            return Choice(profile, period)
    return None


def chosen(profiles: Sequence[ChargingProfile], moment: Moment) -> Choice | None:
    """The profile that says what the vehicle does; None where none is valid, and it idles."""
    purposes = ["TxProfile", "TxDefaultProfile"]
    if moment.priority:
        purposes.insert(0, "PriorityCharging")
    for purpose in purposes:
        if found := highest(profiles, purpose, moment):
            return found
    return None


class Surroundings(NamedTuple):
    """What a profile's power may depend on besides time.

    Attributes:
        frequency_hz: Of the grid, where the station is.
        signal: Last AFRRSignal; None before the first.
        may_discharge: Whether the contract and the vehicle allow it.
        most_w: Greatest power that the charger draws.
        discharge_w: Greatest power that it feeds, 0 or more.
        phases: Of the charger.
        voltage_v: From phase to neutral, that amperes are counted with.
    """

    frequency_hz: float = 50.0
    signal: int | None = None
    may_discharge: bool = False
    most_w: float = 11_040.0
    discharge_w: float = 0.0
    phases: int = 3
    voltage_v: float = 230.0


class Goal(NamedTuple):
    """What a station means to do. Power is in kW, positive into the grid.

    Attributes:
        mode: In the words of OCPP.
        power_kw: That it goes for.
        low_kw: The most it may draw, 0 or less.
        high_kw: The most it may feed, 0 or more.
        reactive_kvar: Into the grid.
        profile: Id of the profile behind it; None for none.
    """

    mode: str
    power_kw: float
    low_kw: float
    high_kw: float
    reactive_kvar: float = 0.0
    profile: int | None = None


IDLE = Goal("Idle", 0.0, 0.0, 0.0)


def goal(profiles: Sequence[ChargingProfile], moment: Moment, around: Surroundings) -> Goal:
    """What the profiles of a station ask of it at a moment."""
    choice = chosen(profiles, moment)
    if choice is None:
        if not moment.priority:
            return IDLE
        # The driver wants to charge now and nobody has said how: at the charger's rating.
        most = limited_w(profiles, moment, around)
        return Goal("ChargingOnly", -most / W_PER_KW, -most / W_PER_KW, 0.0)
    if moment.priority and choice.profile.purpose != "PriorityCharging":
        choice = Choice(choice.profile, {"startPeriod": 0, "limit": around.most_w})
    return _of_period(choice, limited_w(profiles, moment, around), around)


def limited_w(profiles: Sequence[ChargingProfile], moment: Moment, around: Surroundings) -> float:
    """The most that may be drawn by the rating and by limits of the whole station."""
    most = around.most_w
    for purpose in LIMITING:
        found = highest(profiles, purpose, moment)
        if found is not None and "limit" in found.period:
            unit = unit_w(found.profile, found.period, around)
            most = min(most, max(sum_of(found.period, "limit", unit), 0.0))
    return most


def unit_w(profile: ChargingProfile, period: dict[str, Any], around: Surroundings) -> float:
    """Watts of one unit of a profile's power: 1, or those of an ampere on its phases."""
    if profile.schedule["chargingRateUnit"] == "W":
        return 1.0
    of_period = period.get("numberPhases", around.phases)
    return float(around.voltage_v * min(of_period, around.phases))


def sum_of(period: dict[str, Any], name: str, unit: float) -> float:
    """A power of a period in watts, all phases together."""
    by_phase = [period[f"{name}_{phase}"] for phase in ("L2", "L3") if f"{name}_{phase}" in period]
    return float((period[name] + sum(by_phase)) * unit)


def _of_period(choice: Choice, most_w: float, around: Surroundings) -> Goal:
    profile, period = choice
    unit = unit_w(profile, period, around)
    mode = period.get("operationMode", "ChargingOnly")
    limit = min(sum_of(period, "limit", unit), most_w) if "limit" in period else most_w
    feed = around.discharge_w if around.may_discharge else 0.0
    if "dischargeLimit" in period:
        feed = min(feed, -sum_of(period, "dischargeLimit", unit))
    if mode == "ChargingOnly":
        wanted, feed = limit, 0.0
    elif mode in ("CentralSetpoint", "CentralFrequency", "LocalFrequency"):
        wanted = _wanted_w(mode, period, unit, around)
    else:
        return Goal(mode, 0.0, 0.0, 0.0, profile=profile.number)
    reactive = 0.0
    if "setpointReactive" in period:
        # Positive is inductive in OCPP: taken from the grid.
        reactive = -sum_of(period, "setpointReactive", unit) / W_PER_KW
    wanted = min(max(wanted, -feed), max(limit, 0.0))
    return Goal(
        mode,
        -wanted / W_PER_KW,
        -max(limit, 0.0) / W_PER_KW,
        feed / W_PER_KW,
        reactive,
        profile.number,
    )


def _wanted_w(mode: str, period: dict[str, Any], unit: float, around: Surroundings) -> float:
    """Power of a mode with a set-point, positive for charging."""
    base = float(period.get("v2xBaseline", 0.0) * unit)
    if mode == "LocalFrequency":
        points = [
            (float(p["frequency"]), float(p["power"] * unit)) for p in period["v2xFreqWattCurve"]
        ]
        return base + on_curve(points, around.frequency_hz)
    if mode == "CentralFrequency" and "v2xSignalWattCurve" in period and around.signal is not None:
        points = [
            (float(p["signal"]), float(p["power"] * unit)) for p in period["v2xSignalWattCurve"]
        ]
        return base + on_curve(points, float(around.signal))
    return sum_of(period, "setpoint", unit)


def on_curve(points: Sequence[tuple[float, float]], x: float) -> float:
    """The value of a curve of straight lines, level beyond its ends."""
    ordered = sorted(points)
    if x <= ordered[0][0]:
        return ordered[0][1]
    for (x0, y0), (x1, y1) in pairwise(ordered):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1
    return ordered[-1][1]


def may_feed(profile: ChargingProfile) -> bool:
    """Whether a profile may let a vehicle feed the grid."""
    modes = ("CentralSetpoint", "CentralFrequency", "LocalFrequency")
    return any(
        period.get("operationMode") in modes and period.get("dischargeLimit", -1.0) < 0
        for period in profile.schedule["chargingSchedulePeriod"]
    )


def next_change_s(profiles: Sequence[ChargingProfile], moment: Moment) -> float:
    """The next moment at which the choice may change by time alone; infinite for never."""
    moments = [math.inf]
    for profile in profiles:
        wire = profile.wire
        moments += [seconds(wire[name]) for name in ("validFrom", "validTo") if name in wire]
        if "maxOfflineDuration" in wire and moment.offline_since_s is not None:
            moments.append(moment.offline_since_s + wire["maxOfflineDuration"])
        elapsed = _elapsed(profile, moment)
        edges = [period["startPeriod"] for period in profile.schedule["chargingSchedulePeriod"]]
        edges.append(profile.schedule.get("duration", math.inf))
        if profile.kind == "Recurring" and elapsed >= 0:
            edges.append(DAY_S if wire.get("recurrencyKind") == "Daily" else WEEK_S)
        moments += [moment.now_s + edge - elapsed for edge in edges]
    return float(min(found for found in moments if found > moment.now_s + 1e-6))


def composite(
    profiles: Sequence[ChargingProfile],
    moment: Moment,
    around: Surroundings,
    duration_s: int,
    unit: str,
) -> list[dict[str, Any]]:
    """Periods, in the words of OCPP, of what the profiles ask for from a moment on."""
    periods: list[dict[str, Any]] = []
    share = W_PER_KW if unit == "W" else W_PER_KW / (around.voltage_v * around.phases)
    at = moment
    while at.now_s < moment.now_s + duration_s and len(periods) < 1024:
        aim = goal(profiles, at, around)
        period = {
            "startPeriod": max(round(at.now_s - moment.now_s), 0),
            "operationMode": aim.mode,
            "limit": -aim.low_kw * share,
            "numberPhases": around.phases,
        }
        if aim.mode not in ("ChargingOnly", "Idle"):
            period |= {"setpoint": -aim.power_kw * share, "dischargeLimit": -aim.high_kw * share}
        periods.append(period)
        later = next_change_s(profiles, at)
        if math.isinf(later):
            break
        at = at._replace(now_s=later)
    return periods
