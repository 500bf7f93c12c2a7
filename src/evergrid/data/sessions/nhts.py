"""Home parking of cars in the US National Household Travel Survey, as sessions of one day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.data.files.frames import Column, Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.quality import Quality, Rule, account, rejected
from evergrid.data.sessions import clock, screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, FilledSessions, PlugIns, fill
from evergrid.model.session import Sessions

COLUMNS = {
    "vehicle_day": Kind.TEXT,
    "start_hhmm": Kind.NUMBER,
    "end_hhmm": Kind.NUMBER,
    "trip_miles": Kind.NUMBER,
    "whyto_code": Kind.NUMBER,
}
HOME = 1  # whyto_code of a trip that ends at home
MIDNIGHT_MIN = 24 * 60
# AC at the plug. A round figure assumed for a mid-size electric car: the survey's cars mostly
# burn petrol and their consumption is not recorded.
CONSUMPTION_KWH_PER_MILE = 0.30
DAY = date(2022, 7, 6)  # a Wednesday; the survey does not say its dates

NO_CLOCK = "start or end is no clock time (hhmm)"
OUT_OF_ORDER = "end is before start, or the trip begins before the previous one ended"
NO_MILES = "distance is not above 0 miles"
COMPANION = "another trip of the same vehicle-day is rejected"
TOO_FAR = "drives more in a day than its charger at home can deliver"
BRIEF = "home stay shorter than 1 min: joined to the next tour"


@dataclass(frozen=True)
class Diary:
    """Trips of all cars; times are minutes after local midnight, energy is AC at the plug."""

    start_min: Float[Array, " row"]
    end_min: Float[Array, " row"]
    home: Bool[Array, " row"]
    drive_kwh: Float[Array, " row"]


@dataclass(frozen=True)
class Stays:
    """Times at home within one day; those of a car that drives too far are left out.

    Attributes:
        trip: Row of the trip that ended in the stay; of the first trip for the morning.
        start_min: Arrival, minutes after local midnight.
        end_min: Departure.
        owed_kwh: Energy to draw in it, AC.
    """

    trip: Int[Array, " stay"]
    start_min: Int[Array, " stay"]
    end_min: Int[Array, " stay"]
    owed_kwh: Float[Array, " stay"]


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    day: date = DAY,
    time_zone: str = "America/New_York",
) -> tuple[Sessions, Meta]:
    """Home stays of every vehicle-day of the trip diaries, all placed on one day.

    A car is at home from midnight to its first trip, between a trip home and the next trip, and
    from the last trip home to midnight. The energy of a tour is drawn in the stay after it; what
    the charger cannot deliver there waits for the next stay, and at last for the morning, as if
    every day were the same. Rows are trips: one unusable trip rejects its vehicle-day, and so does
    energy that is still owed then.

    Args:
        path: CSV or Parquet with the columns of `COLUMNS`.
        assumptions: Battery, charger and states of charge.
        day: The local day on which the stays are placed.
        time_zone: The local clock; the survey's cars live in several zones.

    Raises:
        InputError: Missing or wrongly typed columns, an unknown zone, or no usable vehicle-day.
    """
    zone(time_zone)
    table = source_columns(path, COLUMNS, source="nhts")
    rules = _trip_rules(table)
    rows = len(table["vehicle_day"].values)
    keep = ~rejected(rules, rows)
    stays, brief, too_far = _stays(table, keep, assumptions.max_charge_kw)
    rules += [Rule(TOO_FAR, "rejected", too_far, table["trip_miles"].values)]
    filled = fill(_plugins(table, stays, day, time_zone), assumptions)
    rules += [Rule(BRIEF, "repaired", brief, table["end_hhmm"].values)]
    rules += _fill_rules(filled, stays, table)
    quality = account("nhts", rules, rows)
    return filled.sessions, _meta(path, filled.sessions, quality, assumptions, day, time_zone)


def minutes(hhmm: Float[Array, " row"]) -> Float[Array, " row"]:
    """Minutes after midnight of a clock time written as a number; NaN where it is none."""
    hour, minute = np.floor(hhmm / 100), np.mod(hhmm, 100)
    good = (hhmm >= 0) & (hour < 24) & (minute < 60) & (np.floor(hhmm) == hhmm)
    return np.where(good, hour * 60 + minute, np.nan)


def _trip_rules(table: dict[str, Column]) -> list[Rule]:
    car = table["vehicle_day"].values
    start, end = minutes(table["start_hhmm"].values), minutes(table["end_hhmm"].values)
    miles = table["trip_miles"].values
    unreadable = screen.unreadable(table, ends=(), optional=())
    no_clock = (np.isnan(start) | np.isnan(end)) & ~unreadable
    same_car = np.append(False, car[1:] == car[:-1])
    late = same_car & (start < np.append(np.nan, end[:-1]))
    rules = [
        Rule(screen.UNREADABLE, "rejected", unreadable, car),
        Rule(NO_CLOCK, "rejected", no_clock, table["end_hhmm"].values),
        Rule(OUT_OF_ORDER, "rejected", (end < start) | late, table["start_hhmm"].values),
        Rule(NO_MILES, "rejected", miles <= 0, miles),
    ]
    out = rejected(rules, len(car))
    companion = np.isin(car.astype(str), car[out].astype(str)) & ~out
    return [*rules, Rule(COMPANION, "rejected", companion, car)]


def _stays(
    table: dict[str, Column], keep: Bool[Array, " row"], charge_kw: float
) -> tuple[Stays, Bool[Array, " row"], Bool[Array, " row"]]:
    """The home stays of the kept trips, trips home too brief to count, trips of cars gone too far.

    Raises:
        InputError: There is no stay.
    """
    diary = Diary(
        start_min=minutes(table["start_hhmm"].values),
        end_min=minutes(table["end_hhmm"].values),
        home=table["whyto_code"].values == HOME,
        drive_kwh=table["trip_miles"].values * CONSUMPTION_KWH_PER_MILE,
    )
    days: dict[str, list[int]] = {}
    for row in np.nonzero(keep)[0].tolist():
        days.setdefault(table["vehicle_day"].values[row], []).append(row)
    stays: list[tuple[int, int, int, float]] = []
    too_far = np.zeros(len(keep), bool)
    for trips in days.values():
        of_day, owed_kwh = _day(trips, diary, charge_kw)
        too_far[trips] = owed_kwh > 0
        stays += of_day if owed_kwh <= 0 else []
    if not stays:
        raise_if_any("nhts", [Fault("rows", "include a whole vehicle-day with time at home")])
    trip, begin, until, owed_kwh = (np.array(cells) for cells in zip(*stays, strict=True))
    brief = keep & diary.home & ~too_far
    brief[trip[begin > 0]] = False
    return Stays(trip, begin, until, owed_kwh.astype(float)), brief, too_far


def _day(
    trips: list[int], diary: Diary, charge_kw: float
) -> tuple[list[tuple[int, int, int, float]], float]:
    """Stays of one vehicle-day, the morning first, and the energy that none of them can deliver.

    A stay is trip, arrival, departure and energy owed.
    """
    leave = [*diary.start_min[trips[1:]].tolist(), MIDNIGHT_MIN]
    owed_kwh = 0.0
    stays = []
    for row, until in zip(trips, leave, strict=True):
        owed_kwh += float(diary.drive_kwh[row])
        parked_min = until - diary.end_min[row]
        if diary.home[row] and parked_min >= 1:
            drawn_kwh = min(owed_kwh, charge_kw * parked_min / 60)
            owed_kwh -= drawn_kwh
            stays.append((row, int(diary.end_min[row]), int(until), drawn_kwh))
    first_min = int(diary.start_min[trips[0]])
    if first_min < 1:
        return stays, owed_kwh
    drawn_kwh = min(owed_kwh, charge_kw * first_min / 60)
    return [(trips[0], 0, first_min, drawn_kwh), *stays], owed_kwh - drawn_kwh


def _plugins(table: dict[str, Column], stays: Stays, day: date, time_zone: str) -> PlugIns:
    car = table["vehicle_day"].values[stays.trip]
    midnight = np.datetime64(day, "us")
    minute = np.timedelta64(60_000_000, "us")
    names = [f"{name}/{begin:04d}" for name, begin in zip(car, stays.start_min, strict=True)]

    def at(minute_of_day: Int[Array, " stay"]) -> Shaped[Array, " stay"]:
        return clock.instants(midnight + minute_of_day * minute, time_zone).first

    return PlugIns(
        session_id=np.array(names, dtype=object),
        asset_id=car,
        site_id=np.full(len(car), "home", dtype=object),
        arrival_utc=at(stays.start_min),
        departure_utc=at(stays.end_min),
        delivered_kwh=stays.owed_kwh,
    )


def _fill_rules(filled: FilledSessions, stays: Stays, table: dict[str, Column]) -> list[Rule]:
    miles = table["trip_miles"].values
    rules = []
    for name, marked in (
        (screen.CAPACITY, filled.capacity_raised),
        (screen.RATING, filled.rating_raised),
    ):
        rows = np.zeros(len(miles), bool)
        rows[stays.trip[marked]] = True
        rules.append(Rule(name, "repaired", rows, miles))
    return rules


def _meta(
    path: Path,
    sessions: Sessions,
    quality: Quality,
    assumptions: Assumptions,
    day: date,
    time_zone: str,
) -> Meta:
    period = f"placed on {day.isoformat()} (the file tells no dates)"
    cars = f"{len(set(sessions.asset_id.tolist())):,} cars"
    return Meta(
        source="nhts",
        title=title(f"Home parking of {cars} from trip diaries", "nhts", path, period),
        period=period,
        licence=licence(path, "A", "MIT; the survey is a US government public survey"),
        origin="US National Household Travel Survey, as filtered by GMLC 1.4.2",
        currency=None,
        time_zone=time_zone,
        quality=quality,
        assumptions={
            **screen.stated(
                assumptions,
                asset="the vehicle-day",
                day=f"all vehicle-days placed on {day.isoformat()}, starting at home",
                rows="trips; a vehicle-day gives one session per stay at home",
                energy="driven miles times consumption_kwh_per_mile (assumed), not metered",
            ),
            "consumption_kwh_per_mile": CONSUMPTION_KWH_PER_MILE,
        },
    )
