"""What single vehicles do to the wires on single days, taken from plug-in sessions.

A profile is the power of one vehicle over one local day, into the grid. It goes on into the next
day where a stay does, and that part stands at the beginning, so that a day joins onto itself.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.local_time import local_from_utc
from evergrid.core.timegrid import zone
from evergrid.model.session import Sessions

Behaviour = Literal["charge", "charge_evenly", "feed"]

DAY_H = 24.0
HOUR = np.timedelta64(1, "h")
DAYS_ON = 2  # a stay is followed this many days beyond its own


@dataclass(frozen=True)
class Call:
    """When vehicles are called to feed the grid, every day.

    Attributes:
        start_h: Local time of the day at which a call begins, hours.
        duration_h: How long it lasts.
    """

    start_h: float = 18.0
    duration_h: float = 2.0

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.start_h < DAY_H:
            faults.append(Fault("start_h", "lie in [0, 24)", (self.start_h,)))
        if not 0 < self.duration_h <= DAY_H:
            faults.append(Fault("duration_h", "lie in (0, 24]", (self.duration_h,)))
        raise_if_any("call", faults)


@dataclass(frozen=True)
class VehicleDays:
    """Some vehicles on some of their days, with the stays that begin on them.

    Attributes:
        day: Which vehicle-day each stay belongs to.
        count: How many vehicle-days there are, those without a stay included.
        sessions: Where stays come from.
        row: Session of each stay; one may be drawn several times.
        arrival_h: Arrival of each stay after the local midnight of its day.
    """

    day: Int[Array, " stay"]
    count: int
    sessions: Sessions
    row: Int[Array, " stay"]
    arrival_h: Float[Array, " stay"]


def vehicle_days(sessions: Sessions, time_zone: str, *, count: int, seed: int) -> VehicleDays:
    """Vehicles and days drawn at random, idle days of a vehicle among them.

    A vehicle's days reach from its first arrival to its last, so a vehicle that is known by a
    single session has no idle day.

    Args:
        sessions: Sessions, of vehicles and not of stationary batteries.
        time_zone: Clock that days are counted by.
        count: Vehicle-days to draw, with replacement.
        seed: Of the draws.

    Raises:
        InputError: No session.
    """
    if len(sessions) == 0:
        raise InputError("sessions", [Fault("sessions", "be at least one")])
    local = local_from_utc(sessions.arrival_utc, zone(time_zone))
    date = local.astype("datetime64[D]")
    _, vehicle = np.unique(sessions.asset_id.astype(str), return_inverse=True)
    number = date.astype(np.int64)
    first = np.full(vehicle.max() + 1, np.iinfo(np.int64).max)
    last = np.full(len(first), np.iinfo(np.int64).min)
    np.minimum.at(first, vehicle, number)
    np.maximum.at(last, vehicle, number)
    random = np.random.default_rng(seed)
    owner = random.integers(len(first), size=count)
    chosen = random.integers(first[owner], last[owner] + 1)
    order = np.lexsort((number, vehicle))
    span = last.max() - first.min() + 1
    key = vehicle[order] * span + number[order] - first.min()
    wanted = owner * span + chosen - first.min()
    begin, end = np.searchsorted(key, wanted, "left"), np.searchsorted(key, wanted, "right")
    rows = np.concatenate([order[b:e] for b, e in zip(begin, end, strict=True)])
    day = np.repeat(np.arange(count), end - begin)
    arrival_h = (local - date.astype(local.dtype)) / HOUR
    return VehicleDays(day, count, sessions, rows, arrival_h[rows])


def profiles(
    days: VehicleDays, behaviour: Behaviour, *, step_h: float, call: Call | None = None
) -> Float[Array, "profile step"]:
    """Power of each vehicle-day over the steps of the day.

    "charge" draws the rating from arrival until the energy owed is in; "charge_evenly" spreads
    the same energy over the stay; "feed" feeds the rating from the first moment of a call that
    falls into the stay until it ends, the driver leaves, or nothing above the reserve is left of
    what the car arrived with.

    Args:
        days: The vehicle-days.
        behaviour: What vehicles do.
        step_h: Length of a step; divides a day.
        call: When vehicles feed; `Call()` by default.
    """
    steps = round(DAY_H / step_h)
    begin_h, end_h, power_kw = _acts(days, behaviour, call or Call())
    edges = np.arange((DAYS_ON + 1) * steps + 1) * step_h
    power = np.zeros((days.count, steps))
    for stay in range(0, len(begin_h), 4096):  # bounds the memory of the many steps
        part = slice(stay, stay + 4096)
        begin, end = begin_h[part, None], end_h[part, None]
        done = np.clip(edges - begin, 0.0, np.maximum(end - begin, 0.0))
        mean = np.diff(done, axis=1) / step_h * power_kw[part, None]
        folded = mean.reshape(len(mean), DAYS_ON + 1, steps).sum(axis=1)
        np.add.at(power, days.day[part], folded)
    return power


def _acts(
    days: VehicleDays, behaviour: Behaviour, call: Call
) -> tuple[Shaped[Array, " stay"], Shaped[Array, " stay"], Shaped[Array, " stay"]]:
    """When each stay draws or feeds, and how much."""
    sessions, row, arrival_h = days.sessions, days.row, days.arrival_h
    stay_h = sessions.stay_h[row]
    departure_h = arrival_h + stay_h
    if behaviour == "feed":
        begin = _first_call(arrival_h, call)
        left_kwh = np.maximum(sessions.energy_arrival_kwh - sessions.energy_reserve_kwh, 0.0)
        rating = sessions.max_discharge_kw[row]
        lasts_h = _ratio((left_kwh * sessions.efficiency_discharge)[row], rating)
        called_until = np.where(begin > arrival_h, begin, _call_start(arrival_h, call))
        end = np.minimum(called_until + call.duration_h, begin + lasts_h)
        return begin, np.minimum(end, departure_h), rating
    owed_kwh = np.maximum(sessions.energy_departure_kwh - sessions.energy_arrival_kwh, 0.0)
    drawn_kwh = (owed_kwh / sessions.efficiency_charge)[row]
    if behaviour == "charge_evenly":
        return arrival_h, departure_h, -drawn_kwh / stay_h
    rating = sessions.max_charge_kw[row]
    end = arrival_h + _ratio(drawn_kwh, rating)
    return arrival_h, np.minimum(end, departure_h), -rating


def _call_start(at_h: Float[Array, " stay"], call: Call) -> Float[Array, " stay"]:
    """Start of the last call that began at or before a time."""
    return np.floor((at_h - call.start_h) / DAY_H) * DAY_H + call.start_h


def _first_call(at_h: Float[Array, " stay"], call: Call) -> Float[Array, " stay"]:
    """First moment from a time on that falls into a call."""
    before = _call_start(at_h, call)
    return np.where(at_h < before + call.duration_h, at_h, before + DAY_H)


def _ratio(
    energy_kwh: Float[Array, " stay"], power_kw: Float[Array, " stay"]
) -> Float[Array, " stay"]:
    """Hours that an energy lasts; none where there is no power."""
    return np.divide(energy_kwh, power_kw, out=np.zeros(len(power_kw)), where=power_kw > 0)
